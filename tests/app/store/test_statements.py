"""Statements come back as they were closed."""

from dataclasses import replace

import pytest
from sqlalchemy.exc import IntegrityError

from app.store import statements
from app.store.session import Engine, reading, unit_of_work
from app.store.statements import StatementState
from domain.errors import ConflictError, NotFoundError
from tests.app.store.builders import Home
from tests.app.store.chain import INPUTS, LINES, make_statement


def test_statement_comes_back(engine: Engine, home: Home) -> None:
    """Totals beyond 64 bits, lines, unscored rest and leaves come back exactly, by every name that the statement has."""
    with unit_of_work(engine) as session:
        made = make_statement(session, home)
    with reading(engine) as session:
        assert statements.by_id(session, home.tenant_id, made.id) == made
        assert statements.by_manifest_hash(session, home.tenant_id, made.manifest_hash_hex) == made
        assert statements.by_public_token(session, made.public_token) == made
        assert statements.latest_of_period(session, home.tenant_id, made.period_id) == made
        assert statements.lines_of(session, home.tenant_id, made.id) == LINES
        assert statements.line_bytes_of(session, home.tenant_id, made.id) == tuple(one.canonical_bytes for one in LINES)
        assert statements.inputs_of(session, home.tenant_id, made.id) == INPUTS


def test_restatement_is_the_latest(engine: Engine, home: Home) -> None:
    """A restatement is a revision of its own; the former one stays."""
    with unit_of_work(engine) as session:
        first = make_statement(session, home)
        second = make_statement(session, home, revision=2, name="s2")
        assert statements.latest_of_period(session, home.tenant_id, first.period_id) == second
        assert statements.of_period(session, home.tenant_id, first.period_id) == (first, second)
        assert statements.of_subject(session, home.tenant_id, home.subject_id) == (first, second)


def test_one_revision_is_one_statement(engine: Engine, home: Home) -> None:
    """The database refuses a second statement of the same period and revision."""
    with unit_of_work(engine) as session:
        make_statement(session, home)
    with unit_of_work(engine) as session, pytest.raises(IntegrityError):
        make_statement(session, home, name="s2")


def test_state_moves_only_from_where_it_is_expected(engine: Engine, home: Home) -> None:
    """Of two requests that move a statement the second one is refused, naming the state it found."""
    with unit_of_work(engine) as session:
        made = make_statement(session, home)
        statements.set_state(session, home.tenant_id, "s1", StatementState.ENDORSED, expected=[StatementState.CLOSED])
        assert statements.in_state(session, StatementState.ENDORSED) == (replace(made, state=StatementState.ENDORSED),)
        assert statements.in_state(session, StatementState.CLOSED) == ()
    with unit_of_work(engine) as session, pytest.raises(ConflictError, match=r"cannot become endorsed; .*closed; got endorsed"):
        statements.set_state(session, home.tenant_id, "s1", StatementState.ENDORSED, expected=[StatementState.CLOSED])


def test_erased_inputs_leave_the_statement(engine: Engine, home: Home) -> None:
    """Erasing the inputs empties the leaves; totals and lines stay."""
    with unit_of_work(engine) as session:
        made = make_statement(session, home)
        statements.erase_inputs(session, home.tenant_id, made.id)
        assert {(one.leaf, one.group_key) for one in statements.inputs_of(session, home.tenant_id, made.id)} == {(None, "")}
        assert statements.lines_of(session, home.tenant_id, made.id) == LINES
        assert statements.by_id(session, home.tenant_id, made.id) == made


def test_unknown_statement_is_not_found(engine: Engine, home: Home) -> None:
    """A token or id that names nothing is told so."""
    with reading(engine) as session:
        with pytest.raises(NotFoundError, match="There is no such statement"):
            statements.by_public_token(session, "nothing")
        assert statements.latest_of_period(session, home.tenant_id, "nothing") is None
