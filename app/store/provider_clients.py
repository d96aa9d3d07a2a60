"""Our registrations with providers: client ids, and sealed secrets. They belong to the installation."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, to_row, to_values
from app.store.tenant import INSTALLATION, of_tenant


@dataclass(frozen=True, slots=True)
class ProviderClientRow:
    """What a provider knows us by.

    Attributes:
        provider: Id of the provider.
        client_id: Our name there.
        sealed_secret: Our secret there, sealed; empty bytes where there is none.
        registered_at: When it was noted here.
        tenant_id: The installation.
    """

    provider: str
    client_id: str
    sealed_secret: bytes
    registered_at: datetime
    tenant_id: str = INSTALLATION


def put(session: Session, client: ProviderClientRow) -> None:
    """Keep a registration, in place of the one before."""
    remove(session, client.provider)
    session.execute(insert(tables.PROVIDER_CLIENT), to_values(client))


def of_provider(session: Session, provider: str) -> ProviderClientRow | None:
    """Our registration with a provider, or None."""
    table = tables.PROVIDER_CLIENT
    query = select(*columns_of(ProviderClientRow, table)).where(table.c.provider == provider)
    row = session.execute(of_tenant(query, table, INSTALLATION)).first()
    return None if row is None else to_row(ProviderClientRow, row)


def all_registered(session: Session) -> tuple[ProviderClientRow, ...]:
    """All registrations, by provider."""
    table = tables.PROVIDER_CLIENT
    query = of_tenant(select(*columns_of(ProviderClientRow, table)), table, INSTALLATION).order_by(table.c.provider)
    return tuple(to_row(ProviderClientRow, row) for row in session.execute(query))


def remove(session: Session, provider: str) -> None:
    """Forget a registration."""
    table = tables.PROVIDER_CLIENT
    session.execute(of_tenant(delete(table).where(table.c.provider == provider), table, INSTALLATION))
