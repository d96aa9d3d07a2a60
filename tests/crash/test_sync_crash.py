"""kill -9 in the middle of syncs: no reading is lost, none counts twice, and the archive holds what the database names."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine, make_url, text

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.security.outbound import Outbound
from app.services import Whose
from app.settings import Settings
from app.store import activities, connections, documents, sync_runs
from app.store.session import engine_of, reading
from app.store.sync_runs import SyncState
from app.usecases.keep_original import fetch_original
from app.usecases.pull_connection import SyncReport, pull_connection
from connectors import registry
from domain.period import Month, MonthRange
from tests.app.usecases.dialable import Dialable, PagedMeter, connect, dialable, pages_of_days, provider_row
from tests.app.usecases.installation import NOW, Installation
from tests.crash.sync_child import BETWEEN_RUNS
from tests.postgres import postgres_url

__all__ = ["postgres_url"]

FIRST = date(2024, 1, 1)
PAGES_COUNT = 200
WATT_HOURS = (100, 101, 102, 103, 104, 105, 106)


class Children:
    """Processes that sync until they are killed, one at a time."""

    def __init__(self, repository: Path, folder: Path, origin: str, database_url: str) -> None:
        command = [sys.executable, "-m", "tests.crash.sync_child", str(folder), origin, database_url]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=repository)

    def kill_one(self, run: int, provider: Dialable, *, after_count: int, after_s: float) -> None:
        """Let one work until it has asked for so many pages and a moment longer, then kill it."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        asked_count = len(provider.asked)
        self._parent.stdin.write(f"{run}\n")
        self._parent.stdin.flush()
        word, _, pid = self._parent.stdout.readline().partition(" ")
        assert word == "ready"
        while len(provider.asked) < asked_count + after_count:
            time.sleep(0.001)
        time.sleep(after_s)
        os.kill(int(pid), signal.SIGKILL)
        assert self._parent.stdout.readline() == "dead\n"

    def close(self) -> None:
        """No more."""
        self._parent.communicate(timeout=60)
        assert self._parent.returncode == 0


def expected_wh() -> dict[Month, int]:
    """What the provider says, by month."""
    found: dict[Month, int] = {}
    for number, page in enumerate(pages_of_days(FIRST, PAGES_COUNT, watt_hours=WATT_HOURS)):
        day = date.fromordinal(FIRST.toordinal() + number)
        month = Month(day.year, day.month)
        found[month] = found.get(month, 0) + sum(one[2] for one in json.loads(page)["readings"])
    return found


def open_sound(folder: Path, database_url: str) -> Engine:
    """The database that a dead process left; it is sound, and the server has given up what that process had begun."""
    if database_url:
        engine = engine_of(database_url)
        others = text(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' "
            "AND pid <> pg_backend_pid()"
        )
        end_s = time.monotonic() + 20
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            while connection.execute(others).scalar_one():
                assert time.monotonic() < end_s
                time.sleep(0.01)
        return engine
    path = folder / "data/data.sqlite3"
    file = sqlite3.connect(path)
    assert file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    file.close()
    return engine_of(f"sqlite:///{path}")


def check_half_way(folder: Path, whose: list[Whose], database_url: str) -> int:
    """What a dead process left is whole: the pages are those of the cursor, the database is sound. Pages that are stored."""
    engine = open_sound(folder, database_url)
    stored_count = 0
    with reading(engine) as session:
        for number, one in enumerate(whose):
            row = connections.by_id(session, one.tenant_id, f"c{number}")
            pages_count = len(documents.of_subject(session, one.tenant_id, one.subject_id))
            assert pages_count in {int(row.cursor or "0"), int(row.cursor or "0") + 1}  # the last page is its own successor
            wanted = {f"{date.fromordinal(FIRST.toordinal() + page):%Y-%m}" for page in range(pages_count)}
            assert row.changed_months in ({" ".join(sorted(wanted))} if row.synced_at is None else {"", " ".join(sorted(wanted))})
            stored_count += pages_count
    engine.dispose()
    return stored_count


def finish(installation: Installation, whose: Whose, connection_id: str, http: Outbound) -> SyncReport:
    """The sync that nobody kills."""
    return pull_connection(installation.services, whose.tenant_id, connection_id, http=http, sleep=installation.clock.advance)


def check_all(installation: Installation, whose: Whose, connection_id: str) -> None:
    """Every reading once, every record once and at its first revision, every original there and what its hash says."""
    with installation.looking() as work:
        for month, wh in expected_wh().items():
            months = MonthRange.of_month(month)
            (found,) = activities.monthly_sums(work.session, whose.tenant_id, whose.subject_id, months)
            assert found.quantity_micro == wh * 1000, str(month)
        rows = documents.of_subject(work.session, whose.tenant_id, whose.subject_id)
        assert len(rows) == PAGES_COUNT
        for row in random.Random(1).sample(rows, 20):  # noqa: S311 - a sample, not a secret
            assert sha256(fetch_original(work, row)).hexdigest() == row.sha256
        newest = sync_runs.of_connection(work.session, whose.tenant_id, connection_id)[0]
        assert connections.by_id(work.session, whose.tenant_id, connection_id).changed_months == ""
        revisions = text("SELECT count(*) FROM record_revision WHERE tenant_id = :tenant_id")
        revisions_count = work.session.execute(revisions, {"tenant_id": whose.tenant_id}).scalar_one()
    assert newest.state is SyncState.DONE
    assert revisions_count == PAGES_COUNT  # each day was taken in once, whatever became of the run that did it


def opened(folder: Path, database_url: str, *, at: datetime = NOW) -> Installation:
    """The installation in a folder, on its own file or on a server."""
    if not database_url:
        return Installation.open(folder / "data", at=at)
    clock = FixedClock(at)
    settings = Settings(data_folder=folder / "data", database_url=SecretStr(database_url))
    return Installation(open_services(settings, clock=clock, randomness=SystemRandomness()), clock)


def drill(repository: Path, folder: Path, provider: Dialable, *, kill_count: int, seed: int, database_url: str = "") -> int:
    """How many of so many kills hit a sync that had stored something, and had more to store."""
    provider.pages = pages_of_days(FIRST, PAGES_COUNT, watt_hours=WATT_HOURS)
    installation = opened(folder, database_url)
    whose = [installation.household(name) for name in ("Ada", "Ben")]
    for number, one in enumerate(whose):
        connect(installation, one, connection_id=f"c{number}")
    installation.close()
    lines = "".join(f"{one.tenant_id} c{number}\n" for number, one in enumerate(whose))
    (folder / "connections").write_text(lines, encoding="utf-8")
    moments = random.Random(seed)  # noqa: S311 - repeatable moments, not secrets
    middle_count, before_count = 0, 0
    children = Children(repository, folder, provider.origin, database_url)
    for run in range(kill_count):
        children.kill_one(run, provider, after_count=moments.randint(1, 9), after_s=moments.uniform(0.0, 0.03))
        stored_count = check_half_way(folder, whose, database_url)
        middle_count += before_count < stored_count < len(whose) * PAGES_COUNT
        before_count = stored_count
    children.close()
    installation = opened(folder, database_url, at=NOW + (kill_count + 1) * BETWEEN_RUNS)
    http = Outbound(allowed_local_origins=[provider.origin])
    for number, one in enumerate(whose):
        finish(installation, one, f"c{number}", http)
        check_all(installation, one, f"c{number}")
    http.close()
    installation.close()
    return middle_count


def test_kill_in_the_middle_of_syncs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty kills at random moments."""
    with dialable() as provider:
        monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(provider_row(provider.origin)))  # noqa: SLF001 - as installed
        assert drill(repository, tmp_path, provider, kill_count=20, seed=1) >= 12


@pytest.mark.slow
def test_kill_in_the_middle_of_syncs_often(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eighty more."""
    with dialable() as provider:
        monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(provider_row(provider.origin)))  # noqa: SLF001 - as installed
        assert drill(repository, tmp_path, provider, kill_count=80, seed=2) >= 30


@pytest.mark.slow
def test_kill_in_the_middle_of_syncs_on_postgresql(
    repository: Path, tmp_path: Path, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty kills of processes whose database is a server, which lives on."""
    admin = engine_of(postgres_url)
    with admin.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("CREATE DATABASE drill"))
    admin.dispose()
    url = make_url(postgres_url).set(database="drill").render_as_string(hide_password=False)
    with dialable() as provider:
        monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(provider_row(provider.origin)))  # noqa: SLF001 - as installed
        assert drill(repository, tmp_path, provider, kill_count=20, seed=3, database_url=url) >= 12
