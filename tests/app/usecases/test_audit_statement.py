"""An auditor that recomputes everything finds every kind of lie, and names it."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.services import Whose
from app.store import ledger, statements
from app.store.statements import StatementRow, StatementState
from app.usecases.audit_statement import AuditRequest, Finding, Reader, audit_statement
from app.usecases.endorse_statement import OUR_READER, audit_request, endorse_statement
from app.usecases.enter_bill import BillInput
from domain.activity import EvidenceClass
from domain.canonical import to_canonical
from domain.factor import FactorSetId
from domain.manifest import Manifest, TreeId, manifest_from_canonical
from domain.period import MonthRange
from tests.app.usecases.installation import Installation, steady

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
    findings = audited(with_manifest(request_made, lambda m: replace(m, method="cf-method/2")))
    assert named(findings, "method") == "The method differs; expected cf-method/1; got cf-method/2"


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
    """Retired grams without a retired unit are found: the manifest names none."""
    findings = audited(with_manifest(request_made, lambda m: replace(m, totals=replace(m.totals, retired_g_co2e=1000))))
    assert named(findings, "lines").startswith("The totals differ")


def test_raised_evidence_of_a_record(request_made: AuditRequest, audited: Audited) -> None:
    """What was typed is not uploaded, whatever the record says."""

    def raised(leaf: Leaf) -> None:
        leaf["activities"][0]["evidence"] = "uploaded"

    findings = audited(with_leaf(request_made, raised, group="typed-bill|Barn|2025-05", index=0))
    assert named(findings, "record").startswith("The evidence of a record is weaker than it says; expected typed; got uploaded")


def test_fetched_evidence_is_not_believed(request_made: AuditRequest, audited: Audited) -> None:
    """An auditor that gets a file from the subject has not seen it fetched."""

    def raised(leaf: Leaf) -> None:
        leaf["activities"][0]["evidence"] = "fetched_by_auditor"

    assert "expected uploaded; got fetched_by_auditor" in named(audited(with_leaf(request_made, raised)), "record")


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
