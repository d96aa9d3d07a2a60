"""What would fit an activity that no row fits: attribute values, units or places that rows of its kind hold, made when read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from domain.activity import ActivityKey, find_kind
from domain.errors import ClimateFitnessError
from domain.factor import Basis, GwpSet
from domain.kinds import checked_attributes
from scoring.aliases import fitting_choices
from scoring.factors.factor_set import FactorSet
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.search import Search

_SHOWN_COUNT = 12
_WAYS_COUNT = 3


class WhatFits(NamedTuple):
    """What to say instead, of an activity that is unscored.

    Attributes:
        key: The activity key.
        factor_set: Rows to choose from.
        basis: Location or market.
        gwp_set: Set that single gases are weighted with.
        rule: Of its kind; None where there is none.
        kinds: Names of all kinds that have one.
    """

    key: ActivityKey
    factor_set: FactorSet
    basis: Basis
    gwp_set: GwpSet
    rule: KindRule | None
    kinds: Iterable[str]

    @property
    def sentences(self) -> tuple[str, ...]:
        """One or two sentences."""
        fitting = "; ".join([*self._instead(), f"a factor of your own in kg CO2e/{self.key.unit}"])
        return (f"Unscored: counted and shown, never as zero. What would fit: {fitting}.",)

    def _instead(self) -> Iterator[str]:
        rule = self.rule
        if rule is None or not self.factor_set.of_kind(rule.says.rows_kind):
            yield f"another kind ({', '.join(self.kinds)})"
            return
        search = Search(self.key, self.factor_set, self.basis, self.gwp_set)
        kind = find_kind(self.key.kind)
        if self.key.unit not in kind.kept_units():
            return  # the step before says in which units it is kept
        try:
            checked_attributes(kind, search.attributes)
            wanted = (rule.prepare or plain_wanted)(rule, search)
            regions = (*(wanted.regions or search.chain), *rule.proxies)
        except ClimateFitnessError:  # the step before says what would fit
            return
        units = _units_of_places(self.factor_set, wanted.rows_kind)
        here = tuple(region for region in dict.fromkeys(regions) if region in units)
        if not here:
            yield _other_places(self.factor_set, units, wanted.unit)
            return
        near = _Near(self, rule, wanted, here, units)
        yield from near.units()
        yield from near.attributes()


@lru_cache(maxsize=256)
def _units_of_places(factor_set: FactorSet, kind: str) -> Mapping[str, tuple[str, ...]]:
    """Region to the units that it holds rows of a kind in."""
    found: dict[str, dict[str, None]] = {}
    for row in factor_set.of_kind(kind):
        found.setdefault(row.region, {})[row.unit] = None
    return {region: tuple(units) for region, units in found.items()}


def _other_places(factor_set: FactorSet, units: Mapping[str, tuple[str, ...]], unit: str) -> str:
    places = sorted(factor_set.regions.name_of(region) for region, held in units.items() if unit in held)
    return f"one of the places that it is held for ({_listed(places)})"


class _Near(NamedTuple):
    """Rows of the places of an activity that are about as near to it as can be."""

    asked: WhatFits
    rule: KindRule
    wanted: Wanted
    here: Sequence[str]
    units_of: Mapping[str, tuple[str, ...]]

    def units(self) -> Iterator[str]:
        """Other units that rows of what was said are per; none where the unit is not the activity's own, as of flights."""
        if self.wanted.unit != self.asked.key.unit:
            return
        said = {name for name, _ in self.asked.key.attributes}
        held = dict.fromkeys(unit for region in self.here for unit in self.units_of[region] if unit != self.wanted.unit)
        fitting = [unit for unit in held if any(not said & other.keys() for other in self._others(unit))]
        if fitting:
            yield f"an amount in {_listed(fitting)}, which rates of this place are per"

    def attributes(self) -> Iterator[str]:
        """Values of as few attributes as can be that the activity says otherwise: how it was done before what it was."""
        ways: dict[tuple[str, ...], dict[str, dict[str, None]]] = {}
        for other in self._others(self.wanted.unit):
            way = ways.setdefault(tuple(other), {})
            for name, value in other.items():
                way.setdefault(name, {})[value] = None
        kind = find_kind(self.asked.key.kind)
        is_open = {one.name: one.is_open for one in kind.attributes}
        fewest = min(map(len, ways), default=0)
        shown = sorted(
            (way for names, way in ways.items() if len(names) == fewest and way), key=lambda way: any(map(is_open.get, way))
        )
        yield from (_way(self.asked, self.wanted, way) for way in shown[:_WAYS_COUNT])

    def _others(self, unit: str) -> Iterator[dict[str, str]]:
        """What rows in a unit say otherwise than the activity, where that is something that an activity can say."""
        said = {name for name, _ in self.asked.key.attributes}
        derived = self.wanted.given - said  # such as the haul, which follows from the airports
        free = {one.name for one in find_kind(self.asked.key.kind).attributes} - derived
        scopes = self.wanted.scopes or self.rule.scopes
        for region in self.here:
            for attributes, rows in self.asked.factor_set.by_attributes(self.wanted.rows_kind, region, unit).items():
                other = {name: value for name, value in attributes if self.wanted.attributes.get(name) != value}
                if other.keys() <= free and any(row.rate in self.wanted.rates and row.life_cycle_scope in scopes for row in rows):
                    yield other


def _way(asked: WhatFits, wanted: Wanted, way: Mapping[str, Iterable[str]]) -> str:
    """What to say, and for what it is held: "cabin average, business, economy (for haul short)"."""
    said = dict(asked.key.attributes)
    parts = []
    for name, values in way.items():
        choices = sorted(values)
        near = fitting_choices(name, said.get(name, ""), choices)
        few = len(choices) <= _SHOWN_COUNT
        parts.append(f"{_spoken(name)} {_listed([*dict.fromkeys([*near, *choices])] if few else list(near) or choices)}")
    derived = [name for name in sorted(wanted.given - said.keys()) if name not in way and name in wanted.attributes]
    beside = " and ".join(f"{_spoken(name)} {wanted.attributes[name]}" for name in derived)
    return " with ".join(parts) + (f" (for {beside})" if beside else "")


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN_COUNT]) + (", ..." if len(names) > _SHOWN_COUNT else "")


def _spoken(name: str) -> str:
    return name.replace("_", " ")
