"""Strict reading: JSON, NDJSON, uploads, and hostile ones of each."""

import asyncio
import json
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from fastapi import APIRouter, Request
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from starlette.testclient import TestClient

from app.api.strict import (
    DecimalText,
    Line,
    StrictRoute,
    depth_count,
    read_json,
    read_lines,
    read_upload,
    shown_name,
)
from domain.errors import CanonicalError, DocumentTooLargeError

HOSTILE_JSON = {
    "duplicate key": b'{"a":1,"a":2}',
    "duplicate key inside": b'{"x":[{"a":1,"\\u0061":2}]}',
    "nan": b'{"a":NaN}',
    "infinity": b"[-Infinity]",
    "deep arrays": b"[" * 100_000,
    "deep closed arrays": b"[" * 65 + b"]" * 65,
    "deep objects": b'{"a":' * 70 + b"1" + b"}" * 70,
    "nul": b'{"a":"x\\u0000y"}',
    "nul in key": b'{"\\u0000":1}',
    "raw nul": b'{"a":"\x00"}',
    "lone surrogate": b'{"a":"\\ud800"}',
    "lone surrogate in key": b'{"\\udfff":1}',
    "not utf-8": b'{"a":"\xff"}',
    "overlong utf-8": b'{"a":"\xc0\x80"}',
    "utf-16": '{"a":1}'.encode("utf-16"),
    "byte order mark": b'\xef\xbb\xbf{"a":1}',
    "huge integer": b"[" + b"9" * 5000 + b"]",
    "integer over 2^53": b"[9007199254740992]",
    "trailing comma": b"[1,]",
    "two values": b"1 2",
    "single quotes": b"{'a':1}",
    "comment": b"[1]//",
    "empty": b"",
    "cut off": b'{"a":"',
    "unescaped quote": b'"\\"',
    "plus": b"[+1]",
    "hex": b"[0x1]",
    "leading zero": b"[01]",
}


class Amount(BaseModel, extra="forbid"):
    """What a route takes."""

    quantity: str


def routes() -> APIRouter:
    """Routes that read strictly."""
    router = APIRouter(route_class=StrictRoute)

    @router.post("/amounts")
    def amount(body: Amount) -> dict[str, str]:
        return {"quantity": body.quantity}

    @router.post("/documents")
    async def document(request: Request) -> dict[str, Any]:
        found = await read_upload(request, max_bytes=1000)
        return {"name": found.name, "size": len(found.content), "kind": found.media_type, "fields": found.fields}

    return router


@pytest.mark.parametrize("name", HOSTILE_JSON)
def test_hostile_json_is_refused(name: str) -> None:
    """JSON that two readers could read differently, or that costs too much, is refused."""
    with pytest.raises(CanonicalError):
        read_json(HOSTILE_JSON[name])


@pytest.mark.parametrize("name", [name for name in HOSTILE_JSON if name != "empty"])
def test_hostile_json_over_http(edge_client: Callable[..., TestClient], name: str) -> None:
    """Over HTTP each of them is a clean 400, and not repeated."""
    reply = edge_client(routes()).post("/amounts", content=HOSTILE_JSON[name], headers={"content-type": "application/json"})
    assert (reply.status_code, reply.json()["type"]) == (400, "/problems/invalid-json")
    assert len(reply.content) < 600


def test_message_of_a_duplicate_key() -> None:
    """The message says what was expected and where, without the key."""
    with pytest.raises(CanonicalError, match=r"^A key stands twice; expected each key once; in line 3$"):
        read_json(b'{"canary":1,"canary":2}', record="line 3")


def test_message_of_bad_json() -> None:
    """The message says the place of the fault."""
    with pytest.raises(CanonicalError, match=r"^This is not JSON; got a fault at character 3: expecting value; in body$"):
        read_json(b"[1,]")


def test_fraction_stays_text() -> None:
    """A number with a fraction or an exponent stays what was written."""
    value = read_json(b'{"a":12.50,"b":1E+999999999,"c":3}')
    assert value == {"a": "12.50", "b": "1E+999999999", "c": 3}
    assert isinstance(value, dict)
    assert isinstance(value["a"], DecimalText)


def test_amount_as_number_reaches_the_model_as_text(edge_client: Callable[..., TestClient]) -> None:
    """A route that wants text gets the digits of a JSON number unchanged."""
    body = b'{"quantity": 0.10000000000000000000001}'
    reply = edge_client(routes()).post("/amounts", content=body, headers={"content-type": "application/json"})
    assert reply.json() == {"quantity": "0.10000000000000000000001"}


TEXT = st.text(st.characters(exclude_categories=["Cs"], min_codepoint=1))
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=20,
)


@given(PLAIN)
def test_plain_json_round_trip(value: object) -> None:
    """Whatever JSON carries exactly comes back as it was."""
    assert read_json(json.dumps(value).encode()) == value


ITEM = st.sampled_from(
    ['"a"', '"b"', '"\\n"', '""', '"a', "1", "-0", "01", "9007199254740992", "1.5", "1e3", "NaN", "null", "true", "[1]", "{}"]
)
MEMBERS = st.lists(st.tuples(ITEM, st.sampled_from([":", " : ", ":\t", ""]), ITEM).map("".join), max_size=4)


@given(MEMBERS, st.sampled_from([",", ", ", ",,", ""]), st.sampled_from(["", " ", "\n", "x", "\ufeff", "}", ","]))
def test_flat_objects_are_read_as_nested_ones(members: list[str], comma: str, after: str) -> None:
    """The fast way for flat objects takes and refuses what the slow one does, and gives the same types."""
    text = "{" + comma.join(members) + "}" + after

    def read(data: str) -> object:
        try:
            return read_json(data.encode())
        except CanonicalError as error:
            return error.message, error.expected

    flat, slow = read(text), read(f'{{"deep":[{text}]}}')
    if isinstance(slow, dict) and not after.strip():
        assert repr(flat) == repr(slow["deep"][0])
    elif isinstance(slow, tuple) and slow[0] != "This is not JSON":
        assert flat == slow
    else:
        assert not isinstance(flat, dict)


@given(PLAIN)
def test_depth_is_that_of_the_value(value: object) -> None:
    """Brackets inside texts do not count as levels."""

    def depth(item: object) -> int:
        inner = list(item.values()) if isinstance(item, dict) else item if isinstance(item, list) else None
        return 0 if inner is None else 1 + max(map(depth, inner), default=0)

    assert depth_count(json.dumps(value).encode()) == depth(value)


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No bytes lead to another error than ours."""
    try:
        read_json(data)
    except CanonicalError as error:
        assert error.code == "canonical"  # noqa: PT017 - both ends are allowed


def lines_of(body: bytes, size: int = 7, **limits: int) -> list[Line]:
    """The lines of a body that arrives in pieces of `size` bytes."""

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(body), size):
            yield body[start : start + size]

    async def collect() -> list[Line]:
        return [line async for line in read_lines(chunks(), **limits)]

    return asyncio.run(collect())


def test_lines_with_faults() -> None:
    """A bad line has its error and its number; the others have their values."""
    lines = lines_of(b'{"id":1}\n\nnot json\r\n{"id":"2","quantity":1.50}')
    assert [(line.line_index, line.value) for line in lines if line.error is None] == [
        (1, {"id": 1}),
        (4, {"id": "2", "quantity": "1.50"}),
    ]
    bad = next(line for line in lines if line.error)
    assert bad.line_index == 3
    assert "in line 3" in str(bad.error)


def test_long_line_is_skipped() -> None:
    """A line that is too long is an error of its own, and is not held in memory."""
    lines = lines_of(b"[1]\n" + b"9" * 1_000_000 + b"\n[2]\n", size=1000, max_line_bytes=100)
    assert [line.value for line in lines] == [[1], None, [2]]
    assert isinstance(lines[1].error, DocumentTooLargeError)


def test_endless_line_takes_no_memory() -> None:
    """Thirty megabytes without a line end need less than one."""

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(480):
            yield bytes(65_536)

    async def collect() -> int:
        return sum([1 async for _ in read_lines(chunks())])

    tracemalloc.start()
    assert asyncio.run(collect()) == 1
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak_bytes < 1_000_000


def test_too_many_lines() -> None:
    """More lines than allowed stop the batch."""
    with pytest.raises(DocumentTooLargeError, match=r"too many lines; expected at most 2\. Send it in several batches\."):
        lines_of(b"1\n2\n3\n", max_line_count=2)


@given(st.lists(st.binary(max_size=30).filter(lambda part: b"\n" not in part)), st.integers(1, 50))
def test_lines_do_not_depend_on_pieces(parts: list[bytes], size: int) -> None:
    """The same lines come out however the body was cut up."""
    body = b"\n".join(parts)
    assert [(a.line_index, a.value, str(a.error)) for a in lines_of(body, size)] == [
        (b.line_index, b.value, str(b.error)) for b in lines_of(body, 10_000)
    ]


def test_upload_of_a_form(edge_client: Callable[..., TestClient]) -> None:
    """A form's file and its fields are read; the name loses its path."""
    reply = edge_client(routes()).post(
        "/documents", files={"file": ("../../etc/bill\u202e.xml", b"<a/>", "text/xml; charset=utf-8")}, data={"place": "94110"}
    )
    assert reply.json() == {"name": "bill.xml", "size": 4, "kind": "text/xml", "fields": {"place": "94110"}}


def test_upload_of_a_bare_body(edge_client: Callable[..., TestClient]) -> None:
    """A bare body is a file too; its fields come in the query."""
    reply = edge_client(routes()).post("/documents?place=US", content=b"<a/>", headers={"content-type": "application/xml"})
    assert reply.json() == {"name": "", "size": 4, "kind": "application/xml", "fields": {"place": "US"}}


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ([("file", ("a", b"x" * 1001))], 413),
        ([("file", ("a", b"x")), ("file", ("b", b"y"))], 422),
        ([("other", ("a", b"x"))], 422),
        ([("file", ("a", b""))], 422),
    ],
)
def test_refused_uploads(edge_client: Callable[..., TestClient], files: list[tuple[str, tuple[str, bytes]]], status: int) -> None:
    """Too large, two files, the wrong field and an empty file each get their status."""
    assert edge_client(routes()).post("/documents", files=files).status_code == status


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"x"),
        ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", b"no boundary here"),
        ("multipart/form-data; boundary=b", b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut of'),
    ],
)
def test_broken_forms(edge_client: Callable[..., TestClient], content_type: str, body: bytes) -> None:
    """A form that cannot be read is a 4xx."""
    reply = edge_client(routes()).post("/documents", content=body, headers={"content-type": content_type})
    assert reply.status_code == 422


def test_many_fields(edge_client: Callable[..., TestClient]) -> None:
    """A form with too many fields is refused."""
    fields = {f"f{i}": "x" for i in range(40)}
    assert edge_client(routes()).post("/documents", files={"file": ("a", b"x")}, data=fields).status_code == 422


def test_upload_is_never_on_disk(edge_client: Callable[..., TestClient], monkeypatch: pytest.MonkeyPatch) -> None:
    """A large upload does not pass through a temporary file."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a temporary file was opened")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    router = APIRouter()

    @router.post("/documents")
    async def document(request: Request) -> int:
        return len((await read_upload(request, max_bytes=5_000_000)).content)

    assert edge_client(router).post("/documents", files={"file": ("a", b"x" * 3_000_000)}).json() == 3_000_000


def test_same_upload_has_the_same_fingerprint(edge_client: Callable[..., TestClient]) -> None:
    """Boundaries differ between two tries; the fingerprint does not. Another file or field changes it."""
    router = APIRouter()

    @router.post("/documents")
    async def document(request: Request) -> str:
        return (await read_upload(request, max_bytes=1000)).fingerprint.hex()

    client = edge_client(router)

    def send(content: bytes, place: str) -> str:
        return str(client.post("/documents", files={"file": ("a", content)}, data={"place": place}).json())

    assert send(b"x", "US") == send(b"x", "US")
    assert len({send(b"x", "US"), send(b"y", "US"), send(b"x", "DE")}) == 3


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("bill.xml", "bill.xml"),
        ("..", ""),
        ("C:\\Users\\me\\bill.xml", "bill.xml"),
        ("/etc/passwd", "passwd"),
        ("a\u202eb\n.xml", "ab.xml"),
        ("x" * 500, "x" * 120),
    ],
)
def test_shown_name(name: str, shown: str) -> None:
    """A file's name is cut down to what may be shown."""
    assert shown_name(name) == shown
