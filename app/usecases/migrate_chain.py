"""Going to another chain: every root that was signed for a former one is anchored again on the one in use.

Embedded → private → public is configuration; this is what makes the new chain know what was issued before. For each root, in one
transaction: what was signed and sent for the former chain is kept, the auditor signs the same root for the new contract, and the
outbox row is queued. Sending is the outbox's, as ever: once, whatever happens in between. A run that was killed goes on where it
stopped, and a second run finds nothing to do.

Leaves and roots hold neither chain nor contract, so bundles that are out stay valid: their proofs lead to the same root. A token
that stands is issued again to its holder, unless its statement was superseded meanwhile: then its root alone is anchored, since
two live tokens for one period would count twice. The former chain is left as it is.
"""

from app.chain import ChainDesk
from app.services import Services, Work
from app.store import anchors, ledger, statements
from app.store.ledger import BatchRow, LedgerAction
from app.store.session import reading, unit_of_work
from app.store.statements import StatementState
from app.usecases.send_outbox import contract_of
from app.usecases.sign_batch import sign_known

CHUNK_COUNT = 100


def elsewhere_count(services: Services, chain: ChainDesk) -> int:
    """How many roots are signed for another chain or contract than this one."""
    with reading(services.engine) as session:
        return anchors.elsewhere_count(session, contract_of(chain))


def migrate_roots(services: Services, chain: ChainDesk) -> int:
    """Queue every root that stands elsewhere for this chain; `send_outbox` brings them there.

    Args:
        services: What the program works with.
        chain: The chain in use.

    Returns:
        How many were queued now.

    Raises:
        ChainError: The chain does not answer; what was queued stays queued.
    """
    moved_count = 0
    while True:
        with reading(services.engine) as session:
            waiting = anchors.roots_elsewhere(session, contract_of(chain), limit_count=CHUNK_COUNT)
        if not waiting:
            return moved_count
        for former in waiting:
            with unit_of_work(services.engine) as session:
                moved_count += _move(Work(session, services), chain, former)


def _move(work: Work, chain: ChainDesk, former: BatchRow) -> bool:
    sent = ledger.outbox_of(work.session, former.tenant_id, former.root_hex)
    action = sent.action
    if action is LedgerAction.ISSUE and _is_superseded(work, former):
        action = LedgerAction.ANCHOR
    batch, outbox = sign_known(work, chain, former, action)
    return anchors.move_root(work.session, former, batch, outbox)


def _is_superseded(work: Work, former: BatchRow) -> bool:
    """Whether the one statement of a token was restated."""
    (issuance,) = ledger.issuances_of_batch(work.session, former.tenant_id, former.root_hex)
    return statements.by_id(work.session, former.tenant_id, issuance.statement_id).state is StatementState.SUPERSEDED
