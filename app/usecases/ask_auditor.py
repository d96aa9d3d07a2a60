"""Asking for an endorsement: the job that brings a closed statement to the auditor, and asking again where it got stuck."""

from app.services import Work
from app.store import jobs, ledger, statements
from app.store.jobs import JobState
from app.store.ledger import OutboxState
from app.store.statements import StatementRow, StatementState
from domain.canonical import to_canonical

ENDORSE_JOB = "endorse"
"""Kind of the job that asks the auditor."""


def job_key(statement: StatementRow) -> str:
    """Key of the job that endorses a statement: what, whose, which."""
    return f"{ENDORSE_JOB}:{statement.tenant_id}:{statement.id}"


def ask(work: Work, statement: StatementRow) -> None:
    """Enqueue the endorsement of a closed statement; where its job is over, have it done again."""
    now, payload = work.services.clock.now(), to_canonical({"statement_id": statement.id}).decode()
    if not jobs.enqueue(work.session, statement.tenant_id, job_key(statement), ENDORSE_JOB, payload, now=now):
        jobs.ask_again(work.session, statement.tenant_id, job_key(statement), now=now)


def is_stuck(work: Work, statement: StatementRow) -> bool:
    """Whether a statement waits for something that will not come by itself: its job was given up, or its batch failed or expired.

    Args:
        work: The open transaction and the services.
        statement: As it stands now.
    """
    session, tenant_id = work.session, statement.tenant_id
    if statement.state is StatementState.CLOSED:
        job = jobs.by_key(session, tenant_id, job_key(statement))
        return job is None or job.state in {JobState.FAILED, JobState.DONE}
    if statement.state is StatementState.ENDORSED:  # a month-end that was stopped before it signed its batch
        return True
    if statement.state is StatementState.QUEUED:
        issuance = ledger.issuance_of_statement(session, tenant_id, statement.id)
        states = {OutboxState.FAILED, OutboxState.EXPIRED}
        return issuance is not None and ledger.outbox_of(session, tenant_id, issuance.batch_root_hex).state in states
    return False


def ask_again(work: Work, statement: StatementRow) -> None:
    """Have a statement that is stuck endorsed afresh: it is closed again, and its job is due.

    Args:
        work: The open transaction and the services.
        statement: As it stands now: closed, endorsed or queued.

    Raises:
        ConflictError: It is elsewhere; somebody else moved it.
    """
    waiting = [StatementState.CLOSED, StatementState.ENDORSED, StatementState.QUEUED]
    statements.set_state(work.session, statement.tenant_id, statement.id, StatementState.CLOSED, expected=waiting)
    ask(work, statement)
