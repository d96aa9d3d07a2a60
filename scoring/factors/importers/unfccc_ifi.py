"""UNFCCC IFI Technical Working Group: default grid factors 2021 v3.1, for emissions that a project avoids.

The combined margin weighs the plants that run last (operating margin) with those that would be built next. It says what a kWh fed
into the grid avoids; it is never the factor of a kWh consumed. The file's columns for energy efficiency and for electricity
consumption equal the one for firm energy in every row and are not kept.
"""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable, decimal_text, hash_findings

KNOWN_SHA256S = ("67a7fc159ed64636e125a027afe7dee2eb42acbdb3fbaeea2adeb69888d6f369",)
RATES = ("combined_margin_firm", "combined_margin", "operating_margin")
"""Firm energy (hydro, geothermal); intermittent energy (solar, wind, tidal), the usual case; operating margin alone."""

_HEAD = (
    ("", "Combined Margin Grid Emission Factor, gCO2/kWh", "", "", "", "Operating Margin Grid Emission Factor, gCO2/kWh"),
    (
        "",
        "Firm Energy (e.g., Hydro, Geothermal)",
        "Intermittent Energy (e.g., Solar, Wind, Tidal)",
        "Energy Efficiency",
        "Electricity Consumption",
        "",
    ),
    ("Country / Territory / Island", "", "", "", "", ""),
)
_IFI = SourceTable(
    table_id="unfccc-ifi-2021-3.1",
    publisher="UNFCCC IFI TWG",
    edition="2021 v3.1",
    table="IFI Dataset of Default Grid Factors",
    kind="electricity_export",
    unit="kWh",
    published_unit="g/kWh",
    gwp_set="",
    life_cycle_scope="generation",
    source_url="https://unfccc.int/climate-action/sectoral-engagement/ifis-harmonization-of-standards-for-ghg-accounting",
    licence="no licence stated; figures quoted with source",
    note="CO2 only; margins, for avoided emissions. Method AHG-001.",
)
_REGIONS: Mapping[str, Sequence[str]] = {
    "American Samoa (U.S.)": ("AS",),
    "Anguilla (U.K.)": ("AI",),
    "Antigua and Barbuda": ("AG",),
    "Azores (Portugal)": (),
    "Bermuda (U.K.)": ("BM",),
    "Bolivia, Plurinational State of": ("BO",),
    "Bonaire (Netherland)": ("BQ",),
    "Bosnia and Herzegovina": ("BA",),
    "British Virgin Islands (U.K.)": ("VG",),
    "Brunei Darussalam": ("BN",),
    "Canary Islands (Spain)": (),
    "Channel Islands (U.K)": ("GG", "JE"),
    "China (PRC and Hong Kong)": ("CN", "HK"),
    "Congo, Democratic Republic of": ("CD",),
    "Congo, Republic of": ("CG",),
    "Côte d'Ivoire": ("CI",),
    "Curacao/Netherlands Antilles": ("CW",),
    "Czech Republic": ("CZ",),
    "Falkland Islands (U.K.)": ("FK",),
    "Faroe Islands (Denmark)": ("FO",),
    "Gibraltar (U.K.)": ("GI",),
    "Guadeloupe (France)": ("GP",),
    "Iran, Islamic Republic of": ("IR",),
    "Isle of Man (U.K.)": ("IM",),
    "Korea (North), Democratic People's Republic of": ("KP",),
    "Korea (South), Republic of": ("KR",),
    "Kosovo": ("XK",),
    "Lao People's Democratic Republic": ("LA",),
    "Madeira (Portugal)": (),
    "Martinique (France)": ("MQ",),
    "Mayotte (France)": ("YT",),
    "Moldova, Republic of": ("MD",),
    "New Caledonia (France)": ("NC",),
    "North Macedonia, Republic of": ("MK",),
    "Northern Mariana Islands (U.S.)": ("MP",),
    "Palestinian Authority": ("PS",),
    "Puerto Rico (U.S.)": ("PR",),
    "Reunion (France)": ("RE",),
    "Russian Federation": ("RU",),
    "Saint Helena (U.K.)": ("SH",),
    "Saint Kitts and Nevis": ("KN",),
    "Saint Lucia": ("LC",),
    "Saint Martin (France)": ("MF",),
    "Saint Pierre and Miquelon (France)": ("PM",),
    "Saint Vincent and Grenadines": ("VC",),
    "Sao Tomé & Principe": ("ST",),
    "Sint Martin (Netherlands)": ("SX",),
    "Slovak Republic": ("SK",),
    "Syrian Arab Republic": ("SY",),
    "Taiwan (Chinese Taipei)": ("TW",),
    "Tanzania, United Republic of": ("TZ",),
    "Trinidad and Tobago": ("TT",),
    "Turkey": ("TR",),
    "Turks and Caicos Islands (U.K.)": ("TC",),
    "United Kingdom": ("GB",),
    "United States": ("US",),
    "Vanatu": ("VU",),
    "Venezuela, Bolivarian Republic of": ("VE",),
    "Viet Nam": ("VN",),
    "Virgin Islands (U.S.)": ("VI",),
    "Memo: EU 27": (),
}
"""Names that the file writes its own way; none where ISO 3166-1 has no code of the place."""


def import_ifi(data: bytes, region_of: Mapping[str, str]) -> Imported:
    """Combined and operating margin of every country, g CO2 per kWh.

    Args:
        data: Bytes of the CSV file.
        region_of: English name of a country to its region.

    Returns:
        Three rows per country (see `RATES`), year 2021; China's stand for Hong Kong too, as the file says.

    Raises:
        FactorSetError: A column, a country or a number is not what it must be, or a column that is not kept differs from firm
            energy.

    Source:
        UNFCCC, Harmonized IFI default grid factors 2021 v3.1.
    """
    record = "UNFCCC IFI default grid factors 2021"
    lines = [[" ".join(cell.split()) for cell in line] for line in csv.reader(StringIO(data.decode("utf-8-sig")))]
    _check_head(lines[:3], record)
    rows, left_out = [], []
    for line_number, line in enumerate(lines[3:], 4):
        name, *numbers = line
        if not any(numbers):
            continue
        where = f"{record}, line {line_number}, {name}"
        regions = _REGIONS[name] if name in _REGIONS else (region_of.get(name, ""),)
        if "" in regions:
            raise FactorSetError(expected="the English name of a country", got=name, record=where)
        firm, intermittent, efficiency, consumption, operating = (decimal_text(cell, record=where) for cell in numbers)
        if not firm == efficiency == consumption:
            raise FactorSetError(
                expected="one combined margin for firm energy, efficiency and consumption",
                got=f"{firm}, {efficiency}, {consumption}",
                record=where,
            )
        if not regions:
            left_out.append(name)
        rows += [
            PublishedRow(_IFI.table_id, region, 2021, rate, {"co2": number}, label=name)
            for region in regions
            for rate, number in zip(RATES, (firm, intermittent, operating), strict=True)
        ]
    places = f"{record}: places without a code of their own left out: {', '.join(left_out)}"
    return Imported((_IFI,), tuple(rows), findings=(*hash_findings(data, KNOWN_SHA256S, record), places))


def _check_head(lines: Sequence[Sequence[str]], record: str) -> None:
    for expected, got in zip(_HEAD, lines, strict=True):
        same = len(expected) == len(got) and all(cell.startswith(want) for want, cell in zip(expected, got, strict=True))
        if not same:
            raise FactorSetError(
                "The table's columns are not the expected ones",
                expected=" | ".join(expected),
                got=" | ".join(got),
                record=record,
                next_step="The publisher changed the layout: the importer must be changed with it.",
            )
