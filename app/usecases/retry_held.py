"""Reading again what was set aside: after a new version of a connector, or once a place or factor is known."""

from dataclasses import dataclass

from app.services import Services, Whose, Work
from app.store import connections, documents, quarantine
from app.store.quarantine import QuarantineState
from app.store.session import reading, unit_of_work
from app.usecases.find_duplicates import find_duplicates
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received, fetch_original
from app.usecases.pulled import holds_something, up_to_date, without_future
from connectors import registry
from domain.errors import FormatChangedError, InputError


@dataclass(frozen=True, slots=True)
class Retried:
    """What reading again came to.

    Attributes:
        documents_count: Documents that were read again.
        released_count: Those of them of which nothing is set aside any more.
        held_count: Records and documents that still are.
    """

    documents_count: int
    released_count: int
    held_count: int


def retry_held(services: Services, tenant_id: str, connection_id: str) -> Retried:
    """Read every document of a connection again of which something is set aside; each in a transaction of its own.

    The provider is not asked: the originals lie in the archive. What counts already stays as it is.

    Args:
        services: The installation; no transaction is open.
        tenant_id: The connection's tenant.
        connection_id: Which.

    Returns:
        What became of it.

    Raises:
        NotFoundError: There is no such connection, or the subject's key was destroyed.
        ArchiveError: An original is lost or changed.
    """
    with reading(services.engine) as session:
        connection = connections.by_id(session, tenant_id, connection_id)
        held = quarantine.of_connection(session, tenant_id, connection_id, limit_count=quarantine.MOST_HELD_COUNT)
    whose, connector = Whose(tenant_id, connection.subject_id), registry.find(connection.connector)
    digests = dict.fromkeys(one.document_sha256 for one in sorted(held, key=lambda one: one.at))
    released_count = 0
    for digest in digests:
        with reading(services.engine) as session:
            row = documents.by_sha256(session, tenant_id, whose.subject_id, digest)
            body = fetch_original(Work(session, services), row)
        try:
            document = without_future(connector.parse(body), services.clock.now())
            with unit_of_work(services.engine) as session:
                refused = list(document.refused)
                if holds_something(document):
                    received = Received(body, row.media_type, row.evidence, document_name=connection.title)
                    report = import_document(
                        Work(session, services),
                        whose,
                        connection.connector,
                        received,
                        document=document,
                        connection=connection,
                    )
                    refused = list(report.refusals)
                    find_duplicates(Work(session, services), whose, report.months)
                quarantine.set_state_of_document(session, tenant_id, connection_id, digest, QuarantineState.RELEASED)
                for one in refused:
                    quarantine.hold_again(session, tenant_id, connection_id, digest, one)
        except (InputError, FormatChangedError):
            with unit_of_work(services.engine) as session:
                quarantine.set_state_of_document(session, tenant_id, connection_id, digest, QuarantineState.RETRIED)
            continue
        released_count += not refused
    with unit_of_work(services.engine) as session:
        held_count = quarantine.held_count(session, tenant_id, connection_id)
        connections.set_said(session, tenant_id, connection_id, up_to_date(held_count))
    return Retried(len(digests), released_count, held_count)
