"""The outbox: whatever happens in between, a batch reaches the chain exactly once."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from app.chain import ChainDesk
from app.jobs.worker import Worker
from app.services import Whose
from app.store import ledger
from app.store.ledger import OutboxRow, OutboxState
from app.store.session import unit_of_work
from app.store.statements import StatementRow, StatementState
from app.usecases import send_outbox as subject
from app.usecases.endorse_statement import endorse_statement
from app.usecases.send_outbox import LATER, LEASE_S, LOOKS_COUNT, MOST_REVERTS_COUNT, pending_count, send_outbox
from app.usecases.sign_batch import DEADLINE_S
from domain.errors import AlreadyIssuedError, ChainError, QuorumError
from ledger.chain import PlannedCall, Receipt
from ledger.fees import Fees
from ledger.issuance import keccak
from tests.app.usecases.installation import HOLDER, Installation, steady


class CrashError(RuntimeError):
    """The process dies here."""


class _Unstable:
    """A desk of which one method dies, before or after it has done its work.

    Args:
        desk: The real one.
        method: Name of the method.
        when: "before" or "after".
    """

    def __init__(self, desk: ChainDesk, method: str, when: str) -> None:
        self._desk, self._method, self._when = desk, method, when

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the desk has
        real = getattr(self._desk, name)
        if name != self._method:
            return real

        def dies(*arguments: object, **named: object) -> object:
            if self._when == "after":
                real(*arguments, **named)
            raise CrashError(name)

        return dies


@pytest.fixture
def queued(installation: Installation, household: Whose, desk: ChainDesk) -> StatementRow:
    """A household's statement, signed and in the outbox."""
    return queued_of(installation, household, desk)


def queued_of(installation: Installation, whose: Whose, desk: ChainDesk, month: str = "2025-04") -> StatementRow:
    """A signed statement of a month of the subject."""
    first = date.fromisoformat(f"{month}-01")
    installation.take(whose, steady(first, first))
    row = installation.close_months(whose, month)
    assert endorse_statement(installation.services, desk, row.tenant_id, row.id) is StatementState.QUEUED
    return row


def restated(installation: Installation, whose: Whose) -> StatementRow:
    """April with a corrected day, closed again."""
    day = date(2025, 4, 1)
    installation.clock.advance(60)
    installation.take(whose, steady(day, day, watt_hours=900, updated_at=installation.clock.now()))
    return installation.close_months(whose, "2025-04", reason="The utility corrected a day.")


def outbox(installation: Installation, row: StatementRow) -> OutboxRow:
    """The statement's outbox row."""
    with installation.looking() as work:
        issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
        assert issuance is not None
        return ledger.outbox_of(work.session, row.tenant_id, issuance.batch_root_hex)


def sent_count(desk: ChainDesk) -> int:
    """Transactions on the chain after the contract's deployment: the embedded chain puts one in a block."""
    return int(desk._client._request("eth_blockNumber"), 16) - 1  # noqa: SLF001 - the desk has no use for it


def postpone(installation: Installation, row: StatementRow) -> None:
    """Make a batch due later than the ones that come after it."""
    root_hex = outbox(installation, row).root_hex
    later = installation.clock.now() + timedelta(seconds=LEASE_S)
    with unit_of_work(installation.services.engine) as session:
        session.connection().exec_driver_sql(
            "UPDATE outbox SET next_at = ? WHERE root_hex = ?", (f"{later:%Y-%m-%d %H:%M:%S.%f}", root_hex)
        )


def put_back(installation: Installation, row: OutboxRow) -> None:
    """The database of before the batch was sent, as a backup would restore it."""
    with unit_of_work(installation.services.engine) as session:
        session.connection().exec_driver_sql(
            "UPDATE outbox SET state = 'queued', raw = NULL, nonce = NULL, tx_hashes_json = '[]', block_number = NULL,"
            " block_hash_hex = NULL, next_at = created_at"
        )
        session.connection().exec_driver_sql("UPDATE statement SET state = 'queued' WHERE state = 'issued'")
    assert row.state is not OutboxState.QUEUED


def test_statement_is_issued_once(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """One call brings a batch to the end; another one finds nothing to do."""
    assert send_outbox(installation.services, desk) == 1
    assert (outbox(installation, queued).state, sent_count(desk)) == (OutboxState.FINAL, 1)
    assert installation.statement(queued).state is StatementState.ISSUED
    assert (send_outbox(installation.services, desk), pending_count(installation.services), sent_count(desk)) == (0, 0, 1)


def test_endorsing_again_changes_nothing(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """A repeated job finds the statement signed and adds no second batch."""
    assert endorse_statement(installation.services, desk, queued.tenant_id, queued.id) is StatementState.QUEUED
    assert pending_count(installation.services) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["prepare", "sign", "broadcast", "receipt", "is_final_block"])
def test_crash_at_the_chain_sends_once(
    installation: Installation, desk: ChainDesk, queued: StatementRow, method: str, when: str
) -> None:
    """A process that dies before or after any word to the chain: its successor finishes, with one transaction."""
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, method, when))  # type: ignore[arg-type]  # behaves as a desk
    installation.clock.advance(LEASE_S + 1)
    assert send_outbox(installation.services, desk) == 1
    assert (outbox(installation, queued).state, sent_count(desk)) == (OutboxState.FINAL, 1)
    assert installation.statement(queued).state is StatementState.ISSUED


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("state", [OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED, OutboxState.FINAL])
def test_crash_at_the_database_sends_once(  # noqa: PLR0917 - fixtures and both parameters
    installation: Installation,
    desk: ChainDesk,
    queued: StatementRow,
    monkeypatch: pytest.MonkeyPatch,
    state: OutboxState,
    when: str,
) -> None:
    """A process that dies before or after a state is written: its successor finishes, with one transaction."""
    real = subject._write  # noqa: SLF001 - the boundary under test

    def dies(services: Any, row: Any, change: Any, **named: Any) -> Any:  # noqa: ANN401 - passes through what it was given
        if change.state is not state:
            return real(services, row, change, **named)
        if when == "after":
            real(services, row, change, **named)
        raise CrashError(state)

    with monkeypatch.context() as patch, pytest.raises(CrashError):  # noqa: PT012 - the patch ends with the crash
        patch.setattr(subject, "_write", dies)
        send_outbox(installation.services, desk)
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert (outbox(installation, queued).state, sent_count(desk)) == (OutboxState.FINAL, 1)
    assert installation.statement(queued).state is StatementState.ISSUED


def test_signed_bytes_are_stored_before_they_are_sent(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """Whoever dies at the broadcast has left the bytes and their hash behind; the same bytes are sent."""
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, "broadcast", "before"))  # type: ignore[arg-type]  # behaves as a desk
    left = outbox(installation, queued)
    assert (left.state, left.nonce, bool(left.raw)) == (OutboxState.SIGNED, 1, True)
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert outbox(installation, queued).tx_hashes_json == left.tx_hashes_json


def test_next_batch_does_not_take_the_nonce_of_waiting_bytes(
    installation: Installation, household: Whose, desk: ChainDesk, queued: StatementRow
) -> None:
    """After a crash between signing and sending, another batch goes out at once, and the first one still arrives."""
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, "broadcast", "before"))  # type: ignore[arg-type]  # behaves as a desk
    postpone(installation, queued)
    second = queued_of(installation, household, desk, "2025-05")
    assert send_outbox(installation.services, desk) == 1
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert len(json.loads(outbox(installation, queued).tx_hashes_json)) == 1
    assert [outbox(installation, row).state for row in (queued, second)] == [OutboxState.FINAL] * 2
    assert sent_count(desk) == 2


def stranger_sends(desk: ChainDesk) -> None:
    """Somebody else with the same key sends a transaction: the operator, by hand."""
    nonce = desk.next_nonce(desk.signer_address)
    call = PlannedCall(to=HOLDER, data=b"", gas=21_000, fees=Fees(10**10, 0), chain_nonce=nonce)
    desk.broadcast(desk.sign(call, nonce=nonce).raw)


def test_bytes_whose_nonce_is_taken_are_signed_again(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """Where a stranger's transaction took the nonce, the batch is signed anew, and is on the chain once."""
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, "broadcast", "before"))  # type: ignore[arg-type]  # behaves as a desk
    stranger_sends(desk)
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    found = outbox(installation, queued)
    assert (found.state, found.nonce, len(json.loads(found.tx_hashes_json))) == (OutboxState.FINAL, 2, 2)
    assert sent_count(desk) == 2


def test_nonces_leave_no_gap(installation: Installation, household: Whose, desk: ChainDesk, queued: StatementRow) -> None:
    """A simulation that fails takes no nonce: the next batch gets it."""

    def refused(*_: object) -> None:
        raise QuorumError(got="0 of 1")

    second = queued_of(installation, household, desk, "2025-05")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "prepare", refused)
        send_outbox(installation.services, desk, limit_count=1)
    send_outbox(installation.services, desk)
    states = {outbox(installation, row).state: outbox(installation, row).nonce for row in (queued, second)}
    assert states == {OutboxState.FAILED: None, OutboxState.FINAL: 1}


def test_batch_of_another_chain_is_left_alone(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """What was signed for another contract is neither sent nor given up: it waits to be signed again for this one."""
    with unit_of_work(installation.services.engine) as session:
        session.connection().exec_driver_sql("UPDATE outbox SET contract = '0x1111111111111111111111111111111111111111'")
    assert send_outbox(installation.services, desk) == 0
    assert (outbox(installation, queued).state, sent_count(desk)) == (OutboxState.QUEUED, 0)
    assert (pending_count(installation.services, desk), pending_count(installation.services)) == (0, 1)


def test_stolen_row_is_nobodys_failure(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """A process whose lease ended while it signed keeps nothing and sends nothing; the other one goes on."""
    real = desk.prepare

    def slow(*arguments: Any) -> PlannedCall:  # noqa: ANN401 - passes through what it was given
        call = real(*arguments)
        installation.clock.advance(LEASE_S + 1)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(desk, "prepare", real)
            assert send_outbox(installation.services, desk) == 1
        return call

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "prepare", slow)
        send_outbox(installation.services, desk)
    found = outbox(installation, queued)
    assert (found.state, len(json.loads(found.tx_hashes_json)), sent_count(desk)) == (OutboxState.FINAL, 1, 1)


@pytest.mark.parametrize("is_business", [False, True])
def test_restored_database_does_not_issue_twice(installation: Installation, desk: ChainDesk, *, is_business: bool) -> None:
    """A backup from before the sending finds its commitment on the chain, which is success; no second transaction."""
    row = queued_of(installation, installation.business() if is_business else installation.household(), desk)
    send_outbox(installation.services, desk)
    put_back(installation, outbox(installation, row))
    send_outbox(installation.services, desk)
    assert (outbox(installation, row).state, sent_count(desk)) == (OutboxState.FINAL, 1)
    assert installation.statement(row).state is StatementState.ISSUED


def test_other_commitment_of_the_same_token_fails(
    installation: Installation, business: Whose, desk: ChainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that the chain has with another root is a failure that says so, and the statement is not issued."""
    row = queued_of(installation, business, desk)

    def issued_otherwise(*_: object) -> None:
        raise AlreadyIssuedError(
            "The statement is issued already", stored_root=bytes(32), expected="no token", got="another root"
        )

    monkeypatch.setattr(desk, "prepare", issued_otherwise)
    send_outbox(installation.services, desk)
    found = outbox(installation, row)
    assert (found.state, found.error) == (
        OutboxState.FAILED,
        "The statement is issued already; expected no token; got another root",
    )
    assert installation.statement(row).state is StatementState.QUEUED
    assert pending_count(installation.services) == 0


def test_failed_batch_goes_out_after_closing_again(
    installation: Installation, household: Whose, desk: ChainDesk, queued: StatementRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing again has a failed statement endorsed afresh: the same statement, the same root, one transaction."""

    def refused(*_: object) -> None:
        raise QuorumError(got="0 of 1")

    with monkeypatch.context() as patch:
        patch.setattr(desk, "prepare", refused)
        send_outbox(installation.services, desk)
    assert outbox(installation, queued).state is OutboxState.FAILED
    again = installation.close_months(household, "2025-04")
    assert (again.id, again.revision, again.state) == (queued.id, 1, StatementState.CLOSED)
    assert Worker(installation.services, desk).drain()
    assert (outbox(installation, queued).state, sent_count(desk)) == (OutboxState.FINAL, 1)
    assert installation.statement(queued).state is StatementState.ISSUED


def test_superseded_statement_is_not_sent(
    installation: Installation, household: Whose, desk: ChainDesk, queued: StatementRow
) -> None:
    """A restatement before the former revision was sent: only the new one reaches the chain."""
    second = restated(installation, household)
    assert Worker(installation.services, desk).drain()
    found = outbox(installation, queued)
    assert (found.state, found.error) == (OutboxState.FAILED, "Superseded or revoked before it was sent.")
    assert [installation.statement(row).state for row in (queued, second)] == [StatementState.SUPERSEDED, StatementState.ISSUED]
    assert sent_count(desk) == 1


def test_superseded_statement_that_was_signed_is_finished(
    installation: Installation, household: Whose, desk: ChainDesk, queued: StatementRow
) -> None:
    """Signed bytes may be out already: their row goes on to the end, and the statement stays superseded."""
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, "broadcast", "after"))  # type: ignore[arg-type]  # behaves as a desk
    restated(installation, household)
    installation.clock.advance(LEASE_S + 1)
    assert Worker(installation.services, desk).drain()
    assert outbox(installation, queued).state is OutboxState.FINAL
    assert installation.statement(queued).state is StatementState.SUPERSEDED


def test_dropped_transaction_is_sent_again(
    installation: Installation, desk: ChainDesk, queued: StatementRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node that takes a transaction and loses it gets the same bytes again after some looks, and it is mined once."""
    with monkeypatch.context() as patch:
        patch.setattr(desk, "broadcast", lambda raw: raw)
        send_outbox(installation.services, desk)
    lost = outbox(installation, queued)
    assert (lost.state, sent_count(desk)) == (OutboxState.SENT, 0)
    for _ in range(LOOKS_COUNT + 1):
        installation.clock.advance(LATER.total_seconds())
        send_outbox(installation.services, desk)
    found = outbox(installation, queued)
    assert (found.state, found.tx_hashes_json, sent_count(desk)) == (OutboxState.FINAL, lost.tx_hashes_json, 1)


def test_dropped_transaction_keeps_its_nonce(
    installation: Installation, household: Whose, desk: ChainDesk, queued: StatementRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that comes after a lost transaction waits behind it; both are on the chain once, under the bytes of then."""
    with monkeypatch.context() as patch:
        patch.setattr(desk, "broadcast", lambda raw: raw)
        send_outbox(installation.services, desk)
    second = queued_of(installation, household, desk, "2025-05")
    for _ in range(LOOKS_COUNT + 1):
        installation.clock.advance(LATER.total_seconds())
        send_outbox(installation.services, desk)
    assert [outbox(installation, row).state for row in (queued, second)] == [OutboxState.FINAL] * 2
    assert (len(json.loads(outbox(installation, queued).tx_hashes_json)), sent_count(desk)) == (1, 2)


def test_reverted_transaction_of_a_root_that_is_there(
    installation: Installation, desk: ChainDesk, queued: StatementRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where our transaction reverted because the root was anchored before as it should be, that is success."""
    real = desk.receipt

    def reverted(transaction_hash: bytes) -> Receipt | None:
        found = real(transaction_hash)
        return replace(found, is_success=False) if found else None

    monkeypatch.setattr(desk, "receipt", reverted)
    send_outbox(installation.services, desk)
    assert (outbox(installation, queued).state, sent_count(desk)) == (OutboxState.FINAL, 1)
    assert installation.statement(queued).state is StatementState.ISSUED


def test_former_hash_counts(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """Of all hashes that were ever sent for a root one success is enough, whatever the others say."""
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, "receipt", "before"))  # type: ignore[arg-type]  # behaves as a desk
    (own,) = json.loads(outbox(installation, queued).tx_hashes_json)
    with unit_of_work(installation.services.engine) as session:
        hashes = json.dumps([bytes(32).hex(), own, "11" * 32])
        session.connection().exec_driver_sql("UPDATE outbox SET tx_hashes_json = ?", (hashes,))
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert outbox(installation, queued).state is OutboxState.FINAL


def test_transaction_that_always_reverts_is_given_up(
    installation: Installation, desk: ChainDesk, queued: StatementRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A root whose simulation passes and whose transactions revert costs three transactions, not the whole budget."""
    sent: list[bytes] = []

    def swallow(raw: bytes) -> bytes:
        sent.append(keccak(raw))
        return sent[-1]

    def reverted(transaction_hash: bytes) -> Receipt | None:
        block = Receipt(transaction_hash, 1, bytes(32), is_success=False, gas_used=1, contract="")
        return block if transaction_hash in sent else None

    monkeypatch.setattr(desk, "broadcast", swallow)
    monkeypatch.setattr(desk, "receipt", reverted)
    monkeypatch.setattr(desk, "next_nonce", lambda _: 1_000)
    for _ in range(10):
        send_outbox(installation.services, desk)
        installation.clock.advance(LEASE_S + 1)
    found = outbox(installation, queued)
    assert found.state is OutboxState.FAILED
    assert found.error == f"Mined and reverted: {', '.join(one.hex() for one in sent)}."
    assert len(sent) == MOST_REVERTS_COUNT


def test_gas_of_a_day_is_bounded(installation: Installation, household: Whose, desk: ChainDesk, queued: StatementRow) -> None:
    """What is above the day's gas waits for the next day of UTC, unsigned, and says so; nothing is lost."""
    second = queued_of(installation, household, desk, "2025-05")
    desk.gas_per_day = 100_000
    send_outbox(installation.services, desk)
    states = {outbox(installation, row).state for row in (queued, second)}
    assert states == {OutboxState.FINAL, OutboxState.QUEUED}
    (waiting,) = (found for row in (queued, second) if (found := outbox(installation, row)).state is OutboxState.QUEUED)
    assert waiting.error.startswith("The gas of the day is spent; expected at most 100000 gas on 2025-06-15 (UTC); got ")
    assert waiting.next_at == datetime(2025, 6, 16, tzinfo=UTC)
    assert (waiting.nonce, waiting.raw, waiting.tx_hashes_json) == (None, None, "[]")
    installation.clock.advance(12 * 3600)
    send_outbox(installation.services, desk)
    assert {outbox(installation, row).state for row in (queued, second)} == {OutboxState.FINAL}


def test_signatures_expire(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """A batch that waited longer than its deadline is expired, with the reason; nothing is sent, and it is endorsed again."""
    installation.clock.advance(DEADLINE_S + 1)
    send_outbox(installation.services, desk)
    found = outbox(installation, queued)
    assert (found.state, sent_count(desk)) == (OutboxState.EXPIRED, 0)
    assert "deadline has passed" in found.error
    assert installation.statement(queued).state is StatementState.CLOSED


def test_expired_statement_is_endorsed_afresh(installation: Installation, desk: ChainDesk, queued: StatementRow) -> None:
    """The worker alone brings an expired statement to the chain: same root, new envelope, one transaction."""
    installation.clock.advance(DEADLINE_S + 1)
    worker = Worker(installation.services, desk)
    root_hex = outbox(installation, queued).root_hex
    assert worker.drain()
    found = outbox(installation, queued)
    assert (found.root_hex, found.state, sent_count(desk)) == (root_hex, OutboxState.FINAL, 1)
    assert installation.statement(queued).state is StatementState.ISSUED
    with installation.looking() as work:
        batch = ledger.batch_of(work.session, queued.tenant_id, root_hex)
        (answer,) = ledger.endorsements_of(work.session, queued.tenant_id, queued.id)
    assert batch.deadline_s == int(installation.clock.now().timestamp()) + DEADLINE_S
    assert answer.verdict == "accepted"


def test_chain_that_is_down_is_asked_later(
    installation: Installation, desk: ChainDesk, queued: StatementRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chain that does not answer costs a growing pause, and the reason is kept; then it goes on."""

    def down(*_: object) -> None:
        raise ChainError("The chain does not answer", got="refused", next_step="Try again later.")

    waits = []
    with monkeypatch.context() as patch:
        patch.setattr(desk, "prepare", down)
        for _ in range(3):
            send_outbox(installation.services, desk)
            found = outbox(installation, queued)
            waits.append((found.next_at - installation.clock.now()).total_seconds())
            installation.clock.advance(waits[-1])
    assert (found.state, found.error) == (OutboxState.QUEUED, "The chain does not answer; got refused. Try again later.")
    assert waits == [4, 8, 16]
    send_outbox(installation.services, desk)
    assert (outbox(installation, queued).state, sent_count(desk)) == (OutboxState.FINAL, 1)


def test_reorganisation_sends_it_back(
    installation: Installation, desk: ChainDesk, queued: StatementRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A block that is gone when finality is asked for sends the batch back to wait for its receipt."""
    real: Callable[..., Any] = desk.receipt
    states = []

    def other_block(transaction_hash: bytes) -> Any:  # noqa: ANN401 - a receipt
        states.append(outbox(installation, queued).state)
        found = real(transaction_hash)
        return replace(found, block_hash=bytes(32)) if states.count(OutboxState.MINED) == 1 and found else found

    monkeypatch.setattr(desk, "receipt", other_block)
    send_outbox(installation.services, desk)
    assert states[:3] == [OutboxState.SENT, OutboxState.MINED, OutboxState.SENT]
    assert outbox(installation, queued).state is OutboxState.FINAL


def test_commitment_that_is_reorganised_away_is_signed(
    installation: Installation, desk: ChainDesk, queued: StatementRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A root that was found on the chain without a transaction of ours is final with its block; if that goes, it is sent."""

    def there_already(*_: object) -> None:
        raise AlreadyIssuedError("The root is anchored already", stored_root=bytes.fromhex(outbox(installation, queued).root_hex))

    with monkeypatch.context() as patch:
        patch.setattr(desk, "prepare", there_already)
        patch.setattr(desk, "is_canonical", lambda *_: False)
        send_outbox(installation.services, desk, limit_count=1)
        found = outbox(installation, queued)
        assert (found.state, found.block_number, found.tx_hashes_json) == (OutboxState.QUEUED, None, "[]")
    send_outbox(installation.services, desk)
    assert (outbox(installation, queued).state, sent_count(desk)) == (OutboxState.FINAL, 1)


def test_business_gets_its_token(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """A business is issued a token that names its own root; a household is only anchored."""
    row = queued_of(installation, business, desk)
    send_outbox(installation.services, desk)
    with installation.looking() as work:
        issuance = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
    assert issuance is not None
    standing = desk.standing(bytes.fromhex(issuance.batch_root_hex), int(issuance.token_id_hex, 16))
    assert standing.token_root == bytes.fromhex(issuance.batch_root_hex)
