"""The simulated Travel Impact Model answers and refuses as the documented API does."""

import json
from typing import Any

import pytest

from app.demo.providers.wire import Request
from app.demo.simulators.travel_impact import MOST_FLIGHTS_COUNT, SCOPE3_PATH, TravelImpact

FLIGHT = {"origin": "ZRH", "destination": "BOS", "cabinClass": "ECONOMY", "departureDate": {"year": 2024}}


def ask(*flights: object, key: str = "k", path: str = SCOPE3_PATH, method: str = "POST") -> tuple[int, Any]:
    """Status and value of an answer about flights."""
    model = TravelImpact("k", {("ZRH", "BOS"): 300_001})
    query = {"key": key} if key else {}
    reply = model.answer(Request(method, path, query, {}, json.dumps({"flights": flights}).encode()))
    return reply.status, json.loads(reply.body)


def test_answers_in_the_order_of_the_question() -> None:
    """Each with its flight; what is burnt and its supply add up; an unknown flight has empty fields."""
    unknown = FLIGHT | {"origin": "LIS"}
    status, answer = ask(unknown, FLIGHT | {"cabinClass": "FIRST"})
    first, second = answer["flightEmissions"]
    assert (status, first) == (200, {"flight": unknown})
    assert second["wtwEmissionsGramsPerPax"] == "1200004"
    assert int(second["ttwEmissionsGramsPerPax"]) + int(second["wttEmissionsGramsPerPax"]) == 1_200_004


@pytest.mark.parametrize(
    ("flights", "key", "status", "said"),
    [
        ([FLIGHT], "", 403, "PERMISSION_DENIED"),
        ([FLIGHT], "other", 400, "API_KEY_INVALID"),
        ([FLIGHT] * (MOST_FLIGHTS_COUNT + 1), "k", 400, "INVALID_ARGUMENT"),
        ([FLIGHT | {"departureDate": {"year": 2018}}], "k", 400, "INVALID_ARGUMENT"),
        ([FLIGHT | {"cabinClass": "AVERAGE"}], "k", 400, "INVALID_ARGUMENT"),
        (["ZRH-BOS"], "k", 400, "INVALID_ARGUMENT"),
    ],
)
def test_refusals(flights: list[object], key: str, status: int, said: str) -> None:
    """A key that is none, too many flights, years without data, cabins that it does not know."""
    found_status, answer = ask(*flights, key=key)
    assert found_status == status
    assert said in json.dumps(answer)


@pytest.mark.parametrize(("path", "method"), [("/v1/flights:computeFlightEmissions", "POST"), (SCOPE3_PATH, "GET")])
def test_other_addresses(path: str, method: str) -> None:
    """There is nothing else."""
    assert ask(FLIGHT, path=path, method=method)[0] == 404
