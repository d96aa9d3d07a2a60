"""Rows of one place that fit what is wanted, by year."""

from bisect import bisect_right
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple, cast

from domain.factor import EmissionFactor, LifeCycleScope
from scoring.factors.factor_set import FactorSet
from scoring.rule import KindRule, Wanted


@dataclass(frozen=True, slots=True)
class Fitting:
    """Rows that differ by year only.

    Attributes:
        years: Years that are held, ascending.
        rows: The row of each year.
        scope: Their life-cycle scope.
        widened: Attributes that no row has as given, with the value taken.
        others: The same of less preferred publishers, which serve the years before this one's first.
    """

    years: tuple[int, ...]
    rows: tuple[EmissionFactor, ...]
    scope: LifeCycleScope
    widened: tuple[tuple[str, str], ...]
    others: "tuple[Fitting, ...]" = ()

    def of_year(self, year: int) -> "Fitting":
        """The most preferred publisher's that has a row for the year or an earlier one; its own where none has."""
        if self.years[0] <= year:
            return self
        return next((one for one in self.others if one.years[0] <= year), self)


class _Question(NamedTuple):
    """What one look-up depends on."""

    rows_kind: str
    unit: str
    attributes: tuple[tuple[str, str], ...]
    given: frozenset[str]
    rates: tuple[str, ...]
    scopes: tuple[LifeCycleScope, ...]
    publishers: tuple[str, ...]
    only_publishers: tuple[str, ...]
    widening: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Rows of one kind, region and unit, found by their attributes without looking at all of them.

    Attributes:
        names_of_sets: The names of attributes that rows carry, each combination once: few, where values are many.
        sets: Attributes to their place in the order of admission, and their rows.
    """

    names_of_sets: tuple[frozenset[str], ...]
    sets: Mapping[frozenset[tuple[str, str]], tuple[int, Sequence[EmissionFactor]]]


@lru_cache(maxsize=4096)
def _place(factor_set: FactorSet, kind: str, region: str, unit: str) -> _Place | None:
    by_attributes = factor_set.by_attributes(kind, region, unit)
    if not by_attributes:
        return None
    names = dict.fromkeys(frozenset(name for name, _ in attributes) for attributes in by_attributes)
    sets = {frozenset(attributes): (order, rows) for order, (attributes, rows) in enumerate(by_attributes.items())}
    return _Place(tuple(names), sets)


def _fitting(factor_set: FactorSet, region: str, question: _Question) -> Fitting | None:
    rows_kind, unit, attributes, given, rates, scopes, publishers, only, widening = question
    place = _place(factor_set, rows_kind, region, unit)
    if place is None:
        return None
    wanted = dict(attributes)
    widened: list[tuple[str, str]] = []
    for name, value in (("", ""), *widening):
        if name:
            if name not in wanted or wanted[name] == value:
                continue
            wanted[name] = value
            widened.append((name, value))
        rows = _of_attributes(place, wanted, given - {name for name, _ in widened}, rates, scopes)
        rows = [row for row in rows if row.publisher in only] if only else rows
        if rows:
            first, *others = (
                _by_year(_of_best_scope(of_publisher, scopes), tuple(widened)) for of_publisher in _by_publisher(rows, publishers)
            )
            return replace(first, others=tuple(others))
    return None


def first_fitting(rule: KindRule, factor_set: FactorSet, wanted: Wanted, regions: tuple[str, ...]) -> tuple[int, Fitting] | None:
    """The rows of the first of these regions that holds any that fit.

    Args:
        rule: Of the kind.
        factor_set: Rows to choose from.
        wanted: What to look for.
        regions: Places in the order to look in.

    Returns:
        Which of the regions, and its rows; None where none holds any.
    """
    key = (factor_set, regions, rule.number, wanted.number)
    found = _FIRST.get(key, _NOT_LOOKED)
    if found is _NOT_LOOKED:
        found = next(
            (
                (position, fitting)
                for position, region in enumerate(regions)
                if (fitting := fitting_rows(rule, factor_set, wanted, region)) is not None
            ),
            None,
        )
        if len(_FIRST) >= _KEPT_COUNT:
            _FIRST.clear()
        _FIRST[key] = found
    return cast("tuple[int, Fitting] | None", found)


_KEPT_COUNT = 65_536
_NOT_LOOKED = object()
_FIRST: dict[tuple[Hashable, ...], object] = {}
_LOOKED: dict[tuple[Hashable, ...], object] = {}


def fitting_rows(
    rule: KindRule,
    factor_set: FactorSet,
    wanted: Wanted,
    region: str,
    *,
    scopes: tuple[LifeCycleScope, ...] = (),
    publishers: tuple[str, ...] = (),
) -> Fitting | None:
    """The rows of one region that fit, of the best publisher and scope, by year.

    Args:
        rule: Of the kind.
        factor_set: Rows to choose from.
        wanted: What to look for.
        region: Exactly this region.
        scopes: Life-cycle scopes that may be used; the rule's where empty.
        publishers: Only these; any, the rule's preferred first, where empty.

    Returns:
        The rows; None where none fits.
    """
    key = (factor_set, region, rule.number, wanted.number, scopes, publishers)
    found = _LOOKED.get(key, _NOT_LOOKED)
    if found is _NOT_LOOKED:
        found = _fitting(
            factor_set,
            region,
            _Question(
                wanted.rows_kind,
                wanted.unit,
                tuple(sorted(wanted.attributes.items())),
                wanted.given,
                wanted.rates,
                scopes or wanted.scopes or rule.scopes,
                rule.home_publishers.get(region, rule.publishers),
                publishers,
                rule.widening if wanted.widening is None else wanted.widening,
            ),
        )
        if len(_LOOKED) >= _KEPT_COUNT:
            _LOOKED.clear()
        _LOOKED[key] = found
    return cast("Fitting | None", found)


def _of_attributes(
    place: _Place,
    wanted: Mapping[str, str],
    given: frozenset[str],
    rates: tuple[str, ...],
    scopes: tuple[LifeCycleScope, ...],
) -> list[EmissionFactor]:
    """Rows whose attributes all equal what is wanted; of these the ones that say most of what was given."""
    found: list[tuple[int, int, list[EmissionFactor]]] = []
    for names in place.names_of_sets:
        if not wanted.keys() >= names:
            continue
        held = place.sets.get(frozenset((name, wanted[name]) for name in names))
        if held is None:
            continue
        order, rows = held
        fit = [row for row in rows if row.rate in rates and row.life_cycle_scope in scopes]
        if fit:
            found.append((order, len(names & given), fit))
    if not found:
        return []
    best = max(count for _, count, _ in found)
    return [row for _, count, rows in sorted(found, key=_order) if count == best for row in rows]


_order = itemgetter(0)

OWN_FACTORS = "Own factors"
"""Publisher of what a user imported as factors of their own: believed first."""


def _by_publisher(rows: Sequence[EmissionFactor], publishers: tuple[str, ...]) -> list[list[EmissionFactor]]:
    """Rows by publisher: the user's own first, then as preferred, then in the order of admission."""
    found: dict[str, list[EmissionFactor]] = {name: [] for name in (OWN_FACTORS, *publishers)}
    for row in rows:
        found.setdefault(row.publisher, []).append(row)
    return [of_publisher for of_publisher in found.values() if of_publisher]


def _of_best_scope(rows: Sequence[EmissionFactor], scopes: Sequence[LifeCycleScope]) -> Sequence[EmissionFactor]:
    """Rows of the first scope that is held: scopes are never mixed by year."""
    rank = min(scopes.index(row.life_cycle_scope) for row in rows)
    return [row for row in rows if row.life_cycle_scope is scopes[rank]]


def _by_year(rows: Sequence[EmissionFactor], widened: tuple[tuple[str, str], ...]) -> Fitting:
    of_year: dict[int, list[EmissionFactor]] = {}
    for row in rows:
        of_year.setdefault(row.year, []).append(row)
    years = tuple(sorted(of_year))
    return Fitting(years, tuple(_best_row(of_year[year]) for year in years), rows[0].life_cycle_scope, widened)


def _best_row(rows: Sequence[EmissionFactor]) -> EmissionFactor:
    by_gas = [row for row in rows if not row.is_co2e_only]
    return (by_gas or list(rows))[-1]  # the newest admitted


def row_of_year(fitting: Fitting, year: int) -> EmissionFactor:
    """The row of a year, else of the newest earlier, else of the nearest later: of the publisher that serves that year."""
    served = fitting.of_year(year)
    at = bisect_right(served.years, year) - 1
    return served.rows[max(at, 0)]
