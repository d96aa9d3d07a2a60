"""Reading again what was set aside without anybody asking: after a new parser or factor set, or because there is much of it.

Nothing is read here: jobs are asked for. A record that is set aside was refused by its connector (`parse`) or by what the factor
set does not know (a region, a value, a rate), and its reason does not say which: so a change of either reads all of it again.
"""

import json
from hashlib import sha256

from app.services import Services, Whose, Work
from app.store import connections, installation, quarantine
from app.store.connections import ConnectionState
from app.store.session import reading, unit_of_work
from app.usecases.reconnect import connection_of
from app.usecases.retry_held import Retried, retry_held
from app.work_queue import NewJob, Urgency, window_key
from connectors import registry
from domain.errors import ConflictError, NotFoundError

RETRY_JOB = "retry-held"
"""Kind of job."""

AT_ONCE_COUNT = 20
"""Documents that are read again while a person waits; more of them are a job."""

CLICK_WINDOW_S = 10
"""A person who presses twice within so many seconds asks once."""

_FACT = "held_read_with"


def enqueue_retries(services: Services) -> int:
    """Ask to read again what was set aside by another parser or factor set than this program's; how much was asked for.

    Each change is answered once: what has read last is kept as a fact of the installation.

    Args:
        services: The installation; no transaction is open.
    """
    now_with = _reads_with(services)
    text = json.dumps(now_with, sort_keys=True)
    with reading(services.engine) as session:
        if installation.fact(session, _FACT) == text:
            return 0
    with unit_of_work(services.engine) as session:
        before: dict[str, str] = json.loads(installation.fact(session, _FACT) or "{}")
        jobs = []
        for tenant_id, connection_id in quarantine.connections_with_held(session):
            connector = connections.by_id(session, tenant_id, connection_id).connector
            version = now_with.get(connector, "")
            if version and before.get(connector) != version:
                jobs.append(_job(tenant_id, connection_id, sha256(version.encode()).hexdigest()[:16]))
        installation.set_fact(session, _FACT, text)
        return services.queue.enqueue(session, *jobs)


def retry_now_or_later(services: Services, whose: Whose, connection_id: str) -> Retried | None:
    """Read again what was set aside of a connection, while a person waits; a job does it where there is much.

    Args:
        services: The installation; no transaction is open.
        whose: The subject.
        connection_id: Which.

    Returns:
        What became of it; None where it was asked for.

    Raises:
        NotFoundError: The subject has no such connection.
        ConflictError: It has ended.
        ArchiveError: An original is lost or changed.
    """
    with unit_of_work(services.engine) as session:
        row = connection_of(Work(session, services), whose, connection_id)
        if row.state is ConnectionState.ENDED:
            raise ConflictError("This connection has ended", expected="one that goes on", got=row.title, record="connection")
        if quarantine.held_documents_count(session, whose.tenant_id, connection_id) > AT_ONCE_COUNT:
            window, _ = window_key("now", services.clock.now(), CLICK_WINDOW_S)
            services.queue.enqueue(session, _job(whose.tenant_id, connection_id, window, urgency=Urgency.WAITED_FOR))
            return None
    return retry_held(services, whose.tenant_id, connection_id)


def connection_id_of_retry(payload_json: str) -> str:
    """The connection that a job of kind `RETRY_JOB` is about."""
    return str(json.loads(payload_json)["connection_id"])


def _reads_with(services: Services) -> dict[str, str]:
    """What each connector's documents are read with: its parser, and the factor set that says what can be counted."""
    factors = services.factor_set.id.root_hex
    versions = {}
    for name in registry.names():
        try:
            versions[name] = f"{registry.find(name).manifest.parser_version} {factors}"
        except NotFoundError:  # taken away meanwhile
            continue
    return versions


def _job(tenant_id: str, connection_id: str, window: str, *, urgency: Urgency = Urgency.ROUTINE) -> NewJob:
    return NewJob(
        key=f"{RETRY_JOB}/{connection_id}/{window}",
        tenant_id=tenant_id,
        kind=RETRY_JOB,
        payload_json=json.dumps({"connection_id": connection_id}),
        urgency=urgency,
    )
