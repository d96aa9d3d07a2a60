"""Elements of SVG as text, and scales that end on round numbers."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from html import escape

from markupsafe import Markup


def tag(name: str, *inside: str, **attributes: str | float) -> str:
    """One element.

    Args:
        name: Element name.
        *inside: Content that is SVG already.
        **attributes: `class_` for class; underscores become hyphens; camelCase stays; numbers get at most one decimal.

    Returns:
        The element as text, its attribute values escaped.
    """
    written = "".join(f' {_name(key)}="{escape(_value(value), quote=True)}"' for key, value in attributes.items() if value != "")
    content = "".join(inside)
    return f"<{name}{written}>{content}</{name}>" if content or name in {"text", "title", "desc"} else f"<{name}{written}/>"


def words(x: float, y: float, text: str, **attributes: str | float) -> str:
    """A text at a place."""
    return tag("text", escape(text), x=x, y=y, **attributes)


def picture(  # noqa: PLR0917 - what every picture has, in one order
    figure_id: str, width: float, height: float, title: str, description: str, body: Iterable[str], *, css: str
) -> Markup:
    """A whole picture with the name and description that a screen reader speaks.

    Args:
        figure_id: Unique on the page.
        width: Of its own coordinates.
        height: Of its own coordinates.
        title: Short name.
        description: What is to be seen, in words.
        body: Elements.
        css: Further classes.

    Returns:
        The `svg` element.
    """
    return Markup(  # noqa: S704 - every value went through escape() in tag()
        tag(
            "svg",
            tag("title", escape(title), id=f"{figure_id}-t"),
            tag("desc", escape(description), id=f"{figure_id}-d"),
            *body,
            class_=f"pic {css}".strip(),
            viewBox=f"0 0 {_value(width)} {_value(height)}",
            role="img",
            aria_labelledby=f"{figure_id}-t {figure_id}-d",
        )
    )


def _name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return value
    text = f"{value:.1f}"
    return text.removesuffix(".0")


@dataclass(frozen=True, slots=True)
class Scale:
    """A straight scale from values to pixels.

    Attributes:
        low: Value at `at_low`.
        high: Value at `at_high`; above `low`.
        at_low: Pixel of the low value.
        at_high: Pixel of the high value.
        step: Distance of its ticks.
    """

    low: Fraction
    high: Fraction
    at_low: float
    at_high: float
    step: Fraction

    def at(self, value: Fraction | int) -> float:
        """The pixel of a value."""
        share = (Fraction(value) - self.low) / (self.high - self.low)
        return self.at_low + float(share) * (self.at_high - self.at_low)

    def ticks(self) -> list[Fraction]:
        """The round values on it, from low to high."""
        count = int((self.high - self.low) / self.step)
        return [self.low + self.step * index for index in range(count + 1)]

    @property
    def places_count(self) -> int:
        """Decimal places that its ticks need."""
        places = 0
        step = self.step
        while step.denominator != 1 and places < 6:  # noqa: PLR2004 - micro is the finest we keep
            step, places = step * 10, places + 1
        return places


def scale_over(low: Fraction, high: Fraction, at_low: float, at_high: float, *, ticks_count: int) -> Scale:
    """A scale that holds both values and zero, with steps of 1, 2, 2.5 or 5 times a power of ten.

    Args:
        low: Smallest value.
        high: Largest value.
        at_low: Pixel of the low end.
        at_high: Pixel of the high end.
        ticks_count: How many steps about.

    Returns:
        The scale; from 0 to 1 where both values are zero.
    """
    low, high = min(low, Fraction(0)), max(high, Fraction(0))
    if low == high:
        high = Fraction(1)
    step = _round_step((high - low) / ticks_count)
    first = -(-low // step) if low % step == 0 else low // step
    last = -(-high // step)
    return Scale(Fraction(first) * step, Fraction(last) * step, at_low, at_high, step)


def _round_step(rough: Fraction) -> Fraction:
    power = Fraction(1)
    while power * 10 <= rough:
        power *= 10
    while power > rough:
        power /= 10
    return next((power * m for m in (Fraction(1), Fraction(2), Fraction(5, 2), Fraction(5)) if power * m >= rough), power * 10)
