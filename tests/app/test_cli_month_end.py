"""`close --all`: the real program closes everybody who is open, goes on where it was killed, and names whom it refused."""

import json
import random
import subprocess
import time
from pathlib import Path

import pytest

from app.services import Whose
from app.store import ledger, statements
from app.store.statements import StatementState
from tests.app.test_cli import PROGRAM, answer, environment_of, run
from tests.app.usecases.installation import Installation


def fill(folder: Path, count: int, *, kwh: str = "12.5") -> list[Whose]:
    """So many households with activity in March 2025, each a tenant of its own."""
    made = Installation.open(folder)
    found = []
    for number in range(count):
        whose = made.household(f"Household {number}")
        lines = [
            {"id": f"{day}", "kind": "electricity", "quantity": kwh, "unit": "kWh", "start": f"2025-03-{day:02d}"}
            for day in range(1, 21)
        ]
        made.take(whose, "\n".join(json.dumps(line) for line in lines).encode(), connector="activities")
        found.append(whose)
    made.close()
    return found


def test_everybody_is_closed_by_one_command(tmp_path: Path) -> None:
    """Three households are issued; a second run finds nothing to do, and says so."""
    fill(tmp_path, 3)
    assert answer("close", "--all", "2025-03", folder=tmp_path) == {
        "period": "2025-03",
        "statements": {"issued": 3},
        "refused": [],
    }
    done = run("close", "--all", "2025-03", folder=tmp_path)
    assert (done.returncode, done.stdout.decode()) == (0, "2025-03: 3 statements\n  issued             3\n")


def test_refused_subject_makes_the_exit_code_one(tmp_path: Path) -> None:
    """Whoever cannot be closed is named with the reason, and everybody else is issued."""
    fill(tmp_path, 2)
    fill(tmp_path, 1, kwh="999999999999")
    found = answer("close", "--all", "2025-03", folder=tmp_path, code=1)
    assert found["statements"] == {"issued": 2}
    (refused,) = found["refused"]
    assert refused["name"] == "Household 0"
    assert refused["reason"].startswith("A sum or a line is 2^63 or more")
    done = run("close", "--all", "2025-03", folder=tmp_path)
    assert done.returncode == 1
    assert f"  - Household 0 ({refused['subject_id'][:8]}): " in done.stdout.decode()


def test_nobody_to_close(tmp_path: Path) -> None:
    """An installation without activity in the period is done at once."""
    assert answer("close", "--all", "2025-03", folder=tmp_path) == {"period": "2025-03", "statements": {}, "refused": []}


@pytest.mark.parametrize("more", [["Ada"], ["--reason", "because"]])
def test_all_takes_a_period_alone(tmp_path: Path, more: list[str]) -> None:
    """A subject or a reason beside `--all` is refused with what to type instead."""
    arguments = ["close", "--all", "2025-03", *more]
    done = run(*arguments, folder=tmp_path)
    assert done.returncode == 2
    assert done.stderr.decode().startswith("Error: All subjects are closed with a period alone\n  expected   close --all PERIOD")


@pytest.mark.slow
def test_killed_month_end_goes_on(tmp_path: Path) -> None:
    """Killed at random moments, then once to the end: every subject has one issued statement with one answer, none is double."""
    subjects = fill(tmp_path, 120)
    chance = random.Random(7)  # noqa: S311 - moments, not secrets
    kills_count = 0
    for _ in range(6):
        command = [str(PROGRAM), "close", "--all", "2025-03", "--json"]
        with subprocess.Popen(command, env=environment_of(tmp_path), stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
            time.sleep(chance.uniform(1.0, 3.5))
            kills_count += child.poll() is None
            child.kill()
    assert kills_count
    assert answer("close", "--all", "2025-03", folder=tmp_path)["statements"] == {"issued": len(subjects)}
    made = Installation.open(tmp_path)
    roots = set()
    with made.looking() as work:
        for whose in subjects:
            (row,) = statements.of_subject(work.session, whose.tenant_id, whose.subject_id)
            assert (row.state, row.revision) == (StatementState.ISSUED, 1)
            assert len(ledger.endorsements_of(work.session, row.tenant_id, row.id)) == 1
            issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
            assert issuance is not None
            roots.add(issuance.batch_root_hex)
    made.close()
    assert len(roots) == 1
