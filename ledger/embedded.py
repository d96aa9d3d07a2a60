"""The embedded chain: one file, one owner process, the JSON-RPC methods that a client needs.

Contract of `EmbeddedChain`:
    durability   `eth_sendRawTransaction` answers when the block with the transaction is on disk (write-ahead log with
                 synchronous=FULL: one fsync per block; NORMAL would survive kill -9 but could lose blocks that an outbox has
                 already booked as mined when the power fails)
    atomicity    state, block, receipts and head in one transaction: after a crash a whole block or none
    ordering     one transaction is one block, in the order of the calls
    concurrency  any number of threads (one lock), one process (a file lock; a second one is refused with the owner's number)
    time         from the clock that is passed in; a block is never earlier than a second after its parent

It is local: its operator alone could rewrite it. Anchoring the same roots on a public chain later needs no new proofs.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, Self

from domain.errors import ChainError
from ledger.rpc import RpcError

if TYPE_CHECKING:
    from eth.abc import BlockHeaderAPI, ReceiptAPI

    from ledger.evm import Outcome

LABEL = "local: its operator alone could rewrite it"
FORMAT_VERSION = 1
FUNDS_WEI = 10**27
"""What the first block gives to each funded account: a billion ether of a chain where they are worth nothing."""

_SCHEMA = """
CREATE TABLE IF NOT EXISTS entry (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
"""


class EmbeddedChain:
    """A chain in one file, opened by one process; see the module for its contract.

    Args:
        path: The chain's file; made where it is absent. Beside it stands a lock file with the owner's process number.
        funded: 0x addresses that the first block gives `FUNDS_WEI`; used where the file is new.
        clock: Gives the present, Unix seconds.
        chain_id: The chain's id (EIP-155); where left out, kept from the file or derived from the funded addresses.

    Raises:
        ChainError: Another process owns the chain, the file is no chain, or it has another id or format.
    """

    def __init__(self, path: Path, *, funded: tuple[str, ...], clock: Callable[[], float], chain_id: int | None = None) -> None:
        from ledger.evm import Evm, SqliteDatabase

        self.path = path
        self._clock = clock
        self._guard = RLock()
        self._lock_descriptor = _lock(path)
        try:
            self._connection = _connect(path)
            about = _settle_about(self._connection, path, chain_id=chain_id, funded=funded)
            self.chain_id = about["chain_id"]
            self._evm = Evm(
                SqliteDatabase(self._connection),
                chain_id=self.chain_id,
                funded_wei={_bytes(address): FUNDS_WEI for address in funded},
                genesis_at_s=int(clock()),
            )
        except BaseException:
            os.close(self._lock_descriptor)
            raise
        self._is_open = True
        self._methods = _methods(self)

    def close(self) -> None:
        """Let go of the file and the lock; the chain cannot be used afterwards. Closing twice is fine."""
        with self._guard:
            if self._is_open:
                self._is_open = False
                self._connection.close()
                os.close(self._lock_descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request(self, method: str, params: list[Any]) -> Any:  # noqa: ANN401  # JSON
        """Result of one JSON-RPC method, as JSON values.

        Args:
            method: Name of the method, as `eth_call`.
            params: Its parameters as JSON values.

        Raises:
            RpcError: The method is not offered, a parameter is wrong, or the call reverts.
        """
        implementation = self._methods.get(method)
        if implementation is None:
            raise RpcError(f"the method {method} is not offered by the embedded chain", code=-32601)
        with self._guard:
            if not self._is_open:
                raise RpcError("the embedded chain is closed")
            try:
                return implementation(*params)
            except (AttributeError, TypeError, ValueError, LookupError, OverflowError, self._evm.refusal) as error:
                raise RpcError(f"invalid parameters of {method}: {error}", code=-32602) from error

    # ---- JSON-RPC methods (execution-apis, ethereum.github.io) ----

    def _call(self, call: Mapping[str, str], block: str = "latest") -> str:
        return _hex(self._try(call, block).output)

    def _estimate_gas(self, call: Mapping[str, str], block: str = "latest") -> str:
        return hex(self._try(call, block).gas_needed)

    def _try(self, call: Mapping[str, str], block: str) -> "Outcome":
        from ledger.evm import BLOCK_GAS_LIMIT, Call

        if not _is_head(block) and int(block, 16) != self._evm.head.block_number:
            raise RpcError("the embedded chain answers calls on its newest block only", code=-32602)
        tried = Call(
            sender=_address(call["from"]) if "from" in call else bytes(20),
            to=_address(call["to"]) if call.get("to") else b"",
            data=_bytes(call.get("data") or call.get("input") or "0x"),
            value_wei=int(call.get("value", "0x0"), 16),
            gas=min(int(call["gas"], 16), BLOCK_GAS_LIMIT) if "gas" in call else BLOCK_GAS_LIMIT,
        )
        try:
            outcome = self._evm.try_call(tried, now_s=int(self._clock()))
        except ChainError as error:
            raise RpcError(str(error)) from error
        if outcome.is_error:
            message = "execution reverted" if outcome.error == "Revert" else f"execution failed: {outcome.error}"
            raise RpcError(message, code=3, data_hex=_hex(outcome.output))
        return outcome

    def _send_raw_transaction(self, raw_hex: str) -> str:
        try:
            transaction = self._evm.decode(_bytes(raw_hex))
            if self._evm.find_transaction(transaction.hash) is not None:
                raise RpcError("already known")
            expected_nonce = self._evm.nonce(transaction.sender)
            if transaction.nonce != expected_nonce:
                side = "low" if transaction.nonce < expected_nonce else "high"
                raise RpcError(f"nonce too {side}: next nonce {expected_nonce}, tx nonce {transaction.nonce}")
            self._evm.mine(transaction, now_s=int(self._clock()))
        except ChainError as error:
            raise RpcError(str(error)) from error
        return _hex(transaction.hash)

    def _receipt(self, transaction_hash_hex: str) -> dict[str, Any] | None:
        found = self._evm.find_transaction(_bytes(transaction_hash_hex))
        if found is None:
            return None
        header, index = found
        transaction = self._evm.block_at(header).transactions[index]
        receipt = self._evm.receipts_at(header)[index]
        return {
            "blockHash": _hex(header.hash),
            "blockNumber": hex(header.block_number),
            "contractAddress": None if transaction.to else _hex(_created_address(transaction.sender, transaction.nonce)),
            "cumulativeGasUsed": hex(receipt.gas_used),
            "effectiveGasPrice": hex(header.base_fee_per_gas or 0),
            "from": _hex(transaction.sender),
            "gasUsed": hex(receipt.gas_used),
            "logs": _logs(receipt, header, transaction.hash, index),
            "logsBloom": _hex(receipt.bloom.to_bytes(256, "big")),
            "status": "0x1" if receipt.state_root == b"\x01" else "0x0",
            "to": _hex(transaction.to) if transaction.to else None,
            "transactionHash": _hex(transaction.hash),
            "transactionIndex": hex(index),
            "type": hex(transaction.type_id or 0),
        }

    def _transaction(self, transaction_hash_hex: str) -> dict[str, Any] | None:
        found = self._evm.find_transaction(_bytes(transaction_hash_hex))
        if found is None:
            return None
        header, index = found
        transaction = self._evm.block_at(header).transactions[index]
        return {
            "blockHash": _hex(header.hash),
            "blockNumber": hex(header.block_number),
            "chainId": hex(self.chain_id),
            "from": _hex(transaction.sender),
            "gas": hex(transaction.gas),
            "hash": _hex(transaction.hash),
            "input": _hex(transaction.data),
            "nonce": hex(transaction.nonce),
            "to": _hex(transaction.to) if transaction.to else None,
            "transactionIndex": hex(index),
            "value": hex(transaction.value),
        }

    def _block_by_number(self, block: str, *_: object) -> dict[str, Any] | None:
        header = self._evm.head if _is_head(block) else self._evm.header_at(0 if block == "earliest" else int(block, 16))
        return None if header is None else self._block(header)

    def _block_by_hash(self, block_hash_hex: str, *_: object) -> dict[str, Any] | None:
        header = self._evm.header_of(_bytes(block_hash_hex))
        return None if header is None else self._block(header)

    def _block(self, header: "BlockHeaderAPI") -> dict[str, Any]:
        return {
            "baseFeePerGas": hex(header.base_fee_per_gas or 0),
            "gasLimit": hex(header.gas_limit),
            "gasUsed": hex(header.gas_used),
            "hash": _hex(header.hash),
            "number": hex(header.block_number),
            "parentHash": _hex(header.parent_hash),
            "receiptsRoot": _hex(header.receipt_root),
            "stateRoot": _hex(header.state_root),
            "timestamp": hex(header.timestamp),
            "transactions": [_hex(transaction.hash) for transaction in self._evm.block_at(header).transactions],
            "transactionsRoot": _hex(header.transaction_root),
        }


def derive_chain_id(funded: tuple[str, ...]) -> int:
    """Id of an embedded chain: 2^40 plus 32 bits that follow from the accounts that it funds.

    Far above the registered ids, below 2^53 (what JavaScript wallets keep exactly), and different for different operators,
    so that a signature for one operator's chain is worth nothing on another's.

    Args:
        funded: 0x addresses that the first block funds.
    """
    named = b"climate-fitness embedded chain" + b"".join(sorted(_bytes(address) for address in funded))
    return 2**40 + int.from_bytes(sha256(named).digest()[:4], "big")


def _methods(chain: EmbeddedChain) -> dict[str, Callable[..., Any]]:
    evm = chain._evm  # noqa: SLF001  # the table belongs to the class; here, so that `__init__` stays readable
    return {
        "eth_blockNumber": lambda: hex(evm.head.block_number),
        "eth_call": chain._call,  # noqa: SLF001
        "eth_chainId": lambda: hex(chain.chain_id),
        "eth_estimateGas": chain._estimate_gas,  # noqa: SLF001
        "eth_gasPrice": lambda: hex(evm.next_base_fee_wei()),
        "eth_getBalance": lambda address, *_: hex(evm.balance_wei(_address(address))),
        "eth_getBlockByHash": chain._block_by_hash,  # noqa: SLF001
        "eth_getBlockByNumber": chain._block_by_number,  # noqa: SLF001
        "eth_getCode": lambda address, *_: _hex(evm.code(_address(address))),
        "eth_getStorageAt": lambda address, slot, *_: f"0x{evm.storage(_address(address), int(slot, 16)):064x}",
        "eth_getTransactionByHash": chain._transaction,  # noqa: SLF001
        "eth_getTransactionCount": lambda address, *_: hex(evm.nonce(_address(address))),
        "eth_getTransactionReceipt": chain._receipt,  # noqa: SLF001
        "eth_maxPriorityFeePerGas": lambda: "0x0",
        "eth_sendRawTransaction": chain._send_raw_transaction,  # noqa: SLF001
        "net_version": lambda: str(chain.chain_id),
        "web3_clientVersion": lambda: "climate-fitness/embedded",
    }


def _lock(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    lock_path = path.with_name(path.name + ".lock")
    descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(descriptor)
        raise ChainError(
            "The embedded chain is in use",
            expected="one owner process",
            got=f"process {owner} owns it",
            record=str(path),
            next_step="Stop that process, or ask it through its own address.",
        ) from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
    return descriptor


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_SCHEMA)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise ChainError(
            "This file is not an embedded chain",
            expected="an SQLite database",
            got=str(error),
            record=str(path),
            next_step="Restore the file from a backup; the chain cannot be rebuilt from nothing.",
        ) from error
    return connection


def _settle_about(connection: sqlite3.Connection, path: Path, *, chain_id: int | None, funded: tuple[str, ...]) -> dict[str, int]:
    wanted = {
        "chain_id": derive_chain_id(funded) if chain_id is None else chain_id,
        "format_version": FORMAT_VERSION,
    }
    kept = dict(connection.execute("SELECT name, value FROM about"))
    if not kept:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO about (name, value) VALUES (?, ?)", wanted.items())
        connection.execute("COMMIT")
        return wanted
    if chain_id is None:
        wanted["chain_id"] = kept["chain_id"]
    if kept != wanted:
        connection.close()
        raise ChainError(
            "This is another embedded chain",
            expected=str(wanted),
            got=str(kept),
            record=str(path),
            next_step="Set the chain id to the file's own, or name another file.",
        )
    return wanted


def _created_address(sender: bytes, nonce: int) -> bytes:
    from eth._utils.address import generate_contract_address

    return bytes(generate_contract_address(sender, nonce))  # type: ignore[arg-type]  # an address is 20 bytes


def _logs(receipt: "ReceiptAPI", header: "BlockHeaderAPI", transaction_hash: bytes, index: int) -> list[dict[str, Any]]:
    return [
        {
            "address": _hex(log.address),
            "blockHash": _hex(header.hash),
            "blockNumber": hex(header.block_number),
            "data": _hex(log.data),
            "logIndex": hex(i),
            "removed": False,
            "topics": [f"0x{topic:064x}" for topic in log.topics],
            "transactionHash": _hex(transaction_hash),
            "transactionIndex": hex(index),
        }
        for i, log in enumerate(receipt.logs)
    ]


def _is_head(block: str) -> bool:
    # Nobody can take back a block of this chain but its own operator, so the newest one is as final as any.
    return block in ("latest", "pending", "safe", "finalized")


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))


def _address(text: str) -> bytes:
    found = _bytes(text)
    if len(found) != 20:  # noqa: PLR2004 - bytes of an address
        raise ValueError(f"expected an address of 20 bytes, got {len(found)}")
    return found


def _hex(value: bytes) -> str:
    return "0x" + value.hex()
