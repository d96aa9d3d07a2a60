"""Money spent: dollars of the factor's price year, times the industry's emissions per dollar.

The exchange rate, the price index and the tax are in the compiled factor, so an activity never changes when they do. A pack with
factors by merchant category and country is used first where it is installed; it is in euros of its own year.

Source:
    EPA Supply Chain GHG Emission Factors by NAICS-6 (purchaser prices, with margins); GHG Protocol Scope 3 Standard, category 1,
    spend-based method.
"""

from dataclasses import replace
from functools import lru_cache

from domain.factor import LifeCycleScope
from scoring.factors.factor_set import FactorSet
from scoring.fitting import fitting_rows
from scoring.purchase import PriceTables, price_tables, purchase_scale, sector_of, usd_per_unit
from scoring.rule import KindRule, Wanted
from scoring.search import Search

_LIFE_CYCLE = (LifeCycleScope.LIFE_CYCLE,)
_RATES = ("", "mcc")
_NEWEST_YEAR = 2022
"""Price year of the newest edition: it serves all years, because an older one differs by its method, too."""


def prepare_purchase(rule: KindRule, search: Search) -> Wanted:
    """What to look for: the industry of a payment, times the dollars of its price year in one unit of its currency.

    Args:
        rule: Of purchases.
        search: Collects what is to be said.

    Returns:
        What to look for.

    Raises:
        AttributeValueError: No industry or several are given, one is not known, or the month is missing.
        FactorError: A payment of this category is no purchase, or there is no exchange rate or price index for the month.
    """
    given, tables = search.attributes, _tables(search.factor_set)
    month = given.get("month") or f"{search.key.year}-06"
    if "month" not in given:
        search.flag("attribute_assumed")
        search.say("Month was not said: {} is taken for the exchange rate and the prices.", month)
    of_country = _of_country(rule, search, month, tables)
    if of_country is not None:
        return of_country
    sector = sector_of(given, tables)
    search.trace += sector.steps
    for flag in sector.flags:
        search.flag(flag)
    if "naics" not in given:
        search.flag("category_mapped")
    attributes = {"naics": sector.naics, "margins": given.get("margins", "with")}
    fitting = fitting_rows(rule, search.factor_set, Wanted("purchase", "USD", attributes, rates=("",)), "US")
    base_year = fitting.years[-1] if fitting else _NEWEST_YEAR
    scale = purchase_scale(search.key.unit, month, given.get("tax_percent", ""), base_year, tables)
    search.trace += scale.steps
    for flag in scale.flags:
        search.flag(flag)
    if search.key.region.partition("/")[0] not in {"US", ""}:
        search.flag("region_proxy")
        search.say("The factors are of US industries and stand in for this place.")
    return Wanted(
        "purchase",
        "USD",
        attributes,
        frozenset(attributes),
        scale=scale.base_usd_per_unit,
        regions=("US",),
        year=base_year,
    )


def _of_country(rule: KindRule, search: Search, month: str, tables: PriceTables) -> Wanted | None:
    """The factor by merchant category of the payment's own country, where a pack holds one; it is per euro of its own year.

    Prices are brought to that year by the US index, as everywhere: no other is held.
    """
    country, mcc = search.key.region.partition("/")[0], search.attributes.get("mcc", "")
    if not mcc or not country:
        return None
    wanted = Wanted("purchase", "EUR", {"mcc": mcc}, frozenset({"mcc"}), regions=(country,), rates=("mcc",))
    fitting = fitting_rows(rule, search.factor_set, wanted, country)
    if fitting is None:
        return None
    year = fitting.years[-1]
    tax = search.attributes.get("tax_percent", "")
    in_usd = purchase_scale(search.key.unit, month, tax, year, tables)
    euro = usd_per_unit("EUR", f"{year}-06", tables)
    search.trace += in_usd.steps
    for flag in in_usd.flags:
        search.flag(flag)
    search.say("Dollars of {} are turned into euros of {} at the mean rate of June of that year.", year, year)
    return replace(wanted, scale=in_usd.base_usd_per_unit / euro)


@lru_cache(maxsize=8)
def _tables(factor_set: FactorSet) -> PriceTables:
    names = ("fx_monthly", "cpi_us_monthly", "cpi_us_annual", "naics_titles", "mcc_naics", "plaid_naics")
    return price_tables(**{name: factor_set.table(name) for name in names})


RULES = (KindRule("purchase", _LIFE_CYCLE, rates=_RATES, is_timeless=True, needs_place=False, prepare=prepare_purchase),)
