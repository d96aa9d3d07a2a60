"""Idempotency keys: a write that a client named is done once, and answered the same again."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import insert_new
from app.store.tenant import of_tenant
from domain.errors import ConflictError, InputError

MAX_KEY_COUNT = 255
"""Longest key, characters, as elsewhere in the trade (docs.stripe.com/api/idempotent_requests)."""

_RUNNING = "running"
_DONE = "done"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write was answered.

    Attributes:
        status: HTTP status.
        headers_json: Headers worth repeating.
        body: Bytes of the body.
    """

    status: int
    headers_json: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Request:
    """A write that a client named.

    Attributes:
        tenant_id: Whose.
        scope: Within which its key is unique: the account.
        key: The client's name for it.
        method_path: "POST /v1/imports".
        request_sha256: SHA-256 of its body, 32 bytes.
    """

    tenant_id: str
    scope: str
    key: str
    method_path: str
    request_sha256: bytes


def begin(session: Session, request: Request, now: datetime) -> Answer | None:
    """The answer given before to the same write, or None where it is to be done now.

    Args:
        session: The open transaction.
        request: What was asked.
        now: The time.

    Returns:
        The answer to repeat; None for a new write, which is then noted as running.

    Raises:
        ConflictError: The key was used for another request, or the same one is running.
        InputError: The key is empty or too long.
    """
    if not 1 <= len(request.key) <= MAX_KEY_COUNT:
        raise InputError(expected=f"1 to {MAX_KEY_COUNT} characters", got=len(request.key), record="Idempotency-Key")
    values = {
        "tenant_id": request.tenant_id,
        "scope": request.scope,
        "key": request.key,
        "method_path": request.method_path,
        "request_sha256": request.request_sha256,
        "state": _RUNNING,
        "status": None,
        "headers_json": "{}",
        "body": None,
        "created_at": now,
    }
    if insert_new(session, tables.IDEMPOTENCY_KEY, values):
        return None
    table = tables.IDEMPOTENCY_KEY
    query = select(table).where(table.c.scope == request.scope, table.c.key == request.key)
    row = session.execute(of_tenant(query, table, request.tenant_id)).one()
    if (row.method_path, row.request_sha256) != (request.method_path, request.request_sha256):
        raise ConflictError(
            "This Idempotency-Key was used for another request",
            expected="the same method, path and body",
            got=request.method_path,
            record="Idempotency-Key",
            next_step="Use a new key for a new request.",
        )
    if row.state == _RUNNING:
        raise ConflictError(
            "The same request is still running", expected="its end", record="Idempotency-Key", next_step="Ask again in a moment."
        )
    return Answer(row.status, row.headers_json, row.body)


def finish(session: Session, request: Request, answer: Answer) -> None:
    """Keep the answer of a running write, in the transaction of its effects."""
    table = tables.IDEMPOTENCY_KEY
    change = (
        update(table)
        .where(table.c.scope == request.scope, table.c.key == request.key)
        .values(state=_DONE, status=answer.status, headers_json=answer.headers_json, body=answer.body)
    )
    session.execute(of_tenant(change, table, request.tenant_id))


def prune(session: Session, before: datetime) -> None:
    """Forget keys older than an instant, in all tenants; keep them at least 24 hours."""
    session.execute(delete(tables.IDEMPOTENCY_KEY).where(tables.IDEMPOTENCY_KEY.c.created_at < before))
