"""A file of activities on the command line: parsed without an installation, imported, corrected, closed."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.cli.program import program

FLIGHTS = [
    {
        "id": "f1",
        "kind": "flight",
        "quantity": "1",
        "unit": "passenger",
        "start": "2024-03-10",
        "origin": "ZRH",
        "destination": "SFO",
    },
    {
        "id": "f2",
        "kind": "flight",
        "quantity": "2",
        "unit": "passenger",
        "start": "2024-03-20",
        "origin": "SFO",
        "destination": "ZRH",
    },
]
CAR = {"id": "c1", "kind": "car", "quantity": "12.5", "unit": "km", "start": "2024-03-04", "end": "2024-03-06"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own."""
    monkeypatch.setenv("CF_DATA_FOLDER", str(tmp_path / "data"))
    return tmp_path


def file_of(folder: Path, *said: object) -> str:
    """A file with these lines."""
    path = folder / f"activities-{len(list(folder.iterdir()))}.ndjson"
    path.write_text("".join(json.dumps(one) + "\n" for one in said))
    return str(path)


def test_parse_keeps_the_contract(folder: Path) -> None:
    """Counts, exact sums by kind and unit, span and refusals; 0 where all was read."""
    done = CliRunner().invoke(program, ["parse", "activities", file_of(folder, *FLIGHTS, CAR), "--json"])
    assert done.exit_code == 0
    assert json.loads(done.stdout) == {
        "activities": 3,
        "readings": 3,
        "totals": [
            {"kind": "car", "direction": "", "unit": "km", "amount": "12.5"},
            {"kind": "flight", "direction": "", "unit": "item", "amount": "3"},
        ],
        "first_start": "2024-03-04T00:00:00Z",
        "last_end": "2024-03-21T00:00:00Z",
        "refused": [],
    }


def test_parse_refuses_lines(folder: Path) -> None:
    """1 where a line was refused, with its number; the others are counted."""
    done = CliRunner().invoke(program, ["parse", "activities", file_of(folder, CAR, {**CAR, "id": "c2", "unit": "kg"})])
    assert done.exit_code == 1
    assert done.stdout.startswith("1 activities\nfrom 2024-03-04T00:00:00Z to 2024-03-06T00:00:00Z\n")
    assert "line 2, unit" in done.stdout


def test_parse_of_another_file(folder: Path) -> None:
    """2 where it is no such file, with the reason on both streams."""
    path = folder / "usage.xml"
    path.write_text("<feed/>")
    done = CliRunner().invoke(program, ["parse", "activities", str(path), "--json"])
    assert done.exit_code == 2
    assert json.loads(done.stdout)["refused"][0]["code"] == "unknown-format"


def test_import_counts_and_corrects(folder: Path) -> None:
    """A first file makes the person and counts; the next one corrects; the first one again leaves that."""
    first, second = file_of(folder, *FLIGHTS, CAR), file_of(folder, {**CAR, "quantity": "13"}, {"id": "f2", "removed": True})
    done = CliRunner().invoke(program, ["import", "activities", first, "--place", "94110"])
    assert done.exit_code == 0, done.stderr
    assert done.stdout.startswith("Imported for You: 3 activities\n  3 activities new, 0 corrected, 0 unchanged\n")
    again = json.loads(CliRunner().invoke(program, ["import", "activities", second, "--json"]).stdout)["import"]
    assert (again["new_count"], again["changed_count"], again["months"], again["meters"]) == (0, 2, ["2024-03"], {})
    last = json.loads(CliRunner().invoke(program, ["import", "activities", first, "--json"]).stdout)["import"]
    assert (last["is_known"], last["new_count"], last["changed_count"], last["same_count"]) == (True, 0, 0, 3)


def test_import_says_what_was_refused(folder: Path) -> None:
    """A bad line ends with 1 and its reason; the others are stored."""
    path = file_of(folder, CAR, {**CAR, "id": "c2", "region": "Narnia"})
    done = CliRunner().invoke(program, ["import", "activities", path, "--place", "94110"])
    assert done.exit_code == 1
    assert "1 activities new" in done.stdout
    assert "This place is not known" in done.stdout
    assert "line 2, region" in done.stdout


def test_month_with_one_drive_has_no_gaps(folder: Path) -> None:
    """Nobody misses a drive on the other days: no day is said to be not measured, where nothing is metered."""
    done = CliRunner().invoke(program, ["import", "activities", file_of(folder, CAR), "--place", "94110"])
    assert "not measured" not in done.stdout
