"""What the worker forgets by the hour."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from app.assemble import open_desk
from app.jobs.worker import Worker
from app.store import idempotency
from app.store.idempotency import Answer, Request
from app.store.session import unit_of_work
from tests.app.usecases.installation import Installation

REQUEST = Request("t", "account", "key", "POST /v1/bills", b"h" * 32)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """An installation without any data."""
    made = Installation.open(tmp_path / "data")
    yield made
    made.close()


def answered(installation: Installation) -> bool:
    """Whether the reply to the key is still kept; asking leaves nothing behind."""
    with unit_of_work(installation.services.engine) as session:
        found = idempotency.begin(session, REQUEST, installation.clock.now())
        session.rollback()
    return found is not None


def test_replies_are_forgotten_after_their_hours(installation: Installation) -> None:
    """The reply to an Idempotency-Key is kept for the hours that are set, and gone at the first tidying after them."""
    desk = open_desk(installation.services)
    worker = Worker(installation.services, desk)
    with unit_of_work(installation.services.engine) as session:
        idempotency.begin(session, REQUEST, installation.clock.now())
        idempotency.finish(session, REQUEST, Answer(201, "{}", b"done"))
    kept = []
    for hours in (24, 1):
        installation.clock.advance(timedelta(hours=hours).total_seconds())
        worker._tidy()  # noqa: SLF001 - the scheduler calls it by the hour
        kept.append(answered(installation))
    desk.close()
    assert kept == [True, False]
