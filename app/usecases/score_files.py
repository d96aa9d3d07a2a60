"""Scoring a folder of Parquet: keys are resolved once each, an engine sums and multiplies, lines are written.

Nothing of it goes into the store, and nothing is read from it. The output folder appears when it is whole: a run works in a
folder of its own beside it, so that neither two runs nor a run that was killed leave a mixture.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from app.usecases.own_folder import own_folder, refuse_existing
from archive.s3 import copy_folder, is_s3
from domain.canonical import Json
from domain.errors import NotFoundError
from domain.factor import GwpSet
from scoring.engines.factors import KeyFactors, activity_keys, key_factors
from scoring.engines.files import Engine, EngineResult, RefusedLine, ScoreJob
from scoring.engines.parquet import check_activities, connection, files_by_month, lines_sha256, read_keys
from scoring.factors.factor_set import FactorSet
from scoring.net import method_name
from scoring.resolve import resolve

FORMAT = "cf-lines/1"
"""Name and version of the output's layout."""


@dataclass(frozen=True, slots=True)
class Scored:
    """What was scored.

    Attributes:
        result: What the engine did.
        keys_count: Activity keys of the folder.
        unscored: Key id to the reason why no factor fits.
        lines_sha256: SHA-256 of all lines in order; the same on every engine.
        engine: Its name and version.
        engine_s: Seconds that summing, multiplying and writing took.
        summary: What `result.json` says.
    """

    result: EngineResult
    keys_count: int
    unscored: dict[int, str]
    lines_sha256: str
    engine: str
    engine_s: float
    summary: dict[str, Json]


@contextmanager
def local_folder(source: str, *, beside: Path) -> Iterator[Path]:
    """A folder of this machine that holds what is at a place.

    Args:
        source: A folder, or `s3://BUCKET/PREFIX`, whose objects are copied and removed again at the end.
        beside: Where the copy goes: into a folder of its own next to this one, where every worker that can write lines can read.

    Yields:
        The folder.

    Raises:
        ConflictError: What speaks to S3 is not installed, or `beside` is there already.
        NotFoundError: There is nothing under the address.
        InputError: The address is no place in a bucket.
        ArchiveError: The bucket cannot be read.
    """
    if not is_s3(source):
        yield Path(source)
        return
    refuse_existing(beside)
    beside.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{beside.name}.input.", dir=beside.parent) as folder:
        copy_folder(source, Path(folder))
        yield Path(folder)


def score_files(source: Path, output: Path, *, engine: Engine, factor_set: FactorSet, gwp_set: GwpSet = GwpSet.AR5) -> Scored:
    """Score a folder of activities.

    Args:
        source: Folder as `export activities` writes it.
        output: Folder to make; there is none yet.
        engine: What runs the SQL.
        factor_set: Rows to choose from.
        gwp_set: Set that single gases are weighted with.

    Returns:
        What was done; the folder holds `lines`, `unscored`, `factors.ndjson` and `result.json`.

    Raises:
        NotFoundError: There is no such folder of activities.
        ConflictError: The output is there already.
        DocumentError: A file or a key cannot be read; the message names file and column.
    """
    key_file = source / "keys.parquet"
    if not key_file.is_file():
        raise NotFoundError(
            "This is no folder of activities",
            expected="keys.parquet and activity/month_ym=.../*.parquet",
            got=str(source),
            next_step="`export activities` writes one; docs/parquet.md says what is in it.",
        )
    with connection() as database:
        keys = activity_keys(read_keys(key_file, database=database), record=str(key_file))
        months = files_by_month(source / "activity")
        check_activities(months, keys_count=len(keys), database=database)
    factors = key_factors(keys, lambda key, basis: resolve(key, factor_set, basis, gwp_set=gwp_set))
    with own_folder(output) as own:
        job = ScoreJob(months, len(keys), factors.rows, tuple(factors.unscored), str(own))
        began = perf_counter()
        result = engine.score(job)
        engine_s = perf_counter() - began
        _write_factors(own / "factors.ndjson", factors)
        digest = lines_sha256(own)
        summary: dict[str, Json] = {
            "format": FORMAT,
            "method": method_name(gwp_set),
            "factor_set": {"root": factor_set.id.root_hex, "size": factor_set.id.size},
            "engine": engine.name,
            "activities": result.activities_count,
            "keys": len(keys),
            "lines": result.lines_count,
            "lines_sha256": digest,
            "refused_lines": result.refused_count,
            "refused": [_refused(one) for one in result.refused],
            "unscored_totals": result.unscored_count,
            "unscored": [
                {"key_id": key_id, "key": keys[key_id].to_json(), "reason": reason} for key_id, reason in factors.unscored.items()
            ],
        }
        (own / "result.json").write_text(json.dumps(summary, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    return Scored(result, len(keys), dict(factors.unscored), digest, engine.name, engine_s, summary)


def _refused(line: RefusedLine) -> dict[str, Json]:
    quantity = "" if line.quantity_micro is None else str(line.quantity_micro)
    return {"month_ym": line.month_ym, "subject_id": line.subject_id, "key_id": line.key_id, "quantity_micro": quantity}


def _write_factors(file: Path, factors: KeyFactors) -> None:
    """What every line was multiplied with, and where the number is published."""
    with file.open("w", encoding="utf-8") as out:
        for row, source in zip(factors.rows, factors.sources, strict=True):
            published = source.chosen.factor
            out.write(
                json.dumps(
                    {
                        "key_id": row.key_id,
                        "part": row.part,
                        "basis": row.basis,
                        "ug_co2e_per_unit": {
                            "co2": row.co2_ug,
                            "ch4": row.ch4_ug,
                            "n2o": row.n2o_ug,
                            "unsplit": row.unsplit_ug,
                            "biogenic_co2": row.biogenic_co2_ug,
                        },
                        "scope": source.scope,
                        "category": source.category,
                        "flags": list(source.flags),
                        "factor_id": published.factor_id,
                        "scale": str(source.chosen.scale),
                        "gwp_set": source.chosen.gwp_set,
                        "publisher": published.publisher,
                        "edition": published.edition,
                        "table": published.table,
                        "label": published.label,
                        "region": published.region,
                        "year": published.year,
                        "url": published.source_url,
                    },
                    ensure_ascii=False,
                )
                + "\n"
            )
