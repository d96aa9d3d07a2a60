"""The chain client. The only file that speaks web3; web3 is imported when a client is made (it takes a while).

    plan_*      simulate: what is called, with how much gas, at which fees; nothing is signed
    sign        a planned call under a nonce: gives bytes to store before anything is sent
    prepare_*   both, with the nonce that the chain expects next, for a caller that is alone
    broadcast   send stored bytes; the same bytes again are fine, before and after they are mined
    replace     the transaction of stored bytes again, under the same nonce, for higher fees
    cancel      in its place, under the same nonce for higher fees, one that does nothing
    receipt     whether they are mined; `is_final` whether that can still change

Whoever shares an account with others gives each nonce once: `app.usecases.send_outbox` does so in the database.

The node is believed in nothing. Its chain id is asked again before each plan; a receipt counts when its block is there and holds
the transaction; a head that goes backwards is a node that lags, and nothing is decided on it. Every doubt is a `ChainError`.
"""

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING, Any

from domain.errors import AlreadyDoneError, AlreadyIssuedError, ChainError, ExpiredError, LedgerError, QuorumError
from domain.issuance import Envelope, Issuance, Revocation
from ledger.claims import claim_data
from ledger.contract.artifact import load_artifact
from ledger.fees import DEFAULT_CEILING_WEI, DEFAULT_TIP_WEI, Fees, propose_fees, raise_fees
from ledger.issuance import envelope_digest, keccak, leaf_of, pack_item, token_id
from ledger.recursion import bound_recursion
from ledger.rpc import HttpNode, Node, RpcError, http_post, refuse, to_bytes, to_fields, to_hash, to_quantity
from ledger.signers import TransactionSigner
from ledger.signing import digest_of_revocation, sort_signatures, to_compact
from ledger.transactions import Transaction, decode_signed

if TYPE_CHECKING:
    from web3.contract import Contract

GAS_LIMIT = 2**24
"""Most gas that one transaction may have (EIP-7825); some nodes do not check it, so this client does."""

GAS_MARGIN_PCT = 10
"""What is added to an estimate: state may change between simulation and block."""

IS_WITHOUT_TRANSACTIONS = False
"""Second parameter of `eth_getBlockBy*`: hashes of the transactions, not their bodies."""

SUPERSEDED, REVOKED = 2, 3
"""The contract's statuses of a token that ended."""

CANCEL_GAS = 21_000
"""What a transaction takes that does nothing."""

CONFIRMATIONS_COUNT = 64
"""Blocks on top that count as final where a node knows no `finalized` tag: two epochs of Ethereum."""

FIND_COUNT = 64
"""Latest transactions of an account among which its contract is looked for."""

HEAD_PATIENCE_S = 600.0
"""How long a head below the highest that was seen counts as a node that lags; after that the chain itself was taken back."""

_REVERT_CODE = 3  # geth's code of a revert
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
class PlannedCall:
    """A call that was simulated, not signed yet.

    Attributes:
        to: 0x address of the contract; empty to create one.
        data: Calldata.
        gas: Gas limit.
        fees: What it offers.
        chain_nonce: The least nonce that the chain would take from the account.
    """

    to: str
    data: bytes
    gas: int
    fees: Fees
    chain_nonce: int


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
        status: 1 active, 2 superseded, 3 revoked.
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
    """One contract on one chain.

    Args:
        target: The embedded chain or any other node, or the URL of one that is trusted as an address.
        contract: 0x address of the contract; left out for `deploy`.
        chain_id: What the chain's id must be; left out, whatever the chain says.
        timeout_s: How long one request to a URL may take, seconds.
        fee_ceiling_wei: Most wei per gas that is ever offered.
        confirmations_count: Blocks on top that count as final; left out, the node's `finalized` tag.

    Raises:
        ChainError: The chain does not answer or has another id, or there is no such contract at the address.
    """

    def __init__(
        self,
        target: Node | str,
        *,
        contract: str = "",
        chain_id: int | None = None,
        timeout_s: float = 10.0,
        fee_ceiling_wei: int = DEFAULT_CEILING_WEI,
        confirmations_count: int | None = None,
    ) -> None:
        from web3 import Web3

        bound_recursion()
        self._web3 = Web3()  # encodes and decodes; requests go through the node
        self._node: Node = HttpNode(http_post(target, timeout_s)) if isinstance(target, str) else target
        self._fee_ceiling_wei = fee_ceiling_wei
        self._confirmations_count = confirmations_count
        self._highest = _Highest()
        self._artifact = load_artifact()
        self.chain_id = self._number("eth_chainId") if chain_id is None else chain_id
        self._check_chain()
        self.contract = str(self._web3.to_checksum_address(contract)) if contract else ""
        self._functions: type[Contract] = self._web3.eth.contract(abi=self._artifact.abi)
        if self.contract:
            self._check_code(self.contract)

    def genesis_hash(self) -> bytes:
        """Hash of the chain's first block, 32 bytes: another one under the same id is another chain."""
        block = to_fields(self._request("eth_getBlockByNumber", "0x0", IS_WITHOUT_TRANSACTIONS), "eth_getBlockByNumber")
        return to_hash(block.get("hash"), "eth_getBlockByNumber")

    # ---- the contract ----

    def deploy(
        self,
        relayer: TransactionSigner,
        *,
        auditors: Mapping[str, int],
        quorum: int,
        admin: str = "",
        known: str = "",
        wait_s: float = 120.0,
    ) -> str:
        """Address of the relayer's contract, deployed now unless it was before.

        The address of what an account creates follows from the account and its nonce, so a process that was killed after the
        deployment finds it again: the first transaction of the account, else one of its latest that made a contract with our
        code. A contract of a former version of the program is not ours: then a new one is deployed beside it.

        Args:
            relayer: Who pays.
            auditors: Bitmap of regions by 0x address of each auditor, at most 64.
            quorum: How many auditors must sign, 1 to 8.
            admin: 0x address that may change auditors; the relayer's own where left out.
            known: 0x address that was found or deployed before; looked at first.
            wait_s: How long to wait for the block, seconds.

        Raises:
            ChainError: The chain refuses, or makes no block in time.
        """
        next_nonce = self.next_nonce(relayer.address)
        address = self._find_contract(relayer.address, next_nonce, known)
        if not address:
            data = self._creation_data(admin or relayer.address, auditors, quorum)
            signed = self._sign(relayer, to="", data=data, nonce=next_nonce)
            self._wait(self.broadcast(signed.raw), wait_s)
            address = created_address(relayer.address, next_nonce)
            self._check_code(address)
        self.contract = address
        return address

    def _find_contract(self, relayer: str, next_nonce: int, known: str) -> str:
        """Address of a contract with our code that an account created; empty where there is none to be found."""
        latest = range(next_nonce - 1, max(next_nonce - 1 - FIND_COUNT, 0), -1)
        created = (created_address(relayer, nonce) for nonce in (*range(min(next_nonce, 1)), *latest))
        for address in chain((known,) if known else (), created):
            if to_bytes(self._request("eth_getCode", address, "latest"), "eth_getCode") == self._artifact.deployed_bytecode:
                return address
        return ""

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

    def is_batch_revoked(self, root: bytes) -> bool:
        """Whether the auditors have withdrawn a whole batch.

        Args:
            root: 32 bytes.
        """
        return bool(self._view("is_batch_revoked", root))

    def is_anchored(self, root: bytes, *, block: str = "latest") -> bool:
        """Whether the contract has a batch's root.

        Args:
            root: 32 bytes.
            block: Number or tag of the block to look at.
        """
        return bool(self._view("batch_of", root, block=block)[4])

    def token_root(self, token_id: int, *, block: str = "latest") -> bytes | None:
        """Root that a token names; None where there is no token.

        Args:
            token_id: As `ledger.issuance.token_id` gives it.
            block: Number or tag of the block to look at.
        """
        if not self._view("token_of", token_id, block=block)[3]:
            return None
        return bytes(self._view("hash_of", token_id, block=block))

    # ---- sending ----

    def next_nonce(self, address: str) -> int:
        """The least nonce that the chain would take from an account: how many of its transactions are in blocks.

        Args:
            address: 0x address.

        Raises:
            ChainError: The chain does not answer.
        """
        return self._number("eth_getTransactionCount", address, "latest")

    def plan_anchor(self, sender: str, envelope: Envelope, signatures: Sequence[bytes]) -> PlannedCall:
        """The call that anchors a batch, simulated.

        Args:
            sender: 0x address of who pays.
            envelope: The batch.
            signatures: The auditors' signatures, 65 bytes each, in any order.

        Raises:
            AlreadyIssuedError: The root is anchored; `stored_root` is the root where it stands there as it was to be anchored.
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
            return self._plan(sender, to=self.contract, data=data)
        except AlreadyIssuedError as error:
            found = self.batch_of(envelope.root)
            is_equal = found is not None and (found.region, found.count) == (envelope.region, envelope.count)
            raise AlreadyIssuedError(
                **_already("The root is anchored already", envelope.root if is_equal else bytes(32))
            ) from error

    def plan_issue(self, sender: str, issuance: Issuance, envelope: Envelope, signatures: Sequence[bytes]) -> PlannedCall:
        """The call that issues one statement to its holder, simulated.

        Args:
            sender: 0x address of who pays.
            issuance: The statement.
            envelope: Its batch of one: root = `leaf_of(issuance)`, count 1, region and method hash of the issuance.
            signatures: The auditors' signatures, 65 bytes each, in any order.

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
        entry = "issue" if issuance.revision == 1 else "supersede"
        words = (self._web3.to_checksum_address(issuance.holder), int(issuance.kind), *_fields(issuance)[2:])
        try:
            data = self._encode(entry, words, _deadline(envelope), self._compact(envelope, signatures))
            return self._plan(sender, to=self.contract, data=data)
        except AlreadyIssuedError as error:
            found = self.token(token_id(issuance))
            ended = {SUPERSEDED: "A newer revision took the statement's place", REVOKED: "The statement is revoked"}
            message = ended.get(found.status if found else 0, "The statement is issued already")
            raise AlreadyIssuedError(**_already(message, found.root if found else bytes(32))) from error

    def plan_issue_many(
        self, sender: str, issuances: Sequence[Issuance], envelope: Envelope, signatures: Sequence[bytes]
    ) -> PlannedCall:
        """The call that anchors a batch and issues all of its statements to their holders, simulated.

        Args:
            sender: 0x address of who pays.
            issuances: All statements of the batch, at most `MOST_ISSUED_COUNT`, in any order.
            envelope: The batch.
            signatures: The auditors' signatures, 65 bytes each, in any order.

        Raises:
            AlreadyIssuedError: The root is anchored already, as it was to be, where `stored_root` is it; else one of the tokens
                is taken.
            ExpiredError: The deadline or the epoch has passed.
            QuorumError: The signatures are not enough.
            ChainError: The chain refuses, or does not answer.
        """
        items = [pack_item(one) for one in sorted(issuances, key=leaf_of)]
        try:
            data = self._encode(
                "issue_many",
                envelope.root,
                envelope.region,
                envelope.method_hash,
                items,
                _deadline(envelope),
                self._compact(envelope, signatures),
            )
            return self._plan(sender, to=self.contract, data=data)
        except AlreadyIssuedError as error:
            is_there = self.is_anchored(envelope.root)
            message = "The root is anchored already" if is_there else "A statement of the batch is issued or ended already"
            raise AlreadyIssuedError(**_already(message, envelope.root if is_there else bytes(32))) from error

    def plan_claim(self, sender: str, root: bytes, issuance: Issuance, proof: Sequence[bytes]) -> PlannedCall:
        """The call that issues one statement of an anchored batch to its holder, simulated.

        Args:
            sender: 0x address of who pays.
            root: Root of the batch, 32 bytes.
            issuance: The statement.
            proof: Hashes from its leaf to the root.

        Raises:
            LedgerError: It has no holder, or is not in the batch.
            ChainError: The chain refuses, or does not answer.
        """
        return self._plan(sender, to=self.contract, data=claim_data(root, issuance, proof))

    def plan_revoke(self, sender: str, revocation: Revocation, signatures: Sequence[bytes]) -> PlannedCall:
        """The call that withdraws a statement for good, simulated.

        Args:
            sender: 0x address of who pays.
            revocation: What is withdrawn.
            signatures: The auditors' signatures, 65 bytes each, in any order.

        Raises:
            AlreadyDoneError: It is revoked already.
            ExpiredError: The deadline or the epoch has passed.
            QuorumError: The signatures are not enough.
            ChainError: The chain refuses (it was superseded, or is of another region), or does not answer.
        """
        found = self.token(revocation.token_id)
        if found is not None and found.status == REVOKED:
            raise AlreadyDoneError("The statement is revoked already", record=f"token {revocation.token_id:064x}")
        epoch = self.epoch()
        if revocation.epoch != epoch:
            raise ExpiredError(expected=f"epoch {epoch}", got=f"epoch {revocation.epoch}")
        digest = digest_of_revocation(revocation, chain_id=self.chain_id, contract=self.contract)
        data = self._encode(
            "revoke",
            revocation.token_id,
            revocation.region,
            revocation.reason_hash,
            _deadline(revocation),
            [to_compact(one) for one in sort_signatures(digest, signatures)],
        )
        return self._plan(sender, to=self.contract, data=data)

    def plan_retire(self, sender: str, token_id: int, amount: int, beneficiary: bytes) -> PlannedCall:
        """The call that uses up units of the sender for a beneficiary, for good, simulated.

        Args:
            sender: 0x address of who has the units, and pays.
            token_id: The units.
            amount: Watt-hours of a REC, grams CO2e of an offset.
            beneficiary: 32 bytes that no other retirement names.

        Raises:
            AlreadyDoneError: As much is retired for this beneficiary already.
            ChainError: The chain refuses (the balance is too small), or does not answer.
        """
        if self.retired_of(token_id, beneficiary) >= amount:
            raise AlreadyDoneError("These units are retired already", record=f"beneficiary {beneficiary.hex()}")
        return self._plan(sender, to=self.contract, data=self._encode("retire", token_id, amount, beneficiary))

    def retired_of(self, token_id: int, beneficiary: bytes) -> int:
        """How much of a unit was retired for a beneficiary: watt-hours of a REC, grams CO2e of an offset.

        Args:
            token_id: The units.
            beneficiary: 32 bytes.
        """
        return int(self._view("retired_of", token_id, beneficiary))

    def balance_of(self, address: str, token_id: int) -> int:
        """How much of a token an account has: watt-hours of a REC, grams CO2e of anything else.

        Args:
            address: 0x address.
            token_id: The token.
        """
        return int(self._view("balanceOf", self._web3.to_checksum_address(address), token_id))

    def sign(self, signer: TransactionSigner, call: PlannedCall, *, nonce: int) -> SignedTransaction:
        """A planned call as signed bytes; the chain is not asked.

        Args:
            signer: Who pays.
            call: What is called.
            nonce: Nonce that nobody else was given.

        Raises:
            ChainError: The signer does not sign.
        """
        return _signed(
            signer,
            Transaction(
                chain_id=self.chain_id,
                nonce=nonce,
                tip_wei=call.fees.tip_wei,
                max_fee_wei=call.fees.max_fee_wei,
                gas=call.gas,
                to=call.to,
                value_wei=0,
                data=call.data,
            ),
        )

    def replace(self, signer: TransactionSigner, raw: bytes) -> SignedTransaction | None:
        """The transaction of stored bytes again, under its own nonce, for higher fees; None where the ceiling forbids it.

        Args:
            signer: Who signed it.
            raw: The stored bytes that wait too long.

        Raises:
            ChainError: The bytes are no transaction, the chain does not answer, or the signer does not sign.
        """
        waiting = decode_signed(raw)
        self._check_chain()
        fees = raise_fees(waiting.fees, self._fees(), ceiling_wei=self._fee_ceiling_wei)
        return None if fees is None else _signed(signer, waiting.offering(fees))

    def cancel(self, signer: TransactionSigner, raw: bytes) -> SignedTransaction | None:
        """What takes the place of a transaction that waits: nothing, to oneself, under its nonce; None above the ceiling.

        Args:
            signer: Who signed it.
            raw: The stored bytes that must not be mined any more.

        Raises:
            ChainError: The bytes are no transaction, the chain does not answer, or the signer does not sign.
        """
        waiting = decode_signed(raw)
        self._check_chain()
        fees = raise_fees(waiting.fees, self._fees(), ceiling_wei=self._fee_ceiling_wei)
        if fees is None:
            return None
        return _signed(signer, replace(waiting.offering(fees), gas=CANCEL_GAS, to=signer.address, value_wei=0, data=b""))

    def prepare_anchor(
        self, relayer: TransactionSigner, envelope: Envelope, signatures: Sequence[bytes], *, nonce: int | None = None
    ) -> SignedTransaction:
        """A signed transaction that anchors a batch; nothing is sent. Errors as those of `plan_anchor`.

        Args:
            relayer: Who pays.
            envelope: The batch.
            signatures: The auditors' signatures, 65 bytes each, in any order.
            nonce: The relayer's next nonce where signed bytes wait to be sent; else the chain's.
        """
        call = self.plan_anchor(relayer.address, envelope, signatures)
        return self.sign(relayer, call, nonce=call.chain_nonce if nonce is None else nonce)

    def prepare_issue(
        self,
        relayer: TransactionSigner,
        issuance: Issuance,
        envelope: Envelope,
        signatures: Sequence[bytes],
        *,
        nonce: int | None = None,
    ) -> SignedTransaction:
        """A signed transaction that issues one statement; nothing is sent. Errors as those of `plan_issue`.

        Args:
            relayer: Who pays.
            issuance: The statement.
            envelope: Its batch of one.
            signatures: The auditors' signatures, 65 bytes each, in any order.
            nonce: The relayer's next nonce where signed bytes wait to be sent; else the chain's.
        """
        call = self.plan_issue(relayer.address, issuance, envelope, signatures)
        return self.sign(relayer, call, nonce=call.chain_nonce if nonce is None else nonce)

    def broadcast(self, raw: bytes) -> bytes:
        """Send stored bytes; sending them again is fine. Gives the transaction's hash, 32 bytes.

        Args:
            raw: A signed transaction's bytes.

        Raises:
            ChainError: The chain refuses the transaction, or another one took its nonce.
        """
        transaction_hash = keccak(raw)
        try:
            answered = to_hash(self._request("eth_sendRawTransaction", "0x" + raw.hex()), "eth_sendRawTransaction")
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
        if answered != transaction_hash:
            refuse("eth_sendRawTransaction", transaction_hash.hex(), f"the hash of another transaction, {answered.hex()}")
        return transaction_hash

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt of a transaction, or nothing while it is in no block (right after sending that is normal).

        Args:
            transaction_hash: 32 bytes.

        Raises:
            ChainError: The chain does not answer, or contradicts itself: no such block, or one without the transaction.
        """
        method, hash_hex = "eth_getTransactionReceipt", "0x" + transaction_hash.hex()
        answer = self._request(method, hash_hex)
        if answer is None:
            return None
        found = to_fields(answer, method)
        block_hash = to_hash(found.get("blockHash"), method)
        block_number = to_quantity(found.get("blockNumber"), method)
        if to_hash(found.get("transactionHash"), method) != transaction_hash:
            refuse(method, hash_hex, f"the receipt of {found.get('transactionHash')}")
        block = self._request("eth_getBlockByHash", "0x" + block_hash.hex(), IS_WITHOUT_TRANSACTIONS)
        if block is None:
            refuse(method, "a receipt of a block that the node has", f"one of block {block_number}, {block_hash.hex()}")
        named = to_fields(block, "eth_getBlockByHash")
        if to_quantity(named.get("number"), "eth_getBlockByHash") != block_number or hash_hex not in named.get(
            "transactions", ()
        ):
            refuse(method, f"block {block_number} with the transaction", f"block {block_hash.hex()} without it")
        contract = found.get("contractAddress")
        return Receipt(
            transaction_hash=transaction_hash,
            block_number=block_number,
            block_hash=block_hash,
            is_success=to_quantity(found.get("status"), method) == 1,
            gas_used=to_quantity(found.get("gasUsed"), method),
            contract=self._web3.to_checksum_address(contract) if contract else "",
        )

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the newest block.

        Raises:
            ChainError: The chain does not answer, or its head went backwards.
        """
        block = self._newest()
        return to_quantity(block.get("number"), "eth_getBlockByNumber"), to_hash(block.get("hash"), "eth_getBlockByNumber")

    def is_final(self, receipt: Receipt, *, confirmations: int = CONFIRMATIONS_COUNT) -> bool:
        """Whether a receipt's block can no longer change.

        Args:
            receipt: What `receipt` gave.
            confirmations: Blocks on top that count as final where a node knows no `finalized` tag.

        Raises:
            ChainError: The chain does not answer, or its head went backwards.
        """
        return self.is_final_block(receipt.block_number, receipt.block_hash, confirmations=confirmations)

    def is_final_block(self, number: int, block_hash: bytes, *, confirmations: int = CONFIRMATIONS_COUNT) -> bool:
        """Whether a block is the chain's own and can no longer change.

        Args:
            number: The block's number.
            block_hash: Its hash, 32 bytes.
            confirmations: As in `is_final`.

        Raises:
            ChainError: The chain does not answer, or its head went backwards.
        """
        return self.is_canonical(number, block_hash) and self.final_number(confirmations=confirmations) >= number

    def is_canonical(self, number: int, block_hash: bytes) -> bool:
        """Whether the chain has this block at this number now.

        Args:
            number: The block's number.
            block_hash: Its hash, 32 bytes.

        Raises:
            ChainError: The chain does not answer, or its head went backwards.
        """
        self._newest()
        block = self._request("eth_getBlockByNumber", hex(number), IS_WITHOUT_TRANSACTIONS)
        if block is None:
            return False
        return to_hash(to_fields(block, "eth_getBlockByNumber").get("hash"), "eth_getBlockByNumber") == block_hash

    def final_number(self, *, confirmations: int = CONFIRMATIONS_COUNT) -> int:
        """Number of the newest block that can no longer change; negative where there is none yet.

        Args:
            confirmations: As in `is_final`.

        Raises:
            ChainError: The chain does not answer, its head went backwards, or a block above the head is called final.
        """
        head_number, _ = self.head()
        if self._confirmations_count is not None:
            return head_number - self._confirmations_count
        try:
            finalized = self._node.request("eth_getBlockByNumber", ["finalized", IS_WITHOUT_TRANSACTIONS])
        except RpcError:
            finalized = None  # chains without finality refuse the tag
        if finalized is None:
            return head_number - confirmations
        number = to_quantity(to_fields(finalized, "eth_getBlockByNumber").get("number"), "eth_getBlockByNumber")
        if number > head_number + 1:  # one more may have come in between
            refuse("eth_getBlockByNumber", f"a final block up to {head_number}", f"block {number}")
        return number

    # ---- inside ----

    def _sign(self, relayer: TransactionSigner, *, to: str, data: bytes, nonce: int | None) -> SignedTransaction:
        call = self._plan(relayer.address, to=to, data=data)
        return self.sign(relayer, call, nonce=call.chain_nonce if nonce is None else nonce)

    def _plan(self, sender: str, *, to: str, data: bytes) -> PlannedCall:
        self._check_chain()
        call = {"from": sender, "data": "0x" + data.hex(), **({"to": to} if to else {})}
        estimate = self._number("eth_estimateGas", call, "latest")
        gas = estimate + estimate * GAS_MARGIN_PCT // 100
        if gas > GAS_LIMIT:
            raise ChainError("This transaction is too large", expected=f"at most {GAS_LIMIT} gas (EIP-7825)", got=f"{gas} gas")
        return PlannedCall(to=to, data=data, gas=gas, fees=self._fees(), chain_nonce=self.next_nonce(sender))

    def _fees(self) -> Fees:
        base_fee_wei = to_quantity(self._newest().get("baseFeePerGas"), "eth_getBlockByNumber")
        try:
            tip_wei = to_quantity(self._node.request("eth_maxPriorityFeePerGas", []), "eth_maxPriorityFeePerGas")
        except RpcError:
            tip_wei = DEFAULT_TIP_WEI  # a node may have no opinion
        return propose_fees(base_fee_wei, tip_wei, ceiling_wei=self._fee_ceiling_wei)

    def _newest(self) -> Mapping[str, Any]:
        block = to_fields(self._request("eth_getBlockByNumber", "latest", IS_WITHOUT_TRANSACTIONS), "eth_getBlockByNumber")
        self._highest.look(to_quantity(block.get("number"), "eth_getBlockByNumber"))
        return block

    def _check_chain(self) -> None:
        found = self._number("eth_chainId")
        if found != self.chain_id:
            raise ChainError(
                "This is another chain",
                expected=f"chain id {self.chain_id}",
                got=str(found),
                next_step="Correct the chain's address or its id in the settings.",
            )

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

    def _view(self, function: str, *arguments: object, block: str = "latest") -> Any:  # noqa: ANN401  # what the ABI says
        from eth_abi.exceptions import DecodingError

        call = {"to": self.contract, "data": "0x" + self._encode(function, *arguments).hex()}
        output = to_bytes(self._request("eth_call", call, block), "eth_call")
        types = [_type_of(entry) for entry in self._functions.get_function_by_name(function).abi["outputs"]]
        try:
            return self._web3.codec.decode(types, output)[0]
        except DecodingError as error:
            raise ChainError(
                "The node's answer cannot be used", expected=f"{function}'s result", got=f"{len(output)} bytes"
            ) from error

    def _check_code(self, address: str) -> None:
        code = to_bytes(self._request("eth_getCode", address, "latest"), "eth_getCode")
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

    def _number(self, method: str, *params: object) -> int:
        return to_quantity(self._request(method, *params), method)

    def _request(self, method: str, *params: object) -> Any:  # noqa: ANN401  # JSON
        try:
            return self._node.request(method, list(params))
        except RpcError as error:
            raise _to_error(error) from error


class _Highest:
    """The highest block that was seen, for one client: what comes after must not lie below it, at least for a while."""

    def __init__(self) -> None:
        self._number = 0
        self._seen_at_s = time.monotonic()

    def look(self, number: int) -> None:
        """Note the number of the newest block.

        Raises:
            ChainError: It lies below the highest, which was seen less than `HEAD_PATIENCE_S` ago.
        """
        now_s = time.monotonic()
        if number < self._number and now_s < self._seen_at_s + HEAD_PATIENCE_S:
            raise ChainError(
                "The node's head went backwards",
                expected=f"block {self._number} or a later one",
                got=f"block {number}",
                next_step="The node lags, or the chain was taken back; it is asked again by itself.",
            )
        self._number, self._seen_at_s = number, now_s


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


def entry_of(data: bytes) -> str:
    """Name of the contract's function that calldata are for; empty where it has none such.

    Args:
        data: The calldata.
    """
    return _entries().get(data[:4], "")


@cache
def _entries() -> Mapping[bytes, str]:
    functions = [entry for entry in load_artifact().abi if entry["type"] == "function"]
    types = {str(entry["name"]): ",".join(_type_of(part) for part in entry["inputs"]) for entry in functions}
    return {keccak(f"{name}({of_name})".encode("ascii"))[:4]: name for name, of_name in types.items()}


def _to_error(error: RpcError) -> LedgerError:
    if error.data_hex and (error.code == _REVERT_CODE or "revert" in error.message):
        return decode_revert(bytes.fromhex(error.data_hex[2:]))
    return ChainError("The chain refuses", got=error.message)


def _signed(signer: TransactionSigner, transaction: Transaction) -> SignedTransaction:
    raw, transaction_hash = signer.sign_transaction(transaction.to_fields())
    cost_wei = transaction.gas * transaction.max_fee_wei
    return SignedTransaction(raw, transaction_hash, nonce=transaction.nonce, gas=transaction.gas, max_fee_wei=cost_wei)


def _already(message: str, stored_root: bytes) -> dict[str, Any]:
    return {
        "message": message,
        "stored_root": stored_root,
        "got": f"root {stored_root.hex()} on the chain",
        "next_step": "Equal to the root that was to be issued, it is done; else a restatement needs a new revision.",
    }


def created_address(creator: str, nonce: int) -> str:
    """Checksummed 0x address of the contract that an account creates with a transaction (yellow paper, section 7).

    Args:
        creator: 0x address.
        nonce: Of the transaction.
    """
    from eth_utils.address import to_checksum_address

    number = nonce.to_bytes((nonce.bit_length() + 7) // 8, "big")
    item = number if 0 < nonce < 0x80 else bytes((0x80 + len(number),)) + number  # noqa: PLR2004  # RLP: a small byte is itself
    payload = b"\x94" + bytes.fromhex(creator[2:]) + item
    return str(to_checksum_address(keccak(bytes((0xC0 + len(payload),)) + payload)[12:]))


def _deadline(signed: Envelope | Revocation) -> int:
    return signed.epoch << 64 | signed.deadline_s


def _fields(issuance: Issuance) -> tuple[Any, ...]:
    return tuple(getattr(issuance, name) for name in issuance.__dataclass_fields__)


def _type_of(entry: Mapping[str, Any]) -> str:
    kind = str(entry["type"])
    if not kind.startswith("tuple"):
        return kind
    return f"({','.join(_type_of(part) for part in entry['components'])}){kind.removeprefix('tuple')}"
