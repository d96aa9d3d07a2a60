"""The public proof of a statement, and the answer to a dropped bundle. Nothing personal unless its owner shared it."""

from collections.abc import Sequence

from app.chain import EMBEDDED_LABEL
from app.services import Work
from app.store import statements
from app.store.statements import StatementRow
from app.usecases.show_hrefs import VERIFY_HREF
from app.usecases.show_statement import chain_status, endorsements, factor_names
from app.usecases.verify_bundle import Step, StepState
from dashboards.pages import proof as page
from dashboards.pages.statement import ChainStatus, EndorsementRow
from domain.bundle import Bundle, bundle_from_bytes
from domain.canonical import from_canonical
from domain.errors import ClimateFitnessError
from domain.manifest import Manifest, manifest_from_canonical
from domain.statement import Line, line_from_json
from scoring.factors.factor_set import FactorSet

_OF_LINES = frozenset({"lines", "factors", "choice", "arithmetic", "totals"})
_OF_INPUTS = frozenset({"inputs", "quantities", "originals"})


def show_proof(work: Work, statement: StatementRow, steps: Sequence[Step], *, is_shared: bool) -> page.ProofModel:
    """The public proof page of a statement.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        steps: What its verification found.
        is_shared: Whether the visitor came through a share link: the lines are shown.

    Returns:
        The page. The inputs are never shown, nor what a broken step found in them.

    Raises:
        CanonicalError: The manifest or a line is damaged.
    """
    lines = statements.lines_of(work.session, statement.tenant_id, statement.id) if is_shared else None
    facts = _facts(
        manifest_from_canonical(statement.manifest),
        endorsements(work, statement),
        chain_status(work, statement),
        lines,
        work.services.factor_set,
    )
    hidden = _OF_INPUTS if is_shared else _OF_INPUTS | _OF_LINES
    return page.ProofModel(_verification(steps, hidden), facts, VERIFY_HREF)


def show_bundle(data: bytes, steps: Sequence[Step], *, document_name: str, factor_set: FactorSet) -> page.ProofModel:
    """The answer to a dropped bundle: whoever has it may see all that it says.

    Args:
        data: The file's bytes.
        steps: What its verification found.
        document_name: As the visitor named the file.
        factor_set: Names the factors of the lines.

    Returns:
        The page; without facts where the file is no bundle.
    """
    try:
        bundle = bundle_from_bytes(data)
        manifest = bundle.read_manifest()
        lines = tuple(line_from_json(from_canonical(text.encode(), record="line")) for text in bundle.lines) or None
    except ClimateFitnessError:  # the first step says why
        facts = None
    else:
        facts = _facts(manifest, _signers(bundle, steps), _chain_of(bundle, steps), lines, factor_set)
    verification = _verification(steps, frozenset())
    return page.ProofModel(verification, facts, VERIFY_HREF, is_uploaded=True, bundle_name=document_name)


def _verification(steps: Sequence[Step], hidden: frozenset[str]) -> page.Verification:
    return page.Verification(
        tuple(_step(step, is_withheld=step.state is StepState.FAILED and step.name in hidden) for step in steps)
    )


def _step(step: Step, *, is_withheld: bool) -> page.Step:
    return page.Step(step.name, page.StepState(step.state), "" if is_withheld else step.detail, is_withheld=is_withheld)


def _facts(
    manifest: Manifest,
    signers: tuple[EndorsementRow, ...],
    chain: ChainStatus | None,
    lines: tuple[Line, ...] | None,
    factor_set: FactorSet,
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
        factor_names=factor_names(factor_set, lines) if lines is not None else None,
    )


def _signers(bundle: Bundle, steps: Sequence[Step]) -> tuple[EndorsementRow, ...]:
    """Whom a bundle names as its auditors; nobody where their signatures do not hold."""
    if any(step.name == "signatures" and step.state is StepState.FAILED for step in steps):
        return ()
    return tuple(EndorsementRow(one.node, one.region, one.operator, one.address) for one in bundle.auditors)


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
