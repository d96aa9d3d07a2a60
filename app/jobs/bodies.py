"""What jobs of the queue do: kind to body."""

from collections.abc import Callable, Mapping
from typing import Protocol

import structlog

from app.services import Services
from app.store import connections
from app.store.session import unit_of_work
from app.usecases.pull_connection import MOST_FAILURES_COUNT
from app.usecases.reconnect import REVOKE_JOB, revoke_later
from app.usecases.retry_held import retry_held
from app.usecases.retry_later import RETRY_JOB, connection_id_of_retry
from app.usecases.sync_connection import sync_connection
from app.usecases.sync_due import SYNC_JOB, connection_id_of, due_job
from app.work_queue import Body, HopelessError, Turn
from domain.errors import NotFoundError, TryLaterError

log = structlog.get_logger("app.jobs")


class Sync(Protocol):
    """One sync of one connection: `sync_connection`."""

    def __call__(self, services: Services, tenant_id: str, connection_id: str, /, *, is_over: Callable[[], bool]) -> object:
        """Sync it, for as long as its turn is not over."""


def bodies_of(services: Services, sync: Sync = sync_connection) -> Mapping[str, Body]:
    """What this installation does with each kind of job.

    Args:
        services: The installation.
        sync: Pulls a connection, or asks about what others brought.
    """
    return {
        SYNC_JOB: lambda turn: _sync(services, turn, sync),
        REVOKE_JOB: lambda turn: _revoke(services, turn),
        RETRY_JOB: lambda turn: _retry(services, turn),
    }


def _revoke(services: Services, turn: Turn) -> None:
    """Take access back at a provider that was away when its connection ended.

    Raises:
        TryLaterError: It is away still.
    """
    try:
        revoke_later(services, turn.tenant_id, turn.payload_json)
    except NotFoundError as error:
        log.info("nothing to take back", job=turn.key, error=error.code)


def _retry(services: Services, turn: Turn) -> None:
    """Read again what was set aside of a connection."""
    try:
        found = retry_held(services, turn.tenant_id, connection_id_of_retry(turn.payload_json))
    except NotFoundError as error:
        log.info("nothing to read again", job=turn.key, error=error.code)
    else:
        log.info("read again", job=turn.key, documents_count=found.documents_count, held_count=found.held_count)


def _sync(services: Services, turn: Turn, sync: Sync) -> None:
    """One turn of a connection's sync. The connection says when it is due again; this job is not tried again besides.

    Raises:
        TryLaterError: Another sync has the connection: this one has its turn after it.
        HopelessError: It has failed too often in a row; the connection is tried once a day from now on.
        Exception: Something of ours failed before the connection could note it.
    """
    connection_id = connection_id_of(turn.payload_json)
    try:
        sync(services, turn.tenant_id, connection_id, is_over=turn.is_over)
    except NotFoundError as error:
        log.info("nothing to sync", job=turn.key, error=error.code)
    except Exception as error:
        if not _is_due_again(services, turn.tenant_id, connection_id, error):
            raise
        if not isinstance(error, TryLaterError):
            log.warning("sync is tried again", job=turn.key, error=type(error).__name__)


def _is_due_again(services: Services, tenant_id: str, connection_id: str, error: Exception) -> bool:
    """Whether the connection itself is due again, now or later; where it is now, that job stands at the end of the line.

    Raises:
        HopelessError: It is, and has failed too often in a row.
    """
    now = services.clock.now()
    with unit_of_work(services.engine) as session:
        row = connections.by_id(session, tenant_id, connection_id)
        is_running = row.running_until is not None and row.running_until > now
        if is_running or row.next_at is None:
            return False
        if isinstance(error, TryLaterError):
            if row.next_at <= now:  # its turn is over, and there is more
                services.queue.enqueue(session, due_job(row, row.next_at, now))
            return True
    if row.next_at <= now:
        return False
    if row.failure_count >= MOST_FAILURES_COUNT:
        raise HopelessError(error)
    return True
