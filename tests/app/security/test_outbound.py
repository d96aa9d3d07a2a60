"""The client for providers' addresses: what may be called, and that what was checked is what is connected to."""

import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from app.security.oauth_client import LostAnswerError
from app.security.outbound import Outbound, is_public, outbound_of
from app.settings import Settings
from domain.errors import DocumentTooLargeError, SecurityError, TryLaterError
from tests.app.security.certificate import self_signed

PRIVATE = [
    "0.0.0.0",  # noqa: S104 - an address to refuse, not to bind
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.1.2.3",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:7f00:1::",
    "2002:a00:1::",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
]
PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "93.184.216.34",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2606:4700::1111",
    "2a00:1450:4001:80b::200e",
]


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_that_are_not_public(text: str) -> None:
    """This machine, its network, metadata services, tunnels to them, and what has no use."""
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses(text: str) -> None:
    """What is on the internet, also seen through a translator."""
    assert is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "//example.com/",
        "example.com",
        "https://user:hush@example.com/",
        "https://example.com@127.0.0.1/",
        "https://example.com\\@127.0.0.1/",
        "https://example.com:80/",
        "https://example.com:22/",
        "https://example.com:99999/",
        "https://exa mple.com/",
        "https://example.com/\r\nX: y",
        "https://exämple.com/",
        "https://%31%32%37.0.0.1/",
        "https:///path",
        "https://.example.com/",
        "https://[::1/",
        "https://example.com/" + "a" * 9000,
        "https://127.0.0.1:8101/",
        "http://127.0.0.1:8102/",
        "http://localhost:8101/",
    ],
)
def test_addresses_that_may_not_be_called(url: str) -> None:
    """Refused by their text alone where that tells; else by where their host leads."""
    sender = Outbound(
        allowed_local_origins=["http://127.0.0.1:8101"],
        resolve=lambda _host, _port: ["127.0.0.1"],
        ssl_context=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
    )
    with pytest.raises(SecurityError) as caught:
        sender.send("GET", url)
    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "017700000001", "metadata.example"])
def test_hosts_that_lead_inside(host: str) -> None:
    """Whatever a name looks like: what it resolves to decides, and one private address among public ones is enough."""
    looked_up = {"metadata.example": ["8.8.8.8", "169.254.169.254"]}

    def resolve(name: str, port: int) -> list[str]:
        return looked_up.get(name) or [str(one[4][0]) for one in socket.getaddrinfo("127.0.0.1", port)]

    with pytest.raises(SecurityError, match="private network"):
        Outbound(resolve=resolve).send("GET", f"https://{host}/")


def test_local_origin_must_be_on_this_machine() -> None:
    """A name that the settings allow as local is called on loopback only."""
    sender = Outbound(allowed_local_origins=["http://demo.localhost:8101"], resolve=lambda _host, _port: ["8.8.8.8"])
    with pytest.raises(SecurityError):
        sender.send("GET", "http://demo.localhost:8101/")


def test_unknown_host() -> None:
    """A host that nobody knows has surely not got the request."""

    def resolve(_host: str, _port: int) -> list[str]:
        raise socket.gaierror

    with pytest.raises(TryLaterError) as caught:
        Outbound(resolve=resolve).send("GET", "https://nowhere.example/")
    assert not isinstance(caught.value, LostAnswerError)


class _Hello(BaseHTTPRequestHandler):
    """Says who was called."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answer with the name in `Host`."""
        body = self.headers["host"].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.send_header("set-cookie", "a=1")
        self.send_header("Set-Cookie", "b=2")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        """Say nothing."""


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[int, ssl.SSLContext, list[str]]]:
    """An https server for provider.example on this machine, a context that trusts it, and the names that were asked by SNI."""
    certificate, key = self_signed("provider.example", tmp_path)
    names: list[str] = []
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(certificate, key)
    server_context.sni_callback = lambda _socket, name, _context: names.append(name)
    server = HTTPServer(("127.0.0.1", 0), _Hello)
    server.socket = server_context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    context = ssl.create_default_context(cafile=str(certificate))
    yield server.server_address[1], context, names
    server.shutdown()
    server.server_close()
    thread.join()


def test_checked_address_is_connected_to_under_its_name(tls: tuple[int, ssl.SSLContext, list[str]]) -> None:
    """The name is looked up once; the connection goes to that address, with SNI, certificate and Host of the name."""
    port, context, names = tls
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]  # a second look would lead elsewhere

    origin = f"https://provider.example:{port}"
    sender = Outbound(allowed_local_origins=[origin], resolve=resolve, ssl_context=context)
    for _ in range(2):
        answer = sender.send("GET", f"{origin}/x")
        assert answer.body == f"provider.example:{port}".encode()
    assert answer.headers["set-cookie"] == "a=1, b=2"
    assert (asked, names) == (["provider.example"], ["provider.example"])
    sender.close()


def test_certificate_of_another_name(tls: tuple[int, ssl.SSLContext, list[str]]) -> None:
    """A server that cannot prove its name gets nothing."""
    port, context, _ = tls
    origin = f"https://other.example:{port}"
    sender = Outbound(allowed_local_origins=[origin], resolve=lambda _host, _port: ["127.0.0.1"], ssl_context=context)
    with pytest.raises(TryLaterError) as caught:
        sender.send("GET", f"{origin}/")
    assert not isinstance(caught.value, LostAnswerError)


def test_limit_of_a_reply(tls: tuple[int, ssl.SSLContext, list[str]]) -> None:
    """The limit holds to the byte."""
    port, context, _ = tls
    origin = f"https://provider.example:{port}"
    sender = Outbound(allowed_local_origins=[origin], resolve=lambda _host, _port: ["127.0.0.1"], ssl_context=context)
    size = len(f"provider.example:{port}")
    assert len(sender.send("GET", f"{origin}/", max_body_bytes=size).body) == size
    with pytest.raises(DocumentTooLargeError):
        sender.send("GET", f"{origin}/", max_body_bytes=size - 1)
    sender.close()


def test_one_client_for_a_process() -> None:
    """The same settings share one client and its open connections."""
    assert outbound_of(Settings()) is outbound_of(Settings())
