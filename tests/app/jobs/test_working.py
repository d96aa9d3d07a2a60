"""`climate-fitness worker` and `jobs`, as processes on an installation."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.assemble import open_services
from app.cli.program import program
from app.clock import SystemClock, SystemRandomness
from app.jobs.open_queue import open_queue
from app.jobs.procrastinate_queue import ProcrastinateQueue
from app.jobs.table_queue import TableQueue
from app.services import Services
from app.settings import Settings
from app.store.jobs import JobState
from app.store.session import engine_of, unit_of_work
from app.work_queue import Backoff, NewJob
from tests.app.jobs.queues import postgres_url, queue_postgres_url

__all__ = ["postgres_url", "queue_postgres_url"]


@pytest.fixture
def services(tmp_path: Path) -> Services:
    """An installation on SQLite."""
    return open_services(Settings(data_folder=tmp_path / "data"), clock=SystemClock(), randomness=SystemRandomness())


def give_up(services: Services, key: str) -> None:
    """A job that was given up."""

    def work(_: object) -> None:
        raise ZeroDivisionError

    with unit_of_work(services.engine) as session:
        services.queue.enqueue(session, NewJob(key, "t", "sync"))
    queue = TableQueue(services.engine, services.clock, services.randomness, backoff=Backoff(most_tries_count=1))
    assert queue.run_due({"sync": work}) == 1


def test_worker_does_what_is_there_and_ends_at_sigterm(services: Services, tmp_path: Path) -> None:
    """Started alone, it runs a job of an installation; told to end, it ends by itself with 0."""
    payload = json.dumps({"connection_id": "gone"})
    with unit_of_work(services.engine) as session:
        services.queue.enqueue(session, NewJob("sync/gone/1", "t", "sync", payload_json=payload))
    command = [sys.executable, "-c", "from app.cli import main; main()", "worker", "--data-folder", str(tmp_path / "data")]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert "Working" in process.stderr.readline()
        for _ in range(400):
            with unit_of_work(services.engine) as session:
                if services.queue.counts(session)[JobState.DONE] == 1:
                    break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    with unit_of_work(services.engine) as session:
        assert services.queue.counts(session)[JobState.DONE] == 1


def test_jobs_shows_what_was_given_up(services: Services, tmp_path: Path) -> None:
    """A job that was given up is shown with its error and exit code 1, and can be asked for again."""
    give_up(services, "sync/a/1")
    folder = ["--data-folder", str(tmp_path / "data")]
    shown = CliRunner().invoke(program, ["jobs", "--json", *folder])
    found = json.loads(shown.stdout)
    assert (shown.exit_code, found["counts"]["failed"]) == (1, 1)
    ((one),) = found["given_up"]
    assert (one["key"], one["tries_count"], one["error"]) == ("sync/a/1", 1, "ZeroDivisionError")
    for key, code, words in [("sync/b/1", 2, ""), ("all", 0, "1 asked for again.\n"), ("all", 2, "")]:
        ended = CliRunner().invoke(program, ["jobs", "--again", key, *folder])
        assert (ended.exit_code, ended.stdout) == (code, words)


def test_each_database_has_its_queue(services: Services, queue_postgres_url: str) -> None:
    """The table `job` embedded; on PostgreSQL Procrastinate, whose tables are made once."""
    assert isinstance(services.queue, TableQueue)
    engine = engine_of(queue_postgres_url)
    for _ in range(2):
        assert isinstance(open_queue(engine, services.clock, services.randomness), ProcrastinateQueue)
    engine.dispose()
