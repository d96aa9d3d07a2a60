"""From lines to fields: one JSON object, or one row of CSV, as a mapping of names to what stands there."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from connectors.activities.names import COLUMNS, REQUIRED_FIELDS
from domain.errors import ClimateFitnessError, DocumentError, HostileDocumentError, NumberError, UnknownFormatError

MAX_LINE_SIZE = 16_384
"""Characters of one line; an honest one has about 200."""

Row: TypeAlias = Mapping[str, object]
"""Name to text, `Number`, true, false, None, or something that no field takes."""

MAX_BRACKET_COUNT = 200
"""Opening brackets of one line: fewer levels than any recursion limit, more than any text needs."""

_FORMULA_STARTS = ("=", "@", "+", "-", "\t", "\r")
_QUANTITY = "quantity"


class Number(str):
    """A JSON number in the very digits of its line."""

    __slots__ = ()


def json_rows(lines: Sequence[str]) -> Iterator[tuple[int, Row | DocumentError]]:
    """The object of every line that is not blank.

    Args:
        lines: Of the file.

    Yields:
        Line number from 1, and the object, or why there is none.
    """
    for number, line in enumerate(lines, 1):
        if line and not line.isspace():
            try:
                _check_line(line)
                yield number, _object(line)
            except ClimateFitnessError as error:
                yield number, in_line(error, number)


def csv_rows(lines: Sequence[str]) -> Iterator[tuple[int, Row | DocumentError]]:
    """The row of every line that is not blank, below a header.

    Args:
        lines: Of the file.

    Yields:
        Line number from 1, and the cells that are not empty by their column, or why there are none.

    Raises:
        UnknownFormatError: The header is missing, or names columns that are none.
    """
    head = next((number for number, line in enumerate(lines, 1) if line.strip()), 0)
    columns = _header(lines[head - 1])
    for number, line in enumerate(lines[head:], head + 1):
        if line and not line.isspace():
            try:
                _check_line(line)
                row = _row(columns, line)
            except ClimateFitnessError as error:
                yield number, in_line(error, number)
                continue
            if row:
                yield number, row


def in_line(error: ClimateFitnessError, number: int) -> DocumentError:
    """A refusal with the line that it is about."""
    where = f"line {number}, {error.record}" if error.record else f"line {number}"
    return DocumentError(
        error.message, expected=error.expected, got=error.got, record=where, next_step=error.next_step or "Correct this line."
    )


def _check_line(line: str) -> None:
    if len(line) > MAX_LINE_SIZE:
        raise HostileDocumentError(
            "This line is too long", expected=f"at most {MAX_LINE_SIZE} characters", got=f"{len(line)} characters"
        )
    if not line.isascii() and any("\ud800" <= c <= "\udfff" for c in line):
        raise DocumentError("This line is not UTF-8", expected="UTF-8", got=line[:60], next_step="Save the file as UTF-8.")


def _object(line: str) -> Row:
    if line.count("[") + line.count("{") > MAX_BRACKET_COUNT:
        raise HostileDocumentError("This line is nested too deeply", expected="one flat object", got="deep nesting")
    try:
        value = _DECODER.decode(line)
    except json.JSONDecodeError as error:
        raise DocumentError("This line is no JSON object", expected="one JSON object per line", got=str(error)) from error
    if not isinstance(value, dict):
        raise DocumentError("This line is no JSON object", expected="one JSON object per line", got=line[:60])
    return value


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise DocumentError("A name stands twice in this object", expected="each name once", got=twice)
    return found


def _no_constant(text: str) -> object:
    raise NumberError(expected="a plain decimal number such as 12 or -3.50", got=text)


_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_float=Number, parse_int=Number, parse_constant=_no_constant)


def _header(line: str) -> list[str]:
    columns = [cell.strip() for cell in _cells(line)]
    next_step = f"Begin the file with a line of field names, for example {','.join(('id', *REQUIRED_FIELDS, 'end', 'region'))}."
    if len(columns) == 1 and ";" in line:
        next_step = "Put commas between the cells, not semicolons."
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown:
        raise UnknownFormatError(
            "The first line is no header of ours",
            expected=f"names among {', '.join(sorted(COLUMNS))}",
            got=", ".join(unknown)[:120],
            record="line 1",
            next_step=next_step,
        )
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise UnknownFormatError("A column stands twice", expected="each column once", got=", ".join(twice), record="line 1")
    missing = [name for name in REQUIRED_FIELDS if name not in columns]
    if missing and {"id", "removed"} - set(columns):
        raise UnknownFormatError(
            "A column is missing", expected=", ".join(missing), got=", ".join(columns), record="line 1", next_step=next_step
        )
    return columns


def _row(columns: Sequence[str], line: str) -> Row:
    cells = _cells(line)
    if len(cells) != len(columns):
        raise DocumentError(
            "This line has another number of cells than the header",
            expected=f"{len(columns)} cells",
            got=f"{len(cells)} cells",
            next_step="Put text with a comma in quotation marks; use a point in numbers.",
        )
    row = {name: cell.strip() for name, cell in zip(columns, cells, strict=True) if cell}
    for name, cell in row.items():
        if cell.startswith(_FORMULA_STARTS) and (name != _QUANTITY or cell[0] in "=@"):
            raise HostileDocumentError(
                "This cell looks like a formula of a spreadsheet",
                expected="plain text",
                got=cell[:60],
                record=name,
                next_step="Write the value itself.",
            )
    return {name: cell for name, cell in row.items() if cell}


def _cells(line: str) -> list[str]:
    try:
        return next(csv.reader([line], strict=True))
    except csv.Error as error:
        raise DocumentError(
            "This line is no CSV",
            expected="cells with commas between them, each row on one line",
            got=str(error),
            next_step="Close every quotation mark on its line.",
        ) from error
