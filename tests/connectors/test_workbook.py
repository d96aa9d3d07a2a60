"""Workbooks: written by an independent program, and by nobody honest."""

import io
import zipfile
from collections.abc import Sequence
from datetime import date, datetime

import pytest
from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from connectors.table import Layout, table_rows
from connectors.workbook import DayCell, FormulaCell, NumberCell, is_date_code, sheet_names, sheet_rows
from domain.errors import DocumentError, DocumentTooLargeError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError

TYPES = '<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
BOOK = (
    f'<workbook {MAIN} xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets></workbook>'
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="r1" Type="x" Target="worksheets/sheet1.xml"/></Relationships>'
)


def saved(book: Workbook) -> bytes:
    """A workbook as a file."""
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def workbook(*rows: Sequence[object]) -> bytes:
    """A workbook with one sheet."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    return saved(book)


def by_hand(sheet: str, **parts: str) -> bytes:
    """A workbook whose sheet is this XML."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr("xl/workbook.xml", parts.get("book", BOOK))
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        if "strings" in parts:
            archive.writestr("xl/sharedStrings.xml", parts["strings"])
    return stream.getvalue()


def sheet_of(cells: str) -> str:
    """A sheet with one row."""
    return f'<worksheet {MAIN}><sheetData><row r="1">{cells}</row></sheetData></worksheet>'


def rows(body: bytes, sheet: str = "") -> list[list[str]]:
    """Rows of a sheet in which nothing is refused."""
    found = []
    for _, cells in table_rows(body, Layout(sheet=sheet)):
        assert isinstance(cells, list)
        found.append(cells)
    return found


def test_cells_of_every_sort() -> None:
    """Text, whole and broken numbers, days, truth, nothing; formulas are told apart."""
    (found,) = rows(workbook(["Büro", 12, 12.3, -0.1, date(2024, 3, 1), datetime(2024, 3, 1, 23, 59), True, None, "=1+1", "x"]))  # noqa: DTZ001 - a cell has no zone
    assert found == ["Büro", "12", "12.3", "-0.1", "2024-03-01", "2024-03-01", "true", "", "=1+1", "x"]
    assert [type(one) for one in found[1:6]] == [NumberCell, NumberCell, NumberCell, DayCell, DayCell]
    assert isinstance(found[8], FormulaCell)


def test_numbers_are_those_that_excel_shows() -> None:
    """Excel keeps 15 digits and writes the nearest binary number."""
    body = by_hand(sheet_of('<c r="A1"><v>12.300000000000001</v></c><c r="B1"><v>1E-3</v></c><c r="C1"><v>1.5E+6</v></c>'))
    assert rows(body) == [["12.3", "0.001", "1500000"]]


@pytest.mark.parametrize("number_format", ["dd/mm/yyyy", "yyyy-mm-dd;@", "[$-407]d. mmmm yyyy", "d-mmm-yy", "m/d/yy h:mm"])
def test_number_formats_that_are_days(number_format: str) -> None:
    """The format of the cell makes the number a day, in both systems of dates."""
    for is_mac in (False, True):
        book = Workbook()
        if is_mac:
            book.epoch = CALENDAR_MAC_1904
        book.active["A1"] = date(2024, 2, 29)
        book.active["A1"].number_format = number_format
        assert rows(saved(book)) == [["2024-02-29"]]


@pytest.mark.parametrize("code", ["0.00", "General", '0 "days"', "#,##0.00 [$€-407]", "0.00E+00", "h:mm:ss", "[Red]0", "@"])
def test_number_formats_that_are_no_days(code: str) -> None:
    """Words in quotation marks, colours and currencies in brackets say nothing of days."""
    assert not is_date_code(code)


def test_rich_and_inline_text() -> None:
    """Runs of a text belong together, without the signs that say how it is pronounced."""
    strings = f"<sst {MAIN}><si><r><t>Bü</t></r><r><t>ro</t></r><rPh><t>BURO</t></rPh></si></sst>"
    body = by_hand(sheet_of('<c r="A1" t="s"><v>0</v></c><c r="C1" t="inlineStr"><is><t>in</t></is></c>'), strings=strings)
    assert rows(body) == [["Büro", "", "in"]]


def test_text_that_is_written_as_a_result_is_text() -> None:
    """Some programs write every text as the result of a formula that is not there; a shared formula is one."""
    cells = '<c r="A1" t="str"><v>SHELL</v></c><c r="B1"><f t="shared" si="0"/><v>5</v></c>'
    ((shop, shared),) = rows(by_hand(sheet_of(cells)))
    assert (shop, isinstance(shop, FormulaCell), isinstance(shared, FormulaCell)) == ("SHELL", False, True)


def test_sheet_by_name() -> None:
    """The first sheet that is shown, or the one that is named."""
    book = Workbook()
    book.active.title = "Hidden"
    book.active.sheet_state = "hidden"
    for name in ("One", "Two"):
        book.create_sheet(name).append([name])
    body = saved(book)
    assert sheet_names(body) == ("One", "Two")
    assert (rows(body), rows(body, "Two")) == ([["One"]], [["Two"]])
    with pytest.raises(UnknownFormatError, match="expected one of One, Two; got Three"):
        rows(body, "Three")


def test_number_of_a_row_is_that_of_the_sheet() -> None:
    """Empty rows are counted, and do not come."""
    book = Workbook()
    book.active["B7"] = "x"
    assert list(table_rows(saved(book), Layout())) == [(7, ["", "x"])]


@pytest.mark.parametrize(
    "cells",
    [
        '<c r="A1" t="s"><v>5</v></c>',
        '<c r="A1"><v>NaN</v></c>',
        '<c r="A1"><v>1e999</v></c>',
        '<c r="ZZZ1"><v>1</v></c>',
        '<c r="B1"><v>1</v></c><c r="A1"><v>1</v></c>',
        '<c r="A1"><v>1_0</v></c>',
    ],
)
def test_bad_cell_refuses_its_row(cells: str) -> None:
    """A text that is not there, a number that is none, a cell where none can be."""
    ((number, refused),) = table_rows(by_hand(sheet_of(cells), strings=f"<sst {MAIN}/>"), Layout())
    assert number == 1
    assert isinstance(refused, DocumentError)
    assert refused.record == "line 1"


def test_bomb_is_refused() -> None:
    """A sheet of fifty megabytes in fifty kilobytes is unpacked no further than allowed."""
    body = by_hand(f"<worksheet {MAIN}><sheetData>{' ' * 50_000_000}</sheetData></worksheet>")
    assert len(body) < 100_000
    with pytest.raises(HostileDocumentError, match="unpacks to far more"):
        rows(body)


def test_many_rows_are_refused() -> None:
    """More rows than one file may have."""
    body = by_hand(f"<worksheet {MAIN}><sheetData>{'<row><c><v>1</v></c></row>' * 11}</sheetData></worksheet>")
    assert len(list(sheet_rows(body, "", most_rows_count=11, most_columns_count=5))) == 11
    with pytest.raises(DocumentTooLargeError, match="at most 10 rows"):
        list(sheet_rows(body, "", most_rows_count=10, most_columns_count=5))


@pytest.mark.parametrize("part", ["book", "sheet"])
def test_entities_are_refused(part: str) -> None:
    """A document type declaration stands in no honest workbook."""
    bomb = '<!DOCTYPE x [<!ENTITY a "b"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    body = (
        by_hand(sheet_of("<c><v>1</v></c>"), book=bomb + BOOK) if part == "book" else by_hand(bomb + sheet_of("<c><v>1</v></c>"))
    )
    with pytest.raises(HostileDocumentError, match="document type"):
        rows(body)


def test_other_zip_files_are_named() -> None:
    """A zip of something else, a broken one, and one that is cut."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("statement.csv", "a,b")
    with pytest.raises(UnknownFormatError, match="no workbook"):
        rows(stream.getvalue())
    whole = workbook(["a"])
    for body in (whole[:-30], whole[:100], b"PK\x03\x04" + b"\x00" * 100):
        with pytest.raises(TruncatedDocumentError, match="cannot be read"):
            rows(body)


def test_parts_over_one_another_are_refused() -> None:
    """Two names for the same bytes: how a small zip gives many large files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("xl/workbook.xml", BOOK)
        archive.writestr("b", "x")
        archive.infolist()[1].header_offset = 0
    with pytest.raises(DocumentError):
        rows(stream.getvalue())
