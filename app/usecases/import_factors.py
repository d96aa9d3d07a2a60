"""Taking in a publisher's own file of factors: what it holds, what it changes, and the pack that it becomes."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from app.factor_packs import install_pack, installed_factor_set, installed_packs
from domain.factor import EmissionFactor, LifeCycleScope
from scoring.factors.difference import TableDifference, differences, vintage_changes
from scoring.factors.factor_set import FactorSet
from scoring.factors.importers.hourly_grid import HOURLY_KIND
from scoring.factors.importers.registry import FileKind, NamedFile, import_files
from scoring.factors.packs import build_pack, factors_of_imported, folder_of_files, merged
from scoring.rules import RULES


@dataclass(frozen=True)
class FactorImport:
    """What an import did.

    Attributes:
        row_count: Rows that the files hold.
        new_row_count: Those that were not installed yet.
        findings: What a person should look at.
        differences: What differs from the rows of these publishers that were installed, table by table.
        pack: Folder of the new pack; None where nothing changed.
        licences: Licences of the new rows.
        factor_set: What the installation works with from now on.
    """

    row_count: int
    new_row_count: int
    findings: tuple[str, ...]
    differences: tuple[TableDifference, ...]
    pack: Path | None
    licences: tuple[str, ...]
    factor_set: FactorSet


def import_factors(data_folder: Path, kind: FileKind, files: Sequence[NamedFile]) -> FactorImport:
    """Read files of factors and install what is new in them.

    Args:
        data_folder: Folder of the installation; it exists.
        kind: Kind of the files.
        files: The files.

    Returns:
        What was found and done. The same files again change nothing.

    Raises:
        FactorSetError: A file is not what its importer expects.
        ConflictError: Another import is at work.
    """
    installed = installed_factor_set(data_folder)
    region_of = {name: region for region, name in installed.regions.names.items() if "/" not in region}
    found = merged(import_files(kind, files, region_of))
    rows = factors_of_imported(found)
    kinds = {row.kind for row in rows}
    publishers = {row.publisher for row in rows}
    alike = [row for one in sorted(kinds) for row in installed.of_kind(one) if row.publisher in publishers]
    pack_files = build_pack(found, name=_pack_name(data_folder, kind.name), installed=installed)
    pack = install_pack(data_folder, kind.name, pack_files, [(file.name, file.data) for file in files]) if pack_files else None
    new_rows = tuple(folder_of_files(pack_files).all_rows()) if pack_files else ()
    return FactorImport(
        row_count=len(rows),
        new_row_count=len(new_rows),
        findings=(*found.findings, *_vintage_changes(alike, new_rows), *_unused(new_rows)),
        differences=differences(alike, rows),
        pack=pack,
        licences=tuple(sorted({row.licence for row in new_rows})),
        factor_set=installed_factor_set(data_folder),
    )


def _vintage_changes(installed: Sequence[EmissionFactor], rows: Sequence[EmissionFactor]) -> tuple[str, ...]:
    """Findings one by one; of hours, which are thousands, the table of differences counts them."""
    return vintage_changes(installed, [row for row in rows if row.kind != HOURLY_KIND])


def _unused(rows: Sequence[EmissionFactor]) -> tuple[str, ...]:
    """Findings for rows that no rule ever takes, because they count something else than the inventory asks for."""
    counts = Counter(
        (row.kind, row.life_cycle_scope)
        for row in rows
        if row.life_cycle_scope not in {LifeCycleScope.UPSTREAM, LifeCycleScope.GRID_LOSS}
        and row.kind in RULES
        and row.life_cycle_scope not in RULES[row.kind].scopes
    )
    return tuple(
        f"{count} rows for {kind} count {scope}, which no activity takes; taken are {', '.join(RULES[kind].scopes)}"
        for (kind, scope), count in sorted(counts.items())
    )


def _pack_name(data_folder: Path, kind: str) -> str:
    """Name of the pack in the factor set's version: the kind, with a number from the second on."""
    count = sum(pack.kind == kind for pack in installed_packs(data_folder))
    return f"{kind}-{count + 1}" if count else kind
