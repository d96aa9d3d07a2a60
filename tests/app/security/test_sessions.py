"""Session tokens are random, stored as hashes only."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest

from app.clock import SystemRandomness
from app.security.sessions import new_token, token_sha256

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
RANDOM = SystemRandomness()


def test_token_is_found_by_its_hash() -> None:
    """What is stored is the SHA-256 of the token in the cookie, for twelve hours."""
    made = new_token(RANDOM.bytes, NOW)
    assert token_sha256(made.token) == made.token_sha256 == sha256(made.token.encode()).digest()
    assert made.expires_at - NOW == timedelta(hours=12)
    assert len(made.token) == 43


def test_token_is_not_shown_by_accident() -> None:
    """The token is not in the value's text form, which may be logged."""
    made = new_token(RANDOM.bytes, NOW)
    assert made.token not in repr(made)


def test_tokens_differ() -> None:
    """Every sign-in gets a token of its own."""
    assert len({new_token(RANDOM.bytes, NOW).token for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ["", "x" * 42, "x" * 44, "x" * 42 + "\n", "x" * 42 + "=", "ä" * 43, "' OR 1=1 --"])
def test_junk_is_no_token(text: str) -> None:
    """A text that cannot be a token has no hash, so nothing is looked up."""
    assert token_sha256(text) is None
