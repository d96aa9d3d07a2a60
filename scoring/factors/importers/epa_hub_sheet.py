"""The one sheet of the EPA GHG Emission Factors Hub: its cells, its tables, and what every table of it shares."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from io import BytesIO
from typing import TypeVar

import openpyxl

from domain.errors import FactorSetError
from scoring.factors.importers.published import PublishedRow, SourceTable, decimal_text

LICENCE = "US federal government work, public domain (17 USC 105)"
HUB_URL = "https://www.epa.gov/climateleadership/ghg-emission-factors-hub"
PUBLISHER = "EPA GHG Emission Factors Hub"
FIRST_COLUMN = 2
"""Index of column C, in which every table of every edition begins."""

Value = TypeVar("Value")

_SHOWN_PLACES = re.compile(r"0\.(0+)")
_TITLE = re.compile(r"Table ([0-9]+)\Z")
_END = re.compile(r"(Source|Notes?)\s*:")


def hub_values(data: bytes) -> list[list[object]]:
    """Cells of the workbook's first sheet as they are, rows of one width.

    Args:
        data: Bytes of the workbook.

    Returns:
        One list per row, the sheet's first row first.
    """
    rows = [[cell.value for cell in row] for row in _cells(data)]
    width = max(len(row) for row in rows)
    return [row + [None] * (width - len(row)) for row in rows]


def hub_texts(data: bytes) -> list[list[str]]:
    """Cells of the workbook's first sheet as the workbook shows them, rows of one width.

    A number with more digits than its cell shows (computed in the workbook, or float noise) is rounded half up to the places
    that the cell shows, which is what EPA prints; every other number is its shortest decimal text.

    Args:
        data: Bytes of the workbook.

    Returns:
        One list per row, the sheet's first row first; empty cells are empty texts, spaces are single.
    """
    rows = [[_shown(cell.value, str(getattr(cell, "number_format", "General"))) for cell in row] for row in _cells(data)]
    width = max(len(row) for row in rows)
    return [row + [""] * (width - len(row)) for row in rows]


def _cells(data: bytes) -> list[tuple[openpyxl.cell.Cell, ...]]:
    with warnings.catch_warnings():
        # The workbooks carry printer settings and conditional formats that openpyxl does not know; neither holds a number.
        warnings.simplefilter("ignore", UserWarning)
        workbook = openpyxl.load_workbook(BytesIO(data), read_only=True, data_only=True)
        return list(workbook.worksheets[0].iter_rows())


def _shown(value: object, number_format: str) -> str:
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return " ".join(str(value).split())
    exact = Decimal(repr(value))
    if not exact.is_finite():
        return str(value)
    places = _SHOWN_PLACES.search(number_format.partition(";")[0])
    if places:
        exact = exact.quantize(Decimal(1).scaleb(-len(places[1])), ROUND_HALF_UP)
    text = format(exact, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


@dataclass(frozen=True)
class HubTable:
    """One table of one edition.

    Attributes:
        hub_year: Year of the hub.
        number: Number of the table.
        lines: Its rows below the title, each with its row number in the sheet.
        note: What a reader of this edition must know.
    """

    hub_year: int
    number: int
    lines: Sequence[tuple[int, Sequence[str]]]
    note: str

    @property
    def record(self) -> str:
        """Its name, for messages."""
        return f"EPA GHG Emission Factors Hub {self.hub_year}, Table {self.number}"

    def rows_below(self, headers: Sequence[Sequence[str]]) -> list[tuple[int, Sequence[str]]]:
        """Its rows between the header and the next empty row, or the line that says where the numbers are from.

        Args:
            headers: Texts of the header that are known, from column C on.

        Returns:
            Row number and cells from column C on.

        Raises:
            FactorSetError: No row is one of the headers.
        """
        width = len(headers[0])
        for index, (_, cells) in enumerate(self.lines):
            if list(cells[FIRST_COLUMN : FIRST_COLUMN + width]) in [list(header) for header in headers]:
                return self._until_end(index + 1)
        tried = next(
            (cells[FIRST_COLUMN : FIRST_COLUMN + width] for _, cells in self.lines if any(cells[FIRST_COLUMN + 1 :])), ()
        )
        raise FactorSetError(
            "The table's columns are not the expected ones",
            expected=" or ".join(" | ".join(header) for header in headers),
            got=" | ".join(tried) or "no header",
            record=self.record,
            next_step="The publisher changed the layout: the importer must be changed with it.",
        )

    def _until_end(self, first_index: int) -> list[tuple[int, Sequence[str]]]:
        found: list[tuple[int, Sequence[str]]] = []
        for row_number, cells in self.lines[first_index:]:
            own = cells[FIRST_COLUMN:]
            if not any(own) or _END.match(own[0]):
                break
            found.append((row_number, own))
        return found

    def require_text(self, wanted: str) -> None:
        """Refuse the table if no line of it says something that its numbers depend on.

        Args:
            wanted: The words.

        Raises:
            FactorSetError: They stand nowhere.
        """
        if not any(wanted in cell for _, cells in self.lines for cell in cells):
            raise FactorSetError(expected=f"a line that says {wanted!r}", got="none", record=self.record)

    def source_table(
        self, slug: str, *, kind: str, unit: str, published_unit: str, scope: str, note: str = "", gwp_set: str = ""
    ) -> SourceTable:
        """The source table of some of its rows.

        Args:
            slug: What of it, for the identifier: "fuel-mmbtu".
            kind: Kind of activity.
            unit: Unit of the kind.
            published_unit: Unit of the published numbers.
            scope: A `LifeCycleScope` value.
            note: What a reader of this table must know.
            gwp_set: Set that the numbers were weighted with; empty where they are masses of single gases.

        Returns:
            The table.
        """
        return SourceTable(
            table_id=f"hub{self.hub_year}-t{self.number}-{slug}",
            publisher=PUBLISHER,
            edition=str(self.hub_year),
            table=f"Workbook GHG Emission Factors Hub {self.hub_year}, sheet 1, Table {self.number}",
            kind=kind,
            unit=unit,
            published_unit=published_unit,
            gwp_set=gwp_set,
            life_cycle_scope=scope,
            source_url=HUB_URL,
            licence=LICENCE,
            note=" ".join(text for text in (note, self.note) if text),
        )

    def numbers(self, names: Sequence[str], cells: Sequence[str], row_number: int) -> dict[str, str]:
        """Gases to published decimal text.

        Args:
            names: Gas of each cell.
            cells: The cells.
            row_number: Row in the sheet, for the message.

        Returns:
            One entry per gas.

        Raises:
            FactorSetError: A cell is no printed number.
        """
        record = f"{self.record}, row {row_number}"
        return {name: decimal_text(cell, record=f"{record}, {name}") for name, cell in zip(names, cells, strict=True)}


def hub_tables(rows: Sequence[Sequence[str]], hub_year: int, note: str) -> Mapping[int, HubTable]:
    """The tables of a sheet by number.

    Args:
        rows: Cells as `hub_texts` gives them.
        hub_year: Year of the hub.
        note: What a reader of this edition must know.

    Returns:
        Number to table, from the title's row to the next title.
    """
    starts = [(index, int(found[1])) for index, row in enumerate(rows) if (found := _TITLE.match(row[FIRST_COLUMN - 1]))]
    ends = [index for index, _ in starts[1:]] + [len(rows)]
    return {
        number: HubTable(hub_year, number, tuple((at + 1, rows[at]) for at in range(start + 1, end)), note)
        for (start, number), end in zip(starts, ends, strict=True)
    }


def known(by_label: Mapping[str, Value], label: str, table: HubTable, row_number: int) -> Value:
    """What a label of a table stands for.

    Args:
        by_label: Every label that we know.
        label: The row's own words.
        table: The table.
        row_number: Row in the sheet.

    Returns:
        The value of the label.

    Raises:
        FactorSetError: The label is new: somebody has to decide what it is.
    """
    if label not in by_label:
        raise FactorSetError(
            "A row of the table is not known",
            expected=f"one of {', '.join(by_label)}",
            got=label,
            record=f"{table.record}, row {row_number}",
            next_step="Decide which kind and attributes it is for, and add it to the importer.",
        )
    return by_label[label]


def slug(words: str) -> str:
    """Words as the value of an open attribute: lower case, other characters as one underscore."""
    return re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")


def hub_row(
    table: SourceTable,
    hub_year: int,
    by_gas: Mapping[str, str],
    label: str,
    attributes: Mapping[str, str],
    *,
    rate: str = "",
    region: str = "US",
) -> PublishedRow:
    """A row of the hub.

    Args:
        table: Its table.
        hub_year: Year of the hub.
        by_gas: Gas to published text.
        label: The row's own words.
        attributes: Attributes of the kind.
        rate: Which rate.
        region: Region path.

    Returns:
        The row.
    """
    return PublishedRow(table.table_id, region, hub_year, rate, by_gas, label=label, attributes=attributes)
