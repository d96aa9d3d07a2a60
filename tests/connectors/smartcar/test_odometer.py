"""What is remembered of an odometer: distances add up to what was driven, and nothing is counted that cannot be."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.smartcar.answers import Odometer
from connectors.smartcar.odometer import State, step
from domain.errors import InputError

ZONE = ZoneInfo("UTC")
FIRST = datetime(2024, 5, 1, 6, 10, tzinfo=UTC)


def at_day(day: int, km: int | str, hour: int = 6) -> Odometer:
    """A reading so many days after the first of May."""
    return Odometer(FIRST.replace(hour=hour) + timedelta(days=day), Fraction(km))


def walk(*readings: Odometer) -> tuple[list[Fraction | int], list[str], State]:
    """Distances and refusals of readings, one after the other."""
    state, refusals = State(), []
    distances: list[Fraction | int] = []
    for reading in readings:
        found = step(state, reading, ZONE)
        state = found.state
        if found.begin:
            distances.append(reading.km - found.begin.km)
        if found.refusal:
            refusals.append(found.refusal.message)
    return distances, refusals, state


def test_the_first_reading_gives_no_distance() -> None:
    """It is remembered, and nothing is counted."""
    assert walk(at_day(0, 20_000)) == ([], [], State(at_day(0, 20_000)))


@given(st.lists(st.integers(0, 900), min_size=1, max_size=20))
def test_distances_add_up(driven_km: list[int]) -> None:
    """A car that is read every day gives the whole distance between the first and the last reading."""
    readings = [at_day(day, 1_000 + sum(driven_km[:day])) for day in range(len(driven_km) + 1)]
    distances, refusals, _ = walk(*readings)
    assert (sum(distances), refusals) == (sum(driven_km), [])


def test_a_car_that_has_not_reported_is_no_news() -> None:
    """The same reading again, and an older one, change nothing."""
    state = State(at_day(3, 500))
    assert [step(state, one, ZONE) for one in (at_day(3, 500), at_day(2, 450), at_day(2, 9_000))] == [
        step(state, at_day(3, 500), ZONE)
    ] * 3
    assert step(state, at_day(3, 500), ZONE).state == state


def test_a_second_reading_of_a_day_waits_for_the_next_day() -> None:
    """Its kilometres are in the next day's distance: days never overlap, and never lie ahead."""
    assert walk(at_day(0, 100), at_day(0, 130, hour=20), at_day(1, 150))[0] == [50]


def test_a_slip_is_refused_and_nothing_is_lost() -> None:
    """One reading that is too low is refused; the next one counts from the reading before the slip."""
    distances, refusals, _ = walk(at_day(0, 50_000), at_day(1, 0), at_day(2, 50_080))
    assert (distances, refusals) == ([80], ["The odometer shows less than before"])


def test_a_replaced_odometer_counts_on() -> None:
    """Two readings below: another odometer, whose own distance counts; what was driven across the change is not known."""
    distances, refusals, state = walk(at_day(0, 50_000), at_day(1, 12), at_day(2, 40), at_day(3, 90))
    assert (distances, refusals) == ([28, 50], ["The odometer shows less than before"])
    assert state == State(at_day(3, 90))


def test_falling_and_falling_is_refused_each_time() -> None:
    """An odometer that goes on falling counts nothing."""
    distances, refusals, _ = walk(at_day(0, 900), at_day(1, 800), at_day(2, 700), at_day(3, 600))
    assert (distances, len(refusals)) == ([], 3)


def test_a_leap_is_refused() -> None:
    """Further than a car drives in the time is nothing that was driven; the next distance begins there."""
    distances, refusals, _ = walk(at_day(0, 100), at_day(1, 80_000), at_day(2, 80_050))
    assert (distances, refusals) == ([50], ["No car drives that far in this time"])


def test_a_slip_to_zero_twice_leaps_back_for_nothing() -> None:
    """Zero two days long, then the truth: nothing is counted of the fall and of the leap."""
    distances, refusals, _ = walk(at_day(0, 50_000), at_day(1, 0), at_day(2, 0), at_day(3, 50_040), at_day(4, 50_060))
    assert sum(distances) == 20
    assert len(refusals) == 2


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 4_999_999)), max_size=12))
def test_never_more_than_a_car_can_drive(readings: list[tuple[int, int]]) -> None:
    """Whatever an odometer says, in any order, no distance is below zero or faster than any car."""
    state = State()
    for day, km in readings:
        found = step(state, at_day(day, km), ZONE)
        if found.begin:
            hours = Fraction(int((at_day(day, km).at - found.begin.at).total_seconds()) + 1_800, 3600)
            assert 0 <= km - found.begin.km <= 300 * hours
            assert found.begin.at < at_day(day, km).at
        state = found.state


@given(
    st.builds(
        State,
        st.none() | st.builds(at_day, st.integers(0, 400), st.fractions(0, 10**6, max_denominator=10**6)),
        st.none() | st.builds(at_day, st.integers(0, 400), st.fractions(0, 10**6, max_denominator=10**6)),
    )
)
def test_what_is_remembered_comes_back(state: State) -> None:
    """To the last digit, and to the second."""
    assert State.from_json(state.to_json()) == state


@pytest.mark.parametrize("km", ["", "1.5", "2/4", "NaN", "1e9"])
def test_what_nobody_wrote_is_refused(km: str) -> None:
    """A cursor that is not ours is not guessed at."""
    with pytest.raises(InputError):
        State.from_json({"earlier": {"at": "2024-05-01T00:00:00Z", "km": km}})
