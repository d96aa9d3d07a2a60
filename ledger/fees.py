"""What a transaction offers for its gas (EIP-1559), and how an offer is raised. Pure.

The base fee can rise by an eighth in each block, so twice the base fee holds for five full blocks. A transaction that takes the
place of another one must offer more in both fields: nodes want 10 % (geth, anvil) or 12.5 % (Nethermind, Erigon's default is 10);
we raise by 12.5 %, rounded up.
"""

from dataclasses import dataclass

from domain.errors import ChainError

BUMP_PPM = 1_125_000
"""Former offer to the least next one, millionths."""

DEFAULT_TIP_WEI = 10**9
"""Tip where a node has no opinion, wei per gas: 1 gwei."""

DEFAULT_CEILING_WEI = 500 * 10**9
"""Most wei per gas that is ever offered unless the settings say otherwise: 500 gwei."""


@dataclass(frozen=True, slots=True)
class Fees:
    """An offer.

    Attributes:
        max_fee_wei: Most wei per gas, base fee and tip together.
        tip_wei: Wei per gas for whoever makes the block.
    """

    max_fee_wei: int
    tip_wei: int


def propose_fees(base_fee_wei: int, tip_wei: int, *, ceiling_wei: int) -> Fees:
    """A first offer.

    Args:
        base_fee_wei: Base fee of the newest block, wei per gas.
        tip_wei: Tip that the node suggests, wei per gas.
        ceiling_wei: Most wei per gas.

    Raises:
        ChainError: Even the present base fee with the tip is above the ceiling.
    """
    if base_fee_wei + tip_wei > ceiling_wei:
        raise ChainError(
            "The chain's fee is above the ceiling",
            expected=f"at most {ceiling_wei} wei per gas",
            got=f"{base_fee_wei + tip_wei} wei per gas",
            next_step="It is tried again by itself; CF_CHAIN_FEE_CEILING_GWEI sets the ceiling.",
        )
    return Fees(min(2 * base_fee_wei + tip_wei, ceiling_wei), tip_wei)


def raise_fees(former: Fees, proposed: Fees, *, ceiling_wei: int) -> Fees | None:
    """An offer that takes the place of a former one: both fields at least 12.5 % higher; None where the ceiling forbids it.

    Args:
        former: What the waiting transaction offers.
        proposed: What a new one would offer now.
        ceiling_wei: Most wei per gas.
    """
    max_fee_wei = max(_bumped(former.max_fee_wei), proposed.max_fee_wei)
    tip_wei = max(_bumped(former.tip_wei), proposed.tip_wei)
    return Fees(max(max_fee_wei, tip_wei), tip_wei) if max(max_fee_wei, tip_wei) <= ceiling_wei else None


def _bumped(fee_wei: int) -> int:
    return max(-(-fee_wei * BUMP_PPM // 10**6), fee_wei + 1)
