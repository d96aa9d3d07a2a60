"""Half hours of Octopus Energy: exact amounts, instants whatever the clock shows, and one bad reading that stops no other."""

import json
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from time import perf_counter
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.context import framed
from connectors.octopus import OCTOPUS
from connectors.octopus.meters import Meter
from connectors.octopus.parse import parse, read_page
from domain.activity import Direction
from domain.errors import DocumentError, TruncatedDocumentError, UnknownFormatError
from domain.meter_day import cut_into_days
from domain.series import IntervalSeries, MeterDocument

ELECTRICITY = Meter("electricity", "1200000345678", "19L1234567")
GAS = Meter("gas", "3000123405", "E6S12345678901", unit="m3")
LONDON = ZoneInfo("Europe/London")
FIRST = datetime(2024, 3, 1, tzinfo=UTC)


def row(begin: datetime, digits: str = "0.125", minutes: int = 30) -> str:
    """One reading as the API writes it: on British clocks."""
    shown = [at.astimezone(LONDON).isoformat().replace("+00:00", "Z") for at in (begin, begin + timedelta(minutes=minutes))]
    return f'{{"consumption":{digits},"interval_start":"{shown[0]}","interval_end":"{shown[1]}"}}'


def page(*rows: str, meter: Meter = ELECTRICITY, following: str | None = None) -> bytes:
    """A page of readings, with the line that names its meter."""
    head = f'"count":{len(rows)},"next":{json.dumps(following)},"previous":null'
    return framed(meter.to_context(), f'{{{head},"results":[{",".join(rows)}]}}'.encode())


def series(*rows: str, meter: Meter = ELECTRICITY) -> IntervalSeries:
    """The only series of a page in which nothing is refused."""
    document = parse(page(*rows, meter=meter))
    assert document.refused == ()
    (one,) = document.series
    return one


def test_half_hours_are_read_newest_first() -> None:
    """Readings stand in the order of the page, with their instants and their millionths."""
    one = series(row(FIRST + timedelta(minutes=30), "0.063"), row(FIRST, "0.1"))
    assert list(one.starts_s) == [1709253000, 1709251200]
    assert set(one.durations_s) == {1800}
    assert [value * one.micro_per_value for value in one.values] == [63_000, 100_000]
    assert (one.usage_point, one.kind, one.direction, one.unit) == (
        "1200000345678/19L1234567",
        "electricity",
        Direction.DELIVERED,
        "kWh",
    )


def test_gas_in_cubic_metres_stays_cubic_metres() -> None:
    """A SMETS2 meter's cubic metres are not made into energy."""
    one = series(row(FIRST, "0.419"), meter=GAS)
    assert (one.kind, one.unit, one.total()) == ("natural_gas", "m3", Fraction("0.419"))


def test_gas_in_kwh_is_energy() -> None:
    """A SMETS1 meter's kilowatt-hours are energy."""
    one = series(row(FIRST, "4.7"), meter=Meter("gas", "3000123405", "G1", unit="kWh"))
    assert (one.kind, one.unit, one.total()) == ("natural_gas", "kWh", Fraction("4.7"))


def test_export_is_its_own_direction() -> None:
    """The meter point of an export gives a series that counts as fed into the grid."""
    one = series(row(FIRST), meter=Meter("electricity", "1200000999999", "19L1", Direction.EXPORT))
    cut = cut_into_days([one], {one.usage_point: LONDON})
    assert {day.kind for day in cut.days} == {"electricity_export"}


@pytest.mark.parametrize(("day", "count"), [("2024-03-31", 46), ("2024-10-27", 50), ("2024-06-01", 48)])
def test_days_of_clock_changes(day: str, count: int) -> None:
    """A day has 46 or 50 half hours when clocks change, and each is its own instant of one local day."""
    begin = datetime.fromisoformat(day).replace(tzinfo=LONDON).astimezone(UTC)
    one = series(*reversed([row(begin + timedelta(minutes=30 * n)) for n in range(count)]))
    cut = cut_into_days([one], {one.usage_point: LONDON})
    ((meter_day, readings),) = cut.days.items()
    assert (meter_day.day.isoformat(), len(readings)) == (day, count)


@given(st.lists(st.decimals(min_value=0, max_value=999, places=3), min_size=1, max_size=60))
def test_amounts_are_exact(amounts: list[Decimal]) -> None:
    """Every amount of three decimals is kept to the last digit, and so is their sum."""
    one = series(*(row(FIRST + timedelta(minutes=30 * n), str(amount)) for n, amount in enumerate(amounts)))
    assert list(one.values) == [int(amount * 1_000_000) for amount in amounts]
    assert one.total() == sum(Fraction(amount) for amount in amounts)


@given(st.decimals(min_value=0, max_value=10, allow_nan=False, allow_infinity=False, places=20))
def test_long_amounts_are_rounded_once(amount: Decimal) -> None:
    """What has more than six decimals is the nearest millionth, ties to even, whatever its digits are."""
    exact = Fraction(amount) * 1_000_000
    (value,) = series(row(FIRST, format(amount, "f"))).values
    assert value == round(exact)


@given(st.permutations(range(12)))
def test_order_does_not_matter(order: list[int]) -> None:
    """The same readings in any order are the same meter days."""
    rows = [row(FIRST + timedelta(minutes=30 * n), f"0.{n:03}") for n in range(12)]
    here, there = series(*rows), series(*(rows[n] for n in order))
    zones = {here.usage_point: LONDON}
    assert cut_into_days([here], zones).days == cut_into_days([there], zones).days


def test_the_same_reading_again_is_no_news() -> None:
    """Paging can give a reading twice: it counts once, and is no fault."""
    assert series(row(FIRST), row(FIRST)).total() == Fraction("0.125")


def test_another_amount_for_the_same_time_is_refused() -> None:
    """Of two amounts for one time the first stands, and the other is named."""
    document = parse(page(row(FIRST, "0.1"), row(FIRST, "0.2")))
    assert document.series[0].total() == Fraction("0.1")
    assert "already; expected each time once; got 0.2 at 2024-03-01T00:00:00Z; in reading 2" in document.refused[0].sentence()


def test_a_day_beside_its_half_hours_is_refused() -> None:
    """A reading over a day that half hours measure too is left out, wherever it stands."""
    half_hours = [row(FIRST + timedelta(minutes=30 * n)) for n in range(4)]
    whole = row(FIRST - timedelta(hours=1), "6", minutes=1440)
    for rows in ([whole, *half_hours], [*half_hours, whole]):
        document = parse(page(*rows))
        assert document.series[0].total() == Fraction("0.5")
        assert "measures a time that another one measures" in document.refused[0].sentence()


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20)), max_size=12))
def test_no_instant_is_measured_twice(spans: list[tuple[int, int]]) -> None:
    """Whatever overlaps in a page, what is left does not; and nothing vanishes without a reason or an equal."""
    rows = [row(FIRST + timedelta(minutes=begin), minutes=length) for begin, length in spans]
    result = read_page(page(*rows))
    assert all(one[1] <= other[0] for one, other in zip(result.spans_s, result.spans_s[1:], strict=False))
    assert len(result.spans_s) + len(result.document.refused) >= len(set(spans))


BAD = {
    "null": '{"consumption":null,"interval_start":"2024-03-01T05:00:00Z","interval_end":"2024-03-01T05:30:00Z"}',
    "text amount": '{"consumption":"0.1","interval_start":"2024-03-01T05:00:00Z","interval_end":"2024-03-01T05:30:00Z"}',
    "NaN": row(FIRST + timedelta(hours=5), "NaN"),
    "infinite": row(FIRST + timedelta(hours=5), "-Infinity"),
    "negative": row(FIRST + timedelta(hours=5), "-0.001"),
    "decimal bomb": row(FIRST + timedelta(hours=5), "1E+999999999"),
    "a gigawatt-hour": row(FIRST + timedelta(hours=5), "1000000.001"),
    "a million digits": row(FIRST + timedelta(hours=5), "9" * 1_000_000),
    "true": row(FIRST + timedelta(hours=5), "true"),
    "an object": row(FIRST + timedelta(hours=5), '{"value":0.1}'),
    "no offset": '{"consumption":0.1,"interval_start":"2024-03-01T05:00:00","interval_end":"2024-03-01T05:30:00"}',
    "no such day": '{"consumption":0.1,"interval_start":"2024-02-30T05:00:00Z","interval_end":"2024-02-30T05:30:00Z"}',
    "backwards": row(FIRST + timedelta(hours=5), minutes=-30),
    "no length": row(FIRST + timedelta(hours=5), minutes=0),
    "a week": row(FIRST + timedelta(hours=5), minutes=7 * 1440),
    "year 9999": '{"consumption":0.1,"interval_start":"9999-12-31T23:00:00-14:00","interval_end":"9999-12-31T23:30:00-14:00"}',
    "half a second": '{"consumption":0.1,"interval_start":"2024-03-01T05:00:00.5Z","interval_end":"2024-03-01T05:30:00Z"}',
    "time as number": '{"consumption":0.1,"interval_start":1709269200,"interval_end":1709271000}',
    "no end": '{"consumption":0.1,"interval_start":"2024-03-01T05:00:00Z"}',
    "twice": '{"consumption":0.1,"consumption":9,"interval_start":"2024-03-01T05:00:00Z","interval_end":"2024-03-01T05:30:00Z"}',
    "other digits": row(FIRST + timedelta(hours=5), "0.1").replace("2024", "\u0662\u0660\u0662\u0664"),
    "no record": "[]",
    "surrogate": '{"consumption":0.1,"interval_start":"\\ud800","interval_end":"2024-03-01T05:30:00Z"}',
}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD.keys())
def test_one_bad_reading_is_refused_alone(bad: str) -> None:
    """It is named with its place; the readings before and after it stand."""
    document = parse(page(row(FIRST), bad, row(FIRST + timedelta(minutes=30))))
    assert document.series[0].total() == Fraction("0.25")
    (refusal,) = document.refused
    assert refusal.record == "reading 2"
    assert refusal.sentence().isprintable()


def test_ten_thousand_bad_readings_are_summed_up() -> None:
    """Refusals are listed up to a number, then counted."""
    document = parse(page(*[row(FIRST, "NaN")] * 10_000))
    assert len(document.refused) < 200
    assert "more readings" in document.refused[-1].sentence()


def test_an_empty_page_is_no_fault() -> None:
    """A meter that has nothing in a period has no series and no refusal."""
    assert parse(page()) == MeterDocument(
        (), title="Octopus Energy, delivered electricity of meter 1200000345678/19L1234567, kWh"
    )


HOSTILE: dict[str, tuple[bytes, type[DocumentError], str]] = {
    "deep lists": (b"[" * 100_000, DocumentError, "nested too deeply"),
    "deep objects": (b'{"results":' * 100_000, DocumentError, "nested too deeply"),
    "a web page": (b"<!doctype html><title>Attention</title>", UnknownFormatError, "is a web page; expected JSON"),
    "nothing": (b" \n", TruncatedDocumentError, "is empty"),
    "cut off": (page(row(FIRST), row(FIRST)).split(b"\n")[1][:-40], TruncatedDocumentError, "is cut off"),
    "an account": (b'{"number":"A-1","properties":[]}', UnknownFormatError, "got number, properties"),
    "a list": (b"[]", UnknownFormatError, "got list"),
    "results of another sort": (b'{"results":{"a":1}}', UnknownFormatError, "list of results"),
    "results twice": (b'{"results":[],"results":[]}', UnknownFormatError, "list of results"),
    "another encoding": ('{"results":[]}é'.encode("latin-1"), UnknownFormatError, "not UTF-8"),
    "words": (b"no data", UnknownFormatError, "not JSON"),
}


@pytest.mark.parametrize(("answer", "error", "says"), HOSTILE.values(), ids=HOSTILE.keys())
def test_what_is_no_page_is_refused_as_a_whole(answer: bytes, error: type[DocumentError], says: str) -> None:
    """It is said what came instead."""
    with pytest.raises(error, match=says):
        parse(framed(ELECTRICITY.to_context(), answer))


@pytest.mark.parametrize(
    "context",
    [
        {},
        {**GAS.to_context(), "unit": ""},
        {**GAS.to_context(), "direction": "export"},
        {**ELECTRICITY.to_context(), "unit": "m3"},
        {**ELECTRICITY.to_context(), "point": "../accounts"},
        {**ELECTRICITY.to_context(), "fuel": "water"},
    ],
    ids=["none", "gas without unit", "gas export", "electricity in m3", "no meter point", "water"],
)
def test_the_meter_must_be_named(context: dict[str, Any]) -> None:
    """A document that does not say which meter it is from, or in which unit, is not guessed at."""
    with pytest.raises(DocumentError, match="which meter it is from, or in which unit"):
        parse(framed(context, page(row(FIRST)).split(b"\n")[1]))


@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    """Whatever comes, the answer is a document or a refusal of ours."""
    with suppress(DocumentError):
        assert OCTOPUS.parse(framed(ELECTRICITY.to_context(), body)).series == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(["consumption", "interval_start"]), inner),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=6))
def test_any_values_are_read_or_refused(rows: list[object]) -> None:
    """Whatever stands among the results, each is read or refused, and the good reading among them stands."""
    document = parse(page(*map(json.dumps, rows), row(FIRST)))
    assert document.series[0].total() == Fraction("0.125")
    assert len(document.refused) == len(rows)


def test_a_large_page_is_read_in_little_time() -> None:
    """The largest page that the API gives is read in well under a second, whoever else uses the machine."""
    body = page(*(row(FIRST + timedelta(minutes=30 * n), f"0.{n % 1000:03}") for n in range(25_000)))
    begin = perf_counter()
    assert len(parse(body).series[0].values) == 25_000
    assert perf_counter() - begin < 2
