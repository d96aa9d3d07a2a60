"""The operator's account: one for each installation, whoever asks first and how often."""

from dataclasses import replace
from pathlib import Path
from threading import Barrier, Thread

import pytest

from app.security.passwords import Passwords
from app.services import Work
from app.store import accounts, subjects
from app.store import installation as facts
from app.store.accounts import AccountRow
from app.store.session import Engine, unit_of_work
from app.store.subjects import Role, SubjectKind
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.local_account import LOGIN, local_account
from app.usecases.sign_in import (
    NewAccount,
    caller_of_session,
    create_account,
    set_password,
    start_session,
    verified_account,
)
from domain.errors import ConflictError, InputError, SecurityError
from domain.place import place_from_text
from tests.app.usecases.installation import NOW, Installation
from tests.postgres import engine, migrated_postgres, postgres_url

__all__ = ["engine", "migrated_postgres", "postgres_url"]

PASSWORD = "a sentence that is long enough"


def made(installation: Installation) -> AccountRow:
    """The operator's account."""
    with installation.work() as work:
        return local_account(work)


def test_account_is_made_once(installation: Installation) -> None:
    """Asked again, also after a restart, it is the same account."""
    first = made(installation)
    assert made(installation) == first
    again = installation.restarted()
    assert made(again) == first
    again.close()
    assert (first.login, first.display_name) == (LOGIN, "You")


def test_subject_of_the_account_is_seen_by_it(installation: Installation) -> None:
    """What is made for the account, in its tenant, is its own."""
    account = made(installation)
    new = NewSubject(SubjectKind.PERSON, "You", place_from_text("94110"))
    with installation.work() as work:
        whose = create_subject(work, new, owner_account_id=account.id, tenant_id=account.tenant_id)
    with installation.looking() as work:
        found = subjects.of_account(work.session, account.tenant_id, account.id, NOW.date())
    assert [(row.id, role) for row, role in found] == [(whose.subject_id, Role.OWNER)]


def test_nothing_stays_of_a_transaction_that_failed(installation: Installation) -> None:
    """Where the work around it is rolled back, there is no account and no tenant; the next one makes both."""

    def fail() -> None:
        with installation.work() as work:
            local_account(work)
            raise InputError("Something else went wrong")

    with pytest.raises(InputError, match="Something else went wrong"):
        fail()
    with installation.looking() as work:
        assert accounts.by_login(work.session, LOGIN) is None
        assert facts.fact(work.session, "local_tenant") is None
    made(installation)


def test_login_of_somebody_else_is_refused(installation: Installation) -> None:
    """An account of another tenant is never taken for the operator's."""
    with installation.work() as work:
        create_account(work, NewAccount(LOGIN, "Mallory", PASSWORD, "elsewhere"))
    with pytest.raises(ConflictError, match="The operator's login is taken by somebody else"):
        made(installation)


def test_two_at_once_get_the_same(engine: Engine, tmp_path: Path) -> None:
    """Several threads that start together make one account, on SQLite and on PostgreSQL."""
    opened = Installation.open(tmp_path / "data")
    services = replace(opened.services, engine=engine)
    together, found = Barrier(4), list[AccountRow]()

    def ask() -> None:
        together.wait()
        with unit_of_work(engine) as session:
            found.append(local_account(Work(session, services)))

    threads = [Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    opened.close()
    assert len(found) == 4
    assert len({(account.id, account.tenant_id) for account in found}) == 1


def test_password_can_be_set(installation: Installation) -> None:
    """At first nobody can sign in; with a password that was set one can, and earlier sessions are over."""
    account, passwords = made(installation), Passwords(installation.services.randomness.bytes)
    with installation.work() as work:
        token = start_session(work, account).token
    set_password(installation.services, account, PASSWORD)
    with installation.looking() as work:
        assert verified_account(work.session, passwords, LOGIN, PASSWORD).id == account.id
        assert caller_of_session(work.session, token, NOW) is None


def test_first_password_is_nobodys(installation: Installation) -> None:
    """Neither an empty password nor the login opens the account."""
    made(installation)
    passwords = Passwords(installation.services.randomness.bytes)
    for guess in ("", LOGIN, PASSWORD):
        with installation.looking() as work, pytest.raises(SecurityError):
            verified_account(work.session, passwords, LOGIN, guess)


def test_claimed_fact_stays(installation: Installation) -> None:
    """The first value of a claimed fact is everybody's answer."""
    with installation.work() as work:
        assert facts.claim_fact(work.session, "colour", "green") == "green"
        assert facts.claim_fact(work.session, "colour", "blue") == "green"
