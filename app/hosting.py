"""What a serving process holds beside requests: the chain, the worker, and how far its start has come.

The web server answers at once; the chain (whose libraries take a while to import) opens in a thread.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Event, Lock, Thread
from typing import Protocol

import structlog

from app.chain import ChainDesk
from app.desk import open_desk
from app.services import Services
from app.usecases.migrate_chain import elsewhere_count, migrate_roots
from app.usecases.verify_statement import Verifications
from domain.errors import ChainError, ClimateFitnessError
from ledger.rpc import NO_ANSWER

log = structlog.get_logger("app.hosting")

WAITING, RUNNING, DONE, FAILED = "waiting", "running", "done", "failed"
"""How far a task of the start is."""


FIRST_WAIT_S, LONGEST_WAIT_S = 2.0, 60.0
"""Pauses before a node that does not answer is asked again at the start, seconds."""


@dataclass
class StartTask:
    """One thing that is prepared before the first real page.

    Attributes:
        name: Key of its words in the message catalogue.
        state: How far it is.
        detail: What came of it.
    """

    name: str
    state: str = WAITING
    detail: str = ""


class Works(Protocol):
    """Runs jobs and the outbox (`app.jobs.worker.Worker`)."""

    def start(self) -> None:
        """Begin to tick."""
        ...

    def stop(self) -> None:
        """Stop ticking; what is running ends first."""
        ...

    def tick(self) -> int:
        """Do what is due; how many pieces of work that was."""
        ...

    def drain(self, *, rounds_count: int = 50) -> bool:
        """Work until nothing is due; whether that was reached."""
        ...


Preparation = Callable[["Hosting"], None]
"""Runs in the thread once the chain is open: the demo's data."""


@dataclass
class Hosting:
    """A serving process.

    Attributes:
        services: What the program works with.
        make_worker: Makes the worker, once the chain is open.
        prepare: What to do once the chain is open; nothing where left out.
        tasks: How far the start is, in order.
        port: Where it listens, once it does.
        welcome_token: Secret of the link that signs the local visitor in; empty where there is none.
        welcome_account_id: Whom that link signs in, once known.
        welcome_tenant_id: Tenant of that account.
        chain: The chain, once open.
        worker: The worker, once the chain is open.
        verifications: What was found of statements lately.
    """

    services: Services
    make_worker: Callable[[Services, ChainDesk], Works]
    prepare: Preparation | None = None
    tasks: list[StartTask] = field(default_factory=lambda: [StartTask("chain")])
    port: int | None = None
    welcome_token: str = field(default="", repr=False)
    welcome_account_id: str = ""
    welcome_tenant_id: str = ""
    chain: ChainDesk | None = None
    worker: Works | None = None
    verifications: Verifications = field(default_factory=Verifications, repr=False)
    error: ClimateFitnessError | None = None
    ready: Event = field(default_factory=Event)
    _guard: Lock = field(default_factory=Lock)
    _stopping: Event = field(default_factory=Event)
    _thread: Thread | None = None

    @property
    def origin(self) -> str:
        """The origin that people use, with the port that is really open."""
        return self.services.settings.origin(self.port)

    @property
    def welcome_link(self) -> str:
        """Address that signs the local visitor in."""
        return f"{self.origin}/welcome/{self.welcome_token}"

    def start(self) -> None:
        """Open the chain and prepare, in a thread."""
        self._thread = Thread(target=self._start, name="start", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop working and let go of the chain; what is running ends first."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()
        if self.worker is not None:
            self.worker.stop()
        if self.chain is not None:
            self.chain.close()
        self.services.engine.dispose()

    def task(self, name: str) -> StartTask:
        """The task of this name, added where it is new."""
        with self._guard:
            found = next((task for task in self.tasks if task.name == name), None)
            if found is None:
                found = StartTask(name)
                self.tasks.append(found)
            return found

    def run_task(self, name: str, work: Callable[[], str]) -> None:
        """Do one task of the start and show how it goes.

        Args:
            name: Key of its words.
            work: Does it; its text is what came of it.

        Raises:
            ClimateFitnessError: It failed; shown with the task.
        """
        task = self.task(name)
        task.state = RUNNING
        try:
            task.detail = work()
        except ClimateFitnessError as error:
            task.state, task.detail = FAILED, error.sentence()
            raise
        task.state = DONE

    def _start(self) -> None:
        try:
            self.run_task("chain", self._wait_for_chain)
            if self.prepare is not None:
                self.prepare(self)
            if self.worker is not None:
                self.worker.start()
        except ClimateFitnessError as error:
            self.error = error
            log.error("start failed", error=error.sentence())  # noqa: TRY400 - a refusal, told in full; no traceback
        except Exception:  # the outermost frame of the thread: shown as failed instead of hanging for ever
            log.exception("start failed")
            for task in self.tasks:
                if task.state == RUNNING:
                    task.state = FAILED
        else:
            self.ready.set()

    def _wait_for_chain(self) -> str:
        """Open the chain; a node that is away is asked again until it is there, or the program stops.

        Raises:
            ChainError: The chain refuses, is another one, or is in use.
        """
        wait_s = FIRST_WAIT_S
        while True:
            try:
                return self._open_chain()
            except ChainError as error:
                if error.message != NO_ANSWER or self._stopping.is_set():
                    raise
                log.warning("the chain does not answer yet", asked_again_in_s=wait_s)
                self.task("chain").detail = error.sentence()
            self._stopping.wait(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)

    def _open_chain(self) -> str:
        self.chain = open_desk(self.services, must_own=True)
        if self.chain.is_embedded:  # our own, and free: roots of a former version's contract go to this one's at once
            migrate_roots(self.services, self.chain)
        elif waiting_count := elsewhere_count(self.services, self.chain):
            log.warning("roots stand on another chain; `climate-fitness chain migrate` anchors them here", count=waiting_count)
        self.worker = self.make_worker(self.services, self.chain)
        return self.chain.label
