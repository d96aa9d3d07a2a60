"""`verify` tells apart what holds, what is only consistent, what is broken, and what a newer revision has replaced."""

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from app.assemble import open_desk
from app.cli.verifying import run_verify
from app.usecases.export_bundle import Shown, export_bundle
from tests.app.usecases.installation import Installation, steady


@dataclass(frozen=True)
class Files:
    """An installation whose statement was restated.

    Attributes:
        folder: Its data folder.
        old: Bundle of revision 1.
        new: Bundle of revision 2.
    """

    folder: Path
    old: Path
    new: Path


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """Two revisions of one month, both on the embedded chain."""
    folder = tmp_path_factory.mktemp("restated")
    made = Installation.open(folder / "data")
    whose = made.household()
    desk = open_desk(made.services)
    found = Files(folder / "data", folder / "old.json", folder / "new.json")
    for path, watt_hours, day, reason in ((found.old, 500, 1, ""), (found.new, 600, 9, "the meter was read again")):
        updated_at = datetime(2025, 6, day, tzinfo=UTC)
        made.take(whose, steady(date(2025, 4, 1), date(2025, 4, 30), watt_hours=watt_hours, updated_at=updated_at))
        row = made.issue(desk, made.close_months(whose, "2025-04", reason=reason))
        with made.looking() as work:
            path.write_bytes(export_bundle(work, row, Shown.EVERYTHING).to_bytes())
    desk.close()
    made.close()
    return found


def verify(bundle: Path, folder: Path, *, is_json: bool = False) -> int:
    """Exit code of a verification."""
    return run_verify(str(bundle), auditors_path=None, chain_url="", contract="", is_json=is_json, data_folder=folder)


def test_replaced_statement_is_told(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """The installation that closed it knows the newer revision and its reason; the bundle itself still holds."""
    assert verify(files.old, files.folder) == 0
    assert "Superseded by revision 2: the meter was read again" in capsys.readouterr().out
    assert verify(files.old, files.folder, is_json=True) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["standing"], found["superseded_by_revision"]) == ("holds", "superseded", 2)
    assert found["superseded_reason"] == "the meter was read again"


def test_newest_statement_is_told(files: Files, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest revision says that no newer one is known."""
    assert verify(files.new, files.folder) == 0
    assert "No newer revision is known to this installation." in capsys.readouterr().out


def test_elsewhere_it_is_consistent_only(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without chain and list the exit code is 3, and the words say that anybody could have made it."""
    assert verify(files.old, tmp_path / "none") == 3
    said = capsys.readouterr().out
    assert "This bundle is consistent, but nobody known has signed it" in said
    assert "Anybody could have made it." in said
    assert "Not checked: whether a newer revision has replaced it." in said
    assert verify(files.old, tmp_path / "none", is_json=True) == 3
    found = json.loads(capsys.readouterr().out)
    assert (found["verdict"], found["holds"], found["first_failure"]) == ("consistent", False, None)


def test_broken_bundle_ends_with_one(files: Files, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A changed byte ends with 1, whoever verifies."""
    changed = tmp_path / "changed.json"
    changed.write_bytes(files.old.read_bytes().replace(b"2025-04", b"2025-05", 1))
    assert verify(changed, tmp_path / "none") == 1
    assert "The first broken step is: bundle" in capsys.readouterr().out
