"""Signing in and out, the welcome link, where a sign-in leads, requests of other sites, and API keys."""

import threading
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from argon2 import PasswordHasher
from sqlalchemy import event

from app.security.api_keys import ALPHABET, KeyMode, read_api_key
from app.services import Work
from app.store import accounts
from app.store.session import Engine, reading, unit_of_work
from app.usecases.sign_in import make_api_key
from tests.app.live import PASSWORD, Installation, Live, start


def sign_in(live: Live, **fields: str) -> httpx2.Response:
    """Send the sign-in form from our own page."""
    return live.submit("/sign-in", data={"name": "ada", "password": PASSWORD, **fields})


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[str]]:
    """The SQL that is sent meanwhile."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, text: str, *_more: Any) -> None:  # noqa: ANN401 - SQLAlchemy's event
        sent.append(text)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_right_password_signs_in(live: Live) -> None:
    """Login and password give a session cookie for this origin only: HttpOnly, SameSite=Lax, whole path, twelve hours."""
    reply = sign_in(live, name=" ADA ")
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    cookie = reply.headers["set-cookie"]
    assert cookie.startswith("cf_session=")
    parts = {part.strip().lower() for part in cookie.split(";")[1:]}
    assert {"httponly", "samesite=lax", "path=/", "max-age=43200"} <= parts
    assert not any(part.startswith("domain") for part in parts)
    assert reply.headers["cache-control"] == "no-store"


def test_cookie_is_secure_over_https(installation: Installation) -> None:
    """Behind https the cookie is Secure and bound to the host by its name."""
    with start(installation, base_url="https://fit.example") as live:
        headers = {"Host": "fit.example", "Origin": "https://fit.example", "Accept": "text/html"}
        reply = live.client.post("/sign-in", data={"name": "ada", "password": PASSWORD}, headers=headers)
        assert reply.headers["set-cookie"].startswith("__Host-cf_session=")
        assert "; Secure" in reply.headers["set-cookie"]


def test_wrong_password_and_unknown_login_read_the_same(live: Live) -> None:
    """Nobody learns which logins exist: same status, same page apart from the login that was typed."""
    wrong = sign_in(live, password="wrong horse battery")
    unknown = sign_in(live, name="eve")
    assert wrong.status_code == unknown.status_code == 403
    assert wrong.text.replace('value="ada"', "") == unknown.text.replace('value="eve"', "")
    assert "Login or password is wrong" in wrong.text
    assert "set-cookie" not in wrong.headers
    assert PASSWORD not in unknown.text


def test_unknown_login_costs_a_hash_too(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unknown login is verified against a hash of nobody's, with today's parameters."""
    seen: list[str | bytes] = []
    original = PasswordHasher.verify

    def noted(self: PasswordHasher, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's name
        seen.append(hash)
        return original(self, hash, password)

    monkeypatch.setattr(PasswordHasher, "verify", noted)
    sign_in(live, name="eve")
    sign_in(live, password="wrong horse battery")
    assert len(seen) == 2
    assert len({str(one).rsplit("$", 2)[0] for one in seen}) == 1


@pytest.mark.parametrize(
    "fields",
    [{"name": ""}, {"password": ""}, {"name": "x" * 10_000}, {"password": "x" * 10_000}, {"name": "a\x00"}, {"name": "\ufffe"}],
)
def test_odd_credentials_are_refused(live: Live, fields: dict[str, str]) -> None:
    """Empty, huge or unstorable credentials are just wrong."""
    reply = sign_in(live, **fields)
    assert reply.status_code == 403
    assert "Login or password is wrong" in reply.text


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data"])
def test_sign_in_reads_forms_only(live: Live, content_type: str) -> None:
    """Another kind of body never signs in, and never breaks."""
    headers = {"Content-Type": content_type}
    reply = live.submit("/sign-in", content=b'{"name":"ada"}', headers=headers)
    assert 400 <= reply.status_code < 500


def test_session_is_new_at_every_sign_in(live: Live) -> None:
    """Signing in again ends the browser's former session: a planted or stolen token stays useless."""
    first = sign_in(live).cookies["cf_session"]
    reply = live.submit("/sign-in", data={"name": "ada", "password": PASSWORD}, headers={"Cookie": f"cf_session={first}"})
    second = reply.cookies["cf_session"]
    live.client.cookies.clear()
    assert first != second
    assert live.client.get("/v1/subjects", headers={"Cookie": f"cf_session={first}"}).status_code == 401
    assert live.client.get("/v1/subjects", headers={"Cookie": f"cf_session={second}"}).status_code == 200


def test_sign_out_ends_the_session(live: Live) -> None:
    """After signing out the token is dead on the server, and the cookie is taken away."""
    reply = live.submit("/sign-out", as_=live.ada)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    assert 'cf_session=""' in reply.headers["set-cookie"]
    assert live.client.get("/v1/subjects", headers={"Cookie": f"cf_session={live.ada.cookie}"}).status_code == 401


def test_sign_out_ends_no_other_session(live: Live) -> None:
    """Bob stays signed in when Ada leaves."""
    live.submit("/sign-out", as_=live.ada)
    assert live.browse(f"/s/{live.bob.household}", as_=live.bob).status_code == 200


def test_session_ends_after_its_hours(live: Live) -> None:
    """A session holds twelve hours and not longer; a browser is then led to the sign-in page and back."""
    live.clock.advance(12 * 3600 - 1)
    assert live.browse(f"/s/{live.ada.household}", as_=live.ada).status_code == 200
    live.clock.advance(1)
    reply = live.browse(f"/s/{live.ada.household}", as_=live.ada)
    assert (reply.status_code, reply.headers["location"]) == (303, f"/sign-in?next=/s/{live.ada.household}")


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "../../x", "x" * 4000, "%00", '"; DROP TABLE session'])
def test_token_that_is_none(shared_live: Live, token: str) -> None:
    """A cookie that is no token of ours is nobody."""
    reply = shared_live.client.get("/v1/subjects", headers={"Cookie": f"cf_session={token}"})
    assert reply.status_code == 401


def test_welcome_link_signs_in_while_it_runs(installation: Installation) -> None:
    """The link that the program printed signs in; after a restart with another secret it is dead."""
    with start(installation, welcome_token="w" * 43) as live:
        assert live.browse(f"/welcome/{'w' * 43}").status_code == 200  # nobody to sign in yet: how far the start is
        live.hosting.welcome_tenant_id, live.hosting.welcome_account_id = live.ada.tenant_id, live.ada.account_id
        reply = live.browse(f"/welcome/{'w' * 43}")
        assert (reply.status_code, reply.headers["location"]) == (303, "/")
        assert "httponly" in reply.headers["set-cookie"].lower()
        assert live.browse(f"/welcome/{'v' * 43}").status_code == 404
    with start(installation, welcome_token="n" * 43) as live:
        assert live.browse(f"/welcome/{'w' * 43}").status_code == 404


@pytest.mark.parametrize("token", ["x", "%20", "\u0661", "None", "w" * 42])
def test_welcome_link_of_nobody(installation: Installation, token: str) -> None:
    """Where no link was made, none holds; a wrong one is a 404 that says what to do."""
    with start(installation, welcome_token="") as live:
        reply = live.browse(f"/welcome/{token}")
        assert reply.status_code == 404
        assert "sign in" in reply.text


@pytest.mark.parametrize(
    "where",
    [
        "https://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        " //evil.example",
        "evil.example",
        "/\u202e//evil",
        "http:evil.example",
        "/..//evil.example",
        "/.//evil.example",
        "/%2e//evil.example",
    ],
)
def test_sign_in_leads_to_no_other_site(live: Live, where: str) -> None:
    """`next` leads to a path of ours or to the first page, never elsewhere."""
    there = sign_in(live, next=where).headers["location"]
    base = httpx2.URL("http://localhost:8000/sign-in")
    assert base.join(there).host == "localhost"
    assert there.startswith("/")
    assert not there.startswith(("//", "/\\"))
    form = live.browse("/sign-in", params={"next": where}).text
    assert "evil.example" not in form or 'value="/' in form


def test_sign_in_leads_back(live: Live) -> None:
    """A path of ours is where the sign-in leads."""
    path = f"/s/{live.ada.household}/activities"
    assert live.browse(path).headers["location"] == f"/sign-in?next={path}"
    assert sign_in(live, next=path).headers["location"] == path


PAGES_THAT_CHANGE = [
    "/sign-in",
    "/sign-out",
    "/s/{household}/documents",
    "/s/{household}/bills",
    "/s/{household}/periods/2026-02/close",
    "/s/{household}/statements/{statement_id}/share",
    "/proof",
    "/v1/subjects",
]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": "http://localhost:8000.evil.example"},
    {"Origin": "http://localhost:9999"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "cross-site"},
    {},
]


@pytest.mark.parametrize("path", PAGES_THAT_CHANGE)
@pytest.mark.parametrize("headers", FOREIGN, ids=str)
def test_other_sites_change_nothing(shared_live: Live, path: str, headers: dict[str, str]) -> None:
    """A write that a browser sends for another site, or with a cookie and no origin, is a 403, and changes nothing."""
    before = shared_live.counts()
    cookie = {"Cookie": f"cf_session={shared_live.ada.cookie}"}
    reply = shared_live.client.post(
        path.format(**vars(shared_live.ada)), data={"name": "ada", "password": PASSWORD}, headers={**headers, **cookie}
    )
    assert (reply.status_code, reply.json()["type"]) == (403, "/problems/foreign-origin")
    assert shared_live.counts() == before


def test_burst_of_sign_ins_hashes_two_at_a_time(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Twenty sign-ins at once are all answered, and never more than two hashes run together."""
    guard, running, most = threading.Lock(), 0, 0
    original = PasswordHasher.verify

    def counted(self: PasswordHasher, hash: str | bytes, password: str | bytes) -> bool:  # noqa: A002 - argon2's name
        nonlocal running, most
        with guard:
            running += 1
            most = max(most, running)
        try:
            return original(self, hash, password)
        finally:
            with guard:
                running -= 1

    monkeypatch.setattr(PasswordHasher, "verify", counted)
    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(lambda i: sign_in(live, password=f"wrong password {i}").status_code, range(20)))
    assert statuses == [403] * 20
    assert 1 <= most <= 2


def test_no_writer_waits_for_a_hash(live: Live) -> None:
    """A wrong password never opens a transaction that writes: a flood of sign-ins does not stop imports."""
    with statements_of(live.services.engine) as sent:
        assert sign_in(live, password="wrong horse battery").status_code == 403
    assert not [text for text in sent if "IMMEDIATE" in text]
    with statements_of(live.services.engine) as sent:
        assert sign_in(live).status_code == 303
    assert [text for text in sent if "IMMEDIATE" in text]


# API keys.


def key_status(live: Live, key: str, scheme: str = "Bearer") -> int:
    """What a key opens the list of subjects with."""
    return live.client.get("/v1/subjects", headers={"Authorization": f"{scheme} {key}"}).status_code


def test_key_opens(shared_live: Live) -> None:
    """A key works, whatever the case of its scheme."""
    assert key_status(shared_live, shared_live.ada.key) == 200
    assert key_status(shared_live, shared_live.ada.key, "bearer") == 200


def test_revoked_key_is_dead(live: Live) -> None:
    """A key that was withdrawn opens nothing."""
    with unit_of_work(live.services.engine) as session:
        (row,) = accounts.api_keys_of(session, live.ada.tenant_id, live.ada.account_id)
        accounts.revoke_api_key(session, live.ada.tenant_id, row.id, live.clock.now())
    assert key_status(live, live.ada.key) == 401
    assert key_status(live, live.bob.key) == 200


def test_expired_key_is_dead(live: Live) -> None:
    """A key with an end opens until then."""
    with unit_of_work(live.services.engine) as session:
        account = accounts.by_id(session, live.ada.tenant_id, live.ada.account_id)
        key = make_api_key(Work(session, live.services), account, KeyMode.TEST, lifetime=timedelta(days=7))
    live.clock.advance(7 * 86_400 - 1)
    assert key_status(live, key) == 200
    live.clock.advance(1)
    assert key_status(live, key) == 401


def test_mistyped_key_reads_no_database(shared_live: Live) -> None:
    """One wrong character is found by the checksum: no table is asked."""
    key = shared_live.ada.key
    wrong = key[:-10] + ("x" if key[-10] != "x" else "y") + key[-9:]
    with statements_of(shared_live.services.engine) as sent:
        assert key_status(shared_live, wrong) == 401
    assert not [text for text in sent if "FROM" in text]


def test_right_prefix_with_another_secret_is_refused(shared_live: Live) -> None:
    """A key that is well-formed, with a prefix that exists, but another secret is refused."""
    before = shared_live.ada.key[:-38] + "A" * 32
    rest, digits = zlib.crc32(before.encode()), ""
    for _ in range(6):
        rest, digit = divmod(rest, 62)
        digits = ALPHABET[digit] + digits
    assert read_api_key(before + digits) is not None
    assert key_status(shared_live, before + digits) == 401


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer ", "Basic YWRhOng=", "Bearer cf_test_x", "Bearer " + "x" * 5000, "\xe9"])
def test_header_that_is_no_key(shared_live: Live, value: str) -> None:
    """Anything else in Authorization is nobody, even beside a good cookie."""
    headers = [(b"Authorization", value.encode("latin-1")), (b"Cookie", f"cf_session={shared_live.ada.cookie}".encode())]
    reply = shared_live.client.get("/v1/subjects", headers=headers)
    assert reply.status_code == (401 if value else 200)


def test_key_and_cookie_stand_nowhere_in_a_reply(shared_live: Live) -> None:
    """No reply repeats a secret."""
    reply = shared_live.client.get("/v1/subjects", headers={"Authorization": f"Bearer {shared_live.ada.key[:-1]}"})
    assert shared_live.ada.key[:-1] not in reply.text
    with reading(shared_live.services.engine) as session:
        (row,) = accounts.api_keys_of(session, shared_live.ada.tenant_id, shared_live.ada.account_id)
    assert shared_live.ada.key.startswith(row.prefix)
