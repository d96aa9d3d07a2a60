"""Signing a batch: the envelope around its root, by this installation's auditor, with the row that brings it to the chain.

The contract's epoch stands in every envelope. The chain is asked for it before a transaction is opened (`contract_now`), never in
one: a node that is slow must not hold a lock. Where the epoch changes in between, the chain refuses, and it is signed again.
"""

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


_OF_STATEMENTS = ("issuance", "statement_id", "issuances")
"""What a transaction holds besides envelope and signatures: its statement where it is one, all where they become tokens."""


@dataclass(frozen=True, slots=True)
class ContractNow:
    """What signatures hold for.

    Attributes:
        chain_id: Id of the chain.
        contract: 0x address of the contract.
        epoch: The contract's auditor epoch, as the chain said just now.
    """

    chain_id: int
    contract: str
    epoch: int


def contract_now(chain: ChainDesk) -> ContractNow:
    """What signatures hold for now; the chain is asked, so no transaction may be open.

    Args:
        chain: Which chain.

    Raises:
        ChainError: The chain does not answer.
    """
    return ContractNow(chain.chain_id, chain.contract, chain.epoch())


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
    services: Services, at: ContractNow, batch: ToSign, *, payload: Mapping[str, Json] | None = None
) -> tuple[BatchRow, OutboxRow]:
    """A batch under a fresh envelope, and its transaction, queued; nothing is stored.

    Args:
        services: Gives the auditor and the time.
        at: What the envelope holds for.
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
        epoch=at.epoch,
    )
    signature = sign_envelope(auditor.key, envelope, chain_id=at.chain_id, contract=at.contract)
    row = BatchRow(
        root_hex=batch.root.hex(),
        tenant_id=batch.tenant_id,
        count=batch.count,
        region=auditor.region,
        method_hash_hex=batch.method_hash.hex(),
        deadline_s=envelope.deadline_s,
        epoch=envelope.epoch,
        chain_id=at.chain_id,
        contract=at.contract,
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
        chain_id=at.chain_id,
        contract=at.contract,
    )
    return row, outbox


def sign_again(work: Work, at: ContractNow, tenant_id: str, root_hex: str) -> bool:
    """Queue a batch again that expired or failed, as it was audited, under a fresh envelope; False where it is on its way.

    Args:
        work: The open transaction and the services.
        at: What the envelope holds for.
        tenant_id: Of a statement in it.
        root_hex: Its root.

    Raises:
        NotFoundError: There is no such batch.
    """
    known = ledger.batch_of(work.session, tenant_id, root_hex)
    action = ledger.outbox_of(work.session, tenant_id, root_hex).action
    return ledger.renew_batch(work.session, *sign_known(work, at, known, action))


def sign_known(work: Work, at: ContractNow, known: BatchRow, action: LedgerAction) -> tuple[BatchRow, OutboxRow]:
    """A batch that was signed before under a fresh envelope, for the contract of this desk; nothing is stored.

    Args:
        work: The open transaction and the services.
        at: What the envelope holds for.
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
    sent = ledger.outbox_of(work.session, known.tenant_id, known.root_hex)
    whole = from_canonical(sent.payload_json.encode(), record="outbox")
    kept = {name: value for name, value in whole.items() if name in _OF_STATEMENTS} if isinstance(whole, dict) else {}
    return sign_batch(work.services, at, batch, payload=kept)
