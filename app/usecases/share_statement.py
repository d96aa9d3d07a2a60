"""Sharing a statement: a link that shows its exact amounts, factors and lines on the proof page, for a while."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from app.security.sessions import new_token
from app.services import Whose, Work
from app.store import shares, statements
from app.store.shares import ShareLinkRow
from domain.errors import NotFoundError


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A link just made.

    Attributes:
        path: Path of the proof page with its token; shown once.
        expires_at: End.
    """

    path: str
    expires_at: datetime


def share_statement(work: Work, whose: Whose, statement_id: str, *, days_count: int) -> ShareLink:
    """Make a link that shows the lines of a statement.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        statement_id: Which statement.
        days_count: How long it holds.

    Returns:
        The link; only the hash of its token is kept.

    Raises:
        NotFoundError: The subject has no such statement.
    """
    row = statements.by_id(work.session, whose.tenant_id, statement_id)
    if row.subject_id != whose.subject_id:
        raise NotFoundError("There is no such statement", expected="the id of a statement of this subject", got=statement_id)
    services = work.services
    token = new_token(services.randomness.bytes, services.clock.now(), lifetime=timedelta(days=days_count))
    shares.add(work.session, ShareLinkRow(token.token_sha256, whose.tenant_id, row.id, token.created_at, token.expires_at))
    return ShareLink(f"/proof/{row.public_token}?share={token.token}", token.expires_at)
