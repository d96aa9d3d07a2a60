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
from domain.factor import Basis, EmissionFactor, GwpSet, LifeCycleScope, Resolution
from domain.kinds import checked_attributes
from scoring.factors.factor_set import FactorSet
from scoring.fitting import Fitting, first_fitting, row_of_year
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules import RULES
from scoring.search import Search
from scoring.words import PlaceStory, RegionName, RowStory

__all__ = ["RULES", "check_key", "resolve", "resolve_uncached"]

_SCOPE_WORDS = {
    LifeCycleScope.GENERATION: "emissions at the power stations",
    LifeCycleScope.LIFE_CYCLE: "the whole life cycle (supply, building, operation)",
    LifeCycleScope.COMBUSTION: "emissions where the fuel is burnt",
    LifeCycleScope.OPERATION: "emissions of running it, fuel and electricity",
    LifeCycleScope.UPSTREAM: "emissions of supplying the fuel",
    LifeCycleScope.GRID_LOSS: "emissions of what the grid loses",
    LifeCycleScope.AS_REPORTED: "what the source itself counts",
}


_DIRECT = frozenset({LifeCycleScope.GENERATION, LifeCycleScope.COMBUSTION, LifeCycleScope.OPERATION})
"""Scopes that count the same thing, the use itself, for different things used."""


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
    wanted = _wanted(rule, search)
    row = _row(rule, search, wanted)
    if row is None:
        return None
    chosen = search.factor_set.compiled(row, search.gwp_set, wanted.scale)
    additions = rule.additions(rule, search, wanted, row) if rule.additions else ()
    beside = rule.beside(rule, search, wanted, row) if rule.beside else ()
    return Resolution(search.key, search.basis, chosen, tuple(search.trace), tuple(search.flags), additions, beside)


def _unscored(search: Search) -> Resolution:
    search.say(
        "Unscored: counted and shown, never as zero. What would fit: a factor of your own in kg CO2e/{}, or another kind ({}).",
        search.key.unit,
        ", ".join(RULES),
    )
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


def _row(rule: KindRule, search: Search, wanted: Wanted) -> EmissionFactor | None:
    """The row that a search finds, with all that is to be said about it."""
    regions = wanted.regions or _chain(search)
    found = first_fitting(rule, search.factor_set, wanted, (*regions, *rule.proxies) if rule.proxies else regions)
    if found is not None:
        position, fitting = found
        region = fitting.rows[0].region
        if position >= len(regions):
            search.flag("region_proxy")
            search.say(
                "No publisher that is held covers {} for this place or a wider one; {} stands in.",
                search.key.kind,
                RegionName(search.factor_set, region),
            )
        elif position and not wanted.regions and _is_widened(rule, region):
            search.flag("region_widened")
            search.say("Nothing is held for a finer place than {}.", RegionName(search.factor_set, region))
        return _of_fitting(rule, search, fitting, wanted)
    search.say(
        "No rate for {} in {} is held for {}.", search.key.kind, search.key.unit, RegionName(search.factor_set, search.key.region)
    )
    return None


def _is_widened(rule: KindRule, region: str) -> bool:
    """Whether a finer place would have another factor: grids differ inside a country, fuels and vehicles do not."""
    return rule.kind in _GRID_KINDS or (region.startswith("WORLD") and not rule.is_global)


def _chain(search: Search) -> tuple[str, ...]:
    region, chain = search.key.region, search.chain
    if not region:
        return chain
    is_grid = search.key.kind in _GRID_KINDS
    utility = search.attributes["utility"] if search.is_place_decided else ""
    if is_grid and not utility and region.startswith("US/zip/") and search.factor_set.is_on_several_grids(region):
        search.flag("zip_in_several_subregions")
    search.trace.append(PlaceStory(search.factor_set, region, chain[0], is_grid, utility))
    return chain


_GRID_KINDS = frozenset({"electricity", "electricity_export", "electricity_certificate"})


def _of_fitting(rule: KindRule, search: Search, fitting: Fitting, wanted: Wanted) -> EmissionFactor:
    scopes = wanted.scopes or rule.scopes
    fitting = fitting.of_year(search.key.year)
    row = row_of_year(fitting, search.key.year)
    for name, value in fitting.widened:
        search.flag("attribute_widened")
        search.say("No row is held for {} {}; {} is taken.", name.replace("_", " "), search.attributes.get(name, ""), value)
    for name, value in wanted.assumed:
        if name in row.attributes:
            search.flag("attribute_assumed")
            search.say("{} was not said: {} is taken.", name.replace("_", " ").capitalize(), value)
    if row.life_cycle_scope is not scopes[0] and not {row.life_cycle_scope, scopes[0]} <= _DIRECT:
        search.flag("life_cycle_scope_differs")
        search.say(
            "The inventory asks for {}; for this place only {} is held, which is usually higher. It is used and flagged.",
            _SCOPE_WORDS[scopes[0]],
            _SCOPE_WORDS[row.life_cycle_scope],
        )
    if row.life_cycle_scope is not LifeCycleScope.AS_REPORTED:
        _tell(search, row, () if rule.is_timeless or wanted.is_timeless else fitting.years)
    return row


def _tell(search: Search, row: EmissionFactor, years: tuple[int, ...]) -> None:
    """Flag the age and the weighting of a row, and tell it."""
    wanted_year = search.key.year
    if years and row.year != wanted_year:
        search.flag("year_earlier" if row.year < wanted_year else "year_later")
    if row.is_co2e_only:
        search.flag("co2e_only")
        if row.gwp_set not in {str(search.gwp_set), ""}:
            search.flag("gwp_set_differs")
    search.trace.append(RowStory(search.factor_set, row, search.gwp_set, wanted_year, years))
