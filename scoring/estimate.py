"""One estimate: an activity as somebody sends it, to grams with everything that led to them. Unknown fields are refused.

    {"id": "a", "kind": "electricity", "quantity": "350", "unit": "kWh",
     "start": "2024-03-01", "end": "2024-04-01", "region": "94110"}

A span over several years is divided by days with cumulative floors, because the factor depends on the year; the months of one
year have one factor, so their activity is summed first and multiplied once. Electricity may come with its readings (`profile`):
hourly factors are then used where they are held, and the readings say what belongs to which year.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from typing import TypeAlias, TypeVar

from domain.activity import ActivityKey, Kind, find_kind
from domain.canonical import Json
from domain.declared import check_amount
from domain.errors import AttributeValueError, ClimateFitnessError, FactorError, InputError, KindError, TimeError, UnitError
from domain.factor import Basis, CompiledFactor, GasSplit, GwpSet, Part, Resolution, Step
from domain.kinds import checked_attributes, kind_quantity, scope_and_category
from domain.number import decimal_from_text, decimal_to_text, fraction_of, fraction_to_text, round_half_even
from domain.period import EARLIEST_YEAR, date_from_text, instant_from_text
from domain.split import split_in_proportion
from domain.units import Dimension, find_unit
from scoring.arithmetic import line_emissions, line_ug
from scoring.certificates import CERTIFICATE_KIND
from scoring.factors.compile import MAX_UG_PER_UNIT, ug_per_published_unit
from scoring.factors.factor_set import FactorSet
from scoring.hourly import HourWeights, by_the_hour, hourly_mean
from scoring.readings import PROFILE_FIELD, PROFILE_KIND, readings_by_year
from scoring.resolve import RULES, check_key, resolve
from scoring.uncertainty import spread_of

JsonObject: TypeAlias = Mapping[str, object]
_Option = TypeVar("_Option", Basis, GwpSet)

REQUIRED_FIELDS = ("kind", "quantity", "unit", "start")
FIELDS = ("id", *REQUIRED_FIELDS, "end", "region", "basis", "gwp_set", "factor")
"""Every field of a request besides the attributes of its kind. `end` may be left out for one day; `region` where a factor is
given or the kind's publications are about the world. Electricity takes `profile` besides (`readings.py`)."""

_FACTOR_FIELDS = ("value", "unit")
_SHOWN_COUNT = 40
_GAS_WORDS = ("CO2e", "CO2eq", "CO2")
_OWN_PARTS = frozenset({Part.USE, Part.ELECTRICITY})
"""Parts that are the activity itself; every other one is shown beside it and is a line of its own in a statement."""


@dataclass(frozen=True, slots=True)
class _Request:
    """A request whose every field was understood."""

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


def estimate(request: object, *, factor_set: FactorSet, today_date: date) -> dict[str, Json]:
    """The emissions of one activity, or what is wrong with it; never an exception for anything that a request can hold.

    Args:
        request: What came: a JSON object with the fields of `FIELDS`; amounts as decimal text (JSON
            numbers are taken as Python prints them).
        factor_set: Rows to choose from.
        today_date: The caller's day; an activity that begins later, or ends more than a day later, is refused.

    Returns:
        Grams in all and by gas as exact decimal text, factor, source, edition, region, year, steps, flags, uncertainty. Or, with
        `error`, what was expected, what came, and the next step. `id` is given back in both.
    """
    request_id = request.get("id") if isinstance(request, Mapping) else None
    try:
        return _answer(_understood(request, factor_set, today_date), factor_set)
    except ClimateFitnessError as error:
        return {"id": _plain_id(request_id), "error": error_json(error)}


def error_json(error: ClimateFitnessError) -> dict[str, Json]:
    """An error as a result carries it; `choices` lists what would fit where there are few."""
    choices: list[Json] = []
    if isinstance(error, KindError | UnitError) and error.expected.startswith("one of "):
        choices = [one.strip() for one in error.expected.removeprefix("one of ").split(",") if one.strip() not in {"", "..."}]
    return {
        "choices": choices,
        "code": error.code,
        "expected": error.expected,
        "got": error.got,
        "message": error.message,
        "next_step": error.next_step,
        "record": error.record,
    }


# The answer.


@dataclass(frozen=True, slots=True)
class _Part:
    """What one part of the activity gives in one calendar year, or month for money."""

    year: int
    quantity_micro: int
    part: Part
    scope: int
    category: int
    chosen: CompiledFactor
    emissions: GasSplit
    resolution: Resolution

    @property
    def ug_co2e(self) -> int:
        return self.emissions.total_ug_co2e


def _answer(request: _Request, factor_set: FactorSet) -> dict[str, Json]:
    if request.given_ug_per_unit is not None:
        return _answer_of_given(request, request.given_ug_per_unit)
    parts = [part for year, month, micro in _by_year(request) for part in _parts(request, year, month, micro, factor_set)]
    own = [part for part in parts if part.part in _OWN_PARTS]
    uses = [part for part in parts if part.part is Part.USE]
    main = max(own, key=lambda part: (abs(part.ug_co2e), abs(part.quantity_micro), part.year))
    flags = list(dict.fromkeys(flag for part in uses for flag in part.resolution.flags))
    if len({part.chosen.factor.factor_id for part in uses}) > 1:
        flags.append("several_factors")
    steps = _steps_before(request, len(uses)) + [step for part in uses for step in _steps_of(part, uses)]
    return {
        **_head(request, _sum([part.emissions for part in own]), flags),
        **_factor_fields(main),
        "category": main.category,
        "scope": main.scope,
        "additions": [_addition_json(part) for part in parts if part.part is not Part.USE],
        "beside": _beside(uses),
        "factor_g_co2e_per_unit": _grams(_per_unit(own, main)),
        "g_co2e_with_additions": _grams(sum(part.ug_co2e for part in parts)),
        "gwp_set": main.chosen.gwp_set,
        "parts": [_part_json(part) for part in uses] if len(uses) > 1 else [],
        "steps": steps,
        **_uncertainty(main, flags),
    }


def _per_unit(own: Sequence[_Part], main: _Part) -> int:
    """Grams per unit in the year of the main part: of a battery car the exhaust's and the grid's."""
    return sum(part.chosen.ug_per_unit.total_ug_co2e for part in own if part.resolution is main.resolution)


def _parts(request: _Request, year: int, month: str, quantity_micro: int, factor_set: FactorSet) -> list[_Part]:
    attributes = tuple(sorted([*request.attributes, *([("month", month)] if month else [])]))
    key = ActivityKey(request.kind.name, request.region, year, request.unit, attributes)
    check_key(key, factor_set)
    found = resolve(key, factor_set, request.basis, gwp_set=request.gwp_set)
    if request.readings is not None:
        found = _by_the_hour(found, request.readings[year], factor_set)
    if found.chosen is None:
        raise FactorError(
            "No published factor fits",
            expected="a published factor",
            got=f"{key.kind} in {key.region or 'the world'}, {year}",
            next_step=" ".join(found.steps),
        )
    scope, category = scope_and_category(request.kind, dict(request.attributes))
    chosen = [(Part.USE, scope, category, found.chosen)]
    chosen += [(one.part, one.scope, one.category, one.chosen) for one in found.additions if not request.kind.is_avoided]
    return [
        _Part(
            year=year,
            quantity_micro=quantity_micro,
            part=part,
            scope=of_part,
            category=category_of_part,
            chosen=factor,
            emissions=line_emissions(_counted_micro(request, quantity_micro), factor, record="quantity"),
            resolution=found,
        )
        for part, of_part, category_of_part, factor in chosen
    ]


def _counted_micro(request: _Request, quantity_micro: int) -> int:
    """What counts of a quantity: a certificate takes away on the market basis, and nothing on the location basis."""
    if request.kind.name != CERTIFICATE_KIND:
        return quantity_micro
    return -quantity_micro if request.basis is Basis.MARKET else 0


def _by_the_hour(found: Resolution, weights: HourWeights, factor_set: FactorSet) -> Resolution:
    mean = hourly_mean(found.key, weights, factor_set)
    if mean is not None or weights.quantity_micro <= 0:
        return by_the_hour(found, mean)
    step = Step("By the hour: no hourly factor is held for this place and these hours: the annual average stands.")
    return replace(found, trace=(*found.trace, step), flags=(*found.flags, "hourly_not_held"))


def _by_year(request: _Request) -> list[tuple[int, str, int]]:
    """The activity by calendar year, of money by month, divided by days or as it was read; the parts add up to the whole."""
    if request.readings is not None:
        return [(year, "", weights.quantity_micro) for year, weights in sorted(request.readings.items())]
    begins = [request.first_date]
    is_money = find_unit(request.unit).dimension is Dimension.MONEY
    while (following := _following(begins[-1], is_money=is_money)) < request.end_date:
        begins.append(following)
    days = [(after - begin).days for begin, after in pairwise([*begins, request.end_date])]
    months = [f"{begin:%Y-%m}" if is_money else "" for begin in begins]
    return list(zip([b.year for b in begins], months, split_in_proportion(request.quantity_micro, days), strict=True))


def _following(day: date, *, is_money: bool) -> date:
    """First day of the next year, or month."""
    december = 12
    if not is_money or day.month == december:
        return date(day.year + 1, 1, 1)
    return date(day.year, day.month + 1, 1)


def _answer_of_given(request: _Request, ug_per_unit: int) -> dict[str, Json]:
    emissions = GasSplit(0, 0, 0, line_ug(request.quantity_micro, ug_per_unit, record="quantity"))
    return {
        **_head(request, emissions, ["factor_given", "co2e_only"]),
        "additions": [],
        "beside": [],
        "edition": "",
        "factor_g_co2e_per_unit": _grams(ug_per_unit),
        "factor_id": "",
        "factor_label": "",
        "g_co2e_with_additions": _grams(emissions.total_ug_co2e),
        "gwp_set": "not stated",
        "life_cycle_scope": "",
        "parts": [],
        "region": request.region,
        "scale": "1",
        "source": "given with the request",
        "source_url": "",
        "steps": [*_steps_before(request, 1), f"Factor: {request.given_text}, given with the request and used as it is."],
        "table": "",
        "uncertainty": None,
        "uncertainty_note": "not published",
        "year": request.first_date.year,
    }


def _head(request: _Request, emissions: GasSplit, flags: Sequence[str]) -> dict[str, Json]:
    more = ["negative_quantity"] if request.quantity_micro < 0 else []
    scope, category = scope_and_category(request.kind, dict(request.attributes))
    return {
        "attributes": dict(request.attributes),
        "basis": str(request.basis),
        "category": category,
        "end": request.end_date.isoformat(),
        "flags": [*flags, *more],
        "g_co2e": _grams(emissions.total_ug_co2e),
        "g_co2e_by_gas": _gases_json(emissions),
        "id": request.id,
        "is_avoided": request.kind.is_avoided,
        "kind": request.kind.name,
        "place": request.region,
        "quantity": _grams(request.quantity_micro),
        "scope": scope,
        "start": request.first_date.isoformat(),
        "unit": request.unit,
    }


def _factor_fields(part: _Part) -> dict[str, Json]:
    row = part.chosen.factor
    return {
        "edition": row.edition,
        "factor_g_co2e_per_unit": _grams(part.chosen.ug_per_unit.total_ug_co2e),
        "factor_id": row.factor_id,
        "factor_label": row.label,
        "life_cycle_scope": str(row.life_cycle_scope),
        "region": row.region,
        "scale": str(part.chosen.scale),
        "source": row.publisher,
        "source_url": row.source_url,
        "table": row.table,
        "year": row.year,
    }


def _part_json(part: _Part) -> dict[str, Json]:
    return {
        **_factor_fields(part),
        "activity_year": part.year,
        "g_co2e": _grams(part.emissions.total_ug_co2e),
        "g_co2e_by_gas": _gases_json(part.emissions),
        "quantity": _grams(part.quantity_micro),
    }


def _addition_json(part: _Part) -> dict[str, Json]:
    return {**_part_json(part), "category": part.category, "part": str(part.part), "scope": part.scope}


def _beside(uses: Sequence[_Part]) -> list[Json]:
    """Effects in no total, summed over the years."""
    found: dict[str, int] = {}
    factor_of: dict[str, str] = {}
    for part in uses:
        for effect in part.resolution.beside:
            amount_ug = line_ug(part.quantity_micro, effect.ug_per_unit, record="quantity")
            found[effect.name] = found.get(effect.name, 0) + amount_ug
            factor_of[effect.name] = effect.factor_id
    return [{"factor_id": factor_of[name], "g_co2e": _grams(ug), "name": name} for name, ug in sorted(found.items())]


def _uncertainty(main: _Part, flags: Sequence[str]) -> dict[str, Json]:
    """The 95 % interval of the factor, relative; the activity's own uncertainty is not known here."""
    spread = spread_of(main.chosen.factor, year=main.year, flags=flags)
    note = "assumed: pedigree method on these scores, 1 best to 5" if spread.is_assumed else "published by the source"
    shown: dict[str, Json] = {
        "high_percent": f"{(spread.high_ratio - 1) * 100:.3g}",
        "is_assumed": spread.is_assumed,
        "low_percent": f"{(spread.low_ratio - 1) * 100:.3g}",
        "scores": dict(spread.scores),
    }
    return {"uncertainty": shown, "uncertainty_note": note}


def _gases_json(emissions: GasSplit) -> dict[str, Json]:
    found: dict[str, Json] = {
        "ch4": _grams(emissions.ch4_ug),
        "co2": _grams(emissions.co2_ug),
        "n2o": _grams(emissions.n2o_ug),
        "unsplit": _grams(emissions.unsplit_ug),
    }
    return found | ({"biogenic_co2": _grams(emissions.biogenic_co2_ug)} if emissions.biogenic_co2_ug else {})


def _steps_before(request: _Request, parts_count: int) -> list[str]:
    steps = []
    if request.rounded_away_micro:
        steps.append(f"The quantity is kept in millionths of a {request.unit}; less than one was rounded away.")
    if request.quantity_micro < 0:
        steps.append("The quantity is negative: a refund or correction. Electricity fed into the grid is electricity_export.")
    if parts_count > 1:
        steps.append(
            f"The span lies in {parts_count} calendar {_span_word(request)} and is divided by days; each has its own factor."
        )
    return steps


def _span_word(request: _Request) -> str:
    return "months" if find_unit(request.unit).dimension is Dimension.MONEY else "years"


def _steps_of(part: _Part, uses: Sequence[_Part]) -> list[str]:
    steps = list(part.resolution.steps)
    return [f"{part.year}: {step}" for step in steps] if len(uses) > 1 else steps


def _sum(splits: Sequence[GasSplit]) -> GasSplit:
    return GasSplit(
        co2_ug=sum(split.co2_ug for split in splits),
        ch4_ug=sum(split.ch4_ug for split in splits),
        n2o_ug=sum(split.n2o_ug for split in splits),
        unsplit_ug=sum(split.unsplit_ug for split in splits),
        biogenic_co2_ug=sum(split.biogenic_co2_ug for split in splits),
    )


def _grams(amount_micro: int) -> str:
    """Millionths as exact decimal text: ug as g."""
    return fraction_to_text(Fraction(amount_micro, 1_000_000))


# Reading the request.


def _understood(request: object, factor_set: FactorSet, today_date: date) -> _Request:
    fields, kind = _checked_fields(request)
    unit_text = _text(fields, "unit")
    amount = _decimal(fields, "quantity")
    quantity = kind_quantity(kind, fraction_of(amount), unit_text, record="quantity")
    if quantity.quantity_micro <= 0:
        got = f"{decimal_to_text(amount)} {unit_text}"
        check_amount(kind, find_unit(unit_text).dimension, quantity.quantity_micro, got=got, record="quantity")
    first_date, end_date = _span(fields, today_date)
    factor = fields.get("factor")
    given_ug_per_unit, given_text = (None, "") if factor is None else _given_factor(factor, quantity.unit)
    region = _region(fields, kind, factor_set, is_needed=factor is None)
    return _Request(
        id=_plain_id(fields.get("id")),
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


def _span(fields: JsonObject, today_date: date) -> tuple[date, date]:
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


def _plain_id(value: object) -> Json:
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None
