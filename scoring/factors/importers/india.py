"""Open India Emission Factors 1.2: a compilation of Indian figures (CEA, PFC, IPCC, Smart Freight Centre, India GHG Program).

Every row is marked as compiled, with the document it was taken from. What is kept apart, and why:

- The all-India grid average is CEA's own. Factors of regional grids and of states were computed by the compiler from the plants
  inside them and do not count what is imported; the compiler itself says not to use Delhi's for scope 2. They have rates of their
  own ("regional_generation", "state_generation"), so that no rule takes them for the grid.
- Losses are AT&C: technical losses together with what is not billed or not paid. They are parameters, not a grid loss.
- Margins are for avoided emissions. Combined margin is said to be 75 % operating margin and 25 % build margin; the number printed
  is the mean of both.
- Coal, fuel oil and natural gas are said to be CO2e and are CO2 alone, as their components say: they are kept as CO2.
- Natural gas is per normal cubic metre (0 degrees C), which no meter of ours reads: its factor per TJ (net) is kept.
- Bagasse is left out: the record gives 0, 75.7 kg of CH4 and N2O, and two different numbers for its biogenic CO2.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256

from domain.errors import FactorSetError
from scoring.factors.importers.epa_hub_sheet import slug
from scoring.factors.importers.published import (
    Imported,
    Parameter,
    PublishedRow,
    RegionRow,
    SourceTable,
    decimal_text,
    hash_findings,
)

KNOWN_SHA256S = ("0ba1dc377bd17ebcd8c96cee64c152aaa6b8c80c9d626741e04e63e8d47989d2",)
LICENCE = "CC0 1.0"
SOURCE_URL = "https://github.com/Creator619-Python/open-india-emission-factors"
_PUBLISHER = "Open India Emission Factors"
_VERSION = "1.2"
_COMPILED = "Compiled by Open India EF, not the document itself."
_COMPUTED = (
    "Computed by the compiler from plant data of CEA; not published by CEA. Generation inside the area, imports not counted."
)
_CO2_ONLY = "CO2 only"

STATES = {
    "Andhra Pradesh": "AP",
    "Arunachal Pradesh": "AR",
    "Assam": "AS",
    "Bihar": "BR",
    "Chhattisgarh": "CG",
    "Delhi": "DL",
    "Goa": "GA",
    "Gujarat": "GJ",
    "Haryana": "HR",
    "Himachal Pradesh": "HP",
    "Jharkhand": "JH",
    "Karnataka": "KA",
    "Kerala": "KL",
    "Ladakh": "LA",
    "Madhya Pradesh": "MP",
    "Maharashtra": "MH",
    "Manipur": "MN",
    "Meghalaya": "ML",
    "Mizoram": "MZ",
    "Nagaland": "NL",
    "Odisha": "OD",
    "Puducherry": "PY",
    "Punjab": "PB",
    "Rajasthan": "RJ",
    "Sikkim": "SK",
    "Tamil Nadu": "TN",
    "Telangana": "TS",
    "Tripura": "TR",
    "Uttar Pradesh": "UP",
    "Uttarakhand": "UK",
    "West Bengal": "WB",
}
"""Names to codes of ISO 3166-2:IN as of 2023-11 (CG, OD, TS and UK replaced CT, OR, TG and UT)."""

Record = Mapping[str, object]


@dataclass(frozen=True)
class Target:
    """What a record is in our words.

    Attributes:
        kind: Kind of activity.
        unit: Unit of the kind.
        said_unit: Unit in the record's words: the assertion that the record is what we think.
        published_unit: The same in our symbols.
        gas: "co2" or "co2e".
        scope: A `LifeCycleScope` value.
        attributes: Attributes of the kind.
        rate: Which rate.
        gwp_set: Set that CO2e was weighted with.
        value_field: Field that holds the number.
    """

    kind: str
    unit: str
    said_unit: str
    published_unit: str
    gas: str
    scope: str
    attributes: Mapping[str, str] = field(default_factory=dict)
    rate: str = ""
    gwp_set: str = ""
    value_field: str = "value"

    @property
    def unit_field(self) -> str:
        """Field that holds the unit."""
        return self.value_field.replace("value", "unit")


def _grid(rate: str, kind: str = "electricity") -> Target:
    return Target(kind, "kWh", "kgCO2/kWh", "kg/kWh", "co2", "generation", rate=rate)


def _fuel(fuel: str, said_unit: str, *, unit: str, gas: str = "co2e", rate: str = "") -> Target:
    published = {"litre": "kg/L", "kg": "kg/kg", "tonne": "kg/t"}[said_unit.partition("/")[2]]
    gwp_set = "AR6" if gas == "co2e" else ""
    return Target("fuel", unit, said_unit, published, gas, "combustion", {"fuel": fuel, "blend": "average"}, rate, gwp_set)


def _per_tj(kind: str, **attributes: str) -> Target:
    given = {**attributes, "blend": "average", "heating_value": "net"}
    return Target(kind, "kWh", "kgCO2/TJ", "kg/TJ", "co2", "combustion", given, value_field="value_per_TJ")


def _passenger(kind: str, scope: str, gas: str, rate: str = "", **attributes: str) -> Target:
    said_unit = "kgCO2/passenger-km" if gas == "co2" else "kgCO2e/passenger-km"
    return Target(kind, "pkm", said_unit, "kg/pkm", gas, scope, attributes, rate, "" if gas == "co2" else "not stated")


def _road_freight(vehicle: str) -> Target:
    attributes = {"mode": "road", "vehicle": vehicle, "powertrain": "diesel", "laden": "average", "is_refrigerated": "no"}
    return Target("freight", "tkm", "kgCO2e/tonne-km", "kg/tkm", "co2e", "life_cycle", attributes, gwp_set="not stated")


def _refrigerant(name: str) -> Target:
    return Target("refrigerant", "g", "kgCO2e/kg", "kg/kg", "co2e", "operation", {"refrigerant": name}, "AR6", "AR6")


_COAL_UNIT = "kgCO2e/tonne"
_FLIGHT = {"haul": "domestic", "cabin": "economy", "radiative_forcing": "without"}
TARGETS: Mapping[str, tuple[Target, ...]] = {
    "grid-india-national-weighted-avg": (_grid("weighted_average"),),
    "grid-india-simple-operating-margin": (_grid("operating_margin", "electricity_export"),),
    "grid-india-build-margin": (_grid("build_margin", "electricity_export"),),
    "grid-india-combined-margin": (_grid("combined_margin", "electricity_export"),),
    "fuel-diesel-road-ttw": (_fuel("diesel", "kgCO2e/litre", unit="m3", rate="mobile"),),
    "fuel-petrol-road-ttw": (_fuel("petrol", "kgCO2e/litre", unit="m3", rate="mobile"),),
    "fuel-cng-road-ttw": (_fuel("cng", "kgCO2e/kg", unit="kg", rate="mobile"),),
    "fuel-lpg-stationary-combustion": (_fuel("lpg", "kgCO2e/kg", unit="kg"),),
    "stationary-coal-sub-bituminous-india": (
        _fuel("subbituminous_coal", _COAL_UNIT, unit="kg", gas="co2"),
        _per_tj("fuel", fuel="subbituminous_coal"),
    ),
    "stationary-coal-bituminous-imported": (
        _fuel("bituminous_coal", _COAL_UNIT, unit="kg", gas="co2"),
        _per_tj("fuel", fuel="bituminous_coal"),
    ),
    "stationary-coal-lignite": (_fuel("lignite", _COAL_UNIT, unit="kg", gas="co2"), _per_tj("fuel", fuel="lignite")),
    "stationary-furnace-oil-hfo": (
        _fuel("residual_fuel_oil", _COAL_UNIT, unit="kg", gas="co2"),
        _per_tj("fuel", fuel="residual_fuel_oil"),
    ),
    "stationary-natural-gas": (_per_tj("natural_gas"),),
    "rail-passenger-non-suburban-combined": (_passenger("rail", "operation", "co2", service="national"),),
    "rail-passenger-suburban-combined": (_passenger("rail", "operation", "co2", service="commuter"),),
    "rail-freight-combined": (
        Target("freight", "tkm", "kgCO2/tonne-km", "kg/tkm", "co2", "operation", {"mode": "rail", "vehicle": "average"}),
    ),
    "freight-road-lcv-diesel-india": (_road_freight("lcv_under_3.5t"),),
    "freight-road-mcv-diesel-india": (_road_freight("mcv_5_12t"),),
    "freight-road-hcv-diesel-india": (_road_freight("hcv_20_30t"),),
    "aviation-domestic-india-economy": (_passenger("flight", "combustion", "co2", **_FLIGHT),),
    "aviation-domestic-india-short-haul": (_passenger("flight", "combustion", "co2", "under_1000_km", **_FLIGHT),),
    "commute-city-bus-india": (_passenger("bus", "operation", "co2e", service="local"),),
    "commute-metro-india": (_passenger("rail", "operation", "co2e", service="underground"),),
    "refrigerant-r22-gwp": (_refrigerant("HCFC-22"),),
    "refrigerant-r32-gwp": (_refrigerant("HFC-32"),),
    "refrigerant-r134a-gwp": (_refrigerant("HFC-134a"),),
    "refrigerant-r404a-gwp": (_refrigerant("R-404A"),),
    "refrigerant-r410a-gwp": (_refrigerant("R-410A"),),
    "refrigerant-r407c-gwp": (_refrigerant("R-407C"),),
    "refrigerant-r717-gwp": (_refrigerant("R-717"),),
    "refrigerant-r744-gwp": (_refrigerant("carbon_dioxide"),),
    "waste-msw-landfill-lifetime-india": (
        Target(
            kind="waste",
            unit="kg",
            said_unit="kgCO2e/tonne MSW (lifetime, attributional, no gas capture)",
            published_unit="kg/t",
            gas="co2e",
            scope="life_cycle",
            attributes={"material": "mixed_msw", "treatment": "landfill"},
            gwp_set="AR6",
        ),
    ),
    "waste-wastewater-domestic-aerobic-treatment": (
        Target("wastewater", "m3", "kgCO2e/m3 wastewater treated (approximate)", "kg/m3", "co2e", "operation", gwp_set="AR6"),
    ),
}
"""Record to what it is; records that are not here have no kind of ours and are counted in a finding."""

_LOSS_PREFIX = "td-loss-"
_AREA_TARGETS = {"grid-region-": "regional_generation", "grid-state-": "state_generation"}


def import_india(data: bytes) -> Imported:
    """Grid, fuels, rail, freight, aviation, refrigerants and waste of the compilation.

    Args:
        data: Bytes of its JSON file.

    Returns:
        Rows of India, its grids and states (refrigerants: of the world), AT&C losses as parameters, and the states as regions.

    Raises:
        FactorSetError: A record lacks a field, has another unit, or its number is none.

    Source:
        Open India Emission Factors 1.2 (2026-06-27), after the documents that its records name.
    """
    record = "Open India Emission Factors"
    records = _records(data, record)
    tables: dict[str, SourceTable] = {}
    rows: list[PublishedRow] = []
    parameters: list[Parameter] = []
    left_out: Counter[str] = Counter()
    for one in records:
        identifier = _word(one, "id", record)
        where = f"{record}, {identifier}"
        targets = _targets(identifier)
        if identifier.startswith(_LOSS_PREFIX):
            parameters.append(_loss(one, where))
        elif not targets:
            left_out[_word(one, "sector", where)] += 1
        rows += [_row(one, target, tables, where) for target in targets]
    missing = sorted(TARGETS.keys() - {_word(one, "id", record) for one in records})
    if missing:
        raise FactorSetError(expected=f"a record {missing[0]}", got="none", record=record)
    findings = (
        *hash_findings(data, KNOWN_SHA256S, record),
        _left_out_finding(left_out, record),
        *_part_findings(records, record),
    )
    return Imported(tuple(tables.values()), tuple(rows), tuple(parameters), regions=_regions(rows, parameters), findings=findings)


def _records(data: bytes, record: str) -> list[Record]:
    try:
        document = json.loads(data, parse_float=Decimal, parse_int=Decimal)
    except json.JSONDecodeError as error:
        raise FactorSetError(expected="JSON", got=str(error), record=record) from error
    version = document.get("metadata", {}).get("version")
    if version != _VERSION:
        raise FactorSetError("The compilation is of another version", expected=_VERSION, got=str(version), record=record)
    found: list[Record] = document["emission_factors"]
    return found


def _targets(identifier: str) -> tuple[Target, ...]:
    for prefix, rate in _AREA_TARGETS.items():
        if identifier.startswith(prefix):
            return (_grid(rate),)
    return TARGETS.get(identifier, ())


def _row(one: Record, target: Target, tables: dict[str, SourceTable], where: str) -> PublishedRow:
    said_unit = _word(one, target.unit_field, where)
    if said_unit != target.said_unit:
        raise FactorSetError(expected=target.said_unit, got=said_unit, record=where)
    if target.gas == "co2" and "CO2e" in said_unit and not _basis(one).startswith(_CO2_ONLY):
        raise FactorSetError(expected=f"components that say {_CO2_ONLY!r}", got=_basis(one) or "none", record=where)
    table = _table(one, target, where)
    tables.setdefault(table.table_id, table)
    number = decimal_text(one.get(target.value_field), record=where)
    label = _word(one, "factor_name", where)
    region = _region(one, where)
    return PublishedRow(table.table_id, region, _year(one, where), target.rate, {target.gas: number}, label, target.attributes)


def _table(one: Record, target: Target, where: str) -> SourceTable:
    document = _word(one, "source_document", where)
    is_computed = target.rate in _AREA_TARGETS.values()
    short = sha256(document.encode()).hexdigest()[:4]
    words = (target.kind, target.published_unit, target.gas, short, *(["computed"] if is_computed else []))
    return SourceTable(
        table_id=f"india1.2-{slug(' '.join(words))}",
        publisher=_PUBLISHER,
        edition=_VERSION,
        table=f"emission_factors_v1_2.json, records of {document}",
        kind=target.kind,
        unit=target.unit,
        published_unit=target.published_unit,
        gwp_set=target.gwp_set,
        life_cycle_scope=target.scope,
        source_url=SOURCE_URL,
        licence=LICENCE,
        note=f"{_COMPILED}{f' {_COMPUTED}' if is_computed else ''} Source: {document}.",
    )


def _loss(one: Record, where: str) -> Parameter:
    unit = _word(one, "unit", where)
    if unit != "percent":
        raise FactorSetError(expected="percent", got=unit, record=where)
    return Parameter(
        name="atc_loss",
        region=_region(one, where),
        year=_year(one, where),
        value_text=decimal_text(one.get("value"), record=where),
        unit="percent",
        publisher=_PUBLISHER,
        edition=_VERSION,
        source_url=SOURCE_URL,
        licence=LICENCE,
        note="Aggregate technical and commercial loss: unbilled and unpaid electricity is in it, so it is no grid loss. "
        f"{_COMPILED} Source: {_word(one, 'source_document', where)}.",
    )


def _region(one: Record, where: str) -> str:
    place, sort = _word(one, "geography", where), _word(one, "geography_type", where)
    if sort == "global":
        return "WORLD"
    if sort == "national":
        return "IN"
    if sort == "regional_grid":
        return f"IN/grid/{slug(place.removesuffix(' Region'))}"
    if place not in STATES:
        raise FactorSetError(expected="a state or territory of India", got=place, record=where)
    return f"IN/state/{STATES[place]}"


def _year(one: Record, where: str) -> int:
    """First calendar year of what the numbers are for: fiscal years begin in April; defaults go by their publication."""
    found = re.search(r"\b(20[0-9]{2})\b", str(one.get("reference_year")))
    if "defaults" in str(one.get("reference_year")) or not found:
        return int(_word(one, "publication_year", where))
    return int(found[1])


def _regions(rows: Iterable[PublishedRow], parameters: Iterable[Parameter]) -> tuple[RegionRow, ...]:
    names = {code: name for name, code in STATES.items()}
    paths = {row.region for row in rows} | {one.region for one in parameters}
    found = []
    for path in sorted(paths - {"IN", "WORLD"}):
        code = path.rpartition("/")[2]
        name = names[code] if "/state/" in path else f"India, {code.replace('_', '-')} grid"
        found.append(RegionRow(path, name, "IN"))
    return tuple(found)


def _left_out_finding(left_out: Counter[str], record: str) -> str:
    by_sector = ", ".join(f"{count} of {sector}" for sector, count in sorted(left_out.items()))
    return f"{record}: {left_out.total()} records have no kind of ours or contradict themselves: {by_sector}"


def _part_findings(records: Iterable[Record], record: str) -> Iterable[str]:
    """CO2 that is more than the CO2e it is a part of."""
    for one in records:
        components = one.get("ghg_components")
        unit = str(one.get("unit")).partition("/")[2]
        part = components.get(f"CO2_kgCO2_per_{unit}") if isinstance(components, dict) else None
        if isinstance(part, Decimal) and isinstance(whole := one.get("value"), Decimal) and part > whole:
            yield f"{record}: {one.get('id')} says {whole} kg CO2e per {unit} of which {part} are CO2"


def _basis(one: Record) -> str:
    components = one.get("ghg_components")
    return str(components.get("GWP_basis", "")) if isinstance(components, dict) else ""


def _word(one: Record, name: str, where: str) -> str:
    found = one.get(name)
    if found is None or found == "":
        raise FactorSetError(expected=f"a field {name}", got="none", record=where)
    return str(found)
