"""Statements and shares."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.activity import ActivityKey, EvidenceClass
from domain.errors import InputError
from domain.factor import Basis, FactorSetId, GasSplit, GwpSet, Part
from domain.period import Month, MonthRange
from domain.statement import Line, Statement, Unscored
from scoring.net import (
    METHOD,
    evidence_ppm,
    gwp_set_of,
    make_statement,
    method_name,
    split_by_largest_remainder,
    split_shares_ug,
)

KEY = ActivityKey("electricity", "DE", 2023, "kWh")
SET = FactorSetId(1, "00" * 32)
MARCH = Month(2023, 3)


def line(
    amount_ug: int, basis: Basis = Basis.LOCATION, *, month: Month = MARCH, key: ActivityKey = KEY, is_avoided: bool = False
) -> Line:
    """A line with this amount, half typed and half fetched."""
    evidence = {EvidenceClass.TYPED: 500, EvidenceClass.FETCHED_BY_CONNECTOR: 500}
    scope = 0 if is_avoided else 2
    return Line(month, key, basis, 1000, evidence, "f" * 16, "AR5", GasSplit(amount_ug, 0, 0, 0, 7), scope, 0, is_avoided, ())


def statement(*lines: Line, retired_g_co2e: int = 0, unscored: tuple[Unscored, ...] = ()) -> Statement:
    """The first statement of March 2023 over these lines."""
    period = MonthRange.of_month(MARCH)
    return make_statement(
        period=period, revision=1, lines=lines, unscored=unscored, factor_set=SET, retired_g_co2e=retired_g_co2e
    )


def test_totals_keep_the_bases_apart() -> None:
    """Gross by location and by market, avoided outside both, net = market less retired."""
    totals = statement(
        line(5_000_000),
        line(3_000_000, Basis.MARKET),
        line(900, key=ActivityKey("electricity_export", "DE", 2023, "kWh"), is_avoided=True),
        retired_g_co2e=4,
    ).totals
    assert (totals.gross_location_ug_co2e, totals.gross_market_ug_co2e, totals.avoided_ug_co2e) == (5_000_000, 3_000_000, 900)
    assert totals.net_ug_co2e == -1_000_000
    assert totals.biogenic_co2_ug == 7


def test_order_of_lines_does_not_matter() -> None:
    """A statement is the same whatever order its lines came in."""
    first, second = line(1), line(2, Basis.MARKET)
    assert statement(first, second) == statement(second, first)


def test_sums_beyond_64_bits_are_exact() -> None:
    """Totals over lines are Python integers: they never wrap."""
    other = ActivityKey("electricity", "FR", 2023, "kWh")
    assert statement(line(2**63 - 1), line(2**63 - 1, key=other)).totals.gross_location_ug_co2e == 2**64 - 2


def test_unscored_is_counted() -> None:
    """What no factor fits is in the statement and its count."""
    missing = Unscored(MARCH, ActivityKey("natural_gas", "DE", 2023, "m3"), 5, "no factor")
    assert statement(unscored=(missing,)).totals.unscored_count == 1


def test_line_outside_the_period_is_refused() -> None:
    """A line of April is no line of March."""
    with pytest.raises(InputError, match=r"outside the statement's period; expected 2023-03; got 2023-04"):
        statement(line(1, month=Month(2023, 4)))


def test_line_that_stands_twice_is_refused() -> None:
    """The same month, key, part and basis twice would count twice."""
    with pytest.raises(InputError, match=r"stands twice; got electricity in DE, 2023-03, use, location"):
        statement(line(1), line(2))


def test_parts_of_one_activity_are_no_twins() -> None:
    """What the grid lost stands beside what was used: in the order of the parts, in both sums."""
    loss = replace(line(2), part=Part.GRID_LOSS, scope=3, category=3)
    found = statement(loss, line(1))
    assert [one.part for one in found.lines] == [Part.USE, Part.GRID_LOSS]
    assert found.totals.gross_location_ug_co2e == 3


@pytest.mark.parametrize("gwp_set", list(GwpSet))
def test_method_names_its_gwp_set(gwp_set: GwpSet) -> None:
    """A method's name says the set that gases are weighted with, and is read back."""
    assert gwp_set_of(method_name(gwp_set)) is gwp_set


def test_method_of_the_default_set_is_bare() -> None:
    """AR5 is not written; AR6 stands behind the method."""
    assert (method_name(GwpSet.AR5), method_name(GwpSet.AR6)) == (METHOD, f"{METHOD}+AR6") == ("cf-method/2", "cf-method/2+AR6")


@pytest.mark.parametrize("method", ["cf-method/2+AR9", "cf-method/2+ar5", "cf-method/2+AR5+AR6"])
def test_method_with_an_unknown_set_is_refused(method: str) -> None:
    """A set that there is not is refused with those that there are."""
    with pytest.raises(InputError) as caught:
        gwp_set_of(method)
    assert caught.value.sentence() == f"This method names no GWP set; expected one of AR4, AR5, AR6; got {method}"


def test_negative_retirement_is_refused() -> None:
    """Credits cannot be retired below zero."""
    with pytest.raises(InputError, match="expected retired credits of zero or more; got -1"):
        statement(retired_g_co2e=-1)


def test_evidence_shares_add_up_and_leave_out_market_and_avoided() -> None:
    """Shares of the location basis: half and half here, a million in all."""
    lines = [line(10), line(10**9, Basis.MARKET), line(10**9, is_avoided=True)]
    assert evidence_ppm(lines) == {EvidenceClass.TYPED: 500_000, EvidenceClass.FETCHED_BY_CONNECTOR: 500_000}


def test_nothing_emitted_has_no_evidence_shares() -> None:
    """Without emissions there is nothing to share."""
    assert evidence_ppm([line(0)]) == {}


@given(st.integers(0, 10**18), st.lists(st.integers(0, 10**12), min_size=1, max_size=20).filter(any))
def test_shares_add_up_and_are_within_one(whole: int, weights: list[int]) -> None:
    """Largest remainder: the parts sum to the whole, each within one of its exact share."""
    parts = split_by_largest_remainder(whole, weights)
    assert sum(parts) == whole
    assert all(abs(part - Fraction(whole * weight, sum(weights))) < 1 for part, weight in zip(parts, weights, strict=True))


def test_remainders_decide_and_the_first_wins_a_tie() -> None:
    """Three equal thirds of 100 are 34, 33, 33."""
    assert split_by_largest_remainder(100, [1, 1, 1]) == (34, 33, 33)
    assert split_by_largest_remainder(10, [2, 3, 5]) == (2, 3, 5)


def test_shares_without_weight_are_refused() -> None:
    """All zero weights have no shares."""
    with pytest.raises(InputError, match="weights of zero or more, not all zero"):
        split_by_largest_remainder(10, [0, 0])


@given(
    st.integers(-(10**15), 10**15),
    st.dictionaries(st.text(), st.integers(-(10**9), 10**9), min_size=1).filter(lambda d: any(d.values())),
)
def test_shown_shares_of_a_line_add_up_to_it(amount_ug: int, parts: dict[str, int]) -> None:
    """Whatever is shown per activity adds up to the line, also for refunds."""
    assert sum(split_shares_ug(amount_ug, parts).values()) == amount_ug
