"""Our World in Data: carbon intensity of electricity by country and year (Ember), and CO2 per person (Global Carbon Project)."""

import csv
from collections.abc import Mapping
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import (
    Imported,
    Parameter,
    PublishedRow,
    RegionRow,
    SourceTable,
    decimal_text,
    hash_findings,
    large_changes,
    require_columns,
)

INTENSITY_SHA256S = ("9ff1ac550b003f0caf72c8b4a6bc073a7074e87c968a8a99177b792c7ce80c40",)
PER_PERSON_SHA256S = ("e2a5531b4d10818468200ea5827560ac5137af8d89b04e1a4f91edb8e80b4033",)

AGGREGATES = {
    "OWID_WRL": RegionRow("WORLD", "World", ""),
    "OWID_AFR": RegionRow("WORLD/africa", "Africa", "WORLD"),
    "OWID_ASI": RegionRow("WORLD/asia", "Asia", "WORLD"),
    "OWID_EUR": RegionRow("WORLD/europe", "Europe", "WORLD"),
    "OWID_NAM": RegionRow("WORLD/north-america", "North America", "WORLD"),
    "OWID_OCE": RegionRow("WORLD/oceania", "Oceania", "WORLD"),
    "OWID_SAM": RegionRow("WORLD/south-america", "South America", "WORLD"),
}
"""Their codes of the world and the continents. Income groups and Ember's own groups are no place where somebody lives."""

KOSOVO = "OWID_KOS"
"""Their code; ISO 3166-1 has none, XK is the user-assigned one that the EU and Unicode CLDR use."""

INTENSITY = SourceTable(
    table_id="ember-owid-2026-04",
    publisher="Ember via Our World in Data",
    edition="downloaded 2026-04",
    table="Carbon intensity of electricity",
    kind="electricity",
    unit="kWh",
    published_unit="g/kWh",
    gwp_set="not stated",
    life_cycle_scope="life_cycle",
    source_url="https://ourworldindata.org/grapher/carbon-intensity-electricity",
    licence="CC BY 4.0",
    note="Life-cycle g CO2e per kWh generated; Ember revises past years, so the edition matters.",
)


def import_intensity(data: bytes, alpha2_of: Mapping[str, str]) -> Imported:
    """Carbon intensity of every country, continent and the world.

    Args:
        data: Bytes of the grapher's CSV file.
        alpha2_of: ISO 3166-1 alpha-3 to alpha-2.

    Returns:
        One row per region and year.

    Raises:
        FactorSetError: Columns, a country code or a number are not what they must be.
    """
    record = "OWID carbon intensity of electricity"
    lines = csv.reader(StringIO(data.decode("utf-8-sig")))
    require_columns(next(lines), ["Entity", "Code", "Year", "Carbon intensity of electricity per kWh"], record=record)
    rows, left_out = [], set()
    for entity, code, year, value in lines:
        region = _region(code, alpha2_of, record=f"{record}, {entity}")
        if region is None:
            left_out.add(entity)
            continue
        by_gas = {"co2e": decimal_text(value, record=f"{record}, {entity} {year}")}
        rows.append(PublishedRow(INTENSITY.table_id, region, int(year), "carbon_intensity", by_gas))
    findings = (
        *hash_findings(data, INTENSITY_SHA256S, record),
        f"{record}: groups left out: {', '.join(sorted(left_out))}",
        *large_changes(rows, record=record),
    )
    return Imported((INTENSITY,), tuple(rows), regions=tuple(AGGREGATES.values()), findings=findings)


def import_per_person(data: bytes, alpha2_of: Mapping[str, str]) -> Imported:
    """Consumption-based CO2 per person: the latest year held for every country and the world.

    Args:
        data: Bytes of the grapher's CSV file.
        alpha2_of: ISO 3166-1 alpha-3 to alpha-2.

    Returns:
        Parameters named "consumption_co2_per_person".

    Raises:
        FactorSetError: Columns or a number are not what they must be.
    """
    record = "OWID consumption CO2 per person"
    lines = csv.reader(StringIO(data.decode("utf-8-sig")))
    require_columns(next(lines), ["Entity", "Code", "Year", "Per capita consumption-based CO₂ emissions"], record=record)
    latest: dict[str, tuple[int, str]] = {}
    for entity, code, year, value in lines:
        region = _region(code, alpha2_of, record=f"{record}, {entity}")
        if region is not None and int(year) > latest.get(region, (0, ""))[0]:
            latest[region] = (int(year), decimal_text(value, record=f"{record}, {entity} {year}"))
    parameters = tuple(
        Parameter(
            name="consumption_co2_per_person",
            region=region,
            year=year,
            value_text=value_text,
            unit="t",
            publisher="Global Carbon Project via Our World in Data",
            edition="downloaded 2024-04",
            source_url="https://ourworldindata.org/grapher/consumption-co2-per-capita",
            licence="CC BY 4.0",
            note="CO2 only, without other greenhouse gases; t per person and year, imports counted, exports not.",
        )
        for region, (year, value_text) in sorted(latest.items())
    )
    return Imported(parameters=parameters, findings=hash_findings(data, PER_PERSON_SHA256S, record))


def _region(code: str, alpha2_of: Mapping[str, str], *, record: str) -> str | None:
    if code in AGGREGATES:
        return AGGREGATES[code].region
    if code == KOSOVO:
        return "XK"
    if not code or code.startswith("OWID_"):
        return None
    if code not in alpha2_of:
        raise FactorSetError(expected="an ISO 3166-1 alpha-3 code", got=code, record=record)
    return alpha2_of[code]
