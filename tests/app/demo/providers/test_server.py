"""Simulators over HTTP: who is answered, how dials are turned from outside, what survives a restart."""

import http.client
import json
import socket
import urllib.error
import urllib.request
from pathlib import Path
from threading import RLock
from typing import Any
from urllib.parse import urlsplit

import pytest

from app.demo.providers.quirks import Quirks
from app.demo.providers.server import DemoProviders
from app.demo.providers.wire import Reply, Request, disturbed, http_date, json_reply, trouble
from domain.errors import InputError
from tests.app.demo.providers.scene import NOW


class Echo:
    """Says what it was asked."""

    def __init__(self) -> None:
        self.name, self.origin = "echo", ""
        self.quirks, self.lock = Quirks(), RLock()
        self.book: dict[str, Any] = {}

    def answer(self, request: Request) -> Reply:
        """What came; counts what was posted."""
        if request.path == "/drop":
            return Reply(is_dropped=True)
        if request.method == "POST":
            self.book["count"] = self.book.get("count", 0) + 1
        said = {"query": dict(request.query), "form": request.form(), "count": self.book.get("count", 0)}
        return trouble(self.quirks) or disturbed(json_reply(said), self.quirks)


def ask(address: str, *, body: bytes | None = None, **headers: str) -> tuple[int, Any]:
    """Status and JSON of a reply."""
    request = urllib.request.Request(address, data=body, headers=headers)  # noqa: S310 - on this machine
    try:
        with urllib.request.urlopen(request, timeout=5) as reply:  # noqa: S310 - as above
            return reply.status, json.loads(reply.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers


def test_only_loopback(tmp_path: Path) -> None:
    """It listens on 127.0.0.1 and nowhere else, and stops cleanly."""
    with DemoProviders([Echo()]) as providers:
        origin = providers.origins["echo"]
        assert urlsplit(origin).hostname == "127.0.0.1"
        assert ask(f"{origin}/?a=b&a=c")[1]["query"] == {"a": "c"}
        port = providers.ports["echo"]
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_host_must_be_ours() -> None:
    """A request by another name, as a web page elsewhere could send it, is refused."""
    with DemoProviders([Echo()]) as providers:
        assert ask(providers.origins["echo"], Host="evil.example")[0] == 421
        assert ask(providers.origins["echo"].replace("127.0.0.1", "localhost"))[0] == 200


def test_large_body() -> None:
    """A body that no honest client sends is refused before it is read."""
    with DemoProviders([Echo()]) as providers:
        connection = http.client.HTTPConnection(urlsplit(providers.origins["echo"]).netloc, timeout=5)
        connection.putrequest("POST", "/")
        connection.putheader("Content-Length", str(10**9))
        connection.endheaders()
        assert connection.getresponse().status == 413
        connection.close()


def test_dropped_connection() -> None:
    """An answer that is lost is a closed connection."""
    with DemoProviders([Echo()]) as providers, pytest.raises(http.client.RemoteDisconnected):
        ask(providers.origins["echo"] + "/drop")


def test_cut_off_and_padded() -> None:
    """A body that ends in the middle says its whole length; padding makes it longer."""
    with DemoProviders([echo := Echo()]) as providers:
        echo.quirks.turn({"cut_off_count": "1"})
        with pytest.raises(http.client.IncompleteRead):
            ask(providers.origins["echo"])
        echo.quirks.turn({"extra_padding_bytes": "5000"})
        with urllib.request.urlopen(providers.origins["echo"], timeout=5) as reply:  # noqa: S310 - on this machine
            assert len(reply.read()) > 5000


def test_control_address() -> None:
    """Tests turn dials from outside; what is no dial is refused, and then none is turned."""
    with DemoProviders([echo := Echo()], has_control=True) as providers:
        control = f"{providers.control_origin}/echo"
        assert ask(f"{control}?too_many_count=1&retry_after=7")[1]["too_many_count"] == 1
        status, headers = ask(providers.origins["echo"])
        assert (status, headers["Retry-After"]) == (429, "7")
        assert ask(providers.origins["echo"])[0] == 200
        assert ask(f"{control}?unavailable_count=1&nonsense=1")[0] == 400
        assert echo.quirks.unavailable_count == 0
        assert ask(f"{control}?reset=")[1]["retry_after"] == "1"
        assert ask(f"{providers.control_origin}/nobody")[0] == 404


def test_no_control_unless_asked_for() -> None:
    """The demo has no control address."""
    with DemoProviders([Echo()]) as providers:
        assert providers.control_origin == ""


def test_book_survives(tmp_path: Path) -> None:
    """What a provider remembers is there after a restart, in files of our own."""
    with DemoProviders([Echo()], folder=tmp_path / "kept") as providers:
        ask(providers.origins["echo"], body=b"a=1")
        ports = providers.ports
    assert (tmp_path / "kept" / "echo.json").stat().st_mode & 0o777 == 0o600
    with DemoProviders([Echo()], folder=tmp_path / "kept", ports=ports) as providers:
        assert providers.ports == ports
        assert ask(providers.origins["echo"])[1]["count"] == 1


@pytest.mark.parametrize("settings", [{"nonsense": "1"}, {"too_many_count": "-1"}, {"is_revoked": "maybe"}, {"part_count": "²"}])
def test_dials_are_checked(settings: dict[str, str]) -> None:
    """A dial that is none, or takes no such value, is refused by name."""
    with pytest.raises(InputError, match=next(iter(settings))):
        Quirks().turn(settings)


def test_http_date() -> None:
    """Dates are written as HTTP has them."""
    assert http_date(NOW) == "Tue, 10 Mar 2026 15:00:00 GMT"
