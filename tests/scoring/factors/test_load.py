"""Loading the data set: whole, fast, and never a damaged file."""

import json
import re
import shutil
from pathlib import Path

import pytest

from domain.errors import FactorSetError
from scoring.factors import load as loading
from scoring.factors.load import load_factor_set, shipped_factor_set

DATA = Path(loading.__file__).parent / "data"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the shipped data set."""
    return Path(shutil.copytree(DATA, tmp_path / "data"))


def test_shipped_set_holds_all_rows_of_its_manifest() -> None:
    """Size and root are those of dataset.json, and the rows give that root."""
    factors = shipped_factor_set()
    manifest = json.loads((DATA / "dataset.json").read_bytes())
    assert (factors.id.size, factors.id.root_hex) == (manifest["size"], manifest["root"])
    factors.check()


@pytest.mark.parametrize("name", ["factors.csv", "tables.json", "regions.csv", "zips.csv", "zones.csv", "parameters.csv"])
def test_changed_byte_is_refused_by_file_name(folder: Path, name: str) -> None:
    """One changed byte anywhere names its file."""
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(FactorSetError, match=rf"damaged.*in {re.escape(name)}\. Install the package again"):
        load_factor_set(folder)


def test_missing_file_is_refused_by_name(folder: Path) -> None:
    """A missing file is named."""
    (folder / "zips.csv").unlink()
    with pytest.raises(FactorSetError, match=r"missing; expected zips\.csv; got FileNotFoundError"):
        load_factor_set(folder)


def test_layout_of_another_version_is_refused(folder: Path) -> None:
    """A data set in a later layout is not guessed at."""
    manifest = json.loads((folder / "dataset.json").read_bytes()) | {"format": "climate-fitness/factor-set/2"}
    (folder / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(FactorSetError, match="expected climate-fitness/factor-set/1; got climate-fitness/factor-set/2"):
        load_factor_set(folder)


def test_set_whose_root_was_altered_does_not_check(folder: Path) -> None:
    """A stated root that is not the rows' is found by the check."""
    manifest = json.loads((folder / "dataset.json").read_bytes()) | {"root": "00" * 32}
    (folder / "dataset.json").write_text(json.dumps(manifest))
    with pytest.raises(FactorSetError, match=f"expected 6407 rows with root {'00' * 32}"):
        load_factor_set(folder).check()
