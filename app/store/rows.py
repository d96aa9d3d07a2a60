"""Rows of tables as small frozen values, matched by column name."""

from dataclasses import fields
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Column, Row, RowMapping, Select, Table, bindparam, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from app.store.tenant import check_tenant
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
    return kind(**{name: values[name] if member is None else member(values[name]) for name, member in _fields_of(kind)})


@cache
def _fields_of(kind: "type[DataclassInstance]") -> tuple[tuple[str, type[StrEnum] | None], ...]:
    """Name of each field, and the enumeration that it is a member of."""
    return tuple(
        (one.name, one.type if isinstance(one.type, type) and issubclass(one.type, StrEnum) else None) for one in fields(kind)
    )


def to_values(value: "DataclassInstance", **more: object) -> dict[str, Any]:
    """The columns that a row value says, with some more."""
    items = ((name, getattr(value, name)) for name, _ in _fields_of(type(value)))
    return {name: str(item) if isinstance(item, StrEnum) else item for name, item in items} | more


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


def one_of(session: Session, kind: "type[DataclassInstance]", table: Table, tenant_id: str, **values: str) -> Row[Any] | None:
    """The row of a tenant that has these values; the statement is made once, for queries that run for every document.

    Args:
        session: The open transaction.
        kind: The row class whose fields are read.
        table: Where from.
        tenant_id: The tenant: the id of its root subject.
        values: Column to what it must be; together they name one row.

    Returns:
        The row; None where the tenant has none.

    Raises:
        NotFoundError: The tenant is empty: nobody has asked.
    """
    check_tenant(tenant_id)
    named = {"of_tenant": tenant_id} | {f"of_{name}": value for name, value in values.items()}
    return session.execute(_selecting(kind, table, tuple(values), ()), named).first()


def all_of(session: Session, kind: type[R], table: Table, tenant_id: str, order: tuple[str, ...], **values: str) -> tuple[R, ...]:
    """The rows of a tenant that have these values, as `one_of`.

    Args:
        session: The open transaction.
        kind: Their class.
        table: Where from.
        tenant_id: The tenant.
        order: Columns that they are sorted by.
        **values: Column to what it must be.

    Returns:
        The rows as values.

    Raises:
        NotFoundError: The tenant is empty: nobody has asked.
    """
    check_tenant(tenant_id)
    named = {"of_tenant": tenant_id} | {f"of_{name}": value for name, value in values.items()}
    return tuple(to_row(kind, row) for row in session.execute(_selecting(kind, table, tuple(values), order), named))


@cache
def _selecting(kind: "type[DataclassInstance]", table: Table, names: tuple[str, ...], order: tuple[str, ...]) -> Select[Any]:
    same = [table.c[name] == bindparam(f"of_{name}") for name in names]
    query = select(*columns_of(kind, table)).where(*same, table.c.tenant_id == bindparam("of_tenant"))
    return query.order_by(*(table.c[name] for name in order))


def insert_new(session: Session, table: Table, values: dict[str, Any]) -> bool:
    """Whether a row was added; a row with the same unique key stays as it is.

    Args:
        session: The open transaction.
        table: Where to.
        values: Its columns.

    Returns:
        True where it is new, False where its key was taken.
    """
    statement = _inserting(table, tuple(values), session.get_bind().dialect.name)
    return session.execute(statement, values).first() is not None


@cache
def _inserting(table: Table, names: tuple[str, ...], dialect: str) -> ReturningInsert[Any]:
    key = next(iter(table.primary_key.columns))
    values: dict[str, Any] = {name: bindparam(name) for name in names}
    if dialect == "postgresql":
        return postgresql.insert(table).values(values).on_conflict_do_nothing().returning(key)
    return sqlite.insert(table).values(values).on_conflict_do_nothing().returning(key)
