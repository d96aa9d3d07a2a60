"""What was set aside comes back once it can be read: from the archive, without asking the provider."""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest

from app.security.outbound import Outbound
from app.services import Whose
from app.store import activities, quarantine
from app.store.quarantine import QuarantineState
from app.usecases.pull_connection import pull_connection
from app.usecases.retry_held import Retried, retry_held
from connectors import registry
from connectors.base import Manifest
from domain.errors import DocumentError
from domain.period import MonthRange
from domain.series import MeterDocument
from tests.app.usecases.dialable import Dialable, PagedMeter, connect, dialable, page_of_day, provider_row
from tests.app.usecases.installation import Installation


class Lenient(PagedMeter):
    """The same connector in a newer version: it knows what "many" is, and reads what had no readings."""

    @property
    def manifest(self) -> Manifest:
        """Another version of the parser: what it read before is read again, too."""
        return replace(super().manifest, parser_version="2")

    def parse(self, body: bytes) -> MeterDocument:
        """As before, with other eyes."""
        return super().parse(body.replace(b'"many"', b"100").replace(b'"data"', b'"readings"'))


@pytest.fixture
def provider(monkeypatch: pytest.MonkeyPatch) -> Iterator[Dialable]:
    """A provider with a bad reading on its first page, and a second page in another shape."""
    with dialable() as made:
        first = json.loads(page_of_day(date(2025, 4, 1), 1))
        first["readings"][3][2] = "many"
        first["readings"][4][2] = "few"
        made.pages = [json.dumps(first).encode(), page_of_day(date(2025, 4, 2), None).replace(b'"readings"', b'"data"')]
        monkeypatch.setitem(registry._OWN, "paged-meter", PagedMeter(provider_row(made.origin)))  # noqa: SLF001 - as installed
        yield made


def test_held_records_and_documents_come_back(
    installation: Installation, household: Whose, provider: Dialable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer parser releases what it can read; the rest stays, with its newest reason; nothing counts twice."""
    connect(installation, household)
    http = Outbound(allowed_local_origins=[provider.origin])
    pull_connection(installation.services, household.tenant_id, "c1", http=http, sleep=installation.clock.advance)
    http.close()
    asked_count = len(provider.asked)

    def watt_hours() -> int:
        with installation.looking() as work:
            months = MonthRange.from_text("2025-04")
            found = activities.monthly_sums(work.session, household.tenant_id, household.subject_id, months)
        return sum(one.quantity_micro for one in found) // 1000

    def retry() -> Retried:
        return retry_held(installation.services, household.tenant_id, "c1")

    assert watt_hours() == 2200
    assert retry() == Retried(documents_count=2, released_count=0, held_count=3)
    assert watt_hours() == 2200
    monkeypatch.setitem(registry._OWN, "paged-meter", Lenient(provider_row(provider.origin)))  # noqa: SLF001 - as installed
    with installation.looking() as work:
        states = {one.state for one in quarantine.of_connection(work.session, household.tenant_id, "c1")}
    assert states == {QuarantineState.RETRIED}
    assert retry() == Retried(documents_count=2, released_count=1, held_count=1)
    assert len(provider.asked) == asked_count
    assert watt_hours() == 2200 + 100 + 2400


def test_reason_is_the_newest_one(installation: Installation, household: Whose, provider: Dialable) -> None:
    """What stays aside says why it does so now."""
    row = connect(installation, household)
    error = DocumentError("Old", expected="a", got="b", record="line 1")
    with installation.work() as work:
        quarantine.hold(
            work.session,
            row.tenant_id,
            row.subject_id,
            "c1",
            [error],
            document_sha256="aa" * 32,
            at=row.created_at,
            new_id=lambda: "q",
        )
        newer = DocumentError("New", expected="a", got="c", record="line 1")
        quarantine.hold_again(work.session, row.tenant_id, "c1", "aa" * 32, newer)
        (held,) = quarantine.of_connection(work.session, row.tenant_id, "c1")
    assert (held.state, json.loads(held.reason_json)["message"]) == (QuarantineState.RETRIED, "New")
    assert replace(held, state=QuarantineState.HELD).record == "line 1"
