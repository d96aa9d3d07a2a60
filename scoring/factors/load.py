"""Reads the shipped data set. A file that is not what `dataset.json` says is refused by name."""

from functools import lru_cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from scoring.factors.factor_set import FactorSet, set_of_folders
from scoring.factors.folder import FORMAT, FactorFolder
from scoring.regions import RegionGraph

__all__ = ["FORMAT", "folder_at", "load_factor_set", "shipped_factor_set", "shipped_folder", "shipped_regions"]


@lru_cache(maxsize=1)
def shipped_factor_set() -> FactorSet:
    """The factor set that comes with the package.

    Raises:
        FactorSetError: A file of it is damaged.
    """
    return set_of_folders([shipped_folder()])


@lru_cache(maxsize=1)
def shipped_folder() -> FactorFolder:
    """The folder that comes with the package.

    Raises:
        FactorSetError: A file of it is damaged.
    """
    return folder_at(resources.files("scoring.factors").joinpath("data"))


def shipped_regions() -> RegionGraph:
    """The region graph of the shipped factor set."""
    return shipped_factor_set().regions


def folder_at(place: Traversable | Path) -> FactorFolder:
    """A folder as `scoring.factors.build` or `scoring.factors.packs` writes it.

    Args:
        place: Where it is.

    Returns:
        The folder; its files are read when asked for.

    Raises:
        FactorSetError: Its `dataset.json` is missing, or its layout is one that this version does not read.
    """
    return FactorFolder(lambda name: place.joinpath(*name.split("/")).read_bytes())


def load_factor_set(place: Traversable | Path) -> FactorSet:
    """The factor set in a folder.

    Args:
        place: Folder as `scoring.factors.build` writes it.

    Returns:
        The set. The root is the one stated there; `FactorSet.check` recomputes it.

    Raises:
        FactorSetError: As `folder_at`.
    """
    return set_of_folders([folder_at(place)])
