"""Rescoring: one household's year from the store, sum first, beside a loop over its activities in the same run.

    python -m benchmarks.rescore --json

A year of 8,760 hourly readings with an export series is imported into a new installation; then its totals are summed in the
database and made into lines, again and again. Beside it the loop that most programs have: every activity is read from the store
and added in Python, then multiplied in the same arithmetic, so that the results are equal.
"""

import argparse
import json
import random
import resource
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.demo.load_profile import LoadProfile, household_profile
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import activities
from app.store.session import Session, reading, unit_of_work
from app.store.subjects import SubjectKind
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from domain.activity import ActivityKey, Direction, EvidenceClass
from domain.period import Month, MonthRange
from domain.place import place_from_text
from domain.statement import ActivityTotal, Line
from scoring.lines import make_lines
from scoring.resolve import resolve

T = TypeVar("T")

YEAR = MonthRange.from_text("2024-01..2024-12")
ZONE = ZoneInfo("America/New_York")
SEED = 20240101
ROUNDS_COUNT = 40
PAGE_COUNT = 500


def measure() -> dict[str, Any]:
    """Everything that this benchmark measures.

    Returns:
        What, rows, seconds, per second, peak MB, hash, the loop beside it, ratio, and the time of the import.
    """
    with TemporaryDirectory() as folder:
        clock = FixedClock(datetime(2025, 6, 15, tzinfo=UTC))
        services = open_services(Settings(data_folder=Path(folder)), clock=clock, randomness=SystemRandomness())
        document, readings_count = year_document()
        whose, import_s = imported(services, document)
        with reading(services.engine) as session:
            rows_count = activities.count_of(session, whose.tenant_id, whose.subject_id)
            lines, seconds = timed(lambda: rescored(session, services, whose))
            loop_lines, loop_s = timed(lambda: looped(session, services, whose))
        services.engine.dispose()
    result_hash, loop_hash = hash_of(lines), hash_of(loop_lines)
    assert result_hash == loop_hash, f"expected equal lines, got {result_hash} and {loop_hash}"
    return {
        "what": "rescoring one household's year from the store: totals and lines",
        "rows": rows_count,
        "readings": readings_count,
        "lines": len(lines),
        "seconds": round(seconds, 6),
        "per_second": round(rows_count / seconds),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "result_hash": result_hash,
        "alternative": "per-record Python loop over the stored activities, same arithmetic",
        "alternative_seconds": round(loop_s, 6),
        "alternative_result_hash": loop_hash,
        "ratio": round(loop_s / seconds, 2),
        "milliseconds": round(seconds * 1000, 3),
        "import_seconds": round(import_s, 3),
        "import_readings_per_second": round(readings_count / import_s),
    }


def year_document() -> tuple[bytes, int]:
    """A Green Button document of a year, and how many readings it has."""
    load = household_profile(random.Random(SEED), start=date(2024, 1, 1), end=date(2025, 1, 1), zone=ZONE)
    both = [
        one_series(load, load.delivered_wh, Direction.DELIVERED),
        one_series(load, load.exported_wh, Direction.EXPORT),
    ]
    meter = Meter("RetailCustomer/1/UsagePoint/1", "Meter", ZONE, us_clock(ZONE, year=2024), both)
    body = espi_document([meter], title="Year", base_url="https://utility.example", updated_at=datetime(2025, 1, 2, tzinfo=UTC))
    return body, 2 * len(load.starts_s)


def one_series(load: LoadProfile, values_wh: Sequence[int], direction: Direction) -> MeterSeries:
    """One direction of a load curve."""
    return MeterSeries(
        title=str(direction),
        kind="electricity",
        direction=direction,
        source_unit="Wh",
        power_of_ten=0,
        interval_length_s=load.interval_length_s,
        starts_s=load.starts_s,
        durations_s=[load.interval_length_s] * len(load.starts_s),
        values=values_wh,
    )


def imported(services: Services, document: bytes) -> tuple[Whose, float]:
    """The household with its year, and the seconds that the import took: parse, seal, archive, cut, store, commit."""
    home = place_from_text("10001", zone=str(ZONE))
    with unit_of_work(services.engine) as session:
        whose = create_subject(Work(session, services), NewSubject(SubjectKind.HOUSEHOLD, "Year", home), owner_account_id="")
    begin = perf_counter()
    with unit_of_work(services.engine) as session:
        received = Received(document, "application/xml", EvidenceClass.UPLOADED)
        import_document(Work(session, services), whose, "green-button", received)
    return whose, perf_counter() - begin


def rescored(session: Session, services: Services, whose: Whose) -> tuple[Line, ...]:
    """The product's way: sums in the database, one multiplication per line."""
    return lines_of(services, activities.totals(session, whose.tenant_id, whose.subject_id, YEAR))


def looped(session: Session, services: Services, whose: Whose) -> tuple[Line, ...]:
    """The usual way: every activity is read and added in Python."""
    sums: dict[tuple[Month, ActivityKey], dict[EvidenceClass, int]] = defaultdict(lambda: defaultdict(int))
    counts: dict[tuple[Month, ActivityKey], int] = defaultdict(int)
    cursor = ""
    while True:
        page = activities.page(session, whose.tenant_id, whose.subject_id, cursor=cursor, limit_count=PAGE_COUNT, months=YEAR)
        for row in page.items:
            name = (row.activity.month, row.activity.key)
            sums[name][row.activity.evidence] += row.activity.quantity_micro
            counts[name] += 1
        cursor = page.next_cursor
        if not cursor:
            break
    totals = [ActivityTotal(month, key, sum(by.values()), dict(by), counts[month, key]) for (month, key), by in sums.items()]
    return lines_of(services, totals)


def lines_of(services: Services, totals: Sequence[ActivityTotal]) -> tuple[Line, ...]:
    """The lines of these totals, every factor chosen anew."""
    lines, _ = make_lines(totals, lambda key, basis: resolve(key, services.factor_set, basis))
    return tuple(lines)


def timed(function: Callable[[], T]) -> tuple[T, float]:
    """A result and the median of the seconds that it took, after one run to warm up."""
    result = function()
    durations_s = []
    for _ in range(ROUNDS_COUNT):
        begin = perf_counter()
        result = function()
        durations_s.append(perf_counter() - begin)
    return result, median(durations_s)


def hash_of(lines: Sequence[Line]) -> str:
    """SHA-256 over the lines' canonical bytes, sorted."""
    return sha256(b"\n".join(sorted(line.canonical_bytes for line in lines))).hexdigest()


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description="Rescore one household's year from the store.")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    arguments = parser.parse_args()
    result = measure()
    if arguments.json:
        sys.stdout.write(json.dumps(result) + "\n")
    else:
        sys.stdout.writelines(f"{name}: {value}\n" for name, value in result.items())


if __name__ == "__main__":
    main()
