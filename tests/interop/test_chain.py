"""The chain client on anvil: nonces, fees, finality, reorganisations, and a proxy in front of it that lies."""

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import make_url, text

from app.assemble import open_desk
from app.jobs.worker import Worker
from app.store import ledger
from app.store.ledger import OutboxState
from app.store.session import engine_of, reading
from app.store.statements import StatementRow, StatementState
from app.usecases.send_outbox import FINALITY_LATER, LATER, LEASE_S, LOOKS_COUNT, pending_count, send_outbox
from app.usecases.sign_batch import DEADLINE_S
from domain.errors import ChainError, InputError
from domain.issuance import ZERO_ADDRESS
from ledger.issuance import keccak
from ledger.rpc import http_post
from ledger.transactions import decode_signed
from tests.anvil import Anvil, anvil_binary, running_anvil
from tests.app.usecases.remote_chain import Remote, deployed, on_chain, opened, payer_of, remote
from tests.ledger.lying_node import Fault, LyingNode, html, lying_node, saying, silence, with_field
from tests.postgres import postgres_url

__all__ = ["anvil_binary", "postgres_url"]

pytestmark = pytest.mark.interop

REPLACE_AFTER_S = 120.0


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


@pytest.fixture
def queued(scene: Remote) -> StatementRow:
    """A household's statement, signed and in the outbox."""
    return scene.queued(scene.installation.household())


def send(scene: Remote, *, after: timedelta = FINALITY_LATER) -> None:
    """Let time pass, then send what is due."""
    scene.installation.clock.advance(after.total_seconds())
    send_outbox(scene.installation.services, scene.desk)


def finish(scene: Remote, *rows: StatementRow) -> None:
    """Make blocks until everything is final."""
    for _ in range(60):
        scene.anvil.mine(3)
        send(scene, after=timedelta(seconds=30))
        if {scene.state(row) for row in rows} == {OutboxState.FINAL}:
            return
    raise AssertionError([scene.outbox(row) for row in rows])


def by_hand(scene: Remote) -> None:
    """From now on blocks come when the test asks."""
    scene.anvil.ask("evm_setAutomine", False)  # noqa: FBT003 - JSON


# ---- the whole way ----


def test_mined_is_not_final(scene: Remote, queued: StatementRow) -> None:
    """A block counts as final when the node's tag has reached it, not before; then the statement is issued."""
    send(scene)
    assert (scene.state(queued), scene.anchored_count()) == (OutboxState.MINED, 1)
    assert scene.installation.statement(queued).state is StatementState.QUEUED
    scene.anvil.mine(1)
    send(scene)
    assert scene.state(queued) is OutboxState.MINED
    scene.anvil.mine(1)
    send(scene)
    assert scene.state(queued) is OutboxState.FINAL
    assert scene.installation.statement(queued).state is StatementState.ISSUED
    assert scene.anchored_count() == 1


def test_business_gets_its_token(scene: Remote) -> None:
    """A token is issued on a chain elsewhere as on the embedded one, and the chain says when it is final."""
    row = scene.queued(scene.installation.business())
    send(scene)
    with scene.installation.looking() as work:
        issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
    assert issuance is not None
    root, token = bytes.fromhex(issuance.batch_root_hex), int(issuance.token_id_hex, 16)
    assert (scene.desk.standing(root, token).token_root, scene.desk.standing(root, token).is_final) == (root, False)
    finish(scene, row)
    assert scene.desk.standing(root, token).is_final


def test_confirmations_instead_of_the_tag(anvil: Anvil, tmp_path: Path) -> None:
    """Where the settings count blocks, that many on top make final."""
    scene = remote(tmp_path / "data", anvil, chain_confirmations_count=5)
    row = scene.queued(scene.installation.household())
    send(scene)
    anvil.mine(4)
    send(scene)
    assert scene.state(row) is OutboxState.MINED
    anvil.mine(1)
    send(scene)
    assert scene.state(row) is OutboxState.FINAL
    scene.close()


def test_expired_signatures_are_made_again(scene: Remote, queued: StatementRow) -> None:
    """A batch whose deadline passed on the chain is endorsed again by the worker, and anchored once."""
    scene.anvil.ask("evm_increaseTime", hex(DEADLINE_S + 60))
    scene.anvil.mine()
    send(scene)
    assert (scene.state(queued), scene.anchored_count()) == (OutboxState.EXPIRED, 0)
    assert "deadline has passed" in scene.outbox(queued).error
    scene.installation.clock.advance(DEADLINE_S + 60)
    Worker(scene.installation.services, scene.desk).tick()
    finish(scene, queued)
    assert scene.anchored_count() == 1


def test_deadline_that_passes_in_the_pool(scene: Remote, queued: StatementRow) -> None:
    """A transaction that waited too long reverts in its block; its batch is endorsed again and anchored once."""
    by_hand(scene)
    send(scene)
    scene.anvil.ask("evm_increaseTime", hex(DEADLINE_S + 60))
    scene.anvil.mine()
    send(scene)
    assert scene.state(queued) is OutboxState.EXPIRED
    scene.installation.clock.advance(DEADLINE_S + 60)
    Worker(scene.installation.services, scene.desk).tick()
    finish(scene, queued)
    assert (scene.anchored_count(), len(json.loads(scene.outbox(queued).tx_hashes_json))) == (2, 2)


def stuck_until_it_expires(scene: Remote, row: StatementRow) -> str:
    """Have a transaction wait in the pool, the chain being too dear for it, until its deadline has passed; its hash."""
    first = stuck(scene, row)
    scene.anvil.ask("evm_increaseTime", hex(DEADLINE_S + 60))
    scene.anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(decode_signed(scene.outbox(row).raw or b"").max_fee_wei * 2))
    scene.anvil.mine()
    assert scene.desk.receipt(bytes.fromhex(first)) is None
    return first


def test_what_expired_in_the_pool_gives_its_nonce_up(scene: Remote, queued: StatementRow) -> None:
    """A waiting transaction that can only revert is replaced under its nonce by one that does nothing; then endorsed again."""
    first = stuck_until_it_expires(scene, queued)
    former = decode_signed(scene.outbox(queued).raw or b"")
    send(scene, after=timedelta(seconds=REPLACE_AFTER_S))
    nothing = decode_signed(scene.outbox(queued).raw or b"")
    assert (nothing.nonce, nothing.to, nothing.value_wei, nothing.data) == (former.nonce, scene.desk.signer_address, 0, b"")
    assert nothing.gas == 21_000
    assert nothing.max_fee_wei * 1000 >= former.max_fee_wei * 1125
    assert nothing.tip_wei * 1000 >= former.tip_wei * 1125
    assert json.loads(scene.outbox(queued).tx_hashes_json) == [first]
    assert int(scene.anvil.ask("txpool_status")["pending"], 16) == 1
    scene.anvil.mine()
    send(scene)
    assert scene.state(queued) is OutboxState.EXPIRED
    assert scene.desk.receipt(bytes.fromhex(first)) is None
    scene.installation.clock.advance(DEADLINE_S + 60)
    Worker(scene.installation.services, scene.desk).tick()
    finish(scene, queued)
    assert scene.anchored_count() == 2  # the one that did nothing, and the anchor: no revert was paid for
    assert len(json.loads(scene.outbox(queued).tx_hashes_json)) == 2


def test_what_gives_up_is_offered_for_more_too(scene: Remote, queued: StatementRow) -> None:
    """Where even the transaction that does nothing waits too long, it is replaced by a dearer one that does nothing."""
    stuck_until_it_expires(scene, queued)
    offers = []
    for _ in range(3):
        send(scene, after=timedelta(seconds=REPLACE_AFTER_S))
        now = decode_signed(scene.outbox(queued).raw or b"")
        assert now.data == b""
        offers.append(now.max_fee_wei)
        scene.anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(now.max_fee_wei * 2))
        scene.anvil.mine()
    assert offers == sorted(set(offers))


def test_nonce_is_not_given_up_above_the_ceiling(anvil: Anvil, tmp_path: Path) -> None:
    """Above the ceiling nothing is offered; what waits reverts when the chain is cheap again, and is endorsed anew."""
    scene = remote(tmp_path / "data", anvil, chain_fee_ceiling_gwei=5)
    row = scene.queued(scene.installation.household())
    by_hand(scene)
    send(scene)
    before = scene.outbox(row).raw
    anvil.ask("evm_increaseTime", hex(DEADLINE_S + 60))
    anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(6 * 10**9))
    anvil.mine()
    send(scene, after=timedelta(seconds=REPLACE_AFTER_S))
    assert (scene.outbox(row).raw, scene.state(row)) == (before, OutboxState.SENT)
    scene.installation.clock.advance(DEADLINE_S + 60)
    for _ in range(20):
        anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(10**9))
        anvil.mine(1)
        scene.installation.clock.advance(30)
        Worker(scene.installation.services, scene.desk).tick()
    finish(scene, row)
    scene.close()


def test_epoch_that_ends_while_it_waits(scene: Remote) -> None:
    """A waiting transaction of a former epoch can only revert: it gives its nonce up, and is signed for the new epoch."""
    admin = hand_over(scene)
    row = scene.queued(scene.installation.household())
    first = stuck(scene, row)
    former = decode_signed(scene.outbox(row).raw or b"")
    said = {"from": admin, "to": scene.contract, "data": selector("start_epoch()"), "maxFeePerGas": hex(10**12)}
    scene.anvil.ask("eth_sendTransaction", {**said, "gas": hex(10**6)})
    scene.anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(former.max_fee_wei * 2))
    scene.anvil.mine()
    assert scene.desk.epoch() > 1
    send(scene, after=timedelta(seconds=REPLACE_AFTER_S))
    nothing = decode_signed(scene.outbox(row).raw or b"")
    assert (nothing.data, nothing.nonce) == (b"", former.nonce)
    scene.anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    scene.anvil.mine()
    send(scene)
    assert scene.state(row) is OutboxState.EXPIRED
    Worker(scene.installation.services, scene.desk).tick()
    finish(scene, row)
    assert scene.desk.receipt(bytes.fromhex(first)) is None


def selector(signature: str) -> str:
    """First bytes of a call."""
    return "0x" + keccak(signature.encode())[:4].hex()


def hand_over(scene: Remote) -> str:
    """Have an account of anvil's own become the contract's admin, in place of the one that pays; its address."""
    (rich,) = scene.anvil.ask("eth_accounts")
    payer = scene.desk.signer_address
    scene.anvil.ask("anvil_impersonateAccount", payer)
    offer = selector("offer_admin(address)") + rich[2:].rjust(64, "0")
    for sender, data in ((payer, offer), (rich, selector("accept_admin()"))):
        scene.anvil.ask("eth_sendTransaction", {"from": sender, "to": scene.contract, "data": data, "gas": hex(10**6)})
    scene.anvil.ask("anvil_stopImpersonatingAccount", payer)
    return str(rich)


# ---- nonces ----


def test_several_wait_in_the_pool(scene: Remote) -> None:
    """Transactions that are not mined yet hold their nonces: the next ones get the following."""
    by_hand(scene)
    household = scene.installation.household()
    rows = [scene.queued(household, number) for number in range(5)]
    send(scene)
    assert sorted(scene.outbox(row).nonce or 0 for row in rows) == [1, 2, 3, 4, 5]
    assert {scene.state(row) for row in rows} == {OutboxState.SENT}
    assert int(scene.anvil.ask("txpool_status")["pending"], 16) == 5
    finish(scene, *rows)
    assert scene.anchored_count() == 5


def test_pool_that_forgets(scene: Remote) -> None:
    """A node that loses its pool gets the same bytes again, in the order of their nonces, and mines each once."""
    by_hand(scene)
    household = scene.installation.household()
    rows = [scene.queued(household, number) for number in range(3)]
    send(scene)
    before = {scene.outbox(row).tx_hashes_json for row in rows}
    scene.anvil.ask("anvil_dropAllTransactions")
    for _ in range(LOOKS_COUNT + 1):
        send(scene, after=LATER)
    finish(scene, *rows)
    assert {scene.outbox(row).tx_hashes_json for row in rows} == before
    assert scene.anchored_count() == 3


WORKER = """
import sys
from pathlib import Path
from pydantic import SecretStr
from app.assemble import open_desk, open_services
from app.clock import SystemClock, SystemRandomness
from app.settings import Settings
from app.usecases.send_outbox import send_outbox
folder, url, contract, database_url = Path(sys.argv[1]), *sys.argv[2:5]
settings = Settings(data_folder=folder, chain_url=SecretStr(url), chain_id=31337, chain_contract=contract,
                    database_url=SecretStr(database_url))
services = open_services(settings, clock=SystemClock(), randomness=SystemRandomness())
desk = open_desk(services)
print("ready", flush=True)
sys.stdin.readline()
looked = 0
while True:
    looked_now = send_outbox(services, desk, limit_count=3)
    looked += looked_now
    if not looked_now:
        break
print(looked, flush=True)
"""


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_workers_on_one_account_never_collide(
    anvil_binary: Path, tmp_path: Path, kind: str, request: pytest.FixtureRequest, repository: Path
) -> None:
    """Four processes send twenty-four batches from one account at once: each nonce once, no gap, every root once."""
    database_url = ""
    if kind == "postgresql":
        admin = engine_of(request.getfixturevalue("postgres_url"))
        with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("CREATE DATABASE workers"))
        admin.dispose()
        server = make_url(request.getfixturevalue("postgres_url"))
        database_url = server.set(database="workers").render_as_string(hide_password=False)
    with running_anvil(anvil_binary, "--block-time", "1") as anvil:
        scene = remote(tmp_path / "data", anvil, database_url=SecretStr(database_url))
        household = scene.installation.household()
        rows = [scene.queued(household, number) for number in range(24)]
        command = [sys.executable, "-c", WORKER, str(tmp_path / "data"), anvil.url, scene.contract, database_url]
        workers = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repository) for _ in range(4)
        ]
        for worker in workers:
            assert worker.stdout is not None
            assert worker.stdout.readline() == "ready\n"
        for worker in workers:
            assert worker.stdin is not None
            worker.stdin.write("go\n")
            worker.stdin.flush()
        looked = [int(worker.communicate(timeout=120)[0].splitlines()[-1]) for worker in workers]
        assert [worker.returncode for worker in workers] == [0] * 4
        assert sum(one > 0 for one in looked) > 1, looked
        assert sorted(scene.outbox(row).nonce or 0 for row in rows) == list(range(1, 25))
        assert all(len(json.loads(scene.outbox(row).tx_hashes_json)) == 1 for row in rows)
        finish(scene, *rows)
        assert scene.anchored_count() == 24
        scene.close()


# ---- fees ----


def stuck(scene: Remote, row: StatementRow) -> str:
    """Have the batch's transaction wait in the pool, since the chain became dearer; its hash."""
    by_hand(scene)
    send(scene)
    (first,) = json.loads(scene.outbox(row).tx_hashes_json)
    offered = decode_signed(scene.outbox(row).raw or b"").max_fee_wei
    scene.anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(offered * 2))
    scene.anvil.mine()
    assert scene.desk.receipt(bytes.fromhex(first)) is None
    return str(first)


def test_waiting_transaction_is_offered_for_more(scene: Remote, queued: StatementRow) -> None:
    """A transaction that the chain became too dear for takes a higher offer under its own nonce, and is mined once."""
    first = stuck(scene, queued)
    send(scene)
    assert json.loads(scene.outbox(queued).tx_hashes_json) == [first]
    former = decode_signed(scene.outbox(queued).raw or b"")
    send(scene, after=timedelta(seconds=REPLACE_AFTER_S))
    now = decode_signed(scene.outbox(queued).raw or b"")
    assert now.nonce == former.nonce == 1
    assert now.max_fee_wei * 1000 >= former.max_fee_wei * 1125
    assert now.tip_wei * 1000 >= former.tip_wei * 1125
    assert len(json.loads(scene.outbox(queued).tx_hashes_json)) == 2
    assert int(scene.anvil.ask("txpool_status")["pending"], 16) == 1
    finish(scene, queued)
    assert scene.anchored_count() == 1


def test_first_offer_is_mined_after_all(scene: Remote, queued: StatementRow) -> None:
    """The former bytes are mined after a higher offer was stored and before it was sent: every hash is looked for."""
    by_hand(scene)
    send(scene)
    (first,) = json.loads(scene.outbox(queued).tx_hashes_json)
    real = scene.desk.broadcast

    def too_late(raw: bytes) -> bytes:
        scene.anvil.mine()
        return real(raw)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scene.desk, "broadcast", too_late)
        send(scene, after=timedelta(seconds=REPLACE_AFTER_S))
    found = scene.outbox(queued)
    assert (found.state, len(json.loads(found.tx_hashes_json))) == (OutboxState.MINED, 2)
    assert scene.desk.receipt(bytes.fromhex(first)) is not None
    finish(scene, queued)
    assert scene.anchored_count() == 1


def test_offers_end_at_the_ceiling(anvil: Anvil, tmp_path: Path) -> None:
    """Above the ceiling nothing is offered: the transaction waits, and goes through when the chain is cheap again."""
    scene = remote(tmp_path / "data", anvil, chain_fee_ceiling_gwei=5)
    row = scene.queued(scene.installation.household())
    first = stuck(scene, row)
    for _ in range(6):
        anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(4 * 10**9))
        anvil.mine()
        send(scene, after=timedelta(seconds=REPLACE_AFTER_S))
    found = scene.outbox(row)
    assert decode_signed(found.raw or b"").max_fee_wei <= 5 * 10**9
    assert found.nonce == 1
    assert first in json.loads(found.tx_hashes_json)
    anvil.ask("anvil_setNextBlockBaseFeePerGas", hex(10**9))
    finish(scene, row)
    assert scene.anchored_count() == 1
    scene.close()


def test_chain_above_the_ceiling_is_waited_for(anvil: Anvil, tmp_path: Path) -> None:
    """Nothing is signed while even the present fee is above the ceiling; the row says why."""
    scene = remote(tmp_path / "data", anvil, chain_fee_ceiling_gwei=1)
    row = scene.queued(scene.installation.household())
    send(scene)
    assert (scene.state(row), scene.outbox(row).nonce) == (OutboxState.QUEUED, None)
    assert "The chain's fee is above the ceiling" in scene.outbox(row).error
    scene.close()


def test_empty_account_is_waited_for(scene: Remote, queued: StatementRow) -> None:
    """An account without funds sends nothing, says so, and goes on with the same bytes when it is filled."""
    scene.anvil.fund(scene.desk.signer_address, 0)
    send(scene)
    found = scene.outbox(queued)
    assert "nsufficient" in found.error, found.error
    assert scene.anchored_count() == 0
    scene.anvil.fund(scene.desk.signer_address)
    finish(scene, queued)
    assert scene.anchored_count() == 1


# ---- reorganisations ----


@pytest.mark.parametrize("depth", [1, 2])
def test_reorganisation_sends_back(scene: Remote, queued: StatementRow, depth: int) -> None:
    """Blocks that another branch replaced take the transaction with them; the same bytes go in again, once."""
    send(scene)
    assert scene.state(queued) is OutboxState.MINED
    scene.anvil.mine(depth - 1) if depth > 1 else None
    before = scene.outbox(queued)
    scene.anvil.ask("anvil_reorg", depth, [])
    assert scene.anchored_count() == 0
    send(scene)
    found = scene.outbox(queued)
    assert (found.state, found.block_hash_hex, found.raw) == (OutboxState.SENT, None, before.raw)
    for _ in range(LOOKS_COUNT + 1):
        send(scene, after=LATER)
    finish(scene, queued)
    assert (scene.anchored_count(), scene.outbox(queued).tx_hashes_json) == (1, before.tx_hashes_json)


def test_deep_reorganisation_of_many(scene: Remote) -> None:
    """Five batches in five blocks that all go: each comes back, none twice."""
    household = scene.installation.household()
    rows = []
    for number in range(5):
        rows.append(scene.queued(household, number))
        send(scene, after=timedelta())
    mined = [scene.state(row) for row in rows]
    assert OutboxState.MINED in mined
    scene.anvil.ask("anvil_reorg", 3, [])
    for _ in range(3 * LOOKS_COUNT):
        send(scene, after=LATER)
    finish(scene, *rows)
    assert scene.anchored_count() == 5


# ---- guards at the start ----


def test_other_chain_id_is_refused(scene: Remote, tmp_path: Path) -> None:
    """A node of another chain than the settings say is refused before anything is asked of the contract."""
    other = opened(tmp_path / "data", **{**on_chain(scene.anvil, contract=scene.contract), "chain_id": 1})
    with pytest.raises(ChainError, match="This is another chain; expected chain id 1; got 31337"):
        open_desk(other.services)
    other.close()


@pytest.mark.parametrize("contract", [ZERO_ADDRESS, "0x4e59b44847b379578588920cA78FbF26c0B4956C"])
def test_other_contract_is_refused(scene: Remote, tmp_path: Path, contract: str) -> None:
    """An address whose code is not ours, empty or another contract's, is refused by the hash of its code."""
    other = opened(tmp_path / "data", **on_chain(scene.anvil, contract=contract))
    with pytest.raises(ChainError, match="This is not our contract; expected code with Keccak-256"):
        open_desk(other.services)
    other.close()


@pytest.mark.parametrize("missing", ["chain_id", "chain_contract"])
def test_address_alone_is_refused(scene: Remote, tmp_path: Path, missing: str) -> None:
    """A chain's address without its id, or without the contract, says which setting is missing."""
    fields = on_chain(scene.anvil, contract=scene.contract)
    del fields[missing]
    other = opened(tmp_path / "data", **fields)
    with pytest.raises(InputError, match=f"in CF_{missing.upper()}"):
        open_desk(other.services)
    other.close()


def test_chain_that_began_anew_is_refused(anvil_binary: Path, tmp_path: Path) -> None:
    """A chain with the same id and the same contract that begins with another block is another chain."""
    with running_anvil(anvil_binary, "--timestamp", "1700000000") as first:
        scene = remote(tmp_path / "data", first)
        scene.close()
    with running_anvil(anvil_binary, "--timestamp", "1700000001") as second:
        contract = deployed(tmp_path / "data", second)
        assert contract == scene.contract
        other = opened(tmp_path / "data", **on_chain(second, contract=contract))
        with pytest.raises(ChainError, match=r"This is another chain with the same id; expected first block [0-9a-f]{64}"):
            open_desk(other.services)
        other.close()


# ---- a node that lies, lags or vanishes ----


@pytest.fixture
def liar(anvil: Anvil) -> Iterator[LyingNode]:
    """A proxy in front of anvil, honest until told otherwise."""
    with lying_node(http_post(anvil.url, 10)) as node:
        yield node


@pytest.fixture
def lied_to(anvil: Anvil, liar: LyingNode, tmp_path: Path) -> Iterator[Remote]:
    """An installation that knows the chain by the proxy alone."""
    made = remote(tmp_path / "data", anvil, url=f"{liar.url}/v3/secret-key", chain_timeout_s=0.5)
    yield made
    made.close()


ANYTHING = [
    ("", html, "got an HTML page"),
    ("", lambda _: b"", "something else"),
    ("", silence(1.5), "The chain does not answer; expected an answer in time"),
    ("", lambda answer: {"id": answer["id"], "error": {"code": -32005, "message": "rate limited"}}, "got rate limited"),
    ("eth_chainId", saying("0x1"), "This is another chain; expected chain id 31337; got 1"),
    ("eth_getTransactionReceipt", with_field("blockHash", "0x" + "ab" * 32), "expected a receipt of a block that the node has"),
    ("eth_getTransactionReceipt", with_field("transactionHash", "0x" + "ab" * 32), "got the receipt of 0xabab"),
    ("eth_getTransactionReceipt", html, "got an HTML page; in eth_getTransactionReceipt"),
    ("eth_getBlockByHash", with_field("transactions", []), "without it"),
    ("eth_getBlockByHash", saying(None), "expected a receipt of a block that the node has"),
    ("eth_getTransactionCount", saying("latest"), "expected a quantity"),
    ("eth_estimateGas", saying(hex(2**24)), "This transaction is too large"),
    ("eth_estimateGas", saying("0x"), "expected a quantity"),
    ("eth_sendRawTransaction", html, ""),
    ("eth_sendRawTransaction", saying("0x" + "ab" * 32), ""),
    ("eth_getBlockByNumber", with_field("number", "0x0"), "The node's head went backwards"),
    ("eth_getBlockByNumber", with_field("hash", "0x" + "ab" * 32), ""),
    ("eth_getBlockByNumber", with_field("baseFeePerGas", None), "expected a quantity"),
    ("eth_call", saying("0x"), "The node's answer cannot be used"),
]


@pytest.mark.parametrize(("method", "fault", "said"), ANYTHING, ids=[f"{one[0] or 'all'}-{n}" for n, one in enumerate(ANYTHING)])
def test_whatever_a_node_says_nothing_is_lost(lied_to: Remote, liar: LyingNode, method: str, fault: Fault, said: str) -> None:
    """A node that says this for a while is waited for and named; afterwards each batch is on the chain once, and final."""
    household = lied_to.installation.household()
    rows = [lied_to.queued(household, 0)]
    send(lied_to)
    rows.append(lied_to.queued(household, 1))
    liar.faults[method] = fault
    errors = set()
    for _ in range(4):
        send(lied_to, after=timedelta(seconds=40))
        errors |= {lied_to.outbox(row).error for row in rows}
    assert any(said in error for error in errors), errors
    assert {lied_to.state(row) for row in rows} <= {OutboxState.QUEUED, OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED}
    assert not any("secret-key" in error or liar.url in error for error in errors)
    liar.faults.clear()
    lied_to.installation.clock.advance(600)
    finish(lied_to, *rows)
    assert lied_to.anchored_count() == 2


def test_node_that_vanishes(lied_to: Remote, liar: LyingNode) -> None:
    """A node that is gone is asked again at growing intervals; the statement waits, with the reason."""
    row = lied_to.queued(lied_to.installation.household())
    liar.vanish()
    waits: list[float] = []
    for _ in range(3):
        send(lied_to, after=timedelta(seconds=waits[-1] if waits else 0))
        waits.append((lied_to.outbox(row).next_at - lied_to.installation.clock.now()).total_seconds())
    assert waits == [4, 8, 16]
    assert lied_to.outbox(row).error.startswith("The chain does not answer")
    assert pending_count(lied_to.installation.services, lied_to.desk) == 1


def test_redirect_is_not_followed(lied_to: Remote, liar: LyingNode, anvil: Anvil) -> None:
    """A node that sends its callers to another address is not followed, not even to an honest one."""
    row = lied_to.queued(lied_to.installation.household())
    liar.status, liar.location = 307, anvil.url
    liar.faults[""] = lambda _: b""
    send(lied_to)
    assert "got HTTP status 307" in lied_to.outbox(row).error


def test_lagging_receipts_do_not_sign_twice(lied_to: Remote, liar: LyingNode) -> None:
    """A node whose receipts come later than its nonces is waited for: no second transaction is signed."""
    row = lied_to.queued(lied_to.installation.household())
    liar.faults["eth_getTransactionReceipt"] = saying(None)
    for _ in range(3):
        send(lied_to, after=LATER)
    assert (lied_to.state(row), len(json.loads(lied_to.outbox(row).tx_hashes_json))) == (OutboxState.SENT, 1)
    liar.faults.clear()
    finish(lied_to, row)
    assert lied_to.anchored_count() == 1


def test_receipts_that_never_come(lied_to: Remote, liar: LyingNode) -> None:
    """Where the node hides the receipt for good, the contract itself says that the root is there: success, sent once."""
    row = lied_to.queued(lied_to.installation.household())
    liar.faults["eth_getTransactionReceipt"] = saying(None)
    finish(lied_to, row)
    assert (lied_to.anchored_count(), len(json.loads(lied_to.outbox(row).tx_hashes_json))) == (1, 1)


# ---- what is told ----


def test_key_and_address_are_never_told(
    lied_to: Remote, liar: LyingNode, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    """Neither the payer's key nor the node's address, where a provider's key stands, reaches log, output or database."""
    caplog.set_level("DEBUG")
    row = lied_to.queued(lied_to.installation.household())
    for fault in (html, silence(1), saying("0x1")):
        liar.faults[""] = fault
        send(lied_to, after=timedelta(seconds=LEASE_S))
    liar.faults.clear()
    finish(lied_to, row)
    settings = lied_to.installation.services.settings
    secret = payer_of(lied_to.installation)._secret  # noqa: SLF001 - what must not be seen
    with reading(lied_to.installation.services.engine) as session:
        stored = str(session.execute(text("SELECT * FROM outbox")).all())
    output = capfd.readouterr()
    shown = f"{caplog.text}{output.out}{output.err}{stored}{settings!r}{lied_to.desk!r}".lower()
    assert secret.hex() not in shown
    assert repr(secret).lower() not in shown
    assert "secret-key" not in shown
