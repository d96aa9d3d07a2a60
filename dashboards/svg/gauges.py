"""Dial, ring, pace bar and spark line."""

import math
from collections.abc import Sequence

from markupsafe import Markup

from dashboards.svg.marks import picture, tag, words

_DIAL_WIDTH, _DIAL_HEIGHT = 260, 158
_CENTRE_X, _CENTRE_Y, _RADIUS = 130.0, 132.0, 104.0


def dial(figure_id: str, *, points: int | None, low_points: int, high_points: int, title: str, description: str) -> Markup:
    """The score as a half circle from 0 to 100, with its band.

    Args:
        figure_id: Unique on the page.
        points: Score, 0 to 100; None where there is none yet.
        low_points: Lower end of the band.
        high_points: Upper end of the band.
        title: Spoken name.
        description: Spoken description.

    Returns:
        The picture.
    """
    body = [tag("path", d=_arc(0, 100, _RADIUS), class_="dial-track")]
    body += [_dial_tick(at) for at in range(0, 101, 10)]
    if points is not None:
        body.append(tag("path", d=_arc(low_points, high_points, _RADIUS), class_="dial-band"))
        body.append(tag("path", d=_arc(0, max(points, 1), _RADIUS), class_="dial-value"))
        x, y = _on_dial(points, _RADIUS)
        body.append(tag("circle", cx=x, cy=y, r=9, class_="dial-knob"))
    body.append(words(_CENTRE_X, _CENTRE_Y - 22, "–" if points is None else str(points), class_="dial-number"))
    body.append(words(_CENTRE_X - _RADIUS, _CENTRE_Y + 20, "0", class_="dial-end"))
    body.append(words(_CENTRE_X + _RADIUS, _CENTRE_Y + 20, "100", class_="dial-end"))
    return picture(figure_id, _DIAL_WIDTH, _DIAL_HEIGHT, title, description, body, css="dial")


def _on_dial(points: float, radius: float) -> tuple[float, float]:
    angle = math.pi * (1 - points / 100)
    return _CENTRE_X + radius * math.cos(angle), _CENTRE_Y - radius * math.sin(angle)


def _arc(low_points: float, high_points: float, radius: float) -> str:
    (x0, y0), (x1, y1) = _on_dial(low_points, radius), _on_dial(high_points, radius)
    return f"M{x0:.1f} {y0:.1f}A{radius:.0f} {radius:.0f} 0 0 1 {x1:.1f} {y1:.1f}"


def _dial_tick(points: int) -> str:
    (x0, y0), (x1, y1) = _on_dial(points, _RADIUS - 15), _on_dial(points, _RADIUS - 19)
    return tag("line", x1=x0, y1=y0, x2=x1, y2=y1, class_="dial-tick")


def ring(figure_id: str, *, share_pct: int | None, centre: str, title: str, description: str, css: str = "home") -> Markup:
    """A ring that fills clockwise.

    Args:
        figure_id: Unique on the page.
        share_pct: Part that is used, per cent; over 100 fills it and adds a mark; None draws it dashed: not measured.
        centre: Text in the middle.
        title: Spoken name.
        description: Spoken description.
        css: Which ring, for its colour.

    Returns:
        The picture.
    """
    if share_pct is None:
        body = [tag("circle", cx=48, cy=48, r=38, class_="ring-none")]
    else:
        filled = min(max(share_pct, 0), 100)
        body = [tag("circle", cx=48, cy=48, r=38, class_="ring-track")]
        if filled:
            body.append(_ring_part(filled, "ring-value"))
        if share_pct > 100:  # noqa: PLR2004 - per cent
            body.append(_ring_part(min(share_pct - 100, 100), "ring-over"))
    body.append(words(48, 54, centre, class_="ring-centre"))
    return picture(figure_id, 96, 96, title, description, body, css=f"ring ring-of-{css}")


def _ring_part(share_pct: int, css: str) -> str:
    return tag(
        *("circle",),
        cx=48,
        cy=48,
        r=38,
        pathLength=100,
        stroke_dasharray=f"{share_pct} 100",
        transform="rotate(-90 48 48)",
        class_=css,
    )


def pace_bar(figure_id: str, *, used_pct: int, today_pct: int, title: str, description: str) -> Markup:
    """A bar of what is used, with a mark where an even pace would be today.

    Args:
        figure_id: Unique on the page.
        used_pct: Part of the reference that is used, per cent.
        today_pct: Part of the month that has passed, per cent.
        title: Spoken name.
        description: Spoken description.

    Returns:
        The picture; over 100 % the bar is full and hatched at its end.
    """
    filled = min(max(used_pct, 0), 100)
    at = 4 + 312 * min(today_pct, 100) / 100
    body = [
        tag("rect", x=0, y=8, width=320, height=12, rx=6, class_="pace-track"),
        tag("rect", x=0, y=8, width=max(320 * filled / 100, 6), height=12, rx=6, class_="pace-value"),
        tag("path", d=f"M{at:.1f} 2v24", class_="pace-mark"),
    ]
    return picture(figure_id, 320, 28, title, description, body, css="pace")


def spark(values: Sequence[int | None]) -> Markup:
    """A small line without words, hidden from screen readers: the figure beside it says the same.

    Args:
        values: One per month, any unit; None breaks the line.

    Returns:
        The picture; empty where fewer than two values are there.
    """
    known = [value for value in values if value is not None]
    if len(known) < 2:  # noqa: PLR2004 - a line has two ends
        return Markup("")
    low, high = min(0, *known), max(0, *known)
    span = (high - low) or 1
    step = 116 / max(len(values) - 1, 1)
    runs: list[list[str]] = [[]]
    dot = ""
    for index, value in enumerate(values):
        if value is None:
            runs.append([])
            continue
        x, y = 2 + index * step, 26 - 24 * (value - low) / span
        runs[-1].append(f"{x:.1f} {y:.1f}")
        dot = tag("circle", cx=x, cy=y, r=2.5, class_="spark-dot")
    path = "".join(f"M{'L'.join(run)}" for run in runs if run)
    return Markup(  # noqa: S704 - numbers only
        tag("svg", tag("path", d=path, class_="spark-line"), dot, class_="spark", viewBox="0 0 120 28", aria_hidden="true")
    )
