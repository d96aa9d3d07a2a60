"""Climatiq's Open Emission Factors DB of 2022-05-12: what other publishers' files that we hold do not give. CC BY-SA 4.0: a pack.

Which rows are taken, and as what, stands in `oefdb_rows.py`. What the database files in another column than its own words say is
put right here, and said in the table's note: AIB's numbers are CO2 alone, and those of 2020 are production mixes.
"""

import csv
import gzip
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.oefdb_rows import LEFT_OUT, SUBDIVISIONS, TAKEN, Taken
from scoring.factors.importers.published import (
    Imported,
    PublishedRow,
    RegionRow,
    SourceTable,
    decimal_text,
    gas_sum_findings,
    hash_findings,
    large_changes,
    require_columns,
)

KNOWN_SHA256S = (
    "02d2e30edad0d35c2ac25d2556807d5f81d5abb9d44fb2371e084316c6015e6d",
    "d989af92410d3019b6f5f9c5b26526a1e8ac334e56930d9891b8ac9b2a0a455f",
)
"""Of the file as it is kept compressed, and of its content."""

_GZIP_MAGIC = b"\x1f\x8b"
_EDITION = "OEFDB 2022-05-12"
_LICENCE = "CC BY-SA 4.0 (compilation by Climatiq)"
_SOURCE_URL = "https://github.com/climatiq/Open-Emission-Factors-DB"
COLUMNS = [
    "sector",
    "category",
    "activity_id",
    "name",
    "activity_unit",
    "kgCO2e-AR5",
    "kgCO2e-AR4",
    "kgCO2",
    "kgCH4",
    "kgN2O",
    "kgCO2e-OtherGHGs-AR5",
    "kgCO2e-OtherGHGs-AR4",
    "uncertainty",
    "scope",
    "lca_activity",
    "source",
    "year_released",
    "years_valid",
    "years_calculated_from",
    "region",
    "data_quality",
    "contributor",
    "date_accessed",
    "description",
    "source_link",
]
_BLANK = {"", "not-supplied"}
_UNIT = {"kWh": "kWh", "L": "L", "km": "km", "passenger-km": "pkm", "tonne-km": "tkm"}
_GAS_COLUMN = {"co2": "kgCO2", "ch4": "kgCH4", "n2o": "kgN2O"}
_CO2_ALONE = ("CO2 only", "Direct GWP (gCO2/kWh)")
_YEAR_IN_WORDS = re.compile(
    r"based on (\d{4}) statistics|eGRID(\d{4}) Data File|European Residual Mixes (\d{4})|provided by the IEA in (\d{4})"
)
_PUBLISHER = {
    "EPA": "EPA eGRID via OEFDB",
    "AIB": "AIB via OEFDB",
    "GHG Protocol": "AIB via OEFDB",
    "ADEME": "ADEME Base Carbone via OEFDB",
    "MfE": "NZ MfE via OEFDB",
    "UBA": "UBA ProBas via OEFDB",
    "DISER": "Australia DISER via OEFDB",
    "UNFCCC": "Canada NIR via OEFDB",
}
_NOTE = {
    "EPA": "kg/kWh rounded to six places by the compilation; exponents written out.",
    "AIB": "CO2 alone, as the row's own words say, although the compilation files it as CO2e. Production mix, not residual mix.",
    "GHG Protocol": "AIB European Residual Mixes 2018, CO2 alone, as the GHG Protocol's calculation tool repeats it.",
    "ADEME": "Base Carbone V21.0, Licence Ouverte. Foreign grids are the IEA's CO2 of about 2013.",
    "MfE": "Measuring Emissions: A Guide for Organisations, 2020 detailed guide.",
    "UBA": "ProBas, from the process pages of 2020.",
    "DISER": "National Greenhouse Accounts Factors 2021, scope 2.",
    "UNFCCC": "Canada's National Inventory Report 2021, generation.",
}
_GREEN_E = "Green-e"
_UPSTREAM_WORDS = ("upstream", "manufacturing", "amortization")


@dataclass(frozen=True)
class _Read:
    """One line that was taken: its table and its row."""

    table: SourceTable
    row: PublishedRow


def import_database(data: bytes) -> Imported:
    """The rows of the database that are for a kind of ours.

    Args:
        data: Bytes of `OpenEmissionFactorsDB.csv`, compressed with gzip or not.

    Returns:
        Rows in the file's order, one table per source, kind, unit and gas set; findings count what was left out, and why.

    Raises:
        FactorSetError: Columns, a unit or a number are not what they must be.
    """
    record = _EDITION
    lines = csv.DictReader(StringIO(_plain(data, record).decode("utf-8-sig"), newline=""))
    require_columns(lines.fieldnames or [], COLUMNS, record=f"{record}, header")
    taken: list[_Read] = []
    left_out: Counter[str] = Counter()
    for number, line in enumerate(lines, start=2):
        reason = _reason_to_leave_out(line)
        if reason:
            left_out[reason] += 1
            continue
        taken.append(_read_line(line, TAKEN[line["source"]][line["activity_id"]], f"{record}, line {number}"))
    tables = {one.table.table_id: one.table for one in taken}
    rows = tuple(one.row for one in taken)
    findings = (
        *hash_findings(data, KNOWN_SHA256S, record),
        *(f"{record}: {count} rows left out: {reason}" for reason, count in sorted(left_out.items())),
        *_checks(rows, tables, record),
    )
    return Imported(tuple(tables.values()), rows, regions=_regions(rows), findings=findings)


def _reason_to_leave_out(line: Mapping[str, str]) -> str:
    """Why a line has no place here; empty where it has."""
    source = line["source"]
    if source in LEFT_OUT:
        return f"{source}: {LEFT_OUT[source]}"
    if line["activity_id"] not in TAKEN.get(source, {}):
        return f"{source}: no kind of ours, or an attribute is missing"
    if _GREEN_E in line["description"]:
        return f"{source}: Green-e residual mix, which its publisher does not license"
    if source == "EPA" and not _YEAR_IN_WORDS.search(line["description"]):
        return f"{source}: the row does not say the year of its data"
    return "" if _region(line["region"]) else f"{source}: a part of a country that has no path here"


def _read_line(line: Mapping[str, str], taken: Taken, record: str) -> _Read:
    unit = _UNIT.get(line["activity_unit"], line["activity_unit"])
    if f"kg/{unit}" != taken.published_unit:
        raise FactorSetError(expected=f"{line['activity_id']} in {taken.published_unit}", got=f"kg/{unit}", record=record)
    by_gas, gwp_set = _gases(line, record)
    year = _year(line)
    scope = taken.life_cycle_scope or _scope(line["lca_activity"])
    table = _table(line, taken, gwp_set, scope, year)
    row = PublishedRow(
        table.table_id,
        _region(line["region"]),
        year,
        taken.rate,
        by_gas,
        label=" / ".join([line["activity_id"], line["name"], line["region"], line["year_released"]]),
        attributes=taken.attributes,
        uncertainty_percent="" if line["uncertainty"] in _BLANK else _decimal(line["uncertainty"], record),
    )
    return _Read(table, row)


def _gases(line: Mapping[str, str], record: str) -> tuple[dict[str, str], str]:
    """Published numbers by gas, and the set that they were weighted with.

    Raises:
        FactorSetError: There is no number.
    """
    by_gas = {gas: _decimal(line[column], record) for gas, column in _GAS_COLUMN.items() if line[column] not in _BLANK}
    weighted = next((report for report in ("AR5", "AR4") if line[f"kgCO2e-{report}"] not in _BLANK), "")
    co2e = _decimal(line[f"kgCO2e-{weighted}"], record) if weighted else ""
    if any(words in line["description"] for words in _CO2_ALONE):
        return {"co2": by_gas.get("co2", co2e)}, ""
    if by_gas:
        return by_gas | ({"co2e": co2e} if co2e else {}), ""
    if not co2e:
        raise FactorSetError(expected="at least one number", got="none", record=f"{record}, {line['activity_id']}")
    return {"co2e": co2e}, weighted


def _decimal(text: str, record: str) -> str:
    """The decimal text of a cell, an exponent written out: "3.63E-05" is 0.0000363.

    Raises:
        FactorSetError: It is no number.
    """
    try:
        plain = format(Decimal(text), "f") if "E" in text.upper() else text
    except InvalidOperation as error:
        raise FactorSetError(expected="a printed number of zero or more", got=text, record=record) from error
    return decimal_text(plain, record=record)


def _year(line: Mapping[str, str]) -> int:
    """Calendar year of the data where the row's words say it, else the year of its release."""
    found = _YEAR_IN_WORDS.search(line["description"])
    return int(next(filter(None, found.groups())) if found else line["year_released"])


def _scope(words: str) -> str:
    """Our life-cycle scope for the database's `lca_activity`."""
    if any(word in words for word in _UPSTREAM_WORDS):
        return "life_cycle"
    ours = {"fuel_combustion": "combustion", "electricity_generation": "generation", "electricity_consumption": "operation"}
    return ours.get(words, "as_reported")


def _table(line: Mapping[str, str], taken: Taken, gwp_set: str, scope: str, year: int) -> SourceTable:
    source = line["source"]
    name = source.lower().replace(" ", "-")
    edition = f"{_EDITION}, eGRID{year}" if source == "EPA" else f"{_EDITION}, {source} {line['year_released']}"
    parts = [name, str(year) if source == "EPA" else line["year_released"], taken.kind, taken.unit, gwp_set or "gases", scope]
    return SourceTable(
        table_id="-".join(["oefdb", *parts]).lower(),
        publisher=_PUBLISHER[source],
        edition=edition,
        table=f"OpenEmissionFactorsDB.csv, source {source}",
        kind=taken.kind,
        unit=taken.unit,
        published_unit=taken.published_unit,
        gwp_set=gwp_set,
        life_cycle_scope=scope,
        source_url=_SOURCE_URL,
        licence=_LICENCE,
        note=_NOTE[source],
    )


def _region(code: str) -> str:
    """Our path of their region; empty where there is none."""
    if re.fullmatch(r"[A-Z]{2}", code):
        return "" if code == "EU" else code
    if code in SUBDIVISIONS:
        return SUBDIVISIONS[code][0]
    if re.fullmatch(r"US-[A-Z]{2}", code):
        return f"US/state/{code[3:]}"
    return f"US/egrid/{code[3:]}" if re.fullmatch(r"US-[A-Z]{4}", code) else ""


def _regions(rows: tuple[PublishedRow, ...]) -> tuple[RegionRow, ...]:
    """The parts of countries that the rows name; states and subregions of the US are the base's."""
    used = {row.region for row in rows}
    return tuple(RegionRow(path, name, path.partition("/")[0]) for path, name in SUBDIVISIONS.values() if path in used)


def _checks(rows: tuple[PublishedRow, ...], tables: Mapping[str, SourceTable], record: str) -> list[str]:
    grids = [row for row in rows if tables[row.table_id].kind == "electricity"]
    by_gas = [row for row in grids if {"co2", "ch4", "n2o"} <= set(row.by_gas)]
    as_co2e = [row for row in by_gas if "co2e" in row.by_gas]
    found = [*gas_sum_findings(by_gas, as_co2e, record=record)]
    for publisher in sorted({tables[row.table_id].publisher for row in grids}):
        of_one = [row for row in grids if tables[row.table_id].publisher == publisher]
        for gas in ("co2", "co2e"):
            alike = [row for row in of_one if ("co2e" if "co2e" in row.by_gas else "co2") == gas]
            found += large_changes(alike, record=f"{record}, {publisher}")
    return found


def _plain(data: bytes, record: str) -> bytes:
    if not data.startswith(_GZIP_MAGIC):
        return data
    try:
        return gzip.decompress(data)
    except (OSError, EOFError) as error:
        raise FactorSetError(
            "The compressed file is damaged", expected="a gzip file", got=type(error).__name__, record=record
        ) from error
