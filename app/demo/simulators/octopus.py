"""Octopus Energy as its REST API answers: an account with properties, meter points and meters, and their half hours.

    meter = SimulatedMeter("electricity", "1200000345678", "19L1234567", half_hours(first, last, lambda at_s: "0.125"))
    octopus = Octopus("A-1234ABCD", "sk_live_demo", [[meter]])
    with DemoProviders([octopus]) as providers:
        base_url = providers.origins["octopus"] + "/v1/"

The key goes in as the user of HTTP Basic, with an empty password:

    curl -u sk_live_demo: "$BASE/accounts/A-1234ABCD/"
    curl -u sk_live_demo: "$BASE/electricity-meter-points/1200000345678/meters/19L1234567/consumption/?page_size=100"

    {"count": 35040, "next": "http://127.0.0.1:.../consumption/?page_size=100&page=2", "previous": null,
     "results": [{"consumption": 0.125, "interval_start": "2024-05-25T22:30:00+01:00",
                  "interval_end": "2024-05-25T23:00:00+01:00"}, ...]}

- The newest reading comes first unless `order_by=period` is asked for; `period_from` is in it, `period_to` is not.
- Times carry the offset of British clocks (`+01:00` in summer, `Z` in winter): the last Sunday of March has 46 half hours, the
  last one of October 50.
- `page_size` is 100, and 25,000 at the most. Neither meter nor unit stands in the answer.
- `meter.correct(at_s, "0.250")` is what a late or corrected reading does; `meter.forget(at_s)` makes a gap.

Dials besides those of `quirks` (429, 403 with a web page, 401, another schema, endless pages, cut-off answers):
`largest_page_count` makes pages smaller than asked for, `is_newest_first` ignores `order_by`, `is_repeating` gives the last
reading of a page again as the first one of the next.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from threading import RLock
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import JSON, Reply, Request, disturbed, json_reply, trouble
from domain.errors import ClimateFitnessError
from domain.period import instant_from_text, instant_of_epoch_s

HALF_HOUR_S = 1_800
LARGEST_PAGE_COUNT = 25_000
"""Readings of one page at the most, as the API has it."""

_USUAL_PAGE_COUNT = 100
_LONDON = ZoneInfo("Europe/London")


def half_hours(first: datetime, last: datetime, amount: Callable[[int], str]) -> dict[int, str]:
    """Readings of every half hour from one instant up to another.

    Args:
        first: Begin of the first one.
        last: End of the last one.
        amount: Digits of the amount of the half hour that begins at this second since 1970.

    Returns:
        Digits by second.
    """
    return {at_s: amount(at_s) for at_s in range(int(first.timestamp()), int(last.timestamp()), HALF_HOUR_S)}


@dataclass(slots=True)
class SimulatedMeter:
    """One meter.

    Attributes:
        fuel: "electricity" or "gas".
        point: MPAN or MPRN.
        serial: Serial number.
        readings: Digits of the amount by begin, seconds since 1970.
        is_export: Whether its meter point is for export.
    """

    fuel: str
    point: str
    serial: str
    readings: dict[int, str]
    is_export: bool = False

    def correct(self, at_s: int, digits: str) -> None:
        """Give a half hour another amount, or one that it had none of."""
        self.readings[at_s] = digits

    def forget(self, at_s: int) -> None:
        """Have no reading of a half hour."""
        del self.readings[at_s]


class Octopus:
    """The simulator.

    Args:
        account: The account's number.
        key: Its API key.
        properties: Meters of each property.
        name: Its name among the demo's providers.
    """

    def __init__(self, account: str, key: str, properties: Sequence[Sequence[SimulatedMeter]], *, name: str = "octopus") -> None:
        self.name, self.origin = name, ""
        self.quirks = Quirks()
        self.lock = RLock()
        self.book: dict[str, Any] = {}
        self.account, self.key, self.properties = account, key, properties
        self.largest_page_count = LARGEST_PAGE_COUNT
        self.is_newest_first = False
        self.is_repeating = False
        self.asked: list[Request] = []

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        self.asked.append(request)
        if request.basic() != (self.key, "") or self.quirks.is_revoked:
            return json_reply({"detail": "Invalid API key."}, 401, {"WWW-Authenticate": 'Basic realm="API"'})
        wrong = trouble(self.quirks)
        if wrong is not None:
            return wrong
        if request.path == f"/v1/accounts/{self.account}/":
            return json_reply(self._account())
        for meter in (meter for home in self.properties for meter in home):
            if request.path == f"/v1/{meter.fuel}-meter-points/{meter.point}/meters/{meter.serial}/consumption/":
                return disturbed(self._consumption(meter, request), self.quirks)
        return json_reply({"detail": "Not found."}, 404)

    def _account(self) -> dict[str, object]:
        return {
            "number": self.account,
            "properties": [
                {
                    "id": 1_000_000 + number,
                    "moved_in_at": "2020-11-30T00:00:00Z",
                    "moved_out_at": None,
                    "address_line_1": "10 Demo Street",
                    "town": "LONDON",
                    "postcode": "W1 1AA",
                    "electricity_meter_points": _points(home, "electricity", "mpan"),
                    "gas_meter_points": _points(home, "gas", "mprn"),
                }
                for number, home in enumerate(self.properties)
            ],
        }

    def _consumption(self, meter: SimulatedMeter, request: Request) -> Reply:
        query = request.query
        try:
            begin_s = _second(query["period_from"]) if "period_from" in query else 0
            end_s = _second(query["period_to"]) if "period_to" in query else 2**62
            page, size = int(query.get("page", "1")), int(query.get("page_size", str(_USUAL_PAGE_COUNT)))
        except (ClimateFitnessError, ValueError):
            return json_reply({"detail": "Invalid parameter."}, 400)
        if "period_to" in query and "period_from" not in query:
            return json_reply({"period_from": ["This field is required with period_to."]}, 400)
        is_ascending = query.get("order_by") == "period" and not self.is_newest_first
        starts_s = sorted((at_s for at_s in meter.readings if begin_s <= at_s < end_s), reverse=not is_ascending)
        size = max(1, min(size, self.largest_page_count, LARGEST_PAGE_COUNT))
        first = (page - 1) * size
        if first and first >= len(starts_s) and not self.quirks.is_endless:
            return json_reply({"detail": "Invalid page."}, 404)
        shown = starts_s[max(first - self.is_repeating, 0) : first + size]
        has_more = first + size < len(starts_s) or self.quirks.is_endless
        origin = "" if self.quirks.has_relative_addresses else self.origin
        following = f"{origin}{request.path}?{urlencode({**query, 'page': page + 1})}" if has_more else None
        rows = ",".join(_row(at_s, meter.readings[at_s]) for at_s in shown)
        head = f'"count":{len(starts_s)},"next":{json.dumps(following)},"previous":null'
        return Reply(200, f'{{{head},"results":[{rows}]}}'.encode(), {"Content-Type": JSON})


def _points(home: Sequence[SimulatedMeter], fuel: str, number: str) -> list[dict[str, object]]:
    points: dict[str, dict[str, Any]] = {}
    for meter in home:
        if meter.fuel == fuel:
            point = points.setdefault(meter.point, {number: meter.point, "meters": [], "agreements": []})
            point["meters"].append({"serial_number": meter.serial})
            if fuel == "electricity":
                point["is_export"] = meter.is_export
    return list(points.values())


def _row(at_s: int, digits: str) -> str:
    begin, end = _clock_text(at_s), _clock_text(at_s + HALF_HOUR_S)
    return f'{{"consumption":{digits},"interval_start":"{begin}","interval_end":"{end}"}}'


def _clock_text(at_s: int) -> str:
    return instant_of_epoch_s(at_s).astimezone(_LONDON).isoformat().replace("+00:00", "Z")


def _second(text: str) -> int:
    return int(instant_from_text(text).timestamp())
