"""A person comes back from a provider: what becomes a connection, and everything that does not."""

import json
from base64 import urlsafe_b64encode
from dataclasses import replace

import pytest

from app.demo.providers.oauth import TOKEN_PATH
from app.security.oauth_client import RevokedGrantError
from app.store import connections, subjects
from app.store.connections import ConnectionState, Health
from app.store.subjects import MembershipRow, Role
from app.usecases.register_provider import register_provider
from app.usecases.start_connection import CONSENT_LIFETIME
from connectors import registry
from connectors.base import ClientAuth, Manifest, Question
from domain.errors import (
    ClimateFitnessError,
    ConflictError,
    ConnectorBugError,
    FormatChangedError,
    NeedsConsentError,
    NotFoundError,
    SecurityError,
    TryLaterError,
)
from tests.app.usecases.consent import SCOPE, ConsentScene, consent_scene, kept_installation, oauth_of, provider, scene
from tests.app.usecases.dialable import Dialable, PagedMeter, Say
from tests.app.usecases.installation import Installation

__all__ = ["kept_installation", "provider", "scene"]

JSON = {"content-type": "application/json"}


def refused(
    scene: ConsentScene, query: dict[str, str], kind: type[ClimateFitnessError], *, session_sha256: bytes | None = None
) -> ClimateFitnessError:
    """The refusal of an answer; nothing was connected."""
    with pytest.raises(kind) as caught:
        scene.finish(query, session_sha256=session_sha256)
    assert type(caught.value) is kind
    assert not scene.rows()
    return caught.value


def dialled(scene: ConsentScene, body: bytes | object, status: int = 200, media_type: str = "application/json") -> dict[str, str]:
    """What a browser brings back from a consent whose code is answered so."""
    query = scene.consent(scene.begin())
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    scene.provider.dialled.append(Say(status, data, {"content-type": media_type}))
    return query


def test_consent_becomes_a_connection(scene: ConsentScene) -> None:
    """Tokens, scope, link and due time are there; the token works at the provider."""
    row = scene.connect()
    tokens = scene.tokens(row.id)
    assert tokens is not None
    assert scene.is_good(tokens.access_token)
    assert (row.state, row.health, row.cursor, row.title) == (ConnectionState.ACTIVE, Health.OK, "", "Paged Power")
    assert (row.granted_scope, row.health_said) == (SCOPE, "")
    assert row.next_at == scene.installation.clock.now()
    assert scene.link(row.id)["resourceURI"].startswith(scene.provider.origin + "/espi/")


def test_code_is_exchanged_with_the_verifier(scene: ConsentScene) -> None:
    """The token request has what RFC 6749 section 4.1.3 and RFC 7636 section 4.5 want, and our name by HTTP Basic."""
    scene.connect()
    form = scene.forms()[0]
    assert set(form) == {"grant_type", "code", "redirect_uri", "code_verifier"}
    assert (form["grant_type"], form["redirect_uri"]) == ("authorization_code", "http://localhost:8000/connect/callback")


@pytest.mark.parametrize("state", ["", "x" * 43, "junk\udce4", "y" * 5000])
def test_wrong_state_is_refused(scene: ConsentScene, state: str) -> None:
    """A state that is none of ours, or missing, gives nothing, and the provider is never asked."""
    query = scene.consent(scene.begin()) | {"state": state}
    refused(scene, query, SecurityError)
    assert scene.forms() == []


def test_missing_state_is_refused(scene: ConsentScene) -> None:
    """An answer without a state is nobody's."""
    query = scene.consent(scene.begin())
    del query["state"]
    refused(scene, query, SecurityError)


def test_state_works_once(scene: ConsentScene) -> None:
    """The same callback again gives nothing more, and what came of it stays."""
    query = scene.consent(scene.begin())
    row = scene.finish(query)
    with pytest.raises(SecurityError):
        scene.finish(query)
    assert [one.id for one in scene.rows()] == [row.id]
    assert len(scene.forms()) == 1


def test_state_is_spent_by_a_refused_answer(scene: ConsentScene) -> None:
    """Whoever comes with another code after a refusal finds no question any more."""
    query = scene.consent(scene.begin())
    refused(scene, query | {"iss": "https://evil.example"}, SecurityError)
    refused(scene, query, SecurityError)


def test_old_state_is_refused(scene: ConsentScene) -> None:
    """Ten minutes after it was asked, no answer is taken."""
    query = scene.consent(scene.begin())
    scene.installation.clock.advance(CONSENT_LIFETIME.total_seconds())
    refused(scene, query, SecurityError)


def test_just_before_ten_minutes_it_is_taken(scene: ConsentScene) -> None:
    """A person may take their time: the provider's code is young, our question is not."""
    address = scene.begin()
    scene.installation.clock.advance(CONSENT_LIFETIME.total_seconds() - 1)
    assert scene.finish(scene.consent(address)).state is ConnectionState.ACTIVE


@pytest.mark.parametrize("session", [b"", b"\x00" * 32])
def test_other_browser_is_refused(scene: ConsentScene, session: bytes) -> None:
    """An answer that another browser brings (login CSRF) gives nothing, also not to the first browser afterwards."""
    query = scene.consent(scene.begin())
    error = refused(scene, query, SecurityError, session_sha256=session)
    assert "another browser" in error.message
    refused(scene, query, SecurityError)


def test_state_of_another_flow_takes_no_foreign_code(scene: ConsentScene) -> None:
    """A code that was given for another question (code injection) does not fit the verifier; nothing is connected."""
    stolen = scene.consent(scene.begin())["code"]
    query = scene.consent(scene.begin()) | {"code": stolen}
    assert refused(scene, query, RevokedGrantError).next_step == "Connect the account again."


@pytest.mark.parametrize("issuer", ["-", "https://evil.example", "HTTP://127.0.0.1"])
def test_mix_up_is_refused_before_the_code_is_used(scene: ConsentScene, issuer: str) -> None:
    """Where the provider names itself, an answer that names nobody or another one is refused (RFC 9207)."""
    scene.quirks.issuer = issuer
    error = refused(scene, scene.consent(scene.begin()), SecurityError)
    assert "another provider" in error.message
    assert scene.forms() == []


def test_issuer_is_not_wanted_where_there_is_none(
    kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that never sends `iss` connects without it."""
    with consent_scene(kept_installation, provider, monkeypatch, auth=oauth_of(provider.origin, issuer="")) as scene:
        scene.quirks.issuer = "-"
        assert scene.connect().state is ConnectionState.ACTIVE


def test_refusing_is_taken_kindly(scene: ConsentScene) -> None:
    """Somebody who says no is told that nothing was connected, and that this is fine."""
    query = scene.consent(scene.begin(), decision="deny")
    error = refused(scene, query, NeedsConsentError)
    assert error.message == "Nothing was connected: access to Paged Power was not allowed"
    assert error.next_step == "That is fine. Connect the account whenever you like."


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("temporarily_unavailable", TryLaterError),
        ("server_error", TryLaterError),
        ("login_required", NeedsConsentError),
        ("invalid_scope", ConnectorBugError),
        ("unauthorized_client", ConnectorBugError),
        ("<script>alert(1)</script>", ConnectorBugError),
    ],
)
def test_errors_of_the_page_are_told_apart(scene: ConsentScene, error: str, kind: type[ClimateFitnessError]) -> None:
    """Each registered error has the answer that a caller can act on; what is not registered is never repeated."""
    query = scene.consent(scene.begin())
    del query["code"]
    said = refused(scene, query | {"error": error, "error_description": "token abc"}, kind)
    assert "script" not in said.sentence()
    assert "abc" not in said.sentence()


def test_code_and_error_together_are_refused(scene: ConsentScene) -> None:
    """An answer that says yes and no is none."""
    refused(scene, scene.consent(scene.begin()) | {"error": "access_denied"}, SecurityError)


def test_less_than_asked_is_kept_and_said(scene: ConsentScene) -> None:
    """A person who unticks a part gets a connection with what they allowed, and is told."""
    scene.allowed = ("usage",)
    row = scene.connect()
    assert row.granted_scope == SCOPE.split(" ")[0]
    assert row.health_said == "You allowed part of what we asked Paged Power for. What is missing there stays empty."


def test_reply_without_scope_means_what_was_asked(scene: ConsentScene) -> None:
    """RFC 6749 section 5.1: a reply that leaves the scope out granted all of it."""
    query = dialled(scene, {"access_token": "a1", "token_type": "bearer", "refresh_token": "r1", "expires_in": 60})
    assert scene.finish(query).granted_scope == SCOPE


def test_reply_without_lifetime_is_used_until_refused(scene: ConsentScene) -> None:
    """Without `expires_in` the token is taken as good, a year later too."""
    scene.quirks.says_lifetime = False
    row = scene.connect()
    assert row.access_expires_at is None
    scene.installation.clock.advance(365 * 86_400)
    tokens = scene.tokens(row.id)
    assert tokens is not None
    assert scene.fresh(row.id) == tokens.access_token


@pytest.mark.parametrize(
    ("said", "life_s"),
    [("3600", 3540), (3600, 3540), (3600.0, 3540), (100, 90), (0, 0), (10**12, None), ("soon", None), (-5, None)],
)
def test_lifetime_is_counted_from_when_it_was_asked(scene: ConsentScene, said: object, life_s: int | None) -> None:
    """A number or its text is a lifetime, less a margin; anything else says nothing."""
    query = dialled(scene, {"access_token": "a1", "token_type": "Bearer", "expires_in": said})
    until = scene.finish(query).access_expires_at
    assert (None if until is None else (until - scene.installation.clock.now()).total_seconds()) == life_s


@pytest.mark.parametrize(
    ("body", "media_type"),
    [
        (b"<?xml version='1.0'?><token><access_token>a</access_token></token>", "application/xml"),
        (b'{"access_token": "a1", "access_token": "a2", "token_type": "Bearer"}', "application/json"),
        (b'{"access_token": "a1", "token_type": "Bearer", "expires_in": NaN}', "application/json"),
        (b'["access_token"]', "application/json"),
        (b"[" * 50_000, "application/json"),
        (b"", "application/json"),
        (b'{"token_type": "Bearer"}', "application/json"),
        (b'{"access_token": "", "token_type": "Bearer"}', "application/json"),
        (b'{"access_token": 17, "token_type": "Bearer"}', "application/json"),
        (b'{"access_token": "a\\r\\nX-Evil: 1", "token_type": "Bearer"}', "application/json"),
        (b'{"access_token": "a1", "token_type": "mac"}', "application/json"),
        (b'{"access_token": "a1", "token_type": "Bearer", "refresh_token": ["r"]}', "application/json"),
        (b'{"access_token": "a1", "token_type": "Bearer", "resourceURI": {"a": 1}}', "application/json"),
        (b'{"access_token": "a1", "token_type": "Bearer", "id_token": "junk"}', "application/json"),
        (b'{"access_token": "' + b"a" * 70_000 + b'", "token_type": "Bearer"}', "application/json"),
        (b'{"access_token": "' + b"a" * 9_000 + b'", "token_type": "Bearer"}', "application/json"),
        (b"\xff\xfe{}", "application/json"),
    ],
)
def test_unreadable_reply_connects_nothing(scene: ConsentScene, body: bytes, media_type: str) -> None:
    """XML, twice the same name, no object, too deep, too large, no token, a token that could not be sent: said, not guessed."""
    error = refused(scene, dialled(scene, body, media_type=media_type), FormatChangedError)
    assert "a1" not in error.sentence()


@pytest.mark.parametrize(
    "say",
    [
        Say(200, b"<!DOCTYPE html><html>", {"content-type": "text/html; charset=utf-8"}),
        Say(403, b"<html>blocked", {"content-type": "text/html"}),
        Say(503, b""),
        Say(502, b"<html>", {"content-type": "text/html"}),
        Say(429, b"{}", {"retry-after": "7"}),
        Say(400, b'{"error": "temporarily_unavailable"}', JSON),
        Say(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\nhalf"),
    ],
)
def test_provider_that_is_away_is_said_so(scene: ConsentScene, say: Say) -> None:
    """A page of an edge, 5xx, 429 or a line that breaks off: nothing is connected, and the person may begin again."""
    query = scene.consent(scene.begin())
    scene.provider.dialled.append(say)
    error = refused(scene, query, TryLaterError)
    assert isinstance(error, TryLaterError)
    assert error.wait_s == (7.0 if say.status == 429 else 60.0)


def test_refused_registration_is_ours_to_mend(scene: ConsentScene) -> None:
    """`invalid_client` is no fault of the person."""
    error = refused(scene, dialled(scene, {"error": "invalid_client"}, 401), ConnectorBugError)
    assert error.got == "status 401 invalid_client"


def test_consent_again_keeps_connection_and_cursor(scene: ConsentScene) -> None:
    """The same connection has new tokens and its old place; answers stay, addresses are the new ones."""
    row = scene.connect()
    before = scene.tokens(row.id)
    with scene.installation.work() as work:
        connections.set_cursor(work.session, row.tenant_id, row.id, "page 7")
        connections.set_state(work.session, row.tenant_id, row.id, ConnectionState.NEEDS_CONSENT)
    old_address = scene.link(row.id)["resourceURI"]
    again = scene.finish(scene.consent(scene.begin(row.id)))
    assert (again.id, again.cursor, again.state, again.created_at) == (row.id, "page 7", ConnectionState.ACTIVE, row.created_at)
    assert scene.tokens(row.id) != before
    assert scene.link(row.id)["resourceURI"] != old_address
    assert len(scene.rows()) == 1


def test_consent_again_that_is_refused_changes_nothing(scene: ConsentScene) -> None:
    """Somebody who says no the second time keeps what they had."""
    row = scene.connect()
    query = scene.consent(scene.begin(row.id), decision="deny")
    with pytest.raises(NeedsConsentError):
        scene.finish(query)
    assert scene.row_of(row.id) == row


def test_consent_for_what_ended_meanwhile_is_given_back(scene: ConsentScene) -> None:
    """A connection that ended while its owner was away stays ended, and the provider gets the new tokens back."""
    row = scene.connect()
    query = scene.consent(scene.begin(row.id))
    with scene.installation.work() as work:
        connections.set_state(work.session, row.tenant_id, row.id, ConnectionState.ENDED)
    with pytest.raises(ConflictError):
        scene.finish(query)
    assert len(scene.forms("/oauth/revoke")) == 1
    assert len(scene.desk.grants()) == 1  # the first one: ending by hand did not tell the provider


def test_lost_role_connects_nothing(scene: ConsentScene) -> None:
    """Somebody who lost their role while they were away changes nothing, and the provider gets the tokens back."""
    query = scene.consent(scene.begin())
    whose = scene.whose
    with scene.installation.work() as work:
        today = scene.installation.clock.now().date()
        held = subjects.memberships_of(work.session, whose.tenant_id, whose.subject_id)[0]
        subjects.end_membership(work.session, whose.tenant_id, held.id, today)
        reader = MembershipRow("m2", whose.tenant_id, scene.account_id, whose.subject_id, Role.READER, today)
        subjects.grant(work.session, reader)
    refused(scene, query, NotFoundError)
    assert scene.desk.grants() == ()


def test_public_client_sends_no_secret(
    kept_installation: Installation, provider: Dialable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A provider that asks for no secret gets our name in the form (RFC 6749 section 3.2.1)."""
    auth = oauth_of(provider.origin, client_auth=ClientAuth.NONE)
    with consent_scene(kept_installation, provider, monkeypatch, auth=auth) as scene:
        register_provider(scene.services, "paged", "public-one", "")
        scene.provider.dialled.append(Say(200, b'{"access_token": "a1", "token_type": "Bearer"}', JSON))
        address = scene.begin()
        state = dict(part.split("=", 1) for part in address.partition("?")[2].split("&"))["state"]
        scene.finish({"state": state, "code": "c", "iss": provider.origin})
        asked = next(one for one in provider.asked if one.path == TOKEN_PATH)
        assert "authorization" not in asked.headers
        assert scene.forms()[0]["client_id"] == "public-one"


def test_id_token_of_another_question_is_refused(scene: ConsentScene) -> None:
    """An id token must carry our nonce, our name and the provider's."""
    claims = {"iss": scene.provider.origin, "aud": "climate-fitness", "nonce": "another"}
    token = ".".join(["e30", urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("="), ""])
    query = dialled(scene, {"access_token": "a1", "token_type": "Bearer", "id_token": token})
    error = refused(scene, query, SecurityError)
    assert error.message == "This answer was made for another question"


def test_address_that_is_kept_is_the_providers_word_only(scene: ConsentScene) -> None:
    """A field that the row does not name is not taken into the link."""
    reply = {"access_token": "a1", "token_type": "Bearer", "resourceURI": "https://x/1", "base_url": "https://evil.example"}
    row = scene.finish(dialled(scene, reply))
    assert scene.link(row.id) == {"resourceURI": "https://x/1"}


def test_answers_are_in_the_link(scene: ConsentScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the person said before they were sent away is there when they come back, sealed."""

    class Asking(PagedMeter):
        @property
        def manifest(self) -> Manifest:
            return replace(super().manifest, questions=(Question("meter", "Meter number", pattern=r"[0-9]{4}"),))

    monkeypatch.setitem(registry._OWN, "paged-meter", Asking(scene.row))  # noqa: SLF001
    row = scene.connect(meter="1234")
    assert scene.link(row.id)["meter"] == "1234"
