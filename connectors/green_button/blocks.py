"""Readings out of the bytes of one IntervalBlock.

Two readers give the same: a regular expression for blocks that are written exactly as the schema orders them (nearly all are),
and an XML parser for every other block. The first is used only if it accounts for every IntervalReading tag of the block, so
that no reading can be lost between two matches; else the second reads the block from its start.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from xml.parsers import expat

from connectors.green_button.codes import GOOD_QUALITIES
from connectors.green_button.columns import (
    NO_QUALITY,
    Columns,
    Refusals,
    is_possible_time,
    refuse_time,
)
from connectors.green_button.names import ESPI, MAX_DEPTH, split_name, too_deep
from domain.errors import NumberError, UnknownFormatError
from domain.number import INT64_MAX, decimal_from_text

_SLICE_SIZE = 1 << 17
"""Bytes of a block that are read at once: bounds what the expression's matches need while they wait."""

_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_BLOCK_TAG = re.compile(rb"<(?:[^\s<>/]+:)?IntervalBlock[\s/>]")

_IS_FINAL = True
_MAX_QUALITY_SIZE = 4

MAX_DECIMALS_COUNT = 9
"""Decimal places that a value may have; the schema knows integers only."""


@dataclass(frozen=True, slots=True)
class Untimed:
    """A reading without timePeriod: by the schema it is the n-th interval of its block.

    Attributes:
        row_index: Its row in the columns.
        ordinal_index: Its position in the block, from 0.
    """

    row_index: int
    ordinal_index: int


@dataclass(frozen=True, slots=True)
class Block:
    """Rows of one IntervalBlock.

    Attributes:
        entry_index: Entry of the feed it came in.
        first_row: Its first row in the columns.
        end_row: Row after its last.
        decimals_count: Its values are multiplied by 10 to this power.
        interval_start_s: Begin of the block's own interval, seconds since 1970, if it says one.
        untimed: Rows that wait for their time.
        record: Where it stands, for messages.
    """

    entry_index: int
    first_row: int
    end_row: int
    decimals_count: int
    interval_start_s: int | None
    untimed: tuple[Untimed, ...]
    record: str


def read_block(
    region: bytes, *, prefixes: Mapping[str, str], entry_index: int, record: str, columns: Columns, refusals: Refusals
) -> Block:
    """The rows of one block, added to `columns`.

    Args:
        region: UTF-8 bytes from `<IntervalBlock` up to, not including, its end tag; well-formed.
        prefixes: Namespace of each prefix in scope; the empty prefix is the default namespace.
        entry_index: Entry of the feed it came in.
        record: Where it stands, for messages.
        columns: Where its rows go.
        refusals: Where readings that cannot be taken are noted.

    Returns:
        Where its rows are.

    Raises:
        UnknownFormatError: It contains another IntervalBlock.
        HostileDocumentError: Its elements are nested too deep.
    """
    first_row = len(columns)
    plain = _without_comments(region)
    for shape in _shapes(plain or b""):
        if plain is not None and _read_plain(plain, shape, columns=columns):
            _drop_impossible(columns, first_row, refusals, record)
            return Block(entry_index, first_row, len(columns), 0, None, (), record)
        columns.truncate(first_row)
    return _read_any(region, prefixes, entry_index=entry_index, record=record, columns=columns, refusals=refusals)


def has_inner_block(region: bytes) -> bool:
    """Whether a second IntervalBlock begins inside the first one."""
    return region.count(b"IntervalBlock") > 1 and len(_BLOCK_TAG.findall(_COMMENT.sub(b"", region))) > 1


def _without_comments(region: bytes) -> bytes | None:
    """The block without comments, or None where it needs a real XML parser."""
    if b"<!" in region:
        if b"<![" in region:
            return None
        region = _COMMENT.sub(b"", region)
    if b"<?" in region or region.find(b"xmlns", region.find(b">")) >= 0:
        return None
    return region


@dataclass(frozen=True, slots=True)
class _Shape:
    """How the readings of a block are written.

    Attributes:
        prefix: Namespace prefix with its colon, or empty.
        is_value_first: Whether the value comes before the timePeriod.
        is_start_first: Whether the start comes before the duration.
        has_leaves: Whether other elements than cost stand between.
    """

    prefix: bytes
    is_value_first: bool = False
    is_start_first: bool = False
    has_leaves: bool = False


@lru_cache(maxsize=64)
def _plain_reading(shape: _Shape) -> re.Pattern[bytes]:
    """The expression of one IntervalReading: quality, the two numbers of its timePeriod, value.

    Leaves that are not read (cost, tou, timezone, ...) may stand anywhere between; one of the four twice is no match.
    """
    p = re.escape(shape.prefix)
    local = rb"(?!(?:[^\s<>/:]+:)?(?:IntervalReading|ReadingQuality|quality|timePeriod|duration|start|value)[\s>/])"
    leaves = rb"(?:<" + local + rb"[^<>/]++(?:/>|>[^<]*+</[^<>]++>)\s*+)*+"
    first = leaves if shape.has_leaves else rb"(?:<" + p + rb"cost>[^<]*+</" + p + rb"cost>\s*+)?+"
    between = leaves if shape.has_leaves else b""

    def element(name: bytes, content: bytes) -> bytes:
        return rb"<" + p + name + rb">\s*+" + content + rb"\s*+</" + p + name + rb">\s*+"

    quality = rb"(?:" + element(b"ReadingQuality", element(b"quality", rb"([0-9]{1,4})")) + rb")?+"
    duration = element(b"duration", rb"([0-9]{1,10})")
    start = element(b"start", rb"(-?[0-9]{1,12})(?:\.[0-9]{0,12})?+")
    times = (start, duration) if shape.is_start_first else (duration, start)
    time_period = element(b"timePeriod", between + between.join(times) + between)
    value = element(b"value", rb"(-?[0-9]{1,18})")
    numbers = (value, quality, time_period) if shape.is_value_first else (quality, time_period, value)
    return re.compile(element(b"IntervalReading", first + between.join(numbers) + between))


def _shapes(region: bytes) -> Iterator[_Shape]:
    """The shapes to try on a block: the schema's own if its first reading has it, then the most general of that order."""
    prefix = region[1 : region.find(b"IntervalBlock")]
    begin = max(0, region.find(b"<" + prefix + b"IntervalReading>"))
    value, period, start, duration = (
        region.find(b"<" + prefix + name + b">", begin) for name in (b"value", b"timePeriod", b"start", b"duration")
    )
    if _plain_reading(_Shape(prefix)).match(region, begin):
        yield _Shape(prefix)
    yield _Shape(prefix, is_value_first=value < period, is_start_first=start < duration, has_leaves=True)


def _slices(region: bytes, end_tag: bytes) -> Iterator[tuple[int, int]]:
    """Spans of the block that end behind a reading, so that no reading is cut."""
    begin = 0
    while begin < len(region):
        end = region.rfind(end_tag, begin, begin + _SLICE_SIZE)
        if end < 0:
            end = region.find(end_tag, begin)
        if end < 0:
            return
        yield begin, end + len(end_tag)
        begin = end + len(end_tag)


def _read_plain(region: bytes, shape: _Shape, *, columns: Columns) -> bool:
    """Whether the expression read the whole block; if not, the caller takes its rows back."""
    pattern = _plain_reading(shape)
    found_count = 0
    for begin, end in _slices(region, b"</" + shape.prefix + b"IntervalReading>"):
        rows = pattern.findall(region, begin, end)
        found_count += len(rows)
        if rows:
            groups = list(zip(*rows, strict=True))
            values = groups.pop(0 if shape.is_value_first else 3)
            starts, durations = (groups[1], groups[2]) if shape.is_start_first else (groups[2], groups[1])
            columns.starts_s.extend(map(int, starts))
            columns.durations_s.extend(_converted(durations))
            columns.values.extend(map(int, values))
            columns.qualities.extend(_converted(groups[0]))
    return region.count(b"IntervalReading") == 2 * found_count


def _converted(texts: tuple[bytes, ...]) -> Iterator[int]:
    """Integers of texts that repeat a lot; an absent quality is `NO_QUALITY`."""
    value_of = {text: int(text) if text else NO_QUALITY for text in set(texts)}
    return map(value_of.__getitem__, texts)


def _drop_impossible(columns: Columns, first_row: int, refusals: Refusals, record: str) -> None:
    """Take rows with impossible times out of a block, each with its reason."""
    starts, durations = columns.starts_s[first_row:], columns.durations_s[first_row:]
    if not starts or (is_possible_time(min(starts), 0) and is_possible_time(max(starts), max(durations))):
        return
    kept = Columns()
    for index, (start_s, duration_s) in enumerate(zip(starts, durations, strict=True)):
        if is_possible_time(start_s, duration_s):
            kept.extend(columns, first_row + index, first_row + index + 1)
        else:
            refuse_time(refusals, start_s, duration_s, f"{record}, IntervalReading {index + 1}")
    columns.truncate(first_row)
    columns.extend(kept, 0, len(kept))


@dataclass(slots=True)
class _Reading:
    """Texts of one IntervalReading's leaves, by their path; every occurrence is kept."""

    texts: dict[str, list[str]] = field(default_factory=dict)

    def one(self, path: str) -> str | None:
        # The only text at this path, stripped; None where there is none.
        found = self.texts.get(path)
        if found is None:
            return None
        if len(found) > 1:
            raise NumberError(f"This reading has {len(found)} of what it may have once", expected=f"one {path}", got=found)
        return found[0].strip()


@dataclass(frozen=True, slots=True)
class _Row:
    """One reading as numbers; no start where it has no timePeriod."""

    ordinal_index: int
    start_s: int | None
    duration_s: int
    value: Decimal
    quality: int


class _BlockReader:
    """Handlers of the XML parser for one block of any shape."""

    def __init__(self) -> None:
        self.readings: list[_Reading] = []
        self.interval_start_text = ""
        self._path: list[str] = []
        self._text: list[str] = []
        self._reading: _Reading | None = None
        self._reading_depth = 0

    def start(self, name: str, _attributes: dict[str, str]) -> None:
        # An element begins.
        namespace, local = split_name(name)
        if len(self._path) >= MAX_DEPTH:
            raise too_deep(local)
        self._path.append(local if namespace == ESPI else "")
        if self._path[-1] == "IntervalReading" and self._reading is None:
            self._reading, self._reading_depth = _Reading(), len(self._path)
        self._text.clear()

    def text(self, data: str) -> None:
        """Character data; kept until the element around it ends."""
        self._text.append(data)

    def end(self, _name: str) -> None:
        """An element ends."""
        if self._reading is not None:
            if len(self._path) == self._reading_depth:
                self.readings.append(self._reading)
                self._reading = None
            else:
                path = "/".join(self._path[self._reading_depth :])
                self._reading.texts.setdefault(path, []).append("".join(self._text))
        elif self._path[-2:] == ["interval", "start"]:
            self.interval_start_text = "".join(self._text).strip()
        self._path.pop()
        self._text.clear()


def _read_any(
    region: bytes, prefixes: Mapping[str, str], *, entry_index: int, record: str, columns: Columns, refusals: Refusals
) -> Block:
    """The rows of a block of any shape."""
    reader = _parsed(region, prefixes)
    rows = [row for row in (_checked_row(*numbered, record, refusals) for numbered in enumerate(reader.readings)) if row]
    decimals_count = max((_decimals_count(row.value) for row in rows), default=0)
    first_row = len(columns)
    untimed: list[Untimed] = []
    for row in rows:
        scaled = int(row.value.scaleb(decimals_count))
        if abs(scaled) > INT64_MAX:
            where = f"{record}, IntervalReading {row.ordinal_index + 1}"
            refusals.reading(
                "This value does not fit into 64 bits", expected="less than 9.2e18", got=str(row.value), record=where
            )
            continue
        if row.start_s is None:
            untimed.append(Untimed(len(columns), row.ordinal_index))
        columns.append(row.start_s or 0, row.duration_s, scaled, row.quality)
    start_s = _interval_start_s(reader.interval_start_text)
    return Block(entry_index, first_row, len(columns), decimals_count, start_s, tuple(untimed), record)


def _checked_row(ordinal_index: int, reading: _Reading, record: str, refusals: Refusals) -> _Row | None:
    """The row of one reading, or None where it was refused."""
    where = f"{record}, IntervalReading {ordinal_index + 1}"
    try:
        row = _row(ordinal_index, reading, where)
    except NumberError as error:
        refusals.reading(error.message, expected=error.expected, got=error.got, record=where)
        return None
    if row.start_s is not None and not is_possible_time(row.start_s, row.duration_s):
        refuse_time(refusals, row.start_s, row.duration_s, where)
        return None
    return row


def _parsed(region: bytes, prefixes: Mapping[str, str]) -> _BlockReader:
    # The block's readings as texts.
    reader = _BlockReader()
    parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    tag = re.match(rb"<([^\s/>]+)", region)
    if tag is None:  # an empty element: the event of its end stands at its own start
        return reader
    declared = "".join(f' xmlns{":" if prefix else ""}{prefix}="{_escaped(uri)}"' for prefix, uri in prefixes.items())
    try:
        parser.Parse(b"".join((b"<w", declared.encode(), b">", region, b"</", tag[1], b"></w>")), _IS_FINAL)
    except expat.ExpatError as error:
        raise UnknownFormatError(
            "An IntervalBlock cannot be read", expected="elements of this block alone", got=str(error), record="IntervalBlock"
        ) from error
    return reader


def _escaped(uri: str) -> str:
    return uri.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")


def _row(ordinal_index: int, reading: _Reading, where: str) -> _Row:
    # The numbers of one reading.
    value_text = reading.one("value")
    if not value_text:
        raise NumberError("This reading has no value", expected="a value", got="none", record=where)
    value = decimal_from_text(value_text, record=where)
    if _decimals_count(value) > MAX_DECIMALS_COUNT:
        raise NumberError(expected=f"at most {MAX_DECIMALS_COUNT} decimal places", got=value_text, record=where)
    start_text, duration_text = reading.one("timePeriod/start"), reading.one("timePeriod/duration")
    start_s = None if not start_text else _whole(decimal_from_text(start_text, record=where), where)
    duration_s = 0 if not duration_text else _whole(decimal_from_text(duration_text, record=where), where)
    return _Row(ordinal_index, start_s, duration_s, value, _quality(reading))


def _whole(seconds: Decimal, where: str) -> int:
    # Whole seconds, rounded down: some feeds write fractional epochs.
    if abs(seconds) > INT64_MAX:
        raise NumberError("This reading has an impossible time", expected="seconds since 1970", got=str(seconds), record=where)
    return int(seconds // 1) if seconds >= 0 else -int(-seconds // 1)


def _quality(reading: _Reading) -> int:
    """Its quality; of several the first that is not simply good. One that is no number is none."""
    codes = [
        int(text.strip())
        for text in reading.texts.get("ReadingQuality/quality", ())
        if text.strip().isascii() and text.strip().isdigit() and len(text.strip()) <= _MAX_QUALITY_SIZE
    ]
    return next((code for code in codes if code not in GOOD_QUALITIES), codes[0] if codes else NO_QUALITY)


def _decimals_count(value: Decimal) -> int:
    """Decimal places that a value needs: 0 for 12.00."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _interval_start_s(text: str) -> int | None:
    """Begin of the block's interval, seconds since 1970; None where it says none that can be."""
    try:
        start_s = int(decimal_from_text(text))
    except NumberError:
        return None
    return start_s if is_possible_time(start_s, 0) else None
