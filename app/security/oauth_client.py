"""Asking a provider in a person's name by OAuth 2: what is sent and what an answer means. No database, no clock, no socket.

Whoever calls hands in `send`. Nothing that a provider says is shown as it came: of a refusal only its registered code, because a
description can repeat a token. What is refused here, besides what the grammar of RFC 6749 forbids: a reply that says a name
twice, a token that could not stand in a header, another token type than Bearer, more than 64 KiB.

Source:
    RFC 6749 (OAuth 2.0), RFC 6750 (Bearer), RFC 7009 (revocation), RFC 7636 (PKCE), RFC 9207 (iss), RFC 9700 (security);
    OpenID Connect Core 1.0 section 3.1.3.7 for the claims of an id token.
"""

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parsedate_to_datetime
from hmac import compare_digest
from http import HTTPStatus
from typing import Protocol
from urllib.parse import quote_plus

from authlib.oauth2.auth import ClientAuth as AuthlibClientAuth
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7009 import prepare_revoke_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from connectors.base import ClientAuth, OAuth2
from domain.errors import (
    ConnectorBugError,
    DocumentTooLargeError,
    FormatChangedError,
    NeedsConsentError,
    SecurityError,
    TryLaterError,
)

MAX_REPLY_BYTES = 64 * 1024
"""Largest reply of a token endpoint; real ones have 1 to 4 kB."""

MAX_TOKEN_COUNT = 8192
"""Longest token, characters: it stands in a header of every request."""

LONGEST_LIFE_S = 10 * 366 * 86_400
"""Longest lifetime of an access token that is believed, seconds."""

LONGEST_WAIT_S = 86_400.0
"""Longest Retry-After that is honoured, seconds."""

USUAL_WAIT_S = 60.0
"""Seconds to wait where a provider is away and says no time."""

_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_ERROR_CODE = re.compile(r"[\x20-\x21\x23-\x5b\x5d-\x7e]{1,64}\Z")  # RFC 6749 appendix A.7, bounded
_GONE = frozenset({HTTPStatus.OK, HTTPStatus.ACCEPTED, HTTPStatus.NO_CONTENT, HTTPStatus.NOT_FOUND, HTTPStatus.GONE})
_AWAY_CODES = frozenset({"temporarily_unavailable", "server_error"})  # RFC 6749 section 4.1.2.1
_TOLD_CODES = frozenset(
    {
        *{"invalid_request", "invalid_client", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope"},
        *{"access_denied", "unsupported_response_type", "server_error", "temporarily_unavailable", "unsupported_token_type"},
        *{"interaction_required", "login_required", "consent_required", "account_selection_required", "invalid_token"},
    }
)
"""Codes that may be shown: any other text of a provider could hold anything."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP.

    Attributes:
        status: HTTP status.
        headers: Names in lower case.
        body: At most as many bytes as were allowed.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


class Send(Protocol):
    """Sends one request to a provider.

    Contract: follows no redirect; raises `LostAnswerError` where the request may have arrived and its answer did not (or
    broke off), `TryLaterError` where it surely did not arrive, `DocumentTooLargeError` where the answer is larger than allowed,
    `SecurityError` where the address must not be called.
    """

    def __call__(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, max_body_bytes: int) -> Answer:
        """The answer."""
        ...


class LostAnswerError(TryLaterError):
    """A request may have arrived, but its answer did not."""


class RevokedGrantError(NeedsConsentError):
    """The provider no longer honours this consent."""


@dataclass(frozen=True, slots=True)
class ClientId:
    """Our registration with a provider.

    Attributes:
        client_id: Name that the provider gave us.
        secret: Its secret; empty for a public client.
        is_encoded: Whether name and secret are form-encoded inside HTTP Basic, as RFC 6749 section 2.3.1 says; some providers
            take them as they are.
    """

    client_id: str
    secret: str = field(default="", repr=False)
    is_encoded: bool = True


@dataclass(frozen=True, slots=True)
class FlowSecrets:
    """What binds an answer to the question: drawn new for every consent that is asked for.

    Attributes:
        state: Comes back with the answer.
        verifier: Proves to the token endpoint that we asked (PKCE); never leaves us before.
        nonce: Stands in an id token.
    """

    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Returned:
    """With what a person came back from the provider's page.

    Attributes:
        state: As we sent it.
        code: To be exchanged; empty where there is an error.
        issuer: Who says so (RFC 9207); empty where left out.
        error: Registered code of a refusal, `other` for one that is not registered; empty where there is none.
    """

    state: str = field(repr=False)
    code: str = field(default="", repr=False)
    issuer: str = ""
    error: str = ""


@dataclass(frozen=True, slots=True)
class TokenReply:
    """What a token endpoint granted.

    Attributes:
        access_token: Asks for data.
        refresh_token: Asks for the next access token; empty where none was given.
        life_s: Lifetime of the access token, seconds; None where the provider does not say it, or says no number.
        scope: What was granted; None where the reply leaves it out: then it is what was asked.
        kept: Fields that belong to the link, by name.
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    life_s: int | None
    scope: str | None
    kept: Mapping[str, str] = field(repr=False)


def new_secrets(new_token: Callable[[], str]) -> FlowSecrets:
    """Fresh secrets for one consent.

    Args:
        new_token: Gives 43 unguessable characters of the URL-safe alphabet (256 bits) at each call.

    Returns:
        The secrets.
    """
    return FlowSecrets(new_token(), new_token(), new_token())


def authorize_url(auth: OAuth2, client: ClientId, secrets: FlowSecrets, *, redirect_uri: str) -> str:
    """Where the person is sent to consent.

    Args:
        auth: How the provider is asked.
        client: Our registration.
        secrets: Of this consent.
        redirect_uri: Where the person comes back, exactly as registered.

    Returns:
        The address; the scope stands in it as the provider wants it, untouched but for the encoding of an address.
    """
    query = dict(auth.extra_params) | {"nonce": secrets.nonce}
    if auth.uses_pkce:
        query |= {"code_challenge": create_s256_code_challenge(secrets.verifier), "code_challenge_method": "S256"}
    address: str = prepare_grant_uri(
        auth.authorize_url,
        client_id=client.client_id,
        response_type="code",
        redirect_uri=redirect_uri,
        scope=auth.scope,
        state=secrets.state,
        **query,
    )
    return address


def returned(query: Mapping[str, str]) -> Returned:
    """With what a person came back.

    Args:
        query: Query parameters, each once.

    Returns:
        What they say; nothing is verified yet.

    Raises:
        SecurityError: There is no state that could be one of ours, or neither code nor error, or both.
    """
    state, code, error = query.get("state", ""), query.get("code", ""), query.get("error", "")
    is_usable = len(state) <= MAX_TOKEN_COUNT and _VISIBLE.match(state) and bool(code) != bool(error)
    if not is_usable or (code and (len(code) > MAX_TOKEN_COUNT or not _VISIBLE.match(code))):
        raise SecurityError("This is no answer to a question of ours", next_step="Begin again: connect the account once more.")
    return Returned(state, code, query.get("iss", ""), _told(error) if error else "")


def check_issuer(auth: OAuth2, answer: Returned) -> None:
    """Refuse an answer that another provider gave (mix-up).

    Args:
        auth: How the provider is asked.
        answer: With what the person came back.

    Raises:
        SecurityError: The provider names itself in its answers, and this one names nobody, or somebody else.

    Source:
        RFC 9207 section 2.4: simple string comparison, before the code is used.
    """
    if auth.issuer and not compare_digest(auth.issuer.encode(), answer.issuer.encode("utf-8", "replace")):
        raise SecurityError(
            "This answer comes from another provider than was asked", next_step="Begin again: connect the account once more."
        )


def check_granted(answer: Returned, *, provider_title: str) -> None:
    """Say kindly what a refusal means.

    Args:
        answer: With what the person came back.
        provider_title: The provider's name for people.

    Raises:
        NeedsConsentError: The person, or the provider for them, said no.
        TryLaterError: The provider cannot answer now.
        ConnectorBugError: The provider refused how we asked.
    """
    if not answer.error:
        return
    if answer.error in _AWAY_CODES:
        raise TryLaterError(
            f"{provider_title} cannot answer now",
            wait_s=USUAL_WAIT_S,
            got=answer.error,
            next_step="Nothing was connected; try again in a few minutes.",
        )
    if answer.error == "access_denied" or answer.error.endswith("_required"):
        raise NeedsConsentError(
            f"Nothing was connected: access to {provider_title} was not allowed",
            next_step="That is fine. Connect the account whenever you like.",
        )
    raise ConnectorBugError(
        f"{provider_title} refused how we asked", expected="a code", got=answer.error, next_step="Check our registration."
    )


def exchange_code(
    send: Send, auth: OAuth2, client: ClientId, secrets: FlowSecrets, *, code: str, redirect_uri: str, now: datetime
) -> TokenReply:
    """The tokens of a code: asked for once, because a code works once.

    Args:
        send: Sends.
        auth: How the provider is asked.
        client: Our registration.
        secrets: Of this consent.
        code: With which the person came back.
        redirect_uri: As it was when the person was sent away.
        now: The time, for the dates in an id token and in Retry-After.

    Returns:
        The tokens.

    Raises:
        NeedsConsentError: The code does not hold: it was used, is too old, or was given for another question.
        TryLaterError: The provider is away, or its answer was lost: the person begins again.
        FormatChangedError: The answer cannot be read.
        ConnectorBugError: The provider does not take our registration or request.
        SecurityError: The id token is of another consent, or the address must not be called.
    """
    proof = {"code_verifier": secrets.verifier} if auth.uses_pkce else {}
    body = prepare_token_request("authorization_code", redirect_uri=redirect_uri, code=code, **proof)
    answer = _post(send, auth, client, auth.token_url, body)
    values = _granted(answer, now)
    _check_id_token(values, auth, client, secrets)
    return _token_reply(values, auth)


def refresh_tokens(send: Send, auth: OAuth2, client: ClientId, *, refresh_token: str, now: datetime) -> TokenReply:
    """New tokens for an old refresh token. Sent once: an answer that is lost may have carried the only token that still works.

    Args:
        send: Sends.
        auth: How the provider is asked.
        client: Our registration.
        refresh_token: The newest one that came.
        now: The time, for a date in Retry-After.

    Returns:
        The tokens; keep the old refresh token where there is no new one.

    Raises:
        RevokedGrantError: The provider no longer honours the consent (`invalid_grant`).
        LostAnswerError: The answer did not come.
        TryLaterError: The provider is away, or answers with a page: nothing was granted.
        FormatChangedError: It granted something that cannot be read.
        ConnectorBugError: The provider does not take our registration or request.
        SecurityError: The address must not be called.
    """
    body = prepare_token_request("refresh_token", refresh_token=refresh_token)
    return _token_reply(_granted(_post(send, auth, client, auth.token_url, body), now), auth)


def revoke_token(send: Send, auth: OAuth2, client: ClientId, *, token: str, hint: str, now: datetime) -> None:
    """End a token at the provider; one that has ended already is no error (RFC 7009 section 2.2).

    Args:
        send: Sends.
        auth: How the provider is asked; it has an address for this.
        client: Our registration.
        token: The refresh token, which ends the whole consent; else the access token.
        hint: `refresh_token` or `access_token`.
        now: The time, for a date in Retry-After.

    Raises:
        TryLaterError: The provider is away; asking again is harmless.
        ConnectorBugError: The provider refuses us.
        SecurityError: The address must not be called.
    """
    body, _ = prepare_revoke_token_request(token, hint, "", {})
    answer = _post(send, auth, client, auth.revoke_url, body)
    if answer.status in {HTTPStatus.OK, HTTPStatus.NO_CONTENT, HTTPStatus.ACCEPTED}:
        return
    _check_away(answer, now)
    code = _error_code(answer)
    if code not in {"invalid_grant", "invalid_token"}:  # outside RFC 7009, and said by some: it has ended, then
        raise ConnectorBugError(
            "The provider does not take back a token", expected="status 200", got=f"status {answer.status} {code}".strip()
        )


def delete_consent(send: Send, url: str, access_token: str, *, now: datetime) -> bool | None:
    """End a consent where the provider keeps it.

    Args:
        send: Sends.
        url: Its address, which the provider gave with the tokens; the caller has checked whose host it is.
        access_token: Of this consent.
        now: The time, for a date in Retry-After.

    Returns:
        Whether it is gone; False where the provider does not let us; None where it does not take this token.

    Raises:
        TryLaterError: The provider is away, or a page came instead of its answer.
        SecurityError: The address must not be called.

    Source:
        NAESB REQ.21 ESPI, resource Authorization; RFC 9110 section 9.3.5.
    """
    headers = {"Authorization": f"Bearer {access_token}", "Accept": "application/atom+xml, application/json"}
    answer = send("DELETE", url, headers=headers, body=b"", max_body_bytes=MAX_REPLY_BYTES)
    if answer.status == HTTPStatus.OK and _is_page(answer):
        raise TryLaterError("The provider cannot answer now", wait_s=USUAL_WAIT_S, got="a page", record="consent")
    if answer.status == HTTPStatus.NOT_IMPLEMENTED:
        return False
    _check_away(answer, now)
    return None if answer.status == HTTPStatus.UNAUTHORIZED else answer.status in _GONE


def retry_after_s(answer: Answer, now: datetime) -> float:
    """How long a provider asks us to wait (RFC 9110 section 10.2.3), seconds; `USUAL_WAIT_S` where it does not say.

    Args:
        answer: Its answer.
        now: The time, where the answer has no date of its own.

    Returns:
        0 or more, at most `LONGEST_WAIT_S`.
    """
    text = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,10}", text):
        return min(float(text), LONGEST_WAIT_S)
    until, since = _http_date(text), _http_date(answer.headers.get("date", "")) or now
    return USUAL_WAIT_S if until is None else min(max((until - since).total_seconds(), 0.0), LONGEST_WAIT_S)


def missing_scope(asked: str, granted: str) -> str:
    """What was asked and not granted, in the provider's words; empty where all was.

    Scopes are compared as lists of words (RFC 6749 section 3.3); a word may hold `=` and `;` and is never taken apart.
    """
    have = set(granted.split(" "))
    return " ".join(word for word in asked.split(" ") if word and word not in have)


def _post(send: Send, auth: OAuth2, client: ClientId, url: str, body: str) -> Answer:
    headers = {"Content-Type": "application/x-www-form-urlencoded;charset=UTF-8", "Accept": "application/json"}
    is_quoted = auth.client_auth is ClientAuth.BASIC and client.is_encoded
    name, secret = (quote_plus(text) if is_quoted else text for text in (client.client_id, client.secret))
    named = AuthlibClientAuth(name, secret, str(auth.client_auth))
    _, headers, body = named.prepare("POST", url, headers, body)
    try:
        return send("POST", url, headers=headers, body=body.encode("ascii"), max_body_bytes=MAX_REPLY_BYTES)
    except DocumentTooLargeError as error:
        raise FormatChangedError(expected=error.expected, got=error.got, record="token reply") from error


def _granted(answer: Answer, now: datetime) -> Mapping[str, object]:
    """The reply of a token endpoint that granted something.

    Raises:
        RevokedGrantError: `invalid_grant`.
        TryLaterError: The provider is away.
        FormatChangedError: It granted something that cannot be read.
        ConnectorBugError: It refused our registration or request.
    """
    _check_away(answer, now)
    if answer.status == HTTPStatus.OK:
        if _is_page(answer):
            raise TryLaterError(
                "The provider answered with a page",
                wait_s=USUAL_WAIT_S,
                expected="tokens as JSON",
                got="HTML",
                record="token reply",
            )
        return json_object(answer.body)
    code = _error_code(answer)
    if code == "invalid_grant":
        raise RevokedGrantError(next_step="Connect the account again.")
    raise ConnectorBugError(
        "The provider does not take how we ask for tokens",
        expected="status 200",
        got=f"status {answer.status} {code}".strip(),
        record="token reply",
        next_step="Check our registration: `climate-fitness connectors register` replaces it.",
    )


def _check_away(answer: Answer, now: datetime) -> None:
    """Refuse what means no more than "not now".

    Raises:
        TryLaterError: 5xx, 408, 425, 429; a page where JSON was asked for; or a code that says so.
    """
    is_away = answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status in {
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_EARLY,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
    is_edge_page = answer.status != HTTPStatus.OK and _is_page(answer)
    if is_away or is_edge_page or _error_code(answer) in _AWAY_CODES:
        raise TryLaterError(
            "The provider cannot answer now",
            wait_s=retry_after_s(answer, now),
            expected="status 200",
            got=f"status {answer.status}",
            record="token reply",
        )


def _is_page(answer: Answer) -> bool:
    """Whether an answer is a page for people: it comes from something in front of the token endpoint."""
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind in {"text/html", "application/xhtml+xml"} or answer.body[:256].lstrip()[:9].lower() in {b"<!doctype", b"<html>"}


def _error_code(answer: Answer) -> str:
    """The registered code of a refusal; `other` for one that is not registered, empty where there is none."""
    try:
        code = json_object(answer.body).get("error")
    except FormatChangedError:
        return ""
    return _told(code) if isinstance(code, str) and code else ""


def _told(code: str) -> str:
    return code if _ERROR_CODE.match(code) and code in _TOLD_CODES else "other"


def json_object(body: bytes) -> Mapping[str, object]:
    """The members of a JSON object, each once; numbers as text, so that none is rounded.

    Args:
        body: UTF-8.

    Returns:
        Name to value.

    Raises:
        FormatChangedError: It is something else.
    """
    wanted = "a JSON object, each name once"
    try:
        value = _DECODER.decode(body.decode("utf-8"))
    except (ValueError, RecursionError) as error:  # never with what came: it may hold a token
        raise FormatChangedError(expected=wanted, got=f"{len(body)} bytes that are none", record="token reply") from error
    if not isinstance(value, dict):
        raise FormatChangedError(expected=wanted, got=type(value).__name__, record="token reply")
    return value


class _Number(str):
    """A number of JSON, as it stands there."""

    __slots__ = ()


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(_text: str) -> object:
    raise ValueError("NaN and Infinity are no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_once_each, parse_float=_Number, parse_int=_Number, parse_constant=_no_constant)


def _token_reply(values: Mapping[str, object], auth: OAuth2) -> TokenReply:
    kind = values.get("token_type", "Bearer")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise FormatChangedError(expected="token_type Bearer", got="another one", record="token reply")
    refresh = values.get("refresh_token")
    scope = values.get("scope")
    kept = {name: values[name] for name in sorted(auth.keeps & values.keys())}
    return TokenReply(
        access_token=token_text(values.get("access_token"), "access_token"),
        refresh_token="" if refresh is None or refresh == "" else token_text(refresh, "refresh_token"),
        life_s=_life_s(values.get("expires_in")),
        scope=scope if isinstance(scope, str) and 0 < len(scope) <= MAX_TOKEN_COUNT and scope.isprintable() else None,
        kept={name: _address(value, name) for name, value in kept.items() if value is not None},
    )


def token_text(value: object, name: str) -> str:
    """A token, if it is one that can be sent in a header.

    Args:
        value: What a reply says.
        name: What it is called there.

    Returns:
        The same text.

    Raises:
        FormatChangedError: It is something else; never shown.
    """
    if type(value) is not str or len(value) > MAX_TOKEN_COUNT or not _VISIBLE.match(value):
        raise FormatChangedError(
            expected=f"1 to {MAX_TOKEN_COUNT} visible ASCII characters", got="something else", record=f"token reply, {name}"
        )
    return value


def _address(value: object, name: str) -> str:
    if type(value) is not str or len(value) > MAX_TOKEN_COUNT or not value.isprintable():
        raise FormatChangedError(expected="a short text", got=type(value).__name__, record=f"token reply, {name}")
    return value


def _life_s(value: object) -> int | None:
    """Seconds of life; None where nothing usable is said: the first 401 tells."""
    if not isinstance(value, str) or not re.fullmatch(r"[0-9]{1,10}(\.0+)?", value):
        return None
    return min(int(value.partition(".")[0]), LONGEST_LIFE_S)


def _check_id_token(values: Mapping[str, object], auth: OAuth2, client: ClientId, secrets: FlowSecrets) -> None:
    """Refuse an id token of another consent. It came from the token endpoint itself, so TLS stands for its signature.

    Raises:
        FormatChangedError: It is no id token.
        SecurityError: It names another issuer, client or nonce.
    """
    text = values.get("id_token")
    if text is None:
        return
    try:
        middle = str(text).split(".")[1]
        claims = json_object(urlsafe_b64decode(middle + "=" * (-len(middle) % 4)))
    except (IndexError, ValueError) as error:
        raise FormatChangedError(expected="a JWT", got="something else", record="token reply, id_token") from error
    audience = claims.get("aud")
    is_for_us = client.client_id in (audience if isinstance(audience, list) else [audience])
    is_by_them = not auth.issuer or claims.get("iss") == auth.issuer
    if claims.get("nonce") != secrets.nonce or not is_for_us or not is_by_them:
        raise SecurityError("This answer was made for another question", next_step="Begin again: connect the account once more.")


def _http_date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return found if found.tzinfo is not None else None
