"""Small sets with hourly factors: Germany and California on 1 to 3 March 2024 (UTC), and their annual averages."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from domain.activity import Activity, ActivityKey, EvidenceClass, Profile, Quality
from domain.period import Month
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.hourly_grid import COLUMNS, import_hourly_grid
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable
from scoring.factors.importers.reported import import_reported
from tests.scoring.sets import imported, row, set_of, source

KWH = 1_000_000
HOUR_S = 3_600
DE_2024 = ActivityKey("electricity", "DE", 2024, "kWh")
GENERATION, LIFE_CYCLE = "generation", "life_cycle"
FIRST = datetime(2024, 3, 1, tzinfo=UTC)


def grid_lines(
    region: str = "DE",
    days: Sequence[str] = ("2024-03-01", "2024-03-02", "2024-03-03"),
    *,
    g_of: Mapping[str, str] | None = None,
    g: str = "100",
    scope: str = GENERATION,
    publisher: str = "Grid Operator",
    edition: str = "2024",
) -> list[str]:
    """Lines of an hourly file: the same number in every hour but those of `g_of` ("2024-03-01T00")."""
    numbers = g_of or {}
    return [
        f"{region},{hour}:00Z,{numbers.get(hour, g)},{publisher},{edition},{scope},CC BY 4.0,https://grid.example"
        for day in days
        for hour in (f"{day}T{number:02d}" for number in range(24))
    ]


def grid_file(*lines: str) -> bytes:
    """An hourly file."""
    return "\n".join([",".join(COLUMNS), *lines]).encode()


def hourly(*lines: str) -> Imported:
    """What an hourly file of these lines gives."""
    return import_hourly_grid(grid_file(*lines))


def set_with_hours(*lines: str, annual: Sequence[PublishedRow] = (), tables: Sequence[SourceTable] = ()) -> FactorSet:
    """A set of hourly lines beside annual averages: Germany 400, California 200 g/kWh at the power stations, or others."""
    rows = annual or [row("DE", 2024, co2="400"), row("US/egrid/CAMX", 2024, co2="200"), row("US", 2024, co2="350")]
    parts = [imported(*(tables or [source()]), rows=rows), import_reported()]
    return set_of(*parts, *([hourly(*lines)] if lines else []))


@lru_cache(maxsize=1)
def three_hours() -> FactorSet:
    """Germany on three days: 100, 250.5 and 700 g/kWh in the first three hours of 1 March, 300 in every other."""
    g_of = {"2024-03-01T00": "100", "2024-03-01T01": "250.5", "2024-03-01T02": "700"}
    return set_with_hours(*grid_lines(g_of=g_of, g="300"))


def measured(
    quantities_micro: Sequence[int],
    *,
    start: datetime = FIRST,
    length_s: int = HOUR_S,
    key: ActivityKey = DE_2024,
    month: Month | None = None,
    evidence: EvidenceClass = EvidenceClass.UPLOADED,
) -> Activity:
    """Readings in a row, as one activity."""
    count = len(quantities_micro)
    profile = Profile(tuple(i * length_s for i in range(count)), (length_s,) * count, tuple(quantities_micro))
    end = start + timedelta(seconds=count * length_s)
    found_month = month or Month(start.year, start.month)
    return Activity(key, start, end, found_month, sum(quantities_micro), Quality.MEASURED, evidence, profile)


def bill(quantity_micro: int, *, key: ActivityKey = DE_2024, month: Month = Month(2024, 3)) -> Activity:  # noqa: B008 - a value
    """A bill over a month: no readings."""
    first, end = month.first_date(), month.plus(1).first_date()
    return Activity(key, _midnight(first), _midnight(end), month, quantity_micro, Quality.MEASURED, EvidenceClass.TYPED)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
