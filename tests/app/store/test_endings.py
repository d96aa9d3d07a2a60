"""Revocations and retirements: kept once, with their transactions, and moved to another chain once."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.store import endings, ledger
from app.store.endings import RetirementRow, RevocationRow
from app.store.ledger import LedgerAction, OnContract, OutboxChange, OutboxRow, OutboxState
from app.store.session import Engine, reading, unit_of_work
from domain.errors import NotFoundError
from tests.app.store.builders import NOW, Home
from tests.app.store.chain import make_batch, make_statement

HERE, THERE = OnContract(31337, "0x" + "22" * 20), OnContract(9, "0x" + "ab" * 20)


@pytest.fixture
def revoked(engine: Engine, home: Home) -> OutboxRow:
    """A statement that was revoked, and its transaction."""
    row = RevocationRow("root-token", home.tenant_id, "s1", "aa" * 32, b"sealed", NOW)
    outbox = OutboxRow(
        "root-token",
        home.tenant_id,
        LedgerAction.REVOKE,
        OutboxState.QUEUED,
        "{}",
        NOW,
        NOW,
        NOW,
        chain_id=HERE.chain_id,
        contract=HERE.contract,
    )
    with unit_of_work(engine) as session:
        assert make_batch(session, make_statement(session, home))
        assert endings.add_revocation(session, row)
        assert ledger.add_transaction(session, outbox)
    return outbox


def test_statement_is_revoked_once(engine: Engine, home: Home, revoked: OutboxRow) -> None:
    """A second revocation of the same statement keeps nothing, nor does its transaction."""
    other = RevocationRow("root-token", home.tenant_id, "s1", "bb" * 32, b"other", NOW)
    with unit_of_work(engine) as session:
        assert not endings.add_revocation(session, other)
        assert not ledger.add_transaction(session, replace(revoked, payload_json='{"n":2}'))
    with reading(engine) as session:
        found = endings.revocation_of(session, home.tenant_id, "s1")
        assert found == endings.revocation_of_token(session, home.tenant_id, "root-token")
        assert found is not None
        assert found.sealed_reason == b"sealed"
        assert ledger.outbox_of(session, home.tenant_id, "root-token").payload_json == "{}"


def test_nothing_that_was_not_revoked(engine: Engine, home: Home) -> None:
    """A statement without a revocation has none; a token or beneficiary that nobody knows is told so."""
    with reading(engine) as session:
        assert endings.revocation_of(session, home.tenant_id, "s1") is None
        with pytest.raises(NotFoundError, match="There is no such revocation"):
            endings.revocation_of_token(session, home.tenant_id, "nothing")
        with pytest.raises(NotFoundError, match="There is no such retirement"):
            endings.retirement_of(session, home.tenant_id, "nothing")


def test_revocation_moves_once(engine: Engine, home: Home, revoked: OutboxRow) -> None:
    """It stands elsewhere for another contract, is queued there with what is signed for it, and then no more."""
    with unit_of_work(engine) as session:
        claimed = ledger.claim_outbox(session, NOW, lease_s=60, on=HERE)
        while claimed is not None and claimed.action is not LedgerAction.REVOKE:
            claimed = ledger.claim_outbox(session, NOW, lease_s=60, on=HERE)
        assert claimed is not None
        signed = OutboxChange(OutboxState.SIGNED, NOW, signer_address="0x1", nonce=4, raw=b"raw", tx_hashes_json='["aa"]')
        ledger.change_outbox(session, claimed, signed, NOW)
    fresh = replace(revoked, chain_id=THERE.chain_id, contract=THERE.contract, payload_json='{"n":2}')
    with unit_of_work(engine) as session:
        assert endings.revocations_elsewhere(session, HERE, limit_count=5) == ()
        (former,) = endings.revocations_elsewhere(session, THERE, limit_count=5)
        assert endings.revocations_elsewhere_count(session, THERE) == 1
        assert endings.move_revocation(session, former, fresh)
        assert not endings.move_revocation(session, former, fresh)
        assert endings.revocations_elsewhere_count(session, THERE) == 0
        row = ledger.outbox_of(session, home.tenant_id, "root-token")
    assert (row.state, row.nonce, row.raw, row.tx_hashes_json, row.payload_json) == (
        OutboxState.QUEUED,
        None,
        None,
        "[]",
        '{"n":2}',
    )
    assert (row.chain_id, row.contract, row.attempts) == (THERE.chain_id, THERE.contract, former.attempts + 1)


def test_retirements_of_a_subject(engine: Engine, home: Home) -> None:
    """Oldest first; a beneficiary stands for one retirement."""
    rows = [
        RetirementRow(f"{n:064x}", home.tenant_id, home.subject_id, "t", 2, n, NOW + timedelta(seconds=9 - n)) for n in (1, 2)
    ]
    with unit_of_work(engine) as session:
        assert [endings.add_retirement(session, row) for row in (*rows, rows[0])] == [True, True, False]
    with reading(engine) as session:
        assert endings.retirements_of(session, home.tenant_id, home.subject_id) == (rows[1], rows[0])
        assert endings.retirement_of(session, home.tenant_id, rows[0].beneficiary_hex) == rows[0]
