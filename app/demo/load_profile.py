"""Seeded load curves: a household's year with solar panels on its roof, and a small business's.

Plausible, not anybody's: shapes are written down here, variation comes from the generator that is passed in. The same seed gives
the same curve on every machine: only integers leave, and they are made of sums, products and rounding.
"""

from array import array
from dataclasses import dataclass
from datetime import UTC, date, datetime
from random import Random
from zoneinfo import ZoneInfo

from domain.period import local_midnight

_HOUR_S = 3_600
_QUARTER_S = 900
_SATURDAY = 5

_WEEKDAY_SHAPE = (42, 38, 36, 35, 37, 48, 78, 104, 92, 70, 62, 60, 62, 60, 60, 66, 84, 118, 148, 158, 146, 122, 88, 60)
_WEEKEND_SHAPE = (50, 43, 40, 38, 38, 42, 52, 74, 98, 112, 114, 112, 114, 108, 102, 100, 106, 124, 144, 150, 140, 120, 94, 68)
_MONTH_PCT = (124, 116, 98, 84, 80, 96, 120, 118, 92, 82, 94, 118)  # heating in winter, cooling in summer
_SOLAR_SHAPE = (0, 0, 0, 0, 0, 0, 4, 18, 40, 62, 80, 92, 96, 92, 80, 62, 40, 18, 4, 0, 0, 0, 0, 0)
_SOLAR_MONTH_PCT = (46, 60, 86, 104, 120, 130, 130, 120, 100, 76, 50, 40)
_SKY_PCT = (100, 100, 92, 80, 62, 38, 18)  # clear days are commoner than dark ones
_BUSINESS_SHAPE = (24, 24, 24, 24, 24, 26, 34, 62, 98, 118, 124, 126, 120, 124, 124, 120, 112, 92, 58, 38, 30, 26, 24, 24)
_BUSINESS_CLOSED_WH = 24


@dataclass(frozen=True, slots=True)
class LoadProfile:
    """A load curve.

    Attributes:
        interval_length_s: Length of each interval, seconds.
        starts_s: Begin of each, seconds since 1970-01-01T00:00:00Z.
        delivered_wh: Taken from the grid in each, Wh.
        exported_wh: Fed into the grid in each, Wh; empty without solar panels.
    """

    interval_length_s: int
    starts_s: "array[int]"
    delivered_wh: "array[int]"
    exported_wh: "array[int]"


def household_profile(
    random: Random, *, start: date, end: date, zone: ZoneInfo, members_count: int = 3, has_solar: bool = True
) -> LoadProfile:
    """Hourly load of a household, with what its solar panels leave over.

    Args:
        random: Source of variation, seeded by the caller.
        start: First local day.
        end: Local day after the last.
        zone: Where it is; days of 23 and 25 hours come from here.
        members_count: People in the household; more people, more load.
        has_solar: Whether panels of about 5 kW are on the roof.

    Returns:
        About 9-11 MWh delivered and 2-3 MWh exported in a whole year for three people (the US average residential customer bought
        10.8 MWh in 2022).

    Source:
        EIA, Residential Energy Consumption Survey, for the average and the seasons; the hourly shapes are ours.
    """
    profile = LoadProfile(_HOUR_S, _starts(start, end, zone, _HOUR_S), array("q"), array("q"))
    size_pct = 55 + 15 * members_count
    day, day_pct, sky_pct = date.min, 100, 100
    for start_s in profile.starts_s:
        local = datetime.fromtimestamp(start_s, UTC).astimezone(zone)
        if local.date() != day:
            day, day_pct, sky_pct = local.date(), random.randint(82, 118), random.choice(_SKY_PCT)
        shape = _WEEKEND_SHAPE if local.weekday() >= _SATURDAY else _WEEKDAY_SHAPE
        pct = _MONTH_PCT[local.month - 1] * size_pct * day_pct * random.randint(75, 125)
        load_wh = shape[local.hour] * 20 * pct // 100**4
        solar_wh = _SOLAR_SHAPE[local.hour] * 44 * _SOLAR_MONTH_PCT[local.month - 1] * sky_pct // 100**2 if has_solar else 0
        profile.delivered_wh.append(max(0, load_wh - solar_wh))
        if has_solar:
            profile.exported_wh.append(max(0, solar_wh - load_wh))
    return profile


def business_profile(random: Random, *, start: date, end: date, zone: ZoneInfo, desks_count: int = 12) -> LoadProfile:
    """Load of a small office in quarters of an hour: busy on weekdays, at rest at night and on weekends.

    Args:
        random: Source of variation, seeded by the caller.
        start: First local day.
        end: Local day after the last.
        zone: Where it is.
        desks_count: Size of the office.

    Returns:
        About 1.9 MWh per desk and year, nothing exported.
    """
    profile = LoadProfile(_QUARTER_S, _starts(start, end, zone, _QUARTER_S), array("q"), array("q"))
    for start_s in profile.starts_s:
        local = datetime.fromtimestamp(start_s, UTC).astimezone(zone)
        shape_wh = _BUSINESS_CLOSED_WH if local.weekday() >= _SATURDAY else _BUSINESS_SHAPE[local.hour]
        pct = (100 + (_MONTH_PCT[local.month - 1] - 100) // 2) * random.randint(90, 110)
        profile.delivered_wh.append(shape_wh * desks_count * pct // 100**2)
    return profile


def _starts(start: date, end: date, zone: ZoneInfo, step_s: int) -> "array[int]":
    """Begins of all intervals from the local midnight of `start` to that of `end`, seconds since 1970."""
    first_s, end_s = (int(local_midnight(day, zone).timestamp()) for day in (start, end))
    return array("q", range(first_s, end_s, step_s))
