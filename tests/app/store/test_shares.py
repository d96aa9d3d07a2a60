"""Share links hold until they end."""

from dataclasses import replace
from datetime import timedelta

from app.store import shares
from app.store.session import Engine, unit_of_work
from app.store.shares import ShareLinkRow
from tests.app.store.builders import NOW, Home
from tests.app.store.chain import make_statement


def test_link_holds_until_revoked_or_expired(engine: Engine, home: Home) -> None:
    """A link leads to its statement until its time is over or all are withdrawn; the list keeps them, the newest first."""
    link = ShareLinkRow(b"t" * 32, "ada", "s1", NOW, NOW + timedelta(days=7))
    later = ShareLinkRow(b"u" * 32, "ada", "s1", NOW + timedelta(days=1), NOW + timedelta(days=7))
    with unit_of_work(engine) as session:
        make_statement(session, home)
        shares.add(session, link)
        assert shares.live(session, b"t" * 32, NOW) == link
        assert shares.live(session, b"t" * 32, NOW + timedelta(days=7)) is None
        assert shares.live(session, b"x" * 32, NOW) is None
        shares.revoke_all(session, "bob", "s1", NOW)
        assert shares.live(session, b"t" * 32, NOW) == link
        shares.revoke_all(session, "ada", "s1", NOW)
        shares.add(session, later)
        shares.revoke_all(session, "ada", "s1", later.created_at)
        assert shares.live(session, b"t" * 32, NOW) is None
        assert shares.live(session, b"u" * 32, later.created_at) is None
        withdrawn = (replace(later, revoked_at=later.created_at), replace(link, revoked_at=NOW))
        assert shares.of_statement(session, "ada", "s1") == withdrawn
        assert shares.of_statement(session, "bob", "s1") == ()
