"""The statement of one closed period: totals, lines, what it was computed from, and who vouches for it."""

from dataclasses import dataclass

from dashboards.frame import Frame
from dashboards.messages import Messages
from dashboards.pages.dashboard import MonthState
from dashboards.pages.trace import BIOGENIC, GASES, Apart, TracedLine, rings_of, unscored_in_order
from dashboards.templating import page_text
from domain.activity import EvidenceClass
from domain.factor import Basis
from domain.manifest import Manifest
from domain.statement import Line, Statement


@dataclass(frozen=True, slots=True)
class EndorsementRow:
    """One auditor's signature.

    Attributes:
        node_name: The node.
        region: Its region.
        operator: Who runs it.
        address_hex: Its signing address.
    """

    node_name: str
    region: str
    operator: str
    address_hex: str


@dataclass(frozen=True, slots=True)
class ChainStatus:
    """Where the statement is on a chain.

    Attributes:
        is_local: Whether it is the embedded chain.
        chain_id: Number of the chain.
        contract_hex: Address of the contract.
        root_hex: Root of the batch.
        transaction_hex: Transaction; empty before it was sent.
        block_index: Block; None before it was mined.
        state: State of the outbox: "queued", "signed", "sent", "mined", "final", "failed", "expired".
        token_id_hex: The token; empty where the statement is only anchored.
    """

    is_local: bool
    chain_id: int
    contract_hex: str
    root_hex: str
    state: str
    transaction_hex: str = ""
    block_index: int | None = None
    token_id_hex: str = ""


@dataclass(frozen=True, slots=True)
class ClaimBox:
    """Putting a person's statement into a wallet: opt-in, and public.

    Attributes:
        standing_holder: Account that stands in statements closed from now on; empty for none.
        leaf_holder: Account in this statement's leaf; empty for none.
        allow_href: Where the form posts that sets or clears the account.
        claim_href: The transaction of the claim as a download; empty where this statement cannot be claimed.
        statement_id: Where the form leads back to.
    """

    standing_holder: str
    leaf_holder: str
    allow_href: str
    claim_href: str
    statement_id: str


@dataclass(frozen=True, slots=True)
class StatementModel:
    """One statement.

    Attributes:
        subject_name: As the person gave it.
        statement: Lines and totals.
        manifest: What it was computed from.
        manifest_hash_hex: What auditors sign.
        state: Where the period stands.
        traced: Its lines, each with its factor.
        apart: Effects beside, intervals, totals by scope.
        endorsements: Signatures.
        findings: What an auditor found, in plain words.
        chain: Where it is on a chain; None before that.
        back_href: The subject's page.
        why_href: Its trace.
        proof_href: Its public proof; empty before it is anchored.
        share_href: Where the form for a share link posts; empty for none.
        bundle_href: The bundle as a download; empty before it is anchored.
        csv_href: The lines as CSV.
        walk_href: The way back to the originals; empty before it was signed.
        claim: Of people: putting it into a wallet.
    """

    subject_name: str
    statement: Statement
    manifest: Manifest
    manifest_hash_hex: str
    state: MonthState
    traced: tuple[TracedLine, ...]
    apart: Apart
    endorsements: tuple[EndorsementRow, ...]
    findings: tuple[str, ...]
    chain: ChainStatus | None
    back_href: str
    why_href: str
    csv_href: str
    proof_href: str = ""
    share_href: str = ""
    bundle_href: str = ""
    walk_href: str = ""
    claim: ClaimBox | None = None

    @property
    def is_one_operator(self) -> bool:
        """Whether all signatures come from one operator."""
        return len({row.operator for row in self.endorsements}) == 1

    def lines_of(self, basis: Basis) -> tuple[Line, ...]:
        """Its lines of one basis."""
        return tuple(line for line in self.statement.lines if line.basis == basis)

    def gas_ug(self, name: str) -> int:
        """Sum of one gas over the location lines without avoided ones, micrograms of CO2e."""
        return sum(getattr(line.emissions, name) for line in self.lines_of(Basis.LOCATION) if not line.is_avoided)


def render(model: StatementModel, messages: Messages, frame: Frame) -> str:
    """The page as HTML.

    Args:
        model: What it shows.
        messages: Language.
        frame: What stands around it.

    Returns:
        The HTML document.
    """
    return page_text(
        "statement.html",
        messages,
        frame,
        page=model,
        gases=(*GASES, BIOGENIC),
        total_gases=GASES,
        rings=rings_of(model.traced),
        unscored=unscored_in_order(model.statement.unscored),
        classes=tuple(EvidenceClass),
    )
