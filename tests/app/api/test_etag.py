"""ETag, If-None-Match, If-Match."""

from collections.abc import Callable

import pytest
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.testclient import TestClient

from app.api.etag import check_if_match, etag_of, tagged_response

TAG = etag_of(b"content")


def routes() -> APIRouter:
    """A thing to read and change."""
    router = APIRouter()

    @router.get("/thing")
    def read(request: Request) -> Response:
        return tagged_response(request, b"content", media_type="text/plain")

    @router.put("/thing")
    def change(request: Request) -> Response:
        check_if_match(request, TAG)
        return Response(status_code=204)

    @router.delete("/thing")
    def remove(request: Request) -> Response:
        check_if_match(request, TAG, is_required=True)
        return Response(status_code=204)

    return router


def test_etag_is_strong_and_quoted() -> None:
    """The entity tag is half of a SHA-256 in quotes, the same for the same bytes."""
    assert len(TAG) == 34
    assert TAG[0] == TAG[-1] == '"'
    assert etag_of(b"other") != TAG


def test_first_read(edge_client: Callable[..., TestClient]) -> None:
    """A read has its tag and may be kept by the browser that asks again."""
    reply = edge_client(routes()).get("/thing")
    assert (reply.text, reply.headers["etag"], reply.headers["cache-control"]) == ("content", TAG, "private, no-cache")


@pytest.mark.parametrize("given", [TAG, f'"other", {TAG}', f"W/{TAG}", "*"])
def test_unchanged_is_304(edge_client: Callable[..., TestClient], given: str) -> None:
    """A known tag gets 304 without a body, with the tag."""
    reply = edge_client(routes()).get("/thing", headers={"if-none-match": given})
    assert (reply.status_code, reply.content, reply.headers["etag"]) == (304, b"", TAG)


@pytest.mark.parametrize("given", ['"other"', TAG.strip('"'), "", '"'])
def test_other_tag_is_200(edge_client: Callable[..., TestClient], given: str) -> None:
    """Another tag, or no tag at all, gets the content."""
    assert edge_client(routes()).get("/thing", headers={"if-none-match": given}).status_code == 200


@pytest.mark.parametrize("given", [TAG, f'"other",{TAG}', "*"])
def test_write_on_present_version(edge_client: Callable[..., TestClient], given: str) -> None:
    """A write that names the present version passes."""
    assert edge_client(routes()).put("/thing", headers={"if-match": given}).status_code == 204


@pytest.mark.parametrize("given", ['"older"', f"W/{TAG}", ""])
def test_write_on_older_version(edge_client: Callable[..., TestClient], given: str) -> None:
    """A write on another version, or on a weak tag, is 412 and tells the present tag."""
    reply = edge_client(routes()).put("/thing", headers={"if-match": given})
    assert (reply.status_code, reply.headers["etag"]) == (412, TAG)


def test_write_without_version(edge_client: Callable[..., TestClient]) -> None:
    """Where a version must be named, leaving it out is 428."""
    client = edge_client(routes())
    assert client.put("/thing").status_code == 204
    assert client.delete("/thing").status_code == 428
