"""Proofs: what anybody may check, without signing in."""

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.etag import tagged_response
from app.api.models import VerificationOut
from app.api.problems import problem_responses
from app.api.strict import StrictRoute, read_upload
from app.api.who import HostingHere, ServicesHere, looking
from app.store import statements
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.look_at_chain import verify_with_chain

router = APIRouter(prefix="/v1/proofs", tags=["proofs"], route_class=StrictRoute)

_FILE = {"requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}}}


@router.get("/{public_token}", response_model=VerificationOut, responses=problem_responses(404, 409))
def get_proof(public_token: str, request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """Every step of a statement's verification, redone now; nothing personal."""
    with looking(services) as work:
        row = statements.by_public_token(work.session, public_token)
        data = export_bundle(work, row, Shown.EVERYTHING).to_bytes()
    steps = verify_with_chain(data, factor_set=services.factor_set, chain=hosting.chain)
    return tagged_response(request, to_json(VerificationOut.of(steps)))


@router.post("/verify", response_model=VerificationOut, responses=problem_responses(415), openapi_extra=_FILE)
async def verify(request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """Every step of a bundle that you send; nothing of it is kept."""
    upload = await read_upload(request, max_bytes=services.settings.max_upload_bytes, field="bundle")
    steps = await run_in_threadpool(verify_with_chain, upload.content, factor_set=services.factor_set, chain=hosting.chain)
    return Response(to_json(VerificationOut.of(steps)), media_type="application/json", headers={"Cache-Control": "no-store"})
