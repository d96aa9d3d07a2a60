"""Beginning a connection: the address, the questions, keys that are checked, and pages of linked items."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from urllib.parse import parse_qsl, urlsplit

import pytest

from app.assemble import kek_of
from app.security.kek import LocalKek
from app.security.vault import Vault
from app.services import Work
from app.store import connections, provider_clients
from app.store.connections import ConnectionState
from app.store.session import reading
from app.usecases.connection_secrets import open_tokens
from app.usecases.reconnect import disconnect
from app.usecases.register_provider import find_provider, our_client, register_provider
from app.usecases.rewrap_keys import rewrap_keys
from app.usecases.start_connection import ask_provider, notice_uri, start_connection
from connectors import registry
from connectors.base import ApiKey, KeyPlace, LinkedItem, Manifest, Question
from domain.errors import (
    ClimateFitnessError,
    ConflictError,
    ConnectorBugError,
    FormatChangedError,
    InputError,
    NeedsConsentError,
    NotFoundError,
    SecurityError,
    TryLaterError,
)
from tests.app.usecases.consent import (
    CLIENT_ID,
    REDIRECT_URI,
    SCOPE,
    SECRET,
    ConsentScene,
    consent_scene,
    kept_installation,
    provider,
    scene,
)
from tests.app.usecases.dialable import Asked, Dialable, PagedMeter, Say
from tests.app.usecases.installation import Installation

__all__ = ["kept_installation", "provider", "scene"]

JSON = {"content-type": "application/json"}
METER = Question("meter", "Meter number", "On the meter: four digits.", pattern=r"[0-9]{4}")
UNIT = Question("unit", "Unit", choices={"m3": "Cubic metres", "kWh": "Kilowatt-hours"}, is_required=False)


@dataclass(frozen=True)
class AskingMeter(PagedMeter):
    """The paged meter with two questions."""

    @property
    def manifest(self) -> Manifest:
        """What it is and asks."""
        return replace(PagedMeter(self.row).manifest, questions=(METER, UNIT))


def test_address_has_everything_once(scene: ConsentScene) -> None:
    """State, challenge and nonce are new each time; the scope arrives as the provider wrote it."""
    one, two = (dict(parse_qsl(urlsplit(scene.begin()).query)) for _ in range(2))
    assert set(one) == {
        *("response_type", "client_id", "redirect_uri", "scope", "state"),
        *("nonce", "code_challenge", "code_challenge_method"),
    }
    assert (one["response_type"], one["code_challenge_method"], one["scope"]) == ("code", "S256", SCOPE)
    assert (one["client_id"], one["redirect_uri"]) == (CLIENT_ID, REDIRECT_URI)
    for name in ("state", "nonce", "code_challenge"):
        assert one[name] != two[name]
        assert len(one[name]) == 43


def test_nothing_is_connected_by_beginning(scene: ConsentScene) -> None:
    """Until the person comes back there is no connection."""
    scene.begin()
    assert scene.rows() == ()


def test_unregistered_provider_says_who_can_mend_it(scene: ConsentScene) -> None:
    """Without a client id nothing begins, and the operator's command is named."""
    with scene.installation.work() as work:
        provider_clients.remove(work.session, "paged")
    with pytest.raises(ConflictError) as caught:
        scene.begin()
    assert caught.value.next_step == "The operator runs `climate-fitness connectors register paged --client-id ID`."


@pytest.mark.parametrize(("connector", "provider_id"), [("paged-meter", "nobody"), ("nothing", ""), ("typed-bill", "")])
def test_unknown_provider_is_refused(scene: ConsentScene, connector: str, provider_id: str) -> None:
    """A provider that no connector has, a connector that is none, one of files alone."""
    with pytest.raises(NotFoundError):
        find_provider(connector, provider_id)


def test_only_provider_needs_no_name(scene: ConsentScene) -> None:
    """A connector with one provider is enough to name it."""
    assert find_provider("paged-meter", "")[1] == scene.row


@pytest.mark.parametrize(
    ("answers", "record"),
    [
        ({}, "meter"),
        ({"meter": "12"}, "meter"),
        ({"meter": "1234\n"}, None),
        ({"meter": "1234x"}, "meter"),
        ({"meter": "1234", "unit": "gallon"}, "unit"),
        ({"meter": "1234", "unit": "m3"}, None),
        ({"meter": "1234", "unit": ""}, None),
        ({"meter": "1234", "base_url": "https://evil.example"}, "answers"),
        ({"meter": "1234", "api_key": "k"}, "answers"),
    ],
)
def test_answers_are_checked(
    scene: ConsentScene, monkeypatch: pytest.MonkeyPatch, answers: Mapping[str, str], record: str | None
) -> None:
    """What a question does not allow is refused before anybody is sent away, with the question's own words."""
    monkeypatch.setitem(registry._OWN, "paged-meter", AskingMeter(scene.row))  # noqa: SLF001
    if record is None:
        assert scene.begin(**answers)
        return
    with pytest.raises(InputError) as caught:
        scene.begin(**answers)
    assert caught.value.record == record


# Keys


@pytest.fixture
def keyed(kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConsentScene]:
    """A provider that asks for a key: `good` is one."""
    auth = ApiKey(KeyPlace.BASIC_USER, help="In your account.")
    with consent_scene(kept_installation, provider, monkeypatch, auth=auth, is_registered=False) as made:
        provider.good_tokens = {f"Basic {b64encode(b'good-key:').decode()}"}
        yield made


def with_key(scene: ConsentScene, key: str, connection_id: str = "") -> str:
    """Connect by a key; the connection's id."""
    row = scene.row_of(connection_id) if connection_id else None
    asked = ask_provider(
        scene.services,
        scene.whose,
        "paged-meter",
        "paged",
        {"api_key": key},
        redirect_uri=REDIRECT_URI,
        connection=row,
        send=scene.http.send,
    )
    with scene.installation.work() as work:
        started = start_connection(
            work,
            scene.account_id,
            scene.whose,
            "paged-meter",
            "paged",
            {"api_key": key},
            redirect_uri=REDIRECT_URI,
            asked=asked,
            connection=row,
        )
    assert started.redirect_url == ""
    return started.connection_id


def test_good_key_connects_at_once(keyed: ConsentScene) -> None:
    """The key was tried with the connector's own first request, is sealed, and is what asks from now on."""
    keyed.provider.pages = [b'{"readings": [], "next": null}']
    connection_id = with_key(keyed, " good-key ")
    assert [one.path for one in keyed.provider.asked] == ["/api/readings"]
    row = keyed.row_of(connection_id)
    assert row.state is ConnectionState.ACTIVE
    assert row.sealed_tokens is not None
    assert b"good-key" not in row.sealed_tokens
    assert keyed.fresh(connection_id) == "good-key"
    assert keyed.link(connection_id) == {}


@pytest.mark.parametrize("key", ["", "   ", "with space", "käse", "x" * 1025, "a\nb"])
def test_key_that_is_none_is_refused(keyed: ConsentScene, key: str) -> None:
    """What cannot be a key is refused without asking, and without being shown."""
    with pytest.raises(InputError) as caught:
        with_key(keyed, key)
    assert caught.value.record == "api_key"
    assert not key.strip() or key.strip() not in caught.value.sentence()
    assert keyed.provider.asked == []


def test_wrong_key_is_refused(keyed: ConsentScene) -> None:
    """A key that the provider does not take connects nothing, and the person is told where to find theirs."""
    with pytest.raises(InputError) as caught:
        with_key(keyed, "bad-key")
    assert caught.value.message == "Paged Power does not take this key"
    assert caught.value.next_step == "In your account."
    assert keyed.rows() == ()


@pytest.mark.parametrize(
    ("say", "kind"),
    [
        (Say(403, b"<html>blocked", {"content-type": "text/html"}), TryLaterError),
        (Say(503), TryLaterError),
        (Say(429), TryLaterError),
        (Say(404, b"{}", JSON), InputError),
        (Say(403, b"{}", JSON), InputError),
    ],
)
def test_page_of_an_edge_says_nothing_about_a_key(keyed: ConsentScene, say: Say, kind: type[ClimateFitnessError]) -> None:
    """A 403 with a page, 5xx or 429 is the provider's state, not the key's; 404 is an answer that is wrong."""
    keyed.provider.dialled.append(say)
    with pytest.raises(kind):
        with_key(keyed, "good-key")
    assert keyed.rows() == ()


def test_refused_key_asks_the_person_and_a_new_one_goes_on(keyed: ConsentScene) -> None:
    """There is nothing to renew about a key; a new one keeps connection and cursor."""
    connection_id = with_key(keyed, "good-key")
    with keyed.installation.work() as work:
        connections.set_cursor(work.session, keyed.whose.tenant_id, connection_id, "page 9")
    with pytest.raises(NeedsConsentError):
        keyed.fresh(connection_id, because_refused="good-key")
    keyed.provider.good_tokens = {f"Basic {b64encode(b'newer-key:').decode()}"}
    assert with_key(keyed, "newer-key", connection_id) == connection_id
    assert (keyed.fresh(connection_id), keyed.row_of(connection_id).cursor) == ("newer-key", "page 9")


# Linked items


ITEM = LinkedItem("/link/token/create", "/item/public_token/exchange", "/item/remove")


class Bank:
    """A bank that links items, as Plaid does it.

    Attributes:
        asked: Bodies by path.
        public_token: What `/link/token/get` knows.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, object]]] = []
        self.public_token = "public-1"
        self.items = {"public-1": "access-1", "public-2": "access-2"}

    def answer(self, asked: Asked) -> Say:
        """The answer to one request."""
        body = json.loads(asked.body)
        self.asked.append((asked.path, body))
        if (body.get("client_id"), body.get("secret")) != (CLIENT_ID, SECRET):
            return Say(400, b'{"error_code": "INVALID_API_KEYS", "error_message": "oops secret"}', JSON)
        name = asked.path.removeprefix("/api")
        if name == "/link/token/create":
            said: dict[str, object] = {"link_token": "link-1", "hosted_link_url": "https://bank.example/link/1"}
        elif name == "/link/token/get":
            said = {"link_sessions": [{"results": {"item_add_results": [{"public_token": self.public_token}]}}]}
        elif name == "/item/public_token/exchange":
            if body["public_token"] not in self.items:
                return Say(400, b'{"error_code": "INVALID_PUBLIC_TOKEN"}', JSON)
            said = {"access_token": self.items.pop(body["public_token"]), "item_id": "item-1", "request_id": "r"}
        else:
            said = {"request_id": "r"}
        return Say(200, json.dumps(said).encode(), JSON)


@pytest.fixture
def bank() -> Bank:
    """A bank."""
    return Bank()


@pytest.fixture
def linked(
    kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch, bank: Bank
) -> Iterator[ConsentScene]:
    """A provider whose own page gives the consent."""
    with consent_scene(kept_installation, provider, monkeypatch, auth=ITEM, countries=frozenset({"US"})) as made:
        provider.answer = bank.answer
        yield made


def link(scene: ConsentScene, connection_id: str = "") -> tuple[str, str]:
    """Begin; where the person is sent, and the state that comes back."""
    row = scene.row_of(connection_id) if connection_id else None
    asked = ask_provider(
        scene.services, scene.whose, "paged-meter", "paged", {}, redirect_uri=REDIRECT_URI, connection=row, send=scene.http.send
    )
    with scene.installation.work() as work:
        started = start_connection(
            work,
            scene.account_id,
            scene.whose,
            "paged-meter",
            "paged",
            {},
            redirect_uri=REDIRECT_URI,
            session_sha256=scene.session_sha256,
            asked=asked,
            connection=row,
        )
    assert asked is not None
    return started.redirect_url, asked.state


def test_public_token_becomes_a_connection(linked: ConsentScene, bank: Bank) -> None:
    """The page leads back with our state; its public token is exchanged for one that is sealed."""
    url, state = link(linked)
    assert url == "https://bank.example/link/1"
    row = linked.finish({"state": state, "public_token": "public-1"})
    tokens = linked.tokens(row.id)
    assert tokens is not None
    assert (tokens.access_token, tokens.item_id, linked.fresh(row.id)) == ("access-1", "item-1", "access-1")
    assert row.item_sha256 == sha256(b"item-1").hexdigest()
    created = bank.asked[0][1]
    assert "webhook" not in created  # nobody could reach us by http
    assert created["hosted_link"] == {"completion_redirect_uri": f"{REDIRECT_URI}/paged?state={state}"}
    assert (created["products"], created["transactions"]) == (["transactions"], {"days_requested": 730})
    assert linked.whose.subject_id not in json.dumps(created)


def test_notices_come_beside_the_callback() -> None:
    """At the same host, by https only."""
    callback = "https://home.example/connect/callback"
    assert notice_uri(callback, "plaid", "production") == "https://home.example/notify/plaid/production"
    assert notice_uri(REDIRECT_URI, "plaid", "production") == ""


def test_link_is_asked_where_the_page_brings_nothing(
    kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch, bank: Bank
) -> None:
    """A hosted page comes back without a token: the provider is asked what became of the link."""
    quirks = {"link_get_path": "/link/token/get"}
    with consent_scene(kept_installation, provider, monkeypatch, auth=ITEM, quirks=quirks) as scene:
        provider.answer = bank.answer
        _, state = link(scene)
        row = scene.finish({"state": state})
        assert scene.fresh(row.id) == "access-1"
        bank.public_token = ""
        _, state = link(scene)
        with pytest.raises(NeedsConsentError):
            scene.finish({"state": state})


def test_leaving_the_page_connects_nothing(linked: ConsentScene) -> None:
    """Somebody who closes the provider's page is told kindly."""
    _, state = link(linked)
    with pytest.raises(NeedsConsentError) as caught:
        linked.finish({"state": state})
    assert caught.value.next_step == "That is fine. Connect the account whenever you like."
    assert linked.rows() == ()


@pytest.mark.parametrize(
    ("say", "kind"),
    [
        (Say(400, b'{"error_code": "INVALID_PUBLIC_TOKEN"}', JSON), NeedsConsentError),
        (Say(400, b'{"error_code": "INVALID_API_KEYS", "error_message": "s3cr3t"}', JSON), ConnectorBugError),
        (Say(500, b'{"error_code": "INTERNAL_SERVER_ERROR"}', JSON), TryLaterError),
        (Say(429, b'{"error_code": "RATE_LIMIT_EXCEEDED"}', JSON), TryLaterError),
        (Say(403, b"<html>", {"content-type": "text/html"}), TryLaterError),
        (Say(200, b"[]", JSON), FormatChangedError),
        (Say(200, b'{"access_token": "a b", "item_id": "i"}', JSON), FormatChangedError),
        (Say(200, b'{"access_token": "' + b"a" * 99_999, JSON), FormatChangedError),
    ],
)
def test_refusals_of_a_link_are_told_apart(linked: ConsentScene, say: Say, kind: type[ClimateFitnessError]) -> None:
    """Each refusal of the exchange has its own answer, and repeats nothing of what came."""
    _, state = link(linked)
    linked.provider.dialled.append(say)
    with pytest.raises(kind) as caught:
        linked.finish({"state": state, "public_token": "public-1"})
    assert "s3cr3t" not in caught.value.sentence()
    assert linked.rows() == ()


def test_repair_keeps_the_item(linked: ConsentScene, bank: Bank) -> None:
    """Consent that is given again names the item and needs no exchange."""
    _, state = link(linked)
    row = linked.finish({"state": state, "public_token": "public-1"})
    _, state = link(linked, row.id)
    assert bank.asked[-1][1]["access_token"] == "access-1"
    assert "products" not in bank.asked[-1][1]
    again = linked.finish({"state": state})
    assert (again.id, linked.fresh(again.id)) == (row.id, "access-1")


def test_end_removes_the_item(linked: ConsentScene, bank: Bank) -> None:
    """Ending tells the provider, by the item's own token."""
    _, state = link(linked)
    row = linked.finish({"state": state, "public_token": "public-1"})
    disconnect(linked.services, linked.whose, row.id, send=linked.http.send)
    path, body = bank.asked[-1]
    assert (path, body["access_token"]) == ("/api/item/remove", "access-1")
    assert linked.tokens(row.id) is None


def test_state_of_a_link_is_of_one_browser(linked: ConsentScene, bank: Bank) -> None:
    """A public token that another browser brings is not exchanged."""
    _, state = link(linked)
    with pytest.raises(SecurityError):
        linked.finish({"state": state, "public_token": "public-1"}, session_sha256=b"x" * 32)
    assert [path for path, _ in bank.asked] == ["/api/link/token/create"]


# Registrations, and the key that seals them


def test_registration_is_sealed_and_replaced(scene: ConsentScene) -> None:
    """The secret opens with the installation's key alone; a new one takes its place."""
    register_provider(scene.services, "paged", "name-2", "secret-of-name-2")
    with scene.installation.looking() as work:
        row = provider_clients.of_provider(work.session, "paged")
        client = our_client(work, scene.row)
    assert row is not None
    assert b"secret-of-name-2" not in row.sealed_secret
    assert (client.client_id, client.secret) == ("name-2", "secret-of-name-2")
    assert "secret-of-name-2" not in repr(client)


@pytest.mark.parametrize(("client_id", "secret"), [("", "s"), ("a\nb", "s"), ("ä", "s"), ("a", "s\x00"), ("a", "x" * 513)])
def test_credentials_that_are_none_are_refused(scene: ConsentScene, client_id: str, secret: str) -> None:
    """What could not be sent is refused and not shown."""
    with pytest.raises(InputError) as caught:
        register_provider(scene.services, "paged", client_id, secret)
    assert secret not in caught.value.sentence().replace("characters", "") or secret == "s"


def test_provider_with_keys_needs_no_registration(keyed: ConsentScene) -> None:
    """There is nothing to register where the person's own key asks."""
    with pytest.raises(InputError) as caught:
        register_provider(keyed.services, "paged", "a", "b")
    assert caught.value.got == "the person's own key"


def test_new_key_encryption_key(scene: ConsentScene) -> None:
    """After rewrapping, everything opens with the new key, nothing with the former one; again changes nothing."""
    row = scene.connect()
    random = scene.services.randomness.bytes
    former, new = kek_of(scene.services.settings, scene.services.randomness), LocalKek(random(32), random)
    done = rewrap_keys(scene.services, former, new)
    assert (done.subjects_count >= 1, done.secrets_count, done.known_count) == (True, 1, 0)
    with pytest.raises(SecurityError):
        scene.tokens(row.id)
    moved = replace(scene.services, vault=Vault(new, random))
    with reading(scene.services.engine) as session:
        tokens = open_tokens(Work(session, moved), row)
        client = our_client(Work(session, moved), scene.row)
    assert tokens is not None
    assert scene.is_good(tokens.access_token)
    assert client.secret == SECRET
    again = rewrap_keys(scene.services, former, new)
    assert (again.subjects_count, again.secrets_count) == (0, 0)
    back = rewrap_keys(scene.services, new, former)
    assert back.subjects_count == done.subjects_count
    with pytest.raises(ConflictError):
        rewrap_keys(scene.services, former, former)


def test_third_key_changes_nothing(scene: ConsentScene) -> None:
    """Where something is wrapped by a key that is not at hand, nothing at all is rewrapped."""
    random = scene.services.randomness.bytes
    row = scene.connect()
    with pytest.raises(SecurityError):
        rewrap_keys(scene.services, LocalKek(random(32), random), LocalKek(random(32), random))
    assert scene.tokens(row.id) is not None
