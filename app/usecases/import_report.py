"""The report of an import as it is kept: sums of what was read, what was refused, and the file's name under its owner's key."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from app.services import Whose, Work
from app.store import imports
from app.store.imports import ImportRow
from app.usecases.sealing import seal, unseal
from domain.activity import Direction
from domain.errors import DocumentError
from domain.meter_day import CutSeries
from domain.number import round_half_even
from domain.period import instant_of_epoch_s, local_day, zone_of
from domain.series import MeterDocument
from domain.units import MICRO_PER_UNIT

LISTED_COUNT = 50
"""Refused parts kept one by one; the rest is counted."""

_LONGEST_NAME_COUNT = 200


@dataclass(frozen=True, slots=True)
class ReadTotal:
    """What a document holds of one kind and direction.

    Attributes:
        kind: Kind of activity.
        direction: Which way it flowed.
        unit: Canonical unit.
        quantity_micro: Sum of its readings, millionths of the unit.
        reading_count: How many readings.
    """

    kind: str
    direction: Direction
    unit: str
    quantity_micro: int
    reading_count: int


def read_totals(document: MeterDocument) -> tuple[ReadTotal, ...]:
    """Sums of a document's readings by kind, direction and unit, as the feed has them: registers are not summed."""
    found: dict[tuple[str, Direction, str], tuple[Fraction, int]] = {}
    for series in document.series:
        if series.is_additive and len(series.values):
            group = (series.kind, series.direction, series.unit)
            amount, count = found.get(group, (Fraction(0), 0))
            found[group] = (amount + series.total(), count + len(series.values))
    return tuple(
        ReadTotal(*group, round_half_even(amount * MICRO_PER_UNIT), count) for group, (amount, count) in sorted(found.items())
    )


def day_span(cut: CutSeries, zone_names: Mapping[str, str]) -> tuple[date, date] | None:
    """First and last local day that a document has readings of.

    Args:
        cut: The document, cut into days.
        zone_names: IANA zone of each usage point.

    Returns:
        Both days, inclusive; None where nothing was read.
    """
    days = [day.day for day in cut.days]
    for span in cut.spans:
        zone = zone_of(zone_names[span.usage_point])
        days.append(local_day(instant_of_epoch_s(span.start_s), zone))
        days.append(local_day(instant_of_epoch_s(span.start_s + span.duration_s - 1), zone))
    return (min(days), max(days)) if days else None


def totals_to_json(totals: Sequence[ReadTotal]) -> str:
    """Sums as a report keeps them."""
    rows = [
        {
            "direction": str(one.direction),
            "kind": one.kind,
            "quantity_micro": str(one.quantity_micro),
            "reading_count": one.reading_count,
            "unit": one.unit,
        }
        for one in totals
    ]
    return json.dumps(rows)


def totals_from_json(text: str) -> tuple[ReadTotal, ...]:
    """The sums that a report keeps."""
    return tuple(
        ReadTotal(one["kind"], Direction(one["direction"]), one["unit"], int(one["quantity_micro"]), one["reading_count"])
        for one in json.loads(text)
    )


def refused_to_json(refused: Sequence[DocumentError]) -> str:
    """The first refused parts as a report keeps them."""
    return json.dumps([{"reason": one.sentence(), "record": one.record} for one in refused[:LISTED_COUNT]])


def refused_from_json(text: str) -> tuple[tuple[str, str], ...]:
    """Refused parts of a report: record and reason of each."""
    return tuple((one["record"], one["reason"]) for one in json.loads(text))


def seal_name(work: Work, whose: Whose, import_id: str, name: str) -> bytes:
    """A file's name under its owner's key; what cannot be printed is left out, and a very long name is cut."""
    printable = "".join(c for c in name if c.isprintable()).strip()[:_LONGEST_NAME_COUNT]
    return seal(work, whose, _field(import_id), printable.encode())


def name_of(work: Work, row: ImportRow) -> str:
    """The name of an imported file as it was given; empty where none was.

    Args:
        work: The open transaction and the services.
        row: Which import.

    Returns:
        The name.

    Raises:
        NotFoundError: The subject's key was destroyed.
        SecurityError: The name was changed, or belongs elsewhere.
    """
    return _open(work, Whose(row.tenant_id, row.subject_id), row.id, row.sealed_name)


def names_of_documents(work: Work, whose: Whose, sha256s: set[str]) -> dict[str, str]:
    """Names under which documents were imported last, by their hash; a document without one is left out."""
    sealed = imports.sealed_names(work.session, whose.tenant_id, whose.subject_id, sha256s)
    return {digest: _open(work, whose, import_id, name) for digest, (import_id, name) in sealed.items()}


def _open(work: Work, whose: Whose, import_id: str, sealed_name: bytes) -> str:
    return unseal(work, whose, _field(import_id), sealed_name).decode()


def _field(import_id: str) -> str:
    return f"import_name/{import_id}"
