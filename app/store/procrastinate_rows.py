"""Rows of Procrastinate's tables on PostgreSQL, where its own functions do not reach: keys, tenants, errors, what died.

Procrastinate hands a job's `args` to its worker as they are; ours hold what the queue's contract needs besides: tenant, payload,
when it was asked for, how often it was tried, the last error. The key of a job is its `queueing_lock`; Procrastinate keeps that
unique among waiting jobs, an index of ours among all.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from app.store.jobs import JobState
from domain.errors import NotFoundError

_SCHEMA_LOCK_ID = 0x70726F6372617374
"""Advisory lock of the process that brings the schema up to date: "procrast" in ASCII."""

_STATES: Mapping[str, JobState] = {
    "todo": JobState.TODO,
    "doing": JobState.DOING,
    "succeeded": JobState.DONE,
    "failed": JobState.FAILED,
}


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A job that was given up.

    Attributes:
        key: Its key.
        args: What we keep with it.
        kind: What was to be done.
    """

    key: str
    args: Mapping[str, Any]
    kind: str


def prepare(engine: Engine, *, schema: str, upgrades: Mapping[str, str]) -> None:
    """Make Procrastinate's tables, or bring them up to date; at once where they are.

    Which upgrades a database has is noted in a table of ours: Procrastinate keeps no such note.

    Args:
        engine: A PostgreSQL database.
        schema: What makes the tables of the installed version.
        upgrades: Name to script of every step between versions, oldest first; a new database has them all.
    """
    if _is_prepared(engine, upgrades):
        return
    with engine.begin() as connection:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _SCHEMA_LOCK_ID})
        raw: Any = connection.connection.driver_connection
        connection.execute(text("CREATE TABLE IF NOT EXISTS procrastinate_upgrade (name text PRIMARY KEY)"))
        if connection.execute(text("SELECT to_regclass('procrastinate_jobs')")).scalar() is None:
            raw.execute(schema)
            missing: Mapping[str, str] = {}
        else:
            known = set(connection.execute(text("SELECT name FROM procrastinate_upgrade")).scalars())
            missing = {name: script for name, script in upgrades.items() if name not in known}
        for script in missing.values():
            raw.execute(script)
        note = text("INSERT INTO procrastinate_upgrade SELECT unnest(CAST(:names AS text[])) ON CONFLICT DO NOTHING")
        connection.execute(note, {"names": list(upgrades)})
        key_index = "CREATE UNIQUE INDEX IF NOT EXISTS procrastinate_job_key ON procrastinate_jobs (queueing_lock)"
        connection.execute(text(key_index))


def _is_prepared(engine: Engine, upgrades: Mapping[str, str]) -> bool:
    with engine.connect() as connection:
        if connection.execute(text("SELECT to_regclass('procrastinate_job_key')")).scalar() is None:
            return False
        return set(connection.execute(text("SELECT name FROM procrastinate_upgrade")).scalars()) >= set(upgrades)


def connection_of(session: Session) -> Any:  # noqa: ANN401 - the driver's own class, which only the store and Procrastinate know
    """The driver's connection of the open transaction, for what Procrastinate writes in it."""
    return session.connection().connection.driver_connection


def known_keys(session: Session, keys: Iterable[str]) -> set[str]:
    """Which of these keys were asked for before."""
    query = text("SELECT queueing_lock FROM procrastinate_jobs WHERE queueing_lock = ANY(:keys)")
    return set(session.execute(query, {"keys": list(keys)}).scalars())


def note(session: Session, job_id: int, error: str, *, tries_count: int) -> None:
    """Keep with a running job what failed, and how often it was tried."""
    change = text(
        "UPDATE procrastinate_jobs SET args = args || jsonb_build_object('error', CAST(:error AS text), 'tries_count', "
        "CAST(:tries_count AS integer)) WHERE id = :job_id AND status = 'doing'"
    )
    session.execute(change, {"job_id": job_id, "error": error, "tries_count": tries_count})


def ask_again(session: Session, tenant_id: str, key: str, now: datetime) -> bool:
    """Have a job that was given up or is done, done again at once; False where it is on its way, or not this tenant's."""
    change = text(
        "UPDATE procrastinate_jobs SET status = 'todo', scheduled_at = NULL, attempts = 0, worker_id = NULL, "
        "args = args || jsonb_build_object('error', '', 'tries_count', 0, 'created_at', CAST(:now AS text)) "
        "WHERE queueing_lock = :key AND args->>'tenant_id' = :tenant_id AND status IN ('failed', 'succeeded') RETURNING id"
    )
    values = {"key": key, "tenant_id": _named(tenant_id), "now": now.isoformat()}
    return session.execute(change, values).first() is not None


def failed(session: Session, tenant_id: str | None) -> tuple[GivenUp, ...]:
    """Jobs that were given up, oldest first: of one tenant, or for the operator of all."""
    query = text(
        "SELECT queueing_lock, args, task_name FROM procrastinate_jobs WHERE status = 'failed' "
        "AND (CAST(:tenant_id AS text) IS NULL OR args->>'tenant_id' = :tenant_id) ORDER BY id"
    )
    values = {"tenant_id": None if tenant_id is None else _named(tenant_id)}
    return tuple(GivenUp(*row) for row in session.execute(query, values))


def count_by_state(session: Session) -> dict[JobState, int]:
    """How many jobs are in each state, over all tenants."""
    rows = session.execute(text("SELECT CAST(status AS text), count(*) FROM procrastinate_jobs GROUP BY status"))
    counts = {_STATES[status]: count for status, count in rows if status in _STATES}
    return {state: counts.get(state, 0) for state in JobState}


def give_back(session: Session, *, silent_s: float, most_tries_count: int, error: str) -> int:
    """Put back what the workers hold that have been silent for too long; how many jobs that was.

    A job whose workers died as often as a job is tried is given up. Workers that are gone are forgotten. Any number of processes
    may do this at once: each job is put back by one of them.

    Args:
        session: The open transaction.
        silent_s: Seconds after which a worker counts as dead.
        most_tries_count: Tries after which a job is given up.
        error: What is kept with a job that is given up.
    """
    change = text(
        "WITH stalled AS (SELECT job.id, CAST(coalesce(job.args->>'tries_count', '0') AS integer) + 1 AS tries_count "
        "FROM procrastinate_jobs job WHERE job.status = 'doing' AND NOT EXISTS (SELECT 1 FROM procrastinate_workers worker "
        "WHERE worker.id = job.worker_id AND worker.last_heartbeat >= now() - make_interval(secs => :silent_s)) "
        "FOR UPDATE OF job SKIP LOCKED) "
        "UPDATE procrastinate_jobs job SET status = CAST(CASE WHEN stalled.tries_count >= :most_tries_count THEN 'failed' "
        "ELSE 'todo' END AS procrastinate_job_status), attempts = job.attempts + 1, scheduled_at = NULL, worker_id = NULL, "
        "args = job.args || jsonb_build_object('tries_count', stalled.tries_count) || CASE WHEN stalled.tries_count >= "
        ":most_tries_count THEN jsonb_build_object('error', CAST(:error AS text)) ELSE '{}' END "
        "FROM stalled WHERE job.id = stalled.id RETURNING job.id"
    )
    values = {"silent_s": silent_s, "most_tries_count": most_tries_count, "error": error}
    return len(session.execute(change, values).all())


def prune(session: Session, before: datetime) -> None:
    """Forget jobs that are done and were asked for before an instant."""
    gone = text(
        "DELETE FROM procrastinate_jobs WHERE status IN ('succeeded', 'cancelled', 'aborted') "
        "AND CAST(args->>'created_at' AS timestamptz) < :before"
    )
    session.execute(gone, {"before": before})


def _named(tenant_id: str) -> str:
    """The tenant, if there is one.

    Raises:
        NotFoundError: It is empty: nobody has asked.
    """
    if not tenant_id:
        raise NotFoundError("There is no tenant to look in", expected="the id of a root subject", got="nothing")
    return tenant_id
