"""A utility that speaks Green Button Connect My Data (NAESB REQ.21 ESPI): consent, feed, notifications.

    utility = Utility(customers=[Customer(...)], clock=clock, randomness=randomness)
    with DemoProviders([utility]) as providers:
        utility.register(Client("climate-fitness", "secret", "Climate Fitness", (redirect_uri,)))

After the consent (`oauth` tells how) the token reply has `resourceURI`, the address of the person's data:

    GET {resourceURI}?published-min=2025-01-01T00:00:00Z&published-max=2025-02-01T00:00:00Z

answers 200 with an Atom feed of the days that were published in that window (a day is published the next morning, six hours
after its end), or 204 where there are none. `updated-min` asks for what was changed instead: new days, and days that
`correct(...)` changed. `DELETE {authorizationURI}` withdraws the consent.

What it does on request (`quirks`):

- `pending_count = 1`: the next batch is answered 202. `notifications` then has a `BatchList` document with the address of the
  prepared file, or of `part_count` files; they wait for two days.
- `is_revoked = True`: every token is refused with 401. `is_delete_refused`: no DELETE.
  `is_zipped`: batches come as zips. `knows_updated = False`: 400 for
  `updated-min`, as some utilities do. `has_relative_addresses`, `has_no_data`, 429, 503, web pages and the rest: see there.

Readings are made by seeded load curves (`app.demo.load_profile`), so two utilities with the same seed say the same.

Source:
    NAESB REQ.21 ESPI, function blocks 3, 39 and 44; Con Edison's and PG&E's onboarding documents for 202, 204 and lifetimes.
"""

import io
import zipfile
from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from random import Random
from threading import RLock
from typing import Any
from urllib.parse import quote, urlencode
from xml.sax.saxutils import escape
from zoneinfo import ZoneInfo

from app.clock import Clock, Randomness
from app.demo.espi import Meter, MeterSeries, espi_document, us_clock
from app.demo.load_profile import LoadProfile
from app.demo.providers.oauth import Client, ConsentDesk, Grant
from app.demo.providers.pages import Choice
from app.demo.providers.quirks import Quirks
from app.demo.providers.wire import Reply, Request, disturbed, json_reply, not_found, trouble, unauthorized
from domain.activity import Direction
from domain.errors import ClimateFitnessError
from domain.period import instant_from_text, local_day, local_midnight
from domain.series import LocalTime

RESOURCE_PATH = "/espi/1_1/resource"
"""What all addresses of data begin with."""

SCOPE = "FB=1_3_4_5_8_15_39_44;IntervalDuration=900_3600;BlockDuration=daily;HistoryLength=94608000"
"""What a client may ask for: three years of interval readings, delivered and exported."""

_ATOM = "application/atom+xml"
_PUBLISHED_AFTER = timedelta(hours=6)
_PREPARED_FOR = timedelta(days=2)
_HISTORY = timedelta(seconds=94_608_000)
_WINDOWS = ("published-min", "published-max", "updated-min", "updated-max")
_EXPORT_BLOCK = "8"
USAGE, EXPORT = "usage", "export"
_PERMISSIONS = (
    Choice(USAGE, "Electricity you use", "Readings of your meter, with their history"),
    Choice(EXPORT, "Electricity you feed in", "What your solar panels give to the grid"),
)


@dataclass(frozen=True, slots=True)
class Customer:
    """Somebody with a meter.

    Attributes:
        account_id: Names the account.
        title: For people, on the consent page.
        meter: Name of the meter.
        zone: Where it is.
        start: First day that was ever measured.
        profile: The load from a first day to the day after the last one; a longer span begins with the same values.
        interval_title: "Hourly".
    """

    account_id: str
    title: str
    meter: str
    zone: ZoneInfo
    start: date
    profile: Callable[[date, date], LoadProfile]
    interval_title: str = "Hourly"


def seeded(make: Callable[..., LoadProfile], seed: int, zone: ZoneInfo, **options: object) -> Callable[[date, date], LoadProfile]:
    """A load curve that always begins the same.

    Args:
        make: `household_profile` or `business_profile`.
        seed: What chance starts from.
        zone: Where it is.
        **options: Of `make`.
    """
    return lambda start, end: make(Random(seed), start=start, end=end, zone=zone, **options)


class Utility:
    """The simulator.

    Args:
        customers: Who has meters here.
        clock: Tells the time: what was published by now.
        randomness: Makes tokens.
        title: Its name for people.
        name: Its name among the demo's providers.
    """

    def __init__(
        self,
        *,
        customers: Sequence[Customer],
        clock: Clock,
        randomness: Randomness,
        title: str = "Demo Power & Light",
        name: str = "utility",
    ) -> None:
        self.name, self.title = name, title
        self.quirks = Quirks()
        self.lock = RLock()
        self.book: dict[str, Any] = {}
        self.notifications: list[bytes] = []
        self._customers = {one.account_id: one for one in customers}
        self._clock, self._randomness = clock, randomness
        self._loads: dict[str, _Load] = {}
        self.consents = ConsentDesk(
            title=title,
            accounts=[Choice(one.account_id, one.title, one.meter) for one in customers],
            permissions=_PERMISSIONS,
            scope_of=_granted_scope,
            clock=clock,
            randomness=randomness,
            quirks=self.quirks,
            book=self.book,
            extras=self._extras,
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

    def correct(self, account_id: str, day: date, *, pct: int) -> None:
        """Change the readings of a day, as utilities do when a meter was read wrongly.

        Args:
            account_id: Whose.
            day: Local day.
            pct: New values in percent of the old ones.
        """
        kept = self.book.setdefault("corrections", {}).setdefault(account_id, {})
        kept[day.isoformat()] = [pct, int(self._clock.now().timestamp())]

    def answer(self, request: Request) -> Reply:
        """The reply to a request."""
        consent = self.consents.answer(request)
        if consent is not None:
            return consent
        if not request.path.startswith(f"{RESOURCE_PATH}/"):
            return not_found()
        path = request.path.removeprefix(f"{RESOURCE_PATH}/")
        if path == "ReadServiceStatus":
            return json_reply({"currentStatus": "1"})
        wrong = trouble(self.quirks)
        if wrong is not None:
            return wrong
        grant = self.consents.grant_of(request)
        if grant is None:
            return unauthorized()
        return disturbed(self._resource(request, path, grant), self.quirks)

    def _resource(self, request: Request, path: str, grant: Grant) -> Reply:
        if path == f"Authorization/{grant.grant_id}" and request.method == "DELETE":
            if self.quirks.is_delete_refused:
                return json_reply({"error": "not_allowed"}, 405)
            self.consents.withdraw(grant.grant_id)
            return Reply(200)
        if request.method != "GET":
            return not_found()
        if path == f"Batch/Subscription/{grant.grant_id}":
            return self._batch(request.query, grant)
        if path.startswith(f"Batch/Prepared/{grant.grant_id}/"):
            return self._prepared(path, request.query, grant)
        return not_found()

    def _batch(self, query: Mapping[str, str], grant: Grant) -> Reply:
        if not self.quirks.knows_updated and any(name.startswith("updated") for name in query):
            return json_reply({"error": "invalid_request", "error_description": "updated-min is not supported"}, 400)
        window = _window(query)
        if window is None:
            return json_reply({"error": "invalid_request", "error_description": "A window is two UTC times."}, 400)
        if self.quirks.bites("pending_count"):
            self.notifications.append(self._prepare(grant, query))
            return Reply(202)
        return self._feed_reply(grant, self._days(grant, window))

    def _feed_reply(self, grant: Grant, days: Sequence[date]) -> Reply:
        if self.quirks.has_no_data or not days:
            return Reply(204)
        body = self._feed(grant, days)
        if not self.quirks.is_zipped:
            return Reply(200, body, {"Content-Type": _ATOM})
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            half = (len(days) + 1) // 2
            for number, part in enumerate((days[:half], days[half:]), 1):
                if part:
                    archive.writestr(f"usage-{number}.xml", self._feed(grant, part))
        return Reply(200, packed.getvalue(), {"Content-Type": "application/zip"})

    def _prepare(self, grant: Grant, query: Mapping[str, str]) -> bytes:
        """Put a batch aside, in parts, and say where: the notification."""
        days = self._days(grant, _window(query) or _Window(is_updated=False, first=None, last=None))
        number = len(self.book.setdefault("prepared", {})) + 1
        size = max(1, -(-len(days) // self.quirks.part_count))
        parts = [[day.isoformat() for day in days[at : at + size]] for at in range(0, len(days), size)] or [[]]
        until_s = int((self._clock.now() + _PREPARED_FOR).timestamp())
        self.book["prepared"][f"{grant.grant_id}/{number}"] = {"parts": parts, "until": until_s}
        addresses = [
            f"{self._address('Batch/Prepared')}/{quote(grant.grant_id)}/{number}?{urlencode({'part': part, 'of': len(parts)})}"
            for part in range(1, len(parts) + 1)
        ]
        return batch_list(addresses)

    def _prepared(self, path: str, query: Mapping[str, str], grant: Grant) -> Reply:
        kept = self.book.get("prepared", {}).get(path.removeprefix("Batch/Prepared/"))
        numbers = {str(number): part for number, part in enumerate(kept["parts"], 1)} if kept else {}
        part = numbers.get(query.get("part", ""))
        if kept is None or part is None or kept["until"] <= self._clock.now().timestamp():
            return not_found()
        return self._feed_reply(grant, [date.fromisoformat(day) for day in part])

    def _feed(self, grant: Grant, days: Sequence[date]) -> bytes:
        customer = self._customers[grant.account_id]
        load = self._load(customer)
        kept = self._corrections(customer)
        title = f"{customer.interval_title} energy"
        series = []
        if USAGE in grant.permissions:
            series.append(load.series(f"{title} delivered", Direction.DELIVERED, days, kept))
        if EXPORT in grant.permissions and load.profile.exported_wh:
            series.append(load.series(f"{title} exported", Direction.EXPORT, days, kept))
        clock = _us_clock(customer.zone, days[0].year)
        path = f"Subscription/{grant.grant_id}/UsagePoint/{quote(customer.account_id)}"
        meter = Meter(path, customer.meter, customer.zone, clock, tuple(series))
        base = "" if self.quirks.has_relative_addresses else self.origin
        now = self._clock.now().astimezone(UTC).replace(microsecond=0)
        return espi_document([meter], title=self.title, base_url=f"{base}{RESOURCE_PATH}", updated_at=now)

    def _days(self, grant: Grant, window: "_Window") -> list[date]:
        """Days whose time falls into a window: of publication, or of the last change."""
        customer = self._customers[grant.account_id]
        corrected = {date.fromisoformat(day): at_s for day, (_, at_s) in self._corrections(customer).items()}
        now = self._clock.now()
        first = max(customer.start, local_day(now - _HISTORY, customer.zone))
        days = []
        for ordinal in range(first.toordinal(), local_day(now, customer.zone).toordinal()):
            day = date.fromordinal(ordinal)
            at = local_midnight(date.fromordinal(ordinal + 1), customer.zone) + _PUBLISHED_AFTER
            if at > now:
                break
            if window.is_updated and day in corrected:
                at = max(at, datetime.fromtimestamp(corrected[day], UTC))
            if window.holds(at):
                days.append(day)
        return days

    def _load(self, customer: Customer) -> "_Load":
        """The load curve up to yesterday, made once a day."""
        end = local_day(self._clock.now(), customer.zone)
        known = self._loads.get(customer.account_id)
        if known is None or known.end < end:
            known = self._loads[customer.account_id] = _Load(customer, end)
        return known

    def _corrections(self, customer: Customer) -> dict[str, list[int]]:
        kept: dict[str, list[int]] = self.book.get("corrections", {}).get(customer.account_id, {})
        return kept

    def _address(self, path: str) -> str:
        return f"{'' if self.quirks.has_relative_addresses else self.origin}{RESOURCE_PATH}/{path}"

    def _extras(self, grant: Grant) -> dict[str, str]:
        """What ESPI adds to the token reply."""
        return {
            "resourceURI": self._address(f"Batch/Subscription/{grant.grant_id}"),
            "authorizationURI": self._address(f"Authorization/{grant.grant_id}"),
        }


def batch_list(addresses: Sequence[str]) -> bytes:
    """A notification that files are ready (espi.xsd, BatchList).

    Args:
        addresses: Where they are.
    """
    resources = "".join(f"<resources>{escape(one)}</resources>\n" for one in addresses)
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<BatchList xmlns="http://naesb.org/espi">\n{resources}</BatchList>\n'.encode()
    )


@cache
def _us_clock(zone: ZoneInfo, year: int) -> LocalTime:
    """As `us_clock`, which looks at every hour of the year."""
    return us_clock(zone, year=year)


@dataclass(frozen=True, slots=True)
class _Window:
    """Instants from `first` up to, and not with, `last`."""

    is_updated: bool
    first: datetime | None
    last: datetime | None

    def holds(self, at: datetime) -> bool:
        return (self.first is None or self.first <= at) and (self.last is None or at < self.last)


def _window(query: Mapping[str, str]) -> _Window | None:
    """The window of a request; None where it is no UTC time, or of two sorts at once."""
    given = {name: query[name] for name in _WINDOWS if name in query}
    sorts = {name.partition("-")[0] for name in given}
    if len(sorts) > 1 or not all(text.endswith("Z") for text in given.values()):
        return None
    sort = next(iter(sorts), "published")
    try:
        first, last = (instant_from_text(given[name]) if (name := f"{sort}-{end}") in given else None for end in ("min", "max"))
    except ClimateFitnessError:
        return None
    return _Window(sort == "updated", first, last)


def _granted_scope(asked: str, chosen: Sequence[str]) -> str:
    """The scope without the function block of what was unticked."""
    if EXPORT in chosen:
        return asked
    head, found, rest = asked.partition(";")
    name, equals, blocks = head.partition("=")
    left = "_".join(block for block in blocks.split("_") if block != _EXPORT_BLOCK)
    return f"{name}{equals}{left}{found}{rest}"


class _Load:
    """A customer's load curve, found by the day."""

    def __init__(self, customer: Customer, end: date) -> None:
        self.end = end
        self.profile = customer.profile(customer.start, end)
        self._rows_of: dict[date, tuple[int, int]] = {}
        midnights_s = [
            int(local_midnight(date.fromordinal(ordinal), customer.zone).timestamp())
            for ordinal in range(customer.start.toordinal(), end.toordinal() + 1)
        ]
        row, starts_s = 0, self.profile.starts_s
        for offset, until_s in enumerate(midnights_s[1:]):
            first = row
            while row < len(starts_s) and starts_s[row] < until_s:
                row += 1
            self._rows_of[customer.start + timedelta(days=offset)] = (first, row)

    def series(
        self, title: str, direction: Direction, days: Sequence[date], corrections: Mapping[str, Sequence[int]]
    ) -> MeterSeries:
        """The readings of some days in one direction, as corrected."""
        profile = self.profile
        source_wh = profile.delivered_wh if direction is Direction.DELIVERED else profile.exported_wh
        starts_s, values_wh = array("q"), array("q")
        for day in days:
            first, after = self._rows_of[day]
            pct = corrections.get(day.isoformat(), (100, 0))[0]
            starts_s.extend(profile.starts_s[first:after])
            values_wh.extend(value * pct // 100 for value in source_wh[first:after])
        return MeterSeries(
            title=title,
            kind="electricity",
            direction=direction,
            source_unit="Wh",
            power_of_ten=0,
            interval_length_s=profile.interval_length_s,
            starts_s=starts_s,
            durations_s=[profile.interval_length_s] * len(starts_s),
            values=values_wh,
        )
