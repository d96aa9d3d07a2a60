"""Electricity: location, contract, residual mix, and what the grid loses, on rates worked by hand."""

from fractions import Fraction

import pytest

from domain.activity import ActivityKey
from domain.factor import Addition, Basis, Part, Resolution
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.published import Parameter, PublishedRow
from scoring.resolve import resolve
from tests.scoring.sets import imported, parameter, row, set_of, source

IDENTITY = source("reported", kind="reported_emissions", unit="kg", published_unit="kg/kg", life_cycle_scope="as_reported")
LOSS = source("loss", life_cycle_scope="grid_loss")
SUPPLY = source("supply", life_cycle_scope="upstream")
OTHERS_LOSS = source("others_loss", publisher="Other Board", life_cycle_scope="grid_loss")
LIFE_CYCLE = source("whole", publisher="World Board", life_cycle_scope="life_cycle")


def set_with(*rows: PublishedRow, parameters: tuple[Parameter, ...] = ()) -> FactorSet:
    """A set of these rows, and the identity of reported emissions."""
    tables = (source(), IDENTITY, LOSS, SUPPLY, OTHERS_LOSS, LIFE_CYCLE)
    return set_of(imported(*tables, rows=[*rows, row("WORLD", 2023, "reported", co2e="1")], parameters=parameters))


def found(
    factors: FactorSet, basis: Basis = Basis.LOCATION, region: str = "DE", kind: str = "electricity", **attributes: str
) -> Resolution:
    """The resolution of a kilowatt-hour of 2023."""
    return resolve(ActivityKey(kind, region, 2023, "kWh", tuple(sorted(attributes.items()))), factors, basis)


def ug(resolution: Resolution) -> int:
    """Micrograms per kilowatt-hour of the choice."""
    assert resolution.chosen is not None
    return resolution.chosen.ug_per_unit.total_ug_co2e


def parts(additions: tuple[Addition, ...]) -> list[tuple[Part, int, Fraction, int, int]]:
    """Part, micrograms, scale, scope and category of each addition."""
    return [(one.part, one.chosen.ug_per_unit.total_ug_co2e, one.chosen.scale, one.scope, one.category) for one in additions]


GERMANY = row("DE", 2023, co2="400")


def test_location_is_the_average_of_the_place() -> None:
    """400 g/kWh, whatever contract is named: contracts act on the market basis only."""
    factors = set_with(GERMANY)
    assert ug(found(factors)) == ug(found(factors, supplier_g_co2e_per_kwh="50")) == 400_000_000
    assert "supplier_factor" not in found(factors, supplier_g_co2e_per_kwh="50").flags


def test_other_rates_are_never_a_footprint() -> None:
    """Of average, non-baseload and residual rates location takes the average."""
    rates = [row("DE", 2023, rate=rate, co2=text) for rate, text in (("non_baseload", "900"), ("residual_mix", "600"))]
    assert ug(found(set_with(*rates, GERMANY))) == 400_000_000
    assert found(set_with(*rates)).chosen is None


def test_finest_place_wins() -> None:
    """A ZIP code takes its subregion's rate before the state's and the country's; each wider one is flagged."""
    rows = [row(place, 2023, co2=text) for place, text in (("US", "3"), ("US/state/CA", "2"), ("US/egrid/CAMX", "1"))]
    for held, g, is_widened in ((rows, 1, False), (rows[:2], 2, True), (rows[:1], 3, True)):
        resolution = found(set_with(*held), region="US/zip/94110")
        assert (ug(resolution), "region_widened" in resolution.flags) == (g * 10**6, is_widened)


@pytest.mark.parametrize(("text", "want_ug"), [("50", 50_000_000), ("0", 0), ("12.345678", 12_345_678), ("9000", 9_000_000_000)])
def test_suppliers_factor_is_the_market_factor(text: str, want_ug: int) -> None:
    """The contract's grams are used as they are, zero included: they are the scale of the identity row."""
    resolution = found(set_with(GERMANY), Basis.MARKET, supplier_g_co2e_per_kwh=text, supplier_evidence="bill of March")
    assert (ug(resolution), resolution.flags[0]) == (want_ug, "supplier_factor")
    assert resolution.chosen is not None
    assert (resolution.chosen.scale, resolution.chosen.factor.kind) == (Fraction(text) / 1000, "reported_emissions")
    assert resolution.steps[0] == (
        f"Market basis: the supplier's own factor, {text} g CO2e/kWh, by bill of March (Scope 2 Guidance, table 6.3, contracts)."
    )


def test_suppliers_factor_without_evidence_is_flagged() -> None:
    """A contract that nothing proves is taken and flagged."""
    assert "supplier_without_evidence" in found(set_with(GERMANY), Basis.MARKET, supplier_g_co2e_per_kwh="50").flags


def test_suppliers_factor_wins_over_the_residual_mix() -> None:
    """Contracts come before the residual mix."""
    factors = set_with(GERMANY, row("DE", 2023, rate="residual_mix", co2="600"))
    assert ug(found(factors, Basis.MARKET, supplier_g_co2e_per_kwh="50")) == 50_000_000


def test_impossible_suppliers_factor_gives_no_number() -> None:
    """9,001 g/kWh is no power station: nothing is guessed."""
    resolution = found(set_with(GERMANY), Basis.MARKET, supplier_g_co2e_per_kwh="9001")
    assert resolution.chosen is None
    assert resolution.steps[0].startswith("No power station emits so much; expected 0 to 9000 g CO2e/kWh; got 9001 g CO2e/kWh")


def test_residual_mix_is_the_market_factor_where_it_is_held() -> None:
    """600 g/kWh is left after all certificates; location keeps 400."""
    factors = set_with(GERMANY, row("DE", 2023, rate="residual_mix", co2="600"))
    market = found(factors, Basis.MARKET)
    assert (ug(market), ug(found(factors)), market.flags[0]) == (600_000_000, 400_000_000, "residual_mix")
    assert market.steps[0].startswith("Market basis: no contract factor is given, so the residual mix")


def test_average_stands_in_without_a_residual_mix() -> None:
    """Without contract and residual mix the market factor is the average, flagged."""
    market = found(set_with(GERMANY), Basis.MARKET)
    assert (ug(market), market.flags[0]) == (400_000_000, "no_residual_mix")


@pytest.mark.parametrize(
    ("text", "scale", "want_ug"),
    [("0.04", "1/24", 16_666_667), ("0.2", "1/4", 100_000_000), ("0", "0", 0), ("0.5", "1", 400_000_000)],
)
def test_loss_ratio_is_of_what_is_generated(text: str, scale: str, want_ug: int) -> None:
    """Of a loss L a kilowatt-hour used takes 1/(1 - L) generated: the loss adds L/(1 - L) of the rate."""
    resolution = found(set_with(GERMANY, parameters=(parameter("grid_gross_loss", "DE", text),)))
    assert parts(resolution.additions) == [(Part.GRID_LOSS, want_ug, Fraction(scale), 3, 3)]
    assert ug(resolution) == 400_000_000
    assert f"so {text} / (1 - {text}) of the average rate." in resolution.steps[-1]


def test_loss_is_of_the_average_on_both_bases() -> None:
    """The grid loses its average electricity, not the contract's."""
    factors = set_with(
        GERMANY, row("DE", 2023, rate="residual_mix", co2="600"), parameters=(parameter("grid_gross_loss", "DE", "0.2"),)
    )
    location, residual = found(factors), found(factors, Basis.MARKET)
    contract = found(factors, Basis.MARKET, supplier_g_co2e_per_kwh="50")
    assert [parts(one.additions) for one in (residual, contract)] == [parts(location.additions)] * 2
    assert parts(location.additions) == [(Part.GRID_LOSS, 100_000_000, Fraction(1, 4), 3, 3)]


def test_loss_that_is_published_as_a_rate_is_taken_as_it_is() -> None:
    """A publisher that prints the loss's and the supply's emissions per kilowatt-hour is believed, and no ratio is used."""
    factors = set_with(
        GERMANY,
        row("DE", 2023, "loss", co2="35"),
        row("DE", 2023, "supply", co2e="46"),
        parameters=(parameter("grid_gross_loss", "DE", "0.2"),),
    )
    assert parts(found(factors).additions) == [
        (Part.GRID_LOSS, 35_000_000, Fraction(1), 3, 3),
        (Part.UPSTREAM, 46_000_000, Fraction(1), 3, 3),
    ]
    assert not {"grid_loss_not_held", "upstream_not_held"} & set(found(factors).flags)


def test_loss_of_another_publisher_is_not_mixed_in() -> None:
    """Rates of two publishers are never added up."""
    resolution = found(set_with(GERMANY, row("DE", 2023, "others_loss", co2="35")))
    assert resolution.additions == ()
    assert {"grid_loss_not_held", "upstream_not_held"} <= set(resolution.flags)


def test_life_cycle_rate_holds_the_supply_already() -> None:
    """Where only a life-cycle rate is held it is flagged, and no supply is missed beside it."""
    resolution = found(set_with(row("DE", 2023, "whole", co2e="450")))
    assert (ug(resolution), resolution.additions) == (450_000_000, ())
    assert "life_cycle_scope_differs" in resolution.flags
    assert "upstream_not_held" not in resolution.flags


def test_loss_of_an_older_year_is_flagged_on_its_own_line() -> None:
    """The loss's line says that its row is of an earlier year, as the bill's own line does."""
    factors = set_with(row("DE", 2020, co2="400"), row("DE", 2020, "loss", co2="35"))
    resolution = found(factors)
    assert "year_earlier" in resolution.flags
    assert [one.flags for one in resolution.additions] == [("year_earlier",)]


def test_exported_electricity_is_weighed_by_the_average_without_additions() -> None:
    """What is fed in avoids the average there; nothing is lost on the way to oneself."""
    factors = set_with(GERMANY, row("DE", 2023, "loss", co2="35"))
    resolution = found(factors, kind="electricity_export")
    assert (ug(resolution), resolution.additions) == (400_000_000, ())


def test_certificate_is_weighed_by_the_average() -> None:
    """A certificate alone resolves to the rate of its place."""
    assert ug(found(set_with(GERMANY), Basis.MARKET, kind="electricity_certificate", instrument="go")) == 400_000_000
