"""Runs the queue beside its clock: in a serving process, or alone as `climate-fitness worker`."""

from datetime import timedelta
from threading import Event, Thread

import structlog

from app.jobs.bodies import bodies_of
from app.jobs.rounds import Rounds
from app.services import Services
from app.store.session import unit_of_work
from app.usecases.retry_later import enqueue_retries
from app.usecases.sync_due import enqueue_due
from domain.errors import ClimateFitnessError

DUE_S = 15.0
"""How often it is looked for connections that are due, seconds."""

KEPT = timedelta(days=7)
"""For how long jobs that are done are kept: longer than any window may be asked for."""

log = structlog.get_logger("app.jobs")


class QueueWorker:
    """The queue at work, and the clock that fills it.

    Any number of them may run, in any number of processes.

    Args:
        services: What the program works with.
        threads_count: Jobs at once; 0: only the clock runs here.
    """

    def __init__(self, services: Services, *, threads_count: int) -> None:
        self._services = services
        self._threads_count = threads_count
        self._stop = Event()
        self._rounds = Rounds()
        self._thread = Thread(target=self._run, name="queue", daemon=True)

    def start(self) -> None:
        """Begin, in threads of its own."""
        self._rounds.add("due", self.look, every_s=DUE_S)
        self._rounds.add("tidy queue", self._tidy, every_s=3600)
        self._rounds.start()
        if self._threads_count:
            self._thread.start()

    def stop(self, *, most_s: float) -> bool:
        """Begin nothing more, and let running jobs end.

        Args:
            most_s: For how long, seconds.

        Returns:
            Whether all have ended. What has not is given to another worker once this process has been silent for a while.
        """
        self._stop.set()
        self._rounds.stop()
        if self._thread.is_alive():
            self._thread.join(most_s)
        has_ended = not self._thread.is_alive()
        if not has_ended:
            log.warning("jobs still running at the end; another worker will do them again")
        return has_ended

    def look(self) -> int:
        """Ask for what is due; how much that was."""
        try:
            return enqueue_due(self._services) + enqueue_retries(self._services)
        except ClimateFitnessError as error:
            log.warning("could not look for what is due", error=error.code)
        except Exception:  # the outermost frame of a round: the database may be away for a while
            log.exception("could not look for what is due")
        return 0

    def _run(self) -> None:
        self._services.queue.run(bodies_of(self._services), threads_count=self._threads_count, stop=self._stop)

    def _tidy(self) -> None:
        with unit_of_work(self._services.engine) as session:
            self._services.queue.prune(session, self._services.clock.now() - KEPT)
