"""The chain client: what it sends is stored first, sent once, and found again."""

import time
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from eth._utils.address import generate_contract_address
from eth_utils.address import to_checksum_address
from hypothesis import example, given
from hypothesis import strategies as st

from domain.errors import AlreadyIssuedError, ChainError, ExpiredError, LedgerError, QuorumError
from domain.issuance import ZERO_ADDRESS
from ledger.chain import (
    FIND_COUNT,
    GAS_LIMIT,
    HEAD_PATIENCE_S,
    ChainClient,
    PlannedCall,
    SignedTransaction,
    created_address,
    decode_revert,
)
from ledger.embedded import EmbeddedChain
from ledger.fees import Fees
from ledger.issuance import keccak, leaf_of
from ledger.rpc import MAX_ANSWER_BYTES, RpcError
from ledger.signing import RelayerKey
from ledger.transactions import decode_signed
from tests.ledger.local_chain import HOLDER, Local
from tests.ledger.lying_node import Fault, LyingNode, html, lying_node, post_to, saying, silence, with_field


def nonce(local: Local) -> int:
    """How many transactions the relayer has sent."""
    return int(local.chain.request("eth_getTransactionCount", [local.relayer.address, "latest"]), 16)


def prepared(local: Local, number: int = 1, **options: int) -> SignedTransaction:
    """A signed issue that was not sent."""
    issuance = local.issuance(number)
    envelope = local.envelope(leaf_of(issuance))
    return local.client.prepare_issue(local.relayer, issuance, envelope, local.sign(envelope), **options)


def test_preparing_sends_nothing(local: Local) -> None:
    """Signed bytes are made without a trace on the chain."""
    before = nonce(local)
    signed = prepared(local)
    assert (nonce(local), signed.nonce) == (before, before)
    assert local.client.receipt(signed.hash) is None


def test_hash_is_known_before_sending(local: Local) -> None:
    """What was stored names the transaction that is mined."""
    signed = prepared(local)
    assert local.client.broadcast(signed.raw) == signed.hash == keccak(signed.raw)


def test_same_bytes_are_sent_again(local: Local) -> None:
    """Sending stored bytes a second time changes nothing and fails nothing."""
    signed = prepared(local)
    local.client.broadcast(signed.raw)
    after = nonce(local)
    assert local.client.broadcast(signed.raw) == signed.hash
    assert nonce(local) == after


def test_same_bytes_after_a_restart(local: Local) -> None:
    """Bytes that were stored, sent and forgotten are found mined by a new process."""
    signed = prepared(local)
    local.client.broadcast(signed.raw)
    local.chain.close()
    with EmbeddedChain(local.chain.path, funded=(), clock=local.clock) as chain:
        client = ChainClient(chain, contract=local.client.contract)
        assert client.broadcast(signed.raw) == signed.hash
        found = client.receipt(signed.hash)
        assert found is not None
        assert found.is_success


def test_taken_nonce_is_refused(local: Local) -> None:
    """Bytes whose nonce another transaction took can never be mined, and that is said."""
    stored = prepared(local, 1)
    local.client.broadcast(prepared(local, 2).raw)
    with pytest.raises(ChainError, match=r"The chain refuses the transaction; .*nonce too low.* Simulate and sign again"):
        local.client.broadcast(stored.raw)


def test_caller_counts_its_stored_nonces(local: Local) -> None:
    """Several signed transactions can wait if the caller names their nonces."""
    first = prepared(local, 1)
    second = prepared(local, 2, nonce=first.nonce + 1)
    assert local.mined(first.raw).is_success
    assert local.mined(second.raw).is_success


def test_failed_simulation_takes_no_nonce(local: Local) -> None:
    """A statement that the contract refuses leaves no gap behind."""
    local.issue(local.issuance(1))
    before = nonce(local)
    with pytest.raises(AlreadyIssuedError):
        prepared(local, 1)
    assert prepared(local, 2).nonce == before


def test_already_issued_names_the_stored_root(local: Local) -> None:
    """The caller can see whether what is stored is what it wanted."""
    local.issue(local.issuance(1))
    with pytest.raises(AlreadyIssuedError) as refused:
        prepared(local, 1)
    assert refused.value.stored_root == leaf_of(local.issuance(1))
    assert refused.value.next_step.startswith("Equal to the root that was to be issued, it is done")


def test_envelope_of_another_statement_is_refused(local: Local) -> None:
    """An envelope is held against its issuance before anything is asked of the chain."""
    envelope = local.envelope(leaf_of(local.issuance(2)))
    with pytest.raises(LedgerError, match="This envelope is not the issuance's"):
        local.client.prepare_issue(local.relayer, local.issuance(1), envelope, local.sign(envelope))


def test_former_epoch_is_seen_before_sending(local: Local) -> None:
    """An envelope of a former epoch is refused as expired: it has to be signed again."""
    envelope = local.envelope(keccak(b"root"))
    signatures = local.sign(envelope)
    local.send("start_epoch")
    with pytest.raises(ExpiredError, match=r"The auditors' signatures no longer hold; .*expected epoch 2; got epoch 1"):
        local.client.prepare_anchor(local.relayer, envelope, signatures)


def test_too_few_signatures_are_seen_before_sending(local: Local) -> None:
    """A missing signature is found by the simulation."""
    envelope = local.envelope(keccak(b"root"))
    with pytest.raises(QuorumError, match=r"The contract refuses; .*; got too few signatures"):
        local.client.prepare_anchor(local.relayer, envelope, local.sign(envelope)[:1])


def test_gas_limit_has_a_margin(local: Local) -> None:
    """A transaction is sent with more gas than the simulation took, and under the cap."""
    signed = prepared(local)
    assert local.mined(signed.raw).gas_used < signed.gas < GAS_LIMIT
    assert signed.max_fee_wei > 0


def test_too_much_gas_is_refused(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a public chain would refuse for its size (EIP-7825) is refused here."""
    request = local.chain.request

    def expensive(method: str, params: list[object]) -> object:
        return hex(GAS_LIMIT) if method == "eth_estimateGas" else request(method, params)

    monkeypatch.setattr(local.chain, "request", expensive)
    with pytest.raises(ChainError, match=r"This transaction is too large; expected at most 16777216 gas \(EIP-7825\)"):
        prepared(local)


def test_mined_on_the_embedded_chain_is_final(local: Local) -> None:
    """The embedded chain has no second opinion: its newest block is final."""
    receipt = local.issue(local.issuance())
    assert local.client.is_final(receipt)


def test_block_that_was_replaced_is_not_final(local: Local) -> None:
    """A receipt of another block than the chain now has is not final."""
    receipt = local.issue(local.issuance())
    assert not local.client.is_final(replace(receipt, block_hash=bytes(32)))
    assert not local.client.is_final(replace(receipt, block_number=receipt.block_number + 1))


def test_chain_without_finality_counts_blocks(local: Local, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the tag is unknown, enough blocks on top count."""
    receipt = local.issue(local.issuance(1))
    local.issue(local.issuance(2))
    request = local.chain.request

    def old_node(method: str, params: list[object]) -> object:
        if params[:1] == ["finalized"]:
            raise RpcError("unknown block tag")
        return request(method, params)

    monkeypatch.setattr(local.chain, "request", old_node)
    assert local.client.is_final(receipt, confirmations=1)
    assert not local.client.is_final(receipt, confirmations=2)


def test_deploying_again_finds_the_contract(local: Local) -> None:
    """A process that was killed after the deployment does not deploy a second contract."""
    before = nonce(local)
    client = ChainClient(local.chain)
    again = client.deploy(local.relayer, auditors={local.auditors[0].address: 1}, quorum=1)
    assert again == local.client.contract
    assert nonce(local) == before


def test_relayer_with_another_past(tmp_path: Path, relayer: RelayerKey) -> None:
    """An account that sent something else before deploys too, and its contract is found again, though not for ever back."""
    with EmbeddedChain(tmp_path / "chain", funded=(relayer.address,), clock=lambda: 1e9) as chain:
        client = ChainClient(chain)

        def send_nothing() -> None:
            nonce = client.next_nonce(relayer.address)
            call = PlannedCall(to=ZERO_ADDRESS, data=b"", gas=21_000, fees=Fees(10**10, 0), chain_nonce=nonce)
            client.broadcast(client.sign(relayer, call, nonce=nonce).raw)

        for _ in range(3):
            send_nothing()
        address = client.deploy(relayer, auditors={relayer.address: 1}, quorum=1)
        assert address == created_address(relayer.address, 3)
        for _ in range(FIND_COUNT - 1):
            send_nothing()
        assert ChainClient(chain).deploy(relayer, auditors={relayer.address: 1}, quorum=1) == address
        send_nothing()
        assert ChainClient(chain).deploy(relayer, auditors={relayer.address: 1}, quorum=1) != address


@given(nonce=st.integers(0, 2**63))
@example(0)
@example(0x7F)
@example(0x80)
@example(0x100)
def test_created_addresses_are_those_of_py_evm(nonce: int) -> None:
    """Our rule for the address of a contract is that of foreign code."""
    expected = generate_contract_address(bytes.fromhex(HOLDER[2:]), nonce)  # type: ignore[arg-type]  # 20 bytes
    assert created_address(HOLDER, nonce) == to_checksum_address(expected)


def test_impossible_quorum_is_not_deployed(tmp_path: Path, relayer: RelayerKey) -> None:
    """A deployment that the constructor refuses is found by the simulation."""
    with EmbeddedChain(tmp_path / "chain", funded=(relayer.address,), clock=lambda: 1e9) as chain:
        with pytest.raises(ChainError, match="got quorum is not 1 to 8"):
            ChainClient(chain).deploy(relayer, auditors={relayer.address: 1}, quorum=0)
        assert chain.request("eth_blockNumber", []) == "0x0"


def test_other_chain_is_refused(local: Local) -> None:
    """A client does not speak to a chain with another id than its settings say."""
    with pytest.raises(ChainError, match=f"This is another chain; expected chain id 1; got {local.chain.chain_id}"):
        ChainClient(local.chain, chain_id=1)


@pytest.mark.parametrize("address", [ZERO_ADDRESS, "0x0F792be4B0c0cb4DAE440Ef133E90C0eCD48CCCC"])
def test_other_contract_is_refused(local: Local, address: str) -> None:
    """An address without our code is refused, be it empty or a contract of the system."""
    with pytest.raises(ChainError, match="This is not our contract; expected code with Keccak-256"):
        ChainClient(local.chain, contract=address)


def test_unknown_transaction_has_no_receipt(local: Local) -> None:
    """Pending is nothing, not an error."""
    assert local.client.receipt(bytes(32)) is None


@pytest.mark.parametrize(
    ("data", "kind", "got"),
    [
        ("already issued", AlreadyIssuedError, "already issued"),
        ("deadline has passed", ExpiredError, "deadline has passed"),
        ("too few signatures", QuorumError, "too few signatures"),
        ("something new", ChainError, "something new"),
        (b"", ChainError, "no reason"),
        (b"\x12\x34", ChainError, "1234"),
    ],
)
def test_reverts_have_names(data: str | bytes, kind: type[LedgerError], got: str) -> None:
    """A revert is the error that a caller acts on, with the contract's own words."""
    error = decode_revert(revert(data) if isinstance(data, str) else data)
    assert (type(error), error.got) == (kind, got)


def revert(reason: str) -> bytes:
    """Error(string) as a contract returns it."""
    text = reason.encode()
    return bytes.fromhex("08c379a0") + (32).to_bytes(32, "big") + len(text).to_bytes(32, "big") + text.ljust(32, b"\0")


# ---- over HTTP ----


@pytest.fixture
def liar(local: Local) -> Iterator[LyingNode]:
    """The local chain behind a JSON-RPC port on loopback, honest until told otherwise; the client asks it."""
    with lying_node(post_to(local.chain)) as node:
        local.client = ChainClient(node.url, contract=local.client.contract, chain_id=local.chain.chain_id, timeout_s=1)
        yield node


def test_same_client_over_http(local: Local, liar: LyingNode) -> None:
    """A node by URL and the chain in the process are the same to the client, errors included."""
    receipt = local.issue(local.issuance())
    assert receipt.is_success
    assert local.client.is_final(receipt)
    assert local.token(local.issuance()).net_g_co2e == 119_000
    with pytest.raises(AlreadyIssuedError):
        local.issue(local.issuance())
    assert "eth_sendRawTransaction" in liar.asked


def test_silent_node(unused_port: int) -> None:
    """A node that does not answer is an error that says to try again."""
    with pytest.raises(ChainError, match=r"The chain does not answer; .* Try again later"):
        ChainClient(f"http://127.0.0.1:{unused_port}", timeout_s=0.2)


@pytest.fixture
def unused_port() -> int:
    """A port of loopback that nobody listens on."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    port = server.server_port
    server.server_close()
    return port


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (html, "expected JSON; got an HTML page; in eth_chainId"),
        (lambda _: b"", "expected JSON; got 0 bytes of something else; in eth_chainId"),
        (lambda _: b'{"jsonrpc":"2.0","id":1,"resu', "expected JSON; got 29 bytes of something else"),
        (lambda _: b"[" * 100_000, "expected JSON; got 100000 bytes of something else"),
        (lambda _: b" " * (MAX_ANSWER_BYTES + 1), f"expected at most {MAX_ANSWER_BYTES} bytes"),
        (lambda _: [], "expected a JSON object; got a JSON list"),
        (lambda answer: {**answer, "id": 0}, r"expected the answer to request \d+; got another one"),
        (lambda answer: {"jsonrpc": "2.0", "id": answer["id"]}, r"expected the answer to request \d+; got no result"),
        (saying(None), "expected a quantity, as 0x1f; got None; in eth_chainId"),
        (saying("0x01"), "expected a quantity, as 0x1f; got '0x01'; in eth_chainId"),
        (saying(31337), "expected a quantity, as 0x1f; got 31337; in eth_chainId"),
        (saying("0x1"), r"This is another chain; expected chain id \d+; got 1\. Correct the chain's address"),
        (silence(2), "The chain does not answer; expected an answer in time; got TimeoutError"),
        (lambda answer: {"id": answer["id"], "error": "go away"}, "The chain refuses; got go away"),
        (lambda answer: {"id": answer["id"], "error": {"code": -32005, "message": "slow down"}}, "got slow down"),
    ],
)
def test_answer_that_cannot_be_used(local: Local, liar: LyingNode, fault: Fault, said: str) -> None:
    """Whatever a node says instead of an answer is refused and named, before anything is signed."""
    liar.faults["eth_chainId"] = fault
    with pytest.raises(ChainError, match=said):
        prepared(local)
    liar.faults.clear()
    assert prepared(local).nonce == 1


def test_address_of_a_node_is_never_told(local: Local, liar: LyingNode) -> None:
    """Keys of node providers stand in their addresses: no error repeats one."""
    client = ChainClient(f"{liar.url}/v3/secret-key", contract=local.client.contract)
    liar.vanish()
    with pytest.raises(ChainError) as refused:
        client.epoch()
    shown = f"{refused.value} {refused.value!r} {refused.value.sentence()}"
    assert "secret-key" not in shown
    assert liar.url not in shown


def test_redirect_is_not_followed(local: Local, liar: LyingNode) -> None:
    """A node that sends its callers elsewhere is not followed."""
    liar.status, liar.location = 302, f"{liar.url}/elsewhere"
    liar.faults[""] = lambda _: b""
    before = len(liar.asked)
    with pytest.raises(ChainError, match="expected JSON; got 0 bytes"):
        local.client.epoch()
    assert len(liar.asked) == before + 1


def test_receipt_of_a_block_that_nobody_has(local: Local, liar: LyingNode) -> None:
    """A receipt counts only where its block can be seen."""
    receipt = local.issue(local.issuance())
    liar.faults["eth_getTransactionReceipt"] = with_field("blockHash", "0x" + "ab" * 32)
    with pytest.raises(ChainError, match=r"expected a receipt of a block that the node has; got one of block 2, abab"):
        local.client.receipt(receipt.transaction_hash)


@pytest.mark.parametrize(
    ("method", "name", "value", "said"),
    [
        ("eth_getTransactionReceipt", "transactionHash", "0x" + "ab" * 32, "got the receipt of 0xabab"),
        ("eth_getTransactionReceipt", "status", "yes", "expected a quantity, as 0x1f; got 'yes'"),
        ("eth_getTransactionReceipt", "blockNumber", None, "expected a quantity, as 0x1f; got None"),
        ("eth_getTransactionReceipt", "blockNumber", "0x7", "expected block 7 with the transaction"),
        ("eth_getBlockByHash", "transactions", [], "expected block 2 with the transaction; got block .* without it"),
        ("eth_getBlockByHash", "number", "0x7", "expected block 2 with the transaction"),
    ],
)
def test_receipt_that_contradicts_itself(  # noqa: PLR0917 - fixtures and parameters
    local: Local, liar: LyingNode, method: str, name: str, value: object, said: str
) -> None:
    """Receipt and block must agree about number, hash and transaction."""
    receipt = local.issue(local.issuance())
    liar.faults[method] = with_field(name, value)
    with pytest.raises(ChainError, match=said):
        local.client.receipt(receipt.transaction_hash)


def test_hash_of_another_transaction(local: Local, liar: LyingNode) -> None:
    """A node that answers a broadcast with another hash did not do what it was asked."""
    signed = prepared(local)
    liar.once("eth_sendRawTransaction", saying("0x" + "ab" * 32))
    with pytest.raises(ChainError, match=f"expected {signed.hash.hex()}; got the hash of another transaction, abab"):
        local.client.broadcast(signed.raw)
    assert local.client.broadcast(signed.raw) == signed.hash


def test_answer_to_a_broadcast_that_is_lost(local: Local, liar: LyingNode) -> None:
    """The node took the bytes and its answer broke off: the transaction is known, and that is what counts."""
    signed = prepared(local)
    liar.once("eth_sendRawTransaction", html)
    assert local.client.broadcast(signed.raw) == signed.hash
    receipt = local.client.receipt(signed.hash)
    assert receipt is not None
    assert receipt.is_success


def test_head_that_goes_backwards(local: Local, liar: LyingNode, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is decided on a head below one that was seen; after a while the chain itself was taken back."""
    receipt = local.issue(local.issuance(1))
    local.client.head()
    liar.faults["eth_getBlockByNumber"] = with_field("number", "0x1")
    with pytest.raises(ChainError, match="The node's head went backwards; expected block 2 or a later one; got block 1"):
        local.client.is_final(receipt)
    with pytest.raises(ChainError, match="The node's head went backwards"):
        prepared(local, 2)
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + HEAD_PATIENCE_S)
    assert local.client.head()[0] == 1


def test_final_block_above_the_head(local: Local, liar: LyingNode) -> None:
    """A node cannot make a block final that it does not have."""
    receipt = local.issue(local.issuance())

    def lie(answer: dict[str, Any]) -> dict[str, Any]:
        is_asked_for_final = liar.asked.count("eth_getBlockByNumber") % 4 == 0  # head, block, head, final
        return with_field("number", "0x63")(answer) if is_asked_for_final else answer

    liar.asked.clear()
    liar.faults["eth_getBlockByNumber"] = lie
    with pytest.raises(ChainError, match="expected a final block up to 2; got block 99"):
        local.client.is_final(receipt)


def test_block_hash_that_changes(local: Local, liar: LyingNode) -> None:
    """A receipt whose block has another hash now is not final, and that is no error: the chain was reorganised."""
    receipt = local.issue(local.issuance())
    liar.faults["eth_getBlockByNumber"] = with_field("hash", "0x" + "ab" * 32)
    assert not local.client.is_final(receipt)


def test_confirmations_take_the_place_of_the_tag(local: Local, liar: LyingNode) -> None:
    """Where the settings count blocks, nobody asks for the tag."""
    client = ChainClient(liar.url, contract=local.client.contract, confirmations_count=1)
    first = local.issue(local.issuance(1))
    assert not client.is_final(first)
    second = local.issue(local.issuance(2))
    assert client.is_final(first)
    assert not client.is_final(second)


# ---- fees ----


def test_waiting_transaction_is_replaced(local: Local) -> None:
    """The same call under the same nonce, both fees at least 12.5 % higher."""
    former = decode_signed(prepared(local).raw)
    replaced = local.client.replace(local.relayer, prepared(local).raw)
    assert replaced is not None
    now = decode_signed(replaced.raw)
    assert (now.nonce, now.to, now.data, now.gas) == (former.nonce, former.to, former.data, former.gas)
    assert now.max_fee_wei * 1000 >= former.max_fee_wei * 1125
    assert now.tip_wei >= max(1, former.tip_wei * 1125 // 1000)
    assert local.mined(replaced.raw).is_success


def test_replacement_stops_at_the_ceiling(local: Local) -> None:
    """Above the ceiling there is no replacement: the former bytes go on waiting."""
    raw = prepared(local).raw
    ceiling_wei = decode_signed(raw).max_fee_wei
    client = ChainClient(local.chain, contract=local.client.contract, fee_ceiling_wei=ceiling_wei)
    assert client.replace(local.relayer, raw) is None


def test_fee_above_the_ceiling_is_not_paid(local: Local) -> None:
    """A chain that is too dear is waited for, and the error says which setting it is."""
    local.client = ChainClient(local.chain, contract=local.client.contract, fee_ceiling_wei=1)
    with pytest.raises(
        ChainError, match=r"The chain's fee is above the ceiling; expected at most 1 wei.*CF_CHAIN_FEE_CEILING_GWEI"
    ):
        prepared(local)
