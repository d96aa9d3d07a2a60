"""Restated, revoked, retired and batched tokens on anvil: pools, blocks that go, a meddler, auditors that are put out."""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from time import sleep

import pytest

from app.jobs.worker import Worker
from app.services import Whose
from app.store import endings, ledger, statements
from app.store.ledger import OutboxRow, OutboxState
from app.store.statements import StatementRow, StatementState
from app.usecases.close_month_end import close_open, endorse_month_end
from app.usecases.endorse_statement import endorse_statement
from app.usecases.retire_units import Asked, retire_units
from app.usecases.revoke_statement import revoke_statement
from app.usecases.send_outbox import FINALITY_LATER, LATER, LOOKS_COUNT, send_outbox
from domain.bundle import envelope_from_json
from domain.errors import ChainError
from domain.issuance import IssuanceKind
from domain.period import MonthRange
from ledger.chain import Token
from tests.anvil import Anvil, anvil_binary, running_anvil
from tests.app.usecases.installation import steady
from tests.app.usecases.remote_chain import FIRST_MONTH, Remote, remote
from tests.app.usecases.test_close_month_end import fill
from tests.app.usecases.test_retire_units import AMOUNT_G, issue_units
from tests.interop.test_chain import by_hand, hand_over, selector

__all__ = ["anvil_binary"]

pytestmark = pytest.mark.interop

REASON = "The meter was another building's."
MARCH = MonthRange.from_text("2025-03")


@pytest.fixture
def anvil(anvil_binary: Path) -> Iterator[Anvil]:
    """A node that mines each transaction at once."""
    with running_anvil(anvil_binary) as node:
        yield node


@pytest.fixture
def scene(anvil: Anvil, tmp_path: Path) -> Iterator[Remote]:
    """An installation on it."""
    made = remote(tmp_path / "data", anvil)
    yield made
    made.close()


def send(scene: Remote, *, after: timedelta = FINALITY_LATER) -> None:
    """Let time pass, then send what is due."""
    scene.installation.clock.advance(after.total_seconds())
    send_outbox(scene.installation.services, scene.desk)


def finish(scene: Remote, *, rounds_count: int = 60) -> None:
    """Make blocks and work until nothing waits."""
    worker = Worker(scene.installation.services, scene.desk)
    for _ in range(rounds_count):
        scene.anvil.mine(3)
        scene.installation.clock.advance(30)
        if worker.drain(rounds_count=3):
            return
    raise AssertionError


def restated(scene: Remote, whose: Whose, former: StatementRow) -> StatementRow:
    """The first month with a corrected day, closed again and signed."""
    day = FIRST_MONTH.first_date()
    scene.installation.clock.advance(60)
    scene.installation.take(whose, steady(day, day, watt_hours=900, updated_at=scene.installation.clock.now()))
    row = scene.installation.close_months(whose, str(FIRST_MONTH), reason="The utility corrected a day.")
    assert row.id != former.id
    endorse_statement(scene.installation.services, scene.desk, row.tenant_id, row.id)
    return row


def token(scene: Remote, row: StatementRow) -> Token | None:
    """What the chain says of a statement's token."""
    with scene.installation.looking() as work:
        issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
    assert issuance is not None
    return scene.desk.token(int(issuance.token_id_hex, 16))


def status(scene: Remote, rows: Sequence[StatementRow]) -> list[int | None]:
    """The contract's status of each: 1 active, 2 superseded, 3 revoked; None: it knows nothing of it."""
    found = [token(scene, row) for row in rows]
    return [None if one is None else one.status for one in found]


def transaction(scene: Remote, sent: OutboxRow) -> OutboxRow:
    """A transaction as it stands."""
    with scene.installation.looking() as work:
        return ledger.outbox_of(work.session, sent.tenant_id, sent.root_hex)


def test_both_revisions_wait_in_the_pool(scene: Remote) -> None:
    """A restatement that is sent while its forerunner waits: one block later the token is the newer one's."""
    by_hand(scene)
    bakery = scene.installation.business()
    first = scene.queued(bakery)
    send(scene)
    second = restated(scene, bakery, first)
    send(scene)
    assert int(scene.anvil.ask("txpool_status")["pending"], 16) == 2
    finish(scene)
    assert status(scene, (first, second)) == [2, 1]
    assert [scene.state(row) for row in (first, second)] == [OutboxState.FINAL] * 2
    assert [scene.installation.statement(row).state for row in (first, second)] == [
        StatementState.SUPERSEDED,
        StatementState.ISSUED,
    ]
    assert scene.anchored_count() == 2


@pytest.mark.parametrize("depth", [1, 2])
def test_supersession_that_a_reorganisation_takes(scene: Remote, depth: int) -> None:
    """Its block goes, and perhaps the former revision's with it: the same bytes go in again, each once."""
    bakery = scene.installation.business()
    first = scene.queued(bakery)
    send(scene)
    second = restated(scene, bakery, first)
    send(scene, after=timedelta())
    before = scene.outbox(second).tx_hashes_json
    scene.anvil.ask("anvil_reorg", depth, [])
    for _ in range(LOOKS_COUNT + 2):
        send(scene, after=LATER)
    finish(scene)
    assert (status(scene, (first, second)), scene.anchored_count()) == ([2, 1], 2)
    assert scene.outbox(second).tx_hashes_json == before


def test_revocation_that_a_reorganisation_takes(scene: Remote) -> None:
    """The chain forgets that a statement was revoked: the same bytes say it again, once."""
    row = scene.queued(scene.installation.business())
    finish(scene)
    sent = revoke_statement(scene.installation.services, scene.desk, row, REASON)
    send(scene)
    assert (transaction(scene, sent).state, status(scene, [row])) == (OutboxState.MINED, [3])
    before = transaction(scene, sent).raw
    scene.anvil.ask("anvil_reorg", 1, [])
    assert status(scene, [row]) == [1]
    for _ in range(LOOKS_COUNT + 2):
        send(scene, after=LATER)
    finish(scene)
    assert (transaction(scene, sent).state, transaction(scene, sent).raw) == (OutboxState.FINAL, before)
    assert (status(scene, [row]), scene.anchored_count()) == ([3], 2)


def asked(scene: Remote, amount: int = 1_500) -> tuple[Asked, int]:
    """A retirement of an offset of the account, and the offset."""
    household = scene.installation.household()
    offset = issue_units(scene.installation, scene.desk, IssuanceKind.OFFSET)
    return retire_units(
        scene.installation.services, scene.desk, household, f"{offset:064x}", amount=amount, kind=IssuanceKind.OFFSET
    ), offset


def test_retirement_that_a_reorganisation_takes(scene: Remote) -> None:
    """The units come back with the block that goes, and are used up again, once."""
    sent, offset = asked(scene)
    send(scene)
    for _ in range(100):  # the node answers before it has made the block
        if scene.desk.units_left(offset) < AMOUNT_G:
            break
        sleep(0.05)
    assert scene.desk.units_left(offset) == AMOUNT_G - 1_500
    scene.anvil.ask("anvil_reorg", 1, [])
    assert scene.desk.units_left(offset) == AMOUNT_G
    for _ in range(LOOKS_COUNT + 2):
        send(scene, after=LATER)
    finish(scene)
    assert transaction(scene, sent.outbox).state is OutboxState.FINAL
    assert (scene.desk.units_left(offset), len(json.loads(transaction(scene, sent.outbox).tx_hashes_json))) == (
        AMOUNT_G - 1_500,
        1,
    )
    with scene.installation.looking() as work:
        (kept,) = endings.retirements_of(work.session, sent.row.tenant_id, sent.row.subject_id)
    assert kept == sent.row


def test_retirement_whose_receipt_never_comes(scene: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that shows no receipt of it: the contract is asked for the beneficiary, and nothing is used up twice."""
    sent, offset = asked(scene)
    with monkeypatch.context() as patch:
        patch.setattr(scene.desk, "receipt", lambda _: None)
        for _ in range(6):
            send(scene, after=timedelta(seconds=40))
            scene.anvil.mine(3)
    finish(scene)
    assert transaction(scene, sent.outbox).state is OutboxState.FINAL
    assert scene.desk.units_left(offset) == AMOUNT_G - 1_500


@pytest.fixture
def month(scene: Remote) -> list[StatementRow]:
    """Three businesses' statements of a month, signed as one batch of tokens."""
    shops = [scene.installation.business() for _ in range(3)]
    for whose in shops:
        fill(scene.installation, whose)
    assert list(close_open(scene.installation.services, MARCH))
    assert endorse_month_end(scene.installation.services, scene.desk, MARCH) == ()
    rows: list[StatementRow] = []
    with scene.installation.looking() as work:
        for whose in shops:
            rows += statements.of_subject(work.session, whose.tenant_id, whose.subject_id)
    return rows


def test_tokens_of_a_month_come_in_one_transaction(scene: Remote, month: list[StatementRow]) -> None:
    """Three tokens, one transaction, final when the chain says so."""
    send(scene)
    assert {scene.state(row) for row in month} == {OutboxState.MINED}
    finish(scene)
    assert (status(scene, month), scene.anchored_count()) == ([1, 1, 1], 1)
    assert {scene.installation.statement(row).state for row in month} == {StatementState.ISSUED}


def test_meddler_anchors_the_root_first(scene: Remote, month: list[StatementRow]) -> None:
    """Somebody who saw the batch in the pool anchors its root before it: ours reverts, and every token is claimed, once."""
    by_hand(scene)
    send(scene)
    waiting = scene.outbox(month[0])
    assert waiting.state is OutboxState.SENT
    payload = json.loads(waiting.payload_json)
    envelope, signatures = envelope_from_json(payload["envelope"]), [bytes.fromhex(one) for one in payload["signatures"]]
    call = scene.desk.prepare("anchor", (), envelope, signatures)
    (meddler,) = scene.anvil.ask("eth_accounts")
    bid = {"maxFeePerGas": hex(10**12), "maxPriorityFeePerGas": hex(10**11), "gas": hex(10**6)}
    scene.anvil.ask("eth_sendTransaction", {"from": meddler, "to": scene.contract, "data": "0x" + call.data.hex(), **bid})
    scene.anvil.mine()
    assert status(scene, month) == [None] * 3
    for _ in range(3):  # no claim waits until the one before is final
        send(scene, after=timedelta(seconds=31))
        scene.anvil.mine()
        send(scene)
    assert status(scene, month) == [1, 1, 1]
    finish(scene)
    assert (status(scene, month), scene.anchored_count()) == ([1, 1, 1], 4)  # the one that reverted, and three claims
    assert {scene.installation.statement(row).state for row in month} == {StatementState.ISSUED}


def test_claim_that_a_reorganisation_takes(scene: Remote, month: list[StatementRow]) -> None:
    """While the tokens of a spoilt batch are claimed one by one, blocks go: in the end each token is there."""
    revoke_statement(scene.installation.services, scene.desk, month[1], REASON)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.desk, "prepare", _unreachable)
        send(scene)
    for number in range(12):
        scene.anvil.mine(1)
        send(scene, after=timedelta(seconds=30))
        if number % 3 == 2:
            scene.anvil.ask("anvil_reorg", 1, [])
    finish(scene, rounds_count=90)
    assert status(scene, month) == [1, 3, 1]
    states = [scene.installation.statement(row).state for row in month]
    assert states == [StatementState.ISSUED, StatementState.REVOKED, StatementState.ISSUED]


def _unreachable(*_: object) -> None:
    raise ChainError("The chain does not answer")


def as_admin(scene: Remote, admin: str, data: str) -> None:
    """A call of the admin's."""
    scene.anvil.ask("eth_sendTransaction", {"from": admin, "to": scene.contract, "data": data, "gas": hex(10**6)})


def test_auditor_that_was_put_out(scene: Remote) -> None:
    """What an auditor signed who is none any more is refused by name; taken in again, the statement goes out after all."""
    admin = hand_over(scene)
    household = scene.installation.household()
    row = scene.queued(household)
    auditor = scene.installation.services.auditor
    words = auditor.key.address[2:].lower().rjust(64, "0")
    as_admin(scene, admin, selector("set_auditor(address,uint256)") + words + "0" * 64)
    send(scene)
    assert scene.state(row) is OutboxState.EXPIRED  # the epoch passed: endorsed again, by the same auditor
    Worker(scene.installation.services, scene.desk).tick()
    send(scene)
    found = scene.outbox(row)
    assert found.state is OutboxState.FAILED
    assert "signer is not an auditor of the region" in found.error
    before = scene.anchored_count()
    as_admin(scene, admin, selector("set_auditor(address,uint256)") + words + f"{1 << auditor.region_index:064x}")
    again = scene.installation.close_months(household, str(FIRST_MONTH))
    assert again.id == row.id
    finish(scene)
    assert (scene.state(row), scene.anchored_count() - before) == (OutboxState.FINAL, 1)


def test_contract_that_is_paused(scene: Remote) -> None:
    """New statements wait while the contract is paused, and say why; revocations go on. After it, all are signed afresh."""
    admin = hand_over(scene)
    bakery = scene.installation.business()
    first = scene.queued(bakery)
    finish(scene)
    as_admin(scene, admin, selector("pause()"))
    second = scene.queued(bakery, 1)
    sent = revoke_statement(scene.installation.services, scene.desk, first, REASON)
    send(scene)
    assert (scene.state(second), scene.outbox(second).nonce) == (OutboxState.QUEUED, None)
    assert "paused" in scene.outbox(second).error
    assert transaction(scene, sent).state is OutboxState.MINED
    as_admin(scene, admin, selector("unpause()"))
    finish(scene)
    assert status(scene, (first, second)) == [3, 1]


def test_receiver_that_refuses_units(scene: Remote) -> None:
    """A contract that takes no units is refused by name, before anything is signed."""
    with pytest.raises(ChainError, match="The contract refuses"):
        issue_units(scene.installation, scene.desk, IssuanceKind.REC, holder=scene.contract)
    assert scene.anchored_count() == 0
