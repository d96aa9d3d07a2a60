"""Processes that kill themselves on the way to the chain: each goes on where its forerunner died.

python -m tests.crash.chain_child FOLDER, then on standard input `RUN STEP`, a line each: the process of this run dies by SIGKILL
at its STEP-th step, or, where STEP is `COUNT:NAME`, when it has reached the step of this name so many times. A step is a moment
right before or right after a word to the chain, or a write of the outbox. One process imports everything once and forks one for
each run; it tells at which step that one died.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from app.assemble import open_desk, open_services
from app.chain import ChainDesk
from app.clock import FixedClock, SystemRandomness
from app.jobs.worker import Worker
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import periods, statements
from app.store.session import reading, unit_of_work
from app.store.statements import StatementState
from app.usecases import send_outbox
from app.usecases.close_period import close_period
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from app.usecases.revoke_statement import revoke_statement
from domain.activity import EvidenceClass
from domain.period import Month, MonthRange
from ledger.rpc import Node
from tests.anvil import Anvil
from tests.app.usecases.installation import steady

FIRST_MONTH = Month(1990, 1)
BETWEEN_RUNS = timedelta(seconds=90)
"""Longer than any lease: a dead process's work is free for the next one."""


class Steps:
    """Counts steps, and ends the process at one of them.

    Args:
        last: Number of the step, or how many of a name are passed and the name: `0:after signed`.
        tell: Takes its name, before the process dies.
    """

    def __init__(self, last: str, tell: Callable[[str], None]) -> None:
        number, _, self._name = last.partition(":")
        self._left, self._tell = int(number), tell

    def at(self, name: str) -> None:
        """One step; the last is the end."""
        if self._name not in {"", name}:
            return
        if self._left == 0:
            self._tell(name)
            os.kill(os.getpid(), signal.SIGKILL)
        self._left -= 1


class CountedNode:
    """A node whose every word is two steps.

    Args:
        node: The real one.
        steps: Counts.
    """

    def __init__(self, node: Node, steps: Steps) -> None:
        self._node, self._steps = node, steps

    def request(self, method: str, params: list[Any]) -> Any:  # noqa: ANN401 - JSON
        """The real answer, if the process lives to see it."""
        self._steps.at(f"before {method}")
        answer = self._node.request(method, params)
        self._steps.at(f"after {method}")
        return answer


def count_writes(steps: Steps) -> None:
    """Make every write of the outbox two steps, named by the state that is written."""
    real = send_outbox._write  # noqa: SLF001 - the boundary that this is about

    def write(services: Any, row: Any, change: Any, **named: Any) -> Any:  # noqa: ANN401 - passes through what it was given
        steps.at(f"before {change.state}")
        written = real(services, row, change, **named)
        steps.at(f"after {change.state}")
        return written

    send_outbox._write = write  # noqa: SLF001 - as above


def write_name(folder: Path, name: str) -> None:
    """Leave behind where the process dies."""
    (folder / "died").write_text(name, encoding="utf-8")


def settings_of(folder: Path) -> Settings:
    """The settings of the drill: of the embedded chain, or of a node."""
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    if not about["url"]:
        return Settings(data_folder=folder / "data")
    url, contract = SecretStr(about["url"]), about["contract"]
    return Settings(data_folder=folder / "data", chain_url=url, chain_id=about["chain_id"], chain_contract=contract)


def close_next(services: Services, whose: Whose) -> None:
    """Close the first month that is open, or was imported and not closed."""
    for number in count():
        months = MonthRange.of_month(FIRST_MONTH.plus(number))
        with reading(services.engine) as session:
            if periods.by_months(session, whose.tenant_id, whose.subject_id, months) is not None:
                continue
        day = months.first.first_date()
        received = Received(steady(day, day, watt_hours=100 + number), "text/xml", EvidenceClass.UPLOADED)
        with unit_of_work(services.engine) as session:
            import_document(Work(session, services), whose, "green-button", received)
        with unit_of_work(services.engine) as session:
            close_period(Work(session, services), whose, months)
        return


def end_next(services: Services, desk: ChainDesk, whose: Whose) -> None:
    """Restate one of three of a subject's statements, and withdraw another one of three, the first that stands."""
    with reading(services.engine) as session:
        standing = [
            (row, periods.by_id(session, row.tenant_id, row.period_id).months)
            for row in statements.of_subject(session, whose.tenant_id, whose.subject_id)
            if row.state is StatementState.ISSUED and row.revision == 1
        ]
    for row, months in sorted(standing, key=lambda one: one[1].first.ym):
        number = (months.first.year - FIRST_MONTH.year) * 12 + months.first.number - FIRST_MONTH.number
        if number % 3 == 1:
            restate(services, whose, months, number)
            return
        if number % 3 == 2:
            revoke_statement(services, desk, row, "The meter was another building's.")
            return


def restate(services: Services, whose: Whose, months: MonthRange, number: int) -> None:
    """Close a month again, with a corrected day."""
    day = months.first.first_date()
    body = steady(day, day, watt_hours=1000 + number, updated_at=datetime(2026, 1, 1, tzinfo=UTC))
    received = Received(body, "text/xml", EvidenceClass.UPLOADED)
    with unit_of_work(services.engine) as session:
        import_document(Work(session, services), whose, "green-button", received)
    with unit_of_work(services.engine) as session:
        close_period(Work(session, services), whose, months, reason="The utility corrected a day.")


def work(folder: Path, run: int, step: str) -> None:
    """Close month after month and bring it to the chain, until killed."""
    clock = FixedClock(datetime.now(UTC) + run * BETWEEN_RUNS)
    settings = settings_of(folder)
    services = open_services(settings, clock=clock, randomness=SystemRandomness())
    desk = open_desk(services)
    node = Anvil(settings.chain_url.get_secret_value()) if settings.chain_url.get_secret_value() else None
    subjects = [Whose(*line.split()) for line in (folder / "subjects").read_text(encoding="utf-8").splitlines()]
    steps = Steps(step, lambda name: write_name(folder, name))
    client = desk._client  # noqa: SLF001 - the drill stands between the client and its node
    client._node = CountedNode(client._node, steps)  # noqa: SLF001 - as above
    count_writes(steps)
    worker = Worker(services, desk)
    while True:
        worker.tick()
        if send_outbox.pending_count(services) == 0:
            for whose in subjects:
                close_next(services, whose)
            end_next(services, desk, subjects[-1])
        clock.advance(13)
        if node is not None:
            node.mine(2)


def main(folder: Path) -> None:
    """One process for each line."""
    for line in sys.stdin:
        number, _, step = line.strip().partition(" ")
        run = int(number)
        pid = os.fork()
        if pid == 0:
            try:
                work(folder, run, step)
            finally:  # an error is told by its traceback and the missing signal
                sys.stderr.flush()
                os._exit(1)
        _, status = os.waitpid(pid, 0)
        died = (folder / "died").read_text(encoding="utf-8") if os.WIFSIGNALED(status) else "alive"
        print(died, flush=True)  # noqa: T201 - the test waits for it


if __name__ == "__main__":
    main(Path(sys.argv[1]))
