"""Joins the objects of a scanned feed: which readings are of which meter, in which unit and direction."""

import re
from array import array
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from connectors.green_button.blocks import Block
from connectors.green_button.codes import (
    ADDITIVE_ACCUMULATIONS,
    DIRECTION_OF_FLOW,
    KIND_OF_COMMODITY,
    KIND_OF_SERVICE,
    NAME_OF_ACCUMULATION,
    NAME_OF_COMMODITY,
    NAME_OF_FLOW,
    NAME_OF_QUALIFIER,
    NAME_OF_UOM,
    UNIT_OF_UOM,
)
from connectors.green_button.columns import NO_QUALITY, Columns, is_possible_time, refuse_time
from connectors.green_button.join import Joined, Source, Thing
from connectors.green_button.scan import Feed
from domain.activity import KINDS, Direction
from domain.errors import DocumentError
from domain.number import INT64_MAX
from domain.series import IntervalSeries, LocalTime, MeterDocument
from domain.units import CANONICAL_UNIT, MICRO_PER_UNIT, UNITS

_INTEGER = re.compile(r"[+-]?[0-9]{1,9}\Z")
_RULE = re.compile(r"[0-9A-Fa-f]{1,8}\Z")
_MAX_OFFSET_S = 86_400

_MAX_POWER_OF_TEN = 12
"""Largest powerOfTenMultiplier of the schema (UnitMultiplierKind: 10^12)."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What a ReadingType says, in our words.

    Attributes:
        kind: Kind of activity.
        direction: Which way it flows.
        unit: Canonical unit of the dimension.
        micro_per_value: Millionths of `unit` in one raw value, exact.
        source_unit: Our symbol of the feed's unit.
        interval_length_s: Default length of its readings, seconds; 0 where it names none.
        default_quality: Quality of readings without one, or `NO_QUALITY`.
    """

    kind: str
    direction: Direction
    unit: str
    micro_per_value: Fraction
    source_unit: str
    interval_length_s: int
    default_quality: int


def assemble(feed: Feed) -> MeterDocument:
    """The series of a scanned feed, and what was left out.

    Args:
        feed: The scanned document.

    Returns:
        Series in an order that does not depend on the order of the feed's entries; readings in the order of the document.
    """
    joined = Joined(feed)
    series: list[IntervalSeries] = []
    for source, blocks in joined.blocks_by_source().items():
        try:
            series.append(_series(feed, joined, source, blocks))
        except DocumentError as error:
            feed.refusals.errors.append(error)
    series = [one for one in series if one.values]
    series.sort(key=lambda one: (one.usage_point, one.kind, one.direction.value, one.series_key, one.starts_s[0]))
    if not feed.blocks:
        feed.refusals.errors.append(_no_readings(feed, joined))
    return MeterDocument(tuple(series), feed.refusals.all(), _local_times(joined), feed.title)


def _no_readings(feed: Feed, joined: Joined) -> DocumentError:
    """What to say about a document that is Green Button and has nothing to count."""
    counts = joined.counts() | dict(sorted(feed.others.items())[:10])
    if feed.blocks_count:
        counts["IntervalBlock without readings"] = feed.blocks_count
    return DocumentError(
        "This document holds no interval readings",
        expected="IntervalBlock with IntervalReading",
        got=", ".join(f"{count} {name}" for name, count in counts.items()) or "an empty feed",
        next_step="Nothing was read. Upload the download that contains the usage itself.",
    )


def _series(feed: Feed, joined: Joined, source: Source, blocks: list[Block]) -> IntervalSeries:
    """One series, or the reason why it is none."""
    name = joined.series_name(source)
    readings_count = sum(block.end_row - block.first_row for block in blocks)
    measure = measure_of(source.reading_type, source.point, record=f"series {name} ({readings_count} readings)")
    decimals_count = max(block.decimals_count for block in blocks)
    columns = _columns(feed, blocks, decimals_count, measure.interval_length_s)
    fill_durations(columns, measure.interval_length_s)
    return IntervalSeries(
        usage_point=joined.point_name(source),
        series_key=name,
        kind=measure.kind,
        direction=measure.direction,
        unit=measure.unit,
        micro_per_value=measure.micro_per_value / 10**decimals_count,
        starts_s=columns.starts_s,
        durations_s=columns.durations_s,
        values=columns.values,
        qualities=_qualities(columns, measure.default_quality),
        is_additive=True,
        source_unit=measure.source_unit,
        updated_at_s=feed.updated_at_s or max(feed.entries[block.entry_index].updated_at_s for block in blocks),
    )


def _qualities(columns: Columns, default_quality: int) -> "array[int]":
    """Quality of each reading, the type's default where it has none; empty where there is none at all."""
    if default_quality != NO_QUALITY:
        return array("q", [default_quality if code == NO_QUALITY else code for code in columns.qualities])
    return columns.qualities if any(code != NO_QUALITY for code in columns.qualities) else array("q")


def _columns(feed: Feed, blocks: list[Block], decimals_count: int, interval_length_s: int) -> Columns:
    """The rows of these blocks, all scaled alike, with a time each."""
    columns = Columns()
    for block in blocks:
        if block.decimals_count == decimals_count and not block.untimed:
            columns.extend(feed.columns, block.first_row, block.end_row)
        else:
            _extend_row_by_row(columns, feed, block, 10 ** (decimals_count - block.decimals_count), interval_length_s)
    return columns


def _extend_row_by_row(columns: Columns, feed: Feed, block: Block, factor: int, interval_length_s: int) -> None:
    """Add a block's rows: values times `factor`, times of readings without timePeriod from their position in the block."""
    ordinals = {one.row_index: one.ordinal_index for one in block.untimed}
    rows = feed.columns
    for row in range(block.first_row, block.end_row):
        start_s, duration_s, value = rows.starts_s[row], rows.durations_s[row], rows.values[row] * factor
        where = f"{block.record}, reading {row - block.first_row + 1}"
        if row in ordinals:
            if block.interval_start_s is None or not interval_length_s:
                feed.refusals.reading(
                    "This reading has no time", expected="a timePeriod, or an intervalLength", got="neither", record=where
                )
                continue
            start_s, duration_s = block.interval_start_s + ordinals[row] * interval_length_s, interval_length_s
        if not is_possible_time(start_s, duration_s):
            refuse_time(feed.refusals, start_s, duration_s, where)
        elif abs(value) > INT64_MAX:
            feed.refusals.reading("This value does not fit into 64 bits", expected="less than 9.2e18", got=value, record=where)
        else:
            columns.append(start_s, duration_s, value, rows.qualities[row])


def fill_durations(columns: Columns, interval_length_s: int) -> None:
    """Give readings of duration 0 the length that the ReadingType names, where that is what they mean.

    Some feeds write 0 for "as the ReadingType says". Others write a reading of 0 s beside one of 7200 s in the night when the
    clock goes back: two hours of 24 slots, and nothing but an amount in the first. So 0 becomes the default length where all
    durations are 0, or where that time is free; where another reading covers part of it, 0 stays. Amounts never change.

    Args:
        columns: The rows; their durations are changed in place.
        interval_length_s: ReadingType.intervalLength, seconds; 0 where it has none.
    """
    if not interval_length_s or 0 not in columns.durations_s:
        return
    spans = sorted((s, s + d) for s, d in zip(columns.starts_s, columns.durations_s, strict=True) if d)
    starts = [start for start, _ in spans]
    latest_ends = list(accumulate((end for _, end in spans), max))
    for row, duration_s in enumerate(columns.durations_s):
        start_s = columns.starts_s[row]
        before = bisect_left(starts, start_s + interval_length_s)  # spans that begin before this one would end
        is_free = not before or latest_ends[before - 1] <= start_s
        if not duration_s and is_free and is_possible_time(start_s, interval_length_s):
            columns.durations_s[row] = interval_length_s


def measure_of(reading_type: Thing | None, point: Thing | None, *, record: str) -> Measure:
    """What the values of a ReadingType are, in our words.

    Args:
        reading_type: The ReadingType, if one was found.
        point: The UsagePoint, if one was found; names the commodity where the type does not.
        record: The series, for messages.

    Returns:
        Kind, direction and exact unit.

    Raises:
        DocumentError: They are no amounts of a commodity that we account for, or the type does not say what they are.
    """
    if reading_type is None or reading_type.has_contradiction:
        raise DocumentError(
            "The unit of these readings is not known",
            expected="one ReadingType that belongs to them",
            got="two different ones under one address" if reading_type else "none",
            record=record,
            next_step="No unit was assumed. Upload the file that holds ReadingType and readings together.",
        )
    texts = reading_type.texts
    unit, source_unit, micro = _unit(texts, record)
    kind = _kind(texts, point, record)
    dimension = UNITS[source_unit].dimension
    if dimension not in KINDS[kind].dimensions:
        raise DocumentError(
            f"{kind} cannot be measured in {source_unit}",
            expected=" or ".join(str(one) for one in KINDS[kind].dimensions),
            got=f"{dimension} ({source_unit})",
            record=record,
            next_step="Ask the utility what these readings are.",
        )
    if source_unit in KINDS[kind].refused_units:
        raise DocumentError(
            f"{kind} cannot be counted in {source_unit}",
            expected=f"one of {', '.join(KINDS[kind].unit_symbols())}",
            got=source_unit,
            record=record,
            next_step=KINDS[kind].refused_units[source_unit],
        )
    _check_amounts(texts, record)
    return Measure(
        kind=kind,
        direction=_direction(texts, record),
        unit=unit,
        micro_per_value=micro,
        source_unit=source_unit,
        interval_length_s=max(0, _code(texts, "intervalLength", record) or 0),
        default_quality=NO_QUALITY if (quality := _code(texts, "defaultQuality", record)) is None else quality,
    )


def _code(texts: Mapping[str, str], name: str, record: str) -> int | None:
    # The integer at this element; None where it is absent or empty.
    text = texts.get(name)
    if text is None:
        return None
    if not _INTEGER.match(text):
        raise DocumentError(f"{name} is not an integer", expected="an integer code of ESPI", got=text, record=record)
    return int(text)


def _refused(what: str, code: int, name: str, expected: str, record: str) -> DocumentError:
    return DocumentError(
        f"{what} cannot be counted: {name}",
        expected=expected,
        got=f"{what} {code} ({name})",
        record=record,
        next_step="This series was left out; the others stand.",
    )


def _unit(texts: Mapping[str, str], record: str) -> tuple[str, str, Fraction]:
    # Canonical unit, the feed's unit, and millionths of the canonical one in one raw value.
    code = _code(texts, "uom", record)
    if code is None:
        raise DocumentError(
            "The unit of these readings is not known",
            expected="a ReadingType with uom",
            got="a ReadingType without uom",
            record=record,
            next_step="No unit was assumed. Ask the utility for a file that names it.",
        )
    source_unit = UNIT_OF_UOM.get(code)
    if source_unit is None:
        expected = ", ".join(f"{known} {symbol}" for known, symbol in UNIT_OF_UOM.items())
        raise _refused("uom", code, NAME_OF_UOM.get(code, "unknown unit"), f"an amount: {expected}", record)
    power = _code(texts, "powerOfTenMultiplier", record) or 0
    if abs(power) > _MAX_POWER_OF_TEN:
        raise DocumentError("powerOfTenMultiplier is impossible", expected="-12 to 12", got=power, record=record)
    unit = UNITS[source_unit]
    micro = unit.canonical_per_unit * Fraction(10) ** power * MICRO_PER_UNIT
    return CANONICAL_UNIT[unit.dimension], source_unit, micro


def _kind(texts: Mapping[str, str], point: Thing | None, record: str) -> str:
    # Kind of activity: the type's commodity, else the usage point's service.
    commodity = _code(texts, "commodity", record)
    if commodity:
        kind = KIND_OF_COMMODITY.get(commodity)
        if kind is None:
            name = NAME_OF_COMMODITY.get(commodity, "unknown commodity")
            raise _refused("commodity", commodity, name, "electricity, natural gas, propane, water or steam", record)
        return kind
    service = _code(point.texts, "ServiceCategory/kind", record) if point else None
    if service is None:
        raise DocumentError(
            "The commodity of these readings is not known",
            expected="ReadingType with commodity, or UsagePoint with ServiceCategory",
            got="neither",
            record=record,
            next_step="Upload the file that holds the UsagePoint too.",
        )
    kind = KIND_OF_SERVICE.get(service)
    if kind is None:
        raise _refused("ServiceCategory", service, "another service", "0 electricity, 1 gas or 2 water", record)
    return kind


def _direction(texts: Mapping[str, str], record: str) -> Direction:
    code = _code(texts, "flowDirection", record) or 0
    direction = DIRECTION_OF_FLOW.get(code)
    if direction is None:
        name = NAME_OF_FLOW.get(code, "unknown direction")
        raise _refused("flowDirection", code, name, "1 delivered, 19 reverse, 4 net or 20 total", record)
    return direction


def _check_amounts(texts: Mapping[str, str], record: str) -> None:
    # Refuse values that are states of a register, or averages and extremes.
    accumulation = _code(texts, "accumulationBehaviour", record) or 0
    if accumulation not in ADDITIVE_ACCUMULATIONS:
        name = NAME_OF_ACCUMULATION.get(accumulation, "unknown accumulation")
        raise _refused("accumulationBehaviour", accumulation, name, "4 (amounts per interval)", record)
    qualifier = _code(texts, "dataQualifier", record) or 0
    if qualifier in NAME_OF_QUALIFIER:
        raise _refused("dataQualifier", qualifier, NAME_OF_QUALIFIER[qualifier], "12 (normal)", record)


def _local_times(joined: Joined) -> dict[str, LocalTime]:
    """Clock of each usage point that links to one; under the empty name the only clock of the document."""
    found = {name: clock for name, thing in joined.clocks() if (clock := _local_time(thing)) is not None}
    clocks = {clock for thing in joined.local_times if (clock := _local_time(thing)) is not None}
    if len(clocks) == 1:
        found[""] = clocks.pop()
    return found


def _local_time(thing: Thing) -> LocalTime | None:
    """The clock, or None where it names no offset or an impossible one."""
    offset, dst_offset = thing.texts.get("tzOffset", ""), thing.texts.get("dstOffset", "0")
    if not (_INTEGER.match(offset) and _INTEGER.match(dst_offset)) or max(abs(int(offset)), abs(int(dst_offset))) > _MAX_OFFSET_S:
        return None
    rules = (thing.texts.get(name, "") for name in ("dstStartRule", "dstEndRule"))
    return LocalTime(int(offset), int(dst_offset), *(rule if _RULE.match(rule) else "" for rule in rules))
