"""A meter's whole history, counted once: spans and days, corrected spans, turned readings, repeated feeds, newer parsers."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import permutations

import pytest

from app.services import Whose
from app.store import activities, records
from connectors import registry
from connectors.green_button import GREEN_BUTTON
from domain.period import Month, MonthRange, local_midnight
from tests.app.usecases.installation import NEW_YORK, Installation, document, hours, series, steady

MAY = (date(2025, 5, 1), date(2025, 5, 31))
NEWER = datetime(2025, 6, 9, tzinfo=UTC)


def kwh(installation: Installation, whose: Whose, month: str = "2025-05") -> dict[str, float]:
    """Sum of a month by kind, in kWh."""
    with installation.looking() as work:
        found = activities.monthly_sums(work.session, whose.tenant_id, whose.subject_id, MonthRange.from_text(month))
    return {one.kind: one.quantity_micro / 1e6 for one in found}


def month_sum(first: date, last: date, watt_hours: int, *, updated_at: datetime = datetime(2025, 6, 1, tzinfo=UTC)) -> bytes:
    """A document with one reading over all these days."""
    start, end = local_midnight(first, NEW_YORK), local_midnight(last + timedelta(days=1), NEW_YORK)
    return document(
        series([int(start.timestamp())], [watt_hours], length_s=int((end - start).total_seconds())), updated_at=updated_at
    )


@pytest.fixture
def other_parser(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Installs another version of the Green Button parser, which reads the same."""

    def install(version: str) -> None:
        class Other:
            manifest = replace(GREEN_BUTTON.manifest, parser_version=version)
            pull = None
            parse = staticmethod(GREEN_BUTTON.parse)

        monkeypatch.setitem(registry._OWN, "green-button", Other())  # noqa: SLF001 - an upgrade is nothing that a caller does

    return install


def test_month_sum_beside_its_days_counts_once(installation: Installation, household: Whose) -> None:
    """A sum over days that are measured is not counted, in either order, and the report says so."""
    installation.take(household, steady(*MAY))
    report = installation.take(household, month_sum(*MAY, 372_000))
    assert (kwh(installation, household), report.new_count, report.months) == ({"electricity": 372.0}, 0, ())
    assert report.notes[-1].endswith("is not counted: its days have readings of their own")


def test_days_replace_the_month_sum(installation: Installation, household: Whose) -> None:
    """Days that come after their sum take its place; the sum stays in the history."""
    installation.take(household, month_sum(*MAY, 400_000))
    report = installation.take(household, steady(*MAY))
    assert (kwh(installation, household), report.new_count, report.changed_count) == ({"electricity": 372.0}, 31, 1)
    assert report.months == (Month(2025, 5),)


def test_days_with_a_gap_wait_for_the_rest(installation: Installation, household: Whose) -> None:
    """Days that cover less than the sum do not count until the rest comes, though it comes in another document."""
    installation.take(household, month_sum(*MAY, 400_000))
    report = installation.take(household, steady(date(2025, 5, 1), date(2025, 5, 20)))
    assert (kwh(installation, household), report.new_count) == ({"electricity": 400.0}, 0)
    assert "20 days of electricity" in report.notes[-1]
    installation.take(household, steady(date(2025, 5, 21), date(2025, 5, 31)))
    assert kwh(installation, household) == {"electricity": 372.0}


def test_re_issued_span_with_another_end_counts_once(installation: Installation, household: Whose) -> None:
    """A billing span issued again with another last day replaces the first; the first again changes nothing."""
    first = month_sum(*MAY, 372_000)
    installation.take(household, first)
    installation.take(household, month_sum(date(2025, 5, 1), date(2025, 5, 30), 360_000, updated_at=NEWER))
    assert kwh(installation, household) == {"electricity": 360.0}
    report = installation.take(household, first)
    assert (kwh(installation, household), report.months) == ({"electricity": 360.0}, ())


def test_span_again_is_a_correction(installation: Installation, household: Whose) -> None:
    """The newer feed's amount of the same span stands, also where the older feed comes later, with both documents named."""
    installation.take(household, month_sum(*MAY, 300_000, updated_at=NEWER))
    installation.take(household, month_sum(*MAY, 372_000))
    assert kwh(installation, household) == {"electricity": 300.0}
    with installation.looking() as work:
        (one,) = records.revisions_for_month(work.session, household.tenant_id, household.subject_id, Month(2025, 5))
    assert len(one.revision.document_sha256s) == 2


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_newest_feed_stands_in_any_order(installation: Installation, household: Whose, order: tuple[int, ...]) -> None:
    """A feed that repeats a value is remembered: what is older than the repetition does not replace it."""
    day = date(2025, 5, 10)
    feeds = [
        steady(day, day, watt_hours=watt_hours, updated_at=datetime(2025, 6, at, tzinfo=UTC))
        for at, watt_hours in ((1, 500), (9, 500), (5, 900))
    ]
    for index in order:
        installation.take(household, feeds[index])
    assert kwh(installation, household) == {"electricity": 12.0}
    with installation.looking() as work:
        (one,) = records.revisions_for_month(work.session, household.tenant_id, household.subject_id, Month(2025, 5))
    assert len(one.revision.document_sha256s) == 3


def test_turned_readings_leave_the_export(installation: Installation, household: Whose) -> None:
    """Hours that a correction turns from below zero to above leave the export; a record that becomes empty is removed."""
    starts_s = hours(*MAY)
    installation.take(household, document(series(starts_s, [-400 if n % 2 else 500 for n in range(len(starts_s))])))
    assert kwh(installation, household) == {"electricity": 186.0, "electricity_export": 148.8}
    later = document(series(starts_s, [300 if n % 2 else 500 for n in range(len(starts_s))]), updated_at=NEWER)
    installation.take(household, later)
    assert kwh(installation, household) == {"electricity": 297.6}


def test_turned_back_by_an_older_feed_changes_nothing(installation: Installation, household: Whose) -> None:
    """An older feed that comes later turns nothing."""
    day = date(2025, 5, 10)
    installation.take(household, document(series(hours(day, day), [300] * 24), updated_at=NEWER))
    installation.take(household, document(series(hours(day, day), [-400] * 24)))
    assert kwh(installation, household) == {"electricity": 7.2}


def test_newer_parser_reads_everything_again(
    installation: Installation, household: Whose, other_parser: Callable[[str], None]
) -> None:
    """The same file with another parser is a change of every record of its meter; again it is the same."""
    body, other = steady(date(2025, 5, 1), date(2025, 5, 3)), steady(date(2025, 5, 7), date(2025, 5, 8))
    installation.take(household, body)
    installation.take(household, other)
    other_parser("green-button/0")
    report, again = installation.take(household, body), installation.take(household, body)
    with installation.looking() as work:
        found = records.revisions_for_month(work.session, household.tenant_id, household.subject_id, Month(2025, 5))
    assert (report.changed_count, again.changed_count, report.months) == (5, 0, (Month(2025, 5),))
    assert {one.revision.parser_version for one in found} == {"green-button/0"}
    assert kwh(installation, household) == {"electricity": 60.0}
