"""Sealing and opening what belongs to one subject, under its own key."""

from app.security.vault import SubjectVault, WrappedKey
from app.services import Services, Whose, Work
from app.store import subjects
from app.store.subjects import SubjectKeyRow


def new_key_row(services: Services, whose: Whose) -> SubjectKeyRow:
    """A fresh key for a subject, wrapped."""
    key = services.vault.new_key(whose.tenant_id, whose.subject_id)
    return SubjectKeyRow(whose.subject_id, whose.tenant_id, key.kek_id, key.wrapped)


def seal(work: Work, whose: Whose, field: str, plain: bytes) -> bytes:
    """Bytes sealed under a subject's key, bound to tenant, subject and field.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        field: What it is: "statement_key", or "document" and its hash.
        plain: The bytes.

    Returns:
        Sealed bytes.

    Raises:
        NotFoundError: The subject has no key: it does not exist, or was erased.
    """
    return vault_of(work, whose).seal(field, plain)


def unseal(work: Work, whose: Whose, field: str, sealed: bytes) -> bytes:
    """The bytes that were sealed under a subject's key.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        field: As when sealing.
        sealed: The sealed bytes.

    Returns:
        The bytes.

    Raises:
        NotFoundError: The subject has no key: it does not exist, or was erased.
        SecurityError: The bytes were changed, or belong elsewhere.
    """
    return vault_of(work, whose).open(field, sealed)


def vault_of(work: Work, whose: Whose) -> SubjectVault:
    """What seals and opens for a subject, for who does it many times; whoever keeps it must see that the subject is not erased.

    Args:
        work: The open transaction and the services.
        whose: The subject.

    Returns:
        Its vault.

    Raises:
        NotFoundError: The subject has no key: it does not exist, or was erased.
        SecurityError: The key was wrapped by another key-encryption key.
    """
    row = subjects.key_of(work.session, whose.tenant_id, whose.subject_id)
    return work.services.vault.of_subject(whose.tenant_id, whose.subject_id, WrappedKey(row.kek_id, row.wrapped_key))
