"""The rules of every kind, by its name."""

from collections.abc import Mapping

from scoring.rule import KindRule
from scoring.rules import electricity, flight, freight, home, purchase, reported, road, things, transit

RULES: Mapping[str, KindRule] = {
    rule.kind: rule
    for rule in (
        *electricity.RULES,
        *home.RULES,
        *road.RULES,
        *transit.RULES,
        *flight.RULES,
        *freight.RULES,
        *purchase.RULES,
        *things.RULES,
        *reported.RULES,
    )
}
"""Kinds that can be scored."""
