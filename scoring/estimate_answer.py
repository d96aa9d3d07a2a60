"""The answer to an estimate: what was chosen for each part of the activity, its grams, and the words beside them.

What depends on the activity key alone (`ChosenPart`) is kept apart from what changes with the amount (`AnswerTexts`), so that the
first can be worked out once and the second put into it line by line (`estimate_lines.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from domain.activity import ActivityKey
from domain.canonical import Json
from domain.errors import FactorError
from domain.factor import Basis, CompiledFactor, GasSplit, Part, Resolution, Step
from domain.kinds import scope_and_category
from scoring.arithmetic import line_emissions, line_ug
from scoring.certificates import CERTIFICATE_KIND
from scoring.estimate_explain import Explain
from scoring.estimate_request import Request, by_year
from scoring.factors.factor_set import FactorSet
from scoring.hourly import HourWeights, by_the_hour, hourly_mean
from scoring.resolve import check_key, resolve
from scoring.uncertainty import spread_of

OWN_PARTS = frozenset({Part.USE, Part.ELECTRICITY})
"""Parts that are the activity itself; every other one is shown beside it and is a line of its own in a statement."""

PROSE_FIELDS = frozenset({"factor_label", "source_url", "steps", "table", "uncertainty_note"})
"""What an answer without explanation leaves out, also of its parts and additions; `factor_id` leads to the row with all of it."""

_PLACES_COUNT = 6


@dataclass(frozen=True, slots=True)
class ChosenPart:
    """What is counted for one part of an activity in one calendar year, or month for money; the amount does not matter.

    Attributes:
        year: Calendar year of the activity.
        part: Which part.
        scope: GHG Protocol scope.
        category: Scope 3 category, or 0.
        chosen: Its factor.
        resolution: Why this factor.
    """

    year: int
    part: Part
    scope: int
    category: int
    chosen: CompiledFactor
    resolution: Resolution


class GasTexts(NamedTuple):
    """Emissions in grams of CO2e, in all and by gas; `biogenic_co2` is empty where there is none."""

    total: str
    co2: str
    ch4: str
    n2o: str
    unsplit: str
    biogenic_co2: str = ""


class AnswerTexts(NamedTuple):
    """What of an answer changes from one line to the next of the same activity key; amounts as exact decimal text.

    Attributes:
        id: Of the request.
        start: First local day.
        end: Local day after the last one.
        quantity: Of the activity.
        own: Emissions of the activity itself, grams.
        with_additions: Emissions with all further parts, grams of CO2e.
        beside: Effects in no total, grams of CO2e, in the order of `beside_names`.
        parts: Quantity and emissions of each chosen part.
    """

    id: Json
    start: str
    end: str
    quantity: str
    own: GasTexts
    with_additions: str
    beside: tuple[str, ...]
    parts: tuple[tuple[str, GasTexts], ...]


def micro_text(amount_micro: int) -> str:
    """Millionths as exact decimal text without trailing zeros: ug as g."""
    digits = str(abs(amount_micro)).rjust(_PLACES_COUNT + 1, "0")
    decimals = digits[-_PLACES_COUNT:].rstrip("0")
    text = f"{digits[:-_PLACES_COUNT]}.{decimals}" if decimals else digits[:-_PLACES_COUNT]
    return f"-{text}" if amount_micro < 0 else text


def answer_of(request: Request, factor_set: FactorSet, explain: Explain = Explain.FULL) -> dict[str, Json]:
    """The answer to a request that was understood.

    Args:
        request: The request.
        factor_set: Rows to choose from.
        explain: Whether the words are said, too.

    Returns:
        As `scoring.estimate.estimate` gives it.

    Raises:
        ClimateFitnessError: No published factor fits, or the amount is too large for a line.
    """
    if request.given_ug_per_unit is not None:
        return _said(_answer_of_given(request, request.given_ug_per_unit), explain)
    scored = [
        _Scored(part, micro, line_emissions(counted_micro(request, micro), part.chosen, record="quantity"))
        for year, month, micro in by_year(request)
        for part in chosen_parts(request, year, month, factor_set)
    ]
    own = [one for one in scored if one.chosen.part in OWN_PARTS]
    main = max(own, key=lambda one: (abs(one.emissions.total_ug_co2e), abs(one.quantity_micro), one.chosen.year))
    texts = AnswerTexts(
        id=request.id,
        start=request.first_date.isoformat(),
        end=request.end_date.isoformat(),
        quantity=micro_text(request.quantity_micro),
        own=_gas_texts(_sum([one.emissions for one in own])),
        with_additions=micro_text(sum(one.emissions.total_ug_co2e for one in scored)),
        beside=tuple(micro_text(amount_ug) for amount_ug in _beside_ug(scored)),
        parts=tuple((micro_text(one.quantity_micro), _gas_texts(one.emissions)) for one in scored),
    )
    return answer_json(request, [one.chosen for one in scored], main.chosen, texts, explain)


class _Scored(NamedTuple):
    chosen: ChosenPart
    quantity_micro: int
    emissions: GasSplit


def _gas_texts(emissions: GasSplit) -> GasTexts:
    return GasTexts(
        total=micro_text(emissions.total_ug_co2e),
        co2=micro_text(emissions.co2_ug),
        ch4=micro_text(emissions.ch4_ug),
        n2o=micro_text(emissions.n2o_ug),
        unsplit=micro_text(emissions.unsplit_ug),
        biogenic_co2=micro_text(emissions.biogenic_co2_ug) if emissions.biogenic_co2_ug else "",
    )


def _sum(splits: Sequence[GasSplit]) -> GasSplit:
    return GasSplit(
        co2_ug=sum(split.co2_ug for split in splits),
        ch4_ug=sum(split.ch4_ug for split in splits),
        n2o_ug=sum(split.n2o_ug for split in splits),
        unsplit_ug=sum(split.unsplit_ug for split in splits),
        biogenic_co2_ug=sum(split.biogenic_co2_ug for split in splits),
    )


def _beside_ug(scored: Sequence[_Scored]) -> list[int]:
    """Effects in no total, summed over the years, by name."""
    found: dict[str, int] = {}
    for one in scored:
        for effect in one.chosen.resolution.beside if one.chosen.part is Part.USE else ():
            amount_ug = line_ug(one.quantity_micro, effect.ug_per_unit, record="quantity")
            found[effect.name] = found.get(effect.name, 0) + amount_ug
    return [amount_ug for _, amount_ug in sorted(found.items())]


# The choice.


def chosen_parts(request: Request, year: int, month: str, factor_set: FactorSet) -> list[ChosenPart]:
    """What is counted of an activity in one year, or month for money.

    Args:
        request: The request; its amount does not matter, except by the hour.
        year: Calendar year.
        month: "2024-03" for money, else empty.
        factor_set: Rows to choose from.

    Returns:
        The activity itself first, then every further part.

    Raises:
        ClimateFitnessError: The activity cannot be.
        FactorError: No published factor fits it.
    """
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
    own = ChosenPart(year, Part.USE, scope, category, found.chosen, found)
    further = () if request.kind.is_avoided else found.additions
    return [own, *(ChosenPart(year, one.part, one.scope, one.category, one.chosen, found) for one in further)]


def counted_micro(request: Request, quantity_micro: int) -> int:
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


# The answer in JSON values.


def answer_json(
    request: Request, chosen: Sequence[ChosenPart], main: ChosenPart, texts: AnswerTexts, explain: Explain
) -> dict[str, Json]:
    """The answer with these texts in it.

    Args:
        request: The request; of its amount only the sign, and whether some of it was rounded away.
        chosen: Every part.
        main: The one of the activity's own parts that emits most.
        texts: What the amount decides.
        explain: Whether the words are said, too.

    Returns:
        The fields of an answer.
    """
    own = [part for part in chosen if part.part in OWN_PARTS]
    uses = [part for part in chosen if part.part is Part.USE]
    by_part = list(zip(chosen, texts.parts, strict=True))
    flags = list(dict.fromkeys(flag for part in uses for flag in part.resolution.flags))
    if len({part.chosen.factor.factor_id for part in uses}) > 1:
        flags.append("several_factors")
    answer: dict[str, Json] = {
        **_head(request, texts, flags),
        **_factor_fields(main),
        "category": main.category,
        "scope": main.scope,
        "additions": [_addition_json(part, *its) for part, its in by_part if part.part is not Part.USE],
        "beside": _beside(uses, texts),
        "factor_g_co2e_per_unit": micro_text(_per_unit(own, main)),
        "g_co2e_with_additions": texts.with_additions,
        "gwp_set": main.chosen.gwp_set,
        "parts": [_part_json(part, *its) for part, its in by_part if part.part is Part.USE] if len(uses) > 1 else [],
        "steps": _steps(request, uses) if explain is Explain.FULL else [],
        **_uncertainty(main, flags),
    }
    return _said(answer, explain)


def beside_names(chosen: Sequence[ChosenPart]) -> list[str]:
    """Names of the effects in no total, sorted."""
    return sorted({effect.name for part in chosen for effect in part.resolution.beside if part.part is Part.USE})


def _said(answer: dict[str, Json], explain: Explain) -> dict[str, Json]:
    """The answer without its prose where none was asked for."""
    if explain is Explain.FULL:
        return answer
    kept = {name: value for name, value in answer.items() if name not in PROSE_FIELDS}
    for name in ("additions", "parts"):
        kept[name] = [_without_prose(part) for part in _items(answer[name])]
    return kept


def _items(value: Json) -> Sequence[Mapping[str, Json]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _without_prose(part: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in part.items() if name not in PROSE_FIELDS}


def _per_unit(own: Sequence[ChosenPart], main: ChosenPart) -> int:
    """Grams per unit in the year of the main part: of a battery car the exhaust's and the grid's."""
    return sum(part.chosen.ug_per_unit.total_ug_co2e for part in own if part.resolution is main.resolution)


def _answer_of_given(request: Request, ug_per_unit: int) -> dict[str, Json]:
    emissions = _gas_texts(GasSplit(0, 0, 0, line_ug(request.quantity_micro, ug_per_unit, record="quantity")))
    texts = AnswerTexts(
        id=request.id,
        start=request.first_date.isoformat(),
        end=request.end_date.isoformat(),
        quantity=micro_text(request.quantity_micro),
        own=emissions,
        with_additions=emissions.total,
        beside=(),
        parts=(),
    )
    return {
        **_head(request, texts, ["factor_given", "co2e_only"]),
        "additions": [],
        "beside": [],
        "edition": "",
        "factor_g_co2e_per_unit": micro_text(ug_per_unit),
        "factor_id": "",
        "factor_label": "",
        "g_co2e_with_additions": texts.with_additions,
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


def _head(request: Request, texts: AnswerTexts, flags: Sequence[str]) -> dict[str, Json]:
    more = ["negative_quantity"] if request.quantity_micro < 0 else []
    scope, category = scope_and_category(request.kind, dict(request.attributes))
    return {
        "attributes": dict(request.attributes),
        "basis": str(request.basis),
        "category": category,
        "end": texts.end,
        "flags": [*flags, *more],
        "g_co2e": texts.own.total,
        "g_co2e_by_gas": _gases_json(texts.own),
        "id": texts.id,
        "is_avoided": request.kind.is_avoided,
        "kind": request.kind.name,
        "place": request.region,
        "quantity": texts.quantity,
        "scope": scope,
        "start": texts.start,
        "unit": request.unit,
    }


def _factor_fields(part: ChosenPart) -> dict[str, Json]:
    row = part.chosen.factor
    return {
        "edition": row.edition,
        "factor_g_co2e_per_unit": micro_text(part.chosen.ug_per_unit.total_ug_co2e),
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


def _part_json(part: ChosenPart, quantity: str, emissions: GasTexts) -> dict[str, Json]:
    return {
        **_factor_fields(part),
        "activity_year": part.year,
        "g_co2e": emissions.total,
        "g_co2e_by_gas": _gases_json(emissions),
        "quantity": quantity,
    }


def _addition_json(part: ChosenPart, quantity: str, emissions: GasTexts) -> dict[str, Json]:
    return {**_part_json(part, quantity, emissions), "category": part.category, "part": str(part.part), "scope": part.scope}


def _beside(uses: Sequence[ChosenPart], texts: AnswerTexts) -> list[Json]:
    """Effects in no total, with the newest year's row."""
    factor_of = {effect.name: effect.factor_id for part in uses for effect in part.resolution.beside}
    named = zip(beside_names(uses), texts.beside, strict=True)
    return [{"factor_id": factor_of[name], "g_co2e": amount, "name": name} for name, amount in named]


def _uncertainty(main: ChosenPart, flags: Sequence[str]) -> dict[str, Json]:
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


def _gases_json(emissions: GasTexts) -> dict[str, Json]:
    found: dict[str, Json] = {
        "ch4": emissions.ch4,
        "co2": emissions.co2,
        "n2o": emissions.n2o,
        "unsplit": emissions.unsplit,
    }
    return found | ({"biogenic_co2": emissions.biogenic_co2} if emissions.biogenic_co2 else {})


def _steps(request: Request, uses: Sequence[ChosenPart]) -> list[str]:
    return _steps_before(request, len(uses)) + [step for part in uses for step in _steps_of(part, uses)]


def _steps_before(request: Request, parts_count: int) -> list[str]:
    steps = []
    if request.rounded_away_micro:
        steps.append(f"The quantity is kept in millionths of a {request.unit}; less than one was rounded away.")
    if request.quantity_micro < 0:
        steps.append("The quantity is negative: a refund or correction. Electricity fed into the grid is electricity_export.")
    if parts_count > 1:
        word = "months" if request.is_money else "years"
        steps.append(f"The span lies in {parts_count} calendar {word} and is divided by days; each has its own factor.")
    return steps


def _steps_of(part: ChosenPart, uses: Sequence[ChosenPart]) -> list[str]:
    steps = list(part.resolution.steps)
    return [f"{part.year}: {step}" for step in steps] if len(uses) > 1 else steps
