"""EPA GHG Emission Factors Hub: Table 8 (transport of goods), 9 (waste) and 10 (travel and commuting).

What our words make of EPA's:
- "Passenger Car" is a car of average size and unknown powertrain.
- "Light-Duty Truck" is a car of its own segment, `light_duty_truck`: SUVs, minivans, pickups and vans up to about 8,500 lb
  (2021: wheelbase over 121 inches). DEFRA's dual_purpose_4x4 is only a part of that, and a van is not it either.
- "Medium- and Heavy-Duty Truck" is every heavy goods vehicle, average load; refrigerated ones are not told apart.
- "Waterborne Craft" stands for sea and for inland waterways, "Transit Rail (i.e. Subway, Tram)" for underground and light rail:
  one published row, two of ours.
- Hauls of flights go by distance: short under 300 miles, medium under 2300 miles, long from there.
"""

from collections.abc import Mapping, Sequence
from itertools import product

from domain.errors import FactorSetError
from scoring.factors.importers.epa_hub_sheet import HubTable, hub_row, known, slug
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable

Target = tuple[str, str, str, Mapping[str, str]]
"""Kind, life-cycle scope, rate, attributes."""

_GASES = ("co2", "ch4", "n2o")
_TRANSPORT_HEADERS = (
    ("Vehicle Type", "CO2 Factor (kg CO2 / unit)", "CH4 Factor (g CH4 / unit)", "N2O Factor (g N2O / unit)", "Units"),
    ("Vehicle Type", "CO2 Factor (kg / unit)", "CH4 Factor (g / unit)", "N2O Factor (g / unit)", "Units"),
)
_UNITS = {
    "vehicle-mile": ("mi", "km"),
    "passenger-mile": ("pmi", "pkm"),
    "short ton-mile": ("short_ton_mi", "tkm"),
    "ton-mile": ("short_ton_mi", "tkm"),
}
_CAR = {"powertrain": "unknown", "size": "average"}
_LIGHT_TRUCK = {"powertrain": "unknown", "segment": "light_duty_truck"}
_LOAD = {"vehicle": "all", "laden": "average", "is_refrigerated": "no"}
_AIR = {"mode": "air", "vehicle": "average", "haul": "domestic", "radiative_forcing": "without"}
_WHOLE_VEHICLE = "goods_whole_vehicle"
_HEAVY = "Medium- and Heavy-Duty Truck"
_GOODS: Mapping[tuple[str, str], Sequence[Target]] = {
    (_HEAVY, "mi"): (("truck", "combustion", "", _LOAD),),
    ("Passenger Car A", "mi"): (("car", "combustion", _WHOLE_VEHICLE, _CAR),),
    ("Light-Duty Truck B", "mi"): (("car", "combustion", _WHOLE_VEHICLE, _LIGHT_TRUCK),),
    (_HEAVY, "short_ton_mi"): (("freight", "combustion", "", {"mode": "road"} | _LOAD),),
    (f"{_HEAVY}C", "short_ton_mi"): (("freight", "combustion", "", {"mode": "road"} | _LOAD),),
    ("Rail", "short_ton_mi"): (("freight", "operation", "", {"mode": "rail", "vehicle": "average"}),),
    ("Waterborne Craft", "short_ton_mi"): (
        ("freight", "combustion", "", {"mode": "sea", "vehicle": "average"}),
        ("freight", "combustion", "", {"mode": "inland_waterway", "vehicle": "average"}),
    ),
    ("Aircraft", "short_ton_mi"): (("freight", "combustion", "", _AIR),),
    ("AircraftC", "short_ton_mi"): (("freight", "combustion", "", _AIR),),
}


def _flight(haul: str) -> Sequence[Target]:
    return (("flight", "combustion", "", {"haul": haul, "cabin": "average", "radiative_forcing": "without"}),)


def _rail(*services: str, rate: str = "") -> Sequence[Target]:
    return tuple(("rail", "operation", rate, {"service": service}) for service in services)


_TRAVEL: Mapping[tuple[str, str], Sequence[Target]] = {
    ("Passenger Car A", "mi"): (("car", "combustion", "", _CAR),),
    ("Light-Duty Truck B", "mi"): (("car", "combustion", "", _LIGHT_TRUCK),),
    ("Motorcycle", "mi"): (("motorcycle", "combustion", "", {"size": "average"}),),
    ("Intercity Rail - Northeast Corridor C", "pmi"): _rail("intercity", rate="northeast_corridor"),
    ("Intercity Rail - Other Routes C", "pmi"): _rail("intercity", rate="other_routes"),
    ("Intercity Rail - National Average C", "pmi"): _rail("intercity"),
    ("Commuter Rail D", "pmi"): _rail("commuter"),
    ("Transit Rail (i.e. Subway, Tram) E", "pmi"): _rail("underground", "light_rail"),
    ("Bus", "pmi"): (("bus", "operation", "", {"service": "average"}),),
    ("Air Travel - Short Haul (< 300 miles)", "pmi"): _flight("short"),
    ("Air Travel - Medium Haul (>= 300 miles, < 2300 miles)", "pmi"): _flight("medium"),
    ("Air Travel - Long Haul (>= 2300 miles)", "pmi"): _flight("long"),
}
_WASTE_HEADER = (
    *("Material", "RecycledA", "LandfilledB", "CombustedC", "CompostedD"),
    "Anaerobically Digested (Dry Digestate with Curing)",
    "Anaerobically Digested (Wet Digestate with Curing)",
)
_WASTE_HEADERS = (_WASTE_HEADER, (*_WASTE_HEADER[:5], *(f"{text}E" for text in _WASTE_HEADER[5:])))
_TREATMENTS = ("recycling", "landfill", "combustion", "composting", "anaerobic_digestion_dry", "anaerobic_digestion_wet")
_NOT_APPLICABLE = "NA"
MATERIALS = {"Mixed Paper (general)": "mixed_paper", "Clay Bricks": "bricks", "Yard Trimmings": "garden_waste"}
"""Materials whose value is not simply their words."""


def import_goods_transport(table: HubTable) -> Imported:
    """Table 8: transport of goods per vehicle-mile (whole vehicle) and per short ton-mile (shared).

    Args:
        table: The table.

    Returns:
        Trucks and cars by distance (the cars repeat Table 10 and have a rate of their own), freight by mode.

    Raises:
        FactorSetError: A vehicle, a unit, a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 8.
    """
    return _transport(table, _GOODS)


def import_travel(table: HubTable) -> Imported:
    """Table 10: business travel and commuting per vehicle-mile and passenger-mile.

    Args:
        table: The table.

    Returns:
        Cars, motorcycles, rail, buses and flights; flights are DEFRA's of an earlier year without radiative forcing.

    Raises:
        FactorSetError: A vehicle, a unit, a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 10.
    """
    return _transport(table, _TRAVEL)


def import_waste(table: HubTable) -> Imported:
    """Table 9: waste by material and treatment, metric tons CO2e per short ton; "NA" is no row.

    Args:
        table: The table.

    Returns:
        CO2e weighted with AR4 in every edition held, as its note says.

    Raises:
        FactorSetError: A column or a number is not what it must be, a material stands twice, or the note is another.

    Source:
        EPA GHG Emission Factors Hub, Table 9, after WARM, without avoided emissions.
    """
    table.require_text("AR4 GWP")
    table.require_text("Metric Tons CO2e / Short Ton Material")
    source = table.source_table(
        "waste",
        kind="waste",
        unit="kg",
        published_unit="t/short_ton",
        scope="life_cycle",
        gwp_set="AR4",
        note="Treatment and transport to it; without avoided emissions, energy recovery or carbon storage, so not as in WARM.",
    )
    rows = []
    lines = table.rows_below(_WASTE_HEADERS)
    for (row_number, cells), (column, treatment) in product(lines, enumerate(_TREATMENTS, 1)):
        if cells[column] == _NOT_APPLICABLE:
            continue
        by_gas = table.numbers(("co2e",), (cells[column],), row_number)
        attributes = {"material": MATERIALS.get(cells[0], slug(cells[0])), "treatment": treatment}
        label = f"{cells[0]} / {_WASTE_HEADER[column].rstrip('ABCDE')}"
        rows.append(hub_row(source, table.hub_year, by_gas, label, attributes))
    materials = {row.attributes["material"] for row in rows}
    if len(materials) != len(lines):
        raise FactorSetError(expected=f"{len(lines)} materials, each with a factor", got=str(len(materials)), record=table.record)
    return Imported((source,), tuple(rows))


def _transport(table: HubTable, targets: Mapping[tuple[str, str], Sequence[Target]]) -> Imported:
    tables: dict[str, SourceTable] = {}
    rows: list[PublishedRow] = []
    for row_number, (label, *numbers, unit_words) in ((at, cells[:5]) for at, cells in table.rows_below(_TRANSPORT_HEADERS)):
        per_unit, unit = known(_UNITS, unit_words, table, row_number)
        by_gas = table.numbers(_GASES, numbers, row_number)
        named = {words: found for (words, per), found in targets.items() if per == per_unit}
        for kind, scope, rate, attributes in known(named, label, table, row_number):
            name = f"{slug(kind)}-{slug(per_unit)}" + ("" if kind != "freight" else f"-{scope}")
            if name not in tables:
                published_unit = f"co2=kg/{per_unit};ch4=g/{per_unit};n2o=g/{per_unit}"
                tables[name] = table.source_table(name, kind=kind, unit=unit, published_unit=published_unit, scope=scope)
            rows.append(hub_row(tables[name], table.hub_year, by_gas, f"{label} / {unit_words}", attributes, rate=rate))
    return Imported(tuple(tables.values()), tuple(rows))
