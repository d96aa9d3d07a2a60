"""Jobs: once per key, one worker at a time, nothing lost."""

import threading
from datetime import timedelta

import pytest

from app.store import jobs
from app.store.jobs import MOST_TRIES_COUNT, JobRow, JobState
from app.store.session import Engine, reading, unit_of_work
from domain.errors import ConflictError
from tests.app.store.builders import NOW, Home

LEASE_S = 60


def enqueue(engine: Engine, home: Home, key: str, kind: str = "import") -> bool:
    """Whether a job is new."""
    with unit_of_work(engine) as session:
        return jobs.enqueue(session, home.tenant_id, key, kind, '{"n":1}', now=NOW)


def claim(engine: Engine, after_s: int = 0) -> JobRow | None:
    """The next job so many seconds later."""
    with unit_of_work(engine) as session:
        return jobs.claim(session, NOW + timedelta(seconds=after_s), lease_s=LEASE_S)


def claimed(engine: Engine, after_s: int = 0) -> JobRow:
    """The next job, which must be there."""
    job = claim(engine, after_s)
    assert job is not None
    return job


def test_same_key_is_asked_once(engine: Engine, home: Home) -> None:
    """The same work asked for twice is one job, also once it is done."""
    assert enqueue(engine, home, "a")
    assert not enqueue(engine, home, "a")
    with unit_of_work(engine) as session:
        job = jobs.claim(session, NOW, lease_s=LEASE_S)
        assert job is not None
        jobs.finish(session, job)
    assert not enqueue(engine, home, "a")
    assert claim(engine) is None


def test_claimed_job_is_ours_until_the_lease_ends(engine: Engine, home: Home) -> None:
    """Nobody gets a claimed job before its lease ends; then the next worker does."""
    enqueue(engine, home, "a")
    first = claimed(engine)
    assert (first.state, first.attempts, first.payload_json) == (JobState.DOING, 1, '{"n":1}')
    assert claim(engine, LEASE_S - 1) is None
    assert claimed(engine, LEASE_S).attempts == 2


def test_late_worker_cannot_finish(engine: Engine, home: Home) -> None:
    """A worker whose lease went to another one cannot finish, fail or postpone the job any more."""
    enqueue(engine, home, "a")
    late, present = claimed(engine), claimed(engine, LEASE_S)
    with unit_of_work(engine) as session, pytest.raises(ConflictError, match=r"no longer ours; expected attempt 1.*in job a"):
        jobs.finish(session, late)
    with unit_of_work(engine) as session:
        jobs.finish(session, present)
        job = jobs.by_key(session, home.tenant_id, "a")
    assert job is not None
    assert (job.state, job.lease_until) == (JobState.DONE, None)


def test_postponed_job_waits(engine: Engine, home: Home) -> None:
    """A job that failed for now comes back at its time, with what went wrong."""
    enqueue(engine, home, "a")
    with unit_of_work(engine) as session:
        job = jobs.claim(session, NOW, lease_s=LEASE_S)
        assert job is not None
        jobs.retry_at(session, job, NOW + timedelta(seconds=30), "provider asks to wait")
    assert claim(engine, 29) is None
    assert claimed(engine, 30).error == "provider asks to wait"


def test_failed_job_stays(engine: Engine, home: Home) -> None:
    """A job given up is not tried again, and is counted."""
    enqueue(engine, home, "a")
    with unit_of_work(engine) as session:
        job = jobs.claim(session, NOW, lease_s=LEASE_S)
        assert job is not None
        jobs.fail(session, job, "our bug")
        assert jobs.count_by_state(session) == {state: int(state is JobState.FAILED) for state in JobState}
    assert claim(engine, 10_000) is None


def test_kinds_can_be_chosen(engine: Engine, home: Home) -> None:
    """A worker of one kind of job leaves the others."""
    enqueue(engine, home, "a", kind="issue")
    with unit_of_work(engine) as session:
        assert jobs.claim(session, NOW, lease_s=LEASE_S, kinds=["import"]) is None
        assert jobs.claim(session, NOW, lease_s=LEASE_S, kinds=["issue"]) is not None


def test_old_done_jobs_are_pruned(engine: Engine, home: Home) -> None:
    """Only jobs that are done are forgotten."""
    enqueue(engine, home, "a")
    enqueue(engine, home, "b")
    with unit_of_work(engine) as session:
        job = jobs.claim(session, NOW, lease_s=LEASE_S)
        assert job is not None
        jobs.finish(session, job)
        jobs.prune(session, NOW + timedelta(days=1))
    with reading(engine) as session:
        assert jobs.by_key(session, home.tenant_id, "a") is None
        assert jobs.by_key(session, home.tenant_id, "b") is not None


def test_two_workers_do_each_job_once(engine: Engine, home: Home) -> None:
    """Two workers that claim at the same time never get the same job."""
    keys = [f"k{n:02}" for n in range(20)]
    for key in keys:
        enqueue(engine, home, key)
    done: list[str] = []
    together = threading.Barrier(2)

    def work() -> None:
        together.wait()
        while (job := claim(engine)) is not None:
            with unit_of_work(engine) as session:
                jobs.finish(session, job)
            done.append(job.key)

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(done) == keys


def test_job_of_dying_workers_is_given_up(engine: Engine, home: Home) -> None:
    """A job whose workers die again and again is claimed so many times, then it has failed."""
    enqueue(engine, home, "a")
    for attempt in range(MOST_TRIES_COUNT):
        assert claimed(engine, attempt * LEASE_S).attempts == attempt + 1
    assert claim(engine, MOST_TRIES_COUNT * LEASE_S) is None
    with reading(engine) as session:
        job = jobs.by_key(session, home.tenant_id, "a")
    assert job is not None
    assert (job.state, job.attempts, job.error) == (JobState.FAILED, MOST_TRIES_COUNT, "its worker died each time")


def test_waiting_is_no_try(engine: Engine, home: Home) -> None:
    """A job that waits for what is away can be claimed without end, and a worker that lost it cannot finish it."""
    enqueue(engine, home, "a")
    late = claimed(engine)
    for turn in range(1, 2 * MOST_TRIES_COUNT):
        job = claimed(engine, turn * LEASE_S)
        with unit_of_work(engine) as session:
            jobs.wait_until(session, job, NOW, "chain (ChainError)")
    present = claimed(engine, 2 * MOST_TRIES_COUNT * LEASE_S)
    assert (present.attempts, present.error) == (2, "chain (ChainError)")
    with unit_of_work(engine) as session, pytest.raises(ConflictError, match="no longer ours"):
        jobs.finish(session, late)


def test_job_that_is_over_can_be_asked_again(engine: Engine, home: Home) -> None:
    """A job that failed starts afresh, one on its way does not, and nobody asks for another tenant's."""
    enqueue(engine, home, "a")
    with unit_of_work(engine) as session:
        job = jobs.claim(session, NOW, lease_s=LEASE_S)
        assert job is not None
        assert not jobs.ask_again(session, home.tenant_id, "a", now=NOW)
        jobs.fail(session, job, "our bug")
        assert not jobs.ask_again(session, "another", "a", now=NOW)
        assert jobs.ask_again(session, home.tenant_id, "a", now=NOW)
    again = claimed(engine)
    assert (again.attempts, again.error) == (1, "")
