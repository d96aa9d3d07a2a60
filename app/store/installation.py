"""Facts about the installation, such as the version of its data folder."""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import insert_new


def fact(session: Session, key: str) -> str | None:
    """The value of a fact, or None."""
    return session.execute(select(tables.META.c.value).where(tables.META.c.key == key)).scalar()


def set_fact(session: Session, key: str, value: str) -> None:
    """Keep a fact, in place of the one before."""
    if not insert_new(session, tables.META, {"key": key, "value": value}):
        session.execute(update(tables.META).where(tables.META.c.key == key).values(value=value))


def claim_fact(session: Session, key: str, value: str) -> str:
    """Keep a fact unless there is one: the first value stays.

    Two that ask at once get the same answer: the second waits for the transaction of the first.

    Args:
        session: The open transaction.
        key: Which fact.
        value: What it is, where nothing is known yet.

    Returns:
        What holds now.
    """
    if insert_new(session, tables.META, {"key": key, "value": value}):
        return value
    return fact(session, key) or value
