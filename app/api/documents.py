"""Documents: originals that are taken in, and given back."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.etag import tagged_response
from app.api.idempotency import OnceHere, Reply, json_reply
from app.api.models import DocumentOut, ImportOut
from app.api.problems import problem_responses
from app.api.strict import StrictRoute, read_upload
from app.api.who import Asking, ServicesHere, looking, may_change, may_see
from app.services import Work
from app.store import documents
from app.store.session import Session
from app.usecases.enter_bill import CONNECTOR as TYPED_BILL
from app.usecases.find_duplicates import find_duplicates
from app.usecases.import_document import import_document, read_document
from app.usecases.keep_original import Received, fetch_original
from domain.activity import EvidenceClass
from domain.errors import InputError
from domain.place import place_from_text

router = APIRouter(prefix="/v1/documents", tags=["documents"], route_class=StrictRoute)

_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "application/xml": {"schema": {"type": "string", "format": "binary"}},
            "application/x-ndjson": {"schema": {"type": "string", "format": "binary"}},
            "text/csv": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "required": ["file"], "properties": {"file": {"type": "string", "format": "binary"}}}
            },
        },
    }
}


@router.post(
    "", status_code=201, response_model=ImportOut, responses=problem_responses(401, 404, 409, 415), openapi_extra=_UPLOAD
)
async def add_document(
    request: Request,
    *,
    who: Asking,
    services: ServicesHere,
    once: OnceHere,
    subject: Annotated[str, Query(description="Id of the subject.")],
    connector: Annotated[str, Query(description="Which connector reads it.", examples=["green-button"])] = "green-button",
    place: Annotated[
        str,
        Query(
            description="US ZIP code or country of the meter, or of activities that do not say it; empty: what is known.",
            examples=["94110"],
        ),
    ] = "",
    zone: Annotated[str, Query(description="IANA time zone of the meter, where its region has several.")] = "",
) -> Response:
    """Take in one file: the bare body, or the field `file` of a form. Everything of it, or nothing."""
    if connector == TYPED_BILL:  # as a file it would claim the better evidence, and pass by the checks of bills
        raise InputError(
            "A typed bill is no file",
            expected="a connector that reads files, such as green-button",
            got=connector,
            record="connector",
            next_step="Type it at POST /v1/subjects/{subject_id}/bills.",
        )
    upload = await read_upload(request, max_bytes=services.settings.max_upload_bytes)
    where = place_from_text(place, zone=zone, record="place") if place else None
    received = Received(upload.content, upload.media_type, EvidenceClass.UPLOADED, document_name=upload.name)

    def allowed() -> None:
        with looking(services) as work:
            may_change(work.session, services, who, subject)

    await run_in_threadpool(allowed)  # before the work of reading; and reading is done before anybody waits for the database
    read = await run_in_threadpool(read_document, connector, upload.content)

    def add(session: Session) -> Reply:
        whose = may_change(session, services, who, subject)
        work = Work(session, services)
        report = import_document(work, whose, connector, received, place=where, document=read)
        find_duplicates(work, whose, report.months)
        return json_reply(ImportOut.of(report), 201, headers={"Location": f"/v1/documents/{report.document_sha256}"})

    return await run_in_threadpool(
        once.run, add, tenant_id=who.tenant_id, account_id=who.account_id, fingerprint=upload.fingerprint
    )


@router.get("", response_model=list[DocumentOut], responses=problem_responses(401, 404))
def list_documents(
    request: Request, who: Asking, services: ServicesHere, subject: Annotated[str, Query(description="Id of the subject.")]
) -> Response:
    """Every original of a subject, newest first."""
    with looking(services) as work:
        may_see(work.session, services, who, subject)
        found = documents.of_subject(work.session, who.tenant_id, subject)
    return tagged_response(request, to_json([DocumentOut.of(row) for row in found]))


@router.get("/{sha256}", response_class=Response, responses=problem_responses(401, 404))
def get_document(
    sha256: str,
    request: Request,
    who: Asking,
    services: ServicesHere,
    subject: Annotated[str, Query(description="Id of the subject.")],
) -> Response:
    """The original bytes, as they came; always as a download."""
    with looking(services) as work:
        may_see(work.session, services, who, subject)
        row = documents.by_sha256(work.session, who.tenant_id, subject, sha256)
        body = fetch_original(work, row)
    response = tagged_response(request, body, media_type="application/octet-stream", etag=f'"{row.sha256}"')
    response.headers["Content-Disposition"] = f'attachment; filename="{row.sha256[:16]}"'
    return response
