"""Figures: one value with everything that a figure needs, from caption and light picture to table, CSV and Plotly drawing.

Plotly itself is never imported (its import takes most of a second): a figure is the JSON that plotly.js reads, and plotly.js is
served to the browser from the installed package. Colours are written as `var(--name)`; `hydrate.js` puts the page's own values in
place, so that light and dark agree with the picture that was there before.
"""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from fractions import Fraction
from functools import cached_property
from importlib import metadata, util
from pathlib import Path
from typing import TypeAlias

from markupsafe import Markup

from dashboards.format import (
    energy_unit,
    kilograms_co2e,
    mass_co2e,
    mass_unit,
    month_short,
    month_text,
    number_text,
    quantity,
    three_digits,
)
from dashboards.messages import Messages
from dashboards.svg.heat import HOURS_COUNT, HourGrid, heat_picture
from dashboards.svg.months import RING_KEYS, MonthPoint, has_energy, has_rings, months_picture, units_of
from domain.errors import NotFoundError
from domain.number import fraction_to_text

UG_PER_KG = 1_000_000_000

Drawn: TypeAlias = "bool | int | float | str | Sequence[Drawn] | Mapping[str, Drawn] | None"
"""What plotly.js reads. Floats are for drawing only; the table and the CSV come from the integers."""


@dataclass(frozen=True, slots=True)
class Table:
    """The data of a figure as a person reads them.

    Attributes:
        header: Names of the columns, units in them.
        rows: One tuple for each row, as long as the header; the first cell names the row.
    """

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Legend:
    """One entry of a legend: a mark with its own shape and its name.

    Attributes:
        mark: CSS class of the mark.
        label: Its name.
    """

    mark: str
    label: str


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes:
        figure_id: Unique on the page; name of its CSV and JSON.
        title: Its heading.
        caption: What it shows and how to read it.
        wide: Light picture for wide screens.
        narrow: Light picture for telephones.
        legend: Marks and their names; empty where the picture has its own.
        table: The data.
        write_csv: Gives the CSV; a year of hours is written only when somebody asks for it.
        write_plotly: Gives the drawing.
        is_heavy: Whether the drawing is too large to stand inside the page and is fetched when wanted.
    """

    figure_id: str
    title: str
    caption: str
    wide: Markup
    narrow: Markup
    legend: tuple[Legend, ...]
    table: Table
    write_csv: Callable[[], str]
    write_plotly: Callable[[], str]
    is_heavy: bool = False

    @cached_property
    def csv(self) -> str:
        """The data as CSV text (RFC 4180), exact values."""
        return self.write_csv()

    @cached_property
    def plotly_json(self) -> str:
        """What plotly.js draws: {"data", "layout"}."""
        return self.write_plotly()

    @property
    def plotly_block(self) -> Markup:
        """The drawing for a `<script type="application/json">` block: no `<` that could end it."""
        return Markup(self.plotly_json.replace("<", "\\u003c"))  # noqa: S704 - JSON without "<" cannot leave its block


PLOTLY_STYLE_HASH = "sha256-ji27qzEtxXZW+7dun6UwjHXJ18e6WAin1VvNtkzIE/o="
"""Hash of the one style element that plotly.js 4.1.1 (Python package 7.1.0) adds as it loads: its map library's, unused here."""

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; "
    f"style-src 'self' '{PLOTLY_STYLE_HASH}'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
"""The policy that every page here works under, with and without Plotly (a browser test holds both to it)."""


@dataclass(frozen=True, slots=True)
class PlotlyAsset:
    """The plotly.js that comes with the installed Python package.

    Attributes:
        path: The file.
        version: Version of the Python package, for the address.
    """

    path: Path
    version: str


def plotly_js_path() -> PlotlyAsset:
    """Where plotly.min.js lies, without importing plotly.

    Returns:
        File and version.

    Raises:
        NotFoundError: The package is not installed, or has no such file.
    """
    found = util.find_spec("plotly")
    folders = list(found.submodule_search_locations or ()) if found else []
    for folder in folders:
        path = Path(folder) / "package_data" / "plotly.min.js"
        if path.is_file():
            return PlotlyAsset(path, metadata.version("plotly"))
    raise NotFoundError(
        expected="plotly.min.js in the installed package plotly",
        got=", ".join(folders) or "no package",
        next_step="Install the product's dependencies again: pip install -e .",
    )


def months_figure(points: Sequence[MonthPoint], messages: Messages, *, figure_id: str = "months") -> Figure:
    """Electricity and emissions by month.

    Args:
        points: Months in order.
        messages: Language.
        figure_id: Unique on the page.

    Returns:
        The figure.
    """
    description = _months_description(points, messages)
    is_metered = has_energy(points)
    has_exports = any(point.exported_micro for point in points)
    return Figure(
        figure_id=figure_id,
        title=messages("figure.months.title" if is_metered else "figure.months.title_mass"),
        caption=_months_caption(points, messages, has_exports=has_exports),
        wide=months_picture(f"{figure_id}-w", points, messages, is_narrow=False, description=description),
        narrow=months_picture(f"{figure_id}-n", points, messages, is_narrow=True, description=description),
        legend=_months_legend(points, messages, has_exports=has_exports),
        table=_months_table(points, messages),
        write_csv=lambda: _months_csv(points),
        write_plotly=lambda: _dump(_months_plotly(points, messages, has_exports=has_exports)),
    )


def heat_figure(grid: HourGrid, messages: Messages, *, figure_id: str = "hours") -> Figure:
    """Electricity by hour and day.

    Args:
        grid: The values.
        messages: Language.
        figure_id: Unique on the page.

    Returns:
        The figure.
    """
    description = _heat_description(grid, messages)
    return Figure(
        figure_id=figure_id,
        title=messages("figure.heat.title"),
        caption=f"{messages('figure.heat.caption')} {description}",
        wide=heat_picture(f"{figure_id}-w", grid, messages, is_narrow=False, description=description),
        narrow=heat_picture(f"{figure_id}-n", grid, messages, is_narrow=True, description=description),
        legend=_heat_legend(grid, messages),
        table=_heat_table(grid, messages),
        write_csv=lambda: _heat_csv(grid),
        write_plotly=lambda: _dump(_heat_plotly(grid, messages)),
        is_heavy=True,
    )


def _dump(value: Drawn) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _written(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _kwh(quantity_micro: int | None) -> str:
    return "" if quantity_micro is None else fraction_to_text(Fraction(quantity_micro, 1_000_000))


def _kg(amount_ug_co2e: int | None) -> str:
    return "" if amount_ug_co2e is None else fraction_to_text(Fraction(amount_ug_co2e, UG_PER_KG))


def _months_caption(points: Sequence[MonthPoint], messages: Messages, *, has_exports: bool) -> str:
    if not has_energy(points):
        return messages("figure.months.caption_mass")
    by_ring = has_rings(points)
    found = messages("figure.months.caption_rings" if by_ring else "figure.months.caption")
    return f"{found} {messages('figure.months.caption_exports')}" if has_exports else found


def _months_description(points: Sequence[MonthPoint], messages: Messages) -> str:
    """Highest and lowest month in words, and what each ring comes to."""
    found = _described_energy(points, messages) if has_energy(points) else ""
    if not has_rings(points):
        return found
    sums = [sum(point.rings_ug_co2e[at] or 0 for point in points) for at in range(len(RING_KEYS))]
    amounts = dict(zip(RING_KEYS, (str(mass_co2e(messages, amount)) for amount in sums), strict=True))
    return f"{found} {messages('figure.months.described_rings', **amounts)}".strip()


def _described_energy(points: Sequence[MonthPoint], messages: Messages) -> str:
    known = [point for point in points if point.delivered_micro is not None]
    if not known:
        return messages("figure.months.described_none")
    top = max(known, key=lambda point: point.delivered_micro or 0)
    low = min(known, key=lambda point: point.delivered_micro or 0)
    return messages(
        "figure.months.described",
        count=len(known),
        high_month=month_text(messages, top.month),
        high=str(quantity(messages, top.delivered_micro or 0, "kWh")),
        low_month=month_text(messages, low.month),
        low=str(quantity(messages, low.delivered_micro or 0, "kWh")),
    )


def _months_legend(points: Sequence[MonthPoint], messages: Messages, *, has_exports: bool) -> tuple[Legend, ...]:
    found = [Legend("key-energy", messages("figure.months.delivered"))] if has_energy(points) else []
    if has_rings(points):
        found += [Legend(f"key-{name}", messages("figure.months.ring", ring=messages(f"ring.{name}"))) for name in RING_KEYS]
    else:
        found.append(Legend("key-mass", messages("figure.months.gross")))
    if has_exports:
        found += [
            Legend("key-export", messages("figure.months.exported")),
            Legend("key-avoided", messages("figure.months.avoided")),
        ]
    if any(not point.is_whole if has_energy(points) else not point.is_measured for point in points):
        found.append(Legend("key-hatch", messages("figure.months.gaps")))
    return tuple(found)


def _months_table(points: Sequence[MonthPoint], messages: Messages) -> Table:
    """What is drawn, month by month; columns of electricity only where there is any."""
    absent = messages("figure.not_measured")
    columns = ["month", *(["delivered", "exported"] if has_energy(points) else [])]
    columns += [*(RING_KEYS if has_rings(points) else ()), "gross", *(["avoided", "days"] if has_energy(points) else [])]
    rows = []
    for point in points:
        energies = {"delivered": point.delivered_micro, "exported": point.exported_micro}
        masses = dict(zip(RING_KEYS, point.rings_ug_co2e, strict=True))
        masses |= {"gross": point.gross_ug_co2e, "avoided": point.avoided_ug_co2e}
        cells = {
            "month": month_text(messages, point.month),
            "days": messages("figure.months.days_of", days=point.days_measured_count, expected=point.days_expected_count),
        }
        for name, micro in energies.items():
            cells[name] = absent if micro is None else three_digits(messages.locale, Fraction(micro, 1_000_000))
        for name, ug in masses.items():
            cells[name] = absent if ug is None else kilograms_co2e(messages, ug).number
        rows.append(tuple(cells[name] for name in columns))
    return Table(tuple(messages(f"figure.months.column_{name}") for name in columns), tuple(rows))


def _months_csv(points: Sequence[MonthPoint]) -> str:
    header = [
        "month",
        "delivered_kwh",
        "exported_kwh",
        "gross_location_kg_co2e",
        "avoided_kg_co2e",
        "home_kg_co2e",
        "travel_kg_co2e",
        "food_and_things_kg_co2e",
        "days_measured",
        "days_expected",
    ]
    rows = [
        [
            point.month.to_text(),
            _kwh(point.delivered_micro),
            _kwh(point.exported_micro),
            _kg(point.gross_ug_co2e),
            _kg(point.avoided_ug_co2e),
            *(_kg(amount) for amount in point.rings_ug_co2e),
            str(point.days_measured_count),
            str(point.days_expected_count),
        ]
        for point in points
    ]
    return _written([header, *rows])


def _drawn(value: int | None, per: int) -> Drawn:
    """A value for drawing only, to three decimals."""
    return None if value is None else round(value / per, 3)


def _axis(title: str, **more: Drawn) -> dict[str, Drawn]:
    return {
        "title": {"text": title, "font": {"size": 12}},
        "gridcolor": "var(--line)",
        "zerolinecolor": "var(--line-strong)",
        "linecolor": "var(--line-strong)",
        "automargin": True,
        "fixedrange": False,
        **more,
    }


def _layout(**more: Drawn) -> dict[str, Drawn]:
    return {
        "paper_bgcolor": "var(--card)",
        "plot_bgcolor": "var(--card)",
        "font": {"color": "var(--ink)", "family": "system-ui, sans-serif", "size": 12},
        "margin": {"l": 52, "r": 8, "t": 12, "b": 36},
        "hoverlabel": {"bgcolor": "var(--ink)", "font": {"color": "var(--card)"}, "bordercolor": "var(--ink)"},
        "showlegend": False,
        **more,
    }


def _months_plotly(points: Sequence[MonthPoint], messages: Messages, *, has_exports: bool) -> Drawn:
    names: list[Drawn] = [f"{month_short(messages, point.month)} {point.month.year}" for point in points]
    bars: dict[str, Drawn] = {
        "type": "bar",
        "name": messages("figure.months.delivered"),
        "x": names,
        "y": _energies([point.delivered_micro for point in points], points),
        "marker": {"color": "var(--data-energy)"},
        "hovertemplate": f"%{{x}}: %{{y}} {energy_unit(units_of(points).energy_power)}<extra></extra>",
    }
    line: dict[str, Drawn] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": messages("figure.months.gross"),
        "x": names,
        "y": _masses([point.gross_ug_co2e for point in points], points),
        "yaxis": "y2",
        "connectgaps": False,
        "line": {"color": "var(--data-mass)", "width": 2},
        "hovertemplate": f"%{{x}}: %{{y}} {mass_unit(units_of(points).mass_power)} CO2e<extra></extra>",
    }
    by_ring = [_ring_trace(at, points, names, messages) for at in range(len(RING_KEYS))] if has_rings(points) else [line]
    data: list[Drawn] = [*([bars] if has_energy(points) else []), *by_ring]
    axis = "y" if has_energy(points) else "y2"
    unmeasured = [name for name, point in zip(names, points, strict=True) if not point.is_measured]
    absent: list[Drawn] = [_absent_note(name, messages, axis=axis) for name in unmeasured]
    if has_exports:
        data += _export_traces(points, names, messages)
    layout = _layout(
        barmode="relative",
        annotations=absent,
        xaxis=_axis("", type="category", anchor="y2", showgrid=False),
        yaxis2=_axis(units_of(points).mass_title(messages), domain=[0, 0.34 if has_energy(points) else 1], rangemode="tozero"),
        **({"yaxis": _axis(units_of(points).energy_title(messages), domain=[0.44, 1])} if has_energy(points) else {}),
    )
    return {"data": data, "layout": layout}


def _ring_trace(at: int, points: Sequence[MonthPoint], names: list[Drawn], messages: Messages) -> dict[str, Drawn]:
    """Emissions of one ring as bars that stand on each other."""
    return {
        "type": "bar",
        "name": messages(f"ring.{RING_KEYS[at]}"),
        "x": names,
        "y": _masses([point.rings_ug_co2e[at] for point in points], points),
        "yaxis": "y2",
        "marker": {"color": f"var(--ring-{RING_KEYS[at]})"},
        "hovertemplate": f"%{{x}}, %{{fullData.name}}: %{{y}} {mass_unit(units_of(points).mass_power)} CO2e<extra></extra>",
    }


def _energies(values_micro: Sequence[int | None], points: Sequence[MonthPoint]) -> list[Drawn]:
    units = units_of(points)
    return [None if value is None else round(float(units.energy(value)), 3) for value in values_micro]


def _masses(values_ug_co2e: Sequence[int | None], points: Sequence[MonthPoint]) -> list[Drawn]:
    units = units_of(points)
    return [None if value is None else round(float(units.mass(value)), 3) for value in values_ug_co2e]


def _absent_note(name: Drawn, messages: Messages, *, axis: str) -> Drawn:
    """The words that stand where a month's bar would be."""
    text = messages("figure.not_measured")
    return {"x": name, "y": 0, "yref": axis, "yanchor": "bottom", "text": text, "textangle": -90, "showarrow": False}


def _export_traces(points: Sequence[MonthPoint], names: list[Drawn], messages: Messages) -> list[Drawn]:
    exported: dict[str, Drawn] = {
        "type": "bar",
        "name": messages("figure.months.exported"),
        "x": names,
        "y": _energies([None if p.exported_micro is None else -p.exported_micro for p in points], points),
        "marker": {  # stripes as in the light picture; plotly draws only their fgcolor and bgcolor, not the marker's colour
            "color": "var(--data-export)",
            "line": {"color": "var(--data-export)", "width": 1.5},
            "pattern": {"shape": "-", "fgcolor": "var(--data-export)", "bgcolor": "var(--card)", "size": 6, "solidity": 0.5},
        },
        "hovertemplate": f"%{{x}}: %{{y}} {energy_unit(units_of(points).energy_power)}<extra></extra>",
    }
    avoided: dict[str, Drawn] = {
        "type": "scatter",
        "mode": "lines+markers",
        "name": messages("figure.months.avoided"),
        "x": names,
        "y": _masses([p.avoided_ug_co2e for p in points], points),
        "yaxis": "y2",
        "line": {"color": "var(--data-export)", "width": 2, "dash": "dot"},
        "marker": {"symbol": "square"},
        "hovertemplate": f"%{{x}}: %{{y}} {mass_unit(units_of(points).mass_power)} CO2e<extra></extra>",
    }
    return [exported, avoided]


def _heat_description(grid: HourGrid, messages: Messages) -> str:
    sums = _hour_means(grid.days)
    known = [(mean, hour) for hour, mean in enumerate(sums) if mean is not None]
    if not known:
        return messages("figure.heat.described_none")
    top, low = max(known), min(known)
    return messages(
        "figure.heat.described",
        high_hour=f"{top[1]:02d}:00",
        high=number_text(messages.locale, Fraction(top[0], 1_000_000), 2),
        low_hour=f"{low[1]:02d}:00",
        low=number_text(messages.locale, Fraction(low[0], 1_000_000), 2),
    )


def _heat_legend(grid: HourGrid, messages: Messages) -> tuple[Legend, ...]:
    top = three_digits(messages.locale, Fraction(grid.top_micro(), 1_000_000))
    found = [Legend("key-heat", messages("figure.heat.legend", kwh=top))]
    if any(value is None for day in grid.days for value in day):
        found.append(Legend("key-hatch", messages("figure.not_measured")))
    return tuple(found)


def _hour_means(days: Sequence[Sequence[int | None]]) -> list[int | None]:
    """Mean of each hour over days, millionths of a kWh; None where never measured."""
    found: list[int | None] = []
    for hour in range(HOURS_COUNT):
        values = [value for day in days if (value := day[hour]) is not None]
        found.append(round(Fraction(sum(values), len(values))) if values else None)
    return found


def _heat_table(grid: HourGrid, messages: Messages) -> Table:
    starts = grid.month_starts()
    ends = [row for row, _ in starts[1:]] + [len(grid.days)]
    means = [_hour_means(grid.days[row:end]) for (row, _), end in zip(starts, ends, strict=True)]
    names = [f"{month_short(messages, month)} {month.year % 100:02d}" for _, month in starts]
    rows = []
    for hour in range(HOURS_COUNT):
        cells = ["–" if m[hour] is None else number_text(messages.locale, Fraction(m[hour] or 0, 1_000_000), 2) for m in means]
        rows.append((f"{hour:02d}:00", *cells))
    return Table((messages("figure.heat.column_hour"), *names), tuple(rows))


def _heat_csv(grid: HourGrid) -> str:
    rows = [["date", "hour", "electricity_kwh"]]
    for index, day in enumerate(grid.days):
        date_text = (grid.first_date + timedelta(days=index)).isoformat()
        rows += [[date_text, str(hour), _kwh(value)] for hour, value in enumerate(day)]
    return _written(rows)


def _heat_plotly(grid: HourGrid, messages: Messages) -> Drawn:
    dates: list[Drawn] = [(grid.first_date + timedelta(days=index)).isoformat() for index in range(len(grid.days))]
    heat: dict[str, Drawn] = {
        "type": "heatmap",
        "x": dates,
        "y": [f"{hour:02d}:00" for hour in range(HOURS_COUNT)],
        "z": [[_drawn(day[hour], 1_000_000) for day in grid.days] for hour in range(HOURS_COUNT)],
        "zmin": 0,
        "zmax": _drawn(grid.top_micro(), 1_000_000),
        "hoverongaps": False,
        "colorscale": [[0, "var(--heat-0)"], [1, "var(--data-energy)"]],
        "showscale": False,  # the colour bar sets style attributes, which the policy forbids; the legend stands above
        "ygap": 1,  # without a gap the cells become one picture with a style attribute
        "hovertemplate": "%{x}, %{y}: %{z} kWh<extra></extra>",
    }
    layout = _layout(xaxis=_axis("", showgrid=False), yaxis=_axis(messages("figure.heat.column_hour"), autorange="reversed"))
    return {"data": [heat], "layout": layout}
