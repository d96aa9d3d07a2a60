"""Retired credits: whole grams by registry and serial, and nothing twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import ActivityKey, EvidenceClass
from domain.manifest import RetiredUnits
from domain.period import Month
from domain.statement import ActivityTotal
from scoring.retirements import retired_units

KG = 1_000_000


def credit(serial: str, kg_micro: int, *, registry: str = "VCS", month: int = 3, activity_count: int = 1) -> ActivityTotal:
    """So many millionths of a kilogram retired in a month of 2023."""
    key = ActivityKey("carbon_credit", "", 2023, "kg", (("registry", registry), ("serial", serial)))
    return ActivityTotal(Month(2023, month), key, kg_micro, {EvidenceClass.UPLOADED: kg_micro}, activity_count)


def test_units_are_sorted_and_in_grams() -> None:
    """Two tonnes and one kilogram, by registry and serial; other kinds are left out."""
    power = ActivityTotal(Month(2023, 3), ActivityKey("electricity", "DE", 2023, "kWh"), 1, {EvidenceClass.TYPED: 1}, 1)
    units, unscored = retired_units([credit("2", 2000 * KG), power, credit("1", KG, registry="GS", month=1)])
    assert units == (RetiredUnits("GS", "1", 1000), RetiredUnits("VCS", "2", 2_000_000))
    assert unscored == ()


@pytest.mark.parametrize("other", [credit("1", KG, month=5), credit("1", 2 * KG, month=4)])
def test_same_units_in_two_records_do_not_count(other: ActivityTotal) -> None:
    """A serial that stands twice counts not once: nobody knows which record is right."""
    units, unscored = retired_units([credit("1", KG), other, credit("2", KG)])
    assert units == (RetiredUnits("VCS", "2", 1000),)
    assert [found.reason for found in unscored] == [
        "The units 1 of VCS are in more than one record: none counts until one is removed."
    ] * 2


def test_same_units_twice_in_one_month_do_not_count() -> None:
    """Two records of one month are one total, and still two records."""
    units, unscored = retired_units([credit("1", 2 * KG, activity_count=2)])
    assert (units, len(unscored)) == ((), 1)


@pytest.mark.parametrize(("registry", "serial"), [("vcs", "1-10"), ("VCS", "1-10 "), (" V C S", "1 - 10")])
def test_same_units_typed_otherwise_do_not_count(registry: str, serial: str) -> None:
    """Case and spaces do not make other units of them."""
    units, unscored = retired_units([credit("1-10", KG), credit(serial, KG, registry=registry, month=4)])
    assert (units, len(unscored)) == ((), 2)


def test_units_are_named_as_they_were_said() -> None:
    """The manifest keeps the words of the record, not what they are compared by."""
    units, _ = retired_units([credit("VCS-A 1", KG, registry="Verra")])
    assert units == (RetiredUnits("Verra", "VCS-A 1", 1000),)


@pytest.mark.parametrize("kg_micro", [0, 999, -KG])
def test_less_than_a_gram_takes_nothing_away(kg_micro: int) -> None:
    """Nothing, less than a gram, and credits taken back are shown and count not."""
    units, unscored = retired_units([credit("1", kg_micro)])
    assert (units, [found.quantity_micro for found in unscored]) == ((), [kg_micro])
    assert unscored[0].reason == "Less than a gram is retired, or less than nothing: there is nothing to take away."


@given(st.lists(st.tuples(st.sampled_from("123456"), st.integers(-(10**9), 10**15)), max_size=8))
def test_never_more_is_retired_than_given(parts: list[tuple[str, int]]) -> None:
    """Every total is either retired, rounded down to grams, or shown with a reason; each serial at most once."""
    totals = [credit(serial, micro, month=1 + index) for index, (serial, micro) in enumerate(parts)]
    units, unscored = retired_units(totals)
    assert len(units) + len(unscored) == len(totals)
    assert len({one.serial for one in units}) == len(units)
    given_micro = {found.key.attributes[1][1]: found.quantity_micro for found in totals}
    assert all(0 <= given_micro[one.serial] - one.amount_g_co2e * 1000 < 1000 for one in units)
