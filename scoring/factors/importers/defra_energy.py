"""Fuels, bioenergy, electricity, heat, water and refrigerants of the flat file in our vocabulary."""

from domain.errors import FactorSetError
from scoring.factors.importers.defra_countries import COUNTRIES, GROUPS_OF_COUNTRIES
from scoring.factors.importers.defra_place import (
    COMBUSTION,
    GENERATION,
    GRID_LOSS,
    NO_REGION,
    OPERATION,
    UPSTREAM,
    LeftOut,
    Place,
)
from scoring.factors.importers.defra_sheet import FlatFactor, choice_of

_NATURAL_GAS = "natural_gas"
_FUELS = {
    "butane": "butane",
    "cng": "cng",
    "lng": "lng",
    "lpg": "lpg",
    "natural gas": _NATURAL_GAS,
    "natural gas (100% mineral blend)": _NATURAL_GAS,
    "other petroleum gas": "other_petroleum_gas",
    "propane": "propane",
    "aviation spirit": "aviation_gasoline",
    "aviation turbine fuel": "jet_fuel",
    "burning oil": "kerosene",
    "diesel (100% mineral diesel)": "diesel",
    "diesel (average biofuel blend)": "diesel",
    "fuel oil": "residual_fuel_oil",
    "gas oil": "gas_oil",
    "lubricants": "lubricants",
    "marine fuel oil": "marine_fuel_oil",
    "marine gas oil": "marine_gas_oil",
    "naphtha": "naphtha",
    "petrol (100% mineral petrol)": "petrol",
    "petrol (average biofuel blend)": "petrol",
    "processed fuel oils - distillate oil": "processed_distillate_oil",
    "processed fuel oils - residual oil": "processed_residual_oil",
    "refinery miscellaneous": "refinery_miscellaneous",
    "waste oils": "waste_oils",
    "coal (domestic)": "coal_domestic",
    "coal (electricity generation - home produced coal only)": "coal_electricity_generation_home_produced",
    "coal (electricity generation)": "coal_electricity_generation",
    "coal (industrial)": "coal_industrial",
    "coking coal": "coking_coal",
    "petroleum coke": "petroleum_coke",
}
_BIOFUELS = {
    "avtur (renewable)": "renewable_jet_fuel",
    "bio petrol": "bio_petrol",
    "biodiesel": "biodiesel",
    "biodiesel me": "biodiesel",
    "biodiesel (from tallow)": "biodiesel_tallow",
    "biodiesel me (from tallow)": "biodiesel_tallow",
    "biodiesel (from used cooking oil)": "biodiesel_used_cooking_oil",
    "biodiesel me (from used cooking oil)": "biodiesel_used_cooking_oil",
    "biodiesel hvo": "hvo",
    "bioethanol": "bioethanol",
    "biomethane": "biomethane",
    "biomethane (compressed)": "biomethane_compressed",
    "biomethane (liquified)": "biomethane_liquefied",
    "biopropane": "biopropane",
    "development diesel": "development_diesel",
    "development petrol": "development_petrol",
    "methanol (bio)": "bio_methanol",
    "off road biodiesel": "off_road_biodiesel",
    "renewable petrol": "renewable_petrol",
    "biogas": "biogas",
    "landfill gas": "landfill_gas",
    "grass/straw": "grass_straw",
    "wood chips": "wood_chips",
    "wood logs": "wood_logs",
    "wood pellets": "wood_pellets",
}
_HEATING_VALUES = {"kwh (gross cv)": "gross", "kwh (net cv)": "net"}
_NET_OF_UNIT = {"kwh": "net", "gj": "net"}
"""Bioenergy and forecourt fuels name no basis. It is the net one: per tonne over per kWh is 16.85 GJ/t for wood pellets, 26.8 for
bioethanol, 37.2 for biodiesel (2017), all net calorific values; forecourt diesel gives 9.96 kWh/L (2020), as net in Fuels."""

_HEAT = {"district heat and steam": "district_heat", "onsite heat and steam": "steam"}


def place_fuel(factor: FlatFactor) -> Place | LeftOut:
    """A fossil fuel at the burner, or its supply (WTT).

    Natural gas by the tonne is kept among the fuels: its own kind is metered in kWh or m3.
    """
    name = factor.level_3.lower()
    fuel = choice_of(_FUELS, name, factor)
    attributes = {"blend": "mineral" if "100% mineral" in name else "average"}
    heating_value = _HEATING_VALUES.get(factor.uom.lower())
    if heating_value:
        attributes["heating_value"] = heating_value
    scope = UPSTREAM if factor.group.startswith("wtt") else COMBUSTION
    if fuel == _NATURAL_GAS and factor.uom.lower() != "tonnes":
        return Place(_NATURAL_GAS, scope, attributes)
    return Place("fuel", scope, {"fuel": fuel, **attributes})


def place_bioenergy(factor: FlatFactor) -> Place | LeftOut:
    """A biofuel at the burner (CH4 and N2O; its CO2 is biogenic), or its supply (WTT)."""
    attributes = {"fuel": choice_of(_BIOFUELS, factor.level_3, factor), "blend": "average"}
    heating_value = _NET_OF_UNIT.get(factor.uom.lower())
    if heating_value:
        attributes["heating_value"] = heating_value
    return Place("fuel", UPSTREAM if factor.group.startswith("wtt") else COMBUSTION, attributes)


def place_outside_of_scopes(factor: FlatFactor) -> Place | LeftOut:
    """The factor that biogenic CO2 belongs to.

    Raises:
        FactorSetError: It is a table that we do not know.
    """
    table = factor.level_2.lower()
    if table in {"biofuel", "biogas", "biomass"}:
        return place_bioenergy(factor)
    if table == "electricity generated":
        return place_electricity(factor)
    if table != "forecourt fuels containing biofuel":
        raise FactorSetError(expected="a table of biogenic CO2 that is known", got=factor.level_2, record=factor.record)
    attributes = {"fuel": choice_of(_FUELS, factor.level_3, factor), "blend": "average"}
    if factor.uom.lower() in _NET_OF_UNIT:
        attributes["heating_value"] = "net"
    return Place("fuel", COMBUSTION, attributes)


def place_electricity(factor: FlatFactor) -> Place | LeftOut:
    """Electricity at the power station; held a second time for managed assets."""
    return _electricity(factor, GENERATION, "managed_assets" if factor.group.startswith("managed assets") else "")


def place_grid_loss(factor: FlatFactor) -> Place | LeftOut:
    """What is lost between power station or boiler house and meter, per kWh used."""
    if factor.level_2.lower() == "distribution - district heat & steam":
        return Place("district_heat", GRID_LOSS)
    return _electricity(factor, GRID_LOSS)


def place_electricity_supply(factor: FlatFactor) -> Place | LeftOut:
    """Supply (WTT) of the fuels of power stations: per kWh used, and of the part that the grid loses (rate "grid_loss")."""
    return _electricity(factor, UPSTREAM, "grid_loss" if factor.level_2.lower().endswith("(t&d)") else "")


def place_heat(factor: FlatFactor) -> Place | LeftOut:
    """District heat, and heat or steam made on the site by somebody else; the supply (WTT) of their fuels."""
    is_upstream = factor.group.startswith("wtt")
    if factor.level_2.lower() == "wtt- district heat & steam distribution":
        return Place("district_heat", UPSTREAM, rate="grid_loss")
    return Place(choice_of(_HEAT, factor.level_3, factor), UPSTREAM if is_upstream else COMBUSTION)


def place_water(factor: FlatFactor) -> Place | LeftOut:
    """Water supplied, and waste water treated, by the water companies."""
    return Place(choice_of({"water supply": "water", "water treatment": "wastewater"}, factor.level_1, factor), OPERATION)


def _electricity(factor: FlatFactor, scope: str, rate: str = "") -> Place | LeftOut:
    name = factor.level_3.removeprefix("Electricity: ")
    if name.lower() in GROUPS_OF_COUNTRIES:
        return LeftOut(NO_REGION)
    return Place("electricity", scope, rate=rate, region=choice_of(COUNTRIES, name, factor))
