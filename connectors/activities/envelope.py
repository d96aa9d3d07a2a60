"""From the bytes as they came to lines of text: size, encoding, what a file looks like, and which of two layouts it has."""

import codecs
from enum import StrEnum

from domain.errors import DocumentTooLargeError, TruncatedDocumentError, UnknownFormatError

MAX_DOCUMENT_SIZE = 50_000_000
"""Bytes of one file: about 300,000 activities."""

MAX_LINE_COUNT = 250_000
"""Lines of one file."""

_NEXT_STEP = "Give one JSON object per line (NDJSON), or CSV with a comma between the cells, in UTF-8."
_WIDE_BOMS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_LOOKS = (
    (b"%PDF", "a PDF file"),
    (b"PK\x03\x04", "a zip file or an Excel workbook"),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x1f\x8b", "a gzip file"),
    (b"<", "XML or HTML"),
    (b"[", "a JSON array"),
)


class Layout(StrEnum):
    """How a file says its activities."""

    NDJSON = "ndjson"
    CSV = "csv"


def lines_of(body: bytes) -> tuple[Layout, list[str]]:
    """The layout of a file and its lines, without line ends.

    Args:
        body: The file: UTF-8, with or without byte order mark, lines ended by LF or CRLF.

    Returns:
        The layout, and every line; bytes that are no UTF-8 are lone surrogates in them.

    Raises:
        DocumentTooLargeError: More than `MAX_DOCUMENT_SIZE` bytes or `MAX_LINE_COUNT` lines.
        UnknownFormatError: UTF-16, or not text; the message says what it looks like.
        TruncatedDocumentError: An empty file.
    """
    if len(body) > MAX_DOCUMENT_SIZE:
        raise DocumentTooLargeError(
            expected=f"at most {MAX_DOCUMENT_SIZE} bytes", got=f"{len(body)} bytes", next_step="Send several files."
        )
    body = _utf8(body)
    if body.count(b"\n") > MAX_LINE_COUNT:
        raise DocumentTooLargeError(
            expected=f"at most {MAX_LINE_COUNT} lines",
            got=f"{body.count(bytes([10]))} line ends",
            next_step="Send several files.",
        )
    start = body.lstrip()
    if not start:
        raise TruncatedDocumentError("This file is empty", expected="at least one activity", got=f"{len(body)} bytes")
    _check_looks(start)
    lines = [line.removesuffix("\r") for line in body.decode("utf-8", "surrogateescape").split("\n")]
    return (Layout.NDJSON if start.startswith(b"{") else Layout.CSV), lines


def _utf8(body: bytes) -> bytes:
    if body.startswith(_WIDE_BOMS) or b"\x00" in body[:4]:
        raise UnknownFormatError(
            "This file is in UTF-16 or UTF-32",
            expected="UTF-8",
            got=body[:4].hex(" "),
            next_step="Save it as UTF-8 (in Excel: CSV UTF-8, comma delimited).",
        )
    return body.removeprefix(codecs.BOM_UTF8)


def _check_looks(start: bytes) -> None:
    for mark, name in _LOOKS:
        if start.startswith(mark):
            raise UnknownFormatError(
                "This is no file of activities", expected="NDJSON or CSV", got=f"what looks like {name}", next_step=_NEXT_STEP
            )
    if b"\x00" in start[:4096]:
        raise UnknownFormatError("This is not text", expected="NDJSON or CSV", got="bytes of zero", next_step=_NEXT_STEP)
