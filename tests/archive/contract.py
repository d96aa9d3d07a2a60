"""What every archive must do: each backend's test class inherits these tests and provides `archive` and `damage`."""

import threading
from abc import ABC, abstractmethod
from hashlib import sha256

import pytest

from archive.base import Archive, ArchiveReference
from domain.errors import ArchiveError

SEALED = b"sealed bytes of a bill"
NAME = sha256(SEALED).hexdigest()


class ArchiveContract(ABC):
    """The contract of `archive.base.Archive`, as tests.

    A subclass has a fixture `archive` that gives an empty archive, and says how its copy of some bytes is damaged.
    """

    @abstractmethod
    def damage(self, archive: Archive, sha256_hex: str, stored: bytes) -> None:
        """Replace the kept copy by other bytes, behind the archive's back."""

    def test_put_names_what_is_stored(self, archive: Archive) -> None:
        """The reference is hash and size of the stored bytes."""
        assert archive.put(SEALED) == ArchiveReference(NAME, len(SEALED))

    @pytest.mark.parametrize("stored", [b"", SEALED, bytes(range(256)) * 1200])
    def test_stored_bytes_come_back(self, archive: Archive, stored: bytes) -> None:
        """Bytes of any length come back as they were."""
        assert archive.fetch(archive.put(stored).sha256) == stored

    def test_put_twice_keeps_one(self, archive: Archive) -> None:
        """The same bytes again are the same reference; one delete ends them."""
        assert archive.put(SEALED) == archive.put(SEALED)
        archive.delete(NAME)
        assert not archive.holds(NAME)

    def test_missing_bytes_are_named(self, archive: Archive) -> None:
        """Asking for bytes that were never put is an ArchiveError that names them."""
        assert not archive.holds(NAME)
        with pytest.raises(ArchiveError, match=f"An original is missing.*{NAME}"):
            archive.fetch(NAME)

    def test_deleted_bytes_are_missing(self, archive: Archive) -> None:
        """After a delete nothing is held; deleting again is no error."""
        archive.put(SEALED)
        assert archive.holds(NAME)
        archive.delete(NAME)
        archive.delete(NAME)
        assert not archive.holds(NAME)
        with pytest.raises(ArchiveError, match="An original is missing"):
            archive.fetch(NAME)

    @pytest.mark.parametrize("other", [b"", SEALED + b"!", SEALED[:-1], b"S" + SEALED[1:]])
    def test_changed_bytes_are_refused(self, archive: Archive, other: bytes) -> None:
        """Bytes that are no longer those of their hash are never returned."""
        archive.put(SEALED)
        self.damage(archive, NAME, other)
        with pytest.raises(ArchiveError, match=f"An original was changed; expected {NAME}"):
            archive.fetch(NAME)

    def test_put_repairs_changed_bytes(self, archive: Archive) -> None:
        """Putting the right bytes again mends a damaged copy."""
        archive.put(SEALED)
        self.damage(archive, NAME, b"S" + SEALED[1:])
        archive.put(SEALED)
        assert archive.fetch(NAME) == SEALED

    @pytest.mark.parametrize(
        "name", ["", "..", "../" + NAME[3:], "/etc/passwd", NAME.upper(), NAME[:-1], NAME + "\n", "g" * 64, "\0" * 64]
    )
    @pytest.mark.parametrize("ask", ["fetch", "delete", "holds"])
    def test_only_hashes_are_names(self, archive: Archive, ask: str, name: str) -> None:
        """A name that is no hash reaches no storage: no path can hide in it."""
        with pytest.raises(ArchiveError, match="This is not the name of an original; expected 64 lower-case hexadecimal digits"):
            getattr(archive, ask)(name)

    def test_many_writers_at_once(self, archive: Archive) -> None:
        """Threads that put the same and other bytes at once all succeed, and everything is there."""
        contents = [SEALED, *(bytes([n]) * 1000 for n in range(5))]
        failures: list[ArchiveError] = []

        def write() -> None:
            try:
                for stored in contents:
                    archive.put(stored)
            except ArchiveError as error:
                failures.append(error)

        threads = [threading.Thread(target=write) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert all(archive.fetch(sha256(stored).hexdigest()) == stored for stored in contents)
