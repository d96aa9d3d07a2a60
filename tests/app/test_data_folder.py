"""The data folder is its owner's alone, after a real run too."""

import io
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.assemble import open_services, passphrase_of
from app.clock import FixedClock, SystemRandomness
from app.data_folder import make_private_file, open_data_folder
from app.settings import Settings
from domain.errors import ConflictError, SecurityError
from tests.app.live import NOW, Installation, Live, fill, start

PRODUCTION: dict[str, Any] = {
    "environment": "production",
    "base_url": "https://fit.example",
    "key_encryption_key": SecretStr("A" * 43 + "="),
    "keystore_passphrase": SecretStr("5a" * 32),
}


@pytest.fixture
def open_umask() -> Iterator[None]:
    """The umask that hides nothing."""
    before = os.umask(0)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """What others may do with each file and folder, by name; those of which they may do nothing are left out."""
    found = {str(path.relative_to(folder)): path.stat().st_mode & 0o077 for path in (folder, *folder.rglob("*"))}
    return {name: mode for name, mode in found.items() if mode}


def mode(path: Path) -> int:
    """Mode of one file or folder."""
    return stat.S_IMODE(path.stat().st_mode)


def test_nobody_else_reads_anything(tmp_path: Path, open_umask: None, json_logs: io.StringIO) -> None:
    """After imports, proofs and a restart nothing in the folder can be read by others: while it runs, and once it has stopped."""
    place = Installation(tmp_path / "data")
    fill(place)
    assert modes(place.folder) == {}
    with start(place) as live:
        live.get("/v1/subjects", as_=live.ada)
        names = {path.name for path in live.folder.rglob("*")}
        assert {"data.sqlite3", "data.sqlite3-wal", "chain.sqlite3", "kek", "keystore.secret", "relayer.json"} <= names
        assert modes(live.folder) == {}


def test_older_demo_folder_is_mended(installation: Installation, json_logs: io.StringIO) -> None:
    """A demo's folder that others could read is closed to them, with a warning, and works as before."""
    for name, wide in (("", 0o755), ("chain", 0o755), ("data.sqlite3", 0o644), ("chain/chain.sqlite3", 0o644)):
        (installation.folder / name).chmod(wide)
    with start(installation) as live:
        assert live.get("/v1/subjects", as_=live.ada).status_code == 200
        assert modes(live.folder) == {}
    assert json_logs.getvalue().count('"mode_before": "0755"') == 1


def test_open_folder_is_refused_in_production(tmp_path: Path) -> None:
    """In production a folder that others can read is refused with what to do, and left as it is."""
    folder = tmp_path / "data"
    folder.mkdir()
    folder.chmod(0o750)
    with pytest.raises(SecurityError, match=r"Others may read the data folder.*got mode 0750.*chmod 700"):
        open_data_folder(Settings(data_folder=folder, **PRODUCTION))
    assert mode(folder) == 0o750
    folder.chmod(0o700)
    open_data_folder(Settings(data_folder=folder, **PRODUCTION))


def test_folder_of_other_things_is_left_alone(tmp_path: Path) -> None:
    """A folder that holds other things (a home, say) is refused and not closed to others, in the demo too."""
    (tmp_path / "letters").mkdir()
    tmp_path.chmod(0o755)
    with pytest.raises(SecurityError, match="nothing else in it"):
        open_data_folder(Settings(data_folder=tmp_path))
    assert mode(tmp_path) == 0o755
    assert [path.name for path in tmp_path.iterdir()] == ["letters"]


def test_file_that_is_there_stays(tmp_path: Path) -> None:
    """Making a file keeps what an older one holds."""
    path = tmp_path / "x"
    path.write_bytes(b"kept")
    make_private_file(path)
    assert path.read_bytes() == b"kept"


def test_opened_while_somebody_writes(tmp_path: Path) -> None:
    """An installation that is there is opened at once, however long somebody else has been writing; then it is not written to."""
    settings = Settings(data_folder=tmp_path / "data")
    open_services(settings, clock=FixedClock(NOW), randomness=SystemRandomness()).engine.dispose()
    with closing(sqlite3.connect(settings.database_file(), isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        writer.execute("UPDATE meta SET value = 'another layout' WHERE key = 'data_folder'")
        open_services(settings, clock=FixedClock(NOW), randomness=SystemRandomness()).engine.dispose()
        writer.execute("COMMIT")
    with pytest.raises(ConflictError, match=r"This data folder has another layout; .*; got another layout"):
        open_services(settings, clock=FixedClock(NOW), randomness=SystemRandomness())


def test_secret_of_the_key_files_is_set_from_outside(tmp_path: Path) -> None:
    """With the secret set none lies beside the key files, and they do not open with another one."""
    folder = tmp_path / "data"

    def opened(secret_hex: str) -> str:
        settings = Settings(data_folder=folder, keystore_passphrase=SecretStr(secret_hex))
        services = open_services(settings, clock=FixedClock(NOW), randomness=SystemRandomness())
        services.engine.dispose()
        return services.auditor.key.address

    first = opened("5a" * 32)
    assert {path.name for path in (folder / "keys").iterdir()} == {"auditor-us.json", "kek"}
    assert opened("5A" * 32) == first
    with pytest.raises(SecurityError, match="The key cannot be opened"):
        opened("5b" * 32)


def test_secret_of_the_file_may_be_moved_out(live: Live) -> None:
    """What is in the file opens the same key files when it is set instead."""
    path = live.folder / "keys" / "keystore.secret"
    settings = live.services.settings
    moved = settings.model_copy(update={"keystore_passphrase": SecretStr(path.read_text(encoding="ascii").strip())})
    from_file = passphrase_of(settings, "relayer", live.services.randomness)
    path.unlink()
    assert passphrase_of(moved, "relayer", live.services.randomness) == from_file
    assert not path.exists()
