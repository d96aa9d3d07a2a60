"""Lines and statements: the inventory of one subject and period as declared.

Words: GHG Protocol Corporate Standard (inventory, scopes), ISO 14064-3 (statement). All amounts are integers: micrograms of
CO2e inside, grams on the ledger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

from domain.activity import ActivityKey, EvidenceClass
from domain.canonical import Json, canonical_text, to_canonical, utf8_of
from domain.errors import CanonicalError
from domain.factor import Basis, FactorSetId, GasSplit, Part
from domain.fields import Fields, refuse_other_content
from domain.hourly import HourlyMean
from domain.number import fraction_from_text, grams_of_micrograms
from domain.period import Month, MonthRange
from domain.record import activity_key_from_json


@dataclass(frozen=True, slots=True)
class ActivityTotal:
    """All activity of one month and key, summed.

    Attributes:
        month: Local month.
        key: The activity key.
        quantity_micro: Sum, millionths of the key's unit.
        by_evidence_micro: The same sum by evidence class.
        activity_count: How many activities are in it.
        hourly: Of electricity, what hourly factors say about it; None where there are none.
    """

    month: Month
    key: ActivityKey
    quantity_micro: int
    by_evidence_micro: Mapping[EvidenceClass, int]
    activity_count: int
    hourly: HourlyMean | None = None


@dataclass(frozen=True)
class Line:
    """One activity total x one factor, on one basis.

    Attributes:
        month: Local month.
        key: The activity key.
        basis: Location or market.
        quantity_micro: Millionths of the key's unit.
        by_evidence_micro: The same by evidence class.
        factor_id: The factor used.
        gwp_set: GWP set of its gases.
        emissions: By gas, micrograms of CO2e.
        scope: GHG Protocol scope; 0 outside the inventory (avoided).
        category: Scope 3 category 1-15, else 0.
        is_avoided: Outside gross and net.
        flags: From the resolution.
        part: What of the activity it counts.
        scale: Units of the published row in one unit of the activity, exact: "1", "0.041/0.959" as "41/959".
    """

    month: Month
    key: ActivityKey
    basis: Basis
    quantity_micro: int
    by_evidence_micro: Mapping[EvidenceClass, int]
    factor_id: str
    gwp_set: str
    emissions: GasSplit
    scope: int
    category: int
    is_avoided: bool
    flags: tuple[str, ...]
    part: Part = Part.USE
    scale: Fraction = Fraction(1)

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it; amounts as strings."""
        return {
            "basis": str(self.basis),
            "by_evidence_micro": {str(c): str(q) for c, q in self.by_evidence_micro.items()},
            "category": self.category,
            "emissions_ug_co2e": {
                "biogenic_co2": str(self.emissions.biogenic_co2_ug),
                "ch4": str(self.emissions.ch4_ug),
                "co2": str(self.emissions.co2_ug),
                "n2o": str(self.emissions.n2o_ug),
                "unsplit": str(self.emissions.unsplit_ug),
            },
            "factor_id": self.factor_id,
            "flags": list(self.flags),
            "gwp_set": self.gwp_set,
            "is_avoided": self.is_avoided,
            "key": self.key.to_json(),
            "month": self.month.to_text(),
            "part": str(self.part),
            "quantity_micro": str(self.quantity_micro),
            "scale": str(self.scale),
            "scope": self.scope,
        }

    @cached_property
    def canonical_bytes(self) -> bytes:
        """Its canonical JSON, that of `to_json`: a leaf of the lines root."""
        shares = ",".join(sorted(f'{canonical_text(str(c))}:"{q}"' for c, q in self.by_evidence_micro.items()))
        gases = self.emissions
        text = (
            f'{{"basis":"{self.basis}","by_evidence_micro":{{{shares}}},"category":{self.category:d},"emissions_ug_co2e":'
            f'{{"biogenic_co2":"{gases.biogenic_co2_ug}","ch4":"{gases.ch4_ug}","co2":"{gases.co2_ug}","n2o":"{gases.n2o_ug}"'
            f',"unsplit":"{gases.unsplit_ug}"}},"factor_id":{canonical_text(self.factor_id)}'
            f',"flags":[{",".join(canonical_text(flag) for flag in self.flags)}],"gwp_set":{canonical_text(self.gwp_set)}'
            f',"is_avoided":{"true" if self.is_avoided else "false"},"key":{self.key.canonical_text},"month":"{self.month}"'
            f',"part":"{self.part}","quantity_micro":"{self.quantity_micro}","scale":"{self.scale}","scope":{self.scope:d}}}'
        )
        return utf8_of(text)


def line_from_json(value: Json, *, record: str = "line") -> Line:
    """The line that canonical JSON carries.

    Args:
        value: As `Line.to_json` makes it.
        record: Where it stands, for the message.

    Returns:
        The line.

    Raises:
        CanonicalError: A field is missing, is not what it must be, or is none that the format has.
    """
    fields = Fields(value, record)
    gases = fields.nested("emissions_ug_co2e")
    shares = fields.nested("by_evidence_micro")
    line = Line(
        month=fields.made("month", Month.from_text),
        key=activity_key_from_json(fields.raw("key"), record=f"{record}.key"),
        basis=fields.made("basis", Basis),
        quantity_micro=fields.amount("quantity_micro"),
        by_evidence_micro={c: shares.amount(str(c)) for c in EvidenceClass if str(c) in shares.names()},
        factor_id=fields.text("factor_id"),
        gwp_set=fields.text("gwp_set"),
        emissions=GasSplit(
            co2_ug=gases.amount("co2"),
            ch4_ug=gases.amount("ch4"),
            n2o_ug=gases.amount("n2o"),
            unsplit_ug=gases.amount("unsplit"),
            biogenic_co2_ug=gases.amount("biogenic_co2"),
        ),
        scope=fields.integer("scope"),
        category=fields.integer("category"),
        is_avoided=fields.boolean("is_avoided"),
        flags=fields.texts("flags"),
        part=fields.made("part", Part),
        scale=fields.made("scale", fraction_from_text),
    )
    refuse_other_content(value, line.to_json(), record)
    return line


@dataclass(frozen=True, slots=True)
class Unscored:
    """An activity total that no factor fits: counted and shown, never zero.

    Attributes:
        month: Local month.
        key: The activity key.
        quantity_micro: Millionths of the key's unit.
        reason: Why, in plain words.
    """

    month: Month
    key: ActivityKey
    quantity_micro: int
    reason: str

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {
            "key": self.key.to_json(),
            "month": self.month.to_text(),
            "quantity_micro": str(self.quantity_micro),
            "reason": self.reason,
        }

    @property
    def canonical_bytes(self) -> bytes:
        """Its canonical JSON: a leaf of the lines root."""
        return to_canonical(self.to_json())


def unscored_from_json(value: Json, *, record: str = "unscored") -> Unscored:
    """The unscored total that canonical JSON carries.

    Args:
        value: As `Unscored.to_json` makes it.
        record: Where it stands, for the message.

    Returns:
        The unscored total.

    Raises:
        CanonicalError: A field is missing, is not what it must be, or is none that the format has.
    """
    fields = Fields(value, record)
    unscored = Unscored(
        month=fields.made("month", Month.from_text),
        key=activity_key_from_json(fields.raw("key"), record=f"{record}.key"),
        quantity_micro=fields.amount("quantity_micro"),
        reason=fields.text("reason"),
    )
    refuse_other_content(value, unscored.to_json(), record)
    return unscored


@dataclass(frozen=True, slots=True)
class Totals:
    """Totals of a statement, micrograms of CO2e; retired in grams.

    Attributes:
        gross_location_ug_co2e: All lines of the location basis, without avoided.
        gross_market_ug_co2e: All lines of the market basis, without avoided.
        retired_g_co2e: Credits retired for this subject and period.
        avoided_ug_co2e: Exports, location basis; outside gross and net.
        biogenic_co2_ug: Apart, in no total.
        unscored_count: Activity totals without a factor.
    """

    gross_location_ug_co2e: int
    gross_market_ug_co2e: int
    retired_g_co2e: int
    avoided_ug_co2e: int
    biogenic_co2_ug: int
    unscored_count: int

    @property
    def net_ug_co2e(self) -> int:
        """Market-based gross less retired; may be negative."""
        return self.gross_market_ug_co2e - self.retired_g_co2e * 1_000_000

    @property
    def net_g_co2e(self) -> int:
        """The same in grams, rounded half away from zero."""
        return grams_of_micrograms(self.net_ug_co2e)

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it; amounts as strings."""
        return {
            "avoided_ug_co2e": str(self.avoided_ug_co2e),
            "biogenic_co2_ug": str(self.biogenic_co2_ug),
            "gross_location_ug_co2e": str(self.gross_location_ug_co2e),
            "gross_market_ug_co2e": str(self.gross_market_ug_co2e),
            "net_ug_co2e": str(self.net_ug_co2e),
            "retired_g_co2e": str(self.retired_g_co2e),
            "unscored_count": self.unscored_count,
        }


def totals_from_json(value: Json, *, record: str = "totals") -> Totals:
    """The totals that canonical JSON carries.

    Args:
        value: As `Totals.to_json` makes it.
        record: Where it stands, for the message.

    Returns:
        The totals.

    Raises:
        CanonicalError: A field is missing, is not what it must be, is none that the format has, or the net is not gross less
            retired.
    """
    fields = Fields(value, record)
    totals = Totals(
        gross_location_ug_co2e=fields.amount("gross_location_ug_co2e"),
        gross_market_ug_co2e=fields.amount("gross_market_ug_co2e"),
        retired_g_co2e=fields.amount("retired_g_co2e"),
        avoided_ug_co2e=fields.amount("avoided_ug_co2e"),
        biogenic_co2_ug=fields.amount("biogenic_co2_ug"),
        unscored_count=fields.integer("unscored_count"),
    )
    if totals.net_ug_co2e != fields.amount("net_ug_co2e"):
        raise CanonicalError(
            "The net is not gross less retired",
            expected=str(totals.net_ug_co2e),
            got=fields.text("net_ug_co2e"),
            record=record,
        )
    refuse_other_content(value, totals.to_json(), record)
    return totals


@dataclass(frozen=True, slots=True)
class Statement:
    """Lines and totals of one subject and period.

    Attributes:
        period: Month labels.
        revision: 1, then one more for each restatement.
        lines: Sorted by month, key id, part, basis.
        unscored: What no factor fits.
        totals: Sums over the lines.
        factor_set: The factor set it was computed with.
        method: Version of the business logic: "cf-method/1".
    """

    period: MonthRange
    revision: int
    lines: tuple[Line, ...]
    unscored: tuple[Unscored, ...]
    totals: Totals
    factor_set: FactorSetId
    method: str
