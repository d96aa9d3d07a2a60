"""Deriving a meter again: all its records from all its originals, so that its whole history is counted once."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.services import Whose, Work
from app.store import documents, records
from app.store.connections import ConnectionRow
from app.store.records import RecordInput, RecordState, Stored
from app.usecases.derive import MeterSite, SourcedCut, cut_document, derive_meters
from app.usecases.keep_original import fetch_original
from connectors import registry
from connectors.base import Connector
from domain.declared import ActivityDocument
from domain.errors import DocumentError
from domain.meter_day import CutSeries, DayReadings, MeterDayId, turned_ids
from domain.period import Month, day_period, instant_from_text, zone_of
from domain.series import MeterDocument

_LONGEST_HALF_READING_S = 13 * 3600
"""A reading of a day begins or ends at most so far outside it: its midpoint is inside, and it has at most 26 hours."""


@dataclass(frozen=True, slots=True)
class Rederived:
    """What deriving a meter again came to.

    Attributes:
        stored: What became of each record.
        counting: Keys of the records that count.
        notes: Why something does not count, in plain words.
    """

    stored: tuple[Stored, ...]
    counting: frozenset[str]
    notes: tuple[str, ...]

    @property
    def months(self) -> frozenset[Month]:
        """The months whose activity is other than before."""
        return frozenset(month for one in self.stored for month in one.months)


def rederive_meter(
    work: Work, whose: Whose, connection: ConnectionRow, name: str, site: MeterSite, *, newest: SourcedCut | None = None
) -> Rederived:
    """Derive all records of a meter again from all its originals; what no longer counts is removed, and stays in the history.

    What was removed on purpose stays removed, unless the newest document says it again.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection: The connection that the meter belongs to.
        name: The provider's name of the meter point.
        site: Where the meter is.
        newest: A document that is being taken in; kept before. Of its meters only this one is read.

    Returns:
        What became of the meter's records.

    Raises:
        ArchiveError: An original is lost or changed; nothing is derived.
        NotFoundError: The subject's key was destroyed.
    """
    session, tenant_id = work.session, whose.tenant_id
    states = records.of_usage_point(session, tenant_id, connection.id, name)
    own = only_meter(newest.cut, name) if newest else None
    said_now = {day.record_key for day in own.days} | {span.record_key for span in own.spans} if own else set()
    removed = {one.record_key for one in states if one.is_removal and not one.document_sha256s} - said_now
    said_newly = replace(newest, cut=own) if newest and own else None
    cuts = _cuts(work, whose, connection, {name: site}, states=states, newest=said_newly)
    derived = derive_meters(cuts, {name: site}, without=removed)
    version = registry.find(connection.connector).manifest.parser_version

    def said(record_key: str, digests: tuple[str, ...]) -> RecordInput:
        made = derived.records.get(record_key)
        activities = made.activities if made else ()
        return RecordInput(connection.connector, version, record_key, name, digests, activities)

    found = derived.document_sha256s
    inputs = [said(record_key, found[record_key]) for record_key in (*derived.records, *derived.fallen)]
    inputs += [said(one.record_key, one.document_sha256s) for one in states if one.record_key not in found and not one.is_removal]
    stored = records.upsert_many(
        session,
        tenant_id,
        whose.subject_id,
        connection.id,
        inputs,
        recorded_at=work.services.clock.now(),
        new_id=work.services.randomness.id,
    )
    return Rederived(stored, frozenset(derived.records), derived.notes)


def must_rederive(
    newest: SourcedCut,
    name: str,
    zone: str,
    *,
    states: Iterable[RecordState],
    known_days: Mapping[MeterDayId, DayReadings],
) -> bool:
    """Whether a document cannot simply be merged day by day into what a meter has.

    That is so where a span is corrected or overlaps something, or where a net reading may have changed its sign; and where
    another parser read what is stored (`records.was_read_otherwise`).

    Args:
        newest: The document; only what it says of this meter counts.
        name: The provider's name of the meter point.
        zone: Its IANA time zone.
        states: The meter's records as they are stored: all of them where the document has spans, else those of its days and
            all spans.
        known_days: Stored readings of the document's days and of those paired with them.
    """
    own, live = only_meter(newest.cut, name), [one for one in states if not one.is_removal]
    spans = {span.record_key for span in own.spans}
    if any(one.record_key in spans and newest.sha256 not in one.document_sha256s for one in live):
        return True
    new_days = {day: readings for day, readings in own.days.items() if day.record_key not in _linked(live, newest.sha256)}
    if any(turned_ids(day, known_days, own.days) for day in new_days):
        return True
    return _spans_overlap(own, name, zone, [one.record_key for one in live])


def only_meter(cut: CutSeries, name: str) -> CutSeries:
    """What a document says of one meter."""
    days = {day: readings for day, readings in cut.days.items() if day.usage_point == name}
    return replace(cut, days=days, spans=tuple(span for span in cut.spans if span.usage_point == name))


def _linked(states: Iterable[RecordState], sha256: str) -> set[str]:
    return {one.record_key for one in states if sha256 in one.document_sha256s}


def _cuts(
    work: Work,
    whose: Whose,
    connection: ConnectionRow,
    sites: Mapping[str, MeterSite],
    *,
    states: Iterable[RecordState],
    newest: SourcedCut | None,
) -> list[SourcedCut]:
    """The meter's documents, cut, in the order in which they came."""
    position: dict[str, int] = {}
    for one in states:
        for index, digest in enumerate(one.document_sha256s):
            position[digest] = max(position.get(digest, 0), index)
    if newest and newest.sha256 not in position:
        position[newest.sha256] = len(position) + 1
    rows = [row for row in documents.of_subject(work.session, whose.tenant_id, whose.subject_id) if row.sha256 in position]
    connector = registry.find(connection.connector)
    return [
        newest
        if newest and newest.sha256 == row.sha256
        else SourcedCut(row.sha256, row.evidence, cut_document(_readings(connector, fetch_original(work, row)), sites))
        for row in sorted(rows, key=lambda row: (row.received_at, position[row.sha256], row.id))
    ]


def _readings(connector: Connector, body: bytes) -> MeterDocument:
    """The readings of a meter's original.

    Raises:
        DocumentError: It declares activities now: another connector has taken this one's name.
    """
    document = connector.parse(body)
    if isinstance(document, ActivityDocument):
        raise DocumentError(
            "This original has no readings any more",
            expected="readings of meters",
            got="activities",
            record=connector.manifest.connector_id,
        )
    return document


def _spans_overlap(cut: CutSeries, name: str, zone: str, known_keys: Iterable[str]) -> bool:
    """Whether a span shares an instant with a day or another span of its kind."""
    times = {(span.kind, span.start_s, span.start_s + span.duration_s, True) for span in cut.spans}
    times |= {_known_time(key, name, zone) for key in known_keys}
    if not any(is_span for _, _, _, is_span in times):
        return False
    for day, readings in cut.days.items():
        ends_s = [reading.start_s + max(reading.duration_s, 1) for reading in readings]
        times.add((day.kind, min(reading.start_s for reading in readings), max(ends_s), False))
    latest_s: dict[tuple[str, bool], int] = {}
    for kind, start_s, end_s, is_span in sorted(times):
        before_s = max(latest_s.get((kind, True), start_s), latest_s.get((kind, False), start_s) if is_span else start_s)
        if before_s > start_s:
            return True
        latest_s[kind, is_span] = max(latest_s.get((kind, is_span), end_s), end_s)
    return False


def _known_time(record_key: str, name: str, zone: str) -> tuple[str, int, int, bool]:
    """Kind, begin and end of a stored record, and whether it is a span; a day as wide as its readings can be."""
    kind, begin, *length = record_key.removeprefix(f"{name}|").split("|")
    if length:
        start_s = int(instant_from_text(begin).timestamp())
        return kind, start_s, start_s + int(length[0]), True
    period = day_period(date.fromisoformat(begin), zone_of(zone))
    slack = timedelta(seconds=_LONGEST_HALF_READING_S)
    return kind, int((period.start - slack).timestamp()), int((period.end + slack).timestamp()), False
