"""What a person does with a connection that is there: consent again, pause, go on, and end it.

Ending takes the access back at the provider too. Where the provider is away, the connection has ended here all the same: its
tokens stay sealed for one purpose, a job asks the provider until it answers, and the person is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from app.security.oauth_client import Send
from app.services import Services, Whose, Work
from app.store import connections, holdings, periods, quarantine, records, statements, sync_runs
from app.store import documents as stored_documents
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.documents import DocumentRow
from app.store.session import checkpoint, reading, unit_of_work
from app.usecases.connection_secrets import open_tokens, texts_of
from app.usecases.find_duplicates import release_pairs
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received, fetch_original
from app.usecases.revoke_access import Revocation, keep_for_later, revoke_access
from app.usecases.start_connection import Asked, Started, start_connection
from app.work_queue import NewJob
from domain.activity import EvidenceClass
from domain.canonical import to_canonical
from domain.errors import ClimateFitnessError, ConflictError, NotFoundError, TryLaterError
from domain.period import Month, instant_from_text, instant_to_text

REVOKE_JOB = "revoke"
"""Kind of job that takes access back at a provider that was away."""

LONGEST_REVOKING = timedelta(days=30)
"""After so long a provider is asked no more, and the tokens are destroyed."""


@dataclass(frozen=True, slots=True)
class Ended:
    """What ending a connection came to.

    Attributes:
        connection: As it stands.
        revocation: What became of our access at the provider.
        records_count: Records that were deleted.
        documents_count: Originals that were deleted.
        months: Months whose activity is other than before.
        said: All that in a sentence, for the person.
    """

    connection: ConnectionRow
    revocation: Revocation
    records_count: int
    documents_count: int
    months: tuple[Month, ...]
    said: str


def connection_of(work: Work, whose: Whose, connection_id: str) -> ConnectionRow:
    """A connection of a subject with a provider; never its standing one of files.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection_id: Which.

    Returns:
        The connection.

    Raises:
        NotFoundError: The subject has no such connection.
    """
    row = connections.by_id(work.session, whose.tenant_id, connection_id)
    if row.subject_id != whose.subject_id or row.is_file:
        raise NotFoundError("There is no such connection", expected="the id of a connection of yours", got=connection_id)
    return row


def start_reconnect(
    work: Work,
    account_id: str,
    whose: Whose,
    connection_id: str,
    answers: Mapping[str, str],
    *,
    redirect_uri: str,
    session_sha256: bytes = b"",
    asked: Asked | None = None,
) -> Started:
    """Consent again to a connection: it keeps its id, its data and its cursor, and goes on where it was.

    Args:
        work: The open transaction and the services.
        account_id: Who consents.
        whose: The subject.
        connection_id: Which.
        answers: What the person corrects; a new key under `api_key` where the provider asks for one.
        redirect_uri: Where the provider sends the person back.
        session_sha256: SHA-256 of the browser session that is sent away; empty on the command line.
        asked: What `ask_provider` learnt.

    Returns:
        Where to send the person, or the connection.

    Raises:
        NotFoundError: The subject has no such connection, or there is no such provider any more.
        ConflictError: It has ended, or this installation is not registered there.
        InputError: An answer cannot be, or the provider does not take the key.
        TryLaterError: The provider is away.
        ConnectorError: It refuses our registration, or answers what cannot be read.
    """
    row = connection_of(work, whose, connection_id)
    _check_not_ended(row)
    return start_connection(
        work,
        account_id,
        whose,
        row.connector,
        row.provider,
        answers,
        redirect_uri=redirect_uri,
        session_sha256=session_sha256,
        asked=asked,
        connection=row,
    )


def pause_connection(work: Work, whose: Whose, connection_id: str) -> ConnectionRow:
    """Ask the provider for nothing until the person says so; tokens and cursor stay.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection_id: Which.

    Returns:
        The connection.

    Raises:
        NotFoundError: The subject has no such connection.
        ConflictError: It has ended.
    """
    row = connection_of(work, whose, connection_id)
    _check_not_ended(row)
    connections.set_state(work.session, row.tenant_id, row.id, ConnectionState.PAUSED)
    connections.set_health(work.session, row.tenant_id, row.id, Health.PAUSED, "Paused by you.", next_at=None)
    return connections.by_id(work.session, row.tenant_id, row.id)


def resume_connection(work: Work, whose: Whose, connection_id: str) -> ConnectionRow:
    """Go on after a pause, where it was; due at once. One that was not paused stays as it is.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection_id: Which.

    Returns:
        The connection.

    Raises:
        NotFoundError: The subject has no such connection.
        ConflictError: It has ended.
    """
    row = connection_of(work, whose, connection_id)
    _check_not_ended(row)
    if row.state is ConnectionState.PAUSED:
        connections.set_state(work.session, row.tenant_id, row.id, ConnectionState.ACTIVE)
        connections.set_health(work.session, row.tenant_id, row.id, Health.OK, "", next_at=work.services.clock.now())
    return connections.by_id(work.session, row.tenant_id, row.id)


def disconnect(
    services: Services, whose: Whose, connection_id: str, *, keep_data: bool = True, send: Send | None = None
) -> Ended:
    """End a connection: take the access back at the provider, destroy the tokens, and delete what was obtained, if wanted.

    Args:
        services: The installation; no transaction is open.
        whose: The subject.
        connection_id: Which; one that has ended already changes nothing more.
        keep_data: Whether what was obtained stays.
        send: Sends; the program's own client where left out.

    Returns:
        What it came to.

    Raises:
        NotFoundError: The subject has no such connection.
    """
    revocation = revoke_at_provider(services, whose, connection_id, send=send)
    with unit_of_work(services.engine) as session:
        ended, originals = end_connection(Work(session, services), whose, connection_id, revocation, keep_data=keep_data)
    forget_originals(services, originals)
    return ended


def revoke_at_provider(services: Services, whose: Whose, connection_id: str, *, send: Send | None = None) -> Revocation:
    """Take our access back at the provider: without a transaction, because it takes a while.

    Args:
        services: The installation; no transaction is open.
        whose: The subject.
        connection_id: Which.
        send: Sends; the program's own client where left out.

    Returns:
        What became of it.

    Raises:
        NotFoundError: The subject has no such connection.
    """
    with reading(services.engine) as session:
        work = Work(session, services)
        row = connection_of(work, whose, connection_id)
        tokens = open_tokens(work, row)
    if tokens is None:
        return Revocation.NOTHING
    try:
        return revoke_access(services, row, tokens, send)
    except TryLaterError:
        return Revocation.LATER
    except ClimateFitnessError:  # whatever the provider or our registration says: the connection ends here
        return Revocation.REFUSED


def end_connection(
    work: Work, whose: Whose, connection_id: str, revocation: Revocation, *, keep_data: bool
) -> tuple[Ended, tuple[DocumentRow, ...]]:
    """End a connection in a transaction, once the provider was asked.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection_id: Which.
        revocation: What `revoke_at_provider` came to.
        keep_data: Whether what was obtained stays.

    Returns:
        What it came to, and the originals whose bytes are to be deleted once the transaction is committed.

    Raises:
        NotFoundError: The subject has no such connection.
    """
    session, now = work.session, work.services.clock.now()
    row = connection_of(work, whose, connection_id)
    connections.set_state(session, row.tenant_id, row.id, ConnectionState.ENDED)
    if revocation is Revocation.LATER and row.sealed_tokens is not None:
        keep_for_later(work, row)
        payload = to_canonical({"connection_id": row.id, "subject_id": row.subject_id, "since": instant_to_text(now)}).decode()
        work.services.queue.enqueue(session, NewJob(f"{REVOKE_JOB}/{row.id}", row.tenant_id, REVOKE_JOB, payload))
    title = row.title or row.connector
    said = _said(title, revocation)
    records_count = 0
    months: tuple[Month, ...] = ()
    originals: tuple[DocumentRow, ...] = ()
    if not keep_data:
        records_count, months, originals = _delete_data(work, whose, row)
        said = f"{said} What came through it was deleted."
    connections.set_health(session, row.tenant_id, row.id, Health.ENDED, said, next_at=None)
    ended = connections.by_id(session, row.tenant_id, row.id)
    return Ended(ended, revocation, records_count, len(originals), months, said), originals


def forget_originals(services: Services, originals: tuple[DocumentRow, ...]) -> None:
    """Delete the bytes of originals whose rows are gone, and what a database file still holds of them.

    Args:
        services: The installation; no transaction is open.
        originals: As `end_connection` gave them.

    Raises:
        ArchiveError: The archive cannot be reached: sealed bytes stay there that nothing names any more.
    """
    for one in originals:
        services.archive.delete(one.stored_sha256)
    if originals:
        checkpoint(services.engine)


def revoke_later(services: Services, tenant_id: str, payload_json: str, *, send: Send | None = None) -> Revocation:
    """The job after a disconnect whose provider was away: ask again, and destroy the tokens when it has answered.

    Args:
        services: The installation; no transaction is open.
        tenant_id: Of the job.
        payload_json: Of the job.
        send: Sends; the program's own client where left out.

    Returns:
        What became of it.

    Raises:
        TryLaterError: It is away still.
        NotFoundError: The subject was erased: nothing can be done any more.
    """
    told = texts_of(payload_json.encode())
    with reading(services.engine) as session:
        work = Work(session, services)
        row = connection_of(work, Whose(tenant_id, told["subject_id"]), told["connection_id"])
        tokens = open_tokens(work, row) if row.state is ConnectionState.ENDED else None
    if tokens is None:
        return Revocation.NOTHING
    try:
        found = revoke_access(services, row, tokens, send)
    except TryLaterError:
        if services.clock.now() - instant_from_text(told["since"]) < LONGEST_REVOKING:
            raise
        found = Revocation.REFUSED
    except ClimateFitnessError:  # as in `revoke_at_provider`
        found = Revocation.REFUSED
    with unit_of_work(services.engine) as session:
        connections.set_state(session, row.tenant_id, row.id, ConnectionState.ENDED)  # tokens and address go
        said = _said(row.title or row.connector, found)
        connections.set_health(session, row.tenant_id, row.id, Health.ENDED, said, next_at=None)
    return found


def _delete_data(work: Work, whose: Whose, row: ConnectionRow) -> tuple[int, tuple[Month, ...], tuple[DocumentRow, ...]]:
    """Delete what a connection brought. Statements keep their totals; that they were computed from it can no longer be shown.

    Files of the same meter or account that the person had uploaded are no part of it: they are read again by themselves.
    """
    session = work.session
    release_pairs(work, whose, row.id)
    found = holdings.of_connection(session, row.tenant_id, row.id)
    uploaded = [(one, fetch_original(work, one)) for one in found.documents if one.evidence is EvidenceClass.UPLOADED]
    for statement_id in found.statement_ids:
        statements.erase_inputs(session, row.tenant_id, statement_id)
    quarantine.remove_of_connection(session, row.tenant_id, row.id)
    sync_runs.remove_of_connection(session, row.tenant_id, row.id)
    records_count = records.remove_of_connection(session, row.tenant_id, row.id)
    gone = tuple(one for one in found.documents if one.evidence is not EvidenceClass.UPLOADED)
    for one in gone:
        stored_documents.remove(session, row.tenant_id, one.id)
    for one, body in uploaded:
        import_document(work, whose, row.connector, Received(body, one.media_type, one.evidence))
    periods.mark_changed(session, row.tenant_id, whose.subject_id, found.months)
    return records_count, found.months, gone


def _said(title: str, revocation: Revocation) -> str:
    match revocation:
        case Revocation.DONE:
            return f"Ended. {title} was told, and gives us nothing any more."
        case Revocation.LATER:
            return f"Ended here. {title} does not answer just now; it is told as soon as it does."
        case Revocation.REFUSED:
            return f"Ended here. {title} did not take the access back: you can end it on its own pages."
        case Revocation.NOTHING:
            return f"Ended. We have forgotten how to ask {title}."


def _check_not_ended(row: ConnectionRow) -> None:
    """Refuse a connection that has ended.

    Raises:
        ConflictError: It has.
    """
    if row.state is ConnectionState.ENDED:
        raise ConflictError(
            "This connection has ended", expected="one that is active or paused", record=row.id, next_step="Connect it anew."
        )
