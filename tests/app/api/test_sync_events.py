"""The stream of a sync, over a real server: what is sent, when it ends, who may see it, how many may be open."""

import asyncio
import http.client
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from starlette.requests import Request

from app.api import sync_events
from app.api.sync_events import HEARTBEAT_S, IDLE_S, LONGEST_S, MOST_STREAMS_OF_ONE_COUNT
from app.store import connections, sync_runs
from app.store.connections import ConnectionRow, ConnectionState
from app.store.session import Session, engine_of, unit_of_work
from app.store.sync_runs import SyncRunRow, SyncState
from app.usecases.sign_in import Caller
from tests.app.live import NOW, Installation, Live, Tenant
from tests.app.wire import serving

CONNECTION = "watched"


def add_connection(session: Session, tenant: Tenant) -> None:
    """A connection of a tenant's household that was never synced."""
    row = ConnectionRow(
        id=CONNECTION,
        tenant_id=tenant.tenant_id,
        subject_id=tenant.household,
        connector="green-button",
        state=ConnectionState.ACTIVE,
        is_file=False,
        cursor="",
        sealed_tokens=None,
        created_at=NOW,
    )
    connections.add(session, row)


class Runs:
    """The runs of Ada's connection, as a sync in another process writes them.

    Args:
        installation: Where.
    """

    def __init__(self, installation: Installation) -> None:
        self.tenant = installation.tenants["ada"]
        self._engine = engine_of(f"sqlite:///{installation.folder}/data.sqlite3")
        with unit_of_work(self._engine) as session:
            add_connection(session, self.tenant)

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def begin(self, run_id: str, *, after_s: int = 0) -> None:
        """A sync begins."""
        started_at = NOW + timedelta(seconds=after_s)
        with unit_of_work(self._engine) as session:
            sync_runs.begin(session, SyncRunRow(run_id, self.tenant.tenant_id, CONNECTION, started_at))

    def add(self, run_id: str, new_count: int) -> None:
        """A document with so many new records was stored."""
        counts = {"documents_count": 1, "new_count": new_count, "changed_count": 0, "refused_count": 0}
        with unit_of_work(self._engine) as session:
            sync_runs.add_counts(session, self.tenant.tenant_id, run_id, **counts)

    def end(self, run_id: str, state: SyncState = SyncState.DONE) -> None:
        """The sync ends."""
        with unit_of_work(self._engine) as session:
            sync_runs.end(session, self.tenant.tenant_id, run_id, state, at=NOW, said="Up to date.")


@pytest.fixture
def runs(installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    """A connection that was never synced; streams look often."""
    monkeypatch.setattr(sync_events, "LOOK_S", 0.05)
    monkeypatch.setattr(sync_events, "STOP_LOOK_S", 0.05)
    made = Runs(installation)
    yield made
    made.close()


class Stream:
    """An open stream, read event by event.

    Args:
        port: Of the server.
        headers: Of the request.
        path: What is asked for.
    """

    def __init__(self, port: int, headers: dict[str, str], path: str = f"/v1/connections/{CONNECTION}/events") -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        self._line.request("GET", path, headers={"Host": "localhost", **headers})
        self.reply = self._line.getresponse()

    def piece(self) -> list[str]:
        """The lines up to the next empty one; nothing where the stream has ended."""
        lines: list[str] = []
        while line := self.reply.readline().decode().rstrip("\n"):
            lines.append(line)
        return lines

    def event(self) -> tuple[str, str, dict[str, Any]]:
        """Id, name and data of the next event."""
        fields = dict(line.split(": ", 1) for line in self.piece())
        return fields["id"], fields["event"], json.loads(fields["data"])

    def close(self) -> None:
        """Leave."""
        self.reply.close()
        self._line.close()


@contextmanager
def watching(port: int, tenant: Tenant, **headers: str) -> Iterator[Stream]:
    """A stream of the connection whose first piece was read."""
    stream = Stream(port, tenant.bearer | {name.replace("_", "-"): value for name, value in headers.items()})
    assert stream.reply.status == 200, stream.reply.read()
    assert stream.piece() == ["retry: 3000"]
    yield stream
    stream.close()


def wait_for(is_so: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end_s = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_sync_is_told_from_begin_to_end(installation: Installation, runs: Runs) -> None:
    """Progress with each document, the end at the end; then the stream is over."""
    with serving(installation) as port, watching(port, runs.tenant) as stream:
        assert stream.reply.headers["content-type"].startswith("text/event-stream")
        assert stream.reply.headers["cache-control"] == "no-store"
        runs.begin("run-1")
        _, name, data = stream.event()
        assert (name, data["id"], data["state"], data["new_count"]) == ("progress", "run-1", "running", 0)
        runs.add("run-1", 31)
        _, name, data = stream.event()
        assert (name, data["documents_count"], data["new_count"]) == ("progress", 1, 31)
        runs.end("run-1")
        _, name, data = stream.event()
        assert (name, data["state"], data["said"], data["ended_at"]) == ("end", "done", "Up to date.", "2026-03-10T12:00:00Z")
        assert stream.reply.read() == b""


def test_old_sync_is_shown_and_the_next_one_awaited(installation: Installation, runs: Runs) -> None:
    """Who comes between two syncs sees the last one as it ended, then the next; a turn that ends is not the end."""
    runs.begin("old")
    runs.end("old")
    with serving(installation) as port, watching(port, runs.tenant) as stream:
        assert stream.event()[1:] != ("end", {})
        runs.begin("next", after_s=1)
        assert stream.event()[2]["id"] == "next"
        runs.end("next", SyncState.WAITING)
        assert stream.event()[1] == "progress"
        runs.begin("goes on", after_s=2)
        runs.end("goes on")
        events = [stream.event()]
        if events[-1][1] != "end":
            events.append(stream.event())
        assert (events[-1][1], events[-1][2]["id"]) == ("end", "goes on")


def test_who_comes_back_gets_what_was_missed(installation: Installation, runs: Runs) -> None:
    """With `Last-Event-ID`, what the client has seen is not sent again, and an end that it missed is the end."""
    runs.begin("run-1")
    with serving(installation) as port:
        with watching(port, runs.tenant) as stream:
            seen, *_ = stream.event()
        runs.add("run-1", 5)
        with watching(port, runs.tenant, Last_Event_ID=seen) as stream:
            newer, name, data = stream.event()
            assert (name, data["new_count"]) == ("progress", 5)
        runs.end("run-1")
        with watching(port, runs.tenant, Last_Event_ID=newer) as stream:
            last, name, _ = stream.event()
            assert name == "end"
            assert stream.reply.read() == b""
        with watching(port, runs.tenant, Last_Event_ID=last) as stream:
            runs.begin("run-2", after_s=1)
            assert stream.event()[2]["id"] == "run-2"


def test_strangers_see_nothing(installation: Installation, runs: Runs) -> None:
    """Nobody's stream without a key; another tenant is told that there is no such connection; a long header is refused."""
    bob = installation.tenants["bob"]
    with serving(installation) as port:
        for headers, status in [
            ({}, 401),
            (bob.bearer, 404),
            (runs.tenant.bearer | {"Last-Event-ID": "x" * 201}, 422),
            ({"Cookie": f"cf_session={runs.tenant.cookie}"}, 200),
        ]:
            stream = Stream(port, headers)
            assert stream.reply.status == status
            stream.close()


def test_streams_of_one_account_are_limited(installation: Installation, runs: Runs) -> None:
    """One more than a browser opens is refused with 429; when one has left, there is room again."""
    with serving(installation) as port:
        streams = [Stream(port, runs.tenant.bearer) for _ in range(MOST_STREAMS_OF_ONE_COUNT)]
        assert [stream.piece() for stream in streams] == [["retry: 3000"]] * MOST_STREAMS_OF_ONE_COUNT
        refused = Stream(port, runs.tenant.bearer)
        assert (refused.reply.status, refused.reply.headers["retry-after"]) == (429, "30")
        refused.close()
        streams.pop().close()

        def has_room() -> bool:
            stream = Stream(port, runs.tenant.bearer)
            stream.close()
            return stream.reply.status == 200

        wait_for(has_room)
        for stream in streams:
            stream.close()


def test_open_streams_do_not_hold_up_the_end(installation: Installation, runs: Runs) -> None:
    """A server that is told to stop ends its streams and is gone, long before it would give up waiting for them."""
    with serving(installation, stop_timeout_s=60) as port:
        stream = Stream(port, runs.tenant.bearer)
        assert stream.piece() == ["retry: 3000"]
        begin_s = time.monotonic()
    assert time.monotonic() - begin_s < 15
    assert stream.reply.read() == b""
    stream.close()


def texts_of(live: Live, before_each: Callable[[], None], *, most_count: int) -> list[str]:
    """What a stream of Ada's connection sends when time goes on between two looks; at most so many pieces."""

    async def receive() -> Any:  # noqa: ANN401 - ASGI
        await asyncio.sleep(3600)

    async def run() -> list[str]:
        request = Request({"type": "http", "app": live.client.app, "headers": []}, receive)
        who = Caller(live.ada.tenant_id, live.ada.account_id, "Ada", frozenset(), is_program=False)
        watched = sync_events._Watching(request, live.services, who, CONNECTION, "")  # noqa: SLF001 - without a line
        found: list[str] = []
        pieces: AsyncIterator[str] = watched.texts()
        async for text in pieces:
            found.append(text)
            if len(found) == most_count:
                break
        return found

    ticking = threading.Event()

    def tick() -> None:
        while not ticking.wait(0.02):
            before_each()

    thread = threading.Thread(target=tick)
    thread.start()
    try:
        return asyncio.run(run())
    finally:
        ticking.set()
        thread.join()


def test_quiet_stream_gives_signs_of_life_and_ends(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing runs, comments keep the line open, and the stream ends after a minute; never after ten."""
    monkeypatch.setattr(sync_events, "LOOK_S", 0.02)
    monkeypatch.setattr(sync_events, "STOP_LOOK_S", 0.02)
    with unit_of_work(live.services.engine) as session:
        add_connection(session, live.ada)
    begin_s = live.clock.monotonic_s()
    found = texts_of(live, lambda: live.clock.advance(1), most_count=100)
    lasted_s = live.clock.monotonic_s() - begin_s
    assert found[0] == "retry: 3000\n\n"
    assert set(found[1:]) == {": still here\n\n"}
    assert 1 <= len(found) - 1 <= IDLE_S / HEARTBEAT_S
    assert IDLE_S <= lasted_s < LONGEST_S


def test_no_stream_is_for_ever(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sync that runs for hours has its stream ended after ten minutes: the client is asked again who it is."""
    monkeypatch.setattr(sync_events, "LOOK_S", 0.02)
    monkeypatch.setattr(sync_events, "STOP_LOOK_S", 0.02)
    with unit_of_work(live.services.engine) as session:
        add_connection(session, live.ada)
        sync_runs.begin(session, SyncRunRow("long", live.ada.tenant_id, CONNECTION, NOW))
    found = texts_of(live, lambda: live.clock.advance(8), most_count=1000)
    assert found[1].startswith("id: long.")
    assert found[-1] == ": still here\n\n"
