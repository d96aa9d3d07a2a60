"""Statements that end on the chain: replaced by a restatement, or withdrawn for good."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from app.api.models import VerificationOut
from app.chain import ChainDesk
from app.jobs.worker import Worker
from app.services import Whose
from app.store import endings, ledger, periods, subjects
from app.store.ledger import IssuanceRow, LedgerAction, OutboxRow, OutboxState
from app.store.statements import StatementRow, StatementState
from app.usecases import endorse_statement as endorsing
from app.usecases import send_outbox as sending
from app.usecases.endorse_statement import endorse_statement
from app.usecases.find_successor import Standing, Successor, successor_of
from app.usecases.revoke_statement import MAX_REASON_CHARS, reason_of, revoke_statement
from app.usecases.send_outbox import LEASE_S, pending_count, send_outbox
from app.usecases.show_months import state_of
from app.usecases.show_proof import show_proof
from app.usecases.sign_batch import DEADLINE_S
from app.usecases.verify_bundle import StepState
from app.usecases.verify_statement import Verifications, verify_statement
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages import proof as proof_page
from dashboards.pages.dashboard import MonthState
from domain.errors import ConflictError, InputError
from domain.issuance import IssuanceKind
from domain.manifest import Manifest
from ledger.chain import Token
from ledger.issuance import reason_hash
from tests.app.usecases.installation import Installation
from tests.app.usecases.test_send_outbox import CrashError, _Unstable, outbox, queued_of, restated, sent_count

ACTIVE, SUPERSEDED, REVOKED = 1, 2, 3
REASON = "The meter was another building's."


def issuance(installation: Installation, row: StatementRow) -> IssuanceRow:
    """A statement's place in its batch."""
    with installation.looking() as work:
        found = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
    assert found is not None
    return found


def token(installation: Installation, desk: ChainDesk, row: StatementRow) -> Token | None:
    """What the chain says of a statement's token."""
    return desk.token(int(issuance(installation, row).token_id_hex, 16))


def issued(installation: Installation, desk: ChainDesk, whose: Whose) -> StatementRow:
    """A statement of April that is final."""
    row = queued_of(installation, whose, desk)
    send_outbox(installation.services, desk)
    return installation.statement(row)


def revocation(installation: Installation, row: StatementRow) -> OutboxRow:
    """The transaction of a statement's revocation."""
    with installation.looking() as work:
        found = endings.revocation_of(work.session, row.tenant_id, row.id)
        assert found is not None
        return ledger.outbox_of(work.session, row.tenant_id, found.token_id_hex)


# ---- restated ----


def test_restatement_takes_the_tokens_place(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """A business's restated statement is a token in place of the former: one balance, in one transaction more."""
    first = issued(installation, desk, business)
    second = restated(installation, business)
    endorse_statement(installation.services, desk, second.tenant_id, second.id)
    send_outbox(installation.services, desk)
    assert [one and one.status for one in (token(installation, desk, row) for row in (first, second))] == [SUPERSEDED, ACTIVE]
    new = token(installation, desk, second)
    assert new is not None
    assert new.root.hex() == issuance(installation, second).batch_root_hex
    assert issuance(installation, second).action is LedgerAction.ISSUE
    assert (sent_count(desk), installation.statement(second).state) == (2, StatementState.ISSUED)


def test_restatement_before_the_first_was_sent(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """Where the first revision never reached the chain, the second is its token, and the first one's place is closed."""
    first = queued_of(installation, business, desk)
    second = restated(installation, business)
    endorse_statement(installation.services, desk, second.tenant_id, second.id)
    send_outbox(installation.services, desk)
    send_outbox(installation.services, desk)
    assert outbox(installation, first).state is OutboxState.FAILED
    assert [one and one.status for one in (token(installation, desk, row) for row in (first, second))] == [SUPERSEDED, ACTIVE]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["prepare", "sign", "broadcast", "receipt", "is_final_block"])
def test_crash_supersedes_once(installation: Installation, business: Whose, desk: ChainDesk, method: str, when: str) -> None:
    """A process that dies around any word to the chain: its successor finishes with one transaction."""
    issued(installation, desk, business)
    second = restated(installation, business)
    endorse_statement(installation.services, desk, second.tenant_id, second.id)
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, method, when))  # type: ignore[arg-type]  # behaves as a desk
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert (outbox(installation, second).state, sent_count(desk)) == (OutboxState.FINAL, 2)


def test_first_that_comes_too_late_is_named(
    installation: Installation, business: Whose, desk: ChainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A former revision whose transaction reverts behind its restatement fails with what happened, and stays superseded."""
    first = queued_of(installation, business, desk)
    second = restated(installation, business)
    endorse_statement(installation.services, desk, second.tenant_id, second.id)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "is_wanted", lambda *_: True)
        patch.setattr(desk, "prepare", _later(desk, outbox(installation, first).root_hex))
        send_outbox(installation.services, desk)
        patch.undo()
        patch.setattr(ledger, "is_wanted", lambda *_: True)
        installation.clock.advance(LEASE_S)
        send_outbox(installation.services, desk)
    found = outbox(installation, first)
    assert found.state is OutboxState.FAILED
    assert found.error.startswith("A newer revision took the statement's place; ")
    assert outbox(installation, second).state is OutboxState.FINAL


def _later(desk: ChainDesk, root_hex: str) -> Callable[..., Any]:
    """The desk's `prepare`, which does not answer for one root."""
    from domain.errors import ChainError

    real = desk.prepare

    def prepare(action: str, issuances: Any, envelope: Any, signatures: Any) -> Any:  # noqa: ANN401 - passes through
        if envelope.root.hex() == root_hex:
            raise ChainError("The chain does not answer")
        return real(action, issuances, envelope, signatures)

    return prepare


@pytest.mark.parametrize("becomes", ["self-declared", "no token"])
def test_token_that_nothing_replaces_is_revoked(
    installation: Installation, business: Whose, desk: ChainDesk, monkeypatch: pytest.MonkeyPatch, becomes: str
) -> None:
    """A restatement of another kind, or without a holder, cannot supersede: the auditors revoke the former token."""
    first = issued(installation, desk, business)
    second = restated(installation, business)
    if becomes == "no token":
        with installation.work() as work:
            subjects.set_chain_holder(work.session, business.tenant_id, business.subject_id, "")
    else:
        real = endorsing.issuance_of

        def otherwise(manifest: Manifest, *arguments: Any) -> Any:  # noqa: ANN401 - an issuance
            return replace(real(manifest, *arguments), kind=IssuanceKind.SELF_DECLARED_EMISSIONS)

        monkeypatch.setattr(endorsing, "issuance_of", otherwise)
    endorse_statement(installation.services, desk, second.tenant_id, second.id)
    send_outbox(installation.services, desk)
    old, new = token(installation, desk, first), token(installation, desk, second)
    assert old is not None
    assert old.status == REVOKED
    assert (new and new.status) == (None if becomes == "no token" else ACTIVE)
    with installation.looking() as work:
        assert reason_of(work, first) == "Restated as revision 2: The utility corrected a day."
    assert installation.statement(first).state is StatementState.SUPERSEDED
    assert pending_count(installation.services) == 0


# ---- revoked ----


@pytest.mark.parametrize("is_business", [False, True])
def test_revoked_statement_holds_nowhere(installation: Installation, desk: ChainDesk, *, is_business: bool) -> None:
    """The chain says revoked, of a token and of what was only anchored; its proof fails there, the reason is sealed here."""
    row = issued(installation, desk, installation.business() if is_business else installation.household())
    sent = revoke_statement(installation.services, desk, row, REASON)
    assert (sent.state, sent.action) == (OutboxState.QUEUED, LedgerAction.REVOKE)
    send_outbox(installation.services, desk)
    found = token(installation, desk, row)
    assert found is not None
    assert (found.status, revocation(installation, row).state, sent_count(desk)) == (REVOKED, OutboxState.FINAL, 2)
    assert installation.statement(row).state is StatementState.REVOKED
    with installation.looking() as work:
        steps = verify_statement(work, installation.statement(row), chain=desk, kept=Verifications())
        assert reason_of(work, row) == REASON
        kept = endings.revocation_of(work.session, row.tenant_id, row.id)
    assert {step.name for step in steps if step.state is StepState.FAILED} == {"chain"}
    assert kept is not None
    assert REASON.encode() not in kept.sealed_reason
    assert kept.reason_hash_hex != reason_hash(bytes(32), REASON).hex()


def test_revoked_before_it_was_sent(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """A statement that is on its way is not sent any more, and can never be issued: its place on the chain is closed."""
    row = queued_of(installation, business, desk)
    revoke_statement(installation.services, desk, row, REASON)
    send_outbox(installation.services, desk)
    assert (outbox(installation, row).state, outbox(installation, row).error) == (
        OutboxState.FAILED,
        "Superseded or revoked before it was sent.",
    )
    found = token(installation, desk, row)
    assert found is not None
    assert (found.status, found.batch, sent_count(desk)) == (REVOKED, 0, 1)


def test_revoking_again_changes_nothing(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """The same request again finds the revocation: one transaction, and the reason of then."""
    row = issued(installation, desk, business)
    for reason in (REASON, "Another reason."):
        revoke_statement(installation.services, desk, row, reason)
        send_outbox(installation.services, desk)
    assert sent_count(desk) == 2
    with installation.looking() as work:
        assert reason_of(work, row) == REASON


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["prepare_revocation", "sign", "broadcast", "receipt", "is_final_block"])
def test_crash_revokes_once(installation: Installation, business: Whose, desk: ChainDesk, method: str, when: str) -> None:
    """A process that dies around any word to the chain: its successor finishes with one transaction."""
    row = issued(installation, desk, business)
    revoke_statement(installation.services, desk, row, REASON)
    with pytest.raises(CrashError):
        send_outbox(installation.services, _Unstable(desk, method, when))  # type: ignore[arg-type]  # behaves as a desk
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert (revocation(installation, row).state, sent_count(desk)) == (OutboxState.FINAL, 2)


@pytest.mark.parametrize("state", [OutboxState.SIGNED, OutboxState.SENT, OutboxState.MINED, OutboxState.FINAL])
def test_crash_at_the_database_revokes_once(
    installation: Installation, business: Whose, desk: ChainDesk, state: OutboxState
) -> None:
    """A process that dies before a state of the revocation is written: its successor finishes with one transaction."""
    row = issued(installation, desk, business)
    revoke_statement(installation.services, desk, row, REASON)
    real = sending._write  # noqa: SLF001 - the boundary under test

    def dies(services: Any, row: Any, change: Any, **named: Any) -> Any:  # noqa: ANN401 - passes through what it was given
        if change.state is state:
            raise CrashError(state)
        return real(services, row, change, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sending, "_write", dies)
        with pytest.raises(CrashError):
            send_outbox(installation.services, desk)
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert (revocation(installation, row).state, sent_count(desk)) == (OutboxState.FINAL, 2)


def test_revocation_that_expired_is_signed_again(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """A revocation that waited past its deadline is signed afresh by itself."""
    row = issued(installation, desk, business)
    revoke_statement(installation.services, desk, row, REASON)
    installation.clock.advance(DEADLINE_S + 1)
    send_outbox(installation.services, desk)
    send_outbox(installation.services, desk)
    assert (revocation(installation, row).state, sent_count(desk)) == (OutboxState.FINAL, 2)


def test_restored_database_does_not_revoke_twice(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """A backup from before the sending finds the token revoked, which is success; no second transaction."""
    row = issued(installation, desk, business)
    sent = revoke_statement(installation.services, desk, row, REASON)
    send_outbox(installation.services, desk)
    with installation.work() as work:
        work.session.connection().exec_driver_sql(
            "UPDATE outbox SET state = 'queued', raw = NULL, nonce = NULL, tx_hashes_json = '[]', block_number = NULL,"
            " block_hash_hex = NULL, next_at = created_at WHERE root_hex = ?",
            (sent.root_hex,),
        )
    send_outbox(installation.services, desk)
    assert (revocation(installation, row).state, sent_count(desk)) == (OutboxState.FINAL, 2)


def test_period_of_a_revoked_statement_is_closed_again(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """Nothing need have changed: the next revision takes its place, with a reason; the revoked one stays revoked."""
    first = issued(installation, desk, business)
    revoke_statement(installation.services, desk, first, REASON)
    send_outbox(installation.services, desk)
    with pytest.raises(ConflictError, match="needs its reason"):
        installation.close_months(business, "2025-04")
    second = installation.close_months(business, "2025-04", reason="It was ours after all.")
    assert Worker(installation.services, desk).drain()
    assert [installation.statement(row).state for row in (first, second)] == [StatementState.REVOKED, StatementState.ISSUED]
    assert [one and one.status for one in (token(installation, desk, row) for row in (first, second))] == [REVOKED, ACTIVE]
    with installation.looking() as work:
        assert periods.by_id(work.session, second.tenant_id, second.period_id).state == "closed"


def test_revoked_is_told(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """The proof says so from the moment it was asked for, not only where the chain is; the month can be closed again."""
    row = issued(installation, desk, household)
    revoke_statement(installation.services, desk, row, REASON)
    with installation.looking() as work:
        now = installation.statement(row)
        steps = verify_statement(work, now, chain=None, kept=Verifications())
        successor = successor_of(work, now)
        shown = show_proof(work, now, steps, is_shared=False)
        period = periods.by_id(work.session, now.tenant_id, now.period_id)
        assert state_of(work, period, now) is MonthState.REVOKED
    assert successor == Successor(Standing.REVOKED, 1)
    assert VerificationOut.of(steps, successor).standing == "revoked"
    page = proof_page.render(shown, messages_in(), Frame())
    assert "This statement was revoked." in page
    assert REASON not in page


def test_what_cannot_be_revoked(installation: Installation, business: Whose, desk: ChainDesk) -> None:
    """A statement that was not signed, or was superseded, is refused; so is a reason that is none."""
    first = issued(installation, desk, business)
    second = restated(installation, business)
    for row in (installation.statement(first), second):
        with pytest.raises(ConflictError, match="cannot be revoked"):
            revoke_statement(installation.services, desk, row, REASON)
    for reason in ("", "  ", "x" * (MAX_REASON_CHARS + 1)):
        with pytest.raises(InputError, match="needs its reason"):
            revoke_statement(installation.services, desk, second, reason)
    assert (sent_count(desk), pending_count(installation.services)) == (1, 0)
