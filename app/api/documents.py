"""Documents: originals that are taken in, and given back."""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.etag import tagged_response
from app.api.idempotency import OnceHere, Reply, json_reply
from app.api.models import DocumentOut, ImportOut, PreviewOut
from app.api.problems import problem_responses
from app.api.strict import StrictRoute, Upload, read_json, read_upload
from app.api.who import Asking, ServicesHere, looking, may_change, may_see
from app.services import Whose, Work
from app.store import documents
from app.store.session import Session
from app.usecases.enter_bill import CONNECTOR as TYPED_BILL
from app.usecases.find_duplicates import find_duplicates
from app.usecases.import_document import import_document, read_document
from app.usecases.keep_original import Received, fetch_original
from app.usecases.map_file import known_mapping
from app.usecases.preview_file import SHOWN_COUNT, mapped_document, preview_file
from domain.activity import EvidenceClass
from domain.canonical import Json
from domain.errors import CanonicalError, InputError
from domain.place import place_from_text

JSON = "application/json"

router = APIRouter(prefix="/v1/documents", tags=["documents"], route_class=StrictRoute)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MAPPING_EXAMPLE = {
    "columns": {"date": ["Buchungstag"], "amount": ["Betrag"], "description": ["Verwendungszweck"]},
    "constants": {"currency": "EUR"},
    "date_order": "dmy",
    "decimals": ",",
    "delimiter": ";",
    "header_row": 1,
    "sign": "spent_negative",
}
_ANSWERED_EXAMPLE = {"constants": {"currency": "EUR"}, "date_order": "dmy"}


def _upload_body(field: str, description: str, example: object) -> dict[str, object]:
    """The body of a route that takes a file, alone or in a form beside one more field."""
    said = {"type": "string", "contentMediaType": "application/json", "description": description, "example": json.dumps(example)}
    properties = {"file": {"type": "string", "format": "binary"}, field: said}
    return {
        "requestBody": {
            "required": True,
            "content": {
                **dict.fromkeys(("application/xml", "application/x-ndjson", "text/csv", _WORKBOOK), _BINARY),
                "multipart/form-data": {"schema": {"type": "object", "required": ["file"], "properties": properties}},
            },
        }
    }


_UPLOAD = _upload_body(
    "mapping", "What the columns of a table mean, as POST /v1/documents/preview answers it; only for tables.", _MAPPING_EXAMPLE
)
_PREVIEW = _upload_body(
    "answered", "What you say of the file so far: any part of a mapping. It wins over every guess.", _ANSWERED_EXAMPLE
)


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
    """Take in one file: the bare body, or the field `file` of a form. Everything of it, or nothing.

    A table (CSV, XLSX) of the connectors `spreadsheet` and `bank-file` is read by a mapping: the field `mapping` of the form. It
    is archived in one line before the file, so that whoever reads the original again, reads the same.
    """
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
    mapping = _json_field(upload, "mapping")
    content = upload.content if mapping is None else mapped_document(connector, upload.content, mapping)
    received = Received(content, upload.media_type, EvidenceClass.UPLOADED, document_name=upload.name)

    def allowed() -> None:
        with looking(services) as work:
            may_change(work.session, services, who, subject)

    await run_in_threadpool(allowed)  # before the work of reading; and reading is done before anybody waits for the database
    read = await run_in_threadpool(read_document, connector, content)

    def add(session: Session) -> Reply:
        whose = may_change(session, services, who, subject)
        work = Work(session, services)
        report = import_document(work, whose, connector, received, place=where, document=read)
        find_duplicates(work, whose, report.months)
        return json_reply(ImportOut.of(report), 201, headers={"Location": f"/v1/documents/{report.document_sha256}"})

    return await run_in_threadpool(
        once.run, add, tenant_id=who.tenant_id, account_id=who.account_id, fingerprint=upload.fingerprint
    )


@router.post("/preview", response_model=PreviewOut, responses=problem_responses(401, 404, 415), openapi_extra=_PREVIEW)
async def preview_document(
    request: Request,
    *,
    who: Asking,
    services: ServicesHere,
    subject: Annotated[str, Query(description="Id of the subject.")],
    connector: Annotated[
        str, Query(description="bank-file or spreadsheet; empty: whichever fits.", examples=["spreadsheet"])
    ] = "",
    records: Annotated[int, Query(description="Records to show.", ge=0, le=200)] = SHOWN_COUNT,
) -> Response:
    """Look at a table before it is taken in: a proposed mapping, what is still asked, the first records as they would be read.

    Nothing is stored. Send the file again with `answered` until `questions` is empty; then POST /v1/documents with the `mapping`
    of the answer. Where nothing is answered and an earlier file of this subject had the same header, its mapping is proposed.
    """
    upload = await read_upload(request, max_bytes=services.settings.max_upload_bytes)
    answered = _json_field(upload, "answered")
    if answered is not None and not isinstance(answered, dict):
        raise InputError("This is no part of a mapping", expected="an object", got=type(answered).__name__, record="answered")

    def look() -> Response:
        with looking(services) as work:
            may_see(work.session, services, who, subject)
            whose = Whose(who.tenant_id, subject)
            known = None if answered else known_mapping(work, whose, upload.content, connector=connector)
        found = preview_file(
            upload.content,
            connector_name=known.connector if known else connector,
            answered=answered or {},
            mapping=known.mapping.to_json() if known else None,
            most_count=records,
        )
        return Response(PreviewOut.of(found, known.document_sha256 if known else "").model_dump_json(), media_type=JSON)

    return await run_in_threadpool(look)


def _json_field(upload: Upload, name: str) -> Json:
    """A field of the form that holds JSON, read strictly; None where it is not there.

    Raises:
        InputError: It is no JSON.
    """
    text = upload.fields.get(name, "")
    if not text:
        return None
    try:
        return read_json(text.encode(), record=name)
    except CanonicalError as error:
        raise InputError("This field is no JSON", expected=error.expected, got=error.got, record=name) from error


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
