"""A node that lies, lags or vanishes: a real HTTP server on loopback in front of an honest chain, which changes what it says.

with lying_node(post) as liar:
    liar.faults["eth_chainId"] = lambda answer: {**answer, "result": "0x1"}     another chain's id
    liar.faults["eth_call"] = html                                              a page of a login portal
    liar.vanish()                                                               nobody listens any more
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from ledger.embedded import EmbeddedChain
from ledger.rpc import Post, RpcError

Fault = Callable[[dict[str, Any]], Any]
"""Takes the honest answer; gives what is said instead: JSON, or bytes as they are. May sleep."""

PAGE = b"<!doctype html><title>502 Bad Gateway</title><h1>Bad gateway</h1>"


@dataclass
class LyingNode:
    """What a test can dial in.

    Attributes:
        url: Where it listens.
        server: The server itself.
        faults: What becomes of the answers of a method; "" is for all methods.
        asked: Methods that were asked for, in order.
        status: HTTP status of every answer.
        location: Where every answer redirects to; empty: nowhere.
    """

    url: str
    server: ThreadingHTTPServer
    faults: dict[str, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    status: int = 200
    location: str = ""

    def once(self, method: str, fault: Fault) -> None:
        """Lie at the next request of a method, and be honest again."""

        def lie(answer: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON or bytes
            del self.faults[method]
            return fault(answer)

        self.faults[method] = lie

    def vanish(self) -> None:
        """Nobody listens any more."""
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def lying_node(post: Post) -> Iterator[LyingNode]:
    """A proxy in front of an honest node."""

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def do_POST(self) -> None:
            """Ask the honest node, then say what the test wants."""
            body = self.rfile.read(int(self.headers["Content-Length"]))
            method = json.loads(body)["method"]
            liar.asked.append(method)
            answer = json.loads(post(body))
            fault = liar.faults.get(method) or liar.faults.get("") or (lambda honest: honest)
            said = fault(answer)
            sent = said if isinstance(said, bytes) else json.dumps(said).encode()
            self.send_response(liar.status)
            if liar.location:
                self.send_header("Location", liar.location)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Keep the tests' output clean."""

    class Quiet(ThreadingHTTPServer):
        """A server whose clients may hang up."""

        daemon_threads = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that hung up in the middle is what the test wants."""

    server = Quiet(("127.0.0.1", 0), Handler)
    liar = LyingNode(f"http://127.0.0.1:{server.server_port}", server)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield liar
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def post_to(chain: EmbeddedChain) -> Post:
    """The embedded chain as an honest node over JSON-RPC."""

    def post(body: bytes) -> bytes:
        request = json.loads(body)
        answer: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        try:
            answer["result"] = chain.request(request["method"], request["params"])
        except RpcError as error:
            answer["error"] = error.to_json()
        return json.dumps(answer).encode()

    return post


def saying(result: object) -> Fault:
    """The honest answer with another result."""
    return lambda answer: {"jsonrpc": "2.0", "id": answer["id"], "result": result}


def html(_answer: dict[str, Any]) -> bytes:
    """A page for people instead of JSON."""
    return PAGE


def silence(seconds: float) -> Fault:
    """Nothing for so long."""

    def wait(answer: dict[str, Any]) -> dict[str, Any]:
        time.sleep(seconds)
        return answer

    return wait


def with_field(name: str, value: object) -> Fault:
    """The honest answer with one field of its result changed; nothing where the result is nothing."""

    def lie(answer: dict[str, Any]) -> dict[str, Any]:
        result = answer.get("result")
        return {**answer, "result": {**result, name: value}} if isinstance(result, dict) else answer

    return lie
