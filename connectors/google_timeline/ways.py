"""Where a trip led, as whole ten-millionths of a degree: read, measured, and forgotten. Nothing of it leaves the document."""

import re
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import asin, cos, radians, sin, sqrt
from typing import NamedTuple

EARTH_MEAN_RADIUS_M = 6_371_008.8
"""Radius R1 of the IUGG, as everywhere in this program."""

E7_PER_DEG = 10_000_000
_FULL_CIRCLE_E7 = 2**32
_HALF_CIRCLE_DEG, _QUARTER_CIRCLE_DEG = 180, 90
_HOUR_DEG, _HOUR_S = 15, 3600
_PAIR = re.compile(r"(?:geo:)?\s*(-?)(\d{1,3})(?:\.(\d{1,20}))?\s*°?\s*,\s*(-?)(\d{1,3})(?:\.(\d{1,20}))?\s*°?\s*\Z", re.ASCII)


class Point(NamedTuple):
    """A place on the Earth.

    Attributes:
        latitude_e7: Ten-millionths of a degree north.
        longitude_e7: Ten-millionths of a degree east.
    """

    latitude_e7: int
    longitude_e7: int

    def meridian_offset_s(self) -> int:
        """Seconds that the clock of the nearest hour's meridian is ahead of UTC: at most some two hours off the legal one."""
        hours = (self.longitude_e7 + _HOUR_DEG * E7_PER_DEG // 2) // (_HOUR_DEG * E7_PER_DEG)
        return hours * _HOUR_S


def point_of_text(value: object) -> Point | None:
    """The place of `48.8566°, 2.3522°`, `48.8566, 2.3522` or `geo:48.8566,2.3522`; None for anything else."""
    found = _PAIR.match(value) if isinstance(value, str) else None
    if found is None:
        return None
    south, latitude, latitude_rest, west, longitude, longitude_rest = found.groups("")
    return _checked(_e7(south, latitude, latitude_rest), _e7(west, longitude, longitude_rest))


def point_of_e7(value: object, *, names: tuple[str, str] = ("latitudeE7", "longitudeE7")) -> Point | None:
    """The place of an object with ten-millionths of a degree; None where they are missing or no place.

    Some old files have numbers beyond half the circle: they ran over 32 bits, and are brought back.
    """
    if not isinstance(value, Mapping):
        return None
    latitude_e7, longitude_e7 = (value.get(name) for name in names)
    if type(latitude_e7) is not int or type(longitude_e7) is not int:
        return None
    return _checked(_unwrapped(latitude_e7, _QUARTER_CIRCLE_DEG), _unwrapped(longitude_e7, _HALF_CIRCLE_DEG))


def way_m(points: Sequence[Point]) -> int:
    """Length of the way over these places, whole metres; on a sphere, each leg the shortest way.

    Source:
        Haversine formula; radius R1 of the IUGG.
    """
    return round(sum(_leg_m(start, end) for start, end in pairwise(points)))


class Track:
    """Places with their times, for trips that have no path of their own: kept packed, some 16 bytes each.

    Args:
        spans_s: Begin and end of each span of time that places are wanted of, both in, seconds since 1970.
    """

    def __init__(self, spans_s: Iterable[tuple[int, int]]) -> None:
        self._begins_s, self._ends_s = array("q"), array("q")
        for begin_s, end_s in sorted(spans_s):
            if self._ends_s and begin_s <= self._ends_s[-1]:
                self._ends_s[-1] = max(self._ends_s[-1], end_s)
            else:
                self._begins_s.append(begin_s)
                self._ends_s.append(end_s)
        self._times_s, self._latitudes, self._longitudes = array("q"), array("i"), array("i")
        self._order: list[int] | None = None

    def wants(self, at_s: int) -> bool:
        """Whether a place at this time, seconds since 1970, is in one of the spans."""
        index = bisect_right(self._begins_s, at_s) - 1
        return index >= 0 and at_s <= self._ends_s[index]

    def add(self, at_s: int, point: Point) -> None:
        """Take in one place.

        Args:
            at_s: When, seconds since 1970.
            point: Where.
        """
        self._times_s.append(at_s)
        self._latitudes.append(point.latitude_e7)
        self._longitudes.append(point.longitude_e7)
        self._order = None

    def between(self, start_s: int, end_s: int) -> tuple[Point, ...]:
        """The places from one time to another, both in, by time."""
        if self._order is None:
            self._order = sorted(range(len(self._times_s)), key=self._times_s.__getitem__)
        first = bisect_left(self._order, start_s, key=self._times_s.__getitem__)
        last = bisect_right(self._order, end_s, key=self._times_s.__getitem__)
        return tuple(Point(self._latitudes[index], self._longitudes[index]) for index in self._order[first:last])


def _leg_m(start: Point, end: Point) -> float:
    north_rad = radians((end.latitude_e7 - start.latitude_e7) / E7_PER_DEG)
    east_rad = radians((end.longitude_e7 - start.longitude_e7) / E7_PER_DEG)
    narrowing = cos(radians(start.latitude_e7 / E7_PER_DEG)) * cos(radians(end.latitude_e7 / E7_PER_DEG))
    return 2 * EARTH_MEAN_RADIUS_M * asin(sqrt(min(1.0, sin(north_rad / 2) ** 2 + narrowing * sin(east_rad / 2) ** 2)))


def _e7(sign: str, whole: str, rest: str) -> int:
    size_e7 = int(whole) * E7_PER_DEG + int(rest[:7].ljust(7, "0"))
    return -size_e7 if sign else size_e7


def _unwrapped(value_e7: int, limit_deg: int) -> int:
    return value_e7 - _FULL_CIRCLE_E7 if value_e7 > limit_deg * E7_PER_DEG else value_e7


def _checked(latitude_e7: int, longitude_e7: int) -> Point | None:
    fits = abs(latitude_e7) <= _QUARTER_CIRCLE_DEG * E7_PER_DEG and abs(longitude_e7) <= _HALF_CIRCLE_DEG * E7_PER_DEG
    return Point(latitude_e7, longitude_e7) if fits else None
