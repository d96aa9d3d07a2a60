"""What was set aside is read again by itself: once after each new parser version or factor set, and by a job where it is much."""

from dataclasses import dataclass, replace

import pytest

from app.jobs.bodies import bodies_of
from app.security.outbound import Outbound
from app.services import Services, Whose
from app.store import connections, quarantine
from app.usecases import retry_later
from app.usecases.pull_connection import pull_connection
from app.usecases.retry_held import Retried
from app.usecases.retry_later import enqueue_retries, retry_now_or_later
from connectors import registry
from connectors.base import Manifest
from domain.errors import ConflictError, NotFoundError
from domain.factor import FactorSetId
from tests.app.usecases.dialable import Dialable, PagedMeter, connect, provider_row
from tests.app.usecases.installation import Installation
from tests.app.usecases.test_retry_held import Lenient, provider

__all__ = ["provider"]


@dataclass(frozen=True)
class Newer(PagedMeter):
    """The same connector with another version, which reads no better."""

    @property
    def manifest(self) -> Manifest:
        """Another version."""
        return replace(super().manifest, parser_version="1.1")


@pytest.fixture
def pulled(installation: Installation, household: Whose, provider: Dialable) -> Installation:
    """An installation whose one connection has three things set aside, and that knows what it read them with."""
    connect(installation, household)
    http = Outbound(allowed_local_origins=[provider.origin])
    pull_connection(installation.services, household.tenant_id, "c1", http=http, sleep=installation.clock.advance)
    http.close()
    enqueue_retries(installation.services)
    work(installation.services)
    return installation


def work(services: Services) -> int:
    """Do the jobs that are due; how many."""
    return services.queue.run_due(bodies_of(services))


def held_count(installation: Installation, household: Whose) -> int:
    """How much is set aside."""
    with installation.looking() as looking:
        return quarantine.held_count(looking.session, household.tenant_id, "c1")


def test_nothing_is_asked_while_nothing_changed(pulled: Installation) -> None:
    """The round finds nothing to do, however often it runs."""
    assert [enqueue_retries(pulled.services) for _ in range(3)] == [0, 0, 0]


def test_new_parser_reads_again_once(
    pulled: Installation, household: Whose, provider: Dialable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A newer version of the connector is asked once, and releases what it can read."""
    monkeypatch.setitem(registry._OWN, "paged-meter", Lenient(provider_row(provider.origin)))  # noqa: SLF001 - as installed
    assert [enqueue_retries(pulled.services), enqueue_retries(pulled.services)] == [1, 0]
    assert work(pulled.services) == 1
    assert held_count(pulled, household) == 1


def test_new_factor_set_reads_again(pulled: Installation) -> None:
    """What another factor set may know is read again, too: a reason does not tell whose fault it was."""
    factors = replace(pulled.services.factor_set)
    object.__setattr__(factors, "id", FactorSetId(1, "ab" * 32))
    services = replace(pulled.services, factor_set=factors)
    assert [enqueue_retries(services), enqueue_retries(services)] == [1, 0]


def test_what_is_whole_is_left_alone(
    installation: Installation, household: Whose, provider: Dialable, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A connection of which nothing is set aside is not read again."""
    connect(installation, household)
    enqueue_retries(installation.services)
    monkeypatch.setitem(registry._OWN, "paged-meter", Newer(provider_row(provider.origin)))  # noqa: SLF001 - as installed
    assert enqueue_retries(installation.services) == 0


def test_little_is_read_at_once_and_much_by_a_job(
    pulled: Installation, household: Whose, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who presses the button sees what came of it; where there is much, a job does it, once however often it is pressed."""
    assert retry_now_or_later(pulled.services, household, "c1") == Retried(2, 0, 3)
    monkeypatch.setattr(retry_later, "AT_ONCE_COUNT", 1)
    assert [retry_now_or_later(pulled.services, household, "c1") for _ in range(2)] == [None, None]
    assert work(pulled.services) == 1


def test_foreign_and_ended_are_refused(pulled: Installation, household: Whose) -> None:
    """Another subject has no such connection; one that has ended is not read again."""
    with pytest.raises(NotFoundError, match="There is no such connection"):
        retry_now_or_later(pulled.services, Whose(household.tenant_id, "other"), "c1")
    with pulled.work() as work_now:
        connections.set_state(work_now.session, household.tenant_id, "c1", connections.ConnectionState.ENDED)
    with pytest.raises(ConflictError, match="This connection has ended"):
        retry_now_or_later(pulled.services, household, "c1")
