"""POST /v1/estimate behind uvicorn: bodies of every size, clients that send slowly, read late or leave."""

import io
import json
import socket
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.app.live import Installation
from tests.app.wire import serving

START = b'{"kind":"electricity","quantity":"412.5","unit":"kWh","start":"2023-01-05","end":"2023-02-03","region":"94110","id":'


def lines(count: int) -> bytes:
    """Activities whose ids count up."""
    return b"".join(START + str(number).encode() + b"}\n" for number in range(count))


@pytest.fixture
def port(installation: Installation, json_logs: io.StringIO) -> Iterator[int]:
    """A real server."""
    with serving(installation, body_gap_s=1.0) as found:
        yield found


def post(installation: Installation, port: int, content: bytes | Iterator[bytes]) -> httpx.Response:
    """Send lines as Ada, all of them before the reply is read."""
    headers = {**installation.tenants["ada"].bearer, "Content-Type": "application/x-ndjson"}
    return httpx.post(f"http://localhost:{port}/v1/estimate", headers=headers, content=content, timeout=60)


def head(installation: Installation, length: int) -> bytes:
    """The head of a request on a bare connection."""
    bearer = installation.tenants["ada"].bearer["Authorization"]
    return (
        f"POST /v1/estimate HTTP/1.1\r\nHost: localhost\r\nAuthorization: {bearer}\r\nContent-Length: {length}\r\n"
        "Content-Type: application/x-ndjson\r\nConnection: close\r\n\r\n"
    ).encode()


@pytest.mark.parametrize("count", [0, 1, 10, 2_000, 20_000])
def test_every_size(installation: Installation, port: int, count: int) -> None:
    """Every line is answered, in order, however many there are: also where the replies fill every buffer on the way."""
    reply = post(installation, port, lines(count))
    found = [json.loads(line) for line in reply.content.splitlines()]
    assert reply.status_code == 200
    assert [(one["line"], one["id"]) for one in found] == [(number + 1, number) for number in range(count)]
    assert all("g_co2e" in one for one in found)


def test_slow_sender(installation: Installation, port: int) -> None:
    """A body that comes piece by piece, each within the gap, is answered in full."""

    def pieces() -> Iterator[bytes]:
        body = lines(3)
        for first in range(0, len(body), 100):
            time.sleep(0.2)
            yield body[first : first + 100]

    assert [json.loads(line)["id"] for line in post(installation, port, pieces()).content.splitlines()] == [0, 1, 2]


def test_sender_that_stops(installation: Installation, port: int) -> None:
    """A body that stops coming is a 408, because no reply has begun."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head(installation, 1000) + lines(2))
        assert client.recv(65_536).startswith(b"HTTP/1.1 408 ")


def test_client_that_leaves_while_sending(installation: Installation, port: int, json_logs: io.StringIO) -> None:
    """A client that leaves in the middle of its body costs one line of the log, and no error."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head(installation, 1_000_000) + lines(100))
    assert gone(json_logs)["status"] == 0
    assert httpx.get(f"http://localhost:{port}/health").status_code == 200


def test_client_that_leaves_while_we_answer(installation: Installation, port: int, json_logs: io.StringIO) -> None:
    """A client that leaves in the middle of the reply ends the work; others are answered meanwhile."""
    body = lines(100_000)
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head(installation, len(body)) + body)
        assert client.recv(1000).startswith(b"HTTP/1.1 200 ")
        started_s = time.monotonic()
        assert httpx.get(f"http://localhost:{port}/health", timeout=5).status_code == 200
        assert time.monotonic() - started_s < 2
    found = gone(json_logs)
    assert found["status"] == 200
    assert found["out_bytes"] < len(body)  # the whole reply is several times as long


def gone(json_logs: io.StringIO) -> dict[str, Any]:
    """The log line of the estimate, once it is there; nothing in the log is an error."""
    for _ in range(100):
        entries = [json.loads(line) for line in json_logs.getvalue().splitlines()]
        assert [entry for entry in entries if entry["level"] in {"error", "critical"}] == []
        found = [entry for entry in entries if entry.get("route") == "/v1/estimate"]
        if found:
            return dict(found[0])
        time.sleep(0.1)
    raise AssertionError("no line in the log")
