"""Connections of a subject to a connector, and their usage points."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cache
from typing import Any, NoReturn

from sqlalchemy import ColumnElement, Select, bindparam, insert, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.store import subjects, tables
from app.store.rows import all_of, columns_of, found, insert_new, one_of, to_row, to_values
from app.store.tenant import check_tenant, of_tenant
from domain.errors import ConflictError

CHUNK_COUNT = 500
"""Names in one `IN (...)`: under every database's limit."""


class ConnectionState(StrEnum):
    """Where a consent stands."""

    ACTIVE = "active"
    NEEDS_CONSENT = "needs_consent"
    PAUSED = "paused"
    ENDED = "ended"


class Health(StrEnum):
    """How a connection does, for a person."""

    OK = "ok"
    WAITING = "waiting"
    """The provider asked to come back later."""
    TRYING = "trying"
    """Something failed; it is tried again by itself."""
    NEEDS_CONSENT = "needs_consent"
    FORMAT_CHANGED = "format_changed"
    PAUSED = "paused"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class ConnectionRow:
    """One consent of one subject for one connector.

    Attributes:
        id: Random text.
        tenant_id: Of the subject.
        subject_id: Whose.
        connector: Name of the connector.
        state: Where the consent stands.
        is_file: The standing connection that uploads of this connector belong to.
        cursor: How far the connector has read, in its own words.
        sealed_tokens: Its tokens, sealed under the subject's key for the field `tokens/` and its id.
        created_at: When it was made.
        provider: Id of the provider; empty for files.
        title: As the person calls it.
        sealed_link: Canonical JSON of its link (answers, addresses), sealed for the field `link/` and its id.
        granted_scope: What the provider granted, in its own words, which can be less than was asked for.
        access_expires_at: When the access token dies; None where it does not say.
        refresh_until: Until when somebody is renewing its tokens; None where nobody is.
        health: How it does.
        health_said: The same for a person, in a sentence without personal data.
        failure_count: Failed tries since the last good one.
        next_at: When it is due; None: not by itself.
        synced_at: When it was last read to its end.
        tried_at: When it was last tried.
        running_until: Until when a sync has it; None where none runs.
        running_id: Which sync.
        item_sha256: SHA-256 of the provider's name of a linked item or consent, in hexadecimal; empty where it has none.
        changed_months: Months that syncs changed and nobody has looked through for duplicates yet: `2024-03 2024-04`.
        sealed_notice: What the provider said is ready, sealed for the field `notice/` and its id; None where it said nothing.
    """

    id: str
    tenant_id: str
    subject_id: str
    connector: str
    state: ConnectionState
    is_file: bool
    cursor: str
    sealed_tokens: bytes | None
    created_at: datetime
    provider: str = ""
    title: str = ""
    sealed_link: bytes | None = None
    granted_scope: str = ""
    access_expires_at: datetime | None = None
    refresh_until: datetime | None = None
    health: Health = Health.OK
    health_said: str = ""
    failure_count: int = 0
    next_at: datetime | None = None
    synced_at: datetime | None = None
    tried_at: datetime | None = None
    running_until: datetime | None = None
    running_id: str = ""
    item_sha256: str = ""
    changed_months: str = ""
    sealed_notice: bytes | None = None


@dataclass(frozen=True, slots=True)
class UsagePointRow:
    """A meter point with its place.

    Attributes:
        id: Random text.
        tenant_id: Of the connection.
        connection_id: Which connection names it.
        name: The provider's name of it.
        region: Path of its region.
        zone: IANA time zone.
        zone_source: Where the zone comes from: "registered", "feed", ...
    """

    id: str
    tenant_id: str
    connection_id: str
    name: str
    region: str
    zone: str
    zone_source: str


def add(session: Session, connection: ConnectionRow) -> None:
    """Add a connection."""
    session.execute(insert(tables.CONNECTION), to_values(connection))


def standing_file(
    session: Session, tenant_id: str, subject_id: str, connector: str, *, connection_id: str, now: datetime
) -> ConnectionRow:
    """The one file connection of a subject and connector, made where there is none, so that re-uploads meet.

    Args:
        session: The open transaction.
        tenant_id: The subject's tenant.
        subject_id: Whose.
        connector: Name of the connector.
        connection_id: Its id, should it be new.
        now: Its time, should it be new.

    Returns:
        The connection.

    Raises:
        NotFoundError: There is no such subject in this tenant.
    """
    subjects.by_id(session, tenant_id, subject_id)
    new = ConnectionRow(
        id=connection_id,
        tenant_id=tenant_id,
        subject_id=subject_id,
        connector=connector,
        state=ConnectionState.ACTIVE,
        is_file=True,
        cursor="",
        sealed_tokens=None,
        created_at=now,
    )
    insert_new(session, tables.CONNECTION, to_values(new))
    table = tables.CONNECTION
    query = select(*columns_of(ConnectionRow, table)).where(
        table.c.subject_id == subject_id, table.c.connector == connector, table.c.is_file
    )
    row = session.execute(of_tenant(query, table, tenant_id)).first()
    return to_row(ConnectionRow, found(row, "connection", f"{connector} of {subject_id}"))


def by_id(session: Session, tenant_id: str, connection_id: str) -> ConnectionRow:
    """The connection of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Its id.

    Returns:
        The connection.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    row = one_of(session, ConnectionRow, tables.CONNECTION, tenant_id, id=connection_id)
    return to_row(ConnectionRow, found(row, "connection", connection_id))


def of_subject(session: Session, tenant_id: str, subject_id: str) -> tuple[ConnectionRow, ...]:
    """All connections of a subject, oldest first."""
    return all_of(session, ConnectionRow, tables.CONNECTION, tenant_id, ("created_at", "id"), subject_id=subject_id)


def of_item(session: Session, provider: str, item_sha256: str) -> tuple[ConnectionRow, ...]:
    """Active connections of any tenant for an item of a provider: a notice names the item alone.

    Args:
        session: The open transaction.
        provider: Id of the provider.
        item_sha256: SHA-256 of the item's name, in hexadecimal.

    Returns:
        Usually one; none where the name is empty.
    """
    table = tables.CONNECTION
    query = select(*columns_of(ConnectionRow, table)).where(
        table.c.provider == provider,
        table.c.item_sha256 == item_sha256,
        table.c.item_sha256 != "",
        table.c.state == str(ConnectionState.ACTIVE),
    )
    return tuple(to_row(ConnectionRow, row) for row in session.execute(query))


def of_items(session: Session, provider: str, item_sha256s: Iterable[str]) -> tuple[ConnectionRow, ...]:
    """Active connections of any tenant for some items of a provider, as `of_item`.

    Args:
        session: The open transaction.
        provider: Id of the provider.
        item_sha256s: SHA-256 of the items' names, in hexadecimal.

    Returns:
        The connections.
    """
    table, names = tables.CONNECTION, list(item_sha256s)
    rows: list[ConnectionRow] = []
    for begin in range(0, len(names), CHUNK_COUNT):
        query = select(*columns_of(ConnectionRow, table)).where(
            table.c.provider == provider,
            table.c.item_sha256.in_(names[begin : begin + CHUNK_COUNT]),
            table.c.state == str(ConnectionState.ACTIVE),
        )
        rows += [to_row(ConnectionRow, row) for row in session.execute(query)]
    return tuple(rows)


def waiting(session: Session, provider: str, *, limit_count: int) -> tuple[ConnectionRow, ...]:
    """Active connections of any tenant that a provider has asked to wait, longest waiting first.

    Args:
        session: The open transaction.
        provider: Id of the provider.
        limit_count: At most so many.

    Returns:
        The connections.
    """
    table = tables.CONNECTION
    query = (
        select(*columns_of(ConnectionRow, table))
        .where(
            table.c.provider == provider,
            table.c.health == str(Health.WAITING),
            table.c.state == str(ConnectionState.ACTIVE),
        )
        .order_by(table.c.tried_at, table.c.id)
        .limit(limit_count)
    )
    return tuple(to_row(ConnectionRow, row) for row in session.execute(query))


def set_item(session: Session, tenant_id: str, connection_id: str, item_sha256: str) -> None:
    """Keep the hash of what the provider calls a linked item."""
    table = tables.CONNECTION
    change = update(table).where(table.c.id == connection_id).values(item_sha256=item_sha256)
    session.execute(of_tenant(change, table, tenant_id))


def due(session: Session, now: datetime, *, limit_count: int) -> tuple[ConnectionRow, ...]:
    """Connections of any tenant that are to be pulled now, longest due first.

    Args:
        session: The open transaction.
        now: The time.
        limit_count: At most so many.

    Returns:
        Active connections whose time has come and that no sync has.
    """
    table = tables.CONNECTION
    query = (
        select(*columns_of(ConnectionRow, table))
        .where(
            table.c.next_at <= now,
            table.c.state == str(ConnectionState.ACTIVE),
            or_(table.c.running_until.is_(None), table.c.running_until <= now),
        )
        .order_by(table.c.next_at, table.c.id)
        .limit(limit_count)
    )
    return tuple(to_row(ConnectionRow, row) for row in session.execute(query))


def claim_run(
    session: Session, tenant_id: str, connection_id: str, *, run_id: str, now: datetime, until: datetime
) -> ConnectionRow | None:
    """Take a connection for one sync, so that no other runs beside it.

    Args:
        session: A transaction of its own; commit it before asking the provider.
        tenant_id: Its tenant.
        connection_id: Which.
        run_id: Name of the sync: the token of the claim.
        now: The time.
        until: When the claim ends unless `keep_run` extends it.

    Returns:
        The connection as it is now, or None where another sync has it.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    values = {"of_tenant": tenant_id, "of_id": connection_id, "new_run": run_id, "new_until": until, "new_now": now}
    row = session.execute(_claiming(), values).first()
    if row is not None:
        return to_row(ConnectionRow, row)
    by_id(session, tenant_id, connection_id)
    return None


@cache
def _claiming() -> ReturningUpdate[Any]:
    """The statement of `claim_run`, made once."""
    table = tables.CONNECTION
    return (
        update(table)
        .where(
            table.c.id == bindparam("of_id"),
            table.c.tenant_id == bindparam("of_tenant"),
            or_(table.c.running_until.is_(None), table.c.running_until <= bindparam("new_now")),
        )
        .values(running_id=bindparam("new_run"), running_until=bindparam("new_until"), tried_at=bindparam("new_now"))
        .returning(*columns_of(ConnectionRow, table))
    )


def keep_run(
    session: Session, tenant_id: str, connection_id: str, *, run_id: str, until: datetime, cursor: str | None = None
) -> None:
    """Go on with a sync, and note how far it has read; to be called in the transaction that stores what was read.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Which.
        run_id: As given to `claim_run`.
        until: When the claim ends now.
        cursor: Where the next pull begins; None keeps the old one.

    Raises:
        ConflictError: The claim has ended and another sync has the connection, or the consent has ended: store nothing.
    """
    found = session.execute(
        _keeping(is_moving=cursor is not None),
        {"of_tenant": tenant_id, "of_id": connection_id, "of_run": run_id, "new_until": until, "new_cursor": cursor},
    )
    if found.first() is None:
        _refuse_run(connection_id, run_id)


@cache
def _keeping(*, is_moving: bool) -> ReturningUpdate[tuple[str]]:
    """The statement of `keep_run`, made once: it runs for every document."""
    table = tables.CONNECTION
    values: dict[str, Any] = {"running_until": bindparam("new_until")}
    if is_moving:
        values["cursor"] = bindparam("new_cursor")
    mine = (table.c.id == bindparam("of_id"), table.c.running_id == bindparam("of_run"))
    kept = update(table).where(*mine, *_may_go_on(), table.c.tenant_id == bindparam("of_tenant"))
    return kept.values(values).returning(table.c.id)


def set_changed_months(session: Session, tenant_id: str, connection_id: str, changed_months: str, *, run_id: str) -> None:
    """Note which months wait for a look for duplicates, in the transaction that changes them, or that has looked.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Which.
        changed_months: All of them, with spaces between; empty where they were looked through.
        run_id: The sync that has the connection; another one's months stay as they are.
    """
    table = tables.CONNECTION
    mine = (table.c.id == connection_id, table.c.running_id == run_id)
    session.execute(of_tenant(update(table).where(*mine).values(changed_months=changed_months), table, tenant_id))


def set_notice(session: Session, tenant_id: str, connection_id: str, sealed: bytes | None, *, before: bytes | None) -> bool:
    """Keep what the provider said is ready, or forget it; False, and nothing changed, where it said something else meanwhile.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Which.
        sealed: Sealed by the caller for the field `notice/` and the connection's id; None: nothing is ready any more.
        before: What was kept when the caller looked.
    """
    table = tables.CONNECTION
    same = table.c.sealed_notice.is_(None) if before is None else table.c.sealed_notice == before
    change = update(table).where(table.c.id == connection_id, same).values(sealed_notice=sealed).returning(table.c.id)
    return session.execute(of_tenant(change, table, tenant_id)).first() is not None


def _may_go_on() -> tuple[ColumnElement[bool], ...]:
    """Nobody has paused or ended the consent, and nobody was erased, while a sync reads."""
    table, key = tables.CONNECTION, tables.SUBJECT_KEY
    return (
        or_(table.c.state == str(ConnectionState.ACTIVE), table.c.state == str(ConnectionState.NEEDS_CONSENT)),
        select(key.c.subject_id).where(key.c.subject_id == table.c.subject_id).exists(),
    )


def _refuse_run(connection_id: str, run_id: str) -> NoReturn:
    """Stop a sync that has lost its connection.

    Raises:
        ConflictError: Always.
    """
    raise ConflictError(
        "This sync no longer has its connection",
        expected=f"sync {run_id}",
        got="another one, a consent that is paused or has ended, or a subject that was erased",
        record=f"connection {connection_id}",
    )


def end_run(
    session: Session,
    tenant_id: str,
    connection_id: str,
    *,
    run_id: str,
    health: Health,
    said: str,
    failure_count: int,
    next_at: datetime | None,
    synced_at: datetime | None = None,
    state: ConnectionState = ConnectionState.ACTIVE,
) -> None:
    """Give a connection back after a sync, with what became of it.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Which.
        run_id: As given to `claim_run`.
        health: How it does.
        said: The same for a person.
        failure_count: Failed tries since the last good one.
        next_at: When it is due next; None: not by itself.
        synced_at: When it was read to its end, if it was.
        state: Where the consent stands now.

    Raises:
        ConflictError: Another sync has the connection, or the consent has ended.
    """
    values: dict[str, Any] = {
        "of_tenant": tenant_id,
        "of_id": connection_id,
        "of_run": run_id,
        "new_health": str(health),
        "new_said": said,
        "new_failures": failure_count,
        "new_next": next_at,
        "new_state": str(state),
        "new_synced": synced_at,
    }
    if session.execute(_ending(is_whole=synced_at is not None), values).first() is None:
        _refuse_run(connection_id, run_id)


@cache
def _ending(*, is_whole: bool) -> ReturningUpdate[tuple[str]]:
    """The statement of `end_run`, made once."""
    table = tables.CONNECTION
    values: dict[str, Any] = {
        "running_until": None,
        "running_id": "",
        "health": bindparam("new_health"),
        "health_said": bindparam("new_said"),
        "failure_count": bindparam("new_failures"),
        "next_at": bindparam("new_next"),
        "state": bindparam("new_state"),
    }
    if is_whole:
        values["synced_at"] = bindparam("new_synced")
    mine = (table.c.id == bindparam("of_id"), table.c.running_id == bindparam("of_run"))
    ended = update(table).where(*mine, *_may_go_on(), table.c.tenant_id == bindparam("of_tenant"))
    return ended.values(values).returning(table.c.id)


def claim_refresh(session: Session, tenant_id: str, connection_id: str, *, now: datetime, until: datetime) -> bool:
    """Take the right to renew a connection's tokens; False where somebody else has it.

    Args:
        session: A transaction of its own; commit it before asking the provider.
        tenant_id: Its tenant.
        connection_id: Which.
        now: The time.
        until: When the right ends; `set_tokens` gives it back.
    """
    table = tables.CONNECTION
    taken = (
        update(table)
        .where(table.c.id == connection_id, or_(table.c.refresh_until.is_(None), table.c.refresh_until <= now))
        .values(refresh_until=until)
        .returning(table.c.id)
    )
    return session.execute(of_tenant(taken, table, tenant_id)).first() is not None


def release_refresh(session: Session, tenant_id: str, connection_id: str) -> None:
    """Give the right to renew back, where nothing was renewed."""
    table = tables.CONNECTION
    change = update(table).where(table.c.id == connection_id).values(refresh_until=None)
    session.execute(of_tenant(change, table, tenant_id))


def set_tokens(
    session: Session,
    tenant_id: str,
    connection_id: str,
    sealed_tokens: bytes,
    *,
    granted_scope: str,
    access_expires_at: datetime | None,
) -> None:
    """Keep new tokens before they are used, and give back the right to renew.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Which.
        sealed_tokens: Sealed by the caller for the field `tokens/` and the connection's id.
        granted_scope: What the provider granted.
        access_expires_at: When the access token dies; None where it does not say.
    """
    table = tables.CONNECTION
    values = {
        "sealed_tokens": sealed_tokens,
        "granted_scope": granted_scope,
        "access_expires_at": access_expires_at,
        "refresh_until": None,
    }
    session.execute(of_tenant(update(table).where(table.c.id == connection_id).values(values), table, tenant_id))


def renew_tokens(
    session: Session,
    connection: ConnectionRow,
    *,
    held_until: datetime,
    sealed_tokens: bytes,
    granted_scope: str,
    access_expires_at: datetime | None,
) -> bool:
    """Keep renewed tokens and give back the right to renew; False, and nothing changed, where that right is no longer ours.

    Args:
        session: The open transaction.
        connection: Which.
        held_until: As given to `claim_refresh`: the token of the right.
        sealed_tokens: As in `set_tokens`.
        granted_scope: As in `set_tokens`.
        access_expires_at: As in `set_tokens`.
    """
    table = tables.CONNECTION
    change = (
        update(table)
        .where(table.c.id == connection.id, table.c.refresh_until == held_until, table.c.state != str(ConnectionState.ENDED))
        .values(
            sealed_tokens=sealed_tokens,
            granted_scope=granted_scope,
            access_expires_at=access_expires_at,
            refresh_until=None,
        )
        .returning(table.c.id)
    )
    return session.execute(of_tenant(change, table, connection.tenant_id)).first() is not None


def set_link(session: Session, tenant_id: str, connection_id: str, sealed_link: bytes) -> None:
    """Keep a connection's link, sealed by the caller for the field `link/` and the connection's id."""
    table = tables.CONNECTION
    change = update(table).where(table.c.id == connection_id).values(sealed_link=sealed_link)
    session.execute(of_tenant(change, table, tenant_id))


def set_said(session: Session, tenant_id: str, connection_id: str, said: str) -> None:
    """Say anew how a connection does, while all is well; what is wrong with one goes on being said."""
    table = tables.CONNECTION
    change = update(table).where(table.c.id == connection_id, table.c.health == str(Health.OK), table.c.health_said != "")
    session.execute(of_tenant(change.values(health_said=said), table, tenant_id))


def set_state(session: Session, tenant_id: str, connection_id: str, state: ConnectionState) -> None:
    """Change where the consent stands; an ended one loses its tokens and link."""
    table = tables.CONNECTION
    values: dict[str, object] = {"state": str(state)}
    if state is ConnectionState.ENDED:
        values |= {"sealed_tokens": None, "sealed_link": None, "sealed_notice": None}
    session.execute(of_tenant(update(table).where(table.c.id == connection_id).values(values), table, tenant_id))


def set_health(
    session: Session, tenant_id: str, connection_id: str, health: Health, said: str, *, next_at: datetime | None
) -> None:
    """Say how a connection does where no sync says it: after a consent, a pause, an end.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        connection_id: Which.
        health: How it does.
        said: The same for a person.
        next_at: When it is due; None: not by itself.
    """
    table = tables.CONNECTION
    values = {"health": str(health), "health_said": said, "next_at": next_at, "failure_count": 0}
    session.execute(of_tenant(update(table).where(table.c.id == connection_id).values(values), table, tenant_id))


def set_cursor(session: Session, tenant_id: str, connection_id: str, cursor: str) -> None:
    """Note how far the connector has read."""
    table = tables.CONNECTION
    session.execute(of_tenant(update(table).where(table.c.id == connection_id).values(cursor=cursor), table, tenant_id))


def set_sealed_tokens(session: Session, tenant_id: str, connection_id: str, sealed_tokens: bytes | None) -> None:
    """Keep a connection's tokens, sealed by the caller."""
    table = tables.CONNECTION
    change = update(table).where(table.c.id == connection_id).values(sealed_tokens=sealed_tokens)
    session.execute(of_tenant(change, table, tenant_id))


def put_usage_point(session: Session, point: UsagePointRow) -> None:
    """Add a usage point, or change the place of the one with this name."""
    if insert_new(session, tables.USAGE_POINT, to_values(point)):
        return
    table = tables.USAGE_POINT
    change = (
        update(table)
        .where(table.c.connection_id == point.connection_id, table.c.name == point.name)
        .values(region=point.region, zone=point.zone, zone_source=point.zone_source)
    )
    session.execute(of_tenant(change, table, point.tenant_id))


def usage_points_of(session: Session, tenant_id: str, connection_id: str) -> tuple[UsagePointRow, ...]:
    """The usage points of a connection, by name."""
    return all_of(session, UsagePointRow, tables.USAGE_POINT, tenant_id, ("name",), connection_id=connection_id)


def holders_of_points(
    session: Session, tenant_id: str, subject_id: str, connector: str, names: Iterable[str], *, but_not: str
) -> tuple[str, ...]:
    """Other connections of a subject and connector that have one of these usage points, oldest first.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Whose.
        connector: Name of the connector.
        names: Usage points by the provider's names.
        but_not: A connection that is not asked for.

    Returns:
        Ids of connections.
    """
    check_tenant(tenant_id)
    values = {"of_tenant": tenant_id, "of_subject": subject_id, "of_connector": connector, "but_not": but_not}
    return tuple(row.id for row in session.execute(_holding(), values | {"of_names": list(names)}))


@cache
def _holding() -> Select[tuple[str]]:
    """The statement of `holders_of_points`, made once: it runs for every document."""
    table, point = tables.CONNECTION, tables.USAGE_POINT
    holders = select(point.c.connection_id).where(
        point.c.name.in_(bindparam("of_names", expanding=True)), point.c.tenant_id == bindparam("of_tenant")
    )
    return (
        select(table.c.id)
        .where(
            table.c.tenant_id == bindparam("of_tenant"),
            table.c.subject_id == bindparam("of_subject"),
            table.c.connector == bindparam("of_connector"),
            table.c.id != bindparam("but_not"),
            table.c.id.in_(holders),
        )
        .order_by(table.c.created_at, table.c.id)
    )


def move_usage_points(session: Session, tenant_id: str, from_id: str, to_id: str, names: Iterable[str]) -> tuple[str, ...]:
    """Move usage points from one connection to another that does not have them; the names of those that moved.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        from_id: The connection that they belong to.
        to_id: The connection that they shall belong to.
        names: Which.

    Returns:
        Names, sorted.
    """
    table = tables.USAGE_POINT
    there = of_tenant(select(table.c.name).where(table.c.connection_id == to_id), table, tenant_id)
    moved = (
        update(table)
        .where(table.c.connection_id == from_id, table.c.name.in_(list(names)), table.c.name.not_in(there))
        .values(connection_id=to_id)
        .returning(table.c.name)
    )
    return tuple(sorted(session.execute(of_tenant(moved, table, tenant_id)).scalars()))
