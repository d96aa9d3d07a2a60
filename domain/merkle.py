"""RFC 6962 Merkle trees with SHA-256, as far as more than one room needs them: hashes, root, inclusion proofs.

    leaf hash  SHA-256(0x00 || entry)
    node hash  SHA-256(0x01 || left || right)
    root of nothing: SHA-256 of the empty string

Every hash is 32 bytes. Consistency proofs are the ledger's (`ledger/merkle.py`).

Source:
    RFC 6962 section 2.1 (definitions); RFC 9162 section 2.1.3.2 (verification).
"""

from collections.abc import Sequence
from hashlib import sha256

HASH_SIZE = 32
EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash of one entry as a leaf, 32 bytes.

    Args:
        entry: The entry's bytes, any length.
    """
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash of two subtrees' hashes, 32 bytes.

    Args:
        left: Hash of the left subtree, 32 bytes.
        right: Hash of the right subtree, 32 bytes.
    """
    return sha256(b"\x01" + left + right).digest()


def merkle_root(leaf_hashes: Sequence[bytes]) -> bytes:
    """Root hash of a tree, 32 bytes.

    Args:
        leaf_hashes: Leaf hashes in order, 32 bytes each; none is allowed (the root of nothing).
    """
    level = list(leaf_hashes)
    if not level:
        return EMPTY_ROOT
    while len(level) > 1:
        level = _level_above(level)
    return level[0]


def merkle_levels(leaf_hashes: Sequence[bytes]) -> list[Sequence[bytes]]:
    """Every level of a tree, from the leaves to the one root: what proofs of several leaves share.

    Args:
        leaf_hashes: Leaf hashes in order, 32 bytes each.

    Returns:
        The leaves first; of level h, the hash at i is over the leaves from i x 2^h on. The root of nothing is in no level.
    """
    levels: list[Sequence[bytes]] = [leaf_hashes]
    while len(levels[-1]) > 1:
        levels.append(_level_above(levels[-1]))
    return levels


def inclusion_proof(index: int, leaf_hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """Hashes that lead from one leaf to the root, from the leaf upwards.

    Args:
        index: Position of the leaf, 0 <= index < number of leaves.
        leaf_hashes: Leaf hashes of the whole tree in order, 32 bytes each.

    Raises:
        IndexError: There is no such leaf.
    """
    if not 0 <= index < len(leaf_hashes):
        raise IndexError(f"expected a leaf index from 0 to {len(leaf_hashes) - 1}, got {index}")
    path: list[bytes] = []
    level = list(leaf_hashes)
    while len(level) > 1:
        sibling_index = index ^ 1
        if sibling_index < len(level):
            path.append(level[sibling_index])
        level = _level_above(level)
        index //= 2
    return tuple(path)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected_root: bytes) -> bool:
    """Whether a leaf hash is at this position of the tree with this size and root.

    Strict: a proof longer or shorter than the tree's shape needs, or one that holds anything but 32-byte hashes, does not verify.

    Args:
        leaf: The leaf's hash, 32 bytes.
        index: Its position, 0 <= index < size.
        size: Number of leaves of the tree.
        proof: Hashes from the leaf upwards, as `inclusion_proof` gives them.
        expected_root: The tree's root, 32 bytes.

    Source:
        RFC 9162 section 2.1.3.2.
    """
    if not 0 <= index < size or any(len(value) != HASH_SIZE for value in (leaf, expected_root, *proof)):
        return False
    node_index, last_index, computed = index, size - 1, leaf
    for sibling in proof:
        if last_index == 0:
            return False
        if node_index % 2 or node_index == last_index:
            computed = node_hash(sibling, computed)
            while node_index % 2 == 0 and node_index:
                node_index, last_index = node_index // 2, last_index // 2
        else:
            computed = node_hash(computed, sibling)
        node_index, last_index = node_index // 2, last_index // 2
    return last_index == 0 and computed == expected_root


def _level_above(level: Sequence[bytes]) -> list[bytes]:
    # Pairing level by level and carrying the odd one up gives RFC 6962's left-heavy tree.
    above = [node_hash(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
    if len(level) % 2:
        above.append(level[-1])
    return above
