"""Estimates: what an activity emits, line by line; nothing is stored."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import StreamingResponse
from pydantic_core import to_json
from starlette.concurrency import run_in_threadpool

from app.api.problems import problem_responses
from app.api.strict import Line, StrictRoute, read_lines
from app.api.who import ServicesHere, caller
from app.services import Services
from domain.errors import DocumentTooLargeError
from scoring.estimate_explain import Explain
from scoring.estimate_lines import LineEstimator
from scoring.estimate_plan import JsonStyle

BLOCK_COUNT = 256
"""Lines that are estimated at once in another thread, while the server goes on answering others."""

STYLE = JsonStyle("compact", to_json, comma=b",", colon=b":")
"""As `to_json` writes."""

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
async def estimate_lines(
    request: Request,
    services: ServicesHere,
    explain: Annotated[
        Explain,
        Query(description="`none` leaves out the words: `steps`, `factor_label`, `table`, `source_url`, `uncertainty_note`."),
    ] = Explain.FULL,
) -> StreamingResponse:
    """One activity per line in, one result per line out, in the same order; an error of one line never stops the others.

    The whole body is read before the reply begins. A client that sends everything before it reads would otherwise wait for us
    while we wait for it; a body that is cut off or too slow gets its status; and a client that leaves ends the work.
    """
    pieces = [piece async for piece in request.stream()]
    return StreamingResponse(_answers(pieces, services, explain), media_type="application/x-ndjson")


async def _answers(pieces: list[bytes], services: Services, explain: Explain) -> AsyncIterator[bytes]:
    settings = services.settings
    estimator = LineEstimator(services.factor_set, STYLE, today_date=services.clock.now().date(), explain=explain)
    lines = read_lines(_forgotten_as_read(pieces), max_line_bytes=settings.max_line_bytes, max_line_count=settings.max_line_count)
    block: list[Line] = []
    end = b""
    try:
        async for line in lines:
            block.append(line)
            if len(block) == BLOCK_COUNT:
                yield await run_in_threadpool(_estimated, block, estimator)
                block = []
    except DocumentTooLargeError as error:  # the reply has begun: the last line says why it ends here
        end = estimator.refusal(settings.max_line_count + 1, error).json + b"\n"
    if block:
        yield await run_in_threadpool(_estimated, block, estimator)
    if end:
        yield end


async def _forgotten_as_read(pieces: list[bytes]) -> AsyncIterator[bytes]:
    """The pieces of a body, each let go of once it was read."""
    pieces.reverse()
    while pieces:
        yield pieces.pop()


def _estimated(lines: Sequence[Line], estimator: LineEstimator) -> bytes:
    found = bytearray()
    for line in lines:
        answer = (
            estimator.answer(line.line_index, line.value)
            if line.error is None
            else estimator.refusal(line.line_index, line.error)
        )
        found += answer.json
        found += b"\n"
    return bytes(found)
