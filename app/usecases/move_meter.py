"""Moving a meter: its place was wrong, or it moved; all its readings are cut and keyed again from the originals."""

from dataclasses import dataclass, field

from app.services import Whose, Work
from app.store import documents, records
from app.store.connections import ConnectionRow
from app.store.documents import DocumentRow
from app.store.records import RecordInput
from app.usecases.derive import DerivedRecord, MeterSite, cut_document, day_record, span_record
from app.usecases.keep_original import fetch_original
from connectors import registry
from domain.meter_day import DayReadings, MeterDayId, merge_readings
from domain.period import Month


@dataclass
class _Again:
    """What the originals say about a meter, taken in again in the order in which they came."""

    days: dict[MeterDayId, DayReadings] = field(default_factory=dict)
    records: dict[str, DerivedRecord] = field(default_factory=dict)
    digests: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def take(self, name: str, site: MeterSite, connector: str, original: bytes, row: DocumentRow) -> None:
        cut = cut_document(registry.find(connector).parse(original), {name: site})
        for day, readings in cut.days.items():
            self.days[day] = merge_readings(self.days.get(day, {}), readings)
            made = day_record(day, self.days[day], unit=cut.unit[day.kind], site=site, evidence=row.evidence)
            self._keep(made, (*self.digests.get(made.record_key, ()), row.sha256))
        for span in cut.spans:
            self._keep(span_record(span, unit=cut.unit[span.kind], site=site, evidence=row.evidence), (row.sha256,))

    def _keep(self, made: DerivedRecord, digests: tuple[str, ...]) -> None:
        self.records[made.record_key], self.digests[made.record_key] = made, digests


def move_meter(work: Work, whose: Whose, connection: ConnectionRow, name: str, site: MeterSite) -> frozenset[Month]:
    """Cut and key a meter's readings again for another place; what it said before stays in the history.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection: The connection that the meter belongs to.
        name: The provider's name of the meter point.
        site: Where the meter is now.

    Returns:
        The months whose activity is other than before.

    Raises:
        ArchiveError: An original is lost or changed; nothing is moved.
        NotFoundError: The subject's key was destroyed.
    """
    session, tenant_id = work.session, whose.tenant_id
    keys = records.keys_of_usage_point(session, tenant_id, connection.id, name)
    known = records.current_profiles(session, tenant_id, connection.id, keys)
    used = {digest for revision in known.values() for digest in revision.document_sha256s}
    again = _Again()
    rows = [row for row in documents.of_subject(session, tenant_id, whose.subject_id) if row.sha256 in used]
    for row in sorted(rows, key=lambda one: (one.received_at, one.id)):
        again.take(name, site, connection.connector, fetch_original(work, row), row)
    version = registry.find(connection.connector).manifest.parser_version
    inputs = [
        RecordInput(connection.connector, version, key, name, again.digests[key], made.activities)
        for key, made in again.records.items()
    ]
    inputs += [
        RecordInput(connection.connector, version, key, name, known[key].document_sha256s, ())
        for key in keys
        if key not in again.records
    ]
    stored = records.upsert_many(
        session,
        tenant_id,
        whose.subject_id,
        connection.id,
        inputs,
        recorded_at=work.services.clock.now(),
        new_id=work.services.randomness.id,
    )
    return frozenset(month for one in stored for month in one.months)
