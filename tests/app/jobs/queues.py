"""The queues that keep one contract, each on a database of its own, with pauses short enough for tests."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url, text

from app.clock import SystemClock, SystemRandomness
from app.jobs.procrastinate_queue import ProcrastinateQueue
from app.jobs.table_queue import TableQueue
from app.store.session import Engine, engine_of, unit_of_work, upgrade
from app.work_queue import Backoff, NewJob, WorkQueue
from tests.postgres import postgres_url

__all__ = ["Bench", "bench", "make_queue", "postgres_url", "queue_postgres_url"]

QUICK = Backoff(first_s=0.04, longest_s=0.2, most_tries_count=3)
SILENT_S = 1.5
"""How long a worker may be silent in tests, seconds."""


def make_queue(sort: str, engine: Engine, *, backoff: Backoff | None = None, silent_s: float = SILENT_S) -> WorkQueue:
    """A queue of this sort: `table` or `procrastinate`."""
    clock, randomness = SystemClock(), SystemRandomness()
    if sort == "table":
        return TableQueue(engine, clock, randomness, backoff=backoff or QUICK, lease_s=silent_s, poll_s=0.02)
    return ProcrastinateQueue(engine, clock, randomness, backoff=backoff or QUICK, heartbeat_s=silent_s / 6, poll_s=0.02)


@dataclass(frozen=True)
class Bench:
    """A queue and its database.

    Attributes:
        engine: The database.
        sort: `table` or `procrastinate`.
        queue: The queue.
    """

    engine: Engine
    sort: str
    queue: WorkQueue

    def another(self) -> WorkQueue:
        """The queue as another process has it."""
        return make_queue(self.sort, self.engine)

    def ask(self, *new: NewJob) -> int:
        """How many keys were new, in a transaction of its own."""
        with unit_of_work(self.engine) as session:
            return self.queue.enqueue(session, *new)

    def counts(self) -> dict[str, int]:
        """Jobs by state, those that there are."""
        with unit_of_work(self.engine) as session:
            return {str(state): count for state, count in self.queue.counts(session).items() if count}


@pytest.fixture(scope="session")
def queue_postgres_url(postgres_url: str) -> str:
    """A migrated database for queues alone: Procrastinate's tables are in no migration."""
    admin = engine_of(postgres_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE queues"))
    admin.dispose()
    url = make_url(postgres_url).set(database="queues").render_as_string(hide_password=False)
    engine = engine_of(url)
    upgrade(engine)
    make_queue("procrastinate", engine)
    engine.dispose()
    return url


@pytest.fixture(params=["table on sqlite", "table on postgresql", "procrastinate on postgresql"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    """Each queue on an empty database."""
    sort, _, database = request.param.partition(" on ")
    if database == "sqlite":
        engine = engine_of(f"sqlite:///{tmp_path / 'queue.sqlite3'}")
        upgrade(engine)
    else:
        engine = engine_of(request.getfixturevalue("queue_postgres_url"))
        with engine.begin() as connection:
            connection.execute(text("TRUNCATE procrastinate_jobs, procrastinate_workers, job CASCADE"))
    yield Bench(engine, sort, make_queue(sort, engine))
    engine.dispose()
