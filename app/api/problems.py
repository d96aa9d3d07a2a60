"""Every refusal as a problem document (RFC 9457), and as a page for browsers.

The HTTP status belongs here, not to the errors: `STATUS_BY_ERROR` maps the tree of `domain.errors`, `EDGE_PROBLEMS` names what
only HTTP knows. Replies of 5xx carry no details from inside. Nothing echoes a request body.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from http import HTTPStatus
from math import ceil
from typing import Any, Protocol

import structlog
from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException

from domain import errors

MEDIA_TYPE = "application/problem+json"
"""RFC 9457, section 6.1."""

MAX_VALIDATION_ERRORS = 5
"""Faults of one request that are named in the reply; more help nobody."""

log = structlog.get_logger("app.api.problems")


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One refusal, ready to be shown.

    Invariants: `code` is stable and documented under `/problems/<code>`; no field holds what the person sent, except `got` of
    our own errors, which is shortened and never a secret.
    """

    status: int
    code: str
    title: str
    detail: str = ""
    expected: str = ""
    got: str = ""
    record: str = ""
    next_step: str = ""
    faults: Sequence[Mapping[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self, request_id: str) -> dict[str, object]:
        """The members of the problem document; empty ones are left out."""
        members: dict[str, object] = {
            "type": f"/problems/{self.code}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "expected": self.expected,
            "got": self.got,
            "record": self.record,
            "next_step": self.next_step,
            "errors": list(self.faults),
            "instance": f"urn:uuid:{request_id}" if request_id else "",
        }
        return {name: value for name, value in members.items() if value not in ("", [])}


class ProblemError(HTTPException):
    """A refusal that only HTTP knows, raised anywhere between the edge and a route.

    It is Starlette's own exception, so that no layer in between turns it into another one.

    Args:
        problem: What is answered.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.status, problem.title, dict(problem.headers))
        self.problem = problem


class ErrorPage(Protocol):
    """Draws a problem as a page: the hook through which `dashboards` gives errors the look of the product."""

    def __call__(self, problem: Problem, *, request_id: str) -> str:
        """Complete HTML."""
        ...


STATUS_BY_ERROR: Mapping[type[errors.ClimateFitnessError], int] = {
    errors.ClimateFitnessError: 500,
    errors.InputError: 422,
    errors.UnknownFormatError: 415,
    errors.DocumentTooLargeError: 413,
    errors.NotFoundError: 404,
    errors.ConflictError: 409,
    errors.BusyError: 503,
    errors.FactorError: 422,
    errors.FactorSetError: 503,
    errors.LineOverflowError: 422,
    errors.CanonicalError: 400,
    errors.ProofError: 422,
    errors.LedgerError: 503,
    errors.QuorumError: 503,
    errors.AlreadyIssuedError: 409,
    errors.AuditError: 409,
    errors.ArchiveError: 502,
    errors.SecurityError: 403,
    errors.ConnectorError: 502,
    errors.TryLaterError: 503,
    errors.NeedsConsentError: 409,
}
"""Status of each class of error; a class that is not named has its parent's."""

EDGE_PROBLEMS: Mapping[str, tuple[int, str, str]] = {
    "invalid-request": (422, "The request does not have the documented form", "`errors` names up to five places."),
    "invalid-json": (400, "The body is not JSON that we read", "Send UTF-8 JSON: each key once, amounts as text, no NaN."),
    "bad-request": (400, "The request cannot be read", "Check its form against /openapi.json."),
    "not-signed-in": (401, "Sign in first", "Sign in, or send an API key as `Authorization: Bearer`."),
    "not-allowed": (403, "This is not yours to do", "Ask the owner for the role or the scope that it needs."),
    "foreign-origin": (403, "The request comes from another site", "Use the pages of this server, or an API key."),
    "not-found": (404, "There is nothing here", "Check the address; /openapi.json lists them."),
    "method-not-allowed": (405, "This address takes other methods", "`Allow` names them."),
    "slow-body": (408, "The body came too slowly", "Send it again over a faster line, or in smaller parts."),
    "idempotency-key-in-use": (409, "The same request is running", "Wait `Retry-After` seconds and send it again."),
    "shown-once": (410, "This was done, and its secret was shown once", "Withdraw it if it was lost; ask anew with a new key."),
    "precondition-failed": (412, "It has changed since you read it", "Read it again, then repeat the change with the new ETag."),
    "body-too-large": (413, "The body is larger than allowed", "Send a smaller file, or several."),
    "unsupported-media-type": (415, "The body is of another kind than this address reads", "Set Content-Type as documented."),
    "unknown-host": (421, "This server does not answer to that name", "Use its address, or add the name to CF_ALLOWED_HOSTS."),
    "idempotency-key-reused": (422, "This Idempotency-Key was used for another request", "Use a new key for a new request."),
    "invalid-idempotency-key": (400, "This Idempotency-Key cannot be used", "Send 1 to 255 visible ASCII characters."),
    "precondition-required": (428, "Say which version you change", "Send `If-Match` with the ETag that you read."),
    "too-many-requests": (429, "Too many requests", "Wait `Retry-After` seconds."),
    "headers-too-large": (431, "The headers are larger than allowed", "Send fewer or shorter headers and cookies."),
    "internal-error": (500, "Something went wrong on our side", "Try again; if it stays, report the `instance`."),
    "not-ready": (503, "The server is not ready", "Try again in a moment."),
}
"""Status, title and next step of what is refused outside the error tree, by code."""


def edge_problem(
    code: str,
    detail: str = "",
    *,
    expected: str = "",
    got: str = "",
    record: str = "",
    faults: Sequence[Mapping[str, str]] = (),
    headers: Mapping[str, str] | None = None,
) -> Problem:
    """The problem named `code` in `EDGE_PROBLEMS`.

    Args:
        code: Its name.
        detail: What is particular this time.
        expected: What would have been right.
        got: What came; never a secret or a body.
        record: Which header, field or line.
        faults: Location and message of each fault.
        headers: Headers of the reply.

    Returns:
        The problem.
    """
    status, title, next_step = EDGE_PROBLEMS[code]
    return Problem(
        status=status,
        code=code,
        title=title,
        detail=detail,
        expected=expected,
        got=got,
        record=record,
        next_step=next_step,
        faults=faults,
        headers=headers or {},
    )


def not_signed_in() -> ProblemError:
    """The refusal of somebody unknown; raise it."""
    return ProblemError(edge_problem("not-signed-in", headers={"WWW-Authenticate": "Bearer"}))


def not_allowed(detail: str = "") -> ProblemError:
    """The refusal of somebody known who lacks a role or scope; raise it. For things of others use NotFoundError instead."""
    return ProblemError(edge_problem("not-allowed", detail))


NEXT_STEP_BY_STATUS: Mapping[int, str] = {
    404: "Check the id, and whose it is.",
    409: "Read its present state, then try again.",
    422: "Correct it and send it again.",
}
"""What is said where an error names no next step of its own."""


def status_of(kind: type[errors.ClimateFitnessError]) -> int:
    """HTTP status of a class of error: its own, or its nearest parent's."""
    return next(STATUS_BY_ERROR[base] for base in kind.__mro__ if base in STATUS_BY_ERROR)


def problem_of(error: errors.ClimateFitnessError) -> Problem:
    """The problem that an error of the tree is shown as; of 5xx and of security only the fixed text and the next step."""
    status = status_of(type(error))
    title = (type(error).__doc__ or type(error).__name__).splitlines()[0].rstrip(".")
    headers = {"Retry-After": str(ceil(error.wait_s))} if isinstance(error, errors.TryLaterError | errors.BusyError) else {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers.setdefault("Retry-After", "30")
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or isinstance(error, errors.SecurityError):
        return Problem(status=status, code=error.code, title=title, next_step=error.next_step, headers=headers)
    return Problem(
        status=status,
        code=error.code,
        title=title,
        detail=error.message,
        expected=error.expected,
        got=error.got,
        record=error.record,
        next_step=error.next_step or NEXT_STEP_BY_STATUS.get(status, ""),
        headers=headers,
    )


def problem_of_http(error: HTTPException) -> Problem:
    """The problem of an exception of the framework (no such route, no such method, a body that cannot be read)."""
    if isinstance(error, ProblemError):
        return error.problem
    code = {400: "bad-request", 401: "not-signed-in", 403: "not-allowed", 404: "not-found", 405: "method-not-allowed"}.get(
        error.status_code
    )
    if code:
        return edge_problem(code, headers=error.headers)
    title = HTTPStatus(error.status_code).phrase
    return Problem(status=error.status_code, code="http", title=title, headers=error.headers or {})


def problem_of_validation(error: RequestValidationError) -> Problem:
    """Location and message of at most five faults; never what was sent."""
    found = error.errors()
    faults = [
        {"at": ".".join(str(part)[:60] for part in fault["loc"][:8]), "message": _plain(fault)}
        for fault in found[:MAX_VALIDATION_ERRORS]
    ]
    return edge_problem("invalid-request", f"{len(found)} fault{'s' if len(found) != 1 else ''}", faults=faults)


def _plain(fault: Mapping[str, Any]) -> str:
    """The message of a fault without what was sent: validators of our own may quote it, the framework's kinds do not."""
    if fault.get("type") in {"value_error", "assertion_error"}:
        return "not a value that this field takes"
    return str(fault.get("msg", ""))[:200]


def wants_html(accept: str) -> bool:
    """Whether a browser is asking: `text/html` stands in Accept, and before any JSON."""
    kinds = [part.partition(";")[0].strip().lower() for part in accept.split(",")]
    first = next((kind for kind in kinds if kind in {"text/html", "application/json", MEDIA_TYPE}), "")
    return first == "text/html"


def plain_error_page(problem: Problem, *, request_id: str) -> str:
    """A page without any look: title, what is wrong, what to do. Used until the product's own page is handed in."""
    lines = [problem.detail, f"Expected: {problem.expected}" if problem.expected else "", problem.next_step]
    paragraphs = "".join(f"<p>{escape(line)}</p>" for line in lines if line)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(problem.title)}</title>'
        f"<h1>{escape(problem.title)}</h1>{paragraphs}<p><small>{problem.status} · {escape(request_id)}</small></p></html>"
    )


def problem_response(problem: Problem, *, accept: str, request_id: str, page: ErrorPage | None = None) -> Response:
    """The reply for a problem.

    Args:
        problem: What is refused.
        accept: The request's Accept header.
        request_id: The request's id, shown so that it can be reported.
        page: Draws the page for browsers.

    Returns:
        HTML for browsers, a problem document for everybody else.
    """
    headers = {**problem.headers, "Cache-Control": "no-store"}
    if wants_html(accept):
        html = (page or plain_error_page)(problem, request_id=request_id)
        return HTMLResponse(html, problem.status, headers)
    return JSONResponse(problem.body(request_id), problem.status, headers, MEDIA_TYPE)


def request_id_of(request: Request) -> str:
    """The id that the edge gave this request."""
    return str(getattr(request.state, "request_id", ""))


def install_problems(app: FastAPI, page: ErrorPage | None = None) -> None:
    """Answer every refusal of the routes with a problem.

    Args:
        app: The application.
        page: Draws the page for browsers.
    """

    def reply(request: Request, problem: Problem) -> Response:
        accept = request.headers.get("accept", "")
        return problem_response(problem, accept=accept, request_id=request_id_of(request), page=page)

    async def on_error(request: Request, error: Exception) -> Response:
        if not isinstance(error, errors.ClimateFitnessError):
            raise error
        problem = problem_of(error)
        if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.error("refused", code=problem.code, exc_info=error)
        return reply(request, problem)

    async def on_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        return reply(request, problem_of_http(error))

    async def on_validation(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        return reply(request, problem_of_validation(error))

    app.add_exception_handler(errors.ClimateFitnessError, on_error)
    app.add_exception_handler(HTTPException, on_http)
    app.add_exception_handler(RequestValidationError, on_validation)


PROBLEM_SCHEMA: Mapping[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status"],
    "properties": {
        "type": {"type": "string", "description": "Address that explains this kind of problem."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "expected": {"type": "string"},
        "got": {"type": "string"},
        "record": {"type": "string"},
        "next_step": {"type": "string", "description": "What to do about it."},
        "errors": {
            "type": "array",
            "items": {"type": "object", "properties": {"at": {"type": "string"}, "message": {"type": "string"}}},
        },
        "instance": {"type": "string", "description": "Id of this request, for reports."},
    },
}
"""JSON Schema of a problem document."""


def problem_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses=` of a route.

    Args:
        *statuses: Statuses that only this route has; those of every route (400, 413, 422 ...) are added.

    Returns:
        OpenAPI responses by status.
    """
    everywhere = (400, 403, 408, 413, 421, 422, 429, 431, 500, 503)
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": dict(PROBLEM_SCHEMA)}},
        }
        for status in sorted({*everywhere, *statuses})
    }


def problem_kinds() -> dict[str, tuple[int, str, str]]:
    """Status, title and general next step of every kind of problem, by code."""
    found = dict(EDGE_PROBLEMS)
    waiting: list[type[errors.ClimateFitnessError]] = [errors.ClimateFitnessError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        title = (kind.__doc__ or kind.__name__).splitlines()[0].rstrip(".")
        found.setdefault(kind("x").code, (status_of(kind), title, ""))
    return found


def problems_router() -> APIRouter:
    """`GET /problems` and `GET /problems/{code}`: what each problem means."""
    router = APIRouter(prefix="/problems", tags=["problems"])

    @router.get("", summary="Every kind of problem", responses=problem_responses())
    def list_problems() -> dict[str, dict[str, str | int]]:
        """Status, title and next step of each kind of problem, by code."""
        return {code: _explained(*parts) for code, parts in sorted(problem_kinds().items())}

    @router.get("/{code}", summary="One kind of problem", responses=problem_responses(404))
    def explain_problem(code: str) -> dict[str, str | int]:
        """Status, title and next step of one kind of problem.

        Raises:
            NotFoundError: There is no such kind.
        """
        parts = problem_kinds().get(code)
        if parts is None:
            raise errors.NotFoundError("There is no such problem", next_step="See /problems for all of them.")
        return _explained(*parts)

    return router


def _explained(status: int, title: str, next_step: str) -> dict[str, str | int]:
    return {"status": status, "title": title, "next_step": next_step}
