"""Which published factor an activity gets, and every step of the way.

    1. the finest region that holds a factor: utility or ZIP -> eGRID subregion -> state -> country -> continent -> world;
       where none does, the regions whose publishers stand in (flagged)
    2. the attributes as given; those left out at their general value, those without a row widened (flagged)
    3. the preferred publisher of that activity
    4. the matching life-cycle scope where the publisher holds it; another one is flagged
    5. the year of the activity, else the newest earlier, else the nearest later; both flagged
    6. rows by gas before rows in CO2e only; the newest admitted of what is left

Nothing that fits: the activity is unscored, never zero.

Source:
    shared design, arithmetic, section 4; GHG Protocol Scope 2 Guidance, tables 6.2 and 6.3 (hierarchies of both methods).
"""

from functools import lru_cache

from domain.activity import ActivityKey, find_kind
from domain.errors import ClimateFitnessError, DimensionError
from domain.factor import Basis, GwpSet, Resolution
from domain.kinds import checked_attributes
from scoring.choose import choose_row
from scoring.factors.factor_set import FactorSet
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules import RULES
from scoring.search import Search
from scoring.what_fits import WhatFits

__all__ = ["RULES", "check_key", "resolve", "resolve_uncached"]


def resolve(key: ActivityKey, factor_set: FactorSet, basis: Basis, *, gwp_set: GwpSet = GwpSet.AR5) -> Resolution:
    """The factor of an activity key on one basis, with every step taken.

    Args:
        key: What the factor depends on.
        factor_set: Rows to choose from.
        basis: Location or market.
        gwp_set: Set that single gases are weighted with.

    Returns:
        The choice; `chosen` is None where nothing fits, or where the key says what cannot be (`check_key` refuses it at intake):
        the steps then say why.
    """
    return _resolve(key, factor_set, basis, gwp_set)


def check_key(key: ActivityKey, factor_set: FactorSet) -> None:
    """Refuse an activity key that no factor can ever fit: an unknown airport, food or category, a currency without a rate.

    Args:
        key: The key.
        factor_set: Rows to choose from.

    Raises:
        KindError: There is no such kind.
        DimensionError: Its quantities are not kept in the key's unit.
        AttributeValueError: An attribute is missing, or has a value that is not in the factor set.
        PlaceError: The key's region does not exist.
        FactorError: A table has no number for it: a currency without a rate in that month.
    """
    kind = find_kind(key.kind)
    checked_attributes(kind, dict(key.attributes))
    if key.region:
        factor_set.regions.chain(key.region, record="region")
        factor_set.chain(key.region, dict(key.attributes).get("utility", ""))
    rule = RULES.get(key.kind)
    if rule is not None:
        for basis in Basis if rule.is_purchased_energy else (Basis.LOCATION,):
            _wanted(rule, Search(key, factor_set, basis, GwpSet.AR5))


@lru_cache(maxsize=65_536)
def _resolve(key: ActivityKey, factor_set: FactorSet, basis: Basis, gwp_set: GwpSet) -> Resolution:
    return _found(key, factor_set, basis, gwp_set)


def resolve_uncached(key: ActivityKey, factor_set: FactorSet, basis: Basis, *, gwp_set: GwpSet = GwpSet.AR5) -> Resolution:
    """The same without a cache, for measuring."""
    return _found(key, factor_set, basis, gwp_set)


def _found(key: ActivityKey, factor_set: FactorSet, basis: Basis, gwp_set: GwpSet) -> Resolution:
    rule = RULES.get(key.kind)
    search = Search(key, factor_set, basis, gwp_set)
    if rule is None:
        search.say("There is no rule for {} yet.", key.kind)
        return _unscored(search)
    try:
        found = _chosen(rule, search)
    except ClimateFitnessError as error:
        search.say("{}", error.sentence())
        found = None
    return found or _unscored(search)


def _chosen(rule: KindRule, search: Search) -> Resolution | None:
    """The choice with all parts; None where nothing fits.

    Raises:
        ClimateFitnessError: The key says something that cannot be; the caller makes it the reason.
    """
    search.flags += rule.always
    wanted = _wanted(rule, search)
    row = choose_row(rule, search, wanted)
    if row is None:
        return None
    chosen = search.factor_set.compiled(row, search.gwp_set, wanted.scale)
    additions = rule.additions(rule, search, wanted, row) if rule.additions else ()
    beside = rule.beside(rule, search, wanted, row) if rule.beside else ()
    return Resolution(search.key, search.basis, chosen, tuple(search.trace), tuple(search.flags), additions, beside)


def _unscored(search: Search) -> Resolution:
    key = search.key
    search.trace.append(WhatFits(key, search.factor_set, search.basis, search.gwp_set, RULES.get(key.kind), RULES))
    return Resolution(search.key, search.basis, None, tuple(search.trace), tuple(search.flags))


def _wanted(rule: KindRule, search: Search) -> Wanted:
    """What to look for, the unit and every attribute checked: a key may come from a stranger's bundle.

    Raises:
        DimensionError: The kind's quantities are not kept in the key's unit.
        AttributeValueError: An attribute is missing or unknown, or has a value that the kind or the rows do not have.
    """
    _check_attributes(search.key.kind, search.key.attributes)
    if search.key.unit not in _kept_units(search.key.kind):
        raise DimensionError(
            f"{search.key.kind} is not kept in {search.key.unit}",
            expected=f"one of {', '.join(find_kind(search.key.kind).kept_units())}",
            got=search.key.unit,
        )
    if rule.prepare is not None:
        return rule.prepare(rule, search)
    return plain_wanted(rule, search)


@lru_cache(maxsize=16_384)
def _check_attributes(kind: str, attributes: tuple[tuple[str, str], ...]) -> None:
    checked_attributes(find_kind(kind), dict(attributes))


@lru_cache(maxsize=64)
def _kept_units(kind: str) -> frozenset[str]:
    return frozenset(find_kind(kind).kept_units())
