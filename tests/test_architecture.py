"""The walls of the house: import contracts that hold, and that would notice a breach; and a map that matches the tree."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import grimp
import pytest

ROOMS = ("app", "archive", "connectors", "dashboards", "domain", "ledger", "scoring")

# The modules that contracts name or permit, so that a skeleton of the house can be built without its furniture.
SKELETON = (
    *ROOMS,
    *("app.api", "app.api.statements", "app.cli", "app.jobs", "app.main", "app.security", "app.settings"),
    *("app.store", "app.store.tables", "app.store.subjects", "app.usecases", "app.usecases.pull"),
    *("connectors.base", "connectors.green_button", "connectors.green_button.parse", "dashboards.figures"),
    *("domain.units", "ledger.chain", "ledger.embedded", "ledger.merkle", "ledger.signing", "scoring.lines"),
)

BREACHES = [
    ("domain.units", "import scoring.lines", "1 the map"),
    ("scoring.lines", "import ledger.merkle", "1 the map"),
    ("dashboards.figures", "import app.settings", "1 the map"),
    ("connectors.green_button.parse", "import archive", "1 the map"),
    ("app.store.subjects", "import app.usecases.pull", "2 inside app"),
    ("app.usecases.pull", "import app.api.statements", "2 inside app"),
    ("app.api.statements", "import app.jobs", "2 inside app"),
    ("domain.units", "import sqlite3", "3 the pure rooms"),
    ("scoring.lines", "from urllib.request import urlopen", "3 the pure rooms"),
    ("ledger.merkle", "import secrets", "3 the pure rooms"),
    ("connectors.green_button.parse", "import httpx", "3 the pure rooms"),
    ("ledger.embedded", "import web3", "4 web3"),
    ("app.usecases.pull", "def late():\n    import web3", "4 web3"),
    ("app.api.statements", "import plotly.graph_objects", "5 plotly"),
    ("app.usecases.pull", "from app.store.tables import Subject", "6 tables"),
    ("domain.units", "import domain.period\n", "7 no cycles"),
    ("ledger.chain", "import eth_tester", "EVM"),
    ("app.usecases.pull", "import eth_account", "Ethereum keys"),
    ("archive", "import lxml.etree", "lxml"),
    ("app.usecases.pull", "import sqlmodel", "SQL and migrations"),
    ("scoring.lines", "import openpyxl", "workbooks"),
    ("app.usecases.pull", "import fastapi", "HTTP server"),
    ("ledger.chain", "import httpx", "HTTP client"),
    ("app.main", "import argon2", "sealing"),
    ("app.usecases.pull", "import authlib", "OAuth as a client"),
    ("app.main", "import apscheduler", "the clock"),
    ("app.main", "import procrastinate", "the queue of PostgreSQL"),
    ("app.main", "import typer", "the command line"),
    ("connectors.base", "import pydantic", "logging, settings"),
    ("scoring.lines", "import sqlglot", "SQL dialects"),
    ("scoring.lines", "import pyspark", "Spark"),
    ("scoring.lines", "import duckdb", "DuckDB"),
    ("app.usecases.pull", "import boto3", "S3"),
    ("app.api.statements", "import jinja2", "templates"),
    ("ledger.chain", "import vyper", "contract compiler"),
]


def contracts(repository: Path) -> list[dict[str, Any]]:
    """The import contracts of pyproject.toml."""
    settings = tomllib.loads((repository / "pyproject.toml").read_text(encoding="utf-8"))
    found: list[dict[str, Any]] = settings["tool"]["importlinter"]["contracts"]
    return found


def lint_imports(folder: Path, config: Path) -> subprocess.CompletedProcess[str]:
    """The outcome of import-linter on the packages in one folder."""
    program = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command as lint; lint(sys.argv[1:])"
    command = [sys.executable, "-P", "-c", program, "--config", str(config), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def build(folder: Path, planted: dict[str, str]) -> None:
    """Write every module of the skeleton, empty but for what is planted in it."""
    for module in {*SKELETON, "domain.period"}:
        path = folder.joinpath(*module.split("."))
        path.mkdir(parents=True, exist_ok=True)
        (path / "__init__.py").write_text(planted.get(module, ""), encoding="utf-8")


def test_imports_keep_every_contract(repository: Path) -> None:
    """No import of the product breaks a contract."""
    result = lint_imports(repository, repository / "pyproject.toml")
    assert result.returncode == 0, result.stdout + result.stderr
    assert f"Contracts: {len(contracts(repository))} kept, 0 broken." in result.stdout


def test_skeleton_keeps_every_contract(repository: Path, tmp_path: Path) -> None:
    """The empty house breaks nothing, so that a breach below is the planted one."""
    build(tmp_path, {})
    assert lint_imports(tmp_path, repository / "pyproject.toml").returncode == 0


@pytest.mark.parametrize(("module", "source", "contract"), BREACHES)
def test_planted_breach_is_reported(repository: Path, tmp_path: Path, module: str, source: str, contract: str) -> None:
    """An import through a wall is reported under its contract."""
    build(tmp_path, {"domain.period": "import domain.units"} | {module: source})
    result = lint_imports(tmp_path, repository / "pyproject.toml")
    assert result.returncode == 1, result.stdout + result.stderr
    assert re.search(rf"^{re.escape(contract)}.* BROKEN$", result.stdout, re.MULTILINE), result.stdout


def test_every_contract_has_a_planted_breach(repository: Path) -> None:
    """Each contract is shown above to notice a breach."""
    tried = [contract for _, _, contract in BREACHES]
    assert [c["name"] for c in contracts(repository) if not any(c["name"].startswith(t) for t in tried)] == []


def test_every_package_has_its_room(repository: Path) -> None:
    """Each third-party package that the product imports stands in a contract that says which room speaks it."""
    spoken = {name for c in contracts(repository) if c["type"] == "forbidden" for name in c["forbidden_modules"]}
    graph = grimp.build_graph(*ROOMS, include_external_packages=True, cache_dir=None)
    outside = {module for module in graph.modules if graph.is_module_squashed(module)}
    strangers = {name for name in outside - spoken if name.partition(".")[0] not in {*sys.stdlib_module_names, "_typeshed"}}
    assert sorted(strangers) == []


def test_map_names_every_folder(repository: Path) -> None:
    """The folder list of docs/architecture.md is the tree: every package folder, and nothing that is gone."""
    text = (repository / "docs/architecture.md").read_text(encoding="utf-8")
    named = set(re.findall(r"^[│├└─\s|*`-]*([a-z_.]+)/(?=[`\s])", text, re.MULTILINE))
    listed = subprocess.run(["git", "ls-files"], cwd=repository, capture_output=True, text=True, check=True).stdout  # noqa: S607 - git on PATH
    tree = {line.partition("/")[0] for line in listed.splitlines() if "/" in line and not line.startswith(".")}
    assert named >= tree
    assert sorted(name for name in named if not any((repository / parent / name).is_dir() for parent in ("", *ROOMS))) == []
