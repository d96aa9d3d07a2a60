"""Builds the shipped data set from the publishers' own files: `python -m scoring.factors.build --raw RAW --out FOLDER`.

Deterministic: the same files give the same bytes. Prints what a person should look at (unknown hashes, large changes, values
left out, differences from the data set that was there before).
"""

import argparse
import csv
import gzip
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from io import StringIO
from itertools import pairwise
from pathlib import Path

from scoring.factors.folder import FactorFolder
from scoring.factors.importers.ademe import KNOWN_SHA256S, import_ademe
from scoring.factors.importers.ademe_digital import import_digital
from scoring.factors.importers.airports import import_airports
from scoring.factors.importers.bls_cpi import import_cpi
from scoring.factors.importers.category_maps import import_category_maps
from scoring.factors.importers.countries import import_countries
from scoring.factors.importers.defra import DEFRA_FILES, import_defra_years
from scoring.factors.importers.ecb_fx import import_fx
from scoring.factors.importers.eea import import_eea
from scoring.factors.importers.egrid_co2e import import_co2e
from scoring.factors.importers.egrid_rekeyed import import_rekeyed
from scoring.factors.importers.epa_hub import import_hub
from scoring.factors.importers.epa_hub_tables import hub_changes, hub_heat_content, import_hub_tables
from scoring.factors.importers.epa_supply_chain import import_supply_chain
from scoring.factors.importers.epa_zip import import_states, import_zips
from scoring.factors.importers.food import import_clark, import_poore
from scoring.factors.importers.india import import_india
from scoring.factors.importers.ipcc_gwp import import_gwp, import_gwp_species
from scoring.factors.importers.owid import import_intensity, import_per_person
from scoring.factors.importers.published import Imported, RegionRow, gas_sum_findings, large_changes
from scoring.factors.importers.reported import import_reported
from scoring.factors.importers.travel_impact_model import import_fuel_constants
from scoring.factors.importers.unfccc_ifi import import_ifi
from scoring.factors.importers.us_utilities import import_us_utilities
from scoring.factors.load import folder_at
from scoring.factors.write import folder_files, region_tables

DATASET_VERSION = "2026.11.1"


@dataclass(frozen=True)
class Built:
    """A data set before it is written.

    Attributes:
        files: File name to its bytes, `dataset.json` among them.
        findings: What a person should look at.
    """

    files: Mapping[str, bytes]
    findings: tuple[str, ...]


def build(raw: Path, *, before: FactorFolder | None = None) -> Built:
    """The data set that the publishers' files give.

    Args:
        raw: Folder of the files as published (`epa/`, `owid/`, `gwp/`, `geo/`).
        before: The data set that it continues; a new log where left out.

    Returns:
        Files and findings.

    Raises:
        FactorSetError: A file is not what its importer expects, or an admitted row is gone or changed.
    """
    alpha2_of, countries, country_findings = import_countries((raw / "geo/country-codes.csv").read_bytes())
    region_of = {row.name: row.region for row in countries}
    imported = import_sources(raw, alpha2_of, region_of)
    by_zip, zip_findings = import_zips((raw / "epa/power_profiler_zipcode_tool_2018_v9.csv").read_bytes())
    states = import_states((raw / "epa/egrid-static/state_and_interconnection.csv").read_bytes())
    regions = _regions([*countries, *states, *(region for part in imported for region in part.regions)])
    graph = region_tables(regions, _csv(["state", "subregions", "zips"], _zip_lines(by_zip)), _kept("zones.csv"))
    files = folder_files(imported, version=DATASET_VERSION, more=graph, before=before)
    files["ATTRIBUTION.md"] = _attribution(imported)
    checks = [*_cross_checks(imported), *_hub_changes(raw)]
    findings = [*country_findings, *zip_findings, *(text for part in imported for text in part.findings), *checks]
    return Built(files, tuple(findings))


def import_sources(raw: Path, alpha2_of: Mapping[str, str], region_of: Mapping[str, str]) -> list[Imported]:
    """Every source. A build that continues a data set keeps its entries first, so that older sets stay prefixes.

    Args:
        raw: Folder of the files as published.
        alpha2_of: ISO 3166-1 alpha-3 to alpha-2.
        region_of: English name of a country to its region.

    Returns:
        What each file gives.
    """
    epa = raw / "epa"
    hubs = {year: (epa / f"ghg-emission-factors-hub-{year}.xlsx").read_bytes() for year in (2021, 2024, 2025)}
    gwp = (raw / "gwp/globalwarmingpotentials.csv").read_bytes()
    return [
        *(import_hub(data, year) for year, data in hubs.items()),
        import_rekeyed((epa / "hub2023-via-atomic6ghg/electricity_emission_factors.json").read_bytes()),
        import_co2e((epa / "egrid_subregion_co2e_total_output_2018_2021.csv").read_bytes(), "subregion"),
        import_co2e((epa / "egrid_state_co2e_total_output_2018_2021.csv").read_bytes(), "state"),
        import_intensity((raw / "owid/carbon-intensity-electricity.csv").read_bytes(), alpha2_of),
        import_per_person((raw / "owid/consumption-co2-per-capita.csv").read_bytes(), alpha2_of),
        import_gwp(gwp),
        import_reported(),
        *(import_hub_tables(data, year) for year, data in hubs.items()),
        Imported(parameter_tables=(hub_heat_content(hubs[2025], 2025),)),
        import_defra_years({year: _unpacked((raw / "defra" / name).read_bytes()) for year, name in DEFRA_FILES.items()}),
        *_purchases(raw),
        import_poore((raw / "owid/ghg-per-kg-poore.csv").read_bytes()),
        import_clark((raw / "owid/food-impacts-clark-2022.csv").read_bytes()),
        *(import_ademe(name, (raw / f"ademe/impactco2-{name}.json").read_bytes()) for name in _ADEME_FILES),
        import_digital(_kept("ademe_digital.csv")),
        import_gwp_species(gwp),
        import_fuel_constants(),
        import_airports((raw / "geo/airports.csv.gz").read_bytes()),
        import_india((raw / "india/open-india-emission-factors-v1.2.json").read_bytes()),
        import_eea((raw / "hyperledger/eea/co2-emission-intensity-6.csv").read_bytes(), region_of),
        import_ifi((raw / "unfccc/IFI_Default_Grid_Factors_2021_v3.1.csv").read_bytes(), region_of),
        import_us_utilities(
            eia861_2020=(raw / "hyperledger/Utility_Data_2020.xlsx").read_bytes(),
            eia861_2019=(raw / "hyperledger/Utility_Data_2019.xlsx").read_bytes(),
            transmission=(epa / "egrid-static/xwalk_subregion_transmission.csv").read_bytes(),
            owners=(epa / "egrid-static/xwalk_subregion_utility.csv").read_bytes(),
            authorities=(epa / "egrid-static/xwalk_balancing_authority.csv").read_bytes(),
            authority_names=(epa / "egrid-static/ba_codes.csv").read_bytes(),
        ),
    ]


_ADEME_FILES = tuple(name for name in KNOWN_SHA256S if name != "usagenumerique")
"""Files of ADEME that we hold; the one on digital services is quoted in a table of ours."""


def _unpacked(data: bytes) -> bytes:
    """The file itself, where it is kept compressed."""
    return gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data


def _purchases(raw: Path) -> list[Imported]:
    epa = raw / "epa"
    chain = import_supply_chain(
        (epa / "SupplyChainGHGEmissionFactors_v1.2_NAICS_CO2e_USD2021.csv").read_bytes(),
        (epa / "SupplyChainGHGEmissionFactors_v1.3.0_NAICS_CO2e_USD2022.csv").read_bytes(),
        (epa / "SupplyChainGHGEmissionFactors_v1.3.0_NAICS_byGHG_USD2022.csv.gz").read_bytes(),
        (epa / "SupplyChainEmissionFactorsforUSIndustriesCommodities_v1.0.xlsx").read_bytes(),
    )
    naics = {row.attributes["naics"] for row in chain.rows}
    return [
        chain,
        import_fx((raw / "fx/eurofxref-hist.zip").read_bytes()),
        import_cpi((raw / "cpi/bls-cpi-u-us-city-average.csv.gz").read_bytes()),
        import_category_maps(_kept("mcc_naics.csv"), _kept("plaid_naics.csv"), naics),
    ]


def differences(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> list[str]:
    """What changed between two data sets, file by file, in lines; empty where nothing did.

    Args:
        before: File name to bytes of the data set that was there.
        after: The same of the new one.

    Returns:
        One text per file that differs, with the count of lines taken out and put in.
    """
    found = []
    for name in sorted({*before, *after}):
        old, new = before.get(name, b"").splitlines(), after.get(name, b"").splitlines()
        if old != new:
            gone, came = len(set(old) - set(new)), len(set(new) - set(old))
            found.append(f"{name}: {gone} lines out, {came} lines in")
    return found


def _attribution(imported: Sequence[Imported]) -> bytes:
    """ATTRIBUTION.md: the kept text with one line per publisher, edition and licence."""
    of_rows = [(t.publisher, t.edition, t.source_url, t.licence) for part in imported for t in part.tables]
    of_parameters = [(t.publisher, t.edition, t.source_url, t.licence) for part in imported for t in part.parameter_tables]
    sources = dict.fromkeys([*of_rows, *of_parameters])
    lines = (f"| {publisher} | {edition} | {url} | {licence} |" for publisher, edition, url, licence in sources)
    return _kept("ATTRIBUTION.in.md").decode().replace("{tables}", "\n".join(lines)).encode()


def _kept(name: str) -> bytes:
    return resources.files("scoring.factors").joinpath("kept", name).read_bytes()


def _cross_checks(imported: Sequence[Imported]) -> list[str]:
    egrid = [row for part in imported for row in part.rows if row.rate in {"total_output", "non_baseload"}]
    by_gas = [row for row in egrid if "co2" in row.by_gas]
    as_co2e = [row for row in egrid if "co2e" in row.by_gas]
    return [*gas_sum_findings(by_gas, as_co2e, record="eGRID"), *large_changes(by_gas, record="eGRID by gas")]


def _hub_changes(raw: Path) -> list[str]:
    hubs = [
        import_hub_tables((raw / f"epa/ghg-emission-factors-hub-{year}.xlsx").read_bytes(), year) for year in (2021, 2024, 2025)
    ]
    return [text for older, newer in pairwise(hubs) for text in hub_changes(older, newer)]


def _regions(rows: Iterable[RegionRow]) -> list[RegionRow]:
    by_region = {row.region: row for row in rows}  # the newest edition's name of a subregion wins
    return [by_region[region] for region in sorted(by_region)]


def _zip_lines(by_zip: Mapping[int, tuple[str, ...]]) -> Iterable[list[object]]:
    """One line per state and set of subregions, with its ZIP codes as ranges: 13,000 ranges for 41,000 codes."""
    ranges: dict[tuple[str, ...], list[list[int]]] = {}
    for number in sorted(by_zip):
        of_group = ranges.setdefault(by_zip[number], [])
        if of_group and of_group[-1][1] == number - 1:
            of_group[-1][1] = number
        else:
            of_group.append([number, number])
    for where in sorted(ranges):
        shown = (f"{first:05d}" if first == last else f"{first:05d}-{last:05d}" for first, last in ranges[where])
        yield [where[0], " ".join(where[1:]), " ".join(shown)]


def _csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue().encode()


def main(arguments: Sequence[str] | None = None) -> int:
    """Build, show what changed, write.

    Args:
        arguments: Command line without the program's name; the process's own where left out.

    Returns:
        Exit code 0.
    """
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--raw", type=Path, required=True, help="folder of the publishers' files")
    parser.add_argument("--out", type=Path, required=True, help="folder of the data set")
    parser.add_argument("--anew", action="store_true", help="begin a new log: rows that were admitted before may be gone")
    given = parser.parse_args(arguments)
    continues = (given.out / "dataset.json").exists() and not given.anew
    built = build(given.raw, before=folder_at(given.out) if continues else None)
    before = {str(path.relative_to(given.out)): path.read_bytes() for path in given.out.rglob("*") if path.is_file()}
    for line in [*built.findings, *differences(before, built.files)]:
        sys.stdout.write(f"{line}\n")
    for name, data in built.files.items():
        place = given.out / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
    for name in sorted(set(before) - set(built.files)):
        (given.out / name).unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
