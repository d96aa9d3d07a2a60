"""Allowances of providers: one token bucket and one day's count each, in the database, so that all workers share them.

Amounts are millionths of a request. A bucket holds what a provider allows in `BURST_S` seconds, at least one request.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, Update, bindparam, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, found, insert_new, to_row, to_values
from app.store.tenant import INSTALLATION, of_tenant

MICRO = 1_000_000
BURST_S = 2
"""Seconds of allowance that a bucket holds."""

LONGEST_BLOCK = timedelta(days=1)
"""Longest time that a provider can have us wait at once: more is a mistake of theirs, or a trap."""


@dataclass(frozen=True, slots=True)
class ProviderRateRow:
    """What is left of a provider's allowance.

    Attributes:
        provider: Id of the provider.
        tokens_micro: Requests that may be sent at `refilled_at`, millionths; below zero: taken in advance.
        refilled_at: When that was so.
        blocked_until: Not before this instant, as the provider said; None where it said nothing.
        day_date: The UTC day that `day_count` is of.
        day_count: Requests on that day.
        tenant_id: The installation.
    """

    provider: str
    tokens_micro: int
    refilled_at: datetime
    blocked_until: datetime | None
    day_date: date
    day_count: int
    tenant_id: str = INSTALLATION


@dataclass(frozen=True, slots=True)
class Grant:
    """What `take` gives: requests that may be sent now, or a time to wait.

    Attributes:
        count: Requests that were taken; 0: none.
        wait: Where none was taken, how long to wait before asking again.
    """

    count: int
    wait: timedelta = timedelta()


def take(
    session: Session,
    provider: str,
    *,
    requests_per_s_micro: int,
    requests_per_day_count: int,
    now: datetime,
    most_count: int = 1,
) -> Grant:
    """Take the right to send some requests, in a short transaction of its own.

    Args:
        session: The open transaction; workers of one provider take turns.
        provider: Id of the provider.
        requests_per_s_micro: What it allows, millionths of a request per second; above zero.
        requests_per_day_count: What it allows per UTC day; 0: no such limit.
        now: The time.
        most_count: How many are wanted; what is taken and not used is lost.

    Returns:
        How many were taken, or how long to wait.
    """
    row = _locked(session, provider, requests_per_s_micro, now)
    if row.blocked_until is not None and now < row.blocked_until:
        return Grant(0, row.blocked_until - now)
    today = now.astimezone(UTC).date()
    day_count = row.day_count if row.day_date == today else 0
    left_count = requests_per_day_count - day_count if requests_per_day_count else most_count
    if left_count <= 0:
        return Grant(0, datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=1) - now)
    passed_us = max(0, (now - row.refilled_at) // timedelta(microseconds=1))  # a clock that was set back gives nothing
    tokens_micro = min(_capacity_micro(requests_per_s_micro), row.tokens_micro + passed_us * requests_per_s_micro // MICRO)
    if tokens_micro < MICRO:
        return Grant(0, timedelta(microseconds=-(-(MICRO - tokens_micro) * MICRO // requests_per_s_micro)))
    count = min(most_count, left_count, tokens_micro // MICRO)
    values = {"tokens_micro": tokens_micro - count * MICRO, "refilled_at": now, "day_date": today, "day_count": day_count + count}
    _change(session, provider, values)
    return Grant(count)


def block(session: Session, provider: str, until: datetime, *, now: datetime) -> None:
    """Note that a provider wants no request before an instant (Retry-After); an earlier one changes nothing.

    Args:
        session: The open transaction.
        provider: Id of the provider.
        until: Not before; at most `LONGEST_BLOCK` from now.
        now: The time.
    """
    row = _locked(session, provider, MICRO, now)
    wanted = min(until, now + LONGEST_BLOCK)
    if row.blocked_until is None or row.blocked_until < wanted:
        _change(session, provider, {"blocked_until": wanted})


def of_provider(session: Session, provider: str) -> ProviderRateRow | None:
    """What is left of a provider's allowance, or None where it was never asked."""
    table = tables.PROVIDER_RATE
    query = select(*columns_of(ProviderRateRow, table)).where(table.c.provider == provider)
    row = session.execute(of_tenant(query, table, INSTALLATION)).first()
    return None if row is None else to_row(ProviderRateRow, row)


def _capacity_micro(requests_per_s_micro: int) -> int:
    return max(MICRO, requests_per_s_micro * BURST_S)


def _locked(session: Session, provider: str, requests_per_s_micro: int, now: datetime) -> ProviderRateRow:
    named = {"of_provider": provider}
    row = session.execute(_locking(), named).first()
    if row is None:
        full = ProviderRateRow(provider, _capacity_micro(requests_per_s_micro), now, None, now.astimezone(UTC).date(), 0)
        insert_new(session, tables.PROVIDER_RATE, to_values(full))
        row = session.execute(_locking(), named).first()
    return to_row(ProviderRateRow, found(row, "rate", provider))


@cache
def _locking() -> Select[Any]:
    table = tables.PROVIDER_RATE
    query = select(*columns_of(ProviderRateRow, table)).where(table.c.provider == bindparam("of_provider")).with_for_update()
    return of_tenant(query, table, INSTALLATION)


def _change(session: Session, provider: str, values: dict[str, object]) -> None:
    named = {f"new_{name}": value for name, value in values.items()}
    session.execute(_changing(tuple(values)), named | {"of_provider": provider})


@cache
def _changing(names: tuple[str, ...]) -> Update:
    table = tables.PROVIDER_RATE
    change = update(table).where(table.c.provider == bindparam("of_provider"))
    return of_tenant(change.values({name: bindparam(f"new_{name}") for name in names}), table, INSTALLATION)
