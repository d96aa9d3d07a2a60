"""Green Button parse: our connector beside a plain lxml loop over the readings, in one run, as one JSON object.

    python -m benchmarks.parse --json [--rows 200000]

The document is the demo office's load in quarters of an hour, written by the demo's ESPI serializer. Both readers must find the
same readings: the hash of all starts, durations and values is compared. The alternative is how such readers are usually written
(lxml `iterparse`, `findtext` per reading); it joins no links, checks no ranges, and takes the unit as known.
"""

import argparse
import io
import json
import resource
import tracemalloc
from array import array
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from random import Random
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

from lxml import etree

from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.demo.load_profile import business_profile
from connectors.green_button.parse import parse
from domain.activity import Direction

ZONE = ZoneInfo("America/New_York")
START_DATE = date(2018, 1, 1)
READINGS_PER_DAY_COUNT = 96
ESPI = "{http://naesb.org/espi}"
REPEATS_COUNT = 5


def document(rows_count: int) -> bytes:
    """A Green Button document with about so many readings of a quarter of an hour."""
    end = START_DATE + timedelta(days=-(-rows_count // READINGS_PER_DAY_COUNT))
    profile = business_profile(Random(1), start=START_DATE, end=end, zone=ZONE)
    series = MeterSeries(
        title="Energy delivered",
        kind="electricity",
        direction=Direction.DELIVERED,
        source_unit="Wh",
        power_of_ten=0,
        interval_length_s=profile.interval_length_s,
        starts_s=profile.starts_s,
        durations_s=array("q", [profile.interval_length_s]) * len(profile.starts_s),
        values=profile.delivered_wh,
    )
    meter = Meter("RetailCustomer/1/UsagePoint/1", "Office", ZONE, us_clock(ZONE, year=START_DATE.year), [series])
    return espi_document(
        [meter], title="Benchmark", base_url="https://utility.example/espi", updated_at=datetime(2026, 1, 1, tzinfo=UTC)
    )


def read_by_connector(body: bytes) -> tuple[int, str]:
    """Readings and their hash, by our connector."""
    (series,) = parse(body).series
    return len(series.values), columns_sha256_hex(series.starts_s, series.durations_s, series.values)


def read_by_lxml(body: bytes) -> tuple[int, str]:
    """Readings and their hash, by lxml reading by reading."""
    starts_s, durations_s, values = array("q"), array("q"), array("q")
    events = etree.iterparse(
        io.BytesIO(body), tag=f"{ESPI}IntervalReading", resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    for _, reading in events:
        starts_s.append(int(reading.findtext(f"{ESPI}timePeriod/{ESPI}start", "")))
        durations_s.append(int(reading.findtext(f"{ESPI}timePeriod/{ESPI}duration", "")))
        values.append(int(reading.findtext(f"{ESPI}value", "")))
        reading.clear()
    return len(values), columns_sha256_hex(starts_s, durations_s, values)


def columns_sha256_hex(*columns: "array[int]") -> str:
    """Hash of the columns as little-endian 64-bit integers."""
    digest = sha256()
    for column in columns:
        digest.update(array("q", column).tobytes())
    return digest.hexdigest()


def best_s(read: Callable[[bytes], tuple[int, str]], body: bytes) -> float:
    """Shortest of several runs, seconds."""
    seconds = []
    for _ in range(REPEATS_COUNT):
        begin = perf_counter()
        read(body)
        seconds.append(perf_counter() - begin)
    return min(seconds)


def python_peak_mb(body: bytes) -> float:
    """What our reader allocates at most beside the document, megabytes."""
    tracemalloc.start()
    parse(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return round(peak / 1e6, 1)


def run(rows_count: int) -> dict[str, Any]:
    """The benchmark's result."""
    body = document(rows_count)
    count, result_hash = read_by_connector(body)
    ours_s = best_s(read_by_connector, body)
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    allocated_mb = python_peak_mb(body)
    lxml_count, lxml_hash = read_by_lxml(body)
    assert (lxml_count, lxml_hash) == (count, result_hash), "the two readers disagree"
    lxml_s = best_s(read_by_lxml, body)
    return {
        "what": "Green Button (ESPI Atom) to interval series: joins, exact units, range checks; one core",
        "rows": count,
        "document_mb": round(len(body) / 1e6, 1),
        "seconds": round(ours_s, 4),
        "per_second": round(count / ours_s),
        "peak_mb": peak_mb,
        "allocated_beside_document_mb": allocated_mb,
        "result_hash": result_hash,
        "alternative": {
            "what": f"lxml {etree.__version__} iterparse, findtext per reading; no joins, units or checks",
            "seconds": round(lxml_s, 4),
            "per_second": round(count / lxml_s),
            "result_hash": lxml_hash,
        },
        "ratio": round(lxml_s / ours_s, 2),
    }


def main() -> None:
    """Print the result as an object, or as one line for people."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rows", type=int, default=200_000, help="readings in the document")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    result = run(arguments.rows)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print(f"{result['per_second']:,} readings/s, {result['ratio']} times {result['alternative']['what']}")


if __name__ == "__main__":
    main()
