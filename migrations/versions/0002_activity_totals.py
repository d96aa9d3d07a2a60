"""Activity totals: the sums of current activity, kept beside it by the database itself.

Triggers add what is written and take away what is superseded or deleted, in the same transaction and whoever writes: a sum can
not be older than its activities. Quantities are summed in two halves (q = q / 2^32 x 2^32 + q % 2^32, truncating towards zero on
both databases), so that sums of magnitudes up to 2^63 stay in 64 bits for up to 2^31 rows.

Month-end looks for all subjects of a month, and for all periods of the same months: an index for each.

A later migration that lets SQLite rebuild the table `activity` makes these triggers again: they go with the table.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_IDENTITY = "tenant_id, subject_id, month_ym, key_id, evidence"
_UNIQUE = "subject_id, month_ym, key_id, evidence"
_SUMS = ("activity_count", "high", "low", "abs_high", "abs_low")
_TERMS = (
    "1",
    "{row}quantity_micro / 4294967296",
    "{row}quantity_micro % 4294967296",
    "ABS({row}quantity_micro / 4294967296)",
    "ABS({row}quantity_micro % 4294967296)",
)
_TRIGGERS = ("activity_total_insert", "activity_total_delete", "activity_total_update_old", "activity_total_update_new")


def upgrade() -> None:
    """Make the table, fill it from the activities that are there, and let the database keep it."""
    op.create_table(
        "activity_total",
        sa.Column("tenant_id", sa.String(), nullable=False),
        sa.Column("subject_id", sa.String(), nullable=False),
        sa.Column("month_ym", sa.Integer(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("evidence", sa.String(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in _SUMS),
        sa.PrimaryKeyConstraint("subject_id", "month_ym", "key_id", "evidence", name="pk_activity_total"),
    )
    op.create_index("ix_activity_total_month_ym_subject_id", "activity_total", ["month_ym", "subject_id"])
    op.create_index("ix_period_from_ym_to_ym_subject_id", "period", ["from_ym", "to_ym", "subject_id"])
    sums = ", ".join(f"CAST(SUM({term.format(row='')}) AS BIGINT)" for term in _TERMS)
    op.execute(
        f"INSERT INTO activity_total ({_IDENTITY}, {', '.join(_SUMS)}) "  # noqa: S608 - our own names
        f"SELECT {_IDENTITY}, {sums} FROM activity WHERE is_current GROUP BY {_IDENTITY}"
    )
    if op.get_bind().dialect.name == "postgresql":
        _keep_on_postgres()
    else:
        _keep_on_sqlite()


def downgrade() -> None:
    """Drop the triggers and the table."""
    is_postgres = op.get_bind().dialect.name == "postgresql"
    for name in ("activity_total_insert", "activity_total_delete", "activity_total_update") if is_postgres else _TRIGGERS:
        op.execute(f"DROP TRIGGER {name} ON activity" if is_postgres else f"DROP TRIGGER {name}")
        if is_postgres:
            op.execute(f"DROP FUNCTION {name}()")
    op.drop_index("ix_period_from_ym_to_ym_subject_id", "period")
    op.drop_index("ix_activity_total_month_ym_subject_id", "activity_total")
    op.drop_table("activity_total")


def _keep_on_sqlite() -> None:
    """Triggers for each row; of an update, the old row is taken away and the new one added, in either order."""
    identity = ", ".join(f"NEW.{name}" for name in _IDENTITY.split(", "))
    terms = ", ".join(term.format(row="NEW.") for term in _TERMS)
    added = ", ".join(f"{name} = {name} + EXCLUDED.{name}" for name in _SUMS)
    add = (
        f"INSERT INTO activity_total ({_IDENTITY}, {', '.join(_SUMS)}) VALUES ({identity}, {terms}) "  # noqa: S608 - our own names
        f"ON CONFLICT ({_UNIQUE}) DO UPDATE SET {added};"
    )
    taken = ", ".join(f"{name} = {name} - {term.format(row='OLD.')}" for name, term in zip(_SUMS, _TERMS, strict=True))
    same = " AND ".join(f"{name} = OLD.{name}" for name in _UNIQUE.split(", "))
    take = f"UPDATE activity_total SET {taken} WHERE {same}; DELETE FROM activity_total WHERE {same} AND activity_count = 0;"  # noqa: S608 - our own names
    columns = f"{_IDENTITY}, quantity_micro, is_current"
    op.execute(f"CREATE TRIGGER activity_total_insert AFTER INSERT ON activity WHEN NEW.is_current BEGIN {add} END")
    op.execute(f"CREATE TRIGGER activity_total_delete AFTER DELETE ON activity WHEN OLD.is_current BEGIN {take} END")
    for name, when, body in (
        ("activity_total_update_old", "OLD.is_current", take),
        ("activity_total_update_new", "NEW.is_current", add),
    ):
        op.execute(f"CREATE TRIGGER {name} AFTER UPDATE OF {columns} ON activity WHEN {when} BEGIN {body} END")


def _keep_on_postgres() -> None:
    """Triggers for each statement, over its transition tables: what was added less what was taken away, in one order."""
    added = ", ".join(f"{name} = t.{name} + EXCLUDED.{name}" for name in _SUMS)
    sums = ", ".join(
        f"CAST(SUM(sign * ({term.format(row='')})) AS BIGINT) AS {name}" for name, term in zip(_SUMS, _TERMS, strict=True)
    )
    is_other = " OR ".join(f"SUM(sign * ({term.format(row='')})) <> 0" for term in _TERMS)
    columns = f"{_IDENTITY}, quantity_micro"
    plus = f"SELECT 1 AS sign, {columns} FROM added WHERE is_current"  # noqa: S608 - our own names
    minus = f"SELECT -1 AS sign, {columns} FROM removed WHERE is_current"  # noqa: S608 - our own names
    for event, changes, tables in (
        ("INSERT", plus, "NEW TABLE AS added"),
        ("DELETE", minus, "OLD TABLE AS removed"),
        ("UPDATE", f"{minus} UNION ALL {plus}", "OLD TABLE AS removed NEW TABLE AS added"),
    ):
        name = f"activity_total_{event.lower()}"
        tidy = (
            f"DELETE FROM activity_total WHERE activity_count = 0 AND ({_UNIQUE}) IN (SELECT {_UNIQUE} FROM removed);"  # noqa: S608 - our own names
            if event != "INSERT"
            else ""
        )
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "  # noqa: S608 - our own names
            f"INSERT INTO activity_total AS t ({_IDENTITY}, {', '.join(_SUMS)}) "
            f"SELECT {_IDENTITY}, {sums} FROM ({changes}) AS changes GROUP BY {_IDENTITY} HAVING {is_other} ORDER BY {_UNIQUE} "
            f"ON CONFLICT ({_UNIQUE}) DO UPDATE SET {added}; {tidy} RETURN NULL; END $$"
        )
        op.execute(
            f"CREATE TRIGGER {name} AFTER {event} ON activity REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )
