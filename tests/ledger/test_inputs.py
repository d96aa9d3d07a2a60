"""The inputs root: what it is made of, and that one input can be shown without the others."""

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from hmac import new as new_hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.canonical import to_canonical
from domain.errors import LedgerError
from domain.manifest import ManifestFormat
from ledger import merkle
from ledger.inputs import InputGroup, InputsTree, PathNode, about_group, build_inputs_tree, verify_group, verify_leaf

KEY = bytes(range(32))
MARCH = InputGroup("green_button|up-1|2024-03", {"electricity": "310.5"}, (b'{"day":1}', b'{"day":2}', b'{"day":3}'))
APRIL = InputGroup("green_button|up-1|2024-04", {"electricity": "299.1"}, (b'{"day":4}',))

GROUPS = st.dictionaries(
    st.text(max_size=12).filter(lambda text: text.isprintable()),
    st.tuples(
        st.dictionaries(st.sampled_from("abc"), st.decimals(allow_nan=False, allow_infinity=False).map(str)),
        st.sets(st.integers(0, 10_000).map(lambda number: to_canonical({"n": number})), min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=6,
)


def tree() -> InputsTree:
    """A statement with two months."""
    return build_inputs_tree((APRIL, MARCH), KEY)


def hmac_sha256(message: bytes) -> bytes:
    """HMAC-SHA256 under the key, by its other interface."""
    return new_hmac(KEY, message, "sha256").digest()


def test_root_by_hand() -> None:
    """The root is the hash that the layout says, computed here step by step."""
    leaves = [sha256(b"\x00" + hmac_sha256(i.to_bytes(8, "big")) + b'{"day":%d}' % (i + 1)).digest() for i in range(4)]
    march_root = sha256(b"\x01" + sha256(b"\x01" + leaves[0] + leaves[1]).digest() + leaves[2]).digest()
    march_named = b'{"group":"green_button|up-1|2024-03","leaf_count":3,"totals":{"electricity":"310.5"}}'
    april_named = b'{"group":"green_button|up-1|2024-04","leaf_count":1,"totals":{"electricity":"299.1"}}'
    march_about = sha256(b"\x03" + hmac_sha256(b"group" + bytes(8)) + march_named).digest()
    april_about = sha256(b"\x03" + hmac_sha256(b"group" + (1).to_bytes(8, "big")) + april_named).digest()
    march = sha256(b"\x02" + march_about + march_root).digest()
    april = sha256(b"\x02" + april_about + leaves[3]).digest()
    assert tree().root == sha256(b"\x01" + march + april).digest()


def test_former_root_by_hand() -> None:
    """The root of layout 1, which statements closed before still have: totals in clear inside the group's node."""
    leaf = sha256(b"\x00" + hmac_sha256(bytes(8)) + b'{"day":4}').digest()
    named = b'{"group":"green_button|up-1|2024-04","leaf_count":1,"totals":{"electricity":"299.1"}}'
    former = build_inputs_tree((APRIL,), KEY, ManifestFormat.V1)
    assert former.root == sha256(b"\x02" + hmac_sha256(b"group" + bytes(8)) + named + leaf).digest()
    for show in (lambda: former.disclose_group(0), lambda: former.disclose_leaf(0, 0)):
        with pytest.raises(LedgerError, match=r"Of this statement nothing can be shown alone; .*Restate the period"):
            show()


def test_leaf_count() -> None:
    """All leaves of all groups are counted."""
    assert tree().leaf_count == 4


def test_groups_in_order_of_their_keys() -> None:
    """The order is the keys', not the caller's."""
    assert tree().group_keys == ("green_button|up-1|2024-03", "green_button|up-1|2024-04")


@given(GROUPS, st.randoms())
def test_order_of_the_caller_does_not_matter(groups: dict[str, tuple[dict[str, str], set[bytes]]], random: object) -> None:
    """The same inputs in any order have the same root."""
    given_groups = [InputGroup(key, totals, tuple(leaves)) for key, (totals, leaves) in groups.items()]
    turned = [InputGroup(group.group_key, group.totals, tuple(reversed(group.leaves))) for group in reversed(given_groups)]
    assert build_inputs_tree(given_groups, KEY).root == build_inputs_tree(turned, KEY).root


@given(GROUPS)
def test_every_leaf_can_be_shown(groups: dict[str, tuple[dict[str, str], set[bytes]]]) -> None:
    """Each leaf and each group verifies against the root, found by position or by bytes."""
    built = build_inputs_tree([InputGroup(key, totals, tuple(leaves)) for key, (totals, leaves) in groups.items()], KEY)
    for group_index, group_key in enumerate(built.group_keys):
        group = built.disclose_group(group_index)
        assert group.group_key == group_key
        assert verify_group(group, built.root)
        for leaf_index in range(group.leaf_count):
            shown = built.disclose_leaf(group_index, leaf_index)
            assert verify_leaf(shown, built.root)
            assert shown.about == about_group(group_key, group.totals, group.leaf_count, salt=group.salt)


def test_leaf_found_by_its_bytes() -> None:
    """A leaf is found wherever it stands."""
    assert tree().disclose(b'{"day":4}') == tree().disclose_leaf(1, 0)


def test_changed_leaf_is_refused() -> None:
    """Every changed byte of leaf, salt, group's hash or either way breaks the disclosure."""
    shown, root = tree().disclose_leaf(0, 1), tree().root
    for i in range(len(shown.leaf)):
        assert not verify_leaf(replace(shown, leaf=flipped(shown.leaf, i)), root)
    for i in range(32):
        assert not verify_leaf(replace(shown, salt=flipped(shown.salt, i)), root)
        assert not verify_leaf(replace(shown, about=flipped(shown.about, i)), root)
        assert not verify_leaf(shown, flipped(root, i))
        for path in changed_paths(shown.path, i):
            assert not verify_leaf(replace(shown, path=path), root)
        for path in changed_paths(shown.group_path, i):
            assert not verify_leaf(replace(shown, group_path=path), root)


def changed_paths(path: tuple[PathNode, ...], index: int) -> Iterator[tuple[PathNode, ...]]:
    """A way with one byte, side, step or length changed."""
    for at, node in enumerate(path):
        yield (*path[:at], replace(node, sibling=flipped(node.sibling, index)), *path[at + 1 :])
        yield (*path[:at], replace(node, sibling=node.sibling[:index]), *path[at + 1 :])
        yield (*path[:at], replace(node, is_left=not node.is_left), *path[at + 1 :])
        yield (*path[:at], *path[at + 1 :])
        yield (*path[:at], node, *path[at:])
    yield (*path, PathNode(bytes(32), is_left=True))
    if len(set(path)) > 1:
        yield path[::-1]


@pytest.mark.parametrize(
    "change",
    [
        {"group_key": "green_button|up-2|2024-03"},
        {"totals": {"electricity": "310.6"}},
        {"totals": {}},
        {"leaf_count": 4},
        {"salt": bytes(32)},
        {"salt": b""},
        {"subtree_root": bytes(32)},
        {"subtree_root": b""},
        {"path": ()},
    ],
)
def test_changed_group_is_refused(change: dict[str, object]) -> None:
    """Name, totals, count, salt and way of a group are all bound by the root."""
    group = tree().disclose_group(0)
    assert verify_group(group, tree().root)
    assert not verify_group(replace(group, **change), tree().root)  # type: ignore[arg-type]  # any field, by its name
    for path in changed_paths(group.path, 7):
        assert not verify_group(replace(group, path=path), tree().root)


def test_leaf_of_another_place_is_refused() -> None:
    """A leaf does not verify with the way, salt or group of another one."""
    first, second, other = tree().disclose_leaf(0, 0), tree().disclose_leaf(0, 1), tree().disclose_leaf(1, 0)
    for name in ("leaf", "salt", "path"):
        assert not verify_leaf(replace(first, **{name: getattr(second, name)}), tree().root)
    for name in ("about", "group_path"):
        assert not verify_leaf(replace(first, **{name: getattr(other, name)}), tree().root)


def test_disclosure_holds_nothing_of_others() -> None:
    """Neither the key nor another leaf, its salt, the group's totals or its salt is in what is shown."""
    shown = repr(tree().disclose_leaf(0, 0)).encode()
    assert b"day" in shown
    assert shown.count(b"day") == 1
    assert all(repr(salt).encode() not in shown for salt in (KEY, hmac_sha256((1).to_bytes(8, "big"))))
    assert b"310.5" not in shown
    assert repr(tree().disclose_group(0).salt).encode() not in shown


def test_another_key_another_root() -> None:
    """The root depends on the key, so equal inputs cannot be recognised."""
    assert tree().root != build_inputs_tree((APRIL, MARCH), bytes(32)).root


def test_guessed_leaf_is_not_in_the_tree() -> None:
    """Without its salt a guessed input cannot be confirmed by the hashes of a neighbour's disclosure."""
    shown = tree().disclose_leaf(0, 0)
    assert merkle.leaf_hash(b'{"day":2}') not in {node.sibling for node in shown.path}


@pytest.mark.parametrize(
    ("groups", "key", "message"),
    [
        ((MARCH,), b"short", "This is not a statement key; expected 32 bytes; got 5 bytes"),
        ((), KEY, "A statement needs inputs; expected at least one group; got none"),
        ((MARCH, MARCH), KEY, "A group stands twice; expected each group key once; got green_button|up-1|2024-03"),
        ((replace(MARCH, leaves=()),), KEY, "A group has no inputs; expected at least one leaf"),
        ((replace(MARCH, leaves=(b"1", b"1")),), KEY, "An input stands twice; expected each leaf once"),
    ],
)
def test_refused_inputs(groups: tuple[InputGroup, ...], key: bytes, message: str) -> None:
    """What cannot be a statement is refused by name."""
    with pytest.raises(LedgerError) as refused:
        build_inputs_tree(groups, key)
    assert str(refused.value).startswith(message)


def test_unknown_leaf_is_refused() -> None:
    """What is not in the statement cannot be shown."""
    with pytest.raises(LedgerError, match="This input is not in the statement; expected one of 4 leaves"):
        tree().disclose(b"{}")


@pytest.mark.parametrize(("group_index", "leaf_index", "what"), [(2, 0, "group"), (-1, 0, "group"), (1, 1, "leaf")])
def test_missing_positions_are_refused(group_index: int, leaf_index: int, what: str) -> None:
    """Positions outside the tree are refused by name."""
    with pytest.raises(LedgerError, match=f"There is no such {what}"):
        tree().disclose_leaf(group_index, leaf_index)


def flipped(value: bytes, index: int) -> bytes:
    """The bytes with one of them changed."""
    return value[:index] + bytes([value[index] ^ 1]) + value[index + 1 :]
