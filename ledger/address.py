"""Accounts on a chain as people write them."""

import re

from domain.errors import InputError
from ledger.issuance import keccak

_FORM = re.compile(r"0x[0-9a-fA-F]{40}\Z")
_NOBODY = "0x" + "0" * 40
_CAPITAL_DIGITS = frozenset("89abcdef")  # of the hash, at the place of a letter


def address_from_text(text: str, *, record: str = "") -> str:
    """The account that a text names.

    Args:
        text: `0x` and 40 hexadecimal digits; capitals among small letters are a checksum, which is checked.
        record: Where it stands, for the message.

    Returns:
        The address with its checksum.

    Raises:
        InputError: It is no address, its checksum is wrong, or it is the zero address, which nobody holds.

    Source:
        EIP-55 (mixed-case checksum address encoding).
    """
    stripped = text.strip()
    if not _FORM.match(stripped):
        raise InputError(
            "This is no account on a chain",
            expected="0x and 40 hexadecimal digits",
            got=text[:80],
            record=record,
            next_step="Copy the address from the wallet.",
        )
    if stripped == _NOBODY:
        raise InputError("Nobody holds the zero address", expected="the address of an account", got=stripped, record=record)
    address = with_checksum(stripped)
    digits = stripped[2:]
    if digits not in {address[2:], digits.lower(), digits.upper()}:
        raise InputError(
            "This address has a wrong digit",
            expected="capitals that agree with its checksum (EIP-55)",
            got=stripped,
            record=record,
            next_step="Copy the address from the wallet again.",
        )
    return address


def with_checksum(address: str) -> str:
    """An address with capitals where its Keccak-256 says so (EIP-55): `0x` and 40 hexadecimal digits."""
    digits = address[2:].lower()
    nibbles = keccak(digits.encode("ascii")).hex()
    shown = (one.upper() if nibble in _CAPITAL_DIGITS else one for one, nibble in zip(digits, nibbles, strict=False))
    return "0x" + "".join(shown)
