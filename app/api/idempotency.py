"""Writes that may be sent twice: Idempotency-Key, after Stripe's published contract.

- Same key, same request: the first status and body again, with `Idempotent-Replayed: true`.
- Same key, another request: 422. The first still running: 409 with Retry-After. Keys are kept for 24 hours or more.
- **A reply is kept exactly when its effect is committed**: the key is taken, the work is done and the reply is kept in one
  transaction. A refusal rolls all three back, so the same key may be tried again; a process that dies in the middle leaves
  nothing behind. (Stripe also keeps its 500s, because it cannot know whether they had an effect; here a 500 had none.)
- A reply that shows a secret (`Reply.shows_secret`) is never kept: asked again, it is 410 with what to do, and nothing happens.
- A twin in the same process is refused at once. A twin in another process waits for the first one's transaction, because both
  insert the same row, and then gets its reply.

A route uses it like this:

    @router.post("/v1/bills", status_code=201, responses=problem_responses(409))
    def add_bill(bill: BillIn, who: Who, once: OnceHere) -> Response:
        return once.run(
            lambda session: json_reply(enter_bill(session, bill), 201), tenant_id=who.tenant_id, account_id=who.account_id
        )

Source:
    https://docs.stripe.com/api/idempotent_requests; draft-ietf-httpapi-idempotency-key-header.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from threading import Lock
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.problems import ProblemError, edge_problem
from app.clock import Clock
from app.store import idempotency as stored
from app.store.session import Engine, Session, unit_of_work
from domain.errors import ConflictError

KEY_TEXT = re.compile(r"[\x21-\x7e]{1,255}")
"""Visible ASCII, at most 255 characters."""

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request under its key.

    Invariants: tenant, account and key name one row; the hash covers method, path, query and content.
    """

    tenant_id: str
    account_id: str
    key: str
    method_path: str
    request_sha256: bytes
    asked_at: datetime


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What was answered: enough to answer it again.

    Invariants: one that `shows_secret` (a token or key of which only the hash is kept) is sent once and never stored.
    """

    status: int
    content: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    shows_secret: bool = False


SHOWN_ONCE = Reply(status=410, content=b"")
"""Kept in place of a reply that showed a secret; no operation answers 410 itself."""


class Replies(Protocol[S]):
    """Where replies are kept; `S` is the transaction.

    Contract: durable; of two transactions that begin the same key, the second waits until the first has ended. What `finish`
    writes becomes visible together with everything else in its transaction, or not at all. Any thread may call.
    """

    def transaction(self) -> AbstractContextManager[S]:
        """A transaction, committed at the end of the block, rolled back by an exception."""
        ...

    def begin(self, transaction: S, ask: Ask) -> Reply | None:
        """The reply given before; None if there is none, and the key is ours in this transaction.

        Raises:
            ConflictError: The key was used for another request.
        """
        ...

    def finish(self, transaction: S, ask: Ask, reply: Reply) -> None:
        """Keep the reply under the key that was begun in this transaction."""
        ...


class StoredReplies:
    """Replies in the product's own database.

    Args:
        engine: As `engine_of` gives it.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def transaction(self) -> AbstractContextManager[Session]:
        """One unit of work of the store."""
        return unit_of_work(self._engine)

    def begin(self, transaction: Session, ask: Ask) -> Reply | None:
        """The reply given before; None if there is none, and the key is ours in this transaction."""
        answer = stored.begin(transaction, _row(ask), ask.asked_at)
        if answer is None:
            return None
        headers = json.loads(answer.headers_json)
        return Reply(status=answer.status, content=answer.body, media_type=headers.pop("content-type"), headers=headers)

    def finish(self, transaction: Session, ask: Ask, reply: Reply) -> None:
        """Keep the reply under the key that was begun in this transaction."""
        headers = json.dumps({**reply.headers, "content-type": reply.media_type}, sort_keys=True)
        stored.finish(transaction, _row(ask), stored.Answer(reply.status, headers, reply.content))


def _row(ask: Ask) -> stored.Request:
    return stored.Request(
        tenant_id=ask.tenant_id,
        scope=ask.account_id,
        key=ask.key,
        method_path=ask.method_path.partition("?")[0],
        request_sha256=ask.request_sha256,
    )


class RunningWrites:
    """The keyed writes that run in this process now; any thread may ask."""

    def __init__(self) -> None:
        self._running: set[tuple[str, str, str]] = set()
        self._lock = Lock()

    @contextmanager
    def only(self, ask: Ask) -> Iterator[None]:
        """Hold a request's key for the length of the block.

        Args:
            ask: The request.

        Yields:
            Nothing.

        Raises:
            ProblemError: Its twin is running: 409 with Retry-After.
        """
        name = (ask.tenant_id, ask.account_id, ask.key)
        with self._lock:
            if name in self._running:
                raise ProblemError(edge_problem("idempotency-key-in-use", record="Idempotency-Key", headers={"Retry-After": "1"}))
            self._running.add(name)
        try:
            yield
        finally:
            with self._lock:
                self._running.discard(name)


class Once(Generic[S]):
    """One request's right to be done once.

    Args:
        replies: Where replies are kept.
        running: The keyed writes that run now.
        clock: Tells the time.
        method_path: Method and path with query, such as `POST /v1/bills`.
        key: The Idempotency-Key header; empty if there was none.
        body_sha256: SHA-256 of the body, where it was JSON or empty.
    """

    def __init__(
        self,
        replies: Replies[S],
        running: RunningWrites,
        clock: Clock,
        *,
        method_path: str,
        key: str,
        body_sha256: bytes | None,
    ) -> None:
        self._replies = replies
        self._running = running
        self._clock = clock
        self._method_path = method_path
        self._key = key
        self._body_sha256 = body_sha256

    def run(
        self,
        operation: Callable[[S], Reply],
        *,
        tenant_id: str,
        account_id: str,
        fingerprint: bytes | None = None,
        key: str | None = None,
    ) -> Response:
        """Do an operation and keep its reply, both in one transaction.

        Args:
            operation: Does the work in the transaction that it is given, and answers; it must not commit. What it raises rolls
                everything back and keeps nothing.
            tenant_id: Whose data it changes.
            account_id: Whose keys these are: the account or API key that asks.
            fingerprint: What makes two requests the same; needed for uploads (`Upload.fingerprint`) and forms.
            key: The key, where it comes in a form's field instead of the header.

        Returns:
            The reply, new or replayed.

        Raises:
            ProblemError: The key was used for another request, the same request is running, or its reply showed a secret.
        """
        ask = self._ask(tenant_id, account_id, fingerprint, key)
        if ask is None:
            with self._replies.transaction() as transaction:
                return _response(operation(transaction))
        with self._running.only(ask), self._replies.transaction() as transaction:
            earlier = _begun(self._replies, transaction, ask)
            if earlier is not None:
                return _response(_shown_again(earlier), is_replayed=True)
            reply = operation(transaction)
            self._replies.finish(transaction, ask, SHOWN_ONCE if reply.shows_secret else reply)
            return _response(reply)

    def _ask(self, tenant_id: str, account_id: str, fingerprint: bytes | None, key: str | None) -> Ask | None:
        name = checked_key(key) if key else self._key
        if not name:
            return None
        digest = fingerprint or self._body_sha256
        if digest is None:
            raise ValueError(f"{self._method_path} takes no JSON: hand in a fingerprint of what it takes")
        return Ask(
            tenant_id=tenant_id,
            account_id=account_id,
            key=name,
            method_path=self._method_path,
            request_sha256=sha256(self._method_path.encode() + b"\x00" + digest).digest(),
            asked_at=self._clock.now(),
        )


def _begun(replies: Replies[S], transaction: S, ask: Ask) -> Reply | None:
    try:
        return replies.begin(transaction, ask)
    except ConflictError as error:
        raise ProblemError(edge_problem("idempotency-key-reused", record="Idempotency-Key")) from error


def _shown_again(earlier: Reply) -> Reply:
    if earlier == SHOWN_ONCE:
        raise ProblemError(edge_problem("shown-once", record="Idempotency-Key", headers={"Idempotent-Replayed": "true"}))
    return earlier


def checked_key(text: str) -> str:
    """The key, if it is one.

    Args:
        text: What was sent.

    Returns:
        The same text.

    Raises:
        ProblemError: Empty, too long, or other than visible ASCII.
    """
    if not KEY_TEXT.fullmatch(text):
        raise ProblemError(edge_problem("invalid-idempotency-key", expected="1 to 255 visible ASCII characters"))
    return text


def json_reply(
    value: Any,  # noqa: ANN401 - models, mappings
    status: int = 200,
    *,
    headers: Mapping[str, str] | None = None,
    shows_secret: bool = False,
) -> Reply:
    """A JSON reply.

    Args:
        value: A pydantic model, or values that JSON knows; Decimals and instants become text.
        status: HTTP status.
        headers: Such as Location or ETag.
        shows_secret: Whether it holds a token or key that must not be kept.

    Returns:
        The reply.
    """
    return Reply(status=status, content=to_json(value), headers=headers or {}, shows_secret=shows_secret)


def _response(reply: Reply, *, is_replayed: bool = False) -> Response:
    headers = {**reply.headers, **({"Idempotent-Replayed": "true"} if is_replayed else {})}
    return Response(reply.content, reply.status, headers, reply.media_type)


async def once_of(request: Request) -> Once[Any]:
    """The dependency behind `OnceHere`: reads the header, and the body's hash where the body is JSON or empty.

    Args:
        request: The write.

    Returns:
        Its right to be done once, over `app.state.replies` and `app.state.clock`.

    Raises:
        ProblemError: The header cannot be used, or stands twice.
    """
    given = request.headers.getlist("idempotency-key")
    if len(given) > 1:
        raise ProblemError(edge_problem("invalid-idempotency-key", "the header stands twice"))
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    is_hashed = bool(given) and (media_type == "application/json" or media_type.endswith("+json"))
    query = f"?{request.url.query}" if request.url.query else ""
    return Once(
        request.app.state.replies,
        request.app.state.running_writes,
        request.app.state.clock,
        method_path=f"{request.method} {request.url.path}{query}",
        key=checked_key(given[0]) if given else "",
        body_sha256=sha256(await request.body()).digest() if is_hashed else None,
    )


OnceHere = Annotated[Once[Any], Depends(once_of)]
"""What a writing route asks for."""
