"""Key-encryption keys: what wraps the subjects' data keys. The embedded one is a file that only its owner may read."""

import contextlib
import os
import re
import stat
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from domain.errors import SecurityError

KEK_SIZE_BYTES = 32
NONCE_SIZE_BYTES = 12
_HEX_KEY = re.compile(r"[0-9a-f]{64}\Z")


class Kek(Protocol):
    """Wraps and unwraps data keys, here or at a key-management service.

    Contract: `unwrap(wrap(key, place), place)` is the key, as long as the service holds the version that `kek_id` names; any
    other place is refused with `SecurityError`. Calls may come from several threads. A wrapped key may lie beside the data.
    """

    @property
    def kek_id(self) -> str:
        """Names the key that wraps now; stored beside what it wrapped."""
        ...

    def wrap(self, data_key: bytes, place: bytes) -> bytes:
        """The data key, wrapped for a place."""
        ...

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """The data key that was wrapped for this place.

        Args:
            wrapped: As `wrap` made it.
            place: As it was given to `wrap`.

        Returns:
            The data key.

        Raises:
            SecurityError: It was changed, or wrapped for another place or by another key.
        """
        ...


class LocalKek:
    """A key-encryption key in this process's memory.

    Args:
        key: 32 bytes.
        random_bytes: Gives nonces.

    Raises:
        SecurityError: The key has another length.
    """

    def __init__(self, key: bytes, random_bytes: Callable[[int], bytes]) -> None:
        if len(key) != KEK_SIZE_BYTES:
            raise SecurityError(
                "A key-encryption key has another length", expected=f"{KEK_SIZE_BYTES} bytes", got=f"{len(key)} bytes"
            )
        self._cipher = AESGCM(key)
        self._random_bytes = random_bytes
        self._kek_id = sha256(b"climate-fitness/kek-id/1" + key).hexdigest()[:16]

    @property
    def kek_id(self) -> str:
        """First 16 hexadecimal digits of a hash of the key."""
        return self._kek_id

    def wrap(self, data_key: bytes, place: bytes) -> bytes:
        """The data key under AES-256-GCM, bound to its place."""
        nonce = self._random_bytes(NONCE_SIZE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data_key, place)

    def unwrap(self, wrapped: bytes, place: bytes) -> bytes:
        """The data key that was wrapped for this place.

        Args:
            wrapped: As `wrap` made it.
            place: As it was given to `wrap`.

        Returns:
            The data key.

        Raises:
            SecurityError: It was changed, or wrapped for another place or by another key.
        """
        try:
            return self._cipher.decrypt(wrapped[:NONCE_SIZE_BYTES], wrapped[NONCE_SIZE_BYTES:], place)
        except (InvalidTag, ValueError) as error:
            raise SecurityError(
                "A data key does not open",
                expected="a key wrapped for this subject by this key-encryption key",
                got="another one",
            ) from error


def read_kek(path: Path, random_bytes: Callable[[int], bytes]) -> LocalKek:
    """The key-encryption key of a file.

    Args:
        path: 64 lower-case hexadecimal digits and at most a newline; mode 0600, ours, no link.
        random_bytes: Gives nonces.

    Returns:
        The key.

    Raises:
        SecurityError: The file is missing, others may read it, or it holds something else.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise SecurityError(
            "The key-encryption key cannot be read", expected="a file", got=error.strerror or "an error", record=str(path)
        ) from error
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(file.fileno())
        mode = stat.S_IMODE(found.st_mode)
        if not stat.S_ISREG(found.st_mode) or mode & 0o177 or found.st_uid != os.geteuid():
            raise SecurityError(
                "Others could read the key-encryption key",
                expected="a file of ours with mode 0600",
                got=f"mode {mode:04o}, owner {found.st_uid}",
                record=str(path),
                next_step=f"chmod 600 {path}",
            )
        text = file.read(2 * KEK_SIZE_BYTES + 2).decode("ascii", "replace").removesuffix("\n")
    if not _HEX_KEY.match(text):
        raise SecurityError(
            "The key-encryption key is damaged",
            expected="64 lower-case hexadecimal digits",
            got=f"{len(text)} characters",
            record=str(path),
            next_step="Restore the file from your backup; without it sealed data stays closed.",
        )
    return LocalKek(bytes.fromhex(text), random_bytes)


def make_kek(path: Path, random_bytes: Callable[[int], bytes]) -> LocalKek:
    """The key-encryption key of a file, made where there is none.

    The whole file appears at once and on disk: a crash leaves none or a good one. Of two processes that start together both get
    the one that came first.

    Args:
        path: Where it is; its folder exists.
        random_bytes: Gives the key and nonces.

    Returns:
        The key.

    Raises:
        SecurityError: As `read_kek`.
    """
    if not path.is_symlink() and not path.exists():
        fresh = path.with_name(f"{path.name}.{random_bytes(8).hex()}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(random_bytes(KEK_SIZE_BYTES).hex().encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):  # another process was first: its key is the key
            os.link(fresh, path)
        fresh.unlink()
        _sync_folder(path.parent)
    return read_kek(path, random_bytes)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
