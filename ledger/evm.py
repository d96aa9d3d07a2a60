"""The virtual machine of the embedded chain: py-evm (Prague) over one SQLite file. The only file that speaks py-evm.

One transaction is one block, mined at once; state, block, receipts and head are written in one SQLite transaction, so after a
kill -9 there is either the whole block or nothing of it. Locks, files and JSON-RPC are in `ledger.embedded`. Importing this file
takes half a second: `ledger.embedded` does it when a chain is opened.
"""

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from eth.abc import BlockAPI, BlockHeaderAPI, ReceiptAPI, SignedTransactionAPI, StateAPI
from eth.chains.base import MiningChain
from eth.constants import POST_MERGE_DIFFICULTY, POST_MERGE_MIX_HASH, POST_MERGE_NONCE
from eth.db.atomic import AtomicDBWriteBatch
from eth.db.backends.base import BaseAtomicDB
from eth.exceptions import HeaderNotFound, TransactionNotFound, UnrecognizedTransactionType
from eth.vm.forks.prague import PragueVM
from eth.vm.spoof import SpoofTransaction
from eth_keys.exceptions import BadSignature
from eth_typing import Address, BlockNumber, Hash32
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from domain.errors import ChainError
from ledger.recursion import bound_recursion

bound_recursion()

BLOCK_GAS_LIMIT = 30_000_000
_HEAD_KEY = b"v1:canonical_head_hash"
_NOBODY = Address(bytes(20))


class SqliteDatabase(BaseAtomicDB):
    """Keys and values of the chain in one table.

    Durability: a write is on disk when the surrounding `transaction` has ended, not before. Ordering: as written. Concurrency:
    one thread at a time, one process (the caller holds the locks). A missing key raises KeyError.

    Args:
        connection: Open connection in autocommit mode, with the table `entry`.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def __getitem__(self, key: bytes) -> bytes:
        row = self._connection.execute("SELECT value FROM entry WHERE key = ?", (key,)).fetchone()
        if row is None:
            raise KeyError(key)
        return bytes(row[0])

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._connection.execute("INSERT OR REPLACE INTO entry (key, value) VALUES (?, ?)", (key, value))

    def __delitem__(self, key: bytes) -> None:
        if self._connection.execute("DELETE FROM entry WHERE key = ?", (key,)).rowcount == 0:
            raise KeyError(key)

    def _exists(self, key: bytes) -> bool:
        return self._connection.execute("SELECT 1 FROM entry WHERE key = ?", (key,)).fetchone() is not None

    @contextmanager
    def atomic_batch(self) -> Iterator[AtomicDBWriteBatch]:
        """py-evm's own batches; they only collect, `transaction` makes them durable."""
        with AtomicDBWriteBatch._commit_unless_raises(self) as batch:  # noqa: SLF001  # py-evm's LevelDB backend does the same
            yield batch  # type: ignore[misc]  # annotated with its interface, which it implements

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All writes inside reach the disk together, or none does."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


@dataclass(frozen=True, slots=True)
class Call:
    """A call that is tried without being sent.

    Attributes:
        sender: Who would send it, 20 bytes.
        to: Contract, 20 bytes; empty to create one.
        data: Calldata.
        value_wei: Wei sent along.
        gas: Gas allowed.
    """

    sender: bytes
    to: bytes
    data: bytes
    value_wei: int = 0
    gas: int = BLOCK_GAS_LIMIT


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tried call would do.

    Attributes:
        output: Return data, or the revert's.
        gas_needed: Gas that it must be sent with: what it takes before storage that it clears is refunded.
        is_error: Whether it fails.
        error: Why it fails, empty where it does not.
    """

    output: bytes
    gas_needed: int
    is_error: bool
    error: str


class Evm:
    """Blocks and state. One thread at a time.

    Args:
        database: Where everything is kept.
        chain_id: The chain's id (EIP-155).
        funded_wei: Balances of the first block by 20-byte address; used where the database is empty.
        genesis_at_s: Time of the first block, Unix seconds; used where the database is empty.
    """

    refusal = ValidationError
    """What it raises about a value that cannot be: a hash of another size, a block before the first."""

    def __init__(self, database: SqliteDatabase, *, chain_id: int, funded_wei: Mapping[bytes, int], genesis_at_s: int) -> None:
        self._database = database
        self._chain_class = _chain_class(chain_id)
        if _HEAD_KEY not in database:
            with database.transaction():
                self._chain_class.from_genesis(database, _genesis(genesis_at_s), _balances(funded_wei))
        self._chain = self._chain_class(database)

    @property
    def head(self) -> BlockHeaderAPI:
        """Header of the newest block."""
        return self._chain.get_canonical_head()

    def header_at(self, number: int) -> BlockHeaderAPI | None:
        """Header of a block, or nothing where there is no such block."""
        try:
            return self._chain.get_canonical_block_header_by_number(BlockNumber(number))
        except HeaderNotFound:
            return None

    def header_of(self, block_hash: bytes) -> BlockHeaderAPI | None:
        """Header of the block with this hash, or nothing."""
        try:
            return self._chain.get_block_header_by_hash(Hash32(block_hash))
        except HeaderNotFound:
            return None

    def block_at(self, header: BlockHeaderAPI) -> BlockAPI:
        """The block with this header."""
        return self._chain.get_block_by_header(header)

    def find_transaction(self, transaction_hash: bytes) -> tuple[BlockHeaderAPI, int] | None:
        """Header of the block that holds a transaction with its position, or nothing."""
        try:
            number, index = self._chain.get_canonical_transaction_index(Hash32(transaction_hash))
        except TransactionNotFound:
            return None
        return self._chain.get_canonical_block_header_by_number(number), index

    def receipts_at(self, header: BlockHeaderAPI) -> tuple[ReceiptAPI, ...]:
        """Receipts of a block in the order of its transactions."""
        return tuple(self.block_at(header).get_receipts(self._chain.chaindb))

    def nonce(self, address: bytes) -> int:
        """How many transactions an account has sent."""
        return self._state().get_nonce(Address(address))

    def balance_wei(self, address: bytes) -> int:
        """An account's balance in wei."""
        return self._state().get_balance(Address(address))

    def code(self, address: bytes) -> bytes:
        """A contract's code; empty for an account."""
        return self._state().get_code(Address(address))

    def storage(self, address: bytes, slot: int) -> int:
        """One storage slot of a contract."""
        return self._state().get_storage(Address(address), slot)

    def next_base_fee_wei(self) -> int:
        """Base fee per gas of the next block, wei."""
        return self._next_header(0).base_fee_per_gas or 0

    def try_call(self, call: Call, *, now_s: int) -> Outcome:
        """What a call would do in the next block; nothing is kept.

        Args:
            call: The call.
            now_s: Unix seconds; the next block is at this time, or a second after the newest block where that is later.

        Raises:
            ChainError: The call could not even start (balance, gas).
        """
        # A base fee of zero makes the call free for whoever asks; the virtual machine is thrown away afterwards.
        vm = self._chain.get_vm(self._next_header(now_s).copy(base_fee_per_gas=0))
        unsigned = vm.get_transaction_builder().new_unsigned_dynamic_fee_transaction(  # type: ignore[attr-defined]  # Berlin's
            chain_id=self._chain.chain_id,
            nonce=vm.state.get_nonce(Address(call.sender)),
            max_priority_fee_per_gas=0,
            max_fee_per_gas=0,
            gas=call.gas,
            to=Address(call.to),
            value=call.value_wei,
            data=call.data,
            access_list=(),
        )
        transaction = SpoofTransaction(unsigned, from_=call.sender)
        try:
            computation = vm.state.apply_transaction(transaction)  # type: ignore[arg-type]  # py-evm's own stand-in
        except ValidationError as error:
            raise ChainError("the chain refuses the call", got=str(error)) from error
        return Outcome(
            output=computation.output,
            gas_needed=call.gas - computation.get_gas_remaining() + computation.data_floor_gas,
            is_error=computation.is_error,
            error=type(computation.error).__name__ if computation.is_error else "",
        )

    def decode(self, raw: bytes) -> SignedTransactionAPI:
        """A signed transaction from its bytes.

        Args:
            raw: As `eth_sendRawTransaction` takes it.

        Raises:
            ChainError: The bytes are no transaction of this chain.
        """
        try:
            transaction = self._chain.get_vm(self._next_header(0)).get_transaction_builder().decode(raw)
            transaction.validate()
            transaction.get_sender()
            chain_id = transaction.chain_id
        except (RLPException, ValidationError, UnrecognizedTransactionType, BadSignature, ValueError, IndexError) as error:
            raise ChainError("not a signed transaction", got=str(error)) from error
        if chain_id != self._chain.chain_id:
            raise ChainError("invalid chain id", expected=str(self._chain.chain_id), got=str(chain_id))
        return transaction

    def mine(self, transaction: SignedTransactionAPI, *, now_s: int) -> None:
        """Put a transaction into the next block, durably.

        Args:
            transaction: The transaction.
            now_s: Unix seconds; the block is at this time, or a second after the newest block where that is later.

        Raises:
            ChainError: The chain refuses the transaction (nonce, balance, fee).
        """
        try:
            with self._database.transaction():
                self._chain.header = self._next_header(now_s)
                self._chain.mine_all([transaction])
        except ValidationError as error:
            self._chain = self._chain_class(self._database)
            raise ChainError("the chain refuses the transaction", got=str(error)) from error
        except BaseException:
            self._chain = self._chain_class(self._database)  # what is cached may belong to the block that was rolled back
            raise

    def _next_header(self, now_s: int) -> BlockHeaderAPI:
        head = self.head
        return self._chain.create_header_from_parent(
            head, gas_limit=BLOCK_GAS_LIMIT, timestamp=max(now_s, head.timestamp + 1), coinbase=_NOBODY
        )

    def _state(self) -> StateAPI:
        return self._chain.get_vm(self.head).state


def _chain_class(chain_id: int) -> type[MiningChain]:
    fields = {"vm_configuration": ((BlockNumber(0), PragueVM),), "chain_id": chain_id}
    return type("EmbeddedMiningChain", (MiningChain,), fields)


def _genesis(at_s: int) -> dict[str, Any]:
    return {
        "coinbase": _NOBODY,
        "difficulty": POST_MERGE_DIFFICULTY,
        "extra_data": b"",
        "gas_limit": BLOCK_GAS_LIMIT,
        "mix_hash": POST_MERGE_MIX_HASH,
        "nonce": POST_MERGE_NONCE,
        "timestamp": at_s,
    }


def _balances(funded_wei: Mapping[bytes, int]) -> dict[Address, Any]:
    return {
        Address(address): {"balance": balance_wei, "code": b"", "nonce": 0, "storage": {}}
        for address, balance_wei in funded_wei.items()
    }
