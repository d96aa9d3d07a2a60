"""The factor set of an installation: the shipped one, and the packs of its data folder behind it in the order of installation.

    factors/packs/NAME/          one pack: the layout of the shipped data set, and pack.json
    factors/packs/NAME/pack.json its position behind the shipped set, and the files that it came from

A pack is written beside its place and moved there when it is whole. Nothing in it is changed afterwards.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp

from app.data_folder import make_private_folder
from domain.errors import ConflictError, FactorSetError
from domain.factor import FactorSetId
from domain.merkle import HASH_SIZE
from scoring.factors.factor_set import FactorSet
from scoring.factors.folder import FactorFolder
from scoring.factors.load import folder_at, shipped_factor_set
from scoring.factors.log import FactorLog
from scoring.factors.packs import with_packs

PACK_FORMAT = "climate-fitness/pack/1"
"""Name and version of `pack.json`."""

_MANIFEST, _ABOUT = "dataset.json", "pack.json"


@dataclass(frozen=True)
class InstalledPack:
    """One pack of a data folder.

    Attributes:
        name: Name of its folder.
        kind: Kind of file that it came from: "electricity-maps".
        position: Its place behind the shipped set, from 1.
        path: Its folder.
        sources: Name and SHA-256 of every file that it came from.
        digest_hex: SHA-256 of its `dataset.json`.
        content: Its rows.
    """

    name: str
    kind: str
    position: int
    path: Path
    sources: tuple[tuple[str, str], ...]
    digest_hex: str
    content: FactorFolder


def packs_folder(data_folder: Path) -> Path:
    """Where the packs of a data folder lie."""
    return data_folder / "factors" / "packs"


def installed_packs(data_folder: Path) -> tuple[InstalledPack, ...]:
    """The packs of a data folder, first installed first.

    Args:
        data_folder: Folder of the installation; it need not exist.

    Returns:
        The packs.

    Raises:
        FactorSetError: A pack is damaged, or of another layout.
    """
    folder = packs_folder(data_folder)
    if not folder.is_dir():
        return ()
    found = [_read_pack(path) for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return tuple(sorted(found, key=lambda pack: (pack.position, pack.name)))


def installed_factor_set(data_folder: Path) -> FactorSet:
    """The factor set that an installation works with.

    Args:
        data_folder: Folder of the installation; it need not exist.

    Returns:
        The shipped set, with its packs; the same object as long as the packs are the same.

    Raises:
        FactorSetError: A file of the shipped set or of a pack is damaged.
    """
    packs = installed_packs(data_folder)
    shipped = shipped_factor_set()
    return _joined(shipped, shipped.id.size, _named(packs)) or shipped


def factor_set_of(data_folder: Path, wanted: FactorSetId) -> FactorSet | None:
    """The factor set of a state that this installation went through, so that what was closed before a pack can be recomputed.

    Args:
        data_folder: Folder of the installation.
        wanted: Size and root of the state.

    Returns:
        The set, of what the shipped set was then and the packs that were installed then; None where it was no state of this
        installation, or the shipped set is no longer a continuation of what it was.

    Raises:
        FactorSetError: A file is damaged.
    """
    packs = installed_packs(data_folder)
    shipped = shipped_factor_set()
    for count in range(len(packs) + 1):
        base_size = wanted.size - sum(pack.content.size for pack in packs[:count])
        if 0 < base_size <= shipped.id.size:
            then = packs[:count]
            leaves = shipped.folders[0].leaves[: base_size * HASH_SIZE] + b"".join(pack.content.leaves for pack in then)
            if FactorLog(leaves).root.hex() == wanted.root_hex:
                return _joined(shipped, base_size, _named(then))
    return None


def install_pack(data_folder: Path, kind: str, files: Mapping[str, bytes], sources: Sequence[tuple[str, bytes]]) -> Path:
    """Put a pack in its place, whole or not at all.

    Args:
        data_folder: Folder of the installation; it exists.
        kind: Kind of file that it came from; the pack is called so, or so with a number.
        files: File name to bytes (`scoring.factors.packs.build_pack`).
        sources: Name and bytes of every file that it came from.

    Returns:
        Folder of the pack.

    Raises:
        ConflictError: Another import put a pack there at the same time.
        FactorSetError: A pack that is installed is damaged.
    """
    packs = installed_packs(data_folder)
    taken = {pack.name for pack in packs}
    name = next(one for one in (kind, *(f"{kind}-{number}" for number in range(2, len(packs) + 3))) if one not in taken)
    about = {
        "files": [{"name": file_name, "sha256": sha256(data).hexdigest()} for file_name, data in sources],
        "format": PACK_FORMAT,
        "kind": kind,
        "position": max((pack.position for pack in packs), default=0) + 1,
    }
    folder = packs_folder(data_folder)
    make_private_folder(data_folder / "factors")
    make_private_folder(folder)
    new = Path(mkdtemp(prefix=".new-", dir=folder))
    try:
        for file_name, data in {**files, _ABOUT: json.dumps(about, indent=1, sort_keys=True).encode() + b"\n"}.items():
            path = new.joinpath(*file_name.split("/"))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        try:
            return new.rename(folder / name)
        except OSError as error:
            raise ConflictError(
                "Another import installed a pack at the same time",
                expected="no pack of this name",
                got=name,
                record=str(folder),
                next_step="Try again.",
            ) from error
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _named(packs: Sequence[InstalledPack]) -> tuple[tuple[Path, str], ...]:
    return tuple((pack.path, pack.digest_hex) for pack in packs)


@lru_cache(maxsize=8)
def _joined(shipped: FactorSet, base_size: int, packs: tuple[tuple[Path, str], ...]) -> FactorSet | None:
    base = shipped.at_size(base_size)
    return None if base is None else with_packs(base, [folder_at(path) for path, _ in packs])


def _read_pack(path: Path) -> InstalledPack:
    try:
        about = json.loads((path / _ABOUT).read_bytes())
        if about["format"] != PACK_FORMAT:
            raise FactorSetError(expected=PACK_FORMAT, got=str(about["format"]), record=str(path / _ABOUT))
        sources = tuple((str(file["name"]), str(file["sha256"])) for file in about["files"])
        return InstalledPack(
            path.name,
            str(about["kind"]),
            int(about["position"]),
            path,
            sources,
            sha256((path / _MANIFEST).read_bytes()).hexdigest(),
            folder_at(path),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FactorSetError(
            "A pack is damaged",
            expected="pack.json and dataset.json as `factors import` writes them",
            got=f"{type(error).__name__}: {error}",
            record=str(path),
            next_step="Move its folder away and import the publisher's file again.",
        ) from error
