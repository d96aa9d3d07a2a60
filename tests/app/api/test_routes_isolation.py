"""No tenant reaches another one's things: every route with every foreign name, by key and by cookie, is a 404 without data."""

import re
from datetime import date
from itertools import product

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from app.web import ROUTERS
from tests.app.live import XML, Live, Tenant, green_button

PUBLIC = re.compile(r"/v1/(proofs|factors|estimate)|/proof|/sign|/welcome|/$")
"""Paths that are nobody's: proofs are public by their token, the rest names no one's things."""

FOREIGN = {
    "subject_id": ("household", "business", "tenant_id"),
    "subject": ("household", "business"),
    "statement_id": ("statement_id", "business_statement_id"),
    "sha256": ("document_sha256",),
    "import_id": ("import_id",),
    "record_id": ("record_id",),
    "connection_id": ("connection_id",),
    "duplicate_id": ("duplicate_id",),
    "waiting_id": ("waiting_id",),
}
"""Parameters that name somebody's thing, and the other tenant's names for it."""

PLAIN = {"period": "2026-01", "name": "months.csv", "connector": "octopus", "provider": "octopus-energy"}
"""Parameters that are the same for everybody."""


def own_routes() -> list[tuple[str, str]]:
    """Method and path of every route that names somebody's things, from the application itself."""
    found = []
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            names = {parameter.name for parameter in (*route.dependant.path_params, *route.dependant.query_params)}
            if names & set(FOREIGN) and not PUBLIC.match(route.path):
                found += [(method, route.path) for method in sorted(route.methods or ())]
    return found


ROUTES = own_routes()

BY_QUERY = re.compile(r"/v1/documents|/v1/(connections|duplicates)$")
"""Paths whose subject is a parameter of the query."""


def test_routes_are_found() -> None:
    """The list is made from the application: the routes known today are in it."""
    assert ("POST", "/v1/documents") in ROUTES
    assert ("GET", "/s/{subject_id}") in ROUTES
    assert ("POST", "/s/{subject_id}/connections/{connection_id}/end") in ROUTES
    assert ("GET", "/v1/connections/{connection_id}/events") in ROUTES
    assert ("POST", "/v1/duplicates/{duplicate_id}") in ROUTES
    assert ("POST", "/s/{subject_id}/periods/{period}/close") in ROUTES
    assert len(ROUTES) > 20


def attempts(method: str, path: str, mine: Tenant, other: Tenant) -> list[tuple[str, str]]:
    """Every mixture of own and foreign names in which at least one is foreign: path and subject of the query."""
    names = re.findall(r"\{(\w+)\}", path)
    needs_subject = BY_QUERY.match(path) is not None and not (method == "POST" and path == "/v1/connections")
    slots = [*names, *(["subject"] if needs_subject else [])]
    choices = []
    for slot in slots:
        if slot in PLAIN:
            choices.append([(PLAIN[slot], False)])
        else:
            choices.append([(getattr(mine, FOREIGN[slot][0]), False)] + [(getattr(other, name), True) for name in FOREIGN[slot]])
    found = []
    for chosen in product(*choices):
        if any(is_foreign for _, is_foreign in chosen):
            values = dict(zip(slots, (value for value, _ in chosen), strict=True))
            found.append((path.format(**values), values.get("subject", "")))
    return found


BODIES: dict[str, dict[str, object]] = {
    "/v1/duplicates/": {"json": {"decision": "undo"}},
    "/s/{subject_id}/connections": {"data": {"data": "delete"}},
    "/s/{subject_id}/duplicates": {"data": {"decision": "undo"}},
    "/s/{subject_id}/files": {"data": {"do": "forget"}},
    "/v1/subjects/{subject_id}/claiming": {"json": {"holder": ""}},
    "/s/{subject_id}/claiming": {"data": {"holder": ""}},
    "/s/{subject_id}/statements": {"data": {"record": "0123abcd"}},
}
"""What routes that begin so are sent."""


def body_of(method: str, path: str) -> dict[str, object]:
    """A body that the route would take from its owner."""
    own = next((dict(body) for begin, body in BODIES.items() if path.startswith(begin)), {})
    if method == "GET" or own:
        return own if method != "GET" else {}
    if path.endswith("/documents") and path.startswith("/v1"):
        return {"content": green_button(date(2026, 2, 1), date(2026, 2, 2)), "headers": XML}
    if path.startswith("/s/"):
        if path.endswith("/documents"):
            return {"files": {"file": ("a.xml", b"<feed/>", "application/xml")}}
        fields = {"utility": "City", "start": "2026-02-01", "end": "2026-02-03", "kwh": "5"}
        return {"data": fields} if path.endswith("/close") else {"files": {"file": ("", b"")}, "data": fields}
    if path.endswith("/bills"):
        return {"json": {"utility": "City", "first_date": "2026-02-01", "last_date": "2026-02-03", "amount": "5"}}
    return {"json": {}}


@pytest.mark.parametrize("by", ["key", "cookie"])
@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
def test_foreign_things_are_not_there(shared_live: Live, method: str, path: str, by: str) -> None:
    """A foreign name is answered exactly as one that nobody has: 404, no data, nothing changed."""
    ada, bob = shared_live.ada, shared_live.bob
    before = shared_live.counts()
    for address, subject in attempts(method, path, ada, bob):
        more = body_of(method, path)
        headers = {**(ada.bearer if by == "key" else ada.browser), **more.pop("headers", {})}  # type: ignore[dict-item]
        query = {"subject": subject} if subject else {}
        reply = shared_live.client.request(method, address, params=query, headers=headers, **more)  # type: ignore[arg-type]
        assert reply.status_code == 404, f"{method} {address}: {reply.status_code} {reply.text[:300]}"
        for secret in ("Household of bob", "Bakery of bob", "Meter of bob", "Lovelace-bob", bob.public_token):
            assert secret not in reply.text
    assert shared_live.counts() == before


@pytest.mark.parametrize(("method", "path"), ROUTES, ids=[f"{method} {path}" for method, path in ROUTES])
def test_strangers_see_nothing(shared_live: Live, method: str, path: str) -> None:
    """Without key or cookie every such route answers 401, or leads a browser to the sign-in page."""
    ada = shared_live.ada
    values = {name: getattr(ada, names[0]) for name, names in FOREIGN.items() if name != "subject"} | PLAIN
    more = body_of(method, path)
    query = {"subject": ada.household} if BY_QUERY.match(path) else {}
    headers = {"Origin": "http://localhost:8000", **more.pop("headers", {})}  # type: ignore[dict-item]
    reply = shared_live.client.request(method, path.format(**values), params=query, headers=headers, **more)  # type: ignore[arg-type]
    if path.startswith("/s/"):
        assert reply.status_code == 303
        assert reply.headers["location"].startswith("/sign-in?next=")
    else:
        assert reply.status_code == 401
    assert "Household" not in reply.text


def test_share_link_opens_its_own_statement_only(shared_live: Live) -> None:
    """Bob's share token shows no lines on Ada's proof page."""
    ada, bob = shared_live.ada, shared_live.bob
    plain = shared_live.browse(f"/proof/{ada.public_token}").text
    with_own = shared_live.browse(f"/proof/{ada.public_token}", params={"share": ada.share_token}).text
    with_foreign = shared_live.browse(f"/proof/{ada.public_token}", params={"share": bob.share_token}).text
    assert with_foreign == plain
    assert len(with_own) > len(plain)


def test_unknown_and_foreign_read_the_same(shared_live: Live) -> None:
    """Nobody can tell a foreign id from one that does not exist, apart from the id itself."""
    foreign = shared_live.get(f"/v1/subjects/{shared_live.bob.household}", as_=shared_live.ada).json()
    unknown = shared_live.get("/v1/subjects/00000000-0000-4000-8000-000000000000", as_=shared_live.ada).json()
    for problem in (foreign, unknown):
        del problem["instance"], problem["got"]
    assert foreign == unknown


def test_openapi_names_no_tenant(shared_live: Live) -> None:
    """No route of the API takes a tenant: it follows from who asks."""
    app = shared_live.client.app
    assert isinstance(app, FastAPI)
    assert "tenant" not in str(app.openapi()).lower()
