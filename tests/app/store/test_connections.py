"""Connections and usage points."""

from dataclasses import replace

import pytest

from app.store import connections
from app.store.connections import ConnectionRow, ConnectionState, UsagePointRow
from app.store.session import Engine, unit_of_work
from domain.errors import NotFoundError
from tests.app.store.builders import NOW, Home


def test_uploads_meet_in_one_connection(engine: Engine, home: Home) -> None:
    """There is one standing file connection per subject and connector."""
    with unit_of_work(engine) as session:
        again = connections.standing_file(session, "ada", "ada", "green_button", connection_id="new", now=NOW)
        other = connections.standing_file(session, "ada", "ada", "typed_bill", connection_id="new", now=NOW)
        assert (again.id, other.id) == (home.connection_id, "new")
        assert again.is_file
        assert connections.of_subject(session, "ada", "ada") == (again, other)


def test_consents_of_one_connector_can_be_several(engine: Engine, home: Home) -> None:
    """Beside the standing file connection a subject may have several consents for the same connector."""
    consent = ConnectionRow(
        "c1", "ada", "ada", "green_button", ConnectionState.ACTIVE, is_file=False, cursor="", sealed_tokens=b"x", created_at=NOW
    )
    with unit_of_work(engine) as session:
        connections.add(session, consent)
        connections.add(session, replace(consent, id="c2"))
        assert len(connections.of_subject(session, "ada", "ada")) == 3


def test_ended_connection_loses_its_tokens(engine: Engine, home: Home) -> None:
    """Pausing keeps cursor and tokens; ending takes the tokens away."""
    with unit_of_work(engine) as session:
        connections.set_sealed_tokens(session, "ada", home.connection_id, b"sealed")
        connections.set_cursor(session, "ada", home.connection_id, "page 7")
        connections.set_state(session, "ada", home.connection_id, ConnectionState.PAUSED)
        paused = connections.by_id(session, "ada", home.connection_id)
        assert (paused.state, paused.cursor, paused.sealed_tokens) == (ConnectionState.PAUSED, "page 7", b"sealed")
        connections.set_state(session, "ada", home.connection_id, ConnectionState.ENDED)
        assert connections.by_id(session, "ada", home.connection_id).sealed_tokens is None


def test_usage_point_keeps_its_newest_place(engine: Engine, home: Home) -> None:
    """A usage point is one row per name; naming it again changes its place."""
    point = UsagePointRow("u1", "ada", home.connection_id, "meter 7", "US/zip/94110", "America/Los_Angeles", "registered")
    moved = replace(point, id="u2", region="US/zip/10001", zone="America/New_York")
    with unit_of_work(engine) as session:
        connections.put_usage_point(session, point)
        connections.put_usage_point(session, moved)
        assert connections.usage_points_of(session, "ada", home.connection_id) == (replace(moved, id="u1"),)


def test_file_connection_of_another_tenant_is_refused(engine: Engine, home: Home, other_home: Home) -> None:
    """A standing connection cannot be made for another tenant's subject."""
    with unit_of_work(engine) as session, pytest.raises(NotFoundError, match="There is no such subject"):
        connections.standing_file(session, "ada", "bob", "typed_bill", connection_id="new", now=NOW)
