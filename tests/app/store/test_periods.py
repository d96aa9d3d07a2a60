"""Periods: one calendar per subject, forward states, and what changed since."""

import pytest

from app.store import periods
from app.store.periods import PeriodRow, PeriodState
from app.store.session import Engine, reading, unit_of_work
from domain.errors import ConflictError, NotFoundError
from domain.period import Month, MonthRange
from tests.app.store.builders import Home

MARCH = MonthRange.from_text("2025-03")


def get_or_open(engine: Engine, home: Home, months: MonthRange = MARCH, period_id: str = "p") -> PeriodRow:
    """The period of these months."""
    with unit_of_work(engine) as session:
        return periods.get_or_open(
            session, home.tenant_id, home.subject_id, months, period_id=period_id, subject_commitment=b"\x07" * 32
        )


def move(engine: Engine, home: Home, *states: PeriodState) -> PeriodRow:
    """The period after these states."""
    with unit_of_work(engine) as session:
        for state in states:
            period = periods.set_state(session, home.tenant_id, "p", state)
    return period


def test_period_is_opened_once(engine: Engine, home: Home) -> None:
    """The same months asked for again are the same period, with the commitment drawn first."""
    first = get_or_open(engine, home)
    assert get_or_open(engine, home, period_id="other") == first
    assert (first.months, first.state, first.is_changed_since_close) == (MARCH, PeriodState.OPEN, False)
    with reading(engine) as session:
        assert periods.by_months(session, home.tenant_id, home.subject_id, MARCH) == first
        assert periods.by_months(session, home.tenant_id, home.subject_id, MonthRange.from_text("2025-04")) is None


def test_months_belong_to_one_period(engine: Engine, home: Home) -> None:
    """A quarter cannot be opened over a month that is a period of its own; the next month can."""
    get_or_open(engine, home)
    with pytest.raises(ConflictError, match=r"belong to another period already; expected 2025-03, or .*got 2025-01\.\.2025-03"):
        get_or_open(engine, home, MonthRange.from_text("2025-Q1"), "q")
    get_or_open(engine, home, MonthRange.from_text("2025-04"), "april")
    with reading(engine) as session:
        assert [one.id for one in periods.of_subject(session, home.tenant_id, home.subject_id)] == ["p", "april"]


def test_period_closes_and_is_restated(engine: Engine, home: Home) -> None:
    """A period goes open, closing, closed, and through closing again for a restatement."""
    get_or_open(engine, home)
    restated = move(engine, home, PeriodState.CLOSING, PeriodState.CLOSED, PeriodState.CLOSING, PeriodState.CLOSED)
    assert restated.state is PeriodState.CLOSED


def test_period_closes_in_order_only(engine: Engine, home: Home) -> None:
    """An open period cannot be closed at once, nor can two requests close the same one."""
    get_or_open(engine, home)
    with pytest.raises(ConflictError, match="cannot become closed; expected a period that is closing; got open; in 2025-03"):
        move(engine, home, PeriodState.CLOSED)
    move(engine, home, PeriodState.CLOSING)
    with pytest.raises(ConflictError, match="expected a period that is open or closed; got closing"):
        move(engine, home, PeriodState.CLOSING)


def test_change_marks_closed_periods(engine: Engine, home: Home) -> None:
    """Changed months mark the closed periods that hold them, once, until they are closed again."""
    get_or_open(engine, home)
    get_or_open(engine, home, MonthRange.from_text("2025-04"), "april")
    move(engine, home, PeriodState.CLOSING, PeriodState.CLOSED)
    with unit_of_work(engine) as session:
        months = [Month(2025, 3), Month(2025, 4), Month(2025, 5)]
        marked = periods.mark_changed(session, home.tenant_id, home.subject_id, months)
        assert [(one.id, one.is_changed_since_close) for one in marked] == [("p", True)]
        assert periods.mark_changed(session, home.tenant_id, home.subject_id, months) == ()
        assert periods.mark_changed(session, home.tenant_id, home.subject_id, []) == ()
    assert not move(engine, home, PeriodState.CLOSING, PeriodState.CLOSED).is_changed_since_close


def test_period_of_no_subject_is_refused(engine: Engine, home: Home, other_home: Home) -> None:
    """A period cannot be opened for another tenant's subject."""
    with pytest.raises(NotFoundError, match="There is no such subject"):
        get_or_open(engine, Home(home.tenant_id, other_home.subject_id, ""))
