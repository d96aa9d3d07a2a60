"""Pages of a signed-in person: a subject's dashboard, its traces, months, statements and files. Plain forms; no script needed."""

from dataclasses import replace

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic_core import to_json
from starlette.status import HTTP_303_SEE_OTHER, HTTP_422_UNPROCESSABLE_CONTENT

from app.api.etag import file_response, tagged_response
from app.api.frames import MESSAGES, frame_of, page
from app.api.models import ClaimOut
from app.api.strict import Upload, read_upload
from app.api.who import HostingHere, ServicesHere, looking, may_change, may_see, page_caller
from app.services import Services, Whose, Work
from app.store import documents, statements
from app.store.session import unit_of_work
from app.usecases.claim_statement import allow_claims, claim_of, forbid_claims
from app.usecases.close_period import close_period
from app.usecases.enter_bill import BillInput, enter_bill
from app.usecases.export_bundle import Shown, export_bundle
from app.usecases.find_duplicates import find_duplicates
from app.usecases.import_document import import_document, read_document
from app.usecases.keep_original import Received, fetch_original
from app.usecases.map_file import (
    BANK,
    Waiting,
    is_unknown_table,
    keep_waiting,
    merchants_before,
    merchants_json,
    wait_again,
    waits_for_mapping,
)
from app.usecases.preview_file import mapped_document
from app.usecases.remove_record import remove_record
from app.usecases.share_statement import disclosed, share_statement, shown_of
from app.usecases.show_activities import activities_csv, show_activities
from app.usecases.show_dashboard import file_connectors, show_dashboard
from app.usecases.show_hrefs import Hrefs
from app.usecases.show_import import show_import
from app.usecases.show_months import standing_gwp_set
from app.usecases.show_statement import lines_csv, show_statement, statement_of
from app.usecases.show_walk import show_walk
from app.usecases.show_why import show_why
from app.usecases.sign_in import Caller
from connectors.context import PREFIX
from dashboards.figures import Figure
from dashboards.pages import activities as activities_page
from dashboards.pages import dashboard as dashboard_page
from dashboards.pages import statement as statement_page
from dashboards.pages import upload as upload_page
from dashboards.pages import walk as walk_page
from dashboards.pages import why as why_page
from dashboards.pages.dashboard import DashboardModel, FormState
from domain.activity import EvidenceClass
from domain.errors import (
    ClimateFitnessError,
    ConflictError,
    InputError,
    NotFoundError,
    PlaceError,
    TruncatedDocumentError,
    UnknownFormatError,
)
from domain.period import MonthRange
from domain.place import place_from_text

router = APIRouter(prefix="/s/{subject_id}", include_in_schema=False)

SHARE_DAYS = 30
"""How long a share link of the page holds, days."""

_LONGEST_FIELD_COUNT = 200
_LONGEST_NAME_COUNT = 500


@router.get("")
def dashboard(subject_id: str, request: Request, services: ServicesHere) -> Response:
    """The dashboard of a subject."""
    who = page_caller(request)
    return _dashboard_page(request, services, who, subject_id)


@router.get("/why/{period}")
def why(subject_id: str, period: str, request: Request, services: ServicesHere) -> Response:
    """Why a number is what it is."""
    who, months = page_caller(request), MonthRange.from_text(period)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        model = show_why(work, Whose(who.tenant_id, subject_id), months, cursor=request.query_params.get("cursor", ""))
        frame = frame_of(request, work, who, subject_id)
    return page(why_page.render(model, MESSAGES, frame))


@router.get("/activities")
def activities(subject_id: str, request: Request, services: ServicesHere) -> Response:
    """Activities, page by page."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        cursor, period = request.query_params.get("cursor", ""), request.query_params.get("period", "")
        model = show_activities(
            work, Whose(who.tenant_id, subject_id), cursor=cursor, months=MonthRange.from_text(period) if period else None
        )
        frame = frame_of(request, work, who, subject_id)
    return page(activities_page.render(model, MESSAGES, frame))


@router.get("/activities.csv")
def activities_file(subject_id: str, request: Request, services: ServicesHere) -> Response:
    """All activities as CSV."""
    who, period = page_caller(request), request.query_params.get("period", "")
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        months = MonthRange.from_text(period) if period else None
        text = activities_csv(work, Whose(who.tenant_id, subject_id), months=months)
    return _csv_file(request, text, "activities")


@router.get("/imports/{import_id}")
def imported(subject_id: str, import_id: str, request: Request, services: ServicesHere) -> Response:
    """What became of a file."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        model = show_import(work, Whose(who.tenant_id, subject_id), import_id)
        frame = frame_of(request, work, who, subject_id)
    return page(upload_page.render(model, MESSAGES, frame))


@router.get("/statements/{statement_id}")
def statement(subject_id: str, statement_id: str, request: Request, services: ServicesHere) -> Response:
    """One statement."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        model = show_statement(work, Whose(who.tenant_id, subject_id), statement_id)
        frame = frame_of(request, work, who, subject_id)
    return page(statement_page.render(model, MESSAGES, frame))


@router.get("/statements/{statement_id}/lines.csv")
def lines_file(subject_id: str, statement_id: str, request: Request, services: ServicesHere) -> Response:
    """The lines of a statement as CSV."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        text = lines_csv(work, Whose(who.tenant_id, subject_id), statement_id)
    return _csv_file(request, text, "lines")


@router.post("/statements/{statement_id}/share")
async def share(subject_id: str, statement_id: str, request: Request, services: ServicesHere) -> Response:
    """Make a link that shows the statement's lines, or one record or group alone, and open it."""
    who = page_caller(request)
    async with request.form(max_files=0, max_fields=4) as form:
        record, group = (str(form.get(name, ""))[:_LONGEST_NAME_COUNT] for name in ("record", "group"))
    return await run_in_threadpool(_share, services, who, subject_id, statement_id, shown_of(record=record, group=group))


def _share(services: Services, who: Caller, subject_id: str, statement_id: str, shown: str) -> Response:
    with unit_of_work(services.engine) as session:
        whose = may_change(session, services, who, subject_id)
        link = share_statement(Work(session, services), whose, statement_id, days_count=SHARE_DAYS, shown=shown)
    return RedirectResponse(link.path, HTTP_303_SEE_OTHER)


@router.get("/statements/{statement_id}/walk")
def walk(subject_id: str, statement_id: str, request: Request, services: ServicesHere, hosting: HostingHere) -> Response:
    """The way from a statement back to its originals, and what of it can be shown alone."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        whose = Whose(who.tenant_id, subject_id)
        model = show_walk(work, whose, statement_id, chain=hosting.chain, kept=hosting.verifications)
        frame = frame_of(request, work, who, subject_id)
    return page(walk_page.render(model, MESSAGES, frame))


@router.get("/statements/{statement_id}/disclosure")
def disclosure(subject_id: str, statement_id: str, request: Request, services: ServicesHere) -> Response:
    """One record or group of a statement, alone, as a download."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        row = statement_of(work, Whose(who.tenant_id, subject_id), statement_id)
        asked = shown_of(record=request.query_params.get("record", ""), group=request.query_params.get("group", ""))
        found = disclosed(work, row, asked)
    if found is None:
        raise NotFoundError("There is no such file", expected="a record or a group", got="neither")
    return file_response(request, found)


@router.post("/claiming")
async def claiming(subject_id: str, request: Request, services: ServicesHere) -> Response:
    """Name the wallet of a person's statements that are closed from now on, or none, from the form."""
    who = page_caller(request)
    async with request.form(max_files=0, max_fields=5) as form:
        holder, agree, statement_id = (
            str(form.get(name, ""))[:_LONGEST_FIELD_COUNT] for name in ("holder", "agree", "statement")
        )
    return await run_in_threadpool(_set_claiming, services, who, subject_id, statement_id, (holder, agree == "1"))


def _set_claiming(services: Services, who: Caller, subject_id: str, statement_id: str, wish: tuple[str, bool]) -> Response:
    holder, is_agreed = wish
    with unit_of_work(services.engine) as session:
        whose, work = may_change(session, services, who, subject_id), Work(session, services)
        if holder:
            allow_claims(work, whose, holder, is_public_understood=is_agreed)
        else:
            forbid_claims(work, whose)
        row = statement_of(work, whose, statement_id) if statement_id else None
    hrefs = Hrefs(subject_id)
    return RedirectResponse(hrefs.statement(row.id) if row else hrefs.home, HTTP_303_SEE_OTHER)


@router.get("/statements/{statement_id}/claim")
def claim(subject_id: str, statement_id: str, request: Request, services: ServicesHere) -> Response:
    """The transaction that claims a person's statement, as a download for the wallet."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        row = statement_of(work, Whose(who.tenant_id, subject_id), statement_id)
        call = claim_of(work, row, is_public_understood=request.query_params.get("agree") == "1")
    response = tagged_response(request, to_json(ClaimOut.of(call)))
    response.headers["Content-Disposition"] = f'attachment; filename="claim-{row.manifest_hash_hex[:12]}.json"'
    return response


@router.get("/statements/{statement_id}/bundle")
def bundle(subject_id: str, statement_id: str, request: Request, services: ServicesHere) -> Response:
    """The bundle of a statement as a download."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        row = statements.by_id(work.session, who.tenant_id, statement_id)
        if row.subject_id != subject_id:
            raise NotFoundError("There is no such statement", got=statement_id)
        data = export_bundle(work, row, Shown.EVERYTHING).to_bytes()
    response = tagged_response(request, data)
    response.headers["Content-Disposition"] = f'attachment; filename="statement-{row.manifest_hash_hex[:12]}.json"'
    return response


@router.get("/documents/{sha256}")
def original(subject_id: str, sha256: str, request: Request, services: ServicesHere) -> Response:
    """An original as a download: never shown inline, whatever it is."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        row = documents.by_sha256(work.session, who.tenant_id, subject_id, sha256)
        body = fetch_original(work, row)
    response = tagged_response(request, body, media_type="application/octet-stream")
    response.headers["Content-Disposition"] = f'attachment; filename="{row.sha256[:16]}"'
    return response


@router.get("/figures/{name}")
def figure(subject_id: str, name: str, request: Request, services: ServicesHere) -> Response:
    """The CSV of a figure, or the drawing that Plotly reads."""
    who = page_caller(request)
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        model = show_dashboard(work, Whose(who.tenant_id, subject_id))
    figure_id, _, ending = name.partition(".")
    found = next((one for one in dashboard_page.figures_of(model, MESSAGES) if one.figure_id == figure_id), None)
    if found is None or ending not in {"csv", "json"}:
        raise NotFoundError("There is no such figure", got=name)
    return _figure_file(request, found, ending)


@router.post("/documents")
async def upload(subject_id: str, request: Request, services: ServicesHere) -> Response:
    """Take in a file from the form."""
    who = page_caller(request)
    sent = await read_upload(request, max_bytes=services.settings.max_upload_bytes, is_file_needed=False)
    return await run_in_threadpool(_take_in, request, services, who, subject_id, sent)


@router.post("/documents/{sha256}/again")
def map_again(subject_id: str, sha256: str, request: Request, services: ServicesHere) -> Response:
    """Let a table that was taken in wait once more, and lead to the page of its columns and shops."""
    who = page_caller(request)
    with unit_of_work(services.engine) as session:
        whose = may_change(session, services, who, subject_id)
        waiting_id = wait_again(Work(session, services), whose, sha256)
    return RedirectResponse(Hrefs(subject_id).waiting(waiting_id), HTTP_303_SEE_OTHER)


@router.post("/bills")
async def bill(subject_id: str, request: Request, services: ServicesHere) -> Response:
    """Take in a typed bill from the form."""
    who = page_caller(request)
    sent = await read_upload(request, max_bytes=services.settings.max_upload_bytes, is_file_needed=False)
    return await run_in_threadpool(_enter, request, services, who, subject_id, sent)


@router.post("/records/{record_id}/remove")
def remove(subject_id: str, record_id: str, request: Request, services: ServicesHere) -> Response:
    """Remove a typed bill or a declared activity from the form, and show what is left."""
    who = page_caller(request)
    with unit_of_work(services.engine) as session:
        whose = may_change(session, services, who, subject_id)
        work = Work(session, services)
        find_duplicates(work, whose, remove_record(work, whose, record_id).months)
    return RedirectResponse(Hrefs(subject_id).activities(), HTTP_303_SEE_OTHER)


@router.post("/periods/{period}/close")
async def close(subject_id: str, period: str, request: Request, services: ServicesHere) -> Response:
    """Close a period from the form."""
    who = page_caller(request)
    async with request.form(max_files=0, max_fields=4) as form:
        reason = str(form.get("reason", "")).replace("\x00", "\ufffd")[:500]
    return await run_in_threadpool(_close, services, who, subject_id, MonthRange.from_text(period), reason)


def _dashboard_page(
    request: Request,
    services: Services,
    who: Caller,
    subject_id: str,
    *,
    change: "_FormChange | None" = None,
) -> HTMLResponse:
    with looking(services) as work:
        may_see(work.session, services, who, subject_id)
        model = show_dashboard(work, Whose(who.tenant_id, subject_id))
        frame = frame_of(request, work, who, subject_id)
    if change is not None:
        model = change(model)
    status = 200 if change is None else HTTP_422_UNPROCESSABLE_CONTENT
    return page(dashboard_page.render(model, MESSAGES, frame), status=status)


class _FormChange:
    """Shows a form again with what was typed and what is wrong with it."""

    def __init__(self, form: str, sent: Upload, error: ClimateFitnessError, zones: tuple[str, ...] = ()) -> None:
        self._form, self._sent, self._error, self._zones = form, sent, error, zones

    def __call__(self, model: DashboardModel) -> DashboardModel:
        field = _field_of(self._error, self._form, has_zones=bool(self._zones))
        said = self._error.sentence()
        if self._zones:  # a question, and the field lists the answers
            said = f"{self._error.message}. {self._error.next_step}"
        state = FormState(values=self._sent.fields, errors={field: said})
        connect = replace(model.connect, upload=state) if self._form == "upload" else replace(model.connect, bill=state)
        return replace(model, connect=replace(connect, zones=self._zones or model.connect.zones))


def _field_of(error: ClimateFitnessError, form: str, *, has_zones: bool) -> str:
    if isinstance(error, PlaceError):
        return "zone" if has_zones else "place"
    if form == "upload":
        return "file"
    if isinstance(error, ConflictError):  # these days are taken
        return "start"
    by_record = {"utility": "utility", "first day": "start", "last day": "end", "amount": "kwh", "place": "place"}
    return by_record.get(error.record, "kwh")


def _take_in(request: Request, services: Services, who: Caller, subject_id: str, sent: Upload) -> Response:
    received = Received(sent.content, sent.media_type, EvidenceClass.UPLOADED, document_name=sent.name)
    place_text, zone = sent.fields.get("place", "").strip(), sent.fields.get("zone", "").strip()
    try:
        if not sent.content:
            raise TruncatedDocumentError("This file is empty", expected="at least one byte", next_step="Choose the file again.")
        place = place_from_text(place_text, zone=zone, record="place") if place_text else None
        connector = _file_connector(sent.fields.get("connector", ""))
        merchants = _merchants(services, who, subject_id) if connector == BANK else {}
        if waits_for_mapping(connector, sent.content, merchants):
            return _ask_for_mapping(services, who, subject_id, sent, connector)
        if merchants and not sent.content.startswith(PREFIX):
            received = replace(received, body=mapped_document(connector, sent.content, merchants_json(merchants)))
        try:
            document = read_document(connector, received.body)  # before the transaction: it can take seconds
        except UnknownFormatError:
            if not is_unknown_table(sent.content):
                raise
            return _ask_for_mapping(services, who, subject_id, sent, "")
        with unit_of_work(services.engine) as session:
            whose = may_change(session, services, who, subject_id)
            work = Work(session, services)
            report = import_document(work, whose, connector, received, place=place, document=document)
            find_duplicates(work, whose, report.months)
    except (InputError, ConflictError) as error:
        zones = _zones_for(services, error, place_text)
        return _dashboard_page(request, services, who, subject_id, change=_FormChange("upload", sent, error, zones))
    return RedirectResponse(f"/s/{subject_id}/imports/{report.import_id}", HTTP_303_SEE_OTHER)


def _merchants(services: Services, who: Caller, subject_id: str) -> dict[str, str]:
    """What the person said of merchants before, if they may change the subject."""
    with looking(services) as work:
        return merchants_before(work, may_change(work.session, services, who, subject_id))


def _ask_for_mapping(services: Services, who: Caller, subject_id: str, sent: Upload, connector: str) -> Response:
    """Keep a table, and lead to the page that asks what its columns mean."""
    fields = sent.fields
    place, zone = (fields.get(name, "").strip()[:_LONGEST_FIELD_COUNT] for name in ("place", "zone"))
    waiting = Waiting("", sent.content, sent.name, sent.media_type, place=place, zone=zone, connector=connector)
    with unit_of_work(services.engine) as session:
        whose = may_change(session, services, who, subject_id)
        waiting_id = keep_waiting(Work(session, services), whose, waiting)
    return RedirectResponse(Hrefs(subject_id).waiting(waiting_id), HTTP_303_SEE_OTHER)


def _file_connector(name: str) -> str:
    """The connector that a person chose for a file, or the first one.

    Raises:
        InputError: It reads no files that people choose.
    """
    choices = [connector for connector, _ in file_connectors()]
    if name and name not in choices:
        raise InputError("This is no kind of file", expected=f"one of {', '.join(choices)}", got=name, record="connector")
    return name or choices[0]


def _enter(request: Request, services: Services, who: Caller, subject_id: str, sent: Upload) -> Response:
    fields = sent.fields
    attachment = (
        Received(sent.content, sent.media_type, EvidenceClass.UPLOADED, document_name=sent.name) if sent.content else None
    )
    typed = BillInput(
        utility=fields.get("utility", ""),
        first_date=fields.get("start", ""),
        last_date=fields.get("end", ""),
        amount_text=fields.get("kwh", ""),
        unit="kWh",
        is_additional=fields.get("is_additional") == "on",
    )
    try:
        place = place_from_text(fields["place"], zone=fields.get("zone", ""), record="place") if fields.get("place") else None
        with unit_of_work(services.engine) as session:
            whose = may_change(session, services, who, subject_id)
            work = Work(session, services)
            report = enter_bill(work, whose, typed, place=place, attachment=attachment)
            find_duplicates(work, whose, report.months)
    except (InputError, ConflictError) as error:
        zones = _zones_for(services, error, fields.get("place", ""))
        return _dashboard_page(request, services, who, subject_id, change=_FormChange("bill", sent, error, zones))
    return RedirectResponse(f"/s/{subject_id}/imports/{report.import_id}", HTTP_303_SEE_OTHER)


def _close(services: Services, who: Caller, subject_id: str, months: MonthRange, reason: str) -> Response:
    with unit_of_work(services.engine) as session:
        whose = may_change(session, services, who, subject_id)
        work = Work(session, services)
        row = close_period(work, whose, months, reason=reason, gwp_set=standing_gwp_set(work, whose, months))
    return RedirectResponse(f"/s/{subject_id}/statements/{row.id}", HTTP_303_SEE_OTHER)


def _zones_for(services: Services, error: ClimateFitnessError, place_text: str) -> tuple[str, ...]:
    """Zones to choose from, where the refusal was a question for the zone."""
    if not isinstance(error, PlaceError) or not place_text:
        return ()
    try:
        return services.zones_of_region(place_from_text(place_text).region)
    except InputError:
        return ()


def _figure_file(request: Request, found: Figure, ending: str) -> Response:
    if ending == "json":
        return tagged_response(request, found.plotly_json.encode())
    return _csv_file(request, found.csv, found.figure_id)


def _csv_file(request: Request, text: str, name: str) -> Response:
    response = tagged_response(request, text.encode(), media_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response
