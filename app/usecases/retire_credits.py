"""Retiring carbon credits for a subject: one declared activity, taken in like a file of activities, counted once.

Credits are claimed once: units that any current record of this installation names are refused, without telling whose they are.
"""

from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from app.services import Whose, Work
from app.store import claims, connections, periods, records, subjects
from app.store.claims import ClaimRow
from app.store.periods import PeriodRow
from app.store.subjects import SubjectRow
from app.usecases.bill_attachments import ATTACHMENT
from app.usecases.import_document import import_document
from app.usecases.import_report import ImportReport
from app.usecases.keep_original import Received, keep_original
from connectors.activities import ACTIVITIES
from connectors.activities.names import ATTACHMENT_FIELD
from domain.activity import EvidenceClass
from domain.canonical import Json, to_canonical
from domain.declared import DECLARED_USAGE_POINT, DeclaredActivity
from domain.errors import ConflictError, DocumentError, InputError, TimeError
from domain.number import fraction_to_text
from domain.period import Month, local_day, zone_of
from domain.units import MICRO_PER_UNIT
from scoring.retirements import CREDIT_KIND

CONNECTOR = ACTIVITIES.manifest.connector_id

_MICRO_PER_G = 1000
_REMOVE = "Remove what is wrong first: on the page of activities, or with a file of its id and removed."


@dataclass(frozen=True, slots=True)
class RetirementInput:
    """What a person says about retired credits.

    Attributes:
        registry: Registry that they were retired in.
        serial: Serial numbers as the registry writes them.
        quantity_text: How much, decimal text.
        unit: Its unit: "t" or "kg".
        on_date: Day of the retirement, `2024-03-31`.
        credit_type: "avoidance" or "removal"; empty where it is not said.
        vintage: Year in which it was avoided or removed; empty where it is not said.
    """

    registry: str
    serial: str
    quantity_text: str
    unit: str
    on_date: str
    credit_type: str = ""
    vintage: str = ""


@dataclass(frozen=True, slots=True)
class Retired:
    """What became of it.

    Attributes:
        registry: Registry that the credits were retired in.
        serial: Serial numbers.
        amount_g_co2e: Whole grams that the net has less, once the month is closed.
        on_date: Day of the retirement.
        is_known: Whether the subject had retired exactly these units before.
        record_key: Name of the record.
        evidence: How it is known now.
        report: What the import said; None where nothing was taken in.
        changed_periods: Closed periods that have changed and wait to be closed again.
    """

    registry: str
    serial: str
    amount_g_co2e: int
    on_date: date
    is_known: bool
    record_key: str
    evidence: EvidenceClass
    report: ImportReport | None
    changed_periods: tuple[PeriodRow, ...]


def retire_credits(work: Work, whose: Whose, said: RetirementInput, *, attachment: Received | None = None) -> Retired:
    """Take in credits that were retired for a subject; the same ones again change nothing.

    Args:
        work: The open transaction and the services; nothing is kept unless it commits.
        whose: The subject.
        said: What was retired.
        attachment: The registry's document, kept as an original of its own; with it, what was typed counts as *uploaded*.

    Returns:
        What became of it.

    Raises:
        NotFoundError: There is no such subject.
        DocumentError: The amount, the day, the vintage or another value cannot be.
        InputError: Less than a gram is retired.
        TimeError: The day lies in the future.
        ConflictError: The units are claimed already: by another subject, or by this one with other numbers.
        PlaceError: The subject's time zone must be asked for.
    """
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    line = _line(said, subject)
    activity = _activity_of(line)
    _check_over(work, subject, activity)
    before = _own_claim(work, subject, activity)
    if before is not None and (attachment is None or not _is_name_of(activity, before.record_key)):
        return _told(work, whose, activity, before.record_key, before.evidence, is_known=True)
    record_key = before.record_key if before else _free_name(work, whose, activity)
    line["id"] = record_key
    evidence = attachment.evidence if attachment else EvidenceClass.TYPED
    if attachment is not None:
        line[ATTACHMENT_FIELD] = keep_original(work, whose, ATTACHMENT, attachment).sha256
    name = " ".join(_units_of(activity))
    received = Received(to_canonical(line) + b"\n", "application/x-ndjson", evidence, document_name=name)
    report = import_document(work, whose, CONNECTOR, received)
    if report.refused:
        raise DocumentError("These credits were not taken in", got=report.refused[0], record=name)
    return _told(work, whose, activity, record_key, evidence, is_known=before is not None, report=report)


def _told(
    work: Work,
    whose: Whose,
    activity: DeclaredActivity,
    record_key: str,
    evidence: EvidenceClass,
    *,
    is_known: bool,
    report: ImportReport | None = None,
) -> Retired:
    registry, serial = _units_of(activity)
    month = Month(activity.start_date.year, activity.start_date.month)
    of_subject = periods.of_subject(work.session, whose.tenant_id, whose.subject_id)
    return Retired(
        registry=registry,
        serial=serial,
        amount_g_co2e=activity.quantity_micro // _MICRO_PER_G,
        on_date=activity.start_date,
        is_known=is_known,
        record_key=record_key,
        evidence=evidence,
        report=report,
        changed_periods=tuple(one for one in of_subject if one.is_changed_since_close and one.months.holds(month)),
    )


def _line(said: RetirementInput, subject: SubjectRow) -> dict[str, Json]:
    """The line of a file of activities that says the same; credits are of no place, so the country is enough."""
    fields = {
        "kind": CREDIT_KIND,
        "quantity": said.quantity_text.strip(),
        "unit": said.unit,
        "start": said.on_date.strip(),
        "region": subject.country or "WORLD",
        "registry": " ".join(said.registry.split()),
        "serial": " ".join(said.serial.split()),
        "credit_type": said.credit_type.strip(),
        "vintage": said.vintage.strip(),
    }
    return {name: value for name, value in fields.items() if value}


def _activity_of(line: dict[str, Json]) -> DeclaredActivity:
    """The activity that a line declares.

    Raises:
        DocumentError: It says something that cannot be.
        InputError: Less than a gram is retired.
    """
    document = ACTIVITIES.parse(to_canonical(line) + b"\n")
    for error in document.refused:
        record = error.record.removeprefix("line 1").removeprefix(", ")
        next_step = error.next_step.replace("Correct this line.", "Correct it.")
        raise DocumentError(error.message, expected=error.expected, got=error.got, record=record, next_step=next_step)
    (activity,) = document.activities
    if activity.quantity_micro < _MICRO_PER_G:
        raise InputError(
            "Credits are retired by the gram",
            expected="1 g or more",
            got=f"{line['quantity']} {line['unit']}",
            record="quantity",
            next_step="To take a retirement back, remove its record.",
        )
    return activity


def _check_over(work: Work, subject: SubjectRow, activity: DeclaredActivity) -> None:
    """Refuse a retirement that has not happened yet.

    Raises:
        TimeError: It lies in the future.
    """
    today = local_day(work.services.clock.now(), zone_of(_zone_of_days(work, subject)))
    if activity.start_date > today:
        raise TimeError(
            "This retirement lies in the future",
            expected=f"a day up to {today}",
            got=str(activity.start_date),
            record="date",
            next_step="Check the year, or wait until the registry has retired them.",
        )


def _own_claim(work: Work, subject: SubjectRow, activity: DeclaredActivity) -> ClaimRow | None:
    """The subject's own claim of these units, saying the same; None where nobody claims them.

    Raises:
        ConflictError: Somebody else claims them, or the subject does with other numbers, or in two records.
    """
    registry, serial = _units_of(activity)
    found = claims.claims_of(work.session, CREDIT_KIND, registry, serial)
    if any((one.tenant_id, one.subject_id) != (subject.tenant_id, subject.id) for one in found):
        raise ConflictError(
            "These credits are claimed already on this installation",
            expected="units that no other record names: a credit is claimed once",
            got=f"{serial} of {registry}",
            record="serial",
            next_step="Compare the serial numbers with the registry's document.",
        )
    if len(found) > 1:
        raise ConflictError(
            "These credits are in several records of this subject already: none counts",
            expected="one record of these units",
            got=", ".join(one.record_key for one in found),
            record="serial",
            next_step=_REMOVE,
        )
    zone = zone_of(_zone_of_days(work, subject))
    for one in found:
        day = local_day(one.start, zone)
        if (one.quantity_micro, day, one.attributes) != (activity.quantity_micro, activity.start_date, activity.attributes):
            raise ConflictError(
                "These credits are retired already, and otherwise",
                expected=_said(one.quantity_micro, day, one.attributes),
                got=_said(activity.quantity_micro, activity.start_date, activity.attributes),
                record=one.record_key,
                next_step=_REMOVE,
            )
    return found[0] if found else None


def _said(quantity_micro: int, day: date, attributes: tuple[tuple[str, str], ...]) -> str:
    amount = fraction_to_text(Fraction(quantity_micro, MICRO_PER_UNIT))
    return f"{amount} kg on {day}, {', '.join(f'{name} {value}' for name, value in attributes)}"


def _zone_of_days(work: Work, subject: SubjectRow) -> str:
    """The zone that declared days of a subject are days of."""
    for connection in connections.of_subject(work.session, subject.tenant_id, subject.id):
        if connection.connector == CONNECTOR and connection.is_file:
            for point in connections.usage_points_of(work.session, subject.tenant_id, connection.id):
                if point.name == DECLARED_USAGE_POINT:
                    return point.zone
    return subject.zone or "UTC"


def _units_of(activity: DeclaredActivity) -> tuple[str, str]:
    names = dict(activity.attributes)
    return names["registry"], names["serial"]


def _name(activity: DeclaredActivity) -> str:
    return f"retired {' '.join(_units_of(activity))}"


def _is_name_of(activity: DeclaredActivity, record_key: str) -> bool:
    return record_key == _name(activity) or record_key.startswith(f"{_name(activity)} (")


def _free_name(work: Work, whose: Whose, activity: DeclaredActivity) -> str:
    """A name that no record has, not even a removed one: the same words again would stay taken back."""
    taken: set[str] = set()
    for connection in connections.of_subject(work.session, whose.tenant_id, whose.subject_id):
        if connection.connector == CONNECTOR:
            states = records.of_usage_point(work.session, whose.tenant_id, connection.id, DECLARED_USAGE_POINT)
            taken |= {one.record_key for one in states}
    name = _name(activity)
    return next(one for one in (name, *(f"{name} ({number})" for number in range(2, len(taken) + 3))) if one not in taken)
