"""Packed profiles come back as they were, in few bytes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.store import profile_codec
from domain.activity import Profile
from domain.errors import CanonicalError
from domain.number import INT64_MAX

AMOUNT = st.integers(-INT64_MAX - 1, INT64_MAX)
SECOND = st.integers(-86_400, 200_000)


@given(st.lists(st.tuples(SECOND, st.integers(0, 90_000), AMOUNT)))
def test_any_profile_comes_back(intervals: list[tuple[int, int, int]]) -> None:
    """Gaps, doubles, zero durations and negative values survive packing."""
    profile = Profile(*(tuple(column) for column in zip(*intervals, strict=True))) if intervals else Profile((), (), ())
    assert profile_codec.decode(profile_codec.encode(profile)) == profile


@given(SECOND, st.integers(1, 90_000), st.lists(AMOUNT, min_size=1, max_size=100))
def test_regular_profile_comes_back(first_s: int, length_s: int, values: list[int]) -> None:
    """A regular profile survives packing, whatever its interval."""
    starts = tuple(first_s + i * length_s for i in range(len(values)))
    profile = Profile(starts, (length_s,) * len(values), tuple(values))
    packed = profile_codec.encode(profile)
    assert packed[0] == 0x01
    assert profile_codec.decode(packed) == profile


@given(st.binary(max_size=40))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """Bytes that we did not write are a profile or a CanonicalError, nothing else."""
    try:
        profile = profile_codec.decode(data)
    except CanonicalError:
        return
    assert len(profile.starts_s) == len(profile.durations_s) == len(profile.quantities_micro)


def hourly(quantities_micro: tuple[int, ...]) -> Profile:
    """A day of hours."""
    return Profile(tuple(range(0, 86_400, 3600)), (3600,) * 24, quantities_micro)


def test_hourly_reading_takes_few_bytes() -> None:
    """A day of hourly readings in watt-hours takes at most 3 bytes a reading."""
    chance = random.Random(7)  # noqa: S311 - not a secret
    day = hourly(tuple(chance.randrange(50, 6000) * 1000 for _ in range(24)))
    assert len(profile_codec.encode(day)) <= 24 * 3


def test_finest_reading_takes_at_most_seven_bytes() -> None:
    """Even readings with all six decimals of a kWh stay under 7 bytes a reading."""
    chance = random.Random(7)  # noqa: S311 - not a secret
    day = hourly(tuple(chance.randrange(1, 20_000_000) for _ in range(24)))
    assert len(profile_codec.encode(day)) <= 24 * 7


@pytest.mark.parametrize("cut", [0, 1, 2, 5])
def test_cut_profile_is_refused(cut: int) -> None:
    """A profile that ends early is refused by name."""
    packed = profile_codec.encode(hourly(tuple(range(0, 24_000_000, 1_000_000))))
    with pytest.raises(CanonicalError, match="A stored profile is damaged; expected a packed profile of version 1"):
        profile_codec.decode(packed[:cut])


def test_longer_profile_is_refused() -> None:
    """A profile with bytes after its end is refused."""
    packed = profile_codec.encode(hourly((1_000_000,) * 24))
    with pytest.raises(CanonicalError, match="damaged"):
        profile_codec.decode(packed + b"\x00")


def test_huge_count_is_refused_at_once() -> None:
    """A count of billions is refused before anything is made of it."""
    with pytest.raises(CanonicalError, match="expected at most 100000 intervals; got 4294967296"):
        profile_codec.decode(bytes([0x02, 0x80, 0x80, 0x80, 0x80, 0x10, 0x01]))


@given(st.lists(st.tuples(SECOND, st.integers(0, 90_000), AMOUNT, st.integers(0, 2**40), st.booleans()), min_size=1))
def test_feed_times_and_estimates_come_back(intervals: list[tuple[int, int, int, int, bool]]) -> None:
    """What decides which feed wins at the next import survives packing; nothing known is nothing kept."""
    starts, durations, quantities, times, flags = zip(*intervals, strict=True)
    profile = Profile(starts, durations, quantities, times, flags)
    kept = Profile(starts, durations, quantities, times if any(times) else (), flags if any(flags) else ())
    assert profile_codec.decode(profile_codec.encode(profile)) == kept


@given(st.lists(st.tuples(AMOUNT, st.integers(0, 2**40)), min_size=1, max_size=30))
def test_content_does_not_depend_on_feed_times(values: list[tuple[int, int]]) -> None:
    """The same values from a later feed are the same content."""
    quantities, times = zip(*values, strict=True)
    starts, durations = tuple(range(0, 3600 * len(values), 3600)), (3600,) * len(values)
    undated = profile_codec.encode_content(Profile(starts, durations, quantities))
    assert profile_codec.encode_content(Profile(starts, durations, quantities, times)) == undated


def test_estimates_are_content() -> None:
    """A reading that is estimated now says something else than a measured one."""
    measured, estimated = Profile((0,), (3600,), (1,)), Profile((0,), (3600,), (1,), (), (True,))
    assert profile_codec.encode_content(measured) != profile_codec.encode_content(estimated)


def test_one_feed_time_takes_at_most_eight_bytes() -> None:
    """A day from one feed costs a few bytes for its time, however many readings it has."""
    day = hourly((1_000_000,) * 24)
    dated = Profile(day.starts_s, day.durations_s, day.quantities_micro, (1_700_000_000,) * 24)
    assert len(profile_codec.encode(dated)) - len(profile_codec.encode(day)) <= 8


@pytest.mark.parametrize("trailer", ["0100", "010101", "0102190018", "030100", "0201", "02020102", "0101180002010a"])
def test_trailer_that_does_not_fit_is_refused(trailer: str) -> None:
    """Feed times or estimates for fewer or more readings than there are, or of an unknown kind, are damage."""
    packed = profile_codec.encode(hourly((1_000_000,) * 24))
    with pytest.raises(CanonicalError, match="damaged"):
        profile_codec.decode(packed + bytes.fromhex(trailer))
