"""Issuances: a statement as the chain holds it, and the envelope that auditors sign."""

from dataclasses import dataclass
from enum import IntEnum


class IssuanceKind(IntEnum):
    """Kinds of token, numbered as in the Hyperledger net emissions token network; 4 is ours."""

    REC = 1
    OFFSET = 2
    AUDITED_EMISSIONS = 3
    SELF_DECLARED_EMISSIONS = 4


REGIONS = ("US", "EU", "IN", "WORLD")
"""Regions of auditor nodes, by their bit number on the chain."""

ZERO_ADDRESS = "0x" + "00" * 20
"""No holder: a person's statement is anchored, not held."""


@dataclass(frozen=True, slots=True)
class Issuance:
    """One statement as the chain names it.

    Attributes:
        holder: Checksummed or lower-case 0x address of 20 bytes; `ZERO_ADDRESS` for an anchored person.
        kind: Kind of token.
        region: Index in `REGIONS`.
        from_month_ym: First month, as 202403.
        to_month_ym: End month, exclusive, as 202404.
        revision: 1, then one more for each restatement.
        subject: 32 random bytes, one per subject and period.
        inputs_root: 32 bytes.
        manifest_hash: 32 bytes.
        method_hash: SHA-256 of the method's version text, 32 bytes.
        gross_location_g_co2e: Grams, signed.
        gross_market_g_co2e: Grams, signed.
        retired_g_co2e: Grams.
        net_g_co2e: Grams, signed.
    """

    holder: str
    kind: IssuanceKind
    region: int
    from_month_ym: int
    to_month_ym: int
    revision: int
    subject: bytes
    inputs_root: bytes
    manifest_hash: bytes
    method_hash: bytes
    gross_location_g_co2e: int
    gross_market_g_co2e: int
    retired_g_co2e: int
    net_g_co2e: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """What auditors sign: a batch of issuances by its root.

    Attributes:
        root: Root of the batch tree, 32 bytes.
        count: Issuances below it.
        region: Index in `REGIONS`.
        method_hash: 32 bytes.
        deadline_s: Last second, since 1970, at which the chain accepts it.
        epoch: The contract's auditor epoch at signing.
    """

    root: bytes
    count: int
    region: int
    method_hash: bytes
    deadline_s: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Revocation:
    """What auditors sign to withdraw a statement for good.

    Attributes:
        token_id: The statement's token, whether it was ever issued or not.
        region: Index in `REGIONS`; the token's.
        reason_hash: Salted hash of the reason's text, 32 bytes.
        deadline_s: Last second, since 1970, at which the chain accepts it.
        epoch: The contract's auditor epoch at signing.
    """

    token_id: int
    region: int
    reason_hash: bytes
    deadline_s: int
    epoch: int
