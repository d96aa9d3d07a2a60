"""The report of an import as it is kept: sums of what was read, what was refused, and the file's name under its owner's key."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from hashlib import sha256

from app.services import Services, Whose, Work
from app.store import imports
from app.store.connections import ConnectionRow
from app.store.imports import ImportRow
from app.store.subjects import SubjectRow
from app.usecases.keep_original import Received
from app.usecases.place_meter import MeterPlace
from app.usecases.sealing import seal, unseal
from connectors import registry
from domain.activity import Direction
from domain.canonical import Json, to_canonical
from domain.declared import DeclaredActivity
from domain.errors import ClimateFitnessError, DocumentError
from domain.meter_day import CutSeries
from domain.number import round_half_even
from domain.period import Month, instant_of_epoch_s, local_day, zone_of
from domain.place import Place
from domain.series import MeterDocument
from domain.units import MICRO_PER_UNIT

LISTED_COUNT = 50
"""Refused parts kept one by one; the rest is counted."""

_LONGEST_NAME_COUNT = 200


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What became of a document.

    Attributes:
        document_sha256: Of the original, 64 hexadecimal digits.
        is_known: Whether the very same bytes were taken in before.
        reading_count: Readings, or declared activities, in the document.
        new_count: Meter days, spans and declared activities that are new.
        changed_count: Those that the document corrected.
        same_count: Those that it repeated.
        refused: What was not read, each with its reason.
        refused_count: How many that are.
        notes: What a person should know.
        months: Months whose activity is other than before.
        meters: Usage points with their places; what was declared one by one has none.
        import_id: Id of the kept report.
        refusals: The same as `refused`, all of them, for who keeps them.
    """

    document_sha256: str
    is_known: bool
    reading_count: int
    new_count: int
    changed_count: int
    same_count: int
    refused: tuple[str, ...]
    refused_count: int
    notes: tuple[str, ...]
    months: tuple[Month, ...]
    meters: Mapping[str, MeterPlace]
    import_id: str
    refusals: tuple[DocumentError, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadTotal:
    """What a document holds of one kind and direction.

    Attributes:
        kind: Kind of activity.
        direction: Which way it flowed; None where no meter measured it.
        unit: Canonical unit.
        quantity_micro: Sum of its readings, millionths of the unit.
        reading_count: How many readings.
    """

    kind: str
    direction: Direction | None
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


def declared_totals(declared: Iterable[DeclaredActivity]) -> tuple[ReadTotal, ...]:
    """Sums of declared activities by kind and unit."""
    found: dict[tuple[str, str], tuple[int, int]] = {}
    for one in declared:
        total_micro, count = found.get((one.kind, one.unit), (0, 0))
        found[one.kind, one.unit] = (total_micro + one.quantity_micro, count + 1)
    return tuple(ReadTotal(kind, None, unit, total_micro, count) for (kind, unit), (total_micro, count) in sorted(found.items()))


def keep_report(
    work: Work,
    whose: Whose,
    report: ImportReport,
    received: Received,
    *,
    connector: str,
    totals: Sequence[ReadTotal],
    days: tuple[date, date] | None,
    refused: Sequence[ClimateFitnessError],
    inputs_sha256: str = "",
) -> None:
    """Keep what became of a document.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        report: What became of it.
        received: The file, with the evidence that is believed of it.
        connector: What read it.
        totals: Sums of what was read.
        days: First and last local day, both in; None where nothing was read.
        refused: What was not read.
        inputs_sha256: Names all that it was made from, where the same again would change nothing; what was refused in part is
            not named: it may be read another time.
    """
    row = ImportRow(
        id=report.import_id,
        tenant_id=whose.tenant_id,
        subject_id=whose.subject_id,
        document_sha256=report.document_sha256,
        sealed_name=seal_name(work, whose, report.import_id, received.document_name),
        at=work.services.clock.now(),
        connector=connector,
        evidence=received.evidence,
        reading_count=report.reading_count,
        new_count=report.new_count,
        changed_count=report.changed_count,
        same_count=report.same_count,
        refused_count=report.refused_count,
        first_date=days[0] if days else None,
        last_date=days[1] if days else None,
        totals_json=totals_to_json(totals),
        refused_json=refused_to_json(refused),
        notes_json=json.dumps(report.notes),
        months_json=json.dumps([month.to_text() for month in report.months]),
        inputs_sha256="" if refused else inputs_sha256,
    )
    imports.add(work.session, row)


def inputs_sha256(
    services: Services, connection: ConnectionRow, subject: SubjectRow, place: Place | None, document_sha256: str
) -> str:
    """SHA-256 of all that the import of a pulled document is made from: who has had the same before gets nothing new from it.

    Args:
        services: The installation.
        connection: What the document came through.
        subject: Whose.
        place: Where its meters and activities are, as the person said.
        document_sha256: Of the original.

    Returns:
        64 hexadecimal digits.
    """
    at_home = [subject.region, subject.country, subject.zone]
    given = [] if place is None else [place.region, place.country, place.zone]
    reader = [connection.connector, registry.find(connection.connector).manifest.parser_version]
    factors = services.factor_set.id.to_json()
    parts: list[Json] = ["#cf-import-inputs/1", connection.id, *reader, at_home, given, factors, document_sha256]
    return sha256(to_canonical(parts)).hexdigest()


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
            "direction": str(one.direction or ""),
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
        ReadTotal(
            one["kind"],
            Direction(one["direction"]) if one["direction"] else None,
            one["unit"],
            int(one["quantity_micro"]),
            one["reading_count"],
        )
        for one in json.loads(text)
    )


def refused_to_json(refused: Sequence[ClimateFitnessError]) -> str:
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
