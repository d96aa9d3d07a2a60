"""Trips: kind, distance, day and name are those of the file, in every shape."""

import json
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.google_timeline import GOOGLE_TIMELINE
from connectors.google_timeline.modes import COUNTED, WITHOUT_FUEL
from connectors.google_timeline.parse import parse
from domain.activity import Quality
from domain.declared import DeclaredActivity
from domain.errors import DocumentError, UnknownFormatError
from tests.connectors.google_timeline.timeline_text import Drive, android, dumped, iphone, month, takeout

AT_S = 1_718_438_400  # 2024-06-15T08:00:00Z
PARIS, LOUVRE = (488_566_000, 23_522_000), (488_606_000, 23_376_000)
DRIVE = Drive("IN_PASSENGER_VEHICLE", AT_S, 1800, 1234, PARIS, LOUVRE, 120)


def only(body: bytes) -> DeclaredActivity:
    """The one trip of a file of which nothing is refused."""
    document = parse(body)
    assert not document.refused
    [found] = document.activities
    return found


def refusal(body: bytes) -> str:
    """Why the one trip of a file is refused."""
    document = parse(body)
    assert not document.activities
    [found] = document.refused
    return found.sentence()


drives = st.builds(
    Drive,
    mode=st.sampled_from(sorted(COUNTED)),
    start_s=st.integers(AT_S - 10**8, AT_S + 10**8),
    duration_s=st.integers(60, 86_400),
    metres=st.none() | st.integers(1, 20_000_000),
    start_e7=st.tuples(st.integers(-890_000_000, 890_000_000), st.integers(-1_800_000_000, 1_800_000_000)),
    end_e7=st.tuples(st.integers(-890_000_000, 890_000_000), st.integers(-1_800_000_000, 1_800_000_000)),
    offset_minutes=st.integers(-48, 56).map(lambda quarters: quarters * 15),
).filter(lambda one: one.start_e7 != one.end_e7)


@given(st.lists(drives, min_size=1, max_size=5, unique_by=lambda one: one.start_s))
def test_shapes_say_the_same(made: list[Drive]) -> None:
    """The same trips in Android's, the iPhone's and Takeout's words are the same records; Takeout has no clock of the place."""
    phone, apple, old = (parse(shape(*made)) for shape in (android, iphone, month))
    assert phone.activities == apple.activities
    assert [one.sentence() for one in phone.refused] == [one.sentence() for one in apple.refused]
    assert [replace(one, start_date=date.min, end_date=date.min, line_number=0) for one in phone.activities] == [
        replace(one, start_date=date.min, end_date=date.min, line_number=0) for one in old.activities
    ]
    assert all(abs(a.start_date - b.start_date).days <= 1 for a, b in zip(phone.activities, old.activities, strict=True))


@given(st.lists(drives, min_size=1, max_size=5, unique_by=lambda one: one.start_s))
def test_coordinates_stay_in_the_document(made: list[Drive]) -> None:
    """Nothing of where somebody was is in what is taken from it."""
    for shape in (android, iphone, month):
        document = parse(shape(*made))
        said = repr(document.activities)
        for one in made:
            assert not any(str(abs(number)) in said for number in (*one.start_e7, *one.end_e7) if abs(number) > 10**6)
        assert not any(one.region for one in document.activities)


@pytest.mark.parametrize("shape", [android, iphone, month])
def test_given_distance_is_taken_exactly(shape: object) -> None:
    """1,234 metres of the file are 1.234 km, as measured."""
    assert callable(shape)
    found = only(shape(DRIVE))
    assert (found.quantity_micro, found.unit, found.quality) == (1_234_000, "km", Quality.MEASURED)


def test_fraction_of_a_metre_is_exact() -> None:
    """A distance in the iPhone's six places is rounded once, to a millimetre."""
    body = iphone(DRIVE).replace(b'"1234.000000"', b'"11249.888672"')
    assert only(body).quantity_micro == 11_249_889


def test_java_writes_large_numbers_with_an_exponent() -> None:
    """12,345,678 metres of a flight are 1.2345678E7 on a phone."""
    body = android(replace(DRIVE, mode="FLYING")).replace(b"1234.0", b"1.2345678E7")
    assert only(body).quantity_micro == 12_345_678_000
    assert "This is not a plain decimal number" in refusal(body.replace(b"E7", b"E999999999"))


@pytest.mark.parametrize(
    ("mode", "kind", "unit", "attributes"),
    [
        ("MOTORCYCLING", "motorcycle", "km", ()),
        ("IN_TAXI", "taxi", "pkm", ()),
        ("IN_BUS", "bus", "pkm", ()),
        ("IN_TRAIN", "rail", "pkm", ()),
        ("IN_SUBWAY", "rail", "pkm", (("service", "underground"),)),
        ("IN_TRAM", "rail", "pkm", (("service", "light_rail"),)),
        ("IN_FERRY", "ferry", "pkm", ()),
    ],
)
def test_kinds(mode: str, kind: str, unit: str, attributes: tuple[tuple[str, str], ...]) -> None:
    """Google's word says the kind and, of trains, the service."""
    found = only(android(replace(DRIVE, mode=mode)))
    assert (found.kind, found.unit, found.attributes) == (kind, unit, attributes)


@pytest.mark.parametrize(
    ("metres", "haul"), [(482_802, "short"), (482_803, "medium"), (3_701_490, "medium"), (3_701_491, "long")]
)
def test_flight_is_classed_by_its_length(metres: int, haul: str) -> None:
    """Airports are not known, so the length class is by miles: 300 and 2,300."""
    found = only(android(replace(DRIVE, mode="FLYING", metres=metres)))
    assert (found.kind, found.unit, found.attributes) == ("flight", "pkm", (("haul", haul),))


@pytest.mark.parametrize("mode", ["IN_VEHICLE", "IN_ROAD_VEHICLE", "IN_RAIL_VEHICLE"])
def test_guessed_kind_is_an_estimate(mode: str) -> None:
    """A vehicle that may be a car is counted as one, and says so."""
    assert only(android(replace(DRIVE, mode=mode))).quality is Quality.ESTIMATED


@pytest.mark.parametrize("mode", sorted(WITHOUT_FUEL))
def test_what_burns_nothing_is_left_out(mode: str) -> None:
    """Walking and the like are no activities and no faults."""
    document = parse(android(replace(DRIVE, mode=mode)))
    assert (document.activities, document.refused) == ((), ())


@pytest.mark.parametrize("mode", ["UNKNOWN_ACTIVITY_TYPE", "IN_GONDOLA_LIFT", "SNOWMOBILE", ""])
def test_other_modes_are_refused_by_name(mode: str) -> None:
    """What burns something but has no kind is refused with Google's word."""
    said = refusal(android(replace(DRIVE, mode=mode)))
    assert said == (f"Nobody can tell how this trip was made; expected a mode that we count; got {mode or 'none'}; in segment 1")


def test_missing_distance_is_the_path_of_the_phone() -> None:
    """The places of other segments, within the trip's time, are summed; those outside are not."""
    there_and_back = {
        "startTime": "2024-06-15T10:00:00.000+02:00",
        "endTime": "2024-06-15T12:00:00.000+02:00",
        "timelinePath": [
            {"point": "0.0°, 1.0°", "time": "2024-06-15T10:10:00.000+02:00"},
            {"point": "50.0°, 50.0°", "time": "2024-06-15T11:00:00.000+02:00"},
        ],
    }
    trip = json.loads(android(replace(DRIVE, metres=None, start_e7=(0, 0), end_e7=(0, 0))))
    trip["semanticSegments"].append(there_and_back)
    found = only(dumped(trip))
    assert (found.quantity_micro, found.quality) == (222_390_000, Quality.ESTIMATED)  # 2 x 111.195 km, one degree of the equator
    assert only(takeout({"a.json": dumped(trip)})) == found


def test_path_of_the_iphone_counts_minutes() -> None:
    """Its places say the minutes since the segment began."""
    trip = json.loads(iphone(replace(DRIVE, metres=None, start_e7=(0, 0), end_e7=(0, 0))))
    trip.append(
        {
            "startTime": "2024-06-15T08:00:00.000Z",
            "endTime": "2024-06-15T10:00:00.000Z",
            "timelinePath": [
                {"point": "geo:0.0,1.0", "durationMinutesOffsetFromStartTime": "10"},
                {"point": "geo:0.0,9.0", "durationMinutesOffsetFromStartTime": "31"},
            ],
        }
    )
    assert only(dumped(trip)).quantity_micro == 222_390_000


def test_missing_distance_of_takeout() -> None:
    """What Google put on the roads, else the raw path, else the waypoints, else the straight line; each an estimate."""
    segment = json.loads(month(replace(DRIVE, metres=None, start_e7=(0, 0), end_e7=(0, 10_000_000))))
    inner = segment["timelineObjects"][1]["activitySegment"]
    found = [only(dumped(segment)).quantity_micro]
    inner["waypointPath"] = {"waypoints": [{"latE7": 10_000_000, "lngE7": 0}]}
    found.append(only(dumped(segment)).quantity_micro)
    inner["simplifiedRawPath"] = {"points": [{"latE7": 0, "lngE7": 5_000_000}]}
    found.append(only(dumped(segment)).quantity_micro)
    inner["waypointPath"]["distanceMeters"] = 120_000.5
    last = only(dumped(segment))
    assert (*found, last.quantity_micro, last.quality) == (111_195_000, 268_445_000, 111_195_000, 120_000_500, Quality.ESTIMATED)


def test_zero_distance_is_a_missing_one() -> None:
    """Phones write 0.0 where they did not measure."""
    found = only(android(replace(DRIVE, metres=0)))
    assert (found.quantity_micro, found.quality) == (1_157_000, Quality.ESTIMATED)


def test_trip_without_a_length_is_refused() -> None:
    """Neither a distance nor two places."""
    said = refusal(android(replace(DRIVE, metres=None, end_e7=PARIS)))
    assert said.startswith("Nobody can tell how long this trip was; expected a distance, or a start and an end; got neither")


def test_impossible_length_is_refused() -> None:
    """More than half around the Earth and back is no trip."""
    assert "expected up to 25000 km; got 25000001" in refusal(android(replace(DRIVE, metres=25_000_001)))


@pytest.mark.parametrize(
    ("offset_minutes", "day"), [(-840, "2024-06-14"), (-480, "2024-06-15"), (0, "2024-06-15"), (15 * 60 + 59, "2024-06-15")]
)
def test_day_is_that_of_the_offset(offset_minutes: int, day: str) -> None:
    """08:00 UTC is the evening before where the file's clock says so."""
    assert str(only(android(replace(DRIVE, offset_minutes=offset_minutes))).start_date) == day


def test_offset_beside_a_utc_time_is_taken() -> None:
    """Some phones write UTC and the minutes of the local clock beside it."""
    body = json.loads(android(DRIVE))
    segment = body["semanticSegments"][0]
    segment |= {"startTime": "2024-06-15T02:00:00.000Z", "startTimeTimezoneUtcOffsetMinutes": -420}
    assert str(only(dumped(body)).start_date) == "2024-06-14"


@pytest.mark.parametrize(
    ("longitude_e7", "day"), [(-1_220_000_000, "2024-06-14"), (0, "2024-06-15"), (1_500_000_000, "2024-06-15")]
)
def test_day_without_an_offset_is_that_of_the_meridian(longitude_e7: int, day: str) -> None:
    """Takeout says UTC alone: 02:00 UTC is the evening before in San Francisco."""
    drive = replace(DRIVE, start_s=AT_S - 6 * 3600, start_e7=(370_000_000, longitude_e7))
    assert str(only(month(drive)).start_date) == day


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("2025-03-24 20:07:24 +0100", "2025-03-24T19:07:24Z"),
        ("1742844302585", "2025-03-24T19:25:02Z"),
        ("1742844232", "2025-03-24T19:23:52Z"),
        ("2025-03-24T20:20:23+01:00", "2025-03-24T19:20:23Z"),
        ("2025-03-24T19:20:23.999Z", "2025-03-24T19:20:23Z"),
    ],
)
def test_times_in_all_their_forms(text: str, key: str) -> None:
    """Every form that Takeout has had is the same moment."""
    body = month(DRIVE).replace(b"2024-06-15T08:00:00.000Z", text.encode())
    assert only(body).record_key == f"{key}/car"


@pytest.mark.parametrize("text", ["yesterday", "2024-13-01T00:00:00Z", "2024-06-15T08:00:00", "0001-01-01T00:00:00Z", "9" * 30])
def test_impossible_times_are_refused(text: str) -> None:
    """A trip whose day nobody can tell is refused, with its segment."""
    said = refusal(month(DRIVE).replace(b"2024-06-15T08:00:00.000Z", text.encode()))
    assert said.endswith("in segment 2")


def test_numbers_that_ran_over_are_brought_back() -> None:
    """Old files have longitudes 2^32 too large."""
    plain = month(replace(DRIVE, metres=None, start_e7=(0, -10_000_000), end_e7=(0, 0)))
    over = plain.replace(b"-10000000", str(2**32 - 10_000_000).encode())
    assert only(over).quantity_micro == only(plain).quantity_micro == 111_195_000


def test_trip_twice_counts_once() -> None:
    """Overlapping files of a zip give one record where they say the same, and the measured length where one has none."""
    said = parse(takeout({"a.json": android(DRIVE), "b.json": month(DRIVE), "c.json": android(replace(DRIVE, metres=None))}))
    assert ([one.quantity_micro for one in said.activities], said.refused) == ([1_234_000], ())
    late = parse(takeout({"a.json": android(replace(DRIVE, metres=None)), "b.json": month(DRIVE)}))
    assert [(one.quantity_micro, one.quality) for one in late.activities] == [(1_234_000, Quality.MEASURED)]


def test_two_lengths_of_one_trip() -> None:
    """The first file's counts, and the other one is named."""
    document = parse(takeout({"a.json": android(DRIVE), "b.json": month(replace(DRIVE, metres=9999))}))
    assert [one.quantity_micro for one in document.activities] == [1_234_000]
    assert document.refused[0].sentence().startswith("This trip stands twice, with two lengths; the first counts")
    assert document.refused[0].record == "Takeout/Standortverlauf/Semantic Location History/b.json, segment 2"


def test_takeout_reads_data_files_alone() -> None:
    """Points, settings, edits and what else is in a Takeout is left alone."""
    packed = takeout(
        {
            "2024/2024_JUNE.json": month(DRIVE),
            "2024/2024_JULY.json": month(replace(DRIVE, start_s=AT_S + 10**6)),
            "Records.json": b'{"locations": [{"latitudeE7": 1}]}',
            "Settings.json": b'{"createdTime": "2015-01-01T00:00:00Z"}',
            "Timeline Edits.json": b'{"timelineEdits": []}',
            "photo.jpg.json": b'{"title": "photo.jpg"}',
            "archive_browser.html": b"<html>",
        }
    )
    document = parse(packed)
    assert (len(document.activities), document.refused) == (2, ())


def test_broken_file_of_a_zip_leaves_the_others() -> None:
    """It is refused by its name, and nothing of it counts."""
    document = parse(takeout({"a.json": month(DRIVE)[:-40], "b.json": month(replace(DRIVE, start_s=AT_S + 999))}))
    assert [one.record_key for one in document.activities] == ["2024-06-15T08:16:39Z/car"]
    assert document.refused[0].record.endswith("a.json")


def test_byte_order_mark() -> None:
    """Windows programs put one before the file."""
    assert only(b"\xef\xbb\xbf" + android(DRIVE)).kind == "car"


def test_one_bad_segment_leaves_the_others() -> None:
    """A segment that is none, or lacks what it needs, is refused with its number."""
    body = json.loads(android(DRIVE, replace(DRIVE, start_s=AT_S + 60)))
    body["semanticSegments"].insert(1, "text")
    del body["semanticSegments"][2]["startTime"]
    body["semanticSegments"].append({"activity": {"distanceMeters": "many", "topCandidate": {"type": "IN_BUS"}}})
    document = parse(dumped(body))
    assert len(document.activities) == 1
    assert [one.record for one in document.refused] == ["segment 2", "segment 3", "segment 4"]


def test_records_json_is_refused_with_the_way_out() -> None:
    """It has no modes of travel, and its reader says where they are."""
    with pytest.raises(UnknownFormatError, match="not how somebody travelled; expected Semantic Location History beside it"):
        parse(b'{"locations": []}')
    with pytest.raises(UnknownFormatError, match="not how somebody travelled"):
        parse(takeout({"Records.json": b'{"locations": []}'}))


def test_manifest_names_what_it_brings() -> None:
    """Its kinds are those of the modes, and it works at once."""
    manifest = GOOGLE_TIMELINE.manifest
    assert manifest.kinds == {"car", "motorcycle", "taxi", "bus", "rail", "ferry", "flight"}
    assert (manifest.works_now, GOOGLE_TIMELINE.pull) == (True, None)
    with pytest.raises(DocumentError):
        GOOGLE_TIMELINE.parse(b"")
