"""Published worked examples, and relations that publishers state between their own numbers, reproduced to the printed digit.

Numbers with their citations: `tests/vectors/ghg_protocol_scope3.json`, `published_relations.json`, `tim_zrh_sfo.json`.
"""

import json
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from domain.factor import EmissionFactor, Gas
from scoring.estimate import estimate
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set

VECTORS = Path(__file__).parents[1] / "vectors"
TODAY = date(2026, 11, 22)


def vectors(name: str) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    """A file of vectors."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


EXAMPLES = vectors("ghg_protocol_scope3")["examples"]
RELATIONS = vectors("published_relations")


def estimated(**fields: object) -> Any:  # noqa: ANN401 - JSON, looked into by each test
    """An estimate of the shipped set."""
    got = estimate({"start": "2024-03-01", **fields}, factor_set=shipped_factor_set(), today_date=TODAY)
    assert "error" not in got, got
    return got


def rounded_like(value: Decimal, printed: str) -> Decimal:
    """A value with as many places as the printed one."""
    return value.quantize(Decimal(printed), ROUND_HALF_UP)


# GHG Protocol, Technical Guidance for Calculating Scope 3 Emissions.


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: one["example"])
def test_example_of_the_scope_3_guidance(example: dict[str, Any]) -> None:
    """Activity x given factor, term by term, is the printed total; where the print is wrong, what its inputs give."""
    terms = [
        Decimal(
            estimated(
                kind=term["kind"],
                quantity=term["quantity"],
                unit=term["unit"],
                factor={"value": term["factor"], "unit": term["factor_unit"]},
            )["g_co2e"]
        )
        for term in example["terms"]
    ]
    grams = sum(terms, Decimal(0))
    assert grams / 1000 == Decimal(example["kg"])
    is_as_printed = rounded_like(grams / 1000, example["printed_kg"]) == Decimal(example["printed_kg"])
    assert is_as_printed is not example.get("is_misprint", False)


def test_misprint_is_where_it_is_said_to_be() -> None:
    """Example 15.2: one term is printed 90,000 too low, and nothing else differs."""
    example = next(one for one in EXAMPLES if one["example"] == "15.2")
    terms = [Decimal(term["quantity"]) * Decimal(term["factor"]) for term in example["terms"]]
    assert terms == [90_000, 562_500, 690_000, 660_000, 330_000]
    assert Decimal(example["kg"]) - Decimal(example["printed_kg"]) == 90_000


# Google's Travel Impact Model, as a person asks for it.


@pytest.mark.parametrize("cabin", ["economy", "premium_economy", "business", "first"])
def test_travel_impact_model_zrh_sfo(cabin: str) -> None:
    """ZRH-SFO on a 787-9: burning and making the fuel per passenger, to the gram that the example's own rounding leaves."""
    vector = vectors("tim_zrh_sfo")
    inputs, printed = vector["inputs"], vector["per_passenger"][cabin]
    got = estimated(
        kind="flight",
        quantity="1",
        unit="passenger",
        origin="ZRH",
        destination="SFO",
        cabin=cabin,
        aircraft=inputs["aircraft"],
        fuel_burn_kg=vector["fuel"]["fuel_burn_kg"],
        load_factor=inputs["load_factor_ratio"],
        cargo_share=inputs["cargo_share_ratio"],
        **{f"seats_{name}": str(count) for name, count in inputs["seats"].items() if count},
    )
    assert "tim_method" in got["flags"]
    # The example rounds the flight's fuel to whole kilograms of CO2e, some 3 in a million, before it divides.
    assert Decimal(got["g_co2e"]) / 1000 == pytest.approx(Decimal(printed["ttw_kg"]), rel=Decimal("1e-5"))
    assert Decimal(got["additions"][0]["g_co2e"]) / 1000 == pytest.approx(Decimal(printed["wtt_kg"]), rel=Decimal("2e-5"))


# EPA.


def test_therm_of_natural_gas() -> None:
    """A therm is 5.306 kg of CO2, as the EPA's calculator has it, within a few millionths of a gram."""
    got = estimated(kind="natural_gas", quantity="1", unit="therm", region="US", heating_value="gross")
    assert rounded_like(Decimal(got["g_co2e_by_gas"]["co2"]) / 1000, "5.3060000") == Decimal(RELATIONS["therm"]["kg_co2"])


def test_gallon_of_gasoline() -> None:
    """The Hub's 8.78 kg a gallon, 1.2 % below the EPA's other number for a gallon: two methods, not an error."""
    got = estimated(kind="fuel", quantity="1", unit="gal_us", region="US", fuel="petrol")
    kg_co2 = Decimal(got["g_co2e_by_gas"]["co2"]) / 1000
    assert rounded_like(kg_co2, "8.78") == Decimal("8.78")
    assert kg_co2 / Decimal(RELATIONS["gallon_of_gasoline"]["kg_co2"]) == pytest.approx(Decimal("0.988"), abs=Decimal("0.0005"))


def hub_pairs(factors: FactorSet) -> list[tuple[EmissionFactor, EmissionFactor]]:
    """Rows of Table 1 of the Hub of 2025 by energy, and by volume or mass, of the same fuel."""
    by_label: dict[tuple[str, str], dict[str, EmissionFactor]] = {}
    for kind in ("fuel", "natural_gas", "propane"):
        for row in factors.of_kind(kind):
            if row.publisher == "EPA GHG Emission Factors Hub" and row.edition == "2025" and not row.rate:
                by_label.setdefault((kind, row.label), {})["energy" if row.unit == "kWh" else "amount"] = row
    return [(found["energy"], found["amount"]) for found in by_label.values() if len(found) == 2]


def test_hub_per_unit_is_per_energy_times_heat_content(factors: FactorSet) -> None:
    """Per gallon, short ton or scf, kg CO2 = mmBtu in it x kg CO2 per mmBtu, within the last printed digit, for 58 fuels."""
    heat = {line["label"]: Decimal(line["mmbtu_per_unit"]) for line in factors.table("epa_heat_content")}
    pairs = hub_pairs(factors)
    assert len(pairs) == 58
    for by_energy, by_amount in pairs:
        for gas in by_energy.published.keys() & {Gas.CO2, Gas.BIOGENIC_CO2}:
            printed = by_amount.published[gas]
            exact = Decimal(by_energy.published[gas]) * heat[by_energy.label]
            last_digit = Decimal(1).scaleb(-min(len(printed.partition(".")[2]), 5))
            assert abs(exact - Decimal(printed)) <= last_digit, by_energy.label


def test_hub_steam_is_natural_gas_at_80_percent(factors: FactorSet) -> None:
    """Table 7 follows from Table 1 by the efficiency in its note."""
    relation = RELATIONS["steam"]
    row = next(one for one in factors.of_kind("steam") if one.publisher.startswith("EPA") and one.year == 2025)
    gas_row = next(one for one in factors.of_kind("natural_gas") if one.edition == "2025" and one.unit == "kWh")
    for gas in (Gas.CO2, Gas.CH4, Gas.N2O):
        assert Decimal(gas_row.published[gas]) == Decimal(relation["natural_gas"][gas])
        by_efficiency = Decimal(relation["natural_gas"][gas]) / Decimal(relation["efficiency_ratio"])
        assert Decimal(row.published[gas]) == rounded_like(by_efficiency, relation["steam"][gas])


@pytest.mark.parametrize(("year", "within_percent"), [(2019, "0.12"), (2021, "0.04")])
def test_egrid_gases_against_the_published_sum(factors: FactorSet, year: int, within_percent: str) -> None:
    """CO2 + 25 CH4 + 298 N2O of every subregion is the CO2e that another file of the EPA prints, within rounding."""
    by_region: dict[str, dict[bool, EmissionFactor]] = {}
    for row in factors.of_kind("electricity"):
        if row.publisher == "EPA eGRID" and row.year == year and row.rate == "total_output":
            by_region.setdefault(row.region, {})[row.is_co2e_only] = row
    pairs = [(found[False].published, found[True].published) for found in by_region.values() if len(found) == 2]
    assert len(pairs) >= 27
    for gases, whole in pairs:
        summed = Decimal(gases[Gas.CO2]) + 25 * Decimal(gases[Gas.CH4]) + 298 * Decimal(gases[Gas.N2O])
        printed = Decimal(whole[Gas.CO2E])
        assert abs(summed - printed) / printed * 100 <= Decimal(within_percent)


# IPCC.


@pytest.mark.parametrize("blend", RELATIONS["blends"], ids=lambda one: one["name"])
@pytest.mark.parametrize("report", ["AR4", "AR5"])
def test_blend_is_the_mean_of_its_gases(factors: FactorSet, blend: dict[str, Any], report: str) -> None:
    """The GWP of a blend in the Hub is the IPCC's of its gases by mass share, rounded to whole numbers."""
    gwp = {
        row.attributes["refrigerant"]: row
        for row in factors.of_kind("refrigerant")
        if (row.publisher, row.rate) == ("IPCC", report)
    }
    by_share = sum((Decimal(share) * Decimal(gwp[gas].published[Gas.CO2E]) for gas, share in blend["parts"].items()), Decimal(0))
    hub = next(
        row
        for row in factors.of_kind("refrigerant")
        if row.publisher.startswith("EPA") and (row.rate, row.attributes["refrigerant"]) == (report, blend["name"])
    )
    assert hub.published[Gas.CO2E] == blend[report]
    assert rounded_like(by_share, "1") == Decimal(blend[report])


@pytest.mark.parametrize(
    ("gas", "report", "kg"),
    [("HFC-134a", "AR5", "1300"), ("HFC-134a", "AR6", "1530"), ("SF6", "AR5", "23500"), ("R-410A", "AR5", "1924")],
)
def test_leak_is_mass_times_gwp(gas: str, report: str, kg: str) -> None:
    """One kilogram of a leaked gas is its global warming potential in kilograms."""
    assert (
        Decimal(estimated(kind="refrigerant", quantity="1", unit="kg", refrigerant=gas, gwp_set=report)["g_co2e"])
        == Decimal(kg) * 1000
    )


# UK DESNZ/Defra.


def test_defra_parts_add_up(factors: FactorSet) -> None:
    """CO2 + CH4 + N2O of every row is its printed CO2e, within one unit of the last place that the sheet shows."""
    rows = [
        row
        for row in factors.factors
        if row.publisher == "UK DESNZ/Defra" and len(row.published.keys() & set(Gas) - {Gas.BIOGENIC_CO2}) == 4
    ]
    assert len(rows) > 7000
    for row in rows:
        parts = sum(Decimal(row.published[gas]) for gas in (Gas.CO2, Gas.CH4, Gas.N2O))
        whole = Decimal(row.published[Gas.CO2E])
        assert abs(parts - whole) <= max(Decimal("0.00002"), whole * Decimal("0.000005")), row.label


@pytest.mark.parametrize("year", [2020, 2024])
def test_defra_radiative_forcing_multiplies_co2_alone(factors: FactorSet, year: int) -> None:
    """With radiative forcing, CO2 is 1.9 times that without in 2020, 1.7 times in 2024; the other gases are the same."""
    multiplier = Decimal(RELATIONS["radiative_forcing"][str(year)])
    by_flight: dict[tuple[str, str], dict[str, EmissionFactor]] = {}
    for row in factors.of_kind("flight"):
        if row.publisher == "UK DESNZ/Defra" and row.year == year and row.life_cycle_scope == "combustion":
            flight = row.attributes["haul"], row.attributes["cabin"]
            by_flight.setdefault(flight, {})[row.attributes["radiative_forcing"]] = row
    assert len(by_flight) >= 10
    for found in by_flight.values():
        without, with_it = found["without"].published, found["with"].published
        assert abs(Decimal(without[Gas.CO2]) * multiplier - Decimal(with_it[Gas.CO2])) <= Decimal("0.00002")
        assert (without[Gas.CH4], without[Gas.N2O]) == (with_it[Gas.CH4], with_it[Gas.N2O])


@pytest.mark.parametrize(
    ("fields", "g_co2e", "upstream_g"),
    [
        # Published 2024 numbers x a round amount: the sheet, the row, the columns kg CO2e of use and of WTT.
        ({"kind": "hotel", "quantity": "3", "unit": "room_night", "region": "US"}, "48300", None),  # 16.1
        ({"kind": "hotel", "quantity": "3", "unit": "room_night", "region": "GB"}, "31200", None),  # 10.4
        (
            {"kind": "freight", "quantity": "1000", "unit": "tkm", "region": "GB", "mode": "rail"},
            "27790",
            "6910",
        ),  # 0.02779, 0.00691
        ({"kind": "water", "quantity": "10", "unit": "m3", "region": "GB"}, "1531.1", None),  # 0.15311
    ],
    ids=["hotel-US", "hotel-GB", "freight-rail", "water"],
)
def test_defra_amount_times_printed_number(fields: dict[str, str], g_co2e: str, upstream_g: str | None) -> None:
    """The printed kg CO2e x the amount; of gases published as CO2e under the same set, nothing is lost by splitting them."""
    got = estimated(**fields)
    assert got["edition"] == "GHG Conversion Factors 2024 v1.1"
    assert Decimal(got["g_co2e"]) == Decimal(g_co2e)
    assert [one["g_co2e"] for one in got["additions"]] == ([upstream_g] if upstream_g else [])
