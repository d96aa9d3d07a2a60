"""One effect per key: over HTTP, in parallel, after a restart; on the product's own database and on a bare one."""

import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Barrier, Event
from typing import Any

import httpx2
import pytest
from fastapi import APIRouter
from fastapi.responses import Response
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from app.api.idempotency import Ask, OnceHere, Reply, StoredReplies, checked_key, json_reply
from app.api.problems import ProblemError
from app.api.strict import StrictRoute
from app.store.session import engine_of, unit_of_work, upgrade
from domain.errors import ConflictError, InputError

SECRET = b"canary-shown-once"


class BareReplies:
    """Replies in a SQLite file through the standard library: the contract without the store."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with self.transaction() as db:
            db.execute("CREATE TABLE IF NOT EXISTS effect (n INTEGER PRIMARY KEY)")
            db.execute("CREATE TABLE IF NOT EXISTS reply (name TEXT PRIMARY KEY, sha BLOB, status INT, body BLOB)")

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """BEGIN IMMEDIATE to COMMIT or ROLLBACK."""
        db = sqlite3.connect(self._path, isolation_level=None, timeout=20)
        try:
            db.execute("BEGIN IMMEDIATE")
            with db:
                yield db
        finally:
            db.close()

    def begin(self, db: sqlite3.Connection, ask: Ask) -> Reply | None:
        """The reply given before, or None."""
        row = db.execute("SELECT sha, status, body FROM reply WHERE name = ?", (self._name(ask),)).fetchone()
        if row is None:
            return None
        if row[0] != ask.request_sha256:
            raise ConflictError
        return Reply(status=row[1], content=row[2])

    def finish(self, db: sqlite3.Connection, ask: Ask, reply: Reply) -> None:
        """Keep a reply."""
        db.execute("INSERT INTO reply VALUES (?, ?, ?, ?)", (self._name(ask), ask.request_sha256, reply.status, reply.content))

    def _name(self, ask: Ask) -> str:
        return f"{ask.tenant_id} {ask.account_id} {ask.key}"


class ProductReplies(StoredReplies):
    """The product's database with a table for the effects of these tests."""

    def __init__(self, path: Path) -> None:
        self.engine = engine_of(f"sqlite:///{path}")
        upgrade(self.engine)
        with unit_of_work(self.engine) as session:
            session.execute(text("CREATE TABLE IF NOT EXISTS effect (n INTEGER PRIMARY KEY)"))
        super().__init__(self.engine)


def _execute(transaction: Session | sqlite3.Connection, statement: str) -> list[Any]:
    """The rows of a statement in either kind of transaction."""
    if isinstance(transaction, Session):
        result = transaction.connection().exec_driver_sql(statement)
        return list(result) if result.returns_rows else []
    return transaction.execute(statement).fetchall()


class Thing(BaseModel, extra="forbid"):
    """What the routes take."""

    size: int


class House:
    """Routes with effects that are counted in the database."""

    def __init__(self, replies: "BareReplies | ProductReplies") -> None:
        self.replies = replies
        self.gate: Callable[[], object] = lambda: None
        self.router = APIRouter(route_class=StrictRoute)
        self.router.post("/things")(self.add)
        self.router.post("/others")(self.add)
        self.router.post("/secrets")(self.add_secret)
        self.router.post("/files")(self.add_file)

    def _effect(self, transaction: Session | sqlite3.Connection, thing: Thing) -> Reply:
        self.gate()
        if thing.size < 0:
            raise InputError("A thing cannot be smaller than nothing")
        statement = "INSERT INTO effect (n) VALUES (NULL)"
        _execute(transaction, statement)
        if thing.size == 500:
            raise RuntimeError("after the effect, before the commit")
        return json_reply({"size": thing.size, "number": self.count(transaction)}, 201)

    def add(self, thing: Thing, once: OnceHere) -> Response:
        """Add in one transaction."""
        return once.run(lambda transaction: self._effect(transaction, thing), tenant_id="t", account_id="a")

    def add_secret(self, thing: Thing, once: OnceHere) -> Response:
        """Add, and answer what is shown once."""

        def operation(transaction: Session | sqlite3.Connection) -> Reply:
            return replace(self._effect(transaction, thing), content=SECRET, shows_secret=True)

        return once.run(operation, tenant_id="t", account_id="a")

    def add_file(self, once: OnceHere) -> Response:
        """Add with a fingerprint of its own."""
        return once.run(
            lambda transaction: self._effect(transaction, Thing(size=1)), tenant_id="t", account_id="a", fingerprint=b"f"
        )

    def count(self, transaction: Session | sqlite3.Connection | None = None) -> int:
        """How many effects there are."""
        if transaction is None:
            with self.replies.transaction() as fresh:
                return self.count(fresh)
        statement = "SELECT count(*) FROM effect"
        return int(_execute(transaction, statement)[0][0])


@pytest.fixture(params=[BareReplies, ProductReplies])
def make_house(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], House]:
    """Builds the house anew on the same database, as a restart does."""
    return lambda: House(request.param(tmp_path / "house.sqlite"))


@pytest.fixture
def house(make_house: Callable[[], House]) -> House:
    """The house."""
    return make_house()


def client_of(house: House, edge_client: Callable[..., TestClient]) -> TestClient:
    """A client of the house."""
    return edge_client(house.router, parts={"replies": house.replies})


def send(client: TestClient, path: str = "/things", key: str | None = "k1", size: int = 1) -> httpx2.Response:
    """One write."""
    return client.post(path, json={"size": size}, headers={"idempotency-key": key} if key is not None else {})


def test_same_request_is_replayed(house: House, edge_client: Callable[..., TestClient]) -> None:
    """The second time the first status and body come back, marked, and nothing happens."""
    client = client_of(house, edge_client)
    first, second = send(client), send(client)
    assert (first.status_code, first.json()) == (201, {"size": 1, "number": 1})
    assert (second.status_code, second.content, second.headers["content-type"]) == (201, first.content, "application/json")
    assert ("idempotent-replayed" in first.headers, second.headers["idempotent-replayed"]) == (False, "true")
    assert house.count() == 1


def test_secret_is_shown_once(house: House, edge_client: Callable[..., TestClient], tmp_path: Path) -> None:
    """A reply with a secret is sent once; asked again it is 410, nothing happens, and the secret lies nowhere on the disk."""
    client = client_of(house, edge_client)
    first, second = send(client, "/secrets"), send(client, "/secrets")
    assert (first.status_code, first.content) == (201, SECRET)
    assert (second.status_code, second.json()["type"], second.headers["idempotent-replayed"]) == (
        410,
        "/problems/shown-once",
        "true",
    )
    assert send(client, "/secrets", size=2).status_code == 422
    assert house.count() == 1
    assert all(SECRET not in path.read_bytes() for path in tmp_path.iterdir())


def test_replay_after_restart(make_house: Callable[[], House], edge_client: Callable[..., TestClient]) -> None:
    """A new process on the same database replays what the old one answered."""
    first = send(client_of(make_house(), edge_client))
    later = make_house()
    second = send(client_of(later, edge_client))
    assert (second.content, second.headers["idempotent-replayed"], later.count()) == (first.content, "true", 1)


@pytest.mark.parametrize(("path", "size"), [("/things", 2), ("/others", 1), ("/things?x=1", 1)])
def test_other_request_is_refused(house: House, edge_client: Callable[..., TestClient], path: str, size: int) -> None:
    """The same key with another body, path or query is 422 and does nothing."""
    client = client_of(house, edge_client)
    send(client)
    reply = send(client, path, size=size)
    assert (reply.status_code, reply.json()["type"]) == (422, "/problems/idempotency-key-reused")
    assert house.count() == 1


def test_without_key(house: House, edge_client: Callable[..., TestClient]) -> None:
    """Without a key every request counts."""
    client = client_of(house, edge_client)
    assert [send(client, key=None).status_code for _ in range(2)] == [201, 201]
    assert house.count() == 2


def test_twin_is_refused_while_the_first_runs(house: House, edge_client: Callable[..., TestClient]) -> None:
    """While the first request runs, its twin gets 409 with Retry-After; afterwards it gets the reply."""
    client = client_of(house, edge_client)
    running, finish = Event(), Event()

    def wait() -> None:
        running.set()
        assert finish.wait(10)

    house.gate = wait
    with ThreadPoolExecutor() as pool:
        first = pool.submit(send, client)
        assert running.wait(10)
        twin = send(client)
        finish.set()
        assert first.result().status_code == 201
    assert (twin.status_code, twin.json()["type"], twin.headers["retry-after"]) == (409, "/problems/idempotency-key-in-use", "1")
    assert send(client).headers["idempotent-replayed"] == "true"


def test_twenty_at_once(house: House, edge_client: Callable[..., TestClient]) -> None:
    """Twenty parallel requests with one key have one effect; each gets the one reply or 409."""
    client = client_of(house, edge_client)
    barrier = Barrier(20)

    def one(_: int) -> httpx2.Response:
        barrier.wait()
        return send(client)

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(one, range(20)))
    assert house.count() == 1
    assert {reply.status_code for reply in replies} <= {201, 409}
    assert len({reply.content for reply in replies if reply.status_code == 201}) == 1


def test_twenty_in_two_processes(make_house: Callable[[], House], edge_client: Callable[..., TestClient]) -> None:
    """Two servers on one database, each with its own memory, have one effect too."""
    houses = [make_house(), make_house()]
    clients = [client_of(house, edge_client) for house in houses]
    barrier = Barrier(20)

    def one(number: int) -> httpx2.Response:
        barrier.wait()
        return send(clients[number % 2])

    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(one, range(20)))
    assert houses[0].count() == 1
    assert {reply.status_code for reply in replies} <= {201, 409}


def test_invalid_request_keeps_nothing(house: House, edge_client: Callable[..., TestClient]) -> None:
    """A request that fails validation does not use up its key."""
    client = client_of(house, edge_client)
    assert client.post("/things", json={"size": "x"}, headers={"idempotency-key": "k1"}).status_code == 422
    assert send(client).status_code == 201


@pytest.mark.parametrize(("size", "status"), [(-1, 422), (500, 500)])
def test_refusal_keeps_nothing(house: House, edge_client: Callable[..., TestClient], size: int, status: int) -> None:
    """What the operation refuses, or breaks in, is rolled back with its key."""
    client = client_of(house, edge_client)
    assert send(client, size=size).status_code == status
    assert house.count() == 0
    assert send(client, size=1).json() == {"size": 1, "number": 1}


@pytest.mark.parametrize("key", ["", " ", "a b", "k" * 256, "a\tb", "schlüssel"])
def test_bad_keys(house: House, edge_client: Callable[..., TestClient], key: str) -> None:
    """A key that is empty, too long or not visible ASCII is 400."""
    reply = client_of(house, edge_client).post("/things", json={"size": 1}, headers=[(b"idempotency-key", key.encode())])
    assert (reply.status_code, reply.json()["type"]) == (400, "/problems/invalid-idempotency-key")


def test_two_keys(house: House, edge_client: Callable[..., TestClient]) -> None:
    """Two keys in one request are 400."""
    headers = [("idempotency-key", "a"), ("idempotency-key", "b")]
    assert client_of(house, edge_client).post("/things", json={"size": 1}, headers=headers).status_code == 400


def test_longest_key() -> None:
    """A key of 255 characters is taken; an empty field of a form is not a key."""
    assert checked_key("k" * 255) == "k" * 255
    with pytest.raises(ProblemError):
        checked_key("")


def test_own_fingerprint(house: House, edge_client: Callable[..., TestClient]) -> None:
    """An upload is the same request if its fingerprint is, whatever its bytes are."""
    client = client_of(house, edge_client)
    for content in (b"one", b"two"):
        client.post("/files", content=content, headers={"idempotency-key": "f", "content-type": "text/xml"})
    assert house.count() == 1
