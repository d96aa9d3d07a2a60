"""Duplicates: pairs of records that may be one thing, and what the person decides about them."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.etag import tagged_response
from app.api.idempotency import OnceHere, Reply, json_reply
from app.api.models import DecisionIn, DuplicateOut
from app.api.problems import problem_responses
from app.api.strict import StrictRoute
from app.api.who import Asking, ServicesHere, looking, may_change, may_see
from app.services import Services, Whose, Work
from app.store import duplicates
from app.store.session import Session
from app.usecases.find_duplicates import Duplicate, keep_both, list_duplicates, merge_duplicate, undo_decision
from app.usecases.show_duplicates import source_names, source_of
from app.usecases.sign_in import Caller
from domain.errors import InputError, NotFoundError
from domain.period import Month

router = APIRouter(prefix="/v1/duplicates", tags=["duplicates"], route_class=StrictRoute)

DECISIONS = frozenset({"merge", "keep_both", "undo"})
"""What can be said about a pair."""


@router.get("", response_model=list[DuplicateOut], responses=problem_responses(401, 404))
def list_pairs(
    request: Request, who: Asking, services: ServicesHere, subject: Annotated[str, Query(description="Id of the subject.")]
) -> Response:
    """The pairs of a subject, open ones first, each with both records and why they may be one thing."""
    with looking(services) as work:
        may_see(work.session, services, who, subject)
        whose = Whose(who.tenant_id, subject)
        sources = source_names(work, whose)
        found = [_pair_out(work, whose, one, sources) for one in list_duplicates(work, whose)]
    return tagged_response(request, to_json(found))


@router.post("/{duplicate_id}", response_model=DuplicateOut, responses=problem_responses(401, 404, 409))
def decide_pair(duplicate_id: str, body: DecisionIn, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Count the two once, keep both, or take the decision back. Each decision is a document that an auditor sees."""
    with looking(services) as work:  # before the key is looked at: what is not theirs is not there
        _whose_of(work.session, services, who, duplicate_id)

    def do(session: Session) -> Reply:
        work = Work(session, services)
        whose = _whose_of(session, services, who, duplicate_id)
        months = decide(work, whose, duplicate_id, body.decision, body.aside)
        (pair,) = [one for one in list_duplicates(work, whose) if one.row.id == duplicate_id]
        return json_reply(_pair_out(work, whose, pair, source_names(work, whose), months))

    return once.run(do, tenant_id=who.tenant_id, account_id=who.account_id)


def decide(work: Work, whose: Whose, duplicate_id: str, decision: str, aside_record_id: str) -> tuple[Month, ...]:
    """Do what a person decided about a pair.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        duplicate_id: Which pair.
        decision: One of `DECISIONS`.
        aside_record_id: Which record no longer counts, for `merge`; the one that says less where empty.

    Returns:
        Months whose activity changed.

    Raises:
        NotFoundError: The subject has no such pair.
        ConflictError: It was decided otherwise, the record is none of the two, or a meter says it.
        InputError: This is no decision.
    """
    match decision:
        case "merge":
            return merge_duplicate(work, whose, duplicate_id, aside_record_id=aside_record_id)
        case "keep_both":
            keep_both(work, whose, duplicate_id)
            return ()
        case "undo":
            return undo_decision(work, whose, duplicate_id)
    raise InputError("This is no decision", expected=", ".join(sorted(DECISIONS)), got=decision, record="decision")


def _whose_of(session: Session, services: Services, who: Caller, duplicate_id: str) -> Whose:
    """The subject of a pair, if the caller may change it; another's pair is not there.

    Raises:
        NotFoundError: There is no such pair, or none that they may see.
    """
    unknown = NotFoundError("There is no such duplicate", expected="the id of a pair of yours", got=duplicate_id)
    subject_id = duplicates.subject_of(session, who.tenant_id, duplicate_id)
    if not subject_id:
        raise unknown
    try:
        return may_change(session, services, who, subject_id)
    except NotFoundError:
        raise unknown from None


def _pair_out(
    work: Work, whose: Whose, found: Duplicate, sources: dict[str, str], months: tuple[Month, ...] = ()
) -> DuplicateOut:
    row = found.row
    return DuplicateOut.of(
        found,
        keep_source=source_of(work, whose, row.keep_record_id, found.keep, sources),
        aside_source=source_of(work, whose, row.aside_record_id, found.aside, sources),
        months=months,
    )
