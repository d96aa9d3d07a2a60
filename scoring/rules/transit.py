"""Journeys that somebody else drives: taxi, bus, train, ferry; and nights in hotels.

Source:
    GHG Protocol Scope 3 Standard, category 6 (business travel) and 7 (commuting).
"""

from domain.factor import LifeCycleScope
from scoring.rule import KindRule
from scoring.rules.upstream import upstream

_SCOPES = (LifeCycleScope.OPERATION, LifeCycleScope.COMBUSTION, LifeCycleScope.LIFE_CYCLE)
_RATES = ("", "business_travel", "passenger_vehicles")

RULES = (
    KindRule("taxi", _SCOPES, rates=_RATES, general={"service": "regular"}, proxies=("GB",), additions=upstream),
    KindRule(
        "bus",
        _SCOPES,
        rates=_RATES,
        general={"service": "average"},
        widening=(("service", "average"),),
        proxies=("GB", "US"),
        additions=upstream,
    ),
    KindRule(
        "rail",
        _SCOPES,
        rates=_RATES,
        general={"service": "national"},
        proxies=("GB", "US", "FR"),
        additions=upstream,
    ),
    KindRule("ferry", _SCOPES, rates=_RATES, general={"passenger": "average"}, proxies=("GB",), additions=upstream),
    KindRule("hotel", _SCOPES, rates=_RATES),
)
