"""The application as a whole, and as a server that is started, fed slowly and stopped."""

import gzip
import io
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter
from starlette.testclient import TestClient

from app.clock import SystemClock, SystemRandomness
from app.main import Parts, create_app, open_socket, run
from app.settings import Settings
from domain.errors import ChainError, ConflictError, NotFoundError

SERVER = """
import sys, time
from contextlib import contextmanager
from fastapi import APIRouter, Request
from app.clock import SystemClock, SystemRandomness
from app.logs import configure_logs
from app.main import Parts, create_app, run
from app.settings import Settings

router = APIRouter()

@router.get("/slow")
def slow() -> str:
    print("slow began", flush=True)
    time.sleep(1)
    return "finished"

@router.post("/echo")
async def echo(request: Request) -> int:
    return len(await request.body())

@contextmanager
def chain():
    print("opened", flush=True)
    yield
    print("closed", flush=True)

configure_logs(level="info", is_json=True)
settings = Settings(port=0, body_gap_s=0.5, max_body_bytes=1000)
app = create_app(settings, clock=SystemClock(), randomness=SystemRandomness(), parts=Parts(routers=[router], resources=[chain]))
run(app, settings, on_listening=lambda port: print(port, flush=True))
print("returned", flush=True)
"""


@contextmanager
def served(repository: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A real server in a process of its own, and its port."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("CF_")}
    with subprocess.Popen(
        [sys.executable, "-c", SERVER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=environ | {"PYTHONPATH": str(repository)},
    ) as process:
        try:
            assert process.stdout is not None
            port = int(process.stdout.readline())
            assert process.stdout.readline() == "opened\n"
            yield process, port
        finally:
            process.kill()


def raw_reply(port: int, request: bytes) -> bytes:
    """What a server sends to bytes on a bare connection, until it closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(request)
        reply = b""
        while piece := client.recv(65_536):
            reply += piece
        return reply


HEAD = b"POST /echo HTTP/1.1\r\nHost: localhost\r\n"


def test_slow_body_on_the_wire(repository: Path) -> None:
    """A client that stops sending gets 408 and the connection is closed."""
    with served(repository) as (_, port):
        started_s = time.monotonic()
        reply = raw_reply(port, HEAD + b"Content-Length: 10\r\n\r\nab")
        assert reply.startswith(b"HTTP/1.1 408 ")
        assert 0.4 < time.monotonic() - started_s < 5


def test_large_bodies_on_the_wire(repository: Path) -> None:
    """A body that is declared or streamed too large gets 413 and the connection is closed, without reading on."""
    with served(repository) as (_, port):
        assert raw_reply(port, HEAD + b"Content-Length: 1001\r\n\r\n").startswith(b"HTTP/1.1 413 ")
        chunk = b"320\r\n" + b"x" * 800 + b"\r\n"
        assert raw_reply(port, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 2).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_graceful_stop(repository: Path, number: signal.Signals) -> None:
    """A signal lets the running request finish, closes what was opened, and `run` returns; exit code 0."""
    with served(repository) as (process, port), httpx.Client(base_url=f"http://localhost:{port}", timeout=20) as client:
        assert process.stdout is not None
        request = client.build_request("GET", "/slow")
        with socket.create_connection(("127.0.0.1", port), timeout=20) as slow:
            slow.sendall(f"GET /slow HTTP/1.1\r\nHost: {request.url.host}\r\nConnection: close\r\n\r\n".encode())
            assert process.stdout.readline() == "slow began\n"
            process.send_signal(number)
            reply = b""
            while piece := slow.recv(65_536):
                reply += piece
        assert reply.endswith(b'"finished"')
        assert process.stdout.read() == "closed\nreturned\n"
        assert process.wait(10) == 0


def test_taken_port_is_refused() -> None:
    """A port that is taken is refused with what to do."""
    with open_socket(Settings(port=0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConflictError, match=rf"got 127\.0\.0\.1:{port} \(Address already in use\).*CF_PORT=0"):
            open_socket(Settings(port=port))


def test_part_that_cannot_be_opened(json_logs: io.StringIO) -> None:
    """What opening a part raises reaches the caller of `run`; parts opened before are closed again."""
    seen: list[str] = []

    def chain() -> AbstractContextManager[None]:
        raise ChainError("Another process owns the chain")

    @contextmanager
    def database() -> Iterator[None]:
        seen.append("opened")
        try:
            yield
        finally:
            seen.append("closed")

    settings = Settings(port=0)
    parts = Parts(resources=[database, chain])
    app = create_app(settings, clock=SystemClock(), randomness=SystemRandomness(), parts=parts)
    with pytest.raises(ChainError, match="Another process owns the chain"):
        run(app, settings)
    assert seen == ["opened", "closed"]
    assert "Traceback" not in json_logs.getvalue()


def test_start_that_breaks(json_logs: io.StringIO) -> None:
    """An unforeseen exception while starting is logged by its places, and `run` says where to look."""

    def broken() -> AbstractContextManager[None]:
        raise OSError("canary")

    settings = Settings(port=0)
    app = create_app(settings, clock=SystemClock(), randomness=SystemRandomness(), parts=Parts(resources=[broken]))
    with pytest.raises(ConflictError, match=r"The server could not start\. The log says why\."):
        run(app, settings)
    assert '"event": "not started"' in json_logs.getvalue()
    assert "canary" not in json_logs.getvalue()


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """A client of an application with two static files."""
    (tmp_path / "static/img").mkdir(parents=True)
    (tmp_path / "static/app.css").write_text("body { color: CanvasText }\n" * 50, encoding="utf-8")
    (tmp_path / "static/img/dot.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    parts = Parts(static_folder=tmp_path / "static")
    app = create_app(Settings(), clock=SystemClock(), randomness=SystemRandomness(), parts=parts)
    return TestClient(app, base_url="http://localhost:8000")


def url(client: TestClient, name: str) -> str:
    """The versioned address of a static file."""
    return str(client.app.state.static.url(name))  # type: ignore[attr-defined]  # the application is FastAPI's


def test_static_file_is_immutable(client: TestClient) -> None:
    """A versioned address may be kept for a year; the same without its version is asked about each time."""
    versioned = client.get(url(client, "app.css"))
    assert versioned.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert versioned.headers["content-encoding"] == "gzip"
    assert versioned.text.startswith("body")
    assert client.get("/static/app.css").headers["cache-control"] == "public, no-cache"
    assert client.get("/static/app.css?v=old").headers["cache-control"] == "public, no-cache"


def test_static_file_is_304(client: TestClient) -> None:
    """A browser that has the file is told so."""
    etag = client.get("/static/app.css").headers["etag"]
    assert client.get("/static/app.css", headers={"if-none-match": etag}).status_code == 304


def test_static_file_without_gzip(client: TestClient) -> None:
    """A client that takes no gzip gets the plain file; pictures are never packed again."""
    plain = client.get("/static/app.css", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["vary"] == "Accept-Encoding"
    assert "content-encoding" not in client.get("/static/img/dot.png").headers


@pytest.mark.parametrize("name", ["../secret.txt", "%2e%2e/secret.txt", "..%2fsecret.txt", "img", "", "app.css/x", "nope.css"])
def test_nothing_else_is_served(client: TestClient, name: str) -> None:
    """Only files of the folder are served."""
    assert client.get(f"/static/{name}").status_code == 404


def test_unknown_static_name_in_a_template(client: TestClient) -> None:
    """A page that names a file which is not there fails when it is drawn, not in the browser."""
    with pytest.raises(NotFoundError, match=r"no such static file; got nope\.css"):
        url(client, "nope.css")


def test_plotly_comes_from_its_package(client: TestClient) -> None:
    """plotly.js is served from the installed package, packed, immutable, under its version."""
    reply = client.get(url(client, "plotly/plotly.min.js"))
    assert url(client, "plotly/plotly.min.js") == f"/static/plotly/plotly.min.js?v={version('plotly')}"
    assert int(reply.headers["content-length"]) < 1_600_000
    assert reply.headers["cache-control"].endswith("immutable")
    assert len(reply.content) > 4_000_000
    assert len(gzip.compress(reply.content[:1000])) < 1000
    assert b"plotly.js v4" in reply.content[:200]


def test_openapi_is_3_1(client: TestClient) -> None:
    """The description is OpenAPI 3.1 with the licence; pages that load scripts from elsewhere are off."""
    schema = client.get("/openapi.json").json()
    assert schema["openapi"].startswith("3.1")
    assert schema["info"]["license"] == {"name": "Apache-2.0", "identifier": "Apache-2.0"}
    assert [client.get(path).status_code for path in ("/docs", "/redoc")] == [404, 404]


def test_careless_route_is_refused() -> None:
    """A route that would read JSON with the framework's lax reader stops the application from being made."""
    router = APIRouter()

    @router.post("/things")
    def add(thing: dict[str, int]) -> int:
        return len(thing)

    with pytest.raises(ValueError, match=r"/things reads JSON carelessly"):
        create_app(Settings(), clock=SystemClock(), randomness=SystemRandomness(), parts=Parts(routers=[router]))


def test_making_an_app_is_quick() -> None:
    """Nothing is read or compressed when the application is made: well under half a second."""
    started_s = time.monotonic()
    create_app(Settings(), clock=SystemClock(), randomness=SystemRandomness())
    assert time.monotonic() - started_s < 0.5
