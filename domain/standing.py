"""What of a meter's readings stands: no instant of a meter and kind is counted twice, whatever its documents repeat.

Rules, for the records of one connector, per meter and kind:

- The same span (start, length, occurrence) again is a correction: the newer feed's stands, of equal feeds the later one.
- A span whose time the meter days cover wholly does not count: the days say more.
- Of the other spans that overlap each other, the newer feed's stands, of equal feeds the later one. Equal start and length
  with another occurrence are different readings of one document and stand together.
- Where days and a span that stands overlap, the span covers more of its time than they: the days that touch it do not count.

A meter whose negative readings count as export has its electricity in two kinds: of a day that has both, each fills the gaps of
the other where it is asked how much is covered.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from domain.meter_day import PAIRED_KINDS, DayReadings, MeterDayId, Span
from domain.period import instant_of_epoch_s, instant_to_text

_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Standing:
    """What counts.

    Attributes:
        days: The meter days that stand.
        spans: The spans that stand, by meter, kind, start and occurrence.
        notes: What does not, and why, in plain words.
    """

    days: frozenset[MeterDayId]
    spans: tuple[Span, ...]
    notes: tuple[str, ...]


def standing(days: Mapping[MeterDayId, DayReadings], spans: Sequence[Span]) -> Standing:
    """What of the records of one connector counts, so that nothing is counted twice.

    Args:
        days: Merged readings of every meter day.
        spans: The spans of every document, in the order in which the documents came.

    Returns:
        The days and spans that stand. Standing again changes nothing; the order matters only among equal feed times.
    """
    meters: dict[tuple[str, str], list[Span]] = {}
    for span in _corrected(spans):
        meters.setdefault((span.usage_point, span.kind), []).append(span)
    out: set[MeterDayId] = set()
    chosen: list[Span] = []
    notes: list[str] = []
    for (usage_point, kind), of_meter in sorted(meters.items()):
        grid = _Days(days, usage_point, kind)
        open_spans = [span for span in of_meter if not grid.covers(span)]
        stands = _newest(open_spans)
        hidden = {day for span in stands for day in grid.touching(span)}
        out |= hidden
        chosen += sorted(stands, key=_when)
        notes += _notes(sorted(of_meter, key=_when), {*open_spans}, {*stands}, hidden)
    return Standing(frozenset(days.keys() - out), tuple(chosen), tuple(notes))


def _when(span: Span) -> tuple[int, int, int]:
    return span.start_s, span.duration_s, span.occurrence_index


def _corrected(spans: Sequence[Span]) -> list[Span]:
    """Each span once, in the order of the documents that have the last word on it."""
    found: dict[str, Span] = {}
    for span in spans:
        known = found.get(span.record_key)
        if known is None or span.feed_time_s >= known.feed_time_s:
            found.pop(span.record_key, None)
            found[span.record_key] = span
    return list(found.values())


def _newest(spans: Sequence[Span]) -> list[Span]:
    """The spans that stand among themselves: from the newest on, whatever overlaps none that stands."""
    groups: dict[tuple[int, int], list[Span]] = {}
    rank: dict[tuple[int, int], tuple[int, int]] = {}
    for position, span in enumerate(spans):
        group = (span.start_s, span.start_s + span.duration_s)
        groups.setdefault(group, []).append(span)
        rank[group] = max(rank.get(group, (0, 0)), (span.feed_time_s, position))
    taken: list[tuple[int, int]] = []  # sorted, none overlaps another
    for start_s, end_s in sorted(groups, key=lambda group: rank[group], reverse=True):
        after = bisect_left(taken, (start_s, end_s))
        is_free = (after == 0 or taken[after - 1][1] <= start_s) and (after == len(taken) or taken[after][0] >= end_s)
        if is_free:
            insort(taken, (start_s, end_s))
    return [span for group in taken for span in groups[group]]


class _Days:
    """The meter days of one meter and kind as time. Invariant: every list is sorted by start."""

    def __init__(self, days: Mapping[MeterDayId, DayReadings], usage_point: str, kind: str) -> None:
        own = {day: readings for day, readings in days.items() if (day.usage_point, day.kind) == (usage_point, kind)}
        paired = PAIRED_KINDS.get(kind, "")
        times: list[tuple[int, int]] = []
        self._bounds: list[tuple[int, int, MeterDayId]] = []
        for day, readings in own.items():
            times += [(reading.start_s, reading.start_s + reading.duration_s) for reading in readings]
            other = days.get(MeterDayId(usage_point, paired, day.day), {}) if paired else {}
            times += [(reading.start_s, reading.start_s + reading.duration_s) for reading in other]
            ends_s = [reading.start_s + max(reading.duration_s, 1) for reading in readings]
            self._bounds.append((min(reading.start_s for reading in readings), max(ends_s), day))
        self._readings = own
        self._bounds.sort(key=lambda bound: bound[:2])
        self._longest_s = max((end_s - start_s for start_s, end_s, _ in self._bounds), default=0)
        self._covered = _joined(times)

    def covers(self, span: Span) -> bool:
        """Whether the days have readings of every instant of a span."""
        before = bisect_right(self._covered, (span.start_s, span.start_s + span.duration_s))
        near = self._covered[max(before - 1, 0) : before + 1]
        return any(start_s <= span.start_s and span.start_s + span.duration_s <= end_s for start_s, end_s in near)

    def touching(self, span: Span) -> list[MeterDayId]:
        """The days that have a reading with an instant of a span."""
        end_s = span.start_s + span.duration_s
        first = bisect_left(self._bounds, span.start_s - self._longest_s, key=lambda bound: bound[0])
        last = bisect_left(self._bounds, end_s, key=lambda bound: bound[0])
        return [
            day
            for _, _, day in self._bounds[first:last]
            if any(
                reading.start_s < end_s and span.start_s < reading.start_s + max(reading.duration_s, 1)
                for reading in self._readings[day]
            )
        ]


def _joined(times: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The union of stretches of time, sorted, neighbours joined."""
    found: list[tuple[int, int]] = []
    for start_s, end_s in sorted(times):
        if found and start_s <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end_s))
        elif end_s > start_s:
            found.append((start_s, end_s))
    return found


def _notes(
    known: Iterable[Span], open_spans: AbstractSet[Span], stands: AbstractSet[Span], hidden: Iterable[MeterDayId]
) -> list[str]:
    notes = []
    for span in known:
        if span not in open_spans:
            notes.append(f"{_named(span)} is not counted: its days have readings of their own")
        elif span not in stands:
            notes.append(f"{_named(span)} is not counted: a newer one has part of the same days")
    days = sorted(hidden, key=lambda day: day.day)
    if days:
        notes.append(
            f"{len(days)} days of {days[0].kind} of meter {days[0].usage_point or '(unnamed)'} between {days[0].day} and "
            f"{days[-1].day} are not counted: a reading over several days covers more of that time"
        )
    return notes


def _named(span: Span) -> str:
    days = round(span.duration_s / _DAY_S)
    return (
        f"the {span.kind} reading over {days} days from {instant_to_text(instant_of_epoch_s(span.start_s))} "
        f"of meter {span.usage_point or '(unnamed)'}"
    )
