"""Green Button documents as a utility would write them (NAESB REQ.21 ESPI in Atom), for the demo and for tests.

Element order follows espi.xsd; identifiers are UUIDs of the addresses (RFC 9562, version 5), so that the same readings give the
same bytes. `connectors.green_button` reads back what is written here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from operator import itemgetter
from uuid import NAMESPACE_URL, uuid5
from xml.sax.saxutils import escape, quoteattr
from zoneinfo import ZoneInfo

from connectors.green_button.codes import DIRECTION_OF_FLOW, KIND_OF_COMMODITY, KIND_OF_SERVICE, UNIT_OF_UOM
from connectors.local_clock import DstRule, utc_offset_s
from domain.activity import Direction
from domain.errors import TimeError
from domain.period import instant_of_epoch_s, local_day
from domain.series import LocalTime

_US_DST_START = DstRule(month=3, operator=3, day_of_month=0, weekday=7, seconds_of_day=7_200).to_text()
_US_DST_END = DstRule(month=11, operator=2, day_of_month=0, weekday=7, seconds_of_day=7_200).to_text()
_COMMODITY = {kind: code for code, kind in sorted(KIND_OF_COMMODITY.items(), reverse=True)}
_SERVICE = {kind: code for code, kind in KIND_OF_SERVICE.items()}
_UOM = {unit: code for code, unit in sorted(UNIT_OF_UOM.items(), reverse=True)}
_FLOW = {direction: code for code, direction in DIRECTION_OF_FLOW.items() if code}
_ENERGY_KIND = 12
_DELTA_DATA = 4
_NORMAL = 12
_US_DOLLAR = 840


@dataclass(frozen=True, slots=True)
class MeterSeries:
    """Readings of one direction as they are written.

    Attributes:
        title: For people: "Energy delivered".
        kind: Kind of activity.
        direction: Which way it flowed.
        source_unit: Unit of one value before the power of ten: "Wh", "therm", "gal_us", ...
        power_of_ten: Values times 10 to this power are in `source_unit`.
        interval_length_s: Usual length, seconds.
        starts_s: Begins, seconds since 1970.
        durations_s: Lengths, seconds.
        values: Raw values.
        qualities: QualityOfReading of each, -1 for none; empty where no reading has one.
    """

    title: str
    kind: str
    direction: Direction
    source_unit: str
    power_of_ten: int
    interval_length_s: int
    starts_s: Sequence[int]
    durations_s: Sequence[int]
    values: Sequence[int]
    qualities: Sequence[int] = ()


@dataclass(frozen=True, slots=True)
class Meter:
    """A usage point with its series.

    Attributes:
        path: Its address below the utility's: "RetailCustomer/1/UsagePoint/1".
        title: For people.
        zone: Where it is: blocks are its local days.
        clock: What its LocalTimeParameters say.
        series: What it measured.
    """

    path: str
    title: str
    zone: ZoneInfo
    clock: LocalTime
    series: Sequence[MeterSeries]


def us_clock(zone: ZoneInfo, *, year: int) -> LocalTime:
    """The LocalTimeParameters of a US zone.

    Args:
        zone: Such as America/New_York.
        year: Year whose rules are meant.

    Returns:
        Standard offset, and the US rules for summer time where the zone has it.

    Raises:
        TimeError: The zone keeps other rules in that year.

    Source:
        Energy Policy Act of 2005, section 110: second Sunday of March to first Sunday of November, 02:00 local time.
    """
    winter_s, summer_s = (_offset_s(datetime(year, month, 1, 12, tzinfo=UTC), zone) for month in (1, 7))
    has_dst = winter_s != summer_s
    clock = LocalTime(winter_s, summer_s - winter_s, _US_DST_START, _US_DST_END) if has_dst else LocalTime(winter_s, 0)
    first_s = int(datetime(year, 1, 1, tzinfo=UTC).timestamp())
    for hour_s in range(first_s, first_s + 366 * 86_400, 3_600):
        at = instant_of_epoch_s(hour_s)
        if at.year == year and utc_offset_s(clock, hour_s) != _offset_s(at, zone):
            raise TimeError("This zone does not keep US summer time", expected="a zone of the USA", got=f"{zone} at {at}")
    return clock


def _offset_s(at: datetime, zone: ZoneInfo) -> int:
    offset = at.astimezone(zone).utcoffset()
    return int(offset.total_seconds()) if offset else 0


def espi_document(meters: Sequence[Meter], *, title: str, base_url: str, updated_at: datetime) -> bytes:
    """One Green Button document with these meters.

    Args:
        meters: Usage points with their series.
        title: The feed's title.
        base_url: Address of the utility's resources, without a slash at the end.
        updated_at: The feed's time of its last change, aware.

    Returns:
        An Atom feed, UTF-8.
    """
    return "".join(_feed(meters, title, base_url, updated_at)).encode()


def _feed(meters: Sequence[Meter], title: str, base_url: str, updated_at: datetime) -> Iterator[str]:
    stamp = updated_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    yield '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom" xmlns:espi="http://naesb.org/espi">\n'
    yield f"<id>{_urn(base_url, title)}</id>\n<title>{escape(title)}</title>\n<updated>{stamp}</updated>\n"
    yield f'<link rel="self" href={quoteattr(f"{base_url}/Batch/Subscription/1")}/>\n'
    clocks = list(dict.fromkeys(meter.clock for meter in meters))
    for number, clock in enumerate(clocks, 1):
        path = f"LocalTimeParameters/{number}"
        yield _entry(base_url, path, "LocalTimeParameters", (), "Local time", stamp, _local_time(clock))
    for meter in meters:
        yield from _meter(meter, base_url, stamp, f"LocalTimeParameters/{clocks.index(meter.clock) + 1}")
    yield "</feed>\n"


def _meter(meter: Meter, base_url: str, stamp: str, clock_path: str) -> Iterator[str]:
    """A usage point: its entry, then for each series ReadingType, MeterReading and one IntervalBlock per local day."""
    point_up = meter.path.rpartition("/")[0]
    kind = meter.series[0].kind if meter.series else "electricity"
    related = (f"{meter.path}/MeterReading", clock_path)
    yield _entry(base_url, meter.path, point_up, related, meter.title, stamp, _usage_point(kind))
    for number, series in enumerate(meter.series, 1):
        type_path = f"ReadingType/{uuid5(NAMESPACE_URL, f'{meter.path}/{number}').hex[:12]}"
        path = f"{meter.path}/MeterReading/{number}"
        yield _entry(base_url, type_path, "ReadingType", (), series.title, stamp, _reading_type(series))
        related = (f"{path}/IntervalBlock", type_path)
        yield _entry(base_url, path, f"{meter.path}/MeterReading", related, series.title, stamp, "<espi:MeterReading/>")
        for block, (day, rows) in enumerate(_days(series, meter.zone), 1):
            content = _interval_block(series, rows)
            yield _entry(base_url, f"{path}/IntervalBlock/{block}", f"{path}/IntervalBlock", (), str(day), stamp, content)


def _days(series: MeterSeries, zone: ZoneInfo) -> Iterator[tuple[date, list[int]]]:
    """Rows of each local day, in the order of the series."""
    numbered = ((local_day(instant_of_epoch_s(start_s), zone), row) for row, start_s in enumerate(series.starts_s))
    for day, group in groupby(numbered, key=itemgetter(0)):
        yield day, [row for _, row in group]


def _urn(*parts: str) -> str:
    return f"urn:uuid:{uuid5(NAMESPACE_URL, '/'.join(parts))}"


def _entry(  # noqa: PLR0917 - the parts of an entry in the order of the document
    base_url: str, path: str, up: str, related: Sequence[str], title: str, stamp: str, content: str
) -> str:
    """One Atom entry with its links."""
    links = [("self", path), ("up", up), *(("related", one) for one in related)]
    lines = "".join(f"<link rel={quoteattr(rel)} href={quoteattr(f'{base_url}/{to}')}/>\n" for rel, to in links)
    return (
        f"<entry>\n<id>{_urn(base_url, path)}</id>\n{lines}<title>{escape(title)}</title>\n<content>\n{content}\n</content>\n"
        f"<published>{stamp}</published>\n<updated>{stamp}</updated>\n</entry>\n"
    )


def _local_time(clock: LocalTime) -> str:
    return (
        f"<espi:LocalTimeParameters>\n<espi:dstEndRule>{clock.dst_end_rule}</espi:dstEndRule>\n"
        f"<espi:dstOffset>{clock.dst_offset_s}</espi:dstOffset>\n<espi:dstStartRule>{clock.dst_start_rule}</espi:dstStartRule>\n"
        f"<espi:tzOffset>{clock.offset_s}</espi:tzOffset>\n</espi:LocalTimeParameters>"
    )


def _usage_point(kind: str) -> str:
    service = _SERVICE.get(kind, 0)
    return (
        f"<espi:UsagePoint>\n<espi:ServiceCategory><espi:kind>{service}</espi:kind></espi:ServiceCategory>\n"
        "<espi:status>1</espi:status>\n</espi:UsagePoint>"
    )


def _reading_type(series: MeterSeries) -> str:
    """Its elements in the order of espi.xsd."""
    leaves = {
        "accumulationBehaviour": _DELTA_DATA,
        "commodity": _COMMODITY[series.kind],
        "currency": _US_DOLLAR,
        "dataQualifier": _NORMAL,
        "flowDirection": _FLOW[series.direction],
        "intervalLength": series.interval_length_s,
        "kind": _ENERGY_KIND,
        "phase": 0,
        "powerOfTenMultiplier": series.power_of_ten,
        "timeAttribute": 0,
        "uom": _UOM[series.source_unit],
    }
    lines = "".join(f"<espi:{name}>{value}</espi:{name}>\n" for name, value in leaves.items())
    return f"<espi:ReadingType>\n{lines}</espi:ReadingType>"


def _interval_block(series: MeterSeries, rows: Sequence[int]) -> str:
    """The readings of one day."""
    first_s = series.starts_s[rows[0]]
    end_s = max(series.starts_s[row] + series.durations_s[row] for row in rows)
    readings = "".join(_reading(series, row) for row in rows)
    return (
        f"<espi:IntervalBlock>\n<espi:interval>{_span(first_s, end_s - first_s)}</espi:interval>\n{readings}</espi:IntervalBlock>"
    )


def _reading(series: MeterSeries, row: int) -> str:
    code = series.qualities[row] if series.qualities else -1
    quality = f"<espi:ReadingQuality><espi:quality>{code}</espi:quality></espi:ReadingQuality>\n" if code >= 0 else ""
    span = _span(series.starts_s[row], series.durations_s[row])
    return (
        f"<espi:IntervalReading>\n{quality}<espi:timePeriod>{span}</espi:timePeriod>\n"
        f"<espi:value>{series.values[row]}</espi:value>\n</espi:IntervalReading>\n"
    )


def _span(start_s: int, duration_s: int) -> str:
    return f"<espi:duration>{duration_s}</espi:duration><espi:start>{start_s}</espi:start>"
