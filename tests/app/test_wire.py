"""The whole program behind uvicorn: headers of every kind of reply, HEAD, readiness, and a stop in the middle of work."""

import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.app.live import Installation
from tests.app.test_main import SERVER
from tests.app.wire import serving


@pytest.fixture
def client(installation: Installation, json_logs: io.StringIO) -> Iterator[httpx.Client]:
    """A client of a real server."""
    with serving(installation) as port, httpx.Client(base_url=f"http://localhost:{port}") as made:
        yield made


PATHS = {
    "/sign-in": 200,
    "/static/app.css": 200,
    "/health": 200,
    "/ready": 200,
    "/openapi.json": 200,
    "/proof": 200,
    "/v1/subjects": 401,
    "/nowhere": 404,
    "/static/nothing.css": 404,
}


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
@pytest.mark.parametrize("path", PATHS)
def test_headers_of_every_reply(client: httpx.Client, path: str, accept: str) -> None:
    """Pages, data, files and refusals carry the headers that keep browsers safe, and none names the server's software."""
    reply = client.get(path, headers={"Accept": accept})
    assert reply.status_code == PATHS[path]
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["x-frame-options"] == "DENY"
    assert "default-src 'none'" in reply.headers["content-security-policy"]
    assert "unsafe" not in reply.headers["content-security-policy"]
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert len(reply.headers["x-request-id"]) == 36
    assert {"server", "x-powered-by"} & set(reply.headers) == set()


@pytest.mark.parametrize("path", PATHS)
def test_head_is_get_without_its_body(client: httpx.Client, path: str) -> None:
    """HEAD gets status and headers of GET and no body; the connection goes on."""
    got, headed = client.get(path), client.head(path)
    assert (headed.status_code, headed.content) == (got.status_code, b"")
    same = ("content-type", "cache-control", "content-security-policy", "etag")
    assert [headed.headers.get(name) for name in same] == [got.headers.get(name) for name in same]
    if path != "/ready":  # it says how long its checks took
        assert headed.headers["content-length"] == got.headers["content-length"]
    assert client.get("/health").status_code == 200


def test_head_needs_somebody_and_is_logged_as_itself(client: httpx.Client, json_logs: io.StringIO) -> None:
    """HEAD opens nothing that GET does not, and changes nothing where only POST is taken."""
    assert client.head("/v1/subjects").status_code == 401
    assert client.head("/v1/estimate").status_code == 405
    entries = [json.loads(line) for line in json_logs.getvalue().splitlines()]
    assert ("HEAD", "/v1/subjects") in [(entry.get("method"), entry.get("route")) for entry in entries]


def test_ready_tells_no_address(installation: Installation, tmp_path: Path, json_logs: io.StringIO) -> None:
    """Where the chain does not answer, /ready says that, and neither its address nor the key in it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    url = f"http://reader:canary-password@127.0.0.1:{port}/canary-key"
    with serving(installation, chain_url=url, chain_contract="0x" + "11" * 20, is_ready_awaited=False) as own:
        for _ in range(100):
            ready = httpx.get(f"http://localhost:{own}/ready")
            if "not open yet" not in ready.text:
                break
            time.sleep(0.1)
        assert ready.status_code == 503
        assert ready.json()["checks"]["chain"]["is_ok"] is False
        assert httpx.get(f"http://localhost:{own}/health").status_code == 200
    for text in (ready.text, json_logs.getvalue()):
        assert "canary" not in text
        assert f":{port}" not in text
        assert str(installation.folder) not in ready.text


def test_busy_database_is_a_503(installation: Installation, json_logs: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another process writes for too long, a write gets 503 with Retry-After; reads go on."""
    monkeypatch.setattr("app.store.session._PRAGMAS", ("PRAGMA busy_timeout = 50",))
    ada = installation.tenants["ada"]
    with serving(installation) as port, httpx.Client(base_url=f"http://localhost:{port}", headers=ada.bearer) as client:
        other = sqlite3.connect(installation.folder / "data.sqlite3", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        body = {"kind": "person", "name": "Late", "place": "94110"}
        refused = client.post("/v1/subjects", json=body, headers={"Idempotency-Key": "late"})
        assert (refused.status_code, refused.json()["type"], refused.headers["retry-after"]) == (503, "/problems/busy", "5")
        assert client.get("/v1/subjects").status_code == 200
        other.execute("ROLLBACK")
        other.close()
        assert client.post("/v1/subjects", json=body, headers={"Idempotency-Key": "late"}).status_code == 201


def test_stop_does_not_wait_for_ever(repository: Path) -> None:
    """A request that takes longer than the time to stop is cut off; what was opened is closed, and the exit code is 0."""
    program = SERVER.replace("time.sleep(1)", "time.sleep(3)").replace("port=0,", "port=0, stop_timeout_s=1,")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CF_")}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ | {"PYTHONPATH": str(repository)},
    ) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        assert process.stdout.readline() == "opened\n"
        with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
            slow.sendall(b"GET /slow HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert process.stdout.readline() == "slow began\n"
            started_s = time.monotonic()
            process.send_signal(signal.SIGTERM)
            assert b"finished" not in slow.recv(65_536)
            assert time.monotonic() - started_s < 2.5
        output, errors = process.communicate(timeout=20)
    assert (output, process.returncode) == ("closed\nreturned\n", 0)
    assert '"event": "unhandled"' not in errors
