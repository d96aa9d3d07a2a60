"""The worker of a serving process: jobs that need the chain, which one process owns; the outbox; and the queue beside them.

A job is there once the transaction that asked for it commits. Its body does the work in transactions of its own and finishes the
job in the last one; if the process dies in between, the lease ends and the job runs again: every body can be repeated.

Jobs that need the chain are in the table `job` on every database and run here, one after the other. Everything else is the
queue's (`app.jobs.queue_worker`).
"""

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from functools import partial
from threading import Lock

import structlog

from app.chain import ChainDesk
from app.jobs.bodies import bodies_of
from app.jobs.queue_worker import QueueWorker
from app.jobs.rounds import Rounds
from app.jobs.table_queue import LEASE_S, TableQueue
from app.services import Services
from app.store import accounts, idempotency, jobs, waiting_files
from app.store.session import unit_of_work
from app.usecases.ask_auditor import ENDORSE_JOB
from app.usecases.audit_many import Ask
from app.usecases.close_month_end import MONTH_END_JOB, closed_count, endorse_month_end
from app.usecases.endorse_statement import endorse_statement
from app.usecases.retire_units import COUNT_JOB, count_retirement
from app.usecases.send_outbox import pending_count, send_outbox
from app.usecases.verify_statement import Verifications, remember_newest
from app.work_queue import Turn
from domain.period import MonthRange

__all__ = ["BODIES", "LEASE_S", "TICK_S", "Worker"]

TICK_S = 1.0
"""How often the worker looks for work, seconds."""

REMEMBER_S = 5.0
"""How often it looks for statements that are newly on the chain, to verify them before anybody asks, seconds."""

log = structlog.get_logger("app.jobs")

AuditorOf = Callable[[Services, int], AbstractContextManager[Ask]]
"""Opens the auditor for so many statements (`app.audit_processes.auditor_of`)."""

ChainBody = Callable[[Services, ChainDesk, Turn], None]


class Worker:
    """Runs due jobs and the outbox, one thing at a time, and the queue beside it.

    Args:
        services: What the program works with.
        chain: The chain, owned by this process.
        kept: Where the verification of what is newly on the chain is kept, for its first visitors; nowhere where left out.
        auditor_of: Opens the auditor for so many statements; the one of this process where left out.
    """

    def __init__(
        self,
        services: Services,
        chain: ChainDesk,
        *,
        kept: Verifications | None = None,
        auditor_of: AuditorOf | None = None,
    ) -> None:
        self._services = services
        self._chain = chain
        self._kept = kept
        self._auditor_of = auditor_of
        self._turn = Lock()
        self._rounds = Rounds()
        self._jobs = TableQueue(services.engine, services.clock, services.randomness)
        self._queue_worker = QueueWorker(services, threads_count=services.settings.job_threads_count)

    def start(self) -> None:
        """Begin to work, in threads of its own."""
        self._rounds.add("tick", self._tick_chain, every_s=TICK_S)
        self._rounds.add("tidy", self._tidy, every_s=3600)
        if self._kept is not None:
            self._rounds.add("remember", partial(remember_newest, self._services, self._chain, self._kept), every_s=REMEMBER_S)
        self._rounds.start()
        self._queue_worker.start()

    def stop(self) -> None:
        """Begin nothing more; what is running ends first, or is done again by another worker."""
        self._rounds.stop()
        self._queue_worker.stop(most_s=self._services.settings.stop_timeout_s)

    def tick(self) -> int:
        """Do what is due, the queue's too; how many pieces of work that was.

        Any error of one piece is logged and kept with it; it never stops the others.
        """
        self._queue_worker.look()
        return self._services.queue.run_due(bodies_of(self._services)) + self._tick_chain()

    def drain(self, *, rounds_count: int = 50) -> bool:
        """Work until nothing is due or waiting for the chain; whether that was reached."""
        for _ in range(rounds_count):
            if self.tick() == 0 and pending_count(self._services, self._chain) == 0:
                return True
        return pending_count(self._services, self._chain) == 0

    def _tick_chain(self) -> int:
        with self._turn:
            done_count = 0
            try:
                bodies = {kind: partial(body, self._services, self._chain) for kind, body in BODIES.items()}
                if self._auditor_of is not None and MONTH_END_JOB in bodies:
                    bodies[MONTH_END_JOB] = partial(_month_end, self._services, self._chain, auditor_of=self._auditor_of)
                done_count = self._jobs.run_due(bodies)
                done_count += send_outbox(self._services, self._chain)
            except Exception:  # the outermost loop of the worker: the next tick tries again
                log.exception("tick failed")
            return done_count

    def _tidy(self) -> None:
        now = self._services.clock.now()
        with unit_of_work(self._services.engine) as session:
            accounts.end_expired_sessions(session, now)
            jobs.prune(session, now - timedelta(days=30))
            waiting_files.prune(session, now)
            idempotency.prune(session, now - timedelta(hours=self._services.settings.idempotency_hours))


def _endorse(services: Services, chain: ChainDesk, turn: Turn) -> None:
    endorse_statement(services, chain, turn.tenant_id, str(json.loads(turn.payload_json)["statement_id"]))


def _month_end(services: Services, chain: ChainDesk, turn: Turn, auditor_of: AuditorOf | None = None) -> None:
    months = MonthRange.from_text(str(json.loads(turn.payload_json)["months"]))
    with auditor_of(services, closed_count(services, months)) if auditor_of else nullcontext() as ask:
        endorse_month_end(services, chain, months, ask=ask)


def _count_retirement(services: Services, chain: ChainDesk, turn: Turn) -> None:
    del chain  # it is final: what is left is ours
    count_retirement(services, turn.tenant_id, str(json.loads(turn.payload_json)["beneficiary"]))


BODIES: Mapping[str, ChainBody] = {ENDORSE_JOB: _endorse, MONTH_END_JOB: _month_end, COUNT_JOB: _count_retirement}
"""Kind of job that needs the chain to its body."""
