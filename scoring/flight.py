"""Flights: airports, great-circle distance, length class by publisher, and the Travel Impact Model's arithmetic.

Left out: the fuel burn of a flight by aircraft type and distance (EMEP/EEA guidebook, annex 1.A.3.a), which is not among the
data that we hold; whoever uses the Travel Impact Model gives the fuel burn. Contrails and other effects at altitude are no part
of it either: they are shown beside.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from fractions import Fraction
from math import asin, cos, radians, sin, sqrt

from domain.errors import AttributeValueError
from domain.number import fraction_to_text

EARTH_MEAN_RADIUS_KM = 6371.0088
"""Mean radius R1 of the Earth (IUGG; Moritz, Geodetic Reference System 1980, Journal of Geodesy 74, 2000), km."""

DEFRA_SHORT_HAUL_LIMIT_KM = 3700
"""Longest short-haul flight to or from the UK, km (UK GHG conversion factors, methodology paper, chapter on air travel)."""

EPA_SHORT_HAUL_LIMIT_KM = 300 * Fraction("1.609344")
"""Short haul is less than 300 miles (EPA GHG Emission Factors Hub 2025, table 10)."""

EPA_MEDIUM_HAUL_LIMIT_KM = 2300 * Fraction("1.609344")
"""Medium haul is at least 300 and less than 2,300 miles (EPA GHG Emission Factors Hub 2025, table 10)."""

TIM_TTW_KG_CO2E_PER_KG_FUEL = Fraction("3.1894")
"""Burning jet fuel, tank to wake: 74 g/MJ x 43.1 MJ/kg (Travel Impact Model 3.0.0; CORSIA LCA table 5, ISO 14083 annex K)."""

TIM_WTT_KG_CO2E_PER_KG_FUEL = Fraction("0.6465")
"""Making jet fuel, well to tank: 15 g/MJ x 43.1 MJ/kg (Travel Impact Model 3.0.0; CORSIA LCA table 7, ISO 14083 annex K)."""

TIM_DEFAULT_LOAD_FACTOR_RATIO = Fraction("0.845")
"""Share of seats taken where nothing better is known (Travel Impact Model 3.0.0, "Load factors", tier 2)."""

_UNITED_KINGDOM = "GB"
_NEXT_AIRPORT = "Give the three letters of the ticket, such as ZRH or SFO."


class HaulRule(StrEnum):
    """Whose length classes: each publisher's factors are for its own."""

    DEFRA = "DEFRA"
    EPA = "EPA"


class Body(StrEnum):
    """How wide an aircraft is, which decides how much more room the better cabins take."""

    NARROW = "narrow"
    WIDE = "wide"


class Cabin(StrEnum):
    """Class of travel."""

    ECONOMY = "economy"
    PREMIUM_ECONOMY = "premium_economy"
    BUSINESS = "business"
    FIRST = "first"
    AVERAGE = "average"


SEAT_WEIGHTS: Mapping[Body, Mapping[Cabin, Fraction]] = {
    Body.NARROW: {
        Cabin.ECONOMY: Fraction(1),
        Cabin.PREMIUM_ECONOMY: Fraction(1),
        Cabin.BUSINESS: Fraction(3, 2),
        Cabin.FIRST: Fraction(3, 2),
    },
    Body.WIDE: {
        Cabin.ECONOMY: Fraction(1),
        Cabin.PREMIUM_ECONOMY: Fraction(3, 2),
        Cabin.BUSINESS: Fraction(4),
        Cabin.FIRST: Fraction(5),
    },
}
"""Room of one seat in economy seats (Travel Impact Model 3.0.0, "Seating class factors"; IATA Recommended Practice 1726)."""

# fmt: off
_WIDE_TYPES = (
    "A306", "A30B", "A310", "A332", "A333", "A338", "A339", "A342", "A343", "A345", "A346", "A359", "A35K", "A388", "B741",
    "B742", "B743", "B744", "B748", "B762", "B763", "B764", "B772", "B77L", "B773", "B77W", "B788", "B789", "B78X", "DC10",
    "IL96", "MD11",
)
# fmt: on
"""Airliners with more than one aisle: A300, A310, A330, A340, A350, A380, 747, 767, 777, 787, DC-10, MD-11 (Airlines for
America, Glossary of Airline Terminology, "Wide-Body Aircraft") and the Il-96; designators of ICAO Doc 8643."""

# fmt: off
_NARROW_TYPES = (
    "A140", "A148", "A19N", "A20N", "A21N", "A318", "A319", "A320", "A321", "AN24", "AN26", "AN32", "AT43", "AT45", "AT72",
    "B190", "B38M", "B39M", "B461", "B462", "B463", "B712", "B721", "B732", "B733", "B734", "B735", "B736", "B737", "B738",
    "B739", "B752", "B753", "BCS1", "BCS3", "BN2P", "C208", "C500", "CL30", "CRJ1", "CRJ2", "CRJ7", "CRJ9", "D228", "DH8A",
    "DH8B", "DH8C", "DH8D", "DHC2", "DHC6", "DHC7", "E110", "E120", "E135", "E145", "E170", "E190", "E195", "E290", "E295",
    "E75L", "E75S", "F100", "F50", "F70", "J328", "JS31", "JS32", "JS41", "L410", "MD82", "MD83", "MD90", "P212", "PC12",
    "RJ1H", "RJ85", "SB20", "SF34", "SU95", "SW4",
)
# fmt: on
"""The other passenger aircraft that the Travel Impact Model maps schedules to (version 3.0.0, appendix A), and the A319neo."""

BODIES: Mapping[str, Body] = dict.fromkeys(_WIDE_TYPES, Body.WIDE) | dict.fromkeys(_NARROW_TYPES, Body.NARROW)
"""ICAO type designator to the width of the aircraft."""


@dataclass(frozen=True, slots=True)
class Airport:
    """A place that flights start from and land at.

    Attributes:
        iata: Three letters: "ZRH".
        country: ISO 3166-1 alpha-2.
        latitude_deg: Degrees of WGS 84, north positive.
        longitude_deg: Degrees of WGS 84, east positive.
        name: For people.
    """

    iata: str
    country: str
    latitude_deg: float
    longitude_deg: float
    name: str


@dataclass(frozen=True, slots=True)
class Seats:
    """How an aircraft's cabin is laid out, in seats by class of travel.

    Attributes:
        economy: Seats in economy.
        premium_economy: Seats in premium economy.
        business: Seats in business.
        first: Seats in first.
    """

    economy: int
    premium_economy: int = 0
    business: int = 0
    first: int = 0

    @property
    def total_count(self) -> int:
        """All seats."""
        return self.economy + self.premium_economy + self.business + self.first


@dataclass(frozen=True, slots=True)
class TimResult:
    """One passenger's share of a flight, with the steps that lead to it. Exact; nothing is rounded on the way.

    Attributes:
        flight_ttw_kg_co2e: Burning the fuel of the whole flight, kg CO2e.
        flight_wtt_kg_co2e: Making the fuel of the whole flight, kg CO2e.
        passenger_share_ratio: Share of the flight that all passengers bear; belly cargo bears the rest.
        equivalent_seats: The whole cabin in economy seats.
        seat_weight: One seat of the cabin in economy seats.
        load_factor_ratio: Share of seats taken.
        ttw_kg_co2e: Burning the fuel, kg CO2e per passenger of the cabin.
        wtt_kg_co2e: Making the fuel, kg CO2e per passenger of the cabin.
    """

    flight_ttw_kg_co2e: Fraction
    flight_wtt_kg_co2e: Fraction
    passenger_share_ratio: Fraction
    equivalent_seats: Fraction
    seat_weight: Fraction
    load_factor_ratio: Fraction
    ttw_kg_co2e: Fraction
    wtt_kg_co2e: Fraction

    @property
    def wtw_kg_co2e(self) -> Fraction:
        """Both together, well to wake, kg CO2e per passenger of the cabin."""
        return self.ttw_kg_co2e + self.wtt_kg_co2e


def airports_from_rows(rows: Iterable[tuple[str, ...]]) -> dict[str, Airport]:
    """Airports by IATA code.

    Args:
        rows: Cells of the parameter table "airports": iata, country, latitude_deg, longitude_deg, name.

    Returns:
        IATA code to airport.
    """
    return {
        iata: Airport(iata, country, float(latitude), float(longitude), name) for iata, country, latitude, longitude, name in rows
    }


def find_airport(code: str, airports: Mapping[str, Airport], *, record: str = "") -> Airport:
    """The airport of this code.

    Args:
        code: IATA code, three capital letters.
        airports: Every airport by its code.
        record: Where it stands, for the message.

    Returns:
        The airport.

    Raises:
        AttributeValueError: No airport has this code; the message lists close ones.
    """
    found = airports.get(code)
    if found is None:
        close = get_close_matches(code.upper(), airports, n=5, cutoff=0.6)
        named = ", ".join(f"{one} ({airports[one].name})" for one in close)
        raise AttributeValueError(
            "No airport has this IATA code",
            expected=f"one such as {named}" if named else "an IATA code of three letters",
            got=code,
            record=record,
            next_step=_NEXT_AIRPORT,
        )
    return found


def find_route(origin: str, destination: str, airports: Mapping[str, Airport], *, record: str = "") -> tuple[Airport, Airport]:
    """The two airports of a flight.

    Args:
        origin: IATA code of the airport of departure.
        destination: IATA code of the airport of arrival.
        airports: Every airport by its code.
        record: Where they stand, for the message.

    Returns:
        Airport of departure, airport of arrival.

    Raises:
        AttributeValueError: There is no such airport, or both are the same.
    """
    start, end = find_airport(origin, airports, record=record), find_airport(destination, airports, record=record)
    if origin == destination:
        raise AttributeValueError(
            "A flight needs two airports",
            expected="another airport of arrival",
            got=f"{origin} twice",
            record=record,
            next_step="Give the airport of arrival; of a round flight with a stop, give each leg.",
        )
    return start, end


def great_circle_km(origin: Airport, destination: Airport) -> int:
    """Length of the shortest way over a sphere of the Earth's mean radius, in whole kilometres.

    Sine and arc sine may differ in their last binary digit between machines, by some 10^-11 km in the result, and independent
    nodes must find the same inventory bit for bit. Hence whole kilometres: of all 31.6 million pairs of the table "airports" none
    lies nearer than 6 x 10^-9 km to the middle between two. A sphere is up to 0.6 % off the ellipsoid. Detours are not added
    here: the publishers' factors hold their own uplift.

    Args:
        origin: Airport of departure.
        destination: Airport of arrival.

    Returns:
        Whole kilometres; zero between airports within half a kilometre.

    Source:
        Haversine formula; radius R1 of the IUGG.
    """
    start_rad, end_rad = radians(origin.latitude_deg), radians(destination.latitude_deg)
    north_rad, east_rad = end_rad - start_rad, radians(destination.longitude_deg - origin.longitude_deg)
    haversine = sin(north_rad / 2) ** 2 + cos(start_rad) * cos(end_rad) * sin(east_rad / 2) ** 2
    return round(2 * EARTH_MEAN_RADIUS_KM * asin(sqrt(min(1.0, haversine))))


def haul_of(origin: Airport, destination: Airport, rule: HaulRule) -> str:
    """Length class of a flight, as the publisher of the factor draws the lines.

    DEFRA: within the UK "domestic"; to or from the UK up to 3,700 km "short", beyond "long"; elsewhere "international". The
    Crown dependencies and overseas territories are not in the UK. EPA: "short" below 300 miles, "medium" below 2,300, "long".

    Args:
        origin: Airport of departure.
        destination: Airport of arrival.
        rule: Whose classes.

    Returns:
        Value of the attribute `haul`.

    Source:
        UK GHG conversion factors, methodology paper, chapter on air travel; EPA GHG Emission Factors Hub 2025, table 10.
    """
    distance_km = great_circle_km(origin, destination)
    if rule is HaulRule.EPA:
        if distance_km < EPA_SHORT_HAUL_LIMIT_KM:
            return "short"
        return "medium" if distance_km < EPA_MEDIUM_HAUL_LIMIT_KM else "long"
    in_uk = [airport.country == _UNITED_KINGDOM for airport in (origin, destination)]
    if all(in_uk):
        return "domestic"
    if not any(in_uk):
        return "international"
    return "short" if distance_km <= DEFRA_SHORT_HAUL_LIMIT_KM else "long"


def body_of(aircraft: str, *, record: str = "") -> Body:
    """Whether an aircraft has one aisle or more.

    Args:
        aircraft: ICAO type designator: "B789".
        record: Where it stands, for the message.

    Returns:
        Its width.

    Raises:
        AttributeValueError: The type is not in our table; the message lists close ones.
    """
    found = BODIES.get(aircraft)
    if found is None:
        close = get_close_matches(aircraft.upper(), BODIES, n=5, cutoff=0.5)
        raise AttributeValueError(
            "This aircraft type is not known",
            expected=f"one such as {', '.join(close or ('A320', 'B738', 'B789'))}",
            got=aircraft,
            record=record,
            next_step="Give the ICAO type designator, or leave the aircraft out: the class factor is then used.",
        )
    return found


def tim_per_passenger(
    *,
    fuel_burn_kg: Fraction,
    body: Body,
    seats: Seats,
    cabin: Cabin,
    load_factor_ratio: Fraction = TIM_DEFAULT_LOAD_FACTOR_RATIO,
    cargo_share_ratio: Fraction = Fraction(0),
    record: str = "",
) -> TimResult:
    """Emissions of one passenger of a cabin by the Travel Impact Model, from the fuel of the whole flight.

    Args:
        fuel_burn_kg: Fuel of the whole flight, take-off to landing, kg.
        body: Width of the aircraft, which chooses the seat weights.
        seats: Layout of the cabin.
        cabin: Class of travel; average is the mean over all seats. A class without seats is answered too, as the model does.
        load_factor_ratio: Share of seats taken, above 0 up to 1; the model's global default where it is not known.
        cargo_share_ratio: Share of the flight's payload that is belly cargo, 0 to below 1.
        record: Where the values stand, for the message.

    Returns:
        Kilograms of CO2e per passenger, making and burning the fuel apart, with the steps.

    Raises:
        AttributeValueError: A value is outside its range, or there are no seats.

    Source:
        Travel Impact Model 3.0.0, "Example emission estimation" (github.com/google/travel-impact-model, CC BY 4.0).
    """
    _check_ranges(fuel_burn_kg, seats, load_factor_ratio, cargo_share_ratio, record)
    weights = SEAT_WEIGHTS[body]
    equivalent_seats = (
        seats.economy * weights[Cabin.ECONOMY]
        + seats.premium_economy * weights[Cabin.PREMIUM_ECONOMY]
        + seats.business * weights[Cabin.BUSINESS]
        + seats.first * weights[Cabin.FIRST]
    )
    seat_weight = equivalent_seats / seats.total_count if cabin is Cabin.AVERAGE else weights[cabin]
    flight_ttw_kg_co2e = fuel_burn_kg * TIM_TTW_KG_CO2E_PER_KG_FUEL
    flight_wtt_kg_co2e = fuel_burn_kg * TIM_WTT_KG_CO2E_PER_KG_FUEL
    passenger_share_ratio = 1 - cargo_share_ratio
    share_of_one = passenger_share_ratio * seat_weight / equivalent_seats / load_factor_ratio
    return TimResult(
        flight_ttw_kg_co2e=flight_ttw_kg_co2e,
        flight_wtt_kg_co2e=flight_wtt_kg_co2e,
        passenger_share_ratio=passenger_share_ratio,
        equivalent_seats=equivalent_seats,
        seat_weight=seat_weight,
        load_factor_ratio=load_factor_ratio,
        ttw_kg_co2e=flight_ttw_kg_co2e * share_of_one,
        wtt_kg_co2e=flight_wtt_kg_co2e * share_of_one,
    )


def _check_ranges(
    fuel_burn_kg: Fraction, seats: Seats, load_factor_ratio: Fraction, cargo_share_ratio: Fraction, record: str
) -> None:
    counts = (seats.economy, seats.premium_economy, seats.business, seats.first)
    checks = (
        (fuel_burn_kg > 0, "fuel_burn_kg", "more than 0 kg of fuel", fraction_to_text(fuel_burn_kg)),
        (min(counts) >= 0 and sum(counts) > 0, "seats", "at least one seat, none negative", ", ".join(map(str, counts))),
        (0 < load_factor_ratio <= 1, "load_factor", "a share above 0 and up to 1", fraction_to_text(load_factor_ratio)),
        (0 <= cargo_share_ratio < 1, "cargo_share", "a share from 0 to below 1", fraction_to_text(cargo_share_ratio)),
    )
    for is_good, name, expected, got in checks:
        if not is_good:
            raise AttributeValueError(
                f"This is no {name} of flight",
                expected=expected,
                got=got,
                record=record or name,
                next_step="Correct it, or leave aircraft, fuel and seats out: the class factor is then used.",
            )
