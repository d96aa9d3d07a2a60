"""Packs of a data folder: whole or not at all, in the order of installation, and every earlier state at hand."""

import json
from pathlib import Path

import pytest

from app.factor_packs import factor_set_of, install_pack, installed_factor_set, installed_packs, packs_folder
from app.usecases.import_factors import import_factors
from domain.errors import FactorSetError
from domain.factor import FactorSetId
from scoring.factors.importers.registry import FILE_KINDS, NamedFile
from scoring.factors.load import shipped_factor_set

HEAD = "kind,region,year,unit,published_unit,co2e,life_cycle_scope,publisher,source"


def own(*lines: str) -> NamedFile:
    """A file of own factors: `REGION NUMBER` each."""
    rows = (f"electricity,{line.split()[0]},2024,kWh,g/kWh,{line.split()[1]},generation,Somebody,Table 1" for line in lines)
    return NamedFile("own.csv", "\n".join([HEAD, *rows]).encode())


def add(folder: Path, *lines: str) -> Path | None:
    """Install own factors; the pack's folder."""
    return import_factors(folder, FILE_KINDS["own-factors"], [own(*lines)]).pack


def test_without_a_pack_it_is_the_shipped_set(tmp_path: Path) -> None:
    """No folder is needed, none is made."""
    assert installed_factor_set(tmp_path / "none") is shipped_factor_set()
    assert not (tmp_path / "none").exists()


def test_pack_is_installed_whole(tmp_path: Path) -> None:
    """The folder has the layout's files and pack.json, and nothing is left beside it."""
    pack = add(tmp_path, "AQ 12")
    assert pack == packs_folder(tmp_path) / "own-factors"
    assert {path.name for path in pack.iterdir()} >= {"dataset.json", "tables.json", "leaves.bin", "factors", "pack.json"}
    assert [path.name for path in packs_folder(tmp_path).iterdir()] == ["own-factors"]
    assert pack.stat().st_mode & 0o077 == 0


def test_same_file_again_changes_nothing(tmp_path: Path) -> None:
    """No second pack, the same set, the same object."""
    add(tmp_path, "AQ 12")
    before = installed_factor_set(tmp_path)
    assert add(tmp_path, "AQ 12") is None
    assert installed_factor_set(tmp_path) is before


def test_later_packs_stand_behind_earlier_ones(tmp_path: Path) -> None:
    """Whatever their names: every state before is a prefix, and can be had again."""
    shipped = shipped_factor_set()
    add(tmp_path, "AQ 12")
    first = installed_factor_set(tmp_path)
    add(tmp_path, "AQ 12", "BV 13")
    second = installed_factor_set(tmp_path)
    assert [pack.name for pack in installed_packs(tmp_path)] == ["own-factors", "own-factors-2"]
    assert (first.id.size, second.id.size) == (shipped.id.size + 1, shipped.id.size + 2)
    assert factor_set_of(tmp_path, shipped.id) is shipped
    assert factor_set_of(tmp_path, first.id) is first
    assert factor_set_of(tmp_path, second.id) is second


def test_state_that_never_was_is_none(tmp_path: Path) -> None:
    """Another root of the same size, and another size."""
    add(tmp_path, "AQ 12")
    size = shipped_factor_set().id.size
    assert factor_set_of(tmp_path, FactorSetId(size + 1, "00" * 32)) is None
    assert factor_set_of(tmp_path, FactorSetId(size + 7, "00" * 32)) is None


def test_sources_are_kept(tmp_path: Path) -> None:
    """Name and hash of the file that it came from."""
    add(tmp_path, "AQ 12")
    (pack,) = installed_packs(tmp_path)
    assert (pack.kind, pack.position, pack.sources[0][0], len(pack.sources[0][1])) == ("own-factors", 1, "own.csv", 64)


def test_half_written_pack_is_not_seen(tmp_path: Path) -> None:
    """What a crash left beside the packs does not count."""
    add(tmp_path, "AQ 12")
    (packs_folder(tmp_path) / ".new-crashed").mkdir()
    assert len(installed_packs(tmp_path)) == 1


@pytest.mark.parametrize("name", ["pack.json", "dataset.json"])
def test_damaged_pack_is_named(tmp_path: Path, name: str) -> None:
    """The message says which folder, and what to do."""
    pack = add(tmp_path, "AQ 12")
    assert pack is not None
    (pack / name).write_bytes(b"{")
    with pytest.raises(FactorSetError, match="own-factors") as caught:
        installed_factor_set(tmp_path)
    assert "import the publisher's file again" in caught.value.next_step


def test_pack_of_another_format_is_refused(tmp_path: Path) -> None:
    """A later version's pack is not guessed at."""
    pack = add(tmp_path, "AQ 12")
    assert pack is not None
    about = json.loads((pack / "pack.json").read_bytes())
    (pack / "pack.json").write_text(json.dumps(about | {"format": "climate-fitness/pack/9"}))
    with pytest.raises(FactorSetError, match="expected climate-fitness/pack/1; got climate-fitness/pack/9"):
        installed_packs(tmp_path)


def test_refused_file_leaves_nothing(tmp_path: Path) -> None:
    """A bad number, and no folder is made."""
    with pytest.raises(FactorSetError, match="line 2, co2e"):
        add(tmp_path, "AQ -1")
    assert not packs_folder(tmp_path).exists()


def test_pack_that_cannot_be_written_leaves_nothing(tmp_path: Path) -> None:
    """A name that is no file's: the folder beside is taken away again."""
    with pytest.raises(OSError, match="name too long"):
        install_pack(tmp_path, "own-factors", {"x" * 300: b""}, [])
    assert list(packs_folder(tmp_path).iterdir()) == []
