"""The bundle: one file with which anybody can walk a statement back, offline.

Canonical JSON. It holds the manifest, the issuance, the auditors' signatures, and as much of the inputs as its owner shows: the
whole (`keys` for inputs, lines and originals), or the lines alone, or none. `checksum` is the SHA-256 of the rest, so that an
accident is told from a forgery; it proves nothing else. The manifest is in every bundle, with the totals to the microgram:
whoever has a bundle of a home's electricity, even one that shows totals only, can try published factors until one gives whole
watt-hours, and so learn region and consumption.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import NoReturn, Protocol

from domain.canonical import Json, from_canonical, from_json, to_canonical
from domain.errors import CanonicalError
from domain.fields import Fields
from domain.issuance import Envelope, Issuance, IssuanceKind
from domain.manifest import Manifest, manifest_from_canonical
from domain.statement import Unscored, unscored_from_json

BUNDLE_FORMAT = "climate-fitness/bundle/1"
"""Name and version of the bundle's layout."""

MAX_SIGNER_COUNT = 64
"""Auditors named, and signatures, in a bundle; the contract takes 8."""

MAX_PROOF_NODE_COUNT = 64
"""Hashes of an inclusion proof: a tree of 2^64 leaves has no more."""

MAX_LEAF_COUNT = 100_000
"""Records of a bundle, over all groups."""

MAX_ROW_COUNT = 10_000
"""Lines, unscored totals, factors, originals, groups."""

MAX_TEXT_BYTES = 512 * 1024
"""Longest text of a bundle, UTF-8."""

_PARTS_OF_KEY: Mapping[str, tuple[str, ...]] = {
    "inputs": ("groups",),
    "lines": ("lines", "unscored", "factors"),
    "originals": ("originals",),
}
"""Name of a key to what it opens: without the key nothing of it can be checked, so nothing of it may be there."""


@dataclass(frozen=True, slots=True)
class BundleGroup:
    """Inputs of one source, usage point and month, as shown.

    Attributes:
        group_key: Name of the group.
        leaves: Canonical JSON text of its record revisions.
    """

    group_key: str
    leaves: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FactorProof:
    """One factor row and its place in the factor set.

    Attributes:
        row: Canonical JSON text of the row.
        index: Its position in the log.
        path: Inclusion proof, from the row upwards, 64 hexadecimal digits each.
    """

    row: str
    index: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AuditorName:
    """Who an auditor says it is.

    Attributes:
        address: 0x address of its key.
        node: Name of the node.
        region: One of `domain.issuance.REGIONS`.
        operator: Who runs it.
    """

    address: str
    node: str
    region: str
    operator: str


@dataclass(frozen=True, slots=True)
class ChainReference:
    """Where the statement stands on a chain.

    Attributes:
        label: In plain words: "local: its operator alone could rewrite it".
        chain_id: The chain's id.
        contract: 0x address.
        action: "anchor" or "issue".
        token_id_hex: Id of the token, 64 hexadecimal digits.
        transaction_hex: Hash of the transaction, 64 hexadecimal digits, or empty while it is on its way.
        block_number: Number of its block, or -1.
    """

    label: str
    chain_id: int
    contract: str
    action: str
    token_id_hex: str
    transaction_hex: str
    block_number: int


class Signed(Protocol):
    """What auditors signed, with what leads to it: a bundle has it, and a disclosure may."""

    @property
    def issuance(self) -> Issuance:
        """The statement as the chain holds it."""

    @property
    def envelope(self) -> Envelope:
        """What the auditors signed."""

    @property
    def signatures(self) -> tuple[str, ...]:
        """65-byte signatures in hexadecimal."""

    @property
    def batch_proof(self) -> tuple[str, ...]:
        """From the issuance's leaf to the batch's root, 64 hexadecimal digits each."""

    @property
    def auditors(self) -> tuple[AuditorName, ...]:
        """Who they say they are."""

    @property
    def chain(self) -> ChainReference:
        """Where it stands."""


@dataclass(frozen=True, slots=True)
class SignedPart:
    """What auditors signed, alone.

    Attributes:
        issuance: The statement as the chain holds it.
        envelope: What the auditors signed.
        signatures: 65-byte signatures in hexadecimal.
        batch_proof: From the issuance's leaf to the batch's root, 64 hexadecimal digits each.
        auditors: Who they say they are.
        chain: Where it stands.
    """

    issuance: Issuance
    envelope: Envelope
    signatures: tuple[str, ...]
    batch_proof: tuple[str, ...]
    auditors: tuple[AuditorName, ...]
    chain: ChainReference


@dataclass(frozen=True, slots=True)
class Bundle:
    """Everything that a stranger needs.

    Attributes:
        manifest: Canonical JSON text of the manifest.
        issuance: The statement as the chain holds it.
        envelope: What the auditors signed.
        signatures: 65-byte signatures in hexadecimal, in the order of their signers.
        batch_proof: From the issuance's leaf to the batch's root, 64 hexadecimal digits each.
        auditors: Who they say they are; whom to believe is the verifier's own list or the chain's.
        chain: Where it stands.
        keys: Tree name to its key, 64 hexadecimal digits, of the trees that are shown.
        groups: The inputs, where they are shown.
        lines: Canonical JSON text of the lines, where they are shown.
        unscored: What no factor fits.
        originals: SHA-256 of the originals, where they are shown.
        factors: The factors used, with their proofs.
        checksum_hex: SHA-256 of the rest.
    """

    manifest: str
    issuance: Issuance
    envelope: Envelope
    signatures: tuple[str, ...]
    batch_proof: tuple[str, ...]
    auditors: tuple[AuditorName, ...]
    chain: ChainReference
    keys: Mapping[str, str]
    groups: tuple[BundleGroup, ...]
    lines: tuple[str, ...]
    unscored: tuple[Unscored, ...]
    originals: tuple[str, ...]
    factors: tuple[FactorProof, ...]
    checksum_hex: str = ""

    def read_manifest(self) -> Manifest:
        """Its manifest.

        Returns:
            The manifest.

        Raises:
            CanonicalError: The text is not one.
        """
        return manifest_from_canonical(self.manifest.encode())

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {**self._body(), "checksum": self.checksum_hex}

    def to_bytes(self) -> bytes:
        """The file: canonical JSON, with its checksum made anew."""
        body = to_canonical(self._body())
        checksum = sha256(body).hexdigest()
        return body.replace(b',"envelope":', f',"checksum":"{checksum}","envelope":'.encode(), 1)  # quotes in texts are escaped

    def sealed(self) -> "Bundle":
        """The same with the checksum that its content has."""
        return replace(self, checksum_hex=self.expected_checksum_hex())

    def expected_checksum_hex(self) -> str:
        """SHA-256 of everything but the checksum."""
        return sha256(to_canonical(self._body())).hexdigest()

    def _body(self) -> dict[str, Json]:
        return {
            **signed_to_json(self),
            "factors": [{"index": f.index, "path": list(f.path), "row": f.row} for f in self.factors],
            "format": BUNDLE_FORMAT,
            "groups": [{"group": g.group_key, "leaves": list(g.leaves)} for g in self.groups],
            "keys": dict(self.keys),
            "lines": list(self.lines),
            "manifest": self.manifest,
            "originals": list(self.originals),
            "unscored": [u.to_json() for u in self.unscored],
        }


def signed_to_json(signed: Signed) -> dict[str, Json]:
    """What auditors signed, as canonical JSON carries it."""
    chain = signed.chain
    return {
        "auditors": [{"address": a.address, "node": a.node, "operator": a.operator, "region": a.region} for a in signed.auditors],
        "batch_proof": list(signed.batch_proof),
        "chain": {
            "action": chain.action,
            "block_number": chain.block_number,
            "chain_id": str(chain.chain_id),
            "contract": chain.contract,
            "label": chain.label,
            "token_id": chain.token_id_hex,
            "transaction": chain.transaction_hex,
        },
        "envelope": envelope_to_json(signed.envelope),
        "issuance": issuance_to_json(signed.issuance),
        "signatures": list(signed.signatures),
    }


def signed_from_json(fields: Fields) -> SignedPart:
    """What auditors signed, as canonical JSON says it.

    Args:
        fields: As `signed_to_json` makes them, beside others.

    Returns:
        The signed part.

    Raises:
        CanonicalError: A field is missing, is not what it must be, or there are more signatures, auditors or hashes than there
            can be.
    """
    _check_signed_sizes(fields)
    return SignedPart(
        issuance=issuance_from_json(fields.raw("issuance")),
        envelope=envelope_from_json(fields.raw("envelope")),
        signatures=fields.texts("signatures"),
        batch_proof=fields.texts("batch_proof"),
        auditors=tuple(
            AuditorName(a.text("address"), a.text("node"), a.text("region"), a.text("operator"))
            for a in fields.objects("auditors")
        ),
        chain=_chain_of(fields.nested("chain")),
    )


def issuance_to_json(issuance: Issuance) -> dict[str, Json]:
    """An issuance as canonical JSON carries it; amounts as strings, hashes in hexadecimal."""
    return {
        "from_month_ym": issuance.from_month_ym,
        "gross_location_g_co2e": str(issuance.gross_location_g_co2e),
        "gross_market_g_co2e": str(issuance.gross_market_g_co2e),
        "holder": issuance.holder,
        "inputs_root": issuance.inputs_root.hex(),
        "kind": int(issuance.kind),
        "manifest_hash": issuance.manifest_hash.hex(),
        "method_hash": issuance.method_hash.hex(),
        "net_g_co2e": str(issuance.net_g_co2e),
        "region": issuance.region,
        "retired_g_co2e": str(issuance.retired_g_co2e),
        "revision": issuance.revision,
        "subject": issuance.subject.hex(),
        "to_month_ym": issuance.to_month_ym,
    }


def issuance_from_json(value: Json) -> Issuance:
    """The issuance that canonical JSON carries.

    Args:
        value: As `issuance_to_json` makes it.

    Returns:
        The issuance.

    Raises:
        CanonicalError: A field is missing or is not what it must be.
    """
    fields = Fields(value, "issuance")
    kind = fields.integer("kind")
    if kind not in tuple(IssuanceKind):
        raise CanonicalError(expected="a kind from 1 to 4", got=kind, record="issuance.kind")
    return Issuance(
        holder=fields.text("holder"),
        kind=IssuanceKind(kind),
        region=fields.integer("region"),
        from_month_ym=fields.integer("from_month_ym"),
        to_month_ym=fields.integer("to_month_ym"),
        revision=fields.integer("revision"),
        subject=bytes.fromhex(fields.hash_hex("subject")),
        inputs_root=bytes.fromhex(fields.hash_hex("inputs_root")),
        manifest_hash=bytes.fromhex(fields.hash_hex("manifest_hash")),
        method_hash=bytes.fromhex(fields.hash_hex("method_hash")),
        gross_location_g_co2e=fields.amount("gross_location_g_co2e"),
        gross_market_g_co2e=fields.amount("gross_market_g_co2e"),
        retired_g_co2e=fields.amount("retired_g_co2e"),
        net_g_co2e=fields.amount("net_g_co2e"),
    )


def envelope_to_json(envelope: Envelope) -> dict[str, Json]:
    """An envelope as canonical JSON carries it."""
    return {
        "count": envelope.count,
        "deadline_s": envelope.deadline_s,
        "epoch": envelope.epoch,
        "method_hash": envelope.method_hash.hex(),
        "region": envelope.region,
        "root": envelope.root.hex(),
    }


def envelope_from_json(value: Json) -> Envelope:
    """The envelope that canonical JSON carries.

    Args:
        value: As `envelope_to_json` makes it.

    Returns:
        The envelope.

    Raises:
        CanonicalError: A field is missing or is not what it must be.
    """
    fields = Fields(value, "envelope")
    return Envelope(
        root=bytes.fromhex(fields.hash_hex("root")),
        count=fields.integer("count"),
        region=fields.integer("region"),
        method_hash=bytes.fromhex(fields.hash_hex("method_hash")),
        deadline_s=fields.integer("deadline_s"),
        epoch=fields.integer("epoch"),
    )


def bundle_from_bytes(data: bytes) -> Bundle:
    """The bundle that a file says.

    Args:
        data: The file's bytes.

    Returns:
        The bundle; its checksum is read, not compared.

    Raises:
        CanonicalError: The bytes are not canonical, of another format, a field is not what it must be, or one is larger than any
            bundle of ours.
    """
    content = from_json(data, record="bundle")
    fields = Fields(content, "bundle")
    if fields.text("format") != BUNDLE_FORMAT:
        raise CanonicalError(
            "This bundle has a format that this version does not know",
            expected=BUNDLE_FORMAT,
            got=fields.text("format"),
            record="bundle",
            next_step="Use the version of the program that made it.",
        )
    _check_sizes(fields)
    check_texts(content)
    _check_parts(fields)
    bundle = _bundle_of(fields)
    if to_canonical(bundle.to_json()) != data:
        from_canonical(data, record="bundle")  # says where they are not canonical
        raise CanonicalError(
            "This bundle holds fields that its format does not have", got=sorted(fields.names()), record="bundle"
        )
    return bundle


def checksum_of_bytes(data: bytes, bundle: Bundle) -> str:
    """SHA-256 of everything but the checksum, of a bundle that was just read: what `expected_checksum_hex` writes again.

    Args:
        data: The file's bytes: canonical, so the checksum stands in one place only.
        bundle: What they say.

    Returns:
        64 hexadecimal digits.
    """
    return sha256(data.replace(f',"checksum":"{bundle.checksum_hex}"'.encode(), b"", 1)).hexdigest()


def check_bundle_size(bundle: Bundle) -> None:
    """Refuse a bundle that `bundle_from_bytes` would not read for its size.

    Args:
        bundle: What is to be written.

    Raises:
        CanonicalError: An array or a text of it is too long.
    """
    content = bundle.to_json()
    _check_sizes(Fields(content, "bundle"))
    check_texts(content)


def _check_sizes(fields: Fields) -> None:
    """Refuse more of anything than a statement of ours has: a stranger's bundle must not cost more than its size.

    Raises:
        CanonicalError: One array is too long.
    """
    _check_signed_sizes(fields)
    check_count(fields, MAX_ROW_COUNT, "lines", "unscored", "factors", "originals", "groups")
    for factor in fields.objects("factors"):
        check_count(factor, MAX_PROOF_NODE_COUNT, "path")
    leaf_count = sum(len(group.items("leaves")) for group in fields.objects("groups"))
    if leaf_count > MAX_LEAF_COUNT:
        _refuse_count("leaves", MAX_LEAF_COUNT, leaf_count, "bundle.groups")


def _check_signed_sizes(fields: Fields) -> None:
    check_count(fields, MAX_SIGNER_COUNT, "auditors", "signatures")
    check_count(fields, MAX_PROOF_NODE_COUNT, "batch_proof")


def _check_parts(fields: Fields) -> None:
    """Refuse what cannot be checked: content without the key of its tree, and keys of trees that there are not.

    Raises:
        CanonicalError: There is some.
    """
    keys = fields.nested("keys").names()
    if not keys <= _PARTS_OF_KEY.keys():
        raise CanonicalError(
            "This bundle has keys that its format does not have",
            expected=", ".join(_PARTS_OF_KEY),
            got=", ".join(sorted(keys)),
            record="bundle.keys",
        )
    for key in _PARTS_OF_KEY.keys() - keys:
        for name in _PARTS_OF_KEY[key]:
            if fields.items(name):
                raise CanonicalError(
                    f"This bundle shows {name} without the key that they are checked with",
                    expected=f"the key of the {key}, or no {name}",
                    got=f"{len(fields.items(name)):,} {name}",
                    record=f"bundle.{name}",
                )


def check_count(fields: Fields, most_count: int, *names: str) -> None:
    """Refuse arrays that are longer than any of ours.

    Args:
        fields: Where they stand.
        most_count: Most items.
        names: The arrays.

    Raises:
        CanonicalError: One is longer.
    """
    for name in names:
        count = len(fields.items(name))
        if count > most_count:
            _refuse_count(name, most_count, count, fields.record)


def _refuse_count(name: str, most_count: int, count: int, record: str) -> NoReturn:
    raise CanonicalError(
        f"This {record.partition('.')[0]} has more {name} than a {record.partition('.')[0]} may have",
        expected=f"at most {most_count:,}",
        got=f"{count:,}",
        record=f"{record}.{name}",
        next_step="Ask for a bundle of a shorter period, or one that shows less.",
    )


def check_texts(content: Json, record: str = "bundle") -> None:
    """Refuse a text that is longer than any of ours.

    Args:
        content: What was read.
        record: Its name, for the message.

    Raises:
        CanonicalError: One is.
    """
    waiting = [content]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str) and (len(value) > MAX_TEXT_BYTES or len(value.encode()) > MAX_TEXT_BYTES):
            raise CanonicalError(
                f"A text of this {record} is too long",
                expected=f"at most {MAX_TEXT_BYTES:,} bytes",
                got=f"{len(value.encode()):,} bytes",
                record=record,
            )
        if isinstance(value, Mapping):
            names = sorted(value)  # so that of several the same one is named, wherever the content comes from
            waiting += [*names, *(value[name] for name in names)]
        elif isinstance(value, list | tuple):
            waiting += value


def _bundle_of(fields: Fields) -> Bundle:
    keys, signed = fields.nested("keys"), signed_from_json(fields)
    return Bundle(
        manifest=fields.text("manifest"),
        issuance=signed.issuance,
        envelope=signed.envelope,
        signatures=signed.signatures,
        batch_proof=signed.batch_proof,
        auditors=signed.auditors,
        chain=signed.chain,
        keys={name: keys.hash_hex(name) for name in sorted(keys.names())},
        groups=tuple(BundleGroup(g.text("group"), g.texts("leaves")) for g in fields.objects("groups")),
        lines=fields.texts("lines"),
        unscored=tuple(unscored_from_json(u) for u in fields.items("unscored")),
        originals=fields.texts("originals"),
        factors=tuple(FactorProof(f.text("row"), f.integer("index"), f.texts("path")) for f in fields.objects("factors")),
        checksum_hex=fields.hash_hex("checksum"),
    )


def _chain_of(fields: Fields) -> ChainReference:
    if fields.text("action") not in {"anchor", "issue"}:
        raise CanonicalError(expected="anchor or issue", got=fields.text("action"), record="bundle.chain.action")
    return ChainReference(
        label=fields.text("label"),
        chain_id=fields.amount("chain_id"),
        contract=fields.text("contract"),
        action=fields.text("action"),
        token_id_hex=fields.text("token_id"),
        transaction_hex=fields.text("transaction"),
        block_number=fields.integer("block_number"),
    )
