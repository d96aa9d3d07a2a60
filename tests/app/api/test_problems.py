"""Refusals are problem documents, with the right status and nothing that was sent."""

import io
import re
from collections.abc import Callable

import pytest
from fastapi import APIRouter
from pydantic import BaseModel, field_validator
from starlette.testclient import TestClient

from app.api.problems import (
    Problem,
    not_allowed,
    not_signed_in,
    problem_kinds,
    problem_of,
    problem_responses,
    status_of,
    wants_html,
)
from app.api.strict import StrictRoute
from domain import errors

SECRET = "canary-5551234"


class Thing(BaseModel, extra="forbid"):
    """What the route takes."""

    name: str
    size: int

    @field_validator("name")
    @classmethod
    def _check(cls, value: str) -> str:
        if value == "bad":
            raise ValueError(f"cannot take {value} {SECRET}")
        if value == "ours":
            raise errors.NumberError("Not a name", expected="letters", got="ours")
        return value


def things() -> APIRouter:
    """Routes that refuse in every way."""
    router = APIRouter(route_class=StrictRoute)

    @router.post("/things")
    def add(thing: Thing) -> dict[str, int]:
        return {"size": thing.size}

    @router.get("/raise/{name}")
    def fail(name: str) -> None:
        if name == "bug":
            raise RuntimeError(SECRET)
        if name == "who":
            raise not_signed_in()
        if name == "role":
            raise not_allowed("owners only")
        if name == "unit":
            raise errors.UnknownUnitError(expected="kWh", got="kWhh", record="line 3", next_step="Correct it.")
        if name == "later":
            raise errors.TryLaterError(SECRET, wait_s=12.2)
        raise errors.SecurityError(SECRET, got=SECRET)

    return router


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        (errors.InputError, 422),
        (errors.UnknownUnitError, 422),
        (errors.HostileDocumentError, 422),
        (errors.UnknownFormatError, 415),
        (errors.DocumentTooLargeError, 413),
        (errors.NotFoundError, 404),
        (errors.ConflictError, 409),
        (errors.FactorError, 422),
        (errors.SecurityError, 403),
        (errors.ChainError, 503),
        (errors.AlreadyIssuedError, 409),
        (errors.ArchiveError, 502),
        (errors.TryLaterError, 503),
        (errors.ConnectorBugError, 502),
    ],
)
def test_status_of_error(kind: type[errors.ClimateFitnessError], status: int) -> None:
    """Each class of error has its status, or its parent's."""
    assert status_of(kind) == status


def test_problem_has_all_members(edge_client: Callable[..., TestClient]) -> None:
    """A domain error is shown with expected, got, record and next step."""
    reply = edge_client(things()).get("/raise/unit")
    body = reply.json()
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    assert body.pop("instance") == f"urn:uuid:{reply.headers['x-request-id']}"
    assert body == {
        "type": "/problems/unknown-unit",
        "title": "There is no such unit",
        "status": 422,
        "detail": "There is no such unit",
        "expected": "kWh",
        "got": "kWhh",
        "record": "line 3",
        "next_step": "Correct it.",
    }


def test_try_later_says_when(edge_client: Callable[..., TestClient]) -> None:
    """TryLaterError is 503 with Retry-After in whole seconds, rounded up, and without inner details."""
    reply = edge_client(things()).get("/raise/later")
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "13")
    assert SECRET not in reply.text


def test_security_error_tells_nothing(edge_client: Callable[..., TestClient]) -> None:
    """A failed seal or password shows the fixed text alone."""
    reply = edge_client(things()).get("/raise/security")
    assert reply.status_code == 403
    assert SECRET not in reply.text


def test_not_signed_in(edge_client: Callable[..., TestClient]) -> None:
    """Somebody unknown gets 401 with the scheme to use."""
    reply = edge_client(things()).get("/raise/who")
    assert (reply.status_code, reply.headers["www-authenticate"]) == (401, "Bearer")


def test_not_allowed(edge_client: Callable[..., TestClient]) -> None:
    """Somebody without the role gets 403 and the reason."""
    reply = edge_client(things()).get("/raise/role")
    assert (reply.status_code, reply.json()["detail"]) == (403, "owners only")


def test_bug_is_500_with_fixed_text(edge_client: Callable[..., TestClient], json_logs: io.StringIO) -> None:
    """An unforeseen exception answers a fixed text and logs places in the code, without the exception's message."""
    reply = edge_client(things()).get("/raise/bug")
    logged = json_logs.getvalue()
    assert reply.status_code == 500
    assert reply.json()["title"] == "Something went wrong on our side"
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert SECRET not in reply.text + logged
    assert re.search(r'"error": \["RuntimeError", .*test_problems.py:\d+ fail"\]', logged)


def test_domain_error_in_a_model(edge_client: Callable[..., TestClient]) -> None:
    """A domain error raised while a model is read is shown as that error."""
    reply = edge_client(things()).post("/things", json={"name": "ours", "size": 1})
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/number")


@pytest.mark.parametrize(
    "body",
    [
        {"name": SECRET, "size": SECRET},
        {"name": SECRET, "size": 1, SECRET[:6]: SECRET},
        {"name": "bad", "size": 1},
        [SECRET],
        SECRET,
    ],
)
def test_422_never_echoes(edge_client: Callable[..., TestClient], body: object) -> None:
    """A refused body is not repeated in the refusal."""
    reply = edge_client(things()).post("/things", json=body)
    assert reply.status_code == 422
    assert SECRET not in reply.text
    assert reply.json()["errors"][0].keys() == {"at", "message"}


def test_at_most_five_faults(edge_client: Callable[..., TestClient]) -> None:
    """Twenty unknown members are reported as five faults."""
    body = {"name": "n", "size": 1} | {f"x{i}": i for i in range(20)}
    reply = edge_client(things()).post("/things", json=body).json()
    assert (reply["detail"], len(reply["errors"])) == ("20 faults", 5)


def test_long_unknown_member_is_cut(edge_client: Callable[..., TestClient]) -> None:
    """The name of an unknown member is cut to 60 characters."""
    reply = edge_client(things()).post("/things", json={"name": "n", "size": 1, "y" * 5000: 1})
    assert reply.json()["errors"][0]["at"] == f"body.{'y' * 60}"


def test_unknown_address(edge_client: Callable[..., TestClient]) -> None:
    """An address without a route is a problem too."""
    reply = edge_client().get("/nowhere")
    assert (reply.status_code, reply.json()["type"]) == (404, "/problems/not-found")


def test_wrong_method(edge_client: Callable[..., TestClient]) -> None:
    """Another method is 405 and names those that work."""
    reply = edge_client(things()).delete("/things")
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_browser_gets_a_page(edge_client: Callable[..., TestClient]) -> None:
    """Accept: text/html gets a page drawn by the hook, with the policy of pages."""

    def page(problem: Problem, *, request_id: str) -> str:
        return f"<h1>{problem.title}</h1>{request_id}"

    client = edge_client(parts={"error_page": page})
    reply = client.get("/nowhere", headers={"accept": "text/html,application/xhtml+xml,*/*;q=0.8"})
    assert reply.text == f"<h1>There is nothing here</h1>{reply.headers['x-request-id']}"
    assert "script-src 'self'" in reply.headers["content-security-policy"]


def test_plain_page_escapes(edge_client: Callable[..., TestClient]) -> None:
    """Without a hook the page is plain, and markup in it is text."""
    router = APIRouter()

    @router.get("/x")
    def fail() -> None:
        raise errors.InputError("<script>alert(1)</script>")

    reply = edge_client(router).get("/x", headers={"accept": "text/html"})
    assert "<script>" not in reply.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in reply.text


@pytest.mark.parametrize(
    ("accept", "is_html"),
    [("", False), ("*/*", False), ("text/html,*/*", True), ("application/json, text/html", False), ("TEXT/HTML;q=1", True)],
)
def test_wants_html(accept: str, is_html: bool) -> None:  # noqa: FBT001 - the expected value
    """A page is for callers that ask for HTML before JSON."""
    assert wants_html(accept) is is_html


def test_every_error_is_explained(edge_client: Callable[..., TestClient]) -> None:
    """`/problems/{code}` answers for each class of the tree and each problem of the edge."""
    client = edge_client()
    codes = problem_kinds()
    assert {"unknown-unit", "quorum", "body-too-large", "idempotency-key-reused"} <= codes.keys()
    assert [code for code in codes if client.get(f"/problems/{code}").json()["status"] != codes[code][0]] == []


def test_busy_says_when_to_come_back() -> None:
    """A database that others hold is a 503 with Retry-After, not a fault of ours."""
    problem = problem_of(errors.BusyError(wait_s=4.2, next_step="Send it again in a moment."))
    assert (problem.status, problem.code, problem.headers) == (503, "busy", {"Retry-After": "5"})
    assert problem.next_step == "Send it again in a moment."


def test_explained_status_is_the_real_one() -> None:
    """The status that /problems tells is the one that the error gets."""
    assert problem_kinds()["unknown-format"][0] == problem_of(errors.UnknownFormatError()).status == 415


def test_openapi_declares_problems(edge_client: Callable[..., TestClient]) -> None:
    """Every refusal in the OpenAPI file is a problem document; FastAPI's own error form is gone."""
    router = APIRouter(route_class=StrictRoute)

    @router.post("/things", responses=problem_responses(409))
    def add(thing: Thing) -> dict[str, int]:
        return {"size": thing.size}

    schema = edge_client(router).get("/openapi.json").json()
    refusals = {
        (path, status): list(reply["content"])
        for path, operations in schema["paths"].items()
        for operation in operations.values()
        for status, reply in operation["responses"].items()
        if int(status) >= 400
    }
    assert ("/things", "409") in refusals
    assert set(map(tuple, refusals.values())) == {("application/problem+json",)}
    assert "HTTPValidationError" not in schema["components"]["schemas"]
