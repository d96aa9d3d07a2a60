"""A provider with a consent desk that is really called over HTTP, somebody who connects to it, and their browser.

    scene.begin()                       # the address that the browser is sent to
    scene.consent(address)              # what the provider's page sends back: the callback's query
    scene.finish(query)                 # the connection

The desk is the demo's own (`app.demo.providers.oauth`): codes once, refresh tokens that rotate, families that die. A test dials
its quirks, or what the next requests are answered with (`scene.provider.dialled`).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from app.demo.providers.oauth import AUTHORIZE_PATH, REVOKE_PATH, TOKEN_PATH, Client, ConsentDesk
from app.demo.providers.pages import Choice
from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Request
from app.security.outbound import Outbound
from app.security.sessions import new_token
from app.services import Services, Whose, Work
from app.store import connections
from app.store.connections import ConnectionRow
from app.store.session import reading, unit_of_work
from app.store.subjects import SubjectKind
from app.usecases.connection_secrets import Tokens, open_link, open_tokens
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.finish_connection import finish_connection
from app.usecases.reconnect import start_reconnect
from app.usecases.redirects import own_redirect_uri
from app.usecases.register_provider import find_provider, register_provider
from app.usecases.renew_access import fresh_access_token
from app.usecases.sign_in import NewAccount, create_account
from app.usecases.start_connection import start_connection
from connectors import registry
from connectors.base import Auth, OAuth2, Provider
from domain.place import place_from_text
from tests.app.usecases.dialable import Asked, Dialable, PagedMeter, Say, dialable
from tests.app.usecases.installation import Installation

__all__ = ["ConsentScene", "consent_scene", "kept_installation", "oauth_of", "provider", "scene"]

REDIRECT_URI = "http://localhost:8000/connect/callback"
SCOPE = "FB=1_3_4_5;IntervalDuration=900_3600;BlockDuration=daily usage;read=1"
SECRET = "s3cr3t-of-ours-1234567890"
CLIENT_ID = "climate-fitness"


@pytest.fixture(scope="module")
def kept_installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """One installation for the tests of a module: each makes an account and a household of its own in it."""
    made = Installation.open(tmp_path_factory.mktemp("consent") / "data")
    yield made
    made.close()


@pytest.fixture
def provider() -> Iterator[Dialable]:
    """A provider that is up."""
    with dialable() as made:
        yield made


@pytest.fixture
def scene(kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch) -> Iterator["ConsentScene"]:
    """Somebody, their browser, and a provider that gives consents."""
    with consent_scene(kept_installation, provider, monkeypatch) as made:
        yield made


@dataclass
class ConsentScene:
    """Somebody, their browser, and a provider.

    Attributes:
        installation: Where it is connected to.
        provider: The provider's server.
        desk: Its consent desk.
        quirks: Its dials.
        http: Calls it.
        whose: The household.
        account_id: Who connects.
        session_sha256: Their browser.
        row: The provider as the connector knows it.
    """

    installation: Installation
    provider: Dialable
    desk: ConsentDesk
    quirks: Quirks
    http: Outbound
    whose: Whose
    account_id: str
    session_sha256: bytes
    row: Provider
    allowed: Sequence[str] = ("usage", "bills")
    redirects: list[str] = field(default_factory=list)

    @property
    def services(self) -> Services:
        """The installation's parts."""
        return self.installation.services

    def begin(self, connection_id: str = "", **answers: str) -> str:
        """Begin a connection, or consent to one again; where the browser is sent."""
        with self.installation.work() as work:
            if connection_id:
                return start_reconnect(
                    work,
                    self.account_id,
                    self.whose,
                    connection_id,
                    answers,
                    redirect_uri=REDIRECT_URI,
                    session_sha256=self.session_sha256,
                ).redirect_url
            return start_connection(
                work,
                self.account_id,
                self.whose,
                "paged-meter",
                self.row.provider_id,
                answers,
                redirect_uri=REDIRECT_URI,
                session_sha256=self.session_sha256,
            ).redirect_url

    def consent(self, address: str, decision: str = "allow") -> dict[str, str]:
        """Decide on the provider's page; the query that it sends the browser back with."""
        return decide(self.desk, address, self.allowed, decision)

    def finish(
        self, query: Mapping[str, str], *, session_sha256: bytes | None = None, came_to: str | None = None
    ) -> ConnectionRow:
        """Bring the answer back, to the provider's own address unless said otherwise."""
        digest = self.session_sha256 if session_sha256 is None else session_sha256
        if came_to is None:
            came_to = own_redirect_uri("", find_provider("paged-meter", "paged")[1]).removeprefix("/")
        return finish_connection(self.services, query, came_to=came_to, session_sha256=digest, send=self.http.send)

    def connect(self, **answers: str) -> ConnectionRow:
        """The whole way."""
        return self.finish(self.consent(self.begin(**answers)))

    def fresh(self, connection_id: str, **more: Any) -> str:  # noqa: ANN401 - as fresh_access_token takes them
        """A token that works."""
        return fresh_access_token(self.services, self.row_of(connection_id), send=self.http.send, **more)

    def row_of(self, connection_id: str) -> ConnectionRow:
        """A connection as it stands."""
        with reading(self.services.engine) as session:
            return connections.by_id(session, self.whose.tenant_id, connection_id)

    def rows(self) -> tuple[ConnectionRow, ...]:
        """All connections of the household."""
        with reading(self.services.engine) as session:
            return connections.of_subject(session, self.whose.tenant_id, self.whose.subject_id)

    def tokens(self, connection_id: str) -> Tokens | None:
        """Its tokens, in clear."""
        with reading(self.services.engine) as session:
            work = Work(session, self.services)
            return open_tokens(work, connections.by_id(session, self.whose.tenant_id, connection_id))

    def link(self, connection_id: str) -> Mapping[str, str]:
        """Its link, in clear."""
        with reading(self.services.engine) as session:
            work = Work(session, self.services)
            return open_link(work, connections.by_id(session, self.whose.tenant_id, connection_id))

    def forms(self, path: str = TOKEN_PATH) -> list[dict[str, str]]:
        """The forms that were posted to the provider."""
        return [dict(parse_qsl(one.body.decode(), keep_blank_values=True)) for one in self.provider.asked if one.path == path]

    def is_good(self, access_token: str) -> bool:
        """Whether the provider takes an access token."""
        return self.desk.grant_of(Request("GET", "/", {}, {"authorization": f"Bearer {access_token}"})) is not None


def decide(
    desk: ConsentDesk, address: str, allowed: Sequence[str], decision: str = "allow", *, redirect_uri: str = REDIRECT_URI
) -> dict[str, str]:
    """Decide on a provider's page; the query that it sends the browser back with.

    Args:
        desk: The provider's.
        address: Where the browser was sent.
        allowed: What is left ticked.
        decision: `allow`, or anything else.
        redirect_uri: Where the browser must be sent back to.
    """
    parts = urlsplit(address)
    page = desk.answer(Request("GET", parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))))
    assert page is not None
    if page.status == 303:
        return _query_of(page.headers["Location"], redirect_uri)
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.body.decode())
    assert ticket, page.body.decode()
    fields = [("ticket", ticket[1]), ("decision", decision), ("account", "home"), *(("allow", one) for one in allowed)]
    answer = desk.answer(Request("POST", AUTHORIZE_PATH, {}, {}, urlencode(fields).encode()))
    assert answer is not None
    return _query_of(answer.headers["Location"], redirect_uri)


def _query_of(address: str, redirect_uri: str) -> dict[str, str]:
    assert address.startswith(redirect_uri), address
    return dict(parse_qsl(urlsplit(address).query, keep_blank_values=True))


def mount(desk: ConsentDesk, provider: Dialable) -> None:
    """Have a server answer what is about consent."""

    def answer(asked: Asked) -> Say:
        is_post = asked.path in {TOKEN_PATH, REVOKE_PATH}
        reply = desk.answer(Request("POST" if is_post else "GET", asked.path, asked.query, asked.headers, asked.body))
        if reply is None:
            return Say(404)
        return Say(raw=b"\r\n") if reply.is_dropped else Say(reply.status, reply.body, reply.headers)

    provider.answer = answer
    desk.origin = provider.origin


def oauth_of(origin: str, **more: Any) -> OAuth2:  # noqa: ANN401 - each field's own type
    """How the desk at an origin is asked."""
    made = OAuth2(
        origin + AUTHORIZE_PATH,
        origin + TOKEN_PATH,
        SCOPE,
        revoke_url=origin + REVOKE_PATH,
        issuer=origin,
        keeps=frozenset({"resourceURI", "authorizationURI"}),
    )
    return replace(made, **more)


@contextmanager
def consent_scene(
    installation: Installation,
    provider: Dialable,
    patch: pytest.MonkeyPatch,
    *,
    auth: Auth = None,
    is_registered: bool = True,
    **more: Any,  # noqa: ANN401 - each field's own type
) -> Iterator[ConsentScene]:
    """Somebody with a household and a browser, and a provider that knows us."""
    quirks = Quirks()
    desk = ConsentDesk(
        title="Paged Power",
        accounts=[Choice("home", "Home", "12 Main Street")],
        permissions=[Choice("usage", "Usage", ""), Choice("bills", "Bills", "")],
        scope_of=lambda asked, chosen: asked if len(chosen) == 2 else asked.split(" ")[0],
        clock=installation.clock,
        randomness=installation.services.randomness,
        quirks=quirks,
        book={},
        extras=lambda grant: {"resourceURI": f"{provider.origin}/espi/{grant.grant_id}"},
    )
    mount(desk, provider)
    desk.register(Client(CLIENT_ID, SECRET, "Climate Fitness", (REDIRECT_URI, f"{REDIRECT_URI}/paged")))
    row = Provider("paged", "Paged Power", f"{provider.origin}/api", auth=auth or oauth_of(provider.origin), **more)
    patch.setitem(registry._OWN, "paged-meter", PagedMeter(row))  # noqa: SLF001 - as an installed package would add it
    if is_registered:
        register_provider(installation.services, "paged", CLIENT_ID, SECRET)
    with unit_of_work(installation.services.engine) as session:
        work = Work(session, installation.services)
        tenant_id = installation.services.randomness.id()
        account = create_account(work, NewAccount(f"ada {tenant_id}", "Ada", "correct horse battery staple", tenant_id))
        home = place_from_text("10001", zone="America/New_York")
        new = NewSubject(SubjectKind.HOUSEHOLD, "Ada", home)
        whose = create_subject(work, new, owner_account_id=account.id, tenant_id=tenant_id)
    browser = new_token(installation.services.randomness.bytes, installation.clock.now())
    http = Outbound(allowed_local_origins=(provider.origin,), timeout_s=5.0, gap_s=2.0)
    made = ConsentScene(
        installation, provider, desk, quirks, http, whose, account.id, sha256(browser.token.encode()).digest(), row
    )
    try:
        yield made
    finally:
        made.http.close()
