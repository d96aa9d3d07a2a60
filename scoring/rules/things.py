"""Food, meals, things, materials, waste, leaked gases, digital services.

Source:
    GHG Protocol Scope 3 Standard, categories 1 (purchased goods and services) and 5 (waste); GHG Protocol Corporate Standard,
    scope 1 (fugitive emissions: mass x global warming potential).
"""

from dataclasses import replace

from domain.factor import LifeCycleScope
from scoring.fitting import fitting_rows
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.search import Search

_LIFE_CYCLE = (LifeCycleScope.LIFE_CYCLE,)
POORE, CLARK, ADEME = "Poore & Nemecek via Our World in Data", "Clark et al. via Our World in Data", "ADEME"


def prepare_refrigerant(rule: KindRule, search: Search) -> Wanted:
    """Global warming potential of a gas in the set asked for; of a blend that the set does not hold, in AR5 (flagged).

    Args:
        rule: Of refrigerants.
        search: Collects what is to be said.

    Returns:
        What to look for.

    Raises:
        AttributeValueError: No publisher names this gas.
    """
    plain = plain_wanted(rule, search)
    for rate in dict.fromkeys((str(search.gwp_set), "AR5", "AR6", "AR4", "total", "")):
        for region in ("WORLD", "US", "GB"):
            wanted = Wanted(plain.rows_kind, plain.unit, plain.attributes, plain.given, regions=(region,), rates=(rate,))
            if fitting_rows(rule, search.factor_set, wanted, region):
                return wanted
    return plain


_RECYCLED = ("recycling", "closed_loop", "open_loop")


def prepare_waste(rule: KindRule, search: Search) -> Wanted:
    """Rows of a waste and its treatment: recycling under the name that the place's own publisher gives it, before any proxy.

    Args:
        rule: Of waste.
        search: Collects what is to be said.

    Returns:
        What to look for.

    Raises:
        AttributeValueError: No row is of this material.
    """
    wanted = plain_wanted(rule, search)
    if wanted.attributes["treatment"] not in _RECYCLED:
        return wanted
    return replace(wanted, widening=tuple(("treatment", name) for name in ("closed_loop", "open_loop", "recycling")))


RULES = (
    KindRule(
        "food",
        _LIFE_CYCLE,
        publishers=(POORE, CLARK, ADEME),
        proxies=("FR",),
        is_global=True,
        is_timeless=True,
        needs_place=False,
    ),
    KindRule(
        "meal",
        _LIFE_CYCLE,
        publishers=(ADEME,),
        proxies=("FR",),
        is_timeless=True,
        needs_place=False,
    ),
    KindRule(
        "product",
        _LIFE_CYCLE,
        publishers=(ADEME,),
        proxies=("FR",),
        is_timeless=True,
        needs_place=False,
    ),
    KindRule(
        "digital",
        _LIFE_CYCLE,
        publishers=(ADEME,),
        proxies=("FR",),
        is_timeless=True,
        needs_place=False,
    ),
    KindRule("material", _LIFE_CYCLE, usual={"source": "primary"}, proxies=("GB",)),
    KindRule("waste", _LIFE_CYCLE, proxies=("GB", "US"), prepare=prepare_waste),
    KindRule(
        "refrigerant",
        (LifeCycleScope.OPERATION, LifeCycleScope.COMBUSTION, *_LIFE_CYCLE),
        publishers=("IPCC", "EPA GHG Emission Factors Hub", "UK DESNZ/Defra"),
        is_global=True,
        is_timeless=True,
        needs_place=False,
        prepare=prepare_refrigerant,
    ),
)
