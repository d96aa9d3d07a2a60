"""The auditor in several processes: the same answers as in this one, and a process that dies is said."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from multiprocessing import active_children
from pathlib import Path

import pytest

from app.audit_processes import WORTH_COUNT, AuditProcesses, auditor_of
from app.store import month_end
from app.store.session import reading
from app.store.statements import StatementState
from app.usecases.audit_many import audit_many
from app.usecases.close_month_end import close_open
from domain.errors import AuditError
from domain.period import MonthRange
from tests.app.usecases.installation import Installation

MARCH = MonthRange.from_text("2025-03")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """A new installation on 2025-06-15."""
    made = Installation.open(tmp_path / "data")
    yield made
    made.close()


@pytest.fixture
def closed_ids(installation: Installation) -> list[str]:
    """A closed statement that nobody has audited."""
    household = installation.household()
    line = {"id": "drive", "kind": "car", "quantity": "42", "unit": "km", "start": "2025-03-09", "region": "GB"}
    installation.take(household, json.dumps(line).encode(), connector="activities")
    assert [step.refused for step in close_open(installation.services, MARCH)] == [()]
    with reading(installation.services.engine) as session:
        return [one for one, _ in month_end.standing_ids(session, MARCH, StatementState.CLOSED, after="")]


def test_other_process_answers_as_this_one(installation: Installation, closed_ids: list[str]) -> None:
    """A process of its own, with its own connection to the same database and archive, recomputes the same issuance."""
    with closing(AuditProcesses(installation.services, 1)) as processes:
        answers = processes.ask(closed_ids).result(timeout=60)
    assert answers == audit_many(installation.services, closed_ids)
    assert answers[0].issuance is not None


def test_process_that_dies_is_said(installation: Installation, closed_ids: list[str]) -> None:
    """Whoever waits for an answer is told that there will be none, and so is who asks later."""
    processes = AuditProcesses(installation.services, 1)
    processes.ask(closed_ids).result(timeout=60)
    (process,) = active_children()
    process.kill()
    for _ in range(2):
        with pytest.raises(AuditError, match="A process of the auditor died"):
            processes.ask(closed_ids).result(timeout=60)
    processes.close()


def test_few_statements_start_no_process(installation: Installation, closed_ids: list[str]) -> None:
    """Where few are asked about, this process answers before the question returns."""
    with auditor_of(installation.services, WORTH_COUNT - 1) as ask:
        assert ask(closed_ids).done()


ASKING = """
import sys, time
from multiprocessing import active_children
from pathlib import Path
from app.audit_processes import AuditProcesses
from tests.app.usecases.installation import Installation

if __name__ == "__main__":
    processes = AuditProcesses(Installation.open(Path(sys.argv[1])).services, 1)
    processes.ask([]).result()
    print(active_children()[0].pid, flush=True)
    time.sleep(60)
"""


def test_processes_end_with_who_asked(tmp_path: Path) -> None:
    """Whoever asked is killed, and a moment later the processes of the auditor are gone."""
    script = tmp_path / "asking.py"
    script.write_text(ASKING, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, str(script), str(tmp_path / "data")]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as asking:
        assert asking.stdout is not None
        auditor_id = int(next(line for line in asking.stdout if line.strip().isdigit()))
        assert is_running(auditor_id)
        asking.kill()
    end_s = time.monotonic() + 30
    while is_running(auditor_id) and time.monotonic() < end_s:
        time.sleep(0.1)
    assert not is_running(auditor_id)


def is_running(process_id: int) -> bool:
    """Whether there is such a process that has not ended."""
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process_id}/status").read_text(encoding="utf-8")
    except OSError:
        return False
