"""Compiling factors: published decimal text to micrograms per canonical unit."""

import json
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from domain.errors import FactorError, UnknownUnitError
from domain.factor import Gas, GwpSet
from domain.number import round_half_even
from scoring.factors.compile import MAX_UG_PER_UNIT, compile_factor, ug_per_published_unit
from scoring.factors.load import shipped_factor_set

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "factor_compile.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"{case['region']}-{case['year']}-{case['gwp_set']}")
def test_published_rate_compiles_to_the_number_worked_by_hand(case: dict[str, Any]) -> None:
    """A printed rate, weighted and converted by hand, is what the shipped set compiles to."""
    factors = shipped_factor_set()
    rows = [row for row in factors.rows("electricity", case["region"], rates=(case["rate"],)) if row.year == case["year"]]
    row = next(row for row in rows if {str(gas): text for gas, text in row.published.items()} == case["published"])
    got = factors.compiled(row, GwpSet(case["gwp_set"])).ug_per_unit
    want = case["ug_per_kwh"]
    assert (got.co2_ug, got.ch4_ug, got.n2o_ug, got.unsplit_ug) == (want["co2"], want["ch4"], want["n2o"], want["unsplit"])


@pytest.mark.parametrize("case", VECTORS["cases"], ids=lambda case: f"{case['region']}-{case['year']}-{case['gwp_set']}")
def test_vector_rounds_its_own_exact_products(case: dict[str, Any]) -> None:
    """The vector's whole numbers are its exact products, rounded."""
    assert {gas: round_half_even(Fraction(text)) for gas, text in case["exact"].items()} == {
        gas: case["ug_per_kwh"][gas] for gas in case["exact"]
    }


def test_pound_per_megawatt_hour_is_exact() -> None:
    """1 lb/MWh is 453592.37 ug/kWh, without a float on the way."""
    assert ug_per_published_unit("lb/MWh", "kWh") == Fraction("453592.37")


@pytest.mark.parametrize("unit", ["kg", "kg/m3", "kWh/kg", "/"])
def test_unit_that_is_no_mass_per_energy_is_refused(unit: str) -> None:
    """A factor in a unit that does not fit is refused, by name."""
    with pytest.raises((FactorError, UnknownUnitError), match=r"kg/kWh|one of"):
        ug_per_published_unit(unit, "kWh", record="factor.unit")


def test_row_in_co2e_keeps_the_publishers_weighting() -> None:
    """A rate published as CO2e is not weighted again, whatever set is asked for."""
    factors = shipped_factor_set()
    row = factors.rows("electricity", "US/state/CA")[0]
    assert factors.compiled(row, GwpSet.AR6) == factors.compiled(row, GwpSet.AR5)
    assert factors.compiled(row, GwpSet.AR6).gwp_set == "AR4"


def test_row_with_gases_and_co2e_takes_the_gases() -> None:
    """Where a row prints both, the gases are used and the printed sum is not added to them."""
    factors = shipped_factor_set()
    row = factors.rows("electricity", "US/egrid/CAMX")[0]
    both = replace(row, published={**row.published, Gas.CO2E: "455.251"})
    assert factors.compiled(both, GwpSet.AR5).ug_per_unit == factors.compiled(row, GwpSet.AR5).ug_per_unit


def test_factor_too_large_for_a_line_is_refused() -> None:
    """A factor above 9.22e12 ug per unit would leave 64 bits and is refused."""
    factors = shipped_factor_set()
    row = replace(factors.rows("electricity", "DE")[0], published={Gas.CO2E: "9220001"})
    with pytest.raises(FactorError, match=f"expected 0 to {MAX_UG_PER_UNIT} ug per kWh"):
        compile_factor(row, GwpSet.AR5, factors.gwps)
