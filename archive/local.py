"""The local archive: one file per content in a folder of ours, `ab/cd/<64 digits>`."""

import os
import tempfile
from hashlib import sha256 as sha256_of
from pathlib import Path

from archive.base import ArchiveReference, checked_sha256
from domain.errors import ArchiveError


class LocalArchive:
    """An `Archive` in a folder; see there for the contract.

    Files have mode 0600, folders 0700. A file is written beside its place, synced, renamed and its folder synced, so that it is
    whole or absent.

    Args:
        folder: Where; made at the first `put`.
    """

    name = "local"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, stored: bytes) -> ArchiveReference:
        """Keep bytes; the same bytes again change nothing, and repair a damaged copy.

        Args:
            stored: Sealed by the caller.

        Returns:
            Their name.

        Raises:
            ArchiveError: The disk is full or read-only.
        """
        name = sha256_of(stored).hexdigest()
        try:
            if not self._has_whole(name, stored):
                self._write(self._path(name), stored)
            _sync_folder(self._path(name).parent)  # also where another `put` has just written it: both promise it is on disk
        except OSError as error:
            raise ArchiveError(
                "An original could not be kept",
                expected="room and the right to write",
                got=error.strerror or type(error).__name__,
                record=name,
                next_step="Free space in the archive's folder, then send the document again.",
            ) from error
        return ArchiveReference(name, len(stored))

    def fetch(self, sha256: str) -> bytes:
        """The bytes of this hash, verified.

        Args:
            sha256: 64 lower-case hexadecimal digits.

        Returns:
            The stored bytes.

        Raises:
            ArchiveError: They are missing, were changed, or this is no hash.
        """
        path = self._path(sha256)
        try:
            stored = path.read_bytes()
        except OSError as error:
            raise ArchiveError(
                "An original is missing",
                expected="a file in the local archive",
                got=error.strerror or type(error).__name__,
                record=sha256,
                next_step="Restore the archive's folder from a backup.",
            ) from error
        got = sha256_of(stored).hexdigest()
        if got != sha256:
            raise ArchiveError(
                "An original was changed",
                expected=sha256,
                got=got,
                record=sha256,
                next_step="Restore the archive's folder from a backup.",
            )
        return stored

    def delete(self, sha256: str) -> None:
        """Forget the bytes of this hash; nothing happens where there are none.

        Args:
            sha256: 64 lower-case hexadecimal digits.

        Raises:
            ArchiveError: They could not be deleted, or this is no hash.
        """
        path = self._path(sha256)
        try:
            path.unlink(missing_ok=True)
            if path.parent.is_dir():
                _sync_folder(path.parent)
        except OSError as error:
            raise ArchiveError(
                "An original could not be deleted",
                expected="the right to write",
                got=error.strerror or type(error).__name__,
                record=sha256,
            ) from error

    def holds(self, sha256: str) -> bool:
        """Whether there is a file of this hash.

        Args:
            sha256: 64 lower-case hexadecimal digits.

        Returns:
            True where it is there; it is not read.

        Raises:
            ArchiveError: This is no hash.
        """
        return self._path(sha256).is_file()

    def _path(self, sha256: str) -> Path:
        name = checked_sha256(sha256)
        return self._folder / name[:2] / name[2:4] / name

    def _has_whole(self, sha256: str, stored: bytes) -> bool:
        path = self._path(sha256)
        return path.is_file() and path.stat().st_size == len(stored) and sha256_of(path.read_bytes()).hexdigest() == sha256

    def _write(self, path: Path, stored: bytes) -> None:
        self._make_folders(path.parent)
        descriptor, fresh = tempfile.mkstemp(prefix=".", suffix=".new", dir=path.parent)  # mode 0600
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(stored)
                file.flush()
                os.fsync(file.fileno())
            Path(fresh).replace(path)
        except OSError:
            Path(fresh).unlink(missing_ok=True)
            raise

    def _make_folders(self, folder: Path) -> None:
        """Make a folder and those above it, mode 0700, each synced into the one that holds it."""
        if folder.is_dir():
            return
        self._make_folders(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
