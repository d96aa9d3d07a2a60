"""EPA GHG Emission Factors Hub, every table but the electricity of Table 6 (`epa_hub`), and how two editions differ."""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction

from domain.errors import FactorSetError
from scoring.factors.importers.epa_hub import EDITIONS
from scoring.factors.importers.epa_hub_fuels import import_heat_content, import_mobile, import_stationary, import_steam
from scoring.factors.importers.epa_hub_gwp import import_blends, import_gases
from scoring.factors.importers.epa_hub_scope3 import import_goods_transport, import_travel, import_waste
from scoring.factors.importers.epa_hub_sheet import HubTable, hub_tables, hub_texts
from scoring.factors.importers.epa_hub_vehicles import import_gasoline_vehicles, import_non_road, import_other_vehicles
from scoring.factors.importers.published import (
    LARGE_CHANGE_RATIO,
    Imported,
    ParameterTable,
    PublishedRow,
    SourceTable,
    hash_findings,
)

_IMPORTERS: Mapping[int, Callable[[HubTable], Imported]] = {
    1: import_stationary,
    2: import_mobile,
    3: import_gasoline_vehicles,
    4: import_other_vehicles,
    5: import_non_road,
    7: import_steam,
    8: import_goods_transport,
    9: import_waste,
    10: import_travel,
}
_GWP_IMPORTERS: Mapping[int, Callable[[HubTable, str], Imported]] = {11: import_gases, 12: import_blends}
GWP_SETS = {2021: "AR4", 2024: "AR5", 2025: "AR5"}
"""Report that an edition's Tables 11 and 12 quote."""

_NOT_IN_FILE = {2024: frozenset({11, 12})}
"""Tables that the copy we hold lacks: the re-saved workbook of 2024 ends with Table 10."""

_SHOWN = "Numbers that the workbook computes are taken as its cells show them."
_RE_SAVED = "Workbook re-saved by a third party; Tables 1, 2 and 7 equal the 2025 edition, the others have no second copy."
_NOTES = {2021: _SHOWN, 2024: f"{_RE_SAVED} {_SHOWN}", 2025: _SHOWN}


def import_hub_tables(data: bytes, hub_year: int) -> Imported:
    """Tables 1 to 5 and 7 to 12 of one edition of the hub.

    Args:
        data: Bytes of the workbook.
        hub_year: A key of `EDITIONS`.

    Returns:
        Rows of the year of the hub, in the sheet's order; heat contents as the parameter table "epa_heat_content".

    Raises:
        FactorSetError: A table is missing, or something in it is not what it must be.

    Source:
        EPA Center for Corporate Climate Leadership, GHG Emission Factors Hub.
    """
    record = f"EPA GHG Emission Factors Hub {hub_year}"
    tables = hub_tables(hub_texts(data), hub_year, _NOTES[hub_year])
    missing = _NOT_IN_FILE.get(hub_year, frozenset())
    parts = [load(_table(tables, number, record)) for number, load in _IMPORTERS.items()]
    parts += [load(_table(tables, n, record), GWP_SETS[hub_year]) for n, load in _GWP_IMPORTERS.items() if n not in missing]
    left_out = tuple(f"{record}: Table {number} is not in the file that is held" for number in sorted(missing))
    findings = (text for part in parts for text in part.findings)
    return Imported(
        tuple(table for part in parts for table in part.tables),
        tuple(row for part in parts for row in part.rows),
        findings=(*hash_findings(data, EDITIONS[hub_year].known_sha256s, record), *left_out, *findings),
    )


def hub_heat_content(data: bytes, hub_year: int) -> ParameterTable:
    """Heat contents of Table 1 of one edition; the editions held agree.

    Args:
        data: Bytes of the workbook.
        hub_year: A key of `EDITIONS`.

    Returns:
        The parameter table "epa_heat_content".

    Raises:
        FactorSetError: The table is missing, or something in it is not what it must be.
    """
    tables = hub_tables(hub_texts(data), hub_year, _NOTES[hub_year])
    return import_heat_content(_table(tables, 1, f"EPA GHG Emission Factors Hub {hub_year}")).parameter_tables[0]


def hub_changes(older: Imported, newer: Imported, *, ratio: Fraction = LARGE_CHANGE_RATIO) -> tuple[str, ...]:
    """Findings for every number of an edition that moved by more than a share against an earlier edition.

    Args:
        older: The earlier edition.
        newer: The later one.
        ratio: Largest move that is not named; 0 names every difference.

    Returns:
        One text per gas of a row that both editions have, sorted.
    """
    before, after = _numbers(older), _numbers(newer)
    findings = []
    for key in sorted(before.keys() & after.keys()):
        (old_text, old_year), (new_text, new_year) = before[key], after[key]
        old, new = Fraction(old_text), Fraction(new_text)
        if abs(new - old) > old * ratio:
            table, what, rate, gas = key
            words = " ".join(part for part in (what, rate, gas) if part)
            findings.append(f"EPA hub {table}: {words} moved from {old_text} ({old_year}) to {new_text} ({new_year})")
    return tuple(findings)


def _table(tables: Mapping[int, HubTable], number: int, record: str) -> HubTable:
    if number not in tables:
        raise FactorSetError(expected=f"a row titled Table {number}", got="none", record=record)
    return tables[number]


def _numbers(edition: Imported) -> dict[tuple[str, str, str, str], tuple[str, int]]:
    tables = {table.table_id: table for table in edition.tables}
    return {
        (_series(tables[row.table_id]), _words(row), row.rate, gas): (text, row.year)
        for row in edition.rows
        for gas, text in row.by_gas.items()
    }


def _series(table: SourceTable) -> str:
    """Identifier of a table without its edition: "t1-fuel-mmbtu"."""
    return table.table_id.partition("-")[2]


def _words(row: PublishedRow) -> str:
    return ", ".join(f"{name}={value}" for name, value in _items(row.attributes))


def _items(attributes: Mapping[str, str]) -> Iterable[tuple[str, str]]:
    return sorted(attributes.items())
