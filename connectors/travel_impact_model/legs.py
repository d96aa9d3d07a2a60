"""What is asked about a flight, and the document that a question and its answer make together.

    #cf-flights/1
    {"asked_at":"2026-03-10T12:00:00Z","flights":[{"record_key":"t-17","leg":0,...}],"legs":[["ZRH","BOS",2024,"economy"]]}
    {"flightEmissions":[...],"modelVersion":{...}}

The second line names the flights as their own source told them, so that the document alone says what counts: with an answer,
these flights with the grams of the model; without one (the last line is empty), these flights as they were.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import NamedTuple

from connectors.base import Post
from domain.activity import Quality
from domain.canonical import Json, from_canonical, to_canonical
from domain.declared import DeclaredActivity
from domain.errors import CanonicalError, DocumentError, InputError
from domain.fields import Fields
from domain.kinds import checked_attributes, find_kind
from domain.period import date_from_text

PREFIX = b"#cf-flights/1\n"

MOST_LEGS_COUNT = 1_000
"""Legs of one question."""

FIRST_YEAR = 2019
"""The model's data of past flights begin here."""

REPORTED = ("reported_g_co2e_per_passenger", "reported_method")
"""What the model adds to a flight."""

CABINS = {"economy": "ECONOMY", "premium_economy": "PREMIUM_ECONOMY", "business": "BUSINESS", "first": "FIRST"}
"""Our words for cabins to the model's. It knows no average: a flight without a cabin is not asked about."""

_PATH = "/v1/flights:computeScope3FlightEmissions"
_NOT_ASKED = frozenset({*REPORTED, "fuel_burn_kg"})


class Leg(NamedTuple):
    """What the model is asked about: all flights of a year between two airports in a cabin share one answer.

    Attributes:
        origin: IATA code of the airport of departure.
        destination: IATA code of the airport of arrival.
        year: Of the departure.
        cabin: Our word for it.
    """

    origin: str
    destination: str
    year: int
    cabin: str

    def to_json(self) -> dict[str, Json]:
        """As the model is asked (Scope3FlightSegment)."""
        return {
            "cabinClass": CABINS[self.cabin],
            "departureDate": {"year": self.year},
            "destination": self.destination,
            "origin": self.origin,
        }


class Told(NamedTuple):
    """What a document holds.

    Attributes:
        flights: As their own source told them, each with the number of its leg.
        legs: What was asked.
        answer: The model's bytes; empty where the grams are taken back.
    """

    flights: tuple[tuple[DeclaredActivity, int], ...]
    legs: tuple[Leg, ...]
    answer: bytes


def leg_of(flight: DeclaredActivity) -> Leg | None:
    """What the model is asked about a flight; None where it cannot be asked, or something better is known.

    Args:
        flight: As its source told it.
    """
    given = dict(flight.attributes)
    if flight.kind != "flight" or not {"origin", "destination"} <= given.keys() or given.get("cabin") not in CABINS:
        return None
    if flight.start_date.year < FIRST_YEAR or _NOT_ASKED & given.keys() or given.get("radiative_forcing") == "with":
        return None
    return Leg(given["origin"], given["destination"], flight.start_date.year, given["cabin"])


def question(legs: Sequence[Leg]) -> Post:
    """The request for legs.

    Args:
        legs: At most `MOST_LEGS_COUNT`.

    Returns:
        What is sent; a refused key comes back as an answer.
    """
    return Post(_PATH, {"flights": [leg.to_json() for leg in legs]}, passes=frozenset({400, 403}))


def flights_document(asked_at: str, flights: Sequence[DeclaredActivity], legs: Sequence[Leg], answer: bytes) -> bytes:
    """The document of flights and what the model answered about them.

    Args:
        asked_at: When, RFC 3339 in UTC: the same can be asked, and taken back, again.
        flights: As their source told them; those that none of the legs is of only where nothing was answered.
        legs: What was asked, in the order of the answer.
        answer: The model's bytes; none takes the grams back.

    Returns:
        What the archive keeps.
    """
    number = {leg: index for index, leg in enumerate(legs)}
    told = [_flight_json(one, number.get(leg) if (leg := leg_of(one)) else None) for one in flights]
    head: Mapping[str, Json] = {"asked_at": asked_at, "flights": told, "legs": [list(leg) for leg in legs]}
    return PREFIX + to_canonical(head) + b"\n" + answer


def read_document(body: bytes) -> Told:
    """What such a document holds.

    Args:
        body: As `flights_document` made it.

    Returns:
        Flights, legs, answer.

    Raises:
        DocumentError: It is damaged.
    """
    head, _, answer = body.removeprefix(PREFIX).partition(b"\n")
    try:
        fields = Fields(from_canonical(head, record="flights"), "flights")
        legs = tuple(_leg(one) for one in fields.items("legs"))
        flights = tuple(_flight(Fields(one, "flight"), len(legs)) for one in fields.items("flights"))
    except (CanonicalError, InputError, ValueError) as error:
        raise DocumentError(
            "This document of flights is damaged", expected="flights and legs", got=str(error), next_step="Ask about them again."
        ) from error
    return Told(flights, legs, answer)


def _flight_json(flight: DeclaredActivity, leg_index: int | None) -> dict[str, Json]:
    return {
        "attributes": dict(flight.attributes),
        "end": flight.end_date.isoformat(),
        "leg": -1 if leg_index is None else leg_index,
        "quality": str(flight.quality),
        "quantity_micro": str(flight.quantity_micro),
        "record_key": flight.record_key,
        "region": flight.region,
        "start": flight.start_date.isoformat(),
        "unit": flight.unit,
    }


def _flight(fields: Fields, legs_count: int) -> tuple[DeclaredActivity, int]:
    """A flight and the number of its leg.

    Raises:
        CanonicalError: A field is missing.
        InputError: It is no flight.
        ValueError: No amount, quality or leg.
    """
    given = fields.nested("attributes")
    attributes = {name: given.text(name) for name in given.names()}
    leg_index = fields.integer("leg")
    if not -1 <= leg_index < legs_count:
        raise ValueError(f"leg {leg_index} of {legs_count}")
    flight = DeclaredActivity(
        record_key=fields.text("record_key"),
        kind="flight",
        attributes=checked_attributes(find_kind("flight"), attributes),
        quantity_micro=fields.amount("quantity_micro"),
        unit=fields.text("unit"),
        start_date=_day(fields, "start"),
        end_date=_day(fields, "end"),
        region=fields.text("region"),
        quality=Quality(fields.text("quality")),
    )
    return flight, leg_index


def _day(fields: Fields, name: str) -> date:
    return date_from_text(fields.text(name), record=name)


def _leg(value: object) -> Leg:
    if not (isinstance(value, list) and len(value) == len(Leg._fields) and value[3] in CABINS and isinstance(value[2], int)):
        raise ValueError("no leg")
    return Leg(str(value[0]), str(value[1]), value[2], value[3])
