"""One statement: totals, lines, manifest, signatures, and where it stands on the ledger."""

import csv
import json
from collections.abc import Mapping
from io import StringIO

from app.services import Whose, Work
from app.store import ledger, periods, statements, subjects
from app.store.ledger import LedgerAction, OutboxState, Verdict
from app.store.statements import StatementRow, StatementState
from app.store.subjects import PEOPLE, SubjectRow
from app.usecases.find_factor_set import factor_set_then
from app.usecases.show_activities import plain_cell
from app.usecases.show_hrefs import Hrefs, proof_href
from app.usecases.show_lines import apart_of, line_json, traced_lines
from app.usecases.show_months import findings_of, state_of
from dashboards.pages.dashboard import MonthState
from dashboards.pages.statement import ChainStatus, ClaimBox, EndorsementRow, StatementModel
from domain.bundle import issuance_from_json
from domain.canonical import Json, from_canonical
from domain.errors import NotFoundError
from domain.issuance import ZERO_ADDRESS
from domain.manifest import manifest_from_canonical
from domain.statement import Statement, unscored_from_json

LINES_HEADER = (
    "month",
    "kind",
    "place",
    "activity_year",
    "attributes",
    "part",
    "basis",
    "scope",
    "category",
    "is_avoided",
    "quantity",
    "unit",
    "quantity_by_evidence",
    "source",
    "edition",
    "table",
    "factor_label",
    "region",
    "year",
    "life_cycle_scope",
    "published",
    "published_unit",
    "factor_id",
    "scale",
    "factor_g_co2e_per_unit",
    "gwp_set",
    "co2_g",
    "ch4_g_co2e",
    "n2o_g_co2e",
    "unsplit_g_co2e",
    "total_g_co2e",
    "biogenic_co2_g",
    "source_url",
    "flags",
)
"""Columns of the lines as CSV, in the words of the API."""

_FIELD_OF_COLUMN = {
    "co2_g": "co2",
    "ch4_g_co2e": "ch4",
    "n2o_g_co2e": "n2o",
    "unsplit_g_co2e": "unsplit",
    "total_g_co2e": "g_co2e",
    "biogenic_co2_g": "biogenic_co2",
}
_FREE_TEXTS = ("place", "attributes", "source", "edition", "table", "factor_label", "published_unit", "source_url")


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
    factor_set = factor_set_then(work.services, row.factor_set) or work.services.factor_set
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
        traced=traced_lines(factor_set, lines),
        apart=apart_of(factor_set, lines),
        endorsements=endorsements(work, row),
        findings=tuple(findings_of(work, row)),
        chain=chain,
        back_href=hrefs.home,
        why_href=hrefs.why(manifest.period),
        csv_href=hrefs.lines_csv(row.id),
        proof_href=proof_href(row.public_token) if is_final else "",
        bundle_href=hrefs.bundle(row.id) if is_final else "",
        share_href=hrefs.share(row.id) if is_final else "",
        walk_href=hrefs.walk(row.id) if chain is not None and not subject.erased_at else "",
        claim=_claim_box(work, row, subject, hrefs, is_final=is_final),
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
    out = StringIO()
    writer = csv.writer(out)
    writer.writerow(LINES_HEADER)
    factor_set = factor_set_then(work.services, row.factor_set) or work.services.factor_set
    writer.writerows(_csv_row(line_json(factor_set, line)) for line in lines)
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


def _claim_box(work: Work, row: StatementRow, subject: SubjectRow, hrefs: Hrefs, *, is_final: bool) -> ClaimBox | None:
    """How a person's statement comes into a wallet; nothing of businesses, of the erased, and before it is on the chain."""
    issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
    if subject.kind not in PEOPLE or subject.erased_at or not is_final or issuance is None:
        return None
    holder = issuance_from_json(from_canonical(issuance.issuance_json.encode())).holder
    leaf_holder = "" if holder == ZERO_ADDRESS else holder
    claim_href = hrefs.claim(row.id) if leaf_holder else ""
    return ClaimBox(subject.chain_holder, leaf_holder, hrefs.claiming, claim_href, row.id)


def _state(work: Work, row: StatementRow, *, is_final: bool) -> MonthState:
    if row.state is not StatementState.SUPERSEDED:
        return state_of(work, periods.by_id(work.session, row.tenant_id, row.period_id), row)
    if not is_final:
        return MonthState.CLOSED
    issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
    return MonthState.ISSUED if issuance and issuance.action is LedgerAction.ISSUE else MonthState.ANCHORED


def _csv_row(line: Mapping[str, Json]) -> list[object]:
    """A line in the order of `LINES_HEADER`; text that a spreadsheet would take for a formula begins with an apostrophe."""
    gases = line["g_co2e_by_gas"]
    found: dict[str, object] = {**line, **(gases if isinstance(gases, dict) else {})}
    for name in ("attributes", "published", "quantity_by_evidence"):
        pairs = line[name]
        found[name] = ";".join(f"{one}={value}" for one, value in pairs.items()) if isinstance(pairs, dict) else ""
    found |= {"is_avoided": str(line["is_avoided"]).lower(), "flags": " ".join(_texts(line["flags"]))}
    for name in _FREE_TEXTS:
        found[name] = plain_cell(str(found[name]))
    return [found[_FIELD_OF_COLUMN.get(name, name)] for name in LINES_HEADER]


def _texts(value: Json) -> list[str]:
    return [str(one) for one in value] if isinstance(value, list) else []
