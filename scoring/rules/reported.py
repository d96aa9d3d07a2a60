"""Emissions that a source already says: one kilogram for one kilogram, with the source's own method and its evidence class."""

from domain.factor import LifeCycleScope
from scoring.rule import KindRule, Wanted
from scoring.search import Search


def prepare_reported(_rule: KindRule, search: Search) -> Wanted:
    """The identity row, and the method that the source names.

    Args:
        _rule: Of reported emissions.
        search: Collects what is to be said.

    Returns:
        What to look for.
    """
    search.flag("as_reported")
    search.say("The source says these emissions itself; its method: {}. They are taken as they are.", search.attributes["method"])
    return Wanted("reported_emissions", search.key.unit, {}, regions=("WORLD",))


RULES = (
    KindRule(
        "reported_emissions",
        (LifeCycleScope.AS_REPORTED,),
        is_global=True,
        is_timeless=True,
        needs_place=False,
        prepare=prepare_reported,
    ),
)
