"""Times as Google has written them: RFC 3339, with a space, as seconds, as milliseconds; with an offset or without."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import NamedTuple

from domain.errors import TimeError
from domain.period import EARLIEST_YEAR, LATEST_YEAR

_TEXT = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d{1,9})? ?(?:(Z)|([+-])(\d\d):?(\d\d))\Z", re.ASCII)
_EPOCH = re.compile(r"\d{9,10}(?:\d{3})?\Z", re.ASCII)
_SECONDS_SIZE = 10
_LONGEST_OFFSET_S = 18 * 3600
_FIRST_S = int(datetime(EARLIEST_YEAR, 1, 1, tzinfo=UTC).timestamp())
LAST_S = int(datetime(LATEST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp())


class Instant(NamedTuple):
    """A moment, and the clock of the place as far as the file says it.

    Attributes:
        epoch_s: Whole seconds since 1970.
        offset_s: Seconds that the local clock is ahead of UTC; None where the file says the moment in UTC only.
    """

    epoch_s: int
    offset_s: int | None

    def local_day(self, otherwise_s: int) -> date:
        """The day on the local clock.

        Args:
            otherwise_s: Seconds that the local clock is ahead of UTC, where the file does not say it.
        """
        offset_s = otherwise_s if self.offset_s is None else self.offset_s
        return (datetime.fromtimestamp(self.epoch_s, UTC) + timedelta(seconds=offset_s)).date()


def instant_of(value: object, *, offset_minutes: object = None) -> Instant:
    """The moment that a file says.

    Args:
        value: Text, or the number of seconds or milliseconds since 1970.
        offset_minutes: What stands beside it about the local clock; the text's own offset where it is left out.

    Returns:
        The moment, to the second below.

    Raises:
        TimeError: None of these, or outside the years 1990 to 2199.
    """
    text = str(value) if type(value) is int else value
    if not isinstance(text, str):
        raise TimeError("A trip has no time", expected="a time with an offset", got=type(value).__name__)
    epoch_s, offset_s = _epoch(text) if _EPOCH.match(text) else _read(text)
    if not _FIRST_S <= epoch_s < LAST_S:
        raise TimeError(expected=f"a year from {EARLIEST_YEAR} to {LATEST_YEAR}", got=text)
    if type(offset_minutes) is int and abs(offset_minutes) * 60 <= _LONGEST_OFFSET_S:
        offset_s = offset_minutes * 60
    return Instant(epoch_s, offset_s)


def _epoch(text: str) -> tuple[int, None]:
    return int(text) // (1 if len(text) <= _SECONDS_SIZE else 1000), None


def _read(text: str) -> tuple[int, int | None]:
    found = _TEXT.match(text)
    if found is None:
        raise TimeError(expected="a time with an offset, such as 2024-06-15T10:00:00+02:00", got=text)
    day, clock, is_utc, sign, hours, minutes = found.groups()
    try:
        epoch_s = int(datetime.fromisoformat(f"{day}T{clock}+00:00").timestamp())
    except ValueError as error:
        raise TimeError(expected="a day and time that exist", got=text) from error
    if is_utc:
        return epoch_s, None
    offset_s = (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1)
    if abs(offset_s) > _LONGEST_OFFSET_S:
        raise TimeError(expected="an offset of at most 18 hours", got=text)
    return epoch_s - offset_s, offset_s
