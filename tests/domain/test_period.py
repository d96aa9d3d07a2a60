"""Months, periods, instants and local days, in the zones where they are hard."""

import itertools
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import PlaceError, TimeError
from domain.period import (
    Month,
    MonthRange,
    Period,
    checked_instant,
    date_from_text,
    day_period,
    instant_from_text,
    instant_of_epoch_s,
    instant_to_text,
    local_day,
    local_midnight,
    local_month,
    zone_of,
)
from tests.domain.strategies import INSTANTS, MONTH_RANGES, MONTHS

DAYS = st.dates(date(1990, 1, 1), date(2199, 12, 30))
ZONES = [
    "UTC",
    "America/New_York",
    "America/Los_Angeles",
    "America/Phoenix",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Havana",
    "Europe/Berlin",
    "Europe/London",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Antarctica/Troll",
]


@given(MONTHS, st.integers(-5000, 5000))
def test_months_later_and_back(month: Month, months_count: int) -> None:
    """So many months later and as many earlier is the same month."""
    assert month.plus(months_count).plus(-months_count) == month


@given(MONTHS, st.integers(-500, 500), st.integers(-500, 500))
def test_months_add_up(month: Month, first: int, second: int) -> None:
    """Two steps are as far as their sum."""
    assert month.plus(first).plus(second) == month.plus(first + second)


@given(MONTHS)
def test_month_texts_round_trip(month: Month) -> None:
    """A month's text and its integer label are read back."""
    assert (Month.from_text(month.to_text()), Month.from_ym(month.ym), str(month)) == (month, month, month.to_text())


@given(MONTHS, MONTHS)
def test_order_of_months_is_the_order_of_their_first_days(one: Month, other: Month) -> None:
    """Months, their labels and their first days are in the same order."""
    assert (one < other) == (one.first_date() < other.first_date()) == (one.ym < other.ym)
    assert (one >= other) == (one.ym >= other.ym)


@pytest.mark.parametrize(
    ("text", "days_count"), [("2024-02", 29), ("2023-02", 28), ("2100-02", 28), ("2000-02", 29), ("2024-12", 31)]
)
def test_days_of_a_month(text: str, days_count: int) -> None:
    """Leap years are the Gregorian ones."""
    assert Month.from_text(text).days_count() == days_count


@pytest.mark.parametrize(
    "text", ["", "2024", "2024-3", "2024-00", "2024-13", "0999-01", "3000-01", "2024-03-01", " 2024-03", "2024-03\n", "٢٠٢٤-03"]
)
def test_other_texts_are_no_month(text: str) -> None:
    """A month is four digits, a hyphen and 01 to 12."""
    with pytest.raises(TimeError, match="expected a month such as 2024-03"):
        Month.from_text(text)


def test_month_refusal_names_its_record() -> None:
    """The message says what came and where."""
    with pytest.raises(TimeError) as caught:
        Month.from_text("March", record="line 3")
    assert caught.value.sentence() == "This time or period cannot be used; expected a month such as 2024-03; got March; in line 3"


@pytest.mark.parametrize("ym", [202400, 202413, 2024])
def test_labels_without_a_month_are_refused(ym: int) -> None:
    """A label whose last two digits are no month is no month."""
    with pytest.raises(TimeError, match="expected a month from 1 to 12"):
        Month.from_ym(ym)


@given(MONTH_RANGES)
def test_range_texts_round_trip(months: MonthRange) -> None:
    """A period's text is read back."""
    assert MonthRange.from_text(months.to_text()) == months
    assert str(months) == months.to_text()


@pytest.mark.parametrize(
    ("text", "canonical", "months_count"),
    [
        ("2024-03", "2024-03", 1),
        ("2024-Q4", "2024-10..2024-12", 3),
        ("2024", "2024-01..2024-12", 12),
        ("2023-12..2024-01", "2023-12..2024-01", 2),
        ("2024-03..2024-03", "2024-03", 1),
    ],
)
def test_range_texts(text: str, canonical: str, months_count: int) -> None:
    """Months, quarters, years and spans have one written form."""
    months = MonthRange.from_text(text)
    assert (months.to_text(), len(list(months.months()))) == (canonical, months_count)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2024-Q5",
        "2024-Q0",
        "24",
        "..",
        "2024-03..",
        "..2024-03",
        "2024..2025",
        "2024-01..2024-02..2024-03",
        "2024-06..2024-03",
    ],
)
def test_other_texts_are_no_range(text: str) -> None:
    """Half a span, a span backwards or a fifth quarter is refused."""
    with pytest.raises(TimeError):
        MonthRange.from_text(text)


@given(MONTH_RANGES)
def test_range_holds_its_months_only(months: MonthRange) -> None:
    """The end is exclusive."""
    inside = list(months.months())
    assert all(months.holds(month) for month in inside)
    assert not months.holds(months.end)
    assert not months.holds(months.first.plus(-1))


def test_empty_range_is_refused() -> None:
    """A period that ends where it begins is none."""
    with pytest.raises(TimeError, match="A period ends after it begins; expected an end after 2024-03; got 2024-03"):
        MonthRange(Month(2024, 3), Month(2024, 3))


@pytest.mark.parametrize("hours", [0, -1])
def test_empty_period_is_refused(hours: int) -> None:
    """A span that ends when it begins, or before, is none."""
    start = datetime(2024, 3, 1, tzinfo=UTC)
    with pytest.raises(TimeError, match="A period ends after it begins"):
        Period(start, start + timedelta(hours=hours))


def test_naive_period_is_refused() -> None:
    """An instant without zone is none."""
    with pytest.raises(TimeError, match="A time without zone; expected an instant with its offset"):
        Period(datetime(2024, 3, 1), datetime(2024, 3, 2, tzinfo=UTC))  # noqa: DTZ001  # the naive one is what is tested


def test_period_counts_elapsed_time_not_the_clock() -> None:
    """Two wall-clock times of one zone across a change are as far apart as the instants are."""
    zone = ZoneInfo("America/New_York")
    period = Period(datetime(2024, 3, 10, tzinfo=zone), datetime(2024, 3, 11, tzinfo=zone))
    assert (period.end - period.start, period.start.tzinfo) == (timedelta(hours=23), UTC)


def test_second_hour_of_the_night_is_later() -> None:
    """01:15 after the clocks went back is after 01:45 before it."""
    zone = ZoneInfo("America/New_York")
    period = Period(datetime(2024, 11, 3, 1, 45, tzinfo=zone), datetime(2024, 11, 3, 1, 15, fold=1, tzinfo=zone))
    assert period.end - period.start == timedelta(minutes=30)


@given(INSTANTS)
def test_instant_texts_round_trip(at: datetime) -> None:
    """An instant's text is read back."""
    assert instant_from_text(instant_to_text(at)) == at


@given(INSTANTS, st.integers(-1439, 1439), st.integers(0, 999_999))
def test_offset_does_not_change_the_instant(at: datetime, offset_minutes: int, microsecond: int) -> None:
    """The same instant written at any offset, with a fraction, is the same instant in UTC."""
    moved = at.replace(microsecond=microsecond, year=2024, day=2)
    read = instant_from_text(moved.astimezone(timezone(timedelta(minutes=offset_minutes))).isoformat())
    assert (read, read.tzinfo) == (moved, UTC)


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("2024-03-01T00:00:00-05:00", "2024-03-01T05:00:00Z"),
        ("2024-03-01t00:00:00z", "2024-03-01T00:00:00Z"),
        ("2024-02-29T23:59:59.5+00:00", "2024-02-29T23:59:59.500000Z"),
        ("2024-03-01T00:00:00-00:00", "2024-03-01T00:00:00Z"),
    ],
)
def test_instants_are_written_in_utc(text: str, canonical: str) -> None:
    """RFC 3339 in, RFC 3339 in UTC out."""
    assert instant_to_text(instant_from_text(text)) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *("", "2024-03-01", "2024-03-01T00:00:00", "2024-03-01 00:00:00Z", "2024-03-01T00:00Z", "2024-03-01T00:00:00+0100"),
        *("2024-02-30T00:00:00Z", "2024-03-01T24:00:00Z", "2024-03-01T23:59:60Z", "2024-03-01T00:00:00+24:00"),
        *("2024-03-01T00:00:00+01:99", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00"),
        *("2024-W09-5T00:00:00Z", "20240301T000000Z", "2024-03-01T00:00:00Z\n", "2024-03-01T00:00:00.1234567Z", "now"),
    ],
)
def test_other_texts_are_no_instant(text: str) -> None:
    """No offset, no such day or hour, another layout, or beyond the calendar: refused alike."""
    with pytest.raises(TimeError, match="expected an RFC 3339 time with offset, such as 2024-03-01T00:00:00Z") as caught:
        instant_from_text(text, record="reading 1")
    assert caught.value.record == "reading 1"


@pytest.mark.parametrize(
    ("text", "year"), [("1989-12-31T23:59:59Z", "1989"), ("2200-01-01T00:00:00Z", "2200"), ("1990-01-01T00:00:00+00:01", "1989")]
)
def test_instants_outside_two_centuries_are_refused(text: str, year: str) -> None:
    """A year before 1990 or after 2199, in UTC, is a mistake."""
    with pytest.raises(TimeError, match=f"expected a year from 1990 to 2199; got {year}"):
        instant_from_text(text)


@pytest.mark.parametrize("text", ["1990-01-01T00:00:00Z", "2199-12-31T23:59:59Z"])
def test_bounds_are_inside(text: str) -> None:
    """The first and the last second are taken."""
    at = instant_from_text(text)
    assert checked_instant(at) == at


@given(DAYS)
def test_day_texts_round_trip(day: date) -> None:
    """A day's ISO text is read back."""
    assert date_from_text(day.isoformat()) == day


@pytest.mark.parametrize(
    "text", ["", "2024-3-1", "2024-02-30", "20240301", "2024-W09-5", "2024-03-01T00:00:00Z", "2024-03-01\n", "01/03/2024"]
)
def test_other_texts_are_no_day(text: str) -> None:
    """Only an existing day in the ISO calendar form is a day."""
    with pytest.raises(TimeError, match="expected a day such as 2024-03-01"):
        date_from_text(text)


@pytest.mark.parametrize("text", ["1989-12-31", "2200-01-01", "9999-12-31", "0001-01-01"])
def test_days_outside_two_centuries_are_refused(text: str) -> None:
    """A day that no bill can have is refused before the calendar's end makes it overflow."""
    with pytest.raises(TimeError, match="expected a year from 1990 to 2199"):
        date_from_text(text)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "Mars/Olympus",
        "America",
        "../UTC",
        "/etc/localtime",
        "a\0b",
        "A" * 5000,
        "localtime",
        "posixrules",
        "Factory",
        "right/UTC",
        "posix/UTC",
        "EST+5",
    ],
    ids=lambda name: ascii(name[:12]),
)
def test_names_that_are_no_zone(name: str) -> None:
    """Unknown names, paths, and files that say another thing on another machine are refused."""
    with pytest.raises(PlaceError, match="There is no such time zone; expected an IANA name such as America/New_York"):
        zone_of(name)


def test_zone_is_found_by_name() -> None:
    """An IANA name gives its zone."""
    assert zone_of("America/New_York").key == "America/New_York"


@pytest.mark.parametrize(
    ("zone", "day", "minutes"),
    [
        ("America/New_York", "2024-03-10", 23 * 60),
        ("America/New_York", "2024-11-03", 25 * 60),
        ("Europe/Berlin", "2024-03-31", 23 * 60),
        ("Europe/Berlin", "2024-10-27", 25 * 60),
        ("Pacific/Auckland", "2024-09-29", 23 * 60),
        ("Pacific/Chatham", "2024-04-07", 25 * 60),
        ("Australia/Lord_Howe", "2024-10-06", 23 * 60 + 30),
        ("Australia/Lord_Howe", "2024-04-07", 24 * 60 + 30),
        ("America/Sao_Paulo", "2018-11-04", 23 * 60),
        ("America/Sao_Paulo", "2018-02-17", 25 * 60),
        ("Africa/Cairo", "2024-04-26", 23 * 60),
        ("Africa/Cairo", "2024-10-31", 25 * 60),
        ("Asia/Beirut", "2024-03-31", 23 * 60),
        ("Asia/Beirut", "2024-10-26", 25 * 60),
        ("America/Havana", "2024-11-03", 25 * 60),
        ("Antarctica/Troll", "2024-03-31", 22 * 60),
        ("Asia/Kathmandu", "2024-03-31", 24 * 60),
        ("America/Phoenix", "2024-03-10", 24 * 60),
    ],
)
def test_length_of_local_days(zone: str, day: str, minutes: int) -> None:
    """Days on which the clocks change have their own length, also where they change at midnight."""
    period = day_period(date.fromisoformat(day), ZoneInfo(zone))
    assert period.end - period.start == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("zone", "day", "instant"),
    [
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
        ("Africa/Cairo", "2024-04-26", "2024-04-25T22:00:00Z"),
        ("Asia/Beirut", "2024-03-31", "2024-03-30T22:00:00Z"),
    ],
)
def test_day_without_midnight_begins_at_the_change(zone: str, day: str, instant: str) -> None:
    """Where 00:00 does not exist the day begins at 01:00, the instant of the change."""
    begin = local_midnight(date.fromisoformat(day), ZoneInfo(zone))
    assert (instant_to_text(begin), begin.astimezone(ZoneInfo(zone)).hour) == (instant, 1)


def test_day_with_two_midnights_begins_at_the_first() -> None:
    """Havana's clocks go back from 01:00 to 00:00: the first midnight begins the day."""
    assert instant_to_text(local_midnight(date(2024, 11, 3), ZoneInfo("America/Havana"))) == "2024-11-03T04:00:00Z"


def test_skipped_day_is_refused() -> None:
    """Samoa went from 29 to 31 December 2011: the day between has no instants."""
    with pytest.raises(TimeError, match="A period ends after it begins"):
        day_period(date(2011, 12, 30), ZoneInfo("Pacific/Apia"))


@pytest.mark.parametrize("zone", ZONES)
@given(day=DAYS)
def test_first_and_last_instant_belong_to_the_day(zone: str, day: date) -> None:
    """The period of a local day begins with its first instant and ends with its last."""
    period = day_period(day, ZoneInfo(zone))
    before, last = period.start - timedelta(microseconds=1), period.end - timedelta(microseconds=1)
    assert [local_day(at, ZoneInfo(zone)) for at in (before, period.start, last)] == [day - timedelta(days=1), day, day]


@pytest.mark.parametrize("zone", ZONES)
def test_days_of_a_year_follow_each_other(zone: str) -> None:
    """A year's local days leave no gap and do not overlap."""
    days = [day_period(date(2018, 1, 1) + timedelta(days=index), ZoneInfo(zone)) for index in range(365)]
    assert all(before.end == after.start for before, after in itertools.pairwise(days))


def test_local_month_is_the_month_at_the_place() -> None:
    """An hour before a UTC month ends it is next month in Berlin and this month in New York."""
    at = instant_from_text("2024-03-31T23:00:00Z")
    assert (local_month(at, ZoneInfo("Europe/Berlin")), local_month(at, ZoneInfo("America/New_York"))) == (
        Month(2024, 4),
        Month(2024, 3),
    )


def test_epoch_seconds() -> None:
    """POSIX: 1 billion seconds after 1970 is 2001-09-09T01:46:40Z."""
    assert instant_to_text(instant_of_epoch_s(1_000_000_000)) == "2001-09-09T01:46:40Z"
