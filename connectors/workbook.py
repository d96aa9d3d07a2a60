"""Excel workbooks (.xlsx, ECMA-376): the rows of one sheet, read as a stream within limits.

A reader of our own, because these files come from strangers: a zip is read with a budget, XML without entities, and a formula
is no value. Only what rows need is read: names of sheets, the system of dates, shared strings, which styles are dates.
"""

import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation
from typing import IO

from lxml import etree

from domain.errors import DocumentError, DocumentTooLargeError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError
from domain.number import decimal_to_text

MAX_UNPACKED_SIZE = 200_000_000
"""Bytes of all parts of a workbook that are read, unpacked."""

MAX_RATIO = 100
"""Unpacked bytes per packed byte, where a part unpacks to more than `_HARMLESS_SIZE`."""

MAX_STRINGS_COUNT = 1_000_000
"""Shared strings of a workbook."""

MAX_TEXT_SIZE = 32_767
"""Characters of one cell: Excel's own limit."""

_HARMLESS_SIZE = 10_000_000
_MAX_PARTS_COUNT = 5_000
_SIGNIFICANT = Context(prec=15, rounding=ROUND_HALF_EVEN)
"""Excel keeps 15 digits; the file holds the nearest binary number with 17, so 12.3 may stand there as 12.300000000000001."""
_EPOCH_1900, _EPOCH_1904 = date(1899, 12, 30), date(1904, 1, 1)
_DATE_FORMATS = frozenset({*range(14, 18), 22, *range(27, 37), *range(50, 59)})
"""Number formats that are dates without saying how: ECMA-376 part 1, 18.8.30."""
_NOT_CODE = re.compile(r'"[^"]*"|\\.|_.|\*.|\[[^\]]*\]')
_COLUMN = re.compile(r"([A-Z]{1,3})[0-9]{0,7}\Z")
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?\Z")
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError, OSError)


class NumberCell(str):
    """A number, in plain decimal digits with a point whatever the language of the workbook."""

    __slots__ = ()


class DayCell(str):
    """A day, as `2024-03-01`."""

    __slots__ = ()


class FormulaCell(str):
    """A formula, which is no value: what it said last is not what it says next."""

    __slots__ = ()


def is_workbook(body: bytes) -> bool:
    """Whether a file looks like a workbook: a zip."""
    return body.startswith(b"PK\x03\x04")


def sheet_names(body: bytes) -> tuple[str, ...]:
    """Names of the sheets that are shown, in their order.

    Args:
        body: A workbook.

    Returns:
        At least one name.

    Raises:
        DocumentError: It is no workbook, or it has no sheet.
    """
    with _opened(body) as parts:
        return tuple(_book(parts).sheets)


def sheet_rows(
    body: bytes, sheet: str, *, most_rows_count: int, most_columns_count: int
) -> Iterator[tuple[int, list[str] | DocumentError]]:
    """The rows of one sheet that are not empty.

    Args:
        body: A workbook.
        sheet: Its name; the first that is shown where empty.
        most_rows_count: Rows that may come.
        most_columns_count: Columns that a row may have.

    Yields:
        Number of the row from 1, and its cells: text, `NumberCell`, `DayCell`, `FormulaCell`; empty text for an empty one.

    Raises:
        UnknownFormatError: It is no workbook, or it has no such sheet.
        TruncatedDocumentError: It is cut off or damaged.
        HostileDocumentError: It unpacks to far more than its size, or has a document type declaration.
        DocumentTooLargeError: It has more rows or columns, or unpacks to more than `MAX_UNPACKED_SIZE`.
    """
    with _opened(body) as parts:
        book = _book(parts)
        name = sheet or next(iter(book.sheets))
        if name not in book.sheets:
            raise UnknownFormatError(
                "This workbook has no such sheet", expected=f"one of {', '.join(book.sheets)}", got=sheet, record="sheet"
            )
        reading = _SheetReading(_strings(parts), _date_styles(parts), book.epoch, most_columns_count)
        for count, (number, cells) in enumerate(reading.rows(parts, book.sheets[name]), 1):
            if count > most_rows_count:
                raise DocumentTooLargeError(
                    expected=f"at most {most_rows_count} rows", got=f"more in sheet {name}", next_step="Send several files."
                )
            yield number, cells


class _Parts:
    """The parts of a workbook, each read as a stream out of one budget."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members = {one.filename.lstrip("/"): one for one in archive.infolist()}
        self._left_size = MAX_UNPACKED_SIZE

    def has(self, name: str) -> bool:
        """Whether there is such a part."""
        return name in self._members

    def elements(self, name: str, *tags: str) -> Iterator[etree._Element]:
        """Elements of a part that end, by local name; each is emptied when the next one is asked for.

        Raises:
            HostileDocumentError: It has a document type declaration.
        """
        member = self._members[name]
        with self._archive.open(member) as stream:
            bounded = _Bounded(stream, self, max(_HARMLESS_SIZE, member.compress_size * MAX_RATIO))
            wanted = [f"{{*}}{tag}" for tag in tags]
            events = etree.iterparse(
                bounded, events=("end",), tag=wanted, resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
            )
            is_first = True
            for _, element in events:
                if is_first and element.getroottree().docinfo.internalDTD is not None:
                    raise HostileDocumentError("This workbook declares a document type", expected="none", got="a DOCTYPE")
                is_first = False
                yield element
                element.clear()
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:
                    del parent[0]

    def take(self, size: int) -> None:
        """Take bytes out of the budget.

        Raises:
            DocumentTooLargeError: It is used up.
        """
        self._left_size -= size
        if self._left_size < 0:
            raise DocumentTooLargeError(
                expected=f"at most {MAX_UNPACKED_SIZE} bytes unpacked", got="more", next_step="Save the sheet as CSV, in parts."
            )


class _Bounded:
    """A stream that gives no more than it may."""

    def __init__(self, stream: IO[bytes], parts: _Parts, most_size: int) -> None:
        self._stream, self._parts, self._left_size, self._most_size = stream, parts, most_size, most_size

    def read(self, size: int = 65_536) -> bytes:
        """The next bytes.

        Raises:
            HostileDocumentError: The part unpacks to far more than its size.
        """
        chunk = self._stream.read(min(size, 65_536) if size > 0 else 65_536)
        self._left_size -= len(chunk)
        if self._left_size < 0:
            raise HostileDocumentError(
                "This workbook unpacks to far more than its size",
                expected=f"at most {MAX_RATIO} times its size",
                got=f"more than {self._most_size} bytes in one part",
                next_step="Save the sheet as CSV.",
            )
        self._parts.take(len(chunk))
        return chunk


@dataclass(frozen=True, slots=True)
class _Book:
    """Part names by sheet, in order, and the first day of its system of dates."""

    sheets: Mapping[str, str]
    epoch: date


@contextmanager
def _opened(body: bytes) -> Iterator[_Parts]:
    """The parts of a workbook.

    Raises:
        HostileDocumentError: Its parts lie over one another, or are too many.
        TruncatedDocumentError: It is cut off or damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            _check_parts(archive.infolist())
            yield _Parts(archive)
    except (*_DAMAGED, etree.XMLSyntaxError) as error:
        raise TruncatedDocumentError(
            "This workbook cannot be read",
            expected="a whole .xlsx file without password",
            got=str(error) or type(error).__name__,
            next_step="Open it and save it again as .xlsx, or save the sheet as CSV UTF-8.",
        ) from error


def _check_parts(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > _MAX_PARTS_COUNT:
        raise HostileDocumentError(expected=f"at most {_MAX_PARTS_COUNT} parts", got=f"{len(members)} parts")
    end = 0
    for one in sorted(members, key=lambda member: member.header_offset):
        if one.header_offset < end:
            raise HostileDocumentError(
                "Parts of this workbook lie over one another", expected="one after another", got=one.filename
            )
        end = one.header_offset + one.compress_size


def _book(parts: _Parts) -> _Book:
    if not parts.has("xl/workbook.xml"):
        raise UnknownFormatError(
            "This zip file is no workbook",
            expected="an Excel workbook (.xlsx)",
            got="a zip file without xl/workbook.xml",
            next_step="Unpack it, and give the file that is in it; save .ods and .xlsb as .xlsx.",
        )
    targets = {one.get("Id", ""): one.get("Target", "") for one in parts.elements("xl/_rels/workbook.xml.rels", "Relationship")}
    sheets: dict[str, str] = {}
    epoch = _EPOCH_1900
    for one in parts.elements("xl/workbook.xml", "workbookPr", "sheet"):
        if _local(one) == "workbookPr":
            epoch = _EPOCH_1904 if one.get("date1904") in {"1", "true"} else _EPOCH_1900
            continue
        relation = next((value for key, value in one.attrib.items() if str(key).rpartition("}")[2] == "id"), "")
        target = targets.get(str(relation), "")
        part = target.removeprefix("/") if target.startswith("/") else f"xl/{target}"
        if one.get("state", "visible") == "visible" and parts.has(part) and "worksheets/" in part:
            sheets[one.get("name", "")] = part
    if not sheets:
        raise UnknownFormatError("This workbook has no sheet that is shown", expected="a sheet with rows", got="none")
    return _Book(sheets, epoch)


def _strings(parts: _Parts) -> list[str]:
    found: list[str] = []
    if parts.has("xl/sharedStrings.xml"):
        for one in parts.elements("xl/sharedStrings.xml", "si"):
            found.append(_rich_text(one))
            if len(found) > MAX_STRINGS_COUNT:
                raise DocumentTooLargeError(expected=f"at most {MAX_STRINGS_COUNT} different texts", got="more")
    return found


def _rich_text(element: etree._Element) -> str:
    """All runs of a text, without the phonetic ones that help to pronounce it."""
    runs = [one.text or "" for one in element.iter("{*}t") if not any(_local(up) == "rPh" for up in one.iterancestors())]
    return "".join(runs)[:MAX_TEXT_SIZE]


def _local(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]  # `QName` raises on namespaces that are none


def _date_styles(parts: _Parts) -> frozenset[int]:
    """Positions of the cell styles that show a number as a day."""
    if not parts.has("xl/styles.xml"):
        return frozenset()
    codes: dict[int, str] = {}
    found: set[int] = set()
    for one in parts.elements("xl/styles.xml", "numFmt", "cellXfs"):
        if _local(one) == "numFmt":
            codes[int(one.get("numFmtId", "0"))] = one.get("formatCode", "")
            continue
        for index, style in enumerate(one.iterchildren("{*}xf")):
            format_id = int(style.get("numFmtId", "0"))
            code = codes.get(format_id)
            if (code is None and format_id in _DATE_FORMATS) or (code is not None and is_date_code(code)):
                found.add(index)
    return frozenset(found)


def is_date_code(code: str) -> bool:
    """Whether a number format shows a day: it has a year or a day outside of texts and brackets.

    Args:
        code: Such as `dd/mm/yyyy;@`.
    """
    return any(sign in "yYdD" for sign in _NOT_CODE.sub("", code)) and code.lower() != "standard"


class _SheetReading:
    """Cells of one sheet as they are meant."""

    def __init__(self, strings: list[str], date_styles: frozenset[int], epoch: date, most_columns_count: int) -> None:
        self._strings, self._date_styles, self._epoch = strings, date_styles, epoch
        self._most_columns_count = most_columns_count

    def rows(self, parts: _Parts, name: str) -> Iterator[tuple[int, list[str] | DocumentError]]:
        number = 0
        for row in parts.elements(name, "row"):
            number = int(row.get("r") or number + 1)
            cells: list[str] = []
            try:
                for cell in row.iterchildren("{*}c"):
                    index = self._column_index(cell.get("r"), len(cells))
                    cells.extend([""] * (index - len(cells)))
                    cells.append(self._cell(cell))
            except DocumentError as error:
                yield number, DocumentError(error.message, expected=error.expected, got=error.got, record=f"line {number}")
                continue
            if any(cells):
                yield number, cells

    def _column_index(self, reference: str | None, after: int) -> int:
        """Position of a cell from 0.

        Raises:
            DocumentError: Its reference is none, goes back, or lies too far to the right.
        """
        index = after
        if reference:
            found = _COLUMN.match(reference)
            index = -1
            for sign in found[1] if found else "":
                index = (index + 1) * 26 + ord(sign) - ord("A")
        if not after <= index < self._most_columns_count:
            raise DocumentError(
                "A cell stands where none can", expected=f"one of {self._most_columns_count} columns", got=reference or str(index)
            )
        return index

    def _cell(self, cell: etree._Element) -> str:
        value = formula = inline = None
        for child in cell:
            tag = _local(child) if isinstance(child.tag, str) else ""
            if tag == "v":
                value = child.text or ""
            elif tag == "f":
                formula = child.text or "shared formula"
            elif tag == "is":
                inline = _rich_text(child)
        kind = cell.get("t", "n")
        if formula is not None:
            return FormulaCell(f"={formula}"[:MAX_TEXT_SIZE])
        if kind == "inlineStr":
            return (inline or "").strip()
        if value is None:
            return ""
        return self._typed(kind, value, cell.get("s", "0"))

    def _typed(self, kind: str, value: str, style: str) -> str:
        if kind == "s":
            return self._string(value)
        if kind == "b":
            return "true" if value == "1" else "false"
        if kind == "e":
            return FormulaCell(value)
        return self._number(value, style) if kind == "n" else value.strip()

    def _string(self, value: str) -> str:
        index = int(value) if value.isascii() and value.isdigit() and len(value) < 9 else len(self._strings)  # noqa: PLR2004
        if index >= len(self._strings):
            raise DocumentError(
                "A cell names a text that the workbook has not", expected=f"below {len(self._strings)}", got=value
            )
        return self._strings[index].strip()

    def _number(self, value: str, style: str) -> str:
        if not _PLAIN_NUMBER.match(value):
            raise DocumentError("A cell is no number", expected="a number", got=value)
        try:
            number = _SIGNIFICANT.create_decimal(value)
        except InvalidOperation as error:
            raise DocumentError("A cell is no number", expected="a number", got=value) from error
        if abs(number.adjusted()) > 40 and number:  # noqa: PLR2004 - no amount is so large or so small
            raise DocumentError("A cell is no number that counts anything", expected="below 10^40", got=value)
        if style.isdigit() and int(style) in self._date_styles and 1 <= number < 2_900_000:  # noqa: PLR2004 - up to the year 9839
            return DayCell((self._epoch + timedelta(days=int(number))).isoformat())
        return NumberCell(decimal_to_text(Decimal(number)))
