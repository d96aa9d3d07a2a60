"""EPA GHG Emission Factors Hub: Tables 11 and 12, global warming potentials of gases and of blended refrigerants."""

from scoring.factors.importers.epa_hub_sheet import HubTable, hub_row
from scoring.factors.importers.published import Imported, PublishedRow

_GASES_HEADERS = (
    ("Industrial Designation or Common Name", "Chemical Formula", "100-Year GWP"),
    ("Gas", "100-Year GWP"),
)
_BLENDS_HEADER = (("ASHRAE #", "100-year GWP", "Blend Composition"),)
_NAMES = {
    "Carbon dioxide": "carbon_dioxide",
    "CO2": "carbon_dioxide",
    "Methane": "methane",
    "CH4": "methane",
    "Nitrous oxide": "nitrous_oxide",
    "N2O": "nitrous_oxide",
    "Sulfur hexafluoride": "SF6",
    "Nitrogen trifluoride": "NF3",
    "CF4": "PFC-14",
    "C2F6": "PFC-116",
    "C3F8": "PFC-218",
    "c-C4F8": "PFC-318",
    "C4F10": "PFC-31-10",
    "C5F12": "PFC-41-12",
    "C6F14": "PFC-51-14",
    "C10F18": "PFC-91-18",
    "R-507": "R-507A",
}
"""Their words to the name that every edition shares; the 2021 edition writes formulas."""

_REPORTS = {"AR4": "Fourth Assessment Report (AR4)", "AR5": "Fifth Assessment Report (AR5)"}
_IS_NO_NUMBER = ">"
_WORLD = "WORLD"


def import_gases(table: HubTable, gwp_set: str) -> Imported:
    """Table 11: 100-year GWP of single gases; the rate names the report.

    Args:
        table: The table.
        gwp_set: The report that the edition quotes.

    Returns:
        kg CO2e per kg; a value that is printed as a bound (">7,500") is a finding and no row.

    Raises:
        FactorSetError: The edition quotes another report, or a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 11, after IPCC AR4 (2007) or AR5 (2013).
    """
    table.require_text(_REPORTS[gwp_set])
    source = table.source_table(
        "refrigerant", kind="refrigerant", unit="g", published_unit="kg/kg", scope="operation", gwp_set=gwp_set
    )
    rows: list[PublishedRow] = []
    findings = []
    has_formula = any(cells[2] == _GASES_HEADERS[0][0] for _, cells in table.lines)
    for row_number, cells in table.rows_below(_GASES_HEADERS[:1] if has_formula else _GASES_HEADERS[1:]):
        name, number = cells[0], cells[2 if has_formula else 1]
        if number.startswith(_IS_NO_NUMBER):
            findings.append(f"{table.record}: {name} is printed as {number} and left out")
            continue
        label = f"{name} / {cells[1]}" if has_formula else name
        by_gas = table.numbers(("co2e",), (number,), row_number)
        attributes = {"refrigerant": _NAMES.get(name, name)}
        rows.append(hub_row(source, table.hub_year, by_gas, label, attributes, rate=gwp_set, region=_WORLD))
    return Imported((source,), tuple(rows), findings=tuple(findings))


def import_blends(table: HubTable, gwp_set: str) -> Imported:
    """Table 12: 100-year GWP of blended refrigerants, of their HFC and PFC constituents alone.

    A blend with a CFC or HCFC in it warms more than the table says (R-409A stands there with 0): such rows carry the rate
    "AR5_hfc_pfc_part", so that no rule takes the part for the whole.

    Args:
        table: The table.
        gwp_set: The report that the edition quotes.

    Returns:
        kg CO2e per kg.

    Raises:
        FactorSetError: The edition quotes another report, or a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 12.
    """
    table.require_text(_REPORTS[gwp_set])
    source = table.source_table(
        "blend",
        kind="refrigerant",
        unit="g",
        published_unit="kg/kg",
        scope="operation",
        gwp_set=gwp_set,
        note="Counts HFC and PFC constituents only: CFCs, HCFCs and hydrocarbons of a blend are not in the number.",
    )
    rows = []
    for row_number, (name, number, composition, *_) in table.rows_below(_BLENDS_HEADER):
        is_part = "CFC-" in composition
        rate = f"{gwp_set}_hfc_pfc_part" if is_part else gwp_set
        by_gas = table.numbers(("co2e",), (number,), row_number)
        attributes = {"refrigerant": _NAMES.get(name, name)}
        rows.append(hub_row(source, table.hub_year, by_gas, f"{name} / {composition}", attributes, rate=rate, region=_WORLD))
    return Imported((source,), tuple(rows))
