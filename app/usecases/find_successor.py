"""Whether a newer revision replaced a statement: no bundle can say it, the installation that closed it knows."""

from dataclasses import dataclass
from enum import StrEnum

from app.services import Work
from app.store import ledger, statements
from app.store.statements import StatementRow, StatementState
from domain.bundle import bundle_from_bytes
from domain.disclosure import disclosure_from_bytes, is_disclosure
from domain.errors import ClimateFitnessError


class Standing(StrEnum):
    """Whether a statement stands, as far as is known here."""

    NEWEST = "newest"
    SUPERSEDED = "superseded"
    REVOKED = "revoked"
    NOT_CHECKED = "not_checked"


@dataclass(frozen=True, slots=True)
class Successor:
    """What is known of newer revisions of a statement.

    Attributes:
        standing: Whether there is one, or it was revoked; not checked where this installation does not know the statement.
        revision: The newest revision; 0 where none is known.
        reason: Why it was restated; empty where it was not.
        public_token: Name of the newest revision's proof page; empty where there is none yet.
    """

    standing: Standing
    revision: int = 0
    reason: str = ""
    public_token: str = ""


UNKNOWN = Successor(Standing.NOT_CHECKED)
"""Of a statement that another installation closed."""


def successor_of(work: Work, statement: StatementRow) -> Successor:
    """What is known of newer revisions of a statement of this installation.

    Args:
        work: The open transaction; nothing is written.
        statement: Which.

    Returns:
        The newest revision of its period where it is superseded.
    """
    if statement.state is StatementState.REVOKED:
        return Successor(Standing.REVOKED, statement.revision)
    if statement.state is not StatementState.SUPERSEDED:
        return Successor(Standing.NEWEST, statement.revision)
    newest = statements.latest_of_period(work.session, statement.tenant_id, statement.period_id) or statement
    is_signed = ledger.issuance_of_statement(work.session, newest.tenant_id, newest.id) is not None
    return Successor(Standing.SUPERSEDED, newest.revision, newest.reason, newest.public_token if is_signed else "")


def successor_of_bundle(work: Work, data: bytes) -> Successor:
    """What is known of newer revisions of the statement in a bundle, or that a disclosure is of.

    Args:
        work: The open transaction; nothing is written.
        data: The file's bytes.

    Returns:
        The same as for its statement, where this installation has one with this manifest; else that it was not checked.
    """
    try:
        manifest_hash_hex = (
            disclosure_from_bytes(data).manifest_hash_hex
            if is_disclosure(data)
            else bundle_from_bytes(data).read_manifest().manifest_hash.hex()
        )
    except ClimateFitnessError:
        return UNKNOWN
    statement = statements.of_manifest_hash(work.session, manifest_hash_hex)
    return UNKNOWN if statement is None else successor_of(work, statement)
