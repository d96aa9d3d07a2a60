"""How sure a number is: pedigree scores, published half-widths, and how errors add."""

from dataclasses import replace
from math import exp, log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import ActivityKey, EvidenceClass
from domain.factor import Basis, EmissionFactor, Gas, GasSplit, LifeCycleScope
from domain.period import Month
from domain.statement import Line
from scoring.uncertainty import Interval, interval_of_lines, spread_of

FACTOR = EmissionFactor(
    publisher="Power Board",
    edition="2024",
    table="Table 1",
    kind="electricity",
    unit="kWh",
    region="DE",
    year=2023,
    published={Gas.CO2: "400"},
    published_unit="g/kWh",
    gwp_set="",
    life_cycle_scope=LifeCycleScope.GENERATION,
    rate="",
    source_url="",
    licence="",
)
PUBLISHED_10 = replace(FACTOR, uncertainty_percent="10")
INDICATORS = ("reliability", "collection", "temporal", "geographical", "technological")
# Frischknecht et al. 2005 (ecoinvent report 1), table 7.2; a blank cell takes the next worse value. Basic uncertainty 1.05.
TABLE = {
    "reliability": (1.00, 1.05, 1.10, 1.20, 1.50),
    "collection": (1.00, 1.02, 1.05, 1.10, 1.20),
    "temporal": (1.00, 1.03, 1.10, 1.20, 1.50),
    "geographical": (1.00, 1.01, 1.02, 1.10, 1.10),
    "technological": (1.00, 1.20, 1.20, 1.50, 2.00),
}
SCORES = st.fixed_dictionaries({name: st.integers(1, 5) for name in INDICATORS})


def scored(scores: dict[str, int]) -> EmissionFactor:
    """A factor with these published quality scores."""
    return replace(FACTOR, data_quality=";".join(f"{name}={score}" for name, score in scores.items()))


def line(
    amount_ug: int,
    factor: EmissionFactor = FACTOR,
    *,
    basis: Basis = Basis.LOCATION,
    evidence: EvidenceClass = EvidenceClass.SIGNED_CHANNEL,
    is_avoided: bool = False,
    month: int = 3,
) -> Line:
    """A line of this factor with this amount; its activity is measured and certain."""
    return Line(
        month=Month(2023, month),
        key=ActivityKey("electricity", "DE", 2023, "kWh"),
        basis=basis,
        quantity_micro=1000,
        by_evidence_micro={evidence: 1000},
        factor_id=factor.factor_id,
        gwp_set="AR5",
        emissions=GasSplit(amount_ug, 0, 0, 0),
        scope=2,
        category=0,
        is_avoided=is_avoided,
        flags=(),
    )


def interval(*lines: Line, factors: tuple[EmissionFactor, ...] = (FACTOR,), basis: Basis = Basis.LOCATION) -> Interval:
    """The interval of lines of these factors."""
    return interval_of_lines(lines, {one.factor_id: one for one in factors}.__getitem__, basis)


def test_published_half_width_is_used_as_it_is() -> None:
    """A publisher's 10 % is 10 % on both sides, whatever year, flags and scores say, and not assumed."""
    assert spread_of(replace(PUBLISHED_10, data_quality="reliability=5"), year=1999, flags=["region_proxy"]) == spread_of(
        PUBLISHED_10, year=2023
    )
    spread = spread_of(PUBLISHED_10, year=2023)
    assert (spread.low_ratio, spread.high_ratio, spread.is_assumed, dict(spread.scores)) == (0.9, 1.1, False, {})


def test_published_zero_is_no_uncertainty() -> None:
    """A published half-width of 0 % is certain, not unknown."""
    spread = spread_of(replace(FACTOR, uncertainty_percent="0"), year=2023)
    assert (spread.low_ratio, spread.high_ratio, spread.is_assumed) == (1.0, 1.0, False)


def test_published_half_width_above_the_whole_ends_at_zero() -> None:
    """Emissions of 100 g plus or minus 150 % do not fall below nothing."""
    assert spread_of(replace(FACTOR, uncertainty_percent="150"), year=2023).low_ratio == 0.0


@given(SCORES)
def test_scores_are_the_pedigree_matrix(scores: dict[str, int]) -> None:
    """Published scores become GSD2 by the table: exp of the root of the sum of squared logarithms, basic 1.05 in it."""
    spread = spread_of(scored(scores), year=1990, flags=["region_proxy"])
    want = exp(sqrt(sum(log(TABLE[name][score - 1]) ** 2 for name, score in scores.items()) + log(1.05) ** 2))
    assert spread.high_ratio == pytest.approx(want, rel=1e-12)
    assert spread.low_ratio == pytest.approx(1 / want, rel=1e-12)
    assert (spread.is_assumed, dict(spread.scores)) == (True, scores)


@given(SCORES, st.sampled_from(INDICATORS))
def test_worse_score_is_never_narrower(scores: dict[str, int], name: str) -> None:
    """One score one worse widens the interval or leaves it."""
    if scores[name] < 5:
        better, worse = (spread_of(scored(one), year=2023) for one in (scores, {**scores, name: scores[name] + 1}))
        assert worse.high_ratio >= better.high_ratio
        assert worse.low_ratio <= better.low_ratio


def test_best_scores_leave_the_basic_uncertainty() -> None:
    """All ones are GSD2 1.05: about 5 % up."""
    spread = spread_of(scored(dict.fromkeys(INDICATORS, 1)), year=2023)
    assert spread.high_ratio == pytest.approx(1.05, rel=1e-12)


@pytest.mark.parametrize(("text", "score"), [("2.4", 2), ("2.6", 3), ("0.2", 1), ("7", 5)])
def test_published_scores_are_rounded_into_the_scale(text: str, score: int) -> None:
    """A mean score is rounded, and stays in 1 to 5."""
    assert spread_of(replace(FACTOR, data_quality=f"reliability={text}"), year=2023).scores["reliability"] == score


@pytest.mark.parametrize(
    ("years", "score"), [(0, 1), (2, 1), (3, 2), (5, 2), (6, 3), (9, 3), (10, 4), (14, 4), (15, 5), (40, 5), (-3, 2)]
)
def test_age_is_a_temporal_score(years: int, score: int) -> None:
    """Less than 3, 6, 10, 15 years apart in either direction, or more: scores 1 to 5 (pedigree matrix)."""
    assert spread_of(FACTOR, year=2023 + years).scores["temporal"] == score


def test_what_a_source_says_itself_does_not_age() -> None:
    """The identity row is a kilogram for a kilogram in every year."""
    assert spread_of(replace(FACTOR, life_cycle_scope=LifeCycleScope.AS_REPORTED), year=2060).scores["temporal"] == 1


@pytest.mark.parametrize(
    ("flag", "name", "score"),
    [
        ("region_widened", "geographical", 2),
        ("region_proxy", "geographical", 4),
        ("attribute_assumed", "technological", 3),
        ("attribute_widened", "technological", 3),
        ("life_cycle_scope_differs", "technological", 4),
    ],
)
def test_what_the_search_had_to_do_is_a_score(flag: str, name: str, score: int) -> None:
    """Widening, standing in and assuming are worse than an exact row, and widen the interval."""
    exact, flagged = spread_of(FACTOR, year=2023), spread_of(FACTOR, year=2023, flags=[flag])
    assert exact.scores[name] == 1
    assert flagged.scores[name] == score
    assert flagged.high_ratio > exact.high_ratio


@pytest.mark.parametrize(("evidence", "is_wider"), [(EvidenceClass.TYPED, True), (EvidenceClass.FETCHED_BY_CONNECTOR, False)])
def test_typed_activity_widens_the_interval(evidence: EvidenceClass, is_wider: bool) -> None:  # noqa: FBT001 - a column of the table
    """What somebody typed is less sure than what a connector fetched, which adds nothing; refunds count by their size."""
    plain = spread_of(PUBLISHED_10, year=2023)
    for micro in (5, -5):
        found = spread_of(PUBLISHED_10, year=2023, by_evidence_micro={evidence: micro})
        assert (found.high_ratio > plain.high_ratio, found.is_assumed) == (is_wider, is_wider)


def test_activity_of_nothing_adds_nothing() -> None:
    """A month of 0 kWh has no uncertainty of its own."""
    assert spread_of(FACTOR, year=2023, by_evidence_micro={EvidenceClass.TYPED: 0}) == spread_of(FACTOR, year=2023)


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=8))
def test_errors_of_one_factor_add_linearly(amounts: list[int]) -> None:
    """Twelve months of one factor are as unsure together as one bill of the year."""
    found = interval(*(line(amount, PUBLISHED_10) for amount in amounts), factors=(PUBLISHED_10,))
    assert found.high_ug_co2e - sum(amounts) == pytest.approx(sum(amounts) * 0.1, abs=1)
    assert sum(amounts) - found.low_ug_co2e == pytest.approx(sum(amounts) * 0.1, abs=1)
    assert not found.is_assumed


def test_errors_of_different_factors_combine_by_root_of_squares() -> None:
    """10 % of 300 and 10 % of 400: 30 and 40 are 50, not 70 (IPCC 2006, volume 1, equation 3.2)."""
    other = replace(PUBLISHED_10, region="FR")
    found = interval(line(300, PUBLISHED_10), line(400, other), factors=(PUBLISHED_10, other))
    assert found == Interval(650, 750, is_assumed=False)


def test_certificate_cancels_the_error_of_its_electricity() -> None:
    """What a certificate takes away takes its uncertainty along: it is the same factor with the opposite sign."""
    lines = [line(1000, PUBLISHED_10, basis=Basis.MARKET), line(-1000, PUBLISHED_10, basis=Basis.MARKET)]
    assert interval(*lines, factors=(PUBLISHED_10,), basis=Basis.MARKET) == Interval(0, 0, is_assumed=False)


def test_offsets_market_and_avoided_do_not_matter() -> None:
    """The interval is that of gross emissions on one basis: what is avoided or on the other basis is not in it."""
    alone = interval(line(1000, PUBLISHED_10), factors=(PUBLISHED_10,))
    beside = [line(10**9, PUBLISHED_10, is_avoided=True), line(10**9, PUBLISHED_10, basis=Basis.MARKET)]
    assert interval(line(1000, PUBLISHED_10), *beside, factors=(PUBLISHED_10,)) == alone == Interval(900, 1100, is_assumed=False)


def test_refund_turns_its_interval_over() -> None:
    """A refund of 1000 is between the same two ends with a minus: its low end is the larger size."""
    charge, refund = interval(line(10**9)), interval(line(-(10**9)))
    assert (refund.low_ug_co2e, refund.high_ug_co2e) == (-charge.high_ug_co2e, -charge.low_ug_co2e)


def test_nothing_is_certain() -> None:
    """Without lines the interval is zero to zero."""
    assert interval() == Interval(0, 0, is_assumed=False)


@given(st.lists(st.tuples(st.integers(0, 10**12), st.sampled_from([FACTOR, PUBLISHED_10])), max_size=8))
def test_middle_is_inside(parts: list[tuple[int, EmissionFactor]]) -> None:
    """The gross emissions lie in their interval, whose low end is never below zero for emissions of zero or more."""
    found = interval(*(line(amount, factor) for amount, factor in parts), factors=(FACTOR, PUBLISHED_10))
    assert found.low_ug_co2e <= sum(amount for amount, _ in parts) <= found.high_ug_co2e
    assert found.low_ug_co2e >= 0
