"""RFC 6962 Merkle trees with SHA-256: the trees of `domain/merkle.py`, and consistency proofs of growing ones.

Pure: takes and returns bytes, standard library only. Every hash is 32 bytes. The verifiers are strict: a proof that is longer or
shorter than the tree's shape needs, or that holds anything but 32-byte hashes, does not verify.

Source:
    RFC 6962 section 2.1 (definitions); RFC 9162 sections 2.1.3.2 and 2.1.4.2 (verification algorithms).
"""

from collections.abc import Sequence

from domain.merkle import EMPTY_ROOT, HASH_SIZE, inclusion_proof, leaf_hash, node_hash, verify_inclusion
from domain.merkle import merkle_root as root

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "consistency_proof",
    "inclusion_proof",
    "leaf_hash",
    "node_hash",
    "root",
    "verify_consistency",
    "verify_inclusion",
]


def consistency_proof(former_size: int, leaf_hashes: Sequence[bytes]) -> tuple[bytes, ...]:
    """Hashes that show that a tree continues its own first `former_size` leaves.

    Args:
        former_size: Number of leaves of the former tree, 0 to the number of leaves.
        leaf_hashes: Leaf hashes of the present tree in order, 32 bytes each.

    Returns:
        The proof; empty where the former tree is empty or is the present one.

    Raises:
        IndexError: The former tree is larger than the present one.

    Source:
        RFC 6962 section 2.1.2.
    """
    if not 0 <= former_size <= len(leaf_hashes):
        raise IndexError(f"expected a former size from 0 to {len(leaf_hashes)}, got {former_size}")
    if former_size in (0, len(leaf_hashes)):
        return ()
    return _subproof(former_size, leaf_hashes, is_complete=True)


def verify_consistency(former_size: int, size: int, former_root: bytes, expected_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the tree (size, root) continues the tree (former size, former root).

    Args:
        former_size: Number of leaves of the former tree.
        size: Number of leaves of the present tree.
        former_root: Root of the former tree, 32 bytes.
        expected_root: Root of the present tree, 32 bytes.
        proof: As `consistency_proof` gives it.

    Source:
        RFC 9162 section 2.1.4.2; the empty and the equal tree have an empty proof.
    """
    if not 0 <= former_size <= size or not _all_hashes((former_root, expected_root, *proof)):
        return False
    if former_size == size:
        return not proof and former_root == expected_root
    if former_size == 0:
        return not proof and former_root == EMPTY_ROOT
    return _walk_consistency(former_size, size, former_root, expected_root, proof)


def _walk_consistency(former_size: int, size: int, former_root: bytes, expected_root: bytes, proof: Sequence[bytes]) -> bool:
    # Step numbers are those of RFC 9162 section 2.1.4.2.
    path = list(proof)
    if former_size & (former_size - 1) == 0:  # 2. a power of two is itself a node of the new tree
        path.insert(0, former_root)
    if not path:  # 1.
        return False
    node_index, last_index = former_size - 1, size - 1  # 3.
    while node_index % 2:  # 4.
        node_index, last_index = node_index // 2, last_index // 2
    former = present = path[0]  # 5.
    for sibling in path[1:]:  # 6.
        if last_index == 0:
            return False
        if node_index % 2 or node_index == last_index:
            former, present = node_hash(sibling, former), node_hash(sibling, present)
            while node_index % 2 == 0 and node_index:
                node_index, last_index = node_index // 2, last_index // 2
        else:
            present = node_hash(present, sibling)
        node_index, last_index = node_index // 2, last_index // 2
    return last_index == 0 and former == former_root and present == expected_root  # 7.


def _subproof(former_size: int, leaf_hashes: Sequence[bytes], *, is_complete: bool) -> tuple[bytes, ...]:
    if former_size == len(leaf_hashes):
        return () if is_complete else (root(leaf_hashes),)
    split = 1 << (len(leaf_hashes) - 1).bit_length() - 1  # the largest power of two below the size
    if former_size <= split:
        return (*_subproof(former_size, leaf_hashes[:split], is_complete=is_complete), root(leaf_hashes[split:]))
    return (*_subproof(former_size - split, leaf_hashes[split:], is_complete=False), root(leaf_hashes[:split]))


def _all_hashes(values: Sequence[bytes]) -> bool:
    return all(len(value) == HASH_SIZE for value in values)
