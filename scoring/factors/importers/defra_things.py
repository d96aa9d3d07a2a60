"""Materials bought and waste handed over of the flat file in our vocabulary."""

from scoring.factors.importers.defra_place import LIFE_CYCLE, LeftOut, Place
from scoring.factors.importers.defra_sheet import FlatFactor, choice_of

_MATERIALS = {
    "aggregates": "aggregates",
    "asbestos": "asbestos",
    "asphalt": "asphalt",
    "average construction": "average_construction",
    "bricks": "bricks",
    "concrete": "concrete",
    "insulation": "insulation",
    "metals": "metals",
    "mineral oil": "mineral_oil",
    "plasterboard": "drywall",
    "soils": "soils",
    "tyres": "tires",
    "wood": "wood",
    "batteries": "batteries",
    "batteries - alkaline": "batteries_alkaline",
    "batteries - li ion": "batteries_lithium_ion",
    "batteries - nimh": "batteries_nimh",
    "electrical items - it": "electrical_it",
    "electrical items - fridges and freezers": "electrical_fridges_and_freezers",
    "electrical items - large": "electrical_large",
    "electrical items - small": "electrical_small",
    "weee - fridges and freezers": "electrical_fridges_and_freezers",
    "weee - large": "electrical_large",
    "weee - mixed": "electrical_mixed",
    "weee - small": "electrical_small",
    "metal: aluminium cans and foil (excl. forming)": "aluminum_cans_and_foil",
    "metal: mixed cans": "mixed_cans",
    "metal: scrap metal": "scrap_metal",
    "metal: steel cans": "steel_cans",
    "compost derived from food and garden waste": "compost_food_and_garden",
    "compost derived from garden waste": "compost_garden",
    "books": "books",
    "clothing": "clothing",
    "food and drink": "food_and_drink",
    "glass": "glass",
    "paper and board: board": "cardboard",
    "paper and board: mixed": "mixed_paper",
    "paper and board: paper": "paper",
    "plastics: hdpe (incl. forming)": "hdpe",
    "plastics: ldpe and lldpe (incl. forming)": "ldpe",
    "plastics: pet (incl. forming)": "pet",
    "plastics: pp (incl. forming)": "pp",
    "plastics: ps (incl. forming)": "ps",
    "plastics: pvc (incl. forming)": "pvc",
    "plastics: average plastic film": "plastic_film",
    "plastics: average plastic rigid": "plastic_rigid",
    "plastics: average plastics": "mixed_plastics",
    "commercial and industrial waste": "commercial_and_industrial_waste",
    "household residual waste": "mixed_msw",
    "municipal waste": "mixed_msw",
    "organic: food and drink waste": "food_waste",
    "organic: garden waste": "garden_waste",
    "organic: mixed food and garden waste": "mixed_organics",
}
"""Materials and wastes share their slugs. Municipal waste is called household residual waste from 2020 on."""

_SOURCES = {
    "primary material production": "primary",
    "reused": "reused",
    "re-used": "reused",
    "open loop source": "open_loop",
    "open-loop source": "open_loop",
    "closed loop source": "closed_loop",
    "closed-loop source": "closed_loop",
}
_TREATMENTS = {
    "reuse": "reuse",
    "re-use": "reuse",
    "open loop": "open_loop",
    "open-loop": "open_loop",
    "closed loop": "closed_loop",
    "closed-loop": "closed_loop",
    "combustion": "combustion",
    "composting": "composting",
    "landfill": "landfill",
    "anaerobic digestion": "anaerobic_digestion",
}


def place_material(factor: FlatFactor) -> Place | LeftOut:
    """A material from cradle to gate."""
    attributes = {
        "material": choice_of(_MATERIALS, factor.level_3, factor),
        "source": choice_of(_SOURCES, factor.column_text, factor),
    }
    return Place("material", LIFE_CYCLE, attributes)


def place_waste(factor: FlatFactor) -> Place | LeftOut:
    """Collection and treatment of waste; what is avoided elsewhere is not counted."""
    attributes = {
        "material": choice_of(_MATERIALS, factor.level_3, factor),
        "treatment": choice_of(_TREATMENTS, factor.column_text, factor),
    }
    return Place("waste", LIFE_CYCLE, attributes)
