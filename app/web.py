"""The web server of an installation: services, routes, pages and the worker in one process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER

import dashboards
from app.api import (
    activities,
    connection_pages,
    connections,
    documents,
    duplicate_pages,
    duplicates,
    estimates,
    factors,
    mapping_pages,
    notices,
    pages,
    proof_pages,
    proofs,
    sign_in,
    statements,
    subject_pages,
    subjects,
    sync_events,
)
from app.api.frames import error_page
from app.api.idempotency import StoredReplies
from app.api.who import SignInNeededError
from app.assemble import open_services
from app.audit_processes import auditor_of
from app.clock import SystemClock, SystemRandomness
from app.hosting import Hosting, Preparation
from app.jobs.worker import Worker
from app.main import Parts, create_app, run
from app.security.passwords import Passwords
from app.services import Services, Work
from app.settings import Settings
from app.store.accounts import AccountRow
from app.store.session import checked_revision, unit_of_work
from app.usecases.take_notice import Notices
from app.usecases.verify_statement import Verifications
from dashboards.figures import CONTENT_SECURITY_POLICY
from domain.errors import ChainError

ROUTERS = (
    *(
        module.router
        for module in (
            sign_in,
            subject_pages,
            pages,
            proof_pages,
            subjects,
            documents,
            activities,
            statements,
            proofs,
            estimates,
            factors,
            connections,
            connection_pages,
            mapping_pages,
            duplicates,
            duplicate_pages,
            sync_events,
            notices,
        )
    ),
    connections.connectors_router,
    connections.callback_router,
)
"""The routes, one module per noun."""


def build_app(hosting: Hosting) -> FastAPI:
    """The application over an installation; the chain opens when it starts.

    Args:
        hosting: The serving process.

    Returns:
        An ASGI application.
    """
    services = hosting.services
    parts = Parts(
        routers=ROUTERS,
        replies=StoredReplies(services.engine),
        checks={
            "database": lambda: _check_database(services),
            "factors": lambda: f"{services.factor_set.id.size} rows",
            "chain": lambda: _check_chain(hosting),
        },
        resources=[lambda: _running(hosting)],
        error_page=error_page,
        page_policy=CONTENT_SECURITY_POLICY,
        static_folder=Path(dashboards.__file__).parent / "static",
        upload_paths=("/v1/documents", "/v1/proofs/verify", "/s/", "/proof"),
    )
    app = create_app(services.settings, clock=services.clock, randomness=services.randomness, services=services, parts=parts)
    app.state.hosting = hosting
    app.state.notices = Notices(services)
    app.state.passwords = Passwords(services.randomness.bytes)
    app.add_exception_handler(SignInNeededError, _lead_to_sign_in)
    return app


def serve(
    settings: Settings,
    *,
    prepare: Preparation | None = None,
    welcome: Callable[[Work], AccountRow] | None = None,
    on_listening: Callable[[Hosting], None] | None = None,
) -> None:
    """Serve an installation until it is stopped.

    Args:
        settings: Checked settings.
        prepare: What to do once the chain is open: the demo's data.
        welcome: Gives the account that the welcome link signs in; without it and without `prepare` there is no link.
        on_listening: Called with the process once connections are accepted; it knows its port.

    Raises:
        ConflictError: The address cannot be listened on.
        SecurityError: A key file is damaged, or others could read it.
    """
    randomness = SystemRandomness()
    services = open_services(settings, clock=SystemClock(), randomness=randomness)
    kept = Verifications()
    hosting = Hosting(services, partial(Worker, kept=kept, auditor_of=auditor_of), prepare=prepare, verifications=kept)
    if welcome is not None:
        with unit_of_work(services.engine) as session:
            account = welcome(Work(session, services))
        hosting.welcome_tenant_id, hosting.welcome_account_id = account.tenant_id, account.id
    if welcome is not None or prepare is not None:
        hosting.welcome_token = randomness.token()

    def listening(port: int) -> None:
        hosting.port = port
        if on_listening is not None:
            on_listening(hosting)

    run(build_app(hosting), settings, on_listening=listening)


@contextmanager
def _running(hosting: Hosting) -> Iterator[None]:
    hosting.start()
    try:
        yield
    finally:
        hosting.stop()


async def _lead_to_sign_in(request: Request, _error: Exception) -> Response:
    there = request.url.path if request.method == "GET" else "/"
    return RedirectResponse(f"/sign-in?next={quote(there)}", HTTP_303_SEE_OTHER)


def _check_database(services: Services) -> str:
    return f"revision {checked_revision(services.engine)}"


def _check_chain(hosting: Hosting) -> str:
    if hosting.error is not None:
        raise hosting.error
    if hosting.chain is None:
        raise ChainError("The chain is not open yet", next_step="Ask again in a moment.")
    return hosting.chain.label
