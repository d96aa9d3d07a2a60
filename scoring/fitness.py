"""The fitness score S1-2030: how far a person's gross emissions of the last twelve months are from 2.5 t CO2e.

    S = clamp(100 x (1 - log10(E / 2.5 t)), 0, 100)

100 is 2.5 t a year, what fits 1.5 degrees in 2030 as lifestyles go; 0 is 25 t; every halving is 30.1 points. Gross, location
based, per person. Credits never move it: there is no argument that could carry them. What is not measured counts as the larger of
the national average and the person's own last measured rate, so leaving a source out never helps.

This is reporting: floats are in order here, and only here.

Source:
    shared design, experience, section 2; 2.5 t: Akenji et al., "1.5-Degree Lifestyles: Towards a Fair Consumption Space for All",
    Hot or Cool Institute 2021.
"""

from dataclasses import dataclass
from math import log10

from domain.errors import InputError
from scoring.factors.factor_set import FactorSet, PublishedParameter

SCORE_VERSION = "S1-2030"
"""Label stored with every score."""

TARGET_T_CO2E = 2.5
"""Gross t CO2e per person and year that scores 100."""

FULL_POINTS = 100.0
"""Best score."""

PROVISIONAL_BELOW_RATIO = 0.6
"""Share of E that must be measured for a score that is not provisional."""

PER_PERSON_PARAMETER = "consumption_co2_per_person"

_UG_PER_T = 1_000_000_000_000


@dataclass(frozen=True, slots=True)
class NationalAverage:
    """What a person of a country causes in a year, as published.

    Attributes:
        per_person_t_co2e: Tonnes per person and year.
        region: Country it is for, or `WORLD`.
        year: Calendar year of the data.
        source: Publisher, table, and what it leaves out.
    """

    per_person_t_co2e: float
    region: str
    year: int
    source: str


@dataclass(frozen=True, slots=True)
class FitnessScore:
    """A score and where it comes from.

    Attributes:
        version: Label of the formula.
        score_points: 0 to 100.
        low_points: Lower end of its band; None where the uncertainty is not known.
        high_points: Upper end; None where the uncertainty is not known.
        measured_t_co2e: Measured gross emissions per person of the year.
        counted_t_co2e: E: measured, and what unmeasured counts as.
        measured_ratio: Share of E that is measured, 0 to 1.
        is_provisional: Less than 60 % is measured.
        steps: How it came about, in plain words.
    """

    version: str
    score_points: float
    low_points: float | None
    high_points: float | None
    measured_t_co2e: float
    counted_t_co2e: float
    measured_ratio: float
    is_provisional: bool
    steps: tuple[str, ...]


_PLACES_COUNT = 9
"""Decimal places that are kept: the last bits of a sum of floats must not make a score better."""


def score_points(per_person_t_co2e: float) -> float:
    """Points of gross emissions per person and year.

    Args:
        per_person_t_co2e: E in t CO2e; zero or less scores 100.

    Returns:
        0 to 100, falling as E rises.

    Source:
        shared design, experience, section 2.
    """
    if per_person_t_co2e <= TARGET_T_CO2E:
        return FULL_POINTS
    points = FULL_POINTS * (1 - log10(per_person_t_co2e / TARGET_T_CO2E))
    return round(max(0.0, points), _PLACES_COUNT)


def fitness_score(
    measured_ug_co2e: int,
    *,
    average: NationalAverage,
    persons_count: int = 1,
    last_measured_ug_co2e: int = 0,
    is_everything_measured: bool = False,
    gsd2_ratio: float | None = None,
) -> FitnessScore:
    """The score of the last twelve complete months.

    Args:
        measured_ug_co2e: Gross emissions of the household, location based, ug CO2e; less than zero counts as zero.
        average: National average of the person's country.
        persons_count: Persons of the household, one or more.
        last_measured_ug_co2e: What domains that are no longer connected last gave in a year, ug CO2e; never helps to drop.
        is_everything_measured: All domains of life are connected for all twelve months: nothing is filled in.
        gsd2_ratio: Square of the geometric standard deviation of E (95 % factor), 1 or more; None where it is not known.

    Returns:
        The score with its band and steps.

    Raises:
        InputError: There is nobody in the household, or the spread is below 1.
    """
    if persons_count < 1:
        raise InputError(expected="one person or more", got=str(persons_count), record="persons_count")
    if gsd2_ratio is not None and not gsd2_ratio >= 1:
        raise InputError(expected="a geometric spread of 1 or more", got=str(gsd2_ratio), record="gsd2_ratio")
    measured_t = max(0, measured_ug_co2e) / persons_count / _UG_PER_T
    own_rate_t = measured_t + max(0, last_measured_ug_co2e) / persons_count / _UG_PER_T
    counted_t = measured_t if is_everything_measured else max(average.per_person_t_co2e, own_rate_t)
    measured_ratio = measured_t / counted_t if counted_t else 1.0
    points = score_points(counted_t)
    low, high = _band(points, gsd2_ratio)
    return FitnessScore(
        version=SCORE_VERSION,
        score_points=points,
        low_points=low,
        high_points=high,
        measured_t_co2e=measured_t,
        counted_t_co2e=counted_t,
        measured_ratio=measured_ratio,
        is_provisional=not is_everything_measured and measured_ratio < PROVISIONAL_BELOW_RATIO,
        steps=_steps(measured_t, counted_t, measured_ratio, average, is_filled=counted_t > measured_t),
    )


def national_average(factor_set: FactorSet, region: str) -> NationalAverage:
    """The average of a region's country, or of the world where none is published.

    Args:
        factor_set: Holds the published figures.
        region: Path of the person's region: `US/zip/94110`, `DE`.

    Returns:
        The newest published figure.

    Raises:
        InputError: The factor set holds no figure at all.
    """
    country = region.partition("/")[0]
    found = factor_set.parameter(PER_PERSON_PARAMETER, country) or factor_set.parameter(PER_PERSON_PARAMETER, "WORLD")
    if found is None:
        raise InputError(expected=f"a figure {PER_PERSON_PARAMETER}", got="none", record=f"factor set {factor_set.version}")
    return _average_of(found)


def _average_of(found: PublishedParameter) -> NationalAverage:
    return NationalAverage(float(found.value_text), found.region, found.year, f"{found.publisher}, {found.edition}: {found.note}")


def _band(points: float, gsd2_ratio: float | None) -> tuple[float | None, float | None]:
    """Ends of the band: plus and minus 100 x log10(GSD^2) points, inside 0 to 100."""
    if gsd2_ratio is None:
        return None, None
    half_points = FULL_POINTS * log10(gsd2_ratio)
    return max(0.0, points - half_points), min(FULL_POINTS, points + half_points)


def _steps(
    measured_t_co2e: float, counted_t_co2e: float, measured_ratio: float, average: NationalAverage, *, is_filled: bool
) -> tuple[str, ...]:
    first = f"Measured: {measured_t_co2e:.3f} t CO2e per person in the last 12 months, gross, location based."
    points = score_points(counted_t_co2e)
    last = f"{counted_t_co2e:.3f} t against {TARGET_T_CO2E} t: 100 x (1 - log10(E / {TARGET_T_CO2E})) gives {points:.1f}."
    if not is_filled:
        return first, last
    filled = (
        f"Not everything is measured, so the larger counts: the average of {average.region} in {average.year} "
        f"({average.per_person_t_co2e:.3f} t; {average.source}) or the person's own last rate. "
        f"{measured_ratio:.0%} of it is measured."
    )
    return first, filled, last
