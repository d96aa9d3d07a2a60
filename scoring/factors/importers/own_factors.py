"""Factors of one's own, as a CSV file: a supplier's, a national agency's, a study's that nobody ships.

    kind,region,year,unit,published_unit,co2e,life_cycle_scope,publisher,source
    electricity,DE,2024,kWh,g/kWh,31.5,generation,Stadtwerke Musterstadt,Fuel mix disclosure of 2024

Needed: `kind`, `region`, `year`, `unit` (in which the kind keeps it), `published_unit` ("kg/L"), `life_cycle_scope` (what it
counts), `publisher`, `source` (document, table, page: from which a stranger finds the number), and a number in `co2e`, or in
`co2`, `ch4`, `n2o`. May be there: `biogenic_co2`, `gwp_set`, `rate`, `attributes` ("fuel=petrol;blend=average"), `label`, `url`,
`licence`, `note`, `uncertainty_percent`. Any other column is refused.
"""

import csv
from collections.abc import Mapping
from io import StringIO

from domain.errors import ClimateFitnessError, FactorSetError
from domain.factor import Gas, GwpSet, LifeCycleScope
from domain.kinds import Kind, checked_attributes, find_kind
from domain.units import Dimension, find_unit
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable, decimal_text

PUBLISHER = "Own factors"
"""Publisher of every row, so that rules can say where such rows stand; the real one is in the edition."""

REQUIRED_COLUMNS = ("kind", "region", "year", "unit", "published_unit", "life_cycle_scope", "publisher", "source")
NUMBER_COLUMNS = tuple(str(gas) for gas in Gas)
OPTIONAL_COLUMNS = (
    "gwp_set",
    "rate",
    "attributes",
    "label",
    "url",
    "licence",
    "note",
    "uncertainty_percent",
)
_FIRST_YEAR, _LAST_YEAR = 1990, 2199
_NOT_STATED = "not stated"


def import_own_factors(data: bytes) -> Imported:
    """The rows of a file of one's own.

    Args:
        data: Bytes of the CSV file, UTF-8.

    Returns:
        One row per line; one table per source and group of rows that share kind, units, scope and GWP set.

    Raises:
        FactorSetError: A column is missing or unknown, or a cell cannot be used; the message names the line.
    """
    record = "own factors"
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FactorSetError(expected="text in UTF-8", got=f"byte {error.start} is not", record=record) from error
    lines = csv.DictReader(StringIO(text, newline=""))
    _check_header([name.strip() for name in lines.fieldnames or []], record)
    tables: dict[str, SourceTable] = {}
    rows = []
    for number, line in enumerate(lines, start=2):
        where = f"{record}, line {number}"
        if None in line or None in line.values():
            raise FactorSetError(expected="as many cells as the header", got="more or fewer", record=where)
        table, row = _read({name.strip(): cell.strip() for name, cell in line.items()}, tables, where)
        tables[table.table_id] = table
        rows.append(row)
    if not rows:
        raise FactorSetError(expected="at least one line below the header", got="none", record=record)
    return Imported(tuple(tables.values()), tuple(rows))


def _check_header(names: list[str], record: str) -> None:
    missing = [name for name in REQUIRED_COLUMNS if name not in names]
    unknown = [name for name in names if name not in {*REQUIRED_COLUMNS, *NUMBER_COLUMNS, *OPTIONAL_COLUMNS}]
    if missing or unknown or len(set(names)) != len(names):
        needed = f"{', '.join(REQUIRED_COLUMNS)} and co2e"
        raise FactorSetError(
            "The table's columns are not the expected ones",
            expected=f"{needed}; may be there: {', '.join([*NUMBER_COLUMNS, *OPTIONAL_COLUMNS])}",
            got=f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}",
            record=f"{record}, header",
            next_step="docs/factors.md describes every column.",
        )


def _read(cells: Mapping[str, str], tables: Mapping[str, SourceTable], where: str) -> tuple[SourceTable, PublishedRow]:
    try:
        kind = find_kind(cells["kind"], record=where)
        attributes = _attributes(cells.get("attributes", ""), where)
        checked_attributes(kind, attributes, record=where)
        _check_units(kind, cells["unit"], cells["published_unit"], where)
    except FactorSetError:
        raise
    except ClimateFitnessError as error:
        raise FactorSetError(
            error.message, expected=error.expected, got=error.got, record=where, next_step=error.next_step
        ) from error
    by_gas = {gas: decimal_text(cells[gas], record=f"{where}, {gas}") for gas in NUMBER_COLUMNS if cells.get(gas)}
    if not {"co2", "co2e"} & set(by_gas):
        raise FactorSetError(expected="a number in co2e, or in co2 and other gases", got="none", record=where)
    for name in ("publisher", "source"):
        if not cells[name]:
            raise FactorSetError(f"Every factor needs its {name}", expected="text", got="nothing", record=where)
    table = _table(cells, kind, by_gas, tables, where)
    uncertainty = cells.get("uncertainty_percent", "")
    row = PublishedRow(
        table.table_id,
        cells["region"],
        _year(cells["year"], where),
        cells.get("rate", ""),
        by_gas,
        label=cells.get("label", ""),
        attributes=attributes,
        uncertainty_percent=decimal_text(uncertainty, record=where) if uncertainty else "",
    )
    return table, row


def _attributes(text: str, where: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in filter(None, text.split(";")):
        name, equals, value = part.partition("=")
        if not equals or not value or name in found:
            raise FactorSetError(expected="name=value;name=value, each name once", got=text, record=f"{where}, attributes")
        found[name.strip()] = value.strip()
    return found


def _check_units(kind: Kind, unit: str, published_unit: str, where: str) -> None:
    """Refuse a factor that is not per a unit of its kind.

    Raises:
        FactorSetError: The unit is none of the kind's, or the published one is not a mass per the same.
        UnknownUnitError: There is no such unit.
    """
    kept = find_unit(unit, record=where)
    is_kept_so = kept.dimension in kind.dimensions and (kept.dimension is Dimension.MONEY or kind.unit_of(kept.dimension) == unit)
    if not is_kept_so:
        fitting = ", ".join(kind.unit_of(one) or "a currency" for one in kind.dimensions)
        raise FactorSetError(f"{kind.name} is not kept in {unit}", expected=fitting, got=unit, record=f"{where}, unit")
    mass, slash, per = published_unit.partition("/")
    if not slash or find_unit(mass, record=where).dimension is not Dimension.MASS:
        raise FactorSetError(
            expected="a mass per unit of activity, such as kg/L", got=published_unit, record=f"{where}, published_unit"
        )
    found = find_unit(per, record=where)
    is_same = per == unit if kept.dimension is Dimension.MONEY else found.dimension is kept.dimension
    if not is_same:
        raise FactorSetError(
            f"{per} cannot be converted to {unit}", expected=f"a unit like {unit}", got=per, record=f"{where}, published_unit"
        )


def _year(text: str, where: str) -> int:
    if not (text.isascii() and text.isdigit() and _FIRST_YEAR <= int(text) <= _LAST_YEAR):
        raise FactorSetError(expected=f"a year from {_FIRST_YEAR} to {_LAST_YEAR}", got=text, record=f"{where}, year")
    return int(text)


def _table(
    cells: Mapping[str, str], kind: Kind, by_gas: Mapping[str, str], tables: Mapping[str, SourceTable], where: str
) -> SourceTable:
    """The table that a line belongs to, under the id that an equal one has already.

    Raises:
        FactorSetError: The scope or the GWP set is none that there is.
    """
    scope = cells["life_cycle_scope"]
    if scope not in set(LifeCycleScope):
        raise FactorSetError(expected=f"one of {', '.join(LifeCycleScope)}", got=scope, record=f"{where}, life_cycle_scope")
    gwp_set = cells.get("gwp_set", "") or ("" if "co2" in by_gas else _NOT_STATED)
    if gwp_set not in {"", _NOT_STATED, *GwpSet} or (not gwp_set and "co2" not in by_gas):
        raise FactorSetError(
            expected=f"one of {', '.join(GwpSet)}, {_NOT_STATED}; nothing where the numbers are masses of single gases",
            got=gwp_set or "nothing",
            record=f"{where}, gwp_set",
        )
    found = SourceTable(
        table_id=f"own-{len(tables) + 1}",
        publisher=PUBLISHER,
        edition=cells["publisher"],
        table=cells["source"],
        kind=kind.name,
        unit=cells["unit"],
        published_unit=cells["published_unit"],
        gwp_set=gwp_set,
        life_cycle_scope=scope,
        source_url=cells.get("url", ""),
        licence=cells.get("licence") or _NOT_STATED,
        note=cells.get("note", ""),
    )
    same = (one for one in tables.values() if {**vars(one), "table_id": ""} == {**vars(found), "table_id": ""})
    return next(same, found)
