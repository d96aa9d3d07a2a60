"""The front door: the first page, signing in and out, and the link that signs a demo's visitor in."""

from hmac import compare_digest

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER, HTTP_403_FORBIDDEN

from app.api.frames import MESSAGES, page, plain_frame
from app.api.who import HostingHere, ServicesHere, caller_or_none, hosting_of, looking, session_cookie_name, session_token
from app.hosting import Hosting
from app.security.passwords import Passwords
from app.security.sessions import NewToken
from app.services import Services, Work
from app.store import accounts, subjects
from app.store.session import unit_of_work
from app.usecases.show_hrefs import NEW_SUBJECT_HREF
from app.usecases.sign_in import sign_out, start_session, verified_account
from dashboards.pages import progress as progress_page
from dashboards.pages import sign_in as sign_in_page
from dashboards.pages.progress import ProgressModel, Task, TaskState
from dashboards.pages.sign_in import SignInModel
from domain.errors import NotFoundError, SecurityError

router = APIRouter(include_in_schema=False)


@router.get("/")
def home(request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """The first subject of whoever is signed in, or the form that adds it; before that the sign-in page, or the start."""
    if hosting.prepare is not None and not hosting.ready.is_set():
        return _progress(request, hosting)
    who = caller_or_none(request)
    if who is None:
        return _sign_in_page(request)
    with looking(services) as work:
        found = subjects.of_account(work.session, who.tenant_id, who.account_id, services.clock.now().date())
    if not found:
        return RedirectResponse(NEW_SUBJECT_HREF, HTTP_303_SEE_OTHER)
    return RedirectResponse(f"/s/{found[0][0].id}", HTTP_303_SEE_OTHER)


@router.get("/welcome/{token}")
def welcome(token: str, request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """Sign the local visitor in: the link that the program printed, good while it runs."""
    if not hosting.welcome_token or not compare_digest(token.encode(), hosting.welcome_token.encode()):
        raise NotFoundError("This link does not hold", next_step="Use the link that the running program printed, or sign in.")
    if not hosting.welcome_account_id:
        return _progress(request, hosting)
    with unit_of_work(services.engine) as session:
        account = accounts.by_id(session, hosting.welcome_tenant_id, hosting.welcome_account_id)
        started = start_session(Work(session, services), account, former_token=session_token(request))
    return _signed_in(request, services, started, "/")


@router.get("/sign-in")
def sign_in_form(request: Request) -> Response:
    """The sign-in page."""
    return _sign_in_page(request, next_href=_safe_next(request.query_params.get("next", "/")))


@router.post("/sign-in")
async def post_sign_in(request: Request, services: ServicesHere) -> Response:
    """Sign in with login and password."""
    async with request.form(max_files=0, max_fields=8) as form:
        name, password = str(form.get("name", "")).replace("\x00", "\ufffd"), str(form.get("password", ""))
        next_href = _safe_next(str(form.get("next", "/")))
    return await run_in_threadpool(_try_sign_in, request, services, name, password, next_href)


@router.post("/sign-out")
def post_sign_out(request: Request, services: ServicesHere) -> Response:
    """End this browser's session."""
    with unit_of_work(services.engine) as session:
        sign_out(session, session_token(request))
    response = RedirectResponse("/", HTTP_303_SEE_OTHER)
    response.delete_cookie(session_cookie_name(request), path="/")
    return response


def _try_sign_in(request: Request, services: Services, name: str, password: str, next_href: str) -> Response:
    passwords: Passwords = request.app.state.passwords
    try:
        with looking(services) as work:
            account = verified_account(work.session, passwords, name, password)
        with unit_of_work(services.engine) as session:
            started = start_session(Work(session, services), account, former_token=session_token(request))
    except SecurityError as error:
        model = SignInModel("/sign-in", next_href=next_href, name=name[:120], error=error.message, is_local=_is_local(request))
        return page(sign_in_page.render(model, MESSAGES, plain_frame(request)), status=HTTP_403_FORBIDDEN)
    return _signed_in(request, services, started, next_href)


def _signed_in(request: Request, services: Services, started: NewToken, next_href: str) -> Response:
    response = RedirectResponse(next_href, HTTP_303_SEE_OTHER)
    response.set_cookie(
        session_cookie_name(request),
        started.token,
        max_age=services.settings.session_hours * 3600,
        path="/",
        secure=services.settings.origin().startswith("https:"),
        httponly=True,
        samesite="lax",
    )
    response.headers["Cache-Control"] = "no-store"
    return response


def _sign_in_page(request: Request, *, next_href: str = "/") -> Response:
    model = SignInModel("/sign-in", next_href=next_href, is_local=_is_local(request))
    return page(sign_in_page.render(model, MESSAGES, plain_frame(request)))


def _is_local(request: Request) -> bool:
    """Whether this program printed a link for its operator; the demo prints more, and has another account."""
    hosting = hosting_of(request)
    return bool(hosting.welcome_token) and hosting.prepare is None


def _progress(request: Request, hosting: Hosting) -> Response:
    tasks = tuple(Task(MESSAGES(f"start.{task.name}"), TaskState(task.state), task.detail) for task in hosting.tasks)
    is_over = any(task.state is TaskState.FAILED for task in tasks)
    model = ProgressModel(tasks, refresh_s=0 if is_over else 1)
    return page(progress_page.render(model, MESSAGES, plain_frame(request)))


def _safe_next(text: str) -> str:
    """A path of ours, never another site."""
    return text if text.startswith("/") and not text.startswith(("//", "/\\")) and text.isprintable() else "/"
