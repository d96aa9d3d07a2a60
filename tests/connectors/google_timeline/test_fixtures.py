"""Every collected timeline file agrees with what an independent reader found in it."""

import io
import json
from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from connectors.google_timeline.envelope import HEAD_SIZE, TRIPS, DataFile, Shape, data_files, shape_of
from connectors.google_timeline.parse import parse
from connectors.google_timeline.shapes import Trip, elements, trips
from connectors.google_timeline.stream import members
from connectors.google_timeline.ways import way_m
from domain.errors import UnknownFormatError
from domain.number import decimal_to_text

FORMATS = {
    Shape.ANDROID: "android on-device (semanticSegments, degree strings)",
    Shape.IOS: "ios on-device (list, geo: URIs, numbers as strings)",
    Shape.MONTH: "old Takeout semantic month (timelineObjects, E7 integers)",
    Shape.RECORDS: "old Takeout Records (raw points, E7)",
    Shape.EDITS: "not travel data",
}


@pytest.fixture(scope="module")
def folder(shared_dir: Path) -> Path:
    """Where the collected files are."""
    return shared_dir / "fixtures/timeline"


@pytest.fixture(scope="module")
def expected(folder: Path) -> dict[str, dict[str, Any]]:
    """What each file holds, by its name."""
    found: dict[str, dict[str, Any]] = json.loads((folder / "expected.json").read_text())
    return found


def facts(body: bytes) -> dict[str, Any]:
    """A file as we read it, in the words of the expectations."""
    shape = shape_of(body[:HEAD_SIZE])
    assert shape is not None
    if shape not in TRIPS:
        top = list(members(io.BytesIO(body).read))
        counted = {"points": len(top)} if shape is Shape.RECORDS else {"keys": sorted({one.name for one in top})}
        return {"format": FORMATS[shape], **counted}
    [file] = data_files(body)
    seen = [one for _, one in elements(file) if isinstance(one, Mapping)]
    read = [one for one in trips(file) if isinstance(one, Trip)]
    found: dict[str, Any] = {
        "format": FORMATS[shape],
        "activities": len(read),
        "by_type": dict(Counter("null" if one.mode is None else one.mode for one in read)),
        "distance_m_given": decimal_to_text(sum((one.given_m or Decimal(0) for one in read), Decimal(0))),
    }
    if shape is Shape.MONTH:
        return found | {"objects": len(seen), "visits": sum("placeVisit" in one for one in seen)}
    straight = Counter[str]()
    for one in read:
        straight[one.mode or "null"] += way_m([end for end in one.ends if end])
    return found | {
        "segments": len(seen),
        "visits": sum("visit" in one for one in seen),
        "paths": sum("timelinePath" in one for one in seen),
        "straight_line_m_by_type": {mode: float(metres) for mode, metres in straight.items()},
    }


def test_files_hold_what_is_expected(folder: Path, expected: dict[str, dict[str, Any]]) -> None:
    """Segments, stays, paths, trips by mode, and distances are the same."""
    assert {name: facts((folder / name).read_bytes()) for name in expected} == expected


def test_files_without_trips_are_refused(folder: Path, expected: dict[str, dict[str, Any]]) -> None:
    """What holds no trips is refused by its name, and nothing else is."""
    refused = {}
    for name in expected:
        try:
            parse((folder / name).read_bytes())
        except UnknownFormatError as error:
            refused[name] = error.got
    assert refused == {"records_old.json": "Records.json", "timeline_edits_not_data.json": "Timeline Edits.json"}


def test_trip_of_an_android_phone(folder: Path) -> None:
    """The one drive in the collection: without a distance, so the straight line counts, as an estimate."""
    [trip] = parse((folder / "android_timeline_small.json").read_bytes()).activities
    found = (trip.record_key, trip.kind, trip.quantity_micro, trip.unit, trip.quality, str(trip.start_date), str(trip.end_date))
    assert found == ("2024-06-15T08:00:00Z/car", "car", 1_157_000, "km", "estimated", "2024-06-15", "2024-06-16")


def test_trips_without_a_mode_are_refused(folder: Path) -> None:
    """Google's guesses beside a trip that it gives no mode are not taken for one."""
    document = parse((folder / "semantic_month_old.json").read_bytes())
    assert [one.record for one in document.refused] == ["segment 1", "segment 2", "segment 3"]
    assert document.refused[0].sentence().startswith("Nobody can tell how this trip was made; expected a mode that we count")
    assert not document.activities


def test_file_is_read_from_its_beginning_again(folder: Path) -> None:
    """A data file can be read more than once, in pieces of any size."""
    body = (folder / "android_timeline.json").read_bytes()

    def opened() -> Callable[[int], bytes]:
        source = io.BytesIO(body)
        return lambda _: source.read(7)

    slow = DataFile("", Shape.ANDROID, opened)
    assert list(elements(slow)) == list(elements(slow)) == list(elements(next(data_files(body))))
