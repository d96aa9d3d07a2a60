"""Smartcar: the odometer of connected cars, and what electric cars charge away from home.

1. The account lists its cars (page by page).
2. Each car is asked once: the version 3 address for all signals that the person allowed, the version 2 address in one batch.
3. The reading is remembered in the cursor; with the next one it makes a distance.
"""

from collections.abc import Callable, Generator

from connectors.base import Batch, Document, Get, Link, Manifest, OAuth2, Post, Provider, Pull, Question
from connectors.exact_json import listed, named, read_exact
from connectors.smartcar.odometer import State
from connectors.smartcar.parse import CHARGING, DISTANCE, PARSER_VERSION, POWERTRAINS, is_vehicle_id, parse, read_answer
from domain.canonical import Json, from_canonical, to_canonical
from domain.declared import ActivityDocument
from domain.errors import ConnectorBugError, FormatChangedError, NeedsConsentError, PlaceError
from domain.period import zone_of

_METRIC = {"sc-unit-system": "metric"}  # miles otherwise
_PAGE_SIZE = 50
_MOST_CARS_COUNT = 1_000
_OK = 200


def _pull(link: Link, cursor: str | None) -> Pull:
    remembered = from_canonical(cursor.encode()) if cursor else {}
    states: dict[str, Json] = dict(remembered) if isinstance(remembered, dict) else {}
    _check_zone(link)
    for vehicle in (yield from _vehicles()):
        state = State.from_json(states.get(vehicle))
        answer = _came((yield _request(link, vehicle, state)))
        if answer.status != _OK:  # the car is no longer connected, or sleeps
            continue
        told = read_answer(answer.body)
        states[vehicle] = told.state.to_json()
        yield Batch(told.document, to_canonical(states).decode(), answer)


def _vehicles() -> Generator[Get | Post | Batch, Document | None, list[str]]:
    """The cars of the account, each once, in its order.

    Raises:
        FormatChangedError: They are no longer listed as they were, or without end.
    """
    found: list[str] = []
    while len(found) < _MOST_CARS_COUNT:
        page = read_exact(_came((yield Get("vehicles", {"limit": str(_PAGE_SIZE), "offset": str(len(found))}))).body)
        names = ", ".join(page)[:120] if isinstance(page, dict) else type(page).__name__
        if not isinstance(named(page, "vehicles"), list) or not all(is_vehicle_id(one) for one in listed(page, "vehicles")):
            raise FormatChangedError("Smartcar no longer lists cars as it did", expected="vehicles, a list of ids", got=names)
        added = [str(one) for one in dict.fromkeys(listed(page, "vehicles")) if one not in found]
        found += added
        if not added or str(len(found)) == named(named(page, "paging"), "count"):
            return found
    raise FormatChangedError("The list of cars does not end", expected=f"at most {_MOST_CARS_COUNT} cars", got=len(found))


def _request(link: Link, vehicle: str, state: State) -> Get | Post:
    answers = {
        "counts": link.get("counts", DISTANCE),
        "powertrain": link.get("powertrain", ""),
        "zone": link.get("zone") or "UTC",
    }
    context: dict[str, Json] = {**answers, "vehicle": vehicle, **state.to_json()}
    passes = frozenset({404, 409})  # not connected any more; asleep, or without reception
    if signals_url := link.get("signals_url", ""):
        return Get(f"{signals_url}vehicles/{vehicle}/signals", headers=_METRIC, context=context, passes=passes)
    paths: list[Json] = [{"path": "/"}, {"path": "/odometer"}]  # a batch says unit and time in its body, which is what is kept
    return Post(f"vehicles/{vehicle}/batch", {"requests": paths}, headers=_METRIC, context=context, passes=passes)


def _check_zone(link: Link) -> None:
    """Ask again for a time zone that there is none of.

    Raises:
        NeedsConsentError: There is no such zone.
    """
    try:
        zone_of(link.get("zone") or "UTC")
    except PlaceError as error:
        raise NeedsConsentError(
            error.message, expected=error.expected, got=error.got, next_step="Connect again and name the time zone."
        ) from error


def _came(document: Document | None) -> Document:
    if document is None:
        raise ConnectorBugError("A request was answered with nothing", expected="a document")
    return document


def _provider(provider_id: str, title: str, scope: str, **quirks: str) -> Provider:
    return Provider(
        provider_id,
        title,
        "https://api.smartcar.com/v2.0/",
        OAuth2(
            authorize_url="https://connect.smartcar.com/oauth/authorize",
            token_url="https://auth.smartcar.com/oauth/token",  # noqa: S106 - an address
            scope=scope,
            extra_params={"mode": "live"},
        ),
        countries=_COUNTRIES,
        hosts=frozenset({"vehicle.api.smartcar.com"}),
        requests_per_s=2.0,
        registration_days_count=2,
        quirks=quirks,
        help_url="https://smartcar.com/docs/help/connect",
    )


_COUNTRIES = frozenset({"AT", "BE", "CA", "CH", "DE", "DK", "ES", "FI", "FR", "GB", "IE", "IT", "NL", "NO", "PT", "SE", "US"})
_SIGNALS_URL = "https://vehicle.api.smartcar.com/v3/"
_SCOPE = "read_vehicle_info read_odometer"


class Smartcar:
    """The connector for Smartcar."""

    manifest = Manifest(
        connector_id="smartcar",
        title="Connected cars (Smartcar)",
        kinds=frozenset({"car", "electricity"}),
        parser_version=PARSER_VERSION,
        providers=(
            _provider("smartcar", "Your car: kilometres", _SCOPE, counts=DISTANCE, signals_url=_SIGNALS_URL),
            _provider(
                "smartcar-charging",
                "Your electric car: charging away from home",
                f"{_SCOPE} read_charge read_charge_records",
                counts=CHARGING,
                signals_url=_SIGNALS_URL,
            ),
            _provider("smartcar-v2", "Your car: kilometres (API version 2)", _SCOPE, counts=DISTANCE),
        ),
        questions=(
            Question(
                "powertrain",
                "What drives your car",
                "Used where the car does not say it itself: version 2 of Smartcar never does, and petrol or diesel nobody says.",
                {one: one.replace("_", " ") for one in POWERTRAINS},
                is_required=False,
            ),
            Question(
                "zone",
                "Time zone in which you drive",
                "Such as America/New_York; without it days are days of UTC.",
                pattern=r"[A-Za-z]+(/[A-Za-z0-9_+-]+){0,2}",
                is_required=False,
            ),
        ),
    )
    pull: Callable[[Link, str | None], Pull] | None = staticmethod(_pull)

    def parse(self, body: bytes) -> ActivityDocument:
        """The activities of one answer about one car.

        Args:
            body: Its bytes, after the line that names the car and its earlier reading.

        Returns:
            At most one distance, or the charging sessions that count, and what was refused with the reason.

        Raises:
            DocumentError: No car is named, or it is no answer about a car.
        """
        return parse(body)


SMARTCAR = Smartcar()
"""The one instance; it has no state."""
