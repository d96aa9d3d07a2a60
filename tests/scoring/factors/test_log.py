"""The log: its root and its paths are those of RFC 6962, at every size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merkle import EMPTY_ROOT, inclusion_proof, leaf_hash, merkle_root, verify_inclusion
from scoring.factors.log import FactorLog


@given(st.integers(1, 70), st.data())
def test_path_is_the_proof(size: int, data: st.DataObject) -> None:
    """The kept levels give the same path as hashing everything again, and it leads to the root."""
    index = data.draw(st.integers(0, size - 1))
    leaves = [leaf_hash(bytes([number])) for number in range(size)]
    log = FactorLog(b"".join(leaves))
    assert log.path(index) == inclusion_proof(index, leaves)
    assert log.root == merkle_root(leaves)
    assert verify_inclusion(leaves[index], index, size, log.path(index), log.root)


def test_empty_log() -> None:
    """Nothing admitted: the root of nothing, and no path."""
    log = FactorLog(b"")
    assert log.root == EMPTY_ROOT
    with pytest.raises(IndexError):
        log.path(0)


@pytest.mark.parametrize("index", [-1, 3])
def test_entry_that_is_not_there(index: int) -> None:
    """No path for a position outside, also not counted from the end."""
    with pytest.raises(IndexError, match=f"expected an entry from 0 to 2, got {index}"):
        FactorLog(b"".join(leaf_hash(bytes([number])) for number in range(3))).path(index)
