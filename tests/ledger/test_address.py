"""Addresses of accounts: the checksum of EIP-55 is checked where it is there, and given where it is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from ledger.address import address_from_text, with_checksum

PUBLISHED = (
    "0x52908400098527886E0F7030069857D2E4169EE7",
    "0x8617E340B3D01FA5F11F306F4090FD50E238070D",
    "0xde709f2102306220921060314715629080e2fb77",
    "0x27b1fdb04752bbc536007a920d24acb045561c26",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
    "0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359",
    "0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB",
    "0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb",
)
"""Test cases of EIP-55."""


@pytest.mark.parametrize("address", PUBLISHED)
def test_published_addresses_hold(address: str) -> None:
    """The examples of the standard are read as they stand, and without capitals."""
    assert address_from_text(f" {address}\n") == address
    assert address_from_text(address.lower()) == address


@given(st.binary(min_size=20, max_size=20).filter(any))
def test_checksum_holds_for_itself(account: bytes) -> None:
    """What we write we read."""
    address = with_checksum("0x" + account.hex())
    assert address_from_text(address) == address


def test_wrong_digit_is_found() -> None:
    """One digit changed in an address with capitals is refused."""
    with pytest.raises(InputError, match="This address has a wrong digit"):
        address_from_text("0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAee")


@pytest.mark.parametrize("text", ["", "0x", "0x12", "5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed", "0x" + "g" * 40, "0x" + "a" * 41])
def test_what_is_no_address_is_refused(text: str) -> None:
    """Other lengths, other digits and a missing 0x are refused."""
    with pytest.raises(InputError, match="This is no account on a chain; expected 0x and 40 hexadecimal digits"):
        address_from_text(text)


def test_zero_address_is_refused() -> None:
    """Nobody holds what goes there."""
    with pytest.raises(InputError, match="Nobody holds the zero address"):
        address_from_text("0x" + "0" * 40)
