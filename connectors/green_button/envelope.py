"""From the bytes as they came to UTF-8 XML documents: size, kind of file, encoding, and a zip with documents in it."""

import codecs
import io
import re
import zipfile
import zlib
from collections.abc import Iterator

from domain.errors import DocumentTooLargeError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError

MAX_DOCUMENT_SIZE = 100_000_000
"""Bytes of one document, unpacked: about 400,000 readings; a utility splits larger exports."""

MAX_ZIP_RATIO = 100
"""Unpacked bytes per packed byte; Green Button XML reaches about 40."""

MAX_ZIP_COUNT = 500
"""XML documents of one zip; a utility that splits by the month or the meter sends some dozens."""

_NEXT_STEP = "Choose the XML file of the utility's Green Button download."
_ENCODING = re.compile(rb"<\?xml[^>]{0,100}?encoding\s*=\s*[\"']([A-Za-z0-9._-]{1,40})[\"']")
_EIGHT_BIT = {
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "iso-8859-15": "iso8859-15",
}
_WIDE_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_LOOKS = (
    (b"%PDF", "a PDF file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\xd0\xcf\x11\xe0", "an old Microsoft Office file"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)


def xmls_of(body: bytes) -> Iterator[tuple[str, bytes]]:
    """The XML documents in a file, in UTF-8, from their first tag; of a zip one after the other, so that one is in memory.

    Args:
        body: The file: XML, or a zip with XML documents.

    Yields:
        Its name in the zip (empty without one), and the document's bytes; the same object where nothing had to be changed.

    Raises:
        DocumentTooLargeError: More than `MAX_DOCUMENT_SIZE` bytes, packed or unpacked.
        UnknownFormatError: Not XML; the message says what it looks like.
        HostileDocumentError: A zip that unpacks to more than it says, or more than `MAX_ZIP_RATIO` times its size.
        TruncatedDocumentError: An empty file, or a zip that is cut off.
    """
    _check_size(len(body))
    if not body.startswith(b"PK\x03\x04"):
        yield "", _utf8(body)
        return
    for name, document in _xmls_of_zip(body):
        yield name, _utf8(document)


def _check_size(size: int) -> None:
    if size > MAX_DOCUMENT_SIZE:
        raise DocumentTooLargeError(
            expected=f"at most {MAX_DOCUMENT_SIZE} bytes",
            got=f"{size} bytes",
            next_step="Download a shorter period at a time.",
        )


def _utf8(body: bytes) -> bytes:
    # The document in UTF-8, without byte order mark and leading white space.
    for mark, codec in _WIDE_BOMS:
        if body.startswith(mark):
            return _checked_start(_decoded(body, codec).encode())
    text = _checked_start(body.removeprefix(codecs.BOM_UTF8))
    declared = _ENCODING.match(text)
    name = declared[1].decode().lower() if declared else "utf-8"
    if name in _EIGHT_BIT:
        return _decoded(text, _EIGHT_BIT[name]).encode()
    if name in {"utf-8", "utf8", "us-ascii", "ascii", "utf-16"}:  # some programs say utf-16 above UTF-8 bytes
        return text
    raise UnknownFormatError(
        "The encoding of this document is not known",
        expected="UTF-8, UTF-16, ISO-8859-1 or Windows-1252",
        got=name,
        next_step=_NEXT_STEP,
    )


def _decoded(body: bytes, codec: str) -> str:
    try:
        return body.decode(codec)
    except UnicodeDecodeError as error:
        raise UnknownFormatError(
            "This document is not in the encoding that it names", expected=codec, got=str(error), next_step=_NEXT_STEP
        ) from error


def _checked_start(body: bytes) -> bytes:
    # The document from its first tag, if it begins with one.
    head = body[:4096].lstrip()
    if not head:
        if body.strip():
            return body.lstrip()
        raise TruncatedDocumentError("This document is empty", expected="a Green Button (ESPI) XML document", got="no bytes")
    lowered = head[:200].lower()
    if lowered.startswith((b"<!doctype html", b"<html")):
        raise _not_xml("a web page (HTML), perhaps of an expired sign-in")
    if head.startswith(b"<"):
        return body.lstrip() if body[:1] != b"<" else body
    for mark, looks_like in _LOOKS:
        if head.startswith(mark):
            raise _not_xml(looks_like)
    raise _not_xml(_looks_like_text(head))


def _looks_like_text(head: bytes) -> str:
    first_line = head.split(b"\n", 1)[0]
    if b"\0" in head:
        return "a binary file"
    if first_line.count(b",") > 1 or first_line.count(b";") > 1 or b"\t" in first_line:
        return "a table (CSV)"
    return f"text that begins with {head[:20].decode('latin-1')!r}"


def _not_xml(looks_like: str) -> UnknownFormatError:
    return UnknownFormatError(expected="a Green Button (ESPI) XML document", got=looks_like, next_step=_NEXT_STEP)


def _xmls_of_zip(body: bytes) -> Iterator[tuple[str, bytes]]:
    # The XML documents of a zip, unpacked within the limits of all of them together, whatever the zip says about itself.
    budget = min(MAX_DOCUMENT_SIZE, len(body) * MAX_ZIP_RATIO)
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            members = [one for one in archive.infolist() if one.filename.lower().endswith(".xml") and not one.is_dir()]
            if not 1 <= len(members) <= MAX_ZIP_COUNT:
                raise UnknownFormatError(
                    "This zip file holds no XML documents" if not members else "This zip file holds too many XML documents",
                    expected=f"1 to {MAX_ZIP_COUNT} .xml files",
                    got=f"{len(members)}",
                    next_step=_NEXT_STEP,
                )
            for member in members:
                document = _unpacked(archive, member, budget=budget)
                budget -= len(document)
                yield (member.filename if len(members) > 1 else ""), document
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError) as error:
        raise TruncatedDocumentError(
            "This zip file cannot be unpacked", expected="a whole zip file without password", got=str(error), next_step=_NEXT_STEP
        ) from error


def _unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo, *, budget: int) -> bytes:
    if member.file_size > MAX_DOCUMENT_SIZE:
        _check_size(member.file_size)
    with archive.open(member) as stream:
        unpacked = stream.read(budget + 1)
    if len(unpacked) > budget:
        raise HostileDocumentError(
            "This zip file unpacks to far more than its size",
            expected=f"at most {MAX_ZIP_RATIO} times its size",
            got=f"more than {budget} bytes",
            next_step="Upload the XML file itself.",
        )
    if unpacked.startswith(b"PK\x03\x04"):
        raise HostileDocumentError("This zip file contains another zip file", expected="one XML document", got="a zip file")
    return unpacked
