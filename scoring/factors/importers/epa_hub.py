"""EPA GHG Emission Factors Hub, Table 6: eGRID rates by gas, subregion and for the US.

One sheet per workbook; Table 6 is found by its title. The 2021 edition writes acronym and name in one cell; the later ones in
two, and the 2025 edition adds the grid gross loss.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import FactorSetError
from scoring.factors.importers.epa_hub_sheet import HUB_URL, LICENCE, hub_values
from scoring.factors.importers.published import (
    Imported,
    Parameter,
    PublishedRow,
    RegionRow,
    SourceTable,
    decimal_text,
    hash_findings,
    require_columns,
)

SUBREGION_COUNT = 27
_GASES = ("co2", "ch4", "n2o")
_RATES = ("total_output", "non_baseload")
_COMBINED_NAME = re.compile(r"([A-Z]{4}) \((.+)\)\Z")


@dataclass(frozen=True)
class HubEdition:
    """What differs between the editions of the workbook.

    Attributes:
        hub_year: Year of the hub.
        egrid_year: Calendar year of the eGRID data in its Table 6.
        source_line: How the line under the table begins: the assertion that the years are right.
        known_sha256s: SHA-256 of files that were looked at.
        has_two_name_columns: Acronym and name in cells of their own.
        has_grid_loss: A seventh number: grid gross loss.
        note: What a reader must know.
    """

    hub_year: int
    egrid_year: int
    source_line: str
    known_sha256s: tuple[str, ...]
    has_two_name_columns: bool
    has_grid_loss: bool
    note: str


EDITIONS = {
    2021: HubEdition(
        2021,
        2019,
        "Source: EPA eGRID2019, February 2021",
        ("00524c7e59d7e5d38c044871e372da1180eaa19d93c72c23a6c937391eb76db8",),
        has_two_name_columns=False,
        has_grid_loss=False,
        note="",
    ),
    2024: HubEdition(
        2024,
        2022,
        "Source: EPA eGRID2022, January 2024",
        ("00fb2f355324252410bfb1caebc2891aae37fda78e357caa550997226f0cd8fd",),
        has_two_name_columns=True,
        has_grid_loss=False,
        note="Workbook re-saved by a third party; fuel tables equal the 2025 edition cell by cell, Table 6 has no second copy.",
    ),
    2025: HubEdition(
        2025,
        2023,
        "Source: EPA eGRID2023, January 2025",
        (
            "db9085f182e50c7fd9106a902986434fb41ef0426afc953acb40f61a495e8a76",
            "43afb91d79b2ae765b3a447549d9e1021a144a407cec5eb804be9fcf69a668a7",
        ),
        has_two_name_columns=True,
        has_grid_loss=True,
        note="First release of eGRID2023 (January 2025); EPA issued revisions 1 and 2 later in 2025.",
    ),
}


def import_hub(data: bytes, hub_year: int) -> Imported:
    """Table 6 of one edition of the hub.

    Args:
        data: Bytes of the workbook.
        hub_year: A key of `EDITIONS`.

    Returns:
        Total-output and non-baseload rows by gas, grid losses where printed, and the subregions' names.

    Raises:
        FactorSetError: The table is not where or what it must be.

    Source:
        EPA Center for Corporate Climate Leadership, GHG Emission Factors Hub, Table 6.
    """
    edition = EDITIONS[hub_year]
    record = f"EPA GHG Emission Factors Hub {hub_year}, Table 6"
    lines = _table_lines(data, edition, record)
    table = SourceTable(
        table_id=f"egrid{edition.egrid_year}-hub{hub_year}",
        publisher="EPA eGRID",
        edition=f"eGRID{edition.egrid_year}" + (" first release" if edition.has_grid_loss else ""),
        table=f"GHG Emission Factors Hub {hub_year}, Table 6",
        kind="electricity",
        unit="kWh",
        published_unit="lb/MWh",
        gwp_set="",
        life_cycle_scope="generation",
        source_url=HUB_URL,
        licence=LICENCE,
        note=edition.note,
    )
    rows, parameters, regions = [], [], []
    for code, name, cells in lines:
        region = "US" if code == "US" else f"US/egrid/{code}"
        numbers = [decimal_text(cell, record=f"{record}, {code}") for cell in cells[:6]]
        for index, rate in enumerate(_RATES):
            by_gas = dict(zip(_GASES, numbers[index * 3 : index * 3 + 3], strict=True))
            rows.append(PublishedRow(table.table_id, region, edition.egrid_year, rate, by_gas))
        if edition.has_grid_loss and cells[6] is not None:  # Puerto Rico's is left blank
            parameters.append(_grid_loss(region, edition, decimal_text(cells[6], record=f"{record}, {code}"), table))
        if code != "US":
            regions.append(RegionRow(region, name, "US"))
    findings = hash_findings(data, edition.known_sha256s, record)
    return Imported((table,), tuple(rows), tuple(parameters), tuple(regions), findings)


def _table_lines(data: bytes, edition: HubEdition, record: str) -> list[tuple[str, str, Sequence[object]]]:
    cells = hub_values(data)
    title_index = next((i for i, row in enumerate(cells) if row[1:2] == ["Table 6"]), None)
    if title_index is None:
        raise FactorSetError(expected="a row titled Table 6", got="none", record=record)
    first_number = 4 if edition.has_two_name_columns else 3
    _check_header(cells[title_index + 2 : title_index + 5], edition, first_number, record)
    found: list[tuple[str, str, Sequence[object]]] = []
    for row in cells[title_index + 5 :]:
        label = str(row[2] or "").strip()
        numbers = row[first_number : first_number + 6 + edition.has_grid_loss]
        if label.startswith("Source:"):
            _check_source(label, edition, record)
            break
        found.append((*_code_and_name(label, str(row[3] or ""), edition, record), numbers))
    if len(found) != SUBREGION_COUNT + 1:
        raise FactorSetError(expected=f"{SUBREGION_COUNT} subregions and the US", got=f"{len(found)} rows", record=record)
    return found


def _check_header(header: list[list[object]], edition: HubEdition, first_number: int, record: str) -> None:
    require_columns(header[0][first_number::3], ["Total Output Emission Factors", "Non-Baseload Emission Factors"], record=record)
    wanted = ["CO2 Factor", "CH4 Factor", "N2O Factor"] * 2 + (["Grid Gross Loss (%)"] if edition.has_grid_loss else [])
    require_columns(header[1][first_number:], wanted, record=record)
    units = {str(cell).replace(" ", "") for cell in header[2][first_number : first_number + 6]}
    if not units <= {"(lb/MWh)", "(lbCO2/MWh)", "(lbCH4/MWh)", "(lbN2O/MWh)"}:
        raise FactorSetError(expected="numbers in lb/MWh", got=", ".join(sorted(units)), record=record)


def _check_source(label: str, edition: HubEdition, record: str) -> None:
    if not label.startswith(edition.source_line):
        raise FactorSetError("The table is of another eGRID edition", expected=edition.source_line, got=label, record=record)


def _code_and_name(label: str, name: str, edition: HubEdition, record: str) -> tuple[str, str]:
    if label == "US Average":
        return "US", "United States"
    if edition.has_two_name_columns:
        return label, name.strip()
    found = _COMBINED_NAME.match(label)
    if not found:
        raise FactorSetError(expected="a subregion such as CAMX (WECC California)", got=label, record=record)
    return found[1], found[2]


def _grid_loss(region: str, edition: HubEdition, value_text: str, table: SourceTable) -> Parameter:
    return Parameter(
        name="grid_gross_loss",
        region=region,
        year=edition.egrid_year,
        value_text=value_text,
        unit="ratio",
        publisher=table.publisher,
        edition=table.edition,
        source_url=table.source_url,
        licence=table.licence,
        note="Transmission and distribution loss; scope 3 category 3, never applied to scope 2 (the hub's own note to Table 6).",
    )
