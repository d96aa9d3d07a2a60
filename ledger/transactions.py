"""Transactions of EIP-1559 as bytes: what is hashed, what is sent, what stands in bytes that were stored."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import rlp  # type: ignore[import-untyped]
from eth_utils.address import to_checksum_address
from rlp.exceptions import RLPException  # type: ignore[import-untyped]

from domain.errors import ChainError
from ledger.fees import Fees
from ledger.issuance import keccak

TYPE_BYTE = b"\x02"
"""EIP-2718 type of an EIP-1559 transaction."""

_SIGNED_COUNT = 12


@dataclass(frozen=True, slots=True)
class Transaction:
    """What is signed.

    Attributes:
        chain_id: Which chain.
        nonce: Which one of its sender's.
        tip_wei: Wei per gas for whoever makes the block.
        max_fee_wei: Most wei per gas in all.
        gas: Gas limit.
        to: Checksummed 0x address; empty to create a contract.
        value_wei: Wei sent along.
        data: Calldata.
    """

    chain_id: int
    nonce: int
    tip_wei: int
    max_fee_wei: int
    gas: int
    to: str
    value_wei: int
    data: bytes

    @property
    def fees(self) -> Fees:
        """What it offers."""
        return Fees(self.max_fee_wei, self.tip_wei)

    def offering(self, fees: Fees) -> "Transaction":
        """The same with another offer.

        Args:
            fees: The offer.
        """
        return replace(self, max_fee_wei=fees.max_fee_wei, tip_wei=fees.tip_wei)

    def to_fields(self) -> dict[str, int | str | bytes]:
        """The fields under the names that Ethereum's libraries use."""
        return {
            "chainId": self.chain_id,
            "nonce": self.nonce,
            "gas": self.gas,
            "maxFeePerGas": self.max_fee_wei,
            "maxPriorityFeePerGas": self.tip_wei,
            "to": self.to,
            "value": self.value_wei,
            "data": self.data,
        }

    def signing_hash(self) -> bytes:
        """What the sender signs, 32 bytes."""
        return keccak(TYPE_BYTE + rlp.encode(self._words()))

    def signed(self, signature: bytes) -> bytes:
        """The bytes to send.

        Args:
            signature: Of `signing_hash`, 65 bytes r, s, v with v 27 or 28.
        """
        y_parity, r, s = signature[64] - 27, int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")
        return TYPE_BYTE + bytes(rlp.encode([*self._words(), _minimal(y_parity), _minimal(r), _minimal(s)]))

    def _words(self) -> list[Any]:
        numbers = [self.chain_id, self.nonce, self.tip_wei, self.max_fee_wei, self.gas]
        if min(*numbers, self.value_wei) < 0 or max(*numbers, self.value_wei) >= 2**256:
            raise ChainError("This transaction cannot be signed", expected="words of 0 to 2^256 - 1", got=str(asdict(self))[:200])
        return [*map(_minimal, numbers), bytes.fromhex(self.to.removeprefix("0x")), _minimal(self.value_wei), self.data, []]


def from_fields(fields: Mapping[str, int | str | bytes]) -> Transaction:
    """A transaction from fields under the libraries' names, as `Transaction.to_fields` gives them.

    Args:
        fields: All of them.

    Raises:
        ChainError: One is missing or of another kind.
    """
    try:
        numbers = {
            own: _integer(fields[name])
            for own, name in (
                ("chain_id", "chainId"),
                ("nonce", "nonce"),
                ("tip_wei", "maxPriorityFeePerGas"),
                ("max_fee_wei", "maxFeePerGas"),
                ("gas", "gas"),
                ("value_wei", "value"),
            )
        }
        to = str(to_checksum_address(str(fields["to"]))) if fields["to"] else ""
        return Transaction(to=to, data=bytes(fields["data"]), **numbers)  # type: ignore[arg-type]  # or TypeError
    except (KeyError, TypeError, ValueError) as error:
        raise ChainError("This transaction cannot be signed", got=f"{type(error).__name__}: {error}") from error


def decode_signed(raw: bytes) -> Transaction:
    """What stands in signed bytes that were stored.

    Args:
        raw: As they are sent.

    Raises:
        ChainError: They are no EIP-1559 transaction.
    """
    try:
        words: Sequence[Any] = rlp.decode(raw[1:]) if raw[:1] == TYPE_BYTE else []
    except RLPException:
        words = []
    if len(words) != _SIGNED_COUNT or not all(isinstance(one, bytes) for one in words[:8]) or len(words[5]) not in {0, 20}:
        raise ChainError("These bytes are no transaction", expected="a signed EIP-1559 transaction", got=f"{len(raw)} bytes")
    chain_id, nonce, tip_wei, max_fee_wei, gas = (int.from_bytes(one, "big") for one in words[:5])
    return Transaction(
        chain_id=chain_id,
        nonce=nonce,
        tip_wei=tip_wei,
        max_fee_wei=max_fee_wei,
        gas=gas,
        to=str(to_checksum_address(words[5])) if words[5] else "",
        value_wei=int.from_bytes(words[6], "big"),
        data=words[7],
    )


def _integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected an integer, got {type(value).__name__}")
    return value


def _minimal(number: int) -> bytes:
    return number.to_bytes((number.bit_length() + 7) // 8, "big")
