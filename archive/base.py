"""The archive: bytes kept under the hash of what is stored. The caller seals them first; an archive never sees an original."""

import re
from dataclasses import dataclass
from typing import Protocol

from domain.errors import ArchiveError

_SHA256_HEX = re.compile(r"[0-9a-f]{64}\Z")


@dataclass(frozen=True, slots=True)
class ArchiveReference:
    """Names what was stored.

    Attributes:
        sha256: Of the stored (sealed) bytes, 64 lower-case hexadecimal digits.
        size_bytes: How many they are.
    """

    sha256: str
    size_bytes: int


class Archive(Protocol):
    """Keeps sealed bytes under their SHA-256.

    Contract:
        Durability: when `put` returns, the bytes survive a crash of the program and of the machine. After a crash inside `put`
            they are there whole or not at all.
        Ordering: none is promised between different contents; what `put` returned for can be fetched at once by everybody who
            uses the same archive.
        Concurrency: any number of threads and processes may call any method at the same time; putting the same bytes twice, also
            at once, keeps one copy and succeeds both times. Of a `delete` and a `put` of the same bytes one comes last.
        Errors: `ArchiveError` only; `fetch` never returns bytes whose hash is another.
    """

    @property
    def name(self) -> str:
        """Which backend it is, as documents name it: "local"."""
        ...

    def put(self, stored: bytes) -> ArchiveReference:
        """Keep bytes; the same bytes again change nothing.

        Args:
            stored: Sealed by the caller.

        Returns:
            Their name.

        Raises:
            ArchiveError: They could not be kept (full, read-only, unreachable).
        """
        ...

    def fetch(self, sha256: str) -> bytes:
        """The bytes of this hash, verified.

        Args:
            sha256: 64 lower-case hexadecimal digits.

        Returns:
            The stored bytes.

        Raises:
            ArchiveError: They are missing, were changed, or this is no hash.
        """
        ...

    def delete(self, sha256: str) -> None:
        """Forget the bytes of this hash; nothing happens where there are none.

        Args:
            sha256: 64 lower-case hexadecimal digits.

        Raises:
            ArchiveError: They could not be deleted, or this is no hash.
        """
        ...

    def holds(self, sha256: str) -> bool:
        """Whether there are bytes of this hash; they are not read.

        Args:
            sha256: 64 lower-case hexadecimal digits.

        Returns:
            True where they are there.

        Raises:
            ArchiveError: This is no hash, or the archive cannot be reached.
        """
        ...


def checked_sha256(text: str) -> str:
    """The text itself, if it is a hash in the one form that archives use: no path can hide in it.

    Args:
        text: 64 lower-case hexadecimal digits.

    Returns:
        The same text.

    Raises:
        ArchiveError: It is anything else.
    """
    if not _SHA256_HEX.match(text):
        raise ArchiveError("This is not the name of an original", expected="64 lower-case hexadecimal digits", got=text)
    return text
