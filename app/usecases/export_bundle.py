"""Writing the bundle of an issued statement: the one file with which anybody can walk it back.

Every bundle holds the manifest, and with it the exact totals: from those of a home's electricity region and consumption can be
found by trying, even where neither lines nor inputs are shown. The public proof page, which rounds, is what to show to everybody.
"""

import json
from enum import IntEnum

from app.chain import label_of
from app.services import Whose, Work
from app.store import ledger, statements
from app.store.ledger import BatchRow, IssuanceRow, OutboxRow
from app.store.statements import StatementRow
from app.usecases.close_period import statement_key_field
from app.usecases.find_factor_set import factor_set_then
from app.usecases.sealing import unseal
from domain.bundle import (
    AuditorName,
    Bundle,
    BundleGroup,
    ChainReference,
    FactorProof,
    SignedPart,
    check_bundle_size,
    issuance_from_json,
)
from domain.canonical import from_canonical
from domain.errors import CanonicalError, ConflictError
from domain.fields import Fields
from domain.issuance import REGIONS, Envelope
from domain.record import quick_leaf
from domain.statement import line_from_json, unscored_from_json
from ledger.trees import INPUTS, LINES, ORIGINALS, tree_key


class Shown(IntEnum):
    """How much of a statement a bundle shows. Totals are exact: see the note at the head of this file."""

    TOTALS = 0
    LINES = 1
    EVERYTHING = 2


def export_bundle(work: Work, statement: StatementRow, shown: Shown) -> Bundle:
    """The bundle of a statement that was signed.

    Args:
        work: The open transaction and the services.
        statement: Which.
        shown: Totals only, the lines too, or everything.

    Returns:
        The bundle, with its checksum.

    Raises:
        ConflictError: The statement was not signed yet, is too large for a bundle that shows so much, or was made with a factor
            set that this installation has no longer.
        NotFoundError: The subject's key was destroyed: its inputs are erased.
    """
    bundle = make_bundle(work, statement, shown)
    _check_size(bundle, statement, shown)
    return bundle


def fullest_bundle(work: Work, statement: StatementRow) -> Bundle:
    """The bundle of a statement that shows as much as one can: everything, else the lines, else the totals.

    Args:
        work: The open transaction and the services.
        statement: Which.

    Returns:
        The bundle, with its checksum.

    Raises:
        ConflictError: As `export_bundle`, of the totals.
        NotFoundError: The subject's key was destroyed: its inputs are erased.
    """
    for shown in (Shown.EVERYTHING, Shown.LINES):
        try:
            return export_bundle(work, statement, shown)
        except ConflictError:  # too large, or its factors are gone; where it was not signed, the totals say so
            continue
    return export_bundle(work, statement, Shown.TOTALS)


_SHOW_LESS = {
    Shown.EVERYTHING: "Show less of it (the lines, or the totals alone), or close shorter periods.",
    Shown.LINES: "Show the totals alone, or close shorter periods.",
    Shown.TOTALS: "Close shorter periods.",
}


def _check_size(bundle: Bundle, statement: StatementRow, shown: Shown) -> None:
    """Refuse to write what nobody could read: verifiers take bundles up to a limit.

    Raises:
        ConflictError: It is above one.
    """
    try:
        check_bundle_size(bundle)
    except CanonicalError as error:
        raise ConflictError(
            "This statement is larger than a bundle that anybody could verify",
            expected=error.expected,
            got=error.got,
            record=f"{error.record} of statement {statement.id}",
            next_step=_SHOW_LESS[shown],
        ) from error


def make_bundle(work: Work, statement: StatementRow, shown: Shown) -> Bundle:
    """The bundle of a statement, however large.

    Args:
        work: The open transaction and the services.
        statement: Which.
        shown: Totals only, the lines too, or everything.

    Returns:
        The bundle, with its checksum.

    Raises:
        ConflictError: The statement was not signed yet, or was made with a factor set that this installation has no longer.
        NotFoundError: The subject's key was destroyed: its inputs are erased.
    """
    session, tenant_id = work.session, statement.tenant_id
    signed = signed_part(work, statement)
    line_texts = tuple(line.decode() for line in statements.line_bytes_of(session, tenant_id, statement.id))
    key = unseal(work, Whose(tenant_id, statement.subject_id), statement_key_field(statement.id), statement.sealed_statement_key)
    names = {Shown.TOTALS: (), Shown.LINES: (LINES,), Shown.EVERYTHING: (INPUTS, LINES, ORIGINALS)}[shown]
    groups = _groups(work, statement) if shown is Shown.EVERYTHING else ()
    return Bundle(
        manifest=statement.manifest.decode(),
        issuance=signed.issuance,
        envelope=signed.envelope,
        signatures=signed.signatures,
        batch_proof=signed.batch_proof,
        auditors=signed.auditors,
        chain=signed.chain,
        keys={name: tree_key(key, name).hex() for name in names},
        groups=groups,
        lines=line_texts if shown >= Shown.LINES else (),
        unscored=tuple(unscored_from_json(one) for one in statement.unscored) if shown >= Shown.LINES else (),
        originals=_originals(groups),
        factors=_factors(work, statement, line_texts) if shown >= Shown.LINES else (),
    ).sealed()


def signed_part(work: Work, statement: StatementRow) -> SignedPart:
    """What auditors signed of a statement, and where it stands.

    Args:
        work: The open transaction and the services.
        statement: Which.

    Returns:
        The signed part of its bundles.

    Raises:
        ConflictError: The statement was not signed yet.
    """
    session, tenant_id = work.session, statement.tenant_id
    row = ledger.issuance_of_statement(session, tenant_id, statement.id)
    if row is None:
        raise ConflictError(
            "This statement was not signed yet",
            expected="a statement that the auditor accepted",
            got=str(statement.state),
            record=f"statement {statement.id}",
            next_step="Wait for the auditor, or look at its findings.",
        )
    batch = ledger.batch_of(session, tenant_id, row.batch_root_hex)
    return SignedPart(
        issuance=issuance_from_json(from_canonical(row.issuance_json.encode())),
        envelope=_envelope(batch),
        signatures=tuple(json.loads(batch.signatures_json)),
        batch_proof=tuple(json.loads(row.proof_json)),
        auditors=_auditors(work, statement),
        chain=_chain(work, row, batch, ledger.outbox_of(session, tenant_id, row.batch_root_hex)),
    )


def _envelope(batch: BatchRow) -> Envelope:
    return Envelope(
        root=bytes.fromhex(batch.root_hex),
        count=batch.count,
        region=REGIONS.index(batch.region),
        method_hash=bytes.fromhex(batch.method_hash_hex),
        deadline_s=batch.deadline_s,
        epoch=batch.epoch,
    )


def _auditors(work: Work, statement: StatementRow) -> tuple[AuditorName, ...]:
    return tuple(
        AuditorName(one.signer_address, one.node_id, one.node_region, work.services.auditor.operator)
        for one in ledger.endorsements_of(work.session, statement.tenant_id, statement.id)
    )


def _chain(work: Work, row: IssuanceRow, batch: BatchRow, outbox: OutboxRow) -> ChainReference:
    hashes = json.loads(outbox.tx_hashes_json)
    return ChainReference(
        label=label_of(work.services.settings, batch.chain_id),
        chain_id=batch.chain_id,
        contract=batch.contract,
        action=str(row.action),
        token_id_hex=row.token_id_hex,
        transaction_hex=hashes[-1] if hashes else "",
        block_number=-1 if outbox.block_number is None else outbox.block_number,
    )


def _groups(work: Work, statement: StatementRow) -> tuple[BundleGroup, ...]:
    found: dict[str, list[str]] = {}
    for group_key, leaf in statements.leaves_of(work.session, statement.tenant_id, statement.id):
        found.setdefault(group_key, []).append((leaf or b"").decode())
    return tuple(BundleGroup(name, tuple(leaves)) for name, leaves in sorted(found.items()))


def _originals(groups: tuple[BundleGroup, ...]) -> tuple[str, ...]:
    found: set[str] = set()
    for leaf in (leaf.encode() for group in groups for leaf in group.leaves):
        quick = quick_leaf(leaf)
        found.update(
            Fields(from_canonical(leaf, record="input"), "input").texts("documents") if quick is None else quick.document_sha256s
        )
    return tuple(sorted(found))


def _factors(work: Work, statement: StatementRow, line_texts: tuple[str, ...]) -> tuple[FactorProof, ...]:
    """Every factor used, with its proof to the root that the manifest names: packs may have been installed since.

    Raises:
        ConflictError: That factor set cannot be had any more.
    """
    used = sorted({line_from_json(from_canonical(text.encode())).factor_id for text in line_texts})
    factor_set = factor_set_then(work.services, statement.factor_set)
    if factor_set is None:
        raise ConflictError(
            "This statement was made with a factor set that this installation has no longer",
            expected=f"{statement.factor_set.size} rows with root {statement.factor_set.root_hex}",
            got=f"{work.services.factor_set.id.size} rows, version {work.services.factor_set.version}",
            record=f"statement {statement.id}",
            next_step="Put the packs of that time back, or show the totals alone; a bundle exported before still verifies.",
        )
    proofs = [factor_set.proof(factor_id) for factor_id in used]
    return tuple(FactorProof(p.row.decode(), p.index, tuple(node.hex() for node in p.path)) for p in proofs)
