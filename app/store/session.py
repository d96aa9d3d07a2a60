"""The database as a URL: its engine, one transaction per unit of work, and its schema brought up to date.

A transaction is owned by the request or job that opened it with `unit_of_work`; repositories never commit.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, event, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

import migrations
from domain.errors import BusyError, ConflictError, InputError

__all__ = [
    "Engine",
    "Session",
    "checkpoint",
    "current_revision",
    "downgrade",
    "engine_of",
    "reading",
    "unit_of_work",
    "upgrade",
]  # Engine and Session too: use cases name them, but do not speak SQL

BUSY_TIMEOUT_MS = 10_000
"""How long a SQLite writer waits for another one, milliseconds."""

_PRAGMAS = (
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",  # readers never wait for the writer
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",  # deleted readings and bills are overwritten, not only unlinked
    "PRAGMA synchronous = FULL",  # in WAL, NORMAL may lose acknowledged commits at a power cut: an outbox row must not be lost
)
_SQLITE_BUSY_CODES = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
"""Primary result codes of a database that others hold (sqlite.org/rescode.html)."""

_POSTGRES_BUSY_STATES = frozenset({"40001", "40P01", "55P03"})
"""serialization_failure, deadlock_detected, lock_not_available (PostgreSQL, Appendix A): the transaction may be tried again."""

_UPGRADE_LOCK_ID = 0x636C696D61746566
"""Advisory lock that one upgrading process holds on PostgreSQL: "climatef" in ASCII."""


def engine_of(url: str) -> Engine:
    """The engine for a database URL; nothing is opened yet.

    Args:
        url: `sqlite:////absolute/file.sqlite3`, or `postgresql://user:password@host/name` (also `postgresql+psycopg://`).

    Returns:
        An engine whose transactions are `BEGIN IMMEDIATE` on SQLite, so that a writer waits for its turn instead of failing
        in the middle; SQLAlchemy keeps values out of its error messages.

    Raises:
        InputError: Another kind of URL, or SQLite without a file.
    """
    parsed = make_url(url)
    if parsed.drivername in {"postgresql", "postgres", "postgresql+psycopg"}:
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    if parsed.drivername != "sqlite" or parsed.database in {None, "", ":memory:"}:
        raise InputError(
            "This database cannot be used",
            expected="sqlite:///FILE or postgresql://...",
            got=parsed.render_as_string(hide_password=True),
            next_step="Set the database URL.",
        )
    engine = create_engine(parsed, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def unit_of_work(engine: Engine) -> Iterator[Session]:
    """One transaction that may write: committed at the end, rolled back by any error.

    Args:
        engine: As `engine_of` gives it.

    Yields:
        The session that repositories take.

    Raises:
        BusyError: Others held the database for too long; nothing was done.
    """
    with _told_when_busy(), Session(engine, expire_on_commit=False) as session, session.begin():
        yield session


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """One transaction that only reads one state of the database: it never waits for a writer, and cannot write.

    Args:
        engine: As `engine_of` gives it.

    Yields:
        The session that repositories take.

    Raises:
        BusyError: Others held the database, or all connections to it, for too long.
    """
    with _told_when_busy(), Session(_read_only(engine)) as session, session.begin():
        yield session


@contextmanager
def _told_when_busy() -> Iterator[None]:
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        if isinstance(error, DBAPIError) and not _is_busy(error.orig):
            raise
        raise BusyError(next_step="Send it again in a moment.") from error


def _is_busy(error: BaseException | None) -> bool:
    """Whether a driver's error says that others hold the database: sqlite3's result code, psycopg's SQLSTATE."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None:
        return code & 0xFF in _SQLITE_BUSY_CODES  # the low byte of an extended code is the primary one
    return getattr(error, "sqlstate", None) in _POSTGRES_BUSY_STATES


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; at once where it has it already.

    Safe with several processes at once: the first upgrades, the others wait and find it done.

    Args:
        engine: As `engine_of` gives it.

    Raises:
        ConflictError: A newer version of the program has used this database.
    """
    revision = current_revision(engine)
    if revision == migrations.HEAD_REVISION:
        return
    with engine.begin() as connection:
        known = {script.revision for script in ScriptDirectory.from_config(alembic_config(connection)).walk_revisions()}
        if revision and revision not in known:
            raise ConflictError(
                "This database belongs to a newer version of the program",
                expected=f"revision {migrations.HEAD_REVISION} or older",
                got=revision,
                record="database",
                next_step="Start the newer version, or restore the backup made before it.",
            )
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _UPGRADE_LOCK_ID})
        command.upgrade(alembic_config(connection), "head")


def downgrade(engine: Engine, revision: str) -> None:
    """Take the schema back to a revision.

    Args:
        engine: As `engine_of` gives it.
        revision: Its name; "base" for none.
    """
    with engine.begin() as connection:
        command.downgrade(alembic_config(connection), revision)


def current_revision(engine: Engine) -> str:
    """The revision that a database has; empty where it has none."""
    with _read_only(engine).connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar() or ""


def checked_revision(engine: Engine) -> str:
    """The revision that a database has, which is the newest.

    Args:
        engine: As `engine_of` gives it.

    Returns:
        Its name.

    Raises:
        ConflictError: The database is at another revision.
    """
    revision = current_revision(engine)
    if revision != migrations.HEAD_REVISION:
        raise ConflictError(
            "The database is at another revision",
            expected=migrations.HEAD_REVISION,
            got=revision or "none",
            next_step="Start the program again: it upgrades the database.",
        )
    return revision


def checkpoint(engine: Engine) -> None:
    """Write SQLite's log into its file and empty it, so that deleted rows are gone from both; nothing on PostgreSQL."""
    if engine.dialect.name != "sqlite":
        return
    raw = engine.raw_connection()
    try:
        raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        raw.close()


def alembic_config(connection: Connection) -> Config:
    """Alembic's configuration for one open connection; there is no file for it."""
    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    return config


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    connection.isolation_level = None  # SQLAlchemy begins and ends transactions itself
    for pragma in _PRAGMAS:
        connection.execute(pragma).close()


def _begin_sqlite(connection: Connection) -> None:
    is_read_only = connection.get_execution_options().get("is_read_only", False)
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if is_read_only else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if is_read_only else "BEGIN IMMEDIATE")


def _read_only(engine: Engine) -> Engine:
    if engine.dialect.name == "postgresql":  # there, only this level shows one state to several queries
        return engine.execution_options(postgresql_readonly=True, isolation_level="REPEATABLE READ")
    return engine.execution_options(is_read_only=True)
