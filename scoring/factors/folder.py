"""One folder of published rows: the shipped data set, or an installed pack. Files are read when asked for, and checked first.

dataset.json           format, version, root, and the SHA-256 of every other file
tables.json            every table in the order of its admission: rows of one kind, or parameters
factors/KIND.csv       the rows of a kind, table after table
parameters/NAME.csv    a table of numbers that are no factors
parameters.csv         such numbers that stand one by one
regions.csv zips.csv zones.csv   the region graph
leaves.bin             leaf hash of every entry of the log, 32 bytes each
"""

import csv
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from io import StringIO
from typing import Any

from domain.errors import FactorSetError
from domain.factor import EmissionFactor, Gas, LifeCycleScope
from domain.merkle import HASH_SIZE
from scoring.factors.log import FactorLog, parameter_entry

FORMAT = "climate-fitness/factor-set/2"
"""Name and version of the layout."""

GASES = (Gas.CO2, Gas.CH4, Gas.N2O, Gas.CO2E, Gas.BIOGENIC_CO2)
FACTOR_COLUMNS = ("table", "region", "year", "rate", "label", "attributes", *GASES, "uncertainty_percent", "data_quality")
"""Columns of `factors/KIND.csv`; the table is its number in `tables.json`, five quality scores are five digits."""

SOURCE_FIELDS = ("publisher", "edition", "source_url", "licence", "note")
"""What tables share is said once, in `sources` of `tables.json`."""

SUPERSEDED_FIELD = "superseded_sha256"
"""Field of a table of parameters whose newer edition stands behind it: the SHA-256 of the file that it had."""

QUALITY_NAMES = ("reliability", "temporal", "geographical", "technological", "collection")
"""Order of the five scores."""

SINGLE_PARAMETERS = ("parameters.csv", "regions.csv", "zips.csv", "zones.csv")
"""Files outside `parameters/` that are entries of the log as a whole."""


@dataclass(frozen=True)
class PublishedParameter:
    """A published number that is no emission factor.

    Attributes:
        name: "gwp100_ch4", "grid_gross_loss", "consumption_co2_per_person".
        region: Region path; for a GWP the report.
        year: Calendar year of the data.
        value_text: Published decimal text.
        unit: Unit of the value.
        publisher: Who published it.
        edition: Edition as the publisher names it.
        source_url: Where.
        note: What a reader must know.
    """

    name: str
    region: str
    year: int
    value_text: str
    unit: str
    publisher: str
    edition: str
    source_url: str
    note: str


@dataclass(frozen=True)
class TableEntry:
    """One admitted table.

    Attributes:
        table_id: Its short name; of parameters the name of its file.
        kind: Kind of activity; empty for parameters.
        row_count: How many rows it has.
        entry_count: Entries of the log that it is: its rows, or one for a table of parameters.
        fields: What `tables.json` says of it.
    """

    table_id: str
    kind: str
    row_count: int
    entry_count: int
    fields: Mapping[str, Any]


class FactorFolder:
    """The files of one folder.

    Args:
        read: Gives the bytes of a file by its name; raises OSError where there is none.

    Raises:
        FactorSetError: A file is missing or damaged, or the layout is one that this version does not read.
    """

    def __init__(self, read: Callable[[str], bytes]) -> None:
        self._read = read
        manifest = json.loads(self._raw("dataset.json"))
        if manifest.get("format") != FORMAT:
            raise FactorSetError(expected=FORMAT, got=str(manifest.get("format")), record="dataset.json")
        self.files: Mapping[str, str] = manifest["files"]
        self.root_hex: str = manifest["root"]
        self.size: int = manifest["size"]
        self.version: str = manifest["version"]
        self._rows: dict[str, tuple[EmissionFactor, ...]] = {}

    def read(self, name: str) -> bytes:
        """The bytes of a file, as `dataset.json` says they are.

        Args:
            name: Its name: "factors/electricity.csv".

        Returns:
            The bytes.

        Raises:
            FactorSetError: The file is missing or damaged.
        """
        data = self._raw(name)
        got = sha256(data).hexdigest()
        if got != self.files.get(name):
            raise FactorSetError(
                "A file of the factor set is damaged",
                expected=f"SHA-256 {self.files.get(name, 'of a file that dataset.json names')}",
                got=got,
                record=name,
                next_step="Install the package again; never edit these files by hand.",
            )
        return data

    @cached_property
    def tables(self) -> tuple[TableEntry, ...]:
        """Every table, in the order of its admission."""
        entries = []
        content = json.loads(self.read("tables.json"))
        for listed in content["tables"]:
            found = {**listed, **content["sources"][listed["source"]]}
            del found["source"]
            kind, row_count = found.get("kind", ""), found.pop("row_count")
            table_id = found.pop("table_id") if kind else found["name"]
            entries.append(TableEntry(table_id, kind, row_count, row_count if kind else 1, found))
        return tuple(entries)

    @cached_property
    def leaves(self) -> bytes:
        """Leaf hash of every entry, 32 bytes each.

        Raises:
            FactorSetError: There are more or fewer than the folder says.
        """
        data = self.read("leaves.bin")
        if len(data) != self.size * HASH_SIZE:
            raise FactorSetError(expected=f"{self.size} leaf hashes", got=f"{len(data) / HASH_SIZE:g}", record="leaves.bin")
        return data

    def rows(self, kind: str) -> tuple[EmissionFactor, ...]:
        """Every row of a kind, oldest admitted first; none where the folder holds none."""
        name = f"factors/{kind}.csv"
        if name not in self.files:
            return ()
        if kind not in self._rows:
            self._rows[kind] = factors_of(self._shared_fields, self.read(name))
        return self._rows[kind]

    def all_rows(self) -> Iterator[EmissionFactor]:
        """Every row in the order of the log."""
        at: dict[str, int] = {}
        for entry in self.tables:
            if entry.kind:
                first = at.get(entry.kind, 0)
                at[entry.kind] = first + entry.row_count
                yield from self.rows(entry.kind)[first : first + entry.row_count]

    def row_at(self, index: int) -> EmissionFactor:
        """The row at a position of this folder's part of the log.

        Raises:
            FactorSetError: The entry there is no row.
        """
        at: dict[str, int] = {}
        passed = 0
        for entry in self.tables:
            first = at.get(entry.kind, 0)
            if index < passed + entry.entry_count:
                if not entry.kind:
                    break
                return self.rows(entry.kind)[first + index - passed]
            passed += entry.entry_count
            at[entry.kind] = first + entry.row_count
        raise FactorSetError("This entry of the log is no row", expected="a row", got=f"entry {index}")

    def entries(self) -> Iterator[bytes]:
        """Canonical bytes of every entry, in the order of the log: reads and checks all files."""
        rows = self.all_rows()
        for entry in self.tables:
            if entry.kind:
                for _ in range(entry.row_count):
                    yield next(rows).canonical_bytes
            else:
                fields = dict(entry.fields)
                superseded = fields.pop(SUPERSEDED_FIELD, "")
                name = parameter_file(entry.table_id)
                yield parameter_entry(fields, superseded or sha256(self.read(name)).hexdigest())

    def parameter_rows(self, name: str) -> tuple[Mapping[str, str], ...]:
        """A table of parameters, row by row; empty where the folder has none of this name."""
        file_name = parameter_file(name)
        return tuple(_dicts(self.read(file_name))) if file_name in self.files else ()

    def parameters(self) -> tuple[PublishedParameter, ...]:
        """Published numbers that stand one by one."""
        names = [field for field in PublishedParameter.__dataclass_fields__ if field != "year"]
        return tuple(
            PublishedParameter(year=int(line["year"]), **{name: line[name] for name in names})
            for line in self.parameter_rows("parameters")
        )

    @cached_property
    def _shared_fields(self) -> Sequence[Mapping[str, Any]]:
        """By number of the table, the fields that its rows share."""
        return [
            {**entry.fields, "life_cycle_scope": LifeCycleScope(entry.fields["life_cycle_scope"])} if entry.kind else {}
            for entry in self.tables
        ]

    def _raw(self, name: str) -> bytes:
        try:
            return self._read(name)
        except OSError as error:
            raise FactorSetError(
                "A file of the factor set is missing",
                expected=name,
                got=type(error).__name__,
                next_step="Install the package again.",
            ) from error


class FolderPrefix(FactorFolder):
    """The first entries of a folder: what it was before the later ones were admitted.

    Args:
        whole: The folder.
        size: How many entries, 1 to those of the folder.

    Raises:
        FactorSetError: The folder has no such state.
    """

    def __init__(self, whole: FactorFolder, size: int) -> None:
        super().__init__(whole._read)  # noqa: SLF001 - a folder of the same files
        if not 0 < size <= whole.size:
            raise FactorSetError(expected=f"1 to {whole.size} entries", got=str(size), record=f"factor set {whole.version}")
        self._whole = whole
        self.tables = tuple(_first_tables(whole.tables, size))
        self.leaves = whole.leaves[: size * HASH_SIZE]
        self.size = size
        self.root_hex = FactorLog(self.leaves).root.hex()
        self.version = f"{whole.version}@{size}"
        admitted = {parameter_file(entry.table_id) for entry in self.tables if not entry.kind}
        later = {parameter_file(entry.table_id) for entry in whole.tables if not entry.kind} - admitted
        self.files = {name: digest for name, digest in whole.files.items() if name not in later}
        self._row_counts = Counter({entry.kind: 0 for entry in self.tables})
        for entry in self.tables:
            self._row_counts[entry.kind] += entry.row_count

    def rows(self, kind: str) -> tuple[EmissionFactor, ...]:
        """Every row of a kind that was admitted by then."""
        return self._whole.rows(kind)[: self._row_counts[kind]]


def _first_tables(tables: Iterable[TableEntry], size: int) -> Iterator[TableEntry]:
    left_count = size
    for entry in tables:
        if left_count <= 0:
            return
        if entry.entry_count > left_count:
            yield replace(entry, row_count=left_count, entry_count=left_count)
        else:
            yield entry
        left_count -= entry.entry_count


def parameter_file(name: str) -> str:
    """File of a table of parameters: those that stand one by one and the region graph lie beside the folder."""
    return f"{name}.csv" if f"{name}.csv" in SINGLE_PARAMETERS else f"parameters/{name}.csv"


def quality_text(digits: str) -> str:
    """Five scores by their names: "reliability=4;temporal=2;..."; anything but five digits as it is."""
    if len(digits) != len(QUALITY_NAMES) or not digits.isdigit():
        return digits
    return ";".join(f"{name}={score}" for name, score in zip(QUALITY_NAMES, digits, strict=True))


def factors_of(tables: Sequence[Mapping[str, Any]], factors_csv: bytes) -> tuple[EmissionFactor, ...]:
    """Every row of one file, in its order.

    Args:
        tables: By number of the table, the fields of `EmissionFactor` that its rows share.
        factors_csv: Bytes of `factors/KIND.csv`.

    Returns:
        The rows.
    """
    lines = csv.reader(StringIO(factors_csv.decode()))
    next(lines)
    attributes_of: dict[str, dict[str, str]] = {"": {}}
    rows = []
    for table, region, year, rate, label, attributes, co2, ch4, n2o, co2e, biogenic_co2, uncertainty, quality in lines:
        if attributes not in attributes_of:
            attributes_of[attributes] = dict(part.split("=", 1) for part in attributes.split(";"))
        row = object.__new__(EmissionFactor)  # the constructor of a frozen class takes three times as long for 30,000 rows
        row.__dict__.update(
            tables[int(table)],
            region=region,
            year=int(year),
            rate=rate,
            published={gas: text for gas, text in zip(GASES, (co2, ch4, n2o, co2e, biogenic_co2), strict=True) if text},
            label=label,
            attributes=attributes_of[attributes],
            uncertainty_percent=uncertainty,
            data_quality=quality_text(quality),
        )
        rows.append(row)
    return tuple(rows)


def _dicts(data: bytes) -> Iterator[Mapping[str, str]]:
    yield from csv.DictReader(StringIO(data.decode()))
