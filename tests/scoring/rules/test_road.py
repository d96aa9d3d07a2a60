"""Driving: what stands in for what, and what a battery draws."""

from fractions import Fraction

import pytest

from domain.activity import ActivityKey
from domain.factor import Addition, Basis, Part, Resolution
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.published import Imported, ParameterTable, PublishedRow
from scoring.resolve import resolve
from tests.scoring.sets import imported, parameter, row, set_of, source

CARS = source("cars", kind="car", unit="km", published_unit="g/km", life_cycle_scope="combustion")
CONSUMPTION = ParameterTable(
    name="vehicle_kwh_per_km",
    columns=("vehicle", "powertrain", "segment", "size", "weight_class", "energy", "year", "kwh_per_km_text"),
    rows=(
        ("car", "electric", "", "average", "", "electricity", "2020", "0.25"),
        ("car", "electric", "", "average", "", "electricity", "2023", "0.2"),
        ("car", "electric", "", "small", "", "electricity", "2023", "0"),
        ("car", "electric", "mini", "", "", "electricity", "2023", "0.1"),
        ("car", "electric", "", "average", "", "petrol", "2023", "9"),
    ),
    publisher="Power Board",
    edition="2024",
    source_url="",
    licence="public domain",
)


def car(co2: str, attributes: str, region: str = "GB") -> PublishedRow:
    """A car's row of 2023, so many grams of CO2 per kilometre."""
    return row(region, 2023, "cars", co2=co2, attributes=attributes)


def set_with(*rows: PublishedRow) -> FactorSet:
    """A set of these cars, German electricity of 400 g/kWh with a loss of 20 %, and kilowatt-hours per kilometre."""
    power = row("DE", 2023, co2="400")
    losses = [parameter("grid_gross_loss", "DE", "0.2")]
    return set_of(imported(source(), CARS, rows=[power, *rows], parameters=losses), Imported(parameter_tables=(CONSUMPTION,)))


def driven(factors: FactorSet, region: str = "GB", year: int = 2023, **attributes: str) -> Resolution:
    """The resolution of a kilometre."""
    return resolve(ActivityKey("car", region, year, "km", tuple(sorted(attributes.items()))), factors, Basis.LOCATION)


def mg(resolution: Resolution) -> int:
    """Milligrams per kilometre of the choice."""
    assert resolution.chosen is not None
    return resolution.chosen.ug_per_unit.total_ug_co2e // 1000


def parts(additions: tuple[Addition, ...]) -> list[tuple[Part, int, int, int]]:
    """Part, micrograms per kilometre, scope and category."""
    return [(one.part, one.chosen.ug_per_unit.total_ug_co2e, one.scope, one.category) for one in additions]


def test_market_segment_wins_over_the_size() -> None:
    """Where both are said the segment is used, which is said; the order of the rows does not matter."""
    rows = [car("150", "powertrain=petrol;size=large"), car("130", "powertrain=petrol;segment=mini")]
    for order in (rows, rows[::-1]):
        found = driven(set_with(*order), powertrain="petrol", size="large", segment="mini")
        assert mg(found) == 130_000
        assert "The market segment is known: the size is not used." in found.steps


def test_average_car_is_assumed_and_flagged() -> None:
    """A car of which nothing is said is of unknown powertrain and average size."""
    found = driven(set_with(car("170", "powertrain=unknown;size=average")))
    assert (mg(found), found.flags[0]) == (170_000, "attribute_assumed")
    assert "Powertrain was not said: unknown is taken." in found.steps


@pytest.mark.parametrize(
    ("powertrain", "is_served"), [("petrol", True), ("diesel", True), ("hybrid", False), ("electric", False)]
)
def test_average_car_stands_in_for_petrol_and_diesel_only(powertrain: str, is_served: bool) -> None:  # noqa: FBT001 - a column of the table
    """A place with an average car alone has no factor for hybrids and battery cars."""
    found = driven(set_with(car("170", "powertrain=unknown;size=average")), powertrain=powertrain)
    assert (found.chosen is not None) == is_served
    assert ("attribute_widened" in found.flags) == is_served


def test_battery_draws_from_the_grid_of_the_place() -> None:
    """0.2 kWh/km at 400 g: 80 g as own electricity in scope 2, a quarter of it lost on the way in scope 3, category 3."""
    found = driven(set_with(car("0", "powertrain=electric;size=average", "DE")), "DE", powertrain="electric")
    assert mg(found) == 0
    assert parts(found.additions) == [(Part.ELECTRICITY, 80_000_000, 2, 0), (Part.GRID_LOSS, 20_000_000, 3, 3)]
    assert [one.chosen.scale for one in found.additions] == [Fraction(1, 5), Fraction(1, 20)]


def test_battery_of_a_rented_car_is_travel() -> None:
    """A car declared as business travel has all its parts in that category."""
    found = driven(set_with(car("0", "powertrain=electric;size=average", "DE")), "DE", powertrain="electric", category="6")
    assert [(scope, category) for _, _, scope, category in parts(found.additions)] == [(3, 6), (3, 6)]


@pytest.mark.parametrize(("year", "want_ug"), [(2019, 100_000_000), (2022, 100_000_000), (2023, 80_000_000), (2030, 80_000_000)])
def test_consumption_is_of_the_year_as_of(year: int, want_ug: int) -> None:
    """Consumption is of the newest earlier year, else of the first; another fuel's energy is not the battery's."""
    found = driven(set_with(car("0", "powertrain=electric;size=average", "DE")), "DE", year, powertrain="electric")
    assert parts(found.additions)[0][1] == want_ug


def test_zero_consumption_is_a_gap_and_no_zero() -> None:
    """An edition that prints 0 kWh for a battery car leaves the part out, flagged: it does draw electricity."""
    found = driven(set_with(car("0", "powertrain=electric;size=small", "DE")), "DE", powertrain="electric", size="small")
    assert found.additions == ()
    assert "vehicle_electricity_not_held" in found.flags
