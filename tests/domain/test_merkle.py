"""RFC 6962 trees against the published test vectors of Certificate Transparency."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.merkle import EMPTY_ROOT, inclusion_proof, leaf_hash, merkle_levels, merkle_root, verify_inclusion

# Leaves and roots of google/certificate-transparency, merkle_tree_test: the roots over the first 1, 2, 3 and 8 leaves.
LEAVES = [
    bytes.fromhex(text)
    for text in ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
]
ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}


@pytest.mark.parametrize(("size", "root_hex"), ROOTS.items())
def test_root_is_the_published_one(size: int, root_hex: str) -> None:
    """Roots over the standard leaves."""
    assert merkle_root([leaf_hash(leaf) for leaf in LEAVES[:size]]).hex() == root_hex


def test_root_of_nothing() -> None:
    """The empty tree's root is SHA-256 of nothing."""
    assert merkle_root([]) == EMPTY_ROOT


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data())
def test_proof_of_every_leaf_holds_for_it_alone(entries: list[bytes], data: st.DataObject) -> None:
    """A proof verifies at its index, and fails at another, shortened, lengthened, or with a changed leaf."""
    index = data.draw(st.integers(0, len(entries) - 1))
    hashes = [leaf_hash(entry) for entry in entries]
    root, proof, size = merkle_root(hashes), inclusion_proof(index, hashes), len(hashes)
    assert verify_inclusion(hashes[index], index, size, proof, root)
    assert not verify_inclusion(leaf_hash(b"other"), index, size, proof, root)
    assert not verify_inclusion(hashes[index], index, size, (*proof, root), root)
    assert not verify_inclusion(hashes[index], size, size, proof, root)
    assert not proof or not verify_inclusion(hashes[index], index, size, proof[:-1], root)


def test_proof_of_no_leaf_is_refused() -> None:
    """An index outside the tree has no proof."""
    with pytest.raises(IndexError, match="expected a leaf index from 0 to 0, got 1"):
        inclusion_proof(1, [leaf_hash(b"")])


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40))
def test_levels_lead_from_the_leaves_to_the_root(entries: list[bytes]) -> None:
    """The first level is the leaves, the last one the root alone, and each has half as many, rounded up."""
    hashes = [leaf_hash(entry) for entry in entries]
    levels = merkle_levels(hashes)
    assert (list(levels[0]), list(levels[-1])) == (hashes, [merkle_root(hashes)])
    assert all(len(above) == (len(below) + 1) // 2 for below, above in pairwise(levels))


def test_nothing_has_one_empty_level() -> None:
    """A tree of nothing has no root in its levels."""
    assert merkle_levels([]) == [[]]
