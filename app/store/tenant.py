"""The one filter that keeps tenants apart: every query for a tenant's data goes through `of_tenant`.

Statements that are made once, because they run for every document, name the tenant themselves, as the parameter `of_tenant`; a
test asks every function of the store for another tenant's things.
"""

from typing import Any, TypeVar

from sqlalchemy import Delete, Select, Table, Update

from domain.errors import NotFoundError

INSTALLATION = "installation"
"""Tenant of what belongs to all: a batch with statements of several tenants, and the job that makes it. Nothing in such a row is
about a person: a root, a count, signatures. Ids of root subjects are random, and never this word."""

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
    check_tenant(tenant_id)
    return statement.where(table.c.tenant_id == tenant_id)


def of_tenant_or_all(statement: S, table: Table, tenant_id: str) -> S:
    """A query narrowed to the rows of one tenant and those that belong to all.

    Args:
        statement: What is asked or changed.
        table: The table whose rows must be the tenant's or the installation's.
        tenant_id: The tenant.

    Returns:
        The same query with the filter.

    Raises:
        NotFoundError: The tenant is empty: nobody has asked.
    """
    check_tenant(tenant_id)
    return statement.where(table.c.tenant_id.in_([tenant_id, INSTALLATION]))


def check_tenant(tenant_id: str) -> None:
    """Refuse to look where nobody has asked.

    Args:
        tenant_id: The tenant.

    Raises:
        NotFoundError: It is empty.
    """
    if not tenant_id:
        raise NotFoundError("There is no tenant to look in", expected="the id of a root subject", got="nothing")
