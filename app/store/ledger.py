"""What goes to the ledger: endorsements, batches, issuances, and the outbox of transactions.

The outbox row of a batch is written in the transaction that makes its statements endorsed, and keyed by the batch root, so that
a batch is sent once however often the program starts again. Revocations and retirements have an outbox row of their own, keyed by
the token or by the beneficiary (`app.store.endings`). A row names the chain and the contract that it was signed for; whoever asks
for work names its own, and never sees that of another chain. Nonces and gas are in `app.store.chain_signers`, what moves to
another chain is in `app.store.anchors`.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, found, insert_new, to_row, to_values
from app.store.tenant import of_tenant, of_tenant_or_all
from domain.errors import ConflictError


class Verdict(StrEnum):
    """What a node answers."""

    ACCEPTED = "accepted"
    FINDINGS = "findings"


class LedgerAction(StrEnum):
    """What is asked of the contract.

    `ISSUE` of a statement makes a token of it: a batch of one by the entry `issue`, or `supersede` from revision 2 on.
    """

    ANCHOR = "anchor"
    ISSUE = "issue"
    ISSUE_MANY = "issue_many"
    REVOKE = "revoke"
    RETIRE = "retire"


OF_BATCH = (LedgerAction.ANCHOR, LedgerAction.ISSUE, LedgerAction.ISSUE_MANY)
"""What an outbox row that is keyed by a batch's root asks for."""


class OutboxState(StrEnum):
    """Where a transaction stands; forward only, except that a reorganisation sends a mined one back."""

    QUEUED = "queued"
    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FINAL = "final"
    FAILED = "failed"
    EXPIRED = "expired"


_REACHED_FROM = {
    OutboxState.QUEUED: (OutboxState.QUEUED, OutboxState.MINED),
    OutboxState.SIGNED: (OutboxState.QUEUED, OutboxState.SIGNED, OutboxState.SENT),
    OutboxState.SENT: (OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED),
    OutboxState.MINED: (OutboxState.QUEUED, OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED),
    OutboxState.FINAL: (OutboxState.MINED,),
    OutboxState.FAILED: (OutboxState.QUEUED, OutboxState.SIGNED, OutboxState.SENT),
    OutboxState.EXPIRED: (OutboxState.QUEUED, OutboxState.SIGNED, OutboxState.SENT),
}
"""State to those it can be reached from. Queued to mined: the chain had the commitment already; back: it was reorganised away.
Sent to signed: another transaction took the nonce, or one for higher fees takes the place of the one that waits. Failed and
expired rows are queued again by `renew_batch` alone."""

UNFINISHED = (OutboxState.QUEUED, OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED)
"""States that a sequencer still has to work on."""


@dataclass(frozen=True, slots=True)
class EndorsementRow:
    """A node's answer about one manifest.

    Attributes:
        id: Random text.
        tenant_id: Of the statement.
        statement_id: Which statement.
        node_id: Who answered.
        node_region: Its region.
        signer_address: 0x address that it signs with.
        manifest_hash_hex: What it looked at.
        verdict: Accepted, or findings.
        findings_json: The findings; where accepted, what was taken as the subject declares it.
        created_at: When.
    """

    id: str
    tenant_id: str
    statement_id: str
    node_id: str
    node_region: str
    signer_address: str
    manifest_hash_hex: str
    verdict: Verdict
    findings_json: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class BatchRow:
    """Issuances signed together.

    Attributes:
        root_hex: Root of the batch tree.
        tenant_id: Of its statements; the installation's where several tenants share it.
        count: Issuances in it.
        region: Name of the region.
        method_hash_hex: SHA-256 of the method's version text.
        deadline_s: Last second since 1970 at which the chain takes it.
        epoch: Auditor epoch at signing.
        chain_id: Which chain.
        contract: 0x address.
        signatures_json: The auditors' signatures.
        created_at: When.
    """

    root_hex: str
    tenant_id: str
    count: int
    region: str
    method_hash_hex: str
    deadline_s: int
    epoch: int
    chain_id: int
    contract: str
    signatures_json: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class IssuanceRow:
    """A statement's place in a batch.

    Attributes:
        token_id_hex: Id of its token.
        tenant_id: Of the statement.
        statement_id: Which statement.
        batch_root_hex: In which batch.
        leaf_index: Where in it.
        proof_json: Path to the root.
        issuance_json: The issuance as it was signed.
        action: Anchored or issued.
    """

    token_id_hex: str
    tenant_id: str
    statement_id: str
    batch_root_hex: str
    leaf_index: int
    proof_json: str
    issuance_json: str
    action: LedgerAction


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A transaction that must reach the chain once.

    Attributes:
        root_hex: Its unique key: the batch root; the token that is revoked; or the beneficiary of a retirement.
        tenant_id: Of its statements.
        action: What is asked of the contract.
        state: Where it stands.
        payload_json: What the contract is called with.
        next_at: Not before this instant.
        created_at: When it was queued.
        updated_at: Last change.
        signer_address: 0x address of who pays, once signed.
        nonce: Of the signer, once signed.
        raw: Signed bytes, kept before they are sent.
        signed_at: When they were signed: whoever waits longer than a while is offered for more.
        tx_hashes_json: Every hash ever sent for it, as a JSON array.
        block_number: Where it was mined.
        block_hash_hex: Hash of that block.
        attempts: How often it was claimed: the token of a claim.
        failed_tries_count: How often in a row the chain did not answer, or wanted something else.
        error: Last failure.
        chain_id: For which chain it is.
        contract: 0x address of the contract that it calls.
    """

    root_hex: str
    tenant_id: str
    action: LedgerAction
    state: OutboxState
    payload_json: str
    next_at: datetime
    created_at: datetime
    updated_at: datetime
    signer_address: str = ""
    nonce: int | None = None
    raw: bytes | None = None
    signed_at: datetime | None = None
    tx_hashes_json: str = "[]"
    block_number: int | None = None
    block_hash_hex: str | None = None
    attempts: int = 0
    failed_tries_count: int = 0
    error: str = ""
    chain_id: int = 0
    contract: str = ""


@dataclass(frozen=True, slots=True)
class OutboxChange:
    """What becomes other in an outbox row; None leaves a field as it is.

    Attributes:
        state: Where it stands now.
        next_at: When to look at it again.
        signer_address: Who pays.
        nonce: Of the signer.
        raw: Signed bytes.
        signed_at: When they were signed.
        tx_hashes_json: Every hash ever sent for it.
        block_number: Where it was mined.
        block_hash_hex: Hash of that block.
        failed_tries_count: Failures in a row; a change that is none ends the row.
        error: Failure, or empty.
    """

    state: OutboxState
    next_at: datetime
    signer_address: str | None = None
    nonce: int | None = None
    raw: bytes | None = field(default=None, repr=False)
    signed_at: datetime | None = None
    tx_hashes_json: str | None = None
    block_number: int | None = None
    block_hash_hex: str | None = None
    failed_tries_count: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class OnContract:
    """A contract on a chain: whoever works for it sees its batches alone.

    Attributes:
        chain_id: Which chain.
        contract: 0x address.
    """

    chain_id: int
    contract: str


def add_endorsement(session: Session, endorsement: EndorsementRow) -> bool:
    """Keep a node's answer; False where it answered about this manifest before, which stands."""
    return insert_new(session, tables.ENDORSEMENT, to_values(endorsement))


def endorsements_of(session: Session, tenant_id: str, statement_id: str) -> tuple[EndorsementRow, ...]:
    """All answers about a statement, by node."""
    table = tables.ENDORSEMENT
    query = select(*columns_of(EndorsementRow, table)).where(table.c.statement_id == statement_id).order_by(table.c.node_id)
    return tuple(to_row(EndorsementRow, row) for row in session.execute(of_tenant(query, table, tenant_id)))


def add_batch(session: Session, batch: BatchRow, issuances: tuple[IssuanceRow, ...], outbox: OutboxRow) -> bool:
    """Keep a batch, its issuances and its outbox row together; False, and nothing kept, where its root is known."""
    if not insert_new(session, tables.BATCH, to_values(batch)):
        return False
    if issuances:  # those of a large batch follow in chunks
        session.execute(insert(tables.ISSUANCE), [to_values(one) for one in issuances])
    session.execute(insert(tables.OUTBOX), to_values(outbox))
    return True


def add_transaction(session: Session, outbox: OutboxRow) -> bool:
    """Queue a transaction that is of no batch; False, and nothing kept, where its key is known."""
    return insert_new(session, tables.OUTBOX, to_values(outbox))


def renew_transaction(session: Session, outbox: OutboxRow) -> bool:
    """Queue a failed or expired transaction again with a new payload, for the chain that it names; False where it is on its way.

    Its hashes stay: whatever was ever sent for it is still looked for.

    Args:
        session: The open transaction.
        outbox: With the new payload and contract; its other fields are those of a new row.
    """
    table, over = tables.OUTBOX, [str(OutboxState.FAILED), str(OutboxState.EXPIRED)]
    renewed = (
        update(table)
        .where(table.c.root_hex == outbox.root_hex, table.c.state.in_(over))
        .values(_queued_again(outbox))
        .returning(table.c.root_hex)
    )
    return session.execute(of_tenant(renewed, table, outbox.tenant_id)).first() is not None


def _queued_again(outbox: OutboxRow) -> dict[str, Any]:
    return {
        "action": str(outbox.action),
        "state": str(OutboxState.QUEUED),
        "payload_json": outbox.payload_json,
        "chain_id": outbox.chain_id,
        "contract": outbox.contract,
        "nonce": None,
        "raw": None,
        "signed_at": None,
        "failed_tries_count": 0,
        "error": "",
        "next_at": outbox.next_at,
        "updated_at": outbox.updated_at,
    }


def renew_endorsement(session: Session, endorsement: EndorsementRow) -> None:
    """Replace a node's answer about a manifest by the one that it gave when it was asked again; there must be one."""
    table = tables.ENDORSEMENT
    values = {
        "verdict": str(endorsement.verdict),
        "findings_json": endorsement.findings_json,
        "signer_address": endorsement.signer_address,
        "created_at": endorsement.created_at,
    }
    same = (table.c.manifest_hash_hex == endorsement.manifest_hash_hex) & (table.c.node_id == endorsement.node_id)
    session.execute(of_tenant(update(table).where(same).values(values), table, endorsement.tenant_id))


def renew_batch(session: Session, batch: BatchRow, outbox: OutboxRow) -> bool:
    """Queue a failed or expired batch again, under a new envelope and new signatures; False where it is on its way.

    Its hashes stay: whatever was ever sent for the root is still looked for.

    Args:
        session: The open transaction.
        batch: With the new deadline, epoch and signatures, and the root that it had.
        outbox: With the new payload; its other fields are those of a new row.
    """
    if not renew_transaction(session, outbox):
        return False
    signed = {
        "deadline_s": batch.deadline_s,
        "epoch": batch.epoch,
        "chain_id": batch.chain_id,
        "contract": batch.contract,
        "signatures_json": batch.signatures_json,
        "created_at": batch.created_at,
    }
    change = update(tables.BATCH).where(tables.BATCH.c.root_hex == batch.root_hex).values(signed)
    session.execute(of_tenant(change, tables.BATCH, batch.tenant_id))
    return True


def batch_of(session: Session, tenant_id: str, root_hex: str) -> BatchRow:
    """The batch of a root.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        root_hex: Its root.

    Returns:
        The batch.

    Raises:
        NotFoundError: There is none in this tenant, nor one that several tenants share.
    """
    table = tables.BATCH
    query = of_tenant_or_all(select(*columns_of(BatchRow, table)).where(table.c.root_hex == root_hex), table, tenant_id)
    return to_row(BatchRow, found(session.execute(query).first(), "batch", root_hex))


def issuance_of_statement(session: Session, tenant_id: str, statement_id: str) -> IssuanceRow | None:
    """The issuance of a statement, or None where it has none yet."""
    table = tables.ISSUANCE
    query = of_tenant(select(*columns_of(IssuanceRow, table)).where(table.c.statement_id == statement_id), table, tenant_id)
    row = session.execute(query).first()
    return None if row is None else to_row(IssuanceRow, row)


def issuance_of_token(session: Session, tenant_id: str, token_id_hex: str) -> IssuanceRow:
    """The issuance of a token.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        token_id_hex: The token's id.

    Returns:
        The issuance.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.ISSUANCE
    query = of_tenant(select(*columns_of(IssuanceRow, table)).where(table.c.token_id_hex == token_id_hex), table, tenant_id)
    return to_row(IssuanceRow, found(session.execute(query).first(), "token", token_id_hex))


def issuances_of_batch(session: Session, tenant_id: str, root_hex: str) -> tuple[IssuanceRow, ...]:
    """The issuances of a batch, in order."""
    table = tables.ISSUANCE
    query = select(*columns_of(IssuanceRow, table)).where(table.c.batch_root_hex == root_hex).order_by(table.c.leaf_index)
    return tuple(to_row(IssuanceRow, row) for row in session.execute(of_tenant(query, table, tenant_id)))


def is_wanted(session: Session, root_hex: str) -> bool:
    """Whether a batch is to be sent: a statement of it still stands, or proofs of it are out since it was on another chain."""
    issuance, statement, former = tables.ISSUANCE, tables.STATEMENT, tables.FORMER_ANCHOR
    was_elsewhere = select(former.c.name).where(former.c.root_hex == root_hex, former.c.state == str(OutboxState.FINAL)).limit(1)
    if session.execute(was_elsewhere).first() is not None:
        return True
    query = (
        select(issuance.c.token_id_hex)
        .join(statement, statement.c.id == issuance.c.statement_id)
        .where(issuance.c.batch_root_hex == root_hex, statement.c.state.not_in(["superseded", "revoked"]))
        .limit(1)
    )
    return session.execute(query).first() is not None


def outbox_of(session: Session, tenant_id: str, root_hex: str) -> OutboxRow:
    """The outbox row of a batch.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        root_hex: The batch root.

    Returns:
        The row.

    Raises:
        NotFoundError: There is none in this tenant, nor one that several tenants share.
    """
    table = tables.OUTBOX
    query = of_tenant_or_all(select(*columns_of(OutboxRow, table)).where(table.c.root_hex == root_hex), table, tenant_id)
    return to_row(OutboxRow, found(session.execute(query).first(), "outbox row", root_hex))


def newest_issued(session: Session, most_count: int) -> tuple[tuple[str, str], ...]:
    """Tenant and id of the statements whose batches became final last, of all tenants: for what is made before anybody asks.

    Args:
        session: The open transaction.
        most_count: How many statements at most, of as many batches.
    """
    outbox, issuance = tables.OUTBOX, tables.ISSUANCE
    roots = (
        select(outbox.c.root_hex)
        .where(outbox.c.state == str(OutboxState.FINAL))
        .order_by(outbox.c.next_at.desc())
        .limit(most_count)
        .scalar_subquery()
    )
    query = select(issuance.c.tenant_id, issuance.c.statement_id).where(issuance.c.batch_root_hex.in_(roots)).limit(most_count)
    return tuple((row[0], row[1]) for row in session.execute(query))


def outbox_in_state(session: Session, state: OutboxState, on: OnContract | None = None) -> tuple[OutboxRow, ...]:
    """All outbox rows in a state, of all tenants, oldest first; those for one contract where it is named."""
    table = tables.OUTBOX
    query = select(*columns_of(OutboxRow, table)).where(table.c.state == str(state))
    if on is not None:
        query = query.where(is_on(on))
    return tuple(to_row(OutboxRow, row) for row in session.execute(query.order_by(table.c.created_at, table.c.root_hex)))


def waiting_below(
    session: Session, chain_id: int, signer_address: str, nonce: int, states: tuple[OutboxState, ...]
) -> tuple[OutboxRow, ...]:
    """Rows whose bytes hold an earlier nonce of an account and are in one of these states, by nonce.

    Args:
        session: The open transaction.
        chain_id: Which chain.
        signer_address: The account.
        nonce: The rows' are below.
        states: Where they stand.
    """
    table = tables.OUTBOX
    query = (
        select(*columns_of(OutboxRow, table))
        .where(
            table.c.chain_id == chain_id,
            table.c.signer_address == signer_address,
            table.c.nonce < nonce,
            table.c.state.in_([str(one) for one in states]),
        )
        .order_by(table.c.nonce)
    )
    return tuple(to_row(OutboxRow, row) for row in session.execute(query))


def claim_outbox(session: Session, now: datetime, *, lease_s: int, on: OnContract | None = None) -> OutboxRow | None:
    """The next transaction to work on, of any tenant: nobody else gets it before the lease ends, or before it is changed.

    Args:
        session: A transaction of its own; commit it before working.
        now: The time.
        lease_s: How long it stays ours, seconds.
        on: For which contract; any where left out.

    Returns:
        The row, oldest due first, or None where nothing is due.
    """
    table = tables.OUTBOX
    due = (
        select(table.c.root_hex)
        .where(table.c.state.in_([str(one) for one in UNFINISHED]), table.c.next_at <= now)
        .order_by(table.c.next_at, table.c.created_at, table.c.root_hex)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    if on is not None:
        due = due.where(is_on(on))
    claim = (
        update(table)
        .where(table.c.root_hex == due.scalar_subquery())
        .values(attempts=table.c.attempts + 1, next_at=now + timedelta(seconds=lease_s), updated_at=now)
        .returning(*columns_of(OutboxRow, table))
    )
    row = session.execute(claim).first()
    return None if row is None else to_row(OutboxRow, row)


def is_on(on: OnContract) -> ColumnElement[bool]:
    """The condition that an outbox row is for a contract."""
    table = tables.OUTBOX
    return (table.c.chain_id == on.chain_id) & (func.lower(table.c.contract) == on.contract.lower())


def change_outbox(session: Session, claimed: OutboxRow, change: OutboxChange, now: datetime) -> OutboxRow:
    """Write what became of a claimed transaction.

    Args:
        session: The open transaction.
        claimed: As `claim_outbox` or an earlier change gave it.
        change: What is other now.
        now: The time.

    Returns:
        The row as it is now.

    Raises:
        ConflictError: Somebody else claimed it meanwhile, or the state cannot be reached from where it is.
    """
    table = tables.OUTBOX
    values: dict[str, Any] = {k: v for k, v in to_values(change).items() if v is not None}
    if change.state in {OutboxState.SENT, OutboxState.QUEUED}:  # a reorganisation took its block away
        values |= {"block_number": None, "block_hash_hex": None}
    written = (
        update(table)
        .where(
            table.c.root_hex == claimed.root_hex,
            table.c.attempts == claimed.attempts,
            table.c.state.in_([str(one) for one in _REACHED_FROM[change.state]]),
        )
        .values(**values, updated_at=now)
        .returning(*columns_of(OutboxRow, table))
    )
    row = session.execute(of_tenant(written, table, claimed.tenant_id)).first()
    if row is None:
        raise ConflictError(
            f"This transaction cannot become {change.state}",
            expected=f"one that is {' or '.join(_REACHED_FROM[change.state])}, claimed {claimed.attempts} times",
            got="another one",
            record=f"outbox {claimed.root_hex}",
            next_step="Claim it again.",
        )
    return to_row(OutboxRow, row)
