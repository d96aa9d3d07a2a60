"""Business travel, hotels and work at home of the flat file in our vocabulary."""

from scoring.factors.importers.defra_countries import COUNTRIES, GROUPS_OF_COUNTRIES, PARTS_OF_COUNTRIES
from scoring.factors.importers.defra_place import COMBUSTION, NO_REGION, OPERATION, UPSTREAM, LeftOut, Place
from scoring.factors.importers.defra_sheet import FlatFactor, choice_of
from scoring.factors.importers.defra_vehicles import HAULS, RADIATIVE_FORCING, place_vehicle

_CABINS = {
    "average passenger": "average",
    "economy class": "economy",
    "premium economy class": "premium_economy",
    "business class": "business",
    "first class": "first",
}
_FERRY_PASSENGERS = {"foot passenger": "foot", "car passenger": "car", "average (all passenger)": "average"}
_TAXIS = {"regular taxi": "regular", "black cab": "black_cab"}
_BUSES = {
    "local bus (not london)": "local_not_london",
    "local london bus": "local_london",
    "average local bus": "local",
    "coach": "coach",
}
_TRAINS = {
    "national rail": "national",
    "international rail": "international",
    "light rail and tram": "light_rail",
    "london underground": "underground",
}
_HOME_USES = {
    "office equipment": "office_equipment",
    "heating": "heating",
    "homeworking (office equipment + heating)": "all",
}


def place_flight(factor: FlatFactor) -> Place | LeftOut:
    """A flight per passenger-kilometre, or the supply (WTT) of its fuel."""
    attributes = {
        "haul": choice_of(HAULS, factor.level_3, factor),
        "cabin": choice_of(_CABINS, factor.level_4, factor),
        "radiative_forcing": choice_of(RADIATIVE_FORCING, factor.column_text, factor),
    }
    return Place("flight", UPSTREAM if factor.group.startswith("wtt") else COMBUSTION, attributes)


def place_ferry(factor: FlatFactor) -> Place | LeftOut:
    """A ferry per passenger-kilometre, or the supply (WTT) of its fuel."""
    attributes = {"passenger": choice_of(_FERRY_PASSENGERS, factor.level_3, factor)}
    return Place("ferry", UPSTREAM if factor.group.startswith("wtt") else COMBUSTION, attributes)


def place_land_travel(factor: FlatFactor) -> Place | LeftOut:
    """Taxi, bus and rail, or a car or motorcycle as in the groups of vehicles; or the supply (WTT) of what drives them."""
    is_upstream = factor.group.startswith("wtt")
    table = factor.level_2.lower().removeprefix("wtt- ")
    if table == "taxis":
        service = {"service": choice_of(_TAXIS, factor.level_3, factor)}
        return Place("taxi", UPSTREAM if is_upstream else COMBUSTION, service)
    if table in {"bus", "rail"}:
        service = {"service": choice_of(_BUSES if table == "bus" else _TRAINS, factor.level_3, factor)}
        return Place(table, UPSTREAM if is_upstream else OPERATION, service)
    return place_vehicle(factor)


def place_hotel(factor: FlatFactor) -> Place | LeftOut:
    """A room for a night in a country; a part of a country is kept under a rate of its own."""
    name = factor.level_3.lower()
    if name in GROUPS_OF_COUNTRIES:
        return LeftOut(NO_REGION)
    return Place("hotel", OPERATION, rate=PARTS_OF_COUNTRIES.get(name, ""), region=choice_of(COUNTRIES, name, factor))


def place_home_working(factor: FlatFactor) -> Place | LeftOut:
    """An hour of a full-time employee's work at home."""
    return Place("home_working", OPERATION, {"use": choice_of(_HOME_USES, factor.level_2, factor)})
