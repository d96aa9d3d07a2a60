"""A statement's page says what was closed, who vouches for it and where it stands; its proof page names nobody."""

import csv
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assemble import open_desk
from app.chain import ChainDesk
from app.services import Whose
from app.store import ledger, statements
from app.store.ledger import EndorsementRow, Verdict
from app.store.statements import StatementRow, StatementState
from app.store.subjects import SubjectKind
from app.usecases.endorse_statement import endorse_statement
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.find_successor import UNKNOWN, Standing, Successor, successor_of, successor_of_bundle
from app.usecases.look_at_chain import verify_with_chain
from app.usecases.send_outbox import send_outbox
from app.usecases.show_dashboard import show_dashboard
from app.usecases.show_proof import RECOMPUTED, public_totals, show_bundle, show_proof, without_details
from app.usecases.show_statement import LINES_HEADER, lines_csv, show_statement
from app.usecases.verify_bundle import Step, StepState
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages import proof as proof_page
from dashboards.pages import statement as statement_page
from dashboards.pages.dashboard import MonthState
from dashboards.pages.statement import StatementModel
from domain.bundle import AuditorName, bundle_from_bytes
from domain.canonical import from_canonical
from domain.errors import NotFoundError, ProofError
from domain.factor import Basis, GwpSet, Part
from domain.manifest import manifest_from_canonical
from domain.number import grams_of_micrograms
from domain.period import MonthRange
from domain.statement import Totals
from scoring.arithmetic import line_emissions
from scoring.factors.compile import compile_factor
from tests.app.usecases.scenes import Scene, document_of, load, make_scene

HOLDER = "0x00000000000000000000000000000000000000a1"


def page_of(scene: Scene, row: StatementRow) -> StatementModel:
    """The page of a statement."""
    return scene.look(lambda work: show_statement(work, scene.whose, row.id))


def with_month(folder: Path, *, holder: str = "") -> tuple[Scene, StatementRow]:
    """A subject with one closed month."""
    kind = SubjectKind.ENTITY if holder else SubjectKind.HOUSEHOLD
    scene = make_scene(folder, kind=kind, chain_holder=holder)
    scene.take_in(document_of(load(date(2025, 10, 1), date(2025, 11, 1), has_solar=True)), "october.xml")
    return scene, scene.close("2025-10")


def sent(scene: Scene, row: StatementRow) -> Iterator[ChainDesk]:
    """The chain, with the statement on it."""
    desk = open_desk(scene.services)
    endorse_statement(scene.services, desk, row.tenant_id, row.id)
    send_outbox(scene.services, desk)
    yield desk
    desk.close()


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scene, StatementRow]:
    """A household with a closed month that went to the chain; tests only look at it."""
    return with_month(tmp_path_factory.mktemp("closed"))


@pytest.fixture(scope="module")
def desk(closed: tuple[Scene, StatementRow]) -> Iterator[ChainDesk]:
    """Its chain."""
    yield from sent(*closed)


@pytest.fixture(scope="module")
def bundle(closed: tuple[Scene, StatementRow], desk: ChainDesk) -> bytes:
    """Its whole bundle."""
    scene, row = closed
    return scene.look(lambda work: export_bundle(work, row, Shown.EVERYTHING).to_bytes())


@pytest.fixture(scope="module")
def steps(closed: tuple[Scene, StatementRow], desk: ChainDesk, bundle: bytes) -> tuple[Step, ...]:
    """Its verification."""
    return verify_with_chain(bundle, factor_set=closed[0].services.factor_set, chain=desk)


def test_page_says_what_was_closed(closed: tuple[Scene, StatementRow], desk: ChainDesk) -> None:
    """Totals, lines and manifest are the stored ones."""
    scene, row = closed
    page = page_of(scene, row)
    assert page.statement.totals == row.totals
    assert page.statement.period == page.manifest.period == MonthRange.from_text("2025-10")
    assert page.manifest.manifest_hash.hex() == page.manifest_hash_hex == row.manifest_hash_hex
    assert {(one.key.kind, one.line.part, one.is_both) for one in page.traced} == {
        ("electricity", Part.USE, True),
        ("electricity", Part.GRID_LOSS, True),
        ("electricity_export", Part.USE, False),
    }
    assert len(page.lines_of(Basis.LOCATION)) == 3
    assert len(page.lines_of(Basis.MARKET)) == 2
    for one in page.traced:
        assert one.compiled is not None
        assert (one.compiled.factor.publisher, one.compiled.factor.region) == ("EPA eGRID", "US/egrid/CAMX")
        assert "CAMX" in one.region_name


def test_an_anchored_statement_says_who_signed_and_where(closed: tuple[Scene, StatementRow], desk: ChainDesk) -> None:
    """A household is anchored by the embedded auditor on the local chain; there is no token."""
    scene, row = closed
    page = page_of(scene, row)
    assert page.state is MonthState.ANCHORED
    (signer,) = page.endorsements
    assert signer.address_hex == scene.services.auditor.key.address
    assert page.is_one_operator
    assert page.chain is not None
    assert (page.chain.is_local, page.chain.state, page.chain.token_id_hex) == (True, "final", "")
    assert page.chain.contract_hex == desk.contract
    assert page.proof_href == f"/proof/{row.public_token}"
    assert page.bundle_href.endswith(f"/statements/{row.id}/bundle")
    assert scene.look(lambda work: show_dashboard(work, scene.whose)).proofs.anchored_ppm == 1_000_000
    assert "Anchored" in statement_page.render(page, messages_in(), Frame())


def test_a_business_is_issued_a_token(tmp_path: Path) -> None:
    """A subject with a holder's address gets a token."""
    scene, row = with_month(tmp_path, holder=HOLDER)
    for _ in sent(scene, row):
        page = page_of(scene, row)
    assert page.state is MonthState.ISSUED
    assert page.chain is not None
    assert len(page.chain.token_id_hex) == 64


def test_a_closed_statement_waits(tmp_path: Path) -> None:
    """Before anybody signed there is neither proof nor bundle nor chain."""
    scene, row = with_month(tmp_path)
    page = page_of(scene, row)
    assert (page.state, page.chain, page.endorsements) == (MonthState.CLOSED, None, ())
    assert (page.proof_href, page.bundle_href) == ("", "")


def test_findings_are_said(tmp_path: Path) -> None:
    """What an auditor found stands on the statement and on the month."""
    scene, row = with_month(tmp_path)
    finding = {"code": "original", "detail": "An original is missing; expected ab12, got 0 originals"}
    answer = EndorsementRow(
        id="answer",
        tenant_id=row.tenant_id,
        statement_id=row.id,
        node_id="embedded-us",
        node_region="US",
        signer_address=scene.services.auditor.key.address,
        manifest_hash_hex=row.manifest_hash_hex,
        verdict=Verdict.FINDINGS,
        findings_json=json.dumps([finding]),
        created_at=row.created_at,
    )
    scene.change(lambda work: ledger.add_endorsement(work.session, answer))
    scene.change(
        lambda work: statements.set_state(
            work.session, row.tenant_id, row.id, StatementState.FINDINGS, expected=[StatementState.CLOSED]
        )
    )
    page = page_of(scene, row)
    assert (page.state, page.findings, page.endorsements) == (MonthState.FINDINGS, (finding["detail"],), ())
    months = scene.look(lambda work: show_dashboard(work, scene.whose)).months
    found = [month for month in months if month.state is MonthState.FINDINGS]
    assert [(month.findings_count, month.close_href) for month in found] == [(1, "")]


def test_lines_as_csv_are_exact(closed: tuple[Scene, StatementRow]) -> None:
    """Grams of the location lines without avoided ones add up to the gross."""
    scene, row = closed
    header, *rows = csv.reader(StringIO(scene.look(lambda work: lines_csv(work, scene.whose, row.id))))
    assert tuple(header) == LINES_HEADER
    found = [dict(zip(header, one, strict=True)) for one in rows]
    gross = sum(Decimal(one["total_g_co2e"]) for one in found if (one["basis"], one["is_avoided"]) == ("location", "false"))
    assert gross * 1_000_000 == row.totals.gross_location_ug_co2e


def test_another_subjects_statement_is_not_there(closed: tuple[Scene, StatementRow]) -> None:
    """Within one tenant, too, a statement is its own subject's."""
    scene, row = closed
    stranger = Whose(scene.whose.tenant_id, "somebody-else")
    with pytest.raises(NotFoundError, match="There is no such statement"):
        scene.look(lambda work: show_statement(work, stranger, row.id))


def test_proof_shows_every_step(closed: tuple[Scene, StatementRow], steps: tuple[Step, ...]) -> None:
    """Fifteen steps, each with words in the catalogue, all holding, and the roots behind them."""
    scene, row = closed
    page = scene.look(lambda work: show_proof(work, row, steps, is_shared=False))
    assert [step.name for step in page.verification.steps] == [step.name for step in steps]
    assert all(f"proof_step.{step.name}" in messages_in() for step in steps)
    assert page.verification.verdict is proof_page.Verdict.HOLDS
    assert page.verification.not_checked_count == 0
    assert page.facts is not None
    assert page.facts.hashes["manifest_hash"] == row.manifest_hash_hex
    assert page.facts.inputs_count is None


def test_proof_names_nobody(closed: tuple[Scene, StatementRow], steps: tuple[Step, ...]) -> None:
    """Without a share link the page has no name, place, meter, file, record or id of the subject."""
    scene, row = closed
    page = scene.look(lambda work: show_proof(work, row, steps, is_shared=False))
    html = proof_page.render(page, messages_in(), Frame())
    assert page.facts is not None
    assert page.facts.lines is None
    for personal in ("Rivera", "94110", "UsagePoint", "october.xml", scene.whose.subject_id, row.id, "CAMX"):
        assert personal not in html, personal


def test_a_share_link_adds_the_lines(closed: tuple[Scene, StatementRow], steps: tuple[Step, ...]) -> None:
    """Whoever was given the link sees lines and factor names."""
    scene, row = closed
    page = scene.look(lambda work: show_proof(work, row, steps, is_shared=True))
    assert page.facts is not None
    assert page.facts.lines is not None
    assert len(page.facts.lines) == 5
    assert {one.line.part for one in page.facts.traced} == {Part.USE, Part.GRID_LOSS}
    assert (page.facts.totals, page.facts.inputs_count) == (row.totals, 62)
    assert page.verification.steps[9].detail == steps[9].detail
    assert "CAMX" in proof_page.render(page, messages_in(), Frame())


def numbers_in(html: str) -> set[str]:
    """Every run of digits in a page, group marks taken out."""
    return set(re.findall(r"[0-9]+", html.replace(",", "").replace("\u202f", "")))


def test_strangers_see_no_exact_amount(closed: tuple[Scene, StatementRow], steps: tuple[Step, ...]) -> None:
    """Neither micrograms nor grams, publisher, record count nor subject commitment; what holds is said in fixed words."""
    scene, row = closed
    page = scene.look(lambda work: show_proof(work, row, steps, is_shared=False))
    html = proof_page.render(page, messages_in(), Frame())
    for amount_ug in (row.totals.gross_location_ug_co2e, row.totals.avoided_ug_co2e, row.totals.net_ug_co2e):
        assert amount_ug > 10**9
        assert not {str(amount_ug), str(grams_of_micrograms(amount_ug))} & numbers_in(html)
    subject_hex = manifest_from_canonical(row.manifest).subject_hex
    assert all(word not in html for word in (subject_hex, "eGRID", "62 records"))
    told = {step.detail for step in page.verification.steps if step.name not in {"batch", "signatures", "chain"}}
    assert told == {RECOMPUTED}


def test_public_totals_fit_very_many_homes(closed: tuple[Scene, StatementRow], steps: tuple[Step, ...]) -> None:
    """Trying every eGRID row and whole watt-hour leaves hundreds of homes for each row, where the exact amount fits one."""
    scene, row = closed
    page = scene.look(lambda work: show_proof(work, row, steps, is_shared=False))
    assert page.facts is not None
    shown_ug = page.facts.totals.gross_location_ug_co2e
    factor_set = scene.services.factor_set
    rows = [one for one in factor_set.factors if one.publisher == "EPA eGRID" and one.year == 2023]
    found = 0
    for one in rows:
        per_kwh_ug = line_emissions(10**6, compile_factor(one, GwpSet.AR5, factor_set.gwps)).total_ug_co2e
        if per_kwh_ug <= 0:
            continue
        nearest_wh = shown_ug * 1000 // per_kwh_ug
        fitting = sum(
            public_totals(replace(row.totals, gross_location_ug_co2e=wh * per_kwh_ug // 1000)).gross_location_ug_co2e == shown_ug
            for wh in range(max(nearest_wh - 200, 0), nearest_wh + 200)
        )
        found += fitting
        assert fitting >= 100
    assert len(rows) > 20
    assert found >= 100 * len(rows)


@given(st.integers(-(10**18), 10**18))
def test_public_totals_are_coarse(amount_ug: int) -> None:
    """A rounded amount is a whole number of kilograms of at most three digits, and off by half a kilogram or half a percent."""
    totals = Totals(amount_ug, amount_ug, 0, abs(amount_ug), 0, 0)
    shown = public_totals(totals)
    shown_kg, rest = divmod(shown.gross_location_ug_co2e, 10**9)
    assert (rest, shown.net_ug_co2e) == (0, shown.gross_market_ug_co2e)
    assert len(str(abs(shown_kg)).rstrip("0")) <= 3
    assert abs(shown.gross_location_ug_co2e - amount_ug) <= max(10**9 // 2, abs(amount_ug) // 200)


def test_damaged_data_are_not_quoted_to_strangers() -> None:
    """Bytes that are no record any more are not in the message that a stranger gets."""
    with pytest.raises(ProofError) as told, without_details():
        from_canonical(b'{ "quantity_micro":"36000000"}')
    assert told.value.sentence().startswith("The stored data of this statement are damaged")
    assert "quantity" not in told.value.sentence()


def test_a_token_keeps_its_grams(tmp_path: Path) -> None:
    """What a business put on the chain is told to strangers too: the issuance in grams, and its subject commitment."""
    scene, row = with_month(tmp_path, holder=HOLDER)
    for desk in sent(scene, row):
        data = scene.look(lambda work: export_bundle(work, row, Shown.EVERYTHING).to_bytes())
        found = verify_with_chain(data, factor_set=scene.services.factor_set, chain=desk)
    page = scene.look(lambda work: show_proof(work, row, found, is_shared=False))
    by_name = {step.name: step.detail for step in page.verification.steps}
    assert by_name["issuance"] == f"net {row.totals.net_g_co2e} g CO2e, audited emissions"
    assert by_name["totals"] == RECOMPUTED
    assert page.facts is not None
    assert "subject" in page.facts.hashes


def test_a_superseded_proof_says_so(tmp_path: Path) -> None:
    """The old proof leads to the new revision, with its reason, in the headline; the new one is the newest."""
    scene, row = with_month(tmp_path)
    chain = sent(scene, row)
    desk = next(chain)
    old = scene.look(lambda work: export_bundle(work, row, Shown.LINES).to_bytes())
    scene.take_in(document_of(load(date(2025, 10, 1), date(2025, 10, 20))), "second.xml")
    newer = scene.close("2025-10", reason="the <b>utility</b> corrected it")
    unsigned = scene.look(lambda work: successor_of_bundle(work, old))
    endorse_statement(scene.services, desk, newer.tenant_id, newer.id)
    send_outbox(scene.services, desk)
    found = verify_with_chain(old, factor_set=scene.services.factor_set, chain=desk)
    assert next(chain, None) is None
    assert (unsigned.standing, unsigned.public_token) == (Standing.SUPERSEDED, "")
    gone = scene.look(lambda work: statements.by_id(work.session, row.tenant_id, row.id))
    page = scene.look(lambda work: show_proof(work, gone, found, is_shared=False))
    html = proof_page.render(page, messages_in(), Frame())
    assert "<h1>This statement was replaced by revision 2.</h1>" in html
    assert "This statement holds." not in html
    assert f'href="/proof/{newer.public_token}"' in html
    assert "the &lt;b&gt;utility&lt;/b&gt; corrected it" in html
    assert scene.look(lambda work: successor_of(work, newer)).standing is Standing.NEWEST
    known = scene.look(lambda work: successor_of_bundle(work, old))
    assert known == Successor(Standing.SUPERSEDED, 2, newer.reason, newer.public_token)
    dropped = show_bundle(old, found, document_name="", factor_set=scene.services.factor_set, successor=known)
    assert "replaced by revision 2" in proof_page.render(dropped, messages_in(), Frame())


def test_a_strangers_statement_has_no_known_successor(
    closed: tuple[Scene, StatementRow], steps: tuple[Step, ...], bundle: bytes, tmp_path: Path
) -> None:
    """An installation that did not close a statement says that newer revisions were not checked; of other bytes, too."""
    elsewhere = make_scene(tmp_path)
    assert elsewhere.look(lambda work: successor_of_bundle(work, bundle)) == UNKNOWN
    assert elsewhere.look(lambda work: successor_of_bundle(work, b"\x89PNG")) == UNKNOWN
    page = show_bundle(bundle, steps, document_name="", factor_set=elsewhere.services.factor_set)
    assert "Not checked: whether a newer revision" in proof_page.render(page, messages_in(), Frame())


def test_claimed_names_do_not_vouch(closed: tuple[Scene, StatementRow], bundle: bytes) -> None:
    """Without a list or a chain the page says that nobody known signed, and names are what the file claims."""
    factor_set = closed[0].services.factor_set
    named = replace(bundle_from_bytes(bundle).auditors[0], operator="A Big Auditing Company")
    nobody = AuditorName("0x" + "11" * 20, "nobody", "US", "Another Big Company")
    data = replace(bundle_from_bytes(bundle), auditors=(named, nobody)).sealed().to_bytes()
    page = show_bundle(data, verify_with_chain(data, factor_set=factor_set, chain=None), document_name="", factor_set=factor_set)
    html = proof_page.render(page, messages_in(), Frame())
    assert "<h1>The numbers agree, but nobody we know signed them.</h1>" in html
    assert "The file claims to be signed by these; not checked:" in html
    assert "A Big Auditing Company" in html
    assert "Another Big Company" not in html
    assert "Audited" not in re.sub(r"<[^>]+>", " ", html)


@pytest.mark.parametrize(
    ("name", "is_shared", "is_told"), [("inputs", True, False), ("lines", True, True), ("lines", False, False)]
)
def test_a_broken_step_tells_strangers_no_amounts(
    closed: tuple[Scene, StatementRow], steps: tuple[Step, ...], name: str, *, is_shared: bool, is_told: bool
) -> None:
    """What a broken step found in lines is for share links, what it found in inputs for the owner; that it broke is for all."""
    scene, row = closed
    broken = tuple(replace(step, state=StepState.FAILED, detail="got 123 kWh") if step.name == name else step for step in steps)
    page = scene.look(lambda work: show_proof(work, row, broken, is_shared=is_shared))
    first = page.verification.first_failed
    assert first is not None
    assert first.name == name
    assert ("123" in first.detail) is is_told


def test_a_dropped_bundle_is_answered(closed: tuple[Scene, StatementRow], steps: tuple[Step, ...], bundle: bytes) -> None:
    """The page says what the bundle says, with its lines, under the name of the file."""
    page = show_bundle(bundle, steps, document_name="mine.json", factor_set=closed[0].services.factor_set)
    assert (page.is_uploaded, page.bundle_name) == (True, "mine.json")
    assert page.facts is not None
    assert page.facts.totals == closed[1].totals
    assert page.facts.lines is not None
    assert page.facts.chain is not None
    assert page.facts.chain.state == "final"
    assert page.facts.endorsements[0].address_hex == closed[0].services.auditor.key.address


def test_a_changed_bundle_names_the_step(closed: tuple[Scene, StatementRow], desk: ChainDesk, bundle: bytes) -> None:
    """One other byte breaks the first step; a file that is no bundle has no facts."""
    factor_set = closed[0].services.factor_set
    changed = bundle.replace(b'"revision":1', b'"revision":2', 1)
    found = verify_with_chain(changed, factor_set=factor_set, chain=desk)
    page = show_bundle(changed, found, document_name="", factor_set=factor_set)
    assert page.verification.first_failed is not None
    assert page.verification.first_failed.name == "bundle"
    cat = verify_with_chain(b"\x89PNG", factor_set=factor_set, chain=desk)
    assert show_bundle(b"\x89PNG", cat, document_name="cat.png", factor_set=factor_set).facts is None


def test_a_forged_signature_vouches_for_nobody(
    closed: tuple[Scene, StatementRow], steps: tuple[Step, ...], bundle: bytes
) -> None:
    """Where the signatures do not hold, no auditor is named."""
    broken = tuple(replace(step, state=StepState.FAILED) if step.name == "signatures" else step for step in steps)
    page = show_bundle(bundle, broken, document_name="", factor_set=closed[0].services.factor_set)
    assert page.facts is not None
    assert page.facts.endorsements == ()
