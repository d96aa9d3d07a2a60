"""Trips of a timeline go through the whole path: placed, told again by other exports, closed, and audited from the originals."""

from dataclasses import replace

import pytest

from app.chain import ChainDesk
from app.services import Whose
from app.store import activities
from app.store.statements import StatementState
from app.usecases.find_duplicates import find_duplicates, list_duplicates, merge_duplicate, undo_decision
from app.usecases.import_document import read_document
from domain.activity import Activity, EvidenceClass, Quality
from domain.errors import DocumentError
from domain.place import place_from_text
from tests.app.usecases.installation import Installation
from tests.connectors.google_timeline.timeline_text import Drive, android, iphone, month, takeout

APRIL_S = 1_743_508_800  # 2025-04-01T12:00:00Z
NEW_YORK, NEWARK = (407_128_000, -740_060_000), (407_357_000, -741_724_000)
DRIVE = Drive("IN_PASSENGER_VEHICLE", APRIL_S, 1800, 21_000, NEW_YORK, NEWARK, -240)
TRAIN = replace(DRIVE, mode="IN_TRAIN", start_s=APRIL_S + 7200, metres=None)
FLIGHT = replace(DRIVE, mode="FLYING", start_s=APRIL_S + 90_000, metres=5_400_000)
UNKNOWN = replace(DRIVE, mode="UNKNOWN_ACTIVITY_TYPE", start_s=APRIL_S + 100_000)


def counting(installation: Installation, whose: Whose) -> list[Activity]:
    """Every activity that counts, by time."""
    with installation.looking() as work:
        page = activities.page(work.session, whose.tenant_id, whose.subject_id, limit_count=500)
    return sorted((one.activity for one in page.items), key=lambda one: (one.start, one.key.kind))


def test_trips_count_at_home_on_their_day(installation: Installation, household: Whose) -> None:
    """Kind, distance, day and quality are stored, at the subject's home; the report says so, and names what was refused."""
    report = installation.take(household, android(DRIVE, TRAIN, FLIGHT, UNKNOWN), connector="google-timeline")
    assert (report.new_count, report.refused_count) == (3, 1)
    assert "3 activities without a region are counted at US/zip/10001" in report.notes
    found = counting(installation, household)
    assert [(one.key.kind, one.key.unit, one.quantity_micro, one.quality) for one in found] == [
        ("car", "km", 21_000_000, Quality.MEASURED),
        ("rail", "pkm", 14_252_000, Quality.ESTIMATED),
        ("flight", "pkm", 5_400_000_000, Quality.MEASURED),
    ]
    assert {one.key.region for one in found} == {"US/zip/10001"}
    assert {one.evidence for one in found} == {EvidenceClass.UPLOADED}


def test_trips_abroad_count_at_the_place_that_is_given(installation: Installation, household: Whose) -> None:
    """A file of a stay abroad is imported with its country."""
    place = place_from_text("PT")
    installation.take(household, android(DRIVE), place=place, connector="google-timeline")
    assert [one.key.region for one in counting(installation, household)] == ["PT"]


@pytest.mark.parametrize("again", [android(DRIVE, TRAIN), iphone(DRIVE, TRAIN), takeout({"a.json": month(DRIVE, TRAIN)})])
def test_another_export_of_the_same_trips_adds_nothing(installation: Installation, household: Whose, again: bytes) -> None:
    """Phone and Takeout give one record where they say the same."""
    installation.take(household, android(DRIVE, TRAIN, FLIGHT), connector="google-timeline")
    before = counting(installation, household)
    report = installation.take(household, again, connector="google-timeline")
    assert (report.new_count, report.changed_count, report.same_count) == (0, 0, 2)
    assert counting(installation, household) == before


def test_later_export_corrects_a_trip(installation: Installation, household: Whose) -> None:
    """The newest word about a trip counts."""
    installation.take(household, android(DRIVE), connector="google-timeline")
    report = installation.take(household, android(replace(DRIVE, metres=22_000)), connector="google-timeline")
    assert report.changed_count == 1
    assert [one.quantity_micro for one in counting(installation, household)] == [22_000_000]


def test_trip_whose_start_was_moved_is_offered(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """Two exports tell one drive from two starts: a pair, counted once when the person says so, undone at will, audited."""
    moved = replace(DRIVE, start_s=APRIL_S + 120, metres=20_500)
    back = replace(DRIVE, start_s=APRIL_S + 7_200)
    installation.take(household, android(DRIVE, back), connector="google-timeline")
    report = installation.take(household, takeout({"a.json": month(moved, back)}), connector="google-timeline")
    assert report.new_count == 1
    with installation.work() as work:
        assert find_duplicates(work, household, report.months) == 1
        (pair,) = list_duplicates(work, household)
    assert pair.row.rule == "same_trip"
    assert pair.keep is not None
    assert pair.aside is not None
    assert {pair.keep.quantity_micro, pair.aside.quantity_micro} == {21_000_000, 20_500_000}
    with installation.work() as work:
        merge_duplicate(work, household, pair.row.id)
    assert sum(one.quantity_micro for one in counting(installation, household)) == pair.keep.quantity_micro + 21_000_000
    installation.take(household, android(DRIVE, back), connector="google-timeline")
    installation.take(household, takeout({"a.json": month(moved, back)}), connector="google-timeline")
    assert len(counting(installation, household)) == 2
    issued = installation.issue(desk, installation.close_months(household, "2025-04"))
    assert issued.state is StatementState.ISSUED
    with installation.work() as work:
        undo_decision(work, household, pair.row.id)
    assert len(counting(installation, household)) == 3


def test_auditor_agrees(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """A statement over trips of two exports follows from them."""
    installation.take(household, android(DRIVE, TRAIN), connector="google-timeline")
    installation.take(household, takeout({"a.json": month(TRAIN, FLIGHT, UNKNOWN)}), connector="google-timeline")
    issued = installation.issue(desk, installation.close_months(household, "2025-04"))
    assert issued.state is StatementState.ISSUED


def test_file_without_trips_is_refused() -> None:
    """Nothing is stored of a file of walks, and of one whose trips nobody can tell."""
    with pytest.raises(DocumentError, match="This file holds no activities that can be used"):
        read_document("google-timeline", android(replace(DRIVE, mode="WALKING")))
    with pytest.raises(DocumentError, match="Nobody can tell how this trip was made"):
        read_document("google-timeline", android(UNKNOWN))
