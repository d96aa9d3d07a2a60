"""Google's Travel Impact Model as its REST API answers about flights of the past (computeScope3FlightEmissions).

    model = TravelImpact("demo-key", {("ZRH", "BOS"): 300_000})
    with DemoProviders([model]) as providers:
        base_url = providers.origins["travel-impact"]

The key goes in as a query parameter:

    curl "$BASE/v1/flights:computeScope3FlightEmissions?key=demo-key" -H "Content-Type: application/json" -d '
      {"flights": [{"origin": "ZRH", "destination": "BOS", "cabinClass": "ECONOMY", "departureDate": {"year": 2024}}]}'

    {"flightEmissions": [{"flight": {"origin": "ZRH", ...}, "wtwEmissionsGramsPerPax": "300000",
                          "ttwEmissionsGramsPerPax": "249000", "wttEmissionsGramsPerPax": "51000",
                          "source": "TYPICAL_FLIGHT_EMISSIONS"}],
     "modelVersion": {"major": 3, "minor": 0, "patch": 0, "dated": "20260601"}}

- Answers come in the order of the question. A flight that the model does not know is answered with its flight and empty fields,
  and status 200.
- Premium economy has 1.5 times, business 3 times, first 4 times the grams of economy.
- More than 1,000 flights, a year before 2019 or a missing cabin are `INVALID_ARGUMENT`, status 400; so is a wrong key
  (`API_KEY_INVALID`). No key at all is `PERMISSION_DENIED`, status 403.

Dials besides those of `quirks` (429, 503, 403 with a web page, another schema, cut-off answers): `source` is the kind of data
that it says, `is_turned` gives the answers in reverse order, `missing_count` leaves so many of the last answers out, `says` puts
other text where the grams are.
"""

from collections.abc import Mapping
from threading import RLock
from typing import Any

from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Reply, Request, disturbed, json_reply, not_found, trouble

SCOPE3_PATH = "/v1/flights:computeScope3FlightEmissions"
"""Where flights of the past are asked about."""

MOST_FLIGHTS_COUNT = 1_000
FIRST_YEAR = 2019

_TENTHS = {"ECONOMY": 10, "PREMIUM_ECONOMY": 15, "BUSINESS": 30, "FIRST": 40}
_BURNT_PERCENT = 83


class TravelImpact:
    """The simulator.

    Args:
        api_key: The key that it takes.
        economy_g: Grams of one passenger in economy by origin and destination: the flights that it knows.
        dated: What its version is dated; every number that it gives is shown with it.
        name: Its name among the demo's providers.
    """

    def __init__(
        self,
        api_key: str,
        economy_g: Mapping[tuple[str, str], int],
        *,
        dated: str = "20260601",
        name: str = "travel-impact",
    ) -> None:
        self.name, self.origin = name, ""
        self.quirks = Quirks()
        self.lock = RLock()
        self.book: dict[str, Any] = {}
        self.source = "TYPICAL_FLIGHT_EMISSIONS"
        self.is_turned = False
        self.missing_count = 0
        self.says: str | None = None
        self.asked: list[list[dict[str, Any]]] = []
        self._api_key, self._economy_g, self._dated = api_key, dict(economy_g), dated

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        if request.path != SCOPE3_PATH or request.method != "POST":
            return not_found()
        wrong = trouble(self.quirks)
        if wrong is not None:
            return wrong
        key = request.query.get("key", "")
        if not key:
            return _refused(403, "PERMISSION_DENIED", "Method doesn't allow unregistered callers.")
        if key != self._api_key:
            return _refused(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", reason="API_KEY_INVALID")
        flights = request.json().get("flights")
        if not isinstance(flights, list) or len(flights) > MOST_FLIGHTS_COUNT or not all(map(_is_asked_well, flights)):
            return _refused(400, "INVALID_ARGUMENT", "Request contains an invalid argument.")
        self.asked.append(flights)
        answers = [self._about(flight) for flight in flights]
        answers = answers[: len(answers) - self.missing_count]
        version = {"major": 3, "minor": 0, "patch": 0, "dated": self._dated}
        found = {"flightEmissions": answers[::-1] if self.is_turned else answers, "modelVersion": version}
        return disturbed(json_reply(found), self.quirks)

    def _about(self, flight: Mapping[str, Any]) -> dict[str, Any]:
        economy_g = self._economy_g.get((flight.get("origin", ""), flight.get("destination", "")))
        if economy_g is None:
            return {"flight": flight}
        grams = economy_g * _TENTHS[flight["cabinClass"]] // 10
        burnt_g = grams * _BURNT_PERCENT // 100
        return {
            "flight": flight,
            "source": self.source,
            "ttwEmissionsGramsPerPax": str(burnt_g),
            "wttEmissionsGramsPerPax": str(grams - burnt_g),
            "wtwEmissionsGramsPerPax": str(grams) if self.says is None else self.says,
        }


def _is_asked_well(flight: object) -> bool:
    if not isinstance(flight, dict) or flight.get("cabinClass") not in _TENTHS:
        return False
    year = flight.get("departureDate", {}).get("year", 0)
    return isinstance(year, int) and year >= FIRST_YEAR


def _refused(status: int, code: str, message: str, *, reason: str = "") -> Reply:
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return json_reply({"error": {"code": status, "message": message, "status": code, "details": details}}, status)
