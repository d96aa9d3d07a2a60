"""Taking in one document: what it holds decides whether its readings or its activities are stored."""

from dataclasses import replace

from app.services import Whose, Work
from app.store.connections import ConnectionRow
from app.usecases.derive import believed_evidence
from app.usecases.import_activities import import_activities
from app.usecases.import_readings import import_readings
from app.usecases.import_report import ImportReport
from app.usecases.keep_original import Received
from connectors import registry
from domain.declared import ActivityDocument
from domain.errors import DocumentError
from domain.place import Place
from domain.series import MeterDocument


def read_document(connector_name: str, body: bytes) -> MeterDocument | ActivityDocument:
    """What a file says, read without a transaction: reading can take seconds, and writers wait for each other.

    Args:
        connector_name: Which connector reads it.
        body: The file.

    Returns:
        Its readings or activities, for `import_document`.

    Raises:
        NotFoundError: There is no such connector.
        DocumentError: The file cannot be read at all, or nothing in it can be used.
    """
    document = registry.read(connector_name, body)
    _check_readable(document, connector_name)
    return document


def import_document(
    work: Work,
    whose: Whose,
    connector_name: str,
    received: Received,
    *,
    place: Place | None = None,
    document: MeterDocument | ActivityDocument | None = None,
    connection: ConnectionRow | None = None,
) -> ImportReport:
    """Take in one document of a subject; everything of it that can be used, or nothing.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connector_name: Which connector reads it.
        received: The file.
        place: Where its meters are, or where those activities happened that do not say it, as the person says; else what is
            registered, else the subject's home.
        document: What `read_document` read of the same file; read here where left out.
        connection: The connection that it was pulled through; the standing one of files where left out.

    Returns:
        What became of it.

    Raises:
        NotFoundError: There is no such subject or connector.
        DocumentError: The file cannot be read at all, or nothing in it can be used.
        PlaceError: The place or its time zone must be asked for.
        TimeError: It has readings in the future.
        ConflictError: It does not go together with what is stored: a typed bill's days are those of another time zone, or count
            already; a typed bill counts part of the days that the file measures; declared days are those of another zone.
    """
    received = replace(received, evidence=believed_evidence(connector_name, received.evidence))
    read = document or read_document(connector_name, received.body)
    if isinstance(read, ActivityDocument):
        return import_activities(work, whose, connector_name, received, place=place, document=read, connection=connection)
    return import_readings(work, whose, connector_name, received, place=place, document=read, connection=connection)


def _check_readable(document: MeterDocument | ActivityDocument, connector_name: str) -> None:
    if isinstance(document, ActivityDocument):
        is_usable = bool(document.spoken_keys())
        nothing, expected, next_step = "activities", "activities, one per line", "Correct the lines that are named."
    else:
        is_usable = any(len(series.values) for series in document.series)
        nothing, expected = "readings", "interval readings with their unit"
        next_step = "Ask the utility for the usage download with interval data."
    if is_usable:
        return
    raise DocumentError(
        f"This file holds no {nothing} that can be used",
        expected=expected,
        got="; ".join(refusal.sentence() for refusal in document.refused[:3]) or document.title or "none",
        record=connector_name,
        next_step=next_step,
    )
