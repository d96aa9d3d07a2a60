"""Smartcar pulled over HTTP with consent: every car of the account, reading by reading, in both versions of the API."""

import http.client
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from app.clock import FixedClock, SeededRandomness
from app.demo.providers.oauth import Client, challenge_of
from app.demo.providers.server import DemoProviders
from app.demo.simulators.smartcar import ACCOUNT, SCOPES, SimulatedCar, Smartcar, digits
from connectors.base import Document, Get, Link, OAuth2, Post
from connectors.smartcar import SMARTCAR
from domain.declared import ActivityDocument, DeclaredActivity
from domain.errors import DocumentError, FormatChangedError, NeedsConsentError
from tests.connectors.octopus.driving import Driven, UnexpectedStatusError, drive

NOON = datetime(2024, 5, 1, 12, tzinfo=UTC)
BACK = "http://localhost:8000/callback"
V2 = {"counts": "distance"}
V3 = {"counts": "distance", "signals_url": "../v3/"}


def car(number: int, kind: str = "BEV", km: str = "1000.5") -> SimulatedCar:
    """A car that told its odometer at noon of the first of May."""
    return SimulatedCar(f"car-{number}", "TESLA", f"Model {number}", 2020, kind, km, NOON)


class Garage:
    """Simulated cars that are pulled from, sync by sync."""

    def __init__(self, *cars: SimulatedCar) -> None:
        self.clock = FixedClock(NOON)
        self.smartcar = Smartcar(cars, clock=self.clock, randomness=SeededRandomness("garage"))
        self.providers = DemoProviders([self.smartcar]).start()
        self.smartcar.register(Client("climate-fitness", "secret", "Climate Fitness", (BACK,)))
        self.cursor: str | None = None
        self.token = ""
        self.scopes: tuple[str, ...] = ()

    def consent(self, *scopes: str) -> None:
        """Walk the consent page as a person does, leaving these ticked."""
        self.scopes, verifier = scopes, "v" * 64
        asked = {
            "response_type": "code",
            "client_id": "climate-fitness",
            "redirect_uri": BACK,
            "scope": " ".join(SCOPES),
            "state": "s",
            "code_challenge": challenge_of(verifier),
            "code_challenge_method": "S256",
        }
        page = self._call("GET", f"/oauth/authorize?{urlencode(asked)}").body.decode()
        ticket = re.search(r'name="ticket" value="([^"]+)"', page)
        assert ticket
        form = [("ticket", ticket[1]), ("account", ACCOUNT), ("decision", "allow"), *(("allow", one) for one in scopes)]
        code = parse_qs(urlsplit(self._call("POST", "/oauth/authorize", form).headers["location"]).query)["code"][0]
        client = [("client_id", "climate-fitness"), ("client_secret", "secret"), ("code_verifier", verifier)]
        grant = [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", BACK)]
        self.token = json.loads(self._call("POST", "/oauth/token", [*client, *grant]).body)["access_token"]

    def _call(self, method: str, path: str, form: list[tuple[str, str]] | None = None) -> Document:
        connection = http.client.HTTPConnection(urlsplit(self.providers.origins["smartcar"]).netloc, timeout=10)
        connection.request(method, path, urlencode(form) if form else None)
        reply = connection.getresponse()
        headers = {name.lower(): value for name, value in reply.getheaders()}
        answer = Document(reply.read(), path, headers, reply.status)
        connection.close()
        return answer

    def sync(self, quirks: Link, **answers: str) -> Driven:
        """One pull."""
        link = {"base_url": self.providers.origins["smartcar"] + "/v2.0/", **quirks, **answers}
        done = drive(SMARTCAR.pull, link, self.cursor, {"authorization": f"Bearer {self.token}"})
        self.cursor = done.cursor
        return done

    def tomorrow(self) -> datetime:
        """A day later, with an access token that holds."""
        self.clock.advance(timedelta(days=1).total_seconds())
        self.consent(*self.scopes)
        return self.clock.now()


@pytest.fixture
def garages() -> Iterator[list[Garage]]:
    """Garages of a test; their servers stop with it."""
    made: list[Garage] = []
    yield made
    for one in made:
        one.providers.stop()


def garage(garages: list[Garage], *cars: SimulatedCar, scopes: tuple[str, ...] = SCOPES) -> Garage:
    """A new garage whose owner has consented."""
    garages.append(Garage(*cars))
    garages[-1].consent(*scopes)
    return garages[-1]


def activities(done: Driven) -> list[DeclaredActivity]:
    """Everything that a pull brought."""
    documents = [batch.document for batch in done.batches]
    assert all(isinstance(one, ActivityDocument) for one in documents)
    return [found for one in documents if isinstance(one, ActivityDocument) for found in one.activities]


def reasons(done: Driven) -> list[str]:
    """Everything that a pull refused."""
    return [refusal.sentence() for batch in done.batches for refusal in batch.document.refused]


@pytest.mark.parametrize("quirks", [V2, V3], ids=["version 2", "version 3"])
def test_two_pulls_make_a_distance(garages: list[Garage], quirks: Link) -> None:
    """The first one remembers, the second one counts, in kilometres because they are asked for."""
    one = garage(garages, car(1))
    assert activities(one.sync(quirks, powertrain="electric")) == []
    one.smartcar.cars["car-1"].tell("1040.75", at=one.tomorrow())
    (found,) = activities(one.sync(quirks, powertrain="electric"))
    assert (found.kind, found.quantity_micro, found.attributes) == ("car", 40_250_000, (("powertrain", "electric"),))


@pytest.mark.parametrize("quirks", [V2, V3], ids=["version 2", "version 3"])
def test_parse_alone_says_the_same(garages: list[Garage], quirks: Link) -> None:
    """Every answer reads the same from its bytes, years later: the earlier reading stands before it."""
    one = garage(garages, car(1), car(2, "ICE"))
    one.sync(quirks)
    for simulated in one.smartcar.cars.values():
        simulated.tell("1100", at=NOON + timedelta(days=1))
    done = one.sync(quirks)
    assert len(done.batches) == 2
    for batch in done.batches:
        assert batch.source is not None
        assert SMARTCAR.parse(batch.source.body) == batch.document
        assert isinstance(batch.document, ActivityDocument)
        assert len(batch.document.activities) == 1


def test_metric_units_are_asked_for(garages: list[Garage]) -> None:
    """Every request for a car says so: the default is miles."""
    one = garage(garages, car(1))
    one.sync(V2)
    one.sync(V3)
    asked = [request for request in one.smartcar.asked if request.path.endswith(("batch", "signals"))]
    assert [request.headers["sc-unit-system"] for request in asked] == ["metric", "metric"]


@pytest.mark.parametrize("quirks", [V2, V3], ids=["version 2", "version 3"])
def test_miles_in_spite_of_it(garages: list[Garage], quirks: Link) -> None:
    """A provider that answers in miles all the same is read in miles: the unit is in the answer."""
    one = garage(garages, car(1, km="0"))
    one.sync(quirks)
    one.smartcar.is_always_imperial = True
    one.smartcar.cars["car-1"].tell("160.9344", at=one.tomorrow())
    (found,) = activities(one.sync(quirks))
    assert found.quantity_micro == 160_934_400


@pytest.mark.parametrize("quirks", [V2, V3], ids=["version 2", "version 3"])
def test_no_unit_no_distance(garages: list[Garage], quirks: Link) -> None:
    """Where the answer does not say its unit nothing is assumed, and what was remembered stays."""
    one = garage(garages, car(1))
    one.sync(quirks)
    before = one.cursor
    one.smartcar.is_silent_about_units = True
    one.smartcar.cars["car-1"].tell("1100", at=one.tomorrow())
    assert "unit of this odometer is not known" in reasons(one.sync(quirks))[0]
    assert one.cursor == before


def test_several_cars_on_small_pages(garages: list[Garage]) -> None:
    """Every car has its own reading before; the list comes in pages."""
    one = garage(garages, *(car(number, km=str(number * 100)) for number in range(7)))
    one.smartcar.largest_page_count = 3
    first = one.sync(V3)
    assert [request.params for request in first.requests if isinstance(request, Get) and request.url == "vehicles"] == [
        {"limit": "50", "offset": "0"},
        {"limit": "50", "offset": "3"},
        {"limit": "50", "offset": "6"},
    ]
    at = one.tomorrow()
    for number, simulated in enumerate(one.smartcar.cars.values()):
        simulated.tell(str(number * 100 + number), at=at)
    assert [found.quantity_micro for found in activities(one.sync(V3))] == [number * 1_000_000 for number in range(1, 7)]


def test_a_car_that_sleeps_is_no_news(garages: list[Garage]) -> None:
    """The same reading a day later: nothing is counted, and the distance waits."""
    one = garage(garages, car(1))
    one.sync(V3)
    one.tomorrow()
    assert activities(one.sync(V3)) == []
    one.smartcar.cars["car-1"].tell("1050.5", at=one.tomorrow())
    (found,) = activities(one.sync(V3))
    assert (found.start_date.isoformat(), found.end_date.isoformat(), found.quantity_micro) == (
        "2024-05-01",
        "2024-05-03",
        50_000_000,
    )


def test_a_replaced_odometer(garages: list[Garage]) -> None:
    """The fall is refused; the new odometer's own distance counts from the next reading on."""
    one = garage(garages, car(1, km="50000"))
    one.sync(V3)
    refused: list[str] = []
    counted: list[int] = []
    for km in ("3", "43", "63"):
        one.smartcar.cars["car-1"].tell(km, at=one.tomorrow())
        done = one.sync(V3)
        refused += reasons(done)
        counted += [found.quantity_micro for found in activities(done)]
    assert counted == [40_000_000, 20_000_000]
    assert ["shows less than before; expected at least 50000.0 km" in one for one in refused] == [True]


@pytest.mark.parametrize("quirks", [V2, V3], ids=["version 2", "version 3"])
def test_one_car_that_cannot_tell_stops_no_other(garages: list[Garage], quirks: Link) -> None:
    """Its reason is said; the others are read."""
    one = garage(garages, car(1), car(2))
    one.sync(quirks)
    at = one.tomorrow()
    for simulated in one.smartcar.cars.values():
        simulated.tell("1001.5", at=at)
    one.smartcar.cars["car-1"].error = ("COMPATIBILITY", "VEHICLE_NOT_CAPABLE")
    done = one.sync(quirks)
    assert [found.record_key.partition("/")[0] for found in activities(done)] == ["car-2"]
    assert "COMPATIBILITY VEHICLE_NOT_CAPABLE" in reasons(done)[0]


@pytest.mark.parametrize("quirks", [V2, V3], ids=["version 2", "version 3"])
def test_a_consent_in_parts(garages: list[Garage], quirks: Link) -> None:
    """Who leaves the odometer out is told what to do."""
    one = garage(garages, car(1), scopes=("read_vehicle_info",))
    assert "Connect the car again and allow the odometer." in reasons(one.sync(quirks))[0]


def test_a_car_that_was_disconnected(garages: list[Garage]) -> None:
    """404 for one car is passed over; what is remembered of it stays."""
    one = garage(garages, car(1), car(2))
    one.sync(V3)
    ids = list(one.smartcar.cars)
    gone = one.smartcar.cars.pop("car-1")
    pulling = SMARTCAR.pull
    assert pulling is not None
    generator = pulling({**V3, "base_url": ""}, one.cursor)
    next(generator)
    listed = Document(json.dumps({"vehicles": ids, "paging": {"count": 2, "offset": 0}}).encode(), "vehicles")
    asked = generator.send(listed)
    assert isinstance(asked, Get)
    assert asked.url == "../v3/vehicles/car-1/signals"
    following = generator.send(Document(b"{}", asked.url, status=404))
    assert isinstance(following, Get)
    assert following.url == "../v3/vehicles/car-2/signals"
    assert gone.vehicle_id in (one.cursor or "")


def test_charging_elsewhere(garages: list[Garage]) -> None:
    """Where charging is counted, an electric car brings public sessions and no kilometres; again they are the same records."""
    times = {"startTime": "2024-05-01T08:00:00Z", "endTime": "2024-05-01T08:40:00Z"}
    home = {"id": "C1", **times, "energyAdded": digits("11.5"), "isPublicCharger": False, "location": {"address": "Home"}}
    public = {"id": "C2", **times, "energyAdded": digits("31.25"), "isPublicCharger": True}
    one = garage(garages, car(1))
    one.smartcar.cars["car-1"].charges = [home, public]
    counted = V3 | {"counts": "charging"}
    (found,) = activities(one.sync(counted))
    assert (found.kind, found.quantity_micro, found.record_key) == ("electricity", 31_250_000, "car-1/charge/C2")
    one.smartcar.cars["car-1"].tell("2000", at=one.tomorrow())
    assert activities(one.sync(counted)) == [found]


def test_another_schema_is_said(garages: list[Garage]) -> None:
    """A list of cars of another shape is a change of format; the next pull goes on."""
    one = garage(garages, car(1))
    one.smartcar.quirks.changed_format_count = 1
    with pytest.raises(FormatChangedError, match="no longer lists cars"):
        one.sync(V3)
    one.sync(V3)


@pytest.mark.parametrize("vehicles", [{"vehicles": ["../user"]}, {"vehicles": "all"}, {"vehicles": [1]}, {}, []])
def test_what_is_no_list_of_cars(vehicles: object) -> None:
    """An id that would be a path, or no list at all, is asked nothing about."""
    pulling = SMARTCAR.pull
    assert pulling is not None
    generator = pulling({"base_url": "", **V3}, None)
    next(generator)
    with pytest.raises((FormatChangedError, DocumentError)):
        generator.send(Document(json.dumps(vehicles).encode(), "vehicles"))


def test_a_list_of_cars_without_end() -> None:
    """New cars on every page: after a thousand it is a fault; the same page again is the end."""
    pulling = SMARTCAR.pull
    assert pulling is not None
    generator = pulling({"base_url": "", **V3}, None)
    next(generator)
    with pytest.raises(FormatChangedError, match="list of cars does not end"):  # noqa: PT012 - it is the pages that do not end
        for page in range(1_000):
            ids = [f"car-{page}-{number}" for number in range(50)]
            generator.send(Document(json.dumps({"vehicles": ids}).encode(), "vehicles"))


def test_a_time_zone_that_there_is_none_of(garages: list[Garage]) -> None:
    """The person is asked again; it is no fault of the provider."""
    one = garage(garages, car(1))
    with pytest.raises(NeedsConsentError, match="name the time zone"):
        one.sync(V3, zone="Europe/Londn")


@pytest.mark.parametrize(
    ("dial", "status"),
    [("too_many_count", 429), ("web_page_count", 403), ("unauthorized_count", 401), ("unavailable_count", 503)],
)
def test_what_is_the_drivers_business(garages: list[Garage], dial: str, status: int) -> None:
    """The simulator refuses as the API does, and the connector wants to see none of it."""
    one = garage(garages, car(1))
    setattr(one.smartcar.quirks, dial, 1)
    with pytest.raises(UnexpectedStatusError, match=f"{status},"):
        one.sync(V3)
    one.sync(V3)


def test_access_ends_after_two_hours(garages: list[Garage]) -> None:
    """The simulator's tokens live as long as Smartcar's."""
    one = garage(garages, car(1))
    one.sync(V3)
    one.clock.advance(2 * 3_600 + 1)
    with pytest.raises(UnexpectedStatusError, match="401,"):
        one.sync(V3)


def test_version_2_asks_in_one_batch(garages: list[Garage]) -> None:
    """Attributes and odometer come together: only a batch says unit and time in its body, which is what is kept."""
    one = garage(garages, car(1))
    (_, asked) = one.sync(V2).requests
    assert isinstance(asked, Post)
    assert asked.json == {"requests": [{"path": "/"}, {"path": "/odometer"}]}


def test_manifest_keeps_the_contract() -> None:
    """Each row asks for no more than it counts, and needs a registration."""
    manifest = SMARTCAR.manifest
    assert manifest.availability() == "needs registration with the provider, about 2 days"
    scopes = {row.provider_id: row.auth.scope for row in manifest.providers if isinstance(row.auth, OAuth2)}
    assert scopes["smartcar"] == "read_vehicle_info read_odometer"
    assert "read_charge_records" in scopes["smartcar-charging"]
