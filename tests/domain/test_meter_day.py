"""Meter days: cutting into local days, merging of documents, and the way to an activity and back."""

from array import array
from dataclasses import replace
from datetime import date, timedelta
from fractions import Fraction
from time import perf_counter
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from domain.activity import Activity, Direction, EvidenceClass, Profile, Quality, activity_key
from domain.errors import NumberError
from domain.meter_day import (
    CutSeries,
    DayReadings,
    MeterDayId,
    ReadingId,
    ReadingValue,
    Span,
    cut_into_days,
    day_activity,
    merge_days,
    merge_readings,
    readings_of_activity,
    turned_ids,
)
from domain.number import INT64_MAX
from domain.period import Month, day_period, instant_from_text, instant_of_epoch_s, local_day
from domain.series import IntervalSeries
from domain.units import Dimension

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2024, 6, 15)
START_S = int(day_period(DAY, NEW_YORK).start.timestamp())
KEY = activity_key("electricity", "US/zip/10001", 2024, Dimension.ENERGY)


def series_of(
    values: list[int],
    *,
    start_s: int = START_S,
    length_s: int = 3600,
    starts_s: list[int] | None = None,
    durations_s: list[int] | None = None,
    direction: Direction = Direction.DELIVERED,
    kind: str = "electricity",
    unit: str = "kWh",
    usage_point: str = "u",
    micro_per_value: Fraction = Fraction(1000),
    qualities: list[int] | None = None,
    is_additive: bool = True,
    updated_at_s: int = 0,
) -> IntervalSeries:
    """A series, by default hourly readings in Wh that follow each other."""
    return IntervalSeries(
        usage_point=usage_point,
        series_key="MeterReading/1",
        kind=kind,
        direction=direction,
        unit=unit,
        micro_per_value=micro_per_value,
        starts_s=array("q", starts_s if starts_s is not None else [start_s + length_s * i for i in range(len(values))]),
        durations_s=array("q", durations_s if durations_s is not None else [length_s] * len(values)),
        values=array("q", values),
        qualities=array("b", qualities or []),
        is_additive=is_additive,
        source_unit="Wh",
        updated_at_s=updated_at_s,
    )


def cut(*series: IntervalSeries, zone: ZoneInfo = NEW_YORK) -> CutSeries:
    """The series cut in one zone for every meter."""
    return cut_into_days(series, {one.usage_point: zone for one in series})


def sums_micro(found: CutSeries) -> dict[tuple[str, date], int]:
    """Sum of each kind and day."""
    return {(day.kind, day.day): sum(value.quantity_micro for value in readings.values()) for day, readings in found.days.items()}


def kind_sums_micro(found: CutSeries) -> dict[str, int]:
    """Sum of each kind over all days."""
    sums: dict[str, int] = {}
    for (kind, _), quantity_micro in sums_micro(found).items():
        sums[kind] = sums.get(kind, 0) + quantity_micro
    return sums


# --- cutting into days


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("America/New_York", "2024-03-10", 23),
        ("America/New_York", "2024-06-15", 24),
        ("America/New_York", "2024-11-03", 25),
        ("America/Los_Angeles", "2024-03-10", 23),
        ("Europe/Berlin", "2024-10-27", 25),
        ("Africa/Cairo", "2024-04-26", 23),
        ("Africa/Cairo", "2024-10-31", 25),
        ("Asia/Beirut", "2024-03-31", 23),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Havana", "2024-11-03", 25),
        ("Pacific/Auckland", "2024-09-29", 23),
        ("Asia/Kathmandu", "2024-03-10", 24),
        ("Australia/Adelaide", "2024-10-06", 23),
        ("UTC", "2024-03-10", 24),
    ],
)
def test_hours_of_a_local_day_stay_together(zone: str, day: str, hours: int) -> None:
    """A day has the hourly readings of its 23, 24 or 25 hours, and its neighbours have the rest."""
    begin_s = int(day_period(date.fromisoformat(day), ZoneInfo(zone)).start.timestamp())
    found = cut(series_of([1] * (hours + 2), start_s=begin_s - 3600), zone=ZoneInfo(zone))
    own = date.fromisoformat(day)
    expected = {own - timedelta(days=1): 1000, own: hours * 1000, own + timedelta(days=1): 1000}
    assert sums_micro(found) == {("electricity", of_day): micro for of_day, micro in expected.items()}


@pytest.mark.parametrize(("day", "halves"), [("2024-10-06", 47), ("2024-04-07", 49)])
def test_half_hour_daylight_saving(day: str, halves: int) -> None:
    """Lord Howe's clocks change by half an hour: 47 or 49 half-hourly readings."""
    zone, own = ZoneInfo("Australia/Lord_Howe"), date.fromisoformat(day)
    begin_s = int(day_period(own, zone).start.timestamp())
    found = cut(series_of([1] * (halves + 2), start_s=begin_s - 1800, length_s=1800), zone=zone)
    assert sums_micro(found)["electricity", own] == halves * 1000


@given(
    st.sampled_from(
        ["America/New_York", "America/St_Johns", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca"]
    ),
    st.integers(946_684_800, 1_893_456_000),
    st.sampled_from([0, 60, 900, 3600, 7200, 86_400]),
)
def test_reading_belongs_to_the_day_of_its_midpoint(zone: str, start_s: int, duration_s: int) -> None:
    """Any instant of 2000-2030 lands on the local day that the time zone says, also at odd changes such as 00:01."""
    found = cut(series_of([1], starts_s=[start_s], durations_s=[duration_s]), zone=ZoneInfo(zone))
    assert [day.day for day in found.days] == [local_day(instant_of_epoch_s(start_s + duration_s // 2), ZoneInfo(zone))]


def test_newfoundland_before_2011() -> None:
    """St John's clocks went back at 00:01 on 2009-11-01: the minutes after it are 31 October again."""
    back_s = int(instant_from_text("2009-11-01T02:31:00Z").timestamp())
    found = cut(series_of([1, 1], starts_s=[back_s - 60, back_s], durations_s=[0, 0]), zone=ZoneInfo("America/St_Johns"))
    assert [day.day for day in found.days] == [date(2009, 11, 1), date(2009, 10, 31)]


@pytest.mark.parametrize("shift_s", [-3600, 0, 3600])
def test_daily_reading_an_hour_off_stays_on_its_day(shift_s: int) -> None:
    """A daily reading that the utility cut without daylight saving belongs to the day it covers most."""
    assert [day.day for day in cut(series_of([1], start_s=START_S + shift_s, length_s=86_400)).days] == [DAY]


@pytest.mark.parametrize("duration_s", [82_800, 86_400, 90_000, 93_600])
def test_a_days_length_is_no_span(duration_s: int) -> None:
    """Readings of up to 26 hours are of one day."""
    found = cut(series_of([1], length_s=duration_s))
    assert (len(found.days), found.spans) == (1, ())


def test_longer_reading_is_a_span() -> None:
    """A monthly reading of a bill stays whole, with its estimate mark, and makes no day."""
    found = cut(series_of([5], length_s=93_601, qualities=[8]))
    assert found.spans == (Span("u", "electricity", START_S, 93_601, 5000, is_estimated=True),)
    assert (dict(found.days), found.unit) == ({}, {"electricity": "kWh"})


def test_record_keys() -> None:
    """Records are named by meter, kind and day, or by meter, kind, begin and length."""
    assert MeterDayId("u", "electricity", DAY).record_key == "u|electricity|2024-06-15"
    assert Span("u", "water", START_S, 100_000, 1, is_estimated=False).record_key == "u|water|2024-06-15T04:00:00Z|100000"


def test_gaps_are_absent() -> None:
    """Hours that were not measured leave no reading, not a zero."""
    found = cut(series_of([1, 1], starts_s=[START_S, START_S + 7200], durations_s=[3600, 3600]))
    assert [reading.start_s - START_S for readings in found.days.values() for reading in readings] == [0, 7200]


def test_equal_readings_of_one_document_are_counted_each() -> None:
    """Two readings of equal begin and length in one document are two readings."""
    found = cut(series_of([3, 4], starts_s=[START_S] * 2, durations_s=[3600] * 2))
    (readings,) = found.days.values()
    assert [(reading.occurrence_index, value.quantity_micro) for reading, value in readings.items()] == [(0, 3000), (1, 4000)]


def test_zero_duration_is_a_reading() -> None:
    """A daylight-saving correction of no length beside one of two hours is counted."""
    found = cut(series_of([577, 1], starts_s=[START_S] * 2, durations_s=[0, 7200]))
    assert sums_micro(found) == {("electricity", DAY): 578_000}


def test_many_readings_of_one_begin_are_cut_quickly() -> None:
    """A file whose 50,000 readings all begin at once is counted without comparing each with each."""
    found = cut(series_of([1] * 50_000, starts_s=[START_S] * 50_000, durations_s=[3600] * 50_000))
    assert sums_micro(found) == {("electricity", DAY): 50_000_000}


@given(st.lists(st.integers(-(10**6), 10**6), min_size=1, max_size=60), st.sampled_from([900, 3600, 86_400, 200_000]))
def test_cutting_neither_loses_nor_adds(values: list[int], length_s: int) -> None:
    """Delivered less exported, over days and spans, is the sum of the document."""
    found = cut(series_of(values, length_s=length_s))
    sums = kind_sums_micro(found)
    for span in found.spans:
        sums[span.kind] = sums.get(span.kind, 0) + span.quantity_micro
    assert sums.get("electricity", 0) - sums.get("electricity_export", 0) == sum(values) * 1000


def test_fractions_of_a_millionth_round_half_to_even() -> None:
    """A unit that is no whole number of millionths is rounded once per reading."""
    found = cut(series_of([1, 3, 5], micro_per_value=Fraction(1, 2)))
    assert [value.quantity_micro for readings in found.days.values() for value in readings.values()] == [0, 2, 2]


@pytest.mark.parametrize("value", [2**62, -(2**62)])
def test_huge_reading_is_refused(value: int) -> None:
    """A reading beyond 64 bits of millionths is refused by its number in the series."""
    with pytest.raises(NumberError) as caught:
        cut(series_of([1, value]))
    assert caught.value.sentence() == (
        f"A reading is too large; expected less than 9.2e12 kWh; got {value} Wh; in reading 2 of MeterReading/1. "
        "Ask the utility about this value."
    )


@pytest.mark.parametrize(
    ("quality", "is_estimated"),
    [
        (0, False),
        (7, True),
        (8, True),
        (9, True),
        (10, True),
        (11, True),
        (12, True),
        (14, False),
        (17, False),
        (19, False),
        (-1, False),
    ],
)
def test_estimates_are_marked(quality: int, is_estimated: bool) -> None:  # noqa: FBT001  # a column of the table above
    """ESPI QualityOfReading 7 to 12 are no plain measurements."""
    found = cut(series_of([1], qualities=[quality]))
    assert [value.is_estimated for readings in found.days.values() for value in readings.values()] == [is_estimated]


# --- directions of one meter


def test_negative_electricity_is_export() -> None:
    """A reading below zero is an export of its size, and the notes say how many there were."""
    found = cut(series_of([5, -3, -4]))
    assert kind_sums_micro(found) == {"electricity": 5000, "electricity_export": 7000}
    assert (found.notes, found.unit) == (
        ("2 readings below zero are counted as export",),
        {"electricity": "kWh", "electricity_export": "kWh"},
    )


def test_negative_bill_is_a_refund() -> None:
    """Electricity of a bill stays below zero: money's sign is not the meter's."""
    bill = replace(series_of([-5], length_s=31 * 86_400), is_bill=True)
    (span,) = cut(bill).spans
    assert (span.kind, span.quantity_micro) == ("electricity", -5000)


def test_spans_keep_their_feed_time() -> None:
    """A span says when its feed changed last, so that the newer one can stand."""
    (span,) = cut(series_of([5], length_s=31 * 86_400, updated_at_s=77)).spans
    assert span.feed_time_s == 77


def test_turned_reading_moves_between_the_kinds() -> None:
    """What the newer feed turns leaves the other kind; an older feed that comes later moves nothing."""
    older, newer = cut(series_of([-4, 5], updated_at_s=1)).days, cut(series_of([3, 5], updated_at_s=2)).days
    for first, then in ((older, newer), (newer, older)):
        found = dict(first) | merge_days(first, then)
        sums = {day.kind: sum(value.quantity_micro for value in readings.values()) for day, readings in found.items()}
        assert {kind: micro for kind, micro in sums.items() if micro} == {"electricity": 8000}


def test_separate_export_takes_nothing_away() -> None:
    """Export in a file of its own stands beside the deliveries of the same hours."""
    delivered = cut(series_of([5, 5])).days
    exported = cut(series_of([2, 2], direction=Direction.EXPORT, updated_at_s=9)).days
    found = dict(delivered) | merge_days(delivered, exported)
    assert {day.kind: len(readings) for day, readings in found.items()} == {"electricity": 2, "electricity_export": 2}


def test_turned_ids_are_those_that_only_the_other_kind_has() -> None:
    """Hours that stand in one kind and are said in the other alone may have changed their sign."""
    older, newer = cut(series_of([-4, 5])).days, cut(series_of([3, 5])).days
    day = MeterDayId("u", "electricity", DAY)
    assert turned_ids(day, older, newer) == {ReadingId(START_S, 3600, 0)}
    assert turned_ids(day, newer, newer) == frozenset()


def test_many_small_series_are_cut_quickly() -> None:
    """Seven thousand series of one reading are cut in far less than a second: nobody waits for one upload."""
    many = [series_of([1], start_s=START_S + 3600 * n) for n in range(7000)]
    began = perf_counter()
    found = cut(*many)
    assert sum(len(readings) for readings in found.days.values()) == 7000
    assert perf_counter() - began < 2  # quadratic: more than 20


def test_negative_gas_is_a_refund() -> None:
    """Only electricity is exported: other kinds keep their sign."""
    found = cut(series_of([5, -3], kind="natural_gas", unit="m3"))
    assert (kind_sums_micro(found), found.notes) == ({"natural_gas": 2000}, ())


def test_equal_net_readings_of_both_signs_survive_a_second_upload() -> None:
    """Two readings of one instant, one of each sign, are the first of their kind: the same file again changes nothing."""
    found = cut(series_of([5, -3], starts_s=[START_S] * 2, durations_s=[3600] * 2, direction=Direction.NET))
    for readings in found.days.values():
        kept = readings_of_activity(day_activity(readings, DAY, KEY, EvidenceClass.UPLOADED))
        assert merge_readings(kept, readings) == readings


def test_net_alone_is_both_directions() -> None:
    """Where a meter gives net only, its signs are the directions."""
    assert kind_sums_micro(cut(series_of([5, -3], direction=Direction.NET))) == {"electricity": 5000, "electricity_export": 3000}


@pytest.mark.parametrize("direction", [Direction.NET, Direction.TOTAL])
def test_third_view_is_not_counted(direction: Direction) -> None:
    """Net and total beside delivered are further views of the same meter, wherever they stand in the document."""
    delivered, third = series_of([5]), series_of([9], direction=direction)
    for found in (cut(delivered, third), cut(third, delivered)):
        assert kind_sums_micro(found) == {"electricity": 5000}
        assert found.notes == (
            f"the {direction} series of electricity of meter u is a third view of the same meter and is not counted",
        )


def test_delivered_export_and_net() -> None:
    """Of the three views of a solar meter the two directions are counted."""
    found = cut(series_of([5]), series_of([2], direction=Direction.EXPORT), series_of([3], direction=Direction.NET))
    assert kind_sums_micro(found) == {"electricity": 5000, "electricity_export": 2000}


def test_net_and_export_without_delivered() -> None:
    """Without a delivered series the net series tells both directions, and the export would count twice."""
    found = cut(series_of([5, -3], direction=Direction.NET), series_of([0, 3], direction=Direction.EXPORT))
    assert kind_sums_micro(found) == {"electricity": 5000, "electricity_export": 3000}
    assert found.notes[0] == "the export series of electricity of meter u is in its net series already and is not counted"


def test_total_alone_is_counted() -> None:
    """A meter that tells its total only is counted by it."""
    assert kind_sums_micro(cut(series_of([5], direction=Direction.TOTAL))) == {"electricity": 5000}


def test_export_series_stands_before_negative_deliveries() -> None:
    """Where the meter has an export series its value of an instant counts, whichever comes first in the document."""
    delivered, export = series_of([-3, 1]), series_of([4, 0], direction=Direction.EXPORT)
    for found in (cut(delivered, export), cut(export, delivered)):
        assert kind_sums_micro(found) == {"electricity": 1000, "electricity_export": 4000}


def test_export_of_gas_is_not_consumption() -> None:
    """A reverse series of another commodity is left out with a note."""
    found = cut(
        series_of([5], kind="natural_gas", unit="m3"), series_of([9], kind="natural_gas", unit="m3", direction=Direction.EXPORT)
    )
    assert kind_sums_micro(found) == {"natural_gas": 5000}
    assert found.notes == ("the export series of natural_gas of meter u is no consumption and is not counted",)


def test_second_series_of_the_same_time_is_not_counted() -> None:
    """Hourly and daily readings of one meter are the same energy: the one that measures more stays."""
    hourly, daily = series_of([1] * 23), series_of([24], length_s=86_400)
    for found in (cut(hourly, daily), cut(daily, hourly)):
        assert kind_sums_micro(found) == {"electricity": 24_000}
        assert found.notes == ("a second delivered series of electricity of meter u (23 readings) is not counted",)


def test_series_of_different_months_are_both_counted() -> None:
    """A meter whose document has a series for each month is counted in all of them."""
    found = cut(series_of([5]), series_of([7], start_s=START_S + 40 * 86_400))
    assert (kind_sums_micro(found), found.notes) == ({"electricity": 12_000}, ())


def test_two_units_of_one_kind_are_not_mixed() -> None:
    """A kind has one unit in a document: a series in another one is left out with a note, never added up."""
    found = cut(series_of([5, 5], kind="natural_gas", unit="m3"), series_of([9], kind="natural_gas", unit="kWh", usage_point="v"))
    assert (kind_sums_micro(found), found.unit) == ({"natural_gas": 10_000}, {"natural_gas": "m3"})
    assert found.notes == ("the delivered series of natural_gas of meter v is in kWh, another one is not, and it is not counted",)


def test_meters_are_apart() -> None:
    """Two usage points have their own days, each in its own zone."""
    series = [series_of([5], usage_point="a"), series_of([7], usage_point="b")]
    found = cut_into_days(series, {"a": NEW_YORK, "b": ZoneInfo("America/Los_Angeles")})
    assert {day.record_key for day in found.days} == {"a|electricity|2024-06-15", "b|electricity|2024-06-14"}


def test_registers_and_empty_series_are_left_out() -> None:
    """A register's values are no amounts, and a series without readings says nothing."""
    found = cut(series_of([10**6], is_additive=False), series_of([]))
    assert (dict(found.days), found.spans, found.notes, found.unit) == ({}, (), (), {})


# --- merging documents


@st.composite
def day_readings(draw: st.DrawFn, *, feed_time_s: int | None = None) -> DayReadings:
    """Readings on one hourly grid, some of them doubled."""
    hours = draw(st.lists(st.tuples(st.integers(0, 23), st.integers(0, 2)), min_size=1, max_size=30, unique=True))
    contiguous = [(hour, index) for hour, index in sorted(hours) if all((hour, before) in hours for before in range(index))]
    assume(contiguous)
    values = st.builds(
        ReadingValue,
        st.integers(-(10**12), 10**12),
        st.just(feed_time_s) if feed_time_s is not None else st.integers(0, 2**31),
        st.booleans(),
        is_turned=st.just(value=False),
    )
    return {ReadingId(START_S + hour * 3600, 3600, index): draw(values) for hour, index in contiguous}


def grid_of(length_s: int, count: int, *, value: int = 1, feed_time_s: int = 0) -> DayReadings:
    """Readings that follow each other from the day's begin."""
    return {ReadingId(START_S + i * length_s, length_s, 0): ReadingValue(value, feed_time_s) for i in range(count)}


@given(day_readings())
def test_same_document_twice_changes_nothing(readings: DayReadings) -> None:
    """Merging readings with themselves gives themselves."""
    assert merge_readings(readings, readings) == readings


@given(day_readings(), day_readings())
def test_merging_again_changes_nothing(older: DayReadings, newer: DayReadings) -> None:
    """After a document was taken in, the same document has nothing to add."""
    once = merge_readings(older, newer)
    assert merge_readings(once, newer) == once


@given(day_readings(feed_time_s=1), day_readings(feed_time_s=2))
def test_order_of_documents_does_not_matter(one: DayReadings, other: DayReadings) -> None:
    """Two documents of different feed times on one grid merge to the same day in either order."""
    assert merge_readings(one, other) == merge_readings(other, one)


@given(day_readings(feed_time_s=1), day_readings(feed_time_s=2), day_readings(feed_time_s=3))
def test_grouping_of_documents_does_not_matter(one: DayReadings, two: DayReadings, three: DayReadings) -> None:
    """Three documents on one grid merge to the same day however they are grouped."""
    assert merge_readings(merge_readings(one, two), three) == merge_readings(one, merge_readings(two, three))


@pytest.mark.parametrize(("feed_time_s", "value"), [(11, 2), (10, 2), (9, 1), (0, 1)])
def test_newer_feed_corrects(feed_time_s: int, value: int) -> None:
    """A feed as new or newer corrects a value; an older one does not."""
    merged = merge_readings(grid_of(3600, 1, value=1, feed_time_s=10), grid_of(3600, 1, value=2, feed_time_s=feed_time_s))
    assert [found.quantity_micro for found in merged.values()] == [value]


def test_first_document_is_taken_as_it_is() -> None:
    """Nothing known: the document's readings are the day."""
    assert merge_readings({}, grid_of(3600, 2)) == grid_of(3600, 2)


def test_document_without_readings_takes_nothing_away() -> None:
    """A day that a document does not mention stays."""
    assert merge_readings(grid_of(3600, 2), {}) == grid_of(3600, 2)


@pytest.mark.parametrize(("older", "newer"), [((900, 96), (3600, 12)), ((3600, 24), (86_400 // 2, 1)), ((86_400, 1), (3600, 23))])
def test_of_two_grids_the_larger_cover_stands(older: tuple[int, int], newer: tuple[int, int]) -> None:
    """Hourly against quarter-hourly against daily: the side that covers more of the day stands alone, in either order."""
    larger, smaller = grid_of(*older), grid_of(*newer, feed_time_s=99)
    assert merge_readings(larger, smaller) == merge_readings(smaller, larger) == larger


def test_of_two_grids_with_equal_cover_the_newer_feed_stands() -> None:
    """24 hourly readings against one daily reading: the newer feed, in either order."""
    hourly, daily = grid_of(3600, 24, feed_time_s=1), grid_of(86_400, 1, feed_time_s=2)
    assert merge_readings(hourly, daily) == merge_readings(daily, hourly) == daily


def test_doubled_readings_cover_no_more() -> None:
    """An interval that a document tells twice is measured once."""
    doubled = {ReadingId(START_S, 3600, index): ReadingValue(1, 0) for index in range(3)}
    assert merge_readings(grid_of(7200, 1), doubled) == grid_of(7200, 1)


def test_other_grid_elsewhere_in_the_day_is_no_conflict() -> None:
    """Quarter-hours in the morning and hours in the afternoon complete each other."""
    morning, afternoon = grid_of(900, 4), {ReadingId(START_S + 3600, 3600, 0): ReadingValue(1, 0)}
    assert merge_readings(morning, afternoon) == {**morning, **afternoon}


def test_conflict_behind_a_shorter_reading_is_seen() -> None:
    """A long reading conflicts with a later one inside it also where a short one of its own document stands between."""
    older = {ReadingId(START_S, 36_000, 0): ReadingValue(1, 0), ReadingId(START_S + 600, 600, 0): ReadingValue(1, 0)}
    newer = {ReadingId(START_S + 7200, 3600, 0): ReadingValue(1, 9)}
    assert merge_readings(older, newer) == older


def test_overlap_inside_one_document_is_no_conflict() -> None:
    """Readings of one document that overlap are its own matter: a correction of one of them is taken, the other stays."""
    long, short = ReadingId(START_S, 7200, 0), ReadingId(START_S, 3600, 0)
    merged = merge_readings({short: ReadingValue(1, 0), long: ReadingValue(2, 0)}, {short: ReadingValue(3, 1)})
    assert merged == {short: ReadingValue(3, 1), long: ReadingValue(2, 0)}


def test_zero_duration_conflicts_with_nothing() -> None:
    """A correction of no length joins any grid."""
    correction = {ReadingId(START_S + 1800, 0, 0): ReadingValue(577, 0)}
    assert merge_readings(grid_of(3600, 2), correction) == {**grid_of(3600, 2), **correction}


# --- the activity of a day


@given(day_readings())
def test_activity_and_back(readings: DayReadings) -> None:
    """A day's activity holds its readings: values, feed times, estimates and occurrences."""
    assert readings_of_activity(day_activity(readings, DAY, KEY, EvidenceClass.UPLOADED)) == readings


@given(day_readings())
def test_activity_is_the_sum_of_its_profile(readings: DayReadings) -> None:
    """The quantity is the sum over the profile, whose four columns are equally long."""
    found = day_activity(readings, DAY, KEY, EvidenceClass.UPLOADED)
    assert found.profile is not None
    assert found.quantity_micro == sum(found.profile.quantities_micro)
    columns = (found.profile.starts_s, found.profile.durations_s, found.profile.quantities_micro, found.profile.feed_times_s)
    assert {len(column) for column in columns} == {len(readings)}


def test_activity_spans_its_readings() -> None:
    """An activity begins with the first reading and ends with the last, in the day's month."""
    found = day_activity(grid_of(3600, 3), DAY, KEY, EvidenceClass.FETCHED_BY_CONNECTOR)
    assert (found.start, found.end) == (instant_of_epoch_s(START_S), instant_of_epoch_s(START_S + 10_800))
    assert (found.month, found.evidence, found.key) == (Month(2024, 6), EvidenceClass.FETCHED_BY_CONNECTOR, KEY)


def test_activity_of_no_length_lasts_a_second() -> None:
    """A day of one zero-duration reading is still a span."""
    found = day_activity({ReadingId(START_S, 0, 0): ReadingValue(1, 0)}, DAY, KEY, EvidenceClass.UPLOADED)
    assert found.end - found.start == timedelta(seconds=1)


@pytest.mark.parametrize(("marks", "quality"), [((False, False), Quality.MEASURED), ((False, True), Quality.ESTIMATED)])
def test_one_estimate_makes_the_day_estimated(marks: tuple[bool, bool], quality: Quality) -> None:
    """A day is measured only where all of it is."""
    readings = {ReadingId(START_S + 3600 * i, 3600, 0): ReadingValue(1, 0, mark) for i, mark in enumerate(marks)}
    assert day_activity(readings, DAY, KEY, EvidenceClass.UPLOADED).quality is quality


def test_correction_of_the_only_estimate_makes_the_day_measured() -> None:
    """When the utility replaces its estimate by a measurement the whole day is measured, also after it was stored."""
    readings = {**grid_of(3600, 2), ReadingId(START_S + 7200, 3600, 0): ReadingValue(1, 0, is_estimated=True)}
    kept = readings_of_activity(day_activity(readings, DAY, KEY, EvidenceClass.UPLOADED))
    merged = merge_readings(kept, {ReadingId(START_S + 7200, 3600, 0): ReadingValue(2, 5)})
    assert day_activity(merged, DAY, KEY, EvidenceClass.UPLOADED).quality is Quality.MEASURED


def test_sum_beyond_64_bits_is_refused() -> None:
    """A day whose readings fit but whose sum does not is refused by its date."""
    readings = {ReadingId(START_S + i, 1, 0): ReadingValue(INT64_MAX, 0) for i in range(2)}
    with pytest.raises(
        NumberError,
        match=r"A day's sum is too large; expected less than 2\^63 millionths; got 18446744073709551614; in 2024-06-15",
    ):
        day_activity(readings, DAY, KEY, EvidenceClass.UPLOADED)


def test_bill_has_no_readings() -> None:
    """An activity without a profile was made of no readings."""
    start = instant_of_epoch_s(START_S)
    bill = Activity(KEY, start, start + timedelta(days=30), Month(2024, 6), 1, Quality.MEASURED, EvidenceClass.TYPED)
    assert readings_of_activity(bill) == {}


def test_older_profiles_have_neither_feed_times_nor_marks() -> None:
    """A profile without feed times is of an unknown time; without marks each interval is what the day is."""
    start = instant_of_epoch_s(START_S)
    profile = Profile((0,), (3600,), (7,))
    found = Activity(
        KEY, start, start + timedelta(hours=1), Month(2024, 6), 7, Quality.ESTIMATED, EvidenceClass.UPLOADED, profile
    )
    assert readings_of_activity(found) == {ReadingId(START_S, 3600, 0): ReadingValue(7, 0, is_estimated=True)}


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=72))
def test_upload_twice_and_in_parts(values: list[int]) -> None:
    """A file uploaded whole, twice, or in two overlapping parts makes the same days."""
    middle = len(values) // 2
    whole = cut(series_of(values)).days
    parts = [
        cut(series_of(values[: middle + 1])).days,
        cut(series_of(values[middle:], start_s=START_S + 3600 * middle)).days,
        whole,
    ]
    merged: dict[MeterDayId, DayReadings] = {}
    for days in parts:
        for day, readings in days.items():
            merged[day] = merge_readings(merged.get(day, {}), readings)
    assert merged == dict(whole)
