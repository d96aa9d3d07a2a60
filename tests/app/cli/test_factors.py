"""`factors import`, `factors diff`, `factors explain` and `factors list`, as they are typed."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.cli.program import program
from scoring.factors.load import shipped_factor_set

OWN = (
    "kind,region,year,unit,published_unit,co2e,life_cycle_scope,publisher,source,url,uncertainty_percent\n"
    "electricity,AQ,2024,kWh,g/kWh,12.5,generation,Polar Institute,Report 7 table 2,https://example.org/7,5\n"
    "electricity,AQ,2023,kWh,g/kWh,20,generation,Polar Institute,Report 7 table 2,https://example.org/7,5\n"
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has a data folder of its own; the settings of whoever runs the tests do not count."""
    monkeypatch.setenv("CF_DATA_FOLDER", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def own(tmp_path: Path) -> str:
    """A file of own factors."""
    path = tmp_path / "own.csv"
    path.write_text(OWN)
    return str(path)


def invoke(*arguments: str, stdin: str = "") -> Result:
    """A command in this process."""
    return CliRunner().invoke(program, arguments, input=stdin)


def answer(*arguments: str, code: int = 0) -> Any:  # noqa: ANN401 - JSON
    """The JSON that a command answers."""
    done = invoke(*arguments, "--json")
    assert done.exit_code == code, done.stderr
    return json.loads(done.stdout)


def test_import_says_what_is_new(own: str, folder: Path) -> None:
    """Rows, licence, place of the pack, and the set from now on."""
    done = answer("factors", "import", "own-factors", own)
    assert (done["row_count"], done["new_row_count"], done["is_changed"]) == (2, 2, True)
    assert done["pack"] == str(folder / "factors" / "packs" / "own-factors")
    assert done["factor_set"]["size"] == shipped_factor_set().id.size + 2
    assert [(one["publisher"], one["added_count"]) for one in done["differences"]] == [("Own factors", 2)]


def test_import_again_changes_nothing(own: str) -> None:
    """In words and as JSON; the exit code is that of a thing done."""
    invoke("factors", "import", "own-factors", own)
    done = invoke("factors", "import", "own-factors", own)
    assert done.exit_code == 0
    assert "Nothing changed: all 2 rows are installed already." in done.stdout
    assert answer("factors", "import", "own-factors", own)["is_changed"] is False


def test_changed_number_is_told(own: str) -> None:
    """More than a quarter away from what is installed: a finding, and a difference."""
    invoke("factors", "import", "own-factors", own)
    Path(own).write_text(OWN.replace("12.5", "25"))
    done = answer("factors", "import", "own-factors", own)
    assert done["findings"] == ["Own factors electricity AQ co2e moved from 12.5 (2024) to 25 (2024)"]
    assert done["differences"][0]["large_changes"] == ["Own factors electricity AQ co2e (2024) moved from 12.5 to 25"]
    assert done["new_row_count"] == 1


def test_imported_factor_is_used_and_explained(own: str) -> None:
    """An estimate takes it; `explain` shows the row as published; before, there was another or none."""
    request = json.dumps(
        {"kind": "electricity", "quantity": "100", "unit": "kWh", "region": "AQ", "start": "2024-05-01", "end": "2024-05-31"}
    )
    invoke("factors", "import", "own-factors", own)
    found = answer("factors", "explain", "AQ", "2024")
    assert (found["factor"]["publisher"], found["factor"]["published"]) == ("Own factors", {"co2e": "12.5"})
    assert found["ug_co2e_per_unit"]["total"] == "12500000"
    estimated = json.loads(invoke("estimate", stdin=request + "\n").stdout)
    assert "error" not in estimated, estimated
    assert found["factor"]["factor_id"] in json.dumps(estimated)


def test_row_is_shown_as_published(own: str) -> None:
    """By its id: number, publication, edition, table, licence, address."""
    invoke("factors", "import", "own-factors", own)
    factor_id = answer("factors", "explain", "AQ", "2024")["factor"]["factor_id"]
    done = invoke("factors", "explain", factor_id)
    assert done.stdout.startswith("co2e 12.5 (g/kWh), for electricity per kWh\n")
    for words in (
        "Own factors",
        "Polar Institute",
        "Report 7 table 2",
        "AQ, 2024",
        "± 5 %",
        "not stated",
        "https://example.org/7",
    ):
        assert words in done.stdout
    assert answer("factors", "explain", factor_id)["factor_id"] == factor_id


def test_list_shows_packs(own: str) -> None:
    """With licences, rows and files, and a table for each."""
    invoke("factors", "import", "own-factors", own)
    found = answer("factors", "list", "--kind", "electricity")
    pack = found["packs"][0]
    assert (pack["kind"], pack["row_count"], pack["licences"], pack["files"][0]["name"]) == (
        "own-factors",
        2,
        ["not stated"],
        "own.csv",
    )
    table = next(one for one in found["tables"] if one["publisher"] == "Own factors")
    assert (table["rows"], table["years"], table["licence"]) == (2, "2023 to 2024", "not stated")
    assert "Pack own-factors." in invoke("factors", "list", "--kind", "electricity").stdout


def test_diff_of_shipped_and_installed_is_the_pack(own: str, folder: Path) -> None:
    """Named by words, by the pack, by its folder."""
    assert answer("factors", "diff", "shipped", "installed") == {"tables": []}
    assert invoke("factors", "diff", "shipped", "shipped").stdout == "The same rows.\n"
    invoke("factors", "import", "own-factors", own)
    found = answer("factors", "diff", "shipped", "installed")["tables"]
    assert [(one["table"], one["added_count"], one["removed_count"]) for one in found] == [("Report 7 table 2", 2, 0)]
    place = str(folder / "factors" / "packs" / "own-factors")
    assert answer("factors", "diff", place, "own-factors") == {"tables": []}
    assert "Report 7 table 2" in invoke("factors", "diff", "installed", "shipped").stdout


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("import", "nonsense", "x"), "There is no such kind of file"),
        (("import", "own-factors", "missing.csv"), "missing.csv"),
        (("import", "electricity-maps", "OWN"), "expected   a file that is called yearly_2024.json"),
        (("diff", "shipped", "nonsense"), "There is no such factor set"),
        (("explain", "94110"), "A place needs a year"),
        (("explain", "0" * 16), "The factor set has no such row"),
        (("explain", "0" * 64), "No activity of this installation has this key"),
        (("explain", "94110", "2024", "--attribute", "size"), "This is no attribute"),
        (("explain", "94110", "2024", "--attribute", "size=large"), "electricity has no attribute size"),
        (("explain", "94110", "2024", "--attribute", "kind=x"), "electricity has no attribute kind"),
        (("explain", "94110", "2024", "--unit", "km"), "electricity is not measured in km"),
        (("explain", "94110", "2024", "--kind", "purchase"), "purchase is measured in a currency"),
        (("explain", "94110", "2024", "--unit", "furlong"), "furlong"),
    ],
)
def test_what_cannot_be_done_is_refused(words: tuple[str, ...], message: str, own: str) -> None:
    """Exit code 2, a sentence, and no traceback."""
    done = invoke("factors", *(own if word == "OWN" else word for word in words))
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    ("kind", "pattern", "row_count"),
    [
        ("electricity-maps", "electricitymaps/yearly_*.json", 1760),
        ("oefdb", "climatiq/*.csv.gz", 507),
    ],
)
def test_share_alike_sources_become_packs(kind: str, pattern: str, row_count: int, shared_dir: Path) -> None:
    """The publisher's own files, one command, twice: the second time nothing changes."""
    files = [str(path) for path in sorted((shared_dir / "data" / "raw").glob(pattern))]
    assert answer("factors", "import", kind, *files)["new_row_count"] == row_count
    assert answer("factors", "import", kind, *files)["is_changed"] is False


def test_years_come_one_after_the_other(shared_dir: Path) -> None:
    """A year that is imported later is a pack of its own behind the first; both are in the set."""
    raw = shared_dir / "data" / "raw" / "electricitymaps"
    answer("factors", "import", "electricity-maps", str(raw / "yearly_2023.json"))
    done = answer("factors", "import", "electricity-maps", str(raw / "yearly_2023.json"), str(raw / "yearly_2024.json"))
    assert done["new_row_count"] == 352
    assert any("moved from" in text for text in done["findings"])
    assert [one["name"] for one in answer("factors", "list", "--kind", "electricity")["packs"]] == [
        "electricity-maps",
        "electricity-maps-2",
    ]


def test_key_of_an_activity_is_explained(folder: Path) -> None:
    """By the id of an activity key of this installation: the same answer as for its place and year."""
    bill = ("--utility", "City", "--from", "2023-01-01", "--to", "2023-01-31", "--amount", "412.5", "--place", "94110")
    answer("bill", *bill)
    with closing(sqlite3.connect(folder / "data.sqlite3")) as connection:
        ((key_id,),) = connection.execute("SELECT key_id FROM activity_key").fetchall()
    assert answer("factors", "explain", key_id) == answer("factors", "explain", "94110", "2023")


def test_verify_of_an_older_statement_survives_a_pack(own: str, folder: Path, tmp_path: Path) -> None:
    """What was closed before a pack holds after it: its factors are proven in the set of that day."""
    bill = ("--utility", "City", "--from", "2024-01-01", "--to", "2024-01-31", "--amount", "412.5", "--place", "94110")
    answer("bill", *bill)
    assert answer("close", "2024-01")["state"] == "issued"
    invoke("factors", "import", "own-factors", own)
    token = answer("statements")[0]["id"]
    bundle = str(tmp_path / "bundle.json")
    assert invoke("export", "bundle", token, "-o", bundle).exit_code == 0
    steps = {one["name"]: one["state"] for one in answer("verify", bundle)["steps"]}
    assert "not_checked" not in {steps["factors"], steps["choice"]}, steps
    assert "failed" not in steps.values()
