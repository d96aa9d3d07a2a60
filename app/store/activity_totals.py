"""Sums of current activity, as the database keeps them: triggers change them in the transaction that changes an activity.

A sum can not be stale: whoever writes the table `activity`, the same statement moves the sums (migration 0002). What depends on
factors is not kept: lines are made from a few sums whenever they are wanted, so a new factor set or method has nothing to undo.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from sqlalchemy import Select, select

from app.store import tables
from app.store.activity_rows import ActivityReader
from domain.activity import EvidenceClass
from domain.errors import LineOverflowError
from domain.number import INT64_MAX
from domain.period import Month, MonthRange
from domain.statement import ActivityTotal

SUM = tables.ACTIVITY_TOTAL
"""Their table."""

_HALF = 2**32


def select_totals(months: MonthRange) -> Select[Any]:
    """A query for the sums of some months with their keys, of all subjects, by subject, month, key and evidence class."""
    key = tables.ACTIVITY_KEY
    return (
        select(SUM, key.c.kind, key.c.region, key.c.year, key.c.unit, key.c.attributes_json)
        .join(key, (key.c.tenant_id == SUM.c.tenant_id) & (key.c.key_id == SUM.c.key_id))
        .where(SUM.c.month_ym >= months.first.ym, SUM.c.month_ym < months.end.ym)
        .order_by(SUM.c.subject_id, SUM.c.month_ym, SUM.c.key_id, SUM.c.evidence)
    )


def totals_of(rows: Iterable[Any], reader: ActivityReader) -> Iterator[ActivityTotal]:
    """The totals of one subject.

    Args:
        rows: Of `select_totals`, in their order.
        reader: Makes their keys, each once.

    Yields:
        One per month and key.

    Raises:
        LineOverflowError: Magnitudes add up to 2^63 or more for a month and key, which is then named.
    """
    for _, parts in groupby(rows, key=lambda row: (row.month_ym, row.key_id)):
        yield _total(list(parts), reader)


def _total(parts: list[Any], reader: ActivityReader) -> ActivityTotal:
    key, month = reader.key(parts[0]), Month.from_ym(parts[0].month_ym)
    magnitude_micro = sum(int(part.abs_high) * _HALF + int(part.abs_low) for part in parts)
    if magnitude_micro > INT64_MAX:
        raise LineOverflowError(
            expected="quantities whose magnitudes add up to less than 2^63 millionths",
            got=magnitude_micro,
            record=f"{month} {key.kind} {key.region} {key.unit} (activity key {key.key_id[:16]})",
            next_step="Look for a wrong unit or a repeated bill in this month.",
        )
    by_evidence = {EvidenceClass(part.evidence): int(part.high) * _HALF + int(part.low) for part in parts}
    return ActivityTotal(
        month=month,
        key=key,
        quantity_micro=sum(by_evidence.values()),
        by_evidence_micro={c: by_evidence[c] for c in EvidenceClass if c in by_evidence},
        activity_count=sum(part.activity_count for part in parts),
    )
