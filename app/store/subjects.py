"""Subjects, their wrapped keys and the roles that accounts have at them."""

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, delete, insert, or_, select, update
from sqlalchemy.orm import Session

from app.store import tables
from app.store.rows import columns_of, found, one_of, to_row, to_values
from app.store.tenant import of_tenant


class SubjectKind(StrEnum):
    """What a statement can be about."""

    PERSON = "person"
    HOUSEHOLD = "household"
    ENTITY = "entity"
    FACILITY = "facility"


PEOPLE = frozenset({SubjectKind.PERSON, SubjectKind.HOUSEHOLD})
"""Whose statements are anchored only, and become tokens where they ask for it."""


class Role(StrEnum):
    """What an account may do at a subject."""

    OWNER = "owner"
    EDITOR = "editor"
    READER = "reader"
    AUDITOR = "auditor"


@dataclass(frozen=True, slots=True)
class SubjectRow:
    """Whom a statement is about.

    Attributes:
        id: Random text.
        tenant_id: Its root subject; its own id where it is one.
        kind: Person, household, entity or facility.
        name: For people.
        country: ISO 3166-1 alpha-2.
        region: Path of its home region.
        zone: IANA time zone.
        currency: ISO 4217.
        member_count: Persons of a household; 1 for a person.
        chain_holder: 0x address that its tokens go to; empty for an anchored subject.
        created_at: When it was made.
        erased_at: When its key was destroyed.
    """

    id: str
    tenant_id: str
    kind: SubjectKind
    name: str
    country: str
    region: str
    zone: str
    currency: str
    member_count: int
    chain_holder: str
    created_at: datetime
    erased_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SubjectKeyRow:
    """A subject's data key, wrapped.

    Attributes:
        subject_id: Whose.
        tenant_id: Its tenant.
        kek_id: Which key-encryption key wrapped it.
        wrapped_key: The wrapped bytes.
    """

    subject_id: str
    tenant_id: str
    kek_id: str
    wrapped_key: bytes


@dataclass(frozen=True, slots=True)
class MembershipRow:
    """A role of an account at a subject.

    Attributes:
        id: Random text.
        tenant_id: Of the subject.
        account_id: Who.
        subject_id: Where.
        role: What they may do.
        from_date: First day.
        to_date: Day after the last one, or None.
    """

    id: str
    tenant_id: str
    account_id: str
    subject_id: str
    role: Role
    from_date: date
    to_date: date | None = None


def add(session: Session, subject: SubjectRow) -> None:
    """Add a subject."""
    session.execute(insert(tables.SUBJECT), to_values(subject))


def by_id(session: Session, tenant_id: str, subject_id: str) -> SubjectRow:
    """The subject of an id.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Its id.

    Returns:
        The subject.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    row = one_of(session, SubjectRow, tables.SUBJECT, tenant_id, id=subject_id)
    return to_row(SubjectRow, found(row, "subject", subject_id))


def set_chain_holder(session: Session, tenant_id: str, subject_id: str, holder: str) -> None:
    """Keep the account that stands in the statements closed from now on; empty for none."""
    table = tables.SUBJECT
    change = update(table).where(table.c.id == subject_id).values(chain_holder=holder)
    session.execute(of_tenant(change, table, tenant_id))


def lock(session: Session, tenant_id: str, subject_id: str) -> None:
    """Let writers of one subject take turns until the transaction ends (SQLite has one writer anyway).

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Its id.

    Raises:
        NotFoundError: There is none in this tenant.
    """
    table = tables.SUBJECT
    query = of_tenant(select(table.c.id).where(table.c.id == subject_id), table, tenant_id).with_for_update()
    found(session.execute(query).first(), "subject", subject_id)


def of_tenant_all(session: Session, tenant_id: str) -> tuple[SubjectRow, ...]:
    """Every subject of a tenant, oldest first."""
    table = tables.SUBJECT
    query = of_tenant(select(*columns_of(SubjectRow, table)), table, tenant_id).order_by(table.c.created_at, table.c.id)
    return tuple(to_row(SubjectRow, row) for row in session.execute(query))


def everybody(session: Session) -> tuple[SubjectRow, ...]:
    """Every subject of every tenant, oldest first: for the installation's operator at the command line, never for a request."""
    table = tables.SUBJECT
    query = select(*columns_of(SubjectRow, table)).order_by(table.c.created_at, table.c.id)
    return tuple(to_row(SubjectRow, row) for row in session.execute(query))


def of_account(session: Session, tenant_id: str, account_id: str, on_date: date) -> tuple[tuple[SubjectRow, Role], ...]:
    """The subjects at which an account has a role on a day, oldest first."""
    subject, member = tables.SUBJECT, tables.MEMBERSHIP
    query = (
        select(*columns_of(SubjectRow, subject), member.c.role)
        .join(member, member.c.subject_id == subject.c.id)
        .where(member.c.account_id == account_id, _holds(on_date))
        .order_by(subject.c.created_at, subject.c.id)
    )
    rows = session.execute(of_tenant(query, subject, tenant_id))
    return tuple((to_row(SubjectRow, row), Role(row.role)) for row in rows)


def role_of(session: Session, tenant_id: str, account_id: str, subject_id: str, on_date: date) -> Role | None:
    """The role of an account at a subject on a day; the widest where it has several, None where it has none."""
    member = tables.MEMBERSHIP
    query = select(member.c.role).where(member.c.account_id == account_id, member.c.subject_id == subject_id, _holds(on_date))
    roles = {Role(role) for role in session.execute(of_tenant(query, member, tenant_id)).scalars()}
    return next((role for role in Role if role in roles), None)


def grant(session: Session, membership: MembershipRow) -> None:
    """Give an account a role."""
    session.execute(insert(tables.MEMBERSHIP), to_values(membership))


def end_membership(session: Session, tenant_id: str, membership_id: str, to_date: date) -> None:
    """End a role; it stays in the history."""
    member = tables.MEMBERSHIP
    change = update(member).where(member.c.id == membership_id, member.c.to_date.is_(None)).values(to_date=to_date)
    session.execute(of_tenant(change, member, tenant_id))


def memberships_of(session: Session, tenant_id: str, subject_id: str) -> tuple[MembershipRow, ...]:
    """All roles at a subject, ended ones too, oldest first."""
    member = tables.MEMBERSHIP
    query = select(*columns_of(MembershipRow, member)).where(member.c.subject_id == subject_id)
    rows = session.execute(of_tenant(query, member, tenant_id).order_by(member.c.from_date, member.c.id))
    return tuple(to_row(MembershipRow, row) for row in rows)


def put_key(session: Session, key: SubjectKeyRow) -> None:
    """Keep a subject's wrapped key."""
    session.execute(insert(tables.SUBJECT_KEY), to_values(key))


def key_of(session: Session, tenant_id: str, subject_id: str) -> SubjectKeyRow:
    """A subject's wrapped key.

    Args:
        session: The open transaction.
        tenant_id: Its tenant.
        subject_id: Its id.

    Returns:
        The wrapped key.

    Raises:
        NotFoundError: It has none in this tenant, or it was destroyed.
    """
    row = one_of(session, SubjectKeyRow, tables.SUBJECT_KEY, tenant_id, subject_id=subject_id)
    return to_row(SubjectKeyRow, found(row, "subject key", subject_id))


def all_keys(session: Session) -> tuple[SubjectKeyRow, ...]:
    """The wrapped keys of everybody: for the operator who changes the key-encryption key, never for a request."""
    table = tables.SUBJECT_KEY
    rows = session.execute(select(*columns_of(SubjectKeyRow, table)).order_by(table.c.subject_id))
    return tuple(to_row(SubjectKeyRow, row) for row in rows)


def rewrap_key(session: Session, key: SubjectKeyRow) -> None:
    """Replace a subject's wrapped key with the same key under another key-encryption key."""
    table = tables.SUBJECT_KEY
    change = update(table).where(table.c.subject_id == key.subject_id).values(kek_id=key.kek_id, wrapped_key=key.wrapped_key)
    session.execute(of_tenant(change, table, key.tenant_id))


def erase(session: Session, tenant_id: str, subject_id: str, now: datetime) -> None:
    """Destroy a subject's key, which ends everything sealed under it, and forget its name."""
    key, subject = tables.SUBJECT_KEY, tables.SUBJECT
    session.execute(of_tenant(delete(key).where(key.c.subject_id == subject_id), key, tenant_id))
    change = update(subject).where(subject.c.id == subject_id).values(name="", erased_at=now)
    session.execute(of_tenant(change, subject, tenant_id))


def _holds(on_date: date) -> ColumnElement[bool]:
    member = tables.MEMBERSHIP
    return (member.c.from_date <= on_date) & or_(member.c.to_date.is_(None), member.c.to_date > on_date)
