"""`doctor`: a self-check of the installation. It looks, and changes nothing."""

import os
import re
import sqlite3
import stat
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict, dataclass
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, distribution, version
from pathlib import Path

from app.assemble import open_desk, open_services, passphrase_of
from app.chain import CHAIN_IN_USE, load_key
from app.cli.installation import embedded_chain_path, settings_of
from app.cli.terminal import ExitCode, print_json, say
from app.clock import SystemClock, SystemRandomness
from app.factor_packs import installed_factor_set
from app.settings import Settings
from app.store.session import checked_revision, engine_of
from domain.errors import ChainError, ClimateFitnessError, ConflictError, FactorSetError, LedgerError, SecurityError
from ledger.contract.artifact import SOURCE_PATH, load_artifact
from ledger.signing import AuditorKey, RelayerKey

OLDEST_PYTHON = (3, 11)
OLDEST_SQLITE = (3, 35, 0)
"""Has RETURNING, which the store uses (SQLite 3.35 of 2021)."""

_DISTRIBUTION = "climate-fitness"
_NOT_YET = "not there yet; the first use makes it"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of the self-check.

    Attributes:
        name: What was looked at.
        is_ok: Whether all is well.
        detail: What was found.
        next_step: What to do where it is not.
    """

    name: str
    is_ok: bool
    detail: str
    next_step: str = ""


def run_doctor(*, is_json: bool, data_folder: Path | None) -> int:
    """Check an installation.

    Args:
        is_json: Answer for programs.
        data_folder: Its folder; the setting where left out.

    Returns:
        The exit code: 1 where something is wrong.

    Raises:
        SettingsError: The settings cannot be read at all.
    """
    settings = settings_of(data_folder)
    results = [_result(name, check, settings) for name, check in CHECKS]
    if is_json:
        print_json([asdict(one) for one in results])
    else:
        for one in results:
            say(f"{'ok    ' if one.is_ok else 'FAILED'}  {one.name:<16}  {one.detail}")
            if one.next_step and not one.is_ok:
                say(f"{'':<26}next step: {one.next_step}")
    return ExitCode.DONE if all(one.is_ok for one in results) else ExitCode.PARTLY


def _result(name: str, check: Callable[[Settings], str], settings: Settings) -> CheckResult:
    try:
        return CheckResult(name, is_ok=True, detail=check(settings))
    except ClimateFitnessError as error:
        parts = [error.message, f"expected {error.expected}" if error.expected else "", f"got {error.got}" if error.got else ""]
        parts.append(f"in {error.record}" if error.record else "")
        return CheckResult(name, is_ok=False, detail="; ".join(filter(None, parts)), next_step=error.next_step)
    except Exception as error:  # noqa: BLE001 - the outermost loop: whatever is broken is told, and the other checks go on
        first_line = next(iter(str(error).splitlines()), "")
        return CheckResult(
            name, is_ok=False, detail=f"{type(error).__name__}: {first_line}", next_step="Restore it from a backup."
        )


def _python(_settings: Settings) -> str:
    if sys.version_info < OLDEST_PYTHON:
        raise ConflictError(
            "This Python is too old",
            expected=".".join(map(str, OLDEST_PYTHON)),
            got=sys.version.split()[0],
            next_step="Install Python 3.11 or newer.",
        )
    return sys.version.split()[0]


def _packages(_settings: Settings) -> str:
    names = [
        re.split(r"[^A-Za-z0-9._-]", text, maxsplit=1)[0]
        for text in distribution(_DISTRIBUTION).requires or ()
        if "extra ==" not in text
    ]
    missing = [name for name in names if not _is_installed(name)]
    if missing:
        raise ConflictError(
            "Packages are missing",
            expected=f"{len(names)} packages",
            got=f"no {', '.join(missing)}",
            next_step="pip install -e .",
        )
    return f"{_DISTRIBUTION} {version(_DISTRIBUTION)} and the {len(names)} packages that it names"


def _is_installed(name: str) -> bool:
    try:
        version(name)
    except PackageNotFoundError:
        return False
    return True


def _sqlite(_settings: Settings) -> str:
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise ConflictError(
            "This SQLite is too old",
            expected=".".join(map(str, OLDEST_SQLITE)),
            got=sqlite3.sqlite_version,
            next_step="Install a newer Python; SQLite comes with it.",
        )
    return sqlite3.sqlite_version


def _data_folder(settings: Settings) -> str:
    folder = settings.data_folder.absolute()
    if not folder.exists():
        return f"{folder}: {_NOT_YET}"
    if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise SecurityError(
            "The data folder cannot be used",
            expected="a folder that this user may read and write",
            got=stat.filemode(folder.stat().st_mode),
            record=str(folder),
            next_step=f"chown or chmod {folder}, or name another one with --data-folder.",
        )
    return f"{folder}, writable"


def _keys(settings: Settings) -> str:
    folder = settings.data_folder / "keys"
    if not folder.exists():
        return _NOT_YET
    for path in (folder, *sorted(folder.iterdir())):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            wanted = "0700" if path.is_dir() else "0600"
            raise SecurityError(
                "Others may read keys", expected=wanted, got=f"{mode:04o}", record=str(path), next_step=f"chmod {wanted} {path}"
            )
    randomness = SystemRandomness()
    opened = []
    for kind, purpose, path in (
        (AuditorKey, "auditor", folder / f"auditor-{settings.auditor_region.lower()}.json"),
        (RelayerKey, "relayer", folder / "relayer.json"),
    ):
        if path.exists():
            load_key(kind, path, passphrase_of(settings, purpose, randomness), randomness)
            opened.append(purpose)
    return f"readable by this user only; opened: {', '.join(opened) or 'none yet'}"


def _database(settings: Settings) -> str:
    url, path = settings.database_url.get_secret_value(), settings.database_file()
    if not url and not path.exists():
        return _NOT_YET
    if not url:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
            found = "; ".join(row[0] for row in connection.execute("PRAGMA integrity_check(3)"))
        if found != "ok":
            raise ConflictError(
                "The database is damaged", expected="ok", got=found, record=str(path), next_step="Restore it from a backup."
            )
    engine = engine_of(settings.database_address())
    try:
        revision = checked_revision(engine)
    finally:
        engine.dispose()
    return f"revision {revision}" if url else f"revision {revision}, integrity ok"


def _factor_set(settings: Settings) -> str:
    factor_set = installed_factor_set(settings.data_folder)
    factor_set.check()
    if not factor_set.id.size:
        raise FactorSetError(expected="rows", got="none", next_step="Install the package again.")
    return f"{factor_set.version}: {factor_set.id.size} rows, root recomputed: {factor_set.id.root_hex[:16]}…"


def _contract(_settings: Settings) -> str:
    artifact = load_artifact()
    got = sha256(SOURCE_PATH.read_bytes()).hexdigest()
    if got != artifact.source_sha256_hex:
        raise LedgerError(
            "The contract's source is not the one that was compiled",
            expected=artifact.source_sha256_hex,
            got=got,
            record=SOURCE_PATH.name,
            next_step="Install the package again, or `make contract` in a checkout.",
        )
    return f"{artifact.name}, {artifact.compiler}, source {got[:16]}…"


def _chain(settings: Settings) -> str:
    if not settings.chain_url.get_secret_value() and not embedded_chain_path(settings).exists():
        return _NOT_YET
    if _database(settings) == _NOT_YET:
        raise ConflictError(
            "There is a chain without its database",
            expected=settings.database_file().name,
            got="none",
            record=str(settings.data_folder),
            next_step="Restore it from a backup.",
        )
    services = open_services(settings, clock=SystemClock(), randomness=SystemRandomness())
    try:
        desk = open_desk(services)
    except ChainError as error:
        if error.message == CHAIN_IN_USE:
            return f"in use: {error.got}"
        raise
    finally:
        services.engine.dispose()
    with closing(desk):
        return f"chain {desk.chain_id}, contract {desk.contract}, epoch {desk.epoch()}"


CHECKS: tuple[tuple[str, Callable[[Settings], str]], ...] = (
    ("Python", _python),
    ("packages", _packages),
    ("SQLite", _sqlite),
    ("data folder", _data_folder),
    ("keys", _keys),
    ("database", _database),
    ("factor set", _factor_set),
    ("contract", _contract),
    ("chain", _chain),
)
"""What is looked at, in order."""
