"""The region graph: which wider place a place falls back to, and which time zones it may have.

US/zip/94110 -> US/egrid/CAMX (one to three) -> US/state/CA -> US
JE -> GB -> WORLD/europe -> WORLD
"""

import csv
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from io import StringIO
from typing import NamedTuple

from domain.errors import PlaceError
from domain.place import place_from_text

_ZIP_PREFIX = "US/zip/"

_ONE_GRID = {"PR": "US/egrid/PRMS", "US/state/PR": "US/egrid/PRMS"}
"""Places that are one grid subregion as a whole."""

_OTHER_NAMES = {
    "UK": "GB",
    "Great Britain": "GB",
    "USA": "US",
    "United States of America": "US",
    "Czech Republic": "CZ",
    "Holland": "NL",
    "South Korea": "KR",
}
"""What people write for countries besides the names of Unicode CLDR."""


class ZipRange(NamedTuple):
    """ZIP codes in a row that lie in the same state and subregions.

    Attributes:
        first_number: First ZIP code, as a number.
        last_number: Last one, in it.
        state: Postal code of the state.
        subregions: eGRID acronyms, the EPA's first choice first.
    """

    first_number: int
    last_number: int
    state: str
    subregions: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class RegionGraph:
    """What lies inside what.

    Attributes:
        names: Region path to its English name.
        parents: Region path to the one it falls back to; empty for `WORLD`.
        zones: Country or state path to IANA time zones, the one of most people first.
    """

    names: Mapping[str, str] = field(repr=False)
    parents: Mapping[str, str] = field(repr=False)
    zones: Mapping[str, tuple[str, ...]] = field(repr=False)
    _zip_lines: Sequence[Sequence[str]] = field(repr=False)

    def region_of_text(self, text: str, *, record: str = "") -> str:
        """The region that a person or program wrote.

        Args:
            text: A ZIP code, a country code, `US-CA`, or a path of this graph.
            record: Where it stands, for the message.

        Returns:
            Path of a region that this graph knows.

        Raises:
            PlaceError: There is no such place.
        """
        stripped = text.strip()
        state = f"US/state/{stripped[3:].upper()}"
        if stripped[:3].upper() == "US-" and state in self.names:
            return state
        region = stripped if stripped in self.names or stripped.startswith(_ZIP_PREFIX) else ""
        region = region or self._by_name.get(stripped.casefold(), "")
        region = region or place_from_text(stripped, record=record).region
        self.chain(region, record=record)
        return region

    def chain(self, region: str, *, record: str = "") -> tuple[str, ...]:
        """The places that a factor is looked for in, finest first; the region itself first, but for a ZIP code.

        Args:
            region: Path of a region.
            record: Where it stands, for the message.

        Returns:
            Paths. A ZIP code in several subregions gives only the first of them.

        Raises:
            PlaceError: There is no such ZIP code or region.
        """
        if region.startswith(_ZIP_PREFIX):
            found = self.zip_range(region, record=record)
            return (f"US/egrid/{found.subregions[0]}", f"US/state/{found.state}", *self._upwards("US"))
        if region in _ONE_GRID:
            return (_ONE_GRID[region], region, *self._upwards("US"))
        if region not in self.parents:
            raise PlaceError(
                expected="an ISO 3166-1 country code, a US ZIP code, or a path such as US/state/CA",
                got=region,
                record=record,
                next_step="Give the country (DE) or, in the US, the ZIP code (94110) where the meter is.",
            )
        return self._upwards(region)

    def _upwards(self, region: str) -> tuple[str, ...]:
        """A region that there is, and every wider one up to the world."""
        path = [region]
        while self.parents[path[-1]]:
            path.append(self.parents[path[-1]])
        return tuple(path)

    def zip_range(self, region: str, *, record: str = "") -> ZipRange:
        """State and subregions of a ZIP code.

        Args:
            region: `US/zip/94110`.
            record: Where it stands, for the message.

        Returns:
            The range of codes that it is in.

        Raises:
            PlaceError: The EPA's table has no such ZIP code.
        """
        text = region.removeprefix(_ZIP_PREFIX)
        ranges, firsts = self._zip_index
        if text.isascii() and text.isdigit() and len(text) == 5:  # noqa: PLR2004 - a ZIP code has five digits
            index = bisect_right(firsts, int(text)) - 1
            if index >= 0 and int(text) <= ranges[index].last_number:
                return ranges[index]
        raise PlaceError(
            "There is no such ZIP code in the EPA's table",
            expected="a five-digit US ZIP code with an electricity grid",
            got=text,
            record=record,
            next_step="Check the ZIP code on the bill; else give the state (US-CA) or the country (US).",
        )

    def state_of(self, region: str) -> str:
        """Path of the US state that a ZIP code or state is; empty for any other region."""
        if region.startswith(_ZIP_PREFIX):
            return f"US/state/{self.zip_range(region).state}"
        return region if region.startswith("US/state/") else ""

    def name_of(self, region: str) -> str:
        """Name of a region for people: "WECC California (US/egrid/CAMX)", "Germany", "ZIP code 94110"."""
        if region.startswith(_ZIP_PREFIX):
            return f"ZIP code {region.removeprefix(_ZIP_PREFIX)}"
        if region.startswith("US/egrid/"):
            return f"eGRID subregion {region.removeprefix('US/egrid/')} ({self.names[region]})"
        return self.names.get(region, region)

    def zones_of(self, region: str) -> tuple[str, ...]:
        """IANA time zones that a region may have, the one of most people first; none for continents and the world."""
        state = self.state_of(region)
        return self.zones.get(state) or self.zones.get(region.partition("/")[0], ())

    @property
    def zip_count(self) -> int:
        """How many ZIP codes are known."""
        return sum(found.last_number - found.first_number + 1 for found in self._zip_index[0])

    def zips(self) -> tuple[ZipRange, ...]:
        """All ranges of ZIP codes, ascending."""
        return self._zip_index[0]

    @cached_property
    def _by_name(self) -> Mapping[str, str]:
        """Names of countries and US states as people write them, in small letters, to their regions; ambiguous ones left out."""
        found: dict[str, list[str]] = {name.casefold(): [region] for name, region in _OTHER_NAMES.items()}
        for region, name in self.names.items():
            if "/" not in region or region.startswith("US/state/"):
                found.setdefault(name.casefold(), []).append(region)
        return {name: regions[0] for name, regions in found.items() if len(regions) == 1}

    @cached_property
    def _zip_index(self) -> tuple[tuple[ZipRange, ...], list[int]]:
        ranges = []
        for state, subregions, shown in self._zip_lines:
            codes = tuple(subregions.split())
            for part in shown.split():
                first, _, last = part.partition("-")
                ranges.append(ZipRange(int(first), int(last or first), state, codes))
        ranges.sort()
        return tuple(ranges), [found.first_number for found in ranges]


def region_graph_from_csv(regions_csv: bytes, zips_csv: bytes, zones_csv: bytes, *more_regions_csvs: bytes) -> RegionGraph:
    """The region graph of the data set's files.

    Args:
        regions_csv: Columns region, name, parent.
        zips_csv: Columns state, subregions, zips (ranges).
        zones_csv: Columns region, zones.
        *more_regions_csvs: Regions that packs name, with the columns of the first.

    Returns:
        The graph.
    """
    regions = [line for data in (regions_csv, *more_regions_csvs) for line in _lines(data)]
    return RegionGraph(
        names={region: name for region, name, _ in regions},
        parents={region: parent for region, _, parent in regions},
        zones={region: tuple(zones.split()) for region, zones in _lines(zones_csv)},
        _zip_lines=_lines(zips_csv),
    )


def _lines(data: bytes) -> list[list[str]]:
    return list(csv.reader(StringIO(data.decode())))[1:]
