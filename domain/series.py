"""What a meter document says: series of interval readings, column-wise, before any local day is known."""

from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from domain.activity import Direction
from domain.errors import DocumentError


@dataclass(frozen=True, slots=True)
class LocalTime:
    """Clock of the meter as the feed describes it (ESPI LocalTimeParameters).

    Attributes:
        offset_s: Standard offset from UTC, seconds; -18000 is US Eastern.
        dst_offset_s: Added in summer, seconds; 0 without daylight saving.
        dst_start_rule: Rule as hexadecimal text, or empty.
        dst_end_rule: Rule as hexadecimal text, or empty.
    """

    offset_s: int
    dst_offset_s: int
    dst_start_rule: str = ""
    dst_end_rule: str = ""


@dataclass(frozen=True, slots=True)
class IntervalSeries:
    """Readings of one usage point, commodity and direction, in the order of the document.

    Attributes:
        usage_point: The provider's name of the meter point; empty where the feed has none.
        series_key: Names the series inside its document (the MeterReading's link, or a position).
        kind: Kind of activity for what is delivered: "electricity", "natural_gas", "water", ...
        direction: Which way it flowed.
        unit: The canonical unit of the measured dimension.
        micro_per_value: Millionths of `unit` in one raw value, exact.
        starts_s: Begin of each interval, seconds since 1970-01-01T00:00:00Z.
        durations_s: Length of each, seconds; 0 is legal.
        values: Raw integer values as the document has them.
        qualities: ESPI QualityOfReading of each, or -1 where it has none; empty where no reading has one.
        is_additive: Whether its values are amounts per interval (ESPI accumulation 4); a register's are not summed.
        source_unit: The unit as the feed names it, for the record.
        updated_at_s: The feed's own time of its last change, seconds since 1970, or 0.
        is_bill: Whether its values are amounts of bills and not of meters: below zero they are refunds, never export.
    """

    usage_point: str
    series_key: str
    kind: str
    direction: Direction
    unit: str
    micro_per_value: Fraction
    starts_s: "array[int]"
    durations_s: "array[int]"
    values: "array[int]"
    qualities: "array[int]"
    is_additive: bool
    source_unit: str
    updated_at_s: int = 0
    is_bill: bool = False

    def total(self) -> Fraction:
        """Sum of its readings in the canonical unit, exact."""
        return sum(self.values) * self.micro_per_value / 1_000_000


@dataclass(frozen=True, slots=True)
class MeterDocument:
    """One parsed document.

    Attributes:
        series: What was read.
        refused: What was not, each with its reason; the rest of the document stands.
        local_times: Clock of each usage point by its name; the empty name is the document's own.
        title: The feed's title, for people.
    """

    series: tuple[IntervalSeries, ...]
    refused: tuple[DocumentError, ...] = ()
    local_times: Mapping[str, LocalTime] = field(default_factory=dict)
    title: str = ""
