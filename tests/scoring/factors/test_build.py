"""The build: the publishers' files give the shipped bytes, and a changed file is noticed."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from scoring.factors import build as building
from scoring.factors.build import Built, build, differences, main

DATA = Path(building.__file__).parent / "data"


def files_in(folder: Path) -> dict[str, bytes]:
    """Every file of a data set by its name in it: "factors/electricity.csv"."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def built(shared_dir: Path) -> Built:
    """The data set built from the publishers' files."""
    return build(shared_dir / "data" / "raw")


@pytest.fixture(scope="module")
def shipped() -> Mapping[str, bytes]:
    """The shipped files."""
    return files_in(DATA)


def test_build_gives_the_shipped_bytes(built: Built, shipped: Mapping[str, bytes]) -> None:
    """Every shipped file is what the publishers' files give, byte for byte, and there is no other."""
    assert differences(shipped, built.files) == []
    assert set(shipped) == set(built.files)


def test_findings_name_large_changes_and_what_was_left_out(built: Built) -> None:
    """The diff names the year in which New York City lost a nuclear plant, and Puerto Rico's repeated value."""
    assert "eGRID by gas: US/egrid/NYCW total_output co2 moved from 553.8 (2019) to 816.8 (2021)" in built.findings
    assert "eGRID CO2e by state: Puerto Rico 2018 left out (the extract repeats 2019 there)" in built.findings


def test_held_files_are_known(built: Built) -> None:
    """No file that we hold has an unknown hash, and no gas sum misses the published CO2e."""
    assert [text for text in built.findings if "SHA-256" in text or "gases give" in text] == []


def test_shipped_set_is_small(shipped: Mapping[str, bytes]) -> None:
    """All files together stay under 6 MB."""
    assert sum(map(len, shipped.values())) < 6_000_000


ALLOWED_LICENCES = (
    "US federal government work, public domain (17 USC 105)",
    "CC0 1.0",
    "CC BY 4.0",
    "Open Government Licence v3.0",
    "Licence Ouverte / Open Licence 2.0 (Etalab)",
    "ECB: free re-use with attribution",
    "Apache-2.0",
    "MIT",
    "As this software",
    "each its own",
    "compiled from the EPA, ISO 3166-1, Unicode CLDR and the IANA time zone database",
    "no licence stated; figures quoted with source",
)


def test_only_redistributable_licences_are_shipped(shipped: Mapping[str, bytes]) -> None:
    """Every table may be passed on: public domain, with attribution, or facts quoted; nothing share-alike or non-commercial."""
    licences = {source["licence"] for source in json.loads(shipped["tables.json"])["sources"]}
    assert [text for text in licences if not text.startswith(ALLOWED_LICENCES)] == []
    assert [text for text in licences if any(word in text for word in ("SA", "NC", "ND", "ODbL"))] == []


def test_single_parameters_name_their_own_licences(shipped: Mapping[str, bytes]) -> None:
    """Numbers that stand one by one say each whose they are, and may be passed on, too."""
    header, *lines = shipped["parameters.csv"].decode().splitlines()
    assert header.endswith(",licence,note")
    assert all(any(f",{text}" in line or f',"{text}' in line for text in ALLOWED_LICENCES) for line in lines)


def test_attribution_names_every_publisher_and_the_licence_sentences(shipped: Mapping[str, bytes]) -> None:
    """ATTRIBUTION.md has a line per publisher and edition, and the words that their licences ask for."""
    text = shipped["ATTRIBUTION.md"].decode()
    sources = json.loads(shipped["tables.json"])["sources"]
    published = [one for one in sources if one["publisher"] not in {"Climate Fitness", "several"}]
    missing = [one for one in published if f"| {one['publisher']} | {one['edition']} | {one['source_url']} |" not in text]
    assert missing == []
    assert "with major processing by Our World" in text
    assert "https://creativecommons.org/licenses/by/4.0/" in text
    assert "Contains public sector information licensed under the Open Government Licence v3.0" in text


def test_command_writes_the_folder_and_shows_the_diff(
    shared_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], shipped: Mapping[str, bytes]
) -> None:
    """The command writes all files, says what changed, and takes away what no longer belongs there."""
    (tmp_path / "stale.csv").write_text("x")
    (tmp_path / "regions.csv").write_bytes(shipped["regions.csv"])
    assert main(["--raw", str(shared_dir / "data" / "raw"), "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    rows = shipped["factors/electricity.csv"].splitlines()
    assert f"factors/electricity.csv: 0 lines out, {len(set(rows))} lines in" in shown
    assert "stale.csv: 1 lines out, 0 lines in" in shown
    assert "regions.csv:" not in shown
    assert files_in(tmp_path) == shipped
