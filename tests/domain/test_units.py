"""Units: every conversion against its definition, and refusals that name what would fit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import DimensionError, NumberError, UnknownUnitError
from domain.number import INT64_MAX
from domain.units import _SYMBOLS_OF, CANONICAL_UNIT, CURRENCIES, UNITS, Dimension, find_unit, to_canonical_micro

# Definitions, computed apart from the product's table:
#   SI Brochure 9th edition (BIPM 2019): 1 h = 3600 s, 1 L = 1 dm3, 1 t = 1000 kg (table 8).
#   NIST Handbook 44 (2024), appendix C: inch = 25.4 mm, foot = 12 in, mile = 5280 ft, US gallon = 231 in3,
#     avoirdupois pound = 453.59237 g, short ton = 2000 lb, international nautical mile = 1852 m.
#   NIST SP 811 (2008), appendix B.9: Btu (International Table) = 1055.05585262 J.
#   Weights and Measures Act 1985 (UK), schedule 1: gallon = 4.54609 dm3.
#   API Manual of Petroleum Measurement Standards: barrel = 42 US gallons.
INCH_M = Fraction(254, 10_000)
FOOT_M = 12 * INCH_M
POUND_KG = Fraction(45_359_237, 100_000_000)
MILE_KM = 5280 * FOOT_M / 1000
BTU_KWH = Fraction(105_505_585_262, 10**8) / 3_600_000
DEFINITIONS = {
    "kWh": Fraction(1),
    "Wh": Fraction(3600, 3_600_000),
    "MWh": Fraction(1000),
    "GWh": Fraction(10**6),
    "J": Fraction(1, 3_600_000),
    "kJ": Fraction(1, 3_600),
    "MJ": Fraction(10, 36),
    "GJ": Fraction(10_000, 36),
    "TJ": Fraction(10_000_000, 36),
    "Btu": BTU_KWH,
    "therm": 100_000 * BTU_KWH,
    "mmBtu": 1_000_000 * BTU_KWH,
    "kW": Fraction(1),
    "W": Fraction(1, 1000),
    "m3": Fraction(1),
    "L": Fraction(1, 10) ** 3,
    "ft3": FOOT_M**3,
    "scf": FOOT_M**3,
    "ccf": 100 * FOOT_M**3,
    "mcf": 1000 * FOOT_M**3,
    "bbl": 42 * 231 * INCH_M**3,
    "gal_us": 231 * INCH_M**3,
    "gal_imp": Fraction(454_609, 10**8),
    "kg": Fraction(1),
    "g": Fraction(1, 1000),
    "t": Fraction(1000),
    "lb": POUND_KG,
    "short_ton": 2000 * POUND_KG,
    "km": Fraction(1),
    "m": Fraction(1, 1000),
    "mi": MILE_KM,
    "nmi": Fraction(1852, 1000),
    "pkm": Fraction(1),
    "pmi": MILE_KM,
    "tkm": Fraction(1),
    "short_ton_mi": 2000 * POUND_KG / 1000 * MILE_KM,
    "item": Fraction(1),
    "passenger": Fraction(1),
    "room_night": Fraction(1),
    "meal": Fraction(1),
    "h": Fraction(1),
    "min": Fraction(60, 3600),
    **dict.fromkeys(CURRENCIES, Fraction(1)),
}
SYMBOLS = st.sampled_from(sorted(UNITS))


def test_every_unit_has_an_independent_definition() -> None:
    """A unit that is added without a definition here fails."""
    assert set(UNITS) == set(DEFINITIONS)


@pytest.mark.parametrize("symbol", sorted(DEFINITIONS))
def test_unit_is_its_definition(symbol: str) -> None:
    """The conversion is the published one, exactly."""
    assert UNITS[symbol].canonical_per_unit == DEFINITIONS[symbol]


def test_every_dimension_but_money_has_a_canonical_unit() -> None:
    """Money alone is kept in as many units as there are currencies."""
    assert set(CANONICAL_UNIT) == set(Dimension) - {Dimension.MONEY}


@pytest.mark.parametrize("code", CURRENCIES)
def test_money_is_kept_in_its_own_currency(code: str) -> None:
    """No exchange rate stands in the table of units: an amount stays in the currency that it was paid in."""
    found = to_canonical_micro(Decimal("12.34"), code, dimension=Dimension.MONEY)
    assert (found.quantity_micro, found.unit) == (12_340_000, code)


@pytest.mark.parametrize("dimension", list(CANONICAL_UNIT))
def test_canonical_unit_is_one(dimension: Dimension) -> None:
    """Each dimension's canonical unit is one of itself."""
    unit = UNITS[CANONICAL_UNIT[dimension]]
    assert (unit.dimension, unit.canonical_per_unit) == (dimension, Fraction(1))


@pytest.mark.parametrize(
    ("amount", "symbol", "quantity_micro", "unit"),
    [
        ("1", "therm", 29_307_107, "kWh"),  # 29.3071070172... kWh
        ("1", "mmBtu", 293_071_070, "kWh"),
        ("3.6", "MJ", 1_000_000, "kWh"),
        ("1234", "Wh", 1_234_000, "kWh"),
        ("1", "ccf", 2_831_685, "m3"),
        ("1", "mcf", 28_316_847, "m3"),
        ("90", "min", 1_500_000, "h"),
        ("1", "short_ton", 907_184_740, "kg"),
        ("1000", "gal_us", 3_785_412, "m3"),
        ("-1", "lb", -453_592, "kg"),
        ("0.0000005", "kWh", 0, "kWh"),
        ("0.0000015", "kWh", 2, "kWh"),
    ],
)
def test_amounts_of_bills(amount: str, symbol: str, quantity_micro: int, unit: str) -> None:
    """Amounts as bills have them become millionths of the canonical unit, half to even."""
    found = to_canonical_micro(Decimal(amount), symbol)
    assert (found.quantity_micro, found.unit) == (quantity_micro, unit)


@given(SYMBOLS, st.fractions(min_value=-(10**6), max_value=10**6))
def test_kept_and_rounded_away_are_the_whole(symbol: str, amount: Fraction) -> None:
    """What is kept and what was rounded away are the exact conversion; the rest is at most half a millionth."""
    found = to_canonical_micro(amount, symbol)
    assert found.quantity_micro + found.rounded_away == amount * UNITS[symbol].canonical_per_unit * 1_000_000
    assert abs(found.rounded_away) <= Fraction(1, 2)


@given(SYMBOLS, st.fractions(-(10**6), 10**6), st.fractions(-(10**6), 10**6))
def test_conversion_is_additive(symbol: str, first: Fraction, second: Fraction) -> None:
    """Two amounts convert to as much as their sum, before rounding."""
    parts = [to_canonical_micro(amount, symbol) for amount in (first, second)]
    whole = to_canonical_micro(first + second, symbol)
    assert sum(part.quantity_micro + part.rounded_away for part in parts) == whole.quantity_micro + whole.rounded_away


@given(SYMBOLS, st.integers(-(10**9), 10**9))
def test_conversion_has_an_inverse(symbol: str, canonical_count: int) -> None:
    """As many of a unit as make whole canonical units convert back to them exactly."""
    found = to_canonical_micro(canonical_count / UNITS[symbol].canonical_per_unit, symbol)
    assert (found.quantity_micro, found.rounded_away) == (canonical_count * 1_000_000, Fraction(0))


@given(SYMBOLS, st.fractions(0, 10**6))
def test_refund_converts_as_the_charge(symbol: str, amount: Fraction) -> None:
    """A negative amount is the negative of the positive one's quantity."""
    assert to_canonical_micro(-amount, symbol).quantity_micro == -to_canonical_micro(amount, symbol).quantity_micro


def test_other_dimension_is_refused() -> None:
    """Kilograms are no energy, and the message lists what is."""
    with pytest.raises(DimensionError) as caught:
        to_canonical_micro(1, "kg", dimension=Dimension.ENERGY, record="bill of March")
    assert caught.value.sentence() == (
        "kg measures mass, not energy; expected one of kWh, Wh, MWh, GWh, J, kJ, MJ, GJ, TJ, Btu, therm, mmBtu; got kg; "
        "in bill of March. Give the amount in one of these units."
    )


@pytest.mark.parametrize(
    ("symbol", "dimension"), [("kW", Dimension.ENERGY), ("km", Dimension.PASSENGER_DISTANCE), ("t", Dimension.VOLUME)]
)
def test_near_dimensions_are_refused_too(symbol: str, dimension: Dimension) -> None:
    """Power is not energy, distance not passenger distance."""
    with pytest.raises(DimensionError, match=f"not {dimension}"):
        to_canonical_micro(1, symbol, dimension=dimension)


def test_unknown_unit_lists_close_ones() -> None:
    """A unit with wrong capitals is refused; the right spelling stands in the message, with record and next step."""
    with pytest.raises(UnknownUnitError) as caught:
        find_unit("kwh", record="line 2")
    assert (
        caught.value.sentence() == "There is no such unit; expected one of kWh, h; got kwh; in line 2. Name the unit of the bill."
    )


def test_milliwatt_hour_is_no_megawatt_hour() -> None:
    """`mWh` is refused; `MWh` is among the proposals."""
    with pytest.raises(UnknownUnitError, match=r"expected one of .*\bMWh\b.*; got mWh"):
        find_unit("mWh")


def test_unknown_unit_without_close_one_lists_all() -> None:
    """Where nothing is close the whole table is named."""
    with pytest.raises(UnknownUnitError) as caught:
        find_unit("bananas per fortnight")
    assert all(symbol in caught.value.expected for symbol in UNITS)


@pytest.mark.parametrize("symbol", ["MtCO2e", "mtCO2e", "Mt", "MTCO2e", "MtCO2eq", "MtCO2"])
def test_megatonne_spellings_name_both_readings(symbol: str) -> None:
    """What some write for metric tons is a megatonne to others: refused, with both named."""
    with pytest.raises(UnknownUnitError) as caught:
        find_unit(symbol)
    assert caught.value.sentence() == (
        f"This unit has two readings: metric tons or megatonnes; expected t (1000 kg); got {symbol}. "
        "Write t for metric tons of CO2e; for megatonnes multiply by 1,000,000 first."
    )


@pytest.mark.parametrize("symbol", ["", "KWH", " kWh", "kWh ", "therms", "℃"])
def test_nothing_is_guessed(symbol: str) -> None:
    """A symbol is taken exactly or not at all."""
    with pytest.raises(UnknownUnitError):
        find_unit(symbol)


def test_largest_quantity_is_kept() -> None:
    """The largest 64-bit number of millionths is allowed."""
    assert to_canonical_micro(Fraction(INT64_MAX, 1_000_000), "kWh").quantity_micro == INT64_MAX


@pytest.mark.parametrize("amount", [Fraction(INT64_MAX + 1, 1_000_000), Fraction(-INT64_MAX - 1, 1_000_000), 10**30])
def test_larger_quantity_is_refused(amount: Fraction) -> None:
    """What does not fit in 64 bits is refused with the limit in whole units."""
    with pytest.raises(
        NumberError, match=r"expected less than 9\.2e12 kWh; got -?[0-9/]+ kWh; in line 1\. Check the number and its unit"
    ):
        to_canonical_micro(amount, "kWh", record="line 1")


@pytest.mark.parametrize(
    ("symbol", "first"),
    [
        ("CCF", ["ccf"]),
        ("MMBtu", ["mmBtu"]),
        ("MMBTU", ["mmBtu"]),
        ("gallon", ["gal_us", "gal_imp"]),
        ("gallons", ["gal_us", "gal_imp"]),
        ("Gallons", ["gal_us", "gal_imp"]),
        ("GAL-US", ["gal_us"]),
        ("litre", ["L"]),
        ("Liters", ["L"]),
        ("l", ["L"]),
        ("miles", ["mi"]),
        ("night", ["room_night"]),
        ("nights", ["room_night"]),
        ("kwh", ["kWh"]),
        ("KWH", ["kWh"]),
        ("kilowatt-hours", ["kWh"]),
        ("therms", ["therm"]),
        ("Therms", ["therm"]),
        ("tonnes", ["t"]),
        ("tons", ["t", "short_ton"]),
        ("hours", ["h"]),
        ("lbs", ["lb"]),
        ("m³", ["m3"]),
        ("dekatherms", ["mmBtu", "therm"]),
        ("$", ["USD"]),
        ("usd", ["USD"]),
        ("meals", ["meal"]),
        ("passenger-km", ["pkm"]),
    ],
)
def test_unit_that_is_meant_stands_first(symbol: str, first: list[str]) -> None:
    """The refusal names it first, and refuses all the same: nobody's unit is replaced."""
    with pytest.raises(UnknownUnitError) as caught:
        find_unit(symbol)
    assert caught.value.got == symbol
    assert caught.value.expected.removeprefix("one of ").split(", ")[: len(first)] == first


def test_every_word_means_units_and_is_none() -> None:
    """What is offered can be taken."""
    assert {one for meant in _SYMBOLS_OF.values() for one in meant.split()} <= UNITS.keys()
    assert not _SYMBOLS_OF.keys() & UNITS.keys()
