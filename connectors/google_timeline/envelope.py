"""From an upload to the files in it that are travel data: one JSON file, or those in a zip of Takeout."""

import codecs
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import IO

from domain.errors import DocumentError, DocumentTooLargeError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError

MAX_DOCUMENT_SIZE = 500_000_000
"""Bytes of all data of one upload, unpacked and read: several times what twenty years of one person take."""

MAX_ZIP_RATIO = 100
"""Unpacked bytes per packed byte; Timeline JSON reaches about 25."""

MAX_ENTRY_COUNT = 20_000
"""Entries of one zip."""

HEAD_SIZE = 4_096
"""Bytes by which a file is told."""


class Shape(StrEnum):
    """What Google has written over the years."""

    ANDROID = "Timeline.json of an Android phone"
    IOS = "location-history.json of an iPhone"
    MONTH = "month of Semantic Location History"
    RECORDS = "Records.json"
    EDITS = "Timeline Edits.json"


TRIPS = frozenset({Shape.ANDROID, Shape.IOS, Shape.MONTH})
"""Shapes that hold trips."""

_SHAPE_OF_NAME = {
    "semanticSegments": Shape.ANDROID,
    "rawSignals": Shape.ANDROID,
    "userLocationProfile": Shape.ANDROID,
    "timelineObjects": Shape.MONTH,
    "locations": Shape.RECORDS,
    "timelineEdits": Shape.EDITS,
}
_NEXT_STEP = (
    "On the phone choose Timeline, export Timeline data (Android: Settings, Location; iPhone: Google Maps, Settings); "
    "or upload the zip of Takeout, Location History."
)
_FEWER = "Upload the years one by one."
_NO_TRIPS = {
    Shape.RECORDS: ("Records.json holds places and times, not how somebody travelled", "Semantic Location History beside it"),
    Shape.EDITS: ("Timeline Edits.json holds changes of the timeline, no trips", "the timeline itself"),
}
_FIRST_NAME = re.compile(r'\{\s*"([^"\\]{1,40})"\s*:')
_LIST_OF_SEGMENTS = re.compile(r'\[\s*\{.*"(?:startTime|endTime)"\s*:', re.DOTALL)
_LOOKS = (
    (b"%PDF", "a PDF file"),
    (b"\x1f\x8b", "a gzip file (.tgz)"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"<", "XML or HTML"),
    (b"SQLite", "a database"),
)
_WIDE_BOMS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ZIP_FAULTS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)


Read = Callable[[int], bytes]
"""Gives the next bytes, at most so many; none at the end."""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A file with trips.

    Attributes:
        name: Its name in the zip; empty where it was uploaded itself.
        shape: How it is laid out.
        open: Gives what reads it from its beginning: bytes, at most so many at a time.
    """

    name: str
    shape: Shape
    open: Callable[[], Read]


def shape_of(head: bytes) -> Shape | None:
    """What a file is, by its first bytes; None where it is none of Google's location data.

    Args:
        head: Its first bytes, `HEAD_SIZE` of them or all.
    """
    text = head.removeprefix(codecs.BOM_UTF8).decode("utf-8", "replace").lstrip()
    first = _FIRST_NAME.match(text)
    if first:
        named = _SHAPE_OF_NAME.get(first[1])
        return named or (Shape.ANDROID if '"semanticSegments"' in text else None)
    return Shape.IOS if _LIST_OF_SEGMENTS.match(text) else None


def data_files(body: bytes) -> Iterator[DataFile]:
    """The files of an upload that hold trips, in the order of their names; each is read before the next one is asked for.

    Args:
        body: A JSON file as exported, or a zip with some in it: everything else in the zip is left alone.

    Yields:
        At least one.

    Raises:
        DocumentTooLargeError: More than `MAX_DOCUMENT_SIZE` bytes, or `MAX_ENTRY_COUNT` entries.
        HostileDocumentError: A zip that unpacks to more than `MAX_ZIP_RATIO` times its size.
        TruncatedDocumentError: An empty file, or a zip that is cut off or locked.
        UnknownFormatError: No trips in it; the message says what it looks like.
    """
    if body.startswith(b"PK\x03\x04"):
        yield from _of_zip(body)
        return
    shape = shape_of(body[:HEAD_SIZE])
    if shape not in TRIPS:
        raise _no_trips(shape) if shape else _unknown(body)
    if len(body) > MAX_DOCUMENT_SIZE:
        raise DocumentTooLargeError(expected=f"at most {MAX_DOCUMENT_SIZE} bytes", got=f"{len(body)} bytes", next_step=_FEWER)
    yield DataFile("", shape, lambda: io.BytesIO(body).read)


def _of_zip(body: bytes) -> Iterator[DataFile]:
    budget = _Budget(min(MAX_DOCUMENT_SIZE, len(body) * MAX_ZIP_RATIO))
    others: set[Shape] = set()
    has_trips = False
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = [one for one in archive.infolist() if one.filename.lower().endswith(".json")]
            if len(entries) > MAX_ENTRY_COUNT:
                raise DocumentTooLargeError(expected=f"at most {MAX_ENTRY_COUNT} files", got=f"{len(entries)}", next_step=_FEWER)
            for entry in sorted(entries, key=lambda one: one.filename):
                with archive.open(entry) as file:
                    shape = shape_of(file.read(HEAD_SIZE))
                budget.spend(HEAD_SIZE)
                if shape in TRIPS:
                    has_trips = True
                    yield DataFile(entry.filename, shape, partial(_opened, archive, entry, budget))
                elif shape:
                    others.add(shape)
    except _ZIP_FAULTS as error:
        raise _broken_zip(error) from error
    if not has_trips:
        raise _no_trips(min(others)) if others else _unknown(body)


class _Budget:
    """Bytes that a zip may still unpack to, whatever it says about itself."""

    def __init__(self, size: int) -> None:
        self._size, self._left_size = size, size

    def spend(self, size: int) -> None:
        self._left_size -= size
        if self._left_size < 0:
            raise HostileDocumentError(
                "This zip file unpacks to far more than its size",
                expected=f"at most {self._size} bytes",
                got="more",
                next_step="Upload the JSON files themselves.",
            )


def _opened(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, budget: _Budget) -> Read:
    """Reads an entry from its beginning, within the budget of its zip."""
    opened: list[IO[bytes]] = []

    def read(size: int) -> bytes:
        try:
            if not opened:
                opened.append(archive.open(entry))
            found = opened[0].read(size)
        except _ZIP_FAULTS as error:
            raise _broken_zip(error) from error
        budget.spend(len(found))
        return found

    return read


def _broken_zip(error: Exception) -> TruncatedDocumentError:
    return TruncatedDocumentError(
        "This zip file cannot be unpacked",
        expected="a whole zip file without password",
        got=type(error).__name__,
        next_step="Download it again.",
    )


def _no_trips(shape: Shape) -> DocumentError:
    message, expected = _NO_TRIPS[shape]
    return UnknownFormatError(message, expected=expected, got=str(shape), next_step=_NEXT_STEP)


def _unknown(body: bytes) -> DocumentError:
    start = body[:HEAD_SIZE].removeprefix(codecs.BOM_UTF8).lstrip()
    if not start:
        return TruncatedDocumentError("This file is empty", expected="a timeline", got=f"{len(body)} bytes", next_step=_NEXT_STEP)
    looks = next((name for mark, name in _LOOKS if start.startswith(mark)), "")
    if body.startswith(_WIDE_BOMS):
        looks = "text in UTF-16"
    elif body.startswith(b"PK\x03\x04"):
        looks = "a zip file without it"
    elif start.startswith((b"{", b"[")):
        looks = "other JSON"
    return UnknownFormatError(
        "This is no timeline of Google", expected="a timeline", got=looks or "another file", next_step=_NEXT_STEP
    )
