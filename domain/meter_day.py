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

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from typing import NamedTuple
from zoneinfo import ZoneInfo

from domain.activity import Activity, ActivityKey, Direction, EvidenceClass, Profile, Quality
from domain.errors import NumberError
from domain.number import INT64_MAX, round_half_even
from domain.period import Month, instant_of_epoch_s
from domain.series import IntervalSeries

LONGEST_DAY_READING_S = 26 * 3600
"""A local day has at most 25 hours; anything longer than this is a span of several days."""

PAIRED_KINDS = {"electricity": "electricity_export", "electricity_export": "electricity"}
"""Kinds that one meter's net readings fall into: below zero they are export."""

ESTIMATED_QUALITIES = frozenset({7, 8, 9, 10, 11, 12})
"""ESPI QualityOfReading codes that are not plain measurements: 7 manually edited, 8 estimated using reference day, 9 linear
interpolation, 10 questionable, 11 derived, 12 projected (ESPI 4.0, QualityOfReading)."""


class ReadingId(NamedTuple):
    """Identity of a reading inside its meter, direction and day; a tuple, since a document has tens of thousands.

    Attributes:
        start_s: Begin, seconds since 1970.
        duration_s: Length in seconds.
        occurrence_index: 0 for the first reading of this start and length in its document, 1 for the next.
    """

    start_s: int
    duration_s: int
    occurrence_index: int


class ReadingValue(NamedTuple):
    """Value of one reading.

    Attributes:
        quantity_micro: Millionths of the canonical unit.
        feed_time_s: Last change of the feed it came from, seconds since 1970; 0 where unknown.
        is_estimated: Whether the utility marks it as estimated.
        is_turned: Whether it is a reading below zero that counts as export; known of what was cut, not of what was stored.
    """

    quantity_micro: int
    feed_time_s: int
    is_estimated: bool = False
    is_turned: bool = False


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
        occurrence_index: 0 for the first of this start and length in its document, 1 for the next.
        feed_time_s: Last change of the feed it came from, seconds since 1970; 0 where unknown.
    """

    usage_point: str
    kind: str
    start_s: int
    duration_s: int
    quantity_micro: int
    is_estimated: bool
    occurrence_index: int = 0
    feed_time_s: int = 0

    @property
    def record_key(self) -> str:
        """Name of the record: usage point, kind, start and length, and which occurrence where it is not the first."""
        name = f"{self.usage_point}|{self.kind}|{instant_of_epoch_s(self.start_s):%Y-%m-%dT%H:%M:%SZ}|{self.duration_s}"
        return f"{name}|{self.occurrence_index}" if self.occurrence_index else name


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
        Days, spans and notes. An electricity reading below zero counts as export, positive; a bill's is a refund.

    Raises:
        NumberError: A reading does not fit in 64 bits of millionths.
    """
    chosen, notes = _without_third_views(series)
    unit: dict[str, str] = {}
    days: dict[MeterDayId, dict[ReadingId, ReadingValue]] = {}
    spans: list[Span] = []
    negative_count = 0
    local = {zone: _DayOfInstant(zone) for zone in {zones[one.usage_point] for one in chosen}}
    for one in chosen:
        cut = _OneSeries(one, local[zones[one.usage_point]])
        for meter_day, readings in cut.days():
            days.setdefault(meter_day, {}).update(readings)
        spans += cut.spans
        unit.update(dict.fromkeys(cut.kinds, one.unit))
        negative_count += cut.negative_count
    spans = _numbered(spans)
    if negative_count:
        notes.append(f"{negative_count} readings below zero are counted as export")
    return CutSeries(unit, days, tuple(spans), tuple(notes))


def _numbered(spans: Iterable[Span]) -> list[Span]:
    """Spans of one document, each with its occurrence among those of equal meter, kind, start and length."""
    counts: dict[str, int] = {}
    found = []
    for span in spans:
        occurrence_index = counts.get(span.record_key, 0)
        counts[span.record_key] = occurrence_index + 1
        found.append(replace(span, occurrence_index=occurrence_index) if occurrence_index else span)
    return found


class _OneSeries:
    """One series cut into local days."""

    def __init__(self, series: IntervalSeries, local: "_DayOfInstant") -> None:
        self._series = series
        self._readings: dict[tuple[str, int], dict[ReadingId, ReadingValue]] = {}
        self.spans: list[Span] = []
        self.kinds: set[str] = set()
        self.negative_count = 0
        self._cut(local)

    def days(self) -> Iterator[tuple[MeterDayId, dict[ReadingId, ReadingValue]]]:
        for (kind, day_number), readings in self._readings.items():
            yield MeterDayId(self._series.usage_point, kind, date.fromordinal(_ORDINAL_1970 + day_number)), readings

    def _cut(self, local: "_DayOfInstant") -> None:
        one, readings_of = self._series, self._readings
        repeats: dict[tuple[str, int, int], int] = {}
        can_turn, is_export = one.kind == "electricity" and not one.is_bill, one.direction is Direction.EXPORT
        for start_s, duration_s, signed_micro, is_estimated in _readings(one):
            kind, quantity_micro, is_turned = one.kind, signed_micro, False
            if can_turn and (is_export or signed_micro < 0):
                is_turned = not is_export
                self.negative_count += is_turned
                kind, quantity_micro = "electricity_export", abs(signed_micro)
            if duration_s > LONGEST_DAY_READING_S:
                self.kinds.add(kind)
                self.spans.append(
                    Span(one.usage_point, kind, start_s, duration_s, quantity_micro, is_estimated, feed_time_s=one.updated_at_s)
                )
                continue
            of_day = readings_of.setdefault((kind, local.day_number(start_s + duration_s // 2)), {})
            reading = ReadingId(start_s, duration_s, 0)
            if reading in of_day:
                repeats[kind, start_s, duration_s] = occurrence_index = repeats.get((kind, start_s, duration_s), 0) + 1
                reading = ReadingId(start_s, duration_s, occurrence_index)
            of_day[reading] = ReadingValue(quantity_micro, one.updated_at_s, is_estimated, is_turned)
        self.kinds.update(kind for kind, _ in readings_of)


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


def merge_days(older: Mapping[MeterDayId, DayReadings], newer: Mapping[MeterDayId, DayReadings]) -> dict[MeterDayId, DayReadings]:
    """The meter days after another document: those that it has, and those that lose readings to it, which may be empty then.

    A net reading has one sign: where the newer feed turns it, it leaves the other kind's day.

    Args:
        older: What is known, as it was cut; of stored readings nobody knows any more whether they were below zero.
        newer: What the document says.

    Returns:
        The days that are other than before, or were said again.
    """
    changed: dict[MeterDayId, DayReadings] = {}
    for day, said in newer.items():
        readings = said
        paired = _paired(day)
        other = changed.get(paired, older.get(paired)) if paired else None
        if paired and other:
            left, kept = _without_turned(other, said, newer.get(paired, {}))
            if left is not None:
                changed[paired], readings = left, kept
        changed[day] = merge_readings(changed.get(day, older.get(day, {})), readings)
    return changed


def turned_ids(
    day: MeterDayId, older: Mapping[MeterDayId, DayReadings], newer: Mapping[MeterDayId, DayReadings]
) -> frozenset[ReadingId]:
    """Readings of a meter day that the known days have in the other kind alone: they may have changed their sign."""
    paired = _paired(day)
    if paired is None or paired not in older:
        return frozenset()
    both = newer[day].keys() & older[paired].keys()
    return frozenset(both - newer.get(paired, {}).keys() - older.get(day, {}).keys()) if both else frozenset()


def _paired(day: MeterDayId) -> MeterDayId | None:
    kind = PAIRED_KINDS.get(day.kind)
    return MeterDayId(day.usage_point, kind, day.day) if kind else None


def _without_turned(other: DayReadings, said: DayReadings, said_of_other: DayReadings) -> tuple[DayReadings | None, DayReadings]:
    """The other kind's day without what the newer feed turned, or None where it turned nothing; and what is said then."""
    turned = [
        reading
        for reading in said.keys() & other.keys()
        if reading not in said_of_other and (said[reading].is_turned or other[reading].is_turned)
    ]
    if not turned:
        return None, said
    gone = {reading for reading in turned if said[reading].feed_time_s >= other[reading].feed_time_s}
    stale = set(turned) - gone
    left = {reading: value for reading, value in other.items() if reading not in gone}
    return left, {reading: value for reading, value in said.items() if reading not in stale}


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
            tuple(value.is_estimated for _, value in ordered) if any(value.is_estimated for _, value in ordered) else (),
        ),
    )


def readings_of_activity(activity: Activity) -> DayReadings:
    """The readings that a meter day's activity was made of: the inverse of `day_activity`."""
    profile = activity.profile
    if profile is None:
        return {}
    first_s = int(activity.start.timestamp())
    feed_times_s = profile.feed_times_s or (0,) * len(profile.starts_s)
    is_estimated = profile.is_estimated or (activity.quality is Quality.ESTIMATED,) * len(profile.starts_s)
    occurrences: dict[tuple[int, int], int] = {}
    found: dict[ReadingId, ReadingValue] = {}
    columns = zip(profile.starts_s, profile.durations_s, profile.quantities_micro, feed_times_s, is_estimated, strict=True)
    for offset_s, duration_s, quantity_micro, feed_time_s, is_guess in columns:
        start_s = first_s + offset_s
        occurrence_index = occurrences.get((start_s, duration_s), 0)
        occurrences[start_s, duration_s] = occurrence_index + 1
        found[ReadingId(start_s, duration_s, occurrence_index)] = ReadingValue(quantity_micro, feed_time_s, is_guess)
    return found


_DAY_S = 86_400
_ORDINAL_1970 = date(1970, 1, 1).toordinal()


class _DayOfInstant:
    """Local day of instants, with the zone's offset kept for each day of UTC on which it does not change: conversion is dear."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone
        self._offset_s_by_day: dict[int, int | None] = {}

    def day_number(self, at_s: int) -> int:
        """Days from 1970-01-01 to the local day of an instant."""
        utc_day = at_s // _DAY_S
        if utc_day not in self._offset_s_by_day:
            first_s, last_s = self._offset_s(utc_day * _DAY_S), self._offset_s(utc_day * _DAY_S + _DAY_S - 1)
            self._offset_s_by_day[utc_day] = first_s if first_s == last_s else None
        offset_s = self._offset_s_by_day[utc_day]
        return (at_s + (self._offset_s(at_s) if offset_s is None else offset_s)) // _DAY_S

    def _offset_s(self, at_s: int) -> int:
        offset = datetime.fromtimestamp(at_s, self._zone).utcoffset()
        return int(offset.total_seconds()) if offset else 0


def _without_third_views(series: Iterable[IntervalSeries]) -> tuple[list[IntervalSeries], list[str]]:
    """Series that tell every instant of a meter, kind and direction once, and what is left out with its reason.

    An export's own series comes last, so that it stands where another series has a reading below zero at the same time.
    """
    summable = [one for one in series if one.is_additive and len(one.values)]
    directions: dict[tuple[str, str], set[Direction]] = {}
    for one in summable:
        directions.setdefault((one.usage_point, one.kind), set()).add(one.direction)
    notes: list[str] = []
    chosen = _Chosen()
    for one in sorted(summable, key=_measured_s, reverse=True):  # stable: of equals the document's first stays
        reason = _reason_left_out(one, directions[one.usage_point, one.kind], chosen)
        if reason:
            notes.append(reason)
        else:
            chosen.add(one)
    return sorted(chosen.series, key=lambda one: one.direction is Direction.EXPORT), notes


class _Chosen:
    """The series that count. Invariant: the times of one meter, kind and direction are sorted, and none overlaps another."""

    def __init__(self) -> None:
        self.series: list[IntervalSeries] = []
        self._units: dict[str, str] = {}
        self._times: dict[tuple[str, str, Direction], list[tuple[int, int]]] = {}

    def add(self, one: IntervalSeries) -> None:
        self.series.append(one)
        self._units[one.kind] = one.unit
        insort(self._times.setdefault((one.usage_point, one.kind, one.direction), []), _time(one))

    def has_other_unit(self, one: IntervalSeries) -> bool:
        return self._units.get(one.kind, one.unit) != one.unit

    def overlaps(self, one: IntervalSeries) -> bool:
        """Whether the time from first to last reading has an instant in common with one that counts."""
        times = self._times.get((one.usage_point, one.kind, one.direction), [])
        start_s, end_s = _time(one)
        after = bisect_left(times, (start_s, end_s))
        return (after > 0 and times[after - 1][1] > start_s) or (after < len(times) and times[after][0] < end_s)


def _reason_left_out(one: IntervalSeries, directions: set[Direction], chosen: _Chosen) -> str:
    """Why a series is not counted beside the chosen ones, or nothing (ESPI FlowDirectionKind 1, 19, 4, 20)."""
    name = f"{one.kind} of meter {one.usage_point or '(unnamed)'}"
    other_view = _other_view(one, directions)
    if other_view:
        return f"the {one.direction} series of {name} {other_view} and is not counted"
    if chosen.has_other_unit(one):
        return f"the {one.direction} series of {name} is in {one.unit}, another one is not, and it is not counted"
    if chosen.overlaps(one):
        return f"a second {one.direction} series of {name} ({len(one.values)} readings) is not counted"
    return ""


def _other_view(one: IntervalSeries, directions: set[Direction]) -> str:
    """What makes a series another view of what its meter's other directions tell, or nothing."""
    has_delivered, has_net = Direction.DELIVERED in directions, Direction.NET in directions
    match one.direction:
        case Direction.EXPORT if one.kind != "electricity":
            return "is no consumption"
        case Direction.EXPORT if has_net and not has_delivered:
            return "is in its net series already"
        case Direction.NET if has_delivered:
            return "is a third view of the same meter"
        case Direction.TOTAL if directions != {Direction.TOTAL}:
            return "is a third view of the same meter"
        case _:
            return ""


def _time(series: IntervalSeries) -> tuple[int, int]:
    """Begin of the first and end of the last reading."""
    ends_s = (start_s + max(duration_s, 1) for start_s, duration_s in zip(series.starts_s, series.durations_s, strict=True))
    return min(series.starts_s), max(ends_s)


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
    """Whether a reading that only one of them has overlaps a reading that only the other has."""
    if older.keys() == newer.keys():
        return False
    known = {(r.start_s, r.start_s + r.duration_s) for r in older if r.duration_s}
    new = {(r.start_s, r.start_s + r.duration_s) for r in newer if r.duration_s}
    latest_end_s = dict.fromkeys((False, True), -INT64_MAX)
    for start_s, end_s in sorted(known ^ new):
        is_new = (start_s, end_s) in new
        if start_s < latest_end_s[not is_new]:
            return True
        latest_end_s[is_new] = max(latest_end_s[is_new], end_s)
    return False


def _covered_s(readings: DayReadings) -> int:
    """Seconds that are measured; a second reading of the same interval measures nothing more."""
    return sum(duration_s for _, duration_s in {(r.start_s, r.duration_s) for r in readings})


def _feed_time_s(readings: DayReadings) -> int:
    return max(value.feed_time_s for value in readings.values())
