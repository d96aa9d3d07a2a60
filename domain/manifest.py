"""The manifest: canonical list of everything that a statement was computed from. Its hash is what auditors sign."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from domain.activity import EvidenceClass
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import CanonicalError
from domain.factor import FactorSetId
from domain.period import MonthRange
from domain.statement import Totals

MANIFEST_FORMAT = "climate-fitness/manifest/1"
"""Name and version of the manifest's layout."""


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

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {
            "coverage_ppm": self.coverage_ppm,
            "evidence_ppm": {str(c): ppm for c, ppm in self.evidence_ppm.items()},
            "factor_set": self.factor_set.to_json(),
            "format": MANIFEST_FORMAT,
            "inputs": self.inputs.to_json(),
            "is_self_declared": self.is_self_declared,
            "lines": self.lines.to_json(),
            "method": self.method,
            "originals": self.originals.to_json(),
            "parsers": dict(self.parsers),
            "period": self.period.to_text(),
            "reason": self.reason,
            "retired_units": [],
            "revision": self.revision,
            "statements_used": [],
            "subject": self.subject_hex,
            "totals": self.totals.to_json(),
        }

    @property
    def canonical_bytes(self) -> bytes:
        """Its canonical JSON."""
        return to_canonical(self.to_json())

    @property
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
    value = from_canonical(data, record="manifest")
    try:
        manifest = _manifest_from_json(value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CanonicalError("This is not a manifest", got=repr(error), record="manifest") from error
    if manifest.canonical_bytes != data:
        raise CanonicalError(
            "This manifest says what this version does not know",
            expected=MANIFEST_FORMAT,
            got=str(dict(value).get("format")) if isinstance(value, Mapping) else "",
            record="manifest",
            next_step="Use the version of the program that made it.",
        )
    return manifest


def _tree_from_json(value: Json) -> TreeId:
    fields = dict(value)  # type: ignore[arg-type]  # anything but an object raises, and the caller names the record
    return TreeId(str(fields["root"]), int(fields["leaf_count"]))


def _manifest_from_json(value: Json) -> Manifest:
    fields = dict(value)  # type: ignore[arg-type]  # anything but an object raises, and the caller names the record
    totals = {k: int(v) for k, v in dict(fields["totals"]).items()}
    factor_set = dict(fields["factor_set"])
    return Manifest(
        subject_hex=str(fields["subject"]),
        period=MonthRange.from_text(str(fields["period"])),
        revision=int(fields["revision"]),
        reason=str(fields["reason"]),
        inputs=_tree_from_json(fields["inputs"]),
        originals=_tree_from_json(fields["originals"]),
        lines=_tree_from_json(fields["lines"]),
        evidence_ppm={EvidenceClass(k): int(v) for k, v in dict(fields["evidence_ppm"]).items()},
        coverage_ppm=int(fields["coverage_ppm"]),
        factor_set=FactorSetId(int(factor_set["size"]), str(factor_set["root"])),
        method=str(fields["method"]),
        parsers={str(k): str(v) for k, v in dict(fields["parsers"]).items()},
        totals=Totals(
            gross_location_ug_co2e=totals["gross_location_ug_co2e"],
            gross_market_ug_co2e=totals["gross_market_ug_co2e"],
            retired_g_co2e=totals["retired_g_co2e"],
            avoided_ug_co2e=totals["avoided_ug_co2e"],
            biogenic_co2_ug=totals["biogenic_co2_ug"],
            unscored_count=totals["unscored_count"],
        ),
        is_self_declared=bool(fields["is_self_declared"]),
    )
