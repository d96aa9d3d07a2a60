"""Heat, fuels and water at home or in a building.

Amounts in energy name their calorific value; utility bills in the US, the UK and the EU say gross (higher), which is what is
taken, flagged, where nothing is said. Fuels of nature's own carbon emit biogenic CO2, which is kept apart.

Source:
    GHG Protocol Corporate Standard, scope 1 (stationary combustion) and scope 2 (purchased heat and steam).
"""

from dataclasses import replace

from domain.factor import Gas, LifeCycleScope
from scoring.fitting import first_fitting
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules.upstream import upstream, upstream_and_loss
from scoring.search import Search

HUB = "EPA GHG Emission Factors Hub"
DEFRA = "UK DESNZ/Defra"

_BURNT = (LifeCycleScope.COMBUSTION,)
_PROXIES = ("GB", "US")
_HEATING_VALUE = {"heating_value": "gross"}

_OTHER_NAMES = {"heating_oil": "gas_oil"}
"""The same fuel under the name that another publisher gives it."""


def prepare_fuel(rule: KindRule, search: Search) -> Wanted:
    """Rows of a fuel: those of burning it anywhere, else those of vehicles, where the place has them; then the proxies.

    Args:
        rule: Of fuels.
        search: Collects what is to be said.

    Returns:
        What to look for.

    Raises:
        AttributeValueError: No row is of this fuel.
    """
    wanted = plain_wanted(rule, search)
    other_name = _OTHER_NAMES.get(wanted.attributes["fuel"])
    if other_name:
        wanted = replace(wanted, widening=(*rule.widening, ("fuel", other_name)))
    mobile = replace(wanted, rates=("mobile",))
    if not first_fitting(rule, search.factor_set, wanted, search.chain):
        found = first_fitting(rule, search.factor_set, mobile, search.chain)
        if found is not None:
            if not found[1].rows[0].published.keys() & {Gas.CH4, Gas.CO2E}:
                search.flag("ch4_n2o_not_held")
                search.say("The publisher gives CO2 alone for this fuel in vehicles; CH4 and N2O are missing.")
            return mobile
    return wanted


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
        prepare=prepare_fuel,
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
        always=("home_energy_may_be_metered",),
    ),
)
