"""Google Timeline: trips with day, mode and distance. Pure: bytes in, values out.

1. `envelope`: which files of the upload hold trips, and of which shape.
2. `stream`: JSON element by element, whatever the size.
3. `shapes` with `times` and `ways`: each shape's trips in one form.
4. Here: the kind, the local day, the distance and how it is known; the coordinates are dropped.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from connectors.google_timeline.envelope import DataFile, data_files
from connectors.google_timeline.modes import COUNTED, WITHOUT_FUEL, Mode, haul_of
from connectors.google_timeline.shapes import Trip, track_of, trips
from connectors.google_timeline.ways import Track, way_m
from domain.activity import Quality
from domain.declared import ActivityDocument, DeclaredActivity
from domain.errors import DocumentError, DocumentTooLargeError, HostileDocumentError, InputError
from domain.kinds import checked_attributes, find_kind, kind_quantity
from domain.period import instant_of_epoch_s, instant_to_text

PARSER_VERSION = "google-timeline/1"
"""Stands in manifests; changes when the same document would be read differently."""

MAX_TRIP_COUNT = 250_000
"""Trips of one upload: thirty every day for twenty years."""

LONGEST_KM = 25_000
"""Of one trip; half around the Earth is 20,015 km."""

_ONE_DAY = timedelta(days=1)


def parse(body: bytes) -> ActivityDocument:
    """The trips of one upload that burn something.

    Args:
        body: Timeline.json of Android, location-history.json of an iPhone, a month file of Takeout, or a zip with any of them.

    Returns:
        One activity a trip, named by its start and its mode; walking and cycling are left out. What cannot be counted is refused
        with the reason; of a zip, a broken file is refused and the others stand.

    Raises:
        DocumentError: Nothing of it can be used: no timeline, or cut off.
        DocumentTooLargeError: Too many bytes, files or trips.
        HostileDocumentError: Deep nesting, or a zip that unpacks to far more than its size.
    """
    reading = _Reading()
    for file in data_files(body):
        try:
            reading.take(file)
        except (DocumentTooLargeError, HostileDocumentError):
            raise
        except DocumentError as error:
            if not file.name:
                raise
            reading.refuse(error, file.name)
    return reading.document()


@dataclass(slots=True)
class _Reading:
    """What was read so far."""

    activities: dict[str, DeclaredActivity] = field(default_factory=dict)
    refused: list[DocumentError] = field(default_factory=list)
    _count: int = 0

    def take(self, file: DataFile) -> None:
        """Read one file whole, then take in its trips; where some have no length, read its paths, too.

        Raises:
            DocumentError: The file cannot be read; nothing of it was taken in.
            DocumentTooLargeError: There are too many trips.
        """
        found: list[Trip | DocumentError] = []
        for one in trips(file):
            found.append(one)
            if self._count + len(found) > MAX_TRIP_COUNT:
                raise DocumentTooLargeError(
                    expected=f"at most {MAX_TRIP_COUNT} trips", got="more", next_step="Upload the years one by one."
                )
        self._count += len(found)
        track = track_of(file, [span for one in found if isinstance(one, Trip) for span in _spans_without_length(one)])
        for one in found:
            if isinstance(one, DocumentError):
                self.refuse(one, file.name)
                continue
            try:
                self._take_trip(one, track)
            except InputError as error:
                self.refuse(_numbered(error, one.number), file.name)

    def refuse(self, error: DocumentError, name: str) -> None:
        """Note what was not read."""
        where = f"segment {error.record}" if error.record.isdigit() else error.record
        self.refused.append(
            DocumentError(
                error.message,
                expected=error.expected,
                got=error.got,
                record=", ".join(part for part in (name, where) if part),
                next_step=error.next_step,
            )
        )

    def document(self) -> ActivityDocument:
        """All of it, by time."""
        ordered = sorted(self.activities.values(), key=lambda one: one.record_key)
        return ActivityDocument(tuple(ordered), refused=tuple(self.refused), title="Google Timeline")

    def _take_trip(self, trip: Trip, track: Track) -> None:
        """Take in a trip; the same trip again, as overlapping exports have it, counts once.

        Raises:
            DocumentError: It has a mode that is not counted, or stands twice with two lengths.
            InputError: It cannot be counted.
        """
        if trip.mode in WITHOUT_FUEL:
            return
        mode = COUNTED.get(trip.mode or "")
        if mode is None:
            raise DocumentError(
                "Nobody can tell how this trip was made", expected="a mode that we count", got=trip.mode or "none"
            )
        activity = _activity(trip, mode, track)
        before = self.activities.setdefault(activity.record_key, activity)
        if before.quantity_micro == activity.quantity_micro or activity.quality is Quality.ESTIMATED:
            return
        if before.quality is not Quality.ESTIMATED:
            raise DocumentError(
                "This trip stands twice, with two lengths; the first counts", expected="one length", got="another one"
            )
        self.activities[activity.record_key] = activity


def _activity(trip: Trip, mode: Mode, track: Track) -> DeclaredActivity:
    distance_m, is_estimated = _distance(trip, track)
    attributes = {"service": mode.service}
    if mode.kind == "flight":
        attributes["haul"] = haul_of(int(distance_m))
    kind = find_kind(mode.kind)
    quantity = kind_quantity(kind, Fraction(distance_m) / 1000, mode.unit, record="distance")
    first = next((one for one in (*trip.ends, *trip.path) if one), None)
    day = trip.start.local_day(first.meridian_offset_s() if first else 0)
    return DeclaredActivity(
        record_key=f"{instant_to_text(instant_of_epoch_s(trip.start.epoch_s))}/{mode.label}",
        kind=kind.name,
        attributes=checked_attributes(kind, attributes),
        quantity_micro=quantity.quantity_micro,
        unit=quantity.unit,
        start_date=day,
        end_date=day + _ONE_DAY,
        quality=Quality.ESTIMATED if is_estimated or mode.is_guessed else Quality.MEASURED,
        line_number=trip.number,
    )


def _distance(trip: Trip, track: Track) -> tuple[Decimal, bool]:
    """Metres, and whether they are estimated: as said, else on the roads, else along the path, else straight.

    Raises:
        DocumentError: There is nothing to measure, or it cannot be.
    """
    found = trip.given_m or trip.computed_m or Decimal(_measured_m(trip, track))
    if not found:
        raise DocumentError("Nobody can tell how long this trip was", expected="a distance, or a start and an end", got="neither")
    if not 0 < found <= LONGEST_KM * 1000:
        raise DocumentError("This is no length of a trip", expected=f"up to {LONGEST_KM} km", got=f"{found:f} m")
    return found, trip.given_m is None


def _spans_without_length(trip: Trip) -> Iterator[tuple[int, int]]:
    """Begin and end of a trip that counts and says nothing of its length, seconds since 1970; none of any other."""
    if trip.mode in COUNTED and not (trip.given_m or trip.computed_m or trip.path) and trip.end_s is not None:
        yield trip.start.epoch_s, trip.end_s


def _measured_m(trip: Trip, track: Track) -> int:
    path = trip.path or (() if trip.end_s is None else track.between(trip.start.epoch_s, trip.end_s))
    start, end = trip.ends
    return way_m([one for one in (start, *path, end) if one])


def _numbered(error: InputError, number: int) -> DocumentError:
    return DocumentError(error.message, expected=error.expected, got=error.got, record=str(number), next_step=error.next_step)
