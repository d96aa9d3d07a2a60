"""What differs between two collections of rows."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from domain.factor import EmissionFactor, Gas, LifeCycleScope
from scoring.factors.difference import differences, vintage_changes

ROW = EmissionFactor(
    publisher="P",
    edition="1",
    table="T",
    kind="electricity",
    unit="kWh",
    region="DE",
    year=2020,
    published={Gas.CO2E: "100"},
    published_unit="g/kWh",
    gwp_set="AR5",
    life_cycle_scope=LifeCycleScope.GENERATION,
    rate="",
    source_url="",
    licence="",
)


def row(number: str = "100", *, year: int = 2020, region: str = "DE", unit: str = "g/kWh") -> EmissionFactor:
    """A row with this number."""
    return replace(ROW, published={Gas.CO2E: number}, year=year, region=region, published_unit=unit)


def test_equal_rows_do_not_differ() -> None:
    """Order does not matter."""
    rows = [row(), row(year=2021), row(region="FR")]
    assert differences(rows, rows[::-1]) == ()


def test_added_removed_and_changed_are_counted() -> None:
    """One of each, in one table."""
    found = differences([row("100"), row(region="FR")], [row("110"), row(region="IT")])
    assert [(one.publisher, one.table, one.kind) for one in found] == [("P", "T", "electricity")]
    assert (found[0].added_count, found[0].removed_count, found[0].changed_count, found[0].large_changes) == (1, 1, 1, ())


def test_a_quarter_is_quiet_and_more_is_named() -> None:
    """25 % is counted; 26 % is told with both numbers; another edition is the same thing."""
    assert differences([row("100")], [row("125")])[0].large_changes == ()
    found = differences([row("100")], [replace(row("126"), edition="2")])[0]
    assert found.large_changes == ("P electricity DE co2e (2020) moved from 100 to 126",)


def test_from_zero_is_a_large_change() -> None:
    """Nothing is a quarter of zero."""
    assert differences([row("0")], [row("0.1")])[0].large_changes == ("P electricity DE co2e (2020) moved from 0 to 0.1",)


def test_numbers_in_other_units_are_not_compared() -> None:
    """100 g and 0.1 kg are no change of 99.9 %."""
    found = differences([row("100")], [row("0.1", unit="kg/kWh")])[0]
    assert (found.changed_count, found.large_changes) == (1, ())


def test_vintage_is_compared_with_the_newest_earlier_one() -> None:
    """2023 is compared with 2022, not with 2020, and never with a later year."""
    installed = [row("50", year=2020), row("100", year=2022), row("10", year=2025)]
    assert vintage_changes(installed, [row("110", year=2023)]) == ()
    assert vintage_changes(installed, [row("200", year=2023)]) == ("P electricity DE co2e moved from 100 (2022) to 200 (2023)",)
    assert vintage_changes([], [row("200")]) == ()


@given(st.lists(st.tuples(st.sampled_from(["DE", "FR"]), st.integers(2020, 2022), st.sampled_from(["1", "2", "3"])), unique=True))
def test_turning_round_swaps_added_and_removed(cells: list[tuple[str, int, str]]) -> None:
    """What is added one way is removed the other way; what changed, changed both ways."""
    rows = [row(number, year=year, region=region) for region, year, number in cells]
    half = len(rows) // 2
    there, back = differences(rows[:half], rows[half:]), differences(rows[half:], rows[:half])
    assert [(one.added_count, one.removed_count, one.changed_count) for one in there] == [
        (one.removed_count, one.added_count, one.changed_count) for one in back
    ]
