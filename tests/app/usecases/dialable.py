"""A provider that is really called over HTTP on 127.0.0.1, and does whatever a test dials: its pages, and its bad days.

And the connector that reads it: pages of readings as JSON, each naming the next one; the cursor is the page to ask for next.
"""

import json
import threading
from array import array
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from app.services import Whose
from app.store import connections
from app.store.connections import ConnectionRow, ConnectionState
from app.usecases.connection_secrets import Tokens, seal_link, seal_tokens
from connectors.base import Auth, Batch, Get, Link, Manifest, Provider, Pull
from connectors.context import unframed
from domain.activity import Direction
from domain.errors import DocumentError
from domain.series import IntervalSeries, MeterDocument
from tests.app.usecases.installation import HOUR_S, Installation, hours

HTML = b"<!DOCTYPE html><html><body>We are doing maintenance.</body></html>"


@dataclass(frozen=True)
class Asked:
    """A request that came."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True)
class Say:
    """An answer that a test dials.

    Attributes:
        status: HTTP status.
        body: Bytes.
        headers: Further headers; `content-length` may lie.
        drip_s: Pause before each byte of the body, seconds.
        raw: Sent instead of everything else, then the line is cut.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drip_s: float = 0.0
    raw: bytes = b""


Answering = Callable[[Asked], Say]


@dataclass
class Dialable:
    """A provider that answers with its pages, unless something else was dialled for the next requests.

    Attributes:
        origin: Where it is.
        pages: Body of each page.
        dialled: Answers for the next requests, used up one by one.
        answer: Answers whatever is no page: `/token`, ...
        good_tokens: Access tokens that it takes; None: it asks for none.
        asked: Every request that came.
    """

    origin: str = ""
    pages: list[bytes] = field(default_factory=list)
    dialled: deque[Say] = field(default_factory=deque)
    answer: Answering = lambda _asked: Say(404)
    good_tokens: set[str] | None = None
    asked: list[Asked] = field(default_factory=list)

    def say(self, asked: Asked) -> Say:
        """The answer to a request."""
        self.asked.append(asked)
        if self.dialled:
            return self.dialled.popleft()
        if asked.path != "/api/readings":
            return self.answer(asked)
        if self.good_tokens is not None and asked.headers.get("authorization", "") not in self.good_tokens:
            return Say(401, b'{"error":"invalid_token"}', {"content-type": "application/json"})
        number = int(asked.query.get("page", "0"))
        if number >= len(self.pages):
            return Say(204)
        return Say(200, self.pages[number], {"content-type": "application/json"})

    @property
    def pages_asked(self) -> list[int]:
        """Numbers of the pages that were asked for, in order."""
        return [int(one.query["page"]) for one in self.asked if one.path == "/api/readings"]


@contextmanager
def dialable(made: Dialable | None = None) -> Iterator[Dialable]:
    """A provider that is up for the length of a test; one of another kind where given."""
    made = made or Dialable()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"provider": made}))
    server.daemon_threads = True
    made.origin = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


class _Handler(BaseHTTPRequestHandler):
    """Answers as its provider says."""

    provider: Dialable
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def handle(self) -> None:
        """Answer until the caller hangs up, or is killed."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def do_GET(self) -> None:
        """Answer."""
        self._answer(b"")

    def do_POST(self) -> None:
        """Answer."""
        self._answer(self.rfile.read(int(self.headers.get("content-length", "0"))))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        said = self.provider.say(Asked(parts.path, dict(parse_qsl(parts.query)), headers, body))
        try:
            self._write(said)
        except OSError:  # the caller has had enough
            self.close_connection = True

    def _write(self, said: Say) -> None:
        if said.raw:
            self.wfile.write(said.raw)
            self.wfile.flush()
            self.close_connection = True
            return
        self.send_response(said.status)
        headers = {"content-length": str(len(said.body)), **said.headers}
        if said.status == 204:
            del headers["content-length"]
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if said.drip_s:
            for byte in said.body:
                threading.Event().wait(said.drip_s)
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
        else:
            self.wfile.write(said.body)


@dataclass(frozen=True)
class PagedMeter:
    """The connector of the provider above.

    Attributes:
        row: Its one provider.
        version: Of its parser.
    """

    row: Provider
    version: str = "1"

    @property
    def manifest(self) -> Manifest:
        """What it is."""
        return Manifest("paged-meter", "Paged meter", frozenset({"electricity"}), self.version, providers=(self.row,))

    def pull(self, link: Link, cursor: str | None) -> Pull:
        """Page after page, from the one that the cursor names."""
        page: int | None = int(cursor or "0")
        while page is not None:
            document = yield Get("readings", {"page": str(page)}, context={"meter": link.get("meter", "m1")})
            assert document is not None
            if document.status == 204:
                return
            parsed = self.parse(document.body)
            after = json.loads(unframed(document.body)[1]).get("next")
            yield Batch(parsed, cursor=str(page if after is None else after))
            page = after

    def parse(self, body: bytes) -> MeterDocument:
        """The readings of a page; one that is none is refused alone.

        Raises:
            DocumentError: It is no page.
        """
        context, plain = unframed(body)
        try:
            value = json.loads(plain)
            readings = value["readings"]
            assert isinstance(readings, list)
        except (ValueError, KeyError, TypeError, AssertionError) as error:
            raise DocumentError(
                "This is no page of readings", expected="readings", got=plain[:20].decode(), record="page"
            ) from error
        is_good = [all(isinstance(part, int) for part in one) for one in readings]
        good = readings if all(is_good) else [one for one, is_fine in zip(readings, is_good, strict=True) if is_fine]
        refused = [
            DocumentError("This reading has no value", expected="whole Wh", got=str(one[2]), record=f"reading {number}")
            for number, (one, is_fine) in enumerate(zip(readings, is_good, strict=True))
            if not is_fine
        ]
        series = IntervalSeries(
            usage_point=str(context["meter"]),
            series_key="readings",
            kind="electricity",
            direction=Direction.DELIVERED,
            unit="kWh",
            micro_per_value=Fraction(1000),
            starts_s=array("q", [one[0] for one in good]),
            durations_s=array("q", [one[1] for one in good]),
            values=array("q", [one[2] for one in good]),
            qualities=array("q"),
            is_additive=True,
            source_unit="Wh",
            updated_at_s=value.get("updated", 0),
        )
        return MeterDocument((series,), tuple(refused))


def page_of_day(day: date, after: int | None, *, watt_hours: int = 100, updated: int = 0) -> bytes:
    """A page with the hours of a day."""
    readings = [[start_s, HOUR_S, watt_hours] for start_s in hours(day, day)]
    return json.dumps({"next": after, "readings": readings, "updated": updated}).encode()


def pages_of_days(first: date, count: int, *, watt_hours: Sequence[int] = (100,)) -> list[bytes]:
    """A page for each of some days in a row."""
    days = [date.fromordinal(first.toordinal() + number) for number in range(count)]
    return [
        page_of_day(day, number + 1 if number + 1 < count else None, watt_hours=watt_hours[number % len(watt_hours)])
        for number, day in enumerate(days)
    ]


def provider_row(origin: str, *, auth: Auth = None, requests_per_s: float = 1000.0, day_count: int = 0) -> Provider:
    """The row of the provider at an origin."""
    return Provider(
        "paged",
        "Paged Power",
        f"{origin}/api",
        auth=auth,
        requests_per_s=requests_per_s,
        requests_per_day_count=day_count,
    )


def connect(
    installation: Installation,
    whose: Whose,
    *,
    tokens: Tokens | None = None,
    connector: str = "paged-meter",
    provider: str = "paged",
    connection_id: str = "c1",
    link: Mapping[str, str] | None = None,
) -> ConnectionRow:
    """A connection of a subject."""
    row = ConnectionRow(
        connection_id,
        whose.tenant_id,
        whose.subject_id,
        connector,
        ConnectionState.ACTIVE,
        is_file=False,
        cursor="",
        sealed_tokens=None,
        created_at=installation.clock.now(),
        provider=provider,
        title="Home",
        next_at=installation.clock.now(),
    )
    with installation.work() as work:
        if tokens is not None:
            row = replace(row, sealed_tokens=seal_tokens(work, whose, connection_id, tokens))
        row = replace(row, sealed_link=seal_link(work, whose, connection_id, link or {"meter": "m1"}))
        connections.add(work.session, row)
    return row
