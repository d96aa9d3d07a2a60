"""What goes over the wire of a simulator: requests, replies, and what goes wrong between them."""

import json
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from threading import RLock
from typing import Any, Protocol
from urllib.parse import parse_qsl

from app.demo.providers.quirks import Quirks

MAX_BODY_SIZE = 256 * 1024
"""Bytes of a request's body; what is asked of providers is short."""

JSON = "application/json"
HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came.

    Attributes:
        method: GET, POST, DELETE.
        path: Without the query.
        query: Its parameters; the last one counts where a name stands twice.
        headers: Names in lower case.
        body: Its bytes.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    def form(self) -> dict[str, str]:
        """The fields of a form; the last value counts where a name stands twice."""
        return dict(self.form_pairs())

    def form_pairs(self) -> list[tuple[str, str]]:
        """The fields of a form in order, empty ones too."""
        return parse_qsl(self.body.decode("ascii", "replace"), keep_blank_values=True, max_num_fields=200)

    def json(self) -> dict[str, Any]:
        """The JSON object of the body; empty where it is none."""
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    def bearer(self) -> str:
        """The token of `Authorization: Bearer` (RFC 6750); empty without one."""
        scheme, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else ""

    def basic(self) -> tuple[str, str] | None:
        """Name and password of `Authorization: Basic` (RFC 7617); None without one, or where it is damaged."""
        scheme, _, coded = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, found, password = b64decode(coded, validate=True).decode().partition(":")
        except (Base64Error, UnicodeDecodeError):
            return None
        return (name, password) if found else None


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply.

    Attributes:
        status: HTTP status.
        body: Its bytes.
        headers: Besides Content-Length, Date and Connection.
        is_dropped: Whether the connection is closed without a word.
        is_cut_off: Whether only half of the body is sent, while Content-Length says the whole.
    """

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    is_dropped: bool = False
    is_cut_off: bool = False


class Simulator(Protocol):
    """A provider that answers.

    Contract: `answer` is called by one request at a time, under `lock`; `book` is what it remembers, JSON values only, so that a
    later process goes on where this one was. `origin` is set by the server before the first request.
    """

    name: str
    origin: str
    quirks: Quirks
    lock: RLock
    book: dict[str, Any]

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        ...


def json_reply(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A reply in JSON that no cache keeps."""
    body = json.dumps(value, ensure_ascii=False).encode()
    return Reply(status, body, {"Content-Type": JSON, "Cache-Control": "no-store", **(headers or {})})


def redirect(address: str) -> Reply:
    """Send the browser elsewhere, by GET."""
    return Reply(303, b"", {"Location": address, "Cache-Control": "no-store", "Referrer-Policy": "no-referrer"})


def not_found() -> Reply:
    """There is nothing at this address."""
    return json_reply({"error": "not_found"}, 404)


def trouble(quirks: Quirks) -> Reply | None:
    """What goes wrong before a request for data is looked at; None where nothing does."""
    if quirks.bites("too_many_count"):
        return json_reply({"error": "too_many_requests"}, 429, {"Retry-After": quirks.retry_after} if quirks.retry_after else {})
    if quirks.bites("unavailable_count"):
        return Reply(503)
    if quirks.bites("web_page_count"):
        page = b"<!doctype html><title>Attention required</title><h1>Sorry, you have been blocked</h1>"
        return Reply(403, page, {"Content-Type": HTML})
    if quirks.bites("unauthorized_count"):
        return unauthorized()
    if quirks.bites("changed_format_count"):
        return json_reply({"version": 9, "payload": {"items": []}})
    return None


def unauthorized() -> Reply:
    """The token is missing, or holds no longer (RFC 6750, section 3)."""
    return json_reply({"error": "invalid_token"}, 401, {"WWW-Authenticate": 'Bearer error="invalid_token"'})


def disturbed(reply: Reply, quirks: Quirks) -> Reply:
    """Good data as they arrive: padded, or cut off, where the dials say so."""
    if reply.status != 200:  # noqa: PLR2004 - only good data are disturbed
        return reply
    padded = replace(reply, body=reply.body + b" " * quirks.extra_padding_bytes)
    return replace(padded, is_cut_off=True) if quirks.bites("cut_off_count") else padded


def http_date(at: datetime) -> str:
    """An instant as HTTP writes it (RFC 9110, section 5.6.7).

    Args:
        at: Aware, UTC.
    """
    return format_datetime(at, usegmt=True)
