"""EPA GHG Emission Factors Hub: Table 1 (stationary combustion), 2 (mobile combustion, CO2) and 7 (steam and heat).

All factors are on the higher heating value (HHV). EPA gives one row per fuel without a blend: what stands here as blend
"average" is its general row, the fossil fuel of 40 CFR 98 Table C-1; ethanol in petrol is not taken out of it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from domain.errors import FactorSetError
from scoring.factors.importers.epa_hub_sheet import HUB_URL, LICENCE, PUBLISHER, HubTable, hub_row, known, slug
from scoring.factors.importers.published import Imported, ParameterTable, PublishedRow, SourceTable, decimal_text

_STATIONARY_HEADER = (
    ("Fuel Type", "Heat Content (HHV)", "CO2 Factor", "CH4 Factor", "N2O Factor", "CO2 Factor", "CH4 Factor", "N2O Factor"),
)
_MOBILE_HEADER = (("Fuel Type", "kg CO2 per unit", "Unit"),)
_STEAM_HEADERS = (
    ("", "CO2 Factor (kg CO2 / mmBtu)", "CH4 Factor (g CH4 / mmBtu)", "N2O Factor (g N2O / mmBtu)"),
    ("", "CO2 Factor (kg / mmBtu)", "CH4 Factor (g / mmBtu)", "N2O Factor (g / mmBtu)"),
)
_UNIT_HEADER = "mmBtu per {0}|kg CO2 per mmBtu|g CH4 per mmBtu|g N2O per mmBtu|kg CO2 per {0}|g CH4 per {0}|g N2O per {0}"
_UNITS = {"short ton": ("short_ton", "kg"), "scf": ("scf", "m3"), "gallon": ("gal_us", "m3")}
_BY_ENERGY = "co2=kg/mmBtu;biogenic_co2=kg/mmBtu;ch4=g/mmBtu;n2o=g/mmBtu"

_NATURAL_GAS, _PROPANE_GAS = "Natural Gas", "Propane Gas"
FUELS = {
    "Anthracite": "anthracite",
    "Anthracite Coal": "anthracite",
    "Bituminous": "bituminous_coal",
    "Bituminous Coal": "bituminous_coal",
    "Sub-bituminous": "subbituminous_coal",
    "Sub-bituminous Coal": "subbituminous_coal",
    "Lignite": "lignite",
    "Lignite Coal": "lignite",
    "Mixed (Commercial Sector)": "coal_commercial",
    "Mixed (Electric Power Sector)": "coal_electricity_generation",
    "Mixed (Industrial Coking)": "coking_coal",
    "Mixed (Industrial Sector)": "coal_industrial",
    "Petroleum Coke (Solid)": "petroleum_coke",
    "Distillate Fuel Oil No. 2": "heating_oil",
    "Kerosene-Type Jet Fuel": "jet_fuel",
    "Liquefied Petroleum Gases (LPG)": "lpg",
    "Liquefied Natural Gas (LNG)": "lng",
    "Compressed Natural Gas (CNG)": "cng",
    "Motor Gasoline": "petrol",
    "Diesel Fuel": "diesel",
    "Naphtha (<401 deg F)": "naphtha",
    "Other Oil (>401 deg F)": "other_oil",
    "Residual Fuel Oil": "residual_fuel_oil",
    "Residual Fuel Oil No. 6": "residual_fuel_oil",
    "Used Oil": "waste_oils",
    "Biodiesel (100%)": "biodiesel",
    "Ethanol (100%)": "bioethanol",
    "North American Softwood": "black_liquor_softwood",
    "North American Hardwood": "black_liquor_hardwood",
    "Bagasse": "black_liquor_bagasse",
    "Bamboo": "black_liquor_bamboo",
    "Straw": "black_liquor_straw",
} | {
    words: slug(words)
    for words in (
        *("Coal Coke", "Municipal Solid Waste", "Plastics", "Tires", "Agricultural Byproducts", "Peat", "Solid Byproducts"),
        *("Wood and Wood Residuals", "Blast Furnace Gas", "Coke Oven Gas", "Fuel Gas", "Landfill Gas", "Other Biomass Gases"),
        *("Asphalt and Road Oil", "Aviation Gasoline", "Butane", "Butylene", "Crude Oil", "Distillate Fuel Oil No. 1"),
        *("Distillate Fuel Oil No. 4", "Ethane", "Ethylene", "Heavy Gas Oils", "Isobutane", "Isobutylene", "Kerosene"),
        *("Lubricants", "Natural Gasoline", "Pentanes Plus", "Petrochemical Feedstocks", "Propane", "Propylene"),
        *("Residual Fuel Oil No. 5", "Special Naphtha", "Unfinished Oils", "Rendered Animal Fat", "Vegetable Oil"),
    )
}
"""Label to fuel. No. 2 distillate is the heating oil of US homes; Nos. 1 and 4 keep their numbers: no fuel has two rows."""

_BIOFUELS = frozenset({"biodiesel", "bioethanol"})
_HHV_NOTE = "Higher heating value. CO2 of what the table calls biomass fuels is kept as biogenic; IPCC counts peat as fossil."


@dataclass(frozen=True)
class Burnt:
    """One fuel of Table 1.

    Attributes:
        row_number: Row in the sheet.
        label: Group and fuel in the table's words.
        fuel: Its own words.
        is_biomass: Whether it stands under biomass fuels.
        per_unit: Unit of its other columns: "short ton".
        heat_text: Heat content, mmBtu per unit; empty for pulping liquors.
        by_energy: CO2 kg, CH4 g, N2O g per mmBtu.
        by_unit: The same per unit; empty for pulping liquors.
    """

    row_number: int
    label: str
    fuel: str
    is_biomass: bool
    per_unit: str
    heat_text: str
    by_energy: Sequence[str]
    by_unit: Sequence[str]


def import_stationary(table: HubTable) -> Imported:
    """Table 1: factors by gas per mmBtu, and per short ton, standard cubic foot or gallon.

    Args:
        table: The table.

    Returns:
        Natural gas, propane gas and every other fuel; findings where heat content times the one factor misses the other.

    Raises:
        FactorSetError: A fuel, a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 1, after 40 CFR 98 Tables C-1, C-2 and AA-1.
    """
    tables: dict[str, SourceTable] = {}
    rows: list[PublishedRow] = []
    findings: list[str] = []
    for burnt in _burnt(table):
        rows.append(_by_energy_row(burnt, table, tables))
        if burnt.heat_text:
            rows.append(_by_unit_row(burnt, table, tables))
            findings.extend(_heat_findings(burnt, table))
    return Imported(tuple(tables.values()), tuple(rows), findings=tuple(findings))


def import_heat_content(table: HubTable) -> Imported:
    """Heat contents of Table 1, mmBtu (HHV) per short ton, standard cubic foot or US gallon.

    Args:
        table: Table 1.

    Returns:
        The parameter table "epa_heat_content".

    Raises:
        FactorSetError: A fuel, a column or a number is not what it must be.
    """
    rows = [
        (_fuel(burnt, table), _UNITS[burnt.per_unit][0], decimal_text(burnt.heat_text, record=table.record), burnt.label)
        for burnt in _burnt(table)
        if burnt.heat_text
    ]
    parameter_table = ParameterTable(
        name="epa_heat_content",
        columns=("fuel", "unit", "mmbtu_per_unit", "label"),
        rows=tuple(sorted(rows)),
        publisher=PUBLISHER,
        edition=str(table.hub_year),
        source_url=HUB_URL,
        licence=LICENCE,
        note="Higher heating value; propane_gas is per scf, propane per gallon.",
    )
    return Imported(parameter_tables=(parameter_table,))


def import_mobile(table: HubTable) -> Imported:
    """Table 2: CO2 of fuels burnt in vehicles, per gallon or standard cubic foot; rate "mobile".

    Args:
        table: The table.

    Returns:
        CO2 alone: CH4 and N2O go by distance or by equipment (Tables 3 to 5).

    Raises:
        FactorSetError: A fuel, a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 2, after 40 CFR 98 Table C-1.
    """
    tables: dict[str, SourceTable] = {}
    rows = []
    note = "CO2 only; CH4 and N2O stand in Tables 3 to 5. CO2 of biodiesel and ethanol is biogenic."
    for row_number, (label, number, unit_words, *_) in table.rows_below(_MOBILE_HEADER):
        per_unit, unit = known(_UNITS, unit_words, table, row_number)
        fuel = known(FUELS, label, table, row_number)
        gas = "biogenic_co2" if fuel in _BIOFUELS else "co2"
        published_unit = f"co2=kg/{per_unit};biogenic_co2=kg/{per_unit}"
        if per_unit not in tables:
            name = f"fuel-{slug(per_unit)}"
            tables[per_unit] = table.source_table(
                name, kind="fuel", unit=unit, published_unit=published_unit, scope="combustion", note=note
            )
        by_gas = table.numbers((gas,), (number,), row_number)
        attributes = {"fuel": fuel, "blend": "average"}
        rows.append(hub_row(tables[per_unit], table.hub_year, by_gas, label, attributes, rate="mobile"))
    return Imported(tuple(tables.values()), tuple(rows))


def import_steam(table: HubTable) -> Imported:
    """Table 7: steam and heat, per mmBtu purchased; the same numbers for steam and for district heat.

    Args:
        table: The table.

    Returns:
        Two rows.

    Raises:
        FactorSetError: A row, a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 7: natural gas at 80 percent thermal efficiency.
    """
    lines = table.rows_below(_STEAM_HEADERS)
    if [cells[0] for _, cells in lines] != ["Steam and Heat"]:
        got = ", ".join(cells[0] for _, cells in lines)
        raise FactorSetError(expected="one row, Steam and Heat", got=got or "none", record=table.record)
    row_number, cells = lines[0]
    by_gas = table.numbers(("co2", "ch4", "n2o"), cells[1:4], row_number)
    published_unit = "co2=kg/mmBtu;ch4=g/mmBtu;n2o=g/mmBtu"
    note = "EPA assumes natural gas burnt at 80 percent thermal efficiency; per mmBtu of steam or heat purchased."
    tables = tuple(
        table.source_table(slug(kind), kind=kind, unit="kWh", published_unit=published_unit, scope="combustion", note=note)
        for kind in ("steam", "district_heat")
    )
    return Imported(tables, tuple(hub_row(one, table.hub_year, by_gas, "Steam and Heat", {}) for one in tables))


def _burnt(table: HubTable) -> Iterable[Burnt]:
    group = per_unit = ""
    for row_number, cells in table.rows_below(_STATIONARY_HEADER):
        label, numbers = cells[0], cells[1:8]
        if not label:
            per_unit = _unit_of_header(numbers, table, row_number)
        elif not any(numbers):
            group = label
        else:
            heat_text, by_energy, by_unit = numbers[0], numbers[1:4], numbers[4:7]
            if any((heat_text, *by_unit)) != all((heat_text, *by_unit)):
                got = " | ".join(numbers)
                raise FactorSetError(
                    expected="heat content and three factors per unit, or none",
                    got=got,
                    record=f"{table.record}, row {row_number}",
                )
            is_biomass = group.startswith("Biomass Fuels")
            yield Burnt(row_number, f"{group} / {label}", label, is_biomass, per_unit, heat_text, by_energy, by_unit)


def _unit_of_header(cells: Sequence[str], table: HubTable, row_number: int) -> str:
    for words in _UNITS:
        if list(cells) == _UNIT_HEADER.format(words).split("|"):
            return words
    raise FactorSetError(expected="a line of units", got=" | ".join(cells), record=f"{table.record}, row {row_number}")


def _fuel(burnt: Burnt, table: HubTable) -> str:
    if burnt.fuel in {_NATURAL_GAS, _PROPANE_GAS}:
        return slug(burnt.fuel)
    return known(FUELS, burnt.fuel, table, burnt.row_number)


def _kind_and_attributes(burnt: Burnt, table: HubTable) -> tuple[str, dict[str, str]]:
    if burnt.fuel == _NATURAL_GAS:
        return "natural_gas", {"blend": "average"}
    if burnt.fuel == _PROPANE_GAS:
        return "propane", {}
    return "fuel", {"fuel": _fuel(burnt, table), "blend": "average"}


def _by_energy_row(burnt: Burnt, table: HubTable, tables: dict[str, SourceTable]) -> PublishedRow:
    kind, attributes = _kind_and_attributes(burnt, table)
    name = f"{slug(kind)}-mmbtu"
    if name not in tables:
        tables[name] = table.source_table(
            name, kind=kind, unit="kWh", published_unit=_BY_ENERGY, scope="combustion", note=_HHV_NOTE
        )
    by_gas = table.numbers(_gases(burnt), burnt.by_energy, burnt.row_number)
    return hub_row(tables[name], table.hub_year, by_gas, burnt.label, attributes | {"heating_value": "gross"})


def _by_unit_row(burnt: Burnt, table: HubTable, tables: dict[str, SourceTable]) -> PublishedRow:
    kind, attributes = _kind_and_attributes(burnt, table)
    per_unit, unit = _UNITS[burnt.per_unit]
    name = f"{slug(kind)}-{slug(per_unit)}"
    if name not in tables:
        published_unit = _BY_ENERGY.replace("mmBtu", per_unit)
        tables[name] = table.source_table(
            name, kind=kind, unit=unit, published_unit=published_unit, scope="combustion", note=_HHV_NOTE
        )
    by_gas = table.numbers(_gases(burnt), burnt.by_unit, burnt.row_number)
    return hub_row(tables[name], table.hub_year, by_gas, burnt.label, attributes)


def _gases(burnt: Burnt) -> tuple[str, str, str]:
    return ("biogenic_co2" if burnt.is_biomass else "co2", "ch4", "n2o")


def _heat_findings(burnt: Burnt, table: HubTable) -> Iterable[str]:
    heat = Fraction(decimal_text(burnt.heat_text, record=table.record))
    for gas, by_energy, by_unit in zip(("CO2", "CH4", "N2O"), burnt.by_energy, burnt.by_unit, strict=True):
        half_a_place = Fraction(1, 2 * 10 ** len(by_unit.partition(".")[2]))
        if abs(heat * Fraction(by_energy) - Fraction(by_unit)) > half_a_place:
            product = f"{float(heat * Fraction(by_energy)):.6g}"
            yield f"{table.record}: {burnt.fuel} {gas} per {burnt.per_unit} is {by_unit}, heat content x factor is {product}"
