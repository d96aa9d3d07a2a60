"""Connections of a subject to a connector, and their usage points."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from app.store import subjects, tables
from app.store.rows import columns_of, found, insert_new, to_row, to_values
from app.store.tenant import of_tenant


class ConnectionState(StrEnum):
    """Where a consent stands."""

    ACTIVE = "active"
    NEEDS_CONSENT = "needs_consent"
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
        sealed_tokens: Its tokens, sealed under the subject's key.
        created_at: When it was made.
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
    session.execute(insert(tables.CONNECTION).values(to_values(connection)))


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
    table = tables.CONNECTION
    query = of_tenant(select(*columns_of(ConnectionRow, table)).where(table.c.id == connection_id), table, tenant_id)
    return to_row(ConnectionRow, found(session.execute(query).first(), "connection", connection_id))


def of_subject(session: Session, tenant_id: str, subject_id: str) -> tuple[ConnectionRow, ...]:
    """All connections of a subject, oldest first."""
    table = tables.CONNECTION
    query = select(*columns_of(ConnectionRow, table)).where(table.c.subject_id == subject_id)
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.created_at, table.c.id))
    return tuple(to_row(ConnectionRow, row) for row in rows)


def set_state(session: Session, tenant_id: str, connection_id: str, state: ConnectionState) -> None:
    """Change where the consent stands; an ended one loses its tokens."""
    table = tables.CONNECTION
    values: dict[str, object] = {"state": str(state)}
    if state is ConnectionState.ENDED:
        values["sealed_tokens"] = None
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
    table = tables.USAGE_POINT
    query = select(*columns_of(UsagePointRow, table)).where(table.c.connection_id == connection_id)
    rows = session.execute(of_tenant(query, table, tenant_id).order_by(table.c.name))
    return tuple(to_row(UsagePointRow, row) for row in rows)
