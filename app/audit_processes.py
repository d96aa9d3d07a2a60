"""The auditor of this installation in several processes: a recomputation needs a processor, and one Python uses one.

Each process opens the installation for itself and only reads it; what the auditor answers is kept by who asked.
"""

import os
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread

from app.assemble import open_services
from app.clock import SystemClock, SystemRandomness
from app.services import Services
from app.settings import Settings
from app.usecases.audit_many import Ask, Audited, ask_here, audit_many
from domain.errors import AuditError

WORTH_COUNT = 400
"""Statements from which on it is worth starting processes: each takes a few seconds to begin."""


_NICER_COUNT = 5
"""How far these processes stand back: who asked closes the next statements, or answers requests, meanwhile."""


def cores_count() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class AuditProcesses:
    """Processes that audit; none is started before somebody asks. To be closed.

    Args:
        services: What the program works with here.
        count: How many; as many as there are processors where left out.
    """

    def __init__(self, services: Services, count: int | None = None) -> None:
        # Spawned, not forked: a fork would share open connections to the database, and locks that threads hold.
        self._pool = ProcessPoolExecutor(
            count or cores_count(), get_context("spawn"), initializer=_open, initargs=(services.settings,)
        )

    def ask(self, statement_ids: Sequence[str]) -> "Future[tuple[Audited, ...]]":
        """Have the auditor recompute statements: an `Ask`.

        Args:
            statement_ids: Which.

        Returns:
            Their answers, later; an `AuditError` where a process died.
        """
        answer: Future[tuple[Audited, ...]] = Future()
        try:
            self._pool.submit(_audit, tuple(statement_ids)).add_done_callback(partial(_answered, answer))
        except BrokenProcessPool:
            answer.set_exception(_died())
        return answer

    def close(self) -> None:
        """Ask for nothing more; what is running ends first, what waits is given up."""
        self._pool.shutdown(cancel_futures=True)


@contextmanager
def auditor_of(services: Services, statements_count: int) -> Iterator[Ask]:
    """Whom to ask about so many statements: this process for a few, several of them for many.

    Args:
        services: What the program works with here.
        statements_count: How many are to be audited, about.

    Yields:
        The auditor.
    """
    if statements_count < WORTH_COUNT or cores_count() == 1:
        yield ask_here(services)
        return
    processes = AuditProcesses(services)
    try:
        yield processes.ask
    finally:
        processes.close()


def _answered(answer: "Future[tuple[Audited, ...]]", done: "Future[tuple[Audited, ...]]") -> None:
    if done.cancelled():
        answer.cancel()
        return
    error = done.exception()
    if error is None:
        answer.set_result(done.result())
    else:
        answer.set_exception(_died() if isinstance(error, BrokenProcessPool) else error)


def _died() -> AuditError:
    return AuditError(
        "A process of the auditor died",
        expected="an answer",
        got="none",
        next_step="See that there is memory for it, then run it again: what is done stays done.",
    )


_opened: list[Services] = []
"""The installation, as this process of the auditor has it open."""


def _open(settings: Settings) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asked is stopped, and closes this process
    os.nice(_NICER_COUNT)
    Thread(target=_end_with_parent, name="end with who asked", daemon=True).start()
    _opened.append(open_services(settings, clock=SystemClock(), randomness=SystemRandomness()))


def _end_with_parent() -> None:
    """End where who asked was killed: nobody would take an answer, and the pool waits for questions for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _audit(statement_ids: Sequence[str]) -> tuple[Audited, ...]:
    return audit_many(_opened[0], statement_ids)
