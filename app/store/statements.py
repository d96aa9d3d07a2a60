"""Statements: totals, lines, manifest and the leaves that the inputs root was made of."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, insert, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import found
from app.store.tenant import of_tenant
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import ConflictError
from domain.factor import FactorSetId
from domain.period import Month
from domain.statement import Line, Totals, Unscored, line_from_json


class StatementState(StrEnum):
    """Where a statement stands on its way to the ledger."""

    CLOSED = "closed"
    FINDINGS = "findings"
    ENDORSED = "endorsed"
    QUEUED = "queued"
    ISSUED = "issued"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class StatementRow:
    """One revision of one period's statement.

    Attributes:
        id: Random text.
        tenant_id: Of the subject.
        subject_id: Whose.
        period_id: Its period.
        revision: 1, then one more for each restatement.
        reason: Why it was restated; empty for revision 1.
        method: Version of the business logic.
        factor_set: The factor set it was computed with.
        totals: Sums over its lines.
        unscored: What no factor fits, as canonical JSON carries it.
        sealed_statement_key: The key of its leaves' salts, sealed under the subject's key.
        manifest: Canonical bytes.
        manifest_hash_hex: SHA-256 of them, 64 hexadecimal digits.
        public_token: Random name in the address of its proof page.
        state: Where it stands.
        created_at: When it was closed.
    """

    id: str
    tenant_id: str
    subject_id: str
    period_id: str
    revision: int
    reason: str
    method: str
    factor_set: FactorSetId
    totals: Totals
    unscored: tuple[Json, ...]
    sealed_statement_key: bytes
    manifest: bytes
    manifest_hash_hex: str
    public_token: str
    state: StatementState
    created_at: datetime


@dataclass(frozen=True, slots=True)
class InputRow:
    """One leaf of a statement's inputs root.

    Attributes:
        group_index: Position of its group.
        leaf_index: Position inside the group.
        group_key: Name of the group: connector, usage point, month.
        record_revision_id: The revision that it says.
        month: Which month's share.
        leaf: Canonical bytes; None once the inputs are erased.
    """

    group_index: int
    leaf_index: int
    group_key: str
    record_revision_id: str
    month: Month
    leaf: bytes | None


def unscored_to_json(unscored: Iterable[Unscored]) -> tuple[Json, ...]:
    """What no factor fits, as `StatementRow.unscored` keeps it."""
    return tuple(one.to_json() for one in unscored)


def add(session: Session, statement: StatementRow, lines: Sequence[Line], inputs: Sequence[InputRow]) -> None:
    """Keep a statement with its lines, in their order, and the leaves of its inputs."""
    add_many(session, [NewStatement(statement, lines, inputs)])


@dataclass(frozen=True, slots=True)
class NewStatement:
    """A statement to keep.

    Attributes:
        row: The statement.
        lines: Its lines, in their order.
        inputs: The leaves of its inputs.
    """

    row: StatementRow
    lines: Sequence[Line]
    inputs: Sequence[InputRow]


def add_many(session: Session, kept: Sequence[NewStatement]) -> None:
    """Keep statements with their lines and leaves, in three statements for all of them."""
    line_rows = [
        {
            "statement_id": one.row.id,
            "tenant_id": one.row.tenant_id,
            "position": position,
            "canonical": line.canonical_bytes,
            "month_ym": line.month.ym,
            "kind": line.key.kind,
            "basis": str(line.basis),
            "total_ug_co2e": str(line.emissions.total_ug_co2e),
        }
        for one in kept
        for position, line in enumerate(one.lines)
    ]
    input_rows = [
        {
            "statement_id": one.row.id,
            "tenant_id": one.row.tenant_id,
            "group_index": leaf.group_index,
            "leaf_index": leaf.leaf_index,
            "group_key": leaf.group_key,
            "record_revision_id": leaf.record_revision_id,
            "month_ym": leaf.month.ym,
            "leaf": leaf.leaf,
        }
        for one in kept
        for leaf in one.inputs
    ]
    rows_of_table = (
        (tables.STATEMENT, [_values(one.row) for one in kept]),
        (tables.LINE, line_rows),
        (tables.STATEMENT_INPUT, input_rows),
    )
    for table, rows in rows_of_table:
        if rows:
            session.execute(insert(table), rows)


def by_id(session: Session, tenant_id: str, statement_id: str) -> StatementRow:
    """The statement of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        statement_id: Its id.

    Returns:
        The statement.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.STATEMENT
    return _one(session, of_tenant(select(table).where(table.c.id == statement_id), table, tenant_id), statement_id)


def by_manifest_hash(session: Session, tenant_id: str, manifest_hash_hex: str) -> StatementRow:
    """The statement with this manifest.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        manifest_hash_hex: 64 hexadecimal digits.

    Returns:
        The statement.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.STATEMENT
    query = of_tenant(select(table).where(table.c.manifest_hash_hex == manifest_hash_hex), table, tenant_id)
    return _one(session, query, manifest_hash_hex)


def of_manifest_hash(session: Session, manifest_hash_hex: str) -> StatementRow | None:
    """The statement with this manifest, in any tenant, or None: the manifest, which is no secret to its holder, names it."""
    row = session.execute(select(tables.STATEMENT).where(tables.STATEMENT.c.manifest_hash_hex == manifest_hash_hex)).first()
    return None if row is None else row_of(row)


def by_public_token(session: Session, public_token: str) -> StatementRow:
    """The statement of a public proof page, in any tenant: the token is what the visitor knows.

    Args:
        session: The open transaction.
        public_token: From the page's address.

    Returns:
        The statement.

    Raises:
        NotFoundError: There is none.
    """
    return _one(session, select(tables.STATEMENT).where(tables.STATEMENT.c.public_token == public_token), public_token)


def latest_of_period(session: Session, tenant_id: str, period_id: str) -> StatementRow | None:
    """The newest revision of a period's statement, or None."""
    table = tables.STATEMENT
    query = select(table).where(table.c.period_id == period_id).order_by(table.c.revision.desc()).limit(1)
    row = session.execute(of_tenant(query, table, tenant_id)).first()
    return None if row is None else row_of(row)


def of_period(session: Session, tenant_id: str, period_id: str) -> tuple[StatementRow, ...]:
    """All revisions of a period's statement, oldest first."""
    table = tables.STATEMENT
    query = select(table).where(table.c.period_id == period_id).order_by(table.c.revision)
    return tuple(row_of(row) for row in session.execute(of_tenant(query, table, tenant_id)))


def of_subject(session: Session, tenant_id: str, subject_id: str) -> tuple[StatementRow, ...]:
    """All statements of a subject, by period and revision."""
    table, period = tables.STATEMENT, tables.PERIOD
    query = (
        select(table)
        .join(period, period.c.id == table.c.period_id)
        .where(table.c.subject_id == subject_id)
        .order_by(period.c.from_ym, table.c.revision)
    )
    return tuple(row_of(row) for row in session.execute(of_tenant(query, table, tenant_id)))


def in_state(session: Session, state: StatementState) -> tuple[StatementRow, ...]:
    """All statements in a state, of all tenants, oldest first: what a job goes on with."""
    table = tables.STATEMENT
    query = select(table).where(table.c.state == str(state)).order_by(table.c.created_at, table.c.id)
    return tuple(row_of(row) for row in session.execute(query))


def lines_of(session: Session, tenant_id: str, statement_id: str) -> tuple[Line, ...]:
    """The lines of a statement, in order."""
    return tuple(line_from_json(from_canonical(one)) for one in line_bytes_of(session, tenant_id, statement_id))


def line_bytes_of(session: Session, tenant_id: str, statement_id: str) -> tuple[bytes, ...]:
    """The lines of a statement as canonical bytes, in order: the leaves of its lines root."""
    table = tables.LINE
    query = select(table.c.canonical).where(table.c.statement_id == statement_id).order_by(table.c.position)
    return tuple(session.execute(of_tenant(query, table, tenant_id)).scalars())


def inputs_of(session: Session, tenant_id: str, statement_id: str) -> tuple[InputRow, ...]:
    """The leaves of a statement's inputs root, in order."""
    table = tables.STATEMENT_INPUT
    query = select(table).where(table.c.statement_id == statement_id).order_by(table.c.group_index, table.c.leaf_index)
    return tuple(
        InputRow(row.group_index, row.leaf_index, row.group_key, row.record_revision_id, Month.from_ym(row.month_ym), row.leaf)
        for row in session.execute(of_tenant(query, table, tenant_id))
    )


def leaves_of(session: Session, tenant_id: str, statement_id: str) -> tuple[tuple[str, bytes | None], ...]:
    """Group key and canonical bytes of the leaves of a statement's inputs root, in order; None once they are erased."""
    table = tables.STATEMENT_INPUT
    query = (
        select(table.c.group_key, table.c.leaf)
        .where(table.c.statement_id == statement_id)
        .order_by(table.c.group_index, table.c.leaf_index)
    )
    return tuple((row[0], row[1]) for row in session.execute(of_tenant(query, table, tenant_id)))


def erase_inputs(session: Session, tenant_id: str, statement_id: str) -> None:
    """Delete the leaves' contents; totals, lines and the root stay, and it can no longer be recomputed."""
    table = tables.STATEMENT_INPUT
    change = update(table).where(table.c.statement_id == statement_id).values(leaf=None, group_key="")
    session.execute(of_tenant(change, table, tenant_id))


def set_state(
    session: Session, tenant_id: str, statement_id: str, state: StatementState, *, expected: Iterable[StatementState]
) -> None:
    """Move a statement to a state, if it is in one of those expected.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        statement_id: Its id.
        state: Where to.
        expected: Where it must be now.

    Raises:
        ConflictError: It is elsewhere; somebody else moved it.
        NotFoundError: There is none in this tenant.
    """
    table, allowed = tables.STATEMENT, [str(one) for one in expected]
    change = update(table).where(table.c.id == statement_id, table.c.state.in_(allowed)).values(state=str(state))
    if session.execute(of_tenant(change, table, tenant_id).returning(table.c.id)).first() is None:
        raise ConflictError(
            f"The statement cannot become {state}",
            expected=f"a statement that is {' or '.join(allowed)}",
            got=str(by_id(session, tenant_id, statement_id).state),
            record=f"statement {statement_id}",
            next_step="Look at the statement again; another request may have moved it.",
        )


def issue_all(session: Session, root_hex: str) -> None:
    """Move the statements of a batch that is on the chain from queued to issued, whoever's they are."""
    table, issuance = tables.STATEMENT, tables.ISSUANCE
    in_batch = select(issuance.c.statement_id).where(issuance.c.batch_root_hex == root_hex)
    change = update(table).where(table.c.id.in_(in_batch), table.c.state == str(StatementState.QUEUED))
    session.execute(change.values(state=str(StatementState.ISSUED)))


def _values(statement: StatementRow) -> dict[str, Any]:
    totals = statement.totals
    return {
        "id": statement.id,
        "tenant_id": statement.tenant_id,
        "subject_id": statement.subject_id,
        "period_id": statement.period_id,
        "revision": statement.revision,
        "reason": statement.reason,
        "method": statement.method,
        "set_size": statement.factor_set.size,
        "set_root": statement.factor_set.root_hex,
        "gross_location_ug_co2e": str(totals.gross_location_ug_co2e),
        "gross_market_ug_co2e": str(totals.gross_market_ug_co2e),
        "retired_g_co2e": str(totals.retired_g_co2e),
        "avoided_ug_co2e": str(totals.avoided_ug_co2e),
        "biogenic_co2_ug": str(totals.biogenic_co2_ug),
        "unscored_count": totals.unscored_count,
        "unscored_json": to_canonical(statement.unscored).decode(),
        "sealed_statement_key": statement.sealed_statement_key,
        "manifest": statement.manifest,
        "manifest_hash_hex": statement.manifest_hash_hex,
        "public_token": statement.public_token,
        "state": str(statement.state),
        "created_at": statement.created_at,
    }


def _one(session: Session, query: Select[Any], name: str) -> StatementRow:
    return row_of(found(session.execute(query).first(), "statement", name))


def row_of(row: Row[Any]) -> StatementRow:
    """A database row of the table `statement` as a value."""
    return StatementRow(
        id=row.id,
        tenant_id=row.tenant_id,
        subject_id=row.subject_id,
        period_id=row.period_id,
        revision=row.revision,
        reason=row.reason,
        method=row.method,
        factor_set=FactorSetId(row.set_size, row.set_root),
        totals=Totals(
            gross_location_ug_co2e=int(row.gross_location_ug_co2e),
            gross_market_ug_co2e=int(row.gross_market_ug_co2e),
            retired_g_co2e=int(row.retired_g_co2e),
            avoided_ug_co2e=int(row.avoided_ug_co2e),
            biogenic_co2_ug=int(row.biogenic_co2_ug),
            unscored_count=row.unscored_count,
        ),
        unscored=tuple(json.loads(row.unscored_json)),
        sealed_statement_key=row.sealed_statement_key,
        manifest=row.manifest,
        manifest_hash_hex=row.manifest_hash_hex,
        public_token=row.public_token,
        state=StatementState(row.state),
        created_at=row.created_at,
    )
