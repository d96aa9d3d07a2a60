"""Pulling Connect My Data: windows, cursors, 202, 204, corrections; driven as the driver drives it, without a network."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest

from connectors.base import Batch, Document, Get, Pull
from connectors.context import framed
from connectors.green_button import GREEN_BUTTON
from connectors.green_button.parse import PULLED, parse
from connectors.green_button.pull import pull
from domain.errors import NeedsConsentError, TryLaterError
from domain.period import instant_from_text
from tests.connectors.espi_text import document, reading

URI = "https://utility.example/espi/1_1/resource/Batch/Subscription/7"
LINK = {"resourceURI": URI, "now": "2026-11-22T08:00:00Z"}

Answer = Callable[[Get], Document]


def feed(at: str = "2026-11-22T07:00:00Z", start_s: int = 1_700_000_000) -> bytes:
    """A feed with one reading, updated at an instant."""
    return document(reading(start_s, 5)).replace(b"<updated>2024-01-01T00:00:00Z</updated>", f"<updated>{at}</updated>".encode())


def driven(pulling: Pull, answer: Answer) -> tuple[list[Get], list[Batch]]:
    """Requests and batches of a pull, each request answered."""
    asked: list[Get] = []
    batches: list[Batch] = []
    reply: Document | None = None
    while True:
        try:
            wanted = pulling.send(reply) if reply is not None else next(pulling)
        except StopIteration:
            return asked, batches
        reply = None
        if isinstance(wanted, Batch):
            batches.append(wanted)
        else:
            assert isinstance(wanted, Get)
            asked.append(wanted)
            reply = answer(wanted)


def always(body: bytes, status: int = 200) -> Answer:
    """The same answer to every request."""
    return lambda wanted: Document(body, wanted.url, status=status)


def windows(asked: list[Get]) -> list[tuple[str, ...]]:
    """The parameters of each request."""
    return [tuple(f"{name}={value}" for name, value in one.params.items()) for one in asked]


def test_two_years_in_pieces() -> None:
    """The first pull asks for two years, oldest first, in windows that meet; the last one is open and leads to corrections."""
    asked, batches = driven(pull(LINK, None), always(feed()))
    assert {one.url for one in asked} == {URI}
    begins = [one.params["published-min"] for one in asked]
    ends = [one.params.get("published-max") for one in asked]
    assert begins[0] == "2024-11-01T00:00:00Z"
    assert ends == [*begins[1:], None]
    assert len(asked) == 9
    longest = max(instant_from_text(end) - instant_from_text(begin) for begin, end in zip(begins, ends, strict=True) if end)
    assert longest == timedelta(days=92)
    assert batches[-1].cursor == "updated 2026-11-22T07:00:00Z"
    assert [batch.cursor for batch in batches[:-1]] == [f"published {end} 2026-11-22T07:00:00Z" for end in begins[1:]]


def test_goes_on_where_it_stopped() -> None:
    """A pull that begins with the cursor of the third batch asks for what the first pull asked for after it."""
    asked, batches = driven(pull(LINK, None), always(feed()))
    again, rest = driven(pull(LINK, batches[2].cursor), always(feed()))
    assert windows(again) == windows(asked[3:])
    assert [one.cursor for one in rest] == [one.cursor for one in batches[3:]]


def test_corrections_since_the_back_fill_began() -> None:
    """What is corrected while two years are read is asked for afterwards: the first feed's time counts, not the last one's."""
    times = iter(f"2026-11-22T07:{minute:02}:00Z" for minute in range(60))
    _, batches = driven(pull(LINK, None), lambda wanted: Document(feed(next(times)), wanted.url))
    assert batches[-1].cursor == "updated 2026-11-22T07:00:00Z"


def test_updated_since() -> None:
    """Later pulls ask for what was updated since the feed's own time, without an end."""
    asked, batches = driven(pull(LINK, "updated 2026-11-21T07:00:00Z"), always(feed()))
    assert windows(asked) == [("updated-min=2026-11-21T07:00:00Z",)]
    assert [one.cursor for one in batches] == ["updated 2026-11-22T07:00:00Z"]


def test_long_silence_in_pieces() -> None:
    """A connection that slept for a year is caught up in windows too."""
    asked, batches = driven(pull(LINK, "updated 2025-11-21T07:00:00Z"), always(feed()))
    assert [len(one) for one in windows(asked)] == [2, 2, 2, 1]
    assert batches[0].cursor == "updated 2026-02-21T07:00:00Z"


def test_nothing_new() -> None:
    """204 is no error: the cursor stays, and nothing is read."""
    _, batches = driven(pull(LINK, "updated 2026-11-21T07:00:00Z"), always(b"", 204))
    assert [(one.cursor, one.document.series) for one in batches] == [("updated 2026-11-21T07:00:00Z", ())]  # type: ignore[union-attr]


def test_empty_pieces_are_passed_over() -> None:
    """A window of the first two years without data moves the cursor on: it is not asked for again."""
    _, batches = driven(pull(LINK, None), always(b"", 204))
    assert batches[0].cursor == "published 2025-02-01T00:00:00Z"
    assert batches[-1].cursor == batches[-2].cursor


def test_file_is_prepared() -> None:
    """202 means later, in an hour where the utility says nothing; the same cursor asks the same address, on another day too."""
    with pytest.raises(TryLaterError, match="prepares the readings") as refused:
        driven(pull(LINK, None), always(b"", 202))
    assert refused.value.wait_s == 3_600
    first = next(pull(LINK, None))
    assert next(pull({**LINK, "now": "2026-11-24T23:00:00Z"}, None)) == first


def test_waits_as_long_as_the_utility_says() -> None:
    """Retry-After of a 202 is kept."""
    with pytest.raises(TryLaterError) as refused:
        driven(pull(LINK, None), lambda wanted: Document(b"", wanted.url, {"retry-after": "120"}, 202))
    assert refused.value.wait_s == 120


def test_prepared_file_stands_in_for_its_window() -> None:
    """After a notification its files are read instead of the window that the cursor is at; the last one carries the cursor."""
    link = {**LINK, "notified": "https://utility.example/a https://utility.example/b"}
    asked, batches = driven(pull(link, "updated 2026-11-21T07:00:00Z"), always(feed()))
    assert [one.url for one in asked] == ["https://utility.example/a", "https://utility.example/b"]
    assert [one.cursor for one in batches] == [None, "updated 2026-11-22T07:00:00Z"]


def test_prepared_file_of_a_shorter_window() -> None:
    """A file that was prepared before its window's end leads on from when it was made, and nothing falls between."""
    link = {**LINK, "notified": "https://utility.example/a"}
    cursor = "published 2026-08-20T00:00:00Z 2026-08-21T00:00:00Z"
    asked, batches = driven(pull(link, cursor), always(feed("2026-09-01T00:00:00Z")))
    assert batches[0].cursor == "published 2026-09-01T00:00:00Z 2026-08-21T00:00:00Z"
    assert windows(asked[1:]) == [("published-min=2026-09-01T00:00:00Z",)]


def test_prepared_file_that_waited_too_long() -> None:
    """A file that is gone is forgotten, and its window asked for anew."""
    link = {**LINK, "notified": "https://utility.example/a"}
    asked, batches = driven(
        pull(link, "updated 2026-11-21T07:00:00Z"),
        lambda wanted: Document(b"", wanted.url, status=404) if wanted.url.endswith("/a") else Document(feed(), wanted.url),
    )
    assert windows(asked) == [(), ("updated-min=2026-11-21T07:00:00Z",)]
    assert batches[-1].cursor == "updated 2026-11-22T07:00:00Z"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410])
def test_one_part_that_cannot_be_had(status: int) -> None:
    """Of several files one that is refused leaves none out: the window itself is asked for."""
    link = {**LINK, "notified": "https://utility.example/a https://utility.example/b"}
    asked, batches = driven(
        pull(link, "updated 2026-11-21T07:00:00Z"),
        lambda wanted: Document(b"", wanted.url, status=status) if wanted.url.endswith("/b") else Document(feed(), wanted.url),
    )
    assert status in asked[1].passes
    assert windows(asked) == [(), (), ("updated-min=2026-11-21T07:00:00Z",)]
    assert [one.cursor for one in batches] == ["updated 2026-11-22T07:00:00Z"]


def test_file_that_is_something_else() -> None:
    """A named address with customer data or a page in it counts for nothing: nobody signed its notification."""
    link = {**LINK, "notified": "https://utility.example/a"}
    asked, batches = driven(
        pull(link, "updated 2026-11-21T07:00:00Z"),
        lambda wanted: Document(b"<html/>" if wanted.url.endswith("/a") else feed(), wanted.url),
    )
    assert windows(asked) == [(), ("updated-min=2026-11-21T07:00:00Z",)]
    assert [one.cursor for one in batches] == ["updated 2026-11-22T07:00:00Z"]


@pytest.mark.parametrize(
    "query", ["updated-min=2026-11-21T08:00:00Z", "published-min=2020-01-01T00:00:00Z", "updated-max=2026-11-21T08:00:00Z"]
)
def test_address_of_another_window(query: str) -> None:
    """An address that names other times than were asked for cannot move the cursor past what was."""
    link = {**LINK, "notified": f"{URI}?{query}"}
    asked, _ = driven(pull(link, "updated 2026-11-21T07:00:00Z"), always(feed()))
    assert [one.url for one in asked] == [URI]
    assert windows(asked) == [("updated-min=2026-11-21T07:00:00Z",)]


def test_address_of_the_same_window() -> None:
    """An address that names the times that were asked for, and a number of its own, is that window's."""
    link = {**LINK, "notified": f"{URI}?updated-min=2026-11-21T07%3A00%3A00Z&correlationID=7"}
    asked, batches = driven(pull(link, "updated 2026-11-21T07:00:00Z"), always(feed()))
    assert [one.url for one in asked] == [link["notified"]]
    assert batches[-1].cursor == "updated 2026-11-22T07:00:00Z"


def test_utility_without_updated_min() -> None:
    """Where `updated-min` is refused, the last seven days are asked for again by their publication."""
    refused = Document(b"", URI, status=400)
    asked, _ = driven(
        pull(LINK, "updated 2026-11-21T07:00:00Z"),
        lambda wanted: refused if "updated-min" in wanted.params else Document(feed(), wanted.url),
    )
    assert windows(asked) == [("updated-min=2026-11-21T07:00:00Z",), ("published-min=2026-11-14T07:00:00Z",)]
    assert 400 in asked[0].passes
    assert 400 not in asked[1].passes


def test_cursor_of_a_utility_that_is_known_for_it() -> None:
    """A row that says so never asks for updates: the cursor lies seven days before the feed's time."""
    link = {**LINK, "cursor": "published"}
    _, batches = driven(pull(link, "published 2026-11-01T00:00:00Z"), always(feed()))
    assert [one.cursor for one in batches] == ["published 2026-11-15T07:00:00Z"]


def test_spelling_of_windows() -> None:
    """Names in camel case, days instead of instants, and no end, where a row says so."""
    link = {**LINK, "window_names": "camel", "window_format": "day", "sends_max": "no"}
    asked, _ = driven(pull(link, None), always(feed()))
    assert windows(asked) == [("publishedMin=2024-11-01",)]


def test_feed_without_a_time() -> None:
    """A feed that does not say when it was updated leaves the cursor where it is: it is read again, and nothing is missed."""
    timeless = re.sub(rb"<updated>[^<]*</updated>", b"", feed())
    _, batches = driven(pull(LINK, "updated 2026-11-21T07:00:00Z"), always(timeless))
    assert [one.cursor for one in batches] == ["updated 2026-11-21T07:00:00Z"]


def test_consent_without_address() -> None:
    """A consent that came without the address of the data must be given again."""
    with pytest.raises(NeedsConsentError, match="expected resourceURI in the token reply"):
        next(pull({"now": LINK["now"]}, None))


def test_every_row_can_be_pulled() -> None:
    """Every utility's row gives a first request, is https, and asks for its scope as one opaque text."""
    rows = GREEN_BUTTON.manifest.providers
    assert len(rows) >= 12
    assert len({one.provider_id for one in rows}) == len(rows)
    for row in rows:
        first = next(pull({**row.quirks, "resourceURI": f"{row.base_url}/x", "now": LINK["now"]}, None))
        assert isinstance(first, Get)
        assert first.url.startswith("https://")
        assert row.auth.scope.startswith("FB=")  # type: ignore[union-attr]
        assert row.registration_days_count > 0


def test_meter_points_outlive_a_consent() -> None:
    """A pulled document names its meter point apart from the subscription, which is another one after a new consent."""
    paths = ["Subscription/7/UsagePoint/1", "Subscription/8/UsagePoint/1", "RetailCustomer/2/UsagePoint/1"]
    bodies = [feed().replace(b"UsagePoint/1", path.encode()) for path in paths]
    named = [parse(framed(PULLED, body)).series[0].usage_point for body in bodies]
    assert named[0] == named[1] == "UsagePoint/1"
    assert named[2].endswith("RetailCustomer/2/UsagePoint/1")
    assert parse(bodies[0]).series[0].usage_point.endswith(paths[0])
    first = next(pull(LINK, None))
    assert isinstance(first, Get)
    assert first.context == PULLED
