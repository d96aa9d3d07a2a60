"""Every page with made-up values, as files to look at: `python -m dashboards.preview FOLDER`.

A tool for whoever changes a template: it needs no server, no database and no data of anybody.
"""

import math
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from importlib import resources
from pathlib import Path

from dashboards.frame import Frame, NavLink, Notice
from dashboards.messages import Messages, messages_in
from dashboards.pages import activities, dashboard, new_subject, problem, progress, proof, sign_in, statement, upload, why
from dashboards.pages.trace import NOTHING_APART, Apart, BesideRow, GasSum, IntervalShown, TracedLine, scope_totals
from dashboards.preview_accounts import HOSTILE, RIGHT_TO_LEFT, account_pages
from dashboards.svg.heat import HourGrid
from dashboards.svg.months import MonthPoint
from domain.activity import ActivityKey, Direction, EvidenceClass, Quality, activity_key
from domain.factor import Basis, CompiledFactor, EmissionFactor, FactorSetId, Gas, GasSplit, LifeCycleScope, Part
from domain.manifest import Manifest, TreeId
from domain.period import Month, MonthRange
from domain.statement import Line, Statement, Totals, Unscored
from domain.units import Dimension

_AT = datetime(2026, 11, 21, 18, 4, tzinfo=UTC)
_FIRST = Month(2025, 11)
_HEX = "7f1c0a93b5d84e26" * 4

FRAME = Frame(
    home_href="dashboard.html",
    subjects=(NavLink("Rivera household", "dashboard.html", is_current=True), NavLink("Corner Bakery", "business.html")),
    add=NavLink("+ Add", "new_subject.html"),
    account_name="demo",
    csrf_token="made-up",  # noqa: S106 - a preview has no session
    is_demo=True,
    static_href="static",
    asset_version="1",
)
PUBLIC = Frame(home_href="dashboard.html", static_href="static", asset_version="1")


def pages(messages: Messages) -> Mapping[str, str]:
    """Every page and edge case, by file name.

    Args:
        messages: Language.

    Returns:
        File name to HTML.
    """
    return {**_dashboards(messages), **_details(messages), **_small(messages), **account_pages(messages, FRAME)}


def _dashboards(messages: Messages) -> Mapping[str, str]:
    home, shop = household(), business()
    return {
        "dashboard.html": dashboard.render(home, messages, FRAME),
        "business.html": dashboard.render(shop, messages, replace(FRAME, notice=Notice("October 2026 is closed and issued."))),
        "empty.html": dashboard.render(empty(), messages, FRAME),
        "one_day.html": dashboard.render(one_day(), messages, FRAME),
        "absurd.html": dashboard.render(absurd(), messages, replace(FRAME, account_name=RIGHT_TO_LEFT)),
        "only_exports.html": dashboard.render(only_exports(), messages, FRAME),
        "bill_errors.html": dashboard.render(bill_errors(), messages, FRAME),
    }


def _details(messages: Messages) -> Mapping[str, str]:
    traced = _traced_lines()
    trace = why.WhyModel(
        period=MonthRange.of_month(Month(2026, 10)),
        lines=traced,
        unscored=_unscored(),
        records=tuple(_records()),
        records_count=31,
        back_href="dashboard.html",
        more_href="why.html",
        statement_href="statement.html",
        apart=_apart(),
    )
    shared = replace(_facts(), lines=_lines_of(traced), traced=traced, apart=_apart())
    good = proof.Verification(tuple(_steps(failed_at=None)))
    bad = proof.Verification(tuple(_steps(failed_at=4)))
    whole = proof.Verification(tuple(replace(step, state=proof.StepState.OK) for step in good.steps))
    return {
        "why.html": why.render(trace, messages, FRAME),
        "why_empty.html": why.render(replace(trace, lines=(), records=(), records_count=0, apart=NOTHING_APART), messages, FRAME),
        "statement.html": statement.render(_statement(), messages, FRAME),
        "statement_findings.html": statement.render(_statement_with_findings(), messages, FRAME),
        "proof.html": proof.render(proof.ProofModel(whole, _facts(), "/verify", bundle_href="bundle.json"), messages, PUBLIC),
        "proof_not_all.html": proof.render(proof.ProofModel(good, _facts(), "/verify"), messages, PUBLIC),
        "proof_shared.html": proof.render(proof.ProofModel(good, shared, "/verify"), messages, PUBLIC),
        "proof_failed.html": proof.render(
            proof.ProofModel(bad, _facts(), "/verify", is_uploaded=True, bundle_name=f"{HOSTILE}.json"), messages, PUBLIC
        ),
        "proof_unreadable.html": proof.render(
            proof.ProofModel(
                proof.Verification((proof.Step("bundle", proof.StepState.FAILED, "expected UTF-8 JSON, got PNG"),)),
                None,
                "/verify",
                is_uploaded=True,
                bundle_name="cat.png",
            ),
            messages,
            PUBLIC,
        ),
        "activities.html": activities.render(_activities(), messages, FRAME),
        "activities_empty.html": activities.render(
            replace(_activities(), rows=(), total_count=0, next_href="", period=None), messages, FRAME
        ),
    }


def _small(messages: Messages) -> Mapping[str, str]:
    result = _upload()
    asked = upload.ZoneQuestion("/zone", "u1", ("America/New_York", "America/Indiana/Knox", "America/Chicago"))
    tasks = tuple(
        progress.Task(name, state, detail)
        for name, state, detail in (
            ("A year of hourly electricity is generated", progress.TaskState.DONE, "8,760 readings, one export series"),
            ("The Green Button file is written and read back", progress.TaskState.DONE, "2 usage points"),
            ("Months are closed", progress.TaskState.RUNNING, "7 of 12"),
            ("The auditor recomputes and signs", progress.TaskState.WAITING, ""),
            ("The statements are anchored", progress.TaskState.WAITING, ""),
        )
    )
    failed = (*tasks[:2], progress.Task("Months are closed", progress.TaskState.FAILED, "The disk is full."), *tasks[3:])
    refusal = problem.ProblemModel(
        status=422,
        message="This is not a Green Button file",
        expected="an ESPI feed: XML whose root is feed or entry in the Atom namespace",
        got=f"{HOSTILE} in a web page",
        record="bill.html",
        next_step="Download the file again from your utility and choose the XML format.",
        request_id="01JD3M8Q",
        back_href="dashboard.html",
    )
    return {
        "upload.html": upload.render(result, messages, FRAME),
        "upload_question.html": upload.render(
            replace(result, question=asked, totals=(), readings_count=0, refused=(), notes=(), first_date=None, last_date=None),
            messages,
            FRAME,
        ),
        "upload_refused.html": upload.render(
            replace(result, totals=(), readings_count=0, new_count=0, corrected_count=0), messages, FRAME
        ),
        "sign_in.html": sign_in.render(sign_in.SignInModel("/sign-in", demo_href="/demo"), messages, PUBLIC),
        "sign_in_error.html": sign_in.render(
            sign_in.SignInModel("/sign-in", name=HOSTILE, error="This name and password do not belong together.", is_local=True),
            messages,
            PUBLIC,
        ),
        **_new_subjects(messages),
        "progress.html": progress.render(progress.ProgressModel(tasks, refresh_s=0), messages, PUBLIC),
        "progress_failed.html": progress.render(progress.ProgressModel(failed), messages, PUBLIC),
        "problem.html": problem.render(refusal, messages, FRAME),
    }


def _new_subjects(messages: Messages) -> Mapping[str, str]:
    first = new_subject.NewSubjectModel("/subjects/new", dashboard.FormState({"kind": "household"}), is_first=True)
    typed = {"kind": "business", "name": HOSTILE, "place": "47501", "member_count": "none", "chain_holder": "0x12"}
    wrong = {
        "kind": "Choose one.",
        "name": "A subject needs a name; expected 1 to 120 characters.",
        "place": "This place is not known; expected a ZIP code or a country.",
        "zone": "Choose the time zone of this place.",
        "member_count": "How many live there?",
        "chain_holder": "This is no account on a chain; expected 0x and 40 hexadecimal digits.",
    }
    zones = ("America/Indiana/Indianapolis", "America/Chicago")
    asked = replace(first, form=dashboard.FormState(typed, wrong), zones=zones, is_first=False)
    adding = replace(FRAME, add=NavLink(messages("nav.add"), "new_subject.html", is_current=True))
    return {
        "new_subject.html": new_subject.render(first, messages, replace(adding, subjects=())),
        "new_subject_errors.html": new_subject.render(asked, messages, adding),
    }


def _kwh_micro(month_index: int) -> int:
    return round((610 + 190 * math.cos((month_index + 10) / 6 * math.pi)) * 1_000_000)


def _points(count: int = 13, *, exports: bool = False) -> list[MonthPoint]:
    found = []
    for index in range(count):
        month = _FIRST.plus(index)
        days = month.days_count()
        used = _kwh_micro(index)
        out = round((140 - 120 * math.cos((index + 10) / 6 * math.pi)) * 1_000_000) if exports else None
        found.append(
            MonthPoint(
                month=month,
                delivered_micro=used,
                exported_micro=out,
                gross_ug_co2e=used * 226,
                avoided_ug_co2e=out * 226 if out is not None else None,
                days_measured_count=days,
                days_expected_count=days,
            )
        )
    return found


def _rows(points: Iterable[MonthPoint], states: Mapping[int, dashboard.MonthState]) -> tuple[dashboard.MonthRow, ...]:
    found = []
    for index, point in enumerate(points):
        state = states.get(index, dashboard.MonthState.ANCHORED)
        is_done = state in {dashboard.MonthState.ANCHORED, dashboard.MonthState.ISSUED, dashboard.MonthState.CHANGED}
        can_close = state in {dashboard.MonthState.OPEN, dashboard.MonthState.CHANGED, dashboard.MonthState.FINDINGS}
        found.append(
            dashboard.MonthRow(
                point=point,
                state=state,
                activities_href="activities.html" if point.is_measured else "",
                why_href="why.html" if point.is_measured else "",
                close_href="/close" if can_close and point.is_whole and index < 12 else "",  # noqa: PLR2004 - the running one
                statement_href="statement.html" if is_done or state is dashboard.MonthState.FINDINGS else "",
                proof_href="proof.html" if is_done else "",
                bundle_href="bundle.json" if is_done else "",
                findings_count=2 if state is dashboard.MonthState.FINDINGS else 0,
                changed_ug_co2e=3_210_000_000 if state is dashboard.MonthState.CHANGED else 0,
                revision=2 if index == 3 else 1 if is_done else 0,  # noqa: PLR2004 - one restated month
            )
        )
    return tuple(found)


def _hours(days_count: int, *, gap: range = range(0)) -> HourGrid:
    days = []
    for day in range(days_count):
        season = 0.75 + 0.25 * math.cos((day - 60) / 182 * math.pi)
        values: list[int | None] = []
        for hour in range(24):
            evening = math.exp(-((hour - 19) ** 2) / 8)
            morning = 0.6 * math.exp(-((hour - 7) ** 2) / 3)
            wobble = 0.85 + 0.3 * abs(math.sin(day * 12.9898 + hour * 78.233))
            values.append(None if day in gap else round((0.28 + 1.6 * evening * season + morning) * wobble * 1_000_000))
        days.append(tuple(values))
    return HourGrid(date(2025, 11, 1), tuple(days))


def household() -> dashboard.DashboardModel:
    """A household with a year of data, one gap, one running month."""
    points = _points()
    points[5] = replace(points[5], delivered_micro=None, gross_ug_co2e=None, days_measured_count=0)
    points[6] = replace(points[6], delivered_micro=328_400_000, gross_ug_co2e=74_218_400_000, days_measured_count=17)
    points[12] = replace(
        points[12], delivered_micro=431_250_000, gross_ug_co2e=97_462_500_000, days_measured_count=20, days_expected_count=20
    )
    states = {
        5: dashboard.MonthState.OPEN,
        6: dashboard.MonthState.OPEN,
        9: dashboard.MonthState.CHANGED,
        10: dashboard.MonthState.CLOSING,
        11: dashboard.MonthState.OPEN,
        12: dashboard.MonthState.OPEN,
    }
    year = points[:12]
    series = tuple(point.gross_ug_co2e for point in year)
    total = sum(value or 0 for value in series)
    return dashboard.DashboardModel(
        subject_name="Rivera household",
        subject_kind=dashboard.SubjectKind.HOUSEHOLD,
        year=MonthRange(_FIRST, _FIRST.plus(12)),
        score=dashboard.Score(34, 21, 46, 118_000, 3, "S1-2030", is_provisional=True),
        gross=dashboard.YearTotal(total, "why.html", series),
        net=dashboard.YearTotal(total * 11 // 12, "why.html", tuple(None if v is None else v * 11 // 12 for v in series)),
        year_kwh_micro=sum(point.delivered_micro or 0 for point in year),
        year_months_measured_count=11,
        this_month=dashboard.ThisMonth(Month(2026, 11), 431_250_000, 97_462_500_000, 704_545_455, 20, 20, 30, "why.html"),
        proofs=dashboard.Proofs(
            8_760,
            1_000_000,
            727_000,
            {EvidenceClass.UPLOADED: 918_000, EvidenceClass.TYPED: 82_000},
            _AT,
            is_chain_local=True,
            accounts=(
                dashboard.AccountSync("Demo Power & Light", "connections.html", _AT),
                dashboard.AccountSync(HOSTILE, "connections.html", _AT, needs_you=True),
                dashboard.AccountSync("Demo Bank", "connections.html", None),
            ),
        ),
        months=_rows(points, states),
        hours=_hours(365, gap=range(152, 195)),
        imports=(
            dashboard.ImportRow(_AT, "rivera-2025-2026.xml", "upload.html", 8_760, 0, 24, 0, EvidenceClass.UPLOADED),
            dashboard.ImportRow(
                _AT - timedelta(days=2), "rivera-first-half.xml", "upload.html", 4_344, 3, 0, 4_344, EvidenceClass.UPLOADED
            ),
            dashboard.ImportRow(_AT - timedelta(days=9), "Pacific Power, typed", "upload.html", 1, 0, 0, 0, EvidenceClass.TYPED),
        ),
        connect=dashboard.Connect("/upload", "/bill", place="94110", connections_href="connections.html"),
        figures_href="figures",
        score_href="method.html",
    )


def business() -> dashboard.DashboardModel:
    """A small business with solar exports, months issued, one with findings."""
    base = household()
    points = _points(exports=True)
    states = dict.fromkeys(range(11), dashboard.MonthState.ISSUED)
    states |= {11: dashboard.MonthState.FINDINGS, 12: dashboard.MonthState.OPEN}
    total = sum(point.gross_ug_co2e or 0 for point in points[:12])
    return replace(
        base,
        subject_name="Corner Bakery",
        subject_kind=dashboard.SubjectKind.BUSINESS,
        score=dashboard.Score(58, 52, 63, 1_000_000, -1, "S1-2030", is_provisional=False),
        gross=dashboard.YearTotal(total, "why.html", tuple(point.gross_ug_co2e for point in points[:12])),
        net=dashboard.YearTotal(-120_000_000_000, "why.html", tuple(point.gross_ug_co2e for point in points[:12])),
        year_months_measured_count=12,
        months=_rows(points, states),
        hours=_hours(365),
    )


def empty() -> dashboard.DashboardModel:
    """Nothing has come in yet."""
    return replace(
        household(),
        subject_name="New household",
        score=dashboard.Score(None, 0, 0, 0, None, "S1-2030", is_provisional=True),
        gross=dashboard.YearTotal(None, ""),
        net=dashboard.YearTotal(None, ""),
        year_kwh_micro=None,
        year_months_measured_count=0,
        this_month=None,
        months=(),
        hours=None,
        imports=(),
        connect=dashboard.Connect("/upload", "/bill"),
    )


def one_day() -> dashboard.DashboardModel:
    """One day of data, nothing else."""
    point = MonthPoint(Month(2026, 11), 12_345_678, None, 2_790_123_228, None, 1, 20)
    return replace(
        household(),
        score=dashboard.Score(31, 12, 50, 4_000, None, "S1-2030", is_provisional=True),
        gross=dashboard.YearTotal(None, ""),
        net=dashboard.YearTotal(None, ""),
        year_months_measured_count=0,
        this_month=dashboard.ThisMonth(Month(2026, 11), 12_345_678, 2_790_123_228, None, 1, 20, 30, "why.html"),
        months=_rows([point], {0: dashboard.MonthState.OPEN}),
        hours=replace(_hours(1), first_date=date(2026, 11, 20)),
        proofs=dashboard.Proofs(1, 1_000_000, 0, {EvidenceClass.UPLOADED: 1_000_000}, _AT, is_chain_local=True),
    )


def absurd() -> dashboard.DashboardModel:
    """The largest values that int64 holds, hostile and right-to-left names, a month far over its reference."""
    points = [replace(p, delivered_micro=9_000_000_000_000_000_000, gross_ug_co2e=9_000_000_000_000_000_000) for p in _points()]
    points[4] = replace(points[4], delivered_micro=-5_000_000_000_000_000_000, gross_ug_co2e=-1_130_000_000_000_000_000)
    points[7] = replace(points[7], delivered_micro=0, gross_ug_co2e=0)
    name = f"{HOSTILE} {RIGHT_TO_LEFT} {'verylongname' * 12}"
    base = household()
    return replace(
        base,
        subject_name=name,
        score=dashboard.Score(0, 0, 4, 999_999, 0, "S1-2030", is_provisional=False),
        gross=dashboard.YearTotal(99_000_000_000_000_000_000, "why.html", tuple(p.gross_ug_co2e for p in points)),
        net=dashboard.YearTotal(-99_000_000_000_000_000_000, "why.html"),
        this_month=dashboard.ThisMonth(
            Month(2026, 11), 9_000_000_000_000_000_000, 9_000_000_000_000_000_000, 1, 20, 20, 30, "why.html"
        ),
        months=_rows(points, {}),
        imports=(dashboard.ImportRow(_AT, name, "upload.html", 1, 999_999_999, 1, 1, EvidenceClass.SIGNED_CHANNEL),),
        hours=None,
    )


def only_exports() -> dashboard.DashboardModel:
    """A solar meter that only exports."""
    points = [replace(point, delivered_micro=None, gross_ug_co2e=None) for point in _points(exports=True)]
    return replace(
        household(),
        subject_name="Solar roof",
        gross=dashboard.YearTotal(0, "why.html"),
        net=dashboard.YearTotal(0, "why.html"),
        this_month=dashboard.ThisMonth(Month(2026, 11), None, None, None, 20, 20, 30, ""),
        months=_rows(points, {}),
        hours=None,
    )


def bill_errors() -> dashboard.DashboardModel:
    """Both forms shown again with what was wrong."""
    bill = dashboard.FormState(
        {"utility": HOSTILE, "start": "2026-10-31", "end": "2026-10-01", "kwh": "12,5", "place": "94110"},
        {"end": "The last day comes before the first.", "kwh": "Write digits with a point: 12.5."},
    )
    up = dashboard.FormState({"place": "37402"}, {"zone": "This ZIP code spans two zones. Choose the meter’s."})
    connect = dashboard.Connect("/upload", "/bill", zones=("America/New_York", "America/Chicago"), upload=up, bill=bill)
    return replace(household(), connect=connect)


def _factor(basis: Basis) -> EmissionFactor:
    return EmissionFactor(
        publisher="EPA eGRID",
        edition="eGRID2023 rev 2",
        table="SRL23, total output emission rates",
        kind="electricity",
        unit="kWh",
        region="US/egrid/CAMX",
        year=2023,
        published={Gas.CO2: "497.441", Gas.CH4: "0.030", Gas.N2O: "0.004"},
        published_unit="lb/MWh",
        gwp_set="",
        life_cycle_scope=LifeCycleScope.GENERATION,
        rate="total_output",
        source_url="https://www.epa.gov/egrid",
        licence="Public domain (US Government)",
        note="Stands in for the market" if basis is Basis.MARKET else "",
    )


_LB_UG, _KWH_PER_MWH = 453_592_370, 1000


def _traced(
    line: Line, factor: EmissionFactor, per_unit: GasSplit, steps: tuple[str, ...], bases: tuple[Basis, ...]
) -> TracedLine:
    """A line with its factor, its sums written from the published numbers."""
    weights = {Gas.CO2: Fraction(1), Gas.CH4: Fraction("27.9"), Gas.N2O: Fraction(273), Gas.CO2E: Fraction(1)}
    mass, _, per = factor.published_unit.partition("/")
    ug_per_mass = {"lb": _LB_UG, "kg": 1_000_000_000}[mass]
    units_per = _KWH_PER_MWH if per == "MWh" else 1
    sums = []
    for gas, text in factor.published.items():
        name = "unsplit" if gas is Gas.CO2E else str(gas)
        sums.append(
            GasSum(
                gas=name,
                field=f"{name}_ug",
                published_text=text,
                published_unit=factor.published_unit,
                mass=mass,
                per=per,
                ug_per_mass=Fraction(ug_per_mass),
                units_per=Fraction(units_per),
                units_per_divisor=Fraction(1),
                row_unit=factor.unit,
                gwp=weights[gas],
                own_gwp=Fraction(1),
                exact_ug=Fraction(text) * ug_per_mass / units_per * weights[gas] * line.scale,
                per_unit_ug=getattr(per_unit, f"{name}_ug"),
            )
        )
    published = tuple((str(gas), text, factor.published_unit) for gas, text in factor.published.items())
    compiled = CompiledFactor(factor, per_unit, line.gwp_set, line.scale)
    place = "California" if line.key.region else ""
    return TracedLine((line,), bases, compiled, steps, "WECC California (CAMX)", tuple(sums), published, place)


def _emissions(quantity_micro: int, per_unit: GasSplit) -> GasSplit:
    fields = ("co2_ug", "ch4_ug", "n2o_ug", "unsplit_ug", "biogenic_co2_ug")
    return GasSplit(*((2 * quantity_micro * getattr(per_unit, name) + 1_000_000) // 2_000_000 for name in fields))


def _traced_lines() -> tuple[TracedLine, ...]:
    per_unit, per_unit_lost = GasSplit(225_635_442, 379_657, 495_323, 0), GasSplit(11_625_739, 19_562, 25_521, 0)
    quantity = 712_345_678
    key = activity_key("electricity", "US/zip/94110", 2026, Dimension.ENERGY)
    found = []
    for basis in Basis:
        factor = _factor(basis)
        flags = ("year_earlier", "zip_in_several_subregions") if basis is Basis.LOCATION else ("no_residual_mix", "year_earlier")
        line = Line(
            month=Month(2026, 10),
            key=key,
            basis=basis,
            quantity_micro=quantity,
            by_evidence_micro={EvidenceClass.UPLOADED: 653_345_678, EvidenceClass.TYPED: 59_000_000},
            factor_id=factor.factor_id,
            gwp_set="AR6",
            emissions=_emissions(quantity, per_unit),
            scope=2,
            category=0,
            is_avoided=False,
            flags=flags,
        )
        steps = (
            "ZIP code 94110 lies in the grid subregion CAMX (and, for 2 % of its customers, NWPP).",
            "No supplier contract with evidence is known.",
            "The preferred publisher for the United States is EPA eGRID.",
            "2026 is not published yet; the newest earlier year is 2023.",
        )
        found.append(_traced(line, factor, per_unit, steps, (basis,)))
        if basis is Basis.LOCATION:
            lost = replace(line, part=Part.GRID_LOSS, scope=3, category=3, scale=Fraction(49, 951), flags=("year_earlier",))
            lost = replace(lost, emissions=_emissions(quantity, per_unit_lost))
            found.append(_traced(lost, factor, per_unit_lost, steps[2:], tuple(Basis)))
    return (*found, _flight_line())


def _flight_key() -> ActivityKey:
    return ActivityKey("flight", "", 2026, "item", (("cabin", "economy"), ("destination", "SFO"), ("origin", "ZRH")))


def _flight_line() -> TracedLine:
    """A flight: no place, attributes, one published CO2e number, a scale."""
    factor = replace(
        _factor(Basis.LOCATION),
        publisher="UK DESNZ/Defra",
        edition="2024",
        table="Business travel- air",
        kind="flight",
        unit="pkm",
        region="WORLD",
        year=2024,
        published={Gas.CO2E: "0.11704"},
        published_unit="kg/pkm",
        gwp_set="AR5",
        life_cycle_scope=LifeCycleScope.COMBUSTION,
        rate="",
        label="Flights / International, to/from non-UK / Economy class",
    )
    per_unit = GasSplit(0, 0, 0, 1_101_229_360_000)
    line = Line(
        month=Month(2026, 10),
        key=_flight_key(),
        basis=Basis.LOCATION,
        quantity_micro=2_000_000,
        by_evidence_micro={EvidenceClass.UPLOADED: 2_000_000},
        factor_id=factor.factor_id,
        gwp_set="AR5",
        emissions=_emissions(2_000_000, per_unit),
        scope=3,
        category=6,
        is_avoided=False,
        flags=("co2e_only",),
        scale=Fraction(9409),
    )
    return _traced(line, factor, per_unit, ("ZRH to SFO: great circle 9,409 km.",), tuple(Basis))


def _lines_of(traced: Iterable[TracedLine]) -> tuple[Line, ...]:
    return tuple(replace(line, basis=basis) for one in traced for line in one.lines for basis in one.bases)


def _apart() -> Apart:
    lines = _lines_of(_traced_lines())
    gross = sum(line.emissions.total_ug_co2e for line in lines if line.basis is Basis.LOCATION)
    return Apart(
        (BesideRow("aviation_non_co2", 1_541_720_000_000, _HEX[:16], "UK DESNZ/Defra 2024, World, 2024"),),
        tuple(IntervalShown(basis, gross * 8 // 10, gross * 13 // 10, is_assumed=basis is Basis.MARKET) for basis in Basis),
        scope_totals(lines),
    )


def _unscored() -> tuple[Unscored, ...]:
    key = activity_key("water", "US/zip/94110", 2026, Dimension.VOLUME)
    return (Unscored(Month(2026, 10), key, 12_400_000, "No factor table that is shipped holds water for the United States."),)


def _records() -> Iterable[why.RecordRow]:
    document = why.DocumentLink(_HEX, "rivera-2025-2026.xml", "original.xml")
    for day in range(1, 9):
        at = date(2026, 10, day)
        yield why.RecordRow("up-1|delivered", at, at, 22_812_345, "kWh", EvidenceClass.UPLOADED, 1 + (day == 4), (document,))  # noqa: PLR2004
    typed = why.RecordRow("bill", date(2026, 10, 9), date(2026, 10, 31), 59_000_000, "kWh", EvidenceClass.TYPED, 1, ())
    yield typed
    yield replace(typed, evidence=EvidenceClass.UPLOADED, documents=(why.DocumentLink(_HEX, f"{RIGHT_TO_LEFT}{HOSTILE}.pdf"),))


def _totals() -> Totals:
    gross = sum(line.emissions.total_ug_co2e for line in _lines_of(_traced_lines()) if line.basis is Basis.LOCATION)
    return Totals(gross, gross, 25_000, 31_400_000_000, 0, 1)


def _endorsements() -> tuple[statement.EndorsementRow, ...]:
    address = "0x52908400098527886E0F7030069857D2E4169EE7"
    return (
        statement.EndorsementRow("auditor-usa", "US", "this machine", address),
        statement.EndorsementRow("auditor-europe", "EU", "this machine", address),
    )


def _chain() -> statement.ChainStatus:
    return statement.ChainStatus(
        is_local=True,
        chain_id=131277322940537,
        contract_hex="0x" + "5a" * 20,
        root_hex=_HEX,
        state="final",
        transaction_hex="0x" + "c3" * 32,
        block_index=41,
        token_id_hex="0x" + "0d" * 32,
    )


def _statement() -> statement.StatementModel:
    traced = _traced_lines()
    period = MonthRange.of_month(Month(2026, 10))
    factor_set = FactorSetId(14_212, _HEX)
    tree = TreeId(_HEX, 31)
    manifest = Manifest(
        subject_hex=_HEX,
        period=period,
        revision=2,
        reason="The utility corrected 24 readings.",
        inputs=tree,
        originals=replace(tree, leaf_count=1),
        lines=replace(tree, leaf_count=2),
        evidence_ppm={EvidenceClass.UPLOADED: 917_000, EvidenceClass.TYPED: 83_000},
        coverage_ppm=998_655,
        factor_set=factor_set,
        method="cf-method/1",
        parsers={"green-button": "1", "bill": "1"},
        totals=_totals(),
        is_self_declared=True,
    )
    return statement.StatementModel(
        subject_name="Rivera household",
        statement=Statement(period, 2, _lines_of(traced), _unscored(), _totals(), factor_set, "cf-method/1"),
        manifest=manifest,
        manifest_hash_hex=_HEX,
        state=dashboard.MonthState.ANCHORED,
        traced=traced,
        apart=_apart(),
        endorsements=_endorsements(),
        findings=(),
        chain=_chain(),
        back_href="dashboard.html",
        why_href="why.html",
        csv_href="lines.csv",
        proof_href="proof.html",
        share_href="/share",
        bundle_href="bundle.json",
    )


def _statement_with_findings() -> statement.StatementModel:
    return replace(
        _statement(),
        state=dashboard.MonthState.FINDINGS,
        findings=(
            "12 October 2026 is 40 times the median day of this meter; expected under 10 times.",
            "The original of 3 October 2026 is not the file that its hash names.",
        ),
        endorsements=(),
        chain=None,
        proof_href="",
        share_href="",
        bundle_href="",
    )


def _facts() -> proof.ProofFacts:
    names = ("manifest_hash", "inputs_root", "originals_root", "lines_root", "factor_set_root", "subject")
    return proof.ProofFacts(
        period=MonthRange.of_month(Month(2026, 10)),
        revision=1,
        is_self_declared=False,
        totals=_totals(),
        evidence_ppm={EvidenceClass.UPLOADED: 917_000, EvidenceClass.TYPED: 83_000},
        coverage_ppm=998_655,
        inputs_count=31,
        hashes=dict.fromkeys(names, _HEX),
        factor_set_size=14_212,
        method="cf-method/1",
        endorsements=_endorsements(),
        chain=_chain(),
    )


def _steps(failed_at: int | None) -> Iterable[proof.Step]:
    names = (
        ("bundle", "18,214 bytes, RFC 8785"),
        ("manifest", _HEX),
        ("signatures", "US, EU; epoch 1"),
        ("factors", "2 rows, 14 hashes each"),
        ("arithmetic", "2 lines recomputed"),
        ("totals", "161,278 g CO2e gross"),
        ("inputs", "31 leaves"),
        ("chain", "not checked: no chain was asked"),
    )
    for index, (name, detail) in enumerate(names):
        if failed_at is not None and index == failed_at:
            yield proof.Step(
                name, proof.StepState.FAILED, "line 1 (October 2026): expected 160,730,424,100 ug, got 160,730,424,101 ug"
            )
        elif index == len(names) - 1 or (failed_at is not None and index > failed_at):
            yield proof.Step(name, proof.StepState.NOT_CHECKED, "An earlier step failed." if failed_at is not None else detail)
        else:
            yield proof.Step(name, proof.StepState.OK, detail)


def _activities() -> activities.ActivitiesModel:
    rows = []
    key = activity_key("electricity", "US/zip/94110", 2026, Dimension.ENERGY)
    for index, evidence in enumerate(EvidenceClass):
        at = date(2026, 10, 1 + index)
        quality = tuple(Quality)[index % 4]
        rows.append(activities.ActivityRow(at, at, key, 22_812_345, quality, evidence, "green-button", "why.html"))
    rows.append(
        replace(
            rows[0],
            key=replace(key, kind="electricity_export"),
            end_date=date(2026, 10, 31),
            source=f"{HOSTILE} {RIGHT_TO_LEFT}",
            href="",
        )
    )
    rows.append(replace(rows[0], key=_flight_key(), quantity_micro=2_000_000))
    return activities.ActivitiesModel(
        MonthRange.of_month(Month(2026, 10)), tuple(rows), 412, "activities.html", "all.csv", "dashboard.html"
    )


def _upload() -> upload.UploadModel:
    return upload.UploadModel(
        document_name="rivera-2025-2026.xml",
        sha256_hex=_HEX,
        is_archived=True,
        evidence=EvidenceClass.UPLOADED,
        totals=(
            upload.UploadTotal("electricity", Direction.DELIVERED, 7_412_345_678, "kWh", 8_760),
            upload.UploadTotal("electricity_export", Direction.EXPORT, 1_204_500_000, "kWh", 8_760),
        ),
        first_date=date(2025, 11, 1),
        last_date=date(2026, 10, 31),
        readings_count=17_520,
        new_count=13_152,
        corrected_count=24,
        repeated_count=4_344,
        refused=(
            upload.RefusedPart(
                "usage point 3, reading type 2", "expected a unit of energy, got uom 38 (V). Nothing was guessed."
            ),
            upload.RefusedPart("reading 2031-01-01T00:00Z", "It lies in the future. Ask the utility for a new file."),
        ),
        notes=("August 2026 was closed; its data changed. Restate it to count the difference.",),
        question=None,
        back_href="dashboard.html",
    )


def write(folder: Path) -> list[str]:
    """Write every page, figure file and static file below a folder.

    Args:
        folder: Made where it does not exist.

    Returns:
        Names of the pages.
    """
    messages = messages_in()
    folder.mkdir(parents=True, exist_ok=True)
    with resources.as_file(resources.files("dashboards") / "static") as static:
        shutil.copytree(static, folder / "static", dirs_exist_ok=True)
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    for figure in dashboard.figures_of(household(), messages):
        (figures / f"{figure.figure_id}.csv").write_text(figure.csv, encoding="utf-8")
        (figures / f"{figure.figure_id}.json").write_text(figure.plotly_json, encoding="utf-8")
    written = pages(messages)
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")
    return sorted(written)


if __name__ == "__main__":
    _EXPECTED_COUNT = 2
    if len(sys.argv) != _EXPECTED_COUNT:
        sys.exit("usage: python -m dashboards.preview FOLDER")
    sys.stdout.write("\n".join(write(Path(sys.argv[1]))) + "\n")
