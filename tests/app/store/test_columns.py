"""Instants are aware on both databases."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import StatementError

from app.store import jobs
from app.store.session import Engine, reading, unit_of_work
from tests.app.store.builders import Home


def test_instant_comes_back_in_utc(engine: Engine, home: Home) -> None:
    """An instant given with another offset, to the microsecond, comes back as the same instant in UTC."""
    at = datetime(2025, 11, 2, 1, 30, 0, 123456, tzinfo=timezone(timedelta(hours=-7)))
    with unit_of_work(engine) as session:
        jobs.enqueue(session, home.tenant_id, "k", "import", "{}", now=at)
    with reading(engine) as session:
        job = jobs.by_key(session, home.tenant_id, "k")
    assert job is not None
    assert job.created_at == at
    assert job.created_at.tzinfo is UTC


def test_naive_instant_is_refused(engine: Engine, home: Home) -> None:
    """An instant without zone never reaches the database."""
    naive = datetime(2025, 11, 2, 1, 30)  # noqa: DTZ001 - the point
    with unit_of_work(engine) as session, pytest.raises(StatementError, match="expected an aware instant; got 2025-11-02"):
        jobs.enqueue(session, home.tenant_id, "k", "import", "{}", now=naive)
