"""The embedded chain's JSON-RPC on loopback: for whoever knows the address, for no page of a browser, for no other method."""

import http.client
import json
import socket
import threading
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from hexbytes import HexBytes
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from web3 import HTTPProvider, Web3

from domain.errors import AlreadyIssuedError
from ledger.chain import ChainClient
from ledger.loopback import MAX_BATCH_COUNT, MAX_REQUEST_BYTES, LoopbackRpc, answer_to
from tests.ledger.local_chain import Local

SECRET = "s" * 43
BLOCK_NUMBER = {"jsonrpc": "2.0", "id": 1, "method": "eth_blockNumber", "params": []}


@pytest.fixture
def rpc(local: Local) -> Iterator[LoopbackRpc]:
    """The local chain on a free port."""
    made = LoopbackRpc(local.chain, secret=SECRET)
    yield made
    made.close()


def asked(
    rpc: LoopbackRpc, body: bytes, *, path: str = f"/{SECRET}", method: str = "POST", headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", urlsplit(rpc.url).port or 0, timeout=10)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, dict(answer.getheaders()), answer.read()
    finally:
        connection.close()


def result(rpc: LoopbackRpc, request: object) -> Any:  # noqa: ANN401 - JSON
    """The JSON that answers a request."""
    status, _, body = asked(rpc, json.dumps(request).encode())
    assert status == 200
    return json.loads(body)


def test_other_processes_read_and_send(local: Local, rpc: LoopbackRpc) -> None:
    """The client works through the port as it does in the owner's process, errors included."""
    local.client = ChainClient(rpc.url, contract=local.client.contract, chain_id=local.chain.chain_id)
    receipt = local.issue(local.issuance())
    assert local.client.is_final(receipt)
    with pytest.raises(AlreadyIssuedError):
        local.issue(local.issuance())


def test_foreign_code_reads_the_chain(local: Local, rpc: LoopbackRpc) -> None:
    """web3, as a wallet or a stranger uses it, accepts block, balance, receipt and transaction."""
    receipt = local.issue(local.issuance())
    with requests.Session() as session:
        web3 = Web3(HTTPProvider(rpc.url, session=session))
        assert web3.is_connected()
        assert web3.eth.chain_id == local.chain.chain_id
        assert web3.eth.get_block("latest")["number"] == receipt.block_number
        assert web3.eth.get_balance(web3.to_checksum_address(local.relayer.address)) > 0
        assert web3.eth.get_transaction_receipt(HexBytes(receipt.transaction_hash))["status"] == 1


def test_secret_is_the_path(rpc: LoopbackRpc) -> None:
    """Without the secret there is nothing, however close the guess."""
    body = json.dumps(BLOCK_NUMBER).encode()
    for path in ("/", "", f"/{SECRET[:-1]}", f"/{SECRET}s", f"/{SECRET}/", f"/{SECRET}?x=1"):
        status, _, said = asked(rpc, body, path=path or "/")
        assert (status, said) == (404, b"")


@pytest.mark.parametrize(
    "origin", ["http://127.0.0.1:8000", "http://localhost:3000", "https://evil.example", "null", "file://", "HTTP://localhost"]
)
def test_pages_are_refused(rpc: LoopbackRpc, origin: str) -> None:
    """A request that a page of a browser makes is refused, even one from this machine; nothing allows another origin."""
    status, headers, _ = asked(rpc, json.dumps(BLOCK_NUMBER).encode(), headers={"Origin": origin})
    assert status == 403
    assert not any(name.lower().startswith("access-control") for name in headers)


def test_preflight_is_refused(rpc: LoopbackRpc) -> None:
    """No method but POST is there: a browser's question whether it may ask gets no."""
    for method in ("OPTIONS", "GET", "PUT", "DELETE"):
        status, headers, _ = asked(rpc, b"", method=method, headers={"Origin": "https://evil.example"})
        assert status == 501
        assert not any(name.lower().startswith("access-control") for name in headers)


def test_wallets_may_ask(rpc: LoopbackRpc) -> None:
    """A browser's extension has an origin of its own kind."""
    status, headers, _ = asked(rpc, json.dumps(BLOCK_NUMBER).encode(), headers={"Origin": "chrome-extension://nkbihfbeog"})
    assert status == 200
    assert not any(name.lower().startswith("access-control") for name in headers)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost.evil.example:1"])
def test_other_names_are_refused(rpc: LoopbackRpc, host: str) -> None:
    """A name that somebody points at this machine (DNS rebinding) is not one of ours."""
    status, _, _ = asked(rpc, json.dumps(BLOCK_NUMBER).encode(), headers={"Host": host})
    assert status == 421


@pytest.mark.parametrize(
    "method",
    ["eth_sendTransaction", "eth_sign", "eth_accounts", "evm_mine", "anvil_setBalance", "debug_traceCall", "eth_newFilter", ""],
)
def test_other_methods_are_not_there(rpc: LoopbackRpc, method: str) -> None:
    """There is no method that signs, mines, changes time or balances, or keeps something."""
    assert result(rpc, {**BLOCK_NUMBER, "method": method})["error"]["code"] == -32601


def test_listens_on_loopback_alone(rpc: LoopbackRpc) -> None:
    """No other address of this machine answers."""
    port = urlsplit(rpc.url).port or 0
    assert rpc.url.startswith("http://127.0.0.1:")
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.2", port), timeout=2):
        pass


def test_size_is_bounded(rpc: LoopbackRpc) -> None:
    """What is too large, or does not say how large it is, is not read."""
    assert asked(rpc, b" ", headers={"Content-Length": str(MAX_REQUEST_BYTES + 1)})[0] == 413
    assert asked(rpc, b" ", headers={"Content-Length": "9" * 100})[0] == 413
    assert asked(rpc, b" ", headers={"Content-Length": "-1"})[0] == 411
    assert asked(rpc, b"", headers={"Transfer-Encoding": "chunked"})[0] == 411


def test_batch(rpc: LoopbackRpc) -> None:
    """Wallets ask for several things at once; each gets its own answer, and there is an end to it."""
    found = result(rpc, [BLOCK_NUMBER, {**BLOCK_NUMBER, "id": "two", "method": "nothing"}, 7])
    assert [one["id"] for one in found] == [1, "two", None]
    assert [("result" in one) for one in found] == [True, False, False]
    assert result(rpc, [BLOCK_NUMBER] * (MAX_BATCH_COUNT + 1))["error"]["code"] == -32600
    assert result(rpc, [])["error"]["code"] == -32600


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"null", b'"x"', b"{}", b'{"method":1}'])
def test_bytes_that_are_no_request(rpc: LoopbackRpc, body: bytes) -> None:
    """Whatever is sent is answered by a JSON-RPC error."""
    status, _, said = asked(rpc, body)
    assert status == 200
    assert json.loads(said)["error"]["code"] in {-32700, -32600}


def test_many_at_once(local: Local, rpc: LoopbackRpc) -> None:
    """Processes that ask at the same moment are answered, one after the other, or told to come back."""
    found: list[int] = []

    def ask() -> None:
        found.append(asked(rpc, json.dumps(BLOCK_NUMBER).encode())[0])

    threads = [threading.Thread(target=ask) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(found) <= {200, 503}
    assert found.count(200) >= 16
    assert local.client.epoch() == 1


def test_closed_port_answers_nothing(local: Local) -> None:
    """After closing nobody listens."""
    rpc = LoopbackRpc(local.chain, secret=SECRET)
    rpc.close()
    with pytest.raises(ConnectionRefusedError):
        asked(rpc, b"{}")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.text(max_size=70) | st.sampled_from(["0x", "0x0", "latest"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["from", "to", "data", "value", "gas"]), inner),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("method", "params"),
    [
        ("eth_getBlockByHash", [""]),
        ("eth_getBlockByNumber", ["-0x1"]),
        ("eth_getBlockByNumber", ["0x1" + "0" * 80]),
        ("eth_getStorageAt", ["0x" + "11" * 20, "-0x1"]),
        ("eth_getTransactionReceipt", ["0x"]),
        ("eth_call", [{"gas": "-0x1"}]),
    ],
)
def test_values_that_cannot_be_are_refused(local: Local, method: str, params: list[Any]) -> None:
    """A hash of another size, a block before the first: an answer of JSON-RPC, not a broken connection."""
    answer = answer_to(local.chain.request, json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode())
    assert answer.get("result", 0) is None or answer["error"]["code"] in {-32602, -32000}


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_parameters_are_answered(local: Local, data: st.DataObject) -> None:
    """Whatever the parameters are, a method answers or refuses by JSON-RPC: the chain never falls over, and goes on."""
    method = data.draw(st.sampled_from(sorted(local.chain._methods)))  # noqa: SLF001 - every method there is
    params = data.draw(st.lists(JSON, max_size=3))
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode()
    answer = answer_to(local.chain.request, body)
    assert ("result" in answer) != ("error" in answer)
    json.dumps(answer)
