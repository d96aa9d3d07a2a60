"""Auditing many statements: what is stored of all of them read at once, each recomputed by itself.

Auditing reads and writes nothing down, so it can be done elsewhere: `Ask` takes the ids of statements and gives their answers
later. `ask_here` answers in this process; `app.audit_processes` asks as many processes as there are cores.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from app.services import Services
from app.store import month_end
from app.store.audit_facts import AuditFacts, audit_facts_of
from app.store.session import reading
from app.store.statements import StatementRow
from app.store.subjects import SubjectRow
from app.usecases.audit_statement import Finding, audit_statement
from app.usecases.endorse_statement import OUR_READER, issuance_of, request_of
from app.usecases.find_factor_set import factor_set_then
from domain.errors import ClimateFitnessError
from domain.issuance import Issuance

AT_ONCE_COUNT = 50
"""Statements that are read together: few queries each, and little memory."""


@dataclass(frozen=True, slots=True)
class Audited:
    """A statement with the auditor's answer.

    Attributes:
        statement: Which.
        subject: Whose.
        issuance: It, as the chain will hold it; None where it is not accepted.
        findings: What the auditor does not accept.
        refusal: Why it cannot be audited now, in one sentence (an original is lost); empty where it could.
    """

    statement: StatementRow
    subject: SubjectRow
    issuance: Issuance | None
    findings: tuple[Finding, ...]
    refusal: str = ""


Ask = Callable[[Sequence[str]], "Future[tuple[Audited, ...]]"]
"""Takes the ids of statements; gives their answers later, in that order, without those that there are not."""


def audit_many(services: Services, statement_ids: Sequence[str]) -> tuple[Audited, ...]:
    """Have the auditor recompute statements from their originals.

    Args:
        services: What the program works with; nothing is written.
        statement_ids: Which, of any tenant.

    Returns:
        Their answers in that order, without those that there are not.
    """
    return tuple(
        one
        for first in range(0, len(statement_ids), AT_ONCE_COUNT)
        for one in _audited_together(services, statement_ids[first : first + AT_ONCE_COUNT])
    )


def ask_here(services: Services) -> Ask:
    """The auditor of this process: answers at once."""

    def ask(statement_ids: Sequence[str]) -> "Future[tuple[Audited, ...]]":
        answer: Future[tuple[Audited, ...]] = Future()
        try:
            answer.set_result(audit_many(services, statement_ids))
        except Exception as error:  # noqa: BLE001  # as a process would: who takes the answer gets the error
            answer.set_exception(error)
        return answer

    return ask


def _audited_together(services: Services, statement_ids: Sequence[str]) -> Iterator[Audited]:
    with reading(services.engine) as session:
        found = month_end.by_ids(session, statement_ids)
        subjects = month_end.subjects_of(session, [one.subject_id for one in found])
        facts = audit_facts_of(session, found)
    for one in found:
        yield _audited(services, one, subjects[one.subject_id], facts[one.id])


def _audited(services: Services, statement: StatementRow, subject: SubjectRow, facts: AuditFacts) -> Audited:
    factor_set = factor_set_then(services, statement.factor_set) or services.factor_set
    try:
        request = request_of(services, statement, facts)
    except ClimateFitnessError as error:
        return Audited(statement, subject, None, (), error.sentence())
    manifest, findings = audit_statement(request, factor_set=factor_set, reader=OUR_READER)
    is_accepted = manifest is not None and not findings
    issuance = issuance_of(manifest, services.auditor, subject.chain_holder) if manifest and is_accepted else None
    return Audited(statement, subject, issuance, findings)
