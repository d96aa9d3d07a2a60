"""The one multiplication: exact, additive, independent of order, and never silently out of range."""

from collections.abc import Sequence
from fractions import Fraction
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import ActivityKey, EvidenceClass
from domain.errors import InputError, LineOverflowError
from domain.factor import Basis, CompiledFactor, GasSplit, Part, Resolution
from domain.number import INT64_MAX, round_half_away
from domain.period import Month
from domain.statement import ActivityTotal
from domain.units import to_canonical_micro
from scoring.arithmetic import line_emissions, line_ug
from scoring.factors.compile import MAX_UG_PER_UNIT
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set
from scoring.lines import make_lines
from scoring.resolve import resolve

QUANTITIES = st.integers(-(10**15), 10**15)
FACTORS = st.integers(0, MAX_UG_PER_UNIT)
CAMX_2023 = ActivityKey("electricity", "US/zip/94110", 2023, "kWh")


def total(key: ActivityKey, quantity_micro: int, month: str = "2023-03") -> ActivityTotal:
    """An activity total, all of it fetched by a connector."""
    by_evidence = {EvidenceClass.FETCHED_BY_CONNECTOR: quantity_micro}
    return ActivityTotal(Month.from_text(month), key, quantity_micro, by_evidence, 1)


def compiled(split: GasSplit) -> CompiledFactor:
    """A factor with these micrograms per unit."""
    row = shipped_factor_set().of_kind("reported_emissions")[0]
    return CompiledFactor(row, split, "AR5")


@given(st.integers(-INT64_MAX, INT64_MAX), FACTORS)
def test_line_is_the_exact_product_rounded_half_away(quantity_micro: int, factor_ug: int) -> None:
    """The 64-bit form gives what fractions give, and refuses exactly what does not fit."""
    exact = round_half_away(Fraction(quantity_micro * factor_ug, 10**6))
    if abs(exact) > INT64_MAX:
        with pytest.raises(LineOverflowError):
            line_ug(quantity_micro, factor_ug)
    else:
        assert line_ug(quantity_micro, factor_ug) == exact


@pytest.mark.parametrize(
    ("quantity_micro", "want_ug"), [(500_000, 1), (499_999, 0), (-500_000, -1), (1_500_000, 2), (2_500_000, 3), (-2_500_000, -3)]
)
def test_half_is_rounded_away_from_zero(quantity_micro: int, want_ug: int) -> None:
    """Ties go away from zero on both sides."""
    assert line_ug(quantity_micro, 1) == want_ug


def test_largest_line_fits_and_the_next_does_not() -> None:
    """2^63 - 1 micrograms is a line; one more is refused by name."""
    assert line_ug(INT64_MAX, 1_000_000) == INT64_MAX
    assert line_ug(-INT64_MAX, 1_000_000) == -INT64_MAX
    with pytest.raises(LineOverflowError, match=r"below 2\^63; got 9223372036854775807 millionths x 1000001 ug; in March"):
        line_ug(INT64_MAX, 1_000_001, record="March")
    with pytest.raises(LineOverflowError):
        line_ug(INT64_MAX + 1, 0)


def test_part_of_a_unit_with_the_largest_factor_stays_in_64_bits() -> None:
    """(10^6 - 1) x f + 500000 is below 2^63 for the largest factor."""
    assert 999_999 * MAX_UG_PER_UNIT + 500_000 <= INT64_MAX


@given(st.lists(QUANTITIES, min_size=1, max_size=30), st.integers(0, 10**9))
def test_sum_first_differs_from_row_by_row_by_less_than_the_rows(quantities: list[int], factor_ug: int) -> None:
    """Rounding once is within half a microgram; rounding each row adds half a microgram per row at most."""
    exact = Fraction(sum(quantities) * factor_ug, 10**6)
    assert abs(line_ug(sum(quantities), factor_ug) - exact) <= Fraction(1, 2)
    row_by_row = sum(line_ug(quantity, factor_ug) for quantity in quantities)
    assert abs(row_by_row - exact) <= Fraction(len(quantities), 2)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 10**6).map(lambda n: n * 10**6))
def test_whole_gram_factors_are_additive(first_micro: int, second_micro: int, factor_ug: int) -> None:
    """With a factor of whole grams per unit nothing is rounded: f(a + b) = f(a) + f(b)."""
    assert line_ug(first_micro + second_micro, factor_ug) == line_ug(first_micro, factor_ug) + line_ug(second_micro, factor_ug)


@given(st.integers(0, 10**9), FACTORS)
def test_unit_of_the_bill_does_not_matter(whole: int, factor_ug: int) -> None:
    """Megawatt-hours, kilowatt-hours and megajoules of one energy give one line."""
    amounts = [(Fraction(whole, 1000), "MWh"), (Fraction(whole), "kWh"), (Fraction(whole * 36, 10), "MJ")]
    micros = [to_canonical_micro(amount, unit).quantity_micro for amount, unit in amounts]
    assert len(set(micros)) == 1
    if micros[0] * factor_ug // 10**6 < INT64_MAX:
        assert line_ug(micros[0], factor_ug) == round_half_away(Fraction(whole * factor_ug))


@given(st.lists(QUANTITIES, min_size=2, max_size=6), st.randoms())
def test_order_of_totals_does_not_matter(quantities: list[int], chance: object) -> None:
    """Totals in any order give the same lines."""
    totals = [total(CAMX_2023, quantity, f"2023-{number:02d}") for number, quantity in enumerate(quantities, start=1)]
    shuffled = list(totals)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis gives random.Random
    choose = partial(_resolve, factors=shipped_factor_set())
    assert make_lines(shuffled, choose) == make_lines(totals, choose)


@given(QUANTITIES, st.lists(st.integers(0, 10**9), min_size=4, max_size=4))
def test_gases_sum_to_the_total(quantity_micro: int, per_unit: Sequence[int]) -> None:
    """The split adds up to the line's total, whatever is rounded."""
    split = line_emissions(quantity_micro, compiled(GasSplit(*per_unit)))
    assert split.total_ug_co2e == split.co2_ug + split.ch4_ug + split.n2o_ug + split.unsplit_ug
    assert split.co2_ug == line_ug(quantity_micro, per_unit[0])


def test_total_over_64_bits_is_refused() -> None:
    """Gases that fit alone and not together are refused."""
    half = GasSplit(600_000, 600_000, 0, 0)
    with pytest.raises(LineOverflowError, match=r"expected a line below 2\^63 ug"):
        line_emissions(INT64_MAX, compiled(half))


def test_bill_of_march_is_the_published_rate(factors: FactorSet) -> None:
    """350 kWh in San Francisco in 2023: eGRID2023 CAMX with AR5, both bases, 69,559.52395 g."""
    lines, unscored = make_lines([total(CAMX_2023, 350_000_000)], partial(_resolve, factors=factors))
    assert unscored == ()
    uses = [line for line in lines if line.part is Part.USE]
    assert [(line.basis, line.emissions.total_ug_co2e, line.scope, line.category) for line in uses] == [
        (Basis.LOCATION, 69_559_523_950, 2, 0),
        (Basis.MARKET, 69_559_523_950, 2, 0),
    ]
    assert [line.flags for line in uses] == [("upstream_not_held",), ("no_residual_mix", "upstream_not_held")]


def test_grid_loss_is_a_line_of_its_own(factors: FactorSet) -> None:
    """4.1 % of what is generated does not arrive: 41/959 of the rate, 8,496,769 ug/kWh, in scope 3, category 3."""
    lines, _ = make_lines([total(CAMX_2023, 350_000_000)], partial(_resolve, factors=factors))
    losses = [line for line in lines if line.part is Part.GRID_LOSS]
    assert [(line.basis, line.emissions.total_ug_co2e, line.scope, line.category, line.scale) for line in losses] == [
        (basis, 2_973_869_150, 3, 3, Fraction(41, 959)) for basis in Basis
    ]
    assert {line.factor_id for line in lines} == {losses[0].factor_id}
    assert {line.quantity_micro for line in losses} == {350_000_000}


def test_lines_are_sorted_by_month_key_part_and_basis(factors: FactorSet) -> None:
    """Parts stand in their own order, each on both bases."""
    totals = [total(CAMX_2023, 10**6, month) for month in ("2023-04", "2023-03")]
    lines, _ = make_lines(totals, partial(_resolve, factors=factors))
    assert [(line.month.number, line.part, line.basis) for line in lines] == [
        (month, part, basis) for month in (3, 4) for part in (Part.USE, Part.GRID_LOSS) for basis in Basis
    ]


def test_export_is_one_avoided_line(factors: FactorSet) -> None:
    """Exported electricity stands on the location basis alone, positive, avoided, in scope 0."""
    lines, _ = make_lines(
        [total(ActivityKey("electricity_export", "DE", 2023, "kWh"), 10**6)], partial(_resolve, factors=factors)
    )
    assert [(line.basis, line.is_avoided, line.scope, line.emissions.total_ug_co2e) for line in lines] == [
        (Basis.LOCATION, True, 0, 362_920_000)
    ]


def test_gas_of_another_country_is_scored_and_flagged(factors: FactorSet) -> None:
    """A cubic metre of gas in Germany takes the UK's factor, flagged, in scope 1; its supply in scope 3, category 3."""
    lines, unscored = make_lines([total(ActivityKey("natural_gas", "DE", 2023, "m3"), 10**6)], partial(_resolve, factors=factors))
    assert unscored == ()
    location = [line for line in lines if line.basis is Basis.LOCATION]
    assert [(line.part, line.emissions.total_ug_co2e, line.scope, line.category, line.flags) for line in location] == [
        (Part.USE, 2_038_390_310, 1, 0, ("region_proxy",)),
        (Part.UPSTREAM, 336_600_000, 3, 3, ("co2e_only",)),
    ]


def test_what_no_factor_fits_is_unscored_not_zero(factors: FactorSet) -> None:
    """A kilogram of steam is counted with its reason, and gives no line."""
    lines, unscored = make_lines([total(ActivityKey("steam", "DE", 2023, "kg"), 10**6)], partial(_resolve, factors=factors))
    assert lines == ()
    assert [(found.quantity_micro, found.key.kind) for found in unscored] == [(10**6, "steam")]
    assert "never as zero" in unscored[0].reason


def test_evidence_that_does_not_add_up_is_refused(factors: FactorSet) -> None:
    """Parts by evidence that miss their total are refused, naming the line."""
    wrong = ActivityTotal(Month(2023, 3), CAMX_2023, 10, {EvidenceClass.TYPED: 9}, 1)
    with pytest.raises(InputError, match=r"expected 10; got 9; in electricity in US/zip/94110, 2023-03"):
        make_lines([wrong], partial(_resolve, factors=factors))


def _resolve(key: ActivityKey, basis: Basis, *, factors: FactorSet) -> Resolution:
    return resolve(key, factors, basis)
