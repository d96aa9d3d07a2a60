"""A new key-encryption key: every subject's key and every secret of the installation is wrapped again, what they sealed stays.

All in one transaction: afterwards everything opens with the new key alone, or nothing has changed.
"""

from dataclasses import dataclass

from app.security.kek import Kek
from app.security.vault import Vault, WrappedKey, kek_id_of_secret
from app.services import Services
from app.store import provider_clients, subjects
from app.store.session import checkpoint, unit_of_work
from app.usecases.register_provider import secret_place
from domain.errors import ConflictError


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What was wrapped again.

    Attributes:
        kek_id: The new key-encryption key.
        subjects_count: Keys of subjects.
        secrets_count: Secrets of the installation.
        known_count: Both, that were wrapped by the new key before.
    """

    kek_id: str
    subjects_count: int
    secrets_count: int
    known_count: int


def rewrap_keys(services: Services, former: Kek, new: Kek) -> Rewrapped:
    """Wrap everything that one key-encryption key wraps by another one.

    Args:
        services: The installation; nobody else should be making subjects meanwhile.
        former: The key that wraps now.
        new: The key that shall.

    Returns:
        What was wrapped again.

    Raises:
        ConflictError: Both are the same key.
        SecurityError: Something is wrapped by a third key; nothing was changed.
    """
    if former.kek_id == new.kek_id:
        raise ConflictError(
            "This is the key that wraps already", expected="another key", got=new.kek_id, next_step="Name a new file."
        )
    vault = Vault(new, services.randomness.bytes)
    subjects_count = secrets_count = known_count = 0
    with unit_of_work(services.engine) as session:
        for key in subjects.all_keys(session):
            if key.kek_id == new.kek_id:
                known_count += 1
                continue
            wrapped = vault.rewrap(key.tenant_id, key.subject_id, WrappedKey(key.kek_id, key.wrapped_key), former=former)
            subjects.rewrap_key(session, subjects.SubjectKeyRow(key.subject_id, key.tenant_id, wrapped.kek_id, wrapped.wrapped))
            subjects_count += 1
        for client in provider_clients.all_registered(session):
            if not client.sealed_secret:
                continue
            if kek_id_of_secret(client.sealed_secret) == new.kek_id:
                known_count += 1
                continue
            sealed = vault.rewrap_secret(secret_place(client.provider), client.sealed_secret, former=former)
            provider_clients.put(
                session, provider_clients.ProviderClientRow(client.provider, client.client_id, sealed, client.registered_at)
            )
            secrets_count += 1
    checkpoint(services.engine)  # the former wrapping is gone from SQLite's log too
    return Rewrapped(new.kek_id, subjects_count, secrets_count, known_count)
