"""Activities: measured causes of emissions, and the keys that decide their factor."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

from domain.canonical import Json, to_canonical
from domain.errors import KindError
from domain.kinds import KINDS, Kind, checked_attributes, find_kind
from domain.period import Month
from domain.units import Dimension

__all__ = [
    "KINDS",
    "Activity",
    "ActivityKey",
    "Direction",
    "EvidenceClass",
    "Kind",
    "Profile",
    "Quality",
    "activity_key",
    "find_kind",
]


class EvidenceClass(StrEnum):
    """How an input is known, weakest first."""

    TYPED = "typed"
    UPLOADED = "uploaded"
    FETCHED_BY_CONNECTOR = "fetched_by_connector"
    FETCHED_BY_AUDITOR = "fetched_by_auditor"
    SIGNED_CHANNEL = "signed_channel"


class Quality(StrEnum):
    """How an amount came about."""

    MEASURED = "measured"
    ESTIMATED = "estimated"
    CALCULATED = "calculated"
    SPEND_BASED = "spend_based"


class Direction(StrEnum):
    """Which way a metered commodity flowed (ESPI FlowDirectionKind 1, 19, 4, 20)."""

    DELIVERED = "delivered"
    EXPORT = "export"
    NET = "net"
    TOTAL = "total"


@dataclass(frozen=True)
class ActivityKey:
    """Everything that a factor can depend on.

    Attributes:
        kind: Name of a `Kind`.
        region: Finest region known, a path such as `US/zip/94110`.
        year: Calendar year of the activity.
        unit: Canonical unit of the measured dimension.
        attributes: The kind's own attributes, sorted by name.
    """

    kind: str
    region: str
    year: int
    unit: str
    attributes: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> dict[str, Json]:
        """As canonical JSON carries it."""
        return {
            "attributes": dict(self.attributes),
            "kind": self.kind,
            "region": self.region,
            "unit": self.unit,
            "year": self.year,
        }

    @cached_property
    def canonical_text(self) -> str:
        """Its canonical JSON."""
        return to_canonical(self.to_json()).decode()

    @cached_property
    def key_id(self) -> str:
        """SHA-256 of its canonical JSON, 64 hexadecimal digits: its identity."""
        return sha256(self.canonical_text.encode()).hexdigest()


def activity_key(
    kind: str, region: str, year: int, dimension: Dimension, *, currency: str = "", **attributes: str
) -> ActivityKey:
    """The key of an activity, with the unit that its dimension is kept in.

    Args:
        kind: Name of a `Kind`.
        region: Finest region known.
        year: Calendar year of the activity.
        dimension: What was measured.
        currency: Currency of the payment, where money was measured.
        **attributes: The kind's own attributes.

    Returns:
        The key.

    Raises:
        KindError: No such kind, or one that is not measured so.
        AttributeValueError: An attribute is not one of the kind's.
    """
    found = find_kind(kind)
    if dimension not in found.dimensions:
        fitting = ", ".join(found.dimensions)
        raise KindError(f"{kind} is not measured as {dimension}", expected=fitting, got=str(dimension))
    unit = currency if dimension is Dimension.MONEY else found.unit_of(dimension)
    return ActivityKey(kind, region, year, unit, checked_attributes(found, attributes))


@dataclass(frozen=True, slots=True)
class Profile:
    """The interval values of one local day, packed.

    Attributes:
        starts_s: Seconds after the activity's start, ascending; equal starts are legal (an occurrence each).
        durations_s: Length of each interval in seconds; 0 is legal (a meter's daylight-saving correction).
        quantities_micro: Millionths of the canonical unit.
        feed_times_s: When the feed that each interval came from was last changed, seconds since 1970, 0 where unknown: a newer
            feed's value replaces an older one.
        is_estimated: Whether the utility marks each interval as estimated; empty where what holds for the day holds for all.

    Invariant: the first four are equally long; the quantities sum to the activity's `quantity_micro`.
    """

    starts_s: tuple[int, ...]
    durations_s: tuple[int, ...]
    quantities_micro: tuple[int, ...]
    feed_times_s: tuple[int, ...] = ()
    is_estimated: tuple[bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Activity:
    """A measured amount that causes emissions.

    Attributes:
        key: What its factor depends on.
        start: Begin of the span it was measured over, UTC.
        end: End, exclusive, UTC.
        month: Local month at the place.
        quantity_micro: Millionths of the key's unit, int64; negative for refunds.
        quality: How the amount came about.
        evidence: How it is known.
        profile: Interval values of a meter day; absent for a bill.
    """

    key: ActivityKey
    start: datetime
    end: datetime
    month: Month
    quantity_micro: int
    quality: Quality
    evidence: EvidenceClass
    profile: Profile | None = field(default=None, compare=False)
