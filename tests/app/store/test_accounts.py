"""Accounts, sessions and API keys."""

from dataclasses import replace
from datetime import timedelta

import pytest

from app.store import accounts
from app.store.accounts import AccountRow, ApiKeyRow, SessionRow
from app.store.session import Engine, unit_of_work
from domain.errors import ConflictError
from tests.app.store.builders import NOW, Home

ACCOUNT = AccountRow("a1", "ada", "  Ada@Example.org ", "Ada", "$argon2id$...", "node-us", NOW)
SESSION = SessionRow(b"s" * 32, "ada", "a1", NOW, NOW + timedelta(hours=12), NOW)
API_KEY = ApiKeyRow("k1", "ada", "a1", "cf_test_abc", b"h" * 32, "read", NOW, None, None, None)


@pytest.fixture
def account(engine: Engine, home: Home) -> None:
    """The household's account."""
    with unit_of_work(engine) as session:
        accounts.add(session, ACCOUNT)


@pytest.mark.usefixtures("account")
def test_login_is_found_in_any_spelling(engine: Engine) -> None:
    """Capitals and outer space in a login do not matter."""
    with unit_of_work(engine) as session:
        found = accounts.by_login(session, "ADA@example.org\n")
        assert found == replace(ACCOUNT, login="ada@example.org")
        assert accounts.by_id(session, "ada", "a1") == found
        assert accounts.by_login(session, "bob@example.org") is None


@pytest.mark.usefixtures("account")
def test_login_is_taken_once(engine: Engine) -> None:
    """A second account with the same login is refused; the message does not repeat it."""
    again = replace(ACCOUNT, id="a2", login="ada@EXAMPLE.org")
    with unit_of_work(engine) as session, pytest.raises(ConflictError, match="This login is taken") as refusal:
        accounts.add(session, again)
    assert "example" not in str(refusal.value).lower()


@pytest.mark.usefixtures("account")
def test_password_hash_can_be_replaced(engine: Engine) -> None:
    """A new hash takes the place of the former one."""
    with unit_of_work(engine) as session:
        accounts.set_password_hash(session, "ada", "a1", "other")
        assert accounts.by_id(session, "ada", "a1").password_hash == "other"


@pytest.mark.usefixtures("account")
def test_session_lives_until_it_ends(engine: Engine) -> None:
    """A session is found until it expires or is ended."""
    with unit_of_work(engine) as session:
        accounts.add_session(session, SESSION)
        assert accounts.live_session(session, b"s" * 32, NOW + timedelta(hours=11)) == SESSION
        assert accounts.live_session(session, b"s" * 32, NOW + timedelta(hours=12)) is None
        assert accounts.live_session(session, b"x" * 32, NOW) is None
        accounts.end_session(session, b"s" * 32)
        assert accounts.live_session(session, b"s" * 32, NOW) is None


@pytest.mark.usefixtures("account")
def test_all_sessions_can_be_ended(engine: Engine) -> None:
    """Signing out everywhere ends every session of the account; expired ones are swept."""
    with unit_of_work(engine) as session:
        accounts.add_session(session, SESSION)
        accounts.end_expired_sessions(session, NOW)
        assert accounts.live_session(session, b"s" * 32, NOW) == SESSION
        accounts.end_sessions_of(session, "ada", "a1")
        assert accounts.live_session(session, b"s" * 32, NOW) is None
        accounts.add_session(session, SESSION)
        accounts.end_expired_sessions(session, NOW + timedelta(hours=12))
        assert accounts.live_session(session, b"s" * 32, NOW) is None


@pytest.mark.usefixtures("account")
def test_last_sight_is_written_once_a_minute(engine: Engine) -> None:
    """Requests within a minute do not write; the next one does."""
    with unit_of_work(engine) as session:
        accounts.add_session(session, SESSION)
        for after_s, seen_s in ((59, 0), (60, 60)):
            accounts.touch_session(session, SESSION, NOW + timedelta(seconds=after_s))
            found = accounts.live_session(session, b"s" * 32, NOW)
            assert found is not None
            assert found.last_seen_at == NOW + timedelta(seconds=seen_s)


@pytest.mark.usefixtures("account")
def test_api_key_lives_until_revoked_or_expired(engine: Engine) -> None:
    """A key is found by its prefix until it is revoked or its end has come."""
    ends = replace(
        API_KEY, id="k2", prefix="cf_test_def", expires_at=NOW + timedelta(days=1), created_at=NOW + timedelta(seconds=1)
    )
    with unit_of_work(engine) as session:
        accounts.add_api_key(session, API_KEY)
        accounts.add_api_key(session, ends)
        assert accounts.live_api_key(session, "cf_test_abc", NOW) == API_KEY
        assert accounts.live_api_key(session, "cf_test_def", NOW) == ends
        assert accounts.live_api_key(session, "cf_test_def", NOW + timedelta(days=1)) is None
        accounts.revoke_api_key(session, "ada", "k1", NOW)
        accounts.revoke_api_key(session, "ada", "k1", NOW + timedelta(days=1))
        assert accounts.live_api_key(session, "cf_test_abc", NOW) is None
        assert accounts.api_keys_of(session, "ada", "a1") == (ends, replace(API_KEY, revoked_at=NOW))


@pytest.mark.usefixtures("account")
def test_last_use_is_written_once_a_minute(engine: Engine) -> None:
    """The first use is written at once, the next one after a minute."""
    with unit_of_work(engine) as session:
        accounts.add_api_key(session, API_KEY)
        accounts.touch_api_key(session, API_KEY, NOW)
        used = replace(API_KEY, last_used_at=NOW)
        assert accounts.live_api_key(session, "cf_test_abc", NOW) == used
        accounts.touch_api_key(session, used, NOW + timedelta(seconds=59))
        assert accounts.live_api_key(session, "cf_test_abc", NOW) == used
