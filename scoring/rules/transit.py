"""Journeys that somebody else drives: taxi, bus, train, ferry; and nights in hotels.

Source:
    GHG Protocol Scope 3 Standard, category 6 (business travel) and 7 (commuting).
"""

from dataclasses import replace

from domain.factor import LifeCycleScope
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules.upstream import upstream
from scoring.search import Search

_SCOPES = (LifeCycleScope.OPERATION, LifeCycleScope.COMBUSTION, LifeCycleScope.LIFE_CYCLE)
_RATES = ("", "use")
"""ADEME's rate "use" is the fuel and electricity with their supply, without building the vehicle."""

_WITHOUT_NATIONAL = frozenset({"US", "FR"})


def prepare_rail(rule: KindRule, search: Search) -> Wanted:
    """Rows of a train: where nothing is said, the national average, or the long-distance train where there is no such average.

    Args:
        rule: Of trains.
        search: Collects what is to be said.

    Returns:
        What to look for.
    """
    is_short = search.key.region.partition("/")[0] in _WITHOUT_NATIONAL
    service = "intercity" if is_short else "national"
    if service not in _RAIL:
        _RAIL[service] = replace(rule, general={"service": service})
    return plain_wanted(_RAIL[service], search)


_RAIL: dict[str, KindRule] = {}
"""The rule for each service that is taken where none is said, made once."""


RULES = (
    KindRule("taxi", _SCOPES, rates=_RATES, general={"service": "regular"}, proxies=("GB",), additions=upstream),
    KindRule(
        "bus",
        _SCOPES,
        rates=_RATES,
        general={"service": "average"},
        widening=(("service", "average"), ("service", "local")),
        proxies=("GB", "US"),
        additions=upstream,
    ),
    KindRule(
        "rail",
        _SCOPES,
        rates=_RATES,
        widening=(("service", "national"), ("service", "intercity")),
        proxies=("GB", "US", "FR"),
        prepare=prepare_rail,
        additions=upstream,
    ),
    KindRule("ferry", _SCOPES, rates=_RATES, general={"passenger": "average"}, proxies=("GB",), additions=upstream),
    KindRule("hotel", _SCOPES, rates=_RATES),
)
