"""Small factor sets for tests: a few made-up rows, written and read as the shipped set is."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from domain.errors import FactorSetError
from scoring.factors.factor_set import FactorSet, set_of_folders
from scoring.factors.folder import FactorFolder
from scoring.factors.importers.published import Imported, Parameter, ParameterTable, PublishedRow, RegionRow, SourceTable
from scoring.factors.write import folder_files, region_tables

VERSION = "test.1"
REGIONS = (
    RegionRow("DE", "Germany", "WORLD/europe"),
    RegionRow("FR", "France", "WORLD/europe"),
    RegionRow("GB", "United Kingdom", "WORLD/europe"),
    RegionRow("US", "United States", "WORLD/north-america"),
    RegionRow("US/egrid/CAMX", "WECC California", "US"),
    RegionRow("US/egrid/NWPP", "WECC Northwest", "US"),
    RegionRow("US/state/CA", "California", "US"),
    RegionRow("WORLD", "World", ""),
    RegionRow("WORLD/europe", "Europe", "WORLD"),
    RegionRow("WORLD/north-america", "North America", "WORLD"),
)
ZIPS = b"state,subregions,zips\nCA,CAMX,94110-94112\nCA,CAMX NWPP,96001\n"
ZONES = b"region,zones\nDE,Europe/Berlin\nUS/state/CA,America/Los_Angeles\n"
# IPCC AR4 table 2.14, AR5 table 8.A.1 (without climate-carbon feedback), AR6 table 7.15 (methane: mean of fossil and non-fossil).
GWPS = (("AR4", "25", "298"), ("AR5", "28", "265"), ("AR6", "27.9", "273"))
ELECTRICITY = SourceTable(
    table_id="power",
    publisher="Power Board",
    edition="2024",
    table="Table 1",
    kind="electricity",
    unit="kWh",
    published_unit="g/kWh",
    gwp_set="AR5",
    life_cycle_scope="generation",
    source_url="https://example.org/power",
    licence="CC BY 4.0",
)


def source(table_id: str = "power", **changes: str) -> SourceTable:
    """A table of electricity rates in g/kWh at the power station, with changes."""
    return replace(ELECTRICITY, table_id=table_id, **changes)


def row(region: str, year: int, table_id: str = "power", /, rate: str = "", **cells: str) -> PublishedRow:
    """A row with these gases, or other cells of a row; `attributes` as text, "fuel=petrol;blend=average"."""
    gases: dict[str, str] = {name: cells.pop(name) for name in ("co2", "ch4", "n2o", "co2e", "biogenic_co2") if name in cells}
    attributes = dict(part.split("=") for part in cells.pop("attributes", "").split(";") if part)
    return PublishedRow(table_id, region, year, rate, gases, attributes=attributes, **cells)


def gwp_parameters() -> tuple[Parameter, ...]:
    """Global warming potentials of three reports."""
    return tuple(
        Parameter(f"gwp100_{gas}", report, 2021, value, "kg/kg", "IPCC", report, "https://example.org/ipcc", "public domain", "")
        for report, ch4, n2o in GWPS
        for gas, value in (("ch4", ch4), ("n2o", n2o))
    )


def parameter(name: str, region: str, value_text: str, year: int = 2023) -> Parameter:
    """A published number that is no factor."""
    return Parameter(name, region, year, value_text, "1", "Power Board", "2024", "https://example.org/power", "CC BY 4.0", "")


def imported(*tables: SourceTable, rows: Sequence[PublishedRow], parameters: Sequence[Parameter] = ()) -> Imported:
    """What one file gives."""
    return Imported(tables=tables, rows=tuple(rows), parameters=tuple(parameters))


def graph() -> list[ParameterTable]:
    """The region graph of ten places."""
    return region_tables(REGIONS, ZIPS, ZONES)


def files_of(*parts: Imported, version: str = VERSION) -> dict[str, bytes]:
    """The files of a base folder: these parts, global warming potentials, and a region graph."""
    return folder_files([*parts, Imported(parameters=gwp_parameters())], version=version, more=graph())


def folder_of(files: Mapping[str, bytes]) -> FactorFolder:
    """The folder that these files are."""

    def read(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    return FactorFolder(read)


def set_of(*parts: Imported) -> FactorSet:
    """The factor set of these parts, checked.

    Raises:
        FactorSetError: The set is not what it states.
    """
    found = set_of_folders([folder_of(files_of(*parts))])
    found.check()
    if found.version != VERSION:
        raise FactorSetError(expected=VERSION, got=found.version)
    return found
