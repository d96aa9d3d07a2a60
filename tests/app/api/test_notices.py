"""Notices of providers: whoever is told of news is asked about, and nobody else can make us ask."""

import json
from collections.abc import Iterator
from hashlib import sha256

import httpx2
import pytest
from sqlalchemy import text

from app.security.outbound import outbound_of
from app.security.plaid_webhook import KEY_PATH
from app.store import connections
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.session import reading, unit_of_work
from app.usecases.register_provider import register_provider
from connectors import registry
from connectors.base import LinkedItem, Provider
from tests.app.live import NOW, Installation, Live, Tenant, start
from tests.app.security.test_plaid_webhook import BODY, KEY_ID, OTHER_KEY, key_answer, signed
from tests.app.usecases.dialable import Dialable, Say, dialable

ITEM_SHA256 = sha256(b"item-1").hexdigest()
XML = '<BatchList xmlns="http://naesb.org/espi"><resources>{}</resources></BatchList>'


@pytest.fixture
def provider() -> Iterator[Dialable]:
    """A bank that tells its key, and a utility, at one address."""
    with dialable() as found:
        found.answer = lambda asked: Say(200, key_answer()) if asked.path == KEY_PATH else Say(404)
        link = LinkedItem("/link/token/create", "/item/public_token/exchange", "/item/remove")
        registry.set_local_providers(
            {
                "plaid": [Provider("test-bank", "Test Bank", found.origin, auth=link)],
                "green-button": [Provider("test-utility", "Test Utility", f"{found.origin}/espi")],
            }
        )
        yield found
        registry.set_local_providers({})


@pytest.fixture
def live(installation: Installation, provider: Dialable) -> Iterator[Live]:
    """The program, registered with the bank."""
    with start(installation, allowed_local_origins=(provider.origin,)) as found:
        register_provider(found.services, "test-bank", "client", "secret-of-ours")
        yield found
        outbound_of(found.services.settings).close()


def connect(live: Live, who: Tenant, connector: str, provider: str, **more: object) -> str:
    """A connection of a household."""
    row = ConnectionRow(
        id=live.services.randomness.id(),
        tenant_id=who.tenant_id,
        subject_id=who.household,
        connector=connector,
        state=ConnectionState.ACTIVE,
        is_file=False,
        cursor="",
        sealed_tokens=None,
        created_at=NOW,
        provider=provider,
        **more,  # type: ignore[arg-type] # names of the row
    )
    with unit_of_work(live.services.engine) as session:
        connections.add(session, row)
    return row.id


def tell(live: Live, place: str, body: bytes, token: str = "") -> httpx2.Response:
    """Post a notice as a provider does: without a name."""
    headers = {"Plaid-Verification": token} if token else {}
    return live.client.post(f"/notify/{place}", content=body, headers=headers)


def asked_for(live: Live) -> list[str]:
    """Connections whose sync waits."""
    with reading(live.services.engine) as session:
        rows = session.execute(text("SELECT payload_json FROM job WHERE kind = 'sync' ORDER BY key")).scalars()
        return [json.loads(one)["connection_id"] for one in rows]


def test_signed_notice_asks_for_a_sync_of_its_item(live: Live, provider: Dialable) -> None:
    """Of that item alone, once however often it comes; its key is asked for with our name."""
    mine = connect(live, live.ada, "plaid", "test-bank", item_sha256=ITEM_SHA256)
    connect(live, live.bob, "plaid", "test-bank", item_sha256=sha256(b"item-2").hexdigest())
    connect(live, live.ada, "plaid", "test-bank")
    at = live.clock.now()
    for _ in range(2):
        assert tell(live, "plaid/test-bank", BODY, signed(at=at)).status_code == 202
    assert asked_for(live) == [mine]
    (asked,) = [one for one in provider.asked if one.path == KEY_PATH]
    assert json.loads(asked.body) == {"client_id": "client", "secret": "secret-of-ours", "key_id": KEY_ID}


def test_item_that_nobody_has_is_answered_alike(live: Live) -> None:
    """A notice about nobody here is taken, and nothing happens."""
    reply = tell(live, "plaid/test-bank", BODY, signed(at=live.clock.now()))
    assert (reply.status_code, reply.content, asked_for(live)) == (202, b"", [])


@pytest.mark.parametrize("forged", ["", "a.b.c", "other key", "other body"])
def test_forged_notice_is_refused(live: Live, forged: str) -> None:
    """Without a signature, with another key's, or over another body: nothing is asked for."""
    connect(live, live.ada, "plaid", "test-bank", item_sha256=ITEM_SHA256)
    at = live.clock.now()
    tokens = {"other key": signed(at=at, key=OTHER_KEY), "other body": signed(b"{}", at=at)}
    reply = tell(live, "plaid/test-bank", BODY, tokens.get(forged, forged))
    assert reply.status_code in {400, 403}
    assert asked_for(live) == []


def test_files_that_are_ready_hurry_who_waits(live: Live, provider: Dialable) -> None:
    """A list of the utility's own addresses; connections that wait for nothing are left alone."""
    waiting = connect(live, live.ada, "green-button", "test-utility", health=Health.WAITING)
    connect(live, live.bob, "green-button", "test-utility")
    body = XML.format(f"{provider.origin}/espi/Batch/Bulk/1").encode()
    for _ in range(2):
        assert tell(live, "green-button/test-utility", body).status_code == 202
    assert asked_for(live) == [waiting]


def test_addresses_of_others_hurry_nobody(live: Live) -> None:
    """Nothing signs such a list: an address elsewhere counts for nothing."""
    connect(live, live.ada, "green-button", "test-utility", health=Health.WAITING)
    assert tell(live, "green-button/test-utility", XML.format("https://evil.example/1").encode()).status_code == 202
    assert asked_for(live) == []


@pytest.mark.parametrize(
    ("place", "body", "status"),
    [
        ("green-button/test-utility", b"<nothing/>", 415),
        ("green-button/test-utility", b"x" * 300_000, 413),
        ("green-button/nobody", b"", 404),
        ("octopus/octopus-energy", b"", 404),
        ("nothing/at-all", b"", 404),
    ],
)
def test_what_is_no_notice(live: Live, place: str, body: bytes, status: int) -> None:
    """Other bytes, too many bytes, and providers that send none."""
    assert tell(live, place, body).status_code == status
    assert asked_for(live) == []
