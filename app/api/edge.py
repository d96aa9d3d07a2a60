"""One layer before every route: limits, names, origins, headers, a log line.

A pure ASGI middleware (no request object, no buffering): what it refuses costs no route, no session and no memory. Sizes come
from the declared Content-Length and, because that may lie, from what really arrives. How long a client may take for its
*headers* is not handled here: uvicorn limits their size, a proxy their time.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import ceil
from urllib.parse import urlsplit

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import ErrorPage, Problem, ProblemError, edge_problem, problem_response
from app.clock import Clock, Randomness

log = structlog.get_logger("app.api.edge")

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1; TRACE is not served)."""

PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""Content-Security-Policy of pages where no other is handed in."""

DATA_POLICY = "default-src 'none'; frame-ancestors 'none'"
"""Content-Security-Policy of everything that is no page."""

FIXED_HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
"""Headers of every reply."""

STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"
"""Strict-Transport-Security on https: two years."""

MAX_BUCKET_COUNT = 10_000
"""Addresses and keys whose rate is remembered; the one longest unseen is forgotten."""


@dataclass(frozen=True, kw_only=True)
class EdgeRules:
    """What the edge lets through.

    Args:
        origin: Origin under which people reach the server.
        hosts: Host names that `Host` may carry, lower case, without ports.
        max_body_bytes: Largest body where `large_bodies` names nothing else, bytes.
        large_bodies: Largest body by path prefix, bytes.
        max_header_bytes: Largest sum of header names and values, bytes.
        max_header_count: Most headers.
        body_gap_s: Longest pause between two pieces of a body, seconds.
        body_timeout_s: Longest time for a whole body, seconds.
        requests_per_minute: Requests per minute and address, and per API key; 0 is no limit.
        page_policy: Content-Security-Policy of pages.
    """

    origin: str
    hosts: frozenset[str]
    max_body_bytes: int = 1024 * 1024
    large_bodies: Mapping[str, int] = field(default_factory=dict)
    max_header_bytes: int = 16 * 1024
    max_header_count: int = 64
    body_gap_s: float = 10.0
    body_timeout_s: float = 300.0
    requests_per_minute: int = 0
    page_policy: str = PAGE_POLICY

    def body_limit_bytes(self, path: str) -> int:
        """Largest body for a path: that of the longest prefix named, else the ordinary one."""
        prefixes = [prefix for prefix in self.large_bodies if path.startswith(prefix)]
        return self.large_bodies[max(prefixes, key=len)] if prefixes else self.max_body_bytes


class TokenBuckets:
    """Request rates in memory, one bucket per caller.

    Invariants: a bucket never holds more than `per_minute` tokens; at most `MAX_BUCKET_COUNT` buckets exist. Used from one event
    loop; every server process counts for itself.

    Args:
        per_minute: Tokens that flow in per minute, and the size of a bucket.
        clock: Tells the time.
    """

    def __init__(self, per_minute: int, clock: Clock) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, caller: str) -> tuple[float, float]:
        """Take one token.

        Args:
            caller: Whose bucket.

        Returns:
            Tokens left (negative: refused, nothing was taken), and seconds until the next token.
        """
        now_s = self._clock.monotonic_s()
        tokens, seen_s = self._buckets.pop(caller, (float(self._per_minute), now_s))
        tokens = min(self._per_minute, tokens + (now_s - seen_s) * self._per_minute / 60)
        left = tokens - 1
        self._buckets[caller] = (left if left >= 0 else tokens, now_s)
        if len(self._buckets) > MAX_BUCKET_COUNT:
            self._buckets.popitem(last=False)
        return left, max(0.0, (1 - (left if left >= 0 else tokens)) * 60 / self._per_minute)


@dataclass
class _Exchange:
    """What is known of one request while it runs."""

    request_id: str
    started_s: float
    headers: Headers
    rate: Mapping[str, str] = field(default_factory=dict)
    refusal: Problem | None = None
    is_started: bool = False
    status: int = 0
    in_bytes: int = 0
    out_bytes: int = 0


class EdgeMiddleware:
    """The edge as ASGI middleware.

    Every request gets an id in `request.state.request_id` and in `X-Request-Id`. HEAD is answered as GET without its body (RFC
    9110, section 9.3.2). An exception that no route handled ends here: a 500 with a fixed text, and a log line with the places in
    the code but without the message. A client that leaves before its body is complete gets no answer, and its line in the log
    has status 0.

    Args:
        app: The application behind.
        rules: What is let through.
        clock: Tells the time.
        randomness: Gives the ids.
        page: Draws a refusal for browsers.
    """

    def __init__(
        self, app: ASGIApp, *, rules: EdgeRules, clock: Clock, randomness: Randomness, page: ErrorPage | None = None
    ) -> None:
        self._app = app
        self._rules = rules
        self._clock = clock
        self._randomness = randomness
        self._page = page
        self._buckets = TokenBuckets(rules.requests_per_minute, clock) if rules.requests_per_minute else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:  # no route of ours speaks WebSocket
            await send({"type": "websocket.close", "code": 1008})

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = _Exchange(self._randomness.id(), self._clock.monotonic_s(), Headers(scope=scope))
        scope.setdefault("state", {})["request_id"] = exchange.request_id
        guarded_send = self._sender(scope, exchange, send)
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        routed = _as_get(scope)
        try:
            exchange.refusal = self._refusal(scope, exchange)
            if exchange.refusal is None:
                await self._app(routed, self._receiver(scope, exchange, receive), guarded_send)
            if exchange.refusal is not None and not exchange.is_started:
                await self._refuse(scope, exchange, send)
        except ClientDisconnect:  # nobody waits for an answer
            exchange.refusal = None
        except ProblemError as refused:
            exchange.refusal = refused.problem
            await self._refuse(scope, exchange, send)
        except Exception as error:  # the outermost loop of a request: whatever it is, the caller gets an answer
            log.exception("unhandled", method=scope["method"], route=_route(routed), exc_info=error)
            exchange.refusal = edge_problem("internal-error")
            await self._refuse(scope, exchange, send)
        finally:
            self._log_line(scope, exchange, _route(routed))
            structlog.contextvars.unbind_contextvars("request_id")

    # What is refused before anything runs, cheapest first.

    def _refusal(self, scope: Scope, exchange: _Exchange) -> Problem | None:
        return (
            self._header_refusal(scope)
            or self._address_refusal(scope)
            or self._host_refusal(exchange.headers)
            or self._rate_refusal(scope, exchange)
            or self._body_refusal(scope, exchange.headers)
            or self._origin_refusal(scope, exchange.headers)
        )

    def _header_refusal(self, scope: Scope) -> Problem | None:
        raw = scope["headers"]
        size = sum(len(name) + len(value) for name, value in raw)
        if len(raw) > self._rules.max_header_count or size > self._rules.max_header_bytes:
            expected = f"at most {self._rules.max_header_count} headers of {self._rules.max_header_bytes} bytes together"
            return edge_problem("headers-too-large", expected=expected, got=f"{len(raw)} headers of {size} bytes")
        if any(b"\x00" in value or b"\r" in value or b"\n" in value for _, value in raw):
            return edge_problem("bad-request", "a header contains a control character")
        return None

    def _address_refusal(self, scope: Scope) -> Problem | None:
        if "\x00" in scope["path"]:  # nothing has such a name, and PostgreSQL would not take the question
            return edge_problem("not-found")
        if b"%00" in scope.get("query_string", b""):
            return edge_problem("bad-request", "the query contains a NUL")
        return None

    def _host_refusal(self, headers: Headers) -> Problem | None:
        given = headers.getlist("host")
        if len(given) == 1 and _host_name(given[0]) in self._rules.hosts:
            return None
        return edge_problem("unknown-host", expected="one Host header with a name of this server")

    def _rate_refusal(self, scope: Scope, exchange: _Exchange) -> Problem | None:
        if self._buckets is None or scope["path"] in {"/health", "/ready"}:
            return None
        limit = self._rules.requests_per_minute
        for caller in _callers(scope, exchange.headers):
            left, wait_s = self._buckets.take(caller)
            exchange.rate = {
                "RateLimit-Policy": f'"default";q={limit};w=60',
                "RateLimit": f'"default";r={max(0, int(left))};t={ceil(wait_s)}',
            }
            if left < 0:
                return edge_problem(
                    "too-many-requests",
                    expected=f"at most {limit} requests per minute",
                    headers={"Retry-After": str(max(1, ceil(wait_s)))},
                )
        return None

    def _body_refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        declared = headers.getlist("content-length")
        if not declared:
            return None
        text = declared[0]
        if len(declared) > 1 or not (text.isascii() and text.isdigit()) or len(text) > 18:  # noqa: PLR2004 - digits of 2^63
            return edge_problem("bad-request", expected="one Content-Length of decimal digits")
        limit = self._rules.body_limit_bytes(scope["path"])
        if int(text) > limit:
            return _too_large(limit)
        if headers.get("content-encoding", "identity").lower() != "identity":
            return edge_problem("unsupported-media-type", expected="a body without Content-Encoding")
        return None

    def _origin_refusal(self, scope: Scope, headers: Headers) -> Problem | None:
        """Cross-site request forgery: a browser sends its cookies along with whatever another site makes it send.

        A Bearer header cannot be set by another site without being asked for first, so such requests pass. A request with
        neither cookies nor an Origin comes from a program.
        """
        if scope["method"] in SAFE_METHODS or headers.get("authorization", "").lower().startswith("bearer "):
            return None
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        own = {self._rules.origin, f"{scope['scheme']}://{headers['host']}".lower()}
        if origin is not None:
            is_own = origin.lower() in own and site in {None, "same-origin"}
        elif site is not None:
            is_own = site == "same-origin"
        else:
            is_own = "cookie" not in headers
        return None if is_own else edge_problem("foreign-origin", expected=f"Origin {self._rules.origin}")

    # What happens while the request runs.

    def _receiver(self, scope: Scope, exchange: _Exchange, receive: Receive) -> Receive:
        limit = self._rules.body_limit_bytes(scope["path"])
        deadline_s = exchange.started_s + self._rules.body_timeout_s
        is_complete = False

        async def guarded() -> Message:
            nonlocal is_complete
            if is_complete:  # only a disconnect can follow; there is no hurry
                return await receive()
            pause_s = min(self._rules.body_gap_s, deadline_s - self._clock.monotonic_s())
            try:
                async with asyncio.timeout(max(0.0, pause_s)):
                    message = await receive()
            except TimeoutError as error:
                expected = f"a piece every {self._rules.body_gap_s:g} s, all within {self._rules.body_timeout_s:g} s"
                exchange.refusal = edge_problem("slow-body", expected=expected, headers={"Connection": "close"})
                raise ProblemError(exchange.refusal) from error
            exchange.in_bytes += len(message.get("body", b""))
            is_complete = not message.get("more_body", False)
            if exchange.in_bytes > limit:
                exchange.refusal = _too_large(limit)
                raise ProblemError(exchange.refusal)
            return message

        return guarded

    def _sender(self, scope: Scope, exchange: _Exchange, send: Send) -> Send:
        async def guarded(message: Message) -> None:
            if exchange.refusal is not None and not exchange.is_started:
                return  # the route answers a body that was cut off: our refusal replaces it
            if message["type"] == "http.response.start":
                exchange.is_started = True
                exchange.status = message["status"]
                self._add_headers(scope, exchange, MutableHeaders(scope=message))
            elif message["type"] == "http.response.body":
                if scope["method"] == "HEAD":
                    message = {**message, "body": b""}
                exchange.out_bytes += len(message.get("body", b""))
            await send(message)

        return guarded

    def _add_headers(self, scope: Scope, exchange: _Exchange, headers: MutableHeaders) -> None:
        is_page = headers.get("content-type", "").startswith("text/html")
        headers.setdefault("Content-Security-Policy", self._rules.page_policy if is_page else DATA_POLICY)
        headers.setdefault("Cache-Control", "no-store")
        for name, value in FIXED_HEADERS.items():
            headers.setdefault(name, value)
        if scope["scheme"] == "https":
            headers.setdefault("Strict-Transport-Security", STRICT_TRANSPORT)
        headers["X-Request-Id"] = exchange.request_id
        for name, value in exchange.rate.items():
            headers[name] = value

    async def _refuse(self, scope: Scope, exchange: _Exchange, send: Send) -> None:
        """Answer with the refusal, unless a reply has begun: then the connection is cut by leaving it incomplete."""
        problem, exchange.refusal = exchange.refusal, None
        if problem is None or exchange.is_started:
            return
        accept = exchange.headers.get("accept", "")
        response = problem_response(problem, accept=accept, request_id=exchange.request_id, page=self._page)
        await response(scope, _no_body, self._sender(scope, exchange, send))

    def _log_line(self, scope: Scope, exchange: _Exchange, route: str) -> None:
        log.info(
            "request",
            method=scope["method"] if scope["method"].isalpha() else "other",
            route=route,
            status=exchange.status,
            duration_ms=round((self._clock.monotonic_s() - exchange.started_s) * 1000, 1),
            in_bytes=exchange.in_bytes,
            out_bytes=exchange.out_bytes,
        )


def _as_get(scope: Scope) -> Scope:
    """The connection as routes see it: HEAD is GET. A copy, because the server too looks at the method; the state is shared."""
    return {**scope, "method": "GET"} if scope["method"] == "HEAD" else scope


async def _no_body() -> Message:
    """What a refusal reads of the request: nothing more."""
    return {"type": "http.disconnect"}


def _too_large(limit_bytes: int) -> Problem:
    # The rest of the body is not read, so the connection cannot be used again.
    return edge_problem("body-too-large", expected=f"at most {limit_bytes} bytes", headers={"Connection": "close"})


def _host_name(host: str) -> str:
    """The name of a Host header without its port, lower case; empty if it is no such header."""
    try:
        parts = urlsplit(f"//{host}")
        is_plain = parts.netloc == host and not parts.username and (parts.port is None or parts.port >= 0)
    except ValueError:
        return ""
    name = (parts.hostname or "").lower()
    if not is_plain or "@" in host:
        return ""
    return f"[{name}]" if ":" in name else name


def _callers(scope: Scope, headers: Headers) -> list[str]:
    """Whose rate counts: the address, and the API key if there is one (by its hash; it may be wrong)."""
    client = scope.get("client")
    found = [f"address {client[0]}" if client else "address unknown"]
    authorization = headers.get("authorization", "")
    if authorization:
        found.append(f"key {sha256(authorization.encode()).hexdigest()}")
    return found


def _route(scope: Scope) -> str:
    """The template of the route that answered, such as `/v1/bills/{bill_id}`; never the path, which may hold names."""
    route = scope.get("route")
    return str(getattr(route, "path", "")) or "(none)"
