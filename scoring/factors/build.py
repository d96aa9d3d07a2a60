"""Builds the shipped data set from the publishers' own files: `python -m scoring.factors.build --raw RAW --out FOLDER`.

Deterministic: the same files give the same bytes. Prints what a person should look at (unknown hashes, large changes, values
left out, differences from the data set that was there before).
"""

import argparse
import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from io import StringIO
from pathlib import Path

from scoring.factors.importers.countries import import_countries
from scoring.factors.importers.egrid_co2e import import_co2e
from scoring.factors.importers.egrid_rekeyed import import_rekeyed
from scoring.factors.importers.epa_hub import import_hub
from scoring.factors.importers.epa_zip import import_states, import_zips
from scoring.factors.importers.ipcc_gwp import import_gwp
from scoring.factors.importers.owid import import_intensity, import_per_person
from scoring.factors.importers.published import Imported, RegionRow, gas_sum_findings, large_changes
from scoring.factors.importers.reported import import_reported
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


def build(raw: Path) -> Built:
    """The data set that the publishers' files give.

    Args:
        raw: Folder of the files as published (`epa/`, `owid/`, `gwp/`, `geo/`).

    Returns:
        Files and findings.

    Raises:
        FactorSetError: A file is not what its importer expects.
    """
    alpha2_of, countries, country_findings = import_countries((raw / "geo/country-codes.csv").read_bytes())
    imported = import_sources(raw, alpha2_of)
    by_zip, zip_findings = import_zips((raw / "epa/power_profiler_zipcode_tool_2018_v9.csv").read_bytes())
    states = import_states((raw / "epa/egrid-static/state_and_interconnection.csv").read_bytes())
    regions = _regions([*countries, *states, *(region for part in imported for region in part.regions)])
    graph = region_tables(regions, _csv(["state", "subregions", "zips"], _zip_lines(by_zip)), _kept("zones.csv"))
    files = folder_files(imported, version=DATASET_VERSION, more=graph)
    files["ATTRIBUTION.md"] = _attribution(imported)
    checks = _cross_checks(imported)
    findings = [*country_findings, *zip_findings, *(text for part in imported for text in part.findings), *checks]
    return Built(files, tuple(findings))


def import_sources(raw: Path, alpha2_of: Mapping[str, str]) -> list[Imported]:
    """Every source in the order of its admission to the log: a new one goes to the end, so that older sets stay prefixes.

    Args:
        raw: Folder of the files as published.
        alpha2_of: ISO 3166-1 alpha-3 to alpha-2.

    Returns:
        What each file gives.
    """
    return [
        *(import_hub((raw / f"epa/ghg-emission-factors-hub-{year}.xlsx").read_bytes(), year) for year in (2021, 2024, 2025)),
        import_rekeyed((raw / "epa/hub2023-via-atomic6ghg/electricity_emission_factors.json").read_bytes()),
        import_co2e((raw / "epa/egrid_subregion_co2e_total_output_2018_2021.csv").read_bytes(), "subregion"),
        import_co2e((raw / "epa/egrid_state_co2e_total_output_2018_2021.csv").read_bytes(), "state"),
        import_intensity((raw / "owid/carbon-intensity-electricity.csv").read_bytes(), alpha2_of),
        import_per_person((raw / "owid/consumption-co2-per-capita.csv").read_bytes(), alpha2_of),
        import_gwp((raw / "gwp/globalwarmingpotentials.csv").read_bytes()),
        import_reported(),
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
    tables = [table for part in imported for table in (*part.tables, *part.parameter_tables)]
    sources = dict.fromkeys((t.publisher, t.edition, t.source_url, t.licence) for t in tables)
    lines = (f"| {publisher} | {edition} | {url} | {licence} |" for publisher, edition, url, licence in sources)
    return _kept("ATTRIBUTION.in.md").decode().replace("{tables}", "\n".join(lines)).encode()


def _kept(name: str) -> bytes:
    return resources.files("scoring.factors").joinpath("kept", name).read_bytes()


def _cross_checks(imported: Sequence[Imported]) -> list[str]:
    egrid = [row for part in imported for row in part.rows if row.rate in {"total_output", "non_baseload"}]
    by_gas = [row for row in egrid if "co2" in row.by_gas]
    as_co2e = [row for row in egrid if "co2e" in row.by_gas]
    return [*gas_sum_findings(by_gas, as_co2e, record="eGRID"), *large_changes(by_gas, record="eGRID by gas")]


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
    given = parser.parse_args(arguments)
    built = build(given.raw)
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
