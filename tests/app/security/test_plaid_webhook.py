"""Webhooks of Plaid: real keys and signatures, and everything that is no webhook of Plaid."""

import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jwt
from joserfc.jwk import ECKey

from app.security.plaid_webhook import (
    KEY_LIFETIME,
    MAX_BODY_SIZE,
    MOST_FETCHES_COUNT,
    Notice,
    PlaidWebhooks,
)
from domain.errors import SecurityError, TryLaterError

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
KEY = ECKey.generate_key("P-256")
OTHER_KEY = ECKey.generate_key("P-256")
KEY_ID = "bfbd5111-8e33-4643-8ced-b2e642a72f3c"
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
BODY = b'{"webhook_type": "TRANSACTIONS", "webhook_code": "SYNC_UPDATES_AVAILABLE", "item_id": "item-1"}'
NOTICE = Notice("TRANSACTIONS", "SYNC_UPDATES_AVAILABLE", "item-1")


def key_answer(key: ECKey = KEY, **changed: object) -> bytes:
    """Plaid's answer about a key."""
    said = {"alg": "ES256", "created_at": 1, "expired_at": None, "kid": KEY_ID, "use": "sig"}
    return json.dumps({"key": {**key.as_dict(private=False), **said, **changed}, "request_id": "r"}).encode()


def signed(
    body: bytes = BODY,
    *,
    at: datetime = NOW,
    key: ECKey = KEY,
    header: Mapping[str, object] | None = None,
    claims: Mapping[str, object] | None = None,
) -> str:
    """A token as Plaid signs it."""
    said = {"iat": int(at.timestamp()), "request_body_sha256": sha256(body).hexdigest(), **(claims or {})}
    return jwt.encode({"alg": "ES256", "kid": KEY_ID, **(header or {})}, said, key, algorithms=["ES256"])


def forged(header: Mapping[str, str], claims: Mapping[str, object], sign: Callable[[bytes], bytes]) -> str:
    """A token that is signed in another way."""
    said = b".".join(urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims))
    return b".".join((said, urlsafe_b64encode(sign(said)).rstrip(b"="))).decode()


class Plaid:
    """Plaid's keys, and how often they were asked for."""

    def __init__(self, answers: Mapping[str, bytes] | None = None) -> None:
        self.answers = dict(answers if answers is not None else {KEY_ID: key_answer()})
        self.asked: list[str] = []

    def fetch(self, key_id: str) -> bytes:
        """The answer about a key."""
        self.asked.append(key_id)
        if key_id not in self.answers:
            raise SecurityError("There is no such key")
        return self.answers[key_id]


def test_signed_webhook_is_plaids() -> None:
    """A body that Plaid signed now says which item has news; its key is asked for once."""
    plaid = Plaid()
    webhooks = PlaidWebhooks(plaid.fetch)
    assert webhooks.verified(signed(), BODY, NOW) == NOTICE
    later = NOW + timedelta(minutes=1)
    assert webhooks.verified(signed(at=later), BODY, later) == NOTICE
    assert plaid.asked == [KEY_ID]


def test_key_of_the_published_example(shared_dir: Path) -> None:
    """The key in Plaid's own example is read, and did not sign what we signed."""
    answer = (shared_dir / "fixtures/plaid/webhook_verification_key_get.json").read_bytes()
    plaid = Plaid({KEY_ID: answer})
    with pytest.raises(SecurityError, match="a signature of this key; got BadSignatureError"):
        PlaidWebhooks(plaid.fetch).verified(signed(), BODY, NOW)


def test_same_webhook_again() -> None:
    """A webhook that is sent again is known, and tells nothing new; another one is heard."""
    webhooks = PlaidWebhooks(Plaid().fetch)
    token = signed()
    assert webhooks.verified(token, BODY, NOW) == NOTICE
    assert webhooks.verified(token, BODY, NOW) is None
    assert webhooks.verified(signed(at=NOW - timedelta(seconds=1)), BODY, NOW) == NOTICE


def test_same_webhook_signed_otherwise() -> None:
    """Of every ECDSA signature anybody can make a second one that holds (s and n - s): it is the same webhook."""
    webhooks, token = PlaidWebhooks(Plaid().fetch), signed()
    said, _, signature = token.rpartition(".")
    raw = urlsafe_b64decode(signature + "==")
    mirrored = raw[:32] + (P256_ORDER - int.from_bytes(raw[32:], "big")).to_bytes(32, "big")
    other = f"{said}.{urlsafe_b64encode(mirrored).decode().rstrip('=')}"
    assert other != token
    assert PlaidWebhooks(Plaid().fetch).verified(other, BODY, NOW) == NOTICE
    assert webhooks.verified(token, BODY, NOW) == NOTICE
    assert webhooks.verified(other, BODY, NOW) is None


@pytest.mark.parametrize(
    ("age", "is_taken"),
    [(0, True), (299, True), (300, True), (301, False), (86_400, False), (-59, True), (-61, False)],
)
def test_five_minutes(age: int, *, is_taken: bool) -> None:
    """A signature holds for five minutes, and Plaid's clock may be a minute ahead."""
    webhooks, token = PlaidWebhooks(Plaid().fetch), signed(at=NOW - timedelta(seconds=age))
    if is_taken:
        assert webhooks.verified(token, BODY, NOW) == NOTICE
    else:
        with pytest.raises(SecurityError, match="seconds old"):
            webhooks.verified(token, BODY, NOW)


@pytest.mark.parametrize("body", [b"", BODY + b" ", BODY.replace(b"item-1", b"item-2"), BODY[:-1]])
def test_other_body_is_refused(body: bytes) -> None:
    """The signature is of the very bytes of the body."""
    with pytest.raises(SecurityError, match="SHA-256 of this body"):
        PlaidWebhooks(Plaid().fetch).verified(signed(), body, NOW)


def test_signature_of_another_key_is_refused() -> None:
    """Whoever names Plaid's key must have it."""
    with pytest.raises(SecurityError, match="a signature of this key"):
        PlaidWebhooks(Plaid().fetch).verified(signed(key=OTHER_KEY), BODY, NOW)


def test_changed_claims_are_refused() -> None:
    """What is signed cannot be changed: each single character of claims and signature counts."""
    webhooks, token = PlaidWebhooks(Plaid().fetch), signed()
    head, claims, signature = token.split(".")
    for changed in (
        ".".join((head, signed(at=NOW - timedelta(seconds=9)).split(".")[1], signature)),
        ".".join((head, claims, signature[::-1])),
        f"{head}.{claims}.",
        f"{head}..{signature}",
        f"{head}.{claims}",
        f"{token}.x",
    ):
        with pytest.raises(SecurityError):
            webhooks.verified(changed, BODY, NOW)


def test_other_algorithms_are_refused() -> None:
    """No signature, or one with the public key as a shared secret, is refused before any key is asked for."""
    plaid = Plaid()
    webhooks = PlaidWebhooks(plaid.fetch)
    claims = {"iat": int(NOW.timestamp()), "request_body_sha256": sha256(BODY).hexdigest()}
    public = KEY.as_pem(private=False)
    tokens = [
        forged({"alg": "HS256", "kid": KEY_ID}, claims, lambda said: hmac.digest(public, said, "sha256")),
        forged({"alg": "none", "kid": KEY_ID}, claims, lambda _: b""),
        forged({"kid": KEY_ID}, claims, lambda _: b""),
        jwt.encode({"alg": "ES384", "kid": KEY_ID}, claims, ECKey.generate_key("P-384"), algorithms=["ES384"]),
        signed(header={"jku": "https://evil.example/keys"}),
        signed(header={"kid": "../../etc/passwd"}),
        signed(header={"kid": "k" * 65}),
    ]
    for token in tokens:
        with pytest.raises(SecurityError):
            webhooks.verified(token, BODY, NOW)
    assert plaid.asked == []


@pytest.mark.parametrize("claims", [{"iat": None}, {"iat": "1"}, {"iat": True}, {"request_body_sha256": None}])
def test_claims_must_be_there(claims: Mapping[str, object]) -> None:
    """Without the second of signing, or the digest of the body, a signature says nothing."""
    with pytest.raises(SecurityError):
        PlaidWebhooks(Plaid().fetch).verified(signed(claims=claims), BODY, NOW)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"{}",
        b'{"key": null}',
        key_answer(kid="another"),
        key_answer(alg="HS256"),
        key_answer(crv="P-384"),
        key_answer(use="enc"),
        key_answer(kty="RSA"),
        key_answer(x="AAAA"),
        key_answer(y=5),
        key_answer(expired_at="never"),
    ],
)
def test_key_that_is_none_is_refused(answer: bytes) -> None:
    """A key that is not for this, under another id, or no point of the curve is never used, and not asked for again at once."""
    plaid = Plaid({KEY_ID: answer})
    webhooks = PlaidWebhooks(plaid.fetch)
    for _ in range(3):
        with pytest.raises(SecurityError):
            webhooks.verified(signed(), BODY, NOW)
    assert plaid.asked == [KEY_ID]


def test_expired_key_is_refused() -> None:
    """A key that Plaid says has expired signs nothing any more; a day later we learn of it."""
    plaid = Plaid()
    webhooks = PlaidWebhooks(plaid.fetch)
    assert webhooks.verified(signed(), BODY, NOW) == NOTICE
    plaid.answers[KEY_ID] = key_answer(expired_at=int(NOW.timestamp()))
    later = NOW + KEY_LIFETIME
    with pytest.raises(SecurityError, match="has not expired"):
        webhooks.verified(signed(at=later), BODY, later)
    assert plaid.asked == [KEY_ID, KEY_ID]


def test_new_key_is_found() -> None:
    """When Plaid changes its key, the new one is asked for by its id."""
    new_id = "00000000-1111-2222-3333-444444444444"
    plaid = Plaid({KEY_ID: key_answer(), new_id: key_answer(OTHER_KEY, kid=new_id)})
    webhooks = PlaidWebhooks(plaid.fetch)
    assert webhooks.verified(signed(), BODY, NOW) == NOTICE
    assert webhooks.verified(signed(key=OTHER_KEY, header={"kid": new_id}), BODY, NOW) == NOTICE
    assert plaid.asked == [KEY_ID, new_id]


def test_invented_keys_do_not_make_us_ask() -> None:
    """Whoever invents ids of keys makes us ask Plaid ten times a minute, no more; a known key still works meanwhile."""
    plaid = Plaid()
    webhooks = PlaidWebhooks(plaid.fetch)
    assert webhooks.verified(signed(), BODY, NOW) == NOTICE
    for number in range(100):
        with pytest.raises((SecurityError, TryLaterError)):
            webhooks.verified(signed(key=OTHER_KEY, header={"kid": f"invented-{number}"}), BODY, NOW)
    assert len(plaid.asked) == MOST_FETCHES_COUNT
    assert webhooks.verified(signed(at=NOW - timedelta(seconds=2)), BODY, NOW) == NOTICE
    stale = NOW + KEY_LIFETIME  # a key that is asked for anew is not counted among the invented ones
    for number in range(MOST_FETCHES_COUNT + 1):
        with pytest.raises((SecurityError, TryLaterError)):
            webhooks.verified(signed(at=stale, key=OTHER_KEY, header={"kid": f"more-{number}"}), BODY, stale)
    assert webhooks.verified(signed(at=stale), BODY, stale) == NOTICE
    with pytest.raises(SecurityError):  # a minute later, new keys are asked for again
        webhooks.verified(signed(key=OTHER_KEY, header={"kid": "invented-200"}), BODY, stale + timedelta(minutes=1))


def test_plaid_that_is_away_is_asked_again() -> None:
    """Where the key cannot be asked for now, the webhook is to come again; nothing is remembered against it."""
    away = [True]

    def fetch(key_id: str) -> bytes:
        if away:
            away.pop()
            raise TryLaterError("Plaid is away")
        return key_answer(kid=key_id)

    webhooks = PlaidWebhooks(fetch)
    with pytest.raises(TryLaterError):
        webhooks.verified(signed(), BODY, NOW)
    assert webhooks.verified(signed(), BODY, NOW) == NOTICE


@pytest.mark.parametrize(
    "body",
    [b"[]", b"x", b"{}", b'{"webhook_type": "ITEM"}', b'{"webhook_type": "ITEM", "webhook_code": "a b", "item_id": "i"}']
    + [json.dumps({"webhook_type": "ITEM", "webhook_code": "ERROR", "item_id": one}).encode() for one in (5, "a b", "x" * 200)],
)
def test_signed_body_of_another_shape(body: bytes) -> None:
    """A body that Plaid signed but that is no webhook we know the shape of is refused."""
    with pytest.raises(SecurityError, match="webhook_type"):
        PlaidWebhooks(Plaid().fetch).verified(signed(body), body, NOW)


def test_large_body_is_not_hashed() -> None:
    """A body larger than any webhook is refused first."""
    with pytest.raises(SecurityError, match="too large"):
        PlaidWebhooks(Plaid().fetch).verified(signed(), b" " * (MAX_BODY_SIZE + 1), NOW)


@given(st.text(max_size=200) | st.binary(max_size=60).map(lambda raw: f"{raw.hex()}.{raw.hex()}.{raw.hex()}"))
def test_any_header_has_an_answer(token: str) -> None:
    """Whatever stands in the header, it is refused by name and no key is asked for."""
    plaid = Plaid()
    with pytest.raises(SecurityError):
        PlaidWebhooks(plaid.fetch).verified(token, BODY, NOW)
    assert plaid.asked == []
