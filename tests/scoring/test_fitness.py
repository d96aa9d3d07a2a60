"""The fitness score and its promises."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InputError
from scoring.factors.factor_set import FactorSet
from scoring.fitness import NationalAverage, fitness_score, national_average, score_points

T = 10**12
US = NationalAverage(16.534756, "US", 2021, "test")
TONNES = st.floats(0.01, 200)
AMOUNTS = st.integers(0, 60 * T)


@pytest.mark.parametrize(
    ("t_co2e", "points"), [(0, 100), (2.5, 100), (5, 69.897), (7.90569415, 50), (12.5, 30.103), (25, 0), (99, 0)]
)
def test_score_of_known_amounts(t_co2e: float, points: float) -> None:
    """100 at 2.5 t, 50 at 7.906 t, 0 at 25 t."""
    assert score_points(t_co2e) == pytest.approx(points, abs=1e-3)


@given(TONNES, TONNES)
def test_less_never_scores_lower(first: float, second: float) -> None:
    """The score falls, or stays, as emissions rise."""
    low, high = sorted((first, second))
    assert score_points(low) >= score_points(high)


@given(st.floats(5, 25))
def test_halving_is_thirty_points(t_co2e: float) -> None:
    """Half of what one causes is 30.103 points more, wherever one starts between 5 and 25 t."""
    assert score_points(t_co2e / 2) - score_points(t_co2e) == pytest.approx(30.103, abs=1e-3)


@given(AMOUNTS, AMOUNTS)
def test_disconnecting_never_helps(kept_ug: int, dropped_ug: int) -> None:
    """What a source last measured goes on counting when it is disconnected, so the score does not rise."""
    connected = fitness_score(kept_ug + dropped_ug, average=US)
    disconnected = fitness_score(kept_ug, average=US, last_measured_ug_co2e=dropped_ug)
    assert disconnected.score_points <= connected.score_points
    whole = fitness_score(kept_ug + dropped_ug, average=US, is_everything_measured=True)
    assert disconnected.score_points <= whole.score_points + 1e-9


@given(AMOUNTS)
def test_one_source_never_beats_the_national_average(measured_ug: int) -> None:
    """A person of whom little is known counts at least the average of the country."""
    assert fitness_score(measured_ug, average=US).score_points <= score_points(US.per_person_t_co2e)


def test_credits_have_no_way_in() -> None:
    """The score's inputs are gross emissions and what fills gaps: nothing carries offsets or certificates."""
    assert not {"retired", "credit", "offset", "net"} & {
        word for name in fitness_score.__annotations__ for word in name.split("_")
    }


def test_electricity_alone_is_provisional() -> None:
    """A household of which a tenth is measured is scored at the average, provisionally, and told so."""
    got = fitness_score(int(1.6534756 * T), average=US)
    assert (got.is_provisional, got.version) == (True, "S1-2030")
    assert got.measured_ratio == pytest.approx(0.1)
    assert got.score_points == pytest.approx(17.954, abs=1e-3)
    assert "10% of it is measured" in got.steps[1]
    assert got.low_points is None
    assert got.high_points is None


def test_sixty_percent_measured_is_not_provisional() -> None:
    """From 60 % on the score stands."""
    assert not fitness_score(int(0.61 * 16.534756 * T), average=US).is_provisional
    assert fitness_score(int(0.59 * 16.534756 * T), average=US).is_provisional


def test_everything_measured_counts_as_measured() -> None:
    """Whoever measures everything is not filled up to the average."""
    got = fitness_score(int(5 * T), average=US, is_everything_measured=True)
    assert got.score_points == pytest.approx(69.897, abs=1e-3)
    assert not got.is_provisional


def test_household_is_divided_by_its_persons() -> None:
    """Four persons with 40 t are four times 10 t."""
    four = fitness_score(40 * T, average=US, persons_count=4, is_everything_measured=True)
    assert four == fitness_score(10 * T, average=US, is_everything_measured=True)


def test_band_is_symmetric_in_points_and_bounded() -> None:
    """GSD^2 of 2 is 30.1 points either way, cut at 0 and 100."""
    got = fitness_score(10 * T, average=US, is_everything_measured=True, gsd2_ratio=2)
    assert got.low_points == pytest.approx(got.score_points - 30.103, abs=1e-3)
    assert got.high_points == pytest.approx(got.score_points + 30.103, abs=1e-3)
    narrow = fitness_score(24 * T, average=US, is_everything_measured=True, gsd2_ratio=2)
    assert narrow.low_points == 0


@pytest.mark.parametrize(("region", "want"), [("US/zip/94110", "US"), ("DE", "DE"), ("AQ", "WORLD")])
def test_national_average_of_a_place(factors: FactorSet, region: str, want: str) -> None:
    """A ZIP code has its country's average; a country without one the world's; the note says CO2 only."""
    got = national_average(factors, region)
    assert got.region == want
    assert "CO2 only" in got.source


def test_empty_household_is_refused() -> None:
    """Nobody has no footprint per person."""
    with pytest.raises(InputError, match="expected one person or more; got 0"):
        fitness_score(1, average=US, persons_count=0)


@pytest.mark.parametrize("gsd2_ratio", [0.5, float("nan")])
def test_impossible_spread_is_refused(gsd2_ratio: float) -> None:
    """A geometric spread below one does not exist."""
    with pytest.raises(InputError, match="expected a geometric spread of 1 or more"):
        fitness_score(1, average=US, gsd2_ratio=gsd2_ratio)
