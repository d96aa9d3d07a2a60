"""From the elements of each shape to trips in one form, with the coordinates still in it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.google_timeline.envelope import DataFile, Shape
from connectors.google_timeline.stream import members
from connectors.google_timeline.times import Instant, instant_of
from connectors.google_timeline.ways import Point, Track, point_of_e7, point_of_text
from domain.errors import DocumentError, InputError, TimeError
from domain.number import decimal_from_text

Element = Mapping[str, object]

LIST_OF_SHAPE = {Shape.ANDROID: "semanticSegments", Shape.IOS: "", Shape.MONTH: "timelineObjects"}
"""Name of the list that the trips of a shape are in."""


@dataclass(frozen=True, slots=True)
class Trip:
    """One trip as a file says it.

    Attributes:
        number: Of the element in its file, from 1.
        mode: Google's word for how, in capitals with underscores; None where it says none.
        start: When it began.
        end_s: When it ended, seconds since 1970; None where the file does not say it.
        given_m: Its length as the file says it, metres; None where it is missing or zero.
        computed_m: Length of the way that Google put on the roads, metres; None where there is none.
        ends: First and last place, each None where it is missing.
        path: Places between, where the trip has them itself.
    """

    number: int
    mode: str | None
    start: Instant
    end_s: int | None
    given_m: Decimal | None
    computed_m: Decimal | None
    ends: tuple[Point | None, Point | None]
    path: tuple[Point, ...]


def elements(file: DataFile) -> Iterator[tuple[int, object]]:
    """The elements of a file's list of trips, stays and paths, each with its number from 1.

    Args:
        file: As the upload holds it.

    Yields:
        Them in their order.

    Raises:
        DocumentError: The file is no JSON, cut off, or hostile.
    """
    name, number = LIST_OF_SHAPE[file.shape], 0
    for one in members(file.open()):
        if one.is_element and one.name == name:
            number += 1
            yield number, one.value


def trips(file: DataFile) -> Iterator[Trip | DocumentError]:
    """The trips of a file, and why one of them cannot be read.

    Args:
        file: As the upload holds it.

    Yields:
        Them in their order.

    Raises:
        DocumentError: The file is no JSON, cut off, or hostile.
    """
    read = _month_trip if file.shape is Shape.MONTH else _phone_trip
    for number, element in elements(file):
        if not isinstance(element, Mapping):
            yield DocumentError("This is no segment", expected="a JSON object", got=type(element).__name__, record=str(number))
            continue
        try:
            trip = read(number, element)
        except InputError as error:
            yield DocumentError(error.message, expected=error.expected, got=error.got, record=str(number))
            continue
        if trip:
            yield trip


def track_of(file: DataFile, spans_s: Sequence[tuple[int, int]]) -> Track:
    """The places of a phone's paths, which stand in segments of their own: those within some spans of time.

    Args:
        file: As the upload holds it; it is read once more.
        spans_s: Begin and end of each span, both in, seconds since 1970.

    Returns:
        The places; one that is no place or has no time is left out.
    """
    track = Track(spans_s)
    if spans_s and file.shape is not Shape.MONTH:
        for _, element in elements(file):
            if isinstance(element, Mapping) and "timelinePath" in element:
                _take_path(element, track)
    return track


def _phone_trip(number: int, element: Element) -> Trip | None:
    activity = _part(element, "activity")
    if activity is None:
        return None
    return Trip(
        number=number,
        mode=_mode((_part(activity, "topCandidate") or {}).get("type")),
        start=_phone_instant(element, "start"),
        end_s=_phone_instant(element, "end").epoch_s if "endTime" in element else None,
        given_m=_metres(activity.get("distanceMeters")),
        computed_m=None,
        ends=(_phone_point(activity.get("start")), _phone_point(activity.get("end"))),
        path=(),
    )


def _month_trip(number: int, element: Element) -> Trip | None:
    segment = _part(element, "activitySegment")
    if segment is None:
        return None
    duration, waypoints = _part(segment, "duration") or {}, _part(segment, "waypointPath") or {}
    raw = _part(segment, "simplifiedRawPath") or {}
    path = _points(raw.get("points")) or _points(waypoints.get("waypoints"))
    has_end = "endTimestamp" in duration or "endTimestampMs" in duration
    return Trip(
        number=number,
        mode=_mode(segment.get("activityType")),
        start=_month_instant(duration, "start"),
        end_s=_month_instant(duration, "end").epoch_s if has_end else None,
        given_m=_metres(segment.get("distance")),
        computed_m=_metres(waypoints.get("distanceMeters")),
        ends=(point_of_e7(segment.get("startLocation")), point_of_e7(segment.get("endLocation"))),
        path=path,
    )


def _take_path(element: Element, track: Track) -> None:
    path = element["timelinePath"]
    if not isinstance(path, Sequence) or isinstance(path, str):
        return
    try:
        start_s = _phone_instant(element, "start").epoch_s
    except InputError:
        start_s = None
    for one in path:
        at_s = _time_of_place(one, start_s) if isinstance(one, Mapping) else None
        if at_s is not None and track.wants(at_s) and (point := point_of_text(one.get("point"))):
            track.add(at_s, point)


def _time_of_place(place: Element, start_s: int | None) -> int | None:
    """When somebody was at a place of a path, seconds since 1970; None where the file does not say it."""
    minutes = place.get("durationMinutesOffsetFromStartTime")
    try:
        if minutes is None:
            return instant_of(place.get("time")).epoch_s
        return None if start_s is None else start_s + int(decimal_from_text(str(minutes)) * 60)
    except InputError:
        return None


def _phone_instant(element: Element, which: str) -> Instant:
    return instant_of(element.get(f"{which}Time"), offset_minutes=element.get(f"{which}TimeTimezoneUtcOffsetMinutes"))


def _month_instant(duration: Element, which: str) -> Instant:
    found = duration.get(f"{which}Timestamp", duration.get(f"{which}TimestampMs"))
    if found is None:
        raise TimeError("A trip has no time", expected=f"{which}Timestamp", got="none")
    return instant_of(found)


def _phone_point(value: object) -> Point | None:
    return point_of_text(value.get("latLng") if isinstance(value, Mapping) else value)


def _points(value: object) -> tuple[Point, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return ()
    found = (point_of_e7(one, names=("latE7", "lngE7")) for one in value)
    return tuple(one for one in found if one)


def _part(element: Element, name: str) -> Element | None:
    found = element.get(name)
    return found if isinstance(found, Mapping) else None


def _mode(value: object) -> str | None:
    return value.strip().upper().replace(" ", "_") if isinstance(value, str) else None


def _metres(value: object) -> Decimal | None:
    """A length that is said; None where there is none, or zero.

    Raises:
        NumberError: It is no number.
    """
    if value is None:
        return None
    length_m = decimal_from_text(str(value), record="distance")
    return length_m or None
