"""From published decimal text to integers: micrograms of CO2e per canonical unit, by gas.

Exact rationals up to the last step, which rounds half to even once, as every conversion of units does.
"""

from collections.abc import Mapping
from fractions import Fraction

from domain.errors import FactorError
from domain.factor import CompiledFactor, EmissionFactor, Gas, GasSplit, GwpSet
from domain.number import decimal_from_text, fraction_of, round_half_even
from domain.units import Dimension, find_unit

MAX_UG_PER_UNIT = 9_220_000_000_000
"""Largest factor with which a line stays inside 64 bits: (10^6 - 1) x f + 500000 < 2^63 (shared design, arithmetic, 1)."""

_UG_PER_KG = 1_000_000_000

GwpValues = Mapping[GwpSet, Mapping[str, Fraction]]
"""Report to gas to kg CO2e per kg."""


def compile_factor(factor: EmissionFactor, gwp_set: GwpSet, gwps: GwpValues) -> CompiledFactor:
    """A published row in integers.

    Args:
        factor: The row.
        gwp_set: Set that single gases are weighted with; a row published as CO2e only keeps its publisher's own.
        gwps: Global warming potentials, kg CO2e per kg.

    Returns:
        Micrograms of CO2e per canonical unit, each gas rounded half to even.

    Raises:
        FactorError: The published unit is not the row's unit, or a gas is too large for 64-bit lines.

    Source:
        GHG Protocol Corporate Standard, chapter 6 (CO2e = mass x GWP); shared design, arithmetic, section 1.
    """
    scale = ug_per_published_unit(factor.published_unit, factor.unit)
    exact = {gas: fraction_of(decimal_from_text(text)) * scale for gas, text in factor.published.items()}
    biogenic_co2_ug = _rounded(exact.get(Gas.BIOGENIC_CO2, Fraction(0)), factor)
    if Gas.CO2E in exact and Gas.CO2 not in exact:
        unsplit = GasSplit(0, 0, 0, _rounded(exact[Gas.CO2E], factor), biogenic_co2_ug)
        return CompiledFactor(factor, unsplit, factor.gwp_set)
    weights = gwps[gwp_set]
    split = GasSplit(
        co2_ug=_rounded(exact.get(Gas.CO2, Fraction(0)), factor),
        ch4_ug=_rounded(exact.get(Gas.CH4, Fraction(0)) * weights["ch4"], factor),
        n2o_ug=_rounded(exact.get(Gas.N2O, Fraction(0)) * weights["n2o"], factor),
        unsplit_ug=0,
        biogenic_co2_ug=biogenic_co2_ug,
    )
    return CompiledFactor(factor, split, str(gwp_set))


def ug_per_published_unit(published_unit: str, unit: str, *, record: str = "") -> Fraction:
    """Micrograms per canonical unit in one of a published unit such as "lb/MWh".

    Args:
        published_unit: Mass, slash, unit of the activity.
        unit: Canonical unit of the activity: "kWh".
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
        if mass.dimension is Dimension.MASS and per.dimension is canonical.dimension:
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
