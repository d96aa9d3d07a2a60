"""What the columns of a table mean: which is the day, which the amount, how numbers and days are written. A mapping is data.

A mapping travels before the file, in the document's context line (`connectors.context`), so that the same bytes are read the same
way by anybody, years later:

    #cf-context/1 {"mapping":{"columns":{"amount":["Betrag"],"date":["Buchungstag"]},"constants":{"currency":"EUR"}, ...}}

Nothing is guessed here: `connectors.guess` proposes a mapping, and the person says yes to it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from itertools import chain
from typing import NoReturn

from connectors.context import MAX_CONTEXT_BYTES, PREFIX, framed, unframed
from connectors.table import DELIMITERS, ENCODINGS, Layout, Rows, at_row, table_rows
from connectors.workbook import DayCell, FormulaCell, NumberCell
from domain.canonical import Json
from domain.errors import DocumentError, HostileDocumentError, InputError, NumberError, TimeError, UnknownFormatError
from domain.period import EARLIEST_YEAR, date_from_text
from domain.units import CURRENCIES

FORMAT = "climate-fitness/mapping/1"
"""Name and version of a mapping's layout."""

CONTEXT_NAME = "mapping"
"""Name of the mapping in a document's context."""

MAX_HEADER_ROW = 200
"""Rows that may stand above the header."""

_MAX_TEXT_SIZE = 200
_MAX_NAMES_COUNT = 100


class DateOrder(StrEnum):
    """In which order a day is written; `2024-03-01` is understood in each."""

    YMD = "ymd"
    DMY = "dmy"
    MDY = "mdy"


class Decimals(StrEnum):
    """What stands before the cents."""

    POINT = "."
    COMMA = ","


class Sign(StrEnum):
    """Which amounts are money spent."""

    SPENT_NEGATIVE = "spent_negative"
    SPENT_POSITIVE = "spent_positive"


@dataclass(frozen=True, slots=True)
class TableMapping:
    """What the columns of a table mean.

    Attributes:
        columns: Field to its columns: header texts, or positions from 1 where the table has no header. Several columns of a text
            field are read one after the other.
        constants: Field to the value that every row has.
        values: Field to what its cells mean: `{"kind": {"Bahn": "rail"}}`, in JSON `{"kind": [["Bahn", "rail"]]}`.
        layout: How the file is taken apart.
        header_row: Line of the header from 1; 0 where there is none.
        decimals: What stands before the cents; cells of workbooks that are numbers need it not.
        date_order: Order of days.
        sign: Which amounts are money spent.
        end_is_included: Whether the day of the field `end` is the last one of an activity, not the one after it.
        merchants: Name of a merchant, as `connectors.spend.merchant_name` writes it, to the code that the person gave it; in JSON
            pairs, and left out where there is none.
    """

    columns: Mapping[str, tuple[str | int, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layout: Layout = field(default_factory=Layout)
    header_row: int = 1
    decimals: Decimals = Decimals.POINT
    date_order: DateOrder = DateOrder.YMD
    sign: Sign = Sign.SPENT_NEGATIVE
    end_is_included: bool = False
    merchants: Mapping[str, str] = field(default_factory=dict)

    def has(self, name: str) -> bool:
        """Whether a field has a column or a constant."""
        return name in self.columns or name in self.constants

    def to_json(self) -> dict[str, Json]:
        """As it stands in a document's context: the inverse of `mapping_from_json`."""
        return {
            "format": FORMAT,
            "columns": {name: list(columns) for name, columns in self.columns.items()},
            "constants": dict(self.constants),
            "values": {name: [list(pair) for pair in meanings.items()] for name, meanings in self.values.items()},
            "encoding": self.layout.encoding,
            "delimiter": self.layout.delimiter,
            "sheet": self.layout.sheet,
            "header_row": self.header_row,
            "decimals": self.decimals.value,
            "date_order": self.date_order.value,
            "sign": self.sign.value,
            "end_is_included": self.end_is_included,
            **({"merchants": [list(pair) for pair in self.merchants.items()]} if self.merchants else {}),
        }


_NAMES = frozenset(TableMapping(merchants={"a": "5411"}).to_json())
_CODE = re.compile(r"[0-9]{4}\Z")


def mapping_from_json(value: object, fields: frozenset[str] | None) -> TableMapping:
    """The mapping that JSON says, strictly.

    Args:
        value: As `TableMapping.to_json` makes it; what is left out is as in an empty mapping.
        fields: Names of the fields that a connector knows; any where None.

    Returns:
        The mapping.

    Raises:
        DocumentError: It has a name, a type or a value that no mapping has.
    """
    given = _object(value, "mapping")
    for name in given:
        if name not in _NAMES:
            _refuse(f"one of {', '.join(sorted(_NAMES))}", name, "mapping")
    if given.get("format", FORMAT) != FORMAT:
        _refuse(FORMAT, given["format"], "format")
    header_row = given.get("header_row", 1)
    if type(header_row) is not int or not 0 <= header_row <= MAX_HEADER_ROW:
        _refuse(f"a line from 0 (none) to {MAX_HEADER_ROW}", header_row, "header_row")
    end_is_included = given.get("end_is_included", False)
    if type(end_is_included) is not bool:
        _refuse("true or false", end_is_included, "end_is_included")
    columns = {
        _field(name, fields, "columns"): _columns(name, one) for name, one in _object(given.get("columns", {}), "columns").items()
    }
    return TableMapping(
        columns=columns,
        constants=_texts(given.get("constants", {}), "constants", fields),
        values={
            _field(name, fields, "values"): _meanings(name, one)
            for name, one in _object(given.get("values", {}), "values").items()
        },
        layout=Layout(
            encoding=_choice(given.get("encoding", "utf-8"), ENCODINGS, "encoding"),
            delimiter=_choice(given.get("delimiter", ","), DELIMITERS, "delimiter"),
            sheet=_text(given.get("sheet", ""), "sheet"),
        ),
        header_row=header_row,
        decimals=Decimals(_choice(given.get("decimals", "."), list(Decimals), "decimals")),
        date_order=DateOrder(_choice(given.get("date_order", "ymd"), list(DateOrder), "date_order")),
        sign=Sign(_choice(given.get("sign", "spent_negative"), list(Sign), "sign")),
        end_is_included=end_is_included,
        merchants=_merchants(given.get("merchants", [])),
    )


def with_mapping(body: bytes, mapping: TableMapping) -> bytes:
    """A file with its mapping before it: what the archive keeps and `parse` reads.

    Args:
        body: The file as it came.
        mapping: What its columns mean.

    Returns:
        The framed bytes.

    Raises:
        DocumentError: The mapping is too large for a context.
    """
    document = framed({CONTEXT_NAME: mapping.to_json()}, body)
    size = len(document) - len(body) - len(PREFIX)
    if size > MAX_CONTEXT_BYTES:
        raise DocumentError(
            "This mapping is too large", expected=f"at most {MAX_CONTEXT_BYTES} bytes", got=f"{size} bytes", record="mapping"
        )
    return document


def mapping_and_file(body: bytes, fields: frozenset[str]) -> tuple[TableMapping | None, bytes]:
    """The inverse of `with_mapping`.

    Args:
        body: A file, with or without its mapping.
        fields: Names of the fields that a connector knows.

    Returns:
        The mapping, None where there is none; and the file as it came.

    Raises:
        DocumentError: What stands before the file is no mapping.
    """
    context, rest = unframed(body)
    if CONTEXT_NAME not in context:
        return None, rest
    return mapping_from_json(context[CONTEXT_NAME], fields), rest


MappedRow = Mapping[str, str]
"""Field to what a row says of it: constants, and cells that are not empty; amounts and days are not understood yet."""


class MappedTable:
    """The rows of a table, by the fields of its mapping.

    Args:
        body: The file.
        mapping: What its columns mean.

    Raises:
        DocumentError: The file is no table, or its header lacks a column of the mapping.
    """

    def __init__(self, body: bytes, mapping: TableMapping) -> None:
        self._mapping = mapping
        self._rows: Rows = table_rows(body, mapping.layout)
        header = self._header()
        self._indices = {name: _indices(columns, header, name) for name, columns in mapping.columns.items()}
        self._width = max((index + 1 for indices in self._indices.values() for index in indices), default=0)

    def _header(self) -> list[str]:
        line = self._mapping.header_row
        if not line:
            return []
        for number, cells in self._rows:
            if number >= line:
                if number == line and isinstance(cells, list):
                    return cells
                break
        raise UnknownFormatError(
            "There is no header where the mapping says",
            expected=f"names of columns in line {line}",
            got="none",
            record=f"line {line}",
        )

    def rows(self) -> Iterator[tuple[int, MappedRow | DocumentError]]:
        """Line number from 1 and the row, or why there is none; rows without any cell of the mapping are left out."""
        return chain.from_iterable(map(self._row, self._rows))

    def _row(self, numbered: tuple[int, list[str] | DocumentError]) -> Sequence[tuple[int, MappedRow | DocumentError]]:
        number, cells = numbered
        if isinstance(cells, DocumentError):
            return ((number, cells),)
        found: dict[str, str] = {}
        values = self._mapping.values
        try:
            for name, indices in self._indices.items():
                said = [_literal(cells[index], name) for index in indices if index < len(cells) and cells[index]]
                if said:
                    text = said[0] if len(said) == 1 else " ".join(said)
                    found[name] = values[name].get(text, text) if name in values else text
        except InputError as error:
            return ((number, at_row(error, number)),)
        if not found:
            return ()
        return ((number, {**self._mapping.constants, **found} if self._mapping.constants else found),)


_FORMULA = re.compile(r"=|@[A-Za-z.]{1,30}\(")
_QUOTED_LITERAL = re.compile(r'="([^"]*)"\Z')


def _literal(cell: str, name: str) -> str:
    """What a cell says; `="0012"`, by which programs keep the zeros of a text, is that text.

    Raises:
        HostileDocumentError: It is a formula.
    """
    is_formula = isinstance(cell, FormulaCell)
    if not is_formula and not _FORMULA.match(cell):
        return cell
    literal = None if is_formula else _QUOTED_LITERAL.match(cell)
    if literal:
        return literal[1].strip()
    raise HostileDocumentError(
        "This cell is a formula of a spreadsheet, not a value",
        expected="a plain value",
        got=cell[:60],
        record=name,
        next_step="In the spreadsheet copy the cells and paste them as values.",
    )


def _indices(columns: Sequence[str | int], header: list[str], name: str) -> tuple[int, ...]:
    found = []
    for column in columns:
        if isinstance(column, int):
            found.append(column - 1)
            continue
        if header.count(column) != 1:
            raise UnknownFormatError(
                "A column of the mapping is not in this file" if column not in header else "A column stands twice in this file",
                expected=f"the column {column!r} once, for {name}",
                got=", ".join(header)[:150],
                record="header",
                next_step="Look at the file with `climate-fitness preview` and map it anew.",
            )
        found.append(header.index(column))
    return tuple(found)


# --- Numbers -----------------------------------------------------------------------------------------------------------------

_PLAIN = {
    Decimals.POINT: re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,10})?\Z"),
    Decimals.COMMA: re.compile(r"-?[0-9]{1,15}(?:,[0-9]{1,10})?\Z"),
}
_SIGNS = {"€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₪": "ILS", "₺": "TRY", "zł": "PLN", "Kč": "CZK"}
_LOOSE_SIGNS = ("US$", "CA$", "A$", "$", "¥", "kr.", "kr", "Fr.", "R$")  # of several currencies: they say nothing certain
_CURRENCY_END = re.compile(r"(?:^([A-Z]{3})[ ]?(?=[-+(0-9.,])|(?<=[0-9).,-])[ ]?([A-Z]{3})$)")
_SPACES = re.compile(r"[\s\u00a0\u202f\u2009]+")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([ .,'’])[0-9]{3})(?:\1[0-9]{3})*\Z")
_DIGITS = re.compile(r"[0-9]{1,30}\Z")


def plain_number(cell: str, decimals: Decimals, *, record: str) -> tuple[str, str]:
    """A number as plain decimal text, and the currency that stands beside it.

    Args:
        cell: As people write amounts: `1.234,56`, `(12.50)`, `12.50-`, `EUR 5`, `1 234`.
        decimals: What stands before the cents.
        record: Which field it is, for the message.

    Returns:
        `-1234.56`, and a currency or empty text.

    Raises:
        NumberError: It is no number, or its groups of thousands are not threes.
    """
    if isinstance(cell, NumberCell):
        return str(cell), ""
    if _PLAIN[decimals].match(cell):
        return cell.replace(",", "."), ""
    text = _SPACES.sub(" ", cell.replace("−", "-").replace("–", "-")).strip()
    text, currency = _without_currency(text)
    text, is_negative = _without_sign(text)
    if not currency:
        text, currency = _without_currency(text)  # -$5
    whole, mark, cents = text.rpartition(decimals)
    if not mark:
        whole, cents = text, ""
    grouped = _GROUPED.match(whole) if whole else None
    if grouped and grouped[1] != decimals.value:
        whole = whole.replace(grouped[1], "")
    if not (whole or cents) or (whole and not _DIGITS.match(whole)) or (cents and not _DIGITS.match(cents)):
        raise NumberError(
            "This is no number",
            expected=f"a number with a {'comma' if decimals is Decimals.COMMA else 'point'} before the cents, such as "
            f"{'1.234,56' if decimals is Decimals.COMMA else '1,234.56'}",
            got=cell,
            record=record,
            next_step="Correct the cell, or say in the mapping what stands before the cents.",
        )
    number = f"{whole or '0'}.{cents}" if cents else whole
    return f"-{number}" if is_negative else number, currency


def _without_currency(text: str) -> tuple[str, str]:
    found = _CURRENCY_END.search(text)
    if found and (found[1] or found[2]) in CURRENCIES:
        return (text[: found.start()] + text[found.end() :]).strip(), found[1] or found[2]
    for sign, currency in _SIGNS.items():
        if sign in text:
            return text.replace(sign, "", 1).strip(), currency
    for sign in _LOOSE_SIGNS:
        if text.startswith(sign) or text.endswith(sign) or f"-{sign}" in text:
            return text.replace(sign, "", 1).strip(), ""
    return text, ""


def _without_sign(text: str) -> tuple[str, bool]:
    """The digits, and whether they are below zero: `-5`, `5-`, `(5)`."""
    if text.startswith("(") and text.endswith(")"):
        return text[1:-1].strip(), True
    if text.startswith("-"):
        return text[1:].strip(), True
    if text.endswith("-"):
        return text[:-1].strip(), True
    return text.removeprefix("+").strip(), False


# --- Days --------------------------------------------------------------------------------------------------------------------

_TIME = (
    r"(?:[T ,]+[0-9]{1,2}[:.][0-9]{2}(?:[:.][0-9]{2}(?:[.,][0-9]{1,9})?)?"
    r"(?: ?[AaPp][Mm])?(?: ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?\Z"
)
_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})" + _TIME)
_COMPACT = re.compile(r"((?:19|20)[0-9]{2})(0[1-9]|1[0-2])([0-3][0-9])\Z")
_THREE = re.compile(r"([0-9]{1,2})[-/. ]{1,2}([0-9]{1,2})[-/.' ]{1,2}([0-9]{4}|[0-9]{2})" + _TIME)
_DAY_MONTH = re.compile(r"([0-9]{1,2})[-/. ]{1,2}(?:de )?([^\W\d_]{3,12})\.?[-/. ,]{1,2}(?:de )?([0-9]{4}|[0-9]{2})" + _TIME)
_MONTH_DAY = re.compile(r"([^\W\d_]{3,12})\.? ([0-9]{1,2}),? ([0-9]{4})" + _TIME)
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january januar jänner janvier januari enero ene gennaio gen",
            "feb february februar février fév févr februari febrero febbraio",
            "mar march märz mär mrz mars maart mrt marzo",
            "apr april avril avr abril abr aprile",
            "may mai mei mayo maggio mag",
            "jun june juni juin junio giugno giu",
            "jul july juli juillet juil julio luglio lug",
            "aug august août aoû augustus agosto ago",
            "sep sept september septembre septiembre settembre set",
            "oct october oktober okt octobre octubre ottobre ott",
            "nov november novembre noviembre",
            "dec december dezember dez décembre déc diciembre dic dicembre",
        ),
        1,
    )
    for name in names.split()
}
_PIVOT = EARLIEST_YEAR % 100
_CENTURY = 100


def orders_of(cell: str) -> frozenset[DateOrder]:
    """The orders in which a day of three numbers can be read; empty where the cell is no such day, or one in no order.

    Args:
        cell: Such as `03/04/2024`. That two digits at the beginning are the year is taken only where they are no day.
    """
    if not is_numbers(cell):
        return frozenset()
    fitting = {order for order in (DateOrder.DMY, DateOrder.MDY) if _is_real(cell, order)}
    return frozenset(fitting or {order for order in (DateOrder.YMD,) if _is_real(cell, order)})


def is_numbers(cell: str) -> bool:
    """Whether a cell looks like a day of three numbers whose order only the mapping can say."""
    return not isinstance(cell, DayCell) and _THREE.match(cell) is not None


def _is_real(cell: str, order: DateOrder) -> bool:
    try:
        _day_of(cell, order, "")
    except TimeError:
        return False
    return True


def is_day(cell: str) -> bool:
    """Whether a cell looks like a day of any order."""
    if isinstance(cell, DayCell):
        return True
    if not 6 <= len(cell) <= 40 or isinstance(cell, NumberCell):  # noqa: PLR2004 - 1.1.24, and a day with a time and zone
        return False
    if _ISO.match(cell) or _THREE.match(cell) or _COMPACT.match(cell):
        return True
    named = _DAY_MONTH.match(cell)
    if named and named[2].casefold() in _MONTHS:
        return True
    first = _MONTH_DAY.match(cell)
    return first is not None and first[1].casefold() in _MONTHS


def day_of(cell: str, order: DateOrder, *, record: str) -> str:
    """The day of a cell, as `2024-03-01`; a time of day is left away.

    Args:
        cell: A day in the order of the mapping, with the year first, or with the name of its month.
        order: What the mapping says.
        record: Which field it is, for the message.

    Returns:
        ISO 8601. Two digits of a year are those from 1990 to 2089.

    Raises:
        TimeError: It is no day of this order.
    """
    return str(cell) if isinstance(cell, DayCell) else _day_of(cell, order, record)


@lru_cache(maxsize=16_384)
def _day_of(cell: str, order: DateOrder, record: str) -> str:
    parts = _day_parts(cell, order)
    if parts:
        year, month, day = parts
        try:
            return date_from_text(date(year, month, day).isoformat(), record=record).isoformat()
        except ValueError:
            pass
    raise TimeError(
        "This is no day",
        expected={
            DateOrder.YMD: "year, month, day, such as 2024-03-01",
            DateOrder.DMY: "day, month, year, such as 31.03.2024",
            DateOrder.MDY: "month, day, year, such as 03/31/2024",
        }[order],
        got=cell,
        record=record,
        next_step="Correct the cell, or say the order of days in the mapping.",
    )


def _day_parts(cell: str, order: DateOrder) -> tuple[int, int, int] | None:
    """Year, month and day."""
    text = " ".join(cell.split())
    found = _ISO.match(text) or _COMPACT.match(text)
    if found:
        return int(found[1]), int(found[2]), int(found[3])
    found = _THREE.match(text)
    if found:
        first, second = int(found[1]), int(found[2])
        if order is DateOrder.YMD:
            return (_year(found[1]), second, int(found[3])) if len(found[1]) == len(found[3]) == 2 else None  # noqa: PLR2004
        return (_year(found[3]), second, first) if order is DateOrder.DMY else (_year(found[3]), first, second)
    found = _DAY_MONTH.match(text)
    if found and found[2].casefold() in _MONTHS:
        return _year(found[3]), _MONTHS[found[2].casefold()], int(found[1])
    found = _MONTH_DAY.match(text)
    if found and found[1].casefold() in _MONTHS:
        return int(found[3]), _MONTHS[found[1].casefold()], int(found[2])
    return None


def _year(digits: str) -> int:
    number = int(digits)
    if len(digits) > 2:  # noqa: PLR2004 - all of it is written
        return number
    return 1900 + number if number >= _PIVOT else 2000 + number


# --- A mapping from JSON -----------------------------------------------------------------------------------------------------


def changed(mapping: TableMapping, given: Mapping[str, Json], fields: frozenset[str]) -> TableMapping:
    """A mapping with some of its values said anew: what a person answers to a guess.

    Args:
        mapping: As it was.
        given: As in `TableMapping.to_json`; `columns`, `constants` and `values` field by field, null takes one away.
        fields: Names of the fields that a connector knows.

    Returns:
        The mapping.

    Raises:
        DocumentError: A name, a type or a value is none.
    """
    base = mapping.to_json()
    for name, value in given.items():
        before = base.get(name)
        if name == "merchants":
            base[name] = [*_pairs(before), *_pairs(value)]
        elif isinstance(before, dict) and isinstance(value, dict):
            merged: dict[str, Json] = {**before, **value}
            if name == "values":
                merged = {
                    one: None if meant is None else [*_pairs(before.get(one)), *_pairs(meant)] for one, meant in merged.items()
                }
            base[name] = {one: meant for one, meant in merged.items() if meant is not None}
        else:
            base[name] = value
    found = mapping_from_json(base, fields)
    both = found.columns.keys() & found.constants.keys()
    said = given.get("columns")
    columns_win = said.keys() if isinstance(said, dict) else frozenset()
    constants = {name: value for name, value in found.constants.items() if name not in both or name not in columns_win}
    columns = {name: value for name, value in found.columns.items() if name not in both or name in columns_win}
    return replace(found, columns=columns, constants=constants)


def _refuse(expected: str, got: object, record: str) -> NoReturn:
    raise DocumentError(
        "This mapping cannot be used", expected=expected, got=str(got), record=record, next_step="Correct the mapping."
    )


def _object(value: object, record: str) -> dict[str, object]:
    if not isinstance(value, dict) or len(value) > _MAX_NAMES_COUNT or not all(isinstance(name, str) for name in value):
        _refuse("an object of names and values", type(value).__name__, record)
    return value


def _text(value: object, record: str) -> str:
    if not isinstance(value, str) or len(value) > _MAX_TEXT_SIZE or any("\ud800" <= sign <= "\udfff" for sign in value):
        _refuse(f"text of at most {_MAX_TEXT_SIZE} characters", value, record)
    return value


def _texts(value: object, record: str, fields: frozenset[str] | None) -> dict[str, str]:
    return {_field(name, fields, record): _text(one, f"{record}, {name}") for name, one in _object(value, record).items()}


def _meanings(name: str, value: object) -> dict[str, str]:
    """What the cells of a field mean, as pairs of texts, since canonical JSON has names in ASCII only; an object does, too."""
    record = f"values of {name}"
    pairs = list(value.items()) if isinstance(value, dict) else value
    if not isinstance(pairs, list) or len(pairs) > _MAX_NAMES_COUNT:
        _refuse(f"at most {_MAX_NAMES_COUNT} pairs of a cell and its meaning", type(value).__name__, record)
    found = {}
    for pair in pairs:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2:  # noqa: PLR2004 - a pair
            _refuse("a pair of a cell and its meaning", pair, record)
        found[_text(pair[0], record)] = _text(pair[1], f"{record}, {pair[0]}")
    return found


def _merchants(value: object) -> dict[str, str]:
    found = _meanings("merchants", value)
    for name, code in found.items():
        if not _CODE.match(code) or not code.isascii():
            _refuse("a merchant category code of four digits", code, f"merchants, {name}")
    return found


def _pairs(value: Json) -> list[Json]:
    """Meanings as pairs."""
    if isinstance(value, dict):
        return [[cell, meaning] for cell, meaning in value.items()]
    return list(value) if isinstance(value, list) else []


def _field(name: str, fields: frozenset[str] | None, record: str) -> str:
    if fields is not None and name not in fields:
        close = get_close_matches(name, fields, n=4, cutoff=0.5)
        _refuse(f"one of {', '.join(close or sorted(fields))}", name, record)
    return name


def _columns(name: str, value: object) -> tuple[str | int, ...]:
    listed = value if isinstance(value, list) else [value]
    if not 1 <= len(listed) <= 10:  # noqa: PLR2004 - more columns of one text make no sense
        _refuse("one to ten columns", len(listed), f"columns, {name}")
    found: list[str | int] = []
    for one in listed:
        if type(one) is int and 1 <= one <= 500:  # noqa: PLR2004 - `table.MAX_COLUMN_COUNT`
            found.append(one)
        else:
            found.append(_text(one, f"columns, {name}"))
    return tuple(found)


def _choice(value: object, choices: object, record: str) -> str:
    known = [str(one) for one in choices] if isinstance(choices, (list, tuple, dict)) else []
    text = _text(value, record)
    if text not in known:
        _refuse(f"one of {', '.join(known)}", text, record)
    return text
