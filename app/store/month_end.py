"""Month-end over all subjects of all tenants, in chunks: for the installation's operator, never for a request.

Every function reads or writes a chunk of subjects with as many queries as one subject would need. Chunks follow the ids of
subjects, so that a run that was killed goes on where it stopped: what is done is no longer among what is asked for.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.store import periods, statements, tables
from app.store.activity_rows import ActivityReader
from app.store.activity_totals import SUM, select_totals, totals_of
from app.store.ledger import EndorsementRow, IssuanceRow
from app.store.periods import PeriodRow, PeriodState
from app.store.records import StoredRevision
from app.store.resolutions import ResolutionRow
from app.store.rows import columns_of, to_row, to_values
from app.store.statements import NewStatement, StatementRow, StatementState
from app.store.subjects import SubjectKeyRow, SubjectRow
from domain.errors import LineOverflowError
from domain.period import MonthRange
from domain.record import RecordRevision
from domain.statement import ActivityTotal

CHUNK_COUNT = 200
"""Subjects at once: under every database's limit of parameters, and little memory."""


@dataclass(frozen=True, slots=True)
class SubjectFacts:
    """What a period of one subject is closed from.

    Attributes:
        subject: Whom.
        key: Its wrapped key; None where it has none.
        totals: Sums of its activity, or why they cannot be had.
        revisions: The records, each with its activities of the period.
        zones: IANA zone of each meter, by connector and usage point.
        periods: All its periods.
    """

    subject: SubjectRow
    key: SubjectKeyRow | None
    totals: tuple[ActivityTotal, ...] | LineOverflowError
    revisions: tuple[StoredRevision, ...]
    zones: Mapping[tuple[str, str], str]
    periods: tuple[PeriodRow, ...]


@dataclass(frozen=True, slots=True)
class NewClosing:
    """What closing a period of one subject writes.

    Attributes:
        period: The period, closed.
        is_new_period: Whether it has to be made.
        statement: Its statement, with lines and leaves.
        set_root: Root of the factor set.
        resolutions: Why each factor was chosen.
    """

    period: PeriodRow
    is_new_period: bool
    statement: NewStatement
    set_root: str
    resolutions: tuple[ResolutionRow, ...]


def open_count(session: Session, months: MonthRange) -> int:
    """How many subjects have activity in these months and no statement that covers them."""
    mine = _open_ids(months).subquery()
    return int(session.execute(select(func.count()).select_from(mine)).scalar_one())


def open_subjects(session: Session, months: MonthRange, *, after: str) -> tuple[SubjectRow, ...]:
    """The next chunk of subjects that have activity in these months and no statement that covers them.

    Args:
        session: The open transaction, which writes; they are locked until it ends.
        months: The period.
        after: Id of the last subject of the chunk before; empty for the first.

    Returns:
        By id, at most `CHUNK_COUNT`; empty at the end. Erased subjects are left out.
    """
    subject = tables.SUBJECT
    ids = session.execute(_open_ids(months).where(SUM.c.subject_id > after).limit(CHUNK_COUNT)).scalars().all()
    query = select(*columns_of(SubjectRow, subject)).where(subject.c.id.in_(ids)).order_by(subject.c.id).with_for_update()
    return tuple(to_row(SubjectRow, row) for row in session.execute(query))


def facts_of(session: Session, found: Sequence[SubjectRow], months: MonthRange) -> tuple[SubjectFacts, ...]:
    """What these subjects' periods are closed from.

    Args:
        session: The open transaction.
        found: The subjects, at most `CHUNK_COUNT`.
        months: The period.

    Returns:
        One for each subject, in their order.
    """
    ids = [one.id for one in found]
    keys, totals, revisions = _keys(session, ids), _totals(session, ids, months), _revisions(session, ids, months)
    zones, known = _zones(session, ids), _periods(session, ids)
    return tuple(
        SubjectFacts(
            subject=one,
            key=keys.get(one.id),
            totals=totals.get(one.id, ()),
            revisions=tuple(revisions.get(one.id, ())),
            zones=zones.get(one.id, {}),
            periods=tuple(known.get(one.id, ())),
        )
        for one in found
    )


def keep(session: Session, closings: Sequence[NewClosing]) -> None:
    """Keep the statements of a chunk, and close their periods.

    Args:
        session: The open transaction, which locked the subjects.
        closings: At most one for each subject.
    """
    period = tables.PERIOD
    made = [
        {
            "id": one.period.id,
            "tenant_id": one.period.tenant_id,
            "subject_id": one.period.subject_id,
            "from_ym": one.period.months.first.ym,
            "to_ym": one.period.months.end.ym,
            "state": str(PeriodState.CLOSED),
            "subject_commitment": one.period.subject_commitment,
            "changed_since_close": False,
        }
        for one in closings
        if one.is_new_period
    ]
    if made:
        session.execute(insert(period), made)
    reached = [one.period.id for one in closings if not one.is_new_period]
    if reached:
        closed = {"state": str(PeriodState.CLOSED), "changed_since_close": False}
        session.execute(update(period).where(period.c.id.in_(reached)).values(closed))
    statements.add_many(session, [one.statement for one in closings])
    reasons = [
        row.to_values(one.period.tenant_id, one.set_root, one.statement.row.method) for one in closings for row in one.resolutions
    ]
    if reasons:
        session.execute(_insert_of(session)(tables.RESOLUTION).on_conflict_do_nothing(), reasons)


def standing(session: Session, months: MonthRange, state: StatementState, *, after: str) -> tuple[StatementRow, ...]:
    """The next chunk of statements of these months that are in a state.

    Args:
        session: The open transaction.
        months: The period.
        state: Where they stand.
        after: Subject of the last statement of the chunk before; empty for the first.

    Returns:
        By subject, at most `CHUNK_COUNT`; empty at the end.
    """
    return tuple(statements.row_of(row) for row in session.execute(_standing(months, state, after=after)))


def standing_ids(session: Session, months: MonthRange, state: StatementState, *, after: str) -> tuple[tuple[str, str], ...]:
    """The next chunk of statements of these months that are in a state, by their ids alone.

    Args:
        session: The open transaction.
        months: The period.
        state: Where they stand.
        after: Subject of the last statement of the chunk before; empty for the first.

    Returns:
        Statement id and subject id, by subject, at most `CHUNK_COUNT`; empty at the end.
    """
    statement = tables.STATEMENT
    query = _standing(months, state, after=after).with_only_columns(statement.c.id, statement.c.subject_id)
    return tuple((row[0], row[1]) for row in session.execute(query))


def by_ids(session: Session, statement_ids: Sequence[str]) -> tuple[StatementRow, ...]:
    """The statements of these ids, of any tenant, in the order of the ids; at most `CHUNK_COUNT`."""
    table = tables.STATEMENT
    found = {row.id: statements.row_of(row) for row in session.execute(select(table).where(table.c.id.in_(statement_ids)))}
    return tuple(found[one] for one in statement_ids if one in found)


def state_counts(session: Session, months: MonthRange) -> dict[StatementState, int]:
    """How many statements of these months are in each state."""
    statement, period = tables.STATEMENT, tables.PERIOD
    query = (
        select(statement.c.state, func.count())
        .join(period, period.c.id == statement.c.period_id)
        .where(period.c.from_ym == months.first.ym, period.c.to_ym == months.end.ym)
        .group_by(statement.c.state)
    )
    return {StatementState(state): count for state, count in session.execute(query)}


def subjects_of(session: Session, subject_ids: Iterable[str]) -> dict[str, SubjectRow]:
    """The subjects of a chunk by id."""
    subject = tables.SUBJECT
    query = select(*columns_of(SubjectRow, subject)).where(subject.c.id.in_(list(subject_ids)))
    return {row.id: to_row(SubjectRow, row) for row in session.execute(query)}


def move(session: Session, statement_ids: Iterable[str], *, before: StatementState, state: StatementState) -> frozenset[str]:
    """Move statements to a state; the ids of those that were where they were expected."""
    statement = tables.STATEMENT
    moved = update(statement).where(statement.c.id.in_(list(statement_ids)), statement.c.state == str(before))
    return frozenset(session.execute(moved.values(state=str(state)).returning(statement.c.id)).scalars())


def signed_before(session: Session, statement_ids: Iterable[str]) -> frozenset[str]:
    """Which of these statements stand in a batch already, one that failed or expired."""
    issuance = tables.ISSUANCE
    query = select(issuance.c.statement_id).where(issuance.c.statement_id.in_(list(statement_ids)))
    return frozenset(session.execute(query).scalars())


def put_endorsements(session: Session, endorsements: Sequence[EndorsementRow]) -> None:
    """Keep a node's answers; what it answered before about the same manifest is replaced."""
    if not endorsements:
        return
    new = _insert_of(session)(tables.ENDORSEMENT)
    renewed = {name: new.excluded[name] for name in ("verdict", "findings_json", "signer_address", "created_at")}
    put = new.on_conflict_do_update(index_elements=["manifest_hash_hex", "node_id"], set_=renewed)
    session.execute(put, [to_values(one) for one in endorsements])


def add_issuances(session: Session, issuances: Sequence[IssuanceRow]) -> None:
    """Keep the places of statements in a batch that is stored."""
    session.execute(insert(tables.ISSUANCE), [to_values(one) for one in issuances])


def _standing(months: MonthRange, state: StatementState, *, after: str) -> Select[Any]:
    statement, period = tables.STATEMENT, tables.PERIOD
    return (
        select(statement)
        .join(period, period.c.id == statement.c.period_id)
        .where(
            period.c.from_ym == months.first.ym,
            period.c.to_ym == months.end.ym,
            period.c.subject_id > after,
            statement.c.state == str(state),
        )
        .order_by(period.c.subject_id)
        .limit(CHUNK_COUNT)
    )


def _open_ids(months: MonthRange) -> Select[Any]:
    subject, period, statement = tables.SUBJECT, tables.PERIOD, tables.STATEMENT
    covers = (
        select(statement.c.id)
        .join(period, period.c.id == statement.c.period_id)
        .where(period.c.subject_id == SUM.c.subject_id, period.c.from_ym <= months.first.ym, period.c.to_ym >= months.end.ym)
        .exists()
    )
    is_there = select(subject.c.id).where(subject.c.id == SUM.c.subject_id, subject.c.erased_at.is_(None)).exists()
    return (
        select(SUM.c.subject_id)
        .distinct()
        .where(SUM.c.month_ym >= months.first.ym, SUM.c.month_ym < months.end.ym, is_there, ~covers)
        .order_by(SUM.c.subject_id)
    )


def _keys(session: Session, ids: Sequence[str]) -> dict[str, SubjectKeyRow]:
    table = tables.SUBJECT_KEY
    query = select(*columns_of(SubjectKeyRow, table)).where(table.c.subject_id.in_(ids))
    return {row.subject_id: to_row(SubjectKeyRow, row) for row in session.execute(query)}


def _totals(session: Session, ids: Sequence[str], months: MonthRange) -> dict[str, tuple[ActivityTotal, ...] | LineOverflowError]:
    """The sums of all of them in one query; what cannot be summed is said of its subject alone."""
    rows = session.execute(select_totals(months).where(SUM.c.subject_id.in_(ids)))
    found: dict[str, tuple[ActivityTotal, ...] | LineOverflowError] = {}
    reader = ActivityReader()
    for subject_id, of_subject in groupby(rows, key=lambda row: row.subject_id):
        mine = list(of_subject)
        try:
            found[subject_id] = tuple(totals_of(mine, reader))
        except LineOverflowError as error:
            found[subject_id] = error
    return found


def _revisions(session: Session, ids: Sequence[str], months: MonthRange) -> dict[str, list[StoredRevision]]:
    """The records with activity in the period, in the order of `records.revisions_for_period`."""
    activity, key, record, revision = tables.ACTIVITY, tables.ACTIVITY_KEY, tables.RECORD, tables.RECORD_REVISION
    is_mine = (
        activity.c.subject_id.in_(ids),
        activity.c.month_ym >= months.first.ym,
        activity.c.month_ym < months.end.ym,
        activity.c.is_current,
    )
    documents = _documents(session, select(activity.c.record_revision_id).where(*is_mine).distinct())
    query: Select[Any] = (
        select(
            activity.c.subject_id,
            activity.c.record_revision_id,
            activity.c.key_id,
            activity.c.start_at,
            activity.c.end_at,
            activity.c.month_ym,
            activity.c.quantity_micro,
            activity.c.quality,
            activity.c.evidence,
            activity.c.profile,
            key.c.kind,
            key.c.region,
            key.c.year,
            key.c.unit,
            key.c.attributes_json,
            revision.c.record_id,
            revision.c.connector,
            revision.c.parser_version,
            revision.c.revision,
            revision.c.recorded_at,
            record.c.record_key,
            record.c.usage_point,
        )
        .join(key, (key.c.tenant_id == activity.c.tenant_id) & (key.c.key_id == activity.c.key_id))
        .join(revision, revision.c.id == activity.c.record_revision_id)
        .join(record, record.c.id == revision.c.record_id)
        .where(*is_mine)
        .order_by(
            activity.c.subject_id,
            revision.c.connector,
            record.c.usage_point,
            record.c.record_key,
            record.c.id,
            activity.c.record_revision_id,
            activity.c.id,
        )
    )
    found: dict[str, list[StoredRevision]] = defaultdict(list)
    reader = ActivityReader()
    for revision_id, rows in groupby(session.execute(query), key=lambda row: row.record_revision_id):
        mine = list(rows)
        first = mine[0]
        said = RecordRevision(
            connector=first.connector,
            parser_version=first.parser_version,
            record_key=first.record_key,
            usage_point=first.usage_point,
            revision=first.revision,
            document_sha256s=tuple(documents.get(revision_id, ())),
            activities=tuple(reader.activity(row) for row in mine),
            recorded_at=first.recorded_at,
        )
        found[first.subject_id].append(StoredRevision(revision_id, first.record_id, said))
    return found


def _documents(session: Session, revision_ids: Select[Any]) -> dict[str, list[str]]:
    link, document = tables.RECORD_DOCUMENT, tables.DOCUMENT
    query = (
        select(link.c.record_revision_id, document.c.sha256)
        .join(document, document.c.id == link.c.document_id)
        .where(link.c.record_revision_id.in_(revision_ids))
        .order_by(link.c.record_revision_id, link.c.position)
    )
    found: dict[str, list[str]] = defaultdict(list)
    for row in session.execute(query):
        found[row.record_revision_id].append(row.sha256)
    return found


def _zones(session: Session, ids: Sequence[str]) -> dict[str, dict[tuple[str, str], str]]:
    connection, point = tables.CONNECTION, tables.USAGE_POINT
    query = (
        select(connection.c.subject_id, connection.c.connector, point.c.name, point.c.zone)
        .join(point, point.c.connection_id == connection.c.id)
        .where(connection.c.subject_id.in_(ids))
        .order_by(connection.c.created_at, connection.c.id, point.c.name)
    )
    found: dict[str, dict[tuple[str, str], str]] = defaultdict(dict)
    for row in session.execute(query):
        found[row.subject_id][row.connector, row.name] = row.zone
    return found


def _periods(session: Session, ids: Sequence[str]) -> dict[str, list[PeriodRow]]:
    period = tables.PERIOD
    found: dict[str, list[PeriodRow]] = defaultdict(list)
    for row in session.execute(select(period).where(period.c.subject_id.in_(ids)).order_by(period.c.from_ym)):
        found[row.subject_id].append(periods.row_of(row))
    return found


def _insert_of(session: Session) -> Any:  # noqa: ANN401 - both dialects' own insert, with ON CONFLICT
    return postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
