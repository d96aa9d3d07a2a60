"""Interval readings as columns of integers, and the notes about those that were left out."""

from array import array
from dataclasses import dataclass, field

from domain.errors import DocumentError
from domain.period import EARLIEST_YEAR

EARLIEST_START_S = 631_152_000
"""1990-01-01T00:00:00Z, seconds since 1970."""

LATEST_END_S = 7_258_118_400
"""2200-01-01T00:00:00Z, seconds since 1970."""

NO_QUALITY = -1
"""Stands where a reading has no quality of its own."""

LISTED_READINGS_COUNT = 50
"""So many refused readings are listed one by one; the others only counted."""


@dataclass(slots=True)
class Columns:
    """Readings of a whole document, in its order, 32 bytes each.

    Attributes:
        starts_s: Begin, seconds since 1970-01-01T00:00:00Z.
        durations_s: Length, seconds, as the document says it; 0 where it says nothing.
        values: Raw values, times 10 to the block's `decimals_count`.
        qualities: QualityOfReading, or `NO_QUALITY`.
    """

    starts_s: "array[int]" = field(default_factory=lambda: array("q"))
    durations_s: "array[int]" = field(default_factory=lambda: array("q"))
    values: "array[int]" = field(default_factory=lambda: array("q"))
    qualities: "array[int]" = field(default_factory=lambda: array("q"))

    def __len__(self) -> int:
        """How many readings there are."""
        return len(self.starts_s)

    def append(self, start_s: int, duration_s: int, value: int, quality: int) -> None:
        """Add one reading.

        Args:
            start_s: Seconds since 1970.
            duration_s: Seconds.
            value: Raw value, in the series' unit.
            quality: QualityOfReading, or `NO_QUALITY`.
        """
        self.starts_s.append(start_s)
        self.durations_s.append(duration_s)
        self.values.append(value)
        self.qualities.append(quality)

    def truncate(self, size: int) -> None:
        """Keep the first `size` readings."""
        for column in (self.starts_s, self.durations_s, self.values, self.qualities):
            del column[size:]

    def extend(self, other: "Columns", first: int, end: int) -> None:
        """Add the readings `first` up to, not including, `end` of another."""
        self.starts_s.extend(other.starts_s[first:end])
        self.durations_s.extend(other.durations_s[first:end])
        self.values.extend(other.values[first:end])
        self.qualities.extend(other.qualities[first:end])


@dataclass(slots=True)
class Refusals:
    """What a document holds and we do not take, each with its reason; readings beyond a number are only counted.

    Attributes:
        errors: The reasons.
        readings_count: Refused readings, listed or not.
    """

    errors: list[DocumentError] = field(default_factory=list)
    readings_count: int = 0

    def reading(self, message: str, *, expected: str, got: object, record: str) -> None:
        """Note one reading that is left out while the rest stands.

        Args:
            message: What is wrong with it.
            expected: What would have been right.
            got: What the document says.
            record: Which one it is.
        """
        self.readings_count += 1
        if self.readings_count <= LISTED_READINGS_COUNT:
            self.errors.append(
                DocumentError(
                    message, expected=expected, got=got, record=record, next_step="This reading was left out; the others stand."
                )
            )

    def all(self) -> tuple[DocumentError, ...]:
        """Every reason, with one more for the readings that were not listed."""
        unlisted = self.readings_count - LISTED_READINGS_COUNT
        if unlisted <= 0:
            return tuple(self.errors)
        more = DocumentError(
            "More readings were left out than are listed here",
            got=f"{unlisted} more readings",
            next_step="Look at the first ones; the others are probably of the same kind.",
        )
        return (*self.errors, more)


def refuse_time(refusals: Refusals, start_s: int, duration_s: int, record: str) -> None:
    """Note a reading whose time no bill can have.

    Args:
        refusals: Where to note it.
        start_s: Its begin, seconds since 1970.
        duration_s: Its length, seconds.
        record: Which one it is.
    """
    refusals.reading(
        "This reading has an impossible time",
        expected=f"seconds since 1970 between the years {EARLIEST_YEAR} and 2199, and a duration of 0 or more",
        got=f"start {start_s}, duration {duration_s}",
        record=record,
    )


def is_possible_time(start_s: int, duration_s: int) -> bool:
    """Whether a reading lies in the years 1990 to 2199, both in seconds."""
    return start_s >= EARLIEST_START_S and duration_s >= 0 and start_s + duration_s <= LATEST_END_S
