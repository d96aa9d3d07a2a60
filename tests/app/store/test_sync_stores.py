"""Consents on their way, our registrations, what is set aside, and runs."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.store import accounts, connections, consent_requests, provider_clients, quarantine, sync_runs
from app.store.accounts import AccountRow
from app.store.connections import ConnectionRow, ConnectionState
from app.store.consent_requests import ConsentRequestRow
from app.store.provider_clients import ProviderClientRow
from app.store.quarantine import QuarantineState
from app.store.session import Engine, Session, unit_of_work
from app.store.sync_runs import SyncRunRow, SyncState
from domain.errors import DocumentError, NotFoundError
from tests.app.store.builders import NOW, Home

SECOND = timedelta(seconds=1)


@pytest.fixture
def connection(engine: Engine, home: Home) -> str:
    """Id of a connection."""
    row = ConnectionRow(
        "c1", "ada", "ada", "plaid", ConnectionState.ACTIVE, is_file=False, cursor="", sealed_tokens=None, created_at=NOW
    )
    with unit_of_work(engine) as session:
        connections.add(session, row)
    return row.id


def test_consent_is_taken_once(engine: Engine, home: Home) -> None:
    """A state works once, and until it expires; whoever comes with another finds nothing."""
    request = ConsentRequestRow(
        b"s" * 32,
        "ada",
        "account",
        b"t" * 32,
        "plaid",
        "demo",
        "ada",
        "",
        b"sealed",
        "https://x/callback",
        NOW,
        NOW + 60 * SECOND,
    )
    with unit_of_work(engine) as session:
        accounts.add(session, AccountRow("account", "ada", "ada", "Ada", "", "self", NOW))
        consent_requests.add(session, request)
        consent_requests.add(session, replace(request, state_sha256=b"o" * 32))
    with unit_of_work(engine) as session:
        assert consent_requests.take(session, b"x" * 32, now=NOW) is None
        assert consent_requests.take(session, b"s" * 32, now=NOW) == request
        assert consent_requests.take(session, b"s" * 32, now=NOW) is None
        assert consent_requests.take(session, b"o" * 32, now=NOW + 60 * SECOND) is None
        consent_requests.add(session, request)
        consent_requests.prune(session, NOW + 60 * SECOND)
        assert consent_requests.take(session, b"s" * 32, now=NOW) is None


def test_registrations(engine: Engine) -> None:
    """One per provider, the newest; sorted."""
    one = ProviderClientRow("coned", "us", b"sealed", NOW)
    with unit_of_work(engine) as session:
        provider_clients.put(session, one)
        provider_clients.put(session, replace(one, client_id="us-2"))
        provider_clients.put(session, replace(one, provider="bank"))
        assert provider_clients.of_provider(session, "coned") == replace(one, client_id="us-2")
        assert [row.provider for row in provider_clients.all_registered(session)] == ["bank", "coned"]
        provider_clients.remove(session, "coned")
        assert provider_clients.of_provider(session, "coned") is None


def hold(session: Session, *records: str, sha256: str = "aa" * 32, is_whole: bool = False) -> None:
    """Set records aside."""
    refused = [DocumentError("No amount", expected="an amount", got="", record=record) for record in records]
    ids = iter(f"{sha256[:2]} {record}" for record in records)
    quarantine.hold(
        session, "ada", "ada", "c1", refused, document_sha256=sha256, at=NOW, new_id=lambda: next(ids), is_whole=is_whole
    )


def test_quarantine_holds_a_record_once(engine: Engine, connection: str) -> None:
    """The same record of the same document is held once; released ones are no longer shown; others stay."""
    with unit_of_work(engine) as session:
        hold(session, "line 3", "line 5")
        hold(session, "line 3", "line 3")
        hold(session, "line 3", sha256="bb" * 32, is_whole=True)
        assert quarantine.held_count(session, "ada", "c1") == 3
        rows = quarantine.of_connection(session, "ada", "c1")
        assert sorted((one.document_sha256[:2], one.record) for one in rows) == [("aa", "line 3"), ("aa", "line 5"), ("bb", "")]
        quarantine.set_state_of_document(session, "ada", "c1", "aa" * 32, QuarantineState.RELEASED)
        assert [one.record for one in quarantine.of_connection(session, "ada", "c1")] == [""]
        found = quarantine.by_id(session, "ada", "bb line 3")
        assert '"message":"No amount"' in found.reason_json
        with pytest.raises(NotFoundError):
            quarantine.by_id(session, "bob", "bb line 3")
        quarantine.remove_of_connection(session, "ada", "c1")
        assert quarantine.held_count(session, "ada", "c1") == 0


def test_quarantine_is_bounded(engine: Engine, connection: str) -> None:
    """A document with more bad records than anybody reads is held up to a bound."""
    with unit_of_work(engine) as session:
        hold(session, *(f"line {number}" for number in range(quarantine.MOST_HELD_COUNT + 5)))
        assert quarantine.held_count(session, "ada", "c1") == quarantine.MOST_HELD_COUNT


def test_runs_of_a_connection(engine: Engine, connection: str) -> None:
    """Counts add up while it runs; a run that never ended has died when the next one begins; old ones are forgotten."""
    with unit_of_work(engine) as session:
        sync_runs.begin(session, SyncRunRow("r0", "ada", "c1", NOW))
        for _ in range(2):
            sync_runs.add_counts(session, "ada", "r0", documents_count=1, new_count=24, changed_count=2, refused_count=0)
        found = sync_runs.by_id(session, "ada", "r0")
        assert (found.documents_count, found.new_count, found.changed_count, found.state) == (2, 48, 4, SyncState.RUNNING)
        sync_runs.begin(session, SyncRunRow("r1", "ada", "c1", NOW + SECOND))
        assert sync_runs.by_id(session, "ada", "r0").state is SyncState.DIED
        sync_runs.end(session, "ada", "r1", SyncState.DONE, at=NOW + 2 * SECOND, said="Up to date.")
        assert sync_runs.by_id(session, "ada", "r1").said == "Up to date."
        for number in range(2, sync_runs.KEPT_COUNT + 5):
            sync_runs.begin(session, SyncRunRow(f"r{number}", "ada", "c1", NOW + number * SECOND))
        rows = sync_runs.of_connection(session, "ada", "c1", limit_count=1000)
        assert sync_runs.KEPT_COUNT <= len(rows) <= sync_runs.KEPT_COUNT + 1
        assert rows[0].id == f"r{sync_runs.KEPT_COUNT + 4}"
        with pytest.raises(NotFoundError):
            sync_runs.by_id(session, "bob", rows[0].id)
        sync_runs.remove_of_connection(session, "ada", "c1")
        assert sync_runs.of_connection(session, "ada", "c1") == ()
