"""The benchmark of scoring: what it compares is the same, and the report of all says what was measured."""

from pathlib import Path

import duckdb

from benchmarks import scoring
from benchmarks.report import growth_svg, growth_table, machine, section
from scoring.engines.parquet import files_by_month


def test_loop_and_engine_give_the_same_lines(tmp_path: Path) -> None:
    """On mixed activities, refunds among them, the usual loop and the engine agree to the microgram."""
    folder = scoring.make_folder(tmp_path / "in", 4_000, kinds_count=8)
    ours, loop = scoring.run_ours(folder), scoring.run_loop(folder)
    assert ours["lines_sha256"] == loop["lines_sha256"]
    assert ours["rows"] == loop["rows"] == 4_000
    assert scoring.run_sqlite(folder)["lines"] == ours["lines"] == scoring.run_rows(folder)["lines"] > 160


def test_activities_are_mixed(tmp_path: Path) -> None:
    """Two hundred of a subject, eight kinds, some below zero; of readings one kind, none below."""
    folder = scoring.make_folder(tmp_path / "mixed", 10_000, kinds_count=8)
    ((file,),) = files_by_month(folder / "activity").values()
    row = (
        duckdb.read_parquet(file)
        .aggregate("count(distinct subject_id), count(distinct key_id), min(quantity_micro) < 0")
        .fetchall()
    )
    assert row == [(50, 320, True)]
    counts = (
        duckdb.read_parquet(file)
        .aggregate("subject_id, count(*) AS count", "subject_id")
        .project("min(count), max(count)")
        .fetchall()
    )
    assert counts == [(200, 200)]


def test_report_says_median_least_and_most() -> None:
    """Of several runs; text and tables stay as they are."""
    runs = [{"what": "thing", "seconds": value, "gas": {"one": 12_345}} for value in (3.0, 1.0, 2.0)]
    text = "\n".join(section("gas", runs))
    assert "| seconds | 2 | 1 | 3 |" in text
    assert "one: 12,345" in text
    assert "thing" in text
    assert {name for name, _ in machine()} >= {"date", "processor", "Python", "load when it began"}


def test_growth_is_a_table_and_a_plot() -> None:
    """One row and two points for each size."""
    runs = [
        {
            "rows": rows,
            "lines": rows // 10,
            "input_mb": 1.5,
            "seconds": rows / 1e6,
            "per_second": 1_000_000,
            "peak_mb": 150,
            "hash_seconds": 0.1,
        }
        for rows in (100_000, 10_000_000, 100_000_000)
    ]
    assert [line.count("|") for line in growth_table(runs)] == [9] * 5
    assert "| 100,000,000 | 50,000 |" in growth_table(runs)[-1]
    plot = growth_svg(runs)
    assert plot.count("<circle") == 6
    assert plot.count("<polyline") == 2
