"""Electricity by the hour: the mean of the grid's hourly factors, weighted by the hours in which it was used.

    mean = sum(kWh of the hour x factor of the hour) / sum(kWh of the hour), exact; one mean per month and activity key

It takes the place of the annual average where hourly factors are held for every hour with a use above zero, for a place no wider
and a scope no other than the average's: on the location basis, and on the market basis where the average would stand in there (no
contract, no residual mix). Else the average stands, flagged. What the grid loses stays with the annual average.

Readings inside one hour belong to it. A longer one, or one across an hour's edge, is divided by time over the hours that it
covers, by cumulative floors, so that the parts add up. A bill has no hours.

Source:
    GHG Protocol Scope 2 Guidance, section 6.6 and tables 6.2 and 6.3; shared design, arithmetic, section 1 (hourly factors: dot
    product of profile and factors, one line per month).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import NamedTuple

from domain.activity import Activity, ActivityKey, Profile
from domain.errors import AttributeValueError
from domain.factor import Basis, GwpSet, LifeCycleScope, Resolution, Step
from domain.hourly import HOURLY, HOURLY_INCOMPLETE, HOURLY_SCOPE_DIFFERS, HOURLY_SPREAD, HourlyMean
from domain.number import fraction_to_text, quantize_text
from domain.period import Month
from domain.split import split_in_proportion
from domain.statement import ActivityTotal, Line
from domain.units import MICRO_PER_UNIT
from scoring.factors.factor_set import FactorSet
from scoring.factors.hourly import HOUR_S, HourlySeries, holds_any_hours, hourly_series, identity_row
from scoring.resolve import resolve

_KIND = "electricity"
_UG_PER_KG = 1_000_000_000
_ANNUAL_FLAGS = frozenset(
    {
        *("year_earlier", "year_later", "co2e_only", "gwp_set_differs"),
        *("life_cycle_scope_differs", "region_widened", "region_proxy"),
    }
)
"""What is said of the annual average alone."""

_GWP_SET = GwpSet.AR5
"""Any would do: the identity row is in CO2e only."""

_SCOPE_ORDER = (LifeCycleScope.GENERATION, LifeCycleScope.LIFE_CYCLE)


@dataclass
class HourWeights:
    """Electricity by the hour.

    Attributes:
        hours_micro: Hour (since 1970, UTC) to millionths of a kWh.
        quantity_micro: All of it, also what has no hours.
        without_hours_micro: Magnitude of what has no hours: bills.
        is_spread: Some readings are longer than an hour.
    """

    hours_micro: dict[int, int] = field(default_factory=dict)
    quantity_micro: int = 0
    without_hours_micro: int = 0
    is_spread: bool = False

    def add(self, start_s: int, quantity_micro: int, profile: Profile | None) -> None:
        """Take an activity in.

        Args:
            start_s: Its begin, seconds since 1970.
            quantity_micro: Millionths of a kWh.
            profile: Its readings; None for a bill.
        """
        self.quantity_micro += quantity_micro
        if profile is None:
            self.without_hours_micro += abs(quantity_micro)
            return
        hours_micro = self.hours_micro
        for offset_s, duration_s, part_micro in zip(profile.starts_s, profile.durations_s, profile.quantities_micro, strict=True):
            first_s = start_s + offset_s
            hour = first_s // HOUR_S
            if duration_s <= HOUR_S and first_s + duration_s <= (hour + 1) * HOUR_S:
                hours_micro[hour] = hours_micro.get(hour, 0) + part_micro
                continue
            self.is_spread |= duration_s > HOUR_S
            for of_hour, split_micro in _over_hours(first_s, duration_s, part_micro):
                hours_micro[of_hour] = hours_micro.get(of_hour, 0) + split_micro


def _over_hours(start_s: int, duration_s: int, quantity_micro: int) -> Iterator[tuple[int, int]]:
    """An amount by hour, in proportion to time."""
    end_s = start_s + duration_s
    hours = range(start_s // HOUR_S, (end_s - 1) // HOUR_S + 1)
    seconds = [min(end_s, (hour + 1) * HOUR_S) - max(start_s, hour * HOUR_S) for hour in hours]
    return zip(hours, split_in_proportion(quantity_micro, seconds), strict=True)


def holds_hours(key: ActivityKey, factor_set: FactorSet) -> bool:
    """Whether hourly factors could take part in scoring a key: else its readings need not be loaded."""
    return bool(_candidates(key, factor_set))


def holds_hours_of(key: ActivityKey, month: Month, factor_set: FactorSet) -> bool:
    """Whether some hourly factor of a month could take part: a line without a mean then follows from its readings alone."""
    return any(_numbers_of_month(candidate.series, month) for candidate in _candidates(key, factor_set))


def with_hourly_means(
    totals: Iterable[ActivityTotal], activities: Iterable[Activity], factor_set: FactorSet
) -> tuple[ActivityTotal, ...]:
    """Activity totals with what hourly factors say about them.

    Args:
        totals: One per month and key.
        activities: At least those of every total whose key `holds_hours`, with their profiles; others are left out.
        factor_set: Rows to choose from.

    Returns:
        The totals in their order; unchanged where no hourly factor has a part.
    """
    listed = tuple(totals)
    weights = {(one.month, one.key.key_id): HourWeights() for one in listed if holds_hours(one.key, factor_set)}
    if not weights:
        return listed
    for activity in activities:
        of_total = weights.get((activity.month, activity.key.key_id))
        if of_total is not None:
            of_total.add(int(activity.start.timestamp()), activity.quantity_micro, activity.profile)
    return tuple(
        replace(one, hourly=hourly_mean(one.key, weights[one.month, one.key.key_id], factor_set))
        if (one.month, one.key.key_id) in weights
        else one
        for one in listed
    )


def hourly_mean(key: ActivityKey, weights: HourWeights, factor_set: FactorSet) -> HourlyMean | None:
    """What hourly factors say about some electricity.

    Args:
        key: What its factor depends on.
        weights: The electricity by the hour.
        factor_set: Rows to choose from.

    Returns:
        The mean of the finest place whose factors cover all of it; else why none is used. None where no hourly factor covers any
        of it, or it is zero or less in all.
    """
    if weights.quantity_micro <= 0:
        return None
    whole_micro = weights.without_hours_micro + sum(map(abs, weights.hours_micro.values()))
    best: tuple[Fraction, _Candidate] | None = None
    for candidate in _candidates(key, factor_set):
        numbers = candidate.series.numbers
        covered_micro = sum(part for hour, part in weights.hours_micro.items() if part > 0 and hour in numbers)
        if covered_micro == whole_micro and candidate.is_fit:
            return _mean(candidate, weights, factor_set)
        covered_ratio = Fraction(covered_micro, whole_micro)
        if covered_micro and (best is None or (candidate.is_fit, covered_ratio) > (best[1].is_fit, best[0])):
            best = covered_ratio, candidate
    if best is None:
        return None
    covered_ratio, candidate = best
    refusal = HOURLY_INCOMPLETE if candidate.is_fit else HOURLY_SCOPE_DIFFERS
    return replace(_unused(candidate, refusal, weights.quantity_micro, factor_set), covered_ratio=covered_ratio)


def mean_of_line(lines: Sequence[Line], factor_set: FactorSet) -> HourlyMean | None:
    """What lines say about hourly factors: all but the readings can be checked without the originals.

    Args:
        lines: Of one month and activity key, without certificates.
        factor_set: Rows to choose from.

    Returns:
        The mean that they have, if it lies between the lowest and the highest hourly factor that is held for the month; else
        None, so that what follows from it differs from the lines.
    """
    for line in lines:
        if HOURLY in line.flags:
            found = (_mean_as_said(line, candidate, factor_set) for candidate in _candidates(line.key, factor_set))
            return next((one for one in found if one is not None), None)
        for refusal, is_fit in ((HOURLY_INCOMPLETE, True), (HOURLY_SCOPE_DIFFERS, False)):
            if refusal in line.flags:
                fitting = (one for one in _candidates(line.key, factor_set) if one.is_fit is is_fit)
                found_one = next((one for one in fitting if _numbers_of_month(one.series, line.month)), None)
                return _unused(found_one, refusal, line.quantity_micro, factor_set) if found_one else None
    return None


def by_the_hour(found: Resolution, mean: HourlyMean | None) -> Resolution:
    """A resolution with the mean of hourly factors in place of the annual average, where it is used.

    Args:
        found: Of an activity key of electricity, on one basis.
        mean: What hourly factors say about the activity; None where nothing.

    Returns:
        The resolution with its steps and flags; the one that was given where a contract or a residual mix decides.
    """
    if mean is None or (found.basis is Basis.MARKET and found.chosen is not None and "no_residual_mix" not in found.flags):
        return found
    if mean.chosen is None:
        return replace(found, trace=(*found.trace, _step_of_refusal(mean)), flags=(*found.flags, mean.refusal))
    flags = [HOURLY, *([HOURLY_SPREAD] if mean.is_spread else []), *(flag for flag in found.flags if flag not in _ANNUAL_FLAGS)]
    if mean.is_widened:
        flags.append("region_widened")
    if mean.life_cycle_scope is not LifeCycleScope.GENERATION:
        flags.append("life_cycle_scope_differs")
    annual_scope = found.chosen.factor.life_cycle_scope if found.chosen else None
    if found.chosen is None:
        flags.append("grid_loss_not_held")
    if mean.life_cycle_scope is LifeCycleScope.GENERATION and annual_scope is not LifeCycleScope.GENERATION:
        flags.append("upstream_not_held")
    steps = tuple(_steps_of_mean(found, mean, mean.chosen.scale))
    return replace(found, chosen=mean.chosen, trace=(*found.trace, *steps), flags=tuple(dict.fromkeys(flags)))


class _Candidate(NamedTuple):
    """Hourly factors of a place that an activity is in.

    Attributes:
        series: The factors.
        is_widened: A finer place has none.
        is_fit: They count no more than the annual average, or there is no such average.
    """

    series: HourlySeries
    is_widened: bool
    is_fit: bool


def _candidates(key: ActivityKey, factor_set: FactorSet) -> list[_Candidate]:
    """Hourly factors of the finest place first; none of a place wider than that of the annual average."""
    if key.kind != _KIND or not key.region or not holds_any_hours(factor_set):
        return []
    try:
        chain = factor_set.chain(key.region, dict(key.attributes).get("utility", ""))[0]
    except AttributeValueError:  # no such utility: `resolve` says so, and finds nothing
        return []
    if not any(hourly_series(factor_set, region) for region in chain):
        return []
    annual = resolve(key, factor_set, Basis.LOCATION).chosen
    if annual is not None and annual.factor.region in chain:
        chain = chain[: chain.index(annual.factor.region) + 1]
    most = _SCOPE_ORDER.index(annual.factor.life_cycle_scope) if annual else len(_SCOPE_ORDER)
    return [
        _Candidate(series, position > 0, _SCOPE_ORDER.index(series.life_cycle_scope) <= most)
        for position, region in enumerate(chain)
        for series in hourly_series(factor_set, region)
    ]


def _mean(candidate: _Candidate, weights: HourWeights, factor_set: FactorSet) -> HourlyMean:
    series = candidate.series
    used = {hour: part for hour, part in weights.hours_micro.items() if part}
    weighed = sum(part * series.numbers[hour] for hour, part in used.items())
    kg_co2e_per_kwh = Fraction(weighed, sum(used.values()) * series.per_kg)
    return replace(
        _as_used(candidate, kg_co2e_per_kwh, weights.quantity_micro, factor_set),
        editions=tuple(sorted({series.editions[hour] for hour in used})),
        covered_ratio=Fraction(1),
        hour_count=len(used),
        is_spread=weights.is_spread,
    )


def _mean_as_said(line: Line, candidate: _Candidate, factor_set: FactorSet) -> HourlyMean | None:
    """The mean that a line has, if these factors can give it."""
    numbers = _numbers_of_month(candidate.series, line.month)
    if not (candidate.is_fit and numbers):
        return None
    if not min(numbers.values()) <= line.scale * candidate.series.per_kg <= max(numbers.values()):
        return None
    found = _as_used(candidate, line.scale, line.quantity_micro, factor_set)
    return replace(found, is_spread=HOURLY_SPREAD in line.flags)


def _numbers_of_month(series: HourlySeries, month: Month) -> Mapping[int, int]:
    """Factors of a month's hours in whatever time zone it was cut."""
    days = (month.first_date() - timedelta(days=1), month.plus(1).first_date() + timedelta(days=1))
    first, end = (int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) // HOUR_S for day in days)
    return {hour: series.numbers[hour] for hour in range(first, end) if hour in series.numbers}


def _as_used(candidate: _Candidate, kg_co2e_per_kwh: Fraction, quantity_micro: int, factor_set: FactorSet) -> HourlyMean:
    unused = _unused(candidate, "", quantity_micro, factor_set)
    row = identity_row(factor_set)
    return replace(unused, chosen=factor_set.compiled(row, _GWP_SET, kg_co2e_per_kwh))


def _unused(candidate: _Candidate, refusal: str, quantity_micro: int, factor_set: FactorSet) -> HourlyMean:
    series = candidate.series
    return HourlyMean(
        chosen=None,
        refusal=refusal,
        publisher=series.publisher,
        editions=tuple(sorted(set(series.editions.values()))),
        region_name=factor_set.regions.name_of(series.region),
        is_widened=candidate.is_widened,
        life_cycle_scope=series.life_cycle_scope,
        quantity_micro=quantity_micro,
    )


def _step_of_refusal(mean: HourlyMean) -> Step:
    if mean.refusal == HOURLY_SCOPE_DIFFERS:
        return Step(
            "By the hour: the factors of {} for {} count the whole life cycle, the annual average the power stations alone: "
            "the average stands.",
            (mean.publisher, mean.region_name),
        )
    share = "a part" if mean.covered_ratio is None else f"{quantize_text(mean.covered_ratio * 100, places_count=1)} %"
    return Step(
        "By the hour: the factors of {} for {} and the readings cover {} of the kilowatt-hours, not all: the annual average "
        "stands.",
        (mean.publisher, mean.region_name, share),
    )


def _steps_of_mean(found: Resolution, mean: HourlyMean, kg_co2e_per_kwh: Fraction) -> Iterator[Step]:
    hours = "the hours" if mean.hour_count is None else f"{mean.hour_count} hours"
    yield Step(
        "By the hour: {}, {}: the factors of {} over {} with a use, weighted by it, have the mean {} kg CO2e/kWh.{}",
        (
            mean.publisher,
            ", ".join(mean.editions),
            mean.region_name,
            hours,
            quantize_text(kg_co2e_per_kwh, places_count=6),
            " Readings longer than an hour are spread evenly over it." if mean.is_spread else "",
        ),
    )
    if found.chosen is None:
        return
    annual = Fraction(found.chosen.ug_per_unit.total_ug_co2e, _UG_PER_KG)
    kwh = Fraction(mean.quantity_micro, MICRO_PER_UNIT)
    yield Step(
        "It takes the place of the annual average, {} kg CO2e/kWh, which would have given {} kg CO2e instead of {}. What the "
        "grid loses stays with the average.",
        (
            fraction_to_text(annual, places_count=9),
            quantize_text(annual * kwh, places_count=3),
            quantize_text(kg_co2e_per_kwh * kwh, places_count=3),
        ),
    )
