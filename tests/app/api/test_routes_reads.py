"""Every read of the API: what it gives, its ETag, and its refusals."""

import json
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256

import pytest

from app.api.anonymous_verify import MAX_BUNDLE_BYTES, ONE_AT_A_TIME
from app.usecases.show_proof import RECOMPUTED
from domain.bundle import AuditorName, bundle_from_bytes
from ledger.signing import AuditorKey, sign_envelope
from tests.app.live import Live, Tenant

READS = {
    "subjects": "/v1/subjects",
    "subject": "/v1/subjects/{household}",
    "documents": "/v1/documents?subject={household}",
    "document": "/v1/documents/{document_sha256}?subject={household}",
    "activities": "/v1/subjects/{household}/activities",
    "periods": "/v1/subjects/{household}/periods",
    "statements": "/v1/subjects/{household}/statements",
    "statement": "/v1/statements/{statement_id}",
    "bundle": "/v1/statements/{statement_id}/bundle",
}
"""Reads that need somebody; by name, with the fields of `Tenant`."""

PUBLIC = {"proof": "/v1/proofs/{public_token}", "factor": "/v1/factors/explain?region=94110&year=2023"}
"""Reads that anybody may do."""

VERIFIERS = ("/v1/proofs/verify", "/proof")
"""Where a stranger may send a bundle."""

PROBLEM_FIELDS = {"type", "title", "status", "detail", "expected", "got", "record", "next_step", "errors", "instance"}


def path_of(template: str, tenant: Tenant) -> str:
    """A path with a tenant's names in it."""
    return template.format(**vars(tenant))


@pytest.mark.parametrize("name", READS)
def test_read_needs_somebody(shared_live: Live, name: str) -> None:
    """Without a key a read is refused with 401, as a problem that says what to do."""
    reply = shared_live.get(path_of(READS[name], shared_live.ada))
    assert reply.status_code == 401
    assert reply.headers["content-type"] == "application/problem+json"
    assert reply.headers["www-authenticate"] == "Bearer"
    assert reply.json()["type"] == "/problems/not-signed-in"
    assert reply.json()["next_step"] == "Sign in, or send an API key as `Authorization: Bearer`."


@pytest.mark.parametrize("name", READS | PUBLIC)
def test_read_is_not_sent_again(shared_live: Live, name: str) -> None:
    """A read has an ETag; asked again with it, 304 without a body."""
    path = path_of((READS | PUBLIC)[name], shared_live.ada)
    first = shared_live.get(path, as_=shared_live.ada)
    assert first.status_code == 200
    again = shared_live.get(path, as_=shared_live.ada, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])


@pytest.mark.parametrize("name", READS)
def test_read_is_private(shared_live: Live, name: str) -> None:
    """What one person may see is kept by no proxy."""
    reply = shared_live.get(path_of(READS[name], shared_live.ada), as_=shared_live.ada)
    assert reply.headers["cache-control"] == "private, no-cache"
    assert "Authorization" in reply.headers["vary"]


@pytest.mark.parametrize("name", READS)
def test_browser_session_reads_too(shared_live: Live, name: str) -> None:
    """The session cookie opens the same reads as a key."""
    path = path_of(READS[name], shared_live.ada)
    by_key = shared_live.get(path, as_=shared_live.ada)
    by_cookie = shared_live.client.get(path, headers={"Cookie": f"cf_session={shared_live.ada.cookie}"})
    assert (by_cookie.status_code, by_cookie.content) == (200, by_key.content)


def test_subjects_are_those_of_the_caller(shared_live: Live) -> None:
    """The list of subjects holds the caller's own, with place and zone."""
    found = shared_live.get("/v1/subjects", as_=shared_live.ada).json()
    assert {one["id"] for one in found} == {shared_live.ada.household, shared_live.ada.business}
    assert {(one["region"], one["zone"], one["country"]) for one in found} == {("US/zip/94110", "America/Los_Angeles", "US")}


def test_subject_is_the_one_of_the_list(shared_live: Live) -> None:
    """One subject reads as in the list."""
    listed = shared_live.get("/v1/subjects", as_=shared_live.ada).json()
    one = shared_live.get(f"/v1/subjects/{shared_live.ada.household}", as_=shared_live.ada).json()
    assert one in listed


def test_document_comes_back_as_it_was_sent(shared_live: Live) -> None:
    """An original is given back byte for byte, as a download under its hash."""
    ada = shared_live.ada
    reply = shared_live.get(path_of(READS["document"], ada), as_=ada)
    assert sha256(reply.content).hexdigest() == ada.document_sha256
    assert reply.headers["content-type"] == "application/octet-stream"
    assert reply.headers["content-disposition"] == f'attachment; filename="{ada.document_sha256[:16]}"'
    assert reply.headers["etag"] == f'"{ada.document_sha256}"'


def test_documents_tell_evidence_and_size(shared_live: Live) -> None:
    """The list of originals says how each is known and how large it is."""
    (one,) = shared_live.get(path_of(READS["documents"], shared_live.ada), as_=shared_live.ada).json()
    assert (one["evidence"], one["connector"], one["sha256"]) == ("uploaded", "green-button", shared_live.ada.document_sha256)
    assert one["size_bytes"] > 100_000


def test_activities_come_page_by_page(shared_live: Live) -> None:
    """Every activity comes exactly once over the pages, newest first, 59 days of 12 kWh."""
    path, ada = f"/v1/subjects/{shared_live.ada.household}/activities", shared_live.ada
    found, cursor = [], ""
    while True:
        page = shared_live.get(path, as_=ada, params={"limit": 25, "cursor": cursor}).json()
        found += page["items"]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert [one["start"] for one in found] == sorted((one["start"] for one in found), reverse=True)
    assert len({one["id"] for one in found}) == 59
    assert {(one["quantity"], one["unit"], one["evidence"]) for one in found} == {("12", "kWh", "uploaded")}


def test_activities_of_a_period(shared_live: Live) -> None:
    """A period leaves out the other months."""
    path = f"/v1/subjects/{shared_live.ada.household}/activities"
    page = shared_live.get(path, as_=shared_live.ada, params={"period": "2026-02", "limit": 500}).json()
    assert [one["month"] for one in page["items"]] == ["2026-02"] * 28


@pytest.mark.parametrize("query", ["limit=0", "limit=501", "limit=ten", "cursor=nonsense", "period=March"])
def test_activities_refuse_what_they_do_not_read(shared_live: Live, query: str) -> None:
    """A query that cannot be read is a clean 422."""
    reply = shared_live.get(f"/v1/subjects/{shared_live.ada.household}/activities?{query}", as_=shared_live.ada)
    assert reply.status_code == 422
    assert reply.json()["status"] == 422


def test_closed_period_is_listed(shared_live: Live) -> None:
    """The list of periods tells the closed month."""
    found = shared_live.get(path_of(READS["periods"], shared_live.ada), as_=shared_live.ada).json()
    assert found == [{"period": "2026-01", "state": "closed", "is_changed_since_close": False}]


def test_statement_tells_what_it_rests_on(shared_live: Live) -> None:
    """A statement says its totals as exact decimal text, its factor set and where its proof is."""
    ada = shared_live.ada
    one = shared_live.get(path_of(READS["statement"], ada), as_=ada).json()
    assert (one["period"], one["revision"], one["subject_id"]) == ("2026-01", 1, ada.household)
    assert one["totals"]["net_g_co2e"] == one["totals"]["gross_location_g_co2e"]
    assert 50_000 < float(one["totals"]["net_g_co2e"]) < 200_000  # 372 kWh at 0.13 to 0.54 kg/kWh
    assert one["factor_set"]["size"] == shared_live.services.factor_set.id.size
    assert one["proof_path"] == f"/proof/{ada.public_token}"


def test_statements_hold_the_one_statement(shared_live: Live) -> None:
    """The list of statements and the single statement agree; the single one has its lines."""
    ada = shared_live.ada
    (listed,) = shared_live.get(path_of(READS["statements"], ada), as_=ada).json()
    one = shared_live.get(path_of(READS["statement"], ada), as_=ada).json()
    assert one == listed | {name: one[name] for name in LINES_FIELDS}


LINES_FIELDS = ("by_category", "by_scope", "beside", "lines", "uncertainty", "unscored")
"""What a single statement has besides."""


def test_statement_shows_its_lines(shared_live: Live) -> None:
    """Every line names part, scope, factor and scale; their sums are the totals; the interval holds the gross."""
    ada = shared_live.ada
    one = shared_live.get(path_of(READS["statement"], ada), as_=ada).json()
    assert [(line["part"], line["basis"], line["scope"], line["category"]) for line in one["lines"]] == [
        ("use", "location", 2, 0),
        ("use", "market", 2, 0),
        ("grid_loss", "location", 3, 3),
        ("grid_loss", "market", 3, 3),
    ]
    use, _, loss, _ = one["lines"]
    assert (use["scale"], use["source"], use["published_unit"], use["place"]) == ("1", "EPA eGRID", "lb/MWh", "US/zip/94110")
    assert loss["scale"] == "41/959"
    assert (use["factor_id"], use["published"]["co2"]) == (loss["factor_id"], loss["published"]["co2"])
    gross = Decimal(use["g_co2e"]) + Decimal(loss["g_co2e"])
    assert gross == Decimal(one["totals"]["gross_location_g_co2e"])
    assert [(total["scope"], total["gross_location_g_co2e"]) for total in one["by_scope"]] == [
        (2, use["g_co2e"]),
        (3, loss["g_co2e"]),
    ]
    assert [total["category"] for total in one["by_category"]] == [3]
    for interval in one["uncertainty"]:
        assert Decimal(interval["low_t_co2e"]) < gross / 1_000_000 < Decimal(interval["high_t_co2e"])
        assert interval["is_assumed"] is True
    assert (one["gwp_set"], one["beside"], one["unscored"]) == ("AR5", [], [])


def test_bundle_verifies(shared_live: Live) -> None:
    """An exported bundle, sent back, holds at every step."""
    ada = shared_live.ada
    bundle = shared_live.get(path_of(READS["bundle"], ada), as_=ada).content
    reply = shared_live.post("/v1/proofs/verify", content=bundle, headers={"Content-Type": "application/json"})
    assert reply.status_code == 200
    assert reply.json()["holds"] is True
    assert {step["state"] for step in reply.json()["steps"]} == {"ok"}


def test_changed_bundle_names_the_step(shared_live: Live) -> None:
    """One changed byte of a bundle is named with the step that breaks."""
    ada = shared_live.ada
    bundle = shared_live.get(path_of(READS["bundle"], ada), as_=ada).content
    changed = bundle.replace(b'"revision\\":1', b'"revision\\":2', 1)
    assert changed != bundle
    reply = shared_live.post("/v1/proofs/verify", content=changed, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["holds"], reply.json()["first_failure"]) == (200, False, "bundle")


@pytest.mark.parametrize("body", [b"{}", b"[]", b"no JSON", b"\xff\xfe", b'{"a":' * 500, b"null"])
def test_what_is_no_bundle_is_told(shared_live: Live, body: bytes) -> None:
    """Anything that is no bundle gives a verification that does not hold, never a fault of ours."""
    reply = shared_live.post("/v1/proofs/verify", content=body, headers={"Content-Type": "application/json"})
    assert reply.status_code == 200
    assert reply.json()["holds"] is False


def test_verification_says_verdict_and_standing(shared_live: Live) -> None:
    """A bundle that known auditors signed holds and is the newest; one of another chain is consistent, and does not hold."""
    ada = shared_live.ada
    bundle = shared_live.get(path_of(READS["bundle"], ada), as_=ada).content
    json_type = {"Content-Type": "application/json"}
    found = shared_live.post("/v1/proofs/verify", content=bundle, headers=json_type).json()
    assert (found["verdict"], found["standing"], found["superseded_by"]) == ("holds", "newest", None)
    whole = bundle_from_bytes(bundle)
    other = AuditorKey.from_bytes(bytes(31) + b"\x05")
    signature = sign_envelope(other, whole.envelope, chain_id=1, contract=whole.chain.contract).hex()
    named = (AuditorName(other.address, "n", "US", "A Big Auditing Company"),)
    forged = replace(whole, chain=replace(whole.chain, chain_id=1), signatures=(signature,), auditors=named).sealed().to_bytes()
    found = shared_live.post("/v1/proofs/verify", content=forged, headers=json_type).json()
    assert (found["verdict"], found["holds"], found["first_failure"]) == ("consistent", False, "")
    html = shared_live.post("/proof", content=forged, headers=json_type).text
    assert "nobody we know signed them" in html
    assert "This statement holds." not in html


def test_second_bundle_at_a_time_is_told_to_wait(shared_live: Live) -> None:
    """While one stranger's bundle is verified another one gets 503 with Retry-After, on the page and in the API."""
    with ONE_AT_A_TIME:
        replies = [shared_live.post(path, content=b"{}", headers={"Content-Type": "application/json"}) for path in VERIFIERS]
    assert [(reply.status_code, reply.headers["Retry-After"]) for reply in replies] == [(503, "5")] * 2
    assert shared_live.post("/v1/proofs/verify", content=b"{}", headers={"Content-Type": "application/json"}).status_code == 200


@pytest.mark.parametrize("path", VERIFIERS)
def test_large_bundle_is_refused(shared_live: Live, path: str) -> None:
    """More than 8 MiB are refused before anything is read in them."""
    reply = shared_live.post(path, content=b" " * (MAX_BUNDLE_BYTES + 1), headers={"Content-Type": "application/json"})
    assert reply.status_code == 413


def test_public_proof_tells_no_amount(shared_live: Live) -> None:
    """The API hides what the page hides: totals, factors and counts are replaced by a fixed sentence."""
    found = shared_live.get(path_of(PUBLIC["proof"], shared_live.ada)).json()
    assert (found["verdict"], found["standing"]) == ("holds", "newest")
    told = {step["name"]: step["detail"] for step in found["steps"]}
    assert {told.pop(name)[:4] for name in ("batch", "signatures", "chain")} == {"leaf", "1 of", "root"}
    assert set(told.values()) == {RECOMPUTED}


def test_proof_tells_every_step_and_nobody(shared_live: Live) -> None:
    """The public proof holds and has no name, meter or amount per line in it."""
    ada = shared_live.ada
    reply = shared_live.get(path_of(PUBLIC["proof"], ada))
    assert reply.json()["holds"] is True
    names = ["bundle", "manifest", "issuance", "batch", "signatures", "lines", "factors"]
    assert [step["name"] for step in reply.json()["steps"]][: len(names)] == names
    for personal in ("Household", "Lovelace", "UsagePoint", "Meter of", ada.household, ada.tenant_id, ada.document_sha256):
        assert personal not in reply.text


def test_factor_explains_itself(shared_live: Live) -> None:
    """A factor names its steps from the ZIP code to the published row."""
    found = shared_live.get(PUBLIC["factor"]).json()
    text = json.dumps(found)
    assert "CAMX" in text
    assert "eGRID" in text


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("region=00000&year=2023", 422),
        ("region=&year=2023", 422),
        ("region=94110&year=1800", 422),
        ("region=94110&year=2023&kind=unicorn", 422),
        ("region=94110&year=2023&basis=moral", 422),
        ("year=2023", 422),
        ("region=Atlantis&year=2023", 422),
    ],
)
def test_factor_refuses_with_the_next_step(shared_live: Live, query: str, status: int) -> None:
    """A place, year or kind that is none gives a problem with expected and next step."""
    reply = shared_live.get(f"/v1/factors/explain?{query}")
    assert reply.status_code == status
    problem = reply.json()
    assert problem["next_step"]
    assert problem.get("expected") or problem.get("errors")


@pytest.mark.parametrize(
    "path",
    [
        "/v1/subjects/nobody",
        "/v1/statements/none",
        "/v1/statements/none/bundle",
        "/v1/documents/" + "ab" * 32 + "?subject={household}",
        "/v1/documents/x?subject={household}",
        "/v1/proofs/none",
        "/v1/nothing",
        "/v1/subjects/%00",
        "/v1/proofs/%00",
        "/v1/statements/%F0%9F%98%80",
    ],
)
def test_nothing_there_is_a_404(shared_live: Live, path: str) -> None:
    """A name that nothing has is a 404 with the fields of a problem and nothing else."""
    reply = shared_live.get(path_of(path, shared_live.ada), as_=shared_live.ada)
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"
    assert set(reply.json()) <= PROBLEM_FIELDS
    assert reply.json()["status"] == 404
    assert reply.json()["instance"] == f"urn:uuid:{reply.headers['x-request-id']}"


def test_wrong_method_names_the_right_ones(shared_live: Live) -> None:
    """A method that a path does not take is a 405 that allows the others."""
    reply = shared_live.client.delete("/v1/subjects", headers=shared_live.ada.bearer)
    assert reply.status_code == 405
    assert "GET" in reply.headers["allow"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/problems", "/problems/not-found", "/openapi.json"])
def test_open_routes_answer_strangers(shared_live: Live, path: str) -> None:
    """Health, problems and the OpenAPI file need nobody."""
    assert shared_live.get(path).status_code == 200
