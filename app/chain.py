"""The chain as this installation uses it: who pays, who audits, and one caller at a time.

The embedded chain has one owner process, by a file lock; the web server or a command that runs alone is that owner. Contract of
`ChainDesk`: every method may be called from any thread; they take turns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from threading import RLock
from typing import TypeVar

from app.clock import Clock, Randomness
from app.settings import Settings
from domain.errors import ChainError
from domain.issuance import REGIONS, Envelope, Issuance
from ledger.chain import ChainClient, Receipt, SignedTransaction
from ledger.embedded import EmbeddedChain
from ledger.signing import AuditorKey, RelayerKey, SigningKey

K = TypeVar("K", bound=SigningKey)

EMBEDDED_LABEL = "local chain: its operator alone could rewrite it"
"""What people are told about the embedded chain."""

KEYSTORE_ROUNDS = 2**12
"""scrypt's N: the passphrase is 256 random bits, so stretching adds nothing."""


@dataclass(frozen=True, slots=True)
class AuditorNode:
    """The virtual auditor that is part of this installation.

    Attributes:
        node_id: Its stable name.
        region: One of `domain.issuance.REGIONS`.
        operator: Who runs it.
        key: What it signs with.
    """

    node_id: str
    region: str
    operator: str
    key: AuditorKey

    @property
    def region_index(self) -> int:
        """Its region's bit on the chain."""
        return REGIONS.index(self.region)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the chain says about a batch and a token.

    Attributes:
        is_anchored: Whether the batch's root is in the contract.
        token_root: Root that the token names, or None.
    """

    is_anchored: bool
    token_root: bytes | None


class ChainDesk:
    """One contract, one relayer, one caller at a time.

    Args:
        client: The contract on its chain.
        relayer: Who pays.
        label: Which chain, in plain words.
        close: Lets go of the chain.
    """

    def __init__(self, client: ChainClient, relayer: RelayerKey, *, label: str, close: Callable[[], None]) -> None:
        self._client = client
        self._relayer = relayer
        self._guard = RLock()
        self.label = label
        self.close = close
        self.chain_id = client.chain_id
        self.contract = client.contract

    def epoch(self) -> int:
        """The contract's auditor epoch."""
        with self._guard:
            return self._client.epoch()

    def quorum(self) -> int:
        """How many auditors must sign."""
        with self._guard:
            return self._client.quorum()

    def regions_of(self, addresses: Sequence[str]) -> dict[str, int]:
        """Bitmap of the regions that each account may sign for, by its address; others get their turn in between."""
        return {address: self._regions_of(address) for address in addresses}

    def _regions_of(self, address: str) -> int:
        with self._guard:
            return self._client.auditor_regions(address)

    def prepare(
        self, action: str, issuance: Issuance | None, envelope: Envelope, signatures: Sequence[bytes]
    ) -> SignedTransaction:
        """A signed transaction, simulated; nothing is sent.

        Args:
            action: "anchor" or "issue".
            issuance: The statement that is issued; None where a batch of any number is anchored.
            envelope: Its batch.
            signatures: The auditors', 65 bytes each.

        Returns:
            Bytes to store before they are sent.

        Raises:
            LedgerError: The chain refuses; its class says why.
        """
        with self._guard:
            if action == "issue" and issuance is not None:
                return self._client.prepare_issue(self._relayer, issuance, envelope, signatures)
            return self._client.prepare_anchor(self._relayer, envelope, signatures)

    def broadcast(self, raw: bytes) -> bytes:
        """Send stored bytes, once more is fine; the transaction's hash, 32 bytes."""
        with self._guard:
            return self._client.broadcast(raw)

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt of a transaction, or None while it is in no block."""
        with self._guard:
            return self._client.receipt(transaction_hash)

    def is_final(self, receipt: Receipt) -> bool:
        """Whether its block can no longer change."""
        with self._guard:
            return self._client.is_final(receipt)

    def standing(self, root: bytes, token_id: int) -> Standing:
        """What the chain says about a batch root and a token."""
        with self._guard:
            token = self._client.token(token_id)
            return Standing(self._client.batch_of(root) is not None, token.root if token else None)


def open_chain(settings: Settings, auditor: AuditorNode, *, passphrase: str, clock: Clock, randomness: Randomness) -> ChainDesk:
    """The chain of this installation, with the contract deployed where the chain is our own.

    Args:
        settings: Which chain.
        auditor: Registered in a contract that is deployed now.
        passphrase: Opens the relayer's key file.
        clock: Gives block times to the embedded chain.
        randomness: Makes the relayer's key where there is none.

    Returns:
        The desk; close it to let go of the chain.

    Raises:
        ChainError: Another process owns the embedded chain, the chain does not answer, or it is another one.
    """
    folder = settings.data_folder
    relayer = load_key(RelayerKey, folder / "keys" / "relayer.json", passphrase, randomness)
    url = settings.chain_url.get_secret_value()
    if url:
        if not settings.chain_contract:
            raise ChainError("No contract is named", expected="CF_CHAIN_CONTRACT", got="nothing", next_step="Set its address.")
        client = ChainClient(url, contract=settings.chain_contract)
        return ChainDesk(client, relayer, label=f"chain {client.chain_id}", close=lambda: None)
    (folder / "chain").mkdir(parents=True, exist_ok=True)
    chain = EmbeddedChain(folder / "chain" / "chain.sqlite3", funded=(relayer.address,), clock=lambda: clock.now().timestamp())
    try:
        client = ChainClient(chain)
        client.deploy(relayer, auditors={auditor.key.address: 1 << auditor.region_index}, quorum=settings.auditor_quorum_count)
    except BaseException:
        chain.close()
        raise
    return ChainDesk(client, relayer, label=EMBEDDED_LABEL, close=chain.close)


def load_key(kind: type[K], path: Path, passphrase: str, randomness: Randomness) -> K:
    """The key in an encrypted file, made where there is none.

    Args:
        kind: Auditor or relayer.
        path: The file.
        passphrase: What seals it.
        randomness: Makes the key.

    Returns:
        The key.

    Raises:
        SecurityError: The file cannot be opened with this passphrase.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        kind.from_bytes(randomness.bytes(32)).save(path, passphrase, iterations=KEYSTORE_ROUNDS)
    return kind.load(path, passphrase)


def keystore_passphrase(secret: bytes, purpose: str) -> str:
    """Passphrase of one of our key files, from the installation's secret: 64 hexadecimal digits."""
    return sha256(b"climate-fitness/keystore/1\x00" + purpose.encode() + b"\x00" + secret).hexdigest()
