"""`import` and `bill`: what comes into an installation, and what follows from it by month."""

import mimetypes
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from app.api.models import ImportOut
from app.cli import months
from app.cli.installation import find_subject, installation
from app.cli.previewing import read_mapping
from app.cli.terminal import STANDARD_INPUT, ExitCode, listed, print_json, read_file, say
from app.services import Services, Whose, Work
from app.store import activities, subjects
from app.store.session import reading, unit_of_work
from app.store.subjects import SubjectKind
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.enter_bill import BillInput, enter_bill
from app.usecases.find_duplicates import find_duplicates
from app.usecases.import_document import import_document, read_document
from app.usecases.import_report import ImportReport
from app.usecases.keep_original import Received
from app.usecases.local_account import local_account
from app.usecases.place_meter import place_meter
from app.usecases.preview_file import mapped_document
from connectors import registry
from domain.activity import EvidenceClass
from domain.errors import PlaceError
from domain.period import MonthRange
from domain.place import Place, place_from_text
from domain.series import LocalTime, MeterDocument

FIRST_NAME = "You"
"""Name of the person that a first import is about."""


def run_import(
    connector_name: str,
    file_name: str,
    *,
    subject: str,
    place_text: str,
    zone: str,
    is_json: bool,
    data_folder: Path | None,
    mapping_name: str = "",
) -> int:
    """Take in one document.

    Args:
        connector_name: Which connector reads it.
        file_name: Its file, or "-".
        subject: Whose; the only subject, or a new person, where empty.
        place_text: ZIP code or country of the meter, or empty.
        zone: IANA zone of the meter, or empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.
        mapping_name: File that says what the columns of a table mean, or empty.

    Returns:
        The exit code: 1 where something of the document was refused.
    """
    registry.find(connector_name)
    received = received_file(file_name)
    if mapping_name:
        received = replace(received, body=mapped_document(connector_name, received.body, read_mapping(mapping_name)))
    place = _place(place_text, zone)
    document = read_document(connector_name, received.body)  # before the transaction: it can take seconds
    return _take_in(
        lambda work, whose: import_document(work, whose, connector_name, received, place=place, document=document),
        subject=subject,
        place=place,
        is_json=is_json,
        data_folder=data_folder,
        feed_clock=lambda: next(iter(document.local_times.values()), None) if isinstance(document, MeterDocument) else None,
    )


def run_bill(
    *,
    utility: str,
    first_date: str,
    last_date: str,
    amount_text: str,
    unit: str,
    file_name: str,
    is_additional: bool,
    subject: str,
    place_text: str,
    zone: str,
    is_json: bool,
    data_folder: Path | None,
) -> int:
    """Enter a typed bill.

    Args:
        utility: Name of the utility.
        first_date: First day.
        last_date: Last day, in the bill, too.
        amount_text: Decimal text.
        unit: Its unit.
        file_name: The bill's file, or empty.
        is_additional: Whether it counts beside other data of these days.
        subject: Whose; the only subject, or a new person, where empty.
        place_text: ZIP code or country of the meter, or empty.
        zone: IANA zone of the meter, or empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code.
    """
    typed = BillInput(
        utility=utility,
        first_date=first_date,
        last_date=last_date,
        amount_text=amount_text,
        unit=unit,
        is_additional=is_additional,
    )
    attachment = received_file(file_name) if file_name else None
    place = _place(place_text, zone)
    return _take_in(
        lambda work, whose: enter_bill(work, whose, typed, place=place, attachment=attachment),
        subject=subject,
        place=place,
        is_json=is_json,
        data_folder=data_folder,
    )


def _no_clock() -> LocalTime | None:
    """A typed bill has no clock."""
    return None


def _take_in(
    take: Callable[[Work, Whose], ImportReport],
    *,
    subject: str,
    place: Place | None,
    is_json: bool,
    data_folder: Path | None,
    feed_clock: Callable[[], LocalTime | None] = _no_clock,
) -> int:
    with installation(data_folder) as services:
        known = _known_subject(services, subject)
        with unit_of_work(services.engine) as session:  # a person that is made now stays only if the document does
            work = Work(session, services)
            whose = known or _new_person(work, place, feed_clock())
            report = take(work, whose)
            find_duplicates(work, whose, report.months)
        with reading(services.engine) as session:
            view = _view(Work(session, services), whose, report)
            name = subjects.by_id(session, whose.tenant_id, whose.subject_id).name
    if is_json:
        print_json(
            {"subject": {"id": whose.subject_id, "name": name}, "import": ImportOut.of(report).model_dump(mode="json")}
            | (months.to_json(view) if view else {"months": [], "factors": []})
        )
    else:
        _show_report(report, name)
        if view:
            say()
            months.show(view)
    return ExitCode.PARTLY if report.refused_count else ExitCode.DONE


def _known_subject(services: Services, text: str) -> Whose | None:
    """The subject that is meant; None where the installation has none and nobody was named."""
    with reading(services.engine) as session:
        is_empty = not subjects.everybody(session)
    if is_empty and not text:
        return None
    found = find_subject(services, text)
    return Whose(found.tenant_id, found.id)


def _new_person(work: Work, home: Place | None, clock: LocalTime | None) -> Whose:
    if home is None:
        raise PlaceError(
            "We do not know where you live",
            expected="--place with a US ZIP code or a two-letter country code",
            got="nothing",
            record="--place",
            next_step="Say it once, for example --place 94110; later imports remember it.",
        )
    placed = place_meter("", given=home, registered=None, home=None, clock=clock, zones_of_region=work.services.zones_of_region)
    account = local_account(work)
    new = NewSubject(SubjectKind.PERSON, FIRST_NAME, placed.place)
    return create_subject(work, new, owner_account_id=account.id, tenant_id=account.tenant_id)


def _view(work: Work, whose: Whose, report: ImportReport) -> months.MonthView | None:
    """The months that changed, and those between; all where the document repeats what is known."""
    found = report.months or activities.months_of(work.session, whose.tenant_id, whose.subject_id)
    return months.month_view(work, whose, MonthRange(found[0], found[-1].plus(1))) if found else None


def _show_report(report: ImportReport, name: str) -> None:
    again = " (this very file was imported before)" if report.is_known else ""
    read, parts = ("readings", "days or bills") if report.meters else ("activities", "activities")
    say(f"Imported for {name}{again}: {report.reading_count} {read}")
    say(f"  {report.new_count} {parts} new, {report.changed_count} corrected, {report.same_count} unchanged")
    say(f"  SHA-256 of the original: {report.document_sha256}")
    for meter_name, meter in report.meters.items():
        say(f"  meter {meter_name or 'without a name'}: {meter.place.region}, {meter.place.zone} ({meter.zone_source})")
    listed("Notes:", report.notes)
    more_count = report.refused_count - len(report.refused)
    listed(f"Refused ({report.refused_count}):", [*report.refused, *([f"and {more_count} more"] if more_count else [])])


def received_file(file_name: str) -> Received:
    """A file as it was named on the command line, or standard input; what people hand in is uploaded evidence."""
    media_type = mimetypes.guess_type(file_name)[0] or "application/octet-stream"
    name = "" if file_name == STANDARD_INPUT else Path(file_name).name
    return Received(read_file(file_name), media_type, EvidenceClass.UPLOADED, document_name=name)


def _place(text: str, zone: str) -> Place | None:
    if not text and zone:
        raise PlaceError("A zone needs its place", expected="--place beside --zone", got="--zone alone", next_step="Give both.")
    return place_from_text(text, zone=zone, record="--place") if text else None
