"""Claims of a connection: one sync and one renewal at a time, and nobody writes who has lost the claim."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from app.store import connections, subjects
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.session import Engine, unit_of_work
from app.store.subjects import SubjectKeyRow
from domain.errors import ConflictError, NotFoundError
from tests.app.store.builders import NOW, Home

MINUTE = timedelta(minutes=1)


@pytest.fixture
def connection(engine: Engine, home: Home) -> ConnectionRow:
    """A connection that is due."""
    row = ConnectionRow(
        "c1",
        home.tenant_id,
        home.subject_id,
        "green-button",
        ConnectionState.ACTIVE,
        is_file=False,
        cursor="",
        sealed_tokens=b"sealed",
        created_at=NOW,
        provider="coned",
        next_at=NOW,
    )
    with unit_of_work(engine) as session:
        subjects.put_key(session, SubjectKeyRow(home.subject_id, home.tenant_id, "kek", b"wrapped"))
        connections.add(session, row)
    return row


def test_one_sync_has_it(engine: Engine, connection: ConnectionRow) -> None:
    """A second claim finds it taken until the lease ends; each batch extends the lease and moves the cursor."""
    with unit_of_work(engine) as session:
        first = connections.claim_run(session, "ada", "c1", run_id="r1", now=NOW, until=NOW + MINUTE)
        assert first is not None
        assert (first.running_id, first.tried_at) == ("r1", NOW)
        assert connections.claim_run(session, "ada", "c1", run_id="r2", now=NOW, until=NOW + MINUTE) is None
        connections.keep_run(session, "ada", "c1", run_id="r1", until=NOW + 3 * MINUTE, cursor="page 2")
        assert connections.claim_run(session, "ada", "c1", run_id="r2", now=NOW + 2 * MINUTE, until=NOW + 9 * MINUTE) is None
        second = connections.claim_run(session, "ada", "c1", run_id="r2", now=NOW + 3 * MINUTE, until=NOW + 9 * MINUTE)
        assert second is not None
        assert second.cursor == "page 2"
        connections.keep_run(session, "ada", "c1", run_id="r2", until=NOW + 9 * MINUTE)
        assert connections.by_id(session, "ada", "c1").cursor == "page 2"
    with unit_of_work(engine) as session, pytest.raises(ConflictError, match="no longer has its connection"):
        connections.keep_run(session, "ada", "c1", run_id="r1", until=NOW + 9 * MINUTE, cursor="page 1")


@pytest.mark.parametrize("state", [ConnectionState.PAUSED, ConnectionState.ENDED])
def test_ended_consent_stops_a_sync(engine: Engine, connection: ConnectionRow, state: ConnectionState) -> None:
    """Whoever pauses or ends a connection in the middle of a sync is obeyed at the next batch, and at its end."""
    with unit_of_work(engine) as session:
        connections.claim_run(session, "ada", "c1", run_id="r1", now=NOW, until=NOW + MINUTE)
        connections.set_state(session, "ada", "c1", state)
        with pytest.raises(ConflictError):
            connections.keep_run(session, "ada", "c1", run_id="r1", until=NOW + MINUTE)
        with pytest.raises(ConflictError):
            connections.end_run(
                session, "ada", "c1", run_id="r1", health=Health.OK, said="", failure_count=0, next_at=None, synced_at=NOW
            )
        assert connections.by_id(session, "ada", "c1").state is state


def test_erased_subject_stops_a_sync(engine: Engine, connection: ConnectionRow) -> None:
    """Without the subject's key nothing more is stored."""
    with unit_of_work(engine) as session:
        connections.claim_run(session, "ada", "c1", run_id="r1", now=NOW, until=NOW + MINUTE)
        connections.keep_run(session, "ada", "c1", run_id="r1", until=NOW + MINUTE)
        session.execute(text("DELETE FROM subject_key"))
        with pytest.raises(ConflictError):
            connections.keep_run(session, "ada", "c1", run_id="r1", until=NOW + MINUTE)


def test_end_of_a_sync(engine: Engine, connection: ConnectionRow) -> None:
    """It is free again, and says how it does; a sync that was not whole leaves the time of the last whole one."""
    with unit_of_work(engine) as session:
        connections.claim_run(session, "ada", "c1", run_id="r1", now=NOW, until=NOW + MINUTE)
        connections.end_run(
            session, "ada", "c1", run_id="r1", health=Health.OK, said="fine", failure_count=0, next_at=NOW + MINUTE, synced_at=NOW
        )
        connections.claim_run(session, "ada", "c1", run_id="r2", now=NOW + MINUTE, until=NOW + 2 * MINUTE)
        connections.end_run(session, "ada", "c1", run_id="r2", health=Health.WAITING, said="later", failure_count=1, next_at=None)
        row = connections.by_id(session, "ada", "c1")
    assert (row.health, row.health_said, row.failure_count, row.next_at) == (Health.WAITING, "later", 1, None)
    assert (row.synced_at, row.tried_at, row.running_until, row.running_id) == (NOW, NOW + MINUTE, None, "")


def test_what_is_due(engine: Engine, connection: ConnectionRow, other_home: Home) -> None:
    """Due are active connections of every tenant whose time has come and that no sync has, longest due first."""
    with unit_of_work(engine) as session:
        assert [one.id for one in connections.due(session, NOW, limit_count=9)] == ["c1"]
        assert connections.due(session, NOW - MINUTE, limit_count=9) == ()
        connections.claim_run(session, "ada", "c1", run_id="r1", now=NOW, until=NOW + MINUTE)
        assert connections.due(session, NOW, limit_count=9) == ()
        assert [one.id for one in connections.due(session, NOW + MINUTE, limit_count=9)] == ["c1"]
        connections.set_health(session, "ada", "c1", Health.PAUSED, "paused", next_at=None)
        assert connections.due(session, NOW + MINUTE, limit_count=9) == ()


def test_one_renewal_at_a_time(engine: Engine, connection: ConnectionRow) -> None:
    """The right to renew is taken once, ends by itself, and is given back with the new tokens."""
    with unit_of_work(engine) as session:
        assert connections.claim_refresh(session, "ada", "c1", now=NOW, until=NOW + MINUTE)
        assert not connections.claim_refresh(session, "ada", "c1", now=NOW, until=NOW + MINUTE)
        assert connections.claim_refresh(session, "ada", "c1", now=NOW + MINUTE, until=NOW + 2 * MINUTE)
        connections.set_tokens(session, "ada", "c1", b"new", granted_scope="FB=4;x", access_expires_at=NOW + MINUTE)
        row = connections.by_id(session, "ada", "c1")
        assert (row.sealed_tokens, row.granted_scope, row.access_expires_at, row.refresh_until) == (
            b"new",
            "FB=4;x",
            NOW + MINUTE,
            None,
        )


def test_connections_of_another_tenant(engine: Engine, connection: ConnectionRow, other_home: Home) -> None:
    """Nobody claims what is not theirs."""
    with unit_of_work(engine) as session:
        with pytest.raises(NotFoundError):
            connections.claim_run(session, "bob", "c1", run_id="r", now=NOW, until=NOW + MINUTE)
        assert not connections.claim_refresh(session, "bob", "c1", now=NOW, until=NOW + MINUTE)
        connections.set_link(session, "bob", "c1", b"link")
        assert connections.by_id(session, "ada", "c1").sealed_link is None
