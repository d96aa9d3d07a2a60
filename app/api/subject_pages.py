"""The page on which somebody adds a household, a person or a business of their own. A plain form; no script needed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.status import HTTP_303_SEE_OTHER, HTTP_422_UNPROCESSABLE_CONTENT

from app.api.frames import MESSAGES, frame_of, page
from app.api.who import ServicesHere, looking, may_write, page_caller
from app.services import Services, Work
from app.store import subjects
from app.store.session import unit_of_work
from app.store.subjects import SubjectKind, SubjectRow
from app.usecases.create_subject import MOST_MEMBERS_COUNT, NewSubject, create_subject, subject_name
from app.usecases.show_hrefs import NEW_SUBJECT_HREF
from app.usecases.sign_in import Caller
from dashboards.pages import new_subject as new_subject_page
from dashboards.pages.dashboard import FormState
from dashboards.pages.new_subject import NewSubjectModel
from domain.errors import ConflictError, InputError, PlaceError
from domain.place import Place, place_from_text
from ledger.address import address_from_text

router = APIRouter(prefix="/subjects", include_in_schema=False)

_KINDS = {"household": SubjectKind.HOUSEHOLD, "person": SubjectKind.PERSON, "business": SubjectKind.ENTITY}
_FIELDS = ("kind", "name", "place", "zone", "member_count", "chain_holder")
_LONGEST_FIELD_COUNT = 200
_FIELD_OF_RECORD = {"name": "name", "home": "place", "member_count": "member_count", "chain_holder": "chain_holder"}


@router.get("/new")
def new_subject(request: Request, services: ServicesHere) -> Response:
    """The empty form."""
    return _form_page(request, services, page_caller(request), _Typed({"kind": "household"}))


@router.post("/new")
async def post_new_subject(request: Request, services: ServicesHere) -> Response:
    """Make the subject and show it; the form again where something is wrong."""
    who = page_caller(request)
    async with request.form(max_files=0, max_fields=12) as form:
        values = {name: str(form.get(name, "")).strip()[:_LONGEST_FIELD_COUNT] for name in _FIELDS}
    return await run_in_threadpool(_add, request, services, who, _Typed(values))


@dataclass
class _Typed:
    """What somebody typed, and what is wrong with it so far.

    Attributes:
        values: Field to text.
        errors: Field to sentence.
        zones: IANA zones to choose from, where they have to be asked.
    """

    values: Mapping[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    zones: tuple[str, ...] = ()

    def refuse(self, name: str, error: InputError | ConflictError) -> None:
        """Show an error beside a field."""
        self.errors[name] = error.sentence()


def _add(request: Request, services: Services, who: Caller, typed: _Typed) -> Response:
    may_write(who)
    new = _read(services, typed)
    if new is not None:
        try:
            with unit_of_work(services.engine) as session:
                work = Work(session, services)
                subject_id = (
                    _known(work, who, new)
                    or create_subject(work, new, owner_account_id=who.account_id, tenant_id=who.tenant_id).subject_id
                )
        except (InputError, ConflictError) as error:
            typed.refuse(_FIELD_OF_RECORD.get(error.record, "name"), error)
        else:
            return RedirectResponse(f"/s/{subject_id}", HTTP_303_SEE_OTHER)
    return _form_page(request, services, who, typed)


def _read(services: Services, typed: _Typed) -> NewSubject | None:
    """The subject that was typed; None where a field is wrong, each with its error."""
    values = typed.values
    kind = _KINDS.get(values["kind"])
    if kind is None:
        typed.refuse("kind", InputError("Choose one", expected=", ".join(_KINDS), got=values["kind"] or "nothing"))
    try:
        subject_name(values["name"])
    except InputError as error:
        typed.refuse("name", error)
    home = _read_home(services, typed)
    member_count = _read_members(typed) if kind is SubjectKind.HOUSEHOLD else 1
    holder = values["chain_holder"] if kind is SubjectKind.ENTITY else ""
    if holder:
        try:
            holder = address_from_text(holder)
        except InputError as error:
            typed.refuse("chain_holder", error)
    if typed.errors or kind is None or home is None:
        return None
    return NewSubject(kind, values["name"], home, member_count=member_count, chain_holder=holder)


def _read_home(services: Services, typed: _Typed) -> Place | None:
    """The place with its zone; a zone that was chosen for another place does not count."""
    try:
        place = place_from_text(typed.values["place"])
        services.factor_set.regions.chain(place.region)
        zones = services.zones_of_region(place.region)
    except PlaceError as error:
        typed.refuse("place", error)
        return None
    if len(zones) == 1:
        return Place(place.region, place.country, zones[0])
    typed.zones = zones
    if typed.values["zone"] in zones:
        return Place(place.region, place.country, typed.values["zone"])
    if zones:
        typed.errors["zone"] = MESSAGES("new_subject.zone_asked")
    else:
        typed.refuse("place", PlaceError("The time zone of this place is not known", got=typed.values["place"]))
    return None


def _read_members(typed: _Typed) -> int:
    text = typed.values["member_count"]
    count = int(text) if text.isascii() and text.isdecimal() else 0
    if not 1 <= count <= MOST_MEMBERS_COUNT:
        error = InputError("Say how many live there", expected=f"1 to {MOST_MEMBERS_COUNT}", got=text or "nothing")
        typed.refuse("member_count", error)
    return count


def _known(work: Work, who: Caller, new: NewSubject) -> str:
    """Id of the caller's subject that this form made already: a form sent twice makes one.

    Raises:
        ConflictError: Another subject of theirs has this name.
    """
    found = subjects.of_account(work.session, who.tenant_id, who.account_id, work.services.clock.now().date())
    name = subject_name(new.name)
    same = next((row for row, _ in found if row.name.casefold() == name.casefold()), None)
    if same is None:
        return ""
    if _is_same(same, new):
        return same.id
    raise ConflictError("You have one of this name already", expected="another name", got=name, record="name")


def _is_same(row: SubjectRow, new: NewSubject) -> bool:
    known = (row.kind, row.region, row.zone, row.member_count, row.chain_holder)
    return known == (new.kind, new.home.region, new.home.zone, new.member_count, new.chain_holder)


def _form_page(request: Request, services: Services, who: Caller, typed: _Typed) -> HTMLResponse:
    with looking(services) as work:
        frame = frame_of(request, work, who)
    model = NewSubjectModel(
        post_href=NEW_SUBJECT_HREF,
        form=FormState(values=typed.values, errors=typed.errors),
        zones=typed.zones,
        is_first=not frame.subjects,
    )
    status = HTTP_422_UNPROCESSABLE_CONTENT if typed.errors else 200
    return page(new_subject_page.render(model, MESSAGES, frame), status=status)
