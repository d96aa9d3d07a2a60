"""Estimates: lines of JSON in, lines of JSON out, beside the same without anything kept from one line to the next.

    python -m benchmarks.estimate --json

The lines are drawn with a fixed seed: every kind that is scored, a few thousand activity keys of which some come often and most
seldom, as in a company's records, each line with a day or a bill's span of its own, a quantity of its own, other units, refunds,
and one mistake in two hundred. What is measured is what `estimate` and `POST /v1/estimate` do with a line between reading and
writing it, on one core, starting with nothing read and nothing kept. Both ways must give the same bytes.
"""

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from time import perf_counter
from typing import Any

from pydantic_core import to_json

from app.api.strict import read_json
from benchmarks.factors import make_keys, request_of
from domain.activity import ActivityKey
from domain.errors import ClimateFitnessError
from domain.units import UNITS
from scoring.estimate import error_json, estimate
from scoring.estimate_explain import Explain
from scoring.estimate_lines import LineEstimator
from scoring.estimate_plan import JsonStyle
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import shipped_factor_set

LINES_COUNT = 100_000
KEYS_PER_LINE_RATIO = 0.03
"""Distinct activity keys per line: 3,000 of 100,000."""
ALONE_COUNT = 20_000
"""Most lines of which none is like another, and most that the alternative answers: enough for a steady rate."""
SEED = 20261122
TODAY = date(2026, 11, 22)
STYLE = JsonStyle("compact", to_json, b",", b":")
BILLED = frozenset({"electricity", "electricity_export", "natural_gas", "district_heat", "steam", "water", "fuel"})
"""Kinds whose lines are bills of a month or a quarter; all others are of a day."""
OTHER_UNITS: Mapping[str, tuple[str, ...]] = {
    "kWh": ("MWh", "MJ", "therm"),
    "km": ("mi",),
    "pkm": ("pmi",),
    "kg": ("lb", "t"),
    "m3": ("L",),
}
USUAL_SHARE_RATIO = 0.9
"""How often a line is in the usual unit."""
Answering = Callable[[FactorSet, Sequence[bytes]], Iterator[bytes]]

REFUND_RATIO = 0.01
MISTAKE_RATIO = 0.005


def measure(lines_count: int) -> dict[str, Any]:
    """Everything that this benchmark measures, each way in a process of its own that begins with nothing.

    Args:
        lines_count: Lines of the mix.

    Returns:
        What, lines per second of both ways, the ratio, peak memory, and the hash of the answers.
    """
    with tempfile.TemporaryDirectory() as folder:
        mixed, few, alone = (Path(folder) / f"{name}.ndjson" for name in ("mixed", "few", "alone"))
        run("--write-mixed", str(mixed), "--rows", str(lines_count))
        few.write_bytes(b"\n".join(mixed.read_bytes().splitlines()[:ALONE_COUNT]))
        run("--write-alone", str(alone), "--rows", str(min(lines_count, ALONE_COUNT)))
        ours, brief = (run("--answer", str(mixed), "--way", way) for way in ("kept", "brief"))
        same, theirs = (run("--answer", str(few), "--way", way) for way in ("kept", "plain"))
        alone_ours, alone_theirs = (run("--answer", str(alone), "--way", way) for way in ("kept", "plain"))
    for one, other in ((same, theirs), (alone_ours, alone_theirs)):
        assert one["sha256"] == other["sha256"], "expected the bytes of the alternative"
    return {
        "what": "estimates, JSON lines in and out",
        "rows": ours["lines"],
        "keys": distinct_count(lines_count),
        "seconds": ours["seconds"],
        "per_second": ours["per_second"],
        "again_per_second": ours["again_per_second"],
        "explain_none_per_second": brief["per_second"],
        "explain_none_again_per_second": brief["again_per_second"],
        "bytes_per_line": ours["bytes_per_line"],
        "explain_none_bytes_per_line": brief["bytes_per_line"],
        "peak_mb": ours["peak_mb"],
        "result_sha256": ours["sha256"],
        "alternative": "the same estimates, each line worked out by itself",
        "alternative_rows": theirs["lines"],
        "alternative_seconds": theirs["seconds"],
        "alternative_per_second": theirs["per_second"],
        "ratio": round(ours["per_second"] / theirs["per_second"], 2),
        "all_distinct_rows": alone_ours["lines"],
        "all_distinct_per_second": alone_ours["per_second"],
        "all_distinct_alternative_per_second": alone_theirs["per_second"],
        "all_distinct_peak_mb": alone_ours["peak_mb"],
    }


def distinct_count(lines_count: int) -> int:
    """Activity keys that the mix is drawn from."""
    return max(round(lines_count * KEYS_PER_LINE_RATIO), 100)


def run(*options: str) -> Any:  # noqa: ANN401 - JSON
    """What this module prints with these options, in a process of its own."""
    done = subprocess.run(  # noqa: S603 - this module, by its name
        [sys.executable, "-m", "benchmarks.estimate", *options], check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout or b"null")


def answer_file(path: Path, way: str) -> dict[str, Any]:
    """One way over a file of lines, twice, beginning with nothing read and nothing kept.

    Args:
        path: The file.
        way: "kept", "brief" (the same without explanations) or "plain".

    Returns:
        Its figures.
    """
    lines = path.read_bytes().splitlines()
    factors = shipped_factor_set()
    ways: Mapping[str, Answering] = {"kept": answered, "brief": partial(answered, explain=Explain.NONE), "plain": plainly}
    answering = ways[way]
    answered_bytes, first_s, digest = timed(answering(factors, lines))
    peak_mb = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)
    _, again_s, again = timed(answering(factors, lines))
    assert digest == again, "expected the same bytes twice"
    return {
        "lines": len(lines),
        "seconds": round(first_s, 3),
        "per_second": round(len(lines) / first_s),
        "again_per_second": round(len(lines) / again_s),
        "bytes_per_line": round(answered_bytes / len(lines)),
        "peak_mb": peak_mb,
        "sha256": digest,
    }


# The two ways.


def answered(factors: FactorSet, lines: Sequence[bytes], *, explain: Explain = Explain.FULL) -> Iterator[bytes]:
    """Answers with what lines have in common kept."""
    estimator = LineEstimator(factors, STYLE, today_date=TODAY, explain=explain)
    for line_index, line in enumerate(lines, start=1):
        try:
            value = read_json(line, record=f"line {line_index}")
        except ClimateFitnessError as error:
            yield estimator.refusal(line_index, error).json
        else:
            yield estimator.answer(line_index, value).json


def plainly(factors: FactorSet, lines: Sequence[bytes]) -> Iterator[bytes]:
    """Answers of which each is worked out by itself; the choice of a factor is kept, as everywhere in the program."""
    for line_index, line in enumerate(lines, start=1):
        try:
            answer = estimate(read_json(line, record=f"line {line_index}"), factor_set=factors, today_date=TODAY)
        except ClimateFitnessError as error:
            answer = {"id": None, "error": error_json(error)}
        yield to_json({"line": line_index, **answer})


def timed(answers: Iterator[bytes]) -> tuple[int, float, str]:
    """Bytes answered, seconds, and SHA-256 of the answers; the clock stands while they are hashed, and none is kept."""
    digest, answered_bytes, took_s = sha256(), 0, 0.0
    block = [b""]
    while block:
        began = perf_counter()
        block = list(islice(answers, 1_000))
        took_s += perf_counter() - began
        for answer in block:
            digest.update(answer)
            answered_bytes += len(answer)
    return answered_bytes, took_s, digest.hexdigest()


# The lines. They are made in a process of their own, so that no other one begins with anything read.


def mixed_lines(factors: FactorSet, lines_count: int) -> Iterator[bytes]:
    """A batch in which keys repeat: the first of them often, most of them seldom."""
    chance = random.Random(SEED)
    known = list(islice(scored_keys(factors, 2 * distinct_count(lines_count)), distinct_count(lines_count)))
    weights = [1 / (rank + 10) for rank in range(len(known))]
    for number, (key, request) in enumerate(chance.choices(known, weights, k=lines_count)):
        yield line_of(number, key, request, chance)


def distinct_lines(factors: FactorSet, lines_count: int) -> Iterator[bytes]:
    """A batch in which no key comes twice."""
    chance = random.Random(SEED)
    for number, (key, request) in enumerate(islice(scored_keys(factors, 2 * lines_count), lines_count)):
        yield line_of(number, key, request, chance)


def scored_keys(factors: FactorSet, keys_count: int) -> Iterator[tuple[ActivityKey, dict[str, object]]]:
    """Distinct keys of all kinds that a factor fits, each with a line that asks for it."""
    for key in make_keys(factors, keys_count):
        request = request_of(key)
        if request is not None and "error" not in estimate(request, factor_set=factors, today_date=TODAY):
            yield key, request


def line_of(number: int, key: ActivityKey, request: Mapping[str, object], chance: random.Random) -> bytes:
    """A line with a quantity and days of its own."""
    line = {"id": f"record {number}", **request}
    month = str(request["start"])[:7] if "month" in dict(key.attributes) else f"{key.year}-{chance.randrange(1, 11):02d}"
    first_date = date.fromisoformat(f"{month}-{chance.randrange(1, 29):02d}")
    line["start"] = first_date.isoformat()
    if key.kind in BILLED:
        line["end"] = (first_date + timedelta(days=chance.choice((28, 29, 30, 31, 33, 91)))).isoformat()
    is_counted = UNITS[key.unit].dimension.value == "count"
    amount = (
        str(chance.randrange(1, 5)) if is_counted else f"{chance.lognormvariate(3, 1.5) + 0.001:.{chance.choice((0, 1, 2, 3))}f}"
    )
    line["quantity"] = "1" if not float(amount) else amount
    if key.unit == "item" and key.kind == "flight":
        line["unit"] = "passenger"
    others = OTHER_UNITS.get(key.unit, ())
    if others and chance.random() > USUAL_SHARE_RATIO:
        line["unit"] = chance.choice(others)
    if chance.random() < REFUND_RATIO and key.kind in BILLED | {"purchase", "food"}:
        line["quantity"] = f"-{line['quantity']}"
    if chance.random() < MISTAKE_RATIO:
        line |= chance.choice(
            ({"quantity": "1,5"}, {"unit": "furlong"}, {"region": "Atlantis"}, {"kind": "electricty"}, {"end": "soon"})
        )
    return json.dumps(line).encode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the numbers, or write the lines that they are measured with.

    Args:
        arguments: Command line without the program's name; the process's own where left out.

    Returns:
        Exit code 0.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--rows", type=int, default=LINES_COUNT, help="lines to answer")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.add_argument("--write-mixed", type=Path, help="only write the mixed lines to this file")
    parser.add_argument("--write-alone", type=Path, help="only write the lines of distinct keys to this file")
    parser.add_argument("--answer", type=Path, help="only answer the lines of this file, one way")
    parser.add_argument("--way", choices=("kept", "brief", "plain"), default="kept", help="which way")
    given = parser.parse_args(arguments)
    if given.answer:
        sys.stdout.write(json.dumps(answer_file(given.answer, given.way)))
        return 0
    for path, made in ((given.write_mixed, mixed_lines), (given.write_alone, distinct_lines)):
        if path:
            path.write_bytes(b"\n".join(made(shipped_factor_set(), given.rows)))
            return 0
    found = measure(given.rows)
    text = json.dumps(found) if given.json else "\n".join(f"{name:36} {value}" for name, value in found.items())
    sys.stdout.write(f"{text}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
