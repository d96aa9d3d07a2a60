"""The one filter that keeps tenants apart: every query for a tenant's data goes through `of_tenant`."""

from typing import Any, TypeVar

from sqlalchemy import Delete, Select, Table, Update

from domain.errors import NotFoundError

S = TypeVar("S", Select[Any], Update, Delete)


def of_tenant(statement: S, table: Table, tenant_id: str) -> S:
    """A query narrowed to the rows of one tenant.

    Args:
        statement: What is asked or changed.
        table: The table whose rows must be the tenant's.
        tenant_id: The tenant: the id of its root subject.

    Returns:
        The same query with the filter.

    Raises:
        NotFoundError: The tenant is empty: nobody has asked.
    """
    if not tenant_id:
        raise NotFoundError("There is no tenant to look in", expected="the id of a root subject", got="nothing")
    return statement.where(table.c.tenant_id == tenant_id)
