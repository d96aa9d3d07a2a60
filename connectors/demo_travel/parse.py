"""One page of trips as activities. Pure: bytes in, values out.

    {"trips": [{"id": "2025-04-jfk", "status": "completed", "updated_at": "2025-04-20T09:00:00Z", "segments": [
       {"id": "2025-04-jfk-1", "type": "flight", "departs": "2025-04-11", "from": "SFO", "to": "JFK", "cabin": "economy",
        "travellers": 3},
       {"id": "2025-07-trains-1", "type": "rail", "departs": "2025-07-01", "distance": "96.6", "unit": "km",
        "service": "commuter", "travellers": 1}]}],
     "next_page": null}

A flight is kept as its airports, its cabin and how many travelled: the distance is the factor's business. A train is kept as
passenger-kilometres. Segments of a cancelled trip are taken back. One that cannot be read is refused by its name, and the others
stand.
"""

from dataclasses import dataclass
from fractions import Fraction

from connectors.exact_json import Number, listed, named, read_exact, text
from domain.declared import ActivityDocument, DeclaredActivity, check_amount, declared_days
from domain.errors import ClimateFitnessError, DocumentError, UnknownFormatError
from domain.kinds import checked_attributes, find_kind, kind_quantity
from domain.number import decimal_from_text
from domain.units import find_unit

PARSER_VERSION = "demo-travel/1"
"""Stands in manifests; changes when the same document would be read differently."""

_PASSENGER_UNIT = {"km": "pkm", "mi": "pmi"}
"""What a distance is in once it is multiplied by travellers."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of trips.

    Attributes:
        document: What it says.
        next_page: Name of the next page; empty on the last one.
        newest: Time of its newest change as it stands there, RFC 3339 in UTC; empty where it has no trips.
    """

    document: ActivityDocument
    next_page: str
    newest: str


def parse(body: bytes) -> ActivityDocument:
    """The flights and trains on one page of trips.

    Args:
        body: JSON, as it came.

    Returns:
        Activities, the keys of what was cancelled, and what was refused with the reason.

    Raises:
        DocumentError: Nothing of it can be used: it is no JSON, or has no trips.
    """
    return read_page(body).document


def read_page(body: bytes) -> Page:
    """One page of trips, with what `pull` must know of it.

    Args:
        body: JSON, as it came.

    Raises:
        UnknownFormatError: It is JSON, and no page of trips.
        DocumentError: Nothing of it can be used.
    """
    value = read_exact(body)
    if not isinstance(named(value, "trips"), list):
        raise UnknownFormatError(
            "This is no page of trips", expected="a list under trips", got=type(named(value, "trips")).__name__
        )
    activities: dict[str, DeclaredActivity] = {}
    removed: dict[str, None] = {}
    refused: list[DocumentError] = []
    for number, trip in enumerate(listed(value, "trips"), 1):
        for segment in listed(trip, "segments"):
            key = text(segment, "id")
            where = f"trip {text(trip, 'id') or number}, segment {key or 'without id'}"
            try:
                if not key or key in activities or key in removed:
                    raise DocumentError(
                        "A segment has a name of its own", expected="an id, once on the page", got=key or "nothing"
                    )
                if text(trip, "status") == "cancelled":
                    removed[key] = None
                else:
                    activities[key] = _activity(segment, key, number)
            except ClimateFitnessError as error:
                refused.append(_in(where, error))
    newest = max((text(trip, "updated_at") for trip in listed(value, "trips")), default="")
    document = ActivityDocument(tuple(activities.values()), tuple(removed), tuple(refused), title="Trips")
    return Page(document, text(value, "next_page"), newest)


def _activity(segment: object, key: str, number: int) -> DeclaredActivity:
    """One flight or train.

    Raises:
        DocumentError: It is of another sort, or says nothing of who travels.
        InputError: Something of it cannot be used.
    """
    travellers, sort = named(segment, "travellers"), text(segment, "type")
    if not isinstance(travellers, Number) or not travellers.isdecimal():
        raise DocumentError("Somebody travels", expected="a whole number", got=travellers, record="travellers")
    if sort == "flight":
        given = {"origin": text(segment, "from"), "destination": text(segment, "to"), "cabin": text(segment, "cabin")}
        amount, unit = Fraction(int(travellers)), "passenger"
    elif sort == "rail":
        given = {"service": text(segment, "service")}
        unit = _PASSENGER_UNIT.get(text(segment, "unit"), text(segment, "unit"))
        amount = Fraction(decimal_from_text(text(segment, "distance"), record="distance")) * int(travellers)
    else:
        raise DocumentError("This sort of segment is not known", expected="flight or rail", got=sort, record="type")
    kind = find_kind(sort)
    quantity = kind_quantity(kind, amount, unit, record="unit")
    check_amount(kind, find_unit(unit).dimension, quantity.quantity_micro, got=f"{amount} {unit}", record="amount")
    start_date, end_date = declared_days(text(segment, "departs"), "")
    return DeclaredActivity(
        record_key=key,
        kind=kind.name,
        attributes=checked_attributes(kind, {name: value for name, value in given.items() if value}),
        quantity_micro=quantity.quantity_micro,
        unit=quantity.unit,
        start_date=start_date,
        end_date=end_date,
        line_number=number,
    )


def _in(where: str, error: ClimateFitnessError) -> DocumentError:
    """A refusal with the segment that it is about."""
    record = f"{where}, {error.record}" if error.record else where
    return DocumentError(error.message, expected=error.expected, got=error.got, record=record, next_step=error.next_step)
