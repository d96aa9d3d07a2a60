"""The consent desk of the demo's providers: what it refuses, and what ends with what."""

import json
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from app.clock import FixedClock, SystemRandomness
from app.demo.providers.oauth import Client, ConsentDesk, challenge_of
from app.demo.providers.pages import Choice
from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Reply, Request

VERIFIER = "v" * 64
REDIRECT = "http://localhost:8000/connect/callback"
SECRET = "secret"
SCOPE = "FB=4_8;HistoryLength=63072000"
ASK = {
    "response_type": "code",
    "client_id": "us",
    "redirect_uri": REDIRECT,
    "scope": SCOPE,
    "state": "s=1;&",
    "code_challenge": challenge_of(VERIFIER),
    "code_challenge_method": "S256",
}


@dataclass
class Desk:
    """A desk, and a person at it."""

    desk: ConsentDesk
    clock: FixedClock
    quirks: Quirks

    def send(self, method: str, path: str, *, query: dict[str, str] | None = None, form: Any = None, **headers: str) -> Reply:  # noqa: ANN401 - fields or pairs
        """One request."""
        body = urlencode(form).encode() if form else b""
        reply = self.desk.answer(Request(method, path, query or {}, headers, body))
        assert reply is not None
        return reply

    def ticket(self, **changes: str) -> str:
        """The ticket of a consent page."""
        page = self.send("GET", "/oauth/authorize", query=ASK | changes)
        assert page.status == 200, page
        return page.body.decode().partition('name="ticket" value="')[2].partition('"')[0]

    def decide(self, ticket: str, *allowed: str, decision: str = "allow", account: str = "home") -> Reply:
        """What the person does."""
        pairs = [("ticket", ticket), ("account", account), *(("allow", one) for one in allowed), ("decision", decision)]
        return self.send("POST", "/oauth/authorize", form=pairs)

    def code(self) -> str:
        """A code."""
        return answer_of(self.decide(self.ticket(), "usage", "export"))["code"]

    def token(self, secret: str = SECRET, **form: str) -> tuple[int, dict[str, Any]]:
        """A reply of the token endpoint."""
        coded = b64encode(f"us:{secret}".encode()).decode()
        reply = self.send("POST", "/oauth/token", form=form, authorization=f"Basic {coded}")
        return reply.status, json.loads(reply.body or b"{}")

    def exchange(self, code: str, /, **changes: str) -> tuple[int, dict[str, Any]]:
        """A code for tokens."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT, "code_verifier": VERIFIER}
        return self.token(**(form | changes))

    def holds(self, access: str) -> bool:
        """Whether an access token opens anything."""
        return self.desk.grant_of(Request("GET", "/", headers={"authorization": f"Bearer {access}"})) is not None


def made(clock: FixedClock, quirks: Quirks, book: dict[str, Any]) -> ConsentDesk:
    """A desk with two things to allow."""
    desk = ConsentDesk(
        title="Demo <b>",
        accounts=[Choice("home", "Home & garden")],
        permissions=[Choice("usage", "Use"), Choice("export", "Feed in")],
        scope_of=lambda asked, chosen: asked if len(chosen) == 2 else asked.replace("_8", ""),
        clock=clock,
        randomness=SystemRandomness(),
        quirks=quirks,
        book=book,
        extras=lambda grant: {"resourceURI": f"/data/{grant.account_id}"},
    )
    desk.origin = "http://127.0.0.1:9"
    return desk


@pytest.fixture
def desk() -> Desk:
    """A desk that knows us."""
    clock, quirks = FixedClock(datetime(2026, 3, 10, tzinfo=UTC)), Quirks()
    desk = made(clock, quirks, {})
    desk.register(Client("us", SECRET, "Climate <Fitness>", (REDIRECT,)))
    return Desk(desk, clock, quirks)


def answer_of(reply: Reply) -> dict[str, str]:
    """The query that a redirect carries."""
    assert reply.status == 303, reply
    assert reply.headers["Location"].startswith(f"{REDIRECT}?")
    return dict(parse_qsl(urlsplit(reply.headers["Location"]).query))


def test_whole_way(desk: Desk) -> None:
    """A consent gives a code with state and issuer, the code a pair of tokens with scope and what the provider adds."""
    answer = answer_of(desk.decide(desk.ticket(), "usage", "export"))
    assert (answer["state"], answer["iss"]) == ("s=1;&", "http://127.0.0.1:9")
    status, said = desk.exchange(answer["code"])
    assert status == 200
    assert (said["scope"], said["expires_in"], said["resourceURI"]) == (SCOPE, 3600, "/data/home")
    assert desk.holds(said["access_token"])
    desk.clock.advance(3600)
    assert not desk.holds(said["access_token"])


def test_part_of_the_scope(desk: Desk) -> None:
    """What is unticked is not in the scope that is granted."""
    answer = answer_of(desk.decide(desk.ticket(), "usage"))
    assert desk.exchange(answer["code"])[1]["scope"] == "FB=4;HistoryLength=63072000"


@pytest.mark.parametrize(
    "changes", [{"client_id": "them"}, {"redirect_uri": f"{REDIRECT}/"}, {"redirect_uri": "https://evil.example"}]
)
def test_never_redirects_to_strangers(desk: Desk, changes: dict[str, str]) -> None:
    """An unknown client or redirect address gets a page, and no redirect."""
    reply = desk.send("GET", "/oauth/authorize", query=ASK | changes)
    assert reply.status == 400
    assert "Location" not in reply.headers


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"code_challenge": ""}, "invalid_request"),
        ({"code_challenge_method": "plain"}, "invalid_request"),
        ({"scope": ""}, "invalid_scope"),
    ],
)
def test_faults_go_back(desk: Desk, changes: dict[str, str], error: str) -> None:
    """Other faults of a request go back to the client, with its state."""
    answer = answer_of(desk.send("GET", "/oauth/authorize", query=ASK | changes))
    assert (answer["error"], answer["state"]) == (error, "s=1;&")


def test_no(desk: Desk) -> None:
    """Whoever does not allow is sent back without a code; the ticket is spent."""
    ticket = desk.ticket()
    assert answer_of(desk.decide(ticket, "usage", decision="deny"))["error"] == "access_denied"
    assert desk.decide(ticket, "usage").status == 400


def test_nothing_ticked(desk: Desk) -> None:
    """Allowing nothing, or for an account that is not there, asks again, and says what is missing."""
    ticket = desk.ticket()
    for reply in (desk.decide(ticket), desk.decide(ticket, "usage", account="neighbour"), desk.decide(ticket, "everything")):
        assert reply.status == 200
        assert b'role="alert"' in reply.body
    assert "code" in answer_of(desk.decide(ticket, "usage"))


def test_old_page(desk: Desk) -> None:
    """A page that was open for an hour gives nothing."""
    ticket = desk.ticket()
    desk.clock.advance(3600)
    assert desk.decide(ticket, "usage").status == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"code_verifier": "w" * 64},
        {"code_verifier": "short"},
        {"redirect_uri": "http://localhost:8000/other"},
        {"code": "unknown"},
    ],
)
def test_code_that_does_not_fit(desk: Desk, changes: dict[str, str]) -> None:
    """A code with another verifier or redirect address is refused, and used up."""
    code = desk.code()
    assert desk.exchange(code, **changes) == (400, {"error": "invalid_grant", "error_description": ANY_TEXT})
    if "code" not in changes:
        assert desk.exchange(code)[0] == 400


class _AnyText:
    """Equal to any text."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str)

    def __hash__(self) -> int:
        return 0


ANY_TEXT = _AnyText()


def test_code_is_old_after_a_minute(desk: Desk) -> None:
    """A code lives sixty seconds."""
    code = desk.code()
    desk.clock.advance(60)
    assert desk.exchange(code)[1]["error"] == "invalid_grant"


def test_code_used_twice(desk: Desk) -> None:
    """A code that is used again ends everything that came of it."""
    code = desk.code()
    access = desk.exchange(code)[1]["access_token"]
    assert desk.exchange(code)[0] == 400
    assert not desk.holds(access)


def test_wrong_secret(desk: Desk) -> None:
    """A client with a wrong secret is refused, and the code stays good for the right one."""
    code = desk.code()
    assert desk.token("wrong", grant_type="authorization_code", code=code) == (401, {"error": "invalid_client"})
    assert desk.exchange(code)[0] == 200


def test_rotation_and_reuse(desk: Desk) -> None:
    """A refresh token works once; used again, its whole family is dead, the newest tokens too."""
    first = desk.exchange(desk.code())[1]
    status, second = desk.token(grant_type="refresh_token", refresh_token=first["refresh_token"])
    assert status == 200
    assert second["refresh_token"] != first["refresh_token"]
    assert desk.holds(second["access_token"])
    assert desk.token(grant_type="refresh_token", refresh_token=first["refresh_token"])[1]["error"] == "invalid_grant"
    assert not desk.holds(second["access_token"])
    assert desk.token(grant_type="refresh_token", refresh_token=second["refresh_token"])[0] == 400


def test_refresh_of_another_scope(desk: Desk) -> None:
    """A refresh may name the granted scope, and no other."""
    first = desk.exchange(desk.code())[1]
    wider = desk.token(grant_type="refresh_token", refresh_token=first["refresh_token"], scope="FB=4_8_35")
    assert wider[1]["error"] == "invalid_scope"
    assert desk.token(grant_type="refresh_token", refresh_token=first["refresh_token"], scope=SCOPE)[0] == 200


def test_revocation(desk: Desk) -> None:
    """Revoking either token ends the family; an unknown token is no fault; a stranger may not."""
    first = desk.exchange(desk.code())[1]
    coded = b64encode(b"us:secret").decode()
    for token in ("unknown", first["refresh_token"]):
        assert desk.send("POST", "/oauth/revoke", form={"token": token}, authorization=f"Basic {coded}").status == 200
    assert not desk.holds(first["access_token"])
    assert desk.send("POST", "/oauth/revoke", form={"token": "x"}).status == 401


def test_dials(desk: Desk) -> None:
    """Dials make it rotate nothing, lose an answer, leave out the lifetime, lie about who it is, or withdraw everything."""
    desk.quirks.turn({"rotates_refresh": "no", "says_lifetime": "no", "issuer": "https://evil.example"})
    answer = answer_of(desk.decide(desk.ticket(), "usage"))
    assert answer["iss"] == "https://evil.example"
    first = desk.exchange(answer["code"])[1]
    assert "expires_in" not in first
    again = desk.token(grant_type="refresh_token", refresh_token=first["refresh_token"])[1]
    assert again["refresh_token"] == first["refresh_token"]
    desk.quirks.reset()
    desk.quirks.turn({"issuer": "-", "lost_refresh_count": "1"})
    assert "iss" not in answer_of(desk.decide(desk.ticket(), "usage"))
    coded = b64encode(b"us:secret").decode()
    form = {"grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    assert desk.send("POST", "/oauth/token", form=form, authorization=f"Basic {coded}").is_dropped
    assert desk.token(**form)[1]["error"] == "invalid_grant"
    desk.quirks.is_revoked = True
    assert desk.exchange(desk.code())[1]["error"] == "invalid_grant"


def test_page_is_safe_and_usable(desk: Desk) -> None:
    """The page escapes names, labels every control, says that it is a demo, runs no script, and may lead to us alone."""
    page = desk.send("GET", "/oauth/authorize", query=ASK)
    text = page.body.decode()
    assert "Demo &lt;b&gt;" in text
    assert "Climate &lt;Fitness&gt;" in text
    assert "Demo provider" in text
    assert "<script" not in text
    assert text.count("<input") - 1 == text.count("<label for=") == 3  # the ticket is hidden
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self' http://localhost:8000;" in policy
    assert "frame-ancestors 'none'" in policy


def test_what_is_remembered(desk: Desk) -> None:
    """Neither code nor token stands in what is kept, and another process goes on with it."""
    code = desk.code()
    said = desk.exchange(code)[1]
    kept = json.dumps(desk.desk._book)  # noqa: SLF001 - what the server writes to disk
    assert not any(secret in kept for secret in (code, said["access_token"], said["refresh_token"]))
    later = Desk(made(desk.clock, desk.quirks, json.loads(kept)), desk.clock, desk.quirks)
    assert later.holds(said["access_token"])
    assert later.token(grant_type="refresh_token", refresh_token=said["refresh_token"])[0] == 200
