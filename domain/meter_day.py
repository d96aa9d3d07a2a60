"""Meter days: interval readings of one meter, direction and local day, and how readings of several documents merge.

Rules (shared design, data model):

- A reading belongs to the local day of its midpoint, so that a daily reading an hour off midnight still lands on its day.
- Inside one document equal (start, duration) are different readings; an occurrence number tells them apart. Across documents
  equal (start, duration, occurrence) is a correction: the newer feed wins.
- Where two documents cut a day differently (hourly and quarter-hourly), the side that covers more of the day stands alone;
  with equal cover the newer feed. Nothing is counted twice.
- Gaps are absent, not zero.
- A reading longer than a day is a span, split over months by days.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction
from zoneinfo import ZoneInfo

from domain.activity import Activity, ActivityKey, Direction, EvidenceClass, Profile, Quality
from domain.errors import NumberError
from domain.number import INT64_MAX, round_half_even
from domain.period import Month, instant_of_epoch_s
from domain.series import IntervalSeries

LONGEST_DAY_READING_S = 26 * 3600
"""A local day has at most 25 hours; anything longer than this is a span of several days."""

ESTIMATED_QUALITIES = frozenset({7, 8, 9, 10, 11, 12})
"""ESPI QualityOfReading codes that are not plain measurements: 7 manually edited, 8 estimated using reference day, 9 linear
interpolation, 10 questionable, 11 derived, 12 projected (ESPI 4.0, QualityOfReading)."""


@dataclass(frozen=True, slots=True, order=True)
class ReadingId:
    """Identity of a reading inside its meter, direction and day.

    Attributes:
        start_s: Begin, seconds since 1970.
        duration_s: Length in seconds.
        occurrence_index: 0 for the first reading of this start and length in its document, 1 for the next.
    """

    start_s: int
    duration_s: int
    occurrence_index: int


@dataclass(frozen=True, slots=True)
class ReadingValue:
    """Value of one reading.

    Attributes:
        quantity_micro: Millionths of the canonical unit.
        feed_time_s: Last change of the feed it came from, seconds since 1970; 0 where unknown.
        is_estimated: Whether the utility marks it as estimated.
    """

    quantity_micro: int
    feed_time_s: int
    is_estimated: bool = False


DayReadings = Mapping[ReadingId, ReadingValue]
"""Readings of one meter, kind and local day."""


@dataclass(frozen=True, slots=True)
class MeterDayId:
    """Names a meter day.

    Attributes:
        usage_point: The provider's name of the meter point.
        kind: Kind of activity: an export has its own.
        day: Local day.
    """

    usage_point: str
    kind: str
    day: date

    @property
    def record_key(self) -> str:
        """Name of the record: usage point, kind, day."""
        return f"{self.usage_point}|{self.kind}|{self.day.isoformat()}"


@dataclass(frozen=True, slots=True)
class Span:
    """A reading over several days: a monthly value of a bill.

    Attributes:
        usage_point: The provider's name of the meter point.
        kind: Kind of activity.
        start_s: Begin, seconds since 1970.
        duration_s: Length in seconds.
        quantity_micro: Millionths of the canonical unit.
        is_estimated: Whether the utility marks it as estimated.
    """

    usage_point: str
    kind: str
    start_s: int
    duration_s: int
    quantity_micro: int
    is_estimated: bool

    @property
    def record_key(self) -> str:
        """Name of the record: usage point, kind, start and length."""
        return f"{self.usage_point}|{self.kind}|{instant_of_epoch_s(self.start_s):%Y-%m-%dT%H:%M:%SZ}|{self.duration_s}"


@dataclass(frozen=True, slots=True)
class CutSeries:
    """Series cut into local days.

    Attributes:
        unit: Canonical unit of each kind.
        days: Readings by meter day.
        spans: Readings longer than a day.
        notes: What a person should know: third views left out, negative readings counted as export.
    """

    unit: Mapping[str, str]
    days: Mapping[MeterDayId, DayReadings]
    spans: tuple[Span, ...]
    notes: tuple[str, ...]


def cut_into_days(series: Iterable[IntervalSeries], zones: Mapping[str, ZoneInfo]) -> CutSeries:
    """The readings of a document by meter, kind and local day.

    Args:
        series: What the parser read; registers are left out.
        zones: Time zone of each usage point by its name.

    Returns:
        Days, spans and notes. An electricity reading below zero counts as export, positive.

    Raises:
        NumberError: A reading does not fit in 64 bits of millionths.
    """
    chosen, notes = _without_third_views(series)
    unit: dict[str, str] = {}
    days: dict[MeterDayId, dict[ReadingId, ReadingValue]] = {}
    spans: list[Span] = []
    negative_count = 0
    for one in chosen:
        zone = zones[one.usage_point]
        occurrences: dict[tuple[int, int], int] = {}
        offsets = _DayOfInstant(zone)
        for start_s, duration_s, quantity_micro, is_estimated in _readings(one):
            kind = one.kind
            if one.kind == "electricity" and (one.direction is Direction.EXPORT or quantity_micro < 0):
                negative_count += quantity_micro < 0 and one.direction is not Direction.EXPORT
                kind, quantity_micro = "electricity_export", abs(quantity_micro)  # noqa: PLW2901  # sign becomes direction
            unit[kind] = one.unit
            if duration_s > LONGEST_DAY_READING_S:
                spans.append(Span(one.usage_point, kind, start_s, duration_s, quantity_micro, is_estimated))
                continue
            occurrence_index = occurrences.get((start_s, duration_s), 0)
            occurrences[start_s, duration_s] = occurrence_index + 1
            day = MeterDayId(one.usage_point, kind, offsets.day_of(start_s + duration_s // 2))
            value = ReadingValue(quantity_micro, one.updated_at_s, is_estimated)
            days.setdefault(day, {})[ReadingId(start_s, duration_s, occurrence_index)] = value
    if negative_count:
        notes.append(f"{negative_count} readings below zero are counted as export")
    return CutSeries(unit, days, tuple(spans), tuple(notes))


def merge_readings(older: DayReadings, newer: DayReadings) -> DayReadings:
    """The readings of one meter day after another document.

    Args:
        older: What is known.
        newer: What the document says.

    Returns:
        Every reading once; the newer feed's value where both have it.
    """
    if not older:
        return newer
    if _grids_conflict(older, newer):
        if _covered_s(older) > _covered_s(newer):
            return older
        if _covered_s(older) == _covered_s(newer) and _feed_time_s(older) > _feed_time_s(newer):
            return older
        return newer
    merged = dict(older)
    for reading, value in newer.items():
        known = merged.get(reading)
        if known is None or value.feed_time_s >= known.feed_time_s:
            merged[reading] = value
    return merged


def day_activity(readings: DayReadings, day: date, key: ActivityKey, evidence: EvidenceClass) -> Activity:
    """The activity of a meter day.

    Args:
        readings: At least one.
        day: The local day.
        key: What its factor depends on.
        evidence: How it is known.

    Returns:
        The day's sum with its profile.

    Raises:
        NumberError: The sum does not fit in 64 bits of millionths.
    """
    ordered = sorted(readings.items())
    first_s = ordered[0][0].start_s
    last_s = max(reading.start_s + reading.duration_s for reading, _ in ordered)
    total_micro = sum(value.quantity_micro for _, value in ordered)
    if abs(total_micro) > INT64_MAX:
        raise NumberError("A day's sum is too large", expected="less than 2^63 millionths", got=total_micro, record=str(day))
    return Activity(
        key=key,
        start=instant_of_epoch_s(first_s),
        end=instant_of_epoch_s(max(last_s, first_s + 1)),
        month=Month(day.year, day.month),
        quantity_micro=total_micro,
        quality=Quality.ESTIMATED if any(value.is_estimated for _, value in ordered) else Quality.MEASURED,
        evidence=evidence,
        profile=Profile(
            tuple(reading.start_s - first_s for reading, _ in ordered),
            tuple(reading.duration_s for reading, _ in ordered),
            tuple(value.quantity_micro for _, value in ordered),
            tuple(value.feed_time_s for _, value in ordered),
        ),
    )


def readings_of_activity(activity: Activity) -> DayReadings:
    """The readings that a meter day's activity was made of: the inverse of `day_activity`."""
    profile = activity.profile
    if profile is None:
        return {}
    first_s = int(activity.start.timestamp())
    feed_times_s = profile.feed_times_s or (0,) * len(profile.starts_s)
    is_estimated = activity.quality is Quality.ESTIMATED
    occurrences: dict[tuple[int, int], int] = {}
    found: dict[ReadingId, ReadingValue] = {}
    columns = zip(profile.starts_s, profile.durations_s, profile.quantities_micro, feed_times_s, strict=True)
    for offset_s, duration_s, quantity_micro, feed_time_s in columns:
        start_s = first_s + offset_s
        occurrence_index = occurrences.get((start_s, duration_s), 0)
        occurrences[start_s, duration_s] = occurrence_index + 1
        found[ReadingId(start_s, duration_s, occurrence_index)] = ReadingValue(quantity_micro, feed_time_s, is_estimated)
    return found


class _DayOfInstant:
    """Local day of instants, with the zone's offset kept for the hour: readings come in order, conversion is dear."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offset_by_quarter: dict[int, int] = {}

    def day_of(self, at_s: int) -> date:
        quarter = at_s // 900
        offset_s = self._offset_by_quarter.get(quarter)
        if offset_s is None:
            offset = datetime.fromtimestamp(quarter * 900, self._zone).utcoffset()
            offset_s = int(offset.total_seconds()) if offset else 0
            self._offset_by_quarter[quarter] = offset_s
        return datetime.fromtimestamp(at_s + offset_s, UTC).date()


def _without_third_views(series: Iterable[IntervalSeries]) -> tuple[list[IntervalSeries], list[str]]:
    """One series per meter, kind and direction; net and total only where nothing else tells (ESPI FlowDirectionKind 4, 20)."""
    summable = [one for one in series if one.is_additive and len(one.values)]
    split = {(one.usage_point, one.kind) for one in summable if one.direction in (Direction.DELIVERED, Direction.EXPORT)}
    netted = {(one.usage_point, one.kind) for one in summable if one.direction is Direction.NET}
    notes: list[str] = []
    chosen: dict[tuple[str, str, Direction], IntervalSeries] = {}
    for one in summable:
        meter = (one.usage_point, one.kind)
        name = f"{one.kind} of meter {one.usage_point or '(unnamed)'}"
        if one.direction is Direction.NET and meter in split:
            notes.append(f"the net series of {name} is a third view of the same meter and is not counted")
        elif one.direction is Direction.TOTAL and (meter in split or meter in netted):
            notes.append(f"the total series of {name} is a third view of the same meter and is not counted")
        elif (*meter, one.direction) in chosen:
            known = chosen[(*meter, one.direction)]
            kept, left = (known, one) if _measured_s(known) >= _measured_s(one) else (one, known)
            chosen[(*meter, one.direction)] = kept
            notes.append(f"a second {one.direction} series of {name} ({len(left.values)} readings) is not counted")
        else:
            chosen[(*meter, one.direction)] = one
    return list(chosen.values()), notes


def _measured_s(series: IntervalSeries) -> int:
    return sum(series.durations_s)


def _readings(series: IntervalSeries) -> Iterator[tuple[int, int, int, bool]]:
    exact = series.micro_per_value
    whole = exact.numerator if exact.denominator == 1 else 0
    for index, value in enumerate(series.values):
        quantity_micro = value * whole if whole else round_half_even(Fraction(value) * exact)
        if abs(quantity_micro) > INT64_MAX:
            raise NumberError(
                "A reading is too large",
                expected=f"less than 9.2e12 {series.unit}",
                got=f"{value} {series.source_unit}",
                record=f"reading {index + 1} of {series.series_key}",
                next_step="Ask the utility about this value.",
            )
        is_estimated = bool(series.qualities) and series.qualities[index] in ESTIMATED_QUALITIES
        yield series.starts_s[index], series.durations_s[index], quantity_micro, is_estimated


def _grids_conflict(older: DayReadings, newer: DayReadings) -> bool:
    """Whether a reading of one overlaps a reading of the other without being the same span."""
    spans = sorted({(r.start_s, r.start_s + r.duration_s) for r in (*older, *newer) if r.duration_s})
    known = {(r.start_s, r.start_s + r.duration_s) for r in older}
    new = {(r.start_s, r.start_s + r.duration_s) for r in newer}
    for before, after in itertools.pairwise(spans):
        crosses = after[0] < before[1]
        if crosses and not ({before, after} <= known or {before, after} <= new):
            return True
    return False


def _covered_s(readings: DayReadings) -> int:
    return sum(reading.duration_s for reading in readings)


def _feed_time_s(readings: DayReadings) -> int:
    return max(value.feed_time_s for value in readings.values())
