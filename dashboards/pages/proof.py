"""The public proof of one statement: every step of its verification. Nothing personal; lines only behind a share link."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.pages.statement import ChainStatus, EndorsementRow
from dashboards.pages.trace import BIOGENIC, GASES, NOTHING_APART, Apart, TracedLine, rings_of
from dashboards.templating import page_text
from domain.activity import EvidenceClass
from domain.period import MonthRange
from domain.statement import Line, Totals


class StepState(StrEnum):
    """How one step came out."""

    OK = "ok"
    FAILED = "failed"
    NOT_CHECKED = "not_checked"


class Verdict(StrEnum):
    """What a verification comes to."""

    HOLDS = "holds"
    CONSISTENT = "consistent"
    BROKEN = "broken"
    NONE = "none"


class Standing(StrEnum):
    """Whether a statement stands, as far as is known here."""

    NEWEST = "newest"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Successor:
    """What is known of newer revisions.

    Attributes:
        standing: Whether there is one, or the statement was revoked.
        revision: The newest revision.
        reason: Why it was restated, in its owner's words.
        href: Its proof; empty where there is none yet.
    """

    standing: Standing
    revision: int = 0
    reason: str = ""
    href: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a verification.

    Attributes:
        name: Catalogue key of what is checked: "bundle", "manifest", ...
        state: How it came out.
        detail: What was found; expected and got where it failed.
        is_withheld: Whether what was found is for the owner only.
    """

    name: str
    state: StepState
    detail: str
    is_withheld: bool = False


@dataclass(frozen=True, slots=True)
class Verification:
    """Steps in order.

    Attributes:
        steps: Every step.
    """

    steps: tuple[Step, ...]

    @property
    def first_failed(self) -> Step | None:
        """The step that breaks first; None where all hold."""
        return next((step for step in self.steps if step.state is StepState.FAILED), None)

    @property
    def not_checked_count(self) -> int:
        """Steps that could not be checked here."""
        return sum(step.state is StepState.NOT_CHECKED for step in self.steps)

    @property
    def verdict(self) -> Verdict:
        """Broken where one step failed; holds only where known auditors signed; none where nothing could be checked."""
        if self.first_failed is not None:
            return Verdict.BROKEN
        if not any(step.state is StepState.OK for step in self.steps):
            return Verdict.NONE
        return Verdict.HOLDS if self._is_ok("signatures") or self._is_ok("statement") else Verdict.CONSISTENT

    @property
    def is_disclosure(self) -> bool:
        """Whether one record or group was checked, not a whole statement."""
        return any(step.name == "disclosure" for step in self.steps)

    @property
    def is_on_chain(self) -> bool:
        """Whether a chain was asked and has it."""
        return self._is_ok("chain")

    @property
    def is_signature_broken(self) -> bool:
        """Whether the signatures were checked and do not hold."""
        return any(step.name == "signatures" and step.state is StepState.FAILED for step in self.steps)

    def _is_ok(self, name: str) -> bool:
        return any(step.name == name and step.state is StepState.OK for step in self.steps)


@dataclass(frozen=True, slots=True)
class ProofFacts:
    """What a proof says.

    Attributes:
        period: What it covers.
        revision: Revision of the statement.
        is_self_declared: Below the network's evidence policy.
        totals: Sums.
        evidence_ppm: Share of gross by evidence class, parts per million.
        coverage_ppm: Share of the period's hours that is measured, parts per million.
        inputs_count: Leaves of the inputs root; None where strangers look.
        hashes: Catalogue name ("inputs_root", "lines_root", "originals_root", "manifest_hash", "factor_set_root",
            "subject") to 64 hexadecimal digits, in the order shown.
        factor_set_size: Rows of the factor set.
        method: Version of the business logic.
        endorsements: Signers.
        chain: Where it is on a chain; None where it is on none.
        lines: Behind a share link only; else None.
        traced: The same lines, each with its factor.
        apart: Effects beside, intervals, totals by scope, with the lines.
        is_rounded: Whether the totals are rounded, because strangers look.
    """

    period: MonthRange
    revision: int
    is_self_declared: bool
    totals: Totals
    evidence_ppm: Mapping[EvidenceClass, int]
    coverage_ppm: int
    inputs_count: int | None
    hashes: Mapping[str, str]
    factor_set_size: int
    method: str
    endorsements: tuple[EndorsementRow, ...]
    chain: ChainStatus | None
    lines: tuple[Line, ...] | None = None
    traced: tuple[TracedLine, ...] = ()
    apart: Apart = NOTHING_APART
    is_rounded: bool = False

    @property
    def is_one_operator(self) -> bool:
        """Whether all signatures come from one operator."""
        return len({row.operator for row in self.endorsements}) == 1


@dataclass(frozen=True, slots=True)
class ShownAmount:
    """One amount of what is shown alone.

    Attributes:
        kind: Kind of activity.
        quantity_micro: Millionths of the unit.
        unit: The kind's canonical unit.
        region: Where.
        evidence: How it is known; None for the sum of a group.
    """

    kind: str
    quantity_micro: int
    unit: str
    region: str
    evidence: EvidenceClass | None = None


@dataclass(frozen=True, slots=True)
class ShownPart:
    """One record or group, shown alone.

    Attributes:
        name: The source's own name of the record, or the group's.
        amounts: What it says.
        verification: Its way to the inputs root.
        original_sha256s: Of the documents that a record was taken from, 64 hexadecimal digits each.
        records_count: How many records a group sums up; 0 for a record.
        file_href: The disclosure as a download; empty for none.
    """

    name: str
    amounts: tuple[ShownAmount, ...]
    verification: Verification
    original_sha256s: tuple[str, ...] = ()
    records_count: int = 0
    file_href: str = ""


@dataclass(frozen=True, slots=True)
class ProofModel:
    """The proof page, also the answer to a dropped bundle.

    Attributes:
        verification: The steps.
        facts: What the proof says; None where a bundle could not be read at all.
        verify_href: Where the form for a bundle posts (`bundle`).
        is_uploaded: Whether this is the answer to a dropped bundle.
        bundle_name: Name of that file.
        bundle_href: The bundle as a download; empty for none.
        successor: What is known of newer revisions.
        shown: What a share link, or a dropped disclosure, shows alone; None for nothing.
        checked_at: When the steps were taken; None: now.
    """

    verification: Verification
    facts: ProofFacts | None
    verify_href: str
    is_uploaded: bool = False
    bundle_name: str = ""
    bundle_href: str = ""
    successor: Successor = Successor(Standing.NOT_CHECKED)
    shown: ShownPart | None = None
    checked_at: datetime | None = None

    @property
    def is_blank(self) -> bool:
        """Whether nothing was given to check yet: the page only asks for a bundle."""
        return self.facts is None and not self.is_uploaded

    @property
    def is_superseded(self) -> bool:
        """Whether a newer revision is known."""
        return self.successor.standing is Standing.SUPERSEDED

    @property
    def is_revoked(self) -> bool:
        """Whether its auditors have withdrawn it, as this installation knows."""
        return self.successor.standing is Standing.REVOKED


def render(model: ProofModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it; no account is shown here.

    Returns:
        The HTML document.
    """
    return page_text(
        "proof.html",
        messages,
        frame,
        page=model,
        gases=(*GASES, BIOGENIC),
        rings=rings_of(model.facts.traced) if model.facts else (),
        classes=tuple(EvidenceClass),
    )
