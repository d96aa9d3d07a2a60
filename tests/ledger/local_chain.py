"""An embedded chain with the contract, its keys, and short ways to use them in tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils.address import to_checksum_address

from domain.issuance import Envelope, Issuance, IssuanceKind
from ledger.chain import Batch, ChainClient, Receipt, Token
from ledger.embedded import EmbeddedChain
from ledger.issuance import keccak, leaf_of, token_id
from ledger.signing import AuditorKey, RelayerKey, sign_envelope, sort_signatures, to_compact

START_S = 1_790_000_000
HOLDER = "0x" + "ab" * 20


@dataclass
class Clock:
    """A clock that stands still until it is told to move.

    Attributes:
        now_s: Unix seconds.
    """

    now_s: float = START_S

    def __call__(self) -> float:
        """The present, Unix seconds."""
        return self.now_s


@dataclass
class Local:
    """An embedded chain with the contract, its keys, and short ways to use them.

    Attributes:
        chain: The chain.
        client: Client of the contract.
        relayer: Who pays; admin of the contract.
        auditors: Three auditors of region 0.
        clock: The chain's clock.
        method_hash: Hash in every statement and envelope.
    """

    chain: EmbeddedChain
    client: ChainClient
    relayer: RelayerKey
    auditors: tuple[AuditorKey, ...]
    clock: Clock
    method_hash: bytes = field(default=keccak(b"method"))

    def issuance(self, number: int = 1, **changes: Any) -> Issuance:  # noqa: ANN401 - any field
        """A statement of a subject of its own."""
        fields: dict[str, Any] = {
            "holder": HOLDER,
            "kind": IssuanceKind.AUDITED_EMISSIONS,
            "region": 0,
            "from_month_ym": 202403,
            "to_month_ym": 202404,
            "revision": 1,
            "subject": keccak(b"subject %d" % number),
            "inputs_root": keccak(b"inputs %d" % number),
            "manifest_hash": keccak(b"manifest %d" % number),
            "method_hash": self.method_hash,
            "gross_location_g_co2e": 123_456,
            "gross_market_g_co2e": 120_000,
            "retired_g_co2e": 1_000,
            "net_g_co2e": 119_000,
        }
        return Issuance(**{**fields, **changes})

    def envelope(self, root: bytes, **changes: Any) -> Envelope:  # noqa: ANN401 - any field
        """An envelope that the contract would take now."""
        fields: dict[str, Any] = {
            "root": root,
            "count": 1,
            "region": 0,
            "method_hash": self.method_hash,
            "deadline_s": int(self.clock()) + 3600,
            "epoch": self.client.epoch(),
        }
        return Envelope(**{**fields, **changes})

    def sign(self, envelope: Envelope, signers: Sequence[AuditorKey] = ()) -> list[bytes]:
        """Signatures of these auditors, or of the first two."""
        return [
            sign_envelope(key, envelope, chain_id=self.chain.chain_id, contract=self.client.contract)
            for key in signers or self.auditors[:2]
        ]

    def compact(self, envelope: Envelope, signers: Sequence[AuditorKey] = ()) -> list[tuple[int, int]]:
        """Signatures as the contract takes them, in its order."""
        digest = self.digest(envelope)
        return [to_compact(signature) for signature in sort_signatures(digest, self.sign(envelope, signers))]

    def words(self, issuance: Issuance) -> tuple[Any, ...]:
        """An issuance as the contract's functions take it."""
        fields = [getattr(issuance, name) for name in issuance.__dataclass_fields__]
        return (to_checksum_address(issuance.holder), int(issuance.kind), *fields[2:])

    def digest(self, envelope: Envelope) -> bytes:
        """What is signed, as the contract says."""
        return bytes(self.call("envelope_digest", *self.terms(envelope)))

    def terms(self, envelope: Envelope) -> tuple[Any, ...]:
        """An envelope as the contract's functions take it: epoch and deadline are one word."""
        until = envelope.epoch << 64 | envelope.deadline_s
        return (envelope.root, envelope.count, envelope.region, envelope.method_hash, until)

    def issue(self, issuance: Issuance) -> Receipt:
        """Issue a statement with everything in order."""
        envelope = self.envelope(leaf_of(issuance), region=issuance.region)
        return self.mined(self.client.prepare_issue(self.relayer, issuance, envelope, self.sign(envelope)).raw)

    def anchor(self, root: bytes, count: int = 1) -> Receipt:
        """Anchor a root with everything in order."""
        envelope = self.envelope(root, count=count)
        return self.mined(self.client.prepare_anchor(self.relayer, envelope, self.sign(envelope)).raw)

    def token(self, issuance: Issuance) -> Token:
        """The token of a statement that was issued."""
        token = self.client.token(token_id(issuance))
        assert token is not None
        return token

    def batch(self, root: bytes) -> Batch:
        """What the chain knows of a root that was anchored."""
        batch = self.client.batch_of(root)
        assert batch is not None
        return batch

    def mined(self, raw: bytes) -> Receipt:
        """The receipt of a transaction that is sent now."""
        receipt = self.client.receipt(self.client.broadcast(raw))
        assert receipt is not None
        return receipt

    def call(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - what the ABI says
        """What a view of the contract answers."""
        return self.client._view(function, *arguments)  # noqa: SLF001 - the contract's tests speak to the contract itself

    def send(self, function: str, *arguments: object, sender: RelayerKey | None = None) -> Receipt:
        """A transaction to any function of the contract."""
        data = self.client._encode(function, *arguments)  # noqa: SLF001 - as above
        signed = self.client._sign(sender or self.relayer, to=self.client.contract, data=data, nonce=None)  # noqa: SLF001
        receipt = self.mined(signed.raw)
        assert receipt.is_success
        return receipt
