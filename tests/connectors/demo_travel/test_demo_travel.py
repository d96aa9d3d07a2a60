"""The demo's travel account: pages of trips to flights and trains."""

import json
from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import registry
from connectors.base import Batch, Document, Get
from connectors.demo_travel import DEMO_TRAVEL, MOST_PAGES_COUNT
from connectors.demo_travel.parse import parse
from domain.errors import DocumentError, FormatChangedError, UnknownFormatError

FLIGHT = {
    "id": "a-1",
    "type": "flight",
    "departs": "2025-04-11",
    "from": "SFO",
    "to": "JFK",
    "cabin": "economy",
    "travellers": 3,
}
TRAIN = {
    "id": "b-1",
    "type": "rail",
    "departs": "2025-04-12",
    "distance": "96.6",
    "unit": "km",
    "service": "commuter",
    "travellers": 2,
}


def page(*segments: object, status: str = "completed", at: str = "2025-04-20T09:00:00Z", next_page: str | None = None) -> bytes:
    """A page with one trip."""
    trip = {"id": "a", "status": status, "updated_at": at, "segments": list(segments)}
    return json.dumps({"trips": [trip], "next_page": next_page}).encode()


def test_flight_and_train() -> None:
    """A flight is its airports, cabin and passengers; a train is passenger-kilometres."""
    flight, train = parse(page(FLIGHT, TRAIN)).activities
    assert (flight.record_key, flight.kind, flight.quantity_micro, flight.unit) == ("a-1", "flight", 3_000_000, "item")
    assert flight.attributes == (("cabin", "economy"), ("destination", "JFK"), ("origin", "SFO"))
    assert (flight.start_date, flight.end_date) == (date(2025, 4, 11), date(2025, 4, 12))
    assert (train.kind, train.quantity_micro, train.unit) == ("rail", 193_200_000, "pkm")


def test_miles() -> None:
    """Miles are multiplied exactly."""
    (train,) = parse(page({**TRAIN, "unit": "mi", "distance": "10", "travellers": 1})).activities
    assert train.quantity_micro == 16_093_440


def test_cancelled_trip() -> None:
    """Segments of a cancelled trip are taken back, by their names."""
    document = parse(page(FLIGHT, TRAIN, status="cancelled"))
    assert (document.activities, document.removed_keys) == ((), ("a-1", "b-1"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "ship"}, "This sort of segment is not known; expected flight or rail; got ship"),
        ({"travellers": 0}, "A flight has passengers"),
        ({"travellers": 1.5}, "Somebody travels; expected a whole number"),
        ({"travellers": "3"}, "Somebody travels"),
        ({"travellers": None}, "Somebody travels"),
        ({"from": "San Francisco"}, "origin"),
        ({"departs": "soon"}, "soon"),
        ({"cabin": "cargo"}, "cabin"),
        ({"id": ""}, "A segment has a name of its own"),
    ],
)
def test_bad_segment_is_refused_alone(change: dict[str, object], said: str) -> None:
    """A segment that cannot be read is refused with its reason, and the others stand."""
    document = parse(page({**FLIGHT, **change}, TRAIN))
    assert [one.record_key for one in document.activities] == ["b-1"]
    assert [said in error.sentence() for error in document.refused] == [True]
    assert "trip a, segment" in document.refused[0].record


def test_same_name_twice() -> None:
    """The first of two segments with one name counts."""
    document = parse(page(FLIGHT, {**TRAIN, "id": "a-1"}))
    assert [one.kind for one in document.activities] == ["flight"]
    assert len(document.refused) == 1


@pytest.mark.parametrize("body", [b"", b"[]", b"<html></html>", b'{"version": 9}', b'{"trips": {}}', b"\xff"])
def test_other_documents(body: bytes) -> None:
    """What is no page of trips is refused as a whole."""
    with pytest.raises(DocumentError):
        parse(body)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=5), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_any_segment(segment: Any) -> None:  # noqa: ANN401 - any JSON
    """Whatever stands in a segment, the good one beside it is read."""
    assert "b-1" in {one.record_key for one in parse(page(segment, TRAIN)).activities}


def driven(bodies: list[bytes], cursor: str | None) -> tuple[list[dict[str, str]], list[str | None]]:
    """Parameters of each request, and the cursor of each batch."""
    asked, cursors = [], []
    pulling = DEMO_TRAVEL.pull({}, cursor)
    for body in bodies:
        request = next(pulling)
        assert isinstance(request, Get)
        asked.append(dict(request.params))
        batch = pulling.send(Document(body, "http://127.0.0.1/v1/trips"))
        assert isinstance(batch, Batch)
        cursors.append(batch.cursor)
    with pytest.raises(StopIteration):
        next(pulling)
    return asked, cursors


def test_pages() -> None:
    """Pages follow each other; the last one carries the time of the newest change of all."""
    bodies = [page(FLIGHT, at="2025-04-20T09:00:00Z", next_page="2"), page(TRAIN, at="2025-04-13T09:00:00Z")]
    asked, cursors = driven(bodies, "2025-04-01T00:00:00Z")
    since = {"updated_since": "2025-04-01T00:00:00Z"}
    assert asked == [since, {**since, "page": "2"}]
    assert cursors == [None, "2025-04-20T09:00:00Z"]


def test_nothing_new() -> None:
    """An empty page leaves the cursor where it was."""
    assert driven([b'{"trips": [], "next_page": null}'], "2025-04-01T00:00:00Z")[1] == ["2025-04-01T00:00:00Z"]


def test_first_pull() -> None:
    """The first pull asks for everything."""
    assert driven([page(FLIGHT)], None)[0] == [{}]


def test_endless_pages() -> None:
    """A provider whose pages never end is stopped."""
    pulling = DEMO_TRAVEL.pull({}, None)
    for number in range(MOST_PAGES_COUNT):
        next(pulling)
        pulling.send(Document(page(next_page=str(number)), "x"))
    with pytest.raises(FormatChangedError, match="never end"):
        next(pulling)


def test_changed_format() -> None:
    """An answer of another shape stops the pull."""
    pulling = DEMO_TRAVEL.pull({}, None)
    next(pulling)
    with pytest.raises(UnknownFormatError, match="This is no page of trips"):
        pulling.send(Document(b'{"version": 9, "payload": {}}', "x"))


def test_is_registered() -> None:
    """It is found by its name."""
    assert registry.find("demo-travel") is DEMO_TRAVEL
