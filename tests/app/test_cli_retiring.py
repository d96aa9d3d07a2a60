"""`retire` on the command line: entered, known, refused, told to people and to programs."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.program import program

CAR = {
    "id": "c1",
    "kind": "car",
    "quantity": "100",
    "unit": "km",
    "start": "2024-03-04",
    "region": "GB",
    "powertrain": "petrol",
    "size": "small",
}
WHAT = ("--registry", "Verra", "--serial", "VCS-1-2", "--date", "2024-03-31")


def run(*words: str) -> Result:
    """What a command came to."""
    return CliRunner().invoke(program, list(words))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installation of its own in which one person drove a car."""
    monkeypatch.setenv("CF_DATA_FOLDER", str(tmp_path / "data"))
    path = tmp_path / "car.ndjson"
    path.write_text(json.dumps(CAR) + "\n")
    assert run("import", "activities", str(path), "--place", "94110").exit_code == 0
    return tmp_path


def test_retired_for_people(folder: Path) -> None:
    """What was taken in, what it does, and what it does not."""
    done = run("retire", "You", *WHAT, "--t", "1.5", "--type", "removal", "--vintage", "2023")
    assert done.exit_code == 0, done.stderr
    first, second, third = done.stdout.splitlines()
    assert first == "Retired for You on 2024-03-31: 1.500 t CO2e, Verra VCS-1-2 (typed)"
    assert second == "  The net of a statement over 2024-03 has that much less; gross and the fitness score stay as they are."
    assert third.startswith("  SHA-256 of what was kept: ")
    assert folder.exists()


def test_retired_for_programs(folder: Path) -> None:
    """Every field of the answer; the subject may be left out; the document raises the evidence."""
    (folder / "certificate.pdf").write_bytes(b"%PDF-1.7")
    done = run("retire", *WHAT, "--kg", "1500", "--document", str(folder / "certificate.pdf"), "--json")
    answer = json.loads(done.stdout)
    assert (answer["subject"].pop("name"), len(answer.pop("document_sha256"))) == ("You", 64)
    del answer["subject"]
    assert answer == {
        "registry": "Verra",
        "serial": "VCS-1-2",
        "retired_g_co2e": "1500000",
        "date": "2024-03-31",
        "is_known": False,
        "record_key": "retired Verra VCS-1-2",
        "evidence": "uploaded",
        "changed_periods": [],
    }


def test_same_again_says_so() -> None:
    """The second time ends with 0, too, and keeps nothing."""
    run("retire", *WHAT, "--t", "1.5")
    again = run("retire", *WHAT, "--t", "1.50", "--json")
    assert again.exit_code == 0
    assert (json.loads(again.stdout)["is_known"], json.loads(again.stdout)["document_sha256"]) == (True, None)
    assert run("retire", *WHAT, "--t", "1.5").stdout.startswith("Known already: retired for You on 2024-03-31: 1.500 t CO2e")


def test_other_numbers_end_with_2() -> None:
    """The same units with another amount: refused, with what is there and what to do."""
    run("retire", *WHAT, "--t", "1.5")
    refused = run("retire", *WHAT, "--t", "2")
    assert refused.exit_code == 2
    assert "retired already, and otherwise" in refused.stderr
    assert "1500 kg on 2024-03-31" in refused.stderr
    assert "Remove what is wrong first" in refused.stderr


@pytest.mark.parametrize(("amounts", "got"), [((), "neither"), (("--t", "1", "--kg", "1000"), "both")])
def test_one_amount_is_needed(amounts: tuple[str, ...], got: str) -> None:
    """Tons or kilograms, not both, not none."""
    refused = run("retire", *WHAT, *amounts)
    assert refused.exit_code == 2
    assert "expected   --t or --kg" in refused.stderr
    assert f"got        {got}" in refused.stderr


def test_document_that_is_not_there() -> None:
    """A file that cannot be read stops before anything is kept."""
    refused = run("retire", *WHAT, "--t", "1", "--document", "nowhere.pdf")
    assert refused.exit_code == 2
    assert "nowhere.pdf" in refused.stderr
    assert json.loads(run("retire", *WHAT, "--t", "1", "--json").stdout)["is_known"] is False


def test_closed_month_is_named_and_closed_again() -> None:
    """The answer names the closed month; closing it again gives a net below gross."""
    assert run("close", "You", "2024-03").exit_code == 0
    done = run("retire", *WHAT, "--t", "1.5")
    assert "Closed before, changed now; close again with --reason:\n  - 2024-03" in done.stdout
    again = run("close", "You", "2024-03", "--reason", "credits were retired", "--json")
    totals = json.loads(again.stdout)["totals"]
    assert totals["retired_g_co2e"] == "1500000"
    assert totals["net_g_co2e"].startswith("-1")
    assert again.exit_code == 0


def test_statement_names_what_was_retired() -> None:
    """The text of a closed month has the credits between gross and statement."""
    run("retire", *WHAT, "--t", "1.5")
    assert "  retired    1.500 t CO2e of carbon credits\n" in run("close", "You", "2024-03").stdout


def test_months_show_credits(folder: Path) -> None:
    """Of an imported file: what is retired beside the totals; twins with their reason instead of a factor that is missing."""
    lines = [
        {"id": name, "kind": "carbon_credit", "quantity": "0.5", "unit": "t", "start": day, "registry": "Verra", "serial": serial}
        for name, day, serial in (("a", "2024-03-02", "B-1"), ("b", "2024-03-03", "B-1"), ("c", "2024-03-03", "B-2"))
    ]
    path = folder / "credits.ndjson"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    shown = run("import", "activities", str(path)).stdout
    assert "Credits retired: 0.500 t CO2e, off the net when the months are closed." in shown
    assert "The units B-1 of Verra are in more than one record: none counts until one is removed." in shown
    assert "What would fit" not in shown
    answer = json.loads(run("import", "activities", str(path), "--json").stdout)
    assert answer["retired_g_co2e"] == "500000"
    (twins,) = [one for one in answer["months"] if one["kind"] == "carbon_credit"]
    assert (twins["quantity"], twins["g_co2e"], twins["reason"][:13]) == ("1000", None, "The units B-1")
