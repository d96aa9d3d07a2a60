r"""Interval values of one local day in few bytes.

Layout, version 1 (all numbers are LEB128 variable-length integers; signed ones in zigzag form; ESPI days of hourly Wh readings
take about 2 bytes a reading):

    byte 0      0x01 regular: every interval is as long as the next begins after it
                  zigzag(first start), length, count, step, count × zigzag(value difference / step)
                0x02 triples: gaps, odd lengths, doubles, zero durations
                  count, step, count × [zigzag(start difference), zigzag(duration difference), zigzag(value difference / step)]
    then, where they are known, at most one of each in this order, both as runs of equal values (a day has one or two):
      0x01        feed times: runs, runs × [length, zigzag(time difference)]
      0x02        estimated readings: runs, runs × length; not estimated first, then in turn

`step` is the greatest common divisor of all values, so that readings in whole watt-hours cost watt-hours, not micro-kWh.
Differences are to the interval before, the first one to zero. Values are any integer that the program holds; it keeps them in
int64.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from math import gcd

from domain.activity import Profile
from domain.errors import CanonicalError

_REGULAR = 0x01
_TRIPLES = 0x02
_FEED_TIMES = 0x01
_ESTIMATED = 0x02
_GOES_ON = 0x80
_SEVEN_BITS = 0x7F
MAX_INTERVALS_COUNT = 100_000
"""More intervals than that in one day (one second has 86,400) is damage."""


def encode(profile: Profile) -> bytes:
    """A profile in its packed form."""
    out = _encode_values(profile)
    if any(profile.feed_times_s):
        runs = [(len(list(group)), time_s) for time_s, group in groupby(profile.feed_times_s)]
        _put(out, _FEED_TIMES)
        _put(out, len(runs))
        for (count, _), difference_s in zip(runs, _differences(tuple(time_s for _, time_s in runs)), strict=True):
            _put(out, count)
            _put(out, _zigzag(difference_s))
    _put_estimated(out, profile.is_estimated)
    return bytes(out)


def encode_content(profile: Profile) -> bytes:
    """What a profile says, packed, without feed times: the same values from a later feed are the same content."""
    out = _encode_values(profile)
    _put_estimated(out, profile.is_estimated)
    return bytes(out)


def _encode_values(profile: Profile) -> bytearray:
    step = gcd(*profile.quantities_micro) or 1
    out = bytearray()
    count = len(profile.starts_s)
    if _is_regular(profile):
        out.append(_REGULAR)
        _put(out, _zigzag(profile.starts_s[0]))
        _put(out, profile.durations_s[0])
        _put(out, count)
        _put(out, step)
        for value in _differences(profile.quantities_micro):
            _put(out, _zigzag(value // step))
        return out
    out.append(_TRIPLES)
    _put(out, count)
    _put(out, step)
    columns = (_differences(profile.starts_s), _differences(profile.durations_s), _differences(profile.quantities_micro))
    for start_s, duration_s, value in zip(*columns, strict=True):
        _put(out, _zigzag(start_s))
        _put(out, _zigzag(duration_s))
        _put(out, _zigzag(value // step))
    return out


def _put_estimated(out: bytearray, is_estimated: Sequence[bool]) -> None:
    """The flags as runs; nothing where no reading is estimated, or where what holds for the day holds for all."""
    if not any(is_estimated):
        return
    runs = [len(list(group)) for _, group in groupby(is_estimated)]
    lengths = [0, *runs] if is_estimated[0] else runs
    _put(out, _ESTIMATED)
    _put(out, len(lengths))
    for length in lengths:
        _put(out, length)


def decode(data: bytes) -> Profile:
    """The profile of a packed form.

    Args:
        data: As `encode` makes it.

    Returns:
        The profile: starts and durations in seconds, quantities in millionths of the activity's unit.

    Raises:
        CanonicalError: The bytes are cut off, go on after the end, or are of another version.
    """
    numbers = _numbers(data[1:])
    read = {_REGULAR: _decode_regular, _TRIPLES: _decode_triples}.get(data[0] if data else 0)
    try:
        profile = _with_trailers(read(numbers), numbers) if read and data[-1] < _GOES_ON else None
    except StopIteration:
        profile = None
    if profile is None:
        raise CanonicalError(
            "A stored profile is damaged", expected="a packed profile of version 1", got=data[:16].hex(), record="activity"
        )
    return profile


def _with_trailers(profile: Profile, numbers: Iterator[int]) -> Profile | None:
    """The profile with feed times and estimates, where they follow; None where what follows is neither."""
    count = len(profile.starts_s)
    tag = next(numbers, None)
    if tag == _FEED_TIMES:
        profile = replace(profile, feed_times_s=_feed_times(numbers, count))
        tag = next(numbers, None)
    if tag == _ESTIMATED:
        profile = replace(profile, is_estimated=_estimates(numbers, count))
        tag = next(numbers, None)
    is_whole = all(len(column) in {0, count} for column in (profile.feed_times_s, profile.is_estimated))
    return profile if tag is None and is_whole else None


def _feed_times(numbers: Iterator[int], count: int) -> tuple[int, ...]:
    """As many times as the runs say; one more than intervals where that is too many, so that it does not fit."""
    found: list[int] = []
    time_s = 0
    for _ in range(_count(next(numbers))):
        length = _count(next(numbers))
        time_s += _unzigzag(next(numbers))
        found += [time_s] * min(length, count + 1 - len(found))
    return tuple(found) or (0,) * (count + 1)


def _estimates(numbers: Iterator[int], count: int) -> tuple[bool, ...]:
    """As many flags as the runs say; one more than intervals where that is too many, so that it does not fit."""
    found: list[bool] = []
    for index in range(_count(next(numbers))):
        found += [index % 2 == 1] * min(_count(next(numbers)), count + 1 - len(found))
    return tuple(found) or (False,) * (count + 1)


def _is_regular(profile: Profile) -> bool:
    if not profile.starts_s:
        return False
    length_s = profile.durations_s[0]
    if length_s <= 0 or any(duration != length_s for duration in profile.durations_s):
        return False
    return all(after - before == length_s for before, after in zip(profile.starts_s, profile.starts_s[1:], strict=False))


def _decode_regular(numbers: Iterator[int]) -> Profile:
    first_s, length_s = _unzigzag(next(numbers)), next(numbers)
    count, step = _count(next(numbers)), next(numbers)
    quantities = []
    value = 0
    for _ in range(count):
        value += _unzigzag(next(numbers)) * step
        quantities.append(value)
    return Profile(tuple(first_s + i * length_s for i in range(count)), (length_s,) * count, tuple(quantities))


def _decode_triples(numbers: Iterator[int]) -> Profile:
    count, step = _count(next(numbers)), next(numbers)
    starts, durations, quantities = [], [], []
    start_s = duration_s = value = 0
    for _ in range(count):
        start_s += _unzigzag(next(numbers))
        duration_s += _unzigzag(next(numbers))
        value += _unzigzag(next(numbers)) * step
        starts.append(start_s)
        durations.append(duration_s)
        quantities.append(value)
    return Profile(tuple(starts), tuple(durations), tuple(quantities))


def _count(number: int) -> int:
    if number > MAX_INTERVALS_COUNT:
        raise CanonicalError(expected=f"at most {MAX_INTERVALS_COUNT} intervals", got=number, record="activity")
    return number


def _differences(values: tuple[int, ...]) -> Iterator[int]:
    before = 0
    for value in values:
        yield value - before
        before = value


def _zigzag(value: int) -> int:
    return value * 2 if value >= 0 else -value * 2 - 1


def _unzigzag(number: int) -> int:
    return number // 2 if number % 2 == 0 else -(number + 1) // 2


def _put(out: bytearray, number: int) -> None:
    while number >= _GOES_ON:
        out.append(number & _SEVEN_BITS | _GOES_ON)
        number >>= 7
    out.append(number)


def _numbers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & _SEVEN_BITS) << shift
        if byte < _GOES_ON:
            yield number
            number = shift = 0
        else:
            shift += 7
