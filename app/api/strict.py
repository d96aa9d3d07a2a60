"""Reading what strangers send: JSON, NDJSON, uploads. What is in a file (XML, zip) is for the connector that reads it.

Everything here has a bound (depth, line, file) and says which one was passed. JSON numbers with a fraction
or an exponent stay the text that was sent (`DecimalText`), so that no amount ever passes through a float.
"""

import json
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias, cast

from fastapi import Request
from fastapi.responses import Response
from fastapi.routing import APIRoute
from pydantic_core import from_json
from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from app.api.problems import ProblemError, edge_problem
from domain.canonical import MAX_DEPTH_COUNT, MAX_INTEGER
from domain.errors import CanonicalError, DocumentError, DocumentTooLargeError, TruncatedDocumentError

StrictJson: TypeAlias = "bool | int | str | list[StrictJson] | dict[str, StrictJson] | None"
"""What `read_json` gives; amounts with a fraction are `DecimalText`."""

MAX_FIELD_COUNT = 32
"""Fields of a form besides its file."""

MAX_FIELD_BYTES = 64 * 1024
"""Longest field of a form."""

MAX_NAME_LENGTH = 120
"""Characters kept of an uploaded file's name."""

_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_BRACKET = re.compile(rb"[\[\]{}]")


class DecimalText(str):
    """A JSON number with a fraction or an exponent, exactly as it was written."""

    __slots__ = ()


def read_json(data: bytes, *, record: str = "body") -> StrictJson:
    """The value of strict JSON bytes.

    Args:
        data: UTF-8 without a byte order mark.
        record: What is read, for the message.

    Returns:
        The value; integers below 2^53, numbers with a fraction or an exponent as `DecimalText`.

    Raises:
        CanonicalError: Not JSON, a key twice, NaN, too deep, a lone surrogate, a NUL, or an integer that not everybody keeps.
            The message never quotes the body.
    """
    flat = _flat_object(data)
    if flat is not None:
        return flat
    is_deep = data.count(b"[") + data.count(b"{") > MAX_DEPTH_COUNT and depth_count(data) > MAX_DEPTH_COUNT
    if is_deep:
        raise CanonicalError("This JSON is nested too deeply", expected=f"at most {MAX_DEPTH_COUNT} levels", record=record)
    try:
        value = _decoded(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CanonicalError("This is not UTF-8", got=f"another encoding at byte {error.start}", record=record) from error
    except json.JSONDecodeError as error:
        expected = error.msg[0].lower() + error.msg[1:]
        raise CanonicalError("This is not JSON", got=f"a fault at character {error.pos}: {expected}", record=record) from error
    except CanonicalError as error:
        raise CanonicalError(error.message, expected=error.expected, record=record) from error
    if b"\\" in data:  # without an escape no text can hold what cannot be stored
        _check_texts(value, record)
    return cast("StrictJson", value)


def _flat_object(data: bytes) -> StrictJson:
    """An object of texts, integers, booleans and nulls without any escape, read fast; None for all else, good or bad.

    The fast reader takes the last of two equal keys: then more quotation marks stand in the bytes than the object needs.
    """
    if b"\\" in data:
        return None
    try:
        value = from_json(data)
    except ValueError:
        return None
    if value.__class__ is not dict:
        return None
    texts_count = len(value)
    for item in value.values():
        if item.__class__ is str:
            texts_count += 1
        elif item.__class__ is int:
            if abs(item) > MAX_INTEGER:
                return None
        elif item is not None and item.__class__ is not bool:
            return None
    return cast("StrictJson", value) if data.count(b'"') == 2 * texts_count else None


def depth_count(data: bytes) -> int:
    """Levels of arrays and objects in JSON bytes, counted without parsing them."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", data)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise CanonicalError("A key stands twice", expected="each key once")
    return found


def _refuse_constant(_text: str) -> object:
    raise CanonicalError("NaN and Infinity are no JSON", expected="a number or a text")


def _integer(text: str) -> int:
    if len(text) > len(str(MAX_INTEGER)) + 1 or abs(int(text)) > MAX_INTEGER:
        raise CanonicalError("This integer is too large for JSON", expected="an integer below 2^53, or the amount as text")
    return int(text)


_decoder = json.JSONDecoder(
    object_pairs_hook=_once_each, parse_constant=_refuse_constant, parse_float=DecimalText, parse_int=_integer
)


def _decoded(text: str) -> object:
    """The value of JSON text.

    Raises:
        CanonicalError: A key twice, NaN, or an integer that is too large.
        JSONDecodeError: It is no JSON.
    """
    if text.startswith("\ufeff"):  # as `json.loads` says it
        raise json.JSONDecodeError("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0)
    return _decoder.decode(text)


def _check_texts(value: object, record: str) -> None:
    """Refuse what cannot be stored, in keys and values.

    Raises:
        CanonicalError: A text holds NUL (PostgreSQL cannot store it) or a lone surrogate (UTF-8 cannot write it).
    """
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as items:
                waiting += [*items.keys(), *items.values()]
            case list() as items:
                waiting += items
            case str() as text if "\x00" in text or any("\ud800" <= c <= "\udfff" for c in text):
                raise CanonicalError("A text holds what cannot be stored", expected="no NUL, no lone surrogates", record=record)
            case _:
                pass


class StrictRequest(Request):
    """A request whose `json()` is `read_json`."""

    async def json(self) -> Any:  # noqa: ANN401 - Starlette's signature
        """The body as strict JSON.

        Returns:
            The value.

        Raises:
            ProblemError: 400; the problem says what is wrong, without quoting the body.
        """
        try:
            return read_json(await self.body())
        except CanonicalError as error:
            raise ProblemError(
                edge_problem("invalid-json", error.message, expected=error.expected, got=error.got, record=error.record)
            ) from error


class StrictRoute(APIRoute):
    """A route that reads JSON strictly: `APIRouter(route_class=StrictRoute)`. `create_app` refuses others that take JSON."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The usual handler, given a strict request."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return strict


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of an NDJSON body: a value, or why there is none.

    Invariants: exactly one of `value` and `error` counts; `error` is None for a good line.
    """

    line_index: int
    value: StrictJson = None
    error: CanonicalError | DocumentTooLargeError | None = None


async def read_lines(
    chunks: AsyncIterator[bytes], *, max_line_bytes: int = 64 * 1024, max_line_count: int = 100_000
) -> AsyncIterator[Line]:
    """The lines of an NDJSON body, as they arrive; a bad line never stops the others.

    Args:
        chunks: The body, such as `request.stream()`.
        max_line_bytes: Longest line, bytes; of a longer one only the error is kept.
        max_line_count: Most lines.

    Yields:
        One entry per line that is not empty, numbered from 1 as in the file.

    Raises:
        DocumentTooLargeError: More lines than allowed.
    """
    line_index = 0
    async for raw in _raw_lines(chunks, max_line_bytes):
        line_index += 1
        if line_index > max_line_count:
            raise DocumentTooLargeError(
                "This batch has too many lines", expected=f"at most {max_line_count}", next_step="Send it in several batches."
            )
        record = f"line {line_index}"
        if raw is None:
            yield Line(
                line_index=line_index,
                error=DocumentTooLargeError("This line is too long", expected=f"at most {max_line_bytes} bytes", record=record),
            )
        elif raw.strip(b" \t\r"):
            yield _line(raw, line_index, record)


def _line(raw: bytes, line_index: int, record: str) -> Line:
    try:
        return Line(line_index=line_index, value=read_json(raw, record=record))
    except CanonicalError as error:
        return Line(line_index=line_index, error=error)


async def _raw_lines(chunks: AsyncIterator[bytes], max_line_bytes: int) -> AsyncIterator[bytes | None]:
    """Lines without their ends; None for one that is too long. Holds one line and one chunk."""
    held = bytearray()
    is_skipping = False
    async for chunk in chunks:
        *complete, rest = chunk.split(b"\n")
        for part in complete:
            yield None if is_skipping or len(held) + len(part) > max_line_bytes else bytes(held) + part
            held.clear()
            is_skipping = False
        if is_skipping or len(held) + len(rest) > max_line_bytes:
            is_skipping = True
            held.clear()
        else:
            held += rest
    if is_skipping or held:
        yield None if is_skipping else bytes(held)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """One uploaded file with the other fields of its form.

    Invariants: `name` is for showing only (no path, no control characters); `content` was never written to a disk.
    """

    name: str
    media_type: str
    content: bytes
    fields: dict[str, str]

    @property
    def fingerprint(self) -> bytes:
        """SHA-256 of file and fields: equal for the same upload sent twice, though its boundary differs."""
        digest = sha256(sha256(self.content).digest())
        for name, value in sorted(self.fields.items()):
            digest.update(sha256(name.encode()).digest() + sha256(value.encode()).digest())
        return digest.digest()


class _MemoryParser(MultiPartParser):
    """Starlette's parser, keeping files in memory: a bill must not lie in a temporary folder in clear."""

    spool_max_size = 0  # never rolls over to disk
    is_complete = False

    def on_end(self) -> None:
        """Note that the form's last boundary came."""
        self.is_complete = True

    def close(self) -> None:
        """Forget the files, also those that never ended."""
        for file in self._files_to_close_on_error:
            file.close()


async def read_upload(request: Request, *, max_bytes: int, field: str = "file", is_file_needed: bool = True) -> Upload:
    """The file and fields of a multipart form, or the bare body with its Content-Type.

    Args:
        request: The request; its body must not have been read.
        max_bytes: Largest file, bytes.
        field: Name of the file's field.
        is_file_needed: Whether a form without a file, or with an empty one, is refused.

    Returns:
        The upload.

    Raises:
        DocumentError: No file, several files, or an unreadable form.
        TruncatedDocumentError: The form ends too early, or the file is empty.
        DocumentTooLargeError: The file is larger than allowed.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == "multipart/form-data":
        upload = await _form_upload(request, field, is_file_needed=is_file_needed)
    else:
        content = await bounded_body(request, max_bytes)
        upload = Upload(name="", media_type=media_type, content=content, fields=dict(request.query_params))
    if len(upload.content) > max_bytes:
        raise DocumentTooLargeError(
            "This file is larger than allowed",
            expected=f"at most {max_bytes} bytes",
            next_step="Export a shorter period, or send several files.",
        )
    if not upload.content and is_file_needed:
        raise TruncatedDocumentError("This file is empty", expected="at least one byte", next_step="Choose the file again.")
    return upload


async def _form_upload(request: Request, field: str, *, is_file_needed: bool) -> Upload:
    try:
        parser = _MemoryParser(
            request.headers, request.stream(), max_files=1, max_fields=MAX_FIELD_COUNT, max_part_size=MAX_FIELD_BYTES
        )
        try:
            form = await parser.parse()
            if not parser.is_complete:
                raise TruncatedDocumentError("This form ends too early", next_step="Send it again.")
            return await _only_file(form, field, is_file_needed=is_file_needed)
        finally:
            parser.close()
    except (MultiPartException, KeyError) as error:  # KeyError: a form without a boundary
        raise DocumentError(
            "This form cannot be read",
            expected=f"multipart/form-data with one file and at most {MAX_FIELD_COUNT} fields",
            next_step="Send it as a browser would.",
        ) from error


async def _only_file(form: FormData, field: str, *, is_file_needed: bool) -> Upload:
    fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
    files = [(name, value) for name, value in form.multi_items() if isinstance(value, UploadFile)]
    if not files and not is_file_needed:
        return Upload(name="", media_type="", content=b"", fields=fields)
    if len(files) != 1 or files[0][0] != field:
        raise DocumentError("Send exactly one file", expected=f"one file in the field {field}", got=f"{len(files)} files")
    file = files[0][1]
    return Upload(
        name=shown_name(file.filename or ""),
        media_type=(file.content_type or "").partition(";")[0].strip().lower().replace("\x00", ""),
        content=await file.read(),
        fields=fields,
    )


async def bounded_body(request: Request, max_bytes: int) -> bytes:
    """The body of a request, up to the first bytes that are too many: the caller refuses it by its size."""
    held = bytearray()
    async for chunk in request.stream():
        held += chunk
        if len(held) > max_bytes:
            break  # the caller refuses it by its size
    return bytes(held)


def shown_name(name: str) -> str:
    """A file's name fit to be shown: its last part, printable characters, at most 120. Never a path."""
    last = re.split(r"[\\/]", name)[-1]
    return "".join(c for c in last if c.isprintable()).strip(" .")[:MAX_NAME_LENGTH]
