"""What stands of a meter's days and spans: every instant once."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.meter_day import DayReadings, MeterDayId, ReadingId, ReadingValue, Span
from domain.period import instant_from_text
from domain.standing import standing

FIRST = date(2024, 5, 1)
START_S = int(instant_from_text("2024-05-01T04:00:00Z").timestamp())
DAY_S = 86_400
Days = dict[MeterDayId, DayReadings]


def span(first: int, length: int, *, micro: int = 1, feed_s: int = 0, kind: str = "electricity", occurrence: int = 0) -> Span:
    """A span from the so-manieth day on, so many days long."""
    return Span(
        "u",
        kind,
        START_S + first * DAY_S,
        length * DAY_S,
        micro,
        is_estimated=False,
        occurrence_index=occurrence,
        feed_time_s=feed_s,
    )


def hourly(numbers: Sequence[int], *, kind: str = "electricity", hours: Sequence[int] = range(24)) -> Days:
    """Hourly readings of these days."""
    return {
        MeterDayId("u", kind, FIRST + timedelta(days=n)): {
            ReadingId(START_S + n * DAY_S + hour * 3600, 3600, 0): ReadingValue(1, 0) for hour in hours
        }
        for n in numbers
    }


def test_days_that_cover_a_span_stand() -> None:
    """A month of hourly readings says more than the month's sum."""
    found = standing(hourly(range(31)), [span(0, 31)])
    assert (len(found.days), found.spans) == (31, ())
    assert found.notes == (
        (
            "the electricity reading over 31 days from 2024-05-01T04:00:00Z of meter u is not counted: its days have readings of "
            "their own"
        ),
    )


def test_a_span_stands_over_days_with_a_gap() -> None:
    """Thirty of thirty-one days are less than the month's sum; only days outside it stand beside it."""
    found = standing(hourly(range(32)) | hourly([7], hours=range(23)), [span(0, 31)])
    assert (found.days, found.spans) == (frozenset(hourly([31])), (span(0, 31),))
    assert found.notes == (
        (
            "31 days of electricity of meter u between 2024-05-01 and 2024-05-31 are not counted: a reading over several days "
            "covers more of that time"
        ),
    )


def test_the_newer_feed_of_overlapping_spans_stands() -> None:
    """A bill that was issued again with another last day counts once, whichever came first."""
    old, new = span(0, 31, feed_s=1), span(0, 30, feed_s=2)
    assert standing({}, [old, new]).spans == standing({}, [new, old]).spans == (new,)
    assert standing({}, [old, new]).notes == (
        (
            "the electricity reading over 31 days from 2024-05-01T04:00:00Z of meter u is not counted: a newer one has part of "
            "the same days"
        ),
    )


def test_the_later_of_equal_feeds_stands() -> None:
    """Where the feeds say no time, the later document has the last word."""
    assert standing({}, [span(0, 31), span(0, 30)]).spans == (span(0, 30),)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_span_again_is_a_correction(order: tuple[int, int]) -> None:
    """Equal start, length and occurrence: the newer feed's amount, without a note."""
    both = (span(0, 31, micro=5, feed_s=1), span(0, 31, micro=7, feed_s=2))
    found = standing({}, [both[n] for n in order])
    assert (found.spans, found.notes) == ((both[1],), ())


def test_two_readings_of_one_document_stand_together() -> None:
    """Equal start and length inside one document are two readings, not one twice."""
    both = (span(0, 31), span(0, 31, occurrence=1))
    assert standing({}, both).spans == both


def test_neighbours_stand() -> None:
    """A span that begins when another ends has no instant in common with it."""
    both = (span(0, 31), span(31, 30))
    assert standing(hourly([61]), both).spans == both


def test_a_covered_span_takes_nothing_along() -> None:
    """A newer span that its days replace does not hide an older one that they do not cover."""
    older, newer = span(0, 10, feed_s=1), span(8, 4, feed_s=2)
    found = standing(hourly(range(8, 12)), [older, newer])
    assert (found.spans, found.days) == ((older,), frozenset(hourly([10, 11])))


def test_export_fills_the_gaps_of_a_net_day() -> None:
    """Hours below zero are export: the day is measured as a whole, and replaces the month's sum."""
    night, noon = [h for h in range(24) if not 9 <= h < 15], range(9, 15)
    days = hourly(range(31), hours=night) | hourly(range(31), kind="electricity_export", hours=noon)
    assert standing(days, [span(0, 31)]).spans == ()


def test_export_alone_covers_no_delivery() -> None:
    """Hourly export says nothing about what was delivered."""
    days = hourly(range(31), kind="electricity_export")
    found = standing(days, [span(0, 31)])
    assert (found.spans, found.days) == ((span(0, 31),), frozenset(days))


def test_meters_and_kinds_stand_apart() -> None:
    """Gas days do not hide an electricity span of the same meter."""
    days = hourly(range(31), kind="natural_gas")
    found = standing(days, [span(0, 31)])
    assert (len(found.days), len(found.spans)) == (31, 1)


KINDS = st.sampled_from(["electricity", "electricity_export", "natural_gas"])
SPANS = st.lists(
    st.builds(span, st.integers(0, 20), st.integers(2, 12), feed_s=st.integers(0, 3), kind=KINDS, occurrence=st.integers(0, 1)),
    max_size=8,
)


@st.composite
def some_days(draw: st.DrawFn) -> Days:
    """Days of several kinds, some with gaps."""
    found: Days = {}
    for kind, number in draw(st.sets(st.tuples(KINDS, st.integers(0, 31)), max_size=40)):
        is_whole = draw(st.booleans()) or draw(st.booleans())
        found |= hourly([number], kind=kind, hours=range(24) if is_whole else range(draw(st.integers(0, 11)), 20))
    return found


def times(days: Mapping[MeterDayId, DayReadings], spans: Sequence[Span], kind: str) -> list[tuple[int, int]]:
    """Stretches of time that are counted of a kind, sorted; equal ones of a document's second reading once."""
    own = [(r.start_s, r.start_s + r.duration_s) for day, readings in days.items() if day.kind == kind for r in readings]
    over = {(one.start_s, one.start_s + one.duration_s) for one in spans if one.kind == kind}
    return sorted([*own, *over])


@given(some_days(), SPANS)
def test_no_instant_twice(days: Days, spans: list[Span]) -> None:
    """Whatever comes in, of one meter and kind no two stretches that count have an instant in common."""
    found = standing(days, spans)
    for kind in ("electricity", "electricity_export", "natural_gas"):
        counted = times({day: days[day] for day in found.days}, found.spans, kind)
        assert all(before[1] <= after[0] for before, after in itertools.pairwise(counted))


@given(some_days(), SPANS)
def test_standing_again_changes_nothing(days: Days, spans: list[Span]) -> None:
    """What stands stands."""
    once = standing(days, spans)
    again = standing({day: days[day] for day in once.days}, once.spans)
    assert (again.days, again.spans, again.notes) == (once.days, once.spans, ())


@given(some_days(), SPANS, st.randoms(use_true_random=False))
def test_order_matters_only_among_equal_feeds(days: Days, spans: list[Span], random: object) -> None:
    """With a feed time of its own for each span, any order of the documents comes to the same."""
    own = [Span(**{name: getattr(one, name) for name in Span.__slots__} | {"feed_time_s": n}) for n, one in enumerate(spans)]
    shuffled = list(own)
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives a random.Random
    assert standing(days, own) == standing(dict(reversed(days.items())), shuffled)


@given(some_days(), SPANS)
def test_nothing_is_lost_without_a_reason(days: Days, spans: list[Span]) -> None:
    """What does not stand has some of its time in what does."""
    found = standing(days, spans)
    counted = times({day: days[day] for day in found.days}, found.spans, "natural_gas")
    for start_s, end_s in times(days, spans, "natural_gas"):
        assert any(one[0] < end_s and start_s < one[1] for one in counted)
