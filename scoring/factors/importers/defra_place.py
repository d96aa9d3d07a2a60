"""Where a factor of the flat file belongs in our vocabulary: what the modules of its groups give."""

from collections.abc import Mapping
from dataclasses import dataclass, field

GB = "GB"


@dataclass(frozen=True)
class Place:
    """What a factor is for.

    Attributes:
        kind: Kind of activity.
        life_cycle_scope: A `LifeCycleScope` value.
        attributes: Of the kind, name to value.
        rate: Which of several rates for the same thing; empty where there is one.
        region: Region path.
    """

    kind: str
    life_cycle_scope: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    rate: str = ""
    region: str = GB


@dataclass(frozen=True)
class LeftOut:
    """Why a factor is not taken.

    Attributes:
        reason: For the finding.
    """

    reason: str


PUBLISHED_PER = {
    "tonnes": "t",
    "litres": "L",
    "cubic metres": "m3",
    "kwh": "kWh",
    "kwh (gross cv)": "kWh",
    "kwh (net cv)": "kWh",
    "kg": "kg",
    "gj": "GJ",
    "km": "km",
    "passenger.km": "pkm",
    "tonne.km": "tkm",
    "room per night": "room_night",
    "per fte working hour": "h",
}
"""Their units in small letters to our symbols. Miles and million litres repeat km and cubic metres."""

COMBUSTION, GENERATION, OPERATION = "combustion", "generation", "operation"
UPSTREAM, GRID_LOSS, LIFE_CYCLE = "upstream", "grid_loss", "life_cycle"

NO_REGION = "an average of several countries is no region"
