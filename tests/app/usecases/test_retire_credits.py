"""Retired credits lower the net alone, are claimed once, and stand in the statement that auditors and strangers check."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from hashlib import sha256
from typing import Any

import pytest

from app.chain import ChainDesk
from app.services import Whose
from app.store import activities, documents
from app.store.statements import StatementRow, StatementState
from app.usecases.audit_statement import AuditRequest, audit_statement
from app.usecases.bill_attachments import attachments_of
from app.usecases.endorse_statement import OUR_READER, audit_request
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.keep_original import Received, fetch_original
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.remove_record import remove_record
from app.usecases.retire_credits import Retired, RetirementInput, retire_credits
from app.usecases.show_dashboard import show_dashboard
from app.usecases.show_statement import show_statement
from app.usecases.verify_bundle import StepState
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages import statement as statement_page
from domain.activity import EvidenceClass
from domain.canonical import to_canonical
from domain.errors import ConflictError, DocumentError, InputError, TimeError
from domain.manifest import Manifest, RetiredUnits, manifest_from_canonical
from tests.app.usecases.installation import Installation, steady

CREDITS = RetirementInput("Verra", "VCS-1-2", "1.5", "t", "2025-04-30", credit_type="removal", vintage="2023")
REC = {
    "id": "rec",
    "kind": "electricity_certificate",
    "quantity": "10",
    "unit": "kWh",
    "start": "2025-04-01",
    "instrument": "rec",
    "registry": "WREGIS",
    "serial": "W-1",
}
CERTIFICATE = Received(b"%PDF-1.7 retired", "application/pdf", EvidenceClass.UPLOADED, "certificate.pdf")


def retire(installation: Installation, whose: Whose, said: RetirementInput = CREDITS, file: Received | None = None) -> Retired:
    """Retire credits, committed."""
    with installation.work() as work:
        return retire_credits(work, whose, said, attachment=file)


def take(installation: Installation, whose: Whose, *said: dict[str, str]) -> None:
    """Import a file of activities."""
    installation.take(whose, "".join(json.dumps(one) + "\n" for one in said).encode(), connector="activities")


def credit_line(name: str, **changes: str) -> dict[str, str]:
    """A line of a file that retires the same credits."""
    line = {"id": name, "kind": "carbon_credit", "quantity": "1.5", "unit": "t", "start": "2025-04-30"}
    return line | {"registry": "Verra", "serial": "VCS-1-2", "credit_type": "removal", "vintage": "2023"} | changes


def request_of(installation: Installation, row: StatementRow) -> AuditRequest:
    """What the auditor is sent."""
    with installation.looking() as work:
        return audit_request(work, row)


def findings(installation: Installation, request: AuditRequest) -> dict[str, str]:
    """What the auditor does not accept, by code."""
    found = audit_statement(request, factor_set=installation.services.factor_set, reader=OUR_READER)[1]
    return {one.code: one.detail for one in found}


def page_of(installation: Installation, row: StatementRow) -> str:
    """The page of a statement."""
    with installation.looking() as work:
        model = show_statement(work, Whose(row.tenant_id, row.subject_id), row.id)
    return statement_page.render(model, messages_in(), Frame())


def bundle_of(installation: Installation, row: StatementRow) -> bytes:
    """The bundle that shows everything."""
    with installation.looking() as work:
        return export_bundle(work, row, Shown.EVERYTHING).to_bytes()


@pytest.fixture
def issued(installation: Installation, business: Whose, desk: ChainDesk) -> StatementRow:
    """A business's April with electricity, a certificate and credits: closed, audited, a token."""
    installation.take(business, steady(date(2025, 4, 1), date(2025, 4, 30)))
    take(installation, business, REC)
    retire(installation, business, file=CERTIFICATE)
    return installation.issue(desk, installation.close_months(business, "2025-04"))


def test_retired_credits_go_the_whole_way(installation: Installation, issued: StatementRow, desk: ChainDesk) -> None:
    """Closed, audited, issued, and every step of the bundle holds to the chain; the manifest names the units."""
    manifest = manifest_from_canonical(issued.manifest)
    assert issued.state is StatementState.ISSUED
    assert manifest.retired_units == (RetiredUnits("Verra", "VCS-1-2", 1_500_000),)
    assert manifest.totals.net_ug_co2e == manifest.totals.gross_market_ug_co2e - 1_500_000 * 10**6 < 0
    assert findings(installation, request_of(installation, issued)) == {}
    steps = verify_with_chain(bundle_of(installation, issued), factor_set=installation.services.factor_set, chain=desk)
    assert {step.state for step in steps} == {StepState.OK}


def test_page_says_that_the_net_is_negative(installation: Installation, issued: StatementRow) -> None:
    """The page names the units and says why the net is below zero."""
    html = page_of(installation, issued)
    assert "The net is below zero: more was retired than emitted." in html
    assert "VCS-1-2" in html


def units_to(*units: RetiredUnits) -> Callable[[Manifest], Manifest]:
    """A manifest that names other units, its totals beside them."""

    def change(manifest: Manifest) -> Manifest:
        totals = replace(manifest.totals, retired_g_co2e=sum(one.amount_g_co2e for one in units))
        return replace(manifest, retired_units=units, totals=totals)

    return change


TAMPERED = {
    "more": units_to(RetiredUnits("Verra", "VCS-1-2", 1_500_001)),
    "other serial": units_to(RetiredUnits("Verra", "VCS-1-3", 1_500_000)),
    "other registry": units_to(RetiredUnits("Gold Standard", "VCS-1-2", 1_500_000)),
    "one more": units_to(RetiredUnits("Verra", "VCS-1-2", 1_500_000), RetiredUnits("Verra", "VCS-9", 1)),
    "none": units_to(),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_auditor_finds_tampered_units(installation: Installation, issued: StatementRow, name: str) -> None:
    """Units that no record says are a finding, whatever their sum."""
    request = request_of(installation, issued)
    changed = TAMPERED[name](manifest_from_canonical(request.manifest))
    found = findings(installation, replace(request, manifest=changed.canonical_bytes))
    assert set(found) == {"lines"}
    assert found["lines"].startswith("The retired units differs")


@pytest.mark.parametrize("name", TAMPERED)
def test_verifier_finds_tampered_units(installation: Installation, issued: StatementRow, name: str) -> None:
    """In a bundle the records say what was retired; the issuance and its signatures say how much."""
    content: dict[str, Any] = json.loads(bundle_of(installation, issued))
    changed = TAMPERED[name](manifest_from_canonical(content["manifest"].encode()))
    content["manifest"] = changed.canonical_bytes.decode()
    body = {field: value for field, value in content.items() if field != "checksum"}
    data = to_canonical({**body, "checksum": sha256(to_canonical(body)).hexdigest()})
    steps = verify_with_chain(data, factor_set=installation.services.factor_set, chain=None)
    failed = {step.name: step.detail for step in steps if step.state is StepState.FAILED}
    assert set(failed) == {"issuance", "quantities"}
    assert failed["quantities"].startswith("The retired units differs")


DISHONEST: dict[str, tuple[str, object, tuple[dict[str, str], ...]]] = {
    "the same serial twice": (
        "_claimed_once",
        lambda certificates: (certificates, []),
        (REC, REC | {"id": "again", "quantity": "9"}),
    ),
    "of another country": ("_country", lambda _: "US", (REC | {"region": "DE"},)),
    "less than there is": ("_most_micro", lambda *_: 1, (REC,)),
}
"""What a program would do that takes away too much or too little: a function of ours, what stands for it, what is declared."""


@pytest.mark.parametrize("name", DISHONEST)
def test_verifier_finds_certificates_that_the_method_does_not_count(
    installation: Installation, business: Whose, desk: ChainDesk, monkeypatch: pytest.MonkeyPatch, *, name: str
) -> None:
    """Signed and on the chain, by auditors that ran the same changed program: the bundle's own inputs say otherwise."""
    function, instead, certificates = DISHONEST[name]
    installation.take(business, steady(date(2025, 4, 1), date(2025, 4, 30)))
    take(installation, business, *certificates)
    with monkeypatch.context() as changed:
        changed.setattr(f"scoring.certificates.{function}", instead)
        row = installation.issue(desk, installation.close_months(business, "2025-04"))
    steps = verify_with_chain(bundle_of(installation, row), factor_set=installation.services.factor_set, chain=desk)
    failed = {step.name: step.detail for step in steps if step.state is StepState.FAILED}
    assert set(failed) == {"quantities"}
    assert "certificates" in failed["quantities"]


def test_gross_and_score_stay(installation: Installation, business: Whose, household: Whose) -> None:
    """Two subjects with the same electricity, one of which retires: the same gross, lines, evidence and score."""
    closed = {}
    for whose in (business, household):
        installation.take(whose, steady(date(2025, 4, 1), date(2025, 4, 30)))
    scores = []
    with installation.looking() as work:
        scores.append(show_dashboard(work, household).score)
    retire(installation, household)
    with installation.looking() as work:
        scores.append(show_dashboard(work, household).score)
    for whose in (business, household):
        closed[whose] = manifest_from_canonical(installation.close_months(whose, "2025-04").manifest)
    assert scores[0] == scores[1]
    assert scores[0].points is not None
    without, retired = closed[business], closed[household]
    assert (without.totals.retired_g_co2e, retired.totals.retired_g_co2e) == (0, 1_500_000)
    assert replace(retired.totals, retired_g_co2e=0) == without.totals
    assert (retired.evidence_ppm, retired.coverage_ppm) == (without.evidence_ppm, without.coverage_ppm)


def test_same_units_in_two_records_do_not_count(installation: Installation, household: Whose, desk: ChainDesk) -> None:
    """Twice in a file: none counts, both are shown unscored with the reason, and auditor and verifier say the same."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 2)))
    take(installation, household, credit_line("a"), credit_line("b", vintage="2022"))
    row = installation.issue(desk, installation.close_months(household, "2025-04"))
    assert row.state is StatementState.ISSUED
    assert manifest_from_canonical(row.manifest).retired_units == ()
    reason = "The units VCS-1-2 of Verra are in more than one record: none counts until one is removed."
    assert page_of(installation, row).count(reason) == 2
    steps = verify_with_chain(bundle_of(installation, row), factor_set=installation.services.factor_set, chain=desk)
    assert {step.state for step in steps} == {StepState.OK}
    with pytest.raises(ConflictError, match=r"in several records of this subject already: none counts; .*; got a, b; "):
        retire(installation, household)


def test_same_again_is_known(installation: Installation, household: Whose) -> None:
    """The same words in another unit, with other spaces: nothing new, and it is said."""
    first = retire(installation, household)
    again = retire(installation, household, replace(CREDITS, quantity_text=" 1500 ", unit="kg", serial=" VCS-1-2 "))
    assert (first.is_known, again.is_known, again.report) == (False, True, None)
    assert (first.amount_g_co2e, again.amount_g_co2e, again.evidence) == (1_500_000, 1_500_000, EvidenceClass.TYPED)


def test_document_makes_it_uploaded(installation: Installation, household: Whose) -> None:
    """The file is kept, found from the line, and raises the evidence of what was typed; without it nothing is lowered again."""
    assert retire(installation, household).evidence is EvidenceClass.TYPED
    with_file = retire(installation, household, file=CERTIFICATE)
    assert (with_file.is_known, with_file.evidence) == (True, EvidenceClass.UPLOADED)
    assert retire(installation, household).evidence is EvidenceClass.UPLOADED
    assert with_file.report is not None
    with installation.looking() as work:
        kept = attachments_of(work, household)
        line = documents.by_sha256(work.session, household.tenant_id, household.subject_id, with_file.report.document_sha256)
        said = json.loads(fetch_original(work, line))
        assert fetch_original(work, kept[line.sha256]) == CERTIFICATE.body
    assert said["attachment_sha256"] == sha256(CERTIFICATE.body).hexdigest()
    row = installation.close_months(household, "2025-04")
    assert findings(installation, request_of(installation, row)) == {}


def test_file_of_activities_is_known_too(installation: Installation, household: Whose) -> None:
    """Units that came in a file under another name are known; the file stays what says so."""
    take(installation, household, credit_line("mine"))
    known = retire(installation, household, file=CERTIFICATE)
    assert (known.is_known, known.record_key, known.report) == (True, "mine", None)


@pytest.mark.parametrize("serial", ["VCS-1-2", "vcs-1-2", " VCS - 1-2"])
def test_units_of_somebody_else_are_refused(installation: Installation, household: Whose, serial: str) -> None:
    """However they are written; nobody is told whose they are, and nothing is kept."""
    other = installation.business()
    retire(installation, other)
    with pytest.raises(ConflictError, match="These credits are claimed already on this installation") as refused:
        retire(installation, household, replace(CREDITS, serial=serial, quantity_text="2"), CERTIFICATE)
    said = refused.value.sentence()
    for secret in (other.subject_id, other.tenant_id, "Bakery", "2025-04-30", "1500"):
        assert secret not in said
    with installation.looking() as work:
        assert documents.of_subject(work.session, household.tenant_id, household.subject_id) == ()


def test_units_of_somebody_who_removed_them_are_free(installation: Installation, household: Whose) -> None:
    """A claim that was taken back claims nothing."""
    other = installation.business()
    take(installation, other, credit_line("a"))
    take(installation, other, {"id": "a", "removed": "true"})
    assert retire(installation, household).is_known is False


@pytest.mark.parametrize(
    "changes",
    [{"quantity_text": "1.6"}, {"on_date": "2025-04-29"}, {"vintage": "2022"}, {"credit_type": ""}, {"registry": "VERRA"}],
)
def test_other_numbers_are_refused(installation: Installation, household: Whose, changes: dict[str, str]) -> None:
    """One's own units with other numbers are no second retirement, and no silent correction."""
    retire(installation, household)
    with pytest.raises(ConflictError, match="These credits are retired already, and otherwise; expected 1500 kg on 2025-04-30"):
        retire(installation, household, replace(CREDITS, **changes))


def test_removed_units_can_be_retired_again(installation: Installation, household: Whose) -> None:
    """After a removal the very same words count again, as a record of their own; the auditor accepts all three documents."""
    retire(installation, household)
    with installation.work() as work:
        (row_of_list,) = activities.page(work.session, household.tenant_id, household.subject_id).items
        remove_record(work, household, row_of_list.record_id)
    again = retire(installation, household)
    assert (again.is_known, again.record_key) == (False, "retired Verra VCS-1-2 (2)")
    assert retire(installation, household, file=CERTIFICATE).record_key == "retired Verra VCS-1-2 (2)"
    row = installation.close_months(household, "2025-04")
    assert manifest_from_canonical(row.manifest).totals.retired_g_co2e == 1_500_000
    assert findings(installation, request_of(installation, row)) == {}


def test_closed_month_is_marked(installation: Installation, household: Whose) -> None:
    """A retirement in a closed month changes it; one in another month does not."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 2)))
    installation.close_months(household, "2025-04")
    other = retire(installation, household, replace(CREDITS, serial="VCS-7", on_date="2025-05-02"))
    assert other.changed_periods == ()
    (period,) = retire(installation, household).changed_periods
    assert str(period.months) == "2025-04"
    row = installation.close_months(household, "2025-04", reason="credits were retired")
    assert row.totals.retired_g_co2e == 1_500_000


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"quantity_text": "0"}, InputError, "Credits are retired by the gram"),
        ({"quantity_text": "-1"}, InputError, "Credits are retired by the gram"),
        ({"quantity_text": "0.9", "unit": "g"}, InputError, "Credits are retired by the gram"),
        ({"quantity_text": "1,5"}, DocumentError, "quantity"),
        ({"quantity_text": "NaN"}, DocumentError, "quantity"),
        ({"quantity_text": "1" + "0" * 30}, DocumentError, "quantity"),
        ({"quantity_text": ""}, DocumentError, "A field is missing"),
        ({"unit": "kWh"}, DocumentError, "unit"),
        ({"on_date": "2025-02-30"}, DocumentError, "expected a day such as"),
        ({"on_date": "2025-06-16"}, TimeError, "This retirement lies in the future; expected a day up to 2025-06-15"),
        ({"credit_type": "offset"}, DocumentError, "expected one of avoidance, removal"),
        ({"vintage": "23"}, DocumentError, "vintage"),
        ({"serial": " "}, DocumentError, "serial"),
        ({"registry": "R" * 61}, DocumentError, "registry"),
        ({"serial": "S" * 121}, DocumentError, "serial"),
        ({"serial": "a\u202eb"}, DocumentError, "can be printed"),
    ],
)
def test_bad_input_is_refused(
    installation: Installation, household: Whose, changes: dict[str, str], error: type[Exception], *, message: str
) -> None:
    """Each with what would fit; nothing is kept."""
    with pytest.raises(error) as refused:
        retire(installation, household, replace(CREDITS, **changes))
    assert message in str(refused.value)
    assert "line 1" not in str(refused.value)
    with installation.looking() as work:
        assert documents.of_subject(work.session, household.tenant_id, household.subject_id) == ()


def test_longest_names_are_taken(installation: Installation, household: Whose) -> None:
    """Registry and serial as long as they may be still make a name that can be read again."""
    said = replace(CREDITS, registry="R" * 60, serial="S" * 120)
    assert retire(installation, household, said).is_known is False
    assert retire(installation, household, said).is_known is True
