"""A provider says that there is something new: a sync is asked for, and nothing that it says is believed.

Of a list of files, each address is kept with the connection that waits for it; see `app.usecases.ready_files`.
"""

from collections.abc import Mapping
from hashlib import sha256
from urllib.parse import urljoin

from app.security.outbound import outbound_of
from app.security.plaid_webhook import HEADER, KEY_PATH, PlaidWebhooks
from app.services import Services, Work
from app.store import connections
from app.store.connections import ConnectionRow
from app.store.session import reading, unit_of_work
from app.usecases.ready_files import keep_ready
from app.usecases.register_provider import find_provider, our_client
from app.usecases.sync_due import enqueue_notified
from connectors.base import LinkedItem, Provider
from connectors.green_button.notification import notified_urls
from domain.canonical import to_canonical
from domain.errors import NotFoundError, SecurityError, TryLaterError

MAX_NOTICE_BYTES = 256 * 1024
"""Bytes of a notice."""

MOST_WAITING_COUNT = 1_000
"""Connections that one notice of files makes ready: those that wait for a provider, and no other."""

_OK = 200


class Notices:
    """Takes the notices of providers; one for the process, because it remembers keys and what came before.

    Args:
        services: The installation.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._webhooks: dict[str, PlaidWebhooks] = {}

    def take(self, connector: str, provider: str, headers: Mapping[str, str], body: bytes) -> int:
        """Ask for syncs of what a notice is about.

        Args:
            connector: Id of the connector.
            provider: Id of the provider.
            headers: Of the request, names in lower case.
            body: Of the request, its very bytes.

        Returns:
            How many syncs were asked for that were not asked for yet.

        Raises:
            NotFoundError: There is no such provider, or it sends no notices.
            ConflictError: This installation is not registered with it.
            SecurityError: The notice is not the provider's.
            DocumentError: It is no notice.
            TryLaterError: Whether it is the provider's cannot be asked now.
        """
        found, row = find_provider(connector, provider)
        if isinstance(row.auth, LinkedItem):
            about = self._of_item(row, headers.get(HEADER, ""), body)
        elif found.manifest.connector_id == "green-button":
            about = self._of_files(row, body)
        else:
            raise NotFoundError("This provider sends no notices", expected="one that does", got=row.provider_id)
        with unit_of_work(self._services.engine) as session:
            work = Work(session, self._services)
            return sum(enqueue_notified(work, one) for one in about)

    def _of_item(self, provider: Provider, token: str, body: bytes) -> tuple[ConnectionRow, ...]:
        """Connections of the item that a signed notice names; none where the same notice came before."""
        notice = self._webhook_of(provider).verified(token, body, self._services.clock.now())
        if notice is None or not notice.item_id:
            return ()
        with reading(self._services.engine) as session:
            return connections.of_item(session, provider.provider_id, sha256(notice.item_id.encode()).hexdigest())

    def _of_files(self, provider: Provider, body: bytes) -> tuple[ConnectionRow, ...]:
        """Connections that wait for files of a provider. Nothing signs such a notice: it hurries what waits, and no other.

        Where it names the consents of some of them, it is about those; else about all.
        """
        urls = notified_urls(body, provider.base_url, provider.hosts)
        if not urls:
            return ()
        with unit_of_work(self._services.engine) as session:
            told = keep_ready(Work(session, self._services), provider, urls)
            return told or connections.waiting(session, provider.provider_id, limit_count=MOST_WAITING_COUNT)

    def _webhook_of(self, provider: Provider) -> PlaidWebhooks:
        known = self._webhooks.get(provider.provider_id)
        if known is None:
            known = self._webhooks[provider.provider_id] = PlaidWebhooks(lambda key_id: self._key(provider, key_id))
        return known

    def _key(self, provider: Provider, key_id: str) -> bytes:
        """A key of the provider, asked for by its id.

        Raises:
            TryLaterError: The provider is away.
            SecurityError: It knows no such key.
        """
        with reading(self._services.engine) as session:
            client = our_client(Work(session, self._services), provider)
        answer = outbound_of(self._services.settings).send(
            "POST",
            urljoin(provider.base_url, KEY_PATH),
            headers={"content-type": "application/json"},
            body=to_canonical({"client_id": client.client_id, "secret": client.secret, "key_id": key_id}),
            max_body_bytes=MAX_NOTICE_BYTES,
        )
        if answer.status >= 500 or answer.status == 429:  # noqa: PLR2004 - HTTP
            raise TryLaterError("The provider is away", got=f"status {answer.status}", record=provider.provider_id)
        if answer.status != _OK:
            raise SecurityError("The provider knows no such key", expected="a key", got=f"status {answer.status}", record=key_id)
        return answer.body
