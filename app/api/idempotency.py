"""Writes that may be sent twice: Idempotency-Key, after Stripe's published contract.

- Same key, same request: the first status and body again, with `Idempotent-Replayed: true`.
- Same key, another request: 422. The first still running: 409 with Retry-After. Keys are kept for 24 hours or more.
- **A reply is kept exactly when its effect is committed**: `Once.run` commits both in one transaction. A refusal commits nothing
  and keeps nothing, so the same key may be tried again. (Stripe also keeps its 500s, because it cannot know whether they had an
  effect; here a 500 had none.)
- A process that dies in the middle leaves its claim behind; after `LEASE_S` the next request with that key takes over, and the
  late one, should it still live, is refused when it tries to commit.

A route uses it like this:

    @router.post("/v1/bills", status_code=201, responses=problem_responses(409))
    def add_bill(bill: BillIn, who: Who, once: OnceHere) -> Response:
        return once.run(lambda session: json_reply(enter_bill(session, bill), 201), scope=who.account_id)

Source:
    https://docs.stripe.com/api/idempotent_requests; draft-ietf-httpapi-idempotency-key-header.
"""

import re
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Annotated, Any, Generic, Protocol, TypeVar

from fastapi import Depends, Request
from fastapi.responses import Response
from pydantic_core import to_json

from app.api.problems import ProblemError, edge_problem
from app.clock import Clock
from domain.errors import ConflictError

LEASE_S = 120
"""Seconds after which a claim without a reply counts as abandoned; longer than any one write takes."""

KEY_TEXT = re.compile(r"[\x21-\x7e]{1,255}")
"""Visible ASCII, at most 255 characters."""

S = TypeVar("S")


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One request under its key.

    Invariants: `scope` and `key` name the row; `claimed_at` tells whose claim it is after a takeover.
    """

    scope: str
    key: str
    method_path: str
    request_sha256: bytes
    claimed_at: datetime


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What was answered: enough to answer it again."""

    status: int
    content: bytes
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Held:
    """A row that is there already: the request that came first, and its reply if it has one."""

    claim: Claim
    reply: Reply | None


class Replies(Protocol[S]):
    """Where claims and replies are kept; `S` is the transaction.

    Contract: serialisable and durable. Of any number of concurrent `claim` calls for one row exactly one is given None. What
    `save` writes becomes visible together with everything else in its transaction, or not at all. Any thread may call.
    """

    def transaction(self) -> AbstractContextManager[S]:
        """A transaction, committed at the end of the block, rolled back by an exception."""
        ...

    def claim(self, transaction: S, claim: Claim, *, stale_at: datetime) -> Held | None:
        """Take the key, also from a claim without reply made at or before `stale_at`; None if it is ours now, else who has it."""
        ...

    def save(self, transaction: S, claim: Claim, reply: Reply) -> bool:
        """Keep the reply of our claim; False if the claim is no longer ours (another `claimed_at`)."""
        ...

    def release(self, transaction: S, claim: Claim) -> None:
        """Forget our claim, if it is still ours and has no reply."""
        ...


class Once(Generic[S]):
    """One request's right to be done once.

    Args:
        replies: Where replies are kept.
        clock: Tells the time.
        method_path: Method and path with query, such as `POST /v1/bills`.
        key: The Idempotency-Key header; empty if there was none.
        body_sha256: SHA-256 of the body, where it was JSON or empty.
    """

    def __init__(self, replies: Replies[S], clock: Clock, *, method_path: str, key: str, body_sha256: bytes | None) -> None:
        self._replies = replies
        self._clock = clock
        self._method_path = method_path
        self._key = key
        self._body_sha256 = body_sha256

    def run(
        self, operation: Callable[[S], Reply], *, scope: str, fingerprint: bytes | None = None, key: str | None = None
    ) -> Response:
        """Do an operation and keep its reply, both in one transaction.

        Args:
            operation: Does the work in the transaction that it is given, and answers; it must not commit. What it raises rolls
                everything back and keeps nothing.
            scope: Whose keys these are: the account or API key that asks.
            fingerprint: What makes two requests the same; needed for uploads (`Upload.fingerprint`) and forms.
            key: The key, where it comes in a form's field instead of the header.

        Returns:
            The reply, new or replayed.

        Raises:
            ProblemError: The key was used for another request, or the same request is running.
            ConflictError: The operation took so long that another request took the key over; nothing was committed.
        """
        claim = self._claim(scope, fingerprint, key)
        if claim is None:
            with self._replies.transaction() as transaction:
                return _response(operation(transaction))
        held = self._take(claim)
        if held is not None:
            return _replayed(held, claim)
        return self._settle(claim, lambda: self._do(claim, operation))

    def run_apart(
        self, operation: Callable[[], Reply], *, scope: str, fingerprint: bytes | None = None, key: str | None = None
    ) -> Response:
        """Do an operation that has its own transactions, then keep its reply.

        Weaker than `run`: after a crash in between, the operation runs again, so it must itself do nothing twice (as
        `close_period` and the outbox do).

        Args:
            operation: Does the work and answers.
            scope: Whose keys these are.
            fingerprint: What makes two requests the same, as in `run`.
            key: The key, as in `run`.

        Returns:
            The reply, new or replayed.

        Raises:
            ProblemError: The key was used for another request, or the same request is running.
        """
        claim = self._claim(scope, fingerprint, key)
        if claim is None:
            return _response(operation())
        held = self._take(claim)
        if held is not None:
            return _replayed(held, claim)
        return self._settle(claim, lambda: self._do_apart(claim, operation))

    def _claim(self, scope: str, fingerprint: bytes | None, key: str | None) -> Claim | None:
        name = checked_key(key) if key else self._key
        if not name:
            return None
        digest = fingerprint or self._body_sha256
        if digest is None:
            raise ValueError(f"{self._method_path} takes no JSON: hand in a fingerprint of what it takes")
        return Claim(
            scope=scope,
            key=name,
            method_path=self._method_path,
            request_sha256=sha256(self._method_path.encode() + b"\x00" + digest).digest(),
            claimed_at=self._clock.now(),
        )

    def _take(self, claim: Claim) -> Held | None:
        with self._replies.transaction() as transaction:
            return self._replies.claim(transaction, claim, stale_at=claim.claimed_at - timedelta(seconds=LEASE_S))

    def _settle(self, claim: Claim, work: Callable[[], Reply]) -> Response:
        is_kept = False
        try:
            reply = work()
            is_kept = True
            return _response(reply)
        finally:
            if not is_kept:
                with self._replies.transaction() as transaction:
                    self._replies.release(transaction, claim)

    def _do(self, claim: Claim, operation: Callable[[S], Reply]) -> Reply:
        with self._replies.transaction() as transaction:
            reply = operation(transaction)
            if not self._replies.save(transaction, claim, reply):
                raise ConflictError(  # rolls the operation back
                    "This took so long that the same request was started again",
                    record=f"Idempotency-Key {claim.key}",
                    next_step="Send it once more to get the answer of the other one.",
                )
            return reply

    def _do_apart(self, claim: Claim, operation: Callable[[], Reply]) -> Reply:
        reply = operation()
        with self._replies.transaction() as transaction:
            self._replies.save(transaction, claim, reply)
        return reply


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


def json_reply(value: Any, status: int = 200, *, headers: Mapping[str, str] | None = None) -> Reply:  # noqa: ANN401 - models, mappings
    """A JSON reply.

    Args:
        value: A pydantic model, or values that JSON knows; Decimals and instants become text.
        status: HTTP status.
        headers: Such as Location or ETag.

    Returns:
        The reply.
    """
    return Reply(status=status, content=to_json(value), headers=headers or {})


def _replayed(held: Held, claim: Claim) -> Response:
    if held.claim.request_sha256 != claim.request_sha256:
        detail = f"the key was first used for {held.claim.method_path.partition('?')[0]}"
        raise ProblemError(edge_problem("idempotency-key-reused", detail, record="Idempotency-Key"))
    if held.reply is None:
        raise ProblemError(edge_problem("idempotency-key-in-use", record="Idempotency-Key", headers={"Retry-After": "1"}))
    response = _response(held.reply)
    response.headers["Idempotent-Replayed"] = "true"
    return response


def _response(reply: Reply) -> Response:
    return Response(reply.content, reply.status, dict(reply.headers), reply.media_type)


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
        request.app.state.clock,
        method_path=f"{request.method} {request.url.path}{query}",
        key=checked_key(given[0]) if given else "",
        body_sha256=sha256(await request.body()).digest() if is_hashed else None,
    )


OnceHere = Annotated[Once[Any], Depends(once_of)]
"""What a writing route asks for."""
