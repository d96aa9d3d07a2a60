"""Nonces and gas: one sequencer for each account on each chain, on both databases."""

import threading
from datetime import timedelta

import pytest

from app.store import chain_signers, ledger
from app.store.ledger import OutboxChange, OutboxState
from app.store.session import Engine, Session, reading, unit_of_work
from domain.errors import BudgetError
from tests.app.store.builders import NOW, Home
from tests.app.store.chain import make_batch, make_statement

CHAIN_ID = 131277322940537
PAYER, OTHER = "0x" + "AA" * 20, "0x" + "BB" * 20


def taken(session: Session, *, chain_nonce: int = 0, payer: str = PAYER, chain_id: int = CHAIN_ID) -> int:
    """The nonce that the payer would get now."""
    return chain_signers.take_nonce(session, chain_id, payer, chain_nonce=chain_nonce)


@pytest.fixture
def chain_id(engine: Engine, home: Home) -> int:
    """A batch in the outbox; the chain it is for."""
    with unit_of_work(engine) as session:
        assert make_batch(session, make_statement(session, home))
        return ledger.batch_of(session, home.tenant_id, "root").chain_id


def hold(engine: Engine, nonce: int, state: OutboxState) -> None:
    """Have the batch's row hold a nonce in a state."""
    with unit_of_work(engine) as session:
        row = ledger.claim_outbox(session, NOW, lease_s=60)
        assert row is not None
        path = {
            OutboxState.SIGNED: [OutboxState.SIGNED],
            OutboxState.SENT: [OutboxState.SIGNED, OutboxState.SENT],
            OutboxState.MINED: [OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED],
            OutboxState.FINAL: [OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED, OutboxState.FINAL],
            OutboxState.FAILED: [OutboxState.SIGNED, OutboxState.FAILED],
            OutboxState.EXPIRED: [OutboxState.SIGNED, OutboxState.EXPIRED],
        }[state]
        for step in path:
            change = OutboxChange(step, NOW, signer_address=PAYER, nonce=nonce, raw=b"raw")
            row = ledger.change_outbox(session, row, change, NOW)


def test_first_nonce_is_the_chains(engine: Engine) -> None:
    """Where nothing waits, the chain says which nonce is next."""
    with unit_of_work(engine) as session:
        assert taken(session, chain_nonce=7) == 7


@pytest.mark.parametrize("state", [OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED, OutboxState.FINAL])
def test_waiting_bytes_hold_their_nonce(engine: Engine, chain_id: int, state: OutboxState) -> None:
    """A nonce is never given twice, not even where the chain's answer is older than what was sent since; gaps come first."""
    hold(engine, 8, state)
    with unit_of_work(engine) as session:
        assert [taken(session, chain_nonce=nonce, chain_id=chain_id) for nonce in (7, 8, 9)] == [7, 9, 9]


@pytest.mark.parametrize("state", [OutboxState.FAILED, OutboxState.EXPIRED])
def test_rows_that_are_over_hold_nothing(engine: Engine, chain_id: int, state: OutboxState) -> None:
    """What is given up has its nonce used up by the chain already; if the chain says otherwise, it is free."""
    hold(engine, 8, state)
    with unit_of_work(engine) as session:
        assert taken(session, chain_nonce=8, chain_id=chain_id) == 8


def test_accounts_and_chains_have_their_own(engine: Engine, chain_id: int) -> None:
    """Another account, or the same one on another chain, counts for itself."""
    hold(engine, 0, OutboxState.SENT)
    with unit_of_work(engine) as session:
        assert taken(session, chain_id=chain_id) == 1
        assert taken(session, chain_id=chain_id, payer=OTHER) == 0
        assert taken(session, chain_id=chain_id + 1) == 0


def test_one_at_a_time(engine: Engine, chain_id: int) -> None:
    """While one transaction is giving a nonce, the others wait for its end: then they see what it gave."""
    inside, order = threading.Event(), []

    def second() -> None:
        assert inside.wait(10)
        with unit_of_work(engine) as session:
            order.append(("second", taken(session, chain_id=chain_id)))

    thread = threading.Thread(target=second)
    thread.start()
    with unit_of_work(engine) as session:
        row = ledger.claim_outbox(session, NOW, lease_s=60)
        assert row is not None
        nonce = taken(session, chain_id=chain_id)
        inside.set()
        thread.join(0.3)
        assert thread.is_alive()
        ledger.change_outbox(session, row, OutboxChange(OutboxState.SIGNED, NOW, signer_address=PAYER, nonce=nonce), NOW)
        order.append(("first", nonce))
    thread.join()
    assert order == [("first", 0), ("second", 1)]


def test_gas_is_booked_by_day(engine: Engine) -> None:
    """Gas adds up within a day of UTC and begins anew with the next; what is above is refused and not booked."""
    with unit_of_work(engine) as session:
        for gas in (40, 60):
            chain_signers.spend_gas(session, 1, PAYER, gas, now=NOW, limit_gas=100)
    with (
        pytest.raises(BudgetError, match=r"The gas of the day is spent; expected at most 100 gas on .*; got 101 gas"),
        unit_of_work(engine) as session,
    ):
        chain_signers.spend_gas(session, 1, PAYER, 1, now=NOW, limit_gas=100)
    with unit_of_work(engine) as session:
        chain_signers.spend_gas(session, 1, OTHER, 100, now=NOW, limit_gas=100)
        chain_signers.spend_gas(session, 2, PAYER, 100, now=NOW, limit_gas=100)
    with reading(engine) as session:
        assert chain_signers.gas_of_day(session, 1, PAYER, now=NOW) == 100
        assert chain_signers.gas_of_day(session, 1, PAYER, now=NOW + timedelta(days=1)) == 0
    with unit_of_work(engine) as session:
        chain_signers.spend_gas(session, 1, PAYER, 100, now=NOW + timedelta(days=1), limit_gas=100)


def test_no_limit(engine: Engine) -> None:
    """A limit of 0 is none; what was spent is still known."""
    with unit_of_work(engine) as session:
        chain_signers.spend_gas(session, 1, PAYER, 10**12, now=NOW, limit_gas=0)
        assert chain_signers.gas_of_day(session, 1, PAYER, now=NOW) == 10**12
