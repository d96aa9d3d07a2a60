"""From parsed documents to records: the same derivation for an import and for an auditor who repeats it."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from connectors import registry
from domain.activity import Activity, EvidenceClass, Quality, activity_key
from domain.meter_day import CutSeries, DayReadings, MeterDayId, Span, cut_into_days, day_activity, merge_days, merge_readings
from domain.period import Period, instant_of_epoch_s, zone_of
from domain.series import MeterDocument
from domain.split import split_over_months
from domain.standing import standing
from domain.units import find_unit

_STRONGEST_EVIDENCE = {"typed-bill": EvidenceClass.TYPED}
"""Strongest class by connector, where it is not that of its documents: uploaded for files, fetched for what can be pulled."""


@dataclass(frozen=True, slots=True)
class MeterSite:
    """What the records of a meter depend on beside the readings.

    Attributes:
        region: Path of its region, part of the activity key.
        zone: IANA time zone that its days are cut in.
    """

    region: str
    zone: str


@dataclass(frozen=True, slots=True)
class DerivedRecord:
    """What documents say about one meter day or span.

    Attributes:
        record_key: Its name.
        usage_point: The provider's name of the meter point.
        activities: What follows from it: one for a day, one per month for a span.
    """

    record_key: str
    usage_point: str
    activities: tuple[Activity, ...]


@dataclass(frozen=True, slots=True)
class SourcedCut:
    """A document's readings by day, with where they come from.

    Attributes:
        sha256: Of the original, 64 hexadecimal digits.
        evidence: How it is known.
        cut: Its days and spans.
    """

    sha256: str
    evidence: EvidenceClass
    cut: CutSeries


@dataclass(frozen=True, slots=True)
class DerivedMeters:
    """What all documents of some meters of one connector say together.

    Attributes:
        records: What counts, by record key.
        fallen: Record keys of what the documents say and what does not count beside the rest.
        document_sha256s: By record key of both: the documents that it was taken from, in the order in which they came.
        notes: Why something does not count, in plain words.
    """

    records: Mapping[str, DerivedRecord]
    fallen: Mapping[str, str]
    document_sha256s: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...]


def believed_evidence(connector: str, claimed: EvidenceClass) -> EvidenceClass:
    """How a connector's documents are known, at most as strong as can be believed: what was typed stays typed.

    That we fetched a document ourselves is believed of connectors that can be pulled; who fetched it, nobody else can see.

    Args:
        connector: Which connector reads them.
        claimed: What is said.

    Returns:
        The weaker one of what is said and what can be.

    Raises:
        NotFoundError: There is no such connector.
    """
    order = list(EvidenceClass)
    strongest = _STRONGEST_EVIDENCE.get(connector)
    if strongest is None:
        can_pull = registry.find(connector).pull is not None
        strongest = EvidenceClass.FETCHED_BY_CONNECTOR if can_pull else EvidenceClass.UPLOADED
    return min(claimed, strongest, key=order.index)


def cut_document(document: MeterDocument, sites: Mapping[str, MeterSite]) -> CutSeries:
    """A document's readings by local day.

    Args:
        document: As the connector parsed it.
        sites: Site of each usage point by its name; a usage point without one is left out.

    Returns:
        Days, spans and notes.

    Raises:
        NumberError: A reading does not fit in 64 bits of millionths.
        PlaceError: A site's zone does not exist.
    """
    known = [series for series in document.series if series.usage_point in sites]
    return cut_into_days(known, {name: zone_of(site.zone, record=f"meter {name}") for name, site in sites.items()})


def merge_documents(day: MeterDayId, cuts: Sequence[CutSeries]) -> DayReadings:
    """The readings of one meter day after several documents, in the order in which they came."""
    merged: DayReadings = {}
    for cut in cuts:
        if day in cut.days:
            merged = merge_readings(merged, cut.days[day])
    return merged


def derive_meters(
    documents: Sequence[SourcedCut], sites: Mapping[str, MeterSite], *, without: AbstractSet[str] = frozenset()
) -> DerivedMeters:
    """The records of some meters from all their documents: merged in order, and every instant counted once.

    Args:
        documents: Of one connector, cut for these sites, in the order in which they came.
        sites: Site of each usage point.
        without: Record keys that were removed on purpose and do not count.

    Returns:
        What counts, what does not, and from which documents.

    Raises:
        KindError: A kind is not measured in its unit.
        NumberError: A day's sum does not fit in 64 bits of millionths.
        PlaceError: A site's zone does not exist.
    """
    days: dict[MeterDayId, DayReadings] = {}
    spans: list[Span] = []
    sources: dict[str, dict[str, EvidenceClass]] = {}
    unit: dict[str, str] = {}
    for one in documents:
        said = {day: readings for day, readings in one.cut.days.items() if day.record_key not in without}
        changed = merge_days(days, said)
        of_document = [span for span in one.cut.spans if span.record_key not in without]
        days |= changed
        spans += of_document
        unit |= one.cut.unit
        for record_key in (*(day.record_key for day in changed), *(span.record_key for span in of_document)):
            sources.setdefault(record_key, {})[one.sha256] = one.evidence
    measured = {day: readings for day, readings in days.items() if readings}
    found = standing(measured, spans)
    records: dict[str, DerivedRecord] = {}
    for day, readings in measured.items():
        if day in found.days:
            evidence = list(sources[day.record_key].values())[-1]
            made = day_record(day, readings, unit=unit[day.kind], site=sites[day.usage_point], evidence=evidence)
            records[made.record_key] = made
    for span in found.spans:
        evidence = list(sources[span.record_key].values())[-1]
        made = span_record(span, unit=unit[span.kind], site=sites[span.usage_point], evidence=evidence)
        records[made.record_key] = made
    said_all = {day.record_key: day.usage_point for day in days} | {span.record_key: span.usage_point for span in spans}
    fallen = {record_key: usage_point for record_key, usage_point in said_all.items() if record_key not in records}
    return DerivedMeters(records, fallen, {key: tuple(digests) for key, digests in sources.items()}, found.notes)


def day_record(day: MeterDayId, readings: DayReadings, *, unit: str, site: MeterSite, evidence: EvidenceClass) -> DerivedRecord:
    """The record of one meter day.

    Args:
        day: Meter, kind and local day.
        readings: Its readings, at least one.
        unit: Canonical unit of the readings.
        site: Where the meter is.
        evidence: How the readings are known.

    Returns:
        The record with its one activity.

    Raises:
        KindError: The kind is not measured in this unit.
        NumberError: The sum does not fit in 64 bits of millionths.
    """
    key = activity_key(day.kind, site.region, day.day.year, find_unit(unit).dimension)
    return DerivedRecord(day.record_key, day.usage_point, (day_activity(readings, day.day, key, evidence),))


def span_record(span: Span, *, unit: str, site: MeterSite, evidence: EvidenceClass) -> DerivedRecord:
    """The record of a reading over several days, split over months by days.

    Args:
        span: The reading.
        unit: Canonical unit of its amount.
        site: Where the meter is.
        evidence: How it is known.

    Returns:
        The record with one activity per local month; they add up to the reading.

    Raises:
        KindError: The kind is not measured in this unit.
        PlaceError: The site's zone does not exist.
    """
    period = Period(instant_of_epoch_s(span.start_s), instant_of_epoch_s(span.start_s + span.duration_s))
    parts = split_over_months(span.quantity_micro, period, zone_of(site.zone))
    dimension = find_unit(unit).dimension
    activities = tuple(
        Activity(
            key=activity_key(span.kind, site.region, month.year, dimension),
            start=part_of.start,
            end=part_of.end,
            month=month,
            quantity_micro=part_micro,
            quality=Quality.ESTIMATED if span.is_estimated else Quality.MEASURED,
            evidence=evidence,
        )
        for month, part_of, part_micro in parts
    )
    return DerivedRecord(span.record_key, span.usage_point, activities)
