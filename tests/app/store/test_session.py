"""Engines and units of work."""

import threading
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from app.store import activities, connections, documents, installation, records
from app.store.session import Engine, checkpoint, engine_of, reading, unit_of_work, upgrade
from domain.errors import BusyError, InputError
from tests.app.store.builders import NOW, Home, make_document, make_home, meter_day, record


def test_unit_of_work_keeps_at_its_end(engine: Engine) -> None:
    """What was written is there after the unit of work."""
    with unit_of_work(engine) as session:
        installation.set_fact(session, "data folder", "1")
        installation.set_fact(session, "data folder", "2")
    with reading(engine) as session:
        assert installation.fact(session, "data folder") == "2"
        assert installation.fact(session, "nothing") is None


def test_unit_of_work_keeps_nothing_after_an_error(engine: Engine) -> None:
    """An error takes back everything that was written."""

    def fail() -> None:
        with unit_of_work(engine) as session:
            installation.set_fact(session, "data folder", "1")
            raise InputError

    with pytest.raises(InputError):
        fail()
    with reading(engine) as session:
        assert installation.fact(session, "data folder") is None


def test_reading_cannot_write(engine: Engine) -> None:
    """A unit that only reads is refused any change by the database itself; the next writer is not."""
    with reading(engine) as session, pytest.raises(SQLAlchemyError, match=r"(?i)read-?only"):
        installation.set_fact(session, "data folder", "1")
    with unit_of_work(engine) as session:
        installation.set_fact(session, "data folder", "1")


def test_reader_does_not_wait_for_a_writer(engine: Engine) -> None:
    """While a writer is at work a reader gets the state before it, at once."""
    with unit_of_work(engine) as writer:
        installation.set_fact(writer, "data folder", "1")
        with reading(engine) as session:
            assert installation.fact(session, "data folder") is None


def test_reading_sees_one_state(engine: Engine) -> None:
    """What a writer commits meanwhile does not show up in the middle of a reading."""
    with unit_of_work(engine) as session:
        installation.set_fact(session, "data folder", "1")
    with reading(engine) as session:
        assert installation.fact(session, "data folder") == "1"
        with unit_of_work(engine) as writer:
            installation.set_fact(writer, "data folder", "2")
        assert installation.fact(session, "data folder") == "1"


def test_database_errors_hide_values(engine: Engine) -> None:
    """SQLAlchemy does not repeat a statement's values in its errors (PostgreSQL's own DETAIL line still may)."""
    values = {"key": b"CANARY"}
    sql = text("INSERT INTO subject_key (tenant_id, subject_id, kek_id, wrapped_key) VALUES ('t', 'nobody', NULL, :key)")
    with unit_of_work(engine) as session, pytest.raises(IntegrityError) as refusal:
        session.execute(sql, values)
    assert "hidden due to hide_parameters" in str(refusal.value)


def test_foreign_keys_hold(engine: Engine) -> None:
    """A row that names a subject which is not there is refused by the database itself."""
    sql = text("INSERT INTO subject_key (tenant_id, subject_id, kek_id, wrapped_key) VALUES ('t', 'nobody', 'k', :key)")
    with pytest.raises(IntegrityError, match=r"(?i)foreign key"), unit_of_work(engine) as session:
        session.execute(sql, {"key": b"x"})


def test_writers_wait_for_each_other(engine: Engine) -> None:
    """Writers that read first and write then all get through: nobody is told that the database is busy."""
    with unit_of_work(engine) as session:
        installation.set_fact(session, "count", "0")
    failures: list[SQLAlchemyError] = []

    def count_up() -> None:
        try:
            for _ in range(10):
                with unit_of_work(engine) as session:
                    installation.fact(session, "count")
                    session.execute(
                        text("UPDATE meta SET value = CAST(CAST(value AS INTEGER) + 1 AS VARCHAR) WHERE key = 'count'")
                    )
        except SQLAlchemyError as error:
            failures.append(error)

    threads = [threading.Thread(target=count_up) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with reading(engine) as session:
        assert installation.fact(session, "count") == "40"


def test_waiting_too_long_is_told(tmp_path: Path) -> None:
    """A writer that waits in vain for another one is told to come back, and has done nothing; afterwards it gets through."""
    engine = engine_of(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 50").close())
    upgrade(engine)

    def write() -> None:
        with unit_of_work(engine) as session:
            installation.set_fact(session, "name", "late")

    with unit_of_work(engine) as session:
        installation.set_fact(session, "name", "first")
        with pytest.raises(BusyError, match="nothing was done, ask again") as refusal:
            write()
    assert refusal.value.wait_s == 5.0
    with reading(engine) as session:
        assert installation.fact(session, "name") == "first"
    write()
    engine.dispose()


def test_held_row_on_postgresql_is_told(migrated_postgres: Engine) -> None:
    """A row that somebody else holds for longer than the lock timeout is the same refusal on PostgreSQL."""
    with unit_of_work(migrated_postgres) as session:
        installation.set_fact(session, "held", "1")

    def write() -> None:
        with unit_of_work(migrated_postgres) as session:
            session.execute(text("SET LOCAL lock_timeout = '50ms'"))
            installation.set_fact(session, "held", "3")

    with unit_of_work(migrated_postgres) as holder:
        installation.set_fact(holder, "held", "2")
        with pytest.raises(BusyError):
            write()


def test_no_free_connection_is_told(tmp_path: Path) -> None:
    """Somebody who gets no connection in time is told to come back, too."""
    engine = create_engine(f"sqlite:///{tmp_path / 'x.sqlite3'}", pool_size=1, max_overflow=0, pool_timeout=0.05)
    with engine.connect(), pytest.raises(BusyError), unit_of_work(engine) as session:
        session.execute(text("SELECT 1"))
    engine.dispose()


def test_other_database_errors_are_not_called_busy(engine: Engine) -> None:
    """A mistake of ours stays what it is."""
    with pytest.raises(DBAPIError), unit_of_work(engine) as session:
        session.execute(text("SELECT nothing FROM nowhere"))


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "mysql://u:secret@h/d"])
def test_other_database_is_refused(url: str) -> None:
    """A URL that is neither a SQLite file nor PostgreSQL is refused, and its password is not repeated."""
    with pytest.raises(InputError, match=r"expected sqlite:///FILE or postgresql://") as refusal:
        engine_of(url)
    assert "secret" not in str(refusal.value)


def test_sqlite_is_set_up_for_safety(tmp_path: Path) -> None:
    """Every SQLite connection has the log, the checks and the overwriting that the store counts on."""
    engine = engine_of(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    wanted = {"journal_mode": "wal", "foreign_keys": 1, "secure_delete": 1, "synchronous": 2, "busy_timeout": 10_000}
    with engine.connect() as connection:
        found = {name: connection.execute(text(f"PRAGMA {name}")).scalar() for name in wanted}
    engine.dispose()
    assert found == wanted


def on_disk(folder: Path) -> bytes:
    """Everything that a SQLite database and its log hold."""
    return b"".join(path.read_bytes() for path in sorted(folder.glob("canary.sqlite3*")))


def test_deleted_reading_is_gone_from_the_file(tmp_path: Path) -> None:
    """After deletion and a checkpoint, nothing of a record's name is left in the file or its log."""
    engine = engine_of(f"sqlite:///{tmp_path / 'canary.sqlite3'}")
    upgrade(engine)
    home = make_home(engine, "ada")
    with unit_of_work(engine) as session:
        make_document(session, home)
        inputs = [record(f"CANARY-{day}", meter_day(date(2025, 3, day), (1, 2)), documents=("aa" * 32,)) for day in range(1, 29)]
        ids = iter(f"CANARY-id-{n}" for n in range(1000))
        records.upsert_many(session, "ada", "ada", home.connection_id, inputs, recorded_at=NOW, new_id=lambda: next(ids))
    assert b"CANARY" in on_disk(tmp_path)
    with unit_of_work(engine) as session:
        assert records.remove_of_connection(session, "ada", home.connection_id) == 28
        documents.remove(session, "ada", "ada-aaaa")
        assert activities.count_of(session, "ada", "ada") == 0
    checkpoint(engine)
    assert b"CANARY" not in on_disk(tmp_path)
    engine.dispose()


def test_checkpoint_of_postgresql_does_nothing(engine: Engine, home: Home) -> None:
    """A checkpoint can be asked of either database; what is stored stays."""
    checkpoint(engine)
    with reading(engine) as session:
        assert connections.by_id(session, home.tenant_id, home.connection_id).is_file
