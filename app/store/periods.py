"""Periods of a subject: open, closing, closed; and whether something changed since."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, or_, select, update
from sqlalchemy.orm import Session

from app.store import subjects, tables
from app.store.rows import found, insert_new
from app.store.tenant import of_tenant
from domain.errors import ConflictError
from domain.period import Month, MonthRange


class PeriodState(StrEnum):
    """Where a period stands; a restatement goes from closed through closing again."""

    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"


_REACHED_FROM = {
    PeriodState.OPEN: (PeriodState.CLOSING,),  # a closing that failed
    PeriodState.CLOSING: (PeriodState.OPEN, PeriodState.CLOSED),
    PeriodState.CLOSED: (PeriodState.CLOSING,),
}


@dataclass(frozen=True, slots=True)
class PeriodRow:
    """Months of one subject that are closed together.

    Attributes:
        id: Random text.
        tenant_id: Of the subject.
        subject_id: Whose.
        months: Month labels.
        state: Where it stands.
        subject_commitment: 32 random bytes that name the subject on the ledger for this period.
        is_changed_since_close: Records changed after closing; a person may restate.
    """

    id: str
    tenant_id: str
    subject_id: str
    months: MonthRange
    state: PeriodState
    subject_commitment: bytes
    is_changed_since_close: bool


def get_or_open(
    session: Session, tenant_id: str, subject_id: str, months: MonthRange, *, period_id: str, subject_commitment: bytes
) -> PeriodRow:
    """The period of these months, opened where there is none.

    Args:
        session: The open transaction.
        tenant_id: The subject's tenant.
        subject_id: Whose.
        months: Month labels.
        period_id: Its id, should it be new.
        subject_commitment: Its 32 random bytes, should it be new.

    Returns:
        The period.

    Raises:
        ConflictError: Another period of the subject has some of these months: one closing calendar per subject.
        NotFoundError: There is no such subject in this tenant.
    """
    subjects.lock(session, tenant_id, subject_id)
    check_calendar(of_subject(session, tenant_id, subject_id), months)
    values = {
        "id": period_id,
        "tenant_id": tenant_id,
        "subject_id": subject_id,
        "from_ym": months.first.ym,
        "to_ym": months.end.ym,
        "state": str(PeriodState.OPEN),
        "subject_commitment": subject_commitment,
        "changed_since_close": False,
    }
    insert_new(session, tables.PERIOD, values)
    table = tables.PERIOD
    query = select(table).where(
        table.c.subject_id == subject_id, table.c.from_ym == months.first.ym, table.c.to_ym == months.end.ym
    )
    return row_of(found(session.execute(of_tenant(query, table, tenant_id)).first(), "period", str(months)))


def check_calendar(known: Iterable[PeriodRow], months: MonthRange) -> None:
    """Refuse months of which another period of the subject has some: one closing calendar per subject.

    Args:
        known: All periods of the subject.
        months: Those of the period that is wanted.

    Raises:
        ConflictError: Another period has some of them.
    """
    for other in known:
        if other.months != months and other.months.first < months.end and months.first < other.months.end:
            raise ConflictError(
                "These months belong to another period already",
                expected=f"{other.months}, or months outside it",
                got=str(months),
                record=f"subject {other.subject_id}",
                next_step="Close the periods of one calendar: months, quarters or years.",
            )


def by_id(session: Session, tenant_id: str, period_id: str) -> PeriodRow:
    """The period of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        period_id: Its id.

    Returns:
        The period.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.PERIOD
    query = of_tenant(select(table).where(table.c.id == period_id), table, tenant_id)
    return row_of(found(session.execute(query).first(), "period", period_id))


def by_months(session: Session, tenant_id: str, subject_id: str, months: MonthRange) -> PeriodRow | None:
    """The period of a subject with exactly these months, or None."""
    return next((one for one in of_subject(session, tenant_id, subject_id) if one.months == months), None)


def of_subject(session: Session, tenant_id: str, subject_id: str) -> tuple[PeriodRow, ...]:
    """All periods of a subject, in order."""
    table = tables.PERIOD
    query = of_tenant(select(table).where(table.c.subject_id == subject_id), table, tenant_id).order_by(table.c.from_ym)
    return tuple(row_of(row) for row in session.execute(query))


def set_state(session: Session, tenant_id: str, period_id: str, state: PeriodState) -> PeriodRow:
    """Move a period to its next state: open, closing, closed; closed, closing for a restatement.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        period_id: Its id.
        state: Where to; closed also takes back "changed since close".

    Returns:
        The period as it is now.

    Raises:
        ConflictError: It is in a state from which this cannot be reached; somebody else moved it.
        NotFoundError: There is none in this tenant.
    """
    table = tables.PERIOD
    allowed = [str(one) for one in _REACHED_FROM[state]]
    values: dict[str, Any] = {"state": str(state)}
    if state is PeriodState.CLOSED:
        values["changed_since_close"] = False
    change = update(table).where(table.c.id == period_id, table.c.state.in_(allowed)).values(values)
    changed = session.execute(of_tenant(change, table, tenant_id).returning(table.c.id)).first()
    period = by_id(session, tenant_id, period_id)
    if changed is None:
        raise ConflictError(
            f"The period cannot become {state}",
            expected=f"a period that is {' or '.join(allowed)}",
            got=str(period.state),
            record=str(period.months),
            next_step="Look at the period again; another request may have moved it.",
        )
    return period


def mark_changed(session: Session, tenant_id: str, subject_id: str, months: Iterable[Month]) -> tuple[PeriodRow, ...]:
    """Mark the closed and closing periods that hold one of these months *changed since close*; the periods marked now."""
    table = tables.PERIOD
    holds = [(table.c.from_ym <= month.ym) & (table.c.to_ym > month.ym) for month in months]
    if not holds:
        return ()
    change = (
        update(table)
        .where(
            table.c.subject_id == subject_id,
            table.c.state != str(PeriodState.OPEN),
            table.c.changed_since_close.is_(False),
            or_(*holds),
        )
        .values(changed_since_close=True)
    )
    ids = session.execute(of_tenant(change, table, tenant_id).returning(table.c.id)).scalars().all()
    return tuple(by_id(session, tenant_id, one) for one in sorted(ids))


def row_of(row: Row[Any]) -> PeriodRow:
    """A database row of the table `period` as a value."""
    return PeriodRow(
        id=row.id,
        tenant_id=row.tenant_id,
        subject_id=row.subject_id,
        months=MonthRange(Month.from_ym(row.from_ym), Month.from_ym(row.to_ym)),
        state=PeriodState(row.state),
        subject_commitment=row.subject_commitment,
        is_changed_since_close=row.changed_since_close,
    )
