"""Proofs: what anybody may check, without signing in."""

from fastapi import APIRouter, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.anonymous_verify import verify_upload
from app.api.etag import tagged_response
from app.api.models import VerificationOut
from app.api.problems import problem_responses
from app.api.strict import StrictRoute
from app.api.who import HostingHere, ServicesHere, looking
from app.store import statements
from app.usecases.find_successor import successor_of
from app.usecases.show_proof import is_issued, public_steps, without_details
from app.usecases.verify_statement import checked_statement

router = APIRouter(prefix="/v1/proofs", tags=["proofs"], route_class=StrictRoute)

_FILE = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.get("/{public_token}", response_model=VerificationOut, responses=problem_responses(404, 409, 422))
def get_proof(public_token: str, request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """Every step of a statement's verification, redone since anything of it changed; nothing personal, no amounts."""
    with looking(services) as work, without_details():
        row = statements.by_public_token(work.session, public_token)
        checked = checked_statement(work, row, chain=hosting.chain, kept=hosting.verifications)
        is_token, successor = is_issued(work, row), successor_of(work, row)
    told = public_steps(checked.steps, is_shared=False, is_issued=is_token)
    return tagged_response(request, to_json(VerificationOut.of(told, successor, checked.at)))


@router.post("/verify", response_model=VerificationOut, responses=problem_responses(413, 415, 503), openapi_extra=_FILE)
async def verify(request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """Every step of a bundle or a disclosure that you send, up to 8 MiB, one at a time; nothing of it is kept."""
    _, steps, successor = await verify_upload(request, services, hosting)
    content = to_json(VerificationOut.of(steps, successor))
    return Response(content, media_type="application/json", headers={"Cache-Control": "no-store"})
