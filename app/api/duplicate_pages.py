"""The inbox of duplicates: what two sources may both tell, and the person's decision. Plain forms; no script needed."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER

from app.api.duplicates import DECISIONS, decide
from app.api.frames import MESSAGES, frame_of, noticed, page
from app.api.who import ServicesHere, can_change, looking, may_change, page_caller
from app.services import Whose, Work
from app.store.session import unit_of_work
from app.usecases.show_duplicates import show_duplicates
from app.usecases.show_hrefs import Hrefs
from dashboards.pages import duplicates as duplicates_page

router = APIRouter(prefix="/s/{subject_id}/duplicates", include_in_schema=False)

_LONGEST_COUNT = 100


@router.get("")
def duplicates(subject_id: str, request: Request, services: ServicesHere) -> Response:
    """Pairs to decide, and those that were decided."""
    who = page_caller(request)
    with looking(services) as work:
        may_do = can_change(work.session, services, who, subject_id)
        model = show_duplicates(work, Whose(who.tenant_id, subject_id), can_change=may_do)
        frame = frame_of(request, work, who, subject_id)
    return page(duplicates_page.render(model, MESSAGES, noticed(frame, request, "duplicates.done.", DECISIONS)))


@router.post("/{duplicate_id}")
async def post_decision(subject_id: str, duplicate_id: str, request: Request, services: ServicesHere) -> Response:
    """Decide about a pair, or take a decision back."""
    who = page_caller(request)
    async with request.form(max_files=0, max_fields=4) as form:
        decision, aside = (str(form.get(name, ""))[:_LONGEST_COUNT] for name in ("decision", "aside"))

    def do() -> Response:
        with unit_of_work(services.engine) as session:
            decide(Work(session, services), may_change(session, services, who, subject_id), duplicate_id, decision, aside)
        return RedirectResponse(f"{Hrefs(subject_id).duplicates}?done={decision}", HTTP_303_SEE_OTHER)

    return await run_in_threadpool(do)
