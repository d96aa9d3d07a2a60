"""Clocks and chance."""

from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from app.clock import FixedClock, SeededRandomness, SystemClock, SystemRandomness
from domain.errors import TimeError

AT = datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2)))


def test_system_clock_is_aware() -> None:
    """The machine's clock gives UTC, and its other hand never goes back."""
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_fixed_clock_moves_when_told() -> None:
    """A fixed clock stands still, in UTC, until it is advanced; both hands move together."""
    clock = FixedClock(AT)
    assert clock.now() == clock.now() == datetime(2026, 3, 1, 10, tzinfo=UTC)
    clock.advance(1.5)
    assert (clock.now() - AT, clock.monotonic_s()) == (timedelta(seconds=1.5), 1.5)


def test_fixed_clock_never_goes_back() -> None:
    """A negative step is refused."""
    with pytest.raises(TimeError, match="only moves forward; expected 0 seconds or more; got -1"):
        FixedClock(AT).advance(-1)


def test_naive_clock_is_refused() -> None:
    """A clock cannot be set to a naive time."""
    with pytest.raises(TimeError, match="needs an aware instant"):
        FixedClock(datetime(2026, 3, 1))  # noqa: DTZ001 - that is the point


def test_system_randomness_differs() -> None:
    """Tokens have 256 bits, ids are UUIDs of version 4, and neither repeats."""
    chance = SystemRandomness()
    assert len({chance.token() for _ in range(100)}) == 100
    assert len(chance.token()) == 43
    assert UUID(chance.id()).version == 4
    assert len(chance.bytes(7)) == 7


def test_seeded_randomness_repeats() -> None:
    """The same seed gives the same sequence; another seed another one; one sequence never repeats itself."""
    one, two, other = SeededRandomness("s"), SeededRandomness("s"), SeededRandomness("t")
    assert [one.token(), one.id(), one.bytes(40)] == [two.token(), two.id(), two.bytes(40)]
    assert other.token() != SeededRandomness("s").token()
    assert one.bytes(32) != one.bytes(32)
    assert len(one.token()) == 43
