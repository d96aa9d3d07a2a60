"""Closing: exact totals, one calendar, revisions with reasons, and gaps that are not zero."""

from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from fractions import Fraction
from random import Random

import pytest

from app.demo.load_profile import household_profile
from app.services import Whose
from app.store import jobs, periods, statements
from app.store.session import reading
from app.store.statements import StatementRow, StatementState
from app.usecases.close_period import close_period
from app.usecases.enter_bill import BillInput
from domain.activity import Direction
from domain.errors import ConflictError, NotFoundError
from domain.factor import Basis, Gas, Part
from domain.manifest import Manifest, manifest_from_canonical
from domain.period import Month, MonthRange
from domain.place import place_from_text
from domain.statement import Line
from scoring.factors.factor_set import FactorSet
from tests.app.usecases.installation import NEW_YORK, Installation, document, series, steady

GWP_AR5 = {Gas.CO2: 1, Gas.CH4: 28, Gas.N2O: 265}
KG_PER_LB = Fraction(45_359_237, 100_000_000)
LATER = datetime(2025, 6, 9, tzinfo=UTC)


def lines_of(installation: Installation, row: StatementRow) -> tuple[Line, ...]:
    """The lines of a statement."""
    with installation.looking() as work:
        return statements.lines_of(work.session, row.tenant_id, row.id)


def manifest_of(row: StatementRow) -> Manifest:
    """The manifest of a statement."""
    return manifest_from_canonical(row.manifest)


EAST_LOSS = Fraction("0.042") / (1 - Fraction("0.042"))
"""Grid gross loss of the eastern interconnection, eGRID2023: share of generation that does not arrive, per kWh that does."""


def exact_ug(factor_set: FactorSet, line: Line, kwh: Fraction) -> Fraction:
    """Micrograms of CO2e from the published text of an eGRID row, in fractions from start to end."""
    row = factor_set.row(line.factor_id)
    assert row.published_unit == "lb/MWh"
    lb_per_mwh = sum(Fraction(text) * GWP_AR5[gas] for gas, text in row.published.items() if gas in GWP_AR5)
    return lb_per_mwh * KG_PER_LB * 10**9 / 1000 * kwh


def test_totals_equal_an_independent_computation(installation: Installation, household: Whose) -> None:
    """A year of hourly readings with export: every line is the exact fraction, up to the rounding of factor and line."""
    chance = Random(7)  # noqa: S311 - repeatable, not secret
    load = household_profile(chance, start=date(2024, 1, 1), end=date(2025, 1, 1), zone=NEW_YORK)
    kwh: dict[tuple[str, int], Fraction] = defaultdict(Fraction)
    columns = zip(load.starts_s, load.delivered_wh, load.exported_wh, strict=True)
    for start_s, delivered_wh, exported_wh in columns:
        month = datetime.fromtimestamp(start_s, NEW_YORK).month
        kwh["electricity", month] += Fraction(delivered_wh, 1000)
        kwh["electricity_export", month] += Fraction(exported_wh, 1000)
    export = series(load.starts_s, load.exported_wh, direction=Direction.EXPORT)
    installation.take(household, document(series(load.starts_s, load.delivered_wh), export))
    row = installation.close_months(household, "2024-01..2024-12")
    lines = lines_of(installation, row)
    assert Counter(line.part for line in lines) == {
        Part.USE: 12 * 3,
        Part.GRID_LOSS: 12 * 2,
    }  # an export is avoided by location only
    for line in lines:
        amount = kwh[line.key.kind, line.month.number]
        assert line.quantity_micro == amount * 1_000_000
        rounding_ug = Fraction(3, 2) * amount + 2  # half a microgram per gas and kWh, and half of one per gas of the line
        exact = exact_ug(installation.services.factor_set, line, amount) * (EAST_LOSS if line.part is Part.GRID_LOSS else 1)
        assert abs(line.emissions.total_ug_co2e - exact) <= rounding_ug
    located = [line for line in lines if line.basis is Basis.LOCATION]
    assert row.totals.gross_location_ug_co2e == sum(x.emissions.total_ug_co2e for x in located if not x.is_avoided)
    assert row.totals.avoided_ug_co2e == sum(x.emissions.total_ug_co2e for x in located if x.is_avoided) > 0
    assert row.totals.net_ug_co2e == row.totals.gross_market_ug_co2e


@pytest.mark.parametrize(("month", "hour_count"), [("2025-03", 743), ("2024-11", 721), ("2025-02", 672)])
def test_months_with_clock_changes_are_whole(installation: Installation, household: Whose, month: str, hour_count: int) -> None:
    """A month with a day of 23 or 25 hours has that many hours, and is covered to the full."""
    of = Month.from_text(month)
    installation.take(household, steady(of.first_date(), of.first_date().replace(day=of.days_count())))
    row = installation.close_months(household, month)
    assert lines_of(installation, row)[0].quantity_micro == hour_count * 500_000
    assert manifest_of(row).coverage_ppm == 1_000_000


def test_bill_over_a_new_year_meets_both_years_factors(installation: Installation, household: Whose) -> None:
    """The parts of a bill are scored with the factors of their own year, and add up to the bill."""
    installation.bill(household, BillInput("Con Edison", "2022-12-17", "2023-01-20", "100"))
    closed = installation.close_months(household, "2022-12..2023-01")
    lines = [x for x in lines_of(installation, closed) if x.basis is Basis.LOCATION and x.part is Part.USE]
    assert [(str(x.month), x.key.year, x.quantity_micro) for x in lines] == [
        ("2022-12", 2022, 42_857_142),
        ("2023-01", 2023, 57_142_858),
    ]
    years = [installation.services.factor_set.row(x.factor_id).year for x in lines]
    assert years == [2022, 2023]


def test_bill_that_reaches_out_of_the_period_counts_its_share(installation: Installation, household: Whose) -> None:
    """Closing one month takes that month's part of the bill, and the other month takes the rest."""
    installation.bill(household, BillInput("Con Edison", "2025-04-16", "2025-05-15", "30"))
    parts = [
        lines_of(installation, installation.close_months(household, month))[0].quantity_micro for month in ("2025-04", "2025-05")
    ]
    assert parts == [15_000_000, 15_000_000]


def test_gaps_lower_the_coverage(installation: Installation, household: Whose) -> None:
    """Ten of thirty days measured are a third of the month; the rest is not zero, it is not measured."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 10)))
    assert manifest_of(installation.close_months(household, "2025-04")).coverage_ppm == 333_333


def test_unscored_kinds_are_counted(installation: Installation, household: Whose) -> None:
    """A hotel where no publisher has a factor is named and counted beside the scored lines, never zero emissions."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))
    installation.stay(household)
    row = installation.close_months(household, "2025-04")
    (unscored,) = (dict(one) for one in row.unscored if isinstance(one, dict))
    assert row.totals.unscored_count == 1
    assert unscored["month"] == "2025-04"
    assert unscored["reason"]
    assert {line.key.kind for line in lines_of(installation, row)} == {"electricity"}


def test_only_unscored_is_no_zero_statement(installation: Installation, household: Whose) -> None:
    """A period of which nothing can be scored closes with no line and says how much is unscored."""
    installation.stay(household)
    row = installation.close_months(household, "2025-04")
    assert (lines_of(installation, row), row.totals.unscored_count) == ((), 1)


def test_open_month_is_refused(installation: Installation, household: Whose) -> None:
    """A month that is not over cannot be closed; the message says from when on."""
    installation.take(household, steady(date(2025, 6, 1), date(2025, 6, 10)))
    with pytest.raises(ConflictError, match=r"This period is not over yet; .*got 2025-06\. Close it from 2025-07-01 on\."):
        installation.close_months(household, "2025-06")


def test_month_ends_at_the_subjects_midnight(installation: Installation, household: Whose) -> None:
    """At 03:00 UTC on 1 July it is still June in New York."""
    installation.take(household, steady(date(2025, 6, 1), date(2025, 6, 10)))
    installation.clock.advance((datetime(2025, 7, 1, 3, tzinfo=UTC) - installation.clock.now()).total_seconds())
    with pytest.raises(ConflictError, match="not over yet"):
        installation.close_months(household, "2025-06")
    installation.clock.advance(3600)
    assert installation.close_months(household, "2025-06").revision == 1


def test_empty_month_is_refused(installation: Installation, household: Whose) -> None:
    """A month without data is not zero: it cannot be closed, and no period is opened."""
    with pytest.raises(ConflictError, match=r"Nothing is measured in this period; .* a month without data is not zero"):
        installation.close_months(household, "2025-04")
    with installation.looking() as work:
        assert not periods.of_subject(work.session, household.tenant_id, household.subject_id)


def test_overlapping_calendar_is_refused(installation: Installation, household: Whose) -> None:
    """A subject has one closing calendar: a quarter does not fit where one of its months is closed."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 5, 31)))
    installation.close_months(household, "2025-04")
    with pytest.raises(
        ConflictError, match=r"These months belong to another period already; expected 2025-04, or months outside it"
    ):
        installation.close_months(household, "2025-04..2025-05")


def test_closing_twice_is_refused(installation: Installation, household: Whose) -> None:
    """A closed period that has not changed has its statement already, whatever reason is given."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))
    installation.close_months(household, "2025-04")
    for reason in ("", "because"):
        with pytest.raises(
            ConflictError, match=r"This period is closed, and nothing has changed since; .*got revision 1 of 2025-06-15"
        ):
            installation.close_months(household, "2025-04", reason=reason)


def test_findings_can_be_restated(installation: Installation, household: Whose) -> None:
    """A statement with findings is no dead end: with a reason, the period closes as a new revision."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))
    first = installation.close_months(household, "2025-04")
    with installation.work() as work:
        statements.set_state(work.session, first.tenant_id, first.id, StatementState.FINDINGS, expected=[StatementState.CLOSED])
    with pytest.raises(ConflictError, match="A restatement needs its reason"):
        installation.close_months(household, "2025-04")
    second = installation.close_months(household, "2025-04", reason="The auditor's parser was corrected.")
    assert (second.revision, installation.statement(first).state) == (2, StatementState.SUPERSEDED)


def test_given_up_job_is_asked_again(installation: Installation, household: Whose) -> None:
    """Closing again where the endorsement was given up asks for the same statement's endorsement anew."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))
    row = installation.close_months(household, "2025-04")
    with installation.work() as work:
        job = jobs.claim(work.session, installation.clock.now(), lease_s=60)
        assert job is not None
        jobs.fail(work.session, job, "not-found (NotFoundError)")
    assert installation.close_months(household, "2025-04").id == row.id
    with installation.work() as work:
        again = jobs.claim(work.session, installation.clock.now(), lease_s=60)
    assert again is not None
    assert (again.key, again.attempts) == (f"endorse:{row.tenant_id}:{row.id}", 1)


def test_month_ends_at_the_last_meters_midnight(installation: Installation, household: Whose) -> None:
    """A meter in Hawaii keeps the month of a household in New York open for six more hours."""
    there = place_from_text("96813", zone="Pacific/Honolulu")
    body = steady(date(2025, 6, 1), date(2025, 6, 10))
    installation.take(household, body.replace(b"UsagePoint/1", b"UsagePoint/2"), place=there)
    installation.clock.advance((datetime(2025, 7, 1, 9, tzinfo=UTC) - installation.clock.now()).total_seconds())
    with pytest.raises(ConflictError, match="a period that ends by 2025-06-30 in Pacific/Honolulu; got 2025-06"):
        installation.close_months(household, "2025-06")
    installation.clock.advance(3600)
    assert installation.close_months(household, "2025-06").revision == 1


def test_restatement_needs_a_reason_and_supersedes(installation: Installation, household: Whose) -> None:
    """Late data mark the period; restating it takes a reason, keeps the subject's commitment, and supersedes the former."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))
    first = installation.close_months(household, "2025-04")
    installation.take(household, steady(date(2025, 4, 3), date(2025, 4, 3), watt_hours=900, updated_at=LATER))
    with pytest.raises(ConflictError, match=r"A restatement needs its reason; expected a reason, in one sentence; got none"):
        installation.close_months(household, "2025-04")
    second = installation.close_months(household, "2025-04", reason="The utility corrected 3 April.")
    assert (second.revision, second.reason) == (2, "The utility corrected 3 April.")
    assert manifest_of(second).subject_hex == manifest_of(first).subject_hex
    assert installation.statement(first).state is StatementState.SUPERSEDED
    moved_micro = lines_of(installation, second)[0].quantity_micro - lines_of(installation, first)[0].quantity_micro
    assert moved_micro == 24 * 400_000


def test_unchanged_import_does_not_mark_a_closed_period(installation: Installation, household: Whose) -> None:
    """The same readings again leave a closed period as it is."""
    body = steady(date(2025, 4, 1), date(2025, 4, 30))
    installation.take(household, body)
    installation.close_months(household, "2025-04")
    installation.take(household, body)
    with installation.looking() as work:
        (period,) = periods.of_subject(work.session, household.tenant_id, household.subject_id)
    assert not period.is_changed_since_close


def test_everything_is_there_after_a_restart(installation: Installation, household: Whose) -> None:
    """New services on the same folder find the statement, its lines, and the closed period."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))
    row = installation.close_months(household, "2025-04")
    lines = lines_of(installation, row)
    again = installation.restarted()
    assert again.statement(row) == row
    assert lines_of(again, row) == lines
    with pytest.raises(ConflictError, match="nothing has changed since"):
        again.close_months(household, "2025-04")
    again.close()


def test_failed_close_leaves_nothing(installation: Installation, household: Whose) -> None:
    """A transaction that is not committed leaves the period open and no statement."""
    installation.take(household, steady(date(2025, 4, 1), date(2025, 4, 30)))

    def close_and_fail() -> None:
        with installation.work() as work:
            close_period(work, household, MonthRange.from_text("2025-04"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        close_and_fail()
    with reading(installation.services.engine) as session:
        assert not statements.of_subject(session, household.tenant_id, household.subject_id)
        assert not periods.of_subject(session, household.tenant_id, household.subject_id)


def test_unknown_subject_is_not_found(installation: Installation) -> None:
    """There is no such subject."""
    with pytest.raises(NotFoundError):
        installation.close_months(Whose("nobody", "nobody"), "2025-04")
