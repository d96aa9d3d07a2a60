"""Connections: what can be connected, what is, and the way there and back.

A consent is given in a browser and must come back to the same one: it is begun by somebody who is signed in there. A program
with an API key connects what needs a key or nothing, and looks after connections that are there.
"""

from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Annotated

import structlog
from fastapi import APIRouter, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic_core import to_json
from starlette.status import HTTP_303_SEE_OTHER

from app.api.etag import tagged_response
from app.api.idempotency import OnceHere, Reply, json_reply
from app.api.models import ConnectionIn, ConnectionOut, ConnectorOut, EndedOut, HeldOut, ReconnectIn, RetriedOut, StartedOut
from app.api.problems import not_allowed, problem_responses
from app.api.strict import StrictRoute
from app.api.who import Asking, ServicesHere, hosting_of, looking, may_change, may_see, page_caller, session_token
from app.security.sessions import token_sha256
from app.services import Services, Whose, Work
from app.store import connections, consent_requests, provider_clients, quarantine
from app.store.connections import ConnectionRow
from app.store.documents import DocumentRow
from app.store.session import Session
from app.usecases.finish_connection import finish_connection
from app.usecases.reconnect import (
    connection_of,
    end_connection,
    forget_originals,
    pause_connection,
    resume_connection,
    revoke_at_provider,
    start_reconnect,
)
from app.usecases.redirects import CALLBACK_PATH
from app.usecases.register_provider import find_provider
from app.usecases.retry_later import retry_now_or_later
from app.usecases.show_hrefs import Hrefs
from app.usecases.sign_in import Caller
from app.usecases.start_connection import Started, ask_provider, start_connection
from app.usecases.sync_due import enqueue_now
from connectors import registry
from connectors.base import ApiKey
from domain.errors import ClimateFitnessError, ConflictError, NeedsConsentError, NotFoundError, SecurityError, TryLaterError

log = structlog.get_logger("app.api.connections")

connectors_router = APIRouter(prefix="/v1/connectors", tags=["connections"], route_class=StrictRoute)
callback_router = APIRouter(include_in_schema=False)
router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=StrictRoute)


@connectors_router.get("", response_model=list[ConnectorOut], responses=problem_responses(401))
def list_connectors(request: Request, _who: Asking, services: ServicesHere) -> Response:
    """Everything that can be read: files, and providers that can be connected."""
    with looking(services) as work:
        registered = {one.provider for one in provider_clients.all_registered(work.session)}
    found = [ConnectorOut.of(one.manifest, registered) for one in registry.connectors()]
    return tagged_response(request, to_json(found))


@router.get("", response_model=list[ConnectionOut], responses=problem_responses(401, 404))
def list_connections(
    request: Request, who: Asking, services: ServicesHere, subject: Annotated[str, Query(description="Id of the subject.")]
) -> Response:
    """The connections of a subject, ended ones too, oldest first."""
    with looking(services) as work:
        may_see(work.session, services, who, subject)
        found = [one for one in connections.of_subject(work.session, who.tenant_id, subject) if not one.is_file]
    return tagged_response(request, to_json([ConnectionOut.of(one) for one in found]))


@router.post("", status_code=201, response_model=StartedOut, responses=problem_responses(401, 404, 409, 502))
def connect(body: ConnectionIn, request: Request, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Begin a connection: where to send the person, or the connection itself."""
    _, provider = find_provider(body.connector, body.provider)
    session_sha256 = _browser_of(request, who, needs_one=not (provider.auth is None or isinstance(provider.auth, ApiKey)))
    with looking(services) as work:
        whose = may_change(work.session, services, who, body.subject)
    redirect_uri = callback_uri(request)
    asked = ask_provider(services, whose, body.connector, body.provider, body.answers, redirect_uri=redirect_uri)

    def begin(session: Session) -> Reply:
        work = Work(session, services)
        started = start_connection(
            work,
            who.account_id,
            may_change(session, services, who, body.subject),
            body.connector,
            body.provider,
            body.answers,
            redirect_uri=redirect_uri,
            session_sha256=session_sha256,
            asked=asked,
        )
        return _started_reply(work, who, started, 201)

    return once.run(begin, tenant_id=who.tenant_id, account_id=who.account_id)


@router.get("/{connection_id}", response_model=ConnectionOut, responses=problem_responses(401, 404))
def get_connection(connection_id: str, request: Request, who: Asking, services: ServicesHere) -> Response:
    """One connection."""
    with looking(services) as work:
        row = connections.by_id(work.session, who.tenant_id, connection_id)
        _seen(work, who, row)
    return tagged_response(request, to_json(ConnectionOut.of(row)))


@router.post("/{connection_id}/sync", status_code=202, response_model=ConnectionOut, responses=problem_responses(401, 404, 409))
def sync(connection_id: str, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Ask for a sync now; it runs in the background, once however often it is asked for."""

    def ask(work: Work, whose: Whose) -> ConnectionRow:
        row = connection_of(work, whose, connection_id)
        enqueue_now(work, row)
        return row

    return _changed(connection_id, who, services, once, ask, status=202)


@router.get("/{connection_id}/held", response_model=list[HeldOut], responses=problem_responses(401, 404))
def list_held(
    connection_id: str,
    request: Request,
    who: Asking,
    services: ServicesHere,
    limit: Annotated[int, Query(description="At most so many.", ge=1, le=quarantine.MOST_HELD_COUNT)] = 100,
) -> Response:
    """What came through a connection and could not be used, record by record, with the reason; newest first."""
    with looking(services) as work:
        row = connections.by_id(work.session, who.tenant_id, connection_id)
        _seen(work, who, row)
        found = quarantine.of_connection(work.session, who.tenant_id, connection_id, limit_count=limit)
    return tagged_response(request, to_json([HeldOut.of(one) for one in found]))


@router.post("/{connection_id}/retry", response_model=RetriedOut, responses=problem_responses(401, 404, 409))
def retry(connection_id: str, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Read again what was set aside, from the originals that are kept; the provider is not asked.

    It is done by itself after a new version of a connector and after a new factor set.
    """
    whose, _ = _changeable(services, who, connection_id)
    found = retry_now_or_later(services, whose, connection_id)

    def answer(_session: Session) -> Reply:
        return json_reply(RetriedOut.of(found))

    return once.run(answer, tenant_id=who.tenant_id, account_id=who.account_id)


@router.post("/{connection_id}/pause", response_model=ConnectionOut, responses=problem_responses(401, 404, 409))
def pause(connection_id: str, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Ask the provider for nothing until you say so; tokens and place stay."""
    return _changed(
        connection_id, who, services, once, lambda work, whose: pause_connection(work, whose, connection_id), status=200
    )


@router.post("/{connection_id}/resume", response_model=ConnectionOut, responses=problem_responses(401, 404, 409))
def resume(connection_id: str, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Go on after a pause, where it was."""
    return _changed(
        connection_id, who, services, once, lambda work, whose: resume_connection(work, whose, connection_id), status=200
    )


@router.post("/{connection_id}/reconnect", response_model=StartedOut, responses=problem_responses(401, 404, 409, 502))
def reconnect(
    connection_id: str, *, body: ReconnectIn, request: Request, who: Asking, services: ServicesHere, once: OnceHere
) -> Response:
    """Consent again: where to send the person, or the connection with its new key. Data and place stay."""
    whose, row = _changeable(services, who, connection_id)
    _, provider = find_provider(row.connector, row.provider)
    session_sha256 = _browser_of(request, who, needs_one=not (provider.auth is None or isinstance(provider.auth, ApiKey)))
    redirect_uri = callback_uri(request)
    asked = ask_provider(services, whose, row.connector, row.provider, body.answers, redirect_uri=redirect_uri, connection=row)

    def begin(session: Session) -> Reply:
        work = Work(session, services)
        started = start_reconnect(
            work,
            who.account_id,
            may_change(session, services, who, row.subject_id),
            connection_id,
            body.answers,
            redirect_uri=redirect_uri,
            session_sha256=session_sha256,
            asked=asked,
        )
        return _started_reply(work, who, started, 200)

    return once.run(begin, tenant_id=who.tenant_id, account_id=who.account_id)


@router.delete("/{connection_id}", response_model=EndedOut, responses=problem_responses(401, 404, 502))
def end(
    connection_id: str,
    *,
    who: Asking,
    services: ServicesHere,
    once: OnceHere,
    keep_data: Annotated[bool, Query(description="Keep what came through it; false deletes it.")] = True,
) -> Response:
    """End a connection: our access is taken back at the provider, and its tokens are destroyed here."""
    whose, _ = _changeable(services, who, connection_id)
    revocation = revoke_at_provider(services, whose, connection_id)
    originals: list[DocumentRow] = []

    def finish(session: Session) -> Reply:
        work = Work(session, services)
        mine = may_change(session, services, who, whose.subject_id)
        ended, documents = end_connection(work, mine, connection_id, revocation, keep_data=keep_data)
        originals.extend(documents)
        return json_reply(EndedOut.of(ended))

    response = once.run(finish, tenant_id=who.tenant_id, account_id=who.account_id)
    forget_originals(services, tuple(originals))
    return response


@callback_router.get(CALLBACK_PATH)
@callback_router.get(CALLBACK_PATH + "/{provider}")
def callback(request: Request, services: ServicesHere, provider: str = "") -> Response:
    """A person comes back from a provider; their connections follow, at an address without the provider's answer.

    What went wrong is said there, in words of ours; only an answer to no question of this browser has no page to go back to.
    """
    page_caller(request)  # nobody signed in: they sign in, and begin again
    query, browser = _once_each(request), session_sha256_of(request)
    with looking(services) as work:
        asked_for = consent_requests.subject_of(work.session, sha256(query.get("state", "").encode()).digest(), browser)
    try:
        row = finish_connection(services, query, came_to=provider, session_sha256=browser)
    except ClimateFitnessError as error:
        if not asked_for:
            raise
        log.info("consent came to nothing", error=error.code)
        where = f"{Hrefs(asked_for).connections}?done={_came_to(error)}"
    else:
        where = f"{Hrefs(row.subject_id).connections}?done=connected#c-{row.id}"
    response = RedirectResponse(where, HTTP_303_SEE_OTHER)
    response.headers["Cache-Control"] = "no-store"
    return response


def _came_to(error: ClimateFitnessError) -> str:
    """What a consent that came to nothing is called on the page of connections."""
    match error:
        case NeedsConsentError():
            return "refused"
        case TryLaterError():
            return "away"
        case SecurityError():
            return "spent"
        case ConflictError() | NotFoundError():
            return "over"
        case _:
            return "failed"


def callback_uri(request: Request) -> str:
    """The common address where providers send people back to this server."""
    return hosting_of(request).origin + CALLBACK_PATH


def _once_each(request: Request) -> Mapping[str, str]:
    """The query's parameters.

    Raises:
        SecurityError: One stands twice (RFC 6749 section 3.1).
    """
    pairs = request.query_params.multi_items()
    found = dict(pairs)
    if len(found) != len(pairs):
        raise SecurityError("A parameter stands twice", next_step="Begin again: connect the account once more.")
    return found


def session_sha256_of(request: Request) -> bytes:
    """SHA-256 of the browser's session.

    Args:
        request: The request.

    Returns:
        The hash.

    Raises:
        SecurityError: There is none: a program brings no consent back.
    """
    digest = token_sha256(session_token(request))
    if digest is None:
        raise SecurityError("A consent is given in a browser", next_step="Sign in, and connect the account there.")
    return digest


def _browser_of(request: Request, who: Caller, *, needs_one: bool) -> bytes:
    """SHA-256 of the session of the browser that asks; empty for a program.

    Raises:
        ProblemError: A program asks for what a person has to consent to in their browser.
    """
    if not who.is_program:
        return session_sha256_of(request)
    if needs_one:
        raise not_allowed("A consent is given in a browser: sign in there and connect the account.")
    return b""


def _seen(work: Work, who: Caller, row: ConnectionRow) -> None:
    """Refuse a connection of a subject at which the caller has no role, as if it were not there.

    Raises:
        NotFoundError: It is one.
    """
    try:
        may_see(work.session, work.services, who, row.subject_id)
    except NotFoundError:
        raise _unknown(row.id) from None
    if row.is_file:
        raise _unknown(row.id)


def _unknown(connection_id: str) -> NotFoundError:
    return NotFoundError("There is no such connection", expected="the id of a connection of yours", got=connection_id)


def _changeable(services: Services, who: Caller, connection_id: str) -> tuple[Whose, ConnectionRow]:
    with looking(services) as work:
        row = connections.by_id(work.session, who.tenant_id, connection_id)
        _seen(work, who, row)
        return may_change(work.session, services, who, row.subject_id), row


def _changed(
    connection_id: str,
    who: Caller,
    services: Services,
    once: OnceHere,
    change: Callable[[Work, Whose], ConnectionRow],
    *,
    status: int,
) -> Response:
    def do(session: Session) -> Reply:
        work = Work(session, services)
        row = connections.by_id(session, who.tenant_id, connection_id)
        _seen(work, who, row)
        return json_reply(ConnectionOut.of(change(work, may_change(session, services, who, row.subject_id))), status)

    return once.run(do, tenant_id=who.tenant_id, account_id=who.account_id)


def _started_reply(work: Work, who: Caller, started: Started, status: int) -> Reply:
    """How it goes on. An address with a state in it is shown once: whoever reads it from our database later has no use for it."""
    if not started.connection_id:
        return json_reply(StartedOut(redirect_url=started.redirect_url, connection=None), status, shows_secret=True)
    row = connections.by_id(work.session, who.tenant_id, started.connection_id)
    location = {"Location": f"/v1/connections/{row.id}"}
    return json_reply(StartedOut(redirect_url="", connection=ConnectionOut.of(row)), status, headers=location)
