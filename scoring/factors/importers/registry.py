"""What `factors import` can read: the name of each kind of file, and how its bytes become rows."""

import gzip
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from domain.errors import FactorSetError, NotFoundError
from scoring.factors.importers.defra import import_defra
from scoring.factors.importers.electricity_maps import import_yearly
from scoring.factors.importers.epa_hub import EDITIONS as HUB_EDITIONS
from scoring.factors.importers.epa_hub import import_hub
from scoring.factors.importers.food import import_clark, import_poore
from scoring.factors.importers.memobank import import_payment_cards
from scoring.factors.importers.oefdb import import_database
from scoring.factors.importers.own_factors import import_own_factors
from scoring.factors.importers.published import Imported

_YEARLY = re.compile(r"yearly_(20[0-9]{2})\.json")
_DEFRA_YEARS = range(2016, 2025)
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
        read: From one file to its rows.
        is_shipped: Whether the shipped set holds the edition that we know; importing it then changes nothing.
    """

    name: str
    title: str
    read: Callable[[NamedFile], Imported]
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


def import_files(kind: FileKind, files: Sequence[NamedFile]) -> list[Imported]:
    """What several files of one kind give, in the order in which they were named.

    Args:
        kind: Of all of them.
        files: At least one.

    Returns:
        One import per file.

    Raises:
        FactorSetError: A file is not what its importer expects.
    """
    return [kind.read(file) for file in files]


def _electricity_maps(file: NamedFile) -> Imported:
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


def _plain(read: Callable[[bytes], Imported], file: NamedFile) -> Imported:
    return read(file.data)


def _hub(year: int, file: NamedFile) -> Imported:
    return import_hub(file.data, year)


def _defra(year: int, file: NamedFile) -> Imported:
    data = gzip.decompress(file.data) if file.data.startswith(_GZIP_MAGIC) else file.data
    return import_defra(data, year)


_KINDS = (
    FileKind("electricity-maps", "Electricity Maps, yearly_YEAR.json (ODbL)", _electricity_maps),
    FileKind("oefdb", "Climatiq, OpenEmissionFactorsDB.csv (CC BY-SA 4.0)", partial(_plain, import_database)),
    FileKind("memobank", "Memo Bank, payment-cards/results.csv (CC BY-SA 4.0)", partial(_plain, import_payment_cards)),
    FileKind("own-factors", "Factors of your own, as CSV (docs/factors.md)", partial(_plain, import_own_factors)),
    *(
        FileKind(f"egrid-hub-{year}", f"EPA GHG Emission Factors Hub {year}, eGRID rates", partial(_hub, year), is_shipped=True)
        for year in HUB_EDITIONS
    ),
    *(
        FileKind(f"defra-{year}", f"UK DESNZ/Defra conversion factors {year}, flat file", partial(_defra, year), is_shipped=True)
        for year in _DEFRA_YEARS
    ),
    FileKind("food-poore", "Poore & Nemecek via Our World in Data", partial(_plain, import_poore), is_shipped=True),
    FileKind("food-clark", "Clark and others via Our World in Data", partial(_plain, import_clark), is_shipped=True),
)
FILE_KINDS: Mapping[str, FileKind] = {kind.name: kind for kind in _KINDS}
"""Every kind by its name."""
