"""The demo's providers, up and known to an installation, and connections made with them through the real flow."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from app.clock import FixedClock, SystemRandomness
from app.demo.activities import household_lines
from app.demo.load_profile import business_profile, household_profile
from app.demo.providers.bank import Bank
from app.demo.providers.rows import BANK, CLIENT_ID, CONNECTOR_OF, WITH_CONSENT, our_registration, rows_of
from app.demo.providers.server import DemoProviders
from app.demo.providers.travel import Travel
from app.demo.providers.utility import Customer, Utility, seeded
from app.demo.providers.visitor import allow
from app.security.outbound import Outbound
from app.services import Services, Whose, Work
from app.store import connections
from app.store.connections import ConnectionRow
from app.store.session import reading, unit_of_work
from app.store.subjects import SubjectKind
from app.usecases.create_subject import NewSubject, create_subject
from app.usecases.finish_connection import finish_connection
from app.usecases.pull_connection import SyncReport, pull_connection
from app.usecases.redirects import own_redirect_uri
from app.usecases.register_provider import find_provider, register_provider
from app.usecases.sign_in import NewAccount, create_account
from app.usecases.start_connection import ask_provider, start_connection
from connectors import registry
from domain.place import place_from_text
from tests.app.usecases.installation import Installation

NOW = datetime(2026, 3, 10, 15, tzinfo=UTC)  # eight in the morning in San Francisco: yesterday is published
START = date(2025, 12, 1)
REDIRECT_URI = "http://localhost:8000/connect/callback"
SECRET = "demo-secret"
PACIFIC = ZoneInfo("America/Los_Angeles")


def utility(clock: FixedClock, *, start: date = START) -> Utility:
    """A utility with a household and an office."""
    customers = [
        Customer("household", "Household", "Meter 1", PACIFIC, start, seeded(household_profile, 1, PACIFIC)),
        Customer("office", "Office", "Meter 2", PACIFIC, start, seeded(business_profile, 2, PACIFIC), "Quarter-hourly"),
    ]
    return Utility(customers=customers, clock=clock, randomness=SystemRandomness())


@dataclass
class Scene:
    """An installation whose household can be connected.

    Attributes:
        installation: Where it is synced to.
        whose: The household.
        account_id: Who connects.
        providers: Those that listen.
        utility: One of them.
        bank: Another.
        travel: The third.
        http: Calls them.
    """

    installation: Installation
    whose: Whose
    account_id: str
    providers: DemoProviders
    utility: Utility
    bank: Bank
    travel: Travel
    http: Outbound

    @property
    def services(self) -> Services:
        """With the settings that allow the providers."""
        return self.installation.services

    def connect(
        self, provider: str, *, permissions: Sequence[str] | None = None, again: ConnectionRow | None = None
    ) -> ConnectionRow:
        """A connection, consented to on the provider's page; or one that is consented to again."""
        answer = allow(self.http.send, self.begin(provider, again), permissions=permissions)
        came_to = own_redirect_uri("", find_provider(CONNECTOR_OF[provider], provider)[1]).removeprefix("/")
        return finish_connection(self.services, answer, came_to=came_to, session_sha256=b"", send=self.http.send)

    def begin(self, provider: str, again: ConnectionRow | None = None) -> str:
        """The address of the consent page."""
        connector = CONNECTOR_OF[provider]
        send = self.http.send
        asked = ask_provider(
            self.services, self.whose, connector, provider, {}, redirect_uri=REDIRECT_URI, connection=again, send=send
        )
        with unit_of_work(self.services.engine) as session:
            return start_connection(
                Work(session, self.services),
                self.account_id,
                self.whose,
                connector,
                provider,
                {},
                redirect_uri=REDIRECT_URI,
                asked=asked,
                connection=again,
            ).redirect_url

    def sync(self, row: ConnectionRow) -> SyncReport:
        """One sync; time goes on by what it sleeps."""
        return pull_connection(self.services, row.tenant_id, row.id, http=self.http, sleep=self.installation.clock.advance)

    def row(self, row: ConnectionRow) -> ConnectionRow:
        """A connection as it stands."""
        with reading(self.services.engine) as session:
            return connections.by_id(session, row.tenant_id, row.id)


def household(installation: Installation) -> tuple[Whose, str]:
    """A household in San Francisco, and the account that owns it."""
    services = installation.services
    tenant_id = services.randomness.id()
    new = NewSubject(SubjectKind.HOUSEHOLD, "Ada", place_from_text("94110", zone="America/Los_Angeles"), member_count=3)
    with installation.work() as work:
        account = create_account(work, NewAccount("ada", "Ada", "correct horse battery staple", tenant_id))
        return create_subject(work, new, owner_account_id=account.id, tenant_id=tenant_id), account.id


@contextmanager
def scene(folder: Path, *, start: date = START) -> Iterator[Scene]:
    """The providers and an installation that knows them."""
    installation = Installation.open(folder, at=NOW)
    clock = installation.clock
    simulators = (
        utility(clock, start=start),
        Bank(lines=household_lines, start=start, clock=clock, randomness=SystemRandomness()),
        Travel(lines=household_lines, start=start, clock=clock, randomness=SystemRandomness()),
    )
    with DemoProviders(simulators) as providers:
        origins = tuple(providers.origins.values())
        services = installation.services
        settings = services.settings.model_copy(update={"allowed_local_origins": origins})
        installation.services = replace(services, settings=settings)
        registry.set_local_providers(rows_of(providers))
        try:
            for simulator in simulators:
                simulator.register(our_registration(SECRET, (REDIRECT_URI, f"{REDIRECT_URI}/{BANK}")))
            for provider in WITH_CONSENT:
                register_provider(installation.services, provider, CLIENT_ID, SECRET)
            whose, account_id = household(installation)
            http = Outbound(allowed_local_origins=origins)
            yield Scene(installation, whose, account_id, providers, *simulators, http)
            http.close()
        finally:
            registry.set_local_providers({})
            installation.close()
