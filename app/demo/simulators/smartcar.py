"""Smartcar as its API answers: cars behind OAuth 2, their odometer and charging sessions, in the shapes of versions 2 and 3.

    car = SimulatedCar("36ab27d0-fd9d-4455-823a-ce30af709ffc", "TESLA", "Model 3", 2020, "BEV")
    car.tell("20140.7", at=datetime(2024, 5, 3, 6, 10, tzinfo=UTC))
    smartcar = Smartcar([car], clock=clock, randomness=randomness)
    with DemoProviders([smartcar]) as providers:
        smartcar.register(Client("climate-fitness", "secret", "Climate Fitness", (redirect_uri,)))

Consent is asked for as `app.demo.providers.oauth` describes it; access tokens live two hours. Then

    GET /v2.0/vehicles?limit=10&offset=0        {"vehicles": ["36ab..."], "paging": {"count": 1, "offset": 0}}
    POST /v2.0/vehicles/36ab.../batch           {"requests": [{"path": "/"}, {"path": "/odometer"}]}
    GET /v3/vehicles/36ab.../signals            {"data": [{"attributes": {"code": "odometer-traveleddistance", ...}}], ...}

- Version 2 gives miles unless `sc-unit-system: metric` is asked for; unit and time of a value stand in its headers, which a batch
  repeats in its body. It does not know what drives a car.
- Version 3 gives kilometres, with the unit in the value, and says what drives the car. Charging sessions are in it.
- A signal or path that a car cannot or may not tell is an error of its own beside the others: `car.error = ("COMPATIBILITY",
  "VEHICLE_NOT_CAPABLE")`.

Dials besides those of `quirks`: `is_always_imperial` ignores the header, `is_silent_about_units` says none.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from threading import RLock
from typing import Any

from app.clock import Clock, Randomness
from app.demo.providers.oauth import Client, ConsentDesk
from app.demo.providers.pages import Choice
from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Reply, Request, disturbed, json_reply, not_found, trouble, unauthorized
from domain.number import fraction_to_text
from domain.units import UNITS

SCOPES = ("read_vehicle_info", "read_odometer", "read_charge", "read_charge_records")
"""What can be consented to."""

ACCESS_LIFETIME_S = 2 * 3_600
"""As Smartcar's."""

ACCOUNT = "driver"
"""The one account."""

_TITLES = {
    "read_vehicle_info": ("Make, model and year", ""),
    "read_odometer": ("Odometer", "How far the car has driven"),
    "read_charge": ("Charging", "Whether it charges"),
    "read_charge_records": ("Charging sessions", "Where and how much it charged"),
}


def digits(text: str) -> str:
    """What stands in an answer as a number with these very digits."""
    return f"digits:{text}"


@dataclass(slots=True)
class SimulatedCar:
    """One car.

    Attributes:
        vehicle_id: Smartcar's id.
        make: Maker.
        model: Model.
        year: Model year.
        powertrain_type: "BEV", "PHEV", "HEV", "ICE".
        km: Digits of the odometer, kilometres.
        told_at: When it told them.
        charges: Charging sessions as version 3 lists them, amounts by `digits`.
        error: Type and code of what keeps it from telling; empty where nothing does.
    """

    vehicle_id: str
    make: str
    model: str
    year: int
    powertrain_type: str
    km: str = "0"
    told_at: datetime = datetime(2024, 1, 1, tzinfo=UTC)
    charges: list[dict[str, Any]] = field(default_factory=list)
    error: tuple[str, str] = ("", "")

    def tell(self, km: str, *, at: datetime) -> None:
        """Have the car report its odometer.

        Args:
            km: Digits, kilometres.
            at: When.
        """
        self.km, self.told_at = km, at


class Smartcar:
    """The simulator.

    Args:
        cars: Those of the account.
        clock: Tells the time.
        randomness: Makes tokens.
        name: Its name among the demo's providers.
    """

    def __init__(self, cars: Sequence[SimulatedCar], *, clock: Clock, randomness: Randomness, name: str = "smartcar") -> None:
        self.name, self.cars = name, {car.vehicle_id: car for car in cars}
        self.quirks = Quirks(access_lifetime_s=ACCESS_LIFETIME_S)
        self.lock = RLock()
        self.book: dict[str, Any] = {}
        self.is_always_imperial = False
        self.is_silent_about_units = False
        self.largest_page_count = 50
        self.asked: list[Request] = []
        self.consents = ConsentDesk(
            title="Demo cars",
            accounts=[Choice(ACCOUNT, "Demo driver")],
            permissions=[Choice(one, *_TITLES[one]) for one in SCOPES],
            scope_of=lambda asked, chosen: " ".join(one for one in asked.split() if one in chosen),
            clock=clock,
            randomness=randomness,
            quirks=self.quirks,
            book=self.book,
        )

    @property
    def origin(self) -> str:
        """Where it listens."""
        return self.consents.origin

    @origin.setter
    def origin(self, origin: str) -> None:
        self.consents.origin = origin

    def register(self, client: Client) -> None:
        """Admit a client."""
        self.consents.register(client)

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        consent = self.consents.answer(request)
        if consent is not None:
            return consent
        self.asked.append(request)
        grant = self.consents.grant_of(request)
        if grant is None:
            return unauthorized()
        return trouble(self.quirks) or disturbed(self._data(request, grant.scope), self.quirks)

    def _data(self, request: Request, scope: str) -> Reply:
        match request.path.strip("/").split("/"):
            case ["v2.0", "vehicles"]:
                return self._vehicles(request)
            case ["v2.0", "vehicles", vehicle_id, "batch"] if request.method == "POST" and vehicle_id in self.cars:
                return self._batch(self.cars[vehicle_id], request, scope)
            case ["v3", "vehicles", vehicle_id, "signals"] if vehicle_id in self.cars:
                return self._signals(self.cars[vehicle_id], scope)
            case _:
                return not_found()

    def _vehicles(self, request: Request) -> Reply:
        ids = list(self.cars)
        offset = int(request.query.get("offset", "0"))
        limit = min(int(request.query.get("limit", "10")), self.largest_page_count)
        return json_reply({"vehicles": ids[offset : offset + limit], "paging": {"count": len(ids), "offset": offset}})

    def _batch(self, car: SimulatedCar, request: Request, scope: str) -> Reply:
        is_metric = request.headers.get("sc-unit-system") == "metric" and not self.is_always_imperial
        system = {} if self.is_silent_about_units else {"sc-unit-system": "metric" if is_metric else "imperial"}
        distance = Fraction(car.km) / (1 if is_metric else UNITS["mi"].canonical_per_unit)
        parts = []
        for one in request.json().get("requests", []):
            said: dict[str, object] = {"path": one["path"], "code": 200, "headers": {}}
            if one["path"] == "/":
                said["body"] = {"id": car.vehicle_id, "make": car.make, "model": car.model, "year": car.year}
            elif "read_odometer" not in scope.split():
                said |= {"code": 403, "body": {"type": "PERMISSION", "code": None, "description": "Not allowed."}}
            elif car.error[0]:
                said |= {"code": 501, "body": {"type": car.error[0], "code": car.error[1]}}
            else:
                said["body"] = {"distance": digits(fraction_to_text(distance, places_count=9))}
                said["headers"] = {**system, "sc-data-age": _iso(car.told_at)}
            parts.append(said)
        return _reply({"responses": parts})

    def _signals(self, car: SimulatedCar, scope: str) -> Reply:
        told = {"oemUpdatedAt": int(car.told_at.timestamp() * 1000), "retrievedAt": int(car.told_at.timestamp() * 1000) + 900}
        unit = {} if self.is_silent_about_units else {"unit": "miles" if self.is_always_imperial else "km"}
        km = Fraction(car.km) / (UNITS["mi"].canonical_per_unit if self.is_always_imperial else 1)
        bodies = {
            ("odometer-traveleddistance", "read_odometer"): {"value": digits(fraction_to_text(km, places_count=9)), **unit},
            ("charge-chargerecords", "read_charge_records"): {"values": car.charges},
        }
        data = []
        for (code, needed), body in bodies.items():
            says: dict[str, object] = {"code": code, "status": {"value": "SUCCESS"}, "body": body}
            if needed not in scope.split():
                says = {"code": code, "status": {"value": "ERROR", "error": {"type": "PERMISSION", "code": None}}}
            elif car.error[0]:
                says = {"code": code, "status": {"value": "ERROR", "error": {"type": car.error[0], "code": car.error[1]}}}
            data.append({"id": code, "type": "signal", "attributes": says, "meta": told})
        vehicle = {"make": car.make, "model": car.model, "year": car.year, "powertrainType": car.powertrain_type, "mode": "test"}
        return _reply({"data": data, "meta": {"totalCount": len(data)}, "included": {"vehicle": vehicle}})


def _reply(value: object) -> Reply:
    plain = json_reply(value)
    return replace(plain, body=re.sub(rb'"digits:([0-9.eE+-]+)"', rb"\1", plain.body))


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
