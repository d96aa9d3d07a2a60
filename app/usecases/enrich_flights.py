"""Flights that others brought, with the emissions that the Travel Impact Model says of them instead of a distance.

1. Take the connection that holds the person's key, and find the flights that count by distance.
2. Ask about each route, year and cabin once, up to a thousand a question.
3. Set aside what of an answer cannot be used, with the reason, as of every source.
4. Take the question with its answer in as a document of the connection that the flights came through: it says the same flights
   again, with the model's grams. One record each, so nothing counts twice; the newest word counts.

`take_back_flights` says them once more without the grams. An auditor reads the same documents, and derives the same records.
"""

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from app.security.outbound import HttpSender, outbound_of
from app.services import Services, Whose, Work
from app.store import connections, quarantine, records
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.quarantine import QuarantineState
from app.store.records import StoredRevision
from app.store.session import unit_of_work
from app.usecases.ask_provider import Asking, TurnOverError, never_over
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received, keep_original
from app.usecases.register_provider import find_provider
from connectors.base import Document
from connectors.travel_impact_model import TRAVEL_IMPACT_MODEL
from connectors.travel_impact_model.legs import MOST_LEGS_COUNT, REPORTED, Leg, flights_document, leg_of, question
from connectors.travel_impact_model.parse import parse
from domain.activity import EvidenceClass
from domain.declared import DECLARED_USAGE_POINT, DeclaredActivity
from domain.errors import (
    ClimateFitnessError,
    ConflictError,
    DocumentError,
    FormatChangedError,
    NeedsConsentError,
    TryLaterError,
)
from domain.period import instant_to_text, local_day, zone_of

LEASE = timedelta(minutes=10)
"""How long the connection is taken for a whole run: few questions, each answered in seconds."""

MEDIA_TYPE = "application/x-ndjson"
_FLIGHT = "flight"
_OK = 200


@dataclass(frozen=True, slots=True)
class Enriched:
    """What enriching flights came to.

    Attributes:
        enriched_count: Flights that count with the model's grams now, and did not before.
        unknown_count: Flights that the model knows nothing of; they count by distance as before.
        unasked_count: Flights that it cannot be asked about: without airports or cabin, before 2019, or with something better.
        refused: Answers that were not used, each with the reason.
        before_count: Flights that counted with them before.
    """

    enriched_count: int
    unknown_count: int
    unasked_count: int
    refused: tuple[str, ...] = ()
    before_count: int = 0

    def sentence(self) -> str:
        """The same for a person: how all flights count now."""
        count = self.before_count + self.enriched_count
        said = f"{count} {'flight counts' if count == 1 else 'flights count'} with Google's Travel Impact Model (CC BY-SA 4.0)."
        if self.unknown_count:
            said += f" It knows nothing of {self.unknown_count}; distance counts there."
        if self.unasked_count:
            said += f" It was not asked about {self.unasked_count}."
        return said


def enrich_flights(
    services: Services,
    tenant_id: str,
    connection_id: str,
    *,
    http: HttpSender | None = None,
    sleep: Callable[[float], None] = time.sleep,
    is_over: Callable[[], bool] = never_over,
) -> Enriched:
    """Ask the model about a subject's flights, and let its grams count.

    Args:
        services: The installation; no transaction is open.
        tenant_id: The connection's tenant.
        connection_id: The connection to the model: it holds the key.
        http: Sends; the program's own client where left out.
        sleep: Waits so many seconds, for a few seconds at most.
        is_over: Whether it should end before the next question, because the program stops.

    Returns:
        What became of them.

    Raises:
        TryLaterError: To be run again in so many seconds: the model is not ready, or another run has the connection.
        TurnOverError: The program stops; what was answered counts already.
        NeedsConsentError: The key is refused; the connection says so.
        FormatChangedError: The model answers what cannot be read; the connection says so, and nothing changed.
        ConflictError: The connection is paused or has ended, or is one to something else.
        NotFoundError: There is no such connection or provider.
    """
    run_id = services.randomness.id()
    connection = _claimed(services, tenant_id, connection_id, run_id)
    run = _Run(services, connection, run_id)
    try:
        _, provider = find_provider(connection.connector, connection.provider)
        http = http or outbound_of(services.settings)
        asking = Asking(services, connection, provider, http=http, sleep=sleep, is_over=is_over)
        found = _enriched(run, asking, is_over)
    except TurnOverError:
        run.give_back(Health.OK, "Asking about your flights; this goes on by itself.", services.clock.now(), is_failure=False)
        raise
    except TryLaterError as error:
        again = services.clock.now() + timedelta(seconds=error.wait_s)
        run.give_back(Health.WAITING, f"{error.message}; we ask again at {again:%H:%M} UTC.", again)
        raise
    except NeedsConsentError as error:
        run.give_back(Health.NEEDS_CONSENT, f"{error.message}. {error.next_step}", None, state=ConnectionState.NEEDS_CONSENT)
        raise
    except FormatChangedError:
        run.give_back(
            Health.FORMAT_CHANGED,
            "The model answers in a way that we cannot read yet; nothing changed, and its answer is set aside.",
            run.tomorrow(),
        )
        raise
    except BaseException:
        run.give_back(Health.TRYING, "Something went wrong on our side; it is tried again by itself.", run.tomorrow())
        raise
    run.give_back(Health.OK, found.sentence(), run.tomorrow(), is_whole=True)
    return found


def take_back_flights(work: Work, whose: Whose) -> int:
    """Let flights count by distance again.

    Args:
        work: The open transaction and the services.
        whose: The subject.

    Returns:
        How many did not before.
    """
    enriched = [one for one in _flights(work, whose) if one.is_enriched]
    for source, flights in _by_source(enriched):
        plain = [replace(one, attributes=tuple((k, v) for k, v in one.attributes if k not in REPORTED)) for one in flights]
        _take_in(work, whose, source, flights_document(_now(work), plain, (), b""))
    return len(enriched)


class _Source(NamedTuple):
    """Where flights come from, and how they are known: what a model says of a flight makes nobody surer that it was flown."""

    connection_id: str
    evidence: EvidenceClass


@dataclass(frozen=True, slots=True)
class _Found:
    """A flight as it counts now.

    Attributes:
        source: Where it comes from.
        flight: As its source told it, put together from its months.
    """

    source: _Source
    flight: DeclaredActivity

    @property
    def is_enriched(self) -> bool:
        return any(name in REPORTED for name, _ in self.flight.attributes)


@dataclass(frozen=True, slots=True)
class _Run:
    """A run that has its connection."""

    services: Services
    connection: ConnectionRow
    run_id: str

    @property
    def whose(self) -> Whose:
        return Whose(self.connection.tenant_id, self.connection.subject_id)

    def tomorrow(self) -> datetime:
        return self.services.clock.now() + timedelta(hours=TRAVEL_IMPACT_MODEL.manifest.every_hours)

    def give_back(
        self,
        health: Health,
        said: str,
        next_at: datetime | None,
        *,
        state: ConnectionState = ConnectionState.ACTIVE,
        is_whole: bool = False,
        is_failure: bool = True,
    ) -> None:
        """Say how the connection does, for a person and for the clock."""
        with suppress(ConflictError), unit_of_work(self.services.engine) as session:
            connections.end_run(
                session,
                self.connection.tenant_id,
                self.connection.id,
                run_id=self.run_id,
                health=health,
                said=said,
                failure_count=0 if is_whole else self.connection.failure_count + is_failure,
                next_at=next_at,
                synced_at=self.services.clock.now() if is_whole else None,
                state=state,
            )


def _claimed(services: Services, tenant_id: str, connection_id: str, run_id: str) -> ConnectionRow:
    """The connection, taken for this run.

    Raises:
        ConflictError: It is no connection to the model that may be asked.
        TryLaterError: Another run has it.
    """
    now, ours = services.clock.now(), TRAVEL_IMPACT_MODEL.manifest.connector_id
    with unit_of_work(services.engine) as session:
        known = connections.by_id(session, tenant_id, connection_id)
        if known.connector != ours or known.state is not ConnectionState.ACTIVE:
            raise ConflictError(
                "This connection cannot be asked about flights",
                expected=f"an active connection of {ours}",
                got=f"{known.connector}, {known.state}",
                record=f"connection {connection_id}",
            )
        taken = connections.claim_run(session, tenant_id, connection_id, run_id=run_id, now=now, until=now + LEASE)
    if taken is None:
        raise TryLaterError("This connection is asking just now", wait_s=15.0, record=f"connection {connection_id}")
    return taken


def _enriched(run: _Run, asking: Asking, is_over: Callable[[], bool]) -> Enriched:
    """Ask about all flights.

    Raises:
        TurnOverError: The program stops; the flights that were answered about count already.
        FormatChangedError: An answer cannot be read; it is set aside.
    """
    with unit_of_work(run.services.engine) as session:
        found = tuple(_flights(Work(session, run.services), run.whose))
    flights = [one for one in found if not one.is_enriched]
    askable = {leg for one in flights if (leg := leg_of(one.flight))}
    unasked_count = sum(leg_of(one.flight) is None for one in flights)
    enriched_count, refused = 0, list[str]()
    for number, legs in enumerate(_chunks(sorted(askable))):
        if number and is_over():
            raise TurnOverError("The program stops; this goes on where it was", wait_s=0.0)
        answer = asking.ask(question(legs))
        try:
            _check_answer(answer, asking)
            taken_count, not_used = _taken(run, legs, answer)
        except FormatChangedError as error:
            with suppress(ConflictError), unit_of_work(run.services.engine) as session:
                _hold(Work(session, run.services), run, answer, [error], is_whole=True)
            raise
        enriched_count += taken_count
        refused += not_used
    if not refused:
        _release(run)
    unknown_count = len(flights) - unasked_count - enriched_count
    return Enriched(enriched_count, unknown_count, unasked_count, tuple(refused), before_count=len(found) - len(flights))


def _taken(run: _Run, legs: Sequence[Leg], answer: Document) -> tuple[int, list[str]]:
    """Take in what was answered about legs, in one transaction: how many flights it changed, and what of it was not used.

    Raises:
        FormatChangedError: The answer cannot be read.
    """
    asked, taken_count, refused = set(legs), 0, dict[str, ClimateFitnessError]()
    with unit_of_work(run.services.engine) as session:
        work = Work(session, run.services)
        now = _flights(work, run.whose)  # the answer took its time
        plain = [one for one in now if not one.is_enriched and leg_of(one.flight) in asked]
        for source, flights in _by_source(plain):
            body = flights_document(_now(work), flights, legs, answer.body)
            try:
                document = parse(body)
            except DocumentError as error:
                raise FormatChangedError(
                    error.message, expected=error.expected, got=error.got, next_step=error.next_step
                ) from error
            refused |= {one.sentence(): one for one in document.refused}
            if document.activities:
                taken_count += _take_in(work, run.whose, source, body)
        _hold(work, run, answer, list(refused.values()))
    return taken_count, list(refused)


def _hold(work: Work, run: _Run, answer: Document, refused: Sequence[ClimateFitnessError], *, is_whole: bool = False) -> None:
    """Set aside what was answered and is not used, with the reason; of the answer alone nothing can be counted later."""
    if not refused or not answer.body:
        return
    connection = run.connection
    connections.keep_run(
        work.session, connection.tenant_id, connection.id, run_id=run.run_id, until=work.services.clock.now() + LEASE
    )
    media_type = answer.headers.get("content-type", "").partition(";")[0].strip().lower()[:100]
    received = Received(
        answer.body, media_type, EvidenceClass.FETCHED_BY_CONNECTOR, document_name=TRAVEL_IMPACT_MODEL.manifest.title
    )
    original = keep_original(work, run.whose, connection.connector, received)
    quarantine.hold(
        work.session,
        connection.tenant_id,
        connection.subject_id,
        connection.id,
        refused,
        document_sha256=original.sha256,
        at=work.services.clock.now(),
        new_id=work.services.randomness.id,
        is_whole=is_whole,
    )


def _release(run: _Run) -> None:
    """What was set aside before is answered for: the model was asked again about every flight, and could be read."""
    connection = run.connection
    with unit_of_work(run.services.engine) as session:
        held = quarantine.of_connection(session, connection.tenant_id, connection.id, limit_count=quarantine.MOST_HELD_COUNT)
        for digest in {one.document_sha256 for one in held}:
            quarantine.set_state_of_document(session, connection.tenant_id, connection.id, digest, QuarantineState.RELEASED)


def _take_in(work: Work, whose: Whose, source: _Source, body: bytes) -> int:
    connection = connections.by_id(work.session, whose.tenant_id, source.connection_id)
    received = Received(body, MEDIA_TYPE, source.evidence, document_name=TRAVEL_IMPACT_MODEL.manifest.title)
    report = import_document(work, whose, connection.connector, received, connection=connection)
    return report.changed_count


def _flights(work: Work, whose: Whose) -> Iterator[_Found]:
    """The declared flights of a subject that count, each whole."""
    zones: dict[str, str] = {}
    for stored in records.counting_of_kind(work.session, whose.tenant_id, whose.subject_id, _FLIGHT):
        if stored.revision.usage_point != DECLARED_USAGE_POINT:
            continue
        connection_id = records.place_of(work.session, whose.tenant_id, whose.subject_id, stored.record_id).connection_id
        if connection_id not in zones:
            points = connections.usage_points_of(work.session, whose.tenant_id, connection_id)
            zones[connection_id] = next(point.zone for point in points if point.name == DECLARED_USAGE_POINT)
        source = _Source(connection_id, stored.revision.activities[0].evidence)
        yield _Found(source, _whole(stored, zones[connection_id]))


def _by_source(found: Iterable[_Found]) -> Iterator[tuple[_Source, list[DeclaredActivity]]]:
    by_source: dict[_Source, list[DeclaredActivity]] = defaultdict(list)
    for one in found:
        by_source[one.source].append(one.flight)
    yield from sorted(by_source.items())


def _whole(stored: StoredRevision, zone_name: str) -> DeclaredActivity:
    """A flight put together from the months that it was divided into."""
    parts, zone = stored.revision.activities, zone_of(zone_name)
    return DeclaredActivity(
        record_key=stored.revision.record_key,
        kind=_FLIGHT,
        attributes=parts[0].key.attributes,
        quantity_micro=sum(part.quantity_micro for part in parts),
        unit=parts[0].key.unit,
        start_date=min(local_day(part.start, zone) for part in parts),
        end_date=max(local_day(part.end, zone) for part in parts),
        region=parts[0].key.region,
        quality=parts[0].quality,
    )


def _check_answer(answer: Document, asking: Asking) -> None:
    """Refuse what is no answer about flights: Google says with status 400 or 403 that a key is not valid, or not for this.

    Raises:
        NeedsConsentError: The key is refused.
        TryLaterError: A page for people came instead, from an edge or a proxy.
        FormatChangedError: The question is.
    """
    if answer.status == _OK:
        return
    if answer.body.lstrip().startswith(b"<"):
        raise TryLaterError("The model is not ready", wait_s=asking.backoff_s(), got="a web page")
    if b"API_KEY" in answer.body or b"PERMISSION_DENIED" in answer.body or b"API key" in answer.body:
        raise NeedsConsentError(
            "Google does not take this key",
            got=f"status {answer.status}",
            next_step="Give another one, for the Travel Impact Model API.",
        )
    raise FormatChangedError("The model refuses our question", expected="flights", got=f"status {answer.status}")


def _chunks(legs: Sequence[Leg]) -> Iterable[Sequence[Leg]]:
    return (legs[first : first + MOST_LEGS_COUNT] for first in range(0, len(legs), MOST_LEGS_COUNT))


def _now(work: Work) -> str:
    return instant_to_text(work.services.clock.now())
