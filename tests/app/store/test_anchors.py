"""Roots that move to another chain: once each, with what was signed before kept."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.store import anchors, ledger
from app.store.ledger import BatchRow, LedgerAction, OnContract, OutboxChange, OutboxRow, OutboxState
from app.store.session import Engine, reading, unit_of_work
from domain.errors import ConflictError
from tests.app.store.builders import NOW, Home
from tests.app.store.chain import make_batch, make_statement

HERE = OnContract(9, "0x" + "Ab" * 20)


@pytest.fixture
def batch(engine: Engine, home: Home) -> BatchRow:
    """A batch that is final on its first chain."""
    with unit_of_work(engine) as session:
        assert make_batch(session, make_statement(session, home))
        row = ledger.claim_outbox(session, NOW, lease_s=60)
        assert row is not None
        for change in (
            OutboxChange(OutboxState.SIGNED, NOW, signer_address="0x1", nonce=4, raw=b"raw", tx_hashes_json='["aa"]'),
            OutboxChange(OutboxState.SENT, NOW),
            OutboxChange(OutboxState.MINED, NOW, block_number=7, block_hash_hex="bb"),
            OutboxChange(OutboxState.FINAL, NOW),
        ):
            row = ledger.change_outbox(session, row, change, NOW)
        return ledger.batch_of(session, home.tenant_id, "root")


def moved(engine: Engine, batch: BatchRow, to: OnContract = HERE) -> bool:
    """Whether the batch moved to a contract now."""
    fresh = replace(
        batch, chain_id=to.chain_id, contract=to.contract, deadline_s=99, epoch=5, signatures_json='["new"]', created_at=NOW
    )
    outbox = OutboxRow("root", batch.tenant_id, LedgerAction.ANCHOR, OutboxState.QUEUED, '{"n":2}', NOW, NOW, NOW)
    with unit_of_work(engine) as session:
        return anchors.move_root(session, batch, fresh, outbox)


def test_moving_keeps_what_was(engine: Engine, home: Home, batch: BatchRow) -> None:
    """The row is queued anew for the new chain; signatures, hashes and block of the former one are kept."""
    assert moved(engine, batch)
    with reading(engine) as session:
        row = ledger.outbox_of(session, home.tenant_id, "root")
        (former,) = anchors.former_anchors(session, "root")
        now = ledger.batch_of(session, home.tenant_id, "root")
        assert ledger.is_wanted(session, "root")
    assert (row.state, row.nonce, row.raw, row.tx_hashes_json, row.block_number) == (OutboxState.QUEUED, None, None, "[]", None)
    assert (row.payload_json, row.signer_address, row.action) == ('{"n":2}', "", LedgerAction.ANCHOR)
    assert (former.state, former.tx_hashes_json, former.block_number) == (OutboxState.FINAL, '["aa"]', 7)
    assert (former.chain_id, former.contract, former.signatures_json) == (batch.chain_id, batch.contract, batch.signatures_json)
    assert (now.chain_id, now.contract, now.deadline_s, now.created_at) == (9, HERE.contract, 99, batch.created_at)


def test_moving_twice_changes_nothing(engine: Engine, batch: BatchRow) -> None:
    """Two processes that migrate at once move each root once."""
    assert moved(engine, batch)
    assert not moved(engine, batch)
    with reading(engine) as session:
        assert len(anchors.former_anchors(session, "root")) == 1


def test_claim_for_the_former_chain_is_lost(engine: Engine, home: Home) -> None:
    """Whoever was sending to the former chain cannot write what it found there into the row any more."""
    with unit_of_work(engine) as session:
        make_batch(session, make_statement(session, home))
        batch = ledger.batch_of(session, home.tenant_id, "root")
        claimed = ledger.claim_outbox(session, NOW, lease_s=60)
    assert claimed is not None
    assert moved(engine, batch)
    with pytest.raises(ConflictError, match="Claim it again"), unit_of_work(engine) as session:
        ledger.change_outbox(session, claimed, OutboxChange(OutboxState.SIGNED, NOW, nonce=1, raw=b"old"), NOW)


def test_there_and_back(engine: Engine, home: Home, batch: BatchRow) -> None:
    """A root may come back to a chain where it was; each chain is remembered once."""
    first = OnContract(batch.chain_id, batch.contract)
    assert moved(engine, batch)
    for to in (first, HERE, first):
        with reading(engine) as session:
            now = ledger.batch_of(session, home.tenant_id, "root")
        assert moved(engine, now, to)
    with reading(engine) as session:
        assert {one.chain_id for one in anchors.former_anchors(session, "root")} == {batch.chain_id, 9}


def test_elsewhere(engine: Engine, batch: BatchRow) -> None:
    """A root is elsewhere by its chain or its contract; how an address is capitalised makes no difference."""
    here = OnContract(batch.chain_id, batch.contract)
    with reading(engine) as session:
        assert anchors.elsewhere_count(session, here) == 0
        assert anchors.elsewhere_count(session, replace(here, contract=here.contract.upper().replace("0X", "0x"))) == 0
        assert [one.root_hex for one in anchors.roots_elsewhere(session, HERE, limit_count=5)] == ["root"]
        assert anchors.elsewhere_count(session, replace(here, contract="0x" + "00" * 20)) == 1
        assert anchors.counts_by_contract(session) == {(batch.chain_id, batch.contract, OutboxState.FINAL): 1}


def test_only_its_own_chain_is_claimed(engine: Engine, batch: BatchRow) -> None:
    """Whoever works for a contract never gets a row of another one."""
    moved(engine, batch)
    later = NOW + timedelta(hours=1)
    with unit_of_work(engine) as session:
        assert ledger.claim_outbox(session, later, lease_s=1, on=OnContract(batch.chain_id, batch.contract)) is None
        found = ledger.claim_outbox(session, later, lease_s=1, on=replace(HERE, contract=HERE.contract.lower()))
    assert found is not None


def test_troubles_are_named(engine: Engine, home: Home) -> None:
    """A row that waits with an error, or failed, is shown with it; one that goes on well is not."""
    with unit_of_work(engine) as session:
        make_batch(session, make_statement(session, home))
        row = ledger.claim_outbox(session, NOW, lease_s=60)
        assert row is not None
        assert anchors.troubled(session, limit_count=5) == ()
        row = ledger.change_outbox(session, row, OutboxChange(OutboxState.QUEUED, NOW, error="no answer"), NOW)
        assert [(one.state, one.error) for one in anchors.troubled(session, limit_count=5)] == [(OutboxState.QUEUED, "no answer")]
        row = ledger.change_outbox(session, row, OutboxChange(OutboxState.SIGNED, NOW), NOW)
        assert anchors.troubled(session, limit_count=5) == ()
        ledger.change_outbox(session, row, OutboxChange(OutboxState.FAILED, NOW, error="refused"), NOW)
        assert [one.error for one in anchors.troubled(session, limit_count=5)] == ["refused"]
