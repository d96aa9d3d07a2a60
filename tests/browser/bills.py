"""Files that a person might bring: a good Green Button file, and the wrong ones."""

from datetime import UTC, date, datetime, timedelta
from random import Random

from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.demo.load_profile import household_profile
from domain.activity import Direction
from domain.period import zone_of

DENVER, DENVER_ZONE = "80202", "America/Denver"
"""Another grid than the demo's: eGRID subregion RMPA."""

YEAR = datetime.now(UTC).year - 1
"""A year that is over."""


def green_button(
    start: date = date(YEAR, 3, 1), end: date = date(YEAR, 5, 1), *, zone: str = DENVER_ZONE, has_clock: bool = True
) -> bytes:
    """Hourly readings of a household, written by the demo's ESPI serializer.

    Args:
        start: First local day.
        end: Local day after the last.
        zone: Where the meter is.
        has_clock: Whether the file says its local time.

    Returns:
        The file.
    """
    there = zone_of(zone)
    profile = household_profile(Random(7), start=start, end=end, zone=there, has_solar=False)  # noqa: S311 - the same readings every time
    series = MeterSeries(
        title="Hourly energy delivered",
        kind="electricity",
        direction=Direction.DELIVERED,
        source_unit="Wh",
        power_of_ten=0,
        interval_length_s=profile.interval_length_s,
        starts_s=profile.starts_s,
        durations_s=[profile.interval_length_s] * len(profile.starts_s),
        values=profile.delivered_wh,
    )
    meter = Meter("RetailCustomer/9/UsagePoint/1", "Meter 9", there, us_clock(zone_of(DENVER_ZONE), year=start.year), [series])
    body = espi_document(
        [meter], title="Front Range Power", base_url="https://utility.example/espi", updated_at=datetime(YEAR, 12, 1, tzinfo=UTC)
    )
    return body if has_clock else _without_clock(body)


def _without_clock(body: bytes) -> bytes:
    before, _, rest = body.partition(b"<espi:LocalTimeParameters>")
    _, _, after = rest.partition(b"</espi:LocalTimeParameters>")
    return before + after


def without_unit() -> bytes:
    """A file that does not say what its numbers are."""
    return green_button(end=date(YEAR, 3, 3)).replace(b"<espi:uom>72</espi:uom>\n", b"")


def truncated() -> bytes:
    """A file whose download broke off."""
    body = green_button(end=date(YEAR, 3, 3))
    return body[: len(body) // 2]


def in_the_future() -> bytes:
    """Readings of next month."""
    begin = datetime.now(UTC).date() + timedelta(days=30)
    return green_button(begin, begin + timedelta(days=2))


PDF = b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n"
HTML = b"<!doctype html><html><head><title>My utility</title></head><body><p>Please sign in.</p></body></html>"
JSON = b'{"readings": [{"start": "2025-03-01", "kwh": 1.5}]}'
