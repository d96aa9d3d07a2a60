"""What the demo's people do besides using electricity: heat, trips, food, purchases, as a file of activities.

Seeded by the month, so that a second start writes the same lines for the months that were there, and adds the new ones.
"""

import json
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

from domain.period import Month

_SEED = 20260102
_THERMS_BY_MONTH = (62, 54, 46, 35, 24, 17, 14, 14, 16, 24, 42, 60)
"""A Bay Area household's gas from January to December, before chance."""

_FOODS_KG = {
    "beef_from_beef_herd": 0.5,
    "poultry": 1.1,
    "cheese": 0.4,
    "rice": 0.8,
    "tomatoes": 1.2,
    "apples": 1.5,
}
"""Kilograms of a week, before chance."""

_JOURNEYS = {4: "JFK", 8: "LHR"}
"""Month of the year to where the household flies then."""

ECONOMY_G = {("SFO", "JFK"): 344_000, ("JFK", "SFO"): 371_000, ("SFO", "LHR"): 672_000, ("LHR", "SFO"): 703_000}
"""What the demo's flight model says of one passenger in economy, g CO2e, from there to there: of the right size, made up."""

Line = dict[str, str]


def household_lines(start: date, end: date) -> bytes:
    """A household's file: gas bills, drives, two journeys by air, food by the week, restaurants, clothes, waste.

    Args:
        start: First day.
        end: Day after the last; what is not over by then is left out.

    Returns:
        NDJSON, as the connector `activities` reads it.
    """
    return _written(_lines(start, end, _household_month))


def business_lines(start: date, end: date) -> bytes:
    """A design studio's file: software, paper, taxis, flights to clients with hotel nights, parcels, waste, an air conditioner.

    Args:
        start: First day.
        end: Day after the last; what is not over by then is left out.

    Returns:
        NDJSON, as the connector `activities` reads it.
    """
    return _written(_lines(start, end, _business_month))


def _lines(start: date, end: date, month_lines: Callable[[Month, Random], Iterator[Line]]) -> Iterator[Line]:
    month = Month(start.year, start.month)
    while month.first_date() < end:
        for index, line in enumerate(month_lines(month, Random(f"{_SEED} {month}"))):
            last = date.fromisoformat(line["end"]) if "end" in line else date.fromisoformat(line["start"]) + timedelta(days=1)
            if last <= end:
                yield {"id": f"demo {month} {line['kind']} {index}", **line}
        month = month.plus(1)


def _household_month(month: Month, chance: Random) -> Iterator[Line]:
    first, after = month.first_date(), month.plus(1).first_date()
    whole = {"start": first.isoformat(), "end": after.isoformat()}
    yield {"kind": "natural_gas", "quantity": _about(chance, _THERMS_BY_MONTH[month.number - 1]), "unit": "therm", **whole}
    yield {"kind": "water", "quantity": _about(chance, 18), "unit": "m3", **whole}
    for week in range(4):
        monday = {"start": _day(first, 7 * week), "end": _day(first, 7 * week + 7)}
        yield {"kind": "car", "quantity": _about(chance, 95), "unit": "mi", "powertrain": "petrol", "size": "medium", **monday}
        yield {"kind": "rail", "quantity": _about(chance, 60), "unit": "pmi", "service": "commuter", **monday}
        for food, kg in _FOODS_KG.items():
            yield {"kind": "food", "quantity": _about(chance, kg), "unit": "kg", "food": food, **monday}
        day = {"start": _day(first, 7 * week + 5)}
        yield {"kind": "purchase", "quantity": _about(chance, 85), "unit": "USD", "mcc": "5812", **day}
    yield {"kind": "purchase", "quantity": _about(chance, 140), "unit": "USD", "mcc": "5651", "start": _day(first, 12)}
    yield {
        "kind": "waste",
        "quantity": _about(chance, 38),
        "unit": "kg",
        "material": "mixed_msw",
        "treatment": "landfill",
        **whole,
    }
    if month.number in _JOURNEYS:
        there = _JOURNEYS[month.number]
        yield _flight("SFO", there, _day(first, 10), passengers="3", cabin="economy")
        yield _flight(there, "SFO", _day(first, 18), passengers="3", cabin="economy")
        yield {"kind": "hotel", "quantity": "7", "unit": "room_night", "start": _day(first, 10), "end": _day(first, 17)}


def _business_month(month: Month, chance: Random) -> Iterator[Line]:
    first, after = month.first_date(), month.plus(1).first_date()
    whole = {"start": first.isoformat(), "end": after.isoformat()}
    for naics, usd in (("511210", 620), ("518210", 410), ("322230", 130), ("541810", 900)):
        yield {"kind": "purchase", "quantity": _about(chance, usd), "unit": "USD", "naics": naics, "start": _day(first, 3)}
    yield {"kind": "taxi", "quantity": _about(chance, 90), "unit": "km", "service": "regular", **whole}
    yield {"kind": "home_working", "quantity": _about(chance, 240), "unit": "h", "use": "office_equipment", **whole}
    yield {"kind": "freight", "quantity": _about(chance, 180), "unit": "tkm", "mode": "road", **whole}
    yield {
        "kind": "waste",
        "quantity": _about(chance, 60),
        "unit": "kg",
        "material": "mixed_paper",
        "treatment": "recycling",
        **whole,
    }
    if month.number % 2:
        yield _flight("JFK", "ORD", _day(first, 6), passengers="2", cabin="average")
        yield _flight("ORD", "JFK", _day(first, 8), passengers="2", cabin="average")
        yield {"kind": "hotel", "quantity": "4", "unit": "room_night", "start": _day(first, 6), "end": _day(first, 8)}
    if month.number == 7:  # noqa: PLR2004 - July
        yield {"kind": "refrigerant", "quantity": "180", "unit": "g", "refrigerant": "R-410A", "start": _day(first, 20)}


def _flight(origin: str, destination: str, day: str, *, passengers: str, cabin: str) -> Line:
    places = {"origin": origin, "destination": destination}
    return {"kind": "flight", "quantity": passengers, "unit": "passenger", "start": day, "cabin": cabin, **places}


def _day(first: date, index: int) -> str:
    return (first + timedelta(days=index)).isoformat()


def _about(chance: Random, middle: float) -> str:
    """A tenth more or less, with one digit behind the point for large amounts, two for small ones."""
    places = 1 if middle >= 10 else 2  # noqa: PLR2004 - as people write them
    return f"{middle * chance.uniform(0.9, 1.1):.{places}f}"


def _written(lines: Iterator[Line]) -> bytes:
    return "".join(json.dumps(line) + "\n" for line in lines).encode()
