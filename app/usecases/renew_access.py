"""An access token that works: the stored one, or a renewed one; one renewal at a time, over all threads, processes and machines.

Renewing can use the refresh token up, so it is asked for once and never blindly again:

1. Take the right to renew: a lease on the connection's row, committed before the provider is asked.
2. Ask. Nobody else does: the others wait for the new token, or are told to come back.
3. Seal and commit the new tokens, if the right is still ours, and only then use them.

What becomes of the refresh token where that fails: kept where the request surely did not arrive or the provider said "not now";
dropped where it said no, and where its answer was lost (or the process died in between), unless the provider was seen to leave
refresh tokens as they are. Dropped means that the person is asked to consent again: one click, nothing else is lost.

Source:
    RFC 6749 section 6; RFC 9700 section 4.14.2 (rotation and reuse); reference of connectors, section 4.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event

from app.security.oauth_client import (
    ClientId,
    LostAnswerError,
    RevokedGrantError,
    Send,
    TokenReply,
    refresh_tokens,
    revoke_token,
)
from app.security.outbound import outbound_of
from app.services import Services, Whose, Work
from app.store import connections
from app.store.connections import ConnectionRow, ConnectionState
from app.store.session import reading, unit_of_work
from app.usecases.connection_secrets import Rotation, Tokens, open_link, open_tokens, seal_link, seal_tokens
from app.usecases.register_provider import find_provider, our_client
from connectors.base import OAuth2, Provider
from domain.errors import BusyError, ConnectorError, FormatChangedError, NeedsConsentError, SecurityError, TryLaterError

LEASE = timedelta(minutes=3)
"""How long the right to renew holds; longer than any exchange with a provider takes."""

LARGEST_MARGIN_S = 60
"""A token is renewed so many seconds early, or a tenth of its life where that is less: clocks differ, requests travel."""

PATIENCE_S = 20.0
"""How long the others wait for a renewal before they are sent away, seconds."""

_POLL_S = 0.1
_MOST_COMMITS_COUNT = 5
_ENDED = "This connection has ended"
_NEXT_STEP = "Connect the account again: one click, and it goes on where it was."


@dataclass(frozen=True, slots=True)
class _Turn:
    """The right to renew.

    Attributes:
        connection: As it stood.
        tokens: In clear.
        client: Our registration.
        until: End of the right, and its name.
    """

    connection: ConnectionRow
    tokens: Tokens
    client: ClientId
    until: datetime


def fresh_access_token(
    services: Services,
    connection: ConnectionRow,
    *,
    because_refused: str | None = None,
    send: Send | None = None,
    patience_s: float = PATIENCE_S,
) -> str:
    """What asks for data in the person's name: an access token, or the key that they gave.

    Args:
        services: The installation; no transaction is open.
        connection: Which; read anew.
        because_refused: The token that the provider just refused, if one was.
        send: Sends; the program's own client where left out.
        patience_s: How long to wait for somebody else who renews, seconds.

    Returns:
        A token that is not known to be dead, and is not the refused one.

    Raises:
        NeedsConsentError: The person has to consent again.
        TryLaterError: The provider is away, or somebody else is renewing still.
        FormatChangedError: The provider granted something that cannot be read, and takes the old refresh token again.
        ConnectorBugError: The provider does not take our registration.
        ConflictError: This installation is not registered there any more.
        NotFoundError: There is no such connection or provider.
        SecurityError: A seal does not hold, or the token endpoint's address must not be called.
    """
    with reading(services.engine) as session:
        stored = _stored(Work(session, services), connection, because_refused)
    if stored is not None:
        return stored
    _, provider = find_provider(connection.connector, connection.provider)
    if not isinstance(provider.auth, OAuth2):
        raise NeedsConsentError(f"{provider.title} refuses what you gave us", next_step=_NEXT_STEP)
    waiting = Event()
    for _ in range(max(1, round(patience_s / _POLL_S))):
        with unit_of_work(services.engine) as session:
            turn = _taken(Work(session, services), connection, provider, because_refused)
        if isinstance(turn, _Turn):
            return _renewed(services, provider.auth, turn, send or outbound_of(services.settings).send)
        if isinstance(turn, str):
            return turn
        if isinstance(turn, ConnectorError):
            raise turn
        waiting.wait(_POLL_S)
    raise TryLaterError("Somebody else is renewing this consent", wait_s=5.0, record=f"connection {connection.id}")


def usable_until(life_s: int | None, asked_at: datetime) -> datetime | None:
    """Until when an access token is used.

    Args:
        life_s: Its lifetime from when it was asked for, seconds; None where nobody said it.
        asked_at: When it was asked for, on our own clock: the provider's plays no part.

    Returns:
        Its end less the margin; None where it is used until it is refused.
    """
    if life_s is None:
        return None
    return asked_at + timedelta(seconds=life_s - min(LARGEST_MARGIN_S, life_s / 10))


def _stored(work: Work, connection: ConnectionRow, because_refused: str | None) -> str | None:
    """The stored token where it can be used.

    Raises:
        NeedsConsentError: The connection has ended: a token that it still has serves to take access back, and nothing else.
    """
    row = connections.by_id(work.session, connection.tenant_id, connection.id)
    if row.state is ConnectionState.ENDED:
        raise NeedsConsentError(_ENDED, next_step="Connect the account again.")
    tokens = open_tokens(work, row)
    return tokens.access_token if tokens is not None and _is_usable(work, row, tokens, because_refused) else None


def _is_usable(work: Work, row: ConnectionRow, tokens: Tokens, because_refused: str | None) -> bool:
    is_alive = row.access_expires_at is None or work.services.clock.now() < row.access_expires_at
    return is_alive and bool(tokens.access_token) and tokens.access_token != because_refused


def _taken(
    work: Work, connection: ConnectionRow, provider: Provider, because_refused: str | None
) -> _Turn | str | ConnectorError | None:
    """The right to renew; a token that came meanwhile; an error to raise once this transaction is committed; None: wait."""
    now = work.services.clock.now()
    row = connections.by_id(work.session, connection.tenant_id, connection.id)
    tokens = open_tokens(work, row)
    if tokens is None or row.state is ConnectionState.ENDED:
        return NeedsConsentError(_ENDED, next_step="Connect the account again.")
    if _is_usable(work, row, tokens, because_refused):
        return tokens.access_token
    if row.refresh_until is not None and now < row.refresh_until:
        return None
    if row.refresh_until is not None and tokens.rotation is not Rotation.NO:
        _drop(work, row, tokens, row.refresh_until)  # whoever had the right died, perhaps after the provider had answered
        tokens = replace(tokens, refresh_token="")
    if not tokens.refresh_token:
        return NeedsConsentError(f"{provider.title} wants to be asked again", next_step=_NEXT_STEP)
    turn = _Turn(row, tokens, our_client(work, provider), now + LEASE)
    is_ours = connections.claim_refresh(work.session, row.tenant_id, row.id, now=now, until=turn.until)
    return turn if is_ours else None


def _renewed(services: Services, auth: OAuth2, turn: _Turn, send: Send) -> str:
    asked_at = services.clock.now()
    is_repeatable = turn.tokens.rotation is Rotation.NO
    try:
        reply = refresh_tokens(send, auth, turn.client, refresh_token=turn.tokens.refresh_token, now=asked_at)
    except RevokedGrantError as error:
        _give_back(services, turn, keeps_token=False)
        raise NeedsConsentError(error.message, next_step=_NEXT_STEP) from error
    except (LostAnswerError, FormatChangedError) as error:
        _give_back(services, turn, keeps_token=is_repeatable)
        if is_repeatable:
            raise
        raise NeedsConsentError(
            "The provider's answer was lost while it renewed your consent", got=error.code, next_step=_NEXT_STEP
        ) from error
    except (ConnectorError, SecurityError):  # nothing was sent, or nothing was granted
        _give_back(services, turn, keeps_token=True)
        raise
    tokens = _after(turn.tokens, reply)
    if _committed(services, turn, tokens, reply, asked_at):
        return tokens.access_token
    return _too_late(services, auth, turn, tokens, send)


def _after(before: Tokens, reply: TokenReply) -> Tokens:
    is_new = reply.refresh_token not in {"", before.refresh_token}
    return replace(
        before,
        access_token=reply.access_token,
        refresh_token=reply.refresh_token or before.refresh_token,
        rotation=Rotation.YES if is_new else Rotation.NO,
    )


def _committed(services: Services, turn: _Turn, tokens: Tokens, reply: TokenReply, asked_at: datetime) -> bool:
    """Whether the new tokens are kept. A busy database is asked again: what is lost here is lost for good.

    Raises:
        BusyError: The database was busy for too long.
    """
    row = turn.connection
    whose = Whose(row.tenant_id, row.subject_id)
    for tries_left in reversed(range(_MOST_COMMITS_COUNT)):
        try:
            with unit_of_work(services.engine) as session:
                work = Work(session, services)
                is_kept = connections.renew_tokens(
                    session,
                    row,
                    held_until=turn.until,
                    sealed_tokens=seal_tokens(work, whose, row.id, tokens),
                    granted_scope=row.granted_scope if reply.scope is None else reply.scope,
                    access_expires_at=usable_until(reply.life_s, asked_at),
                )
                if is_kept and reply.kept:
                    link = open_link(work, connections.by_id(session, row.tenant_id, row.id))
                    connections.set_link(session, row.tenant_id, row.id, seal_link(work, whose, row.id, {**link, **reply.kept}))
                return is_kept
        except BusyError:
            if not tries_left:
                raise
    return False


def _too_late(services: Services, auth: OAuth2, turn: _Turn, tokens: Tokens, send: Send) -> str:
    """The right was no longer ours: the connection has ended, or was consented to anew. What just came is of no use.

    Raises:
        NeedsConsentError: It has ended; the new token was given back.
        TryLaterError: It was consented to anew.
    """
    with reading(services.engine) as session:
        row = connections.by_id(session, turn.connection.tenant_id, turn.connection.id)
    if row.state is not ConnectionState.ENDED:
        raise TryLaterError("Consent was given anew meanwhile", wait_s=1.0, record=f"connection {row.id}")
    if auth.revoke_url:
        try:
            now = services.clock.now()
            revoke_token(send, auth, turn.client, token=tokens.refresh_token, hint="refresh_token", now=now)
        except ConnectorError as error:
            raise NeedsConsentError(_ENDED, next_step="Connect the account again.") from error
    raise NeedsConsentError(_ENDED, next_step="Connect the account again.")


def _give_back(services: Services, turn: _Turn, *, keeps_token: bool) -> None:
    with unit_of_work(services.engine) as session:
        if keeps_token:
            row = connections.by_id(session, turn.connection.tenant_id, turn.connection.id)
            if row.refresh_until == turn.until:
                connections.release_refresh(session, row.tenant_id, row.id)
        else:
            _drop(Work(session, services), turn.connection, turn.tokens, turn.until)


def _drop(work: Work, row: ConnectionRow, tokens: Tokens, held_until: datetime) -> None:
    """Forget a refresh token that must not be used again; the access token may live on."""
    left = replace(tokens, refresh_token="")
    connections.renew_tokens(
        work.session,
        row,
        held_until=held_until,
        sealed_tokens=seal_tokens(work, Whose(row.tenant_id, row.subject_id), row.id, left),
        granted_scope=row.granted_scope,
        access_expires_at=row.access_expires_at,
    )
