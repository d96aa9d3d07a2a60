"""The queue of work as the rest of the program sees it: what is asked for, what runs it, when it is tried again.

Use cases ask in their own transaction and know no more; `app.jobs` holds the two queues (the table `job`; Procrastinate on
PostgreSQL) and runs them. One contract test runs on both.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from threading import Event
from typing import Protocol

from app.store.jobs import JobState
from app.store.session import Session
from domain.errors import ArchiveError, BusyError, ChainError, ClimateFitnessError, TryLaterError

PATIENT_WITH: tuple[type[ClimateFitnessError], ...] = (ChainError, ArchiveError, TryLaterError, BusyError)
"""Errors of what is away for a while: they are waited for without end, and are no tries."""

DIED_EACH_TIME = "its worker died each time"
"""Error of a job whose workers ended in the middle of it as often as a job is tried."""


class HopelessError(Exception):
    """A body's word that its job is to be given up without another try: it has been tried often enough by other means.

    Args:
        error: What failed.
    """

    def __init__(self, error: Exception) -> None:
        self.name = error_name(error)
        super().__init__(self.name)


class Urgency(Enum):
    """Who goes first. Within one urgency, whoever asked first."""

    WAITED_FOR = "waited-for"
    """A person looks at the screen; such a job is due at once."""
    ROUTINE = "routine"


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work that is asked for.

    Attributes:
        key: Unique: what is done, for whom, for which window. The same key again changes nothing.
        tenant_id: For whom.
        kind: What to do: name of a body.
        payload_json: With what; identifiers only, since operators see it.
        urgency: Who goes first.
        due_at: Not before this instant; at once where left out.
    """

    key: str
    tenant_id: str
    kind: str
    payload_json: str = "{}"
    urgency: Urgency = Urgency.ROUTINE
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One try at a job, as its body sees it.

    Attributes:
        key: Of the job.
        tenant_id: For whom.
        payload_json: With what.
        is_over: Whether the body should end at the next good place: the program stops, or the job has been given to another
            worker. What is left is for a job that the body asks for itself.
    """

    key: str
    tenant_id: str
    payload_json: str
    is_over: Callable[[], bool]


Body = Callable[[Turn], None]
"""Does a job. It can be repeated: a worker that dies in it leaves the job to another one."""


@dataclass(frozen=True, slots=True)
class DeadJob:
    """A job that was given up, for people to see.

    Attributes:
        key: Its key.
        tenant_id: For whom.
        kind: What was to be done.
        tries_count: How often it was tried.
        error: Last failure: its code and class, without personal data.
        created_at: When it was asked for.
    """

    key: str
    tenant_id: str
    kind: str
    tries_count: int
    error: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Backoff:
    """When a job that did not end well is tried again.

    Attributes:
        first_s: Pause after the first failure, seconds; it doubles with each one.
        longest_s: Longest pause, seconds.
        most_tries_count: Tries after which a job is given up.
    """

    first_s: float = 2.0
    longest_s: float = 600.0
    most_tries_count: int = 8

    def pause_s(self, tries_count: int, chance: bytes) -> float:
        """Seconds until the next try: half of the pause, and a random part of the other half.

        So jobs that failed together do not come back together.

        Args:
            tries_count: How often it was tried, >= 1.
            chance: Eight random bytes.

        Returns:
            Seconds.
        """
        whole_s = min(self.first_s * 2.0 ** min(tries_count - 1, 60), self.longest_s)
        return whole_s * (1 + _share(chance)) / 2

    def wait_s(self, error: ClimateFitnessError, waited_s: float, chance: bytes) -> float:
        """Seconds to wait for what is away: what it asked for and up to a tenth more, else as long again as the job has waited.

        Args:
            error: Of `PATIENT_WITH`.
            waited_s: For how long the job has been asked for, seconds.
            chance: Eight random bytes.

        Returns:
            Seconds.
        """
        asked_s = error.wait_s if isinstance(error, (TryLaterError, BusyError)) else self.first_s
        return max(asked_s * (1 + _share(chance) / 10), min(max(waited_s, self.first_s), self.longest_s))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a job after one try.

    Attributes:
        state: Done, given up, or to do again.
        pause_s: Seconds until it is done again.
        error: What failed, without personal data.
        is_try: Whether this counts as a try.
    """

    state: JobState
    pause_s: float = 0.0
    error: str = ""
    is_try: bool = True


def outcome_of(error: Exception, *, tries_count: int, waited_s: float, backoff: Backoff, chance: bytes) -> Outcome:
    """What becomes of a job whose body raised an error.

    Args:
        error: What it raised.
        tries_count: How often it was tried, this time too.
        waited_s: For how long it has been asked for, seconds.
        backoff: When it is tried again.
        chance: Eight random bytes.

    Returns:
        The outcome.
    """
    if isinstance(error, PATIENT_WITH):
        return Outcome(JobState.TODO, backoff.wait_s(error, waited_s, chance), error_name(error), is_try=False)
    if isinstance(error, HopelessError) or tries_count >= backoff.most_tries_count:
        return Outcome(JobState.FAILED, error=error_name(error))
    return Outcome(JobState.TODO, backoff.pause_s(tries_count, chance), error_name(error))


def error_name(error: Exception) -> str:
    """An error as a job keeps it: its code and class; its sentence could tell amounts and meters."""
    if isinstance(error, HopelessError):
        return error.name
    return f"{error.code} ({type(error).__name__})" if isinstance(error, ClimateFitnessError) else type(error).__name__


class WorkQueue(Protocol):
    """Holds jobs and runs them.

    Durability: a job is there when the transaction that asked for it commits, and with it; it stays until it is done or given
    up, whatever dies. Uniqueness: a key is asked for once, until jobs that are done are forgotten. Ordering: by urgency, then
    in the order of asking; no promise beyond. Concurrency: any number of workers of any number of processes; a job has one
    worker, until that one is silent for as long as the queue waits: then it runs again elsewhere, so a body may run more than
    once, and what it does must hold then. Errors of a body are kept with its job and never stop another one.
    """

    def enqueue(self, session: Session, *new: NewJob) -> int:
        """Ask for work; how many of these keys were new.

        Args:
            session: The caller's transaction: no commit, no job.
            new: What is asked for.
        """
        ...

    def ask_again(self, session: Session, tenant_id: str, key: str) -> bool:
        """Have a job that was given up or is done, done again at once; False, and nothing changed, where it is on its way."""
        ...

    def dead(self, session: Session, tenant_id: str | None = None) -> tuple[DeadJob, ...]:
        """Jobs that were given up, oldest first: of one tenant, or for the operator of all."""
        ...

    def counts(self, session: Session) -> Mapping[JobState, int]:
        """How many jobs are in each state, over all tenants."""
        ...

    def prune(self, session: Session, before: datetime) -> None:
        """Forget jobs that are done and were asked for before an instant; their keys may be asked for again."""
        ...

    def run(self, bodies: Mapping[str, Body], *, threads_count: int, stop: Event) -> None:
        """Run jobs of these kinds until told to stop; returns when what is running has ended.

        Args:
            bodies: Kind to body; jobs of other kinds are left alone.
            threads_count: Jobs at once.
            stop: Ends it. Running bodies see `Turn.is_over`.
        """
        ...

    def run_due(self, bodies: Mapping[str, Body]) -> int:
        """Run what is due now, one after the other, until nothing is; how many tries that was.

        Args:
            bodies: As `run`.
        """
        ...


def window_key(prefix: str, at: datetime, window_s: int) -> tuple[str, datetime]:
    """A key that everybody who asks within one window shares, and the window's end.

    A job of this key that is due at that end starts after all who share it have asked: whatever they were told of, it will see.

    Args:
        prefix: What is done, for whom.
        at: When somebody asks.
        window_s: Length of the windows, seconds.

    Returns:
        The key, and the instant at which its window ends.
    """
    number = int(at.timestamp()) // window_s + 1
    return f"{prefix}/{number}", datetime.fromtimestamp(number * window_s, UTC)


def _share(chance: bytes) -> float:
    """A number from 0 to 1 out of eight random bytes."""
    return int.from_bytes(chance[:8], "big") / 2**64
