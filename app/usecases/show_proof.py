"""The public proof of a statement, and the answer to a dropped bundle. Nothing personal unless its owner shared it.

Published factors are few and meters count whole watt-hours: whoever tries them finds the region and the consumption of a home
from one exact amount. A hash gives the same away where everything else under it is known. So strangers see rounded totals and
fixed sentences, and not the subject commitment: its 32 random bytes keep manifest hash and batch root from being guessed at.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from app.chain import EMBEDDED_LABEL
from app.services import Work
from app.store import ledger, statements
from app.store.ledger import LedgerAction
from app.store.statements import StatementRow
from app.usecases.find_factor_set import factor_set_then
from app.usecases.find_successor import UNKNOWN, Successor, successor_of
from app.usecases.show_hrefs import VERIFY_HREF, proof_href
from app.usecases.show_lines import apart_of, traced_lines
from app.usecases.show_statement import chain_status, endorsements
from app.usecases.verify_bundle import Step, StepState, Verdict, signers_of, verdict
from app.usecases.verify_disclosure import Brought, KnownStatement, verify_disclosure
from dashboards.format import UG_PER_G, UG_PER_KG
from dashboards.pages import proof as page
from dashboards.pages.statement import ChainStatus, EndorsementRow
from domain.activity import ActivityKey, EvidenceClass
from domain.bundle import Bundle, bundle_from_bytes
from domain.canonical import from_canonical
from domain.disclosure import Disclosure, ShownLeaf, disclosure_from_bytes, is_disclosure
from domain.errors import CanonicalError, ClimateFitnessError, ProofError
from domain.manifest import Manifest, manifest_from_canonical
from domain.record import record_leaf_from_canonical
from domain.statement import Line, Totals, line_from_json
from scoring.factors.factor_set import FactorSet

WITHHELD = "what was found names amounts or places: it is for the owner of the statement"
"""Said of a broken step to those who may not see what broke it."""

RECOMPUTED = "recomputed, equal"
"""Said of a step that holds to those who may not see its amounts."""

_OPEN_TO_ALL = frozenset({"batch", "signatures", "chain"})
_OF_SHOWN = frozenset({"disclosure", "shown", "statement"})
_OF_INPUTS = frozenset({"evidence", "inputs", "quantities", "originals"})

_THREE_DIGITS = 1000


def public_steps(steps: Sequence[Step], *, is_shared: bool, is_issued: bool) -> tuple[Step, ...]:
    """The steps of a verification as strangers may see them.

    Args:
        steps: What was found.
        is_shared: Whether the visitor came through a share link: amounts, factors and lines are shown.
        is_issued: Whether the statement is a token: its grams are on the chain anyway, by its holder's choice.

    Returns:
        The same steps in the same states. What is hidden is replaced by a fixed sentence; of inputs nothing that broke is told.
    """
    return tuple(_hidden(step) if _is_hidden(step, is_shared=is_shared, is_issued=is_issued) else step for step in steps)


def public_totals(totals: Totals) -> Totals:
    """Totals as strangers may see them: to whole kilograms, and to three digits from 1,000 kg on."""
    return replace(
        totals,
        gross_location_ug_co2e=_rounded_ug(totals.gross_location_ug_co2e),
        gross_market_ug_co2e=_rounded_ug(totals.gross_market_ug_co2e),
        retired_g_co2e=_rounded_ug(totals.retired_g_co2e * UG_PER_G) // UG_PER_G,
        avoided_ug_co2e=_rounded_ug(totals.avoided_ug_co2e),
        biogenic_co2_ug=_rounded_ug(totals.biogenic_co2_ug),
    )


def is_issued(work: Work, statement: StatementRow) -> bool:
    """Whether a statement is a token, with its grams on the chain; a person's is anchored by a hash alone."""
    row = ledger.issuance_of_statement(work.session, statement.tenant_id, statement.id)
    return row is not None and row.action is LedgerAction.ISSUE


@contextmanager
def without_details() -> Iterator[None]:
    """Say that stored data are damaged without quoting them: who looks is a stranger.

    Yields:
        Nothing.

    Raises:
        ProofError: Something inside is not what was closed.
    """
    try:
        yield
    except CanonicalError as error:
        raise ProofError(
            "The stored data of this statement are damaged",
            expected="data as they were closed",
            next_step="Tell its owner: who signs in sees what is wrong.",
        ) from error


def show_proof(
    work: Work,
    statement: StatementRow,
    steps: Sequence[Step],
    *,
    is_shared: bool,
    disclosure: Disclosure | None = None,
    file_href: str = "",
    checked_at: datetime | None = None,
) -> page.ProofModel:
    """The public proof page of a statement.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        steps: What its verification found.
        is_shared: Whether the visitor came through a share link to the lines: exact amounts, factors and lines are shown.
        disclosure: What the visitor's share link shows alone; None for nothing.
        file_href: It as a download.
        checked_at: When the steps were taken; now where left out.

    Returns:
        The page. The inputs are never shown, nor what a broken step found in them.

    Raises:
        CanonicalError: The manifest or a line is damaged.
    """
    is_token = is_issued(work, statement)
    lines = statements.lines_of(work.session, statement.tenant_id, statement.id) if is_shared else None
    facts = _facts(
        manifest_from_canonical(statement.manifest),
        endorsements(work, statement),
        chain_status(work, statement),
        lines,
    )
    if lines is not None:
        factor_set = factor_set_then(work.services, statement.factor_set) or work.services.factor_set
        facts = replace(facts, traced=traced_lines(factor_set, lines), apart=apart_of(factor_set, lines))
    return page.ProofModel(
        _verification(public_steps(steps, is_shared=is_shared, is_issued=is_token)),
        facts if is_shared else _public(facts, is_issued=is_token),
        VERIFY_HREF,
        successor=_succession(successor_of(work, statement)),
        shown=None if disclosure is None else _shown_here(statement, steps, disclosure, file_href),
        checked_at=checked_at,
    )


def _shown_here(statement: StatementRow, steps: Sequence[Step], disclosure: Disclosure, file_href: str) -> page.ShownPart:
    """What a share link shows alone, checked against the statement of the page where that holds."""
    root_hex = manifest_from_canonical(statement.manifest).inputs.root_hex
    known = KnownStatement("the statement of this page", root_hex) if verdict(steps) is Verdict.HOLDS else None
    found = verify_disclosure(disclosure.to_bytes(), Brought(known=known))
    return replace(shown_part(disclosure, [one for one in found if one.name in _OF_SHOWN]), file_href=file_href)


def shown_part(disclosure: Disclosure, steps: Sequence[Step]) -> page.ShownPart:
    """What a disclosure shows, as a page shows it.

    Args:
        disclosure: What is shown alone.
        steps: What its verification found.

    Returns:
        The part.

    Raises:
        CanonicalError: Its record is none.
    """
    shown = disclosure.shown
    if isinstance(shown, ShownLeaf):
        leaf = record_leaf_from_canonical(shown.text.encode(), record="disclosure.leaf")
        amounts = tuple(amount_of(one.key, one.quantity_micro, one.evidence) for one in leaf.activities)
        return page.ShownPart(leaf.record_key, amounts, _verification(steps), leaf.document_sha256s)
    sums = tuple(amount_of(key, int(shown.totals_micro.get(key.key_id, "0"))) for key in shown.keys)
    return page.ShownPart(shown.group_key, sums, _verification(steps), records_count=shown.leaf_count)


def amount_of(key: ActivityKey, quantity_micro: int, evidence: EvidenceClass | None = None) -> page.ShownAmount:
    """An amount as a page shows it.

    Args:
        key: What is measured.
        quantity_micro: Millionths of its unit.
        evidence: How it is known; None for a sum.

    Returns:
        The amount.
    """
    return page.ShownAmount(key.kind, quantity_micro, key.unit, key.region, evidence)


def show_bundle(
    data: bytes, steps: Sequence[Step], *, document_name: str, factor_set: FactorSet, successor: Successor = UNKNOWN
) -> page.ProofModel:
    """The answer to a dropped bundle: whoever has it may see all that it says.

    Args:
        data: The file's bytes.
        steps: What its verification found.
        document_name: As the visitor named the file.
        factor_set: Names the factors of the lines.
        successor: What is known of newer revisions.

    Returns:
        The page; without facts where the file is no bundle.
    """
    if is_disclosure(data):
        return _show_disclosure(data, steps, document_name=document_name, successor=successor)
    try:
        bundle = bundle_from_bytes(data)
        manifest = bundle.read_manifest()
        lines = tuple(line_from_json(from_canonical(text.encode(), record="line")) for text in bundle.lines) or None
    except ClimateFitnessError:  # the first step says why
        facts = None
    else:
        facts = _facts(manifest, _signers(bundle, steps), _chain_of(bundle, steps), lines)
        # How the set of today would choose is not asked for what a stranger sends.
        facts = replace(facts, traced=traced_lines(factor_set, lines or (), steps_of=lambda _: ()))
    return page.ProofModel(
        _verification(steps),
        facts,
        VERIFY_HREF,
        is_uploaded=True,
        bundle_name=document_name,
        successor=_succession(successor),
    )


def _show_disclosure(data: bytes, steps: Sequence[Step], *, document_name: str, successor: Successor) -> page.ProofModel:
    try:
        shown = shown_part(disclosure_from_bytes(data), ())
    except ClimateFitnessError:  # the first step says why
        shown = None
    is_below_root = any(step.name == "shown" and step.state is StepState.OK for step in steps)
    return page.ProofModel(
        _verification(steps),
        None,
        VERIFY_HREF,
        is_uploaded=True,
        bundle_name=document_name,
        successor=_succession(successor),
        shown=shown if is_below_root else None,
    )


def _is_hidden(step: Step, *, is_shared: bool, is_issued: bool) -> bool:
    if is_shared:
        return step.state is StepState.FAILED and step.name in _OF_INPUTS
    return step.state is not StepState.NOT_CHECKED and step.name not in (
        _OPEN_TO_ALL | ({"issuance"} if is_issued else frozenset())
    )


def _hidden(step: Step) -> Step:
    return replace(step, detail=WITHHELD if step.state is StepState.FAILED else RECOMPUTED)


def _rounded_ug(amount_ug: int) -> int:
    unit_ug = UG_PER_KG
    while abs(amount_ug) >= _THREE_DIGITS * unit_ug:
        unit_ug *= 10
    size = (abs(amount_ug) + unit_ug // 2) // unit_ug * unit_ug
    return -size if amount_ug < 0 else size


def _public(facts: page.ProofFacts, *, is_issued: bool) -> page.ProofFacts:
    """Facts as strangers may see them; a token's subject commitment is on the chain."""
    hashes = {name: value for name, value in facts.hashes.items() if is_issued or name != "subject"}
    return replace(facts, totals=public_totals(facts.totals), is_rounded=True, inputs_count=None, hashes=hashes)


def _verification(steps: Sequence[Step]) -> page.Verification:
    return page.Verification(tuple(page.Step(s.name, page.StepState(s.state), s.detail, s.detail == WITHHELD) for s in steps))


def _succession(successor: Successor) -> page.Successor:
    return page.Successor(
        page.Standing(successor.standing),
        successor.revision,
        successor.reason,
        proof_href(successor.public_token) if successor.public_token else "",
    )


def _facts(
    manifest: Manifest,
    signers: tuple[EndorsementRow, ...],
    chain: ChainStatus | None,
    lines: tuple[Line, ...] | None,
) -> page.ProofFacts:
    return page.ProofFacts(
        period=manifest.period,
        revision=manifest.revision,
        is_self_declared=manifest.is_self_declared,
        totals=manifest.totals,
        evidence_ppm=manifest.evidence_ppm,
        coverage_ppm=manifest.coverage_ppm,
        inputs_count=manifest.inputs.leaf_count,
        hashes={
            "manifest_hash": manifest.manifest_hash.hex(),
            "inputs_root": manifest.inputs.root_hex,
            "lines_root": manifest.lines.root_hex,
            "originals_root": manifest.originals.root_hex,
            "factor_set_root": manifest.factor_set.root_hex,
            "subject": manifest.subject_hex,
        },
        factor_set_size=manifest.factor_set.size,
        method=manifest.method,
        endorsements=signers,
        chain=chain,
        lines=lines,
    )


def _signers(bundle: Bundle, steps: Sequence[Step]) -> tuple[EndorsementRow, ...]:
    """Whom a bundle names as its auditors: of those who signed where the signatures hold, nobody where they are broken.

    Names are the bundle's own words; only addresses are proven, so an auditor without a signature is left out.
    """
    state = next((step.state for step in steps if step.name == "signatures"), StepState.NOT_CHECKED)
    if state is StepState.FAILED:
        return ()
    try:
        signed = {address.lower() for address in signers_of(bundle)}
    except ClimateFitnessError:  # no signature at all: the step was not taken
        return ()
    return tuple(
        EndorsementRow(one.node, one.region, one.operator, one.address)
        for one in bundle.auditors
        if one.address.lower() in signed
    )


def _chain_of(bundle: Bundle, steps: Sequence[Step]) -> ChainStatus:
    """Where a bundle says that it is; final only where the chain was asked and said so."""
    reference = bundle.chain
    asked = next((step.state for step in steps if step.name == "chain"), StepState.NOT_CHECKED)
    return ChainStatus(
        is_local=reference.label == EMBEDDED_LABEL,
        chain_id=reference.chain_id,
        contract_hex=reference.contract,
        root_hex=bundle.envelope.root.hex(),
        state="final" if asked is StepState.OK else "mined" if reference.block_number >= 0 else "sent",
        transaction_hex=reference.transaction_hex,
        block_index=reference.block_number if reference.block_number >= 0 else None,
        token_id_hex=reference.token_id_hex if reference.action == "issue" else "",
    )
