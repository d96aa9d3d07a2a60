"""The canonical SQL on Spark: threads of this machine, or a cluster that somebody else runs.

All months are one run of Spark. What it sums are integers, and what it writes is committed task by task, so a worker that dies
changes nothing in the lines: its tasks run again elsewhere. Every run has a Java process of its own, which ends with it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import reduce
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from domain.errors import ClimateFitnessError, ConflictError, DocumentError
from scoring.engines import sql_text
from scoring.engines.files import (
    ACTIVITY_COLUMNS,
    GAS_COLUMNS,
    LINE_COLUMNS,
    LINE_ORDER,
    MAX_REFUSED_COUNT,
    EngineResult,
    RefusedLine,
    ScoreJob,
)

DEFAULT_MASTER = "local[*]"
"""As many threads of this machine as it has cores."""

_SETTINGS = {
    "spark.app.name": "climate-fitness score",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "WARN",
    "spark.sql.ansi.enabled": "true",  # what does not fit 64 bits is an error, never another number
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.files.ignoreCorruptFiles": "false",  # a cluster may have been set up to leave them out without a word
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
}
_LOOPBACK = {"spark.driver.bindAddress": "127.0.0.1", "spark.driver.host": "127.0.0.1"}
_HERE = ("local", "spark://127.0.0.1:", "spark://localhost:")
_INTEGERS = frozenset({"bigint", "int", "smallint", "tinyint"})
_CAUSES_COUNT = 10  # how far down the reason of a failure is looked for
_ACTIVITY = ", ".join(f"{name} BIGINT" for name in ACTIVITY_COLUMNS)
_FACTOR = "key_id BIGINT, part STRING, basis STRING, " + ", ".join(f"{name} BIGINT" for name in (*GAS_COLUMNS, "most_micro"))
_LINE = ", ".join(f"{name} {'STRING' if name in {'part', 'basis'} else 'BIGINT'}" for name in LINE_COLUMNS)
_UNSCORED = """
SELECT
    subject_id,
    month_ym,
    key_id,
    CASE WHEN ABS(total) < 9223372036854775808 THEN CAST(total AS BIGINT) END AS quantity_micro
FROM (
    SELECT subject_id, month_ym, key_id, SUM(CAST(quantity_micro AS DECIMAL(19, 0))) AS total
    FROM activity
    LEFT SEMI JOIN unscored_key USING (key_id)
    GROUP BY subject_id, month_ym, key_id
)
"""


class SparkEngine:
    """The canonical SQL on Spark.

    Args:
        master: Where it runs, in Spark's own words: `local[2]`, `spark://HOST:7077`, `yarn`, `k8s://...`; `DEFAULT_MASTER` where
            empty.
        settings: Further settings of Spark; those of `spark-defaults.conf` and `PYSPARK_SUBMIT_ARGS` hold, too.
    """

    def __init__(self, *, master: str = "", settings: Mapping[str, str] | None = None) -> None:
        self._master = master or DEFAULT_MASTER
        self._settings = dict(settings or {})

    @property
    def name(self) -> str:
        """With the library's version, which is the cluster's.

        Raises:
            ConflictError: PySpark is not installed.
        """
        return f"spark {_pyspark_version()}"

    def score(self, job: ScoreJob) -> EngineResult:
        """Write the lines of a job in one run of Spark.

        Args:
            job: What to score; a path with a scheme (`s3a://`) is Spark's to open, any other is a file of this machine, which
                every worker must see under the same path.

        Returns:
            Counts, and what was refused.

        Raises:
            ConflictError: PySpark or Java is missing, or the master cannot be reached.
            DocumentError: A file lacks a column, holds a null or another type, names an unknown key, or cannot be read.
            ClimateFitnessError: Spark gave up.
        """
        with open_session(self._master, self._settings, folder=None if _has_scheme(job.output) else Path(job.output)) as session:
            return score_in(session, job)


@contextmanager
def open_session(master: str, settings: Mapping[str, str], *, folder: Path | None = None) -> Iterator[Any]:
    """A session of Spark in a Java process of its own; both end here, and nothing of theirs is left.

    Args:
        master: Where it runs.
        settings: Further settings; they win over ours.
        folder: Where its temporary files go; the system's place where left out.

    Yields:
        A `pyspark.sql.SparkSession`.

    Raises:
        ConflictError: PySpark or Java is missing, the master cannot be reached, or this process has a session already.
    """
    _pyspark_version()
    from py4j.protocol import Py4JError
    from pyspark import SparkConf, SparkContext
    from pyspark.errors import PySparkException, PySparkRuntimeError
    from pyspark.java_gateway import launch_gateway
    from pyspark.sql import SparkSession

    if SparkContext._gateway is not None:  # noqa: SLF001 - PySpark keeps one Java process per Python process there
        raise ConflictError("This process runs Spark already", next_step="Wait for it, or score in another process.")
    with TemporaryDirectory(prefix="cf-spark-", dir=folder, ignore_cleanup_errors=True) as temporary:
        conf = SparkConf(loadDefaults=False)
        for name, value in {**_SETTINGS, **_places(temporary), **_addresses(master), "spark.master": master, **settings}.items():
            conf.set(name, value)
        log_file = Path(temporary) / "spark.log"
        with log_file.open("wb") as log:
            try:
                gateway = launch_gateway(conf, {"stdout": log, "stderr": log})
            except (PySparkRuntimeError, OSError) as error:
                raise ConflictError(
                    "Java did not start Spark",
                    expected="Java 17 or newer, as JAVA_HOME or on PATH",
                    got=_last_line(log_file) or str(error),
                    next_step="On Debian: apt-get install openjdk-17-jre-headless.",
                ) from error
            try:
                session = SparkSession(SparkContext(gateway=gateway, conf=conf))
            except (Py4JError, PySparkException) as error:
                _end(gateway)
                raise ConflictError(
                    "Spark did not start",
                    expected="a master that answers",
                    got=_last_line(log_file) or str(error).splitlines()[0],
                    record=f"master {master}",
                    next_step="Its address must be as its own log says, and its version that of the installed pyspark.",
                ) from error
            try:
                yield session
            finally:
                with suppress(Py4JError, OSError):  # the Java process may be what has failed
                    session.stop()
                _end(gateway)


def score_in(session: Any, job: ScoreJob) -> EngineResult:  # noqa: ANN401 - PySpark is imported late, its types too
    """Write the lines of a job in an open session.

    Args:
        session: A `pyspark.sql.SparkSession` from `open_session`.
        job: What to score.

    Returns:
        Counts, and what was refused.

    Raises:
        DocumentError: A file lacks a column, holds a null or another type, names an unknown key, or cannot be read.
        ClimateFitnessError: Spark gave up.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        return _score_in(session, job)
    except (Py4JError, PySparkException) as error:
        named = _named(error)
        raise named from error


def _score_in(session: Any, job: ScoreJob) -> EngineResult:  # noqa: ANN401 - as above
    _check_types(session, [_pattern(file) for files in job.files_by_month.values() for file in files])
    activity = _activities(session, job.files_by_month)
    _check_values(session, activity, keys_count=job.keys_count)
    activity.createOrReplaceTempView("activity")
    session.createDataFrame(list(job.factors), _FACTOR).hint("broadcast").createOrReplaceTempView("factor")
    _write(session.sql(sql_text("lines", "spark")).select(*LINE_COLUMNS), LINE_ORDER, f"{_url(job.output)}/lines")
    unscored_count = 0
    if job.unscored_keys:
        keys = session.createDataFrame([(key_id,) for key_id in job.unscored_keys], "key_id BIGINT")
        keys.hint("broadcast").createOrReplaceTempView("unscored_key")
        _write(session.sql(_UNSCORED), ("month_ym", "subject_id", "key_id"), f"{_url(job.output)}/unscored")
        unscored_count = session.read.schema("subject_id BIGINT").parquet(f"{_pattern(job.output)}/unscored").count()
    lines = session.read.schema(_LINE).parquet(f"{_pattern(job.output)}/lines")
    refused = lines.where("total_ug IS NULL")
    names = ("month_ym", "subject_id", "key_id", "quantity_micro")
    rows = refused.select(*names).distinct().orderBy(*names).limit(MAX_REFUSED_COUNT).collect()
    return EngineResult(
        activities_count=activity.count(),
        lines_count=lines.count(),
        unscored_count=unscored_count,
        refused=tuple(RefusedLine(*row) for row in rows),
        refused_count=refused.count(),
    )


def _activities(session: Any, files_by_month: Mapping[int, Sequence[str]]) -> Any:  # noqa: ANN401 - as above
    """The table `activity`: all files, each with its month."""
    reader = session.read.schema(_ACTIVITY)
    months = [
        reader.parquet(*[_pattern(file) for file in files]).selectExpr(
            *ACTIVITY_COLUMNS, f"CAST({month_ym} AS BIGINT) AS month_ym", "TRUE AS is_current", "_metadata.file_path AS file_path"
        )
        for month_ym, files in sorted(files_by_month.items())
        if files
    ]
    if months:
        return reduce(lambda one, other: one.unionAll(other), months)
    return session.createDataFrame([], f"{_ACTIVITY}, month_ym BIGINT, is_current BOOLEAN, file_path STRING")


def _check_types(session: Any, patterns: Sequence[str]) -> None:  # noqa: ANN401 - as above
    """Refuse files whose columns are no integers: told to read them as such, Spark would take days and cents for numbers.

    Raises:
        DocumentError: A column is missing or is no integer.
    """
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    reader = session.read.option("mergeSchema", "true")
    with suppress(
        Py4JError, PySparkException
    ):  # files that do not agree: one of them is unfit, or their integers are of several sizes
        if not patterns or _unfit(reader.parquet(*patterns)) is None:
            return
    for pattern in patterns:
        table = reader.parquet(pattern)
        unfit = _unfit(table)
        if unfit is not None:
            name, found = unfit
            file = next(iter(table.inputFiles()), pattern)
            raise DocumentError(
                "A column has another type" if found else "A column is missing",
                expected=f"{', '.join(ACTIVITY_COLUMNS)} as integers of at most 64 bits",
                got=found or ", ".join(table.columns),
                record=f"{_decoded(file)}, column {name}",
            )


def _unfit(table: Any) -> tuple[str, str] | None:  # noqa: ANN401 - as above
    """The first column of activity that is no integer, and what it is instead; nothing where it is missing."""
    types = {name.lower(): kind for name, kind in table.dtypes}
    return next(((name, types.get(name, "")) for name in ACTIVITY_COLUMNS if types.get(name) not in _INTEGERS), None)


def _check_values(session: Any, activity: Any, *, keys_count: int) -> None:  # noqa: ANN401 - as above
    """Refuse what a sum would leave out; where files say their nulls and extremes, no row is read.

    Raises:
        DocumentError: A column is missing or holds a null, or a key is unknown.
    """
    nulls = " OR ".join(f"{name} IS NULL" for name in ACTIVITY_COLUMNS)
    for row in activity.where(f"{nulls} OR key_id < 0 OR key_id >= {keys_count}").limit(1).collect():
        name = next((name for name in ACTIVITY_COLUMNS if row[name] is None), "key_id")
        file = _decoded(row["file_path"])
        if row[name] is not None:
            raise DocumentError(
                "A key is not in keys.parquet",
                expected=f"ids 0 to {keys_count - 1}",
                got=str(row[name]),
                record=f"{file}, column key_id",
                next_step="Activities and keys of one export belong together.",
            )
        _check_types(session, [_pattern(file)])  # some other file had the column
        raise DocumentError("A value is missing", expected="a value in every row", got="NULL", record=f"{file}, column {name}")


def _write(rows: Any, order: Sequence[str], folder: str) -> None:  # noqa: ANN401 - as above
    """Write a table by month; what one task holds is in order."""
    rows.sortWithinPartitions(*order).write.partitionBy("month_ym").parquet(folder)


def _named(error: Exception) -> ClimateFitnessError:
    """What Spark gave up with, in our words: which file, where it is about a file."""
    condition, said, message = _said(error)
    if condition.startswith(("FAILED_READ_FILE", "CANNOT_READ_FILE_FOOTER", "PATH_NOT_FOUND")):
        return DocumentError(
            "An activity file cannot be read",
            expected=f"{', '.join(ACTIVITY_COLUMNS)} as Parquet",
            got=message,
            record=_decoded(said.get("path", "")),
        )
    return ClimateFitnessError("Spark gave up", got=message, next_step="Score again; the logs of the cluster's workers say more.")


def _said(error: Any) -> tuple[str, dict[str, str], str]:  # noqa: ANN401 - PySpark's exceptions and py4j's, which share nothing
    """Spark's own name for what happened, its details, and its first line."""
    from py4j.protocol import Py4JError, Py4JJavaError

    cause = error.java_exception if isinstance(error, Py4JJavaError) else error
    message = str(error)
    for _ in range(_CAUSES_COUNT):
        with suppress(Py4JError, AttributeError):  # an exception of Java's own has no condition; a dead process has none at all
            message = str(cause.getMessage() or message)
            if cause.getCondition():
                return str(cause.getCondition()), dict(cause.getMessageParameters() or {}), message.splitlines()[0]
        try:
            cause = cause.getCause()
        except (Py4JError, AttributeError):
            break
        if cause is None:
            break
    return "", {}, (message.strip().splitlines() or [type(error).__name__])[0]


def _places(temporary: str) -> dict[str, str]:
    """Settings that keep what Spark and Java write beside the lines in one folder."""
    return {
        "spark.local.dir": temporary,
        "spark.sql.warehouse.dir": f"{temporary}/warehouse",
        "spark.driver.extraJavaOptions": f"-Djava.io.tmpdir={temporary} -XX:-UsePerfData",
    }


def _addresses(master: str) -> Mapping[str, str]:
    """Settings that keep a run on this machine on its loopback address; workers elsewhere must reach the driver."""
    return _LOOPBACK if master.startswith(_HERE) else {}


def _url(path: str) -> str:
    """A path as Spark writes to it, whatever file system the cluster takes for its own."""
    return path if _has_scheme(path) else f"file://{Path(path).resolve()}"


def _pattern(path: str) -> str:
    """A path as Spark reads it: what would be a pattern there is escaped."""
    return re.sub(r"([\\{}\[\]*?])", r"\\\1", _url(path))


def _decoded(file: str) -> str:
    """A path as people write it: Spark answers with percent signs."""
    plain = re.sub(r"(?:%[0-9A-Fa-f]{2})+", lambda found: bytes.fromhex(found[0].replace("%", "")).decode(), file)
    return "/" + plain.removeprefix("file:").lstrip("/") if plain.startswith("file:") else plain


def _has_scheme(path: str) -> bool:
    return "://" in path


def _pyspark_version() -> str:
    try:
        return version("pyspark")
    except PackageNotFoundError as error:
        raise ConflictError(
            "Spark is not installed", expected="the extra `spark`", next_step="pip install 'climate-fitness[spark]'."
        ) from error


def _last_line(log_file: Path) -> str:
    """The last thing that Java said, without the lines of its stack."""
    lines = log_file.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip() for line in reversed(lines) if line.strip() and not line.startswith(("\t", " "))), "")


def _end(gateway: Any) -> None:  # noqa: ANN401 - as above
    """Ends the Java process, and lets PySpark start another."""
    from pyspark import SparkContext

    gateway.shutdown()
    gateway.proc.stdin.close()  # it ends when its input does
    gateway.proc.wait()
    SparkContext._gateway = SparkContext._jvm = None  # noqa: SLF001 - there is no public way to let go of it
