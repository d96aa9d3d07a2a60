"""Whether a provider takes the key that a person gave: asked once, with the first request that the connection makes anyway."""

from http import HTTPStatus
from urllib.parse import urlsplit

from app.security.oauth_client import USUAL_WAIT_S, Send
from app.usecases.key_place import with_key, with_params
from connectors.base import ApiKey, Connector, Get, Link, Provider
from domain.errors import InputError, TryLaterError

MAX_CHECK_BYTES = 8 * 1024 * 1024
"""Largest answer to the first request, bytes; it is thrown away."""


def check_key(connector: Connector, provider: Provider, key: str, link: Link, send: Send) -> None:
    """Refuse a key that the provider does not take.

    Args:
        connector: Asks.
        provider: Whom.
        key: As the person gave it.
        link: As the connection would have it.
        send: Sends.

    Raises:
        InputError: The provider does not take it, or knows no such account.
        TryLaterError: The provider is away: nothing is known about the key.
        SecurityError: The connector asks for an address that must not be called.
    """
    if not isinstance(provider.auth, ApiKey) or connector.pull is None:
        return
    first = next(connector.pull(link, None), None)
    if not isinstance(first, Get):
        return
    is_whole = "://" in first.url.partition("?")[0]
    url = first.url if is_whole else f"{provider.base_url.rstrip('/')}/{first.url.lstrip('/')}"
    if urlsplit(url).netloc not in {urlsplit(provider.base_url).netloc, *provider.hosts}:
        raise InputError(
            "This key cannot be checked", expected=provider.base_url, got="another host", record=provider.provider_id
        )
    url, headers = with_key(provider.auth, key, with_params(url, first.params), {**first.headers, "accept": first.accept})
    answer = send("GET", url, headers=headers, body=b"", max_body_bytes=MAX_CHECK_BYTES)
    is_page = answer.headers.get("content-type", "").lower().startswith("text/html")
    if answer.status in {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN} and not is_page:
        raise InputError(
            f"{provider.title} does not take this key",
            expected="a key that works",
            record="api_key",
            next_step=provider.auth.help,
        )
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.BAD_REQUEST} and answer.status not in first.passes and not is_page:
        raise InputError(
            f"{provider.title} knows no such account",
            got=f"status {answer.status}",
            record="answers",
            next_step="Check your answers.",
        )
    if answer.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT, *first.passes}:
        raise TryLaterError(
            f"{provider.title} cannot answer now",
            wait_s=USUAL_WAIT_S,
            got=f"status {answer.status}",
            next_step="Nothing was connected; try again in a few minutes.",
        )
