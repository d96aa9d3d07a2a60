"""The local archive keeps the contract, in private files."""

import errno
import os
from pathlib import Path

import pytest

from archive.base import Archive
from archive.local import LocalArchive
from domain.errors import ArchiveError
from tests.archive.contract import NAME, SEALED, ArchiveContract


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that is not there yet."""
    return tmp_path / "data" / "originals"


class TestLocalArchive(ArchiveContract):
    """The contract, for the local archive."""

    @pytest.fixture
    def archive(self, folder: Path) -> Archive:
        """An empty local archive."""
        self.folder = folder
        return LocalArchive(folder)

    def damage(self, archive: Archive, sha256_hex: str, stored: bytes) -> None:
        """Write other bytes over the file."""
        assert archive.name == "local"
        (self.folder / sha256_hex[:2] / sha256_hex[2:4] / sha256_hex).write_bytes(stored)


def test_files_are_private(folder: Path) -> None:
    """Files have mode 0600 and folders 0700, whatever the umask."""
    before = os.umask(0)
    try:
        LocalArchive(folder).put(SEALED)
    finally:
        os.umask(before)
    kept = folder / NAME[:2] / NAME[2:4] / NAME
    assert kept.stat().st_mode & 0o777 == 0o600
    assert {parent.stat().st_mode & 0o777 for parent in (kept.parent, kept.parent.parent, folder)} == {0o700}
    assert [path for path in folder.rglob("*") if path.is_file()] == [kept]


def test_full_disk_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the disk is full the answer says so, and no half file is left."""

    def full(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    folder.mkdir(parents=True)
    for part in (folder / NAME[:2], folder / NAME[:2] / NAME[2:4]):
        part.mkdir()
    archive = LocalArchive(folder)
    with pytest.raises(ArchiveError, match=r"could not be kept; .*got No space left on device.*Free space"):
        archive.put(SEALED)
    assert not archive.holds(NAME)
    assert [path for path in folder.rglob("*") if path.is_file()] == []


def test_second_archive_sees_the_same(folder: Path) -> None:
    """Another process on the same folder fetches what the first one put."""
    LocalArchive(folder).put(SEALED)
    assert LocalArchive(folder).fetch(NAME) == SEALED


def test_undeletable_file_is_told(folder: Path) -> None:
    """Where the copy cannot be removed the caller hears of it, so that an erasure is not believed done."""
    archive = LocalArchive(folder)
    (folder / NAME[:2] / NAME[2:4] / NAME).mkdir(parents=True)
    with pytest.raises(ArchiveError, match="An original could not be deleted"):
        archive.delete(NAME)
