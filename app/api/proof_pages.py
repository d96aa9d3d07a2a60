"""The public proof page: a stranger sees every step redone, and may drop a bundle to have it checked."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from app.api.anonymous_verify import verify_upload
from app.api.etag import file_response
from app.api.frames import MESSAGES, page, plain_frame
from app.api.strict import Upload
from app.api.who import HostingHere, ServicesHere, looking
from app.security.sessions import token_sha256
from app.services import Services, Work
from app.store import shares, statements
from app.store.statements import StatementRow
from app.usecases.find_factor_set import factor_set_of_bundle
from app.usecases.find_successor import Successor
from app.usecases.share_statement import disclosed
from app.usecases.show_hrefs import VERIFY_HREF, disclosure_href
from app.usecases.show_proof import show_bundle, show_proof, without_details
from app.usecases.verify_bundle import Step
from app.usecases.verify_statement import checked_statement
from dashboards.pages import proof as proof_page
from domain.errors import NotFoundError

router = APIRouter(prefix="/proof", include_in_schema=False)


@router.get("")
def ask(request: Request) -> Response:
    """The page where a stranger brings a bundle."""
    model = proof_page.ProofModel(proof_page.Verification(()), None, VERIFY_HREF)
    return page(proof_page.render(model, MESSAGES, plain_frame(request)))


@router.get("/{public_token}")
def proof(public_token: str, request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """The proof of one statement, recomputed since its last byte changed; what a share link is for only behind it."""
    with looking(services) as work, without_details():
        row = statements.by_public_token(work.session, public_token)
        shown = _shown_by_link(request, work, row)
        checked = checked_statement(work, row, chain=hosting.chain, kept=hosting.verifications)
        model = show_proof(
            work,
            row,
            checked.steps,
            is_shared=shown == shares.LINES,
            disclosure=disclosed(work, row, shown),
            file_href=disclosure_href(public_token, request.query_params.get("share", "")),
            checked_at=checked.at,
        )
    return page(proof_page.render(model, MESSAGES, plain_frame(request)))


@router.get("/{public_token}/disclosure")
def disclosure(public_token: str, request: Request, services: ServicesHere) -> Response:
    """What a share link shows alone, as a file."""
    with looking(services) as work, without_details():
        row = statements.by_public_token(work.session, public_token)
        found = disclosed(work, row, _shown_by_link(request, work, row))
    if found is None:
        raise NotFoundError("There is no such file", expected="a share link to one record or group", got="none")
    return file_response(request, found)


def _shown_by_link(request: Request, work: Work, row: StatementRow) -> str:
    """What the share link of a request shows; empty where there is none, or it is of another statement."""
    digest = token_sha256(request.query_params.get("share", ""))
    link = shares.live(work.session, digest, work.services.clock.now()) if digest else None
    return link.shown if link is not None and link.statement_id == row.id else ""


@router.post("")
async def check(request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """Check a bundle that somebody drops, up to 8 MiB, one at a time; nothing of it is kept."""
    sent, steps, successor = await verify_upload(request, services, hosting)
    return await run_in_threadpool(_answer, request, services, sent, steps, successor)


def _answer(request: Request, services: Services, sent: Upload, steps: tuple[Step, ...], successor: Successor) -> Response:
    factor_set = factor_set_of_bundle(sent.content, installed=services.factor_set, data_folder=services.settings.data_folder)
    model = show_bundle(sent.content, steps, document_name=sent.name, factor_set=factor_set, successor=successor)
    return page(proof_page.render(model, MESSAGES, plain_frame(request)))
