"""Hourly factors of a factor set by place and hour, made once per set: from rows to integers that add up fast."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import lru_cache
from math import lcm

from domain.factor import EmissionFactor, Gas, LifeCycleScope
from domain.number import decimal_from_text, fraction_of
from scoring.factors.compile import ug_per_published_unit
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.hourly_grid import HOURLY_KIND

HOUR_S = 3_600
_UG_PER_KG = 1_000_000_000


@dataclass(frozen=True, slots=True, eq=False)
class HourlySeries:
    """The hourly factors of one place by one publisher.

    Attributes:
        region: Path of the place.
        publisher: Who published them.
        life_cycle_scope: What they count.
        numbers: Hour (since 1970, UTC) to its factor as an integer; of rows for one hour the one admitted last.
        per_kg: What a number is divided by to give kg CO2e per kWh.
        editions: Hour to the edition of its row.
    """

    region: str
    publisher: str
    life_cycle_scope: LifeCycleScope
    numbers: Mapping[int, int]
    per_kg: int
    editions: Mapping[int, str]


def hourly_series(factor_set: FactorSet, region: str) -> tuple[HourlySeries, ...]:
    """The hourly factors that a set holds for exactly this place.

    Args:
        factor_set: Rows to choose from.
        region: Path of the place.

    Returns:
        One series per publisher and scope: those at the power stations first, then those admitted last; none without a pack.
    """
    return _all_series(factor_set).get(region, ()) if holds_any_hours(factor_set) else ()


def holds_any_hours(factor_set: FactorSet) -> bool:
    """Whether a set has any hourly factor: the shipped one has none."""
    return bool(factor_set.of_kind(HOURLY_KIND))


def identity_row(factor_set: FactorSet) -> EmissionFactor:
    """The row of the set that gives one kilogram for one kilogram."""
    return factor_set.of_kind("reported_emissions")[0]


@lru_cache(maxsize=8)
def _all_series(factor_set: FactorSet) -> Mapping[str, tuple[HourlySeries, ...]]:
    rows_of: dict[tuple[str, str, LifeCycleScope], dict[int, EmissionFactor]] = {}
    for row in factor_set.of_kind(HOURLY_KIND):
        hour = int(datetime.fromisoformat(f"{row.attributes['hour']}:00:00+00:00").timestamp()) // HOUR_S
        rows_of.setdefault((row.region, row.publisher, row.life_cycle_scope), {})[hour] = row
    found: dict[str, list[HourlySeries]] = {}
    for (region, publisher, scope), rows in reversed(rows_of.items()):
        found.setdefault(region, []).append(_series(region, publisher, scope, rows))
    return {
        region: tuple(sorted(of_region, key=lambda one: one.life_cycle_scope is not LifeCycleScope.GENERATION))
        for region, of_region in found.items()
    }


def _series(region: str, publisher: str, scope: LifeCycleScope, rows: Mapping[int, EmissionFactor]) -> HourlySeries:
    exact: dict[tuple[str, str, str], Fraction] = {}
    for row in rows.values():
        said = (row.published[Gas.CO2E], row.published_unit, row.unit)
        if said not in exact:
            exact[said] = fraction_of(decimal_from_text(said[0])) * ug_per_published_unit(said[1], said[2]) / _UG_PER_KG
    per_kg = lcm(*(kg_per_kwh.denominator for kg_per_kwh in exact.values()))
    number_of = {said: int(kg_per_kwh * per_kg) for said, kg_per_kwh in exact.items()}
    return HourlySeries(
        region=region,
        publisher=publisher,
        life_cycle_scope=scope,
        numbers={hour: number_of[row.published[Gas.CO2E], row.published_unit, row.unit] for hour, row in rows.items()},
        per_kg=per_kg,
        editions={hour: row.edition for hour, row in rows.items()},
    )
