"""Signed-in browsers: opaque random tokens of which only the hash is stored, for twelve hours."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

LIFETIME = timedelta(hours=12)
"""From sign-in; not prolonged. OWASP ASVS 5.0 7.3.2; as PyPI's."""

TOKEN_SIZE_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made.

    Attributes:
        token: For the cookie or link; shown once, never stored.
        token_sha256: What is stored, 32 bytes.
        created_at: Now.
        expires_at: End.
    """

    token: str = field(repr=False)
    token_sha256: bytes
    created_at: datetime
    expires_at: datetime


def new_token(random_bytes: Callable[[int], bytes], now: datetime, *, lifetime: timedelta = LIFETIME) -> NewToken:
    """A new token. Make a new one at every sign-in and end the one that the browser had: a planted token then stays useless.

    Args:
        random_bytes: Gives 32 bytes.
        now: The time.
        lifetime: How long it holds.

    Returns:
        The token, and what to store of it.
    """
    token = urlsafe_b64encode(random_bytes(TOKEN_SIZE_BYTES)).decode().rstrip("=")
    return NewToken(token, sha256(token.encode()).digest(), now, now + lifetime)


def token_sha256(token: str) -> bytes | None:
    """What is stored of a token, 32 bytes; None where the text cannot be one, so that junk never reaches the database."""
    return sha256(token.encode()).digest() if _TOKEN.match(token) else None
