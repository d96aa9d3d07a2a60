"""Imports: everything or nothing, once, newest feed first, and nobody else's."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from app.services import Whose
from app.store import activities, connections, documents, records
from app.usecases.audit_statement import audit_statement
from app.usecases.endorse_statement import OUR_READER, audit_request
from app.usecases.import_report import ImportReport
from connectors.typed_bill.parse import Bill, bill_document
from domain.activity import Direction, EvidenceClass
from domain.errors import DocumentError, NotFoundError, PlaceError, TimeError
from domain.period import Month, MonthRange
from domain.place import place_from_text
from tests.app.usecases.installation import HOUR_S, Installation, document, hours, series, steady

MAY = Month(2025, 5)
DAY = date(2025, 5, 10)
EARLIER, USUAL, LATER = (datetime(2025, 6, day, tzinfo=UTC) for day in (1, 5, 9))
BAD = [
    pytest.param(b"<html><body>no readings</body></html>", "Green Button", id="not Green Button"),
    pytest.param(steady(DAY, DAY)[:3000], "ends", id="cut off"),
    pytest.param(steady(DAY, DAY).replace(b"<espi:uom>72</espi:uom>", b""), "unit", id="no unit"),
    pytest.param(b"", "empty", id="empty"),
]


def counts(report: ImportReport) -> tuple[int, int, int]:
    """New, changed and same."""
    return report.new_count, report.changed_count, report.same_count


def totals(installation: Installation, whose: Whose, months: str = "2025-05") -> dict[str, int]:
    """Watt-hours by kind."""
    with installation.looking() as work:
        found = activities.monthly_sums(work.session, whose.tenant_id, whose.subject_id, MonthRange.from_text(months))
    return {one.kind: one.quantity_micro // 1000 for one in found}


def is_empty(installation: Installation, whose: Whose) -> bool:
    """Whether a subject has no activity and no original, and the archive no file."""
    with installation.looking() as work:
        stored = documents.of_subject(work.session, whose.tenant_id, whose.subject_id)
        count = activities.count_of(work.session, whose.tenant_id, whose.subject_id)
    folder = installation.services.settings.data_folder / "archive"
    return not stored and not count and not [path for path in folder.rglob("*") if path.is_file()]


def test_each_day_is_new_once(installation: Installation, household: Whose) -> None:
    """A first import counts its days as new and names the month that changed."""
    report = installation.take(household, steady(DAY, date(2025, 5, 12)))
    assert counts(report) == (3, 0, 0)
    assert report.months == (MAY,)
    assert totals(installation, household) == {"electricity": 3 * 24 * 500}


def test_same_file_again_changes_nothing(installation: Installation, household: Whose) -> None:
    """The very same bytes are known, and count nothing twice."""
    installation.take(household, steady(DAY, DAY))
    again = installation.take(household, steady(DAY, DAY))
    assert (again.is_known, counts(again), again.months) == (True, (0, 0, 1), ())
    assert totals(installation, household) == {"electricity": 24 * 500}


def test_same_values_of_a_later_export_are_the_same(installation: Installation, household: Whose) -> None:
    """A later export with equal readings is no correction."""
    installation.take(household, steady(DAY, DAY, updated_at=EARLIER))
    assert counts(installation.take(household, steady(DAY, DAY, updated_at=LATER))) == (0, 0, 1)


def test_corrected_feed_supersedes_with_history(installation: Installation, household: Whose) -> None:
    """A newer feed's value stands; the former revision stays, and both documents are named in their order."""
    first = installation.take(household, steady(DAY, DAY, updated_at=EARLIER))
    report = installation.take(household, steady(DAY, DAY, watt_hours=700, updated_at=LATER))
    assert counts(report) == (0, 1, 0)
    with installation.looking() as work:
        (now,) = records.revisions_for_month(work.session, household.tenant_id, household.subject_id, MAY)
        history = records.history(work.session, household.tenant_id, now.record_id)
    assert [one.revision.activities[0].quantity_micro for one in history] == [12_000_000, 16_800_000]
    assert now.revision.document_sha256s == (first.document_sha256, report.document_sha256)


def test_older_feed_does_not_supersede(installation: Installation, household: Whose) -> None:
    """A feed that is older than what is stored changes nothing, though it comes later."""
    installation.take(household, steady(DAY, DAY, updated_at=LATER))
    report = installation.take(household, steady(DAY, DAY, watt_hours=700, updated_at=EARLIER))
    assert counts(report) == (0, 0, 1)
    assert totals(installation, household) == {"electricity": 24 * 500}


def test_part_of_a_day_is_merged_by_interval(installation: Installation, household: Whose) -> None:
    """A feed with the second half of a day adds it, and corrects the hour that both have."""
    starts_s = hours(DAY, DAY)
    installation.take(household, document(series(starts_s[:13], [500] * 13), updated_at=EARLIER))
    installation.take(household, document(series(starts_s[12:], [600] * 12), updated_at=LATER))
    assert totals(installation, household) == {"electricity": 12 * 500 + 12 * 600}


def test_newest_of_three_feeds_stands(installation: Installation, household: Whose) -> None:
    """After storage the merge still knows which interval came from which feed."""
    starts_s = hours(DAY, DAY)
    installation.take(household, steady(DAY, DAY, watt_hours=100, updated_at=EARLIER))
    installation.take(household, document(series(starts_s[:6], [900] * 6), updated_at=LATER))
    installation.take(household, steady(DAY, DAY, watt_hours=200, updated_at=USUAL))
    assert totals(installation, household) == {"electricity": 6 * 900 + 18 * 200}


def test_old_bytes_again_do_not_undo_a_correction(installation: Installation, household: Whose) -> None:
    """Feeds without times: the file that was merged before says nothing new when it comes again."""
    undated = [steady(DAY, DAY, watt_hours=w).replace(b"2025-06-01T00:00:00Z", b"") for w in (500, 700)]
    for body in (*undated, undated[0]):
        installation.take(household, body)
    assert totals(installation, household) == {"electricity": 24 * 700}


def test_other_interval_lengths_never_double_count(installation: Installation, household: Whose) -> None:
    """Hours and quarters of an hour of the same day count once: the later export stands."""
    installation.take(household, steady(DAY, DAY, updated_at=EARLIER))
    quarters = [start_s + part * 900 for start_s in hours(DAY, DAY) for part in range(4)]
    installation.take(household, document(series(quarters, [130] * 96, length_s=900), updated_at=LATER))
    assert totals(installation, household) == {"electricity": 96 * 130}


def test_export_is_a_kind_of_its_own(installation: Installation, household: Whose) -> None:
    """What is fed into the grid is positive, and no consumption."""
    starts_s = hours(DAY, DAY)
    delivered, exported = series(starts_s, [500] * 24), series(starts_s, [40] * 24, direction=Direction.EXPORT)
    installation.take(household, document(delivered, exported))
    assert totals(installation, household) == {"electricity": 24 * 500, "electricity_export": 24 * 40}


def test_negative_readings_are_export(installation: Installation, household: Whose) -> None:
    """A net series below zero is counted as export, and the person is told."""
    starts_s = hours(DAY, DAY)
    report = installation.take(household, document(series(starts_s, [500] * 20 + [-300] * 4, direction=Direction.NET)))
    assert totals(installation, household) == {"electricity": 20 * 500, "electricity_export": 4 * 300}
    assert report.notes == ("4 readings below zero are counted as export",)


def test_future_is_refused_whole(installation: Installation, household: Whose) -> None:
    """A document with one reading in the future is refused, and nothing of it is kept."""
    with pytest.raises(TimeError, match=r"This file has readings in the future; expected readings up to 2025-06-15T12:00:00Z"):
        installation.take(household, steady(date(2025, 6, 1), date(2025, 6, 17)))
    assert is_empty(installation, household)


@pytest.mark.parametrize(("body", "word"), BAD)
def test_unusable_file_stores_nothing(installation: Installation, household: Whose, body: bytes, word: str) -> None:
    """What is no Green Button document, or ends early, or has no unit, is refused with the reason; nothing is kept."""
    with pytest.raises(DocumentError, match=word):
        installation.take(household, body)
    assert is_empty(installation, household)


def test_unknown_place_lists_the_zones(installation: Installation, household: Whose) -> None:
    """A country with several zones asks for one, naming them, where the feed's clock fits none."""
    with pytest.raises(PlaceError, match=r"This region has more than one time zone; expected one of .*America/Sao_Paulo"):
        installation.take(household, steady(DAY, DAY).replace(b"-18000", b"3600"), place=place_from_text("BR"))
    assert is_empty(installation, household)


def test_unknown_zip_is_refused(installation: Installation, household: Whose) -> None:
    """A ZIP code that does not exist is no place."""
    with pytest.raises(PlaceError):
        installation.take(household, steady(DAY, DAY), place=place_from_text("00000"))
    assert is_empty(installation, household)


def test_place_is_registered_and_reused(installation: Installation, household: Whose) -> None:
    """The place of the first import stands for the next one that names none."""
    installation.take(household, steady(DAY, DAY), place=place_from_text("94110", zone="America/Los_Angeles"))
    report = installation.take(household, steady(date(2025, 5, 11), date(2025, 5, 11)))
    (meter,) = report.meters.values()
    assert (meter.place.region, meter.place.zone) == ("US/zip/94110", "America/Los_Angeles")


def test_meter_moves_with_all_its_days(installation: Installation, household: Whose) -> None:
    """The same file with the right ZIP code: every day of the meter, also of earlier files, is cut there; nothing doubles."""
    installation.take(household, steady(DAY, DAY))
    installation.take(household, steady(date(2025, 5, 11), date(2025, 5, 12)))
    report = installation.take(household, steady(DAY, DAY), place=place_from_text("60601", zone="America/Chicago"))
    assert report.notes[0].endswith("all its days are counted at US/zip/60601 (America/Chicago) now")
    assert totals(installation, household) == {"electricity": 3 * 24 * 500}
    with installation.looking() as work:
        page = activities.page(work.session, household.tenant_id, household.subject_id)
    assert {row.activity.key.region for row in page.items} == {"US/zip/60601"}
    assert len(page.items) == 4  # New York's three days lie in four of Chicago's
    again = installation.take(household, steady(DAY, DAY))
    assert (again.new_count, again.changed_count, again.notes) == (0, 0, ())


def test_moved_meter_passes_the_audit(installation: Installation, household: Whose) -> None:
    """What was cut again follows from its originals: the auditor derives the same records."""
    days = steady(date(2025, 5, 1), date(2025, 5, 31))
    installation.take(household, days)
    installation.take(household, days, place=place_from_text("94110"))
    closed = installation.close_months(household, "2025-05")
    with installation.looking() as work:
        _, findings = audit_statement(audit_request(work, closed), factor_set=installation.services.factor_set, reader=OUR_READER)
    assert findings == ()


def test_bogus_place_with_a_zone_is_refused(installation: Installation, household: Whose) -> None:
    """A ZIP code that does not exist is refused although a zone is named."""
    with pytest.raises(PlaceError):
        installation.take(household, steady(DAY, DAY), place=place_from_text("00000", zone="America/Chicago"))
    assert is_empty(installation, household)


def test_equal_spans_of_one_document_both_count(installation: Installation, household: Whose) -> None:
    """Two monthly readings with equal start and length are two records; again they are the same."""
    start_s, length_s = hours(date(2025, 4, 1), DAY)[0], 30 * 24 * HOUR_S
    body = document(series([start_s, start_s], [90_000, 5_000], length_s=length_s))
    assert counts(installation.take(household, body)) == (2, 0, 0)
    assert counts(installation.take(household, body)) == (0, 0, 2)
    assert totals(installation, household, "2025-04") == {"electricity": 95_000}


def test_tenants_never_see_each_other(installation: Installation, household: Whose) -> None:
    """Another tenant's subject is not found, whatever is asked."""
    other = installation.household("Bob")
    installation.take(household, steady(DAY, DAY))
    crossed = Whose(other.tenant_id, household.subject_id)
    with pytest.raises(NotFoundError):
        installation.take(crossed, steady(DAY, DAY))
    with installation.looking() as work:
        assert activities.count_of(work.session, other.tenant_id, household.subject_id) == 0
        assert not connections.of_subject(work.session, other.tenant_id, household.subject_id)
        assert not documents.of_subject(work.session, other.tenant_id, household.subject_id)
    with pytest.raises(NotFoundError):
        installation.close_months(crossed, "2025-05")


def test_typed_document_stays_typed(installation: Installation, household: Whose) -> None:
    """A typed bill that is uploaded as a file is still only typed."""
    body = bill_document(Bill("Con Edison", "2025-05-01", "2025-05-31", "300", "kWh", "America/New_York"))
    installation.take(household, body, connector="typed-bill")
    with installation.looking() as work:
        (one,) = records.revisions_for_month(work.session, household.tenant_id, household.subject_id, MAY)
    assert one.revision.activities[0].evidence is EvidenceClass.TYPED


def test_document_in_another_zone_is_cut_there(installation: Installation, household: Whose) -> None:
    """A day in Los Angeles has its own midnight."""
    zone = ZoneInfo("America/Los_Angeles")
    starts_s = hours(DAY, DAY, zone=zone)
    report = installation.take(household, document(series(starts_s, [1] * 24), zone=zone), place=place_from_text("94110"))
    assert counts(report) == (1, 0, 0)
