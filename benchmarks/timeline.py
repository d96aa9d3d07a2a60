"""Google Timeline parse: our connector beside a plain loop over `json.loads`, in one run, as one JSON object.

    python -m benchmarks.timeline --json [--rows 40000]

The file is as an Android phone writes it: trips, half of them on foot, each followed by a path of twenty places, then as many raw
signals. Both readers must find the same trips by car: the hash of all starts and millimetres is compared. The alternative holds
the whole file as objects, takes every distance as given, and checks nothing.
"""

import argparse
import json
import resource
import tracemalloc
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from hashlib import sha256
from time import perf_counter
from typing import Any

from connectors.google_timeline.parse import parse
from domain.period import instant_from_text

CLOCK = timezone(timedelta(hours=2))
START = datetime(2016, 1, 1, tzinfo=UTC)
PLACES_COUNT = 20
REPEATS_COUNT = 3


def timeline(rows_count: int) -> bytes:
    """A file with so many segments, half of them trips."""
    segments: list[dict[str, Any]] = []
    for number in range(rows_count // 2):
        start = START + timedelta(hours=number)
        segments += [_trip(number, start), _path(start)]
    signal = {"latLng": "48.8566°, 2.3522°", "accuracyMeters": 15, "source": "WIFI", "timestamp": "2024-06-15T09:05:00.000Z"}
    file = {"semanticSegments": segments, "rawSignals": [{"position": signal}] * rows_count}
    return json.dumps(file, ensure_ascii=False, indent=2).encode()


def _trip(number: int, start: datetime) -> dict[str, Any]:
    activity = {
        "start": {"latLng": "48.8566000°, 2.3522000°"},
        "end": {"latLng": "48.8606000°, 2.3376000°"},
        "distanceMeters": 1000 + number + 0.25,
        "topCandidate": {"type": "IN_PASSENGER_VEHICLE" if number % 2 else "WALKING", "probability": 0.9},
    }
    return {"startTime": _text(start), "endTime": _text(start + timedelta(minutes=30)), "activity": activity}


def _path(start: datetime) -> dict[str, Any]:
    places = [
        {"point": f"48.{8566000 + number}°, 2.3522000°", "time": _text(start + timedelta(minutes=number))}
        for number in range(PLACES_COUNT)
    ]
    return {"startTime": _text(start), "endTime": _text(start + timedelta(hours=2)), "timelinePath": places}


def _text(at: datetime) -> str:
    return at.astimezone(CLOCK).isoformat(timespec="milliseconds")


def read_by_connector(body: bytes) -> tuple[int, str]:
    """Trips by car and their hash, by our connector."""
    found = [one for one in parse(body).activities if one.kind == "car"]
    starts_s = [int(instant_from_text(one.record_key.partition("/")[0]).timestamp()) for one in found]
    return len(found), sha256_hex(starts_s, [one.quantity_micro for one in found])


def read_by_floats(body: bytes) -> tuple[int, str]:
    """Trips by car and their hash, by `json.loads` and a loop."""
    starts_s, millimetres = [], []
    for segment in json.loads(body)["semanticSegments"]:
        activity = segment.get("activity")
        if activity and activity["topCandidate"]["type"] == "IN_PASSENGER_VEHICLE":
            starts_s.append(int(datetime.fromisoformat(segment["startTime"]).timestamp()))
            millimetres.append(round(activity["distanceMeters"] * 1000))
    return len(starts_s), sha256_hex(starts_s, millimetres)


def sha256_hex(*columns: Sequence[int]) -> str:
    """Hash of numbers, column by column."""
    return sha256(json.dumps(columns).encode()).hexdigest()


def measured(read: Callable[[bytes], tuple[int, str]], body: bytes) -> dict[str, Any]:
    """The best of some runs, and the memory of one more."""
    best_s, count, digest = float("inf"), 0, ""
    for _ in range(REPEATS_COUNT):
        began_s = perf_counter()
        count, digest = read(body)
        best_s = min(best_s, perf_counter() - began_s)
    tracemalloc.start()
    read(body)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return {"trips": count, "seconds": round(best_s, 3), "peak_mb": round(peak_bytes / 1e6, 1), "result_hash": digest}


def benchmark(rows_count: int) -> dict[str, Any]:
    """The whole measurement.

    Args:
        rows_count: Segments of the file, and as many raw signals.
    """
    body = timeline(rows_count)
    ours, other = measured(read_by_connector, body), measured(read_by_floats, body)
    return {
        "what": "Google Timeline (Android) to trips: streamed, exact distances, local days; one core",
        "rows": rows_count,
        "mb": round(len(body) / 1e6, 1),
        **ours,
        "per_second": round(rows_count / ours["seconds"]),
        "mb_per_second": round(len(body) / 1e6 / ours["seconds"], 1),
        "max_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
        "alternative": {"what": "json.loads of the whole file and a loop with floats; no paths, no checks", **other},
        "agrees": ours["result_hash"] == other["result_hash"],
        "ratio": round(float(Fraction(str(other["seconds"])) / Fraction(str(ours["seconds"]))), 2),
    }


def main() -> None:
    """Print the measurement."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=40_000, help="segments")
    parser.add_argument("--json", action="store_true", help="one line")
    given = parser.parse_args()
    print(json.dumps(benchmark(given.rows), indent=None if given.json else 1))


if __name__ == "__main__":
    main()
