"""A travel account: flights and trains that a person booked, as JSON behind OAuth 2.

    travel = Travel(lines=household_lines, start=date(2024, 11, 1), clock=clock, randomness=randomness)
    with DemoProviders([travel]) as providers:
        travel.register(Client("climate-fitness", "secret", "Climate Fitness", (redirect_uri,)))

The consent (`oauth`) has two parts, the scopes `trips.flights` and `trips.rail`; a person may leave one out. Then

    GET /v1/trips?updated_since=2025-01-01T00:00:00Z

lists the trips that ended by now and were changed since, oldest change first, fifty a page:

    {"trips": [{"id": "2025-04-jfk", "status": "completed", "updated_at": "2025-04-20T09:00:00Z",
                "segments": [{"id": "2025-04-jfk-1", "type": "flight", "departs": "2025-04-11", "from": "SFO", "to": "JFK",
                              "cabin": "economy", "travellers": 3},
                             {"id": "...", "type": "rail", "departs": "2025-04-12", "distance": "96.6", "unit": "km",
                              "service": "commuter", "travellers": 1}]}],
     "next_page": "2"}

`next_page` is null on the last page. `cancel(trip_id)` sets a trip's status to `cancelled` and changes it now: whoever asks for
changes sees it again. Further misbehaviour: `quirks` (429, 503, web pages, endless pages, revoked consents, ...).

Trips are made from the demo's activities (`app.demo.activities`): what is flown and ridden there is what is booked here.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from threading import RLock
from typing import Any

from app.clock import Clock, Randomness
from app.demo.providers.oauth import Client, ConsentDesk, Grant
from app.demo.providers.pages import Choice
from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Reply, Request, disturbed, json_reply, not_found, trouble, unauthorized
from domain.errors import ClimateFitnessError
from domain.period import instant_from_text

TRIPS_PATH = "/v1/trips"
"""Where trips are."""

FLIGHTS, RAIL = "trips.flights", "trips.rail"
SCOPE = f"{FLIGHTS} {RAIL}"
"""What a client may ask for."""

ACCOUNT = "traveller"
"""The one account."""

PAGE_SIZE = 50
"""Trips on one page."""

_CONFIRMED_AT = time(9, tzinfo=UTC)
_KM_PER_MILE = Decimal("1.609344")
_SCOPE_OF_TYPE = {"flight": FLIGHTS, "rail": RAIL}
_PERMISSIONS = (
    Choice(FLIGHTS, "Flights", "Airports, dates, cabin and travellers; no names, no prices"),
    Choice(RAIL, "Trains", "Distances and dates"),
)

Trip = dict[str, Any]
Lines = Callable[[date, date], bytes]
"""Activities from a first day to the day after the last, as NDJSON."""


class Travel:
    """The simulator.

    Args:
        lines: What the traveller does.
        start: First day of the account.
        clock: Tells the time: which trips are over.
        randomness: Makes tokens.
        traveller: The account's name for people.
        title: Its name for people.
        name: Its name among the demo's providers.
    """

    def __init__(
        self,
        *,
        lines: Lines,
        start: date,
        clock: Clock,
        randomness: Randomness,
        traveller: str = "Demo traveller",
        title: str = "Demo Trips",
        name: str = "travel",
    ) -> None:
        self.name, self.title = name, title
        self.quirks = Quirks()
        self.lock = RLock()
        self.book: dict[str, Any] = {}
        self._lines, self._start, self._clock = lines, start, clock
        self.consents = ConsentDesk(
            title=title,
            accounts=[Choice(ACCOUNT, traveller)],
            permissions=_PERMISSIONS,
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

    def cancel(self, trip_id: str) -> None:
        """Cancel a trip, even one that was made: the airline says so afterwards."""
        self.book.setdefault("cancelled", {})[trip_id] = self._clock.now().astimezone(UTC).isoformat()

    def trips(self) -> list[Trip]:
        """All trips that are over by now, oldest change first."""
        today = self._clock.now().astimezone(UTC).date()
        known = [json.loads(line) for line in self._lines(self._start, today).splitlines()]
        trips = [self._trip(legs) for legs in _by_trip(known)]
        return sorted(trips, key=lambda trip: (trip["updated_at"], trip["id"]))

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        consent = self.consents.answer(request)
        if consent is not None:
            return consent
        if request.path != TRIPS_PATH or request.method != "GET":
            return not_found()
        wrong = trouble(self.quirks)
        if wrong is not None:
            return wrong
        grant = self.consents.grant_of(request)
        if grant is None:
            return unauthorized()
        return disturbed(self._page(request.query, grant), self.quirks)

    def _page(self, query: Mapping[str, str], grant: Grant) -> Reply:
        try:
            since = instant_from_text(query["updated_since"]) if "updated_since" in query else None
            number = int(query.get("page", "1"))
        except (ClimateFitnessError, ValueError):
            return json_reply({"error": "invalid_request"}, 400)
        trips = [one for trip in self.trips() if (one := _seen(trip, grant.permissions)) is not None]
        if since is not None:
            trips = [trip for trip in trips if instant_from_text(trip["updated_at"]) >= since]
        first = (number - 1) * PAGE_SIZE
        has_more = first + PAGE_SIZE < len(trips) or self.quirks.is_endless
        page = trips[first : first + PAGE_SIZE]
        return json_reply({"trips": page, "next_page": str(number + 1) if has_more else None})

    def _trip(self, legs: Sequence[Mapping[str, str]]) -> Trip:
        """The trip of some activities: a journey by air, or a month of trains."""
        flights = [leg for leg in legs if leg["kind"] == "flight"]
        month = legs[0]["start"][:7]
        trip_id = f"{month}-{flights[0]['destination'].lower()}" if flights else f"{month}-trains"
        updated_at = datetime.combine(max(_last_day(leg) for leg in legs), _CONFIRMED_AT)
        cancelled_at = self.book.get("cancelled", {}).get(trip_id)
        status = "cancelled" if cancelled_at else "completed"
        stamp = datetime.fromisoformat(cancelled_at) if cancelled_at else updated_at
        segments = [_segment(f"{trip_id}-{number}", leg) for number, leg in enumerate(legs, 1)]
        return {"id": trip_id, "status": status, "updated_at": f"{stamp:%Y-%m-%dT%H:%M:%SZ}", "segments": segments}


def _by_trip(lines: Sequence[Mapping[str, str]]) -> list[list[Mapping[str, str]]]:
    """Flights out and home together, the trains of a month together."""
    trips: dict[tuple[str, str], list[Mapping[str, str]]] = {}
    for line in lines:
        if line["kind"] in _SCOPE_OF_TYPE:
            trips.setdefault((line["kind"], line["start"][:7]), []).append(line)
    return list(trips.values())


def _segment(segment_id: str, leg: Mapping[str, str]) -> dict[str, object]:
    shared = {"id": segment_id, "type": leg["kind"], "departs": leg["start"]}
    if leg["kind"] == "flight":
        places = {"from": leg["origin"], "to": leg["destination"]}
        return {**shared, **places, "cabin": leg["cabin"], "travellers": int(leg["quantity"])}
    km = Decimal(leg["quantity"]) * _KM_PER_MILE
    return {**shared, "distance": f"{km:.1f}", "unit": "km", "service": leg["service"], "travellers": 1}


def _last_day(leg: Mapping[str, str]) -> date:
    """When a leg is over and confirmed: the day after the last."""
    return date.fromisoformat(leg["end"]) if "end" in leg else date.fromisoformat(leg["start"]) + timedelta(days=1)


def _seen(trip: Trip, permissions: Sequence[str]) -> Trip | None:
    """What of a trip a consent covers; None where that is nothing."""
    segments = [one for one in trip["segments"] if _SCOPE_OF_TYPE[one["type"]] in permissions]
    return {**trip, "segments": segments} if segments else None
