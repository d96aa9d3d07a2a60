"""The page on which a person says what the columns of a table mean. A plain form; no script needed."""

from collections.abc import Mapping
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData
from starlette.status import HTTP_303_SEE_OTHER, HTTP_422_UNPROCESSABLE_CONTENT

from app.api.frames import MESSAGES, frame_of, page
from app.api.who import ServicesHere, looking, may_change, page_caller
from app.services import Services, Work
from app.store import waiting_files
from app.store.session import unit_of_work
from app.usecases.find_duplicates import find_duplicates
from app.usecases.map_file import (
    BANK,
    MAPPED_CONNECTORS,
    MOST_MERCHANTS_COUNT,
    KnownMapping,
    Waiting,
    known_mapping,
    merchants_before,
    merchants_json,
    take_in_waiting,
    waiting_file,
)
from app.usecases.preview_file import Preview, connector_for, preview_file, preview_form
from app.usecases.show_hrefs import Hrefs
from app.usecases.show_mapping import (
    MOST_CELLS_COUNT,
    MOST_COLUMNS_COUNT,
    Problems,
    Typed,
    looked_of,
    said_of,
    shape_of,
    show_mapping,
)
from app.usecases.sign_in import Caller
from dashboards.pages import mapping as mapping_page
from domain.canonical import Json
from domain.errors import ConflictError, InputError, PlaceError
from domain.place import place_from_text

router = APIRouter(prefix="/s/{subject_id}/files", include_in_schema=False)

_LONGEST_FIELD_COUNT = 200
_MOST_FIELDS_COUNT = MOST_COLUMNS_COUNT + 2 * MOST_CELLS_COUNT + 2 * MOST_MERCHANTS_COUNT + 20
_SETTINGS = (
    "currency", "account", "kind", "unit", "date_order", "decimals", "sign", "end_is_included",
    "header_row", "encoding", "delimiter", "sheet",
)  # fmt: skip
_LAYOUT = frozenset({"header_row", "encoding", "delimiter", "sheet"})


@router.get("/{waiting_id}")
def mapping(subject_id: str, waiting_id: str, request: Request, services: ServicesHere) -> Response:
    """What a file seems to mean, as a form; what was said of an earlier file with the same header, where there is one."""
    visit = _Visit(request, services, page_caller(request), subject_id, waiting_id)
    waiting, known, merchants = visit.looked_up()
    name = known.connector if known else waiting.connector or connector_for(waiting.body)
    found = preview_file(
        waiting.body,
        connector_name=name,
        answered=merchants_json(merchants) if name == BANK else None,
        mapping=known.mapping.to_json() if known else None,
    )
    return visit.form(waiting, found, known=known)


@router.post("/{waiting_id}")
async def post_mapping(subject_id: str, waiting_id: str, request: Request, services: ServicesHere) -> Response:
    """Look at the file by what the form says, take it in, or leave it."""
    visit = _Visit(request, services, page_caller(request), subject_id, waiting_id)
    async with request.form(max_files=0, max_fields=_MOST_FIELDS_COUNT) as form:
        typed = _typed(form)
    return await run_in_threadpool(visit.go_on, typed)


@dataclass(frozen=True)
class _Visit:
    """A signed-in person at a file that waits.

    Attributes:
        request: The request.
        services: What the program works with.
        who: The person.
        subject_id: Whose file.
        waiting_id: Which.
    """

    request: Request
    services: Services
    who: Caller
    subject_id: str
    waiting_id: str

    def looked_up(self) -> tuple[Waiting, KnownMapping | None, dict[str, str]]:
        """The file, if the person may change the subject; what was said of such a file before, and of merchants."""
        with looking(self.services) as work:
            whose = may_change(work.session, self.services, self.who, self.subject_id)
            waiting = waiting_file(work, whose, self.waiting_id)
            known = known_mapping(work, whose, waiting.body, connector=waiting.connector)
            return waiting, known, merchants_before(work, whose)

    def form(
        self,
        waiting: Waiting,
        found: Preview,
        *,
        known: KnownMapping | None = None,
        typed: Typed | None = None,
        problems: Problems | None = None,
    ) -> HTMLResponse:
        """The page."""
        with looking(self.services) as work:
            whose = may_change(work.session, self.services, self.who, self.subject_id)
            model = show_mapping(work, whose, waiting, found, MESSAGES, known=known, typed=typed, problems=problems)
            frame = frame_of(self.request, work, self.who, self.subject_id)
        status = HTTP_422_UNPROCESSABLE_CONTENT if problems else 200
        return page(mapping_page.render(model, MESSAGES, frame), status=status)

    def go_on(self, typed: Typed) -> Response:
        """Do what the person pressed."""
        if typed.do == "forget":
            return self.forget()
        with looking(self.services) as work:
            whose = may_change(work.session, self.services, self.who, self.subject_id)
            waiting = waiting_file(work, whose, self.waiting_id)
            merchants = merchants_before(work, whose) if typed.connector == BANK else {}
        merchants = {**typed.shops, **{name: code for name, code in merchants.items() if name not in typed.shops}}
        merchants = {name: code for name, code in list(merchants.items())[:MOST_MERCHANTS_COUNT] if code}
        try:
            found = self.preview(waiting, typed, merchants)
        except InputError as error:
            base = preview_file(waiting.body, connector_name=_connector(typed))
            return self.form(waiting, base, typed=typed, problems=Problems({"": error.sentence()}))
        if typed.do != "import":
            return self.form(waiting, found, typed=typed)
        if found.questions or looked_of(found) != typed.looked:
            return self.form(waiting, found, typed=typed, problems=Problems({"look": MESSAGES("mapping.look_first")}))
        return self.take_in(waiting, found, typed)

    def preview(self, waiting: Waiting, typed: Typed, merchants: Mapping[str, str]) -> Preview:
        """The file by what the form says; where the file was taken apart otherwise, the form's columns say nothing any more."""
        connector = _connector(typed)
        layout: dict[str, Json] = {name: value for name, value in said_of(typed, (), is_table=False).items() if name in _LAYOUT}
        base = preview_file(waiting.body, connector_name=connector, answered=layout, most_count=0)
        if shape_of(base) != typed.shape:
            return preview_file(waiting.body, connector_name=connector, answered={**layout, **merchants_json(merchants)})
        said = said_of(typed, [one.name for one in base.guess.columns], is_table=base.is_table) | merchants_json(merchants)
        return preview_form(waiting.body, connector_name=connector, said=said)

    def take_in(self, waiting: Waiting, found: Preview, typed: Typed) -> Response:
        """Take the file in, and show what became of it."""
        mapping_json: Json = found.mapping.to_json() if found.needs_mapping else None
        try:
            place = place_from_text(typed.place, zone=typed.zone, record="place") if typed.place else None
            with unit_of_work(self.services.engine) as session:
                whose = may_change(session, self.services, self.who, self.subject_id)
                work = Work(session, self.services)
                report = take_in_waiting(work, whose, waiting, connector=found.connector, mapping=mapping_json, place=place)
                find_duplicates(work, whose, report.months)
        except PlaceError as error:
            zones = _zones_for(self.services, typed.place)
            said = f"{error.message}. {error.next_step}" if zones else error.sentence()
            problems = Problems({"zone" if zones else "place": said}, zones)
            return self.form(waiting, found, typed=typed, problems=problems)
        except (InputError, ConflictError) as error:
            return self.form(waiting, found, typed=typed, problems=Problems({"": error.sentence()}))
        return RedirectResponse(Hrefs(self.subject_id).imported(report.import_id), HTTP_303_SEE_OTHER)

    def forget(self) -> Response:
        """Leave the file."""
        with unit_of_work(self.services.engine) as session:
            whose = may_change(session, self.services, self.who, self.subject_id)
            waiting_file(Work(session, self.services), whose, self.waiting_id)
            waiting_files.remove(session, whose.tenant_id, self.waiting_id)
        return RedirectResponse(Hrefs(self.subject_id).home, HTTP_303_SEE_OTHER)


def _zones_for(services: Services, place_text: str) -> tuple[str, ...]:
    """Zones to choose from at a place that has several; none where the place is unknown, or has one."""
    try:
        zones = services.zones_of_region(place_from_text(place_text).region) if place_text else ()
    except InputError:
        return ()
    return zones if len(zones) > 1 else ()


def _connector(typed: Typed) -> str:
    """What is to read the file.

    Raises:
        InputError: It reads no tables.
    """
    if typed.connector not in MAPPED_CONNECTORS:
        raise InputError(
            "This is no kind of table", expected=" or ".join(MAPPED_CONNECTORS), got=typed.connector, record="connector"
        )
    return typed.connector


def _typed(form: FormData) -> Typed:
    """The fields of the form."""
    given = {
        name: value.replace("\x00", "\ufffd")[:_LONGEST_FIELD_COUNT]
        for name, value in form.items()
        if isinstance(value, str) and name != "csrf_token"
    }
    columns = {index: given[f"column-{index}"] for index in range(MOST_COLUMNS_COUNT) if given.get(f"column-{index}")}
    cells = {
        given[f"cell-{index}"]: given[f"means-{index}"]
        for index in range(MOST_CELLS_COUNT)
        if given.get(f"cell-{index}") and given.get(f"means-{index}")
    }
    shops = {
        given[f"shop-{index}"]: given.get(f"sells-{index}", "")
        for index in range(MOST_MERCHANTS_COUNT)
        if given.get(f"shop-{index}")
    }
    settings: Mapping[str, str] = {
        name: given[f"set-{name}"] if name in {"delimiter", "sheet"} else given[f"set-{name}"].strip()
        for name in _SETTINGS
        if given.get(f"set-{name}")
    }
    return Typed(
        connector=given.get("connector", ""),
        columns=columns,
        settings=settings,
        cells=cells,
        shops=shops,
        place=given.get("place", "").strip(),
        zone=given.get("zone", ""),
        looked=given.get("looked", ""),
        shape=given.get("shape", ""),
        do=given.get("do", "look"),
    )
