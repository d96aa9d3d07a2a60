"""The embedded chain: one file that survives restarts, one owner, the JSON-RPC that clients need."""

import json
import subprocess
import sys
import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hexbytes import HexBytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import Web3
from web3.providers.base import BaseProvider
from web3.types import RPCEndpoint, RPCResponse

from domain.errors import ChainError
from ledger.chain import ChainClient
from ledger.embedded import FUNDS_WEI, LABEL, EmbeddedChain, derive_chain_id
from ledger.issuance import keccak, leaf_of, token_id
from ledger.rpc import RpcError
from ledger.signing import RelayerKey
from tests.ledger.local_chain import Local

REPOSITORY = Path(__file__).resolve().parents[2]


def opened(path: Path, relayer: RelayerKey, **options: Any) -> EmbeddedChain:  # noqa: ANN401 - any option
    """A chain in a file, at a fixed time."""
    return EmbeddedChain(path, **{"funded": (relayer.address,), "clock": lambda: 1_790_000_000.0, **options})


def head(chain: EmbeddedChain) -> dict[str, Any]:
    """The newest block."""
    return dict(chain.request("eth_getBlockByNumber", ["latest", False]))


def test_relayer_is_funded(tmp_path: Path, relayer: RelayerKey) -> None:
    """The first block gives the relayer its funds."""
    with opened(tmp_path / "chain", relayer) as chain:
        assert int(chain.request("eth_getBalance", [relayer.address, "latest"]), 16) == FUNDS_WEI


def test_restart_keeps_everything(local: Local) -> None:
    """After closing and opening again head, tokens, batches and receipts are what they were."""
    issuance = local.issuance()
    receipt = local.issue(issuance)
    local.anchor(keccak(b"root"))
    before = head(local.chain)
    local.chain.close()
    with opened(local.chain.path, local.relayer) as chain:
        client = ChainClient(chain, contract=local.client.contract, chain_id=local.chain.chain_id)
        assert head(chain) == before
        assert client.token(token_id(issuance)).root == leaf_of(issuance)  # type: ignore[union-attr]  # it is there
        assert client.batch_of(keccak(b"root")) is not None
        assert client.receipt(receipt.transaction_hash) == receipt


def test_restart_goes_on(local: Local) -> None:
    """A chain that was opened again takes the next transaction."""
    local.issue(local.issuance(1))
    local.chain.close()
    with opened(local.chain.path, local.relayer) as chain:
        local.chain = chain
        local.client = ChainClient(chain, contract=local.client.contract)
        assert local.issue(local.issuance(2)).is_success


def test_every_block_continues_its_parent(local: Local) -> None:
    """Numbers, parents and times of the blocks form a chain, although the clock stands still."""
    for number in range(3):
        local.issue(local.issuance(number))
    size = int(local.chain.request("eth_blockNumber", []), 16)
    blocks = [local.chain.request("eth_getBlockByNumber", [hex(number), False]) for number in range(size + 1)]
    for parent, block in pairwise(blocks):
        assert block["parentHash"] == parent["hash"]
        assert int(block["timestamp"], 16) > int(parent["timestamp"], 16)
    assert local.chain.request("eth_getBlockByHash", [blocks[1]["hash"], False]) == blocks[1]


def test_second_process_is_refused(tmp_path: Path, relayer: RelayerKey) -> None:
    """A second owner is refused and told who the first one is."""
    code = (
        "import sys, time; from pathlib import Path; from ledger.embedded import EmbeddedChain\n"
        "chain = EmbeddedChain(Path(sys.argv[1]), funded=(), clock=time.time)\n"
        "print('open', flush=True); sys.stdin.read()"
    )
    path = tmp_path / "chain"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=REPOSITORY, text=True
    ) as owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == "open\n"
        with pytest.raises(ChainError, match=rf"The embedded chain is in use; .*; got process {owner.pid} owns it"):
            opened(path, relayer)
        owner.kill()
    opened(path, relayer).close()


def test_closed_chain_can_be_opened_again(tmp_path: Path, relayer: RelayerKey) -> None:
    """Closing lets go of the lock, also after an opening that failed."""
    opened(tmp_path / "chain", relayer).close()
    with pytest.raises(ChainError):
        opened(tmp_path / "chain", relayer, chain_id=7)
    opened(tmp_path / "chain", relayer).close()


def test_closed_chain_answers_nothing(tmp_path: Path, relayer: RelayerKey) -> None:
    """A chain that was closed, once or twice, says so."""
    chain = opened(tmp_path / "chain", relayer)
    chain.close()
    chain.close()
    with pytest.raises(RpcError, match="the embedded chain is closed"):
        chain.request("eth_blockNumber", [])


def test_chain_id_is_kept(tmp_path: Path, relayer: RelayerKey) -> None:
    """The id that the chain began with stays, whoever opens it."""
    with opened(tmp_path / "chain", relayer, chain_id=4242) as chain:
        assert chain.request("eth_chainId", []) == hex(4242)
    with opened(tmp_path / "chain", relayer, funded=()) as chain:
        assert chain.chain_id == 4242


def test_other_chain_id_is_refused(tmp_path: Path, relayer: RelayerKey) -> None:
    """A file of another chain is not opened."""
    opened(tmp_path / "chain", relayer, chain_id=4242).close()
    with pytest.raises(ChainError, match=r"This is another embedded chain; .*'chain_id': 4243.*; got .*'chain_id': 4242"):
        opened(tmp_path / "chain", relayer, chain_id=4243)


def test_derived_chain_id(relayer: RelayerKey) -> None:
    """Without a setting the id follows from the funded accounts, above every registered id, below 2^53."""
    assert derive_chain_id((relayer.address,)) == derive_chain_id((relayer.address.lower(),))
    assert derive_chain_id((relayer.address,)) != derive_chain_id(())
    assert 2**40 <= derive_chain_id((relayer.address,)) < 2**41


def test_foreign_file_is_refused(tmp_path: Path, relayer: RelayerKey) -> None:
    """A file that is no database is refused by name, and left as it was."""
    path = tmp_path / "chain"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(ChainError, match="This file is not an embedded chain; expected an SQLite database"):
        opened(path, relayer)
    assert path.read_bytes() == b"not a database" * 100


def test_failed_block_leaves_nothing(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where mining breaks off half-way nothing of the block is kept, and the same bytes work afterwards."""
    issuance = local.issuance()
    envelope = local.envelope(leaf_of(issuance))
    signed = local.client.prepare_issue(local.relayer, issuance, envelope, local.sign(envelope))
    before = head(local.chain)
    evm = local.chain._evm  # noqa: SLF001 - the fault has to be put inside
    with monkeypatch.context() as patch:
        patch.setattr(type(evm._chain), "persist_block", lambda *_: 1 / 0)  # noqa: SLF001
        with pytest.raises(ZeroDivisionError):
            local.client.broadcast(signed.raw)
    assert head(local.chain) == before
    assert local.client.receipt(signed.hash) is None
    assert local.mined(signed.raw).is_success


def test_threads_take_turns(local: Local) -> None:
    """Reads from many threads while another one writes are all answered rightly."""
    wrong: list[object] = []

    def read() -> None:
        for _ in range(20):
            wrong.extend(["quorum"] if local.client.quorum() != 2 else [])

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    receipts = [local.issue(local.issuance(number)) for number in range(5)]
    for reader in readers:
        reader.join()
    assert wrong == []
    assert all(receipt.is_success for receipt in receipts)


@pytest.mark.parametrize(
    ("method", "params", "code", "message"),
    [
        ("eth_sign", [], -32601, "the method eth_sign is not offered"),
        ("eth_getBalance", [], -32602, "invalid parameters of eth_getBalance"),
        ("eth_getBalance", ["0xzz"], -32602, "invalid parameters of eth_getBalance"),
        ("eth_call", [{"to": "0x" + "00" * 20}, "0x63"], -32602, "answers calls on its newest block only"),
        ("eth_sendRawTransaction", ["0x1234"], -32000, "not a signed transaction"),
        ("eth_sendRawTransaction", ["0x"], -32000, "not a signed transaction"),
    ],
)
def test_bad_requests(  # noqa: PLR0917 - fixtures and one case
    tmp_path: Path, relayer: RelayerKey, method: str, params: list[Any], code: int, message: str
) -> None:
    """A request that cannot be served is answered with the code that JSON-RPC has for it."""
    with opened(tmp_path / "chain", relayer) as chain, pytest.raises(RpcError, match=message) as refused:
        chain.request(method, params)
    assert refused.value.code == code


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(noise=st.binary(max_size=300), cut=st.integers(0, 400), kind=st.sampled_from(("", "01", "02", "03", "04", "7f", "f8")))
def test_noise_is_refused(local: Local, noise: bytes, cut: int, kind: str) -> None:
    """Bytes that are no transaction, or a damaged one, are an error of JSON-RPC and change nothing."""
    raw, _ = local.relayer.sign_transaction({**transfer(), "chainId": local.chain.chain_id, "nonce": 7})
    before = head(local.chain)
    for tried in (bytes.fromhex(kind) + noise, raw[:cut] + noise + raw[cut + len(noise) :]):
        with pytest.raises(RpcError):
            local.chain.request("eth_sendRawTransaction", ["0x" + tried.hex()])
    assert head(local.chain) == before


def test_transaction_of_another_chain_is_refused(local: Local) -> None:
    """A transaction that was signed for another chain does nothing here."""
    raw, _ = local.relayer.sign_transaction({**transfer(), "chainId": 1})
    with pytest.raises(RpcError, match=r"invalid chain id; expected .*; got 1"):
        local.chain.request("eth_sendRawTransaction", ["0x" + raw.hex()])


@pytest.mark.parametrize(("nonce", "message"), [(0, "nonce too low"), (9, "nonce too high")])
def test_wrong_nonce_is_refused(local: Local, nonce: int, message: str) -> None:
    """A transaction is taken at its turn only."""
    raw, _ = local.relayer.sign_transaction({**transfer(), "chainId": local.chain.chain_id, "nonce": nonce})
    with pytest.raises(RpcError, match=f"{message}: next nonce 1"):
        local.chain.request("eth_sendRawTransaction", ["0x" + raw.hex()])


def test_poor_sender_is_refused(local: Local) -> None:
    """An account without funds cannot send, and the chain goes on."""
    poor = RelayerKey.from_bytes(bytes([8]) * 32)
    raw, _ = poor.sign_transaction({**transfer(), "chainId": local.chain.chain_id, "nonce": 0})
    with pytest.raises(RpcError, match=r"the chain refuses the transaction; got .*cannot afford"):
        local.chain.request("eth_sendRawTransaction", ["0x" + raw.hex()])
    assert local.issue(local.issuance()).is_success


def transfer() -> dict[str, Any]:
    """A plain payment, without its chain."""
    return {
        "nonce": 1,
        "gas": 21_000,
        "maxFeePerGas": 10**10,
        "maxPriorityFeePerGas": 0,
        "to": "0x" + "12" * 20,
        "value": 1,
        "data": b"",
    }


def test_answers_are_json(local: Local) -> None:
    """Receipts, transactions and blocks can be sent to another process as they are."""
    receipt = local.issue(local.issuance())
    hash_hex = "0x" + receipt.transaction_hash.hex()
    for method in ("eth_getTransactionReceipt", "eth_getTransactionByHash"):
        answer = local.chain.request(method, [hash_hex])
        assert json.loads(json.dumps(answer)) == answer
        assert answer["blockHash"] == "0x" + receipt.block_hash.hex()


def test_web3_reads_the_chain(local: Local) -> None:
    """web3's own formatters accept block, receipt and transaction."""

    class Provider(BaseProvider):
        """The chain in this process as web3 asks for it."""

        def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:  # noqa: ANN401 - web3's signature
            """One exchange."""
            return {"jsonrpc": "2.0", "id": 1, "result": local.chain.request(method, list(params))}

    receipt = local.issue(local.issuance())
    eth = Web3(Provider()).eth
    assert eth.chain_id == local.chain.chain_id
    assert eth.get_block("latest")["number"] == receipt.block_number
    assert eth.get_transaction_receipt(HexBytes(receipt.transaction_hash))["gasUsed"] == receipt.gas_used
    assert eth.get_transaction(HexBytes(receipt.transaction_hash))["hash"] == receipt.transaction_hash


def test_label_says_who_could_rewrite_it() -> None:
    """What people see of the embedded chain does not promise more than it is."""
    assert LABEL == "local: its operator alone could rewrite it"


def test_import_stays_light() -> None:
    """Importing the client loads neither web3 nor py-evm: they take a while, and most commands need neither."""
    code = "import ledger.chain, sys; print([name for name in ('web3', 'eth', 'eth_account') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=REPOSITORY)
    assert done.stdout == "[]\n"
