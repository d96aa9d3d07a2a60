"""Whether a webhook is Plaid's: the signature in `Plaid-Verification`, over the SHA-256 of the body, at most five minutes old.

    webhooks = PlaidWebhooks(fetch_key)          # one for the process
    notice = webhooks.verified(request.headers["plaid-verification"], body, now)
    if notice is not None: enqueue a sync of the connection whose item this is

A webhook is a hint and nothing more: what it says is asked of Plaid again, by a sync. So one that comes twice, late or out of
order does no harm, and none of its contents are stored.

Only this module speaks `joserfc`.

Source:
    Plaid's pages about webhook verification; RFC 7515 (JWS), RFC 7517 (JWK), RFC 7518 section 3.4 (ES256), RFC 7519 (JWT).
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from hmac import compare_digest
from threading import Lock
from typing import NoReturn

from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from domain.errors import SecurityError, TryLaterError

HEADER = "plaid-verification"
"""Name of the header that holds the signature, in lower case."""

KEY_PATH = "/webhook_verification_key/get"
"""Where a key is asked for: POST with `client_id`, `secret` and `key_id`."""

MAX_AGE = timedelta(minutes=5)
"""Longest time between signing and verifying."""

MAX_SKEW = timedelta(minutes=1)
"""How far Plaid's clock may be ahead of ours."""

KEY_LIFETIME = timedelta(hours=24)
"""How long a key is believed before it is asked for again, to learn whether it has expired."""

MAX_BODY_SIZE = 256 * 1024
"""Bytes of a webhook; an honest one has about 500."""

MOST_FETCHES_COUNT = 10
"""New keys that are asked for per minute: whoever names keys that do not exist cannot make us ask without end."""

MAX_SEEN_COUNT = 20_000
"""Webhooks that are remembered; only those that were signed by Plaid in the last minutes."""

_MAX_TOKEN_SIZE = 4_096
_MAX_UNKNOWN_COUNT = 1_000
_MINUTE = timedelta(minutes=1)
_UNKNOWN_LIFETIME = timedelta(minutes=10)
_ALGORITHM = "ES256"
_KEY_ID = re.compile(r"[A-Za-z0-9-]{1,64}\Z")
_ITEM_ID = re.compile(r"[A-Za-z0-9_.-]{1,120}\Z")
_NAME = re.compile(r"[A-Z_]{1,64}\Z")
_HEADERS = frozenset({"alg", "kid", "typ"})


@dataclass(frozen=True, slots=True)
class Notice:
    """A webhook of Plaid.

    Attributes:
        webhook_type: "TRANSACTIONS", "ITEM".
        webhook_code: "SYNC_UPDATES_AVAILABLE", "ERROR".
        item_id: The item that it is about; empty where it is about none.
    """

    webhook_type: str
    webhook_code: str
    item_id: str


@dataclass(frozen=True, slots=True)
class _Key:
    key: ECKey
    fetched_at: datetime
    expired_at_s: int | None


class PlaidWebhooks:
    """Verifies the webhooks of one Plaid environment. Any thread may call.

    Invariant: a key is believed only under the id that it was asked for by. What is remembered is of this process: another one
    takes a webhook that is sent to it again, which asks for a sync that is asked for already.

    Args:
        fetch_key: Takes the id of a key and gives the body of Plaid's answer at `KEY_PATH`; raises TryLaterError where Plaid is
            away, SecurityError where it knows no such key.
    """

    def __init__(self, fetch_key: Callable[[str], bytes]) -> None:
        self._fetch_key = fetch_key
        self._lock = Lock()
        self._keys: dict[str, _Key] = {}
        self._unknown: dict[str, datetime] = {}
        self._fetches: list[datetime] = []
        self._seen: dict[bytes, datetime] = {}

    def verified(self, token: str, body: bytes, now: datetime) -> Notice | None:
        """What a webhook says, if Plaid signed it now and it did not come before.

        Args:
            token: The header `Plaid-Verification`; empty where there is none.
            body: Of the request, its very bytes.
            now: The time, aware.

        Returns:
            The notice; None where the same came before: answer it as the first one.

        Raises:
            SecurityError: It is not Plaid's, or too old, or of another body.
            TryLaterError: Its key cannot be asked for now.
        """
        if len(body) > MAX_BODY_SIZE:
            raise SecurityError("This webhook is too large", expected=f"at most {MAX_BODY_SIZE} bytes", got=f"{len(body)} bytes")
        key_id = _key_id(token)
        claims = _claims(token, self._key(key_id, now))
        _check_claims(claims, body, now)
        what_is_signed = token.rpartition(".")[0]  # anybody can make a second signature of the first
        if not self._is_first(sha256(what_is_signed.encode()).digest(), now):
            return None
        return _notice(body)

    def _key(self, key_id: str, now: datetime) -> ECKey:
        """The key of an id, asked for where it is not known or was known too long ago.

        Raises:
            SecurityError: There is no such key, or it has expired.
            TryLaterError: It cannot be asked for now.
        """
        with self._lock:
            known = self._keys.get(key_id)
            is_unknown = key_id in self._unknown and now - self._unknown[key_id] < _UNKNOWN_LIFETIME
        if is_unknown:
            _refuse("a key that Plaid knows", key_id)
        if known is None or now - known.fetched_at >= KEY_LIFETIME:
            known = self._fetched(key_id, now, is_known=known is not None)
        if known.expired_at_s is not None and now.timestamp() >= known.expired_at_s:
            _refuse("a key that has not expired", key_id)
        return known.key

    def _fetched(self, key_id: str, now: datetime, *, is_known: bool) -> _Key:
        if not is_known:
            self._count_fetch(key_id, now)
        try:
            found = _imported(self._fetch_key(key_id), key_id, now)
        except SecurityError:
            with self._lock:
                self._keys.pop(key_id, None)
                if len(self._unknown) >= _MAX_UNKNOWN_COUNT:
                    self._unknown.clear()
                self._unknown[key_id] = now
            raise
        with self._lock:
            self._keys = {name: one for name, one in self._keys.items() if now - one.fetched_at < KEY_LIFETIME}
            self._keys[key_id] = found
        return found

    def _count_fetch(self, key_id: str, now: datetime) -> None:
        with self._lock:
            self._fetches = [one for one in self._fetches if now - one < _MINUTE]
            if len(self._fetches) >= MOST_FETCHES_COUNT:
                raise TryLaterError("Too many keys are asked for", wait_s=_MINUTE.total_seconds(), got=key_id)
            self._fetches.append(now)

    def _is_first(self, digest: bytes, now: datetime) -> bool:
        with self._lock:
            if digest in self._seen:
                return False
            if len(self._seen) >= MAX_SEEN_COUNT:
                self._seen = {one: at for one, at in self._seen.items() if now - at <= MAX_AGE + MAX_SKEW}
            self._seen[digest] = now
            return True


def _key_id(token: str) -> str:
    """The id of the key that a token says it is signed with.

    Raises:
        SecurityError: It is no token, or of another algorithm.
    """
    if not token or len(token) > _MAX_TOKEN_SIZE or not token.isascii():
        _refuse(f"the header {HEADER}", f"{len(token)} characters")
    try:
        headers = jws.extract_compact(token.encode()).headers()
    except (JoseError, ValueError, TypeError, AttributeError, RecursionError):
        _refuse("a signed token", "none")
    key_id = headers.get("kid")
    if headers.get("alg") != _ALGORITHM or not headers.keys() <= _HEADERS:
        _refuse(_ALGORITHM, ", ".join(f"{name} {value}" for name, value in headers.items()))
    if not isinstance(key_id, str) or not _KEY_ID.match(key_id):
        _refuse("the id of a key", key_id)
    return key_id


def _claims(token: str, key: ECKey) -> Mapping[str, object]:
    """What a token says.

    Raises:
        SecurityError: The key did not sign it.
    """
    try:
        return jwt.decode(token, key, algorithms=[_ALGORITHM]).claims
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        _refuse("a signature of this key", type(error).__name__)


def _check_claims(claims: Mapping[str, object], body: bytes, now: datetime) -> None:
    """Refuse a token that is too old, or of another body.

    Raises:
        SecurityError: It is.
    """
    issued_s, digest = claims.get("iat"), claims.get("request_body_sha256")
    if type(issued_s) is not int:
        _refuse("the second it was signed in", issued_s)
    age_s = now.timestamp() - issued_s
    if not -MAX_SKEW.total_seconds() <= age_s <= MAX_AGE.total_seconds():
        _refuse(f"at most {MAX_AGE.total_seconds():.0f} seconds old", f"{age_s:.0f} seconds")
    if not isinstance(digest, str) or not compare_digest(digest.encode(), sha256(body).hexdigest().encode()):
        _refuse("the SHA-256 of this body", "another one")


def _imported(answer: bytes, key_id: str, now: datetime) -> _Key:
    """The key of Plaid's answer.

    Raises:
        SecurityError: It is no key of this id for this purpose.
    """
    try:
        told = json.loads(answer)["key"]
        asked = {"alg": _ALGORITHM, "crv": "P-256", "kty": "EC", "use": "sig", "kid": key_id}
        differing = [name for name, value in asked.items() if told[name] != value]
        expired_at_s = told["expired_at"]
        if differing or not (expired_at_s is None or type(expired_at_s) is int):
            _refuse(f"a key for {_ALGORITHM} under its own id", ", ".join(differing) or "another expired_at")
        key = ECKey.import_key({name: told[name] for name in ("kty", "crv", "x", "y")})
        key.get_op_key("verify")
    except (JoseError, ValueError, TypeError, KeyError, RecursionError) as error:
        _refuse("a public key", type(error).__name__)
    return _Key(key, now, expired_at_s)


def _notice(body: bytes) -> Notice:
    """What a body says that Plaid signed.

    Raises:
        SecurityError: It is no webhook.
    """
    try:
        said = json.loads(body)
        named = [said["webhook_type"], said["webhook_code"]]
        item_id = said.get("item_id") or ""
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        _refuse("webhook_type and webhook_code", type(error).__name__)
    texts = [one if isinstance(one, str) and _NAME.match(one) else "" for one in named]
    if not all(texts) or not isinstance(item_id, str) or (item_id and not _ITEM_ID.match(item_id)):
        _refuse("webhook_type, webhook_code and item_id", repr(said))
    return Notice(texts[0], texts[1], item_id)


def _refuse(expected: str, got: object) -> NoReturn:
    raise SecurityError("This webhook cannot be told to be Plaid's", expected=expected, got=got, record=HEADER)
