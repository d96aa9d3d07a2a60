"""Scoring: activities per second from Parquet to lines, exact, beside what else one would use, on the same activities in one run.

    python -m benchmarks.scoring --json --rows 10000000

Two folders as `export activities` writes them, of 200 activities per subject. *Mixed* is a month's end: eight kinds of activity
in forty places, 25 activities of each. *Readings* is meters: one key per subject. The measured path is what `score` does from the
first file opened to the last line written, with the factor set in memory: keys read, checked and resolved, files checked, the
canonical SQL, all parts and both bases of every activity, lines as Parquet. Every run is a process of its own, so that its peak
memory is its own; the median of five counts.

Beside it, with the same factors, parts and bases: Polars with sums first, and the multiplication row by row in DuckDB, both from
the same files to Parquet; on fewer activities, held in memory before the clock starts and without writing anything, a loop over
records in Python (exact integers; its lines are compared with ours), the canonical SQL on SQLite, and `@tmrow/bloom-contrib`
0.0.29, the best known open calculator in JavaScript, with its own factors in floats and one result an activity, which is less
work. What is not installed is named as not run.
"""

import argparse
import json
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from tempfile import mkdtemp
from time import perf_counter
from typing import Any

import duckdb

from domain.activity import ActivityKey
from domain.canonical import to_canonical
from domain.number import INT64_MAX
from scoring.engines import sql_text
from scoring.engines.duckdb_engine import DuckDbEngine
from scoring.engines.factors import activity_keys, key_factors
from scoring.engines.files import FactorRow, ScoreJob
from scoring.engines.parquet import check_activities, connection, copy_to, files_by_month, lines_sha256, read_keys
from scoring.factors.load import shipped_factor_set
from scoring.resolve import resolve

PER_SUBJECT_COUNT = 200
"""Activities of one subject: 10 million are those of 50,000."""

RUNS_COUNT = 5
SAMPLE_COUNT = 500_000
"""Activities that the slow alternatives get."""

MONTH_YM = 202301
"""The first month; 10 million activities are one month's, more are of the months after it."""

PER_MONTH_COUNT = 10_000_000
SEED = 20260101
BLOOM = "@tmrow/bloom-contrib@0.0.29"

_ZIP_CODES = ("94110", "10001", "60601", "77001", "98101", "33101", "80201", "02101")
_COUNTRIES = "DEFRGBINJPBRZAAUCAMXESITPLSENONLBEATCHPTGRIEDKFICZHUROKRNZARCLEG"
_PLACES = [f"US/zip/{code}" for code in _ZIP_CODES] + [_COUNTRIES[at : at + 2] for at in range(0, len(_COUNTRIES), 2)]
_KINDS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("electricity", "kWh", {}),
    ("natural_gas", "kWh", {}),
    ("car", "km", {"powertrain": "petrol", "size": "medium"}),
    ("bus", "pkm", {}),
    ("rail", "pkm", {}),
    ("food", "kg", {"food": "cheese"}),
    ("meal", "item", {"meal": "vegan"}),
    ("purchase", "USD", {"naics": "448110"}),
)


def measure(rows_count: int) -> dict[str, Any]:
    """Everything that this benchmark measures.

    Args:
        rows_count: Activities to score.

    Returns:
        What, rows, seconds, per second, peak MB, hash, what stands beside it, and the ratio to the loop.
    """
    folder = Path(mkdtemp(prefix="bench-scoring-"))
    try:
        mixed = make_folder(folder / "mixed", rows_count, kinds_count=len(_KINDS))
        readings = make_folder(folder / "readings", rows_count, kinds_count=1)
        sample = make_folder(folder / "sample", min(rows_count, SAMPLE_COUNT), kinds_count=len(_KINDS))
        ours, of_readings, of_sample = (_runs("ours", place) for place in (mixed, readings, sample))
        beside = {name: _child(name, sample) for name in ("loop", "sqlite", "bloom")}
        month = (
            mixed if rows_count <= PER_MONTH_COUNT else make_folder(folder / "month", PER_MONTH_COUNT, kinds_count=len(_KINDS))
        )
        beside |= {name: _child(name, month) for name in ("rows", "polars")}
    finally:
        shutil.rmtree(folder)
    loop = beside["loop"]
    assert loop["lines_sha256"] == of_sample["lines_sha256"], "expected equal lines from the loop and from the engine"
    return {
        "what": "scoring: Parquet in, lines out, all gases, parts and bases, exact; DuckDB on the canonical SQL",
        "rows": rows_count,
        "subjects": min(rows_count, PER_MONTH_COUNT) // PER_SUBJECT_COUNT,
        **{name: ours[name] for name in ("lines", "seconds", "per_second", "peak_mb", "keys")},
        "result_sha256": ours["lines_sha256"],
        "hash_seconds": ours["hash_seconds"],
        "readings": {name: of_readings[name] for name in ("lines", "seconds", "per_second", "peak_mb")},
        "alternative": "per-record Python loop, exact integers",
        "alternative_rows": loop["rows"],
        "alternative_seconds": loop["seconds"],
        "alternative_per_second": loop["per_second"],
        "ratio": round(ours["per_second"] / loop["per_second"], 1),
        "beside": {
            name: {**found, "ratio": round(ours["per_second"] / found["per_second"], 1)} if "per_second" in found else found
            for name, found in beside.items()
        },
    }


def make_folder(folder: Path, rows_count: int, *, kinds_count: int) -> Path:
    """A folder of activities, as `export activities` writes it.

    Args:
        folder: Folder to make.
        rows_count: How many activities, at most 120 million.
        kinds_count: How many kinds of activity every subject has.

    Returns:
        The folder.
    """
    keys = [ActivityKey(kind, place, 2023, unit, tuple(sorted(said.items()))) for place in _PLACES for kind, unit, said in _KINDS]
    texts = [(i, k.kind, k.region, k.year, k.unit, to_canonical(dict(k.attributes)).decode()) for i, k in enumerate(keys)]
    folder.mkdir(parents=True)
    with duckdb.connect() as database:
        database.execute("CREATE TABLE key (key_id BIGINT, kind TEXT, region TEXT, year BIGINT, unit TEXT, attributes_json TEXT)")
        database.executemany("INSERT INTO key VALUES (?, ?, ?, ?, ?, ?)", texts)
        database.execute(f"COPY key TO '{folder}/keys.parquet' (FORMAT parquet)")
        subject, place = f"(i // {PER_SUBJECT_COUNT})", f"(i // {PER_SUBJECT_COUNT} % {len(_PLACES)})"
        kind = f"(i % {PER_SUBJECT_COUNT} * {kinds_count} // {PER_SUBJECT_COUNT})"
        for index in range(-(-rows_count // PER_MONTH_COUNT)):
            month = folder / "activity" / f"month_ym={MONTH_YM + index}"
            month.mkdir(parents=True)
            amount = f"(hash(i + {SEED + index * PER_MONTH_COUNT}) % 40000000)::BIGINT"
            amount = f"CASE WHEN {kind} IN (0, 1, 5, 7) AND i % 97 = 0 THEN -{amount} ELSE {amount} END"
            count = min(PER_MONTH_COUNT, rows_count - index * PER_MONTH_COUNT)
            copy_to(
                database,
                f"SELECT {subject}::BIGINT AS subject_id, ({place} * {len(_KINDS)} + {kind})::BIGINT AS key_id,"  # noqa: S608
                f" {amount} AS quantity_micro, 'fetched_by_connector' AS evidence FROM range({count}) AS numbers(i)",
                month / "part-0.parquet",
                is_in_order=True,
            )
    return folder


def _runs(name: str, folder: Path) -> dict[str, Any]:
    """The run whose time is the median of several."""
    runs = sorted((_child(name, folder) for _ in range(RUNS_COUNT)), key=lambda found: float(found["seconds"]))
    assert len({found["lines_sha256"] for found in runs}) == 1, "expected the same lines from every run"
    middle = runs[RUNS_COUNT // 2]
    assert middle["seconds"] == median(found["seconds"] for found in runs)
    return middle


def _child(name: str, folder: Path) -> dict[str, Any]:
    """One run, in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.scoring", "--run", name, "--folder", str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - ourselves
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def run_ours(folder: Path) -> dict[str, Any]:
    """What `climate-fitness score` does; the hash of the lines is timed apart."""
    _factors(folder)  # the rows of a kind are read when it is first asked for, once in the life of a program
    output = Path(mkdtemp(prefix=".lines-", dir=folder.parent))
    began = perf_counter()
    with connection() as database:
        keys, factors = _factors(folder, database=database)
        months = files_by_month(folder / "activity")
        check_activities(months, keys_count=len(keys), database=database)
    result = DuckDbEngine().score(ScoreJob(months, len(keys), factors, (), str(output)))
    taken_s = perf_counter() - began
    peak_mb = _peak_mb()
    began = perf_counter()
    digest = lines_sha256(output)
    hash_s = perf_counter() - began
    shutil.rmtree(output)
    assert not result.refused_count
    return {
        "lines": result.lines_count,
        "keys": len(keys),
        "lines_sha256": digest,
        "hash_seconds": round(hash_s, 3),
        **_figures(result.activities_count, taken_s),
        "peak_mb": peak_mb,
    }


def _factors(folder: Path, *, database: duckdb.DuckDBPyConnection | None = None) -> tuple[list[ActivityKey], Sequence[FactorRow]]:
    """Keys of a folder, and what they are multiplied with."""
    factor_set = shipped_factor_set()
    keys = activity_keys(read_keys(folder / "keys.parquet", database=database), record="keys.parquet")
    found = key_factors(keys, lambda key, basis: resolve(key, factor_set, basis))
    assert not found.unscored, f"expected a factor for every key, got {found.unscored}"
    return keys, found.rows


def run_loop(folder: Path) -> dict[str, Any]:
    """The usual loop: every record times every gas of every part and basis, added per line, rounded at the end."""
    records = _records(folder)
    by_key: dict[int, list[FactorRow]] = {}
    for factor in _factors(folder)[1]:
        by_key.setdefault(factor.key_id, []).append(factor)
    sums: dict[tuple[int, int, str, str], list[int]] = {}
    began = perf_counter()
    for subject, key, quantity in records:
        for factor in by_key[key]:
            place = (subject, key, factor.part, factor.basis)
            found = sums.get(place)
            if found is None:
                found = sums[place] = [0, 0, 0, 0, 0, 0]
            found[0] += quantity
            found[1] += quantity * factor.co2_ug
            found[2] += quantity * factor.ch4_ug
            found[3] += quantity * factor.n2o_ug
            found[4] += quantity * factor.unsplit_ug
            found[5] += quantity * factor.biogenic_co2_ug
    lines = [(place, found[0], [_rounded(exact) for exact in found[1:]]) for place, found in sums.items()]
    taken_s = perf_counter() - began
    digest = sha256()
    for (subject, key, part, basis), quantity, gases in sorted(lines):
        total = sum(gases[:4])
        assert abs(total) <= INT64_MAX
        row = (subject, MONTH_YM, key, part, basis, quantity, *gases, total)
        digest.update(("|".join(map(str, row)) + "\n").encode())
    return {"lines_sha256": digest.hexdigest(), **_figures(len(records), taken_s)}


def _rounded(exact: int) -> int:
    size = (abs(exact) + 500_000) // 1_000_000
    return -size if exact < 0 else size


def run_sqlite(folder: Path) -> dict[str, Any]:
    """The canonical SQL on SQLite, in memory."""
    records = _records(folder)
    database = sqlite3.connect(":memory:")
    database.execute(
        "CREATE TABLE activity (subject_id INTEGER, key_id INTEGER, month_ym INTEGER, quantity_micro INTEGER, is_current INTEGER)"
    )
    database.executemany(f"INSERT INTO activity VALUES (?, ?, {MONTH_YM}, ?, 1)", records)  # noqa: S608 - a constant
    columns = ", ".join(f"{name} {'TEXT' if name in {'part', 'basis'} else 'INTEGER'}" for name in FactorRow._fields)
    database.execute(f"CREATE TABLE factor ({columns})")
    database.executemany(f"INSERT INTO factor VALUES ({', '.join('?' * len(FactorRow._fields))})", _factors(folder)[1])  # noqa: S608
    began = perf_counter()
    lines = database.execute(sql_text("lines", "sqlite")).fetchall()
    return {"lines": len(lines), **_figures(len(records), perf_counter() - began)}


def run_rows(folder: Path) -> dict[str, Any]:
    """DuckDB as most would use it: each activity is multiplied, in integers wide enough, and the products are added."""
    factors = _factors(folder)[1]
    gases = [name for name in FactorRow._fields if name.endswith("_ug")]
    products = ", ".join(f"SUM(CAST(quantity_micro AS HUGEINT) * {name} // 1000000)::BIGINT AS {name}" for name in gases)
    with duckdb.connect() as database:
        columns = ", ".join(f"{name} {'TEXT' if name in {'part', 'basis'} else 'BIGINT'}" for name in FactorRow._fields)
        database.execute(f"CREATE TABLE factor ({columns})")
        database.executemany(f"INSERT INTO factor VALUES ({', '.join('?' * len(FactorRow._fields))})", factors)  # noqa: S608
        began = perf_counter()
        (count,) = database.execute(f"SELECT COUNT(*) FROM '{_file(folder)}'").fetchone() or (0,)  # noqa: S608 - our own file
        (lines_count,) = database.execute(
            f"COPY (SELECT subject_id, key_id, part, basis, SUM(quantity_micro)::BIGINT AS quantity_micro, {products}"  # noqa: S608
            f" FROM '{_file(folder)}' JOIN factor USING (key_id) GROUP BY subject_id, key_id, part, basis)"
            f" TO '{folder}/rows.parquet' (FORMAT parquet)"
        ).fetchone() or (0,)
        return {"lines": lines_count, **_figures(count, perf_counter() - began), "peak_mb": _peak_mb()}


def run_polars(folder: Path) -> dict[str, Any]:
    """Polars with sums first, in 64-bit integers, which wrap where they are too small."""
    if find_spec("polars") is None:
        return {"not_run": "polars is not installed: pip install polars"}
    import polars as pl  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415 - only where it is installed

    factor = pl.DataFrame(_factors(folder)[1], schema=list(FactorRow._fields), orient="row").lazy()
    gases = [name for name in FactorRow._fields if name.endswith("_ug")]
    lines = folder / "polars.parquet"
    began = perf_counter()
    activity = pl.scan_parquet(_file(folder))
    summed = activity.group_by("subject_id", "key_id").agg(pl.col("quantity_micro").sum())
    size = pl.col("quantity_micro").abs()
    summed.join(factor, on="key_id").with_columns(
        _product(size, pl.col(name), pl.col("quantity_micro")).alias(f"line_{name}") for name in gases
    ).drop(gases).sink_parquet(lines)
    taken_s = perf_counter() - began
    count, lines_count = (pl.scan_parquet(file).select(pl.len()).collect().item() for file in (_file(folder), lines))
    return {"version": pl.__version__, "lines": lines_count, **_figures(count, taken_s), "peak_mb": _peak_mb()}


def _product(size: Any, factor: Any, quantity: Any) -> Any:  # noqa: ANN401 - expressions of Polars
    rounded = size // 1_000_000 * factor + (size % 1_000_000 * factor + 500_000) // 1_000_000
    return rounded * quantity.sign()


def _file(folder: Path) -> str:
    """The activities of a folder of one month: what the alternatives are given."""
    ((file,),) = files_by_month(folder / "activity").values()
    return file


def run_bloom(folder: Path) -> dict[str, Any]:
    """The JavaScript calculator on what it can read of the same activities."""
    place = Path(__file__).parent / "bloom"
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        return {"not_run": "Node.js is not installed"}
    home = Path(mkdtemp(prefix=".bloom-", dir=folder.parent))
    got = subprocess.run([npm, "install", "--silent", "--prefix", str(home), BLOOM], capture_output=True, text=True, check=False)  # noqa: S603
    if got.returncode:
        return {"not_run": f"npm install {BLOOM} failed: {got.stderr.strip()[-200:]}"}
    kinds = {key_id: key.kind for key_id, key in enumerate(_factors(folder)[0])}
    chosen = [_as_bloom(kinds[key], quantity) for _, key, quantity in _records(folder)]
    known = [one for one in chosen if one is not None]
    (home / "activities.json").write_text(json.dumps(known), encoding="utf-8")
    shutil.copy(place / "score.js", home / "score.js")
    done = subprocess.run([node, "score.js"], cwd=home, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603
    found = json.loads(done.stdout)
    assert found["scored"] == len(known), f"expected all {len(known)} activities scored, got {found['scored']}"
    return {"version": BLOOM, "node": found["node"], **_figures(len(known), float(found["seconds"]))}


def _as_bloom(kind: str, quantity_micro: int) -> Mapping[str, Any] | None:
    """An activity in the words of the JavaScript calculator; None where it has none, or no amounts below zero."""
    amount = quantity_micro / 1_000_000
    words: dict[str, Mapping[str, Any]] = {
        "electricity": {"activityType": "ACTIVITY_TYPE_ELECTRICITY", "energyWattHours": amount * 1000},
        "bus": {"transportationMode": "bus", "distanceKilometers": amount},
        "rail": {"transportationMode": "train", "distanceKilometers": amount},
        "car": {"transportationMode": "car", "distanceKilometers": amount},
        "meal": {"activityType": "ACTIVITY_TYPE_MEAL", "mealType": "MEAL_TYPE_VEGAN", "numberOfParticipants": 1},
    }
    found = words.get(kind)
    if found is None or quantity_micro < 0:
        return None
    when = f"{MONTH_YM // 100}-{MONTH_YM % 100}-05T12:00:00Z"
    return {"activityType": "ACTIVITY_TYPE_TRANSPORTATION", "datetime": when, "countryCodeISO2": "DE", **found}


def _records(folder: Path) -> list[tuple[int, int, int]]:
    """Activities in the order of their arrival, which is none."""
    with duckdb.connect() as database:
        records = database.execute("SELECT subject_id, key_id, quantity_micro FROM read_parquet(?)", [_file(folder)]).fetchall()
    random.Random(SEED).shuffle(records)
    return records


def _figures(rows_count: int, taken_s: float) -> dict[str, Any]:
    return {"rows": rows_count, "seconds": round(taken_s, 4), "per_second": round(rows_count / taken_s)}


def _peak_mb() -> float:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


RUNS: Mapping[str, Callable[[Path], dict[str, Any]]] = {
    "ours": run_ours,
    "loop": run_loop,
    "sqlite": run_sqlite,
    "rows": run_rows,
    "polars": run_polars,
    "bloom": run_bloom,
}
"""What runs in a process of its own."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the numbers.

    Args:
        arguments: Command line without the program's name; the process's own where left out.

    Returns:
        Exit code 0.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000, help="activities to score")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--run", choices=RUNS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    found = RUNS[given.run](given.folder) if given.run else measure(given.rows)
    text = json.dumps(found) if given.json or given.run else "\n".join(f"{name:28} {value}" for name, value in found.items())
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
