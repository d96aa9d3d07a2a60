"""Declared activities: local days, exact parts, keys with the month of money, amounts that cannot be."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import Quality
from domain.declared import (
    DeclaredActivity,
    DeclaredPart,
    check_amount,
    declared_days,
    declared_key,
    quality_of_kind,
    split_over_days,
)
from domain.errors import InputError, TimeError
from domain.kinds import find_kind
from domain.period import Month
from domain.units import Dimension

CAR = DeclaredActivity("c", "car", (("size", "small"),), 1_000_000, "km", date(2024, 2, 27), date(2024, 3, 3))
MONEY = DeclaredActivity("p", "purchase", (("naics", "722511"),), 5_000_000, "USD", date(2024, 2, 28), date(2024, 3, 4))


@given(st.integers(-(10**15), 10**15), st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(1, 900))
def test_parts_add_up(quantity_micro: int, start: date, days_count: int) -> None:
    """Months meet without gap, hold all days, and their amounts add up to the whole, each of its sign."""
    end = date.fromordinal(start.toordinal() + days_count)
    parts = split_over_days(DeclaredActivity("c", "car", (), quantity_micro, "km", start, end))
    assert sum(part.quantity_micro for part in parts) == quantity_micro
    assert [part.start_date for part in parts] == [start, *(part.end_date for part in parts[:-1])]
    assert parts[-1].end_date == end
    assert all(part.month == Month(part.start_date.year, part.start_date.month) for part in parts)
    assert all(part.quantity_micro * quantity_micro >= 0 for part in parts)


def test_parts_follow_days() -> None:
    """Three of five days are February's: clocks and their changes do not count."""
    assert [(str(part.month), part.quantity_micro) for part in split_over_days(CAR)] == [
        ("2024-02", 600_000),
        ("2024-03", 400_000),
    ]


def test_what_has_a_serial_is_not_divided() -> None:
    """It is claimed once: two parts would be two claims of the same units."""
    said = (("instrument", "go"), ("serial", "1-10"))
    year = DeclaredActivity("g", "electricity_certificate", said, 7_000_000, "kWh", date(2023, 1, 1), date(2024, 1, 1))
    assert split_over_days(year) == (DeclaredPart(Month(2023, 1), date(2023, 1, 1), date(2024, 1, 1), 7_000_000),)
    assert len(split_over_days(replace(year, attributes=said[:1]))) == 12


def test_key_of_money_has_its_month() -> None:
    """The prices and rates of money are those of its month; its unit is its currency."""
    key = declared_key(MONEY, "US", Month(2024, 3))
    assert (key.unit, key.year, key.attributes) == ("USD", 2024, (("month", "2024-03"), ("naics", "722511")))


def test_key_of_others_has_the_year() -> None:
    """The factor of a car depends on the year alone, so all months of a year share a key."""
    keys = {declared_key(CAR, "GB", part.month) for part in split_over_days(CAR)}
    assert [(key.region, key.year, key.unit, key.attributes) for key in keys] == [("GB", 2024, "km", (("size", "small"),))]


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2024-03-01", "2024-04-01", (date(2024, 3, 1), date(2024, 4, 1))),
        ("2024-02-29", "", (date(2024, 2, 29), date(2024, 3, 1))),
        ("2024-03-01T22:00:00-05:00", "2024-03-02T01:00:00-05:00", (date(2024, 3, 1), date(2024, 3, 3))),
        ("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z", (date(2024, 3, 1), date(2024, 3, 2))),
    ],
)
def test_days(start: str, end: str, expected: tuple[date, date]) -> None:
    """Days are taken as written; of a time its own local day; an end inside a day takes that day in."""
    assert declared_days(start, end) == expected


def test_end_before_start() -> None:
    """An activity that ends as it begins is refused with an example."""
    with pytest.raises(
        TimeError, match=r"ends after it begins; expected an end after 2024-03-01; got 2024-03-01; in end\. .*2024-04-01"
    ):
        declared_days("2024-03-01", "2024-03-01")


def test_no_such_day() -> None:
    """A day that no calendar has is refused with its field."""
    with pytest.raises(TimeError, match=r"expected a day such as 2024-03-01; got 2023-02-29; in start"):
        declared_days("2023-02-29", "")


def test_negative_distance() -> None:
    """A distance is not negative, nor is a flight without passengers one."""
    with pytest.raises(InputError, match="A distance is not negative; expected zero or more; got -3 km"):
        check_amount(find_kind("car"), Dimension.DISTANCE, -3_000_000, got="-3 km", record="quantity")
    with pytest.raises(InputError, match="A flight has passengers; expected a number above 0; got 0 passenger"):
        check_amount(find_kind("flight"), Dimension.COUNT, 0, got="0 passenger", record="quantity")


def test_refunds_are_legal() -> None:
    """Negative money and mass, and a zero of anything but passengers."""
    check_amount(find_kind("purchase"), Dimension.MONEY, -5, got="-5 USD", record="quantity")
    check_amount(find_kind("food"), Dimension.MASS, -5, got="-5 kg", record="quantity")
    check_amount(find_kind("car"), Dimension.DISTANCE, 0, got="0 km", record="quantity")


def test_qualities() -> None:
    """Spending and what others report are known less well than what was measured."""
    found = [quality_of_kind(kind) for kind in ("purchase", "reported_emissions", "car")]
    assert found == [Quality.SPEND_BASED, Quality.CALCULATED, Quality.MEASURED]


@pytest.mark.parametrize(
    ("kind", "attributes", "expected"),
    [
        ("flight", (("destination", "SFO"), ("origin", "ZRH")), True),
        ("flight", (("haul", "long"),), False),
        ("purchase", (), True),
        ("reported_emissions", (("method", "own"),), True),
        ("hotel", (), False),
    ],
)
def test_country_is_enough(kind: str, attributes: tuple[tuple[str, str], ...], *, expected: bool) -> None:
    """What does not depend on a place inside the country."""
    one = DeclaredActivity("x", kind, attributes, 1, "item", date(2024, 1, 1), date(2024, 1, 2))
    assert one.needs_only_country is expected
