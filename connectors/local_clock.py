"""The meter's own clock: offset from UTC at an instant, from the rules in a feed's LocalTimeParameters.

Only a fallback and a label: the zone of a usage point is its registered place's, where that is known.
"""

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from domain.series import LocalTime

_RULE_SIZE = 8
_LAST_OPERATOR = 7
_ON_OR_AFTER_OPERATOR = 1


@dataclass(frozen=True, slots=True)
class DstRule:
    """When a clock changes, every year (ESPI DstRuleType, 32 bits).

    Attributes:
        month: 1 to 12.
        operator: 0 on `day_of_month`; 1 the weekday on or after it; 2 to 6 the first to fifth weekday of the month; 7 the last.
        day_of_month: 1 to 31, or 0.
        weekday: 1 Monday to 7 Sunday, or 0.
        seconds_of_day: Local time of the change, seconds after midnight.
    """

    month: int
    operator: int
    day_of_month: int
    weekday: int
    seconds_of_day: int

    def date_in(self, year: int) -> date:
        """The day of the change in a year."""
        days_count = monthrange(year, self.month)[1]
        if not self.weekday or not self.operator:
            return date(year, self.month, min(max(self.day_of_month, 1), days_count))
        earliest = self.day_of_month if self.operator == _ON_OR_AFTER_OPERATOR else 1
        first = date(year, self.month, min(max(earliest, 1), days_count))
        first += timedelta(days=(self.weekday - first.isoweekday()) % 7)
        if self.operator == _ON_OR_AFTER_OPERATOR:
            return first
        weeks_count = 4 if self.operator == _LAST_OPERATOR else self.operator - 2
        day = first + timedelta(weeks=weeks_count)
        return day if day.month == self.month else day - timedelta(weeks=1)

    def to_text(self) -> str:
        """As eight hexadecimal digits, the way feeds write it."""
        hours, seconds = divmod(self.seconds_of_day, 3600)
        bits = seconds | hours << 12 | self.weekday << 17 | self.day_of_month << 20 | self.operator << 25 | self.month << 28
        return f"{bits:08X}"


def dst_rule_from_text(text: str) -> DstRule | None:
    """The rule that eight hexadecimal digits say.

    Args:
        text: Such as "360E2000": second Sunday of March, 02:00.

    Returns:
        The rule, or None where the text is none: another length, no month, no weekday of that number.

    Source:
        NAESB REQ.21 ESPI, espi.xsd, DstRuleType: bits 0-11 seconds, 12-16 hours, 17-19 weekday, 20-24 day, 25-27 operator, 28-31
        month.
    """
    try:
        bits = int(text, 16)
    except ValueError:
        return None
    month, hours, seconds = bits >> 28 & 0xF, bits >> 12 & 0x1F, bits & 0xFFF
    if len(text) != _RULE_SIZE or month not in range(1, 13) or hours not in range(25) or seconds not in range(3600):
        return None
    return DstRule(month, bits >> 25 & 0x7, bits >> 20 & 0x1F, bits >> 17 & 0x7, hours * 3600 + seconds)


def utc_offset_s(clock: LocalTime, at_s: int) -> int:
    """How far the meter's clock is ahead of UTC.

    Args:
        clock: The feed's parameters.
        at_s: The instant, seconds since 1970-01-01T00:00:00Z, in the years 1971 to 9998.

    Returns:
        Seconds, negative west of Greenwich; the standard offset where a rule is missing or cannot be read.
    """
    start, end = dst_rule_from_text(clock.dst_start_rule), dst_rule_from_text(clock.dst_end_rule)
    if start is None or end is None or not clock.dst_offset_s:
        return clock.offset_s
    year = datetime.fromtimestamp(at_s + clock.offset_s, UTC).year
    start_at_s = _change_s(start, year) - clock.offset_s
    end_at_s = _change_s(end, year) - clock.offset_s - clock.dst_offset_s  # its rule is in summer time
    is_northern = start_at_s < end_at_s  # in the south, summer spans the new year
    is_between = min(start_at_s, end_at_s) <= at_s < max(start_at_s, end_at_s)
    is_summer = is_between if is_northern else not is_between
    return clock.offset_s + (clock.dst_offset_s if is_summer else 0)


def _change_s(rule: DstRule, year: int) -> int:
    """The change's local time as if it were UTC, seconds since 1970."""
    day = rule.date_in(year)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) + rule.seconds_of_day
