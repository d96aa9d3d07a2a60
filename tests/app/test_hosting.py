"""The start of a serving process on a chain elsewhere: a node that is away is waited for, one that is wrong is refused."""

import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app import hosting as subject
from app.assemble import open_services
from app.clock import SeededRandomness, SystemClock
from app.hosting import FAILED, RUNNING, Hosting
from app.jobs.worker import Worker
from app.settings import Settings
from ledger.chain import ChainClient
from ledger.embedded import EmbeddedChain
from ledger.loopback import LoopbackRpc
from tests.app.usecases.installation import Installation
from tests.app.usecases.remote_chain import payer_of

CHAIN_ID = 4_242
Make = Callable[..., Hosting]


@pytest.fixture
def port() -> int:
    """A port of loopback that nobody listens on yet."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.fixture
def chain(tmp_path: Path) -> Iterator[EmbeddedChain]:
    """A chain of somebody else with the contract of the installation in `data`."""
    made = Installation.open(tmp_path / "data")
    payer, auditor = payer_of(made), made.services.auditor
    with EmbeddedChain(tmp_path / "private", funded=(payer.address,), clock=time.time, chain_id=CHAIN_ID) as opened:
        ChainClient(opened).deploy(payer, auditors={auditor.key.address: 1 << auditor.region_index}, quorum=1)
        yield opened
    made.close()


@pytest.fixture
def hosting(tmp_path: Path, chain: EmbeddedChain, port: int, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Makes a serving process on that chain."""
    monkeypatch.setattr(subject, "FIRST_WAIT_S", 0.05)
    contract = (chain.request("eth_getTransactionReceipt", [first_transaction(chain)]) or {})["contractAddress"]

    def make(chain_id: int = CHAIN_ID) -> Hosting:
        settings = Settings(
            data_folder=tmp_path / "data",
            chain_url=SecretStr(f"http://127.0.0.1:{port}/secret"),
            chain_id=chain_id,
            chain_contract=contract,
        )
        services = open_services(settings, clock=SystemClock(), randomness=SeededRandomness("hosting"))
        return Hosting(services, Worker)

    return make


def first_transaction(chain: EmbeddedChain) -> str:
    """Hash of the deployment."""
    return str(chain.request("eth_getBlockByNumber", ["0x1", False])["transactions"][0])


def test_node_that_is_away_is_waited_for(hosting: Make, chain: EmbeddedChain, port: int) -> None:
    """The start says what it waits for, and goes on by itself when the node is there."""
    made = hosting()
    made.start()
    end_s = time.monotonic() + 10
    while "does not answer" not in made.task("chain").detail:
        assert time.monotonic() < end_s
        time.sleep(0.01)
    assert (made.task("chain").state, made.ready.is_set()) == (RUNNING, False)
    rpc = LoopbackRpc(chain, secret="secret", port=port)
    assert made.ready.wait(10)
    made.stop()
    rpc.close()


def test_waiting_ends_with_the_program(hosting: Make) -> None:
    """A program that is stopped while it waits for its node stops at once."""
    made = hosting()
    made.start()
    began_s = time.monotonic()
    made.stop()
    assert time.monotonic() - began_s < 5
    assert made.chain is None


def test_other_chain_is_not_waited_for(hosting: Make, chain: EmbeddedChain, port: int) -> None:
    """A chain with another id is refused at once, and said so."""
    rpc = LoopbackRpc(chain, secret="secret", port=port)
    made = hosting(1)
    made.start()
    end_s = time.monotonic() + 10
    while made.task("chain").state != FAILED:
        assert time.monotonic() < end_s
        time.sleep(0.01)
    assert "This is another chain; expected chain id 1; got 4242" in made.task("chain").detail
    made.stop()
    rpc.close()
