"""What was found of a statement is remembered until a byte of it changes, or for a day; nothing broken is."""

from dataclasses import replace
from datetime import UTC, date, datetime
from threading import Barrier, Thread

import pytest

from app.chain import ChainDesk
from app.services import Whose
from app.store import statements, subjects
from app.store.statements import StatementRow, StatementState
from app.usecases.endorse_statement import endorse_statement
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.send_outbox import send_outbox
from app.usecases.verify_bundle import Step, StepState
from app.usecases.verify_statement import (
    LONGEST_AGE,
    MAX_KEPT_COUNT,
    Verifications,
    checked_statement,
    remember_newest,
    verify_statement,
)
from domain.errors import CanonicalError, ConflictError, NotFoundError
from tests.app.usecases.installation import Installation, steady

NOW = datetime(2025, 6, 15, tzinfo=UTC)
HELD = (Step("bundle", StepState.OK, "fits"),)
BROKEN = (Step("bundle", StepState.FAILED, "does not"),)


@pytest.fixture
def row(installation: Installation, household: Whose, desk: ChainDesk) -> StatementRow:
    """An anchored statement of April 2025."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 2)))
    return installation.issue(desk, installation.close_months(household, "2025-04"))


@pytest.fixture
def verified(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the bundles that were really verified, one for each time."""
    sizes: list[int] = []

    def counted(data: bytes, **others: object) -> tuple[Step, ...]:
        sizes.append(len(data))
        return verify_with_chain(data, **others)  # type: ignore[arg-type]

    monkeypatch.setattr("app.usecases.verify_statement.verify_with_chain", counted)
    return sizes


def ask(installation: Installation, row: StatementRow, kept: Verifications, desk: ChainDesk | None) -> tuple[Step, ...]:
    """What a visitor is told."""
    with installation.looking() as work:
        now = statements.by_id(work.session, row.tenant_id, row.id)
        return verify_statement(work, now, chain=desk, kept=kept)


def test_second_visitor_is_told_what_the_first_was(
    installation: Installation, row: StatementRow, desk: ChainDesk, verified: list[int]
) -> None:
    """One verification for two visitors, and it holds to the chain."""
    kept = Verifications()
    first, second = (ask(installation, row, kept, desk) for _ in range(2))
    assert second is first
    assert {step.state for step in first} == {StepState.OK}
    assert (len(verified), kept.count()) == (1, 1)


def test_it_is_done_anew_after_a_day(installation: Installation, row: StatementRow, desk: ChainDesk, verified: list[int]) -> None:
    """Nothing is believed for ever; what is told says when it was found."""
    kept, began = Verifications(), installation.clock.now()
    ask(installation, row, kept, desk)
    installation.clock.advance(LONGEST_AGE.total_seconds())
    with installation.looking() as work:
        assert checked_statement(work, installation.statement(row), chain=desk, kept=kept).at == began
    assert len(verified) == 1
    installation.clock.advance(1)
    ask(installation, row, kept, desk)
    assert len(verified) == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE line SET canonical = CAST(replace(canonical, '2025', '2026') AS BLOB) WHERE position = 0",
        "UPDATE statement_input SET leaf = CAST(replace(leaf, 'measured', 'estimated') AS BLOB) WHERE leaf_index = 0",
        "UPDATE statement SET manifest = CAST(replace(manifest, 'cf-method', 'cf-methud') AS BLOB)",
        "UPDATE statement SET unscored_json = '[{}]'",
    ],
)
def test_changed_byte_in_the_database_counts_at_once(
    installation: Installation, row: StatementRow, desk: ChainDesk, verified: list[int], change: str
) -> None:
    """What is changed by other means is verified anew for the next visitor, who is told what breaks."""
    kept = Verifications()
    ask(installation, row, kept, desk)
    with installation.work() as work:
        assert work.session.connection().exec_driver_sql(change).rowcount > 0
    try:
        told = {step.name: step.state for step in ask(installation, row, kept, desk)}
    except CanonicalError:  # no bundle can be made of it
        return
    assert len(verified) == 2
    assert StepState.FAILED in told.values()


def test_newest_are_verified_before_anybody_asks(
    installation: Installation, row: StatementRow, desk: ChainDesk, verified: list[int]
) -> None:
    """Once; the first visitor of the proof finds it done."""
    kept = Verifications()
    assert [remember_newest(installation.services, desk, kept) for _ in range(2)] == [1, 0]
    assert {step.state for step in ask(installation, row, kept, desk)} == {StepState.OK}
    assert len(verified) == 1


def test_erased_one_stops_no_other(
    installation: Installation, row: StatementRow, business: Whose, desk: ChainDesk, verified: list[int]
) -> None:
    """What cannot be verified any more is tried once and passed over."""
    installation.take(business, steady(date(2025, 4, 1), date(2025, 4, 2)))
    installation.issue(desk, installation.close_months(business, "2025-04"))
    with installation.work() as work:
        subjects.erase(work.session, row.tenant_id, row.subject_id, installation.clock.now())
    kept = Verifications()
    assert [remember_newest(installation.services, desk, kept) for _ in range(2)] == [2, 0]
    assert len(verified) == 1


def test_way_to_the_chain_counts(installation: Installation, household: Whose, desk: ChainDesk, verified: list[int]) -> None:
    """What was found before the batch was on the chain is not told afterwards."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 2)))
    closed = installation.close_months(household, "2025-04")
    endorse_statement(installation.services, desk, closed.tenant_id, closed.id)
    kept = Verifications()
    before = {step.name: step.state for step in ask(installation, closed, kept, desk)}
    send_outbox(installation.services, desk)
    after = {step.name: step.state for step in ask(installation, closed, kept, desk)}
    assert (before["chain"], after["chain"], len(verified)) == (StepState.FAILED, StepState.OK, 2)


def test_restatement_counts(
    installation: Installation, row: StatementRow, household: Whose, desk: ChainDesk, verified: list[int]
) -> None:
    """A superseded statement is verified anew, and the new one has a key of its own."""
    kept = Verifications()
    ask(installation, row, kept, desk)
    installation.take(household, steady(date(2025, 4, 3), date(2025, 4, 4)))
    newer = installation.issue(desk, installation.close_months(household, "2025-04", reason="more days"))
    ask(installation, row, kept, desk)
    ask(installation, newer, kept, desk)
    assert installation.statement(row).state is StatementState.SUPERSEDED
    assert (len(verified), kept.count()) == (3, 3)


def test_erasure_counts(installation: Installation, row: StatementRow, desk: ChainDesk) -> None:
    """Of an erased subject nothing is told from memory."""
    kept = Verifications()
    ask(installation, row, kept, desk)
    with installation.work() as work:
        subjects.erase(work.session, row.tenant_id, row.subject_id, installation.clock.now())
    with pytest.raises(NotFoundError):
        ask(installation, row, kept, desk)


def test_other_chain_or_auditors_count(
    installation: Installation, row: StatementRow, desk: ChainDesk, verified: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the chain, and in another epoch of its auditors, it is verified anew."""
    kept = Verifications()
    told = ask(installation, row, kept, None)
    assert {step.name for step in told if step.state is StepState.NOT_CHECKED} == {"signatures", "chain"}
    ask(installation, row, kept, desk)
    monkeypatch.setattr(desk, "epoch", lambda: 2)
    ask(installation, row, kept, desk)
    assert len(verified) == 2  # without a new block nothing can have changed, and the chain is not asked again
    monkeypatch.setattr(desk, "head", lambda: (9, bytes(32)))
    ask(installation, row, kept, desk)
    assert len(verified) == 3


def test_revocation_counts(
    installation: Installation, row: StatementRow, desk: ChainDesk, verified: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What held before its auditors revoked it is not told from memory."""
    kept = Verifications()
    assert {step.state for step in ask(installation, row, kept, desk)} == {StepState.OK}
    monkeypatch.setattr(desk, "ended_status", lambda *_: 3)
    monkeypatch.setattr(desk, "head", lambda: (9, bytes(32)))
    told = {step.name: step for step in ask(installation, row, kept, desk)}
    assert (told["chain"].state, len(verified)) == (StepState.FAILED, 2)
    assert "The auditors have revoked this statement" in told["chain"].detail


def test_memory_of_the_chain_is_bounded() -> None:
    """The one that was asked for longest ago goes first; another head asks again."""
    kept, asked = Verifications(), []

    def answer(name: int) -> int:
        asked.append(name)
        return name

    for name in range(MAX_KEPT_COUNT + 1):
        kept.chain_state_of(name, "head", lambda name=name: answer(name))  # type: ignore[misc]
    assert kept.chain_state_of(1, "head", lambda: answer(-1)) == 1
    assert kept.chain_state_of(0, "head", lambda: answer(-2)) == -2
    assert kept.chain_state_of(1, "next", lambda: answer(-3)) == -3
    assert len(asked) == MAX_KEPT_COUNT + 3


def test_other_factor_set_counts(
    installation: Installation, row: StatementRow, verified: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A verifier that holds another factor set now is another one."""
    kept = Verifications()
    ask(installation, row, kept, None)
    other = replace(installation.services.factor_set, id=replace(row.factor_set, root_hex="00" * 32))
    monkeypatch.setattr("app.usecases.verify_statement.factor_set_then", lambda *_: other)
    told = {step.name: step.state for step in ask(installation, row, kept, None)}
    assert (told["choice"], len(verified)) == (StepState.NOT_CHECKED, 2)


def test_unsigned_statement_is_refused(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """What no auditor signed has no verification, and none is kept."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 2)))
    closed, kept = installation.close_months(household, "2025-04"), Verifications()
    with pytest.raises(ConflictError, match="This statement was not signed yet"):
        ask(installation, closed, kept, desk)
    assert kept.count() == 0


def test_broken_is_not_kept() -> None:
    """A step that failed is asked for again: it may have been the chain's silence."""
    kept = Verifications()
    assert kept.checked_of("statement", "a", NOW, lambda: BROKEN).steps == BROKEN
    assert kept.checked_of("statement", "a", NOW, lambda: HELD).steps == HELD
    assert kept.checked_of("statement", "a", NOW, lambda: BROKEN).steps == HELD


def test_error_is_not_kept() -> None:
    """What could not be verified is tried again."""
    kept = Verifications()

    def refuse() -> tuple[Step, ...]:
        raise ConflictError("The chain is away")

    with pytest.raises(ConflictError, match="The chain is away"):
        kept.checked_of("statement", "a", NOW, refuse)
    assert kept.checked_of("statement", "a", NOW, lambda: HELD).steps == HELD


def test_memory_is_bounded() -> None:
    """The one that was asked for longest ago goes first."""
    kept = Verifications()
    for number in range(MAX_KEPT_COUNT):
        kept.checked_of("statement", number, NOW, lambda: HELD)
    kept.checked_of("statement", 0, NOW, lambda: BROKEN)
    kept.checked_of("statement", "one more", NOW, lambda: HELD)
    assert kept.count() == MAX_KEPT_COUNT
    assert kept.checked_of("statement", 0, NOW, lambda: BROKEN).steps == HELD
    assert kept.checked_of("statement", 1, NOW, lambda: BROKEN).steps == BROKEN


def test_crowd_waits_for_the_first() -> None:
    """Eight visitors at once make one verification."""
    kept, begun, made = Verifications(), Barrier(8), []

    def verify() -> tuple[Step, ...]:
        made.append(1)
        return HELD

    def visit() -> None:
        begun.wait()
        kept.checked_of("statement", "a", NOW, verify)

    visitors = [Thread(target=visit) for _ in range(8)]
    for visitor in visitors:
        visitor.start()
    for visitor in visitors:
        visitor.join()
    assert made == [1]
