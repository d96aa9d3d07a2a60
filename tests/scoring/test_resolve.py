"""The resolver: place, scope, year, gases, basis, and the words for each."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.activity import KINDS, ActivityKey, EvidenceClass
from domain.errors import AttributeValueError, DimensionError, FactorError, PlaceError
from domain.factor import Basis, GwpSet, LifeCycleScope, Resolution
from domain.period import Month
from domain.statement import ActivityTotal
from scoring.factors.factor_set import FactorSet
from scoring.lines import make_lines
from scoring.resolve import check_key, resolve


def of(factors: FactorSet, region: str, year: int, basis: Basis = Basis.LOCATION, kind: str = "electricity") -> Resolution:
    """The resolution of a kilowatt-hour."""
    return resolve(ActivityKey(kind, region, year, "kWh"), factors, basis)


def row_of(found: Resolution) -> tuple[str, str, int]:
    """Edition, region and year of the chosen row."""
    assert found.chosen is not None
    return found.chosen.factor.edition, found.chosen.factor.region, found.chosen.factor.year


@pytest.mark.parametrize(
    ("year", "edition", "row_year", "flags"),
    [
        (2015, "eGRID2018", 2018, ("year_later", "co2e_only", "gwp_set_differs")),
        (2018, "eGRID2018", 2018, ("co2e_only", "gwp_set_differs")),
        (2019, "eGRID2019", 2019, ()),
        (2020, "eGRID2020", 2020, ("co2e_only", "gwp_set_differs")),
        (2021, "eGRID2021", 2021, ()),
        (2022, "eGRID2022", 2022, ()),
        (2023, "eGRID2023 first release", 2023, ()),
        (2026, "eGRID2023 first release", 2023, ("year_earlier",)),
    ],
)
def test_year_of_the_activity_else_earlier_else_later(
    factors: FactorSet, year: int, edition: str, row_year: int, flags: tuple[str, ...]
) -> None:
    """Each year finds its edition; rows by gas are preferred; a year that is missing is flagged."""
    found = of(factors, "US/zip/94110", year)
    assert row_of(found) == (edition, "US/egrid/CAMX", row_year)
    assert found.flags == (*flags, "upstream_not_held")


@pytest.mark.parametrize(("year", "flags"), [(2019, ("year_later",)), (2023, ()), (2026, ("year_earlier",))])
def test_grid_loss_is_flagged_by_its_own_year(factors: FactorSet, year: int, flags: tuple[str, ...]) -> None:
    """The grid's loss is held for 2023 alone: in other years its line says so, whatever year the rate is of."""
    assert [one.flags for one in of(factors, "US/zip/94110", year).additions] == [flags]


def test_state_is_used_where_only_the_state_is_known(factors: FactorSet) -> None:
    """A state has its own rates up to 2021, and keeps them rather than the wider US."""
    found = of(factors, "US/state/CA", 2023)
    assert row_of(found) == ("eGRID2021", "US/state/CA", 2021)
    assert "year_earlier" in found.flags


def test_own_authority_comes_first_for_the_years_that_it_covers(factors: FactorSet) -> None:
    """The US rate is eGRID's generation rate, though Ember's life-cycle rate is held; before eGRID's years Ember serves."""
    found = of(factors, "US", 2020)
    assert found.chosen is not None
    assert found.chosen.factor.life_cycle_scope is LifeCycleScope.GENERATION
    assert "life_cycle_scope_differs" not in found.flags
    before = of(factors, "US", 2005)
    assert before.chosen is not None
    assert (before.chosen.factor.publisher, before.chosen.factor.year) == ("Ember via Our World in Data", 2005)
    assert "life_cycle_scope_differs" in before.flags


def test_other_countries_flag_the_scope_in_words(factors: FactorSet) -> None:
    """Germany holds only life-cycle rates: flagged, and said."""
    found = of(factors, "DE", 2023)
    assert found.flags == ("life_cycle_scope_differs", "co2e_only", "gwp_set_differs", "grid_loss_not_held")
    assert any("only the whole life cycle" in step and "flagged" in step for step in found.steps)


def test_widening_is_flagged_and_said(factors: FactorSet) -> None:
    """Liechtenstein has no rate of its own: Europe's is taken."""
    found = of(factors, "LI", 2023)
    assert row_of(found)[1] == "WORLD/europe"
    assert found.flags[0] == "region_widened"
    assert found.steps[:2] == ("Place: Liechtenstein.", "No rate that fits is held for a finer place than Europe.")


def test_border_zip_is_flagged_and_names_all(factors: FactorSet) -> None:
    """A ZIP code in two subregions takes the first and names both."""
    found = of(factors, "US/zip/38947", 2023)
    assert "zip_in_several_subregions" in found.flags
    assert "SRMV (SERC Mississippi Valley), eGRID subregion SRSO (SERC South)" in found.steps[0]


def test_market_basis_says_what_is_missing(factors: FactorSet) -> None:
    """Without contract or residual mix the location factor stands in, flagged."""
    location, market = of(factors, "DE", 2023), of(factors, "DE", 2023, Basis.MARKET)
    assert market.chosen == location.chosen
    assert market.flags == ("no_residual_mix", *location.flags)
    assert "Market basis: no supplier contract" in market.steps[0]


def test_export_takes_the_average_rate(factors: FactorSet) -> None:
    """Exported electricity resolves like purchased, without a market basis of its own."""
    export = of(factors, "US/zip/94110", 2023, Basis.MARKET, kind="electricity_export")
    assert export.chosen == of(factors, "US/zip/94110", 2023).chosen
    assert export.flags == ()


def test_non_baseload_rates_are_never_a_footprint(factors: FactorSet) -> None:
    """Of the two rates of the hub, total output is used."""
    chosen = of(factors, "US/zip/94110", 2023).chosen
    assert chosen is not None
    assert chosen.factor.rate == "total_output"


def test_kind_is_unscored_where_no_publisher_counts_it_so(factors: FactorSet) -> None:
    """Steam by mass has no row anywhere: no factor, no zero, and what would fit is told: the unit that it is counted in."""
    found = resolve(ActivityKey("steam", "DE", 2023, "kg"), factors, Basis.LOCATION)
    assert (found.chosen, found.additions, found.flags) == (None, (), ())
    assert found.steps[1] == "No rate for steam in kg is held for Germany."
    assert found.steps[-1] == (
        "Unscored: counted and shown, never as zero. What would fit: an amount in kWh, which rates of this place are per; "
        "a factor of your own in kg CO2e/kg."
    )


@pytest.mark.parametrize(("kind", "unit"), [("natural_gas", "m3"), ("steam", "kWh"), ("water", "m3")])
def test_other_country_stands_in_and_says_so(factors: FactorSet, kind: str, unit: str) -> None:
    """Where no publisher covers a place another country stands in, flagged and named, never in silence."""
    found = resolve(ActivityKey(kind, "DE", 2023, unit), factors, Basis.LOCATION)
    assert row_of(found)[1:] == ("GB", 2023)
    assert found.flags[0] == "region_proxy"
    assert found.steps[1] == f"Neither this place nor a wider one has a row for {kind.replace('_', ' ')} that fits; UK stands in."


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (ActivityKey("electricity", "DE", 2023, "kg"), "electricity is not kept in kg; expected one of kWh; got kg"),
        (
            ActivityKey("flight", "", 2023, "kg", (("destination", "JFK"), ("origin", "ZRH"))),
            "flight is not kept in kg; expected one of pkm, item; got kg",
        ),
        (
            ActivityKey("refrigerant", "", 2023, "kg", (("refrigerant", "SF6"),)),
            "refrigerant is not kept in kg; expected one of g; got kg",
        ),
    ],
    ids=lambda one: one.kind if isinstance(one, ActivityKey) else "",
)
@pytest.mark.parametrize("basis", list(Basis))
def test_key_in_another_unit_is_unscored(factors: FactorSet, key: ActivityKey, message: str, basis: Basis) -> None:
    """A key in a unit that its kind does not keep has no factor, and intake refuses it."""
    found = resolve(key, factors, basis)
    assert (found.chosen, found.steps[0]) == (None, message)
    with pytest.raises(DimensionError, match=message):
        check_key(key, factors)


def test_impossible_supplier_factor_is_refused_before_it_is_kept(factors: FactorSet) -> None:
    """99,999 g/kWh acts on the market basis only, and is refused at intake all the same."""
    key = ActivityKey("electricity", "DE", 2023, "kWh", (("supplier_g_co2e_per_kwh", "99999"),))
    with pytest.raises(FactorError, match="No power station emits so much; expected 0 to 9000 g CO2e/kWh; got 99999 g CO2e/kWh"):
        check_key(key, factors)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        (ActivityKey("freight", "GB", 2023, "tkm"), "freight needs mode; expected one of road, "),
        (ActivityKey("freight", "GB", 2023, "tkm", (("mode", "raft"),)), "This is no mode of freight; expected one of road, "),
        (ActivityKey("reported_emissions", "", 2023, "kg"), "reported_emissions needs method; expected text such as "),
        (
            ActivityKey("car", "GB", 2023, "km", (("category", "none"),)),
            "This is no category of car; expected one of 6, 7, 8, 13",
        ),
        (
            ActivityKey("flight", "GB", 2023, "pkm", (("cabin", "hold"), ("haul", "long"))),
            "This is no cabin of flight; expected one",
        ),
        (
            ActivityKey("electricity", "DE", 2023, "kWh", (("supplier_g_co2e_per_kwh", "-1"),)),
            "This is no supplier_g_co2e_per_kwh",
        ),
        (
            ActivityKey("electricity", "US", 2023, "kWh", (("supplier_g_co2e_per_kwh", "50"), ("utility", "0"))),
            "There is no such utility; expected the EIA number of a US utility, such as 14328; got 0; in utility",
        ),
        (
            ActivityKey("water", "GB", 2023, "m3", (("colour", "blue"),)),
            "water has no attribute colour; expected none; got colour",
        ),
    ],
    ids=lambda one: one.kind if isinstance(one, ActivityKey) else "",
)
def test_key_that_no_intake_makes_is_unscored(factors: FactorSet, key: ActivityKey, message: str) -> None:
    """A stranger's bundle may hold any key: what is wrong with it is its reason, on both bases, and other lines stay."""
    for basis in Basis:
        found = resolve(key, factors, basis)
        assert found.chosen is None
        assert any(step.startswith(message) for step in found.steps)
    total = ActivityTotal(Month(2023, 3), key, 1, {EvidenceClass.TYPED: 1}, 1)
    lines, unscored = make_lines([total], lambda one, basis: resolve(one, factors, basis))
    assert (lines, len(unscored)) == ((), 1)
    assert unscored[0].reason.startswith(message)
    with pytest.raises(AttributeValueError):
        check_key(key, factors)


WORDS = st.sampled_from(["", "%", "1", "0", "2023-03", "ZRH", "722511", "road", "petrol", "average", "JFK", "B789", "\u0661"])
PLACES = st.sampled_from(["", "US", "US/zip/94110", "GB", "DE", "FR", "IN", "WORLD"])


@st.composite
def any_keys(draw: st.DrawFn) -> ActivityKey:
    """A key of a kind that there is, with some of its attributes at any value."""
    kind = KINDS[draw(st.sampled_from(sorted(KINDS)))]
    values = {one.name: (st.sampled_from(one.choices) | WORDS if one.choices else WORDS) for one in kind.attributes}
    attributes = draw(st.fixed_dictionaries({}, optional=values))
    unit = draw(st.sampled_from([*kind.kept_units(), "kg", "EUR"]))
    return ActivityKey(kind.name, draw(PLACES), draw(st.integers(1990, 2199)), unit, tuple(sorted(attributes.items())))


@settings(deadline=None, max_examples=300)
@given(key=any_keys(), basis=st.sampled_from(Basis))
def test_no_key_raises(factors: FactorSet, key: ActivityKey, basis: Basis) -> None:
    """Whatever a key says, it gets a factor or a reason; a place that does not exist alone is refused."""
    found = resolve(key, factors, basis)
    assert found.steps
    assert found.chosen is None or found.chosen.ug_per_unit.total_ug_co2e >= 0


def test_unknown_name_without_a_place_is_unscored(factors: FactorSet) -> None:
    """A key without a place is no error of the place, whatever else is wrong with it."""
    found = resolve(ActivityKey("food", "", 2023, "kg", (("food", "unobtainium"),)), factors, Basis.LOCATION)
    assert found.chosen is None
    assert found.steps[0].startswith("The factor set has no food of this name for food; expected one of ale, ")


def test_unknown_place_is_unscored_and_refused_at_intake(factors: FactorSet) -> None:
    """A ZIP code that does not exist is not widened: intake refuses it, and a stored one stays unscored with its reason."""
    with pytest.raises(PlaceError, match="no such ZIP code"):
        check_key(ActivityKey("electricity", "US/zip/00000", 2023, "kWh"), factors)
    found = of(factors, "US/zip/00000", 2023)
    assert found.chosen is None
    assert "There is no such ZIP code" in found.steps[0]


def test_steps_name_publisher_edition_table_and_numbers(factors: FactorSet) -> None:
    """The factor is told in full, with the weights of its gases."""
    found = of(factors, "US/zip/94110", 2023)
    assert found.steps[2] == (
        "Factor: EPA eGRID, eGRID2023 first release, GHG Emission Factors Hub 2025, Table 6: total output of eGRID subregion "
        "CAMX (WECC California) in 2023: 436.655 lb CO2/MWh, 0.025 lb CH4/MWh, 0.003 lb N2O/MWh."
    )
    assert "Gases are weighted with IPCC AR5 over 100 years: CH4 28, N2O 265." in found.steps
    assert found.steps[-1] == (
        "Beside it, what the grid loses on the way. Scope 3, category 3: 0.041 of what is generated in eGRID subregion CAMX "
        "(WECC California) does not arrive (EPA eGRID, eGRID2023 first release), so 0.041 / (1 - 0.041) of the average rate."
    )


def test_gwp_set_is_the_callers(factors: FactorSet) -> None:
    """AR6 weighs the same published gases otherwise."""
    key = ActivityKey("electricity", "US/zip/94110", 2023, "kWh")
    six = resolve(key, factors, Basis.LOCATION, gwp_set=GwpSet.AR6).chosen
    assert six is not None
    assert (six.gwp_set, six.ug_per_unit.n2o_ug) == ("AR6", 371_492)
