"""How a sync goes on, as server-sent events (WHATWG HTML, section 9.2): for a page that shows a connection while it is read.

The rows of `sync_run` are looked at every second; nothing is kept for a stream, so any process may serve it and a client that
comes back with `Last-Event-ID` gets what it has not seen.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Self

from fastapi import APIRouter, Header, Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from app.api.problems import ProblemError, edge_problem, problem_responses
from app.api.strict import StrictRoute
from app.api.who import Asking, ServicesHere, looking, may_see
from app.services import Services
from app.store import connections, sync_runs
from app.store.sync_runs import SyncRunRow, SyncState
from app.usecases.sign_in import Caller
from domain.errors import ClimateFitnessError

LOOK_S = 1.0
"""How often a stream looks for something new, seconds."""

HEARTBEAT_S = 15.0
"""A comment goes out after so long without an event, so that nothing in between takes the line for dead; seconds."""

IDLE_S = 60.0
"""A stream ends after so long in which no sync runs, seconds."""

LONGEST_S = 600.0
"""A stream ends after so long, seconds; the client comes back by itself and is asked again who it is."""

STOP_LOOK_S = 0.2
"""How often a stream looks whether the program stops, seconds."""

RETRY_MS = 3_000
"""When a client comes back after its stream has ended, milliseconds."""

MOST_STREAMS_COUNT = 200
MOST_STREAMS_OF_ONE_COUNT = 6
"""Open streams of this process, and of one account: browsers open six connections to a host."""

_ENDS = frozenset({SyncState.DONE, SyncState.FAILED})
"""States after which nothing follows by itself soon; where a sync waits for its turn, or its process died, another goes on."""

router = APIRouter(prefix="/v1/connections", tags=["connections"], route_class=StrictRoute)


class SyncRunOut(BaseModel):
    """What a sync brought so far."""

    id: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    documents_count: int
    new_count: int
    changed_count: int
    refused_count: int
    error_code: str
    said: str

    @classmethod
    def of(cls, row: SyncRunRow) -> Self:
        """A run as its stream shows it."""
        return cls(
            id=row.id,
            state=str(row.state),
            started_at=row.started_at,
            ended_at=row.ended_at,
            documents_count=row.documents_count,
            new_count=row.new_count,
            changed_count=row.changed_count,
            refused_count=row.refused_count,
            error_code=row.error_code,
            said=row.said,
        )


@dataclass
class OpenStreams:
    """How many streams are open, in all and by account. Used by one event loop."""

    by_account: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def one_of(self, account_id: str) -> Iterator[None]:
        """Count a stream while it is open."""
        self.by_account[account_id] += 1
        try:
            yield
        finally:
            self.by_account[account_id] -= 1
            if not self.by_account[account_id]:
                del self.by_account[account_id]

    def check(self, account_id: str) -> None:
        """Refuse one more where there are enough.

        Args:
            account_id: Whose it would be.

        Raises:
            ProblemError: 429: there are.
        """
        if self.by_account[account_id] >= MOST_STREAMS_OF_ONE_COUNT or self.by_account.total() >= MOST_STREAMS_COUNT:
            raise ProblemError(
                edge_problem(
                    "too-many-requests",
                    expected=f"at most {MOST_STREAMS_OF_ONE_COUNT} open streams of one account",
                    headers={"Retry-After": "30"},
                )
            )


def streams_of(request: Request) -> OpenStreams:
    """The open streams of this process."""
    state = request.app.state
    if not hasattr(state, "sync_streams"):
        state.sync_streams = OpenStreams()
    found: OpenStreams = state.sync_streams
    return found


@router.get(
    "/{connection_id}/events",
    response_class=StreamingResponse,
    responses={
        **problem_responses(401, 404),
        200: {
            "description": "Events `progress` and `end`; data is the sync as JSON. Comments keep the line open.",
            "content": {"text/event-stream": {"schema": {"type": "string"}, "example": "event: progress\ndata: {...}\n\n"}},
        },
    },
)
async def watch_sync(
    connection_id: str,
    *,
    request: Request,
    who: Asking,
    services: ServicesHere,
    last_event_id: Annotated[str, Header(max_length=200, description="The last event that the client has seen.")] = "",
) -> StreamingResponse:
    """Watch a connection being read: its last sync as it is, then every change. The stream ends when the sync does.

    `progress` while there is more to come, `end` at the end; where nothing runs for a minute, the stream ends without one.
    """
    await run_in_threadpool(_newest, services, who, connection_id)  # 404 before the stream begins
    streams = streams_of(request)
    streams.check(who.account_id)
    watching = _Watching(request, services, who, connection_id, last_event_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_counted(streams, watching), media_type="text/event-stream", headers=headers)


async def _counted(streams: OpenStreams, watching: "_Watching") -> AsyncIterator[str]:
    with streams.one_of(watching.who.account_id):
        async for text in watching.texts():
            yield text


@dataclass
class _Watching:
    """One stream.

    Attributes:
        seen: Id of the last event that the client has.
    """

    request: Request
    services: Services
    who: Caller
    connection_id: str
    seen: str

    async def texts(self) -> AsyncIterator[str]:
        """What is sent, piece by piece, until the stream ends."""
        now_s = self.services.clock.monotonic_s
        began_s = sent_s = busy_s = now_s()
        is_resumed, is_first = bool(self.seen), True
        yield f"retry: {RETRY_MS}\n\n"
        while now_s() - began_s < LONGEST_S and now_s() - busy_s < IDLE_S:
            try:
                run = await run_in_threadpool(_newest, self.services, self.who, self.connection_id)
            except ClimateFitnessError:  # removed meanwhile, or no longer theirs; or the database is away: the client asks again
                return
            if run is not None and run.state is SyncState.RUNNING:
                busy_s = now_s()
            if run is not None and (event_id := _event_id(run)) != self.seen:
                self.seen, sent_s = event_id, now_s()
                is_end = run.state in _ENDS and (is_resumed or not is_first)
                yield _event(run, event_id, "end" if is_end else "progress")
                if is_end:
                    return
            is_first = False
            if now_s() - sent_s >= HEARTBEAT_S:
                sent_s = now_s()
                yield ": still here\n\n"
            if await self._is_over():
                return

    async def _is_over(self) -> bool:
        """Whether the program stops or the client has left, after a second."""
        for _ in range(round(LOOK_S / STOP_LOOK_S)):
            if self.request.app.state.stopping.is_set():
                return True
            await asyncio.sleep(STOP_LOOK_S)
        return await self.request.is_disconnected()


def _newest(services: Services, who: Caller, connection_id: str) -> SyncRunRow | None:
    """The newest sync of a connection that the caller may see.

    Raises:
        NotFoundError: There is no such connection, or none of theirs.
    """
    with looking(services) as work:
        row = connections.by_id(work.session, who.tenant_id, connection_id)
        may_see(work.session, services, who, row.subject_id)
        return next(iter(sync_runs.of_connection(work.session, who.tenant_id, connection_id, limit_count=1)), None)


def _event_id(run: SyncRunRow) -> str:
    """What tells one state of a run from the next: the same in every process."""
    return f"{run.id}.{run.documents_count}.{run.new_count}.{run.changed_count}.{run.refused_count}.{run.state}"


def _event(run: SyncRunRow, event_id: str, name: str) -> str:
    return f"id: {event_id}\nevent: {name}\ndata: {SyncRunOut.of(run).model_dump_json()}\n\n"
