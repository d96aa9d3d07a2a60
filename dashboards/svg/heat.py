"""Hour by day as a heat map: two tiny grey pictures as masks over the page's own colours.

A mask keeps 8,760 cells in about 6 kB, stays sharp at any size, and follows light and dark, which coloured pixels would not.
Cells that were not measured let a hatch through; zero does not.
"""

import zlib
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from struct import pack

from markupsafe import Markup

from dashboards.format import month_short
from dashboards.messages import Messages
from dashboards.svg.marks import picture, tag, words
from domain.period import Month

HOURS_COUNT = 24
_LEVELS_COUNT = 15
_FAINTEST = 26
_HOUR_LABELS = (0, 6, 12, 18, 24)


@dataclass(frozen=True, slots=True)
class HourGrid:
    """Electricity by local day and hour.

    Attributes:
        first_date: Day of the first row.
        days: One row of 24 values for each day, millionths of a kWh; None where not measured.
    """

    first_date: date
    days: tuple[tuple[int | None, ...], ...]

    def measured_micro(self) -> list[int]:
        """Every value that was measured, millionths of a kWh."""
        return [value for day in self.days for value in day if value is not None]

    def top_micro(self) -> int:
        """The value that gets the full colour: the 98th percentile, so that one kettle does not bleach the year."""
        values = sorted(self.measured_micro())
        return max(values[(len(values) - 1) * 98 // 100], 1) if values else 1

    def month_starts(self) -> list[tuple[int, Month]]:
        """Row and label of each month that begins in it."""
        found = []
        for row in range(len(self.days)):
            day = self.first_date + timedelta(days=row)
            if day.day == 1 or row == 0:
                found.append((row, Month(day.year, day.month)))
        return found


@dataclass(frozen=True, slots=True)
class _Box:
    """Where the cells lie, in the picture's own coordinates."""

    left: float
    top: float
    wide: float
    high: float

    def attributes(self) -> dict[str, float]:
        """As a rectangle's attributes."""
        return {"x": self.left, "y": self.top, "width": self.wide, "height": self.high}


def heat_picture(figure_id: str, grid: HourGrid, messages: Messages, *, is_narrow: bool, description: str) -> Markup:
    """The heat map: days from left to right, or from top to bottom on a telephone.

    Args:
        figure_id: Unique on the page.
        grid: The values.
        messages: Language.
        is_narrow: Whether it is for a telephone.
        description: Spoken description.

    Returns:
        The picture.
    """
    place = _Box(40, 24, 296, 430) if is_narrow else _Box(44, 26, 708, 216)
    body = [_masks(figure_id, grid, place, is_narrow=is_narrow)]
    box = place.attributes()
    body.append(tag("rect", **box, fill=f"url(#{figure_id}-h)"))
    body.append(tag("rect", **box, class_="heat-paper", mask=f"url(#{figure_id}-m)"))
    body.append(tag("rect", **box, class_="heat-ink", mask=f"url(#{figure_id}-v)"))
    body.append(tag("rect", **box, class_="heat-frame"))
    body += _hour_labels(place, is_narrow=is_narrow)
    body += _month_labels(grid, messages, place, is_narrow=is_narrow)
    return picture(
        figure_id,
        place.left + place.wide + 4,
        place.top + place.high + (4 if is_narrow else 26),
        messages("figure.heat.title"),
        description,
        body,
        css="heat-pic",
    )


def _masks(figure_id: str, grid: HourGrid, place: _Box, *, is_narrow: bool) -> str:
    box = place.attributes()
    found = []
    for name, address in zip("vm", _mask_addresses(grid, is_narrow=is_narrow), strict=True):
        image = tag("image", **box, preserveAspectRatio="none", href=address, class_="px")
        found.append(tag("mask", image, id=f"{figure_id}-{name}"))
    stripe = tag("path", d="M-1 7L7 -1M3 11L11 3", class_="hatch-line")
    found.append(tag("pattern", stripe, id=f"{figure_id}-h", width=8, height=8, patternUnits="userSpaceOnUse"))
    return tag("defs", *found)


@lru_cache(maxsize=32)
def _mask_addresses(grid: HourGrid, *, is_narrow: bool) -> tuple[str, str]:
    """Shades, and what was measured, as addresses of pictures; kept, because whoever looks usually looks again."""
    top_micro = grid.top_micro()
    shades = [[_shade(value, top_micro) for value in day] for day in grid.days]
    known = [[0 if value is None else 255 for value in day] for day in grid.days]
    turned = [rows if is_narrow else [list(column) for column in zip(*rows, strict=True)] for rows in (shades, known)]
    return _png_address(turned[0]), _png_address(turned[1])


def _shade(value_micro: int | None, top_micro: int) -> int:
    if value_micro is None or value_micro <= 0:
        return 0
    level = min(_LEVELS_COUNT, -(-value_micro * _LEVELS_COUNT // top_micro))
    return _FAINTEST + (255 - _FAINTEST) * level // _LEVELS_COUNT


def _png_address(rows: Sequence[Sequence[int]]) -> str:
    return f"data:image/png;base64,{b64encode(grey_png(rows)).decode('ascii')}"


def grey_png(rows: Sequence[Sequence[int]]) -> bytes:
    """A greyscale picture, 8 bits per pixel.

    Args:
        rows: Brightness 0 to 255, all rows equally long.

    Returns:
        The bytes of a PNG file.

    Source:
        PNG (W3C Recommendation, third edition), sections 5.3 and 11.2.1: IHDR, IDAT, IEND.
    """
    wide = len(rows[0]) if rows else 0
    raw = b"".join(b"\x00" + bytes(row) for row in rows)
    chunks = (
        (b"IHDR", pack(">IIBBBBB", wide, len(rows), 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(raw, 9)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return pack(">I", len(data)) + name + data + pack(">I", zlib.crc32(name + data))


def _hour_labels(place: _Box, *, is_narrow: bool) -> list[str]:
    left, top, wide, high = place.left, place.top, place.wide, place.high
    found = []
    for hour in _HOUR_LABELS:
        text = f"{hour:02d}:00"
        if is_narrow:
            anchor = "tick tick-start" if hour == 0 else "tick tick-end" if hour == HOURS_COUNT else "tick tick-x"
            found.append(words(left + wide * hour / HOURS_COUNT, top - 8, text, class_=anchor))
        else:
            found.append(words(left - 7, top + high * hour / HOURS_COUNT + 4, text, class_="tick tick-y"))
    return found


def _month_labels(grid: HourGrid, messages: Messages, place: _Box, *, is_narrow: bool) -> list[str]:
    left, top, wide, high = place.left, place.top, place.wide, place.high
    found = []
    count = max(len(grid.days), 1)
    starts = grid.month_starts()
    for (row, month), (following, _) in zip(starts, [*starts[1:], (count, starts[-1][1])], strict=True):
        share, room = row / count, (following - row) / count
        if row and is_narrow:
            found.append(tag("line", x1=left - 4, x2=left, y1=top + high * share, y2=top + high * share, class_="zero"))
        elif row:
            found.append(
                tag("line", x1=left + wide * share, x2=left + wide * share, y1=top + high, y2=top + high + 4, class_="zero")
            )
        middle = share + room / 2
        if is_narrow and room * high >= 14:  # noqa: PLR2004 - room for one line of text
            found.append(words(left - 7, top + high * middle + 4, month_short(messages, month), class_="tick tick-y"))
        elif not is_narrow and room * wide >= 26:  # noqa: PLR2004 - room for three letters
            found.append(words(left + wide * middle, top + high + 17, month_short(messages, month), class_="tick tick-x"))
    return found
