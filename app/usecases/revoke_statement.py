"""Withdrawing a statement for good: its auditors say so on the chain, whether its token was issued, only anchored, or not sent.

The chain is told the token and a salted hash of the reason; nothing else of the statement is shown. A period whose statement was
revoked can be closed again: the next revision takes its place.

A restatement that cannot take the place of a former token on the chain, as it is no token or one of another kind, has the former
one revoked: of one period never two count.
"""

from app.chain import ChainDesk
from app.services import Services, Whose, Work
from app.store import endings, ledger, statements
from app.store.endings import RevocationRow
from app.store.ledger import IssuanceRow, LedgerAction, OutboxRow, OutboxState
from app.store.session import unit_of_work
from app.store.statements import StatementRow, StatementState
from app.usecases.sealing import seal, unseal
from app.usecases.sign_batch import DEADLINE_S, ContractNow, contract_now
from domain.bundle import issuance_from_json
from domain.canonical import Json, from_canonical, to_canonical
from domain.errors import ConflictError, InputError
from domain.fields import Fields
from domain.issuance import Issuance, Revocation
from ledger.issuance import reason_hash
from ledger.signing import sign_revocation

MAX_REASON_CHARS = 500
"""Longest reason."""

_SALT_SIZE = 32


def revoke_statement(services: Services, chain: ChainDesk, statement: StatementRow, reason: str) -> OutboxRow:
    """Withdraw a statement for good; asked for again, one that is on its way changes nothing, and one that got stuck goes on.

    Args:
        services: What the program works with.
        chain: Gives epoch and contract; it is asked before anything is opened.
        statement: Which: the newest revision, signed.
        reason: Why, in one sentence. It is sealed here; the chain has a salted hash of it.

    Returns:
        The transaction that tells the chain; `send_outbox` brings it there.

    Raises:
        InputError: There is no reason, or it is too long.
        ConflictError: The statement was not signed, or was superseded.
        NotFoundError: The subject's key was destroyed.
        ChainError: The chain does not answer.
    """
    _check_reason(reason)
    at = contract_now(chain)
    with unit_of_work(services.engine) as session:
        work = Work(session, services)
        now = statements.by_id(session, statement.tenant_id, statement.id)
        row = ledger.issuance_of_statement(session, now.tenant_id, now.id)
        if now.state is StatementState.REVOKED and row is not None:
            return revoke_again(work, at, now.tenant_id, row.token_id_hex)
        if row is None or now.state not in {StatementState.QUEUED, StatementState.ISSUED}:
            raise ConflictError(
                "This statement cannot be revoked",
                expected="the newest revision of a period, signed by its auditors",
                got=f"revision {now.revision}, {now.state}",
                record=f"statement {now.id}",
                next_step="Revoke the newest revision of the period; what was not signed needs none.",
            )
        statements.set_state(session, now.tenant_id, now.id, StatementState.REVOKED, expected=[now.state])
        return _revoke(work, at, now, row, reason)


def revoke_former(work: Work, at: ContractNow, statement: StatementRow, issuance: Issuance, *, is_token: bool) -> None:
    """Revoke the tokens of former revisions that a restatement does not take the place of by itself.

    Args:
        work: The open transaction and the services.
        at: What the signatures hold for.
        statement: The restatement.
        issuance: It, as the chain will hold it.
        is_token: Whether it becomes a token by itself; then it supersedes those of its own kind.
    """
    for former in statements.of_period(work.session, statement.tenant_id, statement.period_id):
        row = ledger.issuance_of_statement(work.session, former.tenant_id, former.id)
        if row is None or former.revision >= statement.revision or row.action is not LedgerAction.ISSUE:
            continue
        kind = issuance_from_json(from_canonical(row.issuance_json.encode())).kind
        is_replaced = is_token and kind is issuance.kind
        if not is_replaced and endings.revocation_of(work.session, former.tenant_id, former.id) is None:
            _revoke(work, at, former, row, f"Restated as revision {statement.revision}: {statement.reason}")


def revoke_again(work: Work, at: ContractNow, tenant_id: str, token_id_hex: str) -> OutboxRow:
    """A revocation that expired or failed, signed afresh and queued; one that is on its way stays as it is.

    Args:
        work: The open transaction and the services.
        at: What the signature holds for.
        tenant_id: Of the statement.
        token_id_hex: Its token.

    Raises:
        NotFoundError: There is no such revocation.
    """
    ledger.renew_transaction(work.session, sign_known_revocation(work, at, tenant_id, token_id_hex))
    return ledger.outbox_of(work.session, tenant_id, token_id_hex)


def sign_known_revocation(work: Work, at: ContractNow, tenant_id: str, token_id_hex: str) -> OutboxRow:
    """The transaction of a revocation that is known, signed for a contract as it is now; nothing is stored.

    Args:
        work: The open transaction and the services.
        at: What the signature holds for.
        tenant_id: Of the statement.
        token_id_hex: Its token.

    Raises:
        NotFoundError: There is no such revocation.
    """
    known = endings.revocation_of_token(work.session, tenant_id, token_id_hex)
    row = ledger.issuance_of_token(work.session, tenant_id, token_id_hex)
    return _outbox(work.services, at, row, bytes.fromhex(known.reason_hash_hex))


def reason_of(work: Work, statement: StatementRow) -> str:
    """Why a statement was revoked; empty where it was not.

    Args:
        work: The open transaction and the services.
        statement: Which.

    Raises:
        NotFoundError: The subject's key was destroyed.
    """
    row = endings.revocation_of(work.session, statement.tenant_id, statement.id)
    if row is None:
        return ""
    whose = Whose(statement.tenant_id, statement.subject_id)
    return unseal(work, whose, _field(statement.id), row.sealed_reason)[_SALT_SIZE:].decode()


def revocation_from_json(value: Json) -> tuple[Revocation, tuple[bytes, ...]]:
    """What auditors signed, and their signatures, as the outbox keeps them.

    Args:
        value: The payload of a revocation.

    Raises:
        CanonicalError: A field is missing or is not what it must be.
    """
    fields = Fields(value, "revocation")
    revocation = Revocation(
        token_id=int(fields.hash_hex("token_id"), 16),
        region=fields.integer("region"),
        reason_hash=bytes.fromhex(fields.hash_hex("reason_hash")),
        deadline_s=fields.integer("deadline_s"),
        epoch=fields.integer("epoch"),
    )
    return revocation, tuple(bytes.fromhex(text) for text in fields.texts("signatures"))


def _revoke(work: Work, at: ContractNow, statement: StatementRow, row: IssuanceRow, reason: str) -> OutboxRow:
    services, whose = work.services, Whose(statement.tenant_id, statement.subject_id)
    salt = services.randomness.bytes(_SALT_SIZE)
    hashed = reason_hash(salt, reason)
    kept = RevocationRow(
        token_id_hex=row.token_id_hex,
        tenant_id=statement.tenant_id,
        statement_id=statement.id,
        reason_hash_hex=hashed.hex(),
        sealed_reason=seal(work, whose, _field(statement.id), salt + reason.encode()),
        created_at=services.clock.now(),
    )
    endings.add_revocation(work.session, kept)
    outbox = _outbox(services, at, row, hashed)
    ledger.add_transaction(work.session, outbox)
    return outbox


def _outbox(services: Services, at: ContractNow, row: IssuanceRow, hashed: bytes) -> OutboxRow:
    """The transaction that tells the chain, signed by this installation's auditor."""
    now = services.clock.now()
    revocation = Revocation(
        token_id=int(row.token_id_hex, 16),
        region=issuance_from_json(from_canonical(row.issuance_json.encode())).region,
        reason_hash=hashed,
        deadline_s=int(now.timestamp()) + DEADLINE_S,
        epoch=at.epoch,
    )
    signature = sign_revocation(services.auditor.key, revocation, chain_id=at.chain_id, contract=at.contract)
    payload: dict[str, Json] = {
        "token_id": row.token_id_hex,
        "region": revocation.region,
        "reason_hash": hashed.hex(),
        "deadline_s": revocation.deadline_s,
        "epoch": revocation.epoch,
        "signatures": [signature.hex()],
    }
    return OutboxRow(
        root_hex=row.token_id_hex,
        tenant_id=row.tenant_id,
        action=LedgerAction.REVOKE,
        state=OutboxState.QUEUED,
        payload_json=to_canonical(payload).decode(),
        next_at=now,
        created_at=now,
        updated_at=now,
        chain_id=at.chain_id,
        contract=at.contract,
    )


def _field(statement_id: str) -> str:
    return f"revocation/{statement_id}"


def _check_reason(reason: str) -> None:
    """Refuse a revocation without a reason.

    Raises:
        InputError: It is empty or too long.
    """
    if not reason.strip() or len(reason) > MAX_REASON_CHARS:
        raise InputError(
            "A revocation needs its reason",
            expected=f"one sentence of 1 to {MAX_REASON_CHARS} characters",
            got=f"{len(reason)} characters",
            record="reason",
            next_step="Say why nobody should rely on the statement any more.",
        )
