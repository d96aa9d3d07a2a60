"""eGRID total-output rates as CO2e, 2018 to 2021, by subregion and by state: NREL ComStock's extracts of the Data Explorer."""

import csv
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import (
    Imported,
    PublishedRow,
    SourceTable,
    decimal_text,
    hash_findings,
    large_changes,
    require_columns,
)

KNOWN_SHA256S = (
    "d33755747c5e094a051b8ed99a563bf703d003b0464b568190e1cef1d79177ff",
    "a6bfd826fdb005435c456708743361d0fcbd75648b2455ba1337d86426b67f65",
)
YEARS = (2018, 2019, 2020, 2021)
_ROW_COUNT = {"subregion": 29, "state": 52}
# eGRID has Puerto Rico from eGRID2019 on; the extract repeats that value in its 2018 column, so it is not a value of 2018.
_NOT_PUBLISHED = {("PRMS", 2018), ("PR", 2018)}
_NOT_A_SUBREGION = "NYST"  # the extract's own line for the state of New York; the file of states holds it


def import_co2e(data: bytes, level: str) -> Imported:
    """Total-output rates as CO2e of one extract.

    Args:
        data: Bytes of the CSV file.
        level: "subregion" (with the US) or "state" (with the District of Columbia and Puerto Rico).

    Returns:
        One row per region and year; Puerto Rico from 2019.

    Raises:
        FactorSetError: Columns, regions or numbers are not what they must be.
    """
    record = f"eGRID CO2e by {level}"
    lines = list(csv.reader(StringIO(data.decode("utf-8-sig"))))
    require_columns(lines[0], [level, *map(str, YEARS)], record=record)
    if len(lines) - 1 != _ROW_COUNT[level]:
        raise FactorSetError(expected=f"{_ROW_COUNT[level]} rows", got=str(len(lines) - 1), record=record)
    tables = tuple(_table(year, level) for year in YEARS)
    rows = [
        PublishedRow(table.table_id, _region(line[0], level), year, "total_output", {"co2e": decimal_text(cell, record=record)})
        for year, table, index in zip(YEARS, tables, range(1, 5), strict=True)
        for line in lines[1:]
        for cell in [line[index]]
        if (line[0], year) not in _NOT_PUBLISHED and line[0] != _NOT_A_SUBREGION
    ]
    left_out = (f"{record}: Puerto Rico 2018 left out (the extract repeats 2019 there)",)
    findings = hash_findings(data, KNOWN_SHA256S, record) + left_out + large_changes(rows, record=record)
    return Imported(tables, tuple(rows), findings=findings)


def _region(code: str, level: str) -> str:
    if code == "US":
        return "US"
    return f"US/egrid/{code}" if level == "subregion" else f"US/state/{code}"


def _table(year: int, level: str) -> SourceTable:
    return SourceTable(
        table_id=f"egrid{year}-co2e-{level}",
        publisher="EPA eGRID",
        edition=f"eGRID{year}",
        table=f"Data Explorer, total output CO2e by {level} (extract by NREL ComStock)",
        kind="electricity",
        unit="kWh",
        published_unit="lb/MWh",
        gwp_set="AR4",
        life_cycle_scope="generation",
        source_url="https://www.epa.gov/egrid/data-explorer",
        licence="US federal government work, public domain (17 USC 105); extract BSD-3-Clause (NREL ComStock)",
        note="Published as CO2e only; weighted by the EPA with AR4.",
    )
