"""Ending a consent that the utility keeps: DELETE of its address, and every way in which that can go wrong."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from app.demo.providers.rows import UTILITY, rows_of
from app.security.oauth_client import Answer
from app.store import connections, jobs
from app.store.connections import ConnectionRow, ConnectionState
from app.usecases.connection_secrets import open_link, seal_link
from app.usecases.reconnect import Ended, disconnect, revoke_later
from app.usecases.revoke_access import Revocation
from connectors import registry
from connectors.base import OAuth2
from domain.errors import TryLaterError
from tests.app.demo.providers.scene import Scene, scene

TOLD = "Ended. Demo Power & Light was told, and gives us nothing any more."
NOT_TAKEN = "Ended here. Demo Power & Light did not take the access back: you can end it on its own pages."


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Scene]:
    """A utility that listens, without an address for tokens: most have none."""
    with scene(tmp_path / "data") as made:
        rows = rows_of(made.providers)
        (row,) = rows["green-button"]
        assert isinstance(row.auth, OAuth2)
        registry.set_local_providers({**rows, "green-button": (replace(row, auth=replace(row.auth, revoke_url="")),)})
        yield made


@dataclass
class Watched:
    """Sends, and remembers what."""

    at: Scene
    sent: list[tuple[str, str]] = field(default_factory=list)

    def send(self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, max_body_bytes: int) -> Answer:
        """Send."""
        self.sent.append((method, url))
        return self.at.http.send(method, url, headers=headers, body=body, max_body_bytes=max_body_bytes)

    @property
    def methods(self) -> list[str]:
        """What was sent."""
        return [method for method, _ in self.sent]


def end(at: Scene, row: ConnectionRow, watched: Watched | None = None) -> Ended:
    """Disconnect."""
    return disconnect(at.services, at.whose, row.id, send=(watched or Watched(at)).send)


def consents_count(at: Scene) -> int:
    """Consents that hold at the utility."""
    return len(at.utility.consents.grants())


@contextmanager
def dialled(at: Scene, **dials: str) -> Iterator[None]:
    """The utility behaves so for a while."""
    at.utility.quirks.turn(dials)
    yield
    at.utility.quirks.reset()


def payload_of(at: Scene, row: ConnectionRow) -> str:
    """Payload of the job that takes access back."""
    with at.installation.looking() as work:
        job = jobs.by_key(work.session, row.tenant_id, f"revoke/{row.id}")
    assert job is not None
    return job.payload_json


def later(at: Scene, row: ConnectionRow, watched: Watched | None = None) -> Revocation:
    """The job that asks again."""
    return revoke_later(at.services, row.tenant_id, payload_of(at, row), send=(watched or Watched(at)).send)


def set_address(at: Scene, row: ConnectionRow, address: str) -> None:
    """What the token reply said of the consent's address."""
    with at.installation.work() as work:
        link = open_link(work, row) | {"authorizationURI": address}
        connections.set_link(work.session, row.tenant_id, row.id, seal_link(work, at.whose, row.id, link))


@pytest.mark.parametrize("is_relative", ["no", "yes"])
def test_consent_is_deleted(at: Scene, is_relative: str) -> None:
    """The consent is gone at the utility, by one DELETE of the address that came with the tokens."""
    with dialled(at, has_relative_addresses=is_relative):
        row = at.connect(UTILITY)
    watched = Watched(at)
    ended = end(at, row, watched)
    assert (ended.revocation, ended.said, consents_count(at)) == (Revocation.DONE, TOLD, 0)
    ((method, url),) = watched.sent
    assert method == "DELETE"
    assert url.startswith(f"{at.providers.origins['utility']}/espi/1_1/resource/Authorization/")
    after = at.row(row)
    assert (after.state, after.sealed_tokens, after.sealed_link) == (ConnectionState.ENDED, None, None)


def test_token_that_ran_out_is_renewed_first(at: Scene) -> None:
    """An access token that is dead by the clock, or by the utility's word, does not leave the consent standing."""
    row = at.connect(UTILITY)
    at.installation.clock.advance(86_400)
    watched = Watched(at)
    assert end(at, row, watched).revocation is Revocation.DONE
    assert (watched.methods, consents_count(at)) == (["POST", "DELETE"], 0)
    refused = at.connect(UTILITY)
    watched = Watched(at)
    with dialled(at, unauthorized_count="1"):
        assert end(at, refused, watched).revocation is Revocation.DONE
    assert (watched.methods, consents_count(at)) == (["DELETE", "POST", "DELETE"], 0)


def test_utility_that_refuses(at: Scene) -> None:
    """The connection ends here all the same, and the person is told where the consent can be ended."""
    row = at.connect(UTILITY)
    with dialled(at, is_delete_refused="yes"):
        ended = end(at, row)
    assert (ended.revocation, ended.said) == (Revocation.REFUSED, NOT_TAKEN)
    assert (at.row(row).state, at.row(row).sealed_tokens, at.row(row).sealed_link) == (ConnectionState.ENDED, None, None)


def test_consent_that_was_withdrawn_there(at: Scene) -> None:
    """Who has ended it at the utility before is not held up here."""
    row = at.connect(UTILITY)
    with dialled(at, is_revoked="yes"):
        ended = end(at, row)
    assert (ended.revocation, ended.connection.state) == (Revocation.REFUSED, ConnectionState.ENDED)


def test_tokens_are_taken_back_where_the_consent_cannot_be(at: Scene) -> None:
    """A utility that refuses the DELETE and has an address for tokens is given those."""
    registry.set_local_providers(rows_of(at.providers))
    row = at.connect(UTILITY)
    watched = Watched(at)
    with dialled(at, is_delete_refused="yes"):
        assert end(at, row, watched).revocation is Revocation.DONE
    assert (watched.methods, consents_count(at)) == (["DELETE", "POST"], 0)


def test_utility_that_is_away_is_asked_later(at: Scene) -> None:
    """What asks again is kept, sealed, and nothing else of the link; it asks with a token that lives, and all is forgotten."""
    row = at.connect(UTILITY)
    with dialled(at, unavailable_count="2"):
        ended = end(at, row)
        assert ended.revocation is Revocation.LATER
        assert ended.said == "Ended here. Demo Power & Light does not answer just now; it is told as soon as it does."
        with pytest.raises(TryLaterError):
            later(at, row)
    with at.installation.looking() as work:
        assert set(open_link(work, at.row(row))) == {"authorizationURI"}
    assert consents_count(at) == 1
    at.installation.clock.advance(86_400)
    watched = Watched(at)
    assert later(at, row, watched) is Revocation.DONE
    assert (watched.methods, consents_count(at)) == (["DELETE", "POST", "DELETE"], 0)
    after = at.row(row)
    assert (after.sealed_tokens, after.sealed_link, after.health_said) == (None, None, TOLD)


def test_renewed_token_of_an_ended_connection_is_kept_before_it_is_used(at: Scene) -> None:
    """Where the utility goes away between the renewal and the DELETE, the next try does not use a refresh token twice."""
    row = at.connect(UTILITY)
    with dialled(at, unavailable_count="1"):
        end(at, row)
    at.installation.clock.advance(86_400)
    real = at.http.send
    sent: list[str] = []

    def send(method: str, url: str, *, headers: Mapping[str, str], body: bytes, max_body_bytes: int) -> Answer:
        sent.append(method)
        if sent.count("DELETE") == 2:
            return Answer(503, {}, b"")
        return real(method, url, headers=headers, body=body, max_body_bytes=max_body_bytes)

    with pytest.raises(TryLaterError):
        revoke_later(at.services, row.tenant_id, payload_of(at, row), send=send)
    assert sent == ["DELETE", "POST", "DELETE"]
    watched = Watched(at)
    assert later(at, row, watched) is Revocation.DONE
    assert (watched.methods, consents_count(at)) == (["DELETE"], 0)


@pytest.mark.parametrize(
    "address",
    [
        "https://attacker.example/Authorization/1",
        "//attacker.example/Authorization/1",
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:1/Authorization/1",
        "file:///etc/passwd",
        "https://[::1/",
    ],
)
def test_token_goes_to_the_utility_alone(at: Scene, address: str) -> None:
    """An address at another host is not called, whoever wrote it into the reply; nothing is claimed either."""
    row = at.connect(UTILITY)
    set_address(at, row, address)
    watched = Watched(at)
    ended = end(at, row, watched)
    assert (watched.sent, ended.revocation, consents_count(at)) == ([], Revocation.NOTHING, 1)
