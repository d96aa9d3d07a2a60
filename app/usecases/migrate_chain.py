"""Going to another chain: every root that was signed for a former one is anchored again on the one in use.

Embedded → private → public is configuration; this is what makes the new chain know what was issued before. For each root, in one
transaction: what was signed and sent for the former chain is kept, the auditor signs the same root for the new contract, and the
outbox row is queued. Sending is the outbox's, as ever: once, whatever happens in between. A run that was killed goes on where it
stopped, and a second run finds nothing to do.

Leaves and roots hold neither chain nor contract, so bundles that are out stay valid: their proofs lead to the same root. A token
that stands is issued again to its holder, unless its statement was superseded or revoked meanwhile: then its root alone is
anchored, since two live tokens for one period would count twice. Revocations are signed again. Units on the former chain stay
there, with what was retired of them. The former chain is left as it is.
"""

from app.chain import ChainDesk
from app.services import Services, Work
from app.store import anchors, endings, ledger, statements, subjects
from app.store.ledger import BatchRow, LedgerAction, OutboxRow
from app.store.session import reading, unit_of_work
from app.store.statements import StatementState
from app.usecases.endorse_statement import is_token
from app.usecases.revoke_statement import sign_known_revocation
from app.usecases.send_outbox import contract_of
from app.usecases.sign_batch import ContractNow, contract_now, sign_known
from domain.bundle import issuance_from_json
from domain.canonical import from_canonical

CHUNK_COUNT = 100


def elsewhere_count(services: Services, chain: ChainDesk) -> int:
    """How many roots and revocations are signed for another chain or contract than this one."""
    on = contract_of(chain)
    with reading(services.engine) as session:
        return anchors.elsewhere_count(session, on) + endings.revocations_elsewhere_count(session, on)


def migrate_roots(services: Services, chain: ChainDesk) -> int:
    """Queue every root and every revocation that stands elsewhere for this chain; `send_outbox` brings them there.

    Args:
        services: What the program works with.
        chain: The chain in use.

    Returns:
        How many were queued now.

    Raises:
        ChainError: The chain does not answer; what was queued stays queued.
    """
    on, moved_count = contract_of(chain), 0
    while True:
        with reading(services.engine) as session:
            waiting = anchors.roots_elsewhere(session, on, limit_count=CHUNK_COUNT)
            revoked = endings.revocations_elsewhere(session, on, limit_count=CHUNK_COUNT)
        if not waiting and not revoked:
            return moved_count
        at = contract_now(chain)
        for former in waiting:
            with unit_of_work(services.engine) as session:
                moved_count += _move(Work(session, services), at, former)
        for transaction in revoked:
            with unit_of_work(services.engine) as session:
                moved_count += _move_revocation(Work(session, services), at, transaction)


def _move(work: Work, at: ContractNow, former: BatchRow) -> bool:
    action = ledger.outbox_of(work.session, former.tenant_id, former.root_hex).action
    if former.count == 1:
        action = _action_of_one(work, former)
    batch, outbox = sign_known(work, at, former, action)
    return anchors.move_root(work.session, former, batch, outbox)


def _action_of_one(work: Work, former: BatchRow) -> LedgerAction:
    """A token where the one statement of a batch is one and stands; else its root alone."""
    (row,) = ledger.issuances_of_batch(work.session, former.tenant_id, former.root_hex)
    statement = statements.by_id(work.session, former.tenant_id, row.statement_id)
    if statement.state in {StatementState.SUPERSEDED, StatementState.REVOKED}:
        return LedgerAction.ANCHOR
    kind = subjects.by_id(work.session, former.tenant_id, statement.subject_id).kind
    issuance = issuance_from_json(from_canonical(row.issuance_json.encode()))
    return LedgerAction.ISSUE if is_token(issuance, kind) else LedgerAction.ANCHOR


def _move_revocation(work: Work, at: ContractNow, former: OutboxRow) -> bool:
    outbox = sign_known_revocation(work, at, former.tenant_id, former.root_hex)
    return endings.move_revocation(work.session, former, outbox)
