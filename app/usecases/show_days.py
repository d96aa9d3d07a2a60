"""Local days of a subject's meters: which were measured, and what each hour used."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from app.services import Work
from app.store import connections
from app.store.activities import DayProfile, SpanSum
from app.store.subjects import SubjectRow
from dashboards.svg.heat import HOURS_COUNT, HourGrid
from domain.period import Month, local_day, zone_of

_DAY_S = 86_400
_HOUR_S = 3_600
_ONE_DAY = timedelta(hours=26)  # a meter day: at most 25 hours, and an interval that begins before midnight
_ORDINAL_1970 = date(1970, 1, 1).toordinal()


def meter_zone(work: Work, subject: SubjectRow) -> ZoneInfo:
    """The time zone of a subject's pages: the one that all its meters share, else its own."""
    names = {
        point.zone
        for connection in connections.of_subject(work.session, subject.tenant_id, subject.id)
        for point in connections.usage_points_of(work.session, subject.tenant_id, connection.id)
    }
    return zone_of(names.pop() if len(names) == 1 else subject.zone or "UTC")


def first_and_last_day(start: datetime, end: datetime, zone: ZoneInfo) -> tuple[date, date]:
    """First and last local day of a measured span; a meter day is the one day that has its middle.

    Args:
        start: Begin, aware.
        end: End, exclusive, aware.
        zone: Where the meter is.

    Returns:
        Both days, inclusive.
    """
    if end - start <= _ONE_DAY:
        middle = local_day(start + (end - start) / 2, zone)
        return middle, middle
    return local_day(start, zone), local_day(end - timedelta(microseconds=1), zone)


def measured_days(spans: Iterable[SpanSum], kinds: Iterable[str], zone: ZoneInfo) -> Mapping[Month, set[date]]:
    """Local days with readings by month; a bill measures all its days.

    Args:
        spans: As the store sums them.
        kinds: Kinds that count.
        zone: Where the meters are.

    Returns:
        Month to its days; a month without any is empty.
    """
    wanted = frozenset(kinds)
    found: defaultdict[Month, set[date]] = defaultdict(set)
    for span in spans:
        if span.kind not in wanted:
            continue
        first, last = first_and_last_day(span.start, span.end, zone)
        first_of_month, last_of_month = span.month.first_date(), span.month.plus(1).first_date() - timedelta(days=1)
        first, last = min(max(first, first_of_month), last_of_month), max(min(last, last_of_month), first_of_month)
        found[span.month].update(first + timedelta(days=index) for index in range((last - first).days + 1))
    return found


def hour_grid(profiles: Iterable[DayProfile], zone: ZoneInfo) -> HourGrid | None:
    """Electricity by local day and hour, over all meters.

    Readings longer than an hour say nothing about single hours and are left out; the hour that autumn repeats holds both.

    Args:
        profiles: Interval values.
        zone: Where the meters are.

    Returns:
        From the first to the last day that has an hour; None where no reading is as short as an hour.
    """
    rows: dict[int, list[int | None]] = {}
    for one in profiles:
        start_s = int(one.start.timestamp())
        first_offset_s, last_offset_s = _offset_s(one.start, zone), _offset_s(one.end, zone)
        columns = zip(one.profile.starts_s, one.profile.durations_s, one.profile.quantities_micro, strict=True)
        for after_s, duration_s, quantity_micro in columns:
            if duration_s > _HOUR_S:
                continue
            offset_s = first_offset_s
            if first_offset_s != last_offset_s:  # a day on which the clock changes
                offset_s = _offset_s(one.start + timedelta(seconds=after_s), zone)
            day_number, second = divmod(start_s + after_s + offset_s, _DAY_S)
            hours = rows.setdefault(day_number, [None] * HOURS_COUNT)
            hours[second // _HOUR_S] = (hours[second // _HOUR_S] or 0) + quantity_micro
    if not rows:
        return None
    first, last, nothing = min(rows), max(rows), [None] * HOURS_COUNT
    days = tuple(tuple(rows.get(number, nothing)) for number in range(first, last + 1))
    return HourGrid(date.fromordinal(_ORDINAL_1970 + first), days)


def _offset_s(at: datetime, zone: ZoneInfo) -> int:
    offset = at.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0
