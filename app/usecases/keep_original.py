"""Keeping an original: sealed under its subject's key, then archived by the hash of what is stored."""

from dataclasses import dataclass
from hashlib import sha256

from app.security.vault import SubjectVault
from app.services import Whose, Work
from app.store import documents
from app.store.documents import DocumentRow
from app.usecases.sealing import seal, vault_of
from archive.base import Archive, ArchiveReference
from domain.activity import EvidenceClass
from domain.errors import ArchiveError, NotFoundError


@dataclass(frozen=True, slots=True)
class Received:
    """A file as it came.

    Attributes:
        body: Its bytes.
        media_type: As the sender says; never believed.
        evidence: How it is known.
        document_name: As the sender named the file; shown, never trusted.
        archived: Where `archive_original` has put it; None where it is still to be archived.
    """

    body: bytes
    media_type: str
    evidence: EvidenceClass
    document_name: str = ""
    archived: ArchiveReference | None = None


@dataclass(frozen=True, slots=True)
class Original:
    """A kept original.

    Attributes:
        document_id: Its id in the store.
        sha256: Of the original bytes, 64 hexadecimal digits.
        is_known: Whether the subject had these bytes already.
    """

    document_id: str
    sha256: str
    is_known: bool


def keep_original(work: Work, whose: Whose, connector: str, received: Received) -> Original:
    """Archive an original and note it; the same bytes of one subject are kept once.

    The archive is written before the transaction commits: a crash in between leaves sealed bytes that nothing names.

    Args:
        work: The open transaction and the services.
        whose: The subject.
        connector: What reads it.
        received: The file.

    Returns:
        What was kept.

    Raises:
        ArchiveError: The archive cannot be written.
        NotFoundError: The subject's key was destroyed.
    """
    digest = sha256(received.body).hexdigest()
    try:
        known = documents.by_sha256(work.session, whose.tenant_id, whose.subject_id, digest)
    except NotFoundError:
        known = None
    if known is not None:
        return Original(known.id, digest, is_known=True)
    reference = received.archived or work.services.archive.put(seal(work, whose, _field(digest), received.body))
    row = documents.add(
        work.session,
        DocumentRow(
            id=work.services.randomness.id(),
            tenant_id=whose.tenant_id,
            subject_id=whose.subject_id,
            connector=connector,
            sha256=digest,
            stored_sha256=reference.sha256,
            size_bytes=len(received.body),
            media_type=received.media_type,
            evidence=received.evidence,
            backend="local",
            received_at=work.services.clock.now(),
        ),
    )
    return Original(row.id, digest, is_known=False)


def archive_original(archive: Archive, vault: SubjectVault, body: bytes) -> ArchiveReference:
    """Archive an original before anybody reads it; `keep_original` notes it later, in the transaction that stores what it says.

    Args:
        archive: Where to.
        vault: Of the subject.
        body: The bytes.

    Returns:
        Where it lies: for `Received.archived`, or for `Archive.delete` where nothing was read from it or the subject had it.

    Raises:
        ArchiveError: The archive cannot be written.
    """
    return archive.put(vault.seal(_field(sha256(body).hexdigest()), body))


def fetch_original(work: Work, document: DocumentRow) -> bytes:
    """The original bytes, fetched, opened and compared with their hash.

    Args:
        work: The open transaction and the services.
        document: Which.

    Returns:
        The bytes as they came.

    Raises:
        ArchiveError: The archive has lost or changed them.
        NotFoundError: The subject's key was destroyed.
        SecurityError: They were sealed for somebody else.
    """
    vault = vault_of(work, Whose(document.tenant_id, document.subject_id))
    return open_original(work.services.archive, vault, document)


def open_original(archive: Archive, vault: SubjectVault, document: DocumentRow) -> bytes:
    """The original bytes, for who has the vault of the subject at hand and opens many.

    Args:
        archive: Where they lie.
        vault: Of the subject.
        document: Which.

    Returns:
        The bytes as they came.

    Raises:
        ArchiveError: The archive has lost or changed them.
        SecurityError: They were sealed for somebody else.
    """
    body = vault.open(_field(document.sha256), archive.fetch(document.stored_sha256))
    found = sha256(body).hexdigest()
    if found != document.sha256:
        raise ArchiveError("An original is not what its hash says", expected=document.sha256, got=found, record=document.id)
    return body


def _field(digest: str) -> str:
    return f"document/{digest}"
