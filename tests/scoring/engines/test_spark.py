"""The canonical SQL on Spark, in one session: the same hash as on every other engine, and files that are refused by name."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from random import Random
from shutil import which
from typing import Any

import duckdb
import psycopg
import pytest

from domain.errors import ClimateFitnessError, DocumentError, LineOverflowError
from domain.factor import GasSplit
from domain.number import INT64_MAX
from scoring.arithmetic import line_ug, most_micro
from scoring.engines import sql_text
from scoring.engines.duckdb_engine import DuckDbEngine
from scoring.engines.files import LINE_COLUMNS, LINE_ORDER, EngineResult, FactorRow, ScoreJob
from scoring.engines.parquet import files_by_month, lines_sha256
from scoring.engines.spark_engine import open_session, score_in
from scoring.factors.compile import MAX_UG_PER_UNIT
from tests.postgres import postgres_url

__all__ = ["postgres_url"]

pytestmark = pytest.mark.spark

Row = tuple[Any, ...]
ROWS_COUNT = 100_000
KEYS_COUNT = 25
UNSCORED = (7, 19)
EDGES = (
    *(0, 1, 499_999, 500_000, 10**6, 3 * 10**6, 10**12, 2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**32 + 1),
    *(2**62, 2**63 - 2**32, INT64_MAX - 10**6, INT64_MAX, MAX_UG_PER_UNIT, 10**6 * 2**32),
)
EDGE_FACTORS = (0, 0, 1, 499_999, 500_000, 999_999, 10**6, 2**31, 2**32, MAX_UG_PER_UNIT)
ACTIVITY = "subject_id BIGINT, month_ym BIGINT, key_id BIGINT, quantity_micro BIGINT, is_current BOOLEAN"
FACTOR = "key_id BIGINT, part TEXT, basis TEXT, co2_ug BIGINT, ch4_ug BIGINT, n2o_ug BIGINT, unsplit_ug BIGINT"
FACTOR += ", biogenic_co2_ug BIGINT, most_micro BIGINT"


@pytest.fixture(scope="module")
def session() -> Iterator[Any]:
    """One session of Spark for the whole file."""
    pytest.importorskip("pyspark", reason="expected the extra `spark`, found no pyspark")
    if which("java") is None:
        pytest.skip("expected Java 17 or newer, found none")
    with open_session("local[2]", {"spark.sql.shuffle.partitions": "4"}) as opened:
        yield opened


@pytest.fixture(scope="module")
def activities() -> list[Row]:
    """Seeded activities, a tenth of them extreme: subject, month, key, quantity, and that it is current."""
    random = Random(4)  # noqa: S311 - repeatable, no secret

    def quantity_micro() -> int:
        if random.random() < 0.1:
            return random.choice(EDGES) * random.choice((1, -1))
        return random.randint(-(10**10), 10**10)

    rows = [
        (random.randrange(200), 202301 + random.randrange(4), random.randrange(KEYS_COUNT), quantity_micro(), True)
        for _ in range(ROWS_COUNT - 3)
    ]
    lowest = -INT64_MAX - 1
    return [*rows, (1000, 202301, 0, lowest, True), (1001, 202301, 0, INT64_MAX, True), (1001, 202301, 0, lowest, True)]


@pytest.fixture(scope="module")
def factor_rows() -> list[FactorRow]:
    """Up to three factors a key, with gases from nothing to the largest there is."""
    random = Random(40)  # noqa: S311 - as above
    found = []
    for key_id in range(KEYS_COUNT):
        for part, basis in (("use", "location"), ("use", "market"), ("grid_loss", "location"))[: 1 + key_id % 3]:
            gases = [
                random.choice((random.choice(EDGE_FACTORS), random.randint(0, 10**6), random.randint(0, 10**9))) for _ in range(5)
            ]
            if key_id not in UNSCORED:
                found.append(FactorRow._make((key_id, part, basis, *gases, most_micro(GasSplit(*gases)))))
    return found


@pytest.fixture(scope="module")
def folder(activities: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same activities as Parquet, two files a month."""
    place = tmp_path_factory.mktemp("in [of] months")
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE activity ({ACTIVITY})")
        _copy_rows(connection, activities, place / "activities.csv")
        for month_ym in range(202301, 202305):
            (place / f"activity/month_ym={month_ym}").mkdir(parents=True)
            for half in (0, 1):
                rows = (
                    f"SELECT subject_id, key_id, quantity_micro FROM activity WHERE month_ym = {month_ym} AND rowid % 2 = {half}"  # noqa: S608 - numbers
                )
                connection.execute(
                    f"COPY ({rows}) TO '{place}/activity/month_ym={month_ym}/part-{half}.parquet' (FORMAT parquet)"
                )
    return place


@pytest.fixture(scope="module")
def pure_sha256(activities: list[Row], factor_rows: list[FactorRow]) -> str:
    """The hash of the lines as pure Python makes them."""
    return _sha256(pure_lines(activities, factor_rows))


def pure_lines(activities: Sequence[Row], factor_rows: Sequence[FactorRow]) -> list[Row]:
    """Lines of activities, all amounts None where 64 bits do not hold one."""
    sums: dict[tuple[int, int, int], tuple[int, int]] = {}
    for subject, month, key, quantity, _ in activities:
        total, size = sums.get((subject, month, key), (0, 0))
        sums[subject, month, key] = (total + quantity, size + abs(quantity))
    return [
        (*place, row.part, row.basis, *_pure_line(total, size, row))
        for place, (total, size) in sums.items()
        for row in factor_rows
        if row.key_id == place[2]
    ]


def _pure_line(total: int, size: int, row: FactorRow) -> Row:
    if size > INT64_MAX:
        return (None,) * 7
    try:
        gases = [line_ug(total, ug) for ug in row[3:8]]
    except LineOverflowError:
        return total, *(None,) * 6
    total_ug = sum(gases[:4])
    return (total, *gases, total_ug) if abs(total_ug) <= INT64_MAX else (total, *(None,) * 6)


def _sha256(lines: Sequence[Row]) -> str:
    """The hash as it is documented, written apart from the product's."""
    order = [LINE_COLUMNS.index(name) for name in LINE_ORDER]
    digest = sha256()
    for line in sorted(lines, key=lambda line: [line[index] for index in order]):
        digest.update(("|".join("" if value is None else str(value) for value in line) + "\n").encode())
    return digest.hexdigest()


def _copy_rows(connection: duckdb.DuckDBPyConnection, rows: Sequence[Row], file: Path) -> None:
    file.write_text("".join(",".join(map(str, row)) + "\n" for row in rows), encoding="utf-8")
    connection.execute(f"COPY activity FROM '{file}' (HEADER false)")


def _job(folder: Path, factor_rows: Sequence[FactorRow], output: Path, **changes: Any) -> ScoreJob:  # noqa: ANN401 - fields of a job
    output.mkdir(exist_ok=True)
    fields = {"files_by_month": files_by_month(folder / "activity"), "keys_count": KEYS_COUNT, "unscored_keys": UNSCORED}
    return ScoreJob(**{**fields, "factors": factor_rows, "output": str(output), **changes})


@pytest.fixture(scope="module")
def on_duckdb(folder: Path, factor_rows: list[FactorRow], tmp_path_factory: pytest.TempPathFactory) -> tuple[EngineResult, Path]:
    """What DuckDB made of the folder, and where."""
    output = tmp_path_factory.mktemp("duckdb")
    return DuckDbEngine().score(_job(folder, factor_rows, output)), output


@pytest.fixture(scope="module")
def on_spark(
    session: Any,  # noqa: ANN401 - PySpark's
    folder: Path,
    factor_rows: list[FactorRow],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[EngineResult, Path]:
    """What Spark made of the folder, and where."""
    output = tmp_path_factory.mktemp("spark")
    return score_in(session, _job(folder, factor_rows, output)), output


def test_lines_on_sqlite_have_the_hash_of_pure_python(
    activities: list[Row], factor_rows: list[FactorRow], pure_sha256: str
) -> None:
    """A hundred thousand activities on SQLite."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE activity ({ACTIVITY})")
    connection.execute(f"CREATE TABLE factor ({FACTOR})")
    connection.executemany("INSERT INTO activity VALUES (?, ?, ?, ?, ?)", activities)
    connection.executemany("INSERT INTO factor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", factor_rows)
    lines = connection.execute(sql_text("lines", "sqlite")).fetchall()
    connection.close()
    assert _sha256(lines) == pure_sha256


def test_lines_on_postgresql_have_the_hash_of_pure_python(
    activities: list[Row], factor_rows: list[FactorRow], pure_sha256: str, postgres_url: str
) -> None:
    """The same on PostgreSQL."""
    with psycopg.connect(postgres_url) as connection, connection.cursor() as cursor:
        for table, columns, rows in (("activity", ACTIVITY, activities), ("factor", FACTOR, factor_rows)):
            cursor.execute(f"CREATE TEMP TABLE {table} ({columns})".encode())
            with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
                for row in rows:
                    copy.write_row(row)
        lines = cursor.execute(sql_text("lines", "postgresql").encode()).fetchall()
    assert _sha256(lines) == pure_sha256


def test_lines_on_duckdb_have_the_hash_of_pure_python(on_duckdb: tuple[EngineResult, Path], pure_sha256: str) -> None:
    """The same on DuckDB, from files into files."""
    assert lines_sha256(on_duckdb[1]) == pure_sha256


def test_lines_on_spark_have_the_hash_of_pure_python(on_spark: tuple[EngineResult, Path], pure_sha256: str) -> None:
    """The same on Spark, from files into files."""
    assert lines_sha256(on_spark[1]) == pure_sha256


def test_spark_says_what_duckdb_says(on_duckdb: tuple[EngineResult, Path], on_spark: tuple[EngineResult, Path]) -> None:
    """Counts and the names of refused lines are equal; sums and lines of 2^63 and more are among them, and most lines are not."""
    result, _ = on_spark
    assert result == on_duckdb[0]
    assert result.activities_count == ROWS_COUNT
    assert {line.quantity_micro is None for line in result.refused} == {True, False}
    assert 1_000 < result.refused_count < result.lines_count / 2


def test_spark_writes_the_columns_of_duckdb(on_duckdb: tuple[EngineResult, Path], on_spark: tuple[EngineResult, Path]) -> None:
    """Names, types and months of lines and of unscored totals are equal, and so are all unscored totals."""
    for what in ("lines", "unscored"):
        schemas = [_described(output / what) for _, output in (on_duckdb, on_spark)]
        assert schemas[0] == schemas[1]
        assert sorted(schemas[0]) == [202301, 202302, 202303, 202304]
    totals = [_rows(output / "unscored") for _, output in (on_duckdb, on_spark)]
    assert totals[0] == totals[1]
    assert len(totals[0]) > 1_000


def _described(place: Path) -> Mapping[int, list[Row]]:
    with duckdb.connect() as connection:
        return {
            month_ym: [
                row[:2]
                for row in connection.execute(
                    "DESCRIBE SELECT * FROM read_parquet(?, hive_partitioning = false)", [files]
                ).fetchall()
            ]
            for month_ym, files in files_by_month(place).items()
        }


def _rows(place: Path) -> list[Row]:
    with duckdb.connect() as connection:
        return [
            row
            for _, files in sorted(files_by_month(place).items())
            for row in connection.execute(
                "SELECT * FROM read_parquet(?, hive_partitioning = false) ORDER BY ALL", [files]
            ).fetchall()
        ]


def test_totals_on_spark_are_exact(session: Any, activities: list[Row]) -> None:  # noqa: ANN401 - PySpark's
    """The other text, too: sums and sizes per evidence class, None from 2^63 on."""
    rows = [(row[0], row[1], row[2], row[3], "typed" if row[3] % 2 else "uploaded", True) for row in activities[-20_000:]]
    names = "subject_id BIGINT, month_ym BIGINT, key_id BIGINT, quantity_micro BIGINT, evidence STRING, is_current BOOLEAN"
    session.createDataFrame(rows, names).createOrReplaceTempView("activity")
    want: dict[Row, list[int]] = {}
    for *place, quantity, evidence, _ in rows:
        found = want.setdefault((*place, evidence), [0, 0, 0])
        for index, more in enumerate((quantity, abs(quantity), 1)):
            found[index] += more
    totals = [tuple(row) for row in session.sql(sql_text("totals", "spark")).collect()]
    assert totals == [
        (*place, *((total, size) if size <= INT64_MAX else (None, None)), count)
        for place, (total, size, count) in sorted(want.items())
    ]


def test_spark_raises_where_it_could_wrap(session: Any) -> None:  # noqa: ANN401 - PySpark's
    """Its ANSI mode is on: a number beyond 64 bits is an error, not another number."""
    with pytest.raises(Exception, match="ARITHMETIC_OVERFLOW"):
        session.range(1, 2).selectExpr("id + 9223372036854775807 AS more").collect()


def test_nothing_to_score_is_nothing(session: Any, tmp_path: Path) -> None:  # noqa: ANN401 - PySpark's
    """Without files there are no lines, and that is no error."""
    job = ScoreJob({202301: []}, 0, [], [], str(tmp_path))
    assert score_in(session, job) == EngineResult(0, 0, 0, (), 0)
    assert lines_sha256(tmp_path) == sha256().hexdigest()


def test_narrower_integers_are_read(session: Any, factor_rows: list[FactorRow], tmp_path: Path) -> None:  # noqa: ANN401 - PySpark's
    """Columns of 8, 16 and 32 bits are scored like those of 64."""
    columns = "5::INTEGER AS subject_id, 1::TINYINT AS key_id, -300::SMALLINT AS quantity_micro"
    result = score_in(session, _small(tmp_path, factor_rows, columns))
    assert (result.activities_count, result.lines_count) == (1, 2)
    lines = _rows(tmp_path / "out/lines")
    assert [line[:5] for line in lines] == [(5, 1, "use", "location", -300), (5, 1, "use", "market", -300)]


def test_files_may_hold_integers_of_different_sizes(
    session: Any,  # noqa: ANN401 - PySpark's
    factor_rows: list[FactorRow],
    tmp_path: Path,
) -> None:
    """Two files of one month, 64 bits in one and 32 in the other, are one sum."""
    _small(tmp_path, factor_rows, "5::INTEGER AS subject_id, 1::INTEGER AS key_id, -300::INTEGER AS quantity_micro")
    job = _small(tmp_path, factor_rows, GOOD, name="two")
    assert score_in(session, job).activities_count == 2
    assert [line[4] for line in _rows(tmp_path / "out/lines")] == [-298, -298]


def test_column_missing_in_one_of_two_files_is_named(
    session: Any,  # noqa: ANN401 - PySpark's
    factor_rows: list[FactorRow],
    tmp_path: Path,
) -> None:
    """Spark would read nulls there: it is refused by that file's name."""
    _small(tmp_path, factor_rows, GOOD)
    job = _small(tmp_path, factor_rows, "5::BIGINT AS subject_id, 1::BIGINT AS key_id", name="two")
    with pytest.raises(DocumentError, match=r"A column is missing.*two\.parquet, column quantity_micro"):
        score_in(session, job)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ("5::BIGINT AS subject_id, 1::BIGINT AS key_id", "A column is missing.*, column quantity_micro"),
        (
            "5::BIGINT AS subject_id, 1::BIGINT AS key_id, NULL::BIGINT AS quantity_micro",
            "A value is missing.*column quantity_micro",
        ),
        ("NULL::BIGINT AS subject_id, 1::BIGINT AS key_id, 2::BIGINT AS quantity_micro", "A value is missing.*column subject_id"),
        ("5::BIGINT AS subject_id, NULL::BIGINT AS key_id, 2::BIGINT AS quantity_micro", "A value is missing.*column key_id"),
        ("5::BIGINT AS subject_id, 25::BIGINT AS key_id, 2::BIGINT AS quantity_micro", "A key is not.*got 25;.*column key_id"),
        ("5::BIGINT AS subject_id, -1::BIGINT AS key_id, 2::BIGINT AS quantity_micro", "A key is not.*got -1;.*column key_id"),
        *(
            (f"5::BIGINT AS subject_id, 1::BIGINT AS key_id, {value} AS quantity_micro", "another type.*column quantity_micro")
            for value in ("2.5::DOUBLE", "'2'", "2::HUGEINT", "2::UBIGINT", "2.5::DECIMAL(9, 1)", "DATE '2023-01-01'", "true")
        ),
    ],
)
def test_unfit_file_is_refused_by_name(
    session: Any,  # noqa: ANN401 - PySpark's
    factor_rows: list[FactorRow],
    tmp_path: Path,
    columns: str,
    message: str,
) -> None:
    """What no other engine would score, Spark does not either: file and column are said, and nothing is written."""
    with pytest.raises(DocumentError, match=message) as caught:
        score_in(session, _small(tmp_path, factor_rows, columns))
    assert "month_ym=202301/one.parquet" in caught.value.record
    assert list((tmp_path / "out").iterdir()) == []


GOOD = "5::BIGINT AS subject_id, 1::BIGINT AS key_id, 2::BIGINT AS quantity_micro"


def _small(tmp_path: Path, factor_rows: Sequence[FactorRow], columns: str, *, name: str = "one") -> ScoreJob:
    place = tmp_path / "activity/month_ym=202301"
    place.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"COPY (SELECT {columns}) TO '{place}/{name}.parquet' (FORMAT parquet)")
    return _job(tmp_path, factor_rows, tmp_path / "out", unscored_keys=())


@pytest.mark.parametrize("content", ["subject_id\n5\n" * 100, "PAR1"])
def test_file_that_is_no_parquet_is_refused_by_name(
    session: Any,  # noqa: ANN401 - PySpark's
    factor_rows: list[FactorRow],
    tmp_path: Path,
    content: str,
) -> None:
    """A text, or the beginning of a file, under a Parquet name."""
    _small(tmp_path, factor_rows, GOOD)
    (tmp_path / "activity/month_ym=202301/two.parquet").write_text(content, encoding="utf-8")
    job = _job(tmp_path, factor_rows, tmp_path / "out", unscored_keys=())
    with pytest.raises(DocumentError, match="cannot be read") as caught:
        score_in(session, job)
    assert caught.value.record.endswith("month_ym=202301/two.parquet")


def test_missing_file_is_refused_by_name(session: Any, tmp_path: Path) -> None:  # noqa: ANN401 - PySpark's
    """A file that went away between listing and reading."""
    job = ScoreJob({202301: [str(tmp_path / "gone.parquet")]}, 1, [], [], str(tmp_path))
    with pytest.raises(DocumentError, match="cannot be read") as caught:
        score_in(session, job)
    assert "gone.parquet" in caught.value.record


def test_second_session_is_refused(session: Any) -> None:  # noqa: ANN401 - PySpark's
    """One process holds one Java process."""
    with pytest.raises(ClimateFitnessError, match="runs Spark already"), open_session("local[1]", {}):
        pytest.fail("two sessions in one process")
