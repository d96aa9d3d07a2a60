"""A meter that is uploaded and pulled, a trip that two consents tell: one record each, counted once, and an auditor agrees."""

import json
from datetime import date

import pytest

from app.chain import ChainDesk
from app.services import Whose
from app.store import activities, connections, records
from app.store.connections import ConnectionRow, ConnectionState
from app.store.statements import StatementState
from app.usecases.import_document import import_document
from app.usecases.import_report import ImportReport
from app.usecases.keep_original import Received
from app.usecases.reconnect import disconnect
from domain.activity import EvidenceClass
from domain.period import Month, MonthRange
from tests.app.usecases.installation import Installation, steady

APRIL = MonthRange.of_month(Month(2025, 4))
RIDE = {"id": "ride 1", "kind": "taxi", "quantity": "12", "unit": "km", "start": "2025-04-05"}


def connected(installation: Installation, whose: Whose, connector: str) -> ConnectionRow:
    """A connection that is pulled."""
    with installation.work() as work:
        row = ConnectionRow(
            id=work.services.randomness.id(),
            tenant_id=whose.tenant_id,
            subject_id=whose.subject_id,
            connector=connector,
            state=ConnectionState.ACTIVE,
            is_file=False,
            cursor="",
            sealed_tokens=None,
            created_at=work.services.clock.now(),
        )
        connections.add(work.session, row)
    return row


def pulled(installation: Installation, whose: Whose, connection: ConnectionRow, body: bytes) -> ImportReport:
    """Take in what came through a connection."""
    with installation.work() as work:
        received = Received(body, "application/octet-stream", EvidenceClass.FETCHED_BY_CONNECTOR)
        return import_document(work, whose, connection.connector, received, connection=connection)


def in_april(installation: Installation, whose: Whose) -> dict[str, int]:
    """What counts, by kind, millionths of its unit."""
    with installation.looking() as work:
        totals = activities.totals(work.session, whose.tenant_id, whose.subject_id, APRIL)
        return {one.key.kind: one.quantity_micro for one in totals}


def homes(installation: Installation, whose: Whose) -> set[str]:
    """Ids of the connections that records of April live in."""
    with installation.looking() as work:
        found = records.revisions_for_period(work.session, whose.tenant_id, whose.subject_id, APRIL)
        return {records.place_of(work.session, whose.tenant_id, whose.subject_id, one.record_id).connection_id for one in found}


TEN_DAYS = steady(date(2025, 4, 1), date(2025, 4, 10))
"""Ten days of 12 kWh."""
MORE_DAYS = steady(date(2025, 4, 6), date(2025, 4, 15))
"""The last five of them, and five more."""


def test_what_was_uploaded_moves_into_the_connection(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """Fifteen days count once each; the auditor finds them in the file and in the feed."""
    installation.take(household, TEN_DAYS)
    connection = connected(installation, household, "green-button")
    pulled(installation, household, connection, MORE_DAYS)
    assert in_april(installation, household) == {"electricity": 15 * 12_000_000}
    assert homes(installation, household) == {connection.id}
    assert installation.issue(desk, installation.close_months(household, "2025-04")).state is StatementState.ISSUED


def test_what_is_uploaded_later_is_merged_there(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """A file of a meter that is pulled adds the days that it has and the feed has not."""
    connection = connected(installation, household, "green-button")
    pulled(installation, household, connection, MORE_DAYS)
    installation.take(household, TEN_DAYS)
    assert in_april(installation, household) == {"electricity": 15 * 12_000_000}
    assert homes(installation, household) == {connection.id}
    assert installation.issue(desk, installation.close_months(household, "2025-04")).state is StatementState.ISSUED


def test_deleting_what_was_obtained_leaves_what_was_uploaded(installation: Installation, household: Whose) -> None:
    """The file's ten days count by themselves again, in a connection of files."""
    connection = connected(installation, household, "green-button")
    pulled(installation, household, connection, MORE_DAYS)
    installation.take(household, TEN_DAYS)
    disconnect(installation.services, household, connection.id, keep_data=False)
    assert in_april(installation, household) == {"electricity": 10 * 12_000_000}
    assert connection.id not in homes(installation, household)


def test_kept_data_of_an_ended_connection_goes_on_in_the_next(installation: Installation, household: Whose) -> None:
    """Disconnected with its data kept, and connected again: one meter."""
    first = connected(installation, household, "green-button")
    pulled(installation, household, first, TEN_DAYS)
    disconnect(installation.services, household, first.id, keep_data=True)
    second = connected(installation, household, "green-button")
    pulled(installation, household, second, MORE_DAYS)
    assert in_april(installation, household) == {"electricity": 15 * 12_000_000}
    assert homes(installation, household) == {second.id}


@pytest.mark.parametrize("first", ["file", "connection"])
def test_one_ride_of_a_file_and_a_connection(installation: Installation, household: Whose, desk: ChainDesk, first: str) -> None:
    """The same name at the same provider is the same ride, whichever way it came first; the newest word counts."""
    connection = connected(installation, household, "activities")
    longer = json.dumps(RIDE | {"quantity": "13"}).encode()
    if first == "file":
        installation.take(household, json.dumps(RIDE).encode(), connector="activities")
        pulled(installation, household, connection, longer)
    else:
        pulled(installation, household, connection, json.dumps(RIDE).encode())
        installation.take(household, longer, connector="activities")
    assert in_april(installation, household) == {"taxi": 13_000_000}
    assert homes(installation, household) == {connection.id}
    assert installation.issue(desk, installation.close_months(household, "2025-04")).state is StatementState.ISSUED


def test_two_consents_for_one_account(installation: Installation, household: Whose) -> None:
    """What the first one told stays there, and the second one adds to it."""
    first, second = (connected(installation, household, "activities") for _ in range(2))
    pulled(installation, household, first, json.dumps(RIDE).encode())
    pulled(installation, household, second, json.dumps(RIDE | {"quantity": "14"}).encode())
    assert in_april(installation, household) == {"taxi": 14_000_000}
    assert homes(installation, household) == {first.id}
