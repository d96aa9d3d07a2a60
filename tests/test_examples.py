"""The examples run, and say what is true."""

import ast
import json
import subprocess
import sys
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from app.assemble import open_desk
from app.usecases.export_bundle import Shown, export_bundle
from domain.canonical import to_canonical
from tests.app.usecases.installation import Installation, document, hours, series, steady

VERIFY_STEPS = ["bundle", "manifest", "lines", "factors", "arithmetic", "evidence", "inputs"]


def run(repository: Path, name: str, *arguments: str) -> tuple[int, str]:
    """Exit code and output of an example."""
    command = [sys.executable, str(repository / "examples" / name), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=repository, check=False, env={"PYTHONPATH": str(repository)}
    )
    assert not done.stderr or done.returncode == 2, done.stderr
    return done.returncode, done.stdout


@pytest.fixture(scope="module")
def bundles(tmp_path_factory: pytest.TempPathFactory) -> dict[Shown, bytes]:
    """Bundles of a statement with electricity and an unscored total."""
    made = Installation.open(tmp_path_factory.mktemp("examples"))
    whose = made.household()
    made.take(whose, steady(date(2025, 4, 1), date(2025, 4, 3)))
    starts_s = hours(date(2025, 4, 1), date(2025, 4, 1))
    water = document(series(starts_s, [1] * 24, kind="water", source_unit="gal_us"))
    made.take(whose, water.replace(b"UsagePoint/1", b"UsagePoint/2"))
    desk = open_desk(made.services)
    row = made.issue(desk, made.close_months(whose, "2025-04"))
    with made.looking() as work:
        found = {shown: export_bundle(work, row, shown).to_bytes() for shown in Shown}
    desk.close()
    made.close()
    return found


def test_statement_is_walked_back(repository: Path, tmp_path: Path, bundles: dict[Shown, bytes]) -> None:
    """Every step of an untouched bundle holds."""
    path = tmp_path / "bundle.json"
    path.write_bytes(bundles[Shown.EVERYTHING])
    code, text = run(repository, "verify_statement.py", str(path))
    *steps, last = text.splitlines()
    assert (code, [line.split()[:2] for line in steps]) == (0, [["ok", name] for name in VERIFY_STEPS])
    assert last == "consistent; who signed it was not checked here"


def test_hidden_parts_are_named(repository: Path, tmp_path: Path, bundles: dict[Shown, bytes]) -> None:
    """A bundle of totals holds, and says what it does not show."""
    path = tmp_path / "bundle.json"
    path.write_bytes(bundles[Shown.TOTALS])
    code, text = run(repository, "verify_statement.py", str(path))
    assert (code, [line.split()[0] for line in text.splitlines()[:-1]]) == (0, ["ok"] * 2 + ["hidden"] * 5)


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ('\\"quantity_micro\\":\\"36000000\\"', '\\"quantity_micro\\":\\"35000000\\"', {"lines", "arithmetic", "inputs"}),
        ('\\"revision\\":1', '\\"revision\\":2', {"manifest", "inputs"}),
        ('\\"evidence_ppm\\":{\\"uploaded', '\\"evidence_ppm\\":{\\"signed_channel', {"manifest", "evidence"}),
        ('\\"co2\\":\\"', '\\"co2\\":\\"1', {"lines", "arithmetic"}),
        ('\\"edition\\":\\"eGRID', '\\"edition\\":\\"eGRAD', {"factors", "arithmetic"}),
    ],
)
def test_forged_statement_is_found(  # noqa: PLR0917 - fixtures and parameters
    repository: Path, tmp_path: Path, bundles: dict[Shown, bytes], old: str, new: str, broken: set[str]
) -> None:
    """A forged bundle with a fitting checksum fails at the steps that it is about."""
    text = bundles[Shown.EVERYTHING].decode()
    assert old in text
    content = json.loads(text.replace(old, new))
    del content["checksum"]
    path = tmp_path / "bundle.json"
    path.write_bytes(to_canonical({**content, "checksum": sha256(to_canonical(content)).hexdigest()}))
    code, output = run(repository, "verify_statement.py", str(path))
    failed = {line.split()[1] for line in output.splitlines() if line.startswith("FAILED")}
    assert code == 1
    assert broken <= failed


def test_changed_bytes_are_found(repository: Path, tmp_path: Path, bundles: dict[Shown, bytes]) -> None:
    """A changed byte without a new checksum fails at once."""
    data = bytearray(bundles[Shown.LINES])
    data[len(data) // 2] ^= 1
    path = tmp_path / "bundle.json"
    path.write_bytes(bytes(data))
    code, output = run(repository, "verify_statement.py", str(path))
    assert (code, output.split()[:2]) == (1, ["FAILED", "bundle"])


def test_verifier_needs_three_rooms_only(repository: Path) -> None:
    """It imports the standard library, `domain`, `scoring` and `ledger.merkle`: nothing that could ask anybody else."""
    tree = ast.parse((repository / "examples/verify_statement.py").read_text(encoding="utf-8"))
    froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {f"{node.module}.{alias.name}" for node in froms for alias in node.names}
    names |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    ours = {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}
    assert {name for name in ours if name.split(".")[0] not in {"domain", "scoring"}} == {"ledger.merkle"}


def test_bill_is_estimated(repository: Path) -> None:
    """One amount by ZIP code: grams, the factor's publisher, and the steps to it."""
    code, text = run(repository, "estimate_bill.py", "412.5", "94110", "2022")
    assert code == 0
    assert "g_co2e: " in text
    assert "step: " in text
    assert "EPA eGRID" in text


def test_unknown_zip_is_explained(repository: Path) -> None:
    """A ZIP code that does not exist is a sentence and exit code 1."""
    code, text = run(repository, "estimate_bill.py", "412.5", "00000", "2022")
    assert code == 1
    assert "expected" in text


def test_green_button_file_is_read(repository: Path, tmp_path: Path) -> None:
    """A day of half a kilowatt is twelve kWh."""
    path = tmp_path / "usage.xml"
    path.write_bytes(steady(date(2025, 4, 1), date(2025, 4, 1)))
    assert run(repository, "read_green_button.py", str(path)) == (0, "electricity delivered: 24 readings, 12.000 kWh in all\n")


def test_other_file_is_refused(repository: Path, tmp_path: Path) -> None:
    """What is no Green Button file is a sentence and exit code 2."""
    path = tmp_path / "usage.xml"
    path.write_bytes(b"hello")
    code, text = run(repository, "read_green_button.py", str(path))
    assert code == 2
    assert "Green Button" in text
