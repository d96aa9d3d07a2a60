"""API keys: found, checked and compared without a database."""

import random
from hashlib import sha256

import pytest

from app.clock import SystemRandomness
from app.security.api_keys import ALPHABET, KeyMode, new_api_key, read_api_key

RANDOM = SystemRandomness()


@pytest.mark.parametrize("mode", KeyMode)
def test_new_key_is_read(mode: KeyMode) -> None:
    """A key just made is read as itself, and fits what was stored of it."""
    made = new_api_key(mode, RANDOM.bytes)
    read = read_api_key(made.key)
    assert read is not None
    assert read.prefix == made.prefix
    assert made.key.startswith(f"cf_{mode}_")
    assert read.fits(made.secret_sha256)
    assert not read.fits(new_api_key(mode, RANDOM.bytes).secret_sha256)


def test_key_is_not_shown_by_accident() -> None:
    """The key is not in the value's text form; what is stored is its hash."""
    made = new_api_key(KeyMode.TEST, RANDOM.bytes)
    assert made.key not in repr(made)
    assert made.secret_sha256 == sha256(made.key.encode()).digest()


def test_typing_errors_are_refused() -> None:
    """3,000 keys with one wrong character are refused by form or checksum, before any database is asked."""
    chance = random.Random(1)  # noqa: S311 - repeatable errors
    key = new_api_key(KeyMode.LIVE, RANDOM.bytes).key
    for _ in range(3000):
        position = chance.randrange(len(key))
        other = chance.choice([c for c in ALPHABET if c != key[position]])
        assert read_api_key(key[:position] + other + key[position + 1 :]) is None


def test_other_forms_are_refused() -> None:
    """A text of another form is no key."""
    key = new_api_key(KeyMode.TEST, RANDOM.bytes).key
    others = ("", key[:-1], key + "0", key + "\n", key.upper(), "x" + key, key.replace("_test_", "_prod_"))
    assert [other for other in others if read_api_key(other) is not None] == []


def test_characters_are_equally_likely() -> None:
    """Bytes that would favour the first characters are drawn again."""
    bytes_in_turn = iter([bytes([255] * 12), bytes([248] * 12), bytes([61] * 12)])
    made = new_api_key(KeyMode.TEST, lambda size: next(bytes_in_turn, bytes(size)))
    assert made.prefix == "cf_test_" + "z" * 12
