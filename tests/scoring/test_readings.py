"""Readings of an estimate: they are those of its quantity and span, or refused."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import find_kind
from domain.errors import InputError, TimeError
from domain.period import instant_to_text
from scoring.estimate import estimate
from scoring.factors.load import shipped_factor_set
from scoring.readings import readings_by_year
from tests.scoring.hours import FIRST, HOUR_S, three_hours

TODAY = date(2026, 11, 22)
MARCH_1 = int(FIRST.timestamp()) // HOUR_S
REQUEST = {"id": "a", "kind": "electricity", "unit": "kWh", "start": "2024-03-01", "end": "2024-03-02", "region": "DE"}


def profile(*amounts: str, start: datetime = FIRST, minutes: int = 60) -> list[list[str]]:
    """Readings in a row."""
    return [[instant_to_text(start + timedelta(minutes=minutes * i)), amount] for i, amount in enumerate(amounts)]


def asked(quantity: str, readings: object, **changes: str) -> Any:  # noqa: ANN401 - JSON
    """The estimate of a German day with readings."""
    return estimate({**REQUEST, "quantity": quantity, "profile": readings, **changes}, factor_set=three_hours(), today_date=TODAY)


def read(value: object, quantity: str, unit: str = "kWh", *, end: date = date(2024, 3, 2)) -> dict[int, dict[int, int]]:
    """Year to hour to millionths."""
    found = readings_by_year(
        value,
        kind=find_kind("electricity"),
        amount=Decimal(quantity),
        unit=unit,
        first_date=date(2024, 3, 1),
        end_date=end,
    )
    return {year: weights.hours_micro for year, weights in found.items()}


def test_three_hours_of_an_estimate_by_hand() -> None:
    """1 kWh at 100, 2 at 250.5, 0.5 at 700 g/kWh are 951 g; the mean is in the steps, the flag says how."""
    got = asked("3.5", profile("1", "2", "0.5"))
    assert got["g_co2e"] == "951.000001"  # the mean is kept in whole micrograms: 271,714,286 x 3.5
    assert (got["flags"][0], got["scale"]) == ("hourly", "951/3500")
    assert "have the mean 0.271714 kg CO2e/kWh." in got["steps"][-2]
    assert "would have given 1.400 kg CO2e instead of 0.951." in got["steps"][-1]


def test_readings_in_parts_of_an_hour_and_another_unit() -> None:
    """Quarter hours in Wh: the same answer as the hours in kWh."""
    quarters = profile(*["250"] * 4, *["500"] * 4, *["125"] * 4, minutes=15)
    assert asked("3500", quarters, unit="Wh")["g_co2e"] == "951.000001"


def test_without_hourly_factors_the_average_is_said_to_stand() -> None:
    """A place or a time that no pack holds: flagged, and the result is that without readings."""
    got = asked("3", profile("1", "2"), region="FR", start="2024-03-01")
    assert "error" in got  # the small set has no rate for France at all
    july = asked("3", profile("1", "2", start=datetime(2024, 7, 1, tzinfo=UTC)), start="2024-07-01", end="2024-07-02")
    assert (july["g_co2e"], july["flags"][-1]) == ("1200", "hourly_not_held")
    assert july["steps"][-1].startswith("By the hour: no hourly factor is held for this place and these hours")
    shipped = estimate(
        {**REQUEST, "quantity": "3", "profile": profile("1", "2")}, factor_set=shipped_factor_set(), today_date=TODAY
    )
    plain = estimate({**REQUEST, "quantity": "3"}, factor_set=shipped_factor_set(), today_date=TODAY)
    assert shipped["g_co2e"] == plain["g_co2e"]


def test_incomplete_hours_say_their_share() -> None:
    """Half of the electricity is in hours with a factor."""
    got = asked("2", profile("1", "1", start=datetime(2024, 3, 3, 23, tzinfo=UTC)), start="2024-03-03", end="2024-03-05")
    assert (got["g_co2e"], got["flags"][-1]) == ("800", "hourly_incomplete")
    assert "cover 50.0 % of the kilowatt-hours" in got["steps"][-1]


def test_nothing_used_is_nothing() -> None:
    """Zero readings of zero: no mean, no flag about hours."""
    got = asked("0", profile("0", "0"))
    assert (got["g_co2e"], [flag for flag in got["flags"] if flag.startswith("hourly")]) == ("0", [])


def test_market_basis_with_a_contract_keeps_it() -> None:
    """Readings are no reason to leave the supplier's own factor."""
    got = asked("3", profile("1", "2"), basis="market", supplier_g_co2e_per_kwh="50", supplier_evidence="contract")
    assert got["g_co2e"] == "150"


def test_year_is_as_written() -> None:
    """What was read before local midnight belongs to the old year, whatever it is in UTC."""
    value = [["2024-12-31T23:00:00-05:00", "1"], ["2025-01-01T00:00:00-05:00", "2"]]
    found = read(value, "3", end=date(2025, 1, 2))
    assert {year: sum(hours.values()) for year, hours in found.items()} == {2024: 1_000_000, 2025: 2_000_000}
    start = int(datetime(2025, 1, 1, 4, tzinfo=UTC).timestamp()) // HOUR_S
    assert found[2024] == {start: 1_000_000}


def test_two_years_are_two_parts() -> None:
    """Each year has its own factor and the amount that was read in it."""
    value = [["2024-12-31T23:00:00Z", "1"], ["2025-01-01T00:00:00Z", "2"]]
    got = asked("3", value, start="2024-12-31", end="2025-01-02")
    assert [(part["activity_year"], part["quantity"]) for part in got["parts"]] == [(2024, "1"), (2025, "2")]


def test_length_is_the_smallest_distance() -> None:
    """Half hours with a gap stay half hours; lone hours are an hour long; an hour ends with the span."""
    gap = [["2024-03-01T00:30:00Z", "1"], ["2024-03-01T01:00:00Z", "2"], ["2024-03-01T05:45:00Z", "4"]]
    assert read(gap, "7") == {2024: {MARCH_1: 1_000_000, MARCH_1 + 1: 2_000_000, MARCH_1 + 5: 2_000_000, MARCH_1 + 6: 2_000_000}}
    lone = [["2024-03-01T00:30:00Z", "1"], ["2024-03-01T22:30:00Z", "2"]]
    assert read(lone, "3")[2024] == {MARCH_1: 500_000, MARCH_1 + 1: 500_000, MARCH_1 + 22: 1_000_000, MARCH_1 + 23: 1_000_000}


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=24))
def test_parts_add_up_to_the_millionth(amounts: list[int]) -> None:
    """Amounts finer than a millionth are rounded once in all: the hours add up to the quantity."""
    texts = [str(Decimal(amount).scaleb(-9)) for amount in amounts]
    total = str(sum((Decimal(text) for text in texts), Decimal(0)))
    found = read(profile(*(format(Decimal(text), "f") for text in texts)), format(Decimal(total), "f"))
    assert sum(found[2024].values()) == round(Fraction(sum(amounts), 1000))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "expected a list of begins and amounts"),
        ([], "expected a list of begins and amounts"),
        (["2024-03-01T00:00:00Z"], "profile, reading 1"),
        ([["2024-03-01T00:00:00Z"]], "profile, reading 1"),
        ([["2024-03-01T00:00:00Z", "3", "x"]], "profile, reading 1"),
        ([[1709251200, "3"]], "expected a list of begins and amounts"),
        ([["2024-03-01T00:00:00Z", True]], 'expected a number as text, such as "0.412"; got True'),
        ([["2024-03-01T00:00:00Z", None]], "expected a number as text"),
    ],
)
def test_what_is_no_list_of_readings_is_refused(value: object, message: str) -> None:
    """With the form that is expected and the number of the reading."""
    with pytest.raises(InputError, match=message):
        read(value, "3")


@pytest.mark.parametrize(
    ("starts", "message"),
    [
        (["2024-02-29T23:00:00Z"], "A reading leaves the span; expected readings from 2024-03-01 to before 2024-03-02"),
        (["2024-03-01T23:30:00Z"], "A reading leaves the span; .*profile, reading 1"),
        (["2024-03-02T00:00:00Z"], "A reading leaves the span"),
        (["2024-03-01T00:00:00"], "expected an RFC 3339 time with offset"),
        (["2024-03-01T00:00:00.5Z"], "expected a begin in whole seconds"),
        (
            ["2024-03-01T01:00:00Z", "2024-03-01T00:00:00Z"],
            "Readings are in order, each once; expected after 2024-03-01T01:00:00Z",
        ),
        (["2024-03-01T01:00:00Z", "2024-03-01T02:00:00+01:00"], "Readings are in order, each once"),
    ],
)
def test_times_are_those_of_the_span(starts: Sequence[str], message: str) -> None:
    """In order, each once, whole, with offset, and inside."""
    with pytest.raises(TimeError, match=message):
        read([[start, "3"] for start in starts], str(3 * len(starts)))


def test_readings_that_are_not_the_quantity_are_refused() -> None:
    """Both sums are named, in the request's unit."""
    got = asked("3.5", profile("1", "2"))
    assert (got["error"]["message"], got["error"]["expected"], got["error"]["got"]) == (
        "The profile does not add up to the quantity",
        "3.5 kWh",
        "3 kWh",
    )


def test_number_that_is_none_is_refused() -> None:
    """NaN among the readings is named by its place."""
    got = asked("3", profile("1", "NaN"))
    assert (got["error"]["got"], got["error"]["record"]) == ("NaN", "profile, reading 2")


def test_factor_and_readings_exclude_each_other() -> None:
    """A factor of the sender's own leaves nothing to weigh."""
    got: Any = estimate(
        {**REQUEST, "quantity": "1", "profile": profile("1"), "factor": {"value": "0.4", "unit": "kg/kWh"}},
        factor_set=three_hours(),
        today_date=TODAY,
    )
    assert got["error"]["message"] == "A profile is weighed with hourly factors"


def test_other_kinds_take_no_readings() -> None:
    """The field is unknown there."""
    got = asked("3", profile("1", "2"), kind="natural_gas")
    assert (got["error"]["message"], got["error"]["got"]) == ("This field is not known", "profile")
