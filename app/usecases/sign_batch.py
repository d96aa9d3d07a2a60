"""Signing a batch: the envelope around its root, by this installation's auditor, with the row that brings it to the chain."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from app.chain import ChainDesk
from app.services import Services, Work
from app.store import ledger
from app.store.ledger import BatchRow, LedgerAction, OutboxRow, OutboxState
from domain.bundle import envelope_to_json
from domain.canonical import Json, from_canonical, to_canonical
from domain.issuance import Envelope
from ledger.signing import sign_envelope

DEADLINE_S = 7 * 24 * 3600
"""How long a signed batch may wait for the chain, seconds."""


_OF_STATEMENT = ("issuance", "statement_id")
"""What the transaction of a batch of one holds besides envelope and signatures."""


@dataclass(frozen=True, slots=True)
class ToSign:
    """A batch that is to be signed.

    Attributes:
        tenant_id: Of its statements; the installation's where several tenants share it.
        root: Root of its tree, 32 bytes.
        count: Issuances in it.
        method_hash: SHA-256 of the method's version text.
        action: What is asked of the contract.
    """

    tenant_id: str
    root: bytes
    count: int
    method_hash: bytes
    action: LedgerAction


def sign_batch(
    services: Services, chain: ChainDesk, batch: ToSign, *, payload: Mapping[str, Json] | None = None
) -> tuple[BatchRow, OutboxRow]:
    """A batch under a fresh envelope, and its transaction, queued; nothing is stored.

    Args:
        services: Gives the auditor and the time.
        chain: Gives epoch and contract for the envelope.
        batch: What is signed.
        payload: What the transaction needs besides envelope and signatures.

    Returns:
        Both rows.
    """
    auditor, now = services.auditor, services.clock.now()
    envelope = Envelope(
        root=batch.root,
        count=batch.count,
        region=auditor.region_index,
        method_hash=batch.method_hash,
        deadline_s=int(now.timestamp()) + DEADLINE_S,
        epoch=chain.epoch(),
    )
    signature = sign_envelope(auditor.key, envelope, chain_id=chain.chain_id, contract=chain.contract)
    row = BatchRow(
        root_hex=batch.root.hex(),
        tenant_id=batch.tenant_id,
        count=batch.count,
        region=auditor.region,
        method_hash_hex=batch.method_hash.hex(),
        deadline_s=envelope.deadline_s,
        epoch=envelope.epoch,
        chain_id=chain.chain_id,
        contract=chain.contract,
        signatures_json=json.dumps([signature.hex()]),
        created_at=now,
    )
    whole: dict[str, Json] = {"envelope": envelope_to_json(envelope), "signatures": [signature.hex()], **(payload or {})}
    outbox = OutboxRow(
        root_hex=row.root_hex,
        tenant_id=batch.tenant_id,
        action=batch.action,
        state=OutboxState.QUEUED,
        payload_json=to_canonical(whole).decode(),
        next_at=now,
        created_at=now,
        updated_at=now,
    )
    return row, outbox


def sign_again(work: Work, chain: ChainDesk, tenant_id: str, root_hex: str) -> bool:
    """Queue a batch again that expired or failed, as it was audited, under a fresh envelope; False where it is on its way.

    Args:
        work: The open transaction and the services.
        chain: Gives epoch and contract for the envelope.
        tenant_id: Of a statement in it.
        root_hex: Its root.

    Raises:
        NotFoundError: There is no such batch.
    """
    known = ledger.batch_of(work.session, tenant_id, root_hex)
    action = ledger.outbox_of(work.session, tenant_id, root_hex).action
    return ledger.renew_batch(work.session, *sign_known(work, chain, known, action))


def sign_known(work: Work, chain: ChainDesk, known: BatchRow, action: LedgerAction) -> tuple[BatchRow, OutboxRow]:
    """A batch that was signed before under a fresh envelope, for the contract of this desk; nothing is stored.

    Args:
        work: The open transaction and the services.
        chain: Gives epoch and contract for the envelope.
        known: The batch.
        action: What is asked of the contract.

    Returns:
        Both rows.
    """
    batch = ToSign(
        tenant_id=known.tenant_id,
        root=bytes.fromhex(known.root_hex),
        count=known.count,
        method_hash=bytes.fromhex(known.method_hash_hex),
        action=action,
    )
    kept: dict[str, Json] = {}
    if known.count == 1:
        sent = ledger.outbox_of(work.session, known.tenant_id, known.root_hex)
        whole = from_canonical(sent.payload_json.encode(), record="outbox")
        kept = {name: value for name, value in whole.items() if name in _OF_STATEMENT} if isinstance(whole, dict) else {}
    return sign_batch(work.services, chain, batch, payload=kept)
