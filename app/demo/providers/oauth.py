"""OAuth 2 as careful providers do it: codes with PKCE, refresh tokens that rotate, revocation, `iss`, consent in parts.

A provider builds one and hands it every request that it does not answer itself:

    consents = ConsentDesk(title="Demo utility", accounts=..., permissions=..., ...)
    consents.register(Client("climate-fitness", "secret", "Climate Fitness", ("http://localhost:8000/callback",)))

The way of one connection, by hand:

1. The browser opens `/oauth/authorize?response_type=code&client_id=climate-fitness&redirect_uri=...&scope=...&state=...&
   code_challenge=...&code_challenge_method=S256`. A client or redirect address that is not registered gets a page, and never a
   redirect; every other fault goes back to the client as `error=`.
2. The person chooses an account, unticks what they keep to themselves, and allows: 303 to the redirect address with `code`,
   `state` and `iss`. A code lives 60 seconds and works once; the second time everything that came of it ends.
3. `POST /oauth/token` with `grant_type=authorization_code`, `code`, `redirect_uri`, `code_verifier` and the client's name by HTTP
   Basic (or in the form): an access token, a refresh token, the scope that was really granted, and what the provider adds.
4. `grant_type=refresh_token` gives a new pair and uses the old refresh token up. Using it again means that somebody has a copy:
   the whole family dies, and the person has to consent anew.
5. `POST /oauth/revoke` ends the family (RFC 7009): 200 even for a token that nobody knows.

Tokens are remembered by their hash only, in `book`, which the provider keeps.

Source:
    RFC 6749, 7009, 7636, 8414, 9207; RFC 9700 sections 2.1.1 and 4.14.2.
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from typing import Any
from urllib.parse import urlencode, urlsplit

from app.clock import Clock, Randomness
from app.demo.providers.pages import STYLE_PATH, Choice, ConsentPage, consent_page, message_page, style_reply
from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Reply, Request, json_reply, redirect

AUTHORIZE_PATH = "/oauth/authorize"
"""Where the person is sent."""
TOKEN_PATH = "/oauth/token"  # noqa: S105 - an address
"""Where codes become tokens."""
REVOKE_PATH = "/oauth/revoke"
"""Where a family of tokens ends."""
METADATA_PATH = "/.well-known/oauth-authorization-server"
"""What this server can do (RFC 8414)."""

CODE_LIFETIME = timedelta(seconds=60)
"""As short as Con Edison's."""
_ASKED_LIFETIME = timedelta(minutes=15)
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}\Z")
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}\Z")
_MAX_REMEMBERED_COUNT = 1_000

ScopeOf = Callable[[str, Sequence[str]], str]
"""From the scope that was asked for and the permissions that were left ticked to the scope that is granted."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who may ask for consent.

    Attributes:
        client_id: Its name.
        secret: Its secret; empty for a public client.
        title: Its name for people.
        redirect_uris: Where answers may lead; compared exactly.
    """

    client_id: str
    secret: str
    title: str
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """A consent that holds.

    Attributes:
        grant_id: Names it; connections of the same person are apart.
        client_id: Whom it was given to.
        account_id: Whose data.
        permissions: What was left ticked.
        scope: What was granted.
    """

    grant_id: str
    client_id: str
    account_id: str
    permissions: tuple[str, ...]
    scope: str


class ConsentDesk:
    """The authorization server of one provider.

    Invariants: a code, a ticket and a refresh token are used once; a family of tokens ends as a whole.

    Args:
        title: The provider's name for people.
        accounts: Whose data there are.
        permissions: What can be consented to.
        scope_of: What a choice of permissions makes of the scope.
        clock: Tells the time.
        randomness: Makes codes and tokens.
        quirks: The dials.
        book: What is remembered; this desk uses the key `consents` of it.
        extras: What the provider adds to the token reply.
    """

    def __init__(
        self,
        *,
        title: str,
        accounts: Sequence[Choice],
        permissions: Sequence[Choice],
        scope_of: ScopeOf,
        clock: Clock,
        randomness: Randomness,
        quirks: Quirks,
        book: dict[str, Any],
        extras: Callable[[Grant], Mapping[str, str]] = lambda _grant: {},
    ) -> None:
        self.title = title
        self.origin = ""
        self._accounts, self._permissions = accounts, permissions
        self._scope_of, self._extras = scope_of, extras
        self._clock, self._randomness, self._quirks = clock, randomness, quirks
        self._book = book

    def register(self, client: Client) -> None:
        """Admit a client; one of the same name is replaced."""
        self._shelf("clients")[client.client_id] = asdict(client)

    def answer(self, request: Request) -> Reply | None:
        """The reply to a request about consent; None where it is about something else."""
        routes: dict[tuple[str, str], Callable[[Request], Reply]] = {
            ("GET", STYLE_PATH): lambda _request: style_reply(),
            ("GET", METADATA_PATH): lambda _request: self._metadata(),
            ("GET", AUTHORIZE_PATH): self._ask,
            ("POST", AUTHORIZE_PATH): self._decide,
            ("POST", TOKEN_PATH): self._token,
            ("POST", REVOKE_PATH): self._revoke,
        }
        route = routes.get((request.method, request.path))
        return route(request) if route else None

    def grant_of(self, request: Request) -> Grant | None:
        """The consent behind a request's access token; None where it is unknown, too old, or ended."""
        kept = self._shelf("access").get(_digest(request.bearer()))
        if kept is None or kept["until"] <= self._now_s() or self._quirks.is_revoked:
            return None
        return self._grant(kept["grant"])

    def grants(self) -> tuple[Grant, ...]:
        """All consents that hold."""
        return tuple(grant for one in self._shelf("grants") if (grant := self._grant(one)) is not None)

    def withdraw(self, grant_id: str) -> None:
        """End a consent, as the person does on the provider's own pages: every token of it is dead."""
        self._shelf("grants").pop(grant_id, None)

    # Consent

    def _ask(self, request: Request) -> Reply:
        asked = dict(request.query)
        client = self._client(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") not in client.redirect_uris:
            return message_page(
                self.title,
                "This request cannot be answered",
                "Who asks is not registered here, or wants the answer at an address that is not. Nothing was shared.",
            )
        error = _fault(asked)
        if error:
            return self._back(asked, {"error": error[0], "error_description": error[1]})
        ticket = self._randomness.token()
        keeps = ("client_id", "redirect_uri", "scope", "state", "code_challenge")
        kept = {name: asked.get(name, "") for name in keeps}
        self._remember("asked", ticket, {**kept, "until": self._now_s() + int(_ASKED_LIFETIME.total_seconds())})
        return self._page(ticket, kept, client)

    def _page(self, ticket: str, asked: Mapping[str, str], client: Client, problem: str = "") -> Reply:
        page = ConsentPage(
            provider=self.title,
            asks=client.title,
            action=AUTHORIZE_PATH,
            ticket=ticket,
            returns_to=asked["redirect_uri"],
            accounts=self._accounts,
            permissions=self._permissions,
            problem=problem,
        )
        return consent_page(page)

    def _decide(self, request: Request) -> Reply:
        form = request.form()
        ticket = form.get("ticket", "")
        asked = self._shelf("asked").get(_digest(ticket))
        client = self._client(asked["client_id"]) if asked else None
        if asked is None or client is None or asked["until"] <= self._now_s():
            return message_page(self.title, "This page is too old", "Go back to where you came from, and connect again.")
        if form.get("decision") != "allow":
            del self._shelf("asked")[_digest(ticket)]
            return self._back(asked, {"error": "access_denied", "error_description": "The person did not allow it."})
        known = [one.value for one in self._permissions]
        chosen = [value for name, value in request.form_pairs() if name == "allow" and value in known]
        account_id = form.get("account", "")
        if not chosen or account_id not in {one.value for one in self._accounts}:
            return self._page(ticket, asked, client, "Choose an account, and at least one thing that may be read.")
        del self._shelf("asked")[_digest(ticket)]
        code = self._randomness.token()
        scope = self._scope_of(asked["scope"], chosen)
        grant = Grant(self._randomness.id(), client.client_id, account_id, tuple(chosen), scope)
        until_s = self._now_s() + int(CODE_LIFETIME.total_seconds())
        kept = {"grant": asdict(grant), "until": until_s, "is_used": False}
        self._remember("codes", code, {**kept, **{name: asked[name] for name in ("redirect_uri", "code_challenge")}})
        return self._back(asked, {"code": code})

    def _back(self, asked: Mapping[str, str], answer: Mapping[str, str]) -> Reply:
        """Send the person back with the answer, the state as it came, and who answers (RFC 9207)."""
        issuer = self._quirks.issuer or self.origin
        says = {**answer, **({"state": asked["state"]} if asked.get("state") else {})}
        if issuer != "-":
            says["iss"] = issuer
        address = asked["redirect_uri"]
        return redirect(f"{address}{'&' if urlsplit(address).query else '?'}{urlencode(says)}")

    # Tokens

    def _token(self, request: Request) -> Reply:
        form = request.form()
        client = self._authenticated(request, form)
        if client is None:
            return json_reply({"error": "invalid_client"}, 401, {"WWW-Authenticate": 'Basic realm="token"'})
        if self._quirks.is_revoked:
            return _refused("invalid_grant", "The person has withdrawn the consent.")
        if form.get("grant_type") == "authorization_code":
            return self._from_code(client, form)
        if form.get("grant_type") == "refresh_token":
            return self._from_refresh(client, form)
        return _refused("unsupported_grant_type", "Only codes and refresh tokens are taken.")

    def _from_code(self, client: Client, form: Mapping[str, str]) -> Reply:
        kept = self._shelf("codes").get(_digest(form.get("code", "")))
        if kept is None or kept["grant"]["client_id"] != client.client_id:
            return _refused("invalid_grant", "There is no such code.")
        if kept["is_used"]:
            self.withdraw(kept["grant"]["grant_id"])
            return _refused("invalid_grant", "This code was used before: what came of it has ended.")
        kept["is_used"] = True
        if kept["until"] <= self._now_s():
            return _refused("invalid_grant", "This code is too old.")
        if form.get("redirect_uri") != kept["redirect_uri"]:
            return _refused("invalid_grant", "The redirect address is another one.")
        verifier = form.get("code_verifier", "")
        if not _VERIFIER.match(verifier) or not compare_digest(challenge_of(verifier), kept["code_challenge"]):
            return _refused("invalid_grant", "The code verifier does not fit.")
        grant = kept["grant"]
        self._shelf("grants")[grant["grant_id"]] = grant
        return self._tokens(_grant_of(grant))

    def _from_refresh(self, client: Client, form: Mapping[str, str]) -> Reply:
        given = form.get("refresh_token", "")
        kept = self._shelf("refresh").get(_digest(given))
        grant = self._grant(kept["grant"]) if kept else None
        if kept is None or grant is None or grant.client_id != client.client_id:
            return _refused("invalid_grant", "There is no such refresh token, or its consent has ended.")
        if kept["is_used"]:
            self.withdraw(grant.grant_id)
            return _refused("invalid_grant", "This refresh token was used before: its whole family has ended.")
        if form.get("scope", grant.scope) != grant.scope:
            return _refused("invalid_scope", "It is not the scope that was granted.")
        kept["is_used"] = self._quirks.rotates_refresh
        reply = self._tokens(grant, same_refresh="" if self._quirks.rotates_refresh else given)
        return Reply(is_dropped=True) if self._quirks.bites("lost_refresh_count") else reply

    def _tokens(self, grant: Grant, *, same_refresh: str = "") -> Reply:
        access, refresh = self._randomness.token(), same_refresh or self._randomness.token()
        lifetime_s = self._quirks.access_lifetime_s
        self._remember("access", access, {"grant": grant.grant_id, "until": self._now_s() + lifetime_s})
        if not same_refresh:
            self._remember("refresh", refresh, {"grant": grant.grant_id, "is_used": False})
        says = {"access_token": access, "token_type": "Bearer", "refresh_token": refresh, "scope": grant.scope}
        lifetime = {"expires_in": lifetime_s} if self._quirks.says_lifetime else {}
        return json_reply({**says, **lifetime, **self._extras(grant)}, headers={"Pragma": "no-cache"})

    def _revoke(self, request: Request) -> Reply:
        form = request.form()
        if self._authenticated(request, form) is None:
            return json_reply({"error": "invalid_client"}, 401, {"WWW-Authenticate": 'Basic realm="revoke"'})
        digest = _digest(form.get("token", ""))
        kept = self._shelf("refresh").get(digest) or self._shelf("access").get(digest)
        if kept:
            self.withdraw(kept["grant"])
        return Reply(200)

    def _metadata(self) -> Reply:
        return json_reply(
            {
                "issuer": self.origin,
                "authorization_endpoint": self.origin + AUTHORIZE_PATH,
                "token_endpoint": self.origin + TOKEN_PATH,
                "revocation_endpoint": self.origin + REVOKE_PATH,
                "response_types_supported": ["code"],
                "grant_types_supported": ["authorization_code", "refresh_token"],
                "code_challenge_methods_supported": ["S256"],
                "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
                "authorization_response_iss_parameter_supported": True,
            }
        )

    # What is remembered

    def _authenticated(self, request: Request, form: Mapping[str, str]) -> Client | None:
        name, secret = request.basic() or (form.get("client_id", ""), form.get("client_secret", ""))
        client = self._client(name)
        return client if client is not None and compare_digest(client.secret.encode(), secret.encode()) else None

    def _client(self, client_id: str) -> Client | None:
        kept = self._shelf("clients").get(client_id)
        return Client(**{**kept, "redirect_uris": tuple(kept["redirect_uris"])}) if kept else None

    def _grant(self, grant_id: str) -> Grant | None:
        kept = self._shelf("grants").get(grant_id)
        return _grant_of(kept) if kept else None

    def _shelf(self, name: str) -> dict[str, Any]:
        shelf: dict[str, Any] = self._book.setdefault("consents", {}).setdefault(name, {})
        return shelf

    def _remember(self, name: str, secret: str, value: Mapping[str, object]) -> None:
        """Keep something under the hash of its secret; the oldest is forgotten where it gets too much."""
        shelf = self._shelf(name)
        shelf[_digest(secret)] = dict(value)
        while len(shelf) > _MAX_REMEMBERED_COUNT:
            del shelf[next(iter(shelf))]

    def _now_s(self) -> int:
        return int(self._clock.now().timestamp())


def challenge_of(verifier: str) -> str:
    """The S256 challenge of a verifier (RFC 7636, section 4.2)."""
    return urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode()


def _fault(asked: Mapping[str, str]) -> tuple[str, str] | None:
    """What is wrong with a request for consent, in the words of RFC 6749 section 4.1.2.1; None where nothing is."""
    if asked.get("response_type") != "code":
        return "unsupported_response_type", "Only code is answered."
    if asked.get("code_challenge_method") != "S256" or not _CHALLENGE.match(asked.get("code_challenge", "")):
        return "invalid_request", "A code challenge by S256 is needed."
    if not asked.get("scope"):
        return "invalid_scope", "Say what you want to read."
    return None


def _refused(error: str, said: str) -> Reply:
    return json_reply({"error": error, "error_description": said}, 400)


def _grant_of(kept: Mapping[str, Any]) -> Grant:
    return Grant(**{**kept, "permissions": tuple(kept["permissions"])})


def _digest(secret: str) -> str:
    return sha256(secret.encode("utf-8", "replace")).hexdigest()
