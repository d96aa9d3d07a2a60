"""Taking in the readings of one document: place, cut into days, merge with what is known, keep the original, store."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.services import Whose, Work
from app.store import connections, periods, records, subjects
from app.store.connections import ConnectionRow, UsagePointRow
from app.store.records import Outcome, RecordInput, Stored
from app.store.subjects import SubjectRow
from app.usecases.count_bills import BillsAside, check_bill, set_bills_aside
from app.usecases.derive import DerivedRecord, MeterSite, SourcedCut, cut_document, day_record, span_record
from app.usecases.import_report import LISTED_COUNT, ImportReport, day_span, inputs_sha256, keep_report, read_totals
from app.usecases.keep_original import Received, keep_original
from app.usecases.move_meter import move_meter
from app.usecases.place_meter import MeterPlace, place_meter
from app.usecases.record_home import home_of_meters
from app.usecases.rederive_meter import Rederived, must_rederive, only_meter, rederive_meter
from connectors import registry
from connectors.typed_bill import TYPED_BILL
from connectors.typed_bill.parse import bill_of_document
from domain.activity import EvidenceClass
from domain.declared import DECLARED_USAGE_POINT
from domain.errors import ConflictError, DocumentError, TimeError
from domain.meter_day import PAIRED_KINDS, CutSeries, DayReadings, MeterDayId, merge_readings, readings_of_activity
from domain.period import Month, instant_of_epoch_s, instant_to_text
from domain.place import Place
from domain.record import RecordRevision
from domain.series import LocalTime, MeterDocument

FUTURE_TOLERANCE = timedelta(hours=26)
"""A reading may end so much after now: the utility's clock and ours, and the longest local day."""


def import_readings(
    work: Work,
    whose: Whose,
    connector_name: str,
    received: Received,
    *,
    place: Place | None = None,
    document: MeterDocument,
    connection: ConnectionRow | None = None,
) -> ImportReport:
    """Take in the readings of one document of a subject; everything or nothing of it.

    Nothing is counted twice: what a newer or fuller reading of the same time replaces is removed with a note, and stays in the
    history.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connector_name: Which connector reads it.
        received: The file, with the evidence that is believed of it.
        place: Where the meter is, as the person says; else what is registered, else the subject's home.
        document: What the connector read in it.
        connection: The connection that it was pulled through; the standing one of files where left out.

    Returns:
        What became of it.

    Raises:
        NotFoundError: There is no such subject or connector.
        DocumentError: A meter has a name that no meter may have.
        PlaceError: The place or its time zone must be asked for.
        TimeError: It has readings in the future.
        ConflictError: A typed bill's days are those of another time zone, or count already; or a typed bill counts part of the
            days that the file measures.
    """
    session, services = work.session, work.services
    now = services.clock.now()
    connector = registry.find(connector_name)
    _check_names(document)
    _check_not_future(document, now)
    if connector_name == TYPED_BILL.manifest.connector_id:
        check_bill(work, whose, bill_of_document(received.body))
    subject = subjects.by_id(session, whose.tenant_id, whose.subject_id)
    connection = connection or connections.standing_file(
        session, whose.tenant_id, whose.subject_id, connector_name, connection_id=services.randomness.id(), now=now
    )
    given = connection
    connection = home_of_meters(work, whose, connection, {one.usage_point for one in document.series if len(one.values)})
    placed = _place_meters(work, subject, connection, document, place)
    sites = {name: _site(meter) for name, meter in placed.meters.items()}
    original = keep_original(work, whose, connector_name, received)
    cut = cut_document(document, sites)
    source = _Source(connection, connector.manifest.parser_version, original.sha256, received.evidence)
    stored = _store(work, whose, source, cut, sites)
    changed = placed.months.union(*(one.months for one in stored.records))
    aside = set_bills_aside(work, whose, changed) if connector_name != TYPED_BILL.manifest.connector_id else BillsAside()
    months = sorted(changed | aside.months)
    periods.mark_changed(session, whose.tenant_id, whose.subject_id, months)
    counted = (one for one in stored.records if one.record_key in stored.counting or one.outcome is not Outcome.NEW)
    outcomes = Counter(one.outcome for one in counted)
    report = ImportReport(
        document_sha256=original.sha256,
        is_known=original.is_known,
        reading_count=sum(len(series.values) for series in document.series),
        new_count=outcomes[Outcome.NEW],
        changed_count=outcomes[Outcome.CHANGED],
        same_count=outcomes[Outcome.SAME],
        refused=tuple(refusal.sentence() for refusal in document.refused[:LISTED_COUNT]),
        refused_count=len(document.refused),
        notes=(*placed.notes, *cut.notes, *stored.notes, *aside.notes),
        months=tuple(months),
        meters=placed.meters,
        import_id=services.randomness.id(),
        refusals=document.refused,
    )
    is_pulled = given.id == connection.id and not connection.is_file
    named = inputs_sha256(services, connection, subject, place, original.sha256) if is_pulled else ""
    keep_report(
        work,
        whose,
        report,
        received,
        connector=connector_name,
        totals=read_totals(document),
        days=day_span(cut, {name: meter.place.zone for name, meter in placed.meters.items()}),
        refused=document.refused,
        inputs_sha256=named,
    )
    return report


@dataclass(frozen=True, slots=True)
class _Source:
    """Where the records of a document come from."""

    connection: ConnectionRow
    parser_version: str
    sha256: str
    evidence: EvidenceClass


def _check_names(document: MeterDocument) -> None:
    if any(series.usage_point == DECLARED_USAGE_POINT for series in document.series):
        raise DocumentError(
            "This name is not for meters",
            expected="another name of the meter",
            got=DECLARED_USAGE_POINT,
            record="usage point",
            next_step="Activities that no meter measured stand under this name; call the meter or utility something else.",
        )


def _check_not_future(document: MeterDocument, now: datetime) -> None:
    limit_s = int((now + FUTURE_TOLERANCE).timestamp())
    for series in document.series:
        ends = [s + d for s, d in zip(series.starts_s, series.durations_s, strict=True)] if len(series.values) else []
        late = [end for end in ends if end > limit_s]
        if late:
            raise TimeError(
                "This file has readings in the future",
                expected=f"readings up to {instant_to_text(now)}",
                got=f"{len(late)}, the last one until {instant_to_text(instant_of_epoch_s(max(late)))}",
                record=series.series_key,
                next_step="Check the file and this machine's clock; a forecast is not a measurement.",
            )


@dataclass(frozen=True, slots=True)
class _Placed:
    """Where the meters of a document are, and what became of those that moved."""

    meters: Mapping[str, MeterPlace]
    notes: tuple[str, ...]
    months: frozenset[Month]


def _place_meters(
    work: Work, subject: SubjectRow, connection: ConnectionRow, document: MeterDocument, given: Place | None
) -> _Placed:
    """Place of every usage point of the document, registered where it is new; a meter whose place is another now is moved.

    Raises:
        ConflictError: A typed bill's days are those of another time zone.
    """
    session, services = work.session, work.services
    known = {point.name: point for point in connections.usage_points_of(session, subject.tenant_id, connection.id)}
    home = Place(subject.region, subject.country, subject.zone) if subject.region else None
    meters: dict[str, MeterPlace] = {}
    notes: list[str] = []
    months: set[Month] = set()
    for name in sorted({series.usage_point for series in document.series if len(series.values)}):
        registered = _registered(known.get(name))
        meter = place_meter(
            name,
            given=given,
            registered=registered,
            home=home,
            clock=_clock_of(document, name),
            zones_of_region=services.zones_of_region,
        )
        services.factor_set.regions.chain(meter.place.region, record=f"meter {name}")  # refuses a place that does not exist
        meters[name] = meter
        connections.put_usage_point(
            session,
            UsagePointRow(
                services.randomness.id(),
                subject.tenant_id,
                connection.id,
                name,
                meter.place.region,
                meter.place.zone,
                meter.zone_source,
            ),
        )
        if registered and _site(registered) != _site(meter):
            _check_can_move(connection, name, registered, meter)
            moved = move_meter(work, Whose(subject.tenant_id, subject.id), connection, name, _site(meter))
            months |= moved
            notes.append(
                f"the meter {name} was registered at {registered.place.region} ({registered.place.zone}); "
                f"all its days are counted at {meter.place.region} ({meter.place.zone}) now"
            )
    return _Placed(meters, tuple(notes), frozenset(months))


def _site(meter: MeterPlace) -> MeterSite:
    return MeterSite(meter.place.region, meter.place.zone)


def _check_can_move(connection: ConnectionRow, name: str, registered: MeterPlace, meter: MeterPlace) -> None:
    """A typed bill says days, and they were days of the zone it was typed for.

    Raises:
        ConflictError: It would move to another time zone.
    """
    if connection.connector == TYPED_BILL.manifest.connector_id and registered.place.zone != meter.place.zone:
        raise ConflictError(
            "The bills of this utility are days of another time zone",
            expected=registered.place.zone,
            got=meter.place.zone,
            record=f"meter {name}",
            next_step="Leave the place out to keep the registered one, or give the utility another name.",
        )


def _registered(point: UsagePointRow | None) -> MeterPlace | None:
    if point is None:
        return None
    return MeterPlace(Place(point.region, point.region.split("/")[0], point.zone), point.zone_source)


def _clock_of(document: MeterDocument, name: str) -> LocalTime | None:
    return document.local_times.get(name) or document.local_times.get("")


@dataclass(frozen=True, slots=True)
class _Stored:
    """What became of the records of a document's meters, which of them count, and what a person should know."""

    records: tuple[Stored, ...]
    counting: frozenset[str]
    notes: tuple[str, ...]


def _store(work: Work, whose: Whose, source: _Source, cut: CutSeries, sites: Mapping[str, MeterSite]) -> _Stored:
    """Store what the document and the earlier ones say together: meter by meter from the originals where they differ in more."""
    newest = SourcedCut(source.sha256, source.evidence, cut)
    known = _known(work, source, cut)
    known_days = _readings_of(cut, known)
    merged: dict[str, MeterSite] = {}
    again: list[Rederived] = []
    for name, site in sites.items():
        if _must_rederive(work, source, newest, (name, site), known_days):
            again.append(rederive_meter(work, whose, source.connection, name, site, newest=newest))
        else:
            merged[name] = site
    stored = records.upsert_many(
        work.session,
        whose.tenant_id,
        whose.subject_id,
        source.connection.id,
        _inputs(source, cut, merged, known),
        recorded_at=work.services.clock.now(),
        new_id=work.services.randomness.id,
    )
    counting = frozenset(one.record_key for one in stored).union(*(one.counting for one in again))
    return _Stored(
        (*stored, *(one for meter in again for one in meter.stored)),
        counting,
        tuple(note for meter in again for note in meter.notes),
    )


def _must_rederive(
    work: Work, source: _Source, newest: SourcedCut, meter: tuple[str, MeterSite], known_days: Mapping[MeterDayId, DayReadings]
) -> bool:
    name, site = meter
    here = (work.session, source.connection.tenant_id, source.connection.id, name)
    if records.was_read_otherwise(*here, source.parser_version):
        return True
    own = only_meter(newest.cut, name)
    keys = [day.record_key for day in own.days]
    states = records.of_usage_point(*here) if own.spans else records.bearing_on(*here, keys)
    return must_rederive(newest, name, site.zone, states=states, known_days=known_days)


def _known(work: Work, source: _Source, cut: CutSeries) -> dict[str, RecordRevision]:
    """The stored records of the document's days and spans, and of the days that are paired with them."""
    paired = (MeterDayId(day.usage_point, PAIRED_KINDS[day.kind], day.day) for day in cut.days if day.kind in PAIRED_KINDS)
    keys = [one.record_key for one in (*cut.days, *paired)] + [span.record_key for span in cut.spans]
    connection = source.connection
    return records.current_profiles(work.session, connection.tenant_id, connection.id, dict.fromkeys(keys))


def _readings_of(cut: CutSeries, known: Mapping[str, RecordRevision]) -> dict[MeterDayId, DayReadings]:
    """Stored readings of the document's days and of those paired with them."""
    found: dict[MeterDayId, DayReadings] = {}
    for day in cut.days:
        for kind in (day.kind, PAIRED_KINDS.get(day.kind, day.kind)):
            one = MeterDayId(day.usage_point, kind, day.day)
            before = known.get(one.record_key)
            if one not in found and before and before.activities:
                found[one] = readings_of_activity(before.activities[0])
    return found


def _inputs(
    source: _Source, cut: CutSeries, sites: Mapping[str, MeterSite], known: Mapping[str, RecordRevision]
) -> list[RecordInput]:
    """What the document and the earlier ones say together of these meters, one input per meter day or span."""
    connection = source.connection
    inputs = []

    def add(record: DerivedRecord) -> None:
        before = known.get(record.record_key)
        documents = tuple(dict.fromkeys((*(before.document_sha256s if before else ()), source.sha256)))
        inputs.append(
            RecordInput(
                connection.connector, source.parser_version, record.record_key, record.usage_point, documents, record.activities
            )
        )

    for day, readings in cut.days.items():
        if day.usage_point not in sites:
            continue
        before = known.get(day.record_key)
        if before and source.sha256 in before.document_sha256s:  # merged before; again would undo what came after it
            inputs.append(_unchanged(before))
            continue
        merged = (
            merge_readings(readings_of_activity(before.activities[0]), readings) if before and before.activities else readings
        )
        add(day_record(day, merged, unit=cut.unit[day.kind], site=sites[day.usage_point], evidence=source.evidence))
    for span in cut.spans:
        if span.usage_point not in sites:
            continue
        before = known.get(span.record_key)
        if before and source.sha256 in before.document_sha256s:
            inputs.append(_unchanged(before))
            continue
        add(span_record(span, unit=cut.unit[span.kind], site=sites[span.usage_point], evidence=source.evidence))
    return inputs


def _unchanged(revision: RecordRevision) -> RecordInput:
    return RecordInput(
        revision.connector,
        revision.parser_version,
        revision.record_key,
        revision.usage_point,
        revision.document_sha256s,
        revision.activities,
    )
