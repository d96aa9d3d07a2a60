"""The lint that finds numbers without units: planted ones, and our own tree."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def lint(repository: Path) -> ModuleType:
    """The lint as a module: a script that is run by path."""
    spec = importlib.util.spec_from_file_location("lint_unit_suffixes", repository / "tools/lint_unit_suffixes.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def plant(root: Path, source: str, path: str = "domain/planted.py") -> None:
    """Write one file of a room."""
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(source, encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("def f(energy: int) -> None: ...", "energy"),
        ("def f(*, energy: float | None = None) -> None: ...", "energy"),
        ("def f(energy: 'Decimal') -> None: ...", "energy"),
        ("import decimal\ndef f(energy: decimal.Decimal) -> None: ...", "energy"),
        ("def f(energies: list[int]) -> None: ...", "energies"),
        ("def f(energies: tuple[Fraction, ...]) -> None: ...", "energies"),
        ("async def f(energy: Optional[int]) -> None: ...", "energy"),
        ("class C:\n    cost: int = 0", "cost"),
        ("class C:\n    def f(self, cost: int) -> None: ...", "cost"),
        ("RATE = 3.6e6", "RATE"),
        ("RATE = 10 ** 6", "RATE"),
        ("RATE = -1", "RATE"),
        ("RATE = Fraction(1, 3)", "RATE"),
        ("RATE: Final[int] = f()", "RATE"),
    ],
)
def test_planted_number_is_found(lint: ModuleType, tmp_path: Path, source: str, name: str) -> None:
    """A number without a unit is found, wherever it is declared, with its file and line."""
    plant(tmp_path, source)
    line_number = 1 + source[: source.index(name)].count("\n")
    (message,) = lint.findings(tmp_path, {})
    assert message.startswith(f"domain/planted.py:{line_number}: `{name}` is a number without a unit: ")


@pytest.mark.parametrize(
    "source",
    [
        "def f(quantity_micro: int, factor_ug_per_unit: int) -> int: ...",
        "def f(is_export: bool, name: str, energy: dict[str, int]) -> None: ...",
        "class C:\n    duration_s: int\n    net_g_co2e_signed: int\n    line_count: int = 0",
        "RATE_KG_CO2E_PER_MWH = 3.6e6",
        "def f(count: int) -> None:\n    energy: int = count",
        "ENABLED = True",
        "PAIR: tuple[int, str] = (1, 'a')",
    ],
)
def test_named_unit_passes(lint: ModuleType, tmp_path: Path, source: str) -> None:
    """Numbers that say their unit, and things that are no numbers, pass."""
    plant(tmp_path, source)
    assert lint.findings(tmp_path, {}) == []


@pytest.mark.parametrize("name", ["net_mt", "net_mt_co2e", "TOTAL_MTCO2E", "gross_Mt_per_year"])
def test_megatonne_never_passes(lint: ModuleType, name: str) -> None:
    """`mt` is refused even beside a unit that would pass: Mt is a megatonne."""
    assert not lint.says_its_unit(name)


@pytest.mark.parametrize("name", ["s", "g", "t", "_j"])
def test_single_letter_is_no_unit(lint: ModuleType, name: str) -> None:
    """A one-letter name is a short name, not a unit."""
    assert not lint.says_its_unit(name)


@pytest.mark.parametrize("path", ["scoring/factors/a.py", "ledger/b.py", "connectors/green_button/parse.py"])
def test_rooms_with_quantities_are_read(lint: ModuleType, tmp_path: Path, path: str) -> None:
    """Scoring, the ledger and every parser are read as domain is."""
    plant(tmp_path, "RATE = 1", path)
    assert [message.partition(":")[0] for message in lint.findings(tmp_path, {})] == [path]


def test_other_rooms_are_left_alone(lint: ModuleType, tmp_path: Path) -> None:
    """The program's own numbers (ports, retries) are not quantities."""
    plant(tmp_path, "PORT = 8000", "app/main.py")
    assert lint.findings(tmp_path, {}) == []


def test_allowed_name_passes(lint: ModuleType, tmp_path: Path) -> None:
    """A number with a reason passes in its own file only."""
    plant(tmp_path, "RATE = 1")
    plant(tmp_path, "RATE = 1", "domain/other.py")
    assert [message.partition(":")[0] for message in lint.findings(tmp_path, {("domain/planted.py", "RATE"): "a reason"})] == [
        "domain/other.py"
    ]


def test_unused_permission_is_found(lint: ModuleType, tmp_path: Path) -> None:
    """A permission that nothing needs any more is a finding itself."""
    assert lint.findings(tmp_path, {("domain/gone.py", "RATE"): "a reason"}) == [
        "domain/gone.py:1: `RATE` is allowed in tools/lint_unit_suffixes.py but needs no permission"
    ]


def test_glossary_lists_every_suffix(lint: ModuleType, repository: Path) -> None:
    """The table of the glossary and the lint know the same suffixes, row by row."""
    text = (repository / "docs/glossary.md").read_text(encoding="utf-8")
    table = text.partition("## Units in names")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in table.splitlines() if line.startswith("| ") and "`_" in line]
    listed = {cells[0].strip(): cells[1].replace("`_", "").replace("`", "").strip() for cells in rows}
    assert listed == lint.UNITS


def test_our_tree_passes(repository: Path) -> None:
    """The command as CI runs it finds nothing in this repository."""
    command = [sys.executable, "tools/lint_unit_suffixes.py"]
    result = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert (result.stdout, result.returncode) == ("unit suffixes: every number says its unit\n", 0)


def test_command_fails_on_a_finding(repository: Path, tmp_path: Path) -> None:
    """The command exits 1 when it finds something, so that CI stops."""
    plant(tmp_path, "RATE = 1")
    command = [sys.executable, str(repository / "tools/lint_unit_suffixes.py"), str(tmp_path)]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 1
