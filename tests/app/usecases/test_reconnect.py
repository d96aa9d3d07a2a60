"""Pausing, going on, and ending a connection, also where the provider is away."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.demo.providers.oauth import REVOKE_PATH
from app.jobs.bodies import bodies_of
from app.store import activities, connections, documents, holdings, jobs, quarantine, statements
from app.store.connections import ConnectionState, Health
from app.store.jobs import JobState
from app.usecases.close_period import close_period
from app.usecases.connection_secrets import Tokens, seal_link
from app.usecases.pull_connection import pull_connection
from app.usecases.reconnect import (
    LONGEST_REVOKING,
    Ended,
    disconnect,
    pause_connection,
    resume_connection,
    revoke_later,
    start_reconnect,
)
from app.usecases.register_provider import register_provider
from app.usecases.revoke_access import Revocation
from connectors import registry
from domain.errors import ConflictError, NeedsConsentError, NotFoundError, TryLaterError
from domain.period import MonthRange
from tests.app.usecases.consent import ConsentScene, kept_installation, oauth_of, provider, scene
from tests.app.usecases.dialable import Asked, PagedMeter, Say, pages_of_days

__all__ = ["kept_installation", "provider", "scene"]

JSON = {"content-type": "application/json"}


def end(scene: ConsentScene, connection_id: str, *, keep_data: bool = True) -> Ended:
    """Disconnect."""
    return disconnect(scene.services, scene.whose, connection_id, keep_data=keep_data, send=scene.http.send)


@contextmanager
def away(scene: ConsentScene) -> Iterator[None]:
    """The provider answers 503 to everything."""
    answer = scene.provider.answer
    scene.provider.answer = lambda _asked: Say(503)
    yield
    scene.provider.answer = answer


def payload_of(scene: ConsentScene, connection_id: str) -> str:
    """Payload of the job that takes access back."""
    with scene.installation.looking() as work:
        job = jobs.by_key(work.session, scene.whose.tenant_id, f"revoke/{connection_id}")
    assert job is not None
    return job.payload_json


def test_pause_asks_for_nothing_and_resume_goes_on(scene: ConsentScene) -> None:
    """A paused connection is not due, keeps tokens and cursor, and is due at once when it goes on."""
    row = scene.connect()
    with scene.installation.work() as work:
        connections.set_cursor(work.session, row.tenant_id, row.id, "page 3")
        paused = pause_connection(work, scene.whose, row.id)
        due = connections.due(work.session, scene.installation.clock.now(), limit_count=1000)
    assert (paused.state, paused.health, paused.health_said) == (ConnectionState.PAUSED, Health.PAUSED, "Paused by you.")
    assert row.id not in [one.id for one in due]
    with scene.installation.work() as work:
        again = resume_connection(work, scene.whose, row.id)
    assert (again.state, again.cursor, again.next_at) == (ConnectionState.ACTIVE, "page 3", scene.installation.clock.now())
    assert again.sealed_tokens == row.sealed_tokens


def test_resume_does_not_hide_a_missing_consent(scene: ConsentScene) -> None:
    """A connection that needs consent is not made active by going on."""
    row = scene.connect()
    with scene.installation.work() as work:
        connections.set_state(work.session, row.tenant_id, row.id, ConnectionState.NEEDS_CONSENT)
        assert resume_connection(work, scene.whose, row.id).state is ConnectionState.NEEDS_CONSENT


def test_end_takes_access_back(scene: ConsentScene) -> None:
    """The provider is told with the refresh token, which ends everything; tokens and link are gone here."""
    row = scene.connect()
    tokens = scene.tokens(row.id)
    assert tokens is not None
    ended = end(scene, row.id)
    assert scene.forms(REVOKE_PATH) == [{"token": tokens.refresh_token, "token_type_hint": "refresh_token"}]
    assert not scene.is_good(tokens.access_token)
    assert ended.revocation is Revocation.DONE
    assert ended.said == "Ended. Paged Power was told, and gives us nothing any more."
    after = scene.row_of(row.id)
    assert (after.state, after.health, after.next_at) == (ConnectionState.ENDED, Health.ENDED, None)
    assert (after.sealed_tokens, after.sealed_link) == (None, None)


def test_end_twice_is_once(scene: ConsentScene) -> None:
    """Ending what has ended changes nothing and asks nobody."""
    row = scene.connect()
    end(scene, row.id)
    assert end(scene, row.id).revocation is Revocation.NOTHING
    assert len(scene.forms(REVOKE_PATH)) == 1


def test_provider_that_is_away_is_told_later(scene: ConsentScene) -> None:
    """The connection ends here at once, the person is told, and a job asks until the provider answers."""
    row = scene.connect()
    tokens = scene.tokens(row.id)
    assert tokens is not None
    with away(scene):
        ended = end(scene, row.id)
        assert ended.revocation is Revocation.LATER
        assert ended.said == "Ended here. Paged Power does not answer just now; it is told as soon as it does."
        with pytest.raises(TryLaterError):
            revoke_later(scene.services, row.tenant_id, payload_of(scene, row.id), send=scene.http.send)
    assert scene.is_good(tokens.access_token)
    assert scene.row_of(row.id).sealed_tokens is not None
    assert revoke_later(scene.services, row.tenant_id, payload_of(scene, row.id), send=scene.http.send) is Revocation.DONE
    assert not scene.is_good(tokens.access_token)
    after = scene.row_of(row.id)
    assert (after.sealed_tokens, after.health_said) == (None, "Ended. Paged Power was told, and gives us nothing any more.")


def test_token_of_an_ended_connection_asks_for_no_data(scene: ConsentScene) -> None:
    """While the provider is away the kept token serves revocation alone."""
    row = scene.connect()
    with away(scene):
        end(scene, row.id)
    with pytest.raises(NeedsConsentError):
        scene.fresh(row.id, because_refused="x")


def test_provider_that_stays_away_is_given_up(scene: ConsentScene) -> None:
    """After thirty days the tokens are destroyed, and the person is told where to end it."""
    row = scene.connect()
    with away(scene):
        end(scene, row.id)
        scene.installation.clock.advance((LONGEST_REVOKING + timedelta(seconds=1)).total_seconds())
        assert revoke_later(scene.services, row.tenant_id, payload_of(scene, row.id), send=scene.http.send) is Revocation.REFUSED
    after = scene.row_of(row.id)
    assert after.sealed_tokens is None
    assert after.health_said == "Ended here. Paged Power did not take the access back: you can end it on its own pages."


def test_the_queue_knows_the_job(scene: ConsentScene) -> None:
    """The job that is asked for has a body."""
    row = scene.connect()
    with away(scene):
        end(scene, row.id)
    assert "revoke" in bodies_of(scene.services)
    with scene.installation.looking() as work:
        assert scene.services.queue.counts(work.session)[JobState.TODO] >= 1


def test_provider_that_refuses_does_not_hold_the_connection(scene: ConsentScene) -> None:
    """A registration that is gone there ends the connection here all the same."""
    row = scene.connect()
    register_provider(scene.services, "paged", "climate-fitness", "another secret")
    ended = end(scene, row.id)
    assert (ended.revocation, ended.connection.state) == (Revocation.REFUSED, ConnectionState.ENDED)


def test_ended_connection_is_not_started_again(scene: ConsentScene) -> None:
    """Pause, going on and consenting again need a connection that lives."""
    row = scene.connect()
    end(scene, row.id)
    with scene.installation.work() as work:
        with pytest.raises(ConflictError):
            pause_connection(work, scene.whose, row.id)
        with pytest.raises(ConflictError):
            resume_connection(work, scene.whose, row.id)
        with pytest.raises(ConflictError):
            start_reconnect(work, scene.account_id, scene.whose, row.id, {}, redirect_uri="x")


def test_connection_of_another_subject_is_not_there(scene: ConsentScene) -> None:
    """Whoever names somebody else's connection finds none."""
    row = scene.connect()
    other = scene.installation.household("Bob")
    with pytest.raises(NotFoundError):
        disconnect(scene.services, other, row.id, send=scene.http.send)
    assert scene.row_of(row.id) == row


def take_good_tokens(scene: ConsentScene, connection_id: str) -> None:
    """Have the provider give its pages for this connection's token."""
    tokens = scene.tokens(connection_id)
    assert isinstance(tokens, Tokens)
    scene.provider.good_tokens = {f"Bearer {tokens.access_token}"}


def test_data_stay_unless_they_are_to_go(scene: ConsentScene) -> None:
    """Ending keeps what was obtained; deleting it takes records, originals and what was set aside, and marks the month."""
    scene.provider.pages = pages_of_days(date(2025, 4, 1), 2)
    row = scene.connect()
    take_good_tokens(scene, row.id)
    pull_connection(scene.services, row.tenant_id, row.id, http=scene.http, sleep=scene.installation.clock.advance)
    with scene.installation.work() as work:
        closed = close_period(work, scene.whose, MonthRange.from_text("2025-04"), reason="")
    with scene.installation.looking() as work:
        found = holdings.of_connection(work.session, row.tenant_id, row.id)
        stored = [one.stored_sha256 for one in found.documents]
    assert (len(found.documents), found.statement_ids, [str(one) for one in found.months]) == (2, (closed.id,), ["2025-04"])
    ended = end(scene, row.id, keep_data=False)
    assert (ended.records_count, ended.documents_count, [str(one) for one in ended.months]) == (2, 2, ["2025-04"])
    assert ended.said.endswith("What came through it was deleted.")
    with scene.installation.looking() as work:
        assert documents.of_subject(work.session, row.tenant_id, row.subject_id) == ()
        months = MonthRange.from_text("2025-04")
        assert not tuple(activities.monthly_sums(work.session, row.tenant_id, row.subject_id, months))
        assert quarantine.of_connection(work.session, row.tenant_id, row.id) == ()
        assert all(one.leaf is None for one in statements.inputs_of(work.session, row.tenant_id, closed.id))
        assert statements.by_id(work.session, row.tenant_id, closed.id).totals == closed.totals
    archive = scene.services.settings.data_folder / "archive"
    assert not [path for path in archive.rglob("*") if path.name in stored]


def test_data_of_other_connections_stay(scene: ConsentScene) -> None:
    """Deleting what came through one connection leaves what came through another one."""
    scene.provider.pages = pages_of_days(date(2025, 4, 1), 1)
    one, other = scene.connect(), scene.connect()
    with scene.installation.work() as work:
        link = seal_link(work, scene.whose, other.id, {"meter": "m2"})
        connections.set_link(work.session, other.tenant_id, other.id, link)
    for row in (one, other):
        take_good_tokens(scene, row.id)
        pull_connection(scene.services, row.tenant_id, row.id, http=scene.http, sleep=scene.installation.clock.advance)
    ended = end(scene, one.id, keep_data=False)
    assert (ended.records_count, ended.documents_count) == (1, 1)
    with scene.installation.looking() as work:
        left = documents.of_subject(work.session, one.tenant_id, one.subject_id)
        assert [row.id for row in left] == [
            row.id for row in holdings.of_connection(work.session, other.tenant_id, other.id).documents
        ]


def test_provider_without_revocation_is_said(scene: ConsentScene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a provider has no address for it, nothing is sent, and nothing is claimed."""
    row = scene.connect()
    plain = replace(scene.row, auth=oauth_of(scene.provider.origin, revoke_url=""))
    monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(plain))  # noqa: SLF001
    asked: list[Asked] = list(scene.provider.asked)
    assert end(scene, row.id).said == "Ended. We have forgotten how to ask Paged Power."
    assert scene.provider.asked == asked
