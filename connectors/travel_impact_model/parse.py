"""Flights with the emissions that Google's Travel Impact Model says of them. Pure: bytes in, values out.

A flight keeps its name, its days and its passengers: what changes is that the model's grams of one passenger count instead of a
distance. So it is never counted twice, whichever of the two counts.

Source:
    Travel Impact Model API, flights.computeScope3FlightEmissions (REST reference, 2026-06); data under CC BY-SA 4.0.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from connectors.exact_json import listed, named, read_exact, text
from connectors.travel_impact_model.legs import CABINS, PREFIX, REPORTED, Leg, read_document
from domain.activity import Quality
from domain.declared import ActivityDocument, DeclaredActivity
from domain.errors import DocumentError
from domain.kinds import checked_attributes, find_kind

PARSER_VERSION = "travel-impact-model/1"
"""Changes when the same document would be read differently, together with `PREFIX`."""

LICENCE = "Google, CC BY-SA 4.0"
"""Attribution that every number carries; who passes them on does so under the same licence."""

MOST_G_CO2E = 9_000_000
"""Of one passenger: factors go up to 9.2 t for each unit; a first-class seat half around the Earth has about 8 t."""

_WORDS = {"TIM_EMISSIONS": "of this flight", "TYPICAL_FLIGHT_EMISSIONS": "of the route's typical flight in {year}"}
_WHOLE = re.compile(r"[0-9]{1,9}\Z")
_DATED = re.compile(r"[0-9A-Za-z.-]{1,20}\Z")


def is_flights(body: bytes) -> bool:
    """Whether this is a document of flights, and none of the flights' own source."""
    return body.startswith(PREFIX)


def parse(body: bytes) -> ActivityDocument:
    """What a document of flights says.

    Args:
        body: As `flights_document` made it.

    Returns:
        The flights that the model knows, with its grams; where there is no answer, all of them as they were. A flight that it
        does not know (empty fields) is left out, and goes on counting as before.

    Raises:
        DocumentError: It is damaged, or the answer is not what the API gives.
    """
    told = read_document(body)
    if not told.answer:
        return ActivityDocument(tuple(flight for flight, _ in told.flights), title="flights as they were")
    answer = read_exact(told.answer)
    entries = listed(answer, "flightEmissions")
    if len(entries) != len(told.legs):
        raise DocumentError(
            "The model answers another number of flights than it was asked",
            expected=f"{len(told.legs)} in flightEmissions",
            got=f"{len(entries)}",
            next_step="The provider may have changed its format; tell us.",
        )
    model, refused = _model(answer), list[DocumentError]()
    said = [_said(leg, entry, model, refused) for leg, entry in zip(told.legs, entries, strict=True)]
    flights = tuple(_with(flight, said[index]) for flight, index in told.flights if index >= 0 and said[index])
    return ActivityDocument(flights, refused=tuple(refused), title="Travel Impact Model")


def _said(leg: Leg, entry: object, model: str, refused: list[DocumentError]) -> tuple[str, ...]:
    """What the model says of a leg, as values of `REPORTED`; none where it does not know it, or what it says cannot be."""
    grams, source = named(entry, "wtwEmissionsGramsPerPax"), text(entry, "source")
    if grams is None or source not in _WORDS:  # a guess from the distance is no better than ours
        return ()
    echo = named(entry, "flight")
    same = (leg.origin, leg.destination, CABINS[leg.cabin])
    came = tuple(text(echo, name) for name in ("origin", "destination", "cabinClass"))
    is_whole = isinstance(grams, str) and _WHOLE.match(grams) is not None and 0 < int(grams) <= MOST_G_CO2E
    if came != same or not is_whole:
        expected, got = ("/".join(same), "/".join(came)) if came != same else (f"1 to {MOST_G_CO2E} whole grams", str(grams))
        refused.append(
            DocumentError("This answer is not used", expected=expected, got=got, record=f"{leg.origin}-{leg.destination}")
        )
        return ()
    return str(int(str(grams))), f"{model}, {_WORDS[source].format(year=leg.year)}; {LICENCE}"


def _with(flight: DeclaredActivity, said: Sequence[str]) -> DeclaredActivity:
    attributes = {**dict(flight.attributes), **dict(zip(REPORTED, said, strict=True))}
    return replace(flight, attributes=checked_attributes(find_kind("flight"), attributes), quality=Quality.CALCULATED)


def _model(answer: object) -> str:
    version = named(answer, "modelVersion")
    numbers = [str(named(version, name) or "0") for name in ("major", "minor", "patch")]
    if named(version, "major") is None or not all(_WHOLE.match(one) for one in numbers):
        raise DocumentError("The model does not say its version", expected="modelVersion", got=str(version))
    dated = text(version, "dated")
    return f"Travel Impact Model {'.'.join(numbers)}" + (f" ({dated})" if _DATED.match(dated) else "")
