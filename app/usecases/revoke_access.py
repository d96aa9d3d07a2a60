"""Taking our access back at a provider when a connection ends: the consent itself where it has an address, else its tokens."""

from enum import StrEnum
from urllib.parse import urljoin

from app.security.linked_item import LinkClient
from app.security.oauth_client import ClientId, Send, delete_consent, refresh_tokens, revoke_token
from app.security.outbound import outbound_of
from app.services import Services, Whose, Work
from app.store import connections
from app.store.connections import ConnectionRow, ConnectionState
from app.store.session import reading, unit_of_work
from app.usecases.ask_provider import check_own_address
from app.usecases.connection_secrets import Tokens, open_link, seal_link, seal_tokens
from app.usecases.register_provider import find_provider, our_client
from app.usecases.renew_access import fresh_access_token
from connectors.base import LinkedItem, OAuth2, Provider
from domain.errors import ClimateFitnessError, ConnectorBugError, NeedsConsentError, TryLaterError


class Revocation(StrEnum):
    """What became of our access at the provider."""

    NOTHING = "nothing"
    """There was none that could be taken back there: a key, or no address for it."""
    DONE = "done"
    LATER = "later"
    """The provider is away; it is asked again until it answers."""
    REFUSED = "refused"
    """The provider does not do it: the person can end it on the provider's own pages."""


def revoke_access(services: Services, row: ConnectionRow, tokens: Tokens, send: Send | None = None) -> Revocation:
    """Take our access back.

    Args:
        services: The installation; no transaction is open.
        row: The connection, as it stands.
        tokens: Its tokens, in clear.
        send: Sends; the program's own client where left out.

    Returns:
        What became of it; never `LATER`.

    Raises:
        TryLaterError: The provider is away.
        ConnectorBugError: It refuses us.
        ConflictError: This installation is not registered there any more.
        NotFoundError: There is no such provider any more.
        ClimateFitnessError: It refuses otherwise.
    """
    _, provider = find_provider(row.connector, row.provider)
    auth = provider.auth
    if not isinstance(auth, OAuth2 | LinkedItem):
        return Revocation.NOTHING
    address = _consent_address(services, row, provider)
    if isinstance(auth, OAuth2) and not auth.revoke_url and not address:
        return Revocation.NOTHING
    with reading(services.engine) as session:
        client = our_client(Work(session, services), provider)
    send, now = send or outbound_of(services.settings).send, services.clock.now()
    if isinstance(auth, LinkedItem):
        LinkClient(send, provider, client, now).remove(tokens.access_token)
        return Revocation.DONE
    if address and _delete(services, row, auth, client, tokens, address, send):
        return Revocation.DONE
    if not auth.revoke_url:
        return Revocation.REFUSED
    hint, token = ("refresh_token", tokens.refresh_token) if tokens.refresh_token else ("access_token", tokens.access_token)
    if not token:
        raise ConnectorBugError("There is no token to take back", record=row.id)
    revoke_token(send, auth, client, token=token, hint=hint, now=now)
    return Revocation.DONE


def keep_for_later(work: Work, row: ConnectionRow) -> None:
    """Keep of an ended connection what asks its provider again, and nothing more: its tokens, and the address of the consent.

    Args:
        work: The open transaction and the services; the connection has just ended.
        row: The connection as it was before.
    """
    whose = Whose(row.tenant_id, row.subject_id)
    _, provider = find_provider(row.connector, row.provider)
    name = provider.auth.consent_address if isinstance(provider.auth, OAuth2) else ""
    address = open_link(work, row).get(name, "")
    connections.set_sealed_tokens(work.session, row.tenant_id, row.id, row.sealed_tokens)
    if address:
        connections.set_link(work.session, row.tenant_id, row.id, seal_link(work, whose, row.id, {name: address}))


def _consent_address(services: Services, row: ConnectionRow, provider: Provider) -> str:
    """Where the consent itself is at the provider; empty where nobody said it, or said another host: our token goes to none."""
    if not isinstance(provider.auth, OAuth2) or not provider.auth.consent_address:
        return ""
    with reading(services.engine) as session:
        said = open_link(Work(session, services), row).get(provider.auth.consent_address, "")
    if not said:
        return ""
    try:
        return check_own_address(provider, urljoin(f"{provider.base_url.rstrip('/')}/", said))
    except (ClimateFitnessError, ValueError):
        return ""


def _delete(  # noqa: PLR0917 - whose, how, as whom, with what, where: the order of the sentence
    services: Services, row: ConnectionRow, auth: OAuth2, client: ClientId, tokens: Tokens, address: str, send: Send
) -> bool:
    """Delete the consent, with a token that lives; False where the provider does not let us.

    Raises:
        TryLaterError: It is away.
    """
    now = services.clock.now()
    try:
        token = _living(services, row, auth, client, tokens, send, because_refused=None)
        is_done = delete_consent(send, address, token, now=now)
        if is_done is None:
            token = _living(services, row, auth, client, tokens, send, because_refused=token)
            is_done = delete_consent(send, address, token, now=now)
    except TryLaterError:
        raise
    except ClimateFitnessError:  # there is no living token any more, or whatever the provider says: other ways are left
        return False
    return bool(is_done)


def _living(  # noqa: PLR0917 - as `_delete`
    services: Services,
    row: ConnectionRow,
    auth: OAuth2,
    client: ClientId,
    tokens: Tokens,
    send: Send,
    *,
    because_refused: str | None,
) -> str:
    """An access token. Of a connection that has ended nobody else has one: it is renewed here, and kept before it is used.

    Raises:
        NeedsConsentError: There is none any more.
        TryLaterError: The provider is away.
    """
    if row.state is not ConnectionState.ENDED:
        return fresh_access_token(services, row, because_refused=because_refused, send=send)
    if because_refused is None and tokens.access_token:
        return tokens.access_token
    if not tokens.refresh_token:
        raise NeedsConsentError("The access has run out", record=row.id)
    reply = refresh_tokens(send, auth, client, refresh_token=tokens.refresh_token, now=services.clock.now())
    new = Tokens(reply.access_token, reply.refresh_token or tokens.refresh_token)
    with unit_of_work(services.engine) as session:
        sealed = seal_tokens(Work(session, services), Whose(row.tenant_id, row.subject_id), row.id, new)
        connections.set_sealed_tokens(session, row.tenant_id, row.id, sealed)
    return new.access_token
