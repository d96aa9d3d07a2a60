"""Factors of a grid hour by hour, as a CSV file: what a grid operator, a registry or a data service publishes.

    region,start_utc,g_co2e_per_kwh,publisher,edition,life_cycle_scope,licence,source_url
    DE,2024-03-01T00:00Z,412.5,Grid Operator,2024,generation,CC BY 4.0,https://grid.example/2024

One line per place and hour, the hours in UTC, each named by its beginning. A day (UTC) is complete, all 24 hours, or absent. The
numbers are grams of CO2e per kilowatt-hour that the grid delivers in that hour: an average of all power stations, never what one
kilowatt-hour more would cause (marginal) or what a saved one avoids.

Source:
    GHG Protocol Scope 2 Guidance, section 6.6 and table 6.2 (location: average emissions of the grid where it is used).
"""

import csv
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from fractions import Fraction
from hashlib import sha256
from io import StringIO
from itertools import pairwise
from typing import NamedTuple

from domain.errors import FactorSetError
from domain.factor import LifeCycleScope
from domain.number import decimal_from_text, quantize_text
from scoring.factors.importers.published import LARGE_CHANGE_RATIO, Imported, PublishedRow, SourceTable, decimal_text

HOURLY_KIND = "electricity_hourly"
"""What the rows are filed under: no kind of activity, so no rule ever takes one alone."""

COLUMNS = ("region", "start_utc", "g_co2e_per_kwh", "publisher", "edition", "life_cycle_scope", "licence", "source_url")
SCOPES = (LifeCycleScope.GENERATION, LifeCycleScope.LIFE_CYCLE)
MOST_G_PER_KWH = 9_000
"""No grid emits so much; ten times the worst power station is a mistake of units."""

HOURS_PER_DAY = 24
_HOUR = re.compile(r"(\d{4}-\d{2}-\d{2}T\d{2}):00(:00)?Z", re.ASCII)
_FIRST_YEAR, _LAST_YEAR = 1990, 2199
_SHOWN_GAPS_COUNT = 10
_RECORD = "hourly grid factors"


class _Series(NamedTuple):
    """What the hours of one place are numbers of."""

    region: str
    publisher: str
    life_cycle_scope: str


class _Source(NamedTuple):
    """What lines of one table share."""

    series: _Series
    edition: str
    licence: str
    source_url: str


class _Hour(NamedTuple):
    """One line."""

    start: datetime
    text: str
    g_text: str


def import_hourly_grid(data: bytes) -> Imported:
    """The rows of a file of hourly factors.

    Args:
        data: Bytes of the CSV file, UTF-8.

    Returns:
        One row per line; one table per place, publisher, edition and scope. Findings: days that are absent inside a series, and
        places whose mean moves by more than a quarter from one year to the next.

    Raises:
        FactorSetError: A column is missing or unknown, a cell cannot be used, an hour stands twice, or a day is not complete; the
            message names the line or the day.
    """
    hours = _read(data)
    _refuse_parts_of_days(hours)
    tables, rows = [], []
    for source, of_source in hours.items():
        table = _table(source, of_source)
        tables.append(table)
        rows += [_row(table, source, hour) for hour in of_source]
    return Imported(tuple(tables), tuple(rows), findings=tuple(_findings(hours)))


def _read(data: bytes) -> dict[_Source, list[_Hour]]:
    """The hours of every table, in the file's order.

    Raises:
        FactorSetError: A cell cannot be used, or an hour stands twice.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FactorSetError(expected="text in UTF-8", got=f"byte {error.start} is not", record=_RECORD) from error
    lines = csv.DictReader(StringIO(text, newline=""))
    _check_header([name.strip() for name in lines.fieldnames or []])
    lines.fieldnames = [name.strip() for name in lines.fieldnames or []]
    found: dict[_Source, list[_Hour]] = {}
    line_of: dict[tuple[_Series, str], int] = {}
    for number, line in enumerate(lines, start=2):
        where = f"{_RECORD}, line {number}"
        if None in line or None in line.values():
            raise FactorSetError(expected=f"{len(COLUMNS)} cells", got="more or fewer", record=where)
        source, hour = _understood({name: cell.strip() for name, cell in line.items()}, where)
        first = line_of.setdefault((source.series, hour.text), number)
        if first != number:
            raise FactorSetError(
                "An hour stands twice", expected="each hour of a place once", got=f"{hour.text}, as in line {first}", record=where
            )
        found.setdefault(source, []).append(hour)
    if not found:
        raise FactorSetError(expected="at least one day of 24 lines below the header", got="none", record=_RECORD)
    return found


def _check_header(names: Sequence[str]) -> None:
    if sorted(names) != sorted(COLUMNS):
        missing = [name for name in COLUMNS if name not in names]
        raise FactorSetError(
            "The table's columns are not the expected ones",
            expected=", ".join(COLUMNS),
            got=f"{', '.join(names) or 'nothing'}; missing: {', '.join(missing) or 'none'}",
            record=f"{_RECORD}, header",
            next_step="docs/factors.md describes every column.",
        )


def _understood(cells: Mapping[str, str], where: str) -> tuple[_Source, _Hour]:
    for name in ("region", "publisher", "edition", "licence", "source_url"):
        if not cells[name]:
            raise FactorSetError(f"Every line needs its {name}", expected="text", got="nothing", record=where)
    scope = cells["life_cycle_scope"]
    if scope not in SCOPES:
        raise FactorSetError(expected=f"one of {', '.join(SCOPES)}", got=scope, record=f"{where}, life_cycle_scope")
    series = _Series(cells["region"], cells["publisher"], scope)
    source = _Source(series, cells["edition"], cells["licence"], cells["source_url"])
    start = _start(cells["start_utc"], where)
    g_text = decimal_text(cells["g_co2e_per_kwh"], record=f"{where}, g_co2e_per_kwh")
    if decimal_from_text(g_text) > MOST_G_PER_KWH:
        raise FactorSetError(
            "No grid emits so much",
            expected=f"0 to {MOST_G_PER_KWH} g CO2e/kWh",
            got=f"{g_text} g CO2e/kWh",
            record=f"{where}, g_co2e_per_kwh",
            next_step="Check the unit: the column is in grams per kilowatt-hour.",
        )
    return source, _Hour(start, f"{start:%Y-%m-%dT%H}", g_text)


def _start(text: str, where: str) -> datetime:
    """The begin of an hour.

    Raises:
        FactorSetError: It is no full hour of UTC.
    """
    read = _HOUR.fullmatch(text)
    try:
        start = datetime.fromisoformat(f"{read[1]}:00:00+00:00") if read else None
    except ValueError:  # no such day or hour
        start = None
    if start is not None and _FIRST_YEAR <= start.year <= _LAST_YEAR:
        return start
    raise FactorSetError(
        "An hour is named by its beginning in UTC",
        expected="a full hour such as 2024-03-01T00:00Z",
        got=text,
        record=f"{where}, start_utc",
        next_step="Take other time zones to UTC; average half and quarter hours to hours.",
    )


def _refuse_parts_of_days(hours: Mapping[_Source, Sequence[_Hour]]) -> None:
    """Refuse a day that has some of its hours: what is missing would be taken for nothing, or the day for measured.

    Raises:
        FactorSetError: A day is not complete.
    """
    of_day: dict[tuple[_Series, date], set[int]] = defaultdict(set)
    for source, of_source in hours.items():
        for hour in of_source:
            of_day[source.series, hour.start.date()].add(hour.start.hour)
    for (series, day), found in of_day.items():
        missing = sorted(set(range(HOURS_PER_DAY)) - found)
        if missing:
            raise FactorSetError(
                "A day is not complete",
                expected=f"all 24 hours (UTC) of {day} for {series.region}, or none of them",
                got=f"{len(found)} hours; missing: {', '.join(f'{hour:02d}:00Z' for hour in missing)}",
                record=f"{_RECORD}, {series.publisher}",
                next_step="Add the hours, or take the day's lines out.",
            )


def _table(source: _Source, hours: Sequence[_Hour]) -> SourceTable:
    digest = sha256(repr((source, min(hours).text, max(hours).text)).encode()).hexdigest()[:12]
    return SourceTable(
        table_id=f"hourly-{source.series.region.replace('/', '-')}-{digest}",
        publisher=source.series.publisher,
        edition=source.edition,
        table=f"hourly factors of {source.series.region}",
        kind=HOURLY_KIND,
        unit="kWh",
        published_unit="g/kWh",
        gwp_set="not stated",
        life_cycle_scope=source.series.life_cycle_scope,
        source_url=source.source_url,
        licence=source.licence,
    )


def _row(table: SourceTable, source: _Source, hour: _Hour) -> PublishedRow:
    gases, attributes = {"co2e": hour.g_text}, {"hour": hour.text}
    return PublishedRow(table.table_id, source.series.region, hour.start.year, "", gases, attributes=attributes)


def _findings(hours: Mapping[_Source, Sequence[_Hour]]) -> list[str]:
    series: dict[_Series, list[_Hour]] = defaultdict(list)
    for source, of_source in hours.items():
        series[source.series] += of_source
    found = []
    for one, of_series in series.items():
        name = f"{one.publisher}, {one.region}, {one.life_cycle_scope.replace('_', ' ')}"
        days = sorted({hour.start.date() for hour in of_series})
        absent = [f"{before + timedelta(days=1)} to {after - timedelta(days=1)}" for before, after in _gaps(days)]
        count = f"{len(days)} days from {days[0]} to {days[-1]}" if len(days) > 1 else f"{days[0]}"
        found.append(f"{name}: {count}, mean {_shown(_mean(of_series))} g CO2e/kWh")
        more = [f"and {len(absent) - _SHOWN_GAPS_COUNT} more"] if len(absent) > _SHOWN_GAPS_COUNT else []
        if absent:
            found.append(f"{name}: days absent: {', '.join([*absent[:_SHOWN_GAPS_COUNT], *more])}")
        found += _changes(name, of_series)
    return found


def _gaps(days: Sequence[date]) -> list[tuple[date, date]]:
    return [(before, after) for before, after in pairwise(days) if (after - before).days > 1]


def _changes(name: str, hours: Sequence[_Hour]) -> list[str]:
    """A mean that moves by more than a quarter from one year to the next."""
    of_year: dict[int, list[_Hour]] = defaultdict(list)
    for hour in hours:
        of_year[hour.start.year].append(hour)
    means = [(year, _mean(of_year[year])) for year in sorted(of_year)]
    return [
        f"{name}: the mean moved from {_shown(old)} ({before}) to {_shown(new)} ({after}) g CO2e/kWh"
        for (before, old), (after, new) in pairwise(means)
        if old and abs(new - old) / old > LARGE_CHANGE_RATIO
    ]


def _mean(hours: Sequence[_Hour]) -> Fraction:
    return sum((Fraction(hour.g_text) for hour in hours), Fraction(0)) / len(hours)


def _shown(g_per_kwh: Fraction) -> str:
    return quantize_text(g_per_kwh, places_count=1)
