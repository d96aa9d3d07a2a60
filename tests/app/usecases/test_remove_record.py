"""Removing records: they no longer count, their history stays, and nothing brings them back unasked."""

import pytest

from app.services import Whose
from app.store import periods, records
from app.usecases.enter_bill import BillInput
from app.usecases.remove_record import Removed, remove_record
from domain.errors import ConflictError, NotFoundError
from domain.period import Month, MonthRange
from tests.app.usecases.installation import Installation, steady
from tests.app.usecases.test_rederive_meter import MAY, kwh, month_sum

MAY_BILL = BillInput("Con Edison", "2025-05-01", "2025-05-31", "310.5")


def remove(installation: Installation, whose: Whose, record_id: str) -> Removed:
    """Remove one record."""
    with installation.work() as work:
        return remove_record(work, whose, record_id)


def first_record(installation: Installation, whose: Whose) -> str:
    """Id of the first record of May."""
    with installation.looking() as work:
        return records.revisions_for_month(work.session, whose.tenant_id, whose.subject_id, Month(2025, 5))[0].record_id


def test_removed_bill_counts_no_longer(installation: Installation, household: Whose) -> None:
    """A removed bill is a revision that says nothing; a closed period of it is marked as changed."""
    installation.bill(household, MAY_BILL)
    installation.close_months(household, "2025-05")
    record_id = first_record(installation, household)
    removed = remove(installation, household, record_id)
    assert (removed.months, kwh(installation, household)) == ((Month(2025, 5),), {})
    with installation.looking() as work:
        history = records.history(work.session, household.tenant_id, record_id)
        row = periods.by_months(work.session, household.tenant_id, household.subject_id, MonthRange.from_text("2025-05"))
    assert [len(one.revision.activities) for one in history] == [1, 0]
    assert row is not None
    assert row.is_changed_since_close


def test_removed_bill_typed_again_counts(installation: Installation, household: Whose) -> None:
    """Typing the very same bill again brings it back."""
    installation.bill(household, MAY_BILL)
    remove(installation, household, first_record(installation, household))
    installation.bill(household, MAY_BILL)
    assert kwh(installation, household) == {"electricity": 310.5}


def test_removed_bill_makes_room_for_another(installation: Installation, household: Whose) -> None:
    """A bill with a wrong last day is removed, and typed with the right one."""
    installation.bill(household, MAY_BILL)
    remove(installation, household, first_record(installation, household))
    installation.bill(household, BillInput("Con Edison", "2025-05-01", "2025-05-30", "300"))
    assert kwh(installation, household) == {"electricity": 300.0}


def test_removed_span_gives_way_to_its_days(installation: Installation, household: Whose) -> None:
    """Days that stood back for a sum count again once it is removed."""
    installation.take(household, month_sum(*MAY, 400_000))
    installation.take(household, steady(MAY[0], MAY[0].replace(day=20)))
    remove(installation, household, first_record(installation, household))
    assert kwh(installation, household) == {"electricity": 240.0}


def test_removed_day_comes_back_only_when_said_again(installation: Installation, household: Whose) -> None:
    """Other files leave a removed day alone; the file that has it brings it back."""
    body = steady(MAY[0], MAY[0].replace(day=3))
    installation.take(household, body)
    remove(installation, household, first_record(installation, household))
    installation.take(household, steady(MAY[0].replace(day=4), MAY[0].replace(day=5)))
    assert kwh(installation, household) == {"electricity": 48.0}
    installation.take(household, body)
    assert kwh(installation, household) == {"electricity": 60.0}


def test_removing_twice_is_refused(installation: Installation, household: Whose) -> None:
    """What counts no longer cannot be removed."""
    installation.bill(household, MAY_BILL)
    record_id = first_record(installation, household)
    remove(installation, household, record_id)
    with pytest.raises(ConflictError, match="This record counts no longer; expected a record that counts; got a removed one"):
        remove(installation, household, record_id)


def test_record_of_somebody_else_is_not_found(installation: Installation, household: Whose) -> None:
    """Another subject's record does not exist for one."""
    installation.bill(household, MAY_BILL)
    stranger = installation.household("Bob")
    with pytest.raises(NotFoundError, match="There is no such record"):
        remove(installation, stranger, first_record(installation, household))
