"""Syncs through the queue: one job per connection and window, turns that let others go first, failures that end."""

from threading import Barrier, Thread

from app.jobs.bodies import bodies_of
from app.services import Work
from app.store import connections
from app.store.connections import ConnectionState
from app.store.session import unit_of_work
from app.usecases.pull_connection import MOST_FAILURES_COUNT
from app.usecases.sync_due import enqueue_due, enqueue_notified, enqueue_now
from domain.errors import ArchiveError, ConflictError
from tests.app.jobs.queues import postgres_url, queue_postgres_url
from tests.app.jobs.syncing import Syncing, syncing
from tests.app.usecases.installation import NOW

__all__ = ["postgres_url", "queue_postgres_url", "syncing"]


def run_due(syncing: Syncing) -> int:
    """How many tries there were until nothing was due."""
    return syncing.services.queue.run_due(bodies_of(syncing.services, syncing.sync))


def counts(syncing: Syncing) -> dict[str, int]:
    """Jobs by state, those that there are."""
    with unit_of_work(syncing.services.engine) as session:
        return {str(state): count for state, count in syncing.services.queue.counts(session).items() if count}


def test_due_connections_are_pulled_once(syncing: Syncing) -> None:
    """Each active connection whose time has come is asked for once, pulled once, and due again a day later."""
    syncing.connect("a", "b")
    syncing.connect("paused", state=ConnectionState.PAUSED)
    syncing.connect("later", next_at=NOW.replace(hour=13))
    assert [enqueue_due(syncing.services) for _ in range(3)] == [2, 0, 0]
    assert (run_due(syncing), sorted(syncing.pulled)) == (2, ["a", "b"])
    assert enqueue_due(syncing.services) == 0
    syncing.clock.advance(86_400)
    assert enqueue_due(syncing.services) == 3


def test_three_clocks_at_once_ask_once(syncing: Syncing) -> None:
    """Three processes whose clocks tick in the same moment ask for each connection once."""
    names = [f"c{n:02}" for n in range(30)]
    syncing.connect(*names)
    start, found = Barrier(3), []

    def tick() -> None:
        start.wait()
        found.append(enqueue_due(syncing.services))

    threads = [Thread(target=tick) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (sum(found), counts(syncing)) == (30, {"todo": 30})


def test_long_back_fill_lets_others_go_first(syncing: Syncing) -> None:
    """A back-fill of forty turns takes one turn before a hundred other connections have theirs, and then goes on to its end."""
    syncing.connect("two years")
    syncing.turns_count["two years"] = 40
    enqueue_due(syncing.services)
    others = [f"other {n:03}" for n in range(100)]
    syncing.clock.advance(1)
    syncing.connect(*others, next_at=syncing.clock.now())
    assert enqueue_due(syncing.services) == 100
    assert run_due(syncing) == 140
    assert syncing.pulled[0] == "two years"
    assert sorted(syncing.pulled[1:101]) == others
    assert syncing.pulled[101:] == ["two years"] * 39


def test_back_fill_and_the_clock_share_one_job(syncing: Syncing) -> None:
    """The clock that looks between two turns finds the next turn asked for already."""
    syncing.connect("two years")
    syncing.turns_count["two years"] = 3
    enqueue_due(syncing.services)
    found = []

    def sync(*_: object, **_turn: object) -> None:
        try:
            syncing.sync(syncing.services, syncing.whose.tenant_id, "two years")
        finally:
            found.append(enqueue_due(syncing.services))

    assert syncing.services.queue.run_due(bodies_of(syncing.services, sync)) == 3
    assert (found, syncing.pulled) == ([1, 1, 0], ["two years"] * 3)


def test_person_goes_before_routine(syncing: Syncing) -> None:
    """A person who presses a button is served before connections that were due earlier; pressing twice asks once."""
    syncing.connect("a", "b", "c")
    enqueue_due(syncing.services)
    with unit_of_work(syncing.services.engine) as session:
        work = Work(session, syncing.services)
        assert [enqueue_now(work, syncing.row("c")), enqueue_now(work, syncing.row("c"))] == [True, False]
    run_due(syncing)
    assert syncing.pulled == ["c", "a", "b", "c"]


def test_notifications_are_gathered(syncing: Syncing) -> None:
    """Notifications of a few seconds are one job, which is due when they are over; a later one is a job of its own."""
    syncing.connect("a", next_at=NOW.replace(hour=20))
    found = []
    for _ in range(4):
        with unit_of_work(syncing.services.engine) as session:
            work = Work(session, syncing.services)
            found += [enqueue_notified(work, syncing.row("a")), enqueue_notified(work, syncing.row("a"))]
        syncing.clock.advance(3)
    assert found == [True, False, False, False, False, False, False, False]
    syncing.clock.advance(1)
    with unit_of_work(syncing.services.engine) as session:
        assert enqueue_notified(Work(session, syncing.services), syncing.row("a"))
    assert counts(syncing) == {"todo": 2}


def test_connection_in_use_is_waited_for(syncing: Syncing) -> None:
    """Where another sync has the connection, the job waits its turn instead of being done."""
    syncing.connect("a")
    enqueue_due(syncing.services)

    def sync(*_: object, **_turn: object) -> None:
        with unit_of_work(syncing.services.engine) as session:
            tenant_id, now = syncing.whose.tenant_id, syncing.clock.now()
            connections.claim_run(session, tenant_id, "a", run_id="other", now=now, until=now.replace(hour=23))
        syncing.sync(syncing.services, syncing.whose.tenant_id, "a")

    assert syncing.services.queue.run_due(bodies_of(syncing.services, sync)) == 1
    assert (counts(syncing), syncing.pulled) == ({"todo": 1}, [])


def test_failing_connection_is_tried_again_and_given_up(syncing: Syncing) -> None:
    """Our own failures: the connection says when it is tried again; after many in a row its job is shown as given up."""
    syncing.connect("a")
    syncing.errors["a"] = [ConflictError(), ArchiveError(), *(ZeroDivisionError() for _ in range(MOST_FAILURES_COUNT))]
    for failure in range(1, MOST_FAILURES_COUNT):
        assert (enqueue_due(syncing.services), run_due(syncing)) == (1, 1)
        assert (counts(syncing), syncing.row("a").failure_count) == ({"done": failure}, failure)
        assert enqueue_due(syncing.services) == 0
        syncing.clock.advance(60)
    assert (enqueue_due(syncing.services), run_due(syncing)) == (1, 1)
    with unit_of_work(syncing.services.engine) as session:
        ((dead),) = syncing.services.queue.dead(session, syncing.whose.tenant_id)
    assert (dead.kind, dead.error) == ("sync", "ZeroDivisionError")


def test_failure_before_the_connection_is_the_jobs(syncing: Syncing) -> None:
    """What fails before the connection could note it is tried again as the job says; the next day is a window of its own."""
    syncing.connect("a")
    enqueue_due(syncing.services)

    def sync(*_: object, **_turn: object) -> None:
        raise ZeroDivisionError

    assert syncing.services.queue.run_due(bodies_of(syncing.services, sync)) >= 1
    assert counts(syncing) == {"todo": 1}
    assert enqueue_due(syncing.services) == 0
    syncing.clock.advance(86_400)
    assert enqueue_due(syncing.services) == 1


def test_connection_that_is_gone_is_no_failure(syncing: Syncing) -> None:
    """A job of a connection that was removed meanwhile is done."""
    syncing.connect("a")
    with unit_of_work(syncing.services.engine) as session:
        enqueue_now(Work(session, syncing.services), syncing.row("a"))
    with syncing.services.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM connection")
    assert run_due(syncing) == 1
    assert counts(syncing) == {"done": 1}
