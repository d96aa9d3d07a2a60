"""An installation with connections that are due, and a sync that stands in for the driver.

It claims and gives back as the driver does, in the same rows, and may be told to go wrong.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import text

from app.assemble import open_services
from app.clock import FixedClock, SystemRandomness
from app.services import Services, Whose, Work
from app.settings import Settings
from app.store import connections
from app.store.connections import ConnectionRow, ConnectionState, Health
from app.store.session import engine_of, reading, unit_of_work
from app.store.subjects import SubjectKind
from app.store.tables import METADATA
from app.usecases.create_subject import NewSubject, create_subject
from domain.errors import TryLaterError
from domain.place import place_from_text
from tests.app.usecases.installation import NOW

__all__ = ["Syncing", "syncing"]


@dataclass
class Syncing:
    """Connections, and what was pulled of them.

    Attributes:
        services: The installation.
        clock: Its time: every sync moves it by a second.
        whose: The subject of all connections.
        turns_count: How many turns a connection needs to be read to its end; one where it is not named.
        errors: What its next syncs raise, one after the other, after they gave the connection back.
        pulled: Connections in the order of their turns.
    """

    services: Services
    clock: FixedClock
    whose: Whose
    turns_count: Counter[str] = field(default_factory=Counter)
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    pulled: list[str] = field(default_factory=list)

    def connect(self, *names: str, next_at: datetime = NOW, state: ConnectionState = ConnectionState.ACTIVE) -> None:
        """Connections of these ids, due at an instant."""
        with unit_of_work(self.services.engine) as session:
            for name in names:
                row = ConnectionRow(
                    id=name,
                    tenant_id=self.whose.tenant_id,
                    subject_id=self.whose.subject_id,
                    connector="green-button",
                    state=state,
                    is_file=False,
                    cursor="",
                    sealed_tokens=None,
                    created_at=NOW,
                    next_at=next_at,
                )
                connections.add(session, row)

    def row(self, name: str) -> ConnectionRow:
        """A connection as it is now."""
        with reading(self.services.engine) as session:
            return connections.by_id(session, self.whose.tenant_id, name)

    def sync(self, services: Services, tenant_id: str, connection_id: str, **_turn: object) -> None:
        """One turn, as the driver takes it.

        Raises:
            TryLaterError: There is more to read, or another sync has the connection.
            Exception: As it was told.
        """
        self.clock.advance(1)
        now = self.clock.now()
        with unit_of_work(services.engine) as session:
            until = now + timedelta(minutes=3)
            row = connections.claim_run(session, tenant_id, connection_id, run_id="run", now=now, until=until)
        if row is None:
            raise TryLaterError(wait_s=15)
        self.pulled.append(connection_id)
        self.turns_count[connection_id] -= 1
        error = next(iter(self.errors.get(connection_id, [])), None)
        has_more = self.turns_count[connection_id] > 0
        next_at = now if has_more else now + timedelta(hours=24)
        if error is not None:
            self.errors[connection_id].pop(0)
            next_at = now + timedelta(seconds=60)
        with unit_of_work(services.engine) as session:
            connections.end_run(
                session,
                tenant_id,
                connection_id,
                run_id="run",
                health=Health.OK,
                said="",
                failure_count=row.failure_count + 1 if error else 0,
                next_at=next_at,
            )
        if error is not None:
            raise error
        if has_more:
            raise TryLaterError(wait_s=0)


@pytest.fixture(params=["sqlite", "postgresql"])
def syncing(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Syncing]:
    """An installation without connections, on the queue that its database has."""
    url = ""
    if request.param == "postgresql":
        url = request.getfixturevalue("queue_postgres_url")
        engine = engine_of(url)
        with engine.begin() as connection:
            for table in reversed(METADATA.sorted_tables):
                connection.execute(table.delete())
            connection.execute(text("TRUNCATE procrastinate_jobs, procrastinate_workers CASCADE"))
        engine.dispose()
    clock = FixedClock(NOW)
    settings = Settings(data_folder=tmp_path / "data", database_url=SecretStr(url))
    services = open_services(settings, clock=clock, randomness=SystemRandomness())
    home = place_from_text("10001", zone="America/New_York")
    with unit_of_work(services.engine) as session:
        new = NewSubject(SubjectKind.HOUSEHOLD, "Ada", home)
        whose = create_subject(Work(session, services), new, owner_account_id="")
    yield Syncing(services, clock, whose)
    services.engine.dispose()
