"""Global warming potentials over 100 years of the IPCC's assessment reports, from the table of openclimatedata."""

import csv
import re
from collections.abc import Mapping
from fractions import Fraction
from io import StringIO
from itertools import pairwise

from domain.errors import FactorSetError
from scoring.factors.importers.published import (
    LARGE_CHANGE_RATIO,
    Imported,
    Parameter,
    PublishedRow,
    SourceTable,
    decimal_text,
    hash_findings,
)

KNOWN_SHA256S = ("9b80412cb5aeeb91038ef84145a10cdab0ab202cbb623cb14d2ec35ec2454f36",)
_COLUMNS = {"AR4": "AR4GWP100", "AR5": "AR5GWP100", "AR6": "AR6GWP100"}
_YEARS = {"SAR": 1995, "TAR": 2001, "AR4": 2007, "AR5": 2013, "AR6": 2021}
_PUBLICATIONS = {
    "SAR": "IPCC Second Assessment Report (1995), as the GHG Protocol lists it",
    "TAR": "IPCC Third Assessment Report (2001), WG I, table 6.7",
    "AR4": "IPCC Fourth Assessment Report (2007), as the GHG Protocol lists it",
    "AR5": "IPCC Fifth Assessment Report (2013), as the GHG Protocol lists it",
    "AR6": "IPCC Sixth Assessment Report (2021), WG I, table 7.SM.7",
}
_NOTES = {
    "AR5": "Without climate-carbon feedbacks.",
    "AR6": "Methane is the one value of table 7.SM.7 (27.9); the file has no separate fossil and biogenic methane.",
}
_PROPER_NAMES: Mapping[str, str] = {
    "CH4": "methane",
    "N2O": "nitrous_oxide",
    "CCl4": "carbon_tetrachloride",
    "CH3Br": "methyl_bromide",
    "CH3Cl": "methyl_chloride",
    "CH3CCl3": "methyl_chloroform",
    "CH2Cl2": "methylene_chloride",
    "CH3OCH3": "dimethyl_ether",
    "cC3F6": "perfluorocyclopropane",
    "CF4": "PFC-14",
    "C2F6": "PFC-116",
    "C3F8": "PFC-218",
    "cC4F8": "PFC-318",
    "C4F10": "PFC-31-10",
    "C5F12": "PFC-41-12",
    "C6F14": "PFC-51-14",
    "C7F16": "PFC-61-16",
    "C8F18": "PFC-71-18",
    "C10F18": "PFC-91-18",
    "HFC4310mee": "HFC-43-10mee",
    "HFE4310pccc124": "HFE-43-10pccc124",
    "HGalden1040x": "HFE-43-10pccc124",
    "HG10": "HFE-236ca12",
    "HG01": "HFE-338pcc13",
    "HFE7200": "HFE-569sf2",
}
"""Common names that do not follow from the file's spelling, the same as in the UK's and the EPA's tables. Trade names of the
third report (H-Galden, HFE-7200) become the series names that later reports have for the same substance."""
_SERIES = re.compile(r"(CFC|HCFC|HFC|HFE|HCFE|Halon)([0-9].*)")


def import_gwp(data: bytes) -> Imported:
    """GWP-100 of CH4 and N2O in AR4, AR5 (without climate-carbon feedback) and AR6. CO2 is 1 by definition.

    Args:
        data: Bytes of `globalwarmingpotentials.csv`.

    Returns:
        Parameters named "gwp100_ch4" and "gwp100_n2o", one per report, the report as their region.

    Raises:
        FactorSetError: A column or a gas is missing.
    """
    record = "IPCC global warming potentials"
    by_species = _by_species(data)
    parameters = []
    for report, column in _COLUMNS.items():
        for gas in ("CH4", "N2O"):
            if column not in by_species.get(gas, {}):
                raise FactorSetError(expected=f"{gas} in column {column}", got="none", record=record)
            value_text = decimal_text(by_species[gas][column], record=f"{record}, {gas} {report}")
            parameters.append(_parameter(report, gas, value_text))
    return Imported(parameters=tuple(parameters), findings=hash_findings(data, KNOWN_SHA256S, record))


def import_gwp_species(data: bytes) -> Imported:
    """GWP-100 of every gas that leaks, by assessment report: what a kilogram of it counts in kilograms of CO2.

    Args:
        data: Bytes of `globalwarmingpotentials.csv`.

    Returns:
        One row per gas and report (SAR to AR6) that has a value; the report is the rate and the GWP set. Carbon dioxide is not
        in the file: it is 1 by definition.

    Raises:
        FactorSetError: A column is missing, a number is none, or a gas stands twice.
    """
    record = "IPCC global warming potentials"
    by_species = _by_species(data)
    tables, rows = [], []
    for report in _YEARS:
        table = _species_table(report)
        tables.append(table)
        for species, line in by_species.items():
            if f"{report}GWP100" not in line:
                raise FactorSetError(expected=f"a column {report}GWP100", got=", ".join(line), record=record)
            cell = line[f"{report}GWP100"]
            if cell:
                rows.append(_species_row(table, species, decimal_text(cell, record=f"{record}, {species} {report}")))
    findings = (*hash_findings(data, KNOWN_SHA256S, record), *_changes(rows, record))
    return Imported(tuple(tables), tuple(rows), findings=findings)


def _by_species(data: bytes) -> dict[str, dict[str, str]]:
    record = "IPCC global warming potentials"
    text = "\n".join(line for line in data.decode("utf-8").splitlines() if not line.startswith("#"))
    found: dict[str, dict[str, str]] = {}
    for line in csv.DictReader(StringIO(text)):
        species = line.get("Species") or ""
        if not species or species in found:
            raise FactorSetError(expected="a gas once in the column Species", got=species or "none", record=record)
        found[species] = line
    return found


def _species_table(report: str) -> SourceTable:
    return SourceTable(
        table_id=f"ipcc-{report.lower()}-gwp100",
        publisher="IPCC",
        edition=f"{report}, table of globalwarmingpotentials 0.13.2",
        table=f"{_PUBLICATIONS[report]}; column {report}GWP100",
        kind="refrigerant",
        unit="g",
        published_unit="kg/kg",
        gwp_set=report,
        life_cycle_scope="operation",
        source_url="https://github.com/openclimatedata/globalwarmingpotentials",
        licence="CC0 1.0",
        note=" ".join(("100 years; what leaks counts at once and whole.", _NOTES.get(report, ""))).strip(),
    )


def _species_row(table: SourceTable, species: str, value_text: str) -> PublishedRow:
    return PublishedRow(
        table.table_id,
        "WORLD",
        _YEARS[table.gwp_set],
        table.gwp_set,
        {"co2e": value_text},
        label=species,
        attributes={"refrigerant": proper_name(species)},
    )


def proper_name(species: str) -> str:
    """The common name of a gas: `HFC134a` of the file is `HFC-134a`, `CH4` is `methane`; formulas such as `SF6` stay."""
    found = _SERIES.fullmatch(species)
    return _PROPER_NAMES.get(species) or (f"{found[1]}-{found[2]}" if found else species)


def _changes(rows: list[PublishedRow], record: str) -> list[str]:
    by_gas: dict[str, list[PublishedRow]] = {}
    for row in rows:
        by_gas.setdefault(row.attributes["refrigerant"], []).append(row)
    return [
        f"{record}: {gas} moved from {before.by_gas['co2e']} ({before.rate}) to {after.by_gas['co2e']} ({after.rate})"
        for gas, series in by_gas.items()
        for before, after in pairwise(series)
        if abs(Fraction(after.by_gas["co2e"]) - Fraction(before.by_gas["co2e"]))
        > LARGE_CHANGE_RATIO * Fraction(before.by_gas["co2e"])
    ]


def _is_large_change(old: Fraction, new: Fraction) -> bool:
    return abs(new - old) > LARGE_CHANGE_RATIO * old


def _parameter(report: str, gas: str, value_text: str) -> Parameter:
    return Parameter(
        name=f"gwp100_{gas.lower()}",
        region=report,
        year=_YEARS[report],
        value_text=value_text,
        unit="kg CO2e/kg",
        publisher="IPCC via openclimatedata/globalwarmingpotentials",
        edition=f"{report}, table of version 0.13.2",
        source_url="https://github.com/openclimatedata/globalwarmingpotentials",
        licence="CC0 1.0",
        note="100 years, without climate-carbon feedback for methane and nitrous oxide." if report == "AR5" else "100 years.",
    )
