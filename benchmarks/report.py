"""Writes `docs/benchmarks.md` and its plot: every benchmark five times, and scoring from 100,000 to 100 million activities.

    make bench

Takes about a quarter of an hour on a quiet machine; `python -m benchmarks.report NAME...` measures some of them again and leaves
the others as they are. Ratios compare what was measured in the same run; of several runs the median counts, and the least and
the most stand beside it.
"""

import argparse
import json
import math
import os
import platform
import sqlite3
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from benchmarks.scoring import PER_MONTH_COUNT, PER_SUBJECT_COUNT, make_folder

REPOSITORY = Path(__file__).resolve().parents[1]
RUNS_COUNT = 5
GROWTH_COUNTS = (100_000, 1_000_000, 10_000_000, 100_000_000)
GROWTH = "growth"
_OF_CONNECTORS = ("octopus", "timeline", "bank_files", "sync", "sync_queue")
NAMES = (GROWTH, "scoring", "estimate", "parse", "rescore", "month_end", "factors", "gas", "verify", "page", *_OF_CONNECTORS)
"""Sections of the report, in their order."""
_GROWTH_TEXT = (
    "Mixed activities, 200 a subject and month, Parquet in, lines out; beyond 10 million, 50,000 subjects over more months.",
    "Memory is the most of five runs, time their median.",
    "",
)
ONE_RUN = frozenset({"scoring", "month_end", "sync", "sync_queue", "verify"})
"""What measures several runs itself, or takes minutes."""


def machine() -> list[tuple[str, str]]:
    """What the numbers were measured on."""
    cpus = {
        line.partition(":")[2].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    }
    memory_kb = int(Path("/proc/meminfo").read_text().split()[1])
    return [
        ("processor", f"{', '.join(sorted(cpus)) or platform.processor()}, {len(os.sched_getaffinity(0))} cores"),
        ("memory", f"{memory_kb / 2**20:.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("Python", platform.python_version()),
        ("DuckDB, SQLite", f"{duckdb.__version__}, {sqlite3.sqlite_version}"),
    ]


def measured_on() -> str:
    """When, of what, and beside how much else."""
    command = ["git", "describe", "--always", "--dirty"]
    commit = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)  # noqa: S603 - constants
    return f"{datetime.now(UTC):%d %B %Y, %H:%M} UTC, commit {commit.stdout.strip() or 'none'}, load {os.getloadavg()[0]:.2f}."


def bench(name: str, rows_count: int | None = None) -> dict[str, Any]:
    """One benchmark in a process of its own."""
    size = ["--rows", str(rows_count)] if rows_count else []
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json", *size]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own module
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def section(name: str, runs: Sequence[Mapping[str, Any]], about: str) -> list[str]:
    """One benchmark as Markdown: what is a number with its median, least and most, what is text as it is."""
    times = "once" if len(runs) == 1 else f"{len(runs)} runs"
    lines = [f"`climate-fitness bench {name} --json`, {times}: {runs[0].get('what', '')}", "", about, ""]
    lines += ["| | median | least | most |", "|---|---|---|---|"] if len(runs) > 1 else ["| | |", "|---|---|"]
    tables = {field: value for field, value in runs[0].items() if _is_table(value)}
    for field in (field for field in runs[0] if field != "what" and field not in tables):
        values = [run[field] for run in runs]
        if all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values) and len(runs) > 1:
            lines.append(f"| {field} | {_number(median(values))} | {_number(min(values))} | {_number(max(values))} |")
        else:
            lines.append(f"| {field} | {_cell(values[0])} |" + (" | |" if len(runs) > 1 else ""))
    for field, table in tables.items():
        lines += ["", *_table(field, table)]
    return lines


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(one, dict) for one in value.values())


def _table(field: str, table: Mapping[str, Mapping[str, object]]) -> list[str]:
    """A table of tables as Markdown: a row for each, a column for whatever one of them has; hashes are left out."""
    columns = [name for name in dict.fromkeys(name for one in table.values() for name in one) if not name.endswith("sha256")]
    lines = [f"| {field} | " + " | ".join(columns) + " |", "|" + "---|" * (len(columns) + 1)]
    return lines + [
        f"| {name} | " + " | ".join(_cell(one[column]) if column in one else "" for column in columns) + " |"
        for name, one in table.items()
    ]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"  # noqa: PLR2004 - three digits


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return "; ".join(f"{name}: {_cell(one)}" for name, one in value.items())
    return _number(value) if isinstance(value, (int, float)) else str(value)


def grow(counts: Sequence[int]) -> list[dict[str, Any]]:
    """Scoring of mixed activities in several sizes: the median of five runs each."""
    found = []
    for rows_count in counts:
        with TemporaryDirectory(prefix="bench-growth-") as folder:
            place = make_folder(Path(folder) / "activities", rows_count, kinds_count=8)
            runs = [_scored(place) for _ in range(RUNS_COUNT)]
            size_mb = sum(file.stat().st_size for file in place.rglob("*.parquet")) / 1e6
        middle = sorted(runs, key=lambda run: float(run["seconds"]))[RUNS_COUNT // 2]
        found.append({**middle, "input_mb": round(size_mb, 1), "peak_mb": max(run["peak_mb"] for run in runs)})
    return found


def _scored(place: Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scoring", "--run", "ours", "--folder", str(place)]
    done = subprocess.run(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603 - our own module
    run: dict[str, Any] = json.loads(done.stdout)
    return run


def growth_table(runs: Sequence[Mapping[str, Any]]) -> list[str]:
    """Growth as Markdown."""
    head = ["activities", "subjects", "lines", "input MB", "seconds", "activities/s", "peak MB", "seconds for the hash"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    for run in runs:
        cells = [
            run["rows"],
            min(run["rows"], PER_MONTH_COUNT) // PER_SUBJECT_COUNT,
            run["lines"],
            run["input_mb"],
            run["seconds"],
            run["per_second"],
        ]
        lines.append("| " + " | ".join(_number(cell) for cell in [*cells, run["peak_mb"], run["hash_seconds"]]) + " |")
    return lines


def growth_svg(runs: Sequence[Mapping[str, Any]]) -> str:
    """Seconds and peak memory over activities, both axes by powers of ten."""
    width, height, left, bottom = 640, 320, 70, 50
    low_x, high_x = math.log10(runs[0]["rows"]), math.log10(runs[-1]["rows"])
    values = [float(run[name]) for run in runs for name in ("seconds", "peak_mb")]
    low_y, high_y = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))

    def at(rows: float, value: float) -> tuple[float, float]:
        x = left + (math.log10(rows) - low_x) / max(high_x - low_x, 1e-9) * (width - left - 130)
        y = height - bottom - (math.log10(value) - low_y) / (high_y - low_y) * (height - bottom - 20)
        return round(x, 1), round(y, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        "<title>Seconds and peak memory over the number of activities</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
    ]
    for power in range(low_y, high_y + 1):
        x, y = at(runs[0]["rows"], 10.0**power)
        parts.append(f'<line x1="{x}" x2="{width - 130}" y1="{y}" y2="{y}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end" fill="#333333">{10.0**power:g}</text>')
    for run in runs:
        x, _ = at(run["rows"], 10.0**low_y)
        parts.append(f'<text x="{x}" y="{height - bottom + 20}" text-anchor="middle" fill="#333333">{run["rows"]:,}</text>')
    for name, colour, label in (("seconds", "#0b5d44", "seconds"), ("peak_mb", "#b45309", "peak MB")):
        points = [at(run["rows"], float(run[name])) for run in runs]
        path = " ".join(f"{x},{y}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
        parts += [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in points]
        parts.append(f'<text x="{points[-1][0] + 12}" y="{points[-1][1] + 4}" fill="{colour}">{label}</text>')
    parts.append(f'<text x="{(width - 60) / 2}" y="{height - 8}" text-anchor="middle" fill="#333333">activities</text>')
    return "\n".join([*parts, "</svg>", ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and write.

    Args:
        arguments: Command line without the program's name; the process's own where left out.

    Returns:
        Exit code 0.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("names", nargs="*", default=[*NAMES], help="what to measure; the rest of the document stays")
    parser.add_argument("--most", type=int, default=GROWTH_COUNTS[-1], help="activities of the largest size of the growth")
    parser.add_argument("--docs", type=Path, default=REPOSITORY / "docs", help="folder to write into")
    given = parser.parse_args(arguments)
    document = given.docs / "benchmarks.md"
    sections = sections_of(document.read_text(encoding="utf-8")) if document.is_file() else {}
    for name in given.names:
        sys.stderr.write(f"{name}\n")
        about = measured_on()
        if name == GROWTH:
            grown = grow([count for count in GROWTH_COUNTS if count <= given.most])
            (given.docs / "benchmarks.svg").write_text(growth_svg(grown), encoding="utf-8")
            sections[name] = [*_GROWTH_TEXT, about, "", *growth_table(grown), "", "![Growth](benchmarks.svg)"]
        else:
            sections[name] = section(name, [bench(name) for _ in range(1 if name in ONE_RUN else RUNS_COUNT)], about)
        document.write_text(_text(sections), encoding="utf-8")
    return 0


def sections_of(text: str) -> dict[str, list[str]]:
    """The lines of a report by the name of their section, without what stands before the first one."""
    found: dict[str, list[str]] = {}
    for part in text.split("\n## ")[1:]:
        name, _, body = part.partition("\n")
        found[name.strip().lower()] = body.strip().splitlines()
    return found


def _text(sections: Mapping[str, Sequence[str]]) -> str:
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; every number is measured by the command above it. Figures are medians, beside them the least",
        "and the most. Ratios compare what was measured in the same run.",
        "",
        *["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in machine()), ""],
    ]
    for name in [*NAMES, *sorted(sections.keys() - set(NAMES))]:
        if name in sections:
            lines += [f"## {name.capitalize()}", "", *sections[name], ""]
    return "\n".join(lines).rstrip() + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
