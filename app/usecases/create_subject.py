"""Making a subject: whom statements are about, with a key of its own and somebody who owns it."""

from dataclasses import dataclass

from app.services import Services, Whose, Work
from app.store import subjects
from app.store.subjects import PEOPLE, MembershipRow, Role, SubjectKind, SubjectRow
from app.usecases.place_meter import ask_for_zone, check_zone
from app.usecases.sealing import new_key_row
from domain.errors import InputError
from domain.place import Place
from ledger.address import address_from_text

MOST_MEMBERS_COUNT = 1000
"""Most persons of a household; a typing mistake beyond."""

_LONGEST_NAME_COUNT = 120


@dataclass(frozen=True, slots=True)
class NewSubject:
    """What is known of a subject when it is made.

    Attributes:
        kind: Person, household, entity or facility.
        name: For people.
        home: Where it is; its zone may be empty where the region has one only.
        member_count: Persons of a household.
        currency: ISO 4217.
        chain_holder: 0x address that a business's tokens go to; empty anchors it, as it does for people.
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
        InputError: The name is empty or too long, nobody is in the household, or the holder is no address or a person's.
        PlaceError: There is no such region or zone, or the region has several zones; the message lists them.
    """
    services, now = work.services, work.services.clock.now()
    name = subject_name(new.name)
    if not 1 <= new.member_count <= MOST_MEMBERS_COUNT:
        raise InputError(
            "A household has members", expected=f"1 to {MOST_MEMBERS_COUNT}", got=new.member_count, record="member_count"
        )
    if new.chain_holder and new.kind in PEOPLE:
        raise InputError(
            "The statements of people are anchored, not held",
            expected="no account: claiming makes holder and amounts public",
            got=new.chain_holder,
            record="chain_holder",
            next_step="Leave it empty; whoever wants it allows claims afterwards, behind a warning.",
        )
    holder = address_from_text(new.chain_holder, record="chain_holder") if new.chain_holder else ""
    zone = _zone_of_home(services, new.home)
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
            chain_holder=holder,
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


def subject_name(text: str) -> str:
    """A subject's name as it is kept.

    Args:
        text: As typed.

    Returns:
        The name with single spaces.

    Raises:
        InputError: It is empty, too long, or holds what cannot be shown.
    """
    name = " ".join(text.split())
    if not 1 <= len(name) <= _LONGEST_NAME_COUNT or not name.isprintable():
        raise InputError("A subject needs a name", expected=f"1 to {_LONGEST_NAME_COUNT} characters", got=text, record="name")
    return name


def _zone_of_home(services: Services, home: Place) -> str:
    """The time zone of a home: as it was said, or the only one of its region; never a guess.

    Raises:
        PlaceError: There is no such region or zone, or several would fit.
    """
    services.factor_set.regions.chain(home.region, record="home")
    zones = services.zones_of_region(home.region)
    if home.zone:
        check_zone(home, zones, record="home")
        return home.zone
    if len(zones) != 1:
        ask_for_zone(home, zones, record="home", next_step="Name the time zone of this place.")
    return zones[0]
