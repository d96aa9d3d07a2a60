"""Place and time zone of a meter: what is registered, what somebody says, what the feed's clock tells; never a guess."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from domain.errors import PlaceError
from domain.period import zone_of
from domain.place import Place
from domain.series import LocalTime

_NO_ZONE = "a place whose time zone is known"


@dataclass(frozen=True, slots=True)
class MeterPlace:
    """Where a meter is, and how its time zone is known.

    Attributes:
        place: Region, country and IANA zone.
        zone_source: "given", "registered", "only zone of the region", or "the feed's clock".
    """

    place: Place
    zone_source: str


def place_meter(
    name: str,
    *,
    given: Place | None,
    registered: MeterPlace | None,
    home: Place | None,
    clock: LocalTime | None,
    zones_of_region: Callable[[str], tuple[str, ...]],
) -> MeterPlace:
    """The place of a meter.

    Args:
        name: The provider's name of the meter point, for messages.
        given: What the person says now.
        registered: What is registered for this meter.
        home: The subject's own place.
        clock: The feed's LocalTimeParameters.
        zones_of_region: IANA zones of a region, the usual one first.

    Returns:
        The place with its zone.

    Raises:
        PlaceError: No place is known, several zones would fit, or the named one is none of the region; the message lists them.
    """
    place = given or (registered.place if registered else home)
    meter = f"meter {name}" if name else "the meter"
    if place is None:
        raise PlaceError(
            "We do not know where this meter is",
            expected="a ZIP code or a country",
            got="neither",
            record=meter,
            next_step="Give the ZIP code (US) or the two-letter country code of the meter.",
        )
    if registered and registered.place.region == place.region and not place.zone:
        return registered
    if home is not None and home.region == place.region and not place.zone:
        place = home  # its zone was asked when the subject was made
    if place.zone:
        check_zone(place, zones_of_region(place.region), record=meter)
        return MeterPlace(place, "given")
    zones = zones_of_region(place.region)
    if len(zones) == 1:
        return MeterPlace(Place(place.region, place.country, zones[0]), "only zone of the region")
    fitting = tuple(zone for zone in zones if clock is not None and _has_standard_offset(zone, clock.offset_s))
    if not fitting:
        ask_for_zone(place, zones, record=meter, next_step="Name the time zone of the meter.")
    return MeterPlace(Place(place.region, place.country, fitting[0]), "the feed's clock")


def check_zone(place: Place, zones: tuple[str, ...], *, record: str) -> None:
    """Refuse a time zone that a place cannot have: an auditor would refuse every statement with it.

    Args:
        place: A place with the zone that somebody named.
        zones: IANA zones that its region may have.
        record: Where it stands, for the message.

    Raises:
        PlaceError: There is no such zone, or it is none of the region; the message lists those.
    """
    zone_of(place.zone, record=record)
    if place.zone not in zones:
        raise PlaceError(
            "This time zone is none of the region's",
            expected=f"one of {', '.join(zones)}" if zones else _NO_ZONE,
            got=f"{place.zone} in {place.region}",
            record=record,
            next_step="Name the time zone that clocks at this place show." if zones else "Give the country or the ZIP code.",
        )


def ask_for_zone(place: Place, zones: tuple[str, ...], *, record: str, next_step: str) -> NoReturn:
    """Refuse a place whose time zone has to be asked.

    Args:
        place: Which place.
        zones: IANA zones that it may have.
        record: Where it stands, for the message.
        next_step: What to do.

    Raises:
        PlaceError: Always; its message lists the zones.
    """
    raise PlaceError(
        "This region has more than one time zone" if zones else "The time zone of this region is not known",
        expected=f"one of {', '.join(zones)}" if zones else _NO_ZONE,
        got=place.region,
        record=record,
        next_step=next_step if zones else "Give the country or the ZIP code.",
    )


def _has_standard_offset(zone_name: str, offset_s: int) -> bool:
    zone = zone_of(zone_name)
    for month in (1, 7):
        at = datetime(2024, month, 1, tzinfo=zone)
        if not at.dst() and at.utcoffset() == timedelta(seconds=offset_s):
            return True
    return False
