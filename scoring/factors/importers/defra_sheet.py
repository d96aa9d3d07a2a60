"""The flat file of the UK Government GHG Conversion Factors as it stands: one factor per group of rows, its cells untouched.

The file has one row per factor and gas. Between editions the header moves (row 5 or 6), two hidden columns come and go, the
wording of the gases changes, and formulas leave numbers in the columns of names; all of that ends here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from io import BytesIO
from itertools import pairwise
from math import isfinite

from python_calamine import CalamineError, CalamineWorkbook

from domain.errors import FactorSetError
from domain.number import decimal_to_text
from scoring.factors.importers.published import require_columns

_SHEET = "Factors by Category"
_HIDDEN_COLUMNS = frozenset({"ID", "UOM (simple)", "Lookup"})
_NAME_COLUMNS = ("Scope", "Level 1", "Level 2", "Level 3", "Level 4", "Column Text", "UOM")
_GAS_OF = {
    "kg co2e": "co2e",
    "kg co2": "co2",
    "kg ch4": "ch4",
    "kg n2o": "n2o",
    "kg co2e of co2": "co2",
    "kg co2e of ch4": "ch4",
    "kg co2e of n2o": "n2o",
    "kg co2e of co2 per unit": "co2",
    "kg co2e of ch4 per unit": "ch4",
    "kg co2e of n2o per unit": "n2o",
}
"""Their wording. In every edition the columns of single gases are in kg CO2e already."""

_ENERGY_WORDS = frozenset({"kwh", "kwh (net cv)", "kwh (net)", "`"})
"""What stands in the gas column of the tables of kWh per km; the backtick is a slip of 2020 and 2021."""

KWH = "kwh"
"""Stands in place of a gas in the tables of kWh per km."""

KWH_GROUPS = frozenset(
    {"secr kwh pass & delivery vehs", "passenger and delivery vehicles- kwh factors", "secr kwh uk electricity for evs"}
)
"""Level 1 of the tables of kWh per km, in small letters."""


@dataclass(frozen=True)
class FlatFactor:
    """One factor of the flat file.

    Attributes:
        line: Row of the sheet, from 1, where its first gas stands.
        level_1: Group.
        level_2: Table inside the group.
        level_3: Row of the table.
        level_4: Second name of the row.
        column_text: Column of the table.
        uom: Unit of measurement, in their words.
        cells: Gas (co2e, co2, ch4, n2o) or `KWH` to its cell as the workbook holds it.
        record: File and row, for messages.
    """

    line: int
    level_1: str
    level_2: str = ""
    level_3: str = ""
    level_4: str = ""
    column_text: str = ""
    uom: str = ""
    cells: Mapping[str, object] = field(default_factory=dict)
    record: str = ""

    @property
    def group(self) -> str:
        """Level 1 in small letters; its capitals drift."""
        return self.level_1.lower()

    @property
    def names(self) -> tuple[str, ...]:
        """All of its names and its unit, in small letters."""
        levels = (self.level_1, self.level_2, self.level_3, self.level_4, self.column_text, self.uom)
        return tuple(level.lower() for level in levels)

    @property
    def label(self) -> str:
        """Its words below level 1, from which a reader finds it."""
        levels = (self.level_2, self.level_3, self.level_4, self.column_text, self.uom)
        return " / ".join(level for level in levels if level)


@dataclass(frozen=True)
class FlatFile:
    """One edition.

    Attributes:
        version: As the front page says: "1.1".
        updated_date: As the front page says; empty where it has no date.
        factors: In the file's order.
        findings: Slips of the file that were read around.
    """

    version: str
    updated_date: str
    factors: tuple[FlatFactor, ...]
    findings: tuple[str, ...]


def choice_of(choices: Mapping[str, str], name: str, factor: FlatFactor) -> str:
    """Our word for one of their names.

    Args:
        choices: Their names in small letters to ours.
        name: As in the file; capitals and spaces do not matter.
        factor: Where it stands.

    Returns:
        Our word.

    Raises:
        FactorSetError: It is a name that we do not know.
    """
    found = choices.get(name.lower())
    if found is None:
        raise FactorSetError(
            "The flat file has a name that is not known",
            expected=f"one of {', '.join(sorted(choices))}",
            got=name or "nothing",
            record=factor.record,
            next_step="The publisher changed its wording: add the name to the importer.",
        )
    return found


def number_text(cell: object, *, record: str) -> str | None:
    """The number of a cell as the spreadsheet shows it, to 15 significant digits; None where it holds none.

    The workbooks hold results of formulas (0.24114999999999998 for 0.24115 in 2022) and, in 2016, 2017 and 2023, unrounded ones;
    spreadsheets show 15 digits of a number, and that is what is kept.

    Args:
        cell: As the workbook holds it.
        record: File and row, for the message.

    Returns:
        Plain decimal text; None for a blank or a text such as "< 1".

    Raises:
        FactorSetError: It is negative, infinite or not a number.
    """
    if isinstance(cell, bool) or not isinstance(cell, int | float):
        return None
    if not isfinite(cell) or cell < 0:
        raise FactorSetError(expected="a number of zero or more", got=str(cell), record=record)
    return decimal_to_text(Decimal(f"{cell:.15g}"))


def read_flat(data: bytes, year: int) -> FlatFile:
    """The factors of one edition.

    Args:
        data: Bytes of the workbook (.xls or .xlsx, not compressed).
        year: Year of the edition.

    Returns:
        Every factor with the cells of its gases.

    Raises:
        FactorSetError: It is no such workbook, of another year, or its columns or a row are not what they must be.

    Source:
        UK Government GHG Conversion Factors for Company Reporting, flat file, sheet "Factors by Category".
    """
    record = f"GHG Conversion Factors {year}"
    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(data))
        front = workbook.get_sheet_by_name("Front page").to_python(skip_empty_area=False)
        rows = workbook.get_sheet_by_name(_SHEET).to_python(skip_empty_area=False)
    except CalamineError as error:
        raise FactorSetError(
            expected=f'a workbook with the sheets "Front page" and "{_SHEET}"', got=str(error), record=record
        ) from error
    version, updated_date = _front_page(front, year, record)
    factors, findings = _factors(rows, year, f"{record}, {_SHEET}")
    return FlatFile(version, updated_date, factors, findings)


def _front_page(rows: Sequence[Sequence[object]], year: int, record: str) -> tuple[str, str]:
    found: dict[str, object] = {}
    for row in rows:
        cells = [cell for cell in row if cell not in ("", None)]
        for name, value in pairwise(cells):
            if isinstance(name, str) and name.strip() in {"Version:", "Year:", "Updated:"}:
                found.setdefault(name.strip(), value)
    if found.get("Year:") != year:
        raise FactorSetError(
            "The workbook is of another year",
            expected=str(year),
            got=str(found.get("Year:", "none")),
            record=f"{record}, Front page",
        )
    updated = found.get("Updated:")
    return str(found.get("Version:", "")), updated.isoformat()[:10] if isinstance(updated, date) else ""


def _columns(header: Sequence[object], year: int, record: str) -> list[int]:
    shown = [(index, str(cell).strip()) for index, cell in enumerate(header)]
    kept = [(index, name) for index, name in shown if name and name not in _HIDDEN_COLUMNS]
    names = ["GHG" if name == "GHG/Unit" else name for _, name in kept]
    require_columns(names, [*_NAME_COLUMNS, "GHG", f"GHG Conversion Factor {year}"], record=record)
    return [index for index, _ in kept]


def _factors(rows: Sequence[Sequence[object]], year: int, record: str) -> tuple[tuple[FlatFactor, ...], tuple[str, ...]]:
    header_index = next((index for index, row in enumerate(rows[:10]) if "Level 1" in row), None)
    if header_index is None:
        raise FactorSetError(expected='a header with "Level 1" in the first ten rows', got="none", record=record)
    columns = _columns(rows[header_index], year, f"{record}, row {header_index + 1}")
    cells_of: dict[tuple[str, ...], dict[str, object]] = {}
    factors: dict[tuple[str, ...], FlatFactor] = {}
    findings: list[str] = []
    for line, row in enumerate(rows[header_index + 1 :], header_index + 2):
        cells = [row[index] for index in columns]
        names = [_name(cell) for cell in cells[1:7]]
        if _is_end(names, cells):
            continue
        here = f"{record}, row {line}"
        gas = _gas(cells[7], names[0], here, findings)
        key = tuple(name.lower() for name in names)
        gases = cells_of.setdefault(key, {})
        if gas in gases:
            raise FactorSetError(
                "A factor stands twice", expected=f"one row of {gas} per factor", got=" / ".join(names), record=here
            )
        gases[gas] = cells[8]
        factors.setdefault(key, _factor(line, names, gases, here))
    return tuple(factors.values()), tuple(findings)


def _factor(line: int, names: Sequence[str], cells: Mapping[str, object], record: str) -> FlatFactor:
    level_1, level_2, level_3, level_4, column_text, uom = names
    return FlatFactor(line, level_1, level_2, level_3, level_4, column_text, uom, cells, record)


def _name(cell: object) -> str:
    """A name with single spaces; a number among the names is what a formula left behind (0, 2020)."""
    return " ".join(cell.split()) if isinstance(cell, str) else ""


def _is_end(names: Sequence[str], cells: Sequence[object]) -> bool:
    """Whether the row has neither gas nor number: the marker END after the last factor, or a spare row (motorbikes of 2022)."""
    return cells[8] in ("", None) and (names[0] in {"", "END"} or not _name(cells[7]))


def _gas(cell: object, level_1: str, record: str, findings: list[str]) -> str:
    word = _name(cell)
    if level_1.lower() in KWH_GROUPS and word.lower() in _ENERGY_WORDS:
        if word == "`":
            findings.append(f"{record}: the unit is a backtick; read as kWh like the rows around it")
        return KWH
    gas = _GAS_OF.get(word.lower())
    if gas is None:
        raise FactorSetError(expected=f"one of {', '.join(_GAS_OF)}", got=word or "nothing", record=record)
    return gas
