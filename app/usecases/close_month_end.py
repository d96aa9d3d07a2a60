"""Month-end: all subjects of the installation that are not closed yet, as one batch with one root on the chain.

    1. close    chunk by chunk: sums of all subjects in one query, every factor chosen once, statements and manifests kept
    2. endorse  chunk by chunk: the auditor recomputes each from its originals and answers
    3. sign     all that it accepted, in one transaction: one tree, one envelope, one transaction for the chain

Each chunk is a transaction, and what is done is no longer among what is asked for: a run that was killed goes on where it stopped
when it is started again, and does nothing twice. A subject that cannot be closed is named and stops nobody else.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

from app.chain import ChainDesk
from app.security.vault import WrappedKey
from app.services import Services, Whose, Work
from app.store import jobs, ledger, month_end
from app.store.ledger import IssuanceRow, LedgerAction
from app.store.month_end import NewClosing, SubjectFacts
from app.store.periods import PeriodRow, PeriodState, check_calendar
from app.store.session import reading, unit_of_work
from app.store.statements import NewStatement, StatementRow, StatementState
from app.store.subjects import SubjectRow
from app.store.tenant import INSTALLATION
from app.usecases.audit_many import Ask, Audited, ask_here
from app.usecases.close_period import check_over, statement_key_field, statement_row
from app.usecases.endorse_statement import (
    answer_of,
    is_token,
    issuance_of,
    issuance_row,
    queue_statement,
)
from app.usecases.make_closed import Closing, PeriodInputs, make_closed, resolution_rows
from app.usecases.revoke_statement import revoke_former
from app.usecases.sign_batch import ContractNow, ToSign, contract_now, sign_batch
from app.usecases.weigh_hours import weigh_hours
from domain.bundle import issuance_to_json
from domain.canonical import Json, to_canonical
from domain.errors import ClimateFitnessError, ConflictError, LineOverflowError, NotFoundError
from domain.factor import GwpSet
from domain.issuance import Issuance
from domain.manifest import manifest_from_canonical
from domain.period import MonthRange
from ledger.issuance import MOST_ISSUED_COUNT, batch_proofs, leaf_of, take_token

MONTH_END_JOB = "month_end"
"""Kind of the job that endorses and signs, where another process owns the chain."""

MOST_ASKED_COUNT = 32
"""Chunks that the auditor is asked about and has not answered: closing waits for it, so that nothing piles up."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A subject that could not be closed, or whose statement was not accepted.

    Attributes:
        subject_id: Whom.
        name: For people.
        reason: Why, in one sentence.
    """

    subject_id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Step:
    """What became of one chunk.

    Attributes:
        done_count: Subjects that went on.
        refused: Those that did not.
        statement_ids: Statements that were made; none where statements were audited.
    """

    done_count: int
    refused: tuple[Refusal, ...]
    statement_ids: tuple[str, ...] = ()

    @property
    def subjects_count(self) -> int:
        """All subjects of the chunk."""
        return self.done_count + len(self.refused)


# ---- 1. close ----


def open_count(services: Services, months: MonthRange) -> int:
    """How many subjects have activity in a period and no statement that covers it."""
    with reading(services.engine) as session:
        return month_end.open_count(session, months)


def close_open(services: Services, months: MonthRange, *, gwp_set: GwpSet = GwpSet.AR5) -> Iterator[Step]:
    """Close a period of every subject that has activity in it and no statement that covers it.

    Args:
        services: What the program works with.
        months: The period.
        gwp_set: Set that single gases are weighted with.

    Yields:
        What became of each chunk; it is kept.
    """
    after = ""
    while True:
        with unit_of_work(services.engine) as session:
            found = month_end.open_subjects(session, months, after=after)
            if not found:
                return
            closings: list[NewClosing] = []
            refused: list[Refusal] = []
            for facts in month_end.facts_of(session, found, months):
                try:
                    closings.append(_closing(Work(session, services), facts, months, gwp_set))
                except ClimateFitnessError as error:
                    refused.append(Refusal(facts.subject.id, facts.subject.name, error.sentence()))
            month_end.keep(session, closings)
        yield Step(len(closings), tuple(refused), tuple(one.statement.row.id for one in closings))
        after = found[-1].id


def _closing(work: Work, facts: SubjectFacts, months: MonthRange, gwp_set: GwpSet) -> NewClosing:
    """What `close_period` makes of one subject, from what was read for all.

    Raises:
        LineOverflowError: A sum or a line is 2^63 or more.
        NotFoundError: The subject's key was destroyed.
        ConflictError: The period is not over, overlaps another one, or has nothing measured.
        PlaceError: A time zone does not exist.
    """
    services, subject = work.services, facts.subject
    if isinstance(facts.totals, LineOverflowError):
        raise facts.totals
    if facts.key is None:
        raise NotFoundError("There is no such subject key", expected="a subject that was not erased", got=subject.id)
    check_over(months, {subject.zone or "UTC", *facts.zones.values()}, services.clock.now())
    check_calendar(facts.periods, months)
    known = next((one for one in facts.periods if one.months == months), None)
    period = known or PeriodRow(
        id=services.randomness.id(),
        tenant_id=subject.tenant_id,
        subject_id=subject.id,
        months=months,
        state=PeriodState.CLOSED,
        subject_commitment=services.randomness.bytes(32),
        is_changed_since_close=False,
    )
    totals = weigh_hours(work, Whose(subject.tenant_id, subject.id), months, facts.totals)
    closed = make_closed(
        Closing(period, 1, "", gwp_set),
        totals,
        PeriodInputs(facts.revisions, facts.zones, months),
        factor_set=services.factor_set,
        statement_key=services.randomness.bytes(32),
    )
    statement_id = services.randomness.id()
    vault = services.vault.of_subject(subject.tenant_id, subject.id, WrappedKey(facts.key.kek_id, facts.key.wrapped_key))
    row = statement_row(
        services,
        period,
        closed,
        statement_id=statement_id,
        sealed_statement_key=vault.seal(statement_key_field(statement_id), closed.statement_key),
        state=StatementState.CLOSED,
    )
    return NewClosing(
        period=period,
        is_new_period=known is None,
        statement=NewStatement(row, closed.statement.lines, closed.inputs.rows()),
        set_root=services.factor_set.id.root_hex,
        resolutions=resolution_rows(totals, services.factor_set, gwp_set),
    )


# ---- 2. endorse ----


def endorse_month_end(services: Services, chain: ChainDesk, months: MonthRange, *, ask: Ask | None = None) -> tuple[Refusal, ...]:
    """Have all closed statements of a period audited, and sign those that are accepted as one batch.

    Args:
        services: What the program works with.
        chain: Gives epoch and contract for the envelope.
        months: The period.
        ask: Whom to ask; the auditor of this process where left out.

    Returns:
        Those that could not be audited, or were not accepted.
    """
    refused = [one for step in endorse_closed(services, chain, months, ask=ask) for one in step.refused]
    sign_accepted(services, chain, months)
    return tuple(refused)


def closed_count(services: Services, months: MonthRange) -> int:
    """How many statements of a period wait for the auditor."""
    with reading(services.engine) as session:
        return month_end.state_counts(session, months).get(StatementState.CLOSED, 0)


def endorse_closed(services: Services, chain: ChainDesk, months: MonthRange, *, ask: Ask | None = None) -> Iterator[Step]:
    """Have the auditor recompute every closed statement of a period from its originals.

    What was signed before is signed again by itself; everything else waits, endorsed, for its batch.

    Args:
        services: What the program works with.
        chain: Gives epoch and contract for a token's envelope.
        months: The period.
        ask: Whom to ask; the auditor of this process where left out.

    Yields:
        What became of each chunk; it is kept. A statement that cannot be audited now (an original is lost) stays closed.
    """
    asking = ask or ask_here(services)
    waiting: deque[Future[tuple[Audited, ...]]] = deque()
    after, is_more = "", True
    while is_more or waiting:
        is_answered = bool(waiting) and waiting[0].done()
        if is_more and not is_answered and len(waiting) < MOST_ASKED_COUNT:
            with reading(services.engine) as session:
                found = month_end.standing_ids(session, months, StatementState.CLOSED, after=after)
            is_more = bool(found)
            if found:
                after = found[-1][1]
                waiting.append(asking([statement_id for statement_id, _ in found]))
        else:
            yield _endorsed_step(services, chain, waiting.popleft().result())


def close_and_endorse(
    services: Services, chain: ChainDesk, months: MonthRange, *, gwp_set: GwpSet = GwpSet.AR5, ask: Ask
) -> Iterator[Step]:
    """Close a period of everybody who is open, and have the auditor recompute what is closed while the next ones are.

    Args:
        services: What the program works with.
        chain: Gives epoch and contract for a token's envelope.
        months: The period.
        gwp_set: Set that single gases are weighted with.
        ask: Whom to ask; worth it where that is another process.

    Yields:
        What became of each chunk; those that were closed name their statements. All of it is kept.
    """
    waiting: deque[Future[tuple[Audited, ...]]] = deque()
    for step in close_open(services, months, gwp_set=gwp_set):
        yield step
        if step.statement_ids:
            waiting.append(ask(step.statement_ids))
        while waiting and (waiting[0].done() or len(waiting) > MOST_ASKED_COUNT):
            yield _endorsed_step(services, chain, waiting.popleft().result())
    while waiting:
        yield _endorsed_step(services, chain, waiting.popleft().result())
    yield from endorse_closed(services, chain, months, ask=ask)  # closed by an earlier run


def _endorsed_step(services: Services, chain: ChainDesk, answers: Sequence[Audited]) -> Step:
    """Keep the answers about a chunk."""
    refused: list[Refusal] = []
    audited: list[Audited] = []
    for one in answers:
        if one.refusal:
            refused.append(Refusal(one.subject.id, one.subject.name, one.refusal))
            continue
        audited.append(one)
        if one.findings:
            details = "; ".join(finding.detail for finding in one.findings)
            refused.append(Refusal(one.subject.id, one.subject.name, f"The auditor found: {details}"))
    at = contract_now(chain)
    with unit_of_work(services.engine) as session:
        _keep_answers(Work(session, services), at, audited)
    return Step(len(answers) - len(refused), tuple(refused))


def _keep_answers(work: Work, at: ContractNow, audited: list[Audited]) -> None:
    """Move each statement where its answer leads, if nobody moved it meanwhile, and keep the answers about those."""
    session = work.session
    before = month_end.signed_before(session, [one.statement.id for one in audited])
    alone: list[Audited] = []
    together: list[Audited] = []
    refused: list[Audited] = []
    for one in audited:
        if one.issuance is None:
            refused.append(one)
        elif one.statement.id in before:
            alone.append(one)
        else:
            together.append(one)
    moved: frozenset[str] = frozenset()
    for some, state in (
        (alone, StatementState.QUEUED),
        (together, StatementState.ENDORSED),
        (refused, StatementState.FINDINGS),
    ):
        ids = [one.statement.id for one in some]
        moved |= month_end.move(session, ids, before=StatementState.CLOSED, state=state)
    answers = [answer_of(work.services, one.statement, one.findings) for one in audited if one.statement.id in moved]
    month_end.put_endorsements(session, answers)
    for one in alone:
        if one.issuance is not None and one.statement.id in moved:
            queue_statement(work, one.statement, one.issuance, at)


# ---- 3. sign ----


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A statement that waits for its batch."""

    statement: StatementRow
    issuance: Issuance
    is_token: bool


def sign_accepted(services: Services, chain: ChainDesk, months: MonthRange) -> tuple[str, ...]:
    """Put every endorsed statement of a period into one batch, signed once; all of it in one transaction.

    Statements of another method (another GWP set) are another batch: an envelope names one method. Businesses' are batches of
    their own, each as large as one call of the contract can issue: their tokens come with the root.

    Args:
        services: What the program works with.
        chain: Gives epoch and contract for the envelope.
        months: The period.

    Returns:
        The roots of the new batches, in hexadecimal; none where nothing waits.

    Raises:
        ConflictError: Somebody moved a statement meanwhile; nothing was signed.
        LedgerError: Two statements have one token; nothing was signed.
    """
    at = contract_now(chain)
    with unit_of_work(services.engine) as session:
        work = Work(session, services)
        anchored: dict[bytes, dict[bytes, str]] = {}
        tokens: dict[bytes, dict[bytes, _Accepted]] = {}
        taken: dict[int, bytes] = {}
        for chunk in _endorsed(work, months):
            for one in chunk:
                leaf = leaf_of(one.issuance)
                take_token(taken, one.issuance, leaf)
                if one.is_token:
                    tokens.setdefault(one.issuance.method_hash, {})[leaf] = one
                else:
                    anchored.setdefault(one.issuance.method_hash, {})[leaf] = one.statement.tenant_id
        roots = [_sign(work, at, months, *of_method) for of_method in sorted(anchored.items())]
        for _, of_method in sorted(tokens.items()):
            leaves = sorted(of_method)
            parts = (leaves[first : first + MOST_ISSUED_COUNT] for first in range(0, len(leaves), MOST_ISSUED_COUNT))
            roots += [_sign_tokens(work, at, {leaf: of_method[leaf] for leaf in part}) for part in parts]
        return tuple(roots)


def _sign(work: Work, at: ContractNow, months: MonthRange, method_hash: bytes, tenant_of: dict[bytes, str]) -> str:
    """One batch of these leaves, anchored.

    Raises:
        ConflictError: The statements are not those that the leaves were made of.
    """
    session = work.session
    root, proofs = batch_proofs(list(tenant_of))
    position = {leaf: index for index, leaf in enumerate(sorted(tenant_of))}
    signing = ToSign(_tenant_of(tenant_of.values()), root, len(position), method_hash, LedgerAction.ANCHOR)
    batch, outbox = sign_batch(work.services, at, signing)
    ledger.add_batch(session, batch, (), outbox)
    signed_count = 0
    for chunk in _endorsed(work, months):
        some = [one for one in chunk if leaf_of(one.issuance) in position]
        rows = [
            issuance_row(one.statement, one.issuance, root, proofs[leaf], leaf_index=position[leaf])
            for one in some
            if (leaf := leaf_of(one.issuance))
        ]
        signed_count += _move_signed(work, at, some, rows)
    _check_signed(signed_count, len(position))
    return root.hex()


def _sign_tokens(work: Work, at: ContractNow, by_leaf: dict[bytes, _Accepted]) -> str:
    """One batch of these tokens, issued with its root.

    Raises:
        ConflictError: Somebody moved a statement.
    """
    if len(by_leaf) == 1:
        ((leaf, one),) = by_leaf.items()
        moved = month_end.move(work.session, [one.statement.id], before=StatementState.ENDORSED, state=StatementState.QUEUED)
        _check_signed(len(moved), 1)
        queue_statement(work, one.statement, one.issuance, at)
        return leaf.hex()
    root, proofs = batch_proofs(list(by_leaf))
    accepted = list(by_leaf.values())
    tenant_id = _tenant_of(one.statement.tenant_id for one in accepted)
    signing = ToSign(tenant_id, root, len(by_leaf), accepted[0].issuance.method_hash, LedgerAction.ISSUE_MANY)
    payload: dict[str, Json] = {"issuances": [issuance_to_json(one.issuance) for one in accepted]}
    batch, outbox = sign_batch(work.services, at, signing, payload=payload)
    ledger.add_batch(work.session, batch, (), outbox)
    rows = [
        issuance_row(one.statement, one.issuance, root, proofs[leaf], leaf_index=index, action=LedgerAction.ISSUE)
        for index, (leaf, one) in enumerate(sorted(by_leaf.items()))
    ]
    _check_signed(_move_signed(work, at, accepted, rows), len(by_leaf))
    return root.hex()


def _move_signed(work: Work, at: ContractNow, accepted: Sequence[_Accepted], rows: Sequence[IssuanceRow]) -> int:
    """Note these statements as signed; how many of them had not been moved by somebody else."""
    if not rows:
        return 0
    ids = [row.statement_id for row in rows]
    moved = month_end.move(work.session, ids, before=StatementState.ENDORSED, state=StatementState.QUEUED)
    month_end.add_issuances(work.session, rows)
    for one in accepted:
        if one.issuance.revision > 1:
            revoke_former(work, at, one.statement, one.issuance, is_token=one.is_token)
    return len(moved)


def _check_signed(signed_count: int, wanted_count: int) -> None:
    """Refuse a batch of which somebody moved a statement.

    Raises:
        ConflictError: They are not as many as were to be signed.
    """
    if signed_count != wanted_count:
        raise ConflictError(
            "Somebody moved a statement of this month-end",
            expected=f"{wanted_count} endorsed statements",
            got=f"{signed_count}",
            next_step="Run it again.",
        )


def _tenant_of(tenant_ids: Iterable[str]) -> str:
    several = set(tenant_ids)
    return several.pop() if len(several) == 1 else INSTALLATION


def _endorsed(work: Work, months: MonthRange) -> Iterator[list[_Accepted]]:
    """The endorsed statements of a period as the chain will hold them, chunk by chunk."""
    after = ""
    while found := month_end.standing(work.session, months, StatementState.ENDORSED, after=after):
        subjects = month_end.subjects_of(work.session, [one.subject_id for one in found])
        yield [_accepted(work, one, subjects[one.subject_id]) for one in found]
        after = found[-1].subject_id


def _accepted(work: Work, statement: StatementRow, subject: SubjectRow) -> _Accepted:
    issuance = issuance_of(manifest_from_canonical(statement.manifest), work.services.auditor, subject.chain_holder)
    return _Accepted(statement, issuance, is_token(issuance, subject.kind))


def ask_month_end(services: Services, months: MonthRange) -> None:
    """Have the process that owns the chain endorse and sign what is closed."""
    key, payload = f"{MONTH_END_JOB}:{months}", to_canonical({"months": str(months)}).decode()
    now = services.clock.now()
    with unit_of_work(services.engine) as session:
        if not jobs.enqueue(session, INSTALLATION, key, MONTH_END_JOB, payload, now=now):
            jobs.ask_again(session, INSTALLATION, key, now=now)
