"""Roots that move to another chain: which stand elsewhere, and where they stood before.

A batch row says what is signed for the chain in use. When the installation goes to another chain, what was signed for the former
one is kept in `former_anchor`, the batch is signed again, and its outbox row is queued again: all in one transaction for a root.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, func, insert, or_, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.ledger import UNFINISHED, BatchRow, LedgerAction, OnContract, OutboxRow, OutboxState
from app.store.rows import columns_of, to_row, to_values


@dataclass(frozen=True, slots=True)
class FormerAnchorRow:
    """Where a root stood before.

    Attributes:
        name: Root, chain and contract: unique.
        tenant_id: Of its statements.
        root_hex: The root.
        chain_id: Which chain.
        contract: 0x address.
        action: Anchored or issued.
        state: How far it had come.
        deadline_s: Of the envelope there, Unix seconds.
        epoch: Of the envelope there.
        signatures_json: The auditors' there.
        tx_hashes_json: Every hash ever sent there.
        block_number: Where it was mined.
        block_hash_hex: Hash of that block.
        left_at: When it was signed for the next chain.
    """

    name: str
    tenant_id: str
    root_hex: str
    chain_id: int
    contract: str
    action: LedgerAction
    state: OutboxState
    deadline_s: int
    epoch: int
    signatures_json: str
    tx_hashes_json: str
    block_number: int | None
    block_hash_hex: str | None
    left_at: datetime


def roots_elsewhere(session: Session, on: OnContract, *, limit_count: int) -> tuple[BatchRow, ...]:
    """Batches that are signed for another chain or contract, oldest first.

    Args:
        session: The open transaction.
        on: The contract in use.
        limit_count: Most of them.
    """
    batch = tables.BATCH
    query = select(*columns_of(BatchRow, batch)).where(_is_elsewhere(on)).order_by(batch.c.created_at, batch.c.root_hex)
    return tuple(to_row(BatchRow, row) for row in session.execute(query.limit(limit_count)))


def elsewhere_count(session: Session, on: OnContract) -> int:
    """How many batches are signed for another chain or contract."""
    return session.execute(select(func.count()).select_from(tables.BATCH).where(_is_elsewhere(on))).scalar_one()


def counts_by_contract(session: Session) -> dict[tuple[int, str, OutboxState], int]:
    """How many batches there are on each contract of each chain, by how far they have come."""
    batch, outbox = tables.BATCH, tables.OUTBOX
    query = (
        select(batch.c.chain_id, batch.c.contract, outbox.c.state, func.count())
        .join(outbox, outbox.c.root_hex == batch.c.root_hex)
        .group_by(batch.c.chain_id, batch.c.contract, outbox.c.state)
        .order_by(batch.c.chain_id, batch.c.contract, outbox.c.state)
    )
    return {(chain_id, contract, OutboxState(state)): count for chain_id, contract, state, count in session.execute(query)}


def troubled(session: Session, *, limit_count: int) -> tuple[OutboxRow, ...]:
    """Rows that failed, or wait with an error, newest change first.

    Args:
        session: The open transaction.
        limit_count: Most of them.
    """
    table = tables.OUTBOX
    states = [str(state) for state in (*UNFINISHED, OutboxState.FAILED)]
    query = select(*columns_of(OutboxRow, table)).where(table.c.error != "", table.c.state.in_(states))
    query = query.order_by(table.c.updated_at.desc(), table.c.root_hex).limit(limit_count)
    return tuple(to_row(OutboxRow, row) for row in session.execute(query))


def former_anchors(session: Session, root_hex: str) -> tuple[FormerAnchorRow, ...]:
    """Where a root stood before, oldest first."""
    table = tables.FORMER_ANCHOR
    query = select(*columns_of(FormerAnchorRow, table)).where(table.c.root_hex == root_hex).order_by(table.c.left_at)
    return tuple(to_row(FormerAnchorRow, row) for row in session.execute(query))


def move_root(session: Session, former: BatchRow, batch: BatchRow, outbox: OutboxRow) -> bool:
    """Queue a root for another chain; what was signed and sent for the former one is kept.

    Args:
        session: The open transaction.
        former: The batch as it was read.
        batch: The same root with chain, contract, deadline, epoch and signatures of now.
        outbox: Action and payload of now.

    Returns:
        False, and nothing changed, where somebody else moved it meanwhile.
    """
    table = tables.BATCH
    signed = {
        "deadline_s": batch.deadline_s,
        "epoch": batch.epoch,
        "chain_id": batch.chain_id,
        "contract": batch.contract,
        "signatures_json": batch.signatures_json,
        "created_at": former.created_at,
    }
    change = update(table).where(
        table.c.root_hex == former.root_hex, table.c.chain_id == former.chain_id, table.c.contract == former.contract
    )
    if session.execute(change.values(signed).returning(table.c.root_hex)).first() is None:
        return False
    row = session.execute(
        select(*columns_of(OutboxRow, tables.OUTBOX)).where(tables.OUTBOX.c.root_hex == former.root_hex).with_for_update()
    ).one()
    sent = to_row(OutboxRow, row)
    _keep(session, former, sent, batch.created_at)
    queued = {
        "action": str(outbox.action),
        "state": str(OutboxState.QUEUED),
        "payload_json": outbox.payload_json,
        "chain_id": batch.chain_id,
        "contract": batch.contract,
        "signer_address": "",
        "nonce": None,
        "raw": None,
        "signed_at": None,
        "tx_hashes_json": "[]",
        "block_number": None,
        "block_hash_hex": None,
        "attempts": sent.attempts + 1,  # whoever works on it for the former chain has lost its claim
        "failed_tries_count": 0,
        "error": "",
        "next_at": outbox.next_at,
        "updated_at": outbox.updated_at,
    }
    session.execute(update(tables.OUTBOX).where(tables.OUTBOX.c.root_hex == former.root_hex).values(queued))
    issuance = tables.ISSUANCE
    action = LedgerAction.ANCHOR if outbox.action is LedgerAction.ANCHOR else LedgerAction.ISSUE
    session.execute(update(issuance).where(issuance.c.batch_root_hex == former.root_hex).values(action=str(action)))
    return True


def _keep(session: Session, former: BatchRow, sent: OutboxRow, at: datetime) -> None:
    """Keep what was signed and sent for the former chain; where a root comes back to it, the newest stands."""
    kept = FormerAnchorRow(
        name=f"{former.root_hex}:{former.chain_id}:{former.contract.lower()}",
        tenant_id=former.tenant_id,
        root_hex=former.root_hex,
        chain_id=former.chain_id,
        contract=former.contract,
        action=sent.action,
        state=sent.state,
        deadline_s=former.deadline_s,
        epoch=former.epoch,
        signatures_json=former.signatures_json,
        tx_hashes_json=sent.tx_hashes_json,
        block_number=sent.block_number,
        block_hash_hex=sent.block_hash_hex,
        left_at=at,
    )
    table, values = tables.FORMER_ANCHOR, to_values(kept)
    if session.execute(update(table).where(table.c.name == kept.name).values(values).returning(table.c.name)).first() is None:
        session.execute(insert(table), values)


def _is_elsewhere(on: OnContract) -> ColumnElement[bool]:
    batch = tables.BATCH
    return or_(batch.c.chain_id != on.chain_id, func.lower(batch.c.contract) != on.contract.lower())
