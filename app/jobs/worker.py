"""The embedded worker: APScheduler is the clock, the table `job` and the outbox hold the work, one process runs it.

A job is there once the transaction that asked for it commits. Its body does the work in transactions of its own and finishes the
job in the last one; if the process dies in between, the lease ends and the job runs again: every body can be repeated.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from threading import Lock

import structlog
from apscheduler.schedulers.background import BackgroundScheduler

from app.chain import ChainDesk
from app.services import Services
from app.store import accounts, idempotency, jobs
from app.store.jobs import JobRow
from app.store.session import unit_of_work
from app.usecases.ask_auditor import ENDORSE_JOB
from app.usecases.close_month_end import MONTH_END_JOB, endorse_month_end
from app.usecases.endorse_statement import endorse_statement
from app.usecases.send_outbox import pending_count, send_outbox
from domain.errors import ArchiveError, ChainError, ClimateFitnessError, TryLaterError
from domain.period import MonthRange

TICK_S = 1.0
"""How often the worker looks for work, seconds."""

LEASE_S = 120
"""How long one job is ours, seconds."""

FIRST_PAUSE = timedelta(seconds=2)
"""Pause after a job's first failure; it grows with each one."""

LONGEST_PAUSE = timedelta(minutes=10)
"""Longest pause between two tries."""

PATIENT_WITH: tuple[type[ClimateFitnessError], ...] = (ChainError, ArchiveError, TryLaterError)
"""Errors of what is away for a while: they are waited for without end, and are no tries."""

log = structlog.get_logger("app.jobs")

Body = Callable[[Services, ChainDesk, JobRow], None]


class Worker:
    """Runs due jobs and the outbox, one thing at a time.

    Args:
        services: What the program works with.
        chain: The chain, owned by this process.
    """

    def __init__(self, services: Services, chain: ChainDesk) -> None:
        self._services = services
        self._chain = chain
        self._turn = Lock()
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def start(self) -> None:
        """Begin to tick in a thread of its own."""
        self._scheduler.add_job(self.tick, "interval", seconds=TICK_S, id="tick", max_instances=1, coalesce=True)
        self._scheduler.add_job(self._tidy, "interval", hours=1, id="tidy", max_instances=1, coalesce=True)
        self._scheduler.start()

    def stop(self) -> None:
        """Stop ticking; what is running ends first."""
        self._scheduler.shutdown(wait=True)

    def tick(self) -> int:
        """Do what is due; how many pieces of work that was.

        Any error of one piece is logged and kept with it; it never stops the others.
        """
        with self._turn:
            done_count = 0
            try:
                while self._run_one():
                    done_count += 1
                done_count += send_outbox(self._services, self._chain)
            except Exception:  # the outermost loop of the worker: the next tick tries again
                log.exception("tick failed")
            return done_count

    def drain(self, *, rounds_count: int = 50) -> bool:
        """Work until nothing is due or waiting for the chain; whether that was reached."""
        for _ in range(rounds_count):
            if self.tick() == 0 and pending_count(self._services) == 0:
                return True
        return pending_count(self._services) == 0

    def _run_one(self) -> bool:
        with unit_of_work(self._services.engine) as session:
            job = jobs.claim(session, self._services.clock.now(), lease_s=LEASE_S)
        if job is None:
            return False
        try:
            BODIES[job.kind](self._services, self._chain, job)
        except PATIENT_WITH as error:
            log.warning("job waits", job=job.key, kind=job.kind, error=error.code)
            self._wait_for(job, error)
        except ClimateFitnessError as error:
            log.warning("job refused", job=job.key, kind=job.kind, error=error.code)
            self._put_back(job, name_of(error))
        except Exception as error:  # our own mistake: kept with the job, told in the log
            log.exception("job failed", job=job.key, kind=job.kind)
            self._put_back(job, type(error).__name__)
        else:
            with unit_of_work(self._services.engine) as session:
                jobs.finish(session, job)
        return True

    def _put_back(self, job: JobRow, error: str) -> None:
        with unit_of_work(self._services.engine) as session:
            if job.attempts >= jobs.MOST_TRIES_COUNT:
                jobs.fail(session, job, error)
            else:
                wait = min(FIRST_PAUSE * 2 ** (job.attempts - 1), LONGEST_PAUSE)
                jobs.retry_at(session, job, self._services.clock.now() + wait, error)

    def _wait_for(self, job: JobRow, error: ClimateFitnessError) -> None:
        """Put a job back until what it needs may answer; the pause doubles the time that the job has waited."""
        now = self._services.clock.now()
        asked = timedelta(seconds=error.wait_s) if isinstance(error, TryLaterError) else FIRST_PAUSE
        wait = max(asked, min(max(now - job.created_at, FIRST_PAUSE), LONGEST_PAUSE))
        with unit_of_work(self._services.engine) as session:
            jobs.wait_until(session, job, now + wait, name_of(error))

    def _tidy(self) -> None:
        now = self._services.clock.now()
        with unit_of_work(self._services.engine) as session:
            accounts.end_expired_sessions(session, now)
            jobs.prune(session, now - timedelta(days=30))
            idempotency.prune(session, now - timedelta(hours=self._services.settings.idempotency_hours))


def name_of(error: ClimateFitnessError) -> str:
    """An error as a job keeps it: its code and class; its sentence could tell amounts and meters."""
    return f"{error.code} ({type(error).__name__})"


def _endorse(services: Services, chain: ChainDesk, job: JobRow) -> None:
    endorse_statement(services, chain, job.tenant_id, str(json.loads(job.payload_json)["statement_id"]))


def _month_end(services: Services, chain: ChainDesk, job: JobRow) -> None:
    endorse_month_end(services, chain, MonthRange.from_text(str(json.loads(job.payload_json)["months"])))


BODIES: Mapping[str, Body] = {ENDORSE_JOB: _endorse, MONTH_END_JOB: _month_end}
"""Kind of job to its body."""
