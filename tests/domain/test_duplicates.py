"""Two records of one thing are found, the one that says less is named, and what is not the same is left alone."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.duplicates import Candidate, Rule, Sighting, find_candidates

DAY = date(2025, 3, 10)


def told(
    record_id: str,
    connection_id: str,
    kind: str,
    amount_micro: int,
    unit: str,
    *,
    day: int = 0,
    days_count: int = 1,
    is_metered: bool = False,
    began_s: int | None = None,
    **attributes: str,
) -> Sighting:
    """A record."""
    start = DAY + timedelta(days=day)
    end = start + timedelta(days=days_count)
    return Sighting(record_id, connection_id, kind, attributes, amount_micro, unit, start, end, is_metered, began_s)


def pairs(*sightings: Sighting) -> list[tuple[Rule, str, str]]:
    """Rule, what stays, and what stands back."""
    return [(one.rule, one.keep.record_id, one.aside.record_id) for one in find_candidates(sightings)]


CARD = told("card", "bank", "purchase", 42_990_000, "EUR", mcc="5411")
RECEIPT = told("receipt", "shop", "purchase", 42_990_000, "EUR", day=-2, naics="445110")


def test_card_and_receipt_are_one_purchase() -> None:
    """The same amount within five days from two sources: the receipt, which names the industry, stays."""
    assert pairs(CARD, RECEIPT) == [(Rule.SAME_PURCHASE, "receipt", "card")]


@pytest.mark.parametrize(
    "other",
    [
        told("other", "shop", "purchase", 42_990_001, "EUR"),
        told("other", "shop", "purchase", 42_990_000, "USD"),
        told("other", "shop", "purchase", 42_990_000, "EUR", day=6),
        told("other", "bank", "purchase", 42_990_000, "EUR"),
        told("other", "shop", "purchase", -42_990_000, "EUR"),
    ],
)
def test_purchases_that_differ_are_two(other: Sighting) -> None:
    """Another amount, currency, week, or the same source, or a refund: nothing is offered."""
    assert pairs(CARD, other) == []


def test_two_coffees_and_one_receipt_make_one_pair() -> None:
    """Each record stands in one pair at most, with the nearest other one."""
    first, second = (told(f"coffee {day}", "bank", "purchase", 3_500_000, "EUR", day=day) for day in (0, 1))
    receipt = told("receipt", "shop", "purchase", 3_500_000, "EUR", day=1, naics="722515")
    assert pairs(first, second, receipt) == [(Rule.SAME_PURCHASE, "receipt", "coffee 1")]


def test_one_trip_of_a_phone_and_a_car() -> None:
    """Distances that differ by a tenth on one day are one trip; by a third, two."""
    phone = told("phone", "timeline", "car", 21_000_000, "km")
    car = told("car", "car", "car", 19_000_000, "km", powertrain="diesel")
    assert pairs(phone, car) == [(Rule.SAME_TRIP, "car", "phone")]
    assert pairs(phone, told("far", "car", "car", 30_000_000, "km")) == []
    assert pairs(phone, told("later", "car", "car", 21_000_000, "km", day=1)) == []


DRIVE = told("drive", "timeline", "car", 21_000_000, "km", began_s=1_000_000)


@pytest.mark.parametrize("moved_s", [0, 60, -300, 500])
def test_one_trip_of_two_exports(moved_s: int) -> None:
    """Of one source: 21 km take ten minutes at least, so who starts again before is still on the way; also past midnight."""
    again = replace(DRIVE, record_id="again", quantity_micro=20_000_000, began_s=1_000_000 + moved_s)
    assert [{one, other} for _, one, other in pairs(DRIVE, again)] == [{"drive", "again"}]
    next_day = replace(again, start_date=DAY + timedelta(days=1), end_date=DAY + timedelta(days=2))
    assert len(pairs(DRIVE, next_day)) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(DRIVE, record_id="back", began_s=1_000_600),
        replace(DRIVE, record_id="longer", began_s=1_000_060, quantity_micro=30_000_000),
        replace(DRIVE, record_id="bus", kind="bus", unit="pkm", began_s=1_000_060),
        replace(DRIVE, record_id="when", began_s=None),
        replace(DRIVE, record_id="nowhere", quantity_micro=0),
        replace(DRIVE, record_id="taxi", kind="taxi", unit="pkm", began_s=1_000_060),
    ],
)
def test_two_trips_of_one_source(other: Sighting) -> None:
    """There and back on one day, another length, another mode, or no time of day: both count, and nobody is asked."""
    assert pairs(DRIVE, other) == []


def test_two_equal_purchases_of_one_card() -> None:
    """Two coffees are two, though their names at the bank should say the same second."""
    coffee = told("coffee", "bank", "purchase", 3_500_000, "EUR", began_s=1_000_000)
    assert pairs(coffee, replace(coffee, record_id="another")) == []


def test_one_flight_of_two_accounts() -> None:
    """The same airports a day apart are one flight; the way back is another."""
    there = told("there", "travel", "flight", 1_000_000, "item", origin="ZRH", destination="SFO", cabin="economy")
    again = told("again", "mail", "flight", 1_000_000, "item", day=1, origin="ZRH", destination="SFO")
    back = told("back", "mail", "flight", 1_000_000, "item", day=1, origin="SFO", destination="ZRH")
    length = told("length", "timeline", "flight", 9_400_000_000, "pkm")
    assert pairs(there, again) == [(Rule.SAME_TRIP, "there", "again")]
    assert pairs(there, back) == []
    assert pairs(there, length) == [(Rule.SAME_TRIP, "there", "length")]


def test_ticket_is_paid_long_before_the_flight() -> None:
    """An airline's payment goes with the flight after it; a shop's does not."""
    flight = told("flight", "travel", "flight", 1_000_000, "item", day=120, origin="ZRH", destination="SFO")
    for words in ({"mcc": "3085"}, {"mcc": "4511"}, {"plaid_category": "TRAVEL_FLIGHTS"}, {"naics": "481111"}):
        ticket = replace(told("ticket", "bank", "purchase", 900_000_000, "USD"), attributes=words)
        assert pairs(ticket, flight) == [(Rule.TICKET_AND_TRIP, "flight", "ticket")]
    assert pairs(told("shop", "bank", "purchase", 900_000_000, "USD", mcc="5411"), flight) == []
    assert pairs(told("refund", "bank", "purchase", -900_000_000, "USD", mcc="4511"), flight) == []
    late = told("late", "bank", "purchase", 900_000_000, "USD", day=126, mcc="4511")
    assert pairs(late, flight) == []


def test_tank_is_burnt_on_the_way() -> None:
    """Fuel bought or burnt stands back for the distance driven, not for an electric car's."""
    drives = [told(f"drive {day}", "car", "car", 50_000_000, "km", day=day, powertrain="petrol") for day in (1, 2)]
    tank = told("tank", "bank", "purchase", 70_000_000, "EUR", mcc="5541")
    litres = told("litres", "file", "fuel", 40_000_000, "L", day=3, fuel="petrol")
    assert pairs(tank, litres, *drives) == [(Rule.FUEL_AND_TRIP, "drive 1", "tank"), (Rule.FUEL_AND_TRIP, "drive 2", "litres")]
    assert pairs(tank, told("quiet", "car", "car", 50_000_000, "km", powertrain="electric")) == []
    assert pairs(told("heating", "file", "fuel", 40_000_000, "L", fuel="heating_oil"), *drives) == []


def test_paid_bill_stands_back_for_its_meter() -> None:
    """A utility's payment within two and a half months after what the meter counted."""
    meter = told("meter", "utility", "electricity", 9_000_000, "kWh", is_metered=True)
    bill = told("bill", "bank", "purchase", 80_000_000, "USD", day=40, mcc="4900")
    assert pairs(meter, bill) == [(Rule.BILL_AND_METER, "meter", "bill")]
    water = told("bill", "bank", "purchase", 80_000_000, "USD", day=40, plaid_category="RENT_AND_UTILITIES_WATER")
    assert pairs(meter, water) == []
    assert pairs(meter, told("bill", "bank", "purchase", 80_000_000, "USD", day=90, mcc="4900")) == []


def test_car_that_was_charged_at_home() -> None:
    """The house's meter has counted it; where the meter counted less, it was charged elsewhere."""
    house = told("house", "utility", "electricity", 30_000_000, "kWh", is_metered=True)
    assert pairs(house, told("car", "car", "electricity", 25_000_000, "kWh")) == [(Rule.CHARGING_AND_METER, "house", "car")]
    assert pairs(house, told("car", "car", "electricity", 45_000_000, "kWh")) == []
    assert pairs(house, told("car", "car", "electricity", 25_000_000, "kWh", day=1)) == []


def test_order_does_not_matter() -> None:
    """The same pairs in whatever order records come."""
    some = (CARD, RECEIPT, told("twin", "third", "purchase", 42_990_000, "EUR", mcc="5411"), told("t", "x", "car", 5, "km"))
    assert len({tuple(pairs(*order)) for order in permutations(some)}) == 1


SIGHTINGS = st.lists(
    st.builds(
        told,
        st.uuids().map(str),
        st.sampled_from("abc"),
        st.sampled_from(["purchase", "car", "flight", "fuel", "electricity"]),
        st.sampled_from([-5, 5, 6, 7]),
        st.sampled_from(["EUR", "km", "kWh"]),
        day=st.integers(-400, 400),
        is_metered=st.booleans(),
        began_s=st.none() | st.integers(0, 3),
        mcc=st.sampled_from(["5541", "4511", "4900", "5411"]),
    ),
    max_size=12,
    unique_by=lambda one: one.record_id,
)


@given(SIGHTINGS)
def test_what_is_offered_can_be_decided(sightings: list[Sighting]) -> None:
    """Two records, one declared to set aside, each set aside once at most; of one connection only journeys at the same time."""
    found: tuple[Candidate, ...] = find_candidates(sightings)
    asides = [one.aside.record_id for one in found]
    assert len(asides) == len(set(asides))
    for one in found:
        assert one.keep.record_id != one.aside.record_id
        if one.keep.connection_id == one.aside.connection_id:
            assert (one.rule, one.keep.kind) == (Rule.SAME_TRIP, one.aside.kind)
        assert not one.aside.is_metered
    left = [one for one in sightings if one.record_id not in asides]
    assert not {one.aside.record_id for one in find_candidates(left)} & set(asides)
