"""Octopus Energy parse: our connector beside a plain loop over `json.loads`, in one run, as one JSON object.

    python -m benchmarks.octopus --json [--rows 200000]

The pages are the simulator's, 25,000 readings each, newest first, on British clocks. Both readers must find the same readings:
the hash of all starts, lengths and thousandths is compared. The alternative reads amounts as floats, and checks nothing.
"""

import argparse
import json
import resource
from array import array
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from time import perf_counter
from typing import Any

from app.demo.providers.wire import Request
from app.demo.simulators.octopus import LARGEST_PAGE_COUNT, Octopus, SimulatedMeter, half_hours
from connectors.context import framed, unframed
from connectors.octopus.meters import Meter
from connectors.octopus.parse import parse

METER = Meter("electricity", "1200000345678", "19L1234567")
LAST = datetime(2024, 11, 1, tzinfo=UTC)
REPEATS_COUNT = 5


def pages(rows_count: int) -> list[bytes]:
    """Documents with so many half hours."""
    chance = Random(1)
    readings = half_hours(LAST - timedelta(minutes=30 * rows_count), LAST, lambda _: f"{chance.random() * 2:.3f}")
    octopus = Octopus("A-1", "key", [[SimulatedMeter(METER.fuel, METER.point, METER.serial, readings)]])
    path = f"/v1/electricity-meter-points/{METER.point}/meters/{METER.serial}/consumption/"
    signed = {"authorization": "Basic a2V5Og=="}
    found = []
    for number in range(1, -(-rows_count // LARGEST_PAGE_COUNT) + 1):
        query = {"page_size": str(LARGEST_PAGE_COUNT), "page": str(number)}
        found.append(framed(METER.to_context(), octopus.answer(Request("GET", path, query, signed)).body))
    return found


def read_by_connector(bodies: list[bytes]) -> tuple[int, str]:
    """Readings and their hash, by our connector."""
    columns = [array("q") for _ in range(3)]
    for body in bodies:
        (one,) = parse(body).series
        for column, added in zip(columns, (one.starts_s, one.durations_s, one.values), strict=True):
            column.extend(added)
    return len(columns[0]), sha256_hex(columns[0], columns[1], array("q", [micro // 1000 for micro in columns[2]]))


def read_by_floats(bodies: list[bytes]) -> tuple[int, str]:
    """Readings and their hash, by `json.loads` and a loop."""
    starts_s, durations_s, thousandths = array("q"), array("q"), array("q")
    for body in bodies:
        for row in json.loads(unframed(body)[1])["results"]:
            start_s = int(datetime.fromisoformat(row["interval_start"]).timestamp())
            starts_s.append(start_s)
            durations_s.append(int(datetime.fromisoformat(row["interval_end"]).timestamp()) - start_s)
            thousandths.append(round(row["consumption"] * 1000))
    return len(starts_s), sha256_hex(starts_s, durations_s, thousandths)


def sha256_hex(*columns: "array[int]") -> str:
    """Hash of the columns as they lie in memory."""
    digest = sha256()
    for column in columns:
        digest.update(column.tobytes())
    return digest.hexdigest()


def best_s(read: Callable[[list[bytes]], object], bodies: list[bytes]) -> float:
    """The shortest of some runs, seconds."""
    times_s = []
    for _ in range(REPEATS_COUNT):
        begin_s = perf_counter()
        read(bodies)
        times_s.append(perf_counter() - begin_s)
    return min(times_s)


def run(rows_count: int) -> dict[str, Any]:
    """The benchmark's result."""
    bodies = pages(rows_count)
    count, result_hash = read_by_connector(bodies)
    assert (count, result_hash) == read_by_floats(bodies), "the two readers disagree"
    ours_s, floats_s = best_s(read_by_connector, bodies), best_s(read_by_floats, bodies)
    return {
        "what": "Octopus Energy pages to interval series: exact amounts, range checks, overlaps; one core",
        "rows": count,
        "document_mb": round(sum(map(len, bodies)) / 1e6, 1),
        "seconds": round(ours_s, 4),
        "per_second": round(count / ours_s),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "result_hash": result_hash,
        "alternative": {
            "what": "json.loads, floats, datetime.fromisoformat per reading; no checks",
            "seconds": round(floats_s, 4),
            "per_second": round(count / floats_s),
            "result_hash": result_hash,
        },
        "ratio": round(floats_s / ours_s, 2),
    }


def main() -> None:
    """Print the result as an object, or as one line for people."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000, help="readings in all pages")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    result = run(arguments.rows)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{result['per_second']:,} readings/s, {result['ratio']} times {result['alternative']['what']}")


if __name__ == "__main__":
    main()
