"""What `climate-fitness parse` answers about a document: totals, span and refusals, as JSON; and its exit code."""

from fractions import Fraction
from typing import TypedDict

from connectors.local_clock import utc_offset_s
from domain.declared import ActivityDocument
from domain.errors import ClimateFitnessError
from domain.number import fraction_to_text
from domain.period import instant_of_epoch_s, instant_to_text
from domain.series import IntervalSeries, LocalTime, MeterDocument
from domain.units import MICRO_PER_UNIT

_DAY_S = 86_400
_UTC = LocalTime(0, 0)

EXIT_ALL_READ = 0
"""Exit code: everything in the document was read."""

EXIT_SOME_REFUSED = 1
"""Exit code: the document was read, and something of it was refused."""

EXIT_UNUSABLE = 2
"""Exit code: nothing can be done with the document; `parse` raised a DocumentError."""


class Total(TypedDict):
    """Sum of one kind and direction; of what no meter measured, the direction is empty."""

    kind: str
    direction: str
    unit: str
    amount: str


class Refusal(TypedDict):
    """One thing that was not read, and why."""

    code: str
    message: str
    record: str


class Summary(TypedDict):
    """The answer; keys as in design, section 6."""

    activities: int
    readings: int
    totals: list[Total]
    first_start: str | None
    last_end: str | None
    refused: list[Refusal]


def summary_json(document: MeterDocument | ActivityDocument) -> Summary:
    """The answer about a parsed document, ready for `json.dumps`.

    Args:
        document: The parsed document.

    Returns:
        `activities`: meter-days, that is distinct (usage point, kind, direction, local day of a reading's start); days are those
        of the feed's own clock, else of UTC, because a file alone does not know its place. `readings`: readings taken.
        `totals`: exact decimal text in the canonical unit, by kind, direction and unit; "net" and "total" are views of the same
        meter and stand by themselves. `first_start`, `last_end`: RFC 3339 in UTC. `refused`: one object per reason. Of a
        document that declares activities, every activity is one reading, and its days are days of UTC.
    """
    if isinstance(document, ActivityDocument):
        return _summary_of_activities(document)
    series = [one for one in document.series if one.is_additive and one.values]
    return {
        "activities": len({day for one in series for day in _meter_days(one, _clock(document, one))}),
        "readings": sum(len(one.values) for one in series),
        "totals": _totals(series),
        "first_start": _instant_text(min((min(one.starts_s) for one in series), default=None)),
        "last_end": _instant_text(max((_last_end_s(one) for one in series), default=None)),
        "refused": [refusal_json(error) for error in document.refused],
    }


def unusable_json(error: ClimateFitnessError) -> Summary:
    """The answer about a document that could not be parsed: no readings, and the reason."""
    return {
        "activities": 0,
        "readings": 0,
        "totals": [],
        "first_start": None,
        "last_end": None,
        "refused": [refusal_json(error)],
    }


def exit_code(document: MeterDocument | ActivityDocument) -> int:
    """0 where all of the document was read, 1 where something was refused; `EXIT_UNUSABLE` belongs to a raised error."""
    return EXIT_SOME_REFUSED if document.refused else EXIT_ALL_READ


def refusal_json(error: ClimateFitnessError) -> Refusal:
    """A reason as an object: stable code, the whole sentence, the record."""
    return {"code": error.code, "message": error.sentence(), "record": error.record}


def _summary_of_activities(document: ActivityDocument) -> Summary:
    sums: dict[tuple[str, str], int] = {}
    for one in document.activities:
        sums[one.kind, one.unit] = sums.get((one.kind, one.unit), 0) + one.quantity_micro
    first = min((one.start_date for one in document.activities), default=None)
    end = max((one.end_date for one in document.activities), default=None)
    return {
        "activities": len(document.activities),
        "readings": len(document.activities),
        "totals": [
            {"kind": kind, "direction": "", "unit": unit, "amount": fraction_to_text(Fraction(total_micro, MICRO_PER_UNIT))}
            for (kind, unit), total_micro in sorted(sums.items())
        ],
        "first_start": f"{first}T00:00:00Z" if first else None,
        "last_end": f"{end}T00:00:00Z" if end else None,
        "refused": [refusal_json(error) for error in document.refused],
    }


def _clock(document: MeterDocument, series: IntervalSeries) -> LocalTime:
    return document.local_times.get(series.usage_point) or document.local_times.get("") or _UTC


def _meter_days(series: IntervalSeries, clock: LocalTime) -> set[tuple[str, str, str, int]]:
    """The local days on which readings of a series begin, as days since 1970 with what tells meters apart."""
    hours = {start_s // 3600 for start_s in series.starts_s}  # a clock changes on the hour, and every day begins within one
    return {
        (series.usage_point, series.kind, series.direction.value, (hour * 3600 + utc_offset_s(clock, hour * 3600)) // _DAY_S)
        for hour in hours
    }


def _totals(series: list[IntervalSeries]) -> list[Total]:
    """Exact sums, sorted."""
    sums: dict[tuple[str, str, str], Fraction] = {}
    for one in series:
        key = (one.kind, one.direction.value, one.unit)
        sums[key] = sums.get(key, Fraction(0)) + one.total()
    return [
        {"kind": kind, "direction": direction, "unit": unit, "amount": fraction_to_text(amount)}
        for (kind, direction, unit), amount in sorted(sums.items())
    ]


def _last_end_s(series: IntervalSeries) -> int:
    return max(start_s + duration_s for start_s, duration_s in zip(series.starts_s, series.durations_s, strict=True))


def _instant_text(epoch_s: int | None) -> str | None:
    return None if epoch_s is None else instant_to_text(instant_of_epoch_s(epoch_s))
