"""The one HTTP client for addresses of providers: what it checks is what it connects to.

An address comes from a row of data, from a provider's reply, or from a person: it is believed in nothing. https only, to ports
of the web, to hosts all of whose addresses are public; the address that was checked is the one that is connected to, while the
certificate and `Host` are those of the name. No redirects. Sizes are limited as declared and as they come, time as a whole.
Origins on this machine that the settings name (`CF_ALLOWED_LOCAL_ORIGINS`, for the demo's providers) are called over http.

A client for an origin of the operator's own (`own_origins`, the chain's node) calls it wherever it is, on any port: over http
only on this machine and in private networks, and never at link-local addresses, where clouds keep credentials.
"""

import ipaddress
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn, Protocol, cast
from urllib.parse import urlsplit

import httpcore
import httpx

from app.security.oauth_client import Answer, LostAnswerError
from app.settings import Settings
from domain.errors import DocumentTooLargeError, FormatChangedError, SecurityError, TryLaterError

MAX_BODY_BYTES = 64 * 1024 * 1024
"""Largest reply, bytes, also after it is unpacked."""

TIMEOUT_S = 60.0
"""Longest time for a whole exchange: looking up, connecting, sending, receiving; seconds."""

GAP_S = 20.0
"""Longest time without a byte, seconds."""

PORTS = frozenset({443, 8443})
"""Ports of public addresses that are called."""

MAX_URL_LENGTH = 8_000
USER_AGENT = "climate-fitness/0.1"

_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}[A-Za-z0-9])?\Z")
_PRINTABLE = re.compile(r"[!-~]+\Z")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(text)
    for text in (
        *("192.0.0.0/24", "192.88.99.0/24"),
        *("::/96", "64:ff9b:1::/48", "2001::/23", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10"),
    )
)
"""What `ipaddress.is_global` of some Python versions passes although it is not: translators, tunnels, documentation."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Iterable[str]]
"""Takes a host and a port; gives its addresses as text."""


class HttpSender(Protocol):
    """Sends one request and gives the whole reply; its `send` is a `Send` of the OAuth client."""

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> Answer:
        """The reply to one request.

        Args:
            method: "GET", "POST", "DELETE".
            url: Absolute, with its query.
            headers: Of the request.
            body: Of the request.
            max_body_bytes: Largest reply, bytes.

        Returns:
            Status, headers and body.

        Raises:
            SecurityError: The address may not be called.
            LostAnswerError: The request may have arrived; its answer did not, or not in time, or it breaks off.
            TryLaterError: Nobody is there: the request has not arrived.
            DocumentTooLargeError: The reply is larger than allowed.
            FormatChangedError: The reply is packed in a way that was not asked for, or is no HTTP.
        """
        ...


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet: not this machine, this network, a tunnel or a special range."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF))
    if any(address.version == net.version and address in net for net in _NOT_PUBLIC):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


def _is_loopback(address: Address) -> bool:
    return address.is_loopback


def _is_own(address: Address) -> bool:
    """Whether an address can be a server of the operator's: not link-local, multicast, unspecified or reserved."""
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return _is_own(address.ipv4_mapped)
    return not (address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved)


def _is_own_in_private(address: Address) -> bool:
    return _is_own(address) and not is_public(address)


@dataclass(frozen=True, slots=True)
class _Target:
    """Where a request goes."""

    origin: str
    host: str
    port: int


class Outbound:
    """An `HttpSender` that calls public addresses, and those origins on this machine that are allowed.

    Any thread may send. Connections are kept open for a while; each was checked when it was made.

    Args:
        allowed_local_origins: Such as `http://127.0.0.1:8101`.
        own_origins: Origins of the operator's own, wherever they are.
        resolve: Looks hosts up; the machine's resolver.
        timeout_s: Longest time for a whole exchange, seconds.
        gap_s: Longest time without a byte, seconds.
        ssl_context: For https; that of the machine.
    """

    def __init__(
        self,
        *,
        allowed_local_origins: Iterable[str] = (),
        own_origins: Iterable[str] = (),
        resolve: Resolve | None = None,
        timeout_s: float = TIMEOUT_S,
        gap_s: float = GAP_S,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._named_origins = frozenset(allowed_local_origins) | (own := frozenset(own_origins))
        self._timeout_s = timeout_s
        self._gap_s = gap_s
        context = ssl_context or ssl.create_default_context()
        context.set_alpn_protocols(["http/1.1"])
        backend = _CheckedBackend(self._named_origins - own, own, resolve or _addresses_of)
        self._transport = _CheckedTransport(context, backend)
        self.requests_count = 0

    def close(self) -> None:
        """Close the connections that are kept open."""
        self._transport.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> Answer:
        """The reply to one request; see `HttpSender`.

        Args:
            method: "GET", "POST", "DELETE".
            url: Absolute, with its query.
            headers: Of the request.
            body: Of the request.
            max_body_bytes: Largest reply, bytes.

        Returns:
            Status, headers and body.

        Raises:
            SecurityError: The address may not be called.
            LostAnswerError: The request may have arrived; its answer did not, or not in time, or it breaks off.
            TryLaterError: Nobody is there: the request has not arrived.
            DocumentTooLargeError: The reply is larger than allowed.
            FormatChangedError: The reply is packed in a way that was not asked for, or is no HTTP.
        """
        target = checked_target(url, self._named_origins)
        self.requests_count += 1
        sent = {"user-agent": USER_AGENT, "accept-encoding": "gzip", **(headers or {})}
        gap = {"connect": self._gap_s, "read": self._gap_s, "write": self._gap_s, "pool": self._gap_s}
        token = _DEADLINE_S.set(time.monotonic() + self._timeout_s)
        try:
            request = httpx.Request(method, url, headers=sent, content=body or None, extensions={"timeout": gap})
            # The transport alone: no client stands between that would keep a provider's cookies or look at the environment.
            response = self._transport.handle_request(request)
            try:
                found = _lower(response.headers.raw)
                chunks = cast("Iterable[bytes]", response.stream)
                return Answer(response.status_code, found, _received(chunks, found, max_body_bytes, record=target.origin))
            finally:
                response.close()
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, ssl.SSLError) as error:
            raise TryLaterError(
                "The provider cannot be reached",
                expected="somebody who answers",
                got=type(error).__name__,
                record=target.origin,
                next_step="It is tried again by itself.",
            ) from error
        except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as error:
            raise LostAnswerError(
                "The provider's answer broke off",
                expected="a whole answer",
                got=type(error).__name__,
                record=target.origin,
                next_step="It is tried again by itself.",
            ) from error
        except (httpx.LocalProtocolError, httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise SecurityError("This request may not be sent", got=type(error).__name__, record=target.origin) from error
        finally:
            _DEADLINE_S.reset(token)


@lru_cache(maxsize=8)
def _shared(allowed_local_origins: tuple[str, ...]) -> Outbound:
    return Outbound(allowed_local_origins=allowed_local_origins)


def outbound_of(settings: Settings) -> Outbound:
    """The one client of this process for these settings."""
    return _shared(settings.allowed_local_origins)


def checked_target(url: str, allowed_local_origins: Iterable[str] = ()) -> _Target:
    """Where an address points, if it may be called as far as its text tells; its host is looked up when it is called.

    Args:
        url: Absolute.
        allowed_local_origins: Origins on this machine that may be called.

    Returns:
        Its origin, host and port.

    Raises:
        SecurityError: It may not be called.
    """
    if len(url) > MAX_URL_LENGTH or not _PRINTABLE.match(url) or "\\" in url:
        _refuse(url[:80], "an address of printable signs")
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError as error:
        _refuse(f"{url[:80]}: {error}", "scheme://host/path")
    if "@" in parts.netloc:  # not shown: it can be a password
        _refuse("an address with a name in it", "an address without user and password")
    origin = f"{parts.scheme}://{parts.netloc}".lower()
    if origin in allowed_local_origins:
        return _Target(origin, host, port or (443 if parts.scheme == "https" else 80))
    if parts.scheme != "https":
        _refuse(origin, "https")
    port = 443 if port is None else port
    if port not in PORTS:
        _refuse(origin, f"port {' or '.join(str(one) for one in sorted(PORTS))}")
    if ":" not in host and not _HOST.match(host):
        _refuse(origin, "the name of a host")
    return _Target(origin, host, port)


def _refuse(got: str, expected: str) -> NoReturn:
    """Refuse an address.

    Raises:
        SecurityError: Always.
    """
    raise SecurityError(
        "This address may not be called", expected=expected, got=got, next_step="Correct the address of the provider."
    )


_DEADLINE_S: ContextVar[float] = ContextVar("deadline_s")
"""When the exchange of this thread must be over, on the monotonic clock, seconds."""


def _left_s(timeout_s: float | None, kind: type[Exception]) -> float:
    left_s = _DEADLINE_S.get(float("inf")) - time.monotonic()
    if left_s <= 0:
        raise kind("the whole exchange took too long")
    return left_s if timeout_s is None else min(timeout_s, left_s)


class _Stream(httpcore.NetworkStream):
    """A stream that also ends when the exchange has taken too long as a whole: a drip is no reply."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left_s(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left_s(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        left_s = _left_s(timeout, httpcore.ConnectTimeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left_s))

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - whatever the stream below says
        return self._stream.get_extra_info(info)


class _CheckedTransport(httpx.HTTPTransport):
    """httpx's own transport, with our way to connect."""

    def __init__(self, context: ssl.SSLContext, backend: httpcore.NetworkBackend) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=100,
            max_keepalive_connections=20,
            keepalive_expiry=15.0,
            network_backend=backend,
        )


class _CheckedBackend(httpcore.SyncBackend):
    """Connects to the very address that it has checked."""

    def __init__(self, local_origins: frozenset[str], own_origins: frozenset[str], resolve: Resolve) -> None:
        super().__init__()
        self._may: dict[tuple[str | None, int], Callable[[Address], bool]] = {}
        for origins, https, http in ((local_origins, _is_loopback, _is_loopback), (own_origins, _is_own, _is_own_in_private)):
            for one in map(urlsplit, origins):
                is_https = one.scheme == "https"
                self._may[one.hostname, one.port or (443 if is_https else 80)] = https if is_https else http
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        name = host.strip("[]").rstrip(".").lower()
        may = self._may.get((name, port), is_public)
        try:
            found = [ipaddress.ip_address(text.partition("%")[0]) for text in self._resolve(name, port)]
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the host is not known") from error
        if not found:
            raise httpcore.ConnectError("the host has no address")
        if not all(map(may, found)):
            _refuse(f"{name}, which is {_NOT[may]}", _WANTED[may])
        left_s = _left_s(timeout, httpcore.ConnectTimeout)
        last: Exception = httpcore.ConnectError("no address")
        for address in found[:_MOST_ADDRESSES_COUNT]:
            try:
                return _Stream(super().connect_tcp(str(address), port, left_s, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        raise last


_MOST_ADDRESSES_COUNT = 3
_NOT: dict[Callable[[Address], bool], str] = {
    is_public: "in a private network",
    _is_loopback: "not this machine",
    _is_own: "at a link-local or reserved address",
    _is_own_in_private: "not in a private network",
}
_WANTED: dict[Callable[[Address], bool], str] = {
    is_public: "a host with public addresses",
    _is_loopback: "this machine",
    _is_own: "a host with an address of its own",
    _is_own_in_private: "https outside of private networks",
}
"""What is said of addresses that may not be called, by the rule that says no."""


def _addresses_of(host: str, port: int) -> Iterable[str]:
    return dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))


def _lower(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in headers:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        found[key] = f"{found[key]}, {text}" if key in found else text
    return found


def _received(chunks: Iterable[bytes], headers: Mapping[str, str], max_bytes: int, *, record: str) -> bytes:
    """The body, as far as it is allowed: what is declared is looked at first, and what comes is counted.

    Raises:
        DocumentTooLargeError: It is larger.
        FormatChangedError: It is packed in another way than was asked for.
        LostAnswerError: What was packed breaks off.
    """
    declared = headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared[:20]) > max_bytes:
        _refuse_size(max_bytes, f"{declared[:20]} bytes declared", record)
    coding = headers.get("content-encoding", "identity").strip().lower()
    if coding not in {"identity", "", "gzip", "x-gzip"}:
        raise FormatChangedError("The provider packs its replies", expected="gzip or nothing", got=coding, record=record)
    unpack = zlib.decompressobj(wbits=31) if coding.endswith("gzip") else None
    parts: list[bytes] = []
    size = 0
    try:
        for chunk in chunks:
            part = chunk if unpack is None else unpack.decompress(chunk, max_bytes + 1 - size)
            size += len(part)
            if size > max_bytes:
                _refuse_size(max_bytes, "more", record)
            parts.append(part)
    except zlib.error as error:
        raise LostAnswerError("A packed reply is damaged", got=str(error), record=record) from error
    if unpack is not None and size and not unpack.eof:
        raise LostAnswerError("A packed reply breaks off", expected="a whole reply", got=f"{size} bytes", record=record)
    return b"".join(parts)


def _refuse_size(max_bytes: int, got: str, record: str) -> NoReturn:
    """Refuse a reply.

    Raises:
        DocumentTooLargeError: Always.
    """
    raise DocumentTooLargeError(
        "This reply is larger than allowed", expected=f"at most {max_bytes} bytes", got=got, record=record
    )
