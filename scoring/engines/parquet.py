"""Parquet folders of activities and lines, checked and written by DuckDB, whichever engine scores them.

Nothing is downloaded: extensions of DuckDB are off. Paths are paths, never patterns.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from hashlib import sha256
from pathlib import Path
from shutil import rmtree

import duckdb

from domain.errors import DocumentError
from domain.number import INT64_MAX
from scoring.engines.files import ACTIVITY_COLUMNS, KEY_COLUMNS, LINE_COLUMNS, LINE_ORDER

MEMORY_BYTES = 1_000_000_000
"""What DuckDB may hold before it spills."""

_INTEGERS = frozenset({"BIGINT", "INTEGER", "SMALLINT", "TINYINT"})
_KEY_TYPES = {"key_id": _INTEGERS, "year": _INTEGERS}
_ACTIVITY_TYPES = dict.fromkeys(ACTIVITY_COLUMNS, _INTEGERS)
_TEXT = frozenset({"VARCHAR"})
_LINES_AT_ONCE_COUNT = 20_000
_OPTIONS = "FORMAT parquet, PARQUET_VERSION v2, DICTIONARY_SIZE_LIMIT 1000"
"""Amounts have no repetitions that a dictionary would find: without looking for them, lines take a third of the time to write."""
_MONTH_LENGTH = 6
_MONTHS_COUNT = 12

KeyRow = tuple[int, str, str, int, str, str]
"""A row of `KEY_COLUMNS`."""


@contextmanager
def connection(
    spill: Path | None = None, *, threads_count: int | None = None, memory_bytes: int = MEMORY_BYTES
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory that asks no other host, loads no extension and keeps nothing.

    Args:
        spill: Folder for what does not fit, removed at the end; without one, too much is an error.
        threads_count: As many as the machine has cores where left out.
        memory_bytes: What it may hold.

    Yields:
        The database.
    """
    settings = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        "enable_progress_bar": "false",
        "memory_limit": f"'{memory_bytes}B'",
        "preserve_insertion_order": "false",
    }
    if threads_count:
        settings["threads"] = str(threads_count)
    if spill:
        settings["temp_directory"] = _quoted(str(spill))
    with duckdb.connect(":memory:") as database:
        for name, value in settings.items():
            database.execute(f"SET {name} = {value}")
        yield database
    if spill and spill.is_dir():
        rmtree(spill)


def read_keys(file: Path, *, database: duckdb.DuckDBPyConnection | None = None) -> list[KeyRow]:
    """The activity keys of a folder, in the order of their ids.

    Args:
        file: Its `keys.parquet`.
        database: Reads it; one of its own where left out.

    Returns:
        Rows of `KEY_COLUMNS`; their ids are 0, 1, 2 and so on.

    Raises:
        DocumentError: It is no Parquet, lacks a column, holds a null or another type, or its ids leave one out.
    """
    types = {name: _KEY_TYPES.get(name, _TEXT) for name in KEY_COLUMNS}
    with nullcontext(database) if database else connection() as reader:
        _check_columns(reader, str(file), types)
        source = parquet_source([str(file)])
        rows = reader.execute(f"SELECT {', '.join(KEY_COLUMNS)} FROM {source} ORDER BY key_id").fetchall()  # noqa: S608 - constants
    for index, row in enumerate(rows):
        for name, value in zip(KEY_COLUMNS, row, strict=True):
            if value is None:
                raise DocumentError(**_null(str(file), name))
        if row[0] != index:
            raise DocumentError(
                "Ids of keys count from 0 without a gap or a repetition",
                expected=str(index),
                got=str(row[0]),
                record=f"{file}, column key_id",
            )
    return rows


def files_by_month(folder: Path) -> dict[int, list[str]]:
    """Parquet files of a folder that is divided by months, in order.

    Args:
        folder: It holds `month_ym=202401/*.parquet` and so on.

    Returns:
        Month as year x 100 + month to paths.

    Raises:
        DocumentError: Something in it is no such folder.
    """
    found: dict[int, list[str]] = {}
    for place in sorted(folder.iterdir()) if folder.is_dir() else []:
        name = place.name.removeprefix("month_ym=")
        is_month = len(name) == _MONTH_LENGTH and name.isascii() and name.isdigit() and 1 <= int(name) % 100 <= _MONTHS_COUNT
        if place.name.startswith((".", "_")):
            continue
        if not (is_month and place.name != name and place.is_dir()):
            raise DocumentError(
                "This is no folder of a month", expected="month_ym=202401 and so on", got=place.name, record=str(folder)
            )
        files = [str(file) for file in sorted(place.iterdir()) if not file.name.startswith((".", "_"))]
        for file in files:
            if not file.endswith(".parquet"):
                raise DocumentError(
                    "This is no Parquet file", expected="a name that ends in .parquet", got=file, record=str(place)
                )
        found[int(name)] = files
    return found


def check_activities(
    files_by_month: Mapping[int, Sequence[str]], *, keys_count: int, database: duckdb.DuckDBPyConnection | None = None
) -> None:
    """Refuse activity files that lack a column, hold a null or another type, or name a key that the folder does not have.

    What a file says of itself (its statistics) is believed; where it says nothing, its rows are read.

    Args:
        files_by_month: Local paths.
        keys_count: Keys of the folder, whose ids are 0 to one less.
        database: Reads them; one of its own where left out.

    Raises:
        DocumentError: A file is otherwise; the message names file and column.
    """
    with nullcontext(database) if database else connection() as reader:
        for file in (file for files in files_by_month.values() for file in files):
            _check_columns(reader, file, _ACTIVITY_TYPES)
            for name, (nulls_count, least, most) in _ranges(reader, file).items():
                if nulls_count:
                    raise DocumentError(**_null(file, name))
                if name == "key_id" and least is not None and most is not None and not 0 <= least <= most < keys_count:
                    raise DocumentError(
                        "A key is not in keys.parquet",
                        expected=f"ids 0 to {keys_count - 1}",
                        got=str(least if least < 0 else most),
                        record=f"{file}, column key_id",
                        next_step="Activities and keys of one export belong together.",
                    )


def _ranges(database: duckdb.DuckDBPyConnection, file: str) -> dict[str, tuple[int, int | None, int | None]]:
    """Nulls, smallest and largest value of every column of activity; None where there are no rows."""
    said = database.execute(
        "SELECT path_in_schema, SUM(stats_null_count), MIN(TRY_CAST(stats_min_value AS BIGINT)),"  # noqa: S608 - a path
        " MAX(TRY_CAST(stats_max_value AS BIGINT)), BOOL_AND(stats_null_count IS NOT NULL AND stats_min_value IS NOT NULL)"
        f" FROM parquet_metadata({_list([file])}) GROUP BY path_in_schema"
    ).fetchall()
    found = {name: (nulls_count, least, most) for name, nulls_count, least, most, has_all in said if has_all}
    for name in ACTIVITY_COLUMNS:
        if name not in found:
            asked = f"SELECT COUNT(*) - COUNT({name}), MIN({name}), MAX({name}) FROM {parquet_source([file])}"  # noqa: S608 - a path
            found[name] = database.execute(asked).fetchone() or (0, None, None)
    return {name: found[name] for name in ACTIVITY_COLUMNS}


def fits_in_64_bits(database: duckdb.DuckDBPyConnection, files: Sequence[str]) -> bool:
    """Whether the sizes of all quantities of some files together stay below 2^63, by what the files say of themselves.

    Args:
        database: Where to ask.
        files: Activity files, local paths.

    Returns:
        False, too, where they say nothing of it.
    """
    row_groups = (
        "SELECT CAST(row_group_num_rows AS HUGEINT) AS num_rows, TRY_CAST(stats_min_value AS HUGEINT) AS least,"  # noqa: S608 - paths
        " TRY_CAST(stats_max_value AS HUGEINT) AS most"
        f" FROM parquet_metadata({_list(files)}) WHERE path_in_schema = 'quantity_micro'"
    )
    said = database.execute(
        "SELECT SUM(num_rows * GREATEST(ABS(least), ABS(most))),"  # noqa: S608 - paths
        f" BOOL_AND(num_rows = 0 OR (least IS NOT NULL AND most IS NOT NULL)) FROM ({row_groups})"
    ).fetchone()
    size_micro, is_known = said or (None, None)
    return bool(is_known) and (size_micro or 0) <= INT64_MAX


def write_activities(folder: Path, *, activity_csv: Path, keys: Sequence[KeyRow], subjects: Sequence[tuple[int, str]]) -> int:
    """Write a folder of activities: sorted by subject and key, so that engines find together what they sum.

    Args:
        folder: Where to write; it exists.
        activity_csv: month_ym, subject_id, key_id, quantity_micro, evidence; without a header.
        keys: Rows of `KEY_COLUMNS`.
        subjects: Number in this folder, and id in the store.

    Returns:
        How many activities were written.
    """
    with connection(folder / "spill") as database:
        database.execute("CREATE TABLE key (key_id BIGINT, kind TEXT, region TEXT, year BIGINT, unit TEXT, attributes_json TEXT)")
        database.execute("CREATE TABLE subject (subject_id BIGINT, subject TEXT)")
        insert_rows(database, "key", keys)
        insert_rows(database, "subject", subjects)
        copy_to(database, "SELECT * FROM key ORDER BY key_id", folder / "keys.parquet")
        copy_to(database, "SELECT * FROM subject ORDER BY subject_id", folder / "subjects.parquet")
        types = ", ".join(f"'{name}': 'BIGINT'" for name in ("month_ym", *ACTIVITY_COLUMNS))
        types = f"{{{types}, 'evidence': 'VARCHAR'}}"
        read = f"read_csv({_quoted(str(activity_csv))}, header = false, auto_detect = false, columns = {types})"
        count = 0
        months = database.execute(f"SELECT DISTINCT month_ym FROM {read} ORDER BY month_ym").fetchall()  # noqa: S608 - our own file
        for (month_ym,) in months:
            place = folder / "activity" / f"month_ym={month_ym}"
            place.mkdir(parents=True)
            of_month = f"SELECT * EXCLUDE (month_ym) FROM {read} WHERE month_ym = {month_ym} ORDER BY subject_id, key_id"  # noqa: S608
            count += copy_to(database, of_month, place / "part-0.parquet", is_in_order=True)
    return count


def lines_sha256(output: Path) -> str:
    """SHA-256 of all lines in order, whichever engine wrote them.

    Args:
        output: Folder that holds `lines/`.

    Returns:
        Of UTF-8 text, one line each: the values of `LINE_COLUMNS` with `|` between them and a line feed at the end, NULL as
        nothing, sorted by `LINE_ORDER`.
    """
    digest = sha256()
    text = " || '|' || ".join(f"COALESCE(CAST({name} AS VARCHAR), '')" for name in LINE_COLUMNS)
    with connection(output / "spill") as database:
        database.execute("SET preserve_insertion_order = true")  # the order of what is read from, too
        for month_ym, files in files_by_month(output / "lines").items():
            lines = f"SELECT *, {month_ym} AS month_ym FROM {parquet_source(files)} ORDER BY {', '.join(LINE_ORDER)}"  # noqa: S608
            database.execute(f"SELECT {text} || chr(10) FROM ({lines})")  # noqa: S608 - constants
            while rows := database.fetchmany(_LINES_AT_ONCE_COUNT):
                digest.update("".join(row[0] for row in rows).encode())
    return digest.hexdigest()


def insert_rows(database: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[int | str, ...]]) -> None:
    """Insert rows, column by column: one by one they would take a hundred times as long.

    Args:
        database: Where.
        table: Its name, one of ours.
        rows: Integers and text.
    """
    if rows:
        columns = ", ".join("UNNEST(?)" for _ in rows[0])
        database.execute(f"INSERT INTO {table} SELECT {columns}", [list(column) for column in zip(*rows, strict=True)])


def copy_to(database: duckdb.DuckDBPyConnection, query: str, file: Path, *, is_in_order: bool = False) -> int:
    """Write what a query answers as one Parquet file.

    Args:
        database: Where it runs.
        query: One of our texts.
        file: The file.
        is_in_order: Whether the query's order is kept, which takes longer.

    Returns:
        How many rows.
    """
    if is_in_order:
        database.execute("SET preserve_insertion_order = true")
    found = database.execute(f"COPY ({query}) TO {_quoted(str(file))} ({_OPTIONS})").fetchone()
    database.execute("SET preserve_insertion_order = false")
    return int(found[0]) if found else 0


def _check_columns(database: duckdb.DuckDBPyConnection, file: str, types: Mapping[str, frozenset[str]]) -> None:
    """Every column is there in its type.

    Raises:
        DocumentError: One is not, or the file is no Parquet.
    """
    try:
        found = {row[0]: row[1] for row in database.execute(f"DESCRIBE SELECT * FROM {parquet_source([file])}").fetchall()}  # noqa: S608
    except duckdb.Error as error:
        raise DocumentError(
            "This is no Parquet file that can be read", expected="Parquet", got=str(error).splitlines()[0], record=file
        ) from error
    for name, allowed in types.items():
        if name not in found:
            raise DocumentError(
                "A column is missing",
                expected=", ".join(types),
                got=", ".join(found) or "no column",
                record=f"{file}, column {name}",
            )
        if found[name] not in allowed:
            raise DocumentError(
                "A column has another type",
                expected=" or ".join(sorted(allowed)),
                got=found[name],
                record=f"{file}, column {name}",
            )


def _null(file: str, name: str) -> dict[str, str]:
    return {
        "message": "A value is missing",
        "expected": "a value in every row",
        "got": "NULL",
        "record": f"{file}, column {name}",
    }


def parquet_source(files: Sequence[str]) -> str:
    """What a query reads from, for these files.

    Args:
        files: Local paths.

    Returns:
        A table function of DuckDB.
    """
    return f"read_parquet({_list(files)}, hive_partitioning = false, union_by_name = true)"


def _list(files: Sequence[str]) -> str:
    """Paths as one SQL list; no sign in them is a pattern."""
    return "[" + ", ".join(_quoted("".join(f"[{sign}]" if sign in "*?[" else sign for sign in file)) for file in files) + "]"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
