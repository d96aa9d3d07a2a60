"""The demo's providers as HTTP servers on 127.0.0.1, in threads of this process.

    with DemoProviders([Utility(...), Bank(...)]) as providers:
        providers.origins["utility"]        # "http://127.0.0.1:41207"
        httpx.get(providers.origins["utility"] + "/espi/1_1/resource/ReadServiceStatus")

Each provider has a port of its own, any free one; where `ports` remembers one it is taken again, because a person may have its
address open. With `has_control` one more address listens, by which another process turns the dials (`quirks`); the demo never
starts it. With `folder` what the providers remember (consents, tokens by their hash) is kept there, so that connections outlive
a restart.

Nothing but loopback is ever listened on, and a request must name the address it came to: a web page elsewhere cannot reach in by
a name of its own that points here.
"""

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from app.demo.providers.wire import MAX_BODY_SIZE, Reply, Request, Simulator, json_reply, not_found
from domain.errors import ClimateFitnessError

_HOST = "127.0.0.1"
_IDLE_S = 10.0
_POLL_S = 0.05

Answer = Callable[[Request], Reply]


class DemoProviders:
    """Simulators that listen, from `start` to `stop`.

    Args:
        simulators: What answers; each name once.
        ports: Name to the port that it had before.
        folder: Where what they remember is kept; None keeps nothing.
        has_control: Whether dials can be turned over HTTP: for tests alone.
    """

    def __init__(
        self,
        simulators: Iterable[Simulator],
        *,
        ports: Mapping[str, int] | None = None,
        folder: Path | None = None,
        has_control: bool = False,
    ) -> None:
        self.simulators = {one.name: one for one in simulators}
        self.origins: dict[str, str] = {}
        self.control_origin = ""
        self._ports = ports or {}
        self._folder = folder
        self._has_control = has_control
        self._servers: list[tuple[ThreadingHTTPServer, Thread]] = []
        self._kept: dict[str, str] = {}

    @property
    def ports(self) -> dict[str, int]:
        """Name to port, while they listen."""
        return {name: urlsplit(origin).port or 0 for name, origin in self.origins.items()}

    def start(self) -> Self:
        """Listen; what was remembered is there again."""
        for name, simulator in self.simulators.items():
            self._load(simulator)
            simulator.origin = self.origins[name] = self._listen(self._answer_of(simulator), self._ports.get(name, 0))
        if self._has_control:
            self.control_origin = self._listen(self._control, 0)
        return self

    def stop(self) -> None:
        """Stop listening; what is being answered ends first."""
        for server, thread in self._servers:
            server.shutdown()
            thread.join()
            server.server_close()
        self._servers.clear()
        self.origins.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    def _listen(self, answer: Answer, port: int) -> str:
        try:
            server = _Server((_HOST, port), answer)
        except OSError:  # somebody else has this port now
            server = _Server((_HOST, 0), answer)
        thread = Thread(target=server.serve_forever, args=(_POLL_S,), name="demo provider", daemon=True)
        thread.start()
        self._servers.append((server, thread))
        return f"http://{_HOST}:{server.server_address[1]}"

    def _answer_of(self, simulator: Simulator) -> Answer:
        def answer(request: Request) -> Reply:
            with simulator.lock:
                reply = simulator.answer(request)
                if request.method != "GET":
                    self._save(simulator)
                return reply

        return answer

    def _control(self, request: Request) -> Reply:
        """`/NAME?dial=value` turns dials; `/NAME?reset` behaves again; the answer says where they stand."""
        simulator = self.simulators.get(request.path.strip("/"))
        if simulator is None:
            return not_found()
        with simulator.lock:
            settings = dict(request.query)
            if "reset" in settings:
                simulator.quirks.reset()
                del settings["reset"]
            try:
                simulator.quirks.turn(settings)
            except ClimateFitnessError as error:
                return json_reply({"error": error.sentence()}, 400)
            return json_reply(asdict(simulator.quirks))

    def _load(self, simulator: Simulator) -> None:
        if self._folder is not None and (path := self._folder / f"{simulator.name}.json").exists():
            simulator.book.update(json.loads(path.read_text("utf-8")))

    def _save(self, simulator: Simulator) -> None:
        if self._folder is None:
            return
        text = json.dumps(simulator.book, sort_keys=True)
        if self._kept.get(simulator.name) == text:
            return
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self._folder / f"{simulator.name}.json"
        partial = path.with_suffix(".part")
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        partial.replace(path)
        self._kept[simulator.name] = text


class _Server(ThreadingHTTPServer):
    """One listening port. Its threads end with their request."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], answer: Answer) -> None:
        self.answer = answer
        super().__init__(address, _Handler)
        self.hosts = {f"{host}:{self.server_address[1]}" for host in (_HOST, "localhost")}

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - as the base class has it
        """A client that goes away in the middle is no news."""


class _Handler(BaseHTTPRequestHandler):
    """From the socket to a `Request`, and from a `Reply` back to it."""

    protocol_version = "HTTP/1.1"
    server_version = "climate-fitness-demo"
    sys_version = ""
    timeout = _IDLE_S
    server: _Server

    def handle_one(self) -> None:
        """Answer one request."""
        size = self.headers.get("Content-Length", "0")
        if not (size.isascii() and size.isdigit()) or int(size) > MAX_BODY_SIZE:
            self._send(json_reply({"error": "request_too_large"}, 413))
            return
        if self.headers.get("Host") not in self.server.hosts:
            self._send(json_reply({"error": "misdirected_request"}, 421))
            return
        parts = urlsplit(self.path)
        try:
            query = dict(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=100))
        except ValueError:
            self._send(json_reply({"error": "invalid_request"}, 400))
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._send(self.server.answer(Request(self.command, parts.path, query, headers, self.rfile.read(int(size)))))

    do_GET = do_POST = do_DELETE = handle_one  # noqa: N815 - the names that the base class looks for

    def _send(self, reply: Reply) -> None:
        self.close_connection = True
        if reply.is_dropped:
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(reply.body[: len(reply.body) // 2] if reply.is_cut_off else reply.body)

    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002, ANN401 - as the base class has it
        """Nothing: addresses carry codes and tokens, which stand in no log."""
