"""Electricity Maps: yearly carbon intensity of every zone, flow traced, life cycle. A pack: ODbL, never in the package.

The files are `yearly_2021.json` and so on; the year stands in the file's name alone. Only the yearly mean is published there.
"""

import json
from collections.abc import Mapping

from domain.errors import FactorSetError
from scoring.factors.importers.published import Imported, PublishedRow, RegionRow, SourceTable, decimal_text, hash_findings

PUBLISHER = "Electricity Maps"
ZONE_PREFIX = "ZONE/"
"""Path of a zone that is no country: `ZONE/US-CAL-CISO`. Its parent is the country, so it is found only where it is named."""

RATE = "carbon_intensity"
"""As the publisher calls it. Of what is consumed: imports and exports between zones are traced."""

KNOWN_SHA256S: Mapping[int, str] = {
    2021: "4179dbc79c21fd8b8b5744df39a8f0892169b577e8373e37430dbeef826adc9d",
    2022: "f47c86b4a885934ff658251ebc8bbb67f24a6fe022412e2bf86f2bf74b4bbb15",
    2023: "39e861f53bae36bc461f15c0d89ffdc2f00d4bbfe925fbfcc5585f9244f21feb",
    2024: "9bb9eb9823a9ccf640966e92143fcfe7c2f88e6a55c23e66bd049ccacd0babee",
    2025: "90848fbe38a38d3805c2c12be99e5e165843b98d63e1f53a255aba163c5ca9b1",
}
_UNIT = "gCO2eq/kWh"


def import_yearly(data: bytes, year: int) -> Imported:
    """The carbon intensity of every zone in one year.

    Args:
        data: Bytes of `yearly_YEAR.json`.
        year: Calendar year that the file is of.

    Returns:
        One row per zone, with a region for every zone that is no country.

    Raises:
        FactorSetError: It is no such file, its unit is another one, or the bytes are those of another year.
    """
    record = f"Electricity Maps {year}"
    _check_year(data, year, record)
    table = SourceTable(
        table_id=f"electricitymaps{year}",
        publisher=PUBLISHER,
        edition=f"yearly {year}",
        table=f"yearly_{year}.json, carbonIntensity",
        kind="electricity",
        unit="kWh",
        published_unit="g/kWh",
        gwp_set="not stated",
        life_cycle_scope="life_cycle",
        source_url="https://www.electricitymaps.com/data",
        licence="ODbL 1.0",
        note="Flow traced: what is consumed in the zone, imports counted at their origin's intensity.",
    )
    rows, regions = [], []
    for zone, name, value in _zones(data, record):
        region = zone if "-" not in zone else ZONE_PREFIX + zone
        by_gas = {"co2e": decimal_text(value, record=f"{record}, {zone}")}
        rows.append(PublishedRow(table.table_id, region, year, RATE, by_gas, label=f"{zone} / {name}"))
        if region != zone:
            regions.append(RegionRow(region, name, zone.partition("-")[0]))
    known = KNOWN_SHA256S.values()
    return Imported((table,), tuple(rows), regions=tuple(regions), findings=hash_findings(data, known, record))


def _check_year(data: bytes, year: int, record: str) -> None:
    """Refuse a known file that is given as another year's: nothing inside says which year it is.

    Raises:
        FactorSetError: The bytes are known, as another year's.
    """
    other = next(
        (known for known in KNOWN_SHA256S if known != year and not hash_findings(data, (KNOWN_SHA256S[known],), "")), None
    )
    if other is not None:
        raise FactorSetError(
            "This is the file of another year",
            expected=f"the file of {year}",
            got=f"the file of {other}",
            record=record,
            next_step=f"Name it yearly_{other}.json, as it was published.",
        )


def _zones(data: bytes, record: str) -> list[tuple[str, str, object]]:
    """Zone, its name, and its value as it was printed, in the file's order.

    Raises:
        FactorSetError: The layout or a unit is another one.
    """
    try:
        # Numbers stay as printed: a float would show its own shortest text instead of the publisher's.
        found = json.loads(data, parse_float=str, parse_int=str)
        zones = [(zone, str(entry["zone"]["zoneName"]), entry["carbonIntensity"]) for zone, entry in found.items()]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise FactorSetError(
            "The file's layout is not the expected one",
            expected="zone to zone.zoneName and carbonIntensity",
            got=f"{type(error).__name__}: {error}",
            record=record,
            next_step="The publisher changed the layout: the importer must be changed with it.",
        ) from error
    for zone, _, intensity in zones:
        unit = intensity.get("unit") if isinstance(intensity, dict) else None
        if unit != _UNIT:
            raise FactorSetError(expected=f"numbers in {_UNIT}", got=str(unit), record=f"{record}, {zone}")
    return [(zone, name, intensity.get("value")) for zone, name, intensity in zones]
