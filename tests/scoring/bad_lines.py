"""Bad lines for every kind of activity, made from the documented example of each: what is wrong, the line, the error's code."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from app.cli.document_kinds import EXAMPLES
from domain.kinds import KINDS, Attribute, Kind
from domain.units import UNITS, Dimension
from scoring.rules import RULES

OTHER_DIMENSION = {Dimension.ENERGY: "kg", Dimension.MASS: "km"}
"""A unit of another dimension; of most, kilowatt-hours."""

PLACED = [name for name in RULES if "region" in EXAMPLES[name]]
"""Kinds whose example says where it happened."""


class BadLine(NamedTuple):
    """One line that must be refused.

    Attributes:
        what: What is wrong with it.
        kind: Its kind.
        request: The line.
        code: Code of the error.
        expected: What the error must list or name.
    """

    what: str
    kind: str
    request: Mapping[str, Any]
    code: str
    expected: str


def good(kind: str, **changes: object) -> dict[str, Any]:
    """The example of a kind, with changes; None takes a field out."""
    fields = {"kind": kind, **EXAMPLES[kind], **changes}
    return {name: value for name, value in fields.items() if value is not None}


def bad_lines() -> Iterator[BadLine]:
    """Every mistake for every kind that it is one for."""
    for name in RULES:
        kind = KINDS[name]
        yield from _bad_numbers(kind)
        yield from _bad_units(kind)
        yield from _bad_days(kind)
        yield from _bad_attributes(kind)
        if name in PLACED:
            for region in ("Atlantis", "ZZ", "00000", "US/state/ZZ"):
                yield BadLine(f"region {region}", name, good(name, region=region), "place", "")
    yield from _bad_flights()
    yield from _bad_purchases()


def _bad_numbers(kind: Kind) -> Iterator[BadLine]:
    texts = ("NaN", "-NaN", "Infinity", "-inf", "", "ten", "1,5", "1 000", "0x10", "1e30", "1" + "0" * 30, "9" * 31)
    for text in texts:
        yield BadLine(f"quantity {text}", kind.name, good(kind.name, quantity=text), "number", "")
    others: tuple[object, ...] = (None, True, [], {}, [1])
    for value in others:
        yield BadLine(f"quantity {value}", kind.name, {**good(kind.name), "quantity": value}, "input", "a number")
    if not kind.allows_negative:
        yield BadLine("below zero", kind.name, good(kind.name, quantity="-1"), "input", "")
    yield (
        BadLine("beyond 64 bits", kind.name, good(kind.name, quantity="9.3e12"), "number", "9.2e12")
        if (UNITS[EXAMPLES[kind.name]["unit"]].canonical_per_unit == 1)
        else BadLine("beyond 64 bits", kind.name, good(kind.name, quantity="9.3e28"), "number", "")
    )


def _bad_units(kind: Kind) -> Iterator[BadLine]:
    for unit in ("furlong", "kwh", "KG", "", "MtCO2e", "gallon", "ton", "dollars"):
        yield BadLine(f"unit {unit}", kind.name, good(kind.name, unit=unit), "unknown-unit", "")
    other = OTHER_DIMENSION.get(kind.dimensions[-1], "kWh") if len(kind.dimensions) == 1 else "kW"
    yield BadLine("another dimension", kind.name, good(kind.name, unit=other), "dimension", kind.unit_symbols()[0])


def _bad_days(kind: Kind) -> Iterator[BadLine]:
    yield BadLine("year 1850", kind.name, good(kind.name, start="1850-03-01", end="1850-04-01"), "time", "from 1990")
    yield BadLine("the future", kind.name, good(kind.name, start="2031-03-01", end="2031-04-01"), "time", "an end up to")
    yield BadLine("no such day", kind.name, good(kind.name, start="2024-02-30", end=None), "time", "")
    yield BadLine(
        "ends before it begins", kind.name, good(kind.name, start="2024-03-02", end="2024-03-01"), "time", "an end after"
    )


def _bad_attributes(kind: Kind) -> Iterator[BadLine]:
    yield BadLine("unknown field", kind.name, good(kind.name, colour="red"), "input", "one of id")
    for one in kind.attributes:
        if one.is_required:
            yield BadLine(f"no {one.name}", kind.name, good(kind.name, **{one.name: None}), "attribute-value", _listed(one))
        if one.choices:
            listed = f"one of {', '.join(one.choices)}"
            yield BadLine(f"{one.name} nonsense", kind.name, good(kind.name, **{one.name: "nonsense"}), "attribute-value", listed)
        elif one.is_open:
            yield BadLine(f"{one.name} zzzz", kind.name, good(kind.name, **{one.name: "zzzz"}), "attribute-value", "one of ")
    if kind.other_categories:
        yield BadLine("category 99", kind.name, good(kind.name, category="99"), "attribute-value", "one of ")


def _listed(attribute: Attribute) -> str:
    """How a refusal of a missing attribute begins: with its choices, where there are any."""
    return "" if attribute.pattern else "one of "


def _bad_flights() -> Iterator[BadLine]:
    yield BadLine("no such airport", "flight", good("flight", origin="QQQ"), "attribute-value", "one such as")
    yield BadLine("nearly an airport", "flight", good("flight", destination="ZRG"), "attribute-value", "ZRH")
    yield BadLine("lower case", "flight", good("flight", origin="zrh"), "attribute-value", "[A-Z]")
    yield BadLine("there is not elsewhere", "flight", good("flight", destination="ZRH"), "attribute-value", "another airport")
    yield BadLine("one airport", "flight", good("flight", destination=None), "attribute-value", "destination")
    yield BadLine("nobody", "flight", good("flight", quantity="0"), "input", "above 0")
    yield BadLine(
        "distance without a class", "flight", good("flight", unit="pkm", origin=None, destination=None), "attribute-value", "long"
    )
    yield BadLine("kilometres and airports", "flight", good("flight", unit="pkm"), "attribute-value", "haul")


def _bad_purchases() -> Iterator[BadLine]:
    yield BadLine("rouble in 2024", "purchase", good("purchase", unit="RUB"), "factor", "a month with a rate for RUB")
    yield BadLine("euro in 1997", "purchase", good("purchase", start="1997-03-12"), "factor", "1999-01")
    yield BadLine("no industry", "purchase", good("purchase", naics=None), "attribute-value", "naics, mcc")
    yield BadLine("two industries", "purchase", good("purchase", mcc="5812"), "attribute-value", "one of naics")
    yield BadLine("nearly an industry", "purchase", good("purchase", naics="722512"), "attribute-value", "722511")
    yield BadLine("a transfer", "purchase", good("purchase", naics=None, mcc="6010"), "factor", "a purchase")
    yield BadLine("month given", "purchase", good("purchase", month="2024-03"), "input", "no month")


BAD_LINES = tuple(bad_lines())
