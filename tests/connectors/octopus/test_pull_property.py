"""Whatever page size, order, stop and late reading: in the end everything of the last sixty days is stored, once."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from urllib.parse import parse_qsl, urlsplit

from hypothesis import given, settings
from hypothesis import strategies as st

from app.demo.providers.wire import Request
from app.demo.simulators.octopus import HALF_HOUR_S, Octopus, SimulatedMeter, half_hours
from connectors.base import Batch, Document, Get
from connectors.context import framed
from connectors.octopus import OCTOPUS
from domain.series import MeterDocument
from tests.connectors.octopus.driving import basic

FIRST = datetime(2024, 10, 1, tzinfo=UTC)
FIRST_S = int(FIRST.timestamp())
KEY = "sk_live_demo"


def sync(octopus: Octopus, cursor: str | None, now: datetime, stop_after: int) -> tuple[str | None, dict[int, Fraction]]:
    """One pull without a network, stopped after so many requests: the cursor, and what was stored."""
    pull = OCTOPUS.pull
    assert pull is not None
    stored: dict[int, Fraction] = {}
    link = {"account": "A-1", "gas_unit": "none", "now": now.isoformat().replace("+00:00", "Z")}
    pulling = pull(link, cursor)
    answer: Document | None = None
    while stop_after:
        try:
            wanted = pulling.send(answer)
        except StopIteration:
            break
        if isinstance(wanted, Batch):
            cursor = cursor if wanted.cursor is None else wanted.cursor
            assert isinstance(wanted.document, MeterDocument)
            for one in wanted.document.series:
                stored |= {at_s: value * one.micro_per_value for at_s, value in zip(one.starts_s, one.values, strict=True)}
            answer = None
            continue
        assert isinstance(wanted, Get)
        stop_after -= 1
        parts = urlsplit(wanted.url)
        query = dict(parse_qsl(parts.query)) | dict(wanted.params)
        path = parts.path if parts.path.startswith("/v1/") else f"/v1/{parts.path}"
        reply = octopus.answer(Request("GET", path, query, basic(KEY)))
        assert reply.status == 200
        answer = Document(framed(wanted.context, reply.body), wanted.url)
    return cursor, stored


@settings(max_examples=30, deadline=None)
@given(
    days=st.integers(1, 25),
    missing=st.sets(st.integers(0, 25 * 48), max_size=30),
    page_count=st.sampled_from([37, 100, 500, 25_000]),
    is_newest_first=st.booleans(),
    stops=st.lists(st.integers(1, 12), max_size=4),
    corrected=st.sets(st.integers(0, 9 * 48), max_size=5),
)
def test_everything_is_stored_in_the_end(
    *, days: int, missing: set[int], page_count: int, is_newest_first: bool, stops: list[int], corrected: set[int]
) -> None:
    """Readings that come late, stops at any request, corrections of the last nine days: the store equals the meter."""
    last = FIRST + timedelta(days=days)
    readings = half_hours(FIRST, last, lambda at_s: f"0.{at_s // HALF_HOUR_S % 997:03}")
    late = {FIRST_S + one * HALF_HOUR_S for one in missing} & readings.keys()
    late -= {max(readings), min(readings)}
    meter = SimulatedMeter(
        "electricity", "1200000345678", "E1", {at_s: one for at_s, one in readings.items() if at_s not in late}
    )
    octopus = Octopus("A-1", KEY, [[meter]])
    octopus.largest_page_count, octopus.is_newest_first = page_count, is_newest_first
    cursor, stored = None, dict[int, Fraction]()
    for stop in [*stops, 10_000]:
        cursor, brought = sync(octopus, cursor, last, stop)
        stored |= brought
    meter.readings |= {at_s: readings[at_s] for at_s in late}
    for one in corrected:
        at_s = max(readings) - one * HALF_HOUR_S
        if at_s in readings:
            meter.correct(at_s, "2.5")
    cursor, brought = sync(octopus, cursor, last + timedelta(hours=3), 10_000)
    stored |= brought
    assert stored == {at_s: Fraction(digits) * 1_000_000 for at_s, digits in meter.readings.items()}
