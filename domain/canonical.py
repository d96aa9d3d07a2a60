"""One byte string for one value: canonical JSON.

RFC 8785 (JSON Canonicalization Scheme), narrowed to what hashes need: objects with ASCII keys, arrays, strings, integers
below 2^53 in magnitude, booleans and null. Inside that set the standard library's sorted dump is byte-identical to RFC 8785
(a property test holds it against the `rfc8785` package). Amounts that may be larger travel as strings.
"""

import json
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from json.encoder import encode_basestring
from typing import Any, TypeAlias, cast

from domain.errors import CanonicalError

Json: TypeAlias = "bool | int | str | Sequence[Json] | Mapping[str, Json] | None"
"""What canonical JSON can carry."""

MAX_INTEGER = 2**53 - 1
"""Largest integer that every JSON reader keeps (RFC 8785, section 3.2.2.3)."""

MAX_DEPTH_COUNT = 64
"""Nesting allowed when reading."""

_LONG_NUMBER = re.compile(rb"[0-9]{16}")
"""Fewer digits are below 2^53."""


def to_canonical(value: Json) -> bytes:
    """The canonical JSON bytes of a value.

    Args:
        value: Objects with ASCII keys, arrays, strings without lone surrogates, integers within ±(2^53 - 1), booleans, null.

    Returns:
        UTF-8 bytes, keys sorted, no white space.

    Raises:
        CanonicalError: The value holds something else.

    Source:
        RFC 8785, section 3.2.
    """
    if not _is_plain(value, 0):
        _check(value, "$", 0)
    return _dumped(value)


def _dumped(checked: Json) -> bytes:
    return _ENCODER.encode(checked).encode("utf-8")


def canonical_text(text: str) -> str:
    """The canonical JSON of a text: for content of a fixed form that is written thousands of times.

    Args:
        text: Without lone surrogates: `utf8_of` refuses them.

    Returns:
        The text in quotes, escaped where RFC 8785, section 3.2.2.2, says so.
    """
    return encode_basestring(text)


def utf8_of(written: str) -> bytes:
    """The bytes of canonical JSON that was written piece by piece.

    Args:
        written: Its text.

    Returns:
        UTF-8.

    Raises:
        CanonicalError: It holds a lone surrogate.
    """
    try:
        return written.encode()
    except UnicodeEncodeError as error:
        raise CanonicalError(expected="text without lone surrogates", got=ascii(written[error.start : error.end])) from error


def from_canonical(data: bytes, *, record: str = "document") -> Json:
    """The value of canonical JSON bytes.

    Args:
        data: UTF-8 bytes.
        record: What is read, for the message.

    Returns:
        The value.

    Raises:
        CanonicalError: The bytes are not JSON, or not the canonical form of what they say (white space, order, duplicate keys).
    """
    value = from_json(data, record=record)
    again = _dumped(value)
    if again != data:
        at_byte = next((i for i, (a, b) in enumerate(zip(again, data, strict=False)) if a != b), min(len(again), len(data)))
        raise CanonicalError(
            "These bytes are not canonical JSON",
            expected=f"RFC 8785 bytes; first difference at byte {at_byte}",
            got=data[at_byte : at_byte + 24].decode("utf-8", "replace"),
            record=record,
            next_step="Use the file as it was exported; do not re-format it.",
        )
    return value


def from_json(data: bytes, *, record: str = "document") -> Json:
    """The value of strict JSON bytes in any layout: no duplicate keys, no NaN, no fractions, bounded depth.

    Args:
        data: UTF-8 bytes.
        record: What is read, for the message.

    Returns:
        The value.

    Raises:
        CanonicalError: The bytes are not such JSON.
    """
    is_flat = data.count(b"[") + data.count(b"{") <= MAX_DEPTH_COUNT
    try:
        if not is_flat and _depth_count(data) > MAX_DEPTH_COUNT:
            raise CanonicalError(expected=f"at most {MAX_DEPTH_COUNT} levels", got="deeper nesting")
        value = _DECODER.decode(data.decode("utf-8"))
    except CanonicalError as error:  # from a hook, which does not know what is read
        raise CanonicalError(error.message, expected=error.expected, got=error.got, record=record) from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CanonicalError("This is not JSON", expected="UTF-8 JSON", got=str(error), record=record) from error
    except ValueError as error:  # over-long integers
        raise CanonicalError("This is not JSON that we read", got=str(error), record=record) from error
    is_told_by_bytes = is_flat and data.isascii() and b"\\u" not in data and not _LONG_NUMBER.search(data)
    if not is_told_by_bytes and not _is_plain(value, 0):
        _check(value, record, 0)
    return cast("Json", value)


def sha256_hex(data: bytes) -> str:
    """SHA-256 of bytes, 64 lower-case hexadecimal digits."""
    return sha256(data).hexdigest()


def canonical_sha256(value: Json) -> bytes:
    """SHA-256 of the canonical JSON of a value, 32 bytes."""
    return sha256(to_canonical(value)).digest()


def _is_plain(value: Any, depth: int) -> bool:  # noqa: ANN401 - whatever was given
    """Whether a value is canonical JSON of the plainest types: then there is no fault to look for, and no path to build."""
    kind = type(value)
    if kind is dict:
        return depth < MAX_DEPTH_COUNT and _is_plain_object(value, depth)
    if kind is list or kind is tuple:
        return depth < MAX_DEPTH_COUNT and all(_is_plain(item, depth + 1) for item in value)
    if kind is str:
        return bool(value.isascii())
    if kind is int:
        return bool(-MAX_INTEGER <= value <= MAX_INTEGER)
    return value is None or kind is bool


def _is_plain_object(value: dict[Any, Any], depth: int) -> bool:
    for key, item in value.items():
        if type(key) is not str or not key.isascii():
            return False
        if not (item.isascii() if type(item) is str else _is_plain(item, depth + 1)):  # most are text: no call for them
            return False
    return True


def _check(value: object, path: str, depth: int) -> None:
    if depth >= MAX_DEPTH_COUNT and isinstance(value, Mapping | list | tuple):
        raise CanonicalError(expected=f"at most {MAX_DEPTH_COUNT} levels", got="deeper nesting", record=path[:80])
    match value:
        case None | bool():
            return
        case int():
            if abs(value) > MAX_INTEGER:
                raise CanonicalError(
                    expected="an integer below 2^53, or a string", got=f"one of {value.bit_length()} bits", record=path
                )
        case str():
            if not value.isascii() and any("\ud800" <= c <= "\udfff" for c in value):
                raise CanonicalError(expected="text without lone surrogates", got=ascii(value), record=path)
        case Mapping():
            for key, item in value.items():
                if not isinstance(key, str) or not key.isascii():
                    raise CanonicalError(expected="ASCII keys", got=key, record=path)
                _check(item, f"{path}.{key}", depth + 1)
        case list() | tuple():
            for index, item in enumerate(value):
                _check(item, f"{path}[{index}]", depth + 1)
        case _:
            raise CanonicalError(expected="text, integer, boolean, null, array or object", got=type(value).__name__, record=path)


def _no_duplicates(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]  # add returns None, so `or` goes on
        raise CanonicalError("A key stands twice", expected="each key once", got=twice)
    return found


def _no_constant(text: str) -> object:
    raise CanonicalError(expected="an integer or a string", got=text)


def _no_fraction(text: str) -> object:
    raise CanonicalError(expected="an integer, or the amount as a string", got=text)


def _depth_count(data: bytes) -> int:
    """Deepest nesting of JSON bytes; of bytes that are no JSON something."""
    deepest = depth = 0
    unescaped = data.replace(b"\\\\", b"").replace(b'\\"', b"")  # what is left of quotes begins or ends a text
    for byte in b"".join(unescaped.split(b'"')[::2]).translate(None, delete=_NO_BRACKETS):
        if byte in _OPENING:
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest


_OPENING = b"[{"
_NO_BRACKETS = bytes(byte for byte in range(256) if byte not in b"[{]}")

_DECODER = json.JSONDecoder(object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_no_fraction)
_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=dict)
