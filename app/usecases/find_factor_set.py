"""The factor set that a statement was made with: since then packs may have been installed, and the shipped set upgraded."""

from pathlib import Path

from app.factor_packs import factor_set_of
from app.services import Services
from domain.bundle import bundle_from_bytes
from domain.errors import ClimateFitnessError
from domain.factor import FactorSetId
from scoring.factors.factor_set import FactorSet


def factor_set_then(services: Services, wanted: FactorSetId) -> FactorSet | None:
    """The factor set of this id, where this installation has it or went through it.

    Args:
        services: What the program works with.
        wanted: Size and root that a statement names.

    Returns:
        The set; None where it was no state of this installation, or cannot be had any more.

    Raises:
        FactorSetError: A file of it is damaged.
    """
    if services.factor_set.id == wanted:
        return services.factor_set
    return factor_set_of(services.settings.data_folder, wanted)


def factor_set_of_bundle(data: bytes, *, installed: FactorSet, data_folder: Path) -> FactorSet:
    """The factor set to verify a bundle with.

    Args:
        data: The bundle's bytes.
        installed: What the installation works with now.
        data_folder: Its folder.

    Returns:
        The set that the bundle's statement names, where this installation went through it; else the one that is installed: the
        step that needs it says that it was another one.

    Raises:
        FactorSetError: A file of it is damaged.
    """
    try:
        wanted = bundle_from_bytes(data).read_manifest().factor_set
    except ClimateFitnessError:  # the walk says what is wrong with the bundle
        return installed
    return installed if installed.id == wanted else factor_set_of(data_folder, wanted) or installed
