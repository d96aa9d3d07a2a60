"""A newcomer follows docs/first-connector.md, word for word, in a copy of the house."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_NEWCOMERS = re.compile(r"^.*(kwik_cab|KWIK_CAB).*\n", re.MULTILINE)
FOLDERS = ("app", "archive", "connectors", "dashboards", "domain", "ledger", "migrations", "scoring", "tools")


@pytest.fixture
def copy(repository: Path, tmp_path: Path) -> Path:
    """The house without its tests, its environment beside it."""
    house = tmp_path / "house"
    for name in FOLDERS:
        shutil.copytree(repository / name, house / name, ignore=shutil.ignore_patterns("__pycache__", "kwik_cab"))
    (house / "tests" / "connectors").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "tests/conftest.py"):
        shutil.copy(repository / name, house / name)
    for name in ("connectors/registry.py", "pyproject.toml"):  # of somebody who follows the document just now
        text = (house / name).read_text(encoding="utf-8")
        (house / name).write_text(_NEWCOMERS.sub("", text), encoding="utf-8")
    os.utime(house / "pyproject.toml", (0, 0))  # older than the environment: nothing is to be installed
    programs = house / ".venv" / "bin"
    programs.mkdir(parents=True)
    for name in ("climate-fitness", "mypy", "pytest", "python", "ruff"):
        (programs / name).symlink_to(Path(sys.executable).parent / name)
    return house


def run(house: Path, command: str) -> subprocess.CompletedProcess[str]:
    """A command of the document, in the copy."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CF_")}
    environment |= {"PYTHONPATH": str(house), "CF_DATA_FOLDER": str(house / "data"), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        ["bash", "-euc", command],  # noqa: S607
        cwd=house,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )


def test_document_works_word_for_word(repository: Path, copy: Path) -> None:
    """Laid out, failing, written, passing, parsed, imported, closed, and listed with its provider."""
    blocks = BLOCK.findall((repository / "docs" / "first-connector.md").read_text(encoding="utf-8"))
    shell = [text for language, text in blocks if language == "sh"]
    ride, imports, manifest = (text for language, text in blocks if language == "python")
    lay_out, fail, succeed, parse, take_in, list_them, check = shell
    done = run(copy, lay_out)
    assert done.returncode == 0, done.stderr
    (sample,) = (text for language, text in blocks if language == "json")
    assert (copy / "tests/connectors/kwik_cab/sample.json").read_text(encoding="utf-8") == sample
    done = run(copy, fail)
    assert done.returncode == 1
    assert "NotImplementedError: ride 1" in done.stdout

    file = copy / "connectors/kwik_cab/parse.py"
    text = file.read_text(encoding="utf-8")
    text = text[: text.index("def _ride")] + ride
    text = text.replace("from connectors.exact_json import listed, read_exact, text\n", imports)
    file.write_text(text, encoding="utf-8")
    done = run(copy, succeed)
    assert done.returncode == 0, done.stdout

    done = run(copy, parse.replace("parse", "parse --json", 1))
    found = json.loads(done.stdout)
    assert (found["activities"], len(found["refused"])) == (2, 1)
    import_it, close_it = take_in.strip().splitlines()
    done = run(copy, import_it)
    assert (done.returncode, "2 activities new" in done.stdout) == (1, True), done.stderr  # 1: the third ride is refused
    done = run(copy, close_it)
    assert done.returncode == 0, done.stderr
    assert "gross      0.005 t CO2e location based" in done.stdout

    file = copy / "connectors/kwik_cab/__init__.py"
    text = file.read_text(encoding="utf-8")
    begin = text.index("    manifest = Manifest(")
    text = text[:begin] + manifest + text[text.index("    def pull") - 1 :]
    text = text.replace("import Batch, Get, Link", "import ApiKey, Batch, Get, KeyPlace, Link").replace(
        "Manifest, Pull", "Manifest, Provider, Pull"
    )
    file.write_text(text, encoding="utf-8")
    done = run(copy, list_them)
    assert re.search(r"^kwik-cab.*works now", done.stdout, re.MULTILINE), done.stdout + done.stderr
    assert run(copy, succeed).returncode == 0
    assert check.strip() == "make check"
    ours = "connectors/kwik_cab tests/connectors/kwik_cab"
    checked = run(copy, f".venv/bin/ruff check {ours} && .venv/bin/ruff format --check {ours} && .venv/bin/mypy {ours}")
    assert checked.returncode == 0, checked.stdout


def test_other_names_are_refused(copy: Path) -> None:
    """What is there already, or cannot be a folder, changes nothing."""
    before = (copy / "pyproject.toml").read_bytes()
    for name in ("", "Kwik", "kwik_cab", "-a", "green-button", "a b", "../x"):
        done = run(copy, f".venv/bin/python tools/make_connector.py {name!r}")
        assert done.returncode == 2
        assert "This is no name for a new connector" in done.stderr
    assert (copy / "pyproject.toml").read_bytes() == before
