"""Scoring: activities per second of sum-first on SQLite, beside a loop over records in the same run, with equal results.

    python -m benchmarks.scoring --json --rows 1000000

Meters' days of households, spread over 40 ZIP codes and countries and two years. The measured path is the canonical SQL on SQLite
(`lines.sql`: sum per subject, month and key, one exact multiplication per gas and basis). Beside it, the loop that most programs
have: every record is read and multiplied, then added (in exact integers here, so that the results can be equal). Also timed: one
household's year from totals to statement, the resolver without its cache.
"""

import argparse
import json
import random
import resource
import sqlite3
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from hashlib import sha256
from importlib import resources
from time import perf_counter
from typing import Any

from domain.activity import ActivityKey, EvidenceClass
from domain.factor import Basis, GwpSet
from domain.number import INT64_MAX
from domain.period import Month, MonthRange
from domain.statement import ActivityTotal
from scoring.engines import sql_text
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import load_factor_set, shipped_factor_set
from scoring.lines import make_lines
from scoring.net import make_statement
from scoring.resolve import resolve

DAYS_PER_SUBJECT_COUNT = 365
SEED = 20260101
_HALF = 500_000
_MILLION = 1_000_000


def measure(rows_count: int) -> dict[str, Any]:
    """Everything that this benchmark measures.

    Args:
        rows_count: Activities to score.

    Returns:
        What, rows, seconds, per second, peak MB, hash, the loop beside it, ratio, and the smaller timings.
    """
    factors = shipped_factor_set()
    keys = make_keys(factors)
    connection = filled_database(rows_count, keys, factors)
    sql_rows, sql_s = timed(lambda: connection.execute(sql_text("lines", "sqlite")).fetchall())
    loop_rows, loop_s = timed(lambda: per_record_lines(connection, keys, factors))
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    sql_hash, loop_hash = result_sha256(sql_rows), result_sha256(loop_rows)
    assert sql_hash == loop_hash, f"expected equal results, got {sql_hash} and {loop_hash}"
    return {
        "what": "scoring: SQLite, sum first and multiply once, 3 gases and CO2e, two bases",
        "rows": rows_count,
        "lines": len(sql_rows),
        "seconds": round(sql_s, 4),
        "per_second": round(rows_count / sql_s),
        "peak_mb": round(peak_mb, 1),
        "result_sha256": sql_hash,
        "alternative": "per-record Python loop, exact integers",
        "alternative_seconds": round(loop_s, 4),
        "alternative_per_second": round(rows_count / loop_s),
        "alternative_result_sha256": loop_hash,
        "ratio": round(loop_s / sql_s, 2),
        "year_of_one_subject_ms": round(year_of_one_subject_ms(factors), 3),
        "resolve_keys_per_second": round(resolve_keys_per_second(keys, factors, times_count=100)),
        "load_factor_set_ms": round(load_ms(), 1),
    }


def make_keys(factors: FactorSet) -> list[ActivityKey]:
    """Eighty keys: forty places in two years."""
    zips = factors.regions.zips()
    places = [f"US/zip/{zips[index * 601].first_number:05d}" for index in range(20)]
    places += "DE FR GB IN JP BR ZA AU CA MX ES IT PL SE NO NA KE EG TR ID".split()  # noqa: SIM905 - twenty country codes
    return [ActivityKey("electricity", place, year, "kWh") for year in (2022, 2023) for place in places]


def filled_database(rows_count: int, keys: Sequence[ActivityKey], factors: FactorSet) -> sqlite3.Connection:
    """An in-memory SQLite with the activities in the order of their arrival and every key's factor on both bases."""
    connection = sqlite3.connect(":memory:")
    connection.execute(
        "CREATE TABLE activity (subject_id INTEGER, key_id INTEGER, month_ym INTEGER, quantity_micro INTEGER, evidence TEXT,"
        " is_current INTEGER)"
    )
    connection.execute(
        "CREATE TABLE factor (key_id INTEGER, basis TEXT, co2_ug INTEGER, ch4_ug INTEGER, n2o_ug INTEGER, unsplit_ug INTEGER)"
    )
    connection.executemany("INSERT INTO activity VALUES (?, ?, ?, ?, 'fetched_by_connector', 1)", activities(rows_count, keys))
    connection.executemany(
        "INSERT INTO factor VALUES (?, ?, ?, ?, ?, ?)",
        ((index, str(basis), *per_unit(key, basis, factors)) for index, key in enumerate(keys) for basis in Basis),
    )
    return connection


def activities(rows_count: int, keys: Sequence[ActivityKey]) -> Iterator[tuple[int, int, int, int]]:
    """Daily consumption of households, some of it negative (corrections), from a fixed seed."""
    chance = random.Random(SEED)
    for index in range(rows_count):
        subject, day = divmod(index, DAYS_PER_SUBJECT_COUNT)
        key_index = subject % len(keys)
        month = keys[key_index].year * 100 + min(day // 31, 11) + 1
        yield subject, key_index, month, chance.randint(-100_000, 40_000_000)


def per_unit(key: ActivityKey, basis: Basis, factors: FactorSet) -> tuple[int, int, int, int]:
    """Micrograms per kilowatt-hour by gas of a key's factor."""
    chosen = resolve(key, factors, basis).chosen
    assert chosen is not None
    split = chosen.ug_per_unit
    return split.co2_ug, split.ch4_ug, split.n2o_ug, split.unsplit_ug


def per_record_lines(connection: sqlite3.Connection, keys: Sequence[ActivityKey], factors: FactorSet) -> list[tuple[Any, ...]]:
    """The lines by the usual loop: each record times each gas of its factor, added per line, rounded at the end."""
    by_key = {(index, str(basis)): per_unit(key, basis, factors) for index, key in enumerate(keys) for basis in Basis}
    bases = sorted(str(basis) for basis in Basis)
    sums: dict[tuple[int, int, int, str], list[int]] = {}
    query = "SELECT subject_id, month_ym, key_id, quantity_micro FROM activity WHERE is_current"
    for subject, month, key_index, quantity in connection.execute(query):
        for basis in bases:
            co2, ch4, n2o, unsplit = by_key[key_index, basis]
            found = sums.get((subject, month, key_index, basis))
            if found is None:
                found = sums[subject, month, key_index, basis] = [0, 0, 0, 0, 0]
            found[0] += quantity
            found[1] += quantity * co2
            found[2] += quantity * ch4
            found[3] += quantity * n2o
            found[4] += quantity * unsplit
    rows = []
    for place, (quantity, *exact) in sorted(sums.items()):
        gases = [_rounded(value) for value in exact]
        assert abs(sum(gases)) <= INT64_MAX
        rows.append((*place, quantity, *gases, sum(gases)))
    return rows


def _rounded(exact: int) -> int:
    size = (abs(exact) + _HALF) // _MILLION
    return -size if exact < 0 else size


def year_of_one_subject_ms(factors: FactorSet) -> float:
    """Milliseconds from twelve monthly totals to a statement: the best of 20."""
    key = ActivityKey("electricity", "US/zip/94110", 2023, "kWh")
    months = [Month(2023, number) for number in range(1, 13)]
    totals = [
        ActivityTotal(month, key, 10**9 + month.number, {EvidenceClass.TYPED: 10**9 + month.number}, 31) for month in months
    ]

    def rescore() -> None:
        lines, unscored = make_lines(totals, lambda key, basis: resolve(key, factors, basis))
        period = MonthRange(months[0], months[-1].plus(1))
        make_statement(period=period, revision=1, lines=lines, unscored=unscored, factor_set=factors.id)

    return min(timed(rescore)[1] for _ in range(20)) * 1000


def resolve_keys_per_second(keys: Sequence[ActivityKey], factors: FactorSet, *, times_count: int) -> float:
    """Keys resolved per second, with the cache that the product has."""
    choose = partial(resolve, factor_set=factors, basis=Basis.LOCATION, gwp_set=GwpSet.AR5)
    _, taken_s = timed(lambda: [choose(key) for _ in range(times_count) for key in keys])
    return len(keys) * times_count / taken_s


def load_ms() -> float:
    """Milliseconds to read and check the shipped factor set: the best of 5."""
    folder = resources.files("scoring.factors").joinpath("data")
    return min(timed(lambda: load_factor_set(folder))[1] for _ in range(5)) * 1000


def result_sha256(rows: Sequence[tuple[Any, ...]]) -> str:
    """SHA-256 over the sorted rows as text."""
    digest = sha256()
    for row in sorted(rows):
        digest.update(f"{row}\n".encode())
    return digest.hexdigest()


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
    parser.add_argument("--rows", type=int, default=1_000_000, help="activities to score")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    given = parser.parse_args(arguments)
    found = measure(given.rows)
    text = json.dumps(found) if given.json else "\n".join(f"{name:28} {value}" for name, value in found.items())
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
