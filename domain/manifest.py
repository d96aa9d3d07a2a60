"""The manifest: canonical list of everything that a statement was computed from. Its hash is what auditors sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

from domain.activity import EvidenceClass
from domain.canonical import Json, from_canonical, to_canonical
from domain.coverage import MILLION_PPM
from domain.errors import CanonicalError
from domain.factor import FactorSetId
from domain.fields import Fields
from domain.period import MonthRange
from domain.statement import Totals, totals_from_json


class ManifestFormat(StrEnum):
    """Name and version of the manifest's layout, and of the trees that it names; old ones are read, the last one is written."""

    V1 = "climate-fitness/manifest/1"
    """A group's node hashes its totals in clear: one record cannot be shown without the sums of its group."""

    V2 = "climate-fitness/manifest/2"
    """A group's node hashes a salted hash of its totals: a record can be shown alone (docs/adr/0016)."""


@dataclass(frozen=True, slots=True)
class TreeId:
    """Names a Merkle tree of salted leaves.

    Attributes:
        root_hex: Root, 64 hexadecimal digits.
        leaf_count: How many leaves are below it.
    """

    root_hex: str
    leaf_count: int

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {"leaf_count": self.leaf_count, "root": self.root_hex}


@dataclass(frozen=True, slots=True)
class RetiredUnits:
    """Carbon credits retired for a subject and period.

    Attributes:
        registry: Registry that they were retired in.
        serial: Serial numbers as the registry writes them.
        amount_g_co2e: Grams, more than zero.
    """

    registry: str
    serial: str
    amount_g_co2e: int

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {"amount_g_co2e": str(self.amount_g_co2e), "registry": self.registry, "serial": self.serial}


@dataclass(frozen=True)
class Manifest:
    """What a statement was computed from.

    Attributes:
        subject_hex: Random 32 bytes drawn once per subject and period, kept by all its revisions.
        period: Month labels.
        revision: 1, then one more for each restatement.
        reason: Why it was restated; empty for revision 1.
        inputs: Tree of the record revisions, grouped by source, usage point and month.
        originals: Tree of the SHA-256 of the original documents.
        lines: Tree of the statement's lines.
        evidence_ppm: Share of gross (location) by evidence class, parts per million, adding up to 1,000,000 or empty.
        coverage_ppm: Share of the period's hours that is measured, parts per million.
        factor_set: Factor set it was computed with.
        method: Version of the business logic.
        parsers: Connector to the version of its parser.
        totals: Sums over the lines.
        is_self_declared: Below the network's evidence policy.
        retired_units: Carbon credits retired, sorted by registry and serial; their sum is what the totals say.
        format: Version of the layout.
    """

    subject_hex: str
    period: MonthRange
    revision: int
    reason: str
    inputs: TreeId
    originals: TreeId
    lines: TreeId
    evidence_ppm: Mapping[EvidenceClass, int]
    coverage_ppm: int
    factor_set: FactorSetId
    method: str
    parsers: Mapping[str, str]
    totals: Totals
    is_self_declared: bool
    retired_units: tuple[RetiredUnits, ...] = ()
    format: ManifestFormat = ManifestFormat.V2

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {
            "coverage_ppm": self.coverage_ppm,
            "evidence_ppm": {str(c): ppm for c, ppm in self.evidence_ppm.items()},
            "factor_set": self.factor_set.to_json(),
            "format": str(self.format),
            "inputs": self.inputs.to_json(),
            "is_self_declared": self.is_self_declared,
            "lines": self.lines.to_json(),
            "method": self.method,
            "originals": self.originals.to_json(),
            "parsers": dict(self.parsers),
            "period": self.period.to_text(),
            "reason": self.reason,
            "retired_units": [units.to_json() for units in self.retired_units],
            "revision": self.revision,
            "statements_used": [],
            "subject": self.subject_hex,
            "totals": self.totals.to_json(),
        }

    @cached_property
    def canonical_bytes(self) -> bytes:
        """Its canonical JSON."""
        return to_canonical(self.to_json())

    @cached_property
    def manifest_hash(self) -> bytes:
        """SHA-256 of its canonical JSON, 32 bytes."""
        return sha256(self.canonical_bytes).digest()


def manifest_from_canonical(data: bytes) -> Manifest:
    """The manifest that canonical bytes say.

    Args:
        data: As `Manifest.canonical_bytes` makes them.

    Returns:
        The manifest.

    Raises:
        CanonicalError: The bytes are not canonical, of another format, or a field is not what it must be.
    """
    fields = Fields(from_canonical(data, record="manifest"), "manifest")
    if fields.text("format") not in set(ManifestFormat):
        raise CanonicalError(
            "This manifest has a format that this version does not know",
            expected=" or ".join(ManifestFormat),
            got=fields.text("format"),
            record="manifest",
            next_step="Use the version of the program that made it.",
        )
    manifest = _manifest_of(fields)
    if manifest.canonical_bytes != data:
        raise CanonicalError(
            "This manifest holds fields that its format does not have", got=sorted(fields.names()), record="manifest"
        )
    _check_ranges(manifest)
    return manifest


def _check_ranges(manifest: Manifest) -> None:
    """Refuse numbers that no closing gives.

    Raises:
        CanonicalError: A count is negative, a share is no share, or the shares do not add up.
    """
    shares_ppm = sum(manifest.evidence_ppm.values())
    names = [(units.registry, units.serial) for units in manifest.retired_units]
    checks = (
        ("revision", manifest.revision >= 1, "1 or more", manifest.revision),
        ("coverage_ppm", 0 <= manifest.coverage_ppm <= MILLION_PPM, "0 to 1,000,000", manifest.coverage_ppm),
        ("evidence_ppm", shares_ppm == MILLION_PPM or not manifest.evidence_ppm, "shares that add up to 1,000,000", shares_ppm),
        (
            "retired_units",
            sum(units.amount_g_co2e for units in manifest.retired_units) == manifest.totals.retired_g_co2e,
            f"units of {manifest.totals.retired_g_co2e} g together",
            [units.amount_g_co2e for units in manifest.retired_units],
        ),
        (
            "retired_units",
            all(units.amount_g_co2e > 0 for units in manifest.retired_units) and names == sorted(set(names)),
            "each units once, sorted, more than zero",
            [units.serial for units in manifest.retired_units],
        ),
        *(
            (f"{name}.leaf_count", tree.leaf_count >= 0, "0 or more", tree.leaf_count)
            for name, tree in (("inputs", manifest.inputs), ("originals", manifest.originals), ("lines", manifest.lines))
        ),
    )
    for name, holds, expected, got in checks:
        if not holds:
            raise CanonicalError("A number of this manifest cannot be", expected=expected, got=got, record=f"manifest.{name}")


def _tree_of(fields: Fields) -> TreeId:
    return TreeId(fields.hash_hex("root"), fields.integer("leaf_count"))


def _manifest_of(fields: Fields) -> Manifest:
    shares, parsers, factor_set = fields.nested("evidence_ppm"), fields.nested("parsers"), fields.nested("factor_set")
    return Manifest(
        subject_hex=fields.hash_hex("subject"),
        period=fields.made("period", MonthRange.from_text),
        revision=fields.integer("revision"),
        reason=fields.text("reason"),
        inputs=_tree_of(fields.nested("inputs")),
        originals=_tree_of(fields.nested("originals")),
        lines=_tree_of(fields.nested("lines")),
        evidence_ppm={c: shares.integer(str(c)) for c in EvidenceClass if str(c) in shares.names()},
        coverage_ppm=fields.integer("coverage_ppm"),
        factor_set=FactorSetId(factor_set.integer("size"), factor_set.hash_hex("root")),
        method=fields.text("method"),
        parsers={name: parsers.text(name) for name in sorted(parsers.names())},
        totals=totals_from_json(fields.raw("totals"), record="manifest.totals"),
        is_self_declared=fields.boolean("is_self_declared"),
        retired_units=tuple(
            RetiredUnits(one.text("registry"), one.text("serial"), one.amount("amount_g_co2e"))
            for one in (Fields(item, "manifest.retired_units") for item in fields.items("retired_units"))
        ),
        format=fields.made("format", ManifestFormat),
    )
