"""Many workers at once, on SQLite and on PostgreSQL: each connection is read by one of them, everything counts once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from app.assemble import open_services
from app.clock import SystemClock, SystemRandomness
from app.security.outbound import Outbound
from app.services import Services, Whose
from app.settings import Settings
from app.store import activities, connections, documents, provider_rates, sync_runs
from app.store.connections import Health
from app.store.session import reading
from app.store.sync_runs import SyncState
from app.usecases.pull_connection import pull_connection
from connectors import registry
from domain.errors import TryLaterError
from domain.period import MonthRange
from tests.app.usecases.dialable import Dialable, PagedMeter, Say, connect, dialable, pages_of_days, provider_row
from tests.app.usecases.installation import Installation
from tests.postgres import engine, migrated_postgres, postgres_url

__all__ = ["engine", "migrated_postgres", "postgres_url"]

PAGES_COUNT = 6
SUBJECTS_COUNT = 4


@dataclass
class Scene:
    """Households with a connection each, to a provider that is up."""

    services: Services
    whose: list[Whose]
    provider: Dialable


@pytest.fixture
def scene(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    """Four of them, in a database of each kind."""
    url = engine.url.render_as_string(hide_password=False)
    settings = Settings(data_folder=tmp_path / "data", database_url=SecretStr(url))
    (tmp_path / "data").mkdir()
    services = open_services(settings, clock=SystemClock(), randomness=SystemRandomness())
    installation = Installation(services, services.clock)  # type: ignore[arg-type]  # a clock that moves by itself
    whose = [installation.household(f"Home {number}") for number in range(SUBJECTS_COUNT)]
    for number, one in enumerate(whose):
        connect(installation, one, connection_id=f"c{number}")
    with dialable() as provider:
        provider.pages = pages_of_days(date(2025, 4, 1), PAGES_COUNT)
        monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(provider_row(provider.origin)))  # noqa: SLF001 - as installed
        yield Scene(services, whose, provider)
    services.engine.dispose()


def test_workers_side_by_side(scene: Scene) -> None:
    """Four workers want every connection at the same time: whoever comes second is sent away, and nothing is stored twice."""
    http = Outbound(allowed_local_origins=[scene.provider.origin])

    def work(number: int) -> str:
        one = number % SUBJECTS_COUNT
        try:
            return pull_connection(scene.services, scene.whose[one].tenant_id, f"c{one}", http=http).said
        except TryLaterError as error:
            return error.message

    with ThreadPoolExecutor(4) as pool:
        said = list(pool.map(work, range(4 * SUBJECTS_COUNT)))
    http.close()
    assert set(said) <= {"Up to date.", "This connection is being read just now"}
    for number, one in enumerate(scene.whose):
        with reading(scene.services.engine) as session:
            (sum_of_month,) = activities.monthly_sums(session, one.tenant_id, one.subject_id, MonthRange.from_text("2025-04"))
            row = connections.by_id(session, one.tenant_id, f"c{number}")
            runs = sync_runs.of_connection(session, one.tenant_id, f"c{number}", limit_count=100)
            kept = documents.of_subject(session, one.tenant_id, one.subject_id)
        assert sum_of_month.quantity_micro == PAGES_COUNT * 24 * 100_000
        assert (row.health, row.cursor, row.running_until) == (Health.OK, str(PAGES_COUNT - 1), None)
        assert sum(run.new_count for run in runs) == PAGES_COUNT
        assert {run.state for run in runs} == {SyncState.DONE}
        assert len(kept) == PAGES_COUNT
    with reading(scene.services.engine) as session:
        rate = provider_rates.of_provider(session, "paged")
    assert rate is not None
    assert rate.day_count >= len(scene.provider.asked)


def test_bad_day_on_both_databases(scene: Scene) -> None:
    """Health, time and cursor are kept alike: a page, then "not now", then the rest."""
    scene.provider.dialled.extend([Say(200, scene.provider.pages[0], {"content-type": "application/json"}), Say(503)])
    http = Outbound(allowed_local_origins=[scene.provider.origin])
    one = scene.whose[0]
    with pytest.raises(TryLaterError):
        pull_connection(scene.services, one.tenant_id, "c0", http=http)
    with reading(scene.services.engine) as session:
        row = connections.by_id(session, one.tenant_id, "c0")
    assert (row.health, row.cursor, row.failure_count) == (Health.WAITING, "1", 1)
    assert row.next_at is not None
    assert row.tried_at is not None
    assert 40 < (row.next_at - row.tried_at).total_seconds() < 90
    assert pull_connection(scene.services, one.tenant_id, "c0", http=http).new_count == PAGES_COUNT - 1
    http.close()
