"""`preview` and `import --mapping`: from a bank's table to purchases that count."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from app.cli.program import program

TABLE = "Date,Description,Amount\n03/04/2024,WALMART,-12.50\n05/06/2024,ACME,-40.00\n06/06/2024,EMPLOYER,2500.00\n"


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a data folder of its own."""
    monkeypatch.setenv("CF_DATA_FOLDER", str(tmp_path / "data"))
    (tmp_path / "bank.csv").write_text(TABLE)
    return tmp_path


def invoke(*arguments: str | Path) -> Result:
    """A command in this process."""
    return CliRunner().invoke(program, [str(one) for one in arguments])


def test_preview_asks(own_folder: Path) -> None:
    """What the file does not say is asked, with how to answer; the exit code says that something is open."""
    result = invoke("preview", own_folder / "bank.csv")
    assert result.exit_code == 1
    assert "certain: -12.50 has a point before the cents" in result.stdout
    assert "guess: by the name of its column" in result.stdout
    assert "--answer date_order=dmy (the first: day, month, year)" in result.stdout


def test_mapping_is_not_saved_while_something_is_asked(own_folder: Path) -> None:
    """No guess slips into a mapping unseen."""
    result = invoke("preview", own_folder / "bank.csv", "--save", own_folder / "mapping.json")
    assert result.exit_code == 2
    assert "something is still asked" in result.stderr
    assert not (own_folder / "mapping.json").exists()


def test_preview_for_programs(own_folder: Path) -> None:
    """Columns, mapping, how each thing is known, questions, records."""
    result = invoke("preview", own_folder / "bank.csv", "--answer", "currency=USD", "--answer", "date_order=dmy", "--json")
    found = json.loads(result.stdout)
    assert (found["connector"], found["questions"], found["said"]) == ("bank-file", [], ["currency", "date_order"])
    assert found["columns"][0] == {"name": "Date", "samples": ["03/04/2024", "05/06/2024", "06/06/2024"]}
    assert [bool(one["becomes"]) for one in found["records"]] == [True, False, False]
    assert [bool(one["problem"]) for one in found["records"]] == [False, True, False]
    assert found["records"][2]["left_out"]


def test_saved_mapping_imports(own_folder: Path) -> None:
    """Preview, yes, import: the purchase counts, the unknown one is refused, the same file again changes nothing."""
    mapping = own_folder / "mapping.json"
    answers = ("--answer", "currency=USD", "--answer", "date_order=dmy", "--save", mapping)
    assert invoke("preview", own_folder / "bank.csv", *answers).exit_code == 1
    first = invoke("import", "bank-file", own_folder / "bank.csv", "--mapping", mapping, "--place", "94110", "--json")
    assert first.exit_code == 1, first.output
    report = json.loads(first.stdout)["import"]
    assert (report["new_count"], report["refused_count"]) == (1, 1)
    again = invoke("import", "bank-file", own_folder / "bank.csv", "--mapping", mapping, "--json")
    report = json.loads(again.stdout)["import"]
    assert (report["is_known"], report["new_count"], report["same_count"]) == (True, 0, 1)


def test_overlapping_file_does_not_double(own_folder: Path) -> None:
    """The next download begins in the same days: only what is new counts."""
    mapping = own_folder / "mapping.json"
    (own_folder / "one.csv").write_text("Date,Text,Amount,Currency\n13/04/2024,SHELL,-5.00,USD\n13/04/2024,SHELL,-5.00,USD\n")
    (own_folder / "two.csv").write_text(
        "Date,Text,Amount,Currency\n14/04/2024,SHELL,-7.00,USD\n13/04/2024,SHELL,-5.00,USD\n13/04/2024,SHELL,-5.00,USD\n"
    )
    assert invoke("preview", own_folder / "one.csv", "--save", mapping).exit_code == 0
    counts = []
    for name in ("one.csv", "two.csv"):
        result = invoke("import", "bank-file", own_folder / name, "--mapping", mapping, "--place", "94110", "--json")
        report = json.loads(result.stdout)["import"]
        counts.append((report["new_count"], report["same_count"]))
    assert counts == [(2, 0), (1, 2)]


def test_file_that_says_everything_needs_no_mapping(own_folder: Path) -> None:
    """Saving one is refused, with what to do instead."""
    (own_folder / "bank.ofx").write_text(
        "OFXHEADER:100\n\n<OFX><CREDITCARDMSGSRSV1><CCSTMTRS><CURDEF>USD<BANKTRANLIST></BANKTRANLIST></CCSTMTRS></CREDITCARDMSGSRSV1></OFX>"
    )
    result = invoke("preview", own_folder / "bank.ofx", "--save", own_folder / "m.json")
    assert result.exit_code == 2
    assert "needs no mapping" in result.stderr


def test_shop_gets_its_category(own_folder: Path) -> None:
    """A shop that nobody knows is listed with its sum; with a category its payment is imported, and the mapping keeps it."""
    mapping = own_folder / "mapping.json"
    answers = ("--answer", "currency=USD", "--answer", "date_order=dmy")
    listed = invoke("preview", own_folder / "bank.csv", *answers)
    assert "acme: 1 payments, 40 USD" in listed.stdout
    said = invoke("preview", own_folder / "bank.csv", *answers, "--answer", "merchants.ACME=5712", "--save", mapping)
    assert said.exit_code == 0, said.output
    assert json.loads(mapping.read_text())["merchants"] == [["acme", "5712"]]
    taken = invoke("import", "bank-file", own_folder / "bank.csv", "--mapping", mapping, "--place", "94110", "--json")
    report = json.loads(taken.stdout)["import"]
    assert (report["new_count"], report["refused_count"]) == (2, 0)


def test_terminal_is_not_written_by_the_file(own_folder: Path) -> None:
    """Signs that move the cursor are blanks."""
    (own_folder / "x.csv").write_text("Date,\x1b[2JText,Amount,Currency\n2024-01-31,SHELL \x1b[31m\x9b2J,-5,EUR\n")
    result = invoke("preview", own_folder / "x.csv", "--answer", "columns.description=\x1b[2JText")
    assert "SHELL [31m 2J" in result.stdout
    assert "\x1b" not in result.stdout + result.stderr
    assert "\x9b" not in result.stdout + result.stderr


def test_mapping_that_is_no_json_is_refused(own_folder: Path) -> None:
    """With its name, and what it should be."""
    (own_folder / "m.json").write_text("{")
    result = invoke("import", "bank-file", own_folder / "bank.csv", "--mapping", own_folder / "m.json")
    assert result.exit_code == 2
    assert "This mapping is no JSON" in result.stderr
