"""The OpenAPI file: valid, complete, with refusals and examples."""

from typing import Any

import pytest
from fastapi.routing import APIRoute
from openapi_spec_validator import OpenAPIV31SpecValidator

from app.web import ROUTERS
from tests.app.live import Live

MEDIA_TYPE = "application/problem+json"


@pytest.fixture(scope="module")
def document(shared_live: Live) -> dict[str, Any]:
    """The file as a client gets it."""
    found = shared_live.get("/openapi.json").json()
    assert isinstance(found, dict)
    return found


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every operation by method and path."""
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "patch", "delete"}
    }


def test_it_is_valid(document: dict[str, Any]) -> None:
    """The file is OpenAPI 3.1, after the published schema."""
    assert document["openapi"].startswith("3.1")
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_it_lists_every_route(document: dict[str, Any]) -> None:
    """Every JSON route of the application stands in it; pages do not."""
    routes = {
        f"{method} {route.path}"
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    data = {name for name in routes if " /v1/" in name}
    listed = set(operations(document))
    assert data <= listed
    assert not (routes - data) & listed


def test_every_operation_is_told(document: dict[str, Any]) -> None:
    """Every operation has a summary, a description, a tag and an id of its own."""
    found = operations(document)
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation.get("description"), name
        assert operation["tags"], name
    ids = [operation["operationId"] for operation in found.values()]
    assert len(ids) == len(set(ids))


def test_every_operation_tells_its_refusals(document: dict[str, Any]) -> None:
    """Every operation of the API has 4xx responses, all of them problem documents."""
    for name, operation in operations(document).items():
        refusals = {status: reply for status, reply in operation["responses"].items() if status.startswith("4")}
        assert {"400", "422", "429"} <= set(refusals), name
        for status, reply in refusals.items():
            assert set(reply["content"]) == {MEDIA_TYPE}, f"{name} {status}"


def test_what_needs_somebody_says_so(document: dict[str, Any]) -> None:
    """Exactly the operations that refuse strangers declare 401."""
    open_tags = {"health", "problems", "proofs", "factors"}
    for name, operation in operations(document).items():
        assert ("401" in operation["responses"]) == (not open_tags & set(operation["tags"]) and "static" not in name), name


def test_bodies_and_queries_have_examples(document: dict[str, Any]) -> None:
    """Every field and query without a default shows an example, a fixed choice or a format."""
    shown = {"examples", "example", "enum", "format", "const", "default", "$ref", "anyOf"}
    for name, operation in operations(document).items():
        for parameter in operation.get("parameters", []):
            if parameter["in"] == "query" and parameter.get("required"):
                told = set(parameter) | set(parameter["schema"])
                assert (shown | {"description"}) & told, f"{name} {parameter['name']}"
    for name, schema in document["components"]["schemas"].items():
        if name.endswith("In"):
            for field in schema.get("required", []):
                assert shown & set(schema["properties"][field]), f"{name}.{field}"


def test_examples_of_bodies_are_taken(live: Live, document: dict[str, Any]) -> None:
    """A subject and a bill made of the examples in the file are accepted as they stand."""
    schemas = document["components"]["schemas"]

    def example(name: str) -> dict[str, Any]:
        return {field: schema["examples"][0] for field, schema in schemas[name]["properties"].items() if schema.get("examples")}

    made = live.post("/v1/subjects", as_=live.ada, json=example("SubjectIn"))
    assert made.status_code == 201, made.text
    bill = live.post(f"/v1/subjects/{made.json()['id']}/bills", as_=live.ada, json=example("BillIn"))
    assert bill.status_code == 201, bill.text
