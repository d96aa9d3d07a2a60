"""European Environment Agency: CO2 intensity of electricity generation by country and year.

CO2 only, generation only: no methane, no nitrous oxide, no supply of the fuels. Edition 6 of the chart's data is read. Edition 5,
held beside it, is older, differs in 632 of the numbers that both have and has a negative one; the shares of renewable energy
beside them are no factors.
"""

import csv
from collections.abc import Mapping
from io import StringIO

from domain.errors import FactorSetError
from scoring.factors.importers.published import (
    Imported,
    PublishedRow,
    SourceTable,
    decimal_text,
    hash_findings,
    large_changes,
    require_columns,
)

AGGREGATES = frozenset(
    {
        "European Union - 27 countries (from 2020)",
        "European Union - 28 countries (2013-2020)",
    }
)
"""Groups of countries: no place where somebody lives."""

_OWN_NAMES = {"United Kingdom": "GB"}
"""Names that it writes otherwise than CLDR ("UK")."""

KNOWN_SHA256S = ("3a1d8f8b4a64173b285ee5c4428b680c97c0a3faaa68d5732a1cd393738ef7f2",)
_COLUMNS = ("Date:year", "Member State:text", "index:number", "Indicative level - high:number", "Indicative level - low:number")
_EEA = SourceTable(
    table_id="eea-6",
    publisher="EEA",
    edition="DaViz 6",
    table="CO2 emission intensity of electricity generation",
    kind="electricity",
    unit="kWh",
    published_unit="g/kWh",
    gwp_set="",
    life_cycle_scope="generation",
    source_url="https://www.eea.europa.eu/data-and-maps/daviz/co2-emission-intensity-6",
    licence="CC BY 4.0",
    note="CO2 only, g per kWh generated; EEA allows re-use with attribution.",
)


def import_eea(data: bytes, region_of: Mapping[str, str]) -> Imported:
    """CO2 intensity of the electricity generated in a country.

    Args:
        data: Bytes of the chart's CSV file.
        region_of: English name of a country to its region.

    Returns:
        One row per country and year, rate "generation_intensity".

    Raises:
        FactorSetError: A column, a country or a number is not what it must be.

    Source:
        EEA, CO2 emission intensity of electricity generation (DaViz).
    """
    record = "EEA CO2 intensity of electricity"
    lines = list(csv.reader(StringIO(data.decode("utf-8-sig"))))
    require_columns(lines[0] if lines else [], _COLUMNS, record=record)
    rows = []
    for line_number, (year, country, number, *_) in enumerate(lines[1:], 2):
        where = f"{record}, line {line_number}"
        if country in AGGREGATES:
            continue
        region = _OWN_NAMES.get(country) or region_of.get(country)
        if not region:
            raise FactorSetError(expected="the English name of a country", got=country, record=where)
        if not year.isdigit():
            raise FactorSetError(expected="a year", got=year, record=where)
        by_gas = {"co2": decimal_text(number, record=where)}
        rows.append(PublishedRow(_EEA.table_id, region, int(year), "generation_intensity", by_gas, label=country))
    groups = sorted({line[1] for line in lines[1:]} & AGGREGATES)
    findings = [*hash_findings(data, KNOWN_SHA256S, record), f"{record}: groups left out: {', '.join(groups)}"]
    return Imported((_EEA,), tuple(rows), findings=(*findings, *large_changes(rows, record=record)))
