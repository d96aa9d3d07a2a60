"""EPA GHG Emission Factors Hub: Tables 3 to 5, CH4 and N2O of vehicles and engines by technology and model year.

They complete the CO2 of Table 2 for whoever knows the vehicle; no rule chooses them (rate "mobile_ch4_n2o"). A light-duty
truck is EPA's class of SUVs, minivans, pickups and vans up to about 8,500 lb: no segment of another publisher is that, so it is
a segment of its own. Buses go by vehicle-mile here and by passenger-kilometre in the vocabulary: their rows are left out.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from scoring.factors.importers.epa_hub_sheet import HubTable, hub_row, known, slug
from scoring.factors.importers.published import Imported, PublishedRow, SourceTable

RATE = "mobile_ch4_n2o"
_GASES = ("ch4", "n2o")
_NOTE = "CH4 and N2O only, exhaust; CO2 of the fuel stands in Table 2."
_ROAD_HEADERS = (
    ("Vehicle Type", "Model Year", "CH4 Factor (g CH4 / vehicle-mile)", "N2O Factor (g N2O / vehicle-mile)"),
    ("Vehicle Type", "Year", "CH4 Factor (g / mile)", "N2O Factor (g / mile)"),
)
_OTHER_ROAD_HEADERS = (
    ("Vehicle Type", "Fuel Type", "Model Year", "CH4 Factor (g CH4 / vehicle-mile)", "N2O Factor (g N2O / vehicle-mile)"),
    ("Vehicle Type", "Fuel Type", "Vehicle Year", "CH4 Factor (g / mile)", "N2O Factor (g / mile)"),
)
_NON_ROAD_HEADERS = (
    ("Vehicle Type", "Fuel Type", "CH4 Factor (g CH4 / gallon)", "N2O Factor (g N2O / gallon)"),
    ("Vehicle Type", "Fuel Type", "CH4 Factor (g / gallon)", "N2O Factor (g / gallon)"),
)
_CAR = {"size": "average"}
_LIGHT_TRUCK = {"segment": "light_duty_truck"}
_VEHICLES: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "Gasoline Passenger Cars": ("car", _CAR | {"powertrain": "petrol"}),
    "Gasoline Light-Duty Trucks (Vans, Pickup Trucks, SUVs)": ("car", _LIGHT_TRUCK | {"powertrain": "petrol"}),
    "Gasoline Heavy-Duty Vehicles": ("truck", {}),
    "Gasoline Motorcycles": ("motorcycle", {"size": "average"}),
    "Passenger Cars": ("car", _CAR),
    "Light-Duty Cars": ("car", _CAR),
    "Light-Duty Trucks": ("car", _LIGHT_TRUCK),
    "Medium- and Heavy-Duty Vehicles": ("truck", {}),
    "Medium-Duty Trucks": ("truck", {}),
    "Heavy-Duty Trucks": ("truck", {}),
    "Buses": ("", {}),
}
_POWERTRAINS = {"Diesel": "diesel", "CNG": "cng", "LPG": "lpg"}
_NON_ROAD_FUELS = {
    "Residual Fuel Oil": "residual_fuel_oil",
    "Gasoline": "petrol",
    "Gasoline (2 stroke)": "petrol",
    "Gasoline (4 stroke)": "petrol",
    "Gasoline Off-Road Trucks": "petrol",
    "Diesel": "diesel",
    "Diesel Equipment": "diesel",
    "Diesel Off-Road Trucks": "diesel",
    "Jet Fuel": "jet_fuel",
    "Aviation Gasoline": "aviation_gasoline",
    "LPG": "lpg",
}


def import_gasoline_vehicles(table: HubTable) -> Imported:
    """Table 3: on-road gasoline vehicles by model year, g per vehicle-mile.

    Args:
        table: The table.

    Returns:
        Cars, light-duty trucks (as cars), heavy vehicles (as trucks) and motorcycles.

    Raises:
        FactorSetError: A vehicle, a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 3, after the US greenhouse gas inventory's annexes.
    """
    lines = [(row_number, list(cells[:4])) for row_number, cells in table.rows_below(_ROAD_HEADERS)]
    for (_, above), (_, cells) in pairwise(lines):
        if cells[0].startswith("("):
            above[0], cells[0] = f"{above[0]} {cells[0]}", ""
    return _by_mile(table, [(row_number, (cells[0], "", *cells[1:])) for row_number, cells in lines])


def import_other_vehicles(table: HubTable) -> Imported:
    """Table 4: on-road diesel and alternative-fuel vehicles, g per vehicle-mile.

    Args:
        table: The table.

    Returns:
        Cars, light-duty trucks (as cars) and trucks; a finding that says how many rows of buses are left out.

    Raises:
        FactorSetError: A vehicle, a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 4, after the US greenhouse gas inventory's annexes.
    """
    return _by_mile(table, [(row_number, cells[:5]) for row_number, cells in table.rows_below(_OTHER_ROAD_HEADERS)])


def import_non_road(table: HubTable) -> Imported:
    """Table 5: ships, locomotives, aircraft and machines, g per US gallon of their fuel.

    Args:
        table: The table.

    Returns:
        Rows of the fuel, each with its technology.

    Raises:
        FactorSetError: A fuel, a column or a number is not what it must be.

    Source:
        EPA GHG Emission Factors Hub, Table 5, after the US greenhouse gas inventory's annexes.
    """
    source = table.source_table(
        "fuel-gal_us", kind="fuel", unit="m3", published_unit="ch4=g/gal_us;n2o=g/gal_us", scope="combustion", note=_NOTE
    )
    rows, vehicle = [], ""
    for row_number, cells in table.rows_below(_NON_ROAD_HEADERS):
        vehicle = cells[0] or vehicle
        attributes = {
            "fuel": known(_NON_ROAD_FUELS, cells[1], table, row_number),
            "blend": "average",
            "technology": slug(f"{vehicle} {cells[1]}"),
        }
        by_gas = table.numbers(_GASES, cells[2:4], row_number)
        rows.append(hub_row(source, table.hub_year, by_gas, f"{vehicle} / {cells[1]}", attributes, rate=RATE))
    return Imported((source,), tuple(rows))


def _by_mile(table: HubTable, lines: Sequence[tuple[int, Sequence[str]]]) -> Imported:
    """Rows of vehicle, fuel, model year, CH4, N2O; vehicle and fuel stand in the first row of their group alone."""
    tables: dict[str, SourceTable] = {}
    rows: list[PublishedRow] = []
    vehicle = fuel = ""
    bus_count = 0
    for row_number, (vehicle_cell, fuel_cell, model_year, *numbers) in lines:
        vehicle, fuel = vehicle_cell or vehicle, fuel_cell or ("" if vehicle_cell else fuel)
        kind, attributes = known(_VEHICLES, vehicle, table, row_number)
        if not kind:
            bus_count += 1
            continue
        if kind not in tables:
            tables[kind] = table.source_table(
                kind, kind=kind, unit="km", published_unit="ch4=g/mi;n2o=g/mi", scope="combustion", note=_NOTE
            )
        own = {"technology": slug(f"{vehicle} {fuel}"), "model_year": model_year}
        own |= {"powertrain": _POWERTRAINS[fuel]} if kind == "car" and fuel in _POWERTRAINS else {}
        label = " / ".join(part for part in (vehicle, fuel, model_year) if part)
        given = {name: value for name, value in {**attributes, **own}.items() if value}
        by_gas = table.numbers(_GASES, numbers, row_number)
        rows.append(hub_row(tables[kind], table.hub_year, by_gas, label, given, rate=RATE))
    left_out = (
        (f"{table.record}: {bus_count} rows of buses per vehicle-mile left out, no kind has that unit",) if bus_count else ()
    )
    return Imported(tuple(tables.values()), tuple(rows), findings=left_out)
