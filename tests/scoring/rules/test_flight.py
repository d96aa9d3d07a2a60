"""Flights whose grams a source says itself: taken as they are, once, and never beside a distance."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scoring.estimate import estimate
from scoring.factors.load import shipped_factor_set

REPORTED = {"reported_g_co2e_per_passenger": "312345.5", "reported_method": "Travel Impact Model 3.0.0"}
ROUTE = {"kind": "flight", "unit": "passenger", "start": "2024-03-01", "origin": "ZRH", "destination": "BOS", "cabin": "economy"}


def answer(quantity: str = "2", **more: str) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    """The estimate of a flight."""
    request = {**ROUTE, "quantity": quantity, **more}
    return estimate(request, factor_set=shipped_factor_set(), today_date=date(2026, 11, 22))


def test_grams_of_a_source_count_for_each_passenger() -> None:
    """Nothing of the distance is left: no supply, no altitude; scope and category stay those of a flight."""
    found = answer(**REPORTED)
    assert (found["g_co2e"], found["additions"], found["beside"]) == ("624691", [], [])
    assert (found["scope"], found["category"], found["flags"]) == (3, 6, ["as_reported"])
    assert found["steps"][-1] == (
        "A source says the emissions of this flight itself: 312.3455 kg CO2e for each passenger, fuel and its supply together; "
        "its method: Travel Impact Model 3.0.0. They are taken as they are, and the distance is not."
    )


@given(st.integers(1, 9_000_000), st.integers(1, 900))
def test_grams_are_exact(g_co2e: int, passengers: int) -> None:
    """Passengers times grams, to the gram."""
    found = answer(str(passengers), **REPORTED | {"reported_g_co2e_per_passenger": str(g_co2e)})
    assert found["g_co2e"] == str(g_co2e * passengers)


@pytest.mark.parametrize(
    ("changes", "expected", "record"),
    [
        ({"reported_method": ""}, "reported_method", "reported_method"),
        ({"reported_g_co2e_per_passenger": ""}, "reported_g_co2e_per_passenger", "reported_g_co2e_per_passenger"),
        ({"unit": "pkm", "origin": "", "destination": "", "haul": "long"}, "origin", "origin"),
        ({"radiative_forcing": "with"}, "reported_g_co2e_per_passenger or radiative_forcing", "radiative_forcing"),
        ({"fuel_burn_kg": "50000"}, "reported_g_co2e_per_passenger or fuel_burn_kg", "fuel_burn_kg"),
    ],
)
def test_grams_go_with_airports_and_method_alone(changes: dict[str, str], expected: str, record: str) -> None:
    """What contradicts them, or lacks, is refused by its name."""
    given = {name: value for name, value in {**REPORTED, **changes}.items() if value}
    without = [name for name, value in changes.items() if not value and name in ROUTE]
    request = {name: value for name, value in ROUTE.items() if name not in without} | {"quantity": "2"} | given
    found: Any = estimate(request, factor_set=shipped_factor_set(), today_date=date(2026, 11, 22))
    error = found["error"]
    assert (
        error["message"] == "Grams that a source says of a flight go with its airports and the source's method, and nothing else"
    )
    assert (error["expected"], error["record"]) == (expected, record)


@pytest.mark.parametrize(
    ("region", "publisher"), [("US-CA", "EPA GHG Emission Factors Hub"), ("GB", "UK DESNZ/Defra"), ("DE", "UK DESNZ/Defra")]
)
def test_medium_haul_outside_the_us_is_the_uks_short_haul(region: str, publisher: str) -> None:
    """Both end at 3,700 km: the UK's own factor is nearer than the one of the US."""
    request = {"kind": "flight", "quantity": "1000", "unit": "pkm", "start": "2023-03-01", "region": region, "haul": "medium"}
    found: Any = estimate(request, factor_set=shipped_factor_set(), today_date=date(2026, 11, 22))
    assert found["source"] == publisher
    assert ("Short-haul" in found["factor_label"]) == (publisher == "UK DESNZ/Defra")
