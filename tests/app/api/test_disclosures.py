"""One record or group is shown by file and by link, to whoever the owner gives it, and nothing else of the statement."""

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html

from domain.disclosure import disclosure_from_bytes
from tests.app.live import Live, Tenant
from tests.schemas import validator


def inputs(live: Live, tenant: Tenant) -> list[dict[str, Any]]:
    """Groups and records of their statement."""
    found: list[dict[str, Any]] = live.get(f"/v1/statements/{tenant.statement_id}/inputs", as_=tenant).json()
    return found


def link_to(live: Live, tenant: Tenant, **shown: str) -> str:
    """Path of a share link."""
    made = live.post(f"/v1/statements/{tenant.statement_id}/share-links", as_=tenant, json={"days": 3, **shown})
    assert made.status_code == 201, made.text
    return str(made.json()["path"])


def text_of(content: str) -> str:
    """The words of a page."""
    return " ".join(html.fromstring(content).text_content().split())


def test_inputs_are_listed(shared_live: Live) -> None:
    """Each record with its id, amounts and originals, by group."""
    (group,) = inputs(shared_live, shared_live.ada)
    assert len(group["records"]) == 31
    first = group["records"][0]
    assert first["original_sha256s"] == [shared_live.ada.document_sha256]
    assert first["amounts"] == ["electricity 12 kWh in US/zip/94110, uploaded"]


def test_record_is_a_file(shared_live: Live) -> None:
    """The file verifies where it is sent, and names the original."""
    live, ada = shared_live, shared_live.ada
    record_id = inputs(live, ada)[0]["records"][3]["record_id"]
    reply = live.get(f"/v1/statements/{ada.statement_id}/disclosure?record={record_id}", as_=ada)
    validator("disclosure-1").validate(reply.json())
    assert reply.headers["Content-Disposition"].startswith('attachment; filename="disclosure-')
    assert disclosure_from_bytes(reply.content).signed is None
    found = live.post("/v1/proofs/verify", content=reply.content, headers={"Content-Type": "application/json"}).json()
    assert (found["verdict"], found["holds"], found["standing"]) == ("holds", True, "newest")
    assert {step["name"] for step in found["steps"] if step["state"] == "ok"} == {"disclosure", "shown", "statement"}
    dropped = live.submit("/proof", files={"bundle": ("bill.json", reply.content, "application/json")})
    said = text_of(dropped.text)
    assert "What is shown stands in a statement that holds." in said
    assert ada.document_sha256 in said
    changed = reply.content.replace(b"2026-01-0", b"2026-01-1")
    broken = live.submit("/proof", files={"bundle": ("bill.json", changed, "application/json")})
    assert "What is shown does not hold." in text_of(broken.text)
    assert ada.document_sha256 not in text_of(broken.text)


def test_signed_file_on_wish(shared_live: Live) -> None:
    """With signatures the file is checked to the chain; the business's token has them by itself."""
    live, ada = shared_live, shared_live.ada
    record_id = inputs(live, ada)[0]["records"][0]["record_id"]
    reply = live.get(f"/v1/statements/{ada.statement_id}/disclosure?record={record_id}&signed=true", as_=ada)
    found = live.post("/v1/proofs/verify", content=reply.content, headers={"Content-Type": "application/json"}).json()
    assert {step["name"] for step in found["steps"] if step["state"] != "ok"} == {"original"}
    business = live.get(f"/v1/statements/{ada.business_statement_id}/inputs", as_=ada).json()[0]["records"][0]["record_id"]
    token = live.get(f"/v1/statements/{ada.business_statement_id}/disclosure?record={business}", as_=ada)
    assert token.json()["signed"]["chain"]["action"] == "issue"


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 422), ("?record=abcd1234&group=x", 422), ("?record=ffffffff", 404), ("?group=none", 404), ("?record=ab", 404)],
)
def test_other_wishes_are_refused(shared_live: Live, query: str, status: int) -> None:
    """Nothing, both, or what the statement does not have."""
    ada = shared_live.ada
    assert shared_live.get(f"/v1/statements/{ada.statement_id}/disclosure{query}", as_=ada).status_code == status


def test_link_shows_one_record(live: Live) -> None:
    """Behind the link: the record, its fingerprint and file; not the lines, not another record, not the exact totals."""
    ada = live.ada
    (group,) = inputs(live, ada)
    record, other = group["records"][2], group["records"][5]
    path = link_to(live, ada, record=record["record_id"])
    page = live.browse(path)
    said = text_of(page.text)
    assert page.status_code == 200
    assert record["record_key"] in said
    assert ada.document_sha256 in said
    assert "the inputs root is that of the statement of this page" in said
    assert other["record_key"] not in page.text
    whole = text_of(live.browse(f"/proof/{ada.public_token}?share={ada.share_token}").text)
    stranger = text_of(live.browse(f"/proof/{ada.public_token}").text)
    assert "Shown because this link was shared by its owner." in whole
    for words in ("Shown because this link was shared by its owner.", "lines-title"):
        assert words not in said
    assert "Rounded to whole kilograms" in said
    assert record["record_key"] not in stranger
    share = parse_qs(urlsplit(path).query)["share"][0]
    reply = live.client.get(f"/proof/{ada.public_token}/disclosure?share={share}")
    assert json.loads(json.loads(reply.content)["leaf"]["text"])["record_key"] == record["record_key"]
    shown = {link["shown"] for link in live.get(f"/v1/statements/{ada.statement_id}/share-links", as_=ada).json()}
    assert shown == {"lines", f"record:{record['record_id']}"}


def test_link_shows_one_group(live: Live) -> None:
    """Behind the link to a group: its sum and how many records; no record."""
    ada = live.ada
    (group,) = inputs(live, ada)
    said = text_of(live.browse(link_to(live, ada, group=group["group"])).text)
    assert "The sums of 31 records, which are not shown." in said
    assert "372 kWh" in said
    assert group["records"][0]["record_key"] not in said


def test_link_ends(live: Live) -> None:
    """Withdrawn, of another statement, or to the lines: no file, and the page shows nothing alone."""
    ada, bob = live.ada, live.bob
    path = link_to(live, ada, record=inputs(live, ada)[0]["records"][0]["record_id"])
    share = parse_qs(urlsplit(path).query)["share"][0]
    assert live.client.get(f"/proof/{ada.public_token}/disclosure?share={share}").status_code == 200
    assert live.client.get(f"/proof/{bob.public_token}/disclosure?share={share}").status_code == 404
    assert live.client.get(f"/proof/{ada.public_token}/disclosure?share={ada.share_token}").status_code == 404
    assert live.client.get(f"/proof/{ada.public_token}/disclosure").status_code == 404
    assert "shown alone" not in live.browse(f"/proof/{bob.public_token}?share={share}").text
    live.client.delete(f"/v1/statements/{ada.statement_id}/share-links", headers=ada.bearer)
    assert live.client.get(f"/proof/{ada.public_token}/disclosure?share={share}").status_code == 404


@pytest.mark.parametrize("shown", [{"record": "ffffffff"}, {"group": "none"}, {"record": "aaaa", "group": "b"}])
def test_link_to_nothing_is_refused(shared_live: Live, shown: dict[str, str]) -> None:
    """A link to what is not there is not made."""
    ada = shared_live.ada
    reply = shared_live.post(f"/v1/statements/{ada.statement_id}/share-links", as_=ada, json=shown)
    assert reply.status_code in {404, 422}


def test_owner_walks_back(live: Live) -> None:
    """The page redoes every step to the archive, links the original, and makes links and files of one record."""
    ada = live.ada
    address = f"/s/{ada.household}/statements/{ada.statement_id}/walk"
    assert address in live.browse(f"/s/{ada.household}/statements/{ada.statement_id}", as_=ada).text
    page = live.browse(address, as_=ada)
    said = text_of(page.text)
    assert said.count("The originals are in the archive, unchanged") == 1
    assert "From the chain back to the originals: everything holds." in said
    assert ada.document_sha256 in said
    tree = html.fromstring(page.text)
    (form,) = [form for form in tree.forms if form.fields.get("group")]
    shared = live.submit(str(form.action), as_=ada, data=dict(form.fields))
    assert shared.status_code == 303
    assert "The sums of 31 records" in text_of(live.browse(shared.headers["Location"]).text)
    files = [link for link in tree.xpath("//a[@download]/@href") if "disclosure?" in link]
    assert len(files) == 32
    assert live.browse(files[0], as_=ada).headers["Content-Disposition"].startswith("attachment")
    assert live.browse(f"/s/{ada.household}/statements/{ada.statement_id}/disclosure", as_=ada).status_code == 404
    for stranger in (None, live.bob):
        assert live.browse(address, as_=stranger).status_code in {303, 404}
        assert live.browse(files[0], as_=stranger).status_code in {303, 404}


def test_lost_original_is_told(live: Live) -> None:
    """Where the archive has lost an original, the page says which, and that this is the broken step."""
    ada = live.ada
    for path in [one for one in (live.folder / "archive").rglob("*") if one.is_file()]:
        path.unlink()
    said = text_of(live.browse(f"/s/{ada.household}/statements/{ada.statement_id}/walk", as_=ada).text)
    assert "The first step that breaks: The originals are in the archive, unchanged." in said
    assert "1 of 1 originals" in said
