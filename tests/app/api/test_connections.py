"""Connections over HTTP: what programs may, what needs a browser, the callback, and that nothing secret is kept in clear."""

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from app.demo.providers.oauth import REVOKE_PATH, Client, ConsentDesk
from app.demo.providers.pages import Choice
from app.demo.providers.quirks import Quirks
from app.security.outbound import outbound_of
from app.store import connections, subjects
from app.store.session import checkpoint, reading, unit_of_work
from app.store.subjects import MembershipRow, Role
from app.usecases.register_provider import register_provider
from connectors import registry
from connectors.base import ApiKey, KeyPlace, Manifest, Provider
from tests.app.live import Installation, Live, Tenant, start
from tests.app.usecases.consent import decide as decide_on
from tests.app.usecases.consent import mount, oauth_of
from tests.app.usecases.dialable import Dialable, PagedMeter, Say, dialable

CALLBACK = "http://localhost:8000/connect/callback"
CLIENT_SECRET = "canary-client-secret-5f1d"
KEY = "canary-api-key-77aa"


@dataclass(frozen=True)
class KeyedMeter(PagedMeter):
    """The paged meter under another name."""

    @property
    def manifest(self) -> Manifest:
        """What it is."""
        return replace(PagedMeter(self.row).manifest, connector_id="keyed-meter")


@dataclass
class Bank:
    """A provider that is up, and whoever it gives consents to.

    Attributes:
        live: The program.
        provider: Its server.
        desk: Its consent desk.
    """

    live: Live
    provider: Dialable
    desk: ConsentDesk

    def begin(self, who: Tenant, **more: str) -> httpx2.Response:
        """POST /v1/connections from a browser."""
        body = {"subject": who.household, "connector": "paged-meter", "provider": "paged", **more}
        return self.live.submit("/v1/connections", as_=who, json=body, headers={"Accept": "application/json"})

    def consent(self, address: str, decision: str = "allow") -> str:
        """The address that the provider sends the browser back to."""
        query = decide_on(self.desk, address, ("usage", "bills"), decision)
        return f"/connect/callback?{urlencode(query)}"

    def listed(self, who: Tenant) -> list[dict[str, object]]:
        """The connections of somebody's household with this provider."""
        found = self.live.get(f"/v1/connections?subject={who.household}", as_=who).json()
        return [one for one in found if one["provider"] in {"paged", "keyed"}]

    def connected(self, who: Tenant) -> str:
        """A connection's id, the whole way."""
        address = self.begin(who).json()["redirect_url"]
        came = self.live.browse(self.consent(address), as_=who)
        assert came.status_code == 303, came.text
        return str(self.listed(who)[-1]["id"])


@pytest.fixture
def bank(installation: Installation, json_logs: StringIO, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bank]:
    """The program with a provider that asks for consent, and one that asks for a key."""
    with dialable() as provider, start(installation, allowed_local_origins=(provider.origin,)) as live:
        desk = ConsentDesk(
            title="Paged Power",
            accounts=[Choice("home", "Home", "")],
            permissions=[Choice("usage", "Usage", ""), Choice("bills", "Bills", "")],
            scope_of=lambda asked, _chosen: asked,
            clock=live.clock,
            randomness=live.services.randomness,
            quirks=Quirks(),
            book={},
        )
        mount(desk, provider)
        desk.register(Client("climate-fitness", CLIENT_SECRET, "Climate Fitness", (CALLBACK,)))
        row = Provider("paged", "Paged Power", f"{provider.origin}/api", auth=oauth_of(provider.origin), requests_per_s=1000)
        key = replace(row, provider_id="keyed", title="Keyed Power", auth=ApiKey(KeyPlace.BASIC_USER, help="In your account."))
        monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(row))  # noqa: SLF001 - as an installed package adds it
        monkeypatch.setitem(registry._OWN, "keyed-meter", KeyedMeter(key))  # noqa: SLF001 - as above
        register_provider(live.services, "paged", "climate-fitness", CLIENT_SECRET)
        yield Bank(live, provider, desk)
        outbound_of(live.services.settings).close()


def problem(response: httpx2.Response) -> str:
    """Code of a refusal."""
    return str(response.json()["type"]).removeprefix("/problems/")


def test_what_can_be_connected(bank: Bank) -> None:
    """Connectors say how each provider is allowed, and whether this installation is ready for it."""
    found = {one["id"]: one for one in bank.live.get("/v1/connectors", as_=bank.live.ada).json()}
    paged, keyed = found["paged-meter"]["providers"][0], found["keyed-meter"]["providers"][0]
    assert (paged["asks"], paged["is_ready"], keyed["asks"], keyed["is_ready"]) == ("consent", True, "key", True)
    assert keyed["key_help"] == "In your account."
    assert found["green-button"]["upload_media_types"]


def test_consent_over_http(bank: Bank) -> None:
    """Begin in a browser, consent, come back: the connection is there, and the browser is on a clean address."""
    live, ada = bank.live, bank.live.ada
    begun = bank.begin(ada)
    assert begun.status_code == 201, begun.text
    address = begun.json()["redirect_url"]
    assert dict(parse_qsl(urlsplit(address).query))["redirect_uri"] == CALLBACK
    came = live.browse(bank.consent(address), as_=ada)
    assert came.status_code == 303
    assert came.headers["location"].startswith(f"/s/{ada.household}/connections?done=connected#c-")
    assert came.headers["cache-control"] == "no-store"
    assert came.headers["referrer-policy"] == "no-referrer"
    row = bank.listed(ada)[0]
    assert (row["state"], row["health"], row["title"]) == ("active", "ok", "Paged Power")
    one = live.get(f"/v1/connections/{row['id']}", as_=ada)
    assert one.json() == row
    assert live.get(f"/v1/connections/{row['id']}", as_=ada, headers={"If-None-Match": one.headers["etag"]}).status_code == 304


def test_program_cannot_ask_for_consent(bank: Bank) -> None:
    """An API key begins no consent: its answer would come back to nobody's browser."""
    ada = bank.live.ada
    body = {"subject": ada.household, "connector": "paged-meter"}
    refused = bank.live.post("/v1/connections", json=body, as_=ada)
    assert (refused.status_code, problem(refused)) == (403, "not-allowed")


def test_address_of_a_consent_is_shown_once(bank: Bank) -> None:
    """The same Idempotency-Key again does not show the state a second time."""
    ada = bank.live.ada
    body = {"subject": ada.household, "connector": "paged-meter"}
    headers = {"Accept": "application/json", "Idempotency-Key": "k1"}
    assert bank.live.submit("/v1/connections", as_=ada, json=body, headers=headers).status_code == 201
    again = bank.live.submit("/v1/connections", as_=ada, json=body, headers=headers)
    assert (again.status_code, problem(again)) == (410, "shown-once")


def test_callback_of_another_person_is_refused(bank: Bank) -> None:
    """Bob's browser cannot finish what Ada began, and Ada neither afterwards."""
    live = bank.live
    back = bank.consent(bank.begin(live.ada).json()["redirect_url"])
    assert live.browse(back, as_=live.bob).status_code == 403
    assert live.browse(back, as_=live.ada).status_code == 403
    assert bank.listed(live.bob) == []


def test_callback_of_another_provider_is_refused(bank: Bank) -> None:
    """An answer that is brought to another provider's address makes no connection, and its state is spent."""
    live = bank.live
    back = bank.consent(bank.begin(live.ada).json()["redirect_url"])
    before = bank.listed(live.ada)
    came = live.browse(back.replace("/connect/callback?", "/connect/callback/other?"), as_=live.ada)
    assert came.status_code == 303
    assert came.headers["location"].endswith("?done=spent")
    assert live.browse(back, as_=live.ada).status_code == 403
    assert bank.listed(live.ada) == before
    assert [one.path for one in bank.provider.asked if one.path == "/oauth/token"] == []


def test_provider_that_names_nobody_has_an_address_of_its_own(bank: Bank, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its consent comes back there, with cookies and all, and makes the connection."""
    live, row = bank.live, registry.find("paged-meter").manifest.providers[0]
    silent = replace(row, auth=oauth_of(bank.provider.origin, issuer=""))
    monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(silent))  # noqa: SLF001 - as an installed package adds it
    bank.desk.register(Client("climate-fitness", CLIENT_SECRET, "Climate Fitness", (f"{CALLBACK}/paged",)))
    query = decide_on(
        bank.desk, bank.begin(live.ada).json()["redirect_url"], ("usage", "bills"), redirect_uri=f"{CALLBACK}/paged"
    )
    came = live.browse(f"/connect/callback/paged?{urlencode(query)}", as_=live.ada)
    assert came.status_code == 303
    assert "?done=connected" in came.headers["location"]


def test_callback_without_a_session_leads_to_sign_in(bank: Bank) -> None:
    """Nobody signed in: the provider's answer is not carried along, and not used."""
    back = bank.consent(bank.begin(bank.live.ada).json()["redirect_url"])
    came = bank.live.client.get(back, headers={"Accept": "text/html"})
    assert (came.status_code, came.headers["location"]) == (303, "/sign-in?next=/connect/callback")
    assert bank.live.browse(back, as_=bank.live.ada).status_code == 303


def test_callback_with_an_api_key_is_refused(bank: Bank) -> None:
    """A program brings no consent back."""
    back = bank.consent(bank.begin(bank.live.ada).json()["redirect_url"])
    assert bank.live.get(back, as_=bank.live.ada).status_code == 403


@pytest.mark.parametrize("extra", ["&code=other", "&state=other", "&iss=x"])
def test_callback_with_a_parameter_twice_is_refused(bank: Bank, extra: str) -> None:
    """RFC 6749 section 3.1: no parameter stands twice."""
    back = bank.consent(bank.begin(bank.live.ada).json()["redirect_url"])
    assert bank.live.browse(back + extra, as_=bank.live.ada).status_code == 403


def test_refusing_is_told_kindly(bank: Bank) -> None:
    """The page of connections says that nothing was connected; never what the provider wrote."""
    ada = bank.live.ada
    back = bank.consent(bank.begin(ada).json()["redirect_url"], decision="deny")
    came = bank.live.browse(back, as_=ada)
    assert (came.status_code, came.headers["location"]) == (303, f"/s/{ada.household}/connections?done=refused")
    page = bank.live.browse(came.headers["location"], as_=ada)
    assert page.status_code == 200
    assert "The person did not allow it" not in page.text
    assert bank.listed(ada) == []


def test_pause_resume_sync(bank: Bank) -> None:
    """A connection is paused, goes on, and is asked for; the worker reads it."""
    live, ada = bank.live, bank.live.ada
    connection_id = bank.connected(ada)
    path = f"/v1/connections/{connection_id}"
    assert live.post(f"{path}/pause", as_=ada).json()["state"] == "paused"
    assert live.post(f"{path}/resume", as_=ada).json()["state"] == "active"
    asked = live.post(f"{path}/sync", as_=ada)
    assert asked.status_code == 202
    live.work()
    assert live.get(path, as_=ada).json()["synced_at"] is not None


def test_reconnect_keeps_the_connection(bank: Bank) -> None:
    """Consenting again leads through the provider and back to the same connection."""
    live, ada = bank.live, bank.live.ada
    connection_id = bank.connected(ada)
    begun = live.submit(f"/v1/connections/{connection_id}/reconnect", as_=ada, json={}, headers={"Accept": "application/json"})
    assert live.browse(bank.consent(begun.json()["redirect_url"]), as_=ada).status_code == 303
    assert [one["id"] for one in bank.listed(ada)] == [connection_id]


def test_end_over_http(bank: Bank) -> None:
    """DELETE takes our access back and says what came of it; the same key again gives the same answer."""
    live, ada = bank.live, bank.live.ada
    connection_id = bank.connected(ada)
    headers = {**ada.bearer, "Idempotency-Key": "end-1"}
    ended = live.client.delete(f"/v1/connections/{connection_id}", headers=headers)
    assert (ended.status_code, ended.json()["revocation"], ended.json()["connection"]["state"]) == (200, "done", "ended")
    again = live.client.delete(f"/v1/connections/{connection_id}", headers=headers)
    assert (again.json(), again.headers["idempotent-replayed"]) == (ended.json(), "true")
    assert sum(one.path == REVOKE_PATH for one in bank.provider.asked) == 1
    assert bank.desk.grants() == ()


def test_end_with_a_provider_that_is_away(bank: Bank) -> None:
    """The answer says so, and the worker tells the provider once it is back."""
    live, ada = bank.live, bank.live.ada
    connection_id = bank.connected(ada)
    bank.provider.dialled.append(Say(503))
    ended = live.client.delete(f"/v1/connections/{connection_id}", headers=ada.bearer)
    assert ended.json()["revocation"] == "later"
    assert len(bank.desk.grants()) == 1
    live.work()
    assert bank.desk.grants() == ()
    assert live.get(f"/v1/connections/{connection_id}", as_=ada).json()["said"].startswith("Ended. Paged Power was told")


def test_key_over_http(bank: Bank) -> None:
    """A program connects by a key; a wrong one is a problem that does not show it."""
    live, ada = bank.live, bank.live.ada
    bank.provider.good_tokens = {f"Basic {b64encode(f'{KEY}:'.encode()).decode()}"}
    body = {"subject": ada.household, "connector": "keyed-meter", "answers": {"api_key": KEY}}
    made = live.post("/v1/connections", json=body, as_=ada)
    assert made.status_code == 201, made.text
    assert made.headers["location"] == f"/v1/connections/{made.json()['connection']['id']}"
    assert KEY not in made.text
    wrong = live.post("/v1/connections", json={**body, "answers": {"api_key": "wrong-key-9"}}, as_=ada)
    assert (wrong.status_code, problem(wrong)) == (422, "input")
    assert "wrong-key-9" not in wrong.text


@pytest.mark.parametrize("action", ["", "/pause", "/resume", "/sync", "/reconnect", "DELETE"])
def test_connection_of_others_is_not_there(bank: Bank, action: str) -> None:
    """Bob cannot see or change Ada's connection, and is not told that it exists."""
    live = bank.live
    connection_id = bank.connected(live.ada)
    path = f"/v1/connections/{connection_id}"
    if action == "DELETE":
        answer = live.client.delete(path, headers=live.bob.bearer)
    elif action:
        answer = live.post(path + action, as_=live.bob, json={} if action == "/reconnect" else None)
    else:
        answer = live.get(path, as_=live.bob)
    assert (answer.status_code, problem(answer)) == (404, "not-found")
    with reading(live.services.engine) as session:
        row = connections.by_id(session, live.ada.tenant_id, connection_id)
    assert str(row.state) == "active"


def test_reader_changes_nothing(bank: Bank) -> None:
    """Somebody who may look sees the connection and cannot end it."""
    live, ada = bank.live, bank.live.ada
    connection_id = bank.connected(ada)
    today = live.clock.now().date()
    with unit_of_work(live.services.engine) as session:
        held = subjects.memberships_of(session, ada.tenant_id, ada.household)[0]
        subjects.end_membership(session, ada.tenant_id, held.id, today)
        subjects.grant(session, MembershipRow("reader", ada.tenant_id, ada.account_id, ada.household, Role.READER, today))
    assert live.get(f"/v1/connections/{connection_id}", as_=ada).status_code == 200
    assert live.client.delete(f"/v1/connections/{connection_id}", headers=ada.bearer).status_code == 403
    assert live.post(f"/v1/connections/{connection_id}/pause", as_=ada).status_code == 403


def files_with(folder: Path, secrets: set[str]) -> list[tuple[str, str]]:
    """Files below a folder that hold one of these texts, in clear or in base64."""
    wanted = [(text, form) for text in secrets for form in (text.encode(), b64encode(text.encode()).rstrip(b"="))]
    return [
        (path.name, text)
        for path in folder.rglob("*")
        if path.is_file()
        for body in [path.read_bytes()]
        for text, form in wanted
        if form in body
    ]


def test_no_secret_is_anywhere_in_clear(bank: Bank, json_logs: StringIO) -> None:
    """Codes, verifiers, states, tokens, keys and our own secret: in no database file, no log, no answer of ours."""
    live, ada = bank.live, bank.live.ada
    bank.provider.good_tokens = {f"Basic {b64encode(f'{KEY}:'.encode()).decode()}"}
    said: list[str] = []
    address = bank.begin(ada).json()["redirect_url"]
    back = bank.consent(address)
    secrets = {dict(parse_qsl(urlsplit(address).query))["state"], dict(parse_qsl(urlsplit(back).query))["code"], CLIENT_SECRET}
    assert files_with(live.folder, secrets) == []  # while the consent is on its way
    said.append(live.browse(back + "&code=twice", as_=ada).text)
    said.append(live.browse(back, as_=ada).text)
    said.append(live.browse(back, as_=ada).text)
    connection_id = str(bank.listed(ada)[0]["id"])
    live.clock.advance(4_000)
    live.post(f"/v1/connections/{connection_id}/sync", as_=ada)
    live.work()  # renews
    key_body = {"subject": ada.household, "connector": "keyed-meter", "answers": {"api_key": KEY}}
    said.append(live.post("/v1/connections", json=key_body, as_=ada).text)
    bank.provider.dialled.append(Say(400, b'{"error": "invalid_grant", "error_description": "canary-of-theirs"}'))
    said.append(live.browse(bank.consent(bank.begin(ada).json()["redirect_url"]), as_=ada).text)
    said.append(live.get("/v1/connectors", as_=ada).text)
    said.append(live.get(f"/v1/connections?subject={ada.household}", as_=ada).text)
    forms = [dict(parse_qsl(one.body.decode("ascii", "replace"))) for one in bank.provider.asked]
    grown = {form[name] for form in forms for name in ("code", "code_verifier", "refresh_token", "token") if name in form}
    tokens = {one.headers["authorization"].partition(" ")[2] for one in bank.provider.asked if one.path.startswith("/api")}
    assert any("refresh_token" in form for form in forms)
    assert any("code_verifier" in form for form in forms)
    secrets |= {*grown, *tokens, KEY, "canary-of-theirs"}
    assert len(secrets) >= 10
    assert files_with(live.folder, secrets) == []  # database, its log, archive, keys
    checkpoint(live.services.engine)
    assert files_with(live.folder, secrets) == []
    for text in secrets:
        assert text not in json_logs.getvalue()
        assert not [one for one in said if text in one]
