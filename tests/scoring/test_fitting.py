"""Rows that fit: given attributes win, widening in its order, one publisher, one scope, the year as of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.factor import EmissionFactor, LifeCycleScope
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.published import PublishedRow
from scoring.fitting import Fitting, fitting_rows, row_of_year
from scoring.rule import KindRule, Wanted
from tests.scoring.sets import imported, row, set_of, source

OPERATION, LIFE_CYCLE = LifeCycleScope.OPERATION, LifeCycleScope.LIFE_CYCLE
RULE = KindRule(
    "car",
    (OPERATION, LIFE_CYCLE),
    publishers=("First", "Second"),
    home_publishers={"GB": ("Second",)},
    widening=(("size", "average"), ("powertrain", "unknown")),
)


def cars(publisher: str = "First", scope: str = "operation", *, edition: str = "2024") -> dict[str, str]:
    """Fields of a table of cars in g/km."""
    return {
        "publisher": publisher,
        "edition": edition,
        "kind": "car",
        "unit": "km",
        "published_unit": "g/km",
        "life_cycle_scope": scope,
    }


def set_with(*rows: PublishedRow, **more: dict[str, str]) -> FactorSet:
    """A factor set of the table "power", First's cars by operation, and further tables by their id."""
    tables = [source("power", **cars()), *(source(table_id, **fields) for table_id, fields in more.items())]
    return set_of(imported(*tables, rows=rows))


def car(region: str, year: int, co2: str, table_id: str = "power", /, **attributes: str) -> PublishedRow:
    """A car's row of so many grams of CO2 per kilometre."""
    return row(region, year, table_id, co2=co2, attributes=";".join(f"{name}={value}" for name, value in attributes.items()))


def wanted(rates: tuple[str, ...] = ("",), **attributes: str) -> Wanted:
    """A car with these attributes, all of them given."""
    return Wanted("car", "km", attributes, frozenset(attributes), rates=rates)


def found(factors: FactorSet, want: Wanted, region: str = "DE", rule: KindRule = RULE) -> Fitting:
    """What fits; something does."""
    fitting = fitting_rows(rule, factors, want, region)
    assert fitting is not None
    return fitting


def grams(row_found: EmissionFactor) -> str:
    """The published number of a row."""
    return next(iter(row_found.published.values()))


def test_exact_attributes_are_taken_before_wider_ones() -> None:
    """A row with every attribute as given is taken, and nothing is widened."""
    factors = set_with(
        car("DE", 2023, "1", powertrain="petrol", size="average"), car("DE", 2023, "2", powertrain="petrol", size="small")
    )
    fitting = found(factors, wanted(powertrain="petrol", size="small"))
    assert (grams(fitting.rows[0]), fitting.widened) == ("2", ())


def test_widening_goes_in_the_rules_order_and_is_told() -> None:
    """First the size becomes average, then the powertrain unknown, too; each is told with the value taken."""
    small_unknown = car("DE", 2023, "9", powertrain="unknown", size="small")
    factors = set_with(small_unknown, car("DE", 2023, "1", powertrain="petrol", size="average"))
    fitting = found(factors, wanted(powertrain="petrol", size="small"))
    assert (grams(fitting.rows[0]), fitting.widened) == ("1", (("size", "average"),))
    factors = set_with(small_unknown, car("DE", 2023, "2", powertrain="unknown", size="average"))
    fitting = found(factors, wanted(powertrain="petrol", size="small"))
    assert (grams(fitting.rows[0]), fitting.widened) == ("2", (("size", "average"), ("powertrain", "unknown")))


def test_attribute_that_is_general_already_is_no_widening() -> None:
    """A car of average size is not told to be widened to the average size."""
    factors = set_with(car("DE", 2023, "2", powertrain="unknown", size="average"))
    assert found(factors, wanted(powertrain="petrol", size="average")).widened == (("powertrain", "unknown"),)


def test_nothing_fits_where_even_the_widest_is_missing() -> None:
    """Without a row of the average car nothing is taken, least of all a row of something else."""
    factors = set_with(car("DE", 2023, "2", powertrain="electric", size="small"))
    assert fitting_rows(RULE, factors, wanted(powertrain="petrol", size="small"), "DE") is None


@pytest.mark.parametrize("region", ["FR", "WORLD/europe"])
def test_region_is_exact(region: str) -> None:
    """Rows of another region never fit: widening the place is the search's."""
    factors = set_with(car("DE", 2023, "2", powertrain="petrol"))
    assert fitting_rows(RULE, factors, wanted(powertrain="petrol"), region) is None


def test_another_unit_does_not_fit() -> None:
    """A row per kilometre is none per passenger-kilometre."""
    factors = set_with(car("DE", 2023, "2", powertrain="petrol"))
    assert fitting_rows(RULE, factors, Wanted("car", "pkm", {"powertrain": "petrol"}), "DE") is None


@pytest.mark.parametrize("value", ["%", "_etrol", "petro_", "PETROL", "petrol%", ""])
def test_no_value_matches_by_wildcard(value: str) -> None:
    """An attribute fits where it is equal, character by character."""
    factors = set_with(car("DE", 2023, "2", powertrain="petrol"))
    assert fitting_rows(RULE, factors, wanted(powertrain=value), "DE") is None


def test_row_that_says_more_of_what_was_given_wins() -> None:
    """Of a general row and one that names the given fuel the latter is taken, wherever it stands."""
    rows = [car("DE", 2023, "1", blend="average"), car("DE", 2023, "2", blend="average", fuel="petrol")]
    for order in (rows, rows[::-1]):
        assert grams(found(set_with(*order), wanted(blend="average", fuel="petrol")).rows[0]) == "2"


def test_given_attribute_wins_over_an_assumed_one() -> None:
    """A row that matches what was said is taken before a row that matches what was assumed."""
    rows = [car("DE", 2023, "1", size="average"), car("DE", 2023, "2", powertrain="petrol")]
    said = Wanted("car", "km", {"size": "average", "powertrain": "petrol"}, frozenset({"powertrain"}))
    for order in (rows, rows[::-1]):
        assert grams(found(set_with(*order), said).rows[0]) == "2"


def test_rate_that_does_not_fit_is_left_out() -> None:
    """A table's other rates are not the rate asked for."""
    rows = [row("DE", 2023, co2="1"), row("DE", 2024, co2="2", rate="managed_assets")]
    assert found(set_with(*rows), wanted()).years == (2023,)
    assert found(set_with(*rows), wanted(rates=("", "managed_assets"))).years == (2023, 2024)


def test_preferred_publisher_wins_over_newer_years() -> None:
    """Publishers are never mixed by year: the preferred one answers for all years."""
    rows = [car("DE", 2023, "1", "second"), car("DE", 2020, "2")]
    fitting = found(set_with(*rows, second=cars("Second")), wanted())
    assert (fitting.years, fitting.rows[0].publisher) == ((2020,), "First")


def test_regions_own_authority_comes_first_at_home() -> None:
    """Great Britain's own publisher is preferred there, and only there."""
    rows = [car(region, 2023, "1", table) for region in ("GB", "DE") for table in ("power", "second")]
    factors = set_with(*rows, second=cars("Second"))
    assert [found(factors, wanted(), region).rows[0].publisher for region in ("GB", "DE")] == ["Second", "First"]


def test_own_factors_win_over_every_publisher() -> None:
    """What a user imported for a place is used there before any publisher's rate."""
    rows = [car("DE", 2023, "1"), car("DE", 2020, "2", "own")]
    assert [one.publisher for one in found(set_with(*rows, own=cars("Own factors")), wanted()).rows] == ["Own factors"]


def test_publisher_that_is_not_named_comes_last_by_admission() -> None:
    """Where no preferred publisher has a row, the first admitted of the others answers alone."""
    rows = [car("DE", 2022, "1", "other"), car("DE", 2023, "2", "third")]
    fitting = found(set_with(*rows, other=cars("Other"), third=cars("Third")), wanted())
    assert [one.publisher for one in fitting.rows] == ["Other"]


def test_scopes_are_never_mixed_by_year() -> None:
    """The matching scope answers for all years though another one has newer rows; alone, the other is given as it is."""
    rows = [car("DE", 2020, "1"), car("DE", 2023, "2", "whole")]
    factors = set_with(*rows, whole=cars(scope="life_cycle"))
    assert (found(factors, wanted()).years, found(factors, wanted()).scope) == ((2020,), OPERATION)
    alone = found(set_with(rows[1], whole=cars(scope="life_cycle")), wanted())
    assert (alone.years, alone.scope) == ((2023,), LIFE_CYCLE)


def test_scope_that_the_rule_does_not_name_is_never_used() -> None:
    """A row of supplying the fuel is no row of driving."""
    assert fitting_rows(RULE, set_with(car("DE", 2023, "1", "supply"), supply=cars(scope="upstream")), wanted(), "DE") is None


def test_row_by_gas_wins_over_co2e_and_the_newest_admitted_of_equals() -> None:
    """Of one year the rows by gas come before CO2e alone; of these the newest edition."""
    rows = [row("DE", 2023, co2="1"), row("DE", 2023, "later", co2="2"), row("DE", 2023, "latest", co2e="3")]
    factors = set_with(*rows, later=cars(edition="2025"), latest=cars(edition="2026"))
    assert grams(found(factors, wanted()).rows[0]) == "2"


@given(st.sets(st.integers(2000, 2030), min_size=1, max_size=6), st.integers(1990, 2040))
def test_year_as_of(years: set[int], year: int) -> None:
    """The year itself, else the newest earlier, else the nearest later."""
    rows = tuple(
        EmissionFactor("p", "e", "t", "car", "km", "DE", one, {}, "g/km", "", OPERATION, "", "", "") for one in sorted(years)
    )
    fitting = Fitting(tuple(sorted(years)), rows, OPERATION, ())
    earlier = [one for one in years if one <= year]
    assert row_of_year(fitting, year).year == (max(earlier) if earlier else min(years))
