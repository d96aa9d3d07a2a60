"""The queue on the table `job`: any database, any number of threads and processes.

A worker holds a job by a lease, which a heartbeat extends while the body runs; who is silent for as long as a lease loses the
job. Claiming, working and leaving are transactions of their own. What is urgent counts as due since a while longer, so that a
person is served first and routine work still has its turn.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from threading import Event, Lock, Thread

import structlog

from app.clock import Clock, Randomness
from app.store import jobs
from app.store.jobs import JobRow, JobState
from app.store.session import Engine, Session, reading, unit_of_work
from app.work_queue import Backoff, Body, DeadJob, NewJob, Turn, Urgency, outcome_of
from domain.errors import BusyError, ClimateFitnessError, ConflictError

LEASE_S = 120.0
"""How long a worker may be silent before its job is given to another one, seconds."""

POLL_S = 0.5
"""How often an idle thread looks for work, seconds."""

HEAD_START = timedelta(minutes=10)
"""By how much what a person waits for counts as due for longer than routine work."""

log = structlog.get_logger("app.jobs")


class TableQueue:
    """The queue on the table `job`; its contract is `app.work_queue.WorkQueue`.

    Args:
        engine: The database.
        clock: Tells the time.
        randomness: Gives the jitter.
        backoff: When what failed is tried again.
        lease_s: How long a worker may be silent, seconds.
        poll_s: How often an idle thread looks for work, seconds.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        randomness: Randomness,
        *,
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
        lease_s: float = LEASE_S,
        poll_s: float = POLL_S,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._randomness = randomness
        self._backoff = backoff
        self._lease_s = lease_s
        self._poll_s = poll_s

    def enqueue(self, session: Session, *new: NewJob) -> int:
        """Ask for work; how many of these keys were new."""
        now = self._clock.now()
        return sum(
            jobs.enqueue(session, job.tenant_id, job.key, job.kind, job.payload_json, now=now, next_at=_rank(job, now))
            for job in new
        )

    def ask_again(self, session: Session, tenant_id: str, key: str) -> bool:
        """Have a job that was given up or is done, done again at once; False where it is on its way."""
        return jobs.ask_again(session, tenant_id, key, now=self._clock.now())

    def dead(self, session: Session, tenant_id: str | None = None) -> tuple[DeadJob, ...]:
        """Jobs that were given up, oldest first."""
        rows = jobs.everybody_failed(session) if tenant_id is None else jobs.failed(session, tenant_id)
        return tuple(DeadJob(row.key, row.tenant_id, row.kind, row.attempts, row.error, row.created_at) for row in rows)

    def counts(self, session: Session) -> Mapping[JobState, int]:
        """How many jobs are in each state."""
        return jobs.count_by_state(session)

    def prune(self, session: Session, before: datetime) -> None:
        """Forget jobs that are done and were asked for before an instant."""
        jobs.prune(session, before)

    def run(self, bodies: Mapping[str, Body], *, threads_count: int, stop: Event) -> None:
        """Run jobs of these kinds until told to stop; returns when what is running has ended."""
        threads = [Thread(target=self._work, args=(bodies, stop), name=f"jobs-{n}", daemon=True) for n in range(threads_count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run_due(self, bodies: Mapping[str, Body]) -> int:
        """Run what is due now, one after the other, until nothing is; how many tries that was."""
        count, never = 0, Event()
        while self._run_one(bodies, never):
            count += 1
        return count

    def _work(self, bodies: Mapping[str, Body], stop: Event) -> None:
        while not stop.is_set():
            try:
                did_something = self._run_one(bodies, stop)
            except BusyError:
                did_something = False
            except Exception:  # the outermost loop of a thread: the database may be away for a while
                log.exception("queue failed")
                did_something = False
            if not did_something:
                stop.wait(self._poll_s)

    def _run_one(self, bodies: Mapping[str, Body], stop: Event) -> bool:
        now = self._clock.now()
        with reading(self._engine) as session:
            if not jobs.has_due(session, now, kinds=bodies):
                return False
        with unit_of_work(self._engine) as session:
            most_tries_count = self._backoff.most_tries_count
            job = jobs.claim(session, now, lease_s=self._lease_s, kinds=bodies, most_tries_count=most_tries_count)
        if job is None:
            return False
        hold = _Hold(self._engine, self._clock, job, self._lease_s)
        error: Exception | None = None
        with hold.kept():
            try:
                bodies[job.kind](Turn(job.key, job.tenant_id, job.payload_json, lambda: stop.is_set() or hold.is_lost))
            except ClimateFitnessError as caught:
                log.warning("job refused", job=job.key, kind=job.kind, error=caught.code)
                error = caught
            except Exception as caught:  # our own mistake: kept with the job, told in the log, never stops the others
                log.exception("job failed", job=job.key, kind=job.kind)
                error = caught
        self._leave(hold, error)
        return True

    def _leave(self, hold: "_Hold", error: Exception | None) -> None:
        job, now = hold.job, self._clock.now()
        try:
            with unit_of_work(self._engine) as session:
                if error is None:
                    jobs.finish(session, job)
                    return
                waited_s = (now - job.created_at).total_seconds()
                chance = self._randomness.bytes(8)
                outcome = outcome_of(error, tries_count=job.attempts, waited_s=waited_s, backoff=self._backoff, chance=chance)
                next_at = now + timedelta(seconds=outcome.pause_s)
                if outcome.state is JobState.FAILED:
                    jobs.fail(session, job, outcome.error)
                elif outcome.is_try:
                    jobs.retry_at(session, job, next_at, outcome.error)
                else:
                    jobs.wait_until(session, job, next_at, outcome.error)
        except ConflictError:  # whoever has it now decides
            log.warning("job lost to another worker", job=job.key, kind=job.kind)


class _Hold:
    """A claimed job, kept by a heartbeat while its body runs.

    Invariant: `job` has the newest lease; nobody reads it while the heartbeat runs.
    """

    def __init__(self, engine: Engine, clock: Clock, job: JobRow, lease_s: float) -> None:
        self.job = job
        self.is_lost = False
        self._engine = engine
        self._clock = clock
        self._lease_s = lease_s
        self._guard = Lock()
        self._is_over = Event()

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Extend the lease three times in its length."""
        heart = Thread(target=self._beat, name="heartbeat", daemon=True)
        heart.start()
        try:
            yield
        finally:
            self._is_over.set()
            heart.join()

    def _beat(self) -> None:
        while not self._is_over.wait(self._lease_s / 3):
            try:
                with unit_of_work(self._engine) as session:
                    self.job = jobs.extend(session, self.job, self._clock.now() + timedelta(seconds=self._lease_s))
            except ConflictError:
                self.is_lost = True
                return
            except BusyError:
                continue  # two more beats before the lease ends
            except Exception:  # the outermost loop of a thread: the next beat tries again
                log.exception("heartbeat failed", job=self.job.key)


def _rank(job: NewJob, now: datetime) -> datetime:
    """Where a job stands in line: the instant from which it may run, or earlier."""
    if job.due_at is not None:
        return job.due_at
    return now - HEAD_START if job.urgency is Urgency.WAITED_FOR else now
