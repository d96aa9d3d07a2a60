"""Periods that are closed, the statements that this makes, and their bundles."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.etag import file_response, tagged_response
from app.api.idempotency import OnceHere, Reply, json_reply
from app.api.models import (
    ClaimOut,
    CloseIn,
    InputGroupOut,
    PeriodOut,
    ShareIn,
    ShareLinkOut,
    ShareOut,
    StatementLinesOut,
    StatementOut,
)
from app.api.problems import problem_responses
from app.api.strict import StrictRoute
from app.api.who import Asking, ServicesHere, looking, may_change, may_see
from app.services import Services, Work
from app.store import periods, shares, statements
from app.store.session import Session
from app.store.statements import StatementRow
from app.usecases.claim_statement import claim_of
from app.usecases.close_period import close_period
from app.usecases.disclose import disclose_group, disclose_record, show_inputs
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.share_statement import share_statement, shown_of
from app.usecases.show_months import standing_gwp_set
from domain.errors import InputError
from domain.factor import GwpSet
from domain.period import MonthRange

router = APIRouter(prefix="/v1", tags=["statements"], route_class=StrictRoute)


@router.get("/subjects/{subject_id}/periods", response_model=list[PeriodOut], responses=problem_responses(401, 404))
def list_periods(subject_id: str, request: Request, who: Asking, services: ServicesHere) -> Response:
    """Periods of a subject that were closed, or are being closed."""
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        found = periods.of_subject(work.session, who.tenant_id, subject_id)
    return tagged_response(request, to_json([PeriodOut.of(row) for row in found]))


@router.post(
    "/subjects/{subject_id}/periods/{period}/close",
    status_code=201,
    response_model=StatementOut,
    responses=problem_responses(401, 404, 409),
)
def close(subject_id: str, period: str, body: CloseIn, *, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Close a period (`2026-03`, `2026-Q1`, `2026`): makes its statement, which is then endorsed and anchored or issued."""
    months = MonthRange.from_text(period)

    def run(session: Session) -> Reply:
        whose = may_change(session, services, who, subject_id)
        work = Work(session, services)
        gwp_set = GwpSet(body.gwp_set) if body.gwp_set else standing_gwp_set(work, whose, months)
        row = close_period(work, whose, months, reason=body.reason, gwp_set=gwp_set)
        return json_reply(StatementOut.of(row, str(months)), 201, headers={"Location": f"/v1/statements/{row.id}"})

    return once.run(run, tenant_id=who.tenant_id, account_id=who.account_id)


@router.get("/subjects/{subject_id}/statements", response_model=list[StatementOut], responses=problem_responses(401, 404))
def list_statements(subject_id: str, request: Request, who: Asking, services: ServicesHere) -> Response:
    """Statements of a subject, by period and revision."""
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        names = {row.id: str(row.months) for row in periods.of_subject(work.session, who.tenant_id, subject_id)}
        found = statements.of_subject(work.session, who.tenant_id, subject_id)
    return tagged_response(request, to_json([StatementOut.of(row, names[row.period_id]) for row in found]))


@router.get("/statements/{statement_id}", response_model=StatementLinesOut, responses=problem_responses(401, 404))
def get_statement(statement_id: str, request: Request, who: Asking, services: ServicesHere) -> Response:
    """One statement: every line with its factor, totals by scope and category, what no factor fits, and how sure it is."""
    with looking(services) as work:
        row = statements.by_id(work.session, who.tenant_id, statement_id)
        may_see(work.session, services, who, row.subject_id)
        period = periods.by_id(work.session, who.tenant_id, row.period_id)
        lines = statements.lines_of(work.session, who.tenant_id, row.id)
    answer = StatementLinesOut.with_lines(row, str(period.months), lines, services.factor_set)
    return tagged_response(request, to_json(answer))


@router.get("/statements/{statement_id}/bundle", response_class=Response, responses=problem_responses(401, 404, 409))
def get_bundle(statement_id: str, request: Request, who: Asking, services: ServicesHere) -> Response:
    """The bundle of a signed statement, with everything: verify it with `climate-fitness verify FILE`."""
    with looking(services) as work:
        row = statements.by_id(work.session, who.tenant_id, statement_id)
        may_see(work.session, services, who, row.subject_id)
        data = export_bundle(work, row, Shown.EVERYTHING).to_bytes()
    response = tagged_response(request, data)
    response.headers["Content-Disposition"] = f'attachment; filename="statement-{row.manifest_hash_hex[:12]}.json"'
    return response


@router.get("/statements/{statement_id}/claim", response_model=ClaimOut, responses=problem_responses(401, 404, 409))
def get_claim(
    statement_id: str,
    request: Request,
    *,
    who: Asking,
    services: ServicesHere,
    is_public_understood: Annotated[
        bool, Query(description="That you know that a claim makes holder, period and grams public, for good.")
    ] = False,
) -> Response:
    """The transaction with which a wallet claims an anchored statement; nothing is sent by us."""
    with looking(services) as work:
        row = statements.by_id(work.session, who.tenant_id, statement_id)
        may_see(work.session, services, who, row.subject_id)
        call = claim_of(work, row, is_public_understood=is_public_understood)
    return tagged_response(request, to_json(ClaimOut.of(call)))


@router.get("/statements/{statement_id}/inputs", response_model=list[InputGroupOut], responses=problem_responses(401, 404))
def list_inputs(statement_id: str, request: Request, who: Asking, services: ServicesHere) -> Response:
    """The records that a statement was computed from, by group: what of it can be shown alone."""
    with looking(services) as work:
        row = statements.by_id(work.session, who.tenant_id, statement_id)
        may_see(work.session, services, who, row.subject_id)
        found = [InputGroupOut.of(group) for group in show_inputs(work, row)]
    return tagged_response(request, to_json(found))


@router.get("/statements/{statement_id}/disclosure", response_class=Response, responses=problem_responses(401, 404, 409))
def get_disclosure(
    statement_id: str,
    request: Request,
    *,
    who: Asking,
    services: ServicesHere,
    record: Annotated[str, Query(description="Id of the record to show alone.", max_length=64)] = "",
    group: Annotated[str, Query(description="Group whose sums to show alone.", max_length=500)] = "",
    signed: Annotated[
        bool | None, Query(description="Whether the auditors' signatures, hence the totals in grams, are told.")
    ] = None,
) -> Response:
    """One record, or the sums of one group, of a signed statement, and nothing else of it.

    `climate-fitness verify FILE` checks it, without asking anybody.
    """
    with looking(services) as work:
        row = statements.by_id(work.session, who.tenant_id, statement_id)
        may_see(work.session, services, who, row.subject_id)
        if bool(record) == bool(group):
            raise InputError("A disclosure shows one thing", expected="record or group", got="both" if record else "none")
        made = (
            disclose_record(work, row, record, is_signed=signed) if record else disclose_group(work, row, group, is_signed=signed)
        )
    return file_response(request, made)


@router.post(
    "/statements/{statement_id}/share-links",
    status_code=201,
    response_model=ShareOut,
    responses=problem_responses(401, 404, 409, 410),
)
def add_share_link(statement_id: str, body: ShareIn, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Make a link that shows the statement's lines, or one record or group alone, on its proof page.

    It is shown once: with the same key again this is a 410.
    """

    def add(session: Session) -> Reply:
        row = statements.by_id(session, who.tenant_id, statement_id)
        whose = may_change(session, services, who, row.subject_id)
        shown = shown_of(record=body.record, group=body.group)
        link = share_statement(Work(session, services), whose, row.id, days_count=body.days, shown=shown)
        return json_reply(ShareOut(path=link.path, expires_at=link.expires_at), 201, shows_secret=True)

    return once.run(add, tenant_id=who.tenant_id, account_id=who.account_id)


@router.get("/statements/{statement_id}/share-links", response_model=list[ShareLinkOut], responses=problem_responses(401, 404))
def list_share_links(statement_id: str, request: Request, who: Asking, services: ServicesHere) -> Response:
    """Links that were made for the statement, the newest first; their tokens are not kept."""
    with looking(services) as work:
        row = statements.by_id(work.session, who.tenant_id, statement_id)
        may_see(work.session, services, who, row.subject_id)
        links = _links(work.session, services, row)
    return tagged_response(request, to_json(links))


@router.delete("/statements/{statement_id}/share-links", response_model=list[ShareLinkOut], responses=problem_responses(401, 404))
def withdraw_share_links(statement_id: str, who: Asking, services: ServicesHere, once: OnceHere) -> Response:
    """Withdraw every link of the statement, from now on; answers them all."""

    def withdraw(session: Session) -> Reply:
        row = statements.by_id(session, who.tenant_id, statement_id)
        may_change(session, services, who, row.subject_id)
        shares.revoke_all(session, row.tenant_id, row.id, services.clock.now())
        return json_reply(_links(session, services, row))

    return once.run(withdraw, tenant_id=who.tenant_id, account_id=who.account_id)


def _links(session: Session, services: Services, row: StatementRow) -> list[ShareLinkOut]:
    now = services.clock.now()
    return [ShareLinkOut.of(link, now) for link in shares.of_statement(session, row.tenant_id, row.id)]
