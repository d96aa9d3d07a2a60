"""Syncs against a real HTTP server on this machine: the good day, and every bad day that a provider can have."""

import gzip
import json
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from email.utils import format_datetime

import pytest

from app.security import outbound
from app.security.outbound import Outbound
from app.services import Whose, Work
from app.store import activities, connections, documents, imports, provider_clients, quarantine, sync_runs
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.provider_clients import ProviderClientRow
from app.store.sync_runs import SyncState
from app.usecases import pull_connection as driver
from app.usecases.ask_provider import LOOK_S, TurnOverError
from app.usecases.audit_statement import audit_statement
from app.usecases.connection_secrets import Tokens
from app.usecases.endorse_statement import OUR_READER, audit_request
from app.usecases.find_duplicates import find_duplicates
from app.usecases.pull_connection import SyncReport, pull_connection
from connectors import registry
from connectors.base import ApiKey, Auth, Batch, Get, KeyPlace, Link, LinkedItem, OAuth2, Post, Pull
from domain.activity import EvidenceClass
from domain.errors import NotFoundError, TryLaterError
from domain.period import Month, MonthRange
from tests.app.usecases.dialable import (
    HTML,
    Asked,
    Dialable,
    PagedMeter,
    Say,
    connect,
    dialable,
    page_of_day,
    pages_of_days,
    provider_row,
)
from tests.app.usecases.installation import HOUR_S, Installation, hours

FIRST = date(2025, 4, 1)
JSON = {"content-type": "application/json"}


@dataclass
class Scene:
    """A household whose meter is at a provider that is up.

    Attributes:
        installation: Where it is synced to.
        whose: The household.
        provider: The provider.
        http: Calls it.
    """

    installation: Installation
    whose: Whose
    provider: Dialable
    http: Outbound

    def sync(self, connection_id: str = "c1") -> SyncReport:
        """One sync; time goes on by what it sleeps."""
        return pull_connection(
            self.installation.services,
            self.whose.tenant_id,
            connection_id,
            http=self.http,
            sleep=self.installation.clock.advance,
        )

    def sync_later(self) -> TryLaterError:
        """One sync that has to be run again."""
        with pytest.raises(TryLaterError) as caught:
            self.sync()
        return caught.value

    def sync_until(self, is_over: Callable[[], bool]) -> TurnOverError:
        """One sync whose turn ends."""
        services, sleep = self.installation.services, self.installation.clock.advance
        with pytest.raises(TurnOverError) as caught:
            pull_connection(services, self.whose.tenant_id, "c1", http=self.http, sleep=sleep, is_over=is_over)
        return caught.value

    def row(self, connection_id: str = "c1") -> ConnectionRow:
        """The connection as it stands."""
        with self.installation.looking() as work:
            return connections.by_id(work.session, self.whose.tenant_id, connection_id)

    def watt_hours(self, months: str = "2025-04") -> int:
        """Everything that counts in some months, Wh."""
        with self.installation.looking() as work:
            found = activities.monthly_sums(
                work.session, self.whose.tenant_id, self.whose.subject_id, MonthRange.from_text(months)
            )
        return sum(one.quantity_micro for one in found) // 1000

    def held(self) -> list[tuple[str, str]]:
        """Record and reason of what is set aside."""
        with self.installation.looking() as work:
            rows = quarantine.of_connection(work.session, self.whose.tenant_id, "c1")
        return [(one.record, json.loads(one.reason_json)["message"]) for one in rows]

    def imports_count(self) -> int:
        """Documents that were taken in."""
        with self.installation.looking() as work:
            return len(imports.latest(work.session, self.whose.tenant_id, self.whose.subject_id, limit_count=100))

    def archived_count(self) -> int:
        """Files in the archive."""
        folder = self.installation.services.settings.data_folder
        return sum(1 for path in folder.rglob("*") if path.is_file() and len(path.name) == 64)


@pytest.fixture
def provider() -> Iterator[Dialable]:
    """A provider with three days of hours."""
    with dialable() as made:
        made.pages = pages_of_days(FIRST, 3)
        yield made


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch, provider: Dialable) -> Callable[..., None]:
    """Installs the connector, with a row that a test may change."""

    def install(*, auth: Auth = None, **more: object) -> None:
        row = replace(provider_row(provider.origin, auth=auth), **more)  # type: ignore[arg-type]  # fields of the row
        monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(row))  # noqa: SLF001 - as an installed one would be

    return install


@pytest.fixture
def scene(installation: Installation, household: Whose, provider: Dialable, use: Callable[..., None]) -> Iterator[Scene]:
    """A household, its connection to a provider that asks for no name, and a client with short patience."""
    use()
    connect(installation, household)
    http = Outbound(allowed_local_origins=[provider.origin], timeout_s=1.0, gap_s=0.5)
    yield Scene(installation, household, provider, http)
    http.close()


# --- the good day


def test_sync_brings_every_page_once(scene: Scene) -> None:
    """Three pages: three days, a cursor at the last one, a connection that is well, originals that are kept as fetched."""
    report = scene.sync()
    assert (report.documents_count, report.new_count, report.refused_count) == (3, 3, 0)
    assert (report.health, report.said, report.error_code) == (Health.OK, "Up to date.", "")
    assert scene.watt_hours() == 3 * 24 * 100
    row = scene.row()
    assert (row.cursor, row.health, row.failure_count, row.running_until) == ("2", Health.OK, 0, None)
    assert row.synced_at == scene.installation.clock.now()
    assert row.next_at is not None
    assert timedelta(hours=22) < row.next_at - row.synced_at < timedelta(hours=26)
    with scene.installation.looking() as work:
        kept = documents.of_subject(work.session, scene.whose.tenant_id, scene.whose.subject_id)
        (run,) = sync_runs.of_connection(work.session, scene.whose.tenant_id, "c1")
    assert [one.evidence for one in kept] == [EvidenceClass.FETCHED_BY_CONNECTOR] * 3
    assert (run.state, run.documents_count, run.new_count, run.ended_at) == (SyncState.DONE, 3, 3, row.synced_at)
    assert scene.archived_count() == 3


def test_next_sync_goes_on_where_the_last_one_ended(scene: Scene) -> None:
    """Only the cursor's page is asked for again; it changes nothing, and a new page is new."""
    scene.sync()
    again = scene.sync()
    assert (again.new_count, again.changed_count, scene.watt_hours()) == (0, 0, 7200)
    scene.provider.pages[2:] = [page_of_day(date(2025, 4, 3), 3, watt_hours=150), page_of_day(date(2025, 4, 4), None)]
    later = scene.sync()
    assert (later.new_count, later.changed_count, scene.watt_hours()) == (1, 1, 2 * 2400 + 3600 + 2400)
    assert scene.provider.pages_asked == [0, 1, 2, 2, 2, 3]


def test_what_was_read_before_is_not_taken_in_again(scene: Scene, provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same page again: asked for, and nothing is archived or noted; unless another parser makes something else of it."""
    scene.sync()
    before = scene.imports_count(), scene.archived_count()
    again = scene.sync()
    assert (again.documents_count, again.new_count, again.changed_count) == (1, 0, 0)
    assert (scene.imports_count(), scene.archived_count()) == before
    another = PagedMeter(provider_row(provider.origin), version="another")
    monkeypatch.setitem(registry._OWN, "paged-meter", another)  # noqa: SLF001 - as an installed one would be
    scene.sync()
    assert (scene.imports_count(), scene.archived_count()) == (before[0] + 1, before[1])
    assert scene.watt_hours() == 3 * 24 * 100


def test_pulled_meter_belongs_to_its_own_connection(scene: Scene) -> None:
    """Two connections of one connector and subject have a meter each, at the subject's home or at the answer `place`."""
    link = {"meter": "m2", "place": "94110", "zone": "America/Los_Angeles"}
    connect(scene.installation, scene.whose, connection_id="c2", link=link)
    scene.sync()
    scene.sync("c2")
    with scene.installation.looking() as work:
        points = [connections.usage_points_of(work.session, scene.whose.tenant_id, one) for one in ("c1", "c2")]
    assert [(one.name, one.region, one.zone) for (one,) in points] == [
        ("m1", "US/zip/10001", "America/New_York"),
        ("m2", "US/zip/94110", "America/Los_Angeles"),
    ]
    assert scene.watt_hours() == 2 * 7200 - 3 * 100  # the second meter's first three hours are still March in California


def test_paused_and_ended_connections_are_left_alone(scene: Scene) -> None:
    """Nobody is asked in the name of a person who said no."""
    for state in (ConnectionState.PAUSED, ConnectionState.NEEDS_CONSENT, ConnectionState.ENDED):
        with scene.installation.work() as work:
            connections.set_state(work.session, scene.whose.tenant_id, "c1", state)
        assert scene.sync().error_code == state
    assert scene.provider.asked == []


def test_one_sync_at_a_time(scene: Scene) -> None:
    """While one sync has the connection, another is sent away; a dead one's lease ends."""
    now = scene.installation.clock.now()
    with scene.installation.work() as work:
        held = connections.claim_run(work.session, scene.whose.tenant_id, "c1", run_id="x", now=now, until=now + driver.LEASE)
    assert held is not None
    assert "just now" in str(scene.sync_later())
    scene.installation.clock.advance(driver.LEASE.total_seconds())
    assert scene.sync().new_count == 3


def test_sync_that_lost_its_connection_stores_nothing_more(scene: Scene) -> None:
    """A sync that was slower than its lease, and whose connection another one has, commits nothing."""

    def slow(_seconds: float) -> None:
        scene.installation.clock.advance(driver.LEASE.total_seconds() + 1)
        now = scene.installation.clock.now()
        with scene.installation.work() as work:
            assert connections.claim_run(
                work.session, scene.whose.tenant_id, "c1", run_id="other", now=now, until=now + driver.LEASE
            )

    scene.provider.dialled.append(Say(429, headers={"retry-after": "1"}))
    report = pull_connection(scene.installation.services, scene.whose.tenant_id, "c1", http=scene.http, sleep=slow)
    assert (report.error_code, report.documents_count, scene.watt_hours()) == ("conflict", 0, 0)
    assert scene.row().running_id == "other"
    assert scene.archived_count() == 0


def test_long_history_gives_others_a_turn(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """After its turn a sync that has brought something steps back, and the next one goes on there."""
    monkeypatch.setattr(driver, "TURN_S", 0.0)
    real = connections.keep_run

    def slowly(*arguments: object, **named: object) -> None:
        scene.installation.clock.advance(1)
        real(*arguments, **named)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(connections, "keep_run", slowly)
    waits = [scene.sync_later().wait_s for _ in range(3)]
    assert waits == [0.0] * 3
    assert (scene.row().health, scene.row().failure_count) == (Health.OK, 0)
    assert "goes on by itself" in scene.row().health_said
    assert scene.provider.pages_asked == [0, 1, 2]
    monkeypatch.setattr(driver, "TURN_S", 30.0)
    assert scene.sync().error_code == ""
    assert scene.watt_hours() == 7200


def test_program_that_stops_ends_a_sync_after_the_batch(scene: Scene) -> None:
    """Told to stop, a sync stores what it has in hand, is due at once, counts no failure, and the next one goes on there."""
    scene.provider.dialled.append(Say(503))
    scene.sync_later()
    scene.installation.clock.advance(7200)
    stopped = scene.sync_until(lambda: len(scene.provider.pages_asked) >= 3)  # the failed one, and two that came
    row = scene.row()
    assert (stopped.wait_s, row.health, row.failure_count, row.cursor) == (0.0, Health.OK, 0, "2")
    assert (row.running_until, row.next_at) == (None, scene.installation.clock.now())
    assert scene.sync().new_count == 1
    assert scene.watt_hours() == 7200


def test_program_that_stops_waits_for_nobody(scene: Scene) -> None:
    """A wait in place ends as soon as the program stops; nothing came, so earlier failures stand, and this is none."""
    scene.provider.dialled.append(Say(503))
    scene.sync_later()
    scene.installation.clock.advance(7200)
    scene.provider.dialled.append(Say(503, headers={"retry-after": "2"}))
    before = scene.installation.clock.now()
    asked_count = len(scene.provider.asked)
    scene.sync_until(lambda: scene.installation.clock.now() > before)
    row = scene.row()
    assert (scene.installation.clock.now() - before).total_seconds() == LOOK_S
    assert len(scene.provider.asked) == asked_count + 1
    assert (row.health, row.failure_count, row.next_at) == (Health.OK, 1, scene.installation.clock.now())


def test_months_of_a_killed_sync_are_looked_through_by_the_next(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a dead process changed is looked through for duplicates once, though the next sync brings nothing of those months."""
    scene.provider.pages = [*pages_of_days(date(2025, 3, 31), 2), *pages_of_days(date(2025, 5, 31), 1)]
    scene.provider.pages[1] = page_of_day(date(2025, 4, 1), 2)
    looked: list[list[str]] = []
    real_keep = connections.keep_run

    def find(work: Work, whose: Whose, months: Collection[Month]) -> int:
        looked.append(sorted(map(str, months)))
        return find_duplicates(work, whose, months)

    def killed(*arguments: object, **named: object) -> None:
        if len(scene.provider.pages_asked) > 2:
            raise SystemExit
        real_keep(*arguments, **named)  # type: ignore[arg-type]  # passed through

    monkeypatch.setattr(driver, "find_duplicates", find)
    monkeypatch.setattr(connections, "keep_run", killed)
    with pytest.raises(SystemExit):
        scene.sync()
    assert (looked, scene.row().changed_months) == ([], "2025-03 2025-04")
    monkeypatch.setattr(connections, "keep_run", real_keep)
    scene.installation.clock.advance(driver.LEASE.total_seconds() + 1)
    scene.provider.pages[2] = json.dumps({"next": None, "readings": []}).encode()
    assert scene.sync().new_count == 0
    assert (looked, scene.row().changed_months) == ([["2025-03", "2025-04"]], "")
    scene.sync()
    assert len(looked) == 1


def test_look_for_duplicates_that_fails_is_made_up_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync is well although the look failed; its months wait for the next one."""

    def fail(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(driver, "find_duplicates", fail)
    assert scene.sync().health is Health.OK
    assert scene.row().changed_months == "2025-04"
    monkeypatch.setattr(driver, "find_duplicates", find_duplicates)
    scene.sync()
    assert scene.row().changed_months == ""


# --- not now


@pytest.mark.parametrize("status", [202, 408, 425, 429, 500, 502, 503, 504])
def test_not_now(scene: Scene, status: int) -> None:
    """The provider is busy: what was stored stays, and the next try comes at the time that it named."""
    scene.provider.dialled.extend([Say(200, scene.provider.pages[0], JSON), Say(status, headers={"retry-after": "120"})])
    assert scene.sync_later().wait_s == 120
    row = scene.row()
    assert (row.health, row.cursor, row.next_at) == (Health.WAITING, "1", scene.installation.clock.now() + timedelta(seconds=120))
    assert row.health_said == "Paged Power is not ready yet; we ask again at 12:02 UTC."
    scene.installation.clock.advance(121)
    assert scene.sync().new_count == 2
    assert scene.watt_hours() == 7200


def test_retry_after_as_date_and_without_end(scene: Scene) -> None:
    """A date is read as one, and nobody makes us wait for more than a day."""
    until = scene.installation.clock.now() + timedelta(minutes=7)
    scene.provider.dialled.append(Say(503, headers={"retry-after": format_datetime(until, usegmt=True), "date": ""}))
    assert scene.sync_later().wait_s == pytest.approx(420, abs=1)
    scene.installation.clock.advance(421)
    scene.provider.dialled.append(Say(429, headers={"retry-after": "99999999"}))
    assert scene.sync_later().wait_s == 86_400


def test_short_wait_is_waited_for_in_place(scene: Scene) -> None:
    """A Retry-After of a second or two does not end a sync."""
    scene.provider.dialled.append(Say(429, headers={"retry-after": "2"}))
    assert scene.sync().new_count == 3
    assert scene.installation.clock.monotonic_s() == 2


def test_waits_grow_while_nobody_answers(scene: Scene) -> None:
    """Without a time of the provider's own, each failure in a row doubles the wait, give or take a quarter."""
    scene.provider.dialled.extend([Say(500)] * 4)
    waits = [scene.sync_later().wait_s for _ in range(4)]
    assert [60 * 2**number * 0.75 <= wait <= 60 * 2**number * 1.25 for number, wait in enumerate(waits)] == [True] * 4
    assert scene.row().failure_count == 4
    assert scene.sync().error_code == ""
    assert scene.row().failure_count == 0


def test_retry_after_holds_for_every_worker(scene: Scene) -> None:
    """Another connection to the same provider does not ask before the time that the provider named."""
    connect(scene.installation, scene.whose, connection_id="c2", link={"meter": "m2"})
    scene.provider.dialled.append(Say(429, headers={"retry-after": "300"}))
    scene.sync_later()
    with pytest.raises(TryLaterError) as caught:
        scene.sync("c2")
    assert caught.value.wait_s == 300
    assert len(scene.provider.asked) == 1
    scene.installation.clock.advance(300)
    assert scene.sync("c2").new_count == 3


def test_requests_keep_to_the_rate_of_the_provider(scene: Scene, use: Callable[..., None]) -> None:
    """One request a second: two at once, then one a second; the wait is slept, not spun."""
    use(requests_per_s=1.0)
    scene.provider.pages = pages_of_days(FIRST, 7)
    scene.sync()
    assert len(scene.provider.asked) == 7
    assert scene.installation.clock.monotonic_s() == pytest.approx(5, abs=0.1)


def test_allowance_of_a_day(scene: Scene, use: Callable[..., None]) -> None:
    """Two requests a day: the third waits for midnight UTC."""
    use(requests_per_day_count=2)
    assert scene.sync_later().wait_s == 12 * 3600
    assert len(scene.provider.asked) == 2
    scene.installation.clock.advance(12 * 3600)
    assert scene.sync().new_count == 1


def test_nobody_there(scene: Scene) -> None:
    """A provider that is down is tried again by itself."""
    with dialable() as gone:
        origin = gone.origin
    row = provider_row(origin)
    registry._OWN["paged-meter"] = PagedMeter(row)  # noqa: SLF001 - undone with the fixture
    scene.http = Outbound(allowed_local_origins=[origin])
    assert scene.sync_later().wait_s >= 45
    assert scene.row().health is Health.WAITING


@pytest.mark.parametrize(
    "say",
    [
        Say(200, b'{"readings"', {"content-length": "500"}),
        Say(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nabc"),
        Say(raw=b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab"),
        Say(raw=b"SSH-2.0-OpenSSH_9.2\r\n"),
        Say(200, b"x" * 100, drip_s=0.05),
        Say(200, gzip.compress(b"x" * 1000)[:-9], {"content-encoding": "gzip"}),
    ],
    ids=["lying-length", "cut", "cut-chunk", "no-http", "drip", "cut-gzip"],
)
def test_broken_answers_are_asked_for_again(scene: Scene, say: Say) -> None:
    """What does not come whole, or not in time, is nothing: no row, no file, no drop of the connection."""
    scene.provider.dialled.append(say)
    scene.sync_later()
    assert (scene.watt_hours(), scene.archived_count(), scene.row().health) == (0, 0, Health.WAITING)
    assert scene.sync().new_count == 3


@pytest.mark.parametrize("status", [200, 403, 404, 500])
def test_page_for_people_is_no_answer(scene: Scene, status: int) -> None:
    """HTML instead of JSON comes from something in front of the provider: try again, and drop nothing."""
    scene.provider.dialled.append(Say(status, HTML, {"content-type": "text/html"}))
    scene.sync_later()
    assert (scene.row().health, scene.row().state) == (Health.WAITING, ConnectionState.ACTIVE)
    assert scene.sync().new_count == 3


def test_packed_answers_are_unpacked(scene: Scene) -> None:
    """Gzip is asked for and understood; the archive keeps what was said."""
    packed = gzip.compress(scene.provider.pages[0])
    scene.provider.dialled.append(Say(200, packed, {**JSON, "content-encoding": "gzip"}))
    assert scene.sync().new_count == 3


# --- something changed


@pytest.mark.parametrize(
    ("say", "word"),
    [
        (Say(200, b'{"data": []}', JSON), "This is no page of readings"),
        (Say(200, b"[1, 2", JSON), "This is no page of readings"),
    ],
)
def test_changed_schema_keeps_document_and_cursor(scene: Scene, say: Say, word: str) -> None:
    """A document that cannot be read is kept with the reason; the cursor stays; what came before stands; the next day works."""
    scene.provider.dialled.extend([Say(200, scene.provider.pages[0], JSON), say])
    report = scene.sync()
    assert (report.health, report.error_code, report.new_count) == (Health.FORMAT_CHANGED, "document", 1)
    row = scene.row()
    assert (row.cursor, row.state, row.failure_count) == ("1", ConnectionState.ACTIVE, 1)
    assert scene.held() == [("", word)]
    assert scene.archived_count() == 2
    assert scene.sync().new_count == 2


@pytest.mark.parametrize("status", [301, 400, 403, 404, 410])
def test_other_statuses(scene: Scene, status: int) -> None:
    """A redirect is not followed and an unknown refusal is not guessed at; a bare 403 is tried again."""
    elsewhere = f"{scene.provider.origin}/elsewhere"
    scene.provider.dialled.append(Say(status, b"{}", {**JSON, "location": elsewhere}))
    if status == 403:
        scene.sync_later()
    else:
        assert scene.sync().health is Health.FORMAT_CHANGED
    assert [one.path for one in scene.provider.asked] == ["/api/readings"]
    assert scene.row().state is ConnectionState.ACTIVE


def test_one_bad_reading_is_set_aside(scene: Scene) -> None:
    """It is held with its record and reason; the rest of its page and all other pages count; asked again, it is held once."""
    page = json.loads(scene.provider.pages[2])
    page["readings"][5][2] = "many"
    scene.provider.pages[2] = json.dumps(page).encode()
    report = scene.sync()
    assert (report.refused_count, report.health) == (1, Health.OK)
    assert report.said == "Up to date; 1 records are set aside with their reasons."
    assert scene.held() == [("reading 5", "This reading has no value")]
    assert scene.watt_hours() == 7200 - 100
    scene.sync()
    assert len(scene.held()) == 1


def test_provider_whose_clock_is_ahead(scene: Scene) -> None:
    """Readings of the future are set aside; those of the past count."""
    soon = scene.installation.clock.now().date() + timedelta(days=1)
    days = [soon - timedelta(days=2), soon, soon + timedelta(days=2)]
    readings = [[start_s, HOUR_S, 100] for day in days for start_s in hours(day, day)]
    scene.provider.pages = [json.dumps({"next": None, "readings": readings}).encode()]
    report = scene.sync()
    assert (report.health, report.refused_count) == (Health.OK, 1)
    assert scene.held() == [("readings", "Readings of the future are left out")]
    assert 2400 <= scene.watt_hours("2025-06") < 4800 + 100


def test_pages_that_lead_in_a_circle(scene: Scene) -> None:
    """The same page again and again, without anything new, ends with a reason."""
    scene.provider.pages = [page_of_day(FIRST, 1), page_of_day(FIRST, 0)]
    report = scene.sync()
    assert (report.health, report.error_code) == (Health.FORMAT_CHANGED, "format-changed")
    assert len(scene.provider.asked) <= 2 * driver.MOST_REPEATS_COUNT + 2
    assert scene.watt_hours() == 2400


def test_pages_that_never_end(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Always another page and never anything new: it ends at the budget."""
    monkeypatch.setattr(driver, "MOST_IDLE_COUNT", 20)
    scene.provider.pages = [json.dumps({"next": number + 1, "readings": []}).encode() for number in range(40)]
    report = scene.sync()
    assert (report.health, len(scene.provider.asked)) == (Health.FORMAT_CHANGED, 20)
    assert (scene.archived_count(), scene.held()) == (0, [])


def test_too_large_an_answer(scene: Scene) -> None:
    """Declared or not, packed or not: what is too large is not read to its end."""
    assert outbound.MAX_BODY_BYTES == 64 * 1024 * 1024
    bomb = gzip.compress(b"0" * (outbound.MAX_BODY_BYTES + 10))
    scene.http = Outbound(allowed_local_origins=[scene.provider.origin], timeout_s=20)
    for say in (
        Say(200, b"", {"content-length": str(outbound.MAX_BODY_BYTES + 1)}),
        Say(200, bomb, {**JSON, "content-encoding": "gzip"}),
    ):
        scene.provider.dialled.append(say)
        assert scene.sync().error_code == "document-too-large"
    assert scene.row().state is ConnectionState.ACTIVE


# --- whose name


OAUTH = OAuth2("https://unused.example/authorize", "TOKEN", "read")


def oauth_at(provider: Dialable) -> OAuth2:
    """OAuth at the provider."""
    return replace(OAUTH, token_url=f"{provider.origin}/token")


def with_oauth(scene: Scene, use: Callable[..., None]) -> list[Asked]:
    """A connection with tokens that the provider takes; every renewal gives the next ones."""
    use(auth=oauth_at(scene.provider))
    scene.provider.good_tokens = {"Bearer a1"}
    renewed: list[Asked] = []

    def answer(asked: Asked) -> Say:
        renewed.append(asked)
        number = len(renewed) + 1
        scene.provider.good_tokens = {f"Bearer a{number}"}
        reply = {"access_token": f"a{number}", "refresh_token": f"r{number}", "token_type": "Bearer"}  # no expires_in
        return Say(200, json.dumps(reply).encode(), JSON)

    scene.provider.answer = answer
    with scene.installation.work() as work:
        provider_clients.put(work.session, ProviderClientRow("paged", "our-id", b"", scene.installation.clock.now()))
    connect(scene.installation, scene.whose, connection_id="o1", tokens=Tokens("a1", "r1"))
    return renewed


def test_bearer_token_and_one_renewal(scene: Scene, use: Callable[..., None]) -> None:
    """A token that is refused is renewed once, kept before it is used, and the sync goes on as if nothing had been."""
    renewed = with_oauth(scene, use)
    assert scene.sync("o1").new_count == 3
    assert renewed == []
    scene.provider.good_tokens = {"Bearer a2"}
    assert scene.sync("o1").error_code == ""
    assert len(renewed) == 1
    assert b"refresh_token=r1" in renewed[0].body
    assert scene.sync("o1").error_code == ""
    assert len(renewed) == 1


def test_renewed_token_that_is_refused_too(scene: Scene, use: Callable[..., None]) -> None:
    """The person is asked to consent again; nothing is tried by itself; the cursor stays."""
    with_oauth(scene, use)
    scene.provider.dialled.extend([Say(200, scene.provider.pages[0], JSON), Say(401, b"{}", JSON)])
    scene.provider.dialled.append(Say(200, b'{"access_token":"a2","token_type":"Bearer"}', JSON))
    scene.provider.dialled.append(Say(401, b"{}", JSON))
    report = scene.sync("o1")
    assert (report.health, report.error_code) == (Health.NEEDS_CONSENT, "needs-consent")
    row = scene.row("o1")
    assert (row.state, row.cursor, row.next_at) == (ConnectionState.NEEDS_CONSENT, "1", None)
    assert "connect it once more" in row.health_said


def test_consent_that_was_taken_back(scene: Scene, use: Callable[..., None]) -> None:
    """`invalid_grant` at the token endpoint means: ask the person."""
    with_oauth(scene, use)
    scene.provider.good_tokens = set()
    scene.provider.answer = lambda _asked: Say(400, b'{"error":"invalid_grant"}', JSON)
    assert scene.sync("o1").health is Health.NEEDS_CONSENT


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (403, b'{"error":"insufficient_scope"}', {}),
        (403, b"{}", {"www-authenticate": 'Bearer error="invalid_token"'}),
        (400, b'{"error_code":"ITEM_LOGIN_REQUIRED"}', {}),
        (403, b'{"error":{"code":"consent_revoked"}}', {}),
    ],
)
def test_words_for_an_ended_consent(scene: Scene, status: int, body: bytes, headers: dict[str, str]) -> None:
    """Providers say it in many places."""
    scene.provider.dialled.append(Say(status, body, {**JSON, **headers}))
    assert scene.sync().health is Health.NEEDS_CONSENT


@pytest.mark.parametrize(
    ("place", "name"), [(KeyPlace.BASIC_USER, ""), (KeyPlace.BEARER, ""), (KeyPlace.HEADER, "X-Key"), (KeyPlace.QUERY, "key")]
)
def test_key_goes_where_the_provider_wants_it(scene: Scene, use: Callable[..., None], place: KeyPlace, name: str) -> None:
    """A key of the person's own; it stands in no document's address."""
    use(auth=ApiKey(place, name))
    connect(scene.installation, scene.whose, connection_id="k1", tokens=Tokens("sk_1&2"))
    assert scene.sync("k1").new_count == 3
    asked = scene.provider.asked[0]
    found = {
        "authorization": asked.headers.get("authorization"),
        "x-key": asked.headers.get("x-key"),
        "key": asked.query.get("key"),
    }
    expected = {
        KeyPlace.BASIC_USER: {"authorization": f"Basic {b64encode(b'sk_1&2:').decode()}"},
        KeyPlace.BEARER: {"authorization": "Bearer sk_1&2"},
        KeyPlace.HEADER: {"x-key": "sk_1&2"},
        KeyPlace.QUERY: {"key": "sk_1&2"},
    }[place]
    assert {name: value for name, value in found.items() if value is not None} == expected


def test_key_that_is_refused(scene: Scene, use: Callable[..., None]) -> None:
    """401 with a key: ask the person; a page of the edge with 403: never."""
    use(auth=ApiKey(KeyPlace.BASIC_USER))
    connect(scene.installation, scene.whose, connection_id="k1", tokens=Tokens("sk"))
    scene.provider.dialled.append(Say(403, HTML, {"content-type": "text/html"}))
    with pytest.raises(TryLaterError):
        scene.sync("k1")
    scene.provider.dialled.append(Say(401, b"{}", JSON))
    assert scene.sync("k1").health is Health.NEEDS_CONSENT


class Linked(PagedMeter):
    """Asks by POST, as providers of linked items want it, and sees refusals itself."""

    def pull(self, link: Link, cursor: str | None) -> Pull:
        """One document."""
        document = yield Post("sync", {"cursor": cursor or ""}, context={"meter": link["meter"]}, passes=frozenset({400}))
        assert document is not None
        if document.status == 400:
            raise TryLaterError("The provider's pages changed meanwhile", wait_s=5.0)
        yield Batch(self.parse(document.body), cursor="x")


def test_linked_item_and_refusals_that_a_connector_wants(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our names and the item's token go into the body; a refusal goes to the connector, unless it says that consent has ended."""
    provider = scene.provider
    row = provider_row(provider.origin, auth=LinkedItem("link", "exchange", "remove"))
    monkeypatch.setitem(registry._OWN, "paged-meter", Linked(row))  # noqa: SLF001 - as an installed one would be
    secret = scene.installation.services.vault.seal_secret("provider/paged", b"hush")
    with scene.installation.work() as work:
        provider_clients.put(work.session, ProviderClientRow("paged", "our-id", secret, scene.installation.clock.now()))
    connect(scene.installation, scene.whose, connection_id="l1", tokens=Tokens("item-token"))
    provider.answer = lambda _asked: Say(200, provider.pages[0], JSON)
    assert scene.sync("l1").new_count == 1
    assert json.loads(provider.asked[0].body) == {
        "access_token": "item-token",
        "client_id": "our-id",
        "cursor": "",
        "secret": "hush",
    }
    provider.answer = lambda _asked: Say(400, b'{"error_code":"TRANSACTIONS_SYNC_MUTATION_DURING_PAGINATION"}', JSON)
    with pytest.raises(TryLaterError) as caught:
        scene.sync("l1")
    assert caught.value.wait_s == 5
    provider.answer = lambda _asked: Say(400, b'{"error_code":"ITEM_LOGIN_REQUIRED"}', JSON)
    assert scene.sync("l1").health is Health.NEEDS_CONSENT


# --- addresses


class Astray(PagedMeter):
    """Asks where its provider's answer says."""

    def pull(self, link: Link, cursor: str | None) -> Pull:  # noqa: ARG002 - the contract's
        """One document from an address that came from outside."""
        document = yield Get(link["address"])
        assert document is not None
        yield Batch(self.parse(document.body), cursor="x")


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest/meta-data/",
        "https://attacker.example/",
        "https://paged.example@attacker.example/",
        "http://127.0.0.1:1/",
        "//attacker.example/",
        "file:///etc/passwd",
        "gopher://127.0.0.1/",
    ],
)
def test_nobody_elses_address_is_called(scene: Scene, provider: Dialable, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """No address that an answer or a person gives leads away from the provider's hosts, with or without a token."""
    astray = Astray(provider_row(provider.origin))
    monkeypatch.setitem(registry._OWN, "paged-meter", astray)  # noqa: SLF001 - as an installed one would be
    connect(scene.installation, scene.whose, connection_id="a1", link={"address": address, "meter": "m1"})
    if address.startswith("//"):  # a path below the base address, whatever it looks like
        assert scene.sync("a1").health is Health.FORMAT_CHANGED
        assert [one.path for one in provider.asked] == ["/api/attacker.example/"]
        return
    assert scene.sync("a1").error_code == "format-changed"
    assert provider.asked == []


# --- our own mistakes


class Broken(PagedMeter):
    """A connector with a bug."""

    def pull(self, link: Link, cursor: str | None) -> Pull:
        """One good page, then the bug."""
        pulling = super().pull(link, cursor)
        request = next(pulling)
        assert isinstance(request, Get)
        document = yield request
        yield pulling.send(document)
        raise ZeroDivisionError


def test_our_own_bug_is_told_and_tried_again(scene: Scene, provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is raised for the queue to count; the connection is free again and says so; what was stored stays."""
    monkeypatch.setitem(registry._OWN, "paged-meter", Broken(provider_row(provider.origin)))  # noqa: SLF001 - as above
    for number in range(1, 3):
        with pytest.raises(ZeroDivisionError):
            scene.sync()
        row = scene.row()
        assert (row.health, row.failure_count, row.running_until) == (Health.TRYING, number, None)
    assert scene.watt_hours() == 2 * 2400
    with scene.installation.looking() as work:
        runs = sync_runs.of_connection(work.session, scene.whose.tenant_id, "c1")
    assert {one.error_code for one in runs} == {"ZeroDivisionError"}


def test_unknown_connection(scene: Scene) -> None:
    """There is none of another tenant's."""
    with pytest.raises(NotFoundError):
        pull_connection(scene.installation.services, "somebody", "c1")


def test_place_that_is_no_place(scene: Scene) -> None:
    """The person is told what to do; nothing is guessed."""
    connect(scene.installation, scene.whose, connection_id="p1", link={"meter": "m1", "place": "nowhere"})
    report = scene.sync("p1")
    assert (report.health, report.error_code, report.documents_count) == (Health.TRYING, "place", 0)
    assert scene.row("p1").running_until is None
    assert "place" in scene.row("p1").health_said


# --- what follows from it


def test_auditor_accepts_what_was_pulled(scene: Scene) -> None:
    """A month of pulled readings is closed as fetched by us, and the auditor derives the same from the archived originals."""
    scene.sync()
    closed = scene.installation.close_months(scene.whose, "2025-04")
    with scene.installation.looking() as work:
        request = audit_request(work, closed)
    manifest, findings = audit_statement(request, factor_set=scene.installation.services.factor_set, reader=OUR_READER)
    assert findings == ()
    assert manifest is not None
    assert dict(manifest.evidence_ppm) == {EvidenceClass.FETCHED_BY_CONNECTOR: 1_000_000}
    assert not manifest.is_self_declared


def test_upload_is_never_known_as_fetched(scene: Scene) -> None:
    """Whatever is said of an upload of the same connector: only the driver says that we fetched something."""
    scene.sync()
    body = b'#cf-context/1 {"meter":"m9"}\n' + page_of_day(date(2025, 4, 9), None)
    scene.installation.take(scene.whose, body, connector="paged-meter")
    closed = scene.installation.close_months(scene.whose, "2025-04")
    with scene.installation.looking() as work:
        request = audit_request(work, closed)
    manifest, findings = audit_statement(request, factor_set=scene.installation.services.factor_set, reader=OUR_READER)
    assert (findings, manifest is not None) == ((), True)
    assert manifest is not None
    assert dict(manifest.evidence_ppm) == {EvidenceClass.UPLOADED: 250_000, EvidenceClass.FETCHED_BY_CONNECTOR: 750_000}
