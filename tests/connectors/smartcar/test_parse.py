"""One answer about one car: kilometres since the earlier reading, or charging elsewhere, in both shapes of the API."""

import json
from contextlib import suppress
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.context import framed
from connectors.smartcar import SMARTCAR
from connectors.smartcar.parse import CHARGING, POWERTRAINS, parse, powertrain_of, read_answer
from domain.declared import ActivityDocument, DeclaredActivity, declared_key
from domain.errors import DocumentError, TruncatedDocumentError, UnknownFormatError
from domain.period import Month

CAR = "36ab27d0-fd9d-4455-823a-ce30af709ffc"
EARLIER = {"earlier": {"at": "2024-05-03T06:10:00Z", "km": "201407/10"}}
TOLD_MS = 1714802400000  # 2024-05-04T06:00:00Z


def context(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a test wants to see there
    """The line before an answer."""
    return {"vehicle": CAR, "counts": "distance", "powertrain": "", "zone": "UTC", **EARLIER, **more}


def signals(value: str = "20181.2", unit: str | None = "km", kind: str = "BEV", charges: str = "[]", **more: Any) -> bytes:  # noqa: ANN401
    """An answer of version 3."""
    body = f'"value":{value}' + (f',"unit":"{unit}"' if unit is not None else "")
    meta = json.dumps({"oemUpdatedAt": TOLD_MS, "retrievedAt": TOLD_MS + 5000} | more)
    return (
        f'{{"data":[{{"attributes":{{"code":"odometer-traveleddistance","status":{{"value":"SUCCESS"}},"body":{{{body}}}}},'
        f'"meta":{meta}}},{{"attributes":{{"code":"charge-chargerecords","status":{{"value":"SUCCESS"}},'
        f'"body":{{"values":{charges}}}}}}}],"included":{{"vehicle":{{"make":"TESLA","model":"Model 3","year":2020,'
        f'"powertrainType":"{kind}"}}}}}}'
    ).encode()


def batch(
    distance: str = "20181.2", system: str | None = "metric", code: int = 200, at: str = "2024-05-04T06:00:00.844Z"
) -> bytes:
    """An answer of version 2."""
    headers = {"sc-data-age": at} | ({"sc-unit-system": system} if system else {})
    return (
        '{"responses":[{"path":"/","code":200,"body":{"id":"x","make":"OPEL","model":"Corsa","year":2019},"headers":{}},'
        f'{{"path":"/odometer","code":{code},"body":{{"distance":{distance},"type":"PERMISSION"}},"headers":{json.dumps(headers)}}}]}}'
    ).encode()


def only(document: ActivityDocument) -> DeclaredActivity:
    """The only activity of a document in which nothing is refused."""
    assert document.refused == ()
    (one,) = document.activities
    return one


@pytest.mark.parametrize("answer", [signals(), batch()], ids=["version 3", "version 2"])
def test_two_readings_make_a_distance(answer: bytes) -> None:
    """The kilometres between the reading before and this one, on the days between them, named after the first."""
    one = only(parse(framed(context(powertrain="electric"), answer)))
    assert (one.kind, one.quantity_micro, one.unit) == ("car", 40_500_000, "km")
    assert (one.start_date, one.end_date) == (date(2024, 5, 3), date(2024, 5, 4))
    assert one.record_key == f"{CAR}/odometer/2024-05-03T06:10:00Z"
    assert one.attributes == (("powertrain", "electric"),)
    assert declared_key(one, "GB", Month(2024, 5)).unit == "km"


def test_the_first_reading_is_remembered() -> None:
    """It gives no activity, and stands before the next answer."""
    told = read_answer(framed({"vehicle": CAR, "counts": "distance", "powertrain": "", "zone": "UTC"}, signals()))
    assert (told.document.activities, told.document.refused) == ((), ())
    assert told.state.to_json() == {"earlier": {"at": "2024-05-04T06:00:00Z", "km": "100906/5"}}
    assert told.document.title == "TESLA Model 3 2020"


@pytest.mark.parametrize("answer", [signals("100", "miles"), batch("100", "imperial")], ids=["version 3", "version 2"])
def test_miles_are_miles(answer: bytes) -> None:
    """Where the provider answers in miles, whatever was asked for, they become kilometres exactly."""
    line = context(earlier={"at": "2024-05-03T06:10:00Z", "km": "0"})
    assert only(parse(framed(line, answer))).quantity_micro == 160_934_400


def test_the_day_is_the_drivers() -> None:
    """With the person's time zone a reading in the night is of the evening before."""
    one = only(parse(framed(context(zone="America/Los_Angeles"), signals())))
    assert (one.start_date, one.end_date) == (date(2024, 5, 2), date(2024, 5, 3))


def test_long_digits_are_exact() -> None:
    """A reading with many decimals loses none before the difference is rounded once."""
    line = context(earlier={"at": "2024-05-03T06:10:00Z", "km": "115000"})
    assert only(parse(framed(line, signals("115071.50046584333")))).quantity_micro == 71_500_466


@pytest.mark.parametrize(
    ("kind", "said", "powertrain"),
    [
        ("BEV", "", "electric"),
        ("BEV", "diesel", "electric"),
        ("PHEV", "", "plug_in_hybrid"),
        ("HEV", "", "hybrid"),
        ("ICE", "", ""),
        ("ICE", "diesel", "diesel"),
        ("ICE", "electric", ""),
        ("MHEV", "petrol", "petrol"),
        ("bev", "", "electric"),
        ("", "lpg", "lpg"),
        ("WARP", "petrol", "petrol"),
        ("", "", ""),
        ("FCEV", "petrol", "hydrogen"),
    ],
)
def test_what_drives_it(kind: str, said: str, powertrain: str) -> None:
    """The provider's word counts before the person's; of an engine the person knows what it burns."""
    assert powertrain_of(kind, said) == powertrain


def test_an_unknown_drive_is_left_out() -> None:
    """Nobody says what it burns: the kind's general factor is taken, and says so."""
    assert only(parse(framed(context(), signals(kind="ICE")))).attributes == ()


def test_hydrogen_is_refused() -> None:
    """No factor is published for it, and it is not counted as petrol."""
    document = parse(framed(context(), signals(kind="FCEV")))
    assert document.activities == ()
    assert "No factor is published for a car that runs on hydrogen" in document.refused[0].sentence()


def charge(**more: Any) -> dict[str, Any]:  # noqa: ANN401 - whatever a record may hold
    """A charging session at a public charger."""
    times = {"startTime": "2024-05-02T17:00:00Z", "endTime": "2024-05-02T18:10:00Z"}
    return {"id": "CHG1", **times, "energyAdded": 40.5, "isPublicCharger": True, **more}


def charged(*charges: dict[str, Any], kind: str = "BEV") -> ActivityDocument:
    """What an answer with these sessions gives where charging is counted."""
    return parse(framed(context(counts=CHARGING), signals(kind=kind, charges=json.dumps(charges))))


def test_charging_elsewhere_counts_instead_of_kilometres() -> None:
    """An electric car's kilometres contain its electricity: where sessions are counted, they are not."""
    one = only(charged(charge()))
    assert (one.kind, one.quantity_micro, one.unit) == ("electricity", 40_500_000, "kWh")
    assert (one.start_date, one.end_date) == (date(2024, 5, 2), date(2024, 5, 3))
    assert one.record_key == f"{CAR}/charge/CHG1"


def test_charging_at_home_is_left_out_and_said() -> None:
    """The house's meter has it."""
    document = charged(charge(), charge(id="CHG2", isPublicCharger=False))
    assert only(document).record_key.endswith("CHG1")
    assert document.title.endswith("; 1 charging sessions at private chargers are left out: a meter has them")


@pytest.mark.parametrize("kind", ["ICE", "PHEV", "HEV"])
def test_cars_that_burn_something_count_their_kilometres(kind: str) -> None:
    """Their kilometres contain what they charge, and what they burn is known no other way."""
    assert only(charged(charge(), kind=kind)).kind == "car"


def test_where_kilometres_count_sessions_do_not() -> None:
    """The other way round nothing is counted twice either."""
    document = parse(framed(context(), signals(charges=json.dumps([charge()]))))
    assert [one.kind for one in document.activities] == ["car"]


def test_a_session_that_goes_on_is_waited_for() -> None:
    """It has no end yet: it comes again."""
    assert charged(charge(endTime=None)).activities == ()


BAD_CHARGES: dict[str, dict[str, Any]] = {
    "place unknown": {"isPublicCharger": None},
    "place as text": {"isPublicCharger": "yes"},
    "no energy": {"energyAdded": None},
    "energy as text": {"energyAdded": "40"},
    "negative": {"energyAdded": -1},
    "a power station": {"energyAdded": 1000.5},
    "not a number": {"energyAdded": float("nan")},
    "no name": {"id": ""},
    "name with a line": {"id": "A\nB"},
    "naive time": {"startTime": "2024-05-02T17:00:00"},
    "no start": {"startTime": None},
    "backwards": {"endTime": "2024-05-02T16:00:00Z"},
    "year 9999": {"endTime": "9999-12-31T23:59:59-14:00"},
}


@pytest.mark.parametrize("bad", BAD_CHARGES.values(), ids=BAD_CHARGES.keys())
def test_one_bad_session_is_refused_alone(bad: dict[str, Any]) -> None:
    """It is named with its place; the others stand."""
    document = charged(charge(), charge(id="CHG2") | bad, charge(id="CHG3"))
    assert [one.record_key.rpartition("/")[2] for one in document.activities] == ["CHG1", "CHG3"]
    (refusal,) = document.refused
    assert refusal.record == "charging session 2"


def test_a_name_that_stands_twice() -> None:
    """The same session again is no news; another one of the same name is refused."""
    assert len(charged(charge(), charge()).activities) == 1
    assert "stands twice" in charged(charge(), charge(energyAdded=3)).refused[0].sentence()


BAD_ODOMETERS: dict[str, tuple[bytes, str]] = {
    "no unit": (signals(unit=None), "unit of this odometer is not known"),
    "another unit": (signals(unit="leagues"), "unit of this odometer is not known"),
    "no unit system": (batch(system=None), "unit of this odometer is not known"),
    "another unit system": (batch(system="nautical"), "unit of this odometer is not known"),
    "text": (signals('"20181"'), "odometer is no number"),
    "null": (signals("null"), "odometer is no number"),
    "NaN": (signals("NaN"), "odometer is no number"),
    "decimal bomb": (signals("1E+999999999"), "not a plain decimal"),
    "a million digits": (signals("9" * 1_000_000), "not a plain decimal"),
    "negative": (signals("-1"), "No car has driven that far"),
    "to the moon": (signals("5000001"), "No car has driven that far"),
    "no time": (signals(oemUpdatedAt=None, retrievedAt=None), "time of this reading is not known"),
    "a time in words": (batch(at="yesterday"), "time"),
    "a time long ago": (signals(oemUpdatedAt=12), "year"),
    "a time far ahead": (signals(oemUpdatedAt=10**15), "time of this reading is not known"),
    "no consent": (batch(code=403), "Connect the car again and allow the odometer"),
    "not capable": (batch(code=501), "does not tell its odometer now"),
    "nothing about it": (b'{"data":[]}', "got no such signal"),
    "went back": (signals("20000"), "odometer shows less than before"),
    "leapt": (signals("40000"), "No car drives that far"),
}


@pytest.mark.parametrize(("answer", "says"), BAD_ODOMETERS.values(), ids=BAD_ODOMETERS.keys())
def test_an_odometer_that_cannot_be_is_refused(answer: bytes, says: str) -> None:
    """With the reason; what was remembered stays, or the new reading is looked at with the next one."""
    document = parse(framed(context(), answer))
    assert document.activities == ()
    (refusal,) = document.refused
    assert says in refusal.sentence()
    assert refusal.record == "odometer"
    assert refusal.sentence().isprintable()


def test_a_car_without_its_own_time_has_the_providers() -> None:
    """Zero is no time: when the provider fetched it counts."""
    told = read_answer(framed(context(), signals(oemUpdatedAt=0)))
    assert told.state.to_json() == {"earlier": {"at": "2024-05-04T06:00:05Z", "km": "100906/5"}}


HOSTILE: dict[str, tuple[bytes, type[DocumentError], str]] = {
    "deep": (b'{"data":' * 100_000, DocumentError, "nested too deeply"),
    "a web page": (b"<html>", UnknownFormatError, "is a web page"),
    "nothing": (b"", TruncatedDocumentError, "is empty"),
    "cut off": (signals()[:-9], TruncatedDocumentError, "is cut off"),
    "another shape": (b'{"version":9,"payload":{"items":[]}}', UnknownFormatError, "got version, payload"),
    "a number": (b"7", UnknownFormatError, "no answer about a car"),
}


@pytest.mark.parametrize(("answer", "error", "says"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_answer_is_refused_as_a_whole(answer: bytes, error: type[DocumentError], says: str) -> None:
    """It is said what came instead."""
    with pytest.raises(error, match=says):
        parse(framed(context(), answer))


@pytest.mark.parametrize(
    "line",
    [
        {},
        context(vehicle="../../user"),
        context(counts="everything"),
        context(powertrain="warp"),
        context(zone="Mars/Olympus"),
        context(earlier={"at": "2024-05-03", "km": "1"}),
        context(earlier=7),
    ],
    ids=["none", "a path", "counts", "powertrain", "zone", "time", "number"],
)
def test_the_car_must_be_named(line: dict[str, Any]) -> None:
    """An answer without its car, or with an earlier reading that is none, is not guessed at."""
    with pytest.raises(DocumentError, match="line 1"):
        parse(framed(line, signals()))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["data", "responses", "attributes", "code", "body", "value", "values", "status", "meta", "headers"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["data", "responses"]))
def test_any_answer_is_read_or_refused(value: object, shape: str) -> None:
    """Whatever comes, the answer is a document or a refusal of ours, and no distance comes out of nothing."""
    for one in (value, {shape: [value]}, {shape: [value], "included": value}):
        with suppress(DocumentError):
            assert SMARTCAR.parse(framed(context(), json.dumps(one).encode())).activities == ()


def test_every_answer_of_a_person_is_a_powertrain_of_the_kind() -> None:
    """What can be chosen can be scored."""
    for one in POWERTRAINS:
        found = only(parse(framed(context(powertrain=one), signals(kind=""))))
        declared_key(found, "GB", Month(2024, 5))
