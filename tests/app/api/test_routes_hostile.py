"""Files that mean harm, or are none: each a clean refusal at the API and on the page, and nothing of it is stored."""

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from datetime import date
from random import Random

import httpx2
import pytest

from connectors.typed_bill.parse import Bill, bill_document
from tests.app.live import XML, Live, green_button

GOOD = green_button(date(2025, 12, 1), date(2025, 12, 3))
HEAD = b'<?xml version="1.0"?>\n'
FEED = b'<feed xmlns="http://www.w3.org/2005/Atom">'


def zip_of(members: dict[str, bytes]) -> bytes:
    """A zip file with these files."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def with_claimed_size(body: bytes, size: int) -> bytes:
    """A zip file that lies about how large its file becomes."""
    central = body.rfind(b"PK\x01\x02")
    return body[: central + 24] + struct.pack("<I", size) + body[central + 28 :]


def entity_bomb() -> bytes:
    """A billion laughs."""
    levels = b"".join(b'<!ENTITY l%d "%s">' % (i, b"&l%d;" % (i - 1) * 10) for i in range(1, 10))
    return HEAD + b'<!DOCTYPE feed [<!ENTITY l0 "ha">' + levels + b"]>" + FEED + b"<title>&l9;</title></feed>"


def external(declaration: bytes) -> bytes:
    """A document that asks for something from outside."""
    return HEAD + b"<!DOCTYPE feed [" + declaration + b"]>" + FEED + b"<title>&x;</title></feed>"


def without_unit() -> bytes:
    """The good file, its readings without a unit."""
    start, end = GOOD.index(b"<espi:uom>"), GOOD.index(b"</espi:uom>")
    return GOOD[:start] + GOOD[end + len(b"</espi:uom>") :]


HOSTILE: dict[str, Callable[[], bytes]] = {
    "entity bomb": entity_bomb,
    "external entity": lambda: external(b'<!ENTITY x SYSTEM "file:///etc/passwd">'),
    "network entity": lambda: external(b'<!ENTITY x SYSTEM "http://169.254.169.254/latest/meta-data">'),
    "parameter entity": lambda: external(b'<!ENTITY % p SYSTEM "file:///etc/passwd"> %p; <!ENTITY x "y">'),
    "external DTD": lambda: HEAD + b'<!DOCTYPE feed SYSTEM "http://127.0.0.1:1/x.dtd">' + FEED + b"</feed>",
    "deep nesting": lambda: HEAD + FEED + b"<a>" * 100_000 + b"</a>" * 100_000 + b"</feed>",
    "deep and open": lambda: HEAD + FEED + b"<a>" * 1_000_000,
    "million attributes": lambda: HEAD + FEED + b"<entry " + b" ".join(b'a%d="1"' % i for i in range(1_000_000)) + b"/></feed>",
    "million namespaces": lambda: HEAD + b"<feed " + b" ".join(b'xmlns:n%d="u%d"' % (i, i) for i in range(200_000)) + b"></feed>",
    "long name": lambda: HEAD + FEED + b"<" + b"n" * 10_000_000 + b"/></feed>",
    "long text": lambda: HEAD + FEED + b"<title>" + b"t" * 20_000_000 + b"</title></feed>",
    "zip bomb": lambda: zip_of({"a.xml": HEAD + FEED + b" " * 50_000_000 + b"</feed>"}),
    "zip that lies": lambda: with_claimed_size(zip_of({"a.xml": HEAD + FEED + b" " * 50_000_000 + b"</feed>"}), 100),
    "zip of files that are none": lambda: zip_of({"a.xml": HEAD + b"<html/>", "b.xml": HEAD + b"<html/>"}),
    "zip without XML": lambda: zip_of({"a.pdf": b"%PDF-1.7"}),
    "nested zip": lambda: zip_of({"a.xml": zip_of({"b.xml": GOOD})}),
    "zip of nothing": lambda: zip_of({}),
    "truncated zip": lambda: zip_of({"a.xml": GOOD})[:-400],
    "zip with slip name and no readings": lambda: zip_of({"../../../evil.xml": HEAD + FEED + b"</feed>"}),
    "gzip": lambda: gzip.compress(GOOD),
    "truncated": lambda: GOOD[: len(GOOD) // 2],
    "truncated in a tag": lambda: GOOD[: GOOD.index(b"<espi:value>") + 5],
    "without its end": lambda: GOOD.removesuffix(b"</feed>\n"),
    "HTML": lambda: b"<!doctype html><html><script>alert(1)</script></html>",
    "JSON": lambda: b'{"readings": [1, 2, 3]}',
    "CSV": lambda: b"date,kWh\n2026-01-01,3\n",
    "PDF": lambda: b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n",
    "empty": lambda: b"",
    "white space": lambda: b" \n\t ",
    "NUL bytes": lambda: b"\x00" * 4096,
    "other XML": lambda: HEAD + b"<html xmlns='http://www.w3.org/1999/xhtml'/>",
    "feed without readings": lambda: HEAD + FEED + b"</feed>",
    "bad UTF-8": lambda: GOOD.replace(b"Bay Power", b"Bay \xff\xfe Power"),
    "control character": lambda: GOOD.replace(b"Bay Power", b"Bay \x01 Power"),
    "NUL in text": lambda: GOOD.replace(b"Bay Power", b"Bay \x00 Power"),
    "unknown encoding": lambda: GOOD.replace(b'encoding="UTF-8"', b'encoding="UTF-7"'),
    "no unit": without_unit,
    "unknown unit": lambda: GOOD.replace(b"<espi:uom>72<", b"<espi:uom>9999<"),
    "future readings": lambda: green_button(date(2026, 3, 20), date(2026, 3, 21)),
    "some future readings": lambda: green_button(date(2026, 3, 1), date(2026, 4, 30)),
    "value beyond everything": lambda: GOOD.replace(b"<espi:value>500<", b"<espi:value>" + b"9" * 400 + b"<"),
    "value that is no number": lambda: GOOD.replace(b"<espi:value>500<", b"<espi:value>NaN<"),
    "power of ten beyond everything": lambda: GOOD.replace(
        b"<espi:powerOfTenMultiplier>0<", b"<espi:powerOfTenMultiplier>999999999<"
    ),
}
"""Name to file."""

BROKEN = {"truncated", "truncated in a tag", "without its end", "truncated zip", "empty"}
"""Those that end too early, and are told so."""


def outcome(live: Live, send: Callable[[], httpx2.Response]) -> httpx2.Response:
    """The reply to a hostile file, after a look whether anything stayed of it."""
    before = live.counts()
    reply = send()
    assert 400 <= reply.status_code < 500, f"{reply.status_code} {reply.text[:500]}"
    assert live.counts() == before
    assert len(reply.content) < 100_000
    for leak in ("root:x:", "Traceback", "site-packages", str(live.folder)):
        assert leak not in reply.text
    return reply


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_file_is_refused_by_the_api(shared_live: Live, name: str) -> None:
    """The API answers with a problem that says what to do, and nothing is stored."""
    body, ada = HOSTILE[name](), shared_live.ada
    path = f"/v1/documents?subject={ada.household}"
    reply = outcome(shared_live, lambda: shared_live.post(path, as_=ada, content=body, headers=XML))
    problem = reply.json()
    assert reply.headers["content-type"] == "application/problem+json"
    assert problem["type"].startswith("/problems/")
    assert problem["status"] == reply.status_code
    assert problem["next_step"]
    if name in BROKEN:
        assert problem["type"] == "/problems/truncated-document"


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "CSV"])  # a table is asked about: `test_mapping.py`
def test_hostile_file_is_refused_on_the_page(shared_live: Live, name: str) -> None:
    """The page comes back with the message beside the file field and status 422, and nothing is stored."""
    body, ada = HOSTILE[name](), shared_live.ada
    files = {"file": ("bill.xml", body, "application/xml")}
    reply = outcome(shared_live, lambda: shared_live.submit(f"/s/{ada.household}/documents", as_=ada, files=files))
    assert reply.status_code == 422
    assert 'id="up-file-error"' in reply.text
    assert 'aria-invalid="true"' in reply.text
    assert "<script>alert" not in reply.text


def test_zip_with_a_slip_name_is_read_and_never_written(live: Live) -> None:
    """The name of a file in a zip is no path: its readings come in, and no such file is anywhere."""
    body, ada = zip_of({"../../../evil.xml": GOOD}), live.ada
    reply = live.post(
        f"/v1/documents?subject={ada.household}", as_=ada, content=body, headers={"Content-Type": "application/zip"}
    )
    assert (reply.status_code, reply.json()["reading_count"]) == (201, 72)
    assert not list(live.folder.parent.rglob("*evil*"))


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x", "C:\\Windows\\x.xml", "a\x00b.xml", "x" * 5000, "\u202elmx.exe", "<b>.xml"]
)
def test_file_name_is_shown_and_never_used(live: Live, name: str) -> None:
    """Whatever a file is called, it is kept by its hash, and its name is escaped on the page."""
    ada = live.ada
    files = {"file": (name, GOOD, "application/xml")}
    reply = live.submit(f"/s/{ada.household}/documents", as_=ada, files=files)
    assert reply.status_code in {303, 422}
    if reply.status_code == 303:
        shown = live.browse(reply.headers["location"], as_=ada)
        assert shown.status_code == 200
        assert "<b>.xml" not in shown.text
        assert "\u202e" not in shown.text
    assert all(len(path.name) in {2, 64} for path in (live.folder / "archive").rglob("*"))


def test_claimed_size_is_refused_before_it_comes(shared_live: Live) -> None:
    """A body that is declared larger than allowed is a 413 although only some bytes came."""
    headers = {**XML, "Content-Length": str(100 * 1024 * 1024)}
    path = f"/v1/documents?subject={shared_live.ada.household}"
    reply = outcome(shared_live, lambda: shared_live.post(path, as_=shared_live.ada, content=b"<feed/>", headers=headers))
    assert (reply.status_code, reply.json()["type"]) == (413, "/problems/body-too-large")


def test_too_large_body_is_refused_though_undeclared(shared_live: Live) -> None:
    """A body that is sent in pieces without its size is cut off at the limit."""

    def pieces() -> "list[bytes]":
        return [b" " * 1024 * 1024] * 40

    path = f"/v1/documents?subject={shared_live.ada.household}"
    reply = outcome(shared_live, lambda: shared_live.post(path, as_=shared_live.ada, content=iter(pieces()), headers=XML))
    assert reply.status_code == 413


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/form-data; boundary=" + "b" * 300,
        "multipart/form-data; boundary=x; boundary=y",
    ],
)
def test_form_that_cannot_be_read(shared_live: Live, content_type: str) -> None:
    """A form without its boundary is a problem, on both surfaces."""
    ada, headers = shared_live.ada, {"Content-Type": content_type}
    path = f"/v1/documents?subject={ada.household}"
    outcome(shared_live, lambda: shared_live.post(path, as_=ada, content=b"--x\r\n\r\n", headers=headers))
    outcome(shared_live, lambda: shared_live.submit(f"/s/{ada.household}/documents", as_=ada, content=b"--x", headers=headers))


def test_two_files_are_refused(shared_live: Live) -> None:
    """A form takes exactly one file."""
    ada = shared_live.ada
    files = [("file", ("a.xml", GOOD, "text/xml")), ("file", ("b.xml", GOOD, "text/xml"))]
    path = f"/v1/documents?subject={ada.household}"
    outcome(shared_live, lambda: shared_live.post(path, as_=ada, files=files))
    outcome(shared_live, lambda: shared_live.submit(f"/s/{ada.household}/documents", as_=ada, files=files))


def test_unknown_connector_is_named(shared_live: Live) -> None:
    """A connector that is none is a 404 that names those that there are."""
    path = f"/v1/documents?subject={shared_live.ada.household}&connector=fax"
    reply = outcome(shared_live, lambda: shared_live.post(path, as_=shared_live.ada, content=GOOD, headers=XML))
    assert reply.status_code == 404
    assert "green-button" in reply.json()["expected"]


def test_typed_bill_cannot_be_forged_as_an_upload(shared_live: Live) -> None:
    """A typed bill has its own address: sent as an uploaded document it would claim better evidence, so it is refused."""
    body = bill_document(Bill("City", "2025-11-01", "2025-11-30", "100", "kWh", "America/Los_Angeles"))
    path = f"/v1/documents?subject={shared_live.ada.household}&connector=typed-bill"
    reply = outcome(shared_live, lambda: shared_live.post(path, as_=shared_live.ada, content=body, headers=XML))
    assert reply.json()["next_step"] == "Type it at POST /v1/subjects/{subject_id}/bills."


@pytest.mark.parametrize("what", ["xml", "zip"])
def test_damaged_files_never_surprise(live: Live, what: str) -> None:
    """A hundred files with flipped bytes: taken in or refused, never a fault of ours."""
    random = Random(7)  # noqa: S311 - repeatable on purpose
    small = green_button(date(2025, 11, 1), date(2025, 11, 1))
    whole = small if what == "xml" else zip_of({"a.xml": small})
    path = f"/v1/documents?subject={live.bob.business}"
    for _ in range(100):
        body = bytearray(whole)
        for _ in range(random.randint(1, 6)):
            body[random.randrange(len(body))] = random.randrange(256)
        reply = live.post(path, as_=live.bob, content=bytes(body), headers=XML)
        assert reply.status_code in {201, 409, 413, 415, 422}, reply.text
