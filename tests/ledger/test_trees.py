"""The three trees of a statement: each with its own key, in an order of their own."""

from hashlib import sha256
from hmac import digest as hmac_digest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import to_canonical
from domain.errors import LedgerError
from domain.manifest import TreeId
from ledger.inputs import InputGroup
from ledger.trees import INPUTS, LINES, ORIGINALS, TREES, build_trees, flat_tree_id, inputs_tree_id, original_leaf, tree_key

KEY = bytes(range(32))
DIGESTS = ["ab" * 32, "cd" * 32]
LEAVES = st.lists(st.integers(0, 10**6).map(lambda n: to_canonical({"n": n})), unique=True, min_size=1, max_size=9)
EMPTY = TreeId(sha256(b"").hexdigest(), 0)


def groups(leaves: list[bytes]) -> list[InputGroup]:
    """Two groups, or one, of these leaves."""
    parts = {"a": leaves[: len(leaves) // 2], "b": leaves[len(leaves) // 2 :]}
    return [InputGroup(name, {}, part) for name, part in parts.items() if part]


def test_each_tree_has_its_key() -> None:
    """The key of one tree says nothing about another: HMAC of its name."""
    assert [tree_key(KEY, tree) for tree in TREES] == [hmac_digest(KEY, tree.encode(), "sha256") for tree in TREES]
    assert len({tree_key(KEY, tree) for tree in TREES}) == len(TREES)


def test_empty_trees() -> None:
    """No leaves give the root of RFC 6962's empty tree."""
    trees = build_trees([], [], [], KEY)
    assert (trees.inputs, trees.lines, trees.originals) == (EMPTY, EMPTY, EMPTY)


def test_original_leaf_is_canonical() -> None:
    """The leaf of an original is its hash as canonical JSON."""
    assert original_leaf("ab" * 32) == b'{"sha256":"' + b"ab" * 32 + b'"}'


@given(LEAVES)
def test_whole_equals_parts(leaves: list[bytes]) -> None:
    """The statement's trees are those that each part gives by itself with its key."""
    trees = build_trees(groups(leaves), leaves, DIGESTS, KEY)
    assert trees.inputs == inputs_tree_id(groups(leaves), tree_key(KEY, INPUTS))
    assert trees.lines == flat_tree_id(LINES, leaves, tree_key(KEY, LINES))
    assert trees.originals == flat_tree_id(ORIGINALS, [original_leaf(d) for d in DIGESTS], tree_key(KEY, ORIGINALS))
    assert (trees.inputs.leaf_count, trees.lines.leaf_count, trees.originals.leaf_count) == (len(leaves), len(leaves), 2)


@given(LEAVES, st.randoms(use_true_random=False))
def test_order_does_not_matter(leaves: list[bytes], chance: object) -> None:
    """Leaves and groups in any order give the same roots."""
    shuffled = sorted(leaves, key=lambda leaf: sha256(leaf + repr(chance).encode()).digest())
    assert flat_tree_id(LINES, shuffled, KEY) == flat_tree_id(LINES, leaves, KEY)
    assert inputs_tree_id(groups(leaves)[::-1], KEY) == inputs_tree_id(groups(leaves), KEY)


@given(LEAVES)
def test_other_content_is_another_root(leaves: list[bytes]) -> None:
    """A leaf, a total, a group's name or the key changed: another root."""
    root = inputs_tree_id([InputGroup("a", {"k": "1"}, leaves)], KEY)
    others = [
        inputs_tree_id([InputGroup("a", {"k": "1"}, [*leaves[1:], b'{"other":1}'])], KEY),
        inputs_tree_id([InputGroup("a", {"k": "2"}, leaves)], KEY),
        inputs_tree_id([InputGroup("b", {"k": "1"}, leaves)], KEY),
        inputs_tree_id([InputGroup("a", {"k": "1"}, leaves)], bytes(32)),
    ]
    assert root not in others


def test_trees_of_equal_leaves_differ() -> None:
    """The same leaves as lines and as originals have different roots: the tree's name is in it."""
    assert flat_tree_id(LINES, [b"{}"], KEY) != flat_tree_id(ORIGINALS, [b"{}"], KEY)


def test_leaf_twice_is_refused() -> None:
    """A line that stands twice would count twice."""
    with pytest.raises(LedgerError):
        flat_tree_id(LINES, [b"{}", b"{}"], KEY)


def test_original_twice_is_refused() -> None:
    """An original is named once."""
    with pytest.raises(LedgerError):
        build_trees([], [], [DIGESTS[0], DIGESTS[0]], KEY)


def test_short_key_is_refused() -> None:
    """A key has 32 bytes."""
    with pytest.raises(LedgerError, match="32 bytes"):
        flat_tree_id(LINES, [b"{}"], KEY[:31])
