"""API keys: `cf_test_<id>_<secret><checksum>`, found by secret scanners, checked before any database is asked.

`cf_` and `live` or `test`; 12 characters that name the key; 32 secret characters (190 bits); 6 characters of CRC-32 over all that
stands before. The alphabet is 0-9A-Za-z. Only the SHA-256 of the whole key is stored: its secret is random, so a slow hash would
protect nothing.
"""

import hmac
import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_COUNT = 12
SECRET_COUNT = 32
CHECKSUM_COUNT = 6

_KEY = re.compile(rf"(cf_(?:live|test)_[0-9A-Za-z]{{{ID_COUNT}}})_[0-9A-Za-z]{{{SECRET_COUNT + CHECKSUM_COUNT}}}\Z")


class KeyMode(StrEnum):
    """Whether a key reaches demo data or real data."""

    TEST = "test"
    LIVE = "live"


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """A key just made.

    Attributes:
        key: The whole key; shown once, never stored.
        prefix: What it is found by: all before its secret.
        secret_sha256: What is stored, 32 bytes.
    """

    key: str = field(repr=False)
    prefix: str
    secret_sha256: bytes


@dataclass(frozen=True, slots=True)
class PresentedKey:
    """A key as somebody presents it, well-formed, not yet known to be right.

    Attributes:
        prefix: What to look for.
        secret_sha256: What to compare, 32 bytes.
    """

    prefix: str
    secret_sha256: bytes

    def fits(self, stored_sha256: bytes) -> bool:
        """Whether it is the stored key; takes the same time wherever they differ."""
        return hmac.compare_digest(self.secret_sha256, stored_sha256)


def new_api_key(mode: KeyMode, random_bytes: Callable[[int], bytes]) -> NewApiKey:
    """A new key of this mode."""
    prefix = f"cf_{mode}_{_random_text(ID_COUNT, random_bytes)}"
    before = f"{prefix}_{_random_text(SECRET_COUNT, random_bytes)}"
    key = before + _checksum(before)
    return NewApiKey(key, prefix, sha256(key.encode()).digest())


def read_api_key(text: str) -> PresentedKey | None:
    """The key that a text is, or None where it cannot be one: another form, or a typing error by its checksum."""
    form = _KEY.match(text)
    if form is None or not hmac.compare_digest(_checksum(text[:-CHECKSUM_COUNT]), text[-CHECKSUM_COUNT:]):
        return None
    return PresentedKey(form[1], sha256(text.encode()).digest())


def _random_text(count: int, random_bytes: Callable[[int], bytes]) -> str:
    """So many characters of the alphabet, each equally likely: bytes from 248 on are drawn again."""
    fair = 256 - 256 % len(ALPHABET)
    found = ""
    while len(found) < count:
        found += "".join(ALPHABET[byte % len(ALPHABET)] for byte in random_bytes(count - len(found)) if byte < fair)
    return found


def _checksum(text: str) -> str:
    rest = zlib.crc32(text.encode("ascii"))
    digits = ""
    for _ in range(CHECKSUM_COUNT):  # 62^6 > 2^32
        rest, digit = divmod(rest, len(ALPHABET))
        digits = ALPHABET[digit] + digits
    return digits
