"""What differs between two collections of published rows: added, removed, changed; by table, and one by one where it is much.

Two rows are the same thing where publisher, kind, unit, place, year, rate, scope, label and attributes agree; the edition and
what was printed may differ.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import zip_longest

from domain.factor import EmissionFactor, Gas
from domain.number import decimal_from_text, fraction_of
from scoring.factors.importers.published import LARGE_CHANGE_RATIO

_Thing = tuple[object, ...]


@dataclass(frozen=True)
class TableDifference:
    """What differs in one table.

    Attributes:
        publisher: Publisher of the table.
        table: Its name.
        kind: Kind of activity.
        added_count: Rows that only the second has.
        removed_count: Rows that only the first has.
        changed_count: Rows of both with another number.
        large_changes: One text per row that changed by more than a quarter.
    """

    publisher: str
    table: str
    kind: str
    added_count: int
    removed_count: int
    changed_count: int
    large_changes: tuple[str, ...]


@dataclass
class _Counts:
    added: int = 0
    removed: int = 0
    changed: int = 0
    large: list[str] = field(default_factory=list)


def differences(before: Iterable[EmissionFactor], after: Iterable[EmissionFactor]) -> tuple[TableDifference, ...]:
    """What differs between two collections of rows.

    Args:
        before: The first.
        after: The second.

    Returns:
        One entry per table that differs, by publisher, table and kind.
    """
    old, new = _by_thing(before), _by_thing(after)
    counts: dict[tuple[str, str, str], _Counts] = defaultdict(_Counts)
    for thing in dict.fromkeys([*old, *new]):
        _count(counts, old.get(thing, []), new.get(thing, []))
    return tuple(
        TableDifference(*names, found.added, found.removed, found.changed, tuple(sorted(found.large)))
        for names, found in sorted(counts.items())
        if found.added or found.removed or found.changed
    )


def vintage_changes(installed: Iterable[EmissionFactor], new: Iterable[EmissionFactor]) -> tuple[str, ...]:
    """Findings for every new row that is more than a quarter away from the newest earlier one installed for the same thing.

    Args:
        installed: Rows that are there.
        new: Rows that come.

    Returns:
        One text per row, sorted.
    """
    held: dict[_Thing, list[EmissionFactor]] = defaultdict(list)
    for row in installed:
        held[_series(row)].append(row)
    found = []
    for row in new:
        earlier = [one for one in held.get(_series(row), ()) if one.year <= row.year and one.published != row.published]
        if earlier:
            nearest = max(earlier, key=lambda one: one.year)
            if _is_large(nearest, row):
                found.append(f"{_name(row)} moved from {_printed(nearest)} ({nearest.year}) to {_printed(row)} ({row.year})")
    return tuple(sorted(found))


def _count(counts: Mapping[tuple[str, str, str], _Counts], old: list[EmissionFactor], new: list[EmissionFactor]) -> None:
    """Count what happened to one thing: rows that are equal cancel out, the rest are pairs in their order."""
    gone = [row for row in old if row not in new]
    came = [row for row in new if row not in old]
    for before, after in zip_longest(gone, came):
        row = after or before
        of_table = counts[row.publisher, row.table, row.kind]
        if before is None:
            of_table.added += 1
        elif after is None:
            of_table.removed += 1
        else:
            of_table.changed += 1
            if _is_large(before, after):
                of_table.large.append(f"{_name(row)} ({row.year}) moved from {_printed(before)} to {_printed(after)}")


def _by_thing(rows: Iterable[EmissionFactor]) -> dict[_Thing, list[EmissionFactor]]:
    found: dict[_Thing, list[EmissionFactor]] = defaultdict(list)
    for row in rows:
        found[(*_series(row), row.year, row.table, row.label)].append(row)
    return found


def _series(row: EmissionFactor) -> _Thing:
    """What a row is a number for, whatever its year and edition."""
    attributes = tuple(sorted(row.attributes.items()))
    return (row.publisher, row.kind, row.unit, row.region, row.rate, row.life_cycle_scope, attributes)


def _main_gas(row: EmissionFactor) -> Gas:
    return Gas.CO2E if Gas.CO2E in row.published else next(iter(row.published))


def _is_large(before: EmissionFactor, after: EmissionFactor) -> bool:
    """Whether the first number moved by more than a quarter; numbers of other gases or units are not compared."""
    gas = _main_gas(after)
    if gas not in before.published or before.published_unit != after.published_unit:
        return False
    old, new = (fraction_of(decimal_from_text(row.published[gas])) for row in (before, after))
    return old != new if not old else abs(new - old) / abs(old) > Fraction(LARGE_CHANGE_RATIO)


def _printed(row: EmissionFactor) -> str:
    return row.published[_main_gas(row)]


def _name(row: EmissionFactor) -> str:
    words = [
        row.publisher,
        row.kind,
        row.region,
        row.rate,
        *(f"{name}={value}" for name, value in sorted(row.attributes.items())),
    ]
    return " ".join(filter(None, [*words, str(_main_gas(row))]))
