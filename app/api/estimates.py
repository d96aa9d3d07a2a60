"""Estimates: what an activity emits, line by line; nothing is stored."""

from collections.abc import AsyncIterator
from contextlib import suppress

from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from pydantic_core import to_json
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from app.api.problems import problem_responses
from app.api.strict import StrictRoute, read_lines
from app.api.who import ServicesHere, caller
from domain.canonical import Json
from domain.errors import DocumentTooLargeError
from scoring.estimate import error_json, estimate


class LineAnswers(StreamingResponse):
    """A reply that is written while the request is still being read.

    Starlette's own listens for the end of the connection meanwhile, and would take pieces of the body away from the route.
    """

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the answers; a client that leaves ends them, because the body ends."""
        with suppress(ClientDisconnect):
            await self.stream_response(send)


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


@router.post("/estimate", response_class=LineAnswers, responses=problem_responses(401), openapi_extra=_LINES)
async def estimate_lines(request: Request, services: ServicesHere) -> LineAnswers:
    """One activity per line in, one result per line out, in the same order; an error of one line never stops the others."""
    settings, today_date = services.settings, services.clock.now().date()

    async def answers() -> AsyncIterator[bytes]:
        lines = read_lines(request.stream(), max_line_bytes=settings.max_line_bytes, max_line_count=settings.max_line_count)
        try:
            async for line in lines:
                result: dict[str, Json] = (
                    estimate(line.value, factor_set=services.factor_set, today_date=today_date)
                    if line.error is None
                    else {"id": None, "error": error_json(line.error)}
                )
                yield to_json({"line": line.line_index, **result}) + b"\n"
        except DocumentTooLargeError as error:  # the reply has begun: the last line says why it ends here
            yield to_json({"line": settings.max_line_count + 1, "id": None, "error": error_json(error)}) + b"\n"

    return LineAnswers(answers(), media_type="application/x-ndjson")
