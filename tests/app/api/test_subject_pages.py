"""The page that adds a subject: asked once, told what is wrong beside the field, and everything that was typed stays."""

from collections.abc import Mapping

import httpx2
import pytest
from lxml import html

from app.services import Work
from app.store import subjects
from app.store.session import reading, unit_of_work
from app.store.subjects import SubjectKind, SubjectRow
from app.usecases.demo_data import note_demo_subjects
from app.usecases.local_account import local_account
from tests.app.live import Installation, Live, start

HERE = "/subjects/new"
HOUSEHOLD = {"kind": "household", "name": "Our  home", "place": "94110", "member_count": "3"}
CHECKED = "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed"


def fields_of(reply: httpx2.Response) -> dict[str, str]:
    """What stands in the fields of the form."""
    page = html.document_fromstring(reply.text)
    found = {one.get("name"): one.get("value", "") for one in page.xpath("//input[not(@type='radio') and not(@type='hidden')]")}
    chosen = page.xpath("//input[@type='radio' and @checked]/@value") + page.xpath("//option[@selected]/@value")
    return found | {"chosen": " ".join(chosen)}


def errors_of(reply: httpx2.Response) -> dict[str, str]:
    """Field to the error that describes it."""
    page = html.document_fromstring(reply.text)
    assert reply.status_code == 422
    return {
        one.get("id").removeprefix("new-").removesuffix("-error"): one.text_content() for one in page.xpath("//*[@class='error']")
    }


def subject_at(live: Live, reply: httpx2.Response) -> SubjectRow:
    """The subject that a reply leads to."""
    assert reply.status_code == 303, reply.text
    with reading(live.services.engine) as session:
        return subjects.by_id(session, live.ada.tenant_id, reply.headers["location"].removeprefix("/s/"))


def test_household_is_added_and_shown(live: Live) -> None:
    """The form makes a subject of the visitor's own, and leads to its page."""
    reply = live.submit(HERE, data=HOUSEHOLD, as_=live.ada)
    row = subject_at(live, reply)
    assert (row.kind, row.name, row.region, row.zone) == (
        SubjectKind.HOUSEHOLD,
        "Our home",
        "US/zip/94110",
        "America/Los_Angeles",
    )
    assert (row.member_count, row.chain_holder) == (3, "")
    shown = live.browse(f"/s/{row.id}", as_=live.ada)
    assert shown.status_code == 200
    assert "Our home" in shown.text
    assert live.browse(f"/s/{row.id}", as_=live.bob).status_code == 404


def test_business_may_name_its_account(live: Live) -> None:
    """An address gets its checksum; the persons of a household do not count for a business."""
    typed = {"kind": "business", "name": "Bakery", "place": "de", "member_count": "x", "chain_holder": CHECKED.lower()}
    row = subject_at(live, live.submit(HERE, data=typed, as_=live.ada))
    assert (row.kind, row.chain_holder, row.member_count, row.zone) == (SubjectKind.ENTITY, CHECKED, 1, "Europe/Berlin")


def test_person_has_no_account_on_the_chain(live: Live) -> None:
    """What a hidden field says does not count."""
    row = subject_at(live, live.submit(HERE, data={**HOUSEHOLD, "kind": "person", "chain_holder": CHECKED}, as_=live.ada))
    assert (row.kind, row.chain_holder, row.member_count) == (SubjectKind.PERSON, "", 1)


def test_zone_is_asked_and_then_taken(live: Live) -> None:
    """A place with two zones brings the form back with both to choose from; the choice is the subject's zone."""
    typed = {**HOUSEHOLD, "place": "47501"}
    asked = live.submit(HERE, data=typed, as_=live.ada)
    assert errors_of(asked) == {"zone": "Choose the time zone of this place."}
    options = html.document_fromstring(asked.text).xpath("//select[@name='zone']/option/@value")
    assert options == ["", "America/Indiana/Indianapolis", "America/Chicago"]
    assert fields_of(asked)["place"] == "47501"
    row = subject_at(live, live.submit(HERE, data={**typed, "zone": "America/Chicago"}, as_=live.ada))
    assert row.zone == "America/Chicago"


def test_zone_of_the_home_is_not_asked_again(live: Live) -> None:
    """A bill at the home's own place takes the zone that was chosen for it."""
    row = subject_at(live, live.submit(HERE, data={**HOUSEHOLD, "place": "47501", "zone": "America/Chicago"}, as_=live.ada))
    bill = {"utility": "Power Co", "start": "2026-01-01", "end": "2026-01-31", "kwh": "400", "place": "47501"}
    reply = live.submit(f"/s/{row.id}/bills", files={name: (None, text) for name, text in bill.items()}, as_=live.ada)
    assert reply.status_code == 303, errors_of(reply)
    assert live.browse(reply.headers["location"], as_=live.ada).status_code == 200


def test_zone_of_another_place_does_not_count(live: Live) -> None:
    """Chosen for one place and sent with another: the only zone is taken, among several it is asked again."""
    row = subject_at(live, live.submit(HERE, data={**HOUSEHOLD, "zone": "America/Chicago"}, as_=live.ada))
    assert row.zone == "America/Los_Angeles"
    again = live.submit(HERE, data={**HOUSEHOLD, "name": "Cabin", "place": "ES", "zone": "America/Chicago"}, as_=live.ada)
    assert "zone" in errors_of(again)


def test_errors_stand_beside_their_fields_and_values_stay(live: Live) -> None:
    """Everything wrong is told at once, what was typed is kept, nothing is stored."""
    before = live.counts()
    typed = {"kind": "household", "name": "  ", "place": "Berlin", "member_count": "many"}
    reply = live.submit(HERE, data=typed, as_=live.ada)
    found = errors_of(reply)
    assert set(found) == {"name", "place", "member_count"}
    assert found["place"].startswith("This place is not known; expected a five-digit US ZIP code")
    assert found["member_count"] == "Say how many live there; expected 1 to 1000; got many"
    assert fields_of(reply) == {"name": "", "place": "Berlin", "member_count": "many", "chain_holder": "", "chosen": "household"}
    assert live.counts() == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": ""}, "kind"),
        ({"kind": "facility"}, "kind"),
        ({"name": "x" * 150}, "name"),
        ({"place": ""}, "place"),
        ({"place": "00000"}, "place"),
        ({"place": "XX"}, "place"),
        ({"place": "BV"}, "place"),
        ({"member_count": ""}, "member_count"),
        ({"member_count": "0"}, "member_count"),
        ({"member_count": "1001"}, "member_count"),
        ({"member_count": "\u0663"}, "member_count"),
        ({"kind": "business", "chain_holder": "0x12"}, "chain_holder"),
        ({"kind": "business", "chain_holder": CHECKED[:-1] + "e"}, "chain_holder"),
        ({"kind": "business", "chain_holder": "0x" + "0" * 40}, "chain_holder"),
    ],
)
def test_each_mistake_is_told(shared_live: Live, change: Mapping[str, str], field: str) -> None:
    """One mistake, one error, beside its field."""
    assert set(errors_of(shared_live.submit(HERE, data={**HOUSEHOLD, **change}, as_=shared_live.ada))) == {field}


def test_markup_stays_text(shared_live: Live) -> None:
    """What was typed comes back as text."""
    reply = shared_live.submit(HERE, data={**HOUSEHOLD, "name": '"><script>', "place": "<b>"}, as_=shared_live.ada)
    assert fields_of(reply)["name"] == '"><script>'
    assert "<script>" not in reply.text


def test_form_sent_twice_makes_one(live: Live) -> None:
    """A second click leads to the subject of the first; the same name for another one is refused."""
    first = live.submit(HERE, data=HOUSEHOLD, as_=live.ada).headers["location"]
    before = live.counts()
    assert live.submit(HERE, data=HOUSEHOLD, as_=live.ada).headers["location"] == first
    other = live.submit(HERE, data={**HOUSEHOLD, "name": "our home", "place": "10001"}, as_=live.ada)
    assert errors_of(other)["name"].startswith("You have one of this name already")
    assert live.counts() == before


def test_same_name_of_somebody_else_is_free(live: Live) -> None:
    """Nobody learns how others call their homes."""
    assert live.submit(HERE, data=HOUSEHOLD, as_=live.bob).status_code == 303
    assert live.submit(HERE, data=HOUSEHOLD, as_=live.ada).status_code == 303


def test_stranger_is_led_to_the_sign_in(shared_live: Live) -> None:
    """Nobody adds anything without an account."""
    before = shared_live.counts()
    assert shared_live.browse(HERE).headers["location"] == f"/sign-in?next={HERE}"
    assert shared_live.submit(HERE, data=HOUSEHOLD).headers["location"] == "/sign-in?next=/"
    assert shared_live.counts() == before


def test_other_site_cannot_post(shared_live: Live) -> None:
    """A form elsewhere that posts here with the visitor's cookie is refused."""
    before = shared_live.counts()
    reply = shared_live.submit(HERE, data=HOUSEHOLD, as_=shared_live.ada, headers={"Origin": "https://evil.example"})
    assert reply.status_code == 403
    assert shared_live.counts() == before


def test_navigation_leads_to_the_form(shared_live: Live) -> None:
    """Every signed-in page links it, a stranger's does not."""
    page = html.document_fromstring(shared_live.browse(f"/s/{shared_live.ada.household}", as_=shared_live.ada).text)
    assert page.xpath("//nav[@class='subjects']//a/@href")[-1] == HERE
    assert HERE not in shared_live.browse("/sign-in").text


def test_account_without_a_subject_begins_with_the_form(installation: Installation) -> None:
    """The operator's link leads to the form instead of an error."""
    with start(installation, welcome_token="w" * 43) as live:
        with unit_of_work(live.services.engine) as session:
            account = local_account(Work(session, live.services))
        live.hosting.welcome_tenant_id, live.hosting.welcome_account_id = account.tenant_id, account.id
        cookie = {"Cookie": f"cf_session={live.browse('/welcome/' + 'w' * 43).cookies['cf_session']}"}
        live.client.cookies.clear()
        assert live.browse("/", headers=cookie).headers["location"] == HERE
        shown = live.browse(HERE, headers=cookie)
        assert "Whose footprint is it?" in shown.text
        made = live.submit(HERE, data=HOUSEHOLD, headers=cookie)
        assert live.browse("/", headers=cookie).headers["location"] == made.headers["location"]


def test_demo_data_say_so_and_own_data_do_not(live: Live) -> None:
    """Only a subject that the demo made says that it is the demo's, and where own data begin."""
    with unit_of_work(live.services.engine) as session:
        note_demo_subjects(session, [live.ada.household])
    demo, own = (live.browse(f"/s/{one}", as_=live.ada).text for one in (live.ada.household, live.ada.business))
    assert "This is demo data; add your own household first." in demo
    assert "Demo data" in demo
    assert "demo" not in own.lower()
