"""Typed bills: days that are over, once, with the file beside them."""

import json
from datetime import date
from hashlib import sha256

import pytest

from app.services import Whose
from app.store import activities, documents, records
from app.usecases.enter_bill import BillInput
from app.usecases.keep_original import fetch_original
from domain.activity import EvidenceClass
from domain.errors import ConflictError, DocumentError, InputError, PlaceError, TimeError
from domain.period import Month, MonthRange
from domain.place import place_from_text
from tests.app.usecases.installation import Installation, steady

MAY_BILL = BillInput("Con Edison", "2025-05-01", "2025-05-31", "310.5")


def kwh_micro(installation: Installation, whose: Whose, months: str) -> dict[str, int]:
    """Millionths of a kWh by month."""
    with installation.looking() as work:
        found = activities.monthly_sums(work.session, whose.tenant_id, whose.subject_id, MonthRange.from_text(months))
    return {str(one.month): one.quantity_micro for one in found}


def test_bill_is_typed_evidence(installation: Installation, household: Whose) -> None:
    """A typed bill is one record of the class *typed* at the subject's home."""
    report = installation.bill(household, MAY_BILL)
    with installation.looking() as work:
        (one,) = records.revisions_for_month(work.session, household.tenant_id, household.subject_id, Month(2025, 5))
    (activity,) = one.revision.activities
    assert (report.new_count, activity.quantity_micro, activity.evidence) == (1, 310_500_000, EvidenceClass.TYPED)
    assert (activity.key.region, one.revision.usage_point) == ("US/zip/10001", "Con Edison")


def test_attachment_is_kept_and_named(installation: Installation, household: Whose) -> None:
    """The file is an original of its own; what was typed names its hash; the record stays typed."""
    report = installation.bill(household, MAY_BILL, file=b"%PDF-1.7 a bill")
    digest = sha256(b"%PDF-1.7 a bill").hexdigest()
    with installation.looking() as work:
        rows = {row.sha256: row for row in documents.of_subject(work.session, household.tenant_id, household.subject_id)}
        typed = json.loads(fetch_original(work, rows[report.document_sha256]))
        assert fetch_original(work, rows[digest]) == b"%PDF-1.7 a bill"
    assert typed["attachment_sha256"] == digest
    assert rows[report.document_sha256].evidence is EvidenceClass.TYPED


def test_bill_across_months_and_years_adds_up(installation: Installation, household: Whose) -> None:
    """A bill over a new year is split by days, to the last millionth."""
    installation.bill(household, BillInput("Con Edison", "2024-12-17", "2025-01-20", "100"))
    parts = kwh_micro(installation, household, "2024-12..2025-01")
    assert parts == {"2024-12": 42_857_142, "2025-01": 57_142_858}


def test_same_days_again_are_a_correction(installation: Installation, household: Whose) -> None:
    """The same utility and days with another amount is the next revision; the former one stays."""
    installation.bill(household, MAY_BILL)
    report = installation.bill(household, BillInput("Con  Edison ", "2025-05-01", "2025-05-31", "300"))
    assert (report.new_count, report.changed_count) == (0, 1)
    with installation.looking() as work:
        (one,) = records.revisions_for_month(work.session, household.tenant_id, household.subject_id, Month(2025, 5))
        history = records.history(work.session, household.tenant_id, one.record_id)
    assert [stored.revision.activities[0].quantity_micro for stored in history] == [310_500_000, 300_000_000]


def test_same_bill_again_changes_nothing(installation: Installation, household: Whose) -> None:
    """The same words twice are one bill."""
    installation.bill(household, MAY_BILL)
    report = installation.bill(household, MAY_BILL)
    assert (report.is_known, report.same_count) == (True, 1)


def test_overlapping_bill_of_the_utility_is_refused(installation: Installation, household: Whose) -> None:
    """Days that another bill of the utility has are refused, naming that bill, additional or not."""
    installation.bill(household, MAY_BILL)
    for is_additional in (False, True):
        with pytest.raises(
            ConflictError,
            match=r"This bill overlaps another one of the same utility; .*got 2025-05-31 to 2025-06-10; "
            r"in Con Edison\|electricity\|2025-05-01T04:00:00Z\|2678400\. Correct the other bill",
        ):
            installation.bill(household, BillInput("Con Edison", "2025-05-31", "2025-06-10", "100", is_additional=is_additional))


def test_next_day_is_no_overlap(installation: Installation, household: Whose) -> None:
    """A bill begins on the day after the last one."""
    installation.bill(household, MAY_BILL)
    assert installation.bill(household, BillInput("Con Edison", "2025-06-01", "2025-06-10", "100")).new_count == 1


def test_days_that_are_measured_are_refused(installation: Installation, household: Whose) -> None:
    """A bill over measured days would count twice: refused with the way out, unless it comes on top."""
    installation.take(household, steady(date(2025, 5, 10), date(2025, 5, 11)))
    with pytest.raises(
        ConflictError,
        match=r"These days are measured already, and would count twice; .*in green-button .*"
        r"Leave the bill out; or, if it is for another meter, say that it is additional\.",
    ):
        installation.bill(household, MAY_BILL)
    additional = BillInput("Con Edison", "2025-05-01", "2025-05-31", "100", is_additional=True)
    assert installation.bill(household, additional).new_count == 1
    corrected = BillInput("Con Edison", "2025-05-01", "2025-05-31", "90")
    assert installation.bill(household, corrected).changed_count == 1


def test_second_utility_would_count_twice(installation: Installation, household: Whose) -> None:
    """A bill of another utility over the same days is refused in the same way."""
    installation.bill(household, MAY_BILL)
    with pytest.raises(ConflictError, match=r"would count twice; .*in typed-bill Con Edison\."):
        installation.bill(household, BillInput("Orange and Rockland", "2025-05-20", "2025-06-10", "100"))


def test_last_day_in_the_future_is_refused(installation: Installation, household: Whose) -> None:
    """The local day at the place counts: at noon UTC of 15 June it is the 15th in New York, and the 16th in Auckland."""
    assert installation.bill(household, BillInput("Con Edison", "2025-06-01", "2025-06-15", "100")).new_count == 1
    with pytest.raises(TimeError, match=r"This bill ends in the future; expected a last day up to 2025-06-15; got 2025-06-16"):
        installation.bill(household, BillInput("Ampere", "2025-06-01", "2025-06-16", "100"))
    there = BillInput("Ampere", "2025-06-16", "2025-06-16", "100", is_additional=True)
    assert installation.bill(household, there, place=place_from_text("NZ", zone="Pacific/Auckland")).new_count == 1


@pytest.mark.parametrize("utility", ["", "   ", "x" * 121, "a\x00b"])
def test_utility_needs_a_name(installation: Installation, household: Whose, utility: str) -> None:
    """A bill without a utility's name is refused."""
    with pytest.raises(InputError, match="A bill names its utility; expected 1 to 120 characters"):
        installation.bill(household, BillInput(utility, "2025-05-01", "2025-05-31", "100"))


@pytest.mark.parametrize(
    ("bill", "error", "words"),
    [
        (
            BillInput("U", "2025-05-31", "2025-05-01", "1"),
            TimeError,
            "A bill ends after it begins; expected a last day from 2025-05-31 on",
        ),
        (BillInput("U", "2025-05-01", "2025-05-31", "1", unit="kg"), DocumentError, "got .*kg"),
        (BillInput("U", "2025-05-01", "2025-05-31", "lots"), DocumentError, "amount"),
        (BillInput("U", "1 May", "2025-05-31", "1"), TimeError, "first day"),
    ],
)
def test_unusable_words_are_refused(
    installation: Installation, household: Whose, bill: BillInput, error: type[Exception], words: str
) -> None:
    """Days in the wrong order, a unit of mass, words for a number: refused by name, and nothing is kept."""
    with pytest.raises(error, match=words):
        installation.bill(household, bill, file=b"%PDF")
    with installation.looking() as work:
        assert not documents.of_subject(work.session, household.tenant_id, household.subject_id)


def test_utility_keeps_its_place(installation: Installation, household: Whose) -> None:
    """The place of the first bill stands for the next one; another zone is refused."""
    installation.bill(household, MAY_BILL, place=place_from_text("94110"))
    (meter,) = installation.bill(household, BillInput("Con Edison", "2025-06-01", "2025-06-02", "1")).meters.values()
    assert meter.place.zone == "America/Los_Angeles"
    with pytest.raises(ConflictError, match="are days of another time zone"):
        installation.bill(
            household,
            BillInput("Con Edison", "2025-06-05", "2025-06-06", "1"),
            place=place_from_text("10001", zone="America/New_York"),
        )


def test_region_with_many_zones_asks(installation: Installation, household: Whose) -> None:
    """A country with several zones needs one: there is no feed that could tell."""
    with pytest.raises(PlaceError, match="This region has more than one time zone"):
        installation.bill(household, MAY_BILL, place=place_from_text("BR"))
