"""The inputs root of a statement: salted leaves, grouped, so that one bill or one group can be shown alone.

Byte layouts (|| joins, every hash and salt is 32 bytes, indices are 8 bytes big-endian):

    leaf salt    HMAC-SHA256(statement key, leaf index)               index over all leaves of the statement
    group salt   HMAC-SHA256(statement key, "group" || group index)
    leaf         SHA-256(0x00 || leaf salt || canonical JSON of the leaf)
    about        SHA-256(0x03 || group salt || canonical JSON of {"group", "leaf_count", "totals"})
    group        SHA-256(0x02 || about || RFC 6962 root of its leaves)
    inputs root  RFC 6962 root whose leaf hashes are the groups

Layout 1, of statements closed before there was `about`, is still read: group = SHA-256(0x02 || group salt || the same canonical
JSON || RFC 6962 root of its leaves). There one leaf cannot be shown without the totals of its group.

Order is part of the definition and does not depend on the caller: groups by the UTF-8 bytes of their key, leaves of a group by
their bytes. 0x00, 0x01 (RFC 6962 node), 0x02 and 0x03 keep the kinds of hash apart; salt and roots have a fixed size, so what is
joined cannot be read in two ways. A way to a root names the side of each sibling, so there is no index and no count that could be
changed without breaking it, and none that is told. Without the statement key nothing can be guessed from a hash; with
the key destroyed the root says nothing any more.

Source:
    design/ledger.md section 1; RFC 6962 section 2.1; RFC 2104 (HMAC); RFC 8785 (canonical JSON).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from hmac import digest as hmac_digest
from itertools import accumulate
from typing import TypeVar

from domain.canonical import to_canonical
from domain.errors import LedgerError
from domain.manifest import ManifestFormat
from ledger import merkle

KEY_SIZE = 32

_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class InputGroup:
    """Inputs of one source, usage point and month.

    Attributes:
        group_key: Name of the group; unique in a statement.
        totals: Quantity totals of the group as decimal strings, by name.
        leaves: Canonical JSON bytes of its inputs, each once, at least one.
    """

    group_key: str
    totals: Mapping[str, str]
    leaves: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class PathNode:
    """One step of a way to a root.

    Attributes:
        sibling: The other child's hash, 32 bytes.
        is_left: Whether the sibling is the left child.
    """

    sibling: bytes
    is_left: bool


@dataclass(frozen=True, slots=True)
class GroupDisclosure:
    """One group shown alone: its totals, and the way to the inputs root.

    Attributes:
        group_key: Name of the group.
        totals: Quantity totals as decimal strings, by name.
        leaf_count: How many leaves the group holds.
        salt: The group's salt, 32 bytes.
        subtree_root: RFC 6962 root of the group's leaves, 32 bytes.
        path: From the group upwards.
    """

    group_key: str
    totals: Mapping[str, str]
    leaf_count: int
    salt: bytes
    subtree_root: bytes
    path: tuple[PathNode, ...]


@dataclass(frozen=True, slots=True)
class LeafDisclosure:
    """One input shown alone; of its group it tells a salted hash, of other inputs nothing.

    Attributes:
        leaf: Canonical JSON bytes of the input.
        salt: The leaf's salt, 32 bytes.
        path: Inside its group, from the leaf upwards.
        about: Hash of the group's name, count and totals, 32 bytes.
        group_path: From the group upwards.
    """

    leaf: bytes
    salt: bytes
    path: tuple[PathNode, ...]
    about: bytes
    group_path: tuple[PathNode, ...]


@dataclass(frozen=True, slots=True)
class _GroupTree:
    group_key: str
    totals: Mapping[str, str]
    leaves: tuple[bytes, ...]
    leaf_salts: tuple[bytes, ...]
    leaf_hashes: tuple[bytes, ...]
    salt: bytes
    about: bytes
    subtree_root: bytes


@dataclass(frozen=True, slots=True)
class InputsTree:
    """The tree of a statement's inputs, with the salts: as private as the inputs themselves.

    Attributes:
        root: The inputs root, 32 bytes.
        leaf_count: Number of leaves in all groups.
        group_keys: Keys of the groups in the tree's order; `disclose_*` take positions in it.
        layout: How a group is hashed.
    """

    root: bytes
    leaf_count: int
    group_keys: tuple[str, ...]
    layout: ManifestFormat
    _groups: tuple[_GroupTree, ...] = field(repr=False)
    _group_hashes: tuple[bytes, ...] = field(repr=False)

    def disclose_group(self, group_index: int) -> GroupDisclosure:
        """What shows one group alone.

        Args:
            group_index: Position in `group_keys`.

        Raises:
            LedgerError: There is no such group, or the tree is of layout 1.
        """
        group = _at(self._groups, group_index, "group")
        self._check_layout()
        return GroupDisclosure(
            group_key=group.group_key,
            totals=group.totals,
            leaf_count=len(group.leaves),
            salt=group.salt,
            subtree_root=group.subtree_root,
            path=_path_to_root(group_index, self._group_hashes),
        )

    def disclose_leaf(self, group_index: int, leaf_index: int) -> LeafDisclosure:
        """What shows one input alone.

        Args:
            group_index: Position in `group_keys`.
            leaf_index: Position inside the group, in the order of the leaves' bytes.

        Raises:
            LedgerError: There is no such leaf, or the tree is of layout 1.
        """
        group = _at(self._groups, group_index, "group")
        leaf = _at(group.leaves, leaf_index, "leaf")
        self._check_layout()
        return LeafDisclosure(
            leaf=leaf,
            salt=group.leaf_salts[leaf_index],
            path=_path_to_root(leaf_index, group.leaf_hashes),
            about=group.about,
            group_path=_path_to_root(group_index, self._group_hashes),
        )

    def disclose(self, leaf: bytes) -> LeafDisclosure:
        """What shows one input alone, found by its bytes.

        Args:
            leaf: Canonical JSON bytes of the input.

        Raises:
            LedgerError: The statement has no such input, or the tree is of layout 1.
        """
        for group_index, group in enumerate(self._groups):
            if leaf in group.leaves:
                return self.disclose_leaf(group_index, group.leaves.index(leaf))
        raise LedgerError("This input is not in the statement", expected=f"one of {self.leaf_count} leaves", got=leaf[:80])

    def _check_layout(self) -> None:
        if self.layout is ManifestFormat.V1:
            raise LedgerError(
                "Of this statement nothing can be shown alone",
                expected=f"a statement with a manifest of {ManifestFormat.V2} or later",
                got=str(self.layout),
                next_step="Restate the period: the new revision's inputs can be shown one by one.",
            )


def build_inputs_tree(
    groups: Sequence[InputGroup], statement_key: bytes, layout: ManifestFormat = ManifestFormat.V2
) -> InputsTree:
    """The tree of a statement's inputs.

    Args:
        groups: Groups in any order, at least one.
        statement_key: 32 random bytes of this statement alone; all salts follow from it.
        layout: How a group is hashed: as the statement's manifest says.

    Raises:
        LedgerError: The key has another size, there is no group, a group is empty, or a key or a leaf stands twice.
    """
    if len(statement_key) != KEY_SIZE:
        raise LedgerError("This is not a statement key", expected="32 bytes", got=f"{len(statement_key)} bytes")
    ordered = sorted(groups, key=lambda group: group.group_key.encode())
    _check_groups(ordered)
    firsts = accumulate((len(group.leaves) for group in ordered), initial=0)
    trees = tuple(
        _build_group(group, group_index=i, first_leaf_index=first, statement_key=statement_key)
        for i, (group, first) in enumerate(zip(ordered, firsts, strict=False))
    )
    hashes = tuple(_group_hash(tree, layout) for tree in trees)
    return InputsTree(
        root=merkle.root(hashes),
        leaf_count=sum(len(tree.leaves) for tree in trees),
        group_keys=tuple(tree.group_key for tree in trees),
        layout=layout,
        _groups=trees,
        _group_hashes=hashes,
    )


def verify_leaf(disclosure: LeafDisclosure, root: bytes) -> bool:
    """Whether an input is one of those that an inputs root commits to.

    Args:
        disclosure: What was shown.
        root: The inputs root, 32 bytes.
    """
    if not _are_hashes(disclosure.salt, disclosure.about):
        return False
    subtree_root = _root_of_path(leaf_hash(disclosure.leaf, disclosure.salt), disclosure.path)
    if subtree_root is None:
        return False
    return _root_of_path(_node_of_group(disclosure.about, subtree_root), disclosure.group_path) == root


def verify_group(disclosure: GroupDisclosure, root: bytes) -> bool:
    """Whether a group with these totals is one of those that an inputs root commits to.

    Args:
        disclosure: What was shown.
        root: The inputs root, 32 bytes.
    """
    if not _are_hashes(disclosure.salt, disclosure.subtree_root):
        return False
    about = about_group(disclosure.group_key, disclosure.totals, disclosure.leaf_count, salt=disclosure.salt)
    return _root_of_path(_node_of_group(about, disclosure.subtree_root), disclosure.path) == root


def leaf_salt(statement_key: bytes, leaf_index: int) -> bytes:
    """Salt of one leaf, 32 bytes.

    Args:
        statement_key: The statement's 32 random bytes.
        leaf_index: Position among all leaves of the statement, from 0.
    """
    return hmac_digest(statement_key, leaf_index.to_bytes(8, "big"), "sha256")


def group_salt(statement_key: bytes, group_index: int) -> bytes:
    """Salt of one group, 32 bytes.

    Args:
        statement_key: The statement's 32 random bytes.
        group_index: Position among the groups, from 0.
    """
    return hmac_digest(statement_key, b"group" + group_index.to_bytes(8, "big"), "sha256")


def leaf_hash(leaf: bytes, salt: bytes) -> bytes:
    """Hash of one salted leaf, 32 bytes.

    Args:
        leaf: Canonical JSON bytes.
        salt: The leaf's salt, 32 bytes.
    """
    return sha256(b"\x00" + salt + leaf).digest()


def about_group(group_key: str, totals: Mapping[str, str], leaf_count: int, *, salt: bytes) -> bytes:
    """Salted hash of what a group says of itself, 32 bytes.

    Args:
        group_key: Name of the group.
        totals: Quantity totals as decimal strings, by name.
        leaf_count: How many leaves the group holds.
        salt: The group's salt, 32 bytes.
    """
    return sha256(b"\x03" + salt + _named(group_key, totals, leaf_count)).digest()


def _named(group_key: str, totals: Mapping[str, str], leaf_count: int) -> bytes:
    return to_canonical({"group": group_key, "leaf_count": leaf_count, "totals": dict(totals)})


def _node_of_group(about: bytes, subtree_root: bytes) -> bytes:
    return sha256(b"\x02" + about + subtree_root).digest()


def _group_hash(group: _GroupTree, layout: ManifestFormat) -> bytes:
    if layout is ManifestFormat.V2:
        return _node_of_group(group.about, group.subtree_root)
    named = _named(group.group_key, group.totals, len(group.leaves))
    return sha256(b"\x02" + group.salt + named + group.subtree_root).digest()


def _path_to_root(index: int, hashes: Sequence[bytes]) -> tuple[PathNode, ...]:
    path, last_index = [], len(hashes) - 1
    for sibling in merkle.inclusion_proof(index, hashes):
        while index == last_index and index % 2 == 0:  # without a sibling it is carried up
            index, last_index = index // 2, last_index // 2
        path.append(PathNode(sibling, is_left=index % 2 == 1))
        index, last_index = index // 2, last_index // 2
    return tuple(path)


def _root_of_path(node: bytes, path: Sequence[PathNode]) -> bytes | None:
    """Where a way leads to; None where a hash of it is none."""
    for step in path:
        if not _are_hashes(step.sibling):
            return None
        node = merkle.node_hash(step.sibling, node) if step.is_left else merkle.node_hash(node, step.sibling)
    return node


def _are_hashes(*values: bytes) -> bool:
    return all(len(value) == merkle.HASH_SIZE for value in values)


def _build_group(group: InputGroup, *, group_index: int, first_leaf_index: int, statement_key: bytes) -> _GroupTree:
    leaves = tuple(sorted(group.leaves))
    salts = tuple(leaf_salt(statement_key, first_leaf_index + i) for i in range(len(leaves)))
    hashes = tuple(leaf_hash(leaf, salt) for leaf, salt in zip(leaves, salts, strict=True))
    own_salt = group_salt(statement_key, group_index)
    return _GroupTree(
        group_key=group.group_key,
        totals=dict(group.totals),
        leaves=leaves,
        leaf_salts=salts,
        leaf_hashes=hashes,
        salt=own_salt,
        about=about_group(group.group_key, group.totals, len(leaves), salt=own_salt),
        subtree_root=merkle.root(hashes),
    )


def _check_groups(ordered: Sequence[InputGroup]) -> None:
    if not ordered:
        raise LedgerError("A statement needs inputs", expected="at least one group", got="none")
    for former, group in zip((None, *ordered), ordered, strict=False):
        if former is not None and former.group_key == group.group_key:
            raise LedgerError("A group stands twice", expected="each group key once", got=group.group_key)
        if not group.leaves:
            raise LedgerError("A group has no inputs", expected="at least one leaf", record=group.group_key)
        if len(set(group.leaves)) != len(group.leaves):
            raise LedgerError("An input stands twice", expected="each leaf once", record=group.group_key)


def _at(items: Sequence[_Item], index: int, what: str) -> _Item:
    if not 0 <= index < len(items):
        raise LedgerError(f"There is no such {what}", expected=f"0 to {len(items) - 1}", got=index)
    return items[index]
