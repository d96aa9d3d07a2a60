"""The only multiplication of the product: an activity total x one factor, in integers."""

from bisect import bisect_right

from domain.errors import LineOverflowError
from domain.factor import CompiledFactor, GasSplit
from domain.number import INT64_MAX
from domain.units import MICRO_PER_UNIT

_HALF = MICRO_PER_UNIT // 2


def line_ug(quantity_micro: int, factor_ug_per_unit: int, *, record: str = "") -> int:
    """Micrograms of one gas in one inventory line.

    Args:
        quantity_micro: Sum of the line's activity, millionths of the kind's canonical unit; negative for refunds.
        factor_ug_per_unit: Emission factor of one gas, ug CO2e per canonical unit, 0 <= f <= 9.22e12.
        record: Which line, for the message.

    Returns:
        quantity x factor / 10^6, rounded half away from zero, ug CO2e. Every step stays inside 64 bits where the result does.

    Raises:
        LineOverflowError: The activity or the line is 2^63 or more (9.2 Mt in ug).

    Source:
        GHG Protocol Corporate Standard, chapter 6 (activity data x emission factor); shared design, arithmetic, section 1.
    """
    magnitude = abs(quantity_micro)
    whole, part = divmod(magnitude, MICRO_PER_UNIT)
    amount_ug = whole * factor_ug_per_unit + (part * factor_ug_per_unit + _HALF) // MICRO_PER_UNIT
    if magnitude > INT64_MAX or amount_ug > INT64_MAX:
        raise LineOverflowError(
            expected="an activity and a line below 2^63",
            got=f"{quantity_micro} millionths x {factor_ug_per_unit} ug",
            record=record,
            next_step="Check the unit of the activity; a quantity this large belongs in several subjects.",
        )
    return -amount_ug if quantity_micro < 0 else amount_ug


def line_emissions(quantity_micro: int, factor: CompiledFactor, *, record: str = "") -> GasSplit:
    """Emissions of one line by gas; the total is the sum of the parts.

    Args:
        quantity_micro: Millionths of the factor's unit.
        factor: The factor in integers.
        record: Which line, for the message.

    Returns:
        Micrograms of CO2e by gas, each rounded half away from zero.

    Raises:
        LineOverflowError: A gas or their sum is 2^63 or more.
    """
    per_unit = factor.ug_per_unit
    split = GasSplit(
        co2_ug=line_ug(quantity_micro, per_unit.co2_ug, record=record),
        ch4_ug=line_ug(quantity_micro, per_unit.ch4_ug, record=record),
        n2o_ug=line_ug(quantity_micro, per_unit.n2o_ug, record=record),
        unsplit_ug=line_ug(quantity_micro, per_unit.unsplit_ug, record=record),
        biogenic_co2_ug=line_ug(quantity_micro, per_unit.biogenic_co2_ug, record=record),
    )
    if abs(split.total_ug_co2e) > INT64_MAX:
        raise LineOverflowError(expected="a line below 2^63 ug", got=str(split.total_ug_co2e), record=record)
    return split


def most_micro(per_unit: GasSplit) -> int:
    """The largest activity of which every gas, and their sum, stay below 2^63 micrograms.

    Args:
        per_unit: Micrograms per canonical unit, by gas.

    Returns:
        Millionths of the unit; what is larger, `line_emissions` refuses. Engines compare with it before they multiply.
    """
    total_ug = per_unit.co2_ug + per_unit.ch4_ug + per_unit.n2o_ug + per_unit.unsplit_ug
    largest_ug = max(total_ug, per_unit.biogenic_co2_ug)
    if not largest_ug:
        return INT64_MAX
    about_micro = (INT64_MAX * MICRO_PER_UNIT) // largest_ug
    most_off_micro = 3 * MICRO_PER_UNIT // largest_ug + 1  # four gases are rounded by less than three together
    sizes_micro = range(max(0, about_micro - most_off_micro), min(INT64_MAX, about_micro + most_off_micro) + 1)
    fitting_count = bisect_right(sizes_micro, INT64_MAX, key=lambda size_micro: _largest_ug(per_unit, size_micro))
    return sizes_micro[fitting_count - 1] if fitting_count else INT64_MAX


def _largest_ug(per_unit: GasSplit, size_micro: int) -> int:
    """The largest of the amounts that must stay below 2^63: it grows with the activity."""
    gases = (per_unit.co2_ug, per_unit.ch4_ug, per_unit.n2o_ug, per_unit.unsplit_ug)
    return max(sum(_rounded_ug(size_micro, ug) for ug in gases), _rounded_ug(size_micro, per_unit.biogenic_co2_ug))


def _rounded_ug(size_micro: int, ug_per_unit: int) -> int:
    return (size_micro * ug_per_unit + _HALF) // MICRO_PER_UNIT
