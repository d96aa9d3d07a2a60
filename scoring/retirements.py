"""Carbon credits retired for a subject and period: what net has less than gross.

A credit acts on net alone: no line, no score. Registry and serial name the units, however they were typed, so the same ones in
two records are not counted at all until somebody says which record is right.

Source:
    GHG Protocol Corporate Standard, chapter 8 (offsets are reported apart from gross emissions).
"""

from collections import Counter
from collections.abc import Iterable

from domain.claim import claimed_name
from domain.manifest import RetiredUnits
from domain.statement import ActivityTotal, Unscored

CREDIT_KIND = "carbon_credit"
"""Kind of activity that a retirement of credits is."""

_MICRO_PER_G = 1000
"""Millionths of a kilogram in one gram."""


def retired_units(totals: Iterable[ActivityTotal]) -> tuple[tuple[RetiredUnits, ...], tuple[Unscored, ...]]:
    """Credits retired, and what of them does not count.

    Args:
        totals: All totals of a period; other kinds are left out.

    Returns:
        Units sorted by registry and serial as they were said, whole grams (less than a gram is left out); and the totals that do
        not count, with the reason.
    """
    found = [total for total in totals if total.key.kind == CREDIT_KIND]
    names = Counter(claimed_name(*_name(total)) for total in found)
    units, unscored = [], []
    for total in sorted(found, key=lambda one: (_name(one), one.month, one.key.key_id)):
        registry, serial = _name(total)
        if names[claimed_name(registry, serial)] > 1 or total.activity_count > 1:
            reason = f"The units {serial} of {registry} are in more than one record: none counts until one is removed."
        elif total.quantity_micro < _MICRO_PER_G:
            reason = "Less than a gram is retired, or less than nothing: there is nothing to take away."
        else:
            units.append(RetiredUnits(registry, serial, total.quantity_micro // _MICRO_PER_G))
            continue
        unscored.append(Unscored(total.month, total.key, total.quantity_micro, reason))
    return tuple(units), tuple(unscored)


def _name(total: ActivityTotal) -> tuple[str, str]:
    attributes = dict(total.key.attributes)
    return attributes.get("registry", ""), attributes.get("serial", "")
