"""The edge: limits, names, origins, headers, rates, log lines."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

import pytest
import structlog
from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, StreamingResponse
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.edge import EdgeMiddleware, EdgeRules, TokenBuckets
from app.clock import FixedClock, SeededRandomness, SystemClock

RULES = EdgeRules(
    origin="http://localhost:8000", hosts=frozenset({"localhost"}), max_body_bytes=100, body_gap_s=0.05, body_timeout_s=0.2
)


def routes() -> APIRouter:
    """Routes that read bodies, draw pages and stream."""
    router = APIRouter()

    @router.api_route("/echo", methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    async def echo(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    @router.post("/v1/estimate")
    async def estimate(request: Request) -> dict[str, int]:
        return {"size": len(await request.body())}

    @router.get("/page")
    def page() -> HTMLResponse:
        return HTMLResponse("<p>page</p>")

    @router.get("/people/{name}")
    def person(name: str) -> dict[str, int]:
        return {"length": len(name)}

    @router.get("/breaks")
    def breaks() -> StreamingResponse:
        def pieces() -> Iterator[bytes]:
            yield b"begun"
            raise RuntimeError("in the middle")

        return StreamingResponse(pieces())

    return router


async def call(app: ASGIApp, scope: Scope, messages: Sequence[Message | float]) -> list[Message]:
    """What an ASGI application sends for a scope and the client's messages; a number is a pause in seconds."""
    waiting = list(messages)
    sent: list[Message] = []

    async def receive() -> Message:
        message = waiting.pop(0) if waiting else {"type": "http.disconnect"}
        if isinstance(message, float):
            await asyncio.sleep(message)
            return await receive()
        return message

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def scope_of(method: str = "POST", path: str = "/x", headers: dict[str, str] | None = None) -> Scope:
    """A bare HTTP scope."""
    raw = [(name.lower().encode(), value.encode()) for name, value in ({"host": "localhost"} | (headers or {})).items()]
    return {"type": "http", "method": method, "path": path, "scheme": "http", "headers": raw, "client": ("127.0.0.1", 1)}


def piece(size: int, *, more: bool = False) -> Message:
    """One message of a body."""
    return {"type": "http.request", "body": b"x" * size, "more_body": more}


def status_and_code(sent: list[Message]) -> tuple[int, str]:
    """Status of a reply and the code of its problem."""
    body = json.loads(b"".join(message.get("body", b"") for message in sent[1:]) or b"{}")
    return sent[0]["status"], body.get("type", "").removeprefix("/problems/")


async def swallowing(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads everything and answers 400 to any trouble, as a careless route would."""
    status = 200
    try:
        while (await receive()).get("more_body"):
            pass
    except Exception:  # noqa: BLE001 - careless on purpose
        status = 400
    await send({"type": "http.response.start", "status": status, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def edge(rules: EdgeRules = RULES) -> EdgeMiddleware:
    """The edge before the careless application."""
    return EdgeMiddleware(swallowing, rules=rules, clock=SystemClock(), randomness=SeededRandomness("edge"))


def test_declared_size_too_large() -> None:
    """A Content-Length over the limit is refused before anything is read."""
    sent = asyncio.run(call(edge(), scope_of(headers={"content-length": "101"}), []))
    assert status_and_code(sent) == (413, "body-too-large")
    assert (b"connection", b"close") in sent[0]["headers"]


def test_streamed_size_too_large() -> None:
    """A body without a declared size is refused once it passes the limit, whatever the route makes of it."""
    sent = asyncio.run(call(edge(), scope_of(), [piece(60, more=True), piece(60, more=True), piece(1)]))
    assert status_and_code(sent) == (413, "body-too-large")


def test_lying_content_length() -> None:
    """A body that is larger than it declared is refused by what arrives."""
    sent = asyncio.run(call(edge(), scope_of(headers={"content-length": "5"}), [piece(500)]))
    assert status_and_code(sent) == (413, "body-too-large")


def test_body_at_the_limit() -> None:
    """A body of exactly the limit passes."""
    sent = asyncio.run(call(edge(), scope_of(headers={"content-length": "100"}), [piece(100)]))
    assert sent[0]["status"] == 200


@pytest.mark.parametrize("text", ["-1", "1_0", "\u0661", "+5", " 5x", "0x10", "9" * 19, ""])
def test_odd_content_length(text: str) -> None:
    """A Content-Length that is no plain number is refused."""
    sent = asyncio.run(call(edge(), scope_of(headers={"content-length": text}), []))
    assert status_and_code(sent) == (400, "bad-request")


def test_slow_body_gap() -> None:
    """A pause longer than allowed ends the request with 408."""
    sent = asyncio.run(call(edge(), scope_of(), [piece(1, more=True), 0.5, piece(1)]))
    assert status_and_code(sent) == (408, "slow-body")


def test_dripping_body() -> None:
    """Many small pauses end it too, once the whole body has taken too long."""
    drip = [part for _ in range(20) for part in (0.03, piece(1, more=True))]
    sent = asyncio.run(call(edge(), scope_of(), [*drip, piece(1)]))
    assert status_and_code(sent) == (408, "slow-body")


def test_waiting_after_the_body_is_no_timeout() -> None:
    """A route may wait for a disconnect as long as it likes once the body is there."""

    async def patient(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body"})

    app = EdgeMiddleware(patient, rules=RULES, clock=SystemClock(), randomness=SeededRandomness("edge"))
    assert asyncio.run(call(app, scope_of(), [piece(1), 0.3]))[0]["status"] == 200


def test_compressed_body_is_refused(edge_client: Callable[..., TestClient]) -> None:
    """A compressed request body is refused: it could be a bomb."""
    reply = edge_client(routes()).post("/echo", content=b"x", headers={"content-encoding": "gzip"})
    assert reply.status_code == 415


def test_websocket_is_closed() -> None:
    """A WebSocket is closed at once."""
    sent = asyncio.run(call(edge(), {"type": "websocket", "path": "/"}, []))
    assert sent == [{"type": "websocket.close", "code": 1008}]


def test_limits_by_path(edge_client: Callable[..., TestClient]) -> None:
    """A batch may be larger than an ordinary body."""
    client = edge_client(routes(), max_body_bytes=10, max_batch_bytes=20)
    assert client.post("/v1/estimate", content=b"x" * 20).json() == {"size": 20}
    assert client.post("/v1/estimate", content=b"x" * 21).status_code == 413
    assert client.post("/echo", content=b"x" * 11).status_code == 413


def test_many_headers(edge_client: Callable[..., TestClient]) -> None:
    """Too many headers are refused."""
    reply = edge_client(routes()).get("/echo", headers={f"x-{i}": "1" for i in range(70)})
    assert (reply.status_code, reply.json()["type"]) == (431, "/problems/headers-too-large")


def test_large_headers(edge_client: Callable[..., TestClient]) -> None:
    """Headers of more than 16 KiB together are refused."""
    assert edge_client(routes()).get("/echo", headers={"cookie": "c" * 17_000}).status_code == 431


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "user@localhost",
        "localhost/path",
        "localhost:99999999",
        "localhost:x",
        "",
        "localhost\\@e",
        "[::1",
    ],
)
def test_foreign_host(edge_client: Callable[..., TestClient], host: str) -> None:
    """A Host that is not ours is refused, so a name rebound to this address reads nothing."""
    reply = edge_client(routes()).get("/echo", headers={"host": host})
    assert (reply.status_code, reply.json()["type"]) == (421, "/problems/unknown-host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8000", "127.0.0.1:9", "[::1]:8000", "fit.example", "other.example:443"])
def test_own_host(edge_client: Callable[..., TestClient], host: str) -> None:
    """This machine, the base URL and the names of the settings are ours, on any port."""
    client = edge_client(routes(), base_url="https://fit.example", allowed_hosts=("other.example",))
    assert client.get("/echo", headers={"host": host}).status_code == 200


COOKIE = {"cookie": "session=1"}


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://localhost:9999"},
        {"origin": "https://localhost:8000"},
        {"origin": "http://localhost:8000.evil.example"},
        {"origin": "http://localhost:8000", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {},
        {"origin": "https://evil.example", "authorization": "Basic eDp5"},
    ],
)
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_forged_write(edge_client: Callable[..., TestClient], method: str, headers: dict[str, str]) -> None:
    """A write with cookies that does not come from our own pages is refused."""
    reply = edge_client(routes()).request(method, "/echo", headers=COOKIE | headers)
    assert (reply.status_code, reply.json()["type"]) == (403, "/problems/foreign-origin")


@pytest.mark.parametrize(
    "headers",
    [
        COOKIE | {"origin": "http://localhost:8000"},
        COOKIE | {"origin": "http://localhost:8000", "sec-fetch-site": "same-origin"},
        COOKIE | {"sec-fetch-site": "same-origin"},
        COOKIE | {"origin": "https://other.example", "authorization": "Bearer cf_test_x"},
        {},
    ],
)
def test_honest_write(edge_client: Callable[..., TestClient], headers: dict[str, str]) -> None:
    """Our own pages, bearers of a key, and programs without cookies may write."""
    assert edge_client(routes()).post("/echo", headers=headers).status_code == 200


def test_foreign_sign_in_is_refused(edge_client: Callable[..., TestClient]) -> None:
    """Another site cannot sign somebody in either: its Origin is refused without any cookie."""
    assert edge_client(routes()).post("/echo", headers={"origin": "https://evil.example"}).status_code == 403


def test_foreign_read_is_answered(edge_client: Callable[..., TestClient]) -> None:
    """A read changes nothing: it is answered, and other sites may not look at the answer."""
    reply = edge_client(routes()).get("/echo", headers=COOKIE | {"origin": "https://evil.example"})
    assert reply.status_code == 200
    assert reply.headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in reply.headers


def test_headers_of_data(edge_client: Callable[..., TestClient]) -> None:
    """Data is sent with a policy that allows nothing, is not sniffed, not framed and not kept."""
    headers = edge_client(routes()).get("/echo").headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cross-origin-opener-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers


def test_page_policy_is_handed_in(edge_client: Callable[..., TestClient]) -> None:
    """Pages carry the policy that was handed in."""
    client = edge_client(routes(), parts={"page_policy": "default-src 'self'"})
    assert client.get("/page").headers["content-security-policy"] == "default-src 'self'"


def test_default_page_policy_has_nothing_unsafe(edge_client: Callable[..., TestClient]) -> None:
    """The policy of pages allows neither inline scripts nor evaluation nor other sites."""
    policy = edge_client(routes()).get("/page").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy


def test_https_is_kept(edge_client: Callable[..., TestClient]) -> None:
    """On https the browser is told to stay there."""
    client = edge_client(routes(), base_url="https://fit.example")
    reply = client.get("https://fit.example/echo")
    assert reply.headers["strict-transport-security"] == "max-age=63072000; includeSubDomains"


def test_rate_limit(edge_client: Callable[..., TestClient]) -> None:
    """The request after the last token is refused with the time to wait, and passes after that time."""
    clock = FixedClock(datetime(2026, 1, 1, tzinfo=UTC))
    client = edge_client(routes(), clock=clock, rate_limit_per_minute=3)
    replies = [client.get("/echo") for _ in range(4)]
    assert [reply.status_code for reply in replies] == [200, 200, 200, 429]
    assert replies[0].headers["ratelimit-policy"] == '"default";q=3;w=60'
    assert replies[0].headers["ratelimit"] == '"default";r=2;t=0'
    assert replies[3].headers["retry-after"] == "20"
    clock.advance(20)
    assert client.get("/echo").status_code == 200


def test_health_has_no_rate_limit(edge_client: Callable[..., TestClient]) -> None:
    """Probes are never refused for coming often."""
    client = edge_client(routes(), rate_limit_per_minute=1)
    assert [client.get("/health").status_code for _ in range(3)] == [200, 200, 200]


def test_wrong_keys_do_not_help(edge_client: Callable[..., TestClient]) -> None:
    """Inventing a new key per request does not escape the limit of the address."""
    client = edge_client(routes(), clock=FixedClock(datetime(2026, 1, 1, tzinfo=UTC)), rate_limit_per_minute=2)
    statuses = [client.get("/echo", headers={"authorization": f"Bearer {i}"}).status_code for i in range(3)]
    assert statuses == [200, 200, 429]


def test_buckets_are_bounded() -> None:
    """Many callers do not fill the memory: the longest unseen is forgotten."""
    buckets = TokenBuckets(1, FixedClock(datetime(2026, 1, 1, tzinfo=UTC)))
    for number in range(10_001):
        buckets.take(str(number))
    assert buckets.take("10000")[0] < 0
    assert buckets.take("0")[0] == 0


def test_log_line_names_the_route_only(edge_client: Callable[..., TestClient]) -> None:
    """The log line has the route's template, status, time and sizes; no path, no query, no body."""
    client = edge_client(routes())
    with structlog.testing.capture_logs() as lines:
        client.get("/people/canary-name?secret=canary-query")
    line = next(line for line in lines if line["event"] == "request")
    assert (line["route"], line["status"], line["method"], line["out_bytes"]) == ("/people/{name}", 200, "GET", 13)
    assert "canary" not in repr(lines)


def test_unhandled_error_is_logged_without_message(edge_client: Callable[..., TestClient]) -> None:
    """A reply that breaks in the middle is logged, and is not completed."""
    client = edge_client(routes())
    with structlog.testing.capture_logs() as lines:
        client.get("/breaks")
    assert [line["event"] for line in lines] == ["unhandled", "request"]


def test_request_ids_differ(edge_client: Callable[..., TestClient]) -> None:
    """Each request has its own id."""
    client = edge_client(routes())
    assert client.get("/echo").headers["x-request-id"] != client.get("/echo").headers["x-request-id"]
