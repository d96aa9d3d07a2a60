"""The demo's data: connected and pulled once, continued at every start, grown with the days, all of it inside the data folder."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from html import unescape
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from app.assemble import open_services
from app.clock import FixedClock, SystemClock, SystemRandomness
from app.demo import prepare
from app.demo.activities import ECONOMY_G
from app.demo.prepare import open_world, prepare_demo
from app.hosting import Hosting
from app.services import Whose, Work
from app.settings import Settings, SettingsError
from app.store import accounts, activities, connections, periods, subjects
from app.store.connections import ConnectionState, Health
from app.store.session import reading
from app.usecases.find_duplicates import list_duplicates
from app.web import build_app
from domain.period import MonthRange
from tests.app.live import InlineWorker


@contextmanager
def demo(folder: Path, at: datetime) -> Iterator[tuple[TestClient, Hosting]]:
    """The demo, started at an instant and ready."""
    clock, randomness = FixedClock(at), SystemRandomness()
    with open_world(Settings(data_folder=folder), clock, randomness) as world:
        services = open_services(world.settings, clock=clock, randomness=randomness)
        hosting = Hosting(services, InlineWorker, prepare=partial(prepare_demo, world=world), welcome_token="w" * 43)
        client = TestClient(build_app(hosting), base_url="http://localhost:8000", follow_redirects=False)
        with client:
            while not hosting.ready.wait(0.1):
                assert hosting.error is None, [(task.name, task.state, task.detail) for task in hosting.tasks]
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


def connected(hosting: Hosting) -> dict[str, list[tuple[str, str, str]]]:
    """Subject names to their connections: provider, state, health."""
    with reading(hosting.services.engine) as session:
        account = accounts.by_login(session, "demo")
        assert account is not None
        return {
            row.name: sorted(
                (one.provider, one.state, one.health)
                for one in connections.of_subject(session, row.tenant_id, row.id)
                if not one.is_file
            )
            for row in subjects.of_tenant_all(session, account.tenant_id)
        }


def household_of(hosting: Hosting) -> Whose:
    """The demo's household."""
    with reading(hosting.services.engine) as session:
        account = accounts.by_login(session, "demo")
        assert account is not None
        rows = subjects.of_tenant_all(session, account.tenant_id)
        return next(Whose(row.tenant_id, row.id) for row in rows if row.name == "The Rivera household")


def visited(client: TestClient, path: str) -> str:
    """A page as the demo's visitor sees it."""
    client.get(f"/welcome/{'w' * 43}", headers={"Accept": "text/html"})
    page = client.get(path, headers={"Accept": "text/html"})
    assert page.status_code == 200
    return page.text


def test_demo_continues_and_grows(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A second start adds nothing but the new days; a month later one more month is closed; nothing lies outside the folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(prepare, "_MONTHS_COUNT", 4)
    folder = tmp_path / "data"
    first_at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    with demo(folder, first_at) as (client, hosting):
        first = state_of(hosting)
        assert set(first) == {"The Rivera household", "Pier 9 Design Studio"}
        assert first["The Rivera household"] == ["2025-11", "2025-12", "2026-01"]
        fine = (ConnectionState.ACTIVE, Health.OK)
        assert connected(hosting) == {
            "The Rivera household": [
                ("demo-bank", *fine),
                ("demo-flight-model", *fine),
                ("demo-travel-account", *fine),
                ("demo-utility", *fine),
            ],
            "Pier 9 Design Studio": [("demo-utility", *fine)],
        }
        links = connected(hosting)
        welcome = client.get(f"/welcome/{'w' * 43}", headers={"Accept": "text/html"})
        assert welcome.status_code == 303
        home = client.get(client.get("/").headers["location"], headers={"Accept": "text/html"})
        assert home.status_code == 200
        assert "The Rivera household" in home.text
    said = capsys.readouterr().out
    first_key = re.findall(r"API key: (cf_test_\w+)", said)[0]
    with demo(folder, first_at) as (client, hosting):
        assert state_of(hosting) == first
        assert connected(hosting) == links
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


def test_flights_count_with_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flights of the travel account count with the grams that the simulated model answers over HTTP, and the page says whose."""
    monkeypatch.setattr(prepare, "_MONTHS_COUNT", 2)
    with demo(tmp_path / "data", datetime(2026, 5, 10, 12, tzinfo=UTC)) as (client, hosting):
        whose = household_of(hosting)
        with reading(hosting.services.engine) as session:
            found = activities.totals(session, whose.tenant_id, whose.subject_id, MonthRange.from_text("2026-04"))
            health = [
                one.health_said
                for one in connections.of_subject(session, whose.tenant_id, whose.subject_id)
                if one.provider == "demo-flight-model"
            ]
        flights = {dict(one.key.attributes)["origin"]: dict(one.key.attributes) for one in found if one.key.kind == "flight"}
        grams = {origin: int(said["reported_g_co2e_per_passenger"]) for origin, said in flights.items()}
        assert grams == {origin: ECONOMY_G[origin, to] for origin, to in (("SFO", "JFK"), ("JFK", "SFO"))}
        assert all("(simulated)" in said["reported_method"] for said in flights.values())
        assert health[0].startswith("2 flights count with Google's Travel Impact Model")
        page = visited(client, f"/s/{whose.subject_id}/connections")
        assert "Demo Travel Impact Model" in page
        assert health[0].partition(" (")[0] in unescape(page)


def test_one_pair_to_decide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Petrol that the bank tells, and drives that the file tells, are one pair, open, in the month that is left; it stays one."""
    monkeypatch.setattr(prepare, "_MONTHS_COUNT", 2)
    for at in (datetime(2026, 5, 10, 12, tzinfo=UTC), datetime(2026, 6, 3, 12, tzinfo=UTC)):
        with demo(tmp_path / "data", at) as (client, hosting):
            whose = household_of(hosting)
            with reading(hosting.services.engine) as session:
                pairs = list_duplicates(Work(session, hosting.services), whose)
            (pair,) = pairs
            assert pair.keep is not None
            assert pair.aside is not None
            assert (pair.row.rule, pair.row.state, pair.keep.kind) == ("fuel_and_trip", "open", "car")
            assert (pair.aside.quantity_micro, str(pair.aside.start_date)) == (48_600_000, "2026-04-16")
            assert "Demo Bank" in visited(client, f"/s/{whose.subject_id}/duplicates")


def test_ports_that_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where somebody else has a provider's port, it takes another one, and the connections go on there."""
    monkeypatch.setattr(prepare, "_MONTHS_COUNT", 1)
    at = datetime(2026, 3, 10, 12, tzinfo=UTC)
    with demo(tmp_path / "data", at) as (_, hosting):
        links = connected(hosting)
    state = json.loads((tmp_path / "data" / "demo-providers.json").read_text())
    with socket.create_server(("127.0.0.1", state["ports"]["utility"])), demo(tmp_path / "data", at) as (_, hosting):
        assert connected(hosting) == links


def test_not_in_production(tmp_path: Path) -> None:
    """The demo's providers are refused in production."""
    settings = Settings(data_folder=tmp_path / "data", environment="production")
    with pytest.raises(SettingsError, match="not safe in production"), open_world(settings, SystemClock(), SystemRandomness()):
        pass


def test_folder_of_an_earlier_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that knows of no providers was made by an earlier version: it is not connected on top, nothing counts twice."""
    monkeypatch.setattr(prepare, "_MONTHS_COUNT", 1)
    folder, at = tmp_path / "data", datetime(2026, 3, 10, 12, tzinfo=UTC)
    with demo(folder, at) as (_, hosting):
        links = connected(hosting)
    (folder / "demo-providers.json").unlink()
    with pytest.raises(AssertionError, match="made by an earlier version"), demo(folder, at):
        pass
    assert not (folder / "demo-providers.json").exists()
    assert len(links) == 2
