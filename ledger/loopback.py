"""The embedded chain's JSON-RPC for other processes on this machine: its owner answers on 127.0.0.1.

Who may ask: whoever knows the address, whose path is 256 random bits; the owner writes it into a file that its user alone can
read. No page of a browser may: `Host` must be a name of this machine (no DNS rebinding), a request with the `Origin` of a web
page is refused, and no answer allows one. Browser extensions (wallets) name an origin of their own scheme and may.

What may be asked: the methods of `EmbeddedChain` and no others; there is none that signs, mines, or changes time or balances.
"""

import json
from collections.abc import Callable
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import BoundedSemaphore, Thread
from typing import Any

from ledger.embedded import EmbeddedChain
from ledger.rpc import RpcError

MAX_REQUEST_BYTES = 256 * 1024
"""Largest request, bytes: a transaction with 128 issuances takes 70 kB in hexadecimal."""

MAX_BATCH_COUNT = 50
"""Most requests in one JSON-RPC batch; wallets send a handful."""

MOST_AT_ONCE_COUNT = 16
"""Requests that are answered at once; the next one is told to come back."""

GAP_S = 10.0
"""Longest pause between two bytes of a request, seconds."""

_WALLET_SCHEMES = ("chrome-extension://", "moz-extension://", "safari-web-extension://")
_PARSE_ERROR, _INVALID_REQUEST = -32700, -32600


class LoopbackRpc:
    """Answers until it is closed; any number of threads ask, `EmbeddedChain` makes them take turns.

    Args:
        chain: The chain that this process owns.
        secret: Unguessable path, of letters, digits, - and _.
        port: Port of 127.0.0.1; 0: any free one.

    Raises:
        OSError: The port is taken.
    """

    def __init__(self, chain: EmbeddedChain, *, secret: str, port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), _handler(chain.request, secret))
        self.url = f"http://127.0.0.1:{self._server.server_port}/{secret}"
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="chain rpc", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Answer no more; what is being answered ends first. Closing twice is fine."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128  # callers that come at once wait; the usual five would reset the others

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hangs up is not our fault, and says nothing worth a log."""


def _handler(ask: Callable[[str, list[Any]], Any], secret: str) -> type[BaseHTTPRequestHandler]:
    free = BoundedSemaphore(MOST_AT_ONCE_COUNT)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = GAP_S
        server_version, sys_version = "climate-fitness", ""

        def do_POST(self) -> None:
            """Answer one request, or one batch."""
            if refusal := self._refusal():
                self._answer(refusal, b"", closes=True)
                return
            if not free.acquire(blocking=False):
                self._answer(503, b"", closes=True)
                return
            try:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(200, json.dumps(answer_to(ask, body)).encode())
            finally:
                free.release()

        def _refusal(self) -> int:
            """HTTP status of what is refused before it is read; 0 for nothing."""
            host, origin = self.headers.get("Host", ""), self.headers.get("Origin", "")
            length = self.headers.get("Content-Length", "")
            port = self.connection.getsockname()[1]
            if host not in {f"127.0.0.1:{port}", f"localhost:{port}"}:
                return 421
            if origin and not origin.startswith(_WALLET_SCHEMES):
                return 403
            if not compare_digest(self.path.encode("latin-1", "replace"), b"/" + secret.encode("ascii")):
                return 404
            if self.headers.get("Transfer-Encoding") or not (length.isascii() and length.isdigit()):
                return 411
            return 413 if int(length[:20]) > MAX_REQUEST_BYTES else 0

        def _answer(self, status: int, body: bytes, *, closes: bool = False) -> None:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("X-Content-Type-Options", "nosniff")
            if closes:
                self.send_header("Connection", "close")
                self.close_connection = True
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Nothing: the path is a secret."""

    return Handler


def answer_to(ask: Callable[[str, list[Any]], Any], body: bytes) -> Any:  # noqa: ANN401  # JSON
    """The JSON-RPC answer to a request, or to a batch of them.

    Args:
        ask: Gives the result of a method.
        body: The request's bytes.
    """
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return _failure(None, RpcError("expected JSON", code=_PARSE_ERROR))
    if not isinstance(asked, list):
        return _one(ask, asked)
    if not 0 < len(asked) <= MAX_BATCH_COUNT:
        return _failure(None, RpcError(f"expected 1 to {MAX_BATCH_COUNT} requests", code=_INVALID_REQUEST))
    return [_one(ask, request) for request in asked]


def _one(ask: Callable[[str, list[Any]], Any], request: object) -> dict[str, Any]:
    if not isinstance(request, dict):
        return _failure(None, RpcError("expected a JSON-RPC request", code=_INVALID_REQUEST))
    number, method, params = request.get("id"), request.get("method"), request.get("params", [])
    if not isinstance(method, str) or not isinstance(params, list) or not isinstance(number, int | str | None):
        return _failure(None, RpcError("expected id, method and a list of params", code=_INVALID_REQUEST))
    try:
        return {"jsonrpc": "2.0", "id": number, "result": ask(method, params)}
    except RpcError as error:
        return _failure(number, error)


def _failure(number: int | str | None, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": error.to_json()}
