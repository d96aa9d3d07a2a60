"""Every page: what it shows to its owner, with a strict policy, and what it answers to odd addresses."""

import re

import pytest

from tests.app.live import PASSWORD, Live

PAGES = {
    "dashboard": "/s/{household}",
    "why": "/s/{household}/why/2026-01",
    "why a year": "/s/{household}/why/2026",
    "why nothing": "/s/{household}/why/2025-06",
    "activities": "/s/{household}/activities",
    "activities of a month": "/s/{household}/activities?period=2026-02",
    "import": "/s/{household}/imports/{import_id}",
    "statement": "/s/{household}/statements/{statement_id}",
    "business": "/s/{business}",
    "business statement": "/s/{business}/statements/{business_statement_id}",
    "proof": "/proof/{public_token}",
    "shared proof": "/proof/{public_token}?share={share_token}",
    "sign-in": "/sign-in",
}
FILES = {
    "/s/{household}/statements/{statement_id}/bundle": "application/json",
    "/s/{household}/statements/{statement_id}/lines.csv": "text/csv",
    "/s/{household}/documents/{document_sha256}": "application/octet-stream",
    "/s/{household}/activities.csv": "text/csv",
    "/s/{household}/figures/months.csv": "text/csv",
    "/s/{household}/figures/months.json": "application/json",
}


@pytest.mark.parametrize("name", PAGES)
def test_page_is_whole(shared_live: Live, name: str) -> None:
    """A page is there, is never stored by anybody, and loads nothing from elsewhere."""
    reply = shared_live.browse(PAGES[name].format(**vars(shared_live.ada)), as_=shared_live.ada)
    assert reply.status_code == 200
    assert reply.text.rstrip().endswith("</html>")
    assert reply.headers["cache-control"] == "no-store"
    policy = reply.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe-eval" not in policy
    assert not re.findall(r'(?:src|action)="(?:https?:)?//', reply.text)
    assert not re.findall(r"<[^>]+\son\w+=", reply.text)


@pytest.mark.parametrize("name", PAGES)
def test_links_of_a_page_lead_somewhere(shared_live: Live, name: str) -> None:
    """Every link of ours on a page answers: nothing leads into the void."""
    page = shared_live.browse(PAGES[name].format(**vars(shared_live.ada)), as_=shared_live.ada).text
    for href in sorted(set(re.findall(r'(?:href|src)="(/[^"#]*)', page))):
        reply = shared_live.browse(href.replace("&amp;", "&"), as_=shared_live.ada)
        assert reply.status_code in {200, 303}, f"{href}: {reply.status_code}"


@pytest.mark.parametrize("path", FILES)
def test_file_is_a_download(shared_live: Live, path: str) -> None:
    """A file comes as an attachment with its ETag, and only once to who has it."""
    address = path.format(**vars(shared_live.ada))
    reply = shared_live.browse(address, as_=shared_live.ada)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith(FILES[path])
    assert reply.headers["x-content-type-options"] == "nosniff"
    if not path.endswith("months.json"):
        assert reply.headers["content-disposition"].startswith("attachment; filename=")
    again = shared_live.browse(address, as_=shared_live.ada, headers={"If-None-Match": reply.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/s/{household}/why/March", 422),
        ("/s/{household}/why/2026-13", 422),
        ("/s/{household}/activities?cursor=nonsense", 422),
        ("/s/{household}/activities?period=nonsense", 422),
        ("/s/{household}/why/2026-01?cursor=nonsense", 422),
        ("/s/{household}/figures/months", 404),
        ("/s/{household}/figures/months.exe", 404),
        ("/s/{household}/figures/../../etc/passwd", 404),
        ("/s/{household}/imports/none", 404),
        ("/s/{household}/statements/none", 404),
        ("/s/{household}/documents/none", 404),
        ("/s/nobody", 404),
        ("/s/%00", 404),
        ("/proof/none", 404),
        ("/nothing", 404),
        ("/static/../web.py", 404),
        ("/static/%2e%2e/web.py", 404),
    ],
)
def test_odd_address_is_a_page(shared_live: Live, path: str, status: int) -> None:
    """An address that is none is refused as a page that says what to do."""
    reply = shared_live.browse(path.format(**vars(shared_live.ada)), as_=shared_live.ada)
    assert reply.status_code == status
    assert reply.headers["content-type"].startswith("text/html")
    assert "Traceback" not in reply.text
    assert str(reply.headers["x-request-id"]) in reply.text


def test_first_page_leads_to_the_first_subject(shared_live: Live) -> None:
    """Who is signed in comes to a subject; a stranger to the sign-in page."""
    assert shared_live.browse("/", as_=shared_live.ada).headers["location"] in {
        f"/s/{shared_live.ada.household}",
        f"/s/{shared_live.ada.business}",
    }
    stranger = shared_live.browse("/")
    assert stranger.status_code == 200
    assert 'name="password"' in stranger.text


def test_form_closes_a_month(live: Live) -> None:
    """The form closes February and leads to its statement, which is proved once the worker ran."""
    reply = live.submit(f"/s/{live.ada.household}/periods/2026-02/close", as_=live.ada, data={"reason": ""})
    assert reply.status_code == 303
    live.work()
    page = live.browse(reply.headers["location"], as_=live.ada)
    assert page.status_code == 200
    (token,) = set(re.findall(r'href="/proof/([\w-]+)"', page.text))
    assert live.get(f"/v1/proofs/{token}").json()["holds"] is True


def test_form_shares_a_statement(live: Live) -> None:
    """The form makes a share link and opens it."""
    ada = live.ada
    reply = live.submit(f"/s/{ada.household}/statements/{ada.statement_id}/share", as_=ada, data={})
    assert reply.status_code == 303
    assert reply.headers["location"].startswith(f"/proof/{ada.public_token}?share=")
    assert len(live.browse(reply.headers["location"]).text) > len(live.browse(f"/proof/{ada.public_token}").text)


def test_dropped_bundle_is_checked(shared_live: Live) -> None:
    """A stranger drops a bundle on the proof page: every step is shown; one changed byte is named; nothing is kept."""
    ada, before = shared_live.ada, shared_live.counts()
    bundle = shared_live.get(f"/v1/statements/{ada.statement_id}/bundle", as_=ada).content
    files = {"bundle": ("statement.json", bundle, "application/json")}
    good = shared_live.submit("/proof", files=files)
    assert good.status_code == 200
    changed = bundle.replace(b"CAMX", b"CAMY", 1)
    assert changed != bundle
    bad = shared_live.submit("/proof", files={"bundle": ("statement.json", changed, "application/json")})
    assert bad.status_code == 200
    assert bad.text != good.text
    assert shared_live.counts() == before


@pytest.mark.parametrize("body", [b"", b"no JSON", b"{}", b"\x00" * 100, b"[" * 100_000])
def test_dropped_junk_is_told(shared_live: Live, body: bytes) -> None:
    """What is no bundle is refused or told as a page, never a fault of ours."""
    reply = shared_live.submit("/proof", files={"bundle": ("x.json", body, "application/json")})
    assert reply.status_code in {200, 422}
    assert reply.headers["content-type"].startswith("text/html")


def test_password_stands_on_no_page(shared_live: Live) -> None:
    """A wrong password is not given back in the form."""
    reply = shared_live.submit("/sign-in", data={"name": "ada", "password": f"{PASSWORD} wrong"})
    assert PASSWORD not in reply.text
