"""kill -9 in the middle of issuing: whole blocks only, nothing twice, nothing that was answered lost."""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.issuance import Envelope, Issuance, IssuanceKind
from ledger.chain import ChainClient
from ledger.embedded import EmbeddedChain
from ledger.issuance import keccak, leaf_of, token_id
from ledger.signing import AuditorKey, RelayerKey, sign_envelope

REPOSITORY = Path(__file__).resolve().parents[2]

# The child issues one statement after another, beginning at the first whose token is missing, as an outbox would: it writes
# the signed bytes beside the chain before it sends them, and prints a line once the chain has answered.
CHILD = """
import sys, time
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_crash import AUDITORS, RELAYER, statement, signed_envelope
from ledger.chain import ChainClient
from ledger.embedded import EmbeddedChain

folder, first = Path(sys.argv[1]), int(sys.argv[2])
with EmbeddedChain(folder / "chain", funded=(RELAYER.address,), clock=time.time) as chain:
    client = ChainClient(chain)
    client.deploy(RELAYER, auditors={key.address: 1 for key in AUDITORS}, quorum=2)
    print("ready", flush=True)
    for number in range(first, first + 10_000):
        issuance = statement(number)
        envelope, signatures = signed_envelope(client, issuance)
        transaction = client.prepare_issue(RELAYER, issuance, envelope, signatures)
        (folder / f"{number}.new").write_bytes(transaction.raw)
        (folder / f"{number}.new").rename(folder / f"{number}.raw")
        client.broadcast(transaction.raw)
        print(number, flush=True)
"""

RELAYER = RelayerKey.from_bytes(bytes([1]) * 32)
AUDITORS = tuple(AuditorKey.from_bytes(bytes([number]) * 32) for number in (2, 3))


def statement(number: int) -> Issuance:
    """The statement with this number."""
    return Issuance(
        holder="0x" + "ab" * 20,
        kind=IssuanceKind.AUDITED_EMISSIONS,
        region=0,
        from_month_ym=202403,
        to_month_ym=202404,
        revision=1,
        subject=keccak(b"subject %d" % number),
        inputs_root=keccak(b"inputs"),
        manifest_hash=keccak(b"manifest"),
        method_hash=keccak(b"method"),
        gross_location_g_co2e=number,
        gross_market_g_co2e=number,
        retired_g_co2e=0,
        net_g_co2e=number,
    )


def signed_envelope(client: ChainClient, issuance: Issuance) -> tuple[Envelope, list[bytes]]:
    """The statement's envelope with both signatures."""
    envelope = Envelope(
        root=leaf_of(issuance),
        count=1,
        region=0,
        method_hash=issuance.method_hash,
        deadline_s=int(time.time()) + 3600,
        epoch=client.epoch(),
    )
    return envelope, [sign_envelope(key, envelope, chain_id=client.chain_id, contract=client.contract) for key in AUDITORS]


def killed_run(folder: Path, first: int, *, after_s: float) -> list[int]:
    """Numbers that a child had answered for when it was killed, so many seconds after it began to issue."""
    command = [sys.executable, "-c", CHILD, str(folder), str(first), str(Path(__file__).parent)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(after_s)
        child.send_signal(signal.SIGKILL)
        lines = child.stdout.read().split("\n")[:-1]  # the last piece is empty, or a line that was cut
    assert child.returncode == -signal.SIGKILL
    return [int(line) for line in lines]


def check_chain(folder: Path, answered: int) -> int:
    """Number of statements on the chain, after every promise was held against it.

    Stored bytes that were not answered for are sent again, as an outbox does after a restart.
    """
    with EmbeddedChain(folder / "chain", funded=(), clock=time.time) as chain:
        client = ChainClient(chain)
        client.deploy(RELAYER, auditors={}, quorum=1)
        size = int(chain.request("eth_blockNumber", []), 16)
        assert size in (answered + 1, answered + 2)  # the deployment, each answer, and perhaps one unheard
        parent = chain.request("eth_getBlockByNumber", ["0x0", False])
        for number in range(1, size + 1):
            block = chain.request("eth_getBlockByNumber", [hex(number), False])
            assert block["parentHash"] == parent["hash"]
            assert len(block["transactions"]) == 1
            parent = block
        stored = len(list(folder.glob("*.raw")))
        for number in range(stored):
            receipt = client.receipt(client.broadcast((folder / f"{number}.raw").read_bytes()))
            assert receipt is not None
            assert receipt.is_success
            token = client.token(token_id(statement(number)))
            assert token is not None
            assert token.root == leaf_of(statement(number))
        assert client.token(token_id(statement(stored))) is None
        assert int(chain.request("eth_blockNumber", []), 16) == stored + 1
    integrity = sqlite3.connect(folder / "chain")
    assert integrity.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    integrity.close()
    return stored


def crash(folder: Path, *, kill_count: int, seed: int) -> int:
    """Statements on the chain after so many kills at random moments."""
    moments = random.Random(seed)  # noqa: S311 - repeatable moments, not secrets
    issued_count = 0
    for _ in range(kill_count):
        answered = killed_run(folder, issued_count, after_s=moments.uniform(0.0, 0.2))
        assert answered == list(range(issued_count, issued_count + len(answered)))
        issued_count = check_chain(folder, issued_count + len(answered))
    return issued_count


def test_kill_while_issuing(tmp_path: Path) -> None:
    """Three kills: the chain opens, continues, has every answered statement, and none twice."""
    assert crash(tmp_path, kill_count=3, seed=1) > 0


@pytest.mark.slow
def test_kill_while_issuing_often(tmp_path: Path) -> None:
    """The same with twenty-five kills."""
    assert crash(tmp_path, kill_count=25, seed=2) > 0
