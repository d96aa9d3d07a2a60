"""Rows of one place that fit what is wanted, by year."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

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
    """

    years: tuple[int, ...]
    rows: tuple[EmissionFactor, ...]
    scope: LifeCycleScope
    widened: tuple[tuple[str, str], ...]


class _Question(NamedTuple):
    """What one look-up depends on."""

    rows_kind: str
    unit: str
    attributes: tuple[tuple[str, str], ...]
    given: frozenset[str]
    rates: tuple[str, ...]
    scopes: tuple[LifeCycleScope, ...]
    publishers: tuple[str, ...]
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


@lru_cache(maxsize=65_536)
def _fitting(factor_set: FactorSet, region: str, question: _Question) -> Fitting | None:
    rows_kind, unit, attributes, given, rates, scopes, publishers, widening = question
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
        if rows:
            return _by_year(_of_best_scope(_of_best_publisher(rows, publishers), scopes), tuple(widened))
    return None


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
        publishers: Preferred ones; the rule's where empty.

    Returns:
        The rows; None where none fits.
    """
    if not factor_set.by_attributes(wanted.rows_kind, region, wanted.unit):
        return None  # most places hold nothing of a kind: no question is made for them
    question = _Question(
        wanted.rows_kind,
        wanted.unit,
        tuple(sorted(wanted.attributes.items())),
        wanted.given,
        wanted.rates,
        scopes or wanted.scopes or rule.scopes,
        publishers or rule.home_publishers.get(region, rule.publishers),
        rule.widening if wanted.widening is None else wanted.widening,
    )
    return _fitting(factor_set, region, question)


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


def _of_best_publisher(rows: Sequence[EmissionFactor], publishers: tuple[str, ...]) -> Sequence[EmissionFactor]:
    for publisher in (OWN_FACTORS, *publishers):
        found = [row for row in rows if row.publisher == publisher]
        if found:
            return found
    first = rows[0].publisher
    return [row for row in rows if row.publisher == first] if publishers else rows


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
    """The row of a year, else of the newest earlier, else of the nearest later."""
    at = bisect_right(fitting.years, year) - 1
    return fitting.rows[max(at, 0)]
