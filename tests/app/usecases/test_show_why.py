"""A trace leads from a number to its lines, records and originals."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from app.usecases.show_dashboard import show_dashboard
from app.usecases.show_why import RECORDS_COUNT, show_why
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages.why import WhyModel, render
from domain.activity import EvidenceClass
from domain.errors import InputError
from domain.factor import Basis, Part
from domain.period import MonthRange
from tests.app.usecases.scenes import Scene, document_of, load, make_scene


def trace_of(scene: Scene, period: str, cursor: str = "") -> WhyModel:
    """The trace of a period."""
    return scene.look(lambda work: show_why(work, scene.whose, MonthRange.from_text(period), cursor=cursor))


@pytest.fixture(scope="module")
def half_year(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A household with half a year of readings, solar panels among them; tests only look at it."""
    scene = make_scene(tmp_path_factory.mktemp("half"))
    scene.take_in(document_of(load(date(2025, 9, 1), date(2026, 3, 1), has_solar=True)), "half.xml")
    return scene


def test_trace_adds_up_to_the_dashboard(half_year: Scene) -> None:
    """The year's trace gives the tiles' numbers on both bases."""
    page = half_year.look(lambda work: show_dashboard(work, half_year.whose))
    trace = trace_of(half_year, str(page.year))
    assert trace.total_ug_co2e(Basis.LOCATION) == page.gross.amount_ug_co2e
    assert trace.total_ug_co2e(Basis.MARKET) == page.net.amount_ug_co2e


def test_every_line_has_its_factor_and_steps(half_year: Scene) -> None:
    """Use and grid loss count on both bases, exports on one; each with the published row and the way to it."""
    trace = trace_of(half_year, "2025-10")
    assert sorted((row.key.kind, row.line.part, row.bases) for row in trace.lines) == [
        ("electricity", Part.GRID_LOSS, (Basis.LOCATION, Basis.MARKET)),
        ("electricity", Part.USE, (Basis.LOCATION, Basis.MARKET)),
        ("electricity_export", Part.USE, (Basis.LOCATION,)),
    ]
    for row in trace.lines:
        assert row.compiled is not None
        assert row.compiled.factor.region == "US/egrid/CAMX"
        assert row.compiled.factor.factor_id == row.line.factor_id
        assert row.steps[0].startswith("Place: ZIP code 94110 (state CA) lies in")


def test_records_lead_to_the_original(half_year: Scene) -> None:
    """Each day and direction is a record with its file by name, newest first."""
    trace = trace_of(half_year, "2025-10")
    assert (len(trace.records), trace.records_count, trace.more_href) == (62, 62, "")
    assert [row.start_date for row in trace.records[::2]] == [date(2025, 10, day) for day in range(31, 0, -1)]
    (document,) = trace.records[0].documents
    assert document.name == "half.xml"
    assert document.href == f"/s/{half_year.whose.subject_id}/documents/{document.sha256_hex}"
    delivered = [row.quantity_micro for row in trace.records if row.record_key.split("|")[1] == "electricity"]
    assert sum(delivered) == next(row.line.quantity_micro for row in trace.lines if not row.line.is_avoided)


def test_records_come_in_pages(half_year: Scene) -> None:
    """The pages together hold every record once."""
    first = trace_of(half_year, "2025-09..2026-02")
    assert (len(first.records), first.records_count) == (RECORDS_COUNT, 362)
    seen, href = list(first.records), first.more_href
    while href:
        page = trace_of(half_year, "2025-09..2026-02", href.partition("cursor=")[2])
        seen, href = seen + list(page.records), page.more_href
    assert len({row.record_key for row in seen}) == len(seen) == 362


def test_a_foreign_cursor_is_refused(half_year: Scene) -> None:
    """A cursor of somebody else's making says so."""
    with pytest.raises(InputError, match="not a cursor of ours"):
        trace_of(half_year, "2025-09", "1 OR 1")


def test_a_period_without_data_has_no_number(half_year: Scene) -> None:
    """Nothing measured is no line and no total, not zero; the page can be drawn."""
    trace = trace_of(half_year, "2024-01")
    assert (trace.lines, trace.records, trace.total_ug_co2e(Basis.LOCATION)) == ((), (), None)
    assert "Why this number" in render(trace, messages_in(), Frame())


def test_a_typed_bill_shows_its_evidence_and_its_file(tmp_path: Path) -> None:
    """The record of a typed bill is typed; what was typed and the file attached are both one click away."""
    scene = make_scene(tmp_path)
    report = scene.type_bill("2026-01-01", "2026-01-31", "310.5", file=b"%PDF-1.7 the bill")
    (record,) = trace_of(scene, "2026-01").records
    assert (record.evidence, record.quantity_micro) == (EvidenceClass.TYPED, 310_500_000)
    assert (record.start_date, record.end_date) == (date(2026, 1, 1), date(2026, 1, 31))
    typed, attached = record.documents
    assert typed.sha256_hex == report.document_sha256
    assert attached.href.endswith(attached.sha256_hex)
    assert attached.sha256_hex != typed.sha256_hex


def test_a_changed_month_traces_what_was_signed(tmp_path: Path) -> None:
    """After a correction the closed month's trace keeps the records that its statement was computed from."""
    profile = load(date(2025, 10, 1), date(2025, 11, 1))
    scene = make_scene(tmp_path)
    scene.take_in(document_of(profile))
    statement = scene.close("2025-10")
    before = trace_of(scene, "2025-10")
    scene.take_in(document_of(profile, change_wh=50, updated_at=datetime(2026, 3, 12, tzinfo=UTC)))
    after = trace_of(scene, "2025-10")
    assert {row.record_key: row.quantity_micro for row in after.records} == {
        row.record_key: row.quantity_micro for row in before.records
    }
    assert {row.revision for row in after.records} == {1}
    assert after.total_ug_co2e(Basis.LOCATION) == statement.totals.gross_location_ug_co2e
    assert after.statement_href.endswith(f"/statements/{statement.id}")
