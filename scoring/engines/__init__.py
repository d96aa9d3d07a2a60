"""The arithmetic as SQL: one canonical text in DuckDB's dialect, and the same for other engines, generated from it.

    totals.sql  activity -> sums per subject, month, key and evidence class
    lines.sql   activity x factor -> lines per subject, month, key and basis, by gas

Only + - * // % CASE JOIN SUM GROUP BY on 64-bit integers, so every engine gives the same numbers. A sum or a line of 2^63 or more
is NULL, on every engine and in every row order; whoever reads it refuses the line by name.
"""

from importlib import resources

DIALECTS = ("duckdb", "sqlite", "postgresql", "spark")
"""Engines that a text is kept for; DuckDB's is the canonical one."""

QUERIES = ("totals", "lines")
"""Names of the texts."""


def sql_text(name: str, dialect: str) -> str:
    """One query as one engine reads it.

    Args:
        name: One of `QUERIES`.
        dialect: One of `DIALECTS`.

    Returns:
        A SELECT over the tables `activity` (subject_id, key_id, month_ym, quantity_micro, evidence, is_current) and, for lines,
        `factor` (key_id, part, basis, co2_ug, ch4_ug, n2o_ug, unsplit_ug, biogenic_co2_ug: micrograms of CO2e per canonical unit;
        most_micro: `scoring.arithmetic.most_micro` of them). Tables of these names, views, or common table expressions put before
        the text all do. Lines come in no order.

    Raises:
        ValueError: There is no such text.
    """
    if name not in QUERIES or dialect not in DIALECTS:
        raise ValueError(f"expected one of {QUERIES} in one of {DIALECTS}, got {name!r} in {dialect!r}")
    return resources.files("scoring.engines").joinpath("sql", dialect, f"{name}.sql").read_text(encoding="utf-8")
