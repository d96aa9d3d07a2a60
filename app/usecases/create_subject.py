"""Making a subject: whom statements are about, with a key of its own and somebody who owns it."""

from dataclasses import dataclass

from app.services import Whose, Work
from app.store import subjects
from app.store.subjects import MembershipRow, Role, SubjectKind, SubjectRow
from app.usecases.sealing import new_key_row
from domain.errors import InputError
from domain.period import zone_of
from domain.place import Place

_LONGEST_NAME_COUNT = 120


@dataclass(frozen=True, slots=True)
class NewSubject:
    """What is known of a subject when it is made.

    Attributes:
        kind: Person, household, entity or facility.
        name: For people.
        home: Where it is; its zone may be empty, it is then the first of the region.
        member_count: Persons of a household.
        currency: ISO 4217.
        chain_holder: 0x address that its tokens go to; empty anchors it.
    """

    kind: SubjectKind
    name: str
    home: Place
    member_count: int = 1
    currency: str = "USD"
    chain_holder: str = ""


def create_subject(work: Work, new: NewSubject, *, owner_account_id: str, tenant_id: str = "") -> Whose:
    """Make a subject and its key, and give its owner the role.

    Args:
        work: The open transaction and the services.
        new: What is known of it.
        owner_account_id: Who owns it.
        tenant_id: Tenant that it joins; a tenant of its own where left out.

    Returns:
        The subject.

    Raises:
        InputError: The name is empty or too long, or nobody is in the household.
        PlaceError: There is no such region or zone.
    """
    services, now = work.services, work.services.clock.now()
    name = " ".join(new.name.split())
    if not 1 <= len(name) <= _LONGEST_NAME_COUNT or not name.isprintable():
        raise InputError("A subject needs a name", expected=f"1 to {_LONGEST_NAME_COUNT} characters", got=new.name, record="name")
    if new.member_count < 1:
        raise InputError("A household has members", expected="1 or more", got=new.member_count, record="member_count")
    services.factor_set.regions.chain(new.home.region, record="home")
    zone = new.home.zone or next(iter(services.zones_of_region(new.home.region)), "UTC")
    zone_of(zone, record="home")
    subject_id = services.randomness.id()
    whose = Whose(tenant_id or subject_id, subject_id)
    subjects.add(
        work.session,
        SubjectRow(
            id=subject_id,
            tenant_id=whose.tenant_id,
            kind=new.kind,
            name=name,
            country=new.home.country,
            region=new.home.region,
            zone=zone,
            currency=new.currency,
            member_count=new.member_count,
            chain_holder=new.chain_holder,
            created_at=now,
        ),
    )
    subjects.put_key(work.session, new_key_row(services, whose))
    if owner_account_id:
        subjects.grant(
            work.session,
            MembershipRow(services.randomness.id(), whose.tenant_id, owner_account_id, subject_id, Role.OWNER, now.date()),
        )
    return whose
