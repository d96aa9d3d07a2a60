"""How much of a period was measured: a gap is *not measured*, never zero."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from domain.activity import Activity, find_kind
from domain.period import Month, MonthRange, local_midnight, zone_of

MILLION_PPM = 1_000_000
"""The whole, in parts per million."""


def coverage_ppm(meters: Mapping[tuple[str, str], Iterable[Activity]], months: MonthRange) -> int:
    """Share of a period's time that is measured, over all meters alike.

    Args:
        meters: Activities by usage point and its IANA zone; exports and other months are left out.
        months: The period.

    Returns:
        Parts per million, 0 to 1,000,000; 0 without any meter.
    """
    measured_s = period_s = 0
    for (_, zone_name), activities in meters.items():
        by_month = measured_s_by_month(activities)
        zone = zone_of(zone_name)
        for month in months.months():
            length_s = int(
                (local_midnight(month.plus(1).first_date(), zone) - local_midnight(month.first_date(), zone)).total_seconds()
            )
            measured_s += min(by_month.get(month, 0), length_s)
            period_s += length_s
    return measured_s * MILLION_PPM // period_s if period_s else 0


def measured_s_by_month(activities: Iterable[Activity]) -> dict[Month, int]:
    """Seconds measured by local month, of what is not an export."""
    found: dict[Month, int] = defaultdict(int)
    for activity in activities:
        if not find_kind(activity.key.kind).is_avoided:
            found[activity.month] += measured_s(activity)
    return dict(found)


def measured_s(activity: Activity) -> int:
    """Seconds that an activity's readings cover: the sum of its intervals, at most its own span; a bill covers its span."""
    span_s = int((activity.end - activity.start).total_seconds())
    return span_s if activity.profile is None else min(sum(activity.profile.durations_s), span_s)
