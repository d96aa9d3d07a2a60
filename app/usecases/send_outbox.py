"""Bringing signed batches to the chain, once: queued → signed → sent → mined → final.

    nonce     given in the transaction that stores the signed bytes, under a lock of the paying account: any number of processes
              send from one account and never collide; a nonce is given after the simulation, and no gap is left
    bytes     stored before they are sent, so that after a crash the same bytes are sent again; the chain takes them once
    fees      whoever waits too long is signed again under the same nonce for at least 12.5 % more, up to a ceiling; every hash
              ever sent is looked for, since any of them may be mined
    success   a root that the chain has already, as it was to be anchored, is done; so is a revocation, and a retirement
    tokens    a batch of tokens whose root somebody else anchored, or one of which is taken, is anchored and claimed one by one
    expired   what waits in the pool and can only revert gives its nonce to a transaction that does nothing
    reorg     a block that is gone sends its transaction back
    budget    gas of a day; what is above waits for tomorrow

What expired is endorsed again by itself. What a restatement superseded before it was signed is not sent. A batch that was signed
for another chain or contract is left alone (`app.usecases.migrate_chain`). Whatever a node says that cannot be, or does not say,
is kept with the row, and the same is tried later.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from app.chain import ChainDesk
from app.services import Services, Work
from app.store import chain_signers, ledger, statements
from app.store.ledger import LedgerAction, OnContract, OutboxChange, OutboxRow, OutboxState
from app.store.session import Session, reading, unit_of_work
from app.store.statements import StatementState
from app.usecases.ask_auditor import ask_again
from app.usecases.retire_units import ask_to_count, retirement_from_json
from app.usecases.revoke_statement import revocation_from_json, revoke_again
from app.usecases.sign_batch import contract_now, sign_again
from domain.bundle import envelope_from_json, issuance_from_json
from domain.canonical import from_canonical
from domain.errors import (
    AlreadyDoneError,
    AlreadyIssuedError,
    BudgetError,
    ChainError,
    ConflictError,
    ExpiredError,
    LedgerError,
)
from domain.fields import Fields
from domain.issuance import Envelope, Issuance
from ledger.chain import PlannedCall, Receipt, entry_of
from ledger.issuance import batch_proof, keccak, leaf_of, token_id
from ledger.transactions import decode_signed

LEASE_S = 60
"""How long one transaction is ours, seconds."""

LATER = timedelta(seconds=2)
"""When to look again at what the chain has not mined yet."""

FINALITY_LATER = timedelta(seconds=12)
"""When to look again at what is mined and not final: a slot of Ethereum; finality takes minutes, and nodes count requests."""

LOOKS_COUNT = 8
"""Looks for a receipt after which the stored bytes are sent again: a node may have dropped them."""

LONGEST_WAIT = timedelta(minutes=10)
"""Longest pause between tries while a chain does not answer."""

RECEIPT_PATIENCE = timedelta(seconds=30)
"""How long the receipt of a transaction may lag behind its nonce: nodes index receipts after blocks."""

MOST_REVERTS_COUNT = 3
"""Transactions of a root that were mined and reverted although their simulation had passed; then it is given up."""

log = structlog.get_logger("app.usecases.send_outbox")


@dataclass(frozen=True, slots=True)
class _Signing:
    """What is signed next, in the transaction that stores it."""

    chain: ChainDesk
    call: PlannedCall
    state: OutboxState = OutboxState.SIGNED


Change = OutboxChange | _Signing


def send_outbox(services: Services, chain: ChainDesk, *, limit_count: int = 100) -> int:
    """Move every due transaction of this chain as far as it goes now.

    Args:
        services: What the program works with.
        chain: Where to.
        limit_count: Most transactions in one call.

    Returns:
        How many were looked at.
    """
    for done_count in range(limit_count):
        with unit_of_work(services.engine) as session:
            row = ledger.claim_outbox(session, services.clock.now(), lease_s=LEASE_S, on=contract_of(chain))
        if row is None:
            return done_count
        try:
            _send(services, chain, row)
        except ConflictError as error:  # its lease ended meanwhile, and another process has it: nothing of ours was kept or sent
            log.info("another process has this transaction", root=row.root_hex, error=error.sentence())
    return limit_count


def contract_of(chain: ChainDesk) -> OnContract:
    """The contract that a desk works for."""
    return OnContract(chain.chain_id, chain.contract)


def _send(services: Services, chain: ChainDesk, row: OutboxRow) -> None:
    steps: Mapping[OutboxState, Callable[[Services, ChainDesk, OutboxRow], Change]] = {
        OutboxState.QUEUED: _begin,
        OutboxState.SIGNED: _broadcast,
        OutboxState.SENT: _look_for_receipt,
        OutboxState.MINED: _look_for_finality,
    }
    try:
        while row.state in steps:
            try:
                before, change = row.state, steps[row.state](services, chain, row)
                goes_on = change.state in steps and change.state is not before and before is not OutboxState.MINED
                row = _write(services, row, change, is_held=goes_on)
            except ExpiredError as error:
                _expire(services, chain, row, error)
                return
            if not goes_on:  # on the way back nothing is hurried
                return
    except BudgetError as error:
        _write(services, row, OutboxChange(row.state, _tomorrow(services.clock.now()), error=error.sentence()))
    except ChainError as error:  # the chain does not answer, or wants something else: the same again later
        tries_count = row.failed_tries_count + 1
        next_at = services.clock.now() + min(LATER * 2 ** min(tries_count, 12), LONGEST_WAIT)
        _write(services, row, OutboxChange(row.state, next_at, failed_tries_count=tries_count, error=error.sentence()))
    except LedgerError as error:
        _write(services, row, OutboxChange(OutboxState.FAILED, services.clock.now(), error=error.sentence()))


# ---- signing ----


def _begin(services: Services, chain: ChainDesk, row: OutboxRow) -> Change:
    """Sign, unless every statement of the batch was superseded meanwhile: then nobody wants it any more."""
    with reading(services.engine) as session:
        is_wanted = row.action not in ledger.OF_BATCH or ledger.is_wanted(session, row.root_hex)
    if not is_wanted:
        return OutboxChange(OutboxState.FAILED, services.clock.now(), error="Superseded or revoked before it was sent.")
    return _plan(services, chain, row)


def _plan(services: Services, chain: ChainDesk, row: OutboxRow) -> Change:
    number, block_hash = chain.head()  # asked before: what is found now is in this block or an earlier one, or comes again
    call = _prepare(chain, row)
    if call is None:
        return OutboxChange(OutboxState.MINED, services.clock.now(), block_number=number, block_hash_hex=block_hash.hex())
    _send_waiting(services, chain, call.chain_nonce + 1, (OutboxState.SIGNED,), but=row)
    return _Signing(chain, call)


def _prepare(chain: ChainDesk, row: OutboxRow) -> PlannedCall | None:
    """What is called, simulated; None where the chain has it already, as it was to be.

    Raises:
        LedgerError: The chain refuses; its class says why.
    """
    payload = from_canonical(row.payload_json.encode(), record="outbox")
    if row.action in ledger.OF_BATCH:
        return _prepare_batch(chain, row, Fields(payload, f"outbox {row.root_hex}"))
    try:
        if row.action is LedgerAction.REVOKE:
            return chain.prepare_revocation(*revocation_from_json(payload))
        return chain.prepare_retirement(*retirement_from_json(payload), bytes.fromhex(row.root_hex))
    except AlreadyDoneError:
        return None


def _prepare_batch(chain: ChainDesk, row: OutboxRow, fields: Fields) -> PlannedCall | None:
    """As `_prepare`, of a batch.

    Raises:
        AlreadyIssuedError: The chain has another root for this token.
    """
    envelope = envelope_from_json(fields.raw("envelope"))
    signatures = [bytes.fromhex(text) for text in fields.texts("signatures")]
    issuances = _tokens_of(row, fields)
    try:
        return chain.prepare(str(row.action), issuances, envelope, signatures)
    except AlreadyIssuedError as error:
        is_there = error.stored_root == envelope.root  # with this very commitment
        if row.action is LedgerAction.ISSUE_MANY:
            return _one_by_one(chain, issuances, envelope, signatures, is_there=is_there)
        if is_there:
            return None
        raise


def _tokens_of(row: OutboxRow, payload: Fields) -> tuple[Issuance, ...]:
    """The statements that become tokens with their batch."""
    if row.action is LedgerAction.ISSUE:
        return (issuance_from_json(payload.raw("issuance")),)
    if row.action is LedgerAction.ISSUE_MANY:
        return tuple(issuance_from_json(one) for one in payload.items("issuances"))
    return ()


def _one_by_one(
    chain: ChainDesk, issuances: Sequence[Issuance], envelope: Envelope, signatures: Sequence[bytes], *, is_there: bool
) -> PlannedCall | None:
    """The next step of a batch of tokens that cannot be issued at once; None where no token is left to claim.

    Somebody who saw it in the pool has anchored its root first, or one of its statements was issued or ended before: then the
    root is anchored, and what is left is claimed, one transaction after the other.

    Raises:
        ChainError: The next token was taken just now.
    """
    if not is_there:
        return chain.prepare("anchor", (), envelope, signatures)
    missing = _missing(chain, issuances)
    if missing is None:
        return None
    proof = batch_proof([leaf_of(one) for one in issuances], leaf_of(missing))
    try:
        return chain.prepare_claim(envelope.root, missing, proof)
    except AlreadyIssuedError as error:  # somebody claimed it since we looked
        raise ChainError("The next token was taken just now", got=error.got, next_step="It goes on by itself.") from error


def _missing(chain: ChainDesk, issuances: Sequence[Issuance]) -> Issuance | None:
    """The first statement that has no token and was not ended either."""
    return next((one for one in issuances if chain.token(token_id(one)) is None), None)


def _sign(services: Services, session: Session, row: OutboxRow, signing: _Signing) -> OutboxChange:
    """Take a nonce and sign with it; the caller's transaction gives the nonce and stores the bytes together."""
    chain, call, now = signing.chain, signing.call, services.clock.now()
    nonce = chain_signers.take_nonce(session, chain.chain_id, chain.signer_address, chain_nonce=call.chain_nonce)
    chain_signers.spend_gas(session, chain.chain_id, chain.signer_address, call.gas, now=now, limit_gas=chain.gas_per_day)
    signed = chain.sign(call, nonce=nonce)
    return OutboxChange(
        OutboxState.SIGNED,
        now,
        signer_address=chain.signer_address,
        nonce=nonce,
        raw=signed.raw,
        signed_at=now,
        tx_hashes_json=json.dumps([*json.loads(row.tx_hashes_json), signed.hash.hex()]),
    )


def _send_waiting(services: Services, chain: ChainDesk, below: int, states: tuple[OutboxState, ...], *, but: OutboxRow) -> None:
    """Send the bytes that hold earlier nonces: after a crash they wait for their lease, and nothing goes past them."""
    with reading(services.engine) as session:
        waiting = ledger.waiting_below(session, chain.chain_id, chain.signer_address, below, states)
    for other in waiting:
        if other.root_hex != but.root_hex:
            with suppress(ChainError):  # it is sent again, or signed again, in its own turn
                chain.broadcast(other.raw or b"")


# ---- sending ----


def _broadcast(services: Services, chain: ChainDesk, row: OutboxRow) -> Change:
    """Send the stored bytes. A node that refuses them is asked again later, unless their nonce is used up."""
    try:
        chain.broadcast(row.raw or b"")
    except ChainError:
        if _is_nonce_used(chain, row):
            return _settle(services, chain, row)
        _send_waiting(services, chain, row.nonce or 0, (OutboxState.SIGNED, OutboxState.SENT), but=row)
        if _is_waiting_too_long(services, chain, row) and (other := _offer_more(services, chain, row)):
            return other
        chain.broadcast(row.raw or b"")
    return OutboxChange(OutboxState.SENT, services.clock.now())


def _look_for_receipt(services: Services, chain: ChainDesk, row: OutboxRow) -> Change:
    """Whether one of all hashes that were ever sent for this root is in a block; else send again, or offer more."""
    now = services.clock.now()
    if mined := _mined(services, chain, row):
        return mined
    if _is_nonce_used(chain, row):
        return _settle(services, chain, row)
    if _is_waiting_too_long(services, chain, row) and (other := _offer_more(services, chain, row)):
        return other
    if row.attempts % LOOKS_COUNT == 0:
        chain.broadcast(row.raw or b"")
    return OutboxChange(OutboxState.SENT, now + LATER)


def _settle(services: Services, chain: ChainDesk, row: OutboxRow) -> Change:
    """What to do where the nonce is used up: by one of ours that succeeded, by one that reverted, or by a stranger's."""
    if mined := _mined(services, chain, row):
        return mined
    if row.raw and _is_nothing(row.raw) and chain.receipt(keccak(row.raw)) is not None:  # it gave way, as it should
        return _plan(services, chain, row)
    reverted = [one.transaction_hash.hex() for one in _receipts(chain, row) if one is not None and not one.is_success]
    if len(reverted) >= MOST_REVERTS_COUNT:
        return OutboxChange(OutboxState.FAILED, services.clock.now(), error=f"Mined and reverted: {', '.join(reverted)}.")
    now = services.clock.now()
    if not reverted and not chain.is_embedded and row.signed_at is not None and now < row.signed_at + RECEIPT_PATIENCE:
        return OutboxChange(OutboxState.SENT, now + LATER)
    return _plan(services, chain, row)  # the simulation says why: expired, already there, refused; or it is signed anew


def _mined(services: Services, chain: ChainDesk, row: OutboxRow) -> OutboxChange | None:
    receipt = next((one for one in _receipts(chain, row) if one is not None and one.is_success), None)
    if receipt is None:
        return None
    return OutboxChange(
        OutboxState.MINED,
        services.clock.now(),
        block_number=receipt.block_number,
        block_hash_hex=receipt.block_hash.hex(),
    )


def _receipts(chain: ChainDesk, row: OutboxRow) -> list[Receipt | None]:
    return [chain.receipt(bytes.fromhex(hash_hex)) for hash_hex in json.loads(row.tx_hashes_json)]


def _is_nonce_used(chain: ChainDesk, row: OutboxRow) -> bool:
    return row.nonce is None or chain.next_nonce(row.signer_address or chain.signer_address) > row.nonce


def _is_waiting_too_long(services: Services, chain: ChainDesk, row: OutboxRow) -> bool:
    """Whether it is time to offer more; not on the embedded chain, which takes everything at once."""
    wait = timedelta(seconds=services.settings.chain_replace_after_s)
    is_ours = row.signer_address == chain.signer_address  # else the account was changed, and its key is elsewhere
    return not chain.is_embedded and is_ours and row.signed_at is not None and services.clock.now() >= row.signed_at + wait


def _offer_more(services: Services, chain: ChainDesk, row: OutboxRow) -> OutboxChange | None:
    """What takes the place of a transaction that waits, under its nonce for higher fees; None where the ceiling forbids it.

    It is the same call, unless that could only revert by now: then nothing, sent to oneself. Its hash is not kept with those that
    are looked for, since its success is not the batch's; once the nonce is used up, the batch goes on as it must.
    """
    raw, now = row.raw or b"", services.clock.now()
    is_hopeless = _is_nothing(raw) or not _would_succeed(chain, row)
    signed = chain.cancel(raw) if is_hopeless else chain.replace(raw)
    if signed is None:
        log.warning("the fee ceiling is reached, the transaction waits", root=row.root_hex, nonce=row.nonce)
        return None
    if is_hopeless:
        log.warning("the transaction can only revert: its nonce is used up otherwise", root=row.root_hex, nonce=row.nonce)
        return OutboxChange(OutboxState.SIGNED, now, raw=signed.raw, signed_at=now)
    hashes = json.dumps([*json.loads(row.tx_hashes_json), signed.hash.hex()])
    return OutboxChange(OutboxState.SIGNED, now, raw=signed.raw, signed_at=now, tx_hashes_json=hashes)


def _is_nothing(raw: bytes) -> bool:
    """Whether stored bytes are a transaction that does nothing but use its nonce up."""
    return not decode_signed(raw).data


def _would_succeed(chain: ChainDesk, row: OutboxRow) -> bool:
    """Whether what waits in the pool would still do what it was sent for, as far as the chain can be asked."""
    try:
        call = _prepare(chain, row)
        return call is not None and call.data == decode_signed(row.raw or b"").data
    except ChainError:  # no answer is no reason to give up
        return True
    except LedgerError:
        return False


# ---- finality ----


def _look_for_finality(services: Services, chain: ChainDesk, row: OutboxRow) -> Change:
    now = services.clock.now()
    if row.block_hash_hex is None or row.block_number is None:  # of a version before that did not keep it
        return OutboxChange(OutboxState.FINAL, now)
    block_hash = bytes.fromhex(row.block_hash_hex)
    mined = [one for one in _receipts(chain, row) if one is not None and one.is_success]
    is_ours_there = any(one.block_hash == block_hash for one in mined)
    is_found_there = not mined and chain.is_canonical(row.block_number, block_hash)
    if not is_ours_there and not is_found_there:  # a reorganisation took its block away
        return OutboxChange(OutboxState.SENT if row.raw else OutboxState.QUEUED, now)
    is_final = chain.is_final_block(row.block_number, block_hash)
    if row.action is LedgerAction.ISSUE_MANY and (is_final or _is_one_by_one(row)) and not _is_all_there(chain, row):
        return OutboxChange(OutboxState.QUEUED, now, tx_hashes_json="[]")  # the next token is claimed
    if is_final:
        return OutboxChange(OutboxState.FINAL, now)
    return OutboxChange(OutboxState.MINED, now + (LATER if chain.is_embedded else FINALITY_LATER))


def _is_one_by_one(row: OutboxRow) -> bool:
    """Whether a batch of tokens is on its way in several transactions; they need not wait for each other's finality."""
    return bool(row.raw) and entry_of(decode_signed(row.raw or b"").data) != str(LedgerAction.ISSUE_MANY)


def _is_all_there(chain: ChainDesk, row: OutboxRow) -> bool:
    """Whether every statement of a batch of tokens has its token, or was ended."""
    fields = Fields(from_canonical(row.payload_json.encode(), record="outbox"), f"outbox {row.root_hex}")
    return _missing(chain, _tokens_of(row, fields)) is None


def _write(services: Services, row: OutboxRow, change: Change, *, is_held: bool = False) -> OutboxRow:
    """Keep what became of a transaction, signed here where that is what comes next; its statements follow in the same one.

    Held, it stays ours until the lease ends: we go on with it at once.
    """
    with unit_of_work(services.engine) as session:
        made = _sign(services, session, row, change) if isinstance(change, _Signing) else change
        if is_held:
            made = replace(made, next_at=services.clock.now() + timedelta(seconds=LEASE_S))
        written = ledger.change_outbox(session, row, made, services.clock.now())
        if written.state is OutboxState.FINAL and row.action is LedgerAction.RETIRE:
            ask_to_count(Work(session, services), row)
        elif written.state is OutboxState.FINAL and row.action is not LedgerAction.REVOKE:
            statements.issue_all(session, row.root_hex)
    return written


def _expire(services: Services, chain: ChainDesk, row: OutboxRow, error: ExpiredError) -> None:
    """What expired is endorsed again: a batch of one by the auditor; what it audited before is signed under a fresh envelope."""
    change = OutboxChange(OutboxState.EXPIRED, services.clock.now(), error=error.sentence())
    at = contract_now(chain)  # where the chain does not answer now, the row stays as it is and is looked at again
    with unit_of_work(services.engine) as session:
        work = Work(session, services)
        ledger.change_outbox(session, row, change, services.clock.now())
        if row.action is LedgerAction.REVOKE:
            revoke_again(work, at, row.tenant_id, row.root_hex)
            return
        if ledger.batch_of(session, row.tenant_id, row.root_hex).count == 1:
            (issuance,) = ledger.issuances_of_batch(session, row.tenant_id, row.root_hex)
            statement = statements.by_id(session, row.tenant_id, issuance.statement_id)
            if statement.state is StatementState.QUEUED:
                ask_again(work, statement)
                return
            if not ledger.is_wanted(session, row.root_hex):  # superseded meanwhile
                return
        sign_again(work, at, row.tenant_id, row.root_hex)


def _tomorrow(now: datetime) -> datetime:
    return (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)


def pending_count(services: Services, chain: ChainDesk | None = None) -> int:
    """How many transactions still have to reach the chain for good; all chains' where none is named."""
    on = None if chain is None else contract_of(chain)
    with reading(services.engine) as session:
        return sum(len(ledger.outbox_in_state(session, state, on)) for state in ledger.UNFINISHED)
