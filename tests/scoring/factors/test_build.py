"""The build: the publishers' files give the shipped bytes, and a changed file is noticed."""

import json
from pathlib import Path

import pytest

from scoring.factors import build as building
from scoring.factors.build import Built, build, differences, main

DATA = Path(building.__file__).parent / "data"


@pytest.fixture(scope="module")
def built(shared_dir: Path) -> Built:
    """The data set built from the publishers' files."""
    return build(shared_dir / "data" / "raw")


def test_build_gives_the_shipped_bytes(built: Built) -> None:
    """Every shipped file is what the publishers' files give, byte for byte."""
    shipped = {path.name: path.read_bytes() for path in DATA.iterdir()}
    assert differences(shipped, built.files) == []
    assert shipped == dict(built.files)


def test_findings_name_large_changes_and_what_was_left_out(built: Built) -> None:
    """The diff names the year in which New York City lost a nuclear plant, and Puerto Rico's repeated value."""
    assert "eGRID by gas: US/egrid/NYCW total_output co2 moved from 553.8 (2019) to 816.8 (2021)" in built.findings
    assert "eGRID CO2e by state: Puerto Rico 2018 left out (the extract repeats 2019 there)" in built.findings


def test_held_files_are_known(built: Built) -> None:
    """No file that we hold has an unknown hash, and no gas sum misses the published CO2e."""
    assert [text for text in built.findings if "SHA-256" in text or "gases give" in text] == []


def test_shipped_set_is_small() -> None:
    """All files together stay under 2 MB."""
    assert sum(path.stat().st_size for path in DATA.iterdir()) < 2_000_000


def test_only_redistributable_licences_are_shipped() -> None:
    """Every table is public domain, CC0 or CC BY: nothing share-alike, nothing non-commercial."""
    licences = {table["licence"] for table in json.loads((DATA / "tables.json").read_bytes())}
    assert [text for text in licences if not text.startswith(("US federal government work, public domain", "CC BY 4.0"))] == []


def test_attribution_names_every_publisher_and_the_licence_sentences() -> None:
    """ATTRIBUTION.md has a line per table and the words that CC BY asks for."""
    text = (DATA / "ATTRIBUTION.md").read_text(encoding="utf-8")
    tables = json.loads((DATA / "tables.json").read_bytes())
    assert [table["table"] for table in tables if f"| {table['edition']} | {table['table']} |" not in text] == []
    assert "with major processing by Our World" in text
    assert "https://creativecommons.org/licenses/by/4.0/" in text


def test_command_writes_the_folder_and_shows_the_diff(
    shared_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command writes all files, says what changed, and moves aside what no longer belongs there."""
    (tmp_path / "stale.csv").write_text("x")
    assert main(["--raw", str(shared_dir / "data" / "raw"), "--out", str(tmp_path)]) == 0
    assert "factors.csv: 0 lines out, 6408 lines in" in capsys.readouterr().out
    assert (tmp_path / "factors.csv").read_bytes() == (DATA / "factors.csv").read_bytes()
    assert not (tmp_path / "stale.csv").exists()
