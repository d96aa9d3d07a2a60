"""The chain as this installation uses it: who pays, who audits, and where the chain is.

The embedded chain has one owner process, by a file lock; it answers the other processes of this machine on loopback, and they are
its clients as they would be of any node. Contract of `ChainDesk`: every method may be called from any thread; nonces are given by
`app.store.chain_signers`, so that any number of desks in any number of processes may share an account.
"""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from app.chain_node import RemoteNode, http_node
from app.chain_signer import remote_signer
from app.clock import Clock, Randomness
from app.data_folder import make_private_file
from app.settings import Settings
from domain.errors import ChainError, InputError, SecurityError
from domain.issuance import REGIONS, Envelope, Issuance, Revocation
from ledger.chain import ChainClient, PlannedCall, Receipt, SignedTransaction, Token
from ledger.embedded import EmbeddedChain
from ledger.loopback import LoopbackRpc
from ledger.signers import TransactionSigner
from ledger.signing import AuditorKey, RelayerKey, SigningKey

K = TypeVar("K", bound=SigningKey)

EMBEDDED_LABEL = "local chain: its operator alone could rewrite it"
"""What people are told about the embedded chain."""

CHAIN_IN_USE = "The embedded chain is in use"
"""Message of the chain whose owner is another process."""

KEYSTORE_ROUNDS = 2**12
"""scrypt's N: the passphrase is 256 random bits, so stretching adds nothing."""

WEI_PER_GWEI = 10**9

_OWNER_FILE = "owner.json"
_CONTRACT_FILE = "contract"
_LOOPBACK_TIMEOUT_S = 60.0


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
        is_final: Whether that can no longer change.
    """

    is_anchored: bool
    token_root: bytes | None
    is_final: bool


class ChainDesk:
    """One contract, and the account that pays.

    Args:
        client: The contract on its chain.
        signer: Who pays.
        label: Which chain, in plain words.
        close: Lets go of the chain.
        is_embedded: Whether it is the embedded chain, in this process or in its owner's.
        gas_per_day: Most gas signed for in a day; 0 is no limit.
    """

    def __init__(
        self,
        client: ChainClient,
        signer: TransactionSigner,
        *,
        label: str,
        close: Callable[[], None],
        is_embedded: bool = False,
        gas_per_day: int = 0,
    ) -> None:
        self._client = client
        self._signer = signer
        self.label = label
        self.close = close
        self.is_embedded = is_embedded
        self.gas_per_day = gas_per_day
        self.chain_id = client.chain_id
        self.contract = client.contract
        self.signer_address = signer.address

    def epoch(self) -> int:
        """The contract's auditor epoch."""
        return self._client.epoch()

    def quorum(self) -> int:
        """How many auditors must sign."""
        return self._client.quorum()

    def genesis_hash(self) -> bytes:
        """Hash of the chain's first block, 32 bytes."""
        return self._client.genesis_hash()

    def regions_of(self, addresses: Sequence[str]) -> dict[str, int]:
        """Bitmap of the regions that each account may sign for, by its address."""
        return {address: self._client.auditor_regions(address) for address in addresses}

    def prepare(self, action: str, issuances: Sequence[Issuance], envelope: Envelope, signatures: Sequence[bytes]) -> PlannedCall:
        """What is called to bring a batch there, simulated; nothing is signed or sent.

        Args:
            action: "anchor", "issue" or "issue_many".
            issuances: The statements that become tokens; none where the batch is only anchored.
            envelope: The batch.
            signatures: The auditors', 65 bytes each.

        Returns:
            The call with its gas and fees, to be signed under a nonce of its own.

        Raises:
            LedgerError: The chain refuses; its class says why.
        """
        if action == "issue":
            (issuance,) = issuances
            return self._client.plan_issue(self.signer_address, issuance, envelope, signatures)
        if action == "issue_many":
            return self._client.plan_issue_many(self.signer_address, issuances, envelope, signatures)
        return self._client.plan_anchor(self.signer_address, envelope, signatures)

    def prepare_claim(self, root: bytes, issuance: Issuance, proof: Sequence[bytes]) -> PlannedCall:
        """What is called to issue one statement of an anchored batch; see `prepare`."""
        return self._client.plan_claim(self.signer_address, root, issuance, proof)

    def prepare_revocation(self, revocation: Revocation, signatures: Sequence[bytes]) -> PlannedCall:
        """What is called to withdraw a statement; see `prepare`. `AlreadyDoneError` where it is withdrawn."""
        return self._client.plan_revoke(self.signer_address, revocation, signatures)

    def prepare_retirement(self, token_id: int, amount: int, beneficiary: bytes) -> PlannedCall:
        """What is called to use up units that the paying account has; see `prepare`. `AlreadyDoneError` where they are."""
        return self._client.plan_retire(self.signer_address, token_id, amount, beneficiary)

    def token(self, token_id: int) -> Token | None:
        """What the chain knows of a token; None where it was never issued, nor ended."""
        return self._client.token(token_id)

    def units_left(self, token_id: int) -> int:
        """How much of a unit the paying account has: watt-hours of a REC, grams CO2e of an offset."""
        return self._client.balance_of(self.signer_address, token_id)

    def sign(self, call: PlannedCall, *, nonce: int) -> SignedTransaction:
        """A call as bytes to store before they are sent; the chain is not asked.

        Args:
            call: As `prepare` gave it.
            nonce: That nobody else was given.

        Raises:
            ChainError: The signer does not sign.
        """
        return self._client.sign(self._signer, call, nonce=nonce)

    def replace(self, raw: bytes) -> SignedTransaction | None:
        """A transaction that waits too long, under the same nonce for higher fees; None where the ceiling forbids it.

        Args:
            raw: Its stored bytes.

        Raises:
            ChainError: The chain or the signer does not answer.
        """
        return self._client.replace(self._signer, raw)

    def cancel(self, raw: bytes) -> SignedTransaction | None:
        """What takes the nonce of a transaction that must not be mined any more; None where the ceiling forbids it.

        Args:
            raw: Its stored bytes.

        Raises:
            ChainError: The chain or the signer does not answer.
        """
        return self._client.cancel(self._signer, raw)

    def next_nonce(self, address: str) -> int:
        """The least nonce that the chain would take from an account."""
        return self._client.next_nonce(address)

    def broadcast(self, raw: bytes) -> bytes:
        """Send stored bytes, once more is fine; the transaction's hash, 32 bytes."""
        return self._client.broadcast(raw)

    def receipt(self, transaction_hash: bytes) -> Receipt | None:
        """The receipt of a transaction, or None while it is in no block."""
        return self._client.receipt(transaction_hash)

    def head(self) -> tuple[int, bytes]:
        """Number and hash of the newest block."""
        return self._client.head()

    def is_canonical(self, number: int, block_hash: bytes) -> bool:
        """Whether the chain has this block at this number."""
        return self._client.is_canonical(number, block_hash)

    def is_final_block(self, number: int, block_hash: bytes) -> bool:
        """Whether a block can no longer change."""
        return self._client.is_final_block(number, block_hash)

    def standing(self, root: bytes, token_id: int) -> Standing:
        """What the chain says about a batch root and a token."""
        now = self._standing_at(root, token_id, "latest")
        if self.is_embedded or not any(now):  # on the embedded chain what stands is final
            return Standing(*now, is_final=any(now))
        try:
            is_final = self._standing_at(root, token_id, hex(max(self._client.final_number(), 0))) == now
        except ChainError:  # a node that keeps no state of that block: it stands, whether for good is not known
            is_final = False
        return Standing(*now, is_final=is_final)

    def ended_status(self, root: bytes, token_id: int) -> int:
        """The contract's status of what no longer stands: 2 superseded, 3 revoked; 0 while it does.

        A token has a status of its own; where there is none, its batch may be revoked as a whole.
        """
        token = self._client.token(token_id)
        if token is None:
            return 3 if self._client.is_batch_revoked(root) else 0
        return token.status if token.status != 1 else 0

    def _standing_at(self, root: bytes, token_id: int, block: str) -> tuple[bool, bytes | None]:
        return self._client.is_anchored(root, block=block), self._client.token_root(token_id, block=block)


def open_chain(
    settings: Settings,
    auditor: AuditorNode,
    *,
    passphrase: str,
    clock: Clock,
    randomness: Randomness,
    must_own: bool = False,
) -> ChainDesk:
    """The chain of this installation, with the contract deployed where the chain is our own.

    Args:
        settings: Which chain.
        auditor: Registered in a contract that is deployed now.
        passphrase: Opens the relayer's own key file.
        clock: Gives block times to the embedded chain.
        randomness: Makes the relayer's key where there is none, and the secret of the embedded chain's address.
        must_own: Refuse the embedded chain where another process owns it: whoever serves would lose it with that process.

    Returns:
        The desk; close it to let go of the chain.

    Raises:
        ChainError: The chain does not answer, it is another one, or the embedded chain's owner does not answer.
        InputError: A chain's address is set without the chain's id or the contract, or a key service without its account.
        SecurityError: The key file cannot be opened.
    """
    signer = open_signer(settings, passphrase=passphrase, randomness=randomness)
    if settings.chain_url.get_secret_value():
        return _remote_desk(settings, signer)
    return _embedded_desk(settings, auditor, signer, clock=clock, randomness=randomness, must_own=must_own)


def open_signer(settings: Settings, *, passphrase: str, randomness: Randomness) -> TransactionSigner:
    """The account that pays: of a key service, of the operator's key file, else of the installation's own.

    Args:
        settings: Name the service, or the file and its passphrase.
        passphrase: Opens the installation's own.
        randomness: Makes its key where there is none.

    Raises:
        InputError: A key service is named without its account, or beside a key file.
        SecurityError: The file cannot be opened.
    """
    if settings.chain_signer_url.get_secret_value():
        return remote_signer(settings)
    if settings.chain_keystore_file is None:
        return load_key(RelayerKey, settings.data_folder / "keys" / "relayer.json", passphrase, randomness)
    return RelayerKey.load(settings.chain_keystore_file, settings.chain_keystore_passphrase.get_secret_value())


@contextmanager
def remote_client(settings: Settings, *, contract: str) -> Iterator[tuple[ChainClient, RemoteNode]]:
    """A client of the chain that the settings name by its address, and its node; closed where the body fails.

    Args:
        settings: Address, id, fees, finality.
        contract: 0x address; empty to deploy one.

    Yields:
        Both; whoever keeps them closes the node.

    Raises:
        InputError: The chain's id is not set.
        ChainError: The chain does not answer, is another one, or has no such contract.
    """
    if settings.chain_id is None:
        raise InputError(
            "A chain's address needs the chain's id",
            expected="the id that the chain must have (EIP-155)",
            got="nothing",
            record="CF_CHAIN_ID",
            next_step="Set it: signatures for another chain with the same address would be worth nothing.",
        )
    node = http_node(settings.chain_url.get_secret_value(), timeout_s=settings.chain_timeout_s)
    try:
        client = ChainClient(
            node,
            contract=contract,
            chain_id=settings.chain_id,
            fee_ceiling_wei=settings.chain_fee_ceiling_gwei * WEI_PER_GWEI,
            confirmations_count=settings.chain_confirmations_count,
        )
        yield client, node
    except BaseException:
        node.close()
        raise


def _remote_desk(settings: Settings, signer: TransactionSigner) -> ChainDesk:
    if not settings.chain_contract:
        raise InputError(
            "No contract is named",
            expected="the contract's 0x address",
            got="nothing",
            record="CF_CHAIN_CONTRACT",
            next_step="Set it; `climate-fitness chain deploy` makes one and prints its address.",
        )
    with remote_client(settings, contract=settings.chain_contract) as (client, node):
        return ChainDesk(
            client,
            signer,
            label=label_of(settings, client.chain_id),
            close=node.close,
            gas_per_day=settings.chain_gas_per_day,
        )


def label_of(settings: Settings, chain_id: int) -> str:
    """Which chain, in plain words.

    Args:
        settings: May hold its name.
        chain_id: Its id.
    """
    if not settings.chain_url.get_secret_value():
        return EMBEDDED_LABEL
    return f"{settings.chain_name} (chain {chain_id})" if settings.chain_name else f"chain {chain_id}"


# ---- the embedded chain: as its owner, or through it ----


def _embedded_desk(
    settings: Settings,
    auditor: AuditorNode,
    signer: TransactionSigner,
    *,
    clock: Clock,
    randomness: Randomness,
    must_own: bool,
) -> ChainDesk:
    folder = settings.data_folder / "chain"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        chain = EmbeddedChain(folder / "chain.sqlite3", funded=(signer.address,), clock=lambda: clock.now().timestamp())
    except ChainError as error:
        if must_own or error.message != CHAIN_IN_USE:
            raise
        return _desk_of_owner(folder / _OWNER_FILE, signer, error)
    opened: list[Callable[[], None]] = [chain.close]
    try:
        client = ChainClient(chain)
        _deploy_own(client, settings, auditor, signer, folder / _CONTRACT_FILE)
        opened.append(_answer_others(chain, client, folder / _OWNER_FILE, settings.chain_rpc_port, randomness))
    except BaseException:
        chain.close()
        raise

    def close() -> None:
        while opened:
            opened.pop()()

    return ChainDesk(client, signer, label=EMBEDDED_LABEL, close=close, is_embedded=True)


def _deploy_own(client: ChainClient, settings: Settings, auditor: AuditorNode, signer: TransactionSigner, path: Path) -> None:
    """Find or deploy the contract of the embedded chain; its address is kept, since the account sends much else."""
    known = path.read_text(encoding="ascii").strip() if path.exists() else ""
    auditors = {auditor.key.address: 1 << auditor.region_index}
    address = client.deploy(signer, auditors=auditors, quorum=settings.auditor_quorum_count, known=known)
    if address != known:
        fresh = path.with_suffix(".new")
        make_private_file(fresh)
        fresh.write_text(f"{address}\n", encoding="ascii")
        fresh.replace(path)


def _answer_others(
    chain: EmbeddedChain, client: ChainClient, path: Path, port: int, randomness: Randomness
) -> Callable[[], None]:
    """Answer the other processes from now on; what ends it.

    Raises:
        ChainError: The port is taken.
    """
    try:
        rpc = LoopbackRpc(chain, secret=randomness.bytes(32).hex(), port=port)
    except OSError as error:
        raise ChainError(
            "The embedded chain's port is taken", got=f"port {port}", next_step="Set another CF_CHAIN_RPC_PORT, or 0."
        ) from error
    about = {"pid": os.getpid(), "url": rpc.url, "chain_id": client.chain_id, "contract": client.contract}
    fresh = path.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        json.dump(about, file)
    fresh.replace(path)

    def end() -> None:
        rpc.close()
        path.unlink(missing_ok=True)

    return end


@dataclass(frozen=True, slots=True)
class ChainOwner:
    """The process that owns the embedded chain, as it has written it down.

    Attributes:
        pid: Its number.
        url: Where it answers; whoever knows it may ask.
        chain_id: The chain's id.
        contract: 0x address of the contract.
    """

    pid: int
    url: str
    chain_id: int
    contract: str


def owner_of(folder: Path) -> ChainOwner | None:
    """Who owns the embedded chain; None where nobody has said so.

    Args:
        folder: Folder of the chain.
    """
    with suppress(OSError, ValueError, TypeError):
        return ChainOwner(**json.loads((folder / _OWNER_FILE).read_text(encoding="utf-8")))
    return None


def _desk_of_owner(path: Path, signer: TransactionSigner, in_use: ChainError) -> ChainDesk:
    """The embedded chain through its owner.

    Raises:
        ChainError: The owner does not answer (it is starting, or has just died); the message is that of a chain in use.
    """
    owner = owner_of(path.parent)
    if owner is None:
        raise in_use
    node = http_node(owner.url, timeout_s=_LOOPBACK_TIMEOUT_S)
    try:
        client = ChainClient(node, contract=owner.contract, chain_id=owner.chain_id)
    except ChainError as error:
        node.close()
        raise in_use from error
    return ChainDesk(client, signer, label=EMBEDDED_LABEL, close=node.close, is_embedded=True)


# ---- keys ----


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
        with suppress(SecurityError):  # another process made it just now: that one counts
            kind.from_bytes(randomness.bytes(32)).save(path, passphrase, iterations=KEYSTORE_ROUNDS)
    return kind.load(path, passphrase)


def keystore_passphrase(secret: bytes, purpose: str) -> str:
    """Passphrase of one of our key files, from the installation's secret: 64 hexadecimal digits."""
    return sha256(b"climate-fitness/keystore/1\x00" + purpose.encode() + b"\x00" + secret).hexdigest()
