"""Typed bills beside measured files: counted once, or refused with the way out."""

from datetime import date

import pytest

from app.services import Whose
from app.store import periods, records
from app.usecases.enter_bill import BillInput
from connectors.typed_bill.parse import Bill, bill_document
from domain.errors import ConflictError
from domain.period import Month, MonthRange
from tests.app.usecases.installation import Installation, steady
from tests.app.usecases.test_rederive_meter import MAY, kwh

MAY_BILL = BillInput("Con Edison", "2025-05-01", "2025-05-31", "310.5")
WAY_OUT = r"Remove the bill, or type it again and say that it is additional; then take the file in again\."


def test_measured_days_set_the_bill_aside(installation: Installation, household: Whose) -> None:
    """A file that measures all days of a bill replaces it, with a note; the bill stays in the history."""
    installation.bill(household, MAY_BILL)
    with installation.looking() as work:
        (bill,) = records.revisions_for_month(work.session, household.tenant_id, household.subject_id, Month(2025, 5))
    report = installation.take(household, steady(*MAY))
    assert kwh(installation, household) == {"electricity": 372.0}
    assert report.notes[-1] == (
        "the typed bill of Con Edison for 2025-05-01 to 2025-05-31 is set aside: its days are measured now"
    )
    with installation.looking() as work:
        history = records.history(work.session, household.tenant_id, bill.record_id)
    assert [len(one.revision.activities) for one in history] == [1, 0]


def test_closed_month_of_a_bill_set_aside_is_changed(installation: Installation, household: Whose) -> None:
    """A period that was closed with the bill is marked as changed."""
    installation.bill(household, MAY_BILL)
    installation.close_months(household, "2025-05")
    installation.take(household, steady(*MAY))
    with installation.looking() as work:
        row = periods.by_months(work.session, household.tenant_id, household.subject_id, MonthRange.from_text("2025-05"))
    assert row is not None
    assert row.is_changed_since_close


def test_days_in_several_files_set_the_bill_aside_with_the_last(installation: Installation, household: Whose) -> None:
    """The file is refused while it leaves part of the bill, naming both and the way out; nothing of it is kept."""
    installation.bill(household, MAY_BILL)
    with pytest.raises(
        ConflictError,
        match=r"A typed bill counts part of these days already; expected a file that measures all days of the bill, or none; "
        r"got 11 of 31 days, 2025-05-10 to 2025-05-20; in bill of Con Edison, 2025-05-01 to 2025-05-31\. " + WAY_OUT,
    ):
        installation.take(household, steady(date(2025, 5, 10), date(2025, 5, 20)))
    assert kwh(installation, household) == {"electricity": 310.5}


def test_neighbouring_days_leave_the_bill(installation: Installation, household: Whose) -> None:
    """Days before and after a bill are no reason to set it aside."""
    installation.bill(household, MAY_BILL)
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))
    report = installation.take(household, steady(date(2025, 6, 1), date(2025, 6, 10)))
    assert (kwh(installation, household), report.notes) == ({"electricity": 310.5}, ())


@pytest.mark.parametrize("last", [date(2025, 5, 31), date(2025, 5, 20)])
def test_additional_bill_stays(installation: Installation, household: Whose, last: date) -> None:
    """A bill that is for another meter counts beside the file, and so does its correction."""
    installation.bill(household, BillInput("Con Edison", "2025-05-01", "2025-05-31", "100", is_additional=True))
    installation.bill(household, BillInput("Con Edison", "2025-05-01", "2025-05-31", "90"))
    installation.take(household, steady(date(2025, 5, 1), last))
    assert kwh(installation, household) == {"electricity": 90 + last.day * 12.0}


def test_bill_becomes_additional(installation: Installation, household: Whose) -> None:
    """The way out that the refusal names: the same bill, said to be additional, then the file."""
    installation.bill(household, MAY_BILL)
    installation.bill(household, BillInput("Con Edison", "2025-05-01", "2025-05-31", "310.5", is_additional=True))
    installation.take(household, steady(date(2025, 5, 10), date(2025, 5, 20)))
    assert kwh(installation, household) == {"electricity": 310.5 + 11 * 12.0}


def test_bill_set_aside_stays_aside(installation: Installation, household: Whose) -> None:
    """Another bill of its utility does not bring it back."""
    installation.bill(household, MAY_BILL)
    installation.take(household, steady(*MAY))
    april = BillInput("Con Edison", "2025-04-01", "2025-04-30", "300")
    installation.bill(household, april)
    installation.bill(household, BillInput("Con Edison", "2025-04-01", "2025-04-30", "301"))
    assert (kwh(installation, household), kwh(installation, household, "2025-04")) == (
        {"electricity": 372.0},
        {"electricity": 301.0},
    )


def test_bill_document_passes_no_check_by(installation: Installation, household: Whose) -> None:
    """A typed bill taken in as a document is checked like one that is typed."""
    installation.take(household, steady(*MAY))
    body = bill_document(Bill("U", "2025-05-01", "2025-05-31", "300", "kWh", "America/New_York"))
    with pytest.raises(ConflictError, match="These days are measured already, and would count twice"):
        installation.take(household, body, connector="typed-bill")


def test_negative_bill_is_a_refund(installation: Installation, household: Whose) -> None:
    """A bill below zero takes electricity back; it exports nothing."""
    installation.bill(household, BillInput("Con Edison", "2025-05-01", "2025-05-31", "-300"))
    assert kwh(installation, household) == {"electricity": -300.0}


def test_bill_of_one_day_is_corrected(installation: Installation, household: Whose) -> None:
    """The same single day again is a correction, though a day is no span."""
    installation.bill(household, BillInput("Con Edison", "2025-05-01", "2025-05-01", "30"))
    report = installation.bill(household, BillInput("Con Edison", "2025-05-01", "2025-05-01", "31"))
    assert (report.changed_count, kwh(installation, household)) == (1, {"electricity": 31.0})
