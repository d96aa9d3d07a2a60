"""One pass over an ESPI document: its entries, its objects, and its readings as columns; nothing is joined yet.

expat reads the document as a stream, so that nothing but the columns grows with it. A document type declaration is refused at
its first byte: entities, expansion and external files need one. Inside an IntervalBlock the parser only looks for the block's
end; its bytes are then read by `blocks`.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from xml.parsers import expat

from connectors.green_button.blocks import Block, has_inner_block, read_block
from connectors.green_button.columns import Columns, Refusals
from connectors.green_button.links import href_key
from connectors.green_button.names import ATOM, ESPI, MAX_DEPTH, split_name, too_deep
from domain.errors import DocumentError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError

MAX_OBJECTS_COUNT = 200_000
"""Entries, links and objects of a document; a utility's largest export has some thousands."""

_OBJECTS = frozenset({"UsagePoint", "MeterReading", "ReadingType", "LocalTimeParameters"})
_MAX_TEXT_SIZE = 2_000
_IS_FINAL = True
_FEED_CHILD_DEPTH = 2
_TRUNCATED = frozenset(
    {
        expat.errors.codes[message]
        for message in (
            expat.errors.XML_ERROR_NO_ELEMENTS,
            expat.errors.XML_ERROR_UNCLOSED_TOKEN,
            expat.errors.XML_ERROR_PARTIAL_CHAR,
            expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
        )
    }
)


@dataclass(slots=True)
class Entry:
    """One Atom entry, or the document itself where it is no feed.

    Attributes:
        self_key: Its own address, normalised; empty where it has none.
        up: Addresses of what it belongs to.
        related: Addresses of what belongs to it.
        updated_at_s: When the provider changed it last, seconds since 1970; 0 where it does not say.
    """

    self_key: str = ""
    up: list[str] = field(default_factory=list)
    related: list[str] = field(default_factory=list)
    updated_at_s: int = 0


@dataclass(slots=True)
class EspiObject:
    """One object of the schema, other than readings.

    Attributes:
        name: "UsagePoint", "MeterReading", "ReadingType" or "LocalTimeParameters".
        entry_index: Entry it came in.
        outer: The object around it, where it is nested.
        texts: Its leaves by path ("ServiceCategory/kind"), stripped.
        mrid: Its own mRID attribute or element, else empty.
    """

    name: str
    entry_index: int
    outer: "EspiObject | None"
    texts: dict[str, str] = field(default_factory=dict)
    mrid: str = ""


@dataclass(slots=True)
class Feed:
    """All that a document says.

    Attributes:
        entries: In order.
        objects: In order.
        outer_of_block: Object around a block, by the block's position, where it is nested.
        blocks: Rows of every IntervalBlock.
        columns: The readings.
        others: How many there are of each object that is not read (UsageSummary, Customer, ...).
        refusals: What was left out.
        title: The feed's title.
        updated_at_s: The feed's own time, seconds since 1970, or 0.
        has_espi: Whether anything of the schema is in it.
        root_name: Local name of the outermost element.
        is_empty_feed: Whether it is an Atom feed without entries: a provider's answer for a time without data.
        blocks_count: IntervalBlocks met, those without a reading too.
    """

    entries: list[Entry] = field(default_factory=list)
    objects: list[EspiObject] = field(default_factory=list)
    outer_of_block: dict[int, EspiObject] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    columns: Columns = field(default_factory=Columns)
    others: Counter[str] = field(default_factory=Counter)
    refusals: Refusals = field(default_factory=Refusals)
    title: str = ""
    updated_at_s: int = 0
    has_espi: bool = False
    root_name: str = ""
    is_empty_feed: bool = False
    blocks_count: int = 0


def scan(body: bytes) -> Feed:
    """Everything that an ESPI document says.

    Args:
        body: The document, UTF-8, without anything before its first tag.

    Returns:
        Its entries, objects and readings.

    Raises:
        DocumentError: It is not XML (`UnknownFormatError`, with the position), ends too early (`TruncatedDocumentError`), or has
            what no honest document needs (`HostileDocumentError`).
    """
    scanner = _Scanner(body)
    try:
        scanner.parser.Parse(body, _IS_FINAL)
    except expat.ExpatError as error:
        problem = _malformed(error)
        raise problem from error
    return scanner.feed


def _malformed(error: expat.ExpatError) -> DocumentError:
    """What to say about a document that is not well-formed."""
    where = f"line {error.lineno}, column {error.offset + 1}"
    reason = expat.ErrorString(error.code) or "unknown"
    if error.code in _TRUNCATED:
        return TruncatedDocumentError(
            expected="a complete XML document",
            got=f"its end inside an element ({reason})",
            record=where,
            next_step="Download the file again.",
        )
    return UnknownFormatError(
        "This document is not well-formed XML",
        expected="a Green Button (ESPI) XML document",
        got=reason,
        record=where,
        next_step="Download the file again, and upload it unedited.",
    )


def epoch_s_of_text(text: str) -> int:
    """Seconds since 1970 of an Atom time; UTC where it names no offset; 0 where it is no time."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return 0
    try:
        return max(0, int((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()))
    except OverflowError:
        return 0


class _Scanner:
    """Handlers of the parser. Invariant: `_path` holds the family and local name of every open element outside blocks."""

    def __init__(self, body: bytes) -> None:
        self.feed = Feed()
        self.parser = expat.ParserCreate(encoding="utf-8", namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._doctype
        self.parser.StartNamespaceDeclHandler = self._prefix_begins
        self.parser.EndNamespaceDeclHandler = self._prefix_ends
        self._body = body
        self._path: list[tuple[str, str]] = []
        self._text: list[str] = []
        self._text_size = 0
        self._prefixes: dict[str, list[str]] = {}
        self._open: list[tuple[EspiObject, int]] = []
        self._entry: int | None = None
        self._entry_depth = 0
        self._kept_count = 0
        self._block_name = ""
        self._block_begin = 0
        self._listen()

    def _listen(self) -> None:
        """Take every event again, after a block."""
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters

    def _doctype(self, *_declared: object) -> None:
        raise HostileDocumentError(
            "This document declares a document type",
            expected="no DOCTYPE: Green Button has none, and entities could be declared in it",
            got="<!DOCTYPE",
            record=f"line {self.parser.CurrentLineNumber}",
            next_step="Ask the utility for a Green Button file.",
        )

    def _prefix_begins(self, prefix: str | None, uri: str | None) -> None:
        self._prefixes.setdefault(prefix or "", []).append(uri or "")

    def _prefix_ends(self, prefix: str | None) -> None:
        self._prefixes[prefix or ""].pop()

    def _count_kept(self) -> None:
        # Bound what one document can make us keep beside its readings.
        self._kept_count += 1
        if self._kept_count > MAX_OBJECTS_COUNT:
            raise HostileDocumentError(
                "This document has too many entries",
                expected=f"at most {MAX_OBJECTS_COUNT} entries, links and objects",
                got="more",
                next_step="Ask the utility for a shorter period, or for one meter at a time.",
            )

    def _entry_index(self) -> int:
        """The open entry; one for the document itself where there is none."""
        if self._entry is None:
            self._count_kept()
            self.feed.entries.append(Entry())
            self._entry, self._entry_depth = len(self.feed.entries) - 1, 0
        return self._entry

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        # An element begins, outside blocks.
        family, local = split_name(name)
        if len(self._path) >= MAX_DEPTH:
            raise too_deep(local)
        if not self._path:
            self.feed.root_name, self.feed.is_empty_feed = local, (family, local) == (ATOM, "feed")
        self._path.append((family, local))
        self._text.clear()
        self._text_size = 0
        if family == ATOM:
            self._start_atom(local, attributes)
        elif family == ESPI:
            self.feed.has_espi = True
            self._start_espi(name, local, attributes)

    def _start_atom(self, local: str, attributes: dict[str, str]) -> None:
        if local == "entry":
            self.feed.is_empty_feed = False
            self._count_kept()
            self.feed.entries.append(Entry())
            self._entry, self._entry_depth = len(self.feed.entries) - 1, len(self._path)
        elif local == "link" and self._entry is not None and self._is_in_entry():
            self._link(self.feed.entries[self._entry], attributes)

    def _is_in_entry(self) -> bool:
        """Whether the element that begins or ends is a child of the open entry."""
        return self._entry is not None and len(self._path) == self._entry_depth + 1

    def _link(self, entry: Entry, attributes: dict[str, str]) -> None:
        key = href_key(attributes.get("href", ""))
        relation = attributes.get("rel", "").strip().lower()
        if not key:
            return
        self._count_kept()
        if relation == "self":
            entry.self_key = entry.self_key or key
        elif relation == "up":
            entry.up.append(key)
        elif relation == "related":
            entry.related.append(key)

    def _start_espi(self, name: str, local: str, attributes: dict[str, str]) -> None:
        if local == "IntervalBlock":
            self._begin_block(name)
        elif local in _OBJECTS:
            self._count_kept()
            outer = self._open[-1][0] if self._open else None
            found = EspiObject(local, self._entry_index(), outer, mrid=attributes.get("mRID", "").strip())
            self.feed.objects.append(found)
            self._open.append((found, len(self._path)))
        elif not self._open and self._is_top():
            self.feed.others[local[:_MAX_TEXT_SIZE]] += 1
            self._count_kept()

    def _is_top(self) -> bool:
        """Whether the element that begins is a whole object: the root, or directly inside Atom."""
        return len(self._path) == 1 or self._path[-2][0] == ATOM

    def _characters(self, data: str) -> None:
        if self._text_size < _MAX_TEXT_SIZE:
            self._text.append(data[:_MAX_TEXT_SIZE])
            self._text_size += len(data)

    def _end(self, _name: str) -> None:
        """An element ends, outside blocks."""
        family, local = self._path[-1]
        if self._open and len(self._path) == self._open[-1][1]:
            self._open.pop()
        elif self._open:
            self._leaf()
        elif family == ATOM:
            self._end_atom(local)
        self._path.pop()
        self._text.clear()
        self._text_size = 0

    def _leaf(self) -> None:
        """Keep the text of an object's leaf; of several the first."""
        found, depth = self._open[-1]
        text = "".join(self._text).strip()
        if text and self._path[-1][0] == ESPI:
            path = "/".join(name for _, name in self._path[depth:])
            if path == "mRID":
                found.mrid = found.mrid or text
            elif len(found.texts) < MAX_DEPTH:
                found.texts.setdefault(path, text)

    def _end_atom(self, local: str) -> None:
        if local == "updated" and self._is_in_entry() and self._entry is not None:
            self.feed.entries[self._entry].updated_at_s = epoch_s_of_text("".join(self._text))
        elif local == "entry":
            self._entry = None
        elif len(self._path) == _FEED_CHILD_DEPTH and local == "updated":
            self.feed.updated_at_s = epoch_s_of_text("".join(self._text))
        elif len(self._path) == _FEED_CHILD_DEPTH and local == "title":
            self.feed.title = " ".join("".join(self._text).split())[:200]

    def _begin_block(self, name: str) -> None:
        """Stop listening to everything but the block's end."""
        self._block_name = name
        self._block_begin = self.parser.CurrentByteIndex
        self.parser.StartElementHandler = None
        self.parser.CharacterDataHandler = None
        self.parser.EndElementHandler = self._end_in_block

    def _end_in_block(self, name: str) -> None:
        if name != self._block_name:
            return
        region = self._body[self._block_begin : self.parser.CurrentByteIndex]
        self._path.pop()
        self._listen()
        self.feed.blocks_count += 1
        record = f"IntervalBlock {self.feed.blocks_count}"
        if has_inner_block(region):
            raise UnknownFormatError("An IntervalBlock contains another one", expected="IntervalReadings", record=record)
        block = read_block(
            region,
            prefixes={prefix: uris[-1] for prefix, uris in self._prefixes.items() if uris and uris[-1] and prefix != "xml"},
            entry_index=self._entry_index(),
            record=record,
            columns=self.feed.columns,
            refusals=self.feed.refusals,
        )
        if block.end_row > block.first_row:
            if self._open:
                self.feed.outer_of_block[len(self.feed.blocks)] = self._open[-1][0]
            self.feed.blocks.append(block)
