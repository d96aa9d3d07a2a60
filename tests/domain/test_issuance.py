"""Issuances: numbers that the chain's contract knows by position."""

from domain.issuance import REGIONS, ZERO_ADDRESS, IssuanceKind


def test_kinds_are_numbered_as_on_the_chain() -> None:
    """1 to 3 as in the Hyperledger net emissions token network, 4 is ours; never renumbered."""
    assert [(kind.name, int(kind)) for kind in IssuanceKind] == [
        ("REC", 1),
        ("OFFSET", 2),
        ("AUDITED_EMISSIONS", 3),
        ("SELF_DECLARED_EMISSIONS", 4),
    ]


def test_regions_keep_their_bits() -> None:
    """A region's index is its bit in an auditor's mask: new ones go to the end."""
    assert REGIONS[:4] == ("US", "EU", "IN", "WORLD")


def test_zero_address_is_twenty_zero_bytes() -> None:
    """Nobody holds an anchored statement."""
    assert bytes.fromhex(ZERO_ADDRESS.removeprefix("0x")) == bytes(20)
