"""Records: what sources say, kept revision by revision; the same content again changes nothing."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from hashlib import sha256
from itertools import islice
from typing import Any

from sqlalchemy import BindParameter, Row, Select, Table, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.store import profile_codec, tables
from app.store.activity_rows import ActivityReader, activity_values, key_values, select_activities
from app.store.rows import found
from app.store.tenant import check_tenant, of_tenant
from domain.activity import Activity, ActivityKey
from domain.canonical import to_canonical
from domain.errors import NotFoundError
from domain.period import Month, MonthRange
from domain.record import RecordRevision, activity_to_json

CHUNK_COUNT = 500
"""Names in one `IN (...)`: under every database's limit."""


class Outcome(StrEnum):
    """What storing a record came to."""

    NEW = "new"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class RecordInput:
    """What a source says now about one thing.

    Attributes:
        connector: Which connector read it.
        parser_version: Version of its parser.
        record_key: The source's own name of the thing.
        usage_point: Meter point, or empty.
        document_sha256s: All documents it was taken from, 64 hexadecimal digits each, in the order in which they were merged;
            stored before.
        activities: What follows from it; empty for a removal.
    """

    connector: str
    parser_version: str
    record_key: str
    usage_point: str
    document_sha256s: tuple[str, ...]
    activities: tuple[Activity, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one input.

    Attributes:
        record_key: Which record.
        outcome: New, changed or same.
        revision: Its newest revision now.
        months: Months whose activity is other than before: those of the old and of the new activities; empty where same.
    """

    record_key: str
    outcome: Outcome
    revision: int
    months: frozenset[Month]


@dataclass(frozen=True, slots=True)
class StoredRevision:
    """A record revision with its id.

    Attributes:
        record_revision_id: Its id in the store.
        record_id: Id of its record.
        revision: What it says.
    """

    record_revision_id: str
    record_id: str
    revision: RecordRevision


@dataclass(frozen=True, slots=True)
class _Latest:
    record_id: str
    record_revision_id: str
    revision: int
    content_sha256: bytes
    parser_version: str


@dataclass(frozen=True, slots=True)
class _Place:
    tenant_id: str
    subject_id: str
    connection_id: str


_WRITE_ORDER = (tables.RECORD, tables.RECORD_REVISION, tables.RECORD_DOCUMENT, tables.ACTIVITY)


def upsert(
    session: Session,
    tenant_id: str,
    subject_id: str,
    connection_id: str,
    record: RecordInput,
    *,
    recorded_at: datetime,
    new_id: Callable[[], str],
) -> Stored:
    """Store what a source says about one thing; `upsert_many` of one."""
    return upsert_many(session, tenant_id, subject_id, connection_id, [record], recorded_at=recorded_at, new_id=new_id)[0]


def upsert_many(
    session: Session,
    tenant_id: str,
    subject_id: str,
    connection_id: str,
    inputs: Sequence[RecordInput],
    *,
    recorded_at: datetime,
    new_id: Callable[[], str],
) -> tuple[Stored, ...]:
    """Store what a source says about many things, each once.

    The same content as the newest revision, read by the same parser, changes nothing but its trail: documents that say it again
    are linked, and its intervals get the feed times of who said it last. Other content, or another parser, becomes the next
    revision, and the activities of the one before are no longer current, but stay.

    Args:
        session: The open transaction; writers of one connection take turns.
        tenant_id: The subject's tenant.
        subject_id: Whose records.
        connection_id: The connection they came through.
        inputs: At most one per record key.
        recorded_at: When we took them in.
        new_id: Gives a new random id at each call.

    Returns:
        What became of each, in the order of the inputs.

    Raises:
        NotFoundError: The connection is not this subject's, or a document is not stored.
    """
    _lock_connection(session, tenant_id, subject_id, connection_id)
    latest = _latest(session, tenant_id, connection_id, [one.record_key for one in inputs])
    contents = [content_sha256(one.activities) for one in inputs]
    changes = [
        (one, content)
        for one, content in zip(inputs, contents, strict=True)
        if one.record_key not in latest
        or (latest[one.record_key].content_sha256, latest[one.record_key].parser_version) != (content, one.parser_version)
    ]
    old_months = _months_of(session, tenant_id, [latest[one.record_key] for one, _ in changes if one.record_key in latest])
    place = _Place(tenant_id, subject_id, connection_id)
    _write(session, place, changes, latest, recorded_at=recorded_at, new_id=new_id)
    changed_keys = {one.record_key for one, _ in changes}
    _say_again(session, place, [(one, latest[one.record_key]) for one in inputs if one.record_key not in changed_keys])
    return tuple(_stored(one, latest.get(one.record_key), one.record_key in changed_keys, old_months) for one in inputs)


def content_sha256(activities: Iterable[Activity]) -> bytes:
    """SHA-256 of what a record says: the canonical JSON of its activities, and their packed values without feed times."""
    digest = sha256()
    for activity in activities:
        for part in (
            to_canonical(activity_to_json(activity)),
            b"" if activity.profile is None else profile_codec.encode_content(activity.profile),
        ):
            digest.update(len(part).to_bytes(4, "big"))
            digest.update(part)
    return digest.digest()


def current_profiles(
    session: Session, tenant_id: str, connection_id: str, record_keys: Iterable[str]
) -> dict[str, RecordRevision]:
    """The newest revision of each of these records that is stored, with profiles, so that intervals can be merged.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: The connection they came through.
        record_keys: Their names at the source.

    Returns:
        Record key to its newest revision; a record that is not stored is left out.
    """
    record, revision = tables.RECORD, tables.RECORD_REVISION
    result: dict[str, RecordRevision] = {}
    for keys in _chunks(record_keys):
        query = _select_revisions(tenant_id).where(
            record.c.connection_id == connection_id,
            record.c.record_key.in_(keys),
            revision.c.revision == record.c.latest_revision,
        )
        result |= {one.revision.record_key: one.revision for one in _read(session, tenant_id, query)}
    return result


def last_counting(session: Session, tenant_id: str, connection_id: str, record_keys: Iterable[str]) -> dict[str, RecordRevision]:
    """The newest revision of each of these records that said something; what counts no longer counted as this one says.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: The connection they came through.
        record_keys: Their names at the source.

    Returns:
        Record key to that revision; a record that never counted is left out.
    """
    record, revision = tables.RECORD, tables.RECORD_REVISION
    result: dict[str, RecordRevision] = {}
    for keys in _chunks(record_keys):
        query = (
            _select_revisions(tenant_id)
            .where(record.c.connection_id == connection_id, record.c.record_key.in_(keys), ~revision.c.is_removal)
            .order_by(revision.c.revision)
        )
        result |= {one.revision.record_key: one.revision for one in _read(session, tenant_id, query)}
    return result


def was_read_otherwise(session: Session, tenant_id: str, connection_id: str, usage_point: str, parser_version: str) -> bool:
    """Whether a record of a meter point that counts was read by another version of the parser."""
    check_tenant(tenant_id)
    values = {"of_tenant": tenant_id, "of_connection": connection_id, "of_point": usage_point, "of_version": parser_version}
    return session.execute(_reading_otherwise(), values).first() is not None


@cache
def _reading_otherwise() -> Select[Any]:
    """The statement of `was_read_otherwise`, made once: it runs for every document."""
    record, revision = tables.RECORD, tables.RECORD_REVISION
    return (
        select(record.c.id)
        .join(revision, (revision.c.record_id == record.c.id) & (revision.c.revision == record.c.latest_revision))
        .where(
            record.c.tenant_id == bindparam("of_tenant"),
            record.c.connection_id == bindparam("of_connection"),
            record.c.usage_point == bindparam("of_point"),
            revision.c.parser_version != bindparam("of_version"),
            ~revision.c.is_removal,
        )
        .limit(1)
    )


@dataclass(frozen=True, slots=True)
class RecordState:
    """A record of a meter point as it stands, without what it says.

    Attributes:
        record_key: Its name.
        parser_version: Of what its newest revision was read with.
        is_removal: Whether its newest revision says nothing.
        document_sha256s: What the newest revision was taken from, in order; a removal on purpose was taken from none.
    """

    record_key: str
    parser_version: str
    is_removal: bool
    document_sha256s: tuple[str, ...]


def of_usage_point(session: Session, tenant_id: str, connection_id: str, usage_point: str) -> tuple[RecordState, ...]:
    """All records of a meter point, by record key, removed ones, too."""
    query = of_tenant(_select_states(connection_id, usage_point), tables.RECORD, tenant_id)
    return _states(session, tenant_id, session.execute(query).all())


def bearing_on(
    session: Session, tenant_id: str, connection_id: str, usage_point: str, record_keys: Iterable[str]
) -> tuple[RecordState, ...]:
    """Records of a meter point that these can touch: themselves, and every span (a key of four parts, `cut.spans`).

    A meter has few spans and many days, so this does not grow with its history as `of_usage_point` does.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: The connection they came through.
        usage_point: The provider's name of the meter point.
        record_keys: Keys of meter days and spans.
    """
    check_tenant(tenant_id)
    values = {"of_tenant": tenant_id, "of_connection": connection_id, "of_point": usage_point, "after": len(usage_point) + 1}
    found: dict[str, RecordState] = {}
    for keys in tuple(_chunks(record_keys)) or ([],):
        rows = session.execute(_bearing(), values | {"of_keys": keys}).all()
        found |= {one.record_key: one for one in _states(session, tenant_id, rows)}
    return tuple(found.values())


@cache
def _bearing() -> Select[Any]:
    """The statement of `bearing_on`, made once: it runs for every document."""
    record = tables.RECORD
    is_span = func.substr(record.c.record_key, bindparam("after")).like("|%|%|%")
    is_named = record.c.record_key.in_(bindparam("of_keys", expanding=True))
    query = _select_states(bindparam("of_connection"), bindparam("of_point"))
    return query.where(or_(is_span, is_named), record.c.tenant_id == bindparam("of_tenant"))


def _select_states(connection_id: str | BindParameter[str], usage_point: str | BindParameter[str]) -> Select[Any]:
    record, revision = tables.RECORD, tables.RECORD_REVISION
    return (
        select(record.c.record_key, revision.c.id, revision.c.parser_version, revision.c.is_removal)
        .join(revision, (revision.c.record_id == record.c.id) & (revision.c.revision == record.c.latest_revision))
        .where(record.c.connection_id == connection_id, record.c.usage_point == usage_point)
        .order_by(record.c.record_key)
    )


def _states(session: Session, tenant_id: str, rows: Sequence[Row[Any]]) -> tuple[RecordState, ...]:
    documents = _documents_by_revision(session, tenant_id, [row.id for row in rows])
    return tuple(
        RecordState(row.record_key, row.parser_version, row.is_removal, tuple(documents.get(row.id, ()))) for row in rows
    )


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record belongs.

    Attributes:
        record_id: Its id in the store.
        connection_id: The connection it came through.
        record_key: Its name there.
        usage_point: Meter point, or empty.
        latest_revision: Number of its newest revision.
    """

    record_id: str
    connection_id: str
    record_key: str
    usage_point: str
    latest_revision: int


def place_of(session: Session, tenant_id: str, subject_id: str, record_id: str) -> RecordPlace:
    """Where a record of a subject belongs.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        record_id: Its id.

    Returns:
        Its connection and name.

    Raises:
        NotFoundError: The subject has no such record.
    """
    table = tables.RECORD
    query = select(table.c.id, table.c.connection_id, table.c.record_key, table.c.usage_point, table.c.latest_revision).where(
        table.c.id == record_id, table.c.subject_id == subject_id
    )
    row = found(session.execute(of_tenant(query, table, tenant_id)).first(), "record", record_id)
    return RecordPlace(row.id, row.connection_id, row.record_key, row.usage_point, row.latest_revision)


def revisions_for_period(session: Session, tenant_id: str, subject_id: str, months: MonthRange) -> tuple[StoredRevision, ...]:
    """The newest revisions that have activity in these months: what a statement is computed from.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        months: Month labels.

    Returns:
        Each with all its activities (also those of other months), by connector, usage point and record key.
    """
    record, revision, activity = tables.RECORD, tables.RECORD_REVISION, tables.ACTIVITY
    with_activity = (
        select(activity.c.record_revision_id)
        .where(
            activity.c.subject_id == subject_id,
            activity.c.month_ym >= months.first.ym,
            activity.c.month_ym < months.end.ym,
            activity.c.is_current,
        )
        .distinct()
    )
    query = (
        _select_revisions(tenant_id)
        .where(record.c.subject_id == subject_id, revision.c.id.in_(of_tenant(with_activity, activity, tenant_id)))
        .order_by(revision.c.connector, record.c.usage_point, record.c.record_key, record.c.id)
    )
    return tuple(_read(session, tenant_id, query))


def counting_of_kind(session: Session, tenant_id: str, subject_id: str, kind: str) -> tuple[StoredRevision, ...]:
    """The newest revisions that have activity of a kind, with all their activities, by connector and record key."""
    record, revision, activity, key = tables.RECORD, tables.RECORD_REVISION, tables.ACTIVITY, tables.ACTIVITY_KEY
    of_kind = (
        select(activity.c.record_revision_id)
        .join(key, (key.c.tenant_id == activity.c.tenant_id) & (key.c.key_id == activity.c.key_id))
        .where(activity.c.subject_id == subject_id, activity.c.is_current, key.c.kind == kind)
        .distinct()
    )
    query = (
        _select_revisions(tenant_id)
        .where(record.c.subject_id == subject_id, revision.c.id.in_(of_tenant(of_kind, activity, tenant_id)))
        .order_by(revision.c.connector, record.c.record_key, record.c.id)
    )
    return tuple(_read(session, tenant_id, query))


def revisions_for_month(session: Session, tenant_id: str, subject_id: str, month: Month) -> tuple[StoredRevision, ...]:
    """As `revisions_for_period`, of one month."""
    return revisions_for_period(session, tenant_id, subject_id, MonthRange.of_month(month))


def by_revision_id(session: Session, tenant_id: str, record_revision_id: str) -> StoredRevision:
    """The record revision of an id, whether or not it is the newest.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        record_revision_id: Its id.

    Returns:
        The revision with its activities.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    query = _select_revisions(tenant_id).where(tables.RECORD_REVISION.c.id == record_revision_id)
    one = next(iter(_read(session, tenant_id, query)), None)
    if one is None:
        raise NotFoundError("There is no such record", expected="the id of a record revision of yours", got=record_revision_id)
    return one


def trails_of(session: Session, tenant_id: str, record_revision_ids: Iterable[str]) -> dict[str, tuple[int, tuple[str, ...]]]:
    """Record revision id to its number and the SHA-256 of its documents, sorted; what is not stored is left out."""
    table, ids = tables.RECORD_REVISION, sorted(set(record_revision_ids))
    documents = _documents_by_revision(session, tenant_id, ids)
    result: dict[str, tuple[int, tuple[str, ...]]] = {}
    for some in _chunks(ids):
        query = select(table.c.id, table.c.revision).where(table.c.id.in_(some))
        rows = session.execute(of_tenant(query, table, tenant_id))
        result |= {row.id: (row.revision, tuple(sorted(documents.get(row.id, ())))) for row in rows}
    return result


def history(session: Session, tenant_id: str, record_id: str) -> tuple[StoredRevision, ...]:
    """All revisions of a record, oldest first."""
    revision = tables.RECORD_REVISION
    query = _select_revisions(tenant_id).where(revision.c.record_id == record_id).order_by(revision.c.revision)
    return tuple(_read(session, tenant_id, query))


def holders_of_keys(
    session: Session, tenant_id: str, subject_id: str, connector: str, record_keys: Iterable[str], *, but_not: str
) -> dict[str, tuple[str, ...]]:
    """Other connections of a subject and connector that have records of these names.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        connector: Name of the connector.
        record_keys: Names of records.
        but_not: A connection that is not asked for.

    Returns:
        Connection id to the record keys that it has.
    """
    record, connection = tables.RECORD, tables.CONNECTION
    found: dict[str, list[str]] = {}
    others = of_tenant(
        select(connection.c.id).where(
            connection.c.subject_id == subject_id, connection.c.connector == connector, connection.c.id != but_not
        ),
        connection,
        tenant_id,
    )
    ids = list(session.execute(others.order_by(connection.c.created_at, connection.c.id)).scalars())
    for keys in _chunks(record_keys) if ids else ():
        query = select(record.c.connection_id, record.c.record_key).where(
            record.c.connection_id.in_(ids), record.c.record_key.in_(keys)
        )
        for row in session.execute(of_tenant(query, record, tenant_id)):
            found.setdefault(row.connection_id, []).append(row.record_key)
    return {connection_id: tuple(sorted(found[connection_id])) for connection_id in ids if connection_id in found}


def move_keys(session: Session, tenant_id: str, from_id: str, to_id: str, record_keys: Iterable[str]) -> None:
    """Move records of these names, with their history, from one connection to another that has none of them.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        from_id: The connection that they belong to.
        to_id: The connection that they shall belong to.
        record_keys: Their names.
    """
    record = tables.RECORD
    for keys in _chunks(record_keys):
        moved = update(record).where(record.c.connection_id == from_id, record.c.record_key.in_(keys)).values(connection_id=to_id)
        session.execute(of_tenant(moved, record, tenant_id))


def move_usage_point(session: Session, tenant_id: str, from_id: str, to_id: str, usage_point: str) -> None:
    """Move all records of a usage point, with their history, from one connection to another that has none of them.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        from_id: The connection that they belong to.
        to_id: The connection that they shall belong to.
        usage_point: The meter point.
    """
    record = tables.RECORD
    moved = (
        update(record).where(record.c.connection_id == from_id, record.c.usage_point == usage_point).values(connection_id=to_id)
    )
    session.execute(of_tenant(moved, record, tenant_id))


def remove_of_connection(session: Session, tenant_id: str, connection_id: str) -> int:
    """Delete all records of a connection with revisions, links and activities; how many records there were.

    Closed statements keep their totals; their leaves are removed with `statements.erase_inputs`.
    """
    record, revision = tables.RECORD, tables.RECORD_REVISION
    mine = of_tenant(select(record.c.id).where(record.c.connection_id == connection_id), record, tenant_id)
    pair = tables.DUPLICATE
    of_pairs = or_(pair.c.keep_record_id.in_(mine), pair.c.aside_record_id.in_(mine))
    session.execute(of_tenant(delete(pair).where(of_pairs), pair, tenant_id))
    revisions = of_tenant(select(revision.c.id).where(revision.c.record_id.in_(mine)), revision, tenant_id)
    for table in (tables.ACTIVITY, tables.RECORD_DOCUMENT):
        session.execute(of_tenant(delete(table).where(table.c.record_revision_id.in_(revisions)), table, tenant_id))
    session.execute(of_tenant(delete(revision).where(revision.c.record_id.in_(mine)), revision, tenant_id))
    gone = session.execute(
        of_tenant(delete(record).where(record.c.connection_id == connection_id), record, tenant_id).returning(record.c.id)
    )
    return len(gone.all())


def _lock_connection(session: Session, tenant_id: str, subject_id: str, connection_id: str) -> None:
    table = tables.CONNECTION
    query = select(table.c.id).where(table.c.id == connection_id, table.c.subject_id == subject_id).with_for_update()
    found(session.execute(of_tenant(query, table, tenant_id)).first(), "connection", connection_id)


def _latest(session: Session, tenant_id: str, connection_id: str, record_keys: Iterable[str]) -> dict[str, _Latest]:
    check_tenant(tenant_id)
    named, result = {"of_tenant": tenant_id, "of_connection": connection_id}, {}
    for keys in _chunks(record_keys):
        for row in session.execute(_newest(), named | {"of_keys": keys}):
            result[row.record_key] = _Latest(row.id, row.revision_id, row.revision, row.content_sha256, row.parser_version)
    return result


@cache
def _newest() -> Select[Any]:
    """The statement of `_latest`, made once: it runs for every document."""
    record, revision = tables.RECORD, tables.RECORD_REVISION
    return (
        select(record.c.record_key, record.c.id, revision.c.id.label("revision_id"), revision.c.revision)
        .add_columns(revision.c.content_sha256, revision.c.parser_version)
        .join(revision, (revision.c.record_id == record.c.id) & (revision.c.revision == record.c.latest_revision))
        .where(
            record.c.tenant_id == bindparam("of_tenant"),
            record.c.connection_id == bindparam("of_connection"),
            record.c.record_key.in_(bindparam("of_keys", expanding=True)),
        )
    )


def _months_of(session: Session, tenant_id: str, latest: Sequence[_Latest]) -> dict[str, set[Month]]:
    """Record revision id to the months of its activities."""
    activity = tables.ACTIVITY
    result: dict[str, set[Month]] = {}
    for ids in _chunks(one.record_revision_id for one in latest):
        query = (
            select(activity.c.record_revision_id, activity.c.month_ym).where(activity.c.record_revision_id.in_(ids)).distinct()
        )
        for row in session.execute(of_tenant(query, activity, tenant_id)):
            result.setdefault(row.record_revision_id, set()).add(Month.from_ym(row.month_ym))
    return result


def _stored(one: RecordInput, before: _Latest | None, is_other: bool, old_months: Mapping[str, set[Month]]) -> Stored:  # noqa: FBT001 - private
    if not is_other and before is not None:
        return Stored(one.record_key, Outcome.SAME, before.revision, frozenset())
    months = frozenset(activity.month for activity in one.activities)
    if before is None:
        return Stored(one.record_key, Outcome.NEW, 1, months)
    return Stored(one.record_key, Outcome.CHANGED, before.revision + 1, months | old_months.get(before.record_revision_id, set()))


def _write(
    session: Session,
    place: _Place,
    changes: Sequence[tuple[RecordInput, bytes]],
    latest: Mapping[str, _Latest],
    *,
    recorded_at: datetime,
    new_id: Callable[[], str],
) -> None:
    tenant_id = place.tenant_id
    documents = _document_ids(session, tenant_id, place.subject_id, {sha for one, _ in changes for sha in one.document_sha256s})
    rows: dict[Table, list[dict[str, Any]]] = {table: [] for table in _WRITE_ORDER}
    for one, content in changes:
        before = latest.get(one.record_key)
        record_id, revision_id = before.record_id if before else new_id(), new_id()
        if before is None:
            rows[tables.RECORD].append(_record_values(one, place, record_id))
        rows[tables.RECORD_REVISION].append(
            {
                "id": revision_id,
                "tenant_id": tenant_id,
                "record_id": record_id,
                "revision": before.revision + 1 if before else 1,
                "content_sha256": content,
                "connector": one.connector,
                "parser_version": one.parser_version,
                "is_removal": not one.activities,
                "recorded_at": recorded_at,
            }
        )
        rows[tables.RECORD_DOCUMENT] += _link_values(one, revision_id, documents, tenant_id)
        rows[tables.ACTIVITY] += [
            activity_values(a, tenant_id=tenant_id, subject_id=place.subject_id, record_revision_id=revision_id)
            for a in one.activities
        ]
    _supersede(session, tenant_id, [latest[one.record_key] for one, _ in changes if one.record_key in latest])
    _put_keys(session, tenant_id, {a.key for one, _ in changes for a in one.activities})
    for table, values in rows.items():
        if values:
            session.execute(insert(table), values)


def _record_values(one: RecordInput, place: _Place, record_id: str) -> dict[str, Any]:
    return {
        "id": record_id,
        "tenant_id": place.tenant_id,
        "subject_id": place.subject_id,
        "connection_id": place.connection_id,
        "record_key": one.record_key,
        "usage_point": one.usage_point,
        "latest_revision": 1,
    }


def _say_again(session: Session, place: _Place, repeats: Sequence[tuple[RecordInput, _Latest]]) -> None:
    """Link what says the same again, in order, and keep who said it last with each interval."""
    tenant_id = place.tenant_id
    linked = _documents_by_revision(session, tenant_id, [before.record_revision_id for _, before in repeats])
    other = [
        (one, before)
        for one, before in repeats
        if tuple(linked.get(before.record_revision_id, ())) != tuple(dict.fromkeys(one.document_sha256s))
    ]
    if not other:
        return
    link, activity = tables.RECORD_DOCUMENT, tables.ACTIVITY
    documents = _document_ids(session, tenant_id, place.subject_id, {sha for one, _ in other for sha in one.document_sha256s})
    for ids in _chunks(before.record_revision_id for _, before in other):
        session.execute(of_tenant(delete(link).where(link.c.record_revision_id.in_(ids)), link, tenant_id))
    rows = [row for one, before in other for row in _link_values(one, before.record_revision_id, documents, tenant_id)]
    if rows:
        session.execute(insert(link), rows)
    profiles = [
        {"of_revision": before.record_revision_id, "of_tenant": tenant_id, "packed": profile_codec.encode(said.profile)}
        for one, before in other
        for said in one.activities[:1]  # a record with intervals is a meter day: it has one activity
        if said.profile is not None
    ]
    if profiles:
        change = update(activity).where(
            activity.c.record_revision_id == bindparam("of_revision"), activity.c.tenant_id == bindparam("of_tenant")
        )
        session.connection().execute(change.values(profile=bindparam("packed")), profiles)


def _link_values(one: RecordInput, revision_id: str, documents: Mapping[str, str], tenant_id: str) -> list[dict[str, Any]]:
    return [
        {"record_revision_id": revision_id, "document_id": documents[sha], "tenant_id": tenant_id, "position": position}
        for position, sha in enumerate(dict.fromkeys(one.document_sha256s))
    ]


def _supersede(session: Session, tenant_id: str, superseded: Sequence[_Latest]) -> None:
    activity, record = tables.ACTIVITY, tables.RECORD
    for ids in _chunks(one.record_revision_id for one in superseded):
        change = update(activity).where(activity.c.record_revision_id.in_(ids)).values(is_current=False)
        session.execute(of_tenant(change, activity, tenant_id))
    for ids in _chunks(one.record_id for one in superseded):
        raised = update(record).where(record.c.id.in_(ids)).values(latest_revision=record.c.latest_revision + 1)
        session.execute(of_tenant(raised, record, tenant_id))


def _put_keys(session: Session, tenant_id: str, keys: Iterable[ActivityKey]) -> None:
    rows = [key_values(key, tenant_id) for key in sorted(keys, key=lambda key: key.key_id)]
    if not rows:
        return
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    session.execute(dialect.insert(tables.ACTIVITY_KEY).on_conflict_do_nothing(), rows)


def _document_ids(session: Session, tenant_id: str, subject_id: str, shas: Iterable[str]) -> dict[str, str]:
    """Document SHA-256 to its id.

    Raises:
        NotFoundError: One of them is not stored.
    """
    table = tables.DOCUMENT
    wanted = set(shas)
    result: dict[str, str] = {}
    for some in _chunks(wanted):
        query = select(table.c.sha256, table.c.id).where(table.c.subject_id == subject_id, table.c.sha256.in_(some))
        result |= {row.sha256: row.id for row in session.execute(of_tenant(query, table, tenant_id))}
    for sha in wanted - set(result):
        raise NotFoundError(
            "A record names a document that is not stored", expected="the SHA-256 of a stored document", got=sha, record="record"
        )
    return result


def _select_revisions(tenant_id: str) -> Select[Any]:
    record, revision = tables.RECORD, tables.RECORD_REVISION
    query = select(
        revision.c.id,
        revision.c.record_id,
        revision.c.connector,
        revision.c.parser_version,
        revision.c.revision,
        revision.c.recorded_at,
        record.c.record_key,
        record.c.usage_point,
    ).join(record, record.c.id == revision.c.record_id)
    return of_tenant(query, revision, tenant_id)


def _read(session: Session, tenant_id: str, query: Select[Any]) -> Iterator[StoredRevision]:
    rows = session.execute(query).all()
    ids = [row.id for row in rows]
    activities = _activities_by_revision(session, tenant_id, ids)
    documents = _documents_by_revision(session, tenant_id, ids)
    for row in rows:
        yield StoredRevision(
            row.id,
            row.record_id,
            RecordRevision(
                connector=row.connector,
                parser_version=row.parser_version,
                record_key=row.record_key,
                usage_point=row.usage_point,
                revision=row.revision,
                document_sha256s=tuple(documents.get(row.id, ())),
                activities=tuple(activities.get(row.id, ())),
                recorded_at=row.recorded_at,
            ),
        )


def _activities_by_revision(session: Session, tenant_id: str, ids: Sequence[str]) -> dict[str, list[Activity]]:
    activity, reader = tables.ACTIVITY, ActivityReader()
    result: dict[str, list[Activity]] = {}
    for some in _chunks(ids):
        query = select_activities(tenant_id).where(activity.c.record_revision_id.in_(some)).order_by(activity.c.id)
        for row in session.execute(query):
            result.setdefault(row.record_revision_id, []).append(reader.activity(row))
    return result


def _documents_by_revision(session: Session, tenant_id: str, ids: Sequence[str]) -> dict[str, list[str]]:
    link, document = tables.RECORD_DOCUMENT, tables.DOCUMENT
    result: dict[str, list[str]] = {}
    for some in _chunks(ids):
        query = (
            select(link.c.record_revision_id, document.c.sha256)
            .join(document, document.c.id == link.c.document_id)
            .where(link.c.record_revision_id.in_(some))
            .order_by(link.c.record_revision_id, link.c.position)
        )
        for row in session.execute(of_tenant(query, link, tenant_id)):
            result.setdefault(row.record_revision_id, []).append(row.sha256)
    return result


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(names)
    while chunk := list(islice(rest, CHUNK_COUNT)):
        yield chunk
