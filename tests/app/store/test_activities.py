"""Activities: exact totals, pages, sums and profiles."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.store import activities, records
from app.store.records import RecordInput
from app.store.session import Engine, reading, unit_of_work
from domain.activity import EvidenceClass
from domain.errors import InputError, LineOverflowError
from domain.number import INT64_MAX
from domain.period import Month, MonthRange
from tests.app.store.builders import NOW, Home, bill, meter_day, record

YEAR = MonthRange.from_text("2025")
MARCH = date(2025, 3, 1)
Store = Callable[..., None]


@pytest.fixture
def store(engine: Engine, home: Home, new_id: Callable[[], str]) -> Store:
    """Stores records of the household."""

    def upsert(*inputs: RecordInput) -> None:
        with unit_of_work(engine) as session:
            records.upsert_many(
                session, home.tenant_id, home.subject_id, home.connection_id, inputs, recorded_at=NOW, new_id=new_id
            )

    return upsert


def test_totals_are_by_month_key_and_evidence(engine: Engine, home: Home, store: Store) -> None:
    """A month's activity of one key is one total that says how much of it is known how."""
    store(
        record("a", meter_day(date(2025, 3, 1), (1, 2))),
        record("b", meter_day(date(2025, 3, 2), (4,), evidence=EvidenceClass.TYPED)),
        record("c", meter_day(date(2025, 3, 2), (8,), kind="electricity_export")),
        record("d", meter_day(date(2025, 4, 1), (16,))),
    )
    with reading(engine) as session:
        found = activities.totals(session, home.tenant_id, home.subject_id, YEAR)
        march = activities.totals(session, home.tenant_id, home.subject_id, MonthRange.of_month(Month(2025, 3)))
    assert {(t.month.to_text(), t.key.kind): (t.quantity_micro, t.activity_count) for t in found} == {
        ("2025-03", "electricity"): (7_000_000, 2),
        ("2025-03", "electricity_export"): (8_000_000, 1),
        ("2025-04", "electricity"): (16_000_000, 1),
    }
    first = next(t for t in found if t.activity_count == 2)
    assert first.by_evidence_micro == {EvidenceClass.TYPED: 4_000_000, EvidenceClass.UPLOADED: 3_000_000}
    assert march == found[:2]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=12))
def test_totals_are_exact_or_refused(engine: Engine, home: Home, store: Store, quantities_micro: list[int]) -> None:
    """The database's sum is Python's, for any 64-bit quantities in any order; where magnitudes reach 2^63 it is refused."""
    with unit_of_work(engine) as session:
        records.remove_of_connection(session, home.tenant_id, home.connection_id)
    store(*(record(f"b{n}", bill(MARCH, MARCH + timedelta(days=30), q)) for n, q in enumerate(quantities_micro)))
    with reading(engine) as session:
        if sum(abs(q) for q in quantities_micro) > INT64_MAX:
            with pytest.raises(LineOverflowError, match="2025-03 electricity US/zip/94110 kWh"):
                activities.totals(session, home.tenant_id, home.subject_id, YEAR)
        else:
            (total,) = activities.totals(session, home.tenant_id, home.subject_id, YEAR)
            assert total.quantity_micro == sum(quantities_micro)


@pytest.mark.parametrize("quantities_micro", [(INT64_MAX,), (-INT64_MAX,), (INT64_MAX - 1, 1), (INT64_MAX - 1, -1)])
def test_largest_total_fits(engine: Engine, home: Home, store: Store, quantities_micro: tuple[int, ...]) -> None:
    """Magnitudes up to 2^63 - 1 are summed exactly."""
    store(*(record(f"b{n}", bill(MARCH, MARCH + timedelta(days=30), q)) for n, q in enumerate(quantities_micro)))
    with reading(engine) as session:
        (total,) = activities.totals(session, home.tenant_id, home.subject_id, YEAR)
    assert total.quantity_micro == sum(quantities_micro)


@pytest.mark.parametrize("quantities_micro", [(INT64_MAX, 1), (INT64_MAX, -1), (-(2**63),)])
def test_total_of_two_to_the_63_is_refused(engine: Engine, home: Home, store: Store, quantities_micro: tuple[int, ...]) -> None:
    """From 2^63 on the total is refused, naming month and key, also where the signs would cancel."""
    store(*(record(f"b{n}", bill(MARCH, MARCH + timedelta(days=30), q)) for n, q in enumerate(quantities_micro)))
    with reading(engine) as session, pytest.raises(LineOverflowError, match=r"got 9223372036854775808; in 2025-03 electricity"):
        activities.totals(session, home.tenant_id, home.subject_id, YEAR)


def test_pages_follow_each_other(engine: Engine, home: Home, store: Store) -> None:
    """Pages go from the newest to the oldest, miss nothing and repeat nothing, though several begin at the same instant."""
    days = [date(2025, 3, 1) + timedelta(days=n) for n in range(7)]
    store(*(record(f"{kind}{day}", meter_day(day, (1,), kind=kind)) for day in days for kind in ("electricity", "natural_gas")))
    seen: list[str] = []
    cursor = ""
    with reading(engine) as session:
        while True:
            page = activities.page(session, home.tenant_id, home.subject_id, cursor=cursor, limit_count=3)
            seen += [item.record_key for item in page.items]
            cursor = page.next_cursor
            if not cursor:
                break
    assert len(seen) == 14
    assert len(set(seen)) == 14
    assert [key[-10:] for key in seen] == sorted((key[-10:] for key in seen), reverse=True)


def test_page_says_where_an_activity_comes_from(engine: Engine, home: Home, store: Store) -> None:
    """An item of the list leads to its record and carries the whole activity."""
    store(record("d", meter_day(MARCH, (1, 2))), record("e", meter_day(date(2025, 4, 1), (3,))))
    with reading(engine) as session:
        page = activities.page(session, home.tenant_id, home.subject_id, months=MonthRange.of_month(Month(2025, 3)))
        (item,) = page.items
        revision = records.by_revision_id(session, home.tenant_id, item.record_revision_id)
    assert item.activity == meter_day(MARCH, (1, 2))
    assert (item.connector, item.usage_point, item.record_key) == ("green_button", "meter 7", "d")
    assert revision.revision.record_key == "d"
    assert page.next_cursor == ""


@pytest.mark.parametrize("cursor", ["1", "x-1", "1-1-1", "-1-1", "1" * 17 + "-1", "1-" + "1" * 19, "1-1\n"])
def test_foreign_cursor_is_refused(engine: Engine, home: Home, cursor: str) -> None:
    """A cursor that we did not give is refused."""
    with reading(engine) as session, pytest.raises(InputError, match="This is not a cursor of ours"):
        activities.page(session, home.tenant_id, home.subject_id, cursor=cursor)


@pytest.mark.parametrize("limit_count", [0, 501])
def test_page_length_is_bounded(engine: Engine, home: Home, limit_count: int) -> None:
    """A page holds 1 to 500 items."""
    with reading(engine) as session, pytest.raises(InputError, match="a limit from 1 to 500"):
        activities.page(session, home.tenant_id, home.subject_id, limit_count=limit_count)


def test_monthly_and_daily_sums_leave_gaps_out(engine: Engine, home: Home, store: Store) -> None:
    """Months and days without readings are absent, not zero; two meters of one day add up."""
    store(
        record("a", meter_day(date(2025, 1, 5), (1, 2))),
        record("b", meter_day(date(2025, 1, 5), (4,))),
        record("c", meter_day(date(2025, 3, 9), (8,))),
    )
    with reading(engine) as session:
        months = activities.monthly_sums(session, home.tenant_id, home.subject_id, YEAR)
        days = activities.daily_sums(session, home.tenant_id, home.subject_id, YEAR)
        held = activities.months_of(session, home.tenant_id, home.subject_id)
    assert [(m.month, m.quantity_micro, m.activity_count) for m in months] == [
        (Month(2025, 1), 7_000_000, 2),
        (Month(2025, 3), 8_000_000, 1),
    ]
    assert [(d.start, d.quantity_micro) for d in days] == [
        (datetime(2025, 1, 5, 8, tzinfo=UTC), 7_000_000),
        (datetime(2025, 3, 9, 8, tzinfo=UTC), 8_000_000),
    ]
    assert days[1].end - days[1].start == timedelta(hours=23)
    assert held == (Month(2025, 1), Month(2025, 3))


def test_profiles_of_a_span(engine: Engine, home: Home, store: Store) -> None:
    """Hourly values come back for the days that begin in a span, of the kinds wanted; bills have none."""
    day = meter_day(date(2025, 3, 8), (1, 2, 3))
    store(
        record("a", day),
        record("b", meter_day(date(2025, 3, 9), (4,))),
        record("c", meter_day(date(2025, 3, 8), (5,), kind="natural_gas")),
        record("d", bill(date(2025, 3, 8), date(2025, 3, 9), 7)),
    )
    with reading(engine) as session:
        found = activities.profiles(session, home.tenant_id, home.subject_id, start=day.start, end=day.end, kinds=["electricity"])
        everything = activities.profiles(session, home.tenant_id, home.subject_id, start=day.start, end=NOW)
    assert [(one.start, one.end, one.key, one.profile) for one in found] == [(day.start, day.end, day.key, day.profile)]
    assert len(everything) == 3


def test_activities_of_keys_have_their_profiles(engine: Engine, home: Home, store: Store) -> None:
    """Those of the months and keys asked for, current ones only: readings of meter days, none of a bill."""
    days = [meter_day(date(2025, 3, 1), (1, 2)), meter_day(date(2025, 3, 2), (4,))]
    store(
        *(record(f"day{n}", day) for n, day in enumerate(days)),
        record("export", meter_day(date(2025, 3, 2), (8,), kind="electricity_export")),
        record("april", meter_day(date(2025, 4, 1), (16,))),
        record("bill", bill(MARCH, MARCH + timedelta(days=30), 32_000_000)),
        record("barn", bill(MARCH, MARCH + timedelta(days=30), 64_000_000, region="US/zip/94111")),
    )
    store(record("day1", meter_day(date(2025, 3, 2), (5,))))
    keys = {days[0].key.key_id, bill(MARCH, MARCH + timedelta(days=30), 0).key.key_id}
    with reading(engine) as session:
        march = MonthRange.of_month(Month(2025, 3))
        found = list(activities.of_keys(session, home.tenant_id, home.subject_id, march, keys))
        assert list(activities.of_keys(session, home.tenant_id, home.subject_id, march, [])) == []
        assert list(activities.of_keys(session, "another", home.subject_id, march, keys)) == []
    profiles = {one.quantity_micro: one.profile and one.profile.quantities_micro for one in found}
    assert profiles == {3_000_000: (1_000_000, 2_000_000), 5_000_000: (5_000_000,), 32_000_000: None}
