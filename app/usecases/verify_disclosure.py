"""Checking a disclosure: what is shown stands below the inputs root, and somebody vouches for that root.

Who vouches is either the auditors, where their signatures are in the file, or a statement that the verifier knows by itself: the
inputs root that a public proof page shows. A record is an original's content as somebody read it; who has the original compares
its bytes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

from app.usecases.verify_bundle import (
    ChainLookup,
    NotChecked,
    Step,
    StepState,
    TrustedAuditors,
    check_batch,
    check_on_chain,
    check_same,
    check_signatures,
    from_hex,
    taken,
)
from domain.activity import Activity, ActivityKey
from domain.bundle import SignedPart
from domain.disclosure import Disclosure, ShownGroup, ShownLeaf, ShownNode, disclosure_from_bytes
from domain.errors import ClimateFitnessError, ProofError
from domain.number import decimal_of_micro, decimal_to_text
from domain.record import record_leaf_from_canonical
from ledger.inputs import GroupDisclosure, LeafDisclosure, PathNode, verify_group, verify_leaf
from ledger.issuance import token_id


@dataclass(frozen=True, slots=True)
class KnownStatement:
    """A statement that the verifier knows by itself.

    Attributes:
        source: Where it is known from, for people.
        inputs_root_hex: Its inputs root, 64 hexadecimal digits.
    """

    source: str
    inputs_root_hex: str


@dataclass(frozen=True, slots=True)
class Brought:
    """What a verifier brings along.

    Attributes:
        trusted: Whom it believes; None where it has no list.
        chain: How to ask a chain; None without one.
        known: The statement that it knows; None where it knows none.
        originals: Documents that are said to be the original, by name.
    """

    trusted: TrustedAuditors | None = None
    chain: ChainLookup | None = None
    known: KnownStatement | None = None
    originals: tuple[tuple[str, bytes], ...] = ()


STEP_NAMES = ("disclosure", "shown", "issuance", "batch", "signatures", "chain", "statement", "original")
"""Steps of a disclosure's verification, in order."""


def verify_disclosure(data: bytes, brought: Brought) -> tuple[Step, ...]:
    """Every step of a disclosure's verification.

    Args:
        data: The file's bytes.
        brought: What the verifier brings along.

    Returns:
        The steps in order; `verify_bundle.verdict` says what they come to.
    """
    try:
        found = disclosure_from_bytes(data)
        check_same("checksum", found.expected_checksum_hex(), found.checksum_hex)
    except ClimateFitnessError as error:
        return (
            Step("disclosure", StepState.FAILED, error.sentence()),
            *(Step(name, StepState.NOT_CHECKED, "the disclosure cannot be read") for name in STEP_NAMES[1:]),
        )
    return (
        Step("disclosure", StepState.OK, "canonical, its checksum fits"),
        *(taken(name, partial(check, found, brought)) for name, check in _STEPS),
    )


def _shown(found: Disclosure, _: Brought) -> str:
    root = from_hex(found.inputs_root_hex, "root")
    if isinstance(found.shown, ShownLeaf):
        return _leaf_said(found.shown, root)
    return _group_said(found.shown, root)


def _leaf_said(shown: ShownLeaf, root: bytes) -> str:
    record = record_leaf_from_canonical(shown.text.encode(), record="disclosure.leaf")
    proof = LeafDisclosure(
        leaf=shown.text.encode(),
        salt=from_hex(shown.salt_hex, "salt"),
        path=_path(shown.path),
        about=from_hex(shown.about_hex, "hash"),
        group_path=_path(shown.group_path),
    )
    if not verify_leaf(proof, root):
        raise ProofError(
            "This record is not below the inputs root", expected=root.hex(), got="another root", record=record.record_key
        )
    said = "; ".join(activity_said(activity) for activity in record.activities) or "a record without an amount"
    return f"{record.connector} {record.record_key}, {record.month}: {said}"


def _group_said(shown: ShownGroup, root: bytes) -> str:
    names = {key.key_id: key for key in shown.keys}
    if sorted(names) != sorted(shown.totals_micro) or len(names) != len(shown.keys):
        raise ProofError(
            "The totals of this group are of other things than it says",
            expected=", ".join(sorted(shown.totals_micro)) or "none",
            got=", ".join(sorted(names)) or "none",
            record=shown.group_key,
        )
    proof = GroupDisclosure(
        group_key=shown.group_key,
        totals=shown.totals_micro,
        leaf_count=shown.leaf_count,
        salt=from_hex(shown.salt_hex, "salt"),
        subtree_root=from_hex(shown.subtree_root_hex, "root"),
        path=_path(shown.path),
    )
    if not verify_group(proof, root):
        raise ProofError(
            "This group is not below the inputs root", expected=root.hex(), got="another root", record=shown.group_key
        )
    sums = "; ".join(amount_said(names[name], int(total)) for name, total in shown.totals_micro.items())
    return f"{shown.group_key}, {shown.leaf_count} records: {sums or 'no amount'}"


def _issuance(found: Disclosure, _: Brought) -> str:
    signed = _signed_of(found)
    check_same("inputs root", signed.issuance.inputs_root.hex(), found.inputs_root_hex)
    check_same("manifest hash", signed.issuance.manifest_hash.hex(), found.manifest_hash_hex)
    check_same("token id", f"{token_id(signed.issuance):064x}", signed.chain.token_id_hex)
    return f"its inputs root is that of the issuance, net {signed.issuance.net_g_co2e} g CO2e"


def _batch(found: Disclosure, _: Brought) -> str:
    return check_batch(_signed_of(found))


def _signatures(found: Disclosure, brought: Brought) -> str:
    return check_signatures(_signed_of(found), brought.trusted)


def _chain(found: Disclosure, brought: Brought) -> str:
    return check_on_chain(_signed_of(found), brought.chain)


def _statement(found: Disclosure, brought: Brought) -> str:
    if brought.known is None:
        raise NotChecked("no statement to compare with: its proof page shows the inputs root, bring it along")
    check_same(f"inputs root of {brought.known.source}", brought.known.inputs_root_hex, found.inputs_root_hex)
    return f"the inputs root is that of {brought.known.source}"


def _original(found: Disclosure, brought: Brought) -> str:
    if not isinstance(found.shown, ShownLeaf):
        raise NotChecked("a group shows no record, and names no original")
    named = record_leaf_from_canonical(found.shown.text.encode(), record="disclosure.leaf").document_sha256s
    if not brought.originals:
        raise NotChecked(f"no original to compare with; its SHA-256 is {', '.join(named)}")
    return check_originals(brought.originals, named)


def check_originals(originals: tuple[tuple[str, bytes], ...], named: tuple[str, ...]) -> str:
    """What is to be said of documents whose SHA-256 stands in a proof.

    Args:
        originals: Name and bytes of each.
        named: The SHA-256 that stand there, 64 hexadecimal digits each.

    Returns:
        Which are named.

    Raises:
        ProofError: One is not.
    """
    for name, body in originals:
        if sha256(body).hexdigest() not in named:
            raise ProofError(
                "This is not an original that the proof names",
                expected=f"a document with the SHA-256 {', '.join(named[:3])}",
                got=sha256(body).hexdigest(),
                record=name,
            )
    return f"{', '.join(name for name, _ in originals)}: the bytes are those that the proof names"


_STEPS: tuple[tuple[str, Callable[[Disclosure, Brought], str]], ...] = tuple(
    zip(STEP_NAMES[1:], (_shown, _issuance, _batch, _signatures, _chain, _statement, _original), strict=True)
)


def activity_said(activity: Activity) -> str:
    """An activity in a few plain words, its amount exact."""
    return f"{amount_said(activity.key, activity.quantity_micro)}, {str(activity.evidence).replace('_', ' ')}"


def amount_said(key: ActivityKey, quantity_micro: int) -> str:
    """An amount in a few plain words.

    Args:
        key: What is measured.
        quantity_micro: Millionths of its unit.

    Returns:
        Kind, exact amount, unit and place.
    """
    return f"{key.kind.replace('_', ' ')} {decimal_to_text(decimal_of_micro(quantity_micro))} {key.unit} in {key.region}"


def _signed_of(found: Disclosure) -> SignedPart:
    if found.signed is None:
        raise NotChecked("the signed part is not shown: it would tell the totals of the statement")
    return found.signed


def _path(nodes: tuple[ShownNode, ...]) -> tuple[PathNode, ...]:
    return tuple(PathNode(from_hex(node.sibling_hex, "hash"), node.is_left) for node in nodes)
