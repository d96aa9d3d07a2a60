"""Coverage: time that is measured, counted once; gaps are not zero."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import Activity, EvidenceClass, Profile, Quality, activity_key
from domain.coverage import MILLION_PPM, coverage_ppm, measured_s_by_month
from domain.declared import DECLARED_USAGE_POINT
from domain.period import Month, MonthRange
from domain.units import Dimension

APRIL = Month(2025, 4)
START = datetime(2025, 4, 1, tzinfo=UTC)
DAY_S = 86_400
MONTH_S = 30 * DAY_S


def measured(
    *intervals: tuple[int, int], kind: str = "electricity", month: Month = APRIL, dimension: Dimension = Dimension.ENERGY
) -> Activity:
    """An activity with these intervals: begin after the start of April, and length, in seconds."""
    return Activity(
        key=activity_key(kind, "US", 2025, dimension),
        start=START,
        end=START + timedelta(seconds=max((s + d for s, d in intervals), default=1)),
        month=month,
        quantity_micro=0,
        quality=Quality.MEASURED,
        evidence=EvidenceClass.UPLOADED,
        profile=Profile(tuple(s for s, _ in intervals), tuple(d for _, d in intervals), (0,) * len(intervals)),
    )


def bill(days_count: int) -> Activity:
    """A bill over the first days of April."""
    return Activity(
        key=activity_key("electricity", "US", 2025, Dimension.ENERGY),
        start=START,
        end=START + timedelta(days=days_count),
        month=APRIL,
        quantity_micro=1,
        quality=Quality.MEASURED,
        evidence=EvidenceClass.TYPED,
    )


def ppm(*activities: Activity, months: str = "2025-04") -> int:
    """Coverage of one meter in UTC."""
    return coverage_ppm({("meter", "UTC"): activities}, MonthRange.from_text(months))


def test_nothing_is_zero() -> None:
    """Without a meter, or without readings, nothing is measured."""
    assert (coverage_ppm({}, MonthRange.of_month(APRIL)), ppm()) == (0, 0)


def test_whole_month_is_a_million() -> None:
    """A bill over the month covers all of it."""
    assert ppm(bill(30)) == MILLION_PPM


def test_gap_is_not_measured() -> None:
    """Half a month is half, whatever lies between."""
    assert ppm(measured((0, 10 * DAY_S), (20 * DAY_S, 5 * DAY_S))) == MILLION_PPM // 2


def test_same_time_counts_once() -> None:
    """Doubles, overlapping intervals and a bill over measured days measure the time once."""
    day = measured((0, DAY_S), (0, DAY_S), (DAY_S // 2, DAY_S))
    assert measured_s_by_month([day, day, bill(1)]) == {APRIL: DAY_S + DAY_S // 2}


def test_export_is_measured_time() -> None:
    """A meter that counts both ways is read while it exports: its negative readings are no gap."""
    delivered, exported = measured((0, 20 * DAY_S)), measured((20 * DAY_S, 10 * DAY_S), kind="electricity_export")
    assert ppm(delivered, exported) == MILLION_PPM


def test_other_commodity_is_another_meter() -> None:
    """Water that is measured does not fill a gap of electricity."""
    water = measured((0, MONTH_S), kind="water", dimension=Dimension.VOLUME)
    assert ppm(measured((0, 15 * DAY_S)), water) == MILLION_PPM * 3 // 4


def test_all_meters_weigh_alike() -> None:
    """A meter without readings halves the coverage of two."""
    meters = {("a", "UTC"): [bill(30)], ("b", "UTC"): [measured((0, 0))]}
    assert coverage_ppm(meters, MonthRange.of_month(APRIL)) == MILLION_PPM // 2


def test_month_without_data_counts() -> None:
    """One of two months measured is half, by length."""
    assert ppm(bill(30), months="2025-04..2025-05") == 30 * MILLION_PPM // 61


def test_other_months_are_left_out() -> None:
    """What belongs to another month adds nothing."""
    assert ppm(bill(15), measured((0, DAY_S), month=Month(2025, 5))) == MILLION_PPM // 2


@pytest.mark.parametrize(("month", "hours_count"), [("2025-03", 743), ("2025-11", 721)])
def test_clock_change_changes_the_length(month: str, hours_count: int) -> None:
    """A month of 743 or 721 hours is whole with that many."""
    found = measured((0, hours_count * 3600), month=Month.from_text(month))
    assert coverage_ppm({("m", "America/New_York"): [found]}, MonthRange.from_text(month)) == MILLION_PPM


@given(st.lists(st.tuples(st.integers(0, 400), st.integers(0, 50)), min_size=1, max_size=30))
def test_union_equals_counting_seconds(intervals: list[tuple[int, int]]) -> None:
    """The measured time is the number of distinct seconds."""
    seconds = {s for start, length in intervals for s in range(start, start + length)}
    assert measured_s_by_month([measured(*intervals)]) == {APRIL: len(seconds)}


def test_declared_activities_are_no_meter() -> None:
    """What is declared one by one neither adds a meter nor fills the gaps of one, whatever connector it came from."""
    meters = {("typed-bill|main", "UTC"): [bill(15)]}
    declared = {(f"activities|{DECLARED_USAGE_POINT}", "UTC"): [bill(1)], (f"travel|{DECLARED_USAGE_POINT}", "UTC"): [bill(30)]}
    assert coverage_ppm(meters | declared, MonthRange.of_month(APRIL)) == MILLION_PPM // 2
    assert coverage_ppm(declared, MonthRange.of_month(APRIL)) == 0
