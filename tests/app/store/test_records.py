"""Records are kept revision by revision; the same content again changes nothing."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from app.store import activities, records
from app.store.records import Outcome, RecordInput, Stored
from app.store.session import Engine, reading, unit_of_work
from domain.errors import NotFoundError
from domain.period import Month, MonthRange
from tests.app.store.builders import NOW, Home, bill, make_document, meter_day, record

MARCH = Month(2025, 3)
DAY = date(2025, 3, 9)
DOCUMENT = "aa" * 32
LATER_DOCUMENT = "bb" * 32


@pytest.fixture
def store(engine: Engine, home: Home, new_id: Callable[[], str]) -> Callable[..., tuple[Stored, ...]]:
    """Stores records of the household; its two documents are there."""
    with unit_of_work(engine) as session:
        make_document(session, home, DOCUMENT)
        make_document(session, home, LATER_DOCUMENT)

    def upsert(*inputs: RecordInput) -> tuple[Stored, ...]:
        with unit_of_work(engine) as session:
            return records.upsert_many(
                session, home.tenant_id, home.subject_id, home.connection_id, inputs, recorded_at=NOW, new_id=new_id
            )

    return upsert


Store = Callable[..., tuple[Stored, ...]]


def test_new_record_is_revision_one(engine: Engine, home: Home, store: Store) -> None:
    """A record that was not there comes back whole: activities, profile, documents."""
    day = meter_day(DAY, (1, 2, 3))
    assert store(record("d", day, documents=(DOCUMENT,))) == (Stored("d", Outcome.NEW, 1, frozenset({MARCH})),)
    with reading(engine) as session:
        (found,) = records.revisions_for_month(session, home.tenant_id, home.subject_id, MARCH)
    assert found.revision.activities == (day,)
    assert found.revision.document_sha256s == (DOCUMENT,)
    assert (found.revision.revision, found.revision.recorded_at, found.revision.usage_point) == (1, NOW, "meter 7")


def test_same_content_changes_nothing(engine: Engine, home: Home, store: Store) -> None:
    """The same readings again, from another document, count once and make no revision."""
    store(record("d", meter_day(DAY, (1, 2)), documents=(DOCUMENT,)))
    again = store(record("d", meter_day(DAY, (1, 2)), documents=(LATER_DOCUMENT,)))
    assert again == (Stored("d", Outcome.SAME, 1, frozenset()),)
    with reading(engine) as session:
        assert activities.count_of(session, home.tenant_id, home.subject_id) == 1


def test_who_says_the_same_again_is_remembered(engine: Engine, home: Home, store: Store) -> None:
    """The same readings from a later feed link its document and keep its time, in the revision that stands."""
    before = meter_day(DAY, (1, 2))
    assert before.profile is not None
    later = replace(before, profile=replace(before.profile, feed_times_s=(9, 9)))
    both = (DOCUMENT, LATER_DOCUMENT)
    store(record("d", before, documents=(DOCUMENT,)))
    assert store(record("d", later, documents=both)) == (Stored("d", Outcome.SAME, 1, frozenset()),)
    with reading(engine) as session:
        (found,) = records.revisions_for_month(session, home.tenant_id, home.subject_id, MARCH)
    assert (found.revision.document_sha256s, found.revision.activities) == (both, (later,))


def test_other_parser_is_the_next_revision(engine: Engine, home: Home, store: Store) -> None:
    """What another parser says is said anew, though it be the same; versions are names and have no order."""
    day = record("d", meter_day(DAY, (1, 2)), documents=(DOCUMENT,))
    for revision, version in enumerate(("9", "10", "9"), 1):
        (stored,) = store(replace(day, parser_version=version))
        assert stored.revision == revision
    with reading(engine) as session:
        assert activities.count_of(session, home.tenant_id, home.subject_id) == 1


def test_removal_taken_from_nothing_is_told_from_the_other(engine: Engine, home: Home, store: Store) -> None:
    """The records of a meter point tell what they were taken from, also the removed ones."""
    day = record("d", meter_day(DAY, (1, 2)), documents=(DOCUMENT,))
    store(day, replace(day, record_key="e"))
    store(replace(day, activities=()), replace(day, record_key="e", activities=(), document_sha256s=()))
    with reading(engine) as session:
        found = records.of_usage_point(session, home.tenant_id, home.connection_id, "meter 7")
    assert [(one.record_key, one.is_removal, one.document_sha256s) for one in found] == [
        ("d", True, (DOCUMENT,)),
        ("e", True, ()),
    ]


def test_what_bears_on_a_document_is_its_days_and_every_span(engine: Engine, home: Home, store: Store) -> None:
    """Days that a document does not name are left out, however many a meter has; a span is never."""
    day = record("meter 7|electricity|2026-03-01", meter_day(DAY, (1, 2)), documents=(DOCUMENT,))
    other, span = "meter 7|electricity|2026-03-02", "meter 7|electricity|2026-03-03T00:00:00Z|86400"
    store(day, replace(day, record_key=other), replace(day, record_key=span))
    with reading(engine) as session:
        found = records.bearing_on(session, home.tenant_id, home.connection_id, "meter 7", [day.record_key, "never seen"])
        at_another = records.bearing_on(session, home.tenant_id, home.connection_id, "meter 8", [day.record_key])
    assert {one.record_key for one in found} == {day.record_key, span}
    assert at_another == ()


def test_record_has_its_place(engine: Engine, home: Home, other_home: Home, store: Store) -> None:
    """A record is found under its owner's subject alone."""
    store(record("d", meter_day(DAY, (1, 2)), documents=(DOCUMENT,)))
    with reading(engine) as session:
        (found,) = records.revisions_for_month(session, home.tenant_id, home.subject_id, MARCH)
        place = records.place_of(session, home.tenant_id, home.subject_id, found.record_id)
        assert (place.connection_id, place.record_key, place.latest_revision) == (home.connection_id, "d", 1)
        with pytest.raises(NotFoundError):
            records.place_of(session, other_home.tenant_id, other_home.subject_id, found.record_id)


def test_other_content_is_the_next_revision(engine: Engine, home: Home, store: Store) -> None:
    """A corrected reading supersedes the former one, which stays in the history."""
    store(record("d", meter_day(DAY, (1, 2)), documents=(DOCUMENT,)))
    both = (DOCUMENT, LATER_DOCUMENT)
    assert store(record("d", meter_day(DAY, (1, 5)), documents=both)) == (Stored("d", Outcome.CHANGED, 2, frozenset({MARCH})),)
    with reading(engine) as session:
        (total,) = activities.totals(session, home.tenant_id, home.subject_id, MonthRange.of_month(MARCH))
        (found,) = records.revisions_for_month(session, home.tenant_id, home.subject_id, MARCH)
        history = records.history(session, home.tenant_id, found.record_id)
    assert total.quantity_micro == 6_000_000
    assert [one.revision.activities[0].quantity_micro for one in history] == [3_000_000, 6_000_000]
    assert [one.revision.document_sha256s for one in history] == [(DOCUMENT,), both]


def test_other_interval_with_the_same_sum_is_a_change(store: Store) -> None:
    """Readings that moved within a day are another content, though the day's total is the same."""
    store(record("d", meter_day(DAY, (1, 2))))
    assert store(record("d", meter_day(DAY, (2, 1))))[0].outcome is Outcome.CHANGED


def test_removal_is_a_revision(engine: Engine, home: Home, store: Store) -> None:
    """A record that its source took back has no current activity and names the months that changed."""
    store(record("d", meter_day(DAY, (1, 2))))
    assert store(record("d")) == (Stored("d", Outcome.CHANGED, 2, frozenset({MARCH})),)
    with reading(engine) as session:
        assert records.revisions_for_month(session, home.tenant_id, home.subject_id, MARCH) == ()
        current = records.current_profiles(session, home.tenant_id, home.connection_id, ["d"])
    assert current["d"].activities == ()
    assert store(record("d"))[0].outcome is Outcome.SAME


def test_change_names_the_months_of_before_and_after(store: Store) -> None:
    """A bill that moves from one month to another has changed both."""
    store(record("b", bill(date(2025, 1, 5), date(2025, 2, 5), 10)))
    (stored,) = store(record("b", bill(date(2025, 2, 5), date(2025, 3, 5), 10)))
    assert stored.months == {Month(2025, 1), Month(2025, 2)}


def test_current_profiles_are_those_asked_for(engine: Engine, home: Home, store: Store) -> None:
    """Only the records asked for come back, in their newest revision, with their profiles."""
    store(record("a", meter_day(DAY, (1,))), record("b", meter_day(DAY, (2,))))
    store(record("a", meter_day(DAY, (3,))))
    with reading(engine) as session:
        found = records.current_profiles(session, home.tenant_id, home.connection_id, ["a", "unknown"])
    assert {key: one.activities for key, one in found.items()} == {"a": (meter_day(DAY, (3,)),)}
    assert found["a"].revision == 2


def test_record_across_months_is_in_both(engine: Engine, home: Home, store: Store) -> None:
    """A bill with activities in two months belongs to both, each time with all its activities."""
    parts = (bill(date(2025, 1, 20), date(2025, 2, 1), 4), bill(date(2025, 2, 1), date(2025, 2, 20), 5))
    store(record("b", *parts))
    with reading(engine) as session:
        for month in (Month(2025, 1), Month(2025, 2)):
            (found,) = records.revisions_for_month(session, home.tenant_id, home.subject_id, month)
            assert found.revision.activities == parts


def test_unknown_document_is_refused(store: Store) -> None:
    """A record cannot name an original that is not stored."""
    with pytest.raises(NotFoundError, match=r"names a document that is not stored.*got cccc"):
        store(record("d", meter_day(DAY, (1,)), documents=("cc" * 32,)))


def test_connection_of_somebody_else_is_refused(engine: Engine, home: Home, other_home: Home, new_id: Callable[[], str]) -> None:
    """Records cannot be stored through another tenant's connection."""
    one = record("d", meter_day(DAY, (1,)))
    with unit_of_work(engine) as session, pytest.raises(NotFoundError, match="There is no such connection"):
        records.upsert(session, home.tenant_id, home.subject_id, other_home.connection_id, one, recorded_at=NOW, new_id=new_id)


def test_year_of_meter_days_is_stored_in_a_second(engine: Engine, home: Home, store: Store) -> None:
    """A year of two hourly series, 730 records, is stored in well under a second; stored again, it is all the same."""
    days = [date(2025, 1, 1) + timedelta(days=n) for n in range(365)]
    hours = tuple(range(1, 25))
    inputs = [
        record(f"{kind}|{day}", meter_day(day, hours, kind=kind), documents=(DOCUMENT,))
        for kind in ("electricity", "electricity_export")
        for day in days
    ]
    began_s = time.perf_counter()
    assert {one.outcome for one in store(*inputs)} == {Outcome.NEW}
    assert time.perf_counter() - began_s < 1.0
    assert {one.outcome for one in store(*inputs)} == {Outcome.SAME}
    with reading(engine) as session:
        found = records.revisions_for_period(session, home.tenant_id, home.subject_id, MonthRange.from_text("2025"))
    assert {one.revision.record_key: one.revision.activities for one in found} == {i.record_key: i.activities for i in inputs}
