"""Taking in the activities of one document: place, split over months, merge with what is known, keep the original, store."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.services import Services, Whose, Work
from app.store import connections, documents, duplicates, periods, records, subjects
from app.store.connections import ConnectionRow, UsagePointRow
from app.store.records import Outcome, RecordInput
from app.store.subjects import SubjectRow
from app.usecases.derive import DerivedRecord
from app.usecases.derive_declared import (
    DeclaredCheck,
    SourcedActivities,
    declared_record,
    newest_sayings,
    order_of_trails,
    places_of_documents,
    region_of_line,
)
from app.usecases.import_report import LISTED_COUNT, ImportReport, declared_totals, inputs_sha256, keep_report
from app.usecases.keep_original import Received, fetch_original, keep_original
from app.usecases.place_meter import ask_for_zone, check_zone
from app.usecases.record_home import home_of_activities
from connectors import registry
from domain.coverage import METERED_KINDS
from domain.declared import DECLARED_USAGE_POINT, ActivityDocument, DeclaredActivity
from domain.errors import ConflictError, DocumentError, FactorError, InputError, PlaceError, TimeError
from domain.period import local_day, zone_of
from domain.place import Place
from domain.record import RecordRevision

_ONE_DAY = timedelta(days=1)


def import_activities(
    work: Work,
    whose: Whose,
    connector_name: str,
    received: Received,
    *,
    place: Place | None,
    document: ActivityDocument,
    connection: ConnectionRow | None = None,
) -> ImportReport:
    """Take in the activities of one document of a subject: each by itself, so that one that is refused leaves the others alone.

    The newest word of an activity counts. A document that came before changes nothing of what later ones corrected.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connector_name: Which connector read it.
        received: The file, with the evidence that is believed of it.
        place: Where those activities happened that do not say it; else where it was said before of this very document, else the
            subject's home.
        document: What the connector read in it.
        connection: The connection that it was pulled through; the standing one of files where left out.

    Returns:
        What became of it.

    Raises:
        NotFoundError: There is no such subject or connector.
        PlaceError: The place does not exist, or its time zone must be asked for.
        ConflictError: Its days are said to be those of another time zone than before.
        ArchiveError: Another parser read what is stored, and an original of it is lost.
    """
    session, services = work.session, work.services
    subject = subjects.by_id(session, whose.tenant_id, whose.subject_id)
    connection = connection or connections.standing_file(
        session,
        whose.tenant_id,
        whose.subject_id,
        connector_name,
        connection_id=services.randomness.id(),
        now=services.clock.now(),
    )
    given = connection
    connection = home_of_activities(work, whose, connection, document.spoken_keys())
    zone_name = _place_of_days(work, subject, connection, place)
    original = keep_original(work, whose, connector_name, received)
    newest = SourcedActivities(original.sha256, received.evidence, document)
    taking = _Taking(work, whose, connection, zone_name, subject=subject, place=place)
    taken = taking.take(newest)
    stored = records.upsert_many(
        session,
        whose.tenant_id,
        whose.subject_id,
        connection.id,
        taken.inputs,
        recorded_at=services.clock.now(),
        new_id=services.randomness.id,
    )
    months = sorted({month for one in stored for month in one.months})
    periods.mark_changed(session, whose.tenant_id, whose.subject_id, months)
    counting = {one.record_key for one in taken.inputs if one.activities}
    outcomes = Counter(one.outcome for one in stored if one.record_key in counting or one.outcome is Outcome.CHANGED)
    refused = (*document.refused, *taken.refused)
    report = ImportReport(
        document_sha256=original.sha256,
        is_known=original.is_known,
        reading_count=len(document.activities),
        new_count=outcomes[Outcome.NEW],
        changed_count=outcomes[Outcome.CHANGED],
        same_count=outcomes[Outcome.SAME] + taken.stayed_count,
        refused=tuple(one.sentence() for one in refused[:LISTED_COUNT]),
        refused_count=len(refused),
        notes=(*taken.notes, *_double_count_notes(work, whose, connection, document)),
        months=tuple(months),
        meters={},
        import_id=services.randomness.id(),
        refusals=refused,
    )
    is_pulled = given.id == connection.id and not connection.is_file
    named = inputs_sha256(services, connection, subject, place, original.sha256) if is_pulled else ""
    keep_report(
        work,
        whose,
        report,
        received,
        connector=connector_name,
        totals=declared_totals(document.activities),
        days=_days_of(document),
        refused=refused,
        inputs_sha256=named,
    )
    return report


@dataclass(frozen=True, slots=True)
class _Taken:
    """What is to be stored, how much stays as it is, what was refused for what it says, and what a person should know."""

    inputs: list[RecordInput]
    stayed_count: int
    refused: tuple[DocumentError, ...]
    notes: tuple[str, ...]


class _Taking:
    """One document on its way into the records of a connection."""

    def __init__(
        self, work: Work, whose: Whose, connection: ConnectionRow, zone_name: str, *, subject: SubjectRow, place: Place | None
    ) -> None:
        services = work.services
        self._work, self._whose, self._connection, self._zone = work, whose, connection, zone_of(zone_name)
        self._given = place
        self._home = Place(subject.region, subject.country) if subject.region else None
        self._factor_set = services.factor_set
        self._check = DeclaredCheck(services.factor_set)
        self._version = registry.find(connection.connector).manifest.parser_version
        self._today = local_day(services.clock.now(), self._zone)

    def take(self, newest: SourcedActivities) -> _Taken:
        """What follows from a document and what is known."""
        keys = dict.fromkeys(newest.document.spoken_keys())
        known = records.current_profiles(self._work.session, self._whose.tenant_id, self._connection.id, keys)
        default = self._given or self._place_before(newest, known) or self._home
        made: dict[str, DerivedRecord] = {}
        refused: list[DocumentError] = []
        for activity in newest.document.activities:
            try:
                made[activity.record_key] = self._record(activity, default, newest)
            except (InputError, FactorError) as error:
                refused.append(_refusal(activity, error))
        counting: dict[str, DerivedRecord | None] = {**made, **dict.fromkeys(newest.document.removed_keys)}
        inputs, stayed_count = self._merged(newest, self._decided(newest, counting), known)
        notes = [*_notes_of(newest.document, made, default), *_stayed_note(stayed_count)]
        again = self._read_again({one.record_key for one in inputs})
        return _Taken([*inputs, *again], stayed_count, tuple(refused), tuple(notes))

    def _record(self, activity: DeclaredActivity, default: Place | None, source: SourcedActivities) -> DerivedRecord:
        if activity.start_date > self._today or activity.end_date > self._today + _ONE_DAY:
            raise TimeError(
                "This activity lies in the future",
                expected=f"an end up to {self._today + _ONE_DAY}",
                got=f"{activity.start_date} to {activity.end_date}",
                record="end",
                next_step="Take the file in again when it has happened; check the year.",
            )
        region = region_of_line(activity, default, self._factor_set)
        self._check.check(activity, region)
        return declared_record(activity, region, self._zone, source.evidence)

    def _decided(
        self, newest: SourcedActivities, counting: Mapping[str, DerivedRecord | None]
    ) -> dict[str, DerivedRecord | None]:
        """What counts after what a person decided: what was set aside does not, whatever its source goes on saying of it."""
        aside = duplicates.set_aside_keys(self._work.session, self._whose.tenant_id, self._connection.id, counting)
        said = {key: None if key in aside else record for key, record in counting.items()}
        said |= dict.fromkeys(newest.document.set_aside_keys)
        if newest.document.restored_keys:
            said |= self._as_told(newest.document.restored_keys)
        return said

    def _as_told(self, record_keys: Sequence[str]) -> dict[str, DerivedRecord | None]:
        """Records as their source says them, read again from their originals, at the place that they were counted at."""
        session, tenant_id = self._work.session, self._whose.tenant_id
        known = records.current_profiles(session, tenant_id, self._connection.id, record_keys)
        counted = records.last_counting(session, tenant_id, self._connection.id, record_keys)
        sources = self._originals([one.document_sha256s for one in known.values()])
        told = newest_sayings(sources, lambda digest, activity: _is_of_trail(known, digest, activity))
        found: dict[str, DerivedRecord | None] = {}
        for record_key in record_keys:
            said = told.get(record_key)
            before = counted.get(record_key)
            if said is None or said.told is None or before is None:
                found[record_key] = None
                continue
            region = before.activities[0].key.region
            place = Place(region, region.partition("/")[0])
            found[record_key] = declared_record(
                said.told, region_of_line(said.told, place, self._factor_set), self._zone, said.evidence
            )
        return found

    def _merged(
        self,
        newest: SourcedActivities,
        said: Mapping[str, DerivedRecord | None],
        known: Mapping[str, RecordRevision],
    ) -> tuple[list[RecordInput], int]:
        """What the document adds to each record that it speaks about, and how many stay as later documents left them."""
        inputs, stayed_count = [], 0
        for record_key, record in said.items():
            before = known.get(record_key)
            trail = before.document_sha256s if before else ()
            if before and newest.sha256 in trail[:-1]:
                stayed_count += 1
                continue
            trail = trail if trail[-1:] == (newest.sha256,) else (*trail, newest.sha256)
            inputs.append(_input(self._connection, self._version, record_key, trail, record))
        return inputs, stayed_count

    def _place_before(self, newest: SourcedActivities, known: Mapping[str, RecordRevision]) -> Place | None:
        """Where the activities of this very document were counted that do not say it; None where it is new."""
        return places_of_documents(_claims(newest, known)).get(newest.sha256)

    def _read_again(self, said_keys: set[str]) -> Iterator[RecordInput]:
        """Records that another version of the parser read, read again from all their originals."""
        session, tenant_id = self._work.session, self._whose.tenant_id
        if not records.was_read_otherwise(session, tenant_id, self._connection.id, DECLARED_USAGE_POINT, self._version):
            return
        states = [
            one
            for one in records.of_usage_point(session, tenant_id, self._connection.id, DECLARED_USAGE_POINT)
            if one.record_key not in said_keys
        ]
        sources = self._originals([one.document_sha256s for one in states])
        known = records.last_counting(session, tenant_id, self._connection.id, [one.record_key for one in states])
        places = places_of_documents(claim for source in sources for claim in _claims(source, known))
        trails = {one.record_key: one.document_sha256s for one in states}
        said = newest_sayings(sources, lambda digest, activity: digest in trails.get(activity.record_key, ()))
        for record_key, trail in trails.items():
            found = said.get(record_key)
            made = None
            if found and found.activity:
                region = region_of_line(found.activity, places.get(found.told_sha256, self._home), self._factor_set)
                made = declared_record(found.activity, region, self._zone, found.evidence)
            yield _input(self._connection, self._version, record_key, found.document_sha256s if found else trail, made)

    def _originals(self, trails: Sequence[Sequence[str]]) -> list[SourcedActivities]:
        order = order_of_trails(trails, record=self._connection.connector)
        sources = []
        for digest in order:
            row = documents.by_sha256(self._work.session, self._whose.tenant_id, self._whose.subject_id, digest)
            document = registry.read(self._connection.connector, fetch_original(self._work, row))
            if isinstance(document, ActivityDocument):
                sources.append(SourcedActivities(digest, row.evidence, document))
        return sources


def _input(
    connection: ConnectionRow,
    version: str,
    record_key: str,
    trail: tuple[str, ...],
    made: DerivedRecord | RecordRevision | None,
) -> RecordInput:
    return RecordInput(connection.connector, version, record_key, DECLARED_USAGE_POINT, trail, made.activities if made else ())


def _is_of_trail(known: Mapping[str, RecordRevision], digest: str, activity: DeclaredActivity) -> bool:
    before = known.get(activity.record_key)
    return before is not None and digest in before.document_sha256s


def _claims(source: SourcedActivities, known: Mapping[str, RecordRevision]) -> Iterator[tuple[str, DeclaredActivity, str]]:
    """Activities of a document that stored records were taken from, with the regions that they are counted at."""
    for activity in source.document.activities:
        before = known.get(activity.record_key)
        if before and before.activities and before.document_sha256s[-1:] == (source.sha256,):
            yield source.sha256, activity, before.activities[0].key.region


def _place_of_days(work: Work, subject: SubjectRow, connection: ConnectionRow, place: Place | None) -> str:
    """IANA zone that declared days are days of: registered with the first document, the subject's own unless one was given.

    Raises:
        ConflictError: Another one is given now.
        PlaceError: The place does not exist, or its zone must be asked for.
    """
    services = work.services
    if place is not None:
        services.factor_set.regions.chain(place.region, record="place")
    points = connections.usage_points_of(work.session, subject.tenant_id, connection.id)
    registered = next((point for point in points if point.name == DECLARED_USAGE_POINT), None)
    if registered is not None:
        if place is not None and place.zone not in {"", registered.zone}:
            raise ConflictError(
                "The declared days of this subject are days of another time zone",
                expected=registered.zone,
                got=place.zone,
                record="zone",
                next_step="Leave the zone out.",
            )
        return registered.zone
    zone_name, zone_source = _zone_of(services, subject, place)
    region = place.region if place else subject.region
    connections.put_usage_point(
        work.session,
        UsagePointRow(
            services.randomness.id(), subject.tenant_id, connection.id, DECLARED_USAGE_POINT, region, zone_name, zone_source
        ),
    )
    return zone_name


def _zone_of(services: Services, subject: SubjectRow, place: Place | None) -> tuple[str, str]:
    """Zone of declared days, and how it is known.

    Raises:
        PlaceError: It must be asked for.
    """
    if place is not None and place.zone:
        check_zone(place, services.zones_of_region(place.region), record="place")
        return place.zone, "given"
    if subject.zone:
        return subject.zone, "registered"
    if place is None:
        raise PlaceError(
            "We do not know where these activities happened",
            expected="a ZIP code or a country",
            got="neither",
            record="place",
            next_step="Give a place for the whole file.",
        )
    zones = services.zones_of_region(place.region)
    if len(zones) != 1:
        ask_for_zone(place, zones, record="place", next_step="Name the time zone of the place.")
    return zones[0], "only zone of the region"


def _refusal(activity: DeclaredActivity, error: InputError | FactorError) -> DocumentError:
    """Why an activity was not taken in, with its line."""
    where = f"line {activity.line_number}, {error.record}" if error.record else f"line {activity.line_number}"
    return DocumentError(
        error.message, expected=error.expected, got=error.got, record=where, next_step=error.next_step or "Correct this line."
    )


def _notes_of(document: ActivityDocument, made: Mapping[str, DerivedRecord], default: Place | None) -> Iterator[str]:
    regionless = [one for one in document.activities if not one.region and one.record_key in made]
    if regionless and default:
        only_country_count = sum(one.needs_only_country for one in regionless)
        if only_country_count < len(regionless):
            yield f"{len(regionless) - only_country_count} activities without a region are counted at {default.region}"
        if only_country_count:
            yield f"{only_country_count} flights, purchases or reports without a region are counted at {default.country}"


def _stayed_note(stayed_count: int) -> Iterator[str]:
    if stayed_count:
        yield f"{stayed_count} activities of this file were corrected or taken back by later ones, and stay so"


def _double_count_notes(work: Work, whose: Whose, own: ConnectionRow, document: ActivityDocument) -> Iterator[str]:
    """Where meters or bills of the same commodity are known: nobody can tell whether a line says what they say."""
    declared = sorted({one.kind for one in document.activities} & METERED_KINDS)
    others = [
        one.connector for one in connections.of_subject(work.session, whose.tenant_id, whose.subject_id) if one.id != own.id
    ]
    if declared and others:
        names = ", ".join(declared)
        yield f"{names} of this file counts beside what {', '.join(sorted(set(others)))} says; leave out what is there"


def _days_of(document: ActivityDocument) -> tuple[date, date] | None:
    """First and last local day that a document declares something of, both in."""
    if not document.activities:
        return None
    first = min(one.start_date for one in document.activities)
    return first, max(one.end_date for one in document.activities) - _ONE_DAY
