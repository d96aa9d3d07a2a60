"""Flights: passenger-kilometres by cabin and length class, or a passenger between two airports.

The UK's factors are the path that is always there: they hold every cabin and, for flights that do not touch the UK, a class of
their own; their uplift of 8 % for detours is inside. With the fuel of the flight and its seats the Travel Impact Model is used
instead; with grams of a passenger that a source says itself, those. Effects at altitude are shown beside and are in no total,
unless a factor with them is asked for.

Source:
    UK Government GHG Conversion Factors, sheet Business travel - air; EPA GHG Emission Factors Hub, Table 10 (passenger-miles in
    the US); Travel Impact Model 3.0.0.
"""

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from domain.errors import AttributeValueError
from domain.factor import Beside, EmissionFactor, LifeCycleScope
from domain.number import decimal_from_text, fraction_of, fraction_to_text, round_half_even
from scoring.factors.compile import exact_ug_per_unit
from scoring.factors.factor_set import FactorSet
from scoring.fitting import first_fitting, fitting_rows, row_of_year
from scoring.flight import (
    TIM_DEFAULT_LOAD_FACTOR_RATIO,
    TIM_TTW_KG_CO2E_PER_KG_FUEL,
    Airport,
    Cabin,
    HaulRule,
    Seats,
    airports_from_rows,
    body_of,
    find_route,
    great_circle_km,
    haul_of,
    tim_per_passenger,
)
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules.upstream import upstream
from scoring.search import Search

_SEATS = ("seats_economy", "seats_premium_economy", "seats_business", "seats_first")
_MODEL = ("fuel_burn_kg", "aircraft", *_SEATS)
_AIRPORT_COLUMNS = ("iata", "country", "latitude_deg", "longitude_deg", "name")
_PASSENGER_KM = "pkm"
_REPORTED = ("reported_g_co2e_per_passenger", "reported_method")


def prepare_flight(rule: KindRule, search: Search) -> Wanted:
    """What to look for, by airports, by passenger-kilometres, or by the fuel of the flight.

    Args:
        rule: Of flights.
        search: Collects what is to be said.

    Returns:
        Rows per passenger-kilometre, times the kilometres where airports are given; or the identity row, times the kilograms that
        the Travel Impact Model gives, or a source says.

    Raises:
        AttributeValueError: Airports, length class or seats are missing, unknown or contradict each other.
    """
    given = search.attributes
    has_route = "origin" in given or "destination" in given
    if has_route != (search.key.unit != _PASSENGER_KM):
        raise AttributeValueError(
            "A flight is passengers between two airports, or passenger-kilometres without airports",
            expected="passengers with origin and destination, or pkm with haul",
            got=f"{search.key.unit} " + ("with" if has_route else "without") + " airports",
            record="origin",
            next_step="Give the unit passenger with both airports, or pkm (pmi) with haul.",
        )
    wanted = plain_wanted(rule, search)
    is_reported = any(name in given for name in _REPORTED)
    if is_reported:
        _check_reported(search, wanted, has_route=has_route)
    if not has_route:
        return _by_haul(search, wanted)
    if "origin" not in given or "destination" not in given:
        missing = "destination" if "origin" in given else "origin"
        raise AttributeValueError("A flight needs both airports", expected=f"{missing}, an IATA code", got="none", record=missing)
    route = _route(search.factor_set, given["origin"], given["destination"])
    search.trace.append(route)
    if is_reported:
        return _as_reported(search)
    if "fuel_burn_kg" in given:
        if wanted.attributes["radiative_forcing"] == "with":
            raise AttributeValueError(
                "The Travel Impact Model counts no effects at altitude",
                expected="without",
                got="with",
                record="radiative_forcing",
                next_step="Leave it out, or leave fuel_burn_kg out: the class factor can hold them.",
            )
        return _by_model(search, wanted)
    left_out = [name for name in _MODEL if name in given]
    if left_out:
        search.flag("seats_without_fuel")
        search.say("Without the fuel of the flight, {} is not used: the class factor is.", ", ".join(left_out))
    at_home = _at_home(rule, search, wanted, route)
    if at_home is not None:
        return at_home
    if route.start.country == route.end.country != "GB":
        search.flag("haul_class_general")
        search.say("No class for flights inside this country is held for this cabin: that of flights outside the UK is taken.")
    search.say("Length class of the UK's factors: {}. Their uplift for detours is in the factor.", route.haul)
    attributes = {**wanted.attributes, "haul": route.haul}
    given_names = wanted.given | {"haul"}
    distance_km = route.distance_km
    return Wanted("flight", _PASSENGER_KM, attributes, given_names, distance_km, ("GB",), wanted.rates, assumed=wanted.assumed)


def _at_home(rule: KindRule, search: Search, wanted: Wanted, route: "Route") -> Wanted | None:
    """Rows of the country's own publisher for a flight inside it; None where it has none for the cabin."""
    country = route.start.country
    if country != route.end.country or country == "GB":
        return None
    hauls = (haul_of(route.start, route.end, HaulRule.EPA), "domestic")
    for haul in hauls if country == "US" else hauls[1:]:
        attributes = {**wanted.attributes, "haul": haul}
        found = replace(wanted, unit=_PASSENGER_KM, attributes=attributes, scale=route.distance_km, regions=(country,))
        if first_fitting(rule, search.factor_set, found, (country,)):
            search.say("Length class of the country's own factors: {}.", haul)
            return found
    return None


class Route(NamedTuple):
    """The way between two airports.

    Attributes:
        start: Airport of departure.
        end: Airport of arrival.
        distance_km: Great circle, whole kilometres.
        haul: Length class of the UK's factors.
    """

    start: Airport
    end: Airport
    distance_km: Fraction
    haul: str

    @property
    def sentences(self) -> tuple[str, ...]:
        """One sentence."""
        ends = (f"{one.name} ({one.iata}, {one.country})" for one in (self.start, self.end))
        circle = f"{self.distance_km} km on the great circle (a sphere of 6371.0088 km, whole kilometres)"
        return (f"From {' to '.join(ends)}: {circle}.",)


@lru_cache(maxsize=65_536)
def _route(factor_set: FactorSet, origin: str, destination: str) -> Route:
    start, end = find_route(origin, destination, _airports(factor_set), record="origin, destination")
    return Route(start, end, Fraction(great_circle_km(start, end)), haul_of(start, end, HaulRule.DEFRA))


def _by_haul(search: Search, wanted: Wanted) -> Wanted:
    if "haul" not in search.attributes:
        raise AttributeValueError(
            "Passenger-kilometres of a flight need their length class",
            expected="one of domestic, short, medium, long, international",
            got="none",
            record="haul",
            next_step="Give haul, or passengers with origin and destination.",
        )
    if search.attributes["haul"] == "medium" and search.key.region.partition("/")[0] != "US":
        search.say("The UK's short haul goes up to 3,700 km, as the medium haul of the US does, and is taken for it.")
        return replace(wanted, attributes={**wanted.attributes, "haul": "short"})
    return wanted


def _by_model(search: Search, wanted: Wanted) -> Wanted:
    given = search.attributes
    missing = [name for name in ("aircraft", "seats_economy") if name not in given]
    if missing:
        raise AttributeValueError(
            "The Travel Impact Model needs aircraft and seats beside the fuel",
            expected=", ".join(missing),
            got="none",
            record=missing[0],
            next_step="Give them, or leave fuel_burn_kg out: the class factor is then used.",
        )
    load_factor = given.get("load_factor")
    if load_factor is None:
        search.flag("attribute_assumed")
        search.say(
            "Load factor was not said: {} is taken (the model's default).", fraction_to_text(TIM_DEFAULT_LOAD_FACTOR_RATIO)
        )
    result = tim_per_passenger(
        fuel_burn_kg=_number(given["fuel_burn_kg"]),
        body=body_of(given["aircraft"], record="aircraft"),
        seats=Seats(*(int(given.get(name, "0")) for name in _SEATS)),
        cabin=Cabin(wanted.attributes["cabin"]),
        load_factor_ratio=TIM_DEFAULT_LOAD_FACTOR_RATIO if load_factor is None else _number(load_factor),
        cargo_share_ratio=_number(given.get("cargo_share", "0")),
        record="flight",
    )
    search.flag("tim_method")
    search.say(
        "Travel Impact Model 3.0.0: {} kg of fuel x (3.1894 burnt + 0.6465 made) kg CO2e/kg; passengers bear {} of it; room for "
        "{} economy seats, this seat {}; load factor {}: {} kg of fuel per passenger, {} kg CO2e burnt and {} made, together {}.",
        given["fuel_burn_kg"],
        fraction_to_text(result.passenger_share_ratio),
        fraction_to_text(result.equivalent_seats),
        fraction_to_text(result.seat_weight),
        fraction_to_text(result.load_factor_ratio),
        fraction_to_text(result.ttw_kg_co2e / TIM_TTW_KG_CO2E_PER_KG_FUEL),
        fraction_to_text(result.ttw_kg_co2e),
        fraction_to_text(result.wtt_kg_co2e),
        fraction_to_text(result.wtw_kg_co2e),
    )
    fuel_kg = result.ttw_kg_co2e / TIM_TTW_KG_CO2E_PER_KG_FUEL
    return Wanted("flight", "kg", {}, scale=fuel_kg, regions=("WORLD",), rates=("tim",), assumed=wanted.assumed, is_timeless=True)


def _check_reported(search: Search, wanted: Wanted, *, has_route: bool) -> None:
    """Refuse grams that a source says where something else is said besides, or too little.

    Raises:
        AttributeValueError: The source's method or the airports are missing, or it is to count effects at altitude or fuel, too.
    """
    given = search.attributes
    missing = [name for name in _REPORTED if name not in given] or ([] if has_route else ["origin"])
    other = "radiative_forcing" if wanted.attributes["radiative_forcing"] == "with" else "fuel_burn_kg"
    if missing or given.get(other, "without") != "without":
        raise AttributeValueError(
            "Grams that a source says of a flight go with its airports and the source's method, and nothing else",
            expected=missing[0] if missing else f"{_REPORTED[0]} or {other}",
            got="none" if missing else "both",
            record=missing[0] if missing else other,
            next_step=f"Give {missing[0]}." if missing else "Leave one of them out.",
        )


def _as_reported(search: Search) -> Wanted:
    kg = _number(search.attributes[_REPORTED[0]]) / 1000
    search.flag("as_reported")
    search.say(
        "A source says the emissions of this flight itself: {} kg CO2e for each passenger, fuel and its supply together; its "
        "method: {}. They are taken as they are, and the distance is not.",
        fraction_to_text(kg),
        search.attributes[_REPORTED[1]],
    )
    scopes = (LifeCycleScope.AS_REPORTED,)
    return Wanted("reported_emissions", "kg", {}, scale=kg, regions=("WORLD",), scopes=scopes, is_timeless=True)


def _number(text: str) -> Fraction:
    return fraction_of(decimal_from_text(text))


@lru_cache(maxsize=8)
def _airports(factor_set: FactorSet) -> dict[str, Airport]:
    return airports_from_rows(tuple(line[name] for name in _AIRPORT_COLUMNS) for line in factor_set.table("airports"))


def altitude(rule: KindRule, search: Search, wanted: Wanted, row: EmissionFactor) -> tuple[Beside, ...]:
    """What the publisher's factor with radiative forcing has more than the one without: contrails and other effects at altitude.

    Args:
        rule: Of flights.
        search: Collects what is to be said.
        wanted: What was searched for.
        row: The row that was found.

    Returns:
        One effect; none where the factor asked for holds it already, or the publisher gives none.

    Source:
        UK Government GHG Conversion Factors (multiplier 1.7 on CO2 from 2023, 1.9 before); Travel Impact Model: contrails are
        reported beside.
    """
    if row.attributes.get("radiative_forcing") != "without":
        return ()
    with_effects = replace(wanted, attributes={**wanted.attributes, "radiative_forcing": "with"})
    fitting = fitting_rows(rule, search.factor_set, with_effects, row.region, publishers=(row.publisher,))
    if fitting is None or fitting.rows[0].publisher != row.publisher:
        return ()
    other = row_of_year(fitting, search.key.year)
    more, less = (_total_ug(search, one, wanted.scale) for one in (other, row))
    search.say(
        "Effects at altitude (contrails, ozone) are shown beside and are in no total: the same publisher's factor with them."
    )
    return (Beside("aviation_non_co2", more - less, other.factor_id),)


def _total_ug(search: Search, row: EmissionFactor, scale: Fraction) -> int:
    """As compiled, without the bound of a line: with them, a first-class seat half around the world is above it."""
    exact = exact_ug_per_unit(row, search.gwp_set, search.factor_set.gwps)[:4]
    return sum(round_half_even(amount * scale) for amount in exact)


RULES = (
    KindRule(
        "flight",
        (LifeCycleScope.COMBUSTION,),
        publishers=("EPA GHG Emission Factors Hub", "UK DESNZ/Defra"),
        usual={"radiative_forcing": "without"},
        general={"cabin": "average"},
        proxies=("GB", "US"),
        needs_place=False,
        prepare=prepare_flight,
        additions=upstream,
        beside=altitude,
    ),
)
