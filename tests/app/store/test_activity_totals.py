"""The sums that the database keeps are those of its current activities, whatever happened to them and whoever did it."""

from collections.abc import Callable
from datetime import date
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from app.store import activities, connections, records
from app.store.session import Engine, Session, downgrade, reading, unit_of_work, upgrade
from domain.activity import Activity, EvidenceClass
from domain.errors import LineOverflowError
from domain.period import MonthRange
from scoring.engines import sql_text
from tests.app.store.builders import NOW, Home, bill, make_home, meter_day, record

YEARS = MonthRange.from_text("2024-01..2025-12")
BIG = 2**62
NUMBERS = st.one_of(st.integers(-5_000_000, 5_000_000), st.sampled_from([BIG, -BIG, 2**32, -(2**32), 0]))
DAYS = st.dates(date(2024, 11, 1), date(2025, 2, 20))
RECORDS = st.sampled_from(["a", "b", "c", "d"])


def a_bill(day: date, quantity_micro: int, region: str) -> Activity:
    """A bill of one day."""
    return bill(day, date.fromordinal(day.toordinal() + 1), quantity_micro, region=region)


BILLS = st.builds(a_bill, DAYS, NUMBERS, st.sampled_from(["US/zip/94110", "GB"]))
CHANGES = st.lists(
    st.one_of(
        st.tuples(
            st.just("say"),
            RECORDS,
            st.lists(st.builds(a_bill, DAYS, NUMBERS, st.sampled_from(["US/zip/94110", "GB"])), max_size=3),
        ),
        st.tuples(st.just("read"), RECORDS, st.builds(lambda day, kwh: [meter_day(day, (kwh,))], DAYS, st.integers(0, 9))),
        st.tuples(st.just("retype"), st.sampled_from([str(one) for one in EvidenceClass]), NUMBERS),
        st.tuples(st.just("delete"), st.integers(0, 5), st.none()),
        st.tuples(st.just("forget"), st.none(), st.none()),
    ),
    max_size=12,
)


def from_nothing(session: Session, engine: Engine) -> dict[tuple[int, str, str], tuple[int, int]]:
    """Sum and count by month, key and evidence class, read off the activities by the canonical text; None where it overflows."""
    rows = session.execute(text(sql_text("totals", engine.dialect.name))).mappings()
    return {
        (row["month_ym"], row["key_id"], row["evidence"]): (row["quantity_micro"], row["activity_count"])
        for row in rows
        if row["subject_id"] == "ada"
    }


def kept(session: Session) -> dict[tuple[int, str, str], tuple[int | None, int]]:
    """The same as the database keeps it."""
    rows = session.execute(text("SELECT * FROM activity_total WHERE subject_id = 'ada'")).mappings()
    found: dict[tuple[int, str, str], tuple[int | None, int]] = {}
    for row in rows:
        size = row["abs_high"] * 2**32 + row["abs_low"]
        total = row["high"] * 2**32 + row["low"]
        found[row["month_ym"], row["key_id"], row["evidence"]] = (total if size < 2**63 else None, row["activity_count"])
    return found


def change(session: Session, home: Home, what: tuple[str, object, object], new_id: Callable[[], str]) -> None:
    """One thing that can happen to activities: through the store, or by anybody who speaks SQL."""
    name, one, other = what
    if name in {"say", "read"}:
        said = record(str(one), *other)  # type: ignore[misc]  # a list of activities
        records.upsert(session, home.tenant_id, home.subject_id, home.connection_id, said, recorded_at=NOW, new_id=new_id)
    elif name == "retype":
        session.execute(text("UPDATE activity SET evidence = :e, quantity_micro = :q WHERE id % 2 = 0"), {"e": one, "q": other})
    elif name == "delete":
        session.execute(text("DELETE FROM activity WHERE id % 6 = :n"), {"n": one})
    else:
        records.remove_of_connection(session, home.tenant_id, home.connection_id)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_kept_sums_are_those_made_from_nothing(engine: Engine, changes: list[tuple[str, object, object]]) -> None:
    """After any imports, corrections, moves, removals and statements of others, in any order, nothing is stale."""
    ids = count()
    with reading(engine) as session:
        is_new = not session.execute(text("SELECT 1 FROM subject")).first()
    home = make_home(engine, "ada") if is_new else Home("ada", "ada", "ada-files")
    with unit_of_work(engine) as session:
        session.execute(text("DELETE FROM activity"))
        session.execute(text("DELETE FROM record_revision"))
        session.execute(text("DELETE FROM record"))
    for what in changes:
        with unit_of_work(engine) as session:
            change(session, home, what, lambda: f"r{next(ids)}")
            assert kept(session) == from_nothing(session, engine)  # inside the transaction, too
        with reading(engine) as session:
            assert kept(session) == from_nothing(session, engine)


def test_rolled_back_change_leaves_the_sums(engine: Engine, home: Home, new_id: Callable[[], str]) -> None:
    """What a transaction did to activities and gave up is in no sum."""
    with unit_of_work(engine) as session:
        records.upsert(
            session,
            "ada",
            "ada",
            home.connection_id,
            record("a", meter_day(date(2025, 3, 1), (1,))),
            recorded_at=NOW,
            new_id=new_id,
        )
    with reading(engine) as session:
        before = kept(session)

    def give_up() -> None:
        with unit_of_work(engine) as session:
            records.remove_of_connection(session, "ada", home.connection_id)
            assert kept(session) == {}
            raise RuntimeError

    with pytest.raises(RuntimeError):
        give_up()
    with reading(engine) as session:
        assert kept(session) == before != {}


def test_changed_month_touches_its_own_sums_alone(
    engine: Engine, home: Home, other_home: Home, new_id: Callable[[], str]
) -> None:
    """A corrected day of March moves March of this subject; no other month, and nobody else's."""
    for one in (home, other_home):
        with unit_of_work(engine) as session:
            inputs = [record(str(month), meter_day(date(2025, month, 1), (month,))) for month in (2, 3, 4)]
            records.upsert_many(session, one.tenant_id, one.subject_id, one.connection_id, inputs, recorded_at=NOW, new_id=new_id)
    with reading(engine) as session:
        before = session.execute(text("SELECT * FROM activity_total ORDER BY subject_id, month_ym")).all()
    with unit_of_work(engine) as session:
        said = record("3", meter_day(date(2025, 3, 1), (30,)))
        records.upsert(session, "ada", "ada", home.connection_id, said, recorded_at=NOW, new_id=new_id)
    with reading(engine) as session:
        after = session.execute(text("SELECT * FROM activity_total ORDER BY subject_id, month_ym")).all()
        totals = activities.totals(session, "ada", "ada", YEARS)
    assert [(old.subject_id, old.month_ym) for old, new in zip(before, after, strict=True) if old != new] == [("ada", 202503)]
    assert [total.quantity_micro for total in totals] == [2_000_000, 30_000_000, 4_000_000]


def test_overflow_is_told_where_it_is(engine: Engine, home: Home, new_id: Callable[[], str]) -> None:
    """Magnitudes of 2^63 are refused by the name of their month and key, though their sum is zero."""
    day = date(2025, 3, 1)
    inputs = [record(str(number), bill(day, date(2025, 3, 2), quantity)) for number, quantity in enumerate((BIG, -BIG))]
    with unit_of_work(engine) as session:
        records.upsert_many(session, "ada", "ada", home.connection_id, inputs, recorded_at=NOW, new_id=new_id)
    with reading(engine) as session, pytest.raises(LineOverflowError, match=r"2025-03 electricity US/zip/94110 kWh"):
        activities.totals(session, "ada", "ada", YEARS)


def test_migration_sums_what_is_there(empty_engine: Engine, new_id: Callable[[], str]) -> None:
    """A database of before gets its sums when it is upgraded, and loses them when it goes back."""
    upgrade(empty_engine)
    home = make_home(empty_engine, "ada")
    with unit_of_work(empty_engine) as session:
        for day in (date(2025, 3, 1), date(2025, 3, 2)):
            said = record(str(day), meter_day(day, (day.day,)))
            records.upsert(session, "ada", "ada", home.connection_id, said, recorded_at=NOW, new_id=new_id)
        before = kept(session)
    downgrade(empty_engine, "0001")
    with unit_of_work(empty_engine) as session:
        session.execute(text("DELETE FROM activity WHERE quantity_micro = 2000000"))
    upgrade(empty_engine)
    with reading(empty_engine) as session:
        assert kept(session) == from_nothing(session, empty_engine)
        assert {key: count for key, (_, count) in before.items()} == dict.fromkeys(before, 2)
        assert [total.quantity_micro for total in activities.totals(session, "ada", "ada", YEARS)] == [1_000_000]
        assert connections.of_subject(session, "ada", "ada")
