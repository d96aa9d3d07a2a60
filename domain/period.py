"""Months, half-open periods and local days.

Instants are aware and kept in UTC. A month label is the local month at the place; a statement's period is a set of labels, so
time zones never cut a statement.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import total_ordering
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from domain.errors import PlaceError, TimeError

_MONTH_TEXT = re.compile(r"([12][0-9]{3})-(0[1-9]|1[0-2])\Z")
_INSTANT_TEXT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt]([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?"
    r"([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])\Z"
)
_AN_INSTANT = "an RFC 3339 time with offset, such as 2024-03-01T00:00:00Z"
_DATE_TEXT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")

EARLIEST_YEAR = 1990
"""Before this year no factor table that we know begins; earlier data is refused."""

LATEST_YEAR = 2199
"""After this year a time is a mistake, not data."""


@total_ordering
@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month as a label, `2024-03`.

    Attributes:
        year: 1000 to 2999.
        number: 1 to 12.
    """

    year: int
    number: int

    def __post_init__(self) -> None:
        """Refuse what no calendar has.

        Raises:
            TimeError: The number is not 1 to 12.
        """
        if self.number not in range(1, 13):
            raise TimeError(expected="a month from 1 to 12", got=str(self.number))

    @classmethod
    def from_text(cls, text: str, *, record: str = "") -> "Month":
        """The month that `2024-03` says.

        Args:
            text: Year, hyphen, two digits.
            record: Where it stands, for the message.

        Returns:
            The month.

        Raises:
            TimeError: The text is anything else.
        """
        found = _MONTH_TEXT.match(text)
        if not found:
            raise TimeError(expected="a month such as 2024-03", got=text, record=record)
        return cls(int(found[1]), int(found[2]))

    @classmethod
    def from_ym(cls, ym: int) -> "Month":
        """The month of the integer label 202403.

        Args:
            ym: Year x 100 + month.

        Returns:
            The month.

        Raises:
            TimeError: The last two digits are not 01 to 12.
        """
        return cls(ym // 100, ym % 100)

    @property
    def ym(self) -> int:
        """The integer label, year x 100 + month: 202403."""
        return self.year * 100 + self.number

    def to_text(self) -> str:
        """As `2024-03`."""
        return f"{self.year:04d}-{self.number:02d}"

    def plus(self, months_count: int) -> "Month":
        """The month so many months later; earlier where negative."""
        index = self.year * 12 + self.number - 1 + months_count
        return Month(index // 12, index % 12 + 1)

    def first_date(self) -> date:
        """Its first day."""
        return date(self.year, self.number, 1)

    def days_count(self) -> int:
        """How many days it has."""
        return (self.plus(1).first_date() - self.first_date()).days

    def __lt__(self, other: "Month") -> bool:
        """Earlier months come first."""
        return self.ym < other.ym

    def __str__(self) -> str:
        """As `2024-03`."""
        return self.to_text()


@dataclass(frozen=True, slots=True)
class MonthRange:
    """Month labels from `first` up to, not including, `end`.

    Invariant: `first < end`.
    """

    first: Month
    end: Month

    def __post_init__(self) -> None:
        """Refuse an empty range.

        Raises:
            TimeError: The end is not after the beginning.
        """
        if not self.first < self.end:
            raise TimeError("A period ends after it begins", expected=f"an end after {self.first}", got=str(self.end))

    @classmethod
    def of_month(cls, month: Month) -> "MonthRange":
        """The period of one month."""
        return cls(month, month.plus(1))

    @classmethod
    def from_text(cls, text: str) -> "MonthRange":
        """The period that `2024-03` (a month), `2024-Q1` (a quarter), `2024` (a year) or `2024-03..2024-06` (both in) says.

        Args:
            text: The period's text.

        Returns:
            The period.

        Raises:
            TimeError: The text is anything else.
        """
        if re.match(r"[12][0-9]{3}\Z", text):
            first = Month(int(text), 1)
            return cls(first, first.plus(12))
        quarter = re.match(r"([12][0-9]{3})-Q([1-4])\Z", text)
        if quarter:
            first = Month(int(quarter[1]), int(quarter[2]) * 3 - 2)
            return cls(first, first.plus(3))
        first_text, dots, last_text = text.partition("..")
        if not dots:
            return cls.of_month(Month.from_text(text))
        return cls(Month.from_text(first_text), Month.from_text(last_text).plus(1))

    def to_text(self) -> str:
        """As `from_text` reads it: a month, or first and last month."""
        last = self.end.plus(-1)
        return self.first.to_text() if last == self.first else f"{self.first}..{last}"

    def months(self) -> Iterator[Month]:
        """Its months, in order."""
        month = self.first
        while month < self.end:
            yield month
            month = month.plus(1)

    def holds(self, month: Month) -> bool:
        """Whether the month is in it."""
        return self.first <= month < self.end

    def __str__(self) -> str:
        """As `2024-03` or `2024-03..2024-06`."""
        return self.to_text()


@dataclass(frozen=True, slots=True)
class Period:
    """Half-open span of instants `[start, end)`, aware, in UTC.

    Invariant: both aware; `start < end`.
    """

    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        """Refuse naive instants and empty spans; take both to UTC, since Python subtracts times of one zone by the wall clock.

        Raises:
            TimeError: An instant has no zone, or the end is not after the beginning.
        """
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise TimeError("A time without zone", expected="an instant with its offset", got=f"{self.start} - {self.end}")
        object.__setattr__(self, "start", self.start.astimezone(UTC))
        object.__setattr__(self, "end", self.end.astimezone(UTC))
        if not self.start < self.end:
            raise TimeError("A period ends after it begins", expected=f"an end after {self.start}", got=str(self.end))


def instant_from_text(text: str, *, record: str = "") -> datetime:
    """The instant that an RFC 3339 text says, in UTC.

    Args:
        text: Such as 2024-03-01T00:00:00-05:00.
        record: Where it stands, for the message.

    Returns:
        An aware datetime in UTC.

    Raises:
        TimeError: No offset, no such day, or outside the years 1990-2199.
    """
    if not _INSTANT_TEXT.match(text):
        raise TimeError(expected=_AN_INSTANT, got=text, record=record)
    try:
        at = datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise TimeError(expected=_AN_INSTANT, got=text, record=record) from error
    return checked_instant(at, record=record)


def instant_to_text(at: datetime) -> str:
    """An instant as RFC 3339 in UTC, whole seconds where it has no fraction: 2024-03-01T05:00:00Z."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def instant_of_epoch_s(epoch_s: int) -> datetime:
    """The instant so many seconds after 1970-01-01T00:00:00Z."""
    return datetime.fromtimestamp(epoch_s, UTC)


def checked_instant(at: datetime, *, record: str = "") -> datetime:
    """The instant itself, if its year is one that a bill can have.

    Args:
        at: An aware instant.
        record: Where it stands, for the message.

    Returns:
        The same instant.

    Raises:
        TimeError: Before 1990 or after 2199.
    """
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise TimeError(expected=f"a year from {EARLIEST_YEAR} to {LATEST_YEAR}", got=str(at.year), record=record)
    return at


def date_from_text(text: str, *, record: str = "") -> date:
    """The day that `2024-03-01` says.

    Args:
        text: ISO 8601 calendar date.
        record: Where it stands, for the message.

    Returns:
        The day.

    Raises:
        TimeError: No such day, another form, or outside the years 1990-2199.
    """
    refusal = TimeError(expected="a day such as 2024-03-01", got=text, record=record)
    if not _DATE_TEXT.match(text):
        raise refusal
    try:
        day = date.fromisoformat(text)
    except ValueError as error:
        raise refusal from error
    if not EARLIEST_YEAR <= day.year <= LATEST_YEAR:
        raise TimeError(expected=f"a year from {EARLIEST_YEAR} to {LATEST_YEAR}", got=str(day.year), record=record)
    return day


_NO_PLACE = frozenset({"Factory", "localtime", "posixrules"})
"""Files beside the zones that say another thing on another machine."""


def zone_of(name: str, *, record: str = "") -> ZoneInfo:
    """The IANA time zone of this name.

    Args:
        name: Such as America/New_York.
        record: Where it stands, for the message.

    Returns:
        The zone.

    Raises:
        PlaceError: There is no such zone.
    """
    refusal = PlaceError("There is no such time zone", expected="an IANA name such as America/New_York", got=name, record=record)
    if name in _NO_PLACE or name.startswith(("right/", "posix/")):
        raise refusal
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise refusal from error


def local_midnight(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, at which a local day begins (the first one where a clock change makes midnight twice or never)."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def local_day(at: datetime, zone: ZoneInfo) -> date:
    """The local day of an instant."""
    return at.astimezone(zone).date()


def local_month(at: datetime, zone: ZoneInfo) -> Month:
    """The local month of an instant."""
    day = at.astimezone(zone).date()
    return Month(day.year, day.month)


def day_period(day: date, zone: ZoneInfo) -> Period:
    """The instants of one local day: 23, 24 or 25 hours.

    Args:
        day: The local day.
        zone: Time zone of the place.

    Returns:
        From its first instant to the next day's.

    Raises:
        TimeError: The zone skipped this day (Samoa 2011-12-30).
    """
    return Period(local_midnight(day, zone), local_midnight(day + timedelta(days=1), zone))
