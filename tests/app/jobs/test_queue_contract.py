"""One contract for every queue: `app.work_queue.WorkQueue`."""

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from threading import Barrier, Event, Lock, Thread

import pytest

from app.store.session import unit_of_work
from app.work_queue import Body, NewJob, Turn, Urgency, WorkQueue
from domain.errors import ConflictError, TryLaterError
from tests.app.jobs.queues import SILENT_S, Bench, bench, postgres_url, queue_postgres_url

__all__ = ["bench", "postgres_url", "queue_postgres_url"]

TENANT = "tenant-1"


def job(key: str, **more: object) -> NewJob:
    """A job of the kind that all these tests run."""
    return NewJob(key, TENANT, "work", **more)  # type: ignore[arg-type]  # fields by name


class Seen:
    """Keys in the order in which their bodies ran."""

    def __init__(self) -> None:
        self.keys: list[str] = []
        self._guard = Lock()

    def __call__(self, turn: Turn) -> None:
        """Note the key."""
        with self._guard:
            self.keys.append(turn.key)


@contextmanager
def running(queue: WorkQueue, bodies: Mapping[str, Body], *, threads_count: int = 1) -> Iterator[Event]:
    """The queue runs in a thread until the block ends; fails where it does not stop."""
    stop = Event()
    thread = Thread(target=queue.run, args=(bodies,), kwargs={"threads_count": threads_count, "stop": stop})
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(20)
        assert not thread.is_alive()


def wait_for(bench: Bench, wanted: dict[str, int], *, most_s: float = 20) -> None:
    """Wait until the jobs stand so."""
    end_s = time.monotonic() + most_s
    while (found := bench.counts()) != wanted:
        assert time.monotonic() < end_s, f"expected {wanted}, got {found}"
        time.sleep(0.02)


def test_job_runs_once_with_what_it_was_given(bench: Bench) -> None:
    """A body sees tenant, key and payload; the job is done, and nothing is left."""
    turns: list[Turn] = []
    payload = json.dumps({"connection_id": "ü"})
    assert bench.ask(job("a", payload_json=payload)) == 1
    assert bench.queue.run_due({"work": turns.append}) == 1
    ((turn),) = turns
    assert (turn.key, turn.tenant_id, turn.payload_json, turn.is_over()) == ("a", TENANT, payload, False)
    assert bench.counts() == {"done": 1}
    assert bench.queue.run_due({"work": turns.append}) == 0


def test_no_commit_no_job(bench: Bench) -> None:
    """A job is there with the caller's transaction, or not at all."""

    def ask_and_fail() -> None:
        with unit_of_work(bench.engine) as session:
            assert bench.queue.enqueue(session, job("a"), job("b")) == 2
            raise ConflictError

    with pytest.raises(ConflictError):
        ask_and_fail()
    assert (bench.counts(), bench.queue.run_due({"work": Seen()})) == ({}, 0)


def test_refused_key_leaves_the_callers_transaction_whole(bench: Bench) -> None:
    """Asking for a known key changes nothing, and what the caller does besides is committed."""
    bench.ask(job("a"))
    with unit_of_work(bench.engine) as session:
        found = [bench.queue.enqueue(session, job("a")), bench.queue.enqueue(session, job("b"), job("a"), job("b"))]
    assert found == [0, 1]
    assert bench.counts() == {"todo": 2}


def test_key_stays_taken(bench: Bench) -> None:
    """A key is refused while its job waits, while it runs and when it is done."""
    found = [bench.ask(job("a")), bench.ask(job("a"))]
    bench.queue.run_due({"work": lambda _: found.append(bench.ask(job("a")))})
    found.append(bench.ask(job("a")))
    assert found == [1, 0, 0, 0]


def test_schedulers_at_once_enqueue_once(bench: Bench) -> None:
    """Three schedulers that ask for the same keys in the same moment enqueue each once."""
    new = [job(f"sync/{n:02}") for n in range(40)]
    start, added = Barrier(3), []

    def schedule() -> None:
        queue = bench.another()
        start.wait()
        for some in (new[:10], new[10:], new):
            with unit_of_work(bench.engine) as session:
                added.append(queue.enqueue(session, *some))

    threads = [Thread(target=schedule) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(added), bench.counts()) == (40, {"todo": 40})


def test_who_is_waited_for_goes_first(bench: Bench) -> None:
    """Urgent work goes before routine work that was asked for earlier; within one urgency the order of asking holds."""
    seen = Seen()
    for key, urgency in [("a", Urgency.ROUTINE), ("b", Urgency.ROUTINE), ("c", Urgency.WAITED_FOR), ("d", Urgency.WAITED_FOR)]:
        bench.ask(job(key, urgency=urgency))
    bench.queue.run_due({"work": seen})
    assert seen.keys == ["c", "d", "a", "b"]


def test_not_before_its_time(bench: Bench) -> None:
    """A job that is due later waits, and then runs."""
    seen = Seen()
    bench.ask(job("later", due_at=datetime.now(UTC) + timedelta(seconds=1)), job("now"))
    bench.queue.run_due({"work": seen})
    assert seen.keys == ["now"]
    with running(bench.queue, {"work": seen}):
        wait_for(bench, {"done": 2})
    assert seen.keys == ["now", "later"]


def test_other_kinds_are_left_alone(bench: Bench) -> None:
    """A worker that does not know a kind leaves its jobs to one that does."""
    seen = Seen()
    bench.ask(NewJob("a", TENANT, "unknown"), job("b"))
    assert bench.queue.run_due({"work": seen}) == 1
    assert (seen.keys, bench.counts()) == (["b"], {"done": 1, "todo": 1})
    assert bench.queue.run_due({"unknown": seen}) == 1
    assert seen.keys == ["b", "a"]


def test_failure_is_kept_and_given_up(bench: Bench) -> None:
    """A job that fails is tried as often as the queue says, stops no other, and is then shown with its error, not its words."""
    seen = Seen()

    def work(turn: Turn) -> None:
        seen(turn)
        if turn.key == "bad":
            raise ConflictError("Ada used 12 kWh")
        if turn.key == "bug":
            raise ZeroDivisionError

    bench.ask(job("bad"), job("good"), job("bug"))
    with running(bench.queue, {"work": work}):
        wait_for(bench, {"done": 1, "failed": 2})
    assert Counter(seen.keys) == {"bad": 3, "good": 1, "bug": 3}
    with unit_of_work(bench.engine) as session:
        found = [(one.key, one.tenant_id, one.kind, one.tries_count, one.error) for one in bench.queue.dead(session)]
    assert sorted(found) == [
        ("bad", TENANT, "work", 3, "conflict (ConflictError)"),
        ("bug", TENANT, "work", 3, "ZeroDivisionError"),
    ]


def test_dead_are_shown_by_tenant_and_asked_again(bench: Bench) -> None:
    """A tenant sees its own dead jobs and has them done again; nobody else does, and a job on its way stays as it is."""
    failing = [True]

    def work(_: Turn) -> None:
        if failing[0]:
            raise ZeroDivisionError

    bench.ask(job("a"), NewJob("b", "tenant-2", "work"), job("waits", due_at=datetime.now(UTC) + timedelta(days=1)))
    with running(bench.queue, {"work": work}):
        wait_for(bench, {"failed": 2, "todo": 1})
    failing[0] = False
    with unit_of_work(bench.engine) as session:
        assert [one.key for one in bench.queue.dead(session, TENANT)] == ["a"]
        again = [bench.queue.ask_again(session, TENANT, key) for key in ("a", "b", "waits", "unknown")]
    assert again == [True, False, False, False]
    assert bench.queue.run_due({"work": work}) == 1
    assert bench.counts() == {"done": 1, "failed": 1, "todo": 1}
    with unit_of_work(bench.engine) as session:
        assert bench.queue.ask_again(session, TENANT, "a")
    assert bench.counts() == {"failed": 1, "todo": 2}


def test_waiting_is_no_try(bench: Bench) -> None:
    """A provider that asks to come back later is waited for more often than a job is tried, for as long as it says."""
    at_s: list[float] = []

    def work(_: Turn) -> None:
        at_s.append(time.monotonic())
        if len(at_s) <= 5:
            raise TryLaterError(wait_s=0.15)

    bench.ask(job("a"))
    with running(bench.queue, {"work": work}):
        wait_for(bench, {"done": 1})
    assert len(at_s) == 6
    assert min(later - earlier for earlier, later in pairwise(at_s)) >= 0.14


def test_workers_side_by_side_do_each_once(bench: Bench) -> None:
    """Two workers of two threads each do every job once."""
    seen = Seen()
    bench.ask(*(job(f"{n:03}") for n in range(60)))

    def work(turn: Turn) -> None:
        seen(turn)
        time.sleep(0.005)

    with running(bench.queue, {"work": work}, threads_count=2), running(bench.another(), {"work": work}, threads_count=2):
        wait_for(bench, {"done": 60})
    assert sorted(seen.keys) == [f"{n:03}" for n in range(60)]


def test_long_job_is_not_taken_over(bench: Bench) -> None:
    """A job that takes several times as long as a worker may be silent runs once: its worker is not silent."""
    seen = Seen()

    def work(turn: Turn) -> None:
        seen(turn)
        time.sleep(3 * SILENT_S)

    bench.ask(job("long"))
    with running(bench.queue, {"work": work}), running(bench.another(), {"work": work}):
        wait_for(bench, {"done": 1})
    assert seen.keys == ["long"]


def test_told_to_stop_it_ends_what_runs_and_begins_nothing(bench: Bench) -> None:
    """A running body sees that its turn is over; its job is done, the next one waits for the next worker."""
    seen, begun = Seen(), Event()

    def work(turn: Turn) -> None:
        seen(turn)
        begun.set()
        while not turn.is_over():
            time.sleep(0.01)

    bench.ask(job("a"))
    bench.ask(job("b"))
    with running(bench.queue, {"work": work}) as stop:
        assert begun.wait(10)
        stop.set()
    assert (seen.keys, bench.counts()) == (["a"], {"done": 1, "todo": 1})


def test_done_are_forgotten_and_dead_are_kept(bench: Bench) -> None:
    """Jobs that are done and old are forgotten, and their keys are free; what waits or was given up stays."""

    def work(turn: Turn) -> None:
        if turn.key == "bad":
            raise ZeroDivisionError

    bench.ask(job("good"), job("bad"))
    with running(bench.queue, {"work": work}):
        wait_for(bench, {"done": 1, "failed": 1})
    bench.ask(job("waits"))
    now = datetime.now(UTC)
    for before, left in [(now - timedelta(hours=1), {"done": 1, "failed": 1, "todo": 1}), (now, {"failed": 1, "todo": 1})]:
        with unit_of_work(bench.engine) as session:
            bench.queue.prune(session, before)
        assert bench.counts() == left
    assert [bench.ask(job("good")), bench.ask(job("bad"))] == [1, 0]
