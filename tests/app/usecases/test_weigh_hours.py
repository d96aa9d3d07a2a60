"""From a meter's file and an hourly pack to a signed statement: the mean follows from the originals, and who lies is found."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from app.assemble import open_desk
from app.services import Whose, Work
from app.store import activities, statements
from app.store.statements import StatementRow, StatementState
from app.usecases.audit_statement import AuditRequest, Finding, audit_statement
from app.usecases.endorse_statement import OUR_READER, audit_request
from app.usecases.enter_bill import BillInput
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.import_factors import import_factors
from app.usecases.show_lines import resolution_of
from app.usecases.show_months import live_amounts
from app.usecases.verify_bundle import Step, StepState, first_failure, verify_bundle
from app.usecases.weigh_hours import weigh_hours
from domain.canonical import to_canonical
from domain.errors import FactorSetError
from domain.factor import Basis, GwpSet, Part
from domain.period import Month, MonthRange
from domain.statement import Line, line_from_json
from scoring.arithmetic import line_emissions
from scoring.factors.factor_set import FactorSet
from scoring.factors.hourly import identity_row
from scoring.factors.importers.registry import FILE_KINDS, NamedFile
from scoring.factors.load import shipped_factor_set
from tests.app.usecases.installation import Installation, document, hours, series
from tests.scoring.hours import grid_file, grid_lines

MAY = MonthRange.from_text("2025-05")
GRID = "US/egrid/NYCW"


def g_of(starts_s: list[int]) -> dict[str, str]:
    """Factors of a month of hours: 200 to 430 g/kWh by the hour of the day, a tenth of a gram more each day."""
    return {
        f"{at:%Y-%m-%dT%H}": f"{200 + 10 * at.hour}.{at.day % 10}"
        for at in (datetime.fromtimestamp(start_s, UTC) for start_s in starts_s)
    }


def load(starts_s: list[int]) -> list[int]:
    """Watt-hours of a month of hours: other ones in every hour, some zero."""
    return [(37 * number) % 900 for number in range(len(starts_s))]


def may_hours() -> list[int]:
    """Begins of May in New York."""
    return hours(date(2025, 5, 1), date(2025, 5, 31))


def may_days(*, without: str = "") -> list[str]:
    """The days of May and the first of June, in UTC: a local month takes five hours of the next."""
    days = [(date(2025, 5, 1) + timedelta(days=number)).isoformat() for number in range(32)]
    return [day for day in days if day != without]


def add_pack(installation: Installation, *lines: str) -> Installation:
    """The same folder with an hourly pack, opened anew."""
    folder = installation.services.settings.data_folder
    import_factors(folder, FILE_KINDS["hourly-grid"], [NamedFile("hours.csv", grid_file(*lines))])
    return installation.restarted()


def expected_scale() -> Fraction:
    """Sum of kWh x kg/kWh over the hours, by the sum of kWh."""
    starts_s = may_hours()
    factors = g_of(starts_s)
    names = [f"{datetime.fromtimestamp(start_s, UTC):%Y-%m-%dT%H}" for start_s in starts_s]
    weighed = sum(
        (watt_hours * Fraction(factors[name]) for name, watt_hours in zip(names, load(starts_s), strict=True)), Fraction(0)
    )
    return weighed / sum(load(starts_s)) / 1000


@dataclass(frozen=True)
class Scene:
    """May, closed by the hour and signed.

    Attributes:
        installation: With the hourly pack.
        whose: The business.
        row: Its statement.
        lines: The statement's lines.
        request: What the auditor was sent.
        bundle: Everything shown.
    """

    installation: Installation
    whose: Whose
    row: StatementRow
    lines: tuple[Line, ...]
    request: AuditRequest
    bundle: bytes

    @property
    def factor_set(self) -> FactorSet:
        """The set that it was closed with."""
        return self.installation.services.factor_set

    def audited(self, request: AuditRequest) -> list[Finding]:
        """The auditor's findings."""
        return list(audit_statement(request, factor_set=self.factor_set, reader=OUR_READER)[1])

    def verified(self, data: bytes, factor_set: FactorSet | None = None) -> dict[str, Step]:
        """Every step by its name, without list and chain."""
        return {step.name: step for step in verify_bundle(data, factor_set=factor_set or self.factor_set)}


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """A Green Button file of May, an hourly pack, a statement that was endorsed and issued, its bundle."""
    first = Installation.open(tmp_path_factory.mktemp("hours"))
    whose = first.business()
    starts_s = may_hours()
    made = add_pack(first, *grid_lines(GRID, may_days(), g_of=g_of(starts_s)))
    made.take(whose, document(series(starts_s, load(starts_s))))
    row = made.close_months(whose, "2025-05")
    desk = open_desk(made.services)
    issued = made.issue(desk, row)
    desk.close()
    with made.looking() as work:
        lines = statements.lines_of(work.session, row.tenant_id, row.id)
        request, bundle = audit_request(work, row), export_bundle(work, issued, Shown.EVERYTHING).to_bytes()
    yield Scene(made, whose, issued, lines, request, bundle)
    made.close()


def uses(lines: tuple[Line, ...]) -> list[Line]:
    """The lines of electricity used."""
    return [line for line in lines if line.key.kind == "electricity" and line.part is Part.USE]


def test_statement_is_scored_by_the_hour(scene: Scene) -> None:
    """Both bases have the exact mean of 744 hours as their scale; the emissions are kWh x mean, rounded as ever."""
    location, market = uses(scene.lines)
    row = identity_row(scene.factor_set)
    assert (location.scale, market.scale) == (expected_scale(), expected_scale())
    assert (location.factor_id, location.flags[0], location.quantity_micro) == (
        row.factor_id,
        "hourly",
        sum(load(may_hours())) * 1000,
    )
    per_kwh_ug = round(expected_scale() * 10**9)
    assert abs(location.emissions.total_ug_co2e - location.quantity_micro * per_kwh_ug / Fraction(10**6)) <= Fraction(1, 2)


def test_auditor_accepts_and_signs(scene: Scene) -> None:
    """It derives the readings from the original again, and comes to the same mean."""
    assert scene.audited(scene.request) == []
    assert scene.row.state is StatementState.ISSUED


def with_scale(text: bytes, scale: Fraction, factor_set: FactorSet) -> bytes:
    """A line with another mean, and the emissions that follow from it."""
    line = line_from_json(json.loads(text))
    compiled = factor_set.compiled(factor_set.row(line.factor_id), GwpSet.AR5, scale)
    return replace(line, scale=scale, emissions=line_emissions(line.quantity_micro, compiled)).canonical_bytes


def changed_lines(scene: Scene, scale: Fraction) -> list[bytes]:
    """All lines, those by the hour with another mean."""
    return [with_scale(text, scale, scene.factor_set) if b'"hourly"' in text else text for text in scene.request.lines]


def test_auditor_finds_a_tampered_mean(scene: Scene) -> None:
    """A mean that could be one, with emissions that fit it, is not that of the readings."""
    lower = expected_scale() * Fraction(99, 100)
    findings = scene.audited(replace(scene.request, lines=changed_lines(scene, lower)))
    assert {finding.code for finding in findings} == {"lines", "trees"}
    assert findings[0].detail.startswith("The lines differs")


def test_auditor_finds_the_average_in_place_of_the_mean(scene: Scene) -> None:
    """Hours that are held must be used: the annual average does not follow either."""
    annual = resolution_of(shipped_factor_set(), replace(uses(scene.lines)[0], flags=())).chosen
    assert annual is not None
    line = uses(scene.lines)[0]
    other = replace(
        line,
        factor_id=annual.factor.factor_id,
        scale=Fraction(1),
        emissions=line_emissions(line.quantity_micro, annual),
        flags=(),
    )
    lines = [other.canonical_bytes if text == line.canonical_bytes else text for text in scene.request.lines]
    assert [finding.code for finding in scene.audited(replace(scene.request, lines=lines))] == ["lines", "trees"]


def test_verifier_says_what_it_cannot_check(scene: Scene) -> None:
    """Every step holds; the choice names the means as not checked, the multiplication was redone with them."""
    steps = scene.verified(scene.bundle)
    assert first_failure(list(steps.values())) is None
    assert steps["choice"].detail.endswith(
        "not checked: the hourly means, 1 in all, which follow from the readings in the originals "
        "(each lies between the hourly factors of its month)"
    )
    assert "multiplications redone" in steps["arithmetic"].detail


def tampered(scene: Scene, change: Callable[[Any], None]) -> dict[str, Step]:
    """The steps for a bundle with its hourly lines changed, its checksum made anew."""
    content = json.loads(scene.bundle)
    for index, text in enumerate(content["lines"]):
        line = json.loads(text)
        if "hourly" in line["flags"]:
            change(line)
            content["lines"][index] = to_canonical(line).decode()
    body = {name: value for name, value in content.items() if name != "checksum"}
    return scene.verified(to_canonical({**body, "checksum": sha256(to_canonical(body)).hexdigest()}))


@pytest.mark.parametrize(
    ("name", "value", "failed"),
    [
        ("scale", "9/100", {"lines", "choice", "arithmetic"}),
        ("scale", "3/10", {"lines", "arithmetic"}),
        ("flags", ["grid_loss_not_held"], {"lines", "choice"}),
        ("month", "2025-08", {"lines", "choice", "quantities"}),
    ],
)
def test_verifier_finds_what_cannot_be(scene: Scene, name: str, value: object, failed: set[str]) -> None:
    """A mean below every hourly factor, another one than the emissions', no flag, a month without factors: each breaks a step."""
    steps = tampered(scene, lambda line: line.update({name: value}))
    assert {step.name for step in steps.values() if step.state is StepState.FAILED} >= failed


def test_verifier_without_the_pack_redoes_the_multiplication(scene: Scene) -> None:
    """The choice is not checked, because it holds another set; quantity x scale is."""
    steps = scene.verified(scene.bundle, shipped_factor_set())
    assert steps["choice"] == Step(
        "choice", StepState.NOT_CHECKED, "this program holds another factor set than the statement used"
    )
    assert steps["arithmetic"].state is StepState.OK
    assert first_failure(list(steps.values())) is None


def test_pages_show_the_mean(scene: Scene) -> None:
    """What is known now has the same lines as the statement; the steps name publisher and mean without the readings."""
    with scene.installation.looking() as work:
        live = live_amounts(work, scene.whose, MAY)[Month(2025, 5)]
    assert uses(live.lines) == uses(scene.lines)
    found = resolution_of(scene.factor_set, uses(scene.lines)[0])
    assert "By the hour: Grid Operator, 2024: the factors of eGRID subregion NYCW" in found.steps[-2]
    assert f"{float(expected_scale()):.6f} kg CO2e/kWh" in found.steps[-2]


def test_month_with_a_day_without_factors_keeps_the_average(tmp_path: Path) -> None:
    """A day of May is absent from the pack: the statement says so, is signed, and holds; a verifier says what it cannot see."""
    first = Installation.open(tmp_path / "data")
    whose = first.business()
    made = add_pack(first, *grid_lines(GRID, may_days(without="2025-05-17")))
    made.take(whose, document(series(may_hours(), load(may_hours()))))
    row = made.close_months(whose, "2025-05")
    desk = open_desk(made.services)
    issued = made.issue(desk, row)
    desk.close()
    with made.looking() as work:
        lines = statements.lines_of(work.session, row.tenant_id, row.id)
        bundle = export_bundle(work, issued, Shown.EVERYTHING).to_bytes()
    assert all("hourly_incomplete" in line.flags and line.scale == 1 for line in uses(lines))
    assert issued.state is StatementState.ISSUED
    steps = {step.name: step for step in verify_bundle(bundle, factor_set=made.services.factor_set)}
    assert first_failure(list(steps.values())) is None
    assert steps["choice"].detail.endswith(
        "not checked: what has no hourly mean, 1 in all, which follows from the readings alike"
    )
    made.close()


def test_bill_beside_the_meter_keeps_the_average(tmp_path: Path) -> None:
    """A typed bill of the same month and place has no hours."""
    first = Installation.open(tmp_path / "data")
    whose = first.household()
    made = add_pack(first, *grid_lines(GRID, may_days()))
    made.take(whose, document(series(may_hours(), load(may_hours()))))
    made.bill(whose, BillInput("Barn", "2025-05-01", "2025-05-31", "10", is_additional=True))
    row = made.close_months(whose, "2025-05")
    with made.looking() as work:
        lines = statements.lines_of(work.session, row.tenant_id, row.id)
    assert all("hourly_incomplete" in line.flags for line in uses(lines))
    made.close()


def test_without_a_pack_no_reading_is_loaded(installation: Installation, household: Whose) -> None:
    """The totals are given back, and the database is not asked."""
    installation.take(household, document(series(may_hours(), load(may_hours()))))
    asked: list[object] = []
    with installation.looking() as work:
        totals = activities.totals(work.session, household.tenant_id, household.subject_id, MAY)
        event.listen(installation.services.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
        assert weigh_hours(work, household, MAY, totals) == totals
    assert asked == []


def test_unknown_place_of_a_pack_is_refused(tmp_path: Path) -> None:
    """A pack's rows are in regions that somebody can find."""
    with pytest.raises(FactorSetError, match=r"A row is in a region that is not known; .*got US/egrid/XXXX"):
        import_factors(tmp_path, FILE_KINDS["hourly-grid"], [NamedFile("h.csv", grid_file(*grid_lines("US/egrid/XXXX")))])


def test_corrected_pack_counts_from_then_on(tmp_path: Path) -> None:
    """A newer edition's hours stand behind the older ones and win; the same file again changes nothing."""
    first = Installation.open(tmp_path / "data")
    whose = first.household()
    made = add_pack(first, *grid_lines(GRID, may_days(), g="100"))
    made.take(whose, document(series(may_hours(), load(may_hours()))))
    again = add_pack(
        add_pack(made, *grid_lines(GRID, may_days(), g="100")), *grid_lines(GRID, may_days(), g="120", edition="2025")
    )
    with again.looking() as work:
        (line, _) = uses(live_of(work, whose))
    assert line.scale == Fraction(12, 100)
    assert again.services.factor_set.version.count("hourly-grid") == 2
    again.close()


def test_changed_hours_are_counted_not_listed(tmp_path: Path) -> None:
    """A revised day is 24 changes in the table of differences, and no list of hours among what to look at."""
    kind = FILE_KINDS["hourly-grid"]
    import_factors(tmp_path, kind, [NamedFile("h.csv", grid_file(*grid_lines(days=["2024-03-01"])))])
    revised = grid_file(*grid_lines(days=["2024-03-01"], g="200", edition="2025"))
    done = import_factors(tmp_path, kind, [NamedFile("h.csv", revised)])
    assert done.findings == ("Grid Operator, DE, generation: 2024-03-01, mean 200.0 g CO2e/kWh",)
    assert [(one.changed_count, len(one.large_changes)) for one in done.differences] == [(24, 24)]


def live_of(work: Work, whose: Whose) -> tuple[Line, ...]:
    """The lines of May as they are known."""
    return tuple(line for line in live_amounts(work, whose, MAY)[Month(2025, 5)].lines if line.basis in Basis)
