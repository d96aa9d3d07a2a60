"""RFC 6962 trees against the RFC's own definitions, published vectors and `pymerkle`."""

import subprocess
import sys
from hashlib import sha256

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymerkle import InmemoryTree

from ledger import merkle

# Inputs and roots of the reference implementation of RFC 6962 (certificate-transparency, merkle_tree_test.cc).
VECTOR_ENTRIES = tuple(
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
)
VECTOR_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
MAX_SIZE = 33


def hashes(size: int) -> list[bytes]:
    """Leaf hashes of the first `size` entries."""
    return [merkle.leaf_hash(b"entry %d" % number) for number in range(size)]


def definition_root(entries: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word."""
    if not entries:
        return sha256(b"").digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    split = 1
    while split * 2 < len(entries):
        split *= 2
    return sha256(b"\x01" + definition_root(entries[:split]) + definition_root(entries[split:])).digest()


@pytest.mark.parametrize("size", range(1, 9))
def test_published_roots(size: int) -> None:
    """The roots are those of the reference implementation."""
    assert merkle.root([merkle.leaf_hash(entry) for entry in VECTOR_ENTRIES[:size]]).hex() == VECTOR_ROOTS[size - 1]


def test_empty_root() -> None:
    """The root of nothing is the hash of nothing."""
    assert merkle.root([]).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@given(st.lists(st.binary(max_size=40), max_size=70))
def test_root_is_the_definition(entries: list[bytes]) -> None:
    """Pairing level by level gives the recursive definition's root."""
    assert merkle.root([merkle.leaf_hash(entry) for entry in entries]) == definition_root(entries)


@given(st.lists(st.binary(min_size=1, max_size=40), min_size=1, max_size=70))
def test_root_is_pymerkles(entries: list[bytes]) -> None:
    """An independent library has the same root."""
    tree = InmemoryTree(algorithm="sha256")
    for entry in entries:
        tree.append_entry(entry)
    assert merkle.root([merkle.leaf_hash(entry) for entry in entries]) == tree.get_root()


@pytest.mark.parametrize("size", range(1, MAX_SIZE + 1))
def test_every_leaf_is_included(size: int) -> None:
    """Each leaf has a proof that verifies, at its own place only."""
    leaves = hashes(size)
    root = merkle.root(leaves)
    for index in range(size):
        proof = merkle.inclusion_proof(index, leaves)
        places = [place for place in range(-1, size + 1) if merkle.verify_inclusion(leaves[index], place, size, proof, root)]
        assert places == [index]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 11, 33])
def test_inclusion_proofs_are_pymerkles(size: int) -> None:
    """An independent library gives the same paths, its first element being the leaf itself."""
    tree = InmemoryTree(algorithm="sha256")
    for number in range(size):
        tree.append_entry(b"entry %d" % number)
    for index in range(size):
        path = tree.prove_inclusion(index + 1, size).path
        assert tuple(path) == (hashes(size)[index], *merkle.inclusion_proof(index, hashes(size)))


@pytest.mark.parametrize("size", [1, 2, 3, 5, 8, 13])
def test_changed_byte_is_not_included(size: int) -> None:
    """One changed byte in leaf, proof or root breaks the proof."""
    leaves = hashes(size)
    root = merkle.root(leaves)
    for index in range(size):
        parts = [leaves[index], *merkle.inclusion_proof(index, leaves), root]
        for changed in every_change(parts):
            assert not merkle.verify_inclusion(changed[0], index, size, changed[1:-1], changed[-1])


@pytest.mark.parametrize("size", range(1, MAX_SIZE + 1))
def test_inclusion_proof_has_one_length(size: int) -> None:
    """A proof that is shortened, extended or of another size of tree does not verify where its shape differs."""
    leaves = hashes(size)
    root = merkle.root(leaves)
    for index in range(size):
        proof = merkle.inclusion_proof(index, leaves)
        assert not merkle.verify_inclusion(leaves[index], index, size, (*proof, root), root)
        assert not merkle.verify_inclusion(leaves[index], index, size, (leaves[0], *proof), root)
        assert not (proof and merkle.verify_inclusion(leaves[index], index, size, proof[:-1], root))
        assert not merkle.verify_inclusion(leaves[index], index, size * 2 + 1, proof, root)


def test_every_former_tree_is_consistent() -> None:
    """All pairs of sizes up to 33 have a proof that verifies, and with no other pair of sizes or roots of theirs."""
    for size in range(MAX_SIZE + 1):
        for former_size in range(size + 1):
            proof = merkle.consistency_proof(former_size, hashes(size))
            former_root, root = merkle.root(hashes(former_size)), merkle.root(hashes(size))
            assert merkle.verify_consistency(former_size, size, former_root, root, proof)
            if 0 < former_size < size:
                assert not merkle.verify_consistency(former_size, size, root, former_root, proof)
                assert not merkle.verify_consistency(former_size, size, former_root, root, (*proof, root))
                assert not merkle.verify_consistency(former_size, size, former_root, root, proof[:-1])
                assert not merkle.verify_consistency(size, former_size, former_root, root, proof)


def test_published_consistency_proofs() -> None:
    """The three examples of RFC 6962 section 2.1.3 over seven leaves."""
    leaves = hashes(7)
    pairs = [merkle.node_hash(leaves[i], leaves[i + 1]) for i in (0, 2, 4)]
    left, right = merkle.node_hash(pairs[0], pairs[1]), merkle.node_hash(pairs[2], leaves[6])
    assert merkle.consistency_proof(3, leaves) == (leaves[2], leaves[3], pairs[0], right)
    assert merkle.consistency_proof(4, leaves) == (right,)
    assert merkle.consistency_proof(6, leaves) == (pairs[2], leaves[6], left)


@pytest.mark.parametrize(("former_size", "size"), [(1, 2), (2, 3), (3, 7), (4, 8), (6, 13), (8, 33)])
def test_pymerkle_finds_our_roots_consistent(former_size: int, size: int) -> None:
    """An independent library's own proof (in its own format) leads from our former root to our present one."""
    tree = InmemoryTree(algorithm="sha256")
    for number in range(size):
        tree.append_entry(b"entry %d" % number)
    proof = tree.prove_consistency(former_size, size)
    pymerkle.verify_consistency(merkle.root(hashes(former_size)), merkle.root(hashes(size)), proof)
    with pytest.raises(pymerkle.InvalidProof):
        pymerkle.verify_consistency(merkle.root(hashes(size)), merkle.root(hashes(size)), proof)


@pytest.mark.parametrize(("former_size", "size"), [(1, 2), (2, 3), (3, 7), (4, 8), (6, 13)])
def test_changed_byte_is_not_consistent(former_size: int, size: int) -> None:
    """One changed byte in either root or the proof breaks it."""
    parts = [
        merkle.root(hashes(former_size)),
        *merkle.consistency_proof(former_size, hashes(size)),
        merkle.root(hashes(size)),
    ]
    for changed in every_change(parts):
        assert not merkle.verify_consistency(former_size, size, changed[0], changed[-1], changed[1:-1])


def test_rewritten_history_is_not_consistent() -> None:
    """A tree with another first leaf does not continue the former one, whichever proof is shown."""
    rewritten = [merkle.leaf_hash(b"other"), *hashes(8)[1:]]
    proof = merkle.consistency_proof(4, rewritten)
    assert not merkle.verify_consistency(4, 8, merkle.root(hashes(4)), merkle.root(rewritten), proof)


def test_same_size_other_root() -> None:
    """Two trees of one size are consistent only if they are one tree."""
    assert not merkle.verify_consistency(4, 4, merkle.root(hashes(4)), merkle.root(hashes(5)), ())


def test_missing_leaf_is_refused() -> None:
    """A proof for a leaf that does not exist is refused with the range."""
    with pytest.raises(IndexError, match="expected a leaf index from 0 to 2, got 3"):
        merkle.inclusion_proof(3, hashes(3))


def test_larger_former_tree_is_refused() -> None:
    """A former tree cannot be larger than the present one."""
    with pytest.raises(IndexError, match="expected a former size from 0 to 3, got 4"):
        merkle.consistency_proof(4, hashes(3))


def test_imports_nothing_else() -> None:
    """It imports the nouns and the standard library only, so that a stranger can run it without the rest."""
    code = "import sys; before = set(sys.modules); import ledger.merkle; print(sorted(set(sys.modules) - before))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in eval(done.stdout)}  # noqa: S307 - our own list of names
    assert loaded <= set(sys.stdlib_module_names) | {"ledger", "domain"}


def every_change(parts: list[bytes]) -> list[list[bytes]]:
    """The parts with one byte changed, for every byte."""
    return [
        [*parts[:i], part[:j] + bytes([part[j] ^ 0x41]) + part[j + 1 :], *parts[i + 1 :]]
        for i, part in enumerate(parts)
        for j in range(len(part))
    ]
