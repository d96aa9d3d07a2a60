"""Asking for syncs: of every connection that is due, of one that a person waits for, of one that a provider told us about.

Nothing is pulled here: webhooks, buttons and the clock only enqueue. A key is unique per connection and window, so that any
number of clocks and notifications ask once.
"""

import json
from datetime import datetime

from app.services import Services, Work
from app.store import connections
from app.store.connections import ConnectionRow
from app.store.session import reading, unit_of_work
from app.work_queue import NewJob, Urgency, window_key

SYNC_JOB = "sync"
"""Kind of job."""

AT_ONCE_COUNT = 1000
"""Connections that one round asks for; the next round finds the others."""

CLICK_WINDOW_S = 2
"""A person who presses twice within so many seconds asks once."""

NOTICE_WINDOW_S = 10
"""Notifications of a connection within so many seconds are one job, which begins when they are over."""


def enqueue_due(services: Services) -> int:
    """Ask for a sync of every connection whose time has come; how many had not been asked for yet.

    Args:
        services: The installation; no transaction is open.
    """
    now = services.clock.now()
    with reading(services.engine) as session:
        due = connections.due(session, now, limit_count=AT_ONCE_COUNT)
    if not due:
        return 0
    with unit_of_work(services.engine) as session:
        return services.queue.enqueue(session, *(due_job(connection, connection.next_at or now, now) for connection in due))


def due_job(connection: ConnectionRow, due_at: datetime, now: datetime) -> NewJob:
    """The scheduled sync of a connection.

    Its window is the instant from which it is due: every sync moves that. Where none could (a job that was given up before it
    came to the connection), the next whole day is a window of its own, so that no connection is forgotten.

    Args:
        connection: Which.
        due_at: From when it is due.
        now: The time.
    """
    return _job(connection, f"{due_at.isoformat()}+{(now - due_at).days}")


def enqueue_now(work: Work, connection: ConnectionRow) -> bool:
    """Ask for a sync that a person waits for; False where they asked a moment ago.

    Args:
        work: The open transaction.
        connection: Which.
    """
    key, _ = window_key("now", work.services.clock.now(), CLICK_WINDOW_S)
    return work.services.queue.enqueue(work.session, _job(connection, key, urgency=Urgency.WAITED_FOR)) > 0


def enqueue_notified(work: Work, connection: ConnectionRow) -> bool:
    """Ask for a sync because the provider says that there is something; False where that is asked for already.

    The job begins after its window: it sees whatever the notifications of the window told of, however often and in whatever
    order they came.

    Args:
        work: The open transaction.
        connection: Which.
    """
    key, ends_at = window_key("notice", work.services.clock.now(), NOTICE_WINDOW_S)
    return work.services.queue.enqueue(work.session, _job(connection, key, due_at=ends_at)) > 0


def connection_id_of(payload_json: str) -> str:
    """The connection that a job of kind `SYNC_JOB` is about."""
    return str(json.loads(payload_json)["connection_id"])


def _job(connection: ConnectionRow, window: str, *, urgency: Urgency = Urgency.ROUTINE, due_at: datetime | None = None) -> NewJob:
    return NewJob(
        key=f"{SYNC_JOB}/{connection.id}/{window}",
        tenant_id=connection.tenant_id,
        kind=SYNC_JOB,
        payload_json=json.dumps({"connection_id": connection.id}),
        urgency=urgency,
        due_at=due_at,
    )
