"""Goods transported: tonne-kilometres of a transport chain element by mode.

The transport activity is mass x distance; distance is the one that the factor's publisher counts with (road and rail the way
driven, sea the way sailed, air the great circle with the publisher's uplift inside).

Source:
    ISO 14083:2023 (terms: transport chain element, transport activity, vehicle operation, energy provision);
    GHG Protocol Scope 3 Standard, categories 4 and 9.
"""

from dataclasses import replace

from domain.errors import AttributeValueError
from domain.factor import LifeCycleScope
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules.upstream import upstream
from scoring.search import Search

_AVERAGE_OF_MODE = {"road": "all", "rail": "average", "sea": "average", "inland_waterway": "average", "air": "average"}
_TRUCK_LIKE = ("all", "rigid", "articulated", "lcv", "mcv", "hcv")


def prepare_freight(rule: KindRule, search: Search) -> Wanted:
    """What to look for, with the attributes that the mode has.

    Args:
        rule: Of freight.
        search: Collects what is to be said.

    Returns:
        What to look for.

    Raises:
        AttributeValueError: Air freight without its length class, or a vehicle that no row carries.
    """
    mode = search.attributes["mode"]
    vehicle = search.attributes.get("vehicle", _AVERAGE_OF_MODE[mode])
    variant = mode
    if mode == "sea" and search.key.region.partition("/")[0] != "US":
        variant = "sea_elsewhere"  # only the EPA has an average of all vessels
    if mode == "road" and vehicle.startswith("van"):
        variant = "van"
    elif mode == "road" and vehicle.startswith(_TRUCK_LIKE):
        variant = "truck"
    elif mode == "air" and "haul" not in search.attributes:
        raise AttributeValueError(
            "Air freight needs its length class",
            expected="one of domestic, short, long, international",
            got="none",
            record="haul",
            next_step="Give haul.",
        )
    if variant not in _VARIANTS:
        _VARIANTS[variant] = _variant(rule, mode, variant)
    return plain_wanted(_VARIANTS[variant], search)


_VARIANTS: dict[str, KindRule] = {}
"""The rule for each sort of vehicle, made once."""


def _variant(rule: KindRule, mode: str, variant: str) -> KindRule:
    average = {"vehicle": "container_ship" if variant == "sea_elsewhere" else _AVERAGE_OF_MODE[mode]}
    if variant == "van":
        return replace(rule, general={**average, "powertrain": "unknown"}, widening=(("powertrain", "unknown"),))
    if variant == "truck":
        widening = (("laden", "average"), ("vehicle", "all"))
        general = {**average, "laden": "average", "powertrain": "diesel"}
        return replace(rule, general=general, usual={"is_refrigerated": "no"}, widening=widening)
    return replace(rule, general=average, usual={"radiative_forcing": "without"} if variant == "air" else {})


RULES = (
    KindRule(
        "freight",
        (LifeCycleScope.COMBUSTION, LifeCycleScope.OPERATION, LifeCycleScope.LIFE_CYCLE),
        publishers=("EPA GHG Emission Factors Hub", "UK DESNZ/Defra"),
        proxies=("GB", "US"),
        prepare=prepare_freight,
        additions=upstream,
    ),
)
