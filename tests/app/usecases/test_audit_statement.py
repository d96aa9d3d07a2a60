"""An auditor that recomputes everything finds every kind of lie, and names it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import pairwise
from typing import Any

import pytest

from app.services import Whose
from app.store import ledger, statements
from app.store.statements import StatementRow, StatementState
from app.usecases.audit_statement import AuditRequest, Finding, Reader, audit_statement, is_self_declared, record_counts
from app.usecases.close_period import close_period
from app.usecases.endorse_statement import OUR_READER, audit_request, endorse_statement
from app.usecases.enter_bill import BillInput
from domain.activity import EvidenceClass
from domain.canonical import to_canonical
from domain.factor import FactorSetId
from domain.manifest import Manifest, RetiredUnits, TreeId, manifest_from_canonical
from domain.period import MonthRange, local_midnight
from tests.app.usecases.installation import NEW_YORK, Installation, document, series, steady

GROUP = "green-button|espi/RetailCustomer/1/UsagePoint/1|2025-05"
Leaf = dict[str, Any]


@pytest.fixture
def closed(installation: Installation, household: Whose) -> StatementRow:
    """May of the household: days from two documents, and a typed bill."""
    installation.take(household, steady(date(2025, 5, 1), date(2025, 5, 20)))
    installation.take(household, steady(date(2025, 5, 20), date(2025, 5, 31), watt_hours=600))
    installation.bill(household, BillInput("Barn", "2025-05-01", "2025-05-31", "10", is_additional=True))
    return installation.close_months(household, "2025-05")


@pytest.fixture
def request_made(installation: Installation, closed: StatementRow) -> AuditRequest:
    """What the auditor is sent."""
    with installation.looking() as work:
        return audit_request(work, closed)


@pytest.fixture
def audited(installation: Installation) -> Callable[[AuditRequest], list[Finding]]:
    """The auditor's findings on a request."""
    return lambda request: list(audit_statement(request, factor_set=installation.services.factor_set, reader=OUR_READER)[1])


Audited = Callable[[AuditRequest], list[Finding]]


def with_manifest(request: AuditRequest, change: Callable[[Manifest], Manifest]) -> AuditRequest:
    """The request with another manifest."""
    return replace(request, manifest=change(manifest_from_canonical(request.manifest)).canonical_bytes)


def with_leaf(request: AuditRequest, change: Callable[[Leaf], None], *, group: str = GROUP, index: int = 4) -> AuditRequest:
    """The request with one leaf changed."""
    leaf = json.loads(request.groups[group][index])
    change(leaf)
    leaves = [*request.groups[group][:index], to_canonical(leaf), *request.groups[group][index + 1 :]]
    return replace(request, groups={**request.groups, group: leaves})


def named(findings: list[Finding], code: str) -> str:
    """The detail of the finding with this code."""
    (detail,) = (finding.detail for finding in findings if finding.code == code)
    return detail


def test_honest_statement_has_no_finding(request_made: AuditRequest, audited: Audited) -> None:
    """What the program closes, its auditor accepts."""
    assert audited(request_made) == []


def test_changed_quantity(request_made: AuditRequest, audited: Audited) -> None:
    """A kilowatt-hour less in one record is found, with both amounts and the record."""

    def less(leaf: Leaf) -> None:
        leaf["activities"][0]["quantity_micro"] = "11000000"

    detail = named(audited(with_leaf(request_made, less)), "record")
    assert detail == (
        "A record does not follow from its originals; expected 12000000 millionths; got 11000000 millionths; "
        "in espi/RetailCustomer/1/UsagePoint/1|electricity|2025-05-05"
    )


def test_swapped_original(request_made: AuditRequest, audited: Audited) -> None:
    """Other bytes under the hash of an original are found."""
    digest = min(request_made.originals)
    detail = named(audited(replace(request_made, originals={**request_made.originals, digest: b"other"})), "original")
    assert detail.startswith(f"The hash of an original differs; expected {digest}")


def test_missing_original(request_made: AuditRequest, audited: Audited) -> None:
    """An original that a record names and nobody sends is found."""
    digest = min(request_made.originals)
    rest = {name: body for name, body in request_made.originals.items() if name != digest}
    assert named(audited(replace(request_made, originals=rest)), "original").startswith(
        f"An original is missing; expected {digest}"
    )


def test_other_zone_of_one_record(request_made: AuditRequest, audited: Audited) -> None:
    """A meter has one time zone."""
    detail = named(audited(with_leaf(request_made, lambda leaf: leaf.update(zone="America/Chicago"))), "record")
    assert detail.startswith("The zone of meter espi/RetailCustomer/1/UsagePoint/1 differs")


def test_other_zone_of_all_records(request_made: AuditRequest, audited: Audited) -> None:
    """Days that were cut elsewhere do not follow from the originals."""
    leaves = [leaf.replace(b"America/New_York", b"America/Chicago") for leaf in request_made.groups[GROUP]]
    findings = audited(replace(request_made, groups={**request_made.groups, GROUP: leaves}))
    assert "A record does not follow from its originals" in named(findings, "record")


def test_other_method(request_made: AuditRequest, audited: Audited) -> None:
    """Another business logic is refused, saying which one the auditor holds."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, method="cf-method/1")))
    assert named(findings, "method") == "The method differs; expected cf-method/2; got cf-method/1"


def test_other_factor_set(request_made: AuditRequest, audited: Audited) -> None:
    """Another factor set is refused."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, factor_set=FactorSetId(1, "ab" * 32))))
    assert named(findings, "method").startswith("The factor set differs")


def test_other_parser_in_the_manifest(request_made: AuditRequest, audited: Audited) -> None:
    """An auditor refuses parsers that it does not hold, saying which it holds."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, parsers={**m.parsers, "green-button": "green-button/0"})))
    ours = f"green-button {OUR_READER.version('green-button')}, typed-bill {OUR_READER.version('typed-bill')}"
    assert named(findings, "parser").startswith(
        f"This auditor holds other parsers; expected {ours}; got green-button green-button/0"
    )


def test_other_parser_of_a_record(request_made: AuditRequest, audited: Audited) -> None:
    """A record that says another parser than the manifest is found."""
    findings = audited(with_leaf(request_made, lambda leaf: leaf.update(parser="green-button/0")))
    assert "The parser of the record espi/RetailCustomer/1/UsagePoint/1|electricity|2025-05-05 differs" in named(
        findings, "parser"
    )


def test_newer_parser_at_the_auditor(installation: Installation, request_made: AuditRequest) -> None:
    """An auditor that was upgraded says so instead of finding differences."""
    reader = Reader(OUR_READER.parse, lambda connector: f"{connector}/99")
    _, findings = audit_statement(request_made, factor_set=installation.services.factor_set, reader=reader)
    assert named(list(findings), "parser").startswith(
        "This auditor holds other parsers; expected green-button green-button/99, typed-bill typed-bill/99"
    )


def test_wrong_line(request_made: AuditRequest, audited: Audited) -> None:
    """A line with other emissions is found."""
    line = json.loads(request_made.lines[0])
    line["emissions_ug_co2e"]["co2"] = "1"
    assert named(audited(replace(request_made, lines=[to_canonical(line), *request_made.lines[1:]])), "lines").startswith(
        "The lines differ"
    )


def test_wrong_totals(request_made: AuditRequest, audited: Audited) -> None:
    """Totals that are not the sum of the lines are found."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, totals=replace(m.totals, gross_location_ug_co2e=1))))
    assert named(findings, "lines").startswith("The totals differ")


def test_retired_without_units(request_made: AuditRequest, audited: Audited) -> None:
    """Retired grams without retired units make no manifest; with units that no record says, they are found."""
    retired = with_manifest(request_made, lambda m: replace(m, totals=replace(m.totals, retired_g_co2e=1000)))
    assert named(audited(retired), "manifest").startswith("A number of this manifest cannot be")
    units = (RetiredUnits("Gold Standard", "GS1-1", 1000),)
    named_units = with_manifest(
        request_made, lambda m: replace(m, totals=replace(m.totals, retired_g_co2e=1000), retired_units=units)
    )
    assert named(audited(named_units), "lines").startswith("The retired units differs; expected ()")


def test_raised_evidence_of_a_record(request_made: AuditRequest, audited: Audited) -> None:
    """What was typed is not uploaded, whatever the record says."""

    def raised(leaf: Leaf) -> None:
        leaf["activities"][0]["evidence"] = "uploaded"

    findings = audited(with_leaf(request_made, raised, group="typed-bill|Barn|2025-05", index=0))
    assert named(findings, "record").startswith("The evidence of a record is weaker than it says; expected typed; got uploaded")


def test_fetched_evidence_is_not_believed(request_made: AuditRequest, audited: Audited) -> None:
    """An auditor that gets a file from the subject has not fetched it itself."""

    def raised(leaf: Leaf) -> None:
        leaf["activities"][0]["evidence"] = "fetched_by_auditor"

    assert "expected fetched_by_connector; got fetched_by_auditor" in named(audited(with_leaf(request_made, raised)), "record")


def test_raised_evidence_shares(request_made: AuditRequest, audited: Audited) -> None:
    """Shares by evidence class that do not follow from the lines are found."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, evidence_ppm={EvidenceClass.UPLOADED: 1_000_000})))
    assert named(findings, "lines").startswith("The evidence shares differs")


def test_self_declared_flag(request_made: AuditRequest, audited: Audited) -> None:
    """A statement cannot choose whether it is self-declared."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, is_self_declared=not m.is_self_declared)))
    assert named(findings, "lines").startswith("The self-declared differs")


def test_wrong_coverage(request_made: AuditRequest, audited: Audited) -> None:
    """A coverage that does not follow from the readings is found."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, coverage_ppm=999_999)))
    assert [finding.code for finding in findings] == ["coverage"]
    assert named(findings, "coverage") == "The coverage in ppm differs; expected 1000000; got 999999"


def test_duplicate_record(request_made: AuditRequest, audited: Audited) -> None:
    """A record that stands twice would count twice."""
    leaves = request_made.groups[GROUP]
    findings = audited(replace(request_made, groups={**request_made.groups, GROUP: [*leaves, leaves[0]]}))
    assert named(findings, "record").startswith("A record stands twice; expected each record once a month")


def test_record_left_out(request_made: AuditRequest, audited: Audited) -> None:
    """A day that the originals have and the statement does not is found."""
    leaves = list(request_made.groups[GROUP])
    del leaves[4]
    detail = named(audited(replace(request_made, groups={**request_made.groups, GROUP: leaves})), "record")
    assert detail.startswith(
        "A record of the originals is left out; expected espi/RetailCustomer/1/UsagePoint/1|electricity|2025-05-05"
    )


def test_record_outside_the_period(request_made: AuditRequest, audited: Audited) -> None:
    """A record of May in a statement of April is found."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, period=MonthRange.from_text("2025-04"))))
    assert named(findings, "record").startswith("A record is outside the period; expected 2025-04; got 2025-05")


def test_record_in_another_group(request_made: AuditRequest, audited: Audited) -> None:
    """A record stands in the group of its source, meter and month."""
    groups = {**request_made.groups, "green-button|other|2025-05": request_made.groups[GROUP]}
    del groups[GROUP]
    assert named(audited(replace(request_made, groups=groups)), "record").startswith("The group differs")


def test_wrong_statement_key(request_made: AuditRequest, audited: Audited) -> None:
    """With another key the trees are others."""
    findings = audited(replace(request_made, statement_key=bytes(32)))
    assert [finding.code for finding in findings] == ["trees"]
    assert named(findings, "trees").startswith("The inputs root differs")


@pytest.mark.parametrize("tree", ["inputs", "lines", "originals"])
def test_wrong_root(request_made: AuditRequest, audited: Audited, tree: str) -> None:
    """Each of the three roots is rebuilt."""
    other = TreeId("ab" * 32, 1)
    changes: dict[str, Callable[[Manifest], Manifest]] = {
        "inputs": lambda m: replace(m, inputs=other),
        "lines": lambda m: replace(m, lines=other),
        "originals": lambda m: replace(m, originals=other),
    }
    assert named(audited(with_manifest(request_made, changes[tree])), "trees").startswith(f"The {tree} root differs")


@pytest.mark.parametrize("damaged", [b"", b"{", b'{"a": 1}', b"[]"])
def test_damaged_leaf_is_a_finding(request_made: AuditRequest, audited: Audited, damaged: bytes) -> None:
    """A leaf that cannot be read is a finding, not a failure of the auditor."""
    findings = audited(replace(request_made, groups={**request_made.groups, GROUP: [damaged]}))
    assert "record" in {finding.code for finding in findings}


def test_damaged_manifest_is_a_finding(request_made: AuditRequest, installation: Installation) -> None:
    """Bytes that are no manifest are a finding, and there is no manifest."""
    manifest, (finding,) = audit_statement(
        replace(request_made, manifest=b"{}"), factor_set=installation.services.factor_set, reader=OUR_READER
    )
    assert (manifest, finding.code) == (None, "manifest")


def test_findings_are_kept_and_nothing_is_signed(
    installation: Installation, closed: StatementRow, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A statement with findings has its answer, no batch, and is not signed later."""
    desk = request.getfixturevalue("desk")
    monkeypatch.setattr("app.usecases.endorse_statement.OUR_READER", Reader(OUR_READER.parse, lambda _: "other"))
    assert endorse_statement(installation.services, desk, closed.tenant_id, closed.id) is StatementState.FINDINGS
    with installation.looking() as work:
        (answer,) = ledger.endorsements_of(work.session, closed.tenant_id, closed.id)
        assert ledger.issuance_of_statement(work.session, closed.tenant_id, closed.id) is None
        assert statements.by_id(work.session, closed.tenant_id, closed.id).state is StatementState.FINDINGS
    assert json.loads(answer.findings_json)[0]["code"] == "parser"
    assert answer.verdict == "findings"


def test_merged_documents_are_replayed_in_their_order(installation: Installation, household: Whose) -> None:
    """Corrections by several feeds, also undated ones, are found again by the auditor in the same order."""
    for watt_hours in (500, 700, 600, 900):
        body = steady(date(2025, 4, 1), date(2025, 4, 3), watt_hours=watt_hours)
        installation.take(household, body.replace(b"2025-06-01T00:00:00Z", b""))
    row = installation.close_months(household, "2025-04")
    with installation.looking() as work:
        request = audit_request(work, row)
    _, findings = audit_statement(request, factor_set=installation.services.factor_set, reader=OUR_READER)
    assert findings == ()


MAY = (date(2025, 5, 1), date(2025, 5, 31))


def made_request(installation: Installation, whose: Whose, month: str = "2025-05") -> AuditRequest:
    """What the auditor is sent about a month closed now."""
    row = installation.close_months(whose, month)
    with installation.looking() as work:
        return audit_request(work, row)


def month_document(watt_hours: int, *, months: int = 1, updated_at: datetime = datetime(2025, 6, 1, tzinfo=UTC)) -> bytes:
    """A document with one reading for each month up to May."""
    first = [date(2025, 6 - back, 1) for back in range(months, 0, -1)]
    starts = [int(local_midnight(day, NEW_YORK).timestamp()) for day in (*first, date(2025, 6, 1))]
    parts = [series([start], [watt_hours], length_s=end - start) for start, end in pairwise(starts)]
    return document(*parts, updated_at=updated_at)


def test_left_out_meter(installation: Installation, household: Whose, audited: Audited) -> None:
    """A meter that stands in an original and in no record is found by name."""
    one = steady(*MAY)
    second = one[one.index(b"<entry") : one.index(b"</feed>")].replace(b"UsagePoint/1", b"UsagePoint/2")
    both = one.replace(b"</feed>", second + b"</feed>")
    installation.take(household, both)
    request = made_request(installation, household)
    assert (len(request.groups), audited(request)) == (2, [])
    left = replace(request, groups={name: leaves for name, leaves in request.groups.items() if name == GROUP})
    assert named(audited(left), "record").startswith(
        "A meter of the originals is left out; expected records of meter espi/RetailCustomer/1/UsagePoint/2; got none; in 2025-05"
    )


@pytest.fixture
def corrected(installation: Installation, household: Whose) -> AuditRequest:
    """May of which every day was corrected by a second document without a date."""
    for watt_hours in (500, 600):
        installation.take(household, steady(*MAY, watt_hours=watt_hours).replace(b"2025-06-01T00:00:00Z", b""))
    return made_request(installation, household)


def test_dropped_correction(corrected: AuditRequest, audited: Audited) -> None:
    """A record that leaves the correcting original out of its list, and keeps the old amount, is found."""

    def uncorrected(leaf: Leaf) -> None:
        assert len(leaf["documents"]) == 2
        del leaf["documents"][1]
        leaf["activities"][0]["quantity_micro"] = "12000000"

    assert audited(corrected) == []
    detail = named(audited(with_leaf(corrected, uncorrected)), "record")
    assert detail.startswith("A record does not follow from its originals; expected 14400000 millionths; got 12000000 millionths")


def test_list_of_originals_is_exact(corrected: AuditRequest, audited: Audited) -> None:
    """A record names all originals that speak about it, also where the amount is right."""
    detail = named(audited(with_leaf(corrected, lambda leaf: leaf["documents"].pop(0))), "record")
    assert detail.startswith("A record names other originals than those that speak about it")


def test_order_of_originals_is_one(corrected: AuditRequest, audited: Audited) -> None:
    """Undated feeds win by their order, so all records must tell the same one."""
    turned = with_leaf(corrected, lambda leaf: leaf["documents"].reverse())
    assert named(audited(turned), "record").startswith("The records name their originals in different orders")


def test_unnamed_original(request_made: AuditRequest, audited: Audited) -> None:
    """An original that no record names cannot be judged."""
    other = steady(*MAY, watt_hours=1)
    with_other = replace(request_made, originals={**request_made.originals, sha256(other).hexdigest(): other})
    assert named(audited(with_other), "original").startswith("An original belongs to no record")


def test_both_sides_counted(installation: Installation, household: Whose, audited: Audited) -> None:
    """Hourly readings and the month of the same meter: the honest statement counts one, and one with both is found."""
    monthly = month_document(372_000)
    installation.take(household, monthly)
    spans = made_request(installation, household)
    installation.take(household, steady(*MAY))
    with installation.work() as work:
        row = close_period(work, household, MonthRange.from_text("2025-05"), reason="The hours came.")
    with installation.looking() as work:
        days = audit_request(work, row)
    assert (audited(spans), audited(days)) == ([], [])
    assert len(days.groups[GROUP]) == 31
    both = replace(
        days, groups={GROUP: [*days.groups[GROUP], *spans.groups[GROUP]]}, originals={**days.originals, **spans.originals}
    )
    assert named(audited(both), "record").startswith(
        "A record does not count beside the others; expected every instant of a meter once; got espi/RetailCustomer/1"
    )


def test_months_told_again_are_accepted(installation: Installation, household: Whose, audited: Audited) -> None:
    """Documents that repeat earlier months, corrected or not, dated or not, give a statement without findings."""
    installation.take(household, month_document(300_000, months=3))
    installation.take(household, month_document(400_000, months=2, updated_at=datetime(2025, 6, 3, tzinfo=UTC)))
    installation.take(household, month_document(400_000, updated_at=datetime(2025, 6, 2, tzinfo=UTC)))
    assert audited(made_request(installation, household, "2025-03..2025-05")) == []


@pytest.mark.parametrize(
    ("region", "message"),
    [
        ("IS", "The time zone of a meter is none of its region; expected one of Atlantic/Reykjavik; got America/New_York"),
        ("US/zip/98101", "The time zone of a meter is none of its region; expected one of America/Los_Angeles"),
        ("US/egrid/NYUP", "This place is not known; expected a five-digit US ZIP code or a two-letter country code"),
        ("US/state/NY", "This place is not known"),
        ("US/zip/00000", "There is no such ZIP code in the EPA's table"),
        ("ZZ", "This place is not known"),
    ],
)
def test_region_is_a_place_of_its_zone(request_made: AuditRequest, audited: Audited, region: str, message: str) -> None:
    """A meter is at a ZIP code or in a country that has its time zone; whatever else is claimed is found."""
    leaves = [leaf.replace(b'"US/zip/10001"', f'"{region}"'.encode()) for leaf in request_made.groups[GROUP]]
    findings = audited(replace(request_made, groups={**request_made.groups, GROUP: leaves}))
    assert named(findings, "place").startswith(message)


def test_meter_with_two_regions(request_made: AuditRequest, audited: Audited) -> None:
    """A meter is at one place."""

    def moved(leaf: Leaf) -> None:
        leaf["activities"][0]["key"]["region"] = "US/zip/10002"

    detail = named(audited(with_leaf(request_made, moved)), "record")
    assert detail.startswith("The region of meter espi/RetailCustomer/1/UsagePoint/1 differs; expected US/zip/10001")


def test_place_is_taken_as_declared(installation: Installation, closed: StatementRow, request: pytest.FixtureRequest) -> None:
    """An acceptance says what no original shows: where the meter is."""
    assert endorse_statement(installation.services, request.getfixturevalue("desk"), closed.tenant_id, closed.id)
    with installation.looking() as work:
        (answer,) = ledger.endorsements_of(work.session, closed.tenant_id, closed.id)
    (note,) = json.loads(answer.findings_json)
    assert (answer.verdict, note["code"], note["detail"][:19]) == ("accepted", "place", "place: as declared;")


def test_typed_zero_is_self_declared(installation: Installation, household: Whose, audited: Audited) -> None:
    """A bill of 0 kWh that somebody typed is no audited zero."""
    installation.bill(household, BillInput("Con Edison", "2025-05-01", "2025-05-31", "0"))
    request = made_request(installation, household)
    assert manifest_from_canonical(request.manifest).is_self_declared
    assert audited(request) == []


def test_uploaded_zero_is_audited(installation: Installation, household: Whose, audited: Audited) -> None:
    """Readings of 0 kWh in the utility's file are as good as others."""
    installation.take(household, steady(*MAY, watt_hours=0))
    request = made_request(installation, household)
    assert not manifest_from_canonical(request.manifest).is_self_declared
    assert audited(request) == []


TYPED, UPLOADED = EvidenceClass.TYPED, EvidenceClass.UPLOADED


@pytest.mark.parametrize(
    ("shares_ppm", "counts", "expected"),
    [
        ({UPLOADED: 950_000, TYPED: 50_000}, {TYPED: 99}, False),
        ({UPLOADED: 949_999, TYPED: 50_001}, {UPLOADED: 99}, True),
        ({}, {UPLOADED: 19, TYPED: 1}, False),
        ({}, {UPLOADED: 18, TYPED: 1}, True),
        ({}, {}, True),
    ],
)
def test_evidence_floor(shares_ppm: dict[EvidenceClass, int], counts: dict[EvidenceClass, int], *, expected: bool) -> None:
    """Emissions decide; where nothing is emitted, records do; nothing at all is not audited."""
    assert is_self_declared(shares_ppm, counts) is expected


def test_records_are_counted_by_class(request_made: AuditRequest) -> None:
    """One bill was typed, 31 days were uploaded."""
    leaves = [leaf for leaves in request_made.groups.values() for leaf in leaves]
    assert record_counts(leaves) == {TYPED: 1, UPLOADED: 31}
