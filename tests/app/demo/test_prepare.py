"""The demo's data: made once, continued at every start, grown with the days, and all of it inside the data folder."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.demo.prepare import prepare_demo
from app.hosting import Hosting
from app.settings import Settings
from app.store import accounts, periods, subjects
from app.store.session import reading
from app.web import build_app
from tests.app.live import InlineWorker


@contextmanager
def demo(folder: Path, at: datetime) -> Iterator[tuple[TestClient, Hosting]]:
    """The demo, started at an instant and ready."""
    settings = Settings(data_folder=folder)
    services = open_services(settings, clock=FixedClock(at), randomness=SystemRandomness())
    hosting = Hosting(services, InlineWorker, prepare=prepare_demo, welcome_token="w" * 43)
    client = TestClient(build_app(hosting), base_url="http://localhost:8000", follow_redirects=False)
    with client:
        assert hosting.ready.wait(120), [(task.name, task.state, task.detail) for task in hosting.tasks]
        yield client, hosting


def state_of(hosting: Hosting) -> dict[str, list[str]]:
    """Subject names to their closed months."""
    with reading(hosting.services.engine) as session:
        account = accounts.by_login(session, "demo")
        assert account is not None
        rows = subjects.of_tenant_all(session, account.tenant_id)
        return {
            row.name: sorted(
                str(one.months) for one in periods.of_subject(session, row.tenant_id, row.id) if one.state == "closed"
            )
            for row in rows
        }


def test_demo_continues_and_grows(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start adds nothing but the new days; a month later one more month is closed; nothing lies outside the folder."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "data"
    first_at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    with demo(folder, first_at) as (client, hosting):
        first = state_of(hosting)
        assert set(first) == {"The Rivera household", "Pier 9 Design Studio"}
        assert first["The Rivera household"] == [*(f"2025-{month:02}" for month in range(3, 13)), "2026-01"]
        welcome = client.get(f"/welcome/{'w' * 43}", headers={"Accept": "text/html"})
        assert welcome.status_code == 303
        home = client.get(client.get("/").headers["location"], headers={"Accept": "text/html"})
        assert home.status_code == 200
        assert "The Rivera household" in home.text
    said = capsys.readouterr().out
    first_key = re.findall(r"API key: (cf_test_\w+)", said)[0]
    with demo(folder, first_at) as (client, hosting):
        assert state_of(hosting) == first
        reply = client.get("/v1/subjects", headers={"Authorization": f"Bearer {first_key}"})
        assert {one["kind"] for one in reply.json()} == {"household", "entity"}
    with demo(folder, datetime(2026, 4, 10, 12, tzinfo=UTC)) as (client, hosting):
        later = state_of(hosting)
        assert {name: months[-1] for name, months in later.items()} == dict.fromkeys(first, "2026-02")
        assert {name: months[:-1] for name, months in later.items()} == first
        with reading(hosting.services.engine) as session:
            account = accounts.by_login(session, "demo")
            assert account is not None
            changed = [
                str(one.months)
                for row in subjects.of_tenant_all(session, account.tenant_id)
                for one in periods.of_subject(session, row.tenant_id, row.id)
                if one.is_changed_since_close
            ]
        assert changed == []
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
