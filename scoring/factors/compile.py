"""From published decimal text to integers: micrograms of CO2e per unit of activity, by gas.

Exact rationals up to the last step, which rounds half to even once, as every conversion of units does.
"""

from collections.abc import Mapping
from fractions import Fraction
from functools import lru_cache

from domain.errors import FactorError
from domain.factor import CompiledFactor, EmissionFactor, Gas, GasSplit, GwpSet
from domain.number import decimal_from_text, fraction_of, round_half_even
from domain.units import Dimension, find_unit

MAX_UG_PER_UNIT = 9_220_000_000_000
"""Largest factor with which a line stays inside 64 bits: (10^6 - 1) x f + 500000 < 2^63 (shared design, arithmetic, 1)."""

_UG_PER_KG = 1_000_000_000
_ONE = Fraction(1)

GwpValues = Mapping[GwpSet, Mapping[str, Fraction]]
"""Report to gas to kg CO2e per kg."""


def compile_factor(factor: EmissionFactor, gwp_set: GwpSet, gwps: GwpValues, *, scale: Fraction = _ONE) -> CompiledFactor:
    """A published row in integers.

    Args:
        factor: The row.
        gwp_set: Set that single gases are weighted with. Gases that the publisher weighted already are divided by its own
            set's values first; a row published as CO2e only keeps its publisher's own.
        gwps: Global warming potentials, kg CO2e per kg.
        scale: Units of the row in one unit of the activity: kilometres of a flight, base-year dollars in one euro.

    Returns:
        Micrograms of CO2e per unit of the activity, each gas rounded half to even.

    Raises:
        FactorError: The published unit is not the row's unit, or a gas is too large for 64-bit lines.

    Source:
        GHG Protocol Corporate Standard, chapter 6 (CO2e = mass x GWP); shared design, arithmetic, section 1.
    """
    exact = exact_ug_per_unit(factor, gwp_set, gwps)
    split = GasSplit(*(_rounded(amount * scale, factor) for amount in exact))
    set_used = factor.gwp_set if factor.is_co2e_only else str(gwp_set)
    return CompiledFactor(factor, split, set_used, scale)


def exact_ug_per_unit(factor: EmissionFactor, gwp_set: GwpSet, gwps: GwpValues) -> tuple[Fraction, ...]:
    """The same before it is rounded: micrograms of CO2e per unit of the row, exact.

    Args:
        factor: The row.
        gwp_set: Set that single gases are weighted with.
        gwps: Global warming potentials, kg CO2e per kg.

    Returns:
        CO2, CH4, N2O, what is published as CO2e only, and biogenic CO2, in this order.

    Raises:
        FactorError: The published unit is not the row's unit.
    """
    ug_by_gas = {
        gas: fraction_of(decimal_from_text(text)) * _gas_scale(factor.published_unit, gas, factor.unit)
        for gas, text in factor.published.items()
    }
    biogenic_ug = ug_by_gas.get(Gas.BIOGENIC_CO2, Fraction(0))
    if factor.is_co2e_only:
        return Fraction(0), Fraction(0), Fraction(0), ug_by_gas[Gas.CO2E], biogenic_ug
    weights = gwps[gwp_set]
    own = gwps[GwpSet(factor.gwp_set)] if factor.gwp_set in _REPORTS else {"ch4": _ONE, "n2o": _ONE}
    return (
        ug_by_gas.get(Gas.CO2, Fraction(0)),
        ug_by_gas.get(Gas.CH4, Fraction(0)) / own["ch4"] * weights["ch4"],
        ug_by_gas.get(Gas.N2O, Fraction(0)) / own["n2o"] * weights["n2o"],
        Fraction(0),
        biogenic_ug,
    )


_REPORTS = frozenset(str(report) for report in GwpSet)


@lru_cache(maxsize=4096)
def _gas_scale(published_unit: str, gas: Gas, unit: str) -> Fraction:
    """Micrograms per unit of activity in one of the unit that a gas is published in.

    Raises:
        FactorError: The unit is no mass per unit of activity, or there is none for this gas.
    """
    if "=" not in published_unit:
        return ug_per_published_unit(published_unit, unit)
    by_gas = dict(part.split("=", 1) for part in published_unit.split(";"))
    found = by_gas.get(gas, by_gas.get(Gas.CO2, "") if gas in {Gas.CO2E, Gas.BIOGENIC_CO2} else "")
    return ug_per_published_unit(found, unit, record=gas)


@lru_cache(maxsize=4096)
def ug_per_published_unit(published_unit: str, unit: str, *, record: str = "") -> Fraction:
    """Micrograms per unit of activity in one of a published unit such as "lb/MWh".

    Args:
        published_unit: Mass, slash, unit of the activity.
        unit: Unit of the activity: "kWh".
        record: Where it stands, for the message.

    Returns:
        Exact: 1 lb/MWh is 453592.37 ug/kWh.

    Raises:
        FactorError: It is no mass per unit of that dimension.
        UnknownUnitError: Mass or unit is not known.
    """
    mass_text, slash, per_text = published_unit.partition("/")
    canonical = find_unit(unit)
    if slash:
        mass, per = find_unit(mass_text, record=record), find_unit(per_text, record=record)
        is_same = per.symbol == canonical.symbol or per.dimension is not Dimension.MONEY
        if mass.dimension is Dimension.MASS and per.dimension is canonical.dimension and is_same:
            return mass.canonical_per_unit * _UG_PER_KG / per.canonical_per_unit * canonical.canonical_per_unit
    raise FactorError(
        "A factor is a mass per unit of the activity",
        expected=f"a unit such as kg/{unit}",
        got=published_unit,
        record=record,
        next_step=f"Write the factor in kg/{unit}, g/{unit} or lb/{unit}.",
    )


def _rounded(exact_ug_per_unit: Fraction, factor: EmissionFactor) -> int:
    rounded = round_half_even(exact_ug_per_unit)
    if not 0 <= rounded <= MAX_UG_PER_UNIT:
        raise FactorError(
            "This factor is too large for its unit",
            expected=f"0 to {MAX_UG_PER_UNIT} ug per {factor.unit}",
            got=str(rounded),
            record=f"{factor.publisher} {factor.edition} {factor.region}",
            next_step="Keep the activity in a smaller unit.",
        )
    return rounded
