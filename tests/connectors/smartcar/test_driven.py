"""Smartcar through the whole program: the driver, the archive and the store."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from app.demo.simulators.smartcar import SimulatedCar
from app.security.outbound import Outbound
from app.services import Whose
from app.store import activities, documents
from app.store.connections import Health
from app.usecases.connection_secrets import Tokens
from app.usecases.keep_original import fetch_original
from app.usecases.pull_connection import SyncReport, pull_connection
from connectors import registry
from connectors.base import OAuth2, Provider
from connectors.smartcar import SMARTCAR
from domain.period import MonthRange
from tests.app.usecases.conftest import household, installation
from tests.app.usecases.dialable import connect
from tests.app.usecases.installation import Installation
from tests.connectors.smartcar.test_pull import Garage

__all__ = ["household", "installation"]

FIRST = datetime(2025, 6, 10, 6, tzinfo=UTC)


class Drive:
    """A household whose cars are at the simulator."""

    def __init__(self, installation: Installation, whose: Whose) -> None:
        self.electric = SimulatedCar("car-1", "TESLA", "Model 3", 2020, "BEV", "1000.5", FIRST)
        self.diesel = SimulatedCar("car-2", "OPEL", "Corsa", 2019, "ICE", "70000", FIRST)
        self.garage = Garage(self.electric, self.diesel)
        self.garage.consent("read_vehicle_info", "read_odometer")
        origin = self.garage.providers.origins["smartcar"]
        row = Provider(
            "smartcar-demo",
            "Demo cars",
            origin + "/v2.0/",
            OAuth2(f"{origin}/oauth/authorize", f"{origin}/oauth/token", "read_vehicle_info read_odometer"),
            requests_per_s=1000.0,
            quirks={"counts": "distance", "signals_url": f"{origin}/v3/"},
        )
        registry.set_local_providers({"smartcar": [row]})
        self.http = Outbound(allowed_local_origins=[origin])
        self.installation, self.whose = installation, whose
        tokens, link = Tokens(self.garage.token), {"powertrain": "diesel"}
        connect(installation, whose, tokens=tokens, connector="smartcar", provider="smartcar-demo", link=link)

    def close(self) -> None:
        """Let go of everything."""
        self.http.close()
        self.garage.providers.stop()
        registry.set_local_providers({})

    def sync(self) -> SyncReport:
        """One sync."""
        clock = self.installation.clock
        return pull_connection(self.installation.services, self.whose.tenant_id, "c1", http=self.http, sleep=clock.advance)


@pytest.fixture
def driven(installation: Installation, household: Whose) -> Iterator[Drive]:
    """A household with cars."""
    made = Drive(installation, household)
    yield made
    made.close()


def test_kilometres_come_in_and_count(driven: Drive) -> None:
    """The second reading brings a distance of each car, with the power train that is known of it; the originals say the same."""
    assert (driven.sync().new_count, driven.sync().new_count) == (0, 0)
    driven.electric.tell("1040.75", at=FIRST + timedelta(days=2))
    driven.diesel.tell("70100", at=FIRST + timedelta(days=2))
    report = driven.sync()
    assert (report.health, report.new_count, report.refused_count) == (Health.OK, 2, 0)
    with driven.installation.looking() as work:
        months = MonthRange.from_text("2025-06")
        (total,) = activities.monthly_sums(work.session, driven.whose.tenant_id, driven.whose.subject_id, months)
        kept = documents.of_subject(work.session, driven.whose.tenant_id, driven.whose.subject_id)
        read = [SMARTCAR.parse(fetch_original(work, one)) for one in kept]
    assert (total.kind, total.unit, total.quantity_micro) == ("car", "km", 140_250_000)
    found = [one for document in read for one in document.activities]
    assert {(one.quantity_micro, one.attributes) for one in found} == {
        (40_250_000, (("powertrain", "electric"),)),
        (100_000_000, (("powertrain", "diesel"),)),
    }


def test_a_car_that_cannot_tell_is_said(driven: Drive) -> None:
    """Its reason is set aside; the connection is well, and the other car counts."""
    driven.sync()
    driven.electric.error = ("COMPATIBILITY", "VEHICLE_NOT_CAPABLE")
    driven.diesel.tell("70100", at=FIRST + timedelta(days=2))
    report = driven.sync()
    assert (report.health, report.new_count, report.refused_count) == (Health.OK, 1, 1)
