"""The three trees that a manifest names: inputs, lines and originals of one statement.

Each tree has a key of its own, derived from the statement's key, so that showing one tree says nothing about another:

    tree key     HMAC-SHA256(statement key, "inputs" | "lines" | "originals")

Lines and originals are trees of one group (`ledger/inputs.py`), named as the tree. A tree without leaves has the root
SHA-256("") that RFC 6962 gives the empty tree.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import digest as hmac_digest

from domain.canonical import to_canonical
from domain.manifest import ManifestFormat, TreeId
from ledger import merkle
from ledger.inputs import InputGroup, build_inputs_tree

INPUTS = "inputs"
LINES = "lines"
ORIGINALS = "originals"
TREES = (INPUTS, LINES, ORIGINALS)
"""Names of the trees."""


@dataclass(frozen=True, slots=True)
class StatementTrees:
    """Roots of a statement's three trees.

    Attributes:
        inputs: Record revisions by group.
        lines: The statement's lines.
        originals: SHA-256 of the original documents.
    """

    inputs: TreeId
    lines: TreeId
    originals: TreeId


def tree_key(statement_key: bytes, tree: str) -> bytes:
    """Key of one tree, 32 bytes.

    Args:
        statement_key: The statement's 32 random bytes.
        tree: One of `TREES`.
    """
    return hmac_digest(statement_key, tree.encode("ascii"), "sha256")


def inputs_tree_id(groups: Sequence[InputGroup], key: bytes, layout: ManifestFormat = ManifestFormat.V2) -> TreeId:
    """The inputs tree of these groups.

    Args:
        groups: Groups in any order; none where nothing was measured.
        key: `tree_key` of the inputs, 32 bytes.
        layout: How a group is hashed.

    Raises:
        LedgerError: A group is empty, or a key or a leaf stands twice.
    """
    if not groups:
        return TreeId(merkle.root(()).hex(), 0)
    tree = build_inputs_tree(groups, key, layout)
    return TreeId(tree.root.hex(), tree.leaf_count)


def flat_tree_id(tree: str, leaves: Sequence[bytes], key: bytes, layout: ManifestFormat = ManifestFormat.V2) -> TreeId:
    """A tree of one group.

    Args:
        tree: `LINES` or `ORIGINALS`.
        leaves: Canonical JSON bytes, each once, in any order.
        key: `tree_key` of that tree, 32 bytes.
        layout: How its one group is hashed.

    Raises:
        LedgerError: A leaf stands twice.
    """
    return inputs_tree_id([InputGroup(tree, {}, leaves)] if leaves else [], key, layout)


def original_leaf(document_sha256: str) -> bytes:
    """Leaf of one original document: canonical JSON with its SHA-256, 64 hexadecimal digits."""
    return to_canonical({"sha256": document_sha256})


def build_trees(
    groups: Sequence[InputGroup],
    lines: Sequence[bytes],
    document_sha256s: Sequence[str],
    statement_key: bytes,
    layout: ManifestFormat = ManifestFormat.V2,
) -> StatementTrees:
    """The three trees of a statement.

    Args:
        groups: Its inputs.
        lines: Canonical JSON of its lines.
        document_sha256s: SHA-256 of its originals, each once, 64 hexadecimal digits.
        statement_key: 32 random bytes of this statement alone.
        layout: How groups are hashed.

    Raises:
        LedgerError: A leaf stands twice, or the key has another size.
    """
    originals = [original_leaf(digest) for digest in document_sha256s]
    return StatementTrees(
        inputs=inputs_tree_id(groups, tree_key(statement_key, INPUTS), layout),
        lines=flat_tree_id(LINES, lines, tree_key(statement_key, LINES), layout),
        originals=flat_tree_id(ORIGINALS, originals, tree_key(statement_key, ORIGINALS), layout),
    )
