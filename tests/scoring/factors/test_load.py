"""Loading the data set: whole, fast, and never a damaged file."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors import load as loading
from scoring.factors.factor_set import FactorSet
from scoring.factors.load import folder_at, load_factor_set, shipped_factor_set, shipped_folder, shipped_regions

DATA = Path(loading.__file__).parent / "data"

READERS: dict[str, Callable[[FactorSet], object]] = {
    "factors/electricity.csv": lambda found: found.rows("electricity", "DE"),
    "factors/reported_emissions.csv": lambda found: found.of_kind("reported_emissions"),
    "leaves.bin": lambda found: found.row("0" * 16),
    "parameters.csv": lambda found: found.gwps,
    "regions.csv": lambda found: found.regions,
    "tables.json": lambda found: found.tables,
    "zips.csv": lambda found: found.regions,
    "zones.csv": lambda found: found.regions,
}
"""File to the first thing that reads it."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped data set."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def test_shipped_set_holds_all_rows_of_its_manifest() -> None:
    """Size and root are those of dataset.json, and the entries give that root."""
    factors = shipped_factor_set()
    manifest = json.loads((DATA / "dataset.json").read_bytes())
    assert (factors.id.size, factors.id.root_hex) == (manifest["size"], manifest["root"])
    assert (factors.row_count, factors.version) == (manifest["row_count"], manifest["version"])
    factors.check()


def test_manifest_names_every_file_that_is_data() -> None:
    """Nothing lies in the folder that the manifest does not name, and nothing is named that is not there."""
    there = {str(path.relative_to(DATA)) for path in DATA.rglob("*") if path.is_file()}
    assert there - {"dataset.json", "ATTRIBUTION.md"} == set(shipped_folder().files)


def test_regions_are_those_of_the_set() -> None:
    """The region graph that others ask for is the shipped set's."""
    assert shipped_regions() is shipped_factor_set().regions


@pytest.mark.parametrize("name", sorted(READERS))
def test_changed_byte_is_refused_by_file_name(folder: Path, name: str) -> None:
    """One changed byte anywhere names its file as soon as something reads it."""
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(FactorSetError, match=rf"damaged; expected SHA-256 .*in {re.escape(name)}\. Install the package again"):
        READERS[name](load_factor_set(folder))


@pytest.mark.parametrize("name", sorted(READERS))
def test_missing_file_is_refused_by_name(folder: Path, name: str) -> None:
    """A missing file is named as soon as something reads it."""
    (folder / name).unlink()
    with pytest.raises(FactorSetError, match=rf"missing; expected {re.escape(name)}; got FileNotFoundError"):
        READERS[name](load_factor_set(folder))


def test_missing_manifest_is_refused_at_once(folder: Path) -> None:
    """Without dataset.json there is no data set."""
    (folder / "dataset.json").unlink()
    with pytest.raises(FactorSetError, match=r"missing; expected dataset\.json; got FileNotFoundError"):
        folder_at(folder)


@pytest.mark.parametrize("other", ["climate-fitness/factor-set/1", "climate-fitness/factor-set/3", None])
def test_layout_of_another_version_is_refused(folder: Path, other: str | None) -> None:
    """A data set in an older or later layout is not guessed at."""
    manifest = json.loads((folder / "dataset.json").read_bytes()) | {"format": other}
    (folder / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(FactorSetError, match=f"expected {loading.FORMAT}; got {other}; in dataset.json"):
        load_factor_set(folder)


def test_set_whose_root_was_altered_does_not_check(folder: Path) -> None:
    """A stated root that is not the entries' is found by the check."""
    manifest = json.loads((folder / "dataset.json").read_bytes()) | {"root": "00" * 32}
    (folder / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(FactorSetError, match=f"expected {manifest['size']} entries with root {'00' * 32}"):
        load_factor_set(folder).check()
