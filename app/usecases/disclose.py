"""Showing one record or one group of a statement to somebody, and nothing else of it.

A record is named by the first digits of the SHA-256 of its leaf, a group by its key. The auditors' signatures cannot be shown
without the statement's totals in grams, because they are over one hash of all of it: so they stand in a disclosure where the
statement is a token, whose grams its holder made public, and elsewhere only where the owner says so.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

from app.services import Whose, Work
from app.store import statements
from app.store.statements import StatementRow
from app.usecases.close_period import statement_key_field
from app.usecases.export_bundle import signed_part
from app.usecases.sealing import unseal
from domain.activity import ActivityKey
from domain.disclosure import Disclosure, ShownGroup, ShownLeaf, ShownNode
from domain.errors import InputError, NotFoundError
from domain.manifest import manifest_from_canonical
from domain.record import RecordLeaf, record_leaf_from_canonical
from ledger.inputs import InputGroup, InputsTree, PathNode, build_inputs_tree
from ledger.trees import INPUTS, tree_key

RECORD_ID_COUNT = 16
"""Hexadecimal digits that name a record of a statement."""

SHORTEST_ID_COUNT = 4
"""Fewest digits that may stand for one."""


@dataclass(frozen=True, slots=True)
class ShowableRecord:
    """A record that can be shown alone.

    Attributes:
        record_id: Names it inside its statement.
        leaf: What it says.
    """

    record_id: str
    leaf: RecordLeaf


@dataclass(frozen=True, slots=True)
class ShowableGroup:
    """A group that can be shown alone.

    Attributes:
        group_key: Connector, usage point and month.
        records: Its records.
    """

    group_key: str
    records: tuple[ShowableRecord, ...]


def show_inputs(work: Work, statement: StatementRow) -> tuple[ShowableGroup, ...]:
    """What of a statement can be shown alone.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.

    Returns:
        Its groups with their records, in the tree's order.

    Raises:
        NotFoundError: Its inputs are erased.
    """
    return tuple(
        ShowableGroup(
            group.group_key,
            tuple(ShowableRecord(record_id_of(leaf), record_leaf_from_canonical(leaf)) for leaf in sorted(group.leaves)),
        )
        for group in _groups(work, statement)
    )


def record_id_of(leaf: bytes) -> str:
    """What names a record inside its statement: the first digits of its leaf's SHA-256, for its owner only."""
    return sha256(leaf).hexdigest()[:RECORD_ID_COUNT]


def disclose_record(work: Work, statement: StatementRow, record_id: str, *, is_signed: bool | None = None) -> Disclosure:
    """One record of a statement, shown alone.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        record_id: As `show_inputs` names it, or its beginning.
        is_signed: Whether the auditors' signatures, and with them the totals in grams, stand in it; by default those of a token.

    Returns:
        The disclosure, with its checksum.

    Raises:
        NotFoundError: The statement has no such record, or its inputs are erased.
        InputError: Several records begin so.
        ConflictError: It was not signed yet.
        LedgerError: It was closed before records could be shown alone.
    """
    tree, groups = _tree(work, statement)
    leaves = [leaf for group in groups for leaf in group.leaves]
    shown = tree.disclose(_one_of(leaves, record_id))
    return _disclosure(
        work,
        statement,
        ShownLeaf(
            text=shown.leaf.decode(),
            salt_hex=shown.salt.hex(),
            path=_nodes(shown.path),
            about_hex=shown.about.hex(),
            group_path=_nodes(shown.group_path),
        ),
        is_signed=is_signed,
    )


def disclose_group(work: Work, statement: StatementRow, group_key: str, *, is_signed: bool | None = None) -> Disclosure:
    """The sums of one group of a statement, shown alone, without its records.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        group_key: Connector, usage point and month, as `show_inputs` names it.
        is_signed: As in `disclose_record`.

    Returns:
        The disclosure, with its checksum.

    Raises:
        NotFoundError: The statement has no such group, or its inputs are erased.
        ConflictError: It was not signed yet.
        LedgerError: It was closed before groups could be shown alone.
    """
    tree, groups = _tree(work, statement)
    if group_key not in tree.group_keys:
        raise NotFoundError(
            "This statement has no such group",
            expected=f"one of: {', '.join(tree.group_keys[:10])}",
            got=group_key,
            record=f"statement {statement.id}",
        )
    shown = tree.disclose_group(tree.group_keys.index(group_key))
    leaves = next(group.leaves for group in groups if group.group_key == group_key)
    keys: set[ActivityKey] = {activity.key for leaf in leaves for activity in record_leaf_from_canonical(leaf).activities}
    return _disclosure(
        work,
        statement,
        ShownGroup(
            group_key=shown.group_key,
            totals_micro=shown.totals,
            keys=tuple(sorted(keys, key=lambda key: key.key_id)),
            leaf_count=shown.leaf_count,
            salt_hex=shown.salt.hex(),
            subtree_root_hex=shown.subtree_root.hex(),
            path=_nodes(shown.path),
        ),
        is_signed=is_signed,
    )


def _disclosure(work: Work, statement: StatementRow, shown: ShownLeaf | ShownGroup, *, is_signed: bool | None) -> Disclosure:
    signed = signed_part(work, statement)
    is_public = signed.chain.action == "issue"
    return Disclosure(
        manifest_hash_hex=statement.manifest_hash_hex,
        inputs_root_hex=manifest_from_canonical(statement.manifest).inputs.root_hex,
        shown=shown,
        signed=signed if (is_public if is_signed is None else is_signed) else None,
    ).sealed()


def _one_of(leaves: Sequence[bytes], record_id: str) -> bytes:
    found = [leaf for leaf in leaves if record_id_of(leaf).startswith(record_id.lower())]
    if len(record_id) < SHORTEST_ID_COUNT or not found:
        raise NotFoundError(
            "This statement has no such record",
            expected=f"the first {SHORTEST_ID_COUNT} to {RECORD_ID_COUNT} digits of a record's id",
            got=record_id,
            next_step="`climate-fitness disclose STATEMENT` lists them.",
        )
    if len(found) > 1:
        raise InputError("Several records begin so", expected="more digits of the id", got=record_id, record="record")
    return found[0]


def _tree(work: Work, statement: StatementRow) -> tuple[InputsTree, list[InputGroup]]:
    groups = _groups(work, statement)
    whose = Whose(statement.tenant_id, statement.subject_id)
    key = unseal(work, whose, statement_key_field(statement.id), statement.sealed_statement_key)
    return build_inputs_tree(groups, tree_key(key, INPUTS), manifest_from_canonical(statement.manifest).format), groups


def _groups(work: Work, statement: StatementRow) -> list[InputGroup]:
    leaves: dict[str, list[bytes]] = defaultdict(list)
    for row in statements.inputs_of(work.session, statement.tenant_id, statement.id):
        if row.leaf is None:
            raise NotFoundError(
                "The inputs of this statement are erased",
                expected="a statement whose subject's key exists",
                got="a destroyed key",
                record=f"statement {statement.id}",
            )
        leaves[row.group_key].append(row.leaf)
    return [InputGroup(name, _totals(of_group), of_group) for name, of_group in leaves.items()]


def _totals(leaves: Sequence[bytes]) -> dict[str, str]:
    sums: dict[str, int] = defaultdict(int)
    for leaf in leaves:
        for activity in record_leaf_from_canonical(leaf).activities:
            sums[activity.key.key_id] += activity.quantity_micro
    return {key_id: str(sums[key_id]) for key_id in sorted(sums)}


def _nodes(path: Sequence[PathNode]) -> tuple[ShownNode, ...]:
    return tuple(ShownNode(node.sibling.hex(), node.is_left) for node in path)
