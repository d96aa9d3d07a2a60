"""How somebody travelled, in Google's words, and the kind of activity that it is."""

from typing import NamedTuple


class Mode(NamedTuple):
    """A way of travelling that we count.

    Attributes:
        kind: Name of the kind.
        unit: What its distance is counted in.
        service: Value of the attribute `service`, where Google's word says it.
        is_guessed: Whether Google's word leaves open what it was, and the kind is the likely one.
    """

    kind: str
    unit: str = "pkm"
    service: str = ""
    is_guessed: bool = False

    @property
    def label(self) -> str:
        """Its part of a record's name."""
        return f"{self.kind}-{self.service}" if self.service else self.kind


_CAR, _PERHAPS_CAR = Mode("car", "km"), Mode("car", "km", is_guessed=True)

COUNTED = {
    "IN_PASSENGER_VEHICLE": _CAR,
    "IN_CAR": _CAR,
    "DRIVING": _CAR,
    "IN_VEHICLE": _PERHAPS_CAR,
    "IN_ROAD_VEHICLE": _PERHAPS_CAR,
    "MOTORCYCLING": Mode("motorcycle", "km"),
    "IN_TAXI": Mode("taxi"),
    "IN_BUS": Mode("bus"),
    "IN_TRAIN": Mode("rail"),
    "IN_RAIL_VEHICLE": Mode("rail", is_guessed=True),
    "IN_SUBWAY": Mode("rail", service="underground"),
    "IN_TRAM": Mode("rail", service="light_rail"),
    "IN_FERRY": Mode("ferry"),
    "FLYING": Mode("flight"),
}
"""Google's word to what it is."""

WITHOUT_FUEL = frozenset(
    (
        *("CYCLING", "ON_BICYCLE", "WALKING", "WALKING_NORDIC", "ON_FOOT", "RUNNING", "HIKING", "SNOWSHOEING", "IN_WHEELCHAIR"),
        *("STILL", "TILTING", "EXITING_VEHICLE", "CATCHING_POKEMON", "HORSEBACK_RIDING", "PARAGLIDING"),
        *("KAYAKING", "KITESURFING", "ROWING", "SAILING", "SURFING", "SWIMMING"),
        *("SKATEBOARDING", "SKATING", "SKIING", "SLEDDING", "SNOWBOARDING"),
    )
)
"""Google's words for what burns nothing: no activity of ours, and left out."""

SHORT_HAUL_END_M, MEDIUM_HAUL_END_M = 482_803, 3_701_491
"""300 and 2,300 miles in metres: where EPA's length classes of flights end (GHG Emission Factors Hub 2025, Table 10). Google does
not say the airports, so the length is all there is."""


def haul_of(distance_m: int) -> str:
    """Length class of a flight.

    Args:
        distance_m: Whole metres.

    Returns:
        Value of the attribute `haul`.
    """
    return "short" if distance_m < SHORT_HAUL_END_M else "medium" if distance_m < MEDIUM_HAUL_END_M else "long"
