"""The key-encryption key lies in a file that only its owner may read."""

import os
import threading
from pathlib import Path

import pytest

from app.clock import SeededRandomness, SystemRandomness
from app.security.kek import LocalKek, make_kek, read_kek
from domain.errors import SecurityError

RANDOM = SystemRandomness()


def test_key_is_made_once(tmp_path: Path) -> None:
    """The first start makes the file, mode 0600; the next one reads the same key and leaves nothing beside it."""
    path = tmp_path / "kek"
    first = make_kek(path, RANDOM.bytes)
    assert path.stat().st_mode & 0o777 == 0o600
    assert make_kek(path, RANDOM.bytes).kek_id == first.kek_id == read_kek(path, RANDOM.bytes).kek_id
    assert list(tmp_path.iterdir()) == [path]


def test_key_file_ignores_the_umask(tmp_path: Path) -> None:
    """Whatever the umask allows, the file is for its owner."""
    before = os.umask(0)
    try:
        make_kek(tmp_path / "kek", RANDOM.bytes)
    finally:
        os.umask(before)
    assert (tmp_path / "kek").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o700])
def test_readable_key_is_refused(tmp_path: Path, mode: int) -> None:
    """A file that others may read, or that is more than a private file, is refused with the command that mends it."""
    path = tmp_path / "kek"
    make_kek(path, RANDOM.bytes)
    path.chmod(mode)
    with pytest.raises(SecurityError, match=rf"Others could read.*mode 0600; got mode {mode:04o}.*chmod 600"):
        make_kek(path, RANDOM.bytes)


def test_link_is_refused(tmp_path: Path) -> None:
    """A link, which somebody else may have planted, is not followed."""
    make_kek(tmp_path / "real", RANDOM.bytes)
    (tmp_path / "kek").symlink_to(tmp_path / "real")
    with pytest.raises(SecurityError, match="The key-encryption key cannot be read"):
        make_kek(tmp_path / "kek", RANDOM.bytes)


def test_missing_key_is_not_made_when_reading(tmp_path: Path) -> None:
    """Reading a key that must be there never makes another one."""
    with pytest.raises(SecurityError, match="cannot be read; expected a file; got No such file"):
        read_kek(tmp_path / "kek", RANDOM.bytes)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("text", ["", "ab" * 31, "AB" * 32, "ab" * 32 + "\n\n", "ab" * 33, "zz" * 32, "ab" * 32 + "\r\n"])
def test_damaged_key_is_refused(tmp_path: Path, text: str) -> None:
    """A file that is not exactly one key is refused, and its content is not repeated."""
    path = tmp_path / "kek"
    path.write_bytes(text.encode())
    path.chmod(0o600)
    with pytest.raises(
        SecurityError, match="The key-encryption key is damaged; expected 64 lower-case hexadecimal digits"
    ) as refusal:
        read_kek(path, RANDOM.bytes)
    assert "abab" not in str(refusal.value)


def test_two_starts_at_once_get_one_key(tmp_path: Path) -> None:
    """Of several processes that start together all get the key that came first."""
    ids: list[str] = []
    together = threading.Barrier(4)

    def start() -> None:
        together.wait()
        ids.append(make_kek(tmp_path / "kek", RANDOM.bytes).kek_id)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(ids) == 4
    assert len(set(ids)) == 1


def test_key_of_another_length_is_refused() -> None:
    """Only 32 bytes are a key."""
    with pytest.raises(SecurityError, match="expected 32 bytes; got 31 bytes"):
        LocalKek(b"k" * 31, SeededRandomness("x").bytes)


@pytest.mark.parametrize("wrapped", [b"", b"x" * 5, b"x" * 60])
def test_junk_does_not_unwrap(wrapped: bytes) -> None:
    """Bytes that are no wrapped key are refused."""
    with pytest.raises(SecurityError, match="A data key does not open"):
        LocalKek(b"k" * 32, RANDOM.bytes).unwrap(wrapped, b"place")
