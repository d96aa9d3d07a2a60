"""Month-end: everybody who is open, once, under one root; whoever cannot be closed is named and stops nobody."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app.assemble import open_desk
from app.chain import ChainDesk
from app.jobs.worker import Worker
from app.services import Services, Whose
from app.store import ledger, month_end, periods, statements
from app.store.ledger import BatchRow, IssuanceRow, LedgerAction, OutboxChange, OutboxState
from app.store.session import unit_of_work
from app.store.statements import StatementRow, StatementState
from app.usecases import close_month_end as subject
from app.usecases.audit_many import Ask, Audited, ask_here
from app.usecases.close_month_end import (
    Refusal,
    ask_month_end,
    close_and_endorse,
    close_open,
    endorse_closed,
    endorse_month_end,
    open_count,
    sign_accepted,
)
from app.usecases.endorse_statement import endorse_statement
from app.usecases.endorse_statement import issuance_of as issuance_of_manifest
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.revoke_statement import revoke_statement
from app.usecases.send_outbox import LATER, LEASE_S, send_outbox
from app.usecases.sign_batch import DEADLINE_S
from app.usecases.verify_bundle import StepState
from app.usecases.verify_statement import Verifications, verify_statement
from domain.bundle import envelope_from_json
from domain.errors import AuditError, ChainError, ConflictError, LedgerError
from domain.period import MonthRange
from ledger.chain import Token
from tests.app.usecases.installation import Installation
from tests.app.usecases.test_send_outbox import CrashError as DiedError
from tests.app.usecases.test_send_outbox import _Unstable, queued_of

MARCH = MonthRange.from_text("2025-03")


class CrashError(RuntimeError):
    """The process dies here."""


def fill(installation: Installation, whose: Whose, *, kwh: Iterable[str] = ("12.5", "7"), month: str = "2025-03") -> None:
    """Days of electricity and a drive."""
    lines = [
        {"id": f"{month} {n}", "kind": "electricity", "quantity": q, "unit": "kWh", "start": f"{month}-0{n + 1}"}
        for n, q in enumerate(kwh)
    ]
    lines.append({"id": f"{month} drive", "kind": "car", "quantity": "42", "unit": "km", "start": f"{month}-09", "region": "GB"})
    installation.take(whose, "\n".join(json.dumps(line) for line in lines).encode(), connector="activities")


@pytest.fixture
def homes(installation: Installation) -> list[Whose]:
    """Three households, each a tenant of its own, with activity in March."""
    found = [installation.household(name) for name in ("Ada", "Bo", "Cy")]
    for number, whose in enumerate(found):
        fill(installation, whose, kwh=(f"{number + 1}.5", "7"))
    return found


def close_all(installation: Installation, months: MonthRange = MARCH) -> list[Refusal]:
    """Step 1 for everybody."""
    return [one for step in close_open(installation.services, months) for one in step.refused]


def month_ended(installation: Installation, desk: ChainDesk) -> list[Refusal]:
    """The whole month-end."""
    refused = close_all(installation) + list(endorse_month_end(installation.services, desk, MARCH))
    send_outbox(installation.services, desk)
    return refused


def statement_of(installation: Installation, whose: Whose) -> StatementRow:
    """The only statement of a subject."""
    with installation.looking() as work:
        (row,) = statements.of_subject(work.session, whose.tenant_id, whose.subject_id)
    return row


def issuance_of(installation: Installation, row: StatementRow) -> IssuanceRow:
    """Its place in a batch."""
    with installation.looking() as work:
        found = ledger.issuance_of_statement(work.session, row.tenant_id, row.id)
    assert found is not None
    return found


def batches(installation: Installation) -> list[tuple[str, int]]:
    """Root and count of every batch."""
    with installation.looking() as work:
        rows = work.session.execute(text("SELECT root_hex, count AS issuance_count FROM batch")).mappings()
        return [(str(row["root_hex"]), int(row["issuance_count"])) for row in rows]


def test_all_open_subjects_are_issued_under_one_root(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """Three tenants' statements, one transaction, and a proof for each that leads to the root on the chain."""
    assert month_ended(installation, desk) == []
    rows = [statement_of(installation, whose) for whose in homes]
    ((root_hex, count),) = batches(installation)
    assert [row.state for row in rows] == [StatementState.ISSUED] * 3
    assert count == 3
    assert desk.standing(bytes.fromhex(root_hex), 0).is_anchored
    assert sorted(issuance_of(installation, row).leaf_index for row in rows) == [0, 1, 2]


def test_bundle_of_each_holds(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """What a stranger is given of one subject verifies to the last step, and shows nothing of the others."""
    month_ended(installation, desk)
    for whose in homes:
        with installation.looking() as work:
            row = statement_of(installation, whose)
            data = export_bundle(work, row, Shown.EVERYTHING).to_bytes()
            steps = verify_statement(work, row, chain=desk, kept=Verifications())
        assert {step.state for step in steps} == {StepState.OK}, steps
        assert not any(other.subject_id.encode() in data for other in homes if other != whose)


def test_statements_are_those_of_close(tmp_path: Path, installation: Installation, homes: list[Whose]) -> None:
    """Line by line what closing each subject by itself makes, with the same leaves and originals."""
    close_all(installation)
    alone = Installation.open(tmp_path / "alone")
    for number, whose in enumerate(homes):
        twin = alone.household(("Ada", "Bo", "Cy")[number])
        fill(alone, twin, kwh=(f"{number + 1}.5", "7"))
        by_itself = alone.close_months(twin, "2025-03")
        row = statement_of(installation, whose)
        assert said_of(installation, row) == said_of(alone, by_itself)
        assert (row.totals, row.method, row.factor_set) == (by_itself.totals, by_itself.method, by_itself.factor_set)
    alone.close()


def said_of(installation: Installation, row: StatementRow) -> tuple[object, ...]:
    """Everything of a statement that chance does not change: lines, leaves, and the manifest without its salted roots."""
    manifest = json.loads(row.manifest)
    for name in ("inputs", "lines", "originals"):
        manifest[name].pop("root")
    manifest.pop("subject")
    with installation.looking() as work:
        lines = statements.line_bytes_of(work.session, row.tenant_id, row.id)
        leaves = [one.leaf for one in statements.inputs_of(work.session, row.tenant_id, row.id)]
    return lines, leaves, manifest


def test_second_run_finds_nothing_to_do(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """What is closed is asked for no more: no statement, no batch, no refusal."""
    month_ended(installation, desk)
    before = batches(installation)
    assert open_count(installation.services, MARCH) == 0
    assert month_ended(installation, desk) == []
    assert batches(installation) == before
    assert [statement_of(installation, whose).revision for whose in homes] == [1, 1, 1]


def test_refused_subject_is_named_and_stops_nobody(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """A sum of 2^63, a month that belongs to a quarter and a zone that does not exist: three names, and the rest is issued."""
    too_much, quarter, nowhere = (installation.household(name) for name in ("Too much", "Quarter", "Nowhere"))
    fill(installation, too_much, kwh=("5000000000000", "5000000000000"))
    fill(installation, quarter)
    with unit_of_work(installation.services.engine) as session:
        spring = MonthRange.from_text("2025-02..2025-03")
        periods.get_or_open(
            session, quarter.tenant_id, quarter.subject_id, spring, period_id="spring", subject_commitment=b"s" * 32
        )
    fill(installation, nowhere)
    with unit_of_work(installation.services.engine) as session:
        session.execute(text("UPDATE subject SET zone = 'Mars/Olympus' WHERE id = :id"), {"id": nowhere.subject_id})
    refused = {one.name: one.reason for one in month_ended(installation, desk)}
    assert sorted(refused) == ["Nowhere", "Quarter", "Too much"]
    assert "magnitudes add up to less than 2^63" in refused["Too much"]
    assert "belong to another period already" in refused["Quarter"]
    assert "Mars/Olympus" in refused["Nowhere"]
    assert [statement_of(installation, whose).state for whose in homes] == [StatementState.ISSUED] * 3


def test_month_that_is_not_over_is_refused(installation: Installation) -> None:
    """Nobody's running month is closed."""
    whose = installation.household()
    fill(installation, whose, month="2025-06")
    (refused,) = close_all(installation, MonthRange.from_text("2025-06"))
    assert refused.reason.startswith("This period is not over yet; expected a period that ends by 2025-06-15")


def test_lost_original_is_named_and_its_statement_waits(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """A statement that cannot be audited now stays closed, the others are issued; once the original is back, so is it."""
    close_all(installation)
    with installation.looking() as work:
        document = work.session.execute(
            text("SELECT stored_sha256 FROM document WHERE subject_id = :id"), {"id": homes[0].subject_id}
        ).scalar_one()
    (path,) = [one for one in installation.services.settings.data_folder.rglob("*") if document in one.name]
    hidden = path.rename(path.with_suffix(".away"))
    (refused,) = month_ended(installation, desk)
    assert refused.name == "Ada"
    assert [statement_of(installation, whose).state for whose in homes] == [
        StatementState.CLOSED,
        StatementState.ISSUED,
        StatementState.ISSUED,
    ]
    hidden.rename(path)
    assert month_ended(installation, desk) == []
    assert statement_of(installation, homes[0]).state is StatementState.ISSUED
    assert sorted(count for _, count in batches(installation)) == [1, 2]


def test_findings_of_the_auditor_are_told(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """A statement whose lines were changed after closing is not accepted, and its subject is named with what was found."""
    close_all(installation)
    row = statement_of(installation, homes[1])
    with unit_of_work(installation.services.engine) as session:
        session.execute(
            text("UPDATE line SET canonical = CAST(canonical || ' ' AS BLOB) WHERE statement_id = :id AND position = 0"),
            {"id": row.id},
        )
    (refused,) = month_ended(installation, desk)
    assert refused.name == "Bo"
    assert refused.reason.startswith("The auditor found: The lines differs")
    assert [statement_of(installation, whose).state for whose in homes] == [
        StatementState.ISSUED,
        StatementState.FINDINGS,
        StatementState.ISSUED,
    ]


def test_token_of_one_holder_is_a_batch_of_one(
    installation: Installation, homes: list[Whose], business: Whose, desk: ChainDesk
) -> None:
    """The only business of a month-end gets its token by itself, beside the others' root."""
    fill(installation, business)
    month_ended(installation, desk)
    issuance = issuance_of(installation, statement_of(installation, business))
    assert issuance.action is LedgerAction.ISSUE
    assert sorted(count for _, count in batches(installation)) == [1, 3]
    token = desk.standing(bytes.fromhex(issuance.batch_root_hex), int(issuance.token_id_hex, 16))
    assert token.token_root == bytes.fromhex(issuance.batch_root_hex)


# ---- many tokens at once ----


@pytest.fixture
def shops(installation: Installation) -> list[Whose]:
    """Three businesses with activity in March."""
    found = [installation.business() for _ in range(3)]
    for number, whose in enumerate(found):
        fill(installation, whose, kwh=(f"{number + 3}.5", "2"))
    return found


def token_of(installation: Installation, desk: ChainDesk, whose: Whose) -> Token | None:
    """What the chain says of the only statement of a business."""
    return desk.token(int(issuance_of(installation, statement_of(installation, whose)).token_id_hex, 16))


def sent_now(desk: ChainDesk) -> int:
    """Transactions of the account."""
    return desk.next_nonce(desk.signer_address)


def test_tokens_of_a_month_are_issued_at_once(
    installation: Installation, homes: list[Whose], shops: list[Whose], desk: ChainDesk
) -> None:
    """Businesses' tokens come with the root of a batch of their own: one transaction, and each proof holds."""
    before = sent_now(desk)
    assert month_ended(installation, desk) == []
    assert sorted(count for _, count in batches(installation)) == [3, 3]
    assert sent_now(desk) - before == 2
    roots = {issuance_of(installation, statement_of(installation, whose)).batch_root_hex for whose in shops}
    assert len(roots) == 1
    for whose in shops:
        row, token = statement_of(installation, whose), token_of(installation, desk, whose)
        assert token is not None
        assert (row.state, token.status, {token.root.hex()}) == (StatementState.ISSUED, 1, roots)
        with installation.looking() as work:
            steps = verify_statement(work, row, chain=desk, kept=Verifications())
        assert {step.state for step in steps} == {StepState.OK}, steps


def test_more_tokens_than_a_call_takes_are_several_batches(
    installation: Installation, shops: list[Whose], desk: ChainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is above the contract's bound is another batch."""
    monkeypatch.setattr(subject, "MOST_ISSUED_COUNT", 2)
    month_ended(installation, desk)
    assert sorted(count for _, count in batches(installation)) == [1, 2]
    assert [token is not None for token in (token_of(installation, desk, whose) for whose in shops)] == [True] * 3


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", ["prepare", "sign", "broadcast", "receipt", "token", "is_final_block"])
def test_death_while_tokens_are_sent(
    installation: Installation, shops: list[Whose], desk: ChainDesk, method: str, when: str
) -> None:
    """A process that dies around any word to the chain: its successor finishes, with one transaction for all."""
    before = sent_now(desk)
    close_all(installation)
    endorse_month_end(installation.services, desk, MARCH)
    with pytest.raises(DiedError):
        send_outbox(installation.services, _Unstable(desk, method, when))  # type: ignore[arg-type]  # behaves as a desk
    installation.clock.advance(LEASE_S + 1)
    send_outbox(installation.services, desk)
    assert [statement_of(installation, whose).state for whose in shops] == [StatementState.ISSUED] * 3
    assert sent_now(desk) - before == 1


def test_root_that_somebody_else_anchored_first(installation: Installation, shops: list[Whose], desk: ChainDesk) -> None:
    """Who saw the batch in the pool anchored its root: nothing is lost, and each token is claimed once."""
    close_all(installation)
    endorse_month_end(installation.services, desk, MARCH)
    with installation.looking() as work:
        (row,) = ledger.outbox_in_state(work.session, OutboxState.QUEUED)
    payload = json.loads(row.payload_json)
    envelope, signatures = envelope_from_json(payload["envelope"]), [bytes.fromhex(one) for one in payload["signatures"]]
    call = desk.prepare("anchor", (), envelope, signatures)
    desk.broadcast(desk.sign(call, nonce=call.chain_nonce).raw)
    before = sent_now(desk)
    for _ in range(5):
        send_outbox(installation.services, desk)
    assert sent_now(desk) - before == 3
    assert [token is not None and token.status for token in (token_of(installation, desk, one) for one in shops)] == [1] * 3
    assert [statement_of(installation, whose).state for whose in shops] == [StatementState.ISSUED] * 3


def test_one_of_many_that_was_revoked_meanwhile(installation: Installation, shops: list[Whose], desk: ChainDesk) -> None:
    """A statement that is revoked before its batch arrives spoils it for nobody: the root, then what is left."""
    close_all(installation)
    endorse_month_end(installation.services, desk, MARCH)
    gone = statement_of(installation, shops[1])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(desk, "prepare", lambda *_: (_ for _ in ()).throw(ChainError("The chain does not answer")))
        revoke_statement(installation.services, desk, gone, "It was another shop's.")
        send_outbox(installation.services, desk)
    for _ in range(6):
        installation.clock.advance(LEASE_S)
        send_outbox(installation.services, desk)
    status = [token and token.status for token in (token_of(installation, desk, whose) for whose in shops)]
    assert status == [1, 3, 1]
    states = [statement_of(installation, whose).state for whose in shops]
    assert states == [StatementState.ISSUED, StatementState.REVOKED, StatementState.ISSUED]


def test_two_statements_of_one_token_are_not_signed(
    installation: Installation, shops: list[Whose], desk: ChainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two leaves of one token in one batch are refused with both leaves; nothing is signed, nothing is moved."""
    close_all(installation)
    assert [one.refused for one in endorse_closed(installation.services, desk, MARCH)] == [()]
    real = issuance_of_manifest

    def same_subject(*arguments: Any) -> Any:  # noqa: ANN401 - an issuance
        return replace(real(*arguments), subject=bytes(31) + b"\1")

    with monkeypatch.context() as patch:
        patch.setattr(subject, "issuance_of", same_subject)
        with pytest.raises(LedgerError, match=r"Two statements of one batch have the same token; .*got leaves [0-9a-f]{64} and"):
            sign_accepted(installation.services, desk, MARCH)
    assert batches(installation) == []
    assert [statement_of(installation, whose).state for whose in shops] == [StatementState.ENDORSED] * 3
    assert len(sign_accepted(installation.services, desk, MARCH)) == 1


def test_epoch_is_asked_before_the_transaction(
    installation: Installation, homes: list[Whose], shops: list[Whose], desk: ChainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the chain is asked for its epoch, anybody else can write: no lock waits for a node."""
    asked: list[int] = []
    real = desk.epoch

    def slow() -> int:
        with unit_of_work(installation.services.engine) as session:  # SQLite has one writer: this waits if we hold it
            session.connection().exec_driver_sql("UPDATE meta SET value = value")
        asked.append(1)
        return real()

    monkeypatch.setattr(desk, "epoch", slow)
    month_ended(installation, desk)
    row = queued_of(installation, homes[0], desk, "2025-05")
    installation.clock.advance(DEADLINE_S + 1)
    send_outbox(installation.services, desk)
    assert len(asked) >= 4
    assert installation.statement(row).state is StatementState.CLOSED


@pytest.mark.parametrize("place", ["facts_of", "keep", "standing", "put_endorsements", "move", "add_issuances", "state"])
def test_death_anywhere_is_gone_on_from(
    installation: Installation, homes: list[Whose], desk: ChainDesk, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """A run that dies at its second chunk of any step is started again: one statement each, one root, nothing double."""
    monkeypatch.setattr(month_end, "CHUNK_COUNT", 1)
    calls: list[str] = []

    def dying(name: str) -> Callable[..., Any]:
        real = getattr(month_end, name)

        def call(*arguments: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever it takes
            calls.append(name)
            if calls.count(name) == 2:
                raise CrashError(name)
            return real(*arguments, **more)

        return call

    if place == "state":  # before the envelope is signed
        monkeypatch.setattr(subject, "sign_batch", dies_at_once)
    else:
        monkeypatch.setattr(month_end, place, dying(place))
    with pytest.raises(CrashError):
        month_ended(installation, desk)
    monkeypatch.undo()
    again = installation.restarted()
    try:
        assert month_ended(again, desk) == []
        rows = [statement_of(again, whose) for whose in homes]
        assert [row.state for row in rows] == [StatementState.ISSUED] * 3
        assert [count for _, count in batches(again)] == [3]
        with again.looking() as work:
            for row in rows:
                assert len(ledger.endorsements_of(work.session, row.tenant_id, row.id)) == 1
    finally:
        again.close()


def dies_at_once(*_: object, **__: object) -> tuple[BatchRow, object]:
    """No batch is signed."""
    raise CrashError


def test_expired_batch_is_signed_again_as_a_whole(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """A batch that waited past its deadline goes out under a fresh envelope, with the same root and nothing audited twice."""
    close_all(installation)
    endorse_month_end(installation.services, desk, MARCH)
    before = batches(installation)
    installation.clock.advance(DEADLINE_S + 1)
    for _ in range(3):
        send_outbox(installation.services, desk)
        installation.clock.advance(int(LATER.total_seconds()))
    assert batches(installation) == before
    assert [statement_of(installation, whose).state for whose in homes] == [StatementState.ISSUED] * 3


def test_failed_batch_is_signed_again_when_one_is_closed_again(
    installation: Installation, homes: list[Whose], desk: ChainDesk
) -> None:
    """The owner of one statement closes it again: its whole batch is queued under a fresh envelope, and all are issued."""
    close_all(installation)
    endorse_month_end(installation.services, desk, MARCH)
    ((root_hex, _),) = batches(installation)
    with unit_of_work(installation.services.engine) as session:
        row = ledger.claim_outbox(session, installation.clock.now(), lease_s=1)
        assert row is not None
        ledger.change_outbox(session, row, OutboxChange(OutboxState.FAILED, installation.clock.now()), installation.clock.now())
    stuck = installation.close_months(homes[0], "2025-03")
    assert endorse_statement(installation.services, desk, stuck.tenant_id, stuck.id) is StatementState.QUEUED
    send_outbox(installation.services, desk)
    assert [root for root, _ in batches(installation)] == [root_hex]
    assert [statement_of(installation, whose).state for whose in homes] == [StatementState.ISSUED] * 3


def test_statement_that_follows_its_batch_late_is_issued(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """One of a failed batch is asked for again while another had the batch signed and sent already: it is issued at once."""
    close_all(installation)
    endorse_month_end(installation.services, desk, MARCH)
    with unit_of_work(installation.services.engine) as session:
        row = ledger.claim_outbox(session, installation.clock.now(), lease_s=1)
        assert row is not None
        ledger.change_outbox(session, row, OutboxChange(OutboxState.FAILED, installation.clock.now()), installation.clock.now())
    first, late = (installation.close_months(whose, "2025-03") for whose in homes[:2])
    endorse_statement(installation.services, desk, first.tenant_id, first.id)
    send_outbox(installation.services, desk)
    assert endorse_statement(installation.services, desk, late.tenant_id, late.id) is StatementState.ISSUED


def test_closed_again_after_a_failed_batch_joins_no_second_one(
    installation: Installation, homes: list[Whose], desk: ChainDesk
) -> None:
    """A month-end over statements of a failed batch signs that batch again, not another one."""
    close_all(installation)
    endorse_month_end(installation.services, desk, MARCH)
    with unit_of_work(installation.services.engine) as session:
        row = ledger.claim_outbox(session, installation.clock.now(), lease_s=1)
        assert row is not None
        ledger.change_outbox(session, row, OutboxChange(OutboxState.FAILED, installation.clock.now()), installation.clock.now())
    for whose in homes:
        installation.close_months(whose, "2025-03")
    assert month_ended(installation, desk) == []
    assert [count for _, count in batches(installation)] == [3]
    assert [statement_of(installation, whose).state for whose in homes] == [StatementState.ISSUED] * 3


def test_endorsed_one_goes_on_alone_when_closed_again(installation: Installation, homes: list[Whose], desk: ChainDesk) -> None:
    """A month-end that was stopped before signing holds nobody up: `close` brings a single statement to the chain."""
    close_all(installation)
    list(endorse_closed(installation.services, desk, MARCH))
    assert statement_of(installation, homes[0]).state is StatementState.ENDORSED
    stuck = installation.close_months(homes[0], "2025-03")
    assert installation.issue(desk, stuck).state is StatementState.ISSUED
    sign_accepted(installation.services, desk, MARCH)
    assert sorted(count for _, count in batches(installation)) == [1, 2]


def test_statement_moved_meanwhile_undoes_the_signing(
    installation: Installation, homes: list[Whose], desk: ChainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where somebody takes a statement out between the two looks, nothing is signed, and it says so."""
    close_all(installation)
    list(endorse_closed(installation.services, desk, MARCH))
    real = month_end.move

    def fewer(session: Any, statement_ids: Iterable[str], **more: Any) -> frozenset[str]:  # noqa: ANN401 - as the real one
        return real(session, list(statement_ids)[:-1], **more)

    monkeypatch.setattr(month_end, "move", fewer)
    with pytest.raises(ConflictError, match="expected 3 endorsed statements; got 2"):
        sign_accepted(installation.services, desk, MARCH)
    assert batches(installation) == []
    assert [statement_of(installation, whose).state for whose in homes] == [StatementState.ENDORSED] * 3


def test_owner_of_the_chain_goes_on_with_it(installation: Installation, homes: list[Whose]) -> None:
    """Where another process owns the chain, its worker endorses, signs and sends what was closed; the auditor knows how many."""
    close_all(installation)
    ask_month_end(installation.services, MARCH)
    desk, counts = open_desk(installation.services), []

    @contextmanager
    def auditor_of(services: Services, statements_count: int) -> Iterator[Ask]:
        counts.append(statements_count)
        yield ask_here(services)

    assert Worker(installation.services, desk, auditor_of=auditor_of).drain()
    desk.close()
    assert counts == [3]
    assert [statement_of(installation, whose).state for whose in homes] == [StatementState.ISSUED] * 3
    assert [count for _, count in batches(installation)] == [3]


def test_audit_goes_on_while_the_next_are_closed(
    installation: Installation, homes: list[Whose], desk: ChainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever is closed is asked about at once, what an earlier run closed too, and answers are kept as they come."""
    monkeypatch.setattr(month_end, "CHUNK_COUNT", 1)
    assert next(close_open(installation.services, MARCH)).done_count == 1  # an earlier run, which was killed
    asked: list[int] = []

    def ask(statement_ids: Sequence[str]) -> "Future[tuple[Audited, ...]]":
        asked.append(len(statement_ids))
        return ask_here(installation.services)(statement_ids)

    steps = list(close_and_endorse(installation.services, desk, MARCH, ask=ask))
    assert [bool(step.statement_ids) for step in steps] == [True, False, True, False, False]
    assert asked == [1, 1, 1]
    assert len(sign_accepted(installation.services, desk, MARCH)) == 1
    assert sum(count for _, count in batches(installation)) == len(homes)


def test_auditor_that_dies_loses_nothing(
    installation: Installation, homes: list[Whose], desk: ChainDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was closed and answered stays; the next run goes on with the rest."""
    monkeypatch.setattr(month_end, "CHUNK_COUNT", 1)

    def dying(statement_ids: Sequence[str]) -> "Future[tuple[Audited, ...]]":
        answer: Future[tuple[Audited, ...]] = Future()
        answer.set_exception(AuditError("A process of the auditor died", got=str(len(statement_ids))))
        return answer

    with pytest.raises(AuditError, match="A process of the auditor died"):
        list(close_and_endorse(installation.services, desk, MARCH, ask=dying))
    assert month_ended(installation, desk) == []
    assert [statement_of(installation, whose).state for whose in homes] == [StatementState.ISSUED] * 3
