"""The worker: every job once, errors kept with their job, and a crash costs a lease."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from app.assemble import open_desk
from app.chain import ChainDesk
from app.jobs import worker as module
from app.jobs.worker import LEASE_S, Worker
from app.store import jobs
from app.store.jobs import MOST_TRIES_COUNT
from app.store.session import unit_of_work
from app.store.statements import StatementState
from app.usecases.ask_auditor import ENDORSE_JOB
from app.usecases.send_outbox import pending_count
from domain.errors import ArchiveError, ChainError, ClimateFitnessError, ConflictError, TryLaterError
from tests.app.usecases.installation import Installation, steady


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation with one closed month."""
    made = Installation.open(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def worker(installation: Installation) -> Iterator[Worker]:
    """A worker that the test ticks."""
    desk = open_desk(installation.services)
    yield Worker(installation.services, desk)
    desk.close()


def job_rows(installation: Installation) -> list[tuple[str, int, str]]:
    """State, attempts and error of every job."""
    with unit_of_work(installation.services.engine) as session:
        rows = session.connection().exec_driver_sql("SELECT state, attempts, error FROM job ORDER BY key")
        return [(str(state), int(attempts), str(error)) for state, attempts, error in rows]


def enqueue(installation: Installation, statement_id: str) -> None:
    """A job of our own making."""
    payload = json.dumps({"statement_id": statement_id})
    with unit_of_work(installation.services.engine) as session:
        jobs.enqueue(session, "t", f"{ENDORSE_JOB}:{statement_id}", ENDORSE_JOB, payload, now=installation.clock.now())


def test_closed_statement_is_issued(installation: Installation, worker: Worker) -> None:
    """Closing enqueues; one drain endorses and issues; nothing is left to do."""
    whose = installation.household()
    installation.take(whose, steady(date(2025, 4, 1), date(2025, 4, 1)))
    row = installation.close_months(whose, "2025-04")
    assert worker.drain()
    assert installation.statement(row).state is StatementState.ISSUED
    assert (worker.tick(), pending_count(installation.services)) == (0, 0)


def test_rolled_back_close_leaves_no_job(installation: Installation, worker: Worker) -> None:
    """A job is there only once the transaction that asked for it commits."""
    whose = installation.household()
    with pytest.raises(ConflictError):
        installation.close_months(whose, "2025-04")
    assert (worker.tick(), job_rows(installation)) == (0, [])


def test_refused_job_is_put_back_and_given_up(installation: Installation, worker: Worker) -> None:
    """A job that fails waits longer each time, keeps its reason, and is given up in the end."""
    enqueue(installation, "nobody")
    for attempt in range(1, MOST_TRIES_COUNT + 1):
        assert worker.tick() == 1
        ((state, attempts, error),) = job_rows(installation)
        assert (attempts, error) == (attempt, "not-found (NotFoundError)")
        assert worker.tick() == 0
        installation.clock.advance(601)
    assert state == "failed"
    assert worker.tick() == 0


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (ChainError("The chain does not answer"), "chain (ChainError)"),
        (ArchiveError(got="12 kWh"), "archive (ArchiveError)"),
        (TryLaterError(wait_s=5), "try-later (TryLaterError)"),
    ],
)
def test_what_is_away_is_waited_for(
    installation: Installation, worker: Worker, monkeypatch: pytest.MonkeyPatch, error: ClimateFitnessError, name: str
) -> None:
    """A chain, archive or provider that does not answer for a day costs growing pauses of ten minutes at most, and no try."""

    def away(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(module, "BODIES", {ENDORSE_JOB: away})
        enqueue(installation, "x")
        runs = []
        for at_s in range(0, 86_400, 10):
            runs += [at_s] * worker.tick()
            installation.clock.advance(10)
    pauses = [later - earlier for earlier, later in pairwise(runs)]
    assert pauses == sorted(pauses)
    assert max(pauses) == 600
    assert 140 < len(pauses) < 160
    assert job_rows(installation) == [("todo", 0, name)]
    monkeypatch.setattr(module, "BODIES", {ENDORSE_JOB: lambda *_: None})
    installation.clock.advance(600)
    assert worker.tick() == 1
    assert job_rows(installation) == [("done", 1, "")]


def test_statement_outlives_a_long_outage(installation: Installation, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain that is down for an hour after a close delays the statement; it is issued once the chain is back."""
    whose = installation.household()
    installation.take(whose, steady(date(2025, 4, 1), date(2025, 4, 1)))
    row = installation.close_months(whose, "2025-04")

    def down(*_: object) -> None:
        raise ChainError("The chain does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(ChainDesk, "epoch", down)
        for _ in range(360):
            worker.tick()
            installation.clock.advance(10)
    assert installation.statement(row).state is StatementState.CLOSED
    installation.clock.advance(600)
    assert worker.drain()
    assert installation.statement(row).state is StatementState.ISSUED


def test_own_mistake_does_not_stop_the_others(
    installation: Installation, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bug in one job is kept with it; the next job runs in the same tick."""
    seen: list[str] = []

    def body(_services: Any, _chain: Any, job: Any) -> None:  # noqa: ANN401 - as bodies are
        seen.append(job.key)
        if job.key.endswith("first"):
            raise ZeroDivisionError

    monkeypatch.setattr(module, "BODIES", {ENDORSE_JOB: body})
    enqueue(installation, "first")
    enqueue(installation, "second")
    assert worker.tick() == 2
    assert sorted(seen) == [f"{ENDORSE_JOB}:first", f"{ENDORSE_JOB}:second"]
    assert {error for _, _, error in job_rows(installation)} >= {"ZeroDivisionError"}


def test_unknown_kind_is_kept(installation: Installation, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A job that this version does not know is left to one that does."""
    monkeypatch.setattr(module, "BODIES", {"another": lambda *_: None})
    enqueue(installation, "x")
    assert worker.tick() == 0
    assert job_rows(installation) == [("todo", 0, "")]


def test_job_of_a_dead_worker_runs_again(installation: Installation, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that dies in a job leaves it leased; after the lease another one does it."""
    bodies: list[Callable[..., None]] = []

    class KilledError(BaseException):
        """The process dies: nothing catches this."""

    def dies(*_: object) -> None:
        raise KilledError

    monkeypatch.setattr(module, "BODIES", {ENDORSE_JOB: dies})
    enqueue(installation, "x")
    with pytest.raises(KilledError):
        worker.tick()
    monkeypatch.setattr(module, "BODIES", {ENDORSE_JOB: lambda *_: bodies.append(dies)})
    assert worker.tick() == 0
    installation.clock.advance(LEASE_S + 1)
    assert (worker.tick(), len(bodies)) == (1, 1)


def test_endorsing_twice_is_harmless(installation: Installation, worker: Worker) -> None:
    """The same job done again, after a crash before it was finished, changes nothing."""
    whose = installation.household()
    installation.take(whose, steady(date(2025, 4, 1), date(2025, 4, 1)))
    row = installation.close_months(whose, "2025-04")
    worker.drain()
    payload = json.dumps({"statement_id": row.id})
    with unit_of_work(installation.services.engine) as session:
        jobs.enqueue(session, row.tenant_id, "again", ENDORSE_JOB, payload, now=installation.clock.now())
    assert worker.drain()
    assert installation.statement(row).state is StatementState.ISSUED


def test_started_worker_ticks_and_stops(installation: Installation, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """Started, it looks for work by itself; stopped, it does not."""
    monkeypatch.setattr(module, "TICK_S", 0.05)
    whose = installation.household()
    installation.take(whose, steady(date(2025, 4, 1), date(2025, 4, 1)))
    row = installation.close_months(whose, "2025-04")
    worker.start()
    for _ in range(200):
        if installation.statement(row).state is StatementState.ISSUED:
            break
        time.sleep(0.05)
    worker.stop()
    assert installation.statement(row).state is StatementState.ISSUED
