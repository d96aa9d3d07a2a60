"""The supply of a fuel (well to tank) as a line of its own, where the publisher of the use says it: scope 3, category 3."""

from domain.activity import find_kind
from domain.factor import Addition, EmissionFactor, LifeCycleScope, Part
from domain.kinds import scope_and_category
from scoring.choose import part_flags
from scoring.fitting import Fitting, fitting_rows, row_of_year
from scoring.rule import KindRule, Wanted
from scoring.search import Search
from scoring.words import RowInWords

_UPSTREAM, _GRID_LOSS = (LifeCycleScope.UPSTREAM,), (LifeCycleScope.GRID_LOSS,)
LOSS_RATES = ("grid_loss",)
"""Rate that DESNZ's supply of what is lost on the way is held under."""


def upstream(rule: KindRule, search: Search, wanted: Wanted, row: EmissionFactor) -> tuple[Addition, ...]:
    """The supply of what an activity uses, by the publisher of its use.

    Args:
        rule: Of the kind.
        search: Collects what is to be said.
        wanted: What the use was searched with.
        row: The row of the use.

    Returns:
        One addition; none where the publisher has no such row for the place (flagged), or where the use counts it already.

    Source:
        GHG Protocol Scope 3 Standard, category 3, activity A (upstream emissions of purchased fuels); for a journey that
        somebody else provides the supply is part of that journey's own category.
    """
    if row.life_cycle_scope in {LifeCycleScope.LIFE_CYCLE, LifeCycleScope.AS_REPORTED}:
        return ()
    fitting = _by_publisher(rule, search, wanted, row, _UPSTREAM)
    if fitting is None:
        search.flag("upstream_not_held")
        return ()
    found = row_of_year(fitting, wanted.year or search.key.year)
    search.say("Beside it, as a line of its own, the supply of the fuel. {}", RowInWords(search.factor_set, found))
    chosen = search.factor_set.compiled(found, search.gwp_set, wanted.scale)
    return (Addition(Part.UPSTREAM, chosen, 3, upstream_category(search), part_flags(search, found)),)


def upstream_and_loss(rule: KindRule, search: Search, wanted: Wanted, row: EmissionFactor) -> tuple[Addition, ...]:
    """The supply of a network's fuel, what the network loses on the way, and the supply of that, by the publisher of its use.

    Args:
        rule: Of the kind.
        search: Collects what is to be said.
        wanted: What the use was searched with.
        row: The row of the use.

    Returns:
        Up to three additions.

    Source:
        GHG Protocol Scope 3 Standard, category 3, activities B and C.
    """
    found = list(upstream(rule, search, wanted, row))
    fitting = _by_publisher(rule, search, wanted, row, _GRID_LOSS)
    if fitting is None:
        search.flag("grid_loss_not_held")
        return tuple(found)
    loss = row_of_year(fitting, search.key.year)
    search.say("Beside it, what the network loses on the way. {}", RowInWords(search.factor_set, loss))
    chosen = search.factor_set.compiled(loss, search.gwp_set, wanted.scale)
    found.append(Addition(Part.GRID_LOSS, chosen, 3, 3, part_flags(search, loss)))
    of_loss = Wanted(wanted.rows_kind, wanted.unit, wanted.attributes, wanted.given, wanted.scale, rates=LOSS_RATES)
    supply = _by_publisher(rule, search, of_loss, row, _UPSTREAM)
    if supply is not None:
        lost = row_of_year(supply, search.key.year)
        search.say("Beside it, the supply of what is lost. {}", RowInWords(search.factor_set, lost))
        chosen = search.factor_set.compiled(lost, search.gwp_set, wanted.scale)
        found.append(Addition(Part.GRID_LOSS_UPSTREAM, chosen, 3, 3, part_flags(search, lost)))
    return tuple(found)


def _by_publisher(
    rule: KindRule, search: Search, wanted: Wanted, row: EmissionFactor, scopes: tuple[LifeCycleScope, ...]
) -> Fitting | None:
    """Rows of another scope by the publisher and for the place of a row."""
    return fitting_rows(rule, search.factor_set, wanted, row.region, scopes=scopes, publishers=(row.publisher,))


def upstream_category(search: Search) -> int:
    """Scope 3 category of the supply: that of the journey where somebody else provides it, else 3 (fuel and energy)."""
    scope, category = scope_and_category(find_kind(search.key.kind), search.attributes)
    return category if scope == 3 else 3  # noqa: PLR2004 - scope 3 is scope 3
