"""Sending a request of a connector: to its provider's own hosts only, in its turn, signed; and what the answer's status means."""

import json
import time
from collections.abc import Callable, Mapping
from datetime import timedelta
from fractions import Fraction
from http import HTTPStatus
from typing import NoReturn
from urllib.parse import urlsplit

from app.security.oauth_client import Answer, ClientId, retry_after_s
from app.security.outbound import HttpSender
from app.services import Services, Work
from app.store import provider_rates
from app.store.connections import ConnectionRow
from app.store.session import reading, unit_of_work
from app.usecases.key_place import with_key, with_params
from app.usecases.register_provider import our_client
from app.usecases.renew_access import fresh_access_token
from connectors.base import ApiKey, Document, Get, LinkedItem, OAuth2, Post, Provider
from connectors.context import framed
from domain.canonical import Json, to_canonical
from domain.errors import FormatChangedError, NeedsConsentError, SecurityError, TryLaterError

LONGEST_SLEEP_S = 2.5
"""What is waited for in place, seconds: the next turn at a provider, a short Retry-After. Longer waits give the worker back."""

LOOK_S = 0.5
"""How often a wait in place looks whether it shall end, seconds."""

MOST_SLEEPS_COUNT = 5
"""How often one request is waited for in place because the provider said so."""

FIRST_WAIT_S = 60.0
LONGEST_WAIT_S = 6 * 3600.0
"""Waits where the provider names none: doubled with each failure in a row, up to this, with jitter; seconds."""

MOST_GRANTED_COUNT = 20
GRANT_AGE_S = 1.0
"""Requests that are taken out of a fast provider's allowance at once, and for how long they may be used, seconds."""

TOKEN_AGE_S = 30.0
"""An access token is looked up again after so many seconds: it may have run out in a long sync."""

_LATER = frozenset(
    {
        HTTPStatus.ACCEPTED,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.CONFLICT,
        HTTPStatus.LOCKED,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)
_CONSENT_WORDS = frozenset(
    {
        *{"access_denied", "access_revoked", "authorization_revoked", "consent_expired", "consent_required", "consent_revoked"},
        *{"insufficient_scope", "invalid_grant", "invalid_token", "login_required", "permission_denied", "token_expired"},
        *{"token_revoked", "access_not_granted", "invalid_access_token", "item_login_required", "item_not_found"},
        *{"user_permission_revoked", "pending_disconnect", "permission", "authentication"},
    }
)
"""What providers call the end of a consent, in `error`, `error_code`, `code` or `type` of their JSON, or in WWW-Authenticate;
a provider's own words stand in its quirk `consent_words`, separated by commas."""

_LOOKED_AT_BYTES = 20_000
_MICRO = 1_000_000


class TurnOverError(TryLaterError):
    """The turn of a sync is over: nothing failed, and what is left to read is for a turn of its own."""


def never_over() -> bool:
    """Whether a turn is over that nobody ends."""
    return False


class Asking:
    """Asks one provider in the name of one connection, for the length of one sync.

    Args:
        services: The installation; no transaction is open while asking.
        connection: Whose name.
        provider: Whom.
        http: Sends.
        sleep: Waits so many seconds.
        is_over: Whether the sync should end: nothing is waited for in place any more.
    """

    def __init__(
        self,
        services: Services,
        connection: ConnectionRow,
        provider: Provider,
        *,
        http: HttpSender,
        sleep: Callable[[float], None] = time.sleep,
        is_over: Callable[[], bool] = never_over,
    ) -> None:
        self._services = services
        self._connection = connection
        self._provider = provider
        self._http = http
        self._sleep = sleep
        self._is_over = is_over
        self._rate_micro = max(1, int(Fraction(str(provider.requests_per_s)) * _MICRO))
        self._token = ""
        self._token_at_s = float("-inf")
        self._client: ClientId | None = None
        self._granted_count = 0
        self._granted_at_s = 0.0
        self._has_asked = False
        self._words = _CONSENT_WORDS | {
            word.strip().lower() for word in provider.quirks.get("consent_words", "").split(",") if word.strip()
        }

    def ask(self, request: Get | Post) -> Document:
        """The document that a connector wants.

        Args:
            request: What it wants.

        Returns:
            The bytes as they came, after the line of their context.

        Raises:
            TryLaterError: Not now.
            NeedsConsentError: The person has to consent again.
            FormatChangedError: The address is none of the provider's, or what came is not what it gave before.
            DocumentError: It is larger than allowed.
        """
        url = self._url(request)
        refused: str | None = None
        for _ in range(MOST_SLEEPS_COUNT + 1):
            self._wait_for_turn()
            token = self._access(refused)
            answer = self._send(request, url, token)
            self._has_asked = True
            if answer.status == HTTPStatus.UNAUTHORIZED and refused is None and isinstance(self._provider.auth, OAuth2):
                refused = token
                continue
            wait_s = self._wait_s(answer, request)
            if wait_s is None:
                body = framed(request.context, answer.body) if answer.status != HTTPStatus.NO_CONTENT else b""
                return Document(body, url, answer.headers, answer.status)
            if wait_s > LONGEST_SLEEP_S:
                self._later(answer, wait_s)
            self._wait(wait_s)
        return self._later(answer, self.backoff_s())

    def backoff_s(self) -> float:
        """How long to wait where the provider names no time: longer with each failure, and not at once with everybody else."""
        wait_s: float = min(FIRST_WAIT_S * 2 ** min(self._connection.failure_count, 12), LONGEST_WAIT_S)
        chance_ppm = int.from_bytes(self._services.randomness.bytes(4), "big") % _MICRO
        return wait_s * (0.75 + 0.5 * chance_ppm / _MICRO)

    def _url(self, request: Get | Post) -> str:
        """The absolute address of a request.

        Raises:
            FormatChangedError: It is at a host that is none of the provider's: nobody's token goes there.
        """
        url = request.url
        if "://" not in url.partition("?")[0]:
            url = f"{self._provider.base_url.rstrip('/')}/{url.lstrip('/')}"
        if isinstance(request, Get):
            url = with_params(url, request.params)
        return check_own_address(self._provider, url)

    def _wait_for_turn(self) -> None:
        """Take one request out of the provider's allowance, which all workers share.

        Raises:
            TryLaterError: The next one is too far away to wait for.
        """
        now_s = self._services.clock.monotonic_s()
        if self._granted_count and now_s - self._granted_at_s < GRANT_AGE_S:
            self._granted_count -= 1
            return
        while True:
            with unit_of_work(self._services.engine) as session:
                grant = provider_rates.take(
                    session,
                    self._provider.provider_id,
                    requests_per_s_micro=self._rate_micro,
                    requests_per_day_count=self._provider.requests_per_day_count,
                    now=self._services.clock.now(),
                    most_count=self._wanted_count(),
                )
            if grant.count:
                self._granted_count, self._granted_at_s = grant.count - 1, self._services.clock.monotonic_s()
                return
            wait_s = grant.wait.total_seconds()
            if wait_s > LONGEST_SLEEP_S:
                raise TryLaterError("It is not our turn at this provider", wait_s=wait_s, record=self._provider.provider_id)
            self._wait(wait_s)

    def _wait(self, wait_s: float) -> None:
        """Wait in place, for as long as the turn lasts.

        Raises:
            TurnOverError: It is over.
        """
        while not self._is_over():
            if wait_s <= 0:
                return
            self._sleep(min(wait_s, LOOK_S))
            wait_s -= LOOK_S
        raise TurnOverError("The program stops; this goes on where it was", wait_s=0.0, record=self._provider.provider_id)

    def _wanted_count(self) -> int:
        """How many requests are taken at once: of a fast provider some, once it is clear that this sync has more than one."""
        if self._provider.requests_per_day_count or not self._has_asked:
            return 1
        return max(1, min(self._rate_micro // _MICRO // 10, MOST_GRANTED_COUNT))

    def _access(self, refused: str | None) -> str:
        if self._provider.auth is None:
            return ""
        now_s = self._services.clock.monotonic_s()
        if not self._token or self._token == refused or now_s - self._token_at_s > TOKEN_AGE_S:
            self._token = fresh_access_token(self._services, self._connection, because_refused=refused, send=self._http.send)
            self._token_at_s = now_s
        return self._token

    def _send(self, request: Get | Post, url: str, token: str) -> Answer:
        headers = {"accept": request.accept, **{name.lower(): value for name, value in request.headers.items()}}
        content: dict[str, Json] = dict(request.json) if isinstance(request, Post) else {}
        auth = self._provider.auth
        match auth:
            case OAuth2():
                headers["authorization"] = f"Bearer {token}"
            case ApiKey():
                url, headers = with_key(auth, token, url, headers)
            case LinkedItem():
                client = self._our_client()
                content |= {"client_id": client.client_id, "secret": client.secret, "access_token": token}
            case None:
                pass
        is_get = isinstance(request, Get)
        if not is_get:
            headers["content-type"] = "application/json"
        try:
            return self._http.send(
                "GET" if is_get else "POST", url, headers=headers, body=b"" if is_get else to_canonical(content)
            )
        except TryLaterError as error:
            error.wait_s = max(error.wait_s, self.backoff_s())
            raise
        except SecurityError as error:
            raise FormatChangedError(
                "The provider names an address that may not be called",
                expected=error.expected,
                got=error.got,
                record=self._provider.provider_id,
            ) from error

    def _our_client(self) -> ClientId:
        if self._client is None:
            with reading(self._services.engine) as session:
                self._client = our_client(Work(session, self._services), self._provider)
        return self._client

    def _wait_s(self, answer: Answer, request: Get | Post) -> float | None:
        """How long to wait before asking again; None where this is what the connector wanted.

        Raises:
            NeedsConsentError: The person has to consent again.
            FormatChangedError: It is none of what a provider says to its clients.
        """
        status = answer.status
        if status == HTTPStatus.NO_CONTENT or (status in request.passes and not self._says_consent(answer)):
            return None
        is_page = _is_page(answer, request.accept)
        if status == HTTPStatus.OK and not is_page:
            return None
        named_s = self._named_wait_s(answer)
        if status == HTTPStatus.TOO_MANY_REQUESTS or (status == HTTPStatus.SERVICE_UNAVAILABLE and named_s is not None):
            self._block(named_s)
        if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR or is_page:
            return self.backoff_s() if named_s is None else named_s
        if status == HTTPStatus.UNAUTHORIZED or self._says_consent(answer):
            raise NeedsConsentError(
                f"{self._provider.title} wants to be asked again",
                got=f"status {status}",
                record=self._provider.provider_id,
                next_step="Connect the account again: one click, and it goes on where it was.",
            )
        if status == HTTPStatus.FORBIDDEN:
            return self.backoff_s()
        raise FormatChangedError(
            f"{self._provider.title} answers otherwise than before",
            expected="a document",
            got=f"status {status}",
            record=urlsplit(request.url).path[:80],
        )

    def _named_wait_s(self, answer: Answer) -> float | None:
        return retry_after_s(answer, self._services.clock.now()) if answer.headers.get("retry-after") else None

    def _block(self, wait_s: float | None) -> None:
        """Tell every worker that this provider wants no request for a while."""
        now = self._services.clock.now()
        self._granted_count = 0
        with unit_of_work(self._services.engine) as session:
            until = now + timedelta(seconds=self.backoff_s() if wait_s is None else wait_s)
            provider_rates.block(session, self._provider.provider_id, until, now=now)

    def _says_consent(self, answer: Answer) -> bool:
        if answer.status not in {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN}:
            return False
        return not self._words.isdisjoint(_error_words(answer))

    def _later(self, answer: Answer, wait_s: float) -> NoReturn:
        """Come back later.

        Raises:
            TryLaterError: Always.
        """
        raise TryLaterError(
            f"{self._provider.title} is not ready",
            wait_s=wait_s,
            expected="a document",
            got=f"status {answer.status}",
            record=self._provider.provider_id,
        )


def check_own_address(provider: Provider, url: str) -> str:
    """Refuse an address at a host that is none of the provider's: nobody's token goes there.

    Args:
        provider: Whose row.
        url: Absolute.

    Returns:
        The address, without its fragment.

    Raises:
        FormatChangedError: It is another host's.
    """
    url = url.partition("#")[0]
    origin, origins = _origin_of(url), _origins_of(provider)
    if origin not in origins:
        raise FormatChangedError(
            "The provider names an address that is not its own",
            expected=f"one of {', '.join(sorted(origins))}",
            got=origin,
            record=provider.provider_id,
            next_step="Tell us: the row of this provider may need another host.",
        )
    return url


def _origins_of(provider: Provider) -> frozenset[str]:
    return frozenset({_origin_of(provider.base_url), *(_origin_of(f"https://{host}") for host in provider.hosts)})


def _origin_of(url: str) -> str:
    """Scheme, host and port of an address; the address itself where it has none, which is nobody's origin."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return url[:80]
    if not host or "@" in parts.netloc or "\\" in url:
        return url[:80] if "@" not in parts.netloc else "an address with a name in it"
    usual = {"https": 443, "http": 80}.get(parts.scheme)
    return f"{parts.scheme}://{host.rstrip('.')}:{usual if port is None else port}"


def _is_page(answer: Answer, accept: str) -> bool:
    """Whether a page for people came where none was asked for: from an edge, a maintenance, a proxy."""
    if "html" in accept or not answer.body:
        return False
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    start = answer.body[:256].lstrip(b"\xef\xbb\xbf \t\r\n")[:9].lower()
    return kind in {"text/html", "application/xhtml+xml"} or start.startswith((b"<!doctype", b"<html"))


def _error_words(answer: Answer) -> set[str]:
    """The words that a refusal uses for itself, in lower case."""
    challenge = answer.headers.get("www-authenticate", "")
    found = {part.split('"')[0].lower() for part in challenge.split('error="')[1:]}
    try:
        value = json.loads(answer.body[:_LOOKED_AT_BYTES])
    except (ValueError, RecursionError):
        return found
    for one in (value, value.get("error") if isinstance(value, Mapping) else None):
        if isinstance(one, Mapping):
            found |= {
                str(one[name]).lower() for name in ("error", "error_code", "code", "type") if isinstance(one.get(name), str)
            }
    return found
