"""Bringing signed batches to the chain, once: queued → signed → sent → mined → final.

Signed bytes are stored before they are sent, so that after a crash the same bytes are sent again; the chain takes them once. One
process runs this (the chain's owner). What expired is endorsed again by itself. What a restatement superseded before it was
signed is not sent.
"""

import json
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta

from app.chain import ChainDesk
from app.services import Services, Work
from app.store import ledger, statements
from app.store.ledger import LedgerAction, OutboxChange, OutboxRow, OutboxState
from app.store.session import reading, unit_of_work
from app.store.statements import StatementState
from app.usecases.ask_auditor import ask_again
from app.usecases.sign_batch import sign_again
from domain.bundle import envelope_from_json, issuance_from_json
from domain.canonical import from_canonical
from domain.errors import AlreadyIssuedError, ChainError, ExpiredError, LedgerError
from domain.fields import Fields

LEASE_S = 60
"""How long one transaction is ours, seconds."""

LATER = timedelta(seconds=2)
"""When to look again at what the chain has not mined or finalised yet."""

LOOKS_COUNT = 8
"""Looks for a receipt after which the stored bytes are sent again: a node may have dropped them."""

LONGEST_WAIT = timedelta(minutes=10)
"""Longest pause between tries while a chain does not answer."""


def send_outbox(services: Services, chain: ChainDesk, *, limit_count: int = 100) -> int:
    """Move every due transaction as far as it goes now.

    Args:
        services: What the program works with.
        chain: Where to.
        limit_count: Most transactions in one call.

    Returns:
        How many were looked at.
    """
    for done_count in range(limit_count):
        with unit_of_work(services.engine) as session:
            row = ledger.claim_outbox(session, services.clock.now(), lease_s=LEASE_S)
        if row is None:
            return done_count
        _send(services, chain, row)
    return limit_count


def _send(services: Services, chain: ChainDesk, row: OutboxRow) -> None:
    steps = {
        OutboxState.QUEUED: _begin,
        OutboxState.SIGNED: _broadcast,
        OutboxState.SENT: _look_for_receipt,
        OutboxState.MINED: _look_for_finality,
    }
    try:
        while row.state in steps:
            before = row.state
            row = _write(services, row, steps[row.state](services, chain, row))
            if row.state is before:
                return
    except ExpiredError as error:
        _expire(services, chain, row, error)
    except ChainError as error:  # the chain does not answer, or wants something else: the same again later
        wait = min(LATER * 2 ** min(row.attempts, 12), LONGEST_WAIT)
        _write(services, row, OutboxChange(row.state, services.clock.now() + wait, error=error.sentence()))
    except LedgerError as error:
        _write(services, row, OutboxChange(OutboxState.FAILED, services.clock.now(), error=error.sentence()))


def _begin(services: Services, chain: ChainDesk, row: OutboxRow) -> OutboxChange:
    """Sign, unless every statement of the batch was superseded meanwhile: then nobody wants it any more."""
    with reading(services.engine) as session:
        is_wanted = ledger.is_wanted(session, row.root_hex)
    if not is_wanted:
        return OutboxChange(OutboxState.FAILED, services.clock.now(), error="Superseded by a restatement before it was sent.")
    return _sign(services, chain, row)


def _sign(services: Services, chain: ChainDesk, row: OutboxRow) -> OutboxChange:
    payload = Fields(from_canonical(row.payload_json.encode(), record="outbox"), f"outbox {row.root_hex}")
    issuance = issuance_from_json(payload.raw("issuance")) if row.action is LedgerAction.ISSUE else None
    envelope = envelope_from_json(payload.raw("envelope"))
    signatures = [bytes.fromhex(text) for text in payload.texts("signatures")]
    now = services.clock.now()
    _send_signed(services, chain, row)
    try:
        signed = chain.prepare(str(row.action), issuance, envelope, signatures)
    except AlreadyIssuedError as error:
        if error.stored_root == envelope.root:  # it is there already, with this very commitment
            return OutboxChange(OutboxState.MINED, now)
        raise
    hashes = json.dumps([*json.loads(row.tx_hashes_json), signed.hash.hex()])
    return OutboxChange(OutboxState.SIGNED, now, nonce=signed.nonce, raw=signed.raw, tx_hashes_json=hashes)


def _send_signed(services: Services, chain: ChainDesk, row: OutboxRow) -> None:
    """Send the others' signed bytes first: after a crash they wait for their lease, and hold the nonce that comes next."""
    with reading(services.engine) as session:
        waiting = ledger.outbox_in_state(session, OutboxState.SIGNED)
    for other in waiting:
        if other.root_hex != row.root_hex:
            with suppress(ChainError):  # it is sent again, or signed again, in its own turn
                chain.broadcast(other.raw or b"")


def _broadcast(services: Services, chain: ChainDesk, row: OutboxRow) -> OutboxChange:
    try:
        chain.broadcast(row.raw or b"")
    except ChainError:  # another transaction took its nonce: simulate and sign again; or no answer, which signing meets too
        return _sign(services, chain, row)
    return OutboxChange(OutboxState.SENT, services.clock.now())


def _look_for_receipt(services: Services, chain: ChainDesk, row: OutboxRow) -> OutboxChange:
    """What the receipts of all that was ever sent for this root say together: one success is enough, only all reverted fail."""
    now = services.clock.now()
    hashes = json.loads(row.tx_hashes_json)
    found = [chain.receipt(bytes.fromhex(hash_hex)) for hash_hex in hashes]
    for receipt in found:
        if receipt is not None and receipt.is_success:
            return OutboxChange(
                OutboxState.MINED, now, block_number=receipt.block_number, block_hash_hex=receipt.block_hash.hex()
            )
    if found and all(found):
        return OutboxChange(OutboxState.FAILED, now, error=f"Mined and reverted: {', '.join(hashes)}.")
    if row.attempts % LOOKS_COUNT == 0:
        change = _broadcast(services, chain, row)
        return replace(change, next_at=now + LATER) if change.state is OutboxState.SENT else change
    return OutboxChange(OutboxState.SENT, now + LATER)


def _look_for_finality(services: Services, chain: ChainDesk, row: OutboxRow) -> OutboxChange:
    now = services.clock.now()
    hashes = json.loads(row.tx_hashes_json)
    if row.block_hash_hex is None:  # its commitment was found on the chain, without a transaction of ours: a restored database
        return OutboxChange(OutboxState.FINAL, now)
    receipts = [chain.receipt(bytes.fromhex(hash_hex)) for hash_hex in hashes]
    receipt = next((one for one in receipts if one is not None and one.block_hash.hex() == row.block_hash_hex), None)
    if receipt is None:  # a reorganisation took its block away
        return OutboxChange(OutboxState.SENT, now)
    if chain.is_final(receipt):
        return OutboxChange(OutboxState.FINAL, now)
    return OutboxChange(OutboxState.MINED, now + LATER)


def _write(services: Services, row: OutboxRow, change: OutboxChange) -> OutboxRow:
    """Keep what became of a transaction; its statements follow in the same transaction."""
    with unit_of_work(services.engine) as session:
        written = ledger.change_outbox(session, row, change, services.clock.now())
        if written.state is OutboxState.FINAL:
            statements.issue_all(session, row.root_hex)
    return written


def _expire(services: Services, chain: ChainDesk, row: OutboxRow, error: ExpiredError) -> None:
    """What expired is endorsed again: a batch of one by the auditor, one of several, which it audited, under a fresh envelope."""
    change = OutboxChange(OutboxState.EXPIRED, services.clock.now(), error=error.sentence())
    with unit_of_work(services.engine) as session:
        ledger.change_outbox(session, row, change, services.clock.now())
        if ledger.batch_of(session, row.tenant_id, row.root_hex).count > 1:
            sign_again(Work(session, services), chain, row.tenant_id, row.root_hex)
            return
        for issuance in ledger.issuances_of_batch(session, row.tenant_id, row.root_hex):
            statement = statements.by_id(session, row.tenant_id, issuance.statement_id)
            if statement.state is StatementState.QUEUED:
                ask_again(Work(session, services), statement)


def pending_count(services: Services) -> int:
    """How many transactions still have to reach the chain for good."""
    with reading(services.engine) as session:
        return sum(len(ledger.outbox_in_state(session, state)) for state in ledger.UNFINISHED)
