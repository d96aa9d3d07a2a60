"""The migrated schema is the one that the tables say, on both databases, up and down."""

import threading
import time
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, inspect, text

import migrations
from app.store.session import alembic_config, current_revision, downgrade, upgrade
from app.store.tables import METADATA
from domain.errors import ConflictError


def differences(engine: Engine) -> list[Any]:
    """What Alembic would still change."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        return list(compare_metadata(context, METADATA))


def test_migrated_schema_is_what_the_tables_say(empty_engine: Engine) -> None:
    """After all migrations Alembic finds nothing left to change."""
    assert differences(empty_engine) != []
    upgrade(empty_engine)
    assert differences(empty_engine) == []


def test_constraints_have_their_names(engine: Engine) -> None:
    """Unique and foreign keys of the migration carry the names that the tables give them."""
    found = inspect(engine)
    for table in METADATA.sorted_tables:
        uniques = {one["name"] for one in found.get_unique_constraints(table.name)}
        foreign = {one["name"] for one in found.get_foreign_keys(table.name)}
        assert uniques == {c.name for c in table.constraints if c.__visit_name__ == "unique_constraint"}, table.name
        assert foreign == {str(c.name) for c in table.foreign_key_constraints}, table.name
        assert found.get_pk_constraint(table.name)["name"] == f"pk_{table.name}"


def test_downgrade_leaves_nothing(empty_engine: Engine) -> None:
    """Going back to the beginning drops every table; going forward again makes them."""
    upgrade(empty_engine)
    downgrade(empty_engine, "base")
    assert inspect(empty_engine).get_table_names() == ["alembic_version"]
    upgrade(empty_engine)
    assert differences(empty_engine) == []


def test_head_is_the_newest_script(engine: Engine) -> None:
    """The revision that a start compares with is the newest one there is, and the only head."""
    with engine.connect() as connection:
        scripts = ScriptDirectory.from_config(alembic_config(connection))
    assert scripts.get_heads() == [migrations.HEAD_REVISION]
    assert current_revision(engine) == migrations.HEAD_REVISION


def test_upgrade_at_head_is_instant(engine: Engine) -> None:
    """A database that is up to date costs a start less than 50 ms."""
    began_s = time.perf_counter()
    upgrade(engine)
    assert time.perf_counter() - began_s < 0.05


def test_newer_database_is_refused(empty_engine: Engine) -> None:
    """A database that a newer version has migrated is left alone, with the next step."""
    upgrade(empty_engine)
    with empty_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        ConflictError, match=rf"newer version of the program; expected revision {migrations.HEAD_REVISION} or older; got 9999"
    ):
        upgrade(empty_engine)


def test_two_upgrades_at_once_make_one_schema(empty_engine: Engine) -> None:
    """Of two processes that start together one migrates and the other waits for it."""
    failures: list[Exception] = []

    def start() -> None:
        try:
            upgrade(empty_engine)
        except Exception as error:  # noqa: BLE001 - handed to the assertion below
            failures.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert differences(empty_engine) == []


def test_every_row_says_its_tenant() -> None:
    """Every table has a tenant that must be given, except the one about the installation."""
    without = [table.name for table in METADATA.sorted_tables if "tenant_id" not in table.c or table.c.tenant_id.nullable]
    assert without == ["meta"]
