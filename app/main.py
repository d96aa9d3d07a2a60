"""The web application, put together: `create_app` builds it, `run` serves it. Nothing happens at import."""

import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    ExitStack,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from uvicorn.server import HANDLED_SIGNALS

from app.api.edge import PAGE_POLICY, EdgeMiddleware, EdgeRules
from app.api.health import Check, health_router
from app.api.idempotency import Replies, RunningWrites
from app.api.problems import MEDIA_TYPE, PROBLEM_SCHEMA, ErrorPage, install_problems, problems_router
from app.api.static import PLOTLY_NAME, StaticFiles, plotly_file, static_router
from app.api.strict import StrictRoute
from app.clock import Clock, Randomness
from app.settings import Settings
from domain.errors import ClimateFitnessError, ConflictError

DISTRIBUTION = "climate-fitness"
"""Name under which the package is installed."""

FORM_OVERHEAD_BYTES = 256 * 1024
"""What a form adds to the file in it: boundaries, headers, other fields."""

log = structlog.get_logger("app.main")

Resource = Callable[[], AbstractContextManager[object]]
"""Something that is opened when the server starts and closed when it stops, such as the chain's lock or the engine."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """What is plugged into the application.

    Args:
        routers: The routes, one router per noun.
        replies: Where the replies to Idempotency-Keys are kept; needed by routes that take `OnceHere`.
        checks: What `/ready` asks.
        resources: Opened in this order before the first request, closed in the opposite order after the last one.
        error_page: Draws refusals for browsers.
        page_policy: Content-Security-Policy of pages.
        static_folder: Folder of static files.
        upload_paths: Prefixes of paths that take a file.
        batch_paths: Prefixes of paths that take an NDJSON batch.
    """

    routers: Sequence[APIRouter] = ()
    replies: Replies[Any] | None = None
    checks: Mapping[str, Check] = field(default_factory=dict)
    resources: Sequence[Resource] = ()
    error_page: ErrorPage | None = None
    page_policy: str = PAGE_POLICY
    static_folder: Path | None = None
    upload_paths: Sequence[str] = ("/v1/documents", "/documents")
    batch_paths: Sequence[str] = ("/v1/estimate",)


def create_app(
    settings: Settings, *, clock: Clock, randomness: Randomness, services: object = None, parts: Parts | None = None
) -> FastAPI:
    """The application: edge, problems, health, static files, and the routes that are handed in.

    Args:
        settings: Checked settings.
        clock: Tells the time; routes find it in `request.app.state.clock`.
        randomness: Gives chance; in `request.app.state.randomness`.
        services: What the routes work with; in `request.app.state.services`.
        parts: What is plugged in.

    Returns:
        An ASGI application.
    """
    parts = parts or Parts()
    app = FastAPI(
        title="Climate Fitness",
        summary="Carbon accounting that keeps its evidence.",
        description=(
            "Every refusal is a problem document (RFC 9457) with the next step; every write takes `Idempotency-Key`; every read "
            "gives an `ETag`. Emissions are t CO2e (metric tons), grams and micrograms as the names say; amounts are text."
        ),
        version=version(DISTRIBUTION),
        openapi_url="/openapi.json",
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        lifespan=_lifespan(parts.resources),
    )
    app.router.route_class = StrictRoute
    files = StaticFiles(parts.static_folder, {PLOTLY_NAME: plotly_file()})
    for name, value in {
        "settings": settings,
        "clock": clock,
        "randomness": randomness,
        "services": services,
        "replies": parts.replies,
        "running_writes": RunningWrites(),
        "static": files,
        "stopping": threading.Event(),
    }.items():
        setattr(app.state, name, value)
    for router in (health_router(parts.checks, clock=clock, version=app.version), problems_router(), static_router(files)):
        app.include_router(router)
    for router in parts.routers:
        app.include_router(_strict(router))
    install_problems(app, parts.error_page)
    app.add_middleware(
        EdgeMiddleware,
        rules=edge_rules(settings, parts),
        clock=clock,
        randomness=randomness,
        page=parts.error_page,
    )
    _describe_problems(app)
    return app


def _strict(router: APIRouter) -> APIRouter:
    """The router, if all its routes that take JSON read it strictly.

    Raises:
        ValueError: One does not: a mistake of ours, found when the application is made.
    """
    for route in router.routes:
        if isinstance(route, APIRoute) and route.body_field is not None and not isinstance(route, StrictRoute):
            raise ValueError(f"{route.path} reads JSON carelessly: make its router with route_class=StrictRoute")
    return router


def edge_rules(settings: Settings, parts: Parts) -> EdgeRules:
    """What the edge lets through under these settings."""
    uploads = dict.fromkeys(parts.upload_paths, settings.max_upload_bytes + FORM_OVERHEAD_BYTES)
    batches = dict.fromkeys(parts.batch_paths, settings.max_batch_bytes)
    return EdgeRules(
        origin=settings.origin(),
        hosts=settings.hosts(),
        max_body_bytes=settings.max_body_bytes,
        large_bodies=uploads | batches,
        max_header_bytes=settings.max_header_bytes,
        max_header_count=settings.max_header_count,
        body_gap_s=settings.body_gap_s,
        body_timeout_s=settings.body_timeout_s,
        requests_per_minute=settings.requests_per_minute(),
        page_policy=parts.page_policy,
    )


def _lifespan(resources: Sequence[Resource]) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with ExitStack() as opened:
            try:
                for resource in resources:
                    opened.enter_context(resource())
            except ClimateFitnessError as error:
                app.state.start_error = error  # `run` raises it for the person at the terminal
                raise
            except Exception as error:  # the outermost loop of starting: uvicorn would log it with its values
                log.exception("not started", exc_info=error)
                raise
            yield

    return lifespan


def _describe_problems(app: FastAPI) -> None:
    """Declare the problem document for 422 on every route of the OpenAPI file, in place of FastAPI's own error form."""
    original = app.openapi

    def described() -> dict[str, Any]:
        schema = original()
        schemas = schema.setdefault("components", {}).setdefault("schemas", {})
        schemas.pop("HTTPValidationError", None)
        schemas.pop("ValidationError", None)
        schemas["Problem"] = dict(PROBLEM_SCHEMA)
        content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
        for path in schema.get("paths", {}).values():
            for operation in path.values():
                for status, response in operation["responses"].items():
                    if int(status) >= 400:  # noqa: PLR2004 - refusals begin here (RFC 9110, section 15.5)
                        response["content"] = content
        return schema

    app.openapi = described  # type: ignore[method-assign]  # FastAPI documents this way of extending the schema


class _Server(uvicorn.Server):
    """uvicorn that stops on SIGTERM and SIGINT and then returns, so that the caller can end its own work too."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell open streams to end, then wait for all requests, as uvicorn does."""
        stopping: threading.Event = self.config.app.state.stopping  # type: ignore[union-attr]  # ours, by `server_of`
        stopping.set()
        await super().shutdown(sockets)

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Handle both signals while serving; in another thread than the main one, `should_exit` is set by the caller."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = {number: signal.signal(number, self.handle_exit) for number in HANDLED_SIGNALS}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def open_socket(settings: Settings) -> socket.socket:
    """A listening socket on the settings' host and port.

    Args:
        settings: Checked settings; port 0 takes any free one.

    Returns:
        The socket; `getsockname()[1]` is its port.

    Raises:
        ConflictError: The address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=2048)
    except OSError as error:
        raise ConflictError(
            "This address cannot be listened on",
            expected="a free port of this machine",
            got=f"{settings.host}:{settings.port} ({os.strerror(error.errno or 0)})",
            next_step="Stop the other program, or set CF_PORT=0 for any free port.",
        ) from error


def run(app: FastAPI, settings: Settings, *, on_listening: Callable[[int], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT, then stop accepting, let running requests finish, close what was opened, and return.

    Args:
        app: As `create_app` gives it.
        settings: Checked settings.
        on_listening: Called with the port once connections are accepted by the kernel.

    Raises:
        ConflictError: The address cannot be listened on, or a part could not be opened.
        ClimateFitnessError: What opening a part raised.
    """
    server = server_of(app, settings)
    with open_socket(settings) as listening:
        if on_listening is not None:
            on_listening(listening.getsockname()[1])
        with suppress(SystemExit):  # uvicorn ends the program itself if the start fails; see below
            server.run(sockets=[listening])
    if not server.started:
        error: ClimateFitnessError | None = getattr(app.state, "start_error", None)
        raise error or ConflictError("The server could not start", next_step="The log says why.")
    log.info("stopped")


def server_of(app: FastAPI, settings: Settings) -> uvicorn.Server:
    """The server: for callers that run it in a thread and set `should_exit` themselves."""
    config = uvicorn.Config(
        app,
        log_config=None,  # app.logs has routed them
        access_log=False,  # the edge writes one line per request, without query strings
        server_header=False,
        ws="none",
        lifespan="on",
        timeout_keep_alive=5,
        timeout_graceful_shutdown=settings.stop_timeout_s,
        h11_max_incomplete_event_size=settings.max_header_bytes + 8 * 1024,  # the request line comes on top
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies) or None,
    )
    return _Server(config)
