"""Removing a record: it no longer counts, and its history stays."""

from dataclasses import dataclass

from app.services import Whose, Work
from app.store import connections, periods, records
from app.store.records import RecordInput
from app.usecases.derive import MeterSite
from app.usecases.rederive_meter import rederive_meter
from domain.errors import ConflictError
from domain.period import Month


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
    original of which a part was removed will say so.

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
    newest = records.history(session, whose.tenant_id, record_id)[-1].revision
    if not newest.activities:
        raise ConflictError(
            "This record counts no longer", expected="a record that counts", got="a removed one", record=newest.record_key
        )
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
