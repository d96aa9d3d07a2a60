"""A proposal of what the columns of a table mean: what the file proves, what is only likely, and what must be asked.

Nothing here is believed by `parse`: a proposal becomes a mapping when a person says yes to it. Whether 03/04 is in March or in
April, and whether 1,234 is a thousand, is asked wherever the file itself does not prove it.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

from connectors.base import Question
from connectors.mapping import (
    DateOrder,
    Decimals,
    Sign,
    TableMapping,
    day_of,
    is_day,
    is_numbers,
    mapping_from_json,
    orders_of,
    plain_number,
)
from connectors.table import Layout, csv_layout, table_rows
from connectors.workbook import DayCell, FormulaCell, NumberCell, is_workbook, sheet_names
from domain.canonical import Json
from domain.errors import DocumentError, NumberError, TimeError
from domain.units import CURRENCIES

MAX_HEADER_SEARCH_COUNT = 60
"""Rows among which the header is looked for."""

SAMPLE_COUNT = 3
"""Values of each column that are shown."""

_NOT_WORD = re.compile(r"[\W_]+")
_IN_BRACKETS = re.compile(r"[(\[]([^)\]]{1,20})[)\]]|\bin ([A-Z]{3})\b|\b([A-Z]{3})$")
_SHORT_LAST = re.compile(r"[^0-9][0-9]{2}\Z")


@dataclass(frozen=True, slots=True)
class Column:
    """A column as it stands there.

    Attributes:
        name: Header text, or its position from 1 where there is no header.
        samples: Its first values.
    """

    name: str | int
    samples: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Guess:
    """What a file seems to mean.

    Attributes:
        mapping: The proposal; empty for formats that say everything themselves.
        columns: What can be mapped; empty where the file is no table.
        proven: Name of a setting to how the file proves it.
        likely: Name of a setting to why it is only likely.
        questions: What must be answered before it can be read.
        sort: Name of the format, for people.
    """

    mapping: TableMapping = field(default_factory=TableMapping)
    columns: tuple[Column, ...] = ()
    proven: Mapping[str, str] = field(default_factory=dict)
    likely: Mapping[str, str] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    sort: str = "table"


@dataclass(frozen=True, slots=True)
class LineLook:
    """One record of a file as it would be read.

    Attributes:
        number: Line, or count of the record, from 1.
        said: What stands there, shortened.
        becomes: The activity that it becomes; empty where it becomes none.
        left_out: Why it is none, though nothing is wrong with it.
        problem: Why it is refused.
    """

    number: int
    said: str
    becomes: str = ""
    left_out: str = ""
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Shop:
    """A merchant of whom nothing says what they sell.

    Attributes:
        name: As a mapping names them.
        sample: As the bank prints one of the lines.
        lines_count: How many payments.
        spent: Currency and sum of what was spent, decimal text.
    """

    name: str
    sample: str
    lines_count: int
    spent: tuple[tuple[str, str], ...]


@runtime_checkable
class Previewed(Protocol):
    """A connector whose files can be looked at before they are taken in."""

    @property
    def mapped_fields(self) -> frozenset[str]:
        """Names of the fields that a mapping for it can have."""

    def guess(self, body: bytes, said: Mapping[str, Json]) -> Guess:
        """What a file seems to mean, with what the person has said of it so far, as in `TableMapping.to_json`."""

    def look(self, body: bytes, most_count: int) -> tuple[LineLook, ...]:
        """The first records of a file, with its mapping before it, as they would be read; refused ones come with their reason."""

    def unplaced(self, body: bytes) -> tuple[Shop, ...]:
        """Merchants of a file, with its mapping before it, of whom nothing says what they sell."""


@dataclass(frozen=True, slots=True)
class FieldLook:
    """How the column of a field is found.

    Attributes:
        words: Header texts, in small letters without punctuation; the earlier one wins.
        fits: Whether values can be this field's; all of the first ones must.
        is_joined: Whether several columns are read one after the other.
    """

    words: tuple[str, ...]
    fits: Callable[[str], bool] = bool
    is_joined: bool = False


def looks_like_number(cell: str) -> bool:
    """Whether a cell is a number in one of the two ways to write cents."""
    return isinstance(cell, (NumberCell, FormulaCell)) or any(_number_fits(cell, one) for one in Decimals)


def _number_fits(cell: str, decimals: Decimals) -> bool:
    try:
        plain_number(cell, decimals, record="")
    except NumberError:
        return False
    return any(sign.isdigit() for sign in cell)


class TableLook:
    """A table with its header found: what guesses are made of.

    Args:
        body: CSV or a workbook.
        words: Header texts that are known.
        said: What the person has said so far, checked, as in `TableMapping.to_json`.

    Raises:
        DocumentError: It is no table, or has no rows.
    """

    def __init__(self, body: bytes, words: frozenset[str], said: Mapping[str, Json]) -> None:
        self.proven: dict[str, str] = {}
        self.likely: dict[str, str] = {}
        self.questions: list[Question] = []
        self.said_columns = mapping_from_json({"columns": said.get("columns", {})}, None).columns
        self.layout = self._layout(body)
        for name in ("encoding", "delimiter", "sheet"):
            if name in said:
                self.layout = replace(self.layout, **{name: str(said[name])})
        self.rows = [(number, cells) for number, cells in table_rows(body, self.layout) if isinstance(cells, list)]
        if not self.rows:
            raise DocumentError("This table has no rows", expected="a header and rows", got="none")
        self.header_row, self.header = self._header(words)
        line = said.get("header_row")
        if isinstance(line, int):
            self.header_row, self.header = line, next((list(cells) for number, cells in self.rows if number == line), [])
        self.data = [cells for number, cells in self.rows if number > self.header_row]
        self.names: tuple[str | int, ...] = tuple(self.header) or tuple(range(1, max(map(len, self.data), default=0) + 1))

    def _layout(self, body: bytes) -> Layout:
        if is_workbook(body):
            names = sheet_names(body)
            if len(names) > 1:
                self.likely["sheet"] = f"the first of {', '.join(names)}"
            return Layout(sheet=names[0])
        layout, is_certain = csv_layout(body)
        if is_certain:
            self.proven["encoding"] = "the bytes are right in it"
        else:
            self.likely["encoding"] = "the bytes are no UTF-8"
        self.likely["delimiter"] = "it cuts most rows into the same number of cells"
        return layout

    def _header(self, words: frozenset[str]) -> tuple[int, list[str]]:
        """Line and cells of the header; 0 and none where no row looks like one."""
        best, best_score = None, 0
        for number, cells in self.rows[:MAX_HEADER_SEARCH_COUNT]:
            said = [cell for cell in cells if cell]
            if len(said) < 2 or any(is_day(cell) or looks_like_number(cell) for cell in said):  # noqa: PLR2004 - one is a title
                continue
            score = 1 + 10 * sum(_fitting_word(cell, words) for cell in said) + len(said)
            if score > best_score:
                best, best_score = (number, cells), score
        if best is None:
            self.likely["header_row"] = "no row looks like a header: columns are counted from 1"
            return 0, []
        self.likely["header_row"] = "its cells are words that are known, or no numbers and days"
        return best

    def values(self, index: int) -> list[str]:
        """Cells of a column that are not empty."""
        return [cells[index] for cells in self.data if index < len(cells) and cells[index]]

    def columns(self) -> tuple[Column, ...]:
        """What can be mapped."""
        return tuple(Column(name, tuple(self.values(index)[:SAMPLE_COUNT])) for index, name in enumerate(self.names) if name)

    def match(self, looks: Mapping[str, FieldLook]) -> dict[str, tuple[str | int, ...]]:
        """Columns of the fields that were found, by their headers and what stands in them; no column for two fields."""
        taken: set[int] = set()
        found: dict[str, tuple[str | int, ...]] = {}
        for name, look in looks.items():
            hits = [
                index for word in look.words for index in self._with_word(word) if index not in taken and self._fits(index, look)
            ]
            hits = list(dict.fromkeys(hits))[: None if look.is_joined else 1]
            if hits:
                taken.update(hits)
                found[name] = tuple(self.names[index] for index in hits)
                self.likely[name] = "by the name of its column"
        return found

    def _with_word(self, word: str) -> list[int]:
        names = [plain_words(str(name)) for name in self.names]
        exact = [index for index, name in enumerate(names) if name == word]
        return exact or [index for index, name in enumerate(names) if name.startswith(f"{word} ") and self._is_once(index)]

    def _is_once(self, index: int) -> bool:
        return self.names.count(self.names[index]) == 1

    def _fits(self, index: int, look: FieldLook) -> bool:
        values = self.values(index)[:200]
        return self._is_once(index) and (not values or sum(map(look.fits, values)) * 10 >= len(values) * 9)

    def index_of(self, name: str | int) -> int:
        """Position of a column from 0."""
        return self.names.index(name)

    def date_order(self, columns: Sequence[str | int]) -> DateOrder:
        """The order of days, as far as the file proves it; else it is asked."""
        cells = [cell for name in columns for cell in self.values(self.index_of(name))]
        if not cells:
            return DateOrder.YMD
        numbers = list(dict.fromkeys(cell for cell in cells if is_numbers(cell)))
        if not numbers:
            self.proven["date_order"] = "no day can be read in two ways"
            return DateOrder.YMD
        orders = {cell: orders_of(cell) for cell in numbers}
        certain = [cell for cell in numbers if len(orders[cell]) == 1]
        found = {order for cell in certain for order in orders[cell]}
        if found == {DateOrder.DMY, DateOrder.YMD} and all(_is_year_first(cell) for cell in numbers):
            found = {DateOrder.YMD}
        if len(found) == 1:
            self.proven["date_order"] = f"{certain[0]} can be read in this order only"
            return found.pop()
        sample = numbers[0]
        why = "its days contradict each other" if found else "every day can be read in two ways"
        self.questions.append(
            Question(
                "date_order",
                f"Which part of {sample} is the day?",
                help=f"The file does not say it: {why}.",
                choices={
                    "dmy": "the first: day, month, year",
                    "mdy": "the second: month, day, year",
                    **({"ymd": "the last: year, month, day"} if _SHORT_LAST.search(sample) else {}),
                },
            )
        )
        return DateOrder.YMD

    def decimals(self, columns: Sequence[str | int]) -> Decimals:
        """What stands before the cents, as far as the file proves it; else it is asked."""
        counts: Counter[str] = Counter()
        samples: dict[str, str] = {}
        for name in columns:
            for cell in self.values(self.index_of(name)):
                says = cents_mark(cell)
                counts[says] += 1
                samples.setdefault(says, cell)
        if not counts:
            return Decimals.POINT
        if counts["."] and not counts[","]:
            self.proven["decimals"] = f"{samples['.']} has a point before the cents"
            return Decimals.POINT
        if counts[","] and not counts["."]:
            self.proven["decimals"] = f"{samples[',']} has a comma before the cents"
            return Decimals.COMMA
        if not counts[","] and not counts["?"]:
            self.proven["decimals"] = "no number can be read in two ways"
            return Decimals.POINT
        sample = samples["?"] if counts["?"] and not counts[","] else f"{samples['.']} and {samples[',']}"
        self.questions.append(
            Question(
                "decimals",
                "What stands before the cents: a point or a comma?",
                help=f"The file does not say it: {sample}.",
                choices={".": "a point: 1,234.56", ",": "a comma: 1.234,56"},
            )
        )
        return Decimals.POINT

    def currency_in(self, columns: Sequence[str | int]) -> str:
        """The one currency that headers or cells of amounts name; empty where there is none, or several."""
        found = set()
        for name in columns:
            match = _IN_BRACKETS.search(str(name))
            said = (match[1] or match[2] or match[3]).strip().upper() if match else ""
            if said in CURRENCIES:
                found.add(said)
            for cell in self.values(self.index_of(name))[:500]:
                beside = _currency_beside(cell)
                if beside:
                    found.add(beside)
        return found.pop() if len(found) == 1 else ""

    def sign(self, column: str | int, decimals: Decimals) -> Sign:
        """Which amounts are money spent: by how many are below zero; asked where none is."""
        negative_count = positive_count = 0
        for cell in self.values(self.index_of(column)):
            try:
                number, _ = plain_number(cell, decimals, record="")
            except NumberError:
                continue
            negative_count += number.startswith("-")
            positive_count += not number.startswith("-")
        if negative_count:
            is_usual = negative_count >= positive_count
            self.likely["sign"] = f"{negative_count} amounts are below zero, {positive_count} are not"
            return Sign.SPENT_NEGATIVE if is_usual else Sign.SPENT_POSITIVE
        self.questions.append(
            Question(
                "sign",
                "Are these amounts money spent?",
                help="No amount is below zero.",
                choices={"spent_positive": "yes: 12.50 was spent", "spent_negative": "no: 12.50 came in"},
            )
        )
        return Sign.SPENT_NEGATIVE

    def guessed(self, mapping: TableMapping) -> Guess:
        """The guess with everything that was found out on the way."""
        mapping = replace(mapping, layout=self.layout, header_row=self.header_row)
        return Guess(mapping, self.columns(), self.proven, self.likely, tuple(self.questions))


def _is_year_first(cell: str) -> bool:
    try:
        day_of(cell, DateOrder.YMD, record="")
    except TimeError:
        return False
    return True


def plain_words(text: str) -> str:
    """A header text in small letters, without punctuation and what stands in brackets: `Betrag (EUR)` is `betrag`."""
    without = re.sub(r"[(\[][^)\]]*[)\]]", " ", text)
    return _NOT_WORD.sub(" ", without.casefold()).strip()


def _fitting_word(cell: str, words: frozenset[str]) -> bool:
    plain = plain_words(cell)
    return plain in words or any(plain.startswith(f"{word} ") for word in words if len(word) > 3)  # noqa: PLR2004 - a whole word


def cents_mark(cell: str) -> str:
    """What a number says of the mark before its cents: `.`, `,`, `?` where it can be read in two ways, or nothing.

    Args:
        cell: As it stands in the file.
    """
    if isinstance(cell, (NumberCell, DayCell, FormulaCell)):
        return ""
    text = "".join(sign for sign in cell if sign.isdigit() or sign in ".,")
    last = max(text.rfind("."), text.rfind(","))
    if last < 0 or not text.strip(".,"):
        return ""
    mark, other = text[last], "," if text[last] == "." else "."
    if other in text:
        return mark if text.count(mark) == 1 else ""
    if text.count(mark) > 1:
        return other
    before, after = text[:last], text[last + 1 :]
    is_group = len(after) == 3 and 1 <= len(before) <= 3 and not before.startswith("0")  # noqa: PLR2004 - thousands are threes
    return "?" if is_group else mark


def _currency_beside(cell: str) -> str:
    for decimals in Decimals:
        try:
            return plain_number(cell, decimals, record="")[1]
        except NumberError:
            continue
    return ""
