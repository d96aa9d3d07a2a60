"""Emission factors as published, and the choice of one for an activity key."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple, Protocol

from domain.activity import ActivityKey
from domain.canonical import Json, to_canonical
from domain.fields import Fields, refuse_other_content
from domain.merkle import leaf_hash


class Gas(StrEnum):
    """Columns that a publisher gives."""

    CO2 = "co2"
    CH4 = "ch4"
    N2O = "n2o"
    CO2E = "co2e"
    BIOGENIC_CO2 = "biogenic_co2"


class GwpSet(StrEnum):
    """Global warming potentials over 100 years, by IPCC assessment report."""

    AR4 = "AR4"
    AR5 = "AR5"
    AR6 = "AR6"


class LifeCycleScope(StrEnum):
    """What a factor counts. One is never put in place of another in silence."""

    GENERATION = "generation"
    LIFE_CYCLE = "life_cycle"
    COMBUSTION = "combustion"
    OPERATION = "operation"
    UPSTREAM = "upstream"
    GRID_LOSS = "grid_loss"
    AS_REPORTED = "as_reported"


class Part(StrEnum):
    """What of an activity a line counts. Each part is a line of its own."""

    USE = "use"
    ELECTRICITY = "electricity"
    GRID_LOSS = "grid_loss"
    GRID_LOSS_UPSTREAM = "grid_loss_upstream"
    UPSTREAM = "upstream"
    ELECTRICITY_UPSTREAM = "electricity_upstream"
    CERTIFICATE = "certificate"


class Basis(StrEnum):
    """The two ways to count purchased electricity (GHG Protocol Scope 2 Guidance, chapter 4)."""

    LOCATION = "location"
    MARKET = "market"


@dataclass(frozen=True)
class EmissionFactor:
    """One published row.

    Attributes:
        publisher: Such as "EPA eGRID".
        edition: Edition and revision as the publisher names it: "eGRID2022".
        table: Table or sheet inside the edition.
        kind: Kind of activity it is for.
        unit: Canonical unit of the activity that it is per: "kWh".
        region: Path of the region: `US/egrid/CAMX`, `DE`.
        year: Calendar year of the data.
        published: Gas to the published decimal text.
        published_unit: Unit of the published numbers: "lb/MWh", "g/kWh"; by gas where they differ: "co2=kg/mmBtu;ch4=g/mmBtu".
        gwp_set: Set that the published numbers were weighted with; empty where they are masses of single gases.
        life_cycle_scope: What it counts.
        rate: Which rate of the publisher: "total_output", "non_baseload", "carbon_intensity"; empty where there is one.
        source_url: Where the edition is published.
        licence: Its licence.
        note: What a reader must know (re-keyed copy, derived).
        label: The row's own words in its table, from which a reader finds it there.
        attributes: Attributes of the kind that it is for, name to value.
        uncertainty_percent: Published half-width of its 95 % interval, percent, as text; empty where none is published.
        data_quality: Published data-quality scores, 1 best to 5: "reliability=2;temporal=1"; empty where none are published.

    Invariant: immutable; identity is the content.
    """

    publisher: str
    edition: str
    table: str
    kind: str
    unit: str
    region: str
    year: int
    published: Mapping[Gas, str]
    published_unit: str
    gwp_set: str
    life_cycle_scope: LifeCycleScope
    rate: str
    source_url: str
    licence: str
    note: str = ""
    label: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    uncertainty_percent: str = ""
    data_quality: str = ""

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {
            "attributes": dict(self.attributes),
            "data_quality": self.data_quality,
            "edition": self.edition,
            "gwp_set": self.gwp_set,
            "kind": self.kind,
            "label": self.label,
            "licence": self.licence,
            "life_cycle_scope": str(self.life_cycle_scope),
            "note": self.note,
            "published": {str(gas): text for gas, text in self.published.items()},
            "published_unit": self.published_unit,
            "publisher": self.publisher,
            "rate": self.rate,
            "region": self.region,
            "source_url": self.source_url,
            "table": self.table,
            "uncertainty_percent": self.uncertainty_percent,
            "unit": self.unit,
            "year": self.year,
        }

    @cached_property
    def is_co2e_only(self) -> bool:
        """Whether no single greenhouse gas is published, only their sum."""
        return Gas.CO2E in self.published and not self.published.keys() & {Gas.CO2, Gas.CH4, Gas.N2O}

    @cached_property
    def canonical_bytes(self) -> bytes:
        """Its canonical JSON: what the factor set's log holds."""
        return to_canonical(self.to_json())

    @cached_property
    def factor_id(self) -> str:
        """First 16 hexadecimal digits of its leaf hash in the factor set's log (RFC 6962: SHA-256 of 0x00 and its bytes)."""
        return leaf_hash(self.canonical_bytes).hex()[:16]


def factor_from_json(value: Json) -> EmissionFactor:
    """The published row that canonical JSON carries.

    Args:
        value: As `EmissionFactor.to_json` makes it.

    Returns:
        The row.

    Raises:
        CanonicalError: A field is missing, is not what it must be, or is none that the format has.
    """
    fields = Fields(value, "factor")
    published, attributes = fields.nested("published"), fields.nested("attributes")
    factor = EmissionFactor(
        publisher=fields.text("publisher"),
        edition=fields.text("edition"),
        table=fields.text("table"),
        kind=fields.text("kind"),
        unit=fields.text("unit"),
        region=fields.text("region"),
        year=fields.integer("year"),
        published={gas: published.text(gas) for gas in Gas if gas in published.names()},
        published_unit=fields.text("published_unit"),
        gwp_set=fields.text("gwp_set"),
        life_cycle_scope=fields.made("life_cycle_scope", LifeCycleScope),
        rate=fields.text("rate"),
        source_url=fields.text("source_url"),
        licence=fields.text("licence"),
        note=fields.text("note"),
        label=fields.text("label"),
        attributes={name: attributes.text(name) for name in attributes.names()},
        uncertainty_percent=fields.text("uncertainty_percent"),
        data_quality=fields.text("data_quality"),
    )
    refuse_other_content(value, factor.to_json(), "factor")
    return factor


@dataclass(frozen=True, slots=True)
class GasSplit:
    """Emissions by gas: micrograms of CO2e, or micrograms of CO2e per unit of activity.

    Attributes:
        co2_ug: Carbon dioxide.
        ch4_ug: Methane, as CO2e.
        n2o_ug: Nitrous oxide, as CO2e.
        unsplit_ug: What a publisher gives as CO2e only.
        biogenic_co2_ug: Biogenic carbon dioxide, kept apart, in no total.
    """

    co2_ug: int
    ch4_ug: int
    n2o_ug: int
    unsplit_ug: int
    biogenic_co2_ug: int = 0

    @property
    def total_ug_co2e(self) -> int:
        """Sum of the parts, so that the split always adds up; without biogenic CO2."""
        return self.co2_ug + self.ch4_ug + self.n2o_ug + self.unsplit_ug


@dataclass(frozen=True, slots=True)
class CompiledFactor:
    """A factor in integers, under one GWP set.

    Attributes:
        factor: The published row.
        ug_per_unit: Micrograms of CO2e per canonical unit, by gas; each 0 to 9.22e12.
        gwp_set: The set that its gases were weighted with, or the publisher's own for CO2e-only rows.
        scale: Units of the published row in one unit of the activity, exact: kilometres of a flight, base-year dollars in a euro.
    """

    factor: EmissionFactor
    ug_per_unit: GasSplit
    gwp_set: str
    scale: Fraction = Fraction(1)


class Told(Protocol):
    """Something that a choice says of itself, put into words only where somebody reads it."""

    @property
    def sentences(self) -> tuple[str, ...]:
        """Its sentences, in plain words."""


class Step(NamedTuple):
    """One step of a choice.

    Attributes:
        template: English sentence with `{}` for each value.
        values: What goes into it.
    """

    template: str
    values: tuple[object, ...] = ()

    @property
    def sentence(self) -> str:
        """The step in plain words."""
        return self.template.format(*self.values)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same, as every telling has it."""
        return (self.sentence,)


@dataclass(frozen=True, slots=True)
class Addition:
    """A further part of the same activity that is a line of its own: the grid's loss, the fuel's supply.

    Attributes:
        part: Which part.
        chosen: Its factor, per unit of the activity.
        scope: GHG Protocol scope.
        category: Scope 3 category.
        flags: Machine-readable, as of a resolution.
    """

    part: Part
    chosen: CompiledFactor
    scope: int
    category: int
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Beside:
    """An effect that is shown beside the emissions and is in no total: what aviation does at altitude.

    Attributes:
        name: "aviation_non_co2".
        ug_per_unit: Micrograms of CO2e per unit of the activity.
        factor_id: The published row that it follows from.
    """

    name: str
    ug_per_unit: int
    factor_id: str


@dataclass(frozen=True)
class Resolution:
    """Why this factor, for this key and basis.

    Attributes:
        key: The activity key.
        basis: Location or market.
        chosen: The factor, or None: the activity is then unscored, never zero.
        trace: What was tried and taken, in order.
        flags: Machine-readable: "region_widened", "zip_in_several_subregions", "year_earlier", "year_later",
            "life_cycle_scope_differs", "no_residual_mix", "co2e_only", "gwp_set_differs", "attribute_assumed", ...
        additions: Further parts, each a line of its own.
        beside: Effects shown beside, in no total.
    """

    key: ActivityKey
    basis: Basis
    chosen: CompiledFactor | None
    trace: tuple[Told, ...]
    flags: tuple[str, ...]
    additions: tuple[Addition, ...] = ()
    beside: tuple[Beside, ...] = ()

    @cached_property
    def steps(self) -> tuple[str, ...]:
        """The trace in plain words."""
        return tuple(sentence for told in self.trace for sentence in told.sentences)


@dataclass(frozen=True, slots=True)
class FactorSetId:
    """Names a state of the factor set.

    Attributes:
        size: Entries of the log: published rows, and tables of parameters as a whole.
        root_hex: RFC 6962 root over their canonical bytes.
    """

    size: int
    root_hex: str

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {"root": self.root_hex, "size": self.size}
