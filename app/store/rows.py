"""Rows of tables as small frozen values, matched by column name."""

from dataclasses import asdict, fields
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Column, Row, RowMapping, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from domain.errors import NotFoundError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    R = TypeVar("R", bound=DataclassInstance)
else:
    R = TypeVar("R")


def columns_of(kind: "type[DataclassInstance]", table: Table) -> list[Column[Any]]:
    """The columns of a table that a row class has as fields, in the order of the fields."""
    return [table.c[field.name] for field in fields(kind)]


def to_row(kind: type[R], row: Row[Any] | RowMapping) -> R:
    """A database row as a value of this class; its members of enumerations are made from their text."""
    values = row if isinstance(row, RowMapping) else row._mapping  # noqa: SLF001 - SQLAlchemy's public name for it
    made = {}
    for field in fields(kind):
        value = values[field.name]
        is_enum = isinstance(field.type, type) and issubclass(field.type, StrEnum)
        made[field.name] = field.type(value) if is_enum else value  # type: ignore[operator]  # a StrEnum takes its text
    return kind(**made)


def to_values(value: "DataclassInstance", **more: object) -> dict[str, Any]:
    """The columns that a row value says, with some more."""
    plain = {name: str(item) if isinstance(item, StrEnum) else item for name, item in asdict(value).items()}
    return plain | more


def found(row: Row[Any] | None, what: str, name: str) -> Row[Any]:
    """The row itself, where there is one.

    Args:
        row: What a query gave.
        what: The noun, for the message: "statement".
        name: Its id, for the message.

    Returns:
        The row.

    Raises:
        NotFoundError: There is none, or it belongs to somebody else: the answer is the same.
    """
    if row is None:
        raise NotFoundError(f"There is no such {what}", expected=f"the id of a {what} of yours", got=name)
    return row


def insert_new(session: Session, table: Table, values: dict[str, Any]) -> bool:
    """Whether a row was added; a row with the same unique key stays as it is.

    Args:
        session: The open transaction.
        table: Where to.
        values: Its columns.

    Returns:
        True where it is new, False where its key was taken.
    """
    key = next(iter(table.primary_key.columns))
    if session.get_bind().dialect.name == "postgresql":
        added = session.execute(postgresql.insert(table).values(values).on_conflict_do_nothing().returning(key))
    else:
        added = session.execute(sqlite.insert(table).values(values).on_conflict_do_nothing().returning(key))
    return added.first() is not None
