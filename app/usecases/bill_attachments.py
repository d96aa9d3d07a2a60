"""Files attached to typed bills: which bill names which file."""

from app.services import Whose, Work
from app.store import documents
from app.store.documents import DocumentRow
from app.usecases.keep_original import fetch_original
from connectors.typed_bill import TYPED_BILL
from domain.activity import EvidenceClass
from domain.canonical import from_canonical
from domain.fields import Fields


def attachments_of(work: Work, whose: Whose) -> dict[str, DocumentRow]:
    """Hash of each typed bill's document to the file that was attached to it; a bill without one is left out.

    Args:
        work: The open transaction and the services.
        whose: The subject.

    Returns:
        SHA-256 of the typed bill to the kept file. Bills are opened only where the subject has an attached file at all.

    Raises:
        ArchiveError: The archive has lost or changed a bill.
        NotFoundError: The subject's key was destroyed.
        SecurityError: A bill was sealed for somebody else.
    """
    mine = [
        row
        for row in documents.of_subject(work.session, whose.tenant_id, whose.subject_id)
        if row.connector == TYPED_BILL.manifest.connector_id
    ]
    attached = {row.sha256: row for row in mine if row.evidence is not EvidenceClass.TYPED}
    if not attached:
        return {}
    named = {row.sha256: _attachment_sha256(work, row) for row in mine if row.evidence is EvidenceClass.TYPED}
    return {bill: attached[digest] for bill, digest in named.items() if digest in attached}


def _attachment_sha256(work: Work, bill: DocumentRow) -> str:
    fields = Fields(from_canonical(fetch_original(work, bill), record="typed bill"), "typed bill")
    return fields.text("attachment_sha256")
