"""The canonical SQL on DuckDB: one machine, all its cores, memory that does not grow with the rows.

Months are scored one after the other, so that what is held at once is one month's groups; what does not fit is spilled to a
folder inside the run's own.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from domain.factor import Basis, Part
from scoring.engines import sql_text
from scoring.engines.files import GAS_COLUMNS, MAX_REFUSED_COUNT, EngineResult, RefusedLine, ScoreJob
from scoring.engines.parquet import MEMORY_BYTES, connection, copy_to, fits_in_64_bits, insert_rows, parquet_source


class DuckDbEngine:
    """The canonical SQL on DuckDB.

    Args:
        threads_count: Threads; as many as the machine has cores where left out.
        memory_bytes: What it may hold before it spills.
    """

    def __init__(self, *, threads_count: int | None = None, memory_bytes: int = MEMORY_BYTES) -> None:
        self._threads_count = threads_count
        self._memory_bytes = memory_bytes

    @property
    def name(self) -> str:
        """With the library's version."""
        return f"duckdb {duckdb.__version__}"

    def score(self, job: ScoreJob) -> EngineResult:
        """Write the lines of a job, month after month.

        Args:
            job: What to score; its files are local paths that `check_activities` has accepted.

        Returns:
            Counts, and what was refused.
        """
        output = Path(job.output)
        with connection(output / "spill", threads_count=self._threads_count, memory_bytes=self._memory_bytes) as database:
            _take_factors(database, job)
            counts = [0, 0, 0]
            refused: list[RefusedLine] = []
            refused_count = 0
            for month_ym, files in sorted(job.files_by_month.items()):
                _show_month(database, month_ym, files)
                counts[0] += _count(database, f"FROM {parquet_source(files)}")
                written = _copy(database, sql_text("lines", "duckdb"), output / "lines" / f"month_ym={month_ym}")
                counts[1] += written
                if job.unscored_keys:
                    counts[2] += _copy(database, _UNSCORED, output / "unscored" / f"month_ym={month_ym}")
                if written:
                    found, more_count = _refused(database, month_ym, output / "lines" / f"month_ym={month_ym}")
                    refused += found[: MAX_REFUSED_COUNT - len(refused)]
                    refused_count += more_count
        return EngineResult(counts[0], counts[1], counts[2], tuple(refused), refused_count)


_UNSCORED = """
SELECT
    subject_id,
    month_ym,
    key_id,
    CASE WHEN ABS(SUM(quantity_micro)) < 9223372036854775808 THEN CAST(SUM(quantity_micro) AS BIGINT) END AS quantity_micro
FROM activity
SEMI JOIN unscored_key USING (key_id)
GROUP BY subject_id, key_id, month_ym
"""


def _take_factors(database: duckdb.DuckDBPyConnection, job: ScoreJob) -> None:
    """The factors as a table. Parts and bases are enumerated there: as text they would take half of the time to write."""
    gases = ", ".join(f"{name} BIGINT" for name in (*GAS_COLUMNS, "most_micro"))
    part, basis = (f"ENUM ({', '.join(repr(str(one)) for one in words)})" for words in (Part, Basis))
    database.execute(f"CREATE TABLE factor (key_id BIGINT, part {part}, basis {basis}, {gases})")
    database.execute("CREATE TABLE unscored_key (key_id BIGINT)")
    insert_rows(database, "factor", job.factors)
    insert_rows(database, "unscored_key", [(key_id,) for key_id in job.unscored_keys])


def _show_month(database: duckdb.DuckDBPyConnection, month_ym: int, files: Sequence[str]) -> None:
    """The month's activity as the canonical text wants it.

    Where the files say that no sum can leave 64 bits, it is summed here already: then the canonical text, which sums in halves so
    that it notices when one does, has few rows to do that with. A sum of sums is the same sum.
    """
    quantity, grouped = "quantity_micro", ""
    if fits_in_64_bits(database, files):
        quantity, grouped = "SUM(quantity_micro)", " GROUP BY subject_id, key_id"
    database.execute(
        "CREATE OR REPLACE TEMP VIEW activity AS SELECT CAST(subject_id AS BIGINT) AS subject_id,"  # noqa: S608 - a number and paths
        f" CAST({month_ym} AS BIGINT) AS month_ym, CAST(key_id AS BIGINT) AS key_id,"
        f" CAST({quantity} AS BIGINT) AS quantity_micro, true AS is_current FROM {parquet_source(files)}{grouped}"
    )


def _copy(database: duckdb.DuckDBPyConnection, query: str, place: Path) -> int:
    """Write what a query answers as one file of a month; nothing where it answers nothing.

    Returns:
        How many rows.
    """
    place.mkdir(parents=True)
    return copy_to(database, f"SELECT * EXCLUDE (month_ym) FROM ({query})", place / "part-0.parquet")  # noqa: S608 - our own text


def _refused(database: duckdb.DuckDBPyConnection, month_ym: int, place: Path) -> tuple[list[RefusedLine], int]:
    """What 64 bits do not hold of the lines that were written: the first ones, and how many lines."""
    null = f"FROM {parquet_source([str(place / 'part-0.parquet')])} WHERE total_ug IS NULL"
    count = _count(database, null)
    if not count:
        return [], 0
    rows = database.execute(
        f"SELECT DISTINCT subject_id, key_id, quantity_micro {null} ORDER BY subject_id, key_id LIMIT {MAX_REFUSED_COUNT}"
    ).fetchall()
    return [RefusedLine(month_ym, subject_id, key_id, quantity_micro) for subject_id, key_id, quantity_micro in rows], count


def _count(database: duckdb.DuckDBPyConnection, source: str) -> int:
    found = database.execute(f"SELECT COUNT(*) {source}").fetchone()
    return int(found[0]) if found else 0
