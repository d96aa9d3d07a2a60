"""The callback: a person comes back from a provider, and a connection comes of it, or nothing.

1. The state names one consent request, which is gone from then on; it must be this browser's, and not too old.
2. The provider must be the one that was asked (`iss`, or its own address), and must have said yes.
3. The code is exchanged, once, with the verifier that only we know; no transaction is open meanwhile.
4. Tokens are sealed and kept together with the connection. Where that cannot be, they are given back to the provider.

Source:
    RFC 6749 section 4.1; RFC 9700 sections 2.1 and 4.4 to 4.7; RFC 9207.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from hmac import compare_digest

from app.security.linked_item import LinkClient
from app.security.oauth_client import (
    ClientId,
    FlowSecrets,
    LostAnswerError,
    Send,
    check_granted,
    check_issuer,
    exchange_code,
    missing_scope,
    returned,
    revoke_token,
)
from app.security.outbound import outbound_of
from app.services import Services, Whose, Work
from app.store import connections, consent_requests, subjects
from app.store.connections import ConnectionRow, ConnectionState
from app.store.consent_requests import ConsentRequestRow
from app.store.session import reading, unit_of_work
from app.store.subjects import Role
from app.usecases.connection_secrets import Tokens, open_link, open_tokens, seal_link, seal_tokens
from app.usecases.ready_files import consent_sha256
from app.usecases.redirects import check_came_to
from app.usecases.register_provider import find_provider, our_client
from app.usecases.renew_access import usable_until
from app.usecases.sealing import unseal
from app.usecases.start_connection import consent_field, keep_connection
from connectors.base import OAuth2, Provider
from domain.canonical import from_canonical
from domain.errors import ClimateFitnessError, ConnectorError, NeedsConsentError, NotFoundError, SecurityError, TryLaterError

_BEGIN_AGAIN = "Begin again: connect the account once more."
_LONGEST_STATE_COUNT = 256
_WRITERS = frozenset({Role.OWNER, Role.EDITOR})


@dataclass(frozen=True, slots=True)
class _Flow:
    """A consent on its way back.

    Attributes:
        request: As it was kept; gone from the database.
        provider: Who was asked.
        client: Our registration.
        secrets: What binds the answer.
        answers: What the person said before.
    """

    request: ConsentRequestRow
    provider: Provider
    client: ClientId
    secrets: FlowSecrets
    answers: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Given:
    """What the provider gave.

    Attributes:
        tokens: In clear; None: the connection's own are good again.
        scope: What was granted.
        until: Until when the access token is used.
        kept: Addresses that came with the tokens.
        said: What to tell the person.
    """

    tokens: Tokens | None
    scope: str = ""
    until: datetime | None = None
    kept: Mapping[str, str] = field(default_factory=dict, repr=False)
    said: str = ""


def finish_connection(
    services: Services, query: Mapping[str, str], *, came_to: str, session_sha256: bytes, send: Send | None = None
) -> ConnectionRow:
    """Make a connection of the answer that a person brings from a provider.

    Args:
        services: The installation; no transaction is open.
        query: Parameters of the callback, each once.
        came_to: Provider's id in the path that the answer came to; empty for the common address.
        session_sha256: SHA-256 of the browser session that brings it; empty on the command line.
        send: Sends; the program's own client where left out.

    Returns:
        The connection, new or consented to again, due at once. What the provider granted less than was asked is in
        `granted_scope`, and said.

    Raises:
        SecurityError: The state is unknown, used, too old or another browser's; or another provider answered.
        NeedsConsentError: The person or the provider said no: nothing was connected, nothing was changed.
        TryLaterError: The provider is away, or its answer was lost: the person begins again.
        FormatChangedError: The provider's answer cannot be read.
        ConnectorBugError: The provider does not take our registration or request.
        ConflictError: The connection that was to be consented to again has ended.
        NotFoundError: The subject is gone, or no longer theirs to change.
        ClimateFitnessError: The tokens could not be kept, and were given back to the provider.
    """
    flow = _flow_of(services, query, session_sha256, came_to)
    send = send or outbound_of(services.settings).send
    given = _oauth(services, flow, query, send) if isinstance(flow.provider.auth, OAuth2) else _link(services, flow, query, send)
    try:
        return _kept(services, flow, given)
    except ClimateFitnessError:
        _give_back(services, flow, given, send)
        raise


def _flow_of(services: Services, query: Mapping[str, str], session_sha256: bytes, came_to: str) -> _Flow:
    """The consent request that a state names, taken out of the database whatever comes of it.

    Raises:
        SecurityError: There is none for this state and this browser, or another provider's address was answered at.
    """
    unknown = SecurityError("This consent is not known here, was used, or took too long", next_step=_BEGIN_AGAIN)
    state = query.get("state", "")
    if not 1 <= len(state) <= _LONGEST_STATE_COUNT:
        raise unknown
    state_sha256 = sha256(state.encode("utf-8", "replace")).digest()
    with unit_of_work(services.engine) as session:
        request = consent_requests.take(session, state_sha256, now=services.clock.now())
    if request is None:
        raise unknown
    if not compare_digest(request.session_sha256, session_sha256):
        raise SecurityError("This consent was begun in another browser, or by somebody else", next_step=_BEGIN_AGAIN)
    _, provider = find_provider(request.connector, request.provider)
    check_came_to(provider, came_to)
    with reading(services.engine) as session:
        work = Work(session, services)
        client = our_client(work, provider)
        plain = from_canonical(unseal(work, _whose(request), consent_field(state_sha256), request.sealed), record="consent")
    if not isinstance(plain, dict) or not isinstance(plain["answers"], dict):
        raise unknown
    secrets = FlowSecrets(state, str(plain["verifier"]), str(plain["nonce"]))
    return _Flow(request, provider, client, secrets, {name: str(text) for name, text in plain["answers"].items()})


def _oauth(services: Services, flow: _Flow, query: Mapping[str, str], send: Send) -> _Given:
    auth = flow.provider.auth
    assert isinstance(auth, OAuth2)  # noqa: S101 - the caller has looked
    answer = returned(query)
    check_issuer(auth, answer)
    check_granted(answer, provider_title=flow.provider.title)
    asked_at = services.clock.now()
    try:
        reply = exchange_code(
            send, auth, flow.client, flow.secrets, code=answer.code, redirect_uri=flow.request.redirect_uri, now=asked_at
        )
    except LostAnswerError as error:
        raise TryLaterError(
            "The provider's answer was lost", wait_s=error.wait_s, got=error.got, next_step=_BEGIN_AGAIN
        ) from error
    scope = auth.scope if reply.scope is None else reply.scope
    is_less = bool(missing_scope(auth.scope, scope))
    return _Given(
        Tokens(reply.access_token, reply.refresh_token),
        scope,
        usable_until(reply.life_s, asked_at),
        reply.kept,
        said=f"You allowed part of what we asked {flow.provider.title} for. What is missing there stays empty."
        if is_less
        else "",
    )


def _link(services: Services, flow: _Flow, query: Mapping[str, str], send: Send) -> _Given:
    client = LinkClient(send, flow.provider, flow.client, services.clock.now())
    public_token = query.get("public_token", "") or client.public_token(flow.secrets.nonce)
    if public_token:
        item = client.exchange(public_token)
        return _Given(Tokens(item.access_token, item_id=item.item_id))
    if flow.request.connection_id and not query.get("error"):
        return _Given(None)  # repaired: the tokens that we have work again
    raise NeedsConsentError(
        f"Nothing was connected: access to {flow.provider.title} was not allowed",
        next_step="That is fine. Connect the account whenever you like.",
    )


def _kept(services: Services, flow: _Flow, given: _Given) -> ConnectionRow:
    request, whose = flow.request, _whose(flow.request)
    with unit_of_work(services.engine) as session:
        work = Work(session, services)
        _check_role(work, request)
        before = connections.by_id(session, whose.tenant_id, request.connection_id) if request.connection_id else None
        connection_id = before.id if before else services.randomness.id()
        tokens = given.tokens or (open_tokens(work, before) if before else None)
        if tokens is None:
            raise NeedsConsentError("This connection has no tokens any more", next_step=_BEGIN_AGAIN)
        link = (open_link(work, before) if before else {}) | dict(flow.answers) | dict(given.kept)
        row = ConnectionRow(
            id=connection_id,
            tenant_id=whose.tenant_id,
            subject_id=whose.subject_id,
            connector=request.connector,
            state=ConnectionState.ACTIVE,
            is_file=False,
            cursor="",
            sealed_tokens=seal_tokens(work, whose, connection_id, tokens),
            created_at=services.clock.now(),
            provider=request.provider,
            title=flow.provider.title,
            sealed_link=seal_link(work, whose, connection_id, link),
            granted_scope=given.scope,
            access_expires_at=given.until,
            item_sha256=(
                sha256(tokens.item_id.encode()).hexdigest() if tokens.item_id else consent_sha256(flow.provider, given.kept)
            ),
        )
        keep_connection(work, row, is_again=before is not None, said=given.said)
        return connections.by_id(session, whose.tenant_id, connection_id)


def _check_role(work: Work, request: ConsentRequestRow) -> None:
    """Refuse somebody who lost the right to change the subject while they were away.

    Raises:
        NotFoundError: They did.
    """
    if not request.session_sha256:  # the operator, at the command line
        return
    today = work.services.clock.now().date()
    role = subjects.role_of(work.session, request.tenant_id, request.account_id, request.subject_id, today)
    if role not in _WRITERS:
        raise NotFoundError("There is no such subject", expected="the id of a subject of yours", got=request.subject_id)


def _give_back(services: Services, flow: _Flow, given: _Given, send: Send) -> None:
    """Give tokens back that could not be kept. Where that fails they are forgotten: nobody has them."""
    auth, tokens = flow.provider.auth, given.tokens
    if tokens is None:
        return
    with suppress(ConnectorError):
        if not isinstance(auth, OAuth2):
            LinkClient(send, flow.provider, flow.client, services.clock.now()).remove(tokens.access_token)
        elif auth.revoke_url:
            hint = "refresh_token" if tokens.refresh_token else "access_token"
            token = tokens.refresh_token or tokens.access_token
            revoke_token(send, auth, flow.client, token=token, hint=hint, now=services.clock.now())


def _whose(request: ConsentRequestRow) -> Whose:
    return Whose(request.tenant_id, request.subject_id)
