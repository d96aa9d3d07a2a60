"""Fees: first offers hold for five full blocks, replacements are accepted, nothing is above the ceiling."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import ChainError
from ledger.fees import Fees, propose_fees, raise_fees

GWEI = 10**9
fees = st.integers(0, 10**13)


def test_first_offer() -> None:
    """Twice the base fee and the tip."""
    assert propose_fees(30 * GWEI, 2 * GWEI, ceiling_wei=500 * GWEI) == Fees(62 * GWEI, 2 * GWEI)


def test_first_offer_ends_at_the_ceiling() -> None:
    """A ceiling between the base fee and its double is what is offered."""
    assert propose_fees(30 * GWEI, 2 * GWEI, ceiling_wei=40 * GWEI) == Fees(40 * GWEI, 2 * GWEI)


def test_too_dear() -> None:
    """Where the present block is above the ceiling nothing is offered."""
    with pytest.raises(ChainError, match="expected at most 31 wei per gas; got 32 wei per gas"):
        propose_fees(30, 2, ceiling_wei=31)


def test_replacement_by_an_eighth() -> None:
    """Where the chain has not become dearer, both fields rise by 12.5 %, rounded up."""
    assert raise_fees(Fees(1001, 0), Fees(10, 0), ceiling_wei=10_000) == Fees(1127, 1)


def test_replacement_follows_the_chain() -> None:
    """Where the chain has become dearer, its own offer counts."""
    assert raise_fees(Fees(100, 10), Fees(900, 90), ceiling_wei=10_000) == Fees(900, 90)


@given(fees, fees, fees, fees, fees)
def test_every_replacement_is_accepted_by_nodes(former_max: int, former_tip: int, base: int, tip: int, ceiling: int) -> None:
    """Both fields rise by 12.5 % at least, the tip is never above the whole, and the ceiling holds."""
    former, proposed = Fees(max(former_max, former_tip), former_tip), Fees(base + tip, tip)
    raised = raise_fees(former, proposed, ceiling_wei=ceiling)
    if raised is None:
        assert max(former.max_fee_wei * 1125 / 1000, base + tip) > ceiling - 1
        return
    assert raised.max_fee_wei * 1000 >= former.max_fee_wei * 1125
    assert raised.tip_wei * 1000 >= former.tip_wei * 1125
    assert raised.tip_wei > former.tip_wei
    assert raised.tip_wei <= raised.max_fee_wei <= ceiling
