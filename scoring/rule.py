"""How a kind of activity chooses among published rows. One file per ring or kind holds its rules: `scoring/rules/`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from domain.activity import find_kind
from domain.factor import Addition, Beside, EmissionFactor, LifeCycleScope
from scoring.search import Search

_ONE = Fraction(1)


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
    prepare: "Callable[[KindRule, Search], Wanted] | None" = None
    additions: "Callable[[KindRule, Search, Wanted, EmissionFactor], tuple[Addition, ...]] | None" = None
    beside: "Callable[[KindRule, Search, Wanted, EmissionFactor], tuple[Beside, ...]] | None" = None


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
    rows_kind = rule.rows_kind or rule.kind
    kind = find_kind(search.key.kind)
    given = search.attributes
    wanted = {**given, **rule.fixed}
    for attribute in kind.attributes:
        if attribute.is_open and attribute.name in given:
            search.factor_set.require_choice(rows_kind, attribute.name, given[attribute.name])
    for name, value in rule.usual.items():
        if name not in wanted:
            wanted[name] = value
    assumed = tuple((name, value) for name, value in rule.general.items() if name not in wanted)
    said = frozenset(given) | frozenset(rule.fixed)
    return Wanted(rows_kind, search.key.unit, {**wanted, **dict(assumed)}, said, rates=rule.rates, assumed=assumed)
