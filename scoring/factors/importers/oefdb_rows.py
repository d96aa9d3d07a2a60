"""Which rows of the Open Emission Factors DB are for which kind of ours: one entry per activity that is taken.

An activity that is not here has no kind of ours, or lacks an attribute that our kind must know (which effect at altitude, which
load); it is counted in a finding. A vehicle per passenger-kilometre is not a car per kilometre.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Taken:
    """An activity of the database that is one of ours.

    Attributes:
        kind: Kind of activity.
        unit: Unit in which the kind keeps it.
        published_unit: Unit of the published numbers.
        rate: Which of several rates for the same thing.
        attributes: Attributes of the kind.
        life_cycle_scope: What it counts, where the database's own word (`lca_activity`) does not say.
    """

    kind: str
    unit: str
    published_unit: str
    rate: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    life_cycle_scope: str = ""


_GRID = "electricity-energy_source_grid_mix"


def _grid(rate: str, scope: str = "generation") -> Taken:
    return Taken("electricity", "kWh", "kg/kWh", rate, life_cycle_scope=scope)


def _fuel(fuel: str, rate: str = "") -> Taken:
    return Taken("fuel", "m3", "kg/L", rate, {"fuel": fuel, "blend": "average"})


def _car(powertrain: str, size: str = "average", rate: str = "") -> Taken:
    scope = "operation" if powertrain == "electric" else ""
    return Taken("car", "km", "kg/km", rate, {"powertrain": powertrain, "size": size}, scope)


def _van(powertrain: str, rate: str = "") -> Taken:
    return Taken("van", "km", "kg/km", rate, {"powertrain": powertrain, "weight_class": "average"})


def _pkm(kind: str, attribute: str, value: str, rate: str = "", scope: str = "") -> Taken:
    return Taken(kind, "pkm", "kg/pkm", rate, {attribute: value}, scope)


def _flight(haul: str, cabin: str = "average") -> Taken:
    return Taken("flight", "pkm", "kg/pkm", "", {"haul": haul, "cabin": cabin, "radiative_forcing": "with"})


def _freight(mode: str, rate: str = "", scope: str = "", **attributes: str) -> Taken:
    return Taken("freight", "tkm", "kg/tkm", rate, {"mode": mode, **attributes}, scope)


def _car_id(fuel: str, size: str = "na", age: str = "na") -> str:
    return f"passenger_vehicle-vehicle_type_car-fuel_source_{fuel}-engine_size_{size}-vehicle_age_{age}-vehicle_weight_na"


def _lcv_id(fuel: str) -> str:
    return f"commercial_vehicle-vehicle_type_lcv-fuel_source_{fuel}-engine_size_na-vehicle_age_post_2015-vehicle_weight_na"


def _flight_id(route: str, distance: str, cabin: str) -> str:
    return f"passenger_flight-route_type_{route}-aircraft_type_na-distance_{distance}-class_{cabin}-rf_included"


def _ship_id(vessel: str, route: str = "na", length: str = "na", tonnage: str = "na", fuel: str = "na") -> str:
    return f"sea_freight-vessel_type_{vessel}-route_type_{route}-vessel_length_{length}-tonnage_{tonnage}-fuel_source_{fuel}"


def _truck_id(vehicle: str, fuel: str = "na") -> str:
    return f"freight_vehicle-vehicle_type_{vehicle}-fuel_source_{fuel}-vehicle_weight_na-percentage_load_na"


def _train_id(route: str, fuel: str = "na") -> str:
    return f"passenger_train-route_type_{route}-fuel_source_{fuel}"


_NOT_COOLED = {"laden": "average", "is_refrigerated": "no"}

_EPA = {
    _GRID: _grid("total_output"),
    f"{_GRID}_non_baseload": _grid("non_baseload"),
}
_AIB = {_GRID: _grid("production_mix")}
_GHG_PROTOCOL = {f"{_GRID}_residual_mix_market_based": _grid("residual_mix")}
_NATIONAL_GRID = {_GRID: _grid("")}

_ADEME = {
    _GRID: _grid("", ""),
    _car_id("na"): _car("unknown"),
    _car_id("diesel"): _car("diesel"),
    _car_id("petrol"): _car("petrol"),
    _car_id("lpg"): _car("lpg"),
    _car_id("ngv"): _car("cng"),
    "passenger_vehicle-vehicle_type_motorcycle-fuel_source_na-engine_size_na-vehicle_age_na-vehicle_weight_na": Taken(
        "motorcycle", "km", "kg/km", attributes={"size": "average"}
    ),
    _train_id("na", "electricity"): _pkm("rail", "service", "national", "electric"),
    _train_id("high_speed"): _pkm("rail", "service", "intercity", "high_speed", "life_cycle"),
    _train_id("mainline"): _pkm("rail", "service", "intercity", "", "life_cycle"),
    _train_id("regional_express"): _pkm("rail", "service", "commuter", "regional_express", "life_cycle"),
    _train_id("rer_and_transilien"): _pkm("rail", "service", "commuter", "", "life_cycle"),
    _train_id("subway_ile_de_france"): _pkm("rail", "service", "underground", "", "life_cycle"),
    _train_id("tram_ile_de_france"): _pkm("rail", "service", "light_rail", "", "life_cycle"),
    **{
        _truck_id("light_delivery", fuel): _freight("road", vehicle="van", powertrain=fuel)
        for fuel in ("cng", "diesel", "lpg", "petrol")
    },
    _ship_id("container_reefer_refrigerated"): _freight("sea", vehicle="container_ship", is_refrigerated="yes"),
}

_MFE = {
    _GRID: _grid(""),
    "fuel_type_avgas-fuel_use_aviation": _fuel("aviation_gasoline"),
    "fuel_type_avtur-fuel_use_aviation": _fuel("jet_fuel"),
    "fuel_type_biodiesel-fuel_use_transport": _fuel("biodiesel"),
    "fuel_type_bioethanol-fuel_use_transport": _fuel("bioethanol"),
    "fuel_type_diesel-fuel_use_stationary_industrial": _fuel("diesel", "stationary_industrial"),
    "fuel_type_diesel-fuel_use_transport": _fuel("diesel"),
    "fuel_type_lpg-fuel_use_transport": _fuel("lpg"),
    "fuel_type_petrol-fuel_use_transport": _fuel("petrol"),
    "fuel_type_premium_petrol-fuel_use_transport": _fuel("petrol", "premium"),
    _car_id("petrol"): _car("petrol"),
    _car_id("diesel"): _car("diesel"),
    _car_id("petrol_hev"): _car("hybrid"),
    _car_id("diesel_hev"): _car("hybrid", rate="diesel_hybrid"),
    _car_id("bev"): _car("electric"),
    **{_car_id("bev", size, "post_2015"): _car("electric", size) for size in ("small", "medium", "large")},
    _lcv_id("petrol"): _van("petrol"),
    _lcv_id("diesel"): _van("diesel"),
    _lcv_id("petrol_hev"): _van("hybrid"),
    _lcv_id("diesel_hev"): _van("hybrid", "diesel_hybrid"),
    "commercial_vehicle-vehicle_type_hgv-fuel_source_diesel-engine_size_na-vehicle_age_post_2015-vehicle_weight_na": Taken(
        "truck", "km", "kg/km", attributes={"vehicle": "all", **_NOT_COOLED}
    ),
    "passenger_vehicle-vehicle_type_taxi-fuel_source_na-engine_size_na-vehicle_age_post_2015-vehicle_weight_na": Taken(
        "taxi", "km", "kg/km", attributes={"service": "regular"}
    ),
    "passenger_vehicle-vehicle_type_bus-fuel_source_na-distance_na-engine_size_na": _pkm("bus", "service", "average"),
    _train_id("urban"): _pkm("rail", "service", "commuter"),
    _flight_id("domestic", "na", "na"): _flight("domestic"),
    _flight_id("international", "short_haul_lt_3700km", "na"): _flight("short"),
    _flight_id("international", "long_haul_gt_3700km", "na"): _flight("long"),
    **{
        _flight_id("international", "long_haul_gt_3700km", cabin): _flight("long", cabin)
        for cabin in ("economy", "premium_economy", "business", "first")
    },
    "freight_flight-route_type_domestic-distance_na-weight_na-rf_included": _freight(
        "air", haul="domestic", radiative_forcing="with"
    ),
    "freight_flight-route_type_domestic-distance_short_haul_lt_3700km-weight_na-rf_included": _freight(
        "air", haul="short", radiative_forcing="with"
    ),
    "freight_flight-route_type_international-distance_long_haul_gt_3700km-weight_na-rf_included": _freight(
        "air", haul="long", radiative_forcing="with"
    ),
    "freight_train-route_type_domestic-fuel_type_na": _freight("rail", vehicle="freight_train"),
    _truck_id("commercial_truck"): _freight("road", vehicle="all", **_NOT_COOLED),
    _ship_id("bulk_carrier"): _freight("sea", vehicle="bulk_carrier", is_refrigerated="no"),
    _ship_id("container_ship"): _freight("sea", vehicle="container_ship", is_refrigerated="no"),
    _ship_id("cargo"): _freight("sea", vehicle="general_cargo", is_refrigerated="no"),
    _ship_id("refrigerated_cargo"): _freight("sea", vehicle="refrigerated_cargo", is_refrigerated="yes"),
    _ship_id("roro_ferry"): _freight("sea", vehicle="roro_ferry", is_refrigerated="no"),
    _ship_id("vehicle_transport"): _freight("sea", vehicle="vehicle_transport", is_refrigerated="no"),
}

_UBA = {
    _train_id("local", "diesel"): _pkm("rail", "service", "commuter", "diesel"),
    _train_id("local", "electricity"): _pkm("rail", "service", "commuter", "electric"),
    _train_id("long_distance", "diesel"): _pkm("rail", "service", "intercity", "diesel"),
    _train_id("long_distance", "electricity"): _pkm("rail", "service", "intercity", "electric"),
    "passenger_vehicle-vehicle_type_bus-fuel_source_na-distance_na-engine_size_na": _pkm("bus", "service", "average"),
    "freight_train-route_type_domestic-fuel_type_diesel": _freight("rail", "diesel", vehicle="freight_train"),
    "freight_train-route_type_domestic-fuel_type_electricity": _freight("rail", "electric", vehicle="freight_train"),
    _ship_id("bulk_carrier", length="panamax", tonnage="50000t", fuel="bunker_c_oil"): _freight(
        "sea", vehicle="bulk_carrier_panamax", is_refrigerated="no"
    ),
    _ship_id("cargo", "international", tonnage="60000t", fuel="bunker_c_oil"): _freight(
        "sea", vehicle="container_ship_medium", is_refrigerated="no"
    ),
    _ship_id("tanker_oil", length="suezmax", tonnage="75000t", fuel="bunker_c_oil"): _freight(
        "sea", vehicle="oil_tanker_suezmax", is_refrigerated="no"
    ),
    _ship_id("cargo", "inland", fuel="diesel"): _freight("inland_waterway", vehicle="average"),
    _ship_id("cargo", "inland", tonnage="500t", fuel="diesel"): _freight("inland_waterway", vehicle="barge_500t"),
}

TAKEN: Mapping[str, Mapping[str, Taken]] = {
    "EPA": _EPA,
    "AIB": _AIB,
    "GHG Protocol": _GHG_PROTOCOL,
    "ADEME": _ADEME,
    "MfE": _MFE,
    "UBA": _UBA,
    "DISER": _NATIONAL_GRID,
    "UNFCCC": _NATIONAL_GRID,
}
"""Source of the database to its activities that are taken."""

LEFT_OUT: Mapping[str, str] = {
    "BEIS": "DEFRA's own files are read instead",
    "CCF": "Cloud Carbon Footprint's numbers are a model's output",
}
"""Sources that are left out as a whole, and why."""

SUBDIVISIONS: Mapping[str, tuple[str, str]] = {
    "AU-ACT": ("AU/state/ACT", "Australian Capital Territory"),
    "AU-NSW": ("AU/state/NSW", "New South Wales"),
    "AU-NT": ("AU/state/NT", "Northern Territory"),
    "AU-QLD": ("AU/state/QLD", "Queensland"),
    "AU-SA": ("AU/state/SA", "South Australia"),
    "AU-TAS": ("AU/state/TAS", "Tasmania"),
    "AU-VIC": ("AU/state/VIC", "Victoria"),
    "CA-AB": ("CA/state/AB", "Alberta"),
    "CA-BC": ("CA/state/BC", "British Columbia"),
    "CA-MB": ("CA/state/MB", "Manitoba"),
    "CA-NB": ("CA/state/NB", "New Brunswick"),
    "CA-NL": ("CA/state/NL", "Newfoundland and Labrador"),
    "CA-NS": ("CA/state/NS", "Nova Scotia"),
    "CA-NT": ("CA/state/NT", "Northwest Territories"),
    "CA-NU": ("CA/state/NU", "Nunavut"),
    "CA-ON": ("CA/state/ON", "Ontario"),
    "CA-PE": ("CA/state/PE", "Prince Edward Island"),
    "CA-QC": ("CA/state/QC", "Quebec"),
    "CA-SK": ("CA/state/SK", "Saskatchewan"),
    "CA-YT": ("CA/state/YT", "Yukon"),
    "FR-2A-FR-2B": ("FR/state/20R", "Corsica"),
    "FR-PAR": ("FR/state/IDF", "Île-de-France"),
    "NZ-WLG": ("NZ/state/WGN", "Wellington"),
}
"""Their code of a part of a country to our path and its English name. ISO 3166-2 calls Corsica 20R and Wellington WGN."""
