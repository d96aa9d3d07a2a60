"""The process that the crash tests kill: it imports, closes and issues month after month, and goes on where its forerunner died.

python -m tests.crash.child FOLDER RUN
"""

import sys
from datetime import timedelta
from itertools import count
from pathlib import Path

from app.assemble import open_desk, open_services
from app.clock import FixedClock, SystemRandomness
from app.jobs.worker import Worker
from app.services import Whose, Work
from app.settings import Settings
from app.store import periods
from app.store.periods import PeriodState
from app.store.session import reading, unit_of_work
from app.usecases.close_period import close_period
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from domain.activity import EvidenceClass
from domain.period import Month, MonthRange
from tests.app.usecases.installation import NOW, steady

FIRST_MONTH = Month(1990, 1)
BETWEEN_RUNS = timedelta(seconds=300)
"""Longer than any lease: a dead process's work is free for the next one."""


def subject_months(folder: Path) -> list[Whose]:
    """The subjects that the test has made, one a line."""
    lines = (folder / "subjects").read_text(encoding="utf-8").splitlines()
    return [Whose(*line.split()) for line in lines]


def main(folder: Path, run: int) -> None:
    """Work until killed; one line for each month that is done with."""
    clock = FixedClock(NOW + run * BETWEEN_RUNS)
    services = open_services(Settings(data_folder=folder / "data"), clock=clock, randomness=SystemRandomness())
    worker = Worker(services, open_desk(services))
    subjects = subject_months(folder)
    print("ready", flush=True)  # noqa: T201 - the test waits for it
    for number in count():
        month = FIRST_MONTH.plus(number)
        for whose in subjects:
            with reading(services.engine) as session:
                period = periods.by_months(session, whose.tenant_id, whose.subject_id, MonthRange.of_month(month))
            if period is not None and period.state is PeriodState.CLOSED:
                continue
            body = steady(month.first_date(), month.first_date(), watt_hours=100 + number)
            with unit_of_work(services.engine) as session:
                import_document(
                    Work(session, services), whose, "green-button", Received(body, "text/xml", EvidenceClass.UPLOADED)
                )
            with unit_of_work(services.engine) as session:
                close_period(Work(session, services), whose, MonthRange.of_month(month))
        clock.advance(1)
        worker.tick()
        print(number, flush=True)  # noqa: T201 - as above


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
