"""The outbox: a batch is kept once, claimed by one, moved forward only."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest

from app.store import ledger
from app.store.ledger import OutboxChange, OutboxRow, OutboxState, Verdict
from app.store.session import Engine, reading, unit_of_work
from domain.errors import ConflictError, NotFoundError
from tests.app.store.builders import NOW, Home
from tests.app.store.chain import make_batch, make_endorsement, make_statement

LEASE_S = 60


@pytest.fixture
def batch(engine: Engine, home: Home) -> None:
    """A batch of one statement, in the outbox."""
    with unit_of_work(engine) as session:
        assert make_batch(session, make_statement(session, home))


def claim(engine: Engine, after_s: int = 0) -> OutboxRow | None:
    """The next transaction so many seconds later."""
    with unit_of_work(engine) as session:
        return ledger.claim_outbox(session, NOW + timedelta(seconds=after_s), lease_s=LEASE_S)


def change(engine: Engine, row: OutboxRow | None, **fields: object) -> OutboxRow:
    """The row after a change; due again at once."""
    assert row is not None
    with unit_of_work(engine) as session:
        return ledger.change_outbox(session, row, OutboxChange(next_at=NOW, **fields), NOW)  # type: ignore[arg-type]  # named in each test


def test_node_answers_once(engine: Engine, home: Home) -> None:
    """A node's first answer about a manifest stands."""
    with unit_of_work(engine) as session:
        statement = make_statement(session, home)
        assert make_endorsement(session, statement)
        assert not make_endorsement(session, statement)
        assert make_endorsement(session, statement, "node-eu")
        assert [e.node_id for e in ledger.endorsements_of(session, home.tenant_id, "s1")] == ["node-eu", "node-us"]


def test_batch_is_kept_once(engine: Engine, home: Home) -> None:
    """The same root again keeps nothing a second time."""
    with unit_of_work(engine) as session:
        statement = make_statement(session, home)
        assert make_batch(session, statement)
        assert not make_batch(session, statement)
        assert len(ledger.issuances_of_batch(session, home.tenant_id, "root")) == 1
        issuance = ledger.issuance_of_statement(session, home.tenant_id, "s1")
        assert issuance == ledger.issuance_of_token(session, home.tenant_id, "root-token")
        assert ledger.batch_of(session, home.tenant_id, "root").deadline_s == 2**40


@pytest.mark.usefixtures("batch")
def test_claim_is_exclusive_until_its_lease(engine: Engine) -> None:
    """Nobody gets a claimed transaction before its lease ends."""
    first = claim(engine)
    assert first is not None
    assert claim(engine, LEASE_S - 1) is None
    second = claim(engine, LEASE_S)
    assert second is not None
    assert (first.attempts, second.attempts) == (1, 2)
    with pytest.raises(ConflictError, match="claimed 1 times"):
        change(engine, first, state=OutboxState.SIGNED)


@pytest.mark.usefixtures("batch")
def test_transaction_goes_forward(engine: Engine, home: Home) -> None:
    """Signed bytes are kept before they are sent; a final transaction is claimed no more."""
    row = change(engine, claim(engine), state=OutboxState.SIGNED, nonce=3, raw=b"\x02signed")
    row = change(engine, row, state=OutboxState.SENT, tx_hashes_json='["0x1"]')
    row = change(engine, row, state=OutboxState.MINED, block_number=9, block_hash_hex="0xb")
    assert (row.nonce, row.raw, row.tx_hashes_json, row.block_number) == (3, b"\x02signed", '["0x1"]', 9)
    change(engine, row, state=OutboxState.FINAL)
    assert claim(engine, 10_000) is None
    with reading(engine) as session:
        assert ledger.outbox_of(session, home.tenant_id, "root").state is OutboxState.FINAL
        assert [one.root_hex for one in ledger.outbox_in_state(session, OutboxState.FINAL)] == ["root"]


@pytest.mark.usefixtures("batch")
def test_reorganisation_sends_back(engine: Engine) -> None:
    """A mined transaction whose block is gone is sent again, and forgets the block, not the bytes."""
    row = change(engine, claim(engine), state=OutboxState.SIGNED, nonce=3, raw=b"\x02signed")
    row = change(engine, row, state=OutboxState.MINED, block_number=9, block_hash_hex="0xb")
    row = change(engine, row, state=OutboxState.SENT)
    assert (row.block_number, row.block_hash_hex, row.raw, row.nonce) == (None, None, b"\x02signed", 3)


@pytest.mark.usefixtures("batch")
@pytest.mark.parametrize("state", [OutboxState.SENT, OutboxState.FINAL])
def test_steps_cannot_be_left_out(engine: Engine, state: OutboxState) -> None:
    """A queued transaction cannot be sent before it is signed, nor final before it is mined."""
    with pytest.raises(ConflictError, match=f"This transaction cannot become {state}; .*in outbox root"):
        change(engine, claim(engine), state=state)


@pytest.mark.usefixtures("batch")
def test_finished_transaction_stays(engine: Engine) -> None:
    """An expired transaction is not revived."""
    row = change(engine, claim(engine), state=OutboxState.EXPIRED, error="deadline passed")
    assert row.error == "deadline passed"
    with pytest.raises(ConflictError, match="cannot become queued"):
        change(engine, row, state=OutboxState.QUEUED)


@pytest.mark.usefixtures("batch")
def test_two_sequencers_never_share_a_transaction(engine: Engine) -> None:
    """Of threads that claim at the same moment one gets the row."""
    found: list[OutboxRow | None] = []
    together = threading.Barrier(4)

    def work() -> None:
        together.wait()
        found.append(claim(engine))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([row for row in found if row is not None]) == 1


@pytest.mark.usefixtures("batch")
def test_change_needs_the_right_tenant(engine: Engine) -> None:
    """A row that claims another tenant changes nothing."""
    row = claim(engine)
    assert row is not None
    with pytest.raises(ConflictError):
        change(engine, replace(row, tenant_id="bob"), state=OutboxState.SIGNED)


def test_unknown_batch_is_not_found(engine: Engine, home: Home) -> None:
    """A root or token that names nothing is told so."""
    with reading(engine) as session:
        for ask, what in ((ledger.batch_of, "batch"), (ledger.outbox_of, "outbox row"), (ledger.issuance_of_token, "token")):
            with pytest.raises(NotFoundError, match=f"There is no such {what}; .*got nothing"):
                ask(session, home.tenant_id, "nothing")
        assert ledger.issuance_of_statement(session, home.tenant_id, "nothing") is None


@pytest.mark.parametrize("state", [OutboxState.FAILED, OutboxState.EXPIRED])
def test_batch_that_is_over_goes_out_again(engine: Engine, home: Home, state: OutboxState) -> None:
    """A failed or expired batch is queued once more under its new envelope; every hash ever sent stays known."""
    with unit_of_work(engine) as session:
        statement = make_statement(session, home)
        make_batch(session, statement)
        row = ledger.claim_outbox(session, NOW, lease_s=60)
        assert row is not None
        change = OutboxChange(OutboxState.SIGNED, NOW, nonce=4, raw=b"raw", tx_hashes_json='["aa"]')
        row = ledger.change_outbox(session, row, change, NOW)
        batch = replace(ledger.batch_of(session, home.tenant_id, "root"), deadline_s=99, epoch=2, signatures_json='["new"]')
        fresh = replace(row, payload_json='{"n":2}')
        assert not ledger.renew_batch(session, batch, fresh)
        ledger.change_outbox(session, row, OutboxChange(OutboxState.SENT, NOW), NOW)
        ledger.change_outbox(session, row, OutboxChange(state, NOW, error="refused"), NOW)
        assert not ledger.renew_batch(session, batch, replace(fresh, tenant_id="another"))
        assert ledger.renew_batch(session, batch, fresh)
    with reading(engine) as session:
        again, signed = ledger.outbox_of(session, home.tenant_id, "root"), ledger.batch_of(session, home.tenant_id, "root")
    assert (again.state, again.payload_json, again.tx_hashes_json) == (OutboxState.QUEUED, '{"n":2}', '["aa"]')
    assert (again.nonce, again.raw, again.error, again.attempts) == (None, None, "", row.attempts)
    assert (signed.deadline_s, signed.epoch, signed.signatures_json) == (99, 2, '["new"]')


def test_node_that_is_asked_again_has_one_answer(engine: Engine, home: Home) -> None:
    """A second answer about the same manifest stands in place of the first, where it was asked for."""
    with unit_of_work(engine) as session:
        statement = make_statement(session, home)
        make_endorsement(session, statement)
        (first,) = ledger.endorsements_of(session, home.tenant_id, statement.id)
        second = replace(first, verdict=Verdict.FINDINGS, findings_json='[{"code":"record"}]')
        ledger.renew_endorsement(session, second)
        assert ledger.endorsements_of(session, home.tenant_id, statement.id) == (second,)
