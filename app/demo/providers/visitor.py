"""A person at a demo provider's consent page, as far as a program can be one: looks at the page, chooses, and is sent back.

    answer = allow(outbound_of(settings).send, started.redirect_url, account="household")
    finish_connection(services, answer, came_to="", session_sha256=b"")

The demo connects its own household so; a visitor's browser does the same by hand.
"""

import re
from collections.abc import Sequence
from html import unescape
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from app.security.oauth_client import Send
from domain.errors import ConnectorError

_FIELD = re.compile(r'<input type="(hidden|radio|checkbox)"[^>]*? name="(ticket|account|allow)" value="([^"]*)"')
_ACTION = re.compile(r'<form method="post" action="([^"]*)"')
_MAX_PAGE_SIZE = 100_000
_SEE_OTHER = 303
_OK = 200


def allow(send: Send, address: str, *, account: str = "", permissions: Sequence[str] | None = None) -> dict[str, str]:
    """Allow what a consent page asks.

    Args:
        send: Sends, and follows no redirect.
        address: The consent page, as `start_connection` gave it.
        account: Value of the account that is chosen; the first one where left out.
        permissions: What stays ticked; everything where left out.

    Returns:
        The query of the callback that the browser is sent to.

    Raises:
        ConnectorError: There was no such page, or it did not lead back.
    """
    page = send("GET", address, headers={"accept": "text/html"}, body=b"", max_body_bytes=_MAX_PAGE_SIZE)
    text = page.body.decode("utf-8", "replace")
    action = _ACTION.search(text)
    if page.status != _OK or action is None:
        raise ConnectorError(
            "This is no consent page", expected="a form", got=f"status {page.status}", record=urlsplit(address).path
        )
    fields = [(name, unescape(value)) for _, name, value in _FIELD.findall(text)]
    accounts = [value for name, value in fields if name == "account"]
    chosen = [
        *(pair for pair in fields if pair[0] == "ticket"),
        ("account", account or accounts[0]),
        *(pair for pair in fields if pair[0] == "allow" and (permissions is None or pair[1] in permissions)),
        ("decision", "allow"),
    ]
    form = {"content-type": "application/x-www-form-urlencoded"}
    reply = send(
        "POST",
        urljoin(address, unescape(action[1])),
        headers=form,
        body=urlencode(chosen).encode(),
        max_body_bytes=_MAX_PAGE_SIZE,
    )
    if reply.status != _SEE_OTHER:
        raise ConnectorError("The consent did not lead back", expected="a redirect", got=f"status {reply.status}")
    return dict(parse_qsl(urlsplit(reply.headers.get("location", "")).query))
