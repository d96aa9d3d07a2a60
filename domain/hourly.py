"""The mean of a grid's hourly factors over the hours in which electricity was used."""

from dataclasses import dataclass
from fractions import Fraction

from domain.factor import CompiledFactor, LifeCycleScope

HOURLY = "hourly"
"""Flag: the line's factor is the mean of hourly factors, weighted by its readings."""

HOURLY_SPREAD = "hourly_spread"
"""Flag: some readings are longer than an hour and were spread evenly over their hours."""

HOURLY_INCOMPLETE = "hourly_incomplete"
"""Flag: hourly factors are held for a part of the readings only, so the annual average stands."""

HOURLY_SCOPE_DIFFERS = "hourly_scope_differs"
"""Flag: the hourly factors that are held count more than the annual average does, so that stands."""


@dataclass(frozen=True, slots=True)
class HourlyMean:
    """What hourly factors say about the electricity of one month (or year, of an estimate) and activity key.

    Attributes:
        chosen: The identity row, scaled by the mean: exact kg CO2e per kWh; None where it is not used.
        refusal: Flag that says why it is not used; empty where it is.
        publisher: Who published the hourly factors.
        editions: Their editions, sorted.
        region_name: The grid, for people.
        is_widened: A finer place of the activity has no hourly factors.
        life_cycle_scope: What the hourly factors count.
        quantity_micro: The electricity, millionths of a kWh.
        covered_ratio: Share of it that is read hour by hour and has hourly factors, 0 to 1; None where that is not known.
        hour_count: Hours with a use above zero; None where that is not known: a line says the mean alone.
        is_spread: Some readings are longer than an hour.
    """

    chosen: CompiledFactor | None
    refusal: str
    publisher: str
    editions: tuple[str, ...]
    region_name: str
    is_widened: bool
    life_cycle_scope: LifeCycleScope
    quantity_micro: int
    covered_ratio: Fraction | None = None
    hour_count: int | None = None
    is_spread: bool = False
