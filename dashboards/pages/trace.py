"""Lines as people read them: by ring and kind, each with its published factor and a sum that a calculator repeats."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

from domain.activity import ActivityKey, EvidenceClass
from domain.factor import Basis, CompiledFactor, Part
from domain.kinds import FOOD_AND_THINGS, HOME, KINDS, TRAVEL
from domain.statement import Line, Unscored

GASES = (
    ("co2", "co2_ug"),
    ("ch4", "ch4_ug"),
    ("n2o", "n2o_ug"),
    ("unsplit", "unsplit_ug"),
)
"""Gases in the order that they are shown, with the name of their amount."""

BIOGENIC = ("biogenic_co2", "biogenic_co2_ug")
"""What is shown apart, in no total."""

RINGS = (HOME, TRAVEL, FOOD_AND_THINGS)
"""Rings in the order that they are shown."""

_PARTS = list(Part)
_KINDS = list(KINDS)


@dataclass(frozen=True, slots=True)
class GasSum:
    """One gas of a factor, from the published number to micrograms per unit of the activity.

        published x ug_per_mass / units_per x gwp / own_gwp x scale = exact, rounded half to even: per_unit_ug

    Attributes:
        gas: Name of the gas, as in `GASES`.
        field: Name of its amount.
        published_text: Published decimal text, every digit.
        published_unit: Its unit: "lb/MWh".
        mass: Symbol of the mass in it.
        per: Symbol of what it is per.
        ug_per_mass: Micrograms in one of that mass.
        units_per: Units of the row in one of what it is per.
        units_per_divisor: Written under `units_per` where the quotient alone has no end: 1 mmBtu is 1055.05585262 / 3.6 kWh.
        row_unit: Unit of the row: "kWh".
        gwp: Weight of the gas in CO2e; 1 where the number is CO2 or CO2e.
        own_gwp: The publisher's own weight, divided out first; 1 where the number is a mass.
        exact_ug: Micrograms of CO2e per unit of the activity before rounding.
        per_unit_ug: The same, rounded.
    """

    gas: str
    field: str
    published_text: str
    published_unit: str
    mass: str
    per: str
    ug_per_mass: Fraction
    units_per: Fraction
    units_per_divisor: Fraction
    row_unit: str
    gwp: Fraction
    own_gwp: Fraction
    exact_ug: Fraction
    per_unit_ug: int


@dataclass(frozen=True, slots=True)
class TracedLine:
    """One part of an activity with the factor behind it, over the months that share it.

    Attributes:
        lines: By month; where both bases say the same, those of the location basis.
        bases: The bases that it stands for.
        compiled: Its factor in integers; None where this installation's factor set has no such row.
        steps: Why this factor, in order, in plain words.
        region_name: Region of the factor, as people read it.
        sums: Gas by gas how the factor comes about; empty where it is not held.
        published: Gas, published decimal text and unit, as they stand in the publication.
        place_name: Place of the activity, as people read it; empty where it has none.
        market_steps: Further steps of the market basis, where this stands for both.
    """

    lines: tuple[Line, ...]
    bases: tuple[Basis, ...]
    compiled: CompiledFactor | None
    steps: tuple[str, ...]
    region_name: str = ""
    sums: tuple[GasSum, ...] = ()
    published: tuple[tuple[str, str, str], ...] = ()
    place_name: str = ""
    market_steps: tuple[str, ...] = ()

    @property
    def line(self) -> Line:
        """The first of its lines: what they share is the same in all."""
        return self.lines[0]

    @property
    def key(self) -> ActivityKey:
        """Its activity key."""
        return self.line.key

    @property
    def flags(self) -> tuple[str, ...]:
        """Flags of all its lines, each once."""
        return tuple(dict.fromkeys(flag for line in self.lines for flag in line.flags))

    @property
    def quantity_micro(self) -> int:
        """Sum over its months, millionths of the key's unit."""
        return sum(line.quantity_micro for line in self.lines)

    @property
    def total_ug_co2e(self) -> int:
        """Sum over its months, micrograms of CO2e."""
        return sum(line.emissions.total_ug_co2e for line in self.lines)

    @property
    def biogenic_co2_ug(self) -> int:
        """Biogenic CO2 over its months, micrograms; in no total."""
        return sum(line.emissions.biogenic_co2_ug for line in self.lines)

    @property
    def by_evidence_micro(self) -> dict[EvidenceClass, int]:
        """How the amount is known, over its months."""
        classes = dict.fromkeys(evidence for line in self.lines for evidence in line.by_evidence_micro)
        return {one: sum(line.by_evidence_micro.get(one, 0) for line in self.lines) for one in classes}

    @property
    def is_both(self) -> bool:
        """Whether it counts on both bases."""
        return len(self.bases) == len(Basis)


@dataclass(frozen=True, slots=True)
class KindGroup:
    """Lines of one kind of activity.

    Attributes:
        kind: The kind.
        traced: Its parts, by key, then in the order of `Part`.
    """

    kind: str
    traced: tuple[TracedLine, ...]

    @property
    def is_avoided(self) -> bool:
        """Whether it is outside gross and net."""
        return all(one.line.is_avoided for one in self.traced)

    def total_ug_co2e(self, basis: Basis) -> int:
        """Sum on a basis, micrograms of CO2e; what is avoided stands on the location basis alone."""
        return sum(one.total_ug_co2e for one in self.traced if basis in one.bases)


@dataclass(frozen=True, slots=True)
class RingGroup:
    """Lines of one ring.

    Attributes:
        ring: "home", "travel" or "food_and_things".
        kinds: Its kinds, in the order of the vocabulary.
    """

    ring: str
    kinds: tuple[KindGroup, ...]

    def total_ug_co2e(self, basis: Basis) -> int:
        """Sum on a basis without what is avoided, micrograms of CO2e."""
        return sum(group.total_ug_co2e(basis) for group in self.kinds if not group.is_avoided)


@dataclass(frozen=True, slots=True)
class BesideRow:
    """An effect that is in no total.

    Attributes:
        name: Catalogue key below `beside`.
        amount_ug_co2e: Micrograms of CO2e.
        factor_id: The published row that it follows from.
        factor_name: Publisher, edition, region and year of that row.
    """

    name: str
    amount_ug_co2e: int
    factor_id: str
    factor_name: str


@dataclass(frozen=True, slots=True)
class ScopeTotal:
    """What a scope, or a category of scope 3, comes to.

    Attributes:
        scope: GHG Protocol scope, 1 to 3.
        category: Scope 3 category; 0 for a whole scope.
        location_ug_co2e: Location based, micrograms.
        market_ug_co2e: Market based, micrograms.
    """

    scope: int
    category: int
    location_ug_co2e: int
    market_ug_co2e: int


@dataclass(frozen=True, slots=True)
class IntervalShown:
    """The 95 % interval of a gross.

    Attributes:
        basis: Location or market.
        low_ug_co2e: Lower end, micrograms of CO2e.
        high_ug_co2e: Upper end.
        is_assumed: Whether a part of it follows from scores of data quality and not from publications.
    """

    basis: Basis
    low_ug_co2e: int
    high_ug_co2e: int
    is_assumed: bool


@dataclass(frozen=True, slots=True)
class Apart:
    """What stands around the lines and is in no total, and how sure the totals are.

    Attributes:
        beside: Effects shown beside.
        intervals: One per basis; none where a factor is not held.
        scopes: Totals by scope and category.
    """

    beside: tuple[BesideRow, ...] = ()
    intervals: tuple[IntervalShown, ...] = ()
    scopes: tuple[ScopeTotal, ...] = ()


NOTHING_APART = Apart()
"""Where there are no lines."""


def rings_of(traced: Iterable[TracedLine]) -> tuple[RingGroup, ...]:
    """Traced lines by ring and kind; a ring or kind without any is left out.

    Args:
        traced: In any order.

    Returns:
        Rings in the order of `RINGS`.
    """
    ordered = sorted(traced, key=_order)
    found: dict[str, list[KindGroup]] = {}
    for kind, of_kind in groupby(ordered, key=lambda one: one.key.kind):
        found.setdefault(ring_of(kind), []).append(KindGroup(kind, tuple(of_kind)))
    return tuple(RingGroup(ring, tuple(found[ring])) for ring in RINGS if ring in found)


def ring_of(kind: str) -> str:
    """The ring of a kind; one that is not known, as a stranger's bundle may hold, is with the things."""
    return KINDS[kind].domain if kind in KINDS else FOOD_AND_THINGS


def unscored_in_order(unscored: Iterable[Unscored]) -> tuple[Unscored, ...]:
    """What no factor fits, by ring, kind and month."""
    return tuple(sorted(unscored, key=lambda one: (*_kind_order(one.key), one.month, one.key.key_id)))


def scope_totals(lines: Sequence[Line]) -> tuple[ScopeTotal, ...]:
    """What every scope and category of scope 3 comes to.

    Args:
        lines: Lines on both bases; avoided ones are in no scope.

    Returns:
        By scope, each before its categories; one without lines is left out. Scopes add up to gross, categories to scope 3.
    """
    sums: dict[tuple[int, int], dict[Basis, int]] = {}
    for line in lines:
        if line.is_avoided:
            continue
        for name in {(line.scope, 0), (line.scope, line.category)}:
            of_name = sums.setdefault(name, dict.fromkeys(Basis, 0))
            of_name[line.basis] += line.emissions.total_ug_co2e
    return tuple(ScopeTotal(*name, sums[name][Basis.LOCATION], sums[name][Basis.MARKET]) for name in sorted(sums))


def _order(traced: TracedLine) -> tuple[int, int, str, int, int, str]:
    at = _PARTS.index(traced.line.part)
    return *_kind_order(traced.key), traced.key.key_id, at, list(Basis).index(traced.bases[0]), traced.line.factor_id


def _kind_order(key: ActivityKey) -> tuple[int, int]:
    at = _KINDS.index(key.kind) if key.kind in KINDS else len(_KINDS)
    return RINGS.index(ring_of(key.kind)), at
