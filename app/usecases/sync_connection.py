"""One sync of one connection, whatever it takes: pulling what it has, or asking about what others brought."""

from collections.abc import Callable

from app.security.outbound import HttpSender
from app.services import Services
from app.store import connections
from app.store.connections import ConnectionState, Health
from app.store.session import reading
from app.usecases.ask_provider import never_over
from app.usecases.enrich_flights import enrich_flights
from app.usecases.pull_connection import SyncReport, pull_connection
from connectors.travel_impact_model import TRAVEL_IMPACT_MODEL
from domain.errors import FormatChangedError, NeedsConsentError


def sync_connection(
    services: Services,
    tenant_id: str,
    connection_id: str,
    *,
    http: HttpSender | None = None,
    is_over: Callable[[], bool] = never_over,
) -> SyncReport:
    """Pull a connection; where it is one to the Travel Impact Model, ask it about the flights of its subject.

    Args:
        services: The installation; no transaction is open.
        tenant_id: The connection's tenant.
        connection_id: Which.
        http: Sends; the program's own client where left out.
        is_over: Whether the sync should end at the next good place, because the program stops.

    Returns:
        What it brought and how the connection does, also where the person must consent again or the format changed.

    Raises:
        TryLaterError: To be run again in so many seconds.
        NotFoundError: There is no such connection, connector, provider or subject.
        ClimateFitnessError: Something of ours failed; the connection is tried again by itself.
    """
    with reading(services.engine) as session:
        row = connections.by_id(session, tenant_id, connection_id)
    if row.connector != TRAVEL_IMPACT_MODEL.manifest.connector_id or row.state is not ConnectionState.ACTIVE:
        return pull_connection(services, tenant_id, connection_id, http=http, is_over=is_over)
    try:
        found = enrich_flights(services, tenant_id, connection_id, http=http, is_over=is_over)
    except (NeedsConsentError, FormatChangedError) as error:
        with reading(services.engine) as session:
            row = connections.by_id(session, tenant_id, connection_id)
        return SyncReport("", 0, 0, 0, 0, row.health, row.health_said, error.code)
    return SyncReport("", 0, 0, found.enriched_count, len(found.refused), Health.OK, found.sentence())
