"""The queue on Procrastinate: PostgreSQL, any number of workers on any number of machines.

Procrastinate fetches, wakes its workers by NOTIFY, and holds a job by the heartbeat of its worker; the contract needs more: a key
that stays unique when its job is done, jobs in the caller's transaction, waits that are no tries, errors kept with the job, and
jobs of dead workers given back. That is here and in `app.store.procrastinate_rows`.

Only this module speaks Procrastinate. Its own log is kept to warnings: it would show the arguments of jobs.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Lock
from typing import Any

import procrastinate
import structlog
from procrastinate.exceptions import AlreadyEnqueued, UniqueViolation
from procrastinate.jobs import Job
from procrastinate.retry import BaseRetryStrategy, RetryDecision
from procrastinate.schema import SchemaManager

from app.clock import Clock, Randomness
from app.store import procrastinate_rows as rows
from app.store.jobs import JobState
from app.store.session import Engine, Session, unit_of_work
from app.work_queue import DIED_EACH_TIME, Backoff, Body, DeadJob, NewJob, Turn, Urgency, outcome_of
from domain.errors import BusyError, ClimateFitnessError

HEARTBEAT_S = 10.0
"""How often a worker says that it lives, seconds."""

SILENT_BEATS_COUNT = 6
"""Heartbeats that a worker may miss before its jobs are given to others."""

POLL_S = 1.0
"""How often an idle worker looks for jobs that no NOTIFY announced: those that waited for their time, seconds."""

STOP_LOOK_S = 0.1
"""How often a running worker looks whether it shall stop, seconds."""

PRIORITIES: Mapping[Urgency, int] = {Urgency.WAITED_FOR: 10, Urgency.ROUTINE: 0}
"""Procrastinate's priorities; among equals it takes the lowest id, which is the order of asking."""

log = structlog.get_logger("app.jobs")


class _PutBackError(Exception):
    """A job is to be done again later; what failed stands with the job."""

    def __init__(self, pause: timedelta) -> None:
        super().__init__()
        self.pause = pause


class _GivenUpError(Exception):
    """A job is given up; what failed stands with the job."""


class _PutBackRetry(BaseRetryStrategy):
    """Tries again what was put back, and nothing else."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision | None:  # noqa: ARG002 - its signature
        """When to try again."""
        return RetryDecision(retry_at=datetime.now(UTC) + exception.pause) if isinstance(exception, _PutBackError) else None


class ProcrastinateQueue:
    """The queue on Procrastinate; its contract is `app.work_queue.WorkQueue`. Its tables are made or upgraded at once.

    Args:
        engine: A PostgreSQL database.
        clock: Tells the time.
        randomness: Gives the jitter.
        backoff: When what failed is tried again.
        heartbeat_s: How often a worker says that it lives, seconds.
        poll_s: How often an idle worker looks for jobs that waited for their time, seconds.
    """

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        randomness: Randomness,
        *,
        backoff: Backoff = Backoff(),  # noqa: B008 - frozen
        heartbeat_s: float = HEARTBEAT_S,
        poll_s: float = POLL_S,
    ) -> None:
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        self._engine = engine
        self._clock = clock
        self._randomness = randomness
        self._backoff = backoff
        self._heartbeat_s = heartbeat_s
        self._poll_s = poll_s
        self._address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
        self._asking = procrastinate.App(
            connector=procrastinate.SyncPsycopgConnector()
        )  # never opened: it writes where it is told
        rows.prepare(engine, schema=SchemaManager.get_schema(), upgrades=_upgrades())

    def enqueue(self, session: Session, *new: NewJob) -> int:
        """Ask for work; how many of these keys were new."""
        known = rows.known_keys(session, [job.key for job in new])
        fresh = list({job.key: job for job in new if job.key not in known}.values())
        if not fresh or self._defer(session, fresh):
            return len(fresh)
        return sum(self._defer(session, [job]) for job in fresh)  # somebody asked for one of them just now

    def ask_again(self, session: Session, tenant_id: str, key: str) -> bool:
        """Have a job that was given up or is done, done again at once; False where it is on its way."""
        return rows.ask_again(session, tenant_id, key, self._clock.now())

    def dead(self, session: Session, tenant_id: str | None = None) -> tuple[DeadJob, ...]:
        """Jobs that were given up, oldest first."""
        return tuple(
            DeadJob(
                key=one.key,
                tenant_id=str(one.args["tenant_id"]),
                kind=one.kind,
                tries_count=int(one.args["tries_count"]),
                error=str(one.args["error"]),
                created_at=datetime.fromisoformat(str(one.args["created_at"])),
            )
            for one in rows.failed(session, tenant_id)
        )

    def counts(self, session: Session) -> Mapping[JobState, int]:
        """How many jobs are in each state."""
        return rows.count_by_state(session)

    def prune(self, session: Session, before: datetime) -> None:
        """Forget jobs that are done and were asked for before an instant."""
        rows.prune(session, before)

    def run(self, bodies: Mapping[str, Body], *, threads_count: int, stop: Event) -> None:
        """Run jobs of these kinds until told to stop; returns when what is running has ended."""
        while not stop.is_set():
            try:
                asyncio.run(self._run(_Run(self, bodies, stop), threads_count=threads_count, waits=True))
            except Exception:  # the outermost loop of the worker: the database may be away for a while
                log.exception("queue failed")
                stop.wait(self._poll_s)

    def run_due(self, bodies: Mapping[str, Body]) -> int:
        """Run what is due now, one after the other, until nothing is; how many tries that was."""
        run = _Run(self, bodies, Event())
        asyncio.run(self._run(run, threads_count=1, waits=False))
        return run.count

    def _defer(self, session: Session, new: Sequence[NewJob]) -> bool:
        """Whether all of these jobs were written; nothing is, where one of the keys is taken."""
        now_text = self._clock.now().isoformat()
        try:
            with session.begin_nested():
                self._asking.job_manager.batch_defer_jobs(
                    [_to_job(job, now_text) for job in new], connection=rows.connection_of(session)
                )
        except (AlreadyEnqueued, UniqueViolation):
            return False
        return True

    async def _run(self, run: "_Run", *, threads_count: int, waits: bool) -> None:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(threads_count + 2, thread_name_prefix="jobs"))
        connector = procrastinate.PsycopgConnector(conninfo=self._address, min_size=1, max_size=threads_count + 3)
        app = procrastinate.App(connector=connector)
        for kind in run.bodies:
            app.task(name=kind, queue=kind, pass_context=True, retry=_PutBackRetry())(run.work)
        async with app.open_async():
            await self._give_back()
            helpers = [asyncio.create_task(self._keep_giving_back())]
            worker = asyncio.create_task(
                app.run_worker_async(
                    queues=list(run.bodies),  # a queue for each kind: jobs of other kinds are left to who knows them
                    concurrency=threads_count,
                    wait=waits,
                    listen_notify=waits,
                    fetch_job_polling_interval=self._poll_s,
                    update_heartbeat_interval=self._heartbeat_s,
                    stalled_worker_timeout=self._silent_s,
                    install_signal_handlers=False,
                )
            )
            helpers.append(asyncio.create_task(_stop_when_told(run, worker)))
            try:
                with suppress(asyncio.CancelledError):  # told to stop: what was running has ended
                    await worker
            finally:
                for helper in helpers:
                    helper.cancel()
                await asyncio.gather(*helpers, return_exceptions=True)

    @property
    def _silent_s(self) -> float:
        return self._heartbeat_s * SILENT_BEATS_COUNT

    async def _keep_giving_back(self) -> None:
        while True:
            await asyncio.sleep(self._silent_s / 2)
            try:
                await self._give_back()
            except Exception:  # the outermost loop of a task: the next round tries again
                log.exception("giving back failed")

    async def _give_back(self) -> None:
        def give_back() -> None:
            with unit_of_work(self._engine) as session:
                count = rows.give_back(
                    session,
                    silent_s=self._silent_s,
                    most_tries_count=self._backoff.most_tries_count,
                    error=DIED_EACH_TIME,
                )
            if count:
                log.warning("jobs of silent workers given back", count=count)

        await asyncio.to_thread(give_back)


@dataclass
class _Run:
    """What one worker does with the jobs that Procrastinate hands it."""

    queue: ProcrastinateQueue
    bodies: Mapping[str, Body]
    stop: Event
    is_told: Event = field(default_factory=Event)
    count: int = 0
    _guard: Lock = field(default_factory=Lock)

    def work(self, context: procrastinate.JobContext, /, **args: Any) -> None:  # noqa: ANN401 - JSON
        """Do one job.

        Args:
            context: Procrastinate's view of it.
            **args: What we keep with it.

        Raises:
            _PutBackError: It is to be done again later.
            _GivenUpError: It is given up.
        """
        job = context.job
        turn = Turn(str(job.queueing_lock), str(args["tenant_id"]), str(args["payload_json"]), self.is_told.is_set)
        with self._guard:
            self.count += 1
        try:
            self.bodies[job.task_name](turn)
            return
        except ClimateFitnessError as caught:
            log.warning("job refused", job=turn.key, kind=job.task_name, error=caught.code)
            error: Exception = caught
        except Exception as caught:  # our own mistake: kept with the job, told in the log, never stops the others
            log.exception("job failed", job=turn.key, kind=job.task_name)
            error = caught
        raise self._put_back(job, args, error)  # not in a handler: Procrastinate logs it, and its cause may tell amounts

    def _put_back(self, job: Job, args: Mapping[str, Any], error: Exception) -> Exception:
        queue = self.queue
        waited = queue._clock.now() - datetime.fromisoformat(str(args["created_at"]))  # noqa: SLF001 - the same module
        tries_count = int(args["tries_count"]) + 1
        outcome = outcome_of(
            error,
            tries_count=tries_count,
            waited_s=waited.total_seconds(),
            backoff=queue._backoff,  # noqa: SLF001 - the same module
            chance=queue._randomness.bytes(8),  # noqa: SLF001 - the same module
        )
        with suppress(BusyError), unit_of_work(queue._engine) as session:  # noqa: SLF001 - the same module
            rows.note(session, int(job.id or 0), outcome.error, tries_count=tries_count if outcome.is_try else tries_count - 1)
        return _GivenUpError() if outcome.state is JobState.FAILED else _PutBackError(timedelta(seconds=outcome.pause_s))


async def _stop_when_told(run: _Run, worker: "asyncio.Task[None]") -> None:
    while not run.stop.is_set():  # noqa: ASYNC110 - a thread's event, which asyncio cannot await
        await asyncio.sleep(STOP_LOOK_S)
    worker.cancel()  # Procrastinate fetches no more, and ends when its jobs have
    await asyncio.sleep(STOP_LOOK_S)
    run.is_told.set()  # after it, or the next job would be fetched yet


def _to_job(job: NewJob, now_text: str) -> Job:
    args: dict[str, Any] = {
        "tenant_id": job.tenant_id,
        "payload_json": job.payload_json,
        "created_at": now_text,
        "tries_count": 0,
        "error": "",
    }
    return Job(
        queue=job.kind,
        task_name=job.kind,
        lock=None,
        queueing_lock=job.key,
        priority=PRIORITIES[job.urgency],
        scheduled_at=job.due_at,
        task_kwargs=args,
    )


def _upgrades() -> Mapping[str, str]:
    """Procrastinate's steps between versions, oldest first; of each version first those before its code, then those after."""
    folder = Path(SchemaManager.get_migrations_path())
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.sql"))}
