"""The row of one search: where it was found, what was assumed, how old it is; every deviation is flagged."""

from domain.factor import EmissionFactor, LifeCycleScope
from scoring.fitting import Fitting, first_fitting, row_of_year
from scoring.rule import KindRule, Wanted
from scoring.search import Search
from scoring.words import PlaceStory, RegionName, RowStory

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


def choose_row(rule: KindRule, search: Search, wanted: Wanted) -> EmissionFactor | None:
    """The row that a search finds, with all that is to be said and flagged about it.

    Args:
        rule: Of the kind.
        search: Collects what is to be said.
        wanted: What to look for.

    Returns:
        The row; None where nothing fits.

    Raises:
        PlaceError: The key's region does not exist.
    """
    regions = wanted.regions or _chain(search)
    found = first_fitting(rule, search.factor_set, wanted, (*regions, *rule.proxies) if rule.proxies else regions)
    if found is not None:
        position, fitting = found
        region = fitting.rows[0].region
        if position >= len(regions):
            search.flag("region_proxy")
            search.say(
                "Neither this place nor a wider one has a row for {} that fits; {} stands in.",
                search.key.kind.replace("_", " "),
                RegionName(search.factor_set, region),
            )
        elif position and not wanted.regions and _is_widened(rule, region):
            search.flag("region_widened")
            search.say("No rate that fits is held for a finer place than {}.", RegionName(search.factor_set, region))
        return _of_fitting(rule, search, fitting, wanted)
    search.say(
        "No rate for {} in {} is held for {}.",
        search.key.kind,
        search.key.unit,
        RegionName(search.factor_set, search.key.region or "WORLD"),
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
    row = row_of_year(fitting, wanted.year or search.key.year)
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
            "The inventory asks for {}; of the publisher that is believed first here only {} is held, which is usually higher. "
            "It is used and flagged.",
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


def part_flags(search: Search, row: EmissionFactor, *, other_year: int = 0) -> tuple[str, ...]:
    """What is to be flagged of the row of a further part: its age, and how it is weighted.

    Args:
        search: For the year and the weighting of the activity.
        row: The row.
        other_year: Year of another number that the part depends on; 0 where there is none.

    Returns:
        Flags.
    """
    years = {row.year, other_year or row.year}
    flags = ["year_earlier"] if min(years) < search.key.year else []
    if max(years) > search.key.year:
        flags.append("year_later")
    if row.is_co2e_only:
        flags.append("co2e_only")
        if row.gwp_set not in {str(search.gwp_set), ""}:
            flags.append("gwp_set_differs")
    return tuple(flags)
