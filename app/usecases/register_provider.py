"""Our registrations with providers, and which provider somebody means."""

from app.security.oauth_client import ClientId
from app.services import Services, Work
from app.store import provider_clients
from app.store.provider_clients import ProviderClientRow
from app.store.session import unit_of_work
from connectors import registry
from connectors.base import ApiKey, Connector, LinkedItem, OAuth2, Provider
from domain.errors import ConflictError, InputError, NotFoundError

LONGEST_CLIENT_ID_COUNT = 512
"""Longest client id or secret, characters."""


def find_provider(connector: str, provider: str) -> tuple[Connector, Provider]:
    """A connector and one of its providers.

    Args:
        connector: Id of the connector.
        provider: Id of the provider; may be empty where the connector has one only.

    Returns:
        Both.

    Raises:
        NotFoundError: There is no such connector, or no such provider of it; the message lists them.
    """
    found = registry.find(connector)
    rows = found.manifest.providers
    fitting = [one for one in rows if one.provider_id == provider or (not provider and len(rows) == 1)]
    if len(fitting) == 1:
        return found, fitting[0]
    known = ", ".join(one.provider_id for one in rows)
    raise NotFoundError(
        "There is no such provider" if known else "This connector reads files only",
        expected=f"one of {known}" if known else "a connector with providers",
        got=provider or "nothing",
        record="provider",
        next_step="See `climate-fitness connectors list`.",
    )


def connector_of_provider(provider: str) -> str:
    """The connector of a provider: provider ids are unique over all connectors.

    Args:
        provider: Id of the provider.

    Returns:
        Id of the connector.

    Raises:
        NotFoundError: No connector has it.
    """
    for one in registry.connectors():
        if any(row.provider_id == provider for row in one.manifest.providers):
            return one.manifest.connector_id
    known = sorted(row.provider_id for one in registry.connectors() for row in one.manifest.providers)
    raise NotFoundError(
        "There is no such provider",
        expected=f"one of {', '.join(known) or 'none yet'}",
        got=provider,
        record="provider",
        next_step="See `climate-fitness connectors list`.",
    )


def register_provider(services: Services, provider: str, client_id: str, secret: str) -> None:
    """Note what a provider knows us by, in place of what was noted before.

    Args:
        services: The installation.
        provider: Id of the provider.
        client_id: The name that it gave us.
        secret: Its secret; empty for a public client.

    Raises:
        NotFoundError: There is no such provider.
        InputError: It needs no registration, or these are no credentials.
    """
    _, row = find_provider(connector_of_provider(provider), provider)
    if not isinstance(row.auth, OAuth2 | LinkedItem):
        asks = "the person's own key" if isinstance(row.auth, ApiKey) else "nothing"
        raise InputError("This provider needs no registration", expected="a provider with consent", got=asks, record=provider)
    for name, text in (("client id", client_id), ("secret", secret)):
        is_missing = name == "client id" and not text
        if is_missing or len(text) > LONGEST_CLIENT_ID_COUNT or not text.isascii() or not text.isprintable():
            raise InputError(
                f"This {name} cannot be used",
                expected=f"1 to {LONGEST_CLIENT_ID_COUNT} printable ASCII characters",
                got=f"{len(text)} characters",  # never the text: it may be the secret
                record=provider,
            )
    sealed = services.vault.seal_secret(secret_place(provider), secret.encode("ascii")) if secret else b""
    with unit_of_work(services.engine) as session:
        provider_clients.put(session, ProviderClientRow(provider, client_id, sealed, services.clock.now()))


def our_client(work: Work, provider: Provider) -> ClientId:
    """What a provider knows us by.

    Args:
        work: The open transaction and the services.
        provider: The provider.

    Returns:
        Client id and secret.

    Raises:
        ConflictError: This installation is not registered there.
        SecurityError: The secret was sealed under another key-encryption key.
    """
    row = provider_clients.of_provider(work.session, provider.provider_id)
    if row is None:
        days_count = provider.registration_days_count
        raise ConflictError(
            f"This installation is not registered with {provider.title}",
            expected="a client id" + (f"; the provider takes about {days_count} days" if days_count else ""),
            record=provider.provider_id,
            next_step=f"The operator runs `climate-fitness connectors register {provider.provider_id} --client-id ID`.",
        )
    place = secret_place(provider.provider_id)
    secret = work.services.vault.open_secret(place, row.sealed_secret).decode("ascii") if row.sealed_secret else ""
    is_encoded = provider.quirks.get("client_auth_encoding", "form") == "form"
    return ClientId(row.client_id, secret, is_encoded=is_encoded)


def secret_place(provider: str) -> str:
    """What a provider's secret is sealed for."""
    return f"provider/{provider}"
