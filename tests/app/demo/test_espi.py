"""What the serializer writes is what the connector reads."""

from array import array
from datetime import UTC, date, datetime
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.demo.load_profile import household_profile
from app.demo.providers.utility import batch_list
from connectors.green_button.codes import KIND_OF_COMMODITY, UNIT_OF_UOM
from connectors.green_button.parse import parse
from domain.activity import KINDS, Direction
from domain.errors import TimeError
from domain.series import LocalTime
from domain.units import UNITS

ZONE = ZoneInfo("America/New_York")
CLOCK = LocalTime(-18_000, 3_600, "360E2000", "B40E2000")
AT = datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
BASE = "https://utility.example/espi/1_1/resource"
SCHEMA = Path(__file__).parents[2] / "vectors" / "espi_subset.xsd"

MEASURES = [
    (kind, unit)
    for kind in sorted(set(KIND_OF_COMMODITY.values()))
    for unit in sorted(set(UNIT_OF_UOM.values()))
    if UNITS[unit].dimension in KINDS[kind].dimensions and unit not in KINDS[kind].refused_units
]


def seeded(seed: int) -> Random:
    """A generator that gives the same numbers every time."""
    return Random(seed)  # noqa: S311 - repeatable on purpose


@st.composite
def series(draw: st.DrawFn) -> MeterSeries:
    """A series of any kind, direction and unit, with irregular, equal and zero lengths."""
    kind, unit = draw(st.sampled_from(MEASURES))
    row = st.tuples(
        st.integers(631_152_000, 7_000_000_000),
        st.sampled_from([0, 900, 3_600, 82_800, 2_678_400]),
        st.integers(-(10**12), 10**12),
    )
    rows = sorted(draw(st.lists(row, min_size=1, max_size=40)))
    has_quality = draw(st.booleans())
    return MeterSeries(
        title="A & <B>",
        kind=kind,
        direction=draw(st.sampled_from([Direction.DELIVERED, Direction.EXPORT, Direction.NET, Direction.TOTAL])),
        source_unit=unit,
        power_of_ten=draw(st.integers(-3, 3)),
        interval_length_s=0,
        starts_s=[start for start, _, _ in rows],
        durations_s=[length for _, length, _ in rows],
        values=[value for _, _, value in rows],
        qualities=[8] * len(rows) if has_quality else (),
    )


@given(st.lists(series(), min_size=1, max_size=3))
@settings(max_examples=100, deadline=None)
def test_round_trip(written: list[MeterSeries]) -> None:
    """Kind, direction, unit, factor, times, lengths, values and qualities come back identically."""
    meter = Meter("RetailCustomer/1/UsagePoint/1", "My house", ZONE, CLOCK, written)
    document = parse(espi_document([meter], title="Demo & <more>", base_url=BASE, updated_at=AT))
    found = {one.series_key.rpartition("/")[2]: one for one in document.series}
    assert (document.refused, document.title, len(found)) == ((), "Demo & <more>", len(written))
    for number, one in enumerate(written, 1):
        read = found[str(number)]
        assert (read.kind, read.direction, read.source_unit) == (one.kind, one.direction, one.source_unit)
        assert read.micro_per_value == UNITS[one.source_unit].canonical_per_unit * 10**6 * (10 ** (one.power_of_ten + 3)) / 1000
        assert (read.starts_s, read.durations_s) == (array("q", one.starts_s), array("q", one.durations_s))
        assert (read.values, read.qualities) == (array("q", one.values), array("q", one.qualities))
        assert read.updated_at_s == int(AT.timestamp())


def misfits(body: bytes) -> list[str]:
    """What of a document's resources does not fit the schema."""
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    root = etree.fromstring(body)
    found = [one for content in root.iter("{http://www.w3.org/2005/Atom}content") for one in content] or [root]
    return [str(schema.error_log.last_error) for one in found if not schema.validate(etree.fromstring(etree.tostring(one)))]


@given(st.lists(series(), min_size=1, max_size=3), st.sampled_from([CLOCK, LocalTime(-25_200, 0)]))
@settings(max_examples=50, deadline=None)
def test_every_resource_fits_the_schema(written: list[MeterSeries], clock: LocalTime) -> None:
    """Elements have the names and the order of espi.xsd, and numbers its widths."""
    meter = Meter("RetailCustomer/1/UsagePoint/1", "My house", ZONE, clock, written)
    assert misfits(espi_document([meter], title="Demo", base_url=BASE, updated_at=AT)) == []


def test_notification_fits_the_schema() -> None:
    """So has a list of batches that are ready."""
    assert misfits(batch_list([f"{BASE}/Batch/Prepared/1/1?part=1&of=2", f"{BASE}/Batch/Prepared/1/1?part=2&of=2"])) == []


def test_another_order_does_not_fit() -> None:
    """The schema finds an element in the wrong place, and a value that is too wide."""
    one = MeterSeries("x", "electricity", Direction.DELIVERED, "Wh", 0, 3_600, [1_700_000_000], [3_600], [1])
    body = espi_document([Meter("UsagePoint/1", "house", ZONE, CLOCK, [one])], title="Demo", base_url=BASE, updated_at=AT)
    start, duration = b"<espi:start>1700000000</espi:start>", b"<espi:duration>3600</espi:duration>"
    turned = body.replace(duration + start, start + duration)
    assert "start': This element is not expected" in misfits(turned)[0]
    assert len(misfits(body.replace(b"<espi:value>1<", b"<espi:value>140737488355329<"))) == 1
    assert misfits(body) == []


def shuffled_entries(body: bytes, seed: int) -> bytes:
    """The same feed with its entries in another order."""
    head, *entries = body.decode().removesuffix("</feed>\n").split("<entry>")
    seeded(seed).shuffle(entries)
    return (head + "".join(f"<entry>{one}" for one in entries) + "</feed>").encode()


@pytest.mark.parametrize("seed", range(5))
def test_order_of_entries_does_not_matter(seed: int) -> None:
    """Blocks before their ReadingType, and usage points last, give the same series."""
    profile = household_profile(seeded(1), start=date(2024, 3, 1), end=date(2024, 4, 1), zone=ZONE)
    lengths = [3_600] * len(profile.starts_s)
    pair = [
        MeterSeries("x", "electricity", direction, "Wh", 0, 3_600, profile.starts_s, lengths, values)
        for direction, values in ((Direction.DELIVERED, profile.delivered_wh), (Direction.EXPORT, profile.exported_wh))
    ]
    meters = [Meter(f"RetailCustomer/1/UsagePoint/{n}", "house", ZONE, CLOCK, pair) for n in (1, 2)]
    body = espi_document(meters, title="Demo", base_url=BASE, updated_at=AT)
    plain, shuffled = parse(body), parse(shuffled_entries(body, seed))
    assert plain.local_times == shuffled.local_times
    for one, other in zip(plain.series, shuffled.series, strict=True):
        assert (one.usage_point, one.series_key, one.direction, one.unit) == (
            other.usage_point,
            other.series_key,
            other.direction,
            other.unit,
        )
        assert sorted(zip(one.starts_s, one.values, strict=True)) == sorted(zip(other.starts_s, other.values, strict=True))


def test_same_readings_give_the_same_bytes() -> None:
    """Identifiers are made from addresses, so a document can be made again."""
    one = MeterSeries("x", "electricity", Direction.DELIVERED, "Wh", 0, 3_600, [1_700_000_000], [3_600], [1])
    meters = [Meter("UsagePoint/1", "house", ZONE, CLOCK, [one])]
    first, second = (espi_document(meters, title="Demo", base_url=BASE, updated_at=AT) for _ in range(2))
    assert first == second


def test_clock_change_days_have_their_own_blocks() -> None:
    """The block of 10 March 2024 spans 23 hours, that of 3 November 25."""
    for day, hours_count in ((date(2024, 3, 10), 23), (date(2024, 11, 3), 25)):
        profile = household_profile(seeded(1), start=day, end=date(day.year, day.month, day.day + 1), zone=ZONE)
        lengths = [3_600] * len(profile.starts_s)
        one = MeterSeries(
            "x", "electricity", Direction.DELIVERED, "Wh", 0, 3_600, profile.starts_s, lengths, profile.delivered_wh
        )
        body = espi_document([Meter("UsagePoint/1", "house", ZONE, CLOCK, [one])], title="Demo", base_url=BASE, updated_at=AT)
        assert body.count(b"<espi:IntervalBlock>") == 1
        assert f"<espi:interval><espi:duration>{hours_count * 3_600}<".encode() in body


def test_clock_of_a_us_zone() -> None:
    """New York's clock has the US rules, Phoenix's none."""
    assert us_clock(ZONE, year=2024) == CLOCK
    assert us_clock(ZoneInfo("America/Phoenix"), year=2024) == LocalTime(-25_200, 0)


def test_clock_of_another_zone_is_refused() -> None:
    """Berlin changes its clocks on other days."""
    with pytest.raises(TimeError, match="does not keep US summer time; expected a zone of the USA; got Europe/Berlin"):
        us_clock(ZoneInfo("Europe/Berlin"), year=2024)
