"""What differs between two factor sets: the shipped one, an installed one, or a folder."""

from pathlib import Path

from app.factor_packs import installed_factor_set, installed_packs
from domain.errors import NotFoundError
from scoring.factors.difference import TableDifference, differences
from scoring.factors.factor_set import FactorSet, set_of_folders
from scoring.factors.load import load_factor_set, shipped_factor_set

SHIPPED, INSTALLED = "shipped", "installed"


def find_factor_set(text: str, data_folder: Path) -> FactorSet:
    """The factor set that somebody means.

    Args:
        text: "shipped", "installed", the name or version of a pack, the version of the shipped set, or a folder.
        data_folder: Folder of the installation.

    Returns:
        The set.

    Raises:
        NotFoundError: There is none.
        FactorSetError: It is damaged.
    """
    if text in {SHIPPED, shipped_factor_set().version}:
        return shipped_factor_set()
    if text in {INSTALLED, (installed := installed_factor_set(data_folder)).version}:
        return installed
    packs = installed_packs(data_folder)
    pack = next((one for one in packs if text in {one.name, one.content.version}), None)
    if pack is not None:
        return set_of_folders([pack.content])
    folder = Path(text)
    if (folder / "dataset.json").is_file():
        return load_factor_set(folder)
    known = [SHIPPED, INSTALLED, *(one.name for one in packs)]
    raise NotFoundError(
        "There is no such factor set",
        expected=f"one of {', '.join(known)}, or a folder with a dataset.json",
        got=text,
        record="factors diff",
        next_step="`climate-fitness factors list` names the packs.",
    )


def diff_factors(before: FactorSet, after: FactorSet) -> tuple[TableDifference, ...]:
    """What differs between two sets, table by table."""
    return differences(before.factors, after.factors)
