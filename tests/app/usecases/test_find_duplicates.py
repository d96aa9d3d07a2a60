"""The same thing from two sources: found, counted once where the person says so, taken back at will, and an auditor agrees."""

import json
from collections.abc import Sequence
from dataclasses import replace

import pytest

from app.chain import ChainDesk
from app.services import Whose
from app.store import activities
from app.store.duplicates import DuplicateState
from app.store.statements import StatementState
from app.usecases.find_duplicates import Duplicate, find_duplicates, keep_both, list_duplicates, merge_duplicate, undo_decision
from app.usecases.remove_record import remove_record
from connectors import registry
from connectors.activities import Activities
from domain.errors import ConflictError, NotFoundError
from domain.period import Month, MonthRange
from tests.app.usecases.installation import Installation

APRIL = Month(2025, 4)
RECEIPT = {"id": "receipt 1", "kind": "purchase", "quantity": "42.99", "unit": "USD", "start": "2025-04-08", "naics": "448110"}
CARD = {"id": "tx-17", "kind": "purchase", "quantity": "42.99", "unit": "USD", "start": "2025-04-10", "mcc": "5651"}
OTHER = {"id": "tx-18", "kind": "purchase", "quantity": "7.50", "unit": "USD", "start": "2025-04-11", "mcc": "5812"}


class Bank(Activities):
    """A second source of declared activities."""

    manifest = replace(Activities.manifest, connector_id="bank")


@pytest.fixture(autouse=True)
def bank(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is installed."""
    monkeypatch.setitem(registry._OWN, "bank", Bank())  # noqa: SLF001 - as if a package brought it


def take(installation: Installation, whose: Whose, connector: str, *said: dict[str, str]) -> None:
    """Import a file of activities, and look for duplicates as whoever imports does."""
    report = installation.take(whose, "".join(json.dumps(one) + "\n" for one in said).encode(), connector=connector)
    look(installation, whose, report.months)


def look(installation: Installation, whose: Whose, months: Sequence[Month] = (APRIL,)) -> int:
    """How many new pairs there are."""
    with installation.work() as work:
        return find_duplicates(work, whose, months)


def pairs(installation: Installation, whose: Whose) -> list[Duplicate]:
    """All pairs."""
    with installation.looking() as work:
        return list(list_duplicates(work, whose))


def only(installation: Installation, whose: Whose) -> Duplicate:
    """The one pair."""
    (pair,) = pairs(installation, whose)
    return pair


def spent_micro(installation: Installation, whose: Whose) -> int:
    """Money that counts in April, millionths of a dollar."""
    with installation.looking() as work:
        totals = activities.totals(work.session, whose.tenant_id, whose.subject_id, MonthRange.of_month(APRIL))
        return sum(one.quantity_micro for one in totals if one.key.kind == "purchase")


@pytest.fixture
def told_twice(installation: Installation, household: Whose) -> Whose:
    """A purchase of a receipt and of a card, and another one."""
    take(installation, household, "activities", RECEIPT)
    take(installation, household, "bank", CARD, OTHER)
    return household


def merge(installation: Installation, whose: Whose, **more: str) -> None:
    """Count the one pair once."""
    with installation.work() as work:
        merge_duplicate(work, whose, only(installation, whose).row.id, **more)


def test_pair_is_offered_once_with_both_records(installation: Installation, told_twice: Whose) -> None:
    """The card's record would stand back; looking again offers nothing new; both count until a person decides."""
    pair = only(installation, told_twice)
    assert (pair.row.rule, pair.row.state) == ("same_purchase", DuplicateState.OPEN)
    assert pair.keep is not None
    assert pair.aside is not None
    assert (pair.keep.attributes["naics"], pair.aside.attributes["mcc"]) == ("448110", "5651")
    assert look(installation, told_twice) == 0
    assert spent_micro(installation, told_twice) == 93_480_000


def test_merged_pair_counts_once_and_can_be_taken_back(installation: Installation, told_twice: Whose) -> None:
    """Set aside, restored, set aside again: the sum follows, and the history of the record tells."""
    merge(installation, told_twice)
    assert spent_micro(installation, told_twice) == 50_490_000
    assert only(installation, told_twice).row.state is DuplicateState.MERGED
    assert look(installation, told_twice) == 0
    with installation.work() as work:
        assert undo_decision(work, told_twice, only(installation, told_twice).row.id) == (APRIL,)
    assert spent_micro(installation, told_twice) == 93_480_000
    assert only(installation, told_twice).row.state is DuplicateState.OPEN
    merge(installation, told_twice)
    assert spent_micro(installation, told_twice) == 50_490_000


def test_person_chooses_which_one_counts(installation: Installation, told_twice: Whose) -> None:
    """The receipt may stand back as well; the pair says then that the card's counts."""
    receipt = only(installation, told_twice).row.keep_record_id
    merge(installation, told_twice, aside_record_id=receipt)
    assert only(installation, told_twice).row.aside_record_id == receipt
    assert spent_micro(installation, told_twice) == 50_490_000


def test_what_was_set_aside_stays_so_when_it_is_told_again(installation: Installation, told_twice: Whose) -> None:
    """The bank corrects its record: it does not count all the same; restored, it counts as the bank says it by now."""
    merge(installation, told_twice)
    take(installation, told_twice, "bank", CARD | {"quantity": "45.00"})
    assert spent_micro(installation, told_twice) == 50_490_000
    with installation.work() as work:
        undo_decision(work, told_twice, only(installation, told_twice).row.id)
    assert spent_micro(installation, told_twice) == 95_490_000


@pytest.mark.parametrize("moves", [[], ["undo"], ["correct"], ["correct", "undo"]])
def test_auditor_agrees(installation: Installation, told_twice: Whose, desk: ChainDesk, moves: list[str]) -> None:
    """What counts after decisions is what the auditor derives from the originals and the decisions."""
    merge(installation, told_twice)
    for move in moves:
        if move == "correct":
            take(installation, told_twice, "bank", CARD | {"quantity": "45.00"})
        else:
            with installation.work() as work:
                undo_decision(work, told_twice, only(installation, told_twice).row.id)
    issued = installation.issue(desk, installation.close_months(told_twice, "2025-04"))
    assert issued.state is StatementState.ISSUED


def test_closed_month_is_marked_when_a_decision_changes_it(
    installation: Installation, told_twice: Whose, desk: ChainDesk
) -> None:
    """A decision after closing changes the month; closing it again says so."""
    first = installation.issue(desk, installation.close_months(told_twice, "2025-04"))
    merge(installation, told_twice)
    second = installation.issue(desk, installation.close_months(told_twice, "2025-04", reason="counted once"))
    assert second.state is StatementState.ISSUED
    assert second.totals.gross_location_ug_co2e < first.totals.gross_location_ug_co2e


def test_kept_pair_is_not_offered_again(installation: Installation, told_twice: Whose) -> None:
    """Two things are two things, until the person thinks again."""
    with installation.work() as work:
        keep_both(work, told_twice, only(installation, told_twice).row.id)
    assert look(installation, told_twice) == 0
    assert only(installation, told_twice).row.state is DuplicateState.KEPT
    with installation.work() as work:
        assert undo_decision(work, told_twice, only(installation, told_twice).row.id) == ()
    assert only(installation, told_twice).row.state is DuplicateState.OPEN


def test_open_pair_goes_when_it_is_none_any_more(installation: Installation, told_twice: Whose) -> None:
    """The bank corrects the amount: nothing is offered any more."""
    take(installation, told_twice, "bank", CARD | {"quantity": "45.00"})
    assert pairs(installation, told_twice) == []


def test_what_counted_instead_is_gone(installation: Installation, told_twice: Whose) -> None:
    """The receipt is removed: the card's record, which stood back for it, counts again by itself."""
    pair = only(installation, told_twice)
    merge(installation, told_twice)
    with installation.work() as work:
        remove_record(work, told_twice, pair.row.keep_record_id)
    assert spent_micro(installation, told_twice) == 7_500_000
    look(installation, told_twice)
    assert spent_micro(installation, told_twice) == 50_490_000
    assert pairs(installation, told_twice) == []


def test_decisions_that_do_not_fit(installation: Installation, told_twice: Whose) -> None:
    """A foreign pair, a third record, and a second decision are refused; nothing changes."""
    pair = only(installation, told_twice)
    stranger = installation.household("Bob")
    with installation.work() as work:
        with pytest.raises(NotFoundError):
            merge_duplicate(work, stranger, pair.row.id)
        with pytest.raises(ConflictError, match="none of the two"):
            merge_duplicate(work, told_twice, pair.row.id, aside_record_id="another")
        with pytest.raises(ConflictError, match="decided otherwise"):
            undo_decision(work, told_twice, pair.row.id)
    merge(installation, told_twice)
    with installation.work() as work, pytest.raises(ConflictError, match="Take the decision back first"):
        keep_both(work, told_twice, pair.row.id)
    assert spent_micro(installation, told_twice) == 50_490_000


def test_nothing_changed_means_nothing_to_look_at(installation: Installation, told_twice: Whose) -> None:
    """Without months there is nothing to do."""
    assert look(installation, told_twice, ()) == 0
