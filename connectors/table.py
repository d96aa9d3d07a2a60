"""Tables in files: rows of cells, from CSV of any encoding and delimiter, or from one sheet of an Excel workbook.

What the cells mean is the business of `connectors.mapping`; this module only takes a file apart, within limits.
"""

import codecs
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from connectors.workbook import is_workbook, sheet_rows
from domain.errors import (
    DocumentError,
    DocumentTooLargeError,
    HostileDocumentError,
    InputError,
    TruncatedDocumentError,
    UnknownFormatError,
)

MAX_DOCUMENT_SIZE = 50_000_000
"""Bytes of one file: about 500,000 transactions, if `MAX_ROW_COUNT` did not come first."""

MAX_ROW_COUNT = 250_000
"""Lines of one file."""

MAX_LINE_SIZE = 100_000
"""Characters of one line; an honest one has some hundreds."""

MAX_COLUMN_COUNT = 500
"""Cells of one row."""

MAX_ROW_LINES_COUNT = 50
"""Lines that one row may go over, where a cell in quotation marks holds line ends."""

DELIMITERS = (",", ";", "\t", "|")
"""What can stand between the cells of CSV."""

ENCODINGS = {
    "utf-8": "utf-8",
    "utf-16": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32": "utf-32",
    "windows-1252": "cp1252",
    "windows-1250": "cp1250",
    "windows-1251": "cp1251",
    "iso-8859-1": "latin-1",
    "iso-8859-2": "iso8859-2",
    "iso-8859-15": "iso8859-15",
    "cp437": "cp437",
    "cp850": "cp850",
    "shift_jis": "cp932",
    "gb18030": "gb18030",
}
"""Names of encodings that a file can be in, and Python's codecs for them."""

_BOMS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark is its beginning
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKS = (
    (b"%PDF", "a PDF file"),
    (b"\xd0\xcf\x11\xe0", "an old Excel file (.xls), or a workbook with a password"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x1f\x8b", "a gzip file"),
    (b"<", "XML or HTML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)
_SEP_LINE = "sep="
_SAMPLE_SIZE = 4096


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is taken apart.

    Attributes:
        encoding: One of `ENCODINGS`; says nothing of a workbook.
        delimiter: One of `DELIMITERS`; says nothing of a workbook.
        sheet: Name of the sheet of a workbook; the first that is shown where empty.
    """

    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str = ""


Rows = Iterator[tuple[int, list[str] | DocumentError]]
"""Number of the line (of the row in a workbook) from 1, and its cells without the spaces around them, or why there are none."""


def table_rows(body: bytes, layout: Layout) -> Rows:
    """The rows of a table that are not empty.

    Args:
        body: CSV, or a workbook (.xlsx).
        layout: How it is taken apart.

    Yields:
        Each row; those of workbooks have cells of the types of `connectors.workbook`.

    Raises:
        DocumentTooLargeError: More than `MAX_DOCUMENT_SIZE` bytes or `MAX_ROW_COUNT` rows.
        UnknownFormatError: It is no table, or not in this encoding; or the workbook has no such sheet.
        TruncatedDocumentError: It is empty, or a workbook that is cut off.
        HostileDocumentError: A workbook that unpacks to far more than its size.
    """
    if len(body) > MAX_DOCUMENT_SIZE:
        raise DocumentTooLargeError(
            expected=f"at most {MAX_DOCUMENT_SIZE} bytes", got=f"{len(body)} bytes", next_step="Send several files."
        )
    if is_workbook(body):
        return sheet_rows(body, layout.sheet, most_rows_count=MAX_ROW_COUNT, most_columns_count=MAX_COLUMN_COUNT)
    return _csv_rows(_lines(body, layout.encoding), layout.delimiter)


def csv_layout(body: bytes) -> tuple[Layout, bool]:
    """Encoding and delimiter as the bytes show them, and whether the encoding is certain.

    Args:
        body: CSV.

    Returns:
        The layout; an encoding is certain by its mark or because the bytes are right UTF-8.

    Raises:
        DocumentError: It is no table.
    """
    encoding, is_certain = encoding_of(body)
    lines = _lines(body[:2_000_000], encoding, is_cut=len(body) > 2_000_000)  # noqa: PLR2004 - a sample
    return Layout(encoding, _delimiter(lines)), is_certain


def encoding_of(body: bytes) -> tuple[str, bool]:
    """Name of the encoding that the bytes are in, and whether that is certain.

    Args:
        body: Text.

    Returns:
        By byte order mark, or by zeros in every other byte, or UTF-8 where the bytes are right UTF-8; else Windows-1252, as a
        guess.
    """
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name, True
    start = body[:_SAMPLE_SIZE]
    zeros_even, zeros_odd = start[::2].count(0), start[1::2].count(0)
    if zeros_odd > len(start) // 4 and not zeros_even:
        return "utf-16-le", True
    if zeros_even > len(start) // 4 and not zeros_odd:
        return "utf-16-be", True
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252", False
    return "utf-8", True


def text_of(body: bytes, encoding: str) -> str:
    """The text of a file, its line ends as LF, without byte order mark.

    Args:
        body: The file.
        encoding: One of `ENCODINGS`.

    Returns:
        The text; of eight-bit encodings, bytes that mean nothing are lone surrogates in it.

    Raises:
        UnknownFormatError: It is not in this encoding.
    """
    try:
        name = ENCODINGS[encoding]
        if name == "utf-8":
            text = body.removeprefix(codecs.BOM_UTF8).decode(name, "surrogateescape")
        elif name.startswith("utf"):
            text = body.decode(name).removeprefix("\ufeff")
        else:
            text = body.decode(name, "surrogateescape")
    except (UnicodeDecodeError, KeyError) as error:
        raise UnknownFormatError(
            "This file is not in the encoding that is said",
            expected=encoding if encoding in ENCODINGS else f"one of {', '.join(ENCODINGS)}",
            got=str(error),
            next_step="Save it as UTF-8 (in Excel: CSV UTF-8).",
        ) from error
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def _lines(body: bytes, encoding: str, *, is_cut: bool = False) -> list[str]:
    _check_looks(body)
    text = text_of(body, encoding) if not is_cut or encoding.startswith("utf-8") else _cut_text(body, encoding)
    if not text or text.isspace():
        raise TruncatedDocumentError("This file is empty", expected="a table", got=f"{len(body)} bytes")
    if "\x00" in text[:_SAMPLE_SIZE]:
        raise UnknownFormatError("This is not text", expected="a table (CSV or .xlsx)", got="bytes of zero")
    lines_count = text.count("\n")
    if lines_count > MAX_ROW_COUNT:
        raise DocumentTooLargeError(
            expected=f"at most {MAX_ROW_COUNT} lines", got=f"{lines_count} line ends", next_step="Send several files."
        )
    lines = text.split("\n")
    return lines[:-1] if is_cut else lines


def _cut_text(body: bytes, encoding: str) -> str:
    """Text of the beginning of a file, whose last sign may be cut."""
    decoder = codecs.getincrementaldecoder(ENCODINGS[encoding])("replace")
    return decoder.decode(body).replace("\r\n", "\n").replace("\r", "\n")


def _check_looks(body: bytes) -> None:
    start = body[:_SAMPLE_SIZE].removeprefix(codecs.BOM_UTF8).lstrip()
    for mark, name in _LOOKS:
        if start.startswith(mark):
            raise UnknownFormatError(
                "This is no table",
                expected="a table (CSV or .xlsx)",
                got=f"what looks like {name}",
                next_step="Save it as a workbook (.xlsx), or as CSV UTF-8.",
            )


def _delimiter(lines: list[str]) -> str:
    """What stands between the cells: of several, what makes most rows with most cells alike."""
    if lines[0].lower().startswith(_SEP_LINE) and lines[0][4:5] in DELIMITERS:
        return lines[0][4]
    best, best_score = ",", 0
    for delimiter in DELIMITERS:
        counts: dict[int, int] = {}
        for _, cells in islice(_csv_rows(lines[:300], delimiter), 100):
            if isinstance(cells, list):
                counts[len(cells)] = counts.get(len(cells), 0) + 1
        score = max(((count - 1) * rows for count, rows in counts.items()), default=0)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _csv_rows(lines: list[str], delimiter: str) -> Rows:
    index = 1 if lines[0].lower().startswith(_SEP_LINE) and len(lines[0].strip()) <= len(_SEP_LINE) + 1 else 0
    while index < len(lines):
        line, number = lines[index], index + 1
        index += 1
        if not line or line.isspace():
            continue
        try:
            if '"' not in line:
                cells = _checked(line).split(delimiter)
            else:
                cells, used_count = _quoted(lines, index - 1, delimiter)
                index += used_count - 1
            if len(cells) > MAX_COLUMN_COUNT:
                raise HostileDocumentError(expected=f"at most {MAX_COLUMN_COUNT} cells", got=f"{len(cells)} cells")
        except InputError as error:
            yield number, at_row(error, number)
            continue
        cells = [cell.strip() for cell in cells]
        if any(cells):
            yield number, cells


def at_row(error: InputError, number: int) -> DocumentError:
    """A refusal with the row that it is about.

    Args:
        error: What was refused.
        number: Line, or row of a workbook, from 1.
    """
    where = f"line {number}, {error.record}" if error.record else f"line {number}"
    return DocumentError(
        error.message, expected=error.expected, got=error.got, record=where, next_step=error.next_step or "Correct this line."
    )


def _checked(line: str) -> str:
    if len(line) > MAX_LINE_SIZE:
        raise HostileDocumentError(
            "This line is too long", expected=f"at most {MAX_LINE_SIZE} characters", got=f"{len(line)} characters"
        )
    if not line.isascii() and any("\ud800" <= sign <= "\udfff" for sign in line):
        raise DocumentError(
            "This line is not in the encoding of the file",
            expected="text",
            got=line[:60],
            next_step="Say the encoding, for example windows-1252, or save the file as UTF-8.",
        )
    return line


def _quoted(lines: list[str], index: int, delimiter: str) -> tuple[list[str], int]:
    """The cells of a row with quotation marks, and how many lines it goes over.

    Raises:
        DocumentError: A quotation mark is not closed within `MAX_ROW_LINES_COUNT` lines, or stands where none can.
    """
    fed = (f"{_checked(line)}\n" for line in lines[index : index + MAX_ROW_LINES_COUNT])
    reader = csv.reader(fed, delimiter=delimiter, strict=True)
    try:
        return next(reader), reader.line_num
    except (csv.Error, StopIteration) as error:
        raise DocumentError(
            "This line is no CSV",
            expected=f"quotation marks that are closed within {MAX_ROW_LINES_COUNT} lines",
            got=str(error),
            next_step="Close every quotation mark; write one inside a cell twice.",
        ) from error
