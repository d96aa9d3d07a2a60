"""Uploads that are broken, cut off or meant to harm: a clean refusal, never anything else, and little memory."""

import io
import random
import struct
import sys
import tracemalloc
import zipfile
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.google_timeline import envelope, stream
from connectors.google_timeline.parse import parse
from domain.errors import (
    DocumentError,
    DocumentTooLargeError,
    HostileDocumentError,
    TruncatedDocumentError,
    UnknownFormatError,
)
from tests.connectors.google_timeline.test_parse import AT_S, DRIVE
from tests.connectors.google_timeline.timeline_text import android, dumped, iphone, month, takeout


def parses_or_refuses(body: bytes) -> None:
    """Parse, and accept a refusal that is ours; anything else fails the test."""
    with suppress(DocumentError):
        parse(body)


@given(st.integers(0, 2**32))
@settings(max_examples=200)
def test_damaged_files_are_refused_or_read(seed: int) -> None:
    """Cut off, with bytes changed or put in anywhere: a refusal or a reading."""
    chance = random.Random(seed)  # noqa: S311 - a test
    body = bytearray(chance.choice([android, iphone, month])(DRIVE, replace(DRIVE, start_s=AT_S + 60)))
    if chance.random() < 0.3:
        body = bytearray(takeout({"a.json": bytes(body)}))
    for _ in range(chance.randrange(1, 6)):
        at = chance.randrange(len(body))
        body[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3)) or chance.choice(
            [b"{", b"]", b'"', b",", b"-"]
        )
    parses_or_refuses(bytes(body[: chance.randrange(len(body) // 2, len(body) + 1)]))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["activity", "topCandidate", "type", "start", "startTime", "timelinePath", "point", "duration", "distance"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(st.lists(json_values, max_size=4), st.sampled_from(["semanticSegments", "timelineObjects"]))
@settings(max_examples=200)
def test_any_json_in_the_lists(values: list[object], name: str) -> None:
    """Whatever stands where, it is refused segment by segment."""
    wrapped = [{"activitySegment": one, "activity": one, "startTime": one, "timelinePath": one} for one in values]
    document = parse(dumped({name: [*values, *wrapped]}))
    assert not document.activities


@given(st.binary(max_size=200))
def test_any_bytes(body: bytes) -> None:
    """Bytes of chance are refused."""
    with pytest.raises(DocumentError):
        parse(body)


@pytest.mark.parametrize(
    ("body", "error", "said"),
    [
        (b"", TruncatedDocumentError, "This file is empty"),
        (b"\xef\xbb\xbf  ", TruncatedDocumentError, "This file is empty"),
        (b"%PDF-1.7", UnknownFormatError, "got a PDF file"),
        (b"\x1f\x8b\x08", UnknownFormatError, "got a gzip file (.tgz)"),
        (b"<html>", UnknownFormatError, "got XML or HTML"),
        (b'{"a": 1}', UnknownFormatError, "got other JSON"),
        (b"[1, 2]", UnknownFormatError, "got other JSON"),
        ("{}".encode("utf-16"), UnknownFormatError, "got text in UTF-16"),
        (b'{"semanticSegments": [1, 2', TruncatedDocumentError, "This file ends too early"),
        (b'{"semanticSegments": [{"a": "b', TruncatedDocumentError, "This file ends too early"),
        (b'{"semanticSegments": []} x', DocumentError, "expected the end of the file; got x"),
        (b'{"semanticSegments": [1; 2]}', DocumentError, "expected one of , ]; got ;"),
        (b'{"semanticSegments": [{"a": 1 "b": 2}]}', DocumentError, "This file is no JSON"),
        (b'{"semanticSegments": [NaN]}', DocumentError, "expected plain numbers; got NaN"),
        (b'{"semanticSegments": [{"a": 1, "a": 2}]}', DocumentError, "A name stands twice in one object"),
        (b'{"semanticSegments": ["\xff"]}', UnknownFormatError, "This file is not UTF-8"),
        (b'{"semanticSegments": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}", HostileDocumentError, "nested too deeply"),
        (b'{"semanticSegments": [' + b"9" * 10_000 + b"]}", DocumentError, "a number that is too long"),
        (b"PK\x03\x04 and no more", TruncatedDocumentError, "This zip file cannot be unpacked"),
        (takeout({"readme.txt": b"x"}), UnknownFormatError, "got a zip file without it"),
    ],
)
def test_what_is_refused(body: bytes, error: type[DocumentError], said: str) -> None:
    """Each with what it looks like, or where it breaks."""
    with pytest.raises(error) as caught:
        parse(body)
    assert said in caught.value.sentence()


def test_places_are_in_no_refusal() -> None:
    """A refusal is kept and shown: the places of a trip are not in it."""
    body = android(DRIVE).replace(b'"IN_PASSENGER_VEHICLE"', b'"UNKNOWN"').replace("48.8566000°".encode(), b"148.8566000")
    said = " ".join(one.sentence() for one in parse(body).refused)
    assert said
    assert "8566" not in said


def test_value_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """One value larger than any trip is never held whole."""
    monkeypatch.setattr(stream, "MAX_VALUE_SIZE", 10_000)
    monkeypatch.setattr(stream, "WINDOW_SIZE", 1_000)
    with pytest.raises(HostileDocumentError, match="at most 10000 characters"):
        parse(b'{"semanticSegments": [[' + b"[]," * 20_000 + b"[]]]}")


@pytest.mark.parametrize("size", [1, 2, 3, 7, 64, 1000])
def test_windows_of_any_size(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a window ends, in a number, a sign of three bytes or a name, changes nothing."""
    body = month(DRIVE, *(replace(DRIVE, start_s=AT_S + n, metres=10**6 + n) for n in range(1, 20)))
    whole = parse(body)
    monkeypatch.setattr(stream, "WINDOW_SIZE", size)
    assert parse(body) == whole
    assert len(whole.activities) == 20


def test_number_at_the_edge_of_a_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that goes on in the next window is one number."""
    monkeypatch.setattr(stream, "WINDOW_SIZE", 30)
    numbers = ", ".join(str(10**12 + n) for n in range(50))
    found = list(stream.members(io.BytesIO(f'{{"a": [{numbers}]}}'.encode()).read))
    assert [one.value for one in found] == [10**12 + n for n in range(50)]


def test_zip_bomb_is_refused() -> None:
    """What unpacks to more than a hundred times its size is not unpacked."""
    bomb = takeout({"a.json": b'{"semanticSegments": [' + b" " * 50_000_000 + b"]}"})
    assert len(bomb) < 100_000
    tracemalloc.start()
    with pytest.raises(HostileDocumentError, match="unpacks to far more than its size"):
        parse(bomb)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 40_000_000


def test_zip_that_lies_about_its_sizes() -> None:
    """Sizes in its directory are not believed."""
    packed = takeout({"a.json": b'{"semanticSegments": [' + b" " * 20_000_000 + b"]}"})
    at = packed.rindex(b"PK\x01\x02")
    lying = packed[: at + 24] + struct.pack("<I", 100) + packed[at + 28 :]
    with pytest.raises(DocumentError):
        parse(lying)


def test_locked_zip_is_refused() -> None:
    """A password is not asked for."""
    packed = bytearray(takeout({"a.json": month(DRIVE)}))
    packed[6] |= 1
    packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(TruncatedDocumentError, match="a whole zip file without password"):
        parse(bytes(packed))


def test_zip_in_a_zip_is_left_alone() -> None:
    """Whatever is in it, it is no JSON file."""
    with pytest.raises(UnknownFormatError, match="a zip file without it"):
        parse(takeout({"inner.zip": takeout({"a.json": month(DRIVE)})}))


def test_too_many_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files in a zip are counted before they are opened."""
    monkeypatch.setattr(envelope, "MAX_ENTRY_COUNT", 3)
    with pytest.raises(DocumentTooLargeError, match="expected at most 3 files; got 4"):
        parse(takeout({f"{n}.json": b"{}" for n in range(4)}))


def test_too_many_trips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trips of all files are counted together."""
    monkeypatch.setattr(sys.modules[parse.__module__], "MAX_TRIP_COUNT", 3)
    two = [month(DRIVE, replace(DRIVE, start_s=AT_S + n)) for n in (1, 2)]
    with pytest.raises(DocumentTooLargeError, match="at most 3 trips"):
        parse(takeout({"a.json": two[0], "b.json": two[1]}))


def test_too_large_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A clear limit, before anything is read."""
    monkeypatch.setattr(envelope, "MAX_DOCUMENT_SIZE", 1000)
    with pytest.raises(DocumentTooLargeError, match="expected at most 1000 bytes"):
        parse(android(*(replace(DRIVE, start_s=AT_S + n) for n in range(10))))


def test_large_records_json_is_told_by_its_head() -> None:
    """Raw points are refused by what they are, however many there are: nothing of them is read."""
    body = b'{"locations": [' + b'{"latitudeE7": 1},' * 2_000_000 + b"]}"
    tracemalloc.start()
    with pytest.raises(UnknownFormatError, match="not how somebody travelled"):
        parse(body)
    with pytest.raises(UnknownFormatError, match="not how somebody travelled"):
        parse(takeout({"Records.json": body}))
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 5_000_000


def test_memory_is_flat() -> None:
    """What is not a trip is forgotten as it is read."""
    segment = b'{"position": {"LatLng": "1.0\xc2\xb0, 2.0\xc2\xb0", "timestamp": "2024-06-15T08:00:00.000Z"}},'
    body = b'{"rawSignals": [' + segment * 300_000 + segment[:-1] + b'], "semanticSegments": []}'
    tracemalloc.start()
    assert parse(body).activities == ()
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(body) > 24_000_000
    assert peak_bytes < 12_000_000


def test_archive_is_not_searched_for_other_suffixes() -> None:
    """Entries are told by their suffix, then by their first bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("timeline.txt", month(DRIVE))
        archive.writestr("a.json", month(replace(DRIVE, metres=5)))
    assert [one.quantity_micro for one in parse(packed.getvalue()).activities] == [5_000]
