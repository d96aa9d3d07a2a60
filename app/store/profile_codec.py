r"""Interval values of one local day in few bytes.

Layout, version 1 (all numbers are LEB128 variable-length integers; signed ones in zigzag form; ESPI days of hourly Wh readings
take about 2 bytes a reading):

    byte 0      0x01 regular: every interval is as long as the next begins after it
                  zigzag(first start), length, count, step, count × zigzag(value difference / step)
                0x02 triples: gaps, odd lengths, doubles, zero durations
                  count, step, count × [zigzag(start difference), zigzag(duration difference), zigzag(value difference / step)]

`step` is the greatest common divisor of all values, so that readings in whole watt-hours cost watt-hours, not micro-kWh.
Differences are to the interval before, the first one to zero. Values are any integer that the program holds; it keeps them in
int64.
"""

from collections.abc import Iterator
from math import gcd

from domain.activity import Profile
from domain.errors import CanonicalError

_REGULAR = 0x01
_TRIPLES = 0x02
_GOES_ON = 0x80
_SEVEN_BITS = 0x7F
MAX_INTERVALS_COUNT = 100_000
"""More intervals than that in one day (one second has 86,400) is damage."""


def encode(profile: Profile) -> bytes:
    """A profile in its packed form."""
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
        return bytes(out)
    out.append(_TRIPLES)
    _put(out, count)
    _put(out, step)
    columns = (_differences(profile.starts_s), _differences(profile.durations_s), _differences(profile.quantities_micro))
    for start_s, duration_s, value in zip(*columns, strict=True):
        _put(out, _zigzag(start_s))
        _put(out, _zigzag(duration_s))
        _put(out, _zigzag(value // step))
    return bytes(out)


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
        profile = read(numbers) if read and data[-1] < _GOES_ON else None
    except StopIteration:
        profile = None
    if profile is None or next(numbers, None) is not None:
        raise CanonicalError(
            "A stored profile is damaged", expected="a packed profile of version 1", got=data[:16].hex(), record="activity"
        )
    return profile


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
