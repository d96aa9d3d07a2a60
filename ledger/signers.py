"""Who signs transactions: an interface, and the signer whose key is somewhere else.

Contract of `TransactionSigner`, which one test holds against every implementation:
    the same fields give bytes of the same transaction, whose sender is `address`, with a low s (EIP-2)
    nothing is sent; a signer may be asked again for a nonce that it has signed for
    neither repr, nor str, nor any error holds the key
    any thread may ask

`ledger.signing.RelayerKey` is the one whose key is in an encrypted file (Web3 Secret Storage, scrypt). `RemoteSigner` is for a
service or a device that gives signatures and never the key: AWS KMS (ECC_SECG_P256K1) and Google Cloud KMS answer so.
"""

from collections.abc import Callable, Mapping
from typing import NoReturn, Protocol

from domain.errors import ChainError, QuorumError
from ledger.issuance import keccak
from ledger.signing import ORDER, recover_signer
from ledger.transactions import from_fields

SignDer = Callable[[bytes], bytes]
"""Takes 32 bytes to sign; gives an ECDSA signature over secp256k1 in DER (RFC 3279, section 2.2.3). May raise OSError."""

_INTEGER, _SEQUENCE = 0x02, 0x30


class TransactionSigner(Protocol):
    """Signs transactions of one account; see the module for its contract."""

    @property
    def address(self) -> str:
        """Checksummed 0x address of the account."""
        ...

    def sign_transaction(self, fields: Mapping[str, int | str | bytes]) -> tuple[bytes, bytes]:
        """A signed transaction's bytes and its hash.

        Args:
            fields: Fields of an EIP-1559 transaction (chainId, nonce, gas, maxFeePerGas, maxPriorityFeePerGas, to, value, data).

        Raises:
            ChainError: A field is missing or out of range, or the signer does not sign.
        """
        ...


class RemoteSigner:
    """A signer whose key is somewhere else: only signatures come back, and each is checked before it is used.

    Args:
        address: Checksummed 0x address of the account.
        sign_der: Asks for a signature.
    """

    def __init__(self, address: str, sign_der: SignDer) -> None:
        self.address = address
        self._sign_der = sign_der

    def sign_transaction(self, fields: Mapping[str, int | str | bytes]) -> tuple[bytes, bytes]:
        """A signed transaction's bytes and its hash; see `TransactionSigner`.

        Args:
            fields: Fields of an EIP-1559 transaction.

        Raises:
            ChainError: A field is missing or out of range; or the signer does not answer, or signs with another key.
        """
        transaction = from_fields(fields)
        digest = transaction.signing_hash()
        try:
            answer = self._sign_der(digest)
        except OSError as error:
            raise ChainError("The signer does not answer", got=type(error).__name__, next_step="Try again later.") from error
        r, s = _r_and_s(answer)
        low_s = min(s, ORDER - s)
        for v in (27, 28):  # DER has no parity: of the two possible signers, one is ours
            signature = r.to_bytes(32, "big") + low_s.to_bytes(32, "big") + bytes((v,))
            try:
                is_ours = recover_signer(digest, signature).lower() == self.address.lower()
            except QuorumError:
                continue
            if is_ours:
                raw = transaction.signed(signature)
                return raw, keccak(raw)
        raise ChainError(
            "The signer signs with another key",
            expected=f"a signature of {self.address}",
            got="one of another account",
            next_step="Correct the account's address or the signer's key id in the settings.",
        )


def _r_and_s(der: bytes) -> tuple[int, int]:
    if len(der) < 2 or der[0] != _SEQUENCE or der[1] != len(der) - 2 or len(der) > 72:  # noqa: PLR2004  # two 33-byte integers
        _refuse(der)
    r, rest = _integer(der[2:], der)
    s, rest = _integer(rest, der)
    if rest or not 0 < r < ORDER or not 0 < s < ORDER:
        _refuse(der)
    return r, s


def _integer(data: bytes, whole: bytes) -> tuple[int, bytes]:
    if len(data) < 3 or data[0] != _INTEGER or not 0 < data[1] <= len(data) - 2:  # noqa: PLR2004  # tag, length, one byte
        _refuse(whole)
    end = 2 + data[1]
    return int.from_bytes(data[2:end], "big"), data[end:]


def _refuse(der: bytes) -> NoReturn:
    """Refuse what a signer answered.

    Raises:
        ChainError: Always.
    """
    raise ChainError("The signer's answer is no signature", expected="an ECDSA signature in DER", got=f"{len(der)} bytes")
