"""Which format a bank's file has, by how it begins."""

import codecs
from enum import Enum
from typing import NoReturn

from connectors.workbook import is_workbook
from domain.errors import TruncatedDocumentError, UnknownFormatError

_HEAD_SIZE = 4_000
_NEXT_STEP = "Download the transactions as OFX, QIF, camt.053 or CSV."
_OTHERS = (
    ("%PDF", "a PDF statement"),
    ("{1:", "SWIFT MT940"),
    (":20:", "SWIFT MT940"),
    ("{", "JSON"),
    ("[", "JSON"),
    ("\x1f\x8b", "a gzip file"),
    ("\x89PNG", "a PNG image"),
    ("\xff\xd8\xff", "a JPEG image"),
)


class FileSort(Enum):
    """A format of bank files; the value is its name for people."""

    OFX = "OFX"
    QIF = "QIF"
    CAMT = "camt"
    TABLE = "table"

    @property
    def title(self) -> str:
        """Its name for people."""
        return str(self.value)


def sort_of(file: bytes) -> FileSort:
    """The format of a file.

    Args:
        file: As it came.

    Returns:
        What it looks like; a table where it looks like nothing else.

    Raises:
        UnknownFormatError: It looks like something that no connector of banks reads; the message says what.
        TruncatedDocumentError: It is empty.
    """
    if is_workbook(file):
        return FileSort.TABLE
    head = _head(file)
    if not head:
        raise TruncatedDocumentError("This file is empty", expected="a bank's file", got=f"{len(file)} bytes")
    upper = head.upper()
    if upper.startswith(("OFXHEADER", "<OFX")) or (head.startswith("<") and ("<OFX" in upper or "<?OFX" in upper)):
        return FileSort.OFX
    if head.startswith("<"):
        if upper.startswith(("<!DOCTYPE HTML", "<HTML")):
            _refuse("a web page (HTML), perhaps of an expired sign-in")
        return FileSort.CAMT
    if upper.startswith(("!TYPE:", "!ACCOUNT", "!OPTION:", "!CLEAR:")):
        return FileSort.QIF
    for start, name in _OTHERS:
        if head.startswith(start):
            _refuse(name)
    return FileSort.TABLE


def _head(file: bytes) -> str:
    """The beginning as text, whatever the encoding: zeros of UTF-16 are left away."""
    start = file[:_HEAD_SIZE]
    for mark in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        start = start.removeprefix(mark)
    return start.replace(b"\x00", b"").decode("latin-1").lstrip()


def _refuse(name: str) -> NoReturn:
    raise UnknownFormatError(
        "This is no bank file that can be read",
        expected="OFX, QIF, camt or a table",
        got=f"what looks like {name}",
        next_step=_NEXT_STEP,
    )
