"""Sharing a statement: a link that shows, for a while, its exact amounts, factors and lines, or one record or group alone."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.security.sessions import new_token
from app.services import Whose, Work
from app.store import shares, statements
from app.store.shares import LINES, ShareLinkRow
from app.store.statements import StatementRow
from app.usecases.disclose import disclose_group, disclose_record
from domain.disclosure import Disclosure
from domain.errors import InputError, NotFoundError

_RECORD, _GROUP = "record:", "group:"


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A link just made.

    Attributes:
        path: Path of the proof page with its token; shown once.
        expires_at: End.
    """

    path: str
    expires_at: datetime


def shown_of(*, record: str = "", group: str = "") -> str:
    """What a link shows, as it is kept.

    Args:
        record: Id of a record; empty for none.
        group: Key of a group; empty for none.

    Returns:
        The lines where neither is given.

    Raises:
        InputError: Both are.
    """
    if record and group:
        raise InputError("A link shows one thing", expected="a record or a group", got="both")
    return f"{_RECORD}{record}" if record else f"{_GROUP}{group}" if group else LINES


def share_statement(work: Work, whose: Whose, statement_id: str, *, days_count: int, shown: str = LINES) -> ShareLink:
    """Make a link that shows something of a statement.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        statement_id: Which statement.
        days_count: How long it holds.
        shown: As `shown_of` gives it.

    Returns:
        The link; only the hash of its token is kept.

    Raises:
        NotFoundError: The subject has no such statement, or the statement no such record or group.
        ConflictError: One record or group is to be shown, and the statement was not signed yet.
        LedgerError: It was closed before anything could be shown alone.
    """
    row = statements.by_id(work.session, whose.tenant_id, statement_id)
    if row.subject_id != whose.subject_id:
        raise NotFoundError("There is no such statement", expected="the id of a statement of this subject", got=statement_id)
    disclosed(work, row, shown)
    services = work.services
    token = new_token(services.randomness.bytes, services.clock.now(), lifetime=timedelta(days=days_count))
    shares.add(
        work.session,
        ShareLinkRow(token.token_sha256, whose.tenant_id, row.id, token.created_at, token.expires_at, shown=shown),
    )
    return ShareLink(f"/proof/{row.public_token}?share={token.token}", token.expires_at)


def disclosed(work: Work, statement: StatementRow, shown: str) -> Disclosure | None:
    """What a link shows alone.

    Args:
        work: The open transaction and the services; nothing is written.
        statement: Which.
        shown: As `shown_of` gives it.

    Returns:
        The disclosure; None for the lines.

    Raises:
        NotFoundError: The statement has no such record or group, or its inputs are erased.
        ConflictError: It was not signed yet.
        LedgerError: It was closed before anything could be shown alone.
    """
    if shown.startswith(_RECORD):
        return disclose_record(work, statement, shown.removeprefix(_RECORD))
    if shown.startswith(_GROUP):
        return disclose_group(work, statement, shown.removeprefix(_GROUP))
    return None
