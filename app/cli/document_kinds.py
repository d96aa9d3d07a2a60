"""Writes docs/kinds.md from the vocabulary, the rules and the shipped factor set; a test compares the two.

python -m app.cli.document_kinds > docs/kinds.md
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from app.cli.program import NAME
from app.cli.terminal import say
from domain.canonical import Json
from domain.kinds import KINDS, Attribute, Kind
from domain.units import UNITS, Dimension
from scoring.estimate import estimate
from scoring.factors.factor_set import FactorSet
from scoring.factors.folder import TableEntry
from scoring.factors.load import shipped_factor_set
from scoring.rule import KindRule
from scoring.rules import RULES

TODAY = date(2026, 11, 22)
"""Day on which the examples are estimated."""

EXAMPLES: Mapping[str, Mapping[str, str]] = {
    "electricity": {"quantity": "350", "unit": "kWh", "start": "2023-03-01", "end": "2023-04-01", "region": "94110"},
    "electricity_export": {"quantity": "120.5", "unit": "kWh", "start": "2023-03-01", "end": "2023-04-01", "region": "94110"},
    "electricity_certificate": {
        "quantity": "0.35",
        "unit": "MWh",
        "start": "2023-03-01",
        "end": "2023-04-01",
        "region": "94110",
        "instrument": "rec",
        "registry": "WREGIS",
    },
    "carbon_credit": {
        "quantity": "2",
        "unit": "t",
        "start": "2024-03-01",
        "registry": "Gold Standard",
        "serial": "GS1-1-XX-GS0000-1-2023-1-1-2",
    },
    "natural_gas": {"quantity": "41", "unit": "therm", "start": "2024-03-01", "end": "2024-04-01", "region": "94110"},
    "propane": {"quantity": "120", "unit": "ccf", "start": "2024-03-01", "end": "2024-04-01", "region": "US"},
    "fuel": {"quantity": "38.2", "unit": "L", "start": "2024-03-09", "region": "GB", "fuel": "diesel"},
    "steam": {"quantity": "2", "unit": "mmBtu", "start": "2024-03-01", "end": "2024-04-01", "region": "US"},
    "district_heat": {"quantity": "900", "unit": "kWh", "start": "2024-03-01", "end": "2024-04-01", "region": "GB"},
    "water": {"quantity": "9", "unit": "m3", "start": "2024-03-01", "end": "2024-04-01", "region": "GB"},
    "wastewater": {"quantity": "9", "unit": "m3", "start": "2024-03-01", "end": "2024-04-01", "region": "GB"},
    "car": {
        "quantity": "212",
        "unit": "mi",
        "start": "2024-03-04",
        "end": "2024-03-09",
        "region": "GB",
        "powertrain": "electric",
        "size": "medium",
    },
    "motorcycle": {"quantity": "35", "unit": "km", "start": "2024-03-05", "region": "GB", "size": "small"},
    "van": {
        "quantity": "80",
        "unit": "km",
        "start": "2024-03-05",
        "region": "GB",
        "powertrain": "diesel",
        "weight_class": "II",
    },
    "truck": {"quantity": "300", "unit": "km", "start": "2024-03-05", "region": "GB", "vehicle": "rigid", "laden": "50"},
    "taxi": {"quantity": "14", "unit": "pkm", "start": "2024-03-06", "region": "GB"},
    "bus": {"quantity": "22", "unit": "pkm", "start": "2024-03-06", "region": "GB", "service": "coach"},
    "rail": {"quantity": "640", "unit": "pkm", "start": "2024-03-07", "region": "GB"},
    "ferry": {"quantity": "45", "unit": "pkm", "start": "2024-03-08", "region": "GB", "passenger": "foot"},
    "flight": {
        "quantity": "1",
        "unit": "passenger",
        "start": "2024-03-10",
        "origin": "ZRH",
        "destination": "SFO",
        "cabin": "economy",
    },
    "hotel": {"quantity": "3", "unit": "room_night", "start": "2024-03-10", "end": "2024-03-13", "region": "US"},
    "freight": {"quantity": "150", "unit": "tkm", "start": "2024-03-11", "region": "GB", "mode": "rail"},
    "purchase": {"quantity": "59.90", "unit": "EUR", "start": "2024-03-12", "naics": "722511", "tax_percent": "19"},
    "food": {"quantity": "0.4", "unit": "kg", "start": "2024-03-12", "food": "cheese"},
    "meal": {"quantity": "2", "unit": "meal", "start": "2024-03-12", "region": "FR", "meal": "vegetarian"},
    "product": {"quantity": "1", "unit": "item", "start": "2024-03-13", "region": "FR", "product": "laptop"},
    "material": {
        "quantity": "20",
        "unit": "kg",
        "start": "2024-03-13",
        "region": "GB",
        "material": "paper",
        "source": "closed_loop",
    },
    "waste": {
        "quantity": "14",
        "unit": "kg",
        "start": "2024-03-14",
        "region": "GB",
        "material": "mixed_msw",
        "treatment": "landfill",
    },
    "refrigerant": {"quantity": "120", "unit": "g", "start": "2024-03-15", "refrigerant": "HFC-134a"},
    "home_working": {"quantity": "60", "unit": "h", "start": "2024-03-01", "end": "2024-04-01", "region": "GB"},
    "digital": {
        "quantity": "10",
        "unit": "h",
        "start": "2024-03-01",
        "end": "2024-04-01",
        "region": "FR",
        "service": "video_streaming",
    },
    "reported_emissions": {
        "quantity": "12.5",
        "unit": "kg",
        "start": "2024-03-20",
        "method": "Carrier's own statement, ISO 14083",
        "category": "4",
    },
}
"""One activity of every kind, as `estimate` takes it."""

SHOWN_FIELDS = (
    "g_co2e",
    "additions",
    "beside",
    "source",
    "edition",
    "table",
    "factor_label",
    "region",
    "year",
    "scope",
    "category",
)
"""Fields of a result that the page shows, before `flags`."""

FILED: Mapping[str, str] = {"electricity_export": "electricity", "electricity_certificate": "electricity"}
"""Kinds whose rule looks among another kind's rows; what is filed under themselves is held and not used."""

LONGEST_LIST_COUNT = 60
FIRST_COUNT = 12

PARTS: Mapping[str, str] = {
    "grid_loss": (
        "`grid_loss` and, where the publisher says them, `upstream` (the power stations' fuel) and `grid_loss_upstream` (the "
        "same for what is lost): scope 3, category 3"
    ),
    "upstream": "`upstream` (the fuel's supply), where the publisher of the use says it",
    "upstream_and_loss": "`upstream`, the network's `grid_loss`, `grid_loss_upstream`, by its publisher: scope 3, category 3",
    "battery": (
        "`upstream` of what it burns; of a battery `electricity` (kWh per km × the grid of the place), its `grid_loss` and "
        "`electricity_upstream`"
    ),
}
"""Further parts of an activity, each a line of its own, by the name of the function that gives them."""

BESIDE: Mapping[str, str] = {"altitude": "`aviation_non_co2` (effects at altitude) is shown beside and is in no total"}
"""Effects in no total, by the name of the function that gives them."""

INTRODUCTION = f"""# Kinds of activity

Written from `domain/kinds.py`, `scoring/rules/` and the shipped factor set by
`python -m app.cli.document_kinds > docs/kinds.md`; a test compares the two and repeats every example.

An activity is a kind, a quantity with its unit, its days, its place, and attributes: the words of `{NAME} estimate`, of
`POST /v1/estimate` and of [files of activities](activities-file.md). What is computed with them, and how a factor is chosen, says
[methodology.md](methodology.md); where the factors come from, [factors.md](factors.md).

- An attribute that is left out takes the general value named below; the flags say `attribute_assumed`, unless nearly everybody
  means it. A value without a row takes a wider one: `attribute_widened`. An unknown value is refused with the choices.
- Where no publisher covers the place or a wider one, the proxies stand in: `region_proxy`.
- A kind with other categories takes one of them as `category`, and is then in scope 3.
- Zero is legal, but for the passengers of a flight. Below zero are refunds and corrections, where the table says so.
- Every kind also takes `id`, `start`, `end`, `region`, `basis`, `gwp_set` and `factor` ([API](api.md)).
- In a result, `g_co2e` is the use itself, of a battery with its electricity; the other additions come on top of it.
  `table` and `factor_label` lead to the number in the publication.
"""


def kinds_document(factors: FactorSet) -> str:
    """The Markdown of docs/kinds.md.

    Args:
        factors: The shipped factor set.

    Returns:
        The page.
    """
    return "\n".join([INTRODUCTION, *_overview(), *(line for kind in KINDS.values() for line in section_of(kind, factors))])


def _overview() -> Iterator[str]:
    yield "| kind | is | kept in | scope | ring |"
    yield "|---|---|---|---|---|"
    for kind in KINDS.values():
        yield f"| [`{kind.name}`](#{kind.name}) | {kind.title} | {_kept(kind)} | {_scope(kind)} | {_words(kind.domain)} |"
    yield ""


def section_of(kind: Kind, factors: FactorSet) -> Iterator[str]:
    """The part of the page about one kind.

    Args:
        kind: The kind.
        factors: The shipped factor set.

    Yields:
        Its lines.
    """
    rule = RULES.get(kind.name)
    yield f"## {kind.name}"
    yield ""
    yield f"{kind.title}."
    yield ""
    yield "| | |"
    yield "|---|---|"
    for name, text in _facts(kind, rule):
        yield f"| {name} | {text} |"
    yield ""
    yield from _attribute_lines(kind, factors)
    yield from _source_lines(kind, rule, factors)
    yield from _example_lines(kind, factors)


def _facts(kind: Kind, rule: KindRule | None) -> Iterator[tuple[str, str]]:
    for dimension in kind.dimensions:
        yield f"measured in ({dimension})", _units_text(kind, dimension)
    for symbol, why in dict.fromkeys((", ".join(kind.refused_units), why) for why in dict.fromkeys(kind.refused_units.values())):
        yield f"not in {symbol}", why
    yield (
        "inventory",
        _scope(kind) + (f"; also category {', '.join(map(str, kind.other_categories))}" if kind.other_categories else ""),
    )
    yield "ring", _words(kind.domain)
    yield "below zero", "legal: a refund or correction" if kind.allows_negative else "refused"
    if rule is None:
        return
    yield "place", "needed" if rule.needs_place else "may be left out"
    if rule.proxies:
        yield "proxies", ", ".join(f"`{region}`" for region in rule.proxies)
    assumed = [f"{_words(name)} `{value}`" for name, value in rule.general.items()]
    said = [f"{_words(name)} `{value}`" for name, value in rule.usual.items()]
    if assumed or said:
        yield "taken where not said", "; ".join([*(f"{one} (flagged)" for one in assumed), *said])
    if rule.widening:
        yield "widened where no row has it", ", then ".join(f"{_words(name)} to `{value}`" for name, value in rule.widening)
    if rule.additions is not None:
        yield "further parts", PARTS[rule.additions.__name__]
    if rule.beside is not None:
        yield "beside", BESIDE[rule.beside.__name__]


def _units_text(kind: Kind, dimension: Dimension) -> str:
    symbols = [symbol for symbol in kind.unit_symbols() if UNITS[symbol].dimension is dimension]
    if dimension is Dimension.MONEY:
        return f"its own currency: {', '.join(symbols)}"
    kept = kind.unit_of(dimension)
    others = ", ".join(f"`{symbol}`" for symbol in symbols if symbol != kept)
    return f"**`{kept}`**" + (f", {others}" if others else "")


def _kept(kind: Kind) -> str:
    return ", ".join("currency" if one is Dimension.MONEY else kind.unit_of(one) for one in kind.dimensions)


def _scope(kind: Kind) -> str:
    if kind.is_avoided:
        return "outside, shown as avoided"
    if not kind.scope:
        return "outside: retired, off the net"
    return f"scope {kind.scope}" + (f", category {kind.category}" if kind.category else "")


def _words(name: str) -> str:
    return name.replace("_", " ")


def _attribute_lines(kind: Kind, factors: FactorSet) -> Iterator[str]:
    if not kind.attributes:
        return
    yield "| attribute | means | values |"
    yield "|---|---|---|"
    for one in kind.attributes:
        needed = " **Required.**" if one.is_required else ""
        yield f"| `{one.name}` | {one.meaning}{needed} | {_values(kind, one, factors)} |"
    yield ""


def _values(kind: Kind, attribute: Attribute, factors: FactorSet) -> str:
    if attribute.choices:
        return _codes(attribute.choices)
    if attribute.pattern:
        return "text: `" + attribute.pattern.replace("|", "\\|") + "`"
    held = factors.choices(kind.name, attribute.name)
    if len(held) <= LONGEST_LIST_COUNT:
        return f"{_codes(held)} (as the factor set holds them)"
    return f"{_codes(held[:FIRST_COUNT])} and {len(held) - FIRST_COUNT} more: `{NAME} factors list --kind {kind.name}`"


def _codes(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values)


def _source_lines(kind: Kind, rule: KindRule | None, factors: FactorSet) -> Iterator[str]:
    filed = FILED.get(kind.name, rule.rows_kind if rule else "") or kind.name
    of_publisher: dict[str, list[TableEntry]] = {}
    for entry in factors.tables:
        if entry.kind == filed:
            of_publisher.setdefault(entry.fields["publisher"], []).append(entry)
    if not of_publisher:
        return
    rows = factors.of_kind(filed)
    yield "| publisher | editions | years | regions | rows |"
    yield "|---|---|---|---|---|"
    for publisher, entries in of_publisher.items():
        own = [row for row in rows if row.publisher == publisher]
        years, regions = sorted({row.year for row in own}), sorted({row.region for row in own})
        editions = _editions(list(dict.fromkeys(entry.fields["edition"] for entry in entries)))
        yield f"| {publisher} | {editions} | {_years(years)} | {_regions(regions)} | {len(own)} |"
    yield ""


def _editions(editions: Sequence[str]) -> str:
    """Editions, the newest last, with what all begin with said once."""
    if len(editions) == 1:
        return editions[0]
    first, last = min(editions), max(editions)
    same_count = next((at for at, pair in enumerate(zip(first, last, strict=False)) if len(set(pair)) > 1), len(first))
    start = first[: first.rfind(" ", 0, same_count) + 1]
    return start + ", ".join(edition.removeprefix(start) for edition in sorted(editions))


def _years(years: Sequence[int]) -> str:
    return str(years[0]) if len(years) == 1 else f"{years[0]}–{years[-1]}"


def _regions(regions: Sequence[str]) -> str:
    few = 6
    return ", ".join(f"`{one}`" for one in regions) if len(regions) <= few else f"{len(regions)}, such as `{regions[0]}`"


def _example_lines(kind: Kind, factors: FactorSet) -> Iterator[str]:
    request, shown = example_of(kind, factors)
    yield "```ndjson"
    yield json.dumps(request, ensure_ascii=False)
    yield "```"
    yield ""
    yield "```json"
    yield "{" + ",\n ".join(f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in shown.items()) + "}"
    yield "```"
    yield ""


def example_of(kind: Kind, factors: FactorSet) -> tuple[dict[str, Json], dict[str, Json]]:
    """The example of a kind, and what the page shows of its result.

    Args:
        kind: The kind.
        factors: The shipped factor set.

    Returns:
        The request; fields of its result, or its error.
    """
    request: dict[str, Json] = {"kind": kind.name, **EXAMPLES[kind.name]}
    return request, shown_of(estimate(request, factor_set=factors, today_date=TODAY))


def shown_of(result: Mapping[str, Json]) -> dict[str, Json]:
    """What the page shows of a result: what is empty is left out.

    Args:
        result: As `estimate` gives it.

    Returns:
        The fields that the page shows.
    """
    error = result.get("error")
    if isinstance(error, dict):
        return {"error": {name: error[name] for name in ("code", "message", "next_step")}}
    shown: dict[str, Json] = {name: result[name] for name in SHOWN_FIELDS if result[name] not in ([], 0, "")}
    additions = shown.get("additions")
    if isinstance(additions, list):
        shown["additions"] = [_addition(one) for one in additions if isinstance(one, dict)]
    return {**shown, "flags": result["flags"]}


def _addition(addition: Mapping[str, Json]) -> dict[str, Json]:
    names = ("part", "g_co2e", "factor_label", "scope", "category")
    return {name: addition[name] for name in names if addition[name]}


if __name__ == "__main__":
    say(kinds_document(shipped_factor_set()).rstrip("\n"))
