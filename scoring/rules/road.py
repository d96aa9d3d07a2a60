"""Driving: cars, motorcycles, vans, heavy goods vehicles.

What a battery draws is a part of its own: published kilowatt-hours per kilometre times the electricity of the place. The exhaust
of a battery car is a legal zero.

Source:
    GHG Protocol Corporate Standard, scope 1 (mobile combustion) and scope 2 (electricity of own vehicles).
"""

from dataclasses import replace
from fractions import Fraction
from functools import lru_cache

from domain.activity import ActivityKey, find_kind
from domain.factor import Addition, Basis, EmissionFactor, LifeCycleScope, Part
from domain.kinds import scope_and_category
from domain.number import decimal_from_text, fraction_of
from scoring.choose import choose_row, part_flags
from scoring.factors.factor_set import FactorSet
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules import electricity
from scoring.rules.upstream import upstream
from scoring.search import Search

_SCOPES = (LifeCycleScope.COMBUSTION, LifeCycleScope.OPERATION, LifeCycleScope.LIFE_CYCLE)
_PUBLISHERS = ("EPA GHG Emission Factors Hub", "UK DESNZ/Defra", "ADEME")
_WITH_BATTERY = frozenset({"electric", "plug_in_hybrid"})
_AVERAGE_LIKE = frozenset({"petrol", "diesel", "unknown"})


def prepare_driven(rule: KindRule, search: Search) -> Wanted:
    """Rows of a vehicle driven: a place that only holds an average vehicle serves petrol and diesel, never a hybrid or battery.

    Args:
        rule: Of the kind.
        search: Collects what is to be said.

    Returns:
        What to look for.

    Raises:
        AttributeValueError: An attribute has a value that no row carries.
    """
    wanted = plain_wanted(rule, search)
    if "segment" in wanted.given:
        if "size" in wanted.given:
            search.say("The market segment is known: the size is not used.")
        wanted = replace(wanted, attributes={name: v for name, v in wanted.attributes.items() if name != "size"})
    if wanted.attributes["powertrain"] not in _AVERAGE_LIKE:
        widening = tuple((name, value) for name, value in rule.widening if name != "powertrain")
        wanted = replace(wanted, widening=widening)
    return wanted


def battery(rule: KindRule, search: Search, wanted: Wanted, row: EmissionFactor) -> tuple[Addition, ...]:
    """What a vehicle draws from the grid, with the grid's own parts, and the supply of the fuel that it burns.

    Args:
        rule: Of the kind.
        search: Collects what is to be said.
        wanted: What the exhaust was searched with.
        row: The row of the exhaust.

    Returns:
        The additions.
    """
    powertrain = wanted.attributes["powertrain"]
    if row.life_cycle_scope is LifeCycleScope.LIFE_CYCLE:
        return ()  # the publisher counts the electricity, and its supply, already
    if powertrain not in _WITH_BATTERY:
        return upstream(rule, search, wanted, row)
    found = () if powertrain == "electric" else upstream(rule, search, wanted, row)
    drawn = _kwh_per_km(search, rule, wanted)
    if drawn is None:
        search.flag("vehicle_electricity_not_held")
        search.say("How much electricity it draws per kilometre is not held, so that part is missing.")
        return found
    return (*found, *_electricity(search, drawn))


def _kwh_per_km(search: Search, rule: KindRule, wanted: Wanted) -> Fraction | None:
    by_vehicle = _consumption(search.factor_set)
    names = ("segment", "size") if rule.kind == "car" else ("weight_class",)
    for name in names:
        value = wanted.attributes.get(name, "")
        years = by_vehicle.get((rule.kind, wanted.attributes["powertrain"], value), {})
        if value and years:
            year = max((one for one in years if one <= search.key.year), default=min(years))
            text = years[year]
            search.say(
                "Electricity of the battery: {} kWh per km ({} {}, UK DESNZ/Defra {}, SECR kWh tables).",
                text,
                value.replace("_", " "),
                rule.kind,
                year,
            )
            return fraction_of(decimal_from_text(text))
    return None


@lru_cache(maxsize=8)
def _consumption(factor_set: FactorSet) -> dict[tuple[str, str, str], dict[int, str]]:
    """Vehicle, powertrain and size, segment or class to year to kWh per km."""
    found: dict[tuple[str, str, str], dict[int, str]] = {}
    for line in factor_set.table("vehicle_kwh_per_km"):
        if line["energy"] != "electricity" or Fraction(line["kwh_per_km_text"]) == 0:
            continue  # some editions print 0 for vehicles that do draw electricity
        which = line["segment"] or line["size"] or line["weight_class"]
        found.setdefault((line["vehicle"], line["powertrain"], which), {})[int(line["year"])] = line["kwh_per_km_text"]
    return found


def _electricity(search: Search, kwh_per_km: Fraction) -> tuple[Addition, ...]:
    """What is drawn from the grid of the place, with everything that is flagged of it."""
    key = search.key
    grid_search = Search(
        ActivityKey("electricity", key.region, key.year, "kWh"), search.factor_set, Basis.LOCATION, search.gwp_set
    )
    row = choose_row(electricity.RULES[0], grid_search, electricity.AVERAGE)
    if row is None:
        return ()
    scope, category = scope_and_category(find_kind(key.kind), search.attributes)
    of_use, of_loss = ((3, category), (3, category)) if scope == 3 else ((2, 0), (3, 3))  # noqa: PLR2004 - scope 3 is scope 3
    parts = electricity.grid_loss_parts(electricity.RULES[0], grid_search, row)
    search.flag("charging_may_be_metered")
    search.say("The electricity is charged there:")
    search.trace += grid_search.trace
    flags = tuple(grid_search.flags)
    chosen = search.factor_set.compiled(row, search.gwp_set, kwh_per_km)
    found = [Addition(Part.ELECTRICITY, chosen, *of_use, flags)]
    for one in parts:
        of_part = search.factor_set.compiled(one.row, search.gwp_set, one.scale * kwh_per_km)
        part = Part.ELECTRICITY_UPSTREAM if one.part is Part.UPSTREAM else one.part
        found.append(Addition(part, of_part, *of_loss, part_flags(search, one.row, other_year=one.loss_year)))
    for flag in flags:
        search.flag(flag)
    return tuple(found)


_GENERAL_CAR = {"powertrain": "unknown", "size": "average"}
_RATES = ("", "passenger_vehicles", "delivery_vehicles", "use")

RULES = (
    KindRule(
        "car",
        _SCOPES,
        rates=_RATES,
        general=_GENERAL_CAR,
        widening=(("size", "average"), ("powertrain", "unknown")),
        proxies=("GB",),
        prepare=prepare_driven,
        additions=battery,
    ),
    KindRule(
        "motorcycle",
        _SCOPES,
        rates=_RATES,
        general={"size": "average"},
        widening=(("size", "average"),),
        proxies=("GB",),
        additions=upstream,
    ),
    KindRule(
        "van",
        _SCOPES,
        rates=_RATES,
        general={"powertrain": "unknown", "weight_class": "average"},
        widening=(("weight_class", "average"), ("powertrain", "unknown")),
        proxies=("GB",),
        prepare=prepare_driven,
        additions=battery,
    ),
    KindRule(
        "truck",
        _SCOPES,
        rates=_RATES,
        general={"vehicle": "all", "laden": "average"},
        usual={"is_refrigerated": "no"},
        widening=(("laden", "average"), ("vehicle", "all")),
        proxies=("GB",),
        additions=upstream,
    ),
)
