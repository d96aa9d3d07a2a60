"""Time and chance as values that are handed in.

Nothing else in `app` asks the machine for the time or for random bytes: whoever needs them takes a `Clock` or a `Randomness`.
"""

import secrets
import time
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Protocol
from uuid import UUID

from domain.errors import TimeError


class Clock(Protocol):
    """Tells the time.

    Contract: `now` is aware and in UTC and may step (the machine's clock is corrected); `monotonic_s` never goes back and
    means nothing by itself. Both may be called from any thread.
    """

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since some fixed moment of this process, for measuring durations."""
        ...


class Randomness(Protocol):
    """Gives chance.

    Contract: `bytes` and `token` cannot be guessed; `id` is unique but may tell the time. Any thread may call.
    """

    def bytes(self, size: int) -> bytes:
        """As many random bytes as `size` says."""
        ...

    def token(self) -> str:
        """A secret of 256 bits, 43 characters of the URL-safe base64 alphabet."""
        ...

    def id(self) -> str:
        """A new identifier: a UUID in its usual 36 characters."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds on the machine's monotonic clock."""
        return time.monotonic()


class SystemRandomness:
    """The operating system's random numbers."""

    def bytes(self, size: int) -> bytes:
        """As many random bytes as `size` says."""
        return secrets.token_bytes(size)

    def token(self) -> str:
        """A secret of 256 bits, 43 characters of the URL-safe base64 alphabet."""
        return secrets.token_urlsafe(32)

    def id(self) -> str:
        """A random UUID (RFC 9562, version 4)."""
        return uuid_text(secrets.token_bytes(16))


class FixedClock:
    """A clock that stands still until it is moved: for tests and for reproducing a run.

    Args:
        at: The instant it shows, aware.

    Raises:
        TimeError: The instant is naive.
    """

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise TimeError("A clock needs an aware instant", expected="a datetime with its zone", got=at.isoformat())
        self._at = at.astimezone(UTC)
        self._elapsed_s = 0.0

    def now(self) -> datetime:
        """The instant it was set to, plus what it was advanced by."""
        return self._at + timedelta(seconds=self._elapsed_s)

    def monotonic_s(self) -> float:
        """Seconds that it was advanced by."""
        return self._elapsed_s

    def advance(self, seconds: float) -> None:
        """Move forward.

        Args:
            seconds: Seconds to move by, >= 0.

        Raises:
            TimeError: The step is negative; a monotonic clock never goes back.
        """
        if seconds < 0:
            raise TimeError("A clock only moves forward", expected="0 seconds or more", got=str(seconds))
        self._elapsed_s += seconds


class SeededRandomness:
    """Chance that repeats: anyone who knows the seed knows every secret. For tests and the demo's data, never for keys.

    Args:
        seed: Any text; the same seed gives the same sequence.
    """

    def __init__(self, seed: str) -> None:
        self._seed = seed.encode()
        self._drawn_count = 0

    def bytes(self, size: int) -> bytes:
        """The next `size` bytes of the seed's sequence: SHA-256 in counter mode."""
        found = b""
        while len(found) < size:
            found += sha256(self._seed + self._drawn_count.to_bytes(8, "big")).digest()
            self._drawn_count += 1
        return found[:size]

    def token(self) -> str:
        """The next 43-character token."""
        return self.bytes(32).hex()[:43]

    def id(self) -> str:
        """The next identifier, formed as a UUID."""
        return uuid_text(self.bytes(16))


def uuid_text(seed: bytes) -> str:
    """The UUID (RFC 9562, version 4) of 16 bytes, 36 characters."""
    return str(UUID(bytes=seed, version=4))
