"""Inline SVG: scales, gauges, the heat map's masks, and colours with enough contrast."""

import re
import zlib
from base64 import b64decode
from datetime import date
from fractions import Fraction
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dashboards.messages import messages_in
from dashboards.svg.gauges import dial, pace_bar, ring, spark
from dashboards.svg.heat import HourGrid, grey_png, heat_picture
from dashboards.svg.marks import scale_over, tag, words

EN = messages_in()
CSS = (resources.files("dashboards") / "static" / "app.css").read_text(encoding="utf-8")
HOSTILE = '"><script>alert(1)</script>'


def parsed(markup: str) -> etree._Element:
    """The picture as XML: well-formed, or the test fails."""
    return etree.fromstring(markup)


def pixels(drawn: str, mask: str) -> list[list[int]]:
    """The rows of a mask's picture."""
    address = parsed(drawn).xpath(f"//mask[@id='{mask}']/image/@href")[0]
    data = b64decode(str(address).partition(",")[2])
    wide, high = (int.from_bytes(data[at : at + 4]) for at in (16, 20))
    size = int.from_bytes(data[33:37])
    raw = zlib.decompress(data[41 : 41 + size])
    return [list(raw[row * (wide + 1) + 1 : (row + 1) * (wide + 1)]) for row in range(high)]


@given(st.fractions(-(10**13), 10**13), st.fractions(-(10**13), 10**13), st.integers(2, 6))
def test_scale_holds_both_values_and_zero(one: Fraction, other: Fraction, ticks_count: int) -> None:
    """The scale reaches over its values, has zero among its ticks, and not too many of them."""
    low, high = min(one, other), max(one, other)
    scale = scale_over(low, high, 100.0, 0.0, ticks_count=ticks_count)
    assert scale.low <= min(low, Fraction(0))
    assert scale.high >= max(high, Fraction(0))
    assert 0 in scale.ticks()
    assert 2 <= len(scale.ticks()) <= ticks_count + 3


@given(st.fractions(Fraction(1, 10**6), 10**12))
def test_scale_steps_are_round(high: Fraction) -> None:
    """Steps are 1, 2, 2.5 or 5 times a power of ten."""
    step = scale_over(Fraction(0), high, 0.0, 1.0, ticks_count=4).step
    while step >= 10:
        step /= 10
    while step < 1:
        step *= 10
    assert step in {1, 2, Fraction(5, 2), 5}


def test_scale_of_nothing_is_still_a_scale() -> None:
    """Two zeros give a scale from 0 to 1, not a division by zero."""
    scale = scale_over(Fraction(0), Fraction(0), 100.0, 0.0, ticks_count=4)
    assert (scale.at(0), scale.at(1)) == (100.0, 0.0)


def test_text_and_attributes_are_escaped() -> None:
    """Nothing that comes in becomes an element."""
    assert "<script" not in words(0, 0, HOSTILE)
    assert "<script" not in tag("rect", class_=HOSTILE)
    assert "<script" not in dial("d", points=1, low_points=0, high_points=2, title=HOSTILE, description=HOSTILE)


@pytest.mark.parametrize("points", [None, 0, 1, 50, 100])
def test_dial_speaks_and_is_well_formed(points: int | None) -> None:
    """The dial has its name, its description and its number."""
    drawn = parsed(dial("d", points=points, low_points=0, high_points=100, title="Score", description="So and so"))
    assert [drawn.findtext("title"), drawn.findtext("desc")] == ["Score", "So and so"]
    number = drawn.xpath("string(//text[@class='dial-number'])")
    assert number == ("–" if points is None else str(points))


@pytest.mark.parametrize(
    ("share_pct", "classes"),
    [
        (None, ["ring-none"]),
        (0, ["ring-track"]),
        (61, ["ring-track", "ring-value"]),
        (100, ["ring-track", "ring-value"]),
        (140, ["ring-track", "ring-value", "ring-over"]),
    ],
)
def test_ring_tells_none_zero_and_over_apart(share_pct: int | None, classes: list[str]) -> None:
    """Not measured, zero, part, full and over each look different."""
    drawn = parsed(ring("r", share_pct=share_pct, centre="x", title="t", description="d"))
    assert drawn.xpath("//circle/@class") == classes


@pytest.mark.parametrize(("used_pct", "width"), [(0, 6), (50, 160), (100, 320), (10**9, 320)])
def test_pace_bar_stays_in_its_track(used_pct: int, width: float) -> None:
    """The bar is never longer than its track and never invisible."""
    drawn = parsed(pace_bar("p", used_pct=used_pct, today_pct=66, title="t", description="d"))
    assert float(drawn.xpath("string(//rect[@class='pace-value']/@width)")) == width


def test_spark_breaks_at_gaps_and_needs_two_values() -> None:
    """A gap breaks the line; one value is no line."""
    assert spark([1, None]) == ""
    assert str(spark([1, 2, None, 3, 4])).count("M") == 2


def test_masks_tell_zero_from_not_measured() -> None:
    """Zero has no ink but is measured; a gap has neither; the largest has full ink."""
    day = tuple(None if hour == 0 else 0 if hour == 1 else 2_000_000 if hour == 2 else 1_000_000 for hour in range(24))
    drawn = heat_picture("h", HourGrid(date(2024, 3, 1), (day,)), EN, is_narrow=True, description="d")
    assert pixels(drawn, "h-v")[0][:3] == [0, 0, 255]
    assert pixels(drawn, "h-m")[0][:3] == [0, 255, 255]


def test_days_run_right_or_down() -> None:
    """On a wide screen days are columns, on a telephone rows."""
    grid = HourGrid(date(2024, 3, 1), ((1,) * 24,) * 40)
    wide = pixels(heat_picture("h", grid, EN, is_narrow=False, description="d"), "h-v")
    narrow = pixels(heat_picture("h", grid, EN, is_narrow=True, description="d"), "h-v")
    assert (len(wide), len(wide[0])) == (24, 40)
    assert (len(narrow), len(narrow[0])) == (40, 24)


def test_one_outlier_does_not_bleach_the_year() -> None:
    """The full colour stands for the 98th percentile."""
    day = (1_000_000,) * 24
    days = (*(day for _ in range(99)), (1_000_000_000, *day[1:]))
    assert HourGrid(date(2024, 1, 1), days).top_micro() == 1_000_000


def test_grid_without_values_has_a_top() -> None:
    """A grid in which nothing is measured divides by one, not by zero."""
    assert HourGrid(date(2024, 1, 1), ((None,) * 24,)).top_micro() == 1


def test_months_begin_where_they_begin() -> None:
    """A month's label starts at its first day, or at the first row."""
    grid = HourGrid(date(2024, 1, 30), ((1,) * 24,) * 4)
    assert [(row, month.to_text()) for row, month in grid.month_starts()] == [(0, "2024-01"), (2, "2024-02")]


def test_png_is_a_png() -> None:
    """Signature, size and checksums are those of the format."""
    data = grey_png([[0, 255], [128, 1]])
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert int.from_bytes(data[29:33]) == zlib.crc32(data[12:29])
    assert data.endswith(b"IEND\xaeB`\x82")


def tokens(scheme: str) -> dict[str, str]:
    """The colours of one scheme: light ones, replaced by dark ones."""
    blocks = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[: 1 if scheme == "light" else 2]
    return {name: value for block in blocks for name, value in re.findall(r"--([\w-]+): (#[0-9a-f]{3,6});", block)}


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2, definition)."""
    digits = colour[1:] if len(colour) == 7 else "".join(c * 2 for c in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """Contrast ratio (WCAG 2.2, definition)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        *((ink, ground) for ink in ("ink", "ink-soft", "accent", "bad") for ground in ("paper", "card")),
        *(
            ("accent", "accent-soft"),
            ("warn", "warn-soft"),
            ("bad", "bad-soft"),
            ("on-accent", "accent"),
            ("ink-soft", "bad-soft"),
        ),
    ],
)
def test_text_has_contrast(scheme: str, ink: str, ground: str) -> None:
    """Text has at least 4.5 to 1 (WCAG 2.2, 1.4.3)."""
    found = tokens(scheme)
    assert contrast(found[ink], found[ground]) >= 4.5


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("ink", ["data-energy", "data-mass", "data-export", "line-strong", "focus"])
def test_graphics_have_contrast(scheme: str, ink: str) -> None:
    """What carries meaning has at least 3 to 1 (WCAG 2.2, 1.4.11)."""
    found = tokens(scheme)
    assert contrast(found[ink], found["card"]) >= 3
