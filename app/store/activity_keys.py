"""Activity keys by their id."""

from sqlalchemy import select

from app.store import tables
from app.store.activity_rows import ActivityReader
from app.store.session import Session
from domain.activity import ActivityKey


def find(session: Session, key_id: str) -> ActivityKey | None:
    """The activity key of this id, whoever's it is: it holds nothing about a person.

    Args:
        session: The open transaction, of the operator.
        key_id: SHA-256 of its canonical JSON, 64 hexadecimal digits.

    Returns:
        The key; None where no activity has it.
    """
    table = tables.ACTIVITY_KEY
    row = session.execute(select(table).where(table.c.key_id == key_id).limit(1)).first()
    return None if row is None else ActivityReader().key(row)
