"""The same thing told by two sources: pairs of records that a person may want to count once.

A rule says when two records may be one thing, which of the two says less, and why it thinks so. They are of two connections: one
source does not tell a thing twice, and two equal purchases on one card are two coffees. Only journeys of one connection that
nobody can have made at the same time are a pair, too: a later export of a phone may have moved the start of one. Nothing is taken
out by a rule: a person decides, and can decide again. Amounts are exact, days are local, and every record stands in at
most one pair of a rule, with the nearest other one.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from functools import partial


class Rule(StrEnum):
    """Why two records may be one thing."""

    SAME_PURCHASE = "same_purchase"
    SAME_TRIP = "same_trip"
    FUEL_AND_TRIP = "fuel_and_trip"
    TICKET_AND_TRIP = "ticket_and_trip"
    BILL_AND_METER = "bill_and_meter"
    CHARGING_AND_METER = "charging_and_meter"


@dataclass(frozen=True, slots=True)
class Sighting:
    """What one record says, as far as it takes to find it elsewhere.

    Attributes:
        record_id: Of the record.
        connection_id: Which connection told it.
        kind: Name of the kind.
        attributes: Of the activity key, by name.
        quantity_micro: Sum over its months, millionths of `unit`.
        unit: Unit that the kind is kept in; the currency, where money was measured.
        start_date: First local day.
        end_date: Local day after the last one.
        is_metered: Whether a meter says it, and no document declares it.
        began_s: When it began, seconds since 1970, where its name at the source says so; else None.
    """

    record_id: str
    connection_id: str
    kind: str
    attributes: Mapping[str, str] = field(hash=False)
    quantity_micro: int
    unit: str
    start_date: date
    end_date: date
    is_metered: bool = False
    began_s: int | None = None

    @property
    def last_date(self) -> date:
        """Its last local day, inclusive."""
        return max(self.end_date - timedelta(days=1), self.start_date)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Two records that may be one thing.

    Attributes:
        rule: Why.
        keep: The record that says more.
        aside: The record that would no longer count; always a declared one.
        days_apart_count: Days between their first days.
    """

    rule: Rule
    keep: Sighting
    aside: Sighting
    days_apart_count: int


SAME_PURCHASE_DAYS_COUNT = 5
"""Cards are booked up to five days after the receipt."""

FUEL_DAYS_COUNT = 10
"""A tank is driven empty around the day on which it was filled."""

TRIP_TOLERANCE_PPM = 150_000
"""Distances of one trip differ by up to 15 % between a phone, a car and a table of airports."""

REACH_MONTHS_COUNT = 7
"""No rule pairs records that are further apart."""

_TOP_SPEED_M_PER_S = {"bus": 28, "car": 36, "ferry": 20, "flight": 280, "motorcycle": 36, "rail": 84, "van": 36}
"""No journey is faster on the whole way: 100, 130, 72, 1,000, 130, 300 and 130 km/h."""

_DISTANCES = frozenset({"km", "pkm"})
_MICRO_PER_M = 1_000
_BILL_DAYS_COUNT = 75
_CHARGING_DAYS_COUNT = 31
_LOSS_PPM = 100_000
_TICKET_DAYS_BEFORE_COUNT = {"flight": 180, "rail": 90, "ferry": 180, "bus": 30, "taxi": 2, "hotel": 180}
_TICKET_DAYS_AFTER_COUNT = {"flight": 5, "rail": 5, "ferry": 5, "bus": 5, "taxi": 5, "hotel": 35}
_TRAVEL = frozenset({"bus", "car", "ferry", "flight", "motorcycle", "rail", "taxi", "van"})
_ONE_DAY_LATER = frozenset({"flight", "ferry", "rail"})
_MILLION_PPM = 1_000_000
_SPECIFIC = ("naics", "mcc", "plaid_category")
_ROAD_FUELS = frozenset({"petrol", "diesel", "gasoline", "motor_gasoline", "diesel_fuel"})
_BURNS = frozenset({"car", "van", "motorcycle", "taxi"})

# Merchant category codes: ISO 18245. Industries: NAICS 2017, by their first digits. Categories: Plaid personal finance
# categories, edition of December 2021.
_FUEL_MCC = frozenset({"5541", "5542"})
_FUEL_PLAID = frozenset({"TRANSPORTATION_GAS"})
_FUEL_NAICS = ("447", "457")
_TICKET_MCC: Mapping[str, Callable[[str], bool]] = {
    "flight": lambda mcc: "3000" <= mcc <= "3350" or mcc == "4511",
    "rail": lambda mcc: mcc in {"4011", "4111", "4112"},
    "bus": lambda mcc: mcc in {"4111", "4131"},
    "ferry": lambda mcc: mcc in {"4411", "4457"},
    "taxi": lambda mcc: mcc == "4121",
    "hotel": lambda mcc: "3501" <= mcc <= "3999" or mcc == "7011",
}
_TICKET_NAICS = {"flight": ("481",), "rail": ("482", "4851"), "bus": ("4852", "4851"), "ferry": ("483",)}
_TICKET_NAICS |= {"taxi": ("4853",), "hotel": ("7211",)}
_TICKET_PLAID = {
    "flight": frozenset({"TRAVEL_FLIGHTS"}),
    "hotel": frozenset({"TRAVEL_LODGING"}),
    "taxi": frozenset({"TRANSPORTATION_TAXIS_AND_RIDE_SHARES"}),
    "rail": frozenset({"TRANSPORTATION_PUBLIC_TRANSIT"}),
    "bus": frozenset({"TRANSPORTATION_PUBLIC_TRANSIT"}),
}
_BILL_MCC = frozenset({"4900"})
_BILL_PLAID = {
    "RENT_AND_UTILITIES_GAS_AND_ELECTRICITY": frozenset({"electricity", "natural_gas", "district_heat"}),
    "RENT_AND_UTILITIES_WATER": frozenset({"water"}),
}
_BILL_NAICS = {"22111": "electricity", "22112": "electricity", "22121": "natural_gas", "22131": "water", "22133": "district_heat"}
_BILLED = frozenset({"electricity", "natural_gas", "water", "district_heat"})


def find_candidates(sightings: Iterable[Sighting]) -> tuple[Candidate, ...]:
    """Every pair of records that may be one thing.

    Args:
        sightings: Records of one subject that count, each once.

    Returns:
        By rule, then by day; a record that one rule sets aside is offered by no later rule.
    """
    everything = sorted(sightings, key=lambda one: (one.start_date, one.record_id))
    found: list[Candidate] = []
    for pairs in (_same_purchases, _same_trips, _tickets, _fuel, _bills, _charging):
        aside = {one.aside.record_id for one in found}
        found += pairs([one for one in everything if one.record_id not in aside])
    return tuple(found)


# The same purchase, from a card and from a receipt.


def _same_purchases(sightings: Sequence[Sighting]) -> Iterator[Candidate]:
    by_amount: dict[tuple[str, int], list[Sighting]] = defaultdict(list)
    for one in sightings:
        if one.kind == "purchase" and one.quantity_micro:
            by_amount[one.unit, one.quantity_micro].append(one)
    for alike in by_amount.values():
        yield from _nearest(Rule.SAME_PURCHASE, alike, alike, _always, reach_days_count=SAME_PURCHASE_DAYS_COUNT)


# One trip, from two sources.


def _same_trips(sightings: Sequence[Sighting]) -> Iterator[Candidate]:
    by_kind: dict[str, list[Sighting]] = defaultdict(list)
    for one in sightings:
        if one.kind in _TRAVEL:
            by_kind["car" if one.kind in {"car", "taxi"} else one.kind].append(one)
    for alike in by_kind.values():
        yield from _nearest(Rule.SAME_TRIP, alike, alike, _is_same_trip, reach_days_count=1, fits_within=_is_at_the_same_time)


def _is_at_the_same_time(one: Sighting, other: Sighting) -> bool:
    """Whether the second of two like journeys began before the first can have ended, even at the top speed of its kind."""
    if one.began_s is None or other.began_s is None or one.unit not in _DISTANCES or one.kind not in _TOP_SPEED_M_PER_S:
        return False
    if (one.kind, one.unit) != (other.kind, other.unit) or not _is_as_far(one, other):
        return False
    apart_s, shorter_micro = abs(one.began_s - other.began_s), min(one.quantity_micro, other.quantity_micro)
    return apart_s * _TOP_SPEED_M_PER_S[one.kind] * _MICRO_PER_M < shorter_micro


def _is_as_far(one: Sighting, other: Sighting) -> bool:
    larger = max(abs(one.quantity_micro), abs(other.quantity_micro))
    return abs(one.quantity_micro - other.quantity_micro) * _MILLION_PPM <= larger * TRIP_TOLERANCE_PPM


def _is_same_trip(one: Sighting, other: Sighting) -> bool:
    if _days(one, other) > (1 if one.kind in _ONE_DAY_LATER else 0):
        return False
    route, other_route = _route(one), _route(other)
    if route and other_route:
        return route == other_route
    if one.unit != other.unit:
        return bool(route) != bool(other_route)  # a flight between airports, and one of a length: the day must do
    return _is_as_far(one, other)


def _route(one: Sighting) -> tuple[str, str] | None:
    origin, destination = one.attributes.get("origin", ""), one.attributes.get("destination", "")
    return (origin, destination) if origin and destination else None


# A ticket, and the trip that it was for.


def _tickets(sightings: Sequence[Sighting]) -> Iterator[Candidate]:
    paid: set[str] = set()
    for kind, before_days_count in _TICKET_DAYS_BEFORE_COUNT.items():
        tickets = [one for one in sightings if one.record_id not in paid and _is_ticket(one, kind)]
        trips = [one for one in sightings if one.kind == kind]
        after_days_count = _TICKET_DAYS_AFTER_COUNT[kind]

        fits = partial(_is_within, before_days_count, after_days_count)
        for one in _nearest(Rule.TICKET_AND_TRIP, tickets, trips, fits, reach_days_count=before_days_count, is_many=True):
            paid.add(one.aside.record_id)
            yield one


def _is_within(before_days_count: int, after_days_count: int, ticket: Sighting, trip: Sighting) -> bool:
    return -after_days_count <= (trip.start_date - ticket.start_date).days <= before_days_count


def _is_ticket(one: Sighting, kind: str) -> bool:
    return _is_spent_on(
        one, _TICKET_MCC[kind], _TICKET_NAICS.get(kind, ()), lambda category: category in _TICKET_PLAID.get(kind, ())
    )


# Fuel, and the trips that it was burnt on.


def _fuel(sightings: Sequence[Sighting]) -> Iterator[Candidate]:
    fuels = [one for one in sightings if _is_road_fuel(one)]
    trips = [one for one in sightings if one.kind in _BURNS and one.attributes.get("powertrain") != "electric"]
    yield from _nearest(Rule.FUEL_AND_TRIP, fuels, trips, _always, reach_days_count=FUEL_DAYS_COUNT, is_many=True)


def _is_road_fuel(one: Sighting) -> bool:
    if one.kind == "fuel":
        return one.attributes.get("fuel", "") in _ROAD_FUELS
    return _is_spent_on(one, _FUEL_MCC.__contains__, _FUEL_NAICS, _FUEL_PLAID.__contains__)


# A utility's bill that was paid, and its meter.


def _bills(sightings: Sequence[Sighting]) -> Iterator[Candidate]:
    meters = [one for one in sightings if one.kind in _BILLED]
    bills = [one for one in sightings if _billed(one)]
    yield from _nearest(Rule.BILL_AND_METER, bills, meters, _is_billed, reach_days_count=_BILL_DAYS_COUNT, is_many=True)


def _is_billed(bill: Sighting, meter: Sighting) -> bool:
    return meter.kind in _billed(bill) and meter.start_date <= bill.start_date


def _billed(one: Sighting) -> frozenset[str]:
    if one.kind != "purchase":
        return frozenset()
    naics = one.attributes.get("naics", "")
    by_naics = frozenset(kind for digits, kind in _BILL_NAICS.items() if naics.startswith(digits))
    if by_naics:
        return by_naics
    if one.attributes.get("mcc", "") in _BILL_MCC:
        return _BILLED  # the code says no more than "utilities"
    return _BILL_PLAID.get(one.attributes.get("plaid_category", ""), frozenset())


# A car that was charged, and the meter of the house.


def _charging(sightings: Sequence[Sighting]) -> Iterator[Candidate]:
    charged = [one for one in sightings if one.kind == "electricity" and not one.is_metered]
    meters = [one for one in sightings if one.kind == "electricity" and one.is_metered]
    yield from _nearest(
        Rule.CHARGING_AND_METER, charged, meters, _is_charged_there, reach_days_count=_CHARGING_DAYS_COUNT, is_many=True
    )


def _is_charged_there(car: Sighting, meter: Sighting) -> bool:
    """The meter counted that day, and at least nearly as much as the car took."""
    is_that_day = car.start_date <= meter.start_date < car.end_date
    return is_that_day and 0 < car.quantity_micro * _MILLION_PPM <= meter.quantity_micro * (_MILLION_PPM + _LOSS_PPM)


# Pairs.


def _nearest(
    rule: Rule,
    asides: Sequence[Sighting],
    keeps: Sequence[Sighting],
    fits: Callable[[Sighting, Sighting], bool],
    *,
    reach_days_count: int,
    is_many: bool = False,
    fits_within: Callable[[Sighting, Sighting], bool] | None = None,
) -> Iterator[Candidate]:
    """Each of the first with the nearest of the second that fits; one to one unless `is_many`.

    Args:
        rule: Why.
        asides: What may stand back, by day; the same list as `keeps` where either may.
        keeps: What would go on counting, by day.
        fits: Whether two within reach may be one thing.
        reach_days_count: How far apart they may begin.
        is_many: Whether one of the second can go with several of the first: a month of trips on one tank.
        fits_within: The same for two of one connection; None: they never are.
    """
    days = [one.start_date for one in keeps]
    pairs = [
        (_days(one, other), one.start_date, one.record_id, other.record_id, one, other)
        for one in asides
        for other in _around(keeps, days, one.start_date, reach_days_count)
        if _may_fit(one, other, fits, fits_within)
    ]
    taken: set[str] = set()
    for days_apart_count, _, _, _, one, other in sorted(pairs, key=lambda pair: pair[:4]):
        if one.record_id in taken or (other.record_id in taken and not is_many):
            continue
        taken.add(one.record_id)
        if not is_many:
            taken.add(other.record_id)
        aside, keep = _less_first(one, other) if asides is keeps else (one, other)
        if not aside.is_metered:
            yield Candidate(rule, keep, aside, days_apart_count)


def _may_fit(
    one: Sighting,
    other: Sighting,
    fits: Callable[[Sighting, Sighting], bool],
    fits_within: Callable[[Sighting, Sighting], bool] | None,
) -> bool:
    if one.connection_id != other.connection_id:
        return fits(one, other)
    return fits_within is not None and one.record_id != other.record_id and fits_within(one, other)


def _around(keeps: Sequence[Sighting], days: Sequence[date], at: date, reach_days_count: int) -> Sequence[Sighting]:
    """Those that begin within reach."""
    first = bisect_left(days, date.fromordinal(max(at.toordinal() - reach_days_count, 1)))
    return keeps[first : bisect_right(days, date.fromordinal(at.toordinal() + reach_days_count))]


def _always(_: Sighting, __: Sighting) -> bool:
    return True


def _less_first(one: Sighting, other: Sighting) -> tuple[Sighting, Sighting]:
    """The one that says less, then the one that says more."""
    return (one, other) if _said(one) < _said(other) else (other, one)


def _said(one: Sighting) -> tuple[int, int, str]:
    """How much a record says: whether a meter says it, how exactly it is named, and of two alike, either."""
    rank = next((len(_SPECIFIC) - index for index, name in enumerate(_SPECIFIC) if name in one.attributes), 0)
    return int(one.is_metered), rank + len(one.attributes), one.record_id


def _is_spent_on(
    one: Sighting, is_mcc: Callable[[str], bool], naics_digits: Sequence[str], is_category: Callable[[str], bool]
) -> bool:
    """Whether a purchase was of this: by the most exact thing that it says."""
    if one.kind != "purchase" or one.quantity_micro <= 0:
        return False
    if naics := one.attributes.get("naics", ""):
        return naics.startswith(tuple(naics_digits)) if naics_digits else False
    if mcc := one.attributes.get("mcc", ""):
        return is_mcc(mcc)
    return is_category(one.attributes.get("plaid_category", ""))


def _days(one: Sighting, other: Sighting) -> int:
    return abs((one.start_date - other.start_date).days)
