"""Timelines as Google writes them, made up: the same trips in each of the three shapes."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any


@dataclass(frozen=True)
class Drive:
    """A made-up trip."""

    mode: str
    start_s: int
    duration_s: int
    metres: int | None
    start_e7: tuple[int, int]
    end_e7: tuple[int, int]
    offset_minutes: int


def _deg(value_e7: int) -> str:
    sign, size = ("-" if value_e7 < 0 else ""), abs(value_e7)
    return f"{sign}{size // 10**7}.{size % 10**7:07d}"


def _local(at_s: int, offset_minutes: int) -> str:
    return datetime.fromtimestamp(at_s, timezone(timedelta(minutes=offset_minutes))).isoformat(timespec="milliseconds")


def _utc(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def android(*drives: Drive) -> bytes:
    """Timeline.json of an Android phone."""
    segments = []
    for one in drives:
        activity: dict[str, Any] = {
            "start": {"latLng": f"{_deg(one.start_e7[0])}°, {_deg(one.start_e7[1])}°"},
            "end": {"latLng": f"{_deg(one.end_e7[0])}°, {_deg(one.end_e7[1])}°"},
            "topCandidate": {"type": one.mode, "probability": 0.9},
        }
        if one.metres is not None:
            activity["distanceMeters"] = float(one.metres)
        span = {
            "startTime": _local(one.start_s, one.offset_minutes),
            "endTime": _local(one.start_s + one.duration_s, one.offset_minutes),
        }
        segments.append({**span, "activity": activity})
    return dumped({"semanticSegments": segments, "rawSignals": [{"wifiScan": {}}], "userLocationProfile": {"frequentPlaces": []}})


def iphone(*drives: Drive) -> bytes:
    """location-history.json of an iPhone."""
    segments = []
    for one in drives:
        activity: dict[str, Any] = {
            "start": f"geo:{_deg(one.start_e7[0])},{_deg(one.start_e7[1])}",
            "end": f"geo:{_deg(one.end_e7[0])},{_deg(one.end_e7[1])}",
            "topCandidate": {"type": one.mode.lower().replace("_", " "), "probability": "0.900000"},
        }
        if one.metres is not None:
            activity["distanceMeters"] = f"{one.metres}.000000"
        span = {
            "startTime": _local(one.start_s, one.offset_minutes),
            "endTime": _local(one.start_s + one.duration_s, one.offset_minutes),
        }
        segments.append({**span, "activity": activity})
    return dumped(segments)


def month(*drives: Drive) -> bytes:
    """A month file of Semantic Location History."""
    objects: list[dict[str, Any]] = [{"placeVisit": {"location": {"name": "Café 東京"}}}]
    for one in drives:
        segment: dict[str, Any] = {
            "startLocation": {"latitudeE7": one.start_e7[0], "longitudeE7": one.start_e7[1]},
            "endLocation": {"latitudeE7": one.end_e7[0], "longitudeE7": one.end_e7[1]},
            "duration": {"startTimestamp": _utc(one.start_s), "endTimestamp": _utc(one.start_s + one.duration_s)},
            "activityType": one.mode,
        }
        if one.metres is not None:
            segment["distance"] = one.metres
        objects.append({"activitySegment": segment})
    return dumped({"timelineObjects": objects})


def dumped(value: object) -> bytes:
    """JSON in UTF-8, as Google writes it."""
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def takeout(files: Mapping[str, bytes], *, folder: str = "Takeout/Standortverlauf/Semantic Location History/") -> bytes:
    """A zip of Takeout."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            archive.writestr(folder + name, body)
    return packed.getvalue()
