"""The dashboard says what was measured, to the microgram, and nothing else."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import pytest

from app.services import Whose
from app.store.subjects import SubjectKind as StoredKind
from app.usecases.retire_credits import RetirementInput, retire_credits
from app.usecases.show_dashboard import show_dashboard
from app.usecases.show_months import live_amounts
from app.usecases.show_why import show_why
from dashboards.frame import Frame
from dashboards.messages import messages_in
from dashboards.pages.dashboard import DashboardModel, MonthRow, MonthState, SubjectKind, render
from domain.activity import EvidenceClass
from domain.errors import NotFoundError
from domain.factor import Basis, Gas
from domain.period import Month, MonthRange
from scoring.fitness import fitness_score, national_average
from tests.app.usecases.scenes import ZONE, Scene, document_of, load, make_scene
from tests.postgres import engine, migrated_postgres, postgres_url

__all__ = ["engine", "migrated_postgres", "postgres_url"]

YEAR = load(date(2025, 3, 1), date(2026, 3, 12), has_solar=True)
"""From the first complete month to the day before the clock's."""


def dashboard_of(scene: Scene) -> DashboardModel:
    """The page of the scene's subject."""
    return scene.look(lambda work: show_dashboard(work, scene.whose))


def row_of(model: DashboardModel, month: Month) -> MonthRow:
    """The row of a month."""
    return next(row for row in model.months if row.point.month == month)


def monthly_micro(values_wh: "list[int]") -> dict[Month, int]:
    """Millionths of a kWh by local month, added up here."""
    found: dict[Month, int] = defaultdict(int)
    for at_s, value_wh in zip(YEAR.starts_s, values_wh, strict=True):
        day = datetime.fromtimestamp(at_s, ZONE)
        found[Month(day.year, day.month)] += value_wh * 1000
    return found


def half_away(value: Fraction) -> int:
    """The nearest integer of an amount of zero or more, halves up."""
    return int(value + Fraction(1, 2))


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """A household with a year of hourly readings; tests only look at it."""
    scene = make_scene(tmp_path_factory.mktemp("year"))
    scene.take_in(document_of(YEAR), "<b>year</b>.xml")
    return scene


@pytest.fixture(scope="module")
def page(year: Scene) -> DashboardModel:
    """Its page."""
    return dashboard_of(year)


def test_months_are_the_last_twelve_and_the_running_one(page: DashboardModel) -> None:
    """Twelve complete months in order, the running one last."""
    assert [row.point.month for row in page.months] == [Month(2025, 3).plus(i) for i in range(13)]
    assert page.year == MonthRange(Month(2025, 3), Month(2026, 3))


def test_electricity_by_month_equals_the_readings(page: DashboardModel) -> None:
    """Every month's kWh is the sum of the readings of its local days."""
    delivered, exported = monthly_micro(list(YEAR.delivered_wh)), monthly_micro(list(YEAR.exported_wh))
    assert {row.point.month: row.point.delivered_micro for row in page.months} == delivered
    assert {row.point.month: row.point.exported_micro for row in page.months} == exported
    assert page.year_kwh_micro == sum(delivered.values()) - delivered[Month(2026, 3)]


def test_emissions_equal_the_published_numbers(year: Scene, page: DashboardModel) -> None:
    """Gross of every month follows from eGRID's published lb/MWh and grid loss of California and AR5, by hand."""
    rows = year.services.factor_set.rows("electricity", "US/egrid/CAMX", rates=("total_output",))
    newest = max(rows, key=lambda row: row.year)
    assert newest.published_unit == "lb/MWh"
    loss = year.services.factor_set.parameter("grid_gross_loss", "US/egrid/CAMX")
    assert loss is not None
    lost = Fraction(loss.value_text) / (1 - Fraction(loss.value_text))
    ug_per_kwh = [
        round(Fraction(newest.published[gas]) * weight * Fraction("453.59237") * 1000 * scale)
        for scale in (1, lost)
        for gas, weight in ((Gas.CO2, 1), (Gas.CH4, 28), (Gas.N2O, 265))
    ]
    for row in page.months[:12]:
        micro = row.point.delivered_micro or 0
        assert row.point.gross_ug_co2e == sum(half_away(Fraction(micro * factor, 1_000_000)) for factor in ug_per_kwh)


def test_gross_and_net_are_sums_of_their_months(page: DashboardModel) -> None:
    """The tiles add up the twelve months; without contract or credits the market basis gives the same."""
    by_month = [row.point.gross_ug_co2e or 0 for row in page.months[:12]]
    assert page.gross.amount_ug_co2e == page.net.amount_ug_co2e == sum(by_month)
    assert page.gross.by_month_ug_co2e == tuple(by_month)
    assert page.gross.trace_href.endswith("/why/2025-03..2026-02")


def test_hours_add_up_to_the_electricity(page: DashboardModel) -> None:
    """The heat map holds every reading of its 376 days; the hour that spring skips is not measured."""
    assert page.hours is not None
    assert page.hours.first_date == date(2025, 3, 1)
    assert len(page.hours.days) == 376
    assert sum(page.hours.measured_micro()) == sum(YEAR.delivered_wh) * 1000
    gaps = [(index, hour) for index, day in enumerate(page.hours.days) for hour, value in enumerate(day) if value is None]
    assert gaps == [((date(2025, 3, 9) - date(2025, 3, 1)).days, 2), ((date(2026, 3, 8) - date(2025, 3, 1)).days, 2)]


def test_hours_are_local(page: DashboardModel) -> None:
    """A summer evening's reading stands at its local hour."""
    assert page.hours is not None
    at = datetime(2025, 7, 4, 19, tzinfo=ZONE)
    index = list(YEAR.starts_s).index(int(at.timestamp()))
    assert page.hours.days[(at.date() - page.hours.first_date).days][19] == YEAR.delivered_wh[index] * 1000


def test_score_divides_by_the_household(year: Scene, page: DashboardModel) -> None:
    """The score is that of a third of the year's gross, filled up with the national average."""
    average = national_average(year.services.factor_set, "US/zip/94110")
    expected = fitness_score(page.gross.amount_ug_co2e or 0, average=average, persons_count=3)
    assert page.score.points == round(expected.score_points)
    assert page.score.measured_ppm == round(expected.measured_ratio * 1_000_000)
    assert page.score.is_provisional
    assert page.score.momentum_points is None


def test_running_month_is_compared_with_last_years(page: DashboardModel) -> None:
    """Eleven days are over and measured; the whole March of last year is the reference."""
    now = page.this_month
    assert now is not None
    assert (now.days_measured_count, now.days_passed_count, now.days_count) == (11, 11, 31)
    assert now.reference_micro == monthly_micro(list(YEAR.delivered_wh))[Month(2025, 3)]
    assert now.used_micro == page.months[-1].point.delivered_micro
    assert now.trace_href.endswith("/why/2026-03")


def test_running_month_cannot_be_closed(page: DashboardModel) -> None:
    """Complete months offer their close form, the running one does not."""
    assert [bool(row.close_href) for row in page.months] == [True] * 12 + [False]
    assert page.months[0].close_href.endswith("/periods/2025-03/close")


def test_proof_strip_counts_records(page: DashboardModel) -> None:
    """Two records a day, all with an uploaded original, none anchored yet."""
    proofs = page.proofs
    assert proofs.inputs_count == 2 * 376
    assert (proofs.archived_ppm, proofs.anchored_ppm) == (1_000_000, 0)
    assert proofs.evidence_ppm == {EvidenceClass.UPLOADED: 1_000_000}
    assert proofs.last_import_at == datetime(2026, 3, 12, 20, tzinfo=UTC)
    assert str(proofs.last_import_at.tzinfo) == "America/Los_Angeles"
    assert proofs.is_chain_local


def test_import_stands_with_its_name_and_counts(year: Scene, page: DashboardModel) -> None:
    """The file's name is shown as given; the page escapes it."""
    (row,) = page.imports
    assert row.document_name == "<b>year</b>.xml"
    assert row.readings_count == len(YEAR.starts_s) * 2
    assert (row.refused_count, row.corrected_count, row.repeated_count) == (0, 0, 0)
    html = render(page, messages_in(), Frame())
    assert "&lt;b&gt;year&lt;/b&gt;.xml" in html
    assert "<b>year</b>" not in html


def test_months_begin_at_local_midnight(tmp_path: Path) -> None:
    """At five in the morning UTC of 1 March it is still February in San Francisco."""
    scene = make_scene(tmp_path, now=datetime(2026, 3, 1, 5, tzinfo=UTC))
    scene.take_in(document_of(load(date(2026, 1, 1), date(2026, 2, 11))))
    page = dashboard_of(scene)
    assert page.this_month is not None
    assert page.this_month.month == Month(2026, 2)
    assert (page.this_month.days_measured_count, page.this_month.days_passed_count) == (10, 27)
    assert page.this_month.reference_micro is None


def test_gaps_are_not_measured_and_never_zero(tmp_path: Path) -> None:
    """A month with ten missing days says 21 of 31; a month without any reading has no amount, no close and no trace."""
    missing = [date(2025, 5, 1) + timedelta(days=i) for i in range(10)] + [
        date(2025, 6, 1) + timedelta(days=i) for i in range(30)
    ]
    scene = make_scene(tmp_path)
    scene.take_in(document_of(YEAR, without=missing))
    page = dashboard_of(scene)
    may, june = row_of(page, Month(2025, 5)), row_of(page, Month(2025, 6))
    assert (may.point.days_measured_count, may.point.days_expected_count, may.point.is_whole) == (21, 31, False)
    assert (june.point.delivered_micro, june.point.gross_ug_co2e, june.point.days_measured_count) == (None, None, 0)
    assert (june.close_href, june.why_href, june.activities_href) == ("", "", "")
    assert page.year_months_measured_count == 11
    assert page.gross.by_month_ug_co2e[3] is None


def test_a_partial_month_a_year_ago_is_no_reference(tmp_path: Path) -> None:
    """The pace needs the whole month of last year."""
    scene = make_scene(tmp_path)
    scene.take_in(document_of(YEAR, without=[date(2025, 3, 31)]))
    page = dashboard_of(scene)
    assert page.this_month is not None
    assert page.this_month.used_micro is not None
    assert page.this_month.reference_micro is None


def test_only_exports_are_no_emissions(tmp_path: Path) -> None:
    """What was only exported has no gross, no score and no hours of use; it is shown as avoided."""
    scene = make_scene(tmp_path)
    scene.take_in(document_of(YEAR, only_exports=True))
    page = dashboard_of(scene)
    point = row_of(page, Month(2025, 7)).point
    assert (point.delivered_micro, point.gross_ug_co2e) == (None, None)
    assert point.exported_micro == monthly_micro(list(YEAR.exported_wh))[Month(2025, 7)]
    assert (point.avoided_ug_co2e or 0) > 0
    assert (page.gross.amount_ug_co2e, page.net.amount_ug_co2e, page.score.points, page.hours) == (None, None, None, None)
    assert page.proofs.evidence_ppm == {}


def test_nothing_at_all_is_empty(tmp_path: Path) -> None:
    """A new subject has no number anywhere, and the ways in."""
    scene = make_scene(tmp_path)
    page = dashboard_of(scene)
    assert page.is_empty
    assert (page.this_month, page.hours, page.imports, page.year_kwh_micro) == (None, None, (), None)
    assert (page.score.points, page.gross.amount_ug_co2e, page.proofs.inputs_count) == (None, None, 0)
    assert page.connect.upload_href == f"/s/{scene.whose.subject_id}/documents"
    assert page.connect.bill_href == f"/s/{scene.whose.subject_id}/bills"
    assert page.connect.place == "94110"


def test_typed_bills_say_that_they_are_typed(tmp_path: Path) -> None:
    """A typed bill measures its days; its evidence is typed, and without a file attached no original is kept."""
    scene = make_scene(tmp_path)
    scene.type_bill("2025-11-15", "2025-12-14", "300")
    page = dashboard_of(scene)
    november, december = row_of(page, Month(2025, 11)).point, row_of(page, Month(2025, 12)).point
    assert (november.delivered_micro, december.delivered_micro) == (160_000_000, 140_000_000)
    assert (november.days_measured_count, december.days_measured_count) == (16, 14)
    assert page.proofs.evidence_ppm == {EvidenceClass.TYPED: 1_000_000}
    assert page.proofs.archived_ppm == 0
    assert page.imports[0].evidence is EvidenceClass.TYPED
    assert page.hours is None


def test_a_bill_with_its_file_has_an_original(tmp_path: Path) -> None:
    """Of two typed bills, the one with a file attached counts as kept."""
    scene = make_scene(tmp_path)
    scene.type_bill("2025-11-01", "2025-11-30", "300", file=b"%PDF-1.7 the bill")
    scene.type_bill("2025-12-01", "2025-12-31", "310")
    assert dashboard_of(scene).proofs.archived_ppm == 500_000


def test_a_closed_month_keeps_its_numbers_and_shows_the_difference(tmp_path: Path) -> None:
    """After a correction the statement's numbers stay, the difference is shown, and the month can be restated."""
    march = load(date(2025, 3, 1), date(2025, 4, 1))
    scene = make_scene(tmp_path)
    scene.take_in(document_of(march))
    statement = scene.close("2025-03")
    assert row_of(dashboard_of(scene), Month(2025, 3)).state is MonthState.CLOSED
    before = row_of(dashboard_of(scene), Month(2025, 3))
    scene.take_in(document_of(march, change_wh=100, updated_at=datetime(2026, 3, 12, tzinfo=UTC)))
    after = row_of(dashboard_of(scene), Month(2025, 3))
    assert after.state is MonthState.CHANGED
    assert after.point == before.point
    assert after.point.gross_ug_co2e == statement.totals.gross_location_ug_co2e
    assert after.close_href
    revised = scene.close("2025-03", reason="The utility corrected its readings.")
    assert after.changed_ug_co2e == revised.totals.gross_location_ug_co2e - statement.totals.gross_location_ug_co2e > 0
    restated = row_of(dashboard_of(scene), Month(2025, 3))
    assert (restated.state, restated.revision, restated.changed_ug_co2e) == (MonthState.CLOSED, 2, 0)
    assert restated.point.delivered_micro == (before.point.delivered_micro or 0) + len(march.starts_s) * 100_000


def test_a_quarter_closes_as_one(tmp_path: Path) -> None:
    """Months of a closed quarter lead to its one statement."""
    scene = make_scene(tmp_path)
    scene.take_in(document_of(load(date(2025, 4, 1), date(2025, 7, 1))))
    statement = scene.close("2025-Q2")
    rows = [row_of(dashboard_of(scene), Month(2025, number)) for number in (4, 5, 6)]
    assert {row.statement_href for row in rows} == {f"/s/{scene.whose.subject_id}/statements/{statement.id}"}
    assert sum(row.point.gross_ug_co2e or 0 for row in rows) == statement.totals.gross_location_ug_co2e
    assert [row.close_href for row in rows] == ["", "", ""]


def test_old_data_are_shown_in_their_own_year(tmp_path: Path) -> None:
    """A file of years ago fills the twelve months that end with it; it gives no score of today."""
    scene = make_scene(tmp_path)
    scene.take_in(document_of(load(date(2019, 5, 1), date(2019, 7, 1))))
    page = dashboard_of(scene)
    assert page.year == MonthRange(Month(2018, 7), Month(2019, 7))
    assert page.year_months_measured_count == 2
    assert page.score.points is None
    assert page.this_month is not None
    assert page.this_month.used_micro is None


def test_credits_do_not_move_the_year(tmp_path: Path) -> None:
    """Credits that were retired lately measure nothing: what was measured years ago is shown all the same."""
    scene = make_scene(tmp_path)
    scene.take_in(document_of(load(date(2019, 5, 1), date(2019, 7, 1))))
    said = RetirementInput("Verra", "VCS-1-2", "1.5", "t", "2026-01-31")
    scene.change(lambda work: retire_credits(work, scene.whose, said))
    page = dashboard_of(scene)
    assert page.year == MonthRange(Month(2018, 7), Month(2019, 7))
    assert page.year_months_measured_count == 2


def test_credits_alone_are_no_data(tmp_path: Path) -> None:
    """Where nothing but credits is known, the page asks for the first file."""
    scene = make_scene(tmp_path)
    scene.change(lambda work: retire_credits(work, scene.whose, RetirementInput("Verra", "VCS-1-2", "1.5", "t", "2026-01-31")))
    assert dashboard_of(scene).this_month is None


def test_momentum_compares_the_same_months(tmp_path: Path) -> None:
    """Less than in the same months a year before is up, by the points between both."""
    scene = make_scene(tmp_path, member_count=1)
    for first_year, kwh in ((2024, "120000"), (2025, "90000")):
        scene.type_bill(f"{first_year}-03-01", f"{first_year + 1}-02-{28}", kwh)
    page = dashboard_of(scene)
    average = national_average(scene.services.factor_set, "US")
    now_ug = page.gross.amount_ug_co2e or 0
    before_ug = sum(
        total.gross_ug_co2e(Basis.LOCATION) or 0
        for total in scene.look(lambda work: live_amounts(work, scene.whose, MonthRange(Month(2024, 3), Month(2025, 3)))).values()
    )
    now, before = (round(fitness_score(ug, average=average).score_points) for ug in (now_ug, before_ug))
    assert page.score.momentum_points == now - before > 0


def test_a_business_is_a_business(tmp_path: Path) -> None:
    """An entity's page says so; everything else is alike."""
    scene = make_scene(tmp_path, kind=StoredKind.ENTITY, name="Corner Bakery", member_count=1)
    scene.take_in(document_of(load(date(2026, 2, 1), date(2026, 3, 1))))
    page = dashboard_of(scene)
    assert (page.subject_kind, page.subject_name) == (SubjectKind.BUSINESS, "Corner Bakery")
    assert row_of(page, Month(2026, 2)).point.is_whole


@pytest.mark.usefixtures("engine")
def test_both_databases_show_the_same(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """PostgreSQL and SQLite give the same page and the same trace."""
    scene = make_scene(tmp_path, engine=request.getfixturevalue("engine"))
    profile = load(date(2026, 1, 1), date(2026, 3, 1), has_solar=True)
    scene.take_in(document_of(profile), "two months.xml")
    scene.type_bill("2025-12-01", "2025-12-31", "310", file=b"%PDF-1.7 the bill")
    statement = scene.close("2026-01")
    page = dashboard_of(scene)
    january = row_of(page, Month(2026, 1))
    assert (january.state, january.point.gross_ug_co2e) == (MonthState.CLOSED, statement.totals.gross_location_ug_co2e)
    assert (page.year_kwh_micro or 0) == sum(profile.delivered_wh) * 1000 + 310_000_000
    assert (page.proofs.inputs_count, page.proofs.archived_ppm) == (2 * 59 + 1, 1_000_000)
    assert [row.document_name for row in page.imports if row.evidence is EvidenceClass.UPLOADED] == ["two months.xml"]
    trace = scene.look(lambda work: show_why(work, scene.whose, page.year))
    assert trace.total_ug_co2e(Basis.LOCATION) == page.gross.amount_ug_co2e
    assert {row.revision for row in trace.records} == {1}


def test_another_tenants_subject_is_not_there(year: Scene) -> None:
    """A subject is found through its own tenant only."""
    stranger = Whose("somebody-else", year.whose.subject_id)
    with pytest.raises(NotFoundError, match="There is no such subject"):
        year.look(lambda work: show_dashboard(work, stranger))


def test_latest_imports_come_first(tmp_path: Path) -> None:
    """At most five imports are listed, the newest first, repeated ones among them."""
    scene = make_scene(tmp_path)
    body = document_of(load(date(2026, 2, 1), date(2026, 2, 3)))
    for number in range(6):
        scene.take_in(body, f"file {number}")
        scene.clock.advance(60)
    imports = dashboard_of(scene).imports
    assert [row.document_name for row in imports] == ["file 5", "file 4", "file 3", "file 2", "file 1"]
    assert [row.repeated_count for row in imports] == [2] * 5
