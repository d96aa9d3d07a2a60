"""`subjects`, `statements` and `connectors list`."""

from fractions import Fraction
from pathlib import Path

from app.cli.terminal import print_json, say, table
from connectors import registry
from domain.number import quantize_text

UG_PER_TONNE = 10**12
"""Micrograms in a metric ton."""

_ID_COUNT = 8


def tonnes_text(amount_ug_co2e: int) -> str:
    """Emissions in t CO2e with three decimal places: kilograms."""
    return quantize_text(Fraction(amount_ug_co2e, UG_PER_TONNE), places_count=3)


def list_connectors(*, is_json: bool) -> None:
    """List the connectors."""
    manifests = [one.manifest for one in registry.connectors()]
    if is_json:
        print_json(
            [
                {
                    "id": one.connector_id,
                    "title": one.title,
                    "kinds": sorted(one.kinds),
                    "parser_version": one.parser_version,
                    "upload_media_types": sorted(one.upload_media_types),
                    "availability": one.availability(),
                }
                for one in manifests
            ]
        )
        return
    rows = [(one.connector_id, one.title, ", ".join(sorted(one.kinds)), one.availability()) for one in manifests]
    table(rows, head=("connector", "title", "kinds", "availability"))


def list_subjects(*, is_json: bool, data_folder: Path | None) -> None:
    """List the subjects of an installation."""
    from app.api.models import SubjectOut  # noqa: PLC0415 - 0.4 s of SQLAlchemy: `connectors list` needs no database
    from app.cli.installation import installation  # noqa: PLC0415 - as above
    from app.store import subjects  # noqa: PLC0415 - as above
    from app.store.session import reading  # noqa: PLC0415 - as above

    with installation(data_folder) as services, reading(services.engine) as session:
        found = [one for one in subjects.everybody(session) if one.erased_at is None]
    if is_json:
        print_json([SubjectOut.of(one).model_dump(mode="json") for one in found])
        return
    if not found:
        say("No subjects yet. Import a file: climate-fitness import green-button FILE --place ZIP")
        return
    table(
        [(one.id[:_ID_COUNT], str(one.kind), one.name, one.region, one.zone) for one in found],
        head=("id", "kind", "name", "region", "zone"),
    )


def list_statements(subject_text: str, *, is_json: bool, data_folder: Path | None) -> None:
    """List the statements of an installation.

    Args:
        subject_text: Only this subject's; everybody's where empty.
        is_json: Answer for programs.
        data_folder: Folder of the installation; the setting where left out.
    """
    from app.api.models import StatementOut  # noqa: PLC0415 - as above
    from app.cli.installation import find_subject, installation  # noqa: PLC0415 - as above
    from app.store import periods, statements, subjects  # noqa: PLC0415 - as above
    from app.store.session import reading  # noqa: PLC0415 - as above

    with installation(data_folder) as services:
        only = find_subject(services, subject_text) if subject_text else None
        with reading(services.engine) as session:
            found = [
                (subject, row, str(periods.by_id(session, row.tenant_id, row.period_id).months))
                for subject in ([only] if only else subjects.everybody(session))
                for row in statements.of_subject(session, subject.tenant_id, subject.id)
            ]
    if is_json:
        print_json([{"subject_id": one.id} | StatementOut.of(row, months).model_dump(mode="json") for one, row, months in found])
        return
    if not found:
        say("No statements yet. Close a month: climate-fitness close 2024-03")
        return
    rows = [
        (row.id[:_ID_COUNT], one.name, months, str(row.revision), str(row.state), tonnes_text(row.totals.net_ug_co2e))
        for one, row, months in found
    ]
    table(rows, head=("id", "subject", "period", "revision", "state", "net t CO2e"), right=(3, 5))
