"""Drives a connector's `pull` over HTTP against a simulator on this machine: the least that a driver does."""

import http.client
import json
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlencode, urljoin, urlsplit

from connectors.base import Batch, Document, Get, Link, Post, Pull
from connectors.context import framed

Headers = dict[str, str]


class UnexpectedStatusError(Exception):
    """An answer that the connector does not want to see itself."""


@dataclass(slots=True)
class Driven:
    """What a pull did.

    Attributes:
        batches: What it would have stored.
        documents: What came, with the line before it.
        requests: Address and parameters of each request.
        cursor: Where the next pull begins.
    """

    batches: list[Batch] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    requests: list[Get | Post] = field(default_factory=list)
    cursor: str | None = None


def basic(key: str) -> Headers:
    """The header of a key that is the user of HTTP Basic."""
    return {"authorization": "Basic " + b64encode(f"{key}:".encode()).decode()}


def drive(
    pull: Callable[[Link, str | None], Pull] | None,
    link: Link,
    cursor: str | None,
    signed: Headers,
    *,
    until: Callable[[Driven], bool] = lambda _: False,
) -> Driven:
    """Drive a pull to its end.

    Args:
        pull: Of the connector.
        link: With `base_url`.
        cursor: The last one.
        signed: Headers with the credentials.
        until: Stops in the middle, as a kill does.
    """
    assert pull is not None
    done = Driven(cursor=cursor)
    pulling = pull(link, cursor)
    answer: Document | None = None
    while not until(done):
        try:
            wanted = pulling.send(answer)
        except StopIteration:
            break
        if isinstance(wanted, Batch):
            done.batches.append(wanted)
            done.cursor = wanted.cursor if wanted.cursor is not None else done.cursor
            answer = None
        else:
            done.requests.append(wanted)
            answer = send(link["base_url"], wanted, signed)
            done.documents.append(answer)
    return done


def send(base_url: str, wanted: Get | Post, signed: Headers) -> Document:
    """The answer to a request, as the driver hands it over."""
    url = urljoin(base_url, wanted.url)
    if isinstance(wanted, Get) and wanted.params:
        url = f"{url}?{urlencode(wanted.params)}"
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    path = parts.path + (f"?{parts.query}" if parts.query else "")
    is_post = isinstance(wanted, Post)
    content = json.dumps(wanted.json).encode() if isinstance(wanted, Post) else None
    connection.request("POST" if is_post else "GET", path, content, {**wanted.headers, **signed})
    reply = connection.getresponse()
    body, headers = reply.read(), {name.lower(): value for name, value in reply.getheaders()}
    connection.close()
    if reply.status not in {200, 204, *wanted.passes}:
        raise UnexpectedStatusError(reply.status, body[:60])
    return Document(framed(wanted.context, body), url, headers, reply.status)
