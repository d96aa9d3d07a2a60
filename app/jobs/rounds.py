"""The clock: APScheduler, which only calls; what is to be done lies in the queue.

Its own job store is not used: it removes a job before running it, so that a process that dies loses it (docs/adr/0013).
"""

from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler


class Rounds:
    """Calls functions every so many seconds, in threads; none of them twice at once, missed rounds once."""

    def __init__(self) -> None:
        self._scheduler = BackgroundScheduler(timezone="UTC")

    def add(self, name: str, function: Callable[[], object], *, every_s: float) -> None:
        """Call a function every so many seconds.

        Args:
            name: Its name, once.
            function: What is called.
            every_s: Seconds between two calls.
        """
        options = {"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
        self._scheduler.add_job(function, "interval", seconds=every_s, id=name, **options)

    def start(self) -> None:
        """Begin."""
        self._scheduler.start()

    def stop(self) -> None:
        """End; what is running ends first."""
        self._scheduler.shutdown(wait=True)
