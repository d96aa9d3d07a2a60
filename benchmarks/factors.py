"""The factor set: its size, how fast it loads, and keys resolved per second beside one indexed SQLite query per key.

    python -m benchmarks.factors --json

Keys are drawn from all kinds with a fixed seed: US ZIP codes, countries and states, all years, attributes as rows carry them and
general ones. The measured path works a key out from the start: places, attributes, publisher, scope, year, every further part of
the activity, flags and the steps behind them (`resolve_uncached`). No answer is kept; what was indexed, looked up and compiled
is, as the alternative's table and index are: the best of three passes counts, and the first one, which does all that, stands
beside. The alternative is given what that path works out first (places and attribute sets in order, ranks of publishers and
scopes) and does the look-up of the one row alone, in an in-memory table with an index. Both must find the same row for every key.
"""

import argparse
import gc
import json
import random
import resource
import sqlite3
import sys
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from time import perf_counter
from typing import Any

from domain.activity import ActivityKey
from domain.errors import ClimateFitnessError
from domain.factor import Basis, EmissionFactor, GwpSet, Resolution
from domain.kinds import KINDS, Attribute, Kind
from domain.units import Dimension
from scoring.estimate import estimate
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import load_factor_set, shipped_factor_set
from scoring.resolve import resolve_uncached
from scoring.rule import KindRule, Wanted, plain_wanted
from scoring.rules import RULES
from scoring.search import Search

KEYS_COUNT = 24_000
REPEATS_COUNT = 3
SEED = 20261122
SAID_SHARE_RATIO = 0.8
"""How often an attribute that may be left out is said."""
YEARS = range(2015, 2027)
CURRENCIES = ("USD", "EUR", "GBP", "CHF", "JPY", "INR")
_FOLDER = resources.files("scoring.factors").joinpath("data")
_QUERY = """
SELECT factor.number FROM place, what, factor INDEXED BY by_key
WHERE factor.kind = :kind AND factor.unit = :unit AND factor.region = place.region AND factor.attributes = what.attributes
  AND factor.rate IN ({rates}) AND factor.scope_rank >= 0
ORDER BY place.rank, what.rank, factor.year > :year, factor.publisher_rank, factor.scope_rank,
  CASE WHEN factor.year <= :year THEN -factor.year ELSE factor.year END, factor.is_co2e_only, factor.number DESC
LIMIT 1
"""


def measure(keys_count: int) -> dict[str, Any]:
    """Everything that this benchmark measures.

    Args:
        keys_count: Distinct keys to resolve.

    Returns:
        What, bytes, milliseconds of loading, keys and lines per second, the alternative, and the ratio.
    """
    load_ms, load_all_ms = best_ms(start), best_ms(load_all)
    factors = shipped_factor_set()
    keys = make_keys(factors, keys_count)
    warm(keys, factors)
    found, first_s = timed(lambda: list(resolved(keys, factors)))
    gc.freeze()  # rows and first answers stay; collecting them again and again is no part of either path
    ours_s = min(timed(lambda: deque(resolved(keys, factors), maxlen=0))[1] for _ in range(REPEATS_COUNT))
    scored = {key: one.chosen.factor for key, one in zip(keys, found, strict=True) if one.chosen is not None}
    questions = [question for key in scored if (question := question_of(key, factors)) is not None]
    connection = filled_database(factors)
    rows = [ask(connection, question) for question in questions]
    theirs_s = min(timed(lambda: [ask(connection, question) for question in questions])[1] for _ in range(REPEATS_COUNT))
    same_count = sum(
        number is not None and factors.factors[number] is scored[question.key]
        for question, number in zip(questions, rows, strict=True)
    )
    assert same_count == len(questions), f"expected equal rows, got {same_count} of {len(questions)}"
    lines = [request for key in scored if (request := request_of(key)) is not None][:10_000]
    today_date = date(2026, 11, 22)
    _, lines_s = timed(lambda: [estimate(line, factor_set=factors, today_date=today_date) for line in lines])
    ours, theirs = len(keys) / ours_s, len(questions) / theirs_s
    return {
        "what": "factor set: load, resolve without cache, estimate",
        "rows": factors.row_count,
        "bytes": sum(file.stat().st_size for file in _files(_FOLDER)),
        "load_ms": round(load_ms, 1),
        "load_all_ms": round(load_all_ms, 1),
        "keys": len(keys),
        "kinds": len({key.kind for key in keys}),
        "scored": len(scored),
        "seconds": round(ours_s, 4),
        "per_second": round(ours),
        "first_pass_per_second": round(len(keys) / first_s),
        "alternative": "one indexed SQLite query per key, in memory: the row alone",
        "alternative_keys": len(questions),
        "alternative_seconds": round(theirs_s, 4),
        "alternative_per_second": round(theirs),
        "ratio": round(ours / theirs, 2),
        "estimate_lines_per_second": round(len(lines) / lines_s),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def resolved(keys: Sequence[ActivityKey], factors: FactorSet) -> Iterator[Resolution]:
    """The answer of every key, one after the other."""
    return (resolve_uncached(key, factors, Basis.LOCATION) for key in keys)


def start() -> None:
    """A start that answers for electricity: the manifest, the region graph, one kind's rows."""
    resolve_uncached(ActivityKey("electricity", "US/zip/94110", 2023, "kWh"), load_factor_set(_FOLDER), Basis.LOCATION)


def load_all() -> None:
    """Every row of every kind in memory."""
    found = load_factor_set(_FOLDER)
    assert len(found.factors) == found.row_count


# The keys.


def make_keys(factors: FactorSet, keys_count: int) -> list[ActivityKey]:
    """Distinct keys of all kinds that a rule scores, from a fixed seed."""
    chance = random.Random(SEED)
    drawn: dict[str, Iterator[ActivityKey]] = {name: _keys_of(KINDS[name], factors, random.Random(name)) for name in RULES}
    found: dict[ActivityKey, None] = {}
    while len(found) < keys_count:
        for name in list(drawn):
            key = next(drawn[name], None)
            if key is None:
                del drawn[name]
            else:
                found[key] = None
    keys = list(found)[:keys_count]
    chance.shuffle(keys)
    return keys


def _keys_of(kind: Kind, factors: FactorSet, chance: random.Random) -> Iterator[ActivityKey]:
    """Endless keys of one kind until no new one comes."""
    places = _places(factors, chance)
    sets = [row.attributes for row in factors.of_kind(RULES[kind.name].rows_kind or kind.name)] or [{}]
    seen: set[ActivityKey] = set()
    for _ in range(40 * KEYS_COUNT):
        dimension = chance.choice(kind.dimensions)
        unit = chance.choice(CURRENCIES) if dimension is Dimension.MONEY else kind.unit_of(dimension)
        attributes = _attributes(kind, unit, chance.choice(sets), factors, chance)
        key = ActivityKey(kind.name, chance.choice(places), chance.choice(YEARS), unit, tuple(sorted(attributes.items())))
        if key not in seen:
            seen.add(key)
            yield key
        elif len(seen) < 40:  # noqa: PLR2004 - enough for any kind
            return


def _places(factors: FactorSet, chance: random.Random) -> list[str]:
    zips = factors.regions.zips()
    regions = [region for region in factors.regions.names if "/" not in region and len(region) == 2]  # noqa: PLR2004 - countries
    states = [region for region in factors.regions.names if region.startswith("US/state/")]
    return [f"US/zip/{one.first_number:05d}" for one in chance.sample(list(zips), 400)] + regions + states


def _attributes(kind: Kind, unit: str, of_row: Mapping[str, str], factors: FactorSet, chance: random.Random) -> dict[str, str]:
    if kind.name == "flight":
        return _flight(unit, factors, chance)
    if kind.name == "purchase":
        month = f"{chance.randrange(2015, 2026)}-{chance.randrange(1, 13):02d}"
        return {"naics": chance.choice(factors.table("naics_titles"))["naics"], "month": month}
    if kind.name == "reported_emissions":
        return {"method": f"method {chance.randrange(1000)}"}
    known = {name: value for name, value in of_row.items() if (one := kind.attribute(name)) and _fits(one, value)}
    required = {one.name for one in kind.attributes if one.is_required}
    kept = {name: value for name, value in known.items() if name in required or chance.random() < SAID_SHARE_RATIO}
    for one in kind.attributes:
        if one.is_required and one.name not in kept:
            kept[one.name] = (
                chance.choice(one.choices) if one.choices else next(iter(factors.choices(kind.name, one.name)), "rec")
            )
    return kept


def _fits(attribute: Attribute, value: str) -> bool:
    return attribute.is_open or value in attribute.choices


def _flight(unit: str, factors: FactorSet, chance: random.Random) -> dict[str, str]:
    cabin = chance.choice(("economy", "premium_economy", "business", "first", "average"))
    if unit == "pkm":
        return {"haul": chance.choice(("short", "long", "international", "domestic")), "cabin": cabin}
    start, end = chance.sample(factors.table("airports"), 2)
    return {"origin": start["iata"], "destination": end["iata"], "cabin": cabin}


def warm(keys: Sequence[ActivityKey], factors: FactorSet) -> None:
    """Read every file that the keys need, and nothing else: one key of each kind."""
    for key in {key.kind: key for key in keys}.values():
        resolve_uncached(key, factors, Basis.LOCATION)


# The alternative.


@dataclass(frozen=True)
class Question:
    """What the alternative is given of a key.

    Attributes:
        key: The key.
        sql: The query, with its places and attribute sets.
        values: What goes into it.
    """

    key: ActivityKey
    sql: str
    values: Mapping[str, object]


def filled_database(factors: FactorSet) -> sqlite3.Connection:
    """An in-memory table of all rows, ranked by the rules of their kind, with an index over what a key asks for."""
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE TABLE factor (number INTEGER PRIMARY KEY, kind TEXT, unit TEXT, region TEXT, attributes TEXT, rate TEXT,"
        " year INTEGER, publisher_rank INTEGER, scope_rank INTEGER, is_co2e_only INTEGER)"
    )
    connection.executemany("INSERT INTO factor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", _table_rows(factors))
    connection.execute("CREATE INDEX by_key ON factor (kind, unit, region, attributes, rate, year)")
    connection.execute("ANALYZE")
    return connection


def _table_rows(factors: FactorSet) -> Iterator[tuple[object, ...]]:
    order: dict[str, int] = {}
    for number, row in enumerate(factors.factors):
        order.setdefault(row.publisher, len(order))
        rule = RULES.get(row.kind)
        yield (
            number,
            row.kind,
            row.unit,
            row.region,
            _text(row.attributes),
            row.rate,
            row.year,
            _publisher_rank(rule, row, order[row.publisher]),
            -1 if rule is None or row.life_cycle_scope not in rule.scopes else rule.scopes.index(row.life_cycle_scope),
            row.is_co2e_only,
        )


def _publisher_rank(rule: KindRule | None, row: EmissionFactor, admitted: int) -> int:
    publishers = rule.home_publishers.get(row.region, rule.publishers) if rule else ()
    if not publishers:
        return 0
    return publishers.index(row.publisher) if row.publisher in publishers else 100 + admitted


def _text(attributes: Mapping[str, str]) -> str:
    return ";".join(f"{name}={value}" for name, value in sorted(attributes.items()))


def question_of(key: ActivityKey, factors: FactorSet) -> Question | None:
    """What the alternative is asked; None where the row is none of the kind's (a factor of the supplier's, a flight's fuel)."""
    rule = RULES[key.kind]
    search = Search(key, factors, Basis.LOCATION, GwpSet.AR5)
    try:
        wanted = rule.prepare(rule, search) if rule.prepare else plain_wanted(rule, search)
    except ClimateFitnessError:
        return None
    places = (*(wanted.regions or search.chain), *rule.proxies)
    what = _attribute_sets(rule, wanted, factors)
    if not what or wanted.scopes:
        return None
    lines = {
        "place": [f"(:p{index}, {index})" for index in range(len(places))],
        "what": [f"(:a{index}, {rank})" for index, (_, rank) in enumerate(what)],
    }
    rates = ", ".join(f":r{index}" for index in range(len(wanted.rates)))
    sql = (
        f"WITH place(region, rank) AS (VALUES {', '.join(lines['place'])}), "
        f"what(attributes, rank) AS (VALUES {', '.join(lines['what'])}) {_QUERY.format(rates=rates)}"
    )
    values: dict[str, object] = {"kind": wanted.rows_kind, "unit": wanted.unit, "year": wanted.year or key.year}
    values |= {f"p{index}": place for index, place in enumerate(places)}
    values |= {f"a{index}": text for index, (text, _) in enumerate(what)}
    values |= {f"r{index}": rate for index, rate in enumerate(wanted.rates)}
    return Question(key, sql, values)


def _attribute_sets(rule: KindRule, wanted: Wanted, factors: FactorSet) -> list[tuple[str, int]]:
    """Attribute sets of rows that fit, with their rank: as given before widened, those that say more of what was given first."""
    held = _held_sets(factors, wanted.rows_kind)
    looked_for, given = dict(wanted.attributes), set(wanted.given)
    found: dict[str, int] = {}
    widening = rule.widening if wanted.widening is None else wanted.widening
    for step, (name, value) in enumerate((("", ""), *widening)):
        if name:
            if looked_for.get(name, value) == value:
                continue
            looked_for[name] = value
            given.discard(name)
        for text, attributes in held.items():
            if all(looked_for.get(one) == is_value for one, is_value in attributes.items()):
                found.setdefault(text, step * 100 + 50 - sum(one in given for one in attributes))
    return list(found.items())


_SETS: dict[str, dict[str, Mapping[str, str]]] = {}


def _held_sets(factors: FactorSet, kind: str) -> dict[str, Mapping[str, str]]:
    if kind not in _SETS:
        _SETS[kind] = {_text(row.attributes): row.attributes for row in factors.of_kind(kind)}
    return _SETS[kind]


def ask(connection: sqlite3.Connection, question: Question) -> int | None:
    """Number of the row that the alternative finds."""
    found = connection.execute(question.sql, question.values).fetchone()
    return None if found is None else int(found[0])


# Whole lines.


def request_of(key: ActivityKey) -> dict[str, object] | None:
    """A line of `estimate` that asks for a key; None where the key's month is not its year's."""
    attributes = dict(key.attributes)
    month = attributes.pop("month", f"{key.year}-03")
    return {
        "kind": key.kind,
        "quantity": "12.5",
        "unit": key.unit,
        "start": f"{month}-10",
        **({"region": key.region.removeprefix("US/zip/")} if key.region else {}),
        **attributes,
    }


def _files(folder: Any) -> Iterator[Any]:  # noqa: ANN401 - Traversable has no stat
    for place in folder.iterdir():
        if place.is_dir():
            yield from _files(place)
        else:
            yield place


def best_ms(run: Callable[[], None]) -> float:
    """Milliseconds, the best of 5."""
    return min(timed(run)[1] for _ in range(5)) * 1000


def timed(run: Callable[[], Any]) -> tuple[Any, float]:
    """The result, and seconds that it took."""
    began = perf_counter()
    result = run()
    return result, perf_counter() - began


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the numbers.

    Args:
        arguments: Command line without the program's name; the process's own where left out.

    Returns:
        Exit code 0.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=KEYS_COUNT, help="keys to resolve")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args(arguments)
    found = measure(given.rows)
    text = json.dumps(found) if given.json else "\n".join(f"{name:28} {value}" for name, value in found.items())
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
