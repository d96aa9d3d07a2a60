"""Sealing under one key per data subject, so that destroying that key erases everything sealed under it.

A data key is random, belongs to one subject and is stored only wrapped by a key-encryption key, which never enters the database.
AES-256-GCM (NIST SP 800-38D) with 96-bit random nonces: under one subject's key far fewer than 2^32 seals are made. What is
sealed is bound to its tenant, subject and field; moved elsewhere it does not open.

Sealed bytes: 1 byte key id (1), 12 bytes nonce, ciphertext, 16 bytes tag.
"""

from collections.abc import Callable
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.security.kek import Kek
from domain.errors import SecurityError

RandomBytes = Callable[[int], bytes]
"""Gives as many random bytes as it is asked for."""

KEY_SIZE_BYTES = 32
NONCE_SIZE_BYTES = 12
TAG_SIZE_BYTES = 16
MOST_SECRET_BYTES = 4096
KEY_ID = 1
"""Generation of a subject's data key; another one would mean that rows are being sealed again."""


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A subject's data key as it is stored.

    Attributes:
        kek_id: The key-encryption key that wrapped it.
        wrapped: The wrapped bytes.
    """

    kek_id: str
    wrapped: bytes


class SubjectVault:
    """Seals and opens what belongs to one subject.

    Args:
        tenant_id: The subject's tenant.
        subject_id: Whose vault it is.
        data_key: 32 bytes; never stored or logged.
        random_bytes: Gives nonces.
    """

    def __init__(self, tenant_id: str, subject_id: str, data_key: bytes, random_bytes: RandomBytes) -> None:
        self._tenant_id = tenant_id
        self._subject_id = subject_id
        self._cipher = AESGCM(data_key)
        self._random_bytes = random_bytes

    def seal(self, field: str, plain: bytes) -> bytes:
        """The bytes sealed for one field.

        Args:
            field: What they are: "tokens of connection c1", "document <sha256>".
            plain: The bytes.

        Returns:
            29 bytes more than were given; other ones each time.
        """
        nonce = self._random_bytes(NONCE_SIZE_BYTES)
        return bytes([KEY_ID]) + nonce + self._cipher.encrypt(nonce, plain, self._bound_to(field))

    def open(self, field: str, sealed: bytes) -> bytes:
        """The bytes that were sealed for this field.

        Args:
            field: As in `seal`.
            sealed: As `seal` made them.

        Returns:
            The bytes.

        Raises:
            SecurityError: They were changed, cut, or sealed for another tenant, subject or field.
        """
        if len(sealed) < 1 + NONCE_SIZE_BYTES + TAG_SIZE_BYTES or sealed[0] != KEY_ID:
            raise SecurityError(
                "These bytes are not sealed",
                expected=f"key id {KEY_ID}, nonce, ciphertext, tag",
                got=f"{len(sealed)} bytes",
                record=field,
            )
        nonce, ciphertext = sealed[1 : 1 + NONCE_SIZE_BYTES], sealed[1 + NONCE_SIZE_BYTES :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, self._bound_to(field))
        except InvalidTag as error:
            raise SecurityError(
                "A seal does not hold",
                expected="bytes sealed for this tenant, subject and field",
                got="changed bytes, or bytes of another place",
                record=field,
                next_step="Restore them from a backup.",
            ) from error

    def _bound_to(self, field: str) -> bytes:
        return _bound_to("climate-fitness/seal/1", self._tenant_id, self._subject_id, field)


class Vault:
    """Makes and opens the vaults of subjects.

    Args:
        kek: The key-encryption key, near or far.
        random_bytes: Gives keys and nonces.
    """

    def __init__(self, kek: Kek, random_bytes: RandomBytes) -> None:
        self._kek = kek
        self._random_bytes = random_bytes

    def new_key(self, tenant_id: str, subject_id: str) -> WrappedKey:
        """A new data key for a subject, wrapped; to be stored once, before anything is sealed."""
        data_key = self._random_bytes(KEY_SIZE_BYTES)
        return WrappedKey(self._kek.kek_id, self._kek.wrap(data_key, _key_place(tenant_id, subject_id)))

    def of_subject(self, tenant_id: str, subject_id: str, key: WrappedKey) -> SubjectVault:
        """The vault of a subject.

        Args:
            tenant_id: Its tenant.
            subject_id: Its id.
            key: Its stored key.

        Returns:
            What seals and opens.

        Raises:
            SecurityError: The key was wrapped by another key-encryption key, or for another subject.
        """
        return SubjectVault(tenant_id, subject_id, self._unwrap(self._kek, tenant_id, subject_id, key), self._random_bytes)

    def rewrap(self, tenant_id: str, subject_id: str, key: WrappedKey, *, former: Kek) -> WrappedKey:
        """The same data key under this vault's key-encryption key; what was sealed stays as it is.

        Args:
            tenant_id: The subject's tenant.
            subject_id: Whose key.
            key: As stored.
            former: The key-encryption key that wrapped it.

        Returns:
            What to store instead.

        Raises:
            SecurityError: The former one did not wrap it.
        """
        data_key = self._unwrap(former, tenant_id, subject_id, key)
        return WrappedKey(self._kek.kek_id, self._kek.wrap(data_key, _key_place(tenant_id, subject_id)))

    def seal_secret(self, place: str, plain: bytes) -> bytes:
        """A short secret of the installation itself, directly under the key-encryption key.

        Args:
            place: What it is: "provider/coned".
            plain: At most 4 KiB, which is what key-management services take.

        Returns:
            Length and name of the key-encryption key, then the wrapped bytes.

        Raises:
            SecurityError: It is longer.
        """
        if len(plain) > MOST_SECRET_BYTES:
            raise SecurityError("This secret is too long", expected=f"{MOST_SECRET_BYTES} bytes or less", got=f"{len(plain)}")
        kek_id = self._kek.kek_id.encode()
        return bytes([len(kek_id)]) + kek_id + self._kek.wrap(plain, _secret_place(place))

    def open_secret(self, place: str, sealed: bytes) -> bytes:
        """The secret that was sealed for this place.

        Args:
            place: As in `seal_secret`.
            sealed: As `seal_secret` made it.

        Returns:
            The secret.

        Raises:
            SecurityError: It was changed, sealed for another place, or under another key-encryption key.
        """
        return _opened(self._kek, place, sealed)

    def rewrap_secret(self, place: str, sealed: bytes, *, former: Kek) -> bytes:
        """The same secret under this vault's key-encryption key.

        Args:
            place: As in `seal_secret`.
            sealed: As stored.
            former: The key-encryption key that sealed it.

        Returns:
            What to store instead.

        Raises:
            SecurityError: The former one did not seal it.
        """
        return self.seal_secret(place, _opened(former, place, sealed))

    def _unwrap(self, kek: Kek, tenant_id: str, subject_id: str, key: WrappedKey) -> bytes:
        if key.kek_id != kek.kek_id:
            raise SecurityError(
                "This data was sealed under another key-encryption key",
                expected=key.kek_id,
                got=kek.kek_id,
                record=f"subject {subject_id}",
                next_step="Start with the key file that belongs to this database.",
            )
        return kek.unwrap(key.wrapped, _key_place(tenant_id, subject_id))


def kek_id_of_secret(sealed: bytes) -> str:
    """Name of the key-encryption key that sealed a secret; empty where the bytes are none."""
    return sealed[1 : 1 + sealed[0]].decode("ascii", "replace") if sealed else ""


def _opened(kek: Kek, place: str, sealed: bytes) -> bytes:
    name = kek_id_of_secret(sealed)
    if name != kek.kek_id:
        raise SecurityError(
            "This secret was sealed under another key-encryption key",
            expected=name,
            got=kek.kek_id,
            record=place,
            next_step="Start with the key file that belongs to this database.",
        )
    return kek.unwrap(sealed[1 + sealed[0] :], _secret_place(place))


def _secret_place(place: str) -> bytes:
    return _bound_to("climate-fitness/secret/1", place)


def _key_place(tenant_id: str, subject_id: str) -> bytes:
    return _bound_to("climate-fitness/subject-key/1", tenant_id, subject_id)


def _bound_to(*names: str) -> bytes:
    """The names with their lengths, so that no two lists of names give the same bytes."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in (name.encode() for name in names))
