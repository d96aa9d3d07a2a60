"""What is sealed opens at its place, and nowhere else."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.clock import SeededRandomness
from app.security.kek import LocalKek
from app.security.vault import SubjectVault, Vault, WrappedKey
from app.store import connections
from app.store.session import checkpoint, engine_of, unit_of_work, upgrade
from domain.errors import SecurityError
from tests.app.store.builders import make_home

RANDOM = SeededRandomness("vault tests")


def new_vault(key: bytes = b"k" * 32) -> Vault:
    """A vault under this key-encryption key."""
    return Vault(LocalKek(key, RANDOM.bytes), RANDOM.bytes)


def of_ada(tenant_id: str = "t", subject_id: str = "ada") -> SubjectVault:
    """A subject's vault; the data key is always the same, so that only the place differs."""
    return SubjectVault(tenant_id, subject_id, b"d" * 32, RANDOM.bytes)


@given(st.text(max_size=40), st.binary(max_size=300))
def test_sealed_bytes_open(field: str, plain: bytes) -> None:
    """Any bytes come back, for any field."""
    vault = of_ada()
    assert vault.open(field, vault.seal(field, plain)) == plain


def test_sealing_twice_differs() -> None:
    """The same bytes sealed twice look different: a nonce is never used again."""
    vault = of_ada()
    assert vault.seal("f", b"bill") != vault.seal("f", b"bill")


@pytest.mark.parametrize(
    "elsewhere", [("other", "ada", "f"), ("t", "bob", "f"), ("t", "ada", "g"), ("tada", "", "f"), ("", "tada", "f")]
)
def test_moved_ciphertext_fails(elsewhere: tuple[str, str, str]) -> None:
    """Bytes moved to another tenant, subject or field do not open, even under the same key."""
    tenant_id, subject_id, field = elsewhere
    sealed = of_ada().seal("f", b"bill")
    with pytest.raises(SecurityError, match="A seal does not hold; expected bytes sealed for this tenant, subject and field"):
        of_ada(tenant_id, subject_id).open(field, sealed)


def test_any_changed_byte_fails() -> None:
    """A change of any single byte is noticed."""
    vault = of_ada()
    sealed = vault.seal("f", b"a bill of 120 kWh")
    for position in range(len(sealed)):
        changed = bytearray(sealed)
        changed[position] ^= 1
        with pytest.raises(SecurityError, match=r"A seal does not hold|These bytes are not sealed"):
            vault.open("f", bytes(changed))


@pytest.mark.parametrize("size", [0, 1, 28])
def test_short_bytes_are_refused(size: int) -> None:
    """Bytes too short to be sealed are refused by name."""
    with pytest.raises(SecurityError, match=f"These bytes are not sealed.*got {size} bytes; in f"):
        of_ada().open("f", bytes([1]) * size)


def test_subject_key_is_wrapped_for_its_subject() -> None:
    """A wrapped key opens for its own subject only; it does not show the data key."""
    vault = new_vault()
    key = vault.new_key("t", "ada")
    sealed = vault.of_subject("t", "ada", key).seal("f", b"bill")
    assert vault.of_subject("t", "ada", key).open("f", sealed) == b"bill"
    with pytest.raises(SecurityError, match="A data key does not open"):
        vault.of_subject("t", "bob", key)


def test_other_key_encryption_key_is_named() -> None:
    """Starting with the wrong key file is told as such."""
    key = new_vault().new_key("t", "ada")
    with pytest.raises(SecurityError, match=r"sealed under another key-encryption key; expected .*Start with the key file"):
        new_vault(b"x" * 32).of_subject("t", "ada", key)


def test_forged_kek_id_does_not_help() -> None:
    """A row that claims another key-encryption key still does not open."""
    new = new_vault(b"x" * 32)
    forged = WrappedKey(new.new_key("t", "ada").kek_id, new_vault().new_key("t", "ada").wrapped)
    with pytest.raises(SecurityError, match="A data key does not open"):
        new.of_subject("t", "ada", forged)


def test_rewrapped_key_opens_what_was_sealed() -> None:
    """After a change of the key-encryption key the sealed data stay as they are and open; the former one is useless."""
    old, new = new_vault(), new_vault(b"x" * 32)
    key = old.new_key("t", "ada")
    sealed = old.of_subject("t", "ada", key).seal("f", b"bill")
    again = new.rewrap("t", "ada", key, former=LocalKek(b"k" * 32, RANDOM.bytes))
    assert new.of_subject("t", "ada", again).open("f", sealed) == b"bill"
    with pytest.raises(SecurityError, match="another key-encryption key"):
        old.of_subject("t", "ada", again)


def test_canary_token_is_in_no_file_of_the_database(tmp_path: Path) -> None:
    """A provider's token, kept sealed, is in neither database file nor log; nor is the subject's key or the wrapping key."""
    engine = engine_of(f"sqlite:///{tmp_path / 'x.sqlite3'}")
    upgrade(engine)
    home = make_home(engine, "ada")
    vault = new_vault()
    sealed = vault.of_subject("ada", "ada", vault.new_key("ada", "ada")).seal("tokens", b"CANARY-refresh-token")
    with unit_of_work(engine) as session:
        connections.set_sealed_tokens(session, "ada", home.connection_id, sealed)
    before = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    checkpoint(engine)
    after = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert sealed in before
    assert sealed in after
    assert b"CANARY" not in before + after
    assert b"k" * 32 not in before + after
    engine.dispose()
