"""Tokens are renewed once, kept before they are used, and never asked for blindly again."""

import json
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from app.demo.providers.oauth import TOKEN_PATH
from app.demo.providers.wire import Request
from app.security.outbound import Outbound
from app.store import connections
from app.store.connections import ConnectionState
from app.store.session import engine_of, upgrade
from app.usecases.connection_secrets import Rotation, Tokens
from app.usecases.reconnect import disconnect
from app.usecases.renew_access import LEASE, fresh_access_token
from app.usecases.revoke_access import Revocation
from domain.errors import (
    ClimateFitnessError,
    ConnectorBugError,
    FormatChangedError,
    NeedsConsentError,
    SecurityError,
    TryLaterError,
)
from tests.app.usecases.consent import SCOPE, ConsentScene, consent_scene, kept_installation, provider, scene
from tests.app.usecases.dialable import Asked, Dialable, Say
from tests.app.usecases.installation import Installation
from tests.conftest import REPOSITORY

__all__ = ["kept_installation", "provider", "scene"]

JSON = {"content-type": "application/json"}


def grow_old(scene: ConsentScene) -> None:
    """Let every access token run out."""
    scene.installation.clock.advance(3_600)


def tokens_of(scene: ConsentScene, connection_id: str) -> Tokens:
    """The stored tokens, which are there."""
    found = scene.tokens(connection_id)
    assert found is not None
    return found


def refreshes(scene: ConsentScene) -> int:
    """How often the provider was asked for new tokens."""
    return sum(one["grant_type"] == "refresh_token" for one in scene.forms())


def test_young_token_is_used_without_asking(scene: ConsentScene) -> None:
    """As long as it lives, the stored token is given, and the provider is not asked."""
    row = scene.connect()
    scene.installation.clock.advance(3_539)
    assert scene.fresh(row.id) == tokens_of(scene, row.id).access_token
    assert refreshes(scene) == 0


def test_token_is_renewed_a_minute_early(scene: ConsentScene) -> None:
    """Clocks that differ by less than a minute lose no request."""
    row = scene.connect()
    old = tokens_of(scene, row.id)
    scene.installation.clock.advance(3_540)
    token = scene.fresh(row.id)
    new = tokens_of(scene, row.id)
    assert (token, new.rotation) == (new.access_token, Rotation.YES)
    assert token != old.access_token
    assert new.refresh_token != old.refresh_token
    assert scene.is_good(token)
    assert scene.forms()[-1] == {"grant_type": "refresh_token", "refresh_token": old.refresh_token}


def test_refused_token_is_renewed_while_it_seems_young(scene: ConsentScene) -> None:
    """The provider's word counts more than our clock."""
    row = scene.connect()
    old = tokens_of(scene, row.id).access_token
    assert scene.fresh(row.id, because_refused=old) != old


def test_token_that_another_renewed_meanwhile_is_taken(scene: ConsentScene) -> None:
    """Who was refused with the old token gets the new one, without asking again."""
    row = scene.connect()
    old = tokens_of(scene, row.id).access_token
    new = scene.fresh(row.id, because_refused=old)
    assert scene.fresh(row.id, because_refused=old) == new
    assert refreshes(scene) == 1


def test_provider_that_does_not_rotate_is_remembered(scene: ConsentScene) -> None:
    """A refresh token that comes back as it was, or not at all, is kept and known to be repeatable."""
    scene.quirks.rotates_refresh = False
    row = scene.connect()
    old = tokens_of(scene, row.id)
    grow_old(scene)
    scene.fresh(row.id)
    assert tokens_of(scene, row.id) == replace(old, access_token=tokens_of(scene, row.id).access_token, rotation=Rotation.NO)
    grow_old(scene)
    scene.provider.dialled.append(Say(200, b'{"access_token": "next", "token_type": "Bearer"}', JSON))
    assert scene.fresh(row.id) == "next"
    assert tokens_of(scene, row.id).refresh_token == old.refresh_token
    assert scene.row_of(row.id).access_expires_at is None


def test_narrower_scope_of_a_renewal_is_kept(scene: ConsentScene) -> None:
    """What the provider takes away later is written down."""
    row = scene.connect()
    grow_old(scene)
    body = {"access_token": "n", "token_type": "Bearer", "scope": "less", "resourceURI": "https://new/1"}
    scene.provider.dialled.append(Say(200, json.dumps(body).encode(), JSON))
    scene.fresh(row.id)
    assert scene.row_of(row.id).granted_scope == "less"
    assert scene.link(row.id)["resourceURI"] == "https://new/1"
    assert row.granted_scope == SCOPE


def test_new_token_is_committed_before_it_is_used(scene: ConsentScene) -> None:
    """When the caller has the token, any other transaction sees it sealed in the database."""
    row = scene.connect()
    grow_old(scene)
    token = scene.fresh(row.id)
    after = scene.row_of(row.id)
    assert (tokens_of(scene, row.id).access_token, after.refresh_until) == (token, None)


def test_two_threads_renew_once(scene: ConsentScene) -> None:
    """Ten threads that need a token at once ask the provider once, and all get the same."""
    row = scene.connect()
    grow_old(scene)
    answer = scene.provider.answer

    def slowly(asked: Asked) -> Say:
        threading.Event().wait(0.3)
        return answer(asked)

    scene.provider.answer = slowly
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(scene.fresh(row.id))) for _ in range(10)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert found == [tokens_of(scene, row.id).access_token] * 10
    assert refreshes(scene) == 1


def test_two_threads_renew_once_on_postgresql(
    tmp_path: Path, postgres_url: str, provider: Dialable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same with rows that are locked one by one."""
    installation = Installation.open(tmp_path / "data")
    sqlite, engine = installation.services.engine, engine_of(postgres_url)
    upgrade(engine)
    installation.services = replace(installation.services, engine=engine)
    try:
        with consent_scene(installation, provider, monkeypatch) as scene:
            row = scene.connect()
            grow_old(scene)
            found: list[str] = []
            threads = [threading.Thread(target=lambda: found.append(scene.fresh(row.id))) for _ in range(4)]
            for one in threads:
                one.start()
            for one in threads:
                one.join()
            assert found == [tokens_of(scene, row.id).access_token] * 4
            assert refreshes(scene) == 1
            ended = disconnect(scene.services, scene.whose, row.id, keep_data=False, send=scene.http.send)
            assert ended.revocation is Revocation.DONE
    finally:
        sqlite.dispose()
        engine.dispose()


def test_two_processes_renew_once(scene: ConsentScene) -> None:
    """Three other processes and this one need a token at once: one refresh, one token, and the consent lives."""
    row = scene.connect()
    grow_old(scene)
    at = scene.installation.clock.now().isoformat()
    folder = str(scene.services.settings.data_folder)
    command = [sys.executable, "-m", "tests.app.usecases.renew_child", folder, scene.provider.origin, row.tenant_id, row.id, at]
    children = [
        subprocess.Popen(command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    outputs = [one.stdout for one in children]
    for out in outputs:
        assert out is not None
        while "ready" not in out.readline():
            pass
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    own = scene.fresh(row.id)
    found = [child.communicate(timeout=60)[0].strip() for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert found == [own] * 3
    assert refreshes(scene) == 1
    assert scene.is_good(own)


def test_others_are_sent_away_after_a_while(scene: ConsentScene) -> None:
    """Who waits too long for somebody else's renewal comes back later; nobody renews beside it."""
    row = scene.connect()
    grow_old(scene)
    now = scene.installation.clock.now()
    with scene.installation.work() as work:
        connections.claim_refresh(work.session, row.tenant_id, row.id, now=now, until=now + LEASE)
    with pytest.raises(TryLaterError) as caught:
        scene.fresh(row.id, patience_s=0.2)
    assert caught.value.message == "Somebody else is renewing this consent"
    assert refreshes(scene) == 0


def test_lost_answer_asks_the_person(scene: ConsentScene) -> None:
    """The provider renewed and the line broke: the old token is never sent again, and the person is asked."""
    row = scene.connect()
    grow_old(scene)
    scene.quirks.lost_refresh_count = 1
    with pytest.raises(NeedsConsentError) as caught:
        scene.fresh(row.id)
    assert caught.value.next_step == "Connect the account again: one click, and it goes on where it was."
    with pytest.raises(NeedsConsentError):
        scene.fresh(row.id)
    assert refreshes(scene) == 1
    assert tokens_of(scene, row.id).refresh_token == ""
    assert scene.row_of(row.id).refresh_until is None


def test_lost_answer_of_a_provider_without_rotation_is_waited_for(scene: ConsentScene) -> None:
    """Where the last renewal left the refresh token as it was, asking again is harmless: nobody is bothered."""
    scene.quirks.rotates_refresh = False
    row = scene.connect()
    grow_old(scene)
    scene.fresh(row.id)
    grow_old(scene)
    scene.quirks.lost_refresh_count = 1
    with pytest.raises(TryLaterError):
        scene.fresh(row.id)
    assert scene.is_good(scene.fresh(row.id))


def test_consent_after_a_lost_answer_goes_on(scene: ConsentScene) -> None:
    """One click after a lost answer, and the same connection works."""
    row = scene.connect()
    grow_old(scene)
    scene.quirks.lost_refresh_count = 1
    with pytest.raises(NeedsConsentError):
        scene.fresh(row.id)
    again = scene.finish(scene.consent(scene.begin(row.id)))
    assert again.id == row.id
    assert scene.is_good(scene.fresh(row.id))


def test_process_that_died_while_renewing_asks_the_person(scene: ConsentScene) -> None:
    """A lease that ran out means that the answer may be lost: the old refresh token is not sent again."""
    row = scene.connect()
    grow_old(scene)
    now = scene.installation.clock.now()
    with scene.installation.work() as work:
        connections.claim_refresh(work.session, row.tenant_id, row.id, now=now, until=now + LEASE)
    scene.installation.clock.advance((LEASE + timedelta(seconds=1)).total_seconds())
    with pytest.raises(NeedsConsentError):
        scene.fresh(row.id)
    assert refreshes(scene) == 0
    assert tokens_of(scene, row.id).refresh_token == ""


def test_withdrawn_consent_asks_the_person(scene: ConsentScene) -> None:
    """`invalid_grant` ends it: the token is dropped, and the provider is not asked again."""
    row = scene.connect()
    grow_old(scene)
    scene.quirks.is_revoked = True
    for _ in range(2):
        with pytest.raises(NeedsConsentError):
            scene.fresh(row.id)
    assert refreshes(scene) == 1


def test_copied_refresh_token_ends_the_family(scene: ConsentScene) -> None:
    """A thief uses a refresh token first: ours is refused as reused, the thief's tokens die too, and the person is asked."""
    row = scene.connect()
    body = f"grant_type=refresh_token&refresh_token={tokens_of(scene, row.id).refresh_token}&client_id=climate-fitness"
    stolen = scene.desk.answer(Request("POST", TOKEN_PATH, {}, {}, f"{body}&client_secret=s3cr3t-of-ours-1234567890".encode()))
    assert stolen is not None
    thief = json.loads(stolen.body)["access_token"]
    assert scene.is_good(thief)
    grow_old(scene)
    with pytest.raises(NeedsConsentError):
        scene.fresh(row.id)
    assert not scene.is_good(thief)


@pytest.mark.parametrize(
    ("say", "kind"),
    [
        (Say(503), TryLaterError),
        (Say(500, b'{"error": "server_error"}', JSON), TryLaterError),
        (Say(429, b"{}", {"retry-after": "90"}), TryLaterError),
        (Say(200, b"<!DOCTYPE html><html>maintenance", {"content-type": "text/html"}), TryLaterError),
        (Say(403, b"<html>blocked", {"content-type": "text/html"}), TryLaterError),
        (Say(401, b'{"error": "invalid_client"}', JSON), ConnectorBugError),
        (Say(400, b'{"error": "invalid_request"}', JSON), ConnectorBugError),
    ],
)
def test_not_now_keeps_the_refresh_token(scene: ConsentScene, say: Say, kind: type[ClimateFitnessError]) -> None:
    """A provider that is away or does not know our registration costs nobody their consent."""
    row = scene.connect()
    grow_old(scene)
    scene.provider.dialled.append(say)
    with pytest.raises(kind):
        scene.fresh(row.id)
    assert scene.row_of(row.id).refresh_until is None
    assert scene.is_good(scene.fresh(row.id))


@pytest.mark.parametrize(
    "say",
    [
        Say(200, b"<token/>", {"content-type": "application/xml"}),
        Say(200, b'{"access_token": "a", "access_token": "b", "token_type": "Bearer"}', JSON),
        Say(200, b'{"access_token": "' + b"a" * 100_000, JSON),
        Say(200, b"{}", JSON),
        Say(raw=b"HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{"),
    ],
)
def test_unreadable_grant_is_a_lost_answer(scene: ConsentScene, say: Say) -> None:
    """A grant that cannot be read may have used the old token up: the person is asked."""
    row = scene.connect()
    grow_old(scene)
    scene.provider.dialled.append(say)
    with pytest.raises(NeedsConsentError):
        scene.fresh(row.id)
    assert tokens_of(scene, row.id).refresh_token == ""


def test_unreadable_grant_without_rotation_is_a_changed_format(scene: ConsentScene) -> None:
    """Where asking again is harmless, the fault is named for what it is."""
    scene.quirks.rotates_refresh = False
    row = scene.connect()
    grow_old(scene)
    scene.fresh(row.id)
    grow_old(scene)
    scene.provider.dialled.append(Say(200, b"[]", JSON))
    with pytest.raises(FormatChangedError):
        scene.fresh(row.id)
    assert scene.is_good(scene.fresh(row.id))


def test_request_that_never_left_keeps_the_refresh_token(scene: ConsentScene) -> None:
    """Nobody listens there: the token was not used."""
    row = scene.connect()
    grow_old(scene)
    nowhere = Outbound(allowed_local_origins=("http://127.0.0.1:1",))

    def lost(method: str, _url: str, **more: object) -> object:
        return nowhere.send(method, "http://127.0.0.1:1/token", **more)  # type: ignore[arg-type]  # passes on what it was given

    with pytest.raises(TryLaterError):
        fresh_access_token(scene.services, row, send=lost)  # type: ignore[arg-type]  # as above
    assert scene.is_good(scene.fresh(row.id))
    nowhere.close()


def test_address_that_must_not_be_called_keeps_the_refresh_token(scene: ConsentScene) -> None:
    """A token endpoint in a private network is refused before anything is sent, and frees the turn."""
    row = scene.connect()
    grow_old(scene)
    careful = Outbound()
    with pytest.raises(SecurityError):
        fresh_access_token(scene.services, row, send=careful.send)
    assert scene.row_of(row.id).refresh_until is None
    assert scene.is_good(scene.fresh(row.id))
    careful.close()


def test_clock_that_runs_ahead_only_renews_early(scene: ConsentScene) -> None:
    """A day ahead of the provider the token is renewed, and then used: nothing is asked of the person."""
    row = scene.connect()
    scene.installation.clock.advance(86_400)
    assert scene.is_good(scene.fresh(row.id))
    assert refreshes(scene) == 1


def test_connection_without_refresh_token_asks_the_person(scene: ConsentScene) -> None:
    """A provider that gives none has to be asked through the person each time."""
    query = scene.consent(scene.begin())
    scene.provider.dialled.append(Say(200, b'{"access_token": "a1", "token_type": "Bearer", "expires_in": 60}', JSON))
    row = scene.finish(query)
    scene.installation.clock.advance(60)
    with pytest.raises(NeedsConsentError) as caught:
        scene.fresh(row.id)
    assert caught.value.message == "Paged Power wants to be asked again"


def test_ended_connection_gives_no_token(scene: ConsentScene) -> None:
    """After the end nothing can be asked, whatever a worker still holds."""
    row = scene.connect()
    with scene.installation.work() as work:
        connections.set_state(work.session, row.tenant_id, row.id, ConnectionState.ENDED)
    with pytest.raises(NeedsConsentError) as caught:
        scene.fresh(row.id)
    assert caught.value.message == "This connection has ended"


def test_end_while_renewing_gives_the_new_token_back(scene: ConsentScene) -> None:
    """Somebody disconnects while a worker renews: the tokens that come are kept nowhere, and the provider gets them back."""
    row = scene.connect()
    grow_old(scene)
    answer = scene.provider.answer

    def meanwhile(asked: Asked) -> Say:
        said = answer(asked)
        if asked.path == TOKEN_PATH:
            with scene.installation.work() as work:
                connections.set_state(work.session, row.tenant_id, row.id, ConnectionState.ENDED)
        return said

    scene.provider.answer = meanwhile
    with pytest.raises(NeedsConsentError):
        scene.fresh(row.id)
    assert scene.tokens(row.id) is None
    assert scene.desk.grants() == ()


def test_consent_while_renewing_wins(scene: ConsentScene) -> None:
    """Tokens of a new consent are not overwritten by a renewal of the old one."""
    row = scene.connect()
    grow_old(scene)
    query = scene.consent(scene.begin(row.id))
    answer = scene.provider.answer

    def meanwhile(asked: Asked) -> Say:
        said = answer(asked)
        if b"refresh_token" in asked.body and asked.path == TOKEN_PATH:
            scene.provider.answer = answer
            scene.finish(query)
        return said

    scene.provider.answer = meanwhile
    with pytest.raises(TryLaterError):
        scene.fresh(row.id)
    assert scene.is_good(scene.fresh(row.id))
    assert refreshes(scene) == 1


def test_tokens_of_another_connection_do_not_open(scene: ConsentScene) -> None:
    """Sealed tokens that were moved to another row are refused, not used."""
    one, other = scene.connect(), scene.connect()
    with scene.installation.work() as work:
        connections.set_sealed_tokens(work.session, other.tenant_id, other.id, one.sealed_tokens)
    with pytest.raises(SecurityError):
        scene.fresh(other.id)
