"""A disclosure: one record or one group of a statement, shown alone.

Canonical JSON. It holds what is shown, its salt, and the way to the inputs root; of everything else salted hashes. What auditors
signed may stand beside it, so that it is checked without asking anybody; but the issuance is one hash over all its fields, so the
statement's own totals in grams stand there too.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from domain.activity import ActivityKey
from domain.bundle import (
    MAX_PROOF_NODE_COUNT,
    MAX_ROW_COUNT,
    SignedPart,
    check_count,
    check_texts,
    signed_from_json,
    signed_to_json,
)
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import CanonicalError
from domain.fields import Fields
from domain.record import activity_key_from_json

DISCLOSURE_FORMAT = "climate-fitness/disclosure/1"
"""Name and version of the layout."""


@dataclass(frozen=True, slots=True)
class ShownNode:
    """One step of a way to a root.

    Attributes:
        sibling_hex: The other child's hash, 64 hexadecimal digits.
        is_left: Whether the sibling is the left child.
    """

    sibling_hex: str
    is_left: bool

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {"sibling": self.sibling_hex, "side": "left" if self.is_left else "right"}


@dataclass(frozen=True, slots=True)
class ShownLeaf:
    """One record.

    Attributes:
        text: Canonical JSON of the record revision.
        salt_hex: Its salt, 64 hexadecimal digits.
        path: To the root of its group.
        about_hex: Salted hash of what the group says of itself.
        group_path: From the group to the inputs root.
    """

    text: str
    salt_hex: str
    path: tuple[ShownNode, ...]
    about_hex: str
    group_path: tuple[ShownNode, ...]

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {
            "about": self.about_hex,
            "group_path": [node.to_json() for node in self.group_path],
            "path": [node.to_json() for node in self.path],
            "salt": self.salt_hex,
            "text": self.text,
        }


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """One group: its sums, and no record of it.

    Attributes:
        group_key: Connector, usage point and month.
        totals_micro: Activity key id to the sum, millionths of the key's unit, as text.
        keys: The activity keys that the totals name.
        leaf_count: How many records it has.
        salt_hex: Its salt, 64 hexadecimal digits.
        subtree_root_hex: Root over its records.
        path: To the inputs root.
    """

    group_key: str
    totals_micro: Mapping[str, str]
    keys: tuple[ActivityKey, ...]
    leaf_count: int
    salt_hex: str
    subtree_root_hex: str
    path: tuple[ShownNode, ...]

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {
            "group": self.group_key,
            "keys": [key.to_json() for key in self.keys],
            "leaf_count": self.leaf_count,
            "path": [node.to_json() for node in self.path],
            "salt": self.salt_hex,
            "subtree_root": self.subtree_root_hex,
            "totals": dict(self.totals_micro),
        }


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One record or one group, shown alone.

    Attributes:
        manifest_hash_hex: Names the statement.
        inputs_root_hex: The root that the ways lead to.
        shown: What is shown.
        signed: What auditors signed; None where it is not told.
        checksum_hex: SHA-256 of the rest.
    """

    manifest_hash_hex: str
    inputs_root_hex: str
    shown: ShownLeaf | ShownGroup
    signed: SignedPart | None
    checksum_hex: str = ""

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {**self._body(), "checksum": self.checksum_hex}

    def to_bytes(self) -> bytes:
        """The file: canonical JSON, with its checksum made anew."""
        return to_canonical(self.sealed().to_json())

    def sealed(self) -> "Disclosure":
        """The same with the checksum that its content has."""
        return replace(self, checksum_hex=self.expected_checksum_hex())

    def expected_checksum_hex(self) -> str:
        """SHA-256 of everything but the checksum."""
        return sha256(to_canonical(self._body())).hexdigest()

    def _body(self) -> dict[str, Json]:
        return {
            "format": DISCLOSURE_FORMAT,
            "group": self.shown.to_json() if isinstance(self.shown, ShownGroup) else None,
            "inputs_root": self.inputs_root_hex,
            "leaf": self.shown.to_json() if isinstance(self.shown, ShownLeaf) else None,
            "manifest_hash": self.manifest_hash_hex,
            "signed": None if self.signed is None else signed_to_json(self.signed),
        }


def is_disclosure(data: bytes) -> bool:
    """Whether bytes say that they are a disclosure, of any version; whether they are one, reading them tells."""
    return b'"format":"climate-fitness/disclosure/' in data


def disclosure_from_bytes(data: bytes) -> Disclosure:
    """The disclosure that a file says.

    Args:
        data: The file's bytes.

    Returns:
        The disclosure; its checksum is read, not compared.

    Raises:
        CanonicalError: The bytes are not canonical, of another format, a field is not what it must be, or one is larger than any
            of ours.
    """
    content = from_canonical(data, record="disclosure")
    fields = Fields(content, "disclosure")
    if fields.text("format") != DISCLOSURE_FORMAT:
        raise CanonicalError(
            "This disclosure has a format that this version does not know",
            expected=DISCLOSURE_FORMAT,
            got=fields.text("format"),
            record="disclosure",
            next_step="Use the version of the program that made it.",
        )
    check_texts(content, "disclosure")
    disclosure = Disclosure(
        manifest_hash_hex=fields.hash_hex("manifest_hash"),
        inputs_root_hex=fields.hash_hex("inputs_root"),
        shown=_shown_of(fields),
        signed=None if fields.raw("signed") is None else signed_from_json(fields.nested("signed")),
        checksum_hex=fields.hash_hex("checksum"),
    )
    if to_canonical(disclosure.to_json()) != data:
        raise CanonicalError(
            "This disclosure holds fields that its format does not have", got=sorted(fields.names()), record="disclosure"
        )
    return disclosure


def _shown_of(fields: Fields) -> ShownLeaf | ShownGroup:
    if (fields.raw("leaf") is None) == (fields.raw("group") is None):
        raise CanonicalError(
            "A disclosure shows one thing", expected="a leaf or a group", got="both or none", record="disclosure"
        )
    return _leaf_of(fields.nested("leaf")) if fields.raw("leaf") is not None else _group_of(fields.nested("group"))


def _leaf_of(leaf: Fields) -> ShownLeaf:
    return ShownLeaf(
        text=leaf.text("text"),
        salt_hex=leaf.hash_hex("salt"),
        path=_path_of(leaf, "path"),
        about_hex=leaf.hash_hex("about"),
        group_path=_path_of(leaf, "group_path"),
    )


def _group_of(group: Fields) -> ShownGroup:
    check_count(group, MAX_ROW_COUNT, "keys")
    totals = group.nested("totals")
    return ShownGroup(
        group_key=group.text("group"),
        totals_micro={name: str(totals.amount(name)) for name in sorted(totals.names())},
        keys=tuple(activity_key_from_json(value, record="disclosure.group.keys") for value in group.items("keys")),
        leaf_count=group.integer("leaf_count"),
        salt_hex=group.hash_hex("salt"),
        subtree_root_hex=group.hash_hex("subtree_root"),
        path=_path_of(group, "path"),
    )


def _path_of(fields: Fields, name: str) -> tuple[ShownNode, ...]:
    check_count(fields, MAX_PROOF_NODE_COUNT, name)
    found = []
    for node in fields.objects(name):
        if node.text("side") not in {"left", "right"}:
            raise CanonicalError(expected="left or right", got=node.text("side"), record=f"{node.record}.side")
        found.append(ShownNode(node.hash_hex("sibling"), is_left=node.text("side") == "left"))
    return tuple(found)
