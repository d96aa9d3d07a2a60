"""The data folder: its owner's alone, whatever the umask is and however it was made before.

Folders have mode 0700, files 0600. SQLite gives its write-ahead log the mode of the database, so making the file first is enough.
"""

import os
import stat
from pathlib import Path

import structlog

from app.settings import Settings
from domain.errors import SecurityError

FOLDER_MODE, FILE_MODE = 0o700, 0o600

_OTHERS = 0o077
_OWN_NAMES = frozenset({"archive", "chain", "keys", "data.sqlite3"})

log = structlog.get_logger("app.data_folder")


def open_data_folder(settings: Settings) -> None:
    """Make the data folder where there is none, and close it to others.

    A wider mode of an older folder is mended in the demo, with a warning, and refused in production: there somebody chose it.
    A folder that holds only other things, or is somebody else's, is never changed.

    Args:
        settings: Say where it is.

    Raises:
        SecurityError: Others may read it, or it is not ours.
    """
    folder = settings.data_folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    found = folder.stat()
    mode, is_ours, is_production = stat.S_IMODE(found.st_mode), found.st_uid == os.geteuid(), settings.environment == "production"
    if (is_production and not is_ours) or (mode & _OTHERS and (is_production or not is_ours or not _is_own(folder))):
        raise SecurityError(
            "Others may read the data folder",
            expected="a folder of this user with mode 0700 and nothing else in it",
            got=f"mode {mode:04o}, owner {found.st_uid}",
            record=str(folder),
            next_step=f"chmod 700 {folder}, or name another one.",
        )
    if mode & _OTHERS:
        folder.chmod(FOLDER_MODE)
        log.warning("data folder closed to others", mode_before=f"{mode:04o}")
    make_private_folder(folder / "keys")
    for path in (*folder.glob("data.sqlite3*"), *(folder / "chain").glob("*")):
        if path.stat().st_mode & _OTHERS:
            path.chmod(FILE_MODE)


def make_private_folder(folder: Path) -> None:
    """A folder inside the data folder, made or closed to others."""
    folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
    if folder.stat().st_mode & _OTHERS:
        folder.chmod(FOLDER_MODE)


def make_private_file(path: Path) -> None:
    """An empty file that others cannot read, where there is none; one that is there stays as it is."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))


def _is_own(folder: Path) -> bool:
    names = {path.name for path in folder.iterdir()}
    return not names or bool(names & _OWN_NAMES)
