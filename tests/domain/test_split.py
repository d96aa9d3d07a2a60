"""Splitting: parts that add up to the whole, by months of the place."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import TimeError
from domain.period import Month, Period, instant_from_text, instant_of_epoch_s, local_month
from domain.split import bill_period, split_in_proportion, split_over_months
from tests.domain.strategies import QUANTITIES

ZONES = [
    ZoneInfo(name)
    for name in (
        "UTC",
        "America/New_York",
        "Europe/Berlin",
        "Australia/Lord_Howe",
        "Pacific/Apia",
        "Asia/Beirut",
        "America/St_Johns",
    )
]
WEIGHTS = st.lists(st.integers(0, 10**9), min_size=1, max_size=40).filter(any)
PERIODS = st.builds(
    lambda start_s, length_s: Period(instant_of_epoch_s(start_s), instant_of_epoch_s(start_s + length_s)),
    st.integers(946_684_800, 1_893_456_000),
    st.integers(1, 400 * 86_400),
)


@given(QUANTITIES, WEIGHTS)
def test_parts_add_up(quantity_micro: int, weights: list[int]) -> None:
    """Nothing is lost or added by splitting."""
    assert sum(split_in_proportion(quantity_micro, weights)) == quantity_micro


@given(QUANTITIES, WEIGHTS)
def test_each_part_is_within_one_of_its_share(quantity_micro: int, weights: list[int]) -> None:
    """A part differs by less than one millionth from its exact share, and has the sign of the whole."""
    for part, weight in zip(split_in_proportion(quantity_micro, weights), weights, strict=True):
        assert abs(part - Fraction(quantity_micro * weight, sum(weights))) < 1
        assert part * quantity_micro >= 0


@given(QUANTITIES, WEIGHTS)
def test_refund_splits_as_the_charge(quantity_micro: int, weights: list[int]) -> None:
    """The parts of a negative amount are the negatives of the positive one's."""
    assert split_in_proportion(-quantity_micro, weights) == [-part for part in split_in_proportion(quantity_micro, weights)]


@pytest.mark.parametrize(
    ("whole", "weights", "parts"),
    [
        (10, [1, 1, 1], [3, 3, 4]),
        (-10, [1, 1, 1], [-3, -3, -4]),
        (1, [1, 1], [0, 1]),
        (5, [0, 1, 0], [0, 5, 0]),
        (7, [3], [7]),
        (0, [1, 2], [0, 0]),
    ],
)
def test_cumulative_floors(whole: int, weights: list[int], parts: list[int]) -> None:
    """Each part is the floor of the share up to it, less what was given before."""
    assert split_in_proportion(whole, weights) == parts


@given(QUANTITIES, PERIODS, st.sampled_from(ZONES))
def test_months_add_up_and_follow_each_other(quantity_micro: int, period: Period, zone: ZoneInfo) -> None:
    """The parts cover the span without gap, one for each local month in order, and add up to the whole."""
    parts = split_over_months(quantity_micro, period, zone)
    assert sum(part for _, _, part in parts) == quantity_micro
    assert [span.start for _, span, _ in parts] + [period.end] == [period.start] + [span.end for _, span, _ in parts]
    first = parts[0][0]
    assert [month for month, _, _ in parts] == [first.plus(index) for index in range(len(parts))]


@given(PERIODS, st.sampled_from(ZONES[:-1]))
def test_each_part_lies_in_its_month(period: Period, zone: ZoneInfo) -> None:
    """The first and the last instant of a part are in its local month."""
    for month, span, _ in split_over_months(1, period, zone):
        assert {local_month(span.start, zone), local_month(span.end - timedelta(microseconds=1), zone)} == {month}


def test_month_with_daylight_saving_weighs_an_hour_less() -> None:
    """New York's March 2024 has 743 hours, April 720: 1463 kWh split so."""
    zone = ZoneInfo("America/New_York")
    parts = split_over_months(1_463_000_000, bill_period(date(2024, 3, 1), date(2024, 4, 30), zone), zone)
    assert [(str(month), part) for month, _, part in parts] == [("2024-03", 743_000_000), ("2024-04", 720_000_000)]


def test_cut_is_at_local_midnight() -> None:
    """A bill over the turn of the year is cut at midnight of the place."""
    zone = ZoneInfo("America/Los_Angeles")
    (_, before, _), (_, after, _) = split_over_months(10, bill_period(date(2023, 12, 16), date(2024, 1, 15), zone), zone)
    assert before.end == after.start == instant_from_text("2024-01-01T08:00:00Z")


def test_single_month_is_whole() -> None:
    """A bill inside one month is not cut."""
    period = bill_period(date(2024, 6, 3), date(2024, 6, 28), ZoneInfo("UTC"))
    assert split_over_months(-7, period, ZoneInfo("UTC")) == [(Month(2024, 6), period, -7)]


def test_bill_that_ends_at_midnight_has_no_part_in_the_next_month() -> None:
    """The exclusive end makes no empty part."""
    parts = split_over_months(
        7, bill_period(date(2024, 6, 1), date(2024, 6, 30), ZoneInfo("Europe/Berlin")), ZoneInfo("Europe/Berlin")
    )
    assert [str(month) for month, _, _ in parts] == ["2024-06"]


def test_spans_below_a_second_are_split() -> None:
    """Half a second around midnight has its halves in two months."""
    midnight = datetime(2024, 7, 1, tzinfo=UTC)
    period = Period(midnight - timedelta(milliseconds=250), midnight + timedelta(milliseconds=250))
    assert [part for _, _, part in split_over_months(10, period, ZoneInfo("UTC"))] == [5, 5]


def test_month_that_begins_twice() -> None:
    """St John's went back from 00:01 on 2009-11-01 into October: November begins with its first midnight."""
    start = instant_from_text("2009-11-01T02:45:00Z")
    parts = split_over_months(10, Period(start, start + timedelta(days=40)), ZoneInfo("America/St_Johns"))
    assert [str(month) for month, _, _ in parts] == ["2009-11", "2009-12"]


def test_bill_of_one_day() -> None:
    """First and last day are both in: one day is 23 hours where the clocks go forward."""
    period = bill_period(date(2024, 3, 10), date(2024, 3, 10), ZoneInfo("America/New_York"))
    assert period.end - period.start == timedelta(hours=23)


def test_bill_that_ends_before_it_begins_is_refused() -> None:
    """Exchanged days are no bill."""
    with pytest.raises(TimeError, match="A period ends after it begins"):
        bill_period(date(2024, 3, 10), date(2024, 3, 1), ZoneInfo("UTC"))
