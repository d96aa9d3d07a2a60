"""How much of a period was measured: a gap is *not measured*, never zero.

Only meters and bills have gaps. Activities that are declared one by one (a flight, a purchase) say nothing about the hours
between them: they are left out here, so that a month with one flight is neither measured in part nor measured less.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from domain.activity import Activity
from domain.declared import DECLARED_USAGE_POINT
from domain.period import Month, MonthRange, local_midnight, zone_of

MILLION_PPM = 1_000_000
"""The whole, in parts per million."""

METERED_KINDS = frozenset(
    {"electricity", "electricity_export", "natural_gas", "propane", "steam", "district_heat", "water", "wastewater"}
)
"""Kinds that flow at any time, so that a day without an amount is a gap; nobody misses a flight on the other days."""


def coverage_ppm(meters: Mapping[tuple[str, str], Iterable[Activity]], months: MonthRange) -> int:
    """Share of a period's time that is measured, over all meters alike.

    Args:
        meters: Activities by usage point (`connector|usage point`) and its IANA zone; other months are left out. What a usage
            point measures of another commodity counts as another meter. What was declared one by one is no meter.
        months: The period.

    Returns:
        Parts per million, 0 to 1,000,000; 0 without any meter.
    """
    measured_s = period_s = 0
    for (name, zone_name), activities in meters.items():
        if name.endswith(f"|{DECLARED_USAGE_POINT}"):
            continue
        zone = zone_of(zone_name)
        for of_commodity in _by_commodity(activities):
            by_month = measured_s_by_month(of_commodity)
            for month in months.months():
                length = local_midnight(month.plus(1).first_date(), zone) - local_midnight(month.first_date(), zone)
                length_s = int(length.total_seconds())
                measured_s += min(by_month.get(month, 0), length_s)
                period_s += length_s
    return measured_s * MILLION_PPM // period_s if period_s else 0


def measured_s_by_month(activities: Iterable[Activity]) -> dict[Month, int]:
    """Seconds measured by local month.

    Args:
        activities: Of one meter and commodity. An export counts too: a meter that counts both ways has either at any time.

    Returns:
        Seconds by month; an instant that is measured twice counts once.
    """
    spans_s: dict[Month, list[tuple[int, int]]] = defaultdict(list)
    for activity in activities:
        spans_s[activity.month] += _spans_s(activity)
    return {month: _union_s(spans) for month, spans in spans_s.items()}


def _by_commodity(activities: Iterable[Activity]) -> Iterable[list[Activity]]:
    found: dict[str, list[Activity]] = defaultdict(list)
    for activity in activities:
        found[activity.key.kind.removesuffix("_export")].append(activity)
    return found.values()


def _spans_s(activity: Activity) -> Iterator[tuple[int, int]]:
    """Begin and end of what was measured, seconds since 1970: the intervals of a meter day, the whole span of a bill."""
    start_s = int(activity.start.timestamp())
    if activity.profile is None:
        yield start_s, int(activity.end.timestamp())
        return
    for offset_s, duration_s in zip(activity.profile.starts_s, activity.profile.durations_s, strict=True):
        yield start_s + offset_s, start_s + offset_s + duration_s


def _union_s(spans_s: Iterable[tuple[int, int]]) -> int:
    """Seconds that at least one of the spans covers."""
    covered_s = 0
    reached_s: int | None = None
    for start_s, end_s in sorted(spans_s):
        from_s = start_s if reached_s is None else max(start_s, reached_s)
        if end_s > from_s:
            covered_s += end_s - from_s
        reached_s = end_s if reached_s is None else max(reached_s, end_s)
    return covered_s
