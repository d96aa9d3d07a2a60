"""How a kind of activity chooses among published rows. One file per ring or kind holds its rules: `scoring/rules/`."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import count
from typing import NamedTuple

from domain.activity import find_kind
from domain.factor import Addition, Beside, EmissionFactor, LifeCycleScope
from scoring.factors.factor_set import FactorSet
from scoring.search import Search

_ONE = Fraction(1)
_KEPT_COUNT = 65_536


_NUMBERS: dict[Hashable, int] = {}
_counted = count()


def _number(look_up: Hashable) -> int:
    """The number of a look-up. A number is never given twice, so that forgetting old ones does no harm."""
    found = _NUMBERS.get(look_up)
    if found is None:
        if len(_NUMBERS) >= _KEPT_COUNT:
            _NUMBERS.clear()
        found = _NUMBERS[look_up] = next(_counted)
    return found


@dataclass(frozen=True)
class Wanted:
    """What a search looks for.

    Attributes:
        rows_kind: Kind that the rows are filed under.
        unit: Unit that the rows are per.
        attributes: What a row's attributes must equal, general values filled in.
        given: Names of the attributes that the activity itself says.
        scale: Units of the row in one unit of the activity: kilometres of a flight, base-year dollars in one euro.
        regions: Places to look in, in this order; the region's own chain where empty.
        rates: Rates of the publishers that fit.
        widening: As of a rule, where this search has its own.
        scopes: As of a rule, where this search has its own.
        assumed: Attributes that were left out, with the general value taken; flagged where the row that is found carries them.
        is_timeless: As of a rule.
        year: Edition that is looked for, where it is not that of the activity's year; 0 where it is.
    """

    rows_kind: str
    unit: str
    attributes: Mapping[str, str]
    given: frozenset[str] = frozenset()
    scale: Fraction = _ONE
    regions: tuple[str, ...] = ()
    rates: tuple[str, ...] = ("",)
    widening: tuple[tuple[str, str], ...] | None = None
    scopes: tuple[LifeCycleScope, ...] = ()
    assumed: tuple[tuple[str, str], ...] = ()
    is_timeless: bool = False
    year: int = 0

    @cached_property
    def look_up(self) -> tuple[Hashable, ...]:
        """Everything of it that a look-up of rows depends on."""
        attributes = tuple(sorted(self.attributes.items()))
        return self.rows_kind, self.unit, attributes, self.given, self.rates, self.scopes, self.widening

    @cached_property
    def number(self) -> int:
        """A number that only equal look-ups share: short to compare."""
        return _number(self.look_up)


@dataclass(frozen=True)
class KindRule:
    """Which rows fit a kind.

    Attributes:
        kind: The kind.
        rows_kind: Kind that the rows are filed under (exported electricity is weighed with electricity's); its own where empty.
        rates: Rates of the publishers that fit.
        publishers: Preferred first; those that are not named come after, in the order of their admission.
        home_publishers: The same for one region, where its own authority comes first.
        scopes: Life-cycle scopes that may be used, the matching one first; any other is flagged.
        fixed: Attributes that the kind itself says (propane is fuel=propane).
        general: Value taken where an attribute is left out; flagged.
        usual: The same where it is what nearly everybody means; said, not flagged.
        widening: Attributes that fall back to a general value where no row has the exact one, in this order; flagged.
        proxies: Regions whose factor stands in where neither the place nor a wider one holds any; flagged.
        is_global: Publications for this kind are about the world: finding a row there is no widening.
        is_timeless: A row's year says when it was published, not when it holds.
        needs_place: Where it happens decides the factor; else a place may be left out.
        is_purchased_energy: Has a market-based method of its own (scope 2).
        always: Flags of every result of the kind.
        prepare: What to look for, where it takes more than the attributes.
        additions: Further parts of the activity: lines of their own.
        beside: Effects shown beside, in no total.
    """

    kind: str
    scopes: tuple[LifeCycleScope, ...]
    rows_kind: str = ""
    rates: tuple[str, ...] = ("",)
    publishers: tuple[str, ...] = ()
    home_publishers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    fixed: Mapping[str, str] = field(default_factory=dict)
    general: Mapping[str, str] = field(default_factory=dict)
    usual: Mapping[str, str] = field(default_factory=dict)
    widening: tuple[tuple[str, str], ...] = ()
    proxies: tuple[str, ...] = ()
    is_global: bool = False
    is_timeless: bool = False
    needs_place: bool = True
    is_purchased_energy: bool = False
    always: tuple[str, ...] = ()
    prepare: "Callable[[KindRule, Search], Wanted] | None" = None
    additions: "Callable[[KindRule, Search, Wanted, EmissionFactor], tuple[Addition, ...]] | None" = None
    beside: "Callable[[KindRule, Search, Wanted, EmissionFactor], tuple[Beside, ...]] | None" = None

    @cached_property
    def look_up(self) -> tuple[Hashable, ...]:
        """Everything of it that a look-up of rows depends on."""
        return self.scopes, self.publishers, tuple(self.home_publishers.items()), self.widening

    @cached_property
    def number(self) -> int:
        """A number that only equal look-ups share: short to compare."""
        return _number(self.look_up)

    @cached_property
    def says(self) -> "_Says":
        """What it says of attributes."""
        fixed, usual, general = (tuple(one.items()) for one in (self.fixed, self.usual, self.general))
        return _Says(self.rows_kind or self.kind, fixed, usual, general, self.rates, self.widening)


def plain_wanted(rule: KindRule, search: Search) -> Wanted:
    """What most kinds look for: their own rows with their own attributes, what is left out at its general value.

    Args:
        rule: Of the kind.
        search: Collects what is assumed.

    Returns:
        What to look for.

    Raises:
        AttributeValueError: An open attribute has a value that no row carries.
    """
    return _plain(search.factor_set, rule.says, search.key.kind, search.key.unit, search.key.attributes)


_Pairs = tuple[tuple[str, str], ...]


class _Says(NamedTuple):
    """What a rule says of attributes, as a cache can keep it."""

    rows_kind: str
    fixed: _Pairs
    usual: _Pairs
    general: _Pairs
    rates: tuple[str, ...]
    widening: _Pairs


@lru_cache(maxsize=16_384)
def _plain(factor_set: FactorSet, says: _Says, kind_name: str, unit: str, attributes: _Pairs) -> Wanted:
    given = dict(attributes)
    for attribute in find_kind(kind_name).attributes:
        if attribute.is_open and attribute.name in given:
            factor_set.require_choice(says.rows_kind, attribute.name, given[attribute.name])
    wanted = {**dict(says.usual), **given, **dict(says.fixed)}
    assumed = tuple((name, value) for name, value in says.general if name not in wanted)
    said = frozenset(given) | {name for name, _ in says.fixed}
    return Wanted(
        says.rows_kind, unit, {**wanted, **dict(assumed)}, said, rates=says.rates, widening=says.widening, assumed=assumed
    )
