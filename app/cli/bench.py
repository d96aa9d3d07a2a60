"""`bench`: one benchmark of a checkout, in a process of its own, so that its peak memory is its own."""

import json
import subprocess
import sys
from pathlib import Path

from app.cli.terminal import ExitCode, print_json, say, tell
from domain.errors import InputError, NotFoundError

REPOSITORY = Path(__file__).resolve().parents[2]
"""The folder that holds `app`: a checkout has `benchmarks` beside it, an installed package has not."""

TAKES_ROWS = frozenset(
    {"bank_files", "estimate", "factors", "month_end", "octopus", "parse", "scoring", "sync", "sync_queue", "timeline", "verify"}
)
"""Benchmarks whose size can be chosen."""


def run_bench(what: str, *, rows_count: int | None, is_json: bool, repository: Path = REPOSITORY) -> int:
    """Run a benchmark and print what it measured.

    Args:
        what: Its name.
        rows_count: How many rows; the benchmark's own choice where left out.
        is_json: Answer for programs.
        repository: The checkout.

    Returns:
        The exit code: 1 where the benchmark failed.

    Raises:
        NotFoundError: This is no checkout, or it has no such benchmark.
        InputError: The benchmark has no rows to choose.
    """
    if not (repository / "benchmarks" / f"{what}.py").is_file():
        raise NotFoundError(
            "There is no such benchmark here",
            expected=f"benchmarks/{what}.py beside the program",
            got=f"none in {repository}",
            next_step="Benchmarks come with a checkout: clone the repository and install it with pip install -e '.[dev]'.",
        )
    if rows_count and what not in TAKES_ROWS:
        raise InputError(
            "This benchmark has no rows to choose", expected=f"--rows with {' or '.join(sorted(TAKES_ROWS))}", got=what
        )
    size = ["--rows", str(rows_count)] if rows_count else []
    done = subprocess.run(  # noqa: S603 - our own module, by its name
        [sys.executable, "-m", f"benchmarks.{what}", "--json", *size],
        cwd=repository,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        tell(f"Error: benchmarks.{what} ended with {done.returncode}; its own words are above.")
        return ExitCode.PARTLY
    found = json.loads(done.stdout)
    if is_json:
        print_json(found)
        return ExitCode.DONE
    for name, value in found.items():
        say(f"{name:<14}  {value if isinstance(value, (str, int, float)) else json.dumps(value)}")
    return ExitCode.DONE
