"""From bytes to the objects of an answer: strict JSON whose numbers keep their digits, so that no amount is ever a float."""

import json
from collections.abc import Mapping
from typing import TypeAlias

from domain.errors import DocumentError, DocumentTooLargeError, HostileDocumentError, UnknownFormatError

MAX_DOCUMENT_SIZE = 20_000_000
"""Bytes of one answer; an honest one of 500 payments has about 1.5 million."""

MAX_DEPTH_COUNT = 30
"""Levels of nesting; an honest answer has five."""

Object: TypeAlias = Mapping[str, object]
"""Names and values: text, `Number`, `Twice`, true, false, None, lists and objects."""


class Number(str):
    """A JSON number in the very digits of the document."""

    __slots__ = ()


class Twice(str):
    """Stands for an object in which this name stands twice: what it says is not known, and whoever meets it refuses it."""

    __slots__ = ()


def object_of(body: bytes) -> Object:
    """The object that an answer is.

    Args:
        body: JSON in UTF-8.

    Returns:
        Its names and values.

    Raises:
        DocumentTooLargeError: More than `MAX_DOCUMENT_SIZE` bytes.
        HostileDocumentError: Nested too deeply, or a name stands twice.
        UnknownFormatError: It is no JSON object.
    """
    if len(body) > MAX_DOCUMENT_SIZE:
        raise DocumentTooLargeError(expected=f"at most {MAX_DOCUMENT_SIZE} bytes", got=f"{len(body)} bytes")
    _check_depth(body)
    try:
        found = _DECODER.decode(body.decode())
    except (ValueError, RecursionError) as error:
        raise UnknownFormatError("This is no JSON", expected="a JSON object in UTF-8", got=_start_of(body)) from error
    if isinstance(found, Twice):
        raise HostileDocumentError("A name stands twice in this document", expected="each name once", got=str(found))
    if not isinstance(found, dict):
        raise UnknownFormatError("This is no JSON object", expected="an object", got=_start_of(body))
    return found


def listed(found: Object, name: str) -> list[object]:
    """A list of an answer.

    Raises:
        DocumentError: There is none of that name.
    """
    value = found.get(name)
    if not isinstance(value, list):
        raise DocumentError("A list is missing in this answer", expected=f"a list {name}", got=", ".join(found), record=name)
    return value


def text_of(found: Object, name: str) -> str:
    """Text of an object; empty where it is left out, null, or something else."""
    value = found.get(name)
    return value if type(value) is str else ""


def inner(found: Object, name: str) -> Object:
    """An object inside an object; empty where it is left out, null, or something else."""
    value = found.get(name)
    return value if isinstance(value, dict) else {}


def _pairs(pairs: list[tuple[str, object]]) -> object:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    names = [name for name, _ in pairs]
    return Twice(next(name for name in names if names.count(name) > 1))


def _no_constant(text: str) -> object:
    raise ValueError(text)


_DECODER = json.JSONDecoder(object_pairs_hook=_pairs, parse_float=Number, parse_int=Number, parse_constant=_no_constant)


def _check_depth(body: bytes) -> None:
    """Refuse what opens many brackets inside each other, before any reader descends into it; brackets in texts count, too.

    Raises:
        HostileDocumentError: It does.
    """
    depth_count = deepest_count = 0
    for sign in body.translate(None, _NO_BRACKETS):
        depth_count += 1 if sign in b"[{" else -1
        deepest_count = max(deepest_count, depth_count)
    if deepest_count > MAX_DEPTH_COUNT:
        raise HostileDocumentError(
            "This document is nested too deeply", expected=f"at most {MAX_DEPTH_COUNT} levels", got=f"{deepest_count} levels"
        )


_NO_BRACKETS = bytes(sign for sign in range(256) if sign not in b"[]{}")


def _start_of(body: bytes) -> str:
    return body[:60].decode(errors="replace")
