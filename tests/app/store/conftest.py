"""What store tests get: a migrated database of each kind, and households in it."""

import itertools
from collections.abc import Callable

import pytest

from app.store.session import Engine
from tests.app.store.builders import Home, make_home
from tests.postgres import empty_engine, engine, migrated_postgres, postgres_url

__all__ = ["empty_engine", "engine", "home", "migrated_postgres", "new_id", "other_home", "postgres_url"]


@pytest.fixture
def new_id() -> Callable[[], str]:
    """Ids in a row: id-1, id-2, ..."""
    counter = itertools.count(1)
    return lambda: f"id-{next(counter)}"


@pytest.fixture
def home(engine: Engine) -> Home:
    """A household."""
    return make_home(engine, "ada")


@pytest.fixture
def other_home(engine: Engine) -> Home:
    """A household of another tenant."""
    return make_home(engine, "bob")
