"""Estimates: what an activity emits, line by line; nothing is stored."""

from collections.abc import AsyncIterator, Sequence

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from app.api.problems import problem_responses
from app.api.strict import Line, StrictRoute, read_lines
from app.api.who import ServicesHere, caller
from app.services import Services
from domain.canonical import Json
from domain.errors import DocumentTooLargeError
from scoring.estimate import error_json, estimate

BLOCK_COUNT = 64
"""Lines that are estimated at once in another thread, while the server goes on answering others."""

router = APIRouter(prefix="/v1", tags=["estimates"], route_class=StrictRoute, dependencies=[Depends(caller)])

_EXAMPLE = (
    '{"id":"1","kind":"electricity","quantity":"412.5","unit":"kWh","start":"2023-01-05","end":"2023-02-03","region":"94110"}'
)
_LINES = {
    "requestBody": {
        "required": True,
        "content": {"application/x-ndjson": {"schema": {"type": "string"}, "example": _EXAMPLE}},
    },
    "responses": {"200": {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
}


@router.post("/estimate", response_class=StreamingResponse, responses=problem_responses(401), openapi_extra=_LINES)
async def estimate_lines(request: Request, services: ServicesHere) -> StreamingResponse:
    """One activity per line in, one result per line out, in the same order; an error of one line never stops the others.

    The whole body is read before the reply begins. A client that sends everything before it reads would otherwise wait for us
    while we wait for it; a body that is cut off or too slow gets its status; and a client that leaves ends the work.
    """
    pieces = [piece async for piece in request.stream()]
    return StreamingResponse(_answers(pieces, services), media_type="application/x-ndjson")


async def _answers(pieces: list[bytes], services: Services) -> AsyncIterator[bytes]:
    settings = services.settings
    lines = read_lines(_forgotten_as_read(pieces), max_line_bytes=settings.max_line_bytes, max_line_count=settings.max_line_count)
    block: list[Line] = []
    end = b""
    try:
        async for line in lines:
            block.append(line)
            if len(block) == BLOCK_COUNT:
                yield await run_in_threadpool(_estimated, block, services)
                block = []
    except DocumentTooLargeError as error:  # the reply has begun: the last line says why it ends here
        end = to_json({"line": settings.max_line_count + 1, "id": None, "error": error_json(error)}) + b"\n"
    if block:
        yield await run_in_threadpool(_estimated, block, services)
    if end:
        yield end


async def _forgotten_as_read(pieces: list[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a body, each let go of once it was read."""
    pieces.reverse()
    while pieces:
        yield pieces.pop()


def _estimated(lines: Sequence[Line], services: Services) -> bytes:
    today_date = services.clock.now().date()
    found = bytearray()
    for line in lines:
        result: dict[str, Json] = (
            estimate(line.value, factor_set=services.factor_set, today_date=today_date)
            if line.error is None
            else {"id": None, "error": error_json(line.error)}
        )
        found += to_json({"line": line.line_index, **result}) + b"\n"
    return bytes(found)
