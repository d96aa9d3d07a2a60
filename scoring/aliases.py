"""What people call things that the factor set names otherwise: only to say which choices would fit, never to replace a word.

A name that is not exactly a choice is refused. This says which choices stand first in the refusal: those that differ in case and
signs alone, then what the word usually means, then those that share a whole word, then those that are spelt alike.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

ALIASES: Mapping[str, Mapping[str, str]] = {
    "fuel": {
        "autogas": "lpg",
        "avgas": "aviation_gasoline",
        "bottled gas": "lpg propane butane",
        "brown coal": "lignite",
        "charcoal": "wood_logs",
        "coal": "coal_domestic coal_industrial bituminous_coal anthracite lignite",
        "coke": "coal_coke petroleum_coke",
        "derv": "diesel",
        "diesel fuel": "diesel",
        "distillate fuel oil no 2": "heating_oil",
        "e85": "bioethanol petrol",
        "ethanol": "bioethanol",
        "firewood": "wood_logs",
        "fuel oil": "heating_oil residual_fuel_oil",
        "gas": "natural_gas lpg propane petrol",
        "gas oil": "gas_oil heating_oil",
        "gasoil": "gas_oil heating_oil",
        "gasoline": "petrol",
        "hard coal": "bituminous_coal anthracite",
        "heavy fuel oil": "residual_fuel_oil marine_fuel_oil",
        "hfo": "residual_fuel_oil marine_fuel_oil",
        "jet a": "jet_fuel",
        "jet a1": "jet_fuel",
        "kerosine": "kerosene jet_fuel",
        "liquefied natural gas": "lng",
        "liquefied petroleum gas": "lpg",
        "logs": "wood_logs",
        "mdo": "marine_gas_oil",
        "methane": "natural_gas biomethane",
        "mgo": "marine_gas_oil",
        "motor spirit": "petrol",
        "natural gas": "natural_gas",
        "oil": "heating_oil gas_oil residual_fuel_oil",
        "paraffin": "kerosene",
        "pellets": "wood_pellets",
        "petcoke": "petroleum_coke",
        "red diesel": "gas_oil",
        "renewable diesel": "hvo",
        "unleaded": "petrol",
        "waste": "municipal_solid_waste",
        "wood": "wood_logs wood_chips wood_pellets wood_and_wood_residuals",
    },
    "food": {
        "beef": "beef_from_beef_herd beef_from_dairy_herd beef beef_mince beef_steak",
        "chicken": "poultry chicken chicken_breast chicken_thighs",
        "chocolate": "dark_chocolate milk_chocolate",
        "corn": "maize sweetcorn",
        "eggplant": "aubergines",
        "fish": "farmed_fish cod salmon tuna mackerel pollock sardines sea_bream",
        "fries": "chips frozen_chips_french_fries",
        "fruit": "other_fruit berries_and_grapes citrus_fruit apples bananas",
        "goat": "lamb_and_mutton",
        "ground beef": "beef_mince",
        "ham": "pork bacon",
        "ketchup": "tomato_ketchup",
        "lamb": "lamb_and_mutton lamb_leg lamb_chops",
        "meat": "beef_from_beef_herd beef_from_dairy_herd lamb_and_mutton pork poultry",
        "milk": "milk soy_milk oat_milk almond_milk rice_milk",
        "mince": "beef_mince",
        "minced beef": "beef_mince",
        "mutton": "lamb_and_mutton",
        "nut": "nuts",
        "oats": "oatmeal porridge_oatmeal",
        "oil": "olive_oil sunflower_oil rapeseed_oil palm_oil soybean_oil",
        "pig": "pork",
        "pulses": "other_pulses beans lentils chickpeas peas",
        "rice": "rice",
        "sheep": "lamb_and_mutton",
        "shrimp": "prawns farmed_prawns",
        "soya milk": "soy_milk",
        "soybeans": "tofu soy_milk other_pulses",
        "steak": "beef_steak beef_from_beef_herd",
        "sugar": "sugar cane_sugar beet_sugar",
        "turkey": "poultry",
        "vegetables": "other_vegetables root_vegetables brassicas",
        "yogurt": "yoghurt",
        "zucchini": "courgettes",
    },
    "refrigerant": {
        "ammonia": "R-717",
        "butane": "R-600",
        "ch4": "methane",
        "co2": "carbon_dioxide",
        "isobutane": "R-600a",
        "n2o": "nitrous_oxide",
        "nh3": "R-717",
        "propane": "R-290",
        "propylene": "R-1270",
        "r12": "CFC-12",
        "r744": "carbon_dioxide",
        "sulfur hexafluoride": "SF6",
        "sulphur hexafluoride": "SF6",
    },
    "material": {
        "aluminium": "aluminum_cans_and_foil aluminum_cans scrap_metal",
        "aluminum": "aluminum_cans_and_foil aluminum_cans scrap_metal",
        "cans": "mixed_cans aluminum_cans_and_foil aluminum_cans steel_cans",
        "carton": "cardboard corrugated_containers",
        "computers": "electrical_it desktop_cpus electrical_small electrical_mixed",
        "e waste": "electrical_mixed mixed_electronics electrical_small",
        "food": "food_waste food_and_drink",
        "garbage": "mixed_msw",
        "gypsum": "drywall",
        "household waste": "mixed_msw",
        "iron": "scrap_metal steel_cans structural_steel",
        "lumber": "wood dimensional_lumber",
        "msw": "mixed_msw",
        "municipal solid waste": "mixed_msw",
        "organic": "mixed_organics food_waste garden_waste compost_food_and_garden",
        "plasterboard": "drywall",
        "plastic": "mixed_plastics plastic_film plastic_rigid pet hdpe ldpe",
        "plastics": "mixed_plastics plastic_film plastic_rigid pet hdpe ldpe",
        "polystyrene": "ps",
        "residual waste": "mixed_msw",
        "rubbish": "mixed_msw",
        "steel": "steel_cans structural_steel scrap_metal",
        "textiles": "clothing carpet",
        "trash": "mixed_msw",
        "tyres": "tires",
        "weee": "electrical_mixed mixed_electronics",
    },
    "product": {
        "computer": "laptop desktop_computer_home desktop_computer_office",
        "couch": "sofa_textile sofa_bed",
        "fridge": "refrigerator",
        "monitor": "computer_monitor",
        "notebook": "laptop",
        "oven": "oven_electric microwave_oven",
        "phone": "smartphone basic_phone",
        "shoes": "shoes_leather shoes_sports shoes_textile",
        "sofa": "sofa_textile sofa_bed",
        "tv": "television",
        "washer": "washing_machine",
    },
    "vehicle": {
        "hgv": "articulated rigid all",
        "lorry": "articulated rigid all",
        "ship": "container_ship bulk_carrier general_cargo average",
        "truck": "articulated rigid all",
    },
    "meal": {"fish": "oily_fish white_fish", "meat": "beef chicken", "veggie": "vegetarian vegan"},
    "service": {
        "call": "video_call",
        "netflix": "video_streaming",
        "search": "web_search",
        "streaming": "video_streaming",
        "zoom": "video_call",
    },
}
"""Attribute to what people call things (words in small letters) to the choices that it usually means, the likeliest first."""

_WORD = re.compile(r"[a-z0-9]+")
_REFRIGERANT_NUMBER = re.compile(r"(?:[a-z]*[ -]?)([0-9]{2,4}[a-z0-9]*)\Z")
_SPELT_ALIKE = 0.5
_FEW_COUNT = 12


def fitting_choices(attribute: str, value: str, held: Iterable[str]) -> tuple[str, ...]:
    """Choices that somebody may have meant, the likeliest first.

    Args:
        attribute: Name of the attribute: "fuel".
        value: What was said: "gasoline".
        held: The choices that there are.

    Returns:
        At most twelve of them; none where nothing is near.
    """
    choices = tuple(held)
    known = frozenset(choices)
    found = dict.fromkeys(one for one in _meant(attribute, _words(value), choices) if one in known)
    return tuple(found)[:_FEW_COUNT]


def _meant(attribute: str, words: tuple[str, ...], choices: tuple[str, ...]) -> Iterator[str]:
    words_of = {choice: _words(choice) for choice in choices}
    together = "".join(words)
    if not together:
        return
    yield from (choice for choice, own in words_of.items() if "".join(own) == together)
    aliases = ALIASES.get(attribute, {})
    yield from aliases.get(" ".join(words), aliases.get(together, "")).split()
    if attribute == "refrigerant":
        yield from _of_number(" ".join(words), choices)
    own_words = {_stem(word) for word in words if len(word) > 1}
    shared = {choice: len(own_words & {_stem(word) for word in own}) for choice, own in words_of.items()}
    near = [choice for choice in choices if shared[choice]]
    yield from sorted(near, key=lambda choice: (-shared[choice], len(words_of[choice])))
    by_text = {" ".join(own): choice for choice, own in words_of.items()}
    yield from (by_text[text] for text in get_close_matches(" ".join(words), by_text, n=6, cutoff=_SPELT_ALIKE))
    if len(together) > 2:  # noqa: PLR2004 - one or two letters are in nearly every word
        yield from (choice for choice, own in words_of.items() if together[:4] in "".join(own))


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(text.casefold()))


def _stem(word: str) -> str:
    """A word without the ending of its plural."""
    if len(word) <= 3:  # noqa: PLR2004 - "gas" has no plural ending
        return word
    return f"{word[:-3]}y" if word.endswith("ies") else word.removesuffix("s").removesuffix("e")


def _of_number(text: str, choices: tuple[str, ...]) -> Iterator[str]:
    """Refrigerants of the same ASHRAE number: R-32 is HFC-32, R-22 is HCFC-22."""
    number = _REFRIGERANT_NUMBER.match(text)
    if number:
        yield from (choice for choice in choices if choice.partition("-")[2].casefold() == number[1])
