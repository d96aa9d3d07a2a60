"""Two panels over one row of months: kWh as bars, emissions as a line, or as bars by ring where more than the home is known.

Where no electricity is known, the panel of emissions stands alone. A month that is not measured is hatched, never zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from html import escape

from markupsafe import Markup

from dashboards.format import (
    energy_power,
    energy_unit,
    mass_co2e,
    mass_power,
    mass_unit,
    month_short,
    month_text,
    number_text,
    quantity,
    three_digits,
)
from dashboards.messages import Messages
from dashboards.svg.marks import Scale, picture, scale_over, tag, words
from domain.period import Month

UG_PER_KG = 1_000_000_000
_SHORT_NAMES_FIT_COUNT = 8


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """One month of electricity and of all emissions.

    Attributes:
        month: Local month.
        delivered_micro: Electricity taken from the grid, millionths of a kWh; None where nothing was measured.
        exported_micro: Electricity given to the grid, millionths of a kWh; None where there is no export meter.
        gross_ug_co2e: All emissions, location based, micrograms; None where nothing is measured or all of it is unscored.
        avoided_ug_co2e: Emissions avoided elsewhere by exports, micrograms; outside gross and net.
        days_measured_count: Local days with readings.
        days_expected_count: Days of the month that have passed.
        rings_ug_co2e: The gross by ring: home, travel, food and things; None where a ring has no line.
        unscored_count: Activity totals without a factor.
    """

    month: Month
    delivered_micro: int | None
    exported_micro: int | None
    gross_ug_co2e: int | None
    avoided_ug_co2e: int | None
    days_measured_count: int
    days_expected_count: int
    rings_ug_co2e: tuple[int | None, int | None, int | None] = (None, None, None)
    unscored_count: int = 0

    @property
    def is_metered(self) -> bool:
        """Whether electricity of this month was measured."""
        return self.delivered_micro is not None or self.exported_micro is not None

    @property
    def is_measured(self) -> bool:
        """Whether anything of this month is known."""
        return self.is_metered or self.gross_ug_co2e is not None or self.unscored_count > 0

    @property
    def is_whole(self) -> bool:
        """Whether the electricity of every day that has passed was measured."""
        return self.is_metered and self.days_measured_count >= self.days_expected_count


def has_energy(points: Sequence[MonthPoint]) -> bool:
    """Whether any month has electricity, or none has anything: then its panel is drawn."""
    return any(point.is_metered for point in points) or not any(point.is_measured for point in points)


def has_rings(points: Sequence[MonthPoint]) -> bool:
    """Whether emissions beyond the home are known, so that they are drawn by ring."""
    return any(amount is not None for point in points for amount in point.rings_ug_co2e[1:])


RING_KEYS = ("home", "travel", "food")
"""Rings in the order of `MonthPoint.rings_ug_co2e`, as classes and catalogue keys name them."""


@dataclass(frozen=True, slots=True)
class Units:
    """The units of both panels, chosen by their largest values.

    Attributes:
        energy_power: Thousands that a kWh is divided by.
        mass_power: Thousands that a kg is divided by.
    """

    energy_power: int
    mass_power: int

    def energy(self, quantity_micro: int) -> Fraction:
        """Millionths of a kWh in the energy panel's unit."""
        return Fraction(quantity_micro, 1_000_000 * 1000**self.energy_power)

    def mass(self, amount_ug_co2e: int) -> Fraction:
        """Micrograms in the emission panel's unit."""
        return Fraction(amount_ug_co2e, UG_PER_KG * 1000**self.mass_power)

    def energy_title(self, messages: Messages) -> str:
        """Title of the energy panel."""
        return messages("figure.months.panel_energy", unit=energy_unit(self.energy_power))

    def mass_title(self, messages: Messages) -> str:
        """Title of the emission panel."""
        return messages("figure.months.panel_mass", unit=mass_unit(self.mass_power))


def units_of(points: Sequence[MonthPoint]) -> Units:
    """The units that suit these months."""
    energy = max((abs(v) for p in points for v in (p.delivered_micro, p.exported_micro) if v is not None), default=0)
    mass = max((abs(v) for p in points for v in (p.gross_ug_co2e, p.avoided_ug_co2e) if v is not None), default=0)
    return Units(energy_power(Fraction(energy, 1_000_000)), mass_power(Fraction(mass, UG_PER_KG)))


@dataclass(frozen=True, slots=True)
class _Layout:
    width: float
    left: float
    right: float
    energy_top: float
    energy_bottom: float
    mass_top: float
    mass_bottom: float
    has_values: bool


WIDE = _Layout(760, 52, 8, 34, 176, 226, 306, has_values=True)
NARROW = _Layout(340, 40, 4, 34, 156, 206, 276, has_values=False)


def _layout_of(points: Sequence[MonthPoint], *, is_narrow: bool) -> _Layout:
    """The layout of a figure: emissions get the height that they need, and all of it without electricity."""
    found = NARROW if is_narrow else WIDE
    if has_rings(points):
        found = replace(found, mass_bottom=found.mass_bottom + 60)
    if has_energy(points):
        return found
    above = found.mass_top - found.energy_top
    return replace(found, mass_top=found.energy_top, mass_bottom=found.mass_bottom - above + 40)


def months_picture(
    figure_id: str, points: Sequence[MonthPoint], messages: Messages, *, is_narrow: bool, description: str
) -> Markup:
    """The months as two panels.

    Args:
        figure_id: Unique on the page.
        points: Months in order.
        messages: Language.
        is_narrow: Whether it is for a telephone.
        description: Spoken description.

    Returns:
        The picture.
    """
    drawing = _Drawing(figure_id, points, messages, _layout_of(points, is_narrow=is_narrow), units_of(points))
    height = drawing.layout.mass_bottom + 36
    is_metered = has_energy(points)
    title = messages("figure.months.title" if is_metered else "figure.months.title_mass")
    return picture(figure_id, drawing.layout.width, height, title, description, drawing.body(), css="months-pic")


@dataclass(frozen=True)
class _Drawing:
    """One picture in the making: what is drawn, where, and in which units."""

    figure_id: str
    points: Sequence[MonthPoint]
    messages: Messages
    layout: _Layout
    units: Units

    @cached_property
    def energy(self) -> Scale:
        """Scale of the energy panel; exports lie below its zero."""
        delivered = [point.delivered_micro or 0 for point in self.points]
        exported = [-(point.exported_micro or 0) for point in self.points]
        low, high = min([*delivered, *exported], default=0), max(delivered, default=0)
        ends = (self.layout.energy_bottom, self.layout.energy_top)
        return scale_over(self.units.energy(low), self.units.energy(high), *ends, ticks_count=5 if self.layout.has_values else 3)

    @cached_property
    def mass(self) -> Scale:
        """Scale of the emission panel."""
        values = [v for point in self.points for v in (point.gross_ug_co2e, point.avoided_ug_co2e) if v is not None]
        if self.by_ring:
            for point in self.points:
                amounts = [amount or 0 for amount in point.rings_ug_co2e]
                values += [sum(a for a in amounts if a > 0), sum(a for a in amounts if a < 0)]
        low, high = min(values, default=0), max(values, default=0)
        ends = (self.layout.mass_bottom, self.layout.mass_top)
        return scale_over(self.units.mass(low), self.units.mass(high), *ends, ticks_count=4 if self.by_ring else 2)

    @cached_property
    def by_ring(self) -> bool:
        """Whether emissions are drawn by ring."""
        return has_rings(self.points)

    @cached_property
    def has_energy(self) -> bool:
        """Whether the panel of electricity is drawn."""
        return has_energy(self.points)

    def body(self) -> list[str]:
        """Every element, from back to front."""
        has_refund = any((point.delivered_micro or 0) < 0 for point in self.points)
        found = [self._patterns()]
        if self.has_energy:
            found.append(words(0, 14, self.units.energy_title(self.messages), class_="axis-title"))
            found += self._grid(self.energy, is_signed=has_refund)
        found.append(words(0, self.layout.mass_top - 18, self.units.mass_title(self.messages), class_="axis-title"))
        found += self._grid(self.mass, is_signed=True)
        for index in range(len(self.points)):
            found.append(self._month(index))
        return found + self._lines()

    def _patterns(self) -> str:
        stripe = tag("path", d="M-1 7L7 -1M3 11L11 3", class_="hatch-line")
        gaps = tag("pattern", stripe, id=f"{self.figure_id}-h", width=8, height=8, patternUnits="userSpaceOnUse")
        bars = tag("path", d="M0 3H6", class_="hatch-out")
        out = tag("pattern", bars, id=f"{self.figure_id}-o", width=6, height=6, patternUnits="userSpaceOnUse")
        return tag("defs", gaps, out)

    def _grid(self, scale: Scale, *, is_signed: bool) -> list[str]:
        found = []
        for value in scale.ticks():
            y, css = scale.at(value), "zero" if value == 0 else "grid"
            found.append(tag("line", x1=self.layout.left, x2=self.layout.width - self.layout.right, y1=y, y2=y, class_=css))
            text = number_text(self.messages.locale, value if is_signed else abs(value), scale.places_count)
            found.append(words(self.layout.left - 7, y + 4, text, class_="tick tick-y"))
        return found

    def _middle(self, index: int) -> tuple[float, float]:
        """Middle and width of a month's column."""
        wide = (self.layout.width - self.layout.left - self.layout.right) / max(len(self.points), 1)
        return self.layout.left + (index + 0.5) * wide, wide

    def _month(self, index: int) -> str:
        point = self.points[index]
        middle, wide = self._middle(index)
        inside = [tag("title", escape(_spoken(point, self.messages)))]
        if not point.is_whole and self.has_energy:
            inside += [self._gap(middle, wide, self.energy), self._gap(middle, wide, self.mass)]
        elif not point.is_measured:
            inside.append(self._gap(middle, wide, self.mass))
        inside += self._ring_bars(index) if self.by_ring else []
        if point.delivered_micro is not None:
            inside.append(self._bar(index, point.delivered_micro, "bar-energy"))
            if self.layout.has_values:
                value = self.units.energy(point.delivered_micro)
                y = self.energy.at(max(value, Fraction(0))) - 5
                inside.append(words(middle, y, three_digits(self.messages.locale, value), class_="value"))
        if point.exported_micro:
            inside.append(self._bar(index, -point.exported_micro, "bar-export", fill=f"url(#{self.figure_id}-o)"))
        if not point.is_measured:
            x, y = middle + 4, (self.energy if self.has_energy else self.mass).at_low - 8
            turned = f"rotate(-90 {x:.1f} {y:.1f})"
            inside.append(words(x, y, self.messages("figure.not_measured"), class_="absent", transform=turned))
        return tag("g", *inside, *self._names(index))

    def _gap(self, middle: float, wide: float, scale: Scale) -> str:
        high = scale.at_low - scale.at_high
        return tag(
            "rect", x=middle - wide / 2 + 1, y=scale.at_high, width=wide - 2, height=high, fill=f"url(#{self.figure_id}-h)"
        )

    def _bar(self, index: int, quantity_micro: int, css: str, **more: str) -> str:
        middle, wide = self._middle(index)
        bar_wide = min(wide * 0.66, 46)
        ends = sorted((self.energy.at(0), self.energy.at(self.units.energy(quantity_micro))))
        high = max(ends[1] - ends[0], 0.8)
        return tag("rect", x=middle - bar_wide / 2, y=ends[0], width=bar_wide, height=high, class_=css, **more)

    def _ring_bars(self, index: int) -> list[str]:
        """Emissions of a month by ring, one on the other; what is less than zero hangs below."""
        middle, wide = self._middle(index)
        bar_wide = min(wide * 0.66, 46)
        found, above, below = [], Fraction(0), Fraction(0)
        for name, amount in zip(RING_KEYS, self.points[index].rings_ug_co2e, strict=True):
            size = self.units.mass(amount or 0)
            if not size:
                continue
            begin = above if size > 0 else below
            above, below = (above + size, below) if size > 0 else (above, below + size)
            ends = sorted((self.mass.at(begin), self.mass.at(begin + size)))
            high = max(ends[1] - ends[0] - 1, 0.8)  # a line of the card's colour between two rings
            found.append(tag("rect", x=middle - bar_wide / 2, y=ends[0], width=bar_wide, height=high, class_=f"bar-{name}"))
        return found

    def _names(self, index: int) -> list[str]:
        middle, _ = self._middle(index)
        month = self.points[index].month
        name = month_short(self.messages, month)
        is_crowded = not self.layout.has_values and len(self.points) > _SHORT_NAMES_FIT_COUNT
        found = [words(middle, self.layout.mass_bottom + 17, name[:1] if is_crowded else name, class_="tick tick-x")]
        if index == 0 or month.number == 1:
            found.append(words(middle, self.layout.mass_bottom + 32, str(month.year), class_="tick tick-x tick-year"))
        return found

    def _lines(self) -> list[str]:
        gross = [point.gross_ug_co2e for point in self.points]
        avoided = [point.avoided_ug_co2e for point in self.points]
        found = [] if self.by_ring else self._line(gross, "mass", is_square=False)
        if any(avoided):
            found += self._line(avoided, "avoided", is_square=True)
        if self.layout.has_values:
            for index, value in enumerate(gross):
                if value is not None:
                    kilograms = self.units.mass(value)
                    top = sum((self.units.mass(a) for a in self.points[index].rings_ug_co2e if a and a > 0), Fraction(0))
                    x, y = self._middle(index)[0], self.mass.at(max(kilograms, top) if self.by_ring else kilograms) - 8
                    found.append(words(x, y, three_digits(self.messages.locale, kilograms), class_="value"))
        return found

    def _line(self, values_ug_co2e: Sequence[int | None], css: str, *, is_square: bool) -> list[str]:
        path, marks, is_new = "", [], True
        for index, value in enumerate(values_ug_co2e):
            if value is None:
                is_new = True
                continue
            x, y = self._middle(index)[0], self.mass.at(self.units.mass(value))
            path += f"{'M' if is_new else 'L'}{x:.1f} {y:.1f}"
            is_new = False
            if is_square:
                marks.append(tag("rect", x=x - 3, y=y - 3, width=6, height=6, class_=f"dot-{css}"))
            else:
                marks.append(tag("circle", cx=x, cy=y, r=3.5, class_=f"dot-{css}"))
        return [tag("path", d=path, class_=f"line-{css}"), *marks] if path else []


def _spoken(point: MonthPoint, messages: Messages) -> str:
    name = month_text(messages, point.month)
    if not point.is_measured:
        return messages("figure.months.point_absent", month=name)
    rings = [
        f"{messages(f'ring.{key}')} {mass_co2e(messages, amount)}"
        for key, amount in zip(RING_KEYS, point.rings_ug_co2e, strict=True)
        if amount is not None
    ]
    more = "; ".join(["", *rings])
    return f"{_spoken_energy(point, messages, name)}{more}"


def _spoken_energy(point: MonthPoint, messages: Messages, name: str) -> str:
    if point.delivered_micro is None:
        return name
    energy = str(quantity(messages, point.delivered_micro, "kWh"))
    if point.is_whole:
        return messages("figure.months.point", month=name, energy=energy)
    days, expected = point.days_measured_count, point.days_expected_count
    return messages("figure.months.point_part", month=name, energy=energy, days=days, expected=expected)
