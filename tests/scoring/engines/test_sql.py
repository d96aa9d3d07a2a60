"""The arithmetic as SQL: generated as committed, and equal to the pure lines on every engine, extremes included."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import duckdb
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.errors import LineOverflowError
from domain.factor import GasSplit
from domain.number import INT64_MAX
from scoring.arithmetic import line_ug, most_micro
from scoring.engines import DIALECTS, QUERIES, sql_text
from scoring.engines.generate import generated_sql
from scoring.factors.compile import MAX_UG_PER_UNIT
from tests.postgres import postgres_url

__all__ = ["postgres_url"]

Row = tuple[Any, ...]
ACTIVITY = "subject_id TEXT, key_id TEXT, month_ym INTEGER, quantity_micro BIGINT, evidence TEXT, is_current BOOLEAN"
FACTOR = "key_id TEXT, part TEXT, basis TEXT, co2_ug BIGINT, ch4_ug BIGINT, n2o_ug BIGINT, unsplit_ug BIGINT"
FACTOR += ", biogenic_co2_ug BIGINT, most_micro BIGINT"


class Engine(Protocol):
    """Runs one query over rows of both tables."""

    def __call__(self, name: str, activity: Sequence[Row], factor: Sequence[Row]) -> list[Row]:
        """Rows of the query."""
        ...


def with_most(factor: Sequence[Row]) -> list[Row]:
    """Factor rows as the texts want them: with the largest activity that fits."""
    return [(*row, most_micro(GasSplit(*row[3:]))) for row in factor]


def on_sqlite(name: str, activity: Sequence[Row], factor: Sequence[Row]) -> list[Row]:
    """The query's rows on SQLite, each number checked to be an integer."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f"CREATE TABLE activity ({ACTIVITY})")
    connection.execute(f"CREATE TABLE factor ({FACTOR})")
    connection.executemany("INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?)", activity)
    connection.executemany("INSERT INTO factor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", with_most(factor))
    rows: list[Row] = connection.execute(sql_text(name, "sqlite")).fetchall()
    connection.close()
    assert not [value for row in rows for value in row if isinstance(value, float)]
    return rows


@pytest.fixture(scope="session")
def on_postgresql(postgres_url: str) -> Iterator[Engine]:
    """The same on PostgreSQL."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute(f"CREATE TEMP TABLE activity ({ACTIVITY})")
        connection.execute(f"CREATE TEMP TABLE factor ({FACTOR})")

        def run(name: str, activity: Sequence[Row], factor: Sequence[Row]) -> list[Row]:
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE activity, factor")
                if activity:
                    cursor.executemany("INSERT INTO activity VALUES (%s, %s, %s, %s, %s, %s)", activity)
                if factor:
                    cursor.executemany("INSERT INTO factor VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)", with_most(factor))
                rows: list[Row] = cursor.execute(sql_text(name, "postgresql")).fetchall()
            assert {type(value) for row in rows for value in row} <= {str, int, type(None)}
            return rows

        yield run


def pure_lines(activity: Sequence[Row], factor: Sequence[Row]) -> list[Row]:
    """What the pure lines give: None where they refuse."""
    sums: dict[tuple[str, int, str], tuple[int, int]] = {}
    for subject, key, month, quantity, _, is_current in activity:
        if is_current:
            total, size = sums.get((subject, month, key), (0, 0))
            sums[subject, month, key] = (total + quantity, size + abs(quantity))
    rows = []
    for (subject, month, key), (total, size) in sums.items():
        for key_of, part, basis, *per_unit in factor:
            if key_of == key:
                rows.append((subject, month, key, part, basis, *_pure_line(total, size, per_unit)))
    return sorted(rows, key=_place)


def _place(row: Row) -> Row:
    return row[:5]


def _pure_line(total: int, size: int, per_unit: Sequence[int]) -> Row:
    if size > INT64_MAX:
        return (None,) * 7
    try:
        gases = [line_ug(total, factor_ug) for factor_ug in per_unit]
    except LineOverflowError:
        return total, *(None,) * 6
    total_ug = sum(gases[:4])
    return (total, *gases, total_ug) if abs(total_ug) <= INT64_MAX else (total, *(None,) * 6)


QUANTITIES = st.integers(-(10**13), 10**13) | st.integers(-INT64_MAX, INT64_MAX)
EDGES = st.sampled_from([0, 1, -1, 499_999, 500_000, -500_000, 10**6, INT64_MAX, -INT64_MAX, INT64_MAX // 2 + 1, 2**32, -(2**32)])
FACTORS = st.integers(0, MAX_UG_PER_UNIT) | st.sampled_from([0, 1, 999_999, 10**6, MAX_UG_PER_UNIT]) | st.integers(0, 10**9)
ACTIVITIES = st.lists(
    st.tuples(
        st.sampled_from("st"),
        st.sampled_from("kl"),
        st.sampled_from([202301, 202302]),
        QUANTITIES | EDGES,
        st.sampled_from(["typed", "uploaded"]),
        st.booleans(),
    ),
    max_size=12,
)
FACTOR_ROWS = st.tuples(*[FACTORS] * 10).map(
    lambda f: [
        ("k", "use", "location", *f[:5]),
        ("k", "use", "market", *f[5:]),
        ("k", "grid_loss", "location", *f[5:]),
        ("l", "use", "location", *f[:5]),
    ]
)


@pytest.mark.parametrize("dialect", DIALECTS[1:])
@pytest.mark.parametrize("name", QUERIES)
def test_committed_text_is_the_generated_one(repository: Path, name: str, dialect: str) -> None:
    """Every file of another engine is what the generator makes of the canonical one."""
    path = repository / "scoring" / "engines" / "sql" / dialect / f"{name}.sql"
    assert path.read_text(encoding="utf-8") == generated_sql(name, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", QUERIES)
def test_no_text_divides_in_another_way(name: str, dialect: str) -> None:
    """No division becomes one of floats or numerics, not even inside another: near 2^63 a float is off by hundreds."""
    assert re.findall(r"\bREAL\b|\bDOUBLE\b|\bFLOAT\b|\bDIV\(", sql_text(name, dialect)) == []


@pytest.mark.parametrize("name", QUERIES)
def test_spark_text_divides_with_div_alone(name: str) -> None:
    """Spark's `/` is a division of doubles, and its grammar has no MATERIALIZED: neither stands in its text."""
    query = sql_text(name, "spark").partition("\n")[2]
    assert query.count(" DIV ") == sql_text(name, "duckdb").partition("WITH" if name == "lines" else "SELECT")[2].count(" // ")
    assert [word for word in ("/", "MATERIALIZED") if word in query] == []


def test_unknown_text_is_refused() -> None:
    """An engine without a text is named."""
    with pytest.raises(ValueError, match="got 'lines' in 'oracle'"):
        sql_text("lines", "oracle")


@given(ACTIVITIES, FACTOR_ROWS)
def test_sqlite_lines_are_the_pure_ones(activity: list[Row], factor: list[Row]) -> None:
    """Random and extreme activity on SQLite: every gas, total and refusal as in pure Python."""
    assert sorted(on_sqlite("lines", activity, factor), key=_place) == pure_lines(activity, factor)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ACTIVITIES, FACTOR_ROWS)
def test_postgresql_lines_are_the_pure_ones(on_postgresql: Engine, activity: list[Row], factor: list[Row]) -> None:
    """The same on PostgreSQL."""
    assert sorted(on_postgresql("lines", activity, factor), key=_place) == pure_lines(activity, factor)


@given(ACTIVITIES)
def test_sqlite_totals_are_exact_or_refused(activity: list[Row]) -> None:
    """Sums per evidence class, in every row order; a class whose sizes reach 2^63 is NULL."""
    want = _pure_totals(activity)
    assert on_sqlite("totals", activity, []) == want
    assert on_sqlite("totals", activity[::-1], []) == want


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ACTIVITIES)
def test_postgresql_totals_are_exact_or_refused(on_postgresql: Engine, activity: list[Row]) -> None:
    """The same on PostgreSQL, whose SUM of big integers is a numeric."""
    assert on_postgresql("totals", activity, []) == _pure_totals(activity)


@given(st.tuples(*[FACTORS] * 5))
def test_most_is_the_largest_that_fits(per_unit: tuple[int, ...]) -> None:
    """One millionth more is refused, unless 64 bits end before."""
    most = most_micro(GasSplit(*per_unit))
    assert _pure_line(most, most, per_unit)[-1] is not None
    assert most == INT64_MAX or _pure_line(most + 1, most + 1, per_unit)[-1] is None


@pytest.mark.parametrize("quantities", [(INT64_MAX, 1), (INT64_MAX,), (-INT64_MAX, -1, -1)])
def test_refused_line_has_no_amount_at_all(quantities: tuple[int, ...]) -> None:
    """Not even the zero of a gas that the factor does not have."""
    activity = [("s", "k", 202301, quantity, "typed", True) for quantity in quantities]
    factor = [("k", "use", "location", 10**6 + 1, 0, 0, 0, 0)]
    want = pure_lines(activity, factor)
    assert want[0][6:] == (None,) * 6
    assert on_sqlite("lines", activity, factor) == want
    assert on_duckdb("lines", activity, factor) == want


def on_duckdb(name: str, activity: Sequence[Row], factor: Sequence[Row]) -> list[Row]:
    """The canonical text on its own engine."""
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE activity ({ACTIVITY})")
        connection.execute(f"CREATE TABLE factor ({FACTOR})")
        if activity:
            connection.executemany("INSERT INTO activity VALUES (?, ?, ?, ?, ?, ?)", activity)
        if factor:
            connection.executemany("INSERT INTO factor VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", with_most(factor))
        rows: list[Row] = connection.execute(sql_text(name, "duckdb")).fetchall()
    return rows


@settings(deadline=None, max_examples=50)
@given(ACTIVITIES, FACTOR_ROWS)
def test_duckdb_is_exact_or_refuses(activity: list[Row], factor: list[Row]) -> None:
    """Lines and totals on DuckDB, whose sums are wider than 64 bits."""
    assert sorted(on_duckdb("lines", activity, factor), key=_place) == pure_lines(activity, factor)
    assert on_duckdb("totals", activity, []) == _pure_totals(activity)


def test_parts_of_one_activity_are_lines_of_their_own() -> None:
    """What was used and what the grid lost stand apart, on each basis: 2 kWh at 3, 4 and 5 ug."""
    factor = [("k", part, basis, ug * 10**6, 0, 0, 0, 0) for part, basis, ug in _PARTS]
    lines = on_sqlite("lines", [("s", "k", 202301, 2_000_000, "typed", True)], factor)
    assert [(line[3], line[4], line[6], line[11]) for line in sorted(lines, key=_place)] == [
        ("grid_loss", "location", 10_000_000, 10_000_000),
        ("use", "location", 6_000_000, 6_000_000),
        ("use", "market", 8_000_000, 8_000_000),
    ]


_PARTS = (("use", "location", 3), ("use", "market", 4), ("grid_loss", "location", 5))


def test_sum_that_leaves_64_bits_on_the_way_is_refused_in_any_order() -> None:
    """Two halves and their opposite: plain SUM would raise in one order and not in the other."""
    rows = [("s", "k", 202301, quantity, "typed", True) for quantity in (INT64_MAX, INT64_MAX, -INT64_MAX)]
    for order in (rows, rows[::-1], [rows[0], rows[2], rows[1]]):
        assert on_sqlite("totals", order, []) == [("s", 202301, "k", "typed", None, None, 3)]


def _pure_totals(activity: Sequence[Row]) -> list[Row]:
    sums: dict[tuple[str, int, str, str], tuple[int, int, int]] = {}
    for subject, key, month, quantity, evidence, is_current in activity:
        if is_current:
            total, size, count = sums.get((subject, month, key, evidence), (0, 0, 0))
            sums[subject, month, key, evidence] = (total + quantity, size + abs(quantity), count + 1)
    return sorted(
        (*place, *((total, size) if size <= INT64_MAX else (None, None)), count) for place, (total, size, count) in sums.items()
    )
