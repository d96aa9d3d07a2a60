"""What `factors import` can read: the name of each kind of file, and how its bytes become rows."""

import gzip
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from domain.errors import FactorSetError, NotFoundError
from scoring.factors.importers.ademe import import_ademe
from scoring.factors.importers.defra import DEFRA_FILES, import_defra
from scoring.factors.importers.eea import import_eea
from scoring.factors.importers.electricity_maps import import_yearly
from scoring.factors.importers.epa_hub import EDITIONS as HUB_EDITIONS
from scoring.factors.importers.epa_hub import import_hub
from scoring.factors.importers.epa_hub_tables import import_hub_tables
from scoring.factors.importers.food import import_clark, import_poore
from scoring.factors.importers.hourly_grid import import_hourly_grid
from scoring.factors.importers.india import import_india
from scoring.factors.importers.memobank import import_payment_cards
from scoring.factors.importers.oefdb import import_database
from scoring.factors.importers.own_factors import import_own_factors
from scoring.factors.importers.published import Imported
from scoring.factors.importers.unfccc_ifi import import_ifi

_YEARLY = re.compile(r"yearly_(20[0-9]{2})\.json")
_GZIP_MAGIC = b"\x1f\x8b"


@dataclass(frozen=True)
class NamedFile:
    """A file as the user named it.

    Attributes:
        name: Its name without folders.
        data: Its bytes.
    """

    name: str
    data: bytes


@dataclass(frozen=True)
class FileKind:
    """A kind of file that can be imported.

    Attributes:
        name: As it is typed: "electricity-maps".
        title: Whose file, and which, for people.
        read: From one file, and regions by their English names, to its rows.
        is_shipped: Whether the shipped set holds the edition that we know; importing it then changes nothing.
    """

    name: str
    title: str
    read: Callable[[NamedFile, Mapping[str, str]], Imported]
    is_shipped: bool = False


def find_file_kind(name: str) -> FileKind:
    """The kind of file of this name.

    Args:
        name: Such as "electricity-maps".

    Returns:
        The kind.

    Raises:
        NotFoundError: There is no such kind.
    """
    found = FILE_KINDS.get(name)
    if found is None:
        raise NotFoundError(
            "There is no such kind of file",
            expected=f"one of {', '.join(FILE_KINDS)}",
            got=name,
            record="KIND",
            next_step="docs/factors.md says where each file comes from.",
        )
    return found


def import_files(kind: FileKind, files: Sequence[NamedFile], region_of: Mapping[str, str]) -> list[Imported]:
    """What several files of one kind give, in the order in which they were named.

    Args:
        kind: Of all of them.
        files: At least one.
        region_of: English name of a country to its region: some publishers name countries only.

    Returns:
        One import per file.

    Raises:
        FactorSetError: A file is not what its importer expects.
    """
    return [kind.read(file, region_of) for file in files]


def _electricity_maps(file: NamedFile, _region_of: Mapping[str, str]) -> Imported:
    found = _YEARLY.fullmatch(file.name)
    if not found:
        raise FactorSetError(
            "The year stands in the name of this file alone",
            expected="a file that is called yearly_2024.json",
            got=file.name,
            record=file.name,
            next_step="Name the file as it was published.",
        )
    return import_yearly(file.data, int(found[1]))


def _ademe(file: NamedFile, _region_of: Mapping[str, str]) -> Imported:
    return import_ademe(file.name.removesuffix(".json").removeprefix("impactco2-"), file.data)


def _plain(read: Callable[[bytes], Imported], file: NamedFile, _region_of: Mapping[str, str]) -> Imported:
    return read(file.data)


def _of_year(read: Callable[[bytes, int], Imported], year: int, file: NamedFile, _region_of: Mapping[str, str]) -> Imported:
    return read(file.data, year)


def _by_name(read: Callable[[bytes, Mapping[str, str]], Imported], file: NamedFile, region_of: Mapping[str, str]) -> Imported:
    return read(file.data, region_of)


def _defra(year: int, file: NamedFile, _region_of: Mapping[str, str]) -> Imported:
    data = gzip.decompress(file.data) if file.data.startswith(_GZIP_MAGIC) else file.data
    return import_defra(data, year)


_KINDS = (
    FileKind("electricity-maps", "Electricity Maps, yearly_YEAR.json (ODbL)", _electricity_maps),
    FileKind("oefdb", "Climatiq, OpenEmissionFactorsDB.csv (CC BY-SA 4.0)", partial(_plain, import_database)),
    FileKind("memobank", "Memo Bank, payment-cards/results.csv (CC BY-SA 4.0)", partial(_plain, import_payment_cards)),
    FileKind("own-factors", "Factors of your own, as CSV (docs/factors.md)", partial(_plain, import_own_factors)),
    FileKind("hourly-grid", "Factors of a grid hour by hour, as CSV (docs/factors.md)", partial(_plain, import_hourly_grid)),
    FileKind("unfccc-ifi", "UNFCCC IFI default grid factors 2021", partial(_by_name, import_ifi), is_shipped=True),
    FileKind("eea", "EEA, CO2 intensity of electricity generation", partial(_by_name, import_eea), is_shipped=True),
    FileKind("india", "Open India Emission Factors", partial(_plain, import_india), is_shipped=True),
    FileKind("ademe", "ADEME Impact CO2, impactco2-NAME.json", _ademe, is_shipped=True),
    FileKind("food-poore", "Poore & Nemecek via Our World in Data", partial(_plain, import_poore), is_shipped=True),
    FileKind("food-clark", "Clark and others via Our World in Data", partial(_plain, import_clark), is_shipped=True),
    *(
        FileKind(
            f"egrid-hub-{year}",
            f"EPA GHG Emission Factors Hub {year}, Table 6",
            partial(_of_year, import_hub, year),
            is_shipped=True,
        )
        for year in HUB_EDITIONS
    ),
    *(
        FileKind(
            f"epa-hub-{year}",
            f"EPA GHG Emission Factors Hub {year}, the other tables",
            partial(_of_year, import_hub_tables, year),
            is_shipped=True,
        )
        for year in HUB_EDITIONS
    ),
    *(
        FileKind(f"defra-{year}", f"UK DESNZ/Defra conversion factors {year}, flat file", partial(_defra, year), is_shipped=True)
        for year in DEFRA_FILES
    ),
)
FILE_KINDS: Mapping[str, FileKind] = {kind.name: kind for kind in _KINDS}
"""Every kind by its name."""
