"""Packs: what a publisher's share-alike file, or a file of one's own, adds to the shipped factor set on one installation.

A pack is a folder of the same layout that holds only its own rows. Packs stand behind the shipped set in the order in which they
were installed, so the log before is a prefix of the log after. A row is never changed or taken out: what a newer file says
otherwise is a further row, and of two rows alike the one admitted last is taken.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from hashlib import sha256

from domain.errors import FactorSetError
from domain.factor import EmissionFactor, Gas, LifeCycleScope
from domain.merkle import HASH_SIZE, leaf_hash
from scoring.factors.factor_set import FactorSet, set_of_folders
from scoring.factors.folder import FactorFolder
from scoring.factors.importers.published import Imported, ParameterTable, PublishedRow, RegionRow, SourceTable
from scoring.factors.write import folder_files

_DIGEST_HEX_COUNT = 8


def build_pack(imported: Imported, *, name: str, installed: FactorSet) -> dict[str, bytes]:
    """The files of a pack.

    Args:
        imported: What a file gives.
        name: Name of the pack: "electricity-maps".
        installed: What is installed already; its rows are not put in again.

    Returns:
        File name to bytes; empty where every row is installed already. The same input gives the same bytes. The version is the
        name and the beginning of a hash over all rows and regions.

    Raises:
        FactorSetError: A row is in a region that nobody names, two rows are equal, or a row belongs to no table.
    """
    new = without_rows(imported, leaves_of(installed))
    known = installed.regions.names
    regions = tuple(one for one in new.regions if one.region not in known)
    _require_regions(
        {*(row.region for row in new.rows), *(one.parent for one in regions)}, {*known, *(one.region for one in regions)}
    )
    if not new.rows:
        return {}
    digest = sha256(repr((new.tables, new.rows, regions)).encode()).hexdigest()[:_DIGEST_HEX_COUNT]
    more = [_region_table(regions, new.tables)] if regions else []
    # Parameters of a publisher (a grid loss) are looked up by name alone: those of a pack would change shipped rows' results.
    rows_only = replace(new, parameters=(), parameter_tables=())
    return folder_files([rows_only], version=f"{name}.{digest}", more=more)


def with_packs(base: FactorSet, packs: Sequence[FactorFolder]) -> FactorSet:
    """The base with packs appended to its log.

    Args:
        base: A factor set.
        packs: Folders in the order of their installation.

    Returns:
        A set of its own id, of whose log the base's is a prefix; the base itself where there is no pack.

    Raises:
        FactorSetError: A file of a pack is damaged.
    """
    return set_of_folders([*base.folders, *packs]) if packs else base


def folder_of_files(files: dict[str, bytes]) -> FactorFolder:
    """A pack that is not written yet, as a folder."""

    def read(name: str) -> bytes:
        if name not in files:
            raise FileNotFoundError(name)
        return files[name]

    return FactorFolder(read)


def factors_of_imported(imported: Imported) -> tuple[EmissionFactor, ...]:
    """The rows of an importer as the factor set holds them, in their order."""
    tables = {table.table_id: table for table in imported.tables}
    return tuple(_factor(row, tables) for row in imported.rows)


def leaves_of(factor_set: FactorSet) -> Collection[bytes]:
    """Leaf hashes of every entry of a set."""
    joined = b"".join(folder.leaves for folder in factor_set.folders)
    return {joined[at : at + HASH_SIZE] for at in range(0, len(joined), HASH_SIZE)}


def without_rows(imported: Imported, leaves: Collection[bytes]) -> Imported:
    """What is left of an import without the rows that these leaves name; tables without a row are left out too."""
    kept = tuple(
        row
        for row, factor in zip(imported.rows, factors_of_imported(imported), strict=True)
        if leaf_hash(factor.canonical_bytes) not in leaves
    )
    used = {row.table_id for row in kept}
    return replace(imported, rows=kept, tables=tuple(table for table in imported.tables if table.table_id in used))


def merged(parts: Sequence[Imported]) -> Imported:
    """Several files of one publisher as one import.

    Args:
        parts: What each file gives, in the order in which the files were named.

    Returns:
        Their tables, rows, regions and findings, in this order.

    Raises:
        FactorSetError: Two files give the same table.
    """
    ids = [table.table_id for part in parts for table in part.tables]
    twice = next((one for one in ids if ids.count(one) > 1), "")
    if twice:
        raise FactorSetError(
            "Two of the files are of the same edition", expected="each edition once", got=f"{twice} twice", record="FILE..."
        )
    regions = {one.region: one for part in parts for one in part.regions}
    parameters = [
        name for part in parts for name in (*(one.name for one in part.parameters), *(one.name for one in part.parameter_tables))
    ]
    left_out = f"Left out, because a pack holds rows alone: {', '.join(dict.fromkeys(parameters))}"
    return Imported(
        tables=tuple(table for part in parts for table in part.tables),
        rows=tuple(row for part in parts for row in part.rows),
        regions=tuple(regions.values()),
        findings=(*(text for part in parts for text in part.findings), *([left_out] if parameters else [])),
    )


def _factor(row: PublishedRow, tables: dict[str, SourceTable]) -> EmissionFactor:
    table = tables.get(row.table_id)
    if table is None:
        raise FactorSetError("A row belongs to no table", expected="a row of one of the file's tables", got=row.table_id)
    return EmissionFactor(
        publisher=table.publisher,
        edition=table.edition,
        table=table.table,
        kind=table.kind,
        unit=table.unit,
        region=row.region,
        year=row.year,
        published={Gas(gas): text for gas, text in row.by_gas.items()},
        published_unit=table.published_unit,
        gwp_set=table.gwp_set,
        life_cycle_scope=LifeCycleScope(table.life_cycle_scope),
        rate=row.rate,
        source_url=table.source_url,
        licence=table.licence,
        note=table.note,
        label=row.label,
        attributes=row.attributes,
        uncertainty_percent=row.uncertainty_percent,
        data_quality=row.data_quality,
    )


def _require_regions(used: Collection[str], known: Collection[str]) -> None:
    """Refuse places that the region graph does not have: nobody could ever find their rows.

    Raises:
        FactorSetError: A region is unknown.
    """
    unknown = sorted(set(used) - set(known))
    if unknown:
        raise FactorSetError(
            "A row is in a region that is not known",
            expected="an ISO 3166-1 country code, a path such as US/state/CA, or WORLD",
            got=", ".join(unknown[:10]),
            record=f"{len(unknown)} regions",
            next_step="Name a region of `regions.csv`.",
        )


def _region_table(regions: Sequence[RegionRow], tables: Sequence[SourceTable]) -> ParameterTable:
    first = tables[0]
    return ParameterTable(
        name="regions",
        columns=("region", "name", "parent"),
        rows=tuple(sorted((one.region, one.name, one.parent) for one in regions)),
        publisher=first.publisher,
        edition=first.edition,
        source_url=first.source_url,
        licence=first.licence,
        note="Regions that only this pack names.",
    )
