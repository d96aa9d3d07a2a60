"""Column types that behave alike on SQLite and PostgreSQL."""

from datetime import UTC, datetime

from sqlalchemy import BigInteger, DateTime, Dialect, Integer
from sqlalchemy.types import TypeDecorator

from domain.errors import TimeError

AutoId = BigInteger().with_variant(Integer, "sqlite")
"""A 64-bit number given by the database: SQLite counts only columns that are called INTEGER."""


class UtcDateTime(TypeDecorator[datetime]):
    """An instant: aware on the way in, aware and in UTC on the way out, on both databases.

    SQLite has no zones, so it keeps the UTC clock reading; PostgreSQL keeps `timestamptz`.
    """

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant as the database keeps it.

        Args:
            value: An aware instant, or nothing.
            dialect: The database spoken to.

        Returns:
            The same instant in UTC.

        Raises:
            TimeError: The instant has no zone.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise TimeError("A time without zone", expected="an aware instant", got=str(value), record="a stored timestamp")
        at = value.astimezone(UTC)
        return at.replace(tzinfo=None) if dialect.name == "sqlite" else at

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """The instant as the program uses it, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if dialect.name == "sqlite" else value.astimezone(UTC)
