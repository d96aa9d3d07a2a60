"""`disclose` lists and writes what is shown alone, `verify` takes it; a statement is walked back to its originals."""

import json
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from app.assemble import open_desk
from app.cli.disclosing import run_disclose
from app.cli.verifying import run_verify
from app.store import documents
from app.store.statements import StatementRow
from domain.errors import InputError
from domain.manifest import manifest_from_canonical
from tests.app.usecases.installation import Installation, steady

BILL = steady(date(2025, 4, 1), date(2025, 4, 2))


@dataclass(frozen=True)
class Kept:
    """An installation with one anchored statement.

    Attributes:
        folder: Its data folder.
        row: The statement.
    """

    folder: Path
    row: StatementRow


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Kept:
    """Two days of a meter, anchored."""
    folder = tmp_path_factory.mktemp("shown") / "data"
    made = Installation.open(folder)
    whose = made.household()
    made.take(whose, BILL)
    desk = open_desk(made.services)
    row = made.issue(desk, made.close_months(whose, "2025-04"))
    desk.close()
    made.close()
    return Kept(folder, row)


def disclose(kept: Kept, *, record: str = "", group: str = "", output: str = "", is_json: bool = False) -> None:
    """Run the command."""
    run_disclose(kept.row.id, record=record, group=group, is_signed=None, output=output, is_json=is_json, data_folder=kept.folder)


def verify(name: str, folder: Path, *, inputs_root: str = "", originals: tuple[Path, ...] = ()) -> int:
    """Exit code of a verification."""
    return run_verify(
        name,
        auditors_path=None,
        chain_url="",
        contract="",
        is_json=False,
        data_folder=folder,
        inputs_root=inputs_root,
        original_paths=originals,
    )


def listed(kept: Kept, capsys: pytest.CaptureFixture[str]) -> list[dict[str, list[dict[str, Any]]]]:
    """What can be shown."""
    disclose(kept, is_json=True)
    found: list[dict[str, list[dict[str, Any]]]] = json.loads(capsys.readouterr().out)
    return found


def test_list_and_show(kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record is listed, written, verified by whoever has the root, and compared with the original."""
    (group,) = listed(kept, capsys)
    assert len(group["records"]) == 2
    first = group["records"][0]
    assert first["originals"] == [sha256(BILL).hexdigest()]
    disclose(kept)
    assert f"record {first['record_id']}" in capsys.readouterr().out
    path, original = tmp_path / "bill.json", tmp_path / "bill.xml"
    disclose(kept, record=first["record_id"][:6], output=str(path))
    root = manifest_from_canonical(kept.row.manifest).inputs.root_hex
    assert root in capsys.readouterr().err
    elsewhere = tmp_path / "none"
    assert verify(str(path), elsewhere) == 3
    assert "the inputs root of a proof page (--inputs-root)" in capsys.readouterr().out
    original.write_bytes(BILL)
    assert verify(str(path), elsewhere, inputs_root=root.upper(), originals=(original,)) == 0
    said = capsys.readouterr().out
    assert "This disclosure holds" in said
    assert "the bytes are those that the proof names" in said
    assert verify(str(path), elsewhere, inputs_root="ab" * 32) == 1
    original.write_bytes(BILL + b" ")
    assert verify(str(path), elsewhere, inputs_root=root, originals=(original,)) == 1
    assert "This is not an original that the proof names" in capsys.readouterr().out
    assert verify(str(path), kept.folder) == 0  # the installation that closed it knows the root
    assert "a statement that holds here" in capsys.readouterr().out


def test_group_is_written(kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A group's sums are written without a record."""
    (group,) = listed(kept, capsys)
    path = tmp_path / "group.json"
    disclose(kept, group=str(group["group"]), output=str(path))
    assert verify(str(path), kept.folder) == 0
    assert "2 records: electricity 24 kWh" in capsys.readouterr().out


def test_record_and_group_are_refused(kept: Kept) -> None:
    """One thing at a time."""
    with pytest.raises(InputError, match="A disclosure shows one thing"):
        disclose(kept, record="abcd", group="x")


def test_root_must_be_one(kept: Kept, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What is no root is refused before anything is compared with it."""
    path = tmp_path / "bill.json"
    disclose(kept, record=listed(kept, capsys)[0]["records"][0]["record_id"], output=str(path))
    with pytest.raises(InputError, match="This is not an inputs root"):
        verify(str(path), kept.folder, inputs_root="0x12")


def test_own_statement_is_walked_to_its_originals(kept: Kept, capsys: pytest.CaptureFixture[str]) -> None:
    """The original is fetched from the archive and hashed; where it is lost or changed, that step is the broken one."""
    assert verify(kept.row.manifest_hash_hex, kept.folder) == 0
    assert f"ok: 1 originals fetched, {len(BILL):,} bytes" in capsys.readouterr().out
    made = Installation.open(kept.folder)
    with made.looking() as work:
        stored = documents.by_sha256(work.session, kept.row.tenant_id, kept.row.subject_id, sha256(BILL).hexdigest())
    made.close()
    (path,) = [one for one in kept.folder.rglob("*") if one.is_file() and stored.stored_sha256 in one.name]
    sealed = path.read_bytes()
    path.chmod(0o600)
    path.write_bytes(sealed[:-1] + bytes([sealed[-1] ^ 1]))
    assert verify(kept.row.manifest_hash_hex, kept.folder) == 1
    assert "The first broken step is: archive" in capsys.readouterr().out
    path.unlink()
    assert verify(kept.row.manifest_hash_hex, kept.folder) == 1
    assert "1 of 1 originals" in capsys.readouterr().out
    path.write_bytes(sealed)
