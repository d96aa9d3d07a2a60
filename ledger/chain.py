"""The chain client. The only file that speaks web3; web3 is imported when a client is made (it takes a while).

    prepare_*   simulate, then take the nonce, then sign: gives bytes to store before anything is sent
    broadcast   send stored bytes; the same bytes again are fine, before and after they are mined
    receipt     whether they are mined; `is_final` whether that can still change

One client per relayer key sends at a time (one sequencer): nonces are taken from the chain, after a simulation that succeeded.
A caller that stores several signed transactions before it sends them passes the nonce of the next one itself.
"""

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from domain.errors import AlreadyIssuedError, ChainError, ExpiredError, LedgerError, QuorumError
from domain.issuance import Envelope, Issuance
from ledger.contract.artifact import load_artifact
from ledger.embedded import EmbeddedChain, RpcError
from ledger.issuance import envelope_digest, keccak, leaf_of, token_id
from ledger.recursion import bound_recursion
from ledger.signing import RelayerKey, sort_signatures, to_compact

if TYPE_CHECKING:
    from web3 import Web3
    from web3.contract import Contract

GAS_LIMIT = 2**24
"""Most gas that one transaction may have (EIP-7825); some nodes do not check it, so this client does."""

GAS_MARGIN_PCT = 10
"""What is added to an estimate: state may change between simulation and block."""

IS_WITHOUT_TRANSACTIONS = False
"""Second parameter of `eth_getBlockBy*`: hashes of the transactions, not their bodies."""

_REVERT_SELECTOR = bytes.fromhex("08c379a0")  # Error(string)
_ERRORS: dict[str, type[LedgerError]] = {
    "already issued": AlreadyIssuedError,
    "already anchored": AlreadyIssuedError,
    "deadline has passed": ExpiredError,
    "epoch has passed": ExpiredError,
    "too few signatures": QuorumError,
    "signature has a high s": QuorumError,
    "signers are not ascending": QuorumError,
    "signer is not an auditor of the region": QuorumError,
}


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Bytes to store, then to send.

    Attributes:
        raw: The signed transaction.
        hash: Its hash, 32 bytes.
        nonce: The relayer's nonce that it takes.
        gas: Its gas limit.
        max_fee_wei: The most that it can cost, wei.
    """

    raw: bytes
    hash: bytes
    nonce: int
    gas: int
    max_fee_wei: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A transaction that is in a block.

    Attributes:
        transaction_hash: 32 bytes.
        block_number: Number of its block.
        block_hash: Hash of its block, 32 bytes: another one later means that the chain was reorganised.
        is_success: Whether it did what it was sent for.
        gas_used: Gas it took.
        contract: 0x address of the contract that it created, or empty.
    """

    transaction_hash: bytes
    block_number: int
    block_hash: bytes
    is_success: bool
    gas_used: int
    contract: str


@dataclass(frozen=True, slots=True)
class Batch:
    """An anchored root.

    Attributes:
        root: The root, 32 bytes.
        number: Number of the batch, 0 until a token names it.
        region: Index in `domain.issuance.REGIONS`.
        count: Issuances below it.
        epoch: Auditor epoch at anchoring.
        anchored_at_s: Time of its block, Unix seconds.
    """

    root: bytes
    number: int
    region: int
    count: int
    epoch: int
    anchored_at_s: int


@dataclass(frozen=True, slots=True)
class Token:
    """A token as its slot on the chain says.

    Attributes:
        token_id: The token's id.
        holder: Checksummed 0x address.
        net_g_co2e: Its balance: net in grams CO2e, 0 where net is negative.
        kind: Number of an `IssuanceKind`.
        status: 1 active.
        batch: Number of its batch.
        root: Root of its batch, 32 bytes; the statement's own leaf in a batch of one.
    """

    token_id: int
    holder: str
    net_g_co2e: int
    kind: int
    status: int
    batch: int
    root: bytes


class ChainClient:
    """One contract on one chain, sent to by one relayer.

    Args:
        target: The embedded chain, or the URL of a JSON-RPC node.
        contract: 0x address of the contract; left out for `deploy`.
        chain_id: What the chain's id must be; left out, whatever the chain says.
        timeout_s: How long one request to a node may take.

    Raises:
        ChainError: The chain does not answer or has another id, or there is no such contract at the address.
    """

    def __init__(
        self, target: EmbeddedChain | str, *, contract: str = "", chain_id: int | None = None, timeout_s: float = 10.0
    ) -> None:
        self._web3 = _connect(target, timeout_s)
        self._artifact = load_artifact()
        self.chain_id = self._number("eth_chainId")
        if chain_id is not None and chain_id != self.chain_id:
            raise ChainError(
                "This is another chain",
                expected=f"chain id {chain_id}",
                got=str(self.chain_id),
                next_step="Correct the chain's address or its id in the settings.",
            )
        self.contract = contract
        self._functions: type[Contract] = self._web3.eth.contract(abi=self._artifact.abi)
        if contract:
            self._check_code(contract)

    # ---- the contract ----

    def deploy(
        self,
        relayer: RelayerKey,
        *,
        auditors: Mapping[str, int],
        quorum: int,
        admin: str = "",
        wait_s: float = 120.0,
    ) -> str:
        """Address of the relayer's contract, deployed now unless its first transaction did that already.

        The address of what a fresh account creates first follows from the account alone, so a process that was killed after
        the deployment finds it again.

        Args:
            relayer: A key that is used for nothing else.
            auditors: Bitmap of regions by 0x address of each auditor, at most 64.
            quorum: How many auditors must sign, 1 to 8.
            admin: 0x address that may change auditors; the relayer's own where left out.
            wait_s: How long to wait for the block, seconds.

        Raises:
            ChainError: The chain refuses, or the relayer's first transaction was another one.
        """
        if self._nonce(relayer.address) == 0:
            data = self._creation_data(admin or relayer.address, auditors, quorum)
            self._wait(self.broadcast(self._sign(relayer, to="", data=data, nonce=None).raw), wait_s)
        address = _first_contract(relayer.address)
        self._check_code(address)
        self.contract = address
        return address

    def epoch(self) -> int:
        """The contract's auditor epoch: part of every envelope."""
        return int(self._view("epoch"))

    def quorum(self) -> int:
        """How many auditors must sign."""
        return int(self._view("quorum"))

    def auditor_regions(self, address: str) -> int:
        """Bitmap of the regions that an account may sign for.

        Args:
            address: 0x address.
        """
        return int(self._view("auditor_regions", self._web3.to_checksum_address(address)))

    def contract_version(self) -> str:
        """Version of the contract."""
        return str(self._view("version"))

    def batch_of(self, root: bytes) -> Batch | None:
        """What the chain knows of an anchored root, or nothing.

        Args:
            root: 32 bytes.
        """
        number, region, count, epoch, anchored_at_s = self._view("batch_of", root)
        if not anchored_at_s:
            return None
        return Batch(root, number=number, region=region, count=count, epoch=epoch, anchored_at_s=anchored_at_s)

    def token(self, token_id: int) -> Token | None:
        """What the chain knows of a token, or nothing.

        Args:
            token_id: As `ledger.issuance.token_id` gives it.
        """
        holder, net_g_co2e, kind, status, batch = self._view("token_of", token_id)
        if not status:
            return None
        root = bytes(self._view("hash_of", token_id))
        return Token(token_id, holder, net_g_co2e=net_g_co2e, kind=kind, status=status, batch=batch, root=root)

    # ---- sending ----

    def prepare_anchor(
        self, relayer: RelayerKey, envelope: Envelope, signatures: Sequence[bytes], *, nonce: int | None = None
    ) -> SignedTransaction:
        """A signed transaction that anchors a batch; nothing is sent.

        Args:
            relayer: Who pays.
            envelope: The batch.
            signatures: The auditors' signatures, 65 bytes each, in any order.
            nonce: The relayer's next nonce where signed bytes wait to be sent; else the chain's.

        Raises:
            AlreadyIssuedError: The root is anchored.
            ExpiredError: The deadline or the epoch has passed.
            QuorumError: The signatures are not enough.
            ChainError: The chain refuses, or does not answer.
        """
        try:
            data = self._encode(
                "anchor",
                envelope.root,
                envelope.count,
                envelope.region,
                envelope.method_hash,
                _deadline(envelope),
                self._compact(envelope, signatures),
            )
            return self._sign(relayer, to=self.contract, data=data, nonce=nonce)
        except AlreadyIssuedError as error:
            raise AlreadyIssuedError(**_already("The root is anchored already", envelope.root)) from error

    def prepare_issue(
        self,
        relayer: RelayerKey,
        issuance: Issuance,
        envelope: Envelope,
        signatures: Sequence[bytes],
        *,
        nonce: int | None = None,
    ) -> SignedTransaction:
        """A signed transaction that issues one statement to its holder; nothing is sent.

        Args:
            relayer: Who pays.
            issuance: The statement.
            envelope: Its batch of one: root = `leaf_of(issuance)`, count 1, region and method hash of the issuance.
            signatures: The auditors' signatures, 65 bytes each, in any order.
            nonce: The relayer's next nonce where signed bytes wait to be sent; else the chain's.

        Raises:
            AlreadyIssuedError: There is a token for this subject, kind, period and revision; `stored_root` is its root.
            LedgerError: The envelope is not the issuance's.
            ExpiredError: The deadline or the epoch has passed.
            QuorumError: The signatures are not enough.
            ChainError: The chain refuses, or does not answer.
        """
        if (envelope.root, envelope.count, envelope.region, envelope.method_hash) != (
            leaf_of(issuance),
            1,
            issuance.region,
            issuance.method_hash,
        ):
            raise LedgerError("This envelope is not the issuance's", expected=leaf_of(issuance).hex(), got=envelope.root.hex())
        try:
            words = (self._web3.to_checksum_address(issuance.holder), int(issuance.kind), *_fields(issuance)[2:])
            data = self._encode("issue", words, _deadline(envelope), self._compact(envelope, signatures))
            return self._sign(relayer, to=self.contract, data=data, nonce=nonce)
        except AlreadyIssuedError as error:
            stored = bytes(self._view("hash_of", token_id(issuance)))
            raise AlreadyIssuedError(**_already("The statement is issued already", stored)) from error

    def broadcast(self, raw: bytes) -> bytes:
        """Send stored bytes; sending them again is fine. Gives the transaction's hash, 32 bytes.

        Args:
            raw: A signed transaction's bytes.

        Raises:
            ChainError: The chain refuses the transaction, or another one took its nonce.
        """
        transaction_hash = keccak(raw)
        try:
            self._request("eth_sendRawTransaction", "0x" + raw.hex())
        except ChainError as error:
            # Whatever the node says ("already known", "nonce too low"): what counts is whether it has these bytes.
            if self._request("eth_getTransactionByHash", "0x" + transaction_hash.hex()) is None:
                raise ChainError(
                    "The chain refuses the transaction",
                    expected="a transaction that is new, or the same bytes again",
                    got=error.got,
                    record=transaction_hash.hex(),
                    next_step="Simulate and sign again.",
                ) from error
        return transaction_hash

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt of a transaction, or nothing while it is in no block (right after sending that is normal).

        Args:
            transaction_hash: 32 bytes.

        Raises:
            ChainError: The chain does not answer.
        """
        found = self._request("eth_getTransactionReceipt", "0x" + transaction_hash.hex())
        if found is None:
            return None
        return Receipt(
            transaction_hash=transaction_hash,
            block_number=int(found["blockNumber"], 16),
            block_hash=bytes.fromhex(found["blockHash"][2:]),
            is_success=int(found["status"], 16) == 1,
            gas_used=int(found["gasUsed"], 16),
            contract=self._web3.to_checksum_address(found["contractAddress"]) if found["contractAddress"] else "",
        )

    def is_final(self, receipt: Receipt, *, confirmations: int = 64) -> bool:
        """Whether a receipt's block can no longer change.

        Args:
            receipt: What `receipt` gave.
            confirmations: Blocks on top that count as final where a node knows no `finalized` tag.

        Raises:
            ChainError: The chain does not answer.
        """
        block = self._request("eth_getBlockByNumber", hex(receipt.block_number), IS_WITHOUT_TRANSACTIONS)
        if block is None or bytes.fromhex(block["hash"][2:]) != receipt.block_hash:
            return False
        try:
            finalized = self._request("eth_getBlockByNumber", "finalized", IS_WITHOUT_TRANSACTIONS)
        except ChainError:
            finalized = None  # chains without finality refuse the tag
        if finalized is not None:
            return int(finalized["number"], 16) >= receipt.block_number
        return self._number("eth_blockNumber") - receipt.block_number >= confirmations

    # ---- inside ----

    def _sign(self, relayer: RelayerKey, *, to: str, data: bytes, nonce: int | None) -> SignedTransaction:
        call = {"from": relayer.address, "data": "0x" + data.hex(), **({"to": to} if to else {})}
        estimate = self._number("eth_estimateGas", call)
        gas = estimate + estimate * GAS_MARGIN_PCT // 100
        if gas > GAS_LIMIT:
            raise ChainError("This transaction is too large", expected=f"at most {GAS_LIMIT} gas (EIP-7825)", got=f"{gas} gas")
        base_fee_wei = int(self._request("eth_getBlockByNumber", "latest", IS_WITHOUT_TRANSACTIONS)["baseFeePerGas"], 16)
        tip_wei = self._number("eth_maxPriorityFeePerGas")
        max_fee_per_gas_wei = 2 * base_fee_wei + tip_wei
        taken = self._nonce(relayer.address) if nonce is None else nonce
        raw, transaction_hash = relayer.sign_transaction(
            {
                "chainId": self.chain_id,
                "nonce": taken,
                "gas": gas,
                "maxFeePerGas": max_fee_per_gas_wei,
                "maxPriorityFeePerGas": tip_wei,
                "to": to,
                "value": 0,
                "data": data,
            }
        )
        return SignedTransaction(raw, transaction_hash, nonce=taken, gas=gas, max_fee_wei=gas * max_fee_per_gas_wei)

    def _compact(self, envelope: Envelope, signatures: Sequence[bytes]) -> list[tuple[int, int]]:
        epoch = self.epoch()
        if envelope.epoch != epoch:
            raise ExpiredError(expected=f"epoch {epoch}", got=f"epoch {envelope.epoch}", record=envelope.root.hex())
        digest = envelope_digest(envelope, chain_id=self.chain_id, contract=self.contract)
        return [to_compact(signature) for signature in sort_signatures(digest, signatures)]

    def _creation_data(self, admin: str, auditors: Mapping[str, int], quorum: int) -> bytes:
        accounts = [(self._web3.to_checksum_address(address), regions) for address, regions in auditors.items()]
        creation = self._web3.eth.contract(abi=self._artifact.abi, bytecode=self._artifact.bytecode)
        arguments = (self._web3.to_checksum_address(admin), quorum, accounts)
        return bytes.fromhex(str(creation.constructor(*arguments).data_in_transaction)[2:])

    def _encode(self, function: str, *arguments: object) -> bytes:
        return bytes.fromhex(self._functions.encode_abi(function, args=list(arguments))[2:])

    def _view(self, function: str, *arguments: object) -> Any:  # noqa: ANN401  # what the ABI says
        call = {"to": self.contract, "data": "0x" + self._encode(function, *arguments).hex()}
        output = bytes.fromhex(self._request("eth_call", call, "latest")[2:])
        types = [_type_of(entry) for entry in self._functions.get_function_by_name(function).abi["outputs"]]
        values = self._web3.codec.decode(types, output)
        return values[0]

    def _check_code(self, address: str) -> None:
        code = bytes.fromhex(self._request("eth_getCode", address, "latest")[2:])
        if code != self._artifact.deployed_bytecode:
            raise ChainError(
                "This is not our contract",
                expected=f"code with Keccak-256 {keccak(self._artifact.deployed_bytecode).hex()}",
                got=keccak(code).hex() if code else "no code",
                record=address,
                next_step="Correct the contract's address in the settings.",
            )

    def _wait(self, transaction_hash: bytes, wait_s: float) -> Receipt:
        give_up_at_s = time.monotonic() + wait_s
        while (receipt := self.receipt(transaction_hash)) is None:
            if time.monotonic() > give_up_at_s:
                raise ChainError("The transaction is in no block yet", record=transaction_hash.hex())
            time.sleep(0.2)
        if not receipt.is_success:
            raise ChainError("The transaction failed", record=transaction_hash.hex())
        return receipt

    def _nonce(self, address: str) -> int:
        return self._number("eth_getTransactionCount", address, "latest")

    def _number(self, method: str, *params: object) -> int:
        return int(self._request(method, *params), 16)

    def _request(self, method: str, *params: object) -> Any:  # noqa: ANN401  # JSON
        try:
            answer = self._web3.provider.make_request(method, list(params))  # type: ignore[arg-type]  # a plain name
        except (OSError, ValueError) as error:
            # not its text: it holds the address, and keys of node providers stand in addresses
            raise ChainError("The chain does not answer", got=type(error).__name__, next_step="Try again later.") from error
        if "error" in answer:
            raise _to_error(answer["error"])
        return answer.get("result")


def decode_revert(data: bytes) -> LedgerError:
    """The named error of a revert.

    Args:
        data: Return data of the call: Error(string), or anything else.
    """
    reason = ""
    if data[:4] == _REVERT_SELECTOR and len(data) >= 68:  # noqa: PLR2004  # selector, offset, length
        size = int.from_bytes(data[36:68], "big")
        reason = data[68 : 68 + size].decode("utf-8", "replace")
    kind = _ERRORS.get(reason, ChainError)
    return kind("The contract refuses", expected="a call that its rules allow", got=reason or data.hex() or "no reason")


def _connect(target: EmbeddedChain | str, timeout_s: float) -> "Web3":
    from web3 import HTTPProvider, Web3
    from web3.providers.base import BaseProvider
    from web3.types import RPCEndpoint, RPCResponse

    bound_recursion()

    class EmbeddedProvider(BaseProvider):
        """Speaks to the embedded chain in this process as if it were a node."""

        def __init__(self, chain: EmbeddedChain) -> None:
            super().__init__()
            self._chain = chain

        def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:  # noqa: ANN401  # web3's signature
            """One JSON-RPC exchange without a network."""
            try:
                return {"jsonrpc": "2.0", "id": 1, "result": self._chain.request(method, list(params))}
            except RpcError as error:
                return {"jsonrpc": "2.0", "id": 1, "error": error.to_json()}  # type: ignore[typeddict-item]  # built there

    if isinstance(target, EmbeddedChain):
        return Web3(EmbeddedProvider(target))
    return Web3(HTTPProvider(target, request_kwargs={"timeout": timeout_s}))


def _to_error(error: Mapping[str, Any] | str) -> LedgerError:
    if isinstance(error, str):
        return ChainError("The chain refuses", got=error)
    data = error.get("data")
    if isinstance(data, str) and data.startswith("0x") and (error.get("code") == 3 or "revert" in str(error.get("message"))):  # noqa: PLR2004  # geth's code of a revert
        return decode_revert(bytes.fromhex(data[2:]))
    return ChainError("The chain refuses", got=str(error.get("message")))


def _already(message: str, stored_root: bytes) -> dict[str, Any]:
    return {
        "message": message,
        "stored_root": stored_root,
        "got": f"root {stored_root.hex()} on the chain",
        "next_step": "Equal to the root that was to be issued, it is done; else a restatement needs a new revision.",
    }


def _first_contract(relayer: str) -> str:
    from eth_utils.address import to_checksum_address

    # RLP of (address, nonce 0): a list of 22 bytes, a string of 20 bytes, the empty string for zero (yellow paper, section 7).
    return str(to_checksum_address(keccak(b"\xd6\x94" + bytes.fromhex(relayer[2:]) + b"\x80")[12:]))


def _deadline(envelope: Envelope) -> int:
    return envelope.epoch << 64 | envelope.deadline_s


def _fields(issuance: Issuance) -> tuple[Any, ...]:
    return tuple(getattr(issuance, name) for name in issuance.__dataclass_fields__)


def _type_of(entry: Mapping[str, Any]) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_of(part) for part in entry['components'])}){kind.removeprefix('tuple')}"
