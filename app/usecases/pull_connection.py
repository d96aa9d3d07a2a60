"""One sync of one connection: the driver of every connector's `pull`.

1. Claim the connection: one sync at a time, for as long as its lease is kept.
2. Ask for what the generator wants, in the provider's turn and the person's name.
3. Archive what came, before anybody reads it.
4. Hand it to the generator, which reads it.
5. Store each batch in one transaction: rows, cursor, counts, and what had to be set aside.
6. Give the connection back, with how it does in words for a person.

Whatever ends a sync in the middle (an error, a kill) leaves the last batch's cursor: the next one goes on there, and what it
reads again changes nothing.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from app.security.outbound import HttpSender, outbound_of
from app.security.vault import SubjectVault
from app.services import Services, Whose, Work
from app.store import connections, imports, quarantine, subjects, sync_runs
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.quarantine import QuarantineState
from app.store.session import Session, reading, unit_of_work
from app.store.subjects import SubjectRow
from app.store.sync_runs import SyncRunRow, SyncState
from app.usecases.ask_provider import Asking, TurnOverError, never_over
from app.usecases.connection_secrets import open_link
from app.usecases.find_duplicates import find_duplicates
from app.usecases.import_document import import_document
from app.usecases.import_report import inputs_sha256
from app.usecases.keep_original import Received, archive_original, keep_original
from app.usecases.pulled import holds_something, up_to_date, without_future
from app.usecases.ready_files import read_ready
from app.usecases.register_provider import find_provider
from app.usecases.sealing import vault_of
from archive.base import ArchiveReference
from connectors.base import Batch, Connector, Document, Get, Link, Post, Provider, Pull
from domain.activity import EvidenceClass
from domain.canonical import to_canonical
from domain.declared import ActivityDocument
from domain.errors import (
    ArchiveError,
    ClimateFitnessError,
    ConflictError,
    ConnectorBugError,
    FormatChangedError,
    InputError,
    NeedsConsentError,
    PlaceError,
    TryLaterError,
)
from domain.period import Month, instant_to_text
from domain.place import Place, place_from_text
from domain.series import MeterDocument

LEASE = timedelta(minutes=3)
"""How long a sync has its connection without a sign of life; each batch is one. Longer than any one document takes."""

TURN_S = 30.0
"""A sync that has brought something gives the worker back after so many seconds, and goes on when its turn comes again."""

MOST_IDLE_COUNT = 500
"""Documents in a row that may bring nothing new; more is a provider whose pages never end."""

MOST_REPEATS_COUNT = 3
"""How often the very same request may be made without any progress in between: a connector may begin its pages anew."""

MOST_REMEMBERED_COUNT = 16
"""Documents whose answer to "was it read before?" is kept in memory: a batch follows its document closely."""

MOST_NEWS_COUNT = 3
"""New documents in a row after which those that follow are taken for new."""

MOST_FAILURES_COUNT = 8
"""Failures in a row after which a connection is no longer tried by itself more than once a day."""

log = structlog.get_logger("app.sync")


@dataclass(frozen=True, slots=True)
class SyncReport:
    """What a sync brought.

    Attributes:
        run_id: Its id; empty where nothing was to be done.
        documents_count: Documents that were stored.
        new_count: Records that are new.
        changed_count: Records that were corrected or taken back.
        refused_count: Records that were set aside, each with its reason.
        health: How the connection does now.
        said: The same for a person.
        error_code: Stable name of what stopped it; empty where it was read to its end.
    """

    run_id: str
    documents_count: int
    new_count: int
    changed_count: int
    refused_count: int
    health: Health
    said: str
    error_code: str = ""


class _NotOursError(ConflictError):
    """Another sync has the connection, or its consent has ended."""


@dataclass(frozen=True, slots=True)
class _Counts:
    """What was stored; of one document, whether the subject had it already, and which months it changed."""

    documents_count: int = 0
    new_count: int = 0
    changed_count: int = 0
    refused_count: int = 0
    is_known: bool = False
    months: frozenset[Month] = frozenset()

    def plus(self, other: "_Counts") -> "_Counts":
        return _Counts(
            self.documents_count + other.documents_count,
            self.new_count + other.new_count,
            self.changed_count + other.changed_count,
            self.refused_count + other.refused_count,
        )


@dataclass
class _Run:
    """A sync under way.

    Invariant: `archived` holds what lies in the archive and is named by no document yet.
    """

    services: Services
    connection: ConnectionRow
    run_id: str
    connector: Connector
    provider: Provider
    link: Link
    subject: SubjectRow
    vault: SubjectVault
    counts: _Counts = field(default_factory=_Counts)
    idle_count: int = 0
    has_moved: bool = False
    is_over: Callable[[], bool] = never_over
    archived: dict[str, ArchiveReference] = field(default_factory=dict)
    read: dict[str, bool] = field(default_factory=dict)
    news_count: int = 0
    last: Document | None = None
    seen: dict[bytes, int] = field(default_factory=dict)
    changed_months: frozenset[Month] = frozenset()
    notice: bytes | None = None

    @property
    def whose(self) -> Whose:
        return Whose(self.connection.tenant_id, self.connection.subject_id)

    def has_read(self, digest: str) -> bool:
        """Whether the same bytes were taken in before, as a whole, and from nothing else than now: they say nothing new.

        After a few that were not, this is a history that is read for the first time, and nobody is asked: what is taken in again
        all the same changes nothing.
        """
        if digest not in self.read and self.news_count >= MOST_NEWS_COUNT:
            return False
        if digest not in self.read:
            named = inputs_sha256(self.services, self.connection, self.subject, self.place, digest)
            with reading(self.services.engine) as session:
                self.read[digest] = imports.has_read(session, self.connection.tenant_id, self.connection.subject_id, named)
            self.news_count = 0 if self.read[digest] else self.news_count + 1
            while len(self.read) > MOST_REMEMBERED_COUNT:
                del self.read[next(iter(self.read))]
        return self.read[digest]

    def settle(self, body: bytes, *, is_known: bool) -> None:
        """What was archived is named by a document now; one that was known before has its copy already, and this is another."""
        digest = sha256(body).hexdigest()
        if is_known:
            self.forget(digest)
        self.archived.pop(digest, None)

    def forget(self, digest: str) -> None:
        """Take something out of the archive that no document names."""
        reference = self.archived.pop(digest, None)
        if reference is not None:
            with suppress(ArchiveError):
                self.services.archive.delete(reference.sha256)

    @property
    def place(self) -> Place | None:
        """Where meters and activities are that do not say it; None: at home.

        The answer `place` decides; else the provider's only country, where home is in another one.
        """
        if self.link.get("place"):
            return place_from_text(self.link["place"], zone=self.link.get("zone", ""), record="place")
        countries = self.provider.countries
        return Place(*countries, *countries) if len(countries) == 1 and self.subject.country not in countries else None

    def report(self, health: Health, said: str, error_code: str) -> SyncReport:
        counts = self.counts
        return SyncReport(
            self.run_id,
            counts.documents_count,
            counts.new_count,
            counts.changed_count,
            counts.refused_count,
            health,
            said,
            error_code,
        )


def pull_connection(
    services: Services,
    tenant_id: str,
    connection_id: str,
    *,
    http: HttpSender | None = None,
    sleep: Callable[[float], None] = time.sleep,
    is_over: Callable[[], bool] = never_over,
) -> SyncReport:
    """One sync of a connection, to its end or to the end of its turn.

    Args:
        services: The installation; no transaction is open.
        tenant_id: The connection's tenant.
        connection_id: Which.
        http: Sends; the program's own client where left out.
        sleep: Waits so many seconds, for a few seconds at most.
        is_over: Whether its turn is over, because the program stops: it ends after the next batch, or instead of a wait.

    Returns:
        What it brought and how the connection does: also where the person must consent again, where the provider's format
        changed, or where the connection is paused.

    Raises:
        TryLaterError: To be run again in so many seconds: the provider is not ready, another sync has the connection, or
            there is more to read and it is others' turn, or the program stops (`TurnOverError`).
        NotFoundError: There is no such connection, connector, provider or subject.
        ClimateFitnessError: Something of ours failed; the connection is tried again by itself.
    """
    run = _claimed(services, tenant_id, connection_id)
    if isinstance(run, SyncReport):
        return run
    run.is_over = is_over
    http = http or outbound_of(services.settings)
    asking = Asking(services, run.connection, run.provider, http=http, sleep=sleep, is_over=is_over)
    try:
        _drive(run, asking)
    except ClimateFitnessError as error:
        return _stopped(run, asking, error)
    except Exception as error:
        log.exception("sync failed", connection=connection_id, connector=run.connection.connector)
        _give_back(run, _broken(run, asking, type(error).__name__))
        raise
    finally:
        _forget_unnamed(run)
    return _finished(run)


def _claimed(services: Services, tenant_id: str, connection_id: str) -> _Run | SyncReport:
    """A sync that has its connection, or what to say where there is nothing to do.

    Raises:
        TryLaterError: Another sync has it.
    """
    now, run_id = services.clock.now(), services.randomness.id()
    with unit_of_work(services.engine) as session:
        known = connections.by_id(session, tenant_id, connection_id)
        if known.is_file or known.state is not ConnectionState.ACTIVE:
            return SyncReport("", 0, 0, 0, 0, known.health, known.health_said, error_code="" if known.is_file else known.state)
        connector, provider = find_provider(known.connector, known.provider)
        connection = connections.claim_run(session, tenant_id, connection_id, run_id=run_id, now=now, until=now + LEASE)
        if connection is None:
            raise TryLaterError("This connection is being read just now", wait_s=15.0, record=f"connection {connection_id}")
        sync_runs.begin(session, SyncRunRow(run_id, tenant_id, connection_id, started_at=now))
        work = Work(session, services)
        subject = subjects.by_id(session, tenant_id, connection.subject_id)
        vault = vault_of(work, Whose(tenant_id, connection.subject_id))
        answers = open_link(work, connection)
        ready = read_ready(work, connection)
    link = {**provider.quirks, **answers, "base_url": provider.base_url, "now": instant_to_text(now)}
    if ready:
        link["notified"] = " ".join(ready)
    run = _Run(services, connection, run_id, connector, provider, link, subject, vault, notice=connection.sealed_notice)
    run.changed_months = frozenset(Month.from_text(one) for one in connection.changed_months.split())
    return run


def _drive(run: _Run, asking: Asking) -> None:
    """Drive the generator to its end; what it raises, and what asking and storing raise, stops it.

    Raises:
        ConnectorBugError: The connector has no `pull`, or yields what is neither request nor batch.
    """
    pull = run.connector.pull
    if pull is None:
        raise ConnectorBugError("This connector has nothing to pull", got=run.connection.connector)
    began_s = run.services.clock.monotonic_s()
    pulling: Pull = pull(run.link, run.connection.cursor or None)
    try:
        answer: Document | None = None
        while True:
            try:
                wanted = pulling.send(answer) if answer is not None else next(pulling)
            except StopIteration:
                return
            match wanted:
                case Batch():
                    _store(run, wanted)
                    answer = None
                    _check_turn(run, began_s)
                case Get() | Post():
                    _check_progress(run, wanted)
                    answer = _fetched(run, asking, wanted)
                case _:
                    raise ConnectorBugError(
                        "A connector yields requests and batches", expected="Get, Post or Batch", got=type(wanted).__name__
                    )
    finally:
        pulling.close()


def _fetched(run: _Run, asking: Asking, wanted: Get | Post) -> Document:
    run.last = None
    document = asking.ask(wanted)
    digest = sha256(document.body).hexdigest()
    if document.body and digest not in run.archived and not run.has_read(digest):
        run.archived[digest] = archive_original(run.services.archive, run.vault, document.body)
    run.last = document
    return document


def _check_progress(run: _Run, wanted: Get | Post) -> None:
    """Stop a provider, or a connector, that goes round in circles or never ends.

    Raises:
        FormatChangedError: It does.
    """
    asked = wanted.params if isinstance(wanted, Get) else wanted.json
    print_of = sha256(to_canonical([type(wanted).__name__, wanted.url, dict(asked)])).digest()
    run.seen[print_of] = run.seen.get(print_of, 0) + 1
    run.idle_count += 1
    is_circle = run.seen[print_of] > MOST_REPEATS_COUNT
    if is_circle or run.idle_count > MOST_IDLE_COUNT:
        run.last = None  # nothing is wrong with the document that led here
        raise FormatChangedError(
            f"The pages of {run.provider.title} never end",
            expected="an end, or something new",
            got="the same request again" if is_circle else f"{MOST_IDLE_COUNT} documents without anything new",
            record=run.provider.provider_id,
        )


def _check_turn(run: _Run, began_s: float) -> None:
    """Let others have the worker where a long sync can be gone on with later, and let the program stop.

    Raises:
        TurnOverError: It is their turn, or the program stops.
    """
    if run.is_over():
        raise TurnOverError("The program stops; this goes on where it was", wait_s=0.0)
    has_brought = run.has_moved and run.counts.new_count + run.counts.changed_count > 0
    if has_brought and run.services.clock.monotonic_s() - began_s > TURN_S:
        raise TurnOverError("There is more to read; others come first", wait_s=0.0)


def _store(run: _Run, batch: Batch) -> None:
    """One batch in one transaction: rows, cursor, counts, and what is set aside.

    Raises:
        _NotOursError: The connection is no longer ours: nothing was stored.
        InputError: It cannot be taken in as a whole: nothing was stored.
    """
    services, connection = run.services, run.connection
    source = batch.source or run.last
    document = without_future(batch.document, services.clock.now())
    counts = _Counts()
    with unit_of_work(services.engine) as session:
        _keep(run, session, batch.cursor)
        if run.notice is not None and batch.cursor is not None:  # whatever was ready for the place that is left now
            connections.set_notice(session, connection.tenant_id, connection.id, None, before=run.notice)
        if source is not None and source.body and (holds_something(document) or document.refused):
            counts = _take_in(Work(session, services), run, source, document)
            _note_months(session, run, run.changed_months | counts.months)
            sync_runs.add_counts(
                session,
                connection.tenant_id,
                run.run_id,
                documents_count=counts.documents_count,
                new_count=counts.new_count,
                changed_count=counts.changed_count,
                refused_count=counts.refused_count,
            )
    if source is not None and counts.documents_count:
        run.settle(source.body, is_known=counts.is_known)
    run.counts = run.counts.plus(counts)
    run.changed_months |= counts.months
    if batch.cursor is not None:
        run.has_moved, run.notice = True, None
    if counts.new_count or counts.changed_count:
        run.idle_count = 0
        run.seen.clear()


def _note_months(session: Session, run: _Run, months: frozenset[Month]) -> None:
    """Keep what is to be looked through for duplicates: whatever ends this sync, the next one knows of it."""
    if months != run.changed_months:
        connection, text = run.connection, " ".join(map(str, sorted(months)))
        connections.set_changed_months(session, connection.tenant_id, connection.id, text, run_id=run.run_id)


def _keep(run: _Run, session: Session, cursor: str | None) -> None:
    connection, until = run.connection, run.services.clock.now() + LEASE
    try:
        connections.keep_run(session, connection.tenant_id, connection.id, run_id=run.run_id, until=until, cursor=cursor)
    except ConflictError as error:
        raise _NotOursError(error.message, expected=error.expected, got=error.got, record=error.record) from error


def _take_in(work: Work, run: _Run, source: Document, document: MeterDocument | ActivityDocument) -> _Counts:
    connection, digest = run.connection, sha256(source.body).hexdigest()
    if run.has_read(digest) and not document.refused:
        return _Counts(1, is_known=True)
    received = _received(run, source)
    if not holds_something(document):
        original = keep_original(work, run.whose, connection.connector, received)
        _hold(work, run, digest, document.refused)
        return _Counts(1, 0, 0, len(document.refused), original.is_known)
    report = import_document(
        work, run.whose, connection.connector, received, place=run.place, document=document, connection=connection
    )
    if report.is_known and not report.refusals:
        quarantine.set_state_of_document(work.session, connection.tenant_id, connection.id, digest, QuarantineState.RELEASED)
    _hold(work, run, digest, report.refusals)
    counts = (report.new_count, report.changed_count, len(report.refusals))
    return _Counts(1, *counts, report.is_known, frozenset(report.months))


def _received(run: _Run, source: Document) -> Received:
    return Received(
        source.body,
        source.headers.get("content-type", "").partition(";")[0].strip().lower()[:100],
        EvidenceClass.FETCHED_BY_CONNECTOR,
        document_name=run.connection.title or run.provider.title,
        archived=run.archived.get(sha256(source.body).hexdigest()),
    )


def _hold(work: Work, run: _Run, digest: str, refused: Sequence[ClimateFitnessError], *, is_whole: bool = False) -> None:
    quarantine.hold(
        work.session,
        run.connection.tenant_id,
        run.connection.subject_id,
        run.connection.id,
        refused,
        document_sha256=digest,
        at=work.services.clock.now(),
        new_id=work.services.randomness.id,
        is_whole=is_whole,
    )


def _stopped(run: _Run, asking: Asking, error: ClimateFitnessError) -> SyncReport:
    """Give a connection back that could not be read to its end.

    Raises:
        ClimateFitnessError: To be run again later, or something of ours failed.
    """
    now = run.services.clock.now()
    title = run.provider.title
    match error:
        case _NotOursError():
            with suppress(ClimateFitnessError), unit_of_work(run.services.engine) as session:
                tenant_id, code = run.connection.tenant_id, error.code
                sync_runs.end(session, tenant_id, run.run_id, SyncState.FAILED, at=now, error_code=code, said=error.message)
            return run.report(Health.OK, error.message, "conflict")
        case TurnOverError():
            said = f"Reading your history from {title}; this goes on by itself."
            failure_count = 0 if run.has_moved else run.connection.failure_count
            _give_back(run, _End(Health.OK, said, SyncState.WAITING, now, failure_count))
            raise error
        case TryLaterError():
            again = now + timedelta(seconds=error.wait_s)
            said = f"{title} is not ready yet; we ask again at {again:%H:%M} UTC."
            failure_count = 1 if run.has_moved else run.connection.failure_count + 1
            _give_back(run, _End(Health.WAITING, said, SyncState.WAITING, again, failure_count, error.code))
            raise error
        case NeedsConsentError():
            said = f"{title} wants to be asked again: connect it once more, and it goes on where it was."
            end = _End(Health.NEEDS_CONSENT, said, SyncState.FAILED, None, 0, error.code, ConnectionState.NEEDS_CONSENT)
            return _give_back(run, end)
        case PlaceError() | ConflictError():
            said = " ".join(f"{part.rstrip('.')}." for part in (error.message, error.next_step) if part)
            return _give_back(run, _failed(run, Health.TRYING, said, error.code, _next_regular(run)))
        case FormatChangedError() | InputError():
            said = f"{title} answers in a way that we cannot read yet. Nothing is lost; we try again every day."
            _hold_whole(run, error)
            return _give_back(run, _failed(run, Health.FORMAT_CHANGED, said, error.code, _next_regular(run)))
    log.error("sync failed", connection=run.connection.id, connector=run.connection.connector, error=error.code)
    _give_back(run, _broken(run, asking, error.code))
    raise error


@dataclass(frozen=True, slots=True)
class _End:
    """How a sync ended; without a sentence of its own it is up to date."""

    health: Health
    said: str
    run_state: SyncState
    next_at: datetime | None
    failure_count: int
    error_code: str = ""
    state: ConnectionState = ConnectionState.ACTIVE


def _failed(run: _Run, health: Health, said: str, code: str, next_at: datetime) -> _End:
    return _End(health, said, SyncState.FAILED, next_at, run.connection.failure_count + 1, code)


def _broken(run: _Run, asking: Asking, code: str) -> _End:
    """A failure of ours: tried again by itself, less and less often."""
    is_given_up = run.connection.failure_count + 1 >= MOST_FAILURES_COUNT
    now = run.services.clock.now()
    again = _next_regular(run) if is_given_up else now + timedelta(seconds=asking.backoff_s())
    return _failed(run, Health.TRYING, "Something went wrong on our side; it is tried again by itself.", code, again)


def _hold_whole(run: _Run, error: ClimateFitnessError) -> None:
    """Keep the document that could not be read, with the reason."""
    source = run.last
    if source is None or not source.body:
        return
    digest = sha256(source.body).hexdigest()
    with suppress(ConflictError), unit_of_work(run.services.engine) as session:
        work = Work(session, run.services)
        _keep(run, session, None)
        original = keep_original(work, run.whose, run.connection.connector, _received(run, source))
        _hold(work, run, digest, [error], is_whole=True)
        sync_runs.add_counts(
            session, run.connection.tenant_id, run.run_id, documents_count=0, new_count=0, changed_count=0, refused_count=1
        )
        run.settle(source.body, is_known=original.is_known)


def _give_back(run: _Run, end: _End) -> SyncReport:
    """Give the connection back, unless somebody else has it or its consent has ended meanwhile."""
    _look_for_duplicates(run)
    now, connection = run.services.clock.now(), run.connection
    is_whole = end.run_state is SyncState.DONE
    with unit_of_work(run.services.engine) as session:
        said = end.said or up_to_date(quarantine.held_count(session, connection.tenant_id, connection.id))
        sync_runs.end(session, connection.tenant_id, run.run_id, end.run_state, at=now, error_code=end.error_code, said=said)
        with suppress(ConflictError):
            connections.end_run(
                session,
                connection.tenant_id,
                connection.id,
                run_id=run.run_id,
                health=end.health,
                said=said,
                failure_count=end.failure_count,
                next_at=end.next_at,
                synced_at=now if is_whole else None,
                state=end.state,
            )
    return run.report(end.health, said, end.error_code)


def _look_for_duplicates(run: _Run) -> None:
    """Offer what this sync brought and another source tells too: once, at its end. What fails here, the next sync looks for."""
    if not run.changed_months or run.is_over():
        return
    try:
        with unit_of_work(run.services.engine) as session:
            find_duplicates(Work(session, run.services), run.whose, run.changed_months)
            _note_months(session, run, frozenset())
    except ClimateFitnessError as error:
        log.warning("duplicates not looked for", connection=run.connection.id, error=error.code)
    except Exception:  # our mistake; the connection is given back all the same
        log.exception("duplicates not looked for", connection=run.connection.id)


def _finished(run: _Run) -> SyncReport:
    return _give_back(run, _End(Health.OK, "", SyncState.DONE, _next_regular(run), failure_count=0))


def _next_regular(run: _Run) -> datetime:
    """When it is due again: not for everybody at the same minute."""
    whole_s = run.connector.manifest.every_hours * 3600
    chance = int.from_bytes(run.services.randomness.bytes(4), "big") / 2**32
    return run.services.clock.now() + timedelta(seconds=whole_s * (0.95 + 0.1 * chance))


def _forget_unnamed(run: _Run) -> None:
    """Take out of the archive what nothing was read from: pages that only lead on, and what a failed transaction did not note."""
    for digest in list(run.archived):
        run.forget(digest)
