"""Declared activities go through the whole path: taken in, corrected, taken back, closed, and audited from the originals."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pytest

from app.services import Whose
from app.store import activities, connections, records
from app.store.statements import StatementRow
from app.usecases.audit_statement import AuditRequest, Reader, audit_statement
from app.usecases.endorse_statement import OUR_READER, audit_request
from app.usecases.enter_bill import BillInput
from app.usecases.import_document import import_document
from app.usecases.import_report import ImportReport
from app.usecases.keep_original import Received
from app.usecases.remove_record import remove_record
from connectors.activities import ACTIVITIES, Activities
from connectors.activities.parse import PARSER_VERSION
from connectors.green_button import GREEN_BUTTON
from domain.activity import KINDS, Activity, EvidenceClass
from domain.canonical import to_canonical
from domain.declared import DECLARED_USAGE_POINT, ActivityDocument
from domain.errors import ConflictError, DocumentError, PlaceError
from domain.manifest import manifest_from_canonical
from domain.period import MonthRange
from domain.place import Place, place_from_text
from domain.series import MeterDocument
from tests.app.usecases.installation import Installation, document, hours, series

CAR = {"id": "c1", "kind": "car", "quantity": "100", "unit": "km", "start": "2025-05-02", "powertrain": "petrol", "size": "small"}
GROUP = "activities|declared|2025-05"


def lines(*activities_said: Mapping[str, Any]) -> bytes:
    """A file of activities."""
    return "".join(json.dumps(one) + "\n" for one in activities_said).encode()


def take(installation: Installation, whose: Whose, *said: Mapping[str, Any], place: Place | None = None) -> ImportReport:
    """Import a file of activities."""
    return installation.take(whose, lines(*said), place=place, connector="activities")


def stored(installation: Installation, whose: Whose) -> list[Activity]:
    """Every activity that counts, oldest first."""
    with installation.looking() as work:
        page = activities.page(work.session, whose.tenant_id, whose.subject_id, limit_count=500)
    return [one.activity for one in reversed(page.items)]


def request_of(installation: Installation, row: StatementRow) -> AuditRequest:
    """What the auditor is sent about a statement."""
    with installation.looking() as work:
        return audit_request(work, row)


def findings(installation: Installation, request: AuditRequest) -> list[str]:
    """What the auditor does not accept."""
    found = audit_statement(request, factor_set=installation.services.factor_set, reader=OUR_READER)[1]
    return [f"{one.code}: {one.detail}" for one in found]


def audited(installation: Installation, whose: Whose, months: str = "2025-05") -> list[str]:
    """Close, and what the auditor does not accept."""
    return findings(installation, request_of(installation, installation.close_months(whose, months, reason="again")))


def test_activity_is_stored_at_home(installation: Installation, household: Whose) -> None:
    """A line without a region is counted at the subject's home, in its local day."""
    report = take(installation, household, CAR)
    (one,) = stored(installation, household)
    assert (report.new_count, report.refused_count, report.reading_count) == (1, 0, 1)
    assert (one.key.kind, one.key.region, one.key.unit, one.quantity_micro) == ("car", "US/zip/10001", "km", 100_000_000)
    assert (one.start.isoformat(), one.end.isoformat()) == ("2025-05-02T04:00:00+00:00", "2025-05-03T04:00:00+00:00")
    assert report.notes == ("1 activities without a region are counted at US/zip/10001",)
    assert [str(month) for month in report.months] == ["2025-05"]


def test_purchase_has_its_month(installation: Installation, household: Whose) -> None:
    """Money over a month's end is divided by days, and each part is keyed with its month and its currency."""
    money = {
        "kind": "purchase",
        "quantity": "31.00",
        "unit": "USD",
        "start": "2025-04-30",
        "end": "2025-05-31",
        "naics": "722511",
    }
    take(installation, household, money)
    first, second = stored(installation, household)
    assert (first.quantity_micro, second.quantity_micro) == (1_000_000, 30_000_000)
    assert [dict(one.key.attributes)["month"] for one in (first, second)] == ["2025-04", "2025-05"]
    assert (first.key.unit, first.key.region) == ("USD", "US")


def test_place_of_the_file(installation: Installation, household: Whose) -> None:
    """A place that is given with a file is where its lines happened that say none; the days stay those of the subject."""
    take(installation, household, CAR, {**CAR, "id": "c2", "region": "FR"}, place=place_from_text("DE"))
    assert sorted(one.key.region for one in stored(installation, household)) == ["DE", "FR"]


def test_same_file_again_changes_nothing(installation: Installation, household: Whose) -> None:
    """The same bytes again, without the place that was given the first time, are the same activities at the same place."""
    said = (CAR, {key: value for key, value in CAR.items() if key != "id"})
    take(installation, household, *said, place=place_from_text("DE"))
    report = take(installation, household, *said)
    assert (report.is_known, report.new_count, report.changed_count, report.same_count) == (True, 0, 0, 2)
    assert {one.key.region for one in stored(installation, household)} == {"DE"}


def test_other_place_of_the_same_file(installation: Installation, household: Whose) -> None:
    """The same file at another place moves its activities."""
    take(installation, household, CAR)
    report = take(installation, household, CAR, place=place_from_text("DE"))
    assert report.changed_count == 1
    assert {one.key.region for one in stored(installation, household)} == {"DE"}


def test_later_file_corrects(installation: Installation, household: Whose) -> None:
    """The same id in a later file is a correction: a new revision, and both files in its trail."""
    take(installation, household, CAR)
    report = take(installation, household, {**CAR, "quantity": "120"})
    (one,) = stored(installation, household)
    assert (report.new_count, report.changed_count, one.quantity_micro) == (0, 1, 120_000_000)
    assert audited(installation, household) == []


def test_earlier_file_again_leaves_corrections(installation: Installation, household: Whose) -> None:
    """What a later file corrected stays so when the earlier one comes again, and the report says it."""
    take(installation, household, CAR)
    take(installation, household, {**CAR, "quantity": "120"})
    report = take(installation, household, CAR)
    assert report.notes[-1] == "1 activities of this file were corrected or taken back by later ones, and stay so"
    assert [one.quantity_micro for one in stored(installation, household)] == [120_000_000]


def test_later_file_takes_back(installation: Installation, household: Whose) -> None:
    """An id with removed takes the activity back; the auditor sees the file that did, and accepts."""
    take(installation, household, CAR, {**CAR, "id": "c2"})
    report = take(installation, household, {"id": "c1", "removed": True})
    assert (report.changed_count, [str(month) for month in report.months]) == (1, ["2025-05"])
    assert len(stored(installation, household)) == 1
    assert audited(installation, household) == []


def test_unknown_removal_stays_without_effect(installation: Installation, household: Whose) -> None:
    """Taking back what is not known counts nothing; what comes later counts."""
    report = take(installation, household, {"id": "c1", "removed": True})
    assert (report.new_count, report.months) == (0, ())
    assert take(installation, household, CAR).changed_count == 1
    assert audited(installation, household) == []


def test_activity_moved_out_of_the_period(installation: Installation, household: Whose) -> None:
    """A correction to another month leaves the period without it, and the auditor of the period accepts."""
    take(installation, household, CAR, {**CAR, "id": "c2"})
    take(installation, household, {**CAR, "start": "2025-04-02"})
    assert audited(installation, household) == []
    assert audited(installation, household, "2025-04") == []


def test_page_takes_one_back(installation: Installation, household: Whose) -> None:
    """Removing one activity writes a document that takes it back, so that the auditor accepts; twice is refused."""
    take(installation, household, CAR, {**CAR, "id": "c2"})
    with installation.work() as work:
        page = activities.page(work.session, household.tenant_id, household.subject_id)
        record_id = next(one.record_id for one in page.items if one.record_key == "c1")
        assert remove_record(work, household, record_id).record_key == "c1"
        with pytest.raises(ConflictError, match="counts no longer"):
            remove_record(work, household, record_id)
    assert audited(installation, household) == []


def test_taken_back_twice(installation: Installation, household: Whose) -> None:
    """What came back under its id can be taken back again."""
    take(installation, household, CAR, {**CAR, "id": "c2"})
    for quantity in ("110", "120"):
        with installation.work() as work:
            page = activities.page(work.session, household.tenant_id, household.subject_id)
            remove_record(work, household, next(one.record_id for one in page.items if one.record_key == "c1"))
        installation.clock.advance(1)
        take(installation, household, {**CAR, "quantity": quantity})
    assert len(stored(installation, household)) == 2
    assert audited(installation, household) == []


def test_bad_lines_leave_the_others(installation: Installation, household: Whose) -> None:
    """A place that does not exist, an airport that does not, and the future are refused line by line."""
    flight = {
        "kind": "flight",
        "quantity": "1",
        "unit": "passenger",
        "start": "2025-05-02",
        "origin": "ZRH",
        "destination": "QQQ",
    }
    report = take(
        installation, household, CAR, {**CAR, "id": "c2", "region": "Narnia"}, flight, {**CAR, "id": "c3", "start": "2025-07-01"}
    )
    assert (report.new_count, report.refused_count) == (1, 3)
    place, airport, future = report.refused
    assert place.startswith("This place is not known; expected a five-digit US ZIP code")
    assert "line 2, region" in place
    assert "line 3" in airport
    assert "QQQ" in airport
    assert future.startswith("This activity lies in the future; expected an end up to 2025-06-16; got 2025-07-01 to 2025-07-02")
    assert audited(installation, household) == []


def test_nothing_usable_is_refused(installation: Installation, household: Whose) -> None:
    """A file of which nothing can be used is refused with its first reasons."""
    with pytest.raises(DocumentError, match=r"holds no activities that can be used; .*car is not measured in kg"):
        take(installation, household, {**CAR, "unit": "kg"})


def test_place_that_does_not_exist(installation: Installation, household: Whose) -> None:
    """A place for the whole file that does not exist refuses the file."""
    with pytest.raises(PlaceError, match="not known"):
        take(installation, household, CAR, place=Place("QQ", "QQ"))


def test_other_zone_is_refused(installation: Installation, household: Whose) -> None:
    """Declared days of a subject are days of one time zone."""
    take(installation, household, CAR)
    with pytest.raises(ConflictError, match="days of another time zone; expected America/New_York; got Europe/Berlin"):
        take(installation, household, {**CAR, "id": "c2"}, place=place_from_text("DE", zone="Europe/Berlin"))


def test_coverage_is_about_meters(installation: Installation, household: Whose) -> None:
    """A bill of the whole month beside one drive is measured whole; one drive alone is no coverage."""
    take(installation, household, CAR)
    alone = manifest_from_canonical(installation.close_months(household, "2025-05").manifest)
    installation.bill(household, BillInput("Main", "2025-05-01", "2025-05-31", "300"))
    both = manifest_from_canonical(installation.close_months(household, "2025-05", reason="the bill came").manifest)
    assert (alone.coverage_ppm, both.coverage_ppm) == (0, 1_000_000)


def test_declared_electricity_beside_a_bill(installation: Installation, household: Whose) -> None:
    """A charge of a car sets no bill aside; the report says that both count."""
    installation.bill(household, BillInput("Main", "2025-05-01", "2025-05-31", "300"))
    report = take(installation, household, {"kind": "electricity", "quantity": "20", "unit": "kWh", "start": "2025-05-04"})
    assert report.notes[-1] == "electricity of this file counts beside what typed-bill says; leave out what is there"
    assert len(stored(installation, household)) == 2
    assert audited(installation, household) == []


def test_utility_of_the_reserved_name(installation: Installation, household: Whose) -> None:
    """No meter may have the name under which declared activities stand."""
    with pytest.raises(DocumentError, match="not for meters"):
        installation.bill(household, BillInput(DECLARED_USAGE_POINT, "2025-05-01", "2025-05-31", "300"))


def test_another_parser_reads_all_again(installation: Installation, household: Whose, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a new version of the parser, the next file has the older ones read again, at the places they were given with."""
    take(installation, household, CAR, {**CAR, "id": "c2"}, place=place_from_text("DE"))
    take(installation, household, {"id": "c2", "removed": True})
    assert Activities.manifest.parser_version == PARSER_VERSION
    newer = replace(Activities.manifest, parser_version="activities/2")
    monkeypatch.setattr("connectors.activities.Activities.manifest", newer)
    take(installation, household, {**CAR, "id": "c3"})
    assert sorted(one.key.region for one in stored(installation, household)) == ["DE", "US/zip/10001"]
    assert audited(installation, household) == []


@pytest.fixture
def closed(installation: Installation, household: Whose) -> AuditRequest:
    """May: three activities of two files, one of them corrected, one taken back."""
    take(installation, household, CAR, {**CAR, "id": "c2"}, {**CAR, "id": "gone"}, place=place_from_text("DE"))
    take(installation, household, {**CAR, "id": "c2", "quantity": "7"}, {**CAR, "id": "c4", "region": "FR"})
    take(installation, household, {"id": "gone", "removed": True})
    return request_of(installation, installation.close_months(household, "2025-05"))


def changed_leaf(request: AuditRequest, record_key: str, **changes: Any) -> AuditRequest:  # noqa: ANN401 - JSON
    """The request with one record changed."""
    leaves = [json.loads(leaf) for leaf in request.groups[GROUP]]
    for leaf in leaves:
        if leaf["record_key"] == record_key:
            leaf.update(changes)
    return replace(request, groups={GROUP: [to_canonical(leaf) for leaf in leaves]})


def test_honest_statement(installation: Installation, closed: AuditRequest) -> None:
    """What is closed is accepted; the file that only takes back is sent beside those that records name."""
    assert findings(installation, closed) == []
    assert (len(closed.originals), len(closed.also), len(closed.order["activities"])) == (2, 1, 3)


def test_hidden_removal_is_not_believed(installation: Installation, closed: AuditRequest) -> None:
    """Without the file that took an activity back, the auditor misses the activity."""
    order = [digest for digest in closed.order["activities"] if digest not in closed.also]
    (found,) = findings(installation, replace(closed, also={}, order={"activities": order}))
    assert found.startswith("record: A record of the originals is left out; expected gone; got no such record; in 2025-05.")


def test_left_out_record(installation: Installation, closed: AuditRequest) -> None:
    """A record that is left out is found."""
    kept = [leaf for leaf in closed.groups[GROUP] if json.loads(leaf)["record_key"] != "c1"]
    found = findings(installation, replace(closed, groups={GROUP: kept}))
    assert found[0].startswith("record: A record of the originals is left out; expected c1")


def test_other_amount(installation: Installation, closed: AuditRequest) -> None:
    """A kilometre less is found."""
    leaf = next(json.loads(one) for one in closed.groups[GROUP] if json.loads(one)["record_key"] == "c1")
    less = [{**leaf["activities"][0], "quantity_micro": "99000000"}]
    found = findings(installation, changed_leaf(closed, "c1", activities=less))
    assert found[0] == (
        "record: A record does not follow from its originals; expected 100000000 millionths; got 99000000 millionths; in c1"
    )


def test_corrected_record_must_name_both(installation: Installation, closed: AuditRequest) -> None:
    """A record that hides the correction is found, even with the amount of the first file."""
    first = closed.order["activities"][0]
    found = findings(installation, changed_leaf(closed, "c2", documents=[first]))
    assert found[0].startswith("record: ")


def test_other_place_of_one_line(installation: Installation, closed: AuditRequest) -> None:
    """Lines of one file that say no place are at one place."""
    leaf = next(json.loads(one) for one in closed.groups[GROUP] if json.loads(one)["record_key"] == "c2")
    request = changed_leaf(
        closed, "c2", activities=[{**leaf["activities"][0], "key": {**leaf["activities"][0]["key"], "region": "FR"}}]
    )
    found = findings(installation, request)
    assert any(one.startswith(("record: ", "lines: ")) for one in found)


def test_stronger_evidence_is_not_believed(installation: Installation, closed: AuditRequest) -> None:
    """An uploaded file is no more than uploaded."""
    leaf = next(json.loads(one) for one in closed.groups[GROUP] if json.loads(one)["record_key"] == "c1")
    stronger = [{**leaf["activities"][0], "evidence": "signed_channel"}]
    found = findings(installation, changed_leaf(closed, "c1", activities=stronger))
    assert "The evidence of a record is weaker than it says" in found[0]


def test_later_files_do_not_touch_what_was_closed(installation: Installation, household: Whose) -> None:
    """What comes between closing and endorsing is of the next revision: the auditor of this one does not see it."""
    take(installation, household, CAR)
    row = installation.close_months(household, "2025-05")
    installation.clock.advance(60)
    take(installation, household, {**CAR, "quantity": "1"})
    assert findings(installation, request_of(installation, row)) == []


def test_usage_point_is_registered(installation: Installation, household: Whose) -> None:
    """Declared activities stand under one name with the zone of their days."""
    take(installation, household, CAR)
    with installation.looking() as work:
        (connection,) = connections.of_subject(work.session, household.tenant_id, household.subject_id)
        (point,) = connections.usage_points_of(work.session, household.tenant_id, connection.id)
        months = MonthRange.from_text("2025-05")
        (revision,) = records.revisions_for_period(work.session, household.tenant_id, household.subject_id, months)
    assert (point.name, point.zone, revision.revision.usage_point) == ("declared", "America/New_York", "declared")


def test_documented_lines_are_taken_in(installation: Installation, household: Whose, repository: Path) -> None:
    """The page about these files has a line for every kind: all are taken in, closed, and accepted by the auditor."""
    page = (repository / "docs" / "activities-file.md").read_text()
    body = page.partition("```ndjson\n")[2].partition("```")[0].encode()
    report = installation.take(household, body, connector="activities")
    assert report.refused == ()
    assert (report.new_count, {one.key.kind for one in stored(installation, household)}) == (len(KINDS), set(KINDS))
    assert audited(installation, household, "2024-03") == []


def test_what_was_refused_as_future_is_missed_later(installation: Installation, household: Whose) -> None:
    """A booked drive is refused until it has happened; whoever closes without it is told to take the file in again."""
    booked = {**CAR, "id": "c2", "start": "2025-06-20"}
    take(installation, household, {**CAR, "start": "2025-06-02"}, booked)
    installation.clock.advance(30 * 86_400)
    (found, *_) = audited(installation, household, "2025-06")
    assert found.startswith("record: A record of the originals is left out; expected c2; got no such record; in 2025-06.")
    assert found.endswith("Take the original in again, then close the period again.")
    take(installation, household, {**CAR, "start": "2025-06-02"}, booked)
    assert audited(installation, household, "2025-06") == []


def _random_file(random: Random) -> bytes:
    """A few drives under a few names, in April or May, some corrected, some taken back, some without id or with a place."""
    said: dict[str, dict[str, Any]] = {}
    for _ in range(random.randint(1, 5)):
        name = random.choice("abcdef")
        if random.random() < 0.25:
            said[name] = {"id": name, "removed": True}
            continue
        drive = {
            **CAR,
            "id": name,
            "quantity": str(random.randint(0, 99)),
            "start": f"2025-0{random.randint(4, 5)}-{random.randint(10, 28)}",
        }
        if random.random() < 0.3:
            drive["end"] = "2025-05-30"
        if random.random() < 0.3:
            drive["region"] = random.choice(["FR", "94110", "Narnia"])
        if random.random() < 0.2:
            del drive["id"]
        said[name] = drive
    return lines(*said.values())


@pytest.mark.parametrize("seed", range(15, 25))
def test_any_history_passes_the_audit(installation: Installation, household: Whose, seed: int) -> None:
    """Whatever files come in whatever order, again, or with another place: what follows is what the auditor derives."""
    random = Random(seed)  # noqa: S311 - the same histories in every run
    take(installation, household, {**CAR, "id": "stays"}, {**CAR, "id": "april", "start": "2025-04-03"})
    files: list[bytes] = []
    for _ in range(8):
        body = random.choice(files) if files and random.random() < 0.3 else _random_file(random)
        files.append(body)
        place = place_from_text(random.choice(["DE", "GB"])) if random.random() < 0.4 else None
        with suppress(DocumentError):  # a file whose every line is refused
            installation.take(household, body, place=place, connector="activities")
        installation.clock.advance(60)
        if random.random() < 0.3:
            with installation.work() as work:
                page = activities.page(work.session, household.tenant_id, household.subject_id)
                named = [one.record_id for one in page.items if len(one.record_key) == 1]
                if named:
                    remove_record(work, household, random.choice(named))
        installation.clock.advance(60)
    take(installation, household, {**CAR, "id": "stays"}, {**CAR, "id": "april", "start": "2025-04-03"})
    assert (audited(installation, household, "2025-04"), audited(installation, household, "2025-05")) == ([], [])


def test_original_of_the_other_sort(installation: Installation, household: Whose, closed: AuditRequest) -> None:
    """Where a connector's originals are meters, declared records are not believed; and the other way round."""
    meters = document(series(hours(date(2025, 5, 1), date(2025, 5, 1)), [500] * 24))

    def misread(_: str, body: bytes) -> MeterDocument | ActivityDocument:
        return GREEN_BUTTON.parse(meters)

    found = audit_statement(
        closed, factor_set=installation.services.factor_set, reader=Reader(misread, lambda _: PARSER_VERSION)
    )[1]
    assert found[0].detail.startswith("An original declares no activities; expected activities one by one; got activities")
    moved = [json.loads(leaf) | {"usage_point": "a meter"} for leaf in closed.groups[GROUP] if b'"record_key":"c1"' in leaf]
    request = replace(closed, groups={GROUP: [to_canonical(leaf) for leaf in moved]})
    assert any(
        "An original has no meters; expected records of declared; got a meter" in one for one in findings(installation, request)
    )


def test_meter_is_not_read_from_activities(installation: Installation, household: Whose, monkeypatch: pytest.MonkeyPatch) -> None:
    """A meter whose connector suddenly declares activities is not moved: nothing of it is known any more."""
    installation.take(household, document(series(hours(date(2025, 5, 1), date(2025, 5, 1)), [500] * 24)))
    other = document(series(hours(date(2025, 5, 2), date(2025, 5, 2)), [500] * 24))
    read = GREEN_BUTTON.parse(other)
    monkeypatch.setattr("connectors.green_button.GreenButton.parse", lambda *_: ACTIVITIES.parse(lines(CAR)))
    received = Received(other, "text/xml", EvidenceClass.UPLOADED)
    with pytest.raises(DocumentError, match="has no readings any more"), installation.work() as work:
        import_document(work, household, "green-button", received, place=place_from_text("10025"), document=read)
