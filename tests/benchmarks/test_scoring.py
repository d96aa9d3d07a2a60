"""The benchmark of scoring: what it compares is the same, and the report of all says what was measured."""

from pathlib import Path

import duckdb

from benchmarks import report, scoring
from benchmarks.report import growth_svg, growth_table, machine, measured_on, section
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
    """Of several runs; text stays as it is, and a table of tables is a table."""
    beside = {"loop": {"rows": 5, "result_sha256": "f00"}, "other": {"not_run": "is away"}}
    runs = [{"what": "thing", "seconds": value, "gas": {"one": 12_345}, "beside": beside} for value in (3.0, 1.0, 2.0)]
    lines = section("gas", runs, "today")
    assert "| seconds | 2 | 1 | 3 |" in lines
    assert lines[0] == "`climate-fitness bench gas --json`, 3 runs: thing"
    assert "| gas | one: 12,345 | | |" in lines
    assert lines[-4:] == ["| beside | rows | not_run |", "|---|---|---|", "| loop | 5 |  |", "| other |  | is away |"]
    assert {name for name, _ in machine()} >= {"processor", "Python"}
    assert "load" in measured_on()


def test_report_keeps_what_is_not_measured_again(tmp_path: Path) -> None:
    """One section is written anew, the other stays word for word."""
    document = tmp_path / "benchmarks.md"
    document.write_text("# Benchmarks\n\n## Growth\n\nold growth\n\n## Gas\n\nold gas\n", encoding="utf-8")
    report.main(["gas", "--docs", str(tmp_path)])
    found = report.sections_of(document.read_text(encoding="utf-8"))
    assert list(found) == ["growth", "gas"]
    assert found["growth"] == ["old growth"]
    assert found["gas"][0].startswith("`climate-fitness bench gas --json`, 5 runs")
    assert "issue_2_signatures_max" in "\n".join(found["gas"])


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
