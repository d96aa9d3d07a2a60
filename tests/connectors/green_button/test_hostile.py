"""Documents that are broken, cut off or meant to harm: a clean refusal, never anything else, and little memory."""

import io
import random
import tracemalloc
import zipfile
from contextlib import suppress
from time import perf_counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.green_button import envelope
from connectors.green_button.names import MAX_DEPTH
from connectors.green_button.parse import parse
from domain.errors import (
    DocumentError,
    DocumentTooLargeError,
    HostileDocumentError,
    TruncatedDocumentError,
    UnknownFormatError,
)
from tests.connectors.espi_text import ESPI_NS, START_S, document, reading

SMALL = document(*(reading(START_S + 3600 * n, n, before="<cost>5</cost>") for n in range(24)))


def parses_or_refuses(body: bytes) -> None:
    """Parse, and accept a refusal that is ours; anything else fails the test."""
    with suppress(DocumentError):
        parse(body)


def test_billion_laughs() -> None:
    """Entities that expand need a DOCTYPE, which is refused before they are read."""
    lols = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    body = f'<?xml version="1.0"?><!DOCTYPE feed [<!ENTITY l0 "lol">{lols}]><feed xmlns="{ESPI_NS}">&l9;</feed>'
    with pytest.raises(HostileDocumentError, match="declares a document type; expected no DOCTYPE"):
        parse(body.encode())


def test_external_entity() -> None:
    """A file or address named in a DOCTYPE is never opened."""
    body = b'<!DOCTYPE feed [<!ENTITY x SYSTEM "file:///etc/passwd">]><feed>&x;</feed>'
    with pytest.raises(HostileDocumentError, match="DOCTYPE"):
        parse(body)


def test_doctype_after_comments_and_white_space() -> None:
    """A DOCTYPE further down is found too."""
    with pytest.raises(HostileDocumentError, match="in line 3"):
        parse(b"<?xml version='1.0'?>\n<!-- x -->\n<!DOCTYPE feed SYSTEM 'http://example.org/a.dtd'>\n<feed/>")


def test_undeclared_entity_is_no_text() -> None:
    """A reference to an entity that nobody declared is not well-formed."""
    with pytest.raises(UnknownFormatError, match="undefined entity; in line 1, column 7"):
        parse(b"<feed>&xxe;</feed>")


@pytest.mark.parametrize("outer", ["", f'<IntervalBlock xmlns="{ESPI_NS}">'], ids=["outside", "inside a block"])
def test_deep_nesting(outer: str) -> None:
    """Elements inside each other a hundred thousand times are refused, outside and inside blocks."""
    closing = "</IntervalBlock>" if outer else ""
    body = f"{outer}{'<a><IntervalReading/>' * 100_000}{'</a>' * 100_000}{closing}"
    with pytest.raises(HostileDocumentError, match=f"nested too deep; expected at most {MAX_DEPTH} levels"):
        parse(body.encode())


def test_a_hundred_thousand_attributes() -> None:
    """An element with very many attributes is passed over in reasonable time."""
    attributes = " ".join(f'a{n}="1"' for n in range(100_000))
    begin = perf_counter()
    parse(SMALL.replace(b"<feed ", f"<feed {attributes} ".encode()))
    assert perf_counter() - begin < 5


def test_very_many_entries() -> None:
    """A document of empty entries is refused before it fills the memory."""
    body = b'<feed xmlns="http://www.w3.org/2005/Atom">' + b"<entry/>" * 300_000 + b"</feed>"
    with pytest.raises(HostileDocumentError, match="too many entries; expected at most 200000"):
        parse(body)


def test_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document above the limit is refused unread."""
    monkeypatch.setattr(envelope, "MAX_DOCUMENT_SIZE", 100)
    with pytest.raises(DocumentTooLargeError, match="expected at most 100 bytes; got"):
        parse(SMALL)


def test_cut_anywhere() -> None:
    """A document cut off at any byte is refused as cut off, or as broken at a place that is named."""
    for size in range(0, len(SMALL) - 1, 7):
        with pytest.raises((TruncatedDocumentError, UnknownFormatError)):
            parse(SMALL[:size])


def test_cut_in_a_block_says_so() -> None:
    """The refusal of a cut document says what to do."""
    with pytest.raises(
        TruncatedDocumentError, match=r"ends too early; expected a complete XML document.*Download the file again"
    ):
        parse(SMALL[: len(SMALL) // 2])


@pytest.mark.parametrize(
    ("body", "looks_like"),
    [
        (b'{"readings": []}', "JSON"),
        (b"[1, 2]", "JSON"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b"  <HTML><body>", "a web page"),
        (b"%PDF-1.7 ...", "a PDF file"),
        (b"Date,Start,End,kWh\n2024-01-01,00:00,01:00,0.5\n", r"a table \(CSV\)"),
        (b"\x00\x01\x02\x03", "a binary file"),
        (b"hello", "text that begins with 'hello'"),
    ],
)
def test_other_formats_are_named(body: bytes, looks_like: str) -> None:
    """What is no XML is refused by what it looks like."""
    with pytest.raises(UnknownFormatError, match=f"got {looks_like}"):
        parse(body)


def test_empty_file() -> None:
    """An empty file is called empty."""
    with pytest.raises(TruncatedDocumentError, match="This document is empty"):
        parse(b" \n")


def test_unknown_encoding() -> None:
    """An encoding that we do not read is named."""
    with pytest.raises(UnknownFormatError, match=r"encoding of this document is not known; .*; got ebcdic-us"):
        parse(b'<?xml version="1.0" encoding="EBCDIC-US"?><feed/>')


@pytest.mark.parametrize("codec", ["utf-16", "utf-8-sig", "utf-32"])
def test_other_encodings_read_the_same(codec: str) -> None:
    """Unicode encodings with a byte order mark give the same series."""
    assert parse(SMALL.decode().replace("UTF-8", codec.removesuffix("-sig")).encode(codec)).series == parse(SMALL).series


def test_latin_1_title() -> None:
    """An ISO-8859-1 document's title is read in that encoding."""
    body = SMALL.decode().replace("UTF-8", "ISO-8859-1").replace("Test feed", "Énergie").encode("latin-1")
    assert parse(body).title == "Énergie"


def test_leading_white_space() -> None:
    """Line breaks before the XML declaration, which some downloads have, do not matter."""
    assert parse(b"\r\n " + SMALL).series == parse(SMALL).series


def zipped(**members: bytes) -> bytes:
    """A zip file of these members; two underscores in a name stand for a dot."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "."), content)
    return packed.getvalue()


def test_zip_with_one_document() -> None:
    """A zip with one XML document is that document."""
    assert parse(zipped(usage__xml=SMALL, readme__txt=b"hello")).series == parse(SMALL).series


def test_zip_with_two_documents() -> None:
    """A zip with several documents is one document; what stands in two of them counts once."""
    other = document(*(reading(START_S + 3600 * n, n) for n in range(12, 36)))
    both = parse(zipped(a__xml=SMALL, b__xml=other))
    assert (
        sum(one.total() for one in both.series)
        == parse(document(*(reading(START_S + 3600 * n, n) for n in range(36)))).series[0].total()
    )


def test_zip_with_a_bad_document() -> None:
    """Of a zip with several documents, a broken one is refused by its name, and the others stand."""
    both = parse(zipped(a__xml=SMALL, b__xml=SMALL[:-40]))
    assert [one.total() for one in both.series] == [one.total() for one in parse(SMALL).series]
    assert [error.record.partition(",")[0] for error in both.refused] == ["b.xml: line 2"]


def test_zip_with_very_many_documents(monkeypatch: pytest.MonkeyPatch) -> None:
    """A zip with more documents than any utility sends is refused before one is unpacked."""
    monkeypatch.setattr(envelope, "MAX_ZIP_COUNT", 2)
    with pytest.raises(UnknownFormatError, match=r"too many XML documents; expected 1 to 2 \.xml files; got 3"):
        parse(zipped(a__xml=SMALL, b__xml=SMALL, c__xml=SMALL))


def test_zip_bomb() -> None:
    """A zip that unpacks to more than a hundred times its size is refused."""
    with pytest.raises(HostileDocumentError, match="unpacks to far more than its size"):
        parse(zipped(a__xml=b"<feed>" + b" " * 20_000_000))


def test_cut_zip() -> None:
    """A zip that is cut off is refused."""
    with pytest.raises(TruncatedDocumentError, match="cannot be unpacked"):
        parse(zipped(a__xml=SMALL)[:-30])


def test_long_names_and_addresses() -> None:
    """Names and links of a million characters are passed over."""
    long = b"a" * 1_000_000
    body = SMALL.replace(b"</feed>", b"<" + long + b"/><entry><link rel='self' href='" + long + b"'/></entry></feed>")
    assert parse(body).series == parse(SMALL).series


def test_many_slashes_in_addresses() -> None:
    """Addresses of many segments are joined in reasonable time."""
    meters = b"".join(
        b"<entry><link rel='self' href='%s/%d'/><content><MeterReading xmlns='%s'/></content></entry>"
        % (b"/a" * 200, n, ESPI_NS.encode())
        for n in range(3_000)
    )
    begin = perf_counter()
    parse(SMALL.replace(b"</feed>", meters + b"</feed>"))
    assert perf_counter() - begin < 5


@given(st.lists(st.tuples(st.integers(0, len(SMALL) - 1), st.integers(0, 255)), min_size=1, max_size=8))
@settings(max_examples=300, deadline=None)
def test_flipped_bytes(changes: list[tuple[int, int]]) -> None:
    """Random bytes anywhere give a result or one of our refusals."""
    body = bytearray(SMALL)
    for at, byte in changes:
        body[at] = byte
    parses_or_refuses(bytes(body))


@given(st.binary(max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_bytes(body: bytes) -> None:
    """Any bytes give a result or one of our refusals."""
    parses_or_refuses(body)


@given(
    st.lists(
        st.sampled_from([b"<a>", b"</a>", b"<IntervalReading>", b"<!--", b"-->", b"<![CDATA[", b"]]>", b"&amp;", b"<?x ?>", b"9"])
    )
)
@settings(max_examples=300, deadline=None)
def test_odd_mark_up_in_a_block(pieces: list[bytes]) -> None:
    """Pieces of mark-up inside a block give a result or one of our refusals."""
    parses_or_refuses(SMALL.replace(b"</IntervalReading>", b"</IntervalReading>" + b"".join(pieces), 1))


@pytest.mark.parametrize("is_one_block", [True, False], ids=["one block", "many blocks"])
def test_memory_per_reading_is_flat(*, is_one_block: bool) -> None:
    """Ten times the readings need ten times the columns and no more: at most 200 bytes each beside the document."""
    peaks = []
    for count in (10_000, 100_000):
        readings = [reading(START_S + 900 * n, n % 1000, duration=900) for n in range(count)]
        if is_one_block:
            body = document(*readings)
        else:
            split = "</IntervalBlock><IntervalBlock>".join("".join(readings[n : n + 96]) for n in range(0, count, 96))
            body = document(split)
        del readings
        tracemalloc.start()
        parsed = parse(body)
        peaks.append(tracemalloc.get_traced_memory()[1] - (len(body) if is_one_block else 0))
        tracemalloc.stop()
        assert sum(len(one.values) for one in parsed.series) == count
    assert peaks[1] < 200 * 100_000
    assert peaks[1] < 12 * peaks[0]


def test_shuffled_readings_keep_their_sum() -> None:
    """The order of readings inside a block does not change what they add up to."""
    readings = [reading(START_S + 3600 * n, n * n) for n in range(50)]
    random.Random(7).shuffle(readings)  # noqa: S311 - a fixed order
    assert parse(document(*readings)).series[0].total() * 1000 == sum(n * n for n in range(50))
