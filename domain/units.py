"""Units of measured activity and their exact conversion.

Every unit is an exact rational of the canonical unit of its dimension. A unit of another dimension is refused; nothing is
guessed. Constants carry their definition.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from enum import StrEnum
from fractions import Fraction

from domain.errors import DimensionError, NumberError, UnknownUnitError
from domain.number import INT64_MAX, round_half_even

MICRO_PER_UNIT = 1_000_000
"""Millionths in one canonical unit."""


class Dimension(StrEnum):
    """What a unit measures."""

    ENERGY = "energy"
    POWER = "power"
    VOLUME = "volume"
    MASS = "mass"
    DISTANCE = "distance"
    PASSENGER_DISTANCE = "passenger distance"
    FREIGHT_DISTANCE = "freight distance"
    COUNT = "count"
    TIME = "time"
    MONEY = "money"


CANONICAL_UNIT: Mapping[Dimension, str] = {
    Dimension.ENERGY: "kWh",
    Dimension.POWER: "kW",
    Dimension.VOLUME: "m3",
    Dimension.MASS: "kg",
    Dimension.DISTANCE: "km",
    Dimension.PASSENGER_DISTANCE: "pkm",
    Dimension.FREIGHT_DISTANCE: "tkm",
    Dimension.COUNT: "item",
    Dimension.TIME: "h",
}
"""The one unit in which a dimension's quantities are kept; money is kept in the currency of the payment."""

CURRENCIES = [
    "AUD",
    "BGN",
    "BRL",
    "CAD",
    "CHF",
    "CNY",
    "CYP",
    "CZK",
    "DKK",
    "EEK",
    "EUR",
    "GBP",
    "HKD",
    "HRK",
    "HUF",
    "IDR",
    "ILS",
    "INR",
    "ISK",
    "JPY",
    "KRW",
    "LTL",
    "LVL",
    "MTL",
    "MXN",
    "MYR",
    "NOK",
    "NZD",
    "PHP",
    "PLN",
    "ROL",
    "RON",
    "RUB",
    "SEK",
    "SGD",
    "SIT",
    "SKK",
    "THB",
    "TRL",
    "TRY",
    "USD",
    "ZAR",
]
"""ISO 4217 codes of the currencies that the European Central Bank has published a reference rate for since 1999, and the euro."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of measurement.

    Attributes:
        symbol: As it is written, UCUM-like: "kWh", "therm", "[gal_us]" is "gal_us" here.
        dimension: What it measures.
        canonical_per_unit: Canonical units in one of this unit, exact.
        definition: Where the number comes from.
    """

    symbol: str
    dimension: Dimension
    canonical_per_unit: Fraction
    definition: str


_MJ = Fraction(10, 36)  # kWh in one megajoule: 1 kWh = 3.6 MJ exactly (SI Brochure, 9th edition, table 8)
_BTU_IT_J = Fraction("1055.05585262")  # ISO 31-4: Btu (International Table), exact
_GAL_US_M3 = Fraction("0.003785411784")  # 231 in3 exactly, NIST Handbook 44 appendix C
_FT3_M3 = Fraction("0.028316846592")  # (0.3048 m)^3 exactly, NIST Handbook 44 appendix C
_LB_KG = Fraction("0.45359237")  # international pound, exact
_MI_KM = Fraction("1.609344")  # international mile, exact
_SHORT_TON_T = Fraction("0.90718474")  # 2000 lb, exact

_TABLE: tuple[Unit, ...] = (
    Unit("kWh", Dimension.ENERGY, Fraction(1), "canonical"),
    Unit("Wh", Dimension.ENERGY, Fraction(1, 1000), "SI prefix"),
    Unit("MWh", Dimension.ENERGY, Fraction(1000), "SI prefix"),
    Unit("GWh", Dimension.ENERGY, Fraction(1_000_000), "SI prefix"),
    Unit("J", Dimension.ENERGY, _MJ / 1_000_000, "1 kWh = 3.6e6 J exactly"),
    Unit("kJ", Dimension.ENERGY, _MJ / 1_000, "1 kWh = 3.6e6 J exactly"),
    Unit("MJ", Dimension.ENERGY, _MJ, "1 kWh = 3.6e6 J exactly"),
    Unit("GJ", Dimension.ENERGY, _MJ * 1_000, "1 kWh = 3.6e6 J exactly"),
    Unit("TJ", Dimension.ENERGY, _MJ * 1_000_000, "1 kWh = 3.6e6 J exactly"),
    Unit("Btu", Dimension.ENERGY, _MJ * _BTU_IT_J / 1_000_000, "Btu (International Table), 1055.05585262 J"),
    Unit("therm", Dimension.ENERGY, _MJ * _BTU_IT_J / 10, "100 000 Btu (International Table)"),
    Unit("mmBtu", Dimension.ENERGY, _MJ * _BTU_IT_J, "10^6 Btu (International Table), 1055.05585262 MJ"),
    Unit("kW", Dimension.POWER, Fraction(1), "canonical"),
    Unit("W", Dimension.POWER, Fraction(1, 1000), "SI prefix"),
    Unit("m3", Dimension.VOLUME, Fraction(1), "canonical"),
    Unit("L", Dimension.VOLUME, Fraction(1, 1000), "1 L = 1 dm3 exactly"),
    Unit("ft3", Dimension.VOLUME, _FT3_M3, "(0.3048 m)^3 exactly"),
    Unit("scf", Dimension.VOLUME, _FT3_M3, "standard cubic foot: ft3 at 60 degrees F and 14.73 psi, as US gas tables print it"),
    Unit("ccf", Dimension.VOLUME, _FT3_M3 * 100, "100 ft3"),
    Unit("mcf", Dimension.VOLUME, _FT3_M3 * 1000, "1000 ft3, as US gas bills write it"),
    Unit("bbl", Dimension.VOLUME, _GAL_US_M3 * 42, "petroleum barrel, 42 US gallons exactly"),
    Unit("gal_us", Dimension.VOLUME, _GAL_US_M3, "231 in3 exactly"),
    Unit("gal_imp", Dimension.VOLUME, Fraction("0.00454609"), "Weights and Measures Act 1985, exact"),
    Unit("kg", Dimension.MASS, Fraction(1), "canonical"),
    Unit("g", Dimension.MASS, Fraction(1, 1000), "SI prefix"),
    Unit("t", Dimension.MASS, Fraction(1000), "metric ton, 1000 kg"),
    Unit("lb", Dimension.MASS, _LB_KG, "0.45359237 kg exactly"),
    Unit("short_ton", Dimension.MASS, _LB_KG * 2000, "2000 lb exactly"),
    Unit("km", Dimension.DISTANCE, Fraction(1), "canonical"),
    Unit("m", Dimension.DISTANCE, Fraction(1, 1000), "SI prefix"),
    Unit("mi", Dimension.DISTANCE, _MI_KM, "international mile, 1.609344 km exactly"),
    Unit("nmi", Dimension.DISTANCE, Fraction("1.852"), "international nautical mile, 1.852 km exactly"),
    Unit("pkm", Dimension.PASSENGER_DISTANCE, Fraction(1), "canonical"),
    Unit("pmi", Dimension.PASSENGER_DISTANCE, _MI_KM, "passenger-mile"),
    Unit("tkm", Dimension.FREIGHT_DISTANCE, Fraction(1), "canonical"),
    Unit("short_ton_mi", Dimension.FREIGHT_DISTANCE, _SHORT_TON_T * _MI_KM, "short ton x mile"),
    Unit("item", Dimension.COUNT, Fraction(1), "canonical"),
    Unit("passenger", Dimension.COUNT, Fraction(1), "one person on one flight"),
    Unit("room_night", Dimension.COUNT, Fraction(1), "one room for one night"),
    Unit("meal", Dimension.COUNT, Fraction(1), "one meal"),
    Unit("h", Dimension.TIME, Fraction(1), "canonical"),
    Unit("min", Dimension.TIME, Fraction(1, 60), "60 s exactly"),
    *(Unit(code, Dimension.MONEY, Fraction(1), "ISO 4217; kept in its own currency") for code in CURRENCIES),
)
UNITS: Mapping[str, Unit] = {unit.symbol: unit for unit in _TABLE}
"""Every unit by its symbol."""

_SYMBOLS_OF: Mapping[str, str] = {
    "$": "USD",
    "barrel": "bbl",
    "cf": "ft3 scf",
    "cubic feet": "ft3 scf",
    "cubic foot": "ft3 scf",
    "cubic meter": "m3",
    "cubic metre": "m3",
    "dekatherm": "mmBtu therm",
    "dollar": "USD",
    "dth": "mmBtu therm",
    "dozen": "item",
    "euro": "EUR",
    "flight": "passenger",
    "gal": "gal_us gal_imp",
    "gallon": "gal_us gal_imp",
    "gram": "g",
    "gramme": "g",
    "hour": "h",
    "hr": "h",
    "hundred cubic feet": "ccf",
    "kilo": "kg",
    "kilogram": "kg",
    "kilometer": "km",
    "kilometre": "km",
    "kilowatt hour": "kWh",
    "kilowatthour": "kWh",
    "kw/h": "kWh",
    "lbs": "lb",
    "liter": "L",
    "litre": "L",
    "ltr": "L",
    "m^3": "m3",
    "m³": "m3",
    "megawatt hour": "MWh",
    "meter": "m",
    "metre": "m",
    "metric ton": "t",
    "mile": "mi",
    "minute": "min",
    "nautical mile": "nmi",
    "night": "room_night",
    "passenger kilometer": "pkm",
    "passenger kilometre": "pkm",
    "passenger km": "pkm",
    "passenger mile": "pmi",
    "pc": "item",
    "people": "passenger",
    "person": "passenger",
    "piece": "item",
    "pound": "lb GBP",
    "room": "room_night",
    "serving": "meal",
    "short ton": "short_ton",
    "ton": "t short_ton",
    "ton mile": "short_ton_mi tkm",
    "tonne": "t",
    "tonne kilometer": "tkm",
    "tonne kilometre": "tkm",
    "tonne km": "tkm",
    "unit": "item",
    "£": "GBP",
    "€": "EUR",
}
"""What people write (one of it, in small letters) to the symbols that it may mean: only to say which would fit."""

_SHOWN_COUNT = 6

_GAS_SUFFIX = re.compile(r"\s*CO2(e|eq)?\Z", re.IGNORECASE)
_MEGATONNE_SPELLINGS = frozenset({"mtco2e", "mtco2", "mtco2eq", "mt"})


@dataclass(frozen=True, slots=True)
class CanonicalQuantity:
    """A quantity in millionths of its canonical unit.

    Attributes:
        quantity_micro: Millionths of `unit`, int64.
        unit: The canonical unit's symbol.
        rounded_away: Exact value minus the kept one, in millionths; zero where the conversion is exact.
    """

    quantity_micro: int
    unit: str
    rounded_away: Fraction


def find_unit(symbol: str, *, record: str = "") -> Unit:
    """The unit of this symbol.

    Args:
        symbol: Exactly as in `UNITS`; capitals matter ("mWh" is not "MWh").
        record: Where it stands, for the message.

    Returns:
        The unit.

    Raises:
        UnknownUnitError: There is no such unit; the message lists the likeliest first. "MtCO2e" is refused naming both.
    """
    found = UNITS.get(symbol)
    if found is not None:
        return found
    if symbol.lower() in _MEGATONNE_SPELLINGS:
        raise UnknownUnitError(
            "This unit has two readings: metric tons or megatonnes",
            expected="t (1000 kg)",
            got=symbol,
            record=record,
            next_step="Write t for metric tons of CO2e; for megatonnes multiply by 1,000,000 first.",
        )
    mass = _GAS_SUFFIX.sub("", symbol).strip()
    if mass != symbol and mass in UNITS:
        raise UnknownUnitError(
            expected=mass, got=symbol, record=record, next_step=f"Write {mass}: which gas it is, the kind says."
        )
    choices = ", ".join(_fitting_symbols(symbol) or sorted(UNITS))
    raise UnknownUnitError(expected=f"one of {choices}", got=symbol, record=record, next_step="Name the unit of the bill.")


def _fitting_symbols(symbol: str) -> tuple[str, ...]:
    """Symbols that somebody may have meant: other capitals first, then what the word means, then what is spelt alike."""
    said = _plain(symbol)
    one_of = said.removesuffix("s")
    by_case = [known for text in (said, one_of) for known in UNITS if _plain(known) == text]
    meant = _SYMBOLS_OF.get(said, _SYMBOLS_OF.get(one_of, "")).split()
    close = get_close_matches(symbol, UNITS, n=4, cutoff=0.5)
    return tuple(dict.fromkeys([*by_case, *meant, *close]))[:_SHOWN_COUNT]


def _plain(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.casefold().strip(" .")))


def to_canonical_micro(
    amount: Decimal | Fraction | int, symbol: str, *, dimension: Dimension | None = None, record: str = ""
) -> CanonicalQuantity:
    """An amount in millionths of the canonical unit of its dimension.

    Args:
        amount: The measured amount, in the unit of `symbol`; negative for refunds.
        symbol: The source's unit.
        dimension: What it must measure; any where it is left out.
        record: Where it stands, for the message.

    Returns:
        The quantity, rounded half to even once, with what was rounded away.

    Raises:
        UnknownUnitError: There is no such unit.
        DimensionError: The unit measures something else than `dimension`.
        NumberError: The result does not fit in 64 bits.

    Source:
        shared design, arithmetic, section 1.
    """
    unit = find_unit(symbol, record=record)
    if dimension is not None and unit.dimension is not dimension:
        fitting = ", ".join(known.symbol for known in _TABLE if known.dimension is dimension)
        raise DimensionError(
            f"{symbol} measures {unit.dimension}, not {dimension}",
            expected=f"one of {fitting}",
            got=symbol,
            record=record,
            next_step="Give the amount in one of these units.",
        )
    return scaled_quantity(Fraction(amount), symbol, canonical_symbol(unit), record=record)


def canonical_symbol(unit: Unit) -> str:
    """Symbol of the unit that quantities in this unit are kept in: its dimension's, or the currency itself."""
    return CANONICAL_UNIT.get(unit.dimension, unit.symbol)


def scaled_quantity(amount: Fraction, symbol: str, kept_symbol: str, *, record: str = "") -> CanonicalQuantity:
    """An amount in millionths of another unit of the same dimension.

    Args:
        amount: In the unit of `symbol`, exact.
        symbol: The source's unit.
        kept_symbol: The unit to keep it in.
        record: Where it stands, for the message.

    Returns:
        The quantity, rounded half to even once, with what was rounded away.

    Raises:
        UnknownUnitError: There is no such unit.
        NumberError: The result does not fit in 64 bits.
    """
    unit, kept_unit = find_unit(symbol, record=record), find_unit(kept_symbol, record=record)
    exact = amount * unit.canonical_per_unit / kept_unit.canonical_per_unit * MICRO_PER_UNIT
    kept = round_half_even(exact)
    if abs(kept) > INT64_MAX:
        raise NumberError(
            expected=f"less than 9.2e12 {kept_symbol}",
            got=f"{amount} {symbol}",
            record=record,
            next_step="Check the number and its unit.",
        )
    return CanonicalQuantity(kept, kept_symbol, exact - kept)
