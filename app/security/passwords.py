"""Passwords: argon2id, two at a time, and as slow for an unknown login as for a wrong password."""

import threading
import unicodedata
from collections.abc import Callable

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from domain.errors import InputError

SHORTEST_COUNT = 8
"""Characters; NIST SP 800-63B-4 section 3.1.1.2 and OWASP ASVS 5.0 6.2.1."""

LONGEST_COUNT = 256
"""Characters: enough for any passphrase, and no work for a flood."""

_MEMORY_KIB = 19_456  # 19 MiB, 2 passes, 1 lane: OWASP password storage cheat sheet, argon2id
_PASSES_COUNT = 2
_LANES_COUNT = 1
_SALT_SIZE_BYTES = 16
_AT_ONCE_COUNT = 2

# Verified against where no account has the login: same cost, and never right (its salt and digest are of nothing).
_NOBODYS_HASH = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"


class Passwords:
    """Hashes and verifies passwords; at most two at a time, so that a burst of sign-ins costs 38 MiB and not the machine.

    Args:
        random_bytes: Gives salts.
    """

    def __init__(self, random_bytes: Callable[[int], bytes]) -> None:
        self._random_bytes = random_bytes
        self._slots = threading.BoundedSemaphore(_AT_ONCE_COUNT)
        self._hasher = PasswordHasher(
            time_cost=_PASSES_COUNT, memory_cost=_MEMORY_KIB, parallelism=_LANES_COUNT, salt_len=_SALT_SIZE_BYTES, type=Type.ID
        )

    def hash(self, password: str) -> str:
        """The hash to store.

        Args:
            password: As the person typed it.

        Returns:
            argon2id in its usual text form, with salt and parameters.

        Raises:
            InputError: It is too short or too long; the message does not repeat it.
        """
        if not SHORTEST_COUNT <= len(password) <= LONGEST_COUNT:
            raise InputError(
                "This password cannot be used",
                expected=f"{SHORTEST_COUNT} to {LONGEST_COUNT} characters",
                got=f"{len(password)} characters",
                record="password",
                next_step="Choose a longer one; a sentence is good.",
            )
        with self._slots:
            return self._hasher.hash(_normal(password), salt=self._random_bytes(_SALT_SIZE_BYTES))

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Whether the password is the hash's.

        Args:
            password_hash: As stored; None where nobody has the login, which takes as long and is never right.
            password: As the person typed it.

        Returns:
            True where it fits.
        """
        given = _normal(password[: LONGEST_COUNT + 1])
        with self._slots:
            try:
                self._hasher.verify(password_hash or _NOBODYS_HASH, given)
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None and len(password) <= LONGEST_COUNT

    def must_rehash(self, password_hash: str) -> bool:
        """Whether the hash was made with other parameters than today's: hash again after the next sign-in."""
        return self._hasher.check_needs_rehash(password_hash)


def _normal(password: str) -> bytes:
    """The same bytes for the same characters however a keyboard composes them (NIST SP 800-63B-4: NFKC)."""
    return unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
