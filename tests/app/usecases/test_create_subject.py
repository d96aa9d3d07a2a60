"""Making a subject: a name, a home whose zone is asked and never guessed, an account that can hold tokens."""

import pytest

from app.services import Whose
from app.store import subjects
from app.store.subjects import SubjectKind, SubjectRow
from app.usecases.create_subject import MOST_MEMBERS_COUNT, NewSubject, create_subject
from domain.errors import InputError, PlaceError
from domain.place import place_from_text
from tests.app.usecases.installation import Installation

SEVERAL = "47501"
"""A ZIP code in Indiana, whose counties have two zones."""


def make(installation: Installation, new: NewSubject) -> SubjectRow:
    """The subject as it is stored."""
    with installation.work() as work:
        whose: Whose = create_subject(work, new, owner_account_id="")
        return subjects.by_id(work.session, whose.tenant_id, whose.subject_id)


def test_only_zone_of_a_region_is_taken(installation: Installation) -> None:
    """Where a region has one zone nobody is asked."""
    assert make(installation, NewSubject(SubjectKind.PERSON, "Ada", place_from_text("94110"))).zone == "America/Los_Angeles"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        (SEVERAL, "one of America/Indiana/Indianapolis, America/Chicago; got US/zip/47501; in home. Name the time zone"),
        ("US", r"one of America/New_York, America/Chicago"),
        (
            "BV",
            "region is not known; expected a place whose time zone is known; got BV; in home. Give the country",
        ),
    ],
)
def test_zone_is_asked_and_never_guessed(installation: Installation, place: str, message: str) -> None:
    """Where several zones fit, or none is known, the refusal lists what to choose from, and nothing is stored."""
    with pytest.raises(PlaceError, match=message):
        make(installation, NewSubject(SubjectKind.PERSON, "Ada", place_from_text(place)))
    with installation.looking() as work:
        assert subjects.everybody(work.session) == ()


@pytest.mark.parametrize(
    ("place", "zone", "message"),
    [
        (
            "94110",
            "Europe/Berlin",
            "none of the region's; expected one of America/Los_Angeles; got Europe/Berlin in US/zip/94110; in home",
        ),
        ("DE", "America/New_York", "none of the region's; expected one of Europe/Berlin"),
        ("BV", "Europe/Oslo", "expected a place whose time zone is known; got Europe/Oslo in BV"),
        ("94110", "Mars/Olympus", "Mars/Olympus"),
    ],
)
def test_zone_of_elsewhere_is_refused(installation: Installation, place: str, zone: str, message: str) -> None:
    """A zone that no clock of the place shows, which an auditor would refuse later, is refused at once; nothing is stored."""
    with pytest.raises(PlaceError, match=message):
        make(installation, NewSubject(SubjectKind.PERSON, "Ada", place_from_text(place, zone=zone)))


def test_said_zone_is_kept(installation: Installation) -> None:
    """A zone that was said is the subject's."""
    home = place_from_text(SEVERAL, zone="America/Chicago")
    assert make(installation, NewSubject(SubjectKind.PERSON, "Ada", home)).zone == "America/Chicago"


@pytest.mark.parametrize("name", ["", " \t", "x" * 121, "a\x00b", "a\u202eb"])
def test_name_that_cannot_be_shown_is_refused(installation: Installation, name: str) -> None:
    """A name has letters, an end, and nothing that turns other text around."""
    with pytest.raises(InputError, match="A subject needs a name; expected 1 to 120 characters"):
        make(installation, NewSubject(SubjectKind.PERSON, name, place_from_text("94110")))


@pytest.mark.parametrize("count", [0, -1, MOST_MEMBERS_COUNT + 1])
def test_household_has_members(installation: Installation, count: int) -> None:
    """Nobody, and a crowd, are no household."""
    with pytest.raises(InputError, match="A household has members; expected 1 to 1000"):
        make(installation, NewSubject(SubjectKind.HOUSEHOLD, "Home", place_from_text("94110"), member_count=count))


def test_holder_is_checked(installation: Installation) -> None:
    """Tokens go to nobody's mistyped address."""
    new = NewSubject(SubjectKind.ENTITY, "Bakery", place_from_text("94110"), chain_holder="0x" + "0" * 40)
    with pytest.raises(InputError, match=r"Nobody holds the zero address; .* in chain_holder"):
        make(installation, new)
