"""A whole installation for tests: real database, chain, keys and archive in a temporary folder, and a clock that tests move.

One template is made per run (two tenants, readings, closed months, proofs on the chain); a test gets a copy of its folder and
starts the program on it, so that every test is also a restart. Jobs run when a test says so, in its own thread.
"""

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import StringIO
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from starlette.testclient import TestClient

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.hosting import Hosting
from app.jobs.worker import Worker
from app.security.api_keys import KeyMode
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import connections, documents, duplicates, imports
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.duplicates import DuplicateRow, DuplicateState
from app.store.session import reading, unit_of_work
from app.store.subjects import SubjectKind
from app.store.tables import METADATA
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.map_file import Waiting, keep_waiting
from app.usecases.sign_in import NewAccount, create_account, make_api_key
from app.web import build_app
from domain.activity import Direction
from domain.place import Place

__all__ = ["Installation", "Live", "Tenant", "fill", "green_button", "installation", "live", "shared_live", "start", "template"]

NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
"""When the tests take place."""

ZONE = ZoneInfo("America/Los_Angeles")
HOME = Place("US/zip/94110", "US", "America/Los_Angeles")
HOLDER = "0x" + "5a" * 20
"""Account that the businesses' tokens go to."""

PASSWORD = "correct horse battery staple"
CLOSED = "2026-01"
"""The month that is closed in the template; February is measured and open."""


class InlineWorker(Worker):
    """The real worker, except that it never ticks by itself: `Live.work` makes it."""

    def start(self) -> None:
        """Wait to be asked."""

    def stop(self) -> None:
        """Nothing ticks."""


@dataclass(frozen=True)
class Tenant:
    """Somebody with data, and every name of theirs that a stranger might try.

    Attributes:
        login: To sign in with `PASSWORD`.
        tenant_id: Their tenant.
        account_id: Their account.
        key: API key that reads and writes.
        cookie: Token of a signed-in browser.
        household: Id of their household.
        business: Id of their business.
        document_sha256: Original of the household.
        import_id: Its report.
        record_id: The record of its newest day.
        statement_id: Closed and anchored.
        business_statement_id: Closed and issued as a token.
        public_token: Of the household's statement.
        share_token: Of a link to its lines.
        connection_id: A paused connection of the household.
        duplicate_id: A pair of the household that was decided.
        waiting_id: A table of the household that waits for its mapping.
    """

    login: str
    tenant_id: str
    account_id: str
    key: str
    household: str
    business: str
    cookie: str = ""
    document_sha256: str = ""
    import_id: str = ""
    record_id: str = ""
    statement_id: str = ""
    business_statement_id: str = ""
    public_token: str = ""
    share_token: str = ""
    connection_id: str = ""
    duplicate_id: str = ""
    waiting_id: str = ""

    @property
    def bearer(self) -> dict[str, str]:
        """Headers of a program with their key."""
        return {"Authorization": f"Bearer {self.key}"}

    @property
    def browser(self) -> dict[str, str]:
        """Headers of a browser in which they are signed in, on a page of ours."""
        return {"Cookie": f"cf_session={self.cookie}", "Origin": "http://localhost:8000", "Accept": "text/html"}


@dataclass
class Live:
    """The program, running on a folder.

    Attributes:
        folder: Data folder.
        clock: Moved by tests.
        client: Speaks to it; follows no redirects.
        hosting: The serving process.
        ada: One tenant.
        bob: Another one.
    """

    folder: Path
    clock: FixedClock
    client: TestClient
    hosting: Hosting
    ada: Tenant
    bob: Tenant

    @property
    def services(self) -> Services:
        """What the program works with."""
        return self.hosting.services

    def get(self, path: str, *, as_: Tenant | None = None, **more: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's own
        """GET with a tenant's API key."""
        return self.client.get(path, headers=_headers(as_, more), **more)

    def post(self, path: str, *, as_: Tenant | None = None, **more: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's own
        """POST with a tenant's API key."""
        return self.client.post(path, headers=_headers(as_, more), **more)

    def browse(self, path: str, *, as_: Tenant | None = None, **more: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's own
        """GET as a tenant's browser."""
        return self.client.get(path, headers=_browser_headers(as_, more), **more)

    def submit(self, path: str, *, as_: Tenant | None = None, **more: Any) -> httpx2.Response:  # noqa: ANN401 - httpx's own
        """POST a form as a tenant's browser."""
        return self.client.post(path, headers=_browser_headers(as_, more), **more)

    def work(self) -> None:
        """Do everything that is due."""
        worker = self.hosting.worker
        assert worker is not None
        assert worker.drain()

    def counts(self) -> dict[str, int]:
        """Rows of every table, and files of the archive: what a refusal must leave as it was."""
        with self.services.engine.connect() as connection:
            found = {
                table.name: connection.execute(text(f'SELECT count(*) FROM "{table.name}"')).scalar_one()  # noqa: S608 - our tables
                for table in METADATA.sorted_tables
            }
        found["archive"] = sum(1 for path in (self.folder / "archive").rglob("*") if path.is_file())
        return found


def _headers(as_: Tenant | None, more: dict[str, Any]) -> dict[str, str]:
    given: Mapping[str, str] = more.pop("headers", {})
    return {**(as_.bearer if as_ else {}), **given}


def _browser_headers(as_: Tenant | None, more: dict[str, Any]) -> dict[str, str]:
    given: Mapping[str, str] = more.pop("headers", {})
    stranger = {"Origin": "http://localhost:8000", "Accept": "text/html"}
    return {**(as_.browser if as_ else stranger), **given}


@dataclass
class Installation:
    """A folder with data, and whose they are; nothing runs on it.

    Attributes:
        folder: Data folder.
        database_url: Where the database is; empty: SQLite in the folder.
        at: The time.
        tenants: The two of them.
    """

    folder: Path
    database_url: str = ""
    at: datetime = NOW
    tenants: dict[str, Tenant] = field(default_factory=dict)


@contextmanager
def start(
    installation: Installation,
    *,
    clock: FixedClock | None = None,
    welcome_token: str = "",
    **settings: Any,  # noqa: ANN401
) -> Iterator[Live]:
    """Start the program on an installation, and stop it at the end.

    Args:
        installation: Where.
        clock: Its clock; stands at the installation's time where left out.
        welcome_token: Secret of the welcome link.
        **settings: Further settings.

    Yields:
        The running program.
    """
    clock = clock or FixedClock(installation.at)
    checked = Settings(data_folder=installation.folder, database_url=SecretStr(installation.database_url), **settings)
    services = open_services(checked, clock=clock, randomness=SystemRandomness())
    hosting = Hosting(services, InlineWorker, welcome_token=welcome_token)
    app = build_app(hosting)
    client = TestClient(app, base_url="http://localhost:8000", raise_server_exceptions=False, follow_redirects=False)
    with client:
        while not hosting.ready.wait(0.05):
            assert hosting.error is None, hosting.error
        tenants = installation.tenants or {name: _settle(services, name) for name in ("ada", "bob")}
        client.cookies.clear()
        yield Live(installation.folder, clock, client, hosting, tenants["ada"], tenants["bob"])


def green_button(
    first: date, last: date, *, wh: int = 500, title: str = "Bay Power", meter: str = "Meter 12345678", at: datetime = NOW
) -> bytes:
    """A Green Button file with hourly electricity.

    Args:
        first: First local day.
        last: Last local day, in the file, too.
        wh: Each hour, Wh.
        title: Name of the feed.
        meter: Name of the meter.
        at: When the utility wrote it.

    Returns:
        ESPI Atom.
    """
    begin_s = int(datetime(first.year, first.month, first.day, tzinfo=ZONE).timestamp())
    after = last + timedelta(days=1)
    end_s = int(datetime(after.year, after.month, after.day, tzinfo=ZONE).timestamp())
    starts_s = range(begin_s, end_s, 3600)
    series = MeterSeries(
        title="Hourly",
        kind="electricity",
        direction=Direction.DELIVERED,
        source_unit="Wh",
        power_of_ten=0,
        interval_length_s=3600,
        starts_s=starts_s,
        durations_s=[3600] * len(starts_s),
        values=[wh] * len(starts_s),
    )
    point = Meter("RetailCustomer/1/UsagePoint/1", meter, ZONE, us_clock(ZONE, year=2026), [series])
    return espi_document([point], title=title, base_url="https://utility.example/espi", updated_at=at)


def _settle(services: Services, name: str) -> Tenant:
    """An account with a household, a business and a key."""
    with unit_of_work(services.engine) as session:
        work = Work(session, services)
        tenant_id = services.randomness.id()
        account = create_account(work, NewAccount(name, f"{name.title()} Lovelace-{name}", PASSWORD, tenant_id))

        def make(kind: SubjectKind, title: str, holder: str = "") -> str:
            new = NewSubject(kind, title, HOME, member_count=2, chain_holder=holder)
            return create_subject(work, new, owner_account_id=account.id, tenant_id=tenant_id).subject_id

        return Tenant(
            login=name,
            tenant_id=tenant_id,
            account_id=account.id,
            key=make_api_key(work, account, KeyMode.TEST),
            household=make(SubjectKind.HOUSEHOLD, f"Household of {name}"),
            business=make(SubjectKind.ENTITY, f"Bakery of {name}", HOLDER),
        )


def _fill(live: Live, tenant: Tenant, wh: int) -> Tenant:
    """Readings, a closed month, a proof and a share link, all over HTTP as anybody would."""
    body = green_button(date(2026, 1, 1), date(2026, 2, 28), wh=wh, meter=f"Meter of {tenant.login}")
    sha256 = ""
    for subject in (tenant.household, tenant.business):
        taken = live.post("/v1/documents", params={"subject": subject}, content=body, as_=tenant, headers=XML)
        assert taken.status_code == 201, taken.text
        sha256 = taken.json()["document_sha256"]
    statements = []
    for subject in (tenant.household, tenant.business):
        closed = live.post(f"/v1/subjects/{subject}/periods/{CLOSED}/close", json={}, as_=tenant)
        assert closed.status_code == 201, closed.text
        statements.append(closed.json())
    live.work()
    newest = live.get(f"/v1/subjects/{tenant.household}/activities?limit=1", as_=tenant).json()["items"][0]
    shared = live.post(f"/v1/statements/{statements[0]['id']}/share-links", json={}, as_=tenant)
    signed_in = live.submit("/sign-in", data={"name": tenant.login, "password": PASSWORD})
    assert signed_in.status_code == 303, signed_in.text
    live.client.cookies.clear()
    with reading(live.services.engine) as session:
        report = imports.latest(session, tenant.tenant_id, tenant.household, limit_count=1)[0]
        assert documents.by_sha256(session, tenant.tenant_id, tenant.household, sha256).size_bytes == len(body)
    connection_id, duplicate_id = _connect(live, tenant, newest["record_id"])
    table = Waiting("", b"Date,Text,Amount\n2026-01-02,Lovelace-" + tenant.login.encode() + b",-1.00\n", "a.csv", "text/csv")
    with unit_of_work(live.services.engine) as session:
        waiting_id = keep_waiting(Work(session, live.services), Whose(tenant.tenant_id, tenant.household), table)
    known = {name: getattr(tenant, name) for name in ("login", "tenant_id", "account_id", "key", "household", "business")}
    return Tenant(
        **known,
        cookie=signed_in.cookies["cf_session"],
        document_sha256=sha256,
        import_id=report.id,
        record_id=newest["record_id"],
        statement_id=statements[0]["id"],
        business_statement_id=statements[1]["id"],
        public_token=statements[0]["proof_path"].removeprefix("/proof/"),
        share_token=shared.json()["path"].partition("share=")[2],
        connection_id=connection_id,
        duplicate_id=duplicate_id,
        waiting_id=waiting_id,
    )


def _connect(live: Live, tenant: Tenant, record_id: str) -> tuple[str, str]:
    """A connection that is paused, and a pair that both count: names for a stranger to try, which change nothing else."""
    now, new_id = live.services.clock.now(), live.services.randomness.id
    connection = ConnectionRow(
        new_id(),
        tenant.tenant_id,
        tenant.household,
        "octopus",
        ConnectionState.PAUSED,
        is_file=False,
        cursor="",
        sealed_tokens=None,
        created_at=now,
        provider="octopus-energy",
        title="Octopus Energy",
        health=Health.PAUSED,
    )
    pair = DuplicateRow(
        new_id(),
        tenant.tenant_id,
        tenant.household,
        pair_key=f"{record_id} gone",
        rule="same_purchase",
        keep_record_id=record_id,
        aside_record_id=record_id,
        state=DuplicateState.KEPT,
        found_at=now,
        decided_at=now,
    )
    with unit_of_work(live.services.engine) as session:
        connections.add(session, connection)
        assert duplicates.offer(session, pair)
    return connection.id, pair.id


XML = {"Content-Type": "application/atom+xml"}
"""Header of an upload."""


def fill(installation: Installation) -> None:
    """Make the two tenants with their data on an empty installation."""
    with start(installation) as live:
        installation.tenants = {name: _fill(live, getattr(live, name), wh) for name, wh in (("ada", 500), ("bob", 700))}


@pytest.fixture(scope="session")
def template() -> Iterator[Installation]:
    """The installation that tests get copies of."""
    with tempfile.TemporaryDirectory(prefix="climate-fitness-live-") as folder:
        made = Installation(Path(folder) / "data")
        fill(made)
        yield made


@pytest.fixture
def installation(template: Installation, tmp_path: Path) -> Installation:
    """A copy of the template that nothing runs on."""
    folder = tmp_path / "data"
    shutil.copytree(template.folder, folder)
    return Installation(folder, at=template.at, tenants=template.tenants)


@pytest.fixture
def live(installation: Installation, json_logs: StringIO) -> Iterator[Live]:
    """The program running on a copy of its own: for tests that change something."""
    with start(installation) as running:
        yield running


@pytest.fixture(scope="session")
def shared_live(template: Installation) -> Iterator[Live]:
    """The program running on one copy for the whole run: for tests that leave nothing behind."""
    with tempfile.TemporaryDirectory(prefix="climate-fitness-shared-") as folder:
        copy = Path(folder) / "data"
        shutil.copytree(template.folder, copy)
        with start(Installation(copy, at=template.at, tenants=template.tenants)) as running:
            yield running
