"""How what is on the chain ends: statements that auditors withdrew, and units that were used up for a subject.

Each has a row here and one in the outbox, written in one transaction: the outbox row's key is the token that is revoked, or the
beneficiary of the retirement.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.ledger import LedgerAction, OnContract, OutboxRow, OutboxState, is_on
from app.store.rows import all_of, columns_of, found, insert_new, one_of, to_row, to_values


@dataclass(frozen=True, slots=True)
class RevocationRow:
    """A statement that its auditors withdrew.

    Attributes:
        token_id_hex: Its token, whether it was ever issued or not.
        tenant_id: Of the statement.
        statement_id: Which.
        reason_hash_hex: What the chain is told of the reason.
        sealed_reason: Salt and reason, sealed under the subject's key.
        created_at: When.
    """

    token_id_hex: str
    tenant_id: str
    statement_id: str
    reason_hash_hex: str
    sealed_reason: bytes
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RetirementRow:
    """Units on the chain that are used up for a subject.

    Attributes:
        beneficiary_hex: 32 random bytes that stand for this retirement on the chain.
        tenant_id: Of the subject.
        subject_id: For whom.
        token_id_hex: The units.
        kind: Number of an `IssuanceKind`.
        amount: Watt-hours of a REC, grams CO2e of an offset.
        created_at: When it was asked for.
    """

    beneficiary_hex: str
    tenant_id: str
    subject_id: str
    token_id_hex: str
    kind: int
    amount: int
    created_at: datetime


def add_revocation(session: Session, row: RevocationRow) -> bool:
    """Keep a revocation; False where the statement is revoked already."""
    return insert_new(session, tables.REVOCATION, to_values(row))


def revocation_of(session: Session, tenant_id: str, statement_id: str) -> RevocationRow | None:
    """The revocation of a statement, or None where it stands."""
    row = one_of(session, RevocationRow, tables.REVOCATION, tenant_id, statement_id=statement_id)
    return None if row is None else to_row(RevocationRow, row)


def revocation_of_token(session: Session, tenant_id: str, token_id_hex: str) -> RevocationRow:
    """The revocation of a token.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        token_id_hex: The token's id.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    row = one_of(session, RevocationRow, tables.REVOCATION, tenant_id, token_id_hex=token_id_hex)
    return to_row(RevocationRow, found(row, "revocation", token_id_hex))


def revocations_elsewhere(session: Session, on: OnContract, *, limit_count: int) -> tuple[OutboxRow, ...]:
    """Revocations that are signed for another chain or contract, oldest first.

    Args:
        session: The open transaction.
        on: The contract in use.
        limit_count: Most of them.
    """
    table = tables.OUTBOX
    query = select(*columns_of(OutboxRow, table)).where(table.c.action == str(LedgerAction.REVOKE), ~is_on(on))
    rows = session.execute(query.order_by(table.c.created_at, table.c.root_hex).limit(limit_count))
    return tuple(to_row(OutboxRow, row) for row in rows)


def revocations_elsewhere_count(session: Session, on: OnContract) -> int:
    """How many revocations are signed for another chain or contract."""
    table = tables.OUTBOX
    query = select(func.count()).select_from(table).where(table.c.action == str(LedgerAction.REVOKE), ~is_on(on))
    return session.execute(query).scalar_one()


def move_revocation(session: Session, former: OutboxRow, outbox: OutboxRow) -> bool:
    """Queue a revocation for another chain; False, and nothing changed, where somebody else moved it meanwhile.

    Args:
        session: The open transaction.
        former: As it was read.
        outbox: With the contract and the payload of now.
    """
    table = tables.OUTBOX
    queued = to_values(outbox) | {"state": str(OutboxState.QUEUED), "attempts": former.attempts + 1}
    same = (table.c.root_hex == former.root_hex) & is_on(OnContract(former.chain_id, former.contract))
    return session.execute(update(table).where(same).values(queued).returning(table.c.root_hex)).first() is not None


def add_retirement(session: Session, row: RetirementRow) -> bool:
    """Keep a retirement; False where its beneficiary is known."""
    return insert_new(session, tables.RETIREMENT, to_values(row))


def retirement_of(session: Session, tenant_id: str, beneficiary_hex: str) -> RetirementRow:
    """The retirement for a beneficiary.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        beneficiary_hex: What stands for it on the chain.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    row = one_of(session, RetirementRow, tables.RETIREMENT, tenant_id, beneficiary_hex=beneficiary_hex)
    return to_row(RetirementRow, found(row, "retirement", beneficiary_hex))


def retirements_of(session: Session, tenant_id: str, subject_id: str) -> tuple[RetirementRow, ...]:
    """The retirements for a subject, oldest first."""
    return all_of(session, RetirementRow, tables.RETIREMENT, tenant_id, ("created_at", "beneficiary_hex"), subject_id=subject_id)
