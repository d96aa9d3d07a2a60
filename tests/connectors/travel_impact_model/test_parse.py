"""Flights with the model's grams: those that it knows, as their own source told them otherwise, and none twice."""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import registry
from connectors.travel_impact_model import TRAVEL_IMPACT_MODEL
from connectors.travel_impact_model.legs import (
    CABINS,
    PREFIX,
    REPORTED,
    Leg,
    flights_document,
    leg_of,
    question,
    read_document,
)
from connectors.travel_impact_model.parse import parse
from domain.activity import Quality
from domain.declared import DeclaredActivity
from domain.errors import DocumentError, TruncatedDocumentError

AT = "2026-03-10T12:00:00Z"
FLIGHT = DeclaredActivity(
    record_key="t-17",
    kind="flight",
    attributes=(("cabin", "economy"), ("destination", "BOS"), ("origin", "ZRH")),
    quantity_micro=2_000_000,
    unit="item",
    start_date=date(2024, 3, 1),
    end_date=date(2024, 3, 2),
    region="CH",
)
LEG = Leg("ZRH", "BOS", 2024, "economy")


def entry(leg: Leg = LEG, /, **changes: object) -> dict[str, object]:
    """What the model says of a leg."""
    said = {"wtwEmissionsGramsPerPax": "312345", "ttwEmissionsGramsPerPax": "260000", "source": "TYPICAL_FLIGHT_EMISSIONS"}
    return {key: value for key, value in {"flight": leg.to_json(), **said, **changes}.items() if value is not None}


def answered(*entries: object, version: object = None) -> bytes:
    """The model's answer."""
    model = {"major": 3, "minor": 0, "patch": 1, "dated": "20260601"} if version is None else version
    return json.dumps({"flightEmissions": entries, "modelVersion": model}).encode()


def test_flight_carries_the_grams_of_the_model() -> None:
    """Everything else is as its source told it; the method names model, kind of data and licence."""
    [found] = parse(flights_document(AT, [FLIGHT], [LEG], answered(entry()))).activities
    added = {
        "reported_g_co2e_per_passenger": "312345",
        "reported_method": "Travel Impact Model 3.0.1 (20260601), of the route's typical flight in 2024; Google, CC BY-SA 4.0",
    }
    attributes = tuple(sorted({**dict(FLIGHT.attributes), **added}.items()))
    assert found == replace(FLIGHT, attributes=attributes, quality=Quality.CALCULATED)


def test_emissions_of_the_very_flight_say_so() -> None:
    """The source of the data is part of the method."""
    [found] = parse(flights_document(AT, [FLIGHT], [LEG], answered(entry(source="TIM_EMISSIONS")))).activities
    assert "(20260601), of this flight; Google" in dict(found.attributes)["reported_method"]


def test_flights_of_one_leg_share_an_answer() -> None:
    """A leg is asked about once."""
    flights = [replace(FLIGHT, record_key=str(number), start_date=date(2024, 1 + number, 1)) for number in range(5)]
    found = parse(flights_document(AT, flights, [LEG], answered(entry())))
    assert [one.record_key for one in found.activities] == ["0", "1", "2", "3", "4"]


@pytest.mark.parametrize(
    "changes",
    [
        {"wtwEmissionsGramsPerPax": None, "source": None},
        {"source": "DISTANCE_BASED_EMISSIONS"},
        {"source": "SCOPE3_DATA_TYPE_UNSPECIFIED"},
    ],
)
def test_unknown_flight_is_left_as_it_is(changes: dict[str, object]) -> None:
    """Empty fields, or a guess from the distance, change nothing and are no fault."""
    found = parse(flights_document(AT, [FLIGHT], [LEG], answered(entry(LEG, **changes))))
    assert (found.activities, found.refused) == ((), ())


@pytest.mark.parametrize(
    "changes",
    [
        {"flight": Leg("BOS", "ZRH", 2024, "economy").to_json()},
        {"flight": Leg("ZRH", "BOS", 2024, "first").to_json()},
        {"flight": None},
        {"wtwEmissionsGramsPerPax": "-5"},
        {"wtwEmissionsGramsPerPax": "0"},
        {"wtwEmissionsGramsPerPax": "1e6"},
        {"wtwEmissionsGramsPerPax": "312.5"},
        {"wtwEmissionsGramsPerPax": "9000001"},
        {"wtwEmissionsGramsPerPax": {}},
    ],
)
def test_answer_that_cannot_be_is_refused(changes: dict[str, object]) -> None:
    """Of another flight, or no grams of a passenger: the others stand."""
    other = Leg("ZRH", "LIS", 2024, "economy")
    second = replace(FLIGHT, record_key="t-18", attributes=(("cabin", "economy"), ("destination", "LIS"), ("origin", "ZRH")))
    document = flights_document(AT, [FLIGHT, second], [LEG, other], answered(entry(LEG, **changes), entry(other)))
    found = parse(document)
    assert [one.record_key for one in found.activities] == ["t-18"]
    assert [one.record for one in found.refused] == ["ZRH-BOS"]
    assert found.refused[0].sentence().startswith("This answer is not used; expected ")


def test_document_without_an_answer_takes_the_grams_back() -> None:
    """The flights are told as they were."""
    assert parse(flights_document(AT, [FLIGHT], (), b"")).activities == (FLIGHT,)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (answered(), "The model answers another number of flights than it was asked; expected 1 in flightEmissions; got 0"),
        (answered(entry(), entry()), "another number of flights"),
        (b'{"version": 9}', "another number of flights"),
        (b"[]", "another number of flights"),
        (answered(entry(), version={}), "The model does not say its version"),
        (answered(entry(), version={"major": "x"}), "The model does not say its version"),
        (answered(entry())[:-30], "This answer is cut off"),
        (b"<html>", "This answer is a web page"),
    ],
)
def test_answers_that_are_none(answer: bytes, said: str) -> None:
    """A whole answer of another shape is refused with what it lacks."""
    with pytest.raises(DocumentError) as caught:
        parse(flights_document(AT, [FLIGHT], [LEG], answer))
    assert said in caught.value.sentence()


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ({"cabin": "average"}, "the model knows no average"),
        ({"cabin": ""}, "no cabin"),
        ({"destination": ""}, "no airport"),
        ({"radiative_forcing": "with"}, "effects at altitude are wanted"),
        ({"fuel_burn_kg": "100"}, "its fuel is known"),
        (dict.fromkeys(REPORTED, "5"), "it was asked about"),
    ],
)
def test_flights_that_are_not_asked_about(attributes: dict[str, str], why: str) -> None:
    """What the model cannot be asked, or what is known better."""
    given = {**dict(FLIGHT.attributes), **attributes}
    found = replace(FLIGHT, attributes=tuple(sorted((name, value) for name, value in given.items() if value)))
    assert leg_of(found) is None, why


def test_years_before_the_data_are_not_asked_about() -> None:
    """The model's data of past flights begin in 2019."""
    assert leg_of(replace(FLIGHT, start_date=date(2018, 12, 31))) is None
    assert leg_of(replace(FLIGHT, start_date=date(2019, 1, 1))) == Leg("ZRH", "BOS", 2019, "economy")
    assert leg_of(replace(FLIGHT, kind="car")) is None


def test_question_is_what_the_api_asks_for() -> None:
    """One segment a leg; no name, no day, nothing of the person."""
    asked = question([LEG])
    segment = {"cabinClass": "ECONOMY", "departureDate": {"year": 2024}, "destination": "BOS", "origin": "ZRH"}
    assert (asked.url, asked.json) == ("/v1/flights:computeScope3FlightEmissions", {"flights": [segment]})


airports = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=3, max_size=3)
flights = st.builds(
    lambda key, origin, destination, cabin, passengers, days: replace(
        FLIGHT,
        record_key=key,
        attributes=(("cabin", cabin), ("destination", destination), ("origin", origin)),
        quantity_micro=passengers,
        start_date=date.fromordinal(days),
        end_date=date.fromordinal(days + 1),
    ),
    st.text(min_size=1, max_size=20).filter(str.isprintable),
    airports,
    airports,
    st.sampled_from([*CABINS, "average"]),
    st.integers(1, 10**12),
    st.integers(date(2015, 1, 1).toordinal(), date(2026, 1, 1).toordinal()),
)


@given(st.lists(flights, max_size=6, unique_by=lambda one: one.record_key), st.binary(max_size=50))
def test_document_keeps_what_it_was_made_of(told: list[DeclaredActivity], answer: bytes) -> None:
    """Flights, legs and the answer's bytes come back as they went in."""
    legs = sorted({leg for one in told if (leg := leg_of(one))})
    found = read_document(flights_document(AT, told, legs, answer))
    assert [flight for flight, _ in found.flights] == told
    assert (list(found.legs), found.answer) == (legs, answer)
    assert [legs[index] if index >= 0 else None for _, index in found.flights] == [leg_of(one) for one in told]


@given(st.integers(0, 400), st.integers(0, 255))
def test_damaged_document_is_refused_or_read(at: int, byte: int) -> None:
    """A byte changed anywhere gives a refusal or a reading, nothing else."""
    body = bytearray(flights_document(AT, [FLIGHT], [LEG], answered(entry())))
    body[len(PREFIX) + at % (len(body) - len(PREFIX))] = byte
    with suppress(DocumentError):
        parse(bytes(body))


@pytest.mark.parametrize(
    "head", [b"", b"{}", b"[]", b'{"flights":[{}],"legs":[]}', b'{"flights":[],"legs":[["ZRH","BOS","2024","economy"]]}']
)
def test_head_that_is_none(head: bytes) -> None:
    """A document whose first lines are not ours is refused."""
    with pytest.raises(DocumentError, match="This document of flights is damaged"):
        parse(PREFIX + head + b"\n")


def test_registry_reads_it_for_every_connector() -> None:
    """Whichever connection flights came through, a document of flights is read as one."""
    body = flights_document(AT, [FLIGHT], (), b"")
    assert registry.read("activities", body) == TRAVEL_IMPACT_MODEL.parse(body)


def test_connector_pulls_nothing_by_itself() -> None:
    """It says more about flights that others bring."""
    assert list(TRAVEL_IMPACT_MODEL.pull({"base_url": "https://example.org"}, None)) == []
    assert (TRAVEL_IMPACT_MODEL.manifest.works_now, TRAVEL_IMPACT_MODEL.manifest.availability()) == (True, "works now")
    with pytest.raises((DocumentError, TruncatedDocumentError)):
        TRAVEL_IMPACT_MODEL.parse(b"")
