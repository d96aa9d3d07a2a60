"""SIGTERM at a worker in the middle of a long back-fill: it ends soon, gives the connection back, and another goes on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.security.outbound import Outbound
from app.services import Whose
from app.settings import Settings
from app.store import activities, connections, documents, sync_runs
from app.store.connections import ConnectionRow, Health
from app.store.jobs import JobState
from app.store.session import engine_of
from app.store.sync_runs import SyncState
from app.store.tables import METADATA
from app.usecases.pull_connection import pull_connection
from app.usecases.sync_due import enqueue_due
from connectors import registry
from domain.period import MonthRange
from tests.app.jobs.queues import postgres_url, queue_postgres_url
from tests.app.usecases.dialable import Asked, Dialable, PagedMeter, Say, connect, dialable, pages_of_days, provider_row
from tests.app.usecases.installation import NOW, Installation

__all__ = ["postgres_url", "queue_postgres_url"]

PAGES_COUNT = 60
LONGEST_STOP_S = 8.0
"""A worker that reads on ends after its 30 seconds, or is cut off after `stop_timeout_s`, 10 seconds, with code 1."""


class SlowPages(Dialable):
    """A provider that takes a moment for each page, so that its history takes a while."""

    def say(self, asked: Asked) -> Say:
        """The page, after a moment."""
        time.sleep(0.1)
        return super().say(asked)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """The setting of each database, empty at first."""
    if request.param == "sqlite":
        return ""
    url: str = request.getfixturevalue("queue_postgres_url")
    engine = engine_of(url)
    with engine.begin() as connection:
        for table in reversed(METADATA.sorted_tables):
            connection.execute(table.delete())
        connection.execute(text("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE"))
    engine.dispose()
    return url


@pytest.fixture
def installation(tmp_path: Path, database_url: str) -> Iterator[Installation]:
    """An installation on each database."""
    clock = FixedClock(NOW)
    settings = Settings(data_folder=tmp_path / "data", database_url=SecretStr(database_url))
    services = open_services(settings, clock=clock, randomness=SystemRandomness())
    made = Installation(services, clock)
    yield made
    made.close()


def row_of(installation: Installation, whose: Whose) -> ConnectionRow:
    """The connection as it stands."""
    with installation.looking() as work:
        return connections.by_id(work.session, whose.tenant_id, "c1")


@contextmanager
def worker(repository: Path, origin: str, environ: Mapping[str, str]) -> Iterator["subprocess.Popen[str]"]:
    """A worker process; killed at the end, if it lives."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("CF_")}
    command = [sys.executable, "-m", "tests.app.jobs.sync_worker", origin]
    environ = {**plain, **environ}
    with subprocess.Popen(
        command, env=environ, cwd=repository, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def test_stop_in_the_middle_of_a_back_fill(
    repository: Path, tmp_path: Path, installation: Installation, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker ends by itself, with code 0, after the batch in hand; what it stored stays, and the next sync goes on there."""
    with dialable(SlowPages()) as provider:
        provider.pages = pages_of_days(date(2024, 1, 1), PAGES_COUNT)
        monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(provider_row(provider.origin)))  # noqa: SLF001 - as installed
        whose = installation.household()
        connect(installation, whose)
        assert enqueue_due(installation.services) == 1  # the worker's own clock would ask in a quarter of a minute
        environ = {
            "CF_DATA_FOLDER": str(tmp_path / "data"),
            "CF_DATABASE_URL": database_url,
            "CF_ALLOWED_LOCAL_ORIGINS": provider.origin,
        }
        with worker(repository, provider.origin, {name: value for name, value in environ.items() if value}) as process:
            end_s = time.monotonic() + 60
            while len(provider.asked) < 8 and process.poll() is None:
                assert time.monotonic() < end_s
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            told_s = time.monotonic()
            _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said
        assert time.monotonic() - told_s < LONGEST_STOP_S
        stopped = row_of(installation, whose)
        assert (stopped.running_until, stopped.running_id, stopped.health) == (None, "", Health.OK)
        assert (stopped.failure_count, stopped.synced_at) == (0, None)
        assert stopped.next_at is not None
        assert stopped.tried_at is not None
        assert stopped.tried_at <= stopped.next_at
        with installation.looking() as work:
            pages_count = len(documents.of_subject(work.session, whose.tenant_id, whose.subject_id))
            (run,) = sync_runs.of_connection(work.session, whose.tenant_id, "c1")
            waiting_count = installation.services.queue.counts(work.session)[JobState.TODO]
        assert run.state is SyncState.WAITING
        assert 7 <= pages_count < PAGES_COUNT
        assert (pages_count, run.documents_count) == (int(stopped.cursor), pages_count)
        assert waiting_count == 1  # the rest is asked for
        installation.clock.advance((stopped.next_at - NOW).total_seconds())
        http = Outbound(allowed_local_origins=[provider.origin])
        monkeypatch.setattr(SlowPages, "say", Dialable.say)
        asked_count = len(provider.asked)
        pull_connection(installation.services, whose.tenant_id, "c1", http=http, sleep=installation.clock.advance)
        http.close()
        assert provider.pages_asked[asked_count:] == list(range(pages_count, PAGES_COUNT))
        with installation.looking() as work:
            months = MonthRange.from_text("2024")
            found = activities.monthly_sums(work.session, whose.tenant_id, whose.subject_id, months)
        assert sum(one.quantity_micro for one in found) == sum(
            int(hour[2]) * 1000 for page in provider.pages for hour in json.loads(page)["readings"]
        )
