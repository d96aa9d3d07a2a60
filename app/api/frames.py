"""What stands around every page, and how a page is sent."""

import gzip
from collections.abc import Collection
from dataclasses import replace

from fastapi import Request
from fastapi.responses import HTMLResponse
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from app.api.problems import Problem
from app.api.static import StaticFiles
from app.api.who import hosting_of
from app.services import Work
from app.store import duplicates, subjects
from app.usecases.demo_data import is_demo_subject
from app.usecases.show_hrefs import NEW_SUBJECT_HREF, Hrefs
from app.usecases.sign_in import Caller
from dashboards.format import whole
from dashboards.frame import Frame, NavLink, Notice
from dashboards.messages import messages_in
from dashboards.pages import problem as problem_page
from dashboards.pages.problem import ProblemModel

MESSAGES = messages_in()
"""The catalogue of the pages' language."""


def frame_of(request: Request, work: Work, who: Caller, subject_id: str = "") -> Frame:
    """The frame of a signed-in person's page.

    Args:
        request: The request.
        work: The open transaction and the services.
        who: Who is signed in.
        subject_id: The current subject.

    Returns:
        The frame.
    """
    found = subjects.of_account(work.session, who.tenant_id, who.account_id, work.services.clock.now().date())
    links = tuple(NavLink(row.name, f"/s/{row.id}", is_current=row.id == subject_id) for row, _ in found)
    sections = _sections(request, work, who, subject_id) if subject_id else ()
    return Frame(
        subjects=links,
        add=NavLink(MESSAGES("nav.add"), NEW_SUBJECT_HREF, is_current=request.url.path == NEW_SUBJECT_HREF),
        sections=sections,
        account_name=who.display_name,
        is_demo=is_demo_subject(work.session, subject_id),
        asset_version=_version(request),
    )


def _sections(request: Request, work: Work, who: Caller, subject_id: str) -> tuple[NavLink, ...]:
    """The pages of a subject; duplicates with the number of those that wait for a decision, where there are any."""
    open_count = duplicates.open_count(work.session, who.tenant_id, subject_id)
    label = MESSAGES("nav.duplicates_open", number=whole(MESSAGES, open_count)) if open_count else MESSAGES("nav.duplicates")
    hrefs, here = Hrefs(subject_id), request.url.path
    named = (
        (MESSAGES("nav.overview"), hrefs.home),
        (MESSAGES("nav.activities"), hrefs.activities()),
        (MESSAGES("nav.connections"), hrefs.connections),
        (label, hrefs.duplicates),
    )
    return tuple(NavLink(name, href, is_current=here == href) for name, href in named)


def noticed(frame: Frame, request: Request, prefix: str, known: Collection[str], *, problems: Collection[str] = ()) -> Frame:
    """The frame with a sentence about what was just done, as `?done=` names it; anything else there is nothing.

    Args:
        frame: The frame.
        request: The request.
        prefix: Of the messages.
        known: Names that have a message.
        problems: Those of them that say that something did not work.

    Returns:
        The frame.
    """
    done = request.query_params.get("done", "")
    return replace(frame, notice=Notice(MESSAGES(f"{prefix}{done}"), is_problem=done in problems)) if done in known else frame


def plain_frame(request: Request) -> Frame:
    """The frame of a stranger's page."""
    return Frame(is_demo=hosting_of(request).prepare is not None, asset_version=_version(request))


class PackedPage(HTMLResponse):
    """A page that is sent compressed to whoever takes it so: a quarter of its size.

    Pages hold no secret that a stranger could guess by its length (BREACH): no token of a form (origins are checked instead), and
    what was typed is repeated only after a POST from our own origin.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it.

        Args:
            scope: The request, which says whether gzip is taken.
            receive: Unused.
            send: Takes the answer.
        """
        self.headers["Vary"] = "Accept-Encoding"
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
            self.body = gzip.compress(bytes(self.body), compresslevel=6, mtime=0)
            self.headers["Content-Encoding"] = "gzip"
            self.headers["Content-Length"] = str(len(self.body))
        await super().__call__(scope, receive, send)


def page(html: str, *, status: int = 200) -> HTMLResponse:
    """A page that one person may see: never stored, always asked for again."""
    return PackedPage(html, status, {"Cache-Control": "no-store"})


def error_page(problem: Problem, *, request_id: str) -> str:
    """A refusal as a page."""
    model = ProblemModel(
        status=problem.status,
        message=problem.detail or problem.title,
        expected=problem.expected,
        got=problem.got,
        record=problem.record,
        next_step=problem.next_step,
        request_id=request_id,
    )
    return problem_page.render(model, MESSAGES, Frame())


def _version(request: Request) -> str:
    files: StaticFiles = request.app.state.static
    return files.version
