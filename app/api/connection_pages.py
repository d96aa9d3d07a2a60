"""Pages of connections: how each does, connecting another account, and the way back from a provider. No script needed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER, HTTP_422_UNPROCESSABLE_CONTENT

from app.api.connections import callback_uri, session_sha256_of
from app.api.frames import MESSAGES, frame_of, noticed, page
from app.api.who import ServicesHere, can_change, looking, may_change, page_caller
from app.services import Services, Whose, Work
from app.store.connections import ConnectionRow
from app.store.session import unit_of_work
from app.usecases.reconnect import connection_of, disconnect, pause_connection, resume_connection, start_reconnect
from app.usecases.register_provider import find_provider
from app.usecases.retry_later import retry_now_or_later
from app.usecases.show_connections import LONGEST_FIND_COUNT, show_connect, show_connections
from app.usecases.show_hrefs import Hrefs
from app.usecases.sign_in import Caller
from app.usecases.start_connection import KEY_ANSWER, LONGEST_KEY_COUNT, Started, ask_provider, start_connection
from app.usecases.sync_due import enqueue_now
from dashboards.pages import connections as connections_page
from dashboards.pages.connections import LeaveModel
from dashboards.pages.dashboard import FormState
from domain.errors import ConflictError, ConnectorError, InputError

router = APIRouter(prefix="/s/{subject_id}/connections", include_in_schema=False)

_DONE = frozenset(
    {"connected", "again", "sync", "pause", "resume", "end", "refused", "away", "spent", "over", "failed"}
    | {"retry", "retry_some", "retry_none", "retry_later"}
)
_PROBLEMS = frozenset({"away", "spent", "over", "failed"})
_MOST_ANSWERS_COUNT = 22


@router.get("")
def connections(subject_id: str, request: Request, services: ServicesHere) -> Response:
    """The connections of a subject, and what else can be connected."""
    who = page_caller(request)
    find = request.query_params.get("find", "").strip()[:LONGEST_FIND_COUNT]
    with looking(services) as work:
        may_do = can_change(work.session, services, who, subject_id)
        model = show_connections(work, Whose(who.tenant_id, subject_id), MESSAGES, find=find, can_change=may_do)
        frame = frame_of(request, work, who, subject_id)
    frame = noticed(frame, request, "connections.done.", _DONE, problems=_PROBLEMS)
    return page(connections_page.render(model, MESSAGES, frame))


@router.get("/new/{connector}/{provider}")
def new_connection(subject_id: str, connector: str, provider: str, request: Request, services: ServicesHere) -> Response:
    """The form that connects an account at a provider."""
    return _Visit(request, services, page_caller(request), subject_id).form(connector, provider)


@router.post("/new/{connector}/{provider}")
async def post_new_connection(
    subject_id: str, connector: str, provider: str, *, request: Request, services: ServicesHere
) -> Response:
    """Connect an account with a key, or lead to the provider; the form again where something is wrong."""
    visit = _Visit(request, services, page_caller(request), subject_id)
    answers = await _answers(request)
    return await run_in_threadpool(visit.connect, connector, provider, answers)


@router.get("/{connection_id}/again")
def again(subject_id: str, connection_id: str, request: Request, services: ServicesHere) -> Response:
    """The form that asks for a new key."""
    visit = _Visit(request, services, page_caller(request), subject_id)
    row = visit.row(connection_id)
    return visit.form(row.connector, row.provider, again=row)


@router.post("/{connection_id}/again")
async def post_again(subject_id: str, connection_id: str, request: Request, services: ServicesHere) -> Response:
    """Consent again: lead to the provider, or take the new key."""
    visit = _Visit(request, services, page_caller(request), subject_id)
    answers = await _answers(request)

    def connect() -> Response:
        row = visit.row(connection_id)
        return visit.connect(row.connector, row.provider, answers, again=row)

    return await run_in_threadpool(connect)


@router.post("/{connection_id}/sync")
def sync(subject_id: str, connection_id: str, request: Request, services: ServicesHere) -> Response:
    """Ask for a sync now."""
    return _Visit(request, services, page_caller(request), subject_id).change(connection_id, "sync", _ask_for_sync)


@router.post("/{connection_id}/retry")
def retry(subject_id: str, connection_id: str, request: Request, services: ServicesHere) -> Response:
    """Read again what was set aside."""
    return _Visit(request, services, page_caller(request), subject_id).retry(connection_id)


@router.post("/{connection_id}/pause")
def pause(subject_id: str, connection_id: str, request: Request, services: ServicesHere) -> Response:
    """Ask the provider for nothing until the person says so."""
    return _Visit(request, services, page_caller(request), subject_id).change(connection_id, "pause", pause_connection)


@router.post("/{connection_id}/resume")
def resume(subject_id: str, connection_id: str, request: Request, services: ServicesHere) -> Response:
    """Go on after a pause."""
    return _Visit(request, services, page_caller(request), subject_id).change(connection_id, "resume", resume_connection)


@router.post("/{connection_id}/end")
async def end(subject_id: str, connection_id: str, request: Request, services: ServicesHere) -> Response:
    """End a connection; what came through it is kept unless the form says otherwise."""
    visit = _Visit(request, services, page_caller(request), subject_id)
    async with request.form(max_files=0, max_fields=4) as form:
        keep_data = str(form.get("data", "keep")) != "delete"
    return await run_in_threadpool(visit.end, connection_id, keep_data=keep_data)


@dataclass(frozen=True)
class _Visit:
    """A signed-in person at the connections of a subject.

    Attributes:
        request: The request.
        services: What the program works with.
        who: The person.
        subject_id: Whose connections.
    """

    request: Request
    services: Services
    who: Caller
    subject_id: str

    @property
    def hrefs(self) -> Hrefs:
        return Hrefs(self.subject_id)

    def row(self, connection_id: str) -> ConnectionRow:
        """A connection, if the person may change it."""
        with looking(self.services) as work:
            return connection_of(work, self.whose(work), connection_id)

    def whose(self, work: Work) -> Whose:
        """The subject, if the person may change it."""
        return may_change(work.session, self.services, self.who, self.subject_id)

    def form(
        self, connector: str, provider: str, *, again: ConnectionRow | None = None, form: FormState | None = None
    ) -> HTMLResponse:
        """The form that connects an account, or connects it again; with what is wrong, where something is."""
        with looking(self.services) as work:
            self.whose(work)
            model = show_connect(Hrefs(self.subject_id), connector, provider, again_id=again.id if again else "", form=form)
            frame = frame_of(self.request, work, self.who, self.subject_id)
        status = HTTP_422_UNPROCESSABLE_CONTENT if form else 200
        return page(connections_page.render_connect(model, MESSAGES, frame), status=status)

    def connect(
        self, connector: str, provider: str, answers: Mapping[str, str], *, again: ConnectionRow | None = None
    ) -> Response:
        """Connect, or connect again: the connection at once, or the way to the provider; the form where something is wrong."""
        try:
            started = self._started(connector, provider, answers, again)
        except (InputError, ConflictError, ConnectorError) as error:
            return self.form(connector, provider, again=again, form=FormState(values=answers, errors=_wrong(answers, error)))
        if started.connection_id:
            return back_to(self.hrefs, "again" if again else "connected", started.connection_id)
        with looking(self.services) as work:
            frame = frame_of(self.request, work, self.who, self.subject_id)
        title = find_provider(connector, provider)[1].title
        model = LeaveModel(title, started.redirect_url, urlsplit(started.redirect_url).netloc, self.hrefs.connections)
        return page(connections_page.render_leave(model, MESSAGES, frame))

    def _started(self, connector: str, provider: str, answers: Mapping[str, str], again: ConnectionRow | None) -> Started:
        """Ask the provider what must be asked, then begin in a transaction."""
        with looking(self.services) as work:
            whose = self.whose(work)
        back = callback_uri(self.request)
        asked = ask_provider(self.services, whose, connector, provider, answers, redirect_uri=back, connection=again)
        browser, account_id = session_sha256_of(self.request), self.who.account_id
        with unit_of_work(self.services.engine) as session:
            work = Work(session, self.services)
            whose = self.whose(work)
            if again:
                return start_reconnect(
                    work, account_id, whose, again.id, answers, redirect_uri=back, session_sha256=browser, asked=asked
                )
            return start_connection(
                work, account_id, whose, connector, provider, answers, redirect_uri=back, session_sha256=browser, asked=asked
            )

    def change(self, connection_id: str, done: str, change: Callable[[Work, Whose, str], object]) -> Response:
        """Do something with a connection, and say so on its page."""
        try:
            with unit_of_work(self.services.engine) as session:
                work = Work(session, self.services)
                change(work, self.whose(work), connection_id)
        except ConflictError:
            done = "over"
        return back_to(self.hrefs, done, connection_id)

    def retry(self, connection_id: str) -> Response:
        """Read again what was set aside, and say what became of it."""
        with looking(self.services) as work:
            whose = self.whose(work)
        try:
            found = retry_now_or_later(self.services, whose, connection_id)
        except ConflictError:
            return back_to(self.hrefs, "over", connection_id)
        done = "retry_later" if found is None else "retry_none" if found.held_count else "retry"
        if found is not None and found.held_count and found.released_count:
            done = "retry_some"
        return back_to(self.hrefs, done, connection_id)

    def end(self, connection_id: str, *, keep_data: bool) -> Response:
        """Disconnect."""
        with looking(self.services) as work:
            whose = self.whose(work)
        disconnect(self.services, whose, connection_id, keep_data=keep_data)
        return back_to(self.hrefs, "end", connection_id)


def _wrong(answers: Mapping[str, str], error: InputError | ConflictError | ConnectorError) -> dict[str, str]:
    """What is wrong, by its field; under the empty name where it is none of them. Where to find an answer stands there."""
    if error.record not in answers:
        return {"": error.sentence()}
    given = answers[error.record]
    if not given:
        return {error.record: MESSAGES("connect_account.answer_missing")}
    said = f"{error.message}." if error.record == KEY_ANSWER else MESSAGES("connect_account.answer_wrong", got=given)
    return {error.record: said}


async def _answers(request: Request) -> dict[str, str]:
    """What was typed, by the name of the question."""
    async with request.form(max_files=0, max_fields=_MOST_ANSWERS_COUNT) as form:
        given = {name: value for name, value in form.items() if isinstance(value, str) and name != "csrf_token"}
    return {name: text.replace("\x00", "\ufffd").strip()[: LONGEST_KEY_COUNT + 1] for name, text in given.items()}


def _ask_for_sync(work: Work, whose: Whose, connection_id: str) -> None:
    enqueue_now(work, connection_of(work, whose, connection_id))


def back_to(hrefs: Hrefs, done: str, connection_id: str = "") -> RedirectResponse:
    """To the page of connections, which says once what was done, at the connection it was done to.

    Args:
        hrefs: Of the subject.
        done: A name under `connections.done`.
        connection_id: Which; empty for none.

    Returns:
        The way there.
    """
    fragment = f"#c-{connection_id}" if connection_id else ""
    return RedirectResponse(f"{hrefs.connections}?done={done}{fragment}", HTTP_303_SEE_OTHER)
