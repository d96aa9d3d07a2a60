"""Load curves are plausible, complete and repeatable."""

from datetime import UTC, date, datetime
from random import Random
from zoneinfo import ZoneInfo

import pytest

from app.demo.load_profile import LoadProfile, business_profile, household_profile

ZONE = ZoneInfo("America/New_York")
YEAR_START, YEAR_END = date(2023, 1, 1), date(2024, 1, 1)


def seeded(seed: int) -> Random:
    """A generator that gives the same numbers every time."""
    return Random(seed)  # noqa: S311 - repeatable on purpose


@pytest.fixture(scope="module")
def household() -> LoadProfile:
    """A year of three people with solar panels."""
    return household_profile(seeded(42), start=YEAR_START, end=YEAR_END, zone=ZONE)


@pytest.fixture(scope="module")
def business() -> LoadProfile:
    """A year of a small office."""
    return business_profile(seeded(42), start=YEAR_START, end=YEAR_END, zone=ZONE)


def local(start_s: int) -> datetime:
    """The local time of an instant."""
    return datetime.fromtimestamp(start_s, UTC).astimezone(ZONE)


@pytest.mark.parametrize("seed", range(5))
def test_household_totals_are_plausible(seed: int) -> None:
    """A household of three takes 9-11 MWh a year and feeds 2-3 MWh back."""
    profile = household_profile(seeded(seed), start=YEAR_START, end=YEAR_END, zone=ZONE)
    assert 9_000_000 <= sum(profile.delivered_wh) <= 11_000_000
    assert 2_000_000 <= sum(profile.exported_wh) <= 3_000_000


def test_household_year_is_complete(household: LoadProfile) -> None:
    """Every hour of the year is there once, clock changes or not."""
    assert len(household.starts_s) == len(household.delivered_wh) == len(household.exported_wh) == 8_760
    assert {later - start for start, later in zip(household.starts_s, household.starts_s[1:], strict=False)} == {3_600}
    assert local(household.starts_s[0]).isoformat() == "2023-01-01T00:00:00-05:00"


@pytest.mark.parametrize(("day", "hours_count"), [(date(2023, 3, 12), 23), (date(2023, 11, 5), 25), (date(2023, 6, 1), 24)])
def test_clock_change_days(household: LoadProfile, day: date, hours_count: int) -> None:
    """The local day of a clock change has 23 or 25 hours."""
    assert sum(1 for start_s in household.starts_s if local(start_s).date() == day) == hours_count


def test_nothing_is_negative_and_nights_export_nothing(household: LoadProfile) -> None:
    """Both directions are amounts; the sun does not shine at night."""
    assert min(household.delivered_wh) >= 0
    nights = [
        wh for start_s, wh in zip(household.starts_s, household.exported_wh, strict=True) if local(start_s).hour in {0, 1, 2, 23}
    ]
    assert (min(household.exported_wh), max(nights)) == (0, 0)


def test_same_seed_same_curve(household: LoadProfile) -> None:
    """The seed decides everything."""
    assert household_profile(seeded(42), start=YEAR_START, end=YEAR_END, zone=ZONE) == household
    assert household_profile(seeded(43), start=YEAR_START, end=YEAR_END, zone=ZONE) != household


def test_more_people_more_load() -> None:
    """Each further person adds load."""
    one, five = (
        household_profile(seeded(1), start=YEAR_START, end=YEAR_END, zone=ZONE, members_count=count, has_solar=False)
        for count in (1, 5)
    )
    assert sum(one.delivered_wh) < sum(five.delivered_wh)
    assert len(one.exported_wh) == 0


def test_business_rests_on_weekends(business: LoadProfile) -> None:
    """An office uses at least three times as much at noon of a weekday as on a weekend."""
    noon = [
        (local(start_s).weekday() >= 5, wh)
        for start_s, wh in zip(business.starts_s, business.delivered_wh, strict=True)
        if local(start_s).hour == 12
    ]
    weekend, week = ([wh for is_weekend, wh in noon if is_weekend is wanted] for wanted in (True, False))
    assert min(week) > 3 * max(weekend)


def test_business_total_is_plausible(business: LoadProfile) -> None:
    """An office of twelve desks takes 20-26 MWh a year, in quarters of an hour, and exports nothing."""
    assert 20_000_000 <= sum(business.delivered_wh) <= 26_000_000
    assert (len(business.starts_s), len(business.exported_wh)) == (35_040, 0)
