"""kill -9 anywhere between a file and its token: nothing lost, nothing doubled."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from app.assemble import open_desk
from app.chain import ChainDesk
from app.jobs.worker import Worker
from app.services import Whose
from app.store import activities, ledger, statements
from app.store.ledger import OutboxState
from app.store.statements import StatementState
from domain.period import MonthRange
from tests.app.usecases.installation import NOW, Installation, hours
from tests.crash.child import BETWEEN_RUNS, FIRST_MONTH


def killed_run(repository: Path, folder: Path, run: int, *, after_s: float) -> int:
    """Months that a child was done with when it was killed, so many seconds after it began to work."""
    command = [sys.executable, "-m", "tests.crash.child", str(folder), str(run)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=repository) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(after_s)
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().split("\n")[:-1]  # the last piece is empty, or a line that was cut
    assert child.returncode == -signal.SIGKILL
    return int(lines[-1]) + 1 if lines else 0


def check_subject(installation: Installation, desk: ChainDesk, whose: Whose, done_count: int) -> int:
    """How many statements a subject has, after every promise was held against them."""
    with installation.looking() as work:
        rows = statements.of_subject(work.session, whose.tenant_id, whose.subject_id)
        months = activities.months_of(work.session, whose.tenant_id, whose.subject_id)
        for row in rows:
            assert (row.state, row.revision) == (StatementState.ISSUED, 1)
            issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
            assert issuance is not None
            root = bytes.fromhex(issuance.batch_root_hex)
            standing = desk.standing(root, int(issuance.token_id_hex, 16))
            assert standing.is_anchored or standing.token_root == root
            assert ledger.outbox_of(work.session, row.tenant_id, issuance.batch_root_hex).state is OutboxState.FINAL
            assert len(ledger.endorsements_of(work.session, row.tenant_id, row.id)) == 1
        assert list(months[: len(rows)]) == [FIRST_MONTH.plus(number) for number in range(len(rows))]
        for number, month in enumerate(months):
            (found,) = activities.monthly_sums(work.session, whose.tenant_id, whose.subject_id, MonthRange.of_month(month))
            hour_count = len(hours(month.first_date(), month.first_date()))
            assert found.quantity_micro == hour_count * (100 + number) * 1000  # each reading once
    assert done_count <= len(rows) <= len(months) <= len(rows) + 1
    return len(rows)


def check_all(folder: Path, *, runs_count: int, done_count: int) -> int:
    """How many statements there are in all; the chain has one transaction for each, and both databases are whole."""
    installation = Installation.open(folder / "data", at=NOW + runs_count * BETWEEN_RUNS)
    desk = open_desk(installation.services)
    assert Worker(installation.services, desk).drain()
    subjects = [Whose(*line.split()) for line in (folder / "subjects").read_text(encoding="utf-8").splitlines()]
    found_count = sum(check_subject(installation, desk, whose, done_count) for whose in subjects)
    assert int(desk._client._request("eth_blockNumber"), 16) == found_count + 1  # noqa: SLF001 - the desk has no use for it
    desk.close()
    installation.close()
    for path in (folder / "data/data.sqlite3", folder / "data/chain/chain.sqlite3"):
        connection = sqlite3.connect(path)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
    return found_count


def crash(repository: Path, folder: Path, *, kill_count: int, seed: int) -> int:
    """Statements that are there after so many kills at random moments."""
    installation = Installation.open(folder / "data")
    made = [installation.household(), installation.business()]
    installation.close()
    (folder / "subjects").write_text("".join(f"{one.tenant_id} {one.subject_id}\n" for one in made), encoding="utf-8")
    moments = random.Random(seed)  # noqa: S311 - repeatable moments, not secrets
    done_count = 0
    for run in range(kill_count):
        done_count = max(done_count, killed_run(repository, folder, run, after_s=moments.uniform(0.0, 0.6)))
    return check_all(folder, runs_count=kill_count, done_count=done_count)


def test_kill_between_file_and_token(repository: Path, tmp_path: Path) -> None:
    """Three kills: every closed month has one root on the chain, every reading counts once."""
    assert crash(repository, tmp_path, kill_count=3, seed=1) > 0


@pytest.mark.slow
def test_kill_between_file_and_token_often(repository: Path, tmp_path: Path) -> None:
    """The same with twenty-four kills."""
    assert crash(repository, tmp_path, kill_count=24, seed=2) > 0
