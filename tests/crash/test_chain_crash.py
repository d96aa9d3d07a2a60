"""kill -9 around every state on the way to the chain, embedded and anvil: nothing lost, nothing twice."""

import json
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.assemble import open_desk, open_services
from app.clock import FixedClock, SystemRandomness
from app.jobs.worker import Worker
from app.services import Whose
from app.store import ledger, statements
from app.store.ledger import LedgerAction, OutboxState
from app.store.session import reading
from app.store.statements import StatementState
from tests.anvil import CHAIN_ID, Anvil, anvil_binary, running_anvil
from tests.app.usecases.installation import Installation
from tests.app.usecases.remote_chain import deployed
from tests.crash.chain_child import BETWEEN_RUNS, settings_of

__all__ = ["anvil_binary"]


AROUND = {
    f"{when} {what}"
    for when in ("before", "after")
    for what in (
        *("eth_estimateGas", "eth_sendRawTransaction", "eth_getTransactionReceipt", "eth_getBlockByNumber"),
        *(OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED, OutboxState.FINAL),
    )
}
"""Where a full drill must have killed."""


STATUS = {StatementState.ISSUED: 1, StatementState.SUPERSEDED: 2, StatementState.REVOKED: 3}
"""The contract's status of a token whose statement is in this state."""

FEW_COUNT = 50
"""Kills after which some statements have ended too."""


class Drill:
    """Processes that die on the way, one after the other.

    Args:
        repository: Where the code is.
        folder: The installation's and the drill's.
    """

    def __init__(self, repository: Path, folder: Path) -> None:
        command = [sys.executable, "-m", "tests.crash.chain_child", str(folder)]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repository)

    def kill(self, run: int, step: str) -> str:
        """Let one live until this step, by its number or its name; where it died."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.write(f"{run} {step}\n")
        self._parent.stdin.flush()
        return self._parent.stdout.readline().strip()

    def close(self) -> None:
        """No more."""
        self._parent.communicate(timeout=60)


def prepare(folder: Path, *, url: str = "", contract: str = "") -> None:
    """An installation with a household and a business, and where its chain is."""
    (folder / "about.json").write_text(json.dumps({"url": url, "contract": contract, "chain_id": CHAIN_ID}), encoding="utf-8")
    made = Installation.open(folder / "data")
    whose = [made.household(), made.business()]
    made.close()
    (folder / "subjects").write_text("".join(f"{one.tenant_id} {one.subject_id}\n" for one in whose), encoding="utf-8")


def check(folder: Path, *, runs_count: int, anvil: Anvil | None) -> Counter[StatementState]:
    """How many statements there are, by state; each is final, on the chain as it was signed and ended, by one transaction."""
    clock = FixedClock(datetime.now(UTC) + (runs_count + 1) * BETWEEN_RUNS)
    services = open_services(settings_of(folder), clock=clock, randomness=SystemRandomness())
    desk = open_desk(services)
    worker = Worker(services, desk)
    for _ in range(30):
        if worker.drain(rounds_count=2):
            break
        clock.advance(60)
        if anvil is not None:
            anvil.mine(3)
    found: Counter[StatementState] = Counter()
    with reading(services.engine) as session:
        for line in (folder / "subjects").read_text(encoding="utf-8").splitlines():
            whose = Whose(*line.split())
            for row in statements.of_subject(session, whose.tenant_id, whose.subject_id):
                issuance = ledger.issuance_of_statement(session, row.tenant_id, row.id)
                assert issuance is not None
                root, token_id = bytes.fromhex(issuance.batch_root_hex), int(issuance.token_id_hex, 16)
                standing, token = desk.standing(root, token_id), desk.token(token_id)
                assert ledger.outbox_of(session, row.tenant_id, issuance.batch_root_hex).state is OutboxState.FINAL
                assert standing.is_anchored or standing.token_root == root
                if issuance.action is LedgerAction.ISSUE:
                    assert token is not None
                    assert token.status == STATUS[row.state]
                else:
                    assert (token, row.state) == (None, StatementState.ISSUED)
                found[row.state] += 1
    with reading(services.engine) as session:
        sent = ledger.outbox_in_state(session, OutboxState.FINAL)
    assert len(sent) == found.total() + found[StatementState.REVOKED]  # every statement's, and every revocation's
    assert desk.next_nonce(desk.signer_address) == len(sent) + 1  # the deployment, and one for each
    desk.close()
    services.engine.dispose()
    connection = sqlite3.connect(folder / "data/data.sqlite3")
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    return found


def hundred() -> list[str]:
    """Steps of a full drill: around every state and word to the chain two or three times, and fifty-two others by number.

    By number alone a drill may miss one: how many steps a process takes to get anywhere depends on what its forerunner left.
    """
    named = [f"{count}:{name}" for count in range(3) for name in sorted(AROUND)]
    return [*named, *map(str, range(0, 2 * (100 - len(named)), 2))]


def drill(repository: Path, folder: Path, steps: Sequence[str], *, anvil: Anvil | None = None) -> set[str]:
    """Kill once at each of these steps; where the processes died."""
    killer = Drill(repository, folder)
    died = [killer.kill(run, step) for run, step in enumerate(steps)]
    killer.close()
    assert "alive" not in died
    found = check(folder, runs_count=len(steps), anvil=anvil)
    assert found[StatementState.ISSUED]
    if len(steps) > FEW_COUNT:
        assert {StatementState.SUPERSEDED, StatementState.REVOKED} <= found.keys()
    return set(died)


def test_six_kills_on_the_embedded_chain(repository: Path, tmp_path: Path) -> None:
    """Six kills, spread over all steps: 0 lost, 0 double."""
    prepare(tmp_path)
    drill(repository, tmp_path, [str(step) for step in range(4, 60, 10)])


@pytest.mark.slow
def test_hundred_kills_on_the_embedded_chain(repository: Path, tmp_path: Path) -> None:
    """A hundred kills, around every state and every word to the chain: 0 lost, 0 double."""
    prepare(tmp_path)
    assert drill(repository, tmp_path, hundred()) >= AROUND


@pytest.mark.interop
def test_twenty_kills_on_anvil(repository: Path, tmp_path: Path, anvil_binary: Path) -> None:
    """Twenty kills on a node elsewhere, whose blocks are not final at once: 0 lost, 0 double."""
    with running_anvil(anvil_binary) as anvil:
        prepare(tmp_path, url=anvil.url, contract=deployed(tmp_path / "data", anvil))
        steps = [*(f"0:{name}" for name in sorted(AROUND)), "5", "18", "31", "44"]
        assert drill(repository, tmp_path, steps, anvil=anvil) >= AROUND


@pytest.mark.slow
def test_hundred_kills_on_anvil(repository: Path, tmp_path: Path, anvil_binary: Path) -> None:
    """A hundred kills on a node elsewhere: 0 lost, 0 double."""
    with running_anvil(anvil_binary) as anvil:
        prepare(tmp_path, url=anvil.url, contract=deployed(tmp_path / "data", anvil))
        assert drill(repository, tmp_path, hundred(), anvil=anvil) >= AROUND
