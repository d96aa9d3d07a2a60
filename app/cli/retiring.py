"""`retire`: carbon credits that were retired for a subject, taken off its net when the month is closed."""

from pathlib import Path

from app.cli.installation import find_subject, installation
from app.cli.intake import received_file
from app.cli.listing import tonnes_text
from app.cli.terminal import ExitCode, listed, print_json, say
from app.services import Whose, Work
from app.store.session import unit_of_work
from app.usecases.retire_credits import Retired, RetirementInput, retire_credits
from domain.canonical import Json
from domain.errors import InputError
from domain.period import Month

_UG_PER_G = 1_000_000


def run_retire(
    subject_text: str,
    *,
    registry: str,
    serial: str,
    amount_t: str,
    amount_kg: str,
    on_date: str,
    credit_type: str,
    vintage: str,
    file_name: str,
    is_json: bool,
    data_folder: Path | None,
) -> int:
    """Take in a retirement of credits.

    Args:
        subject_text: Whose; the only subject where empty.
        registry: Registry that they were retired in.
        serial: Serial numbers as the registry writes them.
        amount_t: Metric tons, decimal text, or empty.
        amount_kg: Kilograms, decimal text, or empty.
        on_date: Day of the retirement, `2024-03-31`.
        credit_type: "avoidance" or "removal", or empty.
        vintage: Year of the effect, or empty.
        file_name: The registry's document, or empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.

    Returns:
        The exit code.

    Raises:
        InputError: Both amounts are given, or none.
        NotFoundError: There is no such subject.
        DocumentError: A value cannot be.
        ConflictError: The units are claimed already.
    """
    if bool(amount_t) == bool(amount_kg):
        raise InputError(
            "A retirement has one amount", expected="--t or --kg", got="both" if amount_t else "neither", record="amount"
        )
    said = RetirementInput(
        registry=registry,
        serial=serial,
        quantity_text=amount_t or amount_kg,
        unit="t" if amount_t else "kg",
        on_date=on_date,
        credit_type=credit_type,
        vintage=vintage,
    )
    attachment = received_file(file_name) if file_name else None
    with installation(data_folder) as services:
        subject = find_subject(services, subject_text)
        with unit_of_work(services.engine) as session:
            retired = retire_credits(Work(session, services), Whose(subject.tenant_id, subject.id), said, attachment=attachment)
    if is_json:
        print_json({"subject": {"id": subject.id, "name": subject.name}} | _to_json(retired))
    else:
        _show(retired, subject.name)
    return ExitCode.DONE


def _to_json(retired: Retired) -> dict[str, Json]:
    report = retired.report
    return {
        "registry": retired.registry,
        "serial": retired.serial,
        "retired_g_co2e": str(retired.amount_g_co2e),
        "date": str(retired.on_date),
        "is_known": retired.is_known,
        "record_key": retired.record_key,
        "evidence": str(retired.evidence),
        "document_sha256": report.document_sha256 if report else None,
        "changed_periods": [str(one.months) for one in retired.changed_periods],
    }


def _show(retired: Retired, name: str) -> None:
    known = "Known already: retired" if retired.is_known else "Retired"
    amount = tonnes_text(retired.amount_g_co2e * _UG_PER_G)
    say(f"{known} for {name} on {retired.on_date}: {amount} t CO2e, {retired.registry} {retired.serial} ({retired.evidence})")
    month = Month(retired.on_date.year, retired.on_date.month)
    say(f"  The net of a statement over {month} has that much less; gross and the fitness score stay as they are.")
    if retired.report:
        say(f"  SHA-256 of what was kept: {retired.report.document_sha256}")
    listed("Closed before, changed now; close again with --reason:", [str(one.months) for one in retired.changed_periods])
