"""Activities that a source declares one by one: a flight, a purchase, a tank of oil. Local days, and no meter behind them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from domain.activity import ActivityKey, Quality, activity_key
from domain.errors import DocumentError, InputError, TimeError
from domain.kinds import Kind
from domain.period import Month, date_from_text, instant_from_text
from domain.split import split_in_proportion
from domain.units import Dimension, find_unit

DECLARED_USAGE_POINT = "declared"
"""Where declared activities stand instead of at a meter; no meter may have this name."""

MONTH_ATTRIBUTE = "month"
"""Attribute that splitting gives to kinds whose factor depends on the month: money has that month's prices and rates."""

_ONE_DAY = timedelta(days=1)
_DATE_SIZE = len("2024-03-01")
_DISTANCES = frozenset({Dimension.DISTANCE, Dimension.PASSENGER_DISTANCE, Dimension.FREIGHT_DISTANCE})
_CLAIMED_ONCE_ATTRIBUTE = "serial"
_PLACELESS_KINDS = frozenset({"purchase", "reported_emissions"})


@dataclass(frozen=True, slots=True)
class DeclaredActivity:
    """One activity as a document declares it.

    Attributes:
        record_key: Its name: the same name in a later document is a correction.
        kind: Name of the kind.
        attributes: Checked attributes, by name; never the month, which splitting gives.
        quantity_micro: Amount, millionths of `unit`; negative for refunds.
        unit: The unit that the kind is kept in; the currency, where money was measured.
        start_date: First local day.
        end_date: Local day after the last one.
        region: Place as the document writes it: a ZIP code, a country, a path; empty where it says none.
        quality: How the amount came about.
        line_number: Where it stands in its document, from 1.
    """

    record_key: str
    kind: str
    attributes: tuple[tuple[str, str], ...]
    quantity_micro: int
    unit: str
    start_date: date
    end_date: date
    region: str = ""
    quality: Quality = Quality.MEASURED
    line_number: int = 0

    @property
    def needs_only_country(self) -> bool:
        """Whether its factor does not depend on a place in the country: a flight between airports, a purchase, reported grams."""
        return self.kind in _PLACELESS_KINDS or (self.kind == "flight" and any(name == "origin" for name, _ in self.attributes))


@dataclass(frozen=True, slots=True)
class ActivityDocument:
    """A parsed document that declares activities.

    Attributes:
        activities: What it declares, each record key once.
        removed_keys: Record keys that it takes back.
        refused: What was not read, each with its line and reason; the rest of the document stands.
        title: For people.
        set_aside_keys: Record keys that a person decided not to count, whatever their source goes on saying of them.
        restored_keys: Record keys that count again, as their source says them.
    """

    activities: tuple[DeclaredActivity, ...]
    removed_keys: tuple[str, ...] = ()
    refused: tuple[DocumentError, ...] = ()
    title: str = ""
    set_aside_keys: tuple[str, ...] = ()
    restored_keys: tuple[str, ...] = ()

    def spoken_keys(self) -> tuple[str, ...]:
        """Every record key that it says something about, each once."""
        declared = (one.record_key for one in self.activities)
        return tuple(dict.fromkeys((*declared, *self.removed_keys, *self.set_aside_keys, *self.restored_keys)))


@dataclass(frozen=True, slots=True)
class DeclaredPart:
    """The share of a declared activity that falls in one month.

    Attributes:
        month: Local month.
        start_date: First local day.
        end_date: Local day after the last one.
        quantity_micro: Millionths of the activity's unit.
    """

    month: Month
    start_date: date
    end_date: date
    quantity_micro: int


def split_over_days(activity: DeclaredActivity) -> tuple[DeclaredPart, ...]:
    """An activity by local month, in proportion to days, by cumulative floors: the parts add up to the whole.

    What has a serial is claimed once, so it is not divided: it counts in the month that it begins in.

    Source:
        shared design, arithmetic, section 2.
    """
    start, end = activity.start_date, activity.end_date
    month = Month(start.year, start.month)
    if end <= month.plus(1).first_date() or _is_claimed_once(activity):  # nearly all
        return (DeclaredPart(month, start, end, activity.quantity_micro),)
    spans = []
    while month.first_date() < end:
        spans.append((month, max(start, month.first_date()), min(end, month.plus(1).first_date())))
        month = month.plus(1)
    parts_micro = split_in_proportion(activity.quantity_micro, [(last - first).days for _, first, last in spans])
    return tuple(DeclaredPart(*span, part_micro) for span, part_micro in zip(spans, parts_micro, strict=True))


def _is_claimed_once(activity: DeclaredActivity) -> bool:
    return any(name == _CLAIMED_ONCE_ATTRIBUTE for name, _ in activity.attributes)


def declared_key(activity: DeclaredActivity, region: str, month: Month) -> ActivityKey:
    """The activity key of an activity's part in one month.

    Args:
        activity: What was declared.
        region: Path of the region that it is counted at.
        month: Month of the part.

    Returns:
        The key; of money, the month is one of its attributes.

    Raises:
        KindError: There is no such kind, or it is not measured so.
        AttributeValueError: An attribute is not one of the kind's.
        UnknownUnitError: There is no such unit.
    """
    attributes: Mapping[str, str] = dict(activity.attributes)
    dimension = find_unit(activity.unit).dimension
    if dimension is not Dimension.MONEY:
        return activity_key(activity.kind, region, month.year, dimension, **attributes)
    with_month = {**attributes, MONTH_ATTRIBUTE: month.to_text()}
    return activity_key(activity.kind, region, month.year, dimension, currency=activity.unit, **with_month)


def quality_of_kind(kind: str) -> Quality:
    """How amounts of a kind come about where the source does not say it."""
    return {"purchase": Quality.SPEND_BASED, "reported_emissions": Quality.CALCULATED}.get(kind, Quality.MEASURED)


def check_amount(kind: Kind, dimension: Dimension, quantity_micro: int, *, got: str, record: str) -> None:
    """Refuse amounts that cannot be: a negative distance, a flight without passengers. Zero and refunds are legal.

    Args:
        kind: The kind; `allows_negative` says whether its amounts may be below zero.
        dimension: What was measured.
        quantity_micro: The amount, millionths.
        got: As it was given, for the message.
        record: Where it stands, for the message.

    Raises:
        InputError: It cannot be.
    """
    if kind.name == "flight" and dimension is Dimension.COUNT and quantity_micro <= 0:
        raise InputError(
            "A flight has passengers",
            expected="a number above 0",
            got=got,
            record=record,
            next_step="Give the number of passengers that you count; to take a flight back, give its id with removed.",
        )
    if quantity_micro < 0 and not kind.allows_negative:
        what = "A distance" if dimension in _DISTANCES else "An amount of hours" if dimension is Dimension.TIME else "A count"
        raise InputError(
            f"{what} is not negative",
            expected="zero or more",
            got=got,
            record=record,
            next_step="To take an activity back, give its id with removed.",
        )


def declared_days(start: str, end: str) -> tuple[date, date]:
    """First local day, and the day after the last one, of what a source says: days, or instants, whose local day counts.

    Args:
        start: `2024-03-01`, or an RFC 3339 time with offset.
        end: The first day that is no longer in it; a time inside a day takes that day in; empty: the day after the start.

    Returns:
        Both days.

    Raises:
        TimeError: No such day, outside the years that a bill can have, or an end that is not after the start.
    """
    first = _day(start, "start", is_end=False)
    after_last = _day(end, "end", is_end=True) if end else first + _ONE_DAY
    if not first < after_last:
        raise TimeError(
            "An activity ends after it begins",
            expected=f"an end after {first}",
            got=str(after_last),
            record="end",
            next_step="The end is the first day that is no longer in it: the bill of March ends on 2024-04-01.",
        )
    return first, after_last


def _day(text: str, record: str, *, is_end: bool) -> date:
    if len(text) <= _DATE_SIZE:
        return date_from_text(text, record=record)
    instant_from_text(text, record=record)
    day = date_from_text(text[:_DATE_SIZE], record=record)
    return day + _ONE_DAY if is_end and text[11:19] != "00:00:00" else day
