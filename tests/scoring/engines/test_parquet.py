"""Folders of Parquet: what does not fit is refused by file and column, and lines have one hash."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import duckdb
import pytest

from domain.errors import DocumentError
from scoring.engines.duckdb_engine import DuckDbEngine
from scoring.engines.files import LINE_COLUMNS, FactorRow, RefusedLine, ScoreJob
from scoring.engines.parquet import (
    check_activities,
    connection,
    files_by_month,
    fits_in_64_bits,
    lines_sha256,
    read_keys,
    write_activities,
)

INT64_MAX = 2**63 - 1
GOOD = "SELECT 0::BIGINT AS subject_id, 1::BIGINT AS key_id, 5::BIGINT AS quantity_micro, 'typed' AS evidence"
KEY = "SELECT 0::BIGINT AS key_id, 'electricity' AS kind, 'DE' AS region, 2023::BIGINT AS year, 'kWh' AS unit"
KEY += ", '{}' AS attributes_json"


def parquet(path: Path, query: str, options: str = "") -> Path:
    """A Parquet file of what a query answers."""
    path.parent.mkdir(parents=True, exist_ok=True)
    duckdb.sql(f"COPY ({query}) TO '{path}' (FORMAT parquet{options})")
    return path


def refusal(check: Callable[[], object]) -> DocumentError:
    """What is refused."""
    with pytest.raises(DocumentError) as refused:
        check()
    return refused.value


@pytest.mark.parametrize(
    ("query", "column", "message"),
    [
        ("SELECT * EXCLUDE (key_id) FROM ({})", "key_id", "A column is missing"),
        ("SELECT * EXCLUDE (subject_id) FROM ({})", "subject_id", "A column is missing"),
        ("SELECT * REPLACE (quantity_micro::DOUBLE AS quantity_micro) FROM ({})", "quantity_micro", "A column has another type"),
        ("SELECT * REPLACE (quantity_micro::UBIGINT AS quantity_micro) FROM ({})", "quantity_micro", "A column has another type"),
        ("SELECT * REPLACE ('1' AS key_id) FROM ({})", "key_id", "A column has another type"),
        ("{} UNION ALL SELECT 0, 1, NULL, 'typed'", "quantity_micro", "A value is missing"),
        ("{} UNION ALL SELECT NULL, 1, 1, 'typed'", "subject_id", "A value is missing"),
        ("{} UNION ALL SELECT 0, 2, 1, 'typed'", "key_id", "A key is not in keys.parquet; expected ids 0 to 1; got 2"),
        ("{} UNION ALL SELECT 0, -1, 1, 'typed'", "key_id", "A key is not in keys.parquet; expected ids 0 to 1; got -1"),
    ],
)
def test_activity_file_that_does_not_fit(tmp_path: Path, query: str, column: str, message: str) -> None:
    """File and column are named; nothing is guessed."""
    file = parquet(tmp_path / "a.parquet", query.format(GOOD))
    error = refusal(lambda: check_activities({202301: [str(file)]}, keys_count=2))
    assert message in error.sentence()
    assert error.record == f"{file}, column {column}"


def test_file_that_is_no_parquet(tmp_path: Path) -> None:
    """It is named."""
    file = tmp_path / "a.parquet"
    file.write_bytes(b"PAR1 and nothing else")
    assert str(file) in refusal(lambda: check_activities({202301: [str(file)]}, keys_count=2)).record
    assert str(file) in refusal(lambda: read_keys(file)).record


def test_narrow_integers_and_no_rows_are_taken(tmp_path: Path) -> None:
    """Whatever signed integers hold it; a month without activity is one."""
    narrow = "SELECT subject_id::INTEGER AS subject_id, key_id::SMALLINT AS key_id, quantity_micro::INTEGER AS quantity_micro"
    first = parquet(tmp_path / "a.parquet", f"{narrow} FROM ({GOOD})")
    empty = parquet(tmp_path / "b.parquet", f"SELECT * FROM ({GOOD}) WHERE false")  # noqa: S608 - a constant
    check_activities({202301: [str(first), str(empty)]}, keys_count=2)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (KEY.replace("0::BIGINT AS key_id", "1::BIGINT AS key_id"), "expected 0; got 1"),
        (f"{KEY} UNION ALL {KEY}", "expected 1; got 0"),
        (KEY.replace("'DE'", "NULL::VARCHAR"), "column region"),
        (KEY.replace("2023::BIGINT", "'2023'"), "column year"),
        (KEY.replace(", 'kWh' AS unit", ""), "column unit"),
    ],
)
def test_keys_that_do_not_fit(tmp_path: Path, query: str, message: str) -> None:
    """Gaps, repetitions, nulls, types and columns."""
    file = parquet(tmp_path / "keys.parquet", query)
    assert message in refusal(lambda: read_keys(file)).sentence()


@pytest.mark.parametrize("name", ["month_ym=202313", "month_ym=2023", "202301", "month_ym=20230\u0661", "notes.txt"])
def test_folder_that_is_no_month(tmp_path: Path, name: str) -> None:
    """A folder by another name is not left out in silence."""
    (tmp_path / name).mkdir()
    assert refusal(lambda: files_by_month(tmp_path)).got == name


def test_other_files_of_a_month_are_refused(tmp_path: Path) -> None:
    """What engines leave behind (`_SUCCESS`, checksums) is passed over; anything else is not."""
    month = tmp_path / "month_ym=202301"
    file = parquet(month / "a.parquet", GOOD)
    for name in ("_SUCCESS", ".a.parquet.crc"):
        (month / name).touch()
    assert files_by_month(tmp_path) == {202301: [str(file)]}
    (month / "a.csv").touch()
    assert "a.csv" in refusal(lambda: files_by_month(tmp_path)).got


def test_path_is_never_a_pattern(tmp_path: Path) -> None:
    """Signs that mean something in patterns or in SQL are letters of a path."""
    place = tmp_path / "it's [a] *?"
    file = place / "a.parquet"
    place.mkdir()
    parquet(tmp_path / "a.parquet", GOOD).rename(file)
    check_activities({202301: [str(file)]}, keys_count=2)


def test_lines_and_their_hash(tmp_path: Path) -> None:
    """Sums, refunds, refused lines, unscored totals; the hash is over the lines as anybody can write them down."""
    table = tmp_path / "rows.csv"
    rows = [
        (202301, 1, 0, 1_500_000),
        (202301, 0, 0, 2_000_000),
        (202301, 0, 0, -500_000),
        (202302, 0, 0, -1_500_000),
        (202302, 0, 1, INT64_MAX),
        (202302, 0, 1, 1),
        (202302, 0, 2, 7),
        (202302, 1, 1, INT64_MAX),
    ]
    table.write_text("".join(f"{month},{subject},{key},{quantity},typed\n" for month, subject, key, quantity in rows))
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    output.mkdir()
    keys = [(key_id, "electricity", "DE", 2020 + key_id, "kWh", "{}") for key_id in range(3)]
    assert write_activities(source, activity_csv=table, keys=keys, subjects=[(0, "a"), (1, "b")]) == len(rows)
    assert read_keys(source / "keys.parquet") == keys
    factors = [
        FactorRow(0, "use", "location", 3, 2, 0, 1, 5, INT64_MAX),
        FactorRow(1, "use", "location", 10**6 + 1, 0, 0, 0, 0, 10**12),
    ]
    job = ScoreJob(files_by_month(source / "activity"), 3, factors, [2], str(output))
    result = DuckDbEngine(threads_count=2).score(job)
    assert (result.activities_count, result.lines_count, result.unscored_count) == (8, 5, 1)
    assert (result.refused_count, result.refused) == (2, (RefusedLine(202302, 0, 1, None), RefusedLine(202302, 1, 1, INT64_MAX)))
    lines = [
        "0|202301|0|use|location|1500000|5|3|0|2|8|10",
        "1|202301|0|use|location|1500000|5|3|0|2|8|10",
        "0|202302|0|use|location|-1500000|-5|-3|0|-2|-8|-10",
        "0|202302|1|use|location|||||||",
        f"1|202302|1|use|location|{INT64_MAX}||||||",
    ]
    assert LINE_COLUMNS[0] == "subject_id"
    assert lines_sha256(output) == sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest()
    unscored = duckdb.read_parquet(f"{output}/unscored/month_ym=202302/*.parquet", hive_partitioning=False).fetchall()
    assert unscored == [(0, 2, 7)]
    assert not (output / "spill").exists()


@pytest.mark.parametrize(
    ("quantities", "fits"),
    [
        ("(5), (-7)", True),
        (f"({INT64_MAX})", True),
        (f"({INT64_MAX}), (0)", False),
        (f"(-{INT64_MAX // 2}), ({INT64_MAX // 2})", True),
        (f"(-{INT64_MAX // 2 + 1}), ({INT64_MAX // 2 + 1})", False),
        ("(-9223372036854775808)", False),
    ],
)
def test_sums_that_cannot_leave_64_bits(tmp_path: Path, quantities: str, fits: bool) -> None:  # noqa: FBT001 - an expectation
    """By number of rows and largest size, over all files; sums are made early only then."""
    file = parquet(tmp_path / "a.parquet", f"SELECT q::BIGINT AS quantity_micro FROM (VALUES {quantities}) AS t(q)")  # noqa: S608
    empty = parquet(tmp_path / "b.parquet", "SELECT 1::BIGINT AS quantity_micro WHERE false")
    with connection() as database:
        assert fits_in_64_bits(database, [str(file), str(empty)]) is fits
        assert fits_in_64_bits(database, [str(file), str(file)]) is (fits and "(5)" in quantities)


def test_file_that_says_nothing_of_itself(tmp_path: Path) -> None:
    """Without statistics nothing is known, so nothing is summed early."""
    file = parquet(tmp_path / "a.parquet", "SELECT 'x' AS quantity_micro")
    with connection() as database:
        assert not fits_in_64_bits(database, [str(file)])
