"""Keys and signatures of auditors and of the relayer that pays. The only file that speaks eth_account and eth_keys.

A signature is 65 bytes: r (32), s (32), v (27 or 28), of the envelope's EIP-712 digest. Of a signature's two forms only the one
with the low s counts (EIP-2), here and in the contract. The contract takes EIP-2098's 64 bytes, the y parity in the top bit of s.
"""

import os

# eth_utils picks its Keccak backend on first use; pysha3 is 4.7 times faster than its own choice.
os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from eth_keys.exceptions import BadSignature
from eth_keys.main import KeyAPI
from eth_utils.exceptions import ValidationError

from domain.errors import ChainError, QuorumError, SecurityError
from domain.issuance import Envelope, Revocation
from ledger.issuance import envelope_digest, revocation_digest
from ledger.recursion import bound_recursion
from ledger.transactions import from_fields

ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Order of secp256k1 (SEC 2, section 2.4.1)."""

SIGNATURE_SIZE = 65
_KEYS = KeyAPI()


@dataclass(frozen=True)
class SigningKey:
    """A secp256k1 key; the private part is never shown.

    Attributes:
        address: Checksummed 0x address of the key.
    """

    address: str
    _secret: bytes = field(repr=False)

    @classmethod
    def from_bytes(cls, secret: bytes) -> Self:
        """The key of 32 random bytes.

        Args:
            secret: 32 bytes from a cryptographic source, 0 < value < the curve's order.

        Raises:
            SecurityError: The bytes are no such key.
        """
        if len(secret) != 32 or not 0 < int.from_bytes(secret, "big") < ORDER:  # noqa: PLR2004  # a scalar's size
            raise SecurityError("This is not a signing key", expected="32 bytes, a scalar of secp256k1", got="other bytes")
        return cls(_KEYS.PrivateKey(secret).public_key.to_checksum_address(), secret)

    @classmethod
    def load(cls, path: Path, passphrase: str) -> Self:
        """The key in an encrypted file.

        Args:
            path: Keystore file, version 3 (Web3 Secret Storage).
            passphrase: What it was sealed with.

        Raises:
            SecurityError: There is no such file, it is no keystore, or the passphrase is wrong.
        """
        from eth_account import Account  # noqa: PLC0415  # 0.5 s, and most who verify never open a key

        bound_recursion()

        try:
            keystore = json.loads(path.read_text(encoding="utf-8"))
            secret = bytes(Account.decrypt(keystore, passphrase))
        except (OSError, ValueError, KeyError, TypeError, NotImplementedError) as error:
            raise SecurityError(
                "The key cannot be opened",
                expected="a version 3 keystore and its passphrase",
                got=str(error),
                record=str(path),
            ) from error
        return cls.from_bytes(secret)

    def save(self, path: Path, passphrase: str, *, iterations: int | None = None) -> None:
        """Write the key to a new encrypted file that its owner alone can read.

        Args:
            path: Where; an existing file is never replaced.
            passphrase: What seals it.
            iterations: scrypt's N; the library's own where left out (tests take less).

        Raises:
            SecurityError: The file exists, or cannot be written.
        """
        from eth_account import Account  # noqa: PLC0415  # as in load

        bound_recursion()

        keystore = Account.encrypt(self._secret, passphrase, kdf="scrypt", iterations=iterations)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            raise SecurityError("The key cannot be saved", expected="a new file", got=str(error)) from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(keystore, file)
            file.flush()
            os.fsync(file.fileno())


class AuditorKey(SigningKey):
    """An auditor's key: it vouches for batches and never holds gas."""

    def sign_digest(self, digest: bytes) -> bytes:
        """Signature of 32 bytes, 65 bytes, low s, the same every time (RFC 6979).

        Args:
            digest: What to sign, 32 bytes.
        """
        signature = _KEYS.PrivateKey(self._secret).sign_msg_hash(digest)
        r, s, v = int(signature.r), int(signature.s), int(signature.v)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + v,))


class RelayerKey(SigningKey):
    """The key of the account that sends transactions and pays their gas; it vouches for nothing."""

    def sign_transaction(self, fields: Mapping[str, int | str | bytes]) -> tuple[bytes, bytes]:
        """A signed transaction's bytes and its hash.

        Args:
            fields: Fields of an EIP-1559 transaction (chainId, nonce, gas, maxFeePerGas, maxPriorityFeePerGas, to, value, data).

        Raises:
            ChainError: A field is missing or out of range.
        """
        from eth_account import Account  # noqa: PLC0415  # as in load

        bound_recursion()

        transaction = from_fields(fields)
        digest = transaction.signing_hash()
        try:
            signed = Account.sign_transaction(transaction.to_fields(), self._secret)
        except (TypeError, ValueError) as error:
            raise ChainError("This transaction cannot be signed", got=str(error), record=digest.hex()) from error
        return bytes(signed.raw_transaction), bytes(signed.hash)


def sign_envelope(key: AuditorKey, envelope: Envelope, *, chain_id: int, contract: str) -> bytes:
    """An auditor's signature of a batch, 65 bytes.

    Args:
        key: The auditor's key.
        envelope: The batch.
        chain_id: Id of the chain that it is for.
        contract: 0x address of the contract that it is for.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    return key.sign_digest(envelope_digest(envelope, chain_id=chain_id, contract=contract))


def sign_revocation(key: AuditorKey, revocation: Revocation, *, chain_id: int, contract: str) -> bytes:
    """An auditor's signature that withdraws a statement, 65 bytes.

    Args:
        key: The auditor's key.
        revocation: What is withdrawn.
        chain_id: Id of the chain that it is for.
        contract: 0x address of the contract that it is for.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    return key.sign_digest(digest_of_revocation(revocation, chain_id=chain_id, contract=contract))


def digest_of_revocation(revocation: Revocation, *, chain_id: int, contract: str) -> bytes:
    """What is signed to withdraw a statement, 32 bytes.

    Args:
        revocation: What is withdrawn.
        chain_id: Id of the chain.
        contract: 0x address of the contract.

    Raises:
        LedgerError: A field does not fit the contract's type.
    """
    return revocation_digest(
        revocation.token_id,
        region=revocation.region,
        reason_hash=revocation.reason_hash,
        deadline_s=revocation.deadline_s,
        epoch=revocation.epoch,
        chain_id=chain_id,
        contract=contract,
    )


def recover_signer(digest: bytes, signature: bytes) -> str:
    """Checksummed 0x address of whoever signed.

    Args:
        digest: What was signed, 32 bytes.
        signature: 65 bytes.

    Raises:
        QuorumError: The bytes are no signature with a low s.
    """
    r, s, v = (
        int.from_bytes(signature[:32], "big"),
        int.from_bytes(signature[32:64], "big"),
        int.from_bytes(signature[64:], "big"),
    )
    if len(signature) != SIGNATURE_SIZE or v not in (27, 28) or not 0 < r < ORDER or not 0 < s < ORDER:
        raise QuorumError("This is not a signature", expected="65 bytes r, s, v with v 27 or 28", got=signature.hex())
    if s > ORDER // 2:
        raise QuorumError("This signature has a high s", expected="s up to half the curve's order", got=signature.hex())
    try:
        return _KEYS.Signature(vrs=(v - 27, r, s)).recover_public_key_from_msg_hash(digest).to_checksum_address()
    except (BadSignature, ValidationError) as error:
        raise QuorumError("This signature is of nobody", expected="a point of the curve", got=signature.hex()) from error


def sort_signatures(digest: bytes, signatures: Sequence[bytes]) -> tuple[bytes, ...]:
    """The signatures in the order that the contract wants: ascending by signer, each signer once.

    Args:
        digest: What was signed, 32 bytes.
        signatures: 65 bytes each, in any order.

    Raises:
        QuorumError: One is no signature, or one signer signed twice.
    """
    by_signer: dict[int, bytes] = {}
    for signature in signatures:
        signer = recover_signer(digest, signature)
        if by_signer.setdefault(int(signer, 16), signature) != signature:
            raise QuorumError("One auditor signed twice", expected="each signer once", got=signer)
    if len(by_signer) != len(signatures):
        raise QuorumError("One signature stands twice", expected="each signer once", got=f"{len(signatures)} signatures")
    return tuple(signature for _, signature in sorted(by_signer.items()))


def check_quorum(
    envelope: Envelope,
    signatures: Sequence[bytes],
    *,
    chain_id: int,
    contract: str,
    auditors: Mapping[str, int],
    quorum: int,
) -> tuple[str, ...]:
    """Checksummed addresses of the auditors who signed an envelope, ascending: the contract's own rule, off the chain.

    Args:
        envelope: The batch.
        signatures: 65 bytes each, in any order.
        chain_id: Id of the chain.
        contract: 0x address of the contract.
        auditors: Bitmap of regions by 0x address.
        quorum: How many must have signed.

    Raises:
        LedgerError: A field does not fit the contract's type.
        QuorumError: Too few signed, one is not an auditor of the region, or one signed twice.
    """
    digest = envelope_digest(envelope, chain_id=chain_id, contract=contract)
    regions = {address.lower(): bitmap for address, bitmap in auditors.items()}
    signers = tuple(recover_signer(digest, signature) for signature in sort_signatures(digest, signatures))
    for signer in signers:
        if not regions.get(signer.lower(), 0) >> envelope.region & 1:
            raise QuorumError(
                "This signer is not an auditor of the region", expected=f"an auditor of region {envelope.region}", got=signer
            )
    if len(signers) < quorum:
        raise QuorumError("Too few auditors signed", expected=f"{quorum} signatures", got=f"{len(signers)}")
    return signers


def to_compact(signature: bytes) -> tuple[int, int]:
    """EIP-2098's two words (r; s with the y parity in its top bit), as the contract takes them.

    Args:
        signature: 65 bytes with a low s.

    Raises:
        QuorumError: The bytes are no signature with a low s.
    """
    s = int.from_bytes(signature[32:64], "big")
    if len(signature) != SIGNATURE_SIZE or s > ORDER // 2:
        raise QuorumError("This is not a signature with a low s", expected="65 bytes", got=signature.hex())
    return int.from_bytes(signature[:32], "big"), s | (signature[64] - 27) << 255


def from_compact(r: int, vs: int) -> bytes:
    """The 65 bytes of EIP-2098's two words.

    Args:
        r: 0 < r < 2^256.
        vs: s, with the y parity in the top bit.
    """
    return r.to_bytes(32, "big") + (vs & (1 << 255) - 1).to_bytes(32, "big") + bytes((27 + (vs >> 255),))
