"""Flights: distance, length class, and the Travel Impact Model's published example step by step.

The example's own fuel burn is the input: the table that it comes from (EMEP/EEA guidebook, annex 1.A.3.a) is not among our data.
"""

import json
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import AttributeValueError
from scoring.factors.importers.airports import import_airports
from scoring.flight import (
    BODIES,
    SEAT_WEIGHTS,
    TIM_TTW_KG_CO2E_PER_KG_FUEL,
    TIM_WTT_KG_CO2E_PER_KG_FUEL,
    Airport,
    Body,
    Cabin,
    HaulRule,
    Seats,
    TimResult,
    airports_from_rows,
    body_of,
    find_airport,
    find_route,
    great_circle_km,
    haul_of,
    tim_per_passenger,
)

CABINS = ("economy", "premium_economy", "business", "first")
STEP_TOLERANCE_KG = {"per_seat": Fraction("0.006"), "per_passenger": Fraction("0.007")}
"""The example rounds flight totals to whole kilograms, then seats to three decimals and multiplies those by up to 5."""


@pytest.fixture(scope="module")
def airports(shared_dir: Path) -> dict[str, Airport]:
    """Every airport with an IATA code."""
    found = import_airports((shared_dir / "data/raw/geo/airports.csv.gz").read_bytes())
    return airports_from_rows(found.parameter_tables[0].rows)


@pytest.fixture(scope="module")
def example(repository: Path) -> dict[str, Any]:
    """The published ZRH-SFO example."""
    content: dict[str, Any] = json.loads((repository / "tests/vectors/tim_zrh_sfo.json").read_text())
    return content


def _result(example: dict[str, Any], cabin: str) -> TimResult:
    inputs = example["inputs"]
    return tim_per_passenger(
        fuel_burn_kg=Fraction(example["fuel"]["fuel_burn_kg"]),
        body=body_of(inputs["aircraft"]),
        seats=Seats(**inputs["seats"]),
        cabin=Cabin(cabin),
        load_factor_ratio=Fraction(inputs["load_factor_ratio"]),
        cargo_share_ratio=Fraction(inputs["cargo_share_ratio"]),
    )


def _rounded(value: Fraction, places: str) -> Decimal:
    exact = Decimal(value.numerator) / Decimal(value.denominator)
    return exact.quantize(Decimal(places), ROUND_HALF_UP)


def test_tim_distance_is_within_a_thousandth(example: dict[str, Any], airports: dict[str, Airport]) -> None:
    """Step 1: the example's 9,369 km; ours are 9,376 on the mean radius, 0.07 % more."""
    found_km = great_circle_km(airports["ZRH"], airports["SFO"])
    assert found_km == 9376
    assert abs(found_km - int(example["fuel"]["great_circle_km"])) < found_km / 1000


def test_tim_fuel_follows_from_its_own_table(example: dict[str, Any]) -> None:
    """Steps 2 and 3: the printed fuel burn is the interpolation of the two printed points, plus take-off and landing."""
    fuel = example["fuel"]
    adjusted_nmi = Fraction(fuel["great_circle_nmi"]) * Fraction(fuel["distance_adjustment"])
    assert adjusted_nmi == Fraction(fuel["adjusted_nmi"])
    assert _rounded(adjusted_nmi - Fraction(fuel["lto_nmi"]), "1") == Decimal(fuel["ccd_nmi"])
    (near_nmi, near_kg), (far_nmi, far_kg) = ((Fraction(a), Fraction(b)) for a, b in fuel["ccd_points"])
    ccd_kg = near_kg + (Fraction(fuel["ccd_nmi"]) - near_nmi) * (far_kg - near_kg) / (far_nmi - near_nmi)
    assert ccd_kg == Fraction(fuel["ccd_kg"])
    assert round(ccd_kg) + int(fuel["lto_kg"]) == int(fuel["fuel_burn_kg"])


def test_tim_constants_are_their_products(example: dict[str, Any]) -> None:
    """74 and 15 g/MJ times 43.1 MJ/kg; together 89 g/MJ."""
    flight = example["flight"]
    assert Fraction(74) * Fraction("43.1") / 1000 == Fraction(flight["ttw_kg_co2e_per_kg"]) == TIM_TTW_KG_CO2E_PER_KG_FUEL
    assert Fraction(15) * Fraction("43.1") / 1000 == Fraction(flight["wtt_kg_co2e_per_kg"]) == TIM_WTT_KG_CO2E_PER_KG_FUEL
    assert Fraction(flight["wtw_kg_co2e_per_kg"]) == TIM_TTW_KG_CO2E_PER_KG_FUEL + TIM_WTT_KG_CO2E_PER_KG_FUEL


def test_tim_flight_totals_to_the_kilogram(example: dict[str, Any]) -> None:
    """Step 4 and the cargo split: every whole number of the example."""
    flight, got = example["flight"], _result(example, "economy")
    totals = {"wtt_kg": got.flight_wtt_kg_co2e, "ttw_kg": got.flight_ttw_kg_co2e}
    totals["wtw_kg"] = totals["wtt_kg"] + totals["ttw_kg"]
    for name, total in totals.items():
        assert _rounded(total, "1") == Decimal(flight[name])
        assert _rounded(total * got.passenger_share_ratio, "1") == Decimal(flight["passengers"][name])
        assert _rounded(total * (1 - got.passenger_share_ratio), "1") == Decimal(flight["cargo"][name])
    assert got.equivalent_seats == Fraction(flight["equivalent_seats"])


@pytest.mark.parametrize("cabin", CABINS)
def test_tim_per_passenger_agrees_to_seven_grams(example: dict[str, Any], cabin: str) -> None:
    """Steps 1 to 5 per seat and per passenger: exact arithmetic is within what the example's rounding moves."""
    got = _result(example, cabin)
    exact = {"wtt_kg": got.wtt_kg_co2e, "ttw_kg": got.ttw_kg_co2e, "wtw_kg": got.wtw_kg_co2e}
    for name, per_passenger in exact.items():
        per_seat = per_passenger * got.load_factor_ratio
        assert abs(per_seat - Fraction(example["per_seat"][cabin][name])) < STEP_TOLERANCE_KG["per_seat"]
        assert abs(per_passenger - Fraction(example["per_passenger"][cabin][name])) < STEP_TOLERANCE_KG["per_passenger"]


@pytest.mark.parametrize("cabin", CABINS)
@pytest.mark.parametrize("stage", ["wtt_kg", "ttw_kg"])
def test_tim_printed_digits_follow_from_its_rounding(example: dict[str, Any], cabin: str, stage: str) -> None:
    """With the example's own rounding at each step, our weights and shares give its digits exactly."""
    got = _result(example, cabin)
    passengers_kg = Fraction(example["flight"]["passengers"][stage])
    economy_kg = _rounded(passengers_kg / got.equivalent_seats, "0.001")
    seat_kg = _rounded(Fraction(economy_kg) * got.seat_weight, "0.001")
    printed = Decimal(example["per_seat"][cabin][stage])
    assert economy_kg == Decimal(example["per_seat"]["economy"][stage])
    assert seat_kg == printed
    assert abs(Fraction(seat_kg) / got.load_factor_ratio - Fraction(example["per_passenger"][cabin][stage])) <= Fraction("0.001")


def test_tim_average_cabin_is_the_mean_of_the_seats(example: dict[str, Any]) -> None:
    """Over all seats, average times count is the sum of the classes."""
    seats = example["inputs"]["seats"]
    summed = sum(seats[cabin] * _result(example, cabin).wtw_kg_co2e for cabin in CABINS)
    assert _result(example, "average").wtw_kg_co2e * sum(seats.values()) == summed


@given(
    fuel=st.integers(1, 200_000),
    counts=st.tuples(*[st.integers(0, 300)] * 4).filter(any),
    load=st.integers(1, 1000),
    cargo=st.integers(0, 999),
    body=st.sampled_from(Body),
)
def test_tim_passengers_and_cargo_make_the_flight(
    fuel: int, counts: tuple[int, int, int, int], load: int, cargo: int, body: Body
) -> None:
    """Whatever the layout: all taken seats and the cargo together are the whole flight, exactly."""
    load_ratio, cargo_ratio = Fraction(load, 1000), Fraction(cargo, 1000)
    per_class = [
        tim_per_passenger(
            fuel_burn_kg=Fraction(fuel),
            body=body,
            seats=Seats(*counts),
            cabin=Cabin(cabin),
            load_factor_ratio=load_ratio,
            cargo_share_ratio=cargo_ratio,
        )
        for cabin in CABINS
    ]
    flight = per_class[0].flight_ttw_kg_co2e + per_class[0].flight_wtt_kg_co2e
    taken = sum(count * load_ratio * one.wtw_kg_co2e for count, one in zip(counts, per_class, strict=True))
    assert taken + flight * cargo_ratio == flight


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seats": Seats(0)}, r"This is no seats of flight; expected at least one seat, none negative; got 0, 0, 0, 0"),
        ({"seats": Seats(10, business=-1)}, r"got 10, 0, -1, 0"),
        ({"load_factor_ratio": Fraction(0)}, r"expected a share above 0 and up to 1; got 0; in load_factor"),
        ({"load_factor_ratio": Fraction(11, 10)}, r"got 1\.1; in load_factor"),
        ({"cargo_share_ratio": Fraction(1)}, r"expected a share from 0 to below 1; got 1; in cargo_share"),
        ({"fuel_burn_kg": Fraction(0)}, r"expected more than 0 kg of fuel; got 0; in fuel_burn_kg"),
    ],
)
def test_tim_refuses_what_no_flight_has(changed: dict[str, Any], message: str) -> None:
    """No seats, an empty aircraft, a flight of cargo alone, no fuel: refused by name."""
    good: dict[str, Any] = {"fuel_burn_kg": Fraction(5000), "body": Body.NARROW, "seats": Seats(180), "cabin": Cabin.ECONOMY}
    with pytest.raises(AttributeValueError, match=message):
        tim_per_passenger(**(good | changed))


def test_seat_weights_are_the_published_ones() -> None:
    """Narrow 1, 1, 1.5, 1.5; wide 1, 1.5, 4, 5."""
    assert [SEAT_WEIGHTS[Body.NARROW][Cabin(name)] for name in CABINS] == [1, 1, Fraction("1.5"), Fraction("1.5")]
    assert [SEAT_WEIGHTS[Body.WIDE][Cabin(name)] for name in CABINS] == [1, Fraction("1.5"), 4, 5]


@pytest.mark.parametrize(
    ("aircraft", "body"), [("B789", Body.WIDE), ("A388", Body.WIDE), ("A20N", Body.NARROW), ("B753", Body.NARROW)]
)
def test_body_of_known_types(aircraft: str, body: Body) -> None:
    """Two aisles are wide; a long single aisle is narrow."""
    assert body_of(aircraft) is body


def test_unknown_aircraft_lists_close_ones() -> None:
    """B787 is no designator: the 787s are offered."""
    with pytest.raises(AttributeValueError, match=r"not known; expected one such as .*B789.*; got B787; in row 3"):
        body_of("B787", record="row 3")


def test_designators_are_well_formed_and_known_once() -> None:
    """No code stands in both tables, and each is what the attribute `aircraft` takes."""
    assert len(BODIES) == 32 + 81
    assert all(2 <= len(code) <= 4 and code.isalnum() and code.isupper() for code in BODIES)


def test_great_circle_of_known_pairs(airports: dict[str, Airport]) -> None:
    """London-New York 5,540 km, as the Great Circle Mapper's 3,451 mi on the ellipsoid within 0.6 %."""
    found_km = great_circle_km(airports["LHR"], airports["JFK"])
    assert found_km == 5540
    assert abs(found_km - 3451 * 1.609344) < 0.006 * found_km


def test_great_circle_crosses_the_date_line(airports: dict[str, Airport]) -> None:
    """Fiji to Samoa is short although the longitudes have opposite signs."""
    assert great_circle_km(airports["NAN"], airports["APW"]) < 1300


def test_great_circle_of_antipodes_is_half_the_circumference() -> None:
    """Opposite points are pi x 6,371.0088 km apart."""
    north, south = Airport("AAA", "AA", 12.5, 40.0, ""), Airport("BBB", "BB", -12.5, -140.0, "")
    assert great_circle_km(north, south) == 20015


_DEGREES = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


@given(_DEGREES, _DEGREES)
def test_great_circle_is_the_same_both_ways(a: tuple[float, float], b: tuple[float, float]) -> None:
    """There and back are equally far, and no way is longer than half the Earth."""
    start, end = Airport("AAA", "AA", *a, ""), Airport("BBB", "BB", *b, "")
    assert great_circle_km(start, end) == great_circle_km(end, start) <= 20015


@pytest.mark.parametrize(
    ("origin", "destination", "haul"),
    [
        ("LHR", "EDI", "domestic"),
        ("LHR", "ZRH", "short"),
        ("JFK", "LHR", "long"),
        ("LHR", "JER", "short"),
        ("ZRH", "SFO", "international"),
        ("ZRH", "GVA", "international"),
    ],
)
def test_haul_by_defra(airports: dict[str, Airport], origin: str, destination: str, haul: str) -> None:
    """The UK's classes are for flights within, to and from the UK; Jersey is not in it."""
    assert haul_of(airports[origin], airports[destination], HaulRule.DEFRA) == haul


def _on_equator(distance_km: float) -> tuple[Airport, Airport]:
    degrees = distance_km / 6371.0088 * 57.29577951308232
    return Airport("AAA", "GB", 0.0, 0.0, ""), Airport("BBB", "FR", 0.0, degrees, "")


@pytest.mark.parametrize(
    ("distance_km", "rule", "haul"),
    [
        (3700, HaulRule.DEFRA, "short"),
        (3701, HaulRule.DEFRA, "long"),
        (482, HaulRule.EPA, "short"),  # 300 mi are 482.8 km
        (483, HaulRule.EPA, "medium"),
        (3701, HaulRule.EPA, "medium"),  # 2,300 mi are 3,701.5 km
        (3702, HaulRule.EPA, "long"),
    ],
)
def test_haul_at_the_limits(distance_km: float, rule: HaulRule, haul: str) -> None:
    """3,700 km are short for DEFRA; 300 and 2,300 miles begin the next class for the EPA."""
    assert haul_of(*_on_equator(distance_km), rule) == haul


def test_unknown_airport_lists_close_codes(airports: dict[str, Airport]) -> None:
    """A slipped letter is answered with airports that exist."""
    with pytest.raises(AttributeValueError, match=r"this IATA code; expected one such as .*\(.*Airport\).*; got ZHR; in row 9"):
        find_airport("ZHR", airports, record="row 9")


def test_city_name_is_no_airport(airports: dict[str, Airport]) -> None:
    """Nothing is close: what a code looks like is said."""
    with pytest.raises(AttributeValueError, match=r"expected an IATA code of three letters; got Zuerich Flughafen"):
        find_airport("Zuerich Flughafen", airports)


def test_same_airport_twice_is_refused(airports: dict[str, Airport]) -> None:
    """Origin and destination must differ."""
    with pytest.raises(AttributeValueError, match="expected another airport of arrival; got ZRH twice"):
        find_route("ZRH", "ZRH", airports)


def test_route_gives_both_airports(airports: dict[str, Airport]) -> None:
    """Departure first."""
    assert [airport.iata for airport in find_route("ZRH", "SFO", airports)] == ["ZRH", "SFO"]
