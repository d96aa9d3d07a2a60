"""One statement: totals, lines, manifest, signatures, and where it stands on the ledger."""

import csv
import json
from collections.abc import Iterable
from io import StringIO

from app.services import Whose, Work
from app.store import ledger, periods, statements, subjects
from app.store.ledger import LedgerAction, OutboxState, Verdict
from app.store.statements import StatementRow, StatementState
from app.usecases.show_hrefs import Hrefs, proof_href
from app.usecases.show_months import findings_of, state_of
from dashboards.pages.dashboard import MonthState
from dashboards.pages.statement import ChainStatus, EndorsementRow, StatementModel
from domain.errors import NotFoundError
from domain.manifest import manifest_from_canonical
from domain.number import decimal_of_micro, decimal_to_text
from domain.statement import Line, Statement, unscored_from_json
from scoring.factors.factor_set import FactorSet

LINES_HEADER = (
    "month",
    "kind",
    "region",
    "basis",
    "scope",
    "is_avoided",
    "quantity",
    "unit",
    "factor_id",
    "factor",
    "gwp_set",
    "co2_g",
    "ch4_g_co2e",
    "n2o_g_co2e",
    "unsplit_g_co2e",
    "total_g_co2e",
    "flags",
)
"""Columns of the lines as CSV."""


def show_statement(work: Work, whose: Whose, statement_id: str) -> StatementModel:
    """The page of one statement.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        statement_id: Which statement.

    Returns:
        The page.

    Raises:
        NotFoundError: The subject has no such statement.
        CanonicalError: A stored line or the manifest is damaged.
    """
    row = statement_of(work, whose, statement_id)
    subject = subjects.by_id(work.session, whose.tenant_id, whose.subject_id)
    manifest = manifest_from_canonical(row.manifest)
    lines = statements.lines_of(work.session, row.tenant_id, row.id)
    chain = chain_status(work, row)
    hrefs, is_final = Hrefs(subject.id), chain is not None and chain.state == OutboxState.FINAL
    return StatementModel(
        subject_name=subject.name,
        statement=Statement(
            period=manifest.period,
            revision=row.revision,
            lines=lines,
            unscored=tuple(unscored_from_json(one) for one in row.unscored),
            totals=row.totals,
            factor_set=row.factor_set,
            method=row.method,
        ),
        manifest=manifest,
        manifest_hash_hex=row.manifest_hash_hex,
        state=_state(work, row, is_final=is_final),
        factor_names=factor_names(work.services.factor_set, lines),
        endorsements=endorsements(work, row),
        findings=tuple(findings_of(work, row)),
        chain=chain,
        back_href=hrefs.home,
        why_href=hrefs.why(manifest.period),
        csv_href=hrefs.lines_csv(row.id),
        proof_href=proof_href(row.public_token) if is_final else "",
        bundle_href=hrefs.bundle(row.id) if is_final else "",
        share_href=hrefs.share(row.id) if is_final else "",
    )


def lines_csv(work: Work, whose: Whose, statement_id: str) -> str:
    """The lines of a statement as CSV, amounts exact.

    Args:
        work: The open transaction and the services; nothing is written.
        whose: The subject.
        statement_id: Which statement.

    Returns:
        RFC 4180 text with a header.

    Raises:
        NotFoundError: The subject has no such statement.
    """
    row = statement_of(work, whose, statement_id)
    lines = statements.lines_of(work.session, row.tenant_id, row.id)
    names = factor_names(work.services.factor_set, lines)
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(LINES_HEADER)
    writer.writerows(_csv_row(line, names) for line in lines)
    return out.getvalue()


def statement_of(work: Work, whose: Whose, statement_id: str) -> StatementRow:
    """The statement of an id, if it is this subject's.

    Args:
        work: The open transaction.
        whose: The subject.
        statement_id: Which statement.

    Returns:
        The statement.

    Raises:
        NotFoundError: The subject has no such statement.
    """
    row = statements.by_id(work.session, whose.tenant_id, statement_id)
    if row.subject_id != whose.subject_id:
        raise NotFoundError("There is no such statement", expected="the id of a statement of yours", got=statement_id)
    return row


def factor_names(factor_set: FactorSet, lines: Iterable[Line]) -> dict[str, str]:
    """Factor id to publisher, edition, region and year, as people read it; a row that the set lacks is left out."""
    names = {}
    for factor_id in {line.factor_id for line in lines}:
        try:
            row = factor_set.row(factor_id)
        except NotFoundError:  # closed with a newer factor set
            continue
        names[factor_id] = f"{row.publisher} {row.edition}, {factor_set.regions.name_of(row.region)}, {row.year}"
    return names


def endorsements(work: Work, statement: StatementRow) -> tuple[EndorsementRow, ...]:
    """The auditors that accepted a statement."""
    found = ledger.endorsements_of(work.session, statement.tenant_id, statement.id)
    operator = work.services.auditor.operator  # every node of this installation has one operator
    return tuple(
        EndorsementRow(one.node_id, one.node_region, operator, one.signer_address)
        for one in found
        if one.verdict is Verdict.ACCEPTED
    )


def chain_status(work: Work, statement: StatementRow) -> ChainStatus | None:
    """Where a statement is on a chain; None before it was signed."""
    row = ledger.issuance_of_statement(work.session, statement.tenant_id, statement.id)
    if row is None:
        return None
    batch = ledger.batch_of(work.session, statement.tenant_id, row.batch_root_hex)
    outbox = ledger.outbox_of(work.session, statement.tenant_id, row.batch_root_hex)
    hashes = json.loads(outbox.tx_hashes_json)
    return ChainStatus(
        is_local=not work.services.settings.chain_url.get_secret_value(),
        chain_id=batch.chain_id,
        contract_hex=batch.contract,
        root_hex=batch.root_hex,
        state=str(outbox.state),
        transaction_hex=hashes[-1] if hashes else "",
        block_index=outbox.block_number,
        token_id_hex=row.token_id_hex if row.action is LedgerAction.ISSUE else "",
    )


def _state(work: Work, row: StatementRow, *, is_final: bool) -> MonthState:
    if row.state is not StatementState.SUPERSEDED:
        return state_of(work, periods.by_id(work.session, row.tenant_id, row.period_id), row)
    if not is_final:
        return MonthState.CLOSED
    issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
    return MonthState.ISSUED if issuance and issuance.action is LedgerAction.ISSUE else MonthState.ANCHORED


def _csv_row(line: Line, names: dict[str, str]) -> list[object]:
    amounts = (line.emissions.co2_ug, line.emissions.ch4_ug, line.emissions.n2o_ug, line.emissions.unsplit_ug)
    return [
        line.month,
        line.key.kind,
        line.key.region,
        line.basis,
        line.scope,
        str(line.is_avoided).lower(),
        decimal_to_text(decimal_of_micro(line.quantity_micro)),
        line.key.unit,
        line.factor_id,
        names.get(line.factor_id, ""),
        line.gwp_set,
        *(decimal_to_text(decimal_of_micro(amount)) for amount in amounts),
        decimal_to_text(decimal_of_micro(line.emissions.total_ug_co2e)),
        " ".join(line.flags),
    ]
