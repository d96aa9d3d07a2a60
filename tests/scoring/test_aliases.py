"""Aliases: what somebody may have meant stands first in a refusal, and no word is ever replaced."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import AttributeValueError
from scoring.aliases import ALIASES, fitting_choices
from scoring.factors.load import shipped_factor_set

KINDS_OF = {"material": ("material", "waste"), "vehicle": ("freight",), "service": ("digital",)}
"""Kinds whose rows carry an attribute, where they are not of its name."""

FUELS = ("bio_petrol", "diesel", "gas_oil", "heating_oil", "lpg", "natural_gas", "petrol")


@pytest.mark.parametrize(
    ("kind", "value", "first"),
    [
        ("fuel", "gasoline", ["petrol"]),
        ("fuel", "gas oil", ["gas_oil", "heating_oil"]),
        ("fuel", "Gasoil", ["gas_oil", "heating_oil"]),
        ("fuel", "LPG", ["lpg"]),
        ("fuel", "autogas", ["lpg"]),
        ("fuel", "Petrol", ["petrol"]),
        ("fuel", "Jet A-1", ["jet_fuel"]),
        ("fuel", "wood", ["wood_logs", "wood_chips", "wood_pellets"]),
        ("refrigerant", "R-32", ["HFC-32"]),
        ("refrigerant", "R32", ["HFC-32"]),
        ("refrigerant", "R-22", ["HCFC-22"]),
        ("refrigerant", "freon 22", ["HCFC-22"]),
        ("refrigerant", "R-134a", ["HFC-134a"]),
        ("refrigerant", "hfc134a", ["HFC-134a"]),
        ("refrigerant", "r-410a", ["R-410A"]),
        ("refrigerant", "R-744", ["carbon_dioxide"]),
        ("refrigerant", "CO2", ["carbon_dioxide"]),
        ("refrigerant", "CH4", ["methane"]),
        ("refrigerant", "N2O", ["nitrous_oxide"]),
        ("refrigerant", "ammonia", ["R-717"]),
        ("food", "lamb", ["lamb_and_mutton"]),
        ("food", "Beef", ["beef", "beef_from_beef_herd", "beef_from_dairy_herd"]),
        ("food", "fish", ["farmed_fish", "cod", "salmon"]),
        ("food", "Milk", ["milk", "soy_milk"]),
        ("food", "Rice", ["rice"]),
        ("food", "potato", ["potatoes"]),
        ("waste", "trash", ["mixed_msw"]),
        ("waste", "Tyres", ["tires"]),
    ],
)
def test_what_is_usually_meant_stands_first(kind: str, value: str, first: list[str]) -> None:
    """The refusal names it first, and refuses all the same."""
    attribute = "material" if kind == "waste" else kind
    with pytest.raises(AttributeValueError) as caught:
        shipped_factor_set().require_choice(kind, attribute, value)
    assert caught.value.got == value
    assert caught.value.expected.removeprefix("one of ").split(", ")[: len(first)] == first


@pytest.mark.parametrize("attribute", sorted(ALIASES))
def test_every_alias_leads_to_a_choice_and_is_none_itself(attribute: str) -> None:
    """What is offered is in the shipped data set; the words are in the small letters in which they are looked for."""
    held = {one for kind in KINDS_OF.get(attribute, (attribute,)) for one in shipped_factor_set().choices(kind, attribute)}
    for word, meant in ALIASES[attribute].items():
        assert set(meant.split()) <= held, word
        assert word == " ".join(word.casefold().split())


def test_whole_words_come_before_spelling() -> None:
    """Two words of it before one, a shorter name before a longer; then what is spelt alike."""
    held = ("prawns", "rice", "rice_noodles", "brown_rice_noodles", "price")
    assert fitting_choices("food", "rice noodle", held)[:3] == ("rice_noodles", "brown_rice_noodles", "rice")
    assert fitting_choices("food", "pricee", held)[0] == "price"


def test_plural_is_the_same_word() -> None:
    """One egg or several."""
    assert fitting_choices("food", "strawberry", ("star_fruit", "strawberries"))[0] == "strawberries"
    assert fitting_choices("food", "tomato", ("oatmeal", "cherry_tomatoes"))[0] == "cherry_tomatoes"


@pytest.mark.parametrize("value", ["", "%", "*", "_", "日本"])
def test_nothing_is_near_to_signs(value: str) -> None:
    """What holds no word is like nothing."""
    assert fitting_choices("fuel", value, FUELS) == ()


def test_alias_that_is_not_held_is_not_offered() -> None:
    """A set without petrol does not offer it."""
    assert "petrol" not in fitting_choices("fuel", "gasoline", ("diesel", "lpg"))


@given(st.sampled_from([*ALIASES, "naics"]), st.text(max_size=40), st.lists(st.text(max_size=20), max_size=30, unique=True))
def test_only_choices_are_offered_each_once(attribute: str, value: str, held: list[str]) -> None:
    """At most twelve, of those that there are."""
    found = fitting_choices(attribute, value, held)
    assert set(found) <= set(held)
    assert len(found) == len(set(found)) <= 12
