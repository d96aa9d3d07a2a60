"""How sure a number is: 95 % intervals of factors, lines and statements. Reporting only; no integer of a statement depends on it.

A published half-width is used as it is. Where none is published, five scores (the publisher's own where it gives some, else ours
by what the search had to do) become a geometric standard deviation by the pedigree method; such an interval is marked *assumed*.
Inside one factor errors are fully correlated and add linearly; across factors they combine by root sum of squares.

Source:
    Pedigree matrix: Weidema & Wesnaes 1996 (Journal of Cleaner Production 4, 167-174); uncertainty factors: Frischknecht et al.
    2005, ecoinvent overview and methodology, table of default uncertainty factors (a blank cell takes the next worse value).
    Combination: IPCC 2006 Guidelines, volume 1, chapter 3, approach 1 (equations 3.1 and 3.2).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import exp, log, sqrt

from domain.activity import EvidenceClass
from domain.factor import Basis, EmissionFactor, Gas, LifeCycleScope
from domain.statement import Line

_FACTORS: Mapping[str, tuple[float, ...]] = {
    "reliability": (1.00, 1.05, 1.10, 1.20, 1.50),
    "collection": (1.00, 1.02, 1.05, 1.10, 1.20),
    "temporal": (1.00, 1.03, 1.10, 1.20, 1.50),
    "geographical": (1.00, 1.01, 1.02, 1.10, 1.10),
    "technological": (1.00, 1.20, 1.20, 1.50, 2.00),
}
"""Indicator to the uncertainty factor of each score, 1 best to 5."""

_BASIC = 1.05
"""Basic uncertainty of emissions of CO2 and of energy demand (the same table)."""

_YEARS_OF_SCORE = (3, 6, 10, 15)
"""Difference in years up to which a temporal score holds (pedigree matrix, temporal correlation)."""

_ACTIVITY_SCORE: Mapping[EvidenceClass, int] = {
    EvidenceClass.TYPED: 3,
    EvidenceClass.UPLOADED: 2,
    EvidenceClass.FETCHED_BY_CONNECTOR: 1,
    EvidenceClass.FETCHED_BY_AUDITOR: 1,
    EvidenceClass.SIGNED_CHANNEL: 1,
}


@dataclass(frozen=True, slots=True)
class Spread:
    """A 95 % interval relative to its middle.

    Attributes:
        low_ratio: Lower end / middle.
        high_ratio: Upper end / middle.
        is_assumed: Whether it follows from scores and not from a publication.
        scores: The scores that it follows from; empty where it is published.
    """

    low_ratio: float
    high_ratio: float
    is_assumed: bool
    scores: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Interval:
    """A 95 % interval of emissions.

    Attributes:
        low_ug_co2e: Lower end.
        high_ug_co2e: Upper end.
        is_assumed: Whether any part of it is assumed.
    """

    low_ug_co2e: int
    high_ug_co2e: int
    is_assumed: bool


def spread_of(
    factor: EmissionFactor,
    *,
    year: int,
    flags: Iterable[str] = (),
    by_evidence_micro: Mapping[EvidenceClass, int] | None = None,
) -> Spread:
    """The interval of activity x factor, relative.

    Args:
        factor: The published row.
        year: Calendar year of the activity.
        flags: What the search had to do.
        by_evidence_micro: Activity by evidence class, millionths; its uncertainty is left out where it is not given.

    Returns:
        The interval. An activity that is no measurement widens it.
    """
    activity = _activity_ln(by_evidence_micro)
    if factor.uncertainty_percent:
        half = float(factor.uncertainty_percent) / 100
        half = sqrt(half * half + (exp(activity) - 1) ** 2)
        return Spread(max(1 - half, 0.0), 1 + half, is_assumed=bool(activity), scores={})
    scores = _scores(factor, year, set(flags))
    ln_gsd2 = sqrt(sum(log(_FACTORS[name][score - 1]) ** 2 for name, score in scores.items()) + log(_BASIC) ** 2 + activity**2)
    return Spread(exp(-ln_gsd2), exp(ln_gsd2), is_assumed=True, scores=scores)


def interval_of_lines(lines: Iterable[Line], row: Callable[[str], EmissionFactor], basis: Basis = Basis.LOCATION) -> Interval:
    """The interval of the gross emissions of lines.

    Args:
        lines: Lines on both bases; the other basis and avoided lines are left out.
        row: The published row of a factor id.
        basis: Location or market.

    Returns:
        Errors of one factor added linearly, of different factors as the root of the sum of squares.
    """
    middle_ug = 0
    at_low: dict[str, float] = defaultdict(float)
    at_high: dict[str, float] = defaultdict(float)
    is_assumed = False
    for line in lines:
        if line.basis is not basis or line.is_avoided:
            continue
        spread = spread_of(row(line.factor_id), year=line.key.year, flags=line.flags, by_evidence_micro=line.by_evidence_micro)
        amount_ug = line.emissions.total_ug_co2e
        middle_ug += amount_ug
        at_low[line.factor_id] += amount_ug * (spread.low_ratio - 1)
        at_high[line.factor_id] += amount_ug * (spread.high_ratio - 1)
        is_assumed |= spread.is_assumed
    # What is less than zero (refunds) is lowest where its factor is high.
    down = [min(at_low[factor_id], at_high[factor_id]) for factor_id in at_low]
    up = [max(at_low[factor_id], at_high[factor_id]) for factor_id in at_low]
    low_ug = middle_ug - round(sqrt(sum(part * part for part in down)))
    high_ug = middle_ug + round(sqrt(sum(part * part for part in up)))
    return Interval(low_ug, high_ug, is_assumed)


def _activity_ln(by_evidence_micro: Mapping[EvidenceClass, int] | None) -> float:
    """Logarithm of the activity's own GSD2, by the size of its parts."""
    if not by_evidence_micro:
        return 0.0
    whole = sum(abs(part) for part in by_evidence_micro.values())
    if not whole:
        return 0.0
    score = sum(_ACTIVITY_SCORE[evidence] * abs(part) for evidence, part in by_evidence_micro.items()) / whole
    return log(_FACTORS["reliability"][round(score) - 1])


def _scores(factor: EmissionFactor, year: int, flags: set[str]) -> dict[str, int]:
    scores = {
        "reliability": 1 if Gas.CO2 in factor.published else 2,
        "collection": 2,
        "temporal": 1 if factor.life_cycle_scope is LifeCycleScope.AS_REPORTED else _temporal_score(abs(year - factor.year)),
        "geographical": 4 if "region_proxy" in flags else 2 if "region_widened" in flags else 1,
        "technological": _technological_score(factor, flags),
    }
    if factor.data_quality:
        published = dict(part.split("=", 1) for part in factor.data_quality.split(";"))
        scores |= {name: min(max(round(float(text)), 1), 5) for name, text in published.items() if name in scores}
    return scores


def _temporal_score(years: int) -> int:
    return 1 + sum(years >= limit for limit in _YEARS_OF_SCORE)


def _technological_score(factor: EmissionFactor, flags: set[str]) -> int:
    if "life_cycle_scope_differs" in flags or "category_map_low_confidence" in flags:
        return 4
    if flags & {"attribute_assumed", "attribute_widened", "category_mapped"}:
        return 3
    return 2 if factor.life_cycle_scope is LifeCycleScope.LIFE_CYCLE else 1
