"""Removing a record: it no longer counts, and its history stays."""

from dataclasses import dataclass

from app.services import Whose, Work
from app.store import connections, periods, records
from app.store.records import RecordInput, RecordPlace
from app.usecases.derive import MeterSite
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from app.usecases.rederive_meter import rederive_meter
from connectors.activities import ACTIVITIES
from connectors.activities.parse import removal_document
from domain.activity import EvidenceClass
from domain.declared import DECLARED_USAGE_POINT
from domain.errors import ConflictError
from domain.period import Month, instant_to_text
from domain.record import RecordRevision


@dataclass(frozen=True, slots=True)
class Removed:
    """What removing a record came to.

    Attributes:
        record_key: The source's name of it.
        months: Months whose activity is other than before.
    """

    record_key: str
    months: tuple[Month, ...]


def remove_record(work: Work, whose: Whose, record_id: str) -> Removed:
    """Remove a record of a subject: a revision that says nothing, taken from no document, so that nothing brings it back unasked.

    What had to stand back for it counts again. A file or bill that says it again brings it back. An auditor who is shown an
    original of which a part was removed will say so. A declared activity is taken back by a document of its own, which is kept
    like every other: an auditor sees it, and it stands against the very file that declared the activity.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        record_id: Which.

    Returns:
        Its name, and the months that changed; periods that hold them are marked as changed.

    Raises:
        ArchiveError: An original of its meter is lost or changed.
        ConflictError: It is removed already.
        NotFoundError: The subject has no such record.
    """
    session = work.session
    place = records.place_of(session, whose.tenant_id, whose.subject_id, record_id)
    if place.usage_point == DECLARED_USAGE_POINT:
        return _take_back(work, whose, place)
    newest = _counting(work, whose, record_id)
    stored = records.upsert(
        session,
        whose.tenant_id,
        whose.subject_id,
        place.connection_id,
        RecordInput(newest.connector, newest.parser_version, newest.record_key, newest.usage_point, (), ()),
        recorded_at=work.services.clock.now(),
        new_id=work.services.randomness.id,
    )
    months = stored.months
    connection = connections.by_id(session, whose.tenant_id, place.connection_id)
    for point in connections.usage_points_of(session, whose.tenant_id, connection.id):
        if point.name == newest.usage_point:
            site = MeterSite(point.region, point.zone)
            months |= rederive_meter(work, whose, connection, point.name, site).months
    periods.mark_changed(session, whose.tenant_id, whose.subject_id, sorted(months))
    return Removed(newest.record_key, tuple(sorted(months)))


def _counting(work: Work, whose: Whose, record_id: str) -> RecordRevision:
    """The newest revision of a record that counts.

    Raises:
        ConflictError: It is removed already.
    """
    newest = records.history(work.session, whose.tenant_id, record_id)[-1].revision
    if not newest.activities:
        raise ConflictError(
            "This record counts no longer", expected="a record that counts", got="a removed one", record=newest.record_key
        )
    return newest


def _take_back(work: Work, whose: Whose, place: RecordPlace) -> Removed:
    """Take in a document that takes one declared activity back.

    Raises:
        ConflictError: It is removed already, or its connector reads no such documents.
    """
    newest = _counting(work, whose, place.record_id)
    if newest.connector != ACTIVITIES.manifest.connector_id:
        raise ConflictError(
            "Activities of this connector are removed where they come from",
            expected=ACTIVITIES.manifest.connector_id,
            got=newest.connector,
            record=newest.record_key,
        )
    body = removal_document(newest.record_key, instant_to_text(work.services.clock.now()))
    received = Received(body, "application/x-ndjson", EvidenceClass.TYPED)
    report = import_document(work, whose, newest.connector, received)
    return Removed(newest.record_key, report.months)
