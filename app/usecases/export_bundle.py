"""Writing the bundle of an issued statement: the one file with which anybody can walk it back.

Every bundle holds the manifest, and with it the exact totals: from those of a home's electricity region and consumption can be
found by trying, even where neither lines nor inputs are shown. The public proof page, which rounds, is what to show to everybody.
"""

import json
from enum import IntEnum

from app.chain import EMBEDDED_LABEL
from app.factor_packs import factor_set_of
from app.services import Whose, Work
from app.store import ledger, statements
from app.store.ledger import BatchRow, IssuanceRow, OutboxRow
from app.store.statements import StatementRow
from app.usecases.close_period import statement_key_field
from app.usecases.sealing import unseal
from domain.bundle import AuditorName, Bundle, BundleGroup, ChainReference, FactorProof, issuance_from_json
from domain.canonical import from_canonical
from domain.errors import ConflictError
from domain.fields import Fields
from domain.issuance import REGIONS, Envelope
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
        ConflictError: The statement was not signed yet.
        NotFoundError: The subject's key was destroyed: its inputs are erased.
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
    outbox = ledger.outbox_of(session, tenant_id, row.batch_root_hex)
    line_texts = tuple(line.decode() for line in statements.line_bytes_of(session, tenant_id, statement.id))
    key = unseal(work, Whose(tenant_id, statement.subject_id), statement_key_field(statement.id), statement.sealed_statement_key)
    names = {Shown.TOTALS: (), Shown.LINES: (LINES,), Shown.EVERYTHING: (INPUTS, LINES, ORIGINALS)}[shown]
    groups = _groups(work, statement) if shown is Shown.EVERYTHING else ()
    return Bundle(
        manifest=statement.manifest.decode(),
        issuance=issuance_from_json(from_canonical(row.issuance_json.encode())),
        envelope=_envelope(batch),
        signatures=tuple(json.loads(batch.signatures_json)),
        batch_proof=tuple(json.loads(row.proof_json)),
        auditors=_auditors(work, statement),
        chain=_chain(row, batch, outbox),
        keys={name: tree_key(key, name).hex() for name in names},
        groups=groups,
        lines=line_texts if shown >= Shown.LINES else (),
        unscored=tuple(unscored_from_json(one) for one in statement.unscored) if shown >= Shown.LINES else (),
        originals=_originals(groups),
        factors=_factors(work, statement, line_texts) if shown >= Shown.LINES else (),
    ).sealed()


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


def _chain(row: IssuanceRow, batch: BatchRow, outbox: OutboxRow) -> ChainReference:
    hashes = json.loads(outbox.tx_hashes_json)
    return ChainReference(
        label=EMBEDDED_LABEL,
        chain_id=batch.chain_id,
        contract=batch.contract,
        action=str(row.action),
        token_id_hex=row.token_id_hex,
        transaction_hex=hashes[-1] if hashes else "",
        block_number=-1 if outbox.block_number is None else outbox.block_number,
    )


def _groups(work: Work, statement: StatementRow) -> tuple[BundleGroup, ...]:
    found: dict[str, list[str]] = {}
    for row in statements.inputs_of(work.session, statement.tenant_id, statement.id):
        found.setdefault(row.group_key, []).append((row.leaf or b"").decode())
    return tuple(BundleGroup(name, tuple(leaves)) for name, leaves in sorted(found.items()))


def _originals(groups: tuple[BundleGroup, ...]) -> tuple[str, ...]:
    leaves = [Fields(from_canonical(leaf.encode(), record="input"), "input") for group in groups for leaf in group.leaves]
    return tuple(sorted({digest for leaf in leaves for digest in leaf.texts("documents")}))


def _factors(work: Work, statement: StatementRow, line_texts: tuple[str, ...]) -> tuple[FactorProof, ...]:
    """Every factor used, with its proof to the root that the manifest names: packs may have been installed since."""
    services = work.services
    factor_set = factor_set_of(services.settings.data_folder, statement.factor_set) or services.factor_set
    used = sorted({line_from_json(from_canonical(text.encode())).factor_id for text in line_texts})
    proofs = [factor_set.proof(factor_id) for factor_id in used]
    return tuple(FactorProof(p.row.decode(), p.index, tuple(node.hex() for node in p.path)) for p in proofs)
