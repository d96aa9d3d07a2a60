"""The pages of connections, against a provider with a consent desk that is really called over HTTP."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from io import StringIO
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from lxml import html

from app.demo.providers.oauth import AUTHORIZE_PATH, Client, ConsentDesk
from app.demo.providers.pages import Choice
from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Request
from app.security.outbound import outbound_of
from app.services import Whose
from app.store import connections, subjects, sync_runs
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.session import reading, unit_of_work
from app.store.subjects import MembershipRow, Role
from app.store.sync_runs import SyncRunRow
from app.usecases.pull_connection import pull_connection
from app.usecases.redirects import CALLBACK_PATH
from app.usecases.register_provider import register_provider
from connectors import registry
from connectors.base import ApiKey, KeyPlace, Manifest, Provider, Question
from domain.series import MeterDocument
from tests.app.live import Installation, Live, start
from tests.app.usecases.consent import CLIENT_ID, SECRET, mount, oauth_of
from tests.app.usecases.dialable import Dialable, PagedMeter, Say, dialable, pages_of_days

NEW = "new/paged-meter"


@dataclass(frozen=True)
class AskingMeter(PagedMeter):
    """The same connector with two providers, and a question."""

    other: Provider | None = None

    @property
    def manifest(self) -> Manifest:
        """What it is."""
        rows = (self.row, *((self.other,) if self.other else ()))
        question = Question("meter", "Name of the meter", "On its plate.", pattern="m[0-9]", is_required=False)
        return Manifest("paged-meter", "Paged meter", frozenset({"electricity"}), "1", providers=rows, questions=(question,))


@dataclass
class Scene:
    """The program, and a provider to connect to.

    Attributes:
        live: The program.
        provider: Its server.
        desk: Its consent desk.
    """

    live: Live
    provider: Dialable
    desk: ConsentDesk

    @property
    def here(self) -> str:
        """Ada's page of connections."""
        return f"/s/{self.live.ada.household}/connections"

    def look(self, more: str = "") -> html.HtmlElement:
        """The page as Ada sees it."""
        reply = self.live.browse(self.here + more, as_=self.live.ada)
        assert reply.status_code == 200, reply.text
        return html.document_fromstring(reply.text)

    def submit(self, path: str, **fields: str) -> httpx2.Response:
        """Post a form of the page."""
        return self.live.submit(f"{self.here}/{path}", data=fields, as_=self.live.ada)

    def leave(self, path: str = f"{NEW}/paged", **fields: str) -> str:
        """Begin at a form; the provider's address that the page leads on to."""
        reply = self.submit(path, **fields)
        assert reply.status_code == 200, reply.text
        page = html.document_fromstring(reply.text)
        (content,) = page.xpath("//meta[@http-equiv='refresh']/@content")
        address = str(content).removeprefix("0;url=")
        assert address in page.xpath("//a[@class='button']/@href")
        return address

    def consent(self, address: str, decision: str = "allow") -> dict[str, str]:
        """Decide at the provider; the query that the browser comes back with."""
        parts = urlsplit(address)
        page = self.desk.answer(Request("GET", parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))))
        assert page is not None
        ticket = re.search(r'name="ticket" value="([^"]+)"', page.body.decode())
        assert ticket
        fields = [("ticket", ticket[1]), ("decision", decision), ("account", "home"), ("allow", "usage"), ("allow", "bills")]
        answer = self.desk.answer(Request("POST", AUTHORIZE_PATH, {}, {}, urlencode(fields).encode()))
        assert answer is not None
        return dict(parse_qsl(urlsplit(answer.headers["Location"]).query, keep_blank_values=True))

    def come_back(self, query: dict[str, str]) -> httpx2.Response:
        """Bring the provider's answer."""
        return self.live.browse(CALLBACK_PATH, params=query, as_=self.live.ada)

    def connect(self) -> ConnectionRow:
        """The whole way."""
        reply = self.come_back(self.consent(self.leave()))
        assert reply.headers["location"] == f"{self.here}?done=connected#c-{self.row().id}"
        return self.row()

    def row(self) -> ConnectionRow:
        """The connection that Ada made."""
        with reading(self.live.services.engine) as session:
            found = connections.of_subject(session, self.live.ada.tenant_id, self.live.ada.household)
        (mine,) = [one for one in found if not one.is_file and one.id != self.live.ada.connection_id]
        return mine

    def pull(self) -> None:
        """Read it once, as the queue does."""
        pull_connection(self.live.services, self.live.ada.tenant_id, self.row().id, sleep=lambda _s: None)

    def rows_count(self) -> int:
        """Connections of Ada's household that are no files."""
        with reading(self.live.services.engine) as session:
            found = connections.of_subject(session, self.live.ada.tenant_id, self.live.ada.household)
        return sum(not one.is_file for one in found)


@pytest.fixture
def scene(installation: Installation, monkeypatch: pytest.MonkeyPatch, json_logs: StringIO) -> Iterator[Scene]:
    """The program, a provider that asks for consent and knows us, and one that asks for a key."""
    with dialable() as provider, start(installation, allowed_local_origins=(provider.origin,)) as live:
        desk = ConsentDesk(
            title="Paged Power",
            accounts=[Choice("home", "Home", "12 Main Street")],
            permissions=[Choice("usage", "Usage", ""), Choice("bills", "Bills", "")],
            scope_of=lambda asked, chosen: asked if len(chosen) == 2 else asked.split(" ")[0],
            clock=live.clock,
            randomness=live.services.randomness,
            quirks=Quirks(),
            book={},
        )
        mount(desk, provider)
        back = live.hosting.origin + CALLBACK_PATH
        desk.register(Client(CLIENT_ID, SECRET, "Climate Fitness", (back,)))
        key = ApiKey(KeyPlace.BEARER, help="In your account, under Keys.")
        rows = (
            Provider(
                "paged",
                "Paged Power",
                f"{provider.origin}/api",
                auth=oauth_of(provider.origin, keeps=frozenset()),
                requests_per_s=1000.0,
            ),
            Provider("keyed", "Keyed Power", f"{provider.origin}/api", auth=key, countries=frozenset({"FR"})),
        )
        monkeypatch.setitem(registry._OWN, "paged-meter", AskingMeter(rows[0], other=rows[1]))  # noqa: SLF001 - as an installed package would
        register_provider(live.services, "paged", CLIENT_ID, SECRET)
        yield Scene(live, provider, desk)
        outbound_of(live.services.settings).close()


def words(element: html.HtmlElement) -> str:
    """Its words with single spaces."""
    return " ".join(element.text_content().split())


def card_of(page: html.HtmlElement, row: ConnectionRow) -> html.HtmlElement:
    """The card of a connection."""
    return page.get_element_by_id(f"c-{row.id}")


def buttons_of(card: html.HtmlElement) -> list[str]:
    """What can be pressed, without whose it is."""
    return [" ".join(one.xpath("string(text())").split()) for one in card.xpath(".//button|.//a[@class='button']")]


def test_consent_leads_back_to_the_connection(scene: Scene) -> None:
    """Away by a page that leads on without a script, back to the card, and the page says once that it is connected."""
    row = scene.connect()
    page = scene.look("?done=connected")
    assert page.xpath("string(//p[@role='status'])") == "Connected. The first data come in within minutes."
    assert "Connected. The first data come in within minutes." in words(card_of(page, row))
    assert buttons_of(card_of(page, row)) == ["Sync now", "Pause", "Disconnect Paged Power"]
    assert scene.look().xpath("//p[contains(@class, 'notice')]") == []


def test_after_a_sync_the_card_says_when(scene: Scene) -> None:
    """Health, last and next sync stand on the card and the last one in the proof strip of the dashboard."""
    row = scene.connect()
    scene.provider.pages = pages_of_days(date(2026, 2, 20), 2)
    scene.pull()
    said = words(card_of(scene.look(), row))
    assert "Working" in said
    assert "Up to date." in said
    assert "Last read10 March 2026, 05:00 PDT" in said
    assert "Next11 March 2026" in said
    home = html.document_fromstring(scene.live.browse(f"/s/{scene.live.ada.household}", as_=scene.live.ada).text)
    (account,) = home.xpath("//ul[@class='accounts']/li[contains(., 'Paged')]")
    assert words(account) == "Paged Power 10 March 2026, 05:00 PDT"
    assert account.xpath("./a/@href") == [f"{scene.here}#c-{row.id}"]


def test_refused_consent_is_said_kindly(scene: Scene) -> None:
    """Who says no comes back to a page that says that this is fine; nothing is connected."""
    before = scene.rows_count()
    reply = scene.come_back(scene.consent(scene.leave(), "deny"))
    assert reply.headers["location"] == f"{scene.here}?done=refused"
    assert "That is fine" in scene.look("?done=refused").xpath("string(//p[@role='status'])")
    assert scene.rows_count() == before


@pytest.mark.parametrize(
    ("said", "done"),
    [(Say(503, b"busy"), "away"), (Say(200, b"[]", {"content-type": "application/json"}), "failed")],
)
def test_provider_that_fails_is_said_on_the_page(scene: Scene, said: Say, done: str) -> None:
    """A provider that is away or answers nonsense leads back to the page, with the reason and what to do."""
    before, query = scene.rows_count(), scene.consent(scene.leave())
    scene.provider.dialled.append(said)
    reply = scene.come_back(query)
    assert reply.headers["location"] == f"{scene.here}?done={done}"
    assert scene.look(f"?done={done}").xpath("//p[@role='alert']")
    assert scene.rows_count() == before


def test_old_consent_begins_again(scene: Scene) -> None:
    """After ten minutes the answer counts no more, and the page says so."""
    query = scene.consent(scene.leave())
    scene.live.clock.advance(660)
    assert scene.come_back(query).headers["location"] == f"{scene.here}?done=spent"


def test_answer_to_no_question_of_this_browser_is_refused(scene: Scene) -> None:
    """Bob brings Ada's answer: a page that says so, which leads nowhere of hers, and nothing is connected."""
    before, query = scene.rows_count(), scene.consent(scene.leave())
    reply = scene.live.browse(CALLBACK_PATH, params=query, as_=scene.live.bob)
    assert reply.status_code == 403
    assert scene.live.ada.household not in reply.text
    assert scene.rows_count() == before


def test_unknown_done_says_nothing(scene: Scene) -> None:
    """What an address claims is not shown unless it is one of ours."""
    assert scene.look("?done=<b>hello").xpath("//p[contains(@class, 'notice')]") == []


def test_consent_that_ended_is_one_click_away(scene: Scene) -> None:
    """A connection that needs consent shows that button first; it goes the same way, and the same connection goes on."""
    row = scene.connect()
    with unit_of_work(scene.live.services.engine) as session:
        connections.set_state(session, row.tenant_id, row.id, ConnectionState.NEEDS_CONSENT)
        connections.set_health(
            session, row.tenant_id, row.id, Health.NEEDS_CONSENT, "Paged Power wants to be asked.", next_at=None
        )
    card = card_of(scene.look(), row)
    assert buttons_of(card)[0] == "Connect again"
    assert "Sync now" not in buttons_of(card)
    home = scene.live.browse(f"/s/{scene.live.ada.household}", as_=scene.live.ada).text
    account = html.document_fromstring(home).xpath("//ul[@class='accounts']/li[contains(., 'Paged')]")[0]
    assert words(account) == "Paged Power Connect again"
    reply = scene.come_back(scene.consent(scene.leave(f"{row.id}/again")))
    assert reply.headers["location"] == f"{scene.here}?done=connected#c-{row.id}"
    assert (scene.row().id, scene.row().state) == (row.id, ConnectionState.ACTIVE)


def test_sync_pause_resume_and_end(scene: Scene) -> None:
    """Each button leads back to the card and says what it did; an ended connection is folded away."""
    row = scene.connect()
    for verb, health in (("sync", Health.OK), ("pause", Health.PAUSED), ("resume", Health.OK)):
        reply = scene.submit(f"{row.id}/{verb}")
        assert reply.headers["location"] == f"{scene.here}?done={verb}#c-{row.id}"
        assert scene.row().health is health
        if verb == "pause":
            assert buttons_of(card_of(scene.look(), row)) == ["Resume", "Disconnect Paged Power"]
    with reading(scene.live.services.engine) as session:
        waiting = session.connection().exec_driver_sql("SELECT count(*) FROM job WHERE kind = 'sync'").scalar_one()
    assert waiting == 1
    assert scene.submit(f"{row.id}/end", data="keep").headers["location"] == f"{scene.here}?done=end#c-{row.id}"
    page = scene.look("?done=end")
    assert "Paged Power was told" in words(card_of(page, row))
    assert buttons_of(card_of(page, row)) == []
    assert scene.submit(f"{row.id}/resume").headers["location"] == f"{scene.here}?done=over#c-{row.id}"


@pytest.mark.parametrize(("choice", "is_kept"), [("keep", True), ("", True), ("delete", False)])
def test_data_go_only_where_the_person_says_so(scene: Scene, choice: str, is_kept: bool) -> None:  # noqa: FBT001 - a parameter
    """What was obtained stays unless *delete* was chosen."""
    row = scene.connect()
    scene.provider.pages = pages_of_days(date(2025, 5, 1), 1)
    scene.pull()
    scene.submit(f"{row.id}/end", data=choice)
    shown = scene.live.browse(f"/s/{scene.live.ada.household}/activities?period=2025-05", as_=scene.live.ada).text
    assert ("Paged" in shown or "1 activity" in shown or "1 May 2025" in shown) == is_kept


def test_what_was_set_aside_is_shown_with_its_reason(scene: Scene) -> None:
    """One bad reading: how many, which one, why, and when."""
    row = scene.connect()
    good = pages_of_days(date(2026, 2, 20), 1)[0]
    scene.provider.pages = [good.replace(b", 100]", b', "<b>much</b>"]', 1)]
    scene.pull()
    card = card_of(scene.look(), row)
    assert "1 record set aside" in words(card)
    assert words(card.xpath(".//dl[@class='facts']/div/dt")[0]) == "reading 0"
    assert "This reading has no value; expected whole Wh; got <b>much</b>" in words(card)


def test_sync_finds_what_was_told_before(scene: Scene) -> None:
    """A charge that somebody uploaded, then the house's meter of that day: the sync offers the pair, the navigation counts it."""
    charge = {"id": "c1", "kind": "electricity", "quantity": "1.5", "unit": "kWh", "start": "2025-05-02"}
    ada = scene.live.ada
    sent = {"subject": ada.household, "connector": "activities"}
    lines = {"Content-Type": "application/x-ndjson"}
    reply = scene.live.post("/v1/documents", params=sent, content=json.dumps(charge).encode(), headers=lines, as_=ada)
    assert reply.status_code == 201, reply.text
    scene.connect()
    scene.provider.pages = pages_of_days(date(2025, 5, 1), 3)
    scene.pull()
    (pair,) = scene.live.get("/v1/duplicates", params={"subject": ada.household}, as_=ada).json()[:1]
    assert (pair["rule"], pair["state"], pair["keep"]["source"]) == ("charging_and_meter", "open", "Paged Power")
    assert "Duplicates (1)" in words(scene.look().xpath("//nav[@class='sections']")[0])


def test_running_sync_shows_its_counts_and_where_they_go_on(scene: Scene) -> None:
    """While a sync has the connection its counts stand on the card; one whose claim has ended is not running."""
    row, now = scene.connect(), scene.live.clock.now()
    with unit_of_work(scene.live.services.engine) as session:
        connections.claim_run(session, row.tenant_id, row.id, run_id="run", now=now, until=now + timedelta(minutes=3))
        sync_runs.begin(session, SyncRunRow("run", row.tenant_id, row.id, started_at=now))
        sync_runs.add_counts(session, row.tenant_id, "run", documents_count=4, new_count=1200, changed_count=3, refused_count=1)
    page = scene.look()
    card = card_of(page, row)
    assert "Reading: 4 documents so far, 1,200 records new, 3 corrected, 1 set aside." in words(card)
    assert (card.get("data-events"), card.get("data-running")) == (f"/v1/connections/{row.id}/events", "")
    assert page.xpath("//script[contains(@src, '/sync.js')]")
    assert "Sync now" not in buttons_of(card)
    scene.live.clock.advance(240)
    assert card_of(scene.look(), row).get("data-running") is None


def test_key_is_tried_and_never_shown(scene: Scene) -> None:
    """The form says where the key is; a wrong one is refused beside the field and not repeated; a good one connects."""
    scene.provider.good_tokens, scene.provider.pages = {"Bearer good-key"}, pages_of_days(date(2026, 2, 20), 1)
    path = f"{NEW}/keyed"
    form = scene.look(f"/{path}")
    assert "In your account, under Keys." in words(form)
    assert form.xpath("//input[@name='api_key']/@type") == ["password"]
    assert form.xpath("//label[@for='ask-meter']/text()")[0].strip() == "Name of the meter"
    refused = scene.submit(path, api_key="bad-key-of-ada", meter="m1")
    assert refused.status_code == 422
    assert "bad-key-of-ada" not in refused.text
    shown = html.document_fromstring(refused.text)
    assert shown.xpath("//input[@name='meter']/@value") == ["m1"]
    assert shown.xpath("//*[@class='error' or @role='alert']")
    reply = scene.submit(path, api_key="good-key", meter="m1")
    assert reply.status_code == 303, reply.text
    assert reply.headers["location"] == f"{scene.here}?done=connected#c-{scene.row().id}"
    assert scene.row().title == "Keyed Power"


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"meter": "<x>", "api_key": "k"}, "meter", "“<x>” does not have the right form."),
        ({"meter": "m1", "api_key": ""}, "api_key", "This is needed."),
        ({"meter": "m1", "api_key": "a key"}, "api_key", "Keyed Power needs a key."),
    ],
)
def test_mistake_stands_beside_its_field(scene: Scene, fields: dict[str, str], field: str, said: str) -> None:
    """An answer that cannot be is told where it was typed, and nothing is stored."""
    before = scene.live.counts()
    reply = scene.submit(f"{NEW}/keyed", **fields)
    assert reply.status_code == 422
    page = html.document_fromstring(reply.text)
    assert page.xpath("//*[@class='error']/@id") == [f"ask-{field}-error"]
    assert page.xpath("string(//*[@class='error'])") == said
    assert page.xpath(f"//input[@name='{field}']/@aria-invalid") == ["true"]
    assert scene.live.counts() == before


def test_offers_are_grouped_and_found(scene: Scene) -> None:
    """What works now has its form, what needs a registration says how long; the search holds every word."""
    page = scene.look()
    offered = [words(one) for one in page.xpath("//div[@class='offers']//li[@class='offer']//b")]
    assert {"Paged Power", "Keyed Power"} <= set(offered)
    assert page.xpath("//details[contains(@class, 'offers')]")
    assert "Registration takes about" in words(page)
    found = scene.look("?find=keyed+FR")
    assert [words(one) for one in found.xpath("//li[@class='offer']//b")] == ["Keyed Power"]
    assert found.xpath("//input[@name='find']/@value") == ["keyed FR"]
    nothing = scene.look("?find=%3Cb%3Eatlantis")
    assert nothing.xpath("//li[@class='offer']") == []
    assert "Nothing here fits “<b>atlantis”." in words(nothing)


def test_provider_that_does_not_know_us_says_so(scene: Scene) -> None:
    """The form of a provider without our registration refuses in words, and the page offers no form."""
    page = scene.look()
    waiting = {words(one) for one in page.xpath("//details[contains(@class, 'offers')]//b")}
    assert "Your car: kilometres" in waiting
    reply = scene.submit("new/smartcar/smartcar")
    assert reply.status_code == 422
    assert html.document_fromstring(reply.text).xpath("//p[@role='alert']")


@pytest.mark.parametrize("path", ["new/nobody/none", f"{NEW}/none", "nothing/again"])
def test_unknown_names_are_not_there(scene: Scene, path: str) -> None:
    """No connector, no provider, no connection of this name."""
    assert scene.live.browse(f"{scene.here}/{path}", as_=scene.live.ada).status_code == 404


def test_connection_of_another_subject_or_person_is_not_there(scene: Scene) -> None:
    """Ada's connection below her business, or asked for by Bob: 404, and it stays as it was."""
    row, ada, bob = scene.connect(), scene.live.ada, scene.live.bob
    for subject, who in ((ada.business, ada), (ada.household, bob), (bob.household, bob)):
        for verb in ("sync", "pause", "resume", "again", "end"):
            assert (
                scene.live.submit(f"/s/{subject}/connections/{row.id}/{verb}", as_=who, data={"data": "delete"}).status_code
                == 404
            )
        assert scene.live.browse(f"/s/{subject}/connections/{row.id}/again", as_=who).status_code == 404
    assert scene.live.browse(scene.here, as_=bob).status_code == 404
    assert scene.row() == row


def test_reader_sees_and_changes_nothing(scene: Scene) -> None:
    """Who may look only has no buttons, and what they post all the same is refused."""
    row, ada = scene.connect(), scene.live.ada
    whose = Whose(ada.tenant_id, ada.household)
    with reading(scene.live.services.engine) as session:
        mine = subjects.memberships_of(session, whose.tenant_id, whose.subject_id)[0]
    with unit_of_work(scene.live.services.engine) as session:
        subjects.end_membership(session, whose.tenant_id, mine.id, date(2026, 3, 9))
        subjects.grant(
            session, MembershipRow("m-reader", ada.tenant_id, ada.account_id, ada.household, Role.READER, date(2026, 3, 9), None)
        )
    page = scene.look()
    assert buttons_of(card_of(page, row)) == []
    assert page.xpath("//li[@class='offer']//a[@class='button']") == []
    assert scene.submit(f"{row.id}/pause").status_code == 403
    assert scene.live.browse(f"{scene.here}/{NEW}/paged", as_=ada).status_code == 403


@dataclass(frozen=True)
class Lenient(AskingMeter):
    """The same connector in a newer version: it knows what "many" is."""

    def parse(self, body: bytes) -> MeterDocument:
        """As before, with other eyes."""
        return super().parse(body.replace(b'"many"', b"100"))


def set_aside(scene: Scene) -> ConnectionRow:
    """A connection through which a reading came that cannot be used."""
    row = scene.connect()
    day = json.loads(pages_of_days(date(2026, 2, 20), 1)[0])
    day["readings"][3][2] = "many"
    scene.provider.pages = [json.dumps(day).encode()]
    scene.pull()
    return row


def test_what_is_set_aside_is_listed_and_tried_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Record, reason and a button; while nothing can be read better the page says so, and afterwards that all counts."""
    row = set_aside(scene)
    card = card_of(scene.look(), row)
    assert "1 record set aside" in words(card)
    assert "Up to date; 1 records are set aside" in words(card)
    assert "many" in words(card.xpath(".//details[@class='held']")[0])
    assert "Try again" in buttons_of(card)
    reply = scene.submit(f"{row.id}/retry")
    assert reply.headers["location"] == f"{scene.here}?done=retry_none#c-{row.id}"
    rows = (registry.find("paged-meter").manifest.providers[0],)
    monkeypatch.setitem(registry._OWN, "paged-meter", Lenient(*rows))  # noqa: SLF001 - as an installed package would
    reply = scene.submit(f"{row.id}/retry")
    assert reply.headers["location"] == f"{scene.here}?done=retry#c-{row.id}"
    page = scene.look("?done=retry")
    assert page.xpath("string(//p[@role='status'])") == "Read again: nothing is set aside any more."
    assert "set aside" not in words(card_of(page, row)).replace("nothing is set aside any more", "")
    assert "Try again" not in buttons_of(card_of(page, row))


def test_api_lists_and_retries(scene: Scene) -> None:
    """A program sees the same list, and has it read again; another tenant sees none of it."""
    row = set_aside(scene)
    live = scene.live
    (held,) = live.get(f"/v1/connections/{row.id}/held", as_=live.ada).json()
    assert (held["state"], held["got"]) == ("held", "'many'") or held["message"]
    assert held["document_sha256"]
    again = live.post(f"/v1/connections/{row.id}/retry", as_=live.ada, json={})
    assert again.json() == {"is_later": False, "documents_count": 1, "released_count": 0, "held_count": 1}
    (held,) = live.get(f"/v1/connections/{row.id}/held", as_=live.ada).json()
    assert held["state"] == "retried"
    assert live.get(f"/v1/connections/{row.id}/held", as_=live.bob).status_code == 404
    assert live.post(f"/v1/connections/{row.id}/retry", as_=live.bob, json={}).status_code == 404
