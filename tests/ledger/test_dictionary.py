"""What is public about a statement cannot be guessed back: ADR 8."""

from hashlib import sha256

from domain.canonical import to_canonical
from domain.merkle import leaf_hash
from ledger.trees import LINES, ORIGINALS, flat_tree_id, original_leaf, tree_key

SECRET = sha256(b"the statement's key").digest()
ZIPS = range(94000, 94200)


def line(zip_code: int) -> bytes:
    """A line as somebody would guess it who knows the kWh from the public total."""
    return to_canonical({"kind": "electricity", "quantity_micro": "877636000", "region": f"US/zip/{zip_code}"})


def hits(root_hex: str, guesses: list[bytes]) -> int:
    """How many guesses give the root by any hash that needs no secret."""
    count = 0
    for guess in guesses:
        plain = {sha256(guess).hexdigest(), leaf_hash(guess).hex(), flat_tree_id(LINES, [guess], bytes(32)).root_hex}
        count += root_hex in plain or root_hex in {sha256(bytes.fromhex(found)).hexdigest() for found in plain}
    return count


def test_zip_code_is_not_guessed_from_the_lines_root() -> None:
    """With kWh and factor known, trying ZIP codes finds nothing without the key, and the right one at once with it."""
    root = flat_tree_id(LINES, [line(94110)], tree_key(SECRET, LINES)).root_hex
    assert hits(root, [line(zip_code) for zip_code in ZIPS]) == 0
    with_key = [z for z in ZIPS if flat_tree_id(LINES, [line(z)], tree_key(SECRET, LINES)).root_hex == root]
    assert with_key == [94110]


def test_bill_is_not_recognised_from_the_originals_root() -> None:
    """Whoever holds a copy of the bill cannot tell from the root that it is in there."""
    digest = sha256(b"a bill").hexdigest()
    root = flat_tree_id(ORIGINALS, [original_leaf(digest)], tree_key(SECRET, ORIGINALS)).root_hex
    assert hits(root, [original_leaf(digest), bytes.fromhex(digest), digest.encode()]) == 0


def test_key_of_one_tree_opens_no_other() -> None:
    """Showing the lines gives away nothing about inputs or originals: their keys differ and do not follow from it."""
    keys = {name: tree_key(SECRET, name) for name in ("inputs", LINES, ORIGINALS)}
    assert len(set(keys.values())) == 3
    assert tree_key(keys[LINES], ORIGINALS) != keys[ORIGINALS]
