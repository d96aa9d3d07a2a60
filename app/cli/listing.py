"""`subjects`, `statements` and `connectors list`."""

from collections.abc import Collection
from fractions import Fraction
from pathlib import Path

from app.cli.terminal import print_json, say, table
from connectors import registry
from connectors.base import ApiKey, Provider
from domain.number import quantize_text

UG_PER_TONNE = 10**12
"""Micrograms in a metric ton."""

_ID_COUNT = 8
_SHOWN_KINDS_COUNT = 4


def tonnes_text(amount_ug_co2e: int) -> str:
    """Emissions in t CO2e with three decimal places: kilograms."""
    return quantize_text(Fraction(amount_ug_co2e, UG_PER_TONNE), places_count=3)


def list_connectors(*, is_json: bool) -> None:
    """List the connectors, and whom they connect to."""
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
                    "providers": [
                        {
                            "id": row.provider_id,
                            "title": row.title,
                            "countries": sorted(row.countries),
                            "availability": _availability(row),
                        }
                        for row in one.providers
                    ],
                }
                for one in manifests
            ]
        )
        return
    table(
        [(one.connector_id, one.title, _kinds_text(one.kinds), one.availability()) for one in manifests],
        head=("connector", "title", "kinds", "availability"),
    )
    say("")
    table(
        [
            (row.provider_id, row.title, ", ".join(sorted(row.countries)), one.connector_id, _availability(row))
            for one in manifests
            for row in one.providers
        ],
        head=("provider", "title", "country", "connector", "availability"),
    )


def _kinds_text(kinds: Collection[str]) -> str:
    """Names of a few kinds; of many, how many."""
    return ", ".join(sorted(kinds)) if len(kinds) <= _SHOWN_KINDS_COUNT else f"{len(kinds)} kinds"


def _availability(provider: Provider) -> str:
    """Whether a provider wants to know an installation first, and how long that takes."""
    if provider.auth is None or isinstance(provider.auth, ApiKey):
        return "works now"
    days_count = provider.registration_days_count
    return f"needs registration, about {days_count} days" if days_count else "needs registration, given at once"


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
