"""What a kind looks for: what was given, what is usual, what is assumed, and what no row carries."""

import pytest

from domain.activity import ActivityKey
from domain.errors import AttributeValueError
from domain.factor import Basis, GwpSet, LifeCycleScope
from scoring.factors.factor_set import FactorSet
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules import RULES
from scoring.search import Search
from tests.scoring.sets import imported, row, set_of, source

RULE = KindRule(
    "fuel",
    (LifeCycleScope.COMBUSTION,),
    rates=("", "total"),
    general={"heating_value": "gross"},
    usual={"blend": "average"},
)


@pytest.fixture(scope="module")
def fuels() -> FactorSet:
    """A set with petrol and diesel."""
    table = source(kind="fuel", unit="m3", published_unit="kg/L", life_cycle_scope="combustion")
    rows = [row("GB", 2023, co2="2.3", attributes="fuel=petrol"), row("GB", 2023, co2="2.7", attributes="fuel=diesel")]
    return set_of(imported(table, rows=rows))


def looked_for(factors: FactorSet, rule: KindRule = RULE, **attributes: str) -> Wanted:
    """What the rule looks for where these attributes are given."""
    key = ActivityKey("fuel", "GB", 2023, "m3", tuple(sorted(attributes.items())))
    return plain_wanted(rule, Search(key, factors, Basis.LOCATION, GwpSet.AR5))


def test_what_is_left_out_is_usual_or_assumed(fuels: FactorSet) -> None:
    """The general value is kept apart from what was said, so that it is flagged where a row depends on it."""
    wanted = looked_for(fuels, fuel="petrol")
    assert wanted == Wanted(
        "fuel",
        "m3",
        {"fuel": "petrol", "blend": "average", "heating_value": "gross"},
        frozenset({"fuel"}),
        rates=("", "total"),
        widening=(),
        assumed=(("heating_value", "gross"),),
    )


def test_what_is_given_is_never_overwritten(fuels: FactorSet) -> None:
    """Given values win over usual and general ones, and nothing is assumed then."""
    wanted = looked_for(fuels, fuel="diesel", blend="mineral", heating_value="net")
    assert (dict(wanted.attributes), wanted.assumed) == ({"fuel": "diesel", "blend": "mineral", "heating_value": "net"}, ())


def test_what_the_kind_itself_says_counts_as_given(fuels: FactorSet) -> None:
    """A kind that fixes its fuel looks for that fuel as if it had been said."""
    wanted = looked_for(fuels, KindRule("fuel", (LifeCycleScope.COMBUSTION,), fixed={"fuel": "petrol"}))
    assert (dict(wanted.attributes), wanted.given) == ({"fuel": "petrol"}, frozenset({"fuel"}))


@pytest.mark.parametrize("value", ["petrl", "Petrol", "%", "_", "pet", "petrol "])
def test_open_value_that_no_row_carries_is_refused_with_those_that_there_are(fuels: FactorSet, value: str) -> None:
    """A name is taken as a row carries it or refused with all of them: no first match, no wildcard."""
    with pytest.raises(AttributeValueError) as caught:
        looked_for(fuels, fuel=value)
    assert caught.value.message == "The factor set has no fuel of this name for fuel"
    assert sorted(caught.value.expected.removeprefix("one of ").split(", ")) == ["diesel", "petrol"]
    assert caught.value.got.strip() == value.strip()
    assert caught.value.next_step == "`climate-fitness factors list --kind fuel` lists all 2."


@pytest.mark.parametrize("name", sorted(RULES))
def test_rule_is_of_its_kind_and_has_a_scope(name: str) -> None:
    """Each rule stands under its own kind, and says which life-cycle scopes it may use, each once."""
    rule = RULES[name]
    assert rule.kind == name
    assert rule.scopes
    assert len(set(rule.scopes)) == len(rule.scopes)


@pytest.mark.parametrize("name", sorted(RULES))
def test_widening_of_a_rule_ends_at_its_general_value(name: str) -> None:
    """What an attribute is widened to is what is taken where it is left out; services go on to what each country has."""
    rule = RULES[name]
    ends = {**rule.usual, **rule.general}
    assert all(attribute == "service" or ends[attribute] == value for attribute, value in rule.widening)
