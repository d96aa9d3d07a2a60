"""Writes what importers give as the files of a folder. Deterministic: the same input gives the same bytes."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, fields
from hashlib import sha256
from io import StringIO

from domain.errors import FactorSetError
from domain.merkle import HASH_SIZE, leaf_hash
from scoring.factors.folder import (
    FACTOR_COLUMNS,
    FORMAT,
    GASES,
    QUALITY_NAMES,
    SOURCE_FIELDS,
    SUPERSEDED_FIELD,
    FactorFolder,
    parameter_file,
    quality_text,
)
from scoring.factors.importers.published import Imported, Parameter, ParameterTable, PublishedRow, RegionRow, SourceTable
from scoring.factors.log import FactorLog


def folder_files(
    imported: Sequence[Imported],
    *,
    version: str,
    more: Sequence[ParameterTable] = (),
    before: FactorFolder | None = None,
) -> dict[str, bytes]:
    """The files of a folder.

    Args:
        imported: What the importers give, in the order of its admission to the log.
        version: Version of the folder.
        more: Further tables of parameters, admitted last: the region graph.
        before: The folder that it continues: its entries come first, in their order, and a table of parameters that changed
            since stays as an entry without its file.

    Returns:
        File name to its bytes, `dataset.json` among them.

    Raises:
        FactorSetError: Two tables have one id, a row belongs to none or has an attribute that the file cannot hold, two tables
            of parameters have one name, or an admitted table of rows is gone or changed.
    """
    rows_of = _rows_of_tables(imported)
    new: dict[str, tuple[SourceTable | ParameterTable, bytes]] = {}
    for parameters in [*_parameter_tables(imported), *more]:
        name = parameter_file(parameters.name)
        if name in new:
            raise FactorSetError("Two tables of parameters have one name", expected="a new name", got=parameters.name)
        new[name] = (parameters, _csv(parameters.columns, parameters.rows))
    of_rows = {table.table_id: (table, b"") for part in imported for table in part.tables}
    if set(rows_of) - set(of_rows):
        raise FactorSetError("A row belongs to no table", expected="a row of one of the file's tables", got=min(rows_of))
    tables: list[dict[str, object]] = []
    by_kind: dict[str, list[list[object]]] = {}
    for listed in _in_order(of_rows | new, before):
        if isinstance(listed, dict):
            tables.append(listed)
        elif isinstance(listed, SourceTable):
            rows = rows_of[listed.table_id]
            by_kind.setdefault(listed.kind, []).extend(_cells(len(tables), row) for row in rows)
            tables.append({**asdict(listed), "row_count": len(rows)})
        else:
            described = {key: value for key, value in asdict(listed).items() if key != "rows"}
            tables.append({**described, "columns": list(listed.columns), "row_count": len(listed.rows)})
    files = {f"factors/{kind}.csv": _csv(FACTOR_COLUMNS, lines) for kind, lines in by_kind.items()}
    files |= {name: data for name, (_, data) in new.items()}
    files["tables.json"] = _tables_json(tables)
    made = with_manifest(files, version=version)
    if before is not None and not made["leaves.bin"].startswith(before.leaves):
        raise FactorSetError(
            "The log does not continue the one before",
            expected=f"the {before.size} entries of {before.version} first",
            got="other ones",
            next_step="An admitted row never changes: give the new edition a table id of its own, or begin the log anew.",
        )
    return made


def _in_order(
    new: Mapping[str, tuple[SourceTable | ParameterTable, bytes]], before: FactorFolder | None
) -> Iterator[SourceTable | ParameterTable | dict[str, object]]:
    """Tables in the order of the log: those that were admitted before, then the new ones.

    Raises:
        FactorSetError: An admitted table of rows is gone.
    """
    left = dict(new)
    for entry in before.tables if before else ():
        name = entry.table_id if entry.kind else parameter_file(entry.table_id)
        found = left.get(name)
        admitted = str(entry.fields.get(SUPERSEDED_FIELD) or ("" if before is None or entry.kind else before.files[name]))
        if entry.kind and found is None:
            raise FactorSetError("An admitted table is gone", expected=f"the rows of {name}", got="none")
        if found is not None and (entry.kind or sha256(found[1]).hexdigest() == admitted):
            yield left.pop(name)[0]
        else:
            yield {**entry.fields, "row_count": 0, SUPERSEDED_FIELD: admitted}
    yield from (table for table, _ in left.values())


def with_manifest(files: Mapping[str, bytes], *, version: str) -> dict[str, bytes]:
    """The same files with `leaves.bin` and `dataset.json`.

    Args:
        files: Every other file.
        version: Version of the folder.

    Returns:
        All files.
    """
    found = dict(files)
    unchecked = json_bytes(
        {"files": {name: sha256(data).hexdigest() for name, data in found.items()}, "format": FORMAT, "root": "", "size": 0}
        | {"version": version}
    )
    folder = FactorFolder(lambda name: unchecked if name == "dataset.json" else found[name])
    leaves = b"".join(leaf_hash(entry) for entry in folder.entries())
    _refuse_twins(leaves)
    found["leaves.bin"] = leaves
    found["dataset.json"] = json_bytes(
        {
            "files": {name: sha256(data).hexdigest() for name, data in sorted(found.items())},
            "format": FORMAT,
            "root": FactorLog(leaves).root.hex(),
            "row_count": sum(entry.row_count for entry in folder.tables if entry.kind),
            "size": len(leaves) // HASH_SIZE,
            "version": version,
        }
    )
    return found


def json_bytes(value: object) -> bytes:
    """JSON as the data set's files have it: sorted, one item a line."""
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def region_tables(regions: Iterable[RegionRow], zips_csv: bytes, zones_csv: bytes) -> list[ParameterTable]:
    """The region graph as tables of parameters.

    Args:
        regions: Regions with their names and parents, sorted.
        zips_csv: Columns state, subregions, zips.
        zones_csv: Columns region, zones.

    Returns:
        Three tables.
    """
    rows = tuple((row.region, row.name, row.parent) for row in regions)
    graph = _graph_table("regions", ("region", "name", "parent"), rows)
    others = []
    for name, data in (("zips", zips_csv), ("zones", zones_csv)):
        header, *lines = csv.reader(StringIO(data.decode()))
        others.append(_graph_table(name, tuple(header), tuple(tuple(line) for line in lines)))
    return [graph, *others]


def _graph_table(name: str, columns: tuple[str, ...], rows: tuple[tuple[str, ...], ...]) -> ParameterTable:
    return ParameterTable(
        name=name,
        columns=columns,
        rows=rows,
        publisher="Climate Fitness",
        edition="region graph",
        source_url="",
        licence="compiled from the EPA, ISO 3166-1, Unicode CLDR and the IANA time zone database",
    )


def _rows_of_tables(imported: Sequence[Imported]) -> dict[str, list[PublishedRow]]:
    found: dict[str, list[PublishedRow]] = {}
    for part in imported:
        for table in part.tables:
            if table.table_id in found:
                raise FactorSetError("Two tables have one id", expected="a new id", got=table.table_id)
            found[table.table_id] = []
        for row in part.rows:
            found.setdefault(row.table_id, []).append(row)
    return found


def _parameter_tables(imported: Sequence[Imported]) -> list[ParameterTable]:
    """Parameters that stand one by one as one table, then every other table, by name where several importers give parts of it."""
    singles = [parameter for part in imported for parameter in part.parameters]
    columns = tuple(field.name for field in fields(Parameter))
    found = [table for part in imported for table in part.parameter_tables]
    if not singles:
        return found
    rows = tuple(tuple(str(cell) for cell in astuple(one)) for one in singles)
    note = "Each row names its own publisher, edition and licence."
    return [ParameterTable("parameters", columns, rows, "several", "", "", "each its own", note), *found]


def _tables_json(tables: Sequence[dict[str, object]]) -> bytes:
    """Tables in the order of their admission, one a line; what they share (publisher, edition, licence) is said once."""
    sources: dict[tuple[object, ...], int] = {}
    lines = []
    for table in tables:
        number = sources.setdefault(tuple(table[name] for name in SOURCE_FIELDS), len(sources))
        own = {name: value for name, value in table.items() if name not in SOURCE_FIELDS}
        lines.append(_compact({**own, "source": number}))
    shared = [_compact(dict(zip(SOURCE_FIELDS, values, strict=True))) for values in sources]
    text = '{"sources": [\n' + ",\n".join(shared) + '\n],\n"tables": [\n' + ",\n".join(lines) + "\n]}\n"
    return text.encode()


def _compact(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _cells(table_number: int, row: PublishedRow) -> list[object]:
    gases = [row.by_gas.get(gas, "") for gas in GASES]
    return [
        table_number,
        row.region,
        row.year,
        row.rate,
        row.label,
        _attributes_text(row),
        *gases,
        row.uncertainty_percent,
        _short_quality(row.data_quality),
    ]


def _attributes_text(row: PublishedRow) -> str:
    for name, value in row.attributes.items():
        if ";" in name + value or "=" in name:
            raise FactorSetError(
                "An attribute holds a sign that the file separates with",
                expected="no ; in it, and no = in its name",
                got=f"{name}={value}",
                record=row.table_id,
            )
    return ";".join(f"{name}={value}" for name, value in sorted(row.attributes.items()))


def _short_quality(text: str) -> str:
    """Five scores as five digits; anything else as it is."""
    scores = dict(part.partition("=")[::2] for part in text.split(";"))
    digits = "".join(scores.get(name, "") for name in QUALITY_NAMES)
    return digits if quality_text(digits) == text else text


def _refuse_twins(leaves: bytes) -> None:
    """Refuse two entries that are equal: an id must name one row.

    Raises:
        FactorSetError: Two are.
    """
    seen: set[bytes] = set()
    for at in range(0, len(leaves), HASH_SIZE):
        if leaves[at : at + 8] in seen:
            raise FactorSetError("Two rows of the log are equal", expected="each row once", got=f"entry {at // HASH_SIZE} again")
        seen.add(leaves[at : at + 8])


def _csv(header: Sequence[str], lines: Iterable[Sequence[object]]) -> bytes:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(lines)
    return text.getvalue().encode()
