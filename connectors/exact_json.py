"""JSON of providers, read so that no amount passes through a float: a number stays the digits that were sent.

Bad values stay where they stand (`NaN` is a `NotANumber`, an object that has a name twice is an `Ambiguous`), so that a connector
refuses the record that holds them and keeps the others.
"""

import json
import re
from typing import cast

from domain.errors import DocumentTooLargeError, HostileDocumentError, TruncatedDocumentError, UnknownFormatError

MAX_DOCUMENT_SIZE = 20_000_000
"""Bytes of one answer: a page of 25,000 readings has about 3,000,000."""

MAX_DEPTH = 64
"""Levels of lists and objects that are read for sure; more than twice as many never are."""

_SHOWN_SIZE = 60
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


class Number(str):
    """A JSON number in the very digits of its document."""

    __slots__ = ()


class NotANumber(str):
    """`NaN`, `Infinity` or `-Infinity`, which some programs write and JSON does not have."""

    __slots__ = ()


class Ambiguous(dict[str, object]):
    """An object that has a name twice: which of the values is meant, nobody can tell."""

    __slots__ = ()


def read_exact(body: bytes) -> object:
    """The value of JSON bytes.

    Args:
        body: UTF-8, as it came.

    Returns:
        Dictionaries, lists, texts, booleans and None; `Number` for every number.

    Raises:
        DocumentTooLargeError: More than `MAX_DOCUMENT_SIZE` bytes.
        TruncatedDocumentError: Nothing, or JSON that ends too early.
        HostileDocumentError: Nested deeper than any honest answer.
        UnknownFormatError: Another format; the message says what it looks like.
    """
    if len(body) > MAX_DOCUMENT_SIZE:
        raise DocumentTooLargeError(expected=f"at most {MAX_DOCUMENT_SIZE} bytes", got=f"{len(body)} bytes")
    start = body.lstrip()
    if not start:
        raise TruncatedDocumentError(
            "This answer is empty", expected="JSON", got=f"{len(body)} bytes", next_step="Fetch it again."
        )
    if start.startswith(b"<"):
        raise UnknownFormatError(
            "This answer is a web page",
            expected="JSON",
            got=_shown(start),
            next_step="The provider has a fault; try again later.",
        )
    if _is_deep(body):
        raise HostileDocumentError("This answer is nested too deeply", expected=f"at most {MAX_DEPTH} levels", got="more")
    try:
        return cast("object", _DECODER.decode(body.decode("utf-8")))
    except UnicodeDecodeError as error:
        raise UnknownFormatError("This answer is not UTF-8", expected="JSON", got=f"another byte at {error.start}") from error
    except json.JSONDecodeError as error:
        is_cut_off = error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string")
        kind = TruncatedDocumentError if is_cut_off else UnknownFormatError
        message = "This answer is cut off" if is_cut_off else "This answer is not JSON"
        raise kind(message, expected="JSON", got=f"{error.msg} at character {error.pos}", next_step="Fetch it again.") from error


def named(value: object, name: str) -> object:
    """What an object has under a name; None where it has none, or where the value is no object or is ambiguous."""
    return value.get(name) if isinstance(value, dict) and not isinstance(value, Ambiguous) else None


def listed(value: object, name: str) -> list[object]:
    """The list that an object has under a name; empty where it has none."""
    found = named(value, name)
    return found if isinstance(found, list) else []


def text(value: object, name: str) -> str:
    """The text that an object has under a name; empty where it has none, or something else than text."""
    found = named(value, name)
    return found if isinstance(found, str) and not isinstance(found, Number | NotANumber) else ""


def _is_deep(body: bytes) -> bool:
    """Whether lists and objects are nested deeper than `MAX_DEPTH`, or than twice that where they do not fit together.

    It is not left to the decoder: it asks Python's recursion limit, which libraries raise until the stack overflows.
    """
    plain = b"".join(body.split(b'"')[::2]) if b"\\" not in body else _STRING.sub(b"", body)
    brackets = plain.translate(None, _NO_BRACKETS)
    for _ in range(MAX_DEPTH):  # each round takes the innermost level away
        if len(brackets) <= MAX_DEPTH:
            return False
        brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
    return len(brackets) > MAX_DEPTH


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else Ambiguous(found)


def _shown(start: bytes) -> str:
    return start[:_SHOWN_SIZE].decode("utf-8", "replace")


_DECODER = json.JSONDecoder(object_pairs_hook=_once_each, parse_float=Number, parse_int=Number, parse_constant=NotANumber)
