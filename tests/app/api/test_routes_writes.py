"""Every write of the API: what it does, what it refuses, and that a key makes it happen once, also over a restart."""

import re
from datetime import date
from typing import Any

import httpx2
import pytest

from app.store import accounts
from app.store.session import unit_of_work
from tests.app.live import XML, Installation, Live, green_button, start

BILL = {"utility": "City Power", "first_date": "2025-11-05", "last_date": "2025-12-03", "amount": "412.5"}
SUBJECT = {"kind": "person", "name": "Ada alone", "place": "94110"}
MARCH = green_button(date(2026, 3, 1), date(2026, 3, 5), wh=400)

WRITES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "subject": ("/v1/subjects", {"json": SUBJECT}, {"json": {**SUBJECT, "name": "Another"}}),
    "document": (
        "/v1/documents?subject={household}",
        {"content": MARCH, "headers": XML},
        {"content": green_button(date(2026, 3, 1), date(2026, 3, 5), wh=401), "headers": XML},
    ),
    "form": (
        "/v1/documents?subject={household}&place=94110",
        {"files": {"file": ("march.xml", MARCH, "application/xml")}},
        {"files": {"file": ("march.xml", MARCH + b"\n", "application/xml")}},
    ),
    "bill": ("/v1/subjects/{household}/bills", {"json": BILL}, {"json": {**BILL, "amount": "412.6"}}),
    "close": (
        "/v1/subjects/{household}/periods/2026-02/close",
        {"json": {}},
        {"json": {"reason": "another"}},
    ),
    "share": ("/v1/statements/{statement_id}/share-links", {"json": {}}, {"json": {"days": 2}}),
}
"""Name to path, one request, and another request to the same path."""


def send(live: Live, name: str, *, which: int = 1, key: str = "") -> httpx2.Response:
    """One of the writes, with an Idempotency-Key where one is given."""
    path, *requests = WRITES[name]
    more = dict(requests[which - 1])
    headers = {**more.pop("headers", {}), **({"Idempotency-Key": key} if key else {})}
    return live.post(path.format(**vars(live.ada)), as_=live.ada, headers=headers, **more)


@pytest.mark.parametrize("name", WRITES)
def test_write_needs_somebody(shared_live: Live, name: str) -> None:
    """Without a key a write is a 401 and changes nothing."""
    before = shared_live.counts()
    path, more, _ = WRITES[name]
    reply = shared_live.post(path.format(**vars(shared_live.ada)), **dict(more))
    assert (reply.status_code, reply.json()["type"]) == (401, "/problems/not-signed-in")
    assert shared_live.counts() == before


@pytest.mark.parametrize("name", WRITES)
def test_same_key_is_answered_the_same(live: Live, name: str) -> None:
    """A write sent twice with one key is done once and answered the same, byte for byte."""
    first = send(live, name, key="k-1")
    assert first.status_code == 201, first.text
    after_first = live.counts()
    again = send(live, name, key="k-1")
    if name == "share":  # its token is shown once, and kept nowhere
        assert (again.status_code, again.json()["type"]) == (410, "/problems/shown-once")
    else:
        assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers.get("location") == first.headers.get("location")
    assert live.counts() == after_first


@pytest.mark.parametrize("name", WRITES)
def test_same_key_other_body_is_refused(live: Live, name: str) -> None:
    """A key that was used for another request is a 422, and the other request is not done."""
    assert send(live, name, key="k-2").status_code == 201
    before = live.counts()
    refused = send(live, name, which=2, key="k-2")
    assert (refused.status_code, refused.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert live.counts() == before


@pytest.mark.parametrize("name", WRITES)
def test_same_key_holds_over_a_restart(installation: Installation, name: str) -> None:
    """The program stops and starts again: the key still gives the first reply."""
    with start(installation) as live:
        first = send(live, name, key="k-3")
        assert first.status_code == 201, first.text
    with start(installation) as live:
        before = live.counts()
        again = send(live, name, key="k-3")
        assert (again.status_code, again.content) == (201, first.content) or (name, again.status_code) == ("share", 410)
        assert live.counts() == before


def test_key_of_one_account_is_nothing_to_another(live: Live) -> None:
    """Two accounts may use the same key for different things."""
    assert send(live, "subject", key="same").status_code == 201
    other = live.post("/v1/subjects", as_=live.bob, json={**SUBJECT, "name": "Bob alone"}, headers={"Idempotency-Key": "same"})
    assert (other.status_code, other.json()["name"]) == (201, "Bob alone")


def test_refusal_leaves_the_key_free(live: Live) -> None:
    """A refused write keeps nothing: the same key may be used again once the body is right."""
    bad = live.post("/v1/subjects", as_=live.ada, json={**SUBJECT, "place": "Atlantis"}, headers={"Idempotency-Key": "k-4"})
    assert bad.status_code == 422
    assert send(live, "subject", key="k-4").status_code == 201


@pytest.mark.parametrize("key", ["", " ", "x" * 256, "a b"])
def test_key_that_is_none(shared_live: Live, key: str) -> None:
    """A key of other than 1 to 255 visible ASCII characters is a 400."""
    before = shared_live.counts()
    reply = shared_live.post("/v1/subjects", as_=shared_live.ada, json=SUBJECT, headers={"Idempotency-Key": key})
    assert (reply.status_code, reply.json()["type"]) == (400, "/problems/invalid-idempotency-key")
    assert shared_live.counts() == before


@pytest.mark.parametrize("name", WRITES)
def test_key_without_write_scope_looks_only(live: Live, name: str) -> None:
    """An API key with the scope `read` reads, and every write is a 403."""
    with live.services.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE api_key SET scopes = 'read'")
    assert live.get("/v1/subjects", as_=live.ada).status_code == 200
    before = live.counts()
    reply = send(live, name)
    assert (reply.status_code, reply.json()["type"]) == (403, "/problems/not-allowed")
    assert live.counts() == before


@pytest.mark.parametrize("name", ["document", "bill", "close", "share"])
def test_reader_looks_only(live: Live, name: str) -> None:
    """A member with the role reader is refused every change of the subject."""
    with live.services.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE membership SET role = 'reader'")
    before = live.counts()
    assert send(live, name).status_code == 403
    assert live.counts() == before


@pytest.mark.parametrize("name", ["document", "bill", "close", "share"])
def test_former_member_sees_nothing(live: Live, name: str) -> None:
    """Somebody whose membership has ended gets a 404, as a stranger would."""
    with live.services.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE membership SET to_date = '2026-03-01'")
    assert send(live, name).status_code == 404
    assert live.get("/v1/subjects", as_=live.ada).json() == []


def test_new_subject_is_there(live: Live) -> None:
    """A subject that was made stands at its Location, with its region and zone."""
    made = send(live, "subject")
    assert made.headers["location"] == f"/v1/subjects/{made.json()['id']}"
    assert live.get(made.headers["location"], as_=live.ada).json() == made.json()
    assert (made.json()["region"], made.json()["zone"]) == ("US/zip/94110", "America/Los_Angeles")


def test_new_document_is_reported_and_there(live: Live) -> None:
    """A document that was taken in is counted, placed, and stands at its Location."""
    made = send(live, "document")
    report = made.json()
    assert (report["reading_count"], report["new_count"], report["changed_count"], report["refused_count"]) == (120, 5, 0, 0)
    assert report["months"] == ["2026-03"]
    assert list(report["meters"].values()) == [{"region": "US/zip/94110", "zone": "America/Los_Angeles", "zone_source": "given"}]
    back = live.get(made.headers["location"], as_=live.ada, params={"subject": live.ada.household})
    assert back.content == MARCH


def test_closing_gives_a_statement_that_gets_its_proof(live: Live) -> None:
    """A closed month is a statement; once the worker ran, its bundle and its public proof hold."""
    made = send(live, "close")
    statement = made.json()
    assert (statement["period"], statement["state"], statement["revision"]) == ("2026-02", "closed", 1)
    early = live.get(f"/v1/statements/{statement['id']}/bundle", as_=live.ada)
    assert (early.status_code, early.json()["next_step"]) == (409, "Wait for the auditor, or look at its findings.")
    assert live.get(statement["proof_path"].replace("/proof/", "/v1/proofs/")).status_code == 409
    live.work()
    assert live.get(f"/v1/statements/{statement['id']}/bundle", as_=live.ada).status_code == 200
    proof = live.get(statement["proof_path"].replace("/proof/", "/v1/proofs/")).json()
    assert (proof["holds"], {step["state"] for step in proof["steps"]}) == (True, {"ok"})


@pytest.mark.parametrize(
    ("period", "status"),
    [("2026-03", 409), ("2026-04", 409), ("2025-06", 409), ("2026-01", 409), ("2026", 409), ("2026-Q1", 409), ("2025-Q3", 409)],
)
def test_period_that_cannot_be_closed(shared_live: Live, period: str, status: int) -> None:
    """A month that is not over, empty, closed already or overlapping is a conflict with its next step."""
    before = shared_live.counts()
    reply = shared_live.post(f"/v1/subjects/{shared_live.ada.household}/periods/{period}/close", as_=shared_live.ada, json={})
    assert reply.status_code == status
    assert {"expected", "got", "next_step"} <= set(reply.json())
    assert shared_live.counts() == before


@pytest.mark.parametrize(
    "period",
    [
        "March",
        "2026-13",
        "2026-00",
        "0000-01",
        "99999-01",
        "2026-Q5",
        "2026-01-01",
        "\u0662\u0660\u0662\u0666-\u0660\u0661",
    ],
)
def test_period_that_is_none(shared_live: Live, period: str) -> None:
    """A text that is no period is a 422."""
    before = shared_live.counts()
    reply = shared_live.post(f"/v1/subjects/{shared_live.ada.household}/periods/{period}/close", as_=shared_live.ada, json={})
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/time")
    assert shared_live.counts() == before


def test_restatement_needs_change_and_reason(live: Live) -> None:
    """A closed month that changed is closed again only with a reason, as revision 2; revision 1 is superseded."""
    body = green_button(date(2026, 1, 10), date(2026, 1, 10), wh=900)
    path = f"/v1/subjects/{live.ada.household}/periods/2026-01/close"
    taken = live.post("/v1/documents", params={"subject": live.ada.household}, content=body, headers=XML, as_=live.ada)
    assert (taken.json()["changed_count"], taken.json()["months"]) == (1, ["2026-01"])
    assert live.post(path, as_=live.ada, json={}).json()["expected"] == "a reason, in one sentence"
    again = live.post(path, as_=live.ada, json={"reason": "The utility corrected a day."})
    assert (again.status_code, again.json()["revision"], again.json()["reason"]) == (201, 2, "The utility corrected a day.")
    live.work()
    states = [
        (one["revision"], one["state"]) for one in live.get(f"/v1/subjects/{live.ada.household}/statements", as_=live.ada).json()
    ]
    assert states[0] == (1, "superseded")
    assert states[1][0] == 2
    assert live.get(again.json()["proof_path"].replace("/proof/", "/v1/proofs/")).json()["holds"] is True


def test_gwp_set_is_chosen_and_kept(live: Live) -> None:
    """A month closed with AR6 says so and weighs methane by it; closed again without a word, it keeps the set."""
    path = f"/v1/subjects/{live.ada.household}/periods/2026-02/close"
    made = live.post(path, as_=live.ada, json={"gwp_set": "AR6"}).json()
    assert (made["method"].endswith("+AR6"), made["gwp_set"]) == (True, "AR6")
    one = live.get(f"/v1/statements/{made['id']}", as_=live.ada).json()
    assert {line["gwp_set"] for line in one["lines"]} == {"AR6"}
    live.work()
    assert live.get(made["proof_path"].replace("/proof/", "/v1/proofs/")).json()["holds"] is True
    body = green_button(date(2026, 2, 10), date(2026, 2, 10), wh=900)
    live.post("/v1/documents", params={"subject": live.ada.household}, content=body, headers=XML, as_=live.ada)
    again = live.post(path, as_=live.ada, json={"reason": "The utility corrected a day."}).json()
    assert (again["revision"], again["gwp_set"]) == (2, "AR6")


def test_share_link_shows_lines_until_it_ends(live: Live) -> None:
    """A share link shows the lines of its statement, and nothing more once its days are over."""
    made = send(live, "share", which=2).json()
    plain = live.browse(f"/proof/{live.ada.public_token}").text
    assert len(live.browse(made["path"]).text) > len(plain)
    live.clock.advance(2 * 86_400 + 1)
    assert live.browse(made["path"]).text == live.browse(f"/proof/{live.ada.public_token}").text


def test_share_links_are_withdrawn(live: Live) -> None:
    """Links are listed without their tokens, and all end at once when they are withdrawn; twice changes nothing."""
    path = f"/v1/statements/{live.ada.statement_id}/share-links"
    made = send(live, "share").json()
    links = live.get(path, as_=live.ada)
    assert [one["is_live"] for one in links.json()] == [True, True]
    assert made["path"].partition("share=")[2] not in links.text
    plain = live.browse(f"/proof/{live.ada.public_token}").text
    assert live.browse(made["path"]).text != plain
    withdrawn = live.client.delete(path, headers=live.ada.bearer)
    assert (withdrawn.status_code, [one["is_live"] for one in withdrawn.json()]) == (200, [False, False])
    assert live.browse(made["path"]).text == plain
    live.clock.advance(60)
    assert live.client.delete(path, headers=live.ada.bearer).json() == withdrawn.json() == live.get(path, as_=live.ada).json()


def test_share_links_of_others_stay(live: Live) -> None:
    """A stranger neither sees nor withdraws a link."""
    path = f"/v1/statements/{live.ada.statement_id}/share-links"
    assert live.get(path, as_=live.bob).status_code == 404
    assert live.client.delete(path, headers=live.bob.bearer).status_code == 404
    assert [one["is_live"] for one in live.get(path, as_=live.ada).json()] == [True]


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("subject", {"kind": "planet"}),
        ("subject", {"name": ""}),
        ("subject", {"name": "x" * 121}),
        ("subject", {"name": " \t "}),
        ("subject", {"name": 7}),
        ("subject", {"place": "Atlantis"}),
        ("subject", {"place": "00000"}),
        ("subject", {"place": "ZZ"}),
        ("subject", {"zone": "Mars/Olympus"}),
        ("subject", {"zone": "../../etc/passwd"}),
        ("subject", {"member_count": 0}),
        ("subject", {"member_count": 1001}),
        ("subject", {"member_count": "many"}),
        ("subject", {"currency": "dollars"}),
        ("subject", {"chain_holder": "0x123"}),
        ("subject", {"is_admin": True}),
        ("share", {"days": 0}),
        ("share", {"days": 366}),
        ("share", {"days": "forever"}),
        ("close", {"reason": "x" * 501}),
        ("close", {"force": True}),
        ("close", {"gwp_set": "AR3"}),
    ],
)
def test_field_that_cannot_be(shared_live: Live, name: str, change: dict[str, Any]) -> None:
    """A field of another kind, size or name is a 422 problem, and nothing is stored."""
    before = shared_live.counts()
    path, more, _ = WRITES[name]
    reply = shared_live.post(path.format(**vars(shared_live.ada)), as_=shared_live.ada, json={**more["json"], **change})
    assert reply.status_code == 422, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.json()["next_step"]
    assert shared_live.counts() == before


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"kind": NaN}',
        b'{"kind": "person", "kind": "person"}',
        b"\xff",
        b"[" * 100_000,
        b'{"name": "\\u0000"}',
        b'{"name": "\\ud800"}',
        b'{"member_count": 1e999}',
        b'{"member_count": ' + b"9" * 5000 + b"}",
    ],
)
def test_body_that_is_no_json(shared_live: Live, body: bytes) -> None:
    """JSON that is none, or that not everybody reads the same, is refused and never quoted."""
    before = shared_live.counts()
    headers = {"Content-Type": "application/json"}
    reply = shared_live.post("/v1/subjects", as_=shared_live.ada, content=body, headers=headers)
    assert reply.status_code in {400, 422}, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    assert len(reply.content) < 2000
    assert shared_live.counts() == before


def test_account_without_subjects_is_told(live: Live) -> None:
    """Somebody without a subject gets an empty list, and a page that says how to begin."""
    with unit_of_work(live.services.engine) as session:
        assert accounts.by_login(session, "ada")
        session.connection().exec_driver_sql("DELETE FROM membership")
    assert live.get("/v1/subjects", as_=live.ada).json() == []
    there = live.browse("/", as_=live.ada)
    assert there.status_code == 303
    page = live.browse(there.headers["location"], as_=live.ada)
    assert (page.status_code, "<form" in page.text) == (200, True)


def test_removed_record_counts_no_longer(live: Live) -> None:
    """An activity names its record; removed, its month is without it; sent twice with one key, it is removed once."""
    ada = live.ada
    made = live.post(f"/v1/subjects/{ada.household}/bills", as_=ada, json=BILL)
    assert made.status_code == 201, made.text
    listed = f"/v1/subjects/{ada.household}/activities?limit=500"
    parts = [one for one in live.get(listed, as_=ada).json()["items"] if one["connector"] == "typed-bill"]
    (record_id,) = {one["record_id"] for one in parts}
    address, headers = f"/v1/subjects/{ada.household}/records/{record_id}", {**ada.bearer, "Idempotency-Key": "r-1"}
    first, again = (live.client.delete(address, headers=headers) for _ in range(2))
    assert (first.status_code, first.json()["months"]) == (200, sorted(one["month"] for one in parts))
    assert (again.content, again.headers["idempotent-replayed"]) == (first.content, "true")
    assert all(one["connector"] != "typed-bill" for one in live.get(listed, as_=ada).json()["items"])
    twice = live.client.delete(address, headers=ada.bearer)
    assert (twice.status_code, twice.json()["detail"]) == (409, "This record counts no longer")


def test_a_bill_is_removed_on_the_page(live: Live) -> None:
    """The list of activities offers to remove a typed bill, not a measured day; removed, it is gone and counts no longer."""
    ada = live.ada
    assert live.post(f"/v1/subjects/{ada.household}/bills", as_=ada, json=BILL).status_code == 201
    page = f"/s/{ada.household}/activities"
    shown = live.browse(f"{page}?period=2025-11", as_=ada).text
    (address,) = set(re.findall(rf'action="(/s/{ada.household}/records/[^"]+/remove)"', shown))
    reply = live.submit(address, as_=ada)
    assert (reply.status_code, reply.headers["location"]) == (303, page)
    assert "/remove" not in live.browse(f"{page}?period=2025-11", as_=ada).text
    left = live.get(f"/v1/subjects/{ada.household}/activities?limit=500", as_=ada).json()["items"]
    assert "typed-bill" not in {one["connector"] for one in left}
    assert live.submit(address, as_=ada).status_code == 409
