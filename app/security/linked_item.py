"""A consent that a provider's own page gives (Plaid's Link): JSON, our name in each body, and a public token to exchange.

Source:
    Plaid API 2020-09-14: /link/token/create and /link/token/get (Hosted Link), /item/public_token/exchange, /item/remove.
"""

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlsplit

from app.security.oauth_client import (
    MAX_REPLY_BYTES,
    USUAL_WAIT_S,
    Answer,
    ClientId,
    Send,
    json_object,
    retry_after_s,
    token_text,
)
from connectors.base import LinkedItem, Provider
from domain.errors import ConnectorBugError, DocumentTooLargeError, FormatChangedError, NeedsConsentError, TryLaterError

GET_PATH_QUIRK = "link_get_path"
"""Quirk of a provider: where a link is asked what became of it; its own page then leads back without a public token."""

_CODE = re.compile(r"[A-Z][A-Z0-9_]{0,63}\Z")
_GONE_CODES = frozenset({"ITEM_NOT_FOUND", "INVALID_ACCESS_TOKEN", "ITEM_ALREADY_REMOVED"})
_SPENT_CODES = frozenset({"INVALID_PUBLIC_TOKEN", "INVALID_LINK_TOKEN", "EXPIRED_PUBLIC_TOKEN", "ITEM_LOGIN_REQUIRED"})


@dataclass(frozen=True, slots=True)
class LinkPage:
    """A page of the provider where the person consents.

    Attributes:
        url: Where the person is sent.
        link_token: Names this way to the page and back.
    """

    url: str
    link_token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Item:
    """What was linked.

    Attributes:
        access_token: Asks for data; it does not die by itself.
        item_id: The provider's name of it.
    """

    access_token: str = field(repr=False)
    item_id: str


class LinkClient:
    """Speaks to one provider of linked items.

    Args:
        send: Sends.
        provider: Whom; its quirks `products`, `country_codes`, `language` and `days_requested` say what is asked for.
        client: Our registration.
        now: The time, for a date in Retry-After.

    Raises:
        ConnectorBugError: The provider links no items.
    """

    def __init__(self, send: Send, provider: Provider, client: ClientId, now: datetime) -> None:
        if not isinstance(provider.auth, LinkedItem):
            raise ConnectorBugError("This provider links no items", got=provider.provider_id)
        self._send, self._provider, self._auth, self._client, self._now = send, provider, provider.auth, client, now

    def page(self, *, user_id: str, return_uri: str, access_token: str = "", notice_uri: str = "") -> LinkPage:
        """A page where the person consents, or repairs a consent.

        Args:
            user_id: Our name for the person; says nothing about them.
            return_uri: Where the page leads back, the state in its query.
            access_token: Of the item that is repaired; empty for a new one.
            notice_uri: Where the provider tells us of news; empty where it cannot.

        Returns:
            The page.

        Raises:
            NeedsConsentError: The item is gone.
            TryLaterError: The provider is away.
            FormatChangedError: The answer cannot be read.
            ConnectorBugError: The provider refuses our registration or request.
        """
        quirks = self._provider.quirks
        what: dict[str, object] = {"access_token": access_token}
        if not access_token:
            days_count = int(quirks.get("days_requested", "730"))
            what = {"products": quirks.get("products", "transactions").split(), "transactions": {"days_requested": days_count}}
        countries: Sequence[str] = quirks.get("country_codes", " ".join(sorted(self._provider.countries)) or "US").split()
        asked: dict[str, object] = {
            **what,
            "client_name": "Climate Fitness",
            "language": quirks.get("language", "en"),
            "country_codes": list(countries),
            "user": {"client_user_id": user_id},
            "hosted_link": {"completion_redirect_uri": return_uri},
            "redirect_uri": return_uri.partition("?")[0],
        }
        if notice_uri:
            asked["webhook"] = notice_uri
        said = self._post(self._auth.link_path, asked)
        url = said.get("hosted_link_url")
        if not isinstance(url, str) or urlsplit(url).scheme not in {"http", "https"} or not url.isprintable():
            raise FormatChangedError(expected="hosted_link_url, an address", got=type(url).__name__, record="link token")
        return LinkPage(url, token_text(said.get("link_token"), "link_token"))

    def public_token(self, link_token: str) -> str:
        """The public token that a link came to, asked of the provider; empty where the person left the page without one.

        Args:
            link_token: As `page` gave it.

        Returns:
            The token, or nothing.

        Raises:
            NeedsConsentError: The link is too old.
            TryLaterError: The provider is away.
            FormatChangedError: The answer cannot be read.
            ConnectorBugError: The provider refuses our registration or request.
        """
        path = self._provider.quirks.get(GET_PATH_QUIRK, "")
        if not path:
            return ""
        sessions = self._post(path, {"link_token": link_token}).get("link_sessions")
        for one in sessions if isinstance(sessions, list) else []:
            results = one.get("results") if isinstance(one, dict) else None
            added = results.get("item_add_results") if isinstance(results, dict) else None
            for item in added if isinstance(added, list) else []:
                if isinstance(item, dict) and item.get("public_token"):
                    return token_text(item["public_token"], "public_token")
        return ""

    def exchange(self, public_token: str) -> Item:
        """What a public token stands for; it works once.

        Args:
            public_token: With which the person came back.

        Returns:
            The item.

        Raises:
            NeedsConsentError: The token does not hold.
            TryLaterError: The provider is away.
            FormatChangedError: The answer cannot be read.
            ConnectorBugError: The provider refuses our registration or request.
        """
        said = self._post(self._auth.exchange_path, {"public_token": public_token})
        return Item(token_text(said.get("access_token"), "access_token"), token_text(said.get("item_id"), "item_id"))

    def remove(self, access_token: str) -> None:
        """End an item; one that is gone already is no error.

        Args:
            access_token: Of the item.

        Raises:
            TryLaterError: The provider is away; asking again is harmless.
            FormatChangedError: The answer cannot be read.
            ConnectorBugError: The provider refuses us.
        """
        with suppress(NeedsConsentError):
            self._post(self._auth.revoke_path, {"access_token": access_token})

    def _post(self, path: str, values: Mapping[str, object]) -> Mapping[str, object]:
        body = json.dumps({"client_id": self._client.client_id, "secret": self._client.secret, **values}).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        try:
            url = f"{self._provider.base_url.rstrip('/')}/{path.lstrip('/')}"
            answer = self._send("POST", url, headers=headers, body=body, max_body_bytes=MAX_REPLY_BYTES)
        except DocumentTooLargeError as error:
            raise FormatChangedError(expected=error.expected, got=error.got, record=path) from error
        if answer.status == HTTPStatus.OK:
            return json_object(answer.body)
        self._refuse(answer, path)
        return {}

    def _refuse(self, answer: Answer, path: str) -> None:
        """Say what a refusal means.

        Raises:
            NeedsConsentError: A token that does not hold.
            TryLaterError: Not now.
            ConnectorBugError: Anything else.
        """
        try:
            said = json_object(answer.body)
        except FormatChangedError:
            said = {}
        code = said.get("error_code")
        code = code if isinstance(code, str) and _CODE.match(code) else ""
        if code in _GONE_CODES | _SPENT_CODES:
            raise NeedsConsentError("This consent does not hold", got=code, next_step="Connect the account again.")
        is_away = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS
        if is_away or not code:
            wait_s = retry_after_s(answer, self._now) if is_away else USUAL_WAIT_S
            raise TryLaterError("The provider cannot answer now", wait_s=wait_s, got=f"status {answer.status}", record=path)
        raise ConnectorBugError(
            "The provider refuses how we asked",
            expected="status 200",
            got=code,
            record=path,
            next_step="Check our registration: `climate-fitness connectors register` replaces it.",
        )
