"""Activities: measured amounts, listed; and bills that are typed."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.etag import tagged_response
from app.api.idempotency import OnceHere, Reply, json_reply
from app.api.models import ActivitiesOut, ActivityOut, BillIn, ImportOut, RemovedOut
from app.api.problems import problem_responses
from app.api.strict import StrictRoute
from app.api.who import Asking, ServicesHere, looking, may_change, may_see
from app.services import Work
from app.store import activities
from app.store.session import Session
from app.usecases.enter_bill import BillInput, enter_bill
from app.usecases.find_duplicates import find_duplicates
from app.usecases.remove_record import remove_record
from domain.period import MonthRange
from domain.place import place_from_text

router = APIRouter(prefix="/v1/subjects/{subject_id}", tags=["activities"], route_class=StrictRoute)


@router.get("/activities", response_model=ActivitiesOut, responses=problem_responses(401, 404))
def list_activities(
    subject_id: str,
    *,
    request: Request,
    who: Asking,
    services: ServicesHere,
    cursor: Annotated[str, Query(description="`next_cursor` of the page before.", max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    period: Annotated[str, Query(description="Only these months.", examples=["2026-03"], max_length=20)] = "",
) -> Response:
    """Activities of a subject, newest first, page by page."""
    months = MonthRange.from_text(period) if period else None
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        page = activities.page(work.session, who.tenant_id, subject_id, cursor=cursor, limit_count=limit, months=months)
    found = ActivitiesOut(items=[ActivityOut.of(row) for row in page.items], next_cursor=page.next_cursor)
    return tagged_response(request, to_json(found))


@router.post("/bills", status_code=201, response_model=ImportOut, responses=problem_responses(401, 404, 409))
def add_bill(subject_id: str, body: BillIn, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Type a bill: utility, first and last day, amount. The same utility and days again is a correction."""
    place = place_from_text(body.place, zone=body.zone, record="place") if body.place else None

    def add(session: Session) -> Reply:
        whose = may_change(session, services, who, subject_id)
        bill = BillInput(
            utility=body.utility,
            first_date=body.first_date.isoformat(),
            last_date=body.last_date.isoformat(),
            amount_text=body.amount,
            unit=body.unit,
            is_additional=body.is_additional,
        )
        work = Work(session, services)
        report = enter_bill(work, whose, bill, place=place, attachment=None)
        find_duplicates(work, whose, report.months)
        return json_reply(ImportOut.of(report), 201)

    return once.run(add, tenant_id=who.tenant_id, account_id=who.account_id)


@router.delete("/records/{record_id}", response_model=RemovedOut, responses=problem_responses(401, 404, 409))
def remove(subject_id: str, record_id: str, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Remove what a source says: it no longer counts, and its history stays. What says it again brings it back."""

    def take_away(session: Session) -> Reply:
        whose = may_change(session, services, who, subject_id)
        work = Work(session, services)
        removed = remove_record(work, whose, record_id)
        find_duplicates(work, whose, removed.months)
        return json_reply(RemovedOut.of(removed))

    return once.run(take_away, tenant_id=who.tenant_id, account_id=who.account_id)
