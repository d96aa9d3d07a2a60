"""kill -9 and SIGTERM at workers: nothing lost, nothing double; a job that kills its workers is given up."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from sqlalchemy import text

from app.store.session import unit_of_work
from app.work_queue import NewJob
from tests.app.jobs.child import LONG_SILENT_S, OFTEN, STEPS_COUNT, TENANT, drill_bodies, make_table
from tests.app.jobs.queues import Bench, bench, make_queue, postgres_url, queue_postgres_url

__all__ = ["bench", "postgres_url", "queue_postgres_url"]

IN_USE = ["table on sqlite", "procrastinate on postgresql"]
"""What installations run syncs on."""

Child = subprocess.Popen[str]


@contextmanager
def child(repository: Path, bench: Bench, mode: str) -> Iterator[Child]:
    """A worker process that is ready to work; killed at the end, if it lives."""
    url = bench.engine.url.render_as_string(hide_password=False)
    command = [sys.executable, "-m", "tests.app.jobs.child", url, bench.sort, mode]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=repository) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
        if process.poll() is None:
            process.kill()


def finish(bench: Bench) -> None:
    """Work until everything is done."""
    queue, stop = make_queue(bench.sort, bench.engine, backoff=OFTEN, silent_s=LONG_SILENT_S), Event()
    options = {"threads_count": 2, "stop": stop}
    thread = Thread(target=queue.run, args=(drill_bodies(bench.engine, queue),), kwargs=options)
    thread.start()
    end_s = time.monotonic() + 120
    while set(bench.counts()) != {"done"} and time.monotonic() < end_s:
        time.sleep(0.05)
    stop.set()
    thread.join()


def drill(repository: Path, bench: Bench, *, kill_count: int, seed: int) -> None:
    """So many kills at random moments of a worker, while another one works; what is done is then held against what was asked."""
    make_table(bench.engine)
    moments = random.Random(seed)  # noqa: S311 - repeatable moments, not secrets
    asked: list[str] = []
    done_counts = []
    with child(repository, bench, "work"):
        for number in range(kill_count):
            new = [f"{number:03}-{n:02}" for n in range(30)]
            assert bench.ask(*(NewJob(key, TENANT, "work") for key in new)) == len(new)
            asked += new
            with child(repository, bench, "work") as process:
                time.sleep(moments.uniform(0.0, 0.25))
                done_counts.append(bench.counts().get("done", 0))
                process.kill()
                assert process.wait() == -signal.SIGKILL
    finish(bench)
    wanted = {key: (STEPS_COUNT, STEPS_COUNT) for one in asked for key in (one, f"{one}/next")}
    with bench.engine.connect() as connection:
        found = {key: (step, total) for key, step, total in connection.execute(text("SELECT key, step, total FROM drill"))}
    assert found == wanted
    assert bench.counts() == {"done": len(wanted)}
    assert done_counts[0] < len(wanted)


@pytest.mark.parametrize("bench", IN_USE, indirect=True)
def test_kill_twenty_times(repository: Path, bench: Bench) -> None:
    """Twenty kills: every step of every job once, every job that follows once."""
    drill(repository, bench, kill_count=20, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("bench", IN_USE, indirect=True)
def test_kill_eighty_times_more(repository: Path, bench: Bench) -> None:
    """The same with eighty kills."""
    drill(repository, bench, kill_count=80, seed=2)


def test_job_that_kills_its_workers_is_given_up(repository: Path, bench: Bench) -> None:
    """After as many dead workers as a job has tries it is given up, and the next worker lives."""
    bench.ask(NewJob("deadly", TENANT, "work"))
    for _ in range(3):
        with child(repository, bench, "die") as process:
            assert process.wait(20) == -signal.SIGKILL
    with child(repository, bench, "die"):
        end_s = time.monotonic() + 20
        while bench.counts() != {"failed": 1}:
            assert time.monotonic() < end_s, bench.counts()
            time.sleep(0.05)
    with unit_of_work(bench.engine) as session:
        ((dead),) = bench.queue.dead(session, TENANT)
    assert (dead.key, dead.tries_count, dead.error) == ("deadly", 3, "its worker died each time")


def test_terminated_worker_leaves_nothing_half(repository: Path, bench: Bench) -> None:
    """SIGTERM: the worker ends by itself with code 0, no job is left in the middle, and the others wait for the next one."""
    make_table(bench.engine)
    bench.ask(*(NewJob(f"{n:04}", TENANT, "work") for n in range(600)))
    with child(repository, bench, "stop") as process:
        while bench.counts().get("done", 0) < 10:
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
    counts = bench.counts()
    assert set(counts) == {"done", "todo"}
    with bench.engine.connect() as connection:
        steps = set(connection.execute(text("SELECT DISTINCT step, total FROM drill")).all())
    assert {tuple(row) for row in steps} == {(STEPS_COUNT, STEPS_COUNT)}
