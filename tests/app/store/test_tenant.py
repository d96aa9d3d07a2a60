"""No repository shows or changes another tenant's rows."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.store import (
    accounts,
    activities,
    anchors,
    connections,
    consent_requests,
    documents,
    duplicates,
    endings,
    holdings,
    imports,
    jobs,
    ledger,
    periods,
    quarantine,
    records,
    resolutions,
    shares,
    sightings,
    statements,
    subjects,
    sync_runs,
    tables,
    waiting_files,
)
from app.store.connections import ConnectionState, Health, UsagePointRow
from app.store.consent_requests import ConsentRequestRow
from app.store.duplicates import DuplicateRow, DuplicateState
from app.store.endings import RetirementRow, RevocationRow
from app.store.periods import PeriodState
from app.store.quarantine import QuarantineState
from app.store.resolutions import ResolutionRow
from app.store.session import Engine, Session, reading, unit_of_work
from app.store.shares import ShareLinkRow
from app.store.statements import StatementState
from app.store.subjects import MembershipRow, Role, SubjectKeyRow
from app.store.sync_runs import SyncRunRow, SyncState
from app.store.tenant import of_tenant
from app.store.waiting_files import WaitingFileRow
from domain.errors import ConflictError, DocumentError, NotFoundError
from domain.period import Month, MonthRange
from tests.app.store.builders import NOW, Home, make_document, meter_day, record
from tests.app.store.chain import make_batch, make_endorsement, make_statement
from tests.app.store.test_accounts import ACCOUNT, API_KEY, SESSION
from tests.app.store.test_imports import report

NOUNS = (
    accounts,
    activities,
    connections,
    consent_requests,
    documents,
    duplicates,
    endings,
    holdings,
    imports,
    jobs,
    ledger,
    periods,
    quarantine,
    records,
    resolutions,
    shares,
    sightings,
    statements,
    subjects,
    sync_runs,
    waiting_files,
)

# Whatever a function asks for besides the tenant, answered with the first tenant's ids.
ANSWERS: dict[str, Any] = {
    "access_expires_at": NOW,
    "aside_record_id": "rec-1",
    "at": NOW,
    "before": None,
    "besides": ("credit",),
    "but_not": "another",
    "changed_count": 1,
    "changed_months": "2025-03",
    "document_sha256": "aa" * 32,
    "documents_count": 1,
    "duplicate_id": "d1",
    "duplicate_ids": ["d1"],
    "error_code": "",
    "failure_count": 3,
    "from_id": "ada-files",
    "granted_scope": "everything",
    "health": Health.OK,
    "holder": "0x" + "11" * 20,
    "names": ["m"],
    "new_count": 1,
    "parser_version": "another/1",
    "quarantine_id": "q1",
    "record_ids": ["rec-1"],
    "refused": DocumentError("no"),
    "refused_count": 1,
    "run_id": "run-1",
    "said": "other",
    "sealed": b"other",
    "sealed_link": b"other",
    "synced_at": NOW,
    "to_id": "bob-files",
    "until": NOW + timedelta(days=1),
    "account_id": "a1",
    "api_key_id": "k1",
    "attached_sha256s": (),
    "beneficiary_hex": "bb" * 32,
    "basis": "location",
    "connection_id": "ada-files",
    "connector": "green_button",
    "cursor": "",
    "document_id": "ada-aaaa",
    "end": NOW,
    "expected": list(StatementState),
    "factor_id": "ab" * 8,
    "import_id": "ada-1",
    "inputs_sha256": "ef" * 32,
    "inputs": [record("mine", meter_day(date(2025, 3, 2), (1,)))],
    "key": "job-1",
    "key_id": "k1",
    "key_ids": ["k1"],
    "is_whole": False,
    "item_sha256": "cd" * 32,
    "kind": "import",
    "kinds": (),
    "limit_count": 50,
    "manifest_hash_hex": "s1-hash",
    "membership_id": "m1",
    "method": "m/1",
    "month": Month(2025, 3),
    "months": MonthRange.from_text("2025"),
    "new_id": lambda: "new",
    "next_at": NOW,
    "now": NOW,
    "on_date": date(2026, 3, 1),
    "password_hash": "other",
    "payload_json": "{}",
    "period_id": "ada-march",
    "record": record("mine", meter_day(date(2025, 3, 2), (1,))),
    "record_id": "rec-1",
    "record_keys": ["mine"],
    "record_revision_id": "rec-2",
    "record_revision_ids": ["rec-2"],
    "recorded_at": NOW,
    "root_hex": "root",
    "rows": [ResolutionRow("k9", "location", None, (), ())],
    "sealed_tokens": b"other",
    "set_root": "root1",
    "sha256": "aa" * 32,
    "sha256s": {"aa" * 32},
    "start": NOW - timedelta(days=1000),
    "statement_id": "s1",
    "subject_commitment": b"x" * 32,
    "subject_id": "ada",
    "to_date": date(2026, 4, 1),
    "usage_point": "m",
    "waiting_id": "w1",
    "token_id_hex": "root-token",
    "token_sha256": b"t" * 32,
}
SPECIAL: dict[tuple[str, str], Any] = {
    ("connections", "state"): ConnectionState.ENDED,
    ("periods", "state"): PeriodState.CLOSING,
    ("statements", "state"): StatementState.REVOKED,
    ("mark_changed", "months"): [Month(2025, 3)],
    ("decide", "state"): DuplicateState.KEPT,
    ("hold", "refused"): [DocumentError("no")],
    ("quarantine", "state"): QuarantineState.RELEASED,
    ("set_state_of_document", "state"): QuarantineState.RELEASED,
    ("sync_runs", "state"): SyncState.DIED,
}


def functions() -> Iterator[Any]:
    """Every public function of the repositories that is told the tenant."""
    for noun in NOUNS:
        for name, function in inspect.getmembers(noun, inspect.isfunction):
            is_own = function.__module__ == noun.__name__ and not name.startswith("_")
            if is_own and "tenant_id" in inspect.signature(function).parameters:
                yield pytest.param(function, id=f"{noun.__name__.rpartition('.')[2]}.{name}")


def arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """What a function is called with, the tenant and the session apart."""
    noun = function.__module__.rpartition(".")[2]
    named = {}
    for name in inspect.signature(function).parameters:
        if name not in {"session", "tenant_id"}:
            special = SPECIAL.get((noun, name), SPECIAL.get((function.__name__, name)))
            named[name] = ANSWERS[name] if special is None else special
    return named


@pytest.fixture
def filled(engine: Engine, home: Home, other_home: Home) -> Engine:
    """A database in which the first tenant has a row in every table, and the second one a subject only."""
    ids = iter(f"rec-{n}" for n in range(1, 100))
    with unit_of_work(engine) as session:
        make_document(session, home)
        one = record("mine", meter_day(date(2025, 3, 1), (1, 2)), documents=("aa" * 32,))
        records.upsert(session, "ada", "ada", home.connection_id, one, recorded_at=NOW, new_id=lambda: next(ids))
        connections.put_usage_point(session, UsagePointRow("u1", "ada", home.connection_id, "m", "US", "UTC", "feed"))
        imports.add(session, report(home, 1))
        accounts.add(session, ACCOUNT)
        accounts.add_session(session, SESSION)
        accounts.add_api_key(session, API_KEY)
        subjects.put_key(session, SubjectKeyRow("ada", "ada", "kek", b"key"))
        subjects.grant(session, MembershipRow("m1", "ada", "a1", "ada", Role.OWNER, date(2026, 1, 1)))
        statement = make_statement(session, home)
        make_endorsement(session, statement)
        make_batch(session, statement)
        batch = ledger.batch_of(session, "ada", "root")
        anchors.move_root(session, batch, replace(batch, chain_id=9), ledger.outbox_of(session, "ada", "root"))
        endings.add_revocation(session, RevocationRow("root-token", "ada", "s1", "aa" * 32, b"sealed", NOW))
        endings.add_retirement(session, RetirementRow("bb" * 32, "ada", "ada", "token", 2, 5, NOW))
        shares.add(session, ShareLinkRow(b"t" * 32, "ada", "s1", NOW, NOW + timedelta(days=1)))
        jobs.enqueue(session, "ada", "job-1", "import", "{}", now=NOW)
        make_document(session, home, sha256="bb" * 32)
        other = record("other", meter_day(date(2025, 3, 4), (1, 2)), documents=("bb" * 32,))
        records.upsert(session, "ada", "ada", home.connection_id, other, recorded_at=NOW, new_id=lambda: next(ids))
        pair = DuplicateRow("d1", "ada", "ada", "rec-1 rec-3", "same_trip", "rec-3", "rec-1", DuplicateState.MERGED, NOW, NOW)
        duplicates.offer(session, pair)
        quarantine.hold(
            session,
            "ada",
            "ada",
            home.connection_id,
            [DocumentError("no")],
            document_sha256="aa" * 32,
            at=NOW,
            new_id=lambda: "q1",
        )
        waiting_files.add(session, WaitingFileRow("w1", "ada", "ada", b"about", b"body", NOW, NOW + timedelta(days=1)))
        sync_runs.begin(session, SyncRunRow("run-1", "ada", home.connection_id, NOW))
        ends_at = NOW + timedelta(minutes=10)
        consent_requests.add(
            session,
            ConsentRequestRow(
                b"s" * 32, "ada", "a1", b"", "plaid", "p", "ada", "", b"sealed", "https://here/callback", NOW, ends_at
            ),
        )
        resolutions.put(session, "ada", "root1", "m/1", [ResolutionRow("k1", "location", "ab" * 8, (), ())])
    return engine


def rows_of(session: Session, tenant_id: str) -> dict[str, list[Any]]:
    """Every row of a tenant, by table."""
    found = {}
    for table in tables.METADATA.sorted_tables:
        if "tenant_id" in table.c:
            query = select(table).where(table.c.tenant_id == tenant_id).order_by(*table.primary_key.columns)
            found[table.name] = [tuple(row) for row in session.execute(query)]
    return found


def is_nothing(answer: Any) -> bool:  # noqa: ANN401 - whatever a repository answers
    """Whether an answer shows no row: empty, none, zero, zero counts, or a page of nothing."""
    if isinstance(answer, tuple) and answer and all(count == 0 for count in answer):
        return True  # counts of nothing
    if isinstance(answer, holdings.Holdings):
        return answer == holdings.Holdings((), (), ())
    return not getattr(answer, "items", answer) if not isinstance(answer, dict) else not answer


@pytest.mark.parametrize("function", tuple(functions()))
def test_other_tenant_sees_and_changes_nothing(filled: Engine, function: Callable[..., Any]) -> None:
    """Asked by one tenant with another's ids, a repository finds nothing and changes nothing of the other's."""
    with reading(filled) as session:
        before = rows_of(session, "ada")
    with unit_of_work(filled) as session:
        try:
            answer = function(session, tenant_id="bob", **arguments(function))
            answer = list(answer) if inspect.isgenerator(answer) else answer
        except (NotFoundError, ConflictError):
            answer = None
    with reading(filled) as session:
        assert rows_of(session, "ada") == before
    if function is subjects.of_tenant_all:
        assert [one.id for one in answer] == ["bob"]
    else:
        assert is_nothing(answer), answer


def test_first_tenant_has_a_row_everywhere(filled: Engine) -> None:
    """The test above has something to find in every table.

    Apart from idempotency keys, which have tests of their own, and what is the installation's.
    """
    with reading(filled) as session:
        empty = [name for name, rows in rows_of(session, "ada").items() if not rows]
    assert empty == ["chain_signer", "idempotency_key", "provider_client", "provider_rate"]


def test_empty_tenant_is_refused() -> None:
    """A query that forgot its tenant is refused, not answered with everything."""
    with pytest.raises(NotFoundError, match="There is no tenant to look in; expected the id of a root subject; got nothing"):
        of_tenant(select(tables.SUBJECT), tables.SUBJECT, "")
