"""Subjects, roles and keys."""

from datetime import date

import pytest

from app.store import accounts, subjects
from app.store.session import Engine, unit_of_work
from app.store.subjects import MembershipRow, Role, SubjectKeyRow
from domain.errors import NotFoundError
from tests.app.store.builders import NOW, Home
from tests.app.store.test_accounts import ACCOUNT

DAY = date(2026, 3, 1)


def test_role_holds_by_day(engine: Engine, home: Home) -> None:
    """A role counts from its first day up to, not including, its end; the widest of several counts."""
    with unit_of_work(engine) as session:
        accounts.add(session, ACCOUNT)
        subjects.grant(session, MembershipRow("m1", "ada", "a1", "ada", Role.READER, date(2026, 1, 1)))
        subjects.grant(session, MembershipRow("m2", "ada", "a1", "ada", Role.OWNER, DAY))
        subjects.end_membership(session, "ada", "m2", date(2026, 3, 3))
        days = [date(2025, 12, 31), date(2026, 2, 28), DAY, date(2026, 3, 2), date(2026, 3, 3)]
        roles = [subjects.role_of(session, "ada", "a1", "ada", day) for day in days]
        assert roles == [None, Role.READER, Role.OWNER, Role.OWNER, Role.READER]
        found = subjects.of_account(session, "ada", "a1", date(2026, 2, 1))
        assert found == ((subjects.by_id(session, "ada", "ada"), Role.READER),)
        assert subjects.of_account(session, "ada", "a1", date(2025, 1, 1)) == ()
        assert [m.id for m in subjects.memberships_of(session, "ada", "ada")] == ["m1", "m2"]


def test_key_is_kept_and_rewrapped(engine: Engine, home: Home) -> None:
    """A subject's wrapped key is kept once and can be wrapped anew."""
    with unit_of_work(engine) as session:
        subjects.put_key(session, SubjectKeyRow("ada", "ada", "kek1", b"one"))
        subjects.rewrap_key(session, SubjectKeyRow("ada", "ada", "kek2", b"two"))
        assert subjects.key_of(session, "ada", "ada") == SubjectKeyRow("ada", "ada", "kek2", b"two")


def test_erasure_destroys_the_key(engine: Engine, home: Home) -> None:
    """An erased subject has no key and no name; that it was there, and when it ended, stays."""
    with unit_of_work(engine) as session:
        subjects.put_key(session, SubjectKeyRow("ada", "ada", "kek1", b"one"))
        subjects.erase(session, "ada", "ada", NOW)
        erased = subjects.by_id(session, "ada", "ada")
        assert (erased.name, erased.erased_at) == ("", NOW)
        with pytest.raises(NotFoundError, match="There is no such subject key"):
            subjects.key_of(session, "ada", "ada")


def test_tenant_lists_its_own_subjects(engine: Engine, home: Home, other_home: Home) -> None:
    """A tenant's list holds its own subjects only."""
    with unit_of_work(engine) as session:
        assert [one.id for one in subjects.of_tenant_all(session, "bob")] == ["bob"]
