"""The inbox of duplicates, by the API and by its page: found at upload, decided, taken back, and nobody else's."""

import json

import httpx2
import pytest
from lxml import html
from sqlalchemy import text

from app.services import Whose, Work
from app.store import connections
from app.store.connections import ConnectionRow, ConnectionState
from app.store.session import unit_of_work
from app.usecases.import_document import import_document
from app.usecases.keep_original import Received
from domain.activity import EvidenceClass
from tests.app.live import Live, Tenant

RECEIPT = {"id": "receipt 1", "kind": "purchase", "quantity": "42.99", "unit": "USD", "start": "2026-02-08", "naics": "448110"}
CARD = {"id": "tx-17", "kind": "purchase", "quantity": "42.99", "unit": "USD", "start": "2026-02-10", "mcc": "5651"}


def lines(*said: dict[str, str]) -> bytes:
    """A file of activities."""
    return "".join(json.dumps(one) + "\n" for one in said).encode()


def upload(live: Live, who: Tenant, *said: dict[str, str]) -> httpx2.Response:
    """Upload a file of activities by the API."""
    reply = live.post(
        "/v1/documents",
        params={"subject": who.household, "connector": "activities"},
        content=lines(*said),
        headers={"Content-Type": "application/x-ndjson"},
        as_=who,
    )
    assert reply.status_code == 201, reply.text
    return reply


@pytest.fixture
def told_twice(live: Live) -> Live:
    """Ada's card said it before, through an account of hers; then she uploads the receipt."""
    whose = Whose(live.ada.tenant_id, live.ada.household)
    card = ConnectionRow(
        "card",
        whose.tenant_id,
        whose.subject_id,
        "activities",
        ConnectionState.PAUSED,
        is_file=False,
        cursor="",
        sealed_tokens=None,
        created_at=live.clock.now(),
        title="Ada's <card>",
    )
    received = Received(lines(CARD), "application/x-ndjson", EvidenceClass.FETCHED_BY_CONNECTOR)
    with unit_of_work(live.services.engine) as session:
        session.execute(text("DELETE FROM duplicate"))  # what the template has for strangers to try
        connections.add(session, card)
        import_document(Work(session, live.services), whose, "activities", received, connection=card)
    upload(live, live.ada, RECEIPT)
    return live


def pairs(live: Live, who: Tenant | None = None) -> list[dict[str, object]]:
    """The pairs by the API."""
    who = who or live.ada
    reply = live.get("/v1/duplicates", params={"subject": who.household}, as_=who)
    assert reply.status_code == 200, reply.text
    found: list[dict[str, object]] = reply.json()
    return found


def decide(live: Live, body: object, who: Tenant | None = None, pair_id: str = "") -> httpx2.Response:
    """Decide about Ada's pair by the API."""
    return live.post(f"/v1/duplicates/{pair_id or pairs(live)[0]['id']}", json=body, as_=who or live.ada)


def look(live: Live, more: str = "") -> html.HtmlElement:
    """Ada's inbox."""
    reply = live.browse(f"/s/{live.ada.household}/duplicates{more}", as_=live.ada)
    assert reply.status_code == 200, reply.text
    return html.document_fromstring(reply.text)


def words(element: html.HtmlElement) -> str:
    """Its words with single spaces."""
    return " ".join(element.text_content().split())


def spent(live: Live) -> list[str]:
    """Purchases that count in February, by the API."""
    items = live.get(f"/v1/subjects/{live.ada.household}/activities?period=2026-02&limit=500", as_=live.ada).json()["items"]
    return [one["quantity"] for one in items if one["kind"] == "purchase"]


def test_upload_finds_the_pair(told_twice: Live) -> None:
    """The API gives both records, what they say, who says it, and why."""
    (pair,) = pairs(told_twice)
    keep, aside = pair["keep"], pair["aside"]
    assert isinstance(keep, dict)
    assert isinstance(aside, dict)
    assert (pair["rule"], pair["state"], pair["months"]) == ("same_purchase", "open", [])
    assert (keep["source"], keep["quantity"], keep["unit"]) == ("Activities in a file", "42.99", "USD")
    assert (keep["first_date"], keep["last_date"]) == ("2026-02-08", "2026-02-08")
    assert (aside["source"], aside["attributes"], aside["counts"]) == ("Ada's <card>", {"mcc": "5651"}, True)


def test_merge_counts_once_and_undo_twice(told_twice: Live) -> None:
    """Merged, one counts; taken back, both do; the month that changed is named."""
    merged = decide(told_twice, {"decision": "merge"})
    assert merged.status_code == 200, merged.text
    assert (merged.json()["state"], merged.json()["months"], merged.json()["aside"]["counts"]) == ("merged", ["2026-02"], False)
    assert spent(told_twice) == ["42.99"]
    undone = decide(told_twice, {"decision": "undo"})
    assert (undone.json()["state"], undone.json()["months"]) == ("open", ["2026-02"])
    assert spent(told_twice) == ["42.99", "42.99"]


def test_person_names_the_record_that_goes(told_twice: Live) -> None:
    """`aside` chooses; a record that is none of the two is refused."""
    (pair,) = pairs(told_twice)
    keep = pair["keep"]
    assert isinstance(keep, dict)
    assert decide(told_twice, {"decision": "merge", "aside": told_twice.ada.record_id}).status_code == 409
    assert decide(told_twice, {"decision": "merge", "aside": keep["record_id"]}).json()["keep"]["source"] == "Ada's <card>"


def test_keep_both_stays_so(told_twice: Live) -> None:
    """Kept, both count, and the same file again offers nothing; merged after that it is decided anew."""
    assert decide(told_twice, {"decision": "keep_both"}).json()["state"] == "kept"
    upload(told_twice, told_twice.ada, RECEIPT)
    assert [one["state"] for one in pairs(told_twice)] == ["kept"]
    assert len(spent(told_twice)) == 2


@pytest.mark.parametrize("body", [{}, {"decision": "burn"}, {"decision": "merge", "more": "x"}, []])
def test_bad_decision_is_refused(told_twice: Live, body: object) -> None:
    """422, and the pair stays open."""
    assert decide(told_twice, body).status_code == 422
    assert pairs(told_twice)[0]["state"] == "open"


def test_undo_of_nothing_is_a_conflict(told_twice: Live) -> None:
    """An open pair has no decision to take back."""
    assert decide(told_twice, {"decision": "undo"}).status_code == 409


def test_same_key_decides_once(told_twice: Live) -> None:
    """An `Idempotency-Key` repeats the answer."""
    pair_id = pairs(told_twice)[0]["id"]
    body, once = {"decision": "merge"}, {"Idempotency-Key": "once"}
    first, again = (told_twice.post(f"/v1/duplicates/{pair_id}", json=body, headers=once, as_=told_twice.ada) for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()


def test_another_persons_pair_is_not_there(told_twice: Live) -> None:
    """Bob gets 404 for Ada's pair and subject, by the API and by the page, and nothing changes."""
    pair_id, bob, ada = pairs(told_twice)[0]["id"], told_twice.bob, told_twice.ada
    before = told_twice.counts()
    for decision in ("merge", "keep_both", "undo"):
        assert decide(told_twice, {"decision": decision}, bob, str(pair_id)).status_code == 404
        for subject in (ada.household, bob.household):
            data = {"decision": decision}
            assert told_twice.submit(f"/s/{subject}/duplicates/{pair_id}", data=data, as_=bob).status_code == 404
        mine = told_twice.submit(f"/s/{ada.business}/duplicates/{pair_id}", data={"decision": decision}, as_=ada)
        assert mine.status_code == 404
    assert told_twice.get("/v1/duplicates", params={"subject": ada.household}, as_=bob).status_code == 404
    assert told_twice.browse(f"/s/{ada.household}/duplicates", as_=bob).status_code == 404
    assert told_twice.counts() == before
    assert pairs(told_twice)[0]["state"] == "open"


def test_page_shows_both_side_by_side(told_twice: Live) -> None:
    """What, when, how much, from which source, and why; the navigation counts the open pairs."""
    page = look(told_twice)
    sides = [words(one) for one in page.xpath("//div[@class='pair-side']")]
    assert sides[0].startswith("Activities in a file 42.99 USD Purchase 8 February 2026")
    assert sides[1].startswith("Ada's <card> 42.99 USD Purchase 10 February 2026")
    assert "They are 2 days apart." in words(page)
    assert words(page.xpath("//nav[@class='sections']//a[@aria-current]")[0]) == "Duplicates (1)"
    buttons = [words(one).partition(" – ")[0] for one in page.xpath("//main//button")]
    assert buttons == ["Count once, keep this", "Count once, keep this", "They are two things, keep both"]


def test_page_decides_and_takes_back(told_twice: Live) -> None:
    """The button beside a record keeps that one; the pair moves below with its date and *Take back*."""
    page = look(told_twice)
    card_side = page.xpath("//div[@class='pair-side']")[1]
    fields = {one.get("name"): one.get("value") for one in card_side.xpath(".//input")}
    here = page.xpath("//div[@class='pair-side']//form/@action")[0]
    reply = told_twice.submit(here, data=fields, as_=told_twice.ada)
    assert reply.headers["location"] == f"/s/{told_twice.ada.household}/duplicates?done=merge"
    decided = look(told_twice, "?done=merge")
    assert decided.xpath("string(//p[@role='status'])") == "Counted once. You can take it back below."
    assert "Counted once since 10 March 2026" in words(decided)
    assert words(decided.xpath("//div[@class='pair-side']")[0]).startswith("Ada's <card> 42.99 USD")
    assert words(decided.xpath("//nav[@class='sections']//a[@aria-current]")[0]) == "Duplicates"
    assert told_twice.submit(here, data={"decision": "undo"}, as_=told_twice.ada).status_code == 303
    assert pairs(told_twice)[0]["state"] == "open"
    assert told_twice.submit(here, data={"decision": "burn"}, as_=told_twice.ada).status_code == 422


def test_removed_record_leaves_no_pair(told_twice: Live) -> None:
    """One of the two is removed by the API: there is nothing to decide any more."""
    keep = pairs(told_twice)[0]["keep"]
    assert isinstance(keep, dict)
    reply = told_twice.client.delete(
        f"/v1/subjects/{told_twice.ada.household}/records/{keep['record_id']}", headers=told_twice.ada.bearer
    )
    assert reply.status_code == 200, reply.text
    assert pairs(told_twice) == []


def test_upload_through_the_page_finds_the_pair(told_twice: Live) -> None:
    """A file through the form is looked at the same way."""
    ada, said = told_twice.ada, {**CARD, "id": "tx-18", "quantity": "7.50"}
    whose = Whose(ada.tenant_id, ada.household)
    with unit_of_work(told_twice.services.engine) as session:
        row = connections.by_id(session, ada.tenant_id, "card")
        received = Received(lines(said), "application/x-ndjson", EvidenceClass.FETCHED_BY_CONNECTOR)
        import_document(Work(session, told_twice.services), whose, "activities", received, connection=row)
    body = lines({**RECEIPT, "id": "receipt 2", "quantity": "7.50"})
    reply = told_twice.submit(
        f"/s/{ada.household}/documents",
        data={"connector": "activities"},
        files={"file": ("a.ndjson", body, "application/x-ndjson")},
        as_=ada,
    )
    assert reply.status_code == 303, reply.text
    assert len(pairs(told_twice)) == 2
