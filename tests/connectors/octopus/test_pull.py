"""Octopus Energy pulled over HTTP: two years in pieces, then what is new and what was corrected, and every bad day."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest

from app.demo.providers.server import DemoProviders
from app.demo.simulators.octopus import HALF_HOUR_S, Octopus, SimulatedMeter, half_hours
from connectors.base import Batch, Get, Link
from connectors.octopus import OCTOPUS
from domain.activity import Direction
from domain.errors import DocumentError, FormatChangedError
from domain.series import MeterDocument
from tests.connectors.octopus.driving import Driven, UnexpectedStatusError, basic, drive, send

KEY = "sk_live_demo"
LAST = datetime(2024, 11, 1, tzinfo=UTC)
LAST_S = int(LAST.timestamp())
DAY_S = 86_400


def meter(days: int, *, fuel: str = "electricity", serial: str = "E1", is_export: bool = False) -> SimulatedMeter:
    """A meter with readings of the last days, each with an amount of its own."""
    point = "1200000999999" if is_export else {"electricity": "1200000345678", "gas": "3000123405"}[fuel]
    readings = half_hours(LAST - timedelta(days=days), LAST, lambda at_s: f"0.{at_s // HALF_HOUR_S % 1000:03}")
    return SimulatedMeter(fuel, point, serial, readings, is_export)


class Account:
    """A simulated account that is pulled from, sync by sync."""

    def __init__(self, *meters: SimulatedMeter) -> None:
        self.octopus = Octopus("A-1234ABCD", KEY, [meters])
        self.providers = DemoProviders([self.octopus]).start()
        base_url, now = self.providers.origins["octopus"] + "/v1/", "2024-11-01T09:30:00Z"
        self.link: Link = {"base_url": base_url, "account": "A-1234ABCD", "gas_unit": "m3", "now": now}
        self.cursor: str | None = None
        self.stored: dict[tuple[str, int], Fraction] = {}

    def sync(self, key: str = KEY, stop_after: int = 1_000_000) -> Driven:
        """One pull; what it brings is stored by meter and begin, as it would be."""
        done = drive(OCTOPUS.pull, self.link, self.cursor, basic(key), until=lambda so_far: len(so_far.batches) >= stop_after)
        self.cursor = done.cursor
        for batch in done.batches:
            assert isinstance(batch.document, MeterDocument)
            for one in batch.document.series:
                values = (value * one.micro_per_value for value in one.values)
                self.stored |= {(one.usage_point, at_s): value for at_s, value in zip(one.starts_s, values, strict=True)}
        return done

    def expected(self, since_s: int = LAST_S - 730 * DAY_S) -> dict[tuple[str, int], Fraction]:
        """What the simulator has from an instant on."""
        meters = [one for home in self.octopus.properties for one in home]
        return {
            (f"{one.point}/{one.serial}", at_s): Fraction(digits) * 1_000_000
            for one in meters
            for at_s, digits in one.readings.items()
            if at_s >= since_s
        }


@pytest.fixture
def accounts() -> Iterator[list[Account]]:
    """Accounts of a test; their servers stop with it."""
    made: list[Account] = []
    yield made
    for one in made:
        one.providers.stop()


def account(accounts: list[Account], *meters: SimulatedMeter) -> Account:
    """A new account."""
    accounts.append(Account(*meters))
    return accounts[-1]


def test_two_years_come_in_pieces(accounts: list[Account]) -> None:
    """A meter with three years of readings brings the last two, in pieces of a quarter, each with its own cursor."""
    one = account(accounts, meter(1_000))
    done = one.sync()
    assert one.stored == one.expected()
    assert len(done.batches) == 8
    assert len({batch.cursor for batch in done.batches}) == 8
    assert max(len(batch.document.series[0].values) for batch in done.batches) == 92 * 48  # type: ignore[union-attr]  # of meters


def test_a_stopped_backfill_goes_on(accounts: list[Account]) -> None:
    """What was stored before a stop is not fetched again, and in the end nothing is missing."""
    one = account(accounts, meter(730))
    one.sync(stop_after=5)
    rest = one.sync()
    assert one.stored == one.expected()
    assert len(rest.batches) < 6


def test_parse_alone_says_the_same(accounts: list[Account]) -> None:
    """Every document that was stored reads the same from its bytes, years later."""
    one = account(accounts, meter(100), meter(40, fuel="gas", serial="G1"), meter(40, is_export=True))
    done = one.sync()
    assert done.batches
    for batch in done.batches:
        assert batch.source is not None
        assert OCTOPUS.parse(batch.source.body) == batch.document


def test_every_meter_has_its_own_cursor(accounts: list[Account]) -> None:
    """Import, export and gas come with unit and direction, and go on from where each of them ended."""
    one = account(accounts, meter(30), meter(20, fuel="gas", serial="G1"), meter(10, is_export=True))
    done = one.sync()
    series = [found for batch in done.batches if isinstance(batch.document, MeterDocument) for found in batch.document.series]
    assert {(found.usage_point, found.kind, found.direction, found.unit) for found in series} == {
        ("1200000345678/E1", "electricity", Direction.DELIVERED, "kWh"),
        ("1200000999999/E1", "electricity", Direction.EXPORT, "kWh"),
        ("3000123405/G1", "natural_gas", Direction.DELIVERED, "m3"),
    }
    assert json.loads(one.cursor or "").keys() == {found.usage_point for found in series}


def test_next_pull_brings_what_is_new_and_corrected(accounts: list[Account]) -> None:
    """A day later the new readings come, and those of the last ten days again, corrected."""
    known = meter(60)
    one = account(accounts, known)
    one.sync()
    known.readings |= half_hours(LAST, LAST + timedelta(days=1), lambda _: "0.5")
    known.correct(LAST_S - 9 * DAY_S, "7.125")
    done = one.sync()
    assert one.stored == one.expected()
    (batch,) = done.batches
    assert len(batch.document.series[0].values) == 11 * 48  # type: ignore[union-attr]  # of meters


def test_a_gap_is_asked_for_again(accounts: list[Account]) -> None:
    """Half hours that come five weeks late are still fetched: each pull begins at the first gap."""
    known = meter(60)
    late = {at_s: known.readings[at_s] for at_s in range(LAST_S - 40 * DAY_S, LAST_S - 39 * DAY_S, HALF_HOUR_S)}
    one = account(accounts, known)
    for at_s in late:
        known.forget(at_s)
    for _ in range(3):
        one.sync()
    known.readings |= late
    one.sync()
    assert one.stored == one.expected()


def test_a_gap_is_not_waited_for_forever(accounts: list[Account]) -> None:
    """What is missing for more than sixty days no longer holds the cursor."""
    known = meter(120)
    known.forget(LAST_S - 70 * DAY_S)
    one = account(accounts, known)
    one.sync()
    assert json.loads(one.cursor or "") == {"1200000345678/E1": "2024-09-02T00:00:00Z"}


def test_small_pages_and_their_own_order(accounts: list[Account]) -> None:
    """Pages that are smaller than asked for, newest first, that overlap: the same readings."""
    one = account(accounts, meter(100))
    one.octopus.largest_page_count, one.octopus.is_newest_first, one.octopus.is_repeating = 500, True, True
    done = one.sync()
    assert one.stored == one.expected()
    assert [batch.cursor is None for batch in done.batches].count(True) > 8


def test_addresses_without_a_host(accounts: list[Account]) -> None:
    """A next page that is named by its path alone is found."""
    one = account(accounts, meter(30))
    one.octopus.largest_page_count, one.octopus.quirks.has_relative_addresses = 500, True
    one.sync()
    assert one.stored == one.expected()


def test_a_page_that_is_missing_is_a_fault(accounts: list[Account]) -> None:
    """404 for a meter passes; 404 in the middle of its pages does not, and the cursor stays."""
    one = account(accounts, meter(30))
    one.octopus.largest_page_count = 500
    pulling = OCTOPUS.pull
    assert pulling is not None
    generator = pulling(one.link, None)
    wanted = next(generator)
    while not (isinstance(wanted, Batch) and wanted.cursor is None):
        answer = None if isinstance(wanted, Batch) else send(one.link["base_url"], wanted, basic(KEY))
        wanted = generator.send(answer)
    following = next(generator)
    assert isinstance(following, Get)
    assert following.passes == frozenset()


def test_a_meter_without_readings_is_passed_over(accounts: list[Account]) -> None:
    """An old meter that sends nothing stops nothing, and costs one request from the second pull on."""
    one = account(accounts, SimulatedMeter("electricity", "1200000345678", "OLD", {}), meter(10))
    one.sync()
    done = one.sync()
    assert one.stored == one.expected()
    assert len([request for request in done.requests if "OLD" in request.url]) == 1


def test_a_meter_whose_newest_reading_is_bad(accounts: list[Account]) -> None:
    """Whichever reading is bad, the others of its meter come in."""
    known = meter(10)
    known.correct(LAST_S - HALF_HOUR_S, "NaN")
    one = account(accounts, known)
    one.sync()
    assert len(one.stored) == 10 * 48 - 1


def test_a_connection_that_slept_for_a_year_catches_up_in_pieces(accounts: list[Account]) -> None:
    """What was missed comes in pieces too."""
    known = meter(30)
    one = account(accounts, known)
    one.sync()
    known.readings |= half_hours(LAST, LAST + timedelta(days=365), lambda _: "0.5")
    done = drive(OCTOPUS.pull, {**one.link, "now": "2025-11-01T09:30:00Z"}, one.cursor, basic(KEY))
    sizes = [len(OCTOPUS.parse(batch.source.body).series[0].values) for batch in done.batches if batch.source]
    assert sum(sizes) == (365 + 10) * 48
    assert max(sizes) == 92 * 48


def test_a_meter_that_is_no_longer_served(accounts: list[Account]) -> None:
    """404 for one meter leaves the others alone."""
    one = account(accounts, meter(10), meter(10, serial="E2"))
    one.sync()
    one.octopus.properties = [[one.octopus.properties[0][0]], [SimulatedMeter("electricity", "1", "X", {})]]
    one.octopus.properties[0][0].correct(LAST_S, "1.5")
    one.sync()
    assert one.stored["1200000345678/E1", LAST_S] == 1_500_000


def test_serial_numbers_with_signs_are_kept_in_their_place(accounts: list[Account]) -> None:
    """A serial number with a slash does not become a part of the path."""
    one = account(accounts, SimulatedMeter("electricity", "1200000345678", "../../accounts", meter(1).readings))
    requests = one.sync().requests
    assert requests[1].url == "electricity-meter-points/1200000345678/meters/..%2F..%2Faccounts/consumption/"


def test_endless_pages_end(accounts: list[Account]) -> None:
    """Pages without end, and without anything new, are a change of format."""
    one = account(accounts, meter(10))
    one.octopus.quirks.is_endless = True
    with pytest.raises(FormatChangedError, match="Paging does not end"):
        one.sync()


def test_another_schema_is_a_refusal_that_keeps_the_cursor(accounts: list[Account]) -> None:
    """JSON of another shape is said so, and the next pull goes on where this one was."""
    one = account(accounts, meter(10))
    one.sync()
    before = one.cursor
    one.octopus.quirks.changed_format_count = 1
    with pytest.raises(FormatChangedError, match="no longer lists the properties"):
        one.sync()
    assert one.cursor == before
    one.sync()


def test_a_cut_off_page_is_refused(accounts: list[Account]) -> None:
    """Half a page is no page: nothing of it is stored."""
    one = account(accounts, meter(10))
    one.sync()
    one.octopus.quirks.extra_padding_bytes = 10
    assert one.sync().batches
    pulling = OCTOPUS.pull
    assert pulling is not None
    generator = pulling(one.link, one.cursor)
    next(generator)
    account_document = one.sync().documents[0]
    generator.send(account_document)
    whole = one.sync().documents[1]
    half = type(whole)(whole.body[: len(whole.body) // 2], whole.url, whole.headers, whole.status)
    with pytest.raises(DocumentError, match="is cut off"):
        generator.send(half)


@pytest.mark.parametrize(
    ("dial", "status"),
    [("too_many_count", 429), ("web_page_count", 403), ("unauthorized_count", 401), ("unavailable_count", 503)],
)
def test_what_is_the_drivers_business(accounts: list[Account], dial: str, status: int) -> None:
    """The simulator refuses as the API does, and the connector wants to see none of it."""
    one = account(accounts, meter(3))
    setattr(one.octopus.quirks, dial, 1)
    with pytest.raises(UnexpectedStatusError, match=f"{status},"):
        one.sync()
    one.sync()
    assert one.stored == one.expected()


def test_a_wrong_key_is_refused(accounts: list[Account]) -> None:
    """The key is the user of HTTP Basic."""
    with pytest.raises(UnexpectedStatusError, match=r"401, .*Invalid API key"):
        account(accounts, meter(1)).sync(key="another")


def test_manifest_keeps_the_contract() -> None:
    """The key goes in as the user of HTTP Basic, and the person is asked for account and gas unit."""
    manifest = OCTOPUS.manifest
    assert manifest.availability() == "works now"
    assert [question.name for question in manifest.questions if question.is_required] == ["account", "gas_unit"]
    assert manifest.providers[0].auth is not None
