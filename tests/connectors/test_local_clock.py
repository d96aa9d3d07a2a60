"""The meter's clock, from the rules of a feed."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.local_clock import DstRule, dst_rule_from_text, utc_offset_s
from domain.series import LocalTime

NEW_YORK = LocalTime(-18_000, 3_600, "360E2000", "B40E2000")
SYDNEY = LocalTime(36_000, 3_600, "A20E2000", "440E3000")


def test_second_sunday_of_march() -> None:
    """360E2000 is the second Sunday of March, 02:00."""
    rule = dst_rule_from_text("360E2000")
    assert rule == DstRule(month=3, operator=3, day_of_month=0, weekday=7, seconds_of_day=7_200)
    assert rule.date_in(2024) == date(2024, 3, 10)


@pytest.mark.parametrize(
    ("operator", "day_of_month", "day"),
    [(0, 15, 15), (1, 15, 17), (2, 0, 3), (5, 0, 24), (6, 0, 31), (7, 0, 31)],
)
def test_operators(operator: int, day_of_month: int, day: int) -> None:
    """Fixed day, weekday on or after a day, first to fifth, and last weekday, for Sundays of March 2024."""
    rule = DstRule(month=3, operator=operator, day_of_month=day_of_month, weekday=7, seconds_of_day=0)
    assert rule.date_in(2024) == date(2024, 3, day)


@pytest.mark.parametrize("text", ["", "B40E", "00000000", "zzzzzzzz", "D00E2000", "360E2FFF"])
def test_no_rule(text: str) -> None:
    """What is no rule is none: too short, no month, not hexadecimal."""
    assert dst_rule_from_text(text) is None


@pytest.mark.parametrize(("clock", "zone"), [(NEW_YORK, "America/New_York"), (LocalTime(-25_200, 0), "America/Phoenix")])
def test_offset_is_the_zones_in_every_hour(clock: LocalTime, zone: str) -> None:
    """The rules give the zone's own offset in every hour of 2023 and 2024."""
    at = datetime(2023, 1, 1, tzinfo=UTC)
    for _ in range(2 * 8_760):
        offset = at.astimezone(ZoneInfo(zone)).utcoffset()
        assert timedelta(seconds=utc_offset_s(clock, int(at.timestamp()))) == offset, at
        at += timedelta(hours=1)


def test_summer_over_new_year() -> None:
    """In the south summer time spans the new year."""
    january, july = (int(datetime(2024, month, 1, tzinfo=UTC).timestamp()) for month in (1, 7))
    assert (utc_offset_s(SYDNEY, january), utc_offset_s(SYDNEY, july)) == (39_600, 36_000)


def test_unreadable_rule_means_standard_time() -> None:
    """Without two readable rules the standard offset stands."""
    assert utc_offset_s(LocalTime(-28_800, 3_600, "B60E", "B40E"), 1_720_000_000) == -28_800


@given(
    st.builds(
        DstRule,
        month=st.integers(1, 12),
        operator=st.integers(0, 7),
        day_of_month=st.integers(0, 31),
        weekday=st.integers(0, 7),
        seconds_of_day=st.integers(0, 86_399),
    )
)
def test_rule_round_trip(rule: DstRule) -> None:
    """A rule written and read again is the same rule; its day is in its month, or in the week after it."""
    assert dst_rule_from_text(rule.to_text()) == rule
    assert 0 <= (rule.date_in(2023) - date(2023, rule.month, 1)).days < 31 + 7
