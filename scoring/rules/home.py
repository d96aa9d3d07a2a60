"""Heat, fuels and water at home or in a building.

Amounts in energy name their calorific value; utility bills in the US, the UK and the EU say gross (higher), which is what is
taken, flagged, where nothing is said. Fuels of nature's own carbon emit biogenic CO2, which is kept apart.

Source:
    GHG Protocol Corporate Standard, scope 1 (stationary combustion) and scope 2 (purchased heat and steam).
"""

from domain.factor import LifeCycleScope
from scoring.rule import KindRule
from scoring.rules.upstream import upstream, upstream_and_loss

HUB = "EPA GHG Emission Factors Hub"
DEFRA = "UK DESNZ/Defra"

_BURNT = (LifeCycleScope.COMBUSTION,)
_PROXIES = ("GB", "US")
_HEATING_VALUE = {"heating_value": "gross"}

RULES = (
    KindRule(
        "natural_gas",
        _BURNT,
        publishers=(HUB, DEFRA),
        general=_HEATING_VALUE,
        usual={"blend": "average"},
        widening=(("blend", "average"),),
        proxies=_PROXIES,
        additions=upstream,
    ),
    # Propane from a meter is a gas: only the EPA has it by volume of gas. DESNZ's litres are of the liquid, kind `fuel`.
    KindRule("propane", _BURNT, publishers=(HUB,), general=_HEATING_VALUE, proxies=("US",), additions=upstream),
    KindRule(
        "fuel",
        _BURNT,
        publishers=(HUB, DEFRA),
        general=_HEATING_VALUE,
        usual={"blend": "average"},
        widening=(("blend", "average"),),
        proxies=_PROXIES,
        additions=upstream,
    ),
    KindRule(
        "steam",
        (LifeCycleScope.GENERATION, LifeCycleScope.COMBUSTION),
        publishers=(HUB, DEFRA),
        proxies=_PROXIES,
        additions=upstream,
    ),
    KindRule(
        "district_heat",
        (LifeCycleScope.GENERATION, LifeCycleScope.COMBUSTION),
        publishers=(HUB, DEFRA),
        proxies=_PROXIES,
        additions=upstream_and_loss,
    ),
    KindRule("water", (LifeCycleScope.OPERATION, LifeCycleScope.LIFE_CYCLE), proxies=("GB",)),
    KindRule("wastewater", (LifeCycleScope.OPERATION, LifeCycleScope.LIFE_CYCLE), proxies=("GB",)),
    KindRule(
        "home_working",
        (LifeCycleScope.OPERATION,),
        usual={"use": "all"},
        proxies=("GB",),
    ),
)
