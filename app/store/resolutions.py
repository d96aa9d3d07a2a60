"""Resolutions: the factor of a key under a factor set, method and basis, kept with its reasons."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.store import tables
from app.store.tenant import of_tenant
from domain.canonical import to_canonical


@dataclass(frozen=True, slots=True)
class ResolutionRow:
    """Why this factor.

    Attributes:
        key_id: The activity key.
        basis: Location or market.
        factor_id: The factor, or None: unscored.
        steps: What was tried and taken, in order.
        flags: Machine-readable.
    """

    key_id: str
    basis: str
    factor_id: str | None
    steps: tuple[str, ...]
    flags: tuple[str, ...]

    def to_values(self, tenant_id: str, set_root: str, method: str) -> dict[str, Any]:
        """Its columns.

        Args:
            tenant_id: Whose.
            set_root: Root of the factor set.
            method: Version of the business logic.
        """
        return {
            "tenant_id": tenant_id,
            "key_id": self.key_id,
            "set_root": set_root,
            "method": method,
            "basis": self.basis,
            "factor_id": self.factor_id,
            "steps_json": to_canonical(self.steps).decode(),
            "flags_json": to_canonical(self.flags).decode(),
        }


def put(session: Session, tenant_id: str, set_root: str, method: str, rows: Iterable[ResolutionRow]) -> None:
    """Keep resolutions; one that is there already stays: the same set and method choose the same factor."""
    values = [row.to_values(tenant_id, set_root, method) for row in rows]
    if values:
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        session.execute(dialect.insert(tables.RESOLUTION).on_conflict_do_nothing(), values)


def of_set(session: Session, tenant_id: str, set_root: str, method: str) -> tuple[ResolutionRow, ...]:
    """All resolutions of a tenant under a factor set and method, by key and basis."""
    table = tables.RESOLUTION
    query = select(table).where(table.c.set_root == set_root, table.c.method == method).order_by(table.c.key_id, table.c.basis)
    return tuple(_row(row) for row in session.execute(of_tenant(query, table, tenant_id)))


def of_line(session: Session, tenant_id: str, key_id: str, basis: str, factor_id: str) -> ResolutionRow | None:
    """Why a key got this factor, under whichever factor set it did; None where that was not kept.

    Args:
        session: The open transaction.
        tenant_id: Whose.
        key_id: The activity key.
        basis: Location or market.
        factor_id: The factor that was chosen.

    Returns:
        The resolution.
    """
    table = tables.RESOLUTION
    query = select(table).where(table.c.key_id == key_id, table.c.basis == basis, table.c.factor_id == factor_id).limit(1)
    row = session.execute(of_tenant(query, table, tenant_id)).first()
    return None if row is None else _row(row)


def _row(row: Row[Any]) -> ResolutionRow:
    steps, flags = json.loads(row.steps_json), json.loads(row.flags_json)
    return ResolutionRow(row.key_id, row.basis, row.factor_id, tuple(steps), tuple(flags))
