"""The inputs root of a statement: salted leaves, grouped, so that one bill or one group can be shown alone.

Byte layouts (|| joins, every hash and salt is 32 bytes, indices are 8 bytes big-endian):

    leaf salt    HMAC-SHA256(statement key, leaf index)               index over all leaves of the statement
    group salt   HMAC-SHA256(statement key, "group" || group index)
    leaf         SHA-256(0x00 || leaf salt || canonical JSON of the leaf)
    group        SHA-256(0x02 || group salt || canonical JSON of {"group", "leaf_count", "totals"} || RFC 6962 root of its leaves)
    inputs root  RFC 6962 root whose leaf hashes are the groups

Order is part of the definition and does not depend on the caller: groups by the UTF-8 bytes of their key, leaves of a group by
their bytes. 0x00, 0x01 (RFC 6962 node) and 0x02 keep the three kinds of hash apart; salt and subtree root have a fixed size, so
the canonical JSON between them cannot be read in two ways. Without the statement key nothing can be guessed from a hash; with
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
class GroupDisclosure:
    """One group shown alone: its totals, and the way to the inputs root.

    Attributes:
        group_key: Name of the group.
        totals: Quantity totals as decimal strings, by name.
        leaf_count: How many leaves the group holds.
        salt: The group's salt, 32 bytes.
        subtree_root: RFC 6962 root of the group's leaves, 32 bytes.
        group_index: Position among the groups, from 0.
        group_count: How many groups the statement has.
        path: Inclusion proof of the group, from the group upwards.
    """

    group_key: str
    totals: Mapping[str, str]
    leaf_count: int
    salt: bytes
    subtree_root: bytes
    group_index: int
    group_count: int
    path: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class LeafDisclosure:
    """One input shown alone; it reveals its group's totals, and nothing of any other input.

    Attributes:
        leaf: Canonical JSON bytes of the input.
        salt: The leaf's salt, 32 bytes.
        leaf_index: Position inside its group, from 0.
        path: Inclusion proof of the leaf inside its group, from the leaf upwards.
        group: The group.
    """

    leaf: bytes
    salt: bytes
    leaf_index: int
    path: tuple[bytes, ...]
    group: GroupDisclosure


@dataclass(frozen=True, slots=True)
class _GroupTree:
    group_key: str
    totals: Mapping[str, str]
    leaves: tuple[bytes, ...]
    leaf_salts: tuple[bytes, ...]
    leaf_hashes: tuple[bytes, ...]
    salt: bytes
    subtree_root: bytes


@dataclass(frozen=True, slots=True)
class InputsTree:
    """The tree of a statement's inputs, with the salts: as private as the inputs themselves.

    Attributes:
        root: The inputs root, 32 bytes.
        leaf_count: Number of leaves in all groups.
        group_keys: Keys of the groups in the tree's order; `disclose_*` take positions in it.
    """

    root: bytes
    leaf_count: int
    group_keys: tuple[str, ...]
    _groups: tuple[_GroupTree, ...] = field(repr=False)
    _group_hashes: tuple[bytes, ...] = field(repr=False)

    def disclose_group(self, group_index: int) -> GroupDisclosure:
        """What shows one group alone.

        Args:
            group_index: Position in `group_keys`.

        Raises:
            LedgerError: There is no such group.
        """
        group = _at(self._groups, group_index, "group")
        return GroupDisclosure(
            group_key=group.group_key,
            totals=group.totals,
            leaf_count=len(group.leaves),
            salt=group.salt,
            subtree_root=group.subtree_root,
            group_index=group_index,
            group_count=len(self._groups),
            path=merkle.inclusion_proof(group_index, self._group_hashes),
        )

    def disclose_leaf(self, group_index: int, leaf_index: int) -> LeafDisclosure:
        """What shows one input alone.

        Args:
            group_index: Position in `group_keys`.
            leaf_index: Position inside the group, in the order of the leaves' bytes.

        Raises:
            LedgerError: There is no such leaf.
        """
        group = _at(self._groups, group_index, "group")
        return LeafDisclosure(
            leaf=_at(group.leaves, leaf_index, "leaf"),
            salt=group.leaf_salts[leaf_index],
            leaf_index=leaf_index,
            path=merkle.inclusion_proof(leaf_index, group.leaf_hashes),
            group=self.disclose_group(group_index),
        )

    def disclose(self, leaf: bytes) -> LeafDisclosure:
        """What shows one input alone, found by its bytes.

        Args:
            leaf: Canonical JSON bytes of the input.

        Raises:
            LedgerError: The statement has no such input.
        """
        for group_index, group in enumerate(self._groups):
            if leaf in group.leaves:
                return self.disclose_leaf(group_index, group.leaves.index(leaf))
        raise LedgerError("This input is not in the statement", expected=f"one of {self.leaf_count} leaves", got=leaf[:80])


def build_inputs_tree(groups: Sequence[InputGroup], statement_key: bytes) -> InputsTree:
    """The tree of a statement's inputs.

    Args:
        groups: Groups in any order, at least one.
        statement_key: 32 random bytes of this statement alone; all salts follow from it.

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
    hashes = tuple(
        _group_hash(tree.group_key, tree.totals, len(tree.leaves), salt=tree.salt, subtree_root=tree.subtree_root)
        for tree in trees
    )
    return InputsTree(
        root=merkle.root(hashes),
        leaf_count=sum(len(tree.leaves) for tree in trees),
        group_keys=tuple(tree.group_key for tree in trees),
        _groups=trees,
        _group_hashes=hashes,
    )


def verify_leaf(disclosure: LeafDisclosure, root: bytes) -> bool:
    """Whether an input is one of those that an inputs root commits to.

    Args:
        disclosure: What was shown.
        root: The inputs root, 32 bytes.
    """
    group = disclosure.group
    return (
        len(disclosure.salt) == KEY_SIZE
        and merkle.verify_inclusion(
            leaf_hash(disclosure.leaf, disclosure.salt),
            disclosure.leaf_index,
            group.leaf_count,
            disclosure.path,
            group.subtree_root,
        )
        and verify_group(group, root)
    )


def verify_group(disclosure: GroupDisclosure, root: bytes) -> bool:
    """Whether a group with these totals is one of those that an inputs root commits to.

    Args:
        disclosure: What was shown.
        root: The inputs root, 32 bytes.
    """
    if len(disclosure.salt) != KEY_SIZE or len(disclosure.subtree_root) != merkle.HASH_SIZE:
        return False
    node = _group_hash(
        disclosure.group_key,
        disclosure.totals,
        disclosure.leaf_count,
        salt=disclosure.salt,
        subtree_root=disclosure.subtree_root,
    )
    return merkle.verify_inclusion(node, disclosure.group_index, disclosure.group_count, disclosure.path, root)


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


def _group_hash(group_key: str, totals: Mapping[str, str], leaf_count: int, *, salt: bytes, subtree_root: bytes) -> bytes:
    named = to_canonical({"group": group_key, "leaf_count": leaf_count, "totals": dict(totals)})
    return sha256(b"\x02" + salt + named + subtree_root).digest()


def _build_group(group: InputGroup, *, group_index: int, first_leaf_index: int, statement_key: bytes) -> _GroupTree:
    leaves = tuple(sorted(group.leaves))
    salts = tuple(leaf_salt(statement_key, first_leaf_index + i) for i in range(len(leaves)))
    hashes = tuple(leaf_hash(leaf, salt) for leaf, salt in zip(leaves, salts, strict=True))
    return _GroupTree(
        group_key=group.group_key,
        totals=dict(group.totals),
        leaves=leaves,
        leaf_salts=salts,
        leaf_hashes=hashes,
        salt=group_salt(statement_key, group_index),
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
