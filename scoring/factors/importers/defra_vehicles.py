"""Cars, motorcycles, vans, trucks and freight of the flat file in our vocabulary."""

import re
from collections.abc import Callable, Mapping

from domain.errors import FactorSetError
from scoring.factors.importers.defra_place import COMBUSTION, GENERATION, GRID_LOSS, OPERATION, UPSTREAM, LeftOut, Place
from scoring.factors.importers.defra_sheet import FlatFactor, choice_of

_POWERTRAINS = {
    "petrol": "petrol",
    "diesel": "diesel",
    "hybrid": "hybrid",
    "plug-in hybrid electric vehicle": "plug_in_hybrid",
    "battery electric vehicle": "electric",
    "cng": "cng",
    "lpg": "lpg",
    "unknown": "unknown",
}
_CAR_SIZES = {"small car": "small", "medium car": "medium", "large car": "large", "average car": "average"}
_SEGMENTS = {
    "mini": "mini",
    "supermini": "supermini",
    "lower medium": "lower_medium",
    "upper medium": "upper_medium",
    "executive": "executive",
    "luxury": "luxury",
    "sports": "sports",
    "dual purpose 4x4": "dual_purpose_4x4",
    "mpv": "mpv",
}
_MOTORCYCLE_SIZES = {"small": "small", "medium": "medium", "large": "large", "average": "average"}
_WEIGHT_CLASSES = {
    "class i (up to 1.305 tonnes)": "I",
    "class ii (1.305 to 1.74 tonnes)": "II",
    "class iii (1.74 to 3.5 tonnes)": "III",
    "average (up to 3.5 tonnes)": "average",
}
_FREIGHT_VANS = {"I": "van_class_1", "II": "van_class_2", "III": "van_class_3", "average": "van"}
_TRUCKS = {
    "rigid (>3.5 - 7.5 tonnes)": "rigid_3.5_7.5t",
    "rigid (>7.5 tonnes-17 tonnes)": "rigid_7.5_17t",
    "rigid (>17 tonnes)": "rigid_over_17t",
    "all rigids": "rigid",
    "articulated (>3.5 - 33t)": "articulated_3.5_33t",
    "articulated (>33t)": "articulated_over_33t",
    "all artics": "articulated",
    "all hgvs": "all",
}
_LADEN = {"0% laden": "0", "50% laden": "50", "100% laden": "100", "average laden": "average"}
HAULS = {
    "domestic, to/from uk": "domestic",
    "short-haul, to/from uk": "short",
    "long-haul, to/from uk": "long",
    "international, to/from non-uk": "international",
}
"""Length classes of flights: from and to the UK, and "international" for flights between other countries."""

RADIATIVE_FORCING = {"with rf": "with", "without rf": "without"}
"""Column text of flights."""

_GENERAL_SHIPS = frozenset({"average", "all dwt"})
_REPEATED_SIGN = re.compile(r"[^a-z0-9]+")

_RATE_AND_SCOPE = {
    "passenger vehicles": ("passenger_vehicles", COMBUSTION),
    "delivery vehicles": ("delivery_vehicles", COMBUSTION),
    "business travel- land": ("business_travel", COMBUSTION),
    "managed assets- vehicles": ("managed_assets", COMBUSTION),
    "freighting goods": ("freighting_goods", COMBUSTION),
    "uk electricity for evs": ("electricity_for_evs", GENERATION),
    "uk electricity t&d for evs": ("electricity_td_for_evs", GRID_LOSS),
    "wtt- pass vehs & travel- land": ("passenger_vehicles", UPSTREAM),
    "wtt- pass vehs & travel (land)": ("passenger_vehicles", UPSTREAM),
    "wtt- delivery vehs & freight": ("delivery_vehicles", UPSTREAM),
}
"""The same car stands in up to three groups: the rate says which. Supply (WTT) stands once, under the rate of the main group."""

_RATES_WITH_ELECTRICITY = frozenset({"business_travel", "managed_assets", "freighting_goods"})
"""Where a car or van with a plug is counted whole: exhaust + electricity + its grid loss, in every edition. In the groups of
scope 1 it is the exhaust alone."""

_WITH_PLUG = frozenset({"electric", "plug_in_hybrid"})


def vehicle_kind_and_attributes(factor: FlatFactor) -> tuple[str, dict[str, str]]:
    """Kind and attributes of a row per km.

    Args:
        factor: Of a group of vehicles, or of the tables of kWh per km.

    Returns:
        Kind of activity, and its attributes.

    Raises:
        FactorSetError: The table or a name is not known.
    """
    table = factor.level_2.lower().removeprefix("wtt- ").removeprefix("managed ")
    reader = _TABLES.get(table)
    if reader is None:
        raise FactorSetError(expected=f"one of the tables {', '.join(_TABLES)}", got=factor.level_2, record=factor.record)
    return reader(factor)


def place_vehicle(factor: FlatFactor) -> Place | LeftOut:
    """A vehicle per km, or its load per tkm."""
    rate, scope = _RATE_AND_SCOPE[factor.group]
    kind, attributes = vehicle_kind_and_attributes(factor)
    if rate in _RATES_WITH_ELECTRICITY and attributes.get("powertrain") in _WITH_PLUG:
        scope = OPERATION
    if factor.uom.lower() == "tonne.km":
        if attributes.get("laden") == "0":
            return LeftOut("an empty truck moves no tonnes")
        return Place("freight", scope, _as_freight(kind, attributes), rate if rate.startswith("electricity") else "")
    return Place(kind, scope, attributes, rate)


def place_freight(factor: FlatFactor) -> Place | LeftOut:
    """Goods by road, rail, sea or air, and the vans and trucks that carry them."""
    table = factor.level_2.lower().removeprefix("wtt- ")
    is_upstream = factor.group.startswith("wtt")
    scope = UPSTREAM if is_upstream else COMBUSTION
    if table in {"cargo ship", "sea tanker"}:
        return Place("freight", scope, {"mode": "sea", "vehicle": _ship(factor)})
    if table == "rail":
        vehicle = choice_of({"freight train": "average"}, factor.level_3, factor)
        return Place("freight", UPSTREAM if is_upstream else OPERATION, {"mode": "rail", "vehicle": vehicle})
    if table == "freight flights":
        haul = choice_of(HAULS, factor.level_3, factor)
        forcing = choice_of(RADIATIVE_FORCING, factor.column_text, factor)
        return Place("freight", scope, {"mode": "air", "vehicle": "average", "haul": haul, "radiative_forcing": forcing})
    return place_vehicle(factor)


def _ship(factor: FlatFactor) -> str:
    """Vessel and size class as a slug: "bulk_carrier_0_9999_dwt"; the vessel alone where the row is its average."""
    size = "" if factor.level_4.lower() in _GENERAL_SHIPS else factor.level_4.lower().replace(",", "").replace("+", " plus")
    return _REPEATED_SIGN.sub("_", f"{factor.level_3.lower()} {size}").strip("_")


def _as_freight(kind: str, attributes: Mapping[str, str]) -> dict[str, str]:
    if kind == "van":
        vehicle = _FREIGHT_VANS[attributes["weight_class"]]
        return {"mode": "road", "vehicle": vehicle, "powertrain": attributes["powertrain"]}
    return {"mode": "road", **attributes}


def _car_by_size(factor: FlatFactor) -> tuple[str, dict[str, str]]:
    return "car", {
        "powertrain": choice_of(_POWERTRAINS, factor.column_text, factor),
        "size": choice_of(_CAR_SIZES, factor.level_3, factor),
    }


def _car_by_segment(factor: FlatFactor) -> tuple[str, dict[str, str]]:
    return "car", {
        "powertrain": choice_of(_POWERTRAINS, factor.column_text, factor),
        "segment": choice_of(_SEGMENTS, factor.level_3, factor),
    }


def _motorcycle(factor: FlatFactor) -> tuple[str, dict[str, str]]:
    return "motorcycle", {"size": choice_of(_MOTORCYCLE_SIZES, factor.level_3, factor)}


def _van(factor: FlatFactor) -> tuple[str, dict[str, str]]:
    return "van", {
        "powertrain": choice_of(_POWERTRAINS, factor.column_text, factor),
        "weight_class": choice_of(_WEIGHT_CLASSES, factor.level_3, factor),
    }


def _truck(factor: FlatFactor) -> tuple[str, dict[str, str]]:
    return "truck", {
        "vehicle": choice_of(_TRUCKS, factor.level_3, factor),
        "laden": choice_of(_LADEN, factor.column_text, factor),
        "is_refrigerated": "yes" if "refrigerated" in factor.level_2.lower() else "no",
    }


_TABLES: Mapping[str, Callable[[FlatFactor], tuple[str, dict[str, str]]]] = {
    "cars (by size)": _car_by_size,
    "cars (by market segment)": _car_by_segment,
    "motorbike": _motorcycle,
    "motorbikes": _motorcycle,
    "vans": _van,
    "hgv (all diesel)": _truck,
    "hgv refrigerated (all diesel)": _truck,
    "hgvs refrigerated (all diesel)": _truck,
}
