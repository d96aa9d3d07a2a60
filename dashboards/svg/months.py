"""Two panels over one row of months: kWh as bars, emissions as a line. A month that is not measured is hatched, never zero."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from markupsafe import Markup

from dashboards.format import month_short, month_text, number_text, three_digits
from dashboards.messages import Messages
from dashboards.svg.marks import Scale, picture, scale_over, tag, words
from domain.period import Month

UG_PER_KG = 1_000_000_000


@dataclass(frozen=True, slots=True)
class MonthPoint:
    """One month of electricity.

    Attributes:
        month: Local month.
        delivered_micro: Electricity taken from the grid, millionths of a kWh; None where nothing was measured.
        exported_micro: Electricity given to the grid, millionths of a kWh; None where there is no export meter.
        gross_ug_co2e: Emissions of what was delivered, location based, micrograms; None where not measured or unscored.
        avoided_ug_co2e: Emissions avoided elsewhere by exports, micrograms; outside gross and net.
        days_measured_count: Local days with readings.
        days_expected_count: Days of the month that have passed.
    """

    month: Month
    delivered_micro: int | None
    exported_micro: int | None
    gross_ug_co2e: int | None
    avoided_ug_co2e: int | None
    days_measured_count: int
    days_expected_count: int

    @property
    def is_measured(self) -> bool:
        """Whether anything of this month was measured."""
        return self.delivered_micro is not None or self.exported_micro is not None

    @property
    def is_whole(self) -> bool:
        """Whether every day that has passed was measured."""
        return self.is_measured and self.days_measured_count >= self.days_expected_count


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

    def column(self, index: int, count: int) -> tuple[float, float]:
        """Left edge and width of a month's column."""
        wide = (self.width - self.left - self.right) / max(count, 1)
        return self.left + index * wide, wide


WIDE = _Layout(760, 52, 8, 34, 176, 226, 306, has_values=True)
NARROW = _Layout(340, 40, 4, 34, 156, 206, 276, has_values=False)


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
    layout = NARROW if is_narrow else WIDE
    energy, mass = _energy_scale(points, layout), _mass_scale(points, layout)
    body = [_hatch(figure_id)]
    body.append(words(0, 14, messages("figure.months.panel_energy"), class_="axis-title"))
    body.append(words(0, layout.mass_top - 18, messages("figure.months.panel_mass"), class_="axis-title"))
    body += _grid(energy, layout, messages) + _grid(mass, layout, messages)
    for index, point in enumerate(points):
        body += _month(figure_id, index, point, points, layout, energy, messages)
    body += _lines(points, layout, mass, messages)
    return picture(
        figure_id, layout.width, layout.mass_bottom + 36, messages("figure.months.title"), description, body, "months-pic"
    )


def _energy_scale(points: Sequence[MonthPoint], layout: _Layout) -> Scale:
    high = max((point.delivered_micro or 0 for point in points), default=0)
    low = -max((point.exported_micro or 0 for point in points), default=0)
    return scale_over(
        Fraction(low, 1_000_000),
        Fraction(high, 1_000_000),
        layout.energy_bottom,
        layout.energy_top,
        4 if layout.has_values else 3,
    )


def _mass_scale(points: Sequence[MonthPoint], layout: _Layout) -> Scale:
    values = [v for point in points for v in (point.gross_ug_co2e, point.avoided_ug_co2e) if v is not None]
    low, high = min(values, default=0), max(values, default=0)
    return scale_over(Fraction(low, UG_PER_KG), Fraction(high, UG_PER_KG), layout.mass_bottom, layout.mass_top, 2)


def _hatch(figure_id: str) -> str:
    stripe = tag("path", d="M-1 7L7 -1M3 11L11 3", class_="hatch-line")
    pattern = tag("pattern", stripe, id=f"{figure_id}-h", width=8, height=8, patternUnits="userSpaceOnUse")
    stripe_out = tag("path", d="M0 3H6", class_="hatch-out")
    out = tag("pattern", stripe_out, id=f"{figure_id}-o", width=6, height=6, patternUnits="userSpaceOnUse")
    return tag("defs", pattern, out)


def _grid(scale: Scale, layout: _Layout, messages: Messages) -> list[str]:
    found = []
    for value in scale.ticks():
        y = scale.at(value)
        found.append(
            tag("line", x1=layout.left, x2=layout.width - layout.right, y1=y, y2=y, class_="zero" if value == 0 else "grid")
        )
        text = number_text(messages.locale, abs(value), scale.places_count)
        found.append(words(layout.left - 7, y + 4, text, class_="tick tick-y"))
    return found


def _month(
    figure_id: str,
    index: int,
    point: MonthPoint,
    points: Sequence[MonthPoint],
    layout: _Layout,
    energy: Scale,
    messages: Messages,
) -> list[str]:
    x, wide = layout.column(index, len(points))
    middle, bar_wide = x + wide / 2, min(wide * 0.66, 46)
    top, bottom = energy.at_high, energy.at_low
    inside = [tag("title", _spoken(point, messages))]
    if not point.is_whole:
        for panel_top, panel_bottom in ((top, bottom), (layout.mass_top, layout.mass_bottom)):
            inside.append(
                tag("rect", x=x + 1, y=panel_top, width=wide - 2, height=panel_bottom - panel_top, fill=f"url(#{figure_id}-h)")
            )
    if point.delivered_micro is not None:
        y = energy.at(Fraction(point.delivered_micro, 1_000_000))
        inside.append(_bar(middle - bar_wide / 2, y, bar_wide, energy.at(0), "bar-energy"))
        if layout.has_values:
            text = three_digits(messages.locale, Fraction(point.delivered_micro, 1_000_000))
            inside.append(words(middle, y - 5, text, class_="value"))
    if point.exported_micro:
        y = energy.at(Fraction(-point.exported_micro, 1_000_000))
        inside.append(_bar(middle - bar_wide / 2, energy.at(0), bar_wide, y, "bar-export", fill=f"url(#{figure_id}-o)"))
    if not point.is_measured:
        turned = f"rotate(-90 {middle + 4:.1f} {bottom - 8:.1f})"
        inside.append(words(middle + 4, bottom - 8, messages("figure.not_measured"), class_="absent", transform=turned))
    inside += _month_labels(index, point, points, middle, layout, messages)
    return [tag("g", *inside)]


def _bar(x: float, top: float, wide: float, bottom: float, css: str, **more: str) -> str:
    return tag("rect", x=x, y=top, width=wide, height=max(bottom - top, 0.8), class_=css, **more)


def _month_labels(
    index: int, point: MonthPoint, points: Sequence[MonthPoint], middle: float, layout: _Layout, messages: Messages
) -> list[str]:
    name = month_short(messages, point.month)
    crowded = not layout.has_values and len(points) > 8  # noqa: PLR2004 - short names fit up to here
    found = [words(middle, layout.mass_bottom + 17, name[:1] if crowded else name, class_="tick tick-x")]
    if index == 0 or point.month.number == 1:
        found.append(words(middle, layout.mass_bottom + 32, str(point.month.year), class_="tick tick-x tick-year"))
    return found


def _lines(points: Sequence[MonthPoint], layout: _Layout, mass: Scale, messages: Messages) -> list[str]:
    gross = [(i, p.gross_ug_co2e) for i, p in enumerate(points)]
    avoided = [(i, p.avoided_ug_co2e) for i, p in enumerate(points)]
    found = _line(gross, len(points), layout, mass, "mass", is_square=False)
    if any(value for _, value in avoided):
        found += _line(avoided, len(points), layout, mass, "avoided", is_square=True)
    if layout.has_values:
        for index, value in gross:
            if value is not None:
                x, wide = layout.column(index, len(points))
                text = three_digits(messages.locale, Fraction(value, UG_PER_KG))
                found.append(words(x + wide / 2, mass.at(Fraction(value, UG_PER_KG)) - 8, text, class_="value"))
    return found


def _line(
    values: Sequence[tuple[int, int | None]], count: int, layout: _Layout, mass: Scale, css: str, *, is_square: bool
) -> list[str]:
    path, marks, is_new = "", [], True
    for index, value in values:
        if value is None:
            is_new = True
            continue
        x0, wide = layout.column(index, count)
        x, y = x0 + wide / 2, mass.at(Fraction(value, UG_PER_KG))
        path += f"{'M' if is_new else 'L'}{x:.1f} {y:.1f}"
        is_new = False
        if is_square:
            marks.append(tag("rect", x=x - 3, y=y - 3, width=6, height=6, class_=f"dot-{css}"))
        else:
            marks.append(tag("circle", cx=x, cy=y, r=3.5, class_=f"dot-{css}"))
    return [tag("path", d=path, class_=f"line-{css}"), *marks] if path else []


def _spoken(point: MonthPoint, messages: Messages) -> str:
    name = month_text(messages, point.month)
    if point.delivered_micro is None:
        return messages("figure.months.point_absent", month=name)
    energy = three_digits(messages.locale, Fraction(point.delivered_micro, 1_000_000))
    if point.is_whole:
        return messages("figure.months.point", month=name, kwh=energy)
    return messages(
        "figure.months.point_part",
        month=name,
        kwh=energy,
        days=point.days_measured_count,
        expected=point.days_expected_count,
    )
