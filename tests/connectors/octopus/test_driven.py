"""Octopus Energy through the whole program: the driver, the archive and the store, on good days and bad ones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.demo.providers.server import DemoProviders
from app.demo.simulators.octopus import HALF_HOUR_S, Octopus, SimulatedMeter, half_hours
from app.security.outbound import Outbound
from app.services import Whose
from app.store import activities, connections, documents, quarantine
from app.store.connections import Health
from app.usecases.connection_secrets import Tokens
from app.usecases.keep_original import fetch_original
from app.usecases.pull_connection import SyncReport, pull_connection
from connectors import registry
from connectors.base import ApiKey, KeyPlace, Provider
from connectors.octopus import OCTOPUS
from domain.errors import TryLaterError
from domain.period import MonthRange
from tests.app.usecases.conftest import household, installation
from tests.app.usecases.dialable import connect
from tests.app.usecases.installation import Installation

__all__ = ["household", "installation"]

KEY = "sk_live_demo"
LAST = datetime(2025, 6, 14, 23, tzinfo=UTC)  # midnight in London, half a day before the installation's now
ANSWERS = {"account": "A-1234ABCD", "gas_unit": "m3", "gas_kwh_serials": ""}


class Home:
    """A household whose meters are at the simulator."""

    def __init__(self, installation: Installation, whose: Whose, *, key: str = KEY) -> None:
        since = LAST - timedelta(days=120)
        self.meter = SimulatedMeter("electricity", "1200000345678", "E1", half_hours(since, LAST, lambda _: "0.125"))
        self.gas = SimulatedMeter("gas", "3000123405", "G1", half_hours(since, LAST, lambda _: "0.05"))
        self.export = SimulatedMeter(
            "electricity", "1200000999999", "E1", half_hours(since, LAST, lambda _: "0.01"), is_export=True
        )
        self.octopus = Octopus("A-1234ABCD", KEY, [[self.meter, self.export, self.gas]])
        self.providers = DemoProviders([self.octopus]).start()
        origin = self.providers.origins["octopus"]
        row = Provider(
            "octopus-demo",
            "Demo Octopus",
            origin + "/v1/",
            ApiKey(KeyPlace.BASIC_USER),
            countries=frozenset({"GB"}),
            requests_per_s=1000.0,
        )
        registry.set_local_providers({"octopus": [row]})
        self.http = Outbound(allowed_local_origins=[origin])
        self.installation, self.whose = installation, whose
        connect(installation, whose, tokens=Tokens(key), connector="octopus", provider="octopus-demo", link=ANSWERS)

    def close(self) -> None:
        """Let go of everything."""
        self.http.close()
        self.providers.stop()
        registry.set_local_providers({})

    def sync(self) -> SyncReport:
        """One sync."""
        clock = self.installation.clock
        return pull_connection(self.installation.services, self.whose.tenant_id, "c1", http=self.http, sleep=clock.advance)

    def sums(self, months: str) -> dict[tuple[str, str], int]:
        """Millionths by kind and unit."""
        with self.installation.looking() as work:
            found = activities.monthly_sums(
                work.session, self.whose.tenant_id, self.whose.subject_id, MonthRange.from_text(months)
            )
        return {(one.kind, one.unit): one.quantity_micro for one in found}


@pytest.fixture
def home(installation: Installation, household: Whose) -> Iterator[Home]:
    """A household with meters."""
    made = Home(installation, household)
    yield made
    made.close()


def test_a_year_comes_in_and_counts(home: Home) -> None:
    """Electricity, export and gas of British days, in their units, with the originals that say the same again."""
    report = home.sync()
    assert (report.health, report.error_code, report.refused_count) == (Health.OK, "", 0)
    assert home.sums("2025-05") == {
        ("electricity", "kWh"): 31 * 48 * 125_000,
        ("electricity_export", "kWh"): 31 * 48 * 10_000,
        ("natural_gas", "m3"): 31 * 48 * 50_000,
    }
    assert home.sums("2025-03")["electricity", "kWh"] == (31 * 48 - 2) * 125_000  # the night with 46 half hours
    with home.installation.looking() as work:
        points = connections.usage_points_of(work.session, home.whose.tenant_id, "c1")
        kept = documents.of_subject(work.session, home.whose.tenant_id, home.whose.subject_id)
        read = [OCTOPUS.parse(fetch_original(work, one)) for one in kept]
    assert {(one.name, one.region, one.zone) for one in points} == {
        (name, "GB", "Europe/London") for name in ("1200000345678/E1", "1200000999999/E1", "3000123405/G1")
    }
    assert sum(len(one.series[0].values) for one in read) == 3 * 120 * 48


def test_a_correction_replaces_what_was_known(home: Home) -> None:
    """A half hour that is corrected within ten days changes its day, and nothing is counted twice."""
    home.sync()
    before = home.sums("2025-06")["electricity", "kWh"]
    home.meter.correct(int(LAST.timestamp()) - 5 * 86_400, "1.125")
    report = home.sync()
    assert (report.new_count, report.changed_count) == (0, 1)
    assert home.sums("2025-06")["electricity", "kWh"] == before + 1_000_000


def test_one_bad_reading_is_set_aside(home: Home) -> None:
    """It is kept with its reason, the others count, and the connection is well."""
    home.meter.correct(int(LAST.timestamp()) - HALF_HOUR_S, "NaN")
    report = home.sync()
    assert (report.health, report.refused_count) == (Health.OK, 1)
    with home.installation.looking() as work:
        (held,) = quarantine.of_connection(work.session, home.whose.tenant_id, "c1")
    assert "reading" in held.record
    assert home.sums("2025-06")["electricity", "kWh"] == (14 * 48 - 1) * 125_000


def test_a_web_page_does_not_drop_the_key(home: Home) -> None:
    """403 with a page is the edge's: later, and the key is asked with again."""
    home.octopus.quirks.web_page_count = 1
    with pytest.raises(TryLaterError):
        home.sync()
    assert home.sync().health is Health.OK


def test_too_many_requests_wait(home: Home) -> None:
    """429 with a second is waited for in place."""
    home.octopus.quirks.too_many_count = 2
    assert home.sync().health is Health.OK


def test_a_key_that_ended_is_asked_for(home: Home) -> None:
    """401 for a key: the person is asked, and nothing that is known is lost."""
    home.sync()
    home.octopus.quirks.is_revoked = True
    assert home.sync().health is Health.NEEDS_CONSENT
    assert home.sums("2025-05")["electricity", "kWh"]


def test_another_schema_keeps_everything(home: Home) -> None:
    """A format that changed is said, and the next good answer goes on."""
    home.sync()
    home.octopus.quirks.changed_format_count = 1
    assert home.sync().health is Health.FORMAT_CHANGED
    home.meter.readings |= half_hours(LAST, LAST + timedelta(hours=6), lambda _: "0.125")
    report = home.sync()
    assert (report.health, report.new_count) == (Health.OK, 1)


def test_small_pages_in_their_own_order(home: Home) -> None:
    """Pages of 700, newest first, that overlap: the same sums."""
    home.octopus.largest_page_count, home.octopus.is_newest_first, home.octopus.is_repeating = 700, True, True
    assert home.sync().health is Health.OK
    assert home.sums("2025-05")["natural_gas", "m3"] == 31 * 48 * 50_000
    assert home.sums("2025-02")["electricity", "kWh"] == (14 * 48 + 2) * 125_000
