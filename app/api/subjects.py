"""Subjects: whom statements are about."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.etag import tagged_response
from app.api.idempotency import OnceHere, Reply, json_reply
from app.api.models import ClaimingIn, SubjectIn, SubjectOut
from app.api.problems import problem_responses
from app.api.strict import StrictRoute
from app.api.who import Asking, ServicesHere, looking, may_change, may_see, may_write
from app.services import Work
from app.store import subjects
from app.store.session import Session
from app.store.subjects import SubjectKind
from app.usecases.claim_statement import allow_claims, forbid_claims
from app.usecases.create_subject import NewSubject, create_subject
from domain.place import place_from_text

router = APIRouter(prefix="/v1/subjects", tags=["subjects"], route_class=StrictRoute)


@router.get("", response_model=list[SubjectOut], responses=problem_responses(401))
def list_subjects(request: Request, who: Asking, services: ServicesHere) -> Response:
    """Every subject at which you have a role."""
    with looking(services) as work:
        found = subjects.of_account(work.session, who.tenant_id, who.account_id, services.clock.now().date())
    return tagged_response(request, to_json([SubjectOut.of(row) for row, _ in found]))


@router.post("", status_code=201, response_model=SubjectOut, responses=problem_responses(401, 409))
def add_subject(body: SubjectIn, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Make a subject that you own."""
    may_write(who)

    def add(session: Session) -> Reply:
        whose = create_subject(
            Work(session, services),
            NewSubject(
                kind=SubjectKind(body.kind),
                name=body.name,
                home=place_from_text(body.place, zone=body.zone, record="place"),
                member_count=body.member_count,
                currency=body.currency,
                chain_holder=body.chain_holder,
            ),
            owner_account_id=who.account_id,
            tenant_id=who.tenant_id,
        )
        row = subjects.by_id(session, whose.tenant_id, whose.subject_id)
        return json_reply(SubjectOut.of(row), 201, headers={"Location": f"/v1/subjects/{row.id}"})

    return once.run(add, tenant_id=who.tenant_id, account_id=who.account_id)


@router.get("/{subject_id}", response_model=SubjectOut, responses=problem_responses(401, 404))
def get_subject(subject_id: str, request: Request, who: Asking, services: ServicesHere) -> Response:
    """One subject."""
    with looking(services) as work:
        row = may_see(work.session, services, who, subject_id)
    return tagged_response(request, to_json(SubjectOut.of(row)))


@router.post("/{subject_id}/claiming", response_model=SubjectOut, responses=problem_responses(401, 404, 409))
def set_claiming(subject_id: str, body: ClaimingIn, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Let the statements that a person or household closes from now on be claimed into a wallet, or no longer."""

    def change(session: Session) -> Reply:
        whose, work = may_change(session, services, who, subject_id), Work(session, services)
        if body.holder:
            allow_claims(work, whose, body.holder, is_public_understood=body.is_public_understood)
        else:
            forbid_claims(work, whose)
        return json_reply(SubjectOut.of(subjects.by_id(session, whose.tenant_id, whose.subject_id)))

    return once.run(change, tenant_id=who.tenant_id, account_id=who.account_id)
