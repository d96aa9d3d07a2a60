"""What a request for an estimate says: every field understood, or refused with what was expected."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import TypeAlias, TypeVar

from domain.activity import Kind, find_kind
from domain.canonical import Json
from domain.declared import check_amount
from domain.errors import AttributeValueError, FactorError, InputError, KindError, TimeError
from domain.factor import Basis, GwpSet
from domain.kinds import checked_attributes, kind_quantity
from domain.number import decimal_from_text, decimal_to_text, fraction_of, round_half_even
from domain.period import EARLIEST_YEAR, date_from_text, instant_from_text
from domain.split import split_in_proportion
from domain.units import Dimension, find_unit
from scoring.factors.compile import MAX_UG_PER_UNIT, ug_per_published_unit
from scoring.factors.factor_set import FactorSet
from scoring.hourly import HourWeights
from scoring.readings import PROFILE_FIELD, PROFILE_KIND, readings_by_year
from scoring.resolve import RULES

JsonObject: TypeAlias = Mapping[str, object]
_Option = TypeVar("_Option", Basis, GwpSet)

REQUIRED_FIELDS = ("kind", "quantity", "unit", "start")
FIELDS = ("id", *REQUIRED_FIELDS, "end", "region", "basis", "gwp_set", "factor")
"""Every field of a request besides the attributes of its kind. `end` may be left out for one day; `region` where a factor is
given or the kind's publications are about the world. Electricity takes `profile` besides (`readings.py`)."""

_FACTOR_FIELDS = ("value", "unit")
_SHOWN_COUNT = 40
_GAS_WORDS = ("CO2e", "CO2eq", "CO2")


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose every field was understood.

    Attributes:
        id: What the sender calls it: a text, an integer, or None.
        kind: Its kind.
        attributes: Checked attributes of the kind, sorted by name.
        quantity_micro: Amount, millionths of `unit`; negative for refunds.
        unit: Unit that the kind is kept in; the currency, where money was measured.
        rounded_away_micro: Exact amount minus the kept one, millionths.
        first_date: First local day.
        end_date: Local day after the last one.
        region: Path of the region; empty where none is needed.
        basis: Location or market.
        gwp_set: Set that single gases are weighted with.
        given_ug_per_unit: Factor of the sender's own, ug CO2e per `unit`; None where there is none.
        given_text: The same as it was written.
        readings: Electricity by hour for each year; None where the request has none.
    """

    id: Json
    kind: Kind
    attributes: tuple[tuple[str, str], ...]
    quantity_micro: int
    unit: str
    rounded_away_micro: Fraction
    first_date: date
    end_date: date
    region: str
    basis: Basis
    gwp_set: GwpSet
    given_ug_per_unit: int | None
    given_text: str
    readings: Mapping[int, HourWeights] | None

    @property
    def is_money(self) -> bool:
        """Whether its factor depends on the month: money has that month's prices and rates."""
        return find_unit(self.unit).dimension is Dimension.MONEY


def spans_of(first_date: date, end_date: date, *, is_money: bool) -> tuple[tuple[tuple[int, str], ...], tuple[int, ...]]:
    """The calendar years, of money the months, that days lie in.

    Args:
        first_date: First day.
        end_date: Day after the last one.
        is_money: Whether months count.

    Returns:
        Year and month ("2024-03"; empty unless months count) of each, and how many of the days lie in it.
    """
    begins = [first_date]
    while (following := _following(begins[-1], is_money=is_money)) < end_date:
        begins.append(following)
    days = tuple((after - begin).days for begin, after in pairwise([*begins, end_date]))
    return tuple((begin.year, f"{begin:%Y-%m}" if is_money else "") for begin in begins), days


def by_year(request: Request) -> list[tuple[int, str, int]]:
    """The activity by calendar year, of money by month, divided by days or as it was read; the parts add up to the whole."""
    if request.readings is not None:
        return [(year, "", weights.quantity_micro) for year, weights in sorted(request.readings.items())]
    labels, days = spans_of(request.first_date, request.end_date, is_money=request.is_money)
    parts_micro = split_in_proportion(request.quantity_micro, days)
    return [(year, month, micro) for (year, month), micro in zip(labels, parts_micro, strict=True)]


def _following(day: date, *, is_money: bool) -> date:
    """First day of the next year, or month."""
    december = 12
    if not is_money or day.month == december:
        return date(day.year + 1, 1, 1)
    return date(day.year, day.month + 1, 1)


def understood(request: object, factor_set: FactorSet, today_date: date) -> Request:
    """What a request says.

    Args:
        request: What came, as `scoring.estimate.estimate` takes it.
        factor_set: Rows whose attribute values and places count.
        today_date: The caller's day.

    Returns:
        The request.

    Raises:
        ClimateFitnessError: A field is missing, unknown, or says what cannot be; the first of them is named.
    """
    fields, kind = _checked_fields(request)
    unit_text = _text(fields, "unit")
    amount = _decimal(fields, "quantity")
    quantity = kind_quantity(kind, fraction_of(amount), unit_text, record="quantity")
    if quantity.quantity_micro <= 0:
        got = f"{decimal_to_text(amount)} {unit_text}"
        check_amount(kind, find_unit(unit_text).dimension, quantity.quantity_micro, got=got, record="quantity")
    first_date, end_date = days_of(fields, today_date)
    factor = fields.get("factor")
    given_ug_per_unit, given_text = (None, "") if factor is None else _given_factor(factor, quantity.unit)
    region = _region(fields, kind, factor_set, is_needed=factor is None)
    return Request(
        id=plain_id(fields.get("id")),
        kind=kind,
        attributes=_attributes(kind, fields, factor_set, is_needed=factor is None),
        quantity_micro=quantity.quantity_micro,
        unit=quantity.unit,
        rounded_away_micro=quantity.rounded_away,
        first_date=first_date,
        end_date=end_date,
        region=region,
        basis=_choice(fields, "basis", Basis, Basis.LOCATION),
        gwp_set=_choice(fields, "gwp_set", GwpSet, GwpSet.AR5),
        given_ug_per_unit=given_ug_per_unit,
        given_text=given_text,
        readings=_readings(fields, kind, amount, unit_text, (first_date, end_date)),
    )


def _readings(
    fields: JsonObject, kind: Kind, amount: Decimal, unit: str, span: tuple[date, date]
) -> Mapping[int, HourWeights] | None:
    """The readings of the request; None where it has none.

    Raises:
        InputError: A factor is given besides, or they are not those of the quantity.
    """
    value = fields.get(PROFILE_FIELD)
    if value is None:
        return None
    if fields.get("factor") is not None:
        raise InputError(
            "A profile is weighed with hourly factors", expected="a profile or a factor", got="both", record=PROFILE_FIELD
        )
    return readings_by_year(value, kind=kind, amount=amount, unit=unit, first_date=span[0], end_date=span[1])


def _checked_fields(request: object) -> tuple[JsonObject, Kind]:
    if not isinstance(request, Mapping):
        raise InputError("An estimate is a JSON object", expected=f"an object with {', '.join(REQUIRED_FIELDS)}", got=request)
    if "kind" not in request:
        raise InputError("A field is missing", expected="kind", got=", ".join(map(str, request)))
    kind = find_kind(_text(request, "kind"), record="kind")
    if kind.name not in RULES:
        raise KindError(
            f"{kind.name} emits nothing that could be estimated",
            expected=f"one of {', '.join(RULES)}",
            got=kind.name,
            record="kind",
            next_step="Retired credits act on the net of a statement: `import activities` takes them in.",
        )
    known = (*FIELDS, *(one.name for one in kind.attributes), *(("category",) if kind.other_categories else ()))
    known += (PROFILE_FIELD,) if kind.name == PROFILE_KIND else ()
    unknown = [str(name) for name in request if name not in known]
    if unknown:
        raise InputError("This field is not known", expected=f"one of {', '.join(known)}", got=", ".join(unknown))
    missing = [name for name in REQUIRED_FIELDS if name not in request]
    if missing:
        raise InputError("A field is missing", expected=", ".join(missing), got=", ".join(map(str, request)))
    return request, kind


def _attributes(kind: Kind, fields: JsonObject, factor_set: FactorSet, *, is_needed: bool) -> tuple[tuple[str, str], ...]:
    """The attributes of the kind, as text; with a factor of the sender's own none is needed.

    Raises:
        InputError: The month of a payment is given besides its days.
    """
    names = (*(one.name for one in kind.attributes), "category")
    given = {name: _attribute_text(fields, name) for name in names if fields.get(name) is not None}
    if "month" in given:
        raise InputError("The month follows from start and end", expected="no month", got=given["month"], record="month")
    if not is_needed and not given:
        return ()
    _require_open(kind, given, factor_set)
    return checked_attributes(kind, given)


def _require_open(kind: Kind, given: Mapping[str, str], factor_set: FactorSet) -> None:
    """Refuse a line without an attribute whose values the factor set knows, with the first of them.

    Raises:
        AttributeValueError: One is missing.
    """
    for one in kind.attributes:
        if one.is_required and one.is_open and not given.get(one.name):
            held = factor_set.choices(kind.name, one.name)
            shown = ", ".join(held[:_SHOWN_COUNT]) + (", ..." if len(held) > _SHOWN_COUNT else "")
            raise AttributeValueError(
                f"{kind.name} needs {one.name}",
                expected=f"one of {shown}",
                got="none",
                record=one.name,
                next_step=f"{one.meaning} `climate-fitness factors list --kind {kind.name}` lists all {len(held)}.",
            )


def _attribute_text(fields: JsonObject, name: str) -> str:
    value = fields[name]
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | Decimal):
        return str(value)
    if isinstance(value, float):
        return decimal_to_text(decimal_from_text(repr(value), record=name))
    return _text(fields, name)


def days_of(fields: JsonObject, today_date: date) -> tuple[date, date]:
    """The days that a request says.

    Args:
        fields: Of the request; `start`, and `end` where it is longer than a day.
        today_date: The caller's day.

    Returns:
        First local day, and the local day after the last one.

    Raises:
        InputError: One is no text.
        TimeError: No such day, an end that is not after the start, or a day in the future.
    """
    first_date = _day(_text(fields, "start"), "start", is_end=False)
    end_date = _day(_text(fields, "end"), "end", is_end=True) if fields.get("end") is not None else first_date + timedelta(days=1)
    if not first_date < end_date:
        raise TimeError(
            "An activity ends after it begins",
            expected=f"an end after {first_date}",
            got=str(end_date),
            record="end",
            next_step="The end is the first day that is no longer in it: the bill of March ends on 2024-04-01.",
        )
    if first_date > today_date or end_date > today_date + timedelta(days=1):
        raise TimeError(
            "This activity lies in the future",
            expected=f"an end up to {today_date + timedelta(days=1)}",
            got=f"{first_date} to {end_date}",
            record="end",
            next_step="Estimate what has happened; check the year.",
        )
    return first_date, end_date


@lru_cache(maxsize=16_384)
def _day(text: str, record: str, *, is_end: bool) -> date:
    """The local day that a date or an instant says; an end inside a day takes that day in.

    Raises:
        TimeError: No such day, or outside the years that a bill can have.
    """
    if len(text) <= len("2024-03-01"):
        day = date_from_text(text, record=record)
    else:
        instant_from_text(text, record=record)
        day = date_from_text(text[:10], record=record)
        if is_end and text[11:19] != "00:00:00":
            day += timedelta(days=1)
    if not EARLIEST_YEAR <= day.year < 2200:  # noqa: PLR2004 - the same bound as domain.period.checked_instant
        raise TimeError(expected=f"a year from {EARLIEST_YEAR} to 2199", got=str(day.year), record=record)
    return day


def _region(fields: JsonObject, kind: Kind, factor_set: FactorSet, *, is_needed: bool) -> str:
    is_open = not is_needed or not RULES[kind.name].needs_place
    if fields.get("region") is None and is_open:
        return ""
    if "region" not in fields:
        raise InputError(
            "A field is missing",
            expected="region",
            got=", ".join(map(str, fields)),
            next_step="Give a US ZIP code (94110), a country code (DE), or a factor of your own.",
        )
    return factor_set.regions.region_of_text(_text(fields, "region"), record="region")


def _given_factor(value: object, unit: str) -> tuple[int, str]:
    """A factor that the sender gives, in ug per canonical unit, and as text.

    Raises:
        InputError: It is not an object of value and unit.
        FactorError: It is no mass per unit of the activity, or too large.
    """
    if not isinstance(value, Mapping) or set(value) != set(_FACTOR_FIELDS):
        raise InputError(expected='{"value": "0.4", "unit": "kg/kWh"}', got=value, record="factor")
    amount, unit_text = _decimal(value, "value", record="factor.value"), _text(value, "unit", record="factor.unit")
    scale = ug_per_published_unit(_without_gas(unit_text), unit, record="factor.unit")
    ug_per_unit = round_half_even(fraction_of(amount) * scale)
    if not 0 <= ug_per_unit <= MAX_UG_PER_UNIT:
        raise FactorError(
            "This factor is outside what a line can hold",
            expected=f"0 to {MAX_UG_PER_UNIT // 10**9} kg/{unit}",
            got=f"{amount} {unit_text}",
            record="factor.value",
            next_step="Check the factor's unit.",
        )
    return ug_per_unit, f"{decimal_to_text(amount)} {unit_text}"


def _without_gas(unit_text: str) -> str:
    """`kg CO2e/kWh` and `kgCO2e/kWh` as `kg/kWh`."""
    mass, slash, per = unit_text.partition("/")
    mass = mass.strip()
    for word in _GAS_WORDS:
        # "MtCO2e" stays whole: its two readings are named in the refusal.
        if mass.endswith(word) and mass not in {word, f"Mt{word}"}:
            mass = mass.removesuffix(word).strip()
            break
    return f"{mass}{slash}{per.strip()}"


def _text(fields: JsonObject, name: str, *, record: str = "") -> str:
    value = fields[name]
    if not isinstance(value, str):
        raise InputError("This field is text", expected=f"text in {name}", got=value, record=record or name)
    return value


def _decimal(fields: JsonObject, name: str, *, record: str = "") -> Decimal:
    value = fields[name]
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise InputError(expected='a number as text, such as "350.5"', got=value, record=record or name)
    return decimal_from_text(str(value), record=record or name)


def _choice(fields: JsonObject, name: str, options: type[_Option], default: _Option) -> _Option:
    if fields.get(name) is None:
        return default
    text = _text(fields, name)
    try:
        return options(text)
    except ValueError as error:
        raise InputError(expected=f"one of {', '.join(options)}", got=text, record=name) from error


def plain_id(value: object) -> Json:
    """The `id` of a request where it is a text or an integer; else None."""
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
