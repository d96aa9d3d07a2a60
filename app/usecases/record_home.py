"""Where the records of a document live, when a subject reads the same meter or account in several ways.

A file that was uploaded and a provider that is connected can tell the same days of the same meter. Such records have one name,
and must be one record, or they would count twice. So a meter, and a declared activity, lives in one connection of its connector:
in the one that is pulled, where there is one. What was uploaded before moves there; what is uploaded later is merged there.
"""

from collections.abc import Collection

from app.services import Whose, Work
from app.store import connections, records
from app.store.connections import ConnectionRow, ConnectionState


def home_of_meters(work: Work, whose: Whose, connection: ConnectionRow, names: Collection[str]) -> ConnectionRow:
    """The connection that these meters live in; those of a file, or of a connection that has ended, move into one that is pulled.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection: What the document came through.
        names: Usage points that the document speaks about.

    Returns:
        Where its records belong: `connection`, or another one of the same connector that has a meter of these already.
    """
    session = work.session
    for other_id in connections.holders_of_points(
        session, whose.tenant_id, whose.subject_id, connection.connector, names, but_not=connection.id
    ):
        other = connections.by_id(session, whose.tenant_id, other_id)
        if not _gives_way(other, connection):
            return other
        moved = connections.move_usage_points(session, whose.tenant_id, other.id, connection.id, names)
        for name in moved:
            records.move_usage_point(session, whose.tenant_id, other.id, connection.id, name)
    return connection


def home_of_activities(work: Work, whose: Whose, connection: ConnectionRow, record_keys: Collection[str]) -> ConnectionRow:
    """The connection that these declared activities live in, as `home_of_meters`.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connection: What the document came through.
        record_keys: What the document speaks about.

    Returns:
        Where its records belong.
    """
    session = work.session
    for other_id, keys in records.holders_of_keys(
        session, whose.tenant_id, whose.subject_id, connection.connector, record_keys, but_not=connection.id
    ).items():
        other = connections.by_id(session, whose.tenant_id, other_id)
        if not _gives_way(other, connection):
            return other
        records.move_keys(session, whose.tenant_id, other.id, connection.id, keys)
    return connection


def _gives_way(other: ConnectionRow, connection: ConnectionRow) -> bool:
    """Whether what lives in the other one moves into this one."""
    return other.state is ConnectionState.ENDED or (other.is_file and not connection.is_file)
