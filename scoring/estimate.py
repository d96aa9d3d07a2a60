"""One estimate: an activity as somebody sends it, to grams with everything that led to them. Unknown fields are refused.

    {"id": "a", "kind": "electricity", "quantity": "350", "unit": "kWh",
     "start": "2024-03-01", "end": "2024-04-01", "region": "94110"}

A span over several years is divided by days with cumulative floors, because the factor depends on the year; the months of one
year have one factor, so their activity is summed first and multiplied once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TypeAlias, TypeVar

from domain.activity import KINDS, ActivityKey, Kind, find_kind
from domain.canonical import Json
from domain.errors import ClimateFitnessError, FactorError, InputError, KindError, TimeError, UnitError
from domain.factor import Basis, CompiledFactor, GasSplit, GwpSet, Resolution
from domain.number import decimal_from_text, decimal_to_text, fraction_of, fraction_to_text, round_half_even
from domain.period import EARLIEST_YEAR, date_from_text, instant_from_text
from domain.split import split_in_proportion
from domain.units import CANONICAL_UNIT, UNITS, Dimension, find_unit, to_canonical_micro
from scoring.factors.compile import MAX_UG_PER_UNIT, ug_per_published_unit
from scoring.factors.factor_set import FactorSet
from scoring.lines import line_emissions, line_ug
from scoring.resolve import RULES, resolve

JsonObject: TypeAlias = Mapping[str, object]
_Option = TypeVar("_Option", Basis, GwpSet)

REQUIRED_FIELDS = ("kind", "quantity", "unit", "start", "end")
FIELDS = ("id", *REQUIRED_FIELDS, "region", "basis", "gwp_set", "factor")
"""Every field of a request. `region` may be left out where a factor is given."""

_FACTOR_FIELDS = ("value", "unit")
_GAS_WORDS = ("CO2e", "CO2eq", "CO2")


@dataclass(frozen=True, slots=True)
class _Request:
    """A request whose every field was understood."""

    id: Json
    kind: Kind
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
    """An error as a result carries it."""
    choices: list[Json] = [*RULES] if isinstance(error, KindError) else []
    if isinstance(error, UnitError) and error.record in {"unit", "quantity"}:
        choices = [symbol for symbol, unit in UNITS.items() if unit.dimension is Dimension.ENERGY]
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
    """What one calendar year of the activity gives."""

    year: int
    quantity_micro: int
    emissions: GasSplit
    chosen: CompiledFactor
    resolution: Resolution


def _answer(request: _Request, factor_set: FactorSet) -> dict[str, Json]:
    if request.given_ug_per_unit is not None:
        return _answer_of_given(request, request.given_ug_per_unit)
    parts = [_part(request, year, quantity_micro, factor_set) for year, quantity_micro in _by_year(request)]
    main = max(parts, key=lambda part: (abs(part.quantity_micro), part.year))
    flags = list(dict.fromkeys(flag for part in parts for flag in part.resolution.flags))
    if len({part.chosen.factor.factor_id for part in parts}) > 1:
        flags.append("several_factors")
    steps = _steps_before(request, parts) + [step for part in parts for step in _steps_of(part, parts)]
    return {
        **_head(request, _sum([part.emissions for part in parts]), flags),
        **_factor_fields(main),
        "gwp_set": main.chosen.gwp_set,
        "parts": [_part_json(part) for part in parts] if len(parts) > 1 else [],
        "steps": steps,
    }


def _part(request: _Request, year: int, quantity_micro: int, factor_set: FactorSet) -> _Part:
    key = ActivityKey(request.kind.name, request.region, year, request.unit)
    found = resolve(key, factor_set, request.basis, gwp_set=request.gwp_set)
    if found.chosen is None:
        raise FactorError(
            expected="a published factor", got=f"{key.kind} in {key.region}, {year}", next_step=" ".join(found.steps)
        )
    return _Part(year, quantity_micro, line_emissions(quantity_micro, found.chosen, record="quantity"), found.chosen, found)


def _by_year(request: _Request) -> list[tuple[int, int]]:
    """The activity by calendar year, divided by days; the parts add up to the whole."""
    years = range(request.first_date.year, (request.end_date - timedelta(days=1)).year + 1)
    days = [(min(request.end_date, date(year + 1, 1, 1)) - max(request.first_date, date(year, 1, 1))).days for year in years]
    return list(zip(years, split_in_proportion(request.quantity_micro, days), strict=True))


def _answer_of_given(request: _Request, ug_per_unit: int) -> dict[str, Json]:
    emissions = GasSplit(0, 0, 0, line_ug(request.quantity_micro, ug_per_unit, record="quantity"))
    return {
        **_head(request, emissions, ["factor_given", "co2e_only"]),
        "edition": "",
        "factor_g_co2e_per_unit": _grams(ug_per_unit),
        "factor_id": "",
        "gwp_set": "not stated",
        "life_cycle_scope": "",
        "parts": [],
        "region": request.region,
        "source": "given with the request",
        "source_url": "",
        "steps": [*_steps_before(request, []), f"Factor: {request.given_text}, given with the request and used as it is."],
        "table": "",
        "year": request.first_date.year,
    }


def _head(request: _Request, emissions: GasSplit, flags: Sequence[str]) -> dict[str, Json]:
    more = ["negative_quantity"] if request.quantity_micro < 0 else []
    return {
        "basis": str(request.basis),
        "end": request.end_date.isoformat(),
        "flags": [*flags, *more],
        "g_co2e": _grams(emissions.total_ug_co2e),
        "g_co2e_by_gas": _gases_json(emissions),
        "id": request.id,
        "is_avoided": request.kind.is_avoided,
        "kind": request.kind.name,
        "place": request.region,
        "quantity": _grams(request.quantity_micro),
        "scope": request.kind.scope,
        "start": request.first_date.isoformat(),
        "uncertainty": None,
        "uncertainty_note": "not published",
        "unit": request.unit,
    }


def _factor_fields(part: _Part) -> dict[str, Json]:
    row = part.chosen.factor
    return {
        "edition": row.edition,
        "factor_g_co2e_per_unit": _grams(part.chosen.ug_per_unit.total_ug_co2e),
        "factor_id": row.factor_id,
        "life_cycle_scope": str(row.life_cycle_scope),
        "region": row.region,
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


def _gases_json(emissions: GasSplit) -> dict[str, Json]:
    return {
        "ch4": _grams(emissions.ch4_ug),
        "co2": _grams(emissions.co2_ug),
        "n2o": _grams(emissions.n2o_ug),
        "unsplit": _grams(emissions.unsplit_ug),
    }


def _steps_before(request: _Request, parts: Sequence[_Part]) -> list[str]:
    steps = []
    if request.rounded_away_micro:
        steps.append(f"The quantity is kept in millionths of a {request.unit}; less than one was rounded away.")
    if request.quantity_micro < 0:
        steps.append("The quantity is negative: a refund or correction. Electricity fed into the grid is electricity_export.")
    if len(parts) > 1:
        steps.append(f"The span lies in {len(parts)} calendar years and is divided by days; each year has its own factor.")
    return steps


def _steps_of(part: _Part, parts: Sequence[_Part]) -> list[str]:
    steps = list(part.resolution.steps)
    return [f"{part.year}: {step}" for step in steps] if len(parts) > 1 else steps


def _sum(splits: Sequence[GasSplit]) -> GasSplit:
    return GasSplit(
        co2_ug=sum(split.co2_ug for split in splits),
        ch4_ug=sum(split.ch4_ug for split in splits),
        n2o_ug=sum(split.n2o_ug for split in splits),
        unsplit_ug=sum(split.unsplit_ug for split in splits),
    )


def _grams(amount_micro: int) -> str:
    """Millionths as exact decimal text: ug as g."""
    return fraction_to_text(Fraction(amount_micro, 1_000_000))


# Reading the request.


def _understood(request: object, factor_set: FactorSet, today_date: date) -> _Request:
    fields = _checked_fields(request)
    kind = _scorable_kind(_text(fields, "kind"))
    unit_text = _text(fields, "unit")
    dimension = _dimension_of(kind, unit_text)
    quantity = to_canonical_micro(_decimal(fields, "quantity"), unit_text, dimension=dimension, record="quantity")
    first_date, end_date = _span(fields, today_date)
    factor = fields.get("factor")
    given_ug_per_unit, given_text = (None, "") if factor is None else _given_factor(factor, CANONICAL_UNIT[dimension])
    return _Request(
        id=_plain_id(fields.get("id")),
        kind=kind,
        quantity_micro=quantity.quantity_micro,
        unit=quantity.unit,
        rounded_away_micro=quantity.rounded_away,
        first_date=first_date,
        end_date=end_date,
        region=_region(fields, factor_set, is_needed=factor is None),
        basis=_choice(fields, "basis", Basis, Basis.LOCATION),
        gwp_set=_choice(fields, "gwp_set", GwpSet, GwpSet.AR5),
        given_ug_per_unit=given_ug_per_unit,
        given_text=given_text,
    )


def _checked_fields(request: object) -> JsonObject:
    if not isinstance(request, Mapping):
        raise InputError("An estimate is a JSON object", expected=f"an object with {', '.join(REQUIRED_FIELDS)}", got=request)
    unknown = [str(name) for name in request if name not in FIELDS]
    if unknown:
        raise InputError("This field is not known", expected=f"one of {', '.join(FIELDS)}", got=", ".join(unknown))
    missing = [name for name in REQUIRED_FIELDS if name not in request]
    if missing:
        raise InputError("A field is missing", expected=", ".join(missing), got=", ".join(map(str, request)))
    return request


def _scorable_kind(name: str) -> Kind:
    kind = find_kind(name, record="kind")
    if name not in RULES:
        later = ", ".join(known for known in KINDS if known not in RULES)
        raise KindError(
            f"{name} cannot be estimated yet",
            expected=f"one of {', '.join(RULES)}",
            got=name,
            record="kind",
            next_step=f"What works now: {', '.join(RULES)}. The others ({later}) follow.",
        )
    return kind


def _dimension_of(kind: Kind, unit_text: str) -> Dimension:
    """The dimension that the unit measures, where the kind may be measured so; else the kind's first, and the unit is refused."""
    measured = find_unit(unit_text, record="unit").dimension
    return measured if measured in kind.dimensions else kind.dimensions[0]


def _span(fields: JsonObject, today_date: date) -> tuple[date, date]:
    first_date = _day(_text(fields, "start"), "start", is_end=False)
    end_date = _day(_text(fields, "end"), "end", is_end=True)
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


def _region(fields: JsonObject, factor_set: FactorSet, *, is_needed: bool) -> str:
    if fields.get("region") is None and not is_needed:
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
